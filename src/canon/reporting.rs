//! Reporting lines as of a period: who stands under a manager, and who above.

use super::hierarchy::managers;
use super::history::{NONE, People};
use crate::period::Period;

/// Managers and reports by worker code, from the places of one period. A cycle is cut at its smallest worker.
pub struct Lines {
    manager: Vec<usize>,
    /// Reports of worker w are `reports[first[w]..first[w + 1]]`, ascending.
    first: Vec<usize>,
    reports: Vec<u32>,
    is_placed: Vec<bool>,
}

impl Lines {
    pub fn of(people: &People, period: Period) -> Lines {
        let count = people.workers.len();
        let mut manager_of = vec![NONE; count];
        let mut is_placed = vec![false; count];
        for stint in people.places(period) {
            manager_of[stint.worker as usize] = stint.place.manager;
            is_placed[stint.worker as usize] = true;
        }
        let (manager, _) = managers(&manager_of);
        let mut first = vec![0; count + 1];
        for &up in manager.iter().filter(|up| **up < count) {
            first[up + 1] += 1;
        }
        for worker in 0..count {
            first[worker + 1] += first[worker];
        }
        let mut next = first.clone();
        let mut reports = vec![0; first[count]];
        for (worker, &up) in manager.iter().enumerate().filter(|(_, up)| **up < count) {
            reports[next[up]] = worker as u32;
            next[up] += 1;
        }
        Lines { manager, first, reports, is_placed }
    }

    /// The eligible people of a manager's reporting subtree, the manager included where eligible; ascending.
    pub fn subtree(&self, manager: u32) -> Vec<u32> {
        let mut people = vec![manager];
        let mut next = 0;
        while let Some(&worker) = people.get(next) {
            next += 1;
            let worker = worker as usize;
            people.extend_from_slice(&self.reports[self.first[worker]..self.first[worker + 1]]);
        }
        people.retain(|worker| self.is_placed[*worker as usize]);
        people.sort_unstable();
        people
    }

    /// Everybody above a worker, the nearest first.
    pub fn above(&self, worker: u32) -> Vec<u32> {
        let mut above = Vec::new();
        let mut at = worker as usize;
        while let Some(&up) = self.manager.get(at).filter(|up| **up < self.manager.len()) {
            above.push(up as u32);
            at = up;
        }
        above
    }

    pub fn is_placed(&self, worker: u32) -> bool {
        self.is_placed.get(worker as usize).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::history::{Place, Stint};
    use crate::period::{Grain, OPEN_END};

    /// Worker codes with their managers; `to` ends the stint.
    fn people(of: &[(u32, i32)]) -> People {
        let place = |manager| Place { org: NONE, band: NONE, location: NONE, function: NONE, manager };
        People {
            workers: (0..of.len()).map(|worker| format!("w{worker}")).collect(),
            stints: of
                .iter()
                .enumerate()
                .map(|(worker, (manager, to))| Stint {
                    worker: worker as u32,
                    from: 0,
                    to: *to,
                    place: place(*manager),
                })
                .collect(),
            ..People::default()
        }
    }

    const DAY: Period = Period { grain: Grain::Day, start: 10, end: 11 };

    #[test]
    fn a_subtree_holds_reports_of_reports_and_the_manager() {
        // 0 over 1 and 2; 1 over 3; 4 left on day 5; 5 stands alone.
        let lines = Lines::of(
            &people(&[(NONE, OPEN_END), (0, OPEN_END), (0, OPEN_END), (1, OPEN_END), (1, 5), (NONE, OPEN_END)]),
            DAY,
        );
        assert_eq!((lines.subtree(0), lines.subtree(1), lines.subtree(5)), (vec![0, 1, 2, 3], vec![1, 3], vec![5]));
        assert_eq!((lines.above(3), lines.above(0), lines.above(5)), (vec![1, 0], vec![], vec![]));
        assert!(lines.is_placed(3) && !lines.is_placed(4));
    }

    #[test]
    fn a_manager_who_is_not_eligible_leads_without_being_counted() {
        let lines = Lines::of(&people(&[(NONE, OPEN_END), (0, 5), (1, OPEN_END)]), DAY);
        assert_eq!((lines.subtree(1), lines.subtree(0)), (vec![2], vec![0]));
    }

    #[test]
    fn a_cycle_of_managers_is_cut_at_the_smallest_worker() {
        let lines = Lines::of(&people(&[(2, OPEN_END), (0, OPEN_END), (1, OPEN_END)]), DAY);
        assert_eq!((lines.subtree(0), lines.subtree(2)), (vec![0, 1, 2], vec![2]));
    }
}
