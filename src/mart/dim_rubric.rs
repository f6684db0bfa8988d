//! The rubric in words. Nothing in it is about anybody.

use polars::prelude::{Column, DataFrame};

use super::{Facts, Made, MartError, Whole};
use crate::contract::arrow::mart_schema;
use crate::engine;
use crate::job::reviews::DIMENSIONS;

pub const TABLE: Whole = Whole { name: "dim_rubric", tables: &["dim_rubric"], reads: &[], needs: &[], build };

fn build(facts: &Facts<'_>) -> Result<Vec<Made>, MartError> {
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
    let rows = engine::to_arrow(&frame, &mart_schema(facts.catalog.expect(TABLE.name)?))?;
    Ok(vec![Made { table: TABLE.name, partition: "all".into(), rows, grain: "", withheld: Vec::new() }])
}
