//! Promise 4: the last good snapshot stays, and the exit code says what a scheduler should do.

use std::sync::Arc;

use object_store::memory::InMemory;
use uptake::error::Exit;
use uptake::store::Store;

use crate::faulty::{Fault, Faults, FaultyStore, Shared};
use crate::world::{CANONICAL, How, Setup, World, instant};

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

/// Runs after `deliver` broke something: the code, and whether head moved.
fn then(world: &World, code: u8) {
    let (head, files) = (world.head(), world.files());
    assert_eq!(world.uptake("run JOB --as-of 2026-03-10"), code);
    if code == DONE {
        assert!(world.head() != head);
    } else {
        assert!(world.head() == head && world.files() == files, "the last snapshot stays");
    }
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
fn a_column_that_went_empty_overnight_is_held_back() {
    let world = good();
    world.deliver("workers_2026-03-09.csv", staff(20).replace(",a\n", ",\n"));
    then(&world, GATE);
}

#[test]
fn a_delivery_that_is_no_table_is_refused_whole() {
    for text in [
        "<!DOCTYPE html><html><body>502 Bad Gateway</body></html>",
        "",
        "event_id,occurred_at\ne2,2026-03-08T09:00:00Z\n",
    ] {
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
    assert_eq!(strict.commit_no(), 0);
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
        let noted =
            world.table("ops/data_quality").into_iter().filter(|row| row["reason_code"] == "reject_share").map(|row| {
                [row["delivery"].clone(), row["affected"].clone(), row["out_of"].clone(), row["share"].clone()]
            });
        let expected = ["narrow/acts_2026-03-09.csv", "1", "2", "0.5"].map(str::to_owned);
        // The feed that says nothing of bad records is judged by the usual share only from a hundred records on.
        assert_eq!(noted.collect::<Vec<_>>(), if limits.is_empty() { vec![expected] } else { Vec::new() }, "{limits}");
    }
}

#[test]
fn a_run_that_the_privacy_audit_refuses_late_leaves_the_last_snapshot_though_it_wrote_files() {
    use uptake::publish::{Draft, NewFile, publish};
    let world = good();
    let (head, files) = (world.head(), world.files());
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
    assert!(world.head() == head && world.files() == files, "the last snapshot stays");
}
