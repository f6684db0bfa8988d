//! What reviews found, by scope, competency and dimension.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use super::person_rows::Value;
use super::person_rows::add;
use super::reviews::lines::{self, About, Line, Lines};
use super::reviews::{self, Authors, Distribution, Item, Scores, shown};
use crate::contract::arrow::mart_schema;
use crate::engine;
use crate::job::Policy;
use crate::job::reviews::{DIMENSIONS, Reviews};
use crate::stats::shrunk_means::{self, Pooled};
use crate::stats::wilson::Z95;

pub const TABLE: Derived =
    Derived { name: "rubric_aggregates", tables: &["rubric_aggregates"], protection: Protection::Guarded, build };

/// Where a mean is: rubric version, scope kind, scope, competency, dimension. What a change is measured along.
type Place = (String, String, String, String, String);

fn build(facts: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    let Some((reviews, items)) = reviews::of(facts) else { return Ok(Vec::new()) };
    let table = facts.catalog.require(TABLE.name)?;
    let mut all: Option<DataFrame> = None;
    let mut withheld = Vec::new();
    let mut previous: BTreeMap<Place, f64> = BTreeMap::new();
    for (at, cycle) in reviews.cycles.iter().enumerate() {
        let Some(authors) = Authors::of(facts.people(), cycle, facts.days().1) else { continue };
        let mut means: BTreeMap<Place, f64> = BTreeMap::new();
        let ours = || items.iter().filter(|item| item.cycle == at);
        let versions: BTreeSet<&String> = ours().flat_map(|item| item.versions.keys()).collect();
        for version in versions {
            let rated = authors.items(ours().filter(|item| item.versions.contains_key(version)));
            let competencies = reviews::competencies(&reviews, &rated, &facts.job.policy);
            let keys = [("cycle_id", &cycle.id), ("rubric_version", version)];
            let about = About {
                facts,
                table,
                authors: &authors,
                items: &rated,
                competencies: &competencies,
                keys: keys.into_iter().map(|(name, text)| (name, Value::Text(text.clone()))).collect(),
            };
            let group = Group { reviews: &reviews, about, version };
            for dimension in (0..DIMENSIONS.len()).map(Some).chain([None]) {
                let (rows, tallies) = group.rows(dimension, &previous, &mut means)?;
                add(&mut withheld, tallies);
                match &mut all {
                    Some(all) => drop(all.vstack_mut(&rows)?),
                    None => all = Some(rows),
                }
            }
        }
        previous = means;
    }
    let Some(all) = all else { return Ok(Vec::new()) };
    let rows = engine::to_arrow(&all, &mart_schema(table))?;
    Ok(vec![Output { table: TABLE.name, partition: "all".into(), rows, grain: "", withheld }])
}

/// The rated items of one cycle and rubric version.
struct Group<'a, 'i> {
    reviews: &'a Reviews,
    about: About<'a, 'i>,
    version: &'a String,
}

/// What the items of one scope say.
struct Said {
    raters: i64,
    distribution: Distribution,
}

/// The mean drawn towards the others, with its bounds.
type Drawn = [f64; 3];

impl Group<'_, '_> {
    fn scores<'i>(&self, item: &'i Item) -> &'i Scores {
        &item.versions[self.version]
    }

    /// The rows of one dimension, or of overall.
    fn rows(
        &self,
        dimension: Option<usize>,
        previous: &BTreeMap<Place, f64>,
        means: &mut BTreeMap<Place, f64>,
    ) -> Result<(DataFrame, Vec<(crate::guard::Tally, i64)>), MartError> {
        let policy = &self.about.facts.job.policy;
        let name = dimension.map_or("overall", |dimension| DIMENSIONS[dimension]);
        let is_scored = |item: &Item| self.scores(item).score(dimension, &self.reviews.weights).is_some();
        let items = |item: &Item| i64::from(is_scored(item));
        let ratings = |item: &Item| if is_scored(item) { self.scores(item).on(dimension).count() as i64 } else { 0 };
        let Lines { lines, withheld, .. } = self.about.lines(&[("items", &items), ("ratings", &ratings)])?;
        let said: Vec<Option<Said>> = lines.iter().map(|line| self.said(line, dimension, policy)).collect();
        let drawn = drawn(&lines, &said);
        let mut keys = self.about.keys.clone();
        keys.push(("dimension", Value::Text(name.to_owned())));
        let mut rows = lines::frame(self.about.table, &lines, &keys)?;
        describe(&mut rows, &said, &drawn, policy.rounding)?;
        let change = change(&rows, &lines, [self.version, name], previous, means, policy.rounding)?;
        rows.with_column(Column::new("mean_change".into(), change))?;
        Ok((rows, withheld))
    }

    /// `None` where the guard shows no figure, and where fewer raters than the smallest group stand behind it.
    fn said(&self, line: &Line<'_>, dimension: Option<usize>, policy: &Policy) -> Option<Said> {
        if line.people.is_none() || line.values.iter().any(Option::is_none) {
            return None;
        }
        let (mut scores, mut raters) = (Vec::new(), BTreeSet::new());
        for item in &line.items {
            let given = self.scores(item);
            if let Some(score) = given.score(dimension, &self.reviews.weights) {
                scores.push(score);
                raters.extend(given.on(dimension).map(|rating| rating.rater.as_str()));
            }
        }
        let raters = raters.len() as i64;
        let enough = raters >= policy.smallest_group;
        Distribution::of(scores).filter(|_| enough).map(|distribution| Said { raters, distribution })
    }
}

/// Each scope's mean drawn towards the mean of its kind. Units contain each other, so what the kind has in common is learnt from
/// those that hold no other published one: their people differ.
fn drawn(lines: &[Line<'_>], said: &[Option<Said>]) -> Vec<Option<Drawn>> {
    let mut drawn = vec![None; lines.len()];
    let mut groups: BTreeMap<(&str, &str), Vec<(&Line<'_>, usize, Distribution)>> = BTreeMap::new();
    for (at, (line, said)) in lines.iter().zip(said).enumerate() {
        if let Some(said) = said {
            groups.entry((&line.competency, &line.kind)).or_default().push((line, at, said.distribution));
        }
    }
    for mut rows in groups.into_values() {
        rows.sort_by_key(|(line, at, _)| (line.authors.len(), *at));
        let mut taken: BTreeSet<u32> = BTreeSet::new();
        let mut apart: Vec<Distribution> = Vec::new();
        for (line, _, distribution) in &rows {
            if line.authors.iter().all(|author| !taken.contains(author)) {
                taken.extend(&line.authors);
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
    drawn
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
    lines: &[Line<'_>],
    [version, dimension]: [&str; 2],
    previous: &BTreeMap<Place, f64>,
    means: &mut BTreeMap<Place, f64>,
    rounding: i64,
) -> PolarsResult<Vec<Option<f64>>> {
    let shown_means = rows.column("mean")?.f64()?;
    let changes = lines.iter().zip(shown_means.iter()).map(|(line, mean)| {
        let (kind, id) = (line.kind.clone(), line.id.clone());
        let place = (version.to_owned(), kind, id, line.competency.clone(), dimension.to_owned());
        let before = previous.get(&place).copied();
        if let Some(mean) = mean {
            means.insert(place, mean);
        }
        Some(shown(mean? - before?, rounding))
    });
    Ok(changes.collect())
}
