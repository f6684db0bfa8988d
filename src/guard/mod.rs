//! Privacy: nothing leaves a mart without it.
//!
//! [`protect`] takes one table of one period: every scope kind's tree with what its own members did, and how
//! many people each two kinds share. It answers with the rows as BI may read them. Pure arithmetic on integers: the same
//! figures give the same answer, in whatever order siblings arrive.
//!
//! 1. Rows ([`pattern`], on the population alone): a row has at least k people, and so has what subtraction leaves.
//! 2. Flat kinds: what is too small joins the scope `other`.
//! 3. Margins ([`margins`]): no two kinds together isolate fewer than k people; else more rows go.
//! 4. Cells ([`pattern`] again, on contributors) and figures ([`rounding`], [`certainty`]): counts never prove that
//!    nobody or everybody did something.
//!
//! What this does not see: rows of other periods and grains (days that add up to a published week), three kinds taken
//! together, and contributors (instead of people) in the crossing of two kinds.

mod certainty;
mod check;
mod figures;
mod margins;
mod pattern;
pub mod rounding;
mod tree;

#[cfg(test)]
mod attacks;

use check::check;
use figures::{fill, write};
use pattern::{Load, Rule};
use tree::{Canon, Layout};

/// The scope that stands for the merged values of a flat kind.
pub const OTHER: &str = "other";

/// Whatever the policy says, fewer people than this are never shown.
pub const SMALLEST_GROUP: i64 = 5;

/// How a protected measure is counted and shown; a mart's contract says which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// People of the population who did something: 0 to all of them, to the nearest 5.
    People,
    /// Things that people did, to the nearest 5.
    Events,
    /// Seconds, points: three significant digits.
    Sum,
}

/// What a set of people did in one measure. Merging sets without a common member is associative and commutative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mass {
    /// Sum over the people, each at least 0.
    pub value: i64,
    /// People with a value above 0.
    pub contributors: i64,
    /// The largest and second largest value of one person.
    pub largest: i64,
    pub second: i64,
}

impl Mass {
    pub const ZERO: Mass = Mass { value: 0, contributors: 0, largest: 0, second: 0 };

    pub fn of_person(value: i64) -> Mass {
        Mass { value, contributors: i64::from(value != 0), largest: value, second: 0 }
    }

    /// `count` people who did it: the mass of a people measure.
    pub fn people(count: i64) -> Mass {
        Mass { value: count, contributors: count, largest: count.min(1), second: (count - 1).clamp(0, 1) }
    }

    pub fn merge(self, other: Mass) -> Mass {
        Mass {
            value: self.value + other.value,
            contributors: self.contributors + other.contributors,
            largest: self.largest.max(other.largest),
            second: self.largest.min(other.largest).max(self.second).max(other.second),
        }
    }

    /// The p% rule: the second largest contributor, taking off their own part, would know the largest one's to
    /// within 15 %.
    fn is_dominated(self) -> bool {
        let rest = i128::from(self.value) - i128::from(self.largest) - i128::from(self.second);
        100 * rest < 15 * i128::from(self.largest)
    }
}

/// One scope with its own members alone.
#[derive(Clone, Debug)]
pub struct Node {
    pub id: String,
    /// Index of the parent, smaller than the node's own; `None` for node 0.
    pub parent: Option<usize>,
    /// Direct members: people in this node and in no child of it.
    pub population: i64,
    /// What they did, one per measure.
    pub direct: Vec<Mass>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Hierarchy,
    /// Every node a child of the company; values that are withheld join [`OTHER`].
    Flat,
}

/// One scope kind. Node 0 is the company; it is published once, as `company`/`all`.
#[derive(Clone, Debug)]
pub struct ScopeTree {
    pub kind: String,
    pub shape: Shape,
    /// Fewest people of a row of this kind.
    pub k: i64,
    pub nodes: Vec<Node>,
}

/// How many people two kinds share.
#[derive(Clone, Debug)]
pub struct Crossing {
    /// Indices in the list of trees.
    pub first: usize,
    pub second: usize,
    /// (node of `first`, node of `second`, people who are direct members of both), each pair at most once.
    pub cells: Vec<(usize, usize, i64)>,
}

#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Fewest people of the company's own row.
    pub k: i64,
    /// Counts are shown as multiples of this: 5, or 1 for no rounding.
    pub rounding: i64,
    /// Set for data about nobody real: groups below 5 may be shown then.
    pub synthetic: bool,
}

/// A row as it may be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    pub kind: String,
    pub id: String,
    pub status: Status,
    /// Exact, of a published row.
    pub population: Option<i64>,
    /// One per measure, rounded; `None` is withheld.
    pub values: Vec<Option<i64>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Published,
    Withheld,
    /// Withheld, and counted in the row `other` of its kind.
    Merged,
}

/// What was withheld, for `suppressed_cells`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally {
    pub kind: String,
    pub rows: i64,
    pub rows_withheld: i64,
    /// Measures left out of published rows.
    pub cells_withheld: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    /// The company, then kind by kind in the order given, each by id.
    pub rows: Vec<Shown>,
    /// One per kind, the company first.
    pub tallies: Vec<Tally>,
}

#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// Nothing may be published. Kinds and counts, never a scope or a person.
    #[error(
        "{first} and {second} together single out fewer than {k} people in {cells} cells, and nothing is left to merge"
    )]
    AuditFailed { first: String, second: String, k: i64, cells: usize },
    /// The caller's figures contradict each other: a defect, not a matter of the data.
    #[error("scope kind {kind}: {what}")]
    Malformed { kind: String, what: &'static str },
}

impl GuardError {
    fn malformed(kind: &str, what: &'static str) -> GuardError {
        GuardError::Malformed { kind: kind.to_string(), what }
    }
}

/// The rows of one table and one period as they may be published.
///
/// `trees` holds at least one; a table of the company alone passes a tree of one node. `crossings` holds every pair of
/// trees that both have more than the company. Every tree counts the same people.
pub fn protect(
    measures: &[Kind],
    trees: &[ScopeTree],
    crossings: &[Crossing],
    rules: &Rules,
) -> Result<Protected, GuardError> {
    if rules.k < SMALLEST_GROUP && !rules.synthetic {
        return Err(GuardError::malformed("company", "no group is smaller than 5"));
    }
    let canons = check(measures, trees, crossings, rules)?;
    if canons[0].total[0] < rules.k {
        return Ok(write(&canons, &[], measures.len(), None));
    }
    let mut published: Vec<Vec<bool>> = canons.iter().map(rows).collect();
    margins::settle(&canons, &mut published, crossings)?;
    let layouts: Vec<Layout> = canons.iter().zip(&published).map(|(canon, rows)| Layout::new(canon, rows)).collect();
    let figures = fill(measures, &canons, &layouts, crossings, rules);
    Ok(write(&canons, &layouts, measures.len(), Some(&figures)))
}

/// Each row of one kind on the population alone, in canonical order; the company's is decided elsewhere.
fn rows(canon: &Canon) -> Vec<bool> {
    let k = canon.source.k;
    if canon.source.shape == Shape::Hierarchy {
        let own: Vec<Load> = canon.own.iter().map(|&people| Load { people, mass: Mass::ZERO }).collect();
        let mut published = pattern::publish(&canon.tree, &own, Rule::Population { k });
        published[0] = true;
        return published;
    }
    // A value that is itself called `other` is part of it.
    let mut published: Vec<bool> =
        (0..canon.tree.len()).map(|v| v == 0 || (canon.own[v] >= k && canon.id(v) != OTHER)).collect();
    let mut other: i64 = (0..canon.tree.len()).filter(|&v| !published[v]).map(|v| canon.own[v]).sum();
    while 0 < other && other < k {
        let kept = (1..canon.tree.len()).filter(|&v| published[v]);
        let Some(smallest) = kept.min_by_key(|&v| (canon.own[v], v)) else { break };
        published[smallest] = false;
        other += canon.own[smallest];
    }
    published
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVES: Rules = Rules { k: 5, rounding: 5, synthetic: false };

    /// (id, parent, people, active of them): one people measure.
    fn tree(kind: &str, shape: Shape, nodes: &[(&str, usize, i64, i64)]) -> ScopeTree {
        let node = |(i, &(id, parent, population, active)): (usize, &(&str, usize, i64, i64))| Node {
            id: id.to_string(),
            parent: (i > 0).then_some(parent),
            population,
            direct: vec![Mass::people(active)],
        };
        ScopeTree { kind: kind.to_string(), shape, k: 5, nodes: nodes.iter().enumerate().map(node).collect() }
    }

    /// One line a row: kind/id population value, with - for what is withheld and > for what was merged.
    fn render(protected: &Protected) -> Vec<String> {
        let cell = |value: Option<i64>| value.map_or("-".to_string(), |v| v.to_string());
        let mark = |row: &Shown| if row.status == Status::Merged { ">" } else { "" };
        protected
            .rows
            .iter()
            .map(|row| {
                let values: Vec<String> = row.values.iter().map(|&value| cell(value)).collect();
                format!("{}/{}{} {} {}", row.kind, row.id, mark(row), cell(row.population), values.join(" "))
            })
            .collect()
    }

    #[test]
    fn a_small_team_and_the_sibling_that_would_betray_it_keep_their_ids_alone() {
        let org = tree(
            "org",
            Shape::Hierarchy,
            &[("", 0, 0, 0), ("a", 0, 12, 8), ("b", 0, 3, 1), ("c", 0, 7, 7), ("a1", 1, 6, 2)],
        );
        let shown = protect(&[Kind::People], &[org], &[], &FIVES).unwrap();
        assert_eq!(render(&shown), ["company/all 28 20", "org/a 18 10", "org/a1 6 0", "org/b - -", "org/c - -"]);
        assert_eq!(shown.tallies[1], Tally { kind: "org".into(), rows: 4, rows_withheld: 2, cells_withheld: 0 });
    }

    #[test]
    fn small_values_of_a_flat_kind_join_other() {
        let places = [("", 0, 0, 0), ("berlin", 0, 30, 11), ("oslo", 0, 2, 1), ("paris", 0, 9, 4), ("wien", 0, 20, 0)];
        let shown = protect(&[Kind::People], &[tree("location", Shape::Flat, &places)], &[], &FIVES).unwrap();
        // Oslo's two would be alone in `other`, so Paris, the smallest, joins them.
        assert_eq!(
            render(&shown),
            [
                "company/all 61 15",
                "location/berlin 30 10",
                "location/oslo> - -",
                "location/other 11 5",
                "location/paris> - -",
                "location/wien 20 0"
            ]
        );
    }

    #[test]
    fn a_value_called_other_is_other() {
        let places = [("", 0, 0, 0), ("other", 0, 8, 8), ("rome", 0, 20, 3), ("ulm", 0, 4, 1)];
        let shown = protect(&[Kind::People], &[tree("location", Shape::Flat, &places)], &[], &FIVES).unwrap();
        assert_eq!(render(&shown)[1..], ["location/other 12 10", "location/rome 20 5", "location/ulm> - -"]);
    }

    #[test]
    fn two_kinds_that_differ_by_a_few_people_are_merged_until_they_do_not() {
        let org = tree("org", Shape::Hierarchy, &[("", 0, 0, 0), ("x", 0, 100, 40), ("y", 0, 80, 30)]);
        let places = [("", 0, 0, 0), ("berlin", 0, 98, 40), ("munich", 0, 42, 20), ("paris", 0, 40, 10)];
        let trees = [org, tree("location", Shape::Flat, &places)];
        // x is Berlin and two people in Munich: x - berlin would be about them.
        let cells = vec![(1, 1, 98), (1, 2, 2), (2, 2, 40), (2, 3, 40)];
        let shown = protect(&[Kind::People], &trees, &[Crossing { first: 0, second: 1, cells }], &FIVES).unwrap();
        assert_eq!(
            render(&shown)[3..],
            ["location/berlin> - -", "location/munich 42 20", "location/other 138 50", "location/paris> - -"]
        );
    }

    #[test]
    fn a_manager_scope_that_differs_from_a_unit_by_its_head_is_withheld() {
        // The head of unit x sits in the unit above, and leads all of x: manager/x - org/x would be the head alone.
        let org = tree("org", Shape::Hierarchy, &[("", 0, 0, 0), ("top", 0, 21, 9), ("x", 1, 30, 9)]);
        let mut manager = tree("manager", Shape::Hierarchy, &[("", 0, 0, 0), ("boss", 0, 20, 9), ("head", 1, 31, 9)]);
        manager.k = 10;
        let crossing = Crossing { first: 0, second: 1, cells: vec![(1, 1, 20), (1, 2, 1), (2, 2, 30)] };
        let shown = protect(&[Kind::People], &[org, manager], &[crossing], &FIVES).unwrap();
        assert_eq!(render(&shown)[1..], ["org/top 51 20", "org/x 30 10", "manager/boss 51 20", "manager/head - -"]);
    }

    #[test]
    fn groups_below_five_are_no_policy() {
        let org = tree("org", Shape::Hierarchy, &[("", 0, 60, 0)]);
        assert!(protect(&[Kind::People], &[org], &[], &Rules { k: 4, rounding: 5, synthetic: false }).is_err());
    }

    #[test]
    fn a_company_below_k_shows_nothing_at_all() {
        let org = tree("org", Shape::Hierarchy, &[("", 0, 1, 0), ("x", 0, 3, 1)]);
        assert_eq!(render(&protect(&[Kind::People], &[org], &[], &FIVES).unwrap()), ["company/all - -", "org/x - -"]);
    }

    #[test]
    fn the_order_of_siblings_does_not_matter() {
        let one = [("", 0, 0, 0), ("a", 0, 5, 5), ("b", 0, 4, 0), ("c", 0, 5, 1), ("b1", 2, 9, 9), ("b2", 2, 3, 2)];
        let two = [("", 0, 0, 0), ("c", 0, 5, 1), ("b", 0, 4, 0), ("b2", 2, 3, 2), ("b1", 2, 9, 9), ("a", 0, 5, 5)];
        let shown = |nodes| protect(&[Kind::People], &[tree("org", Shape::Hierarchy, nodes)], &[], &FIVES).unwrap();
        assert_eq!(shown(&one), shown(&two));
    }

    #[test]
    fn figures_that_contradict_each_other_are_refused() {
        let small = tree("org", Shape::Hierarchy, &[("", 0, 0, 0), ("x", 0, 6, 7)]);
        let refused = |trees: &[ScopeTree]| protect(&[Kind::People], trees, &[], &FIVES).unwrap_err().to_string();
        assert_eq!(refused(&[small]), "scope kind org: a measure that no set of people could have");
        let org = tree("org", Shape::Hierarchy, &[("", 0, 0, 0), ("x", 0, 60, 7)]);
        let place = |people| tree("location", Shape::Flat, &[("", 0, 0, 0), ("oslo", 0, people, 7)]);
        assert_eq!(
            refused(&[org.clone(), place(60)]),
            "scope kind location: a crossing with an earlier kind is missing"
        );
        assert_eq!(refused(&[org, place(61)]), "scope kind location: its people are not those of the kinds before it");
    }
}
