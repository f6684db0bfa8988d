//! `plan`: what a run would read and why.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;

use super::{JobArgs, load, talk};
use crate::error::Result;
use crate::pipeline::foresee::{self, Because, Foreseen};
use crate::pipeline::{self, Context, plan::Why};
use crate::publish::commit;
use crate::store::Env;

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    job: JobArgs,
    /// One JSON object on stdout
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Planned {
    delivery: String,
    feed: String,
    table: String,
    bytes: u64,
    known_at: String,
    why: Why,
}

#[derive(Serialize)]
struct Plan {
    head: Option<u64>,
    read: Vec<Planned>,
    known: usize,
    start_over: std::collections::BTreeMap<String, String>,
    strangers: Vec<String>,
    missing_feeds: Vec<String>,
    /// Folders that are not read before they are complete.
    waiting: Vec<String>,
    /// Set where contracts, job or program changed since head: every period is recomputed then.
    recompute_all: Option<&'static str>,
    /// Periods that will be computed, as far as that can be told before reading.
    periods: Vec<Foreseen>,
    /// Whether deliveries are read that may touch more periods than these.
    more_decided_after_reading: bool,
}

pub fn plan(args: &PlanArgs, env: &Env, now: DateTime<Utc>, threads: usize) -> Result<u8> {
    let loaded = load::load(&args.job.job, env, None)?;
    let as_of = args.job.as_of.as_deref().map_or(Ok(now), |text| super::instant(text, loaded.job.zone))?;
    let context = Context {
        catalog: &loaded.catalog,
        job: &loaded.job,
        feeds: &loaded.feeds,
        landing: &loaded.landing,
        lake: &loaded.lake,
        pseudonyms: &loaded.pseudonyms,
        as_of,
        known_on: None,
        backfill: None,
        dry_run: true,
        threads,
        memory_limit: args.job.memory_limit,
        next_commit: 1,
        progress: &|_| {},
    };
    let head = commit::head(&loaded.lake)?;
    let memory = pipeline::memory(head.as_ref())?;
    let deliveries = pipeline::plan_deliveries(&context, &memory)?;
    let recompute_all = match &head {
        None => Some("the lake is empty"),
        Some(_) if deliveries.anew.is_some() => Some("every delivery is read again"),
        Some(head) if head.config_hash != loaded.job.config_hash() => {
            Some("the job's rules changed since the last run")
        }
        Some(head) if head.binary_version != env!("CARGO_PKG_VERSION") => {
            Some("the program changed since the last run")
        }
        Some(head)
            if loaded.catalog.tables().any(|table| head.contract_hashes.get(&table.name) != Some(&table.hash)) =>
        {
            Some("a contract changed since the last run")
        }
        Some(_) => None,
    };
    let periods = foresee::periods(&context, head.as_ref(), &memory, &deliveries, recompute_all.is_some())?;
    let plan = Plan {
        periods,
        more_decided_after_reading: !deliveries.read.is_empty(),
        head: head.map(|head| head.n),
        read: deliveries
            .read
            .iter()
            .map(|planned| Planned {
                delivery: planned.delivery.path.clone(),
                feed: planned.delivery.feed.clone(),
                table: loaded.feeds[planned.feed].feed.fills.clone(),
                bytes: planned.delivery.size,
                known_at: planned.delivery.known_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
                why: planned.why,
            })
            .collect(),
        known: deliveries.known,
        start_over: deliveries.start_over,
        strangers: deliveries.strangers,
        missing_feeds: deliveries.missing_feeds,
        waiting: deliveries.waiting.iter().map(ToString::to_string).collect(),
        recompute_all,
    };
    if args.json {
        talk::json(&plan)?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = plan
        .read
        .iter()
        .map(|planned| {
            let why = match planned.why {
                Why::New => "new",
                Why::Replaced => "replaced",
                Why::Mended => "refused before, its cause changed",
                Why::Reopened => "its set was reopened",
                Why::Contradicted => "contradicts another snapshot",
                Why::StartOver => "its table starts over",
            };
            vec![
                planned.delivery.clone(),
                planned.table.clone(),
                planned.bytes.to_string(),
                planned.known_at.clone(),
                why.into(),
            ]
        })
        .collect();
    let mut text = if rows.is_empty() {
        String::new()
    } else {
        talk::table(&["delivery", "table", "bytes", "known at", "why"], &rows)
    };
    text.push_str(&format!("{} deliveries to read, {} known\n", rows.len(), plan.known));
    for (table, why) in &plan.start_over {
        text.push_str(&format!("canon {table} starts over: {why}\n"));
    }
    if let Some(why) = plan.recompute_all {
        text.push_str(&format!("everything is recomputed: {why}\n"));
    }
    text.push_str(&recomputed(&plan.periods));
    if plan.more_decided_after_reading {
        text.push_str("recomputed besides: decided after reading, by the days these deliveries touch\n");
    } else if plan.periods.is_empty() {
        text.push_str("nothing to do\n");
    }
    for feed in &plan.missing_feeds {
        text.push_str(&format!("feed {feed} has no delivery\n"));
    }
    for waiting in &plan.waiting {
        text.push_str(&format!("{waiting}\n"));
    }
    for stranger in plan.strangers.iter().take(5) {
        text.push_str(&format!("no feed recognises {stranger}\n"));
    }
    talk::data(&text)?;
    Ok(0)
}

/// One line for each grain and reason: how many periods, from which to which.
fn recomputed(periods: &[Foreseen]) -> String {
    let mut runs: Vec<(&Foreseen, &Foreseen, usize)> = Vec::new();
    for period in periods {
        match runs.last_mut() {
            Some((first, last, count)) if (first.grain, first.because) == (period.grain, period.because) => {
                *last = period;
                *count += 1;
            }
            _ => runs.push((period, period, 1)),
        }
    }
    let line = |(first, last, count): &(&Foreseen, &Foreseen, usize)| {
        let because = match first.because {
            Because::EverythingChanged => "everything changed",
            Because::DaysPassed => "days have passed since the last run",
            Because::DeliveryNamesDay => "a delivery names one of its days",
            Because::FollowsAnother => "it shows a change against the period before",
        };
        match count {
            1 => format!("recomputed: {} {}: {because}\n", first.grain, first.start),
            _ => format!("recomputed: {count} {}s from {} to {}: {because}\n", first.grain, first.start, last.start),
        }
    };
    runs.iter().map(line).collect()
}
