//! Days and instants of one value: what a source wrote becomes what a date or a timestamp column means.
//!
//! A value without a time of day is a day and stays that day: it is read in the job's reporting zone, as its first instant or, where
//! the contract says `day = "end"`, as its last. An instant in a column of days is the day it was in the zone of the feed, but an
//! instant at midnight of the offset written with it is the day that was meant.
//!
//! The end that nobody knows is a day too, from [`OPEN_FROM`] on, whatever format it is written in.

use chrono_tz::Tz;

use super::cast::{ABSURD, ABSURD_DAY, EARLIEST, EARLIEST_DAY, is_null};
use super::feed::{Mapping, Reading};
use super::order::Orders;
use super::record::{Cell, Place};
use super::reject::Reason;
use super::time::{DAY, Stamp, iso, trimmed};
use crate::contract::Edge;
use crate::period::{day_start_micros, local_day};

const SECOND: i64 = 1_000_000;

/// From this day on a date is the open end, unless the feed says otherwise: 2999-01-01.
pub(crate) const OPEN_FROM: i32 = 375_835;
/// 0001-01-02: up to here a date is the start that nobody knows, one day more than is written because a zone may have moved it.
const UNKNOWN_UNTIL: i32 = -719_161;

/// What a date or timestamp column asks of its values, besides the feed's mapping.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    /// The job's reporting zone.
    pub zone: Tz,
    pub edge: Edge,
    /// The last instant that is not in the future; `None` where the column may plan ahead.
    pub latest: Option<i64>,
    /// A row needs a value, so the open end is none of its values.
    pub required: bool,
}

/// What is noticed of a column's values on the way.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// Instants at midnight that were read as days.
    pub midnights: u64,
    /// Whether the last instant was told as a day.
    pub is_day: bool,
    /// Instants of a column of instants, and those at the midnight of their own clock that the day alone would have put elsewhere.
    pub instants: u64,
    pub days_in_disguise: u64,
    /// Of columns whose declared formats have day and month as numbers.
    pub orders: Option<Orders>,
}

impl Noted {
    fn see(&mut self, local: i64, micros: i64, frame: &Frame) {
        self.instants += 1;
        if local.rem_euclid(DAY) == 0
            && let Ok(day) = i32::try_from(local.div_euclid(DAY))
            && (EARLIEST_DAY..ABSURD_DAY).contains(&day)
        {
            self.days_in_disguise += u64::from(of_day(day, frame).1 != micros);
        }
    }

    /// How many instants a column has that are all midnights: a column of days, written with a clock.
    pub fn only_midnights(&self) -> Option<u64> {
        (self.instants >= 10 && self.days_in_disguise == self.instants).then_some(self.instants)
    }
}

/// When a day begins, and the instant that it stands for.
fn of_day(day: i32, frame: &Frame) -> (i64, i64) {
    let start = day_start_micros(day, frame.zone);
    match frame.edge {
        Edge::Start => (start, start),
        Edge::End => (start, day_start_micros(day + 1, frame.zone) - 1),
    }
}

/// An instant in UTC microseconds; `None`: there is no value.
///
/// # Errors
/// The text is in no declared format, names no time, has neither offset nor zone, or lies outside what the column allows.
#[inline]
pub(crate) fn instant(
    cell: Cell<'_>,
    mapping: &Mapping,
    frame: &Frame,
    noted: &mut Noted,
    place: Place,
) -> Result<Option<i64>, Reason> {
    noted.is_day = false;
    if let Cell::Text(raw) = cell
        && raw.len() == 20
        && raw[19] == b'Z'
        && mapping.is_iso()
        && mapping.open_from.is_none_or(|from| from >= ABSURD_DAY)
        && let Ok(Stamp { local, timed: true, .. }) = iso(raw)
        && (EARLIEST..ABSURD).contains(&local)
    {
        noted.see(local, local, frame);
        return not_after(local, local, frame);
    }
    let Some(stamp) = stamp(cell, mapping, frame, noted, place)? else { return Ok(None) };
    if !stamp.timed {
        noted.is_day = true;
        let day = stamp.day()?;
        // Far from both ends of the range, so that no zone and no edge of the day matters.
        if !(EARLIEST_DAY..ABSURD_DAY).contains(&day) {
            return Err(Reason::TsRange);
        }
        let (start, micros) = of_day(day, frame);
        return not_after(micros, start, frame);
    }
    let micros = stamp.instant(mapping.zone)?;
    noted.see(stamp.local, micros, frame);
    not_after(micros, micros, frame)
}

/// `begins` is what may not lie in the future: a day that has begun has not ended.
#[inline]
fn not_after(micros: i64, begins: i64, frame: &Frame) -> Result<Option<i64>, Reason> {
    if !(EARLIEST..ABSURD).contains(&micros) {
        return Err(Reason::TsRange);
    }
    if frame.latest.is_some_and(|latest| begins > latest) { Err(Reason::TsFuture) } else { Ok(Some(micros)) }
}

/// A day since 1970; `None`: there is no value.
///
/// # Errors
/// As for [`instant`].
pub(crate) fn date(
    cell: Cell<'_>,
    mapping: &Mapping,
    frame: &Frame,
    noted: &mut Noted,
    place: Place,
) -> Result<Option<i32>, Reason> {
    let Some(stamp) = stamp(cell, mapping, frame, noted, place)? else { return Ok(None) };
    let written = stamp.day()?;
    if !(EARLIEST_DAY - 1..=ABSURD_DAY).contains(&written) {
        return Err(Reason::TsRange);
    }
    let ends = |local: i64| mapping.reading == Reading::EndOfDay && local.rem_euclid(DAY) >= DAY - SECOND;
    let midnight = stamp.local.rem_euclid(DAY) == 0;
    let day = match stamp.offset.filter(|_| stamp.timed) {
        Some(_) if midnight => {
            noted.midnights += 1;
            written
        }
        Some(_) if !ends(stamp.local) => {
            let zone = mapping.zone.unwrap_or(frame.zone);
            let micros = stamp.instant(None)?;
            // The clock of that zone, for it may show the end of a day where the one written does not.
            let day = local_day(micros, zone);
            let into = micros - day_start_micros(day, zone);
            day + i32::from(mapping.reading == Reading::EndOfDay && into >= DAY - SECOND)
        }
        // A day, a local time, or the end of a day by its own clock.
        _ => written + i32::from(ends(stamp.local)),
    };
    if (EARLIEST_DAY..ABSURD_DAY).contains(&day) { Ok(Some(day)) } else { Err(Reason::TsRange) }
}

/// A cell as a point in time by the first declared format that fits; `None`: there is no value, or an end that is open.
fn stamp(
    cell: Cell<'_>,
    mapping: &Mapping,
    frame: &Frame,
    noted: &mut Noted,
    place: Place,
) -> Result<Option<Stamp>, Reason> {
    let mut is_ordered = false;
    let stamp = match cell {
        Cell::Missing | Cell::Null => return Ok(None),
        Cell::Text(raw) => match of_text(raw, mapping, frame, noted, place)? {
            None => return Ok(None),
            Some((stamp, ordered)) => {
                is_ordered = ordered;
                stamp
            }
        },
        Cell::Int(number) => of_number(number.into(), mapping)?,
        Cell::UInt(number) => of_number(number.into(), mapping)?,
        Cell::Big(_) | Cell::Past => return Err(Reason::TsRange),
        // 2^53: beyond it a double no longer names one integer.
        Cell::Double(number) if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 => {
            of_number(number as i128, mapping)?
        }
        Cell::Date(day) => Stamp::of_day(day),
        Cell::Instant(micros) => Stamp { local: micros, offset: Some(0), timed: true },
        Cell::Local(micros) => Stamp { local: micros, offset: None, timed: true },
        Cell::Double(_) | Cell::Bool(_) | Cell::Nested => return Err(Reason::TypeMismatch),
    };
    let day = stamp.local.div_euclid(DAY);
    let is_sentinel = mapping.sentinel_days.iter().any(|known| i64::from(*known) == day)
        || mapping.sentinel_moments.iter().any(|known| match cell {
            // A file that holds instants has lost how the sentinel was written.
            Cell::Instant(_) | Cell::Local(_) | Cell::Date(_) => known.div_euclid(DAY) == day,
            _ => *known == stamp.local.div_euclid(SECOND) * SECOND,
        });
    if is_sentinel {
        return Ok(None);
    }
    if let Some(from) = mapping.open_from
        && (day >= i64::from(from) || day <= i64::from(UNKNOWN_UNTIL))
    {
        return if frame.required { Err(Reason::TsRange) } else { Ok(None) };
    }
    if is_ordered && let (Some(orders), Ok(day)) = (&mut noted.orders, i32::try_from(day)) {
        orders.read(day, place, cell);
    }
    Ok(Some(stamp))
}

/// Text by the first declared format that fits, and whether that one has an order of day and month.
#[inline]
fn of_text(
    raw: &[u8],
    mapping: &Mapping,
    frame: &Frame,
    noted: &mut Noted,
    place: Place,
) -> Result<Option<(Stamp, bool)>, Reason> {
    let raw = trimmed(raw);
    if is_null(raw, mapping) || mapping.sentinels.iter().any(|sentinel| sentinel.as_bytes() == raw) {
        return Ok(None);
    }
    if let Some(values) = &mapping.values {
        let text = std::str::from_utf8(raw).map_err(|_| Reason::InvalidUtf8)?;
        if values.map.get(text).is_some_and(String::is_empty) {
            return Ok(None);
        }
    }
    let mut reason = Reason::TsFormat;
    for (format, other) in mapping.formats.iter().zip(&mapping.swapped) {
        match format.read(raw, mapping.locale) {
            Ok(stamp) => return Ok(Some((stamp, other.is_some()))),
            // A date that fits a format but does not exist says more than one that fits none.
            Err(Reason::TsInvalid) => reason = Reason::TsInvalid,
            Err(other) if reason == Reason::TsFormat => reason = other,
            Err(_) => {}
        }
    }
    if mapping.open_from.is_some() && is_open_end(raw) {
        return if frame.required { Err(Reason::TsRange) } else { Ok(None) };
    }
    if let Some(orders) = &mut noted.orders {
        let other_reads = mapping.swapped.iter().flatten().any(|format| format.read(raw, mapping.locale).is_ok());
        orders.unread(other_reads, place, Cell::Text(raw));
    }
    Err(reason)
}

/// A number that is no text, in a format that is one.
fn of_number(number: i128, mapping: &Mapping) -> Result<Stamp, Reason> {
    let text = number.to_string();
    let mut formats = mapping.formats.iter().filter(|format| format.takes_numbers()).peekable();
    if formats.peek().is_none() {
        return Err(Reason::TypeMismatch);
    }
    formats.find_map(|format| format.read(text.as_bytes(), None).ok()).ok_or(Reason::TsFormat)
}

/// The year 9999 in whatever spelling: `9999`, `99991231`, `9999-99-99`, `31/12/9999 23:59`.
fn is_open_end(raw: &[u8]) -> bool {
    let is_date = |byte: &u8| byte.is_ascii_digit() || b"-/.:, +TZtz".contains(byte);
    let mut numbers = raw.split(|byte| !byte.is_ascii_digit());
    raw.iter().all(is_date) && (raw.starts_with(b"9999") || numbers.any(|number| number == b"9999"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Catalog;
    use crate::feed::Feed;

    const PLACE: Place = Place { record: 1, offset: 0 };

    /// The mapping of `due_at` (a timestamp) or `hire_date` (a date), written as `keys`, in a feed with `head`.
    fn mapping(column: &str, head: &str, keys: &str) -> Mapping {
        let catalog = Catalog::load().expect("contracts");
        let (table, others) = match column {
            "hire_date" => ("workers", "worker_id = \"w\"\nstatus = \"s\"\neffective_from = \"f\""),
            _ => ("enrollments", "user_id = \"u\"\ncontent_id = \"c\"\nstatus = \"s\""),
        };
        let text = format!(
            "description = \"\"\nfills = \"{table}\"\npath = \"x\"\nformat = \"csv\"\n{head}\n[[headers]]\n{others}\n{column} = {{ from = \"x\", {keys} }}"
        );
        let feed = Feed::parse("f", &text, &catalog).expect("a feed");
        let at = feed.columns.iter().position(|name| name == column).expect("the column");
        feed.blocks[0].columns[at].clone()
    }

    fn frame(zone: &str, edge: Edge) -> Frame {
        Frame { zone: zone.parse().expect("a zone"), edge, latest: None, required: false }
    }

    fn shown(micros: Result<Option<i64>, Reason>) -> String {
        match micros {
            Ok(Some(at)) => {
                chrono::DateTime::from_timestamp_micros(at).expect("in range").format("%F %T%.f").to_string()
            }
            Ok(None) => "-".into(),
            Err(reason) => reason.code().into(),
        }
    }

    fn at(cell: Cell<'_>, mapping: &Mapping, frame: &Frame) -> String {
        shown(instant(cell, mapping, frame, &mut Noted::default(), PLACE))
    }

    fn on(cell: Cell<'_>, mapping: &Mapping, zone: &str) -> (String, u64) {
        let mut noted = Noted::default();
        let day = date(cell, mapping, &frame(zone, Edge::Start), &mut noted, PLACE);
        let day = match day {
            Ok(Some(day)) => crate::period::date_of(day).to_string(),
            Ok(None) => "-".into(),
            Err(reason) => reason.code().into(),
        };
        (day, noted.midnights)
    }

    #[test]
    fn a_day_is_that_day_in_the_zone_of_the_job_and_not_of_the_feed() {
        let feed = "zone = \"America/New_York\"";
        let plain = mapping("due_at", feed, "date = [\"iso\", \"%d.%m.%Y\", \"%d.%m.%Y %H:%M\"]");
        let (start, end) = (frame("Europe/Berlin", Edge::Start), frame("Europe/Berlin", Edge::End));
        assert_eq!(at(Cell::Text(b"2026-03-01"), &plain, &start), "2026-02-28 23:00:00");
        assert_eq!(at(Cell::Text(b"01.03.2026"), &plain, &end), "2026-03-01 22:59:59.999999");
        assert_eq!(at(Cell::Date(20_513), &plain, &end), "2026-03-01 22:59:59.999999");
        // With a time of day it is the clock of the feed that counts.
        assert_eq!(at(Cell::Text(b"01.03.2026 00:00"), &plain, &end), "2026-03-01 05:00:00");
        // A day of 23 hours ends when it ends, and one without midnight begins when it begins.
        assert_eq!(at(Cell::Text(b"2026-03-29"), &plain, &end), "2026-03-29 21:59:59.999999");
        assert_eq!(at(Cell::Text(b"2022-03-27"), &plain, &frame("Asia/Beirut", Edge::Start)), "2022-03-26 22:00:00");
        assert_eq!(at(Cell::Text(b"2026-03-01"), &mapping("due_at", "", ""), &end), "2026-03-01 22:59:59.999999");
    }

    #[test]
    fn a_column_of_nothing_but_midnights_is_one_of_days_where_that_makes_a_difference() {
        let told = |zone: &str, clock: &str, edge: Edge| {
            let (feed, mut noted) = (mapping("due_at", &format!("zone = \"{zone}\""), ""), Noted::default());
            for day in 1..=10 {
                let text = format!("2026-03-{day:02} {clock}");
                let _ = instant(Cell::Text(text.as_bytes()), &feed, &frame("America/Chicago", edge), &mut noted, PLACE);
            }
            noted.only_midnights()
        };
        assert_eq!(told("UTC", "00:00:00", Edge::Start), Some(10), "the evening before, in Chicago");
        assert_eq!(told("UTC", "00:00:00Z", Edge::Start), Some(10));
        assert_eq!(told("America/Chicago", "00:00", Edge::Start), None, "the same instant");
        assert_eq!(told("America/Chicago", "00:00", Edge::End), Some(10), "due before the day has begun");
        assert_eq!(told("UTC", "00:01:00", Edge::Start), None);
    }

    #[test]
    fn a_day_that_has_begun_is_not_in_the_future() {
        let plain = mapping("due_at", "", "");
        let midnight = 1_772_323_200_000_000; // 2026-03-01T00:00:00Z
        let until = Frame { latest: Some(midnight), ..frame("UTC", Edge::End) };
        assert_eq!(at(Cell::Text(b"2026-03-01"), &plain, &until), "2026-03-01 23:59:59.999999");
        assert_eq!(at(Cell::Text(b"2026-03-02"), &plain, &until), "ts_future");
    }

    #[test]
    fn an_instant_in_a_column_of_days_is_a_day_of_the_feeds_zone_unless_it_is_midnight_where_it_was_written() {
        let berlin = mapping("hire_date", "zone = \"Europe/Berlin\"", "date = [\"iso\", \"%d.%m.%Y %H:%M\"]");
        let day = |text: &str| on(Cell::Text(text.as_bytes()), &berlin, "Asia/Tokyo");
        assert_eq!(day("2026-03-01T23:30:00Z"), ("2026-03-02".into(), 0));
        assert_eq!(day("2026-03-01T00:00:00Z"), ("2026-03-01".into(), 1));
        assert_eq!(day("2026-03-01T00:00:00-08:00"), ("2026-03-01".into(), 1), "09:00 in Berlin");
        assert_eq!(day("2026-03-01T00:00:00+09:00"), ("2026-03-01".into(), 1), "16:00 of the day before in Berlin");
        assert_eq!(day("01.03.2026 23:30"), ("2026-03-01".into(), 0), "a local time is of its own day");
        assert_eq!(on(Cell::Instant(1_772_321_400_000_000), &berlin, "UTC").0, "2026-03-01", "2026-02-28T23:30:00Z");
        assert_eq!(on(Cell::Instant(1_772_323_200_000_000), &berlin, "UTC"), ("2026-03-01".into(), 1));
        // A feed without a zone: the job's.
        let none = mapping("hire_date", "", "");
        assert_eq!(on(Cell::Text(b"2026-03-01T23:30:00Z"), &none, "Asia/Tokyo").0, "2026-03-02");
        assert_eq!(on(Cell::Text(b"2026-03-01T23:30:00Z"), &none, "America/New_York").0, "2026-03-01");
    }

    #[test]
    fn the_open_end_is_a_day_in_any_spelling_and_column() {
        let keys = "date = [\"iso\", \"%d/%m/%Y\", \"%Y%m%d\", \"odata\"]";
        let (due, hired) = (mapping("due_at", "zone = \"UTC\"", keys), mapping("hire_date", "", keys));
        for text in [
            "9999-12-31",
            "9999-12-31T23:59:59.9999999Z",
            "31/12/9999",
            "99991231",
            "9999",
            "9999-99-99",
            "12/31/9999 23:59",
            "2999-01-01",
            "01/01/3000",
            "/Date(253402214400000)/",
            "/Date(253402300799999+0000)/",
            "0001-01-01",
            "0001-01-01T00:00:00Z",
            "01/01/0001",
            "/Date(-62135596800000)/",
            "0001-01-01T00:00:00+01:00",
        ] {
            let cell = Cell::Text(text.as_bytes());
            assert_eq!(at(cell, &due, &frame("Asia/Tokyo", Edge::End)), "-", "{text}");
            assert_eq!(on(cell, &hired, "Asia/Tokyo").0, "-", "{text}");
        }
        assert_eq!(on(Cell::Date(OPEN_FROM), &hired, "UTC").0, "-");
        let epoch = mapping("hire_date", "", "date = \"epoch_ms\"");
        assert_eq!(on(Cell::Int(253_402_214_400_000), &epoch, "UTC").0, "-");
        assert_eq!(on(Cell::Text(b"253402214400000"), &epoch, "UTC").0, "-");
        assert_eq!(on(Cell::Text(b"999912345678"), &epoch, "UTC").0, "2001-09-08", "a number, not a year");
        assert_eq!(crate::period::date_of(OPEN_FROM).to_string(), "2999-01-01");
        assert_eq!(crate::period::date_of(UNKNOWN_UNTIL).to_string(), "0001-01-02");
        for text in ["2998-12-31", "2200-01-01", "0001-01-03"] {
            assert_eq!(at(Cell::Text(text.as_bytes()), &due, &frame("UTC", Edge::End)), "ts_range", "{text}");
        }
        for text in ["9999 apples", "99-99-99", "12/31/99999"] {
            assert_eq!(at(Cell::Text(text.as_bytes()), &due, &frame("UTC", Edge::End)), "ts_format", "{text}");
        }
        // What a row cannot do without is never open.
        let needed = Frame { required: true, ..frame("UTC", Edge::Start) };
        assert_eq!(at(Cell::Text(b"9999-12-31T23:59:59Z"), &due, &needed), "ts_range");
    }

    #[test]
    fn a_feed_says_otherwise_where_its_open_end_is_another() {
        let own = mapping(
            "hire_date",
            "open_from = \"2100-01-01\"\nsentinels = [\"2079-06-06\"]",
            "date = [\"iso\", \"%d.%m.%Y\", \"epoch_ms\"]",
        );
        for text in ["2100-01-01", "06.06.2079", "2079-06-06", "2079-06-06T12:00:00Z", "3453235200000"] {
            assert_eq!(on(Cell::Text(text.as_bytes()), &own, "UTC").0, "-", "{text}");
        }
        assert_eq!(on(Cell::Text(b"2079-06-07"), &own, "UTC").0, "2079-06-07");
        let early = mapping("due_at", "open_from = \"2079-01-01\"", "");
        assert_eq!(at(Cell::Text(b"2079-06-06T00:00:00Z"), &early, &frame("UTC", Edge::End)), "-");
        let never = mapping("hire_date", "open_from = \"never\"", "date = [\"iso\", \"%d.%m.%Y\"]");
        assert_eq!(on(Cell::Text(b"9999-12-31"), &never, "UTC").0, "ts_range");
        assert_eq!(on(Cell::Text(b"99991231"), &never, "UTC").0, "ts_format");
    }

    #[test]
    fn numbers_are_dates_where_a_declared_format_is_one() {
        let epoch = mapping("due_at", "", "date = \"epoch_ms\"");
        assert_eq!(at(Cell::Int(1_772_442_000_123), &epoch, &frame("UTC", Edge::End)), "2026-03-02 09:00:00.123");
        let relative = mapping("hire_date", "", "date = \"days\", from_day = \"2026-02-27\"");
        assert_eq!(on(Cell::Double(2.0), &relative, "UTC").0, "2026-03-01");
        assert_eq!(on(Cell::Text(b"-1"), &relative, "UTC").0, "2026-02-26");
        let compact = mapping("hire_date", "", "date = \"%Y%m%d\"");
        assert_eq!(on(Cell::Int(20_260_302), &compact, "UTC").0, "2026-03-02");
        assert_eq!(on(Cell::Double(1.5), &relative, "UTC").0, "type_mismatch");
        assert_eq!(on(Cell::Int(20_260_302), &mapping("hire_date", "", ""), "UTC").0, "type_mismatch");
    }

    #[test]
    fn the_end_of_a_day_is_seen_by_the_clock_written_and_by_that_of_the_feed() {
        let ends = mapping("hire_date", "zone = \"Europe/Berlin\"", "as = \"end_of_day\"");
        for text in ["2026-01-31 23:59:59", "2026-01-31T23:59:59.999Z", "2026-01-31T22:59:59Z"] {
            assert_eq!(on(Cell::Text(text.as_bytes()), &ends, "UTC").0, "2026-02-01", "{text}");
        }
        assert_eq!(on(Cell::Text(b"2026-01-31"), &ends, "UTC").0, "2026-01-31");
        assert_eq!(on(Cell::Text(b"2026-01-31T12:00:00Z"), &ends, "UTC").0, "2026-01-31");
    }
}
