//! From people to scopes: one pass over the rows of a period fills every scope kind's tree with what its direct members did.
//!
//! A person has one place, so each kind splits the company once and every total is a sum (the additive law). The trees go
//! to the guard, which decides what of them is shown.

use std::borrow::Cow;
use std::collections::BTreeMap;

use hashbrown::HashMap;
use polars::prelude::{DataFrame, PolarsResult};

use crate::canon::hierarchy::{Units, managers};
use crate::canon::history::{NONE, People};
use crate::guard::{Crossing, Mass, Node, OTHER, ScopeTree, Shape};
use crate::period::Period;

/// The scope of people about whom HRIS does not say.
pub const UNKNOWN: &str = "unknown";
/// The columns of a person row that say where the person counts.
pub const PLACE: [&str; 6] = ["worker", "org", "leader_band", "location", "function", "manager"];

/// Every scope kind's tree for one period, in the order org, leader_band, location, function and, where the policy asks, manager.
pub struct Scopes {
    pub trees: Vec<ScopeTree>,
    /// People by pairs of places, for the audit of margins.
    pub crossings: Vec<Crossing>,
    /// Who belongs to which scope.
    pub members: Members,
    /// What was cut or missing in the hierarchies, for data quality.
    pub cycles_cut: u64,
    pub orphans: u64,
}

/// What [`build`] needs beside the rows.
pub struct Company<'a> {
    pub people: &'a People,
    pub units: &'a Units,
    pub period: Period,
    pub smallest_group: i64,
    /// Set where manager scopes are published.
    pub smallest_group_manager: Option<i64>,
}

/// Adds the rows of a period up. `measures` name integer columns of `rows`, each a value per person.
///
/// # Errors
/// A column is missing or not an integer; a bug in the mart.
pub fn build(rows: &DataFrame, measures: &[&str], shape: &Company<'_>) -> PolarsResult<Scopes> {
    let values: Vec<_> = measures.iter().map(|name| integers(rows, name)).collect::<PolarsResult<_>>()?;
    let place: Vec<_> = PLACE.iter().map(|name| integers(rows, name)).collect::<PolarsResult<_>>()?;

    let label = |code: i64| u32::try_from(code).ok().and_then(|code| shape.people.labels.text(code));
    let (org, cycles_cut, orphans) = orgs(&place[1], &label, shape);
    let mut kinds: Vec<Kind> = vec![org];
    for (kind, codes) in [("leader_band", &place[2]), ("location", &place[3]), ("function", &place[4])] {
        kinds.push(Kind::flat(kind, codes, &label));
    }
    let mut cycles_cut = cycles_cut;
    if shape.smallest_group_manager.is_some() {
        let (manager, cut) = manager_tree(&place[0], &place[5], shape.people);
        cycles_cut += cut;
        kinds.push(manager);
    }

    let mut trees: Vec<ScopeTree> = kinds
        .iter()
        .map(|kind| ScopeTree {
            kind: kind.name.into(),
            shape: kind.shape,
            k: if kind.name == "manager" {
                shape.smallest_group_manager.unwrap_or(shape.smallest_group)
            } else {
                shape.smallest_group
            },
            nodes: kind
                .ids
                .iter()
                .zip(&kind.parents)
                .map(|(id, parent)| Node {
                    id: id.clone(),
                    parent: *parent,
                    population: 0,
                    direct: vec![Mass::ZERO; measures.len()],
                })
                .collect(),
        })
        .collect();
    for (tree, kind) in trees.iter_mut().zip(&kinds) {
        kind.node_of.iter().for_each(|node| tree.nodes[*node as usize].population += 1);
    }
    // Most people did little: who did something is gathered once, and every kind adds it up from there.
    let mut did: Vec<(usize, Mass)> = Vec::new();
    for (measure, values) in values.iter().enumerate() {
        did.clear();
        let acts = values.iter().enumerate().filter(|(_, value)| **value != 0);
        did.extend(acts.map(|(person, value)| (person, Mass::of_person(*value))));
        for (tree, kind) in trees.iter_mut().zip(&kinds) {
            for (person, mass) in &did {
                let held = &mut tree.nodes[kind.node_of[*person] as usize].direct[measure];
                *held = held.merge(*mass);
            }
        }
    }
    Ok(Scopes { trees, crossings: crossings(&kinds), members: Members { kinds }, cycles_cut, orphans })
}

/// An integer column's values, a missing one as 0. Borrowed where the column is one piece without holes, as it is wherever the house
/// itself made it.
///
/// # Errors
/// The column is missing or not an integer; a bug in the mart.
pub fn integers<'r>(rows: &'r DataFrame, name: &str) -> PolarsResult<Cow<'r, [i64]>> {
    let column = rows.column(name)?.i64()?;
    Ok(match column.cont_slice() {
        Ok(values) => Cow::Borrowed(values),
        Err(_) => Cow::Owned(column.iter().map(|value| value.unwrap_or(0)).collect()),
    })
}

/// The rows of a block by scope.
pub struct Members {
    kinds: Vec<Kind>,
}

impl Members {
    /// Row numbers of the people of a scope, ascending: a unit with its whole subtree. In a flat kind `other` is everybody whose
    /// value is not among the `published` ones (sorted).
    pub fn of(&self, scope_kind: &str, scope_id: &str, published: &[String]) -> Vec<u32> {
        if scope_kind == "company" {
            return (0..self.kinds.first().map_or(0, |kind| kind.node_of.len() as u32)).collect();
        }
        let Some(kind) = self.kinds.iter().find(|kind| kind.name == scope_kind) else { return Vec::new() };
        let is_shown = |id: &String| published.binary_search(id).is_ok();
        let mut within = vec![false; kind.ids.len()];
        for node in 1..kind.ids.len() {
            let id = &kind.ids[node];
            let is_other = kind.shape == Shape::Flat && scope_id == OTHER && !is_shown(id);
            // Parents stand before their children.
            within[node] = id == scope_id || is_other || kind.parents[node].is_some_and(|parent| within[parent]);
        }
        let rows = kind.node_of.iter().enumerate();
        rows.filter(|(_, node)| within[**node as usize]).map(|(row, _)| row as u32).collect()
    }
}

/// What of one kind stands in rows of its own: the company and the published scopes in it, parents before children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    pub kind: &'static str,
    /// The company first.
    pub ids: Vec<String>,
    pub parents: Vec<Option<usize>>,
    /// By row number of the block: the smallest published scope the person belongs to.
    pub node_of: Vec<u32>,
}

impl Rows {
    /// Row numbers of the people of each scope, ascending.
    pub fn members(&self) -> Vec<Vec<u32>> {
        let mut members = vec![Vec::new(); self.ids.len()];
        for (row, node) in self.node_of.iter().enumerate() {
            let mut at = Some(*node as usize);
            while let Some(node) = at {
                members[node].push(row as u32);
                at = self.parents[node];
            }
        }
        members
    }
}

impl Members {
    /// The published rows of every kind; `published` gives the sorted ids of a kind.
    pub fn rows<'p>(&self, published: impl Fn(&str) -> &'p [String]) -> Vec<Rows> {
        self.kinds.iter().map(|kind| kind.rows(published(kind.name))).collect()
    }
}

/// One way to split the company: a tree, and the node of every person.
struct Kind {
    name: &'static str,
    shape: Shape,
    ids: Vec<String>,
    parents: Vec<Option<usize>>,
    node_of: Vec<u32>,
}

impl Kind {
    fn rows(&self, published: &[String]) -> Rows {
        let is_shown = |id: &str| published.binary_search_by(|shown| shown.as_str().cmp(id)).is_ok();
        let mut rows = Rows { kind: self.name, ids: vec!["all".into()], parents: vec![None], node_of: Vec::new() };
        let mut add = |id: &str, parent: usize| {
            rows.ids.push(id.to_owned());
            rows.parents.push(Some(parent));
            rows.ids.len() - 1
        };
        let other = (self.shape == Shape::Flat && is_shown(OTHER)).then(|| add(OTHER, 0));
        let mut place = vec![0; self.ids.len()];
        for node in 1..self.ids.len() {
            let above = self.parents[node].map_or(0, |parent| place[parent]);
            let id = self.ids[node].as_str();
            place[node] = match other {
                Some(other) if id == OTHER || !is_shown(id) => other,
                _ if is_shown(id) => add(id, above),
                _ => above,
            };
        }
        rows.node_of = self.node_of.iter().map(|node| place[*node as usize] as u32).collect();
        rows
    }

    fn flat<'t>(name: &'static str, codes: &[i64], label: &dyn Fn(i64) -> Option<&'t str>) -> Kind {
        let mut ids: Vec<&str> = codes.iter().map(|code| label(*code).unwrap_or(UNKNOWN)).collect();
        ids.sort_unstable();
        ids.dedup();
        let node: BTreeMap<&str, u32> = ids.iter().enumerate().map(|(at, id)| (*id, at as u32 + 1)).collect();
        let mut by_code: HashMap<i64, u32> = HashMap::new();
        let mut node_of = Vec::with_capacity(codes.len());
        for code in codes {
            let find = || node.get(label(*code).unwrap_or(UNKNOWN)).copied().unwrap_or(0);
            node_of.push(*by_code.entry(*code).or_insert_with(find));
        }
        let mut kind = Kind { name, shape: Shape::Flat, ids: vec!["all".into()], parents: vec![None], node_of };
        kind.parents.extend(ids.iter().map(|_| Some(0)));
        kind.ids.extend(ids.into_iter().map(str::to_owned));
        kind
    }
}

/// The org tree of the period: every unit with people and every unit that exists in it, so that an absent row says nothing.
fn orgs<'t>(codes: &[i64], label: &dyn Fn(i64) -> Option<&'t str>, shape: &Company<'_>) -> (Kind, u64, u64) {
    let mut wanted: Vec<String> = Vec::new();
    let mut seen: HashMap<i64, ()> = HashMap::new();
    for code in codes {
        if seen.insert(*code, ()).is_none() {
            wanted.push(label(*code).unwrap_or(UNKNOWN).to_owned());
        }
    }
    wanted.extend(
        shape
            .units
            .versions
            .iter()
            .filter(|(_, versions)| Units::lives(versions, shape.period))
            .map(|(id, _)| id.clone()),
    );
    wanted.sort_unstable();
    wanted.dedup();
    let forest = shape.units.forest(&wanted, shape.period);
    let node: HashMap<&str, u32> = forest.ids.iter().enumerate().map(|(at, id)| (id.as_str(), at as u32 + 1)).collect();
    let mut by_code: HashMap<i64, u32> = HashMap::new();
    let node_of = codes
        .iter()
        .map(|code| {
            *by_code.entry(*code).or_insert_with(|| node.get(label(*code).unwrap_or(UNKNOWN)).copied().unwrap_or(0))
        })
        .collect();
    drop(node);
    let mut kind = Kind { name: "org", shape: Shape::Hierarchy, ids: vec!["all".into()], parents: vec![None], node_of };
    kind.parents.extend(forest.parents.iter().map(|parent| Some(parent.map_or(0, |parent| parent + 1))));
    kind.ids.extend(forest.ids);
    (kind, forest.cycles_cut, forest.orphans)
}

/// Reporting subtrees: a node for everybody who has reports among the people of the period; everybody else is a direct
/// member of their manager's node. Managers who are not counted themselves pass their people to the next one up.
fn manager_tree(workers: &[i64], manager_of_person: &[i64], people: &People) -> (Kind, u64) {
    let mut manager_of = vec![NONE; people.workers.len()];
    for (worker, manager) in workers.iter().zip(manager_of_person) {
        manager_of[*worker as usize] = u32::try_from(*manager).unwrap_or(NONE);
    }
    let (parent, cut) = managers(&manager_of);
    let mut leads = vec![false; parent.len()];
    for worker in workers {
        if let Some(manager) = leads.get_mut(parent[*worker as usize]) {
            *manager = true;
        }
    }
    // Parents first: order managers by depth, found without recursion.
    let mut depth = vec![u32::MAX; parent.len()];
    let mut path = Vec::new();
    for start in (0..parent.len()).filter(|code| leads[*code]) {
        let mut node = start;
        while node < parent.len() && depth[node] == u32::MAX {
            path.push(node);
            node = parent[node];
        }
        let mut above = depth.get(node).map_or(0, |depth| depth + 1);
        while let Some(node) = path.pop() {
            depth[node] = above;
            above += 1;
        }
    }
    let mut order: Vec<usize> = (0..parent.len()).filter(|code| depth[*code] != u32::MAX).collect();
    order.sort_unstable_by_key(|code| (depth[*code], *code));
    let mut kind = Kind {
        name: "manager",
        shape: Shape::Hierarchy,
        ids: vec!["all".into()],
        parents: vec![None],
        node_of: Vec::new(),
    };
    let mut node = vec![0u32; parent.len()];
    for code in order {
        node[code] = kind.ids.len() as u32;
        kind.parents.push(Some(node.get(parent[code]).map_or(0, |up| *up as usize)));
        kind.ids.push(people.workers[code].clone());
    }
    kind.node_of = workers
        .iter()
        .map(|worker| {
            let worker = *worker as usize;
            if leads[worker] { node[worker] } else { node.get(parent[worker]).copied().unwrap_or(0) }
        })
        .collect();
    (kind, cut)
}

/// People by pairs of places for every pair of kinds.
fn crossings(kinds: &[Kind]) -> Vec<Crossing> {
    let mut crossings = Vec::new();
    for a in 0..kinds.len() {
        for b in a + 1..kinds.len() {
            let cells = cross(&kinds[a], &kinds[b]);
            crossings.push(Crossing { first: a, second: b, cells });
        }
    }
    crossings
}

/// People by pairs of nodes, in their order.
fn cross(a: &Kind, b: &Kind) -> Vec<(usize, usize, i64)> {
    let pairs = a.node_of.iter().zip(&b.node_of);
    let width = b.ids.len();
    // A table of all pairs is quicker than a map where most of it is used or it is small.
    if a.ids.len().saturating_mul(width) <= 16 * a.node_of.len().max(1 << 10) {
        let mut people = vec![0u32; a.ids.len() * width];
        pairs.for_each(|(a, b)| people[*a as usize * width + *b as usize] += 1);
        let used = people.into_iter().enumerate().filter(|(_, people)| *people > 0);
        return used.map(|(at, people)| (at / width, at % width, i64::from(people))).collect();
    }
    let mut people: HashMap<(u32, u32), i64> = HashMap::new();
    pairs.for_each(|(a, b)| *people.entry((*a, *b)).or_default() += 1);
    let mut cells: Vec<_> = people.into_iter().map(|((a, b), people)| (a as usize, b as usize, people)).collect();
    cells.sort_unstable();
    cells
}
