//! When somebody was employed, from the rows of `workers`: a row's own dates outrank the status it has today.
//!
//! Hired on or before a day and not terminated before it is employed on that day, so that an export of today's state gives the
//! past: of somebody who left it holds one row, terminated, with both dates beside it. What a row says of days before its own first
//! one is its reach: the first row of an employment reaches back to the day of hire, unless its feed says `reach_back = false`.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;

use super::columns::{Text, dates};
use super::history::{Row, resolve_overlaps, rows_by_worker};
use crate::period::{Day, OPEN_END};

/// Whether somebody is employed on a day, and at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// Not employed, or not yet, or no longer.
    Away,
    /// Employed and on leave: counts in no denominator.
    Leave,
    Active,
}

/// A run of days `[from, to)` that one HRIS row speaks about: its batch, its row there, and whether the worker is employed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    pub from: Day,
    pub to: Day,
    pub batch: usize,
    pub row: usize,
    pub presence: Presence,
    /// The day of hire of the employment, where the row gives one.
    pub hired: Option<Day>,
    /// The first day of the row itself, as it was told.
    pub since: Day,
}

/// Days `[from, to)` of one employment, as one row tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spell {
    from: Day,
    to: Day,
    presence: Presence,
    hired: Option<Day>,
}

/// The columns of a batch that say who is employed.
pub struct Terms<'a> {
    status: Text<'a>,
    hired: Box<dyn Fn(usize) -> Option<Day> + 'a>,
    original: Box<dyn Fn(usize) -> Option<Day> + 'a>,
    ended: Box<dyn Fn(usize) -> Option<Day> + 'a>,
}

impl<'a> Terms<'a> {
    pub fn of(batch: &'a RecordBatch) -> Terms<'a> {
        Terms {
            status: Text::of(batch, "status"),
            hired: Box::new(dates(batch, "hire_date")),
            original: Box::new(dates(batch, "original_hire_date")),
            ended: Box::new(dates(batch, "termination_date")),
        }
    }

    pub fn hired(&self, row: usize) -> Option<Day> {
        (self.hired)(row)
    }

    /// The last day of the employment that began with the hire date. A termination before the hire date belongs to an earlier one.
    pub fn last_day(&self, row: usize) -> Option<Day> {
        (self.ended)(row).filter(|last| self.hired(row).is_none_or(|hired| *last >= hired))
    }

    /// What the row's dates say of a day, whatever its status; its own first and last day aside.
    pub fn on(&self, row: usize, day: Day) -> Presence {
        let spells = self.spells(row, None);
        let spell = spells.iter().flatten().find(|spell| (spell.from..spell.to).contains(&day));
        spell.map_or(Presence::Away, |spell| spell.presence)
    }

    /// The employments that a row tells of: an earlier one, where it gives the very first hire and a termination before the last one,
    /// and the present one. `told` is a last day that another row tells of the present one.
    fn spells(&self, row: usize, told: Option<Day>) -> [Option<Spell>; 2] {
        let (hired, last) = (self.hired(row), self.last_day(row));
        let after = |last: Day| last.saturating_add(1);
        let earlier = match ((self.original)(row), hired, (self.ended)(row)) {
            (Some(first), Some(hired), Some(ended)) if first <= ended && ended < hired => {
                Some(Spell { from: first, to: after(ended), presence: Presence::Active, hired: Some(first) })
            }
            _ => None,
        };
        let presence = match self.status.get(row) {
            Some("active") => Presence::Active,
            Some("leave") => Presence::Leave,
            // Hired by now, whatever the row still says.
            Some("prehire") if hired.is_some() => Presence::Active,
            // Without its last day a termination says only that the row itself is none.
            Some("terminated") if last.is_some() => Presence::Active,
            _ => Presence::Away,
        };
        let to = last.or(told).map_or(OPEN_END, after);
        let present = Spell { from: hired.unwrap_or(Day::MIN), to, presence, hired };
        [earlier, (presence != Presence::Away && present.from < to).then_some(present)]
    }

    /// Whether the status contradicts the dates on the last day of the row that has come by `today`; `None` where the dates do not
    /// tell, or the row has not begun.
    pub fn contradicts(&self, row: usize, (from, to): (Option<Day>, Option<Day>), today: Day) -> Option<bool> {
        let day = to.map_or(today, |to| today.min(to.saturating_sub(1)));
        let hired = self.hired(row);
        if from.is_some_and(|from| from > day) {
            return None;
        }
        let by_dates = match (hired, self.last_day(row)) {
            (Some(hired), last) => hired <= day && last.is_none_or(|last| day <= last),
            (None, Some(last)) => day <= last,
            (None, None) => return None,
        };
        Some(match self.status.get(row)? {
            // Somebody on the way out may be called so before the last day, and the export of that very day be a day late.
            "terminated" => by_dates && self.last_day(row).is_some_and(|last| last > day),
            "prehire" => by_dates && hired.is_some_and(|hired| hired < day),
            _ => !by_dates,
        })
    }

    /// Whether the row tells of an employment that was over on a day.
    pub fn has_ended(&self, row: usize, day: Day) -> bool {
        self.status.get(row) == Some("terminated") || (self.ended)(row).is_some_and(|last| last < day)
    }

    /// Whether the row says terminated and not when.
    pub fn ends_unsaid(&self, row: usize) -> bool {
        self.status.get(row) == Some("terminated") && (self.ended)(row).is_none()
    }
}

/// What HRIS says of each worker day by day: ascending, disjoint segments, each of the row that wins there; and whether rows of the
/// worker overlapped. Rows of the deliveries in `still` do not reach back.
pub fn segments<'a>(batches: &'a [RecordBatch], still: &BTreeSet<String>) -> BTreeMap<&'a str, (Vec<Segment>, bool)> {
    let terms: Vec<Terms<'_>> = batches.iter().map(Terms::of).collect();
    rows_by_worker(batches).into_iter().map(|(worker, rows)| (worker, lay(&rows, &terms, still))).collect()
}

/// How many workers have rows that overlap.
pub fn overlapping(batches: &[RecordBatch]) -> u64 {
    rows_by_worker(batches).values().filter(|rows| resolve_overlaps(rows).1).count() as u64
}

/// The segments of one worker.
fn lay(rows: &[Row<'_>], terms: &[Terms<'_>], still: &BTreeSet<String>) -> (Vec<Segment>, bool) {
    let (painted, overlap) = resolve_overlaps(rows);
    // A row of no day never held.
    let rows: Vec<&Row<'_>> = rows.iter().filter(|row| row.from < row.to).collect();
    // The newest row about a hire says how that employment ended, also to the rows before it, which could not know.
    let told = |of: &Row<'_>| {
        let hired = terms[of.batch].hired(of.index)?;
        let same = rows.iter().filter(|row| terms[row.batch].hired(row.index) == Some(hired));
        let newest = same.max_by_key(|row| row.strength())?;
        terms[newest.batch].last_day(newest.index)
    };
    let spells = |row: &Row<'_>| terms[row.batch].spells(row.index, told(row));
    let mut segments = Vec::with_capacity(painted.len());
    for (from, to, row) in painted {
        let hired = terms[row.batch].hired(row.index);
        let segment =
            Segment { from, to, batch: row.batch, row: row.index, presence: Presence::Away, hired, since: row.since };
        let mut at = from;
        for spell in spells(row).into_iter().flatten() {
            let (begin, end) = (spell.from.max(at), spell.to.min(to));
            if begin >= end {
                continue;
            }
            if at < begin {
                segments.push(Segment { from: at, to: begin, ..segment });
            }
            segments.push(Segment { from: begin, to: end, presence: spell.presence, hired: spell.hired, ..segment });
            at = end;
        }
        if at < to {
            segments.push(Segment { from: at, ..segment });
        }
    }
    let mut reaching: Vec<&Row<'_>> = rows
        .iter()
        .copied()
        .filter(|row| {
            let hired = terms[row.batch].hired(row.index);
            let is_first = |other: &Row<'_>| {
                terms[other.batch].hired(other.index) != hired
                    || (row.from, Reverse(row.strength())) <= (other.from, Reverse(other.strength()))
            };
            hired.is_some()
                && !row.age.1.is_some_and(|delivery| still.contains(delivery))
                && rows.iter().copied().all(is_first)
        })
        .collect();
    reaching.sort_by_key(|row| Reverse(row.strength()));
    for row in reaching {
        for spell in spells(row).into_iter().flatten() {
            let reach = Segment {
                from: spell.from,
                to: spell.to.min(row.from),
                batch: row.batch,
                row: row.index,
                presence: spell.presence,
                hired: spell.hired,
                since: row.since,
            };
            if reach.from < reach.to {
                segments = filled(segments, reach);
            }
        }
    }
    (segments, overlap)
}

/// The segments with `reach` laid under them: it holds where no row speaks, or where a row of another hire says that nobody was
/// employed.
fn filled(segments: Vec<Segment>, reach: Segment) -> Vec<Segment> {
    let mut all = Vec::with_capacity(segments.len() + 2);
    let mut at = reach.from;
    for segment in segments {
        if at < segment.from && at < reach.to {
            all.push(Segment { from: at, to: segment.from.min(reach.to), ..reach });
        }
        let (begin, end) = (segment.from.max(reach.from), segment.to.min(reach.to));
        if segment.presence == Presence::Away && segment.hired != reach.hired && begin < end {
            if segment.from < begin {
                all.push(Segment { to: begin, ..segment });
            }
            all.push(Segment { from: begin, to: end, ..reach });
            if end < segment.to {
                all.push(Segment { from: end, ..segment });
            }
        } else {
            all.push(segment);
        }
        at = at.max(segment.to);
    }
    if at < reach.to {
        all.push(Segment { from: at, ..reach });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{day, rows};
    use super::*;

    /// Employed days as `worker first last`, the open end as `-`; leave is marked.
    fn employed(still: &[&str], text: &str) -> Vec<String> {
        let batches = [rows("workers", text)];
        let still = still.iter().map(|delivery| (*delivery).to_owned()).collect();
        let date =
            |day: Day| if day == OPEN_END { "-".to_owned() } else { crate::period::date_of(day - 1).to_string() };
        let mut lines: Vec<String> = Vec::new();
        for (worker, (segments, _)) in segments(&batches, &still) {
            assert!(segments.windows(2).all(|pair| pair[0].to <= pair[1].from), "{segments:?}");
            for segment in segments.iter().filter(|segment| segment.presence != Presence::Away) {
                let mark = if segment.presence == Presence::Leave { " leave" } else { "" };
                let line = format!("{worker} {} {}{mark}", crate::period::date_of(segment.from), date(segment.to));
                lines.push(line);
            }
        }
        lines
    }

    #[test]
    fn dates_outrank_the_status_of_today() {
        let told = employed(
            &[],
            "worker_id effective_from status     hire_date  termination_date
             w1        2000-01-01     terminated 2020-03-01 2026-01-20
             w2        2000-01-01     active     2020-03-01 2026-01-20
             w3        2000-01-01     prehire    2025-11-01 -
             w4        2000-01-01     prehire    -          -
             w5        2000-01-01     leave      2020-03-01 -
             w6        2000-01-01     terminated 2020-03-01 -
             w7        2025-05-01     terminated -          2026-01-20",
        );
        assert_eq!(
            told,
            [
                "w1 2020-03-01 2026-01-20",
                "w2 2020-03-01 2026-01-20",
                "w3 2025-11-01 -",
                "w5 2020-03-01 - leave",
                "w7 2025-05-01 2026-01-20"
            ],
            "w4 is not hired yet; of w6 nobody knows when it left"
        );
    }

    #[test]
    fn the_first_row_reaches_back_to_its_hire_date_unless_the_feed_says_no() {
        let text = "worker_id effective_from effective_to status     hire_date  termination_date
             w1        2026-02-15     -            active     2020-03-01 -
             w2        2026-02-15     -            terminated 2020-03-01 2025-12-31
             w3        2026-02-15     2026-03-01   active     2020-03-01 -
             w3        2026-03-01     -            active     2020-03-01 -
             w4        2026-02-15     -            active     2026-02-20 -";
        let reached = employed(&[], text);
        assert_eq!(
            reached,
            [
                "w1 2020-03-01 2026-02-14",
                "w1 2026-02-15 -",
                "w2 2020-03-01 2025-12-31",
                "w3 2020-03-01 2026-02-14",
                "w3 2026-02-15 2026-02-28",
                "w3 2026-03-01 -",
                "w4 2026-02-20 -"
            ]
        );
        let still = employed(&["d"], text);
        assert_eq!(still, ["w1 2026-02-15 -", "w3 2026-02-15 2026-02-28", "w3 2026-03-01 -", "w4 2026-02-20 -"]);
    }

    #[test]
    fn somebody_hired_again_has_two_employments_in_one_row_where_it_gives_three_dates() {
        let told = employed(
            &[],
            "worker_id effective_from status hire_date  original_hire_date termination_date
             w1        2026-02-15     active 2025-06-01 2019-01-01         2023-04-30
             w2        2026-02-15     active 2025-06-01 -                  2023-04-30
             w3        2026-02-15     active 2025-06-01 2019-01-01         -",
        );
        assert_eq!(
            told,
            [
                "w1 2019-01-01 2023-04-30",
                "w1 2025-06-01 2026-02-14",
                "w1 2026-02-15 -",
                "w2 2025-06-01 2026-02-14",
                "w2 2026-02-15 -",
                "w3 2025-06-01 2026-02-14",
                "w3 2026-02-15 -"
            ]
        );
    }

    #[test]
    fn an_end_told_late_holds_from_its_own_day_and_a_hire_told_late_too() {
        let told = employed(
            &[],
            "worker_id effective_from effective_to status     hire_date  termination_date
             w1        2026-01-05     2026-02-01   active     2020-03-01 -
             w1        2026-02-01     -            terminated 2020-03-01 2026-01-20
             w2        2024-01-01     2026-02-01   terminated 2015-01-01 2019-12-31
             w2        2026-02-01     -            active     2026-01-10 -",
        );
        assert_eq!(
            told,
            [
                "w1 2020-03-01 2026-01-04",
                "w1 2026-01-05 2026-01-20",
                "w2 2015-01-01 2019-12-31",
                "w2 2026-01-10 2026-01-31",
                "w2 2026-02-01 -"
            ]
        );
    }

    #[test]
    fn a_gap_of_somebody_whose_hire_date_never_changes_stays_a_gap() {
        let told = employed(
            &[],
            "worker_id effective_from effective_to status     hire_date
             w1        2020-01-01     2025-03-01   active     2020-01-01
             w1        2025-03-01     2025-09-01   terminated 2020-01-01
             w1        2025-09-01     -            active     2020-01-01
             w2        2025-03-01     2025-09-01   terminated 2020-01-01
             w2        2025-09-01     -            active     2020-01-01",
        );
        assert_eq!(told, ["w1 2020-01-01 2025-02-28", "w1 2025-09-01 -", "w2 2025-09-01 -"]);
    }

    #[test]
    fn a_status_contradicts_its_dates_only_where_they_tell() {
        let batch = rows(
            "workers",
            "worker_id status     hire_date  termination_date
             w1        active     2020-03-01 2026-01-20
             w2        terminated 2020-03-01 2026-06-30
             w3        terminated 2020-03-01 2026-01-20
             w4        terminated 2020-03-01 -
             w5        prehire    2026-01-01 -
             w6        prehire    2026-06-01 -
             w7        active     2026-06-01 -
             w8        active     -          -
             w9        leave      2020-03-01 -",
        );
        let terms = Terms::of(&batch);
        let says = |row| terms.contradicts(row, (None, None), day("2026-02-15"));
        let (yes, no) = (Some(true), Some(false));
        assert_eq!((0..9).map(says).collect::<Vec<_>>(), [yes, yes, no, no, yes, no, yes, None, no]);
        let early = terms.contradicts(0, (Some(day("2025-01-01")), Some(day("2026-01-01"))), day("2026-02-15"));
        assert_eq!(early, Some(false), "an old row is judged by its own last day");
        assert!(terms.ends_unsaid(3) && !terms.ends_unsaid(2));
    }
}
