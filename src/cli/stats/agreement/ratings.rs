//! Rows of item, rater and score as the estimators want them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::super::read::{Row, Table};
use crate::error::Result;
use crate::stats::ratings::{RUBRIC, RatingCounts};
use crate::stats::severity::Rating;

/// All ratings on one dimension; items and raters are numbered in the order of their names.
pub struct Dimension {
    pub name: String,
    pub items: Vec<String>,
    pub raters: Vec<String>,
    pub ratings: Vec<Rating>,
    /// Scores of each item, in the order of raters.
    pub scores: Vec<Vec<f64>>,
    pub counts: RatingCounts,
    /// `scores`, where the same raters (two or more) rate every item.
    pub complete: Option<Vec<Vec<f64>>>,
}

impl Dimension {
    /// How often each rater gave each category.
    pub fn given_by_rater(&self) -> Vec<Vec<u32>> {
        let scale = self.counts.scale();
        let mut given = vec![vec![0; scale.len()]; self.raters.len()];
        for r in &self.ratings {
            if let Some(category) = scale.iter().position(|s| *s == r.score) {
                given[r.rater][category] += 1;
            }
        }
        given
    }
}

/// The dimensions of the file by name; `all` where it has no such column.
pub fn read(table: &Table, categories: Option<&[f64]>) -> Result<Vec<Dimension>> {
    let (item, rater, score) = (table.required("item")?, table.required("rater")?, table.required("score")?);
    let dimension = table.column("dimension");
    let mut by_dimension: BTreeMap<&str, Vec<(Row, &str, &str, f64)>> = BTreeMap::new();
    let mut seen = HashSet::new();
    for row in table.rows() {
        let name = match &dimension {
            Some(column) => row.filled(column)?,
            None => "all",
        };
        let (item, rater) = (row.filled(&item)?, row.filled(&rater)?);
        if row.text(&score).is_empty() {
            // A rater who has not scored an item has no rating on it.
            continue;
        }
        let value = row.number(&score)?;
        if categories.is_some_and(|c| !c.contains(&value)) {
            return Err(row.error(&score, "not one of --categories", "correct the score or name all categories"));
        }
        if !seen.insert((name, item, rater)) {
            return Err(row.refused(
                "this rater has scored this item before",
                "keep the score that counts and remove the other row",
            ));
        }
        by_dimension.entry(name).or_default().push((row, item, rater, value));
    }
    if by_dimension.is_empty() {
        return Err(table.error("no ratings").hint("one row an item and rater is needed"));
    }
    let read = |(name, rows): (&str, Vec<(Row, &str, &str, f64)>)| assemble(name, &rows, categories);
    by_dimension.into_iter().map(read).collect()
}

fn assemble(name: &str, rows: &[(Row, &str, &str, f64)], categories: Option<&[f64]>) -> Result<Dimension> {
    let items = numbered(rows.iter().map(|(_, item, ..)| *item));
    let raters = numbered(rows.iter().map(|(_, _, rater, _)| *rater));
    let places = |names: &[String]| names.iter().cloned().enumerate().map(|(i, n)| (n, i)).collect::<HashMap<_, _>>();
    let (item_places, rater_places) = (places(&items), places(&raters));
    let mut ratings: Vec<Rating> = rows
        .iter()
        .map(|(_, item, rater, score)| Rating { item: item_places[*item], rater: rater_places[*rater], score: *score })
        .collect();
    // The order of the file must not reach the sums.
    ratings.sort_by_key(|r| (r.item, r.rater));

    let mut scores = vec![Vec::new(); items.len()];
    ratings.iter().for_each(|r| scores[r.item].push(r.score));
    let in_rubric = ratings.iter().all(|r| RUBRIC.contains(&r.score));
    let scale = match categories {
        Some(categories) => categories.to_vec(),
        None if in_rubric => RUBRIC.to_vec(),
        None => ratings.iter().map(|r| r.score).collect(),
    };
    let counts = RatingCounts::of(&scale, &scores)
        .map_err(|_| rows[0].0.refused("a score is off the scale", "see --categories"))?;
    // One score a rater and item is held above, so as many scores as raters are all of them.
    let complete = (raters.len() > 1 && scores.iter().all(|s| s.len() == raters.len())).then(|| scores.clone());
    Ok(Dimension { name: name.to_owned(), items, raters, ratings, scores, counts, complete })
}

fn numbered<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.collect::<BTreeSet<_>>().into_iter().map(str::to_owned).collect()
}
