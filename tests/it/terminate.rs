//! Whoever ends a run, a scheduler, a keyboard or a lost terminal, leaves the last snapshot, and the next run ends as if nothing had happened.

use std::process::{Command, Stdio};

use crate::company::{self, Plan};
use crate::world::{Kind, Setup, World, difference};

const PLAN: Plan = Plan { workers: 40, weeks: 8, seed: 12, bad_rows: false };
const TRANSIENT: i32 = 4;

fn delivered() -> World {
    let world = World::at(Kind::Disk, Setup::default()).expect("a folder");
    for delivery in company::deliveries(&PLAN) {
        world.deliver(&delivery.path, &delivery.text);
    }
    world
}

/// Starts a run and signals it once the lake holds so many objects: its exit code and what it said. `trap` is what the shell that starts
/// it does first.
fn signalled_after(world: &World, signal: &str, objects: usize, trap: &str) -> (Option<i32>, String) {
    let mut run = Command::new("sh")
        .args(["-c", &format!("{trap} exec \"$@\""), "sh", env!("CARGO_BIN_EXE_uptake")])
        .args(["run", &world.job_path().display().to_string(), "--as-of", &company::end(&PLAN).to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    while run.try_wait().expect("a process").is_none() {
        if world.lake.list("").expect("a listing").len() >= objects {
            let sent = Command::new("kill").args([signal, &run.id().to_string()]).status().expect("kill");
            assert!(sent.success());
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let ended = run.wait_with_output().expect("an end");
    (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
}

#[test]
fn a_terminated_run_says_so_leaves_the_last_snapshot_and_the_next_one_heals() {
    let undisturbed = delivered();
    undisturbed.nightly(&company::end(&PLAN).to_string());
    let expected = undisturbed.files();
    for objects in [1, 20, 60] {
        let world = delivered();
        let (code, said) = signalled_after(&world, "-TERM", objects, "");
        assert_eq!(code, Some(TRANSIENT), "after {objects} objects: {said}");
        assert!(said.contains("terminated: nothing was half published"), "{said}");
        assert_eq!(world.head(), None, "after {objects} objects");
        world.nightly(&company::end(&PLAN).to_string());
        assert_eq!(difference(&expected, &world.files()), Vec::<String>::new(), "after {objects} objects");
    }
}

#[test]
fn an_interrupted_run_and_one_whose_terminal_is_gone_say_so_too() {
    for (signal, word) in [("-INT", "interrupted"), ("-HUP", "hung up")] {
        let world = delivered();
        let (code, said) = signalled_after(&world, signal, 20, "");
        assert_eq!(code, Some(TRANSIENT), "{signal}: {said}");
        assert!(said.contains(&format!("{word}: nothing was half published")), "{signal}: {said}");
        assert_eq!(world.head(), None, "{signal}");
    }
}

#[test]
fn a_run_that_was_started_with_nohup_outlives_its_terminal() {
    let world = delivered();
    let (code, said) = signalled_after(&world, "-HUP", 20, "trap '' HUP;");
    assert_eq!(code, Some(0), "{said}");
    assert!(world.head().is_some());
}
