//! What is behind an estimate: units, weeks and counts. Units are named only where they have enough people in every week and enough
//! leaders posted; no person ever is.

use super::answers::{kinds, shown};
use super::grid::{Grid, OUTCOMES, kind_name};
use super::{Prepared, prepare};
use crate::mart::derived::Reads;
use crate::period::{Day, Period};

/// The counts behind the estimates of one outcome and kind of post.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    /// Mondays of the first and last week.
    pub weeks: Option<(Day, Day)>,
    pub n_weeks: usize,
    /// Ids of units that posts of the kind reached first inside the weeks, and of those they are compared with.
    pub treated: Vec<String>,
    pub controls: Vec<String>,
    /// Monday of the first post, and how many units it reached first.
    pub cohorts: Vec<(Day, usize)>,
    /// Units left out: reached before or in the first week, too small, reached first by another kind.
    pub always_treated: usize,
    pub too_small: usize,
    pub other_kind: Option<usize>,
    /// Counts and person-weeks of the treated by weeks since the post, over -8 to 12, and of the controls over all their weeks.
    pub by_week: Vec<ByWeek>,
    pub control_events: f64,
    pub control_person_weeks: f64,
    /// Leaders whose posts made the units treated.
    pub leaders: usize,
    /// Set where fewer leaders than may be shown are behind the figures: nothing else is said then.
    pub is_withheld: bool,
}

/// What the treated did some weeks before or after the first post.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ByWeek {
    pub e: i64,
    pub units: usize,
    pub events: f64,
    pub person_weeks: f64,
}

/// The evidence behind a row of `leader_post_effects` or `leader_post_event_study`, by its outcome and kind; `None` where no row has them.
pub fn evidence(facts: &Reads<'_>, outcome: &str, kind: &str) -> Option<Evidence> {
    let outcome = OUTCOMES.iter().position(|known| *known == outcome)?;
    let kind = kinds().find(|known| kind_name(*known) == kind)?;
    let Prepared { orgs, grid, .. } = prepare(facts);
    let k = facts.job.policy.smallest_group;
    let leaders = kinds().map(|kind| (kind, grid.leaders(kind) as i64)).collect();
    let is_shown = shown(&leaders, k);
    let mut found = of_grid(&grid, &orgs.ids, kind, outcome);
    if is_shown.get(&None) != Some(&true) {
        found.other_kind = None;
    }
    if is_shown.get(&kind) != Some(&true) {
        found = Evidence { weeks: found.weeks, n_weeks: found.n_weeks, is_withheld: true, ..Evidence::default() };
    }
    Some(found)
}

fn of_grid(grid: &Grid, names: &[String], kind: Option<u8>, outcome: usize) -> Evidence {
    let (panel, _) = grid.panel(kind, outcome, names);
    let (Some(&first), Some(&last)) = (panel.weeks.first(), panel.weeks.last()) else { return Evidence::default() };
    let monday =
        |number: i64| grid.weeks.iter().find(|week| super::number(**week) == number).map(|week: &Period| week.start);
    let mut found = Evidence {
        weeks: monday(first).zip(monday(last)),
        n_weeks: panel.weeks.len(),
        too_small: panel.dropped_small,
        other_kind: Some(grid.units.len() - grid.asked(kind).count()),
        ..Evidence::default()
    };
    let mut by_week: Vec<ByWeek> = (-8..=12).map(|e| ByWeek { e, units: 0, events: 0.0, person_weeks: 0.0 }).collect();
    for unit in 0..panel.units.len() {
        let cells = unit * panel.weeks.len()..(unit + 1) * panel.weeks.len();
        let of =
            |matrix: &Option<Vec<f64>>| matrix.as_ref().map_or(Vec::new(), |matrix| matrix[cells.clone()].to_vec());
        let (events, people) = (of(&panel.events), of(&panel.headcount));
        let seen = panel.weeks.iter().zip(events).zip(people).filter(|(_, people)| !people.is_nan());
        match panel.first[unit] {
            Some(g) if g <= first => found.always_treated += 1,
            Some(g) if g <= last => {
                found.treated.push(panel.units[unit].clone());
                if let Some(week) = monday(g) {
                    match found.cohorts.iter_mut().find(|(known, _)| *known == week) {
                        Some((_, units)) => *units += 1,
                        None => found.cohorts.push((week, 1)),
                    }
                }
                for ((week, events), people) in seen {
                    if let Some(row) = by_week.iter_mut().find(|row| row.e == week - g) {
                        row.units += 1;
                        row.events += events;
                        row.person_weeks += people;
                    }
                }
            }
            _ => {
                found.controls.push(panel.units[unit].clone());
                for ((_, events), people) in seen {
                    found.control_events += events;
                    found.control_person_weeks += people;
                }
            }
        }
    }
    found.leaders = grid.leaders(kind);
    found.cohorts.sort_unstable();
    found.by_week = by_week.into_iter().filter(|row| row.units > 0).collect();
    found
}
