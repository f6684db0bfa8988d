//! The calendar: one row a day from the first day of the first reported quarter to the last day of the last.

use chrono::Datelike;
use polars::prelude::{Column, DataFrame, DataType, PolarsResult};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
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
    let dates = |name: &str, pick: &dyn Fn(Day) -> Day| -> PolarsResult<Column> {
        Column::new(name.into(), days.iter().map(|day| pick(*day)).collect::<Vec<_>>()).cast(&DataType::Date)
    };
    let ints = |name: &str, pick: &dyn Fn(Day) -> i64| {
        Column::new(name.into(), days.iter().map(|day| pick(*day)).collect::<Vec<_>>())
    };
    let texts = |name: &str, pick: &dyn Fn(Day) -> &'static str| {
        Column::new(name.into(), days.iter().map(|day| pick(*day)).collect::<Vec<_>>())
    };
    let flags = |name: &str, pick: &dyn Fn(Day) -> bool| {
        Column::new(name.into(), days.iter().map(|day| pick(*day)).collect::<Vec<_>>())
    };
    DataFrame::new(
        days.len(),
        vec![
            dates("date", &|day| day)?,
            ints("year", &|day| date_of(day).year().into()),
            ints("month", &|day| date_of(day).month().into()),
            texts("month_name", &|day| MONTHS[date_of(day).month0() as usize]),
            dates("month_start", &|day| calendar.period(Grain::Month, day).start)?,
            ints("iso_year", &|day| date_of(day).iso_week().year().into()),
            ints("iso_week", &|day| date_of(day).iso_week().week().into()),
            dates("week_start", &|day| calendar.period(Grain::Week, day).start)?,
            ints("day_of_week", &|day| date_of(day).weekday().number_from_monday().into()),
            texts("day_name", &|day| DAYS[date_of(day).weekday().num_days_from_monday() as usize]),
            ints("fiscal_year", &|day| calendar.fiscal(day).0.into()),
            ints("fiscal_quarter", &|day| calendar.fiscal(day).1.into()),
            dates("quarter_start", &|day| calendar.period(Grain::Quarter, day).start)?,
            flags("is_working_day", &|day| calendar.is_working_day(day)),
            flags("is_holiday", &|day| calendar.holidays.contains(&day)),
        ],
    )
}
