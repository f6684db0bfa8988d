//! Every figure of every mart, with its definition: the dictionary as a table.

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use crate::contract::{Area, Column as ContractColumn, Measure, Privacy, Table, Type};

pub const TABLE: Derived = Derived { name: "dim_kpi", tables: &["dim_kpi"], protection: Protection::Public, build };

fn build(reads: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    Output::whole(reads.catalog, TABLE.name, &rows(reads)?)
}

fn rows(reads: &Reads<'_>) -> PolarsResult<DataFrame> {
    let mut figures: Vec<(&Table, &ContractColumn)> = reads
        .catalog
        .tables()
        .filter(|table| table.area == Area::Marts && table.columns.iter().any(|column| column.measure.is_some()))
        .flat_map(|table| table.columns.iter().map(move |column| (table, column)))
        .filter(|(_, column)| matches!(column.data_type, Type::Int | Type::Double) && !column.key)
        .collect();
    figures.sort_by_key(|(table, column)| format!("{}.{}", table.name, column.name));
    let texts = |name: &str, pick: &dyn Fn(&Table, &ContractColumn) -> Option<String>| {
        Column::new(
            name.into(),
            figures.iter().map(|(table, column)| pick(table, column)).collect::<Vec<Option<String>>>(),
        )
    };
    let protection = |column: &ContractColumn| match column.measure {
        Some(Measure::Population) => "population",
        Some(Measure::People) => "people",
        Some(Measure::Events) => "events",
        Some(Measure::Sum) => "sum",
        None if column.privacy == Privacy::Public => "open",
        None => "derived",
    };
    DataFrame::new(
        figures.len(),
        vec![
            texts("table_name", &|table, _| Some(table.name.clone())),
            texts("column_name", &|_, column| Some(column.name.clone())),
            texts("kpi", &|table, column| Some(format!("{}.{}", table.name, column.name))),
            texts("data_type", &|_, column| Some(column.data_type.to_string())),
            texts("unit", &|_, column| (!column.unit.is_empty()).then(|| column.unit.clone())),
            texts("description", &|_, column| Some(column.description.clone())),
            texts("formula", &|_, column| column.formula.clone()),
            texts("protection", &|_, column| Some(protection(column).to_owned())),
            texts("warning", &|table, _| {
                let sentences: Vec<&str> =
                    table.warnings.iter().filter_map(|code| reads.catalog.warning(code)).collect();
                (!sentences.is_empty()).then(|| sentences.join(" "))
            }),
        ],
    )
}
