//! Full snapshots of whole tables: what the newest one no longer holds stays, with the first day without it.
//!
//! The past does not hang on today's list. A row that ended carries all it said, `_held_to`, and `_deleted`, so that whoever asks
//! for what there is now passes it over. Where a contract names `versions`, a row that says otherwise in one of these columns
//! ends the row before in the same way. A thing that comes back is held anew from the day of its return (`_held_from`).
//!
//! Where a start is part of the key, a thing has several rows: a worker's states, the people that an account was linked to. A row
//! that is gone while its thing goes on has been corrected, unless what goes on is another version.
//!
//! Snapshots must be applied in the order they were made; a late one makes the caller start over from the landing area.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Date32Array, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, Rows, SortField};
use chrono_tz::Tz;
use hashbrown::{HashMap, HashSet};

use super::columns::{Text, bools, dates, instants, ints};
use super::merge::{Kept, Losses, Lost};
use super::snapshot::{Against, are_ours, with_column};
use crate::contract::Table;
use crate::contract::arrow::{DELETED, DELIVERY, HELD_FROM, HELD_TO, KNOWN_AT, ROW, canon_schema};
use crate::period::{Day, local_day};

/// The key column that dates the versions of a thing: a thing is told apart by the others.
const DATED: &str = "effective_from";
/// A row with this column says itself since when it holds; as a part of the key it dates the versions of a thing, too.
const OWN_START: &str = "valid_from";
const OWN_END: &str = "valid_to";

/// A snapshot held against what was known, ready to be merged.
#[derive(Debug)]
pub struct Applied {
    /// The rows known before, with what ended marked.
    pub state: RecordBatch,
    /// The snapshot's rows, with the days of what came back.
    pub snapshot: RecordBatch,
    pub losses: Losses,
}

/// Marks what a snapshot of `day` ends among the rows known before it. Rows that it is not held against (`ours`, of a delivery), of
/// other feeds, pass through; `keeps` says of which columns an empty value means the one known before.
///
/// # Errors
/// A batch does not have the table's canon schema.
pub fn apply<'k>(
    table: &Table,
    state: &RecordBatch,
    snapshot: &[RecordBatch],
    day: Day,
    ours: &dyn Fn(&str) -> Against,
    keeps: &dyn Fn(&str) -> Kept<'k>,
) -> Result<Applied, ArrowError> {
    let snapshot = concat_batches(&canon_schema(table), snapshot)?;
    let is_dated = table.key.iter().any(|part| part == DATED);
    let things: Vec<&str> =
        table.key.iter().map(String::as_str).filter(|part| ![DATED, OWN_START].contains(part)).collect();
    let whole: Vec<&str> = table.key.iter().map(String::as_str).collect();
    let [known_keys, told_keys] = keys(&whole, [state, &snapshot])?;

    // The last statement of the snapshot about each key.
    let (known_at, record) = (instants(&snapshot, KNOWN_AT), ints(&snapshot, ROW));
    let (delivery, deleted) = (Text::of(&snapshot, DELIVERY), bools(&snapshot, DELETED));
    let age = |row: usize| (known_at(row), delivery.get(row), record(row));
    let mut last: HashMap<arrow::row::Row<'_>, usize> = HashMap::with_capacity(snapshot.num_rows());
    for row in (0..snapshot.num_rows()).filter(|row| deleted(*row) != Some(true)) {
        let held = last.entry(told_keys.row(row)).or_insert(row);
        if age(row) > age(*held) {
            *held = row;
        }
    }
    // What the snapshot takes back by key was never there: the statement that says so meets it in the merge.
    let taken_back: HashSet<_> =
        (0..snapshot.num_rows()).filter(|row| deleted(*row) == Some(true)).map(|row| told_keys.row(row)).collect();
    let mut losses = Losses::new();
    let is_ours = are_ours(state, ours);
    let (held_from, held_to, gone) = (dates(state, HELD_FROM), dates(state, HELD_TO), bools(state, DELETED));
    let (source, own_start) = (Text::of(state, DELIVERY), dates(&snapshot, OWN_START));
    // Of things with several keys, all that is told of those of which some key is not told any more.
    let is_untold = |row: &usize| {
        held_to(*row).is_none()
            && gone(*row) != Some(true)
            && is_ours(*row)
            && !last.contains_key(&known_keys.row(*row))
    };
    let untold: Vec<usize> = match things.len() < whole.len() {
        true => (0..state.num_rows()).filter(is_untold).collect(),
        false => Vec::new(),
    };
    let apart = (!untold.is_empty()).then(|| keys(&things, [state, &snapshot])).transpose()?;
    let mut of_things: HashMap<arrow::row::Row<'_>, Vec<usize>> = HashMap::new();
    if let Some([known, told]) = &apart {
        of_things.extend(untold.iter().map(|row| (known.row(*row), Vec::new())));
        for &row in last.values() {
            if let Some(rows) = of_things.get_mut(&told.row(row)) {
                rows.push(row);
            }
        }
        of_things.values_mut().for_each(|rows| rows.sort_unstable());
    }
    let says_otherwise = versions(table, state, &snapshot, keeps);
    let overlaps = overlaps(state, &snapshot);
    let mut ends: Vec<Option<Day>> = (0..state.num_rows()).map(&held_to).collect();
    let mut keep: Vec<u32> = Vec::with_capacity(state.num_rows());
    // Since when keys of the snapshot are held, where that is known from before; and keys that were away.
    let mut since: HashMap<arrow::row::Row<'_>, Option<Day>> = HashMap::new();
    let mut away: HashSet<arrow::row::Row<'_>> = HashSet::new();
    for (row, end) in ends.iter_mut().enumerate() {
        let key = known_keys.row(row);
        let is_live = held_to(row).is_none() && gone(row) != Some(true);
        if is_live && taken_back.contains(&key) {
            keep.push(row as u32);
            continue;
        }
        if !is_live || !is_ours(row) {
            if is_live {
                since.entry(key).or_insert(held_from(row));
            } else if held_to(row).is_some() {
                away.insert(key);
            }
            keep.push(row as u32);
            continue;
        }
        // What is taken back by key of a row that goes on was met above.
        let own = last.get(&key);
        let is_told = own.is_some();
        let of_thing =
            apart.as_ref().and_then(|[known, _]| of_things.get(&known.row(row))).map_or(&[][..], Vec::as_slice);
        // Of what is told of the thing now, what this row is to be held against: its own key, else what says the same of some of its
        // days, else anything.
        let same = || of_thing.iter().find(|now| !says_otherwise(row, **now) && (is_dated || overlaps(row, **now)));
        let now = own.or_else(same).or(of_thing.last());
        let stays = match now {
            Some(&now) if says_otherwise(row, now) => {
                let says_itself = table.column(OWN_START).is_some();
                if is_told {
                    since.insert(key, if says_itself { held_from(row) } else { Some(day) });
                }
                // What says of itself that it holds always leaves nothing to the one before.
                !says_itself || own_start(now).is_some()
            }
            Some(_) if is_told => {
                since.insert(key, held_from(row));
                keep.push(row as u32);
                continue;
            }
            // A thing that goes on under other dates has been corrected; only one that is gone altogether has ended, and what was told
            // of other days.
            Some(&now) => !is_dated && !overlaps(row, now),
            None => true,
        };
        *losses.entry((source.get(row).unwrap_or_default().to_owned(), Lost::Superseded)).or_default() += 1;
        // A row that came on this very day never held.
        if stays && held_from(row) != Some(day) {
            *end = Some(day);
            keep.push(row as u32);
        }
    }
    let dead: BooleanArray =
        (0..state.num_rows()).map(|row| Some(ends[row].is_some() || gone(row) == Some(true))).collect();
    let starts: Date32Array = (0..snapshot.num_rows())
        .map(|row| match since.get(&told_keys.row(row)) {
            _ if is_dated => None,
            Some(since) => *since,
            None => away.contains(&told_keys.row(row)).then_some(day),
        })
        .collect();
    let marked = with_column(state, HELD_TO, Arc::new(Date32Array::from(ends)))?;
    let marked = with_column(&marked, DELETED, Arc::new(dead))?;
    let is_whole = keep.len() == state.num_rows();
    Ok(Applied {
        state: if is_whole { marked } else { take_record_batch(&marked, &UInt32Array::from(keep))? },
        snapshot: with_column(&snapshot, HELD_FROM, Arc::new(starts))?,
        losses,
    })
}

/// The rows of a table whose deletes end what they name: what a delete knows of it is held until the day it was told. One that names a
/// thing without the start that is part of its key ends all that was told of the thing before.
pub fn ended(table: &Table, batches: &[RecordBatch], zone: Tz) -> Result<RecordBatch, ArrowError> {
    let batch = concat_batches(&canon_schema(table), batches)?;
    let (deleted, known_at, held_to) = (bools(&batch, DELETED), instants(&batch, KNOWN_AT), dates(&batch, HELD_TO));
    let own = table.stored().filter(|column| !column.key).filter_map(|column| batch.column_by_name(&column.name));
    let own: Vec<&ArrayRef> = own.collect();
    let is_delete = |row: usize| deleted(row) == Some(true) && held_to(row).is_none();
    let says_something = |row: usize| own.iter().any(|array| array.is_valid(row));
    let things: Vec<&str> = table.key.iter().map(String::as_str).filter(|part| *part != OWN_START).collect();
    let [thing] = keys(&things, [&batch])?;
    let start = dates(&batch, OWN_START);
    let mut all_ended: HashMap<arrow::row::Row<'_>, Vec<i64>> = HashMap::new();
    if things.len() < table.key.len() {
        for row in (0..batch.num_rows()).filter(|row| is_delete(*row) && start(*row).is_none() && !says_something(*row))
        {
            all_ended.entry(thing.row(row)).or_default().extend(known_at(row));
        }
    }
    let day = |row: usize| {
        let at = if is_delete(row) {
            known_at(row).filter(|_| says_something(row))
        } else {
            let deletes = all_ended.get(&thing.row(row)).filter(|_| held_to(row).is_none());
            deletes.and_then(|deletes| deletes.iter().copied().filter(|at| known_at(row) < Some(*at)).min())
        };
        held_to(row).or_else(|| at.map(|at| local_day(at, zone)))
    };
    let ends: Date32Array = (0..batch.num_rows()).map(day).collect();
    with_column(&batch, HELD_TO, Arc::new(ends))
}

/// Whether a row of the snapshot says otherwise than one known before in a column that begins a new version. What was not said
/// before is no other word: it was true before, too.
fn versions<'a, 'k>(
    table: &'a Table,
    state: &'a RecordBatch,
    snapshot: &'a RecordBatch,
    keeps: &dyn Fn(&str) -> Kept<'k>,
) -> impl Fn(usize, usize) -> bool + use<'a, 'k> {
    let both = |name: &'a String| (name, Text::of(state, name), Text::of(snapshot, name));
    let columns: Vec<(&String, Text<'a>, Text<'a>)> = table.versions.iter().map(both).collect();
    // Of the parts of one snapshot each may lack another column.
    let kept = Text::of(snapshot, DELIVERY).each(snapshot.num_rows(), &mut |delivery| keeps(delivery));
    move |before, now| {
        columns.iter().any(|(name, known, told)| match (known.get(before), told.get(now)) {
            (Some(_), None) => !kept[now].is_some_and(|kept| kept.has(name)),
            (Some(known), Some(told)) => known != told,
            (None, _) => false,
        })
    }
}

/// Whether a row known before and one of the snapshot say of themselves that they hold on a common day.
fn overlaps<'a>(state: &'a RecordBatch, snapshot: &'a RecordBatch) -> impl Fn(usize, usize) -> bool + use<'a> {
    let interval = |batch: &'a RecordBatch| {
        let (from, to) = (dates(batch, OWN_START), dates(batch, OWN_END));
        move |row: usize| (from(row).unwrap_or(Day::MIN), to(row).unwrap_or(Day::MAX))
    };
    let (known, told) = (interval(state), interval(snapshot));
    move |before, now| {
        let (known, told) = (known(before), told(now));
        known.0.max(told.0) < known.1.min(told.1)
    }
}

/// The named columns of both batches in a form that compares across them.
fn keys<const N: usize>(names: &[&str], batches: [&RecordBatch; N]) -> Result<[Rows; N], ArrowError> {
    let columns = |batch: &RecordBatch| -> Result<Vec<ArrayRef>, ArrowError> {
        let of = |name: &&str| {
            let missing = || ArrowError::SchemaError(format!("canon rows have no column {name}"));
            batch.column_by_name(name).cloned().ok_or_else(missing)
        };
        names.iter().map(of).collect()
    };
    let fields = match batches.first() {
        Some(batch) => columns(batch)?.iter().map(|array| SortField::new(array.data_type().clone())).collect(),
        None => Vec::new(),
    };
    let converter = RowConverter::new(fields)?;
    let mut rows = Vec::with_capacity(N);
    for batch in batches {
        rows.push(converter.convert_columns(&columns(batch)?)?);
    }
    rows.try_into().map_err(|_| ArrowError::SchemaError("as many rows as batches".into()))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{day, rows};
    use super::super::merge::{Removed, merge};
    use super::*;
    use crate::contract::Catalog;
    use crate::period::date_of;

    /// Applies snapshots one after the other, each a day and its rows, and shows what is known afterwards: the named columns, then
    /// since when and until when it is held.
    fn after(table: &str, columns: &str, snapshots: &[(&str, &str)]) -> Vec<String> {
        let catalog = Catalog::load().unwrap();
        let table = catalog.require(table).unwrap();
        let mut state = RecordBatch::new_empty(canon_schema(table));
        for (on, text) in snapshots {
            let lines: Vec<String> = text.lines().map(|line| format!("{line} {on}T00:00:00Z a-{on}")).collect();
            let told = rows(&table.name, &format!("{columns} _known_at _delivery\n{}", lines.join("\n")));
            let ours = |delivery: &str| if delivery.starts_with("a-") { Against::All } else { Against::Nothing };
            let applied = apply(table, &state, &[told], day(on), &ours, &|_| Kept::Nothing).unwrap();
            let both = [applied.snapshot, applied.state];
            state = merge(table, &both, &Removed::new(), &|_, _| true, &|_, _| Kept::Nothing).unwrap().rows;
        }
        let date = |day: Option<Day>| day.map_or("-".to_owned(), |day| date_of(day).to_string());
        let (from, to, deleted) = (dates(&state, HELD_FROM), dates(&state, HELD_TO), bools(&state, DELETED));
        let line = |row: usize| {
            let word = |name: &str| {
                let array = state.column_by_name(name).unwrap();
                match dates(&state, name)(row) {
                    Some(day) => date_of(day).to_string(),
                    None => Text::from_array(array).get(row).unwrap_or("-").to_owned(),
                }
            };
            let words: Vec<String> = columns.split(' ').map(word).collect();
            assert_eq!(deleted(row) == Some(true), to(row).is_some());
            format!("{} {} {}", words.join(" "), date(from(row)), date(to(row)))
        };
        (0..state.num_rows()).map(line).collect()
    }

    #[test]
    fn what_a_snapshot_no_longer_holds_stays_until_its_day_and_is_held_anew_when_it_comes_back() {
        let told = [
            ("2026-01-01", "u1 n1\nu2 n2"),
            ("2026-02-01", "u1 n1"),
            ("2026-03-01", "u1 n1\nu2 n2"),
            ("2026-04-01", "u1 n1\nu2 n2"),
        ];
        let users = |upto: usize| after("users", "user_id employee_no", &told[..upto]);
        assert_eq!(users(1), ["u1 n1 - -", "u2 n2 - -"], "the first list says who they were from the beginning");
        assert_eq!(users(2), ["u1 n1 - -", "u2 n2 - 2026-02-01"]);
        let back = ["u1 n1 - -", "u2 n2 2026-03-01 -", "u2 n2 - 2026-02-01"];
        assert_eq!(users(3), back);
        assert_eq!(users(4), back, "told again, it is held since it came back");
        let came_and_went = [told[0], told[1], told[2], ("2026-03-01", "u1 n1")];
        assert_eq!(after("users", "user_id employee_no", &came_and_went), ["u1 n1 - -", "u2 n2 - 2026-02-01"]);
    }

    #[test]
    fn an_account_given_to_somebody_else_keeps_its_past_and_one_that_was_filled_in_gets_one() {
        let told = [("2026-01-01", "u1 n1 -\nu2 - -\nu3 n3 c@x"), ("2026-02-01", "u1 n9 -\nu2 n2 -\nu3 - c@x")];
        assert_eq!(
            after("users", "user_id employee_no email", &told),
            [
                "u1 n9 - 2026-02-01 -",
                "u1 n1 - - 2026-02-01",
                "u2 n2 - - -",
                "u3 - c@x 2026-02-01 -",
                "u3 n3 c@x - 2026-02-01"
            ]
        );
    }

    #[test]
    fn a_link_without_a_first_day_was_always_so_and_one_with_it_leaves_the_days_before() {
        let columns = "source source_user_id worker_id valid_from";
        let told = [
            ("2026-01-01", "lms u1 w1 -\nlms u2 w1 -\nlms u3 w1 -"),
            ("2026-02-01", "lms u1 w2 -\nlms u2 w2 2026-01-15"),
        ];
        assert_eq!(
            after("identity_links", columns, &told),
            ["lms u1 w2 - - -", "lms u2 w1 - - 2026-02-01", "lms u2 w2 2026-01-15 - -", "lms u3 w1 - - 2026-02-01"]
        );
    }

    #[test]
    fn an_account_that_was_handed_over_has_a_link_for_each_of_its_people() {
        let columns = "source source_user_id worker_id valid_from valid_to";
        let handed_over = ("2026-02-01", "lms u1 w1 - 2026-01-10\nlms u1 w2 2026-01-10 -");
        let told = [
            ("2026-01-01", "lms u1 w1 - -"),
            handed_over,
            ("2026-03-01", "lms u1 w1 - 2026-01-12\nlms u1 w2 2026-01-12 -"),
            ("2026-04-01", "lms u1 w2 2026-01-12 -"),
        ];
        let links = |upto: usize| after("identity_links", columns, &told[..upto]);
        let both = |day: &str| [format!("lms u1 w1 - {day} - -"), format!("lms u1 w2 {day} - - -")];
        assert_eq!(links(2), both("2026-01-10"), "both rows of one list hold");
        assert_eq!(links(3), both("2026-01-12"), "another first day of the same person is a correction");
        assert_eq!(
            links(4),
            ["lms u1 w1 - 2026-01-12 - 2026-04-01", "lms u1 w2 2026-01-12 - - -"],
            "a list of those that hold today leaves the days before to whoever had them"
        );
        let twice = [
            ("2026-01-01", "lms u1 w1 - 2025-06-01\nlms u1 w2 2025-06-01 2025-09-01\nlms u1 w1 2025-09-01 -"),
            ("2026-02-01", "lms u1 w1 2025-09-01 -"),
        ];
        assert_eq!(
            after("identity_links", columns, &twice),
            [
                "lms u1 w1 - 2025-06-01 - 2026-02-01",
                "lms u1 w2 2025-06-01 2025-09-01 - 2026-02-01",
                "lms u1 w1 2025-09-01 - - -"
            ],
            "an earlier time of the same person is no correction"
        );
    }

    #[test]
    fn a_delete_ends_what_it_knows_or_without_a_first_day_all_that_was_told_of_the_account() {
        let catalog = Catalog::load().unwrap();
        let table = catalog.require("identity_links").unwrap();
        let text = "source source_user_id worker_id valid_from _known_at _deleted
             lms u1 w1 2025-01-15 2026-01-01T00:00:00Z false
             lms u1 -  -          2026-03-15T00:00:00Z true
             lms u1 w2 2026-04-01 2026-04-01T00:00:00Z false
             lms u2 w2 -          2026-03-15T00:00:00Z true
             lms u3 w3 2025-01-15 2026-01-01T00:00:00Z false";
        let rows = [rows(&table.name, text)];
        let ended = ended(table, &rows, chrono_tz::Europe::Berlin).unwrap();
        let until = dates(&ended, HELD_TO);
        let until: Vec<Option<Day>> = (0..5).map(until).collect();
        let then = Some(day("2026-03-15"));
        assert_eq!(until, [then, None, None, then, None]);
    }

    #[test]
    fn a_worker_with_other_dates_was_corrected_and_one_without_any_row_has_gone() {
        let columns = "worker_id effective_from status";
        let told = [
            ("2026-01-01", "w1 2020-01-01 active\nw2 2020-01-01 active\nw2 2021-01-01 leave"),
            ("2026-02-01", "w1 2019-01-01 active"),
        ];
        assert_eq!(
            after("workers", columns, &told),
            ["w1 2019-01-01 active - -", "w2 2020-01-01 active - 2026-02-01", "w2 2021-01-01 leave - 2026-02-01"]
        );
    }

    #[test]
    fn rows_of_other_feeds_do_not_end_and_each_row_is_lost_once() {
        let catalog = Catalog::load().unwrap();
        let table = catalog.require("users").unwrap();
        let state = rows(
            "users",
            "user_id employee_no _delivery _held_to _deleted\nu1 n1 a - false\nu2 n2 b - false\nu3 n3 a 2026-01-01 true",
        );
        let told = rows("users", "user_id employee_no _delivery\nu4 n4 a2");
        let ours = |delivery: &str| if delivery.starts_with('a') { Against::All } else { Against::Nothing };
        let applied = apply(table, &state, &[told], day("2026-02-01"), &ours, &|_| Kept::Nothing).unwrap();
        assert_eq!(applied.losses, Losses::from([(("a".to_owned(), Lost::Superseded), 1)]));
        let merged =
            merge(table, &[applied.snapshot, applied.state], &Removed::new(), &|_, _| true, &|_, _| Kept::Nothing)
                .unwrap();
        assert_eq!((merged.rows.num_rows(), merged.losses.len()), (4, 0));
    }
}
