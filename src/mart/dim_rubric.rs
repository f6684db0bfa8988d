//! The rubric in words. Nothing in it is about anybody.

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use crate::columns::Columns;
use crate::job::reviews::DIMENSIONS;

pub const TABLE: Derived =
    Derived { name: "dim_rubric", tables: &["dim_rubric"], protection: Protection::Public, build };

fn build(facts: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    let Some(reviews) = &facts.job.reviews else { return Ok(Vec::new()) };
    let mut cells = Vec::new();
    for rubric in &reviews.rubrics {
        for (dimension, labels) in DIMENSIONS.iter().zip(&rubric.labels) {
            cells.extend(
                (1i64..).zip(labels).map(|(mark, label)| (rubric.version.as_str(), *dimension, mark, label.as_str())),
            );
        }
    }
    let frame = Columns::of(&cells)
        .text("rubric_version", |cell| cell.0)
        .text("dimension", |cell| cell.1)
        .int("mark", |cell| cell.2)
        .text("label", |cell| cell.3)
        .frame()?;
    Output::whole(facts.catalog, TABLE.name, &frame)
}
