//! Who had to learn what, attempt by attempt: the one place that says what rows of `enrollments` mean.
//!
//! An obligation is a person, a content item and an attempt. Vendors number attempts or do not, restate rows, know one person by
//! two accounts and assign the same course again every year; what is counted is made of [`Attempts`] alone, and [`statements`] is the
//! only reader of the rows.
//!
//! **When an attempt begins.** The rows of a person and an item are taken in the order in which they begin: assigned, else enrolled,
//! else due, else completed. A row with the assigned day and the due day of the one before repeats it. Any other row that is assigned
//! or due begins a new attempt
//! - if it carries another attempt number and another due day;
//! - if the attempt so far was completed: where it is assigned, or due on another day, after the last completion;
//! - if it was not: where it begins after the attempt was due, or, of an attempt that was never due, where it is assigned again on a
//!   later day. What is assigned again while the first is still to be done moves it.
//!
//! A row that is neither assigned nor due belongs to the attempt before it, unless it was enrolled on a later day than that was completed, or
//! carries another number and was itself completed on a later day.

use arrow::array::{Array, RecordBatch};
use chrono_tz::Tz;
use hashbrown::HashMap;
use rayon::slice::ParallelSliceMut;

use super::columns::{Text, bools, dates, instants, ints};
use super::history::Interner;
use super::identity::{Account, Identity, Who};
use crate::contract::arrow::{DELETED, HELD_TO, KNOWN_AT, ROW};
use crate::period::{Day, DayClock};

/// The columns of `enrollments` that [`statements`] reads.
pub const COLUMNS: [&str; 17] = [
    "user_id",
    "content_id",
    "attempt",
    "assigned_at",
    "required",
    "due_at",
    "completed_at",
    "enrolled_at",
    "expires_at",
    "updated_at",
    "status",
    "time_spent_seconds",
    "deleted",
    DELETED,
    KNOWN_AT,
    ROW,
    HELD_TO,
];

/// What the status of an enrollment comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Open,
    /// Completed or passed.
    Done,
    /// Said to have expired: a success from before, where it says when it was completed.
    Lapsed,
    Waived,
    Withdrawn,
}

impl State {
    fn of(status: &str) -> State {
        match status {
            "completed" | "passed" => State::Done,
            "expired" => State::Lapsed,
            "waived" => State::Waived,
            "withdrawn" => State::Withdrawn,
            _ => State::Open,
        }
    }
}

/// One live row of `enrollments` of an account, as it counts. Instants are microseconds, UTC.
#[derive(Clone, Copy)]
pub struct Statement<'a> {
    pub account: Account<'a>,
    /// Equal for rows of one account within one reading.
    pub account_code: u32,
    pub content: &'a str,
    pub state: State,
    pub is_required: bool,
    /// The vendor's number of the attempt.
    pub number: Option<i64>,
    pub assigned_at: Option<i64>,
    pub due_at: Option<i64>,
    pub enrolled_at: Option<i64>,
    /// As told, whatever the state.
    pub completed_at: Option<i64>,
    pub expires_at: Option<i64>,
    pub updated_at: Option<i64>,
    pub spent_seconds: Option<i64>,
    /// The first day on which the vendor's full export no longer held it.
    pub ended_on: Option<Day>,
}

impl Statement<'_> {
    /// Waived and withdrawn rows leave every count.
    pub fn is_off(&self) -> bool {
        matches!(self.state, State::Waived | State::Withdrawn)
    }

    /// When it was completed or passed, whatever has expired since: a success stays one.
    pub fn done_at(&self) -> Option<i64> {
        self.completed_at.filter(|_| matches!(self.state, State::Done | State::Lapsed))
    }

    /// The day from which nothing is asked any more, of a row that left the export before it was done.
    pub fn closed_on(&self) -> Option<Day> {
        self.ended_on.filter(|_| self.done_at().is_none())
    }

    /// Whether it names neither an attempt nor a day on which one began.
    fn is_about_all(&self) -> bool {
        self.number.is_none() && self.assigned_at.is_none() && self.due_at.is_none() && self.enrolled_at.is_none()
    }
}

/// What a row that names no attempt said of all those of an account in an item, with when and where it said so.
#[derive(Default, Clone, Copy)]
struct Word {
    deleted: Option<(i64, i64)>,
    off: Option<(i64, i64)>,
}

/// Hands every row that counts to `take`. Left out are deleted rows, and rows without number of which a later row that names neither
/// number nor day says that they are deleted or, where they were not done, waived or withdrawn.
pub fn statements<'a>(batches: &'a [RecordBatch], identity: &'a Identity, take: &mut dyn FnMut(Statement<'a>)) {
    let mut words: HashMap<(u32, &str), Word> = HashMap::new();
    let mut codes: HashMap<&str, u32> = HashMap::new();
    let lacks_numbers = |batch: &RecordBatch| batch.column_by_name("attempt").is_none_or(|all| all.null_count() > 0);
    if batches.iter().any(lacks_numbers) {
        each(batches, identity, &mut codes, &mut |statement, is_deleted, told| {
            if statement.is_about_all() && (is_deleted || statement.is_off()) {
                let word = words.entry((statement.account_code, statement.content)).or_default();
                let said = if is_deleted { &mut word.deleted } else { &mut word.off };
                *said = (*said).max(Some(told));
            }
        });
    }
    each(batches, identity, &mut codes, &mut |statement, is_deleted, told| {
        if is_deleted {
            return;
        }
        if !words.is_empty()
            && statement.number.is_none()
            && let Some(word) = words.get(&(statement.account_code, statement.content))
            && (Some(told) < word.deleted || (statement.done_at().is_none() && Some(told) < word.off))
        {
            return;
        }
        take(statement);
    });
}

/// Every row with whether it is deleted and when and where it was told.
fn each<'a>(
    batches: &'a [RecordBatch],
    identity: &'a Identity,
    codes: &mut HashMap<&'a str, u32>,
    take: &mut dyn FnMut(Statement<'a>, bool, (i64, i64)),
) {
    for batch in batches {
        let rows = batch.num_rows();
        let accounts = Text::of(batch, "user_id").each(rows, &mut |user| {
            let next = codes.len() as u32;
            (identity.account(user), *codes.entry(user).or_insert(next))
        });
        let contents = Text::of(batch, "content_id");
        let states = Text::of(batch, "status").each(rows, &mut State::of);
        let (assigned_at, due_at, enrolled_at) =
            (instants(batch, "assigned_at"), instants(batch, "due_at"), instants(batch, "enrolled_at"));
        let (completed_at, expires_at, updated_at) =
            (instants(batch, "completed_at"), instants(batch, "expires_at"), instants(batch, "updated_at"));
        let (number, spent, ended) = (ints(batch, "attempt"), ints(batch, "time_spent_seconds"), dates(batch, HELD_TO));
        let (required, gone, deleted) = (bools(batch, "required"), bools(batch, "deleted"), bools(batch, DELETED));
        let (known_at, row) = (instants(batch, KNOWN_AT), ints(batch, ROW));
        for i in 0..rows {
            let (Some((account, account_code)), Some(content)) = (accounts[i], contents.get(i)) else { continue };
            let ended_on = ended(i);
            let is_deleted = gone(i) == Some(true) || (deleted(i) == Some(true) && ended_on.is_none());
            // A delete has no status.
            let Some(state) = states[i].or(is_deleted.then_some(State::Withdrawn)) else { continue };
            let statement = Statement {
                account,
                account_code,
                content,
                state,
                is_required: required(i) == Some(true),
                number: number(i),
                assigned_at: assigned_at(i),
                due_at: due_at(i),
                enrolled_at: enrolled_at(i),
                completed_at: completed_at(i),
                expires_at: expires_at(i),
                updated_at: updated_at(i),
                spent_seconds: spent(i),
                ended_on,
            };
            take(statement, is_deleted, (known_at(i).unwrap_or(0), row(i).unwrap_or(0)));
        }
    }
}

/// One attempt of a person at a content item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// A worker code.
    pub worker: u32,
    /// A code of [`Attempts::contents`].
    pub content: u32,
    /// Mandatory for the person: only these enter assigned and due.
    pub is_required: bool,
    /// The first assignment and the last due instant; of its required rows, where it has any.
    pub assigned_at: Option<i64>,
    pub due_at: Option<i64>,
    /// The earliest success, whoever the account belonged to by then.
    pub done_at: Option<i64>,
    /// The earliest success of the person themselves.
    pub success: Option<Success>,
}

/// A success that counts as a completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Success {
    pub at: i64,
    /// Less than a quarter of the content's duration was spent.
    pub is_hasty: bool,
}

/// All attempts of everybody.
#[derive(Debug, Default, Clone)]
pub struct Attempts {
    pub contents: Interner,
    /// By worker, content and the order in which they began.
    pub all: Vec<Attempt>,
    /// The first day from `floor` on on which somebody was assigned something, had it due or completed it.
    pub first_day: Option<Day>,
    /// Rows with such a day before it.
    pub before_floor: u64,
}

impl Attempts {
    /// Derives them from the live rows of `enrollments`; `content` says how long an item takes. Days before `floor` are no
    /// [`Attempts::first_day`].
    pub fn build(
        enrollments: &[RecordBatch],
        content: &[RecordBatch],
        identity: &Identity,
        zone: Tz,
        floor: Day,
    ) -> Attempts {
        let minutes = content_minutes(content);
        let mut clock = DayClock::new(zone);
        let mut attempts = Attempts::default();
        let mut rows: Vec<Row> = Vec::new();
        let mut item: Option<(&str, u32, Option<i64>)> = None;
        statements(enrollments, identity, &mut |statement| {
            // Rows come by account and item, but an item's code is asked for once a run of them.
            let (_, content, minutes) = match item.filter(|(id, ..)| *id == statement.content) {
                Some(known) => known,
                None => {
                    let code = attempts.contents.code(Some(statement.content));
                    *item.insert((statement.content, code, minutes.get(statement.content).copied()))
                }
            };
            if let Some(row) = Row::of(&statement, content, minutes, &mut clock) {
                row.push_to(&statement, &mut clock, &mut rows);
            }
        });
        rows.par_sort_unstable();
        let mut open: Option<Open> = None;
        for row in &rows {
            attempts.note_days(row, &mut clock, floor);
            match &mut open {
                Some(held) if held.is_of(row) && !held.is_followed_by(row, &mut clock) => held.add(row),
                _ => {
                    let mut next = Open::new(row);
                    if let Some(before) = open.take() {
                        attempts.all.push(before.attempt());
                        if before.is_of(row) {
                            next.latest = next.latest.max(before.latest);
                            next.anchored = next.anchored.or(before.anchored);
                        }
                    }
                    open = Some(next);
                }
            }
        }
        attempts.all.extend(open.map(|open| open.attempt()));
        attempts
    }

    fn note_days(&mut self, row: &Row, clock: &mut DayClock, floor: Day) {
        let begun = if row.owns_begin { row.assigned_day.min(row.due_day) } else { NO_DAY };
        let done = if row.owns_success { clock.day(row.done) } else { NO_DAY };
        let days = [begun, if row.owns_begin { row.due_day } else { NO_DAY }, done];
        self.before_floor += u64::from(days.iter().any(|day| *day < floor));
        let first = days.into_iter().filter(|day| *day != NO_DAY && *day >= floor).min();
        self.first_day = self.first_day.into_iter().chain(first).min();
    }
}

/// No instant, no number: sorts behind all others.
const NEVER: i64 = i64::MAX;
const NO_DAY: Day = Day::MAX;

/// One row of one person on its way to an attempt. In the order in which it begins: the order of the fields is that of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    worker: u32,
    content: u32,
    /// The day of its assignment, else enrollment, else due date, else completion.
    begin_day: Day,
    is_free: bool,
    due_day: Day,
    assigned_day: Day,
    number: i64,
    done: i64,
    assigned: i64,
    due: i64,
    account: u32,
    /// The day of enrollment is known.
    is_enrolled: bool,
    is_required: bool,
    is_hasty: bool,
    /// The account was the person's when it was assigned or fell due, and when it was completed.
    owns_begin: bool,
    owns_success: bool,
}

impl Row {
    /// The row without its person; none where nothing of it counts.
    fn of(statement: &Statement<'_>, content: u32, minutes: Option<i64>, clock: &mut DayClock) -> Option<Row> {
        if statement.is_off() {
            return None;
        }
        let mut stands = |at: &i64| statement.closed_on().is_none_or(|closed| clock.day(*at) < closed);
        let (assigned_at, due_at) = (statement.assigned_at.filter(&mut stands), statement.due_at.filter(&mut stands));
        let done_at = statement.done_at();
        let begin = assigned_at.or(statement.enrolled_at).or(due_at).or(done_at)?;
        // An enrolment alone is no obligation.
        assigned_at.or(due_at).or(done_at)?;
        let mut day = |at: Option<i64>| at.map_or(NO_DAY, |at| clock.day(at));
        let hasty = |spent: i64| minutes.is_some_and(|minutes| spent.saturating_mul(4) < minutes.saturating_mul(60));
        Some(Row {
            worker: 0,
            content,
            begin_day: day(Some(begin)),
            is_free: assigned_at.or(due_at).is_none(),
            due_day: day(due_at),
            assigned_day: day(assigned_at),
            number: statement.number.unwrap_or(NEVER),
            done: done_at.unwrap_or(NEVER),
            assigned: assigned_at.unwrap_or(NEVER),
            due: due_at.unwrap_or(NEVER),
            account: statement.account_code,
            is_enrolled: statement.enrolled_at.is_some(),
            is_required: statement.is_required,
            is_hasty: statement.spent_seconds.is_some_and(hasty),
            owns_begin: false,
            owns_success: false,
        })
    }

    /// The row as one of the person it was asked of, and of the person who completed it: mostly the same.
    fn push_to(self, statement: &Statement<'_>, clock: &mut DayClock, rows: &mut Vec<Row>) {
        let mut worker = |at: i64| match at {
            NEVER => None,
            at => match statement.account.who(clock.day(at)) {
                Who::Worker(worker) => Some(worker),
                _ => None,
            },
        };
        let (asked, done) = (worker(self.anchor()), worker(self.done));
        if let Some(worker) = asked {
            rows.push(Row { worker, owns_begin: true, owns_success: done == asked, ..self });
        }
        if let Some(worker) = done.filter(|_| done != asked) {
            rows.push(Row { worker, owns_begin: false, owns_success: true, ..self });
        }
    }

    /// When it was assigned, else when it fell due.
    fn anchor(&self) -> i64 {
        if self.assigned == NEVER { self.due } else { self.assigned }
    }
}

/// An attempt that rows are still added to.
struct Open {
    first: Row,
    /// The last row that was assigned or due, and the last of all.
    anchored: Option<Row>,
    last: Row,
    /// The last completion of the person in the item so far, also of attempts before.
    latest: Option<i64>,
    required: Bounds,
    any: Bounds,
    is_required: bool,
    done: i64,
    success: Option<Success>,
}

/// Of some rows the first assignment and the last due instant.
#[derive(Clone, Copy)]
struct Bounds {
    assigned: i64,
    due: Option<i64>,
}

impl Bounds {
    fn add(&mut self, row: &Row) {
        if row.owns_begin {
            self.assigned = self.assigned.min(row.assigned);
        }
        self.due = self.due.max(Some(row.due).filter(|due| *due != NEVER));
    }
}

impl Open {
    fn new(row: &Row) -> Open {
        let none = Bounds { assigned: NEVER, due: None };
        let mut open = Open {
            first: *row,
            anchored: None,
            last: *row,
            latest: None,
            required: none,
            any: none,
            is_required: false,
            done: NEVER,
            success: None,
        };
        open.add(row);
        open
    }

    fn is_of(&self, row: &Row) -> bool {
        (self.first.worker, self.first.content) == (row.worker, row.content)
    }

    /// Whether a row of the same person and item begins another attempt.
    fn is_followed_by(&self, row: &Row, clock: &mut DayClock) -> bool {
        let differs = |other: &Row| other.number != NEVER && row.number != NEVER && other.number != row.number;
        if row.is_free {
            let Some(latest) = self.latest.map(|at| clock.day(at)) else { return false };
            let is_done_later = row.done != NEVER && clock.day(row.done) > latest;
            return (row.is_enrolled && row.begin_day > latest) || (differs(&self.last) && is_done_later);
        }
        let is_same_due = self.anchored.is_some_and(|held| row.due_day != NO_DAY && held.due_day == row.due_day);
        if let Some(held) = &self.anchored {
            if (held.assigned_day, held.due_day) == (row.assigned_day, row.due_day) {
                return false;
            }
            if differs(held) && !is_same_due {
                return true;
            }
        }
        let closed_by = |held: &Row, latest: &i64| held.done != NEVER || *latest >= held.anchor();
        let closed = self.latest.filter(|latest| self.anchored.as_ref().is_none_or(|held| closed_by(held, latest)));
        if let Some(latest) = closed {
            let is_later = |at: i64| at != NEVER && at > latest;
            return is_later(row.assigned) || (is_later(row.due) && !is_same_due);
        }
        self.anchored.is_some_and(|held| match held.due_day {
            NO_DAY => {
                held.account == row.account
                    && held.assigned_day != NO_DAY
                    && row.assigned_day != NO_DAY
                    && row.assigned_day > held.assigned_day
            }
            due_day => row.begin_day > due_day,
        })
    }

    fn add(&mut self, row: &Row) {
        self.last = *row;
        if !row.is_free {
            self.anchored = Some(*row);
        }
        self.any.add(row);
        if row.is_required && row.owns_begin {
            self.required.add(row);
            self.is_required = true;
        }
        if row.done != NEVER {
            self.latest = self.latest.max(Some(row.done));
            self.done = self.done.min(row.done);
            if row.owns_success {
                let success = Success { at: row.done, is_hasty: row.is_hasty };
                self.success = Some(self.success.map_or(success, |held| held.min(success)));
            }
        }
    }

    fn attempt(&self) -> Attempt {
        let bounds = if self.is_required { self.required } else { self.any };
        let some = |at: i64| Some(at).filter(|at| *at != NEVER);
        Attempt {
            worker: self.first.worker,
            content: self.first.content,
            is_required: self.is_required,
            assigned_at: some(bounds.assigned),
            due_at: bounds.due,
            done_at: some(self.done),
            success: self.success,
        }
    }
}

fn content_minutes(content: &[RecordBatch]) -> HashMap<&str, i64> {
    let mut minutes = HashMap::new();
    for batch in content {
        let (id, duration, deleted) =
            (Text::of(batch, "content_id"), ints(batch, "duration_minutes"), bools(batch, DELETED));
        for i in (0..batch.num_rows()).filter(|i| deleted(*i) != Some(true)) {
            if let (Some(id), Some(duration)) = (id.get(i), duration(i)) {
                minutes.insert(id, duration);
            }
        }
    }
    minutes
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Date32Array};

    use super::*;
    use crate::canon::fixture::{day, rows};
    use crate::canon::history::{Eligibility, People};
    use crate::period::date_of;

    const HEADER: &str = "user_id content_id attempt status assigned_at due_at completed_at";

    /// The attempts of the first worker, whose accounts are u1 and u2, as `assigned due done` in Berlin; `~` before one that is not required.
    fn told(header: &str, lines: &[&str]) -> Vec<String> {
        told_until(header, lines, None)
    }

    /// Rows with the first day on which a full snapshot no longer held each.
    fn held_to(batch: &RecordBatch, days: &[&str]) -> RecordBatch {
        let days: ArrayRef =
            Arc::new(days.iter().map(|text| (*text != "-").then(|| day(text))).collect::<Date32Array>());
        let named = batch.schema().index_of(HELD_TO).ok();
        let mut columns: Vec<(String, ArrayRef)> = (0..batch.num_columns())
            .filter(|at| Some(*at) != named)
            .map(|at| (batch.schema().field(at).name().clone(), Arc::clone(batch.column(at))))
            .collect();
        columns.push((HELD_TO.to_owned(), days));
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
    }

    fn told_until(header: &str, lines: &[&str], ended: Option<&[&str]>) -> Vec<String> {
        let workers = [rows("workers", "worker_id effective_from status employee_no\n w1 2020-01-01 active n1")];
        let people =
            People::build(&workers, &Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 });
        let users = rows("users", "user_id employee_no\n u1 n1\n u2 n1");
        let identity = Identity::build(&[users], &[], &workers, &people);
        let is_stated = header.contains("required");
        let (header, more) = if is_stated { (header.to_owned(), "") } else { (format!("{header} required"), " true") };
        let lines: Vec<String> = lines.iter().map(|line| format!("{line}{more}")).collect();
        let mut enrollments = rows("enrollments", &format!("{header}\n{}", lines.join("\n")));
        if let Some(days) = ended {
            enrollments = held_to(&enrollments, days);
        }
        let zone = chrono_tz::Europe::Berlin;
        let attempts = Attempts::build(&[enrollments], &[], &identity, zone, Day::MIN);
        let mut clock = DayClock::new(zone);
        let mut date = |at: Option<i64>| at.map_or("-".to_owned(), |at| date_of(clock.day(at)).to_string());
        let mut line = |attempt: &Attempt| {
            let days = [attempt.assigned_at, attempt.due_at, attempt.success.map(|success| success.at)].map(&mut date);
            assert_eq!(days[2], date(attempt.done_at));
            format!("{}{}", if attempt.is_required { "" } else { "~" }, days.join(" "))
        };
        attempts.all.iter().map(&mut line).collect()
    }

    /// The same of rows in any order.
    fn attempts(lines: &[&str]) -> Vec<String> {
        let told_forwards = told(HEADER, lines);
        let backwards: Vec<&str> = lines.iter().rev().copied().collect();
        assert_eq!(told_forwards, told(HEADER, &backwards), "the order of rows decides nothing");
        told_forwards
    }

    #[test]
    fn the_same_course_every_year_is_an_attempt_a_year_with_or_without_numbers_also_where_a_year_was_missed() {
        let years = |numbers: [&str; 3]| {
            let [first, second, third] = numbers;
            attempts(&[
                &format!("u1 c {first} completed 2024-01-15 2024-02-28 2024-02-10"),
                &format!("u1 c {second} failed 2025-01-15 2025-02-28 -"),
                &format!("u1 c {third} passed 2026-01-15 2026-02-28 2026-02-12"),
            ])
        };
        let each = ["2024-01-15 2024-02-28 2024-02-10", "2025-01-15 2025-02-28 -", "2026-01-15 2026-02-28 2026-02-12"];
        assert_eq!(years(["1", "2", "3"]), each);
        assert_eq!(years(["-", "-", "-"]), each);
    }

    #[test]
    fn a_due_date_after_the_last_completion_begins_an_attempt_where_nobody_says_when_it_was_assigned() {
        let due_alone = attempts(&["u1 c - completed - 2025-02-28 2025-02-10", "u1 c - assigned - 2026-02-28 -"]);
        assert_eq!(due_alone, ["- 2025-02-28 2025-02-10", "- 2026-02-28 -"]);
        let late = attempts(&[
            "u1 c - completed 2025-01-15 2025-02-28 2026-01-20",
            "u1 c - completed 2026-01-15 2026-02-28 2026-02-12",
        ]);
        assert_eq!(
            late,
            ["2025-01-15 2025-02-28 2026-01-20", "2026-01-15 2026-02-28 2026-02-12"],
            "renewed before done"
        );
    }

    #[test]
    fn what_was_completed_stays_so_when_it_lapses() {
        let told = |status: &str| attempts(&[&format!("u1 c - {status} 2026-01-05 2026-02-28 2026-02-10")]);
        assert_eq!(told("expired"), ["2026-01-05 2026-02-28 2026-02-10"]);
        assert_eq!(told("failed"), ["2026-01-05 2026-02-28 -"]);
    }

    #[test]
    fn within_an_attempt_the_earliest_success_wins_whatever_the_number_and_the_account() {
        let retaken = attempts(&[
            "u1 c 1 failed 2026-03-02 2026-03-20 -",
            "u1 c 2 passed 2026-03-02 2026-03-20 2026-03-10",
            "u1 c 3 passed 2026-03-02 2026-03-20 2026-03-12",
        ]);
        assert_eq!(retaken, ["2026-03-02 2026-03-20 2026-03-10"]);
        let two_accounts =
            attempts(&["u1 c 1 assigned 2026-03-02 2026-03-20 -", "u2 c 1 passed 2026-03-02 2026-03-20 2026-03-12"]);
        assert_eq!(two_accounts, ["2026-03-02 2026-03-20 2026-03-12"]);
        let told_apart = attempts(&["u1 c - assigned 2026-03-02 2026-03-20 -", "u1 c - completed - - 2026-03-12"]);
        assert_eq!(told_apart, ["2026-03-02 2026-03-20 2026-03-12"], "the completion came without its assignment");
    }

    #[test]
    fn what_is_assigned_again_while_it_is_still_to_be_done_is_one_obligation_and_the_later_due_date_holds() {
        let moved = attempts(&["u1 c - assigned 2026-03-02 2026-03-20 -", "u1 c - assigned 2026-03-09 2026-04-10 -"]);
        assert_eq!(moved, ["2026-03-02 2026-04-10 -"]);
        let overdue = attempts(&["u1 c - assigned 2026-03-02 2026-03-06 -", "u1 c - assigned 2026-03-09 2026-04-10 -"]);
        assert_eq!(overdue, ["2026-03-02 2026-03-06 -", "2026-03-09 2026-04-10 -"]);
        let header = "user_id content_id status enrolled_at due_at completed_at";
        let by_enrollment =
            told(header, &["u1 c assigned 2026-03-02 2026-03-20 -", "u1 c assigned 2026-03-02 2026-04-10 -"]);
        assert_eq!(by_enrollment, ["- 2026-04-10 -"], "one enrollment whose due date moved");
    }

    #[test]
    fn a_course_of_own_choice_is_one_attempt_unless_it_was_chosen_or_counted_again_on_a_later_day() {
        let chosen = |lines: &[&str]| told("user_id content_id attempt status completed_at required", lines);
        let again = ["u1 c 1 passed 2025-03-02 false", "u1 c 2 passed 2026-03-02 false"];
        assert_eq!(chosen(&again), ["~- - 2025-03-02", "~- - 2026-03-02"]);
        let same_day = ["u1 c 1 passed 2026-03-02T09:00 false", "u1 c 2 passed 2026-03-02T10:00 false"];
        assert_eq!(chosen(&same_day), ["~- - 2026-03-02"]);
        let two_accounts = ["u1 c - passed 2026-03-02 false", "u2 c - passed 2026-05-02 false"];
        assert_eq!(chosen(&two_accounts), ["~- - 2026-03-02"]);
        let enrolled = |lines: &[&str]| told("user_id content_id status enrolled_at completed_at required", lines);
        let each_year = ["u1 c passed 2025-03-01 2025-03-02 false", "u1 c passed 2026-03-01 2026-03-02 false"];
        assert_eq!(enrolled(&each_year), ["~- - 2025-03-02", "~- - 2026-03-02"]);
        let at_once = ["u1 c passed 2025-03-01 2025-03-09 false", "u1 c passed 2025-03-05 2025-03-12 false"];
        assert_eq!(enrolled(&at_once), ["~- - 2025-03-09"]);
        let then_assigned = attempts(&["u1 c - completed - - 2025-03-02", "u1 c - assigned 2026-01-15 2026-02-28 -"]);
        assert_eq!(then_assigned, ["~- - 2025-03-02", "2026-01-15 2026-02-28 -"]);
    }

    #[test]
    fn a_row_that_names_no_attempt_speaks_of_all_that_were_told_before_it() {
        let header = "user_id content_id status assigned_at completed_at deleted _known_at";
        let assigned = "u1 c assigned 2026-03-02 - - 2026-03-02T00:00";
        let done = "u1 c completed 2025-03-02 2025-03-09 - 2026-03-02T00:00";
        let later = "u1 c assigned 2026-04-02 - - 2026-04-02T00:00";
        let off = "u1 c withdrawn - - - 2026-03-09T00:00";
        assert_eq!(told(header, &[assigned, done, off]), ["2025-03-02 - 2025-03-09"], "what was done stays done");
        assert_eq!(told(header, &[assigned, off, later]), ["2026-04-02 - -"]);
        let deleted = "u1 c assigned - - true 2026-03-09T00:00";
        assert_eq!(told(header, &[assigned, done, deleted, later]), ["2026-04-02 - -"]);
    }

    #[test]
    fn what_a_full_export_no_longer_holds_keeps_what_it_completed_and_stops_being_open() {
        let header = "user_id content_id status assigned_at due_at completed_at _deleted required";
        let rows = [
            "u1 a completed 2026-01-15 2026-04-30 2026-02-10 true true",
            "u1 b assigned 2026-01-15 2026-04-30 - true true",
            "u1 c assigned 2026-01-15 2026-02-20 - true true",
            "u1 d assigned 2026-01-15 2026-04-30 - true true",
        ];
        let until = ["2026-03-01", "2026-03-01", "2026-03-01", "-"];
        let each = ["2026-01-15 2026-04-30 2026-02-10", "2026-01-15 - -", "2026-01-15 2026-02-20 -"];
        assert_eq!(told_until(header, &rows, Some(&until)), each, "deleted by the vendor is something else");
    }

    #[test]
    fn the_first_day_is_that_of_the_first_assignment_due_date_or_completion_from_the_floor_on() {
        let workers = [rows("workers", "worker_id effective_from status employee_no\n w1 2010-01-01 active n1")];
        let people =
            People::build(&workers, &Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 });
        let identity = Identity::build(&[rows("users", "user_id employee_no\n u1 n1")], &[], &workers, &people);
        let enrollments = [rows(
            "enrollments",
            "user_id content_id status    assigned_at due_at     completed_at
             u1      a          completed 2015-01-15  2015-02-28 2015-02-10
             u1      b          completed -           2025-02-28 2025-02-10
             u1      c          withdrawn 2024-01-15  -          -
             zz      c          completed 2024-01-15  -          2024-01-16",
        )];
        let floor = day("2021-03-01");
        let attempts = Attempts::build(&enrollments, &[], &identity, chrono_tz::UTC, floor);
        let first = attempts.first_day.map(|day| date_of(day).to_string());
        assert_eq!((first.as_deref(), attempts.before_floor), (Some("2025-02-10"), 1));
    }
}
