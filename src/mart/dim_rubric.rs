//! The rubric in words. Nothing in it is about anybody.

use polars::prelude::{Column, DataFrame};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use crate::job::reviews::DIMENSIONS;

pub const TABLE: Derived =
    Derived { name: "dim_rubric", tables: &["dim_rubric"], protection: Protection::Public, build };

fn build(facts: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    let Some(reviews) = &facts.job.reviews else { return Ok(Vec::new()) };
    let mut cells = Vec::new();
    for rubric in &reviews.rubrics {
        for (dimension, labels) in DIMENSIONS.iter().zip(&rubric.labels) {
            cells.extend((1i64..).zip(labels).map(|(mark, label)| (rubric.version.as_str(), *dimension, mark, label)));
        }
    }
    let columns = vec![
        Column::new("rubric_version".into(), cells.iter().map(|cell| cell.0).collect::<Vec<_>>()),
        Column::new("dimension".into(), cells.iter().map(|cell| cell.1).collect::<Vec<_>>()),
        Column::new("mark".into(), cells.iter().map(|cell| cell.2).collect::<Vec<_>>()),
        Column::new("label".into(), cells.iter().map(|cell| cell.3.as_str()).collect::<Vec<_>>()),
    ];
    let frame = DataFrame::new(cells.len(), columns)?;
    Output::whole(facts.catalog, TABLE.name, &frame)
}
