//! The whole tables as they are now: people, units, accounts, content, contributions, enrollments and governance events.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use hashbrown::HashMap;

use super::Context;
use super::lake::{Lake, WHOLE};
use crate::canon::acts::{Acts, Setting, Tables};
use crate::canon::before_hire::completed_before_hire;
use crate::canon::catalogue::{Belongings, Completions, Item, belongings, items};
use crate::canon::certifications::{Certifications, Rule, Sources};
use crate::canon::columns::{Text, bools, instants};
use crate::canon::enrollment::{FactsByDay, facts};
use crate::canon::hierarchy::Units;
use crate::canon::history::{Eligibility, People};
use crate::canon::identity::Identity;
use crate::contract::arrow::DELETED;
use crate::contract::findings::Found;
use crate::error::Result;
use crate::period::{Day, DayClock, day_of, day_start_micros, local_day};
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
            files.insert(name, lake.file(lake.catalog.expect(name)?, WHOLE)?.cloned());
        }
        Ok(Before { files })
    }

    /// Accounts that are somebody else now than in head.
    pub fn changed(&self, context: &Context<'_>, lake: &Lake<'_>, world: &World) -> Result<Vec<String>> {
        let now = Before::of(lake)?;
        if self.files == now.files {
            return Ok(Vec::new());
        }
        let read = |name: &str| -> Result<Vec<RecordBatch>> {
            match &self.files[name] {
                Some(file) => lake.read_ref(lake.catalog.expect(name)?, file, None),
                None => Ok(Vec::new()),
            }
        };
        let (workers, users, links) = (read("workers")?, read("users")?, read("identity_links")?);
        let people = People::build(&workers, &eligibility(context));
        let identity = Identity::build(&users, &links, &workers, &people);
        Ok(world.identity.changed(&world.people, &identity, &people).into_iter().collect())
    }
}

/// What is read of contributions.
const CONTRIBUTIONS: [&str; 12] = [
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
    DELETED,
];

/// What is read of enrollments: who was assigned what, when it was due and done, and what it says of certifications.
const ENROLLMENTS: [&str; 14] = [
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
];

/// Everything computed from whole tables.
pub struct World {
    pub people: People,
    pub units: Units,
    pub identity: Identity,
    pub content: Vec<RecordBatch>,
    /// Authors of contributions by day, one entry a contribution, in order.
    pub authors: BTreeMap<Day, Vec<String>>,
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
}

fn eligibility(context: &Context<'_>) -> Eligibility {
    let policy = &context.job.policy;
    Eligibility { worker_types: policy.worker_types.clone(), min_tenure_days: policy.min_tenure_days }
}

impl World {
    pub fn build(context: &Context<'_>, lake: &Lake<'_>) -> Result<World> {
        let read = |name: &str| lake.read(lake.catalog.expect(name)?, WHOLE, None);
        // Signatures of texts outweigh everything else in their table.
        let contributions = || lake.read(lake.catalog.expect("contributions")?, WHOLE, Some(&CONTRIBUTIONS));
        let zone = context.job.zone;
        let by_content = context.job.wants("content_engagement");
        // The tables are decoded beside each other; who an account is must be known before enrollments mean anything.
        let (who, rest) = rayon::join(
            || -> Result<(Vec<RecordBatch>, People, Identity)> {
                let (workers, users, links) = (read("workers")?, read("users")?, read("identity_links")?);
                let people = People::build(&workers, &eligibility(context));
                let identity = Identity::build(&users, &links, &workers, &people);
                Ok((workers, people, identity))
            },
            || -> Result<_> {
                let (enrollments, rest) = rayon::join(
                    || lake.read(lake.catalog.expect("enrollments")?, WHOLE, Some(&ENROLLMENTS)),
                    || -> Result<_> { Ok((read("content")?, contributions()?, read("events")?)) },
                );
                Ok((enrollments?, rest?))
            },
        );
        let (workers, people, identity) = who?;
        let (enrollments, (content, contributions, events)) = rest?;
        let horizon = horizon(context.as_of, zone);
        let enrolled = || {
            let certifications = Certifications::build(&Sources {
                rules: &rules(context),
                workers: &workers,
                content: &content,
                enrollments: &enrollments,
                identity: &identity,
                people: &people,
                zone,
            });
            let (items, completions) = match by_content {
                true => (items(&content, zone), Completions::build(&enrollments, &identity, zone)),
                false => Default::default(),
            };
            (certifications, items, completions)
        };
        let given = || {
            let belongings = if by_content { belongings(&contributions, zone, horizon) } else { Belongings::new() };
            let tables = Tables { contributions: &contributions, content: &content, events: &events };
            let leader_bands = context.job.policy.leader_bands();
            let setting = Setting { identity: &identity, people: &people, zone, leader_bands, horizon };
            let by_acts = crate::mart::MARTS.iter().any(|mart| mart.acts.is_some() && context.job.wants(mart.name));
            let acts = if by_acts { Acts::build(&tables, &setting) } else { Acts::default() };
            (belongings, acts, authors(&contributions, zone))
        };
        let (facts, ((certifications, items, completions), (belongings, acts, authors))) = rayon::join(
            || facts(&enrollments, &content, &identity, zone, &context.job.calendar),
            || rayon::join(enrolled, given),
        );
        let (before, completed) = completed_before_hire(&enrollments, &workers, &identity, &people, zone, horizon - 1);
        let found = (before > 0)
            .then(|| Found::of_table("completed_before_hire", "enrollments", before, Some(completed)))
            .into_iter()
            .collect();
        Ok(World {
            units: Units::build(&read("org_units")?),
            authors,
            people,
            identity,
            content,
            facts,
            certifications,
            items,
            completions,
            belongings,
            acts,
            found,
            horizon,
        })
    }

    /// The first reported day: the job's, else the first day with an act of anybody.
    pub fn first_day(&self, context: &Context<'_>, days: impl Iterator<Item = Day>) -> Option<Day> {
        match context.job.report_from {
            Some(date) => Some(day_of(date)),
            None => days.chain(self.authors.keys().copied().take(1)).min(),
        }
    }
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

fn authors(contributions: &[RecordBatch], zone: chrono_tz::Tz) -> BTreeMap<Day, Vec<String>> {
    let mut authors: BTreeMap<Day, Vec<String>> = BTreeMap::new();
    let mut clock = DayClock::new(zone);
    for batch in contributions {
        let (author, created_at, deleted) =
            (Text::of(batch, "author_id"), instants(batch, "created_at"), bools(batch, DELETED));
        for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true)) {
            if let (Some(author), Some(at)) = (author.get(row), created_at(row)) {
                authors.entry(clock.day(at)).or_default().push(author.to_owned());
            }
        }
    }
    authors.values_mut().for_each(|authors| authors.sort_unstable());
    authors
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
