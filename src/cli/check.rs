//! `check`: what a run will meet, tried beforehand: job, contracts, feeds, key, both stores, their clock, the first records of each
//! feed, who the accounts are, and what nothing fills. Changes nothing but a probe object that is removed again.
//!
//! The table is always whole: what could not be looked at because something before it failed says so. The exit code is that of the
//! worst finding, by [`WORST`].

mod clock;
mod fills;
mod findings;
mod people;
mod rows;

use chrono::{DateTime, Utc};
use clap::Args;

use super::{JobArgs, load, terminal};
use crate::contract::Catalog;
use crate::error::{Error, Exit, Result};
use crate::feed::{self, Pseudonyms};
use crate::job::Job;
use crate::mart::MARTS;
use crate::mart::list::DERIVED;
use crate::pipeline::plan::DeliveryPlan;
use crate::pipeline::{self, Context, LoadedFeed};
use crate::publish::Commit;
use crate::publish::commit;
use crate::store::{Env, Kind, Store, probe};
use findings::Findings;

/// Exit codes from the worst finding to the least: a defect of the program, what somebody has to correct, deliveries that would hold the
/// run back, ceilings, and what may be gone by the next try.
pub const WORST: [Exit; 7] =
    [Exit::Bug, Exit::Usage, Exit::Gate, Exit::Limit, Exit::Privacy, Exit::Transient, Exit::LostRace];

#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes: 0 a run would go through, warnings or not; otherwise that of the worst finding, in this order: 1 a bug, 2 something to \
correct, 3 a delivery that would hold the run back, 6 a ceiling, 4 the store did not answer.")]
pub struct CheckArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Leave out the probe that writes and removes one object in the lake
    #[arg(long)]
    read_only: bool,
    /// One JSON list on stdout
    #[arg(long)]
    json: bool,
}

/// What is looked at where there is a job, in this order; feeds are named one by one between deliveries and people.
const AFTER_JOB: [&str; 9] = [
    "contracts",
    "pseudonyms",
    "landing",
    "lake",
    "create-only writes",
    "clock",
    "deliveries",
    "people joined",
    "what nothing fills",
];

pub fn check(args: &CheckArgs, env: &Env, now: DateTime<Utc>, threads: usize) -> Result<u8> {
    let mut findings = Findings::default();
    look(args, env, now, threads, &mut findings)?;
    if args.json {
        terminal::json(&findings.all)?;
    } else {
        terminal::data(&findings.told())?;
    }
    match findings.worst() {
        None => Ok(0),
        Some(exit) => {
            Err(Error::new(exit, findings.sentence()).hint("the table says what each needs; then check again"))
        }
    }
}

/// Looks at everything. Only a contract that cannot be loaded ends it early: then nothing can be said at all.
fn look(args: &CheckArgs, env: &Env, now: DateTime<Utc>, threads: usize, findings: &mut Findings) -> Result<()> {
    let catalog = Catalog::load()?;
    let job = match load::job(&args.job.job, &catalog) {
        Ok(job) => job,
        Err(error) => {
            findings.failed(&format!("job {}", args.job.job.display()), &error);
            AFTER_JOB.iter().for_each(|what| findings.not_tried(what, "there is no job to try"));
            return Ok(());
        }
    };
    findings.ok(&format!("job {}", job.name), &terminal::count(job.feeds.len() as u64, "feed", "feeds"));
    let as_of = super::as_of::as_of(args.job.as_of.as_deref(), now, job.zone).unwrap_or_else(|error| {
        findings.failed("as of", &error);
        now
    });
    contracts(&catalog, &job, findings);
    let mut feeds: Vec<LoadedFeed> = Vec::new();
    for name in &job.feeds {
        match load::feed(name, Some(&job.folder), &catalog) {
            Ok(loaded) => feeds.push(loaded),
            Err(error) => findings.failed(&format!("feed {name}"), &error),
        }
    }
    let pseudonyms = pseudonyms(&job, env, findings);
    let landing = landing(&job, env, findings);
    // Asked for at once: nothing tells how long the rest has taken.
    let clocks = landing.as_ref().and_then(Store::their_time);
    let lake = lake(&job, env, findings);
    let clocks = clocks.or_else(|| lake.as_ref().and_then(|(lake, _)| lake.their_time()));
    match &lake {
        Some(_) if args.read_only => findings.not_tried("create-only writes", "--read-only"),
        Some((lake, _)) => match probe::create_only(lake) {
            Ok(()) => findings.ok("create-only writes", "the store keeps what was written first"),
            Err(error) => findings.failed("create-only writes", &error.into()),
        },
        None => findings.not_tried("create-only writes", "there is no lake to write to"),
    }
    clock::judge(clocks, now, findings);
    let Some(landing) = landing else {
        for what in std::iter::once("deliveries".to_owned())
            .chain(feeds.iter().map(|loaded| format!("feed {}", loaded.feed.name)))
            .chain(["people joined".to_owned()])
        {
            findings.not_tried(&what, "the landing area cannot be read");
        }
        fills::look(&catalog, &job, &feeds, None, findings);
        return Ok(());
    };
    // A lake that is not there yet, or cannot be read, is an empty one here; planning does not write.
    let nowhere = Store::open("memory://check-without-a-lake", env)?;
    let (lake, head) = match &lake {
        Some((lake, head)) => (lake, head.as_ref()),
        None => (&nowhere, None),
    };
    let context = Context {
        catalog: &catalog,
        job: &job,
        feeds: &feeds,
        landing: &landing,
        lake,
        pseudonyms: &pseudonyms,
        as_of,
        clock: now,
        known_on: None,
        backfill: None,
        rebuild: None,
        force_as_of: false,
        dry_run: true,
        threads,
        memory_limit: args.job.memory_limit,
        next_commit: 1,
        progress: &|_| {},
        stage: &|_| {},
    };
    let plan = pipeline::memory(head).and_then(|memory| pipeline::plan_deliveries(&context, &memory));
    let plan = match plan {
        Ok(plan) => {
            let said = format!(
                "{} new, {} known, {} of no feed",
                terminal::count(plan.read.len() as u64, "delivery", "deliveries"),
                plan.known,
                terminal::count(plan.strangers.len() as u64, "object", "objects")
            );
            findings.ok("deliveries", &said);
            plan
        }
        Err(error) => {
            findings.failed("deliveries", &error);
            for loaded in &feeds {
                findings.not_tried(&format!("feed {}", loaded.feed.name), "it is not known which deliveries are new");
            }
            findings.not_tried("people joined", "it is not known which deliveries are new");
            fills::look(&catalog, &job, &feeds, None, findings);
            return Ok(());
        }
    };
    for at in 0..feeds.len() {
        first_records(&context, &plan, at, findings);
    }
    people::look(&context, &plan, head, findings);
    fills::look(&catalog, &job, &feeds, Some(&fills::Given { context: &context, plan: &plan, head }), findings);
    Ok(())
}

/// One line where all contracts agree with the code, and one for each that does not.
fn contracts(catalog: &Catalog, job: &Job, findings: &mut Findings) {
    let agreement = MARTS
        .iter()
        .map(|mart| (mart.name, mart.disagreements(catalog)))
        .chain(DERIVED.iter().map(|derived| (derived.name, derived.disagreements(catalog, job))));
    let mut agree = 0;
    for (name, result) in agreement {
        match result {
            Ok(()) => agree += 1,
            Err(error) => findings.failed(&format!("contract of {name}"), &Error::bug(error.to_string())),
        }
    }
    if agree > 0 {
        findings.ok(
            "contracts",
            &format!("{} with the code", if agree == 1 { "1 agrees".into() } else { format!("{agree} agree") }),
        );
    }
}

fn pseudonyms(job: &Job, env: &Env, findings: &mut Findings) -> Pseudonyms {
    if job.pseudonym_epoch.is_none() {
        findings.warn("pseudonyms", "off: ids of people are stored as they were delivered", None);
        return Pseudonyms::Off;
    }
    match load::pseudonyms(job, env) {
        Ok(pseudonyms) => {
            findings.ok("pseudonyms", "on, and the key is there");
            pseudonyms
        }
        Err(error) => {
            findings.failed("pseudonyms", &error);
            // Nothing that is read here is stored.
            Pseudonyms::Off
        }
    }
}

/// The landing area, where it can be listed.
fn landing(job: &Job, env: &Env, findings: &mut Findings) -> Option<Store> {
    let listed = Store::open(&job.landing, env).and_then(|landing| Ok((landing.list("")?.len(), landing)));
    match listed {
        Ok((objects, landing)) => {
            let said = terminal::count(objects as u64, "object", "objects");
            findings.ok(&format!("landing {}", landing.label()), &said);
            Some(landing)
        }
        Err(error) => {
            findings.failed(&format!("landing {}", safe(&job.landing)), &error.into());
            None
        }
    }
}

/// The lake with its newest commit, where its log can be read.
fn lake(job: &Job, env: &Env, findings: &mut Findings) -> Option<(Store, Option<Commit>)> {
    let what = format!("lake {}", safe(&job.lake));
    let lake = match Store::open(&job.lake, env) {
        Ok(lake) => lake,
        Err(error) if error.kind == Kind::NotFound => {
            findings.ok(&what, "it is not there yet: the first run makes it");
            return None;
        }
        Err(error) => {
            findings.failed(&what, &error.into());
            return None;
        }
    };
    match commit::head(&lake) {
        Ok(head) => {
            let said = head.as_ref().map_or_else(|| "empty".to_owned(), |head| format!("at commit {}", head.n));
            findings.ok(&what, &said);
            Some((lake, head))
        }
        Err(error) => {
            findings.failed(&what, &error.into());
            None
        }
    }
}

/// The address as the job file has it, without what may be a secret.
fn safe(url: &str) -> &str {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    if url.contains('@') && !url.starts_with("abfs") { url.split("://").next().unwrap_or_default() } else { url }
}

/// The newest delivery speaks for its feed.
fn first_records(context: &Context<'_>, plan: &DeliveryPlan, at: usize, findings: &mut Findings) {
    let Some(loaded) = context.feeds.get(at) else { return };
    let name = &loaded.feed.name;
    let what = format!("feed {name}");
    let tolerated = |list: &[String]| list.contains(name);
    let Some(planned) = plan.read.iter().rev().find(|planned| planned.feed == at) else {
        if !plan.missing_feeds.contains(name) {
            findings.ok(&what, "nothing new");
        } else if tolerated(&context.job.missing_feeds) {
            findings.ok(&what, "no delivery, which the job tolerates");
        } else {
            let error = Error::gate("it has no delivery in the landing area")
                .hint(format!("check the `path` of {name}, or list it under tolerate.missing_feeds"));
            findings.failed(&what, &error);
        }
        return;
    };
    let path = &planned.delivery.path;
    let bytes = match context.landing.get(&planned.object) {
        Ok(bytes) => bytes,
        Err(error) => return findings.failed(&what, &error.into()),
    };
    let Some(table) = context.catalog.table(&loaded.feed.fills) else { return };
    let gate = feed::Context::new(table, context.as_of, context.pseudonyms).in_zone(context.job.zone);
    let nowhere = &mut |_| Ok::<(), std::convert::Infallible>(());
    match feed::read(&loaded.feed, &gate, &planned.delivery, &bytes, nowhere) {
        Ok(intake) => {
            let records = terminal::count(intake.read, "record", "records");
            let said = format!("{path}: {records}, {} rejected", intake.rejected_count());
            if intake.rejected_count() > 0 {
                findings.warn(&what, &said, Some(&format!("`uptake feed try {name} FILE` says which and why")));
            } else {
                findings.ok(&what, &said);
            }
        }
        Err(feed::Stop::Refused(refusal)) => {
            let exit = if refusal.reason.is_limit() { Exit::Limit } else { Exit::Gate };
            let said = format!("{path}: {}", refusal.sentence());
            let hint = format!("`uptake feed try {name} FILE` shows what the gate sees");
            if tolerated(&context.job.refused_feeds) {
                findings.warn(&what, &format!("{said}; it is left out, as the job tolerates"), Some(&hint));
            } else {
                findings.failed(&what, &Error::new(exit, said).hint(hint));
            }
        }
        Err(feed::Stop::Sink(never)) => match never {},
    }
}
