//! `plan`: a run that writes nothing, told beforehand: what it reads, what it computes, and why.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;

use super::progress::Progress;
use super::{JobArgs, load, terminal};
use crate::error::Result;
use crate::pipeline::steps::{Because, Step, Steps};
use crate::pipeline::{self, Context, Why};
use crate::publish::commit;
use crate::store::Env;

/// How many objects that no feed recognises are shown by name.
const STRANGERS_SHOWN: usize = 20;

#[derive(Debug, Args)]
pub struct PlanArgs {
    #[command(flatten)]
    job: JobArgs,
    /// List the deliveries alone, without reading them: what they change is not known then
    #[arg(long)]
    quick: bool,
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
    /// Feeds that read otherwise than they did and whose rows stay as they were read, as the job tolerates.
    kept_as_read: Vec<String>,
    strangers: Vec<String>,
    missing_feeds: Vec<String>,
    /// What the run computes, the same list as in its report; `None` where deliveries were not read.
    steps: Option<Steps>,
    /// Files that would hold something else than the published ones; `None` where deliveries were not read.
    files_changed: Option<u64>,
    remarks: Vec<String>,
    /// Folders that are not read before they are complete.
    waiting: Vec<String>,
}

pub fn plan(args: &PlanArgs, env: &Env, now: DateTime<Utc>, threads: usize) -> Result<u8> {
    let loaded = load::load(&args.job.job, env, None)?;
    let as_of = super::as_of::as_of(args.job.as_of.as_deref(), now, loaded.job.zone)?;
    let progress = Progress::new();
    let context = Context {
        catalog: &loaded.catalog,
        job: &loaded.job,
        feeds: &loaded.feeds,
        landing: &loaded.landing,
        lake: &loaded.lake,
        pseudonyms: &loaded.pseudonyms,
        as_of,
        clock: now,
        known_on: None,
        backfill: None,
        rebuild: None,
        force_as_of: args.job.force_as_of,
        dry_run: true,
        threads,
        memory_limit: args.job.memory_limit,
        next_commit: 1,
        progress: &|planned| progress.read(planned),
        stage: &|stage| progress.stage(stage),
    };
    let head = commit::head(&loaded.lake)?;
    let memory = pipeline::memory(head.as_ref())?;
    let deliveries = pipeline::plan_deliveries(&context, &memory)?;
    let listed = |planned: &pipeline::Planned| Planned {
        delivery: planned.delivery.path.clone(),
        feed: planned.delivery.feed.clone(),
        table: loaded.feeds[planned.feed].feed.fills.clone(),
        bytes: planned.delivery.size,
        known_at: planned.delivery.known_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        why: planned.why,
    };
    let mut plan = Plan {
        head: head.map(|head| head.n),
        read: deliveries.read.iter().map(listed).collect(),
        known: deliveries.known,
        start_over: deliveries.start_over,
        kept_as_read: deliveries.kept_as_read,
        strangers: deliveries.strangers,
        missing_feeds: deliveries.missing_feeds,
        steps: None,
        files_changed: None,
        remarks: Vec::new(),
        waiting: deliveries.waiting.iter().map(ToString::to_string).collect(),
    };
    // What a run would say in place of publishing is said after what it would read.
    let run = if args.quick { None } else { Some(pipeline::run(&context)) };
    let run = match run {
        Some(Ok(report)) => {
            plan.files_changed = Some(report.files_written);
            plan.steps = Some(report.steps);
            plan.remarks = report.remarks;
            Ok(())
        }
        Some(Err(error)) => Err(error),
        None => Ok(()),
    };
    progress.end();
    match args.json {
        true => terminal::json(&plan)?,
        false => terminal::data(&terminal::plain(&told(&plan)))?,
    }
    run.map(|()| 0)
}

fn told(plan: &Plan) -> String {
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
        terminal::table(&["delivery", "table", "bytes", "known at", "why"], &rows)
    };
    let to_read = terminal::count(rows.len() as u64, "delivery", "deliveries");
    text.push_str(&format!("{to_read} to read, {} known\n", plan.known));
    for (table, why) in &plan.start_over {
        text.push_str(&format!("canon {table} starts over: {why}\n"));
    }
    for feed in &plan.kept_as_read {
        text.push_str(&format!("the rows of feed {feed} stay as they were read, by other rules than it has now\n"));
    }
    for feed in &plan.missing_feeds {
        text.push_str(&format!("feed {feed} has no delivery\n"));
    }
    for waiting in &plan.waiting {
        text.push_str(&format!("{waiting}\n"));
    }
    for stranger in plan.strangers.iter().take(STRANGERS_SHOWN) {
        text.push_str(&format!("no feed recognises {stranger}\n"));
    }
    match plan.strangers.len().saturating_sub(STRANGERS_SHOWN) {
        0 => {}
        1 => text.push_str("no feed recognises 1 object more\n"),
        more => text.push_str(&format!("no feed recognises {more} objects more\n")),
    }
    match &plan.steps {
        Some(steps) => text.push_str(&computed(steps)),
        None if rows.is_empty() => {}
        None => text.push_str("what these change is decided by reading them: leave --quick out\n"),
    }
    let Some(steps) = &plan.steps else { return text };
    let nothing_computed = steps.computed().next().is_none();
    match plan.files_changed {
        Some(0) if rows.is_empty() && nothing_computed => text.push_str("nothing to do\n"),
        Some(0) if nothing_computed => text.push_str("nothing is computed: no published table would change\n"),
        Some(0) => text.push_str("all of this comes out as it is published: no table would change\n"),
        Some(files) => {
            text.push_str(&format!("{} would be written\n", terminal::count(files, "file", "files")));
        }
        None => {}
    }
    text
}

/// One line for each run of slices of one table and grain with one reason: how many, from which to which.
fn computed(steps: &Steps) -> String {
    let grain = |step: &Step| step.slice.split_once('/').map_or("", |(grain, _)| grain).to_owned();
    let start = |step: &Step| step.slice.rsplit('/').next().unwrap_or_default().to_owned();
    let mut runs: Vec<(&Step, &Step, usize)> = Vec::new();
    for step in &steps.0 {
        match runs.last_mut() {
            Some((first, last, count))
                if (&first.table, grain(first), first.because) == (&step.table, grain(step), step.because) =>
            {
                // Days are computed beside each other, in no order.
                *first = if start(step) < start(first) { step } else { *first };
                *last = if start(step) > start(last) { step } else { *last };
                *count += 1;
            }
            _ => runs.push((step, step, 1)),
        }
    }
    let line = |(first, last, count): &(&Step, &Step, usize)| {
        let (table, because) = (&first.table, first.because.sentence());
        let unit = match grain(first).as_str() {
            "" => "day".to_owned(),
            grain => grain.to_owned(),
        };
        match count {
            1 if first.slice == crate::pipeline::lake::WHOLE => format!("computed: {table}: {because}\n"),
            1 => format!("computed: {table}, {unit} {}: {because}\n", start(first)),
            _ => format!("computed: {table}, {count} {unit}s from {} to {}: {because}\n", start(first), start(last)),
        }
    };
    runs.iter().filter(|(first, ..)| first.because != Because::Unchanged).map(line).collect()
}
