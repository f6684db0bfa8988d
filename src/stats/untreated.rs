//! The untreated cells of a panel, from which the imputation estimators learn what would have been.
//!
//! A unit's level and a week's level can be told apart only within a connected set of units and weeks: the level of a unit
//! seen only in weeks that no other unit of the set shares says nothing about other weeks.

use petgraph::unionfind::UnionFind;

use super::panel::Panel;

/// What a unit-week is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Absent, or between the start of anticipation and the treatment, or without a counterfactual.
    Nothing,
    /// Before treatment: the model is fitted on it.
    Fit,
    /// From treatment on, with a level known for its unit and its week.
    Effect,
}

#[derive(Debug, Clone)]
pub struct Untreated {
    /// Row-major, units × weeks.
    pub uses: Vec<Use>,
    pub units: usize,
    pub weeks: usize,
    /// The first week of every connected set: its level is put to zero (or one) and the others are relative to it.
    pub anchors: Vec<bool>,
}

impl Untreated {
    /// Weeks from `anticipation` before the treatment on are not used for the fit.
    pub fn of(panel: &Panel, anticipation: u32) -> Untreated {
        let (units, weeks) = (panel.units.len(), panel.weeks.len());
        let mut uses = vec![Use::Nothing; units * weeks];
        for unit in 0..units {
            let y = panel.outcomes_of(unit);
            for at in (0..weeks).filter(|&at| !y[at].is_nan()) {
                uses[unit * weeks + at] = match panel.first[unit] {
                    Some(g) if panel.weeks[at] >= g => Use::Effect,
                    Some(g) if panel.weeks[at] >= g - i64::from(anticipation) => Use::Nothing,
                    _ => Use::Fit,
                };
            }
        }
        let mut untreated = Untreated { uses, units, weeks, anchors: vec![false; weeks] };
        untreated.keep_identified();
        untreated
    }

    pub fn of_unit(&self, unit: usize) -> &[Use] {
        &self.uses[unit * self.weeks..(unit + 1) * self.weeks]
    }

    /// Positions of a unit's weeks with this use.
    pub fn weeks_of(&self, unit: usize, wanted: Use) -> impl Iterator<Item = usize> + '_ {
        self.of_unit(unit).iter().enumerate().filter(move |&(_, used)| *used == wanted).map(|(at, _)| at)
    }

    /// Drops effects whose unit or week has no level, or whose levels lie in different connected sets.
    fn keep_identified(&mut self) {
        let mut sets = UnionFind::new(self.weeks);
        let mut fitted = vec![false; self.weeks];
        for unit in 0..self.units {
            let mut first = None;
            for at in self.weeks_of(unit, Use::Fit) {
                fitted[at] = true;
                sets.union(*first.get_or_insert(at), at);
            }
        }
        let set_of = sets.into_labeling();
        for unit in 0..self.units {
            let own = self.weeks_of(unit, Use::Fit).next().map(|at| set_of[at]);
            for at in 0..self.weeks {
                let used = &mut self.uses[unit * self.weeks + at];
                if *used == Use::Effect && (!fitted[at] || own != Some(set_of[at])) {
                    *used = Use::Nothing;
                }
            }
        }
        // Weeks without untreated units are sets of their own, so that every equation has a solution.
        let mut anchored = vec![false; self.weeks];
        self.anchors = set_of.into_iter().map(|set| !std::mem::replace(&mut anchored[set], true)).collect();
    }

    /// Whether the unit is compared with somebody: untreated in a week in which an effect is measured.
    pub fn is_control(&self, unit: usize, effect_weeks: &[bool]) -> bool {
        self.weeks_of(unit, Use::Fit).any(|at| effect_weeks[at])
    }
}

/// Distinct clusters among the units that `wanted` picks.
pub(super) fn clusters_of(panel: &Panel, wanted: impl Fn(usize) -> bool) -> usize {
    let mut clusters: Vec<u32> =
        (0..panel.units.len()).filter(|&unit| wanted(unit)).map(|unit| panel.cluster[unit]).collect();
    clusters.sort_unstable();
    clusters.dedup();
    clusters.len()
}

#[cfg(test)]
mod tests {
    use super::super::panel::{PanelBuilder, Row};
    use super::*;

    fn untreated(rows: &[(&str, i64, Option<i64>)], anticipation: u32) -> Untreated {
        let mut builder = PanelBuilder::default();
        for &(unit, week, first) in rows {
            builder.push(Row { unit, week, first, outcome: 1.0, ..Row::default() }).unwrap();
        }
        Untreated::of(&builder.finish(0.0).unwrap(), anticipation)
    }

    #[test]
    fn a_treated_week_counts_when_its_unit_and_its_week_have_untreated_cells() {
        let rows = [
            ("a", 1, Some(2)),
            ("a", 2, Some(2)),
            ("a", 3, Some(2)),
            ("b", 1, None),
            ("b", 2, None),
            ("c", 2, Some(1)),
        ];
        let uses = untreated(&rows, 0).uses;
        assert_eq!(uses[0..3], [Use::Fit, Use::Effect, Use::Nothing], "nobody is untreated in week 3");
        assert_eq!(uses[7], Use::Nothing, "c has no untreated week");
    }

    #[test]
    fn weeks_under_anticipation_are_used_for_nothing() {
        let rows =
            [("a", 1, Some(3)), ("a", 2, Some(3)), ("a", 3, Some(3)), ("b", 1, None), ("b", 2, None), ("b", 3, None)];
        assert_eq!(untreated(&rows, 1).uses[0..3], [Use::Fit, Use::Nothing, Use::Effect]);
    }

    #[test]
    fn levels_of_unconnected_sets_are_not_compared() {
        let rows = [("a", 1, Some(4)), ("a", 4, Some(4)), ("b", 3, None), ("b", 4, None), ("c", 1, None)];
        let untreated = untreated(&rows, 0);
        assert_eq!(untreated.of_unit(0), [Use::Fit, Use::Nothing, Use::Nothing], "weeks 3 and 4 never meet week 1");
        assert_eq!(untreated.anchors, [true, true, false]);
    }
}
