//! Person-days become person-periods: one row for every person with an eligible day in the period, in the place of the last one.
//!
//! Everything is a sum of integers over days, or a comparison with the person's first and last active day, so no
//! distinct count exists anywhere and partitions of people or days add up.

use std::sync::Arc;

use arrow::array::RecordBatch;
use polars::prelude::{Column, DataFrame, PolarsResult};

use super::person_day::MEASURES;
use crate::canon::columns::{Text, ints};
use crate::canon::history::{NONE, People, Stint};
use crate::period::{Calendar, Day, Grain, Period};

/// A person who has never been active.
pub const NEVER: Day = Day::MAX;
/// Days of the moving window of `active_28d`.
pub const WINDOW: Day = 28;

const EVENTS: usize = 0;
const ACTIVE: usize = 1;
const PASSIVE: usize = 2;
const CONTRIBUTIONS: usize = 3;
const DUE_DONE: usize = 8;

/// One day of `person_day` as it is added up: worker codes and their measures, row by row.
#[derive(Debug, Clone, Default)]
pub struct PersonDay {
    pub day: Day,
    pub workers: Vec<u32>,
    pub measures: Vec<[i32; MEASURES.len()]>,
    /// Acts of accounts that match nobody.
    pub unmatched: i64,
}

impl PersonDay {
    /// Reads the rows of one day. Rows of workers whom HRIS no longer knows are left out: they have no place.
    pub fn read(day: Day, batches: &[RecordBatch], people: &People) -> PersonDay {
        let mut read = PersonDay { day, ..PersonDay::default() };
        // Both sides ascend by worker id, so one walk finds every code.
        let mut code = 0;
        for batch in batches {
            let key = Text::of(batch, "person_key");
            let columns: Vec<_> = MEASURES.iter().map(|name| ints(batch, name)).collect();
            let unmatched = ints(batch, "unmatched_events");
            for row in 0..batch.num_rows() {
                read.unmatched += unmatched(row).unwrap_or(0);
                let Some(worker) = key.get(row) else { continue };
                while people.workers.get(code).is_some_and(|known| known.as_str() < worker) {
                    code += 1;
                }
                if people.workers.get(code).is_some_and(|known| known == worker) {
                    read.workers.push(code as u32);
                    // A day's seconds of one person fit; a forged file cannot wrap them.
                    let value = |at: usize| i32::try_from(columns[at](row).unwrap_or(0)).unwrap_or(i32::MAX);
                    read.measures.push(std::array::from_fn(value));
                }
            }
        }
        read
    }

    /// Bytes held, for the cache.
    pub fn bytes(&self) -> usize {
        self.workers.len() * (size_of::<u32>() + size_of::<[i32; MEASURES.len()]>())
    }

    fn active(&self) -> impl Iterator<Item = u32> + '_ {
        self.workers.iter().zip(&self.measures).filter(|(_, row)| row[ACTIVE] > 0).map(|(worker, _)| *worker)
    }
}

/// The first and last active day of every worker as of some day. Advances one day at a time.
#[derive(Debug, Clone)]
pub struct Activation {
    pub first: Arc<Vec<Day>>,
    /// Last active day since the state began; at least [`WINDOW`] days must lie between.
    pub last: Arc<Vec<Day>>,
}

impl Activation {
    pub fn new(first: Vec<Day>) -> Activation {
        let last = vec![Day::MIN; first.len()];
        Activation { first: Arc::new(first), last: Arc::new(last) }
    }

    /// Adds one day; days come in ascending order.
    pub fn advance(&mut self, day: &PersonDay) {
        let (first, last) = (Arc::make_mut(&mut self.first), Arc::make_mut(&mut self.last));
        for worker in day.active() {
            let worker = worker as usize;
            first[worker] = first[worker].min(day.day);
            last[worker] = day.day;
        }
    }
}

/// What `person_period` gives a mart: the rows, and what belongs to the company alone.
#[derive(Debug, Clone)]
pub struct PersonPeriod {
    /// Columns `worker`, `org`, `leader_band`, `location`, `function`, `manager` (codes, -1 for none), the measures of
    /// `person_day` with `due_done` of the period's own grain, `active_working_days`, `first_active`, `last_active` (days, null
    /// for never), `was_passive` (in the previous period, 0 or 1).
    pub rows: DataFrame,
    pub unmatched_events: i64,
}

/// The sums of `person_day` a period carries, by their names there; `due_done` is picked by grain.
const SUMMED: [(&str, usize); 13] = [
    ("events", EVENTS),
    ("active_acts", ACTIVE),
    ("passive_acts", PASSIVE),
    ("contributions", CONTRIBUTIONS),
    ("learning_seconds", 4),
    ("sessions", 5),
    ("assigned", 6),
    ("due", 7),
    ("due_done", DUE_DONE),
    ("due_on_time", 12),
    ("completions", 13),
    ("last_day_completions", 14),
    ("checkbox_completions", 15),
];

/// Adds up one period, placing people by the part of it that was `seen` (days before the horizon). `days` and `before` are the days with data of the period and of the one before; `activation` is as of the period's end.
///
/// # Errors
/// Polars refuses the frame; a bug.
pub fn build(
    period: Period,
    seen: Period,
    calendar: &Calendar,
    people: &People,
    days: &[Arc<PersonDay>],
    before: &[Arc<PersonDay>],
    activation: &Activation,
) -> PolarsResult<PersonPeriod> {
    let places: Vec<Stint> = people.places(seen);
    let mut slot_of = vec![NONE; people.workers.len()];
    for (slot, stint) in places.iter().enumerate() {
        slot_of[stint.worker as usize] = slot as u32;
    }
    let due_done = DUE_DONE + Grain::ALL.iter().position(|grain| *grain == period.grain).unwrap_or(0);
    let picked = SUMMED.map(|(_, at)| if at == DUE_DONE { due_done } else { at });

    let mut sums = vec![[0i64; SUMMED.len()]; places.len()];
    let mut active_working_days = vec![0i64; places.len()];
    let mut unmatched_events = 0;
    for day in days {
        unmatched_events += day.unmatched;
        let working = calendar.is_working_day(day.day);
        for (worker, row) in day.workers.iter().zip(&day.measures) {
            let Some(sum) = sums.get_mut(slot_of[*worker as usize] as usize) else { continue };
            for (total, at) in sum.iter_mut().zip(picked) {
                *total += i64::from(row[at]);
            }
            if working && row[ACTIVE] > 0 {
                active_working_days[slot_of[*worker as usize] as usize] += 1;
            }
        }
    }
    // (active, passive) acts of the period before.
    let mut acts_before = vec![(0i64, 0i64); places.len()];
    for day in before {
        for (worker, row) in day.workers.iter().zip(&day.measures) {
            if let Some(acts) = acts_before.get_mut(slot_of[*worker as usize] as usize) {
                acts.0 += i64::from(row[ACTIVE]);
                acts.1 += i64::from(row[PASSIVE]);
            }
        }
    }

    let code = |code: u32| if code == NONE { -1 } else { i64::from(code) };
    let of_place =
        |pick: &dyn Fn(&Stint) -> u32| -> Vec<i64> { places.iter().map(|stint| code(pick(stint))).collect() };
    let reached = |days: &[Day], never: Day| -> Vec<Option<i64>> {
        places
            .iter()
            .map(|stint| days[stint.worker as usize])
            .map(|day| (day != never).then_some(i64::from(day)))
            .collect()
    };
    let mut columns = vec![
        Column::new("worker".into(), of_place(&|stint| stint.worker)),
        Column::new("org".into(), of_place(&|stint| stint.place.org)),
        Column::new("leader_band".into(), of_place(&|stint| stint.place.band)),
        Column::new("location".into(), of_place(&|stint| stint.place.location)),
        Column::new("function".into(), of_place(&|stint| stint.place.function)),
        Column::new("manager".into(), of_place(&|stint| stint.place.manager)),
    ];
    for (at, (name, _)) in SUMMED.iter().enumerate() {
        columns.push(Column::new((*name).into(), sums.iter().map(|sum| sum[at]).collect::<Vec<i64>>()));
    }
    columns.push(Column::new("active_working_days".into(), active_working_days));
    columns.push(Column::new("first_active".into(), reached(&activation.first, NEVER)));
    columns.push(Column::new("last_active".into(), reached(&activation.last, Day::MIN)));
    let was_passive: Vec<i64> =
        acts_before.iter().map(|(active, passive)| i64::from(*active == 0 && *passive > 0)).collect();
    columns.push(Column::new("was_passive".into(), was_passive));
    Ok(PersonPeriod { rows: DataFrame::new(places.len(), columns)?, unmatched_events })
}
