//! Days, half-open periods and the reporting calendar. No clock: time is a value that callers pass in.
//!
//! A day is the number of days since 1970-01-01 in the job's reporting zone, as Parquet and Arrow count it.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Datelike, Days, NaiveDate, Offset, TimeZone, Utc, Weekday};
use chrono_tz::Tz;
use hashbrown::HashMap;

/// Days since 1970-01-01.
pub type Day = i32;

/// The open end of an effective-dated row: later than any day a calendar can hold.
pub const OPEN_END: Day = Day::MAX;

/// Years before a delivery after which what it tells of opens no period of a report.
pub const YEARS_BACK: u32 = 5;

/// The date of a day; days outside chrono's calendar (never produced by the gates) clamp to its ends.
pub fn date_of(day: Day) -> NaiveDate {
    NaiveDate::from_epoch_days(day).unwrap_or(if day > 0 { NaiveDate::MAX } else { NaiveDate::MIN })
}

/// The day number of a date.
pub fn day_of(date: NaiveDate) -> Day {
    date.to_epoch_days()
}

/// The reporting-zone day of an instant in microseconds since the epoch.
pub fn local_day(micros: i64, zone: Tz) -> Day {
    let instant = DateTime::<Utc>::from_timestamp_micros(micros).unwrap_or_default();
    day_of(zone.from_utc_datetime(&instant.naive_utc()).date_naive())
}

/// [`local_day`] for many instants: the offset of a UTC day is looked up once, and on the days on which it changes the zone is asked.
#[derive(Debug)]
pub struct DayClock {
    zone: Tz,
    /// Microseconds from UTC by UTC day; `None` where the day has more than one offset.
    offsets: HashMap<i64, Option<i64>>,
    /// The UTC day asked for last: instants come in runs.
    last: Option<(i64, Option<i64>)>,
}

const DAY_MICROS: i64 = 86_400_000_000;

impl DayClock {
    pub fn new(zone: Tz) -> DayClock {
        DayClock { zone, offsets: HashMap::new(), last: None }
    }

    /// The reporting-zone day of an instant in microseconds since the epoch.
    pub fn day(&mut self, micros: i64) -> Day {
        let zone = self.zone;
        let utc_day = micros.div_euclid(DAY_MICROS);
        let offset = match self.last {
            Some((day, offset)) if day == utc_day => offset,
            _ => *self.offsets.entry(utc_day).or_insert_with(|| {
                let offset = |micros: i64| {
                    let instant = DateTime::<Utc>::from_timestamp_micros(micros)?.naive_utc();
                    Some(i64::from(zone.offset_from_utc_datetime(&instant).fix().local_minus_utc()) * 1_000_000)
                };
                let (first, last) = (offset(utc_day * DAY_MICROS), offset((utc_day + 1) * DAY_MICROS - 1));
                first.filter(|_| first == last)
            }),
        };
        self.last = Some((utc_day, offset));
        match offset.map(|offset| Day::try_from((micros + offset).div_euclid(DAY_MICROS))) {
            Some(Ok(day)) => day,
            _ => local_day(micros, zone),
        }
    }
}

/// The length of a reporting period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grain {
    Day,
    Week,
    Month,
    Quarter,
}

impl Grain {
    pub const ALL: [Grain; 4] = [Grain::Day, Grain::Week, Grain::Month, Grain::Quarter];

    pub fn as_str(self) -> &'static str {
        match self {
            Grain::Day => "day",
            Grain::Week => "week",
            Grain::Month => "month",
            Grain::Quarter => "quarter",
        }
    }
}

impl fmt::Display for Grain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A half-open range of days `[start, end)` of one grain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    pub grain: Grain,
    pub start: Day,
    pub end: Day,
}

impl Period {
    /// The day the period is judged on: its last one.
    pub fn last_day(self) -> Day {
        self.end - 1
    }

    pub fn contains(self, day: Day) -> bool {
        (self.start..self.end).contains(&day)
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.grain, date_of(self.start))
    }
}

/// The reporting calendar of a job: which days are worked and when quarters start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Calendar {
    /// First month of the fiscal year, 1..=12.
    pub fiscal_year_start: u32,
    pub holidays: BTreeSet<Day>,
}

impl Calendar {
    /// The period of a grain that holds a day. Weeks are ISO weeks; quarters follow the fiscal year.
    pub fn period(&self, grain: Grain, day: Day) -> Period {
        let (start, end) = match grain {
            Grain::Day => (day, day + 1),
            Grain::Week => {
                let start = day - date_of(day).weekday().num_days_from_monday() as Day;
                (start, start + 7)
            }
            Grain::Month => {
                let date = date_of(day);
                (month_start(date.year(), date.month() as i32), month_start(date.year(), date.month() as i32 + 1))
            }
            Grain::Quarter => {
                let date = date_of(day);
                let into = (date.month() as i32 - self.fiscal_year_start as i32).rem_euclid(3);
                let first = date.month() as i32 - into;
                (month_start(date.year(), first), month_start(date.year(), first + 3))
            }
        };
        Period { grain, start, end }
    }

    /// The period right before.
    pub fn previous(&self, period: Period) -> Period {
        self.period(period.grain, period.start - 1)
    }

    /// All periods of a grain that touch the days `[from, to)`, in order.
    pub fn periods(&self, grain: Grain, from: Day, to: Day) -> Vec<Period> {
        let mut periods = Vec::new();
        let mut day = from;
        while day < to {
            let period = self.period(grain, day);
            day = period.end;
            periods.push(period);
        }
        periods
    }

    /// Monday to Friday less the holidays.
    pub fn is_working_day(&self, day: Day) -> bool {
        !matches!(date_of(day).weekday(), Weekday::Sat | Weekday::Sun) && !self.holidays.contains(&day)
    }

    /// Working days in `[period.start, period.end)`.
    pub fn working_days(&self, period: Period) -> i64 {
        (period.start..period.end).filter(|&day| self.is_working_day(day)).count() as i64
    }

    /// The fiscal year a day falls in, named after the calendar year it ends in, and its quarter 1..=4.
    pub fn fiscal(&self, day: Day) -> (i32, u32) {
        let date = date_of(day);
        let months_in = (date.month() + 12 - self.fiscal_year_start) % 12;
        let begins = if date.month() >= self.fiscal_year_start { date.year() } else { date.year() - 1 };
        let year = if self.fiscal_year_start == 1 { begins } else { begins + 1 };
        (year, months_in / 3 + 1)
    }
}

/// First day of a month; months outside 1..=12 roll into the years around.
fn month_start(year: i32, month: i32) -> Day {
    let year_of = year + (month - 1).div_euclid(12);
    let month_of = (month - 1).rem_euclid(12) + 1;
    day_of(NaiveDate::from_ymd_opt(year_of, month_of as u32, 1).unwrap_or(NaiveDate::MAX))
}

/// The calendar month of a day as `2026-03`, the name of month partitions.
pub fn month_label(day: Day) -> String {
    let date = date_of(day);
    format!("{:04}-{:02}", date.year(), date.month())
}

/// The first instant of a day in a zone, as microseconds since the epoch. Where a change of clocks skips midnight, the first instant after it.
pub fn day_start_micros(day: Day, zone: Tz) -> i64 {
    let midnight = date_of(day).and_hms_opt(0, 0, 0).unwrap_or_default();
    let mut local = midnight;
    for _ in 0..8 {
        if let Some(instant) = zone.from_local_datetime(&local).earliest() {
            return instant.timestamp_micros();
        }
        local += chrono::TimeDelta::minutes(30);
    }
    midnight.checked_add_days(Days::new(0)).unwrap_or(midnight).and_utc().timestamp_micros()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        day_of(text.parse().unwrap())
    }

    fn calendar(fiscal_year_start: u32) -> Calendar {
        Calendar { fiscal_year_start, holidays: BTreeSet::from([day("2026-01-01")]) }
    }

    #[test]
    fn an_iso_week_runs_from_monday_to_sunday_across_the_new_year() {
        let week = calendar(1).period(Grain::Week, day("2026-01-01"));
        assert_eq!(
            (date_of(week.start), date_of(week.last_day())),
            (date_of(day("2025-12-29")), date_of(day("2026-01-04")))
        );
        assert_eq!(calendar(1).working_days(week), 4, "the first of January is a holiday");
    }

    #[test]
    fn quarters_follow_the_fiscal_year() {
        let quarter = calendar(10).period(Grain::Quarter, day("2026-01-15"));
        assert_eq!((quarter.start, quarter.end), (day("2026-01-01"), day("2026-04-01")));
        let quarter = calendar(2).period(Grain::Quarter, day("2026-01-15"));
        assert_eq!((quarter.start, quarter.end), (day("2025-11-01"), day("2026-02-01")));
        assert_eq!(calendar(10).fiscal(day("2026-01-15")), (2026, 2));
        assert_eq!(calendar(1).fiscal(day("2026-12-31")), (2026, 4));
        assert_eq!(calendar(2).fiscal(day("2026-01-31")), (2026, 4));
    }

    #[test]
    fn a_day_belongs_to_the_reporting_zone() {
        let late = DateTime::parse_from_rfc3339("2026-03-01T23:30:00Z").unwrap().timestamp_micros();
        assert_eq!(local_day(late, chrono_tz::UTC), day("2026-03-01"));
        assert_eq!(local_day(late, chrono_tz::Europe::Berlin), day("2026-03-02"));
        assert_eq!(local_day(late, chrono_tz::America::New_York), day("2026-03-01"));
    }

    #[test]
    fn periods_tile_the_range_without_gaps() {
        for grain in Grain::ALL {
            let periods = calendar(4).periods(grain, day("2025-11-20"), day("2026-05-02"));
            assert!(periods.windows(2).all(|pair| pair[0].end == pair[1].start));
            assert!(periods[0].contains(day("2025-11-20")) && periods.last().unwrap().contains(day("2026-05-01")));
            assert!(periods.windows(2).all(|pair| calendar(4).previous(pair[1]) == pair[0]));
        }
    }

    #[test]
    fn a_day_starts_after_the_gap_where_midnight_is_skipped() {
        // Beirut skipped 00:00–01:00 on 2022-03-27.
        let start = day_start_micros(day("2022-03-27"), chrono_tz::Asia::Beirut);
        assert_eq!(local_day(start, chrono_tz::Asia::Beirut), day("2022-03-27"));
        assert_eq!(local_day(start - 1, chrono_tz::Asia::Beirut), day("2022-03-26"));
    }

    #[test]
    fn a_day_clock_says_what_the_zone_says_also_where_clocks_change() {
        for zone in [chrono_tz::Europe::Berlin, chrono_tz::Australia::Lord_Howe, chrono_tz::America::St_Johns, Tz::UTC]
        {
            let mut clock = DayClock::new(zone);
            // Every 37 minutes over a year and a half, and long before the epoch.
            for step in 0..21_000_i64 {
                for start in [1_772_000_000_000_000_i64, -3_000_000_000_000_000] {
                    let at = start + step * 37 * 60 * 1_000_000;
                    assert_eq!(clock.day(at), local_day(at, zone), "{zone} {at}");
                }
            }
        }
    }
}
