//! What is planted: which unit's head posts what from which week on, and what that does to the unit's experts.
//!
//! Three kinds of first post are compared with units whose head never posts any of them:
//! an AMA raises contributions, a playbook does nothing, and a micro-lesson does nothing either but goes to units
//! that are growing anyway, from well before the post.

use super::Options;
use super::calendar::{Calendar, season};
use super::org::{Kind as UnitKind, Org, UnitId};
use super::people::Person;
use super::rng::{Purpose, Stream};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Ama,
    Playbook,
    MicroLesson,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Ama, Kind::Playbook, Kind::MicroLesson];

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Ama => "ama",
            Kind::Playbook => "playbook",
            Kind::MicroLesson => "micro_lesson",
        }
    }

    /// What `truth.json` calls the planted truth.
    pub fn truth(self) -> &'static str {
        match self {
            Kind::Ama => "real",
            Kind::Playbook => "null",
            Kind::MicroLesson => "confounded_by_growth",
        }
    }

    /// Share of the teams whose head's first post is of this kind.
    fn share(self) -> f64 {
        match self {
            Kind::Ama => 0.25,
            Kind::Playbook => 0.21,
            Kind::MicroLesson => 0.345,
        }
    }

    /// Weeks between one post and the next.
    pub fn every(self) -> u32 {
        match self {
            Kind::Ama => 4,
            Kind::Playbook => 5,
            Kind::MicroLesson => 3,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Treatment {
    pub kind: Kind,
    /// The week of the first post.
    pub week: u32,
}

#[derive(Debug, Clone)]
pub struct UnitPlan {
    pub treatment: Option<Treatment>,
    /// Contributions per eligible person and plain week, before anything planted.
    pub rate: f64,
    /// Eligible people by week: each in the unit of their last eligible day.
    pub headcount: Vec<u32>,
}

#[derive(Debug, Clone)]
pub struct Plan {
    pub calendar: Calendar,
    /// By unit.
    pub units: Vec<UnitPlan>,
}

/// Contributions per 100 people and week in a unit of average eagerness.
const BASE_PER_100: f64 = 40.0;
/// Relative rise of contributions at full effect of an AMA.
pub const AMA_EFFECT: f64 = 1.25;
/// How the rise comes and goes, by weeks since the first post; the last one stays.
pub const AMA_SHAPE: [f64; 14] = [0.5, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.95, 0.9, 0.85, 0.8];
/// A growing unit doubles over this many weeks, and began `GROWTH_LEAD` weeks before its first post.
const GROWTH_WEEKS: f64 = 16.0;
const GROWTH_LEAD: f64 = 10.0;
/// Weeks that every treated unit is seen before its first post and after it.
pub const MARGIN_WEEKS: u32 = 10;

/// Expected contributions of one unit and week by authors below the leaders, without and with what was planted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expected {
    pub without: f64,
    pub with: f64,
}

impl Plan {
    pub fn expected(&self, unit: UnitId, week: u32) -> Expected {
        let plan = &self.units[unit];
        let people = plan.headcount.get(week as usize).copied().unwrap_or(0);
        // The turn of the year is quiet here too, though less so than in courses.
        let season = 1.0 - 0.35 * (1.0 - season(self.calendar.monday(week) + 2));
        let mut without = plan.rate * f64::from(people) * season;
        let mut with = without;
        if let Some(Treatment { kind, week: first }) = plan.treatment {
            let since = f64::from(week) - f64::from(first);
            match kind {
                Kind::Ama if since >= 0.0 => {
                    with *= 1.0 + AMA_EFFECT * AMA_SHAPE[(since as usize).min(AMA_SHAPE.len() - 1)];
                }
                Kind::MicroLesson => {
                    without *= 1.0 + ((since + GROWTH_LEAD) / GROWTH_WEEKS).clamp(0.0, 1.0);
                    with = without;
                }
                _ => {}
            }
        }
        Expected { without, with }
    }

    /// Units whose first post is of this kind, with its week.
    pub fn treated(&self, kind: Kind) -> impl Iterator<Item = (UnitId, u32)> {
        let treated = move |(unit, plan): (UnitId, &UnitPlan)| match plan.treatment {
            Some(treatment) if treatment.kind == kind => Some((unit, treatment.week)),
            _ => None,
        };
        self.units.iter().enumerate().filter_map(treated)
    }
}

pub fn build(options: &Options, calendar: Calendar, org: &Org, people: &[Person]) -> Plan {
    let mut headcount = vec![vec![0u32; calendar.weeks as usize]; org.units.len()];
    for person in people {
        for week in 0..calendar.weeks {
            if let Some(unit) = person.place(calendar.monday(week), calendar.monday(week + 1)) {
                headcount[unit][week as usize] += 1;
            }
        }
    }
    let mut stream = Stream::new(options.seed, Purpose::Plan, 0);
    let units = headcount
        .into_iter()
        .map(|headcount| {
            let rate = BASE_PER_100 / 100.0 * (0.88 + 0.24 * stream.unit());
            UnitPlan { treatment: None, rate, headcount }
        })
        .collect();
    let mut plan = Plan { calendar, units };
    treat(&mut plan, calendar, org, &mut stream);
    plan
}

/// Draws lots among the teams that stand unchanged from the first week to the last and are large enough to be shown.
fn treat(plan: &mut Plan, calendar: Calendar, org: &Org, stream: &mut Stream) {
    if calendar.weeks < 2 * MARGIN_WEEKS + 2 {
        return;
    }
    let steady = |(unit, of): &(UnitId, &super::org::Unit)| {
        of.kind == UnitKind::Team
            && of.exists(calendar.start)
            && of.exists(calendar.end())
            && of.heads.len() == 1
            && plan.units[*unit].headcount.iter().all(|&people| people >= 5)
    };
    let mut teams: Vec<UnitId> = org.leaves().filter(steady).map(|(unit, _)| unit).collect();
    for at in (1..teams.len()).rev() {
        teams.swap(at, stream.below(at as u32 + 1) as usize);
    }
    let mut rest = teams.as_slice();
    for (n, kind) in Kind::ALL.into_iter().enumerate() {
        let count = ((teams.len() as f64 * kind.share() + 0.5) as usize).min(rest.len());
        let (treated, others) = rest.split_at(count);
        rest = others;
        // Cohorts of three units and more, at most six of them, spread over the weeks that leave a margin on both sides.
        let cohorts = (count / 3).clamp(1, 6);
        let (first, last) = (MARGIN_WEEKS, calendar.weeks - MARGIN_WEEKS);
        for (index, &unit) in treated.iter().enumerate() {
            let cohort = index % cohorts;
            let at = f64::from(last - first) * (cohort as f64 + 0.5) / cohorts as f64;
            let mut week = (first + at as u32 + n as u32).min(last);
            // Nobody starts a series of posts between the years.
            while season(calendar.monday(week)) < 0.5 || season(calendar.monday(week + 1)) < 0.5 {
                week -= 1;
            }
            plan.units[unit].treatment = Some(Treatment { kind, week });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Company;

    #[test]
    fn only_an_ama_changes_what_is_expected_and_only_after_it() {
        let company = Company::build(&Options::new(300, 40, 5)).unwrap();
        let plan = &company.plan;
        for unit in 0..plan.units.len() {
            for week in 0..40 {
                let Expected { without, with } = plan.expected(unit, week);
                let after_ama = plan.units[unit].treatment.is_some_and(|t| t.kind == Kind::Ama && week >= t.week);
                assert_eq!(with > without * 1.4, after_ama && without > 0.0, "unit {unit}, week {week}");
                assert!(after_ama || with == without);
            }
        }
        for (unit, week) in plan.treated(Kind::MicroLesson) {
            let each =
                |week: u32| plan.expected(unit, week).with / f64::from(plan.units[unit].headcount[week as usize]);
            assert!(each(week - 1) > 1.2 * each(week - 10), "growth comes first in unit {unit}");
        }
    }

    #[test]
    fn every_kind_has_units_to_learn_from_and_units_to_compare_with() {
        for seed in 0..20 {
            let company = Company::build(&Options::new(300, 40, seed)).unwrap();
            let count = |kind| company.plan.treated(kind).count();
            let never = company.org.leaves().filter(|(_, unit)| unit.kind == UnitKind::Team).count()
                - Kind::ALL.into_iter().map(count).sum::<usize>();
            assert!(count(Kind::Ama) >= 5 && count(Kind::Playbook) >= 5, "seed {seed}");
            assert!(count(Kind::MicroLesson) + never >= 15 && never >= 7, "seed {seed}: {never} never treated");
            let weeks = Kind::ALL.into_iter().flat_map(|kind| company.plan.treated(kind).map(|(_, week)| week));
            assert!(weeks.into_iter().all(|week| (MARGIN_WEEKS - 2..=40 - MARGIN_WEEKS).contains(&week)));
        }
    }
}
