//! One file of many, for `latest/`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::writer::SerializedFileWriter;

use super::{Codec, Error, Result, properties, unreadable};

/// One file of many, row group by row group, without decoding a page. All must have the same columns. Metadata is that of the
/// last file, with `extra` added.
pub fn splice(files: &[Bytes], extra: &BTreeMap<String, String>) -> Result<Bytes> {
    let read = |file: &Bytes| {
        let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
        reader.parse_and_finish(file).map_err(|e| unreadable(&e))
    };
    let metadata: Vec<ParquetMetaData> = files.iter().map(read).collect::<Result<_>>()?;
    let Some(last) = metadata.last().map(ParquetMetaData::file_metadata) else {
        return Err(unreadable(&"no files to put together"));
    };
    let root = last.schema_descr().root_schema_ptr();
    if let Some(other) = metadata.iter().find(|other| other.file_metadata().schema_descr().root_schema() != &*root) {
        let (a, b) = (other.file_metadata().schema_descr(), last.schema_descr());
        let reason = format!(
            "its files have different columns ({} and {}, or of other types)",
            a.num_columns(),
            b.num_columns()
        );
        return Err(Error::Encode { table: String::new(), reason });
    }
    let kept = last.key_value_metadata().into_iter().flatten().filter(|kv| !extra.contains_key(&kv.key)).cloned();
    let added = extra.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let mut row_groups = metadata.iter().flat_map(ParquetMetaData::row_groups);
    let sorting = row_groups.next().and_then(|first| first.sorting_columns().cloned());
    let sorting = sorting.filter(|sorting| row_groups.all(|other| other.sorting_columns() == Some(sorting)));
    let properties = properties(Codec::Zstd)
        .set_key_value_metadata(Some(kept.chain(added).collect()))
        .set_sorting_columns(sorting)
        .build();

    let mut writer = SerializedFileWriter::new(Vec::new(), root, Arc::new(properties)).map_err(|e| unreadable(&e))?;
    for (file, metadata) in files.iter().zip(&metadata) {
        append(&mut writer, file, metadata).map_err(|e| unreadable(&e))?;
    }
    Ok(writer.into_inner().map_err(|e| unreadable(&e))?.into())
}

fn append(
    writer: &mut SerializedFileWriter<Vec<u8>>,
    file: &Bytes,
    metadata: &ParquetMetaData,
) -> std::result::Result<(), ParquetError> {
    for (index, row_group) in metadata.row_groups().iter().enumerate() {
        let pages = metadata.page_index_for_row_group(index);
        let mut target = writer.next_row_group()?;
        for (column, chunk) in row_group.columns().iter().enumerate() {
            let close = ColumnCloseResult {
                bytes_written: u64::try_from(chunk.compressed_size()).unwrap_or_default(),
                rows_written: u64::try_from(row_group.num_rows()).unwrap_or_default(),
                metadata: chunk.clone(),
                bloom_filter: None,
                column_index: pages.column_index(column).cloned(),
                offset_index: pages.offset_index(column).cloned(),
            };
            target.append_column(file, close)?;
        }
        target.close()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{FileMeta, Footer, Text, decode, encode, example, footer_of_tail};
    use super::*;
    use arrow::compute::concat_batches;

    fn extra() -> BTreeMap<String, String> {
        BTreeMap::from([("uptake.snapshot_id".to_owned(), "7-abc".to_owned())])
    }

    #[test]
    fn many_files_become_one_with_all_their_rows_and_indexes() {
        let meta = example::meta();
        let parts =
            [(0, 1000), (1000, 1000), (1000, 60_000)].map(|(a, b)| encode(&[example::rows(a, b)], &meta).unwrap());
        let whole = splice(&parts, &extra()).unwrap();
        let back = decode(&whole, None, Text::Plain).unwrap();
        assert_eq!(concat_batches(&back[0].schema(), &back).unwrap().columns(), example::rows(0, 60_000).columns());

        let footer = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Required)
            .parse_and_finish(&whole)
            .unwrap();
        assert_eq!(footer.row_groups().iter().map(|g| g.num_rows()).collect::<Vec<_>>(), [1000, 59_000]);
        // Each page of the last chunk is found where the moved offset index says it is.
        let source = ParquetMetaDataReader::new()
            .with_page_index_policy(PageIndexPolicy::Required)
            .parse_and_finish(&parts[2])
            .unwrap();
        let (from, to) = (source.page_index_for_row_group(0), footer.page_index_for_row_group(1));
        for column in 0..8 {
            let (from, to) = (from.offset_index(column).unwrap(), to.offset_index(column).unwrap());
            for (a, b) in from.page_locations().iter().zip(to.page_locations()) {
                let bytes = |file: &Bytes, at: i64, n: i32| file.slice(at as usize..at as usize + n as usize);
                assert_eq!(
                    bytes(&parts[2], a.offset, a.compressed_page_size),
                    bytes(&whole, b.offset, b.compressed_page_size)
                );
            }
        }
        assert!(footer.row_groups().iter().all(|g| g.sorting_columns().is_some()));
    }

    #[test]
    fn the_table_still_explains_itself_and_says_which_snapshot_it_shows() {
        let part = encode(&[example::rows(0, 10)], &example::meta()).unwrap();
        let once = splice(std::slice::from_ref(&part), &extra()).unwrap();
        let twice = splice(std::slice::from_ref(&once), &extra()).unwrap();
        assert_eq!(once, twice, "metadata is replaced, not heaped up");
        let Footer::Metadata(found) = footer_of_tail(&once).unwrap() else { panic!() };
        assert_eq!((&*found["uptake.table"], &*found["uptake.snapshot_id"]), ("marts/example", "7-abc"));
        let schema = decode(&once, None, Text::Plain).unwrap()[0].schema();
        assert_eq!(schema.field(2).metadata()["unit"], "people");
    }

    #[test]
    fn files_of_another_schema_are_refused() {
        let narrow = FileMeta { columns: example::meta().columns[..2].to_vec(), ..example::meta() };
        let a = encode(&[example::rows(0, 10)], &example::meta()).unwrap();
        let b = encode(&[example::rows(0, 10).project(&[0, 1]).unwrap()], &narrow).unwrap();
        assert!(splice(&[a.clone(), b], &extra()).unwrap_err().to_string().contains("different columns (8 and 2"));
        assert!(splice(&[], &extra()).is_err());
        assert!(splice(&[a, Bytes::from_static(b"damage")], &extra()).is_err());
    }
}
