//! What was submitted to reviews, item by item: endorsements, scores, and why an item is not eligible. Restricted.

use polars::prelude::{DataFrame, PolarsResult};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use super::reviews::{self, Item, Reason, Scores};
use crate::columns::Columns;
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
    let scored = |pick: fn(&Scores) -> Option<f64>| move |item: &Item| item.scores(reviews).and_then(pick);
    let overall = |item: &Item| item.scores(reviews).and_then(|scores| scores.overall(&reviews.weights));
    let reasons = |item: &Item| item.reasons.iter().map(|reason| reason.code()).collect::<Vec<_>>().join(";");
    let columns = Columns::of(items)
        .text("cycle_id", |item| &item.submission.cycle)
        .text("submission_id", |item| &item.submission.id)
        .text("worker_id", |item| &item.submission.author)
        .text("contribution_id", |item| &item.submission.contribution)
        .text("competency", |item| item.submission.competency.as_ref())
        .text("rubric_version", |item| &reviews.cycles[item.cycle].rubric)
        .int("position", |item| item.place)
        .int("submitted_at", |item| item.submission.submitted_at)
        .int("unique_peer_endorsers", |item| item.peers)
        .bool("manager_endorsed", |item| item.manager_endorsed)
        .bool("impact_statement_present", |item| item.submission.impact_statement)
        .text("outcome_measure_id", |item| item.submission.outcome.as_ref())
        .double("outcome_change", |item| item.change.map(|change| change.difference()))
        .double("outcome_change_rate", |item| item.change.and_then(|change| change.rate()))
        .double("outcome_weight", |item| item.outcome_weight)
        .double("relevance_mean", scored(|scores| scores.mean(0)))
        .double("quality_mean", scored(|scores| scores.mean(1)))
        .double("impact_mean", scored(|scores| scores.mean(2)))
        .int("raters", |item| item.scores(reviews).map_or(0, Scores::raters))
        .double("overall", overall)
        .double("weighted_score", |item| Some(overall(item)? * item.outcome_weight))
        .text("status", |item| item.status())
        .text("reasons", reasons);
    let flags = Reason::ALL.into_iter();
    flags
        .fold(columns, |columns, reason| columns.bool(reason.code(), move |item| item.reasons.contains(&reason)))
        .frame()
}
