//! Keys within one delivery, for feeds that promise one record per key.
//!
//! Two different records of one key cannot both be true and nothing says which is: both are refused. Exact repetitions
//! are left to the merge, which counts them. The delivery is read twice, so that memory holds hashes and never rows.

use std::collections::{HashMap, HashSet};

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::row::{RowConverter, SortField};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::context::{Context, Delivery};
use super::feed::Feed;
use super::keys::intervals;
use super::read::pass::pass;
use super::reject::{Reason, Refusal, Stop};
use crate::contract::Table;
use crate::contract::arrow::{DELETED, ROW};

/// A hash wide enough that two different keys never meet in practice.
pub(crate) type Hash = [u8; 16];

/// One row's key and content.
pub(crate) struct Print {
    pub record: u64,
    pub deleted: bool,
    pub key: Hash,
    pub content: Hash,
    /// No day lies in the row's interval.
    pub empty: bool,
}

/// Numbers of the records whose key comes with different content elsewhere in the delivery.
pub(crate) fn conflicts<E>(
    feed: &Feed,
    context: &Context<'_>,
    delivery: &Delivery,
    bytes: &Bytes,
) -> Result<HashSet<u64>, Stop<E>> {
    let mut seen: HashMap<Hash, (Hash, bool)> = HashMap::new();
    let mut rows: Vec<(Hash, u64)> = Vec::new();
    let none = HashSet::new();
    let mut sink = |batch: RecordBatch| {
        for print in prints(context.table, &batch)?.into_iter().filter(|print| !print.deleted) {
            let entry = seen.entry(print.key).or_insert((print.content, false));
            entry.1 |= entry.0 != print.content;
            rows.push((print.key, print.record));
        }
        Ok(())
    };
    match pass(feed, context, delivery, bytes, &none, &mut sink) {
        Ok(_) => {}
        Err(Stop::Refused(refusal) | Stop::Sink(refusal)) => return Err(Stop::Refused(refusal)),
    }
    Ok(rows
        .into_iter()
        .filter(|(key, _)| seen.get(key).is_some_and(|(_, conflict)| *conflict))
        .map(|(_, row)| row)
        .collect())
}

/// Key and content of each row of a batch. Where the first key column is optional and filled, it is the key alone.
pub(crate) fn prints(table: &Table, batch: &RecordBatch) -> Result<Vec<Print>, Refusal> {
    let broken = |cause: arrow::error::ArrowError| Refusal::new(Reason::TypeMismatch, cause.to_string());
    let stored: Vec<&str> = table.stored().map(|column| column.name.as_str()).collect();
    let keys: Vec<&str> = table.key.iter().map(String::as_str).collect();
    let content = encode(batch, &stored).map_err(broken)?;
    let key = encode(batch, &keys).map_err(broken)?;
    let first =
        table.key.first().and_then(|name| table.column(name)).filter(|column| !column.required && table.key.len() > 1);
    let alone = match first {
        Some(column) => {
            Some((encode(batch, &[column.name.as_str()]).map_err(broken)?, batch.column_by_name(&column.name)))
        }
        None => None,
    };
    let (Some(records), Some(deleted)) = (batch.column_by_name(ROW), batch.column_by_name(DELETED)) else {
        return Ok(Vec::new());
    };
    let (records, deleted) = (records.as_primitive::<Int64Type>(), deleted.as_boolean());
    let interval = intervals(table, batch);
    let print = |row: usize| {
        let key = match &alone {
            Some((own, Some(column))) if !column.is_null(row) => hash(own.row(row).as_ref()),
            _ => hash(key.row(row).as_ref()),
        };
        let record = records.value(row).unsigned_abs();
        Print {
            record,
            deleted: deleted.value(row),
            key,
            content: hash(content.row(row).as_ref()),
            empty: interval(row).is_empty(),
        }
    };
    Ok((0..batch.num_rows()).map(print).collect())
}

fn encode(batch: &RecordBatch, names: &[&str]) -> Result<arrow::row::Rows, arrow::error::ArrowError> {
    let columns: Vec<_> = names.iter().filter_map(|name| batch.column_by_name(name)).cloned().collect();
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    RowConverter::new(fields)?.convert_columns(&columns)
}

fn hash(bytes: &[u8]) -> Hash {
    let mut hash = [0; 16];
    hash.copy_from_slice(&Sha256::digest(bytes)[..16]);
    hash
}
