//! Which competencies people bring evidence for.

use std::collections::BTreeSet;

use polars::prelude::{Column, DataFrame};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use super::person_rows::Value;
use super::person_rows::add;
use super::reviews::lines::{self, About, Line};
use super::reviews::split::{self, Split};
use super::reviews::{self, Authors, Distribution, Item, shown};
use crate::contract::arrow::mart_schema;
use crate::engine;
use crate::job::Policy;
use crate::job::reviews::Reviews;

pub const TABLE: Derived =
    Derived { name: "competency_coverage", tables: &["competency_coverage"], protection: Protection::Guarded, build };

fn build(facts: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    let Some((reviews, items)) = reviews::of(facts) else { return Ok(Vec::new()) };
    let table = facts.catalog.require(TABLE.name)?;
    let policy = &facts.job.policy;
    let mut all: Option<DataFrame> = None;
    let mut withheld = Vec::new();
    for (at, cycle) in reviews.cycles.iter().enumerate() {
        let Some(authors) = Authors::of(facts.people(), cycle, facts.days().1) else { continue };
        let ours = authors.items(items.iter().filter(|item| item.cycle == at));
        let competencies = reviews::competencies(&reviews, &ours, policy);
        let keys = vec![("cycle_id", Value::Text(cycle.id.clone()))];
        let about = About { facts, table, authors: &authors, items: &ours, competencies: &competencies, keys };
        let eligible = |item: &Item| i64::from(item.reasons.is_empty());
        let found = about.lines_apart(&[("submissions", &|_| 1), ("eligible", &eligible)])?;
        // A mean is that of the rated ones, who may be fewer; `rubric_aggregates` shows the mean of all competencies together.
        let is_rated = |item: &Item| item.scores(&reviews).is_some_and(|of| of.overall(&reviews.weights).is_some());
        let rated = match found.scopes.as_slice() {
            [] => Split::default(),
            scopes => about.guarded(split::split(scopes, &about.units(&[], &is_rated), &[], policy))?,
        };
        let mut rows = lines::frame(table, &found.lines, &about.keys)?;
        let means: Vec<Option<f64>> = found
            .lines
            .iter()
            .map(|line| {
                let place = (line.kind.clone(), line.id.clone());
                let cells = rated.by_competency.get(&line.competency)?;
                cells.get(&place).and_then(|_| mean(line, &reviews, policy))
            })
            .collect();
        rows.with_column(Column::new("mean_overall".into(), means))?;
        add(&mut withheld, found.withheld);
        match &mut all {
            Some(all) => drop(all.vstack_mut(&rows)?),
            None => all = Some(rows),
        }
    }
    let Some(all) = all else { return Ok(Vec::new()) };
    let rows = engine::to_arrow(&all, &mart_schema(table))?;
    Ok(vec![Output { table: TABLE.name, partition: "all".into(), rows, grain: "", withheld }])
}

/// Mean overall score of a row, where enough rated authors and raters stand behind it.
fn mean(line: &Line<'_>, reviews: &Reviews, policy: &Policy) -> Option<f64> {
    let (mut scores, mut raters, mut authors) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for item in &line.items {
        let Some(given) = item.scores(reviews) else { continue };
        if let Some(score) = given.overall(&reviews.weights) {
            scores.push(score);
            authors.insert(&item.submission.author);
            raters.extend(given.on(None).map(|rating| rating.rater.as_str()));
        }
    }
    let k = policy.smallest_group;
    let enough = raters.len() as i64 >= k && authors.len() as i64 >= k;
    Distribution::of(scores).filter(|_| enough).map(|of| shown(of.mean, policy.rounding))
}
