//! Whether a run may speak of the day it was told.

use chrono::{DateTime, Duration, SecondsFormat, Utc};

use super::context::Context;
use super::plan::DeliveryPlan;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::period::local_day;
use crate::publish::Commit;

/// How far ahead of the newest delivery a run may look, where its day is still to come.
const AHEAD: Duration = Duration::days(2);

/// Refuses a day that would take what is published back, that lies before every delivery, or that is still to come: a scheduler whose old run was cleared must not
/// show an old snapshot as the newest, and a mistyped year must not end everybody's periods. Days between the newest delivery and
/// today are fine: exports may come once a month.
///
/// # Errors
/// The day is before that of the head in the job's zone, before every delivery, or ahead of both the clock and the newest delivery.
pub fn check(context: &Context<'_>, head: Option<&Commit>, plan: &DeliveryPlan, ledger: &Ledger) -> Result<()> {
    if context.force_as_of {
        return Ok(());
    }
    let told = |instant: DateTime<Utc>| instant.to_rfc3339_opts(SecondsFormat::Secs, true);
    let day = |instant: DateTime<Utc>| local_day(instant.timestamp_micros(), context.job.zone);
    let last = head.and_then(|head| DateTime::parse_from_rfc3339(&head.as_of).ok());
    if let (Some(head), Some(last)) = (head, last)
        && day(context.as_of) < day(last.with_timezone(&Utc))
    {
        let what = format!(
            "the run would speak of {}, but commit {} of {} speaks of {} already",
            told(context.as_of),
            head.n,
            context.lake.label(),
            head.as_of
        );
        return Err(Error::usage(what).hint(
            "leave --as-of out, or give a later one; --force-as-of publishes the earlier day over the later one all the same",
        ));
    }
    let read = plan.read.iter().map(|planned| planned.delivery.known_at);
    let known = ledger.entries.values().filter_map(|entry| DateTime::from_timestamp_micros(entry.known_at));
    let told_at: Vec<DateTime<Utc>> = read.chain(known).collect();
    if let Some(oldest) = told_at.iter().min()
        && day(context.as_of) < day(*oldest)
    {
        let what = format!(
            "the run would speak of {}, when nothing had been delivered: the oldest delivery was made on {}",
            told(context.as_of),
            oldest.date_naive()
        );
        return Err(Error::usage(what).hint("check the year of --as-of; --force-as-of lets it pass"));
    }
    if let Some(newest) = told_at.iter().max().copied()
        && context.as_of > newest + AHEAD
        && context.as_of > context.clock
    {
        let what = format!(
            "the run would speak of {}, which is still to come, and the newest delivery was made on {}",
            told(context.as_of),
            newest.date_naive()
        );
        return Err(Error::usage(what).hint("check the year of --as-of; --force-as-of lets it pass"));
    }
    Ok(())
}
