//! Aggregates, coverage and agreement against their definitions and against `uptake stats`.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{OPEN, REACTIONS, REVIEWS, SCORES, SUBMISSIONS, csv, endorsements, night, scores, submission, world};
use crate::world::{Row, World};

/// Marks of 24 items of six authors by six raters, each item by three of them; the last rater is a point milder.
fn rated(world: &World) -> Vec<(String, &'static str, &'static str, i64)> {
    rated_of(world, &["dan", "eva", "ida", "fay", "gil", "hal"])
}

fn rated_of(world: &World, authors: &[&str]) -> Vec<(String, &'static str, &'static str, i64)> {
    let raters = ["boss", "max", "mia", "ann", "bob", "cay"];
    let mut all = Vec::new();
    let mut submissions = Vec::new();
    for n in 0..24usize {
        let id = format!("s{n:02}");
        submissions.push(submission(
            &id,
            authors[n % authors.len()],
            &[("competency", ["craft", "coaching", ""][n / 8])],
        ));
        for r in 0..3usize {
            for (d, dimension) in ["relevance", "quality", "impact"].into_iter().enumerate() {
                let mark =
                    1 + (n / 6 + (n * 7 + r * 5 + d * 3) % 5 / 4 + usize::from((n + 2 * r) % 6 == 5)).min(3) as i64;
                all.push((id.clone(), raters[(n + 2 * r) % 6], dimension, mark));
            }
        }
    }
    world.deliver("reviews/submissions_2026-04-01.csv", csv(SUBMISSIONS, &submissions));
    let rows: Vec<String> = all
        .iter()
        .map(|(id, rater, dimension, mark)| format!("2026-Q1,{id},{rater},{dimension},{mark},,2026-03-20T09:00:00Z"))
        .collect();
    world.deliver("reviews/rubric_scores_2026-04-01.csv", csv(SCORES, &rows));
    all
}

#[test]
fn agreement_in_the_mart_is_what_uptake_stats_prints_for_the_same_ratings() {
    let world = world(OPEN, &REVIEWS.replace("{ leader_bands = [\"manager\", \"director\"] }", "\"any\""));
    let ratings = rated(&world);
    night(&world);
    let file = world.folder.path().join("ratings.csv");
    let mut text = "item,rater,dimension,score\n".to_owned();
    ratings.iter().for_each(|(item, rater, dimension, mark)| {
        let _ = writeln!(text, "{item},{rater},{dimension},{mark}");
    });
    std::fs::write(&file, text).expect("a file");
    let printed = |part: &str| -> Vec<Row> {
        let out = std::process::Command::new(env!("CARGO_BIN_EXE_uptake"))
            .args(["stats", "agreement", &file.display().to_string(), "--part", part, "--format", "csv"])
            .output()
            .expect("the program");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        csv::Reader::from_reader(out.stdout.as_slice()).deserialize().map(|row| row.expect("a row")).collect()
    };
    let (coefficients, dimensions, variances) = (printed("coefficients"), printed("dimensions"), printed("variances"));
    let table = world.table("marts/rater_agreement");
    assert_eq!(table.len(), 3);
    for row in &table {
        let of = |rows: &[Row], coefficient: &str| {
            let wanted = |other: &&Row| {
                other["dimension"] == row["dimension"]
                    && (coefficient.is_empty() || other["coefficient"] == coefficient)
            };
            rows.iter().find(wanted).expect("a row").clone()
        };
        let close = |name: &str, expected: &str| {
            let (ours, theirs): (f64, f64) = (row[name].parse().expect(name), expected.parse().expect(name));
            assert!((ours - theirs).abs() < 1e-12, "{name}: {ours} is not {theirs}");
        };
        let alpha = of(&coefficients, "krippendorff_alpha_ordinal");
        close("krippendorff_alpha_ordinal", &alpha["estimate"]);
        close("krippendorff_alpha_low", &alpha["low"]);
        close("krippendorff_alpha_high", &alpha["high"]);
        close("gwet_ac2", &of(&coefficients, "gwet_ac2_quadratic")["estimate"]);
        close("percent_agreement", &of(&coefficients, "percent_agreement")["estimate"]);
        close("severity_spread", &of(&variances, "")["severity_spread"]);
        let counts = of(&dimensions, "");
        assert_eq!(
            [&row["items"], &row["raters"], &row["pairable_values"], &row["verdict"]],
            [&counts["items_pairable"], &counts["raters"], &counts["pairable_values"], &counts["verdict"]]
        );
        assert_ne!(row["verdict"], "insufficient");
        assert!(row["severity_spread"].parse::<f64>().is_ok_and(|spread| spread > 0.1 && spread < 1.0), "{row:?}");
    }
}

#[test]
fn aggregates_count_each_item_once_with_the_mean_of_its_raters() {
    let world = world(OPEN, &REVIEWS.replace("{ leader_bands = [\"manager\", \"director\"] }", "\"any\""));
    let ratings = rated(&world);
    night(&world);
    // From the definitions: the mean over raters, then over items.
    let mut of_item: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (item, _, _, mark) in ratings.iter().filter(|(_, _, dimension, _)| *dimension == "quality") {
        of_item.entry(item).or_default().push(*mark as f64);
    }
    let scores: Vec<f64> = of_item.values().map(|marks| marks.iter().sum::<f64>() / marks.len() as f64).collect();
    let mean = scores.iter().sum::<f64>() / 24.0;
    let plus = scores.iter().filter(|score| **score >= 3.0).count() as f64 / 24.0;
    let table = world.table("marts/rubric_aggregates");
    let row = |kind: &str, id: &str, competency: &str, dimension: &str| {
        let wanted = |row: &&Row| {
            row["scope_kind"] == kind
                && row["scope_id"] == id
                && row["competency"] == competency
                && row["dimension"] == dimension
        };
        table.iter().find(wanted).expect("a row").clone()
    };
    let company = row("company", "all", "all", "quality");
    assert_eq!(
        ["authors", "items", "ratings", "raters", "rubric_version"].map(|name| company[name].as_str()),
        ["6", "24", "72", "6", "v1"]
    );
    let number = |row: &Row, name: &str| -> f64 { row[name].parse().expect(name) };
    assert!((number(&company, "mean") - mean).abs() < 1e-12 && (number(&company, "share_3_plus") - plus).abs() < 1e-12);
    let shares: f64 = ["share_1", "share_2", "share_3", "share_4"].iter().map(|name| number(&company, name)).sum();
    assert!((shares - 1.0).abs() < 1e-12);
    assert!((number(&company, "shrunk_mean") - mean).abs() < 1e-12, "the company has nobody to be drawn to");
    // Units A (dan, eva, ida) and B (fay, gil, hal) part the items; each is drawn to the other.
    let (a, b) = (row("org", "A", "all", "quality"), row("org", "B", "all", "quality"));
    assert_eq!((number(&a, "items") + number(&b, "items"), number(&a, "authors")), (24.0, 3.0));
    // DerSimonian and Laird: variances of the means by the pooled spread of items, spread between units by Q.
    let units = [&a, &b].map(|row| (number(row, "items"), number(row, "mean"), number(row, "sd")));
    let freedom: f64 = units.iter().map(|(n, ..)| n - 1.0).sum();
    let spread = units.iter().map(|(n, _, sd)| (n - 1.0) * sd * sd).sum::<f64>() / freedom;
    let (weights, means) = (units.map(|(n, ..)| n / spread), units.map(|(_, mean, _)| mean));
    let all: f64 = weights.iter().sum();
    let centre = weights.iter().zip(&means).map(|(w, mean)| w * mean).sum::<f64>() / all;
    let q: f64 = weights.iter().zip(&means).map(|(w, mean)| w * (mean - centre).powi(2)).sum();
    let between = ((q - 1.0) / (all - weights.iter().map(|w| w * w).sum::<f64>() / all)).max(0.0);
    let random = weights.map(|w| 1.0 / (1.0 / w + between));
    let centre = random.iter().zip(&means).map(|(w, mean)| w * mean).sum::<f64>() / random.iter().sum::<f64>();
    for ((row, w), mean) in [&a, &b].into_iter().zip(&weights).zip(&means) {
        let wanted = centre + between / (between + 1.0 / w) * (mean - centre);
        assert!((number(row, "shrunk_mean") - wanted).abs() < 1e-12, "{wanted}: {row:?}");
    }
    // Competencies: craft and coaching are named, the rest is unknown.
    let of = |competency: &str| number(&row("company", "all", competency, "overall"), "items");
    assert_eq!((of("craft"), of("coaching"), of("unknown"), of("all")), (8.0, 8.0, 8.0, 24.0));
}

#[test]
fn what_few_authors_or_few_raters_stand_behind_is_not_shown() {
    let hidden = "smallest_group = 5\nsmallest_group_manager = 10";
    let world = world(
        hidden,
        &REVIEWS.replace(
            "{ leader_bands = [\"manager\", \"director\"] }",
            "{ workers = [\"mia\", \"max\", \"boss\", \"ann\"] }",
        ),
    );
    rated(&world);
    night(&world);
    let table = world.table("marts/rubric_aggregates");
    let row = |kind: &str, id: &str| {
        table
            .iter()
            .find(|row| row["scope_kind"] == kind && row["scope_id"] == id && row["dimension"] == "quality")
            .expect("a row")
            .clone()
    };
    let company = row("company", "all");
    assert_eq!(
        ["status", "authors", "raters", "mean", "shrunk_mean"].map(|name| company[name].as_str()),
        ["published", "6", "", "", ""],
        "four raters are too few"
    );
    let unit = row("org", "B");
    assert_eq!(["status", "authors", "items", "mean"].map(|name| unit[name].as_str()), ["withheld", "", "", ""]);
    let coverage = world.table("marts/competency_coverage");
    assert!(!coverage.is_empty() && coverage.iter().all(|row| row["mean_overall"].is_empty()), "{coverage:?}");
    let agreement = &world.table("marts/rater_agreement")[0];
    assert_eq!(
        ["items", "raters", "krippendorff_alpha_ordinal", "verdict"].map(|name| agreement[name].as_str()),
        ["", "", "", "insufficient"]
    );
}

#[test]
fn agreement_on_the_items_of_four_authors_is_not_shown() {
    let anybody = REVIEWS.replace("{ leader_bands = [\"manager\", \"director\"] }", "\"any\"");
    let agreement = |authors: &[&str]| {
        let world = world("smallest_group = 5\nsmallest_group_manager = 10\nrounding = 1", &anybody);
        rated_of(&world, authors);
        night(&world);
        ["items", "raters"].map(|name| world.table("marts/rater_agreement")[0][name].clone())
    };
    assert_eq!(agreement(&["dan", "eva", "ida", "fay"]), ["", ""]);
    assert_eq!(agreement(&["dan", "eva", "ida", "fay", "gil"]), ["24", "6"]);
}

#[test]
fn a_mean_is_compared_with_the_cycle_before() {
    assert_eq!(changes("v1"), ["2025-Q4 2.0 ", "2026-Q1 3.0 1.0"]);
    assert_eq!(changes("v2"), ["2025-Q4 2.0 ", "2026-Q1 3.0 "], "by another rubric there is nothing to compare with");
}

/// Cycle, mean and change of quality in two cycles, the first rated by `v1`, the second by the given version.
fn changes(version: &str) -> Vec<String> {
    let words = "[\"a\", \"b\", \"c\", \"d\"]";
    let second = format!("\n[[rubrics]]\nversion = \"v2\"\nrelevance = {words}\nquality = {words}\nimpact = {words}\n");
    let anybody = REVIEWS
        .replace("{ leader_bands = [\"manager\", \"director\"] }", "\"any\"")
        .replace("closes = 2025-12-31\n", "closes = 2025-12-31\nrubric = \"v1\"\n")
        .replace("closes = 2026-03-31\n", &format!("closes = 2026-03-31\nrubric = \"{version}\"\n"));
    let world = world(OPEN, &(anybody + &second));
    let cycles = [("2025-Q4", "2025-12-01T10:00:00Z", 2, "v1"), ("2026-Q1", "2026-02-10T10:00:00Z", 3, version)];
    let (mut rows, mut marks) = (Vec::new(), Vec::new());
    for (cycle, at, mark, version) in cycles {
        for author in ["ann", "bob", "cay", "dan"] {
            let id = format!("{cycle}-{author}");
            rows.push(submission(&id, author, &[("cycle_id", cycle), ("submitted_at", at), ("consented_at", at)]));
            marks.extend(["mia", "boss"].map(|rater| format!("{cycle},{id},{rater},quality,{mark},{version},{at}")));
        }
    }
    world.deliver("reviews/submissions_2026-04-01.csv", csv(SUBMISSIONS, &rows));
    world.deliver("reviews/rubric_scores_2026-04-01.csv", csv(SCORES, &marks));
    night(&world);
    world
        .table("marts/rubric_aggregates")
        .iter()
        .filter(|row| row["scope_kind"] == "company" && row["competency"] == "all" && row["dimension"] == "quality")
        .map(|row| ["cycle_id", "mean", "mean_change"].map(|name| row[name].as_str()).join(" "))
        .collect()
}

#[test]
fn coverage_counts_people_submissions_and_eligible_ones_by_competency() {
    let world = world(OPEN, REVIEWS);
    let rows = [
        ("s1", "ann", "craft"),
        ("s2", "ann", "craft"),
        ("s3", "bob", "craft"),
        ("s4", "cay", "craft"),
        ("s5", "dan", "coaching"),
        ("s6", "eva", "juggling"),
    ]
    .map(|(id, author, competency)| submission(id, author, &[("competency", competency)]));
    world.deliver("reviews/submissions_2026-04-01.csv", csv(SUBMISSIONS, &rows));
    let peers = [("u-fay", "2026-02-11", ""), ("u-gil", "2026-02-11", "")];
    let given: Vec<String> = ["k-s1", "k-s3", "k-s4"].iter().flat_map(|k| endorsements(k, &peers)).collect();
    world.deliver("community/reactions_2026-04-02.csv", csv(REACTIONS, &given));
    let rated: Vec<String> =
        [("s1", 4), ("s2", 2), ("s3", 3)].iter().flat_map(|(id, mark)| scores(id, "mia", [*mark; 3])).collect();
    world.deliver("reviews/rubric_scores_2026-04-01.csv", csv(SCORES, &rated));
    night(&world);
    let lines: Vec<String> = world
        .table("marts/competency_coverage")
        .iter()
        .filter(|row| row["scope_kind"] == "company")
        .map(|row| {
            ["competency", "people", "submissions", "eligible", "mean_overall"].map(|name| row[name].as_str()).join(" ")
        })
        .collect();
    // One author alone is dominated by nobody else: coaching and unknown show people, and no count that one could be told from.
    assert_eq!(lines, ["coaching 1   ", "craft 3 4 3 3.0", "unknown 1   "]);
}
