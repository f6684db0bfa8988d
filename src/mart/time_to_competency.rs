//! How long people take from a start to a milestone, cohort by cohort. Who is still on the way counts as long as they were watched, who
//! started before the data enters late, and leaving competes: nobody is left out for not having finished.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use polars::prelude::*;

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use super::person_rows::add;
use super::person_rows::{self, Block, Placement, Shown, Value};
use super::placed;
use super::time_to_competency_curve::{self as curve_table, CurveRow};
use crate::canon::career::Careers;
use crate::canon::competency::{self, CERTIFIED, Clock, Outcome, PATH_COMPLETED, Start, Wait};
use crate::canon::history::Place;
use crate::columns::Columns;
use crate::contract::arrow::mart_schema;
use crate::engine;
use crate::period::{Day, Grain, Period};
use crate::stats::spells::{LEFT, OPEN, REACHED, Spell};
use crate::stats::survival::{Curve, RestrictedMean, kaplan_meier};
use crate::stats::wilson::Z95;
use crate::stats::{competing, logrank};

pub const TABLE: Derived = Derived {
    name: "time_to_competency",
    tables: &["time_to_competency", "time_to_competency_curve"],
    protection: Protection::Guarded,
    build,
};

fn build(facts: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    let table = facts.catalog.require("time_to_competency")?;
    let policy = &facts.job.policy;
    let horizon_days = policy.competency_horizon_days as f64;
    let mut rows: Option<DataFrame> = None;
    let mut curves: Vec<CurveRow> = Vec::new();
    let mut withheld = Vec::new();
    for ((clock, milestone), waits) in waits(facts) {
        // The first cohort of each scope that suffices; cohorts come in the order of time.
        let mut baselines: BTreeMap<(String, String), Baseline> = BTreeMap::new();
        for (start, waits) in cohorts(facts, waits) {
            let quarter = facts.job.calendar.period(Grain::Quarter, start);
            let seen = Period { end: quarter.end.min(facts.days().1), ..quarter };
            let (block, spells) = cohort_block(facts, (clock, &milestone), quarter, seen, &waits)?;
            if spells.is_empty() {
                continue;
            }
            let place =
                Placement { people: facts.people(), units: facts.units(), period: seen, policy, managers: false };
            let shown = person_rows::show(table, &block, &place)?;
            let published = shown.rows.clone().lazy().filter(col("status").eq(lit("published")));
            let mut cohort = engine::collect(published)?;
            let estimates: Vec<Estimate> = scopes(&cohort)?
                .into_iter()
                .map(|scope| {
                    let members = members(&shown, &scope, &spells);
                    let estimate = Estimate::of(&members, horizon_days, baselines.get(&scope));
                    if estimate.is_sufficient() {
                        let key = curve_table::Key { clock, milestone: &milestone, cohort_start: start, scope: &scope };
                        curves.extend(curve_table::rows(&key, &estimate.curve, &members, policy));
                        if let Some(mean) = estimate.mean {
                            let baseline = || Baseline { start, mean, spells: members };
                            baselines.entry(scope).or_insert_with(baseline);
                        }
                    }
                    estimate
                })
                .collect();
            describe(&mut cohort, &estimates)?;
            match &mut rows {
                Some(rows) => drop(rows.vstack_mut(&cohort)?),
                None => rows = Some(cohort),
            }
            add(&mut withheld, shown.withheld);
        }
    }
    let Some(rows) = rows else { return Ok(Vec::new()) };
    let made =
        |table, rows: RecordBatch, withheld| Output { table, partition: "all".into(), rows, grain: "", withheld };
    let curve = facts.catalog.require("time_to_competency_curve")?;
    Ok(vec![
        made("time_to_competency", engine::to_arrow(&rows, &mart_schema(table))?, withheld),
        made(
            "time_to_competency_curve",
            engine::to_arrow(&curve_table::frame(&curves)?, &mart_schema(curve))?,
            Vec::new(),
        ),
    ])
}

/// All waits, by clock and milestone.
fn waits(facts: &Reads<'_>) -> BTreeMap<(Clock, String), Vec<Wait>> {
    let watched_from = facts.days().0;
    let careers = Careers::build(facts.table("workers"), facts.people(), &facts.job.policy.worker_types);
    let milestones = competency::milestones(facts.table("milestones"), facts.people());
    let learned = competency::learned(facts.attempts(), facts.table("content"), facts.job.zone);
    let mut waits: BTreeMap<(Clock, String), Vec<Wait>> = BTreeMap::new();
    let mut watch = |clock: Clock, milestone: &str, starts: &[Start], reached: &dyn Fn(u32) -> Option<Day>| {
        let watched = starts.iter().filter_map(|start| start.wait(reached(start.worker), facts.days()));
        waits.entry((clock, milestone.to_owned())).or_default().extend(watched);
    };
    let starts = competency::starts(&careers, facts.people(), watched_from);
    for (clock, starts) in &starts {
        for (kind, reached) in &milestones {
            watch(*clock, kind, starts, &|worker| reached.get(&worker).copied());
        }
        // An onboarding path is for those who are new: a transfer or a new role waits for none.
        if *clock == Clock::Hire && !learned.path_completed.is_empty() {
            watch(*clock, PATH_COMPLETED, starts, &|worker| learned.path_completed.get(&worker).copied());
        }
    }
    let assigned = |days: &mut dyn Iterator<Item = (u32, Day)>| competency::assigned(days, &careers, watched_from);
    let paths = assigned(&mut learned.path_assigned.iter().map(|(worker, day)| (*worker, *day)));
    watch(Clock::Assignment, PATH_COMPLETED, &paths, &|worker| learned.path_completed.get(&worker).copied());
    let certifications = assigned(&mut learned.certification.iter().map(|(worker, (day, _))| (*worker, *day)));
    watch(Clock::Assignment, CERTIFIED, &certifications, &|worker| learned.certification.get(&worker)?.1);
    waits.retain(|_, waits| !waits.is_empty());
    waits
}

/// Waits by the first day of the quarter they started in, one a person: the last, where the clock started twice in it. Quarters that ended
/// longer before the data than the horizon are left out: nobody of them was watched while it mattered.
fn cohorts(facts: &Reads<'_>, waits: Vec<Wait>) -> BTreeMap<Day, Vec<Wait>> {
    let horizon = Day::try_from(facts.job.policy.competency_horizon_days).unwrap_or(Day::MAX);
    let earliest = facts.days().0.saturating_sub(horizon);
    let mut cohorts: BTreeMap<Day, BTreeMap<u32, Wait>> = BTreeMap::new();
    for wait in waits {
        let quarter = facts.job.calendar.period(Grain::Quarter, wait.start);
        if quarter.end <= earliest {
            continue;
        }
        let held = cohorts.entry(quarter.start).or_default().entry(wait.worker).or_insert(wait);
        if wait.start > held.start {
            *held = wait;
        }
    }
    cohorts.into_iter().map(|(start, waits)| (start, waits.into_values().collect())).collect()
}

/// The people of a cohort in their places, and their spells, row by row. Each stands where they did on their last eligible day of the
/// quarter; who became eligible later stands where they did then, and who never did has no place.
fn cohort_block(
    facts: &Reads<'_>,
    (clock, milestone): (Clock, &str),
    quarter: Period,
    seen: Period,
    waits: &[Wait],
) -> PolarsResult<(Block, Vec<Spell>)> {
    let mut place_of: BTreeMap<u32, Place> =
        facts.people().places(seen).into_iter().map(|stint| (stint.worker, stint.place)).collect();
    for stint in facts.people().stints.iter().filter(|stint| stint.from >= seen.end) {
        place_of.entry(stint.worker).or_insert(stint.place);
    }
    let mut people = Vec::new();
    let mut spells = Vec::new();
    let mut outcomes = Vec::new();
    for wait in waits {
        let event = match wait.outcome {
            Outcome::Open => OPEN,
            Outcome::Reached => REACHED,
            Outcome::Left => LEFT,
        };
        let Some(place) = place_of.get(&wait.worker) else { continue };
        let Ok(spell) = Spell::new(f64::from(wait.entry), f64::from(wait.time), event) else { continue };
        people.push((wait.worker, *place));
        spells.push(spell);
        outcomes.push(wait.outcome);
    }
    let count = |wanted: Outcome| outcomes.iter().map(|outcome| i64::from(*outcome == wanted)).collect();
    let measures = [
        ("reached", count(Outcome::Reached)),
        ("censored", count(Outcome::Open)),
        ("left_before", count(Outcome::Left)),
    ];
    let keys = vec![
        ("clock", Value::Text(clock.as_str().to_owned())),
        ("milestone", Value::Text(milestone.to_owned())),
        ("cohort_start", Value::Date(quarter.start)),
        ("cohort_end", Value::Date(quarter.end)),
        ("is_complete", Value::Bool(quarter.end <= facts.today())),
        ("horizon_days", Value::Int(Some(facts.job.policy.competency_horizon_days))),
    ];
    Ok((Block { keys, rows: placed::rows(&people, &measures)? }, spells))
}

/// (scope_kind, scope_id) of each row.
fn scopes(rows: &DataFrame) -> PolarsResult<Vec<(String, String)>> {
    let (kind, id) = (rows.column("scope_kind")?.str()?, rows.column("scope_id")?.str()?);
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Ok(kind.iter().zip(id.iter()).map(|(kind, id)| (text(kind), text(id))).collect())
}

/// The spells of a published scope.
fn members(shown: &Shown, (kind, id): &(String, String), spells: &[Spell]) -> Vec<Spell> {
    shown.members(kind, id).into_iter().filter_map(|row| spells.get(row as usize).copied()).collect()
}

/// The cohort that later ones are compared with.
struct Baseline {
    start: Day,
    mean: RestrictedMean,
    spells: Vec<Spell>,
}

/// Everything that is estimated of one cohort in one scope.
struct Estimate {
    curve: Curve,
    /// Up to the horizon.
    mean: Option<RestrictedMean>,
    shares: [Option<f64>; 4],
    baseline: Option<Day>,
    /// Difference to the baseline with its bounds.
    difference: Option<(f64, f64, f64)>,
    p: Option<f64>,
    observed_from_start: bool,
}

impl Estimate {
    fn of(spells: &[Spell], horizon: f64, baseline: Option<&Baseline>) -> Estimate {
        let curve = kaplan_meier(spells, Z95);
        let incidence = competing::incidence(spells);
        let is_sufficient = curve.insufficient().is_none();
        let mean = curve.restricted_mean(horizon).filter(|_| is_sufficient);
        let baseline = baseline.filter(|_| is_sufficient);
        let difference = mean.zip(baseline).map(|(mean, baseline)| mean.minus(&baseline.mean, Z95));
        Estimate {
            mean,
            shares: competing::DAYS.map(|day| incidence.at(REACHED, day).filter(|_| is_sufficient)),
            baseline: baseline.map(|baseline| baseline.start),
            difference: difference.map(|difference| (difference.difference, difference.low, difference.high)),
            p: baseline
                .and_then(|baseline| logrank::log_rank(&[baseline.spells.clone(), spells.to_vec()]))
                .map(|test| test.p),
            observed_from_start: spells.iter().any(|spell| spell.entry() == 0.0),
            curve,
        }
    }

    fn is_sufficient(&self) -> bool {
        self.curve.insufficient().is_none()
    }
}

/// Adds the estimates to the rows of a cohort, one estimate a row.
fn describe(rows: &mut DataFrame, estimates: &[Estimate]) -> PolarsResult<()> {
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    let quantile = |estimate: &Estimate, q: f64| estimate.is_sufficient().then(|| estimate.curve.quantile(q));
    Columns::of(estimates)
        .double("median_days", |one| finite(quantile(one, 0.5)?.at))
        .double("median_days_low", |one| finite(quantile(one, 0.5)?.low))
        .double("median_days_high", |one| finite(quantile(one, 0.5)?.high))
        .double("p25_days", |one| finite(quantile(one, 0.25)?.at))
        .double("p75_days", |one| finite(quantile(one, 0.75)?.at))
        .double("restricted_mean_days", |one| finite(Some(one.mean?.mean)))
        .double("restricted_mean_days_low", |one| finite(Some((one.mean?.mean - Z95 * one.mean?.se).max(0.0))))
        .double("restricted_mean_days_high", |one| finite(Some(one.mean?.mean + Z95 * one.mean?.se)))
        .double("reached_share_30d", |one| finite(one.shares[0]))
        .double("reached_share_60d", |one| finite(one.shares[1]))
        .double("reached_share_90d", |one| finite(one.shares[2]))
        .double("reached_share_180d", |one| finite(one.shares[3]))
        .double("restricted_mean_difference_days", |one| finite(Some(one.difference?.0)))
        .double("restricted_mean_difference_days_low", |one| finite(Some(one.difference?.1)))
        .double("restricted_mean_difference_days_high", |one| finite(Some(one.difference?.2)))
        .double("difference_p", |one| finite(one.p))
        .date("baseline_cohort_start", |one| one.baseline)
        .bool("observed_from_start", |one| one.observed_from_start)
        .text("method", |_| "kaplan_meier")
        .text("verdict", |one| if one.is_sufficient() { "sufficient" } else { "insufficient_data" })
        .text("reason", |one| one.curve.insufficient())
        .add_to(rows)
}
