//! Kaplan–Meier: the share of people for whom it has not happened yet, when some are still open.
//!
//! Kaplan and Meier (1958), *JASA* 53:457; Greenwood's variance; log-log interval of Kalbfleisch and Prentice; quantiles by
//! the rule of R's `quantile.survfit`. Leaving counts as censoring here; for the share that reaches it *before* leaving see
//! [`super::competing`]. Finishers alone are never averaged.
//!
//! Nothing is said beyond the last observation: R's `summary.survfit` stops there as well, unless told to extend, while R's
//! restricted mean goes on at the last level, which would call somebody still open a mean.

use super::spells::{self, REACHED, Spell};

/// Two survival shares closer than this are the same share (`statistics.md`, section 3).
const SAME: f64 = 1e-9;

/// Fewer people or events than these: a cohort says nothing.
pub const PEOPLE_MIN: usize = 10;
pub const EVENTS_MIN: u64 = 5;

/// A survival curve; empty for nobody.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    pub people: usize,
    pub events: u64,
    /// Every distinct end of an observation, ascending.
    pub steps: Vec<Step>,
}

/// The curve just after `time`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    pub time: f64,
    pub at_risk: u64,
    pub events: u64,
    /// People whose observation ended here without the event: open or gone.
    pub censored: u64,
    pub survival: f64,
    /// Greenwood's standard error; `None` once nobody is left.
    pub se: Option<f64>,
    /// Log-log bounds; `None` while or once the share is exactly 1 or 0.
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// The time by which a share of people has had the event, and where the bounds of the curve cross that share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantile {
    pub at: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// Mean time without the event up to a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RestrictedMean {
    pub mean: f64,
    pub se: f64,
}

/// The curve of [`REACHED`] with bounds at the normal quantile `z`.
pub fn kaplan_meier(people: &[Spell], z: f64) -> Curve {
    let mut survival = 1.0;
    let mut greenwood = 0.0;
    let steps: Vec<Step> = spells::moments(people)
        .into_iter()
        .map(|moment| {
            let events = moment.events[REACHED as usize - 1];
            let (n, d) = (moment.at_risk as f64, events as f64);
            if events > 0 {
                survival *= 1.0 - d / n;
                greenwood += d / (n * (n - d));
            }
            let se = (survival > 0.0).then(|| survival * greenwood.sqrt());
            let (low, high) = se.and_then(|se| log_log(survival, se, z)).unzip();
            let censored = moment.censored + moment.events.iter().sum::<u64>() - events;
            Step { time: moment.time, at_risk: moment.at_risk, events, censored, survival, se, low, high }
        })
        .collect();
    Curve { people: people.len(), events: steps.iter().map(|s| s.events).sum(), steps }
}

/// exp(-exp(ln(-ln S) ± z·se / (S·|ln S|))), which never leaves 0..1.
fn log_log(survival: f64, se: f64, z: f64) -> Option<(f64, f64)> {
    if survival >= 1.0 {
        return None;
    }
    let log = survival.ln();
    let centre = (-log).ln();
    let half = z * se / (survival * -log);
    Some(((-(centre + half).exp()).exp(), (-(centre - half).exp()).exp()))
}

impl Curve {
    /// The last time anybody was observed.
    pub fn last_time(&self) -> Option<f64> {
        self.steps.last().map(|s| s.time)
    }

    /// When a share `q` of people has had the event (0.5 is the median). `None` in a field is "not reached".
    pub fn quantile(&self, q: f64) -> Quantile {
        let level = 1.0 - q;
        Quantile {
            at: self.crossing(level, |s| Some(s.survival)),
            low: self.crossing(level, |s| s.low),
            high: self.crossing(level, |s| s.high),
        }
    }

    /// First time at or below `level`. A curve that runs along the level exactly takes the middle of that stretch: up to
    /// the next drop, or to the last observation where no drop follows.
    ///
    /// With delayed entry a bound may rise again after a time at which few were at risk. The first crossing counts, which is
    /// the wider interval; R sorts the bound first, and its lower limit may then lie above the median.
    fn crossing(&self, level: f64, value: impl Fn(&Step) -> Option<f64>) -> Option<f64> {
        let reached = self.steps.iter().position(|s| value(s).is_some_and(|v| v <= level + SAME))?;
        let first = &self.steps[reached];
        if value(first).is_some_and(|v| v < level - SAME) {
            return Some(first.time);
        }
        let rest = &self.steps[reached..];
        let end = match rest.iter().find(|s| value(s).is_some_and(|v| v < level - SAME)) {
            Some(drop) => drop.time,
            // A bound that ceases to exist while the curve drops has no known end of its stretch.
            None => rest.last().filter(|s| value(s).is_some())?.time,
        };
        Some((first.time + end) / 2.0)
    }

    /// Area under the curve from 0 to `limit`; `None` when nobody was observed that long.
    pub fn restricted_mean(&self, limit: f64) -> Option<RestrictedMean> {
        if self.last_time()? < limit || limit.is_nan() || limit <= 0.0 {
            return None;
        }
        // Backwards, so that the area from each step to the limit is at hand for the variance.
        let inside = &self.steps[..self.steps.partition_point(|s| s.time <= limit)];
        let (mut area, mut until, mut variance) = (0.0, limit, 0.0);
        for step in inside.iter().rev() {
            area += step.survival * (until - step.time);
            until = step.time;
            let (n, d) = (step.at_risk as f64, step.events as f64);
            // Where all at risk have the event nothing remains after it, and the term is 0 rather than 0/0.
            if step.events > 0 && step.events < step.at_risk {
                variance += area * area * d / (n * (n - d));
            }
        }
        Some(RestrictedMean { mean: area + until, se: variance.sqrt() })
    }

    /// Why this curve may not be read as a finding, if it may not.
    pub fn insufficient(&self) -> Option<&'static str> {
        if self.people < PEOPLE_MIN {
            Some("fewer than 10 people")
        } else if self.events < EVENTS_MIN {
            Some("fewer than 5 events")
        } else {
            None
        }
    }
}

/// A difference of restricted means with its normal interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    pub difference: f64,
    pub se: f64,
    pub low: f64,
    pub high: f64,
}

impl RestrictedMean {
    /// This mean less the mean of an independent cohort.
    pub fn minus(&self, other: &RestrictedMean, z: f64) -> Difference {
        let (difference, se) = (self.mean - other.mean, self.se.hypot(other.se));
        Difference { difference, se, low: difference - z * se, high: difference + z * se }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::wilson::Z95;

    fn curve(rows: &[(f64, u32)]) -> Curve {
        let spells: Vec<Spell> = rows.iter().map(|(t, e)| Spell::new(0.0, *t, *e).expect("a spell")).collect();
        kaplan_meier(&spells, Z95)
    }

    #[test]
    fn four_people_and_one_still_open() {
        let shares: Vec<f64> =
            curve(&[(1.0, 1), (2.0, 0), (3.0, 1), (4.0, 1)]).steps.iter().map(|s| s.survival).collect();
        assert_eq!(shares, [0.75, 0.75, 0.375, 0.0]);
    }

    #[test]
    fn a_median_on_a_flat_stretch_is_its_middle() {
        assert_eq!(curve(&[(1.0, 1), (2.0, 1), (6.0, 1), (9.0, 1)]).quantile(0.5).at, Some(4.0));
        // Nothing drops after the stretch: it ends with the last observation.
        assert_eq!(curve(&[(1.0, 1), (2.0, 1), (6.0, 0), (9.0, 0)]).quantile(0.5).at, Some(5.5));
    }

    #[test]
    fn leaving_a_third_is_not_mistaken_for_reaching_the_median() {
        let got = curve(&[(1.0, 1), (2.0, 0), (3.0, 0)]).quantile(0.5);
        assert_eq!((got.at, got.high), (None, None));
    }

    #[test]
    fn rounding_does_not_hide_a_flat_stretch() {
        // Ten people: 9/10 · 8/9 · 7/8 · 6/7 · 5/6 is a half only to rounding.
        let rows: Vec<(f64, u32)> = (1..=10).map(|t| (f64::from(t), 1)).collect();
        assert_eq!(curve(&rows).quantile(0.5).at, Some(5.5));
    }

    #[test]
    fn the_restricted_mean_of_everybody_observed_is_the_plain_mean() {
        let got = curve(&[(1.0, 1), (2.0, 1), (3.0, 1), (6.0, 1)]).restricted_mean(6.0).expect("observed to 6");
        assert!((got.mean - 3.0).abs() < 1e-15);
        // And its variance is that of the mean, with divisor n: (4 + 1 + 0 + 9) / 4 / 4.
        assert!((got.se - (14.0f64 / 16.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn a_limit_beyond_the_last_observation_has_no_mean() {
        assert_eq!(curve(&[(1.0, 1), (2.0, 0)]).restricted_mean(3.0), None);
        assert_eq!(curve(&[]).restricted_mean(3.0), None);
    }

    #[test]
    fn bounds_are_empty_where_the_share_is_whole_or_gone() {
        let steps = curve(&[(1.0, 0), (2.0, 1), (3.0, 1)]).steps;
        assert_eq!((steps[0].se, steps[0].low), (Some(0.0), None));
        assert!(steps[1].low.is_some());
        assert_eq!((steps[2].survival, steps[2].se, steps[2].high), (0.0, None, None));
    }

    #[test]
    fn leaving_is_censoring_here() {
        let step = curve(&[(1.0, 2), (2.0, 1)]).steps[0];
        assert_eq!((step.events, step.censored, step.survival), (0, 1, 1.0));
    }
}
