//! Published and independently computed numbers that the statistics must meet (`tests/reference/<case>/SOURCE.txt`).
//!
//! A case is looked for in `tests/reference`, then beside the checkout; one that is in neither place is skipped aloud.
//! Tolerances are absolute 1e-10 (shrinkage and restricted-mean errors: relative 1e-8) unless a file prints fewer digits.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use uptake::stats::endorsements::{self, Block, Endorsement};
use uptake::stats::gwet::{self, Weights};
use uptake::stats::krippendorff::{self, Metric};
use uptake::stats::ratings::RatingCounts;
use uptake::stats::spells::Spell;
use uptake::stats::wilson::Z95;
use uptake::stats::{
    competing, concentration, exact_share, icc, kappa, logrank, newcombe, poisson_rate, shrunk_means, shrunk_shares,
    similarity, survival, wilson,
};

/// The text of a reference file; `None`, said aloud, where the case is absent.
fn text(case: &str, file: &str) -> Option<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = [here.join("tests/reference"), here.join("../shared/reference")];
    let found = places.iter().find_map(|place| std::fs::read_to_string(place.join(case).join(file)).ok());
    if found.is_none() {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("skipped: no reference {case}/{file}\n").as_bytes(),
        );
    }
    found
}

type Record = BTreeMap<String, String>;

/// The records of a reference CSV by header.
fn records(case: &str, file: &str) -> Option<Vec<Record>> {
    let text = text(case, file)?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let records: Vec<Record> = reader.deserialize().map(|r| r.expect("a record")).collect();
    assert!(!records.is_empty(), "{case}/{file} is empty");
    Some(records)
}

fn json(case: &str, file: &str) -> Option<Value> {
    Some(serde_json::from_str(&text(case, file)?).expect("json"))
}

/// A cell as a number; an empty one is what does not exist.
fn cell(record: &Record, column: &str) -> Option<f64> {
    let text = record.get(column).unwrap_or_else(|| panic!("no column {column}"));
    (!text.is_empty()).then(|| text.parse().expect("a number"))
}

fn number(record: &Record, column: &str) -> f64 {
    cell(record, column).unwrap_or_else(|| panic!("{column} is empty in {record:?}"))
}

fn whole(record: &Record, column: &str) -> i64 {
    number(record, column) as i64
}

#[track_caller]
fn near(got: f64, wanted: f64, tolerance: f64) {
    assert!((got - wanted).abs() <= tolerance, "got {got}, wanted {wanted}");
}

/// Both absent, or both there and near.
#[track_caller]
fn alike(got: Option<f64>, wanted: Option<f64>, tolerance: f64) {
    match (got, wanted) {
        (Some(got), Some(wanted)) => near(got, wanted, tolerance),
        (got, wanted) => assert_eq!(got, wanted),
    }
}

#[test]
fn wilson_and_clopper_pearson_of_the_kpi_case() {
    for r in records("kpi", "expected_wilson.csv").unwrap_or_default() {
        let (x, n) = (whole(&r, "x"), whole(&r, "n"));
        let (low, high) = wilson::interval95(x, n).expect("bounds");
        near(low, number(&r, "wilson_lo"), 1e-10);
        near(high, number(&r, "wilson_hi"), 1e-10);
        let (low, high) = exact_share::interval(x, n, 0.95).expect("bounds");
        near(low, number(&r, "cp_lo"), 1e-10);
        near(high, number(&r, "cp_hi"), 1e-10);
    }
}

#[test]
fn newcombe_differences_of_the_kpi_case() {
    for r in records("kpi", "expected_newcombe_diff.csv").unwrap_or_default() {
        let got = newcombe::difference(whole(&r, "x1"), whole(&r, "n1"), whole(&r, "x2"), whole(&r, "n2"), Z95);
        let got = got.expect("a difference");
        near(got.difference, number(&r, "diff"), 1e-10);
        near(got.low, number(&r, "lo"), 1e-10);
        near(got.high, number(&r, "hi"), 1e-10);
    }
}

#[test]
fn exact_poisson_rates_of_the_kpi_case() {
    for r in records("kpi", "expected_poisson_rate.csv").unwrap_or_default() {
        let got = poisson_rate::rate(whole(&r, "events"), number(&r, "exposure"), 0.95).expect("a rate");
        near(got.rate, number(&r, "rate"), 1e-10);
        near(got.low, number(&r, "lo"), 1e-10);
        near(got.high, number(&r, "hi"), 1e-10);
    }
}

#[test]
fn concentration_of_the_kpi_case() {
    for r in records("kpi", "expected_concentration.csv").unwrap_or_default() {
        let amounts: Vec<f64> = r["values"].split(' ').map(|x| x.parse().expect("a number")).collect();
        let got = concentration::concentration(&amounts).expect("measures");
        near(got.gini, number(&r, "gini"), 1e-10);
        alike(got.gini_small_sample, cell(&r, "gini_small_sample"), 1e-10);
        near(got.top10_percent_share, number(&r, "top1_share"), 1e-10);
        near(got.herfindahl, number(&r, "hhi"), 1e-10);
    }
}

/// Spells by group, `ALL` included, from columns time, status or event, entry where there is one, and the given one.
fn spells(case: &str, group: &str) -> Option<BTreeMap<String, Vec<Spell>>> {
    let mut groups: BTreeMap<String, Vec<Spell>> = BTreeMap::new();
    for r in records(case, "input.csv")? {
        let event = if r.contains_key("event") { "event" } else { "status" };
        let entry = if r.contains_key("entry") { number(&r, "entry") } else { 0.0 };
        let spell = Spell::new(entry, number(&r, "time"), whole(&r, event) as u32).expect("a spell");
        for name in ["ALL", r[group].as_str()] {
            groups.entry(name.to_owned()).or_default().push(spell);
        }
    }
    Some(groups)
}

fn survival_case(case: &str, group: &str) {
    let Some(groups) = spells(case, group) else { return };
    let curves: BTreeMap<&str, survival::Curve> =
        groups.iter().map(|(name, spells)| (name.as_str(), survival::kaplan_meier(spells, Z95))).collect();

    let expected = records(case, "expected_km.csv").expect("beside input.csv");
    assert_eq!(expected.len(), curves.values().map(|c| c.steps.len()).sum::<usize>());
    for r in &expected {
        let time = number(r, "time");
        let step = curves[r["group"].as_str()].steps.iter().find(|s| s.time == time).expect("the same times");
        assert_eq!((step.at_risk as i64, step.events as i64), (whole(r, "n_risk"), whole(r, "n_event")));
        near(step.survival, number(r, "surv"), 1e-10);
        alike(step.se, cell(r, "se_greenwood"), 1e-10);
        alike(step.low, cell(r, "lo_loglog"), 1e-10);
        alike(step.high, cell(r, "hi_loglog"), 1e-10);
    }

    for r in records(case, "expected_summary.csv").expect("beside input.csv") {
        let curve = &curves[r["group"].as_str()];
        assert_eq!((curve.people as i64, curve.events as i64), (whole(&r, "n"), whole(&r, "events")));
        alike(curve.quantile(0.25).at, cell(&r, "q25"), 1e-10);
        alike(curve.quantile(0.75).at, cell(&r, "q75"), 1e-10);
        let median = curve.quantile(0.5);
        alike(median.at, cell(&r, "median"), 1e-10);
        alike(median.low, cell(&r, "med_lo"), 1e-10);
        alike(median.high, cell(&r, "med_hi"), 1e-10);
        let mean = curve.restricted_mean(number(&r, "tau")).expect("observed to tau");
        near(mean.mean, number(&r, "rmst"), 1e-10);
        near(mean.se / number(&r, "rmst_se"), 1.0, 1e-8);
    }

    let compared: Vec<Vec<Spell>> = groups.iter().filter(|(name, _)| *name != "ALL").map(|(_, s)| s.clone()).collect();
    let got = logrank::log_rank(&compared).expect("a test");
    let r = &records(case, "expected_logrank.csv").expect("beside input.csv")[0];
    near(got.chi_squared, number(r, "chisq"), 1e-10);
    near(got.p / number(r, "p"), 1.0, 1e-8);
    assert_eq!(got.df as i64, whole(r, "df"));
    if r.contains_key("obs1") {
        assert_eq!((got.observed[0] as i64, got.observed[1] as i64), (whole(r, "obs1"), whole(r, "obs2")));
        near(got.expected[0], number(r, "exp1"), 1e-10);
        near(got.expected[1], number(r, "exp2"), 1e-10);
    }
}

#[test]
fn survival_of_aml() {
    survival_case("survival_aml", "x");
}

#[test]
fn survival_of_gehan() {
    survival_case("survival_gehan", "treat");
}

#[test]
fn survival_with_delayed_entry() {
    survival_case("survival_delayed_entry", "group");
}

#[test]
fn shares_of_competing_events_with_delayed_entry() {
    let case = "survival_delayed_entry";
    let Some(groups) = spells(case, "group") else { return };
    let shares: BTreeMap<&str, competing::Incidence> =
        groups.iter().map(|(name, spells)| (name.as_str(), competing::incidence(spells))).collect();
    let expected = records(case, "expected_incidence.csv").expect("beside input.csv");
    assert_eq!(expected.len(), shares.values().map(|incidence| incidence.steps.len()).sum::<usize>());
    for r in &expected {
        let incidence = &shares[r["group"].as_str()];
        for event in 1..=3 {
            let got = incidence.at(event, number(r, "time")).expect("observed then");
            near(got, number(r, &format!("share_{event}")), 1e-10);
        }
    }
}

/// Rows of a table whose first column is the item and whose others are raters; an empty cell is no rating.
fn scores(case: &str, file: &str, item: &str) -> Option<Vec<Vec<f64>>> {
    let rows = records(case, file)?;
    Some(
        rows.iter()
            .map(|r| r.keys().filter(|column| *column != item).filter_map(|column| cell(r, column)).collect())
            .collect(),
    )
}

#[test]
fn krippendorff_2011_example_c_under_four_metrics() {
    let Some(items) = scores("rubric_irr", "krippendorff_2011_c.csv", "unit") else { return };
    let expected = json("rubric_irr", "expected.json").expect("beside the data");
    let table = RatingCounts::of(&[1.0, 2.0, 3.0, 4.0, 5.0], &items).expect("on the scale");
    let metrics = [
        ("nominal", Metric::Nominal),
        ("ordinal", Metric::Ordinal),
        ("interval", Metric::Interval),
        ("ratio", Metric::Ratio),
    ];
    for (name, metric) in metrics {
        let got = krippendorff::alpha(&table, metric);
        near(got.alpha.expect("alpha"), expected["krippendorff_pkg"][name].as_f64().expect("a number"), 1e-10);
        near(got.alpha.expect("alpha"), expected["published"][name].as_f64().expect("a number"), 5.1e-4);
    }
}

#[test]
fn gwet_coefficients_and_errors_of_irrcac() {
    let Some(items) = scores("rubric_irr", "gwet_raw_4raters.csv", "Units") else { return };
    let expected = json("rubric_irr", "expected.json").expect("beside the data");
    let table = RatingCounts::of(&[1.0, 2.0, 3.0, 4.0, 5.0], &items).expect("on the scale");
    let weights = [
        ("gwet_identity", Weights::Identity),
        ("gwet_linear", Weights::Linear),
        ("gwet_quadratic", Weights::Quadratic),
    ];
    for (name, weights) in weights {
        let wanted = &expected["gwet_raw_4raters_irrCAC"][name];
        let wanted = |field: &str| wanted[field].as_f64().expect("a number");
        let got = gwet::agreement(&table, weights).expect("a coefficient");
        near(got.coefficient, wanted("coefficient_value"), 1e-10);
        near(got.observed, wanted("pa"), 1e-10);
        near(got.by_chance, wanted("pe"), 1e-10);
        near(got.se.expect("se"), wanted("se"), 1e-10);
        let bounds = &expected["gwet_raw_4raters_irrCAC"][name]["confidence_interval"];
        near(got.low.expect("low"), bounds[0].as_f64().expect("a number"), 1e-10);
        near(got.high.expect("high"), bounds[1].as_f64().expect("a number"), 1e-10);
    }
}

#[test]
fn icc_of_shrout_and_fleiss_1979() {
    let Some(rows) = scores("icc_shrout_fleiss", "ratings.csv", "target") else { return };
    let (one, two) = (icc::one_way(&rows).expect("a coefficient"), icc::two_way(&rows).expect("coefficients"));
    let got: BTreeMap<&str, icc::Icc> = [
        ("ICC1", one.single),
        ("ICC2", two.random_single),
        ("ICC3", two.fixed_single),
        ("ICC1k", one.mean),
        ("ICC2k", two.random_mean),
        ("ICC3k", two.fixed_mean),
    ]
    .into();
    for r in records("icc_shrout_fleiss", "expected_psych_ICC.csv").expect("beside the data") {
        let got = got[r["type"].as_str()];
        near(got.icc, number(&r, "ICC"), 1e-10);
        near(got.f.expect("F"), number(&r, "F"), 1e-10);
        near(got.p.expect("p"), number(&r, "p"), 1e-10);
        assert_eq!((got.df1, got.df2), (number(&r, "df1"), number(&r, "df2")));
        near(got.low.expect("low"), number(&r, "lower bound"), 1e-10);
        near(got.high.expect("high"), number(&r, "upper bound"), 1e-10);
    }
}

#[test]
fn kappa_of_the_complete_part_agrees_with_its_definition() {
    // Conger's coefficient of irrCAC is for data with gaps; for two raters without gaps it is Cohen's, done by hand here.
    let Some(items) = scores("icc_shrout_fleiss", "ratings.csv", "target") else { return };
    let scale: Vec<f64> = (1..=10).map(f64::from).collect();
    let pairs: Vec<Vec<f64>> = items.iter().map(|row| row[2..].to_vec()).collect();
    let apart = |a: f64, b: f64| (a - b).powi(2);
    let observed: f64 = pairs.iter().map(|p| apart(p[0], p[1])).sum::<f64>() / 6.0;
    let by_chance: f64 = pairs.iter().flat_map(|p| pairs.iter().map(move |q| apart(p[0], q[1]))).sum::<f64>() / 36.0;
    near(kappa::weighted(&pairs, &scale, Weights::Quadratic).expect("kappa"), 1.0 - observed / by_chance, 1e-12);
}

#[test]
fn dersimonian_laird_of_the_bcg_trials() {
    let Some(rows) = records("shrinkage", "expected_bcg_dl.csv") else { return };
    let groups: Vec<(f64, f64)> = rows.iter().map(|r| (number(r, "yi"), number(r, "vi"))).collect();
    let got = shrunk_means::shrink(&groups).expect("pooled");
    let expected = &json("shrinkage", "expected.json").expect("beside the data")["bcg"];
    for (got, field) in [(got.tau2, "tau2"), (got.mean, "mu"), (got.se, "se"), (got.q, "Q")] {
        near(got / expected[field].as_f64().expect("a number"), 1.0, 1e-8);
    }
    for (group, r) in got.groups.iter().zip(&rows) {
        near(group.shrunk / number(r, "shrunk"), 1.0, 1e-8);
    }
}

#[test]
fn dersimonian_laird_of_efron_and_morris_baseball() {
    let Some(rows) = records("shrinkage", "expected_baseball.csv") else { return };
    let averages: Vec<f64> = rows.iter().map(|r| number(r, "avg45")).collect();
    let mean = averages.iter().sum::<f64>() / averages.len() as f64;
    // All had 45 at bats, so the variance of an average is the binomial one at the mean of all.
    let variance = mean * (1.0 - mean) / 45.0;
    let groups: Vec<(f64, f64)> = averages.iter().map(|y| (*y, variance)).collect();
    let got = shrunk_means::shrink(&groups).expect("pooled");
    for (group, r) in got.groups.iter().zip(&rows) {
        near(group.shrunk, number(r, "dl_shrunk"), 1e-10);
    }
}

#[test]
fn beta_binomial_shares() {
    let Some(expected) = json("shrinkage", "expected_betabinom.json") else { return };
    let list = |field: &str| expected[field].as_array().expect("a list").clone();
    let whole = |v: &Value| v.as_i64().expect("a whole number");
    let groups: Vec<(i64, i64)> = list("x").iter().map(whole).zip(list("n").iter().map(whole)).collect();
    let got = shrunk_shares::shrink(&groups).expect("pooled");
    let fields =
        [("mu", got.mean), ("rho", got.rho), ("M", got.prior_people), ("alpha", got.alpha), ("beta", got.beta)];
    for (field, got) in fields {
        near(got / expected[field].as_f64().expect("a number"), 1.0, 1e-8);
    }
    for (got, wanted) in got.shrunk.iter().zip(list("shrunk")) {
        near(*got, wanted.as_f64().expect("a number"), 1e-10);
    }
}

#[test]
fn jaccard_shares_of_the_gaming_case() {
    for r in records("gaming", "expected_jaccard.csv").unwrap_or_default() {
        let (a, b) = (similarity::shingles(&r["a"]), similarity::shingles(&r["b"]));
        let (common, union) = similarity::compare(&a, &b).expect("texts");
        assert_eq!((common as i64, union as i64), (whole(&r, "inter"), whole(&r, "union")), "{r:?}");
        near(common as f64 / union as f64, number(&r, "jaccard5"), 1e-10);
    }
}

#[test]
fn endorsement_pairs_mutual_pairs_and_the_ring_of_the_gaming_case() {
    let Some(rows) = records("gaming", "endorsements.csv") else { return };
    let person = |text: &str| text[1..].parse::<usize>().expect("E and a number");
    let edges: Vec<Endorsement> = rows
        .iter()
        .map(|r| Endorsement {
            from: person(&r["from"]),
            to: person(&r["to"]),
            block: Block::of(whole(r, "from_team") as usize, whole(r, "to_team") as usize),
        })
        .collect();
    let pairs = endorsements::pairs(&edges);
    let expected = records("gaming", "expected_pairs.csv").expect("beside the data");
    assert_eq!(pairs.len(), expected.len());
    // The files print twelve digits.
    let close = |got: f64, wanted: f64| near(got, wanted, 1e-11 * wanted.abs().max(1e-2));
    for (pair, r) in pairs.iter().zip(&expected) {
        assert_eq!((pair.from, pair.to), (person(&r["from"]), person(&r["to"])));
        let block = match pair.block {
            Block::Within { team } => format!("W{team}"),
            Block::Across => "X".to_owned(),
        };
        assert_eq!(block, r["blk"]);
        let counts = [pair.count, pair.given, pair.got, pair.all].map(i64::from);
        assert_eq!(counts, ["n", "out", "inn", "m"].map(|column| whole(r, column)));
        close(pair.expected, number(r, "lambda"));
        near(pair.p / number(r, "p"), 1.0, 1e-10);
        close(pair.q, number(r, "q_bh"));
        assert_eq!(i64::from(pair.flag), whole(r, "flag"));
    }

    let mut mutual = endorsements::mutual(&pairs);
    mutual.sort_by(|a, b| a.p.total_cmp(&b.p));
    let expected = records("gaming", "expected_mutual.csv").expect("beside the data");
    assert_eq!(mutual.len(), expected.len());
    for (m, r) in mutual.iter().zip(&expected) {
        assert_eq!((m.a, m.b), (person(&r["a"]), person(&r["b"])));
        assert_eq!([m.count_ab, m.count_ba].map(i64::from), ["n_ab", "n_ba"].map(|column| whole(r, column)));
        for (got, column) in [(m.p_ab, "p_ab"), (m.p_ba, "p_ba"), (m.fisher, "fisher"), (m.p, "p"), (m.q, "q_bh")] {
            close(got, number(r, column));
        }
        assert_eq!(i64::from(m.flag), whole(r, "flag"));
    }

    let wanted = json("gaming", "expected_rings.json").expect("beside the data");
    let got: Vec<Vec<String>> =
        endorsements::rings(&pairs).iter().map(|ring| ring.iter().map(|p| format!("E{p:02}")).collect()).collect();
    assert_eq!(serde_json::to_value(got).expect("json"), wanted);
}
