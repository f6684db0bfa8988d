//! Which competencies people bring evidence for.

use std::collections::BTreeSet;

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::block::{self, Block, Placement, Shown, Value};
use super::reviews::{self, Authors, Distribution, Item, shown};
use super::whole::all_of;
use super::{Facts, Made, MartError, Whole, add};
use crate::contract::arrow::mart_schema;
use crate::engine;
use crate::job::Policy;
use crate::job::reviews::Reviews;

pub const TABLE: Whole = Whole {
    name: "competency_coverage",
    tables: &["competency_coverage"],
    reads: &[
        all_of("submissions"),
        all_of("rubric_scores"),
        all_of("reactions"),
        all_of("contributions"),
        all_of("measures"),
    ],
    needs: &["submissions"],
    build,
};

fn build(facts: &Facts<'_>) -> Result<Vec<Made>, MartError> {
    let Some((reviews, items)) = reviews::of(facts) else { return Ok(Vec::new()) };
    let table = facts.catalog.expect(TABLE.name)?;
    let policy = &facts.job.policy;
    let mut all: Option<DataFrame> = None;
    let mut withheld = Vec::new();
    for (at, cycle) in reviews.cycles.iter().enumerate() {
        let Some(authors) = Authors::of(facts.people, cycle, facts.days.1) else { continue };
        let ours = authors.items(items.iter().filter(|item| item.cycle == at));
        for (competency, items) in reviews::competencies(&reviews, &ours, policy.smallest_group) {
            let by_author = authors.items(items.into_iter());
            let count = |each: &dyn Fn(&Item) -> bool| -> Vec<i64> {
                by_author.values().map(|items| items.iter().filter(|item| each(item)).count() as i64).collect()
            };
            let counts = vec![("submissions", count(&|_| true)), ("eligible", count(&|item| item.reasons.is_empty()))];
            let codes: Vec<u32> = by_author.keys().copied().collect();
            let block = Block {
                keys: vec![("cycle_id", Value::Text(cycle.id.clone())), ("competency", Value::Text(competency))],
                rows: authors.rows(&codes, counts)?,
            };
            let place =
                Placement { people: facts.people, units: facts.units, period: authors.period, policy, managers: false };
            let behind = block::show(table, &block, &place)?;
            let items: Vec<&Vec<&Item>> = by_author.values().collect();
            let mut rows = behind.rows.clone();
            rows.with_column(Column::new("mean_overall".into(), means(&behind, &items, &reviews, policy)?))?;
            add(&mut withheld, behind.withheld);
            match &mut all {
                Some(all) => drop(all.vstack_mut(&rows)?),
                None => all = Some(rows),
            }
        }
    }
    let Some(all) = all else { return Ok(Vec::new()) };
    let rows = engine::to_arrow(&all, &mart_schema(table))?;
    Ok(vec![Made { table: TABLE.name, partition: "all".into(), rows, grain: "", withheld }])
}

/// Mean overall score by row, where enough rated authors and raters stand behind it.
fn means(behind: &Shown, items: &[&Vec<&Item>], reviews: &Reviews, policy: &Policy) -> PolarsResult<Vec<Option<f64>>> {
    let (kinds, ids) = (behind.rows.column("scope_kind")?.str()?, behind.rows.column("scope_id")?.str()?);
    let mean = |(kind, id): (Option<&str>, Option<&str>)| {
        let (mut scores, mut raters, mut authors) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        for item in behind.members(kind?, id?).iter().filter_map(|at| items.get(*at as usize)).flat_map(|of| of.iter())
        {
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
    };
    Ok(kinds.iter().zip(ids.iter()).map(mean).collect())
}
