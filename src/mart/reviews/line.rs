//! Reporting lines as of a day: for eligibility and for signals alike.

use crate::canon::history::{NONE, People, Stint};
use crate::period::Day;

/// The stints of all people, found by worker.
pub struct Lines<'a> {
    people: &'a People,
    /// Where each worker's stints begin; one more than there are workers.
    first: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub fn of(people: &'a People) -> Lines<'a> {
        let first = (0..=people.workers.len())
            .map(|code| people.stints.partition_point(|stint| (stint.worker as usize) < code))
            .collect();
        Lines { people, first }
    }

    fn stints(&self, worker: u32) -> &'a [Stint] {
        let at = worker as usize;
        match (self.first.get(at), self.first.get(at + 1)) {
            (Some(from), Some(to)) => &self.people.stints[*from..*to],
            _ => &[],
        }
    }

    /// Whether the worker is eligible on the day: at work, of a counted type, tenure served.
    pub fn is_eligible(&self, worker: u32, day: Day) -> bool {
        self.stints(worker).iter().any(|stint| (stint.from..stint.to).contains(&day))
    }

    /// Where the worker stands on a day; on days off where they stood before, else where they will.
    pub fn stint(&self, worker: u32, day: Day) -> Option<&'a Stint> {
        let stints = self.stints(worker);
        stints.iter().rfind(|stint| stint.from <= day).or(stints.first())
    }

    /// The managers above a worker, nearest first; ends where the chain does or comes back to itself.
    pub fn above(&self, worker: u32, day: Day) -> Vec<u32> {
        let mut chain: Vec<u32> = Vec::new();
        let mut at = worker;
        while let Some(manager) = self.stint(at, day).map(|stint| stint.place.manager) {
            if manager == NONE || manager == worker || chain.contains(&manager) {
                break;
            }
            chain.push(manager);
            at = manager;
        }
        chain
    }

    /// Whether `manager` stands at most `levels` above the worker.
    pub fn reports_to(&self, worker: u32, manager: u32, levels: usize, day: Day) -> bool {
        self.above(worker, day).iter().take(levels).any(|above| *above == manager)
    }

    /// Whether one of two stands at most `levels` above the other.
    pub fn is_near(&self, one: u32, other: u32, levels: usize, day: Day) -> bool {
        self.reports_to(one, other, levels, day) || self.reports_to(other, one, levels, day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::history::{Interner, Place};

    /// Managers by worker code from day 0 on; `None` at the top.
    fn people(managers: &[Option<u32>]) -> People {
        let mut labels = Interner::default();
        let org = labels.code(Some("A"));
        let stint = |(code, manager): (usize, &Option<u32>)| Stint {
            worker: code as u32,
            from: 0,
            to: 100,
            place: Place { org, band: NONE, location: NONE, function: NONE, manager: manager.unwrap_or(NONE) },
        };
        People {
            workers: (0..managers.len()).map(|code| format!("w{code}")).collect(),
            stints: managers.iter().enumerate().map(stint).collect(),
            labels,
            ..People::default()
        }
    }

    #[test]
    fn two_levels_up_and_down_are_near_the_third_and_colleagues_are_not() {
        // 3 reports to 2, 2 to 1, 1 to 0; 4 is a colleague of 3.
        let people = people(&[None, Some(0), Some(1), Some(2), Some(2)]);
        let lines = Lines::of(&people);
        assert_eq!(lines.above(3, 5), [2, 1, 0]);
        let near = |one, other| lines.is_near(one, other, 2, 5);
        assert_eq!([near(3, 2), near(3, 1), near(3, 0), near(3, 4)], [true, true, false, false]);
        assert_eq!([near(2, 3), near(1, 3), near(0, 3)], [true, true, false], "down counts like up");
    }

    #[test]
    fn a_circle_of_managers_ends() {
        let people = people(&[Some(1), Some(2), Some(1)]);
        assert_eq!(Lines::of(&people).above(0, 5), [1, 2]);
        assert_eq!(Lines::of(&people).above(1, 5), [2]);
    }

    #[test]
    fn the_line_is_that_of_the_day_and_no_older_one() {
        let mut people = people(&[None, None, Some(0)]);
        let mut later = people.stints[2];
        people.stints[2].to = 50;
        (later.from, later.place.manager) = (50, 1);
        people.stints.push(later);
        let lines = Lines::of(&people);
        assert_eq!([lines.above(2, 49), lines.above(2, 50)], [vec![0], vec![1]]);
    }

    #[test]
    fn on_a_day_off_the_line_is_that_of_the_last_day_at_work() {
        let people = people(&[None, Some(0)]);
        let lines = Lines::of(&people);
        assert_eq!((lines.above(1, 150), lines.is_eligible(1, 150), lines.is_eligible(1, 99)), (vec![0], false, true));
        assert_eq!(lines.above(7, 5), [0u32; 0], "nobody HRIS knows has no line");
    }
}
