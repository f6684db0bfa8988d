//! Whether the rituals of the scorecards take place, on time and with the roles they need. Nothing here says who was missing.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use polars::prelude::{DataFrame, PolarsResult};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use crate::canon::columns::{Text, bools, dates};
use crate::columns::Columns;
use crate::contract::arrow::{DELETED, mart_schema};
use crate::engine;
use crate::job::scorecards::Ritual;
use crate::period::{Calendar, Day, Period};

pub const TABLE: Derived = Derived { name: "cadence", tables: &["cadence"], protection: Protection::Guarded, build };

fn build(facts: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    let rituals = &facts.job.scorecards.rituals;
    if rituals.is_empty() {
        return Ok(Vec::new());
    }
    let meetings = meetings(facts.table("events"));
    let rows: Vec<Row<'_>> = rituals
        .iter()
        .flat_map(|ritual| rows(ritual, &meetings, &facts.job.calendar, facts.days(), facts.today()))
        .collect();
    let rows = engine::to_arrow(&frame(&rows)?, &mart_schema(facts.catalog.require("cadence")?))?;
    Ok(vec![Output { table: "cadence", partition: "all".into(), rows, grain: "", withheld: Vec::new() }])
}

/// The days on which a ritual was held in the period of a row: what its counts are made of. Who was there is not said.
pub fn held(facts: &Reads<'_>, ritual: &str, start: Day, end: Day) -> Vec<Day> {
    let meetings = meetings(facts.table("events"));
    let of_period = |days: &BTreeMap<Day, BTreeSet<String>>| {
        days.range(start..end.min(facts.days().1).max(start)).map(|(day, _)| *day).collect()
    };
    meetings.get(&plain(ritual)).map(of_period).unwrap_or_default()
}

/// Roles present by ritual and day: a day on which a ritual was held once or more is one meeting.
type Meetings = BTreeMap<String, BTreeMap<Day, BTreeSet<String>>>;

/// Names of rituals and roles are compared without regard to case and surrounding space.
fn plain(text: &str) -> String {
    text.trim().to_lowercase()
}

fn meetings(events: &[RecordBatch]) -> Meetings {
    let mut meetings = Meetings::new();
    for batch in events {
        let (kind, subject, role) = (Text::of(batch, "kind"), Text::of(batch, "subject"), Text::of(batch, "role"));
        let (held_on, deleted) = (dates(batch, "held_on"), bools(batch, DELETED));
        for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true)) {
            let (Some("meeting"), Some(subject), Some(day)) = (kind.get(row), subject.get(row), held_on(row)) else {
                continue;
            };
            let present = meetings.entry(plain(subject)).or_default().entry(day).or_default();
            present.extend(role.get(row).map(plain));
        }
    }
    meetings
}

/// One ritual in one period.
#[derive(Debug)]
struct Row<'a> {
    ritual: &'a Ritual,
    period: Period,
    is_complete: bool,
    due_by: Option<Day>,
    held: i64,
    on_time: i64,
    present: Option<i64>,
}

fn rows<'a>(
    ritual: &'a Ritual,
    meetings: &Meetings,
    calendar: &Calendar,
    (from, to): (Day, Day),
    today: Day,
) -> Vec<Row<'a>> {
    let nothing = BTreeMap::new();
    let held = meetings.get(&plain(&ritual.name)).unwrap_or(&nothing);
    let begun = |period: &Period| ritual.from.is_none_or(|from| period.start >= from);
    let row = |period: Period| {
        let working: Vec<Day> = (period.start..period.end).filter(|day| calendar.is_working_day(*day)).collect();
        let nth = ritual.by_working_day.map(|day| usize::try_from(day - 1).unwrap_or(usize::MAX));
        // A short period is over before a late working day comes: then its last one counts.
        let due_by = match (working.last(), nth) {
            (None, _) => None,
            (Some(_), None) => Some(period.last_day()),
            (Some(last), Some(nth)) => Some(*working.get(nth).unwrap_or(last)),
        };
        let days: Vec<(&Day, &BTreeSet<String>)> =
            held.range(period.start..period.end.min(to).max(period.start)).collect();
        let present = ritual.required_roles.iter().filter(|role| days.iter().any(|(_, there)| there.contains(*role)));
        Row {
            ritual,
            period,
            is_complete: period.end <= today,
            due_by,
            held: days.len() as i64,
            on_time: i64::from(due_by.is_some_and(|due| days.iter().any(|(day, _)| **day <= due))),
            present: (!days.is_empty()).then(|| present.count() as i64),
        }
    };
    calendar.periods(ritual.every, from, to).into_iter().filter(begun).map(row).collect()
}

fn frame(rows: &[Row<'_>]) -> PolarsResult<DataFrame> {
    let required = |row: &Row<'_>| row.ritual.required_roles.len() as i64;
    Columns::of(rows)
        .text("ritual", |row| &row.ritual.name)
        .text("grain", |row| row.period.grain.to_string())
        .date("period_start", |row| row.period.start)
        .date("period_end", |row| row.period.end)
        .bool("is_complete", |row| row.is_complete)
        .date("due_by", |row| row.due_by)
        .int("expected", |row| i64::from(row.due_by.is_some()))
        .int("held", |row| row.held)
        .int("on_time", |row| row.on_time)
        .int("required_roles", required)
        .int("required_roles_present", |row| row.present)
        .bool("all_required_roles_present", |row| row.present.map(|present| present == required(row)))
        .frame()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mart::fixture::day;
    use crate::period::{Grain, date_of, day_of};

    fn ritual(every: Grain, by_working_day: Option<i64>) -> Ritual {
        let required_roles = vec!["sponsor".into(), "learning lead".into()];
        Ritual { name: "Stand-up".into(), every, required_roles, by_working_day, from: None }
    }

    /// `period due_by expected/held/on_time present` from lines of `day role`.
    fn shown(ritual: &Ritual, held: &str, from: &str, to: &str, today: &str) -> Vec<String> {
        let mut meetings = Meetings::new();
        for line in held.trim().lines() {
            let (on, role) = line.trim().split_once(' ').unwrap();
            meetings.entry("stand-up".into()).or_default().entry(day(on)).or_default().insert(plain(role));
        }
        let calendar = Calendar { fiscal_year_start: 1, holidays: (day("2025-12-22")..day("2025-12-29")).collect() };
        rows(ritual, &meetings, &calendar, (day(from), day(to)), day(today))
            .iter()
            .map(|row| {
                let due = row.due_by.map_or("-".to_owned(), |due| date_of(due).to_string());
                let expected = i64::from(row.due_by.is_some());
                let running = if row.is_complete { "" } else { " running" };
                format!("{} {due} {expected}/{}/{} {:?}{running}", row.period, row.held, row.on_time, row.present)
            })
            .collect()
    }

    #[test]
    fn a_weekly_ritual_is_held_late_missed_or_not_expected_in_a_week_of_holidays() {
        let held = "
            2025-12-09 Sponsor
            2025-12-09 learning lead
            2025-12-18 sponsor
            2025-12-19 learning lead";
        assert_eq!(
            shown(&ritual(Grain::Week, Some(2)), held, "2025-12-08", "2026-01-01", "2026-01-01"),
            [
                // Tuesday is the second working day.
                "week 2025-12-08 2025-12-09 1/1/1 Some(2)",
                // Two meetings, both after Tuesday; together both roles were there.
                "week 2025-12-15 2025-12-16 1/2/0 Some(2)",
                "week 2025-12-22 - 0/0/0 None",
                "week 2025-12-29 2025-12-30 1/0/0 None running",
            ]
        );
    }

    #[test]
    fn a_monthly_ritual_is_expected_from_the_first_reported_month_and_not_held_beyond_the_known_days() {
        let held = "2026-01-15 sponsor\n2026-02-27 sponsor";
        assert_eq!(
            shown(&ritual(Grain::Month, None), held, "2025-12-10", "2026-02-20", "2026-02-20"),
            [
                "month 2025-12-01 2025-12-31 1/0/0 None",
                "month 2026-01-01 2026-01-31 1/1/1 Some(1)",
                "month 2026-02-01 2026-02-28 1/0/0 None running"
            ]
        );
        let later = Ritual { from: Some(day_of("2026-02-01".parse().unwrap())), ..ritual(Grain::Month, None) };
        assert_eq!(shown(&later, held, "2025-12-10", "2026-02-20", "2026-02-20").len(), 1);
    }
}
