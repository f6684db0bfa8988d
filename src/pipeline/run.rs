//! A run from head to commit: what is new is read, what that changes is computed, and it is published whole or not at all.

use std::collections::BTreeMap;

use super::context::{Context, Rebuild, Stage};
use super::held::Stop;
use super::lake::Lake;
use super::memory::{Memory, READING, ReadWith, memory, reads_anew};
use super::plan::{self, DeliveryPlan};
use super::report::Report;
use super::steps::Steps;
use super::{as_of, days, gates, hold_back, ingest, ops, periods, remarks, room, world};
use crate::error::{Error, Result};
use crate::feed::{Intake, Refusal, Verdict, sha256};
use crate::ledger::{Counts, Entry, Ledger};
use crate::publish::{self, Draft};
use crate::store::probe;

/// `ops/runs` changes with every commit by nature: its change alone is no reason for one.
const DISREGARDED: [&str; 1] = [super::lake::RUNS];

/// Runs the job once: reads what is new, recomputes what that changes, publishes it whole or not at all.
///
/// # Errors
/// Any gate, store or privacy error; head is untouched then.
pub fn run(context: &Context<'_>) -> Result<Report> {
    let mut report = None;
    if context.dry_run {
        let publisher = publish::Publisher::open(context.lake)?;
        let (_, mut report) = step(context, &publisher).map_err(|stop| stop.error)?;
        report.verdict = "dry_run";
        return Ok(report);
    }
    let mut held_back = None;
    let published = publish::publish(context.lake, &DISREGARDED, |publisher| -> Result<Draft> {
        (report, held_back) = (None, None);
        match step(context, publisher) {
            Ok((draft, made)) => {
                report = Some(made);
                Ok(draft)
            }
            Err(stop) if stop.is_held() => {
                let draft = hold_back::draft(context, publisher, &stop);
                held_back = Some(stop.error);
                draft
            }
            Err(stop) => Err(stop.error),
        }
    });
    if let Some(error) = held_back {
        if let Err(cause) = &published {
            tracing::warn!(%cause, "what holds the run back could not be written to the lake");
        }
        return Err(error);
    }
    let published = published?;
    let mut report = report.ok_or_else(|| Error::bug("a run published without a report"))?;
    report.commit = published.commit.n;
    report.snapshot_id = published.commit.snapshot_id()?;
    report.verdict = if published.is_new { "published" } else { "nothing_to_do" };
    Ok(report)
}

/// One attempt on one head.
fn step(context: &Context<'_>, publisher: &publish::Publisher<'_>) -> std::result::Result<(Draft, Report), Stop> {
    let head = publisher.head();
    if head.is_none() && !context.dry_run {
        // Once, before the first commit: the log stands on it, and the lake will not move to another store.
        probe::create_only(context.lake)?;
    }
    let context = &Context {
        next_commit: head.map_or(1, |head| head.n + 1),
        backfill: context.backfill.clone(),
        rebuild: context.rebuild.clone(),
        ..*context
    };
    let mut memory = memory(head)?;
    let plan = plan_deliveries(context, &memory)?;
    as_of::check(context, head, &plan, &memory.deliveries)?;
    room::sizes(context, &plan)?;
    if plan.anew.is_some() {
        memory = Memory::default();
    }
    let missing: Vec<&String> =
        plan.missing_feeds.iter().filter(|feed| !context.job.missing_feeds.contains(feed)).collect();
    if let Some(feed) = missing.first() {
        let mut what = format!("feed {feed} has no delivery in {}", context.landing.label());
        if let Some(waiting) = plan.waiting.iter().find(|waiting| waiting.feed == **feed) {
            what.push_str(&format!(": {waiting}"));
        }
        let error =
            Error::gate(what).hint("check the `path` of the feed file, or list the feed under tolerate.missing_feeds");
        return Err(Stop { of: Some((*feed).clone()), ..error.into() });
    }
    let (mut lake, before, ingested, mut world) = read_and_merge(context, publisher, &plan, memory.deliveries)?;
    tracing::info!(workers = world.people.workers.len(), "people and enrollments read");
    (context.stage)(Stage::Days);
    let rolled = days::roll_up(context, &mut lake, ingested, &world, &before, &mut memory.made_from)?;
    tracing::info!(days = rolled.days, "days rolled up");
    (context.stage)(Stage::Tables);
    let mut strangers = days::strangers(&memory.made_from);
    for ((delivery, reason), count) in &world.strange_authors {
        let feed = rolled.ledger.entries.get(delivery).map_or("", |entry| entry.feed.as_str());
        strangers.count(*reason, "contributions", feed.to_owned(), *count);
    }
    world.found.extend(strangers.found());
    let computed = periods::compute(context, &mut lake, &world, &mut memory.made_from)?;
    tracing::info!(periods = computed.periods, "periods computed");
    (context.stage)(Stage::Publishing);
    if let Some(entry) = rolled.ledger.unaccounted().first() {
        return Err(Error::bug(format!("{}: {:?} does not add up", entry.path, entry.counts)).into());
    }
    let (remarks, more_remarks) =
        remarks::told(&remarks::Sources { context, plan: &plan, rolled: &rolled, computed: &computed, world: &world });
    ops::describe(context, &mut lake, &rolled, &computed, &memory.made_from, &world, head)?;

    let mut counts = Counts::default();
    for (path, _) in &rolled.intakes {
        if let Some(entry) = rolled.ledger.entries.get(path) {
            counts.add(&entry.counts);
        }
    }
    let tables =
        lake.files.iter().map(|(table, files)| (table.clone(), files.values().map(|file| file.rows).sum())).collect();
    let report = Report {
        commit: head.map_or(0, |head| head.n),
        snapshot_id: String::new(),
        verdict: "published",
        deliveries_read: rolled.intakes.len() as u64,
        deliveries_known: plan.known as u64,
        counts,
        days_rolled_up: rolled.days as u64,
        periods_computed: computed.periods as u64,
        steps: Steps(rolled.steps.0.iter().chain(&computed.steps.0).cloned().collect()),
        files_written: lake.files_written,
        bytes_written: lake.bytes_written,
        tables,
        remarks,
        more_remarks,
    };
    let read_with = ReadWith::now(context.job, context.pseudonyms);
    let memory = Memory {
        reading: READING,
        read_with,
        deliveries: rolled.ledger,
        held: BTreeMap::new(),
        made_from: memory.made_from,
    };
    let draft = Draft {
        as_of: context.as_of.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        binary_version: env!("CARGO_PKG_VERSION").into(),
        config_hash: context.job.config_hash(),
        contract_hashes: context.catalog.tables().map(|table| (table.name.clone(), table.hash.clone())).collect(),
        files: lake.files,
        ledger: serde_json::to_value(&memory).map_err(|cause| Error::bug(cause.to_string()))?,
        counts: BTreeMap::from([
            ("rows_read".to_owned(), counts.read),
            ("rows_rejected".to_owned(), counts.rejected),
            ("deliveries_read".to_owned(), report.deliveries_read),
        ]),
    };
    Ok((draft, report))
}

/// Reads the planned deliveries into a lake of their own and judges what only people and all deliveries can tell: join coverage and
/// freshness. A delivery that is refused then, and tolerated, is left out by reading again without it.
fn read_and_merge<'a>(
    context: &'a Context<'_>,
    publisher: &'a publish::Publisher<'_>,
    plan: &DeliveryPlan,
    known: Ledger,
) -> std::result::Result<(Lake<'a>, world::Before, ingest::Ingested, world::World), Stop> {
    let mut held = BTreeMap::new();
    let mut plan = std::borrow::Cow::Borrowed(plan);
    loop {
        let mut lake = Lake::new(context.catalog, context.lake, publisher, context.dry_run);
        if plan.anew.is_some() {
            lake.forget();
            ops::bring_forward(context, &mut lake)?;
        }
        let before = world::Before::of(&lake)?;
        tracing::info!(deliveries = plan.read.len(), known = plan.known, "planned");
        (context.stage)(Stage::Reading(plan.read.len()));
        let mut ingested = ingest::ingest(context, &mut lake, &plan, &held, known.clone())?;
        if !ingested.refused_together.is_empty() {
            ingest::blocking(context, refusals(&ingested, &ingested.refused_together))?;
            held.extend(ingested.refused_together);
            continue;
        }
        if !ingested.out_of_turn.is_empty() {
            plan::anew::start_over_too(plan.to_mut(), ingested.out_of_turn, context.feeds, &known)?;
            continue;
        }
        tracing::info!(deliveries = ingested.intakes.len(), "canon tables merged");
        (context.stage)(Stage::People);
        let world = world::World::build(context, &lake, &ingested.ledger)?;
        let (refused, notes) = ingested.accounts.judge(context.feeds, &world.identity);
        ingest::blocking(context, refusals(&ingested, &refused))?;
        if refused.is_empty() {
            fresh(context, &ingested.ledger)?;
            ingested.notes.extend(notes);
            ingested.look_up(&world);
            return Ok((lake, before, ingested, world));
        }
        held.extend(refused);
    }
}

/// The entries of deliveries as they would stand refused.
fn refusals(ingested: &ingest::Ingested, refused: &BTreeMap<String, Refusal>) -> Vec<(Entry, Option<Intake>)> {
    let entry = |(key, refusal): (&String, &Refusal)| {
        let mut entry = ingested.ledger.entries.get(key)?.clone();
        entry.refused = Some(refusal.reason.code().to_owned());
        entry.sentence = Some(refusal.sentence());
        entry.counts = Counts::default();
        let intake = ingested.intakes.iter().find(|(of, _)| of == key).and_then(|(_, intake)| intake.as_ref());
        let seen = intake.map(|intake| intake.refused(refusal.clone()));
        entry.told = Some(seen.as_ref().unwrap_or(refusal).kept());
        let left = seen.map(Intake::left_of);
        Some((entry, left))
    };
    refused.iter().filter_map(entry).collect()
}

/// A stale feed holds the run back where it says so and the job does not tolerate it.
fn fresh(context: &Context<'_>, ledger: &Ledger) -> std::result::Result<(), Stop> {
    let stale = gates::joined::stale(context, ledger);
    let blocks = |stale: &&gates::joined::Stale<'_>| {
        stale.verdict == Verdict::Block && !context.job.refused_feeds.contains(&stale.newest.feed)
    };
    let Some(first) = stale.iter().find(blocks) else { return Ok(()) };
    let what = format!("{}: {}; nothing was published", first.newest.path, first.sentence());
    let hint =
        "ask for the feed's deliveries, raise limits.fresh_days of the feed, or list it under tolerate.refused_feeds";
    Err(Stop { of: Some(first.newest.feed.clone()), ..Error::gate(what).hint(hint).into() })
}

/// Compares the landing area with the ledger.
///
/// # Errors
/// The store fails, two feeds claim one object, or a feed of the job has no delivery at all.
pub fn plan_deliveries(context: &Context<'_>, memory: &Memory) -> Result<DeliveryPlan> {
    let objects = context.landing.list("")?;
    let anew = reads_anew(memory, &ReadWith::now(context.job, context.pseudonyms))?;
    let on_request = context.rebuild == Some(Rebuild::All) && !memory.deliveries.entries.is_empty();
    let anew = anew.or_else(|| on_request.then(|| plan::anew::ASKED.to_owned()));
    let mut ledger = if anew.is_some() { Ledger::default() } else { memory.deliveries.clone() };
    // What was refused and is not tolerated any more is judged again, as if it had come today.
    ledger.entries.retain(|_, entry| entry.is_accepted() || context.job.refused_feeds.contains(&entry.feed));
    let ledger = &ledger;
    let mut plan = plan::deliveries(&objects, context.feeds, ledger, context.job.zone, context.known_on)?;
    // A touched object is a new delivery only if its bytes changed.
    for touched in std::mem::take(&mut plan.touched) {
        let bytes = context.landing.get(&touched.object)?;
        let same = ledger.entries.get(&touched.key).is_some_and(|entry| entry.sha256 == sha256(&bytes));
        if same {
            plan.known += 1;
        } else {
            plan.read.push(touched);
        }
    }
    if let Some(Rebuild::Tables(tables)) = &context.rebuild {
        for table in tables {
            plan.start_over.insert(table.clone(), plan::anew::ASKED.to_owned());
        }
    }
    plan::anew::start_over(&mut plan, &objects, context.feeds, ledger, context.catalog, &context.job.kept_feeds)?;
    if let Some(reason) = anew {
        plan::anew::read_anew(&mut plan, &objects, context.feeds, &memory.deliveries, &reason)?;
    }
    Ok(plan)
}
