//! What was said before and no longer holds, for tables in which that must stay readable: a score given anew replaces the
//! old one in every figure, but an auditor still finds both.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};

use super::lake::{Lake, WHOLE};
use crate::canon::merge::{Kept, Removed, merge};
use crate::contract::Table;
use crate::contract::arrow::canon_schema;
use crate::error::{Error, Result};
use crate::publish::NewFile;

/// Canon tables with a history: the table, and the one that keeps each different statement about its keys.
const HISTORIES: [(&str, &str); 1] = [("rubric_scores", "rubric_scores_history")];

/// The history of a table with new statements added, where it has one. A statement made twice is kept once, as last delivered,
/// so that the order of deliveries does not show.
pub(super) fn history(lake: &Lake<'_>, table: &Table, statements: &[RecordBatch]) -> Result<Option<NewFile>> {
    let Some(history) = history_of(lake, &table.name)? else { return Ok(None) };
    let schema = canon_schema(&history);
    let mut batches = lake.read(&history, WHOLE, None)?;
    for batch in statements {
        let columns: Option<Vec<ArrayRef>> =
            schema.fields().iter().map(|field| batch.column_by_name(field.name()).cloned()).collect();
        let columns =
            columns.ok_or_else(|| Error::bug(format!("{} lacks a column of {}", table.name, history.name)))?;
        batches.push(RecordBatch::try_new(Arc::clone(&schema), columns)?);
    }
    let merged = merge(&history, &batches, &Removed::new(), &|_, _| true, &|_, _| Kept::Nothing)?;
    Ok(Some(Lake::encode(&history, WHOLE, &merged.rows)?))
}

/// Whether what was said before of a table must stay readable.
pub(super) fn has_history(table: &Table) -> bool {
    HISTORIES.iter().any(|(of, _)| *of == table.name)
}

/// A table that is read anew gathers its history anew.
pub(super) fn start_over(lake: &mut Lake<'_>, table: &str) -> Result<()> {
    match history_of(lake, table)? {
        Some(history) => lake.keep(&history, |_| false),
        None => Ok(()),
    }
}

fn history_of(lake: &Lake<'_>, table: &str) -> Result<Option<Table>> {
    let name = HISTORIES.iter().find(|(of, _)| *of == table).map(|(_, history)| *history);
    Ok(name.map(|name| lake.catalog.require(name)).transpose()?.cloned())
}
