//! What happened before and after posts, and nothing more: every post counts, nobody is compared.

use super::acts::{Acts, Post};
use super::answers::{kinds, treatment_words};
use super::grid::Grid;
use crate::period::Day;
use crate::stats::verdict::Words;
use crate::stats::window::{self, Window};

/// Days before and after a post.
pub const HORIZONS: [Day; 5] = [1, 3, 7, 14, 30];

/// All posts of a kind over one horizon.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    pub kind: Option<u8>,
    pub days: Day,
    pub posts: usize,
    pub leaders: usize,
    /// Contributions by people below the leaders in the units reached, and the person-days in which they were made.
    pub before: i64,
    pub exposure_before: f64,
    pub after: i64,
    pub exposure_after: f64,
}

impl Tally {
    pub fn window(&self) -> Option<Window> {
        let words = Words { outcome: "contributions of experts", treatment: treatment_words(self.kind) };
        window::window(self.before, self.exposure_before, self.after, self.exposure_after, words)
    }
}

/// Tallies of every kind and horizon. The day of a post belongs to the days after it. Posts whose windows the data cut off are left
/// out whole, and so are units below the smallest group.
pub fn tallies(grid: &Grid, acts: &Acts) -> Vec<Tally> {
    let (Some(first), Some(last)) = (grid.weeks.first(), grid.weeks.last()) else { return Vec::new() };
    let reach_of = |post: &Post| {
        let week = usize::try_from((post.day - first.start).div_euclid(7)).ok()?;
        let at = grid.reaches.binary_search_by_key(&(week, post.leader), |reach| (reach.week, reach.leader)).ok()?;
        Some(&grid.reaches[at])
    };
    let mut tallies = Vec::new();
    for kind in kinds() {
        for days in HORIZONS {
            let mut tally = Tally {
                kind,
                days,
                posts: 0,
                leaders: 0,
                before: 0,
                exposure_before: 0.0,
                after: 0,
                exposure_after: 0.0,
            };
            let mut leaders = Vec::new();
            let is_inside = |post: &&Post| {
                kind.is_none_or(|kind| kind == post.kind)
                    && first.start <= post.day - days
                    && post.day + days <= last.end
            };
            for post in acts.posts.iter().filter(is_inside) {
                let Some(reach) = reach_of(post) else { continue };
                let mut reached =
                    grid.reached_by(reach).iter().filter(|unit| !grid.is_small[**unit as usize]).peekable();
                if reached.peek().is_none() {
                    continue;
                }
                tally.posts += 1;
                leaders.push(post.leader);
                for &unit in reached {
                    let (count, exposure) = during(grid, unit, post.day - days, post.day);
                    tally.before += count;
                    tally.exposure_before += exposure;
                    let (count, exposure) = during(grid, unit, post.day, post.day + days);
                    tally.after += count;
                    tally.exposure_after += exposure;
                }
            }
            leaders.sort_unstable();
            leaders.dedup();
            tally.leaders = leaders.len();
            tallies.push(tally);
        }
    }
    tallies
}

/// Contributions and person-days of a unit in `[from, to)`, days inside the grid.
fn during(grid: &Grid, unit: u32, from: Day, to: Day) -> (i64, f64) {
    let until = |day: Day| grid.days.partition_point(|known| *known < (unit, day));
    let start = grid.weeks.first().map_or(0, |week| week.start);
    let mut exposure = 0.0;
    let mut day = from;
    while day < to {
        let week = ((day - start) / 7).max(0) as usize;
        let next = (start + 7 * (week as Day + 1)).min(to);
        let people = grid.headcount.get(unit as usize * grid.weeks.len() + week).copied().unwrap_or(f64::NAN);
        if !people.is_nan() {
            exposure += people * f64::from(next - day);
        }
        day = next;
    }
    ((until(to) - until(from)) as i64, exposure)
}

/// Whether a tally is over at least k leaders, and none that is not could be had by taking kinds from all of them.
pub fn is_shown(tally: &Tally, all: &[Tally], k: i64) -> bool {
    let enough = |tally: &Tally| tally.leaders as i64 >= k;
    let hidden: i64 = all
        .iter()
        .filter(|other| other.days == tally.days && other.kind.is_some() && !enough(other))
        .map(|other| other.leaders as i64)
        .sum();
    enough(tally) && (tally.kind.is_some() || hidden == 0 || hidden >= k)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(kind: Option<u8>, leaders: usize) -> Tally {
        let (exposure_before, exposure_after) = (70.0, 70.0);
        Tally { kind, days: 7, posts: leaders, leaders, before: 4, exposure_before, after: 28, exposure_after }
    }

    #[test]
    fn four_before_and_twenty_eight_after_are_seven_times_as_many_and_no_comparison() {
        let window = tally(None, 6).window().unwrap();
        assert_eq!(window.ratio, Some(7.0));
        assert!((window.low - 2.45).abs() < 0.005 && (window.high.unwrap() - 27.5).abs() < 0.05);
        assert_eq!(window.judgement.verdict.as_str(), "no_control_group");
    }

    #[test]
    fn few_leaders_are_shown_neither_alone_nor_by_difference() {
        let all = [tally(None, 9), tally(Some(0), 6), tally(Some(1), 3)];
        let shown: Vec<bool> = all.iter().map(|one| is_shown(one, &all, 5)).collect();
        assert_eq!(shown, [false, true, false]);
    }
}
