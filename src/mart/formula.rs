//! Columns that are arithmetic over their own row: SQL from the contract, computed from what the guard shows.

use polars::prelude::{DataFrame, DataType, Expr, IntoLazy, LazyFrame, PolarsResult, Series, polars_bail};
use polars::sql::sql_expr;

use crate::contract::{Table, Type};
use crate::engine;

/// Adds the formula columns; one may use those that stand before it in the contract. What is not finite becomes null.
///
/// # Errors
/// A formula does not parse or names a column that is not there.
pub fn apply(table: &Table, mut rows: LazyFrame) -> PolarsResult<LazyFrame> {
    use polars::prelude::{lit, when};
    // Formulas that do not use each other are one step of the plan: a step costs more than the arithmetic.
    let mut step: Vec<Expr> = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for column in &table.columns {
        let Some(formula) = &column.formula else { continue };
        let name = column.name.as_str();
        if names.iter().any(|earlier| mentions(formula, earlier)) {
            rows = rows.with_columns(std::mem::take(&mut step));
            names.clear();
        }
        let value = sql_expr(formula)?;
        step.push(match column.data_type {
            Type::Double => {
                let value = value.cast(DataType::Float64);
                when(value.clone().is_finite()).then(value).otherwise(lit(polars::prelude::NULL)).alias(name)
            }
            _ => value.alias(name),
        });
        names.push(name);
    }
    Ok(if step.is_empty() { rows } else { rows.with_columns(step) })
}

/// Whether a formula uses a column.
fn mentions(formula: &str, column: &str) -> bool {
    formula.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == column)
}

/// Feeds every formula a row in which everything about people is hidden, and refuses an answer: `coalesce(x, 0)` would undo the guard.
///
/// # Errors
/// A formula does not parse, or shows a value where everything is hidden.
pub fn check(table: &Table) -> PolarsResult<()> {
    let columns = table
        .columns
        .iter()
        .filter(|column| column.formula.is_none())
        .map(|column| {
            let data_type = match column.data_type {
                Type::Text => DataType::String,
                Type::Bool => DataType::Boolean,
                Type::Int => DataType::Int64,
                Type::Double => DataType::Float64,
                Type::Date => DataType::Date,
                Type::Timestamp => DataType::Datetime(polars::prelude::TimeUnit::Microseconds, None),
            };
            Series::full_null(column.name.as_str().into(), 1, &data_type).into()
        })
        .collect();
    for grain in ["day", "week", "month", "quarter"] {
        let mut hidden = DataFrame::new(1, Vec::clone(&columns))?;
        if table.column("grain").is_some() {
            hidden.with_column(polars::prelude::Column::new("grain".into(), [grain]))?;
        }
        if table.column("working_days").is_some() {
            hidden.with_column(polars::prelude::Column::new("working_days".into(), [5i64]))?;
        }
        let shown = engine::collect(apply(table, hidden.lazy())?)?;
        for column in table.columns.iter().filter(|column| column.formula.is_some()) {
            if shown.column(&column.name)?.null_count() == 0 {
                polars_bail!(ComputeError: "{}.{}: the formula shows a value where everything is hidden", table.name, column.name);
            }
        }
    }
    Ok(())
}
