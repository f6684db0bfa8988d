//! The strict readers, one for each format: text or pages in, records with their place out.

pub(crate) mod bytes;
pub(crate) mod csv;
mod elements;
pub(crate) mod json;
pub(crate) mod parquet;
pub(crate) mod scan;
pub(crate) mod tape;

use std::collections::HashSet;

use super::Context;
use super::gate::Bound;
use super::plan::Feed;
use super::reject::{Reason, Refusal};

/// The name of a value derived from the whole record: an id for exports that have none.
pub(crate) const RECORD: &str = "@record";
/// Its position in a file.
pub(crate) const DERIVED: usize = usize::MAX;

/// A source's columns bound to a header block.
pub(crate) struct Header<'a> {
    pub bound: Bound<'a>,
    /// Slot -> position in the file; `None` where an optional column is not delivered.
    pub positions: Vec<Option<usize>>,
    /// Columns neither mapped nor ignored.
    pub unknown: Vec<String>,
}

/// Finds the first header block whose columns are all in the file.
pub(crate) fn bind<'a>(feed: &'a Feed, context: &Context<'a>, names: &[String]) -> Result<Header<'a>, Refusal> {
    if names.len() > feed.limits.columns {
        return Err(Refusal::new(Reason::TooManyColumns, format!("more than {} columns", feed.limits.columns)));
    }
    let mut seen = HashSet::new();
    if names.iter().any(|name| !name.is_empty() && !seen.insert(name.as_str())) {
        // The name stays unsaid: in a file without a header it would be a value.
        return Err(Refusal::new(Reason::DuplicateHeader, ""));
    }
    let mut missing: Option<Refusal> = None;
    for block in &feed.blocks {
        let bound = Bound::new(feed, block, context);
        let at = |wanted: &String| {
            if wanted == RECORD { Some(DERIVED) } else { names.iter().position(|name| name == wanted) }
        };
        let find = |list: &[String]| list.iter().find_map(at);
        let positions: Vec<Option<usize>> = bound.names.iter().map(|list| find(list)).collect();
        let gap = positions.iter().enumerate().position(|(slot, at)| at.is_none() && !bound.optional(slot));
        if let Some(slot) = gap {
            let column = bound.column_of(slot).map_or(bound.key_of(slot), |column| column.name.as_str());
            let wanted = bound.names[slot].join("` or `");
            missing
                .get_or_insert(Refusal::new(Reason::MissingColumn, format!("`{wanted}` for {column}")).column(column));
            continue;
        }
        let known = |name: &str| {
            bound.names.iter().any(|list| list.iter().any(|wanted| wanted == name)) || is_ignored(name, &block.ignore)
        };
        let unknown: Vec<String> = names.iter().filter(|name| !known(name)).cloned().collect();
        if feed.strict && !unknown.is_empty() {
            return Err(Refusal::new(Reason::UnknownColumn, format!("{} columns", unknown.len())));
        }
        return Ok(Header { bound, positions, unknown });
    }
    Err(missing.unwrap_or_else(|| Refusal::new(Reason::MissingColumn, "")))
}

/// Whether an ignore list names a column, `x_*` standing for all that begin so.
pub(crate) fn is_ignored(name: &str, ignore: &[String]) -> bool {
    ignore.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(stem) => name.starts_with(stem),
        None => pattern == name,
    })
}
