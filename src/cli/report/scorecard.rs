//! The one-page scorecard: what each scope is held to, in the last period that is over, and how it came there.

use serde_json::{Value, json};

use super::html::{self, Column, Show, escape};
use super::{Chart, Section};
use crate::cli::published::{Published, Row, text};
use crate::error::Result;

/// Scopes of one kind that stand on the page; the table has all.
const MOST: usize = 40;

pub fn section(published: &Published) -> Result<Section> {
    let mut section = Section { id: "scorecard", title: "Scorecard", body: String::new(), charts: Vec::new() };
    let rows = published.rows("scorecard", &[], None)?;
    if rows.is_empty() {
        section.body = html::absent("No scorecard is published: the job names none, or none of its tables is there.");
        return Ok(section);
    }
    let mut cards: Vec<String> = rows.iter().map(|row| cell(row, "scorecard")).collect();
    cards.sort();
    cards.dedup();
    for card in cards {
        let of_card: Vec<&Row> = rows.iter().filter(|row| cell(row, "scorecard") == card).collect();
        section.body.push_str(&format!("<h3>{}</h3>\n", escape(&label(&card))));
        for grain in ["quarter", "month"] {
            let whole = |row: &&&Row| cell(row, "grain") == grain && row.get("is_complete") == Some(&json!(true));
            let Some(start) = of_card.iter().filter(whole).map(|row| cell(row, "period_start")).max() else {
                let sentence = format!("No {grain} is over yet.");
                section.body.push_str(&html::absent(&sentence));
                continue;
            };
            let now = |row: &&&Row| whole(row) && cell(row, "period_start") == start;
            let rows: Vec<Row> = of_card.iter().filter(now).map(|row| (**row).clone()).collect();
            section.body.push_str(&period(published, &card, grain, &start, rows));
        }
        trends(published, &of_card, &mut section);
    }
    section.body.push_str(&cadence(published)?);
    Ok(section)
}

fn cell(row: &Row, name: &str) -> String {
    row.get(name).map(text).unwrap_or_default()
}

/// `active_rate` as a heading.
fn label(name: &str) -> String {
    let words = name.rsplit('.').next().unwrap_or(name).replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// One scorecard in one period: a line a KPI, scope by scope.
fn period(published: &Published, card: &str, grain: &str, start: &str, mut rows: Vec<Row>) -> String {
    let order =
        |row: &Row| (cell(row, "scope_kind"), cell(row, "scope_id"), row.get("position").and_then(Value::as_i64));
    rows.sort_by_key(order);
    let mut scopes: Vec<String> = rows.iter().map(|row| cell(row, "scope_id")).collect();
    scopes.dedup();
    let mut html = String::new();
    if scopes.len() > MOST {
        let last = scopes[MOST - 1].clone();
        rows.retain(|row| cell(row, "scope_id") <= last);
        html.push_str(&html::absent(&format!(
            "{} scopes are on this scorecard; the first {MOST} by id are on this page.",
            scopes.len()
        )));
    }
    let counts: Vec<String> = STATUSES
        .iter()
        .map(|(status, _, words)| (rows.iter().filter(|row| cell(row, "status") == *status).count(), words))
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    html.push_str(&format!("<p>The {grain} from {}: {}.</p>\n", escape(start), escape(&counts.join(", "))));
    let mut columns = vec![Column::with(
        "kpi",
        "KPI",
        Show::With(|row| {
            format!("<span title=\"{}\">{}</span>", escape(&cell(row, "kpi")), escape(&label(&cell(row, "kpi"))))
        }),
    )];
    if scopes.len() > 1 || scopes.first().is_some_and(|id| id != "all") {
        columns.push(Column::new("scope_id", "Scope", ""));
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
    let key = published.catalog.table("scorecard").map(|table| table.key.clone()).unwrap_or_default();
    let caption = format!("{}, {grain} from {start}", label(card));
    let table = html::table("marts/scorecard", &caption, &key, &columns, &rows);
    if scopes.len() > 8 {
        format!("{html}<details><summary>{}</summary>\n{table}</details>\n", escape(&caption))
    } else {
        html + &table
    }
}

/// Status, a sign that does not rely on colour, and words.
const STATUSES: [(&str, &str, &str); 4] = [
    ("on_track", "●", "on track"),
    ("watch", "◐", "to watch"),
    ("off_track", "○", "off track"),
    ("no_data", "–", "without data"),
];

fn status(row: &Row) -> String {
    let status = cell(row, "status");
    let (code, sign, words) = STATUSES.iter().find(|(code, ..)| *code == status).unwrap_or(&STATUSES[3]);
    format!("<span class=\"status {code}\"><span aria-hidden=\"true\">{sign}</span> {words}</span>")
}

/// Months of each KPI of the company, with its target.
fn trends(published: &Published, rows: &[&Row], section: &mut Section) {
    let monthly = |row: &&&Row| cell(row, "grain") == "month" && cell(row, "scope_kind") == "company";
    let mut months: Vec<&Row> = rows.iter().filter(monthly).copied().collect();
    months.sort_by_key(|row| (row.get("position").and_then(Value::as_i64), cell(row, "period_start")));
    section.body.push_str("<div class=\"multiples\">\n");
    for of_kpi in months.chunk_by(|a, b| a.get("kpi") == b.get("kpi")) {
        let Some(first) = of_kpi.first() else { continue };
        let (kpi, unit) = (cell(first, "kpi"), cell(first, "kpi_unit"));
        let id = format!("trend-{}", section.charts.len());
        let title = format!("{} ({})", label(&kpi), unit.replace('_', " "));
        let points = of_kpi
            .iter()
            .map(|row| json!({"x": row["period_start"], "y": row["value"], "complete": row["is_complete"]}))
            .collect();
        let more = json!({"target": first["target"], "tolerance": first["tolerance"], "direction": first["direction"],
            "share": unit.starts_with("share")});
        section.charts.push(Chart {
            id: id.clone(),
            kind: "trend",
            label: format!("{title} by month with the target as a dashed line"),
            more: more.as_object().cloned().unwrap_or_default(),
            points,
        });
        let key = published.catalog.table("scorecard").map(|table| table.key.clone()).unwrap_or_default();
        let columns = [
            Column::new("period_start", "Month from", ""),
            Column::with("value", "Value", Show::InUnitOf("kpi_unit")),
            Column::with("status", "Status", Show::With(status)),
            Column::new("is_complete", "Over", ""),
        ];
        let rows: Vec<Row> = of_kpi.iter().map(|row| (*row).clone()).collect();
        section.body.push_str(&html::figure(
            &id,
            &title,
            &html::table("marts/scorecard", &title, &key, &columns, &rows),
        ));
    }
    section.body.push_str("</div>\n");
}

/// The last rows of each ritual.
fn cadence(published: &Published) -> Result<String> {
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
    let key = published.catalog.expect("cadence")?.key.clone();
    let table = html::table("marts/cadence", "Rituals, the last four periods of each", &key, &columns, &latest);
    Ok(format!("<h3>Cadence</h3>\n{table}"))
}
