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
    assert!(told.contains("no delivery is new, 18 deliveries known") && !told.contains("written"), "{told}");
    assert_eq!(json(&world, &format!("{RUN} --json"))["files_written"], 0, "what a run says of itself is no table");
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
    assert!(told.ends_with(" would be written\n"), "{told}");
    let quick = out(&world, "plan JOB --as-of 2026-03-11 --quick");
    assert!(quick.contains("1 delivery to read") && !quick.contains("computed:"), "{quick}");
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
    let list = out(&world, "schema");
    assert!(
        list.contains("\nadoption_kpis") && !list.contains("active_learners") && list.lines().count() < 100,
        "{list}"
    );
    assert_eq!(out(&world, "schema --all").matches("## adoption_kpis\n").count(), 1);
    let man = out(&world, "man");
    assert!(man.contains(".TH uptake ") && man.contains(".TH uptake-run "), "every page that is named is printed");
    let help = out(&world, "--help");
    for command in ["run", "backfill", "plan", "check", "status", "inspect", "schema", "feed", "sample", "vacuum"] {
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

#[test]
fn rows_are_shown_by_the_value_of_a_date_or_number_and_where_there_are_none_it_is_said_what_there_is() {
    let world = world();
    out(&world, RUN);
    let shown = |words: &str| {
        let output = world.process(&format!("show JOB adoption_kpis --columns period_start,headcount {words}"));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let week = "--where grain=week --where scope_kind=company";
    let (_, all, _) = shown(week);
    let row = all.lines().nth(1).expect("a row").to_owned();
    let (start, headcount) = row.split_once("  ").expect("two columns");
    assert_eq!(
        shown(&format!("{week} --where period_start={start}")).1.lines().collect::<Vec<_>>(),
        [all.lines().next().expect("a head"), row.as_str()]
    );
    assert!(shown(&format!("{week} --where headcount={}.0", headcount.trim())).1.contains(&row));
    let (code, text, said) = shown(&format!("{week} --where period_start=1999-01-01"));
    assert_eq!((code, text.lines().count()), (Some(0), 1), "a table without rows is an answer: {text}");
    assert!(
        said.contains("no row of adoption_kpis has period_start=1999-01-01: the values of period_start "),
        "{said}"
    );
    let (code, _, said) = shown("--where scope_id=a --where scope_kind=company");
    assert!(code == Some(0) && said.contains("together, though each of them occurs"), "{said}");
    for (words, why) in [
        ("--where grain=weak", "hint: did you mean week? its values are day, week, month, quarter"),
        ("--where period_start=March", "hint: the column holds dates: write it like 2026-03-30"),
        ("--where grian=week", "hint: did you mean grain?"),
        ("--where grain", "is no COLUMN=VALUE"),
        ("--columns headcuont", "did you mean headcount?"),
    ] {
        let (code, text, said) = shown(words);
        assert_eq!((code, text.as_str()), (Some(2), ""), "{words}");
        assert!(said.contains(why), "{words}: {said}");
    }
}

#[test]
fn an_instant_before_1990_or_after_the_century_is_a_usage_error() {
    let world = world();
    for (words, value) in [("run JOB --as-of 1989-12-31", "1989-12-31"), ("plan JOB --as-of 9999-01-01", "9999-01-01")]
    {
        let output = world.process(words);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(said.contains(value) && said.contains("1990-01-01 up to 2099-12-31"), "{said}");
    }
    assert!(world.head().is_none());
}

#[test]
fn a_report_says_that_nothing_measured_activity_in_place_of_a_line_at_zero() {
    let feeds = vec!["canonical_workers", "canonical_users", "canonical_enrollments"];
    let world = World::at(Kind::Disk, Setup { feeds, policy: "", ..Setup::default() }).expect("a folder");
    for delivery in company::deliveries(&PLAN)
        .iter()
        .filter(|delivery| ["workers", "users", "enrollments"].iter().any(|table| delivery.path.contains(table)))
    {
        world.deliver(&delivery.path, &delivery.text);
    }
    out(&world, RUN);
    let folder = world.folder.path().join("report");
    out(&world, &format!("report JOB --out {}", folder.display()));
    let page = std::fs::read_to_string(folder.join("index.html")).expect("a page");
    assert!(page.contains("Nothing measured activity here") && !page.contains("id=\"adoption-0\""));
}

/// The keys that a part of the job file takes, as its parser says them.
fn keys_of(part: &str) -> Vec<String> {
    let catalog = uptake::contract::Catalog::load().expect("contracts");
    let top = "name = \"j\"\nlanding = \"in\"\nlake = \"out\"\nfeeds = [\"f\"]\nzone = \"UTC\"\n";
    let text = format!("{top}{part}\nno_such_key = 1\n");
    let error = uptake::job::Job::parse(std::path::Path::new("j.toml"), &text, &catalog, &|_| Err("no file".into()))
        .expect_err("an unknown key");
    let (_, listed) = error.what.split_once("expected ").unwrap_or_else(|| panic!("{}", error.what));
    listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_readme_of_jobs_lists_every_key_that_a_job_file_takes_and_no_other() {
    let readme = std::fs::read_to_string(crate::world::root().join("jobs/README.md")).expect("the README");
    // The keys in the first column of the table with this head.
    let listed = |head: &str| -> Vec<String> {
        let rows = readme.lines().skip_while(|line| !line.starts_with(&format!("| {head} |"))).skip(2);
        let rows = rows.take_while(|line| line.starts_with('|'));
        let mut keys: Vec<String> = rows
            .filter_map(|line| line.split('|').nth(1))
            .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
            .collect();
        keys.sort();
        keys
    };
    for (head, part, tables) in [
        ("key", "", &["policy", "tolerate", "certifications"][..]),
        ("`[policy]`", "[policy]", &[]),
        ("`[tolerate]`", "[tolerate]", &[]),
        ("`[[certifications]]`", "[[certifications]]", &[]),
    ] {
        let mut known = keys_of(part);
        known.retain(|key| !tables.contains(&key.as_str()));
        known.sort();
        assert!(!known.is_empty(), "{head}");
        assert_eq!(listed(head), known, "{head}");
    }
}

#[test]
fn cron_calls_a_lock_that_is_held_a_lost_race_and_no_bug() {
    let text = std::fs::read_to_string(crate::world::root().join("jobs/schedule/uptake.cron")).expect("the crontab");
    let line = text.lines().find(|line| line.starts_with("15 ")).expect("the command");
    let command = line.splitn(7, ' ').last().expect("the command").trim_start_matches("uptake ");
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path().display().to_string();
    std::fs::write(folder.path().join("environment"), "").expect("a file");
    let command = command
        .replace("/etc/uptake", &at)
        .replace("/run/lock/uptake", &format!("{at}/lock"))
        .replace("/var/log/uptake.json", &format!("{at}/log"));
    // Another run holds the lock; nobody waits ten minutes in a test, but says that it would.
    let script = format!("exec 9>{at}/lock; flock 9; sleep() {{ echo slept $1; }}; uptake() {{ false; }}; {command}");
    let output = std::process::Command::new("bash").args(["-c", &script]).output().expect("bash");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(5), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(told.matches("slept 600").count(), 3, "tried again: {told}");
}
