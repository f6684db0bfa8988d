//! The whole tables as they are now: people, units, accounts, content, contributions, enrollments and governance events.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use hashbrown::HashMap;

use super::context::Context;
use super::lake::{Lake, WHOLE};
use super::layers;
use crate::canon::acts::{Acts, Setting, Tables};
use crate::canon::before_hire::completed_before_hire;
use crate::canon::catalogue::{Belongings, Completions, Item, belongings, items};
use crate::canon::certifications::{Certifications, Rule, Sources};
use crate::canon::columns::{Text, bools, instants};
use crate::canon::enrollment::{FactsByDay, facts};
use crate::canon::hierarchy::Units;
use crate::canon::history::{Eligibility, People};
use crate::canon::identity::{Identity, Unmatched, Who};
use crate::canon::kept::ended;
use crate::canon::obligation::{self, Attempts};
use crate::contract::arrow::{DELETED, DELIVERY};
use crate::contract::findings::Found;
use crate::error::Result;
use crate::feed::Feed;
use crate::ledger::Ledger;
use crate::period::{Day, DayClock, YEARS_BACK, date_of, day_of, day_start_micros, local_day};
use crate::publish::FileRef;

/// The tables that decide who an account is.
const IDENTITY: [&str; 3] = ["workers", "users", "identity_links"];

/// What head said about identity, kept to see which accounts changed.
pub struct Before {
    files: BTreeMap<&'static str, Option<FileRef>>,
}

impl Before {
    pub fn of(lake: &Lake<'_>) -> Result<Before> {
        let mut files = BTreeMap::new();
        for name in IDENTITY {
            files.insert(name, lake.file(lake.catalog.require(name)?, WHOLE)?.cloned());
        }
        Ok(Before { files })
    }

    /// Accounts that are somebody else now than in head, with the days `[from, to)` between which that is so.
    pub fn changed(
        &self,
        context: &Context<'_>,
        lake: &Lake<'_>,
        world: &World,
    ) -> Result<BTreeMap<String, (Day, Day)>> {
        let now = Before::of(lake)?;
        if self.files == now.files {
            return Ok(BTreeMap::new());
        }
        let read = |name: &str| -> Result<Vec<RecordBatch>> {
            match &self.files[name] {
                Some(file) => lake.read_ref(lake.catalog.require(name)?, file, None),
                None => Ok(Vec::new()),
            }
        };
        let (_, people, identity) = people_and_accounts(context, &read)?;
        Ok(world.identity.changed(&world.people, &identity, &people))
    }
}

/// The rows of workers, and who they and the accounts are.
fn people_and_accounts(
    context: &Context<'_>,
    read: &dyn Fn(&str) -> Result<Vec<RecordBatch>>,
) -> Result<(Vec<RecordBatch>, People, Identity)> {
    let until_deleted = |name: &str| -> Result<Vec<RecordBatch>> {
        let table = context.catalog.require(name)?;
        Ok(vec![ended(table, &read(name)?, context.job.zone)?])
    };
    let (workers, users, links) = (read("workers")?, until_deleted("users")?, until_deleted("identity_links")?);
    let people = People::reaching(&workers, &eligibility(context), still(context, &workers));
    let identity = Identity::build(&users, &links, &workers, &people);
    Ok((workers, people, identity))
}

/// What is read of contributions.
const CONTRIBUTIONS: [&str; 13] = [
    "contribution_id",
    "author_id",
    "kind",
    "created_at",
    "deleted_at",
    "parent_id",
    "content_id",
    "topics",
    "credited_ids",
    "minutes",
    "body_hash",
    DELIVERY,
    DELETED,
];

/// Everything computed from whole tables.
pub struct World {
    pub people: People,
    pub units: Units,
    pub identity: Identity,
    /// Authors of contributions by day, one entry a contribution, in order.
    pub authors: BTreeMap<Day, Vec<String>>,
    /// Contributions whose author matches nobody on their day, by delivery and reason.
    pub strange_authors: BTreeMap<(String, Unmatched), u64>,
    pub attempts: Attempts,
    pub facts: FactsByDay,
    pub certifications: Certifications,
    /// The catalogue by id, who completed what, and which contributions belong to which item; empty where no table asks.
    pub items: Vec<Item>,
    pub completions: Completions,
    pub belongings: Belongings,
    /// What people gave to each other.
    pub acts: Acts,
    /// What was noticed about whole tables, for `data_quality`.
    pub found: Vec<Found>,
    /// The first day after the reported ones: days that began before `--as-of` are reported.
    pub horizon: Day,
    /// No period opens before this day: five years before the first delivery.
    pub floor: Day,
    /// The day of the last delivery.
    pub newest: Day,
}

fn eligibility(context: &Context<'_>) -> Eligibility {
    let policy = &context.job.policy;
    Eligibility { worker_types: policy.worker_types.clone(), min_tenure_days: policy.min_tenure_days }
}

/// Deliveries of feeds whose rows do not reach back to a hire date. A delivery's path says which feed it is of, so that a change of
/// the feed file is felt at once.
fn still(context: &Context<'_>, workers: &[RecordBatch]) -> BTreeSet<String> {
    // What completes the rows of another feed has none here, though it may read the same objects.
    let makes_rows = |feed: &&Feed| feed.fills == "workers" && feed.completes.is_none();
    let feeds: Vec<&Feed> = context.feeds.iter().map(|loaded| &loaded.feed).filter(makes_rows).collect();
    if feeds.iter().all(|feed| feed.reach_back) {
        return BTreeSet::new();
    }
    let mut paths: BTreeSet<String> = BTreeSet::new();
    for batch in workers {
        let delivery = Text::of(batch, DELIVERY);
        match delivery.values() {
            Some(values) => paths.extend(values.iter().flatten().map(str::to_owned)),
            None => paths.extend((0..batch.num_rows()).filter_map(|row| delivery.get(row)).map(str::to_owned)),
        }
    }
    paths.retain(|path| feeds.iter().any(|feed| !feed.reach_back && feed.recognise(path).is_some()));
    paths
}

impl World {
    pub fn build(context: &Context<'_>, lake: &Lake<'_>, ledger: &Ledger) -> Result<World> {
        let read = |name: &str| lake.read(lake.catalog.require(name)?, WHOLE, None);
        // Signatures of texts outweigh everything else in their table.
        let contributions = || lake.read(lake.catalog.require("contributions")?, WHOLE, Some(&CONTRIBUTIONS));
        let zone = context.job.zone;
        let by_content = context.job.wants("content_engagement");
        // The tables are decoded beside each other; who an account is must be known before enrollments mean anything.
        let (who, rest) = rayon::join(
            || people_and_accounts(context, &read),
            || -> Result<_> {
                let (enrollments, rest) = rayon::join(
                    || lake.read(lake.catalog.require("enrollments")?, WHOLE, Some(&obligation::COLUMNS)),
                    || -> Result<_> { Ok((read("content")?, contributions()?, read("events")?)) },
                );
                Ok((enrollments?, rest?))
            },
        );
        let (workers, mut people, identity) = who?;
        // Rows that are completed by several exports were cut where they overlapped.
        people.overlapping = layers::overlapping(lake)?.unwrap_or(people.overlapping);
        let (enrollments, (content, contributions, events)) = rest?;
        let horizon = horizon(context.as_of, zone);
        let (first, newest) = deliveries(ledger, zone);
        let floor = years_before(first);
        let attempted = || {
            let attempts = Attempts::build(&enrollments, &content, &identity, zone, floor);
            let facts = facts(&attempts, zone, &context.job.calendar);
            let completions = if by_content { Completions::of(&attempts, zone) } else { Completions::default() };
            (attempts, facts, completions)
        };
        let certified = || {
            let certifications = Certifications::build(&Sources {
                rules: &rules(context),
                workers: &workers,
                content: &content,
                enrollments: &enrollments,
                identity: &identity,
                people: &people,
                zone,
            });
            let items = if by_content { items(&content, zone) } else { Vec::new() };
            (certifications, items)
        };
        let given = || {
            let belongings = if by_content { belongings(&contributions, zone, horizon) } else { Belongings::new() };
            let tables = Tables { contributions: &contributions, content: &content, events: &events };
            let leader_bands = context.job.policy.leader_bands();
            let setting = Setting { identity: &identity, people: &people, zone, leader_bands, horizon };
            let by_acts = crate::mart::MARTS.iter().any(|mart| mart.acts.is_some() && context.job.wants(mart.name));
            let acts = if by_acts { Acts::build(&tables, &setting) } else { Acts::default() };
            (belongings, acts, authors(&contributions, &identity, zone))
        };
        let ((attempts, facts, completions), ((certifications, items), (belongings, acts, authors))) =
            rayon::join(attempted, || rayon::join(certified, given));
        let Authors { by_day: authors, strange: strange_authors } = authors;
        let mut found = Vec::new();
        let (before, completed) = completed_before_hire(&enrollments, &workers, &identity, &people, zone, horizon - 1);
        found.push(Found::of_table("completed_before_hire", "enrollments", before, Some(completed)));
        if context.job.report_from.is_none() {
            let early: usize = authors.range(..floor).map(|(_, of_day)| of_day.len()).sum();
            let all: usize = authors.values().map(Vec::len).sum();
            let told = |table: &str, early: u64, all: u64| Found::of_table("old_events", table, early, Some(all));
            let enrolled = enrollments.iter().map(|batch| batch.num_rows() as u64).sum();
            found.push(told("contributions", early as u64, all as u64));
            found.push(told("enrollments", attempts.before_floor, enrolled));
        }
        found.retain(|found: &Found| found.affected > 0);
        Ok(World {
            units: Units::build(&read("org_units")?),
            authors,
            strange_authors,
            people,
            identity,
            attempts,
            facts,
            certifications,
            items,
            completions,
            belongings,
            acts,
            found,
            horizon,
            floor,
            newest,
        })
    }

    /// The first reported day: the job's, else the first day with an act of anybody, an assignment, a due date, a completion or a
    /// contribution, the floor at the earliest. `act` is the first day from the floor on with an act.
    pub fn first_day(&self, context: &Context<'_>, act: Option<Day>) -> Option<Day> {
        let contribution = self.authors.range(self.floor..).next().map(|(day, _)| *day);
        let first = || act.into_iter().chain(contribution).chain(self.attempts.first_day).min();
        context.job.report_from.map(day_of).or_else(first)
    }
}

/// The days of the first and the last delivery that were accepted; of a lake without any, days without end.
fn deliveries(ledger: &Ledger, zone: chrono_tz::Tz) -> (Day, Day) {
    let accepted = ledger.entries.values().filter(|entry| entry.is_accepted());
    let known = accepted.map(|entry| entry.known_at);
    let bounds = known.fold(None, |bounds: Option<(i64, i64)>, at| {
        Some(bounds.map_or((at, at), |(first, last)| (first.min(at), last.max(at))))
    });
    bounds.map_or((Day::MIN, Day::MAX), |(first, last)| (local_day(first, zone), local_day(last, zone)))
}

/// The day [`YEARS_BACK`] years before.
pub fn years_before(day: Day) -> Day {
    if day == Day::MIN {
        return day;
    }
    date_of(day).checked_sub_months(chrono::Months::new(12 * YEARS_BACK)).map_or(Day::MIN, day_of)
}

/// The job's rules about certifications, as canon reads them.
fn rules(context: &Context<'_>) -> Vec<Rule> {
    let rule = |rule: &crate::job::Certification| Rule {
        content: rule.content.clone(),
        everybody: rule.everybody,
        functions: rule.functions.clone(),
        locations: rule.locations.clone(),
        bands: rule.bands.clone(),
        job_families: rule.job_families.clone(),
        job_levels: rule.job_levels.clone(),
        equivalent: rule.equivalent.clone(),
    };
    context.job.certifications.iter().map(rule).collect()
}

/// The first day that had not begun at an instant: days before it are reported.
pub fn horizon(as_of: DateTime<Utc>, zone: chrono_tz::Tz) -> Day {
    let as_of = as_of.timestamp_micros();
    let today = local_day(as_of, zone);
    if day_start_micros(today, zone) < as_of { today + 1 } else { today }
}

/// Who wrote what is known of, by day, and how many of it nobody we know wrote, by delivery and reason.
struct Authors {
    by_day: BTreeMap<Day, Vec<String>>,
    strange: BTreeMap<(String, Unmatched), u64>,
}

fn authors(contributions: &[RecordBatch], identity: &Identity, zone: chrono_tz::Tz) -> Authors {
    let mut by_day: BTreeMap<Day, Vec<String>> = BTreeMap::new();
    let mut strange: BTreeMap<(String, Unmatched), u64> = BTreeMap::new();
    let mut clock = DayClock::new(zone);
    for batch in contributions {
        let (author, delivery) = (Text::of(batch, "author_id"), Text::of(batch, DELIVERY));
        let accounts = author.each(batch.num_rows(), &mut |author| identity.account(author));
        let (created_at, deleted) = (instants(batch, "created_at"), bools(batch, DELETED));
        for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true)) {
            let (Some(author), Some(account), Some(at)) = (author.get(row), accounts[row], created_at(row)) else {
                continue;
            };
            let day = clock.day(at);
            by_day.entry(day).or_default().push(author.to_owned());
            if let Who::Unmatched(reason) = account.who(day) {
                *strange.entry((delivery.get(row).unwrap_or_default().to_owned(), reason)).or_default() += 1;
            }
        }
    }
    by_day.values_mut().for_each(|authors| authors.sort_unstable());
    Authors { by_day, strange }
}

/// First and last day on which each account was seen.
pub type Seen = HashMap<String, (Day, Day)>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_reported_once_it_has_begun_and_not_at_its_first_moment() {
        let zone = chrono_tz::Europe::Berlin;
        let at = |text: &str| crate::period::date_of(horizon(text.parse().unwrap(), zone)).to_string();
        assert_eq!(at("2026-03-09T23:00:00Z"), "2026-03-10", "midnight in Berlin: the 9th is the last reported day");
        assert_eq!(at("2026-03-09T23:00:00.000001Z"), "2026-03-11");
        assert_eq!(at("2026-03-09T22:59:59Z"), "2026-03-10");
    }
}
