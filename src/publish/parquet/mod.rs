//! Parquet that every reader takes, in bytes that depend on nothing but the rows.
//!
//! Data page v1, zstd, dictionaries where they help, row groups of up to a million rows, statistics and page index (but of texts
//! that small files are not sorted by, see [`Codec::Snappy`]); booleans, int32, int64, double, UTF-8, dates and UTC microseconds. A table explains itself: its description and contract hash are in
//! the file's metadata, descriptions and units of its columns in the Arrow schema that lies there too.

mod encode;
mod join;
mod read;
mod splice;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion};

use super::{Error, Result};

pub use encode::encode;
pub use join::join;
pub use read::{Footer, Text, column_names, decode, decode_where, footer_of_tail};
use splice::splice;

/// What the files say wrote them. Not this program's version: that would give the same rows other bytes with each release.
/// Raised when the encoding changes.
const CREATED_BY: &str = "uptake version 1.0.0 (build parquet-rs)";
/// Rows a row group. Readers prune and parallelise by row group, and a million rows decode within a second.
const ROW_GROUP_ROWS: usize = 1_000_000;
/// A million rows of eleven columns: 30.0 MB in 0.74 s at level 1, 31.8 MB in 1.09 s at level 3 (two cores, dev profile).
const ZSTD_LEVEL: i32 = 1;

/// What a file says about itself.
#[derive(Debug, Clone, PartialEq)]
pub struct FileMeta {
    pub table: String,
    pub description: String,
    pub contract_hash: String,
    pub columns: Vec<ColumnMeta>,
    /// The rows are sorted by these columns, ascending, empty values first. Checked before writing.
    pub sort: Vec<String>,
    /// More metadata of the file, by key.
    pub extra: BTreeMap<String, String>,
    pub codec: Codec,
}

/// How pages are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// For files that BI reads.
    Zstd,
    /// For the many small files that only this program and engines read: a zstd context for each column of each would cost more
    /// than the data. Texts that the rows are not sorted by have no statistics.
    Snappy,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ColumnMeta {
    pub name: String,
    /// Boolean, Int32, Int64, Float64, Utf8, Date32 or Timestamp(Microsecond, "UTC").
    pub data_type: DataType,
    pub nullable: bool,
    pub description: String,
    /// `people`, `share of headcount`, `minutes`; none for names and dates.
    pub unit: Option<String>,
}

impl FileMeta {
    /// The schema a file has, with descriptions and units as field metadata.
    pub fn schema(&self) -> SchemaRef {
        let field = |column: &ColumnMeta| {
            let mut metadata = HashMap::from([("description".to_owned(), column.description.clone())]);
            metadata.extend(column.unit.as_ref().map(|unit| ("unit".to_owned(), unit.clone())));
            Field::new(&column.name, column.data_type.clone(), column.nullable).with_metadata(metadata)
        };
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<_>>()))
    }

    fn key_values(&self) -> Vec<KeyValue> {
        let own = [
            ("uptake.table", &self.table),
            ("uptake.description", &self.description),
            ("uptake.contract_hash", &self.contract_hash),
        ];
        let own = own.into_iter().map(|(key, value)| KeyValue::new(key.to_owned(), value.clone()));
        own.chain(self.extra.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()))).collect()
    }

    fn error(&self, reason: impl ToString) -> Error {
        Error::Encode { table: self.table.clone(), reason: reason.to_string() }
    }
}

/// Everything about the encoding that does not depend on the table.
fn properties(codec: Codec) -> WriterPropertiesBuilder {
    let compression = match codec {
        Codec::Zstd => Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default()),
        Codec::Snappy => Compression::SNAPPY,
    };
    WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(compression)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_created_by(CREATED_BY.to_owned())
}

fn unreadable(reason: &dyn std::fmt::Display) -> Error {
    Error::Damaged { object: "a Parquet file".to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
pub(super) mod example {
    //! A small table with every type, for the tests of this folder.

    use super::*;
    use arrow::array::{
        ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, StringArray,
        TimestampMicrosecondArray,
    };
    use arrow::datatypes::TimeUnit;
    use arrow::record_batch::RecordBatch;

    pub fn meta() -> FileMeta {
        let column = |name: &str, data_type, nullable, unit: Option<&str>| ColumnMeta {
            name: name.into(),
            data_type,
            nullable,
            description: format!("What {name} means."),
            unit: unit.map(str::to_owned),
        };
        FileMeta {
            table: "marts/example".into(),
            description: "One row an id.".into(),
            contract_hash: "c0ffee".into(),
            columns: vec![
                column("id", DataType::Int64, false, None),
                column("org", DataType::Utf8, true, None),
                column("people", DataType::Int64, true, Some("people")),
                column("share", DataType::Float64, true, Some("share of headcount")),
                column("day", DataType::Date32, false, None),
                column("at", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), false, None),
                column("small", DataType::Int32, true, None),
                column("open", DataType::Boolean, true, None),
            ],
            sort: vec!["id".into()],
            extra: BTreeMap::new(),
            codec: Codec::Zstd,
        }
    }

    /// Rows `from..to`, each derived from its id.
    pub fn rows(from: i64, to: i64) -> RecordBatch {
        let some = |i: i64| i % 7 != 0;
        let org = |i: i64| some(i).then(|| format!("unit-{:03}", i % 100));
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from_iter_values(from..to)),
            Arc::new((from..to).map(org).collect::<StringArray>()),
            Arc::new((from..to).map(|i| some(i).then_some(i % 50)).collect::<Int64Array>()),
            Arc::new((from..to).map(|i| some(i).then_some((i as f64).sqrt())).collect::<Float64Array>()),
            Arc::new(Date32Array::from_iter_values((from..to).map(|i| 20_000 + (i % 365) as i32))),
            Arc::new(
                TimestampMicrosecondArray::from_iter_values((from..to).map(|i| i * 1_000_003)).with_timezone("UTC"),
            ),
            Arc::new((from..to).map(|i| some(i).then_some((i % 4) as i32)).collect::<Int32Array>()),
            Arc::new((from..to).map(|i| some(i).then_some(i % 2 == 0)).collect::<BooleanArray>()),
        ];
        RecordBatch::try_new(meta().schema(), arrays).unwrap()
    }
}
