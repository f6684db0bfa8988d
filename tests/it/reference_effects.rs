//! Effects of leaders' posts against published and independently computed numbers, through `uptake stats effects`.
//!
//! The data are other people's and stay outside the repository; where they are not there, a test says so and passes.
#![allow(clippy::print_stderr, reason = "a skipped test says so")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Parser;
use serde_json::Value;
use uptake::cli::stats::effects::{Args, run};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    args: Args,
}

/// The folder of a case, or `None` with a message.
fn reference(case: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference").join(case);
    if !folder.is_dir() {
        eprintln!("skipped: no reference data at {}", folder.display());
        return None;
    }
    Some(folder)
}

/// Runs the command on a file and returns its JSON.
pub(crate) fn stats_effects(file: &Path, options: &str) -> Value {
    let words = ["effects", file.to_str().unwrap(), "--format", "json"].into_iter().chain(options.split_whitespace());
    let args = Command::try_parse_from(words).unwrap().args;
    let mut out = Vec::new();
    run(&args, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

/// Rows of an expected CSV as name -> text.
fn expected(file: &Path) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let headers = reader.headers().unwrap().clone();
    let row =
        |record: csv::StringRecord| headers.iter().map(str::to_owned).zip(record.iter().map(str::to_owned)).collect();
    reader.records().map(|record| row(record.unwrap())).collect()
}

fn number(text: &str) -> Option<f64> {
    (!text.is_empty()).then(|| text.parse().unwrap())
}

fn rows<'a>(found: &'a Value, section: &'a str, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    found[section].as_array().into_iter().flatten().filter(move |row| row["kind"] == kind)
}

fn one<'a>(found: &'a Value, section: &'a str, kind: &'a str, at: &str) -> &'a Value {
    rows(found, section, kind).find(|row| row["at"] == at).unwrap_or_else(|| panic!("no {section} {kind} {at}"))
}

fn summary<'a>(found: &'a Value, kind: &'a str) -> &'a Value {
    rows(found, "summary", kind).next().unwrap_or_else(|| panic!("no summary {kind}"))
}

/// Equal to `relative`, or both tiny differences; both absent is equal.
#[track_caller]
fn same(what: &str, found: &Value, wanted: Option<f64>, relative: f64) {
    match (found.as_f64(), wanted) {
        (None, None) => {}
        (Some(found), Some(wanted)) => {
            let apart = (found - wanted).abs();
            assert!(apart <= relative * wanted.abs() || apart <= 1e-10, "{what}: {found} instead of {wanted}");
        }
        (found, wanted) => panic!("{what}: {found:?} instead of {wanted:?}"),
    }
}

const EXACT: f64 = 1e-9;

/// Cells, aggregates, event study, tests and band of one case under one specification.
fn meets(case: &str, spec: &str, options: &str) {
    let Some(folder) = reference(case) else { return };
    let meta: Value =
        serde_json::from_slice(&std::fs::read(folder.join(format!("expected_{spec}_meta.json"))).unwrap()).unwrap();
    let window = (meta["event_window"][0].as_i64().unwrap(), meta["event_window"][1].as_i64().unwrap());
    let options = format!(
        "{options} --interval normal --placebo-draws 0 --no-cross-checks --min-e {} --max-e {}",
        window.0, window.1
    );
    let found = stats_effects(&folder.join(meta["input"].as_str().unwrap()), &options);

    assert_eq!(summary(&found, "n_units")["value"].as_f64(), meta["n_units_used"].as_f64());
    let cells = expected(&folder.join(format!("expected_{spec}_attgt.csv")));
    assert_eq!(rows(&found, "cell", "att_gt").count(), cells.len());
    for (row, wanted) in rows(&found, "cell", "att_gt").zip(&cells) {
        let name = format!("ATT({}, {})", wanted["group"], wanted["time"]);
        for (column, expected) in [("cohort", "group"), ("time", "time"), ("base", "base")] {
            assert_eq!(row[column].as_str(), Some(&wanted[expected][..]), "{name} {column}");
        }
        same(&name, &row["estimate"], number(&wanted["att"]), EXACT);
        same(&format!("se of {name}"), &row["se"], number(&wanted["se"]), EXACT);
        same(&format!("treated of {name}"), &row["n_treated"], number(&wanted["n_treated"]), EXACT);
        same(&format!("controls of {name}"), &row["n_control"], number(&wanted["n_control"]), EXACT);
    }
    aggregates_meet(&found, &folder.join(format!("expected_{spec}_agg.csv")));

    let study = expected(&folder.join(format!("expected_{spec}_eventstudy.csv")));
    assert_eq!(rows(&found, "event_study", "dynamic").count(), study.len());
    for (row, wanted) in rows(&found, "event_study", "dynamic").zip(&study) {
        let name = format!("event study {}", wanted["egt"]);
        assert_eq!(row["at"].as_str(), Some(&wanted["egt"][..]));
        for (column, expected) in [("estimate", "att"), ("se", "se"), ("ci_low", "ci_low"), ("ci_high", "ci_high")] {
            same(&format!("{name} {column}"), &row[column], number(&wanted[expected]), EXACT);
        }
    }
    let overall = one(&found, "aggregate", "window", "overall");
    same("overall in the window", &overall["estimate"], meta["overall_in_window"]["att"].as_f64(), EXACT);
    same("se of it", &overall["se"], meta["overall_in_window"]["se"].as_f64(), EXACT);

    let test = |kind: &'static str| rows(&found, "test", kind).next().unwrap();
    for (kind, wanted) in [("pretrend_event_study", "pre_event_wald"), ("pretrend_all_cells", "wald_all_pre_cells")] {
        same(&format!("{kind} W"), &test(kind)["statistic"], meta[wanted]["W"].as_f64(), 1e-8);
        same(&format!("{kind} p"), &test(kind)["p"], meta[wanted]["p"].as_f64(), 1e-8);
    }
    let band = test("band_critical_value")["statistic"].as_f64().unwrap();
    let wanted = meta["supt_critical_value_gaussian_mc1e6"].as_f64().unwrap();
    assert!((band - wanted).abs() <= 0.10, "critical value {band} instead of {wanted}");
}

fn aggregates_meet(found: &Value, file: &Path) {
    for wanted in expected(file).iter().filter(|row| row["type"] != "pretrend_wald") {
        let row = one(found, "aggregate", &wanted["type"], &wanted["egt"]);
        let name = format!("{} {}", wanted["type"], wanted["egt"]);
        same(&name, &row["estimate"], number(&wanted["att"]), EXACT);
        same(&format!("se of {name}"), &row["se"], number(&wanted["se"]), EXACT);
    }
}

const MPDTA: &str = "--unit countyreal --time year --first first_treat --outcome lemp";
const STAGG: &str = "--unit id --time year --first year_treated --outcome y";

#[test]
fn mpdta_with_never_treated_controls() {
    meets("did_mpdta", "never", &format!("{MPDTA} --control never"));
}

#[test]
fn mpdta_with_not_yet_treated_controls() {
    meets("did_mpdta", "notyet", MPDTA);
}

#[test]
fn mpdta_with_a_universal_base() {
    meets("did_mpdta", "never_universal", &format!("{MPDTA} --control never --base universal"));
}

#[test]
fn mpdta_with_a_year_of_anticipation() {
    meets("did_mpdta", "never_antic1", &format!("{MPDTA} --control never --anticipation 1"));
}

#[test]
fn mpdta_balanced_in_event_time() {
    let Some(folder) = reference("did_mpdta") else { return };
    let found =
        stats_effects(&folder.join("mpdta.csv"), &format!("{MPDTA} --control never --balance-e 1 --placebo-draws 0"));
    for wanted in expected(&folder.join("expected_balance_e1_nevertreated.csv")) {
        let row = one(&found, "aggregate", "balanced", &wanted["egt"]);
        same(&wanted["egt"], &row["estimate"], number(&wanted["att"]), EXACT);
        same(&wanted["egt"], &row["se"], number(&wanted["se"]), EXACT);
    }
    assert_eq!(summary(&found, "headline")["text"], "balanced");
}

#[test]
fn base_stagg_with_never_treated_controls() {
    meets("did_base_stagg", "never", &format!("{STAGG} --control never"));
}

#[test]
fn base_stagg_with_a_universal_base() {
    meets("did_base_stagg", "never_universal", &format!("{STAGG} --control never --base universal"));
}

#[test]
fn one_sign_per_cluster_gives_a_narrower_band_on_mpdta_than_the_normal_law() {
    let Some(folder) = reference("did_mpdta") else { return };
    let band = |multiplier: &str| {
        let options = format!(
            "{MPDTA} --control never --min-e -3 --max-e 3 --placebo-draws 0 --no-cross-checks --multiplier {multiplier}"
        );
        let found = stats_effects(&folder.join("mpdta.csv"), &options);
        rows(&found, "test", "band_critical_value").next().unwrap()["statistic"].as_f64().unwrap()
    };
    assert!(band("sign") < band("normal") - 0.05, "{} {}", band("sign"), band("normal"));
}

fn imputation_meets(case: &str, input: &str, file: &str, options: &str) {
    let Some(folder) = reference(case) else { return };
    let found = stats_effects(&folder.join(input), &format!("{options} --method bjs"));
    let wanted = expected(&folder.join(file));
    assert_eq!(rows(&found, "aggregate", "bjs").count(), wanted.len());
    for wanted in wanted {
        let row = one(&found, "aggregate", "bjs", &wanted["egt"]);
        same(&wanted["egt"], &row["estimate"], number(&wanted["att"]), EXACT);
        same(&wanted["egt"], &row["se"], number(&wanted["se"]), 1e-8);
        same(&wanted["egt"], &row["n_obs"], number(&wanted["n_obs"]), EXACT);
        same(&wanted["egt"], &row["n_treated"], number(&wanted["n_units"]), EXACT);
    }
}

#[test]
fn imputation_of_mpdta_with_the_event_time_error() {
    imputation_meets("imputation_mpdta", "mpdta.csv", "expected_bjs_horizon.csv", MPDTA);
}

#[test]
fn imputation_of_mpdta_with_the_textbook_error() {
    imputation_meets("imputation_mpdta", "mpdta.csv", "expected_bjs.csv", &format!("{MPDTA} --centring cohort-time"));
}

#[test]
fn imputation_of_base_stagg_with_the_textbook_error() {
    imputation_meets(
        "imputation_base_stagg",
        "base_stagg.csv",
        "expected_bjs.csv",
        &format!("{STAGG} --centring cohort-time"),
    );
}

#[test]
fn start_of_an_episode_of_repeated_posts() {
    let Some(folder) = reference("clean_window") else { return };
    let options = "--method clean-window --outcome rate100 --quiet-before 4 --after 4 --before 3";
    let found = stats_effects(&folder.join("repeatposts.csv"), options);
    let wanted = expected(&folder.join("expected_L4_H4_K3.csv"));
    assert_eq!(rows(&found, "aggregate", "clean_window").count(), wanted.len() + 1, "and the overall mean");
    for wanted in wanted {
        let row = one(&found, "aggregate", "clean_window", &wanted["h"]);
        same(&wanted["h"], &row["estimate"], number(&wanted["att"]), EXACT);
        same(&wanted["h"], &row["se"], number(&wanted["se"]), EXACT);
        let counts = [
            ("n_obs", "n_episodes"),
            ("n_cells", "n_cells"),
            ("n_treated", "n_treated_units"),
            ("n_control", "n_control_units"),
        ];
        for (column, expected) in counts {
            same(&wanted["h"], &row[column], number(&wanted[expected]), EXACT);
        }
    }
}

/// The verdict of an edge case is the specified one; returns what was found.
fn edge_case(name: &str) -> Option<Value> {
    let folder = reference("edge_cases")?;
    let wanted: Value = serde_json::from_slice(&std::fs::read(folder.join("expected.json")).unwrap()).unwrap();
    let found = stats_effects(&folder.join(format!("{name}.csv")), "");
    assert_eq!(summary(&found, "verdict")["text"], wanted[name]["verdict"]);
    Some(found)
}

#[test]
fn all_treated_in_the_same_week_leaves_nobody_to_compare_with() {
    let Some(found) = edge_case("01_all_same_week_no_controls") else { return };
    assert_eq!(rows(&found, "cell", "att_gt").count(), 0);
    assert_eq!(rows(&found, "summary", "headline").count(), 0, "no estimate");
}

#[test]
fn a_single_treated_unit_has_a_rank_and_no_error() {
    let Some(found) = edge_case("02_single_treated_unit") else { return };
    let headline = summary(&found, "headline");
    assert!(headline["estimate"].is_f64() && headline["se"].is_null() && headline["ci_low"].is_null());
    assert_eq!(summary(&found, "n_treated")["value"], 1.0);
    for kind in ["pretrend_event_study", "pretrend_all_cells"] {
        assert!(rows(&found, "test", kind).all(|row| row["p"].is_null()), "{kind}");
    }
    let p = rows(&found, "test", "placebo").next().unwrap()["p"].as_f64().unwrap();
    assert!((p * 20.0 - (p * 20.0).round()).abs() < 1e-12 && p >= 0.05, "a rank among 20 units: {p}");
}

#[test]
fn units_treated_from_the_first_week_on_are_dropped_and_counted() {
    let Some(found) = edge_case("03_all_treated_are_always_treated") else { return };
    assert_eq!(summary(&found, "n_treated")["value"], 0.0);
    assert_eq!(summary(&found, "n_dropped_always")["value"], 8.0);
}

#[test]
fn an_outcome_that_never_varies_has_a_zero_effect_and_no_error() {
    let Some(found) = edge_case("04_all_zero_outcome") else { return };
    let headline = summary(&found, "headline");
    assert_eq!(headline["estimate"], 0.0);
    assert!(headline["se"].is_null());
}

#[test]
fn one_week_before_treatment_gives_effects_and_no_pre_trend_test() {
    let Some(found) = edge_case("05_one_pre_week_only") else { return };
    let folder = reference("edge_cases").unwrap();
    aggregates_meet(&found, &folder.join("05_one_pre_week_only.agg.csv"));
    for (row, wanted) in rows(&found, "cell", "att_gt").zip(expected(&folder.join("05_one_pre_week_only.attgt.csv"))) {
        same(&wanted["time"], &row["estimate"], number(&wanted["att"]), EXACT);
        same(&wanted["time"], &row["se"], number(&wanted["se"]), EXACT);
    }
    assert_eq!(summary(&found, "pre_weeks")["value"], 1.0);
    assert!(rows(&found, "test", "pretrend_event_study").next().unwrap()["p"].is_null());
}

#[test]
fn csv_and_json_hold_the_same_numbers_and_reruns_the_same_bytes() {
    let Some(folder) = reference("did_mpdta") else { return };
    let file = folder.join("mpdta.csv");
    let csv_of = || {
        let words =
            ["effects", file.to_str().unwrap(), "--placebo-draws", "99"].into_iter().chain(MPDTA.split_whitespace());
        let mut out = Vec::new();
        run(&Command::try_parse_from(words).unwrap().args, &mut out).unwrap();
        out
    };
    let table = csv_of();
    assert!(table == csv_of());
    let json = stats_effects(&file, &format!("{MPDTA} --placebo-draws 99"));
    let mut reader = csv::Reader::from_reader(&table[..]);
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let all: Vec<&Value> = json.as_object().unwrap().values().flat_map(|section| section.as_array().unwrap()).collect();
    assert_eq!(records.len(), all.len());
    for name in ["estimate", "se", "p"] {
        let mut from_csv: Vec<f64> = records.iter().filter_map(|record| number(&record[column(name)])).collect();
        let mut from_json: Vec<f64> = all.iter().filter_map(|row| row[name].as_f64()).collect();
        from_csv.sort_unstable_by(f64::total_cmp);
        from_json.sort_unstable_by(f64::total_cmp);
        assert_eq!(from_csv.len(), from_json.len(), "{name}");
        // The reader of JSON used here may be off by the last bit; the writer is not.
        assert!(from_csv.iter().zip(&from_json).all(|(a, b)| (a - b).abs() <= 4e-16 * a.abs()), "{name}");
    }
}
