//! What the last run read, refused and noticed, and how much the guard holds back.

use maud::{Markup, html};
use serde_json::Value;

use super::Section;
use super::html::{self, Column};
use crate::cli::published::{Published, Row, text};
use crate::error::Result;

pub fn section(published: &Published) -> Result<Section> {
    let body = html! { (last_run(published)?) (noticed(published)?) (withheld(published)?) };
    Ok(Section { id: "quality", title: "Data quality of the last run", body, charts: Vec::new() })
}

fn last_run(published: &Published) -> Result<Markup> {
    let mut runs = published.rows("runs", &[], None)?;
    runs.sort_by_key(|row| row.get("commit_no").and_then(Value::as_i64));
    let columns = [
        Column::new("commit_no", "Commit", ""),
        Column::new("as_of", "As of", ""),
        Column::new("deliveries_read", "Deliveries read", ""),
        Column::new("deliveries_refused", "Of these refused", ""),
        Column::new("rows_read", "Records read", ""),
        Column::new("rows_accepted", "Accepted", ""),
        Column::new("rows_rejected", "Rejected", ""),
        Column::new("rows_duplicate", "Duplicate", ""),
        Column::new("rows_voided", "Voided", ""),
        Column::new("rows_superseded", "Superseded", ""),
        Column::new("rows_filtered", "Filtered", ""),
        Column::new("rows_forgotten", "Forgotten", ""),
    ];
    let Some(last) = runs.pop() else { return Ok(html::absent("No run is on record.")) };
    of(published, "ops/runs", "The last run; records read are the sum of the seven after them", &columns, &[last])
}

fn of(published: &Published, source: &str, caption: &str, columns: &[Column], rows: &[Row]) -> Result<Markup> {
    let name = source.rsplit('/').next().unwrap_or(source);
    Ok(html::table(source, caption, &published.catalog.require(name)?.key, columns, rows))
}

/// Rows of the last run's own partition and of the state of the lake; how full each column is stays with the operators.
fn noticed(published: &Published) -> Result<Markup> {
    let last = published
        .files("data_quality")
        .and_then(|(_, files)| files.keys().filter(|name| name.starts_with("commit-")).max().cloned());
    let current = |name: &str| !name.starts_with("commit-") || last.as_deref() == Some(name);
    let mut rows = published.rows_of("data_quality", &current, &[], None)?;
    let cell = |row: &Row, name: &str| row.get(name).map(text).unwrap_or_default();
    rows.retain(|row| cell(row, "check_kind") != "coverage" && row.get("affected").and_then(Value::as_i64) != Some(0));
    if rows.is_empty() {
        return Ok(html::absent("The last run noticed nothing amiss in its inputs."));
    }
    rows.sort_by_key(|row| {
        (severity(&cell(row, "severity")), cell(row, "check_kind"), cell(row, "canon_table"), cell(row, "delivery"))
    });
    let columns = [
        Column::new("sentence", "What", ""),
        Column::new("severity", "Severity", ""),
        Column::new("canon_table", "Table", ""),
        Column::new("column_name", "Column", ""),
        Column::new("delivery", "Delivery", ""),
        Column::new("affected", "Affected", ""),
        Column::new("out_of", "Out of", ""),
    ];
    of(published, "ops/data_quality", "What the last run noticed", &columns, &rows)
}

fn severity(name: &str) -> u8 {
    match name {
        "block" => 0,
        "warn" => 1,
        _ => 2,
    }
}

fn withheld(published: &Published) -> Result<Markup> {
    let mut rows = published.rows("suppressed_cells", &[], None)?;
    if rows.is_empty() {
        return Ok(html! {});
    }
    rows.sort_by_key(|row| ["table_name", "grain", "scope_kind"].map(|name| row.get(name).map(text)));
    let columns = [
        Column::new("table_name", "Table", ""),
        Column::new("grain", "Grain", ""),
        Column::new("scope_kind", "Scopes", ""),
        Column::new("rows_total", "Rows", ""),
        Column::new("rows_withheld", "Of these withheld", ""),
        Column::new("cells_withheld", "Single figures withheld", ""),
        Column::new("values_merged", "Values merged into other", ""),
    ];
    let caption = "What the guard holds back, to protect small groups";
    Ok(html! {
        details {
            summary { "What the guard holds back" }
            (of(published, "ops/suppressed_cells", caption, &columns, &rows)?)
        }
    })
}
