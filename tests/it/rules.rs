//! Rules are inputs: a lake with history under other rules is what a fresh build under them gives, or the run is refused.

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::Days;
use uptake::pipeline::Rebuild;
use uptake::store::{Env, Store};

use crate::company::{self, Plan};
use crate::world::{How, Setup, World, difference, files, instant};

const SMALL: Plan = Plan { workers: 14, weeks: 2, seed: 8, bad_rows: true };

fn end() -> String {
    company::end(&SMALL).to_string()
}

/// A store of its own that holds what another does, where one is given.
fn lake(of: Option<&Store>) -> Store {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let name = format!("memory://rules-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let lake = Store::open(&name, &Env::default()).expect("a lake");
    for object in of.iter().flat_map(|of| of.list("").expect("a list")) {
        let body = of.expect("a lake").get(&object).expect("an object");
        lake.put_new(&object.path, body).expect("room");
    }
    lake
}

/// A world with history: a night for each week.
fn world(setup: Setup) -> World {
    let world = World::with(setup);
    for delivery in company::deliveries(&SMALL) {
        world.deliver(&delivery.path, &delivery.text);
    }
    for week in (0..SMALL.weeks).rev() {
        let day = company::end(&SMALL) - Days::new(week * 7);
        let how = How { as_of: instant(&day.to_string()), known_on: day.pred_opt(), ..How::default() };
        world.run(&how).expect("a night");
    }
    world
}

/// Runs the job as it is now over the lake of before and over an empty one. Gives what differs (a refusal, too), and how many
/// deliveries were read again.
fn compared(world: &World) -> (Vec<String>, u64) {
    let (old, new) = (lake(Some(&world.lake)), lake(None));
    let run = |lake: &Store| world.run(&How { as_of: instant(&end()), lake: Some(lake), ..How::default() });
    match (run(&old), run(&new)) {
        (Ok(report), Ok(_)) => (difference(&files(&new), &files(&old)), report.deliveries_read),
        (one, other) => (vec![format!("{:?} and {:?}", one.map(|_| ()), other.map(|_| ()))], 0),
    }
}

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

const TOP: &str = "pseudonyms = \"off\"\nsynthetic_data = true";
const POLICY: &str = "smallest_group = 1\nsmallest_group_manager = 1\nrounding = 1";

/// What differs after each of these changes of the job.
fn after(changes: &[(&str, &str)]) -> Vec<String> {
    let mut world = world(Setup::default());
    let mut wrong = Vec::new();
    for (top, policy) in changes {
        let zone = if top.contains("zone =") { "" } else { "zone = \"Europe/Berlin\"\n" };
        let policy_of = |key: &str| policy.lines().any(|line| line.split(' ').next() == Some(key));
        let kept = POLICY.lines().filter(|line| !policy_of(line.split(' ').next().unwrap_or_default()));
        let policy = kept.chain(policy.lines()).collect::<Vec<_>>().join("\n");
        world.setup = Setup { top: leaked(format!("{zone}{TOP}\n{top}")), policy: leaked(policy), ..Setup::default() };
        let (difference, _) = compared(&world);
        if !difference.is_empty() {
            wrong.push(format!("{top}{}: {difference:#?}", world.setup.policy));
        }
    }
    wrong
}

#[test]
fn every_key_of_the_job_is_applied_to_a_lake_with_history() {
    let wrong = after(&[
        ("zone = \"America/Los_Angeles\"", ""),
        ("zone = \"Pacific/Auckland\"", ""),
        ("fiscal_year_start = 3", ""),
        ("report_from = 2026-03-01", ""),
        ("marts = [\"adoption_kpis\"]", ""),
        ("marts = [\"adoption_kpis\", \"dim_org\"]", ""),
        ("", "holidays = [2026-02-25, 2026-03-03]"),
        ("", "manager_scopes = true"),
    ]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_number_of_the_policy_is_applied_to_a_lake_with_history() {
    let wrong = after(&[
        ("", "smallest_group = 4"),
        ("", "smallest_group_manager = 4\nmanager_scopes = true"),
        ("", "rounding = 5"),
        ("", "min_tenure_days = 200"),
        ("", "max_event_minutes = 5"),
        ("", "session_gap_minutes = 1"),
        ("", "unit_level = 1"),
        ("", "lookback_weeks = 2"),
        ("", "submissions = 1"),
        ("", "peer_endorsements = 1"),
        ("", "endorser_line_levels = 0"),
        ("", "outcome_weight = 2.0"),
        ("", "competency_horizon_days = 30"),
        ("", "outdated_months = 1"),
    ]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_word_of_the_policy_is_applied_to_a_lake_with_history() {
    let wrong = after(&[
        ("", "worker_types = [\"contractor\", \"employee\"]"),
        ("", "worker_types = [\"contractor\"]"),
        ("", "active_verbs = [\"viewed\"]\npassive_verbs = [\"searched\"]"),
        ("", "passive_verbs = []"),
        ("", "leader_band = \"director\""),
        ("", "leader_minutes_per_week = [1, 600]"),
        ("", "require_manager_endorsement = false"),
    ]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A shipped feed's text under another name, with more keys.
fn own(shipped: &str, more: &str) -> &'static str {
    let path = format!("{}/schemas/feed/{shipped}.toml", env!("CARGO_MANIFEST_DIR"));
    leaked(format!("{more}\n{}", std::fs::read_to_string(path).expect("a feed")))
}

/// The setup with one feed of the company's own in place of a shipped one.
fn with_own(shipped: &'static str, more: &str) -> Setup {
    let setup = Setup::default();
    Setup { own_feeds: vec![(shipped, own(shipped, more))], ..setup }
}

#[test]
fn an_edited_feed_reads_its_deliveries_again_and_a_reworded_one_does_not() {
    let mut world = world(Setup::default());
    let weeks = SMALL.weeks;
    let cases = [
        ("canonical_activity", "# a comment", 0),
        ("canonical_activity", "nulls = [\"viewed\"]", weeks),
        ("canonical_activity", "where = [{ column = \"verb\", not_in = [\"viewed\"] }]", weeks),
        ("canonical_activity", "duration = \"from\"", weeks),
        ("canonical_workers", "where = [{ column = \"worker_id\", not_in = [\"w3\"] }]", weeks),
        ("canonical_enrollments", "zone = \"America/Los_Angeles\"", weeks),
        ("canonical_users", "nulls_mean = \"keep\"", weeks),
        ("canonical_content", "where = [{ column = \"content_id\", not_in = [\"c1\"] }]", weeks),
    ];
    for (feed, more, read) in cases {
        world.setup = with_own(feed, more);
        let (difference, again) = compared(&world);
        assert!(difference.is_empty(), "{feed} {more}: {difference:#?}");
        assert_eq!(again, read, "{feed} {more}");
    }
}

#[test]
fn a_feed_that_left_the_job_takes_its_rows_along_and_brings_them_back() {
    let mut world = world(Setup::default());
    for gone in ["canonical_activity", "canonical_enrollments", "canonical_reactions"] {
        world.setup.feeds = Setup::default().feeds.into_iter().filter(|feed| *feed != gone).collect();
        let (difference, _) = compared(&world);
        assert!(difference.is_empty(), "without {gone}: {difference:#?}");
    }
    let before = world.files();
    world.nightly(&end());
    assert_ne!(world.files(), before);
    world.setup = Setup::default();
    let report = world.nightly(&end());
    assert_eq!(report.deliveries_read, SMALL.weeks);
    assert_eq!(world.files(), before, "{:#?}", difference(&before, &world.files()));
}

#[test]
fn deliveries_that_must_be_read_again_and_are_gone_are_named_and_the_job_may_keep_their_rows() {
    let mut world = world(Setup::default());
    let (before, head) = (world.files(), world.commit_no());
    let gone = company::deliveries(&SMALL).into_iter().find(|delivery| delivery.path.contains("activity")).unwrap();
    world.landing.delete(&gone.path).expect("a delivery");
    world.setup = with_own("canonical_activity", "where = [{ column = \"verb\", not_in = [\"viewed\"] }]");
    let how = || How { as_of: instant(&end()), ..How::default() };
    let refused = world.run(&how()).expect_err("a refusal");
    assert_eq!(refused.exit as u8, 2);
    let told = refused.to_string();
    assert!(told.contains(&gone.path) && told.contains("the feed canonical_activity reads by other rules"), "{told}");
    assert!(refused.hint.unwrap().contains("tolerate.reread"));
    assert_eq!(world.commit_no(), head);
    world.setup.tolerate = "reread = [\"canonical_activity\"]";
    let report = world.run(&how()).expect("a run");
    assert_eq!((report.deliveries_read, world.files()), (0, before));
    assert!(report.remarks.iter().any(|remark| remark.contains("stay as they were read")), "{:?}", report.remarks);
}

#[test]
fn what_is_read_again_on_request_ends_in_the_same_bytes() {
    let world = world(Setup::default());
    let before = world.files();
    for (rebuild, read) in [
        (Rebuild::Tables(vec!["activity".into()]), SMALL.weeks),
        (Rebuild::Tables(vec!["workers".into(), "users".into()]), SMALL.weeks * 2),
        (Rebuild::All, company::deliveries(&SMALL).len() as u64),
    ] {
        let how = How { as_of: instant(&end()), rebuild: Some(rebuild), ..How::default() };
        assert_eq!(world.run(&how).expect("a run").deliveries_read, read);
        assert_eq!(world.files(), before, "{:#?}", difference(&before, &world.files()));
    }
}

#[test]
fn a_run_does_not_go_back_behind_the_last_one_nor_into_a_year_to_come() {
    let world = world(Setup::default());
    let run = |as_of: &str, force_as_of: bool| {
        let how = How { as_of: instant(as_of), force_as_of, ..How::default() };
        world.run(&how).map(|report| report.verdict).map_err(|error| (error.exit as u8, error.to_string()))
    };
    let (exit, told) = run("2026-03-01", false).unwrap_err();
    assert!(exit == 2 && told.contains("commit 2") && told.contains("2026-03-10T00:00:00Z already"), "{told}");
    assert_eq!(run(&end(), false), Ok("nothing_to_do"));
    assert_eq!(run("2026-03-01", true), Ok("published"));
    // Into an empty lake, and through the command line: by its clock it is 2030 in these tests.
    let world = World::new();
    for delivery in company::deliveries(&SMALL) {
        world.deliver(&delivery.path, &delivery.text);
    }
    let words = |as_of: &str| world.uptake(&format!("run JOB --as-of {as_of}"));
    assert_eq!(["1980-03-01", "1999-03-01", "2031-03-01", "9999-01-01"].map(words), [2; 4]);
    assert!(world.head().is_none());
    assert_eq!(words("2027-03-01"), 0, "exports may come once a year");
}

#[test]
fn another_key_is_refused_and_a_new_epoch_is_a_rotation_of_every_id() {
    let keyed = |top: &'static str| Setup { top, ..Setup::default() };
    let mut world = World::with(keyed("zone = \"Europe/Berlin\"\nsynthetic_data = true"));
    for delivery in company::deliveries(&SMALL) {
        world.deliver(&delivery.path, &delivery.text);
    }
    let mut run = |key: &str, top: &'static str| {
        world.env = Env::new([("UPTAKE_PSEUDONYM_KEY", key)]);
        world.write_job(&keyed(top));
        let code = world.uptake(&format!("run JOB --as-of {}", end()));
        (code, world.head().map(|head| head.n), files(&world.lake))
    };
    let (first, second) = (
        "zone = \"Europe/Berlin\"\nsynthetic_data = true",
        "zone = \"Europe/Berlin\"\nsynthetic_data = true\npseudonyms = { epoch = \"2\" }",
    );
    let (code, _, with_one) = run("a key of the company, 1", first);
    assert_eq!(code, 0);
    assert_eq!(run("a key of the company, 2", first), (2, Some(1), with_one.clone()), "the key alone");
    let (code, head, rotated) = run("a key of the company, 2", second);
    assert_eq!((code, head), (0, Some(2)));
    let canon = |files: &crate::world::FileMap| -> Vec<String> {
        files.keys().filter(|path| path.starts_with("canon/data/workers/")).cloned().collect()
    };
    assert_ne!(canon(&rotated), canon(&with_one), "not one id is left");
    let (code, ..) = run("a key of the company, 1", first);
    assert_eq!(code, 0, "and back: another epoch again");
    assert_eq!(world.files(), with_one);
}
