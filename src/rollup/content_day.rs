//! What each person did with each object on one day: a month of content adds these up and never reads events again.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::error::ArrowError;

use super::person_day::Inputs;
use crate::canon::columns::{Text, doubles, instants, ints};
use crate::canon::history::People;
use crate::canon::identity::Who;
use crate::contract::Table;
use crate::contract::arrow::mart_schema;
use crate::period::Day;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

/// Rolls one day up: events on objects, and ratings and endorsements of contributions, by people we know.
///
/// # Errors
/// The rows do not fit the contract; a bug.
pub fn rows(table: &Table, inputs: &Inputs<'_>, people: &People) -> Result<RecordBatch, ArrowError> {
    let cap = inputs.policy.max_event_minutes * 60;
    let worker = |user: &str| match inputs.identity.who(user, inputs.day) {
        Who::Worker(worker) => Some(worker),
        _ => None,
    };
    // Nobody in particular comes first.
    let mut uses: BTreeMap<(Object, &str, Option<u32>), Use> = BTreeMap::new();
    for batch in inputs.activity {
        let (user, verb, object) = (Text::of(batch, "user_id"), Text::of(batch, "verb"), Text::of(batch, "object_id"));
        let (seconds, score) = (ints(batch, "duration_seconds"), doubles(batch, "score"));
        for row in 0..batch.num_rows() {
            let (Some(user), Some(verb), Some(object)) = (user.get(row), verb.get(row), object.get(row)) else {
                continue;
            };
            if matches!(verb, "searched" | "logged_in" | "voided") {
                continue;
            }
            let Some(worker) = worker(user) else { continue };
            let held = uses.entry((Object::Content, object, Some(worker))).or_default();
            held.views += 1;
            held.seconds += seconds(row).unwrap_or(0).clamp(0, cap);
            held.successes += i64::from(matches!(verb, "completed" | "passed"));
            if let Some(score) = score(row).filter(|_| verb == "rated") {
                held.rate(score * FULL_SCORE);
            }
        }
    }
    for batch in inputs.reactions {
        let (actor, kind) = (Text::of(batch, "actor_id"), Text::of(batch, "kind"));
        let contribution = Text::of(batch, "contribution_id");
        let (value, revoked) = (doubles(batch, "value"), instants(batch, "revoked_at"));
        for row in (0..batch.num_rows()).filter(|row| revoked(*row).is_none()) {
            let (Some(kind), Some(object)) = (kind.get(row), contribution.get(row)) else { continue };
            let Some(actor) = actor.get(row) else {
                let held = uses.entry((Object::Contribution, object, None)).or_default();
                held.unnamed += value(row).filter(|many| (1.0..1e12).contains(many)).map_or(0, |many| many as i64);
                continue;
            };
            let rated = value(row).filter(|_| kind == "rating");
            if kind != "endorse" && rated.is_none() {
                continue;
            }
            let Some(worker) = worker(actor) else { continue };
            let held = uses.entry((Object::Contribution, object, Some(worker))).or_default();
            held.endorsements += i64::from(kind == "endorse");
            if let Some(value) = rated {
                held.rate(value * 1_000.0);
            }
        }
    }
    let count = uses.len();
    let text = |pick: &dyn Fn(&(Object, &str, Option<u32>)) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(uses.keys().map(pick)))
    };
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(vec![inputs.day; count])),
        text(&|(object, ..)| object.as_str().to_owned()),
        text(&|(_, id, _)| (*id).to_owned()),
        text(&|(.., worker)| {
            worker.and_then(|worker| people.workers.get(worker as usize)).cloned().unwrap_or_default()
        }),
    ];
    columns.extend((0..MEASURES.len()).map(|at| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(uses.values().map(|held| held.measures()[at])))
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
            "event_id user_id verb      object_id duration_seconds score
             e1       u1      viewed    c1        60               -
             e2       u1      completed c1        99999            -
             e3       u1      searched  c1        60               -
             e4       u2      rated     c1        -                0.8
             e5       ux      viewed    c1        60               -
             e6       u2      viewed    -         60               -",
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
        let inputs = Inputs {
            day: day("2026-01-05"),
            activity: &activity,
            reactions: &reactions,
            authors: &[],
            identity: &identity,
            policy: &policy,
        };
        let rows = rows(catalog.expect("content_day").unwrap(), &inputs, &people).unwrap();
        let read: Vec<(String, Option<u32>, [i64; 7])> = read(&[rows], inputs.day, &people)
            .into_iter()
            .map(|one| (format!("{} {}", one.object.as_str(), one.id), one.worker, one.what.measures()))
            .collect();
        let expected = [
            ("content c1", Some(0), [2, 60 + 240 * 60, 1, 0, 0, 0, 0]),
            ("content c1", Some(1), [1, 0, 0, 1, 4_000, 0, 0]),
            ("contribution k1", None, [0, 0, 0, 0, 0, 0, 15]),
            ("contribution k1", Some(1), [0, 0, 0, 1, 4_500, 1, 0]),
        ];
        assert_eq!(read, expected.map(|(object, worker, measures)| (object.to_owned(), worker, measures)));
    }
}
