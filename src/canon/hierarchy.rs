//! Trees as of a day: org units under units, workers under managers. Cycles are cut, orphans become roots; both are counted.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use hashbrown::HashMap;

use super::columns::{Text, bools, dates, instants, ints};
use super::history::{NONE, StableHash};
use crate::contract::arrow::{DELETED, DELIVERY, HELD_TO, KNOWN_AT, ROW};
use crate::period::{Day, OPEN_END, Period};

/// One version of an org unit, valid on `[from, to)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitVersion {
    pub from: Day,
    pub to: Day,
    pub parent: Option<String>,
    pub name: Option<String>,
    pub kind: Option<String>,
    /// Worker id of whoever heads it.
    pub head: Option<String>,
}

/// All org units by id, each with its versions in order of `from`.
#[derive(Debug, Default, Clone)]
pub struct Units {
    pub versions: BTreeMap<String, Vec<UnitVersion>>,
}

impl Units {
    /// Reads the rows of canon `org_units`: live ones, and those that a full snapshot no longer holds, until then. Where versions overlap the later known one wins, by cutting the other short.
    pub fn build(batches: &[RecordBatch]) -> Units {
        type Aged = ((Option<i64>, Option<String>, Option<i64>), UnitVersion);
        let mut rows: BTreeMap<String, Vec<Aged>> = BTreeMap::new();
        for batch in batches {
            let (id, parent) = (Text::of(batch, "org_id"), Text::of(batch, "parent_id"));
            let (name, kind, delivery) = (Text::of(batch, "name"), Text::of(batch, "kind"), Text::of(batch, DELIVERY));
            let head = Text::of(batch, "head_worker_id");
            let (from, to) = (dates(batch, "effective_from"), dates(batch, "effective_to"));
            let (known_at, row, deleted) = (instants(batch, KNOWN_AT), ints(batch, ROW), bools(batch, DELETED));
            let gone = dates(batch, HELD_TO);
            for i in (0..batch.num_rows()).filter(|i| gone(*i).is_some() || deleted(*i) != Some(true)) {
                let Some(id) = id.get(i) else { continue };
                let version = UnitVersion {
                    from: from(i).unwrap_or(Day::MIN),
                    to: to(i).unwrap_or(OPEN_END).min(gone(i).unwrap_or(OPEN_END)),
                    parent: parent.get(i).map(str::to_owned),
                    name: name.get(i).map(str::to_owned),
                    kind: kind.get(i).map(str::to_owned),
                    head: head.get(i).map(str::to_owned),
                };
                let age = (known_at(i), delivery.get(i).map(str::to_owned), row(i));
                rows.entry(id.to_owned()).or_default().push((age, version));
            }
        }
        let versions = rows
            .into_iter()
            .map(|(id, mut rows)| {
                rows.sort_by(|a, b| (a.1.from, &a.0).cmp(&(b.1.from, &b.0)));
                let mut versions: Vec<UnitVersion> = Vec::new();
                for (_, version) in rows {
                    if let Some(last) = versions.last_mut() {
                        last.to = last.to.min(version.from);
                    }
                    versions.push(version);
                }
                versions.retain(|version| version.from < version.to);
                (id, versions)
            })
            .collect();
        Units { versions }
    }

    /// The version that says where a unit stands in a period: the one on the unit's own last day in it; for a period
    /// before or after the unit's life the nearest version.
    pub fn version(&self, id: &str, period: Period) -> Option<&UnitVersion> {
        Self::of(self.versions.get(id)?, period)
    }

    /// Of a unit's versions, by their first day: the one of a period's last day, else the first.
    fn of(versions: &[UnitVersion], period: Period) -> Option<&UnitVersion> {
        let after = versions.partition_point(|version| version.from <= period.last_day());
        versions.get(after.saturating_sub(1))
    }

    /// Parents of the given units and of all their ancestors as of a period.
    pub fn forest(&self, ids: &[String], period: Period) -> Forest {
        let mut parents: BTreeMap<String, Option<String>> = BTreeMap::new();
        let mut waiting: Vec<String> = ids.to_vec();
        let mut orphans = 0;
        while let Some(id) = waiting.pop() {
            if parents.contains_key(&id) {
                continue;
            }
            let parent = self.version(&id, period).and_then(|version| version.parent.clone()).filter(|parent| {
                let known = self.versions.contains_key(parent);
                orphans += u64::from(!known);
                known
            });
            waiting.extend(parent.clone());
            parents.insert(id, parent);
        }
        Forest::new(parents, orphans)
    }

    /// Whether a unit exists on some day of a period.
    pub fn lives(versions: &[UnitVersion], period: Period) -> bool {
        versions.iter().any(|version| version.from < period.end && version.to > period.start)
    }

    /// A hash of which units exist in a period and where each stands.
    pub fn fingerprint(&self, period: Period) -> u64 {
        let mut hash = StableHash::default();
        for (id, versions) in &self.versions {
            hash.text(id);
            hash.number(i64::from(Self::lives(versions, period)));
            let parent = Self::of(versions, period).and_then(|version| version.parent.as_deref());
            hash.text(parent.unwrap_or("\u{1}"));
        }
        hash.finish()
    }
}

/// A forest without cycles: nodes in an order in which parents come before children.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Forest {
    pub ids: Vec<String>,
    /// Index of the parent in `ids`, always smaller than the node's own.
    pub parents: Vec<Option<usize>>,
    /// Nodes whose parent was cut because the chain came back to them.
    pub cycles_cut: u64,
    /// Nodes that name a parent nobody knows.
    pub orphans: u64,
}

impl Forest {
    /// Orders the nodes and cuts each cycle at its smallest id, which becomes a root. No recursion: chains may be long.
    fn new(mut parents: BTreeMap<String, Option<String>>, orphans: u64) -> Forest {
        let ids: Vec<String> = parents.keys().cloned().collect();
        let code: HashMap<&str, usize> = ids.iter().enumerate().map(|(i, id)| (id.as_str(), i)).collect();
        let mut parent: Vec<usize> = ids
            .iter()
            .map(|id| parents.remove(id).flatten().and_then(|up| code.get(up.as_str()).copied()).unwrap_or(usize::MAX))
            .collect();
        let cycles_cut = cut_cycles(&mut parent);
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); ids.len()];
        let mut ready: Vec<usize> = Vec::new();
        for (node, &up) in parent.iter().enumerate() {
            match children.get_mut(up) {
                Some(siblings) => siblings.push(node),
                None => ready.push(node),
            }
        }
        let mut forest = Forest { cycles_cut, orphans, ..Forest::default() };
        let mut place = vec![usize::MAX; ids.len()];
        let mut next = 0;
        while let Some(&node) = ready.get(next) {
            next += 1;
            place[node] = forest.ids.len();
            forest.parents.push(place.get(parent[node]).copied());
            forest.ids.push(ids[node].clone());
            ready.extend(children[node].iter().copied());
        }
        forest
    }
}

/// Makes the smallest index of every cycle a root (`usize::MAX`); returns how many cycles there were. Linear time.
pub fn cut_cycles(parent: &mut [usize]) -> u64 {
    const NEW: u32 = 0;
    let mut seen = vec![NEW; parent.len()];
    let mut cut = 0;
    for start in 0..parent.len() {
        let walk = start as u32 + 1;
        let mut node = start;
        while node < parent.len() && seen[node] == NEW {
            seen[node] = walk;
            node = parent[node];
        }
        if node < parent.len() && seen[node] == walk {
            // `node` is on a cycle found on this walk.
            let mut smallest = node;
            let mut other = parent[node];
            while other != node {
                smallest = smallest.min(other);
                other = parent[other];
            }
            parent[smallest] = usize::MAX;
            cut += 1;
        }
    }
    cut
}

/// The manager of each worker code as a forest over codes: cycles cut at the smallest worker, self-managers are roots.
pub fn managers(manager_of: &[u32]) -> (Vec<usize>, u64) {
    let mut parent: Vec<usize> =
        manager_of.iter().map(|&code| if code == NONE { usize::MAX } else { code as usize }).collect();
    let cut = cut_cycles(&mut parent);
    (parent, cut)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{day, rows};
    use super::*;
    use crate::period::{Calendar, Grain};

    fn units(text: &str) -> Units {
        Units::build(&[rows("org_units", text)])
    }

    fn week(start: &str) -> Period {
        Calendar { fiscal_year_start: 1, holidays: Default::default() }.period(Grain::Week, day(start))
    }

    /// The forest as `unit<parent`, in its own order.
    fn tree(units: &Units, ids: &[&str], period: Period) -> (Vec<String>, u64, u64) {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        let forest = units.forest(&ids, period);
        let parent = |at: usize| forest.parents[at].map_or("", |up| forest.ids[up].as_str());
        let lines = (0..forest.ids.len()).map(|at| format!("{}<{}", forest.ids[at], parent(at))).collect();
        (lines, forest.cycles_cut, forest.orphans)
    }

    #[test]
    fn a_unit_stands_where_the_last_day_of_the_period_finds_it() {
        let units = units(
            "org_id effective_from effective_to parent_id
             a 2020-01-01 - -
             b 2020-01-01 - -
             x 2020-01-01 2025-03-05 a
             x 2025-03-05 2025-06-01 b",
        );
        let up = |start: &str| units.version("x", week(start)).and_then(|version| version.parent.clone());
        assert_eq!(up("2025-02-24").as_deref(), Some("a"));
        assert_eq!(up("2025-03-03").as_deref(), Some("b"), "it moved on Wednesday");
        assert_eq!(up("2019-01-07").as_deref(), Some("a"), "before its life: the first version");
        assert_eq!(up("2025-09-01").as_deref(), Some("b"), "after its life: the last version");
        assert_eq!(tree(&units, &["x"], week("2025-03-03")).0, ["b<", "x<b"]);
    }

    #[test]
    fn of_two_statements_from_one_day_the_later_known_holds_and_versions_never_overlap() {
        let units = units(
            "org_id effective_from effective_to parent_id _known_at _deleted
             x 2020-01-01 - late 2025-02-01T00:00:00Z false
             x 2020-01-01 - early 2025-01-01T00:00:00Z false
             x 2025-03-01 - then 2025-01-01T00:00:00Z false
             y 2020-01-01 - - 2025-01-01T00:00:00Z true",
        );
        let versions: Vec<(Day, Day, Option<&str>)> =
            units.versions["x"].iter().map(|version| (version.from, version.to, version.parent.as_deref())).collect();
        let (first, second) = (day("2020-01-01"), day("2025-03-01"));
        assert_eq!(versions, [(first, second, Some("late")), (second, OPEN_END, Some("then"))]);
        assert!(!units.versions.contains_key("y"), "a deleted unit is none");
    }

    #[test]
    fn an_unknown_parent_makes_a_root_and_a_cycle_is_cut_at_its_smallest_unit() {
        let units = units(
            "org_id effective_from parent_id
             a 2020-01-01 c
             b 2020-01-01 a
             c 2020-01-01 b
             d 2020-01-01 d
             e 2020-01-01 nowhere
             f 2020-01-01 e",
        );
        let (lines, cycles, orphans) = tree(&units, &["c", "d", "f"], week("2025-03-03"));
        assert_eq!(lines, ["a<", "d<", "e<", "b<a", "f<e", "c<b"]);
        assert_eq!((cycles, orphans), (2, 1));
    }

    #[test]
    fn a_cycle_that_is_entered_from_below_is_cut_at_its_smallest_unit_too() {
        let units = units("org_id effective_from parent_id\n a 2020-01-01 c\n b 2020-01-01 c\n c 2020-01-01 b");
        let (lines, cycles, orphans) = tree(&units, &["a"], week("2025-03-03"));
        assert_eq!(lines, ["b<", "c<b", "a<c"]);
        assert_eq!((cycles, orphans), (1, 0));
    }

    #[test]
    fn a_unit_lives_from_its_first_day_to_the_day_before_its_end() {
        let units = units("org_id effective_from effective_to\n x 2025-03-10 2025-03-24");
        let lives = |start: &str| Units::lives(&units.versions["x"], week(start));
        assert_eq!(
            [lives("2025-03-03"), lives("2025-03-10"), lives("2025-03-17"), lives("2025-03-24")],
            [false, true, true, false]
        );
    }

    #[test]
    fn a_fingerprint_changes_when_a_unit_opens_closes_or_moves_and_not_when_it_is_renamed() {
        let told = |x: &str| {
            units(&format!(
                "org_id effective_from effective_to parent_id name
                 a 2020-01-01 - - Alpha
                 b 2020-01-01 - - Beta
                 x {x}"
            ))
        };
        let weeks = [week("2025-03-03"), week("2025-03-10"), week("2025-03-17")];
        let prints = |x: &str| weeks.map(|week| told(x).fingerprint(week));
        let base = prints("2025-03-10 - a X");
        let differs = |x: &str| {
            let other = prints(x);
            [0, 1, 2].map(|at| base[at] != other[at])
        };
        assert_eq!(differs("2025-03-10 - a Renamed"), [false, false, false]);
        assert_eq!(differs("2025-03-03 - a X"), [true, false, false], "it opened a week earlier");
        assert_eq!(differs("2025-03-10 2025-03-17 a X"), [false, false, true], "it closed after a week");
        assert_eq!(differs("2025-03-10 - b X"), [true, true, true], "it stands elsewhere, from its first version on");
    }
}
