//! What `marts/` says, and what it never says (promises 8 and 9, the contracts' privacy classes).

use std::collections::BTreeSet;

use uptake::contract::{Area, Catalog, Measure, Privacy};
use uptake::sample::{self, Options, Sink};
use uptake::store::Env;

use crate::company::{self, Plan};
use crate::world::{Setup, World, root};

const PLAN: Plan = Plan { workers: 60, weeks: 5, seed: 4, bad_rows: true };

fn lived(setup: Setup) -> World {
    let world = World::with(setup);
    for delivery in company::deliveries(&PLAN) {
        world.deliver(&delivery.path, &delivery.text);
    }
    world.nightly(&company::end(&PLAN).to_string());
    world
}

/// Columns of canon whose values name a person.
const NAMING: [&str; 8] =
    ["worker_id", "user_id", "source_user_id", "author_id", "actor_id", "employee_no", "email", "username"];

/// No cell of `marts/` is, or holds, a value that names a person in canon.
fn names_nobody(world: &World) {
    let head = world.head().expect("a commit");
    let tables =
        |area: &str| head.files.keys().filter(move |table| table.starts_with(area)).cloned().collect::<Vec<_>>();
    let mut canaries: BTreeSet<String> = BTreeSet::new();
    for table in tables("canon/") {
        for row in world.table(&table) {
            let of_people = NAMING.iter().filter_map(|name| row.get(*name));
            canaries.extend(of_people.filter(|value| value.len() >= 3 && value.as_str() != "all").cloned());
        }
    }
    assert!(canaries.len() > 100, "{} names of people", canaries.len());
    let mut cells = 0;
    for table in tables("marts/") {
        for row in world.table(&table) {
            for (column, value) in &row {
                cells += 1;
                assert!(!canaries.contains(value), "{table}.{column} names a person");
                assert!(!value.contains('@'), "{table}.{column} holds an address");
            }
        }
    }
    assert!(cells > 1_000, "{cells} cells");
}

#[test]
fn no_published_mart_names_a_person_of_the_small_company() {
    names_nobody(&lived(Setup::default()));
}

#[test]
fn no_published_mart_names_a_person_of_a_sample_company() {
    struct Landing<'a>(&'a World);
    impl Sink for Landing<'_> {
        type Error = std::convert::Infallible;
        fn put(&mut self, path: &str, bytes: bytes::Bytes) -> Result<(), Self::Error> {
            if let Some(path) = path.strip_prefix("landing/") {
                self.0.deliver(path, bytes);
            }
            Ok(())
        }
    }
    let feeds = vec![
        "workday_workers",
        "canonical_org_units",
        "canonical_users",
        "canonical_identity_links",
        "canonical_content",
        "cornerstone_transcript",
        "canonical_activity",
        "xapi_statements",
        "canonical_contributions",
        "canonical_reactions",
    ];
    let world = World::with(Setup { feeds, policy: "smallest_group = 5", ..Setup::default() });
    sample::write(&Options::new(60, 4, 9), &mut Landing(&world), &|_| {}).expect("a sample");
    world.nightly("2026-03-31");
    names_nobody(&world);
}

#[test]
fn no_contract_under_marts_declares_a_column_about_a_person() {
    let catalog = Catalog::load().expect("contracts");
    let mut columns = 0;
    for table in catalog.tables().filter(|table| table.area == Area::Marts) {
        for column in &table.columns {
            columns += 1;
            assert!(column.privacy != Privacy::Person, "{}.{}", table.name, column.name);
        }
    }
    assert!(columns > 50);
}

#[test]
fn no_contract_has_a_column_for_not_taking_part_or_for_a_rank() {
    let catalog = Catalog::load().expect("contracts");
    for table in catalog.tables().filter(|table| matches!(table.area, Area::Marts | Area::Restricted)) {
        for column in &table.columns {
            let says = ["declined", "non_participant", "never_submitted", "inactive_", "opted_out"];
            // A rank is a word of its own: the log-rank test ranks nobody.
            let ranks = column.name.split('_').any(|word| ["rank", "ranks", "ranking"].contains(&word));
            assert!(!ranks && !says.iter().any(|word| column.name.contains(word)), "{}.{}", table.name, column.name);
        }
    }
}

#[test]
fn a_unit_without_people_has_a_row_so_that_a_missing_one_says_nothing() {
    let world = World::new();
    let row = |number: u32| format!("w{number},2020-01-01,n{number},active,employee,a\n");
    world.deliver(
        "workers_2026-03-01.csv",
        format!(
            "worker_id,effective_from,employee_no,status,worker_type,org_id\n{}",
            (1..9).map(row).collect::<String>()
        ),
    );
    world.deliver("org_units_2026-03-01.csv", "org_id,name,effective_from\na,Alpha,2020-01-01\nb,Beta,2020-01-01\n");
    world.deliver("users_2026-03-01.csv", "user_id,employee_no,kind\nu1,n1,learner\n");
    world.deliver("activity_2026-03-03.csv", "event_id,occurred_at,user_id,verb\ne1,2026-03-02T09:00:00Z,u1,viewed\n");
    world.nightly("2026-03-04");
    let rows = world.table("marts/adoption_kpis");
    let of = |id: &str| {
        rows.iter().filter(|row| row["grain"] == "day" && row["scope_kind"] == "org" && row["scope_id"] == id).count()
    };
    assert!(of("a") > 0);
    assert_eq!(of("b"), of("a"));
}

#[test]
fn groups_below_the_policys_size_are_withheld_and_their_rows_show_no_figure() {
    let catalog = Catalog::load().expect("contracts");
    let measures: Vec<&str> = catalog
        .require("adoption_kpis")
        .expect("a table")
        .columns
        .iter()
        .filter(|column| column.measure.is_some())
        .map(|column| column.name.as_str())
        .collect();
    assert!(
        measures.len() > 15
            && catalog.require("adoption_kpis").expect("a table").column("headcount").expect("a column").measure
                == Some(Measure::Population)
    );
    for (k, policy) in [(5, ""), (12, "smallest_group = 12\nsmallest_group_manager = 12")] {
        let world = lived(Setup { top: "zone = \"Europe/Berlin\"\npseudonyms = \"off\"", policy, ..Setup::default() });
        let (mut withheld, mut published, mut smallest) = (0, 0, i64::MAX);
        for row in world.table("marts/adoption_kpis") {
            if row["status"] == "withheld" {
                withheld += 1;
                for measure in &measures {
                    assert_eq!(row[*measure], "", "{measure} of a withheld row: {row:?}");
                }
                continue;
            }
            published += 1;
            let people: i64 = row["headcount"].parse().expect("a headcount");
            assert!(people >= k, "{people} people are shown: {row:?}");
            smallest = smallest.min(people);
            for measure in measures.iter().filter(|measure| !["headcount", "learning_seconds"].contains(measure)) {
                assert!(
                    row[*measure].is_empty() || row[*measure].ends_with('0') || row[*measure].ends_with('5'),
                    "{measure} is rounded: {row:?}"
                );
            }
        }
        assert!(withheld > 10 && published > 100, "k = {k}: {withheld} withheld, {published} published");
        assert!(smallest < 2 * k, "k = {k} and not more: the smallest group shown has {smallest}");
        let cells: i64 = world
            .table("ops/suppressed_cells")
            .iter()
            .map(|row| row["rows_withheld"].parse::<i64>().unwrap_or(0))
            .sum();
        assert!(cells > 0, "what was withheld is counted");
    }
}

#[test]
fn with_a_key_no_id_or_address_of_a_person_is_stored_anywhere_in_the_lake() {
    let mut world =
        World::with(Setup { top: "zone = \"Europe/Berlin\"", policy: "manager_scopes = true", ..Setup::default() });
    for delivery in company::deliveries(&PLAN) {
        world.deliver(&delivery.path, &delivery.text);
    }
    assert_eq!(world.uptake("run JOB --as-of 2026-03-31"), 2, "without a key nothing is read");
    let aws = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_"));
    let key = [("UPTAKE_PSEUDONYM_KEY".into(), "a key that nobody else has".into())];
    world.env = Env::new(aws.chain(key));
    assert_eq!(world.uptake("run JOB --as-of 2026-03-31"), 0);
    let head = world.head().expect("a commit");
    let mut seen = 0;
    for table in head.files.keys() {
        for row in world.table(table) {
            for (column, value) in row.iter().filter(|(column, _)| {
                !column.starts_with('_') && !["delivery", "etag", "sha256"].contains(&column.as_str())
            }) {
                seen += 1;
                let number = |mark: char| {
                    value.strip_prefix(mark).is_some_and(|rest| {
                        rest.len() <= 3 && !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit())
                    })
                };
                let id = number('w') || number('u') || number('n');
                assert!(!id && !value.to_lowercase().contains("@example.com"), "{table}.{column} is {value}");
            }
        }
    }
    assert!(seen > 10_000);
    assert!(head.files.contains_key("restricted/adoption_kpis_managers"), "scopes of managers lie apart");
    assert!(!world.table("marts/adoption_kpis").iter().any(|row| row["scope_kind"] == "manager"));
}

#[test]
fn pseudonyms_change_no_figure() {
    let open = World::new();
    let mut keyed = World::with(Setup { top: "zone = \"Europe/Berlin\"\nsynthetic_data = true", ..Setup::default() });
    for delivery in company::deliveries(&PLAN) {
        open.deliver(&delivery.path, &delivery.text);
        keyed.deliver(&delivery.path, &delivery.text);
    }
    let run = format!("run JOB --as-of {}", company::end(&PLAN));
    assert_eq!(open.uptake(&run), 0);
    let aws = std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_"));
    keyed.env = Env::new(aws.chain([("UPTAKE_PSEUDONYM_KEY".into(), "a key that nobody else has".into())]));
    assert_eq!(keyed.uptake(&run), 0);
    assert!(
        open.table("marts/adoption_kpis") == keyed.table("marts/adoption_kpis"),
        "accounts meet workers under a key as without one"
    );
}

#[test]
fn every_shipped_job_over_real_people_has_pseudonyms_and_groups_of_five() {
    let jobs = std::fs::read_dir(root().join("jobs")).expect("jobs/");
    let catalog = Catalog::load().expect("contracts");
    let mut real = 0;
    for path in jobs
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "toml"))
    {
        let text = std::fs::read_to_string(&path).expect("a job");
        let job = uptake::job::Job::parse(&path, &text, &catalog, &|path| {
            std::fs::read_to_string(path).map_err(|cause| cause.to_string())
        })
        .unwrap_or_else(|error| panic!("{error}"));
        if !job.policy.synthetic_data {
            real += 1;
            assert!(job.pseudonym_epoch.is_some() && job.policy.smallest_group >= 5, "{}", path.display());
        }
    }
    assert!(real > 0);
}
