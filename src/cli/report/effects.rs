//! What follows leaders' posts: the event study of each question with its verdict in words. The verdict comes first; a picture
//! without it is how effects are seen where there are none.

use std::collections::BTreeSet;

use maud::{Markup, html};
use serde_json::{Value, json};

use super::html::{self, Column, Show};
use super::{Chart, Section};
use crate::cli::published::{Published, Row, text};
use crate::error::Result;

/// The outcome whose event studies are open on the page.
const HEADLINE: &str = "sme_contributions_per_100";

pub fn section(published: &Published) -> Result<Section> {
    let weeks = published.rows("leader_post_event_study", &[("is_headline", vec!["true"])], None)?;
    let effects = published.rows("leader_post_effects", &[("is_headline", vec!["true"])], None)?;
    let key = |table: &str| published.catalog.table(table).map(|table| table.key.clone()).unwrap_or_default();
    Ok(shown(&effects, &weeks, &key("leader_post_effects"), &key("leader_post_event_study")))
}

/// The headline rows of `leader_post_effects` and those of `leader_post_event_study`, with the keys of the two.
fn shown(effects: &[Row], weeks: &[Row], key: &[String], weekly_key: &[String]) -> Section {
    let (id, title) = ("effects", "What follows leaders' posts");
    if effects.is_empty() {
        let body = html::absent("No effects of leaders' posts are published, so there is no event study to show.");
        return Section { id, title, body, charts: Vec::new() };
    }
    let columns = [
        Column::with("outcome", "Outcome", Show::With(|row| html! { (sentence_case(&cell(row, "outcome"))) })),
        Column::with("kind", "Post", Show::With(|row| html! { (sentence_case(&cell(row, "kind"))) })),
        Column::with("verdict", "Verdict", Show::With(|row| html! { (sentence_case(&cell(row, "verdict"))) })),
        Column::new("estimate", "Estimate", ""),
        Column::new("ci_low", "Low", ""),
        Column::new("ci_high", "High", ""),
        Column::new("n_treated", "Reached", ""),
        Column::new("n_control", "Compared", ""),
        Column::new("sentence_executive", "In words", ""),
    ];
    let table = |caption, rows| html::table("marts/leader_post_effects", caption, key, &columns, rows);
    let mut judged: Vec<Row> = effects.to_vec();
    judged.sort_by_key(|row| (rank(row), cell(row, "outcome") != HEADLINE, cell(row, "outcome"), cell(row, "kind")));
    let thin = judged.iter().position(|row| cell(row, "verdict") == THIN).unwrap_or(judged.len());
    let (known, thin) = judged.split_at(thin);
    let verdict = |row: &Row| {
        let about = |effect: &&Row| ["outcome", "kind"].iter().all(|name| effect.get(*name) == row.get(*name));
        effects.iter().find(about).map_or(usize::MAX, rank)
    };
    let questions: BTreeSet<(bool, usize, String, String)> = weeks
        .iter()
        .map(|row| (cell(row, "outcome") != HEADLINE, verdict(row), cell(row, "outcome"), cell(row, "kind")))
        .collect();
    let studies = questions.iter().enumerate().map(|(at, (_, _, outcome, kind))| {
        let about = |row: &&Row| cell(row, "kind") == *kind && cell(row, "outcome") == *outcome;
        let mut rows: Vec<Row> = weeks.iter().filter(about).cloned().collect();
        rows.sort_by_key(|row| row.get("e").and_then(Value::as_i64));
        question(at, outcome, kind, &rows, effects.iter().find(about), weekly_key)
    });
    let (charts, studies): (Vec<Chart>, Vec<Markup>) = studies.unzip();
    let (headline, others) = studies.split_at(questions.iter().filter(|(is_other, ..)| !is_other).count());
    let body = html! {
        p {
            "Each chart compares units that a leader's post reached with units not yet reached, week by week around the "
            "first post. Points carry the 95 % interval of their week; the shaded band holds all weeks together with 95 % "
            "confidence; the line at zero is no difference. Read the verdict before the picture."
        }
        @if !known.is_empty() { (table("Verdicts", known)) }
        @if !thin.is_empty() {
            details {
                summary { "Questions with too little data yet: " (thin.len()) }
                (table("Questions with too little data yet", thin))
            }
        }
        @if questions.is_empty() { (html::absent("No question has enough units for an event study.")) }
        @for study in headline { (study) }
        @if !others.is_empty() {
            details {
                summary { "Event studies of the other outcomes" }
                @for study in others { (study) }
            }
        }
    };
    Section { id, title, body, charts }
}

/// What is known comes before what is not.
const VERDICTS: [&str; 6] = ["supported", "suggestive", "not_detected", "pretrend_violation", "no_control_group", THIN];
const THIN: &str = "insufficient_data";

fn rank(row: &Row) -> usize {
    let verdict = cell(row, "verdict");
    VERDICTS.iter().position(|known| *known == verdict).unwrap_or(VERDICTS.len() - 2)
}

fn cell(row: &Row, name: &str) -> String {
    row.get(name).map(text).unwrap_or_default()
}

/// One event study: its verdict, its picture and the numbers behind it.
fn question(
    at: usize,
    outcome: &str,
    kind: &str,
    rows: &[Row],
    verdict: Option<&Row>,
    key: &[String],
) -> (Chart, Markup) {
    let of = |row: &Row, name: &str| row.get(name).cloned().unwrap_or(Value::Null);
    let first = |name: &str| rows.first().map_or(Value::Null, |row| of(row, name));
    let sentence = verdict.map(|row| cell(row, "sentence_executive")).unwrap_or_default();
    let code = verdict.map(|row| cell(row, "verdict")).unwrap_or_default();
    let title = sentence_case(&format!("{outcome} after {}", if kind == "any" { "any post" } else { kind }));
    let since = match first("weeks_per_period").as_i64() {
        Some(weeks) if weeks > 1 => format!("Periods of {weeks} weeks since the first post"),
        _ => "Weeks since the first post".to_owned(),
    };
    let chart = Chart {
        id: format!("effect-{at}"),
        kind: "event_study",
        label: format!("{title}: {sentence}"),
        more: serde_json::Map::from_iter([
            ("null".to_owned(), first("null_value").as_f64().unwrap_or_default().into()),
            ("since".to_owned(), since.clone().into()),
        ]),
        points: rows
            .iter()
            .map(|row| {
                json!({"x": of(row, "e"), "y": of(row, "estimate"), "low": of(row, "ci_low"), "high": of(row, "ci_high"),
                    "band_low": of(row, "band_low"), "band_high": of(row, "band_high")})
            })
            .collect(),
    };
    let columns = [
        Column::new("e", since, ""),
        Column::new("estimate", "Estimate", ""),
        Column::new("ci_low", "Low", ""),
        Column::new("ci_high", "High", ""),
        Column::new("band_low", "Band low", ""),
        Column::new("band_high", "Band high", ""),
    ];
    let table = html::table("marts/leader_post_event_study", &title, key, &columns, rows);
    let html = html! {
        p.verdict { strong { (sentence_case(&code)) "." } " " (sentence) }
        (html::figure(&chart.id, &title, &table))
    };
    (chart, html)
}

/// `sme_contributions_per_100` as words: SME contributions per 100.
fn sentence_case(code: &str) -> String {
    let short = |word: &str| if matches!(word, "sme" | "ama") { word.to_uppercase() } else { word.to_owned() };
    let words = code.split(['_', ' ']).map(short).collect::<Vec<_>>().join(" ");
    let mut letters = words.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(lines: &[Value]) -> Vec<Row> {
        lines.iter().map(|line| line.as_object().cloned().unwrap()).collect()
    }

    #[test]
    fn the_verdict_stands_before_its_picture_and_the_main_outcome_before_the_others() {
        let effect = |kind: &str, outcome: &str, verdict: &str| {
            json!({"kind": kind, "outcome": outcome, "verdict": verdict, "estimate": 1.5, "is_headline": true,
                "sentence_executive": format!("{kind} and <{outcome}>")})
        };
        let week = |kind: &str, outcome: &str, e: i64| {
            json!({"kind": kind, "outcome": outcome, "e": e, "estimate": 0.25, "ci_low": null, "ci_high": 1.0,
                "band_low": -1.0, "band_high": 2.0, "null_value": 0.0, "weeks_per_period": 4})
        };
        let effects =
            rows(&[effect("ama", HEADLINE, "not_detected"), effect("ama", "completions_per_100", "suggestive")]);
        let weeks = rows(&[week("ama", "completions_per_100", 0), week("ama", HEADLINE, 1), week("ama", HEADLINE, -1)]);
        let section = shown(&effects, &weeks, &["kind".into()], &["kind".into(), "e".into()]);
        let at = |text: &str| section.body.0.find(text).unwrap_or_else(|| panic!("{text}: {}", section.body.0));
        assert!(
            at("<strong>Not detected.</strong> ama and &lt;sme_contributions_per_100&gt;</p>")
                < at("data-chart=\"effect-0\"")
        );
        assert!(at("data-chart=\"effect-0\"") < at("Event studies of the other outcomes"));
        assert!(at("Event studies of the other outcomes") < at("data-chart=\"effect-1\""));
        assert!(section.body.0.contains("Periods of 4 weeks since the first post"));
        let points: Vec<i64> = section.charts[0].points.iter().map(|point| point["x"].as_i64().unwrap()).collect();
        assert_eq!(points, [-1, 1]);
        assert!(section.charts[0].points[0]["low"].is_null());
    }

    #[test]
    fn what_is_supported_comes_first_and_what_is_too_thin_is_folded_away() {
        let effect = |kind: &str, verdict: &str| json!({"kind": kind, "outcome": HEADLINE, "verdict": verdict, "sentence_executive": kind});
        let week = |kind: &str| json!({"kind": kind, "outcome": HEADLINE, "e": 0, "estimate": 0.25});
        let effects = rows(&[
            effect("ama", "insufficient_data"),
            effect("any", "not_detected"),
            effect("micro_lesson", "supported"),
        ]);
        let section = shown(&effects, &rows(&[week("any"), week("micro_lesson")]), &["kind".into()], &["kind".into()]);
        let at = |text: &str| section.body.0.find(text).unwrap_or_else(|| panic!("{text}: {}", section.body.0));
        assert!(at("data-key=\"kind=micro_lesson\"") < at("data-key=\"kind=any\""));
        assert!(at("Questions with too little data yet: 1</summary>") < at("data-key=\"kind=ama\""));
        assert!(section.charts[0].label.contains("micro_lesson") && section.charts[1].label.contains("any"));
    }

    #[test]
    fn without_effects_a_sentence_stands_in_place_of_the_picture() {
        let section = shown(&[], &[], &[], &[]);
        assert!(section.charts.is_empty() && section.body.0.contains("there is no event study to show"));
    }
}
