//! How contributions were rated, and whether the ratings of that cycle can be relied on.

use maud::{Markup, html};
use serde_json::{Value, json};

use super::html::{self, Column};
use super::{Chart, Section};
use crate::cli::published::{Published, Row, text};
use crate::error::Result;

pub fn section(published: &Published) -> Result<Section> {
    let filters = [("scope_kind", vec!["company"]), ("competency", vec!["all"])];
    let rows = published.rows("rubric_aggregates", &filters, None)?;
    let agreement = published.rows("rater_agreement", &[], None)?;
    let key = |table: &str| published.catalog.table(table).map(|table| table.key.clone()).unwrap_or_default();
    Ok(shown(rows, &agreement, &key("rubric_aggregates"), &key("rater_agreement")))
}

/// The company's rows of `rubric_aggregates` over all competencies, and `rater_agreement`, with the keys of the two.
fn shown(mut rows: Vec<Row>, agreement: &[Row], key: &[String], agreement_key: &[String]) -> Section {
    let (id, title) = ("ratings", "Ratings and their reliability");
    if rows.is_empty() {
        let body = html::absent("No ratings of contributions are published, so their distribution is not shown.");
        return Section { id, title, body, charts: Vec::new() };
    }
    rows.sort_by_key(|row| (cycle(row), cell(row, "dimension")));
    let cycles = rows.chunk_by(|a, b| cycle(a) == cycle(b)).enumerate();
    let (charts, cycles): (Vec<Chart>, Vec<Markup>) =
        cycles.map(|(at, rows)| of_cycle(at, rows, agreement, key, agreement_key)).unzip();
    Section { id, title, body: html! { @for cycle in cycles { (cycle) } }, charts }
}

fn cell(row: &Row, name: &str) -> String {
    row.get(name).map(text).unwrap_or_default()
}

/// What is rated together: a cycle and the version of its rubric.
fn cycle(row: &Row) -> (String, String) {
    (cell(row, "cycle_id"), cell(row, "rubric_version"))
}

/// The rows of one cycle below how far its raters agreed.
fn of_cycle(at: usize, rows: &[Row], agreement: &[Row], key: &[String], agreement_key: &[String]) -> (Chart, Markup) {
    let of = rows.first().map(cycle).unwrap_or_default();
    let title = format!("Cycle {}, rubric {}", of.0, of.1);
    let mut agreed: Vec<Row> = agreement.iter().filter(|row| cycle(row) == of).cloned().collect();
    agreed.sort_by_key(|row| cell(row, "dimension"));
    let agreement_columns = [
        Column::new("dimension", "Dimension", ""),
        Column::new("verdict", "Verdict", ""),
        Column::new("krippendorff_alpha_ordinal", "Alpha", ""),
        Column::new("krippendorff_alpha_low", "Low", ""),
        Column::new("krippendorff_alpha_high", "High", ""),
        Column::new("gwet_ac2", "AC2", ""),
        Column::new("items", "Items", ""),
        Column::new("raters", "Raters", ""),
    ];
    let share = "share of items";
    let score_columns = [
        Column::new("dimension", "Dimension", ""),
        Column::new("items", "Items", ""),
        Column::new("mean", "Mean", ""),
        Column::new("share_1", "1 to below 2", share),
        Column::new("share_2", "2 to below 3", share),
        Column::new("share_3", "3 to below 4", share),
        Column::new("share_4", "4", share),
    ];
    let mut points = Vec::new();
    for row in rows {
        for mark in 1..=4 {
            let value = row.get(&format!("share_{mark}")).cloned().unwrap_or(Value::Null);
            points.push(json!({"dimension": cell(row, "dimension"), "mark": mark, "y": value}));
        }
    }
    let chart = Chart {
        id: format!("ratings-{at}"),
        kind: "shares",
        label: format!("Share of items by score on each dimension, {title}"),
        more: serde_json::Map::new(),
        points,
    };
    let table = html::table("marts/rubric_aggregates", &format!("Scores, {title}"), key, &score_columns, rows);
    let caption = format!("Agreement of raters, {title}");
    let html = html! {
        h3 { (title) }
        @if agreed.is_empty() {
            (html::absent("How far raters agreed is not published: do not rely on these ratings for a decision."))
        } @else {
            p {
                "Alpha from 0.8 is reliable, from 0.667 tentative; below that the ratings are not reliable enough for "
                "decisions about individuals."
            }
            (html::table("marts/rater_agreement", &caption, agreement_key, &agreement_columns, &agreed))
        }
        (html::figure(&chart.id, "Share of items by score", &table))
    };
    (chart, html)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_stand_below_how_far_they_can_be_relied_on() {
        let row = |line: Value| line.as_object().cloned().unwrap();
        let rated = |cycle: &str| {
            row(json!({"cycle_id": cycle, "rubric_version": "v1", "dimension": "impact", "items": 25, "mean": 2.5,
                "share_1": 0.125, "share_2": 0.25, "share_3": 0.5, "share_4": null}))
        };
        let agreed =
            row(json!({"cycle_id": "2025H2", "rubric_version": "v1", "dimension": "impact", "verdict": "unreliable",
            "krippendorff_alpha_ordinal": 0.25}));
        let section =
            shown(vec![rated("2026H1"), rated("2025H2")], &[agreed], &["cycle_id".into()], &["cycle_id".into()]);
        let (first, second) = section.body.0.split_once("<h3>Cycle 2026H1").unwrap();
        assert!(first.contains(">unreliable<") && first.find("unreliable") < first.find("data-chart=\"ratings-0\""));
        assert!(second.contains("How far raters agreed is not published"), "{second}");
        let shares: Vec<Value> = section.charts[0].points.iter().map(|point| point["y"].clone()).collect();
        assert_eq!(shares, [json!(0.125), json!(0.25), json!(0.5), Value::Null]);
    }

    #[test]
    fn without_ratings_a_sentence_stands_in_place_of_the_picture() {
        let section = shown(Vec::new(), &[], &[], &[]);
        assert!(section.charts.is_empty() && section.body.0.contains("their distribution is not shown"));
    }
}
