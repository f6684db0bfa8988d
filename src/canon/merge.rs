//! Many statements about the same things become one live row each: the last known statement of a key wins.
//!
//! "Last" is the greatest (`_known_at`, `_delivery`, holds on some day, `_row`); a contract may name an instant that comes before these
//! (`latest`: the later of two updates holds, even where the earlier one is delivered after it). Taking a maximum is
//! associative and commutative, so merging deliveries one by one, all at once or in any order gives the same rows. What
//! loses is counted against its delivery. Rows that a full snapshot ended (`_held_to`) stand beside the live row of their key: they
//! were counted when they ended, and nothing replaces them.
//!
//! A statement that does not say when it was updated speaks of the moment it was made: it gives way to every later one, and
//! every earlier one to it. Such statements among others are weighed in the order they were made, which is no maximum; the
//! caller starts a table over when one of them comes late.

mod sort;

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, UInt32Array, make_comparator};
use arrow::compute::{SortOptions, concat_batches, take_record_batch};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use hashbrown::HashMap;

use super::columns::{Text, bools, dates, instants, ints};
use crate::contract::Table;
use crate::contract::arrow::{DELETED, DELIVERY, HELD_TO, KNOWN_AT, ROW, canon_schema};
use sort::sort;

/// Why an accepted row is not (or no longer) live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lost {
    /// The same statement was made again.
    Duplicate,
    /// A later statement about the same key said otherwise, or a later snapshot no longer holds it.
    Superseded,
    /// The source took it back: an xAPI voiding, or a delete by key.
    Voided,
}

/// Rows lost by (delivery, kind).
pub type Losses = BTreeMap<(String, Lost), u64>;

/// Keys the source took back, with the instant until which they are taken back: `i64::MAX` for a voiding, which holds whatever comes
/// later, the delete's own `_known_at` for a delete, after which the key may be stated again.
pub type Removed = HashMap<String, i64>;

/// Of which columns a delivery's empty values leave what was known before.
#[derive(Debug, Clone, Copy)]
pub enum Kept<'k> {
    Nothing,
    /// Of these: the export had no such column.
    Columns(&'k BTreeSet<String>),
    All,
}

impl Kept<'_> {
    pub fn has(self, column: &str) -> bool {
        match self {
            Kept::Nothing => false,
            Kept::Columns(columns) => columns.contains(column),
            Kept::All => true,
        }
    }

    pub fn is_nothing(self) -> bool {
        matches!(self, Kept::Nothing)
    }
}

/// What merging a partition gave.
#[derive(Debug)]
pub struct Merged {
    /// Live rows (and tombstones) in the contract's order.
    pub rows: RecordBatch,
    pub losses: Losses,
}

/// Merges the batches of one partition, all in the table's canon schema.
///
/// `is_current(delivery, known_at)` is false for rows of a full snapshot that a later snapshot of the same feed has replaced;
/// `keeps(delivery, deletes)` says of which columns an empty value means that the value known before still holds, of a statement or of
/// a delete.
///
/// # Errors
/// The batches do not have the table's schema.
pub fn merge<'k>(
    table: &Table,
    batches: &[RecordBatch],
    removed: &Removed,
    is_current: &dyn Fn(&str, i64) -> bool,
    keeps: &dyn Fn(&str, bool) -> Kept<'k>,
) -> Result<Merged, ArrowError> {
    let all = concat_batches(&canon_schema(table), batches)?;
    let mut losses = Losses::new();
    let mut lose = |delivery: Option<&str>, kind: Lost| {
        *losses.entry((delivery.unwrap_or_default().to_owned(), kind)).or_default() += 1;
    };
    let delivery = Text::of(&all, DELIVERY);
    let (known_at, row) = (instants(&all, KNOWN_AT), ints(&all, ROW));
    let said_at = table.latest.as_deref().map(|name| instants(&all, name));
    let deleted = bools(&all, DELETED);
    // A delete says nothing but its key: it speaks of the moment it was delivered.
    let latest =
        |i: usize| said_at.as_ref().and_then(|said_at| if deleted(i) == Some(true) { known_at(i) } else { said_at(i) });
    // Within a delivery a row of no day loses to one that holds on some.
    let ends = [("effective_from", "effective_to"), ("valid_from", "valid_to"), ("period_start", "period_end")]
        .map(|(from, to)| (dates(&all, from), dates(&all, to)));
    let holds_some_day =
        |i: usize| !ends.iter().any(|(from, to)| from(i).zip(to(i)).is_some_and(|(from, to)| to <= from));
    let age = |i: usize| (latest(i), known_at(i), delivery.get(i), holds_some_day(i), row(i));

    // A delivery is asked for once, not once a row.
    let mut current: Vec<Option<bool>> = vec![None; delivery.values().map_or(0, |values| values.len())];
    let mut is_live = |i: usize, known: i64| {
        let ask = || is_current(delivery.get(i).unwrap_or_default(), known);
        match &delivery {
            Text::Dictionary(dictionary, _) => match dictionary.key(i) {
                Some(key) => *current[key].get_or_insert_with(ask),
                None => ask(),
            },
            _ => ask(),
        }
    };
    let in_turn = in_turn(&all, &|i| said_at.as_ref().map(|_| latest(i).is_some()));
    let holds = |i: usize, held: usize| match &in_turn {
        Some(_) => latest(i).zip(latest(held)).is_none_or(|(i, held)| i >= held),
        None => age(i) > age(held),
    };

    let keys = Keys::of(table, &all)?;
    // (winner, loser): what both said is compared afterwards, for all pairs at once.
    let mut pairs: Vec<(u32, u32)> = Vec::new();
    let mut winners: HashMap<&[u8], usize> = HashMap::with_capacity(all.num_rows());
    for at in 0..all.num_rows() {
        let i = in_turn.as_ref().map_or(at, |order| order[at]);
        // A snapshot that another replaced has no say, however young its rows claim to be.
        if said_at.is_some() && !is_live(i, known_at(i).unwrap_or(0)) {
            lose(delivery.get(i), Lost::Superseded);
            continue;
        }
        match winners.entry(keys.row(i)) {
            hashbrown::hash_map::Entry::Vacant(entry) => {
                entry.insert(i);
            }
            hashbrown::hash_map::Entry::Occupied(mut entry) => {
                let held = *entry.get();
                let (winner, loser) = if holds(i, held) { (i, held) } else { (held, i) };
                entry.insert(winner);
                pairs.push((winner as u32, loser as u32));
            }
        }
    }
    let ended = dates(&all, HELD_TO);
    for (loser, same) in compare(table, &all, &pairs)?.into_iter().filter(|(loser, _)| ended(*loser).is_none()) {
        lose(delivery.get(loser), if same { Lost::Duplicate } else { Lost::Superseded });
    }
    let only_key = match table.key.as_slice() {
        [one] => Text::of(&all, one),
        _ => Text::Absent,
    };
    // In the order in which they came, which is often the order they are to have.
    let mut wins = vec![false; all.num_rows()];
    winners.values().for_each(|&i| wins[i] = true);
    let mut live: Vec<u32> = Vec::with_capacity(winners.len());
    drop(winners);
    for i in (0..all.num_rows()).filter(|i| wins[*i]) {
        let known = known_at(i).unwrap_or(0);
        if ended(i).is_some() {
            live.push(i as u32);
            continue;
        }
        let taken_back = !removed.is_empty()
            && only_key.get(i).and_then(|key| removed.get(key)).is_some_and(|until| known <= *until);
        if taken_back {
            lose(delivery.get(i), Lost::Voided);
        } else if is_live(i, known) {
            live.push(i as u32);
        } else {
            lose(delivery.get(i), Lost::Superseded);
        }
    }
    sort(table, &all, &mut live)?;
    let is_in_order = live.len() == all.num_rows() && live.iter().zip(0..).all(|(row, at)| *row == at);
    let mut rows = if is_in_order {
        all.clone()
    } else {
        take_record_batch(&all, &UInt32Array::from_iter_values(live.iter().copied()))?
    };
    // A delivery is asked for once, not once a row and column.
    let kept: Vec<Kept<'k>> = if pairs.is_empty() {
        Vec::new()
    } else {
        let [said, deletes] =
            [false, true].map(|deletes| delivery.each(all.num_rows(), &mut |delivery| keeps(delivery, deletes)));
        let of = |i: usize| if deleted(i) == Some(true) { deletes[i] } else { said[i] };
        (0..all.num_rows()).map(|i| of(i).unwrap_or(Kept::Nothing)).collect()
    };
    if pairs.iter().any(|(winner, _)| !kept[*winner as usize].is_nothing()) {
        let mut stated: HashMap<&[u8], Vec<u32>> = HashMap::new();
        for row in pairs.iter().flat_map(|(winner, loser)| [*winner, *loser]) {
            stated.entry(keys.row(row as usize)).or_default().push(row);
        }
        for rows in stated.values_mut() {
            rows.sort_unstable_by(|a, b| age(*b as usize).cmp(&age(*a as usize)));
            rows.dedup();
        }
        let chain = |row: u32| stated.get(&keys.row(row as usize)).map_or(&[][..], Vec::as_slice);
        rows = keep_known(table, &all, &live, &chain, &kept)?;
    }
    Ok(Merged { rows, losses })
}

/// The rows in the order their statements were made, where some say when they were updated (`dated`) and others do not; `None`
/// where all do or none does, or the table has no such column.
fn in_turn(all: &RecordBatch, dated: &dyn Fn(usize) -> Option<bool>) -> Option<Vec<usize>> {
    let mut said = [false, false];
    for i in 0..all.num_rows() {
        said[usize::from(dated(i)?)] = true;
    }
    if said != [true, true] {
        return None;
    }
    let delivery = Text::of(all, DELIVERY);
    let (known_at, row) = (instants(all, KNOWN_AT), ints(all, ROW));
    let mut order: Vec<usize> = (0..all.num_rows()).collect();
    order.sort_by(|&a, &b| (known_at(a), delivery.get(a), row(a)).cmp(&(known_at(b), delivery.get(b), row(b))));
    Some(order)
}

/// Fills what a statement left empty from the statements before it, back to the first that means its empty values.
fn keep_known<'c>(
    table: &Table,
    all: &RecordBatch,
    live: &[u32],
    chain: &dyn Fn(u32) -> &'c [u32],
    kept: &[Kept<'_>],
) -> Result<RecordBatch, ArrowError> {
    let schema = all.schema();
    // What is kept is kept by few deliveries: a column of none of them needs no look.
    let mut ways: Vec<Kept<'_>> = Vec::new();
    let same = |a: Kept<'_>, b: Kept<'_>| match (a, b) {
        (Kept::Columns(a), Kept::Columns(b)) => std::ptr::eq(a, b),
        (Kept::All, Kept::All) | (Kept::Nothing, Kept::Nothing) => true,
        _ => false,
    };
    for way in kept {
        if !ways.iter().any(|known| same(*known, *way)) {
            ways.push(*way);
        }
    }
    let columns = schema
        .fields()
        .iter()
        .zip(all.columns())
        .map(|(field, array)| {
            let own = table.stored().any(|column| column.name == *field.name() && !column.key);
            let is_kept = own && array.null_count() > 0 && ways.iter().any(|way| way.has(field.name()));
            let source = |&row: &u32| {
                if !is_kept || array.is_valid(row as usize) {
                    return row;
                }
                let mut reach = true;
                // Newest first: a statement that does not keep ends the search with what it says, be it nothing.
                let earlier = chain(row).iter().find(|earlier| {
                    let found = reach && array.is_valid(**earlier as usize);
                    reach &= kept[**earlier as usize].has(field.name());
                    found
                });
                earlier.copied().unwrap_or(row)
            };
            arrow::compute::take(array, &UInt32Array::from_iter_values(live.iter().map(source)), None)
        })
        .collect::<Result<Vec<ArrayRef>, ArrowError>>()?;
    RecordBatch::try_new(schema, columns)
}

/// The keys of rows as bytes that are equal where the keys are.
enum Keys<'a> {
    /// A single text in every row.
    Texts(&'a StringArray),
    Rows(Rows),
}

impl<'a> Keys<'a> {
    /// Of a row that ended, with the day it did.
    fn of(table: &Table, all: &'a RecordBatch) -> Result<Keys<'a>, ArrowError> {
        let ended = all.column_by_name(HELD_TO).filter(|days| days.null_count() < days.len()).map(|_| HELD_TO);
        if let ([key], None) = (table.key.as_slice(), ended)
            && let Some(array) = all.column_by_name(key)
            && let Some(texts) = array.as_string_opt::<i32>()
            && texts.null_count() == 0
        {
            return Ok(Keys::Texts(texts));
        }
        let arrays = arrays(all, table.key.iter().map(String::as_str).chain(ended))?;
        let fields = arrays.iter().map(|array| SortField::new(array.data_type().clone())).collect();
        Ok(Keys::Rows(RowConverter::new(fields)?.convert_columns(&arrays)?))
    }

    fn row(&self, at: usize) -> &[u8] {
        match self {
            Keys::Texts(texts) => texts.value(at).as_bytes(),
            Keys::Rows(rows) => rows.row(at).data(),
        }
    }
}

fn arrays<'a>(all: &RecordBatch, names: impl Iterator<Item = &'a str>) -> Result<Vec<ArrayRef>, ArrowError> {
    names
        .map(|name| {
            let array = all.column_by_name(name).cloned();
            array.ok_or_else(|| ArrowError::SchemaError(format!("canon rows have no column {name}")))
        })
        .collect()
}

/// For each loser whether its winner said the same.
fn compare(table: &Table, all: &RecordBatch, pairs: &[(u32, u32)]) -> Result<Vec<(usize, bool)>, ArrowError> {
    let mut same = vec![true; pairs.len()];
    for array in arrays(all, table.stored().map(|column| column.name.as_str()).chain([DELETED]))? {
        agree(&array, pairs, &mut same)?;
    }
    Ok(pairs.iter().zip(same).map(|(pair, same)| (pair.1 as usize, same)).collect())
}

/// Clears the mark of each pair that says two things in one column.
fn agree(array: &ArrayRef, pairs: &[(u32, u32)], same: &mut [bool]) -> Result<(), ArrowError> {
    let mut look = |agree: &dyn Fn(usize, usize) -> bool| {
        for ((winner, loser), same) in pairs.iter().zip(same.iter_mut()).filter(|(_, same)| **same) {
            *same = agree(*winner as usize, *loser as usize);
        }
    };
    match Text::from_array(array) {
        Text::Dictionary(dictionary, values) => {
            let text = |key: Option<usize>| key.filter(|key| values.is_valid(*key)).map(|key| values.value(key));
            look(&|a, b| {
                let (a, b) = (dictionary.key(a), dictionary.key(b));
                a == b || text(a) == text(b)
            });
        }
        Text::Plain(texts) => look(&|a, b| {
            let text = |row: usize| texts.is_valid(row).then(|| texts.value(row));
            text(a) == text(b)
        }),
        Text::Absent => {
            let order = make_comparator(array, array, SortOptions::default())?;
            look(&|a, b| order(a, b).is_eq());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        BooleanArray, Date32Array, DictionaryArray, Int64Array, StringArray, TimestampMicrosecondArray,
    };
    use arrow::datatypes::{DataType, Int32Type};

    use super::*;
    use crate::contract::Catalog;

    /// Rows of `users`: (user_id, email, known_at, delivery, row).
    fn users(rows: &[(&str, Option<&str>, i64, &str, i64)]) -> (Table, RecordBatch) {
        let table = Catalog::load().unwrap().require("users").unwrap().clone();
        let schema = canon_schema(&table);
        let text = |pick: &dyn Fn(usize) -> Option<String>| -> ArrayRef {
            Arc::new(
                (0..rows.len())
                    .map(pick)
                    .collect::<Vec<_>>()
                    .iter()
                    .map(Option::as_deref)
                    .collect::<DictionaryArray<Int32Type>>(),
            )
        };
        let columns = schema
            .fields()
            .iter()
            .map(|field| -> ArrayRef {
                match field.name().as_str() {
                    "user_id" => Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
                    "email" => text(&|at| rows[at].1.map(str::to_owned)),
                    DELIVERY => text(&|at| Some(rows[at].3.to_owned())),
                    ROW => Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.4))),
                    KNOWN_AT => Arc::new(
                        TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.2)).with_timezone("UTC"),
                    ),
                    DELETED => Arc::new(BooleanArray::from(vec![false; rows.len()])),
                    _ => match field.data_type() {
                        DataType::Timestamp(_, _) => {
                            Arc::new(TimestampMicrosecondArray::new_null(rows.len()).with_timezone("UTC"))
                        }
                        DataType::Date32 => Arc::new(Date32Array::new_null(rows.len())),
                        DataType::Boolean => Arc::new(BooleanArray::new_null(rows.len())),
                        _ => text(&|_| None),
                    },
                }
            })
            .collect();
        (table, RecordBatch::try_new(schema, columns).unwrap())
    }

    fn said(merged: &Merged) -> Vec<(String, Option<String>)> {
        let (user, email) = (Text::of(&merged.rows, "user_id"), Text::of(&merged.rows, "email"));
        (0..merged.rows.num_rows())
            .map(|row| (user.get(row).unwrap().to_owned(), email.get(row).map(str::to_owned)))
            .collect()
    }

    #[test]
    fn the_last_known_statement_wins_in_any_order_and_losers_are_counted() {
        let rows = [
            ("u1", Some("old"), 1, "a", 1),
            ("u1", Some("new"), 2, "b", 1),
            ("u1", Some("new"), 2, "b", 2),
            ("u2", None, 1, "a", 2),
        ];
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]] {
            let (table, batch) = users(&order.map(|at| rows[at]));
            let merged = merge(&table, &[batch], &Removed::new(), &|_, _| true, &|_, _| Kept::Nothing).unwrap();
            assert_eq!(said(&merged), [("u1".into(), Some("new".into())), ("u2".into(), None)]);
            assert_eq!(merged.losses.values().sum::<u64>(), 2);
            assert_eq!(merged.losses[&("b".to_owned(), Lost::Duplicate)], 1);
        }
    }

    /// Rows of `content` as `id title updated_at known_at delivery row`, merged: `id title`, and what each delivery lost.
    fn updated(lines: &[&str], is_current: &dyn Fn(&str, i64) -> bool) -> (Vec<String>, Vec<(String, u64)>) {
        use super::super::fixture::rows;
        let catalog = Catalog::load().unwrap();
        let table = catalog.require("content").unwrap();
        let lines: Vec<String> = lines.iter().map(|line| format!("course {line}")).collect();
        let text = format!("kind content_id title updated_at _known_at _delivery _row\n{}", lines.join("\n"));
        let merged =
            merge(table, &[rows("content", &text)], &Removed::new(), is_current, &|_, _| Kept::Nothing).unwrap();
        let (id, title) = (Text::of(&merged.rows, "content_id"), Text::of(&merged.rows, "title"));
        let said = (0..merged.rows.num_rows())
            .map(|row| format!("{} {}", id.get(row).unwrap_or("-"), title.get(row).unwrap_or("-")))
            .collect();
        (said, merged.losses.into_iter().map(|((delivery, _), rows)| (delivery, rows)).collect())
    }

    #[test]
    fn the_later_update_holds_whatever_the_order_of_rows_and_deliveries() {
        let lines = [
            "c1 new 2026-03-05T00:00:00Z 2026-03-06T00:00:00Z a 1",
            "c1 old 2026-03-01T00:00:00Z 2026-03-06T00:00:00Z a 2",
            "c1 older 2026-02-01T00:00:00Z 2026-03-09T00:00:00Z b 1",
            "c2 first 2026-03-05T00:00:00Z 2026-03-06T00:00:00Z a 3",
            "c2 second 2026-03-05T00:00:00Z 2026-03-06T00:00:00Z a 4",
        ];
        let (mut back, mut turned) = (lines, lines);
        back.reverse();
        turned.rotate_left(2);
        for order in [lines, back, turned] {
            let (said, lost) = updated(&order, &|_, _| true);
            assert_eq!(said, ["c1 new", "c2 second"], "of equal updates the later statement: {order:?}");
            assert_eq!(lost, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
        }
    }

    #[test]
    fn an_update_without_an_instant_gives_way_to_the_later_statement_and_the_earlier_one_to_it() {
        let check = |lines: &[&str], expected: &str| {
            let back: Vec<&str> = lines.iter().rev().copied().collect();
            for order in [lines, &back] {
                assert_eq!(updated(order, &|_, _| true).0, [expected], "{order:?}");
            }
        };
        let (dated, empty) = ("c1 dated 2026-03-05T00:00:00Z", "c1 empty -");
        let day = |day: u32| format!("2026-03-{day:02}T00:00:00Z");
        check(&[&format!("{dated} {} a 1", day(6)), &format!("{empty} {} a 2", day(6))], "c1 empty");
        check(&[&format!("{empty} {} a 1", day(6)), &format!("{dated} {} a 2", day(6))], "c1 dated");
        check(&[&format!("{dated} {} a 1", day(6)), &format!("{empty} {} b 1", day(7))], "c1 empty");
        let old = "c1 old 2026-03-01T00:00:00Z";
        check(&[&format!("{empty} {} a 1", day(6)), &format!("{old} {} b 1", day(7))], "c1 old");
        // In the order they were made: the empty one takes the place of the dated one, and the old one its place.
        check(
            &[&format!("{dated} {} a 1", day(6)), &format!("{empty} {} b 1", day(7)), &format!("{old} {} c 1", day(8))],
            "c1 old",
        );
    }

    #[test]
    fn a_replaced_snapshot_has_no_say_however_young_its_rows_are() {
        let lines = [
            "c1 was 2026-03-05T00:00:00Z 2026-03-06T00:00:00Z a 1",
            "c1 is 2026-03-01T00:00:00Z 2026-03-07T00:00:00Z b 1",
        ];
        let (said, lost) = updated(&lines, &|delivery, _| delivery == "b");
        assert_eq!((said, lost), (vec!["c1 is".to_owned()], vec![("a".to_owned(), 1)]));
    }

    #[test]
    fn what_the_source_took_back_is_gone_and_may_be_stated_again_after_a_delete() {
        let (table, batch) = users(&[("u1", None, 5, "a", 1), ("u2", None, 5, "a", 2), ("u3", None, 9, "b", 1)]);
        let removed = Removed::from_iter([("u1".to_owned(), i64::MAX), ("u3".to_owned(), 7)]);
        let merged = merge(&table, &[batch], &removed, &|_, _| true, &|_, _| Kept::Nothing).unwrap();
        assert_eq!(said(&merged), [("u2".into(), None), ("u3".into(), None)]);
        assert_eq!(merged.losses[&("a".to_owned(), Lost::Voided)], 1);
    }

    #[test]
    fn a_delete_holds_for_what_was_told_with_it_and_before() {
        let (table, batch) = users(&[("u1", None, 7, "a", 1), ("u2", None, 8, "a", 2)]);
        let removed = Removed::from_iter([("u1".to_owned(), 7), ("u2".to_owned(), 7)]);
        let merged = merge(&table, &[batch], &removed, &|_, _| true, &|_, _| Kept::Nothing).unwrap();
        assert_eq!(said(&merged), [("u2".into(), None)]);
    }

    #[test]
    fn rows_of_a_replaced_snapshot_are_superseded() {
        let (table, batch) = users(&[("u1", None, 1, "a", 1), ("u2", None, 2, "b", 1)]);
        let merged =
            merge(&table, &[batch], &Removed::new(), &|_, known_at| known_at >= 2, &|_, _| Kept::Nothing).unwrap();
        assert_eq!(said(&merged), [("u2".into(), None)]);
        assert_eq!(merged.losses, Losses::from([(("a".to_owned(), Lost::Superseded), 1)]));
    }

    #[test]
    fn statements_of_one_moment_are_settled_by_delivery_then_record() {
        let rows = [("u1", Some("a2"), 1, "a", 2), ("u1", Some("b1"), 1, "b", 1), ("u1", Some("a9"), 1, "a", 9)];
        for order in [[0, 1, 2], [1, 0, 2], [2, 1, 0]] {
            let (table, batch) = users(&order.map(|at| rows[at]));
            let merged = merge(&table, &[batch], &Removed::new(), &|_, _| true, &|_, _| Kept::Nothing).unwrap();
            assert_eq!(said(&merged), [("u1".into(), Some("b1".into()))], "{order:?}");
        }
    }

    #[test]
    fn within_a_delivery_a_row_of_no_day_loses_wherever_it_stands_and_a_later_delivery_may_say_so() {
        let catalog = Catalog::load().unwrap();
        let table = catalog.require("workers").unwrap();
        let header = "worker_id effective_from effective_to status org_id _delivery _known_at";
        let held = |rows: &str| {
            let batch = super::super::fixture::rows("workers", &format!("{header}\n{rows}"));
            let merged = merge(table, &[batch], &Removed::new(), &|_, _| true, &|_, _| Kept::Nothing).unwrap();
            Text::of(&merged.rows, "org_id").get(0).map(str::to_owned)
        };
        let one = "w1 2026-01-01 - active SALES d 2026-02-01T00:00:00Z";
        let none = "w1 2026-01-01 2026-01-01 active OPS d 2026-02-01T00:00:00Z";
        assert_eq!(held(&format!("{one}\n{none}")).as_deref(), Some("SALES"));
        assert_eq!(held(&format!("{none}\n{one}")).as_deref(), Some("SALES"));
        let later = none.replace(" d 2026-02-01", " e 2026-02-02");
        assert_eq!(held(&format!("{later}\n{one}")).as_deref(), Some("OPS"));
    }

    #[test]
    fn keeping_ends_at_a_statement_that_means_its_empty_values() {
        let rows = [("u1", Some("known"), 1, "a", 1), ("u1", None, 2, "clears", 1), ("u1", None, 3, "keeps", 1)];
        let (table, batch) = users(&rows);
        let merged = merge(&table, &[batch], &Removed::new(), &|_, _| true, &|delivery, _| {
            if delivery == "keeps" { Kept::All } else { Kept::Nothing }
        })
        .unwrap();
        assert_eq!(said(&merged), [("u1".into(), None)]);
    }

    #[test]
    fn a_column_that_a_delivery_lacks_keeps_what_was_known_and_the_others_do_not() {
        let rows = [("u1", Some("known"), 1, "a", 1), ("u1", None, 2, "lacks", 1), ("u2", None, 2, "lacks", 2)];
        let (table, batch) = users(&rows);
        let lacking = |column: &str| BTreeSet::from([column.to_owned()]);
        let (email, other) = (lacking("email"), lacking("username"));
        let merged = |columns: &BTreeSet<String>| {
            let keeps =
                |delivery: &str, _: bool| if delivery == "lacks" { Kept::Columns(columns) } else { Kept::Nothing };
            said(&merge(&table, std::slice::from_ref(&batch), &Removed::new(), &|_, _| true, &keeps).unwrap())
        };
        assert_eq!(merged(&email), [("u1".into(), Some("known".into())), ("u2".into(), None)]);
        assert_eq!(merged(&other), [("u1".into(), None), ("u2".into(), None)]);
    }

    #[test]
    fn an_empty_value_keeps_what_was_known_only_where_the_feed_says_so() {
        let (table, batch) = users(&[("u1", Some("known"), 1, "a", 1), ("u1", None, 2, "b", 1)]);
        let clears =
            merge(&table, std::slice::from_ref(&batch), &Removed::new(), &|_, _| true, &|_, _| Kept::Nothing).unwrap();
        assert_eq!(said(&clears), [("u1".into(), None)]);
        let keeps = merge(&table, &[batch], &Removed::new(), &|_, _| true, &|delivery, _| {
            if delivery == "b" { Kept::All } else { Kept::Nothing }
        })
        .unwrap();
        assert_eq!(said(&keeps), [("u1".into(), Some("known".into()))]);
    }
}
