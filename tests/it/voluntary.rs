//! Taking part is voluntary: not taking part, declining and withdrawing leave the same bytes, and what was not nominated leaves no
//! trace about a person.

use std::collections::BTreeSet;
use std::fmt::Write;

use uptake::contract::{Area, Catalog, Privacy, Type};

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

/// Whose text the person's item copies, and who praises it often and quickly, so that a leak of it would be a signal.
const COPIED: usize = 3;
const FRIEND: usize = 4;

/// A generated company with one review cycle: everybody has an item, most hand it in, peers endorse and managers rate. The person's
/// item copies another; beside it the person has a text that nobody nominated, a copy too, and praise that nobody asked for.
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
    let mut bodies: Vec<String> = Vec::new();
    for n in 0..plan.workers {
        let mut body: String = (0..60)
            .map(|_| format!("{} ", dice.pick(&["reset", "batch", "ledger", "release", "desk", "queue", "order"])))
            .collect();
        if n == PERSON {
            body.clone_from(&bodies[COPIED]);
        }
        bodies.push(body.clone());
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
    let _ = writeln!(contributions, "x{PERSON},u{PERSON},how_to,{day}T09:00:00Z,Item {PERSON},9,{}", bodies[FRIEND]);
    let mut praise = reactions.lines().next().map(|header| format!("{header}\n")).unwrap_or_default();
    for minute in 0..8 {
        let _ = writeln!(reactions, "f{minute},n{PERSON},u{FRIEND},endorse,{day}T20:{minute:02}:00Z");
        let _ = writeln!(praise, "g{minute},x{PERSON},u{FRIEND},endorse,{day}T21:{minute:02}:00Z");
        let _ = writeln!(praise, "h{minute},n{FRIEND}x,u{PERSON},endorse,{day}T22:{minute:02}:00Z");
    }
    all.push(Delivery { path: format!("club/reactions_{made_on}.csv"), made_on, text: praise });
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
        let taking_part = lived(&deliveries(seed, Fate::Consented));
        assert!(!difference(&files, &published(&taking_part)).is_empty(), "company {seed}: taking part shows");
        let named = format!("w{PERSON:03}");
        let seen: BTreeSet<String> = taking_part
            .table("restricted/integrity_signals")
            .iter()
            .filter(|row| row["subjects"].contains(&named))
            .map(|row| row["kind"].clone())
            .collect();
        assert!(["near_duplicate", "serial_endorsement"].iter().all(|kind| seen.contains(*kind)), "{seen:?}");
        let item = format!("s{PERSON}");
        assert!(never.table("restricted/integrity_signals").iter().all(|row| !row["submission_ids"].contains(&item)));
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

/// The files of tables about single persons: rows of manager scopes are about groups.
fn about_persons(world: &World) -> FileMap {
    let mut files = published(world);
    files.retain(|path, _| path.starts_with("restricted/") && !path.contains("_managers/"));
    files
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
        let files = about_persons(&before);
        for table in ["integrity_signals", "review_items"] {
            assert!(files.keys().any(|path| path.contains(table)), "{files:#?}");
            assert!(!before.table(&format!("restricted/{table}")).is_empty(), "{table}");
        }
        assert_eq!(difference(&files, &about_persons(&after)), [""; 0], "company {seed}");
        assert!(before.table("marts/adoption_kpis") != after.table("marts/adoption_kpis"), "the activity was there");
    }
}

/// Tables of reviews: on items, ratings and signals, never on how active anybody was.
const REVIEWS: [&str; 5] =
    ["integrity_signals", "review_items", "rubric_aggregates", "rater_agreement", "competency_coverage"];

#[test]
fn no_table_of_reviews_counts_activity() {
    let catalog = Catalog::load().expect("contracts");
    let kpis = catalog.require("adoption_kpis").expect("a table");
    let mut activity: BTreeSet<&str> =
        kpis.columns.iter().filter(|column| column.measure.is_some()).map(|column| column.name.as_str()).collect();
    let of_days = catalog.require("person_day").expect("a table");
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
            assert!(
                !["activity", "enrollments", "person_day"].contains(&read.table.as_str()),
                "{} reads {}",
                table.name,
                read.table
            );
        }
    }
    assert!(tables > 0);
}

/// Every number of a table about one submission or signal: none says how much somebody did. Whoever adds one here has read the law
/// above and can say why the number is about the item and not about its author's zeal.
#[test]
fn the_numbers_about_items_and_signals_are_those_and_no_others() {
    let catalog = Catalog::load().expect("contracts");
    let numbers = |name: &str| -> Vec<String> {
        let columns = &catalog.require(name).expect("a table").columns;
        let is_number = |column: &&uptake::contract::Column| matches!(column.data_type, Type::Int | Type::Double);
        columns.iter().filter(is_number).map(|column| column.name.clone()).collect()
    };
    assert_eq!(
        numbers("review_items").join(" "),
        "position unique_peer_endorsers outcome_change outcome_change_rate outcome_weight relevance_mean quality_mean impact_mean raters overall weighted_score"
    );
    assert_eq!(
        numbers("integrity_signals").join(" "),
        "evidence_count evidence_count_back evidence_base expected_count expected_count_back p_value q_value strength"
    );
}

#[test]
fn no_column_about_a_person_expresses_absence() {
    // What a submission says of consent and withdrawal stays in canon; what counts people without names may count who is left.
    let said = ["consented_at", "withdrawn_at", "nominated_by", "nominator_role", "decision", "decided_at"];
    let absence =
        ["declin", "withdr", "absen", "abstain", "opted", "non_", "not_", "never", "inactive", "silent", "consent"];
    let catalog = Catalog::load().expect("contracts");
    let mut columns = 0;
    for table in catalog.tables().filter(|table| table.area != Area::Canon && table.area != Area::Ops) {
        let is_about_persons = table.area == Area::Restricted && !table.name.ends_with("_managers");
        for column in &table.columns {
            columns += 1;
            let name = column.name.as_str();
            assert!(!said.contains(&name), "{}.{name}", table.name);
            assert!(!is_about_persons || !absence.iter().any(|word| name.contains(word)), "{}.{name}", table.name);
            for value in column.values.iter().filter(|_| is_about_persons) {
                assert!(
                    !absence.iter().any(|word| value.contains(word) && *value != "not_eligible" && *value != "not_due"),
                    "{}.{name} may be {value}",
                    table.name
                );
            }
        }
    }
    assert!(columns > 300, "{columns}");
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
        let table = catalog.require(name).expect("a table");
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
