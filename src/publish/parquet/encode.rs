//! From batches to the bytes of a file.

use std::cmp::Ordering;
use std::hash::Hash;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, make_comparator};
use arrow::compute::{CastOptions, SortOptions, cast_with_options, concat_batches};
use arrow::datatypes::{DataType, Date32Type, Field, Int32Type, Int64Type, SchemaRef, TimeUnit};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use bytes::Bytes;
use hashbrown::HashSet;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::EnabledStatistics;
use parquet::schema::types::ColumnPath;

use super::{Codec, FileMeta, ROW_GROUP_ROWS, Result, properties};

/// How many values of a column are looked at to see whether a dictionary would pay.
const SAMPLE: usize = 4096;

/// One Parquet file of these rows, in this order. The same rows give the same bytes, however they are cut into batches.
///
/// Batches must have exactly the columns of `meta`, in any order; string views, large strings and dictionaries become plain
/// strings and narrow integers wide ones. Any other type, a missing value where none may be, and rows out of order are errors.
pub fn encode(batches: &[RecordBatch], meta: &FileMeta) -> Result<Bytes> {
    let schema = meta.schema();
    let batches = batches.iter().map(|batch| conform(batch, &schema, meta)).collect::<Result<Vec<_>>>()?;
    let windows = windows(&batches, &schema).map_err(|e| meta.error(e))?;
    check_sorted(&windows, meta)?;

    let mut properties = properties(meta.codec).set_key_value_metadata(Some(meta.key_values()));
    for (column, field) in schema.fields().iter().enumerate() {
        let pays = windows.first().is_none_or(|window| dictionary_pays(window.column(column)));
        let path = ColumnPath::from(field.name().as_str());
        properties = properties.set_column_dictionary_enabled(path.clone(), pays);
        // Bounds of texts that the rows are not sorted by prune nothing, and in a small file there is nothing to prune: comparing them
        // was a sixth of writing a day.
        if meta.codec == Codec::Snappy && *field.data_type() == DataType::Utf8 && !meta.sort.contains(field.name()) {
            properties = properties.set_column_statistics_enabled(path, EnabledStatistics::None);
        }
    }
    let properties = properties.set_sorting_columns(sorting_columns(meta)?).build();

    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties)).map_err(|e| meta.error(e))?;
    for window in &windows {
        writer.write(window).and_then(|()| writer.flush()).map_err(|e| meta.error(e))?;
    }
    Ok(writer.into_inner().map_err(|e| meta.error(e))?.into())
}

fn sorting_columns(meta: &FileMeta) -> Result<Option<Vec<SortingColumn>>> {
    let position = |name: &String| {
        let found = meta.columns.iter().position(|column| column.name == *name);
        let index = found.and_then(|index| i32::try_from(index).ok());
        index.ok_or_else(|| meta.error(format!("it is sorted by {name}, which is no column of it")))
    };
    let sorted = meta
        .sort
        .iter()
        .map(|name| Ok(SortingColumn { column_idx: position(name)?, descending: false, nulls_first: true }));
    let sorted = sorted.collect::<Result<Vec<_>>>()?;
    Ok(Some(sorted).filter(|sorted| !sorted.is_empty()))
}

/// The batch with exactly the columns and types of the schema.
fn conform(batch: &RecordBatch, schema: &SchemaRef, meta: &FileMeta) -> Result<RecordBatch> {
    let given = batch.schema();
    if let Some(extra) = given.fields().iter().find(|field| schema.index_of(field.name()).is_err()) {
        return Err(meta.error(format!("column {} is not in its contract", extra.name())));
    }
    let column = |field: &Arc<Field>| {
        let name = field.name();
        let array = batch.column_by_name(name).ok_or_else(|| meta.error(format!("column {name} is missing")))?;
        let array = cast(array, field.data_type()).map_err(|reason| meta.error(format!("column {name} {reason}")))?;
        if !field.is_nullable() && array.null_count() > 0 {
            return Err(
                meta.error(format!("column {name} has {} missing values and may have none", array.null_count()))
            );
        }
        Ok(array)
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(|e| meta.error(e))
}

/// Only casts that keep the value: a fraction must not become a count on the way out.
fn cast(array: &ArrayRef, to: &DataType) -> std::result::Result<ArrayRef, String> {
    use DataType::{
        Boolean, Date32, Dictionary, Float32, Float64, Int8, Int16, Int32, Int64, LargeUtf8, Null, Timestamp, UInt8,
        UInt16, UInt32, UInt64, Utf8, Utf8View,
    };
    let from = array.data_type();
    let allowed = match (from, to) {
        (_, Boolean | Int32 | Int64 | Float64 | Utf8 | Date32) if from == to || *from == Null => true,
        (Utf8View | LargeUtf8, Utf8) | (Float32, Float64) => true,
        (Dictionary(_, words), Utf8) => matches!(**words, Utf8 | Utf8View | LargeUtf8),
        (Int8 | Int16 | UInt8 | UInt16, Int32) | (Int8 | Int16 | Int32 | UInt8 | UInt16 | UInt32 | UInt64, Int64) => {
            true
        }
        (
            Timestamp(TimeUnit::Millisecond | TimeUnit::Microsecond, _) | Null,
            Timestamp(TimeUnit::Microsecond, Some(zone)),
        ) => &**zone == "UTC",
        _ => false,
    };
    if !allowed {
        return Err(format!("is {from} and should be {to}"));
    }
    if from == to {
        return Ok(Arc::clone(array));
    }
    // A value that does not fit is an error, never a silent null.
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(array, to, &strict).map_err(|e| e.to_string())
}

/// The rows cut into row groups. Pages end where batches do, so the cut must not depend on how the rows arrived.
fn windows(
    batches: &[RecordBatch],
    schema: &SchemaRef,
) -> std::result::Result<Vec<RecordBatch>, arrow::error::ArrowError> {
    let mut windows = Vec::new();
    let mut pending: Vec<RecordBatch> = Vec::new();
    let mut rows = 0;
    for batch in batches {
        let mut offset = 0;
        while offset < batch.num_rows() {
            let take = (batch.num_rows() - offset).min(ROW_GROUP_ROWS - rows);
            pending.push(batch.slice(offset, take));
            (offset, rows) = (offset + take, rows + take);
            if rows == ROW_GROUP_ROWS {
                windows.push(concat_batches(schema, &pending)?);
                pending.clear();
                rows = 0;
            }
        }
    }
    if rows > 0 {
        windows.push(concat_batches(schema, &pending)?);
    }
    Ok(windows)
}

/// Readers skip pages on the strength of this order, so it is checked and not believed.
fn check_sorted(windows: &[RecordBatch], meta: &FileMeta) -> Result<()> {
    let by: Vec<&str> = meta.sort.iter().map(String::as_str).collect();
    let mut before: Option<RecordBatch> = None;
    for window in windows {
        if let Some(before) = &before {
            ordered(before, window, &by, std::iter::once((0, 0)), meta)?;
        }
        ordered(window, window, &by, (1..window.num_rows()).map(|row| (row - 1, row)), meta)?;
        before = Some(window.slice(window.num_rows() - 1, 1));
    }
    Ok(())
}

fn ordered(
    left: &RecordBatch,
    right: &RecordBatch,
    by: &[&str],
    pairs: impl Iterator<Item = (usize, usize)>,
    meta: &FileMeta,
) -> Result<()> {
    let options = SortOptions { descending: false, nulls_first: true };
    let comparator = |name: &&str| {
        let missing = || meta.error(format!("it is sorted by {name}, which is no column of it"));
        let (a, b) = (left.column_by_name(name).ok_or_else(missing)?, right.column_by_name(name).ok_or_else(missing)?);
        make_comparator(a, b, options).map_err(|e| meta.error(e))
    };
    let comparators = by.iter().map(comparator).collect::<Result<Vec<_>>>()?;
    let compare = |i, j| comparators.iter().map(|c| c(i, j)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal);
    for (i, j) in pairs {
        if compare(i, j).is_gt() {
            return Err(meta.error(format!("row {j} of a row group is not in the order of {}", by.join(", "))));
        }
    }
    Ok(())
}

/// Dictionaries help what repeats. Unique texts, integers, doubles and instants only grow by them (measured: twice), and take longer to
/// write.
fn dictionary_pays(array: &ArrayRef) -> bool {
    fn repeats<T: Eq + Hash>(rows: usize, value: impl Fn(usize) -> Option<T>) -> bool {
        let sample = rows.min(SAMPLE);
        // Spread over all rows: sorted columns repeat near by and not further off.
        let distinct: HashSet<T> = (0..sample).filter_map(|i| value(i * rows / sample)).collect();
        distinct.len() * 2 <= sample
    }
    let rows = array.len();
    match array.data_type() {
        DataType::Utf8 => {
            let values = array.as_string::<i32>();
            repeats(rows, |i| values.is_valid(i).then(|| values.value(i)))
        }
        DataType::Int64 => {
            let values = array.as_primitive::<Int64Type>();
            repeats(rows, |i| values.is_valid(i).then(|| values.value(i)))
        }
        DataType::Int32 => {
            let values = array.as_primitive::<Int32Type>();
            repeats(rows, |i| values.is_valid(i).then(|| values.value(i)))
        }
        DataType::Date32 => {
            let values = array.as_primitive::<Date32Type>();
            repeats(rows, |i| values.is_valid(i).then(|| values.value(i)))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Footer, Text, decode, example, footer_of_tail};
    use super::*;
    use crate::publish::commit::hex_sha256;
    use arrow::array::{
        DictionaryArray, Float64Array, Int64Array, LargeStringArray, NullArray, StringArray, StringViewArray,
        UInt32Array,
    };
    use parquet::basic::Encoding;
    use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};

    fn footer(file: &Bytes) -> ParquetMetaData {
        ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required).parse_and_finish(file).unwrap()
    }

    fn refusal(batch: &RecordBatch, meta: &FileMeta) -> String {
        encode(std::slice::from_ref(batch), meta).unwrap_err().to_string()
    }

    fn swap(batch: &RecordBatch, name: &str, array: ArrayRef) -> RecordBatch {
        let schema = batch.schema();
        let columns = schema.fields().iter().zip(batch.columns());
        let columns =
            columns.map(|(f, c)| (f.name().clone(), if f.name() == name { array.clone() } else { c.clone() }));
        RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap()
    }

    #[test]
    fn rows_come_back_with_their_types_descriptions_and_units() {
        let (meta, rows) = (example::meta(), example::rows(0, 1000));
        let file = encode(std::slice::from_ref(&rows), &meta).unwrap();
        let back = decode(&file, None, Text::Plain).unwrap();
        assert_eq!(concat_batches(&back[0].schema(), &back).unwrap().columns(), rows.columns());
        let people = back[0].schema().field_with_name("people").unwrap().clone();
        assert_eq!((&*people.metadata()["description"], &*people.metadata()["unit"]), ("What people means.", "people"));
        let Footer::Metadata(found) = footer_of_tail(&file).unwrap() else { panic!() };
        assert_eq!((&*found["uptake.table"], &*found["uptake.contract_hash"]), ("marts/example", "c0ffee"));
    }

    #[test]
    fn bytes_do_not_depend_on_batches_column_order_or_the_kind_of_string() {
        let (meta, rows) = (example::meta(), example::rows(0, 50_000));
        let hash = |batches: &[RecordBatch]| hex_sha256(&encode(batches, &meta).unwrap());
        let whole = hash(std::slice::from_ref(&rows));
        let cut: Vec<RecordBatch> = (0..50_000).step_by(777).map(|i| rows.slice(i, 777.min(50_000 - i))).collect();
        assert_eq!(hash(&cut), whole);
        let reversed: Vec<usize> = (0..rows.num_columns()).rev().collect();
        assert_eq!(hash(&[rows.project(&reversed).unwrap()]), whole);
        let words = rows["org"].as_string::<i32>();
        let kinds: [ArrayRef; 3] = [
            Arc::new(words.iter().collect::<StringViewArray>()),
            Arc::new(words.iter().collect::<LargeStringArray>()),
            Arc::new(words.iter().collect::<DictionaryArray<Int32Type>>()),
        ];
        assert!(kinds.into_iter().all(|kind| hash(&[swap(&rows, "org", kind)]) == whole));
        // Hash maps have another order each time; metadata must not.
        assert!((0..20).all(|_| hash(std::slice::from_ref(&rows)) == whole));
    }

    #[test]
    fn the_file_is_one_that_every_reader_takes() {
        let file = encode(&[example::rows(0, 50_000)], &example::meta()).unwrap();
        let footer = footer(&file);
        assert_eq!((footer.num_row_groups(), footer.file_metadata().version()), (1, 1));
        assert_eq!(footer.file_metadata().created_by(), Some(super::super::CREATED_BY));
        let group = footer.row_group(0);
        assert_eq!(
            group.sorting_columns().unwrap(),
            &vec![SortingColumn { column_idx: 0, descending: false, nulls_first: true }]
        );
        let dictionaries: Vec<bool> = group.columns().iter().map(|c| c.dictionary_page_offset().is_some()).collect();
        //                         id     org   people share  day   at     small open
        assert_eq!(dictionaries, [false, true, true, false, true, false, true, false]);
        let modern = |c: &parquet::file::metadata::ColumnChunkMetaData| {
            c.encodings().any(|e| matches!(e, Encoding::DELTA_BINARY_PACKED | Encoding::DELTA_BYTE_ARRAY))
        };
        assert!(!group.columns().iter().any(modern), "data page v1 encodings only");
        assert!(
            group
                .columns()
                .iter()
                .all(|c| c.statistics().is_some() && matches!(c.compression(), parquet::basic::Compression::ZSTD(_)))
        );
    }

    #[test]
    fn texts_that_small_files_are_not_sorted_by_have_no_bounds_and_all_else_has() {
        let meta = FileMeta { codec: Codec::Snappy, ..example::meta() };
        let file = encode(&[example::rows(0, 50_000)], &meta).unwrap();
        let footer = footer(&file);
        let bare = footer.row_group(0).columns().iter().filter(|c| c.statistics().is_none());
        assert_eq!(bare.map(|c| c.column_path().string()).collect::<Vec<_>>(), ["org"]);
    }

    #[test]
    fn row_groups_hold_a_million_rows() {
        let meta = FileMeta { columns: example::meta().columns[..1].to_vec(), ..example::meta() };
        let ids = |r: std::ops::Range<i64>| {
            RecordBatch::try_new(meta.schema(), vec![Arc::new(Int64Array::from_iter_values(r))]).unwrap()
        };
        let file = encode(&[ids(0..700_000), ids(700_000..2_000_001)], &meta).unwrap();
        let rows: Vec<i64> = footer(&file).row_groups().iter().map(|g| g.num_rows()).collect();
        assert_eq!(rows, [1_000_000, 1_000_000, 1]);
    }

    #[test]
    fn no_rows_still_make_a_file_with_a_schema() {
        let file = encode(&[], &example::meta()).unwrap();
        let back = decode(&file, Some(&["people"]), Text::Dictionary).unwrap();
        assert_eq!((back.len(), back[0].num_rows(), back[0].num_columns()), (1, 0, 1));
        let with_empty_batch = encode(&[example::rows(0, 0)], &example::meta()).unwrap();
        assert_eq!(with_empty_batch, file);
    }

    #[test]
    fn counts_widen_and_nothing_narrows() {
        let (meta, rows) = (example::meta(), example::rows(0, 3));
        let wide = swap(&rows, "people", Arc::new(UInt32Array::from(vec![7, u32::MAX, 9])));
        let back = decode(&encode(&[wide], &meta).unwrap(), Some(&["people"]), Text::Plain).unwrap();
        assert_eq!(back[0].column(0).as_primitive::<Int64Type>().values(), &[7, 4_294_967_295, 9]);
        let fraction = swap(&rows, "people", Arc::new(Float64Array::from(vec![1.5, 2.0, 3.0])));
        assert!(refusal(&fraction, &meta).ends_with("column people is Float64 and should be Int64"));
        let text = swap(&rows, "people", Arc::new(StringArray::from(vec!["1", "2", "3"])));
        assert!(refusal(&text, &meta).ends_with("column people is Utf8 and should be Int64"));
        let empty = swap(&rows, "org", Arc::new(NullArray::new(3)));
        assert_eq!(
            decode(&encode(&[empty], &meta).unwrap(), Some(&["org"]), Text::Plain).unwrap()[0].column(0).null_count(),
            3
        );
    }

    #[test]
    fn what_disagrees_with_the_contract_is_named() {
        let (meta, rows) = (example::meta(), example::rows(0, 3));
        assert!(refusal(&rows.project(&[0, 1]).unwrap(), &meta).ends_with("column people is missing"));
        let less = FileMeta { columns: meta.columns[..7].to_vec(), ..meta.clone() };
        assert!(refusal(&rows, &less).ends_with("column open is not in its contract"));
        let hole = swap(&rows, "id", Arc::new(Int64Array::from(vec![Some(1), None, Some(3)])));
        assert!(refusal(&hole, &meta).ends_with("column id has 1 missing values and may have none"));
    }

    #[test]
    fn rows_out_of_order_are_refused_within_and_between_row_groups() {
        let meta = FileMeta { sort: vec!["small".into(), "id".into()], ..example::meta() };
        assert!(refusal(&example::rows(1, 6), &meta).contains("not in the order of small, id"));
        encode(&[example::rows(1, 4)], &meta).unwrap();
        let ids = FileMeta { columns: example::meta().columns[..1].to_vec(), ..example::meta() };
        let of = |r: std::ops::Range<i64>| {
            RecordBatch::try_new(ids.schema(), vec![Arc::new(Int64Array::from_iter_values(r))]).unwrap()
        };
        encode(&[of(0..1_000_000), of(1_000_000..1_000_002)], &ids).unwrap();
        assert!(encode(&[of(0..1_000_000), of(999_998..1_000_002)], &ids).is_err());
    }
}
