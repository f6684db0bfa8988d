//! Days that stand in for what a source does not say, made of instants of the same row.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use chrono_tz::Tz;

use crate::contract::Table;
use crate::period::DayClock;

/// Fills the made days of a batch: `columns` are those of `schema`. Gives the place of each among the stored columns of the table, and the
/// number of its values.
pub fn fill(table: &Table, schema: &SchemaRef, columns: &mut [ArrayRef], zone: Tz) -> Vec<(usize, u64)> {
    let mut filled = Vec::new();
    for (at, column) in table.stored().enumerate() {
        let Some(rule) = column.made_day() else { continue };
        let place = |name: &str| schema.index_of(name).ok();
        let taken = rule.unless.and_then(place).and_then(|at| columns.get(at)).cloned();
        let instants: Vec<ArrayRef> = rule.of.iter().filter_map(|name| columns.get(place(name)?).cloned()).collect();
        let instants: Vec<_> =
            instants.iter().filter_map(|array| array.as_primitive_opt::<TimestampMicrosecondType>()).collect();
        let Some(rows) = columns.first().map(|column| column.len()) else { continue };
        let mut clock = DayClock::new(zone);
        let days: Date32Array = (0..rows)
            .map(|row| {
                let is_free = taken.as_ref().is_none_or(|taken| taken.is_null(row));
                let first = instants.iter().find(|array| array.is_valid(row)).map(|array| array.value(row));
                first.filter(|_| is_free).map(|micros| clock.day(micros))
            })
            .collect();
        filled.push((at, (rows - days.null_count()) as u64));
        if let Some(place) = place(&column.name).and_then(|at| columns.get_mut(at)) {
            *place = Arc::new(days);
        }
    }
    filled
}
