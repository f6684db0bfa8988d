//! One figure that a scope is held to, from the words of a scorecard to a column of a published table.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::sources::{self, Source};
use super::{Given, Refusal, Ritual};
use crate::contract::{Area, Column, Table, Type};
use crate::period::Grain;

/// A figure that a scope is held to.
#[derive(Debug, Clone, PartialEq)]
pub struct Kpi {
    /// The scorecard it stands on.
    pub scorecard: String,
    /// From 1, as written.
    pub position: i64,
    pub table: String,
    pub column: String,
    /// How the table says what a row is about.
    pub source: &'static Source,
    /// The lengths of period it is read in.
    pub grains: Vec<Grain>,
    /// Values of the rest of the table's key.
    pub pins: BTreeMap<String, String>,
    pub scope: Scope,
    pub target: f64,
    pub baseline: f64,
    /// How far short of the target is still `watch`, in the KPI's own unit.
    pub tolerance: f64,
    pub direction: Direction,
    pub lead_or_lag: String,
    /// A role, never a person.
    pub owner: String,
    /// The business outcome it stands for, in words.
    pub outcome: String,
    /// The KPI of canon `measures` by which the outcome is measured.
    pub measure: Option<String>,
}

/// Whom a KPI is about: one scope, or with no id every scope of its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    pub kind: String,
    pub id: Option<String>,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

/// What a decision may have left out is optional here, so that the refusal can say it in words.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KpiFile {
    kpi: String,
    grains: Option<Vec<String>>,
    #[serde(default, rename = "where")]
    pins: BTreeMap<String, String>,
    scope: String,
    target: f64,
    baseline: f64,
    tolerance: f64,
    direction: String,
    lead_or_lag: String,
    owner: Option<String>,
    outcome: Option<String>,
    measure: Option<String>,
}

impl Kpi {
    /// `table.column`, with the pins of a finer table: `rater_agreement.gwet_ac2[dimension=impact]`.
    pub fn name(&self) -> String {
        let pins: Vec<String> = self.pins.iter().map(|(column, value)| format!("{column}={value}")).collect();
        let pins = if pins.is_empty() { String::new() } else { format!("[{}]", pins.join(",")) };
        format!("{}.{}{pins}", self.table, self.column)
    }

    /// How a value stands against the target: `on_track`, `watch` within the tolerance, else `off_track`.
    pub fn status(&self, value: Option<f64>) -> &'static str {
        let Some(value) = value.filter(|value| value.is_finite()) else { return "no_data" };
        let short = match self.direction {
            Direction::Up => self.target - value,
            Direction::Down => value - self.target,
        };
        // A shortfall of exactly the tolerance is within it, whatever its last binary digit says.
        if short <= 0.0 {
            "on_track"
        } else if short <= self.tolerance + 1e-12 * self.target.abs().max(1.0) {
            "watch"
        } else {
            "off_track"
        }
    }
}

impl Direction {
    pub fn as_str(self) -> &'static str {
        match self {
            Direction::Up => "up",
            Direction::Down => "down",
        }
    }
}

/// A table that a scorecard of a job without it would look for in vain, and what the job would have to say.
const DECIDED_BY: &[(&str, &str)] =
    &[("rubric_aggregates", "reviews"), ("competency_coverage", "reviews"), ("rater_agreement", "reviews")];

/// Reads one KPI. The refusal names it; the caller names the file.
pub(super) fn kpi(scorecard: &str, position: i64, file: KpiFile, given: &Given<'_>) -> Result<Kpi, Refusal> {
    let name = &file.kpi;
    let named = |(what, hint): Refusal| (format!("KPI {name} {what}"), hint);
    let error = |what: &str, hint: &'static str| Err(named((what.to_owned(), hint)));
    // Adoption is what most figures are about: its columns need no table before them.
    let (table, column) = name.split_once('.').unwrap_or(("adoption_kpis", name));
    let (contract, source) = contract(table, given).map_err(named)?;
    let known = contract.column(column).filter(|column| matches!(column.data_type, Type::Int | Type::Double));
    let Some(known) = known.filter(|column| !column.key) else {
        return error(
            &format!("is no figure of that table: {} are", figures(contract)),
            "kpi = \"table.column\", a column that counts or measures; `uptake schema TABLE` explains each",
        );
    };
    pinned(contract, source, &file.pins).map_err(named)?;
    let grains = grains(source, &file, given.rituals).map_err(named)?;
    let scope = scope(&file.scope).map_err(named)?;
    if !source.has_scopes(contract) && scope.kind != "company" {
        return error(
            &format!("is about `{}`, but {table} speaks of the whole company alone", file.scope),
            "scope = \"company\", or a figure of a table that has scopes",
        );
    }
    let said =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let Some(owner) = said(&file.owner) else {
        return error("has no owner", "owner = the role that answers for it");
    };
    if owner.contains('@') {
        return error("has an address as its owner", "an owner is a role; marts/ hold no person");
    }
    let Some(outcome) = said(&file.outcome) else {
        return error("is tied to no business outcome", "outcome = what the business gets when it moves");
    };
    let direction = match file.direction.as_str() {
        "up" => Direction::Up,
        "down" => Direction::Down,
        _ => {
            return error("has a direction that is neither up nor down", "say which way is better: \"up\" or \"down\"");
        }
    };
    if file.lead_or_lag != "lead" && file.lead_or_lag != "lag" {
        return error("is neither lead nor lag", "lead_or_lag = \"lead\" moves before the outcome, \"lag\" after it");
    }
    if !(file.target.is_finite() && file.baseline.is_finite() && file.tolerance.is_finite() && file.tolerance >= 0.0) {
        return error(
            "has a target, baseline or tolerance that is no number",
            "a tolerance is 0 or more, in the KPI's own unit",
        );
    }
    let (least, most) = known.range;
    if least.is_some_and(|least| file.target < least) || most.is_some_and(|most| file.target > most) {
        return error("has a target outside what the figure can be", "rates are shares from 0 to 1: 80 % is 0.8");
    }
    let ahead = match direction {
        Direction::Up => file.target >= file.baseline,
        Direction::Down => file.target <= file.baseline,
    };
    if !ahead {
        return error("has a target behind its baseline", "the target lies from the baseline in the KPI's direction");
    }
    Ok(Kpi {
        scorecard: scorecard.to_owned(),
        position,
        table: table.to_owned(),
        column: column.to_owned(),
        source,
        grains,
        pins: file.pins,
        scope,
        target: file.target,
        baseline: file.baseline,
        tolerance: file.tolerance,
        direction,
        lead_or_lag: file.lead_or_lag,
        owner,
        outcome,
        measure: said(&file.measure),
    })
}

/// The table of a figure, if all readers of a scorecard may see it and it says something period by period.
fn contract<'g>(table: &str, given: &Given<'g>) -> Result<(&'g Table, &'static Source), Refusal> {
    let hint = "kpi = \"table.column\" of a table under `reads` of `uptake schema scorecard`";
    let error = |what: &str, hint: &'static str| Err((what.to_owned(), hint));
    let Some(contract) = given.catalog.table(table) else { return error("is of a table that does not exist", hint) };
    match contract.area {
        Area::Marts => {}
        Area::Restricted => return error("is of a restricted table, and a scorecard is read by many", hint),
        Area::Canon | Area::Ops => return error("is of no table under marts/", hint),
    }
    let Some(source) = sources::source(table) else {
        return error("is of a table that says nothing by month or quarter", hint);
    };
    let published = |name: &str| given.marts.is_none_or(|marts| marts.iter().any(|known| known == name));
    if !published(table) && (published("scorecard") || published("outcome_links")) {
        return error("is of a table that the job does not publish", "add it to `marts` of the job, or drop the KPI");
    }
    match DECIDED_BY.iter().find(|(name, _)| *name == table) {
        Some((_, key)) if given.reviews.is_none() => Err((
            format!("is about review cycles, and the job names no {key}"),
            "name the file of the review cycles under `reviews` of the job, or drop the KPI",
        )),
        _ => Ok((contract, source)),
    }
}

/// The names of what a table counts and measures, as a sentence lists them.
fn figures(table: &Table) -> String {
    let is_figure = |column: &&Column| !column.key && matches!(column.data_type, Type::Int | Type::Double);
    table.columns.iter().filter(is_figure).map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The lengths of period: those the KPI asks for, else those the table has.
fn grains(source: &Source, file: &KpiFile, rituals: &[Ritual]) -> Result<Vec<Grain>, Refusal> {
    let mut has: Vec<Grain> = source.grains.to_vec();
    if let Some(ritual) = file.pins.get("ritual") {
        let Some(known) = rituals.iter().find(|known| known.name == *ritual) else {
            return Err((
                format!("is about the ritual `{ritual}`, which no scorecard names"),
                "name it under [[rituals]]",
            ));
        };
        has.retain(|grain| *grain == known.every);
    }
    let list = |grains: &[Grain]| grains.iter().map(|grain| grain.as_str()).collect::<Vec<_>>().join(" and ");
    if has.is_empty() {
        return Err((
            "is of a weekly ritual".into(),
            "a scorecard is read by month and quarter: take a ritual of those",
        ));
    }
    let Some(asked) = &file.grains else { return Ok(has) };
    if let Some(stranger) = asked.iter().find(|asked| has.iter().all(|grain| grain.as_str() != asked.as_str())) {
        let what = format!("has grains = [… \"{stranger}\" …], but {} has it by {} alone", source.table, list(&has));
        return Err((what, "leave `grains` out for every length of period that the table has"));
    }
    has.retain(|grain| asked.iter().any(|asked| asked == grain.as_str()));
    if has.is_empty() {
        return Err(("has no grains".into(), "leave `grains` out for every length of period that the table has"));
    }
    Ok(has)
}

/// A table finer than period and scope needs the rest of its key.
fn pinned(table: &Table, source: &Source, pins: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let hint = "where = { column = \"value\" } names a value for each column of the key beyond period and scope";
    if let Some(open) = source.rest(table).find(|part| !pins.contains_key(*part)) {
        return Err((format!("does not say which {open}"), hint));
    }
    for (pin, value) in pins {
        if !source.rest(table).any(|part| part == pin) {
            return Err((format!("pins {pin}, which is not in the key of {}", table.name), hint));
        }
        let Some(column) = table.column(pin) else { continue };
        let is_known = match column.data_type {
            Type::Int => value.parse::<i64>().is_ok(),
            _ => !value.is_empty() && (column.values.is_empty() || column.values.contains(value)),
        };
        if !is_known {
            let values = if column.values.is_empty() { "a whole number".into() } else { column.values.join(", ") };
            return Err((format!("pins {pin} = \"{value}\", which is none of {values}"), hint));
        }
    }
    Ok(())
}

fn scope(text: &str) -> Result<Scope, Refusal> {
    let hint = "write \"company\", \"org/OU-0007\" or, for every unit, \"org\"; kinds are company, org, leader_band, location, function";
    let (kind, id) = text.split_once('/').map_or((text, None), |(kind, id)| (kind, Some(id.to_owned())));
    match (kind, &id) {
        ("company", None) => Ok(Scope { kind: kind.into(), id: Some("all".into()) }),
        ("company", Some(all)) if all == "all" => Ok(Scope { kind: kind.into(), id }),
        ("org" | "leader_band" | "location" | "function", None) => Ok(Scope { kind: kind.into(), id }),
        ("org" | "leader_band" | "location" | "function", Some(id)) if !id.trim().is_empty() => {
            Ok(Scope { kind: kind.into(), id: Some(id.clone()) })
        }
        _ => Err((format!("is about `{text}`, which is no scope"), hint)),
    }
}
