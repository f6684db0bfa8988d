//! Generated companies, and the guards under attack.

use std::collections::BTreeMap;

use super::super::figures::residuals;
use super::super::*;

pub(super) const RULES: Rules = Rules { k: 5, rounding: 5, synthetic: false };
pub(super) const MEASURES: [Kind; 4] = [Kind::People, Kind::People, Kind::Events, Kind::Sum];
pub(super) const WORLDS: u64 = 2_000;

/// Numbers from a seed (splitmix64), so that a failing company can be built again.
pub(super) struct Dice(u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// A person: their node in each tree, and what they did in each measure.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub at: [usize; 4],
    pub did: [i64; 4],
}

/// A company of org units, manager scopes that nearly follow them, locations and functions.
#[derive(Clone)]
pub(super) struct World {
    /// Parents of each tree's nodes.
    pub parents: [Vec<usize>; 4],
    pub people: Vec<Person>,
}

pub(super) const KINDS: [(&str, Shape, i64); 4] = [
    ("org", Shape::Hierarchy, 5),
    ("manager", Shape::Hierarchy, 10),
    ("location", Shape::Flat, 5),
    ("function", Shape::Flat, 5),
];

impl World {
    /// `sorted`: locations follow the units but for a few people, which is how companies are and what audits are for.
    pub fn new(seed: u64, sorted: bool) -> World {
        let mut dice = Dice(seed);
        let units = 4 + dice.below(14);
        let mut org = vec![0];
        for unit in 1..=units {
            org.push(if unit < 3 || dice.chance(30) { 0 } else { 1 + dice.below(unit - 1) });
        }
        let (places, functions) = (2 + dice.below(5), 2 + dice.below(3));
        let mut people = Vec::new();
        for unit in 1..=units {
            let size = if dice.chance(45) { dice.below(7) } else { 4 + dice.below(14) };
            let place = 1 + unit % places;
            let eager = [0, 10, 50, 90, 100][dice.below(5)];
            for _ in 0..size {
                let elsewhere = dice.chance(if sorted { 3 } else { 60 });
                let location = if elsewhere { 1 + dice.below(places) } else { place };
                // A few report outside their unit.
                let manager = if dice.chance(2) { 1 + dice.below(units) } else { unit };
                let visits = dice.chance(eager);
                let active = visits && dice.chance(60);
                let events = if active { 1 + dice.below(4) as i64 } else { 0 };
                let seconds = if visits { [40, 300, 900, 20_000][dice.below(4)] + dice.below(60) as i64 } else { 0 };
                people.push(Person {
                    at: [unit, manager, location, 1 + dice.below(functions)],
                    did: [i64::from(visits), i64::from(active), events, seconds],
                });
            }
        }
        World { parents: [org.clone(), org, vec![0; places + 1], vec![0; functions + 1]], people }
    }

    pub fn trees(&self) -> Vec<ScopeTree> {
        let tree = |(t, (kind, shape, k)): (usize, &(&str, Shape, i64))| {
            let node = |i: usize| Node {
                id: format!("{i:03}"),
                parent: (i > 0).then(|| self.parents[t][i]),
                population: 0,
                direct: vec![Mass::ZERO; MEASURES.len()],
            };
            let mut nodes: Vec<Node> = (0..self.parents[t].len()).map(node).collect();
            for person in &self.people {
                let node = &mut nodes[person.at[t]];
                node.population += 1;
                for (mass, &did) in node.direct.iter_mut().zip(&person.did) {
                    *mass = mass.merge(Mass::of_person(did));
                }
            }
            ScopeTree { kind: kind.to_string(), shape: *shape, k: *k, nodes }
        };
        KINDS.iter().enumerate().map(tree).collect()
    }

    pub fn crossings(&self) -> Vec<Crossing> {
        let pairs = (0..4).flat_map(|a| (a + 1..4).map(move |b| (a, b)));
        let crossing = |(first, second): (usize, usize)| {
            let mut cells: BTreeMap<(usize, usize), i64> = BTreeMap::new();
            for person in &self.people {
                *cells.entry((person.at[first], person.at[second])).or_default() += 1;
            }
            Crossing { first, second, cells: cells.into_iter().map(|((a, b), n)| (a, b, n)).collect() }
        };
        pairs.map(crossing).collect()
    }

    pub fn load(&self, measure: usize, members: impl Fn(&Person) -> bool) -> Load {
        self.people.iter().filter(|person| members(person)).fold(Load::default(), |sum, person| {
            sum.merge(Load { people: 1, mass: Mass::of_person(person.did[measure]) })
        })
    }
}

/// The guards under attack.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Guard {
    Real,
    /// Nothing under 5 is shown, and that is all.
    PrimaryOnly,
    /// Everything, with groups of two.
    GroupsOfTwo,
    /// The right rows and cells, with exact counts that may be 0 or all.
    Exact,
    /// Rounded, each count on its own.
    RoundedAlone,
    /// Each kind on its own.
    NoMargins,
}

pub(super) fn guarded(world: &World, guard: Guard) -> Protected {
    let (mut trees, mut rules) = (world.trees(), RULES);
    if guard == Guard::GroupsOfTwo {
        rules.k = 2;
        trees.iter_mut().for_each(|tree| tree.k = 2);
    }
    if guard == Guard::Real {
        return protect(&MEASURES, &trees, &world.crossings(), &rules).expect("a company that adds up");
    }
    let canons = check(&MEASURES, &trees, &world.crossings(), &rules).expect("a company that adds up");
    if canons[0].total[0] < rules.k {
        return write(&canons, &[], MEASURES.len(), None);
    }
    let mut published: Vec<Vec<bool>> = canons.iter().map(rows).collect();
    match guard {
        Guard::PrimaryOnly => {
            published = canons.iter().map(|canon| canon.total.iter().map(|&n| n >= canon.source.k).collect()).collect();
        }
        Guard::NoMargins => {}
        _ => margins::settle(&canons, &mut published, &world.crossings()).expect("something left to merge"),
    }
    let layouts: Vec<Layout> = canons.iter().zip(&published).map(|(canon, rows)| Layout::new(canon, rows)).collect();
    let mut figures = fill(&MEASURES, &canons, &layouts, &world.crossings(), &rules);
    if matches!(guard, Guard::Exact | Guard::RoundedAlone | Guard::PrimaryOnly) {
        for (t, layout) in layouts.iter().enumerate() {
            let residuals = residuals(&canons[t], layout, MEASURES.len());
            for (measure, kind) in MEASURES.iter().enumerate() {
                let own = &residuals[measure];
                let count = layout.tree.totals(&own.iter().map(|load| load.mass.value).collect::<Vec<_>>());
                let contributors =
                    layout.tree.totals(&own.iter().map(|load| load.mass.contributors).collect::<Vec<_>>());
                for v in 0..layout.tree.len() {
                    let figure = &mut figures.rows[t][v][measure];
                    match (guard, kind) {
                        (Guard::PrimaryOnly, Kind::Events | Kind::Sum) => {
                            *figure = (contributors[v] >= 5).then_some(count[v]);
                        }
                        (Guard::RoundedAlone, Kind::People) => {
                            *figure = Some(rounding::people(count[v], layout.total[v], 5));
                        }
                        (_, Kind::People) => *figure = Some(count[v]),
                        _ => {}
                    }
                }
                figures.company[measure] = figures.rows[t][0][measure];
            }
        }
    }
    write(&canons, &layouts, MEASURES.len(), Some(&figures))
}
