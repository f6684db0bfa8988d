//! What only the maker of a table knows of its figures: days, units, weeks, counts. Never a person.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::Value;

use crate::cli::published::{Published, Row, text};
use crate::contract::Table;
use crate::error::{Error, Result};
use crate::feed::Pseudonyms;
use crate::mart::{Reads, cadence, leader_post_effects, list, outcome_links};
use crate::period::{Day, date_of, day_of};
use crate::pipeline::{Context, derive};

/// One thing a figure rests on.
#[derive(Debug, Serialize, PartialEq)]
pub struct Finding {
    pub what: String,
    pub value: String,
}

/// Asks the maker of a table for what is behind one of its rows.
type Ask = fn(&Reads<'_>, &Row) -> Result<Vec<Finding>>;

/// Tables whose makers can be asked.
const ASKED: &[(&str, Ask)] = &[
    ("cadence", of_cadence),
    ("leader_post_effects", of_effects),
    ("leader_post_event_study", of_effects),
    ("outcome_links", of_links),
];

/// The evidence behind a row; none for tables whose counts stand in the row itself.
pub fn evidence(published: &Published, table: &Table, row: &Row) -> Result<Vec<Finding>> {
    let asked = ASKED.iter().find(|(name, _)| *name == table.name);
    let (Some((_, ask)), Some(maker)) = (asked, list::maker(&table.name)) else { return Ok(Vec::new()) };
    let as_of = DateTime::parse_from_rfc3339(&published.head.as_of)
        .map_err(|cause| Error::gate(format!("commit {} speaks of no instant: {cause}", published.head.n)))?;
    let context = Context {
        catalog: &published.catalog,
        job: &published.job,
        feeds: &[],
        landing: &published.lake,
        lake: &published.lake,
        pseudonyms: &Pseudonyms::Off,
        as_of: as_of.with_timezone(&Utc),
        clock: as_of.with_timezone(&Utc),
        known_on: None,
        backfill: None,
        rebuild: None,
        force_as_of: true,
        dry_run: true,
        threads: 1,
        memory_limit: 1 << 30,
        next_commit: published.head.n,
        progress: &|_| {},
        stage: &|_| {},
    };
    derive::look(&context, maker, |facts| ask(facts, row))?
}

fn day(row: &Row, name: &str) -> Option<Day> {
    row.get(name).and_then(Value::as_str)?.parse::<NaiveDate>().ok().map(day_of)
}

fn of_cadence(facts: &Reads<'_>, row: &Row) -> Result<Vec<Finding>> {
    let ritual = row.get("ritual").and_then(Value::as_str);
    let (Some(ritual), Some(start), Some(end)) = (ritual, day(row, "period_start"), day(row, "period_end")) else {
        return Ok(Vec::new());
    };
    let days: Vec<String> =
        cadence::held(facts, ritual, start, end).into_iter().map(|day| date_of(day).to_string()).collect();
    let value = if days.is_empty() { "never in the period".to_owned() } else { days.join(", ") };
    Ok(vec![Finding { what: "held on".into(), value }])
}

/// Units, weeks and counts behind an estimate. Units are named where they have enough people, leaders never.
fn of_effects(facts: &Reads<'_>, row: &Row) -> Result<Vec<Finding>> {
    let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
    let Some(found) = leader_post_effects::evidence(facts, text("outcome"), text("kind")) else {
        return Ok(Vec::new());
    };
    // Counts are shown as the guard shows them.
    let rounding = facts.job.policy.rounding.max(1) as f64;
    let shown = |count: f64| (count / rounding).round() * rounding;
    let mut findings = Vec::new();
    let mut add = |what: &str, value: String| findings.push(Finding { what: what.to_owned(), value });
    if let Some((first, last)) = found.weeks {
        add("weeks", format!("{} from {} to {}", found.n_weeks, date_of(first), date_of(last)));
    }
    if found.is_withheld {
        add("units and counts", "withheld, because fewer leaders posted than may be shown".into());
        return Ok(findings);
    }
    add("leaders whose posts came first", found.leaders.to_string());
    add("units reached", listed(&found.treated));
    add("units they are compared with", listed(&found.controls));
    for (week, units) in &found.cohorts {
        add(&format!("first reached in the week of {}", date_of(*week)), format!("{units} units"));
    }
    add("left out: reached from the start", found.always_treated.to_string());
    add("left out: too small", found.too_small.to_string());
    if let Some(other) = found.other_kind {
        add("left out: another kind of post came first", other.to_string());
    }
    for week in &found.by_week {
        let counts = format!("{} in {} person-weeks of {} units", shown(week.events), week.person_weeks, week.units);
        add(&format!("reached, {} weeks from the post", week.e), counts);
    }
    let controls = format!("{} in {} person-weeks", shown(found.control_events), found.control_person_weeks);
    add("compared with, over all weeks", controls);
    Ok(findings)
}

/// The pairs whose order a correlation is about: figures as other tables show them, beside outcomes of the company and its units.
fn of_links(facts: &Reads<'_>, row: &Row) -> Result<Vec<Finding>> {
    let says = |name: &str| row.get(name).map(text).unwrap_or_default();
    let points = outcome_links::behind(facts, &says).map_err(|cause| Error::bug(cause.to_string()))?;
    let (kpi, outcome) = (says("kpi"), says("outcome_measure"));
    let finding = |point: outcome_links::Point| match point.starts {
        Some((start, later)) => Finding {
            what: format!("{kpi} from {}, {outcome} from {}", date_of(start), date_of(later)),
            value: format!("{} beside {}", point.value, point.reached),
        },
        None => Finding {
            what: format!("{}, means over its periods", point.unit),
            value: format!("{} beside {}", point.value, point.reached),
        },
    };
    Ok(points.into_iter().map(finding).collect())
}

fn listed(units: &[String]) -> String {
    if units.is_empty() { "none".to_owned() } else { format!("{}: {}", units.len(), units.join(", ")) }
}
