//! The last look before publication: does a real frame say what its contract promises?
//!
//! What fails is not published; the tables published before stay. A violation names columns and counts, never a value.

use std::collections::HashSet;
use std::fmt;
use std::hash::BuildHasher;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int32Type, Int64Type, TimeUnit};
use arrow::row::{RowConverter, Rows, SortField};
use hashbrown::HashTable;
use serde::Serialize;

use crate::contract::{Area, Column, Measure, Privacy, Table, Type};

/// One broken promise of a contract.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The column concerned; none where the promise is about whole rows.
    pub column: Option<String>,
    pub rule: Rule,
    /// Rows that break it; for the rules about columns as such, the batches.
    pub count: u64,
}

/// What a contract promises of every row and column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// A column of the contract is not there.
    MissingColumn,
    /// A column that the contract does not know.
    UnexpectedColumn,
    /// The columns are there, but not in the contract's order.
    ColumnOrder,
    /// The column has another type.
    WrongType,
    /// A required column without a value.
    MissingValue,
    /// A row whose key another row has, too.
    DuplicateKey,
    /// A value outside the closed list.
    UnknownValue,
    /// A value below the smallest or above the largest allowed.
    OutOfRange,
    /// NaN or infinite: BI tools sum them.
    NotFinite,
    /// A figure about people in a row whose population is withheld.
    NotWithheld,
    /// More people than the population they are counted in.
    AbovePopulation,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(column) = &self.column {
            write!(f, "column `{column}`: ")?;
        }
        match self.rule {
            Rule::MissingColumn => return f.write_str("is missing"),
            Rule::UnexpectedColumn => return f.write_str("is not in the contract"),
            Rule::ColumnOrder => return f.write_str("columns are not in the contract's order"),
            Rule::WrongType => return f.write_str("has another type than the contract"),
            _ => {}
        }
        let what = match self.rule {
            Rule::MissingValue => "no value, though one is required",
            Rule::DuplicateKey => "a key that another row has",
            Rule::UnknownValue => "a value outside the closed list",
            Rule::OutOfRange => "a value outside the allowed range",
            Rule::NotFinite => "a value that is not a finite number",
            Rule::NotWithheld => "a figure, though the population is withheld",
            _ => "more people than the population",
        };
        write!(f, "{} {} with {what}", self.count, if self.count == 1 { "row" } else { "rows" })
    }
}

/// Holds the batches of one table (or of one partition of it) against its contract. Empty means all promises are kept.
///
/// Canon batches may carry the provenance columns (`_…`) behind their own; rows that state a deletion owe nothing but their
/// key. Text may be plain or dictionary-encoded.
pub fn check(table: &Table, batches: &[RecordBatch]) -> Vec<Violation> {
    let mut found = Found::default();
    for batch in batches {
        columns(table, batch, &mut found);
        for column in table.stored() {
            let Some(array) = sound(batch, column) else { continue };
            required(column, array, deleted(batch), &mut found);
            values(column, array, &mut found);
            numbers(column, array, &mut found);
        }
        population(table, batch, &mut found);
    }
    let duplicates = duplicate_keys(table, batches);
    found.add(None, Rule::DuplicateKey, duplicates);
    found.0
}

/// Violations in the order of their discovery, one entry per column and rule.
#[derive(Default)]
struct Found(Vec<Violation>);

impl Found {
    fn add(&mut self, column: Option<&str>, rule: Rule, count: usize) {
        let count = count as u64;
        if count == 0 {
            return;
        }
        match self.0.iter_mut().find(|known| known.column.as_deref() == column && known.rule == rule) {
            Some(known) => known.count += count,
            None => self.0.push(Violation { column: column.map(str::to_owned), rule, count }),
        }
    }
}

fn columns(table: &Table, batch: &RecordBatch, found: &mut Found) {
    let schema = batch.schema();
    let provenance = |name: &str| table.area == Area::Canon && name.starts_with('_');
    let actual: Vec<&str> =
        schema.fields().iter().map(|field| field.name().as_str()).filter(|name| !provenance(name)).collect();
    for name in &actual {
        if !table.stored().any(|column| column.name == **name) {
            found.add(Some(name), Rule::UnexpectedColumn, 1);
        }
    }
    let mut missing = false;
    for column in table.stored() {
        match batch.column_by_name(&column.name) {
            None => {
                missing = true;
                found.add(Some(&column.name), Rule::MissingColumn, 1);
            }
            Some(array) if !fits(column.data_type, array.data_type()) => {
                found.add(Some(&column.name), Rule::WrongType, 1)
            }
            Some(_) => {}
        }
    }
    let expected = table.stored().map(|column| column.name.as_str());
    let known = actual.iter().copied().filter(|name| table.column(name).is_some());
    if !missing && !expected.eq(known) {
        found.add(None, Rule::ColumnOrder, 1);
    }
}

fn fits(expected: Type, actual: &DataType) -> bool {
    match (expected, actual) {
        (Type::Text, DataType::Dictionary(key, value)) => **key == DataType::Int32 && **value == DataType::Utf8,
        (Type::Text, DataType::Utf8)
        | (Type::Bool, DataType::Boolean)
        | (Type::Int, DataType::Int64)
        | (Type::Double, DataType::Float64)
        | (Type::Date, DataType::Date32) => true,
        (Type::Timestamp, DataType::Timestamp(TimeUnit::Microsecond, Some(zone))) => zone.as_ref() == "UTC",
        _ => false,
    }
}

/// The column's array where it is there and of the right type: only then can its values be judged.
fn sound<'a>(batch: &'a RecordBatch, column: &Column) -> Option<&'a ArrayRef> {
    batch.column_by_name(&column.name).filter(|array| fits(column.data_type, array.data_type()))
}

fn deleted(batch: &RecordBatch) -> impl Fn(usize) -> bool {
    let flags = batch.column_by_name("_deleted").and_then(|array| array.as_boolean_opt().cloned());
    move |row| flags.as_ref().is_some_and(|flags| flags.is_valid(row) && flags.value(row))
}

fn required(column: &Column, array: &ArrayRef, deleted: impl Fn(usize) -> bool, found: &mut Found) {
    if column.required && array.logical_null_count() > 0 {
        let nulls = array.logical_nulls();
        let empty =
            |row: &usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(*row)) && (column.key || !deleted(*row));
        found.add(Some(&column.name), Rule::MissingValue, (0..array.len()).filter(empty).count());
    }
}

fn values(column: &Column, array: &ArrayRef, found: &mut Found) {
    if column.values.is_empty() || column.data_type != Type::Text {
        return;
    }
    let listed: HashSet<&str> = column.values.iter().map(String::as_str).collect();
    let stranger = |texts: &StringArray, at: usize| texts.is_valid(at) && !listed.contains(texts.value(at));
    let count = match array.as_dictionary_opt::<Int32Type>() {
        Some(dictionary) => {
            // A dictionary may hold values that no row uses; only used ones count.
            let Some(texts) = dictionary.values().as_string_opt::<i32>() else { return };
            let strange: Vec<bool> = (0..texts.len()).map(|at| stranger(texts, at)).collect();
            (0..dictionary.len()).filter(|row| dictionary.key(*row).is_some_and(|key| strange[key])).count()
        }
        None => {
            let texts = array.as_string::<i32>();
            (0..texts.len()).filter(|row| stranger(texts, *row)).count()
        }
    };
    found.add(Some(&column.name), Rule::UnknownValue, count);
}

fn numbers(column: &Column, array: &ArrayRef, found: &mut Found) {
    let (low, high) = (column.range.0.unwrap_or(f64::NEG_INFINITY), column.range.1.unwrap_or(f64::INFINITY));
    let outside = |value: f64| value < low || value > high;
    let out_of_range = match column.data_type {
        Type::Int => array.as_primitive::<Int64Type>().iter().flatten().filter(|value| outside(*value as f64)).count(),
        Type::Double => {
            let doubles = array.as_primitive::<Float64Type>();
            found.add(
                Some(&column.name),
                Rule::NotFinite,
                doubles.iter().flatten().filter(|value| !value.is_finite()).count(),
            );
            doubles.iter().flatten().filter(|value| value.is_finite() && outside(*value)).count()
        }
        Type::Date if column.range != (None, None) => {
            array.as_primitive::<Date32Type>().iter().flatten().filter(|day| outside(f64::from(*day))).count()
        }
        _ => 0,
    };
    found.add(Some(&column.name), Rule::OutOfRange, out_of_range);
}

/// The guard's promises, asked again of what left it: a row without its population says nothing about people, and no
/// count of people passes the population.
fn population(table: &Table, batch: &RecordBatch, found: &mut Found) {
    let Some(population) = table.columns.iter().find(|column| column.measure == Some(Measure::Population)) else {
        return;
    };
    let Some(people) = sound(batch, population).and_then(|array| array.as_primitive_opt::<Int64Type>()) else { return };
    for column in table.stored().filter(|column| column.privacy != Privacy::Public && !column.key) {
        let Some(array) = sound(batch, column) else { continue };
        let nulls = array.logical_nulls();
        let shown = |row: usize| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
        let leaks = (0..array.len()).filter(|row| people.is_null(*row) && shown(*row)).count();
        found.add(Some(&column.name), Rule::NotWithheld, leaks);
        if column.measure == Some(Measure::People) && column.data_type == Type::Int {
            let counts = array.as_primitive::<Int64Type>();
            let above =
                |row: &usize| people.is_valid(*row) && counts.is_valid(*row) && counts.value(*row) > people.value(*row);
            found.add(Some(&column.name), Rule::AbovePopulation, (0..counts.len()).filter(above).count());
        }
    }
}

/// Rows whose key an earlier row has. An empty part of a key is a value like any other.
fn duplicate_keys(table: &Table, batches: &[RecordBatch]) -> usize {
    let key: Vec<&Column> =
        table.key.iter().filter_map(|name| table.column(name)).filter(|column| !column.transient).collect();
    let fields = key.iter().map(|column| SortField::new(crate::contract::arrow::file_type(column.data_type))).collect();
    let Ok(converter) = RowConverter::new(fields) else { return 0 };
    let mut rows: Vec<Rows> = Vec::with_capacity(batches.len());
    for batch in batches {
        // A missing or mistyped key column has been reported; without it there is no key to compare.
        let parts: Option<Vec<ArrayRef>> = key
            .iter()
            .map(|column| {
                sound(batch, column)
                    .and_then(|array| cast(array, &crate::contract::arrow::file_type(column.data_type)).ok())
            })
            .collect();
        let Some(Ok(converted)) = parts.map(|parts| converter.convert_columns(&parts)) else { return 0 };
        rows.push(converted);
    }
    // Files sorted by their key, as published ones are, need one comparison a row and no table.
    let all = || rows.iter().flat_map(Rows::iter);
    if all().zip(all().skip(1)).all(|(before, after)| before < after) {
        return 0;
    }
    let hasher = std::collections::hash_map::RandomState::new();
    let mut seen = HashTable::with_capacity(all().count());
    let mut duplicates = 0;
    for row in all() {
        let hash = |row: &arrow::row::Row<'_>| hasher.hash_one(row.as_ref());
        match seen.entry(hash(&row), |other| *other == row, hash) {
            hashbrown::hash_table::Entry::Occupied(_) => duplicates += 1,
            hashbrown::hash_table::Entry::Vacant(free) => {
                free.insert(row);
            }
        }
    }
    duplicates
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Date32Array, DictionaryArray, Float64Array, Int64Array};
    use arrow::datatypes::{Field, Schema};

    use super::*;
    use crate::contract::{Edge, Partition};

    fn column(name: &str, data_type: Type) -> Column {
        Column {
            name: name.into(),
            data_type,
            unit: String::new(),
            description: "for a test".into(),
            privacy: Privacy::Aggregate,
            required: false,
            key: false,
            values: Vec::new(),
            range: (None, None),
            day: Edge::Start,
            happened: false,
            noted_above: None,
            domain: None,
            transient: false,
            measure: None,
            formula: None,
        }
    }

    /// week and scope are the key; headcount is the population of active; rate is 0..1; body is never stored.
    fn table() -> Table {
        let key = |name: &str, data_type| Column {
            key: true,
            required: true,
            privacy: Privacy::Public,
            ..column(name, data_type)
        };
        let columns = vec![
            key("week", Type::Date),
            Column { values: vec!["a".into(), "b".into()], ..key("scope", Type::Text) },
            Column { measure: Some(Measure::Population), range: (Some(0.0), None), ..column("headcount", Type::Int) },
            Column { measure: Some(Measure::People), ..column("active", Type::Int) },
            Column { range: (Some(0.0), Some(1.0)), ..column("rate", Type::Double) },
            Column { transient: true, ..column("body", Type::Text) },
        ];
        Table {
            name: "weekly".into(),
            area: Area::Marts,
            description: "for a test".into(),
            grain: "one row per week and scope".into(),
            key: vec!["week".into(), "scope".into()],
            partition: Partition::Whole,
            day: None,
            latest: None,
            anonymous: None,
            contradictions: Vec::new(),
            versions: Vec::new(),
            deletes_end: false,
            sort: vec!["week".into(), "scope".into()],
            reads: Vec::new(),
            needs: Vec::new(),
            decided_by: None,
            as_of: false,
            warnings: Vec::new(),
            columns,
            hash: String::new(),
        }
    }

    type RowOf = (i32, Option<&'static str>, Option<i64>, Option<i64>, Option<f64>);

    fn batch(rows: &[RowOf]) -> RecordBatch {
        let scopes: StringArray = rows.iter().map(|row| row.1).collect();
        RecordBatch::try_from_iter_with_nullable([
            ("week", Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| row.0))) as ArrayRef, true),
            ("scope", Arc::new(scopes) as ArrayRef, true),
            ("headcount", Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>()) as ArrayRef, true),
            ("active", Arc::new(rows.iter().map(|row| row.3).collect::<Int64Array>()) as ArrayRef, true),
            ("rate", Arc::new(rows.iter().map(|row| row.4).collect::<Float64Array>()) as ArrayRef, true),
        ])
        .unwrap()
    }

    fn said(table: &Table, batches: &[RecordBatch]) -> Vec<String> {
        check(table, batches).iter().map(Violation::to_string).collect()
    }

    const GOOD: [RowOf; 3] = [
        (7, Some("a"), Some(10), Some(5), Some(0.5)),
        (7, Some("b"), None, None, None),
        (14, Some("a"), Some(10), Some(10), Some(1.0)),
    ];

    #[test]
    fn a_frame_that_keeps_every_promise_passes() {
        assert_eq!(said(&table(), &[batch(&GOOD)]), [""; 0]);
        assert_eq!(said(&table(), &[]), [""; 0]);
        assert_eq!(said(&table(), &[batch(&[])]), [""; 0]);
    }

    #[test]
    fn a_key_may_not_come_back_in_this_batch_or_another() {
        let again = batch(&[GOOD[2], GOOD[0]]);
        assert_eq!(said(&table(), &[batch(&GOOD), again]), ["2 rows with a key that another row has"]);
        let side_by_side = batch(&[GOOD[0], GOOD[1], GOOD[1], GOOD[2]]);
        assert_eq!(said(&table(), &[side_by_side]), ["1 row with a key that another row has"]);
        let unsorted = [GOOD[2], GOOD[0], GOOD[1]];
        assert_eq!(said(&table(), &[batch(&unsorted)]), [""; 0]);
    }

    #[test]
    fn an_empty_part_of_a_key_is_a_value_like_any_other() {
        let mut table = table();
        table.columns[1].required = false;
        let twice = [(7, None, None, None, None), (14, None, None, None, None), (7, None, None, None, None)];
        assert_eq!(said(&table, &[batch(&twice)]), ["1 row with a key that another row has"]);
    }

    #[test]
    fn values_are_held_against_lists_ranges_and_finiteness() {
        let rows = [
            (7, Some("c"), Some(-1), None, Some(f64::NAN)),
            (14, None, Some(10), None, Some(1.5)),
            (21, Some("a"), Some(10), None, Some(f64::INFINITY)),
        ];
        assert_eq!(
            said(&table(), &[batch(&rows)]),
            [
                "column `scope`: 1 row with no value, though one is required",
                "column `scope`: 1 row with a value outside the closed list",
                "column `headcount`: 1 row with a value outside the allowed range",
                "column `rate`: 2 rows with a value that is not a finite number",
                "column `rate`: 1 row with a value outside the allowed range",
            ]
        );
    }

    #[test]
    fn a_withheld_population_leaves_nothing_to_see_and_bounds_its_people() {
        let rows = [(7, Some("a"), None, None, Some(0.5)), (7, Some("b"), Some(10), Some(11), None)];
        assert_eq!(
            said(&table(), &[batch(&rows)]),
            [
                "column `active`: 1 row with more people than the population",
                "column `rate`: 1 row with a figure, though the population is withheld",
            ]
        );
    }

    #[test]
    fn columns_are_those_of_the_contract_in_its_order_and_types() {
        let good = batch(&GOOD);
        assert_eq!(
            said(&table(), &[good.project(&[0, 1, 3, 2, 4]).unwrap()]),
            ["columns are not in the contract's order"]
        );
        assert_eq!(said(&table(), &[good.project(&[0, 1, 2, 3]).unwrap()]), ["column `rate`: is missing"]);
        let mut fields: Vec<Field> = good.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
        fields[3] = Field::new("activ", DataType::Int64, true);
        fields[4] = Field::new("rate", DataType::Float64, true);
        let renamed = RecordBatch::try_new(Arc::new(Schema::new(fields)), good.columns().to_vec()).unwrap();
        assert_eq!(
            said(&table(), &[renamed]),
            ["column `activ`: is not in the contract", "column `active`: is missing"]
        );
        let mut mistyped = table();
        mistyped.columns[4].data_type = Type::Int;
        assert_eq!(said(&mistyped, &[good]), ["column `rate`: has another type than the contract"]);
    }

    #[test]
    fn a_dictionary_is_judged_by_the_values_its_rows_use() {
        let good = batch(&GOOD);
        let scopes: DictionaryArray<Int32Type> = ["a", "b", "a", "zzz"].into_iter().collect();
        let mut columns = good.columns().to_vec();
        columns[1] = Arc::new(scopes.slice(0, 3));
        let fields: Vec<Field> = good
            .schema()
            .fields()
            .iter()
            .zip(&columns)
            .map(|(field, array)| Field::new(field.name(), array.data_type().clone(), true))
            .collect();
        assert_eq!(
            said(&table(), &[RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap(), batch(&[])]),
            [""; 0]
        );
    }

    #[test]
    fn a_canon_row_that_states_a_deletion_owes_only_its_key() {
        let mut table = table();
        table.area = Area::Canon;
        table.columns.truncate(3);
        table.columns[2].required = true;
        table.columns[2].measure = None;
        let with_flags = |flags: Vec<bool>| {
            let rows = batch(&[(7, Some("a"), None, None, None), (7, Some("b"), Some(1), None, None)])
                .project(&[0, 1, 2])
                .unwrap();
            let mut fields: Vec<Field> = rows.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
            fields.push(Field::new("_deleted", DataType::Boolean, false));
            let columns =
                rows.columns().iter().cloned().chain([Arc::new(BooleanArray::from(flags)) as ArrayRef]).collect();
            RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
        };
        assert_eq!(said(&table, &[with_flags(vec![true, false])]), [""; 0]);
        assert_eq!(
            said(&table, &[with_flags(vec![false, false])]),
            ["column `headcount`: 1 row with no value, though one is required"]
        );
    }
}
