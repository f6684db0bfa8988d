//! `check` tries what a run will do: its table is always whole, and its exit code is that of the run.

use serde_json::Value;

use crate::company::{self, Plan};
use crate::world::{CANONICAL, Kind, Setup, World};

const PLAN: Plan = Plan { workers: 12, weeks: 1, seed: 6, bad_rows: false };
const AS_OF: &str = "--as-of 2026-03-03";

fn world(setup: Setup) -> World {
    let world = World::at(Kind::Disk, setup).expect("a folder");
    for delivery in company::deliveries(&PLAN) {
        world.deliver(&delivery.path, &delivery.text);
    }
    world
}

/// Exit code, findings, and what was said on stderr.
fn check(world: &World, words: &str) -> (i32, Vec<Value>, String) {
    let output = world.process(&format!("check JOB {AS_OF} --json {words}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let findings = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}{said}"));
    (output.status.code().expect("an end"), findings, said)
}

/// The finding about something, by the beginning of its name.
fn finding<'f>(findings: &'f [Value], what: &str) -> &'f Value {
    let is_it = |finding: &&Value| finding["what"].as_str().is_some_and(|name| name.starts_with(what));
    findings.iter().find(is_it).unwrap_or_else(|| panic!("{what} in {findings:?}"))
}

fn state<'f>(findings: &'f [Value], what: &str) -> &'f str {
    finding(findings, what)["state"].as_str().expect("a state")
}

#[test]
fn a_job_that_would_run_is_ok_in_one_line_a_subject() {
    let world = world(Setup::default());
    let (code, findings, said) = check(&world, "");
    assert_eq!(code, 0, "{said}");
    let contracts: Vec<&Value> =
        findings.iter().filter(|it| it["what"].as_str().is_some_and(|what| what.contains("contract"))).collect();
    assert_eq!(contracts.len(), 1, "one line where all agree: {contracts:?}");
    for what in ["job test", "landing file://", "lake ", "create-only writes", "deliveries", "feed canonical_users"] {
        assert_eq!(state(&findings, what), "ok", "{what}");
    }
    assert_eq!(state(&findings, "pseudonyms"), "warning");
    assert_eq!(state(&findings, "clock"), "not_tried", "a folder keeps no clock");
    let joined = finding(&findings, "people joined")["detail"].as_str().expect("text").to_owned();
    assert!(joined.contains(" of lms/users_2026-03-02.csv are workers (") && joined.contains(" %)"), "{joined}");
    let unfilled = finding(&findings, "what nothing fills")["detail"].as_str().expect("text").to_owned();
    assert!(unfilled.contains("no submissions (integrity_signals)"), "{unfilled}");
    assert!(world.lake.list("").expect("a listing").is_empty(), "the probe is gone");
    assert_eq!(state(&check(&world, "--read-only").1, "create-only writes"), "not_tried");
}

#[test]
fn the_table_is_whole_and_the_code_is_that_of_the_run_whatever_cannot_be_opened() {
    let whole = check(&world(Setup::default()), "").1.len();
    let edited = |from: &str, to: &str| {
        let world = world(Setup::default());
        let text = std::fs::read_to_string(world.job_path()).expect("a job");
        let line = text.lines().find(|line| line.starts_with(from)).expect("a line").to_owned();
        std::fs::write(world.job_path(), text.replace(&line, to)).expect("a job");
        let run = world.process(&format!("run JOB {AS_OF}")).status.code().expect("an end");
        (run, check(&world, ""))
    };
    let (run, (code, findings, said)) = edited("landing", "landing = \"nowhere\"");
    assert_eq!(code, run, "{said}");
    assert_eq!(state(&findings, "landing /"), "failed");
    assert_eq!(state(&findings, "lake"), "ok");
    assert_eq!(state(&findings, "deliveries"), "not_tried");
    assert_eq!(state(&findings, "feed canonical_activity"), "not_tried");
    assert_eq!(findings.len(), whole, "every line is there");
    assert!(said.contains("could not be tried"), "{said}");
    let (run, (code, findings, said)) = edited("lake", "lake = \"s4://bucket\"");
    assert_eq!(code, run, "{said}");
    assert_eq!(state(&findings, "lake s4://bucket"), "failed");
    assert_eq!(state(&findings, "landing"), "ok");
    assert_eq!(state(&findings, "feed canonical_activity"), "ok", "the landing area is read all the same");
    assert_eq!(findings.len(), whole);
    let (run, (code, findings, _)) = edited("zone", "zone = \"Europe/Atlantis\"");
    assert_eq!((run, code), (2, 2));
    assert_eq!(state(&findings, "job "), "failed");
    assert_eq!(state(&findings, "landing"), "not_tried");
    let (run, (code, findings, _)) = edited("feeds", "feeds = [\"canonical_unicorns\", \"canonical_workers\"]");
    assert_eq!((run, code), (2, 2));
    assert_eq!(state(&findings, "feed canonical_unicorns"), "failed");
    assert_eq!(state(&findings, "feed canonical_workers"), "ok");
}

#[test]
fn a_delivery_that_would_be_refused_fails_with_3_and_a_missing_key_with_2() {
    let broken = world(Setup::default());
    broken.deliver("lms/users_2026-03-02.csv", "<html>");
    let (code, findings, _) = check(&broken, "");
    assert_eq!((code, state(&findings, "feed canonical_users")), (3, "failed"));
    assert!(finding(&findings, "feed canonical_users")["hint"].as_str().is_some_and(|hint| hint.contains("feed try")));
    let keyed = world(Setup { top: "zone = \"UTC\"\nsynthetic_data = true", ..Setup::default() });
    keyed.deliver("lms/users_2026-03-02.csv", "<html>");
    let (code, findings, _) = check(&keyed, "");
    assert_eq!((code, state(&findings, "pseudonyms")), (2, "failed"), "what has to be corrected outweighs a delivery");
    assert_eq!(state(&findings, "feed canonical_users"), "failed", "and both are told");
}

#[test]
fn accounts_that_nobody_in_hris_has_fail_before_they_make_every_rate_nothing() {
    let feeds = vec!["canonical_workers", "canonical_users", "canonical_activity"];
    let world = World::at(Kind::Disk, Setup { feeds, ..Setup::default() }).expect("a folder");
    let workers: String = (0..10).map(|n| format!("w{n},2020-01-01,{n:04},active,employee,a\n")).collect();
    let head = "worker_id,effective_from,employee_no,status,worker_type,org_id\n";
    world.deliver("workers_2026-03-02.csv", format!("{head}{workers}"));
    let users = |number: fn(i32) -> String| -> String {
        let rows: String = (0..10).map(|n| format!("u{n},{},learner\n", number(n))).collect();
        format!("user_id,employee_no,kind\n{rows}")
    };
    world.deliver("users_2026-03-02.csv", users(|n| n.to_string()));
    let (code, findings, _) = check(&world, "");
    let joined = finding(&findings, "people joined");
    assert_eq!((code, joined["state"].as_str()), (3, Some("failed")), "{joined}");
    assert!(
        joined["detail"]
            .as_str()
            .is_some_and(|said| said.starts_with("about 0 of 10 accounts of users_2026-03-02.csv"))
    );
    world.deliver("users_2026-03-02.csv", users(|n| format!("{n:04}")));
    let (code, findings, _) = check(&world, "");
    assert_eq!((code, state(&findings, "people joined")), (0, "ok"));
    assert!(finding(&findings, "people joined")["detail"].to_string().contains("10 of 10 accounts"));
}

#[test]
fn figures_and_outcomes_that_nothing_fills_are_named() {
    let top = "zone = \"UTC\"\npseudonyms = \"off\"\nsynthetic_data = true\nscorecards = [\"card.toml\"]";
    let feeds: Vec<&'static str> = CANONICAL.into_iter().filter(|feed| *feed != "canonical_contributions").collect();
    let feeds = feeds.into_iter().chain(["canonical_measures"]).collect();
    let world = World::at(Kind::Disk, Setup { feeds, top, ..Setup::default() }).expect("a folder");
    for delivery in company::deliveries(&PLAN).iter().filter(|delivery| !delivery.path.contains("contributions")) {
        world.deliver(&delivery.path, &delivery.text);
    }
    let kpi = |name: &str, measure: &str| {
        format!(
            "[[kpis]]\nkpi = \"{name}\"\nscope = \"company\"\ntarget = 0.5\nbaseline = 0.1\ntolerance = 0.1\ndirection = \"up\"\nlead_or_lag = \"lead\"\nowner = \"head of learning\"\noutcome = \"fewer incidents\"\nmeasure = \"{measure}\"\n"
        )
    };
    let card = [
        "name = \"card\"\n".to_owned(),
        kpi("active_rate", "incidents"),
        kpi("activation_rate", "incident_hours"),
        kpi("leadership_kpis.leaders_posting_rate", "incidents"),
    ];
    std::fs::write(world.folder.path().join("card.toml"), card.concat()).expect("a scorecard");
    world.deliver(
        "measures_2026-03-02.csv",
        "kpi,subject_kind,subject_id,period_start,period_end,value\nincidents,company,all,2026-02-01,2026-03-01,3\n",
    );
    let (code, findings, said) = check(&world, "");
    assert_eq!(code, 0, "{said}");
    let figure = finding(&findings, "KPI leadership_kpis.leaders_posting_rate");
    assert_eq!(figure["state"], "warning");
    assert!(figure["detail"].to_string().contains("the job has no contributions"), "{figure}");
    let outcome = finding(&findings, "measure incident_hours");
    assert!(outcome["detail"].to_string().contains("there are incidents"), "{outcome}");
    assert!(!findings.iter().any(|finding| finding["what"] == "measure incidents"), "that one is delivered");
}
