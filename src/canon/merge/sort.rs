//! Merged rows in the order of their contract, by keys that are cheap to compare.

use std::cmp::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use super::super::columns::{Text, bools, dates, instants, ints};
use super::arrays;
use crate::contract::Table;
use crate::contract::arrow::HELD_TO;

/// One sort column as something cheap to compare.
enum SortKey {
    /// Dictionary text: the rank of each row's value among the distinct ones; null is 0.
    Rank(Vec<u32>),
    Number(Vec<Option<i64>>),
    Text(StringArray),
}

/// Puts row numbers into the order of the contract (`sort`, then `key`).
pub(super) fn sort(table: &Table, all: &RecordBatch, rows: &mut [u32]) -> Result<(), ArrowError> {
    let mut names: Vec<&str> = table.sort.iter().map(String::as_str).collect();
    names.extend(table.key.iter().map(String::as_str).filter(|key| !table.sort.iter().any(|name| name == key)));
    // Rows that ended follow the live one of their key.
    names.extend(all.column_by_name(HELD_TO).map(|_| HELD_TO));
    let keys: Vec<SortKey> = names.iter().map(|name| sort_key(table, all, name)).collect::<Result<_, _>>()?;
    order(&keys, rows);
    Ok(())
}

/// Sorts row numbers by keys, the first before the second. Most rows differ in the first two: as plain numbers these decide without
/// a look at the rest. Leads that are equal say nothing, so the first key itself has its say before the second one's lead.
fn order(keys: &[SortKey], rows: &mut [u32]) {
    let lead = |at: usize, row: u32| keys.get(at).map_or(0, |key| key.lead(row as usize));
    let mut order: Vec<(u64, u64, u32)> = rows.iter().map(|&row| (lead(0, row), lead(1, row), row)).collect();
    // Exports come in an order of their own and the lake in this one: what is in order already costs one look.
    order.sort_by(|a, b| {
        let by = |key: &SortKey| key.compare(a.2 as usize, b.2 as usize);
        let first = || keys.first().map_or(Ordering::Equal, by);
        let rest = || keys.iter().skip(1).map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal);
        a.0.cmp(&b.0).then_with(first).then_with(|| a.1.cmp(&b.1)).then_with(rest)
    });
    rows.iter_mut().zip(order).for_each(|(row, (_, _, sorted))| *row = sorted);
}

impl SortKey {
    fn compare(&self, a: usize, b: usize) -> Ordering {
        match self {
            SortKey::Rank(ranks) => ranks[a].cmp(&ranks[b]),
            SortKey::Number(numbers) => numbers[a].cmp(&numbers[b]),
            SortKey::Text(array) => text(array, a).cmp(&text(array, b)),
        }
    }

    /// A number that orders as the values do wherever two of these differ; equal ones say nothing. A missing value is least.
    fn lead(&self, row: usize) -> u64 {
        match self {
            SortKey::Rank(ranks) => u64::from(ranks[row]),
            SortKey::Number(numbers) => {
                numbers[row].map_or(0, |number| ((number as u64) ^ (1 << 63)).saturating_add(1))
            }
            SortKey::Text(array) => text(array, row).map_or(0, |text| {
                // A text may begin with zeros, and none at all is still more than a missing one: seven bytes after a mark.
                let mut bytes = [0u8; 8];
                bytes[0] = 1;
                bytes[1..].iter_mut().zip(text.as_bytes()).for_each(|(to, from)| *to = *from);
                u64::from_be_bytes(bytes)
            }),
        }
    }
}

fn text(array: &StringArray, row: usize) -> Option<&str> {
    array.is_valid(row).then(|| array.value(row))
}

fn sort_key(table: &Table, all: &RecordBatch, name: &str) -> Result<SortKey, ArrowError> {
    let array = arrays(all, [name].into_iter())?.remove(0);
    let count = all.num_rows();
    Ok(match array.data_type() {
        DataType::Utf8 => SortKey::Text(array.as_string::<i32>().clone()),
        DataType::Dictionary(_, _) => SortKey::Rank(ranks(&array, count)),
        DataType::Date32 => {
            let get = dates(all, name);
            SortKey::Number((0..count).map(|i| get(i).map(i64::from)).collect())
        }
        DataType::Timestamp(_, _) => {
            let get = instants(all, name);
            SortKey::Number((0..count).map(get).collect())
        }
        DataType::Boolean => {
            let get = bools(all, name);
            SortKey::Number((0..count).map(|i| get(i).map(i64::from)).collect())
        }
        DataType::Int64 => {
            let get = ints(all, name);
            SortKey::Number((0..count).map(get).collect())
        }
        other => {
            let what = format!("{}: column {name} of type {other} cannot order rows", table.name);
            return Err(ArrowError::SchemaError(what));
        }
    })
}

/// The first bytes of a text as a number that orders as they do.
fn first_bytes(text: &str) -> u64 {
    let mut bytes = [0u8; 8];
    bytes.iter_mut().zip(text.as_bytes()).for_each(|(to, from)| *to = *from);
    u64::from_be_bytes(bytes)
}

/// Ranks of dictionary text by value; the dictionary's own order says nothing.
fn ranks(array: &ArrayRef, count: usize) -> Vec<u32> {
    let text = Text::from_array(array);
    let Some(values) = text.values() else { return vec![0; count] };
    // Most texts differ in the first eight bytes.
    let mut order: Vec<(u64, u32)> = (0..values.len()).map(|i| (first_bytes(values.value(i)), i as u32)).collect();
    order.sort_unstable_by(|a, b| {
        a.0.cmp(&b.0).then_with(|| values.value(a.1 as usize).cmp(values.value(b.1 as usize)))
    });
    let mut rank_of = vec![0u32; values.len()];
    let mut rank = 0;
    for (position, &(lead, i)) in order.iter().enumerate() {
        let repeats = position > 0 && {
            let (before, at) = order[position - 1];
            before == lead && values.value(at as usize) == values.value(i as usize)
        };
        if !repeats {
            rank += 1;
        }
        rank_of[i as usize] = rank;
    }
    let Text::Dictionary(dictionary, _) = text else { return vec![0; count] };
    (0..count).map(|i| dictionary.key(i).map_or(0, |key| rank_of[key])).collect()
}

#[cfg(test)]
mod tests {

    use arrow::array::StringArray;

    use super::*;

    /// Wherever two leads differ, they say what the values themselves say.
    #[track_caller]
    fn agrees(key: &SortKey, rows: usize) {
        for (a, b) in (0..rows).flat_map(|a| (0..rows).map(move |b| (a, b))) {
            let leads = key.lead(a).cmp(&key.lead(b));
            assert!(leads.is_eq() || leads == key.compare(a, b), "rows {a} and {b}");
        }
    }

    #[test]
    fn leads_order_as_the_values_do() {
        let numbers = [None, Some(i64::MIN), Some(-1), Some(0), Some(1), Some(i64::MAX - 1), Some(i64::MAX)];
        agrees(&SortKey::Number(numbers.to_vec()), numbers.len());
        let texts = [None, Some(""), Some("\0"), Some("a"), Some("a\0"), Some("abcdefg"), Some("abcdefgh"), Some("é")];
        agrees(&SortKey::Text(StringArray::from(texts.to_vec())), texts.len());
        agrees(&SortKey::Rank(vec![2, 0, 1, 2]), 4);
    }

    #[test]
    fn texts_that_begin_alike_come_before_what_the_second_key_says() {
        let texts = SortKey::Text(StringArray::from(vec!["employee-2", "employee-1", "employee-1"]));
        let keys = [texts, SortKey::Number(vec![Some(1), Some(3), Some(2)])];
        let mut rows = [0, 1, 2];
        order(&keys, &mut rows);
        assert_eq!(rows, [2, 1, 0]);
    }

    #[test]
    fn leads_tell_most_values_apart() {
        let numbers = SortKey::Number(vec![None, Some(-5), Some(7)]);
        assert!(numbers.lead(0) < numbers.lead(1) && numbers.lead(1) < numbers.lead(2));
        let texts = SortKey::Text(StringArray::from(vec![None, Some(""), Some("u1"), Some("u2")]));
        assert!((0..3).all(|row| texts.lead(row) < texts.lead(row + 1)));
    }
}
