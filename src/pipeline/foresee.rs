//! Which periods a run will compute, as far as that can be told before any delivery is read: those the calendar moved, and those of the
//! days that deliveries name. Which days a delivery really touches is decided by reading it.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::day_rows::partition_of;
use super::plan::DeliveryPlan;
use super::world::horizon;
use super::{Context, Memory};
use crate::contract::Partition;
use crate::error::Result;
use crate::mart::MARTS;
use crate::period::{Day, Grain, Period, date_of, day_of, local_day};
use crate::publish::Commit;

/// Why a period is expected to be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// The job's rules, the program or a contract changed since head.
    EverythingChanged,
    /// Days have begun or periods have ended since head.
    DaysPassed,
    /// A delivery to be read names one of its days. A guess until it is read.
    DeliveryNamesDay,
    /// The period before it is computed, and it shows a change against that one.
    FollowsAnother,
}

/// A period that the run is expected to compute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Foreseen {
    pub grain: &'static str,
    pub start: NaiveDate,
    /// The day after the last one.
    pub end: NaiveDate,
    pub because: Because,
}

/// The periods that a run on this head would compute, by grain and start. An empty lake has none: its first day is not known yet.
///
/// # Errors
/// A feed fills a table that has no contract.
pub fn periods(
    context: &Context<'_>,
    head: Option<&Commit>,
    memory: &Memory,
    plan: &DeliveryPlan,
    everything: bool,
) -> Result<Vec<Foreseen>> {
    let zone = context.job.zone;
    let told = head.and_then(|head| head.as_of.parse::<DateTime<Utc>>().ok());
    let (Some(told), Some(first)) = (told, first_day(memory)) else { return Ok(Vec::new()) };
    let day = |at: DateTime<Utc>| local_day(at.timestamp_micros(), zone);
    // Reported days and days of complete periods, then and now.
    let (reported, complete) = (horizon(told, zone), day(told));
    let (reported_now, complete_now) = (horizon(context.as_of, zone), day(context.as_of));
    let mut named: BTreeSet<Day> = BTreeSet::new();
    for planned in &plan.read {
        let feed = &context.feeds[planned.feed].feed;
        if context.catalog.expect(&feed.fills)?.partition == Partition::Day && feed.names_day(&planned.delivery.path) {
            // An export made on a day holds that day, or the one that ended as it was made.
            let day = day(planned.delivery.known_at);
            named.extend([day - 1, day]);
        }
    }
    let mut found: BTreeMap<Period, Because> = BTreeMap::new();
    for mart in MARTS.iter().filter(|mart| context.job.wants(mart.name)) {
        for &grain in mart.grains {
            let mut follows = false;
            for period in context.job.calendar.periods(grain, first.min(reported_now), reported_now) {
                let step = format!("{}/{grain}/{}", mart.name, partition_of(period.start));
                let moved = period.end.min(reported) != period.end.min(reported_now)
                    || (period.end <= complete) != (period.end <= complete_now);
                let because = if everything {
                    Some(Because::EverythingChanged)
                } else if moved || !memory.made_from.contains_key(&step) {
                    Some(Because::DaysPassed)
                } else if named.range(period.start..period.end).next().is_some() {
                    Some(Because::DeliveryNamesDay)
                } else {
                    follows.then_some(Because::FollowsAnother)
                };
                follows = because.is_some_and(|because| because != Because::FollowsAnother);
                if let Some(because) = because {
                    let known = found.entry(period).or_insert(because);
                    *known = (*known).min(because);
                }
            }
        }
    }
    Ok(found.into_iter().map(foreseen).collect())
}

fn foreseen((period, because): (Period, Because)) -> Foreseen {
    Foreseen { grain: period.grain.as_str(), start: date_of(period.start), end: date_of(period.end), because }
}

/// The first day that head reports on.
fn first_day(memory: &Memory) -> Option<Day> {
    let starts = memory.made_from.keys().filter_map(|step| {
        let mut parts = step.split('/');
        let (mart, grain, start) = (parts.next()?, parts.next()?, parts.next()?);
        let known = MARTS.iter().any(|known| known.name == mart) && grain == Grain::Day.as_str();
        start.parse::<NaiveDate>().ok().filter(|_| known)
    });
    starts.map(day_of).min()
}
