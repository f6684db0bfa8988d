//! The one-page scorecard: what each scope is held to, in the last period that is over, and how it came there.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use serde_json::{Value, json};

use super::html::{self, Column, Show};
use super::{Chart, Section};
use crate::cli::published::{Published, Row, text};
use crate::error::Result;

/// Scopes of one kind that stand on the page; the table has all.
const MOST: usize = 40;

pub fn section(published: &Published) -> Result<Section> {
    let (id, title) = ("scorecard", "Scorecard");
    let mut rows = published.rows("scorecard", &[], None)?;
    named(&mut rows, published)?;
    if rows.is_empty() {
        let body = html::absent("No scorecard is published: the job names none, or none of its tables is there.");
        return Ok(Section { id, title, body, charts: Vec::new() });
    }
    let key = &published.catalog.require("scorecard")?.key;
    let cards: BTreeSet<String> = rows.iter().map(|row| cell(row, "scorecard")).collect();
    let mut charts = Vec::new();
    let body = html! {
        @for card in cards {
            @let rows = rows.iter().filter(|row| cell(row, "scorecard") == card).collect::<Vec<_>>();
            div.card {
                h3 { (label(&card)) }
                @for grain in ["quarter", "month"] { (last_period(&card, grain, &rows, key)) }
                (trends(&rows, key, &mut charts))
            }
        }
        (cadence(published)?)
    };
    Ok(Section { id, title, body, charts })
}

fn cell(row: &Row, name: &str) -> String {
    row.get(name).map(text).unwrap_or_default()
}

/// `active_rate` as a heading, and `time_to_competency.median_days[clock=hire,milestone=ramped]` as `Median days (hire, ramped)`.
fn label(name: &str) -> String {
    let column = name.split_once('.').map_or(name, |(_, column)| column);
    let (column, pins) = column.split_once('[').unwrap_or((column, ""));
    let words = column.replace('_', " ");
    let mut letters = words.chars();
    let words: String = letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect());
    let pins = pins.trim_end_matches(']').split(',');
    let pins: Vec<&str> = pins.filter_map(|pin| pin.split_once('=').map(|(_, value)| value)).collect();
    if pins.is_empty() { words } else { format!("{words} ({})", pins.join(", ").replace('_', " ")) }
}

/// Sorts rows by scope and position and leaves those of the first scopes; gives how many scopes there were.
fn first_scopes(rows: &mut Vec<Row>, most: usize) -> usize {
    let scope = |row: &Row| (cell(row, "scope_kind"), cell(row, "scope_id"));
    rows.sort_by_key(|row| (scope(row), row.get("position").and_then(Value::as_i64)));
    let mut scopes: Vec<(String, String)> = rows.iter().map(scope).collect();
    scopes.dedup();
    if let Some(first) = scopes.get(most) {
        rows.retain(|row| scope(row) < *first);
    }
    scopes.len()
}

/// What a scope is called, beside the columns of the table.
const NAME: &str = "scope_name";

/// `Sales (OU-0004)` for a unit that has a name now; a band, location or function is its own name.
fn named(rows: &mut [Row], published: &Published) -> Result<()> {
    let units = published.rows("dim_org", &[], Some(&["org_id", "name", "is_current"]))?;
    let current = units.iter().filter(|unit| unit.get("is_current") != Some(&json!(false)));
    let names: BTreeMap<String, String> = current.map(|unit| (cell(unit, "org_id"), cell(unit, "name"))).collect();
    for row in rows {
        let (kind, id) = (cell(row, "scope_kind"), cell(row, "scope_id"));
        let name = match names.get(&id).filter(|name| kind == "org" && !name.is_empty()) {
            Some(name) => format!("{name} ({id})"),
            None if kind == "company" => "The whole company".to_owned(),
            None => id,
        };
        row.insert(NAME.to_owned(), json!(name));
    }
    Ok(())
}

/// One scorecard in the last period that is over: a line a KPI, scope by scope.
fn last_period(card: &str, grain: &str, rows: &[&Row], key: &[String]) -> Markup {
    let whole = |row: &&&Row| cell(row, "grain") == grain && row.get("is_complete") == Some(&json!(true));
    let Some(start) = rows.iter().filter(whole).map(|row| cell(row, "period_start")).max() else {
        return html::absent(&format!("No {grain} is over yet."));
    };
    let now = |row: &&&Row| whole(row) && cell(row, "period_start") == start;
    let mut rows: Vec<Row> = rows.iter().filter(now).map(|row| (**row).clone()).collect();
    let scopes = first_scopes(&mut rows, MOST);
    let is_company = rows.iter().all(|row| cell(row, "scope_kind") == "company");
    let counts: Vec<String> = STATUSES
        .iter()
        .map(|(status, _, words)| (rows.iter().filter(|row| cell(row, "status") == *status).count(), words))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    let mut columns = vec![Column::with(
        "kpi",
        "KPI",
        Show::With(|row| html! { span title=(cell(row, "kpi")) { (label(&cell(row, "kpi"))) } }),
    )];
    if !is_company {
        columns.push(Column::with("scope_id", "Scope", Show::With(|row| html! { (cell(row, NAME)) })));
    }
    columns.extend([
        Column::with("status", "Status", Show::With(status)),
        Column::with("value", "Value", Show::InUnitOf("kpi_unit")),
        Column::with("target", "Target", Show::InUnitOf("kpi_unit")),
        Column::with("delta", "Since the period before", Show::ChangeInUnitOf("kpi_unit")),
        Column::with("previous_year", "A year ago", Show::InUnitOf("kpi_unit")),
        Column::with("baseline", "Baseline", Show::InUnitOf("kpi_unit")),
        Column::new("n", "n", ""),
        Column::new("owner", "Owner", ""),
        Column::new("lead_or_lag", "Lead or lag", ""),
        Column::new("outcome", "For the business", ""),
    ]);
    let caption = format!("{}, {grain} from {start}", label(card));
    let table = html::table("marts/scorecard", &caption, key, &columns, &rows);
    html! {
        @if scopes > MOST {
            (html::absent(&format!("{scopes} scopes are on this scorecard; the first {MOST} by id are on this page.")))
        }
        p { "The " (grain) " from " (start) ": " (counts.join(", ")) "." }
        @if scopes > 8 {
            details { summary { (caption) } (table) }
        } @else {
            (table)
        }
    }
}

/// Status, a sign that does not rely on colour, and words.
const STATUSES: [(&str, &str, &str); 4] = [
    ("on_track", "●", "on track"),
    ("watch", "◐", "to watch"),
    ("off_track", "○", "off track"),
    ("no_data", "–", "without data"),
];

fn status(row: &Row) -> Markup {
    let status = cell(row, "status");
    let (code, sign, words) = STATUSES.iter().find(|(code, ..)| *code == status).unwrap_or(&STATUSES[3]);
    html! { span.status.(code) { span aria-hidden="true" { (sign) } " " (words) } }
}

/// Months of each KPI of the company with its target, or quarters where it has no months. A KPI without two values makes no picture.
fn trends(rows: &[&Row], key: &[String], charts: &mut Vec<Chart>) -> Markup {
    let company = |row: &&&Row| cell(row, "scope_kind") == "company";
    let mut of_company: Vec<&Row> = rows.iter().filter(company).copied().collect();
    of_company.sort_by_key(|row| (row.get("position").and_then(Value::as_i64), cell(row, "period_start")));
    let mut drawn: Vec<&Row> = Vec::new();
    for of_kpi in of_company.chunk_by(|a, b| a.get("kpi") == b.get("kpi")) {
        let by = if of_kpi.iter().any(|row| cell(row, "grain") == "month") { "month" } else { "quarter" };
        let of_grain = of_kpi.iter().filter(|row| cell(row, "grain") == by);
        if of_grain.clone().filter(|row| row.get("value").is_some_and(Value::is_number)).count() > 1 {
            drawn.extend(of_grain.copied());
        }
    }
    if drawn.is_empty() {
        return html! {};
    }
    html! {
        p.legend {
            "Dashed: the target. Shaded: short of it, and still only to watch. Hollow: a period that is still running."
        }
        div.multiples {
            @for rows in drawn.chunk_by(|a, b| a.get("kpi") == b.get("kpi")) { (trend(rows, key, charts)) }
        }
    }
}

/// The picture of one KPI.
fn trend(rows: &[&Row], key: &[String], charts: &mut Vec<Chart>) -> Markup {
    let Some(first) = rows.first() else { return html! {} };
    let unit = cell(first, "kpi_unit");
    let id = format!("trend-{}", charts.len());
    let title = format!("{} ({})", label(&cell(first, "kpi")), unit.replace('_', " "));
    let points = rows
        .iter()
        .map(|row| json!({"x": row["period_start"], "y": row["value"], "complete": row["is_complete"]}))
        .collect();
    let more = json!({"target": first["target"], "tolerance": first["tolerance"], "direction": first["direction"],
        "share": unit.starts_with("share")});
    charts.push(Chart {
        id: id.clone(),
        kind: "trend",
        label: format!("{title} by {} with the target as a dashed line", cell(first, "grain")),
        more: more.as_object().cloned().unwrap_or_default(),
        points,
    });
    let columns = [
        Column::new("period_start", format!("{} from", label(&cell(first, "grain"))), ""),
        Column::with("value", "Value", Show::InUnitOf("kpi_unit")),
        Column::with("status", "Status", Show::With(status)),
        Column::new("is_complete", "Over", ""),
    ];
    let rows: Vec<Row> = rows.iter().map(|row| (*row).clone()).collect();
    html::figure(&id, &title, &html::table("marts/scorecard", &title, key, &columns, &rows))
}

/// The last rows of each ritual.
fn cadence(published: &Published) -> Result<Markup> {
    let mut rows = published.rows("cadence", &[], None)?;
    if rows.is_empty() {
        return Ok(html::absent("No meetings are on record, so whether the rituals take place is not shown."));
    }
    rows.sort_by_key(|row| (cell(row, "ritual"), std::cmp::Reverse(cell(row, "period_start"))));
    let latest: Vec<Row> = rows
        .chunk_by(|a, b| a.get("ritual") == b.get("ritual"))
        .flat_map(|of_ritual| of_ritual.iter().take(4).cloned())
        .collect();
    let columns = [
        Column::new("ritual", "Ritual", ""),
        Column::new("period_start", "Period from", ""),
        Column::new("is_complete", "Over", ""),
        Column::new("expected", "Expected", ""),
        Column::new("held", "Held", ""),
        Column::new("on_time", "On time", ""),
        Column::new("required_roles", "Roles required", ""),
        Column::new("required_roles_present", "Of these present", ""),
    ];
    let key = &published.catalog.require("cadence")?.key;
    Ok(html! {
        h3 { "Cadence" }
        (html::table("marts/cadence", "Rituals, the last four periods of each", key, &columns, &latest))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_company_stays_on_the_page_however_many_units_there_are() {
        let row = |kind: &str, id: &str, position: i64| -> Row {
            let row = json!({"scope_kind": kind, "scope_id": id, "position": position});
            row.as_object().cloned().unwrap_or_default()
        };
        // Ids of units sort before the company's.
        let mut rows = vec![row("org", "B", 1), row("org", "A", 2), row("org", "A", 1), row("company", "all", 1)];
        assert_eq!(first_scopes(&mut rows, 2), 3);
        let left: Vec<String> = rows.iter().map(|row| cell(row, "scope_id") + &cell(row, "position")).collect();
        assert_eq!(left, ["all1", "A1", "A2"]);
        assert_eq!(first_scopes(&mut rows, 2), 2);
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn a_kpi_is_named_by_its_column_and_what_it_is_pinned_to() {
        assert_eq!(label("adoption_kpis.active_rate"), "Active rate");
        assert_eq!(
            label("time_to_competency.median_days[clock=hire,milestone=signed_off]"),
            "Median days (hire, signed off)"
        );
        assert_eq!(label("certification_status.valid[content_id=C.1]"), "Valid (C.1)");
        assert_eq!(label("executive"), "Executive");
    }
}
