//! Promise 2: a rerun is free, and the bytes depend on nothing but deliveries, job and as-of.

use chrono::Days;

use crate::company::{self, Delivery, Plan};
use crate::world::{How, Kind, Setup, World, difference, instant};

const SMALL: Plan = Plan { workers: 20, weeks: 3, seed: 5, bad_rows: true };

fn deliver(world: &World, deliveries: &[Delivery]) {
    for delivery in deliveries {
        world.deliver(&delivery.path, &delivery.text);
    }
}

fn end() -> String {
    company::end(&SMALL).to_string()
}

#[test]
fn a_rerun_reads_nothing_and_makes_no_commit() {
    let world = World::new();
    deliver(&world, &company::deliveries(&SMALL));
    let first = world.nightly(&end());
    assert_eq!((first.verdict, first.commit), ("published", 1));
    assert!(first.periods_computed > 20, "{first:?}");
    let files = world.files();
    let again = world.nightly(&end());
    assert_eq!((again.verdict, again.commit, again.deliveries_read), ("nothing_to_do", 1, 0));
    assert_eq!((again.days_rolled_up, again.periods_computed), (0, 0), "{again:?}");
    assert_eq!(world.files(), files);
}

#[test]
fn a_touched_object_with_the_same_bytes_is_no_news() {
    let world = World::new();
    let deliveries = company::deliveries(&SMALL);
    deliver(&world, &deliveries);
    world.nightly(&end());
    deliver(&world, &deliveries[..4]);
    let again = world.nightly(&end());
    assert_eq!((again.verdict, again.deliveries_read), ("nothing_to_do", 0), "{again:?}");
}

#[test]
fn another_policy_is_applied_to_every_period_though_no_delivery_came() {
    let world = World::new();
    deliver(&world, &company::deliveries(&SMALL));
    world.nightly(&end());
    let other = Setup { policy: "smallest_group = 1\nsmallest_group_manager = 1\nrounding = 5", ..Setup::default() };
    world.write_job(&other);
    let code = world.uptake(&format!("run JOB --as-of {}", end()));
    assert_eq!(code, 0);
    let rows = world.table("marts/adoption_kpis");
    assert!(rows.len() > 100, "{} rows", rows.len());
    for row in rows.iter().filter(|row| !row["visitors"].is_empty()) {
        assert!(row["visitors"].ends_with('0') || row["visitors"].ends_with('5'), "rounded to one: {row:?}");
    }
}

#[test]
fn the_next_night_computes_only_periods_that_the_calendar_moved() {
    let world = World::new();
    deliver(&world, &company::deliveries(&SMALL));
    world.nightly(&end());
    let files = world.files();
    let next = (company::end(&SMALL) + Days::new(1)).to_string();
    let report = world.nightly(&next);
    // The new day at day grain and its neighbour in the week, month and quarter at most; the same of the tables without days, and what
    // is computed whole.
    assert!((1..=14).contains(&report.periods_computed), "{report:?}");
    let history = |path: &&String| path.contains("day-2026-02") || path.contains("canon/data/activity");
    let kept = world.files();
    assert!(files.keys().filter(history).all(|path| kept.contains_key(path)), "{:#?}", difference(&files, &kept));
}

#[test]
fn threads_memory_and_the_order_and_folders_of_deliveries_leave_the_bytes_alone() {
    let mut deliveries = company::deliveries(&SMALL);
    let world = World::new();
    deliver(&world, &deliveries);
    world.nightly(&end());
    let expected = world.files();
    for (threads, memory_limit) in [(1, 64 << 20), (7, 1 << 30), (2, 64 << 10)] {
        let world = World::new();
        deliveries.reverse();
        deliver(&world, &deliveries);
        world.run(&How { as_of: instant(&end()), threads, memory_limit, ..How::default() }).expect("a run");
        let files = world.files();
        assert!(files == expected, "{threads} threads, {memory_limit} bytes: {:#?}", difference(&expected, &files));
    }
}

#[test]
fn zone_language_folder_and_process_leave_the_bytes_alone() {
    let deliveries = company::deliveries(&Plan { workers: 12, weeks: 2, ..SMALL });
    let mut expected = None;
    for (zone, language) in [("UTC", "C"), ("Asia/Kathmandu", "de_DE.UTF-8"), ("America/St_Johns", "tr_TR.UTF-8")] {
        let world = World::at(Kind::Disk, Setup::default()).expect("a folder");
        deliver(&world, &deliveries);
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_uptake"))
            .args(["run", &world.job_path().display().to_string(), "--as-of", "2026-03-10"])
            .env("TZ", zone)
            .env("LANG", language)
            .env("LC_ALL", language)
            .current_dir(world.folder.path())
            .output()
            .expect("the program");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let files = world.files();
        let expected = expected.get_or_insert_with(|| files.clone());
        assert!(files == *expected, "TZ={zone} LANG={language}: {:#?}", difference(expected, &files));
    }
}

#[test]
fn a_backfill_of_what_is_right_already_changes_no_file() {
    let world = World::new();
    deliver(&world, &company::deliveries(&SMALL));
    world.nightly(&end());
    let files = world.files();
    let (from, to) = (crate::world::day("2026-02-25"), crate::world::day("2026-03-05"));
    let report =
        world.run(&How { as_of: instant(&end()), backfill: Some((from, to)), ..How::default() }).expect("a backfill");
    assert!(report.days_rolled_up >= 8 && report.periods_computed >= 8, "{report:?}");
    assert_eq!(difference(&files, &world.files()), Vec::<String>::new());
}

#[test]
fn the_same_story_on_memory_disk_and_s3_ends_in_the_same_bytes() {
    let deliveries = company::deliveries(&Plan { workers: 12, weeks: 2, ..SMALL });
    let mut expected = None;
    for kind in [Kind::Memory, Kind::Disk, Kind::S3] {
        let Some(world) = World::at(kind, Setup::default()) else { continue };
        deliver(&world, &deliveries[..9]);
        world.nightly("2026-03-03");
        deliver(&world, &deliveries[9..]);
        world.nightly("2026-03-10");
        assert_eq!(world.commit_no(), 2);
        let files = world.files();
        let expected = expected.get_or_insert_with(|| files.clone());
        assert!(files == *expected, "{kind:?}: {:#?}", difference(expected, &files));
    }
}
