//! Strategy-aware attacks: the attacker runs this code over the worlds that could be.

use super::world::*;
use super::*;

/// Strategy-aware attack on all kinds and rows at once: the attacker runs this code over every world that could be.
/// A group of which nobody (or everybody) did it is safe when some other world, with the very same tables, has it
/// otherwise. The worlds are searched by moving a few people; the groups for which none was found are returned.
fn groups_without_a_double(world: &World, guard: Guard) -> usize {
    let measure = 0;
    let seen = guarded(world, guard);
    if seen.rows.iter().all(|row| row.values[measure].is_none()) {
        // Nothing is shown, so nothing is proven; the other worlds are further away than a few people.
        return 0;
    }
    let search = Search::new(world, measure, guard, &seen);
    let mut proven = 0;
    for t in 0..4 {
        let residual = residual_of(world, t, |row| row.status == Status::Published, &seen);
        let groups: BTreeSet<usize> = residual.iter().flatten().copied().collect();
        for group in groups {
            let members: Vec<usize> =
                (0..world.people.len()).filter(|&i| residual[world.people[i].at[t]] == Some(group)).collect();
            let doing = members.iter().filter(|&&i| world.people[i].did[measure] == 1).count();
            if !members.is_empty() && (doing == 0 || doing == members.len()) {
                let budget = &mut 60_000;
                proven += usize::from(!members.iter().any(|&i| search.from(i, budget)));
            }
        }
    }
    proven
}

/// Other worlds with the same tables.
struct Search<'a> {
    world: &'a World,
    measure: usize,
    guard: Guard,
    shown: Vec<Shown>,
    /// Of each row with a figure: its members, how many did it, and the range shown alike.
    rows: Vec<(Vec<bool>, i64, (i64, i64))>,
}

impl Search<'_> {
    fn new<'a>(world: &'a World, measure: usize, guard: Guard, seen: &Protected) -> Search<'a> {
        let shown = tables(world, measure, guard);
        let mut rows = Vec::new();
        for row in shown.iter().filter(|row| row.values[0].is_some()) {
            let t = KINDS.iter().position(|kind| kind.0 == row.kind);
            let under = |person: &Person| {
                let Some(t) = t else { return true };
                if row.id == OTHER {
                    let merged = |r: &&Shown| r.kind == row.kind && r.status == Status::Merged;
                    return seen.rows.iter().filter(merged).any(|r| r.id == format!("{:03}", person.at[t]));
                }
                let up = |&v: &usize| (v > 0).then(|| world.parents[t][v]);
                std::iter::successors(Some(person.at[t]), up).any(|v| v > 0 && row.id == format!("{v:03}"))
            };
            let members: Vec<bool> = world.people.iter().map(under).collect();
            let n = members.iter().filter(|&&is| is).count() as i64;
            let doing = members.iter().zip(&world.people).filter(|(is, p)| **is && p.did[measure] == 1).count() as i64;
            // A count at an edge is shown as its neighbour, so the range of the figure is one wider at most.
            let (low, high) = rounding::people_range(row.values[0].unwrap_or(doing), n, 5);
            rows.push((members, doing, ((low - 1).max(0).min(doing), (high + 1).min(n).max(doing))));
        }
        Search { world, measure, guard, shown, rows }
    }

    /// Whether changing this person, and then others to make up for it, leads to the same tables.
    fn from(&self, person: usize, budget: &mut usize) -> bool {
        (1..=7).any(|depth| self.step(&mut vec![person], depth, budget))
    }

    fn step(&self, changed: &mut Vec<usize>, depth: usize, budget: &mut usize) -> bool {
        let does = |i: usize| self.world.people[i].did[self.measure];
        let broken = self.rows.iter().find_map(|(members, doing, (low, high))| {
            let change: i64 = changed.iter().filter(|&&i| members[i]).map(|&i| 1 - 2 * does(i)).sum();
            let now = doing + change;
            (now < *low || now > *high).then_some((members, i64::from(now > *high)))
        });
        let Some((members, doing_now)) = broken else {
            let mut other = self.world.clone();
            changed.iter().for_each(|&i| other.people[i].did[self.measure] = 1 - does(i));
            if tables(&other, self.measure, self.guard) == self.shown {
                return true;
            }
            // A figure that is left out differs: make up for the change in the company's own count.
            let more: i64 = changed.iter().map(|&i| 1 - 2 * does(i)).sum();
            let everybody = vec![true; self.world.people.len()];
            return more != 0 && self.change_one(&everybody, i64::from(more > 0), changed, depth, budget);
        };
        self.change_one(members, doing_now, changed, depth, budget)
    }

    fn change_one(
        &self,
        members: &[bool],
        doing_now: i64,
        changed: &mut Vec<usize>,
        depth: usize,
        budget: &mut usize,
    ) -> bool {
        let does = |i: usize| self.world.people[i].did[self.measure];
        if depth == 0 || *budget == 0 {
            return false;
        }
        *budget -= 1;
        for i in (0..members.len()).filter(|&i| members[i]) {
            // Everybody of the group did the same, so whoever of it changes moves it further from its edge.
            if does(i) == doing_now && !changed.contains(&i) {
                changed.push(i);
                if self.step(changed, depth - 1, budget) {
                    return true;
                }
                changed.pop();
            }
        }
        false
    }
}

/// The tables of one measure alone.
fn tables(world: &World, measure: usize, guard: Guard) -> Vec<Shown> {
    let mut rows = guarded(world, guard).rows;
    rows.iter_mut().for_each(|row| row.values = vec![row.values[measure]]);
    rows
}

#[test]
fn every_empty_or_full_group_has_a_world_that_looks_alike_and_is_not() {
    let proven =
        |guard| (0..WORLDS / 4).filter(|&s| groups_without_a_double(&World::new(s, s % 2 == 0), guard) > 0).count();
    let [alone, real] = [Guard::RoundedAlone, Guard::Real].map(proven);
    assert!(alone >= 8, "{alone}");
    assert_eq!(real, 0);
}

/// Strategy-aware enumeration of one small tree, cells and pattern: the tables of which all possible worlds have nobody
/// (or, of people counts, everybody) in some group.
fn certain_tables(parent: &[usize], people: &[i64], kind: Kind, rounding: i64) -> usize {
    let mut alike: BTreeMap<Vec<Option<i64>>, Vec<(i64, i64)>> = BTreeMap::new();
    let mut world = vec![0; people.len()];
    loop {
        let nodes = (0..people.len()).map(|i| Node {
            id: format!("{i}"),
            parent: (i > 0).then(|| parent[i]),
            population: people[i],
            direct: vec![Mass::people(world[i])],
        });
        let tree = ScopeTree { kind: "org".into(), shape: Shape::Hierarchy, k: 5, nodes: nodes.collect() };
        let published =
            protect(&[kind], &[tree], &[], &Rules { k: 5, rounding, synthetic: false }).expect("a tree that adds up");
        let table = published.rows.into_iter().map(|row| row.values[0]).collect();
        let ranges = alike.entry(table).or_insert_with(|| vec![(i64::MAX, i64::MIN); people.len()]);
        for (range, &c) in ranges.iter_mut().zip(&world) {
            *range = (range.0.min(c), range.1.max(c));
        }
        let Some(v) = (0..world.len()).find(|&v| world[v] < people[v]) else { break };
        world[..v].fill(0);
        world[v] += 1;
    }
    let certain = |ranges: &&Vec<(i64, i64)>| {
        ranges.iter().zip(people).any(|(r, &n)| n > 0 && (r.1 == 0 || (kind == Kind::People && r.0 == n)))
    };
    alike.values().filter(certain).count()
}

#[test]
fn enumerating_all_worlds_proves_nobody_and_everybody_nowhere() {
    let trees: [(&[usize], &[i64]); 5] = [
        (&[0, 0, 0, 0], &[0, 5, 8, 12]),
        (&[0, 0, 0, 0, 0], &[0, 5, 5, 6, 9]),
        (&[0, 0, 0, 0], &[5, 7, 5, 9]),
        (&[0, 0, 0, 1, 1], &[0, 0, 6, 5, 7]),
        (&[0, 0, 1, 1, 2], &[0, 5, 5, 6, 5]),
    ];
    for (parent, people) in trees {
        for (kind, rounding) in
            [(Kind::People, 5), (Kind::People, 1), (Kind::Events, 5), (Kind::Events, 1), (Kind::Sum, 5)]
        {
            assert_eq!(certain_tables(parent, people, kind, rounding), 0, "{kind:?} {rounding} {parent:?} {people:?}");
        }
    }
}
