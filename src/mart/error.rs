//! What may go wrong while a table is made.

use polars::prelude::PolarsError;

use crate::contract::ContractError;
use crate::guard::GuardError;

/// A period of a mart that cannot be published.
#[derive(Debug, thiserror::Error)]
pub enum MartError {
    #[error("the privacy audit refused {mart}, {what}: {cause}")]
    Privacy { mart: String, what: String, cause: GuardError },
    #[error("{mart}: {what}")]
    Malformed { mart: &'static str, what: String },
    #[error(transparent)]
    Polars(#[from] PolarsError),
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
    #[error(transparent)]
    Contract(#[from] ContractError),
}
