//! What an export cannot carry: its rows, read again by the gate, held against those it was to tell.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use crate::contract::{Column, Table};
use crate::feed::feed::{Feed, Mapping, Named, Reading, Source};
use crate::feed::read::RECORD;

use super::entry::{Entry, Value};
use super::moments::{Clock, Coarse};
use super::ways::{has_word, places};

/// Why a value, or a row, is not in an export.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The feed maps nothing to the column.
    NotMapped,
    /// The feed says one thing of every row.
    Constant,
    /// The vendor has no word for it.
    NoWord(String),
    /// The row, for the vendor has no word for what it needs one for.
    NoRow(String),
    /// Ids are made of the records themselves.
    MadeHere,
    /// Instants are told as days.
    OnlyDays,
    /// Instants are told to the minute.
    OnlyMinutes,
    /// Numbers are told in larger units.
    Rounded,
    /// The export has one value for it and for another column.
    SameAs(String),
    /// Records of the export always have one: a statement is about something.
    Always,
    /// The feed's own rules leave records out.
    LeftOut,
    /// Addresses and ids are read in lower case.
    Folded,
    /// Ids get a text in front that keeps them apart from other systems'.
    Prefixed,
    /// It stands in an element that is chosen by what else it says, which is not written yet.
    Chosen,
    /// The export says how things stand on its day, and nothing of before.
    OnlyToday,
    /// None of these: a fault of the feed, or of what writes its exports. With an example.
    Unexplained(String),
}

/// What the exports of one feed cannot carry: by column and reason, how many rows it concerned. The column is empty for whole rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lost {
    pub by: BTreeMap<(String, Why), u64>,
}

impl Lost {
    pub fn note(&mut self, column: &str, why: Why) {
        // One example says it.
        if matches!(why, Why::Unexplained(_))
            && let Some((_, count)) =
                self.by.iter_mut().find(|((known, other), _)| known == column && matches!(other, Why::Unexplained(_)))
        {
            *count += 1;
            return;
        }
        *self.by.entry((column.to_owned(), why)).or_default() += 1;
    }

    pub fn add(&mut self, other: Lost) {
        for ((column, why), count) in other.by {
            for _ in 0..count {
                self.note(&column, why.clone());
            }
        }
    }

    /// What neither the mapping nor the vendor's words explain.
    pub fn unexplained(&self) -> impl Iterator<Item = String> {
        self.by.iter().filter_map(|((column, why), count)| match why {
            Why::Unexplained(example) => Some(format!("{column}: {example} ({count} rows)")),
            _ => None,
        })
    }

    /// A line for each, for people.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.by.iter().map(|((column, why), count)| match why {
            Why::NotMapped => format!("{column}: not in the export"),
            Why::Constant => format!("{column}: the same for every row"),
            Why::NoWord(word) => format!("{column}: no word for `{word}` ({count} rows)"),
            Why::NoRow(word) if column.is_empty() => format!("{count} rows that no record can tell ({word})"),
            Why::NoRow(word) => format!("{count} rows, for {column} has no word for `{word}`"),
            Why::MadeHere => format!("{column}: made of the records at reading"),
            Why::OnlyDays => format!("{column}: days without times"),
            Why::OnlyMinutes => format!("{column}: to the minute"),
            Why::SameAs(other) => format!("{column}: told with the same value as {other}"),
            Why::Always => format!("{column}: told of every row, whether it has one or not"),
            Why::LeftOut => format!("{count} records, which the feed leaves out"),
            Why::Rounded => format!("{column}: in larger units"),
            Why::Folded => format!("{column}: in lower case"),
            Why::Prefixed => format!("{column}: with a text in front"),
            Why::Chosen => format!("{column}: in an element chosen by what it says, which is not written"),
            Why::OnlyToday => "how things stood before the day of the first export".to_owned(),
            Why::Unexplained(example) => format!("{column}: {example} ({count} rows), and nothing says why"),
        })
    }
}

/// Notes what a row lost on its way through an export.
pub(super) fn compare(feed: &Feed, table: &Table, zone: Tz, wanted: &Entry, got: &Entry, lost: &mut Lost) {
    let Some(block) = feed.blocks.first() else { return };
    let mappings = table.columns.iter().zip(&block.columns).filter(|(column, _)| !column.transient);
    let entry = wanted;
    for (((column, mapping), wanted), got) in mappings.zip(&entry.values).zip(&got.values) {
        if wanted == got || is_made(column) {
            continue;
        }
        let mut why = why(column, mapping, zone, wanted.as_ref(), got.as_ref());
        if matches!(why, Why::Unexplained(_)) {
            if feed.xapi && wanted.is_none() {
                why = Why::Always;
            } else if let Some(other) = same_place(table, &block.columns, column, mapping, wanted.as_ref(), entry) {
                why = Why::SameAs(other);
            }
        }
        lost.note(&column.name, why);
    }
    if entry.deleted != got.deleted {
        lost.note("", Why::Unexplained(format!("deleted {} became {}", entry.deleted, got.deleted)));
    }
}

/// Another column of the row that is read from one of the same places and has something else to say there.
fn same_place(
    table: &Table,
    mappings: &[Mapping],
    column: &Column,
    mapping: &Mapping,
    wanted: Option<&Value>,
    entry: &Entry,
) -> Option<String> {
    let own = places(mapping);
    let others = table.columns.iter().zip(mappings).filter(|(other, _)| !other.transient).zip(&entry.values);
    others
        .filter(|((other, _), value)| other.name != column.name && value.as_ref() != wanted)
        .find(|((_, mapping), _)| places(mapping).iter().any(|place| own.contains(place)))
        .map(|((other, _), _)| other.name.clone())
}

/// What the gate makes itself, of what it has read.
fn is_made(column: &Column) -> bool {
    column.made_of().is_some() || column.made_day().is_some() || column.is_day_of().is_some()
}

/// Whether a path leads through an element that is found by what it says: `emails[type=work].address`.
fn is_chosen(name: &Named) -> bool {
    matches!(name, Named::Header(name) if name.contains('[') && name.contains('='))
}

fn why(column: &Column, mapping: &Mapping, zone: Tz, wanted: Option<&Value>, got: Option<&Value>) -> Why {
    let clock = Clock { column, mapping, zone };
    match (&mapping.source, wanted, got) {
        (Source::Nothing, ..) => return Why::NotMapped,
        (Source::Constant(_), ..) => return Why::Constant,
        (Source::First(names), ..)
            if names.iter().any(|name| matches!(name, Named::Header(name) if name == RECORD)) =>
        {
            return Why::MadeHere;
        }
        (_, Some(wanted), _) if !has_word(mapping, wanted) => return Why::NoWord(wanted.to_string()),
        // A vendor's words may say something of every row.
        (Source::Combined(_, combined), None, Some(_)) if combined.words_for("").is_empty() => {
            return Why::NoWord("nothing".into());
        }
        // An id in front of which stands what tells its kind, or one that is made of other columns.
        (Source::Joined(..), Some(_), Some(_)) => return Why::MadeHere,
        (_, Some(Value::Instant(wanted)), Some(Value::Instant(got))) => match clock.coarseness() {
            Coarse::Days if clock.of_its_day(*wanted) == *got => return Why::OnlyDays,
            Coarse::Minutes if (0..60_000_000).contains(&(wanted - got)) => return Why::OnlyMinutes,
            _ => {}
        },
        (_, Some(Value::Int(wanted)), Some(Value::Int(got))) => {
            let unit = mapping.times.unwrap_or(1.0).abs().max(1.0);
            if mapping.times.is_some() && (wanted - got).unsigned_abs() as f64 <= unit {
                return Why::Rounded;
            }
        }
        (_, Some(Value::Double(wanted)), Some(Value::Double(got)))
            if (wanted - got).abs() <= 1e-9 * wanted.abs().max(1.0) =>
        {
            return Why::Rounded;
        }
        (Source::First(names), Some(_), None) if names.iter().all(is_chosen) => return Why::Chosen,
        (_, Some(Value::Text(wanted)), Some(Value::Text(got))) => {
            if !mapping.prefix.is_empty() && got.strip_prefix(&mapping.prefix) == Some(wanted) {
                return Why::Prefixed;
            }
            if matches!(mapping.reading, Reading::Email | Reading::Mailto) && wanted.to_lowercase() == *got {
                return Why::Folded;
            }
        }
        _ => {}
    }
    let said = |value: Option<&Value>| value.map_or("nothing".to_owned(), |value| format!("`{value}`"));
    Why::Unexplained(format!("{} became {}", said(wanted), said(got)))
}
