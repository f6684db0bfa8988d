//! Does it take new people less time to be competent where leaders post? Times with censoring, never a mean over those who arrived.
//!
//! Clock: from the hire date to the first milestone `competent`; leaving ends it, the as-of day cuts it off. A person counts as
//! exposed when a leader's post had reached the unit of their first week by the week of their hire; anybody else counts as not
//! exposed until their unit's first post, where their clock is cut. Only people hired within the weeks of the panel take part.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use super::grid::{Grid, number};
use crate::canon::columns::{Text, bools, dates};
use crate::canon::history::People;
use crate::canon::unit_leader::{Orgs, Places};
use crate::contract::arrow::DELETED;
use crate::period::{Calendar, Day, Grain};
use crate::stats::logrank::log_rank;
use crate::stats::spells::{LEFT, OPEN, REACHED, Spell};
use crate::stats::survival::{Curve, kaplan_meier};
use crate::stats::wilson::Z95;

/// One new person: what became of their clock, and on which side they stand.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Newcomer {
    is_exposed: bool,
    days: f64,
    event: u32,
}

/// New people of units that a post of a kind reached against those that none had reached.
#[derive(Debug, Clone, PartialEq)]
pub struct Onboarding {
    pub kind: Option<u8>,
    pub n_exposed: usize,
    pub n_other: usize,
    /// Restricted mean of the people not exposed, in days.
    pub baseline: Option<f64>,
    /// Exposed less not exposed, in days.
    pub difference: Option<f64>,
    pub se: Option<f64>,
    pub interval: Option<(f64, f64)>,
    /// Log-rank.
    pub p: Option<f64>,
    pub events: u64,
    /// Why no figure may be read as a finding.
    pub insufficient: Option<String>,
}

/// When each worker was hired, left and became competent, as the canon tables say.
pub struct Clocks {
    hired: BTreeMap<u32, Day>,
    left: BTreeMap<u32, Day>,
    competent: BTreeMap<u32, Day>,
}

impl Clocks {
    pub fn read(people: &People, workers: &[RecordBatch], milestones: &[RecordBatch]) -> Clocks {
        let mut clocks = Clocks { hired: BTreeMap::new(), left: BTreeMap::new(), competent: BTreeMap::new() };
        for batch in workers {
            let (worker, deleted) = (Text::of(batch, "worker_id"), bools(batch, DELETED));
            let (hired, left) = (dates(batch, "hire_date"), dates(batch, "termination_date"));
            for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true)) {
                let Some(code) = worker.get(row).and_then(|id| people.code(id)) else { continue };
                // Of a rehire the last employment counts.
                if let Some(day) = hired(row) {
                    let known = clocks.hired.entry(code).or_insert(day);
                    *known = day.max(*known);
                }
                if let Some(day) = left(row) {
                    let known = clocks.left.entry(code).or_insert(day);
                    *known = day.max(*known);
                }
            }
        }
        for batch in milestones {
            let (worker, kind, deleted) =
                (Text::of(batch, "worker_id"), Text::of(batch, "kind"), bools(batch, DELETED));
            let reached = dates(batch, "reached_on");
            let stands = |row: &usize| deleted(*row) != Some(true) && kind.get(*row) == Some("competent");
            for row in (0..batch.num_rows()).filter(stands) {
                let (Some(code), Some(day)) = (worker.get(row).and_then(|id| people.code(id)), reached(row)) else {
                    continue;
                };
                // A milestone of an earlier employment says nothing about this one.
                if clocks.hired.get(&code).is_some_and(|hired| day >= *hired) {
                    let known = clocks.competent.entry(code).or_insert(day);
                    *known = day.min(*known);
                }
            }
        }
        clocks
    }
}

/// Where new people stand.
pub struct Setting<'a> {
    pub grid: &'a Grid,
    pub orgs: &'a Orgs,
    pub places: &'a Places<'a>,
    pub calendar: &'a Calendar,
    /// The first day that had not begun.
    pub horizon: Day,
    /// Days that the restricted mean looks ahead.
    pub limit: f64,
}

/// The comparison for one kind of post; units that another kind reached first take no part.
pub fn onboarding(setting: &Setting<'_>, clocks: &Clocks, kind: Option<u8>) -> Onboarding {
    let grid = setting.grid;
    let asked: Vec<usize> = grid.asked(kind).filter(|unit| !grid.is_small[*unit]).collect();
    let mut newcomers: Vec<Newcomer> = Vec::new();
    for (&worker, &hired) in &clocks.hired {
        newcomers.extend(newcomer(setting, clocks, &asked, worker, hired));
    }
    let curve = |is_exposed: bool| -> (Vec<Spell>, Curve) {
        let spells: Vec<Spell> = newcomers
            .iter()
            .filter(|one| one.is_exposed == is_exposed)
            .filter_map(|one| Spell::new(0.0, one.days, one.event).ok())
            .collect();
        let curve = kaplan_meier(&spells, Z95);
        (spells, curve)
    };
    let ((exposed_spells, exposed), (other_spells, other)) = (curve(true), curve(false));
    let means = (exposed.restricted_mean(setting.limit), other.restricted_mean(setting.limit));
    let insufficient = match (exposed.insufficient(), other.insufficient(), &means) {
        (Some(why), ..) => Some(format!("{why} among the exposed")),
        (_, Some(why), _) => Some(format!("{why} among the others")),
        (None, None, (Some(_), Some(_))) => None,
        _ => Some(format!("not observed for {} days", setting.limit)),
    };
    let mut found = Onboarding {
        kind,
        n_exposed: exposed.people,
        n_other: other.people,
        baseline: None,
        difference: None,
        se: None,
        interval: None,
        p: None,
        events: exposed.events + other.events,
        insufficient,
    };
    if let (None, (Some(exposed), Some(other))) = (&found.insufficient, means) {
        let difference = exposed.minus(&other, Z95);
        found.baseline = Some(other.mean);
        found.difference = Some(difference.difference);
        found.se = Some(difference.se);
        found.interval = Some((difference.low, difference.high));
        found.p = log_rank(&[exposed_spells, other_spells]).map(|test| test.p);
    }
    found
}

fn newcomer(setting: &Setting<'_>, clocks: &Clocks, asked: &[usize], worker: u32, hired: Day) -> Option<Newcomer> {
    let grid = setting.grid;
    let week = setting.calendar.period(Grain::Week, hired);
    let at = grid.weeks.binary_search_by_key(&week.start, |week| week.start).ok()?;
    let stint = setting.places.of(worker, week)?;
    let org = setting.orgs.of_place(stint.place.org);
    let unit = grid.unit_of(org, at)?;
    asked.binary_search(&unit).ok()?;
    let first = grid.first[unit].map(|first| first.week);
    let is_exposed = first.is_some_and(|first| first <= number(week));
    // Week numbers count from the first Monday of 1970, which is day 4.
    let post = first.filter(|_| !is_exposed).and_then(|first| Day::try_from(first * 7 + 4).ok());
    let cut = post.unwrap_or(Day::MAX).min(setting.horizon);
    let left = clocks.left.get(&worker).copied().filter(|day| *day >= hired);
    let (end, event) = match (clocks.competent.get(&worker).copied(), left) {
        (Some(reached), left) if reached < cut && left.is_none_or(|left| reached <= left) => (reached, REACHED),
        (_, Some(left)) if left < cut => (left, LEFT),
        _ => (cut, OPEN),
    };
    (end >= hired).then(|| Newcomer { is_exposed, days: f64::from(end - hired), event })
}
