//! Units by weeks: how many people, how much of each outcome, and which weeks a leader's post reached.
//!
//! Everything is as of the week: who was where, who stood above whom, whether the unit existed. A week in which a unit has nobody
//! is absent; a week in which nobody did anything is a zero.

use std::collections::BTreeMap;
use std::ops::Range;

use super::acts::{Acts, KINDS, Post};
use crate::canon::hierarchy::Units;
use crate::canon::history::{NONE, People};
use crate::canon::unit_leader::{self, Orgs, Places, Structure};
use crate::period::{Day, Period};
use crate::stats::panel::Panel;

/// Outcomes per unit and week, each over people below the leaders and per 100 people of the unit.
pub const OUTCOMES: [&str; 4] =
    ["sme_contributions_per_100", "sme_contributors_per_100", "completions_per_100", "active_learners_per_100"];
const CONTRIBUTIONS: usize = 0;
const CONTRIBUTORS: usize = 1;
const COMPLETIONS: usize = 2;
const ACTIVE: usize = 3;

/// A post that reaches a larger share of the units compares nobody.
const COMPANY_WIDE: f64 = 0.9;

/// What one org unit's own people did in a week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrgWeek {
    pub week: Day,
    /// Code among [`Orgs`].
    pub org: u32,
    /// Everybody who counts there.
    pub headcount: i64,
    /// Of people below the leaders.
    pub active_learners: i64,
    pub completions: i64,
}

/// The first week in which a post that is not company-wide reached a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct First {
    pub week: i64,
    pub kind: u8,
    pub leader: u32,
}

/// The units that a leader's posts of one week reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    pub week: usize,
    pub leader: u32,
    pub is_company_wide: bool,
    units: Range<usize>,
}

/// What a grid is built from beside the acts.
pub struct Company<'a> {
    pub people: &'a People,
    pub units: &'a Units,
    pub orgs: &'a Orgs,
    pub places: &'a Places<'a>,
    /// Depth of the units in the org tree; the top has depth 1.
    pub level: i64,
    /// Units with fewer people in any week are left out.
    pub smallest_group: i64,
    /// Whole weeks, ascending, one after the other.
    pub weeks: Vec<Period>,
}

/// Matrices are row-major, units × weeks.
pub struct Grid {
    /// Codes among [`Orgs`], ascending.
    pub units: Vec<u32>,
    pub weeks: Vec<Period>,
    /// NaN where the unit does not exist.
    pub headcount: Vec<f64>,
    pub counts: [Vec<f64>; OUTCOMES.len()],
    /// A bit for each kind of post, company-wide ones left out.
    pub reached: Vec<u8>,
    pub first: Vec<Option<First>>,
    /// Worker code of the leader whose post came first, else of the unit's own last head.
    pub cluster: Vec<u32>,
    /// Fewer people than the smallest group in some week.
    pub is_small: Vec<bool>,
    pub reaches: Vec<Reach>,
    reached_units: Vec<u32>,
    /// (unit, day) of every contribution that counts, ascending.
    pub days: Vec<(u32, Day)>,
    structures: Vec<Structure>,
    /// Which structure holds in each week.
    of_week: Vec<usize>,
}

/// The number by which panels know a week; weeks that follow each other have numbers that do.
pub fn number(week: Period) -> i64 {
    i64::from(week.start.div_euclid(7))
}

impl Grid {
    pub fn build(company: &Company<'_>, rows: &[OrgWeek], acts: &Acts) -> Grid {
        let weeks = company.weeks.clone();
        let (structures, of_week) = company.orgs.structures(company.units, company.people, &weeks, company.level);
        let start = weeks.first().map_or(0, |week| week.start);
        let week_of = |day: Day| usize::try_from((day - start).div_euclid(7)).ok().filter(|at| *at < weeks.len());
        let unit_of = |org: u32, week: usize| {
            let structure = structures.get(*of_week.get(week)?)?;
            structure.unit_of.get(org as usize).copied().filter(|unit| *unit != NONE)
        };

        let placed: Vec<(u32, usize, &OrgWeek)> = rows
            .iter()
            .filter(|row| row.headcount > 0)
            .filter_map(|row| {
                let week = week_of(row.week)?;
                Some((unit_of(row.org, week)?, week, row))
            })
            .collect();
        let mut units: Vec<u32> = placed.iter().map(|(unit, ..)| *unit).collect();
        units.sort_unstable();
        units.dedup();
        let index = |unit: u32| units.binary_search(&unit).ok();
        let cells = units.len() * weeks.len();
        let mut grid = Grid {
            headcount: vec![f64::NAN; cells],
            counts: std::array::from_fn(|_| vec![0.0; cells]),
            reached: vec![0; cells],
            first: vec![None; units.len()],
            cluster: vec![NONE; units.len()],
            is_small: vec![false; units.len()],
            reaches: Vec::new(),
            reached_units: Vec::new(),
            days: Vec::new(),
            units: Vec::new(),
            weeks: Vec::new(),
            structures: Vec::new(),
            of_week: Vec::new(),
        };
        for (unit, week, row) in placed {
            let Some(unit) = index(unit) else { continue };
            let cell = unit * weeks.len() + week;
            let people = &mut grid.headcount[cell];
            *people = if people.is_nan() { 0.0 } else { *people } + row.headcount as f64;
            grid.counts[ACTIVE][cell] += row.active_learners as f64;
            grid.counts[COMPLETIONS][cell] += row.completions as f64;
        }

        // Who contributed where: one place a person and week.
        let mut made: Vec<(usize, u32)> = Vec::new();
        for act in &acts.contributions {
            let unit = week_of(act.day).and_then(|week| {
                let stint = company.places.of(act.author, weeks[week])?;
                let unit = index(unit_of(company.orgs.of_place(stint.place.org), week)?)?;
                Some((unit, unit * weeks.len() + week))
            });
            if let Some((unit, cell)) = unit {
                grid.counts[CONTRIBUTIONS][cell] += 1.0;
                grid.days.push((unit as u32, act.day));
                made.push((cell, act.author));
            }
        }
        made.sort_unstable();
        made.dedup();
        made.iter().for_each(|(cell, _)| grid.counts[CONTRIBUTORS][*cell] += 1.0);
        grid.days.sort_unstable();

        // Posts by week and leader; those before the first week reach whom they would have reached in it.
        let mut posted: BTreeMap<(usize, bool, u32), Vec<&Post>> = BTreeMap::new();
        for post in &acts.posts {
            let is_early = post.day < start;
            if let Some(week) = if is_early && !weeks.is_empty() { Some(0) } else { week_of(post.day) } {
                posted.entry((week, !is_early, post.leader)).or_default().push(post);
            }
        }
        let last_seen: Vec<Option<usize>> = (0..units.len())
            .map(|unit| (0..weeks.len()).rev().find(|week| !grid.headcount[unit * weeks.len() + week].is_nan()))
            .collect();
        let mut found = Vec::new();
        // By worker: posted before the first week, or in the week at hand.
        const EARLY: u8 = 1;
        const IN_TIME: u8 = 2;
        let mut has_posted = vec![0u8; company.people.workers.len()];
        for week in 0..weeks.len() {
            let by_leader: BTreeMap<(bool, u32), &Vec<&Post>> = posted
                .range((week, false, 0)..=(week, true, u32::MAX))
                .map(|((_, in_time, leader), posts)| ((*in_time, *leader), posts))
                .collect();
            if by_leader.is_empty() && !last_seen.contains(&Some(week)) {
                continue;
            }
            for (in_time, leader) in by_leader.keys() {
                has_posted[*leader as usize] |= if *in_time { IN_TIME } else { EARLY };
            }
            let structure = &structures[of_week[week]];
            let heads = unit_leader::heads(structure, company.orgs, company.people, weeks[week]);
            let mut reached: BTreeMap<(bool, u32), Vec<u32>> = BTreeMap::new();
            let mut existing = 0;
            for (at, &unit) in units.iter().enumerate() {
                if grid.headcount[at * weeks.len() + week].is_nan() {
                    continue;
                }
                existing += 1;
                if last_seen[at] == Some(week) && grid.first[at].is_none() {
                    grid.cluster[at] = heads.get(unit as usize).copied().unwrap_or(NONE);
                }
                if by_leader.is_empty() {
                    continue;
                }
                unit_leader::above(unit, structure, &heads, company.places, weeks[week], &mut found);
                for &leader in &found {
                    for (flag, in_time) in [(EARLY, false), (IN_TIME, true)] {
                        if has_posted[leader as usize] & flag != 0 {
                            reached.entry((in_time, leader)).or_default().push(at as u32);
                        }
                    }
                }
            }
            by_leader.keys().for_each(|(_, leader)| has_posted[*leader as usize] = 0);
            // The first post of the week wins a unit: in order of time over all its leaders.
            let mut order: Vec<(&Post, bool, &[u32])> = Vec::new();
            for ((in_time, leader), of) in &reached {
                let is_company_wide = of.len() as f64 > COMPANY_WIDE * f64::from(existing);
                let from = grid.reached_units.len();
                grid.reached_units.extend(of);
                let units = from..grid.reached_units.len();
                if *in_time {
                    grid.reaches.push(Reach { week, leader: *leader, is_company_wide, units });
                }
                if !is_company_wide {
                    let posts = by_leader[&(*in_time, *leader)];
                    order.extend(posts.iter().map(|post| (*post, *in_time, of.as_slice())));
                }
            }
            order.sort_by_key(|(post, in_time, _)| (*in_time, post.at, post.kind, post.leader));
            for (post, in_time, of) in order {
                let number = if in_time { number(weeks[week]) } else { number(weeks[week]) - 1 };
                for &unit in of {
                    let unit = unit as usize;
                    if in_time {
                        grid.reached[unit * weeks.len() + week] |= 1 << post.kind;
                    }
                    if grid.first[unit].is_none() {
                        grid.first[unit] = Some(First { week: number, kind: post.kind, leader: post.leader });
                        grid.cluster[unit] = post.leader;
                    }
                }
            }
        }
        for unit in 0..units.len() {
            let people = &grid.headcount[unit * weeks.len()..(unit + 1) * weeks.len()];
            grid.is_small[unit] = people.iter().any(|people| *people < company.smallest_group as f64);
        }
        (grid.units, grid.weeks) = (units, weeks);
        (grid.structures, grid.of_week) = (structures, of_week);
        grid
    }

    /// The position of the unit that an org unit's people belong to in a week.
    pub fn unit_of(&self, org: u32, week: usize) -> Option<usize> {
        let structure = self.structures.get(*self.of_week.get(week)?)?;
        let unit = structure.unit_of.get(org as usize).filter(|unit| **unit != NONE)?;
        self.units.binary_search(unit).ok()
    }

    /// The units, as positions in [`Grid::units`], that a leader's posts of one week reach.
    pub fn reached_by(&self, reach: &Reach) -> &[u32] {
        &self.reached_units[reach.units.clone()]
    }

    /// Positions of the units that a question about one kind of post compares, small ones included: those never reached and those
    /// that a post of this kind reached first. `None` asks about any kind.
    pub fn asked(&self, kind: Option<u8>) -> impl Iterator<Item = usize> + '_ {
        let is_asked = move |unit: &usize| match (kind, self.first[*unit]) {
            (Some(kind), Some(first)) => first.kind == kind,
            _ => true,
        };
        (0..self.units.len()).filter(is_asked)
    }

    /// Leaders whose posts of a kind made units treated inside the weeks, with a week before.
    pub fn leaders(&self, kind: Option<u8>) -> usize {
        let bounds = self.weeks.first().zip(self.weeks.last()).map(|(first, last)| (number(*first), number(*last)));
        let Some((start, end)) = bounds else { return 0 };
        let mut leaders: Vec<u32> = self
            .asked(kind)
            .filter(|unit| !self.is_small[*unit])
            .filter_map(|unit| self.first[unit].filter(|first| start < first.week && first.week <= end))
            .map(|first| first.leader)
            .collect();
        leaders.sort_unstable();
        leaders.dedup();
        leaders.len()
    }

    /// The panel of one question, and which of its unit-weeks posts of the kind reached.
    pub fn panel(&self, kind: Option<u8>, outcome: usize, names: &[String]) -> (Panel, Vec<bool>) {
        let width = self.weeks.len();
        let kept: Vec<usize> = self.asked(kind).filter(|unit| !self.is_small[*unit]).collect();
        let dropped_small = self.asked(kind).filter(|unit| self.is_small[*unit]).count();
        let seen: Vec<usize> =
            (0..width).filter(|week| kept.iter().any(|unit| !self.headcount[unit * width + week].is_nan())).collect();
        let matrix = |value: &dyn Fn(usize) -> f64| -> Vec<f64> {
            kept.iter().flat_map(|unit| seen.iter().map(move |week| unit * width + week)).map(value).collect()
        };
        let count = &self.counts[outcome];
        let events = |cell: usize| if self.headcount[cell].is_nan() { f64::NAN } else { count[cell] };
        let wanted = kind.map_or(u8::MAX, |kind| 1 << kind);
        let posts = kept
            .iter()
            .flat_map(|unit| seen.iter().map(move |week| unit * width + week))
            .map(|cell| self.reached[cell] & wanted != 0)
            .collect();
        let panel = Panel {
            units: kept.iter().map(|unit| names.get(self.units[*unit] as usize).cloned().unwrap_or_default()).collect(),
            weeks: seen.iter().map(|week| number(self.weeks[*week])).collect(),
            first: kept.iter().map(|unit| self.first[*unit].map(|first| first.week)).collect(),
            cluster: self.ranks(&kept),
            outcome: matrix(&|cell| 100.0 * events(cell) / self.headcount[cell]),
            weight: None,
            headcount: Some(matrix(&|cell| self.headcount[cell])),
            events: Some(matrix(&events)),
            rejected_rows: 0,
            dropped_small,
        };
        (panel, posts)
    }

    /// Clusters numbered in order of their leaders' ids; a unit without a head is a cluster of its own.
    fn ranks(&self, kept: &[usize]) -> Vec<u32> {
        let label = |unit: usize| match self.cluster[unit] {
            NONE => (true, self.units[unit]),
            leader => (false, leader),
        };
        let mut rank: BTreeMap<(bool, u32), u32> = kept.iter().map(|unit| (label(*unit), 0)).collect();
        for (at, rank) in rank.values_mut().enumerate() {
            *rank = at as u32;
        }
        kept.iter().map(|unit| rank[&label(*unit)]).collect()
    }
}

/// The name of a kind in tables: `any` for all of them.
pub fn kind_name(kind: Option<u8>) -> &'static str {
    kind.and_then(|kind| KINDS.get(kind as usize)).copied().unwrap_or("any")
}
