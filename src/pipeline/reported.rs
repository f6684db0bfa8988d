//! The days that are reported.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Context;
use super::day_rows::day_partition;
use super::lake::Lake;
use super::world::{World, years_before};
use crate::canon::columns::instants;
use crate::contract::Table;
use crate::contract::arrow::KNOWN_AT;
use crate::error::Result;
use crate::period::{Day, local_day};
use crate::publish::FileRef;

/// The reported days `[from, to)`.
pub fn reported(context: &Context<'_>, lake: &Lake<'_>, world: &World) -> Result<(Day, Day)> {
    let act = if context.job.report_from.is_none() { first_act(context, lake, world)? } else { None };
    let first = world.first_day(context, act).unwrap_or(world.horizon);
    Ok((first.min(world.horizon), world.horizon))
}

/// The first day from the floor on with an act that was delivered within five years.
fn first_act(context: &Context<'_>, lake: &Lake<'_>, world: &World) -> Result<Option<Day>> {
    let mut days: BTreeMap<Day, Vec<(&Table, FileRef)>> = BTreeMap::new();
    // A day of enrolments alone is a day of nobody's acts.
    let rolled_up = lake.partitions(context.catalog.require("person_day")?)?;
    let acted =
        rolled_up.iter().filter(|(_, file)| file.rows > 0).filter_map(|(partition, _)| day_partition(partition));
    let acted: BTreeSet<Day> = acted.collect();
    for name in ["activity", "reactions"] {
        let table = context.catalog.require(name)?;
        for (partition, file) in lake.partitions(table)? {
            // A day from which everything was moved away or voided was one of acts, and stays the first. Where nobody ever acted,
            // the records say at least since when there is something to see.
            let is_act = |day: &Day| *day >= world.floor && (file.rows == 0 || acted.is_empty() || acted.contains(day));
            if let Some(day) = day_partition(&partition).filter(is_act) {
                days.entry(day).or_default().push((table, file));
            }
        }
    }
    let is_in_time = |day: Day, known_at: i64| years_before(local_day(known_at, context.job.zone)) <= day;
    for (day, files) in days {
        // Nothing that was ever delivered is too late for the day: no need to look.
        if years_before(world.newest) <= day {
            return Ok(Some(day));
        }
        for (table, file) in files {
            for batch in lake.read_ref(table, &file, Some(&[KNOWN_AT]))? {
                let known_at = instants(&batch, KNOWN_AT);
                if (0..batch.num_rows()).any(|row| known_at(row).is_some_and(|at| is_in_time(day, at))) {
                    return Ok(Some(day));
                }
            }
        }
    }
    Ok(None)
}
