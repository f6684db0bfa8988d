//! `vacuum`: prints what it would delete, and deletes it only when told to.

use chrono::{DateTime, Utc};
use clap::Args;

use super::{load, terminal};
use crate::contract::Catalog;
use crate::error::Result;
use crate::publish::vacuum::{self as publish, Keep};
use crate::store::{Env, Store};

#[derive(Debug, Args)]
pub struct VacuumArgs {
    /// The job file
    job: std::path::PathBuf,
    /// Commits to keep readable
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
            .map(|doomed| vec![doomed.path.clone(), doomed.bytes.to_string(), format!("{:?}", doomed.reason)])
            .collect();
        terminal::data(&terminal::table(&["object", "bytes", "why"], &rows))?;
        terminal::data(&format!(
            "{} objects, {} bytes; the files of {} commits are kept, {} unnamed objects are younger than the grace\n",
            plan.delete.len(),
            plan.bytes(),
            plan.kept_commits.len(),
            plan.spared_by_grace
        ))?;
    }
    if args.execute {
        publish::execute(&lake, &plan)?;
        terminal::say("deleted");
    } else {
        terminal::say("nothing was deleted; --execute deletes what is listed");
    }
    Ok(0)
}
