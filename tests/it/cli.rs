//! The command line as a user and a scheduler meet it.

use serde_json::Value;

use crate::company::{self, Plan};
use crate::world::{Kind, Setup, World};

const PLAN: Plan = Plan { workers: 12, weeks: 2, seed: 6, bad_rows: false };
const RUN: &str = "run JOB --as-of 2026-03-10";

fn world() -> World {
    let world = World::at(Kind::Disk, Setup::default()).expect("a folder");
    for delivery in company::deliveries(&PLAN) {
        world.deliver(&delivery.path, &delivery.text);
    }
    world
}

/// stdout of a command that must end well.
fn out(world: &World, words: &str) -> String {
    let output = world.process(words);
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn json(world: &World, words: &str) -> Value {
    serde_json::from_str(&out(world, words)).unwrap_or_else(|error| panic!("{words}: {error}"))
}

#[test]
fn a_run_tells_what_it_did_in_words_and_as_one_json_object() {
    let world = world();
    let report = json(&world, &format!("{RUN} --json"));
    assert_eq!((report["verdict"].as_str(), report["commit"].as_u64()), (Some("published"), Some(1)));
    assert_eq!(report["deliveries_read"], 18);
    let counts = &report["counts"];
    let of = |name: &str| counts[name].as_u64().expect("a count");
    assert_eq!(
        of("read"),
        of("accepted")
            + of("rejected")
            + of("duplicate")
            + of("voided")
            + of("superseded")
            + of("filtered")
            + of("forgotten")
    );
    assert!(report["tables"]["marts/adoption_kpis"].as_u64() > Some(100));
    let told = out(&world, RUN);
    assert!(told.starts_with("nothing to do: commit 1 of "), "{told}");
    assert_eq!(world.process(&format!("{RUN} --exit-99-if-nothing-to-do")).status.code(), Some(99));
}

#[test]
fn a_dry_run_computes_everything_and_writes_nothing() {
    let world = world();
    let report = json(&world, &format!("{RUN} --dry-run --json"));
    assert_eq!(report["verdict"], "dry_run");
    assert!(report["periods_computed"].as_u64() > Some(10));
    assert_eq!(world.lake.list("").expect("a listing"), Vec::new());
    let published = json(&world, &format!("{RUN} --json"));
    assert_eq!(published["tables"], report["tables"], "a dry run says what the run then does");
}

#[test]
fn plan_and_check_say_what_a_run_would_do_and_change_nothing() {
    let world = world();
    let plan = json(&world, "plan JOB --as-of 2026-03-10 --json");
    assert_eq!((plan["read"].as_array().map(Vec::len), plan["known"].as_u64()), (Some(18), Some(0)));
    assert_eq!(plan["read"][0]["why"], "new");
    assert!(out(&world, "check JOB --as-of 2026-03-10").contains("canonical_activity"));
    assert_eq!(world.lake.list("_commits").expect("a listing"), Vec::new());
    out(&world, RUN);
    let plan = json(&world, "plan JOB --as-of 2026-03-10 --json");
    assert_eq!((plan["read"].as_array().map(Vec::len), plan["known"].as_u64()), (Some(0), Some(18)));
}

#[test]
fn plan_lists_what_the_run_then_computes_and_why() {
    let world = world();
    let steps = |told: &Value| -> Vec<String> {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let computed = told["steps"]["computed"].as_array().expect("a list").iter();
        computed.map(|it| format!("{} {} {}", text(&it["table"]), text(&it["slice"]), text(&it["because"]))).collect()
    };
    let listed = |as_of: &str| steps(&json(&world, &format!("plan JOB --as-of {as_of} --json")));
    let first = listed("2026-03-10");
    assert!(first.contains(&"person_day 2026-03-02 new".to_owned()), "{first:?}");
    assert_eq!(first, steps(&json(&world, &format!("{RUN} --json"))));
    assert_eq!(listed("2026-03-10"), Vec::<String>::new());
    assert!(out(&world, "plan JOB --as-of 2026-03-10").ends_with("nothing to do\n"));
    // A day later: Tuesday the 10th is reported, nothing else ended; Monday shows its change against Sunday as before.
    let kpis = |listed: &[String]| -> Vec<String> {
        listed.iter().filter_map(|step| step.strip_prefix("adoption_kpis ")).map(str::to_owned).collect()
    };
    let moved = [
        "day/2026-03-10 new",
        "week/2026-03-09 inputs_changed",
        "month/2026-03-01 inputs_changed",
        "quarter/2026-01-01 inputs_changed",
    ];
    assert_eq!(kpis(&listed("2026-03-11")), moved);
    world.deliver(
        "lms/activity_2026-03-06.csv",
        "event_id,occurred_at,user_id,verb\nnew1,2026-03-05T09:00:00Z,u000,viewed\n",
    );
    let listed_now = listed("2026-03-11");
    assert!(listed_now.contains(&"person_day 2026-03-05 inputs_changed".to_owned()), "{listed_now:?}");
    assert!(kpis(&listed_now).contains(&"day/2026-03-05 inputs_changed".to_owned()), "{listed_now:?}");
    let told = out(&world, "plan JOB --as-of 2026-03-11");
    assert!(told.contains("computed: person_day, day 2026-03-05: what it is made from changed\n"), "{told}");
    let quick = out(&world, "plan JOB --as-of 2026-03-11 --quick");
    assert!(quick.contains("1 deliveries to read") && !quick.contains("computed:"), "{quick}");
    assert_eq!(listed_now, steps(&json(&world, "run JOB --as-of 2026-03-11 --json")), "the plan is what runs");
    assert_eq!(listed("2026-03-11"), Vec::<String>::new());
}

#[test]
fn a_published_table_is_one_file_at_a_stable_address_and_can_be_shown() {
    let world = world();
    out(&world, RUN);
    let head = world.head().expect("a commit");
    for (table, files) in head.files.iter().filter(|(table, _)| !table.starts_with("canon/")) {
        let (area, name) = table.split_once('/').expect("an area");
        let latest = world
            .lake
            .read(&format!("{area}/latest/{name}.parquet"))
            .unwrap_or_else(|error| panic!("{table}: {error}"));
        let rows: u64 = files.values().map(|file| file.rows).sum();
        assert_eq!(crate::world::rows_of(&latest).len() as u64, rows, "{table}");
    }
    let shown = out(
        &world,
        "show JOB adoption_kpis --where grain=week --where scope_kind=company --columns period_start,headcount",
    );
    assert!(shown.starts_with("period_start  headcount\n2026-02-23"), "{shown}");
}

#[test]
fn inspect_explains_the_log_a_commit_a_delivery_and_a_table() {
    let world = world();
    out(&world, RUN);
    assert!(!out(&world, "inspect JOB").is_empty());
    assert!(out(&world, "inspect JOB 1").contains("marts/adoption_kpis"));
    let delivery = out(&world, "inspect JOB lms/activity_2026-03-02.csv");
    assert!(delivery.contains("records =") && delivery.contains("accepted"), "{delivery}");
    assert!(!out(&world, "inspect JOB marts/adoption_kpis").is_empty());
    let entry = json(&world, "inspect JOB lms/activity_2026-03-02.csv --json");
    assert_eq!(entry["feed"], "canonical_activity");
}

#[test]
fn the_contracts_the_manual_and_completions_are_printed() {
    let world = World::at(Kind::Disk, Setup::default()).expect("a folder");
    assert!(out(&world, "schema adoption_kpis").contains("active_learners"));
    assert!(json(&world, "schema --format json").to_string().contains("active_learners"));
    assert!(out(&world, "schema --format odcs").contains("active_learners"));
    assert!(out(&world, "completions bash").contains("uptake"));
    assert!(out(&world, "man").contains(".TH uptake"));
    let help = out(&world, "--help");
    for command in ["run", "backfill", "plan", "check", "inspect", "schema", "feed", "sample", "vacuum"] {
        assert!(help.contains(&format!("\n  {command}")), "{command}: {help}");
    }
}

#[test]
fn a_feed_is_tried_on_a_file_and_proposed_for_one() {
    let world = World::at(Kind::Disk, Setup::default()).expect("a folder");
    let file = world.folder.path().join("activity_2026-03-09.csv");
    std::fs::write(&file, "event_id,occurred_at,user_id,verb\ne1,2026-03-08T09:00:00Z,u1,viewed\n").expect("a file");
    let path = file.display();
    let tried = out(&world, &format!("feed try canonical_activity {path}"));
    assert!(tried.contains("1 accepted"), "{tried}");
    let proposed = out(&world, &format!("feed propose {path}"));
    assert!(proposed.contains("[[headers]]") && proposed.contains("occurred_at"), "{proposed}");
}

#[test]
fn a_sample_company_is_written_where_it_is_wanted_and_never_over_another() {
    let world = World::at(Kind::Disk, Setup::default()).expect("a folder");
    let into = world.folder.path().join("sample");
    let words = format!("sample --workers 20 --weeks 2 --seed 3 --out {}", into.display());
    let summary = json(&world, &words);
    assert!(summary.is_object() && into.join("truth.json").exists(), "{summary}");
    assert!(world.process(&words).status.success(), "the same again is the same");
    let other = world.process(&words.replace("--seed 3", "--seed 4"));
    assert!(!other.status.success(), "another company does not replace it");
}

#[test]
fn vacuum_prints_its_plan_and_deletes_nothing_young() {
    let world = world();
    out(&world, RUN);
    let before = world.lake.list("").expect("a listing");
    out(&world, "vacuum JOB");
    assert_eq!(world.lake.list("").expect("a listing"), before);
}

#[test]
fn an_error_says_what_happened_and_the_next_step_on_stderr() {
    let world =
        World::at(Kind::Disk, Setup { feeds: vec!["canonical_unicorns"], ..Setup::default() }).expect("a folder");
    let output = world.process(RUN);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.starts_with("error: there is no feed `canonical_unicorns`") && said.contains("\nhint: "), "{said}");
}
