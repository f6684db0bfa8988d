//! What reviews found, by scope, competency and dimension.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::block::{self, Block, Placement, Shown, Value};
use super::reviews::{self, Authors, Distribution, Item, Scores, shown};
use super::whole::all_of;
use super::{Facts, Made, MartError, Whole, add};
use crate::contract::Table;
use crate::contract::arrow::mart_schema;
use crate::engine;
use crate::job::Policy;
use crate::job::reviews::{DIMENSIONS, Reviews};
use crate::stats::shrunk_means::{self, Pooled};
use crate::stats::wilson::Z95;

pub const TABLE: Whole = Whole {
    name: "rubric_aggregates",
    tables: &["rubric_aggregates"],
    reads: &[all_of("submissions"), all_of("rubric_scores")],
    needs: &["submissions"],
    build,
};

/// Where a mean is: rubric version, scope kind, scope, competency, dimension. What a change is measured along.
type Place = (String, String, String, String, String);

fn build(facts: &Facts<'_>) -> Result<Vec<Made>, MartError> {
    let Some((reviews, items)) = reviews::of(facts) else { return Ok(Vec::new()) };
    let table = facts.catalog.expect(TABLE.name)?;
    let mut all: Option<DataFrame> = None;
    let mut withheld = Vec::new();
    let mut previous: BTreeMap<Place, f64> = BTreeMap::new();
    for (at, cycle) in reviews.cycles.iter().enumerate() {
        let Some(authors) = Authors::of(facts.people, cycle, facts.days.1) else { continue };
        let mut means: BTreeMap<Place, f64> = BTreeMap::new();
        let ours = || items.iter().filter(|item| item.cycle == at);
        let versions: BTreeSet<&String> = ours().flat_map(|item| item.versions.keys()).collect();
        for version in versions {
            let rated = authors.items(ours().filter(|item| item.versions.contains_key(version)));
            let mut groups = reviews::competencies(&reviews, &rated, facts.job.policy.smallest_group);
            groups.insert("all".into(), rated.values().flatten().copied().collect());
            for (competency, items) in groups {
                let group =
                    Group { reviews: &reviews, table, authors: &authors, version, competency: &competency, items };
                let keys = [("cycle_id", &cycle.id), ("rubric_version", version), ("competency", &competency)];
                let keys: Vec<(&'static str, Value)> =
                    keys.into_iter().map(|(name, text)| (name, Value::Text(text.clone()))).collect();
                for dimension in (0..DIMENSIONS.len()).map(Some).chain([None]) {
                    let (rows, tallies) = group.rows(facts, &keys, dimension, &previous, &mut means)?;
                    add(&mut withheld, tallies);
                    match &mut all {
                        Some(all) => drop(all.vstack_mut(&rows)?),
                        None => all = Some(rows),
                    }
                }
            }
        }
        previous = means;
    }
    let Some(all) = all else { return Ok(Vec::new()) };
    let rows = engine::to_arrow(&all, &mart_schema(table))?;
    Ok(vec![Made { table: TABLE.name, partition: "all".into(), rows, grain: "", withheld }])
}

/// The rated items of one cycle, rubric version and competency.
struct Group<'a> {
    reviews: &'a Reviews,
    table: &'a Table,
    authors: &'a Authors,
    version: &'a String,
    competency: &'a str,
    items: Vec<&'a Item>,
}

/// What the items of one scope say.
struct Said {
    raters: i64,
    distribution: Distribution,
}

/// The mean drawn towards the others, with its bounds.
type Drawn = [f64; 3];

impl Group<'_> {
    fn scores<'i>(&self, item: &'i Item) -> &'i Scores {
        &item.versions[self.version]
    }

    /// The rows of one dimension, or of overall.
    fn rows(
        &self,
        facts: &Facts<'_>,
        keys: &[(&'static str, Value)],
        dimension: Option<usize>,
        previous: &BTreeMap<Place, f64>,
        means: &mut BTreeMap<Place, f64>,
    ) -> Result<(DataFrame, Vec<(crate::guard::Tally, i64)>), MartError> {
        let policy = &facts.job.policy;
        let name = dimension.map_or("overall", |dimension| DIMENSIONS[dimension]);
        let by_author = self.authors.items(self.items.iter().copied());
        let weights = &self.reviews.weights;
        let scored = |item: &&&Item| self.scores(item).score(dimension, weights).is_some();
        let count = |each: &dyn Fn(&Item) -> i64| -> Vec<i64> {
            by_author.values().map(|items| items.iter().filter(scored).map(|item| each(item)).sum()).collect()
        };
        let counts =
            vec![("items", count(&|_| 1)), ("ratings", count(&|item| self.scores(item).on(dimension).count() as i64))];
        let codes: Vec<u32> = by_author.keys().copied().collect();
        let mut keys = keys.to_vec();
        keys.push(("dimension", Value::Text(name.to_owned())));
        let block = Block { keys, rows: self.authors.rows(&codes, counts)? };
        let place = Placement {
            people: facts.people,
            units: facts.units,
            period: self.authors.period,
            policy,
            managers: false,
        };
        let behind = block::show(self.table, &block, &place)?;
        let items: Vec<&Vec<&Item>> = by_author.values().collect();
        let said = self.said(&behind, &items, dimension, policy)?;
        let drawn = drawn(&behind, &said)?;
        let mut rows = behind.rows.clone();
        describe(&mut rows, &said, &drawn, policy.rounding)?;
        let change = change(&rows, [self.version, self.competency, name], previous, means, policy.rounding)?;
        rows.with_column(Column::new("mean_change".into(), change))?;
        Ok((rows, behind.withheld))
    }

    /// Row by row; `None` where the guard shows no figure, and where fewer raters than the smallest group stand behind it.
    fn said(
        &self,
        behind: &Shown,
        items: &[&Vec<&Item>],
        dimension: Option<usize>,
        policy: &Policy,
    ) -> PolarsResult<Vec<Option<Said>>> {
        let figures = behind.rows.column("items")?.i64()?.iter().zip(behind.rows.column("ratings")?.i64()?.iter());
        scopes(&behind.rows)?
            .iter()
            .zip(figures)
            .map(|((kind, id), (items_shown, ratings_shown))| {
                if items_shown.is_none() || ratings_shown.is_none() {
                    return Ok(None);
                }
                let members = behind.members(kind, id);
                let (mut scores, mut raters) = (Vec::new(), BTreeSet::new());
                for item in members.iter().filter_map(|at| items.get(*at as usize)).flat_map(|items| items.iter()) {
                    let given = self.scores(item);
                    if let Some(score) = given.score(dimension, &self.reviews.weights) {
                        scores.push(score);
                        raters.extend(given.on(dimension).map(|rating| rating.rater.as_str()));
                    }
                }
                let raters = raters.len() as i64;
                let enough = raters >= policy.smallest_group;
                Ok(Distribution::of(scores).filter(|_| enough).map(|distribution| Said { raters, distribution }))
            })
            .collect()
    }
}

/// (scope_kind, scope_id) of each row.
fn scopes(rows: &DataFrame) -> PolarsResult<Vec<(String, String)>> {
    let texts = |name: &str| -> PolarsResult<Vec<String>> {
        Ok(rows.column(name)?.str()?.iter().map(|text| text.unwrap_or_default().to_owned()).collect())
    };
    Ok(texts("scope_kind")?.into_iter().zip(texts("scope_id")?).collect())
}

/// Each scope's mean drawn towards the mean of its kind. Units contain each other, so what the kind has in common is learnt from
/// those that hold no other published one: their people differ.
fn drawn(behind: &Shown, said: &[Option<Said>]) -> PolarsResult<Vec<Option<Drawn>>> {
    let scopes = scopes(&behind.rows)?;
    let mut drawn = vec![None; scopes.len()];
    let kinds: BTreeSet<&String> = scopes.iter().map(|(kind, _)| kind).collect();
    for kind in kinds {
        let mut rows: Vec<(Vec<u32>, usize, Distribution)> = Vec::new();
        for (at, ((of, id), said)) in scopes.iter().zip(said).enumerate().filter(|(_, ((of, _), _))| of == kind) {
            if let Some(said) = said {
                rows.push((behind.members(of, id), at, said.distribution));
            }
        }
        rows.sort_by_key(|(members, at, _)| (members.len(), *at));
        let mut taken: BTreeSet<u32> = BTreeSet::new();
        let mut apart: Vec<Distribution> = Vec::new();
        for (members, _, distribution) in &rows {
            if members.iter().all(|member| !taken.contains(member)) {
                taken.extend(members);
                apart.push(*distribution);
            }
        }
        let sizes: Vec<(usize, f64)> = apart.iter().map(|one| (one.items, one.variance.unwrap_or(0.0))).collect();
        let Some(variances) = shrunk_means::mean_variances(&sizes) else { continue };
        let groups: Vec<(f64, f64)> = apart.iter().map(|one| one.mean).zip(variances.iter().copied()).collect();
        let (Some(pooled), Some(single)) =
            (shrunk_means::shrink(&groups), variances.first().zip(sizes.first()).map(|(v, (n, _))| v * *n as f64))
        else {
            continue;
        };
        for (_, at, distribution) in rows {
            drawn[at] = Some(bounds(&pooled, distribution.mean, single / distribution.items as f64));
        }
    }
    Ok(drawn)
}

fn bounds(pooled: &Pooled, mean: f64, variance: f64) -> Drawn {
    let shrunk = pooled.draw(mean, variance);
    let within = |points: f64| points.clamp(1.0, 4.0);
    [shrunk.shrunk, within(shrunk.shrunk - Z95 * shrunk.se), within(shrunk.shrunk + Z95 * shrunk.se)]
}

/// Adds the columns no sum can give.
fn describe(rows: &mut DataFrame, said: &[Option<Said>], drawn: &[Option<Drawn>], rounding: i64) -> PolarsResult<()> {
    let raters: Vec<Option<i64>> = said.iter().map(|said| said.as_ref().map(|said| said.raters)).collect();
    rows.with_column(Column::new("raters".into(), raters))?;
    let mut add = |name: &str, pick: &dyn Fn(&Distribution) -> Option<f64>| -> PolarsResult<()> {
        let value = |said: &Option<Said>| Some(shown(pick(&said.as_ref()?.distribution)?, rounding));
        rows.with_column(Column::new(name.into(), said.iter().map(value).collect::<Vec<_>>()))?;
        Ok(())
    };
    add("mean", &|of| Some(of.mean))?;
    add("median", &|of| Some(of.median))?;
    add("sd", &|of| of.variance.map(f64::sqrt))?;
    for (name, level) in ["share_1", "share_2", "share_3", "share_4"].into_iter().zip(0..) {
        add(name, &|of| Some(of.reached[level]))?;
    }
    add("share_3_plus", &|of| Some((of.reached[2] + of.reached[3]).min(1.0)))?;
    for (name, part) in ["shrunk_mean", "shrunk_mean_low", "shrunk_mean_high"].into_iter().zip(0..) {
        let values: Vec<Option<f64>> =
            drawn.iter().map(|drawn| drawn.map(|drawn| shown(drawn[part], rounding))).collect();
        rows.with_column(Column::new(name.into(), values))?;
    }
    Ok(())
}

/// What each shown mean differs by from the cycle before; notes the means for the cycle after.
fn change(
    rows: &DataFrame,
    [version, competency, dimension]: [&str; 3],
    previous: &BTreeMap<Place, f64>,
    means: &mut BTreeMap<Place, f64>,
    rounding: i64,
) -> PolarsResult<Vec<Option<f64>>> {
    let shown_means = rows.column("mean")?.f64()?;
    let changes = scopes(rows)?.into_iter().zip(shown_means.iter()).map(|((kind, id), mean)| {
        let place = (version.to_owned(), kind, id, competency.to_owned(), dimension.to_owned());
        let before = previous.get(&place).copied();
        if let Some(mean) = mean {
            means.insert(place, mean);
        }
        Some(shown(mean? - before?, rounding))
    });
    Ok(changes.collect())
}
