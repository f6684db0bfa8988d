//! Reading our own files back.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaDataReader};

use super::{Result, unreadable};

/// Rows a batch when reading back.
const BATCH_ROWS: usize = 1 << 17;
/// Rows a batch where only some of them are kept.
const WIDE_BATCH_ROWS: usize = 1 << 12;

/// How text columns are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text<'a> {
    /// As Utf8.
    Plain,
    /// As Dictionary(Int32, Utf8): each word once a batch, which makes joins and groupings later on fast.
    Dictionary,
    /// As dictionaries, except these columns: keys, whose words are all different.
    DictionaryExcept(&'a [&'a str]),
}

/// The rows of one of our own files: all columns, or those named, in the order named. At least one batch, be it empty, so that
/// the schema is there.
pub fn decode(file: &Bytes, columns: Option<&[&str]>, text: Text<'_>) -> Result<Vec<RecordBatch>> {
    let mut metadata = ArrowReaderMetadata::load(file, ArrowReaderOptions::new()).map_err(|e| unreadable(&e))?;
    let plain: &[&str] = match text {
        Text::DictionaryExcept(columns) => columns,
        Text::Plain | Text::Dictionary => &[],
    };
    if text != Text::Plain {
        let options = ArrowReaderOptions::new().with_schema(with_dictionaries(metadata.schema(), plain));
        metadata =
            ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).map_err(|e| unreadable(&e))?;
    }
    let schema = Arc::clone(metadata.schema());
    let indices = indices(&schema, columns)?;
    let mask = ProjectionMask::roots(metadata.metadata().file_metadata().schema_descr(), indices.iter().copied());
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata)
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|e| unreadable(&e))?;

    // The reader keeps the file's order; put the columns where they were asked for.
    let mut in_file_order = indices.clone();
    in_file_order.sort_unstable();
    in_file_order.dedup();
    let positions: Vec<usize> = indices.iter().filter_map(|index| in_file_order.binary_search(index).ok()).collect();
    let mut batches = Vec::new();
    for batch in reader {
        batches.push(batch.and_then(|batch| batch.project(&positions)).map_err(|e| unreadable(&e))?);
    }
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(Arc::new(schema.project(&indices).map_err(|e| unreadable(&e))?)));
    }
    Ok(batches)
}

/// The names of a file's columns, in its order.
pub fn column_names(file: &Bytes) -> Result<Vec<String>> {
    let metadata = ArrowReaderMetadata::load(file, ArrowReaderOptions::new()).map_err(|e| unreadable(&e))?;
    Ok(metadata.schema().fields().iter().map(|field| field.name().clone()).collect())
}

/// The rows of a file for which `keep` says so, a few thousand at a time: of a table with a wide column no more is ever held than
/// what is kept. Text is plain.
pub fn decode_where(
    file: &Bytes,
    columns: &[&str],
    keep: &mut dyn FnMut(&RecordBatch) -> BooleanArray,
) -> Result<Vec<RecordBatch>> {
    let metadata = ArrowReaderMetadata::load(file, ArrowReaderOptions::new()).map_err(|e| unreadable(&e))?;
    let mask = ProjectionMask::roots(
        metadata.metadata().file_metadata().schema_descr(),
        indices(metadata.schema(), Some(columns))?,
    );
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata)
        .with_projection(mask)
        .with_batch_size(WIDE_BATCH_ROWS)
        .build()
        .map_err(|e| unreadable(&e))?;
    let mut kept = Vec::new();
    for batch in reader {
        let batch = batch.map_err(|e| unreadable(&e))?;
        let rows = filter_record_batch(&batch, &keep(&batch)).map_err(|e| unreadable(&e))?;
        if rows.num_rows() > 0 {
            kept.push(rows);
        }
    }
    Ok(kept)
}

fn indices(schema: &Schema, columns: Option<&[&str]>) -> Result<Vec<usize>> {
    match columns {
        None => Ok((0..schema.fields().len()).collect()),
        Some(names) => names
            .iter()
            .map(|name| schema.index_of(name))
            .collect::<std::result::Result<_, _>>()
            .map_err(|e| unreadable(&e)),
    }
}

/// What the end of a file tells.
#[derive(Debug, PartialEq, Eq)]
pub enum Footer {
    /// The file's key-value metadata.
    Metadata(BTreeMap<String, String>),
    /// The footer is longer: this many bytes from the end are needed.
    NeedsBytes(u64),
}

/// Reads the metadata of a file from its last bytes.
pub fn footer_of_tail(tail: &Bytes) -> Result<Footer> {
    let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Skip);
    // As if the file were longer than any tail, so that a short one is a question and not an error.
    match reader.try_parse_sized(tail, u64::MAX).and_then(|()| reader.finish()) {
        Ok(metadata) => {
            let pairs = metadata.file_metadata().key_value_metadata().into_iter().flatten();
            Ok(Footer::Metadata(pairs.filter_map(|kv| Some((kv.key.clone(), kv.value.clone()?))).collect()))
        }
        Err(ParquetError::NeedMoreData(needed)) => Ok(Footer::NeedsBytes(needed as u64)),
        Err(error) => Err(unreadable(&error)),
    }
}

fn with_dictionaries(schema: &SchemaRef, except: &[&str]) -> SchemaRef {
    let words = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Utf8 if !except.contains(&field.name().as_str()) => {
            Arc::new(field.as_ref().clone().with_data_type(words.clone()))
        }
        _ => Arc::clone(field),
    };
    Arc::new(Schema::new_with_metadata(
        schema.fields().iter().map(field).collect::<Vec<_>>(),
        schema.metadata().clone(),
    ))
}

#[cfg(test)]
mod tests {
    use super::super::{encode, example};
    use super::*;
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Int32Type;

    #[test]
    fn columns_come_in_the_order_asked_for() {
        let file = encode(&[example::rows(0, 300_000)], &example::meta()).unwrap();
        let back = decode(&file, Some(&["org", "id"]), Text::Plain).unwrap();
        assert_eq!(back.len(), 3);
        assert_eq!(back[0].schema().fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>(), ["org", "id"]);
        assert_eq!(back.iter().map(RecordBatch::num_rows).sum::<usize>(), 300_000);
        let unknown = decode(&file, Some(&["nobody"]), Text::Plain).unwrap_err();
        assert!(unknown.to_string().contains("nobody"), "{unknown}");
    }

    #[test]
    fn of_many_rows_those_that_are_wanted_are_kept_in_their_order() {
        let file = encode(&[example::rows(0, 10_000)], &example::meta()).unwrap();
        let whole = decode(&file, Some(&["id", "org"]), Text::Plain).unwrap();
        let mut seen = 0;
        let mut every_thousandth = |batch: &RecordBatch| {
            let kept = (seen..seen + batch.num_rows()).map(|row| Some(row % 1_000 == 7)).collect();
            seen += batch.num_rows();
            kept
        };
        let kept = decode_where(&file, &["id", "org"], &mut every_thousandth).unwrap();
        let kept = arrow::compute::concat_batches(&kept[0].schema(), &kept).unwrap();
        let wanted: arrow::array::UInt32Array = (0..10).map(|n| Some(n * 1_000 + 7)).collect();
        assert_eq!(kept, arrow::compute::take_record_batch(&whole[0], &wanted).unwrap());
        assert!(decode_where(&file, &["id"], &mut |batch| vec![false; batch.num_rows()].into()).unwrap().is_empty());
    }

    #[test]
    fn text_as_dictionaries_holds_each_word_once() {
        let rows = example::rows(0, 10_000);
        let file = encode(std::slice::from_ref(&rows), &example::meta()).unwrap();
        let back = decode(&file, Some(&["org", "people"]), Text::Dictionary).unwrap();
        let org = back[0].column(0).as_dictionary::<Int32Type>();
        assert_eq!(org.values().len(), 100);
        assert_eq!(&arrow::compute::cast(org, &DataType::Utf8).unwrap(), &rows["org"]);
        assert_eq!(back[0].column(1).data_type(), &DataType::Int64);
        let but_org = decode(&file, Some(&["org"]), Text::DictionaryExcept(&["org"])).unwrap();
        assert_eq!(but_org[0].column(0), &rows["org"]);
    }

    #[test]
    fn a_footer_is_read_from_the_tail_or_asks_for_more() {
        let file = encode(&[example::rows(0, 10)], &example::meta()).unwrap();
        let Footer::NeedsBytes(needed) = footer_of_tail(&file.slice(file.len() - 20..)).unwrap() else { panic!() };
        let tail = file.slice(file.len() - needed as usize..);
        assert!(
            matches!(footer_of_tail(&tail).unwrap(), Footer::Metadata(found) if found["uptake.table"] == "marts/example")
        );
        assert!(footer_of_tail(&Bytes::from_static(b"not a parquet file")).is_err());
    }

    #[test]
    fn a_damaged_file_is_an_error() {
        let file = encode(&[example::rows(0, 1000)], &example::meta()).unwrap();
        assert!(decode(&file.slice(..file.len() - 1), None, Text::Plain).is_err());
        assert!(decode(&Bytes::new(), None, Text::Plain).is_err());
    }
}
