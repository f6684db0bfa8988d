//! `vacuum`: prints what it would delete, and deletes it only when told to.

use chrono::{DateTime, Utc};
use clap::Args;

use super::{load, terminal};
use crate::contract::Catalog;
use crate::error::Result;
use crate::publish::vacuum::{self as publish, Keep, Reason};
use crate::store::{Env, Store};

#[derive(Debug, Args)]
pub struct VacuumArgs {
    /// The job file
    job: std::path::PathBuf,
    /// How many of the last published commits to keep readable, at least one; vacuum's own do not count
    #[arg(long, default_value_t = 30)]
    keep: usize,
    /// Hours that a file must be older than: longer than the longest run and the longest read
    #[arg(long, default_value_t = 72)]
    grace_hours: i64,
    /// Also delete the commits before those kept
    #[arg(long)]
    prune_commits: bool,
    /// Delete what the plan lists
    #[arg(long)]
    execute: bool,
    /// The plan as one JSON object on stdout
    #[arg(long)]
    json: bool,
}

pub fn vacuum(args: &VacuumArgs, env: &Env, now: DateTime<Utc>) -> Result<u8> {
    let job = load::job(&args.job, &Catalog::load()?)?;
    let lake = Store::open(&job.lake, env)?;
    let grace = chrono::TimeDelta::try_hours(args.grace_hours).unwrap_or(chrono::TimeDelta::MAX);
    let keep = Keep { commits: args.keep.max(1), grace, prune_commits: args.prune_commits };
    let plan = publish::plan(&lake, keep, now)?;
    if args.json {
        terminal::json(&plan)?;
    } else {
        let rows: Vec<Vec<String>> = plan
            .delete
            .iter()
            .map(|doomed| vec![doomed.path.clone(), doomed.bytes.to_string(), why(doomed.reason).to_owned()])
            .collect();
        if !rows.is_empty() {
            terminal::data(&terminal::table(&["object", "bytes", "why"], &rows))?;
        }
        terminal::data(&format!(
            "{} to delete, {}; the files of the last {} are kept; {} not deleted because younger than {}\n",
            count(plan.delete.len(), "object"),
            count(plan.bytes(), "byte"),
            count(plan.kept_runs, "published commit"),
            count(plan.spared_by_grace, "object"),
            count(args.grace_hours, "hour"),
        ))?;
    }
    if args.execute {
        publish::execute(&lake, &plan)?;
        terminal::say(&format!("deleted {}", count(plan.delete.len(), "object")));
    } else if plan.delete.is_empty() {
        terminal::say("nothing to delete");
    } else {
        terminal::say("nothing was deleted; --execute deletes what is listed");
    }
    Ok(0)
}

/// `1 object`, `2 objects`.
fn count(number: impl std::fmt::Display, noun: &str) -> String {
    let number = number.to_string();
    let plural = if number == "1" { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::Unnamed => "no kept commit names it",
        Reason::Announced => "an earlier vacuum began to delete it",
        Reason::TableGone => "its table is no longer published",
        Reason::OldCommit => "a commit older than those kept",
        Reason::Leftover => "left by a process that was killed",
    }
}
