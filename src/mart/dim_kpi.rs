//! Every figure of every mart, with its definition: the dictionary as a table.

use polars::prelude::{DataFrame, PolarsResult};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use crate::columns::Columns;
use crate::contract::{Area, Column, Measure, Privacy, Table, Type};

pub const TABLE: Derived = Derived { name: "dim_kpi", tables: &["dim_kpi"], protection: Protection::Public, build };

fn build(reads: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    Output::whole(reads.catalog, TABLE.name, &rows(reads)?)
}

fn rows(reads: &Reads<'_>) -> PolarsResult<DataFrame> {
    let mut figures: Vec<(&Table, &Column)> = reads
        .catalog
        .tables()
        .filter(|table| table.area == Area::Marts && table.columns.iter().any(|column| column.measure.is_some()))
        .flat_map(|table| table.columns.iter().map(move |column| (table, column)))
        .filter(|(_, column)| matches!(column.data_type, Type::Int | Type::Double) && !column.key)
        .collect();
    figures.sort_by_key(|(table, column)| format!("{}.{}", table.name, column.name));
    let protection = |column: &Column| match column.measure {
        Some(Measure::Population) => "population",
        Some(Measure::People) => "people",
        Some(Measure::Events) => "events",
        Some(Measure::Sum) => "sum",
        None if column.privacy == Privacy::Public => "open",
        None => "derived",
    };
    Columns::of(&figures)
        .text("table_name", |(table, _)| &table.name)
        .text("column_name", |(_, column)| &column.name)
        .text("kpi", |(table, column)| format!("{}.{}", table.name, column.name))
        .text("data_type", |(_, column)| column.data_type.to_string())
        .text("unit", |(_, column)| Some(&column.unit).filter(|unit| !unit.is_empty()))
        .text("description", |(_, column)| &column.description)
        .text("formula", |(_, column)| column.formula.as_ref())
        .text("protection", |(_, column)| protection(column))
        .text("warning", |(table, _)| {
            let sentences: Vec<&str> = table.warnings.iter().filter_map(|code| reads.catalog.warning(code)).collect();
            (!sentences.is_empty()).then(|| sentences.join(" "))
        })
        .frame()
}
