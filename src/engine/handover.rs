//! Polars columns become Arrow arrays without copying, through the Arrow C data interface.
//!
//! The only unsafe code of the house. Both sides implement the same published C structs; the size asserts below fail the build
//! should one of them ever change.
#![allow(unsafe_code)]

use std::mem::ManuallyDrop;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions, make_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::ffi::{FFI_ArrowArray, FFI_ArrowSchema, from_ffi};
use polars::prelude::{CompatLevel, DataFrame, Series};

const _: () = assert!(size_of::<polars_arrow::ffi::ArrowArray>() == size_of::<FFI_ArrowArray>());
const _: () = assert!(size_of::<polars_arrow::ffi::ArrowSchema>() == size_of::<FFI_ArrowSchema>());

/// Hands a frame over in the given schema: columns by name, cast where polars uses another representation (string views).
///
/// # Errors
/// A column of the schema is missing from the frame, or cannot be cast to its type.
pub fn to_arrow(frame: &DataFrame, schema: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let columns = schema
        .fields()
        .iter()
        .map(|field| {
            let column = frame
                .column(field.name())
                .map_err(|_| ArrowError::SchemaError(format!("the frame has no column {}", field.name())))?;
            let array = array(column.as_materialized_series())?;
            conform(array, field.data_type())
        })
        .collect::<Result<Vec<ArrayRef>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(frame.height()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
}

/// Casts to the contract's type. Instants are UTC on both sides, so only the type says so anew.
fn conform(array: ArrayRef, wanted: &DataType) -> Result<ArrayRef, ArrowError> {
    match (array.data_type(), wanted) {
        (have, wanted) if have == wanted => Ok(array),
        (DataType::Timestamp(TimeUnit::Microsecond, None), DataType::Timestamp(TimeUnit::Microsecond, Some(zone))) => {
            Ok(Arc::new(array.as_primitive::<TimestampMicrosecondType>().clone().with_timezone(Arc::clone(zone))))
        }
        _ => cast(&array, wanted),
    }
}

fn array(series: &Series) -> Result<ArrayRef, ArrowError> {
    let series = series.rechunk();
    let exported = series.to_arrow(0, CompatLevel::newest());
    let field = polars_arrow::datatypes::Field::new("".into(), exported.dtype().clone(), true);
    let mut c_array = ManuallyDrop::new(polars_arrow::ffi::export_array_to_c(exported));
    let mut c_schema = ManuallyDrop::new(polars_arrow::ffi::export_field_to_c(&field));
    // SAFETY: both structs follow the Arrow C data interface, of equal size (asserted above). `from_raw` moves the contents out and
    // leaves an empty struct behind, and ManuallyDrop keeps polars from releasing what arrow now owns.
    let mut data = unsafe {
        let array = FFI_ArrowArray::from_raw((&raw mut *c_array).cast());
        let schema = FFI_ArrowSchema::from_raw((&raw mut *c_schema).cast());
        from_ffi(array, &schema)?
    };
    // Polars aligns to its own types; arrow-rs insists on its own.
    data.align_buffers();
    Ok(make_array(data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{Field, Int64Type, Schema};
    use polars::prelude::df;

    #[test]
    fn values_and_nulls_survive_and_views_become_plain_text() {
        let frame =
            df!("n" => [Some(1i64), None, Some(3)], "t" => ["a", "a longer text than fits a view", "c"]).unwrap();
        let schema = Arc::new(Schema::new(vec![
            Field::new("t", arrow::datatypes::DataType::Utf8, true),
            Field::new("n", arrow::datatypes::DataType::Int64, true),
        ]));
        let batch = to_arrow(&frame.slice(1, 2), &schema).unwrap();
        assert_eq!(batch.schema().field(0).data_type(), &DataType::Utf8);
        assert_eq!(batch.column(0).as_string::<i32>().value(0), "a longer text than fits a view");
        assert_eq!(batch.column(1).as_primitive::<Int64Type>().iter().collect::<Vec<_>>(), [None, Some(3)]);
    }

    #[test]
    fn the_memory_outlives_the_frame() {
        let schema = Arc::new(Schema::new(vec![Field::new("n", arrow::datatypes::DataType::Int64, true)]));
        let batch = {
            let frame = df!("n" => (0..10_000i64).collect::<Vec<_>>()).unwrap();
            to_arrow(&frame, &schema).unwrap()
        };
        assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(9_999), 9_999);
    }
}
