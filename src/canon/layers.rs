//! Exports that complete the rows of another one: a vendor tells of one thing in several files, each with days of its own.
//!
//! One feed, the spine, says which workers there are and when they are employed. A layer speaks of some columns alone. On every day a
//! column has the spine's value or, where it gives none, the layer's: a row of the spine is cut where what a layer says of the worker
//! changes, and each piece is filled in. Nothing else about the rows changes, least of all whether somebody is employed; what a layer says
//! of a worker whom the spine does not know is nobody's.
//!
//! Leave is the one thing that a layer may say against the spine: an export of absences lists the days on which somebody who is active
//! is not at work.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Date32Array, RecordBatch, UInt32Array};
use arrow::compute::{interleave, take};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use hashbrown::{HashMap, HashSet};

use super::columns::{Text, dates};
use super::employment::{Segment, segments};
use super::history::{resolve_overlaps, rows_by_worker};
use super::snapshot::with_column;
use crate::contract::Table;
use crate::contract::arrow::DELIVERY;
use crate::period::{Day, OPEN_END};

const FROM: &str = "effective_from";
const TO: &str = "effective_to";
const STATUS: &str = "status";

/// Columns that say who is employed. Layers that speak of them come first: how far back a row reaches depends on them.
const OF_EMPLOYMENT: [&str; 5] = [STATUS, "hire_date", "original_hire_date", "termination_date", "termination_kind"];

/// What one export says of some columns.
pub struct Layer<'a> {
    /// The feed's name.
    pub name: &'a str,
    pub columns: Vec<&'a str>,
    /// All that is known of it, merged as any rows of the table are.
    pub rows: RecordBatch,
    /// Its rows do not say since when they hold: what it said first was always so.
    pub is_undated: bool,
    /// What it said first of a worker holds from the hire on.
    pub reaches_back: bool,
}

/// The rows of the spine, completed by its layers one after the other. `is_spine` says of a delivery whether the layer at that place
/// completes its rows; of those of which `still` says so the rows do not reach back.
///
/// # Errors
/// A batch does not have the table's canon schema.
pub fn complete(
    table: &Table,
    spine: &RecordBatch,
    mut layers: Vec<(Layer<'_>, &dyn Fn(&str) -> bool)>,
    still: &dyn Fn(&str) -> bool,
) -> Result<RecordBatch, ArrowError> {
    let mut fixed = BTreeSet::new();
    let delivery = Text::of(spine, DELIVERY);
    delivery.each(spine.num_rows(), &mut |delivery| {
        if still(delivery) {
            fixed.insert(delivery.to_owned());
        }
    });
    let still = &fixed;
    let decides = |layer: &Layer<'_>| layer.columns.iter().any(|name| OF_EMPLOYMENT.contains(name));
    layers.sort_by_key(|(layer, _)| (!decides(layer), layer.name));
    let mut rows = spine.clone();
    for (layer, is_spine) in &layers {
        rows = completed(table, &rows, layer, *is_spine, still)?;
    }
    Ok(rows)
}

/// A part of a row: its days, and the layer's row that fills it in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    row: usize,
    from: Day,
    to: Day,
    told: Option<usize>,
}

fn completed(
    table: &Table,
    spine: &RecordBatch,
    layer: &Layer<'_>,
    is_spine: &dyn Fn(&str) -> bool,
    still: &BTreeSet<String>,
) -> Result<RecordBatch, ArrowError> {
    let ours = Text::of(spine, DELIVERY).each(spine.num_rows(), &mut |delivery| is_spine(delivery));
    let contents = contents(layer)?;
    let told = timelines(layer);
    let batches = std::slice::from_ref(spine);
    let worker = Text::of(spine, "worker_id");
    let (from, to) = (dates(spine, FROM), dates(spine, TO));
    let own = |row: usize| (from(row).unwrap_or(Day::MIN), to(row).unwrap_or(OPEN_END));
    let mut cut: HashMap<usize, Vec<Piece>> = HashMap::new();
    let laid = segments(batches, still);
    let rows_of = rows_by_worker(batches);
    for (id, (laid, _)) in &laid {
        let Some(told) = told.get(*id) else { continue };
        let told = reaching(layer, told, laid);
        let says = |day: Day| said_on(&told, day);
        let same = |a: Option<usize>, b: Option<usize>| a.map(|row| contents[row]) == b.map(|row| contents[row]);
        let mut pieces: BTreeMap<usize, Vec<Piece>> = BTreeMap::new();
        for run in laid.iter().filter(|segment| ours[segment.row] == Some(true)) {
            let inside =
                told.iter().flat_map(|(from, to, _)| [*from, *to]).filter(|day| *day > run.from && *day < run.to);
            let starts: BTreeSet<Day> = inside.chain([run.from]).collect();
            let of_row = pieces.entry(run.row).or_default();
            for start in starts {
                match of_row.last_mut() {
                    // Days that another row tells of lie between, or none.
                    Some(last) if same(last.told, says(start)) => last.to = run.to,
                    _ => of_row.push(Piece { row: run.row, from: start, to: run.to, told: says(start) }),
                }
            }
        }
        let rows = rows_of.get(id).map_or(&[][..], Vec::as_slice);
        // What a row says of days before its own stands in rows of its own only where it says otherwise there, and only if no other row
        // speaks of these days: then the order in which rows were told would decide anew who was employed.
        let is_explicit = |pieces: &[Piece]| pieces.len() > 1 && pieces[1].from <= own(pieces[0].row).0;
        let reach: Vec<(Day, Day)> = pieces
            .iter()
            .filter(|(_, pieces)| is_explicit(pieces))
            .map(|(row, pieces)| (pieces[0].from, own(*row).0))
            .collect();
        let overlaps = |from: Day, to: Day| reach.iter().any(|(begin, end)| from < *end && to > *begin);
        if !reach.is_empty() && resolve_overlaps(rows).0.iter().any(|(from, to, _)| overlaps(*from, *to)) {
            for (row, pieces) in apart(laid, &told, &contents, &ours) {
                cut.insert(row, pieces);
            }
            // A row of no visible day told nothing that holds.
            for row in rows {
                cut.entry(row.index).or_default();
            }
            continue;
        }
        for (row, mut pieces) in pieces {
            let (begin, end) = own(row);
            if !is_explicit(&pieces) {
                pieces[0].from = begin;
            }
            for at in 1..pieces.len() {
                let (next, last) = (pieces[at].from, &mut pieces[at - 1]);
                // Between what a row says of a time before and its own days there may be days of which it says nothing.
                last.to = if last.from < begin { last.to.min(next) } else { next };
            }
            if let Some(last) = pieces.last_mut() {
                last.to = end;
            }
            cut.insert(row, pieces);
        }
    }
    let mut all: Vec<Piece> = Vec::with_capacity(spine.num_rows());
    let mut first_of_worker = 0;
    for row in 0..spine.num_rows() {
        if row > 0 && worker.get(row) != worker.get(row - 1) {
            first_of_worker = all.len();
        }
        match cut.get(&row) {
            Some(pieces) => all.extend(pieces),
            None => all.push(Piece { row, from: own(row).0, to: own(row).1, told: None }),
        }
        all[first_of_worker..].sort_by_key(|piece| piece.from);
    }
    built(table, spine, layer, &all)
}

/// The rows of a worker as stretches of days that do not overlap, each of the row that holds there, by row.
fn apart(
    laid: &[Segment],
    told: &[(Day, Day, usize)],
    contents: &[u32],
    ours: &[Option<bool>],
) -> BTreeMap<usize, Vec<Piece>> {
    let mut of_row: BTreeMap<usize, Vec<Piece>> = BTreeMap::new();
    for run in laid {
        let is_ours = ours[run.row] == Some(true);
        let inside = told.iter().flat_map(|(from, to, _)| [*from, *to]).filter(|day| *day > run.from && *day < run.to);
        let starts: BTreeSet<Day> = inside.filter(|_| is_ours).chain([run.from]).collect();
        let ends: Vec<Day> = starts.iter().skip(1).copied().chain([run.to]).collect();
        let pieces = of_row.entry(run.row).or_default();
        for (from, to) in starts.into_iter().zip(ends) {
            let told = said_on(told, from).filter(|_| is_ours);
            let same = |last: &Piece| last.told.map(|row| contents[row]) == told.map(|row| contents[row]);
            match pieces.last_mut() {
                Some(last) if last.to == from && same(last) => last.to = to,
                _ => pieces.push(Piece { row: run.row, from, to, told }),
            }
        }
    }
    of_row
}

/// What a layer says of each worker: ascending, disjoint stretches of days, each of one of its rows.
fn timelines<'l>(layer: &'l Layer<'_>) -> HashMap<&'l str, Vec<(Day, Day, usize)>> {
    let rows_of = rows_by_worker(std::slice::from_ref(&layer.rows));
    let line = |rows: &[super::history::Row<'_>]| {
        resolve_overlaps(rows).0.into_iter().map(|(from, to, row)| (from, to, row.index)).collect()
    };
    rows_of.into_iter().map(|(worker, rows)| (worker, line(&rows))).collect()
}

/// The same with what was said first held before, too: always, or since the hire of which the spine speaks on its first day.
fn reaching(layer: &Layer<'_>, told: &[(Day, Day, usize)], laid: &[Segment]) -> Vec<(Day, Day, usize)> {
    let mut told = told.to_vec();
    let Some(first) = told.first_mut().filter(|_| layer.reaches_back) else { return told };
    if layer.is_undated {
        first.0 = Day::MIN;
    } else if let Some(then) = laid.iter().find(|segment| segment.to > first.0) {
        let hired = laid.iter().filter(|segment| segment.hired == then.hired).map(|segment| segment.from);
        first.0 = hired.min().unwrap_or(first.0).min(first.0);
    }
    told
}

/// The layer's row that holds on a day.
fn said_on(told: &[(Day, Day, usize)], day: Day) -> Option<usize> {
    let at = told.partition_point(|(_, to, _)| *to <= day);
    told.get(at).filter(|(from, ..)| *from <= day).map(|(.., row)| *row)
}

/// For each row of the layer a number that is the same where it says the same.
fn contents(layer: &Layer<'_>) -> Result<Vec<u32>, ArrowError> {
    let columns: Vec<ArrayRef> =
        layer.columns.iter().filter_map(|name| layer.rows.column_by_name(name).cloned()).collect();
    let fields = columns.iter().map(|array| SortField::new(array.data_type().clone())).collect();
    let rows = RowConverter::new(fields)?.convert_columns(&columns)?;
    let mut known = HashMap::new();
    Ok((0..layer.rows.num_rows())
        .map(|row| {
            let next = known.len() as u32;
            *known.entry(rows.row(row)).or_insert(next)
        })
        .collect())
}

/// The pieces as rows.
fn built(table: &Table, spine: &RecordBatch, layer: &Layer<'_>, all: &[Piece]) -> Result<RecordBatch, ArrowError> {
    let speaks: HashSet<&str> = layer.columns.iter().copied().collect();
    let rows = UInt32Array::from_iter_values(all.iter().map(|piece| piece.row as u32));
    let (status, told_status) = (Text::of(spine, STATUS), Text::of(&layer.rows, STATUS));
    let on_leave = |piece: &Piece| {
        status.get(piece.row) == Some("active") && piece.told.is_some_and(|told| told_status.get(told) == Some("leave"))
    };
    let columns = spine
        .schema()
        .fields()
        .iter()
        .zip(spine.columns())
        .map(|(field, array)| {
            let name = field.name().as_str();
            let told =
                layer.rows.column_by_name(name).filter(|_| speaks.contains(name) && table.column(name).is_some());
            let Some(told) = told else { return take(array, &rows, None) };
            let place = |piece: &Piece| match piece.told {
                Some(row) if (name == STATUS && on_leave(piece)) || (name != STATUS && array.is_null(piece.row)) => {
                    (1, row)
                }
                _ => (0, piece.row),
            };
            let places: Vec<(usize, usize)> = all.iter().map(place).collect();
            interleave(&[array.as_ref(), told.as_ref()], &places)
        })
        .collect::<Result<Vec<ArrayRef>, ArrowError>>()?;
    let whole = RecordBatch::try_new(spine.schema(), columns)?;
    // A day that no row states stays unsaid.
    let begins: Date32Array = all.iter().map(|piece| (piece.from != Day::MIN).then_some(piece.from)).collect();
    let ends: Date32Array = all.iter().map(|piece| (piece.to != OPEN_END).then_some(piece.to)).collect();
    with_column(&with_column(&whole, FROM, Arc::new(begins))?, TO, Arc::new(ends))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{day, rows};
    use super::super::history::{Eligibility, People};
    use super::*;
    use crate::contract::Catalog;
    use crate::period::date_of;

    /// One layer by its columns and rows; `undated`, or with days of its own.
    fn layer<'a>(name: &'a str, columns: &[&'a str], undated: bool, text: &str) -> Layer<'a> {
        let is_leave = columns.contains(&STATUS);
        Layer {
            name,
            columns: columns.to_vec(),
            rows: rows("workers", text),
            is_undated: undated,
            reaches_back: !is_leave,
        }
    }

    /// The rows of a spine (delivery `d`) after its layers, with these columns; `..` where an end is open or a value missing.
    fn told(spine: &str, layers: Vec<Layer<'_>>, shown: &[&str]) -> Vec<String> {
        let rows = whole(spine, layers);
        let date = |day: Option<Day>| day.map_or("..".to_owned(), |day| date_of(day).to_string());
        let line = |row: usize| {
            let cell = |name: &&str| {
                let array = rows.column_by_name(name).unwrap();
                let text = arrow::util::display::array_value_to_string(array, row).unwrap();
                if text.is_empty() { "..".to_owned() } else { text }
            };
            let id = Text::of(&rows, "worker_id").get(row).unwrap_or_default().to_owned();
            let days = [date(dates(&rows, FROM)(row)), date(dates(&rows, TO)(row))];
            [id].into_iter().chain(days).chain(shown.iter().map(cell)).collect::<Vec<_>>().join(" ")
        };
        (0..rows.num_rows()).map(line).collect()
    }

    fn whole(spine: &str, layers: Vec<Layer<'_>>) -> RecordBatch {
        let catalog = Catalog::load().unwrap();
        let ours = |delivery: &str| delivery != "other";
        let layers = layers.into_iter().map(|layer| (layer, &ours as &dyn Fn(&str) -> bool)).collect();
        complete(catalog.require("workers").unwrap(), &rows("workers", spine), layers, &|_| false).unwrap()
    }

    const SPINE: &str = "worker_id effective_from effective_to status hire_date
         w1 2024-01-01 2025-01-01 active 2024-01-01
         w1 2025-01-01 -          active 2024-01-01
         w2 2024-06-01 -          active 2024-06-01";

    #[test]
    fn a_row_is_cut_where_a_layer_says_something_else_and_nowhere_else() {
        let fte = "worker_id effective_from effective_to fte
             w1 2024-01-01 2024-07-01 1.0
             w1 2024-07-01 2025-03-01 0.5
             w1 2025-03-01 2025-09-01 0.5
             w1 2025-09-01 -          1.0
             w9 2024-01-01 -          1.0";
        assert_eq!(
            told(SPINE, vec![layer("fte", &["fte"], false, fte)], &["fte"]),
            [
                "w1 2024-01-01 2024-07-01 1.0",
                "w1 2024-07-01 2025-01-01 0.5",
                "w1 2025-01-01 2025-09-01 0.5",
                "w1 2025-09-01 .. 1.0",
                "w2 2024-06-01 .. ..",
            ],
            "w9 is nobody's, and what says the same again cuts nothing"
        );
    }

    #[test]
    fn what_a_layer_without_days_says_first_was_always_so_and_what_it_no_longer_says_has_ended() {
        let mail = "worker_id effective_from effective_to email
             w1 2025-06-01 2025-08-01 a@x
             w1 2025-08-01 -          b@x
             w2 2025-06-01 2025-07-01 c@x";
        assert_eq!(
            told(SPINE, vec![layer("mail", &["email"], true, mail)], &["email"]),
            [
                "w1 2024-01-01 2025-01-01 a@x",
                "w1 2025-01-01 2025-08-01 a@x",
                "w1 2025-08-01 .. b@x",
                "w2 2024-06-01 2025-07-01 c@x",
                "w2 2025-07-01 .. ..",
            ]
        );
    }

    #[test]
    fn the_spines_own_value_holds_and_rows_of_another_system_are_left_alone() {
        let spine = "worker_id effective_from status org_id _delivery
             w1 2024-01-01 active own d
             w2 2024-01-01 active -   d
             w3 2024-01-01 active -   other";
        let units = "worker_id effective_from org_id\nw1 2024-01-01 told\nw2 2024-01-01 told\nw3 2024-01-01 told";
        assert_eq!(
            told(spine, vec![layer("units", &["org_id"], false, units)], &["org_id"]),
            ["w1 2024-01-01 .. own", "w2 2024-01-01 .. told", "w3 2024-01-01 .. .."]
        );
    }

    #[test]
    fn an_export_of_today_is_completed_back_to_the_hire_by_one_that_knows_the_past() {
        let spine = "worker_id effective_from status hire_date termination_date
             w1 2026-03-01 active     2020-01-01 -
             w2 2026-03-01 terminated 2020-01-01 2022-05-31
             w3 2026-03-01 active     2020-01-01 -";
        let units = "worker_id effective_from effective_to org_id
             w1 2020-01-01 2023-01-01 A
             w1 2023-01-01 -          B
             w2 2020-01-01 2021-01-01 A
             w2 2021-01-01 2022-06-01 B
             w3 2024-01-01 -          C";
        assert_eq!(
            told(spine, vec![layer("units", &["org_id"], false, units)], &["org_id"]),
            [
                "w1 2020-01-01 2023-01-01 A",
                "w1 2023-01-01 .. B",
                "w2 2020-01-01 2021-01-01 A",
                "w2 2021-01-01 2022-06-01 B",
                "w2 2026-03-01 .. ..",
                "w3 2026-03-01 .. C",
            ],
            "of w3 the first unit holds since the hire, as the row itself does"
        );
    }

    #[test]
    fn somebody_hired_again_takes_nothing_of_the_second_time_into_the_first() {
        let spine = "worker_id effective_from effective_to status hire_date
             w1 2015-01-01 2018-01-01 active     2015-01-01
             w1 2018-01-01 2022-01-01 terminated 2015-01-01
             w1 2022-01-01 -          active     2022-01-01";
        let level = "worker_id effective_from job_level\nw1 2022-04-01 L5";
        assert_eq!(
            told(spine, vec![layer("level", &["job_level"], false, level)], &["job_level"]),
            ["w1 2015-01-01 2018-01-01 ..", "w1 2018-01-01 2022-01-01 ..", "w1 2022-01-01 .. L5"]
        );
    }

    #[test]
    fn a_layer_may_say_leave_of_somebody_active_and_never_of_somebody_gone() {
        let spine = "worker_id effective_from effective_to status
             w1 2024-01-01 2025-01-01 active
             w1 2025-01-01 -          terminated";
        let leave = "worker_id effective_from effective_to status\nw1 2024-03-01 2024-05-01 leave\nw1 2024-12-01 2025-02-01 leave";
        assert_eq!(
            told(spine, vec![layer("leave", &["status"], false, leave)], &["status"]),
            [
                "w1 2024-01-01 2024-03-01 active",
                "w1 2024-03-01 2024-05-01 leave",
                "w1 2024-05-01 2024-12-01 active",
                "w1 2024-12-01 2025-01-01 leave",
                "w1 2025-01-01 2025-02-01 terminated",
                "w1 2025-02-01 .. terminated",
            ]
        );
    }

    #[test]
    fn hire_dates_of_a_layer_let_the_rows_reach_back_and_the_other_layers_with_them() {
        let spine = "worker_id effective_from status\nw1 2026-03-01 active";
        let hires =
            || layer("z_hires", &["hire_date"], true, "worker_id effective_from hire_date\nw1 2026-03-01 2020-01-01");
        let units = "worker_id effective_from effective_to org_id\nw1 2020-01-01 2023-01-01 A\nw1 2023-01-01 - B";
        let units = || layer("a_units", &["org_id"], false, units);
        let expected = ["w1 2020-01-01 2023-01-01 A 2020-01-01", "w1 2023-01-01 .. B 2020-01-01"];
        assert_eq!(told(spine, vec![hires(), units()], &["org_id", "hire_date"]), expected);
        assert_eq!(told(spine, vec![units(), hires()], &["org_id", "hire_date"]), expected);
    }

    /// Every day of a history with overlaps, corrections, gaps and rehires: the same people are employed as without layers, and
    /// each column is what the layer says of the day.
    #[test]
    fn on_every_day_of_random_histories_employment_is_the_spines_and_each_column_the_layers() {
        let mut state = 7u64;
        let mut roll = |sides: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % sides
        };
        let date = |day: u64| date_of(day_zero() + day as Day * 10).to_string();
        for case in 0..40 {
            let mut spine =
                "worker_id effective_from effective_to status hire_date termination_date _known_at _row".to_owned();
            // Either rows that overlap, or rows one after the other that reach back to a hire.
            let (overlap, rows_told) = (case % 2 == 0, 1 + roll(4));
            let mut begin = 0;
            for row in 0..rows_told {
                let from = if overlap { roll(30) } else { begin + roll(5) + 1 };
                begin = from + 1 + roll(8);
                let is_last = row + 1 == rows_told;
                let to = match (overlap, roll(2)) {
                    (true, 0) => "-".to_owned(),
                    (true, _) => date(from + roll(15)),
                    (false, _) if is_last => "-".to_owned(),
                    (false, _) => date(begin),
                };
                let hired = match (overlap, roll(3)) {
                    (_, 0) => "-".to_owned(),
                    (true, _) => date(from),
                    (false, _) => date(roll(2) * 12),
                };
                let status = ["active", "active", "leave", "terminated"][roll(4) as usize];
                let left = if hired != "-" && roll(4) == 0 { date(12 + roll(20)) } else { "-".to_owned() };
                let known = if overlap { roll(2) + 1 } else { 1 };
                spine.push_str(&format!(
                    "\nw1 {} {to} {status} {hired} {left} 2026-01-0{known}T00:00:00Z {row}",
                    date(from)
                ));
            }
            let mut told = "worker_id effective_from effective_to org_id _known_at _row".to_owned();
            for row in 0..1 + roll(4) {
                let from = roll(30);
                let to = if roll(2) == 0 { "-".to_owned() } else { date(from + 1 + roll(10)) };
                told.push_str(&format!("\nw1 {} {to} U{row} 2026-01-01T00:00:00Z {row}", date(from)));
            }
            let units = || Layer { reaches_back: false, ..layer("units", &["org_id"], false, &told) };
            let before = rows("workers", &spine);
            let after = whole(&spine, vec![units()]);
            let rule = Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 };
            let (was, is) = (
                People::build(std::slice::from_ref(&before), &rule),
                People::build(std::slice::from_ref(&after), &rule),
            );
            assert_eq!(was.employed, is.employed, "case {case}\n{spine}\n{told}");
            let timelines = units();
            let said = super::timelines(&timelines);
            let unit = Text::of(&timelines.rows, "org_id");
            for stint in &was.stints {
                for day in stint.from.max(day_zero() - 200)..stint.to.min(day_zero() + 600) {
                    let now = is.stints.iter().find(|stint| (stint.from..stint.to).contains(&day));
                    let now = now.unwrap_or_else(|| panic!("case {case} day {day}: nobody\n{spine}\n{told}"));
                    let expected = said.get("w1").and_then(|told| said_on(told, day)).and_then(|row| unit.get(row));
                    assert_eq!(
                        is.labels.text(now.place.org),
                        expected,
                        "case {case} {}\n{spine}\n{told}",
                        date_of(day)
                    );
                }
            }
        }
    }

    #[test]
    fn rows_told_in_another_order_than_their_days_stay_apart_where_the_past_is_completed() {
        // The end of the first employment was corrected after the second one was told.
        let spine = "worker_id effective_from effective_to status hire_date termination_date _known_at _row
             w1 2010-01-01 -  terminated 2010-01-01 2012-12-31 2026-02-01T00:00:00Z 1
             w1 2026-01-01 -  active     2015-01-01 -          2026-01-01T00:00:00Z 1";
        let units = "worker_id effective_from effective_to org_id\nw1 2010-01-01 2018-01-01 A\nw1 2018-01-01 - B";
        let units = || vec![layer("units", &["org_id"], false, units)];
        let rule = Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 };
        let before = People::build(&[rows("workers", spine)], &rule);
        let after = whole(spine, units());
        assert_eq!(People::build(std::slice::from_ref(&after), &rule).employed, before.employed);
        let told = told(spine, units(), &["status", "org_id"]);
        assert!(told.contains(&"w1 2015-01-01 2018-01-01 active A".to_owned()), "{told:?}");
        assert!(told.contains(&"w1 2010-01-01 2015-01-01 terminated A".to_owned()), "{told:?}");
    }

    fn day_zero() -> Day {
        day("2020-01-01")
    }
}
