//! Late and corrected deliveries reopen exactly what they change, and a nightly reads only what it needs.

use std::collections::BTreeSet;
use std::sync::Arc;

use object_store::memory::InMemory;
use uptake::store::Store;

use crate::company::{self, Plan};
use crate::faulty::{Faults, FaultyStore, Shared};
use crate::world::{FileMap, How, World, difference, instant};

const PLAN: Plan = Plan { workers: 24, weeks: 8, seed: 8, bad_rows: false };

fn lived() -> World {
    let world = World::new();
    for delivery in company::deliveries(&PLAN) {
        world.deliver(&delivery.path, &delivery.text);
    }
    world.nightly(&company::end(&PLAN).to_string());
    world
}

fn changed(before: &FileMap, after: &FileMap) -> Vec<String> {
    difference(before, after).into_iter().filter(|line| line.starts_with('+')).collect()
}

#[test]
fn a_late_event_reopens_its_own_day_and_the_periods_that_hold_it_and_nothing_before() {
    let world = lived();
    let before = world.files();
    world.deliver(
        "late/activity_2026-04-17.csv",
        "event_id,occurred_at,user_id,verb\nlate1,2026-04-08T09:00:00Z,u1,completed\n",
    );
    let report = world.nightly(&company::end(&PLAN).to_string());
    assert_eq!((report.deliveries_read, report.days_rolled_up), (1, 1), "{report:?}");
    // 2026-04-08 to 2026-04-21: 14 days, two weeks and a day's third, one month, one quarter; of the other tables those that hold the
    // day, and the one after each that shows a change.
    assert!((8..=30).contains(&report.periods_computed), "{report:?}");
    let written = changed(&before, &world.files());
    let activity: Vec<&String> = written.iter().filter(|path| path.contains("canon/data/activity")).collect();
    assert!(activity.len() == 1 && activity[0].contains("2026-04-08"), "{activity:?}");
    assert!(written.iter().any(|path| path.contains("adoption_kpis/day-2026-04")), "{written:#?}");
    for closed in ["day-2026-02", "day-2026-03", "week-2026-02", "week-2026-03"] {
        assert!(
            !written.iter().any(|path| path.contains("adoption_kpis/") && path.contains(closed)),
            "{closed}: {written:#?}"
        );
    }
}

#[test]
fn the_same_event_told_again_changes_no_mart() {
    let world = lived();
    let told =
        company::deliveries(&PLAN).into_iter().find(|delivery| delivery.path.contains("activity_")).expect("activity");
    let before = world.files();
    world.deliver(&format!("again/{}", told.path), &told.text);
    let report = world.nightly(&company::end(&PLAN).to_string());
    assert_eq!(
        (report.counts.duplicate + report.counts.voided + report.counts.superseded > 0, report.periods_computed),
        (true, 0),
        "{report:?}"
    );
    let marts: Vec<String> =
        changed(&before, &world.files()).into_iter().filter(|path| path.contains("marts/")).collect();
    assert_eq!(marts, Vec::<String>::new());
}

#[test]
fn a_corrected_history_of_a_person_reopens_the_periods_since_and_none_before() {
    let world = lived();
    let before = world.files();
    let last =
        company::deliveries(&PLAN).into_iter().rfind(|delivery| delivery.path.contains("workers_")).expect("workers");
    // w001 has worked in Lima since April.
    let line = last.text.lines().find(|line| line.starts_with("w001,")).expect("w001");
    let fields: Vec<&str> = line.split(',').collect();
    let closed = line.replacen(&format!("{},,", fields[1]), &format!("{},2026-04-01,", fields[1]), 1);
    let moved = line.replacen(fields[1], "2026-04-01", 1);
    let moved = format!("{},lima", moved.rsplit_once(',').expect("a location").0);
    let text = last.text.replace(line, &format!("{closed}\n{moved}"));
    world.deliver("hris/workers_2026-04-21.csv", text);
    let report = world.nightly(&company::end(&PLAN).to_string());
    assert!(report.periods_computed > 0, "{report:?}");
    let written = changed(&before, &world.files());
    assert!(written.iter().any(|path| path.contains("adoption_kpis/day-2026-04")), "{written:#?}");
    for closed in ["day-2026-02", "day-2026-03", "week-2026-02"] {
        assert!(
            !written.iter().any(|path| path.contains("adoption_kpis/") && path.contains(closed)),
            "{closed}: {written:#?}"
        );
    }
}

#[test]
fn a_backfill_computes_the_periods_of_its_range_alone() {
    let world = lived();
    let how = How {
        as_of: instant(&company::end(&PLAN).to_string()),
        backfill: Some((crate::world::day("2026-03-10"), crate::world::day("2026-03-12"))),
        ..How::default()
    };
    let report = world.run(&how).expect("a backfill");
    // Two days, a week, a month, a quarter, and the one after each, which shows a change against it; and what is computed whole.
    assert_eq!((report.deliveries_read, report.days_rolled_up), (0, 2));
    // The months of cohorts, certifications and content as well.
    let whole = uptake::mart::list::DERIVED.len() as u64;
    assert!((5..=22 + whole).contains(&report.periods_computed), "{report:?}");
}

#[test]
fn a_backfill_of_one_mart_leaves_the_days_and_the_other_marts_alone() {
    let world = lived();
    let as_of = instant(&company::end(&PLAN).to_string());
    let backfill = Some((crate::world::day("2026-03-10"), crate::world::day("2026-03-12")));
    let about = |table| world.run(&How { as_of, backfill, table: Some(table), ..How::default() }).expect("a backfill");
    let own = about("adoption_kpis");
    assert_eq!(own.days_rolled_up, 0);
    assert!((5..=9).contains(&own.periods_computed), "{own:?}");
    let other = about("dim_date");
    assert_eq!((other.days_rolled_up, other.periods_computed), (0, 0));

    assert_eq!(world.uptake("backfill JOB --from 2026-03-10 --to 2026-03-12 --table adoption_kpis"), 0);
    assert_eq!(world.uptake("backfill JOB --from 2026-03-10 --to 2026-03-12 --table adoption"), 2);
    assert_eq!(world.uptake("backfill JOB --from 2026-03-10 --to 2026-03-12 --table activity"), 2);
}

#[test]
fn a_nightly_reads_the_new_delivery_and_the_days_around_it_and_not_the_history() {
    let world = World::new();
    let (landing, lake) = (Arc::new(InMemory::new()), Arc::new(InMemory::new()));
    let plain = |inner: &Arc<InMemory>| Store::from_object_store(inner.clone(), "", "memory").expect("a store");
    for delivery in company::deliveries(&PLAN) {
        plain(&landing).put_new(&delivery.path, delivery.text.into()).expect("a delivery");
    }
    let as_of = instant(&company::end(&PLAN).to_string());
    world
        .run(&How { as_of, landing: Some(&plain(&landing)), lake: Some(&plain(&lake)), ..How::default() })
        .expect("a run");

    let next = "event_id,occurred_at,user_id,verb\nnew1,2026-04-21T09:00:00Z,u1,completed\n";
    plain(&landing).put_new("lms/activity_2026-04-22.csv", next.into()).expect("a delivery");
    let counted = |inner: &Arc<InMemory>| Shared(Arc::new(FaultyStore::new(inner.clone(), Faults::new())));
    let (from, to) = (counted(&landing), counted(&lake));
    let wrap = |shared: &Shared| Store::from_object_store(Arc::new(shared.clone()), "", "counted").expect("a store");
    let as_of = instant("2026-04-22");
    world
        .run(&How { as_of, landing: Some(&wrap(&from)), lake: Some(&wrap(&to)), ..How::default() })
        .expect("a nightly");

    let reads = |shared: &Shared| -> Vec<String> {
        shared.0.ops().into_iter().filter(|op| op.verb == "get").map(|op| op.path).collect()
    };
    assert_eq!(reads(&from), ["lms/activity_2026-04-22.csv"]);
    let lake_reads = reads(&to);
    let of = |table: &str| lake_reads.iter().filter(|path| path.contains(&format!("/data/{table}/"))).count();
    // What was written is read back once.
    assert!(of("activity") <= 2, "days of activity: {lake_reads:#?}");
    // Each mart that is made from acts walks the chain itself. `latest/` is put together from all files of a table, so files of marts say nothing here.
    assert!(of("reactions") == 0 && of("person_activation") <= 4, "{lake_reads:#?}");
}

/// A cell of the company's row.
fn company(world: &World, grain: &str, start: &str, column: &str) -> String {
    let rows = world.table("marts/adoption_kpis");
    let mut cells = rows
        .iter()
        .filter(|row| row["grain"] == grain && row["period_start"] == start && row["scope_kind"] == "company")
        .map(|row| row[column].clone());
    let cell = cells.next().unwrap_or_else(|| panic!("no row for {grain} {start}"));
    assert_eq!(cells.next(), None);
    cell
}

/// Eight people of one unit: a figure of some of them is neither none nor all, and so is shown.
const STAFF: [u32; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn workers() -> String {
    let row = |number: u32| format!("w{number},2020-01-01,n{number},active,employee,a\n");
    format!("worker_id,effective_from,employee_no,status,worker_type,org_id\n{}", STAFF.map(row).concat())
}

fn hired() -> World {
    let world = World::new();
    world.deliver("workers_2026-03-01.csv", workers());
    let users = STAFF.map(|number| format!("u{number},n{number},learner\n")).concat();
    world.deliver("users_2026-03-01.csv", format!("user_id,employee_no,kind\n{users}"));
    world
}

fn acted(world: &World, made_on: &str, rows: &str) {
    let header = "event_id,occurred_at,user_id,verb,voids_event_id\n";
    world.deliver(&format!("activity_{made_on}.csv"), format!("{header}{rows}"));
}

#[test]
fn who_was_active_months_ago_is_not_newly_activated_until_that_act_is_voided() {
    let world = hired();
    acted(&world, "2026-01-21", "e1,2026-01-05T09:00:00Z,u1,completed,\ne2,2026-01-20T09:00:00Z,u1,completed,\n");
    world.nightly("2026-02-02");
    acted(&world, "2026-02-11", "e3,2026-02-10T09:00:00Z,u3,completed,\n");
    world.nightly("2026-03-02");
    acted(&world, "2026-03-04", "e4,2026-03-03T09:00:00Z,u1,completed,\ne5,2026-03-03T09:00:00Z,u2,completed,\n");
    world.nightly("2026-03-05");
    let march = |column: &str| company(&world, "month", "2026-03-01", column);
    assert_eq!((march("newly_activated"), march("activated_to_date")), ("1".into(), "3".into()));
    let first: BTreeSet<String> = world
        .table("canon/person_activation")
        .iter()
        .map(|row| format!("{} {}", row["person_key"], row["first_active_day"]))
        .collect();
    assert_eq!(first.into_iter().collect::<Vec<_>>(), ["w1 2026-01-05", "w3 2026-02-10"]);

    acted(&world, "2026-03-05", "v1,2026-03-04T09:00:00Z,u1,voided,e1\nv2,2026-03-04T09:00:00Z,u1,voided,e2\n");
    world.nightly("2026-03-06");
    assert_eq!((march("newly_activated"), march("activated_to_date")), ("2".into(), "3".into()));
    assert_eq!(company(&world, "month", "2026-02-01", "activated_to_date"), "1");
}

#[test]
fn an_act_of_january_told_in_march_moves_the_activation_of_march_alone_by_the_chain() {
    let world = hired();
    acted(&world, "2026-03-04", "e1,2026-03-03T09:00:00Z,u1,completed,\ne2,2026-03-03T09:00:00Z,u2,completed,\n");
    acted(&world, "2026-02-11", "e3,2026-02-10T09:00:00Z,u3,completed,\n");
    world.nightly("2026-04-02");
    let march = |column: &str| company(&world, "month", "2026-03-01", column);
    assert_eq!((march("newly_activated"), march("activated_to_date")), ("2".into(), "3".into()));
    acted(&world, "2026-03-05", "e0,2026-01-05T09:00:00Z,u1,completed,\n");
    world.nightly("2026-04-03");
    assert_eq!((march("newly_activated"), march("activated_to_date")), ("1".into(), "3".into()));
}

#[test]
fn a_late_reaction_makes_its_actor_active_on_the_day() {
    let world = hired();
    acted(&world, "2026-03-03", "e1,2026-03-02T09:00:00Z,u1,completed,\n");
    world.nightly("2026-03-10");
    assert_eq!(company(&world, "day", "2026-03-02", "active_learners"), "1");
    world.deliver(
        "reactions_2026-03-09.csv",
        "reaction_id,contribution_id,actor_id,kind,occurred_at\nr1,k1,u2,like,2026-03-02T10:00:00Z\n",
    );
    world.nightly("2026-03-10");
    assert_eq!(company(&world, "day", "2026-03-02", "active_learners"), "2");
}

#[test]
fn a_day_with_nothing_but_a_post_is_reported_and_may_be_the_first() {
    let world = hired();
    world.deliver(
        "contributions_2026-03-03.csv",
        "contribution_id,author_id,kind,created_at\nk1,u2,post,2026-02-27T09:00:00Z\n",
    );
    acted(&world, "2026-03-03", "e1,2026-03-02T09:00:00Z,u1,completed,\n");
    world.nightly("2026-03-03");
    let friday = |column: &str| company(&world, "day", "2026-02-27", column);
    assert_eq!(
        (friday("active_learners"), friday("contributors"), friday("visitors")),
        ("1".into(), "1".into(), "1".into())
    );
    assert!(
        world
            .table("marts/adoption_kpis")
            .iter()
            .all(|row| row["grain"] != "day" || *row["period_start"] >= *"2026-02-27")
    );
}

#[test]
fn a_delivery_replaced_by_another_takes_its_days_and_periods_along() {
    let world = hired();
    acted(&world, "2026-03-10", "e1,2026-02-26T09:00:00Z,u1,completed,\n");
    world.nightly("2026-03-11");
    acted(&world, "2026-03-10", "e10,2026-03-05T09:00:00Z,u2,completed,\ne11,2026-03-06T09:00:00Z,u2,viewed,\n");
    world.nightly("2026-03-11");
    let fresh = hired();
    acted(&fresh, "2026-03-10", "e10,2026-03-05T09:00:00Z,u2,completed,\ne11,2026-03-06T09:00:00Z,u2,viewed,\n");
    fresh.nightly("2026-03-11");
    // Who was seen when is a bound that only widens.
    let told = |world: &World| -> FileMap {
        world.files().into_iter().filter(|(path, _)| !path.contains("/user_seen/")).collect()
    };
    assert_eq!(difference(&told(&fresh), &told(&world)), Vec::<String>::new());
}

#[test]
fn a_change_is_measured_against_what_the_night_shows_of_the_period_before() {
    let world = hired();
    acted(&world, "2026-03-10", "e1,2026-03-03T09:00:00Z,u1,completed,\ne2,2026-03-10T09:00:00Z,u1,completed,\n");
    world.nightly("2026-03-16");
    let change = || company(&world, "week", "2026-03-09", "active_rate_change_points");
    assert_eq!(change(), "0.0");
    // The week before gains two of eight people, and this one, which nothing touched, shows it.
    acted(&world, "2026-03-15", "e3,2026-03-04T09:00:00Z,u2,completed,\ne4,2026-03-04T09:00:00Z,u3,completed,\n");
    world.nightly("2026-03-16");
    assert_eq!(change(), "-25.0");
    // A late act of this week alone: the change is against what head shows of the one before.
    acted(&world, "2026-03-14", "e5,2026-03-11T09:00:00Z,u2,completed,\n");
    world.nightly("2026-03-16");
    assert_eq!(change(), "-12.5");
    // Somebody turns out to have worked here in the week before, and in no other.
    let more = "w9,2026-03-02,n9,active,employee,a\nw9,2026-03-09,n9,terminated,employee,a\n";
    world.deliver("workers_2026-03-15.csv", workers() + more);
    world.nightly("2026-03-16");
    assert_eq!(company(&world, "week", "2026-03-02", "headcount"), "9");
    let points: f64 = change().parse().expect("a number");
    assert!((points - (2.0 / 8.0 - 3.0 / 9.0) * 100.0).abs() < 1e-9, "{points}");
}

#[test]
fn a_day_is_complete_from_its_end_on_though_nothing_else_changed() {
    let world = hired();
    acted(&world, "2026-03-10", "e1,2026-03-09T09:00:00Z,u1,completed,\n");
    let complete = || company(&world, "day", "2026-03-09", "is_complete");
    for (as_of, expected) in
        [("2026-03-09T12:00:00Z", "false"), ("2026-03-09T22:59:59Z", "false"), ("2026-03-09T23:00:00Z", "true")]
    {
        world.nightly(as_of);
        assert_eq!(complete(), expected, "{as_of}, with midnight of Berlin at 23:00Z");
    }
}

#[test]
fn the_28_days_of_a_nightly_reach_back_over_the_beginning_of_the_month() {
    let world = hired();
    acted(&world, "2026-02-21", "e1,2026-02-04T09:00:00Z,u1,completed,\ne2,2026-02-05T09:00:00Z,u2,completed,\n");
    world.nightly("2026-03-02");
    acted(&world, "2026-03-04", "e3,2026-03-04T09:00:00Z,u3,completed,\n");
    world.nightly("2026-03-05");
    // 28 days up to the 4th of March begin on the 5th of February.
    assert_eq!(company(&world, "day", "2026-03-04", "active_28d"), "2");
}

#[test]
fn who_joins_or_leaves_later_in_an_open_period_is_not_counted_ahead_of_time() {
    let world = hired();
    // 2026-03-04 is a Wednesday: w9 is hired on Friday, w8 goes at its end; both are known since Monday.
    world.deliver(
        "workers_2026-03-02.csv",
        format!("{}w9,2026-03-06,n9,active,employee,a\nw8,2026-03-07,n8,terminated,employee,a\n", workers()),
    );
    acted(&world, "2026-03-03", "e1,2026-03-02T09:00:00Z,u1,completed,\n");
    for (as_of, headcount) in [("2026-03-05", "8"), ("2026-03-07", "9"), ("2026-03-09", "9")] {
        world.nightly(as_of);
        assert_eq!(company(&world, "week", "2026-03-02", "headcount"), headcount, "as of {as_of}");
    }
    world.nightly("2026-03-10");
    assert_eq!(company(&world, "day", "2026-03-08", "headcount"), "8", "w9 is there and w8 is gone");
    assert_eq!(company(&world, "week", "2026-03-09", "headcount"), "8");
}

#[test]
fn an_account_that_turns_out_to_be_somebody_else_takes_every_day_it_was_seen_on_along() {
    let world = hired();
    acted(
        &world,
        "2026-03-06",
        "e1,2026-03-02T09:00:00Z,u1,completed,\ne2,2026-03-04T09:00:00Z,u1,completed,\ne3,2026-03-05T09:00:00Z,u1,completed,\n",
    );
    world.nightly("2026-03-07");
    world.deliver("identity_links_2026-03-07.csv", "source,source_user_id,worker_id\nlms,u1,w2\n");
    world.nightly("2026-03-08");
    let who: Vec<String> = world
        .table("canon/person_day")
        .iter()
        .filter(|row| row["active_acts"] != "0")
        .map(|row| format!("{} {}", row["day"], row["person_key"]))
        .collect();
    assert_eq!(who, ["2026-03-02 w2", "2026-03-04 w2", "2026-03-05 w2"]);
}

#[test]
fn half_an_hour_without_an_act_is_within_a_session_and_a_second_more_begins_another() {
    let world = hired();
    // Four people do the same, so that nobody's part is told by the sum.
    let visits = |user: u32| {
        let at = |time: &str| format!("{user}-{time},2026-03-02T{time}Z,u{user},viewed,\n");
        ["09:00:00", "09:30:00", "10:00:01"].map(at).concat()
    };
    acted(&world, "2026-03-03", &(1..=4).map(visits).collect::<String>());
    world.nightly("2026-03-04");
    assert_eq!(company(&world, "day", "2026-03-02", "sessions"), "8");
}

#[test]
fn a_file_may_hold_the_whole_day_in_its_name_and_clocks_a_day_ahead_and_nothing_after_it() {
    let world = hired();
    // Midnight of Berlin is at 23:00Z.
    acted(&world, "2026-03-03", "e1,2026-03-04T22:59:59Z,u1,viewed,\ne2,2026-03-04T23:00:01Z,u1,viewed,\n");
    world.nightly("2026-03-06");
    let rows = world.table("ops/quarantine");
    let said: Vec<String> = rows.iter().map(|row| format!("{} {}", row["record"], row["reason_code"])).collect();
    assert_eq!(said, ["2 ts_future"]);
}

#[test]
fn what_a_full_snapshot_no_longer_holds_is_gone_from_its_day_on() {
    let world = hired();
    let content = |rows: &str| format!("content_id,title,kind\n{rows}");
    world.deliver("content_2026-03-01.csv", content("c1,One,course\nc2,Two,course\nc3,Three,course\n"));
    world.nightly("2026-03-02");
    world.deliver("content_2026-03-02.csv", content("c1,One,course\nc3,Drei,course\n"));
    world.nightly("2026-03-03");
    let held: Vec<String> = world
        .table("canon/content")
        .iter()
        .map(|row| format!("{} {} {} {}", row["content_id"], row["title"], row["_deleted"], row["_held_to"]))
        .collect();
    assert_eq!(held, ["c1 One false ", "c2 Two true 2026-03-02", "c3 Drei false "]);
}
