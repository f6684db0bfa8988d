//! `status`: how old the published tables are, what is held back since when, and what to do next. For a monitor, and for a person
//! who was woken up: it lists the commit log and reads its head, never the landing area, so it answers in a second.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use clap::Args;
use rayon::prelude::*;
use serde::Serialize;

use super::age::{age, ago};
use super::{load, terminal};
use crate::contract::{Catalog, words};
use crate::error::{Error, Result};
use crate::pipeline::{self, Memory};
use crate::publish::commit::{self, Commit};
use crate::publish::latest;
use crate::store::layout::{self, Area};
use crate::store::{Env, Kind, Object, Store};

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 fresh; 3 something is held back; 4 the newest commit is older than --max-age, or there is none, or the store did not \
answer; 2 the job file or the store is wrong. What is held back outweighs age.")]
pub struct StatusArgs {
    /// The job file
    job: std::path::PathBuf,
    /// Age from which the tables are stale: 36h, 2d, 90m, 1d12h. The default leaves a nightly twelve hours to be late
    #[arg(long, value_parser = age, default_value = "36h", value_name = "AGE")]
    max_age: TimeDelta,
    /// Leave `latest/` as it is, also where a run that was killed left it half written
    #[arg(long)]
    read_only: bool,
    /// One JSON object on stdout
    #[arg(long)]
    json: bool,
    /// Look into this lake instead of the job's
    #[arg(long)]
    out: Option<String>,
}

/// What a monitor reads.
#[derive(Debug, Serialize)]
struct Status {
    verdict: Verdict,
    lake: String,
    /// `None` where nothing was ever published.
    commit: Option<u64>,
    /// The instant the newest run spoke of; the age is counted from it.
    as_of: Option<String>,
    /// When the store received the commit.
    written_at: Option<String>,
    age_seconds: Option<i64>,
    max_age_seconds: i64,
    /// The longest held first.
    held: Vec<Held>,
    latest: Latest,
    next: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Fresh,
    Held,
    Stale,
    NeverPublished,
}

impl Verdict {
    /// The most pressing of what is the case.
    fn of(age: Option<TimeDelta>, max_age: TimeDelta, held: &[Held]) -> Verdict {
        match age {
            None => Verdict::NeverPublished,
            Some(_) if held.iter().any(|held| !held.tolerated) => Verdict::Held,
            Some(age) if age > max_age => Verdict::Stale,
            Some(_) => Verdict::Fresh,
        }
    }

    fn exit(self) -> u8 {
        match self {
            Verdict::Fresh => 0,
            Verdict::Held => 3,
            Verdict::Stale | Verdict::NeverPublished => 4,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Verdict::Fresh => "fresh",
            Verdict::Held => "held",
            Verdict::Stale => "stale",
            Verdict::NeverPublished => "never published",
        }
    }
}

/// A delivery, or a feed, that is not in the tables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Held {
    /// RFC 3339.
    pub since: String,
    /// The delivery's path, or the feed's name where it has none.
    pub what: String,
    pub feed: String,
    pub reason: String,
    pub sentence: String,
    /// The job let it pass: it is left out and holds nothing back.
    pub tolerated: bool,
    /// What to do, where nothing that was delivered is at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// How `latest/` stands to the newest commit.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Latest {
    tables: usize,
    /// Tables that a run which was killed left behind.
    unfinished: Vec<String>,
    /// Tables that somebody has put back since, and the commits they show.
    restored: Vec<String>,
    restored_to: Vec<u64>,
    /// This command has finished what was unfinished.
    finished: bool,
    /// Why it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

pub fn status(args: &StatusArgs, env: &Env, now: DateTime<Utc>) -> Result<u8> {
    let job = load::job(&args.job, &Catalog::load()?)?;
    let address = args.out.as_deref().unwrap_or(&job.lake);
    // A folder that is not there yet holds no commit.
    let lake = match Store::open(address, env) {
        Err(error) if error.kind == Kind::NotFound => None,
        opened => Some(opened?),
    };
    let log = lake.as_ref().map_or_else(|| Ok(Vec::new()), |lake| lake.list(layout::COMMITS))?;
    let newest =
        log.iter().filter_map(|object| Some((layout::commit_number(&object.path)?, object))).max_by_key(|it| it.0);
    let mut status = Status {
        verdict: Verdict::NeverPublished,
        lake: lake.as_ref().map_or(address, Store::label).to_owned(),
        commit: None,
        as_of: None,
        written_at: None,
        age_seconds: None,
        max_age_seconds: args.max_age.num_seconds(),
        held: Vec::new(),
        latest: Latest::default(),
        next: String::new(),
    };
    if let (Some(lake), Some((number, object))) = (&lake, newest) {
        let head = commit::read(lake, number)?;
        let as_of = super::instant(&head.as_of, job.zone)
            .map_err(|_| Error::gate(format!("commit {number} speaks of no instant: `{}`", head.as_of)))?;
        // A run may speak of a moment that is still to come by this machine's clock.
        let age = (now - as_of).max(TimeDelta::zero());
        status.held = held(&pipeline::memory(Some(&head))?);
        status.verdict = Verdict::of(Some(age), args.max_age, &status.held);
        status.latest = finish(lake, &head, object, args.read_only)?;
        status.commit = Some(number);
        status.as_of = Some(head.as_of.clone());
        status.written_at = Some(rfc3339(object.last_modified));
        status.age_seconds = Some(age.num_seconds());
    }
    status.next = next(&status, &args.job.display().to_string());
    if args.json {
        terminal::json(&status)?;
    } else {
        terminal::data(&told(&status))?;
    }
    Ok(status.verdict.exit())
}

/// What is not in the tables although it was delivered, the longest held first.
fn held(memory: &Memory) -> Vec<Held> {
    let left_out = |entry: &crate::ledger::Entry| {
        Some(Held {
            since: rfc3339(DateTime::from_timestamp_micros(entry.known_at)?),
            what: entry.path.clone(),
            feed: entry.feed.clone(),
            reason: entry.refused.clone()?,
            sentence: entry.sentence.clone().unwrap_or_default(),
            tolerated: true,
            hint: None,
        })
    };
    // What is refused and known was let pass by a run that published.
    let mut held: Vec<Held> = memory
        .deliveries
        .entries
        .iter()
        .filter(|(key, _)| !memory.held.contains_key(*key))
        .filter_map(|(_, entry)| left_out(entry))
        .collect();
    held.extend(memory.held.iter().map(|(of, held)| Held {
        since: held.since.clone(),
        what: held.entry.as_ref().map_or(of, |entry| &entry.path).clone(),
        feed: held.entry.as_ref().map_or(of, |entry| &entry.feed).clone(),
        reason: held.reason.clone(),
        sentence: held.sentence.clone(),
        tolerated: false,
        hint: held.hint.clone().filter(|_| held.entry.is_none()),
    }));
    held.sort();
    held
}

/// Looks whether `latest/` shows the head and, where a run died over it, writes it to its end.
fn finish(lake: &Store, head: &Commit, committed: &Object, read_only: bool) -> Result<Latest> {
    let mut found = behind(lake, head, committed.last_modified)?;
    if !found.unfinished.is_empty() && !read_only {
        match latest::refresh(lake) {
            Ok(_) => found.finished = true,
            Err(error) => found.failure = Some(error.to_string()),
        }
    }
    Ok(found)
}

/// Tables whose object under `latest/` shows something else than head says. One that is older than the commit was left by a run that
/// died; a younger one was put there since, on purpose.
fn behind(lake: &Store, head: &Commit, committed_at: DateTime<Utc>) -> Result<Latest> {
    let shown = head.snapshot_id()?;
    let mut objects: std::collections::BTreeMap<String, Object> = std::collections::BTreeMap::new();
    for area in Area::ALL.into_iter().filter(|area| area.has_latest()) {
        objects
            .extend(lake.list(&layout::latest_folder(area))?.into_iter().map(|object| (object.path.clone(), object)));
    }
    let mut tables: Vec<(&String, Option<&Object>)> = Vec::new();
    for (table, files) in &head.files {
        let Some((area, name)) = layout::split_table(table) else { continue };
        if area.has_latest() && !files.is_empty() {
            tables.push((table, objects.get(&layout::latest(area, name)?)));
        }
    }
    let ids: Vec<Option<String>> =
        tables.par_iter().map(|(_, object)| object.and_then(|object| latest::read_snapshot_id(lake, object))).collect();
    let mut latest = Latest { tables: tables.len(), ..Latest::default() };
    let mut others: std::collections::BTreeMap<String, Option<Commit>> = std::collections::BTreeMap::new();
    for ((table, object), id) in tables.into_iter().zip(ids) {
        if id.as_deref() == Some(shown.as_str()) {
            continue;
        }
        let number = id.as_deref().and_then(|id| id.split_once('-')?.0.parse::<u64>().ok());
        if let (Some(id), Some(number)) = (id, number) {
            // The commit it shows may have had the same rows in this table.
            let other = others.entry(id.clone()).or_insert_with(|| {
                commit::read(lake, number).ok().filter(|other| other.snapshot_id().is_ok_and(|other| other == id))
            });
            if other.as_ref().is_some_and(|other| other.files.get(table) == head.files.get(table)) {
                continue;
            }
        }
        match (object, number) {
            (Some(object), Some(number)) if object.last_modified > committed_at => {
                latest.restored.push(table.clone());
                latest.restored_to.push(number);
            }
            _ => latest.unfinished.push(table.clone()),
        }
    }
    latest.restored_to.sort_unstable();
    latest.restored_to.dedup();
    Ok(latest)
}

/// The one thing to do now.
fn next(status: &Status, job: &str) -> String {
    let latest = &status.latest;
    let held: Vec<&Held> = status.held.iter().filter(|held| !held.tolerated).collect();
    if let Some(failure) = &latest.failure {
        return format!("`uptake run {job}` finishes latest/, which this command could not: {failure}");
    }
    if !latest.unfinished.is_empty() && !latest.finished {
        return format!("`uptake status {job}` without --read-only, or the next run, finishes latest/");
    }
    match (status.verdict, held.first()) {
        (Verdict::NeverPublished, _) => format!("`uptake check {job}`, then `uptake run {job}`"),
        (Verdict::Held, Some(Held { hint: Some(hint), .. })) => format!("{hint}; then `uptake run {job}`"),
        (Verdict::Held, Some(first)) => format!(
            "`uptake inspect {job} {}` says what is wrong with it; mend it, or list {} under tolerate.refused_feeds; then `uptake run {job}`",
            first.what, first.feed
        ),
        (Verdict::Stale, _) => {
            format!("look whether the scheduler ran, and how it ended; `uptake run {job}` by hand is always safe")
        }
        _ if !latest.restored.is_empty() => {
            format!("`uptake run {job}` writes latest/ forward again when you are done with what was restored")
        }
        _ => "nothing".to_owned(),
    }
}

/// Five lines.
fn told(status: &Status) -> String {
    let mut text = match (status.commit, &status.as_of, status.age_seconds) {
        (Some(commit), Some(as_of), Some(age)) => format!(
            "{}: commit {commit} of {}\nas of {as_of}, {} old; stale from {} on\n",
            status.verdict.words(),
            status.lake,
            ago(age),
            ago(status.max_age_seconds)
        ),
        _ => format!("{}: {} holds no commit\n", status.verdict.words(), status.lake),
    };
    if status.commit.is_some() {
        text.push_str(&format!("held back: {}\n", of_held(&status.held)));
        text.push_str(&format!("latest/: {}\n", of_latest(&status.latest)));
    }
    text.push_str(&format!("next: {}\n", status.next));
    terminal::plain(&text)
}

fn of_held(held: &[Held]) -> String {
    let one = |held: &Held| {
        let of = if held.what == held.feed { String::new() } else { format!(" of {}", held.feed) };
        format!("{}{of} since {}: {} [{}]", held.what, held.since, held.sentence, held.reason)
    };
    let (tolerated, holding): (Vec<&Held>, Vec<&Held>) = held.iter().partition(|held| held.tolerated);
    let left_out = match tolerated.len() {
        0 => String::new(),
        count => {
            format!("{} left out, as the job tolerates", terminal::count(count as u64, "delivery is", "deliveries are"))
        }
    };
    match (holding.as_slice(), left_out.is_empty()) {
        ([], true) => "nothing".to_owned(),
        ([], false) => format!("nothing; {left_out}"),
        ([first, rest @ ..], no_more) => {
            let more = if rest.is_empty() { String::new() } else { format!("; and {} more, see --json", rest.len()) };
            let left_out = if no_more { String::new() } else { format!("; {left_out}") };
            format!("{}{more}{left_out}", one(first))
        }
    }
}

fn of_latest(latest: &Latest) -> String {
    let tables = |count: usize| terminal::count(count as u64, "table", "tables");
    let unfinished = latest.unfinished.len();
    if latest.finished {
        return format!("finished now: a run was killed before it had written {}", tables(unfinished));
    }
    if unfinished > 0 {
        return format!(
            "mixed: {} of {} show an older commit, for a run was killed",
            unfinished,
            tables(latest.tables)
        );
    }
    if !latest.restored.is_empty() {
        let commits: Vec<String> = latest.restored_to.iter().map(u64::to_string).collect();
        let noun = if commits.len() == 1 { "commit" } else { "commits" };
        return format!("{} put back to {noun} {}", tables(latest.restored.len()), words::and(&commits));
    }
    format!("shows the commit in {}", terminal::count(latest.tables as u64, "table", "tables"))
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(what: &str, tolerated: bool) -> Held {
        let [since, feed, reason, sentence] =
            ["2026-03-29T00:00:00Z", "users", "reject_share", "too many records are rejected"].map(str::to_owned);
        Held { since, what: what.into(), feed, reason, sentence, tolerated, hint: None }
    }

    #[test]
    fn what_is_held_outweighs_age_and_what_the_job_tolerates_holds_nothing() {
        let of =
            |hours: i64, held: &[Held]| Verdict::of(Some(TimeDelta::hours(hours)), TimeDelta::hours(36), held).exit();
        assert_eq!([of(1, &[]), of(36, &[]), of(37, &[])], [0, 0, 4]);
        assert_eq!([of(1, &[held("a", false)]), of(99, &[held("a", false)])], [3, 3]);
        assert_eq!([of(1, &[held("a", true)]), of(99, &[held("a", true)])], [0, 4]);
        assert_eq!(Verdict::of(None, TimeDelta::hours(36), &[]).exit(), 4);
        assert!(of_held(&[held("a.csv", false), held("b.csv", false), held("c.csv", true)]).starts_with(
            "a.csv of users since 2026-03-29T00:00:00Z: too many records are rejected [reject_share]; and 1 more"
        ));
        assert_eq!(of_held(&[held("a", true)]), "nothing; 1 delivery is left out, as the job tolerates");
    }

    #[test]
    fn the_next_step_names_a_command() {
        let mut status = Status {
            verdict: Verdict::Held,
            lake: "s3://lake".into(),
            commit: Some(3),
            as_of: Some("2026-03-30T02:00:00Z".into()),
            written_at: None,
            age_seconds: Some(3_600),
            max_age_seconds: 129_600,
            held: vec![held("lms/users.csv", false)],
            latest: Latest { tables: 2, ..Latest::default() },
            next: String::new(),
        };
        assert!(next(&status, "j.toml").starts_with("`uptake inspect j.toml lms/users.csv`"));
        status.latest.unfinished.push("marts/a".into());
        assert!(next(&status, "j.toml").contains("without --read-only"));
        assert_eq!(told(&status).lines().count(), 5);
        status.latest.finished = true;
        (status.verdict, status.held) = (Verdict::Fresh, Vec::new());
        assert_eq!(next(&status, "j.toml"), "nothing");
        assert!(told(&status).contains("latest/: finished now"), "{}", told(&status));
        assert!(next(&Status { verdict: Verdict::Stale, ..status }, "j.toml").contains("`uptake run j.toml`"));
    }
}
