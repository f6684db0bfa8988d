//! When leaders post, do the experts below them contribute more? Estimates with their checks and a verdict, for the whole company.
//!
//! [`acts`] reads who posted and who contributed, [`grid`] puts both on units and weeks as of each week, [`answers`] asks the
//! estimators, [`windows`] and [`onboarding`] add what is described and not compared, [`lines`] writes rows.
//!
//! All figures are of the whole company, over the posts of at least `smallest_group` leaders; a kind of post that fewer leaders
//! used says so and nothing else. Nobody's plan lowers that bar.

mod acts;
mod answers;
mod evidence;
mod grid;
mod lines;
mod onboarding;
mod windows;

use crate::canon::columns::{Text, dates, ints};
use crate::canon::unit_leader::{Orgs, Places};
use crate::guard::Tally;
use crate::mart::derived::{Derived, Output, Protection, Reads};
use crate::mart::error::MartError;
use crate::period::{Grain, Period};
use crate::stats::effects::Effects;

pub use acts::{Acts, Contribution, KINDS, Post, Source, acts};
pub use answers::{Answer, Draws, Question, answer, kinds};
pub use evidence::{Evidence, evidence};
pub use grid::{Company, Grid, OUTCOMES, OrgWeek, number};

const EFFECTS: &str = "leader_post_effects";
const STUDY: &str = super::leader_post_event_study::NAME;

pub const TABLE: Derived = Derived { name: EFFECTS, tables: &[EFFECTS, STUDY], protection: Protection::Guarded, build };

/// Everything between the canon tables and the estimators.
struct Prepared {
    orgs: Orgs,
    acts: Acts,
    grid: Grid,
}

fn build(facts: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    let prepared = prepare(facts);
    let (effects, study) = tables(facts, &prepared);
    let made = |name: &'static str, lines: &[lines::Line]| -> Result<Output, MartError> {
        let rows = lines::batch(facts.catalog.require(name)?, lines)?;
        let rows_withheld = lines.iter().filter(|line| line.is_withheld).count() as i64;
        let tally = Tally { kind: "company".into(), rows: lines.len() as i64, rows_withheld, cells_withheld: 0 };
        Ok(Output { table: name, partition: "all".into(), rows, grain: "", withheld: vec![(tally, 0)] })
    };
    Ok(vec![made(EFFECTS, &effects)?, made(STUDY, &study)?])
}

/// Weeks that begin and end inside the reported days that are over.
fn whole_weeks(facts: &Reads<'_>) -> Vec<Period> {
    let (from, to) = (facts.days().0, facts.days().1.min(facts.today()));
    let weeks = facts.job.calendar.periods(Grain::Week, from, to);
    weeks.into_iter().filter(|week| week.start >= from && week.end <= to).collect()
}

fn prepare(facts: &Reads<'_>) -> Prepared {
    let policy = &facts.job.policy;
    let orgs = Orgs::new(facts.people(), facts.units());
    let source = Source {
        people: facts.people(),
        identity: facts.identity(),
        places: Places::new(facts.people()),
        calendar: &facts.job.calendar,
        zone: facts.job.zone,
        horizon: facts.days().1,
        leader_bands: policy.leader_bands(),
    };
    let acts = acts(&source, facts.table("contributions"), facts.table("endorsements"));
    let mut rows = Vec::new();
    for batch in facts.table("unit_week") {
        let (week, org) = (dates(batch, "week_start"), Text::of(batch, "org_id"));
        let (headcount, active, completions) =
            (ints(batch, "headcount"), ints(batch, "active_learners"), ints(batch, "completions"));
        for row in 0..batch.num_rows() {
            if let (Some(week), Some(org)) = (week(row), org.get(row).and_then(|id| orgs.code(id))) {
                rows.push(OrgWeek {
                    week,
                    org,
                    headcount: headcount(row).unwrap_or(0),
                    active_learners: active(row).unwrap_or(0),
                    completions: completions(row).unwrap_or(0),
                });
            }
        }
    }
    let company = Company {
        people: facts.people(),
        units: facts.units(),
        orgs: &orgs,
        places: &source.places,
        level: policy.unit_level,
        smallest_group: policy.smallest_group,
        weeks: whole_weeks(facts),
    };
    let grid = Grid::build(&company, &rows, &acts);
    Prepared { acts, grid, orgs }
}

fn tables(facts: &Reads<'_>, prepared: &Prepared) -> (Vec<lines::Line>, Vec<lines::Line>) {
    let (grid, policy) = (&prepared.grid, &facts.job.policy);
    let clocks = onboarding::Clocks::read(facts.people(), facts.table("workers"), facts.table("milestones"));
    let places = Places::new(facts.people());
    let setting = onboarding::Setting {
        grid,
        orgs: &prepared.orgs,
        places: &places,
        calendar: &facts.job.calendar,
        horizon: facts.days().1,
        limit: policy.competency_horizon_days as f64,
    };
    let newcomers: Vec<onboarding::Onboarding> =
        kinds().map(|kind| onboarding::onboarding(&setting, &clocks, kind)).collect();
    let p: Vec<Option<f64>> = newcomers.iter().map(|found| found.p).collect();
    let outcomes: Vec<usize> = (0..OUTCOMES.len()).collect();
    let (answers, q) = answer(grid, &prepared.orgs.ids, &outcomes, policy, Draws::default(), &p);

    let (mut effects, mut study) = (Vec::new(), Vec::new());
    for answer in &answers {
        let (more, weeks) = lines::of_answer(answer, policy);
        effects.extend(more);
        study.extend(weeks);
    }
    let weeks = grid.weeks.first().copied().zip(grid.weeks.last().copied());
    let is_shown =
        |kind: Option<u8>| answers.iter().any(|answer| answer.question.kind == kind && answer.headline().is_some());
    for (found, q) in newcomers.iter().zip(q) {
        effects.push(lines::of_onboarding(found, q, weeks, is_shown(found.kind)));
    }
    let tallies = windows::tallies(grid, &prepared.acts);
    for tally in &tallies {
        let is_shown = windows::is_shown(tally, &tallies, policy.smallest_group);
        effects.extend(lines::of_tally(tally, weeks, is_shown));
    }
    (effects, study)
}

/// The p-value of an answer's headline, for tests that know no table.
pub fn p_value(answer: &Answer) -> Option<f64> {
    answer.headline().and_then(Effects::p_value)
}

#[cfg(test)]
mod tests;
