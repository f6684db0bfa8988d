//! What goals are judged by: contributions with where their authors stood, ratings, and what is documented.

use std::collections::{BTreeMap, BTreeSet};

use crate::canon::columns::{Text, bools, dates, doubles, instants, ints};
use crate::canon::identity::Who;
use crate::contract::arrow::DELETED;
use crate::job::goals::Scope;
use crate::mart::derived::Reads;
use crate::period::{Day, Grain, Period, local_day};

/// What somebody published.
#[derive(Debug)]
pub struct Contribution {
    pub id: String,
    pub author: String,
    pub kind: String,
    pub day: Day,
    pub words: Option<i64>,
    pub minutes: Option<i64>,
    /// Units the author stood in on the day, with all above them; `None` where the author is not counted.
    pub units: Option<BTreeSet<String>>,
}

/// What is documented where.
pub struct Documented {
    pub kind: String,
    pub day: Day,
    pub subject: String,
    pub scope: Option<String>,
}

/// By contribution and person every rating: its instant, day and value.
pub type Ratings = BTreeMap<String, BTreeMap<String, Vec<(i64, Day, f64)>>>;

impl Contribution {
    /// Whether it counts for a scope.
    pub fn is_of(&self, scope: &Scope) -> bool {
        match (scope, &self.units) {
            (_, None) => false,
            (Scope::Company, Some(_)) => true,
            (Scope::Org(id), Some(units)) => units.contains(id),
        }
    }

    /// So many words, or so many minutes; where neither is asked for, any length.
    pub fn fits(&self, words: Option<[i64; 2]>, minutes: Option<[i64; 2]>) -> bool {
        let within = |range: Option<[i64; 2]>, value: Option<i64>| {
            range.zip(value).is_some_and(|([least, most], value)| (least..=most).contains(&value))
        };
        (words.is_none() && minutes.is_none()) || within(words, self.words) || within(minutes, self.minutes)
    }
}

/// Contributions of these kinds that were not taken down, with where their authors stood.
pub fn contributions(facts: &Reads<'_>, kinds: &BTreeSet<&str>, now: i64) -> Vec<Contribution> {
    let mut found = Vec::new();
    for batch in facts.table("contributions") {
        let text = |name: &str| Text::of(batch, name);
        let (id, author, kind) = (text("contribution_id"), text("author_id"), text("kind"));
        let (created_at, deleted_at) = (instants(batch, "created_at"), instants(batch, "deleted_at"));
        let (words, minutes, deleted) = (ints(batch, "words"), ints(batch, "minutes"), bools(batch, DELETED));
        for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true)) {
            let (Some(id), Some(author)) = (id.get(row), author.get(row)) else { continue };
            let Some(kind) = kind.get(row).filter(|kind| kinds.contains(kind)) else { continue };
            let Some(at) = created_at(row).filter(|at| *at < now) else { continue };
            if deleted_at(row).is_some_and(|at| at < now) {
                continue;
            }
            let day = local_day(at, facts.job.zone);
            found.push(Contribution {
                id: id.to_owned(),
                author: author.to_owned(),
                kind: kind.to_owned(),
                day,
                words: words(row),
                minutes: minutes(row),
                units: units(facts, author, day),
            });
        }
    }
    found
}

/// The units an account's person stood in on a day: their own and those above it, as of that day.
fn units(facts: &Reads<'_>, account: &str, day: Day) -> Option<BTreeSet<String>> {
    let Who::Worker(worker) = facts.identity().who(account, day) else { return None };
    let stints = &facts.people().stints;
    let first = stints.partition_point(|stint| stint.worker < worker);
    let stint = stints[first..]
        .iter()
        .take_while(|stint| stint.worker == worker)
        .find(|stint| (stint.from..stint.to).contains(&day))?;
    let mut units = BTreeSet::new();
    let period = Period { grain: Grain::Day, start: day, end: day + 1 };
    let mut unit = facts.people().labels.text(stint.place.org).map(str::to_owned);
    // A unit above itself ends the walk.
    while let Some(id) = unit.filter(|id| !units.contains(id)) {
        unit = facts.units().version(&id, period).and_then(|version| version.parent.clone());
        units.insert(id);
    }
    Some(units)
}

/// Ratings of sessions by others than their authors that were not taken back.
pub fn ratings(facts: &Reads<'_>, sessions: &BTreeMap<&str, &str>, now: i64) -> Ratings {
    let mut ratings = Ratings::new();
    if sessions.is_empty() {
        return ratings;
    }
    for batch in facts.table("reactions") {
        let text = |name: &str| Text::of(batch, name);
        let (contribution, actor, kind) = (text("contribution_id"), text("actor_id"), text("kind"));
        let (occurred, revoked, value) =
            (instants(batch, "occurred_at"), instants(batch, "revoked_at"), doubles(batch, "value"));
        let deleted = bools(batch, DELETED);
        for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true) && kind.get(*row) == Some("rating")) {
            let (Some(id), Some(actor), Some(value)) = (contribution.get(row), actor.get(row), value(row)) else {
                continue;
            };
            let Some(at) = occurred(row).filter(|at| *at < now) else { continue };
            let Some(author) = sessions.get(id) else { continue };
            let day = local_day(at, facts.job.zone);
            // One rating a person, whatever the account; whom nobody knows rates as the account.
            let rater = match facts.identity().who(actor, day) {
                Who::Worker(worker) => format!("w{worker}"),
                Who::Unmatched(_) => format!("u{actor}"),
                Who::Excluded => continue,
            };
            let own = match (facts.identity().who(author, day), facts.identity().who(actor, day)) {
                (Who::Worker(author), Who::Worker(rater)) => author == rater,
                _ => *author == actor,
            };
            if own || revoked(row).is_some_and(|at| at < now) {
                continue;
            }
            ratings.entry(id.to_owned()).or_default().entry(rater).or_default().push((at, day, value));
        }
    }
    ratings
}

/// Events that name where something is documented.
pub fn documented(facts: &Reads<'_>) -> Vec<Documented> {
    let mut found = Vec::new();
    for batch in facts.table("events") {
        let text = |name: &str| Text::of(batch, name);
        let (kind, subject, scope, reference) = (text("kind"), text("subject"), text("scope_id"), text("reference"));
        let (held_on, deleted) = (dates(batch, "held_on"), bools(batch, DELETED));
        for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true) && reference.get(*row).is_some()) {
            let (Some(kind), Some(subject)) = (kind.get(row), subject.get(row)) else { continue };
            let Some(day) = held_on(row).filter(|day| *day < facts.days().1) else { continue };
            found.push(Documented {
                kind: kind.to_owned(),
                day,
                subject: subject.to_owned(),
                scope: scope.get(row).map(str::to_owned),
            });
        }
    }
    found
}
