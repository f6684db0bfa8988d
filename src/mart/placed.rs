//! People in their places as the rows of a block.

use polars::prelude::{Column, DataFrame, PolarsResult};

use crate::canon::history::{NONE, Place};
use crate::scope::PLACE;

/// One row a person: where they stand, then a column a measure.
pub fn rows(people: &[(u32, Place)], measures: &[(&'static str, Vec<i64>)]) -> PolarsResult<DataFrame> {
    let code = |code: u32| if code == NONE { -1 } else { i64::from(code) };
    let part: [fn(&(u32, Place)) -> u32; 6] = [
        |(worker, _)| *worker,
        |(_, place)| place.org,
        |(_, place)| place.band,
        |(_, place)| place.location,
        |(_, place)| place.function,
        |(_, place)| place.manager,
    ];
    let mut columns: Vec<Column> = PLACE
        .iter()
        .zip(part)
        .map(|(name, part)| {
            Column::new((*name).into(), people.iter().map(|person| code(part(person))).collect::<Vec<i64>>())
        })
        .collect();
    columns.extend(measures.iter().map(|(name, values)| Column::new((*name).into(), values.as_slice())));
    DataFrame::new(people.len(), columns)
}
