//! Every scope a mart may speak of, with a label and its parent. Manager scopes name people and are left out.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{DataFrame, PolarsResult};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use crate::canon::history::NONE;
use crate::columns::Columns;
use crate::guard::OTHER;
use crate::period::{Grain, Period};
use crate::scope::UNKNOWN;

pub const TABLE: Derived = Derived { name: "dim_scope", tables: &["dim_scope"], protection: Protection::Public, build };

/// (label, parent) of a scope.
type About = (String, Option<(&'static str, String)>);

fn build(reads: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    Output::whole(reads.catalog, TABLE.name, &rows(reads)?)
}

fn rows(reads: &Reads<'_>) -> PolarsResult<DataFrame> {
    let last = reads.days().1 - 1;
    let today = Period { grain: Grain::Day, start: last, end: last + 1 };
    let mut scopes: BTreeMap<(&str, String), About> = BTreeMap::new();
    let company = || Some(("company", "all".to_owned()));
    scopes.insert(("company", "all".into()), ("whole company".into(), None));

    let text = |code: u32| reads.people().labels.text(code).unwrap_or(UNKNOWN).to_owned();
    let mut ids: BTreeSet<String> = reads.units().versions.keys().cloned().collect();
    for stint in &reads.people().stints {
        let place = stint.place;
        ids.insert(text(place.org));
        for (kind, code) in [("leader_band", place.band), ("location", place.location), ("function", place.function)] {
            let id = text(code);
            let label = if code == NONE { "not known".to_owned() } else { id.clone() };
            scopes.insert((kind, id), (label, company()));
        }
    }
    for kind in ["leader_band", "location", "function"] {
        scopes.insert((kind, OTHER.into()), ("small groups together".into(), company()));
    }
    let ids: Vec<String> = ids.into_iter().collect();
    let forest = reads.units().forest(&ids, today);
    for (at, id) in forest.ids.iter().enumerate() {
        let named = reads.units().version(id, today).and_then(|version| version.name.clone());
        let label = named.unwrap_or_else(|| if id == UNKNOWN { "not known".to_owned() } else { id.clone() });
        let parent = forest.parents[at].map_or_else(company, |parent| Some(("org", forest.ids[parent].clone())));
        scopes.insert(("org", id.clone()), (label, parent));
    }

    let scopes: Vec<_> = scopes.into_iter().collect();
    Columns::of(&scopes)
        .text("scope_kind", |((kind, _), _)| *kind)
        .text("scope_id", |((_, id), _)| id)
        .text("label", |(_, (label, _))| label)
        .text("parent_scope_kind", |(_, (_, parent))| parent.as_ref().map(|parent| parent.0))
        .text("parent_scope_id", |(_, (_, parent))| parent.as_ref().map(|parent| &parent.1))
        .bool("is_other", |((kind, id), _)| !matches!(*kind, "company" | "org") && id == OTHER)
        .frame()
}
