//! Tables that the job does not publish any more.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::lake::Lake;
use crate::contract::{Area, Table};
use crate::error::Result;
use crate::mart::MARTS;

/// Takes out what the job does not publish any more: it would stay in the snapshot as it once was.
///
/// # Errors
/// A table has no name; a bug.
pub fn take_out(context: &Context<'_>, lake: &mut Lake<'_>, made_from: &mut BTreeMap<String, String>) -> Result<()> {
    let of_managers: BTreeSet<&str> =
        MARTS.iter().filter(|mart| context.job.wants(mart.name)).filter_map(|mart| mart.managers).collect();
    let is_left = |table: &&Table| {
        matches!(table.area, Area::Marts | Area::Restricted)
            && !context.job.wants(&table.name)
            && !of_managers.contains(table.name.as_str())
    };
    for table in context.catalog.tables().filter(is_left) {
        if !lake.partitions(table)?.is_empty() {
            lake.remove(table)?;
            made_from.retain(|step, _| step.split('/').next() != Some(&table.name));
        }
    }
    Ok(())
}
