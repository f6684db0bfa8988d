//! Promise 1: every single store operation of a run may fail in every way; readers see whole snapshots, the next run heals.

use std::sync::{Arc, Mutex};

use object_store::ObjectStore;
use object_store::memory::InMemory;
use uptake::publish::commit;
use uptake::store::Store;

use crate::faulty::{Fault, Faults, FaultyStore, Shared};
use crate::world::{FileMap, How, Setup, World, files, instant};

/// A world so small that it can be run a few hundred times.
struct Tiny {
    world: World,
    landing: Arc<InMemory>,
    /// The lake after the first night.
    first: FileMap,
    /// What the second night must end in.
    second: FileMap,
    base: Vec<(String, bytes::Bytes)>,
}

fn store(inner: Arc<dyn ObjectStore>) -> Store {
    Store::from_object_store(inner, "", "memory").expect("a store")
}

fn night(tiny: &World, landing: &Store, lake: &Store, as_of: &str) -> uptake::error::Result<uptake::pipeline::Report> {
    tiny.run(&How { as_of: instant(as_of), threads: 1, landing: Some(landing), lake: Some(lake), ..How::default() })
}

fn tiny() -> Tiny {
    let feeds = vec!["canonical_workers", "canonical_users", "canonical_activity"];
    let world = World::with(Setup {
        feeds,
        top: "zone = \"UTC\"\npseudonyms = \"off\"\nsynthetic_data = true\nmarts = [\"adoption_kpis\"]",
        ..Setup::default()
    });
    let landing = Arc::new(InMemory::new());
    let deliver =
        |path: &str, text: &'static str| drop(store(landing.clone()).put_new(path, text.into()).expect("a delivery"));
    deliver(
        "workers_2026-03-03.csv",
        "worker_id,effective_from,employee_no,status,worker_type,org_id\nw1,2020-01-01,n1,active,employee,a\nw2,2020-01-01,n2,active,employee,a\n",
    );
    deliver("users_2026-03-03.csv", "user_id,employee_no,kind\nu1,n1,learner\nu2,n2,learner\n");
    deliver("activity_2026-03-03.csv", "event_id,occurred_at,user_id,verb\ne1,2026-03-02T09:00:00Z,u1,completed\n");
    let lake = Arc::new(InMemory::new());
    night(&world, &store(landing.clone()), &store(lake.clone()), "2026-03-03").expect("the first night");
    let first = files(&store(lake.clone()));
    let base = contents(&store(lake.clone()));
    deliver(
        "activity_2026-03-04.csv",
        "event_id,occurred_at,user_id,verb\ne2,2026-03-03T09:00:00Z,u2,completed\ne3,2026-03-02T10:00:00Z,u2,viewed\n",
    );
    night(&world, &store(landing.clone()), &store(lake.clone()), "2026-03-04").expect("the second night");
    let second = files(&store(lake));
    assert_ne!(first, second);
    Tiny { world, landing, first, second, base }
}

fn contents(store: &Store) -> Vec<(String, bytes::Bytes)> {
    let objects = store.list("").expect("a listing");
    objects.iter().map(|object| (object.path.clone(), store.get(object).expect("an object"))).collect()
}

impl Tiny {
    /// The lake as the first night left it.
    fn lake(&self) -> Arc<InMemory> {
        let lake = Arc::new(InMemory::new());
        for (path, body) in &self.base {
            if path.contains("/latest/") {
                store(lake.clone()).put_overwrite(path, body.clone()).expect("an object");
            } else {
                store(lake.clone()).put_new(path, body.clone()).expect("an object");
            }
        }
        lake
    }

    /// How many operations each store sees in an undisturbed second night: (landing, lake).
    fn operations(&self) -> (usize, usize) {
        let faulty = |inner: Arc<InMemory>| Shared(Arc::new(FaultyStore::new(inner, Faults::new())));
        let (landing, lake) = (faulty(self.landing.clone()), faulty(self.lake()));
        night(&self.world, &store(Arc::new(landing.clone())), &store(Arc::new(lake.clone())), "2026-03-04")
            .expect("the second night");
        (landing.0.ops().len(), lake.0.ops().len())
    }

    /// The second night with one fault in the lake or the landing area, then the night again without.
    fn heals(&self, in_lake: bool, number: usize, fault: Fault) -> bool {
        let context =
            format!("{fault:?} at operation {number} of the {}", if in_lake { "lake" } else { "landing area" });
        let lake = self.lake();
        let faults = |wanted: bool| if wanted { Faults::from([(number, fault)]) } else { Faults::new() };
        let failed = self.broken_night(&lake, faults(!in_lake), faults(in_lake), &context);
        self.healed(&lake, &context);
        failed
    }

    /// The second night with faults in the landing area and the lake: whether it failed. Readers look after every write and must see
    /// the old or the new snapshot, whole.
    fn broken_night(&self, lake: &Arc<InMemory>, landing_faults: Faults, lake_faults: Faults, context: &str) -> bool {
        let instants: Arc<Mutex<Vec<InMemory>>> = Arc::default();
        let (seen, looked_at) = (Arc::clone(&instants), Arc::clone(lake));
        // The store as it is now is kept, and read when the night is over: a reader inside the store's own threads would wait for itself.
        let observer = Box::new(move || seen.lock().expect("no panic").push(looked_at.fork()));
        let watched = Shared(Arc::new(FaultyStore::new(lake.clone(), lake_faults).observed(observer)));
        let hers = Shared(Arc::new(FaultyStore::new(self.landing.clone(), landing_faults)));
        let outcome = night(&self.world, &store(Arc::new(hers)), &store(Arc::new(watched)), "2026-03-04");
        let mut instants = std::mem::take(&mut *instants.lock().expect("no panic"));
        instants.push(lake.fork());
        let mut now = self.first.clone();
        for (number, instant) in instants.into_iter().enumerate() {
            let instant = Arc::new(instant);
            let seen = files(&store(instant.clone()));
            let whole = seen == self.first || seen == self.second;
            assert!(whole, "{context}, write {number}: a snapshot that is neither the old nor the new one");
            assert!(seen == now || now == self.first, "{context}, write {number}: the old snapshot is back");
            assert_eq!(missing(&instant), Vec::<String>::new(), "{context}, write {number}: a reader meets a hole");
            now = seen;
        }
        assert!(outcome.is_err() || now == self.second, "{context}: said to be published and is not");
        outcome.is_err()
    }

    /// The night again, without faults: it must end in the bytes of an undisturbed one.
    fn healed(&self, lake: &Arc<InMemory>, context: &str) {
        night(&self.world, &store(self.landing.clone()), &store(lake.clone()), "2026-03-04")
            .unwrap_or_else(|error| panic!("{context}: not healed: {error}"));
        assert!(files(&store(lake.clone())) == self.second, "{context}: healed to other bytes");
        assert_eq!(missing(lake), Vec::<String>::new(), "{context}");
        // The stable addresses speak of the head again.
        let head = commit::head(&store(lake.clone())).expect("a log").expect("a commit");
        let latest = store(lake.clone()).read("marts/latest/adoption_kpis.parquet").expect("latest");
        let rows: usize = head.files["marts/adoption_kpis"].values().map(|file| file.rows as usize).sum();
        assert_eq!(crate::world::rows_of(&latest).len(), rows, "{context}: latest/ is behind");
    }
}

/// Files that head names and that are not there, or hold other bytes than it says.
fn missing(lake: &Arc<InMemory>) -> Vec<String> {
    let lake = store(lake.clone());
    let Some(head) = commit::head(&lake).expect("a log") else { return Vec::new() };
    let named = head.files.values().flat_map(|files| files.values());
    named.filter(|file| commit::read_file(&lake, file).is_err()).map(|file| file.path.clone()).collect()
}

/// One way to fail at every operation of the lake, in turn.
fn every_operation_of_the_lake(fault: Fault) {
    let tiny = tiny();
    let (_, operations) = tiny.operations();
    assert!(operations > 40, "{operations} operations");
    let failed = (0..operations).filter(|number| tiny.heals(true, *number, fault)).count();
    assert!(failed * 2 > operations, "only {failed} runs failed of {operations} operations: were the faults injected?");
}

#[test]
fn a_connection_that_breaks_before_any_operation_is_healed_and_readers_see_whole_snapshots() {
    every_operation_of_the_lake(Fault::ErrorBefore);
}

#[test]
fn an_answer_lost_after_any_operation_is_healed_and_readers_see_whole_snapshots() {
    every_operation_of_the_lake(Fault::ErrorAfter);
}

#[test]
fn half_a_body_at_any_operation_is_healed_and_readers_see_whole_snapshots() {
    every_operation_of_the_lake(Fault::Truncated);
}

#[test]
fn a_refusal_at_any_operation_is_healed_and_readers_see_whole_snapshots() {
    every_operation_of_the_lake(Fault::Forbidden);
}

#[test]
fn a_store_that_is_away_at_any_operation_is_healed_and_readers_see_whole_snapshots() {
    every_operation_of_the_lake(Fault::Unavailable);
}

#[test]
fn a_death_before_any_operation_is_healed_and_readers_see_whole_snapshots() {
    every_operation_of_the_lake(Fault::CrashBefore);
}

#[test]
fn a_death_after_any_operation_is_healed_and_readers_see_whole_snapshots() {
    every_operation_of_the_lake(Fault::CrashAfter);
}

#[test]
fn whatever_fails_in_the_landing_area_the_next_run_heals_it() {
    let tiny = tiny();
    let (operations, _) = tiny.operations();
    assert!(operations >= 2, "a listing and a delivery");
    for number in 0..operations {
        for fault in Fault::ALL {
            // Nothing of the landing area is written, so an answer lost afterwards is one lost before.
            assert!(tiny.heals(false, number, fault), "{fault:?} at {number} went unnoticed");
        }
    }
}

#[test]
fn two_faults_in_a_night_or_in_two_nights_running_are_healed() {
    let tiny = tiny();
    let (in_landing, in_lake) = tiny.operations();
    let all = std::env::var("UPTAKE_FAULT_PAIRS").is_ok_and(|which| which == "all");
    let kinds = Fault::ALL.len();
    let mut pairs = 0;
    for first in 0..in_lake {
        for second in 0..in_lake + in_landing {
            let turn = first * (in_lake + in_landing) + second;
            // A sample that goes round: every operation is first and second, every kind meets every kind.
            if !all && (first * 5 + second) % 41 != 7 {
                continue;
            }
            let (one, two) = (Fault::ALL[turn % kinds], Fault::ALL[turn / kinds % kinds]);
            let context = format!("{one:?} at {first}, then {two:?} at {second}");
            let lake = tiny.lake();
            match second.checked_sub(in_lake) {
                // One store each, in the same night.
                Some(second) => {
                    let (hers, mine) = (Faults::from([(second, two)]), Faults::from([(first, one)]));
                    tiny.broken_night(&lake, hers, mine, &context);
                }
                // Both in the lake: in one night where the order allows it, else in the next attempt.
                None if first < second => {
                    let faults = Faults::from([(first, one), (second, two)]);
                    tiny.broken_night(&lake, Faults::new(), faults, &context);
                }
                None => {
                    tiny.broken_night(&lake, Faults::new(), Faults::from([(first, one)]), &context);
                    tiny.broken_night(&lake, Faults::new(), Faults::from([(second, two)]), &context);
                }
            }
            tiny.healed(&lake, &context);
            pairs += 1;
        }
    }
    assert!(pairs > in_lake, "only {pairs} pairs of {in_lake} operations");
}
