//! Which cells of a tree may be shown: primary suppression, then the residuals.
//!
//! What a set of published cells of one tree can reveal are sums over *residuals*: the members of a published node
//! who are in none of its published children. Residuals are disjoint, so the pattern is safe when each residual is
//! empty or could itself be published. One loop does this for the rows (population), for every protected sum
//! (its contributors) and for unrounded people counts (neither nobody nor everybody); only the [`Rule`] differs.

use super::Mass;
use super::tree::Tree;

/// People and what they did: what a rule judges.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Load {
    pub people: i64,
    pub mass: Mass,
}

impl Load {
    pub fn merge(self, other: Load) -> Load {
        Load { people: self.people + other.people, mass: self.mass.merge(other.mass) }
    }
}

/// When a group of people may be shown on its own.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// At least k people: rows.
    Population { k: i64 },
    /// At least k contributors, and none of them can be estimated by the second largest (p% rule): event counts, sums.
    Contributors { k: i64 },
    /// Some but not all: exact people counts.
    SomeNotAll,
}

impl Rule {
    pub fn cell(self, load: &Load) -> bool {
        match self {
            Rule::Population { k } => load.people >= k,
            Rule::Contributors { k } => load.mass.contributors >= k && !load.mass.is_dominated(),
            Rule::SomeNotAll => 0 < load.mass.value && load.mass.value < load.people,
        }
    }

    /// A residual of people none of whom contributed is not safe: it says of each of them that they did nothing.
    fn residual(self, load: &Load) -> bool {
        (load.people == 0 && load.mass.contributors == 0) || self.cell(load)
    }

    fn size(self, load: &Load) -> i64 {
        match self {
            Rule::Population { .. } | Rule::SomeNotAll => load.people,
            Rule::Contributors { .. } => load.mass.contributors,
        }
    }
}

/// For each node whether it is shown. `own` is what each node's residual carries: direct members and, in a tree that
/// was pruned before, the withheld subtrees below them. A node that is not shown hides its whole subtree.
///
/// Top down: children that fail the rule are withheld; while the residual is unsafe the smallest child left is
/// withheld too (ties by id, which is their order). It ends, at the latest when the residual is the whole node, which
/// passed the rule itself.
pub(super) fn publish(tree: &Tree, own: &[Load], rule: Rule) -> Vec<bool> {
    let mut total = own.to_vec();
    for v in (1..total.len()).rev() {
        total[tree.parent[v]] = total[tree.parent[v]].merge(total[v]);
    }
    let mut shown = vec![false; tree.len()];
    if let Some(root) = total.first() {
        shown[0] = rule.cell(root);
    }
    let mut by_size = Vec::new();
    for v in 0..tree.len() {
        if !shown[v] || tree.children[v].is_empty() {
            continue;
        }
        by_size.clear();
        by_size.extend(tree.children[v].clone());
        let withheld = match rule {
            Rule::SomeNotAll => {
                by_size.sort_unstable_by_key(|&c| (rule.size(&total[c]), c));
                // Were only the smallest sibling withheld beside a large empty cell, a reader who knows the rule could
                // tell which of the two was the empty one. With all smaller siblings withheld the largest of them may
                // always be the one that was added.
                by_size.iter().rposition(|&c| !rule.cell(&total[c])).map_or(0, |last| last + 1)
            }
            _ => {
                by_size.sort_unstable_by_key(|&c| (rule.cell(&total[c]), rule.size(&total[c]), c));
                by_size.iter().filter(|&&c| !rule.cell(&total[c])).count()
            }
        };
        let mut residual = by_size[..withheld].iter().fold(own[v], |sum, &c| sum.merge(total[c]));
        let mut kept = &by_size[withheld..];
        while let Some((&smallest, rest)) = kept.split_first()
            && !rule.residual(&residual)
        {
            residual = residual.merge(total[smallest]);
            kept = rest;
        }
        for &child in kept {
            shown[child] = true;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parents and direct people, root first; the published nodes.
    fn rows(parent: &[usize], people: &[i64], k: i64) -> Vec<usize> {
        let own: Vec<Load> = people.iter().map(|&people| Load { people, ..Load::default() }).collect();
        positions(&publish(&Tree::from_parents(parent.to_vec()), &own, Rule::Population { k }))
    }

    fn positions(shown: &[bool]) -> Vec<usize> {
        (0..shown.len()).filter(|&v| shown[v]).collect()
    }

    fn of(values: &[i64]) -> Load {
        let mass = values.iter().fold(Mass::ZERO, |sum, &v| sum.merge(Mass::of_person(v)));
        Load { people: values.len() as i64, mass }
    }

    #[test]
    fn a_small_child_takes_its_smallest_sibling_along() {
        // company 0 -> 1 (3 people), 2 (9), 3 (7), 4 (7): 3 alone would follow by subtraction; of the two sevens the first by id goes.
        assert_eq!(rows(&[0, 0, 0, 0, 0], &[0, 3, 9, 7, 7], 5), [0, 2, 4]);
    }

    #[test]
    fn an_empty_or_large_residual_withholds_nobody_else() {
        assert_eq!(rows(&[0, 0, 0], &[0, 6, 7], 5), [0, 1, 2]);
        assert_eq!(rows(&[0, 0, 0], &[5, 6, 7], 5), [0, 1, 2]);
        assert_eq!(rows(&[0, 0, 0, 0, 0], &[0, 6, 7, 2, 3], 5), [0, 1, 2]);
    }

    #[test]
    fn a_withheld_child_withholds_its_subtree() {
        // 1 has 4 direct members and child 3 with 6; 2 has 20; the company's 2 direct members need company: 1 goes with all below.
        assert_eq!(rows(&[0, 0, 0, 1], &[2, 4, 20, 6], 5), [0, 2]);
    }

    #[test]
    fn a_company_below_k_publishes_nothing() {
        assert_eq!(rows(&[0, 0], &[0, 4], 5), [0; 0]);
    }

    #[test]
    fn a_sum_needs_contributors_and_nobody_who_dominates() {
        let tree = Tree::from_parents(vec![0, 0, 0, 0]);
        let even = of(&[10, 11, 12, 13, 14, 0]);
        // 1000 of 1046 is one person's, and the second largest can estimate it to within 3.4 %.
        let dominated = of(&[1000, 12, 10, 12, 12]);
        let few = of(&[5, 5, 5, 0, 0, 0]);
        let rule = Rule::Contributors { k: 5 };
        assert_eq!(positions(&publish(&tree, &[Load::default(), even, even, even], rule)), [0, 1, 2, 3]);
        // The dominated cell goes, and with it the smallest siblings until their sum hides it: 58 + 2 * 60 >= 0.15 * 1000.
        let four = Tree::from_parents(vec![0; 5]);
        assert_eq!(positions(&publish(&four, &[Load::default(), dominated, even, even, even], rule)), [0, 4]);
        assert_eq!(positions(&publish(&tree, &[Load::default(), few, even, even], rule)), [0, 3]);
    }

    #[test]
    fn a_residual_in_which_nobody_contributed_is_not_shown_by_subtraction() {
        let tree = Tree::from_parents(vec![0, 0, 0, 0]);
        let idle = of(&[0; 6]);
        let busy = of(&[10, 11, 12, 13, 14]);
        assert_eq!(
            positions(&publish(&tree, &[Load::default(), idle, busy, busy], Rule::Contributors { k: 5 })),
            [0, 3]
        );
    }

    #[test]
    fn exact_counts_hide_nobody_and_everybody_among_their_smaller_siblings() {
        let tree = Tree::from_parents(vec![0, 0, 0, 0, 0]);
        let cell = |n: i64, c: i64| Load { people: n, mass: Mass::people(c) };
        let none = [Load::default(), cell(9, 0), cell(5, 2), cell(8, 3), cell(20, 4)];
        assert_eq!(positions(&publish(&tree, &none, Rule::SomeNotAll)), [0, 4]);
        let all = [Load::default(), cell(5, 5), cell(6, 2), cell(8, 3), cell(20, 4)];
        assert_eq!(positions(&publish(&tree, &all, Rule::SomeNotAll)), [0, 3, 4]);
        let fine = [Load::default(), cell(5, 4), cell(6, 2), cell(8, 3), cell(20, 4)];
        assert_eq!(positions(&publish(&tree, &fine, Rule::SomeNotAll)), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_chain_of_three_thousand_levels_needs_no_stack() {
        let parent: Vec<usize> = (0..3_000usize).map(|v| v.saturating_sub(1)).collect();
        // One direct member a level: whatever is shown below the company leaves that member alone.
        assert_eq!(rows(&parent, &vec![1; 3_000], 5), [0]);
        assert_eq!(rows(&parent, &vec![5; 3_000], 5).len(), 3_000);
    }
}
