//! Whether the days of a column are written in the order its feed declares: day and month can stand the wrong way round, and up
//! to the twelfth of a month nothing else tells.
//!
//! Either of two things refuses a delivery whole, for some of its days would be wrong and nobody could say which:
//! - values that the declared order cannot read and the other one can (`25/12/2025` where the month is declared to come first);
//! - in a column of what has happened, more than a fifth of the values lie after the delivery, or so long before it as the feed's
//!   records never do, and the other order puts them where they belong. Two such values are an accident, three are judged.
//!
//! "So long before it" is [`USUAL_DAYS`] and the feed's own `lag_days`: how many days its records usually lie before their delivery.
//! A full snapshot tells of any past, so of its values only those after the delivery count.

use super::limits::Verdict;
use super::record::{Cell, Place};
use super::reject::{Reason, Refusal};
use super::shape;
use super::time;
use super::told::{SHAPES, Shape, Spot};
use super::warning::Warning;
use crate::contract::words;
use crate::period::{Day, date_of};
use chrono::Datelike;

/// Days before a delivery, beyond the feed's own lag, that what it says has happened may lie.
const USUAL_DAYS: Day = 60;
/// Share of the values that has to lie elsewhere, and the least number of them.
const MISPLACED_SHARE: f64 = 0.2;
const MISPLACED_LEAST: u64 = 3;
/// Places that are shown.
const EXAMPLES: usize = 3;

/// Days within which what has happened lies, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    first: Day,
    last: Day,
}

impl Window {
    /// Around a delivery made on `day`, of a feed whose records usually lie `lag_days` before it. A day more, because a name says the
    /// first moment of its day and the file may hold the whole of it.
    pub fn before(day: Day, lag_days: u32) -> Window {
        let lag = Day::try_from(lag_days).unwrap_or(Day::MAX);
        Window { first: day.saturating_sub(USUAL_DAYS).saturating_sub(lag), last: day.saturating_add(1) }
    }

    /// Of a full snapshot made on `day`, which tells of every year there was.
    pub fn until(day: Day) -> Window {
        Window { first: Day::MIN, last: day.saturating_add(1) }
    }

    fn holds(self, day: Day) -> bool {
        (self.first..=self.last).contains(&day)
    }
}

/// How the values of one column fare under the declared order, and under the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Orders {
    /// `None`: the column may hold any day.
    window: Option<Window>,
    values: u64,
    other_only: Places,
    misplaced: Places,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Places {
    count: u64,
    /// The first ones, in which part of a set, and how they are written.
    first: Vec<(Place, String, String)>,
}

impl Places {
    fn add(&mut self, place: Place, cell: Cell<'_>) {
        self.count += 1;
        if self.first.len() < EXAMPLES {
            self.first.push((place, String::new(), shape::of_cell(cell)));
        }
    }

    fn join(&mut self, part: &Places, path: &str) {
        self.count += part.count;
        let room = EXAMPLES.saturating_sub(self.first.len());
        let named = |(place, _, shape): &(Place, String, String)| (*place, format!(" of {path}"), shape.clone());
        self.first.extend(part.first.iter().take(room).map(named));
    }
}

impl Orders {
    pub fn new(window: Option<Window>) -> Orders {
        Orders { window, ..Orders::default() }
    }

    /// A value that the declared order read as this day.
    pub fn read(&mut self, day: Day, place: Place, cell: Cell<'_>) {
        self.values += 1;
        let Some(window) = self.window.filter(|window| !window.holds(day)) else { return };
        if other(day).is_some_and(|other| window.holds(other)) {
            self.misplaced.add(place, cell);
        }
    }

    /// A value that the declared order cannot read; the other one can, or cannot either.
    pub fn unread(&mut self, other_reads: bool, place: Place, cell: Cell<'_>) {
        self.values += 1;
        if other_reads {
            self.other_only.add(place, cell);
        }
    }

    /// Adds the values of a part of a set, which lies at `path`.
    pub fn join(&mut self, part: &Orders, path: &str) {
        self.window = part.window;
        self.values += part.values;
        self.other_only.join(&part.other_only, path);
        self.misplaced.join(&part.misplaced, path);
    }

    /// Why the delivery cannot be trusted in this column, and how many values say so.
    pub fn judge(&self, column: &str) -> Option<(Refusal, u64)> {
        let (places, what) = if self.other_only.count > 0 {
            (&self.other_only, "can be read only with day and month the other way round")
        } else if self.misplaced.count >= MISPLACED_LEAST
            && self.misplaced.count as f64 > MISPLACED_SHARE * self.values as f64
        {
            (
                &self.misplaced,
                "lie after the delivery or long before it, and with day and month the other way round they do not",
            )
        } else {
            return None;
        };
        let shown: Vec<String> = places
            .first
            .iter()
            .map(|(at, part, _)| format!("record {} at byte {}{part}", at.record, at.offset))
            .collect();
        let detail = format!(
            "{column}: {} of {} {what}; look at {}, and at `date` of the column in the feed",
            words::grouped(places.count),
            words::count(self.values, "value"),
            words::and(&shown)
        );
        let spot = |(place, _, shape): &(Place, String, String)| Spot {
            record: place.record,
            byte_offset: place.offset,
            column: Some(column.to_owned()),
            reason: Reason::DateOrder.code().into(),
            found: Some(shape.clone()),
        };
        let mut found: Vec<Shape> = Vec::new();
        for (.., shape) in &places.first {
            match found.iter_mut().find(|known| known.shape == *shape) {
                Some(known) => known.count += 1,
                None => found.push(Shape { shape: shape.clone(), count: 1 }),
            }
        }
        found.truncate(SHAPES);
        let first = places.first.iter().map(spot).collect();
        let refusal = Refusal::new(Reason::DateOrder, detail).column(column).found(places.count, found, first);
        let refusal = match places.first.first() {
            Some((place, ..)) => refusal.at(place.record, place.offset),
            None => refusal,
        };
        Some((refusal, places.count))
    }
}

/// What the columns of a delivery give away of their order, by the feed's verdict on it.
///
/// # Errors
/// A column cannot be trusted, and the verdict is to refuse.
pub(crate) fn judged(verdict: Verdict, columns: &[(String, Orders)]) -> Result<Vec<Warning>, Refusal> {
    let mut warnings = Vec::new();
    for (column, orders) in columns {
        match orders.judge(column) {
            Some((refusal, _)) if verdict == Verdict::Block => return Err(refusal),
            Some((_, count)) => warnings.push(Warning::new("date_order", Some(column), count)),
            None => {}
        }
    }
    Ok(warnings)
}

/// The day with its day and month the other way round, where there is such a day.
fn other(day: Day) -> Option<Day> {
    let date = date_of(day);
    time::days(date.year(), date.day(), date.month())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        crate::period::day_of(text.parse().expect("a date"))
    }

    fn place(record: u64) -> Place {
        Place { record, offset: record * 10 }
    }

    /// A delivery of 2025-12-05 that holds these days, as the declared order reads them.
    fn judged(lag_days: u32, days: &[&str]) -> Option<u64> {
        let mut orders = Orders::new(Some(Window::before(day("2025-12-05"), lag_days)));
        days.iter()
            .enumerate()
            .for_each(|(at, text)| orders.read(day(text), place(at as u64 + 1), Cell::Text(text.as_bytes())));
        orders.judge("occurred_at").map(|(refusal, count)| {
            assert_eq!(refusal.reason, Reason::DateOrder);
            count
        })
    }

    #[test]
    fn days_that_only_the_other_order_puts_near_the_delivery_are_the_wrong_way_round() {
        assert_eq!(
            judged(0, &["2025-05-12", "2025-05-12", "2025-04-12"]),
            Some(3),
            "of December, read as May and April"
        );
        assert_eq!(judged(0, &["2026-05-11", "2026-05-11", "2026-05-11"]), None, "of November 2026 either way");
        assert_eq!(judged(0, &["2025-05-12"; 2]), None, "two are an accident");
        assert_eq!(judged(0, &["2025-05-14"; 9]), None, "there is no fourteenth month");
        assert_eq!(judged(0, &["2025-03-02"; 9]), None, "long ago either way");
        assert_eq!(judged(0, &["2025-12-06", "2025-11-10", "2025-10-06"]), None, "within sixty days and a day");
        assert_eq!(judged(200, &["2025-05-12"; 9]), None, "a feed that usually tells of what is half a year old");
    }

    #[test]
    fn more_than_a_fifth_of_the_values_is_needed() {
        let mut days = vec!["2025-12-04"; 12];
        days.extend(["2025-05-12"; 3]);
        assert_eq!(judged(0, &days), None, "three of fifteen");
        days.pop();
        days.pop();
        days.swap_remove(0);
        days.extend(["2025-05-12"; 3]);
        assert_eq!(judged(0, &days), Some(4), "four of fifteen");
    }

    #[test]
    fn one_value_that_only_the_other_order_reads_is_enough_and_is_shown_by_its_place() {
        let mut orders = Orders::new(None);
        for record in 1..=9 {
            orders.read(day("2025-05-12"), place(record), Cell::Missing);
        }
        orders.unread(false, place(10), Cell::Missing);
        assert!(orders.judge("due_at").is_none());
        for record in 11..=14 {
            orders.unread(true, place(record), Cell::Missing);
        }
        let (refusal, count) = orders.judge("due_at").expect("refused");
        assert_eq!((count, refusal.record, refusal.byte_offset), (4, Some(11), Some(110)));
        assert!(refusal.detail.contains("due_at: 4 of 14 values"), "{}", refusal.detail);
        assert!(refusal.detail.contains("record 11 at byte 110, record 12 at byte 120 and record 13 at byte 130,"));
    }
}
