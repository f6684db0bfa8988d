//! How rows become the columns of a frame.

use polars::prelude::{
    Column, DataFrame, Int32Chunked, Int64Chunked, IntoColumn, PolarsResult, StringChunked, TimeUnit,
};

use crate::period::Day;

/// The columns of a frame under construction, in the order in which they are added, each from a value of every row.
pub struct Columns<'r, R> {
    rows: &'r [R],
    columns: Vec<Column>,
}

impl<'r, R> Columns<'r, R> {
    pub fn of(rows: &'r [R]) -> Columns<'r, R> {
        Columns { rows, columns: Vec::new() }
    }

    pub fn text<V: Words>(self, name: &str, value: impl Fn(&'r R) -> V) -> Self {
        let values: Vec<V> = self.rows.iter().map(value).collect();
        let column: StringChunked = values.iter().map(Words::words).collect();
        self.push(name, column.into_column())
    }

    pub fn int<V: Into<Option<i64>>>(self, name: &str, value: impl Fn(&'r R) -> V) -> Self {
        let values: Vec<Option<i64>> = self.rows.iter().map(|row| value(row).into()).collect();
        self.push(name, Column::new(name.into(), values))
    }

    pub fn double<V: Into<Option<f64>>>(self, name: &str, value: impl Fn(&'r R) -> V) -> Self {
        let values: Vec<Option<f64>> = self.rows.iter().map(|row| value(row).into()).collect();
        self.push(name, Column::new(name.into(), values))
    }

    pub fn bool<V: Into<Option<bool>>>(self, name: &str, value: impl Fn(&'r R) -> V) -> Self {
        let values: Vec<Option<bool>> = self.rows.iter().map(|row| value(row).into()).collect();
        self.push(name, Column::new(name.into(), values))
    }

    pub fn date<V: Into<Option<Day>>>(self, name: &str, value: impl Fn(&'r R) -> V) -> Self {
        let days: Int32Chunked = self.rows.iter().map(|row| value(row).into()).collect();
        self.push(name, days.into_date().into_column())
    }

    /// Microseconds since 1970 in UTC.
    pub fn instant<V: Into<Option<i64>>>(self, name: &str, value: impl Fn(&'r R) -> V) -> Self {
        let instants: Int64Chunked = self.rows.iter().map(|row| value(row).into()).collect();
        self.push(name, instants.into_datetime(TimeUnit::Microseconds, None).into_column())
    }

    fn push(mut self, name: &str, column: Column) -> Self {
        self.columns.push(column.with_name(name.into()));
        self
    }

    /// # Errors
    /// Two columns have one name; a bug.
    pub fn frame(self) -> PolarsResult<DataFrame> {
        DataFrame::new(self.rows.len(), self.columns)
    }

    /// Adds the columns to a frame with a row for each of the rows, in place of those of the same names.
    ///
    /// # Errors
    /// The frame has another number of rows; a bug.
    pub fn add_to(self, frame: &mut DataFrame) -> PolarsResult<()> {
        self.columns.into_iter().try_for_each(|column| frame.with_column(column).map(drop))
    }
}

/// What a column of text takes: a text or none.
pub trait Words {
    fn words(&self) -> Option<&str>;
}

impl Words for &str {
    fn words(&self) -> Option<&str> {
        Some(self)
    }
}

impl Words for String {
    fn words(&self) -> Option<&str> {
        Some(self)
    }
}

impl Words for &String {
    fn words(&self) -> Option<&str> {
        Some(self)
    }
}

impl<W: Words> Words for Option<W> {
    fn words(&self) -> Option<&str> {
        self.as_ref().and_then(Words::words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::prelude::{AnyValue, DataType};

    #[test]
    fn a_row_gives_a_value_to_each_column_and_none_where_it_has_none() {
        let rows = [("a", Some(1), 20_000), ("b", None, 20_001)];
        let mut frame = Columns::of(&rows)
            .text("id", |row| row.0)
            .text("note", |row| row.1.map(|n| format!("{n} of them")))
            .int("n", |row| row.1)
            .date("day", |row| row.2)
            .instant("at", |row| i64::from(row.2) * 86_400_000_000)
            .frame()
            .unwrap();
        Columns::of(&rows)
            .double("half", |row| Some(row.1? as f64 / 2.0))
            .bool("n", |row| row.1.is_some())
            .add_to(&mut frame)
            .unwrap();
        let types: Vec<&DataType> = frame.columns().iter().map(|column| column.dtype()).collect();
        let instant = DataType::Datetime(TimeUnit::Microseconds, None);
        let (text, day) = (DataType::String, DataType::Date);
        assert_eq!(types, [&text, &text, &DataType::Boolean, &day, &instant, &DataType::Float64]);
        let of = |name: &str, row: usize| frame.column(name).unwrap().get(row).unwrap().into_static();
        assert_eq!((of("note", 0), of("note", 1)), (AnyValue::from("1 of them").into_static(), AnyValue::Null));
        assert_eq!((of("n", 0), of("n", 1)), (AnyValue::Boolean(true), AnyValue::Boolean(false)));
        assert_eq!((of("half", 0), of("half", 1)), (AnyValue::Float64(0.5), AnyValue::Null));
        assert_eq!(of("day", 1), AnyValue::Date(20_001));
    }
}
