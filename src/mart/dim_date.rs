//! The calendar: one row a day from the first day of the first reported quarter to the last day of the last.

use chrono::Datelike;
use polars::prelude::{DataFrame, PolarsResult};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use crate::columns::Columns;
use crate::period::{Day, Grain, date_of};

pub const TABLE: Derived = Derived { name: "dim_date", tables: &["dim_date"], protection: Protection::Public, build };

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

fn build(reads: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    Output::whole(reads.catalog, TABLE.name, &rows(reads)?)
}

fn rows(reads: &Reads<'_>) -> PolarsResult<DataFrame> {
    let calendar = &reads.job.calendar;
    let from = calendar.period(Grain::Quarter, reads.days().0).start;
    let to = calendar.period(Grain::Quarter, reads.days().1 - 1).end;
    let days: Vec<Day> = if reads.days().0 < reads.days().1 { (from..to).collect() } else { Vec::new() };
    Columns::of(&days)
        .date("date", |day| *day)
        .int("year", |day| i64::from(date_of(*day).year()))
        .int("month", |day| i64::from(date_of(*day).month()))
        .text("month_name", |day| MONTHS[date_of(*day).month0() as usize])
        .date("month_start", |day| calendar.period(Grain::Month, *day).start)
        .int("iso_year", |day| i64::from(date_of(*day).iso_week().year()))
        .int("iso_week", |day| i64::from(date_of(*day).iso_week().week()))
        .date("week_start", |day| calendar.period(Grain::Week, *day).start)
        .int("day_of_week", |day| i64::from(date_of(*day).weekday().number_from_monday()))
        .text("day_name", |day| DAYS[date_of(*day).weekday().num_days_from_monday() as usize])
        .int("fiscal_year", |day| i64::from(calendar.fiscal(*day).0))
        .int("fiscal_quarter", |day| i64::from(calendar.fiscal(*day).1))
        .date("quarter_start", |day| calendar.period(Grain::Quarter, *day).start)
        .bool("is_working_day", |day| calendar.is_working_day(*day))
        .bool("is_holiday", |day| calendar.holidays.contains(day))
        .frame()
}
