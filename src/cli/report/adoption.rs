//! Adoption over time, unit by unit, with the interval of every rate.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::{Value, json};

use super::html::{self, Column};
use super::{Chart, Section};
use crate::cli::published::{Published, Row, text};
use crate::error::Result;
use crate::ledger::Entry;
use crate::pipeline;

/// Units that get a picture of their own.
const MOST: usize = 24;
/// The tables that hold what people did.
const ACTS: [&str; 3] = ["activity", "contributions", "reactions"];
/// How far below the top a unit may stand.
const DEEPEST: i64 = 2;

/// A scope and what to call it.
struct Unit {
    kind: &'static str,
    id: String,
    name: String,
}

pub fn section(published: &Published) -> Result<Section> {
    let (id, title) = ("adoption", "Adoption over time");
    let (units, left_out) = units(published)?;
    let ids: Vec<&str> = units.iter().map(|unit| unit.id.as_str()).collect();
    let filters = [("grain", vec!["month"]), ("scope_kind", vec!["company", "org"]), ("scope_id", ids)];
    let rows = published.rows("adoption_kpis", &filters, None)?;
    if rows.is_empty() {
        let body = html::absent("adoption_kpis is not published, so adoption over time is not shown.");
        return Ok(Section { id, title, body, charts: Vec::new() });
    }
    if !is_measured(published)? {
        let body = html::absent(
            "Nothing measured activity here: no delivery of activity, contributions or reactions is in the lake, so no rate of active \
             people can be told. What enrolments say of completions and certificates is in the table adoption_kpis.",
        );
        return Ok(Section { id, title, body, charts: Vec::new() });
    }
    let mut by_scope: BTreeMap<(String, String), Vec<Row>> = BTreeMap::new();
    for row in rows {
        let of = |name: &str| row.get(name).map(text).unwrap_or_default();
        by_scope.entry((of("scope_kind"), of("scope_id"))).or_default().push(row);
    }
    let key = &published.catalog.require("adoption_kpis")?.key;
    let drawn = units.iter().enumerate().filter_map(|(at, unit)| {
        let rows = by_scope.get_mut(&(unit.kind.to_owned(), unit.id.clone()))?;
        rows.sort_by_key(|row| row.get("period_start").map(text));
        Some(of_unit(at, unit, rows, key))
    });
    let (charts, figures): (Vec<Chart>, Vec<Markup>) = drawn.unzip();
    let body = html! {
        p {
            "Share of people with an active act in each month; the shaded area is the 95 % interval, a gap a month that is "
            "not shown, a hollow point a month that is still running. Compare intervals, not points: units whose areas "
            "overlap are not ranked."
        }
        @if left_out > 0 {
            (html::absent(&format!("{left_out} more units on these levels are in the table adoption_kpis.")))
        }
        div.multiples { @for figure in figures { (figure) } }
    };
    Ok(Section { id, title, body, charts })
}

/// Whether any delivery told of activity: where none did, nobody was seen, which is not the same as nobody being active.
fn is_measured(published: &Published) -> Result<bool> {
    let memory = pipeline::memory(Some(&published.head))?;
    let tells =
        |entry: &Entry| ACTS.contains(&entry.table.as_str()) && entry.is_accepted() && entry.counts.passed() > 0;
    Ok(memory.deliveries.entries.values().any(tells))
}

/// The months of one unit.
fn of_unit(at: usize, unit: &Unit, rows: &[Row], key: &[String]) -> (Chart, Markup) {
    let points = rows.iter().map(|row| {
        json!({"x": row["period_start"], "y": row["active_rate"], "low": row["active_rate_low"],
            "high": row["active_rate_high"], "complete": row["is_complete"]})
    });
    let chart = Chart {
        id: format!("adoption-{at}"),
        kind: "rate",
        label: format!("Active rate of {} by month with its 95 % interval", unit.name),
        more: serde_json::Map::new(),
        points: points.collect(),
    };
    let share = "share of headcount";
    let columns = [
        Column::new("period_start", "Month from", ""),
        Column::new("headcount", "Headcount", ""),
        Column::new("active_learners", "Active learners", ""),
        Column::new("active_rate", "Active rate", share),
        Column::new("active_rate_low", "Low", share),
        Column::new("active_rate_high", "High", share),
        Column::new("is_complete", "Over", ""),
    ];
    let table = html::table("marts/adoption_kpis", &format!("Active rate of {}", unit.name), key, &columns, rows);
    let figure = html::figure(&chart.id, &unit.name, &table);
    (chart, figure)
}

/// The company and its units down to a depth, in the order of the tree; and how many there was no room for.
fn units(published: &Published) -> Result<(Vec<Unit>, usize)> {
    let mut rows = published.rows("dim_org", &[], None)?;
    let depth = |row: &Row| row.get("depth").and_then(Value::as_i64);
    rows.retain(|row| {
        // A single root is the company by another name.
        row.get("is_current") != Some(&json!(false)) && depth(row).is_some_and(|depth| (1..=DEEPEST).contains(&depth))
    });
    rows.sort_by_key(|row| row.get("path").map(text));
    let left_out = rows.len().saturating_sub(MOST);
    let mut units = vec![Unit { kind: "company", id: "all".into(), name: "The whole company".into() }];
    units.extend(rows.iter().take(MOST).map(|row| Unit {
        kind: "org",
        id: row.get("org_id").map(text).unwrap_or_default(),
        name: format!(
            "{} ({})",
            row.get("name").map(text).unwrap_or_default(),
            row.get("org_id").map(text).unwrap_or_default()
        ),
    }));
    Ok((units, left_out))
}
