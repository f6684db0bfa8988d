//! The invented company's time: its weeks, its week's rhythm, holidays and seasons.

use chrono::Datelike;

use crate::period::{Day, date_of};

/// The weeks that are simulated, Monday to Sunday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    /// A Monday.
    pub start: Day,
    pub weeks: u32,
}

impl Calendar {
    /// The day after the last one.
    pub fn end(self) -> Day {
        self.monday(self.weeks)
    }

    /// The Monday of week `week`, counted from 0.
    pub fn monday(self, week: u32) -> Day {
        self.start + 7 * week as Day
    }

    /// The week a day lies in; days outside fall into the first or last one.
    pub fn week_of(self, day: Day) -> u32 {
        ((day - self.start).max(0) as u32 / 7).min(self.weeks.saturating_sub(1))
    }

    pub fn days(self) -> std::ops::Range<Day> {
        self.start..self.end()
    }
}

/// 0 = Monday.
pub fn weekday(day: Day) -> u32 {
    date_of(day).weekday().num_days_from_monday()
}

pub fn is_weekend(day: Day) -> bool {
    weekday(day) >= 5
}

/// `day` itself or the Monday after, so that HR acts on working days.
pub fn on_a_weekday(day: Day) -> Day {
    match weekday(day) {
        5 => day + 2,
        6 => day + 1,
        _ => day,
    }
}

/// Public holidays that all sites keep.
pub fn is_holiday(day: Day) -> bool {
    let date = date_of(day);
    matches!((date.month(), date.day()), (1, 1) | (5, 1) | (12, 24..=26) | (12, 31))
}

/// How much is learnt in this part of the year against a plain week: the summer and the turn of the year are quiet.
pub fn season(day: Day) -> f64 {
    let date = date_of(day);
    match (date.month(), date.day()) {
        (12, 20..) | (1, 1..=4) => 0.35,
        (1, 5..=11) | (12, 13..=19) => 0.8,
        (7, 14..) | (8, 1..=24) => 0.72,
        _ => 1.0,
    }
}

/// How much of a week's learning falls on this day, against an average working day.
pub fn rhythm(day: Day) -> f64 {
    if is_holiday(day) {
        return 0.04;
    }
    [1.0, 1.15, 1.1, 1.0, 0.75, 0.07, 0.06][weekday(day) as usize % 7]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::day_of;
    use chrono::NaiveDate;

    fn day(year: i32, month: u32, day: u32) -> Day {
        day_of(NaiveDate::from_ymd_opt(year, month, day).unwrap())
    }

    #[test]
    fn weeks_run_from_monday_to_sunday() {
        let calendar = Calendar { start: day(2025, 6, 23), weeks: 40 };
        assert_eq!(weekday(calendar.start), 0);
        assert_eq!(calendar.end(), day(2026, 3, 30));
        assert_eq!(calendar.week_of(day(2025, 6, 29)), 0);
        assert_eq!(calendar.week_of(day(2025, 6, 30)), 1);
    }

    #[test]
    fn holidays_and_weekends_are_quiet() {
        assert!(rhythm(day(2025, 12, 25)) < 0.1);
        assert!(rhythm(day(2025, 10, 11)) < 0.1);
        assert!(season(day(2025, 12, 29)) < season(day(2025, 8, 4)));
        assert_eq!(on_a_weekday(day(2025, 10, 11)), day(2025, 10, 13));
    }
}
