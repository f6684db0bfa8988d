//! Taking part is voluntary: not taking part, declining and withdrawing leave the same bytes, and what was not nominated leaves no
//! trace about a person.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use uptake::contract::{Area, Catalog, Privacy};

use crate::company::{self, Delivery, Dice, Plan};
use crate::world::{FileMap, Setup, World, difference};

/// What becomes of the one person's submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Never,
    /// Nominated by a peer, and never agreed to.
    Declined,
    /// Handed in, rated, and withdrawn.
    Withdrawn,
    Consented,
}

/// Learns every week, so that there is something to leave out.
const PERSON: usize = 10;

/// A generated company with one review cycle: everybody has an item, most hand it in, peers endorse and managers rate.
fn deliveries(seed: u64, fate: Fate) -> Vec<Delivery> {
    let plan = Plan { workers: 20, weeks: 3, seed, bad_rows: false };
    let mut all = company::deliveries(&plan);
    let mut dice = Dice::new(seed ^ 0x51);
    let made_on = company::end(&plan);
    let day = company::start();
    let mut contributions = "contribution_id,author_id,kind,created_at,title,words,body\n".to_owned();
    let mut submissions = "submission_id,cycle_id,worker_id,contribution_id,position,nominated_by,nominator_role,submitted_at,consented_at,withdrawn_at,competency\n".to_owned();
    let mut reactions = "reaction_id,contribution_id,actor_id,kind,occurred_at\n".to_owned();
    let mut scores = "cycle_id,submission_id,rater_id,dimension,score,rubric_version,scored_at\n".to_owned();
    for n in 0..plan.workers {
        let body: String = (0..60)
            .map(|_| format!("{} ", dice.pick(&["reset", "batch", "ledger", "release", "desk", "queue", "order"])))
            .collect();
        let _ = writeln!(contributions, "n{n},u{n},how_to,{day}T09:00:00Z,Item {n},{},{body}", 20 + dice.roll(400));
        for from in 0..plan.workers {
            if from != n && dice.chance(30) {
                let _ = writeln!(reactions, "e{n}-{from},n{n},u{from},endorse,{day}T{:02}:30:00Z", 10 + dice.roll(9));
            }
        }
        let taken = fate == Fate::Consented || fate == Fate::Withdrawn;
        let (nominated, consented, withdrawn) = match (n == PERSON, fate) {
            (true, Fate::Never) => continue,
            (true, Fate::Declined) => (",w005,peer", String::new(), String::new()),
            (true, Fate::Withdrawn) => (",,self", format!("{day}T10:00:00Z"), format!("{day}T23:00:00Z")),
            _ => (",,self", format!("{day}T10:00:00Z"), String::new()),
        };
        let _ =
            writeln!(submissions, "s{n},H1,w{n:03},n{n},1{nominated},{day}T10:00:00Z,{consented},{withdrawn},craft");
        if n != PERSON || taken {
            for rater in [0, 9, 18].into_iter().filter(|rater| *rater != n) {
                for dimension in ["relevance", "quality", "impact"] {
                    let _ = writeln!(
                        scores,
                        "H1,s{n},w{rater:03},{dimension},{},v1,{day}T20:00:00Z",
                        1 + (n * 7 + rater + dimension.len()) % 4
                    );
                }
            }
        }
    }
    for (table, text) in [
        ("contributions", contributions),
        ("submissions", submissions),
        ("reactions", reactions),
        ("rubric_scores", scores),
    ] {
        all.push(Delivery { path: format!("review/{table}_{made_on}.csv"), made_on, text });
    }
    all
}

fn lived(deliveries: &[Delivery]) -> World {
    let mut feeds = Setup::default().feeds;
    feeds.extend(["canonical_submissions", "canonical_rubric_scores"]);
    let top = "zone = \"Europe/Berlin\"\npseudonyms = \"off\"\nsynthetic_data = true\nreviews = [\"reviews.toml\"]";
    let world = World::with(Setup { feeds, top, ..Setup::default() });
    let rubric = "\"1\", \"2\", \"3\", \"4\"";
    let reviews = format!(
        "raters = \"any\"\n[[cycles]]\nid = \"H1\"\nopens = \"2026-01-01\"\ncloses = \"2026-06-30\"\n[[rubrics]]\nversion = \"v1\"\nrelevance = [{rubric}]\nquality = [{rubric}]\nimpact = [{rubric}]\n"
    );
    std::fs::write(world.folder.path().join("reviews.toml"), reviews).expect("the reviews file");
    for delivery in deliveries {
        world.deliver(&delivery.path, &delivery.text);
    }
    world.nightly("2026-03-20");
    world
}

/// What people read.
fn published(world: &World) -> FileMap {
    world
        .files()
        .into_iter()
        .filter(|(path, _)| path.starts_with("marts/") || path.starts_with("restricted/"))
        .collect()
}

#[test]
fn declining_withdrawing_and_never_submitting_leave_the_same_bytes() {
    for seed in [1, 2, 3] {
        let never = lived(&deliveries(seed, Fate::Never));
        let files = published(&never);
        assert!(files.keys().any(|path| path.starts_with("restricted/data/integrity_signals")), "{files:#?}");
        for fate in [Fate::Declined, Fate::Withdrawn] {
            let other = published(&lived(&deliveries(seed, fate)));
            assert_eq!(difference(&files, &other), [""; 0], "company {seed}, {fate:?}");
        }
        let taking_part = published(&lived(&deliveries(seed, Fate::Consented)));
        assert!(!difference(&files, &taking_part).is_empty(), "company {seed}: taking part shows");
    }
}

/// Lines of a CSV without those whose column holds one of these values.
fn without(text: &str, column: &str, values: &[String], keep: &dyn Fn(&str) -> bool) -> String {
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let at = header.split(',').position(|name| name == column).expect("the column");
    let kept = lines.filter(|line| {
        let cell = line.split(',').nth(at).unwrap_or_default();
        keep(line) || !values.iter().any(|value| value == cell)
    });
    let mut out = header.to_owned();
    kept.for_each(|line| {
        out.push('\n');
        out.push_str(line);
    });
    out.push('\n');
    out
}

/// Tables about single persons: rows of manager scopes are about groups.
fn person_tables(world: &World) -> BTreeMap<String, Vec<crate::world::Row>> {
    let head = world.head().expect("a commit");
    let restricted =
        head.files.keys().filter(|table| table.starts_with("restricted/") && !table.ends_with("_managers"));
    restricted.map(|table| (table.clone(), world.table(table))).collect()
}

#[test]
fn deleting_all_that_a_person_did_not_nominate_changes_no_row_about_a_person() {
    for seed in [4, 5] {
        let all = deliveries(seed, Fate::Consented);
        let accounts = [format!("u{PERSON}")];
        let nominated = format!("n{PERSON},");
        let mut removed = 0;
        let less: Vec<Delivery> = all
            .iter()
            .map(|delivery| {
                let name = delivery.path.rsplit('/').next().unwrap_or_default();
                let column = match name.rsplit_once('_').map_or(name, |(table, _)| table) {
                    "activity" | "enrollments" => "user_id",
                    "contributions" => "author_id",
                    // Endorsements of what others nominated are about the others.
                    "reactions" if !delivery.path.starts_with("review/") => "actor_id",
                    _ => return delivery.clone(),
                };
                let text = without(&delivery.text, column, &accounts, &|line| line.starts_with(&nominated));
                removed += delivery.text.lines().count() - text.lines().count();
                Delivery { text, ..delivery.clone() }
            })
            .collect();
        assert!(removed > 5, "{removed} rows of the person");
        let (before, after) = (lived(&all), lived(&less));
        let tables = person_tables(&before);
        assert!(tables.contains_key("restricted/integrity_signals"), "{:?}", tables.keys());
        assert!(tables.values().any(|rows| !rows.is_empty()));
        assert_eq!(tables, person_tables(&after), "company {seed}");
        assert!(before.table("marts/adoption_kpis") != after.table("marts/adoption_kpis"), "the activity was there");
    }
}

/// Tables of reviews: on items, ratings and signals, never on how active anybody was.
const REVIEWS: [&str; 5] =
    ["integrity_signals", "review_items", "rubric_aggregates", "rater_agreement", "competency_coverage"];

#[test]
fn no_table_of_reviews_counts_activity() {
    let catalog = Catalog::load().expect("contracts");
    let kpis = catalog.expect("adoption_kpis").expect("a table");
    let mut activity: BTreeSet<&str> =
        kpis.columns.iter().filter(|column| column.measure.is_some()).map(|column| column.name.as_str()).collect();
    let of_days = catalog.expect("person_day").expect("a table");
    activity.extend(
        of_days
            .columns
            .iter()
            .map(|column| column.name.as_str())
            .filter(|name| *name != "day" && *name != "person_key"),
    );
    let mut tables = 0;
    for table in REVIEWS.iter().filter_map(|name| catalog.table(name)) {
        tables += 1;
        for column in &table.columns {
            assert!(!activity.contains(column.name.as_str()), "{}.{}", table.name, column.name);
        }
        for read in &table.reads {
            assert!(!["activity", "enrollments", "person_day"].contains(&read.as_str()), "{} reads {read}", table.name);
        }
    }
    assert!(tables > 0);
}

#[test]
fn tables_about_persons_lie_apart_and_say_so() {
    let catalog = Catalog::load().expect("contracts");
    for table in catalog.tables().filter(|table| table.area == Area::Restricted) {
        assert!(
            table.warnings.iter().any(|code| code == "restricted"),
            "{} does not say that it is restricted",
            table.name
        );
    }
    let person = |name: &str| {
        let table = catalog.expect(name).expect("a table");
        table.area == Area::Restricted && table.columns.iter().any(|column| column.privacy == Privacy::Person)
    };
    assert!(person("integrity_signals"));
}

#[test]
fn who_reads_marts_may_read_nothing_else_and_each_reader_has_a_policy() {
    let folder = crate::world::root().join("jobs/policies");
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).expect("a policy");
    for (name, own, others) in [
        ("s3-bi.json", "/marts/latest/", ["/restricted/", "/canon/", "/ops/"]),
        ("s3-restricted.json", "/restricted/latest/", ["/marts/", "/canon/", "/ops/"]),
        ("s3-operators.json", "/ops/latest/", ["/marts/", "/canon/", "/restricted/"]),
    ] {
        let policy = text(name);
        assert!(policy.contains(own), "{name}");
        assert!(!others.iter().any(|other| policy.contains(other)), "{name} reaches beyond {own}");
        for word in ["PutObject", "DeleteObject", "s3:*", "\"*\""] {
            assert!(!policy.contains(word), "{name} grants {word}");
        }
        let readers = text("gcs.json");
        assert!(readers.contains(&format!("objects{own}')")), "gcs.json has no reader of {own}");
    }
}
