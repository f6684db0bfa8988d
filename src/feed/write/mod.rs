//! The gate the other way round: canon rows in, the bytes of an export out that a feed reads as these rows.
//!
//! For invented companies alone, so that every feed can be tried from end to end. Nothing here is written for a vendor: the mapping is
//! turned around ([`ways`], `moments`), one way is found for each column so that none contradicts another (`records`), and the records
//! are spelled in the feed's format (`encode`). What an export cannot carry is found by reading it again (`lost`).

mod cell;
mod encode;
mod entry;
mod lost;
mod moments;
mod records;
mod ways;

use std::collections::BTreeMap;
use std::io::Write;

use bytes::Bytes;
use chrono::TimeZone;
use chrono_tz::Tz;

pub use entry::{Entry, Value, entries};
pub use lost::{Lost, Why};

use super::context::{Context, Delivery};
use super::feed::{Feed, Source};
use super::keys::{INTERVALS, is_begin};
use super::made_day;
use super::pattern::PART;
use super::pseudonym::Pseudonyms;
use super::read_delivery::read;
use super::reject::Stop;
use super::sha256::sha256;
use crate::contract::Table;
use crate::period::{Day, date_of};
use cell::Sheet;
use records::Writer;

/// One object of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub path: String,
    pub bytes: Bytes,
    /// What lies beside it: control totals, the marker for which it waits.
    pub beside: Vec<(String, Bytes)>,
    /// For each of its records the row it tells, by place among those given.
    rows: Vec<usize>,
}

/// An export of some rows on one day, and what of them it carries.
#[derive(Debug, Clone, Default)]
pub struct Export {
    pub files: Vec<Written>,
    /// The rows as the gate reads them, in the order of the export.
    pub carried: Vec<Entry>,
    pub lost: Lost,
}

/// Why a feed's exports cannot be written at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("exports of {feed} cannot be written: {what}")]
pub struct Unwritable {
    pub feed: String,
    pub what: String,
}

/// Whether the exports of a feed say from when a row holds, where the table asks for it; else they say how things stand.
pub fn tells_since(feed: &Feed, table: &Table) -> bool {
    let Some(block) = feed.blocks.first() else { return true };
    let begins = table.columns.iter().zip(&block.columns).find(|(column, _)| column.key && is_begin(&column.name));
    begins.is_none_or(|(_, mapping)| !matches!(mapping.source, Source::Nothing))
}

/// The rows that hold on a day, one for each thing the table is about; those that begin later where there is no other.
pub fn standing(table: &Table, rows: &[Entry], day: Day) -> Vec<Entry> {
    let place = |name: &str| table.stored().position(|column| column.name == name);
    let Some((from, to)) = INTERVALS.iter().find_map(|[from, to]| place(from).zip(place(to))) else {
        return rows.to_vec();
    };
    let whose: Vec<usize> = table.key.iter().filter(|name| !is_begin(name)).filter_map(|name| place(name)).collect();
    let at = |row: &Entry, at: usize| match row.values[at] {
        Some(Value::Day(day)) => Some(day),
        _ => None,
    };
    let mut best: BTreeMap<String, &Entry> = BTreeMap::new();
    for row in rows {
        let begins = |row: &Entry| at(row, from).unwrap_or(Day::MIN);
        let key =
            whose.iter().map(|at| row.values[*at].as_ref().map(Value::to_string).unwrap_or_default() + "\n").collect();
        // The latest that has begun, else the first to come.
        let rank = |row: &Entry| match begins(row) <= day {
            true => (1, begins(row)),
            false => (0, begins(row).saturating_neg()),
        };
        let held = best.entry(key).or_insert(row);
        if rank(row) > rank(held) {
            *held = row;
        }
    }
    let mut standing: Vec<Entry> =
        best.into_values().filter(|row| at(row, to).is_none_or(|to| to > day)).cloned().collect();
    for row in &mut standing {
        (row.values[from], row.values[to]) = (None, None);
    }
    standing
}

/// Writes an export of rows as of a day, and reads it again. `folder` is where the landing area lies among other things.
///
/// # Errors
/// The feed's path names no day, its format is not written, or the gate refuses what was written.
pub fn write(
    feed: &Feed,
    table: &Table,
    zone: Tz,
    day: Day,
    rows: &[Entry],
    packed: bool,
) -> Result<Export, Unwritable> {
    let fail = |what: String| Unwritable { feed: feed.name.clone(), what };
    let pattern = feed.patterns.iter().find(|pattern| pattern.is_dated());
    let pattern = pattern.ok_or_else(|| fail("its path names no day".into()))?;
    let writer = Writer::new(feed, table, zone).ok_or_else(|| fail("it has no header block".into()))?;
    let holes: Vec<&str> = pattern.names().filter(|name| *name != PART).collect();
    let mut export = Export::default();
    // A file for each value that the path holds.
    let mut groups: BTreeMap<Vec<String>, (Vec<Sheet>, Vec<usize>)> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        match writer.record(row, at) {
            Ok(sheet) => {
                let value = |name: &&str| sheet.cell(&format!("path:{name}")).map_or("main".into(), |cell| cell.text);
                let values: Vec<String> = holes.iter().map(value).collect();
                // No folder and no file has such a name.
                if let Some(name) = values.iter().find(|value| value.contains('/')) {
                    export.lost.note("", Why::NoRow(name.clone()));
                    continue;
                }
                let group = groups.entry(values).or_default();
                group.0.push(sheet);
                group.1.push(at);
            }
            Err((column, value)) => {
                let word = value.map_or("nothing".to_owned(), |value| value.to_string());
                export.lost.note(&column, Why::NoRow(word));
            }
        }
    }
    for (values, (sheets, told)) in groups {
        let value = |name: &str| {
            let at = holes.iter().position(|hole| *hole == name);
            at.and_then(|at| values.get(at)).cloned().unwrap_or_default()
        };
        let mut path = pattern.fill(date_of(day), &value);
        let format = feed.format_of(&path);
        let bytes = encode::encode(feed, format, &writer.header, &sheets).map_err(&fail)?;
        let mut bytes = Bytes::from(bytes);
        if packed {
            bytes = gzip(&bytes).map_err(|cause| fail(cause.to_string()))?;
            path += ".gz";
        }
        let mut beside = Vec::new();
        if let Some(sidecar) = feed.sidecar_of(&path) {
            let totals = format!("rows={}\nbytes={}\nsha256={}\n", sheets.len(), bytes.len(), sha256(&bytes));
            beside.push((sidecar, Bytes::from(totals)));
        }
        if let Some(marker) = &feed.marker {
            let folder = path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
            beside.push((folder + marker, Bytes::new()));
        }
        let file = Written { path, bytes, beside, rows: told };
        again(feed, table, zone, day, &file, rows, &mut export).map_err(&fail)?;
        export.files.push(file);
    }
    Ok(export)
}

fn gzip(bytes: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes)?;
    encoder.finish().map(Bytes::from)
}

/// Reads a file of an export as the gate does, and notes what it lost.
fn again(
    feed: &Feed,
    table: &Table,
    zone: Tz,
    day: Day,
    file: &Written,
    rows: &[Entry],
    export: &mut Export,
) -> Result<(), String> {
    if feed.recognise(&file.path).is_none() {
        return Err(format!("it does not recognise its own {}", file.path));
    }
    let midnight = |day: Day| Tz::UTC.from_utc_datetime(&date_of(day).and_time(chrono::NaiveTime::MIN)).to_utc();
    let delivery = Delivery {
        feed: feed.name.clone(),
        path: file.path.clone(),
        size: file.bytes.len() as u64,
        etag: None,
        known_at: midnight(day),
    };
    let totals = feed.sidecar_of(&file.path).and_then(|path| file.beside.iter().find(|(beside, _)| *beside == path));
    let context = Context {
        sidecar: totals.map(|(_, bytes)| bytes.as_ref()),
        ..Context::new(table, midnight(day + 1), &Pseudonyms::Off).in_zone(zone)
    };
    let mut read_rows: Vec<Entry> = Vec::new();
    let mut sink = |batch: arrow::array::RecordBatch| {
        let mut columns = batch.columns().to_vec();
        made_day::fill(table, &batch.schema(), &mut columns, zone);
        let batch = arrow::array::RecordBatch::try_new(batch.schema(), columns).unwrap_or(batch);
        read_rows.extend(entries(table, &batch));
        Ok::<(), std::convert::Infallible>(())
    };
    let intake = match read(feed, &context, &delivery, &file.bytes, &mut sink) {
        Ok(intake) => intake,
        Err(Stop::Refused(refusal)) => return Err(format!("the gate refuses {}: {}", file.path, refusal.sentence())),
    };
    for reject in &intake.rejected {
        let column = reject.column.clone().unwrap_or_default();
        export.lost.note(&column, Why::Unexplained(format!("the gate rejects a record: {}", reject.reason.code())));
    }
    for _ in 0..intake.filtered {
        export.lost.note("", Why::LeftOut);
    }
    let outranked = intake.superseded + intake.duplicate + intake.voided;
    if outranked > 0 && feed.select.chooses() {
        // Which of several records of a key holds is the feed's own rule.
        (0..outranked).for_each(|_| export.lost.note("", Why::LeftOut));
    } else if outranked > 0 {
        export.lost.note("", Why::Unexplained(format!("{outranked} records do not count in {}", file.path)));
    }
    for got in &read_rows {
        let wanted = usize::try_from(got.record).ok().and_then(|record| file.rows.get(record.checked_sub(1)?));
        if let Some(wanted) = wanted.and_then(|at| rows.get(*at)) {
            lost::compare(feed, table, zone, wanted, got, &mut export.lost);
        }
    }
    export.carried.append(&mut read_rows);
    Ok(())
}
