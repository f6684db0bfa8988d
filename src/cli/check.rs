//! `check`: everything that can be known before a run, without changing anything but a probe object that is removed again.

use chrono::{DateTime, Utc};
use clap::Args;
use serde::Serialize;

use super::{JobArgs, load, terminal};
use crate::error::{Error, Result};
use crate::feed;
use crate::mart::MARTS;
use crate::mart::list::DERIVED;
use crate::pipeline::{self, Context};
use crate::publish::commit;
use crate::store::{Env, probe};

#[derive(Debug, Args)]
pub struct CheckArgs {
    #[command(flatten)]
    job: JobArgs,
    /// Leave out the probe that writes and removes one object in the lake
    #[arg(long)]
    read_only: bool,
    /// One JSON object on stdout
    #[arg(long)]
    json: bool,
}

/// One thing that was looked at.
#[derive(Serialize)]
struct Finding {
    what: String,
    ok: bool,
    detail: String,
}

pub fn check(args: &CheckArgs, env: &Env, now: DateTime<Utc>, threads: usize) -> Result<u8> {
    let loaded = load::load(&args.job.job, env, None)?;
    let as_of = super::as_of::as_of(args.job.as_of.as_deref(), now, loaded.job.zone)?;
    let mut findings = vec![Finding {
        what: format!("job {}", loaded.job.name),
        ok: true,
        detail: format!("{} feeds", loaded.feeds.len()),
    }];
    let mut find = |what: String, result: std::result::Result<String, String>| {
        let ok = result.is_ok();
        let detail = result.unwrap_or_else(|failure| failure);
        findings.push(Finding { what, ok, detail });
        ok
    };
    let catalog = &loaded.catalog;
    let agreement = MARTS
        .iter()
        .map(|mart| (mart.name, mart.disagreements(catalog)))
        .chain(DERIVED.iter().map(|derived| (derived.name, derived.disagreements(catalog, &loaded.job))));
    for (name, result) in agreement {
        find(
            format!("contract of {name}"),
            result.map(|()| "agrees with the code".into()).map_err(|error| error.to_string()),
        );
    }
    let head = commit::head(&loaded.lake);
    find(
        format!("lake {}", loaded.lake.label()),
        head.as_ref()
            .map(|head| head.as_ref().map_or("empty".into(), |head| format!("at commit {}", head.n)))
            .map_err(told),
    );
    if !args.read_only {
        find(
            "create-only writes".into(),
            probe::create_only(&loaded.lake).map(|()| "honoured".into()).map_err(|error| error.to_string()),
        );
    }
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
        force_as_of: false,
        dry_run: true,
        threads,
        memory_limit: args.job.memory_limit,
        next_commit: 1,
        progress: &|_| {},
        stage: &|_| {},
    };
    let memory = pipeline::memory(head.ok().flatten().as_ref())?;
    let plan = pipeline::plan_deliveries(&context, &memory);
    find(
        format!("landing {}", loaded.landing.label()),
        plan.as_ref()
            .map(|plan| {
                format!(
                    "{} deliveries new, {} known, {} objects of no feed",
                    plan.read.len(),
                    plan.known,
                    plan.strangers.len()
                )
            })
            .map_err(|error| error.to_string()),
    );
    if let Ok(plan) = &plan {
        for (at, loaded_feed) in loaded.feeds.iter().enumerate() {
            // The newest delivery speaks for its feed.
            let name = format!("feed {}", loaded_feed.feed.name);
            let Some(planned) = plan.read.iter().rev().find(|planned| planned.feed == at) else {
                let missing = plan.missing_feeds.contains(&loaded_feed.feed.name)
                    && !loaded.job.missing_feeds.contains(&loaded_feed.feed.name);
                find(
                    name,
                    if missing {
                        Err("no delivery in the landing area: check the feed's path".into())
                    } else {
                        Ok("nothing new".into())
                    },
                );
                continue;
            };
            let table = loaded.catalog.require(&loaded_feed.feed.fills)?;
            let bytes = loaded.landing.get(&planned.object)?;
            let gate = feed::Context::new(table, as_of, &loaded.pseudonyms).in_zone(loaded.job.zone);
            let read = feed::read(&loaded_feed.feed, &gate, &planned.delivery, &bytes, &mut |_| {
                Ok::<(), std::convert::Infallible>(())
            });
            let path = &planned.delivery.path;
            find(
                name,
                match read {
                    Ok(intake) => Ok(format!("{path}: {} records, {} rejected", intake.read, intake.rejected_count())),
                    Err(feed::Stop::Refused(refusal)) => Err(format!("{path}: {}", refusal.sentence())),
                    Err(feed::Stop::Sink(never)) => match never {},
                },
            );
        }
    }
    let failed = findings.iter().filter(|finding| !finding.ok).count();
    if args.json {
        terminal::json(&findings)?;
    } else {
        let rows: Vec<Vec<String>> = findings
            .iter()
            .map(|finding| {
                vec![if finding.ok { "ok" } else { "FAILED" }.into(), finding.what.clone(), finding.detail.clone()]
            })
            .collect();
        terminal::data(&terminal::table(&["", "what", "found"], &rows))?;
    }
    if failed > 0 {
        return Err(Error::gate(format!("{failed} of {} checks failed", findings.len()))
            .hint("a run would stop at the first of them"));
    }
    Ok(0)
}

fn told(error: &crate::publish::Error) -> String {
    error.to_string()
}
