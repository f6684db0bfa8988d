//! Aalen–Johansen: the share of people who reached it by a day, when others left first and can no longer reach it.
//!
//! Aalen and Johansen (1978), *Scandinavian Journal of Statistics* 5:141. One minus Kaplan–Meier answers another question
//! (how many would, if nobody ever left) and is always larger.

use super::spells::{self, Event, Spell};

/// Days after the start at which marts show the share.
pub const DAYS: [f64; 4] = [30.0, 60.0, 90.0, 180.0];

/// Cumulative incidence of every event.
#[derive(Debug, Clone, PartialEq)]
pub struct Incidence {
    pub steps: Vec<Step>,
}

/// The shares just after `time`.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub time: f64,
    pub at_risk: u64,
    /// People with event 1, 2, … at this time, in that order.
    pub events: Vec<u64>,
    /// Share without any event.
    pub none_yet: f64,
    /// Share with event 1, 2, … by now, in that order; with `none_yet` they sum to 1.
    pub shares: Vec<f64>,
}

/// Shares by event at every time an observation ended.
pub fn incidence(people: &[Spell]) -> Incidence {
    let mut none_yet = 1.0;
    let mut shares: Vec<f64> = Vec::new();
    let steps = spells::moments(people)
        .into_iter()
        .map(|moment| {
            shares.resize(moment.events.len(), 0.0);
            let n = moment.at_risk as f64;
            for (share, d) in shares.iter_mut().zip(&moment.events) {
                // The last of many small steps may pass 1 by a rounding error.
                *share = (*share + none_yet * (*d as f64) / n).min(1.0);
            }
            let any: u64 = moment.events.iter().sum();
            none_yet *= 1.0 - any as f64 / n;
            Step { time: moment.time, at_risk: moment.at_risk, events: moment.events, none_yet, shares: shares.clone() }
        })
        .collect();
    Incidence { steps }
}

impl Incidence {
    /// Share with `event` by `t`; `None` after the last observation, unless by then everybody had one.
    pub fn at(&self, event: Event, t: f64) -> Option<f64> {
        let last = self.steps.last()?;
        if t.is_nan() || (t > last.time && last.none_yet > 0.0) {
            return None;
        }
        let index = (event as usize).checked_sub(1)?;
        let step = self.steps[..self.steps.partition_point(|s| s.time <= t)].last();
        Some(step.and_then(|s| s.shares.get(index)).copied().unwrap_or(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::spells::{LEFT, REACHED};

    fn of(rows: &[(f64, f64, u32)]) -> Incidence {
        let spells: Vec<Spell> = rows.iter().map(|(e, t, d)| Spell::new(*e, *t, *d).expect("a spell")).collect();
        incidence(&spells)
    }

    #[test]
    fn with_nobody_open_the_shares_are_plain_shares() {
        let got = of(&[(0.0, 10.0, 1), (0.0, 20.0, 2), (0.0, 30.0, 1), (0.0, 40.0, 1)]);
        assert_eq!(got.at(REACHED, 30.0), Some(0.5));
        assert_eq!(got.at(LEFT, 30.0), Some(0.25));
        assert!((got.at(REACHED, 365.0).expect("all done") - 0.75).abs() < 1e-15);
    }

    #[test]
    fn an_open_person_hands_their_weight_to_those_after() {
        let got = of(&[(0.0, 1.0, 1), (0.0, 2.0, 0), (0.0, 3.0, 2), (0.0, 4.0, 1)]);
        assert_eq!(got.at(REACHED, 2.5), Some(0.25));
        assert_eq!(got.at(LEFT, 3.0), Some(0.375));
        assert_eq!(got.at(REACHED, 4.0), Some(0.625));
    }

    #[test]
    fn shares_and_the_rest_sum_to_one_with_late_entries() {
        let got = of(&[(0.0, 5.0, 1), (2.0, 7.0, 2), (6.0, 9.0, 0), (1.0, 9.5, 3), (8.0, 12.0, 1)]);
        for step in &got.steps {
            let sum: f64 = step.shares.iter().sum::<f64>() + step.none_yet;
            assert!((sum - 1.0).abs() < 1e-15, "{step:?}");
        }
    }

    #[test]
    fn a_share_of_everybody_is_one_however_many_steps_lead_there() {
        for people in 2..400 {
            let rows: Vec<(f64, f64, u32)> = (1..=people).map(|t| (0.0, f64::from(t), 1)).collect();
            let share = of(&rows).at(REACHED, f64::from(people)).expect("observed");
            assert!((1.0 - 1e-12..=1.0).contains(&share), "{people}: {share}");
        }
    }

    #[test]
    fn nothing_is_said_beyond_the_last_observation() {
        let got = of(&[(0.0, 10.0, 1), (0.0, 20.0, 0)]);
        assert_eq!(got.at(REACHED, 20.0), Some(0.5));
        assert_eq!(got.at(REACHED, 30.0), None);
        assert_eq!(of(&[]).at(REACHED, 1.0), None);
    }
}
