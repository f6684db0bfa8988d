//! One file of many, for `latest/`: a table of moderate size becomes one row group, a large one keeps those of its files.

use std::collections::BTreeMap;

use arrow::compute::{SortColumn, SortOptions, concat_batches, lexsort_to_indices, take_record_batch};
use bytes::Bytes;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};

use super::{Codec, ColumnMeta, Error, FileMeta, Result, Text, decode, encode, splice, unreadable};

/// Up to so many rows a table is encoded anew, in half a second at most. Beyond, a nightly would pay for all of its history;
/// the files then hold tens of thousands of rows each, which readers take well.
const ONE_GROUP_ROWS: i64 = 250_000;

/// The rows of all files in the order of the table, with the metadata of the last file and `extra`.
///
/// # Errors
/// A file cannot be read, or the files have different columns.
pub fn join(files: &[Bytes], extra: &BTreeMap<String, String>) -> Result<Bytes> {
    let (Some(last), 2..) = (files.last(), files.len()) else { return splice(files, extra) };
    let mut rows = 0;
    for file in files {
        let metadata = ArrowReaderMetadata::load(file, ArrowReaderOptions::new()).map_err(|e| unreadable(&e))?;
        rows += metadata.metadata().file_metadata().num_rows();
    }
    if rows > ONE_GROUP_ROWS {
        return splice(files, extra);
    }
    let meta = FileMeta::of(last, extra)?;
    let schema = meta.schema();
    let mut batches = Vec::new();
    for file in files {
        batches.extend(decode(file, None, Text::Plain)?);
    }
    let differs = |batch: &&arrow::record_batch::RecordBatch| batch.schema().fields().len() != schema.fields().len();
    if let Some(other) = batches.iter().find(differs) {
        let (a, b) = (other.num_columns(), schema.fields().len());
        let reason = format!("its files have different columns ({a} and {b})");
        return Err(Error::Encode { table: meta.table, reason });
    }
    let failed = |e: arrow::error::ArrowError| Error::Encode { table: meta.table.clone(), reason: e.to_string() };
    let all = concat_batches(&batches[0].schema(), &batches).map_err(failed)?;
    let columns: Vec<SortColumn> = meta
        .sort
        .iter()
        .filter_map(|name| Some(SortColumn { values: all.column_by_name(name)?.clone(), options: Some(ASCENDING) }))
        .collect();
    if columns.is_empty() {
        return encode(&[all], &meta);
    }
    let order = lexsort_to_indices(&columns, None).map_err(failed)?;
    encode(&[take_record_batch(&all, &order).map_err(failed)?], &meta)
}

const ASCENDING: SortOptions = SortOptions { descending: false, nulls_first: true };

impl FileMeta {
    /// What one of our own files says about itself, with `extra` put over it.
    fn of(file: &Bytes, extra: &BTreeMap<String, String>) -> Result<FileMeta> {
        let metadata = ArrowReaderMetadata::load(file, ArrowReaderOptions::new()).map_err(|e| unreadable(&e))?;
        let footer = metadata.metadata().file_metadata();
        let said = footer.key_value_metadata().into_iter().flatten();
        let mut said: BTreeMap<String, String> =
            said.filter_map(|pair| Some((pair.key.clone(), pair.value.clone()?))).collect();
        said.remove("ARROW:schema");
        let mut take = |key: &str| said.remove(key).unwrap_or_default();
        let (table, description, contract_hash) =
            (take("uptake.table"), take("uptake.description"), take("uptake.contract_hash"));
        said.extend(extra.clone());
        let columns: Vec<ColumnMeta> = metadata
            .schema()
            .fields()
            .iter()
            .map(|field| ColumnMeta {
                name: field.name().clone(),
                data_type: field.data_type().clone(),
                nullable: field.is_nullable(),
                description: field.metadata().get("description").cloned().unwrap_or_default(),
                unit: field.metadata().get("unit").cloned(),
            })
            .collect();
        let sorting = metadata.metadata().row_groups().first().and_then(|group| group.sorting_columns());
        let sort = sorting.into_iter().flatten();
        let sort =
            sort.filter_map(|by| Some(columns.get(usize::try_from(by.column_idx).ok()?)?.name.clone())).collect();
        Ok(FileMeta { table, description, contract_hash, columns, sort, extra: said, codec: Codec::Zstd })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Footer, example, footer_of_tail};
    use super::*;

    fn extra() -> BTreeMap<String, String> {
        BTreeMap::from([("uptake.snapshot_id".to_owned(), "7-abc".to_owned())])
    }

    fn row_groups(file: &Bytes) -> Vec<i64> {
        let metadata = ArrowReaderMetadata::load(file, ArrowReaderOptions::new()).unwrap();
        metadata.metadata().row_groups().iter().map(|group| group.num_rows()).collect()
    }

    #[test]
    fn a_table_of_moderate_size_is_one_row_group_in_the_order_of_its_key() {
        let part = |from, to| encode(&[example::rows(from, to)], &example::meta()).unwrap();
        let joined = join(&[part(500, 900), part(0, 500)], &extra()).unwrap();
        assert_eq!(row_groups(&joined), [900]);
        let back = decode(&joined, None, Text::Plain).unwrap();
        assert_eq!(back[0].columns(), example::rows(0, 900).columns());
        assert_eq!(back[0].schema().field(2).metadata()["unit"], "people");
        let Footer::Metadata(said) = footer_of_tail(&joined).unwrap() else { panic!() };
        assert_eq!((&*said["uptake.table"], &*said["uptake.snapshot_id"]), ("marts/example", "7-abc"));
        // Encoded in one piece with the same metadata it has the same bytes.
        let whole = FileMeta { extra: extra(), ..example::meta() };
        assert_eq!(joined, encode(&[example::rows(0, 900)], &whole).unwrap());
    }

    #[test]
    fn a_large_table_keeps_the_row_groups_of_its_files() {
        let part = |from, to| encode(&[example::rows(from, to)], &example::meta()).unwrap();
        let joined = join(&[part(0, 200_000), part(200_000, 300_000)], &extra()).unwrap();
        assert_eq!(row_groups(&joined), [200_000, 100_000]);
    }
}
