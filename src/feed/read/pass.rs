//! One pass over the records of a delivery.

use std::collections::HashSet;

use arrow::array::RecordBatch;
use bytes::Bytes;

use super::{csv, json, parquet, xlsx};
use crate::feed::context::{Context, Delivery};
use crate::feed::feed::{Feed, FileFormat};
use crate::feed::intake::Intake;
use crate::feed::reject::Stop;

/// Reads a delivery by the reader of its format.
pub(crate) fn pass<'a, E>(
    feed: &'a Feed,
    context: &Context<'a>,
    delivery: &Delivery,
    bytes: &Bytes,
    refused: &'a HashSet<u64>,
    sink: &'a mut dyn FnMut(RecordBatch) -> Result<(), E>,
) -> Result<Intake, Stop<E>> {
    match feed.format_of(&delivery.path) {
        FileFormat::Csv => csv::read(feed, context, bytes, refused, sink),
        format @ (FileFormat::Ndjson | FileFormat::JsonArray) => {
            json::read(feed, context, format, bytes, refused, sink)
        }
        FileFormat::Parquet => parquet::read(feed, context, bytes, refused, sink),
        FileFormat::Xlsx => xlsx::read(feed, context, bytes, refused, sink),
    }
}
