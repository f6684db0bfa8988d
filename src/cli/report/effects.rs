//! What follows leaders' posts: the event study of each question with its verdict in words. The verdict comes first; a picture
//! without it is how effects are seen where there are none.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::html::{self, Column, escape};
use super::{Chart, Section};
use crate::cli::published::{Published, Row, text};
use crate::error::Result;

pub fn section(published: &Published) -> Result<Section> {
    let mut section =
        Section { id: "effects", title: "What follows leaders' posts", body: String::new(), charts: Vec::new() };
    let weeks = published.rows("leader_post_event_study", &[("is_headline", vec!["true"])], None)?;
    let effects = published.rows("leader_post_effects", &[("is_headline", vec!["true"])], None)?;
    if effects.is_empty() {
        section.body = html::absent("No effects of leaders' posts are published, so there is no event study to show.");
        return Ok(section);
    }
    section.body.push_str("<p>Each chart compares units that a leader's post reached with units not yet reached, week by week around the first post. Points carry the 95 % interval of their week; the shaded band holds all weeks together with 95 % confidence; the line at zero is no difference. Read the verdict before the picture.</p>\n");
    let key = published.catalog.expect("leader_post_effects")?.key.clone();
    let columns = [
        Column::new("outcome", "Outcome", ""),
        Column::new("kind", "Kind of post", ""),
        Column::new("verdict", "Verdict", ""),
        Column::new("estimate", "Estimate", ""),
        Column::new("ci_low", "Low", ""),
        Column::new("ci_high", "High", ""),
        Column::new("n_treated", "Units reached", ""),
        Column::new("n_control", "Units compared with", ""),
        Column::new("sentence_executive", "In words", ""),
    ];
    section.body.push_str(&html::table("marts/leader_post_effects", "Verdicts", &key, &columns, &effects));
    let cell = |row: &Row, name: &str| row.get(name).map(text).unwrap_or_default();
    let questions: BTreeSet<(String, String)> =
        weeks.iter().map(|row| (cell(row, "kind"), cell(row, "outcome"))).collect();
    if questions.is_empty() {
        section.body.push_str(&html::absent("No question has enough units for an event study."));
    }
    let key = published.catalog.expect("leader_post_event_study")?.key.clone();
    for (at, (kind, outcome)) in questions.into_iter().enumerate() {
        let about = |row: &&Row| cell(row, "kind") == kind && cell(row, "outcome") == outcome;
        let mut rows: Vec<Row> = weeks.iter().filter(about).cloned().collect();
        rows.sort_by_key(|row| row.get("e").and_then(Value::as_i64));
        let verdict = effects.iter().find(about);
        let sentence = verdict.map(|row| cell(row, "sentence_executive")).unwrap_or_default();
        let id = format!("effect-{at}");
        let title =
            format!("{} after {}", words(&outcome), if kind == "any" { "any post".into() } else { words(&kind) });
        section.charts.push(Chart {
            id: id.clone(),
            kind: "event_study",
            label: format!("{title}: {sentence}"),
            more: serde_json::Map::from_iter([(
                "null".to_owned(),
                rows.first().map_or(json!(0), |row| {
                    row.get("null_value").cloned().filter(|value| !value.is_null()).unwrap_or(json!(0))
                }),
            )]),
            points: rows
                .iter()
                .map(|row| {
                    let of = |name: &str| row.get(name).cloned().unwrap_or(Value::Null);
                    json!({"x": of("e"), "y": of("estimate"), "low": of("ci_low"), "high": of("ci_high"),
                        "band_low": of("band_low"), "band_high": of("band_high")})
                })
                .collect(),
        });
        let columns = [
            Column::new("e", "Weeks since the post", ""),
            Column::new("estimate", "Estimate", ""),
            Column::new("ci_low", "Low", ""),
            Column::new("ci_high", "High", ""),
            Column::new("band_low", "Band low", ""),
            Column::new("band_high", "Band high", ""),
        ];
        let code = verdict.map(|row| cell(row, "verdict")).unwrap_or_default();
        section.body.push_str(&format!(
            "<p class=\"verdict\"><strong>{}</strong> {}</p>\n",
            escape(&words(&code)),
            escape(&sentence)
        ));
        let table = html::table("marts/leader_post_event_study", &title, &key, &columns, &rows);
        section.body.push_str(&html::figure(&id, &title, &table));
    }
    Ok(section)
}

/// `sme_contributions_per_100` as words.
fn words(code: &str) -> String {
    code.replace('_', " ")
}
