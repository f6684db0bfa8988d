//! Where authors count in a cycle, and under which competencies.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::{Item, split};
use crate::canon::history::{NONE, People, Stint};
use crate::guard::OTHER;
use crate::job::Policy;
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

/// The competency of every item, by submission. One that the configuration does not name is `unknown`. Those of too few authors
/// for a row of the company are merged into `other`, and if that is too small the next smallest with them, so that no competency
/// is what the others leave over. An author counts in equal parts under each of their competencies (see [`super::split`]).
pub fn competencies<'i>(
    reviews: &Reviews,
    items: &BTreeMap<u32, Vec<&'i Item>>,
    policy: &Policy,
) -> BTreeMap<&'i str, String> {
    let mut of: BTreeMap<&str, String> = BTreeMap::new();
    for item in items.values().flatten() {
        of.insert(&item.submission.id, name(reviews, item));
    }
    loop {
        let mut sizes: BTreeMap<&str, i64> = BTreeMap::new();
        for items in items.values() {
            let own: BTreeSet<&str> = items.iter().map(|item| of[item.submission.id.as_str()].as_str()).collect();
            own.iter().for_each(|name| *sizes.entry(name).or_default() += split::share(own.len()));
        }
        let other = sizes.remove(OTHER);
        let Some((size, smallest)) = sizes.into_iter().map(|(name, size)| (size, name.to_owned())).min() else { break };
        let k = split::least(policy);
        if size >= k && other.is_none_or(|other| other >= k) {
            break;
        }
        of.values_mut().filter(|name| **name == smallest).for_each(|name| OTHER.clone_into(name));
    }
    of
}

fn name(reviews: &Reviews, item: &Item) -> String {
    let known = |name: &&String| match reviews.competencies.is_empty() {
        true => !["all", "other", "unknown"].contains(&name.as_str()),
        false => reviews.competencies.contains(*name),
    };
    item.submission.competency.as_ref().filter(known).cloned().unwrap_or_else(|| "unknown".into())
}
