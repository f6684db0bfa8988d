//! Events: one id is one event wherever its days lie, time is spent once, and what is done to somebody is nobody's act.

use std::fs;
use std::path::PathBuf;

use crate::company::Delivery;
use crate::order::{any_order, delivery, staff};
use crate::world::{CANONICAL, Kind, Setup, World};

fn told(rows: &[(&str, &str)]) -> Vec<Delivery> {
    let header = "event_id,occurred_at,user_id,verb,object_id,duration_seconds,voids_event_id";
    rows.iter().map(|(date, text)| delivery(&format!("activity_{date}.csv"), &format!("{header}\n{text}"))).collect()
}

/// Person-days as `day person events active seconds sessions`.
fn person_days(world: &World) -> Vec<String> {
    let mut days: Vec<String> = world
        .table("canon/person_day")
        .iter()
        .filter(|row| !row["person_key"].is_empty())
        .map(|row| {
            ["day", "person_key", "events", "active_acts", "learning_seconds", "sessions"]
                .map(|name| row[name].clone())
                .join(" ")
        })
        .collect();
    days.sort();
    days
}

/// Events as `id day verb`.
fn live(world: &World) -> Vec<String> {
    let mut events: Vec<String> = world
        .table("canon/activity")
        .iter()
        .filter(|row| row["voids_event_id"].is_empty())
        .map(|row| format!("{} {} {}", row["event_id"], &row["occurred_at"][..10], row["verb"]))
        .collect();
    events.sort();
    events
}

#[test]
fn time_before_midnight_is_of_the_day_before_makes_nobody_a_visitor_there_and_is_counted_once_in_any_order() {
    // Midnight of Berlin is at 23:00Z. Nobody does anything on the 5th and the 8th.
    let told = told(&[
        ("2026-03-03", "e1,2026-03-02T22:50:00Z,u1,completed,c1,1200,\n"),
        // Fifteen of these twenty-five minutes lie on the 2nd, and five of the fifteen are those of e1.
        ("2026-03-04", "e2,2026-03-02T23:10:00Z,u1,passed,c1,1500,\ne3,2026-03-03T12:00:00Z,u1,viewed,c2,60,\n"),
        ("2026-03-07", "e4,2026-03-05T23:05:00Z,u2,completed,c1,600,\ne5,2026-03-05T23:05:00Z,u2,passed,c2,900,\n"),
        ("2026-03-10", "e6,2026-03-08T23:00:00Z,u3,completed,c1,300,\n"),
    ]);
    let world = any_order(&Setup::default(), &staff(), &told);
    assert_eq!(
        person_days(&world),
        [
            // 22:30 to 22:50, and 22:45 to 23:00.
            "2026-03-02 w1 1 1 1800 1",
            "2026-03-03 w1 2 1 660 2",
            "2026-03-05 w2 0 0 600 0",
            "2026-03-06 w2 2 2 300 1",
            "2026-03-08 w3 0 0 300 0",
            "2026-03-09 w3 1 1 0 1",
        ]
    );
    let mut minutes: Vec<String> = world
        .table("canon/content_day")
        .iter()
        .map(|row| ["day", "object_id", "person_key", "views", "seconds"].map(|name| row[name].clone()).join(" "))
        .collect();
    minutes.sort();
    assert_eq!(
        minutes,
        [
            "2026-03-02 c1 w1 1 1800",
            "2026-03-03 c1 w1 1 600",
            "2026-03-03 c2 w1 1 60",
            "2026-03-05 c1 w2 0 300",
            "2026-03-05 c2 w2 0 600",
            "2026-03-06 c1 w2 1 300",
            "2026-03-06 c2 w2 1 300",
            "2026-03-08 c1 w3 0 300",
            "2026-03-09 c1 w3 1 0",
        ]
    );
}

const LASTING: &str = r#"
description = "Sessions with their beginning."
fills = "activity"
path = "sessions/*_{date}.csv"
format = "csv"
duration = "from"
[[headers]]
event_id = "id"
occurred_at = "begun"
user_id = "who"
verb = { value = "progressed" }
duration_seconds = "seconds"
"#;

#[test]
fn a_feed_whose_durations_begin_at_the_instant_spends_them_after_it_and_into_the_next_day() {
    let setup = Setup {
        feeds: [&CANONICAL[..], &["sessions"][..]].concat(),
        own_feeds: vec![("sessions", LASTING)],
        ..Setup::default()
    };
    let header = "id,begun,who,seconds\n";
    let told = [
        // Half an hour from a quarter to midnight of Berlin.
        delivery("sessions/a_2026-03-03.csv", &format!("{header}s1,2026-03-02T22:45:00Z,u1,1800\n")),
        // The first quarter of an hour of the 3rd once more.
        delivery("sessions/a_2026-03-04.csv", &format!("{header}s2,2026-03-02T23:00:00Z,u1,900\n")),
        delivery("sessions/b_2026-03-04.csv", &format!("{header}s3,2026-03-04T22:59:00Z,u2,120\n")),
    ];
    let world = any_order(&setup, &staff(), &told);
    assert_eq!(
        person_days(&world),
        ["2026-03-02 w1 1 1 900 1", "2026-03-03 w1 1 1 900 1", "2026-03-04 w2 1 1 60 1", "2026-03-05 w2 0 0 60 0"]
    );
}

#[test]
fn seconds_of_an_event_that_was_told_as_a_day_lie_on_that_day_and_add_up_whichever_way_durations_run() {
    for ends in ["", "duration = \"to\""] {
        let feed: &'static str = Box::leak(LASTING.replace("duration = \"from\"", ends).into_boxed_str());
        assert!(!feed.contains("\"from\""));
        let setup = Setup {
            feeds: [&CANONICAL[..], &["sessions"][..]].concat(),
            own_feeds: vec![("sessions", feed)],
            ..Setup::default()
        };
        let header = "id,begun,who,seconds\n";
        let told = [
            delivery("sessions/a_2026-03-04.csv", &format!("{header}s1,2026-03-02,u1,3600\ns2,2026-03-02,u1,1800\n")),
            delivery("sessions/b_2026-03-04.csv", &format!("{header}s3,2026-03-02T23:00:00Z,u2,60\n")),
        ];
        let world = any_order(&setup, &staff(), &told);
        assert_eq!(
            person_days(&world),
            ["2026-03-02 w1 2 2 5400 1", "2026-03-02 w2 0 0 60 0", "2026-03-03 w2 1 1 0 1"]
        );
    }
}

#[test]
fn an_id_stated_months_apart_is_one_event_and_a_voiding_finds_it_in_any_order_and_by_whatever_feed() {
    let told = told(&[
        ("2025-09-03", "e1,2025-09-02T09:00:00Z,u1,viewed,,,\ne2,2025-09-02T09:00:00Z,u2,viewed,,,\n"),
        ("2026-03-04", "e1,2026-03-03T09:00:00Z,u1,completed,,,\n"),
        ("2026-03-05", "v2,2026-03-04T09:00:00Z,u2,voided,,,e2\n"),
    ]);
    let world = any_order(&Setup::default(), &staff(), &told);
    assert_eq!(live(&world), ["e1 2026-03-03 completed"]);
    assert_eq!(person_days(&world), ["2026-03-03 w1 1 1 0 1"]);
}

#[test]
fn a_reaction_has_one_day_too() {
    let header = "reaction_id,contribution_id,actor_id,kind,occurred_at";
    let told = [
        delivery("reactions_2026-03-03.csv", &format!("{header}\nr1,k1,u1,like,2026-03-02T09:00:00Z\n")),
        delivery("reactions_2026-03-20.csv", &format!("{header}\nr1,k1,u2,like,2026-03-19T09:00:00Z\n")),
    ];
    let world = any_order(&Setup::default(), &staff(), &told);
    assert_eq!(person_days(&world), ["2026-03-19 w2 0 1 0 0"]);
}

#[test]
fn what_was_done_to_somebody_is_nobodys_act_and_a_verb_of_no_meaning_is_a_visit() {
    let told = told(&[(
        "2026-03-03",
        "e1,2026-03-02T09:00:00Z,u1,enrolled,c1,600,\ne2,2026-03-02T09:00:00Z,u2,other,c1,60,\ne3,2026-03-02T09:00:00Z,u3,logged_in,,,\ne4,2026-03-02T09:00:00Z,nobody,enrolled,c1,,\n",
    )]);
    let world = any_order(&Setup::default(), &staff(), &told);
    assert_eq!(person_days(&world), ["2026-03-02 w2 1 0 60 1", "2026-03-02 w3 1 0 0 1"]);
    assert!(
        world.table("canon/person_day").iter().all(|row| row["unmatched_events"] == "0"),
        "nobody's, not unmatched"
    );
}

#[test]
fn an_enrolment_opens_no_report_period() {
    let acts = told(&[
        ("2025-06-04", "e0,2025-06-03T09:00:00Z,u1,enrolled,c1,,\n"),
        ("2026-03-04", "e1,2026-02-03T09:00:00Z,u1,completed,,,\n"),
    ]);
    let world = World::new();
    for delivery in staff().iter().chain(&acts) {
        world.deliver(&delivery.path, &delivery.text);
    }
    world.nightly("2026-04-02");
    let months = world.table("marts/adoption_kpis").into_iter().filter(|row| row["grain"] == "month");
    assert_eq!(months.map(|row| row["period_start"].clone()).min().as_deref(), Some("2026-02-01"));
}

/// Data files of a table on disk whose name begins so.
fn stored(world: &World, table: &str, partition: &str) -> Vec<PathBuf> {
    let folder = world.folder.path().join("lake/canon/data").join(table);
    let named = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(partition));
    fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).filter(named).collect()
}

#[test]
fn a_correction_opens_the_day_it_came_from_and_no_other() {
    let world = World::at(Kind::Disk, Setup::default()).expect("a world");
    for delivery in staff() {
        world.deliver(&delivery.path, &delivery.text);
    }
    let day = |n: usize| format!("2026-03-{n:02}");
    let header = "event_id,occurred_at,user_id,verb";
    for n in 2..20 {
        let rows: String = (0..40).map(|e| format!("e{n}-{e},{}T09:00:00Z,u{},viewed\n", day(n), e % 3 + 1)).collect();
        world.deliver(&format!("activity_{}.csv", day(n + 1)), format!("{header}\n{rows}"));
    }
    world.nightly("2026-03-21");
    // Whoever opens any other day fails.
    for n in (2..20).filter(|n| *n != 5) {
        stored(&world, "activity", &day(n)).iter().for_each(|path| fs::remove_file(path).expect("a file"));
    }
    world.deliver("activity_2026-03-21.csv", format!("{header}\ne5-7,2026-03-20T09:00:00Z,u1,completed\n"));
    world.nightly("2026-03-22");
    let head = world.head().expect("a commit");
    let rows = |day: &str| head.files["canon/activity"][day].rows;
    assert_eq!((rows("2026-03-05"), rows("2026-03-20"), rows("2026-03-06")), (39, 1, 40));
}

#[test]
fn a_lake_without_filters_gets_them_and_its_copies_become_one_event() {
    let world = World::at(Kind::Disk, Setup::default()).expect("a world");
    for delivery in staff() {
        world.deliver(&delivery.path, &delivery.text);
    }
    let header = "event_id,occurred_at,user_id,verb,voids_event_id";
    world.deliver("activity_2026-03-03.csv", format!("{header}\ne1,2026-03-02T09:00:00Z,u1,viewed,\n"));
    world.deliver("activity_2026-03-04.csv", format!("{header}\ne2,2026-03-03T09:00:00Z,u2,viewed,\n"));
    world.nightly("2026-03-05");
    let commit = world.folder.path().join("lake/_commits/00000000000000000001.json");
    let mut text: serde_json::Value = serde_json::from_slice(&fs::read(&commit).expect("a commit")).expect("json");
    assert!(text["files"]["canon/event_ids"].take().is_object());
    text["files"].as_object_mut().expect("files").remove("canon/event_ids");
    fs::write(&commit, serde_json::to_vec_pretty(&text).expect("json")).expect("a commit");
    world.deliver(
        "activity_2026-03-20.csv",
        format!("{header}\ne1,2026-03-19T09:00:00Z,u1,completed,\nv1,2026-03-19T10:00:00Z,u2,voided,e2\n"),
    );
    world.nightly("2026-03-21");
    assert_eq!(live(&world), ["e1 2026-03-19 completed"]);
    let filters = world.head().expect("a commit").files["canon/event_ids"].len();
    assert_eq!(
        filters,
        world.head().expect("a commit").files["canon/activity"].len() - 1,
        "one a day, none for `removed`"
    );
}
