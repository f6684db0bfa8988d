//! `status`: how old the tables are, what is held back, and `latest/` brought to its end.

use std::path::PathBuf;
use std::time::SystemTime;

use serde_json::Value;
use uptake::publish::latest::read_snapshot_id;

use crate::company::{self, Plan};
use crate::world::{CANONICAL, Kind, Setup, World};

const PLAN: Plan = Plan { workers: 6, weeks: 2, seed: 8, bad_rows: false };

fn delivered(world: World, until: usize) -> World {
    for delivery in company::deliveries(&PLAN).into_iter().take(until) {
        world.deliver(&delivery.path, &delivery.text);
    }
    world
}

fn json(world: &World, words: &str) -> Value {
    let output = world.process(words);
    let text = String::from_utf8(output.stdout).expect("text");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{words}: {error}: {text}"))
}

#[test]
fn a_monitor_learns_from_the_exit_code_whether_the_tables_are_fresh_stale_or_were_never_there() {
    let world = delivered(World::new(), 9);
    assert_eq!(world.uptake("status JOB"), 4, "nothing was ever published");
    assert_eq!(world.uptake("run JOB --as-of 2026-03-02"), 0);
    // By the clock of the tests it is 2030.
    assert_eq!(world.uptake("status JOB --max-age 1402d"), 0);
    assert_eq!(world.uptake("status JOB --max-age 1401d"), 4);
    assert_eq!(world.uptake("status JOB"), 4);
    assert_eq!(world.uptake("status JOB --max-age soon"), 2);
    assert_eq!(world.uptake("status /nowhere/job.toml"), 2);
}

#[test]
fn what_was_refused_is_held_until_the_job_tolerates_it() {
    let feeds: Vec<&'static str> = CANONICAL.to_vec();
    let tolerant = Setup { refused: vec!["canonical_activity"], feeds, ..Setup::default() };
    let world = delivered(World::at(Kind::Disk, tolerant.clone()).expect("a folder"), 9);
    world.deliver("lms/activity_2026-03-01.csv", "<html>");
    assert_eq!(world.uptake("run JOB --as-of 2026-03-02"), 0);
    assert_eq!(world.uptake("status JOB --max-age 9999d"), 0, "left out, and nobody has to get up");
    let told = json(&world, "status JOB --max-age 9999d --json");
    assert_eq!((told["verdict"].as_str(), told["held"][0]["tolerated"].as_bool()), (Some("fresh"), Some(true)));
    world.write_job(&Setup { refused: vec![], ..tolerant });
    assert_eq!(world.uptake("run JOB --as-of 2026-03-03"), 3, "judged again");
    assert_eq!(world.uptake("status JOB --max-age 9999d"), 3);
    assert_eq!(world.uptake("status JOB --max-age 1m"), 3, "what is held outweighs age");
    let told = json(&world, "status JOB --max-age 9999d --json");
    assert_eq!(told["held"].as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!(told["held"][0]["what"], "lms/activity_2026-03-01.csv");
    assert_eq!(told["held"][0]["reason"], "not_csv");
    let output = world.process("status JOB --max-age 9999d");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!((output.status.code(), text.lines().count()), (Some(3), 5), "{text}");
    for part in [
        "held: commit 2 of ",
        "lms/activity_2026-03-01.csv of canonical_activity since 2026-03-02T23:00:00Z",
        "next: `uptake inspect ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// The objects of `latest/` with the snapshot each shows.
fn shown(world: &World) -> Vec<(String, Option<String>)> {
    ["marts", "ops", "restricted"]
        .iter()
        .flat_map(|area| world.lake.list(&format!("{area}/latest")).expect("a listing"))
        .map(|object| (object.path.clone(), read_snapshot_id(&world.lake, &object)))
        .collect()
}

fn all_show(world: &World, snapshot: &str) -> bool {
    shown(world).iter().all(|(_, id)| id.as_deref() == Some(snapshot))
}

#[test]
fn a_latest_that_a_killed_run_left_half_written_is_finished_by_status() {
    let world = delivered(World::at(Kind::Disk, Setup::default()).expect("a folder"), 9);
    assert_eq!(world.uptake("run JOB --as-of 2026-03-02"), 0);
    let lake = world.folder.path().join("lake");
    let file = |path: &str| -> PathBuf { lake.join(path) };
    let before: Vec<(String, Vec<u8>, SystemTime)> = shown(&world)
        .into_iter()
        .map(|(path, _)| {
            let made = std::fs::metadata(file(&path)).and_then(|about| about.modified()).expect("a time");
            (path.clone(), std::fs::read(file(&path)).expect("an object"), made)
        })
        .collect();
    for delivery in company::deliveries(&PLAN) {
        world.deliver(&delivery.path, &delivery.text);
    }
    assert_eq!(world.uptake("run JOB --as-of 2026-03-10"), 0);
    let head = world.head().expect("a commit").snapshot_id().expect("an id");
    assert!(all_show(&world, &head));
    // As a kill in the middle leaves it: the first objects are new, the others as they were.
    for (path, bytes, made) in before.iter().skip(3) {
        std::fs::write(file(path), bytes).expect("an object");
        let written = std::fs::File::options().write(true).open(file(path)).expect("an object");
        written.set_modified(*made).expect("a time");
    }
    let told = json(&world, "status JOB --max-age 9999d --read-only --json");
    assert!(told["latest"]["unfinished"].as_array().is_some_and(|tables| !tables.is_empty()), "{told}");
    assert!(told["next"].as_str().is_some_and(|next| next.contains("without --read-only")), "{told}");
    assert!(!all_show(&world, &head), "--read-only changes nothing");
    let text = String::from_utf8(world.process("status JOB --max-age 9999d").stdout).expect("text");
    assert!(text.contains("latest/: finished now: a run was killed"), "{text}");
    assert!(all_show(&world, &head));
    // What somebody put back on purpose stays.
    assert_eq!(world.uptake("inspect JOB 1 --restore-latest"), 0);
    let text = String::from_utf8(world.process("status JOB --max-age 9999d").stdout).expect("text");
    assert!(text.contains("put back to commit 1\n") && text.contains("next: `uptake run "), "{text}");
    assert!(!all_show(&world, &head), "{text}");
}
