//! Daily snapshots without effective dates become effective-dated rows by comparing consecutive ones.
//!
//! A row opens on the day of the first snapshot that says it, closes on the day of the first one that says otherwise or no
//! longer holds the key, and opens again on return. Snapshots must be applied in order of their day: what lies between
//! two of them cannot be told from the rows alone, so a late one makes the caller start over from the landing area.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Date32Array, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, interleave, take_record_batch};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use hashbrown::HashMap;

use super::columns::{Text, bools, dates, instants, ints};
use super::merge::{Kept, Losses, Lost};
use crate::contract::Table;
use crate::contract::arrow::{DELETED, DELIVERY, KNOWN_AT, ROW, canon_schema};
use crate::period::Day;

const FROM: &str = "effective_from";
const TO: &str = "effective_to";

/// Which rows of a delivery a snapshot is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    Nothing,
    All,
    /// Those that begin on the day, or say no day at all.
    Of(Day),
    AllBut(Day),
}

impl Against {
    /// Whether a row that begins on the day is one of them.
    pub fn holds(self, from: Option<Day>) -> bool {
        match self {
            Against::Nothing => false,
            Against::All => true,
            Against::Of(day) => from.is_none_or(|from| from == day),
            Against::AllBut(day) => from.is_some_and(|from| from != day),
        }
    }
}

/// Whether each row of a table is one that a snapshot is held against; a delivery is asked for once, not once a row.
pub(super) fn are_ours<'s>(state: &'s RecordBatch, ours: &dyn Fn(&str) -> Against) -> impl Fn(usize) -> bool + use<'s> {
    let against = Text::of(state, DELIVERY).each(state.num_rows(), &mut |delivery| ours(delivery));
    let from = dates(state, FROM);
    move |row| against[row].is_some_and(|against| against.holds(from(row)))
}

/// Applies one snapshot of `day` to the rows built from the earlier ones. Rows that it is not held against, of other feeds or with a
/// day of their own (`ours`, of a delivery), pass through. Where the snapshot `annuls`, a deleted row says that its key's open row never
/// was; else that it has ended.
/// Empty values of the columns in `kept` say that what the key's open row says still holds.
///
/// # Errors
/// A batch does not have the table's canon schema.
pub fn apply<'k>(
    table: &Table,
    state: &RecordBatch,
    snapshot: &[RecordBatch],
    day: Day,
    ours: &dyn Fn(&str) -> Against,
    kept: &dyn Fn(&str) -> Kept<'k>,
    annuls: bool,
) -> Result<(RecordBatch, Losses), ArrowError> {
    let schema = canon_schema(table);
    let snapshot = concat_batches(&schema, snapshot)?;
    let of_row = Text::of(&snapshot, DELIVERY).each(snapshot.num_rows(), &mut |delivery| kept(delivery));
    let of_row: Vec<Kept<'k>> = of_row.into_iter().map(|kept| kept.unwrap_or(Kept::Nothing)).collect();
    let keeps_nothing = of_row.iter().all(|kept| kept.is_nothing());
    let snapshot = if keeps_nothing { snapshot } else { filled(table, state, snapshot, ours, &of_row)? };
    let mut losses = Losses::new();
    let delivery = Text::of(&snapshot, DELIVERY);
    let lose = |losses: &mut Losses, row: usize, kind: Lost| {
        *losses.entry((delivery.get(row).unwrap_or_default().to_owned(), kind)).or_default() += 1;
    };

    // One row a key: the last statement of the snapshot.
    let said = Said::of(table, &[state, &snapshot])?;
    let (known_at, row, deleted) = (instants(&snapshot, KNOWN_AT), ints(&snapshot, ROW), bools(&snapshot, DELETED));
    let ends = dates(&snapshot, TO);
    // A row that has ended by the day of its snapshot loses to one that has not.
    let age = |i: usize| (known_at(i), delivery.get(i), ends(i).is_none_or(|to| day < to), row(i));
    let never_was = |i: usize| annuls && deleted(i) == Some(true);
    let mut last: HashMap<_, usize> = HashMap::new();
    for i in 0..snapshot.num_rows() {
        match last.entry(said.key(1, i)) {
            hashbrown::hash_map::Entry::Vacant(entry) => {
                entry.insert(i);
            }
            hashbrown::hash_map::Entry::Occupied(mut entry) => {
                let held = *entry.get();
                let (winner, loser) = if age(i) > age(held) { (i, held) } else { (held, i) };
                entry.insert(winner);
                let same = said.content(1, winner) == said.content(1, loser);
                lose(&mut losses, loser, if same { Lost::Duplicate } else { Lost::Superseded });
            }
        }
    }

    let (from, to, state_delivery) = (dates(state, FROM), dates(state, TO), Text::of(state, DELIVERY));
    let is_ours = are_ours(state, ours);
    let mut closes: Vec<Option<Day>> = (0..state.num_rows()).map(&to).collect();
    let mut keep: Vec<u32> = Vec::new();
    for (i, closes) in closes.iter_mut().enumerate() {
        let told_by = state_delivery.get(i).unwrap_or_default();
        if to(i).is_none() && is_ours(i) {
            match last.get(&said.key(0, i)).copied() {
                Some(now) if deleted(now) != Some(true) && said.content(0, i) == said.content(1, now) => {
                    lose(&mut losses, now, Lost::Duplicate);
                    last.remove(&said.key(0, i));
                }
                Some(now) if never_was(now) => {
                    *losses.entry((told_by.to_owned(), Lost::Voided)).or_default() += 1;
                    continue;
                }
                _ => *closes = Some(day),
            }
        }
        // A row that opened on this very day never held: a second snapshot of the day replaced the first.
        if from(i) < *closes || closes.is_none() {
            keep.push(i as u32);
        } else {
            *losses.entry((told_by.to_owned(), Lost::Superseded)).or_default() += 1;
        }
    }
    let state = with_column(state, TO, Arc::new(Date32Array::from(closes)))?;
    let kept = take_record_batch(&state, &UInt32Array::from(keep))?;
    let mut opened: Vec<u32> = last.values().filter(|&&i| !never_was(i)).map(|&i| i as u32).collect();
    for &i in last.values().filter(|&&i| never_was(i)) {
        lose(&mut losses, i, Lost::Voided);
    }
    opened.sort_unstable();
    let opened = take_record_batch(&snapshot, &UInt32Array::from(opened))?;
    let days: ArrayRef = Arc::new(Date32Array::from(vec![day; opened.num_rows()]));
    let opened = with_column(&opened, FROM, days)?;
    Ok((concat_batches(&schema, &[kept, opened])?, losses))
}

/// The snapshot with what it leaves as it was, from the open rows of the same keys.
fn filled(
    table: &Table,
    state: &RecordBatch,
    snapshot: RecordBatch,
    ours: &dyn Fn(&str) -> Against,
    kept: &[Kept<'_>],
) -> Result<RecordBatch, ArrowError> {
    let said = Said::of(table, &[state, &snapshot])?;
    let (to, is_ours) = (dates(state, TO), are_ours(state, ours));
    let is_open = |row: &usize| to(*row).is_none() && is_ours(*row);
    let open: HashMap<_, usize> = (0..state.num_rows()).filter(is_open).map(|row| (said.key(0, row), row)).collect();
    let columns = snapshot
        .schema()
        .fields()
        .iter()
        .zip(snapshot.columns())
        .map(|(field, array)| {
            let name = field.name();
            let own = table.stored().any(|column| column.name == *name && !column.key) && name != FROM && name != TO;
            let before = state.column_by_name(name).filter(|_| own && array.null_count() > 0);
            let Some(before) = before else { return Ok(array.clone()) };
            let place = |row: usize| match open.get(&said.key(1, row)) {
                Some(held) if array.is_null(row) && kept[row].has(name) => (1, *held),
                _ => (0, row),
            };
            let places: Vec<(usize, usize)> = (0..snapshot.num_rows()).map(place).collect();
            interleave(&[array.as_ref(), before.as_ref()], &places)
        })
        .collect::<Result<Vec<ArrayRef>, ArrowError>>()?;
    RecordBatch::try_new(snapshot.schema(), columns)
}

/// Keys and contents of two batches, comparable across both.
struct Said {
    keys: Vec<Rows>,
    contents: Vec<Rows>,
}

impl Said {
    fn of(table: &Table, batches: &[&RecordBatch]) -> Result<Said, ArrowError> {
        let dated = |name: &str| name == FROM || name == TO;
        let key = |name: &str| table.key.iter().any(|part| part == name);
        let names = |want_key: bool| -> Vec<&str> {
            let stored = table.stored().map(|column| column.name.as_str());
            stored.filter(|name| !dated(name) && key(name) == want_key).collect()
        };
        Ok(Said { keys: rows(batches, &names(true))?, contents: rows(batches, &names(false))? })
    }

    fn key(&self, batch: usize, row: usize) -> arrow::row::Row<'_> {
        self.keys[batch].row(row)
    }

    fn content(&self, batch: usize, row: usize) -> arrow::row::Row<'_> {
        self.contents[batch].row(row)
    }
}

fn rows(batches: &[&RecordBatch], names: &[&str]) -> Result<Vec<Rows>, ArrowError> {
    let columns = |batch: &RecordBatch| -> Vec<ArrayRef> {
        names.iter().filter_map(|name| batch.column_by_name(name).cloned()).collect()
    };
    let Some(first) = batches.first() else { return Ok(Vec::new()) };
    let fields = columns(first).iter().map(|array| SortField::new(array.data_type().clone())).collect();
    let converter = RowConverter::new(fields)?;
    batches.iter().map(|batch| converter.convert_columns(&columns(batch))).collect()
}

/// The batch with one column replaced.
pub fn with_column(batch: &RecordBatch, name: &str, array: ArrayRef) -> Result<RecordBatch, ArrowError> {
    let index = batch.schema().index_of(name)?;
    let mut columns = batch.columns().to_vec();
    columns[index] = array;
    RecordBatch::try_new(batch.schema(), columns)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{day, rows};
    use super::*;
    use crate::contract::Catalog;

    const HEADER: &str = "worker_id effective_from effective_to status org_id _delivery _known_at _deleted";

    /// State and snapshot as texts -> rows `worker org from to delivery`, and what was lost by kind.
    fn applied(state: &str, snapshot: &str, on: &str) -> (Vec<String>, Vec<(String, Lost, u64)>) {
        applied_keeping(state, snapshot, on, Kept::Nothing)
    }

    fn applied_keeping(
        state: &str,
        snapshot: &str,
        on: &str,
        kept: Kept<'_>,
    ) -> (Vec<String>, Vec<(String, Lost, u64)>) {
        let catalog = Catalog::load().unwrap();
        let table = catalog.require("workers").unwrap();
        let ours = |delivery: &str| if delivery == "other" { Against::Nothing } else { Against::All };
        let lines = |text: &str| -> String {
            let told = |line: &str| match line.split_whitespace().count() {
                0 => String::new(),
                8 => format!("{line}\n"),
                _ => format!("{line} false\n"),
            };
            text.lines().map(told).collect()
        };
        let (state, snapshot) = (lines(state), lines(snapshot));
        let state = rows("workers", &format!("{HEADER}\n{state}"));
        let snapshot = rows("workers", &format!("{HEADER}\n{snapshot}"));
        let (after, losses) = apply(table, &state, &[snapshot], day(on), &ours, &|_| kept, true).unwrap();
        let (worker, org, delivery) =
            (Text::of(&after, "worker_id"), Text::of(&after, "org_id"), Text::of(&after, DELIVERY));
        let (from, to) = (dates(&after, FROM), dates(&after, TO));
        let date = |day: Option<Day>| day.map_or("-".into(), |day| crate::period::date_of(day).to_string());
        let text = |text: Option<&str>| text.unwrap_or("-").to_owned();
        let mut lines: Vec<String> = (0..after.num_rows())
            .map(|row| {
                let words = [
                    text(worker.get(row)),
                    text(org.get(row)),
                    date(from(row)),
                    date(to(row)),
                    text(delivery.get(row)),
                ];
                words.join(" ")
            })
            .collect();
        lines.sort();
        (lines, losses.into_iter().map(|((delivery, kind), rows)| (delivery, kind, rows)).collect())
    }

    #[test]
    fn a_row_closes_on_the_day_of_the_snapshot_that_says_otherwise_and_other_feeds_rows_stay() {
        let (rows, losses) = applied(
            "w1 2025-03-01 - active a one -
             w2 2025-03-01 - active a one -
             w3 2025-03-01 - active a one -
             w9 2025-03-01 - active a other -",
            "w1 - - active a two -
             w2 - - active b two -",
            "2025-03-08",
        );
        assert_eq!(
            rows,
            [
                "w1 a 2025-03-01 - one",
                "w2 a 2025-03-01 2025-03-08 one",
                "w2 b 2025-03-08 - two",
                "w3 a 2025-03-01 2025-03-08 one",
                "w9 a 2025-03-01 - other"
            ]
        );
        assert_eq!(losses, [("two".to_owned(), Lost::Duplicate, 1)]);
    }

    #[test]
    fn a_second_snapshot_of_a_day_replaces_the_first_and_leaves_no_row_of_no_day() {
        let (rows, losses) = applied(
            "w1 2025-03-08 - active a one -\n w2 2025-03-08 - active a one -",
            "w1 - - active b two -",
            "2025-03-08",
        );
        assert_eq!(rows, ["w1 b 2025-03-08 - two"]);
        assert_eq!(losses, [("one".to_owned(), Lost::Superseded, 2)]);
    }

    #[test]
    fn a_key_that_a_snapshot_annuls_never_was_and_one_it_does_not_hold_has_ended() {
        let (rows, losses) = applied(
            "w1 2025-03-01 - active a one -\n w2 2025-03-01 - active a one -\n w3 2025-01-01 2025-03-01 active a one -",
            "w1 - - active a two - true\n w3 - - active a two - true",
            "2025-03-08",
        );
        assert_eq!(rows, ["w2 a 2025-03-01 2025-03-08 one", "w3 a 2025-01-01 2025-03-01 one"]);
        assert_eq!(losses, [("one".to_owned(), Lost::Voided, 1), ("two".to_owned(), Lost::Voided, 2)]);
    }

    #[test]
    fn the_last_statement_of_a_key_within_a_snapshot_holds() {
        let (rows, losses) = applied(
            "",
            "w1 - - active a one 2025-03-08T00:00:00Z\n w1 - - active b one 2025-03-08T00:00:00Z\n w1 - - active b one 2025-03-08T00:00:00Z",
            "2025-03-08",
        );
        assert_eq!(rows, ["w1 b 2025-03-08 - one"]);
        assert_eq!(losses, [("one".to_owned(), Lost::Duplicate, 1), ("one".to_owned(), Lost::Superseded, 1)]);
    }
    #[test]
    fn a_column_that_a_snapshot_lacks_opens_no_row_and_carries_what_was_known_into_one_that_opens() {
        let state =
            "w1 2025-03-01 - active a one -\n w2 2025-03-01 - active a one -\n w3 2025-03-01 2025-03-05 active a one -";
        let snapshot = "w1 - - active - two -\n w2 - - leave - two -\n w3 - - active - two -";
        let lacking = std::collections::BTreeSet::from(["org_id".to_owned()]);
        let (rows, losses) = applied_keeping(state, snapshot, "2025-03-08", Kept::Columns(&lacking));
        assert_eq!(
            rows,
            [
                "w1 a 2025-03-01 - one",
                "w2 a 2025-03-01 2025-03-08 one",
                "w2 a 2025-03-08 - two",
                "w3 - 2025-03-08 - two",
                "w3 a 2025-03-01 2025-03-05 one"
            ]
        );
        assert_eq!(losses, [("two".to_owned(), Lost::Duplicate, 1)]);
    }
}
