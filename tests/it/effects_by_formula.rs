//! `uptake stats effects` against a second implementation of the same formulas that shares no code with it: dense matrices in numpy,
//! tests/readers/effects_by_formula.py. The panel has gaps, units that come and go, weights, and leaders whose units start in different
//! weeks, so that what the published cases leave out is met too: weights with clusters, anticipation with a universal base, a balanced
//! event study, nobody never treated, rates with clusters. The script also draws any number of random panels and compares those.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::reference_effects::stats_effects;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/effects_by_formula")
}

/// (kind, part or cohort, week) with estimate, standard error and degrees of freedom.
type Figures = BTreeMap<(String, String, String), (f64, Option<f64>, Option<i64>)>;

/// What is expected, by the options of the command.
fn expected(file: &str) -> BTreeMap<String, Figures> {
    let mut all: BTreeMap<String, Figures> = BTreeMap::new();
    let mut reader = csv::Reader::from_path(folder().join(file)).unwrap();
    for record in reader.records() {
        let record = record.unwrap();
        let key = (record[1].to_owned(), record[2].to_owned(), record[3].to_owned());
        let figures = (record[4].parse().unwrap(), record[5].parse().ok(), record[6].parse().ok());
        assert!(all.entry(record[0].to_owned()).or_default().insert(key, figures).is_none(), "{record:?}");
    }
    all
}

fn found(panel: &Path, options: &str) -> Figures {
    let quick = "--placebo-draws 0 --no-cross-checks --draws 9";
    let found = stats_effects(panel, &format!("{options} {quick}"));
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let rows = |section: &str| found[section].as_array().cloned().unwrap_or_default();
    let cells =
        rows("cell").into_iter().map(|row| ((text(&row, "kind"), text(&row, "cohort"), text(&row, "time")), row));
    let pooled = rows("aggregate").into_iter().map(|row| ((text(&row, "kind"), text(&row, "at"), String::new()), row));
    cells
        .chain(pooled)
        .filter(|((kind, ..), _)| kind != "window")
        .map(|(key, row)| (key, (row["estimate"].as_f64().unwrap(), row["se"].as_f64(), row["df"].as_i64())))
        .collect()
}

fn near(found: f64, wanted: f64) -> bool {
    (found - wanted).abs() <= (1e-8 * wanted.abs()).max(1e-10)
}

#[track_caller]
fn meets(options: &str, found: &Figures, wanted: &Figures) {
    assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{options}");
    for (key, (estimate, se, df)) in wanted {
        let (is, its_se, its_df) = found[key];
        assert!(near(is, *estimate), "{options}: {key:?} is {is} instead of {estimate}");
        let alike = match (its_se, se) {
            (None, None) => true,
            (Some(is), Some(se)) => near(is, *se),
            _ => false,
        };
        assert!(alike, "{options}: se of {key:?} is {its_se:?} instead of {se:?}");
        assert!(df.is_none() || its_df == *df, "{options}: df of {key:?} is {its_df:?} instead of {df:?}");
    }
}

fn all_meet(wanted: impl Fn(&str) -> bool, least: usize) {
    let cases: Vec<_> = expected("expected.csv").into_iter().filter(|(options, _)| wanted(options)).collect();
    assert!(cases.len() >= least, "{}", cases.len());
    for (options, figures) in cases {
        meets(&options, &found(&folder().join("panel.csv"), &options), &figures);
    }
}

#[test]
fn group_times_and_their_aggregates_are_what_the_formulas_say() {
    all_meet(|options| !options.contains("--method"), 6);
}

#[test]
fn imputed_effects_are_what_the_formulas_say() {
    all_meet(|options| options.contains("--method bjs"), 2);
}

#[test]
fn rate_ratios_are_what_the_formulas_say() {
    all_meet(|options| options.contains("--method ppml"), 3);
}

#[test]
fn starts_of_episodes_are_what_the_formulas_say() {
    all_meet(|options| options.contains("--method clean-window"), 1);
}

#[test]
fn over_three_hundred_clusters_are_left_out_in_a_hundred_groups() {
    // The panel of `many` in the script.
    let mut text = "unit,time,first,outcome,people\n".to_owned();
    for unit in 0..330 {
        let first = (unit % 2 == 0).then_some(4 + unit % 3);
        for week in 1..=8 {
            let gained = if first.is_some_and(|first| week >= first) { 2 } else { 0 };
            let count = (unit * 7919 + week * 10_473) % 7 + gained;
            let first = first.map_or(String::new(), |first| first.to_string());
            writeln!(text, "unit {unit:03},{week},{first},{count},{}", 10 + unit % 5).unwrap();
        }
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    for (options, figures) in expected("many.csv") {
        meets(&options, &found(file.path(), &options), &figures);
    }
}
