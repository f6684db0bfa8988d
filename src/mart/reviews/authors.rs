//! Where authors count in a cycle, and under which competencies.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::Item;
use crate::canon::history::{NONE, People, Stint};
use crate::job::reviews::{Cycle, Reviews};
use crate::period::{Day, Grain, Period};
use crate::scope::PLACE;

/// The authors of some items, placed where their last eligible day in the cycle found them. Authors without such a day are left
/// out: they have no place.
pub struct Authors {
    /// The part of the cycle that had begun.
    pub period: Period,
    stints: Vec<Stint>,
}

impl Authors {
    /// `None` where the cycle has not begun.
    pub fn of(people: &People, cycle: &Cycle, today: Day) -> Option<Authors> {
        // A cycle has no grain; the word shows in errors alone.
        let period = Period { grain: Grain::Quarter, start: cycle.opens, end: (cycle.closes + 1).min(today) };
        (period.start < period.end).then(|| Authors { period, stints: people.places(period) })
    }

    /// Items by author, authors in the order of their codes; those without a place left out.
    pub fn items<'i>(&self, items: impl Iterator<Item = &'i Item>) -> BTreeMap<u32, Vec<&'i Item>> {
        let mut by_author: BTreeMap<u32, Vec<&Item>> = BTreeMap::new();
        for item in items {
            if let Some(author) = item.author.filter(|author| self.place(*author).is_some()) {
                by_author.entry(author).or_default().push(item);
            }
        }
        by_author
    }

    fn place(&self, author: u32) -> Option<&Stint> {
        let at = self.stints.binary_search_by_key(&author, |stint| stint.worker).ok()?;
        self.stints.get(at)
    }

    /// One row an author: place, and the given counts.
    pub fn rows(&self, authors: &[u32], counts: Vec<(&'static str, Vec<i64>)>) -> PolarsResult<DataFrame> {
        let stints: Vec<&Stint> = authors.iter().filter_map(|author| self.place(*author)).collect();
        let code = |code: u32| if code == NONE { -1 } else { i64::from(code) };
        let place = |name: &str| -> Vec<i64> {
            let pick = |stint: &&Stint| match name {
                "worker" => i64::from(stint.worker),
                "org" => code(stint.place.org),
                "leader_band" => code(stint.place.band),
                "location" => code(stint.place.location),
                "function" => code(stint.place.function),
                _ => code(stint.place.manager),
            };
            stints.iter().map(pick).collect()
        };
        let mut columns: Vec<Column> = PLACE.iter().map(|name| Column::new((*name).into(), place(name))).collect();
        columns.extend(counts.into_iter().map(|(name, values)| Column::new(name.into(), values)));
        DataFrame::new(stints.len(), columns)
    }
}

/// Items by competency. One that the configuration does not name is `unknown`; those of fewer than `k` authors are merged into
/// `other`, and if that is too small the next smallest with them, so that no competency is what the others leave over.
pub fn competencies<'i>(
    reviews: &Reviews,
    items: &BTreeMap<u32, Vec<&'i Item>>,
    k: i64,
) -> BTreeMap<String, Vec<&'i Item>> {
    let mut by_name: BTreeMap<String, (BTreeSet<u32>, Vec<&Item>)> = BTreeMap::new();
    for (author, items) in items {
        for item in items {
            let entry = by_name.entry(name(reviews, item)).or_default();
            entry.0.insert(*author);
            entry.1.push(item);
        }
    }
    let size = |authors: &BTreeSet<u32>| authors.len() as i64;
    let mut other: (BTreeSet<u32>, Vec<&Item>) = Default::default();
    loop {
        let smallest = by_name.iter().map(|(name, (authors, _))| (size(authors), name.clone())).min();
        let Some((authors, name)) = smallest else { break };
        if authors >= k && (other.0.is_empty() || size(&other.0) >= k) {
            break;
        }
        if let Some((authors, items)) = by_name.remove(&name) {
            other.0.extend(authors);
            other.1.extend(items);
        }
    }
    let mut merged: BTreeMap<String, Vec<&Item>> =
        by_name.into_iter().map(|(name, (_, items))| (name, items)).collect();
    if !other.1.is_empty() {
        merged.insert("other".into(), other.1);
    }
    merged
}

fn name(reviews: &Reviews, item: &Item) -> String {
    let known = |name: &&String| match reviews.competencies.is_empty() {
        true => !["all", "other", "unknown"].contains(&name.as_str()),
        false => reviews.competencies.contains(*name),
    };
    item.submission.competency.as_ref().filter(known).cloned().unwrap_or_else(|| "unknown".into())
}
