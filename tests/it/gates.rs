//! Promise 4: the last good snapshot stays, and the exit code says what a scheduler should do.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::memory::InMemory;
use uptake::error::Exit;
use uptake::ledger::Entry;
use uptake::store::Store;

use crate::faulty::{Fault, Faults, FaultyStore, Shared};
use crate::world::{CANONICAL, FileMap, How, Setup, World, instant};

const DONE: u8 = 0;
const USAGE: u8 = 2;
const GATE: u8 = 3;

fn staff(count: usize) -> String {
    let rows: String = (0..count).map(|number| format!("w{number},2020-01-01,n{number},active,employee,a\n")).collect();
    format!("worker_id,effective_from,employee_no,status,worker_type,org_id\n{rows}")
}

fn good() -> World {
    published(Setup::default())
}

fn published(setup: Setup) -> World {
    let world = World::with(setup);
    world.deliver("workers_2026-03-02.csv", staff(20));
    world.deliver("users_2026-03-02.csv", "user_id,employee_no,kind\nu1,n1,learner\nu2,n2,learner\n");
    world.deliver(
        "activity_2026-03-02.csv",
        "event_id,occurred_at,user_id,verb\ne1,2026-03-01T09:00:00Z,u1,completed\n",
    );
    assert_eq!(world.uptake("run JOB --as-of 2026-03-03"), DONE);
    world
}

/// Runs after `deliver` broke something: the code, and whether what is published moved.
fn then(world: &World, code: u8) {
    let before = shown(world);
    assert_eq!(world.uptake("run JOB --as-of 2026-03-10"), code);
    assert_eq!(shown(world) == before, code != DONE, "the last snapshot stays where a gate holds the run back");
}

/// What is published: of which commit, which files, of which deliveries.
fn shown(world: &World) -> (Option<u64>, FileMap, BTreeMap<String, Entry>) {
    (world.head().map(|head| head.shows()), world.files(), world.ledger())
}

#[test]
fn a_snapshot_half_as_large_as_usual_is_held_back_and_the_last_good_one_stays() {
    let world = good();
    world.deliver("workers_2026-03-09.csv", staff(8));
    then(&world, GATE);
    // Mended, the next run goes on.
    world.deliver("workers_2026-03-09.csv", staff(19));
    then(&world, DONE);
}

#[test]
fn a_snapshot_whose_records_are_all_rejected_is_as_good_as_empty() {
    let world = good();
    world.deliver("workers_2026-03-09.csv", staff(20).replace(",active,", ",busy,"));
    then(&world, GATE);
}

#[test]
fn a_column_that_went_empty_overnight_is_held_back() {
    let world = good();
    world.deliver("workers_2026-03-09.csv", staff(20).replace(",a\n", ",\n"));
    then(&world, GATE);
}

#[test]
fn a_delivery_that_is_no_table_is_refused_whole() {
    for text in
        ["<!DOCTYPE html><html><body>502 Bad Gateway</body></html>", "event_id,occurred_at\ne2,2026-03-08T09:00:00Z\n"]
    {
        let world = good();
        world.deliver("activity_2026-03-09.csv", text);
        then(&world, GATE);
    }
}

#[test]
fn too_many_bad_records_refuse_the_delivery() {
    let world = good();
    let at = |number: usize| if number.is_multiple_of(10) { "whenever" } else { "2026-03-08T09:00:00Z" };
    let rows: String = (0..200).map(|number| format!("f{number},{},u1,viewed\n", at(number))).collect();
    world.deliver("activity_2026-03-09.csv", format!("event_id,occurred_at,user_id,verb\n{rows}"));
    then(&world, GATE);
}

#[test]
fn a_tolerated_feed_is_refused_and_recorded_without_holding_the_others_back() {
    let world = published(Setup { refused: vec!["canonical_activity"], ..Setup::default() });
    world.deliver("activity_2026-03-09.csv", "<html>");
    world.deliver("users_2026-03-09.csv", "user_id,employee_no,kind\nu1,n1,learner\nu2,n2,learner\nu3,n3,learner\n");
    then(&world, DONE);
    let told = world.table("ops/deliveries");
    let refused = told.iter().find(|row| row["delivery"] == "activity_2026-03-09.csv").expect("a row");
    assert_eq!((refused["status"].as_str(), refused["reason_code"].as_str()), ("refused", "not_csv"));
    assert_eq!(world.table("canon/users").len(), 3);
    // Refused once, it is not read again and again.
    let head = world.head();
    assert_eq!(world.uptake("run JOB --as-of 2026-03-10"), DONE);
    assert!(world.head() == head);
}

#[test]
fn a_feed_without_any_delivery_is_held_back_unless_tolerated() {
    let feeds = vec!["canonical_workers", "canonical_users", "canonical_activity"];
    let strict = World::with(Setup { feeds: feeds.clone(), missing: Some(vec![]), ..Setup::default() });
    strict.deliver("workers_2026-03-02.csv", staff(20));
    strict.deliver("users_2026-03-02.csv", "user_id,employee_no,kind\nu1,n1,learner\n");
    assert_eq!(strict.uptake("run JOB --as-of 2026-03-03"), GATE);
    assert_eq!(strict.head().map(|head| head.shows()), Some(0), "nothing but what operators read");
    strict.write_job(&Setup { feeds, missing: Some(vec!["canonical_activity"]), ..Setup::default() });
    assert_eq!(strict.uptake("run JOB --as-of 2026-03-03"), DONE);
}

#[test]
fn what_the_job_file_gets_wrong_is_usage() {
    let world = good();
    let wrong = |setup: Setup| {
        world.write_job(&setup);
        then(&world, USAGE);
    };
    wrong(Setup { top: "zone = \"UTC\"\npseudonyms = \"off\"", policy: "smallest_group = 4", ..Setup::default() });
    wrong(Setup { policy: "smalest_group = 9", ..Setup::default() });
    wrong(Setup { top: "zone = \"Europe/Atlantis\"\npseudonyms = \"off\"", policy: "", ..Setup::default() });
    wrong(Setup { feeds: vec!["canonical_unicorns"], ..Setup::default() });
    // Pseudonyms are on and nobody gave the key.
    wrong(Setup { top: "zone = \"UTC\"", policy: "", ..Setup::default() });
    assert_eq!(world.uptake("run /nowhere/job.toml"), USAGE);
    assert_eq!(world.uptake("run JOB --as-of yesterday"), USAGE);
    assert_eq!(world.uptake("fly JOB"), USAGE);
    assert_eq!(world.uptake("backfill JOB --from 2026-03-05 --to 2026-03-05"), USAGE);
}

#[test]
fn a_store_that_is_away_is_transient_whichever_of_the_two_it_is() {
    let world = good();
    let away = |first: usize| {
        let faults: Faults = (first..first + 100_000).map(|number| (number, Fault::Unavailable)).collect();
        let shared = Shared(Arc::new(FaultyStore::new(Arc::new(InMemory::new()), faults)));
        Store::from_object_store(Arc::new(shared), "", "away").expect("a store")
    };
    let empty = Store::from_object_store(Arc::new(InMemory::new()), "", "empty").expect("a store");
    let as_of = instant("2026-03-03");
    for (landing, lake) in
        [(away(0), empty.clone()), (world.landing.clone(), away(0)), (world.landing.clone(), away(5))]
    {
        let error = world
            .run(&How { as_of, landing: Some(&landing), lake: Some(&lake), ..How::default() })
            .expect_err("a store is away");
        assert_eq!(error.exit, Exit::Transient, "{error}");
    }
}

#[test]
fn a_lake_of_a_newer_program_is_refused() {
    let world = good();
    world.lake.put_new("_commits/00000000000000000009.json", "{\"format\": 99}".into()).expect("a commit");
    assert_eq!(world.uptake("run JOB --as-of 2026-03-10"), USAGE);
}

/// A feed of activity with ceilings of its own.
const NARROW: &str = r#"
description = "Events, a few at a time."
fills = "activity"
path = "narrow/acts_{date}.csv"
format = "csv"
[limits]
rows = 3
columns = 5
decompressed_bytes = 400
[[headers]]
event_id = "id"
occurred_at = "at"
user_id = "who"
verb = "what"
"#;

#[test]
fn a_ceiling_that_is_passed_is_a_limit_and_not_a_fault_of_the_data() {
    const LIMIT: u8 = 6;
    let row = |number: usize| format!("x{number},2026-03-08T09:00:00Z,u1,viewed\n");
    let rows = |count: usize| format!("id,at,who,what\n{}", (0..count).map(row).collect::<String>());
    let setup = Setup {
        feeds: [&CANONICAL[..], &["narrow"][..]].concat(),
        own_feeds: vec![("narrow", NARROW)],
        ..Setup::default()
    };
    for (text, code) in [
        (rows(3), DONE),
        (rows(4), LIMIT),
        (format!("id,at,who,what,a,b\n{}", row(1).replace('\n', ",1,2\n")), LIMIT),
        (format!("id,at,who,what\n{}", "\n".repeat(400)), LIMIT),
        // Wrong as a table, and no ceiling.
        ("id,at,who\n1,2,3\n".to_owned(), GATE),
    ] {
        let world = published(setup.clone());
        world.deliver("narrow/acts_2026-03-09.csv", text);
        then(&world, code);
    }
}

#[test]
fn a_feeds_own_share_of_bad_records_holds_however_few_there_are_and_the_usual_one_warns() {
    let text = "id,at,who,what\nx1,2026-03-08T09:00:00Z,u1,viewed\nx2,whenever,u1,viewed\n";
    let setup = |limits: &str| Setup {
        feeds: [&CANONICAL[..], &["narrow"][..]].concat(),
        own_feeds: vec![("narrow", &*String::leak(NARROW.replace("rows = 3\n", limits)))],
        ..Setup::default()
    };
    for (limits, code) in [("rejected_share = 0.49\n", GATE), ("rejected_share = 0.5\n", DONE), ("", DONE)] {
        let world = published(setup(limits));
        world.deliver("narrow/acts_2026-03-09.csv", text);
        then(&world, code);
        let noted = world
            .table("ops/data_quality")
            .into_iter()
            .filter(|row| row["reason_code"] == "reject_share" && row["check_kind"] != "held")
            .map(|row| [row["delivery"].clone(), row["affected"].clone(), row["out_of"].clone(), row["share"].clone()]);
        let expected = ["narrow/acts_2026-03-09.csv", "1", "2", "0.5"].map(str::to_owned);
        // The feed that says nothing of bad records is judged by the usual share only from a hundred records on.
        assert_eq!(noted.collect::<Vec<_>>(), if limits.is_empty() { vec![expected] } else { Vec::new() }, "{limits}");
    }
}

#[test]
fn a_run_that_the_privacy_audit_refuses_late_leaves_the_last_snapshot_though_it_wrote_files() {
    use uptake::publish::{Draft, NewFile, publish};
    let world = good();
    let (head, before) = (world.head(), shown(&world));
    let refused = publish(&world.lake, &[], |publisher| {
        publisher.put_file(NewFile {
            area: uptake::store::layout::Area::Marts,
            table: "adoption_kpis".into(),
            partition: "week-2026-03".into(),
            body: "half a table".into(),
            rows: 1,
        })?;
        Err::<Draft, _>(uptake::error::Error::new(Exit::Privacy, "the audit refused"))
    });
    assert_eq!(refused.expect_err("refused").exit as u8, 7);
    assert!(world.head() == head && shown(&world) == before, "the last snapshot stays");
}

/// A world with a feed of its own beside the canonical ones, published once; the feed's text ends in `gates`.
fn gated(feed: &'static str, text: &str, first: (&str, String)) -> World {
    let setup = Setup {
        feeds: [&CANONICAL[..], &[feed][..]].concat(),
        own_feeds: vec![(feed, &*String::leak(text.to_owned()))],
        ..Setup::default()
    };
    let world = World::with(setup);
    world.deliver("workers_2026-03-02.csv", staff(20));
    let accounts: String = (0..20).map(|number| format!("u{number},n{number},learner\n")).collect();
    world.deliver("users_2026-03-02.csv", format!("user_id,employee_no,kind\n{accounts}"));
    world.deliver(first.0, first.1);
    assert_eq!(world.uptake("run JOB --as-of 2026-03-03"), DONE);
    world
}

/// Figures of what `data_quality` says under a check for a reason, of deliveries of the ninth.
fn said(world: &World, check: &str, reason: &str) -> Vec<[String; 4]> {
    let rows = world.table("ops/data_quality").into_iter();
    rows.filter(|row| {
        row["check_kind"] == check && row["reason_code"] == reason && row["delivery"].contains("2026-03-09")
    })
    .map(|row| ["reason_code", "column_name", "affected", "out_of"].map(|name| row[name].clone()))
    .collect()
}

/// What blocks, warns or is off, by the feed's word: exit code and rows of data_quality.
fn by_verdict(
    (feed, text, gate): (&'static str, &str, &str),
    (good, bad): ((&str, String), (&str, String)),
    (check, expected): (&str, [&str; 4]),
) {
    for (verdict, code, rows) in [("block", GATE, 0), ("warn", DONE, 1), ("off", DONE, 0)] {
        let world = gated(feed, &format!("{text}\n[gates]\n{gate} = \"{verdict}\"\n"), good.clone());
        world.deliver(bad.0, bad.1.clone());
        then(&world, code);
        let rows = vec![expected.map(str::to_owned); rows];
        assert_eq!(said(&world, check, expected[0]), rows, "{gate} = {verdict}");
    }
}

const ACTS: &str = r#"
description = "Events."
fills = "activity"
path = "own/acts_{date}.csv"
format = "csv"
[[headers]]
event_id = "id"
occurred_at = "at"
user_id = "who"
[headers.verb]
from = "what"
values = { "saw" = "viewed" }
default = "viewed"
"#;

/// So many events of so many accounts that HRIS knows, and as many that it does not.
fn acts(day: u32, known: usize, strangers: usize) -> (String, String) {
    let row = |who: String| format!("x-{day}-{who},2026-03-{day:02}T09:00:00Z,{who},saw\n");
    let rows = (0..known).map(|n| row(format!("u{n}"))).chain((0..strangers).map(|n| row(format!("s{n}"))));
    (format!("own/acts_2026-03-{:02}.csv", day + 1), format!("id,at,who,what\n{}", rows.collect::<String>()))
}

fn named((path, text): &(String, String)) -> (&str, String) {
    (path, text.clone())
}

#[test]
fn a_delivery_without_a_record_blocks_warns_or_passes_as_its_feed_says() {
    let good = acts(1, 20, 0);
    let empty = ("own/acts_2026-03-09.csv", "id,at,who,what\n".to_owned());
    let changes = ACTS.replace("format = \"csv\"", "format = \"csv\"\nmode = \"delta\"");
    by_verdict(("acts", &changes, "zero_rows"), (named(&good), empty), ("zero_rows", ["zero_rows", "", "0", "0"]));
}

#[test]
fn an_empty_delivery_of_events_is_an_idle_hour_whatever_it_is_compared_with() {
    let limited = format!("{ACTS}[limits]\nrows_against_last = 0.9\n");
    for text in ["", "id,at,who,what\n", "id,at,who,what"] {
        let world = gated("acts", &limited, named(&acts(1, 20, 0)));
        world.deliver("own/acts_2026-03-09.csv", text);
        then(&world, DONE);
        assert_eq!(said(&world, "records", "idle"), vec![["idle", "", "1", "0"].map(str::to_owned)], "{text:?}");
        let entry = world.ledger()["own/acts_2026-03-09.csv"].clone();
        assert_eq!((entry.counts.read, entry.refused), (0, None));
    }
}

#[test]
fn a_full_snapshot_without_rows_is_refused_also_when_it_is_the_first() {
    let world = World::new();
    world.deliver("workers_2026-03-02.csv", staff(20));
    world.deliver("users_2026-03-02.csv", "user_id,employee_no,kind\n");
    assert_eq!(world.uptake("run JOB --as-of 2026-03-03"), GATE);
    assert_eq!(world.head().map(|head| head.shows()), Some(0), "nothing but what operators read");
}

#[test]
fn control_totals_bind_each_time_and_one_that_comes_late_is_compared_with_what_waited_for_it() {
    let bound = format!("{ACTS}[control]\nsidecar = \"{{path}}.ctl\"\n");
    let setup = Setup {
        feeds: [&CANONICAL[..], &["acts"][..]].concat(),
        own_feeds: vec![("acts", &*String::leak(bound))],
        refused: vec!["acts"],
        ..Setup::default()
    };
    let world = World::with(setup);
    world.deliver("workers_2026-03-02.csv", staff(20));
    world.deliver("users_2026-03-02.csv", "user_id,employee_no,kind\nu1,n1,learner\n");
    let (path, text) = acts(1, 20, 0);
    world.deliver(&path, &text);
    assert_eq!(world.uptake("run JOB --as-of 2026-03-03"), DONE);
    let refused = || world.ledger()[&path].refused.clone();
    assert_eq!(refused().as_deref(), Some("control_total_mismatch"), "there are none");
    world.deliver(&format!("{path}.ctl"), "rows=21\n");
    assert_eq!(world.uptake("run JOB --as-of 2026-03-03"), DONE);
    assert_eq!(refused().as_deref(), Some("control_total_mismatch"), "they say otherwise");
    world.deliver(&format!("{path}.ctl"), "rows: 20\n");
    assert_eq!(world.uptake("run JOB --as-of 2026-03-03"), DONE);
    assert_eq!(refused(), None);
    // An idle hour, too, is what its sender says it is.
    world.deliver("own/acts_2026-03-09.csv", "");
    world.deliver("own/acts_2026-03-09.csv.ctl", "rows=3\n");
    assert_eq!(world.uptake("run JOB --as-of 2026-03-10"), DONE);
    assert_eq!(world.ledger()["own/acts_2026-03-09.csv"].refused.as_deref(), Some("control_total_mismatch"));
}

#[test]
fn accounts_that_hris_does_not_know_block_warn_or_pass_as_their_feed_says() {
    let (good, strange) = (acts(1, 20, 0), acts(8, 9, 11));
    by_verdict(
        ("acts", ACTS, "join_coverage"),
        (named(&good), named(&strange)),
        ("join_coverage", ["join_coverage", "", "11", "20"]),
    );
    // Half is enough by default, and of nine accounts nothing is said.
    for enough in [acts(8, 10, 10), acts(8, 0, 9)] {
        let world = gated("acts", &format!("{ACTS}[gates]\njoin_coverage = \"block\"\n"), named(&good));
        world.deliver(&enough.0, enough.1);
        then(&world, DONE);
    }
}

#[test]
fn a_tolerated_delivery_of_strangers_is_left_out_and_the_others_are_published() {
    let text = format!("{ACTS}[gates]\njoin_coverage = \"block\"\n");
    let setup = Setup {
        feeds: [&CANONICAL[..], &["acts"][..]].concat(),
        own_feeds: vec![("acts", &*String::leak(text))],
        refused: vec!["acts"],
        ..Setup::default()
    };
    let world = World::with(setup);
    world.deliver("workers_2026-03-02.csv", staff(20));
    world.deliver("users_2026-03-02.csv", "user_id,employee_no,kind\nu1,n1,learner\n");
    let (strange, rest) = (acts(8, 1, 19), "event_id,occurred_at,user_id,verb\ne1,2026-03-08T09:00:00Z,u1,completed\n");
    world.deliver(&strange.0, strange.1);
    world.deliver("activity_2026-03-09.csv", rest);
    assert_eq!(world.uptake("run JOB --as-of 2026-03-10"), DONE);
    let told = world.table("ops/deliveries");
    let refused = told.iter().find(|row| row["delivery"] == "own/acts_2026-03-09.csv").expect("a row");
    assert_eq!((refused["status"].as_str(), refused["reason_code"].as_str()), ("refused", "join_coverage"));
    let events = world.table("canon/activity");
    assert_eq!(events.iter().map(|row| row["event_id"].as_str()).collect::<Vec<_>>(), ["e1"]);
}

#[test]
fn values_that_no_map_names_block_warn_or_pass_as_their_feed_says() {
    let good = acts(1, 20, 0);
    let mut odd = acts(8, 20, 0);
    odd.1 = odd.1.replacen("saw", "gaped", 2);
    by_verdict(
        ("acts", &format!("{ACTS}[limits]\nunknown_share = 0.09\n"), "unknown_values"),
        (named(&good), named(&odd)),
        ("unknown_value", ["unknown_share", "verb", "2", "20"]),
    );
}

const SNAPSHOT: &str = r#"
description = "Workers as of a day."
fills = "workers"
path = "own/people_{date}.csv"
format = "csv"
mode = "full"
[[headers]]
worker_id = "id"
status = "status"
"#;

#[test]
fn a_headcount_that_jumps_blocks_warns_or_passes_as_its_feed_says() {
    let people = |employed: usize| {
        let status = |n: usize| if n < employed { "active" } else { "terminated" };
        let rows: String = (0..20).map(|n| format!("p{n},{}\n", status(n))).collect();
        format!("id,status\n{rows}")
    };
    let (good, bad) = (("own/people_2026-03-02.csv", people(20)), ("own/people_2026-03-09.csv", people(13)));
    by_verdict(
        ("people", SNAPSHOT, "headcount_change"),
        (good.clone(), bad),
        ("headcount_change", ["headcount_change", "", "7", "20"]),
    );
    let world = gated("people", &format!("{SNAPSHOT}[gates]\nheadcount_change = \"block\"\n"), good);
    world.deliver("own/people_2026-03-09.csv", people(14));
    then(&world, DONE);
}

#[test]
fn records_of_one_key_that_differ_block_where_the_feed_says_so() {
    let good = acts(1, 20, 0);
    let mut twice = acts(8, 100, 0);
    twice.1 += "x-8-u1,2026-03-08T10:00:00Z,u1,saw\n";
    for (verdict, code) in [("block", GATE), ("warn", DONE), ("off", DONE)] {
        let world = gated("acts", &format!("{ACTS}[gates]\nkey_uniqueness = \"{verdict}\"\n"), named(&good));
        world.deliver(&twice.0, twice.1.clone());
        then(&world, code);
        let rejected = !said(&world, "reject", "duplicate_key_conflict").is_empty();
        assert_eq!(rejected, verdict != "off", "{verdict}");
    }
}

#[test]
fn a_feed_that_went_quiet_blocks_warns_or_passes_as_it_says() {
    for (gates, code, stale) in [("", DONE, 1), ("freshness = \"block\"", GATE, 0), ("freshness = \"off\"", DONE, 0)] {
        let good = acts(1, 20, 0);
        let world = gated("acts", &format!("{ACTS}[limits]\nfresh_days = 7\n[gates]\n{gates}\n"), named(&good));
        // The newest delivery is of the second: seven days old on the ninth, eight on the tenth.
        assert_eq!(world.uptake("run JOB --as-of 2026-03-09T12:00:00Z"), DONE);
        let rows = |world: &World| {
            let rows = world.table("ops/data_quality").into_iter();
            rows.filter(|row| row["check_kind"] == "freshness").map(|row| row["affected"].clone()).collect::<Vec<_>>()
        };
        assert!(rows(&world).is_empty(), "{gates}");
        let head = shown(&world).0;
        assert_eq!(world.uptake("run JOB --as-of 2026-03-10"), code);
        assert_eq!(rows(&world), vec!["8"; stale], "{gates}");
        assert_eq!(shown(&world).0 == head, code == GATE, "{gates}");
    }
}
