//! One table for everything that an analysis of a panel says.

use std::io::Write;

use serde::Serialize;
use serde_json::{Map, Value};

use super::read::Style;
use crate::error::{Error, Result};
use crate::stats::aggregate::{Aggregation, Estimate};
use crate::stats::effects::Effects;
use crate::stats::interval::{Law, interval};
use crate::stats::panel::Panel;
use crate::stats::verdict::Words;
use crate::stats::{clean_window, imputation, ppml};

/// A row of output. What does not apply is empty in CSV.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Line {
    /// `cell`, `aggregate`, `event_study`, `test` or `summary`
    pub section: &'static str,
    /// Which aggregate, test or figure.
    pub kind: &'static str,
    /// Weeks since treatment, cohort or week of a part; `overall`.
    pub at: Option<String>,
    /// Of a cell: first treatment of the cohort, week, base week.
    pub cohort: Option<String>,
    pub time: Option<String>,
    pub base: Option<String>,
    pub estimate: Option<f64>,
    pub se: Option<f64>,
    pub df: Option<i64>,
    pub ci_low: Option<f64>,
    pub ci_high: Option<f64>,
    pub band_low: Option<f64>,
    pub band_high: Option<f64>,
    pub n_treated: Option<usize>,
    pub n_control: Option<usize>,
    pub n_cohorts: Option<usize>,
    pub n_singleton_cohorts: Option<usize>,
    /// Unit-weeks (bjs, ppml) or episodes (clean-window).
    pub n_obs: Option<usize>,
    /// Weeks in which episodes start (clean-window).
    pub n_cells: Option<usize>,
    pub baseline_mean: Option<f64>,
    /// Estimate over baseline, a share.
    pub pct_change: Option<f64>,
    /// Of a test: its statistic (its degrees of freedom are in df) and p-value.
    pub statistic: Option<f64>,
    pub p: Option<f64>,
    /// Of a summary: a number or a sentence.
    pub value: Option<f64>,
    pub text: Option<String>,
}

pub fn of_effects(found: &Effects, events: Option<f64>, words: Words<'_>, style: Style) -> Vec<Line> {
    let mut lines = Vec::new();
    for cell in &found.cells {
        lines.push(Line {
            section: "cell",
            kind: "att_gt",
            cohort: Some(style.format(cell.cohort)),
            time: Some(style.format(cell.week)),
            base: Some(style.format(cell.base)),
            estimate: Some(cell.att),
            se: cell.se,
            n_treated: Some(cell.n_treated),
            n_control: Some(cell.n_control),
            ..Line::default()
        });
    }
    for estimate in &found.aggregates {
        lines.push(Line { section: "aggregate", ..of_estimate(found, estimate, style) });
    }
    for row in &found.event_study {
        let band = found.band_of(row);
        let line = of_estimate(found, row, style);
        lines.push(Line {
            section: "event_study",
            band_low: band.map(|band| band.0),
            band_high: band.map(|band| band.1),
            ..line
        });
    }
    lines.extend(found.bjs.iter().map(|effect| of_imputed(effect, found.law, found.confidence)));
    lines.extend(found.ppml.iter().map(|ratio| of_ratio(ratio, found.law, found.confidence)));
    lines.extend(tests(found));
    lines.extend(summary(found, events, words, style));
    lines
}

fn tests(found: &Effects) -> Vec<Line> {
    let test = |kind: &'static str| Line { section: "test", kind, ..Line::default() };
    let wald = |kind, test_of: Option<crate::stats::pretrend::Wald>| Line {
        statistic: test_of.map(|wald| wald.w),
        df: test_of.map(|wald| wald.df as i64),
        p: test_of.map(|wald| wald.p),
        ..test(kind)
    };
    let studentised = found.headline.as_ref().and_then(|h| Some(h.estimate / h.se?));
    let unbounded = found.breakdown_mbar.is_some_and(f64::is_infinite);
    vec![
        wald("pretrend_event_study", found.pretrend),
        Line {
            p: found.pretrend.and_then(|wald| wald.p_small_sample),
            ..wald("pretrend_small_sample", found.pretrend)
        },
        wald("pretrend_all_cells", found.pretrend_cells),
        Line {
            statistic: studentised,
            df: found.headline.as_ref().map(|h| h.df),
            p: found.p_value(),
            ..test("headline_t")
        },
        Line { statistic: studentised, p: found.placebo_p, ..test("placebo") },
        Line { statistic: found.band, ..test("band_critical_value") },
        Line {
            statistic: found.breakdown_mbar.filter(|mbar| mbar.is_finite()),
            text: unbounded.then(|| "unbounded: the comparison did not move before treatment".to_owned()),
            ..test("breakdown_mbar")
        },
        Line { statistic: found.mde, ..test("mde") },
    ]
}

fn summary(found: &Effects, events: Option<f64>, words: Words<'_>, style: Style) -> Vec<Line> {
    let figure = |kind: &'static str, value: Option<f64>| Line { section: "summary", kind, value, ..Line::default() };
    let text =
        |kind: &'static str, text: String| Line { section: "summary", kind, text: Some(text), ..Line::default() };
    let counts = &found.counts;
    let mut lines = Vec::new();
    if let Some(headline) = &found.headline {
        let line = of_estimate(found, headline, style);
        lines.push(Line {
            section: "summary",
            kind: "headline",
            text: Some(headline.aggregation.as_str().to_owned()),
            ..line
        });
    }
    let figures: [(&'static str, usize); 12] = [
        ("n_units", counts.n_units),
        ("n_treated", counts.n_treated),
        ("n_control", counts.n_control),
        ("n_clusters", counts.n_clusters),
        ("n_cohorts", counts.n_cohorts),
        ("n_singleton_cohorts", counts.n_singleton_cohorts),
        ("n_dropped_always", counts.n_dropped_always),
        ("n_dropped_k", counts.n_dropped_small),
        ("n_dropped_gap", counts.n_dropped_gap),
        ("n_rejected_rows", counts.n_rejected_rows),
        ("pre_weeks", counts.pre_weeks),
        ("post_weeks", counts.post_weeks),
    ];
    lines.extend(figures.into_iter().map(|(kind, count)| figure(kind, Some(count as f64))));
    lines.push(figure("events", events));
    // One test in this run, so its false discovery rate is its p-value.
    let judgement = found.judge(found.p_value(), events, words);
    lines.push(text("verdict", judgement.verdict.as_str().to_owned()));
    lines.push(text("reason", judgement.reason));
    lines.push(text("executive", judgement.executive));
    lines.push(text("statistician", judgement.statistician));
    if found.cohorts_are_small() {
        lines.push(text(
            "note",
            "more than half of the cohorts have fewer than three units: see also --pool-weeks 4".to_owned(),
        ));
    }
    lines
}

fn of_estimate(found: &Effects, estimate: &Estimate, style: Style) -> Line {
    let ci = found.interval(estimate.estimate, estimate.se, estimate.df);
    let part = |at: i64| match estimate.aggregation {
        Aggregation::Group | Aggregation::Calendar => style.format(at),
        _ => at.to_string(),
    };
    Line {
        kind: estimate.aggregation.as_str(),
        at: Some(estimate.at.map_or_else(|| "overall".to_owned(), part)),
        estimate: Some(estimate.estimate),
        se: estimate.se,
        df: Some(estimate.df),
        ci_low: ci.map(|ci| ci.0),
        ci_high: ci.map(|ci| ci.1),
        n_treated: Some(estimate.n_treated),
        n_control: Some(estimate.n_control),
        n_cohorts: Some(estimate.n_cohorts),
        n_singleton_cohorts: Some(estimate.n_singleton_cohorts),
        baseline_mean: Some(estimate.baseline_mean).filter(|mean| mean.is_finite()),
        pct_change: Some(estimate.estimate / estimate.baseline_mean).filter(|share| share.is_finite()),
        ..Line::default()
    }
}

pub fn of_imputed(effect: &imputation::Effect, law: Law, confidence: f64) -> Line {
    let ci = interval(law, confidence, effect.estimate, effect.se, effect.df);
    Line {
        section: "aggregate",
        kind: "bjs",
        at: Some(horizon(effect.at)),
        estimate: Some(effect.estimate),
        se: effect.se,
        df: Some(effect.df),
        ci_low: ci.map(|ci| ci.0),
        ci_high: ci.map(|ci| ci.1),
        n_treated: Some(effect.n_units),
        n_obs: Some(effect.n_obs),
        ..Line::default()
    }
}

/// The estimate is a ratio; its standard error is that of its natural logarithm.
pub fn of_ratio(ratio: &ppml::RateRatio, law: Law, confidence: f64) -> Line {
    let ci = interval(law, confidence, ratio.ratio.ln(), ratio.log_se, ratio.df).filter(|ci| ci.0.is_finite());
    Line {
        section: "aggregate",
        kind: "ppml",
        at: Some(horizon(ratio.at)),
        estimate: Some(ratio.ratio),
        se: ratio.log_se,
        df: Some(ratio.df),
        ci_low: ci.map(|ci| ci.0.exp()),
        ci_high: ci.map(|ci| ci.1.exp()),
        n_treated: Some(ratio.n_units),
        n_obs: Some(ratio.n_obs),
        text: Some(format!("rate ratio, se of its logarithm; observed {} expected {}", ratio.observed, ratio.expected)),
        ..Line::default()
    }
}

pub fn of_episode(effect: &clean_window::Effect, law: Law, confidence: f64) -> Line {
    let ci = interval(law, confidence, effect.estimate, effect.se, effect.df);
    Line {
        section: "aggregate",
        kind: "clean_window",
        at: Some(horizon(effect.at)),
        estimate: Some(effect.estimate),
        se: effect.se,
        df: Some(effect.df),
        ci_low: ci.map(|ci| ci.0),
        ci_high: ci.map(|ci| ci.1),
        n_treated: Some(effect.n_treated_units),
        n_control: Some(effect.n_control_units),
        n_obs: Some(effect.n_episodes),
        n_cells: Some(effect.n_cells),
        ..Line::default()
    }
}

/// What a panel holds, for methods that have no other summary.
pub fn of_panel(panel: &Panel) -> Vec<Line> {
    let figures = [
        ("n_units", panel.units.len()),
        ("n_dropped_k", panel.dropped_small),
        ("n_rejected_rows", panel.rejected_rows),
    ];
    figures
        .into_iter()
        .map(|(kind, count)| Line { section: "summary", kind, value: Some(count as f64), ..Line::default() })
        .collect()
}

fn horizon(at: Option<i64>) -> String {
    at.map_or_else(|| "overall".to_owned(), |e| e.to_string())
}

/// Numbers in the shortest form that reads back to the same bits.
pub fn write_csv(lines: &[Line], out: &mut dyn Write) -> Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    for line in lines {
        writer.serialize(line).map_err(unwritable)?;
    }
    writer.flush().map_err(unwritable)
}

/// An object of sections, each a list of rows; a column that a section never fills is left out of it.
pub fn write_json(lines: &[Line], out: &mut dyn Write) -> Result<()> {
    let mut sections: Map<String, Value> = Map::new();
    for line in lines {
        let row = serde_json::to_value(line).map_err(unwritable)?;
        let list = sections.entry(line.section).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(row);
        }
    }
    for list in sections.values_mut().filter_map(Value::as_array_mut) {
        let rows = || list.iter().filter_map(Value::as_object);
        let used: Vec<String> = match rows().next() {
            None => continue,
            Some(first) => first
                .keys()
                .filter(|key| *key != "section" && rows().any(|row| !row[*key].is_null()))
                .cloned()
                .collect(),
        };
        for row in list.iter_mut().filter_map(Value::as_object_mut) {
            row.retain(|key, _| used.contains(key));
        }
    }
    serde_json::to_writer_pretty(&mut *out, &sections).map_err(unwritable)?;
    writeln!(out).map_err(unwritable)
}

fn unwritable(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::usage("the result cannot be written").caused_by(error)
}
