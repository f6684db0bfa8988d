//! Business outcomes by month, as a controlling department would hand them over: one that gets better as the company learns, one that
//! does so in keen units more than in others, and one that has nothing to do with learning.

use chrono::Datelike;

use super::Company;
use super::rng::{Purpose, Stream};
use super::text::Record;
use crate::period::{Day, date_of, day_of};

/// Whole months of the calendar, as (first day, first day after).
fn months(company: &Company) -> Vec<(Day, Day)> {
    let next = |day: Day| {
        let date = date_of(day);
        let (year, month) = if date.month() == 12 { (date.year() + 1, 1) } else { (date.year(), date.month() + 1) };
        chrono::NaiveDate::from_ymd_opt(year, month, 1).map_or(day + 31, day_of)
    };
    let mut months = Vec::new();
    let mut start = next(company.calendar.start - 1);
    while next(start) <= company.calendar.end() {
        months.push((start, next(start)));
        start = next(start);
    }
    months
}

/// The outcomes of the company and of every unit that exists throughout a month.
pub fn measures(company: &Company) -> Vec<u8> {
    let mut out = b"kpi,subject_kind,subject_id,period_start,period_end,value,unit,baseline,n\n".to_vec();
    let mut stream = Stream::new(company.options.seed, Purpose::Outcome, 0);
    for (nth, (start, end)) in months(company).into_iter().enumerate() {
        let nth = nth as u32;
        let mut row = |kpi: &str, unit: &str, subject: (&str, &str), value: u32, baseline: u32| {
            Record::new(&mut out)
                .text(kpi)
                .text(subject.0)
                .text(subject.1)
                .date(Some(start))
                .date(Some(end))
                .number(u64::from(value))
                .text(unit)
                .number(u64::from(baseline))
                .number(u64::from(10 + stream.below(20)))
                .end();
        };
        let mut noise = Stream::new(company.options.seed, Purpose::Outcome, 1 + u64::from(nth));
        // `keen` is 1 for a unit like the others: keener ones get better faster.
        let mut of = |subject: (&str, &str), keen: f64| {
            let gain = |a_month: f64| (a_month * keen * f64::from(nth)).min(30.0);
            let days = (70.0 - gain(2.5) + 2.0 * noise.normal()).round().max(5.0);
            row("time_to_productivity_days", "days", subject, days as u32, 70);
            let asked = (60.0 - gain(3.0) + 4.0 * noise.normal()).round().max(1.0);
            row("repeated_questions", "questions", subject, asked as u32, 60);
            let hours = (24.0 + 4.0 * noise.normal()).round().max(2.0);
            row("incident_resolution_hours", "hours", subject, hours as u32, 24);
        };
        of(("company", "all"), 1.0);
        for unit in company.org.units.iter().filter(|unit| unit.opens <= start && unit.exists(end - 1)) {
            of(("org", &unit.id), unit.keenness);
        }
    }
    out
}
