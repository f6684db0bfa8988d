//! What each person did with each object on one day: a month of content adds these up and never reads events again.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::error::ArrowError;

use hashbrown::HashMap;

use super::person_day::Inputs;
use super::time_spent::{Durations, Stretch, content_of, spent};
use crate::canon::columns::{Text, doubles, instants, ints};
use crate::canon::history::People;
use crate::canon::identity::Who;
use crate::contract::Table;
use crate::contract::arrow::mart_schema;
use crate::period::Day;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    Content,
    Contribution,
}

impl Object {
    pub fn as_str(self) -> &'static str {
        match self {
            Object::Content => "content",
            Object::Contribution => "contribution",
        }
    }
}

/// What one person did with one object. Integers, so they add in any order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    pub views: i64,
    pub seconds: i64,
    pub successes: i64,
    pub ratings: i64,
    pub rating_thousandths: i64,
    pub endorsements: i64,
    /// Reactions of people that the source counts and does not name; only in rows of nobody.
    pub unnamed: i64,
}

/// The columns of [`Use`], in its order.
const MEASURES: [&str; 7] =
    ["views", "seconds", "successes", "ratings", "rating_thousandths", "endorsements", "unnamed"];
/// Points of the best score, in thousandths.
const FULL_SCORE: f64 = 5_000.0;
/// A rating beyond this many points, or below 0, is none.
const POINTS_MAX: f64 = 1_000.0;

impl Use {
    fn measures(&self) -> [i64; 7] {
        let Use { views, seconds, successes, ratings, rating_thousandths, endorsements, unnamed } = *self;
        [views, seconds, successes, ratings, rating_thousandths, endorsements, unnamed]
    }

    /// Adds what happened elsewhere or on another day.
    pub fn add(&mut self, other: &Use) {
        self.views += other.views;
        self.seconds += other.seconds;
        self.successes += other.successes;
        self.ratings += other.ratings;
        self.rating_thousandths += other.rating_thousandths;
        self.endorsements += other.endorsements;
        self.unnamed += other.unnamed;
    }

    fn rate(&mut self, thousandths: f64) {
        if (0.0..=POINTS_MAX * 1_000.0).contains(&thousandths) {
            self.ratings += 1;
            self.rating_thousandths += thousandths.round() as i64;
        }
    }
}

/// What each person did with each object, in the order of the first time.
#[derive(Default)]
struct Uses<'a> {
    held: Vec<((Object, &'a str, Option<u32>), Use)>,
    known: HashMap<(Object, &'a str, Option<u32>), usize>,
}

impl<'a> Uses<'a> {
    /// The use of an object by a worker, or by nobody in particular, and its number.
    fn of(&mut self, object: Object, id: &'a str, worker: Option<u32>) -> (usize, &mut Use) {
        let key = (object, id, worker);
        let at = *self.known.entry(key).or_insert_with(|| {
            self.held.push((key, Use::default()));
            self.held.len() - 1
        });
        (at, &mut self.held[at].1)
    }
}

/// Rolls one day up: events on objects, and ratings and endorsements of contributions, by people we know.
///
/// # Errors
/// The rows do not fit the contract; a bug.
pub fn rows(table: &Table, inputs: &Inputs<'_>, people: &People) -> Result<RecordBatch, ArrowError> {
    let worker = |user: &str| match inputs.identity.who(user, inputs.day()) {
        Who::Worker(worker) => Some(worker),
        _ => None,
    };
    let mut uses = Uses::default();
    let (mut stretches, mut loose): (Vec<(usize, Stretch)>, Vec<(usize, i64)>) = Default::default();
    for batch in inputs.activity {
        let (user, verb) = (Text::of(batch, "user_id"), Text::of(batch, "verb"));
        let (object, kind) = (Text::of(batch, "object_id"), Text::of(batch, "object_kind"));
        let (durations, score) = (Durations::of(batch, &inputs.clock), doubles(batch, "score"));
        for row in 0..batch.num_rows() {
            let (Some(user), Some(verb)) = (user.get(row), verb.get(row)) else { continue };
            let Some(object) = content_of(verb, object.get(row), kind.get(row)) else { continue };
            let Some(worker) = worker(user) else { continue };
            let (at, held) = uses.of(Object::Content, object, Some(worker));
            // A visit of whatever kind is no look at the item, but it may take time.
            held.views += i64::from(verb != "other");
            held.successes += i64::from(matches!(verb, "completed" | "passed"));
            if let Some(score) = score(row).filter(|_| verb == "rated") {
                held.rate(score * FULL_SCORE);
            }
            let own = durations.stretch(row).and_then(|stretch| inputs.clock.on_the_day(stretch));
            stretches.extend(own.map(|stretch| (at, stretch)));
            loose.extend(durations.loose(row).map(|seconds| (at, seconds)));
        }
    }
    for over in inputs.beside {
        if let (Some(content), Some(worker)) = (over.content.as_deref(), inputs.owner(over)) {
            stretches.push((uses.of(Object::Content, content, Some(worker)).0, over.stretch));
        }
    }
    for (at, seconds) in spent(&mut stretches, &loose, &inputs.clock) {
        uses.held[at].1.seconds = seconds;
    }
    for batch in inputs.reactions {
        let (actor, kind) = (Text::of(batch, "actor_id"), Text::of(batch, "kind"));
        let contribution = Text::of(batch, "contribution_id");
        let (value, revoked) = (doubles(batch, "value"), instants(batch, "revoked_at"));
        for row in (0..batch.num_rows()).filter(|row| revoked(*row).is_none()) {
            let (Some(kind), Some(object)) = (kind.get(row), contribution.get(row)) else { continue };
            let Some(actor) = actor.get(row) else {
                let (_, held) = uses.of(Object::Contribution, object, None);
                held.unnamed += value(row).filter(|many| (1.0..1e12).contains(many)).map_or(0, |many| many as i64);
                continue;
            };
            let rated = value(row).filter(|_| kind == "rating");
            if kind != "endorse" && rated.is_none() {
                continue;
            }
            let Some(worker) = worker(actor) else { continue };
            let (_, held) = uses.of(Object::Contribution, object, Some(worker));
            held.endorsements += i64::from(kind == "endorse");
            if let Some(value) = rated {
                held.rate(value * 1_000.0);
            }
        }
    }
    // What took no time on the day and was nothing else is no use.
    let mut uses = uses.held;
    uses.retain(|(_, held)| *held != Use::default());
    uses.sort_unstable_by_key(|(key, _)| *key);
    let count = uses.len();
    let text = |pick: &dyn Fn(&(Object, &str, Option<u32>)) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(uses.iter().map(|(key, _)| pick(key))))
    };
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(vec![inputs.day(); count])),
        text(&|(object, ..)| object.as_str().to_owned()),
        text(&|(_, id, _)| (*id).to_owned()),
        text(&|(.., worker)| {
            worker.and_then(|worker| people.workers.get(worker as usize)).cloned().unwrap_or_default()
        }),
    ];
    columns.extend((0..MEASURES.len()).map(|at| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(uses.iter().map(|(_, held)| held.measures()[at])))
    }));
    RecordBatch::try_new(mart_schema(table), columns)
}

/// One row of a day as it is added up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayUse {
    pub day: Day,
    pub object: Object,
    pub id: String,
    /// None where people were counted and not named.
    pub worker: Option<u32>,
    pub what: Use,
}

/// Reads the rows of one day. Rows of workers whom HRIS no longer knows are left out.
pub fn read(batches: &[RecordBatch], day: Day, people: &People) -> Vec<DayUse> {
    let mut read = Vec::new();
    for batch in batches {
        let (kind, id, key) =
            (Text::of(batch, "object_kind"), Text::of(batch, "object_id"), Text::of(batch, "person_key"));
        let [views, seconds, successes, ratings, rating_thousandths, endorsements, unnamed] =
            MEASURES.map(|name| ints(batch, name));
        for row in 0..batch.num_rows() {
            let (Some(kind), Some(id), Some(key)) = (kind.get(row), id.get(row), key.get(row)) else { continue };
            let worker = if key.is_empty() { None } else { people.code(key) };
            if worker.is_none() && !key.is_empty() {
                continue;
            }
            let object = if kind == Object::Content.as_str() { Object::Content } else { Object::Contribution };
            let value = |of: &dyn Fn(usize) -> Option<i64>| of(row).unwrap_or(0);
            let what = Use {
                views: value(&views),
                seconds: value(&seconds),
                successes: value(&successes),
                ratings: value(&ratings),
                rating_thousandths: value(&rating_thousandths),
                endorsements: value(&endorsements),
                unnamed: value(&unnamed),
            };
            read.push(DayUse { day, object, id: id.to_owned(), worker, what });
        }
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::fixture::{self, day};
    use crate::canon::history::Eligibility;
    use crate::canon::identity::Identity;
    use crate::contract::Catalog;
    use crate::job::Policy;
    use crate::rollup::time_spent::{Clock, Overhang};

    #[test]
    fn a_day_says_who_used_what_for_how_long_and_what_they_thought_of_it() {
        let workers = [fixture::rows(
            "workers",
            "worker_id effective_from status employee_no
             w1        2026-01-01     active 1
             w2        2026-01-01     active 2",
        )];
        let people =
            People::build(&workers, &Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 });
        let users = [fixture::rows("users", "user_id employee_no status\nu1 1 active\nu2 2 active")];
        let identity = Identity::build(&users, &[], &workers, &people);
        let activity = [fixture::rows(
            "activity",
            "event_id user_id verb      object_id duration_seconds score occurred_at
             e1       u1      viewed    c1        60               -     2026-01-05T10:00
             e2       u1      completed c1        99999            -     2026-01-05T10:05
             e3       u1      searched  c1        60               -     2026-01-05T11:00
             e4       u2      rated     c1        -                0.8   2026-01-05T11:00
             e5       ux      viewed    c1        60               -     2026-01-05T11:00
             e6       u2      viewed    -         60               -     2026-01-05T11:00
             e7       u1      enrolled  c1        60               -     2026-01-05T12:00
             e8       u1      other     c2        60               -     2026-01-05T13:00
             e9       u1      viewed    c3        60               -     2026-01-05T00:00",
        )];
        let reactions = [fixture::rows(
            "reactions",
            "reaction_id contribution_id actor_id kind    value revoked_at
             r1          k1              u2       endorse -     -
             r2          k1              u2       rating  4.5   -
             r3          k1              u2       rating  -1    -
             r4          k1              u1       endorse -     2026-01-09
             r5          k1              u1       like    -     -
             r6          k1              -        like    12    -
             r7          k1              -        endorse 3     -",
        )];
        let catalog = Catalog::load().unwrap();
        let policy = Policy::default();
        let midnight = chrono::NaiveDate::from_ymd_opt(2026, 1, 6).unwrap().and_time(chrono::NaiveTime::MIN).and_utc();
        // Ten minutes before the next day began, of which five are told twice.
        let over = |from: i64| Overhang {
            user: "u2".into(),
            content: Some("c1".into()),
            stretch: Stretch { from: midnight.timestamp() - from, to: midnight.timestamp() },
            day: day("2026-01-06"),
        };
        let beside = [over(600), over(300)];
        let inputs = Inputs {
            clock: Clock::new(day("2026-01-05"), chrono_tz::UTC, policy.max_event_minutes * 60),
            activity: &activity,
            beside: &beside,
            reactions: &reactions,
            authors: &[],
            identity: &identity,
            policy: &policy,
        };
        let rows = rows(catalog.require("content_day").unwrap(), &inputs, &people).unwrap();
        let read: Vec<(String, Option<u32>, [i64; 7])> = read(&[rows], inputs.day(), &people)
            .into_iter()
            .map(|one| (format!("{} {}", one.object.as_str(), one.id), one.worker, one.what.measures()))
            .collect();
        // e2 reaches four hours back and covers e1; e9 ends with the day before, and all its time lies there.
        let expected = [
            ("content c1", Some(0), [2, 240 * 60, 1, 0, 0, 0, 0]),
            ("content c1", Some(1), [1, 600, 0, 1, 4_000, 0, 0]),
            ("content c2", Some(0), [0, 60, 0, 0, 0, 0, 0]),
            ("content c3", Some(0), [1, 0, 0, 0, 0, 0, 0]),
            ("contribution k1", None, [0, 0, 0, 0, 0, 0, 15]),
            ("contribution k1", Some(1), [0, 0, 0, 1, 4_500, 1, 0]),
        ];
        assert_eq!(read, expected.map(|(object, worker, measures)| (object.to_owned(), worker, measures)));
    }
}
