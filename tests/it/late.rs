//! Late and corrected deliveries reopen exactly what they change, and a nightly reads only what it needs.

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
    assert!((8..=28).contains(&report.periods_computed), "{report:?}");
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
    // Two days, a week, a month, a quarter, and the one after each, which shows a change against it; the other tables have no days.
    assert_eq!((report.deliveries_read, report.days_rolled_up), (0, 2));
    assert!((5..=18).contains(&report.periods_computed), "{report:?}");
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
    // `latest/` is put together from all files of a table, so files of marts say nothing here.
    assert!(of("reactions") == 0 && of("person_activation") <= 2, "{lake_reads:#?}");
}
