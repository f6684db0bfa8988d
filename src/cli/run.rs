//! `run` and `backfill`.

use chrono::{DateTime, NaiveDate, Utc};
use clap::Args;

use super::progress::Progress;
use super::{JobArgs, load, terminal};
use crate::contract::{Area, Catalog, Table};
use crate::error::{Error, Result};
use crate::feed::Feed;
use crate::period::day_of;
use crate::pipeline::{self, Backfill, Context, Rebuild, Report};
use crate::store::Env;

#[derive(Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Use only deliveries made by the end of this day; needs --out
    #[arg(long, requires = "out")]
    as_known_on: Option<NaiveDate>,
    /// Write to this lake instead of the job's
    #[arg(long)]
    out: Option<String>,
    /// Compute everything, publish nothing
    #[arg(long)]
    dry_run: bool,
    /// One JSON object on stdout
    #[arg(long)]
    json: bool,
    /// Exit with 99 where there was nothing to do, which Airflow reads as skipped
    #[arg(long)]
    exit_99_if_nothing_to_do: bool,
}

#[derive(Debug, Args)]
pub struct BackfillArgs {
    #[command(flatten)]
    job: JobArgs,
    /// First day to recompute
    #[arg(long)]
    from: NaiveDate,
    /// Day after the last one to recompute
    #[arg(long)]
    to: NaiveDate,
    /// The one mart to recompute; the default is every mart and the days it is made from
    #[arg(long)]
    table: Option<String>,
    /// Compute everything, publish nothing
    #[arg(long)]
    dry_run: bool,
    /// One JSON object on stdout
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct RebuildArgs {
    #[command(flatten)]
    job: JobArgs,
    /// A feed whose table is read again, with every delivery that fills it; may be given several times
    #[arg(long)]
    feed: Vec<String>,
    /// A canon table that is read again; may be given several times
    #[arg(long)]
    table: Vec<String>,
    /// Compute everything, publish nothing
    #[arg(long)]
    dry_run: bool,
    /// One JSON object on stdout
    #[arg(long)]
    json: bool,
}

pub fn run(args: &RunArgs, env: &Env, now: DateTime<Utc>, threads: usize) -> Result<u8> {
    let how = How {
        out: args.out.as_deref(),
        known_on: args.as_known_on,
        backfill: None,
        rebuild: None,
        dry_run: args.dry_run,
        json: args.json,
    };
    let report = go(&args.job, &how, env, now, threads)?;
    Ok(if args.exit_99_if_nothing_to_do && report.verdict == "nothing_to_do" { 99 } else { 0 })
}

pub fn backfill(args: &BackfillArgs, env: &Env, now: DateTime<Utc>, threads: usize) -> Result<u8> {
    if args.from >= args.to {
        return Err(Error::usage(format!("--from {} is not before --to {}", args.from, args.to))
            .hint("--to is the day after the last one"));
    }
    let backfill = Backfill { from: day_of(args.from), to: day_of(args.to), table: args.table.clone() };
    let how = How {
        out: None,
        known_on: None,
        backfill: Some(backfill),
        rebuild: None,
        dry_run: args.dry_run,
        json: args.json,
    };
    go(&args.job, &how, env, now, threads)?;
    Ok(0)
}

pub fn rebuild(args: &RebuildArgs, env: &Env, now: DateTime<Utc>, threads: usize) -> Result<u8> {
    let catalog = Catalog::load()?;
    let job = load::job(&args.job.job, &catalog)?;
    let mut tables = Vec::new();
    let (mut feeds, mut filled) = (Vec::new(), Vec::new());
    for name in &job.feeds {
        let Feed { name, fills, .. } = load::feed(name, Some(&job.folder), &catalog)?.feed;
        if args.feed.contains(&name) || args.table.contains(&fills) {
            tables.push(fills.clone());
        }
        feeds.push(name);
        filled.push(fills);
    }
    if let Some(stranger) = args.feed.iter().find(|feed| !feeds.contains(feed)) {
        return Err(Error::usage(format!("the job has no feed `{stranger}`"))
            .hint(format!("its feeds are {}", feeds.join(", "))));
    }
    if let Some(stranger) = args.table.iter().find(|table| !filled.contains(table)) {
        filled.sort();
        filled.dedup();
        return Err(Error::usage(format!("no feed of the job fills the table `{stranger}`")).hint(format!(
            "its feeds fill {}; what is computed from these is computed anew by `uptake backfill JOB --from DAY --to DAY --table TABLE`",
            filled.join(", ")
        )));
    }
    let rebuild = if tables.is_empty() { Rebuild::All } else { Rebuild::Tables(tables) };
    let how = How {
        out: None,
        known_on: None,
        backfill: None,
        rebuild: Some(rebuild),
        dry_run: args.dry_run,
        json: args.json,
    };
    go(&args.job, &how, env, now, threads)?;
    Ok(0)
}

/// What tells a run from a backfill.
struct How<'a> {
    out: Option<&'a str>,
    known_on: Option<NaiveDate>,
    backfill: Option<Backfill>,
    rebuild: Option<Rebuild>,
    dry_run: bool,
    json: bool,
}

fn go(args: &JobArgs, how: &How<'_>, env: &Env, now: DateTime<Utc>, threads: usize) -> Result<Report> {
    let loaded = load::load(&args.job, env, how.out)?;
    let as_of = super::as_of::as_of(args.as_of.as_deref(), now, loaded.job.zone)?;
    if let Some(table) = how.backfill.as_ref().and_then(|backfill| backfill.table.as_deref()) {
        known_mart(&loaded, table)?;
    }
    let shown = Progress::new();
    let progress = |planned: &pipeline::Planned| {
        shown.read(planned);
        tracing::debug!(delivery = terminal::plain(&planned.delivery.path), why = ?planned.why, "read");
    };
    let context = Context {
        catalog: &loaded.catalog,
        job: &loaded.job,
        feeds: &loaded.feeds,
        landing: &loaded.landing,
        lake: &loaded.lake,
        pseudonyms: &loaded.pseudonyms,
        as_of,
        clock: now,
        known_on: how.known_on,
        backfill: how.backfill.clone(),
        rebuild: how.rebuild.clone(),
        force_as_of: args.force_as_of,
        dry_run: how.dry_run,
        threads,
        memory_limit: args.memory_limit,
        next_commit: 1,
        progress: &progress,
        stage: &|stage| shown.stage(stage),
    };
    let report = pipeline::run(&context);
    shown.end();
    let report = report?;
    tracing::info!(commit = report.commit, verdict = report.verdict, rows_read = report.counts.read, "run ended");
    if how.json {
        terminal::json(&report)?;
    } else {
        terminal::data(&told(&report, loaded.lake.label()))?;
    }
    Ok(report)
}

/// A backfill can be about a table that the job publishes, and no other.
fn known_mart(loaded: &load::Loaded, name: &str) -> Result<()> {
    let is_mart = |table: &&Table| matches!(table.area, Area::Marts | Area::Restricted);
    match loaded.catalog.table(name).filter(is_mart) {
        Some(_) if loaded.job.wants(name) => Ok(()),
        Some(_) => Err(Error::usage(format!("the job does not publish {name}")).hint("its `marts` leave it out")),
        None => Err(Error::usage(format!("there is no mart `{name}`")).hint("`uptake schema` lists the tables")),
    }
}

fn told(report: &Report, lake: &str) -> String {
    let counts = &report.counts;
    let mut text = match report.verdict {
        "nothing_to_do" => format!("nothing to do: commit {} of {lake} is current\n", report.commit),
        "dry_run" => format!("dry run: nothing was written to {lake}\n"),
        _ => format!("published commit {} of {lake}\n", report.commit),
    };
    if report.verdict == "nothing_to_do" && report.deliveries_read == 0 && report.periods_computed == 0 {
        let known = terminal::count(report.deliveries_known, "delivery", "deliveries");
        text.push_str(&format!("no delivery is new, {known} known; no table would say anything else\n"));
    } else {
        text.push_str(&format!(
            "{} read, {} known; {} = {}\n",
            terminal::count(report.deliveries_read, "delivery", "deliveries"),
            report.deliveries_known,
            terminal::count(counts.read, "record", "records"),
            counts.parts()
        ));
        let written = if report.verdict == "dry_run" { "would be written" } else { "written" };
        text.push_str(&format!(
            "{} rolled up, {} computed, {} {written}\n",
            terminal::count(report.days_rolled_up, "day", "days"),
            terminal::count(report.periods_computed, "period", "periods"),
            terminal::count(report.files_written, "file", "files")
        ));
    }
    for remark in &report.remarks {
        text.push_str(&format!("note: {}\n", terminal::plain(remark)));
    }
    if let Some(more) = &report.more_remarks {
        text.push_str(&format!("{more}\n"));
    }
    text
}
