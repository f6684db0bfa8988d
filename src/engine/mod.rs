//! Who turns a plan into rows: polars, in this process. The only place that collects a `LazyFrame`.
//!
//! Plans reach it one day or one period at a time, so memory follows the largest day and not the history.

mod handover;

pub use handover::to_arrow;

use polars::prelude::{DataFrame, LazyFrame, PolarsResult};
use polars::sql::SQLContext;

/// Runs a plan to its rows.
///
/// # Errors
/// Polars cannot run the plan.
#[allow(clippy::disallowed_methods)]
pub fn collect(plan: LazyFrame) -> PolarsResult<DataFrame> {
    plan.collect()
}

/// Runs one of the house's SQL texts over named frames.
///
/// # Errors
/// The text does not parse, or names a column that no frame has.
pub fn sql(text: &str, views: Vec<(&str, LazyFrame)>) -> PolarsResult<DataFrame> {
    let mut context = SQLContext::new();
    for (name, frame) in views {
        context.register(name, frame);
    }
    collect(context.execute(text)?)
}
