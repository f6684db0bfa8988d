//! Refuses figures that contradict each other: the guard's answer would protect nobody.

use super::tree::Canon;
use super::{Crossing, GuardError, Kind, Mass, Rules, ScopeTree, Shape};

/// The trees in canonical order, when they and their crossings count the same people.
pub(super) fn check<'a>(
    measures: &[Kind],
    trees: &'a [ScopeTree],
    crossings: &[Crossing],
    rules: &Rules,
) -> Result<Vec<Canon<'a>>, GuardError> {
    let wrong = GuardError::malformed;
    if !matches!(rules.rounding, 1 | 5) {
        return Err(wrong("company", "counts are rounded to 5, or to 1"));
    }
    let mut canons: Vec<Canon> = Vec::with_capacity(trees.len());
    let mut company: Option<Vec<Mass>> = None;
    for tree in trees {
        let canon = Canon::new(tree)?;
        if canons.iter().any(|before| before.source.kind == tree.kind) {
            return Err(wrong(&tree.kind, "it stands twice"));
        }
        if tree.k < rules.k {
            return Err(wrong(&tree.kind, "its k is below the company's"));
        }
        if tree.shape == Shape::Flat && tree.nodes.len() > 1 && tree.nodes[0].population != 0 {
            return Err(wrong(&tree.kind, "people without a value belong to a value of their own"));
        }
        let mut all = vec![Mass::ZERO; measures.len()];
        for node in &tree.nodes {
            if node.direct.len() != measures.len() || node.population < 0 {
                return Err(wrong(&tree.kind, "a node without a figure for every measure"));
            }
            for ((sum, &mass), &kind) in all.iter_mut().zip(&node.direct).zip(measures) {
                if !is_possible(mass, kind, node.population) {
                    return Err(wrong(&tree.kind, "a measure that no set of people could have"));
                }
                *sum = sum.merge(mass);
            }
        }
        let first = company.get_or_insert_with(|| all.clone());
        if *first != all || canons.first().is_some_and(|first| first.total[0] != canon.total[0]) {
            return Err(wrong(&tree.kind, "its people are not those of the kinds before it"));
        }
        canons.push(canon);
    }
    if canons.is_empty() {
        return Err(wrong("company", "no tree was given"));
    }
    check_crossings(trees, crossings)?;
    Ok(canons)
}

fn is_possible(mass: Mass, kind: Kind, population: i64) -> bool {
    let Mass { value, contributors, largest, second } = mass;
    let ordered = second >= 0 && largest >= second && value - largest >= second && contributors >= 0;
    ordered
        && (value > 0) == (contributors > 0)
        && (kind != Kind::People || (value == contributors && largest <= 1 && value <= population))
}

/// Every pair is there, and agrees with the trees: a pair left out would be a pair unaudited.
fn check_crossings(trees: &[ScopeTree], crossings: &[Crossing]) -> Result<(), GuardError> {
    let audited = |t: usize| trees[t].nodes.len() > 1;
    let mut missing: Vec<(usize, usize)> = (0..trees.len())
        .flat_map(|a| (a + 1..trees.len()).map(move |b| (a, b)))
        .filter(|&(a, b)| audited(a) && audited(b))
        .collect();
    for crossing in crossings {
        let pair = (crossing.first, crossing.second);
        let Some(kind) = trees.get(pair.1).filter(|_| pair.0 < pair.1).map(|tree| tree.kind.as_str()) else {
            return Err(GuardError::malformed("company", "a crossing names its trees in order"));
        };
        missing.retain(|&other| other != pair);
        let (first, second) = (&trees[pair.0].nodes, &trees[pair.1].nodes);
        let mut left: Vec<i64> = first.iter().map(|node| node.population).collect();
        let mut right: Vec<i64> = second.iter().map(|node| node.population).collect();
        for &(a, b, people) in &crossing.cells {
            if a >= left.len() || b >= right.len() || people < 0 {
                return Err(GuardError::malformed(kind, "a crossing with a node that is not there"));
            }
            left[a] -= people;
            right[b] -= people;
        }
        if left.iter().chain(&right).any(|&rest| rest != 0) {
            return Err(GuardError::malformed(kind, "a crossing that does not add up to its trees"));
        }
    }
    match missing.first() {
        Some(&(_, second)) => {
            Err(GuardError::malformed(&trees[second].kind, "a crossing with an earlier kind is missing"))
        }
        None => Ok(()),
    }
}
