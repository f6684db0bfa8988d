//! Whether the ratings of a cycle can be relied on.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{DataFrame, PolarsResult};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use super::reviews::{self, Item};
use crate::columns::Columns;
use crate::contract::arrow::mart_schema;
use crate::engine;
use crate::guard::rounding;
use crate::job::Policy;
use crate::job::reviews::{DIMENSIONS, Reviews};
use crate::stats::gwet::{self, Weights};
use crate::stats::krippendorff::{self, Alpha, Metric, Verdict};
use crate::stats::ratings::{RUBRIC, RatingCounts};
use crate::stats::severity::{self, Rating};

pub const TABLE: Derived =
    Derived { name: "rater_agreement", tables: &["rater_agreement"], protection: Protection::Guarded, build };

fn build(facts: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    let Some((reviews, items)) = reviews::of(facts) else { return Ok(Vec::new()) };
    let rows = rows(&reviews, &items, &facts.job.policy);
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let rows = engine::to_arrow(&frame(&rows)?, &mart_schema(facts.catalog.require(TABLE.name)?))?;
    Ok(vec![Output { table: TABLE.name, partition: "all".into(), rows, grain: "", withheld: Vec::new() }])
}

/// Agreement on one dimension of one cycle by one rubric version, as far as it may be shown.
#[derive(Debug, Clone, PartialEq)]
struct Row {
    cycle: String,
    version: String,
    dimension: &'static str,
    /// `None` where too few authors or raters stand behind it.
    counts: Option<Counts>,
    /// `None` with too few items or raters for an estimate.
    estimates: Option<Estimates>,
    verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Counts {
    items: i64,
    raters: i64,
    pairable_values: i64,
    left_out: i64,
}

#[derive(Debug, Clone, PartialEq)]
struct Estimates {
    alpha: Alpha,
    ac2: Option<f64>,
    percent: Option<f64>,
    severity_spread: Option<f64>,
}

fn rows(reviews: &Reviews, items: &[Item], policy: &Policy) -> Vec<Row> {
    let mut groups: BTreeMap<(usize, &str), Vec<&Item>> = BTreeMap::new();
    for item in items {
        for version in item.versions.keys() {
            groups.entry((item.cycle, version)).or_default().push(item);
        }
    }
    let of_cycle = |cycle: usize| items.iter().filter(move |item| item.cycle == cycle);
    let mut rows = Vec::new();
    for ((cycle, version), items) in groups {
        // Who may rate does not depend on the dimension, and an item may have no other rating than those left out.
        let left_out = of_cycle(cycle).filter_map(|item| item.left_out.get(version)).sum();
        for (dimension, name) in DIMENSIONS.iter().enumerate() {
            let Some(given) = Given::of(&items, version, dimension) else { continue };
            let cycle = reviews.cycles[cycle].id.clone();
            rows.push(given.row(cycle, version.to_owned(), name, left_out, policy));
        }
    }
    rows
}

/// The ratings on one dimension, items and raters in the order of their names.
struct Given {
    authors: usize,
    raters: usize,
    scores: Vec<Vec<f64>>,
    ratings: Vec<Rating>,
}

impl Given {
    /// `items` ascend by submission; `None` where nobody rated.
    fn of(items: &[&Item], version: &str, dimension: usize) -> Option<Given> {
        let rated = |item: &&&Item| item.versions[version].on(Some(dimension)).next().is_some();
        let items: Vec<&&Item> = items.iter().filter(rated).collect();
        let on = |item: &'_ Item| -> Vec<(String, i64)> {
            let ratings = item.versions[version].on(Some(dimension));
            ratings.map(|rating| (rating.rater.clone(), rating.score)).collect()
        };
        let names: BTreeSet<String> = items.iter().flat_map(|item| on(item)).map(|(rater, _)| rater).collect();
        let code: BTreeMap<&str, usize> = names.iter().enumerate().map(|(code, name)| (name.as_str(), code)).collect();
        let mut given = Given {
            authors: items.iter().map(|item| &item.submission.author).collect::<BTreeSet<_>>().len(),
            raters: names.len(),
            scores: Vec::with_capacity(items.len()),
            ratings: Vec::new(),
        };
        for (at, item) in items.iter().enumerate() {
            let scores = on(item);
            given.scores.push(scores.iter().map(|(_, score)| *score as f64).collect());
            given.ratings.extend(scores.iter().map(|(rater, score)| Rating {
                item: at,
                rater: code[rater.as_str()],
                score: *score as f64,
            }));
        }
        (!given.scores.is_empty()).then_some(given)
    }

    fn row(self, cycle: String, version: String, dimension: &'static str, left_out: i64, policy: &Policy) -> Row {
        let hidden = |verdict| Row {
            cycle: cycle.clone(),
            version: version.clone(),
            dimension,
            counts: None,
            estimates: None,
            verdict,
        };
        let k = policy.smallest_group;
        // The gate lets whole points from 1 to 4 through and nothing else.
        let Ok(counts) = RatingCounts::of(&RUBRIC, &self.scores) else { return hidden(Verdict::Insufficient) };
        if (self.authors as i64) < k || (self.raters as i64) < k {
            return hidden(Verdict::Insufficient);
        }
        let alpha = krippendorff::alpha(&counts, Metric::Ordinal);
        let verdict = Verdict::of(alpha.alpha, alpha.items, self.raters);
        let shown = |count: i64| rounding::multiple(count, policy.rounding);
        let found = Counts {
            items: shown(alpha.items as i64),
            raters: self.raters as i64,
            pairable_values: shown(i64::try_from(alpha.pairable_values).unwrap_or(i64::MAX)),
            left_out: shown(left_out),
        };
        let estimates = (verdict != Verdict::Insufficient).then(|| Estimates {
            ac2: gwet::agreement(&counts, Weights::Quadratic).map(|agreement| agreement.coefficient),
            percent: gwet::agreement(&counts, Weights::Identity).map(|agreement| agreement.observed),
            severity_spread: severity::severity(&self.ratings).map(|fit| fit.variance_rater.sqrt()),
            alpha,
        });
        Row { counts: Some(found), estimates, ..hidden(verdict) }
    }
}

fn frame(rows: &[Row]) -> PolarsResult<DataFrame> {
    let counted = |pick: fn(&Counts) -> i64| move |row: &Row| row.counts.as_ref().map(pick);
    let estimated = |pick: fn(&Estimates) -> Option<f64>| move |row: &Row| row.estimates.as_ref().and_then(pick);
    Columns::of(rows)
        .text("cycle_id", |row| &row.cycle)
        .text("rubric_version", |row| &row.version)
        .text("dimension", |row| row.dimension)
        .int("items", counted(|counts| counts.items))
        .int("raters", counted(|counts| counts.raters))
        .int("pairable_values", counted(|counts| counts.pairable_values))
        .int("ratings_left_out", counted(|counts| counts.left_out))
        .double("krippendorff_alpha_ordinal", estimated(|found| found.alpha.alpha))
        .double("krippendorff_alpha_low", estimated(|found| found.alpha.low))
        .double("krippendorff_alpha_high", estimated(|found| found.alpha.high))
        .double("gwet_ac2", estimated(|found| found.ac2))
        .double("percent_agreement", estimated(|found| found.percent))
        .double("severity_spread", estimated(|found| found.severity_spread))
        .text("verdict", |row| row.verdict.as_str())
        .frame()
}
