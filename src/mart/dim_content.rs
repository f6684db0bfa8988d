//! The content catalogue as last known. Owners are people and stay out.

use polars::prelude::{Column, DataFrame, DataType, PolarsResult, TimeUnit};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use crate::canon::columns::{Text, bools, instants, ints};
use crate::contract::Type;
use crate::contract::arrow::DELETED;

pub const TABLE: Derived =
    Derived { name: "dim_content", tables: &["dim_content"], protection: Protection::Public, build };

fn build(reads: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    Output::whole(reads.catalog, TABLE.name, &rows(reads)?)
}

fn rows(reads: &Reads<'_>) -> PolarsResult<DataFrame> {
    let Some(table) = reads.catalog.table(TABLE.name) else { return Ok(DataFrame::empty()) };
    let live: Vec<Vec<usize>> = reads
        .table("content")
        .iter()
        .map(|batch| {
            let deleted = bools(batch, DELETED);
            (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true)).collect()
        })
        .collect();
    let all = || reads.table("content").iter().zip(&live);
    let count = live.iter().map(Vec::len).sum();
    let columns = table
        .columns
        .iter()
        .map(|column| {
            let name = column.name.as_str();
            Ok(match column.data_type {
                Type::Int => Column::new(
                    name.into(),
                    all()
                        .flat_map(|(batch, live)| {
                            let get = ints(batch, name);
                            live.iter().map(move |row| get(*row)).collect::<Vec<_>>()
                        })
                        .collect::<Vec<_>>(),
                ),
                Type::Bool => Column::new(
                    name.into(),
                    all()
                        .flat_map(|(batch, live)| {
                            let get = bools(batch, name);
                            live.iter().map(move |row| get(*row)).collect::<Vec<_>>()
                        })
                        .collect::<Vec<_>>(),
                ),
                Type::Timestamp => Column::new(
                    name.into(),
                    all()
                        .flat_map(|(batch, live)| {
                            let get = instants(batch, name);
                            live.iter().map(move |row| get(*row)).collect::<Vec<_>>()
                        })
                        .collect::<Vec<_>>(),
                )
                .cast(&DataType::Datetime(TimeUnit::Microseconds, None))?,
                _ => Column::new(
                    name.into(),
                    all()
                        .flat_map(|(batch, live)| {
                            let text = Text::of(batch, name);
                            live.iter().map(move |row| text.get(*row).map(str::to_owned)).collect::<Vec<_>>()
                        })
                        .collect::<Vec<_>>(),
                ),
            })
        })
        .collect::<PolarsResult<Vec<Column>>>()?;
    DataFrame::new(count, columns)
}
