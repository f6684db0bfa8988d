//! The commit protocol under every fault, in every order, against a toy pipeline: the deliveries of a lake are folded into
//! three tables, each row of which says which deliveries it was made from.
//!
//! The judge knows nothing of the protocol: it resolves the log, reads every file and asks whether all tables tell of the same
//! deliveries. It is shown to work by publishers with a bug planted on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use arrow::array::{AsArray, StringArray};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use chrono::TimeDelta;
use futures::executor::block_on;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use uptake::publish::commit::{self, FORMAT, hex_sha256};
use uptake::publish::parquet::{Text, decode, encode};
use uptake::publish::vacuum::{self, Keep};
use uptake::publish::{
    ColumnMeta, Commit, Draft, Error, FileMeta, FileRef, Files, MadeBy, NewFile, Published, Publisher, latest, publish,
};
use uptake::store::layout::{self, Area};
use uptake::store::{Kind, Put, Store, probe};

use crate::faulty::{Fault, Faults, FaultyStore, Op, Shared, Turns};

#[path = "publish/planted.rs"]
mod planted;
#[path = "publish/toy.rs"]
mod toy;

use toy::*;

type Result<T> = std::result::Result<T, Error>;

// ---- faults ----

#[test]
fn every_fault_at_every_operation_is_healed_by_the_next_run_and_no_reader_notices() {
    let (ops, expected) = undisturbed();
    assert!(ops.len() > 25, "{ops:#?}");
    let mut failed = 0;
    for (number, op) in ops.iter().enumerate() {
        for fault in Fault::ALL {
            let context = format!("{fault:?} at operation {number}, {} {}", op.verb, op.path);
            let watched = Watched::new(tuesday_morning());
            let (outcome, _) = faulted(&watched, Faults::from([(number, fault)]));
            failed += usize::from(outcome.is_err());
            run(&(Arc::clone(&watched.inner) as _)).unwrap_or_else(|e| panic!("{context}: not healed: {e}"));
            assert_eq!(watched.complaint(&[Some(BEFORE), Some(AFTER)]), None, "{context}");
            assert_eq!(final_state(&(Arc::clone(&watched.inner) as _)), expected, "{context}");
        }
    }
    // Some faults are settled within the run (a lost answer to a create); most end it.
    assert!(failed * 2 > ops.len() * Fault::ALL.len(), "only {failed} runs failed: were the faults injected?");
}

#[test]
fn a_pair_of_faults_in_one_run_or_in_two_is_healed() {
    let (ops, expected) = undisturbed();
    let all = std::env::var("UPTAKE_FAULT_PAIRS").is_ok_and(|which| which == "all");
    let kinds = Fault::ALL.len();
    for first in 0..ops.len() {
        for second in 0..ops.len() {
            // Without the wish for all, each pair of operations gets one pair of kinds; all kinds meet all kinds over the grid.
            let turn = first * ops.len() + second;
            let pairs = (0..kinds * kinds).filter(|k| all || *k == turn % (kinds * kinds));
            for (one, two) in pairs.map(|k| (Fault::ALL[k / kinds], Fault::ALL[k % kinds])) {
                let context = format!("{one:?} at {first}, then {two:?} at {second}");
                let watched = Watched::new(tuesday_morning());
                // In one run where the order allows it, else in this run and the next.
                if first < second {
                    let _ = faulted(&watched, Faults::from([(first, one), (second, two)]));
                } else {
                    let _ = faulted(&watched, Faults::from([(first, one)]));
                    let _ = faulted(&watched, Faults::from([(second, two)]));
                }
                run(&(Arc::clone(&watched.inner) as _)).unwrap_or_else(|e| panic!("{context}: not healed: {e}"));
                assert_eq!(final_state(&(Arc::clone(&watched.inner) as _)), expected, "{context}");
                if turn.is_multiple_of(8) {
                    assert_eq!(watched.complaint(&[Some(BEFORE), Some(AFTER)]), None, "{context}");
                }
            }
        }
    }
}

#[test]
fn the_same_holds_on_local_disk() {
    let on_disk =
        |folder: &std::path::Path| Arc::new(LocalFileSystem::new_with_prefix(folder).unwrap()) as Arc<dyn ObjectStore>;
    let morning = || {
        let folder = tempfile::tempdir().unwrap();
        let store = on_disk(folder.path());
        deliver(&store, &[0]);
        run(&store).unwrap();
        deliver(&store, &[1]);
        (folder, store)
    };
    let (ops, expected) = undisturbed();
    for number in 0..ops.len() {
        for fault in [Fault::ErrorAfter, Fault::Truncated, Fault::CrashBefore, Fault::CrashAfter] {
            let (_folder, store) = morning();
            let shared = Shared(Arc::new(FaultyStore::new(Arc::clone(&store), Faults::from([(number, fault)]))));
            let _ = run(&(Arc::new(shared) as _));
            assert!([Some(BEFORE.to_owned()), Some(AFTER.to_owned())].contains(&reader(Arc::clone(&store)).unwrap()));
            run(&store).unwrap_or_else(|e| panic!("{fault:?} at {number}: not healed: {e}"));
            assert_eq!(final_state(&store), expected, "{fault:?} at {number}");
        }
    }
}

#[test]
fn a_lost_answer_to_a_commit_is_settled_within_the_run() {
    let (ops, _) = undisturbed();
    let commit = ops.iter().position(|op| op.verb == "create" && op.path.contains("_commits/")).unwrap();
    for fault in [Fault::ErrorAfter, Fault::ErrorBefore, Fault::Unavailable] {
        let watched = Watched::new(tuesday_morning());
        let (outcome, _) = faulted(&watched, Faults::from([(commit, fault)]));
        assert!(outcome.unwrap_or_else(|e| panic!("{fault:?}: {e}")).is_new);
    }
    let watched = Watched::new(tuesday_morning());
    let (outcome, _) = faulted(&watched, Faults::from([(commit, Fault::Forbidden)]));
    assert!(matches!(outcome, Err(Error::Store(e)) if e.kind == Kind::Denied), "a refusal is not tried again");
}

#[test]
fn a_rerun_writes_nothing() {
    let watched = Watched::new(tuesday_morning());
    run(&(Arc::clone(&watched.inner) as _)).unwrap();
    let before = block_on(futures::TryStreamExt::try_collect::<Vec<_>>(watched.inner.list(None))).unwrap();
    let (outcome, ops) = faulted(&watched, Faults::new());
    let outcome = outcome.unwrap();
    assert!(!outcome.is_new && outcome.latest.written.is_empty());
    assert!(
        !ops.iter().any(|op| op.verb == "overwrite" || op.path.contains("_commits/0") && op.verb == "create"),
        "{ops:#?}"
    );
    let after = block_on(futures::TryStreamExt::try_collect::<Vec<_>>(watched.inner.list(None))).unwrap();
    assert_eq!(before, after, "etags and times included");
}

#[test]
fn errors_say_whether_to_try_again() {
    let (ops, _) = undisturbed();
    for (fault, transient) in
        [(Fault::Unavailable, true), (Fault::ErrorBefore, true), (Fault::Truncated, true), (Fault::Forbidden, false)]
    {
        let input = ops.iter().position(|op| op.verb == "get" && op.path.contains("landing/in/")).unwrap();
        let watched = Watched::new(tuesday_morning());
        let error = faulted(&watched, Faults::from([(input, fault)])).0.unwrap_err();
        assert_eq!(error.is_transient(), transient, "{error}");
        assert!(error.to_string().contains("memory://toy/landing/in/"), "{error}");
    }
}

// ---- several at once ----

/// Runs each actor in a thread of its own, one operation at a time in the order of the schedule. Says how many commits were
/// tried.
fn interleave(inner: &Watched, schedule: Vec<usize>, actors: &[&(dyn Fn(Arc<dyn ObjectStore>) + Sync)]) -> usize {
    let turns = Turns::new(schedule);
    let stores: Vec<Shared> = (0..actors.len())
        .map(|number| Shared(Arc::new(inner.faulty(Faults::new()).in_turns(number, Arc::clone(&turns)))))
        .collect();
    std::thread::scope(|scope| {
        for (number, actor) in actors.iter().enumerate() {
            let (store, turns) = (stores[number].clone(), Arc::clone(&turns));
            scope.spawn(move || {
                let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| actor(Arc::new(store))));
                turns.leave(number);
                outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            });
        }
    });
    stores
        .iter()
        .flat_map(|store| store.0.ops())
        .filter(|op| op.verb == "create" && op.path.contains("_commits/"))
        .count()
}

/// Schedules for two: each preempted once at each operation, then `random` shuffles from a fixed seed.
fn schedules(ops: usize, random: usize) -> Vec<Vec<usize>> {
    let preempted = |first: usize, at: usize| [vec![first; at], vec![1 - first; 200], vec![first; 200]].concat();
    let mut schedules: Vec<Vec<usize>> = (0..ops).flat_map(|at| [preempted(0, at), preempted(1, at)]).collect();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..random {
        let mut steps = Vec::new();
        while steps.len() < 3 * ops {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // Bursts of 1 to 8 operations: most mistakes need few changes of turn, but at the right place.
            steps.extend(std::iter::repeat_n((seed >> 40) as usize & 1, 1 + (seed >> 50) as usize % 8));
        }
        schedules.push(steps);
    }
    schedules
}

fn random_schedules() -> usize {
    std::env::var("UPTAKE_SCHEDULES").ok().and_then(|n| n.parse().ok()).unwrap_or(150)
}

/// Every whole snapshot that two runs, one adding `x` and one adding `y`, may show.
const RACING: [Option<&str>; 4] = [None, Some("x"), Some("y"), Some("x+y")];

#[test]
fn two_runs_at_once_end_as_if_one_ran_after_the_other() {
    let one_after_the_other = Arc::new(InMemory::new());
    for day in ["x", "y"] {
        add_day(&(Arc::clone(&one_after_the_other) as _), day).unwrap();
    }
    let expected = commit::head(&lake(one_after_the_other)).unwrap().unwrap().files;
    let mut races = 0;
    for schedule in schedules(30, random_schedules()) {
        let watched = Watched::new(Arc::new(InMemory::new()));
        let shown = format!("{schedule:?}");
        let commits = interleave(
            &watched,
            schedule,
            &[&|s| drop(add_day(&s, "x").unwrap()), &|s| drop(add_day(&s, "y").unwrap())],
        );
        let lake = lake(Arc::clone(&watched.inner) as _);
        let head = commit::head(&lake).unwrap().unwrap();
        assert_eq!(head.files, expected, "{shown}");
        assert_eq!(latest_is_whole(&lake).unwrap(), BTreeSet::from([Some(head.snapshot_id().unwrap())]), "{shown}");
        assert_eq!(watched.complaint(&RACING), None, "{shown}");
        races += usize::from(commits > 2);
    }
    assert!(races > 20, "only {races} schedules made them race");
}

#[test]
fn a_vacuum_at_any_moment_of_a_run_takes_nothing_that_is_needed() {
    // Without any grace and keeping one commit: the protocol alone has to be enough. The run goes back to Monday's bytes, which
    // lie there unnamed.
    let reuse = |store: &Arc<dyn ObjectStore>| loop {
        match run(store) {
            Err(Error::Vacuuming { .. } | Error::LostRace) => {}
            // A file vanished between being written and being read back: said, and tried again.
            Err(Error::Store(e)) if e.kind == Kind::NotFound => {}
            other => return drop(other.unwrap()),
        }
    };
    let sweep = |store: &Arc<dyn ObjectStore>| {
        let lake = lake(Arc::clone(store));
        let keep = Keep { commits: 1, grace: TimeDelta::seconds(-3600), prune_commits: false };
        let now = chrono::DateTime::from_timestamp(4_102_444_800, 0).unwrap();
        match vacuum::plan(&lake, keep, now).and_then(|plan| vacuum::execute(&lake, &plan)) {
            Ok(()) | Err(Error::Stale { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    };
    let mut races = 0;
    for schedule in schedules(35, random_schedules()) {
        let inner = tuesday_morning();
        let store: Arc<dyn ObjectStore> = Arc::clone(&inner) as _;
        run(&store).unwrap();
        landing(Arc::clone(&store)).delete("in/2.csv").unwrap();
        let watched = Watched::new(inner);
        let shown = format!("{schedule:?}");
        let commits = interleave(&watched, schedule, &[&|s| reuse(&s), &|s| sweep(&s)]);
        assert_eq!(watched.complaint(&[Some(BEFORE), Some(AFTER)]), None, "{shown}");
        assert_eq!(reader(store), Ok(Some(BEFORE.to_owned())), "{shown}");
        races += usize::from(commits > 3);
    }
    assert!(races > 20, "only {races} schedules made them race");
}

// ---- stores that do not keep their word ----

#[test]
fn check_refuses_a_store_that_lets_a_second_create_through() {
    let honest = lake(Arc::new(Shared(Arc::new(FaultyStore::new(Arc::new(InMemory::new()), Faults::new())))));
    probe::create_only(&honest).unwrap();
    let inner = Arc::new(InMemory::new());
    let liar =
        lake(Arc::new(Shared(Arc::new(FaultyStore::new(Arc::clone(&inner) as _, Faults::new()).ignoring_create()))));
    let error = probe::create_only(&liar).unwrap_err();
    assert_eq!(error.kind, Kind::Unsupported, "{error}");
    assert!(error.to_string().contains("it let a create-only write replace an object"), "{error}");
    assert!(liar.list("").unwrap().is_empty(), "the probe is removed");
    assert_eq!(liar.put_new("x", "1".into()).unwrap(), Put::Created);
    assert_eq!(liar.put_new("x", "2".into()).unwrap(), Put::Created, "what the probe protects from");
}

#[test]
fn a_probe_that_may_not_be_removed_is_left_and_the_check_still_answers() {
    let inner: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let faults = Faults::from([(3, Fault::Forbidden)]);
    let shared = Shared(Arc::new(FaultyStore::new(Arc::clone(&inner), faults)));
    probe::create_only(&lake(Arc::new(shared.clone()))).unwrap();
    assert_eq!(shared.0.ops()[3].verb, "delete");
    assert_eq!(lake(inner).list("").unwrap().len(), 1);
}
