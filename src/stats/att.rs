//! Group-time effects: for each cohort and week the change of its treated units less the change of its controls.
//!
//! After Callaway and Sant'Anna (2021), "Difference-in-Differences with multiple time periods", without covariates.
//! Every effect comes with an influence value per cluster, from which all standard errors follow. The matrix
//! units × cells is never stored: [`Cells::sweep`] walks over clusters and hands each cluster's row of it to its caller.

use std::ops::Range;

use super::design::{Base, Control, Sample};
use super::panel::row;

/// One cohort in one week, compared with a base week. Weeks and cohorts are positions in the sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    pub cohort: usize,
    pub week: usize,
    pub base: usize,
    /// Units of this cohort and later ones are controls, the cell's own cohort apart.
    first_control: usize,
    pub att: f64,
    /// Weighted mean of the treated units' outcome in the base week.
    pub baseline: f64,
    pub n_treated: usize,
    pub n_control: usize,
    treated: Side,
    control: Side,
}

/// The units on one side of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Side {
    /// Weighted mean of the change.
    mean: f64,
    weight: f64,
}

impl Cell {
    /// The base week itself, where the effect is zero by construction (universal base only).
    pub fn is_reference(&self) -> bool {
        self.week == self.base
    }

    /// Whether units of `cohort` are controls of this cell.
    pub fn controls(&self, cohort: usize) -> bool {
        !self.is_reference() && cohort != self.cohort && cohort >= self.first_control
    }

    /// Weeks since treatment, negative before it.
    pub fn event_time(&self, sample: &Sample) -> i64 {
        sample.weeks[self.week] - sample.cohorts[self.cohort]
    }
}

/// The measured cells of a sample, cohort by cohort and week by week.
#[derive(Debug, Clone)]
pub struct Cells {
    pub cells: Vec<Cell>,
    /// Per cohort its range of `cells`.
    blocks: Vec<Range<usize>>,
    /// `reach[cohort * (cohorts + 1) + of]`: how many leading cells of the block of `cohort` have `of` among their controls.
    reach: Vec<usize>,
    cohorts: usize,
}

/// The part a unit plays in a run of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Treated,
    Control,
}

impl Cells {
    /// Measures the cells that `wanted` selects (cohort, week as positions), leaving out those without a treated or control unit.
    /// `cohort_of` is `sample.cohort_of`, or a permutation of it.
    pub fn measure(sample: &Sample, cohort_of: &[u32], wanted: impl Fn(usize, usize) -> bool) -> Cells {
        let mut cells = Vec::new();
        for cohort in 0..sample.cohorts.len() {
            let Some(last_untreated) = sample.base_week(cohort) else { continue };
            for week in (0..sample.weeks.len()).filter(|&week| wanted(cohort, week)) {
                let after = sample.weeks[week] >= sample.cohorts[cohort];
                let base = match sample.design.base {
                    _ if after => last_untreated,
                    Base::Universal => last_untreated,
                    Base::Varying if week == 0 => continue,
                    Base::Varying => week - 1,
                };
                let treated_by = sample.weeks[week.max(base)] + i64::from(sample.design.anticipation);
                let first_control = match sample.design.control {
                    Control::Never => sample.cohorts.len(),
                    Control::NotYet => sample.cohorts.partition_point(|&g| g <= treated_by),
                };
                cells.push(Cell {
                    cohort,
                    week,
                    base,
                    first_control,
                    att: 0.0,
                    baseline: 0.0,
                    n_treated: 0,
                    n_control: 0,
                    treated: Side::default(),
                    control: Side::default(),
                });
            }
        }
        let mut cells = Cells::index(cells, sample.cohorts.len());
        cells.take_means(sample, cohort_of);
        cells.cells.retain(|cell| cell.treated.weight > 0.0 && (cell.is_reference() || cell.control.weight > 0.0));
        Cells::index(cells.cells, sample.cohorts.len())
    }

    fn index(cells: Vec<Cell>, cohorts: usize) -> Cells {
        let mut blocks = vec![0..0; cohorts];
        let mut reach = vec![0; cohorts * (cohorts + 1)];
        for cohort in 0..cohorts {
            let start = cells.partition_point(|cell| cell.cohort < cohort);
            let block = &cells[start..start + cells[start..].partition_point(|cell| cell.cohort == cohort)];
            // The later the week, the fewer the controls: those of one cohort are a leading run of cells.
            for of in (0..=cohorts).filter(|&of| of != cohort) {
                reach[cohort * (cohorts + 1) + of] = block.partition_point(|cell| cell.first_control <= of);
            }
            blocks[cohort] = start..start + block.len();
        }
        Cells { cells, blocks, reach, cohorts }
    }

    /// The runs of cells in which units of cohort `of` take part.
    fn roles(&self, of: usize) -> impl Iterator<Item = (Range<usize>, Role)> + '_ {
        self.blocks.iter().enumerate().map(move |(cohort, block)| match cohort == of {
            true => (block.clone(), Role::Treated),
            false => (block.start..block.start + self.reach[cohort * (self.cohorts + 1) + of], Role::Control),
        })
    }

    fn take_means(&mut self, sample: &Sample, cohort_of: &[u32]) {
        let width = sample.weeks.len();
        let mut roles: Vec<(Range<usize>, Role)> = Vec::new();
        let ones = vec![1.0; width];
        for (unit, &cohort) in cohort_of.iter().enumerate() {
            let y = row(&sample.outcome, unit, width);
            let weight = sample.weight.as_deref().map_or(&ones[..], |weight| row(weight, unit, width));
            roles.clear();
            roles.extend(self.roles(cohort as usize));
            for (range, role) in &roles {
                for cell in &mut self.cells[range.clone()] {
                    let change = y[cell.week] - y[cell.base];
                    if change.is_nan() {
                        continue;
                    }
                    let w = weight[cell.week.min(cell.base)];
                    let side = match role {
                        Role::Treated => {
                            cell.baseline += w * y[cell.base];
                            cell.n_treated += 1;
                            &mut cell.treated
                        }
                        Role::Control if cell.week == cell.base => continue,
                        Role::Control => {
                            cell.n_control += 1;
                            &mut cell.control
                        }
                    };
                    side.mean += w * change;
                    side.weight += w;
                }
            }
        }
        for cell in &mut self.cells {
            cell.baseline /= cell.treated.weight;
            cell.treated.mean /= cell.treated.weight;
            cell.control.mean /= cell.control.weight;
            cell.att = if cell.is_reference() { 0.0 } else { cell.treated.mean - cell.control.mean };
        }
    }

    /// Calls `each(cluster, units, influence)` for every cluster in order, with the cluster's influence on each cell.
    ///
    /// `influence[j]` is Σ ψ_i / n over the units of the cluster, so that a cell's standard error is the root of the
    /// sum of its squares.
    pub fn sweep(&self, sample: &Sample, cohort_of: &[u32], mut each: impl FnMut(usize, Range<usize>, &[f64])) {
        let width = sample.weeks.len();
        let ones = vec![1.0; width];
        let steps: Vec<Step> = self.cells.iter().map(Step::of).collect();
        let mut influence = vec![0.0; self.cells.len()];
        let mut unit = 0;
        while unit < cohort_of.len() {
            let first = unit;
            influence.fill(0.0);
            while unit < cohort_of.len() && sample.cluster_of[unit] == sample.cluster_of[first] {
                let y = row(&sample.outcome, unit, width);
                let weight = sample.weight.as_deref().map(|weight| row(weight, unit, width));
                for (range, role) in self.roles(cohort_of[unit] as usize) {
                    add_influence(&mut influence[range.clone()], &steps[range], role, y, weight.unwrap_or(&ones));
                }
                unit += 1;
            }
            each(sample.cluster_of[first] as usize, first..unit, &influence);
        }
    }

    /// The cells in which one unit was observed in both weeks, each with whether it was treated there.
    pub fn of_unit<'a>(
        &'a self,
        sample: &'a Sample,
        cohort: usize,
        unit: usize,
    ) -> impl Iterator<Item = (usize, bool)> + 'a {
        let y = row(&sample.outcome, unit, sample.weeks.len());
        self.roles(cohort).flat_map(move |(range, role)| {
            range.filter_map(move |at| {
                let cell = &self.cells[at];
                let observed = !(y[cell.week] - y[cell.base]).is_nan();
                let used = observed && (role == Role::Treated || !cell.is_reference());
                used.then_some((at, role == Role::Treated))
            })
        })
    }
}

/// What the inner loop needs of a cell, and no more: it runs units × cells times.
struct Step {
    week: u32,
    base: u32,
    weight_week: u32,
    treated_mean: f64,
    treated_share: f64,
    control_mean: f64,
    control_share: f64,
}

impl Step {
    fn of(cell: &Cell) -> Step {
        let share = |side: Side| if cell.is_reference() { 0.0 } else { 1.0 / side.weight };
        let mean = |side: Side| if cell.is_reference() { 0.0 } else { side.mean };
        Step {
            week: cell.week as u32,
            base: cell.base as u32,
            weight_week: cell.week.min(cell.base) as u32,
            treated_mean: mean(cell.treated),
            treated_share: share(cell.treated),
            control_mean: mean(cell.control),
            control_share: -share(cell.control),
        }
    }
}

fn add_influence(influence: &mut [f64], steps: &[Step], role: Role, y: &[f64], weight: &[f64]) {
    for (into, step) in influence.iter_mut().zip(steps) {
        let (mean, share) = match role {
            Role::Treated => (step.treated_mean, step.treated_share),
            Role::Control => (step.control_mean, step.control_share),
        };
        let change = y[step.week as usize] - y[step.base as usize];
        let value = weight[step.weight_week as usize] * (change - mean) * share;
        *into += if change.is_nan() { 0.0 } else { value };
    }
}

#[cfg(test)]
mod tests {
    use super::super::design::Design;
    use super::super::panel::{PanelBuilder, Row};
    use super::*;

    /// Treated from week 3: u0 and u1, rising by 2 and 4; never treated: u2 and u3, rising by 1 and 3.
    fn sample(design: Design) -> Sample {
        let outcomes = [[1.0, 1.0, 3.0], [1.0, 1.0, 5.0], [0.0, 0.0, 1.0], [2.0, 2.0, 5.0]];
        let mut builder = PanelBuilder::default();
        for (at, weeks) in outcomes.iter().enumerate() {
            for (week, &outcome) in weeks.iter().enumerate() {
                let first = (at < 2).then_some(3);
                builder
                    .push(Row { unit: &format!("u{at}"), week: week as i64 + 1, first, outcome, ..Row::default() })
                    .unwrap();
            }
        }
        Sample::new(&builder.finish(0.0).unwrap(), design)
    }

    #[test]
    fn effect_is_the_treated_change_less_the_control_change() {
        let sample = sample(Design::default());
        let cells = Cells::measure(&sample, &sample.cohort_of, |_, _| true).cells;
        let seen: Vec<_> =
            cells.iter().map(|c| (c.week, c.base, c.att, c.baseline, c.n_treated, c.n_control)).collect();
        assert_eq!(seen, [(1, 0, 0.0, 1.0, 2, 2), (2, 1, 1.0, 1.0, 2, 2)]);
    }

    #[test]
    fn influence_of_a_unit_is_its_deviation_over_the_size_of_its_side() {
        let sample = sample(Design::default());
        let cells = Cells::measure(&sample, &sample.cohort_of, |_, week| week == 2);
        let mut seen = Vec::new();
        cells.sweep(&sample, &sample.cohort_of, |_, _, influence| seen.push(influence[0]));
        assert_eq!(seen, [-0.5, 0.5, 0.5, -0.5]);
    }

    #[test]
    fn a_cohort_is_never_its_own_control() {
        let sample = sample(Design::default());
        let cells = Cells::measure(&sample, &sample.cohort_of, |_, _| true).cells;
        let seen: Vec<_> = cells.iter().map(|cell| (cell.controls(0), cell.controls(1))).collect();
        assert_eq!(seen, [(false, true), (false, true)], "not before its treatment either");
    }

    #[test]
    fn universal_base_gives_the_base_week_a_zero() {
        let sample = sample(Design { base: Base::Universal, ..Design::default() });
        let cells = Cells::measure(&sample, &sample.cohort_of, |_, _| true).cells;
        assert_eq!(
            cells.iter().map(|c| (c.week, c.base, c.is_reference())).collect::<Vec<_>>(),
            [(0, 1, false), (1, 1, true), (2, 1, false)]
        );
    }
}
