//! Who wrote what and when, as everything about sharing reads it: which contributions stand, who an account was on the day, who led,
//! and what repeats an earlier text.
//!
//! A contribution that was taken down is shared by nobody any more and leaves what is said of sharing, from its first day on.
//! It stays what it was on that day, an act of its author: activity counts it.

use arrow::array::RecordBatch;
use chrono_tz::Tz;
use hashbrown::HashSet;

use super::columns::{Text, bools, instants, ints};
use super::history::{NONE, People, Stint};
use super::identity::{Identity, Who};
use crate::contract::arrow::DELETED;
use crate::period::{Day, DayClock, day_start_micros};

/// One row of `contributions` that stands. Accounts and texts are as delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written<'a> {
    pub id: &'a str,
    /// Microseconds since the epoch, and the day that holds them in the reporting zone.
    pub at: i64,
    pub day: Day,
    pub account: &'a str,
    pub kind: &'a str,
    pub parent: Option<&'a str>,
    pub content: Option<&'a str>,
    pub topics: Option<&'a str>,
    pub credited: Option<&'a str>,
    pub minutes: Option<i64>,
    pub words: Option<i64>,
    pub body_hash: Option<&'a str>,
}

/// Contributions in order of instant and id that were made before the horizon and not taken down before it: what is dated later has not
/// happened yet.
pub fn standing<'a>(batches: &'a [RecordBatch], zone: Tz, horizon: Day) -> Vec<Written<'a>> {
    let (end, mut clock) = (day_start_micros(horizon, zone), DayClock::new(zone));
    let mut rows = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    for batch in batches {
        let text = |name: &str| Text::of(batch, name);
        let (id, account, kind) = (text("contribution_id"), text("author_id"), text("kind"));
        let (parent, content, topics) = (text("parent_id"), text("content_id"), text("topics"));
        let (credited, body_hash) = (text("credited_ids"), text("body_hash"));
        let (created_at, deleted_at) = (instants(batch, "created_at"), instants(batch, "deleted_at"));
        let (minutes, words, deleted) = (ints(batch, "minutes"), ints(batch, "words"), bools(batch, DELETED));
        for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true)) {
            let (Some(id), Some(account), Some(kind), Some(at)) =
                (id.get(row), account.get(row), kind.get(row), created_at(row))
            else {
                continue;
            };
            let day = clock.day(at);
            if day >= horizon || deleted_at(row).is_some_and(|gone| gone < end) {
                continue;
            }
            rows.push(Written {
                id,
                at,
                day,
                account,
                kind,
                parent: parent.get(row),
                content: content.get(row),
                topics: topics.get(row),
                credited: credited.get(row),
                minutes: minutes(row),
                words: words(row),
                body_hash: body_hash.get(row).filter(|hash| !hash.is_empty()),
            });
        }
    }
    rows.sort_unstable_by_key(|row| (row.at, row.id));
    rows
}

/// Texts that were seen, each author's own.
#[derive(Default)]
pub struct Texts<'a>(HashSet<(u32, &'a str)>);

impl<'a> Texts<'a> {
    /// Whether the author gave the same text before. Without a hash nothing is a repeat.
    pub fn repeats(&mut self, author: u32, body_hash: Option<&'a str>) -> bool {
        body_hash.is_some_and(|hash| !self.0.insert((author, hash)))
    }
}

/// Who is who, and when.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    pub identity: &'a Identity,
    pub people: &'a People,
    pub zone: Tz,
    /// Bands whose people are leaders; everybody else is an expert.
    pub leader_bands: &'a [&'a str],
    /// The first day that is not reported: what is dated later has not happened yet.
    pub horizon: Day,
}

impl<'a> Setting<'a> {
    /// The stint of a day, else the nearest before, else the first: somebody on leave is still who they were.
    pub fn stint(&self, worker: u32, day: Day) -> Option<&'a Stint> {
        let stints = &self.people.stints;
        let first = stints.partition_point(|stint| stint.worker < worker);
        let own = &stints[first..stints.partition_point(|stint| stint.worker <= worker)];
        own.get(own.partition_point(|stint| stint.from <= day).saturating_sub(1))
    }

    /// Whether a worker was a leader on a day.
    pub fn is_leader(&self, worker: u32, day: Day) -> bool {
        let band = self.stint(worker, day).and_then(|stint| self.people.labels.text(stint.place.band));
        band.is_some_and(|band| self.leader_bands.contains(&band))
    }

    /// The business function on a day, a label of [`People::labels`].
    pub fn function(&self, worker: u32, day: Day) -> Option<u32> {
        self.stint(worker, day).map(|stint| stint.place.function).filter(|function| *function != NONE)
    }

    /// The worker behind an account on a day.
    pub fn worker(&self, account: &str, day: Day) -> Option<u32> {
        match self.identity.who(account, day) {
            Who::Worker(worker) => Some(worker),
            _ => None,
        }
    }

    /// The experts of the day that a contribution credits, its author never among them; ascending, each once.
    pub fn credited(&self, written: &Written<'_>, author: Option<u32>) -> Vec<u32> {
        let mut experts: Vec<u32> = parts(written.credited)
            .filter_map(|account| self.worker(account, written.day))
            .filter(|expert| Some(*expert) != author && !self.is_leader(*expert, written.day))
            .collect();
        experts.sort_unstable();
        experts.dedup();
        experts
    }
}

/// The parts of a text joined by `;`, trimmed, the empty ones left out.
pub fn parts(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default().split(';').map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::fixture::{day, people, rows};

    #[test]
    fn what_stands_was_made_and_not_taken_down_before_the_horizon() {
        let rows = rows(
            "contributions",
            "contribution_id,author_id,kind,created_at,deleted_at,body_hash
             late,ann,post,2026-03-05,,
             kept,ann,post,2026-03-02,,
             gone,ann,post,2026-03-02,2026-03-31,
             going,ann,post,2026-03-04,2026-04-01,
             to_come,ann,post,2026-04-01,,
             unhashed,ann,post,2026-03-01,,",
        );
        let ids = |horizon: &str| -> Vec<String> {
            let batches = [rows.clone()];
            let standing = standing(&batches, chrono_tz::UTC, day(horizon));
            standing.iter().map(|row| row.id.to_owned()).collect()
        };
        assert_eq!(
            ids("2026-04-01"),
            ["unhashed", "kept", "going", "late"],
            "not yet taken down on the first of April"
        );
        assert_eq!(ids("2026-04-02"), ["unhashed", "kept", "late", "to_come"]);
        assert_eq!(ids("2026-03-03"), ["unhashed", "gone", "kept"]);
    }

    #[test]
    fn a_text_is_repeated_by_its_own_author_alone() {
        let mut texts = Texts::default();
        let seen = [(1, Some("h")), (2, Some("h")), (1, None), (1, Some("h")), (1, None)];
        assert_eq!(seen.map(|(author, hash)| texts.repeats(author, hash)), [false, false, false, true, false]);
    }

    #[test]
    fn an_expert_is_whoever_was_below_the_leaders_on_the_day() {
        let (people, identity) = people(
            "worker_id,effective_from,effective_to,employee_no,status,leader_band
             ann,2026-01-01,,ann,active,manager
             ben,2026-01-01,2026-03-10,ben,active,ic
             ben,2026-03-20,,ben,active,director
             cem,2026-01-01,,cem,active,",
        );
        let setting = Setting {
            identity: &identity,
            people: &people,
            zone: chrono_tz::UTC,
            leader_bands: &["manager", "director"],
            horizon: day("2026-04-01"),
        };
        let credited = |on: &str, credited: &str| -> Vec<String> {
            let rows = [rows(
                "contributions",
                &format!("contribution_id,author_id,kind,created_at,credited_ids\nk,cem,post,{on},{credited}"),
            )];
            let written = standing(&rows, chrono_tz::UTC, setting.horizon)[0];
            let author = setting.worker(written.account, written.day);
            setting.credited(&written, author).iter().map(|code| people.workers[*code as usize].clone()).collect()
        };
        assert_eq!(credited("2026-03-09", "ben; ann;cem;ben;nobody"), ["ben"], "no leader, never oneself, each once");
        assert_eq!(credited("2026-03-15", "ben"), ["ben"], "between two stints as before");
        assert_eq!(credited("2026-03-20", "ben"), [""; 0], "a director from that day on");
        assert_eq!(credited("2025-06-01", "ben"), ["ben"], "before the first stint as in it");
    }
}
