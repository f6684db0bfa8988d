//! What signals are computed on: texts, endorsements and ratings of consented submissions, and nothing else. Who did not take part
//! is read nowhere.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use chrono_tz::Tz;

use crate::canon::columns::{Text, bools, instants, ints};
use crate::canon::history::{NONE, People};
use crate::canon::identity::{Identity, Who};
use crate::contract::arrow::DELETED;
use crate::mart::derived::Reads;
use crate::mart::reviews::{self, Lines};
use crate::period::{Day, day_start_micros, local_day};
use crate::stats::signature::Sketch;

/// Microseconds since 1970.
pub type Micros = i64;

/// A submission that its author consented to and did not withdraw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    pub submission: String,
    pub cycle: String,
    pub author: String,
    pub contribution: String,
}

/// A submitted contribution that has not been taken down.
#[derive(Debug, Clone, PartialEq)]
pub struct Content {
    pub created_at: Micros,
    pub title: String,
    pub words: Option<i64>,
    pub minutes: Option<i64>,
    pub hash: Option<String>,
    pub sketch: Option<Sketch>,
}

/// A reaction of a worker other than the author to a submitted contribution, with everything as of its day.
#[derive(Debug, Clone, PartialEq)]
pub struct Reaction {
    pub contribution: String,
    /// The author of the submission it concerns: a contribution submitted by two people has each reaction twice.
    pub to: String,
    pub from: String,
    pub kind: String,
    pub at: Micros,
    pub day: Day,
    /// Org units; `None` where HRIS does not say.
    pub teams: (Option<u32>, Option<u32>),
    /// The endorser reports to the author within the policy's levels; either reports to the other.
    pub to_boss: bool,
    pub in_line: bool,
    /// The endorser is eligible on the day.
    pub is_eligible: bool,
}

/// One rating of an item by somebody else.
#[derive(Debug, Clone, PartialEq)]
pub struct Rating {
    pub cycle: String,
    pub submission: String,
    pub version: String,
    pub rater: String,
    pub dimension: String,
    pub score: i64,
    pub at: Micros,
}

/// All of it, ordered by ids so that no order of deliveries shows.
#[derive(Debug, Default)]
pub struct Evidence {
    pub items: Vec<Item>,
    /// By contribution id.
    pub contents: BTreeMap<String, Content>,
    pub reactions: Vec<Reaction>,
    pub ratings: Vec<Rating>,
}

impl Evidence {
    pub fn read(facts: &Reads<'_>) -> Evidence {
        let now = day_start_micros(facts.days().1, facts.job.zone);
        let items = items(facts.table("submissions"), now);
        let wanted: BTreeSet<&str> = items.iter().map(|item| item.contribution.as_str()).collect();
        let contents = contents(facts.table("contributions"), &wanted, now);
        let mut authors: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for item in items.iter().filter(|item| contents.contains_key(&item.contribution)) {
            authors.entry(&item.contribution).or_default().insert(&item.author);
        }
        let then = Then {
            people: facts.people(),
            identity: facts.identity(),
            lines: Lines::of(facts.people()),
            zone: facts.job.zone,
            levels: usize::try_from(facts.job.policy.endorser_line_levels).unwrap_or(0),
        };
        let reactions = reactions(facts.table("reactions"), &authors, &then, now);
        let ratings = ratings(facts, &items, &then.lines, now);
        Evidence { items, contents, reactions, ratings }
    }
}

fn live(batch: &RecordBatch) -> impl Iterator<Item = usize> + use<'_> {
    let deleted = bools(batch, DELETED);
    (0..batch.num_rows()).filter(move |row| deleted(*row) != Some(true))
}

fn items(batches: &[RecordBatch], now: Micros) -> Vec<Item> {
    let mut items = Vec::new();
    for batch in batches {
        let text = |name: &str| Text::of(batch, name);
        let (submission, cycle) = (text("submission_id"), text("cycle_id"));
        let (author, contribution) = (text("worker_id"), text("contribution_id"));
        let (consented, withdrawn) = (instants(batch, "consented_at"), instants(batch, "withdrawn_at"));
        for row in live(batch) {
            let said = |at: Option<Micros>| at.is_some_and(|at| at < now);
            if !said(consented(row)) || said(withdrawn(row)) {
                continue;
            }
            if let (Some(submission), Some(cycle), Some(author), Some(contribution)) =
                (submission.get(row), cycle.get(row), author.get(row), contribution.get(row))
            {
                items.push(Item {
                    submission: submission.to_owned(),
                    cycle: cycle.to_owned(),
                    author: author.to_owned(),
                    contribution: contribution.to_owned(),
                });
            }
        }
    }
    items.sort_by(|a, b| a.submission.cmp(&b.submission));
    items
}

fn contents(batches: &[RecordBatch], wanted: &BTreeSet<&str>, now: Micros) -> BTreeMap<String, Content> {
    let mut contents = BTreeMap::new();
    for batch in batches {
        let text = |name: &str| Text::of(batch, name);
        let (id, title, hash, signature) =
            (text("contribution_id"), text("title"), text("body_hash"), text("body_signature"));
        let (created_at, deleted_at) = (instants(batch, "created_at"), instants(batch, "deleted_at"));
        let (words, minutes) = (ints(batch, "words"), ints(batch, "minutes"));
        for row in live(batch) {
            let Some(id) = id.get(row).filter(|id| wanted.contains(id)) else { continue };
            let Some(created_at) = created_at(row).filter(|at| *at < now) else { continue };
            if deleted_at(row).is_some_and(|at| at < now) {
                continue;
            }
            let content = Content {
                created_at,
                title: title.get(row).unwrap_or_default().to_owned(),
                words: words(row),
                minutes: minutes(row),
                hash: hash.get(row).map(str::to_owned),
                sketch: signature.get(row).and_then(Sketch::read),
            };
            contents.insert(id.to_owned(), content);
        }
    }
    contents
}

/// Who an account was, where a worker stood and to whom they reported on a day.
struct Then<'a> {
    people: &'a People,
    identity: &'a Identity,
    lines: Lines<'a>,
    zone: Tz,
    levels: usize,
}

impl Then<'_> {
    fn team(&self, worker: u32, day: Day) -> Option<u32> {
        self.lines.stint(worker, day).map(|stint| stint.place.org).filter(|org| *org != NONE)
    }

    fn reports_to(&self, worker: u32, boss: u32, day: Day) -> bool {
        self.lines.reports_to(worker, boss, self.levels, day)
    }
}

fn reactions(
    batches: &[RecordBatch],
    authors: &BTreeMap<&str, BTreeSet<&str>>,
    then: &Then<'_>,
    now: Micros,
) -> Vec<Reaction> {
    let mut found: Vec<(String, Reaction)> = Vec::new();
    for batch in batches {
        let text = |name: &str| Text::of(batch, name);
        let (id, contribution, actor, kind) =
            (text("reaction_id"), text("contribution_id"), text("actor_id"), text("kind"));
        let (occurred, revoked) = (instants(batch, "occurred_at"), instants(batch, "revoked_at"));
        for row in live(batch) {
            let Some((contribution, authors)) = contribution.get(row).and_then(|id| authors.get_key_value(id)) else {
                continue;
            };
            let (Some(actor), Some(kind)) = (actor.get(row), kind.get(row)) else { continue };
            let Some(at) = occurred(row).filter(|at| *at < now) else { continue };
            if revoked(row).is_some_and(|at| at < now) {
                continue;
            }
            let day = local_day(at, then.zone);
            // Whom nobody knows, test accounts and guests point to nobody.
            let Who::Worker(from) = then.identity.who(actor, day) else { continue };
            let Some(name) = then.people.workers.get(from as usize) else { continue };
            for author in authors.iter().filter(|author| **author != name.as_str()) {
                let to = then.people.code(author);
                let to_boss = to.is_some_and(|to| then.reports_to(from, to, day));
                found.push((
                    id.get(row).unwrap_or_default().to_owned(),
                    Reaction {
                        contribution: (*contribution).to_owned(),
                        to: (*author).to_owned(),
                        from: name.clone(),
                        kind: kind.to_owned(),
                        at,
                        day,
                        teams: (then.team(from, day), to.and_then(|to| then.team(to, day))),
                        to_boss,
                        in_line: to_boss || to.is_some_and(|to| then.reports_to(to, from, day)),
                        is_eligible: then.lines.is_eligible(from, day),
                    },
                ));
            }
        }
    }
    found.sort_by(|(id, a), (other, b)| (a.at, id, &a.to).cmp(&(b.at, other, &b.to)));
    found.into_iter().map(|(_, reaction)| reaction).collect()
}

/// Ratings that count in reviews, where the job says who may rate and by which rubric; else all by somebody other than the author.
fn ratings(facts: &Reads<'_>, items: &[Item], lines: &Lines<'_>, now: Micros) -> Vec<Rating> {
    let decided = reviews::decided(facts);
    let author: BTreeMap<(&str, &str), &str> =
        items.iter().map(|item| ((item.cycle.as_str(), item.submission.as_str()), item.author.as_str())).collect();
    // By key; a mark that names its version stands before one of the same rater that does not.
    let mut ratings: BTreeMap<[String; 5], (bool, Rating)> = BTreeMap::new();
    for batch in facts.table("rubric_scores") {
        let text = |name: &str| Text::of(batch, name);
        let (cycle, submission, rater) = (text("cycle_id"), text("submission_id"), text("rater_id"));
        let (dimension, version) = (text("dimension"), text("rubric_version"));
        let (score, scored_at) = (ints(batch, "score"), instants(batch, "scored_at"));
        for row in live(batch) {
            let (Some(cycle), Some(submission), Some(rater), Some(dimension)) =
                (cycle.get(row), submission.get(row), rater.get(row), dimension.get(row))
            else {
                continue;
            };
            // Nobody rates an item of their own.
            if author.get(&(cycle, submission)).is_none_or(|author| *author == rater) {
                continue;
            }
            let (Some(score), Some(at)) = (score(row), scored_at(row).filter(|at| *at < now)) else { continue };
            let day = local_day(at, facts.job.zone);
            if decided
                .as_ref()
                .is_some_and(|reviews| !reviews::may_rate(&reviews.raters, facts.people(), lines, rater, day))
            {
                continue;
            }
            let of_cycle = || {
                let reviews = decided.as_ref()?;
                Some(reviews.cycles[reviews.cycle(cycle)?].rubric.clone())
            };
            let named = version.get(row).map(str::to_owned);
            let is_named = named.is_some();
            let rating = Rating {
                cycle: cycle.to_owned(),
                submission: submission.to_owned(),
                version: named.or_else(of_cycle).unwrap_or_default(),
                rater: rater.to_owned(),
                dimension: dimension.to_owned(),
                score,
                at,
            };
            let key = [&rating.cycle, &rating.version, &rating.submission, &rating.dimension, &rating.rater];
            let held = ratings.entry(key.map(String::clone)).or_insert_with(|| (is_named, rating.clone()));
            if is_named && !held.0 {
                *held = (true, rating);
            }
        }
    }
    ratings.into_values().map(|(_, rating)| rating).collect()
}
