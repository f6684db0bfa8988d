//! The organisation as last known: one row a unit, with its path from the root.

use polars::prelude::{DataFrame, PolarsResult};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use crate::columns::Columns;
use crate::period::{Grain, OPEN_END, Period};

pub const TABLE: Derived = Derived { name: "dim_org", tables: &["dim_org"], protection: Protection::Public, build };

fn build(reads: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    Output::whole(reads.catalog, TABLE.name, &rows(reads)?)
}

fn rows(reads: &Reads<'_>) -> PolarsResult<DataFrame> {
    let last = reads.days().1 - 1;
    let today = Period { grain: Grain::Day, start: last, end: last + 1 };
    let ids: Vec<String> = reads.units().versions.keys().cloned().collect();
    let forest = reads.units().forest(&ids, today);
    let name = |id: &str| {
        reads.units().version(id, today).and_then(|version| version.name.clone()).unwrap_or_else(|| id.to_owned())
    };

    // Parents come before children, so a child's path extends one that is already there.
    let mut paths: Vec<(String, String, i64)> = Vec::with_capacity(forest.ids.len());
    for (at, id) in forest.ids.iter().enumerate() {
        let path = match forest.parents[at] {
            Some(parent) => {
                let (ids, names, depth) = &paths[parent];
                (format!("{ids} / {id}"), format!("{names} / {}", name(id)), depth + 1)
            }
            None => (id.clone(), name(id), 0),
        };
        paths.push(path);
    }
    let mut order: Vec<usize> = (0..forest.ids.len()).collect();
    order.sort_unstable_by_key(|at| &forest.ids[*at]);

    let version = |at: &usize| reads.units().version(&forest.ids[*at], today);
    let valid_to = |at: &usize| version(at).map(|version| version.to).filter(|to| *to != OPEN_END);
    let is_current = |at: &usize| version(at).is_some_and(|version| version.from <= last && last < version.to);
    Columns::of(&order)
        .text("org_id", |at| &forest.ids[*at])
        .text("name", |at| name(&forest.ids[*at]))
        .text("parent_id", |at| forest.parents[*at].map(|parent| &forest.ids[parent]))
        .text("kind", |at| version(at).and_then(|version| version.kind.clone()))
        .int("depth", |at| paths[*at].2)
        .text("path", |at| &paths[*at].0)
        .text("path_names", |at| &paths[*at].1)
        .date("valid_from", |at| version(at).map(|version| version.from))
        .date("valid_to", valid_to)
        .bool("is_current", is_current)
        .frame()
}
