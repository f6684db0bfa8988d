//! How contributions were rated, and whether the ratings of that cycle can be relied on.

use serde_json::{Value, json};

use super::html::{self, Column};
use super::{Chart, Section};
use crate::cli::published::{Published, Row, text};
use crate::error::Result;

pub fn section(published: &Published) -> Result<Section> {
    let mut section =
        Section { id: "ratings", title: "Ratings and their reliability", body: String::new(), charts: Vec::new() };
    let filters = [("scope_kind", vec!["company"]), ("competency", vec!["all"])];
    let mut rows = published.rows("rubric_aggregates", &filters, None)?;
    if rows.is_empty() {
        section.body = html::absent("No ratings of contributions are published, so their distribution is not shown.");
        return Ok(section);
    }
    let cell = |row: &Row, name: &str| row.get(name).map(text).unwrap_or_default();
    let cycle = |row: &Row| (cell(row, "cycle_id"), cell(row, "rubric_version"));
    rows.sort_by_key(|row| (cycle(row), cell(row, "dimension")));
    let agreement = published.rows("rater_agreement", &[], None)?;
    let share = "share of items";
    for (at, of_cycle) in rows.chunk_by(|a, b| cycle(a) == cycle(b)).enumerate() {
        let Some(first) = of_cycle.first() else { continue };
        let (cycle_id, version) = cycle(first);
        let title = format!("Cycle {cycle_id}, rubric {version}");
        section.body.push_str(&format!("<h3>{}</h3>\n", html::escape(&title)));
        let mut agreed: Vec<Row> = agreement.iter().filter(|row| cycle(row) == cycle(first)).cloned().collect();
        agreed.sort_by_key(|row| cell(row, "dimension"));
        if agreed.is_empty() {
            section.body.push_str(&html::absent(
                "How far raters agreed is not published: do not rely on these ratings for a decision.",
            ));
        } else {
            let columns = [
                Column::new("dimension", "Dimension", ""),
                Column::new("verdict", "Verdict", ""),
                Column::new("krippendorff_alpha_ordinal", "Alpha", ""),
                Column::new("krippendorff_alpha_low", "Low", ""),
                Column::new("krippendorff_alpha_high", "High", ""),
                Column::new("gwet_ac2", "AC2", ""),
                Column::new("items", "Items", ""),
                Column::new("raters", "Raters", ""),
            ];
            let key = published.catalog.expect("rater_agreement")?.key.clone();
            section.body.push_str("<p>Alpha from 0.8 is reliable, from 0.667 tentative; below that the ratings are not reliable enough for decisions about individuals.</p>\n");
            section.body.push_str(&html::table(
                "marts/rater_agreement",
                &format!("Agreement of raters, {title}"),
                &key,
                &columns,
                &agreed,
            ));
        }
        let id = format!("ratings-{at}");
        let mut points = Vec::new();
        for row in of_cycle {
            for mark in 1..=4 {
                let value = row.get(&format!("share_{mark}")).cloned().unwrap_or(Value::Null);
                points.push(json!({"dimension": cell(row, "dimension"), "mark": mark, "y": value}));
            }
        }
        section.charts.push(Chart {
            id: id.clone(),
            kind: "shares",
            label: format!("Share of items by score on each dimension, {title}"),
            more: serde_json::Map::new(),
            points,
        });
        let columns = [
            Column::new("dimension", "Dimension", ""),
            Column::new("items", "Items", ""),
            Column::new("mean", "Mean", ""),
            Column::new("share_1", "1 to below 2", share),
            Column::new("share_2", "2 to below 3", share),
            Column::new("share_3", "3 to below 4", share),
            Column::new("share_4", "4", share),
        ];
        let key = published.catalog.expect("rubric_aggregates")?.key.clone();
        let table = html::table("marts/rubric_aggregates", &format!("Scores, {title}"), &key, &columns, of_cycle);
        section.body.push_str(&html::figure(&id, "Share of items by score", &table));
    }
    Ok(section)
}
