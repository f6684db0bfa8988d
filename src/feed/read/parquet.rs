//! Parquet, read as a stranger's file: the footer is a claim, the pages are the evidence.
//!
//! Rows are counted in the page headers and compared with the footer, page checksums are verified, nothing is pruned by
//! statistics, and the decoder runs where a panic of it cannot take the process along.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Schema, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::Type as Physical;
use parquet::column::page::PageReader;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::serialized_reader::SerializedPageReader;

use super::Header;
use crate::contract::Type;
use crate::feed::bound::Wants;
use crate::feed::context::Context;
use crate::feed::feed::Feed;
use crate::feed::gate::Gate;
use crate::feed::intake::Intake;
use crate::feed::record::{Cell, Place, Record};
use crate::feed::reject::{Reason, Refusal, Stop};

/// Rows decoded at a time: bounds what a file of enormous values can hold in memory.
const DECODE_ROWS: usize = 8_192;

/// Reads one Parquet delivery.
pub(crate) fn read<'a, E>(
    feed: &'a Feed,
    context: &Context<'a>,
    bytes: &Bytes,
    refused: &'a HashSet<u64>,
    sink: &'a mut dyn FnMut(RecordBatch) -> Result<(), E>,
) -> Result<Intake, Stop<E>> {
    magic(bytes)?;
    let metadata = guarded(|| ParquetMetaDataReader::new().parse_and_finish(bytes).map_err(|cause| corrupt(&cause)))?;
    let metadata = Arc::new(metadata);
    let leaves = metadata.file_metadata().schema_descr().num_columns();
    if leaves > feed.limits.columns {
        return Err(Refusal::new(
            Reason::TooManyColumns,
            format!("{leaves} columns, allowed are {}", feed.limits.columns),
        )
        .into());
    }
    let fields = metadata.file_metadata().schema_descr().root_schema().get_fields();
    let names: Vec<String> = fields.iter().map(|field| field.name().to_owned()).collect();
    let header = super::bind(feed, context, &names)?;
    if header.positions.contains(&Some(super::DERIVED)) {
        return Err(Refusal::new(Reason::UnsupportedParquet, "`@record` is for text formats").into());
    }
    let leaf_of = leaves_of(&metadata, &header)?;
    totals(feed, &metadata, &leaf_of)?;
    guarded(|| pages(bytes, &metadata, &leaf_of))?;
    let (mut batches, columns) = guarded(|| open(feed, bytes, &metadata, &header, &leaf_of))?;
    let Header { bound, positions, unknown, lacking, twice, nameless } = header;
    let mut gate = Gate::new(feed, context, bound, refused, sink);
    super::tell(&mut gate, &unknown, &twice, nameless, lacking);
    let mut record = 0;
    while let Some(batch) =
        guarded(|| batches.next().transpose().map_err(|cause| Refusal::new(arrow_reason(&cause.to_string()), "")))?
    {
        let arrays: Vec<Option<&ArrayRef>> = columns.iter().map(|at| at.map(|at| batch.column(at))).collect();
        for row in 0..batch.num_rows() {
            record += 1;
            gate.accept(Place { record, offset: 0 }, &Row { arrays: &arrays, row })?;
        }
    }
    let claimed = metadata.file_metadata().num_rows();
    if u64::try_from(claimed) != Ok(record) {
        return Err(Refusal::new(
            Reason::CorruptParquet,
            format!("the footer says {claimed} rows, {record} were read"),
        )
        .into());
    }
    debug_assert_eq!(positions.len(), columns.len());
    gate.finish()
}

fn magic(bytes: &[u8]) -> Result<(), Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::new(Reason::EmptyFile, ""));
    }
    if bytes.starts_with(b"PARE") || bytes.ends_with(b"PARE") {
        return Err(Refusal::new(Reason::EncryptedParquet, ""));
    }
    if bytes.len() < 12 || !bytes.starts_with(b"PAR1") || !bytes.ends_with(b"PAR1") {
        return Err(Refusal::new(Reason::CorruptParquet, "it does not begin and end as Parquet"));
    }
    Ok(())
}

/// Runs the decoder; a panic in it is a damaged file, not the end of the run.
fn guarded<T>(work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Refusal::new(Reason::CorruptParquet, "the decoder gave up")))
}

fn corrupt(cause: &parquet::errors::ParquetError) -> Refusal {
    Refusal::new(arrow_reason(&cause.to_string()), "")
}

fn arrow_reason(cause: &str) -> Reason {
    let cause = cause.to_ascii_lowercase();
    if cause.contains("crc") {
        return Reason::ChecksumMismatch;
    }
    if cause.contains("encrypt") {
        Reason::EncryptedParquet
    } else if cause.contains("utf8") || cause.contains("utf-8") {
        Reason::InvalidUtf8
    } else {
        Reason::CorruptParquet
    }
}

/// Slot -> leaf column; nested columns are no values.
fn leaves_of(metadata: &ParquetMetaData, header: &Header<'_>) -> Result<Vec<Option<usize>>, Refusal> {
    let descriptor = metadata.file_metadata().schema_descr();
    let fields = descriptor.root_schema().get_fields();
    let mut leaf_of = Vec::new();
    for (slot, position) in header.positions.iter().enumerate() {
        leaf_of.push(match position {
            None => None,
            Some(at) if fields[*at].is_primitive() => {
                (0..descriptor.num_columns()).find(|&leaf| descriptor.get_column_root_idx(leaf) == *at)
            }
            Some(_) => {
                let named = header.bound.column_of(slot).map(|column| column.name.as_str());
                let name = named.unwrap_or(header.bound.key_of(slot));
                return Err(
                    Refusal::new(Reason::TypeMismatch, "a nested column where a value is expected").column(name)
                );
            }
        });
    }
    Ok(leaf_of)
}

/// The footer's own arithmetic, and the limits it must respect.
fn totals(feed: &Feed, metadata: &ParquetMetaData, leaf_of: &[Option<usize>]) -> Result<(), Refusal> {
    let broken = || Refusal::new(Reason::CorruptParquet, "the footer contradicts itself");
    let mut rows = 0u64;
    let mut unpacked = 0u64;
    for group in metadata.row_groups() {
        rows = rows.checked_add(u64::try_from(group.num_rows()).map_err(|_| broken())?).ok_or_else(broken)?;
        for leaf in leaf_of.iter().flatten() {
            let column = group.columns().get(*leaf).ok_or_else(broken)?;
            unpacked = unpacked
                .checked_add(u64::try_from(column.uncompressed_size()).map_err(|_| broken())?)
                .ok_or_else(broken)?;
        }
    }
    if u64::try_from(metadata.file_metadata().num_rows()) != Ok(rows) {
        return Err(broken());
    }
    if rows > feed.limits.rows {
        return Err(Refusal::new(Reason::RowLimit, format!("{rows} rows, allowed are {}", feed.limits.rows)));
    }
    if unpacked > feed.limits.decompressed_bytes {
        return Err(Refusal::new(
            Reason::DecompressionLimit,
            format!("{unpacked} bytes, allowed are {}", feed.limits.decompressed_bytes),
        ));
    }
    Ok(())
}

/// Counts the values in the page headers of every column that is read.
fn pages(bytes: &Bytes, metadata: &ParquetMetaData, leaf_of: &[Option<usize>]) -> Result<(), Refusal> {
    let reader = Arc::new(bytes.clone());
    for group in metadata.row_groups() {
        for leaf in leaf_of.iter().flatten() {
            let column = group.column(*leaf);
            let rows = group.num_rows().max(0) as usize;
            let mut pages =
                SerializedPageReader::new(reader.clone(), column, rows, None).map_err(|cause| corrupt(&cause))?;
            let mut values = 0usize;
            while let Some(page) = pages.peek_next_page().map_err(|cause| corrupt(&cause))? {
                if !page.is_dict {
                    values = values.saturating_add(page.num_levels.or(page.num_rows).unwrap_or(0));
                }
                pages.skip_next_page().map_err(|cause| corrupt(&cause))?;
            }
            if values != rows {
                let detail = format!("the footer says {rows} rows where the pages hold {values}");
                return Err(Refusal::new(Reason::CorruptParquet, detail));
            }
        }
    }
    Ok(())
}

/// Opens the decoder on the mapped columns and says where each slot's column is in its batches.
fn open(
    feed: &Feed,
    bytes: &Bytes,
    metadata: &Arc<ParquetMetaData>,
    header: &Header<'_>,
    leaf_of: &[Option<usize>],
) -> Result<(ParquetRecordBatchReader, Vec<Option<usize>>), Refusal> {
    // The writer's own arrow schema is a stranger's claim; the Parquet types are what is stored.
    let options =
        || ArrowReaderOptions::new().with_skip_arrow_metadata(true).with_page_index_policy(PageIndexPolicy::Skip);
    let loaded = ArrowReaderMetadata::try_new(metadata.clone(), options()).map_err(|cause| corrupt(&cause))?;
    let descriptor = metadata.file_metadata().schema_descr();
    let int96: HashSet<usize> = (0..descriptor.num_columns())
        .filter(|&leaf| descriptor.column(leaf).physical_type() == Physical::INT96)
        .map(|leaf| descriptor.get_column_root_idx(leaf))
        .collect();
    let schema = loaded.schema().clone();
    for (slot, position) in header.positions.iter().enumerate() {
        if let Some(at) = position {
            fits(feed, header, slot, schema.field(*at), int96.contains(at))?;
        }
    }
    // INT96 as microseconds: as nanoseconds, years after 2262 would wrap around.
    let fields: Vec<Field> = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(at, field)| {
            let zone = feed.int96_is_utc.then(|| "UTC".into());
            if int96.contains(&at) {
                Field::new(field.name(), DataType::Timestamp(TimeUnit::Microsecond, zone), field.is_nullable())
            } else {
                field.as_ref().clone()
            }
        })
        .collect();
    let loaded = if int96.is_empty() {
        loaded
    } else {
        ArrowReaderMetadata::try_new(metadata.clone(), options().with_schema(Arc::new(Schema::new(fields))))
            .map_err(|cause| corrupt(&cause))?
    };
    let wanted: Vec<usize> = leaf_of.iter().flatten().copied().collect();
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), loaded);
    let mask = ProjectionMask::leaves(builder.parquet_schema(), wanted.iter().copied());
    let reader = builder.with_projection(mask).with_batch_size(DECODE_ROWS).build().map_err(|cause| corrupt(&cause))?;
    let mut sorted = wanted.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let columns =
        leaf_of.iter().map(|leaf| leaf.and_then(|leaf| sorted.iter().position(|&other| other == leaf))).collect();
    Ok((reader, columns))
}

/// A column of another kind refuses the file: it is a change of the export, not a bad record.
fn fits(feed: &Feed, header: &Header<'_>, slot: usize, field: &Field, int96: bool) -> Result<(), Refusal> {
    let Wants::Type(wanted) = header.bound.wants(slot) else { return Ok(()) };
    let name = header.bound.column_of(slot).map_or("divide_by", |column| column.name.as_str());
    let refuse = |reason: Reason, detail: &str| Err(Refusal::new(reason, detail).column(name));
    if int96 && !feed.int96_is_utc && !header.bound.has_zone(slot) {
        return refuse(Reason::UnsupportedParquet, "INT96 instants, and the feed says neither int96_is_utc nor a zone");
    }
    let given = field.data_type();
    let text = matches!(
        given,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Binary | DataType::LargeBinary | DataType::Null
    );
    let number = given.is_integer() || given.is_floating() || matches!(given, DataType::Decimal128(_, _));
    let time = matches!(given, DataType::Date32 | DataType::Timestamp(_, _));
    let fit = text
        || match wanted {
            // Whole numbers are ids as they stand; of a double nobody knows how it was written.
            Type::Text => given.is_integer() || matches!(given, DataType::Decimal128(_, 0)),
            Type::Bool => matches!(given, DataType::Boolean) || given.is_integer(),
            Type::Int | Type::Double => number,
            Type::Date | Type::Timestamp => time || (number && header.bound.takes_numbers(slot)),
        };
    if !fit {
        return refuse(Reason::TypeMismatch, &format!("the file has {given}, the column is {wanted}"));
    }
    // Days need no zone: they are days of the job's.
    let naive = matches!(given, DataType::Timestamp(_, None)) && !int96;
    if wanted == Type::Timestamp && naive && !header.bound.has_zone(slot) {
        return refuse(Reason::TsNoTimezone, "local times, and the feed declares no zone");
    }
    Ok(())
}

struct Row<'a> {
    arrays: &'a [Option<&'a ArrayRef>],
    row: usize,
}

impl Record for Row<'_> {
    fn cell(&self, slot: usize) -> Cell<'_> {
        match self.arrays[slot] {
            None => Cell::Missing,
            Some(array) => cell(array, self.row),
        }
    }
}

fn cell(array: &ArrayRef, row: usize) -> Cell<'_> {
    if array.is_null(row) {
        return Cell::Null;
    }
    let at = |micros: Option<i64>, utc: bool| match (micros, utc) {
        // Out of the range of microseconds is out of every range.
        (None, _) => Cell::Instant(i64::MAX),
        (Some(micros), true) => Cell::Instant(micros),
        (Some(micros), false) => Cell::Local(micros),
    };
    match array.data_type() {
        DataType::Utf8 => Cell::Text(array.as_string::<i32>().value(row).as_bytes()),
        DataType::LargeUtf8 => Cell::Text(array.as_string::<i64>().value(row).as_bytes()),
        DataType::Binary => Cell::Text(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Cell::Text(array.as_binary::<i64>().value(row)),
        DataType::Boolean => Cell::Bool(array.as_boolean().value(row)),
        DataType::Int8 => Cell::Int(array.as_primitive::<Int8Type>().value(row).into()),
        DataType::Int16 => Cell::Int(array.as_primitive::<Int16Type>().value(row).into()),
        DataType::Int32 => Cell::Int(array.as_primitive::<Int32Type>().value(row).into()),
        DataType::Int64 => Cell::Int(array.as_primitive::<Int64Type>().value(row)),
        DataType::UInt8 => Cell::UInt(array.as_primitive::<UInt8Type>().value(row).into()),
        DataType::UInt16 => Cell::UInt(array.as_primitive::<UInt16Type>().value(row).into()),
        DataType::UInt32 => Cell::UInt(array.as_primitive::<UInt32Type>().value(row).into()),
        DataType::UInt64 => Cell::UInt(array.as_primitive::<UInt64Type>().value(row)),
        DataType::Float32 => Cell::Double(array.as_primitive::<Float32Type>().value(row).into()),
        DataType::Float64 => Cell::Double(array.as_primitive::<Float64Type>().value(row)),
        DataType::Decimal128(_, scale) => {
            let value = array.as_primitive::<Decimal128Type>().value(row);
            match (i64::try_from(value), *scale) {
                (Ok(value), 0) => Cell::Int(value),
                (Err(_), 0) => Cell::Big(value),
                (_, scale) => Cell::Double(value as f64 / 10f64.powi(i32::from(scale))),
            }
        }
        DataType::Date32 => Cell::Date(array.as_primitive::<Date32Type>().value(row)),
        DataType::Timestamp(unit, zone) => {
            let micros = match unit {
                TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row).checked_mul(1_000_000),
                TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(row).checked_mul(1_000),
                TimeUnit::Microsecond => Some(array.as_primitive::<TimestampMicrosecondType>().value(row)),
                TimeUnit::Nanosecond => {
                    Some(array.as_primitive::<TimestampNanosecondType>().value(row).div_euclid(1_000))
                }
            };
            at(micros, zone.is_some())
        }
        DataType::Null => Cell::Null,
        _ => Cell::Nested,
    }
}
