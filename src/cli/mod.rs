//! The command line: the only user of clap and the only one that prints. Data goes to stdout, talk to stderr.

mod age;
mod as_of;
mod check;
mod explain;
mod feed;
mod filter;
mod init;
mod inspect;
mod load;
mod man;
mod near;
mod plan;
mod progress;
mod published;
mod report;
mod run;
mod sample;
mod schema;
mod show;
pub mod stats;
mod status;
mod terminal;
mod vacuum;

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, CommandFactory, Parser, Subcommand};

use as_of::instant;

use crate::error::Error;
use crate::store::{Ending, Env};

/// Nightly tables of learning adoption, leaders' sharing and reviews, from LMS exports and HRIS records in object storage.
#[derive(Debug, Parser)]
#[command(name = "uptake", version, propagate_version = true, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// What to tell on stderr: error, warn, info, debug, trace
    #[arg(long, global = true, default_value = "warn", env = "UPTAKE_LOG")]
    log: String,
    /// Logs as JSON lines; the default when stderr is no terminal
    #[arg(long, global = true)]
    log_json: bool,
    /// Threads to use; the default is one a core
    #[arg(long, global = true, env = "UPTAKE_THREADS")]
    threads: Option<usize>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read what is new, recompute what it changes, publish it whole or not at all
    Run(run::RunArgs),
    /// Recompute a range of days, whatever is known of them
    Backfill(run::BackfillArgs),
    /// Read deliveries again: all of them, those of a feed, or those of a table
    Rebuild(run::RebuildArgs),
    /// Print what a run would read and why; change nothing
    Plan(plan::PlanArgs),
    /// Try what a run will do: job, feeds, contracts, credentials, stores, clock and the first records; change nothing
    Check(check::CheckArgs),
    /// Say in five lines how old the published tables are, what is held back and what to do next
    Status(status::StatusArgs),
    /// Explain the lake: commits, one run, one delivery or one table
    Inspect(inspect::InspectArgs),
    /// Print the first rows of a published table
    Show(show::ShowArgs),
    /// Say how one published figure came about: its formula with the numbers put in, its parts, its deliveries
    Explain(explain::ExplainArgs),
    /// Write one web page that opens from disk: scorecard, adoption by unit, effects, ratings, data quality
    Report(report::ReportArgs),
    /// Print the contracts of the tables
    Schema(schema::SchemaArgs),
    /// Look at a landing area and write a job and its feeds for it
    Init(init::InitArgs),
    /// Try a file against a feed, or propose a feed for a file
    #[command(subcommand)]
    Feed(feed::FeedCommand),
    /// The estimators on any file, at full precision
    #[command(subcommand)]
    Stats(stats::StatsCommand),
    /// Write a believable company at any scale
    Sample(sample::SampleArgs),
    /// Delete files that no kept commit names; prints its plan first
    Vacuum(vacuum::VacuumArgs),
    /// Print completions for a shell
    Completions { shell: clap_complete::Shell },
    /// Print the manual pages of all commands, one after the other
    Man,
}

/// The job and how this run of it goes.
#[derive(Debug, Args)]
pub struct JobArgs {
    /// The job file
    job: PathBuf,
    /// The instant (RFC 3339) or day the run speaks of; a day means its first moment in the job's zone. The default is now
    #[arg(long)]
    as_of: Option<String>,
    /// Bytes the run may hold, e.g. 2GiB; the default is 2GiB
    #[arg(long, value_parser = bytes, default_value = "2GiB", env = "UPTAKE_MEMORY_LIMIT")]
    memory_limit: usize,
    /// Let the run speak of a day before the last run's, or of one that is still to come
    #[arg(long)]
    force_as_of: bool,
}

/// Parses the arguments, does what they say and returns the exit code. `now` is the only clock.
pub fn main(args: impl IntoIterator<Item = std::ffi::OsString>, env: &Env, now: DateTime<Utc>) -> u8 {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            // clap prints help to stdout and errors to stderr; its own failure to print helps nobody.
            let _ = error.print();
            return if error.use_stderr() { 2 } else { 0 };
        }
    };
    terminal::start_log(&cli.log, cli.log_json);
    let threads = cli.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    // A second pool can only be refused because one exists, as in tests that call this twice.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    crate::store::on_ending(|ending| {
        let said = match ending {
            Ending::Terminated => "terminated",
            Ending::Interrupted => "interrupted",
            Ending::HungUp => "hung up",
        };
        terminal::say(&format!("{said}: nothing was half published, the last commit stays current"));
        terminal::say("hint: the same command again goes on from there");
        std::process::exit(i32::from(crate::error::Exit::Transient as u8));
    });
    if let Err(error) = crate::store::names::check_ours(env) {
        let error = Error::from(error);
        terminal::error(&error);
        return error.exit as u8;
    }
    let result = match cli.command {
        Command::Run(args) => run::run(&args, env, now, threads),
        Command::Backfill(args) => run::backfill(&args, env, now, threads),
        Command::Rebuild(args) => run::rebuild(&args, env, now, threads),
        Command::Plan(args) => plan::plan(&args, env, now, threads),
        Command::Check(args) => check::check(&args, env, now, threads),
        Command::Status(args) => status::status(&args, env, now),
        Command::Inspect(args) => inspect::inspect(&args, env),
        Command::Show(args) => show::show(&args, env),
        Command::Explain(args) => explain::explain(&args, env),
        Command::Report(args) => report::report(&args, env),
        Command::Schema(args) => schema::schema(&args),
        Command::Init(args) => init::init(&args, env, now),
        Command::Feed(command) => feed::feed(&command, env, now),
        Command::Stats(command) => stats::stats(&command),
        Command::Sample(args) => sample::sample(&args, env),
        Command::Vacuum(args) => vacuum::vacuum(&args, env, now),
        Command::Completions { shell } => {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "uptake", &mut text);
            terminal::data(&String::from_utf8_lossy(&text)).map(|()| 0)
        }
        Command::Man => man::pages(Cli::command()),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            terminal::error(&error);
            error.exit as u8
        }
    }
}

/// Sizes as people write them: 512MiB, 2GiB, 1000000.
fn bytes(text: &str) -> std::result::Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "B" => 1,
        "KiB" | "K" => 1 << 10,
        "MiB" | "M" => 1 << 20,
        "GiB" | "G" => 1 << 30,
        other => return Err(format!("unknown unit `{other}`; write MiB or GiB")),
    };
    let number: usize = digits.trim().parse().map_err(|_| format!("`{text}` is no size; write it like 2GiB"))?;
    number.checked_mul(unit).filter(|bytes| *bytes >= 64 << 20).ok_or_else(|| "at least 64MiB are needed".to_owned())
}
