//! Times under observation, and who was at risk when: what every estimate of time-to-event starts from.
//!
//! A person joins the risk set when first observed, not when hired: somebody already employed at the first day of data
//! could not have been seen to reach anything before. At risk at `t` are those with `entry < t <= time`.

/// The event a person had at the end of their time; any larger number is a further competing event.
pub type Event = u32;
/// Still open at the extract.
pub const OPEN: Event = 0;
/// Reached what was waited for.
pub const REACHED: Event = 1;
/// Left first, a competing event.
pub const LEFT: Event = 2;

/// One person's observed time, in days or any other unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spell {
    entry: f64,
    time: f64,
    event: Event,
}

/// Why three numbers are not a time under observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpellError {
    #[error("time is not a number of zero or more")]
    Time,
    #[error("entry is not a number of zero or more")]
    Entry,
    #[error("entry is not before time, so the person was never observed")]
    NeverObserved,
}

impl Spell {
    /// `entry` is 0, or the time already passed when observation began. A time of 0 counts as half a unit, so that a
    /// person who is done on the first day is at risk on it.
    pub fn new(entry: f64, time: f64, event: Event) -> Result<Spell, SpellError> {
        let counted = |x: f64| x.is_finite() && x >= 0.0;
        if !counted(time) {
            return Err(SpellError::Time);
        }
        if !counted(entry) {
            return Err(SpellError::Entry);
        }
        let time = if time == 0.0 { 0.5 } else { time };
        if entry >= time {
            return Err(SpellError::NeverObserved);
        }
        Ok(Spell { entry, time, event })
    }

    pub fn time(&self) -> f64 {
        self.time
    }

    pub fn entry(&self) -> f64 {
        self.entry
    }

    pub fn event(&self) -> Event {
        self.event
    }
}

/// What happened at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    pub time: f64,
    pub at_risk: u64,
    /// People with event 1, 2, … at this time, in that order.
    pub events: Vec<u64>,
    /// People still open whose observation ends here.
    pub censored: u64,
}

/// Every distinct end of a spell in ascending order, with the people at risk just before it.
pub fn moments(spells: &[Spell]) -> Vec<Moment> {
    let causes = spells.iter().map(|s| s.event).max().unwrap_or(0).max(REACHED) as usize;
    let risk = AtRisk::new(spells);
    let mut by_time: Vec<&Spell> = spells.iter().collect();
    by_time.sort_by(|a, b| a.time.total_cmp(&b.time));
    let mut moments: Vec<Moment> = Vec::new();
    for spell in by_time {
        if moments.last().is_none_or(|last| last.time < spell.time) {
            let at_risk = risk.at(spell.time);
            moments.push(Moment { time: spell.time, at_risk, events: vec![0; causes], censored: 0 });
        }
        if let Some(moment) = moments.last_mut() {
            match spell.event {
                OPEN => moment.censored += 1,
                event => moment.events[event as usize - 1] += 1,
            }
        }
    }
    moments
}

/// Answers how many people are at risk at a time.
pub struct AtRisk {
    entries: Vec<f64>,
    times: Vec<f64>,
}

impl AtRisk {
    pub fn new(spells: &[Spell]) -> AtRisk {
        let sorted = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            values
        };
        AtRisk {
            entries: sorted(spells.iter().map(|s| s.entry).collect()),
            times: sorted(spells.iter().map(|s| s.time).collect()),
        }
    }

    /// People with `entry < t <= time`.
    pub fn at(&self, t: f64) -> u64 {
        let entered = self.entries.partition_point(|entry| *entry < t);
        let ended = self.times.partition_point(|time| *time < t);
        // Nobody ends before entering, so the difference is never negative.
        (entered - ended) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_entrant_is_not_at_risk_before_entering() {
        let spells =
            [(0.0, 5.0, 1), (5.0, 8.0, 1), (4.0, 9.0, 0)].map(|(e, t, d)| Spell::new(e, t, d).expect("a spell"));
        let seen: Vec<(f64, u64, u64)> = moments(&spells).iter().map(|m| (m.time, m.at_risk, m.events[0])).collect();
        // At 5 the second person has not entered yet; the third has.
        assert_eq!(seen, [(5.0, 2, 1), (8.0, 2, 1), (9.0, 1, 0)]);
    }

    #[test]
    fn an_event_on_the_first_day_counts_as_half_a_day() {
        assert_eq!(Spell::new(0.0, 0.0, REACHED).map(|s| s.time()), Ok(0.5));
    }

    #[test]
    fn a_person_never_observed_is_refused() {
        assert_eq!(Spell::new(7.0, 7.0, REACHED), Err(SpellError::NeverObserved));
        assert_eq!(Spell::new(0.0, f64::NAN, REACHED), Err(SpellError::Time));
        assert_eq!(Spell::new(-1.0, 2.0, REACHED), Err(SpellError::Entry));
    }

    #[test]
    fn competing_events_are_counted_apart() {
        let spells = [(3.0, 1), (3.0, 2), (3.0, 0)].map(|(t, d)| Spell::new(0.0, t, d).expect("a spell"));
        assert_eq!(moments(&spells), [Moment { time: 3.0, at_risk: 3, events: vec![1, 1], censored: 1 }]);
    }
}
