//! Reviews in two dimensions, scope and competency, guarded as one table.
//!
//! Whoever reads how a unit's items were rated, and how those under every competency but one, knows how those under the last were
//! rated. So the rows of all competencies stand in one tree: the company, each competency, in it the scopes, and what is left over
//! anywhere is nobody or at least k people. The trees of scopes without competencies are audited against these.
//!
//! An author may have items under several competencies. Such an author counts in equal parts under each: the parts that a set of
//! items brings together never weigh more than the people behind it, so what holds of the weight holds of the people.

use std::collections::BTreeMap;

use crate::guard::{self, Crossing, GuardError, Kind, Mass, Node, Protected, Rules, ScopeTree, Shape, Status};
use crate::job::Policy;
use crate::scope::Rows;

/// Parts of one author: any number of competencies up to six is an equal share of it.
const PARTS: i64 = 60;

/// One author's items under one competency.
#[derive(Debug, Clone)]
pub struct Unit<'u> {
    /// Row number of the author in the block behind the scopes.
    pub author: u32,
    pub competency: &'u str,
    /// What the items add up to, by measure.
    pub values: Vec<i64>,
}

/// What may be shown, by scope kind and scope (`company` and `all` for the company): measures, each empty where withheld.
pub type Cells = BTreeMap<(String, String), Vec<Option<i64>>>;

/// What may be shown of all competencies together, and of each.
#[derive(Debug, Default, PartialEq)]
pub struct Split {
    pub all: Cells,
    pub by_competency: BTreeMap<String, Cells>,
}

/// What an author with items under so many competencies counts under each of them.
pub fn share(competencies: usize) -> i64 {
    PARTS / i64::try_from(competencies.max(1)).unwrap_or(PARTS)
}

/// Weight of the smallest group that may be shown.
pub fn least(policy: &Policy) -> i64 {
    policy.smallest_group * PARTS
}

/// Guards all competencies and each of them together, in scopes that are shown without them.
///
/// # Errors
/// The audit fails, or the figures contradict each other.
pub fn split(scopes: &[Rows], units: &[Unit<'_>], kinds: &[Kind], policy: &Policy) -> Result<Split, GuardError> {
    let mut competencies: Vec<&str> = units.iter().map(|unit| unit.competency).collect();
    competencies.sort_unstable();
    competencies.dedup();
    let mut own: BTreeMap<u32, usize> = BTreeMap::new();
    units.iter().for_each(|unit| *own.entry(unit.author).or_default() += 1);
    let weights: Vec<i64> = units.iter().map(|unit| share(own[&unit.author])).collect();
    let plain = scopes.iter().map(|rows| Tree::plain(rows, units));
    let nested = scopes.iter().map(|rows| Tree::nested(rows, &competencies, units));
    let trees: Vec<Tree> = plain.chain(nested).collect();
    let shown = protect(&trees, units, &weights, kinds, least(policy), policy)?;
    let shown = published(&shown);
    let mut split = Split { all: cells(scopes, &shown, str::to_owned, str::to_owned, true), ..Split::default() };
    for competency in competencies {
        let of = cells(scopes, &shown, of_competencies, |id| within(competency, id), false);
        split.by_competency.insert(competency.to_owned(), of);
    }
    Ok(split)
}

/// Guards one competency on its own: what its figures say where those of all together are shown nowhere.
///
/// # Errors
/// As [`split`].
pub fn alone(scopes: &[Rows], units: &[Unit<'_>], kinds: &[Kind], policy: &Policy) -> Result<Cells, GuardError> {
    let trees: Vec<Tree> = scopes.iter().map(|rows| Tree::plain(rows, units)).collect();
    let shown = protect(&trees, units, &vec![1; units.len()], kinds, policy.smallest_group, policy)?;
    Ok(cells(scopes, &published(&shown), str::to_owned, str::to_owned, true))
}

fn of_competencies(kind: &str) -> String {
    format!("{kind} by competency")
}

/// A scope within a competency; the competency itself for the company.
fn within(competency: &str, id: &str) -> String {
    if id.is_empty() { competency.to_owned() } else { format!("{competency}\u{1}{id}") }
}

/// A tree of the guard without its figures, and the node of every unit.
struct Tree {
    kind: String,
    ids: Vec<String>,
    parents: Vec<Option<usize>>,
    node_of: Vec<usize>,
}

impl Tree {
    fn plain(rows: &Rows, units: &[Unit<'_>]) -> Tree {
        let node_of = units.iter().map(|unit| rows.node_of[unit.author as usize] as usize).collect();
        Tree { kind: rows.kind.into(), ids: rows.ids.clone(), parents: rows.parents.clone(), node_of }
    }

    /// The company, the competencies, and in each of them all scopes.
    fn nested(rows: &Rows, competencies: &[&str], units: &[Unit<'_>]) -> Tree {
        let (count, scopes) = (competencies.len(), rows.ids.len() - 1);
        let place = |competency: usize, scope: usize| match scope {
            0 => 1 + competency,
            scope => 1 + count + competency * scopes + scope - 1,
        };
        let mut ids = vec!["all".to_owned()];
        let mut parents = vec![None];
        ids.extend(competencies.iter().map(|competency| within(competency, "")));
        parents.extend(competencies.iter().map(|_| Some(0)));
        for (at, competency) in competencies.iter().enumerate() {
            for scope in 1..rows.ids.len() {
                ids.push(within(competency, &rows.ids[scope]));
                parents.push(rows.parents[scope].map(|parent| place(at, parent)));
            }
        }
        let of = |unit: &Unit<'_>| {
            let competency = competencies.partition_point(|known| *known < unit.competency);
            place(competency, rows.node_of[unit.author as usize] as usize)
        };
        Tree { kind: of_competencies(rows.kind), ids, parents, node_of: units.iter().map(of).collect() }
    }
}

fn protect(
    trees: &[Tree],
    units: &[Unit<'_>],
    weights: &[i64],
    kinds: &[Kind],
    k: i64,
    policy: &Policy,
) -> Result<Protected, GuardError> {
    let scope_tree = |tree: &Tree| {
        let mut nodes: Vec<Node> = tree
            .ids
            .iter()
            .zip(&tree.parents)
            .map(|(id, parent)| Node {
                id: id.clone(),
                parent: *parent,
                population: 0,
                direct: vec![Mass::ZERO; kinds.len()],
            })
            .collect();
        for ((unit, weight), node) in units.iter().zip(weights).zip(&tree.node_of) {
            let node = &mut nodes[*node];
            node.population += weight;
            for (held, value) in node.direct.iter_mut().zip(&unit.values) {
                let contributors = if *value > 0 { *weight } else { 0 };
                *held = held.merge(Mass { value: *value, contributors, largest: *value, second: 0 });
            }
        }
        ScopeTree { kind: tree.kind.clone(), shape: Shape::Hierarchy, k, nodes }
    };
    let mut crossings = Vec::new();
    for (second, b) in trees.iter().enumerate() {
        for (first, a) in trees[..second].iter().enumerate() {
            let mut cells: BTreeMap<(usize, usize), i64> = BTreeMap::new();
            for ((a, b), weight) in a.node_of.iter().zip(&b.node_of).zip(weights) {
                *cells.entry((*a, *b)).or_default() += weight;
            }
            crossings.push(Crossing { first, second, cells: cells.into_iter().map(|((a, b), n)| (a, b, n)).collect() });
        }
    }
    let scope_trees: Vec<ScopeTree> = trees.iter().map(scope_tree).collect();
    let rules = Rules { k, rounding: policy.rounding, synthetic: policy.synthetic_data };
    guard::protect(kinds, &scope_trees, &crossings, &rules)
}

/// The published rows among the given scopes. The company has one row in `company`, or one in every kind's tree: then all of
/// these must be shown.
fn cells(
    scopes: &[Rows],
    shown: &BTreeMap<(&str, &str), &[Option<i64>]>,
    kind_of: impl Fn(&str) -> String,
    id_of: impl Fn(&str) -> String,
    has_company: bool,
) -> Cells {
    let published = |kind: &str, id: &str| shown.get(&(kind, id)).map(|values| values.to_vec());
    let mut cells = Cells::new();
    let company = if has_company {
        published("company", "all")
    } else {
        let mut each = scopes.iter().map(|rows| published(&kind_of(rows.kind), &id_of("")));
        let first = each.next().flatten();
        each.fold(first, |all, one| {
            let both = |(a, b): (&Option<i64>, Option<i64>)| a.filter(|_| b.is_some());
            Some(all?.iter().zip(one?).map(both).collect())
        })
    };
    if let Some(values) = company {
        cells.insert(("company".into(), "all".into()), values);
    }
    for rows in scopes {
        for id in rows.ids.iter().skip(1) {
            if let Some(values) = published(&kind_of(rows.kind), &id_of(id)) {
                cells.insert((rows.kind.into(), id.clone()), values);
            }
        }
    }
    cells
}

/// Values of the published rows, by kind and id.
fn published(shown: &Protected) -> BTreeMap<(&str, &str), &[Option<i64>]> {
    let rows = shown.rows.iter().filter(|row| row.status == Status::Published);
    rows.map(|row| ((row.kind.as_str(), row.id.as_str()), row.values.as_slice())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Authors of units A and B by competency: `(unit, competency, how many)`, each with one item.
    fn company(groups: &[(usize, &'static str, usize)]) -> (Vec<Rows>, Vec<Unit<'static>>) {
        let mut rows = Rows {
            kind: "org",
            ids: vec!["all".into(), "A".into(), "B".into()],
            parents: vec![None, Some(0), Some(0)],
            node_of: Vec::new(),
        };
        let mut units = Vec::new();
        for (unit, competency, count) in groups {
            for _ in 0..*count {
                units.push(Unit { author: rows.node_of.len() as u32, competency, values: vec![1] });
                rows.node_of.push(*unit as u32);
            }
        }
        (vec![rows], units)
    }

    /// What is shown, as `competency scope`.
    fn shown(groups: &[(usize, &'static str, usize)]) -> Vec<String> {
        let (scopes, units) = company(groups);
        let split = split(&scopes, &units, &[Kind::Events], &Policy::default()).unwrap();
        let all = split.all.keys().map(|(_, id)| format!("all {id}"));
        let each =
            |(name, cells): (&String, &Cells)| cells.keys().map(|(_, id)| format!("{name} {id}")).collect::<Vec<_>>();
        all.chain(split.by_competency.iter().flat_map(each)).collect()
    }

    #[test]
    fn what_all_less_one_competency_would_tell_is_not_told() {
        // In A three people stand behind coaching: all of A less craft would be they alone.
        let small = shown(&[(1, "craft", 9), (1, "coaching", 3), (2, "craft", 9), (2, "coaching", 9)]);
        assert_eq!(small, ["all all", "all A", "all B", "coaching all", "craft all"]);
        let large = shown(&[(1, "craft", 9), (1, "coaching", 5), (2, "craft", 9), (2, "coaching", 9)]);
        assert_eq!(large.len(), 9, "{large:?}");
        let apart = shown(&[(1, "craft", 9), (2, "coaching", 9)]);
        assert!(
            apart.contains(&"craft A".to_owned()) && apart.contains(&"coaching B".to_owned()),
            "nobody is left over"
        );
    }

    #[test]
    fn no_sum_of_shown_rows_is_about_a_few_people() {
        // Companies of two units and two competencies with up to seven authors a cell, some of all there are.
        for code in (0..8usize.pow(4)).step_by(37) {
            let n = [0, 1, 2, 3].map(|at| code / 8usize.pow(at) % 8);
            let groups = [(1, "craft", n[0]), (1, "coaching", n[1]), (2, "craft", n[2]), (2, "coaching", n[3])];
            let rows = shown(&groups);
            // Each shown row as the cells it adds up.
            let cells = |row: &String| -> [i64; 4] {
                let (competency, scope) = row.split_once(' ').unwrap();
                [0, 1, 2, 3].map(|at| {
                    let (unit, name, _) = groups[at];
                    let within = scope == "all" || scope == ["", "A", "B"][unit];
                    i64::from(within && (competency == "all" || competency == name))
                })
            };
            let rows: Vec<[i64; 4]> = rows.iter().map(cells).collect();
            for signs in 0..3usize.pow(rows.len().min(9) as u32) {
                let mut sum = [0i64; 4];
                for (at, row) in rows.iter().enumerate() {
                    let sign = (signs / 3usize.pow(at as u32) % 3) as i64 - 1;
                    sum.iter_mut().zip(row).for_each(|(sum, cell)| *sum += sign * cell);
                }
                let people: usize = sum.iter().zip(n).filter(|(sum, _)| **sum != 0).map(|(_, n)| n).sum();
                assert!(people == 0 || people >= 5, "{groups:?}: {sum:?}");
            }
        }
    }
}
