//! The whole analysis of one panel: effects, errors, bands, tests, cross-checks and the verdict.
//!
//! This is the door that tables and the command line use; the parts behind it are one idea a file.

use super::aggregate::{Aggregates, Aggregation, Estimate, Plan, aggregate};
use super::att::Cells;
use super::bootstrap::Multiplier;
use super::design::{Base, Design, Sample};
use super::imputation::{self, Centring};
use super::interval::{Law, critical_value, detectable, interval, p_value};
use super::panel::Panel;
use super::periods;
use super::placebo::{self, Headline};
use super::ppml::{self, RateRatio};
use super::pretrend::{self, Wald};
use super::verdict::{CrossCheck, Evidence, Judgement, Words, judge};
use super::{bootstrap, breakdown};

#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    pub design: Design,
    /// The headline is the mean of horizons 0..=balance_e over cohorts that reach balance_e; simple where none does.
    pub balance_e: i64,
    /// First and last horizon of the event study.
    pub window: (i64, i64),
    pub confidence: f64,
    pub law: Law,
    pub seed: u64,
    pub multiplier: Multiplier,
    pub bootstrap_draws: u32,
    /// 0 leaves the placebo test out.
    pub placebo_draws: u32,
    /// Imputation and count model beside the headline.
    pub cross_checks: bool,
    pub words: Words<'a>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options {
            design: Design::default(),
            balance_e: 7,
            window: (-8, 12),
            confidence: 0.95,
            law: Law::Student,
            seed: 0,
            multiplier: Multiplier::default(),
            bootstrap_draws: 1999,
            placebo_draws: 999,
            cross_checks: true,
            words: Words { outcome: "the outcome", treatment: "the treatment" },
        }
    }
}

/// A group-time effect in the panel's own weeks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupTime {
    pub cohort: i64,
    pub week: i64,
    pub base: i64,
    pub att: f64,
    pub se: Option<f64>,
    pub n_treated: usize,
    pub n_control: usize,
}

/// Counts that describe the sample.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Counts {
    pub n_units: usize,
    /// Units treated inside the panel, those of a last cohort that only serves as control among them.
    pub n_treated: usize,
    pub n_control: usize,
    pub n_clusters: usize,
    pub n_cohorts: usize,
    pub n_singleton_cohorts: usize,
    pub n_dropped_always: usize,
    pub n_dropped_small: usize,
    pub n_dropped_gap: usize,
    pub n_rejected_rows: usize,
    /// Weeks before and from treatment on that the median treated unit has.
    pub pre_weeks: usize,
    pub post_weeks: usize,
}

#[derive(Debug, Clone)]
pub struct Effects {
    pub cells: Vec<GroupTime>,
    /// Simple, dynamic, balanced, group and calendar, parts and overall figures.
    pub aggregates: Vec<Estimate>,
    /// The dynamic effects inside the window, by horizon.
    pub event_study: Vec<Estimate>,
    pub headline: Option<Estimate>,
    /// Standard errors from an event-study estimate to the edge of the simultaneous band.
    pub band: Option<f64>,
    pub pretrend: Option<Wald>,
    pub pretrend_cells: Option<Wald>,
    pub placebo_p: Option<f64>,
    /// Infinite when the comparison did not move at all before treatment.
    pub breakdown_mbar: Option<f64>,
    pub mde: Option<f64>,
    pub bjs: Vec<imputation::Effect>,
    pub ppml: Vec<RateRatio>,
    pub counts: Counts,
    /// Weeks in one period of the panel analysed.
    pub weeks_per_period: i64,
    pub confidence: f64,
    pub law: Law,
}

impl Effects {
    /// Interval of an estimate under the options of this analysis.
    pub fn interval(&self, estimate: f64, se: Option<f64>, df: i64) -> Option<(f64, f64)> {
        interval(self.law, self.confidence, estimate, se, df)
    }

    /// Simultaneous band around an event-study estimate; nowhere narrower than the estimate's own interval, which is wider where few
    /// clusters are behind it, and none where there is no interval.
    pub fn band_of(&self, row: &Estimate) -> Option<(f64, f64)> {
        let width = self.band?.max(critical_value(self.law, self.confidence, row.df)?) * row.se?;
        Some((row.estimate - width, row.estimate + width))
    }

    /// p-value of the headline, to be adjusted over all outcomes and kinds of one run.
    pub fn p_value(&self) -> Option<f64> {
        let headline = self.headline.as_ref()?;
        p_value(headline.estimate, headline.se, headline.df)
    }

    /// Evidence for the verdict. `q_value` comes from [`super::benjamini_hochberg`] over the [`Effects::p_value`]s of all outcomes and kinds of one run;
    /// `events` is the total behind the outcome, where the outcome is a count.
    pub fn evidence(&self, q_value: Option<f64>, events: Option<f64>) -> Evidence {
        let headline = self.headline.as_ref();
        let (estimate, se, df) = headline.map_or((None, None, 0), |h| (Some(h.estimate), h.se, h.df));
        let overall_bjs = self.bjs.iter().find(|effect| effect.at.is_none());
        let overall_ppml = self.ppml.iter().find(|ratio| ratio.at.is_none() && ratio.ratio > 0.0);
        Evidence {
            n_treated: headline.map_or(self.counts.n_treated, |h| h.n_treated),
            n_control: self.counts.n_control,
            n_clusters: self.counts.n_clusters,
            pre_weeks: self.counts.pre_weeks,
            post_weeks: self.counts.post_weeks,
            events,
            estimate,
            se,
            interval: estimate.and_then(|estimate| self.interval(estimate, se, df)),
            mde: self.mde,
            pretrend_p: self.pretrend.map(|test| test.p),
            q_value,
            placebo_p: self.placebo_p,
            bjs: overall_bjs.map(|effect| CrossCheck {
                estimate: effect.estimate,
                interval: self.interval(effect.estimate, effect.se, effect.df),
            }),
            ppml: overall_ppml.map(|ratio| {
                let log = ratio.ratio.ln();
                CrossCheck { estimate: log, interval: self.interval(log, ratio.log_se, ratio.df) }
            }),
            breakdown_mbar: self.breakdown_mbar,
        }
    }

    pub fn judge(&self, q_value: Option<f64>, events: Option<f64>, words: Words<'_>) -> Judgement {
        judge(&self.evidence(q_value, events), words)
    }

    /// More than half of the cohorts have fewer than three units.
    pub fn cohorts_are_small(&self) -> bool {
        let mut sizes: Vec<(i64, usize)> = self.cells.iter().map(|cell| (cell.cohort, cell.n_treated)).collect();
        sizes.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1)));
        sizes.dedup_by_key(|(cohort, _)| *cohort);
        2 * sizes.iter().filter(|&&(_, units)| units < 3).count() > sizes.len()
    }
}

/// Events behind a panel's outcome, over all its unit-weeks; `None` when the outcome is no count.
pub fn total_events(panel: &Panel) -> Option<f64> {
    Some(panel.events.as_ref()?.iter().filter(|events| !events.is_nan()).sum())
}

/// The panel week by week and, where most cohorts have one or two units, also in periods of four weeks. The last one is the one to headline.
pub fn effects_with_periods(panel: &Panel, options: &Options<'_>) -> Vec<Effects> {
    let weekly = effects(panel, options);
    if !weekly.cohorts_are_small() {
        return vec![weekly];
    }
    let length = periods::POOLED_WEEKS;
    let pooled_options = Options {
        balance_e: (options.balance_e + 1) / length - 1,
        window: (options.window.0.div_euclid(length), options.window.1.div_euclid(length)),
        design: Design { anticipation: options.design.anticipation.div_ceil(length as u32), ..options.design },
        ..*options
    };
    let mut pooled = effects(&periods::pooled(panel, length), &pooled_options);
    pooled.weeks_per_period = length;
    pooled.counts.pre_weeks *= length as usize;
    pooled.counts.post_weeks *= length as usize;
    vec![weekly, pooled]
}

/// The analysis of a panel as it is.
pub fn effects(panel: &Panel, options: &Options<'_>) -> Effects {
    let sample = Sample::new(panel, options.design);
    let cells = Cells::measure(&sample, &sample.cohort_of, |_, _| true);
    let plan = Plan { full: true, balance_e: Some(options.balance_e), window: Some(options.window) };
    let pooled = aggregate(&sample, &sample.cohort_of, &cells, plan);
    let event_study = event_study(&pooled, options.window);
    let (kind, headline) = match pooled.overall(Aggregation::Balanced) {
        Some(balanced) => (Headline::Balanced(options.balance_e), Some(balanced.clone())),
        None => (Headline::Simple, pooled.overall(Aggregation::Simple).cloned()),
    };
    let rows: Vec<&Estimate> = event_study.iter().collect();
    let pointwise =
        headline.as_ref().and_then(|h| critical_value(options.law, options.confidence, h.df)).unwrap_or(0.0);
    let headcount: Vec<f64> = sample.units.iter().map(|&unit| panel.mean_headcount(unit)).collect();
    let half_width =
        headline.as_ref().and_then(|h| Some(critical_value(options.law, options.confidence, h.df)? * h.se?));
    Effects {
        band: bootstrap::critical_value(
            &rows,
            options.multiplier,
            options.seed,
            options.bootstrap_draws,
            options.confidence,
            pointwise,
        ),
        pretrend: pretrend::of_event_study(&rows, sample.clusters),
        pretrend_cells: pretrend::of_all_cells(&sample, &cells),
        placebo_p: match &headline {
            Some(_) if options.placebo_draws > 0 => {
                placebo::p_value(&sample, &headcount, kind, options.seed, options.placebo_draws)
            }
            _ => None,
        },
        breakdown_mbar: match (&headline, half_width, largest_step(panel, options)) {
            (Some(h), Some(half_width), Some(step)) => {
                Some(breakdown::mbar(h.estimate, half_width, step, h.mean_exposure))
            }
            _ => None,
        },
        mde: headline.as_ref().and_then(|h| detectable(options.confidence, h.se, h.df)),
        bjs: match options.cross_checks {
            true => imputation::effects(panel, options.design.anticipation, Centring::EventTime),
            false => Vec::new(),
        },
        ppml: match (&panel.events, &panel.headcount) {
            (Some(events), Some(headcount)) if options.cross_checks => {
                ppml::rate_ratios(panel, events, headcount, options.design.anticipation)
            }
            _ => Vec::new(),
        },
        counts: counts(panel, &sample, headline.as_ref()),
        cells: group_times(&sample, &cells, &pooled.cell_se),
        aggregates: pooled.estimates,
        event_study,
        headline,
        weeks_per_period: 1,
        confidence: options.confidence,
        law: options.law,
    }
}

fn event_study(pooled: &Aggregates, (first, last): (i64, i64)) -> Vec<Estimate> {
    let inside = |estimate: &&Estimate| {
        estimate.aggregation == Aggregation::Dynamic && estimate.at.is_some_and(|e| first <= e && e <= last)
    };
    pooled.estimates.iter().filter(inside).cloned().collect()
}

fn group_times(sample: &Sample, cells: &Cells, se: &[Option<f64>]) -> Vec<GroupTime> {
    let row = |(cell, se): (&super::att::Cell, &Option<f64>)| GroupTime {
        cohort: sample.cohorts[cell.cohort],
        week: sample.weeks[cell.week],
        base: sample.weeks[cell.base],
        att: cell.att,
        se: *se,
        n_treated: cell.n_treated,
        n_control: cell.n_control,
    };
    cells.cells.iter().zip(se).map(row).collect()
}

/// Steps further before the treatment than this say little about what follows it.
const STEPS_FROM: i64 = -8;

/// The largest step of the comparison before treatment, on one base week for all horizons.
fn largest_step(panel: &Panel, options: &Options<'_>) -> Option<f64> {
    let sample = Sample::new(panel, Design { base: Base::Universal, ..options.design });
    let window = (options.window.0.max(STEPS_FROM), -1);
    let before = |cohort: usize, week: usize| {
        let e = sample.weeks[week] - sample.cohorts[cohort];
        window.0 <= e && e <= window.1
    };
    let cells = Cells::measure(&sample, &sample.cohort_of, before);
    let pooled = aggregate(&sample, &sample.cohort_of, &cells, Plan { window: Some(window), ..Plan::default() });
    let effects: Vec<(i64, f64)> =
        event_study(&pooled, window).iter().filter_map(|row| Some((row.at?, row.estimate))).collect();
    breakdown::largest_step(&effects)
}

fn counts(panel: &Panel, sample: &Sample, headline: Option<&Estimate>) -> Counts {
    let never = sample.cohorts.len();
    let treated_weeks: Vec<i64> = sample
        .cohort_of
        .iter()
        .filter(|&&cohort| (cohort as usize) < never)
        .map(|&cohort| sample.cohorts[cohort as usize])
        .collect();
    let mut pre: Vec<usize> = treated_weeks.iter().map(|&g| sample.weeks.partition_point(|&week| week < g)).collect();
    pre.sort_unstable();
    let median = pre.get(pre.len().saturating_sub(1) / 2).copied();
    let mut sizes = vec![0usize; never];
    for &cohort in sample.cohort_of.iter().filter(|&&cohort| (cohort as usize) < never) {
        sizes[cohort as usize] += 1;
    }
    let serving = if sample.control_cohort.is_some() { sample.units.len() - treated_weeks.len() } else { 0 };
    Counts {
        n_units: sample.units.len(),
        n_treated: treated_weeks.len() + serving,
        // A single cohort, or several without a week in which a later one is still untreated, has nobody to be compared with.
        n_control: match headline {
            Some(headline) => headline.n_control,
            None if sample.control_cohort.is_some() => 0,
            None => sample.units.len() - treated_weeks.len(),
        },
        n_clusters: sample.clusters,
        n_cohorts: never,
        n_singleton_cohorts: sizes.iter().filter(|&&units| units == 1).count(),
        n_dropped_always: sample.dropped_always,
        n_dropped_small: panel.dropped_small,
        n_dropped_gap: sample.dropped_gap,
        n_rejected_rows: panel.rejected_rows,
        pre_weeks: median.unwrap_or(0),
        post_weeks: median.map_or(0, |before| sample.weeks.len() - before),
    }
}

#[cfg(test)]
mod tests {
    use super::super::panel::{PanelBuilder, Row};
    use super::super::verdict::Verdict;
    use super::*;

    /// `treated` of 24 units gain `gain` from week 11 of 20 on; every unit has a ripple of its own. `drift` is added per week before.
    fn panel(treated: usize, gain: f64, drift: f64) -> Panel {
        let mut builder = PanelBuilder::default();
        for unit in 0..24usize {
            let first = (unit < treated).then_some(11);
            for week in 1..=20i64 {
                let ripple = ((unit as i64 * 7919 + week * 104_729) % 13) as f64;
                let after = if first.is_some() && week >= 11 { gain } else { 0.0 };
                let before = if first.is_some() { drift * week.min(11) as f64 } else { 0.0 };
                let events = 100.0 + ripple + after + before;
                builder
                    .push(Row {
                        unit: &format!("u{unit:02}"),
                        week,
                        first,
                        outcome: events,
                        events: Some(events),
                        headcount: Some(100.0),
                        ..Row::default()
                    })
                    .unwrap();
            }
        }
        builder.finish(5.0).unwrap()
    }

    fn verdict(panel: &Panel) -> Verdict {
        let options = Options { placebo_draws: 199, bootstrap_draws: 199, ..Options::default() };
        let found = effects(panel, &options);
        found.judge(found.p_value(), total_events(panel), options.words).verdict
    }

    #[test]
    fn a_large_effect_is_supported_none_is_not_detected_and_a_drift_is_flagged() {
        assert_eq!(verdict(&panel(12, 40.0, 0.0)), Verdict::Supported);
        assert_eq!(verdict(&panel(12, 0.0, 0.0)), Verdict::NotDetected);
        assert_eq!(verdict(&panel(12, 0.0, 4.0)), Verdict::PretrendViolation);
    }

    #[test]
    fn who_is_missing_decides_before_any_number_does() {
        assert_eq!(verdict(&panel(24, 40.0, 0.0)), Verdict::NoControlGroup);
        assert_eq!(verdict(&panel(4, 40.0, 0.0)), Verdict::InsufficientData);
        assert_eq!(verdict(&panel(0, 0.0, 0.0)), Verdict::InsufficientData);
    }

    #[test]
    fn the_band_is_nowhere_narrower_than_the_interval_of_its_week() {
        let options = Options { placebo_draws: 0, bootstrap_draws: 199, cross_checks: false, ..Options::default() };
        let found = effects(&panel(12, 40.0, 0.0), &options);
        let width = |row: &Estimate| found.band_of(row).map(|(low, high)| (high - low) / 2.0 / row.se.unwrap());
        let row = found.event_study.last().unwrap();
        assert!((width(row).unwrap() - found.band.unwrap()).abs() < 1e-9, "{:?} {:?}", width(row), found.band);
        // Student's t with one degree of freedom: 12.706 errors, more than any band of these weeks.
        let of_few = Estimate { df: 1, ..row.clone() };
        assert!((width(&of_few).unwrap() - 12.706).abs() < 0.001, "{:?}", width(&of_few));
        assert_eq!(found.band_of(&Estimate { df: 0, ..row.clone() }), None);
    }

    #[test]
    fn small_cohorts_are_also_run_on_four_week_periods() {
        let mut panel = panel(12, 40.0, 0.0);
        let options = Options { placebo_draws: 0, bootstrap_draws: 99, ..Options::default() };
        assert_eq!(effects_with_periods(&panel, &options).len(), 1);
        for unit in 0..12 {
            panel.first[unit] = Some(6 + unit as i64 % 9);
        }
        let both = effects_with_periods(&panel, &options);
        assert_eq!(both.iter().map(|found| found.weeks_per_period).collect::<Vec<_>>(), [1, 4]);
    }
}
