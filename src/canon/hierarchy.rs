//! Trees as of a day: org units under units, workers under managers. Cycles are cut, orphans become roots; both are counted.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use hashbrown::HashMap;

use super::columns::{Text, bools, dates, instants, ints};
use super::history::{Fnv, NONE};
use crate::contract::arrow::{DELETED, DELIVERY, KNOWN_AT, ROW};
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
    /// Reads the live rows of canon `org_units`. Where versions overlap the later known one wins, by cutting the other short.
    pub fn build(batches: &[RecordBatch]) -> Units {
        type Aged = ((Option<i64>, Option<String>, Option<i64>), UnitVersion);
        let mut rows: BTreeMap<String, Vec<Aged>> = BTreeMap::new();
        for batch in batches {
            let (id, parent) = (Text::of(batch, "org_id"), Text::of(batch, "parent_id"));
            let (name, kind, delivery) = (Text::of(batch, "name"), Text::of(batch, "kind"), Text::of(batch, DELIVERY));
            let head = Text::of(batch, "head_worker_id");
            let (from, to) = (dates(batch, "effective_from"), dates(batch, "effective_to"));
            let (known_at, row, deleted) = (instants(batch, KNOWN_AT), ints(batch, ROW), bools(batch, DELETED));
            for i in (0..batch.num_rows()).filter(|i| deleted(*i) != Some(true)) {
                let Some(id) = id.get(i) else { continue };
                let version = UnitVersion {
                    from: from(i).unwrap_or(Day::MIN),
                    to: to(i).unwrap_or(OPEN_END),
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
        let versions = self.versions.get(id)?;
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
        let mut hash = Fnv::default();
        for (id, versions) in &self.versions {
            hash.text(id);
            hash.number(i64::from(Self::lives(versions, period)));
            let parent = self.version(id, period).and_then(|version| version.parent.as_deref());
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
