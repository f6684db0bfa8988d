//! What a certificate is worth on a day.
//!
//! It begins with a pass and lives until its expiry; days of grace follow in which the holder still counts. A later pass extends it.
//! Everything is judged at the end of a day.

use crate::period::{Day, OPEN_END};

/// What a certificate is worth at the end of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Never passed by then.
    Missing,
    /// Unexpired; the first day on which it no longer is, [`OPEN_END`] for never.
    Valid {
        expires_on: Day,
    },
    /// Expired, and still counted as held.
    InGrace,
    Expired,
}

impl Standing {
    /// Unexpired, days of grace included.
    pub fn is_held(self) -> bool {
        matches!(self, Standing::Valid { .. } | Standing::InGrace)
    }

    /// Unexpired at the end of `day`, and no longer so `within` days later.
    pub fn expires_within(self, day: Day, within: Day) -> bool {
        matches!(self, Standing::Valid { expires_on } if expires_on <= day.saturating_add(within))
    }
}

/// One success that certifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pass {
    pub on: Day,
    /// First day on which it is no longer valid; [`OPEN_END`] for never.
    pub expires_on: Day,
    /// Days after that on which the holder still counts.
    pub grace_days: Day,
}

/// The passes of one person in one certification, as what they are worth over time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Certificate {
    /// Since `from` the certificate expires on the day given, and grace ends before `grace_until`. Ascending, each later.
    steps: Vec<Step>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    from: Day,
    expires_on: Day,
    grace_until: Day,
}

impl Certificate {
    /// Passes in any order. The latest expiry known by a day is the one that holds: renewing early takes nothing away.
    pub fn of(mut passes: Vec<Pass>) -> Certificate {
        passes.sort_unstable();
        let mut steps: Vec<Step> = Vec::new();
        for pass in passes {
            let before = steps.last().copied();
            let grace_until = pass.expires_on.saturating_add(pass.grace_days);
            let step = Step {
                from: pass.on,
                expires_on: before.map_or(pass.expires_on, |before| before.expires_on.max(pass.expires_on)),
                grace_until: before.map_or(grace_until, |before| before.grace_until.max(grace_until)),
            };
            match steps.last_mut() {
                Some(last) if last.from == step.from => *last = step,
                Some(last) if (last.expires_on, last.grace_until) == (step.expires_on, step.grace_until) => {}
                _ => steps.push(step),
            }
        }
        Certificate { steps }
    }

    /// The states it goes through, as (from, to, expires on, grace until).
    pub fn spans(&self) -> impl Iterator<Item = (Day, Day, Day, Day)> + '_ {
        self.steps.iter().enumerate().map(|(at, step)| {
            let until = self.steps.get(at + 1).map_or(OPEN_END, |next| next.from);
            (step.from, until, step.expires_on, step.grace_until)
        })
    }

    /// What it is worth at the end of `day`.
    pub fn on(&self, day: Day) -> Standing {
        let Some(step) = self.steps[..self.steps.partition_point(|step| step.from <= day)].last() else {
            return Standing::Missing;
        };
        if day < step.expires_on {
            Standing::Valid { expires_on: step.expires_on }
        } else if day < step.grace_until {
            Standing::InGrace
        } else {
            Standing::Expired
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(on: Day, expires_on: Day, grace_days: Day) -> Pass {
        Pass { on, expires_on, grace_days }
    }

    /// What it is worth on each of the days: - missing, V valid, G in grace, X expired.
    fn line(certificate: &Certificate, days: std::ops::Range<Day>) -> String {
        days.map(|day| match certificate.on(day) {
            Standing::Missing => '-',
            Standing::Valid { .. } => 'V',
            Standing::InGrace => 'G',
            Standing::Expired => 'X',
        })
        .collect()
    }

    #[test]
    fn a_pass_is_valid_until_its_expiry_then_in_grace_then_expired() {
        assert_eq!(line(&Certificate::of(vec![pass(2, 5, 2)]), 0..9), "--VVVGGXX");
        assert_eq!(line(&Certificate::of(vec![pass(2, 5, 0)]), 0..9), "--VVVXXXX");
        assert_eq!(line(&Certificate::of(vec![]), 0..3), "---");
    }

    #[test]
    fn recertification_extends_in_time_in_grace_and_after_a_gap() {
        assert_eq!(line(&Certificate::of(vec![pass(1, 4, 1), pass(3, 7, 1)]), 0..10), "-VVVVVVGXX");
        assert_eq!(line(&Certificate::of(vec![pass(1, 3, 2), pass(4, 7, 2)]), 0..10), "-VVGVVVGGX");
        assert_eq!(line(&Certificate::of(vec![pass(1, 3, 1), pass(6, 8, 1)]), 0..10), "-VVGXXVVGX");
    }

    #[test]
    fn renewing_early_takes_nothing_away_and_the_order_of_passes_does_not_matter() {
        // The renewal of day 2 would expire sooner than what is held.
        let passes = [pass(1, 8, 0), pass(2, 5, 1), pass(7, 9, 0)];
        let forwards = Certificate::of(passes.to_vec());
        let backwards = Certificate::of(passes.iter().rev().copied().collect());
        assert_eq!(line(&forwards, 0..10), "-VVVVVVVVX");
        assert_eq!(forwards, backwards);
    }

    #[test]
    fn what_never_expires_is_valid_for_ever_and_expires_within_no_time() {
        let certificate = Certificate::of(vec![pass(1, OPEN_END, 30)]);
        assert!(certificate.on(900_000).is_held());
        assert!(!certificate.on(1).expires_within(1, 90));
    }

    #[test]
    fn what_expires_within_thirty_days_is_still_valid_today() {
        let certificate = Certificate::of(vec![pass(0, 100, 10)]);
        let soon = |day: Day| certificate.on(day).expires_within(day, 30);
        assert_eq!([soon(69), soon(70), soon(99), soon(100)], [false, true, true, false]);
    }
}
