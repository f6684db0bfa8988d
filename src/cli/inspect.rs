//! `inspect`: what the lake says of itself: its commits, the tables of one, the files of a table, what became of a delivery.

mod delivery;

use clap::Args;
use serde::Serialize;

use super::{load, terminal};
use crate::contract::Catalog;
use crate::error::{Error, Result};
use crate::ledger::Entry;
use crate::pipeline;
use crate::publish::{commit, latest};
use crate::store::{Env, Store};

#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The job file
    job: std::path::PathBuf,
    /// A commit number (its tables), a delivery's path (what became of its records, and of those refused why, where and how they are
    /// written) or a table (its files); the log of commits by default
    subject: Option<String>,
    /// Write `latest/` anew from this commit: time travel for BI
    #[arg(long)]
    restore_latest: bool,
    /// JSON on stdout
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct CommitLine {
    commit: u64,
    /// `run`; `held`, a run that was held back and changed nothing but what operators read; or `vacuum`, which changes no table.
    made_by: String,
    as_of: String,
    tables: usize,
    files: usize,
    rows_read: u64,
    binary_version: String,
}

pub fn inspect(args: &InspectArgs, env: &Env) -> Result<u8> {
    let job = load::job(&args.job, &Catalog::load()?)?;
    let lake = Store::open(&job.lake, env)?;
    let head = commit::head(&lake)?
        .ok_or_else(|| Error::usage(format!("{} holds no commit", lake.label())).hint("run the job first"))?;
    let Some(subject) = &args.subject else { return log(&lake, args.json) };
    if let Ok(number) = subject.parse::<u64>() {
        let commit = commit::read(&lake, number)?;
        if args.restore_latest {
            latest::rewrite(&lake, &commit)?;
            terminal::say(&format!("latest/ is commit {number} now; the next run writes it forward again"));
        }
        return run(&commit, args.json);
    }
    let memory = pipeline::memory(Some(&head))?;
    let held = memory.held.iter().filter_map(|(key, held)| Some((key, held.entry.as_ref()?)));
    let entries: Vec<&Entry> = memory
        .deliveries
        .entries
        .iter()
        .chain(held)
        .filter(|(key, entry)| *key == subject || entry.path == *subject)
        .map(|(_, entry)| entry)
        .collect();
    if !entries.is_empty() {
        let quarantine = delivery::Quarantine { lake: &lake, head: &head };
        for entry in entries {
            delivery::show(entry, &quarantine, args.json)?;
        }
        return Ok(0);
    }
    let tables: Vec<_> =
        head.files.iter().filter(|(name, _)| *name == subject || name.ends_with(&format!("/{subject}"))).collect();
    if tables.is_empty() {
        return Err(Error::usage(format!("{subject} is no commit, delivery or table of {}", lake.label()))
            .hint("`uptake inspect JOB` lists commits; `uptake schema` lists tables"));
    }
    if args.json {
        terminal::json(&tables)?;
        return Ok(0);
    }
    for (name, files) in tables {
        let rows: Vec<Vec<String>> = files
            .iter()
            .map(|(partition, file)| {
                vec![partition.clone(), file.rows.to_string(), file.bytes.to_string(), file.path.clone()]
            })
            .collect();
        terminal::data(&format!("{name}\n{}", terminal::table(&["partition", "rows", "bytes", "path"], &rows)))?;
    }
    Ok(0)
}

/// Who made a commit, as its file says it.
fn made_by(commit: &commit::Commit) -> String {
    if commit.made_by == commit::MadeBy::Run && commit.shows() != commit.n {
        return "held".to_owned();
    }
    serde_json::to_value(commit.made_by).ok().and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default()
}

fn log(lake: &Store, json: bool) -> Result<u8> {
    let mut lines = Vec::new();
    for number in commit::log(lake)? {
        let commit = commit::read(lake, number)?;
        let is_run = commit.made_by == commit::MadeBy::Run;
        lines.push(CommitLine {
            commit: number,
            made_by: made_by(&commit),
            as_of: commit.as_of.clone(),
            tables: commit.files.len(),
            files: commit.files.values().map(std::collections::BTreeMap::len).sum(),
            // A vacuum carries the counts of the run before it.
            rows_read: commit.counts.get("rows_read").copied().filter(|_| is_run).unwrap_or(0),
            binary_version: commit.binary_version.clone(),
        });
    }
    if json {
        terminal::json(&lines)?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = lines
        .iter()
        .map(|line| {
            vec![
                line.commit.to_string(),
                line.made_by.clone(),
                line.as_of.clone(),
                if line.made_by == "run" { line.rows_read.to_string() } else { String::new() },
                line.tables.to_string(),
                line.files.to_string(),
                line.binary_version.clone(),
            ]
        })
        .collect();
    terminal::data(&terminal::table(
        &["commit", "made by", "as of", "records read", "tables", "files", "version"],
        &rows,
    ))?;
    Ok(0)
}

fn run(commit: &commit::Commit, json: bool) -> Result<u8> {
    if json {
        terminal::json(commit)?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = commit
        .files
        .iter()
        .map(|(table, files)| {
            let rows: u64 = files.values().map(|file| file.rows).sum();
            vec![table.clone(), files.len().to_string(), rows.to_string()]
        })
        .collect();
    terminal::data(&format!(
        "commit {} as of {}, made by {} of version {}, config {}\n{}",
        commit.n,
        commit.as_of,
        match made_by(commit).as_str() {
            "held" => "a run that was held back".to_owned(),
            word => format!("a {word}"),
        },
        commit.binary_version,
        commit.config_hash,
        terminal::table(&["table", "files", "rows"], &rows)
    ))?;
    Ok(0)
}
