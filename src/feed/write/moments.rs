//! Days and instants as a feed declares them: the other way round than [`crate::feed::moment`] reads them, and judged by it.

use chrono::{Datelike, Timelike};
use chrono_tz::Tz;

use crate::contract::{Column, Edge};
use crate::feed::feed::{Mapping, Reading};
use crate::feed::moment::{self, Frame, Noted};
use crate::feed::record::{Cell as Read, Place};
use crate::feed::time::{DAY, Format, Item, Locale};
use crate::period::{date_of, local_day};

use super::cell::{Cell, Typed};

const SECOND: i64 = 1_000_000;
const NOWHERE: Place = Place { record: 0, offset: 0 };

/// What a column of days or instants is read with.
#[derive(Clone, Copy)]
pub(super) struct Clock<'a> {
    pub column: &'a Column,
    pub mapping: &'a Mapping,
    /// The job's reporting zone.
    pub zone: Tz,
}

impl Clock<'_> {
    fn frame(&self) -> Frame {
        let Column { day, required, .. } = *self.column;
        Frame { zone: self.zone, edge: day, latest: None, required }
    }

    /// The forms of a day (as canon has it, moved ends included), those first that the gate reads as that day.
    pub fn days(&self, day: i32) -> Vec<Cell> {
        let written = day - self.mapping.shift;
        let mut cells = Vec::new();
        for format in &self.mapping.formats {
            if self.mapping.reading == Reading::EndOfDay {
                let eve = i64::from(written) * DAY - SECOND;
                cells.extend(spelled(format, eve, 0, self.mapping.locale).map(Cell::text));
            }
            let text = match format {
                Format::Iso => Some(date_of(written).to_string()),
                format => spelled(format, i64::from(written) * DAY, 0, self.mapping.locale),
            };
            cells.extend(text.map(|text| Cell { typed: typed(format, &text, Typed::Day(written)), text }));
        }
        let reads = |cell: &Cell| {
            moment::date(Read::Text(cell.text.as_bytes()), self.mapping, &self.frame(), &mut Noted::default(), NOWHERE)
                == Ok(Some(written))
        };
        first_those_that(cells, &reads)
    }

    /// The forms of an instant: those first that the gate reads as it, then the ones that tell less of it.
    pub fn instants(&self, micros: i64) -> Vec<Cell> {
        let mut cells = Vec::new();
        let local = self.mapping.zone.map(|zone| local(micros, zone));
        for format in &self.mapping.formats {
            let texts = match format {
                // Local times where the feed says whose, and the zone of the text itself where clocks go back.
                Format::Iso => [local.map(|(local, _)| iso(local)), Some(iso(micros) + "Z")],
                Format::EpochSeconds => [Some(micros.div_euclid(SECOND).to_string()), None],
                Format::EpochMillis => [Some(micros.div_euclid(1000).to_string()), None],
                Format::OData => [Some(format!("/Date({})/", micros.div_euclid(1000))), None],
                Format::DaysSince(from) => [Some((local_day(micros, self.zone) - from).to_string()), None],
                Format::Parts(items) => [self.parts(items, format, micros), None],
            };
            let cell = |text: String| Cell { typed: typed(format, &text, Typed::Instant(micros)), text };
            cells.extend(texts.into_iter().flatten().map(cell));
        }
        let reads = |cell: &Cell| self.reads(cell) == Some(micros);
        first_those_that(cells, &reads)
    }

    fn reads(&self, cell: &Cell) -> Option<i64> {
        let text = Read::Text(cell.text.as_bytes());
        moment::instant(text, self.mapping, &self.frame(), &mut Noted::default(), NOWHERE).ok().flatten()
    }

    fn parts(&self, items: &[Item], format: &Format, micros: i64) -> Option<String> {
        let has = |wanted: &[u8]| items.iter().any(|item| matches!(item, Item::Field(field) if wanted.contains(field)));
        let locale = self.mapping.locale;
        if items.iter().any(|item| matches!(item, Item::EndOfDay)) {
            let (local, _) = local(micros, self.mapping.zone.unwrap_or(self.zone));
            return (local.rem_euclid(DAY) == 0).then(|| spelled(format, local - DAY, 0, locale)).flatten();
        }
        if !has(b"HI") {
            return spelled(format, i64::from(local_day(micros, self.zone)) * DAY, 0, locale);
        }
        let zone = self.mapping.zone.or_else(|| has(b"z").then_some(Tz::UTC))?;
        let (local, offset) = local(micros, zone);
        spelled(format, local, offset, locale)
    }

    /// What of an instant the feed's formats have no place for.
    pub fn coarseness(&self) -> Coarse {
        let has = |format: &Format, wanted: &[u8]| match format {
            Format::Parts(items) => {
                items.iter().any(|item| matches!(item, Item::Field(field) if wanted.contains(field)))
            }
            Format::DaysSince(_) => false,
            _ => true,
        };
        if self.mapping.formats.iter().any(|format| has(format, b"S")) {
            Coarse::Exact
        } else if self.mapping.formats.iter().any(|format| has(format, b"HI")) {
            Coarse::Minutes
        } else {
            Coarse::Days
        }
    }

    /// What is left of an instant that only its day is told of.
    pub fn of_its_day(&self, micros: i64) -> i64 {
        let day = local_day(micros, self.zone);
        match self.column.day {
            Edge::Start => crate::period::day_start_micros(day, self.zone),
            Edge::End => crate::period::day_start_micros(day + 1, self.zone) - 1,
        }
    }
}

/// How exactly a column's formats tell an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coarse {
    Exact,
    Minutes,
    Days,
}

fn first_those_that(cells: Vec<Cell>, reads: &dyn Fn(&Cell) -> bool) -> Vec<Cell> {
    let (mut exact, rest): (Vec<Cell>, Vec<Cell>) = cells.into_iter().partition(reads);
    exact.extend(rest);
    exact
}

/// What a typed format holds of a day or an instant: what a number is stays one, what a text of its own form is stays text.
fn typed(format: &Format, text: &str, iso: Typed) -> Typed {
    match format {
        Format::Iso => iso,
        Format::EpochSeconds | Format::EpochMillis | Format::DaysSince(_) => {
            text.parse().map_or(Typed::Text, Typed::Int)
        }
        _ => Typed::Text,
    }
}

/// Local microseconds of an instant, and the offset in seconds.
fn local(micros: i64, zone: Tz) -> (i64, i32) {
    use chrono::Offset;
    let Some(at) = chrono::DateTime::from_timestamp_micros(micros) else { return (micros, 0) };
    let offset = at.with_timezone(&zone).offset().fix().local_minus_utc();
    (micros + i64::from(offset) * SECOND, offset)
}

fn iso(local: i64) -> String {
    match chrono::DateTime::from_timestamp_micros(local) {
        Some(at) => at.format("%Y-%m-%dT%H:%M:%S%.f").to_string(),
        None => local.to_string(),
    }
}

/// A local time in a declared format.
fn spelled(format: &Format, local: i64, offset: i32, locale: Option<&Locale>) -> Option<String> {
    let at = chrono::DateTime::from_timestamp_micros(local)?;
    let items = match format {
        Format::Iso => return Some(iso(local)),
        Format::EpochSeconds => return Some(local.div_euclid(SECOND).to_string()),
        Format::EpochMillis => return Some(local.div_euclid(1000).to_string()),
        Format::OData => return Some(format!("/Date({})/", local.div_euclid(1000))),
        Format::DaysSince(from) => return Some((local.div_euclid(DAY) - i64::from(*from)).to_string()),
        Format::Parts(items) => items,
    };
    let mut text = String::new();
    for item in items {
        text += &match item {
            Item::Literal(c) => c.to_string(),
            Item::Space => " ".to_owned(),
            Item::EndOfDay => "24:00".to_owned(),
            Item::Field(field) => match field {
                b'Y' => format!("{:04}", at.year()),
                b'y' => format!("{:02}", at.year().rem_euclid(100)),
                b'm' => format!("{:02}", at.month()),
                b'd' => format!("{:02}", at.day()),
                b'H' => format!("{:02}", at.hour()),
                b'I' => format!("{:02}", at.hour12().1),
                b'M' => format!("{:02}", at.minute()),
                b'S' => format!("{:02}", at.second()),
                b'f' => format!("{:06}", at.timestamp_subsec_micros()),
                b'p' => if at.hour12().0 { "PM" } else { "AM" }.to_owned(),
                b'z' => {
                    let sign = if offset < 0 { '-' } else { '+' };
                    format!("{sign}{:02}{:02}", offset.abs() / 3600, offset.abs() / 60 % 60)
                }
                short => Locale::month_of(locale, at.month(), *short == b'b')?,
            },
        };
    }
    Some(text)
}
