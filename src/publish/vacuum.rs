//! Deletes what no recent commit names. A command of its own, with its own rights; it prints its plan first.
//!
//! Content-addressed names bring a danger of their own: a run may find its bytes in an old, unnamed object and commit that name
//! while a vacuum deletes it. No grace helps, for the object *is* old. So a vacuum goes through the log as well: it commits the
//! list of objects it is about to delete, which makes every run in flight lose its race and plan again; runs that build on
//! that commit refuse the listed names; a closing commit ends it. One that died half-way is finished by the next, once the
//! announcement is older than the grace: before, the first might still be at it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::commit::{self, Commit, Committed, MadeBy};
use super::{Error, Result};
use crate::store::layout::{self, Area};
use crate::store::{Object, Store};

/// How often the closing commit is tried while runs keep committing.
const CLOSING_ATTEMPTS: usize = 20;

/// What is kept whatever happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// The files of this many last commits made by runs; at least one.
    pub commits: usize,
    /// Whatever is younger. Longer than the longest run and the longest read: files of a run in flight are named by nobody yet.
    pub grace: TimeDelta,
    /// Whether commits before those kept go as well; otherwise the log stays whole, though its older snapshots cannot be read.
    pub prune_commits: bool,
}

/// Why an object goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// No kept commit names it.
    Unnamed,
    /// An earlier vacuum announced it and did not finish.
    Announced,
    /// Its table is no longer in the head commit.
    TableGone,
    /// A commit older than those kept.
    OldCommit,
    /// What a killed process left: an unfinished write on a local disk, or a probe of the store.
    Leftover,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Doomed {
    pub path: String,
    pub bytes: u64,
    pub reason: Reason,
}

/// What a vacuum would do: printable, and the only thing [`execute`] takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VacuumPlan {
    /// The head it was made on; it is refused on any other.
    pub head: u64,
    /// Commits whose files are kept, ascending: those of runs, and those of vacuums since, which have the same files.
    pub kept_commits: Vec<u64>,
    /// How many of them runs made: what was asked to be kept.
    pub kept_runs: usize,
    /// Sorted by path.
    pub delete: Vec<Doomed>,
    /// Unnamed objects kept because they are younger than the grace.
    pub spared_by_grace: usize,
}

impl VacuumPlan {
    /// Bytes freed.
    pub fn bytes(&self) -> u64 {
        self.delete.iter().map(|doomed| doomed.bytes).sum()
    }

    fn add(&mut self, candidates: Vec<(Object, Reason)>, is_old: impl Fn(&Object) -> bool) {
        let (old, young): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|(object, _)| is_old(object));
        self.spared_by_grace += young.len();
        self.delete.extend(old.into_iter().map(|(object, reason)| Doomed {
            path: object.path,
            bytes: object.size,
            reason,
        }));
        self.delete.sort_by(|a, b| a.path.cmp(&b.path));
    }
}

/// Unfinished writes and probes; of the former only those below the folders of a lake.
fn leftovers(store: &Store) -> Result<Vec<Object>> {
    let mut found = store.list(layout::PROBES)?;
    let folders: Vec<&str> =
        Area::ALL.iter().map(|area| area.as_str()).chain([layout::COMMITS, layout::PROBES]).collect();
    let is_ours = |object: &Object| object.path.split_once('/').is_some_and(|(folder, _)| folders.contains(&folder));
    found.extend(store.staged()?.into_iter().filter(is_ours));
    Ok(found)
}

/// Looks, and changes nothing. `now` comes from the caller; object times come from the store.
pub fn plan(store: &Store, keep: Keep, now: DateTime<Utc>) -> Result<VacuumPlan> {
    let commits = store.list(layout::COMMITS)?;
    let commits: Vec<(u64, Object)> =
        commits.into_iter().filter_map(|o| Some((layout::commit_number(&o.path)?, o))).collect();
    let mut plan =
        VacuumPlan { head: 0, kept_commits: Vec::new(), kept_runs: 0, delete: Vec::new(), spared_by_grace: 0 };
    let is_old = |object: &Object| now.signed_duration_since(object.last_modified) > keep.grace;
    let mut candidates: Vec<(Object, Reason)> = leftovers(store)?.into_iter().map(|o| (o, Reason::Leftover)).collect();
    let Some((newest, _)) = commits.last() else {
        plan.add(candidates, is_old);
        return Ok(plan);
    };
    plan.head = *newest;
    let head = commit::read(store, *newest)?;

    let mut named: BTreeSet<String> = BTreeSet::new();
    for (n, _) in commits.iter().rev() {
        if plan.kept_runs == keep.commits.max(1) {
            break;
        }
        let kept = commit::read(store, *n)?;
        plan.kept_runs += usize::from(kept.made_by == MadeBy::Run);
        named.extend(kept.paths().map(str::to_owned));
        plan.kept_commits.insert(0, *n);
    }

    let announcement = announcement(store, &commits, &head)?;
    let oldest_kept = plan.kept_commits.first().copied().unwrap_or(head.n);
    let mut announced: BTreeMap<String, u64> = head.deleting.iter().map(|path| (path.clone(), 0)).collect();
    for area in Area::ALL {
        for object in store.list(&layout::data_folder(area))? {
            if let Some(bytes) = announced.get_mut(&object.path) {
                *bytes = object.size;
            } else if !named.contains(&object.path) {
                candidates.push((object, Reason::Unnamed));
            }
        }
        let latest = store.list(&layout::latest_folder(area))?;
        candidates
            .extend(latest.into_iter().filter(|o| !shows_a_table(o, area, &head)).map(|o| (o, Reason::TableGone)));
    }
    if keep.prune_commits {
        let old = commits.into_iter().filter(|(n, _)| *n < oldest_kept);
        candidates.extend(old.map(|(_, object)| (object, Reason::OldCommit)));
    }
    plan.add(candidates, is_old);
    // Announced objects are listed even when they are gone already: the announcement itself has to be closed.
    if announcement.as_ref().is_none_or(is_old) {
        plan.delete.extend(announced.into_iter().map(|(path, bytes)| Doomed {
            path,
            bytes,
            reason: Reason::Announced,
        }));
    } else {
        plan.spared_by_grace += announced.len();
    }
    plan.delete.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(plan)
}

/// The commit object of the vacuum that has not finished yet, if there is one.
fn announcement(store: &Store, commits: &[(u64, Object)], head: &Commit) -> Result<Option<Object>> {
    for (n, object) in commits.iter().rev().take_while(|_| !head.deleting.is_empty()) {
        if commit::read(store, *n)?.made_by == MadeBy::Vacuum {
            return Ok(Some(object.clone()));
        }
    }
    Ok(None)
}

fn shows_a_table(object: &Object, area: Area, head: &Commit) -> bool {
    let file = object.path.strip_prefix(&layout::latest_folder(area)).and_then(|path| path.strip_prefix('/'));
    let table = file.and_then(|file| file.strip_suffix(".parquet")).and_then(|name| layout::table(area, name).ok());
    table.is_some_and(|table| head.files.contains_key(&table))
}

/// Carries a plan out. Refused as stale when the log moved since it was made. After a failure, plan and execute again.
pub fn execute(store: &Store, plan: &VacuumPlan) -> Result<()> {
    let head = commit::head(store)?;
    let found = head.as_ref().map_or(0, |head| head.n);
    if found != plan.head {
        return Err(Error::Stale { planned: plan.head, found });
    }
    let data = plan.delete.iter().filter(|doomed| matches!(doomed.reason, Reason::Unnamed | Reason::Announced));
    let ours: BTreeSet<String> = data.map(|doomed| doomed.path.clone()).collect();
    if let Some(head) = head.filter(|head| !ours.is_subset(&head.deleting)) {
        announce(store, &head, head.deleting.union(&ours).cloned().collect())?;
    }
    for doomed in &plan.delete {
        store.delete(&doomed.path)?;
    }
    if ours.is_empty() { Ok(()) } else { close(store, &ours) }
}

fn announce(store: &Store, head: &Commit, deleting: BTreeSet<String>) -> Result<()> {
    match commit::append(store, following(head, deleting)?)? {
        Committed::LostRace(winner) => Err(Error::Stale { planned: head.n, found: winner.n }),
        _ => Ok(()),
    }
}

/// Runs may have committed meanwhile; each carried the announcement on.
fn close(store: &Store, deleted: &BTreeSet<String>) -> Result<()> {
    for _ in 0..CLOSING_ATTEMPTS {
        let Some(head) = commit::head(store)? else { return Ok(()) };
        let left = head.deleting.difference(deleted).cloned().collect();
        match commit::append(store, following(&head, left)?)? {
            Committed::LostRace(_) => continue,
            _ => return Ok(()),
        }
    }
    Err(Error::LostRace)
}

/// The same tables once more, with another list of what is being deleted. It read nothing, so it counts nothing.
fn following(head: &Commit, deleting: BTreeSet<String>) -> Result<Commit> {
    Ok(Commit {
        n: head.n + 1,
        parent: Some(head.snapshot_id()?),
        made_by: MadeBy::Vacuum,
        deleting,
        counts: BTreeMap::new(),
        ..head.clone()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::{Draft, NewFile, Publisher};
    use crate::store::Env;
    use bytes::Bytes;

    const NO_GRACE: Keep = Keep { commits: 1, grace: TimeDelta::seconds(-3600), prune_commits: false };

    fn store(name: &str) -> Store {
        Store::open(&format!("memory://vacuum-{name}"), &Env::default()).unwrap()
    }

    /// The time of the youngest object: no clock is needed to be right after the last write.
    fn now(store: &Store) -> DateTime<Utc> {
        store.list("").unwrap().iter().map(|object| object.last_modified).max().unwrap_or_default()
    }

    fn file(body: &str) -> NewFile {
        let body = Bytes::from(body.to_owned());
        NewFile { area: Area::Marts, table: "t".into(), partition: "all".into(), body, rows: 1 }
    }

    fn draft(publisher: &Publisher<'_>, body: &str) -> Result<Draft> {
        let all = BTreeMap::from([("all".to_owned(), publisher.put_file(file(body))?)]);
        Ok(Draft { files: BTreeMap::from([("marts/t".to_owned(), all)]), ..Draft::default() })
    }

    fn run(store: &Store, body: &str) -> Commit {
        let publisher = Publisher::open(store).unwrap();
        match publisher.commit(draft(&publisher, body).unwrap()).unwrap() {
            Committed::New(commit) => commit,
            other => panic!("{other:?}"),
        }
    }

    fn data(store: &Store) -> Vec<String> {
        store
            .list("marts/data")
            .unwrap()
            .iter()
            .map(|o| String::from_utf8(store.get(o).unwrap().to_vec()).unwrap())
            .collect()
    }

    fn vacuum(store: &Store, keep: Keep) -> VacuumPlan {
        let plan = plan(store, keep, now(store)).unwrap();
        execute(store, &plan).unwrap();
        plan
    }

    #[test]
    fn only_what_no_kept_commit_names_goes() {
        let store = store("keep");
        for body in ["a", "b", "c", "d"] {
            run(&store, body);
        }
        let plan = vacuum(&store, Keep { commits: 2, ..NO_GRACE });
        assert_eq!((plan.kept_commits.clone(), plan.delete.len(), plan.bytes()), (vec![3, 4], 2, 2));
        let mut left = data(&store);
        left.sort();
        assert_eq!(left, ["c", "d"]);
        // Two commits more, of the vacuum itself, and the same tables.
        let head = commit::head(&store).unwrap().unwrap();
        assert_eq!((head.n, head.made_by, head.deleting.len()), (6, MadeBy::Vacuum, 0));
        assert_eq!(head.files, commit::read(&store, 4).unwrap().files);
        // Its commits do not count as kept runs.
        assert_eq!(
            super::plan(&store, Keep { commits: 2, ..NO_GRACE }, now(&store)).unwrap().kept_commits,
            [3, 4, 5, 6]
        );
    }

    #[test]
    fn what_is_young_stays_and_an_empty_plan_changes_nothing() {
        let store = store("young");
        run(&store, "a");
        Publisher::open(&store).unwrap().put_file(file("of a run in flight")).unwrap();
        let plan = vacuum(&store, Keep { commits: 1, grace: TimeDelta::hours(1), prune_commits: true });
        assert_eq!((plan.delete.len(), plan.spared_by_grace, commit::head(&store).unwrap().unwrap().n), (0, 1, 1));
        let tomorrow = now(&store) + TimeDelta::days(1);
        let later = super::plan(&store, Keep { commits: 1, grace: TimeDelta::hours(1), prune_commits: true }, tomorrow)
            .unwrap();
        assert_eq!(later.delete.len(), 1);
    }

    #[test]
    fn a_plan_of_yesterday_is_refused() {
        let store = store("stale");
        run(&store, "a");
        run(&store, "b");
        let plan = plan(&store, NO_GRACE, now(&store)).unwrap();
        run(&store, "a");
        assert!(matches!(execute(&store, &plan), Err(Error::Stale { planned: 2, found: 3 })));
        assert_eq!(data(&store).len(), 2);
    }

    #[test]
    fn a_run_that_found_its_bytes_in_a_doomed_object_loses_its_race() {
        let store = store("reuse");
        run(&store, "a");
        run(&store, "b");
        let plan = plan(&store, NO_GRACE, now(&store)).unwrap();
        let in_flight = Publisher::open(&store).unwrap();
        let reuses = draft(&in_flight, "a").unwrap();
        execute(&store, &plan).unwrap();
        assert!(
            matches!(in_flight.commit(reuses).unwrap(), Committed::LostRace(winner) if winner.made_by == MadeBy::Vacuum)
        );
        run(&store, "a");
        let head = commit::head(&store).unwrap().unwrap();
        assert_eq!(commit::read_file(&store, &head.files["marts/t"]["all"]).unwrap(), "a");
    }

    #[test]
    fn a_vacuum_that_died_is_finished_by_the_next_and_runs_wait_for_it_only_where_they_must() {
        let store = store("died");
        run(&store, "a");
        let head = run(&store, "b");
        let doomed = plan(&store, NO_GRACE, now(&store)).unwrap().delete.remove(0).path;
        announce(&store, &head, BTreeSet::from([doomed.clone()])).unwrap();

        let publisher = Publisher::open(&store).unwrap();
        assert!(matches!(draft(&publisher, "a"), Err(Error::Vacuuming { .. })));
        let restored = Draft { files: commit::read(&store, 1).unwrap().files, ..Draft::default() };
        assert!(matches!(publisher.commit(restored), Err(Error::Vacuuming { .. })));
        assert_eq!(run(&store, "c").deleting, BTreeSet::from([doomed.clone()]), "other runs carry the announcement on");

        let within_grace = plan(&store, Keep { grace: TimeDelta::hours(1), ..NO_GRACE }, now(&store)).unwrap();
        assert!(within_grace.delete.is_empty(), "the first vacuum might still be at it");
        let plan = vacuum(&store, NO_GRACE);
        assert!(plan.delete.iter().any(|d| d.path == doomed && d.reason == Reason::Announced));
        assert!(commit::head(&store).unwrap().unwrap().deleting.is_empty());
        run(&store, "a");
    }

    #[test]
    fn old_commits_go_only_when_asked_and_strays_of_latest_go() {
        let store = store("prune");
        for body in ["a", "b", "c"] {
            run(&store, body);
        }
        for table in ["t", "dropped"] {
            store.put_overwrite(&layout::latest(Area::Marts, table).unwrap(), Bytes::from("x")).unwrap();
        }
        let reasons =
            |keep| plan(&store, keep, now(&store)).unwrap().delete.into_iter().map(|d| d.reason).collect::<Vec<_>>();
        assert_eq!(reasons(NO_GRACE), [Reason::Unnamed, Reason::Unnamed, Reason::TableGone]);
        vacuum(&store, Keep { prune_commits: true, ..NO_GRACE });
        assert_eq!(commit::log(&store).unwrap(), [3, 4, 5]);
        assert_eq!(store.list("marts/latest").unwrap().len(), 1);
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a killed write leaves a file")]
    fn what_killed_processes_left_goes_once_it_is_older_than_the_grace() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().to_str().unwrap(), &Env::default()).unwrap();
        run(&store, "a");
        let left = ["_commits/00000000000000000002.json#1", "marts/data/t/all-0.parquet#12", "notes#1"];
        for path in left {
            std::fs::write(folder.path().join(path), "half").unwrap();
        }
        store.put_new("_probe/create-only-0", Bytes::from("first")).unwrap();
        let within_grace = Keep { grace: TimeDelta::hours(1), ..NO_GRACE };
        assert_eq!(plan(&store, within_grace, now(&store)).unwrap().delete, []);
        let deleted: Vec<String> = vacuum(&store, NO_GRACE).delete.into_iter().map(|doomed| doomed.path).collect();
        assert_eq!(deleted, [left[0], "_probe/create-only-0", left[1]]);
        let staged: Vec<String> = store.staged().unwrap().into_iter().map(|object| object.path).collect();
        assert_eq!(staged, ["notes#1"], "what lies outside the folders of a lake is not ours");
        assert_eq!(commit::head(&store).unwrap().unwrap().n, 1, "nothing that a commit could name went");
    }

    #[test]
    fn a_vacuum_counts_no_records_and_its_commits_are_not_those_kept() {
        let store = store("counts");
        run(&store, "a");
        let publisher = Publisher::open(&store).unwrap();
        let counts = BTreeMap::from([("rows_read".to_owned(), 7)]);
        publisher.commit(Draft { counts, ..draft(&publisher, "b").unwrap() }).unwrap();
        vacuum(&store, NO_GRACE);
        let head = commit::head(&store).unwrap().unwrap();
        assert_eq!((head.made_by, head.counts.get("rows_read")), (MadeBy::Vacuum, None));
        let again = super::plan(&store, NO_GRACE, now(&store)).unwrap();
        assert_eq!((again.kept_runs, again.kept_commits), (1, vec![2, 3, 4]));
    }

    #[test]
    fn an_empty_lake_has_nothing_to_delete() {
        assert_eq!(vacuum(&store("empty"), NO_GRACE).delete, []);
    }
}
