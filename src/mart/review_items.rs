//! What was submitted to reviews, item by item: endorsements, scores, and why an item is not eligible. Restricted.

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use super::reviews::{self, Item, Reason, Scores};
use crate::contract::arrow::mart_schema;
use crate::engine;
use crate::job::reviews::Reviews;

pub const TABLE: Derived =
    Derived { name: "review_items", tables: &["review_items"], protection: Protection::Guarded, build };

fn build(facts: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    let Some((reviews, items)) = reviews::of(facts) else { return Ok(Vec::new()) };
    let table = facts.catalog.require(TABLE.name)?;
    let rows = engine::to_arrow(&frame(&reviews, &items)?, &mart_schema(table))?;
    Ok(vec![Output { table: TABLE.name, partition: "all".into(), rows, grain: "", withheld: Vec::new() }])
}

fn frame(reviews: &Reviews, items: &[Item]) -> PolarsResult<DataFrame> {
    let texts = |name: &str, pick: &dyn Fn(&Item) -> Option<String>| {
        Column::new(name.into(), items.iter().map(pick).collect::<Vec<_>>())
    };
    let ints =
        |name: &str, pick: &dyn Fn(&Item) -> i64| Column::new(name.into(), items.iter().map(pick).collect::<Vec<_>>());
    let bools =
        |name: &str, pick: &dyn Fn(&Item) -> bool| Column::new(name.into(), items.iter().map(pick).collect::<Vec<_>>());
    let doubles = |name: &str, pick: &dyn Fn(&Item) -> Option<f64>| {
        Column::new(name.into(), items.iter().map(pick).collect::<Vec<_>>())
    };
    let scored = |item: &Item, pick: &dyn Fn(&Scores) -> Option<f64>| item.scores(reviews).and_then(pick);
    let overall = |item: &Item| scored(item, &|scores| scores.overall(&reviews.weights));
    let reasons = |item: &Item| item.reasons.iter().map(|reason| reason.code()).collect::<Vec<_>>().join(";");
    let mut columns = vec![
        texts("cycle_id", &|item| Some(item.submission.cycle.clone())),
        texts("submission_id", &|item| Some(item.submission.id.clone())),
        texts("worker_id", &|item| Some(item.submission.author.clone())),
        texts("contribution_id", &|item| Some(item.submission.contribution.clone())),
        texts("competency", &|item| item.submission.competency.clone()),
        texts("rubric_version", &|item| Some(reviews.cycles[item.cycle].rubric.clone())),
        ints("position", &|item| item.place),
        ints("submitted_at", &|item| item.submission.submitted_at),
        ints("unique_peer_endorsers", &|item| item.peers),
        bools("manager_endorsed", &|item| item.manager_endorsed),
        bools("impact_statement_present", &|item| item.submission.impact_statement),
        texts("outcome_measure_id", &|item| item.submission.outcome.clone()),
        doubles("outcome_change", &|item| item.change.map(|change| change.difference())),
        doubles("outcome_change_rate", &|item| item.change.and_then(|change| change.rate())),
        doubles("outcome_weight", &|item| Some(item.outcome_weight)),
        doubles("relevance_mean", &|item| scored(item, &|scores| scores.mean(0))),
        doubles("quality_mean", &|item| scored(item, &|scores| scores.mean(1))),
        doubles("impact_mean", &|item| scored(item, &|scores| scores.mean(2))),
        ints("raters", &|item| item.scores(reviews).map_or(0, Scores::raters)),
        doubles("overall", &overall),
        doubles("weighted_score", &|item| Some(overall(item)? * item.outcome_weight)),
        texts("status", &|item| Some(item.status().to_owned())),
        texts("reasons", &|item| Some(reasons(item))),
    ];
    columns.extend(Reason::ALL.map(|reason| bools(reason.code(), &|item| item.reasons.contains(&reason))));
    DataFrame::new(items.len(), columns)
}
