//! `sample`: a believable company, written where a landing area would be.

use chrono::NaiveDate;
use clap::{Args, ValueEnum};

use super::terminal;
use crate::contract::Catalog;
use crate::error::{Error, Result};
use crate::feed::Feed;
use crate::feed::write::Lost;
use crate::gallery::{self, Failure, Gallery, SOURCES};
use crate::sample::{self, Cadence, Format, Options, SampleError, Sink};
use crate::store::{Env, Put, Store};

#[derive(Debug, Args)]
pub struct SampleArgs {
    /// People at work in the first week
    #[arg(long, default_value_t = 300)]
    workers: u32,
    /// Weeks of history
    #[arg(long, default_value_t = 40)]
    weeks: u32,
    /// The same seed gives the same bytes on any machine
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where to write: a folder or an object-store URL
    #[arg(long)]
    out: String,
    /// Late, repeated, corrected and broken deliveries among the good ones
    #[arg(long)]
    dirt: bool,
    /// As untidy as real companies: rehires under new ids, accounts and leavers that vanish from lists, three LMS sites, exports in
    /// parts, days without times; with a job of its own, and the right figures in truth.json
    #[arg(long)]
    untidy: bool,
    /// Deliver it as these feeds read it, with a job: `--as workday_workers,moodle_log`; what they do not fill stays as it is
    #[arg(long = "as", value_name = "FEEDS", value_delimiter = ',', conflicts_with_all = ["dirt", "untidy"])]
    vendors: Vec<String>,
    /// Format of the activity export
    #[arg(long, value_enum, default_value = "csv-gz")]
    format: FormatArg,
    /// One file of each kind a week, or of the activity a day
    #[arg(long, value_enum, default_value = "weekly")]
    cadence: CadenceArg,
    /// About how many activity events; the default follows from the company
    #[arg(long)]
    events: Option<u64>,
    /// First day; by default such that the last week ends on 2026-03-29
    #[arg(long)]
    start: Option<NaiveDate>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    Csv,
    CsvGz,
    Ndjson,
    Parquet,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum CadenceArg {
    Daily,
    Weekly,
}

/// Files go to the store as they come.
struct StoreSink(Store);

impl Sink for StoreSink {
    type Error = crate::store::Error;

    fn put(&mut self, path: &str, bytes: bytes::Bytes) -> std::result::Result<(), Self::Error> {
        match self.0.put_new(path, bytes)? {
            Put::Created | Put::Same => Ok(()),
            Put::Different(_) => Err(crate::store::Error::new(
                crate::store::Kind::Conflict,
                "write",
                self.0.url(path),
                "another file is there already",
            )
            .hint("choose an empty place: a sample never replaces what it finds")),
        }
    }
}

pub fn sample(args: &SampleArgs, env: &Env) -> Result<u8> {
    let mut options = Options::new(args.workers, args.weeks, args.seed);
    options.dirt = args.dirt;
    options.untidy = args.untidy;
    options.events = args.events;
    options.format = match args.format {
        FormatArg::Csv => Format::Csv,
        FormatArg::CsvGz => Format::CsvGz,
        FormatArg::Ndjson => Format::Ndjson,
        FormatArg::Parquet => Format::Parquet,
    };
    options.cadence = match args.cadence {
        CadenceArg::Daily => Cadence::Daily,
        CadenceArg::Weekly => Cadence::Weekly,
    };
    if let Some(start) = args.start {
        options.start = start;
    }
    let mut sink = StoreSink(Store::open_or_create(&args.out, env)?);
    let bar = super::progress::counter();
    let progress = |bytes: u64| bar.set_message(format!("{} MB", bytes / 1_000_000));
    let failed = |error: SampleError<crate::store::Error>| match error {
        SampleError::Options(cause) => Error::usage(cause.to_string()),
        SampleError::Store { source, .. } => Error::from_store(&source),
        SampleError::Encode(cause) => Error::bug(format!("the sample cannot be encoded: {cause}")),
    };
    if args.vendors.is_empty() {
        let summary = sample::write(&options, &mut sink, &progress).map_err(failed)?;
        bar.finish_and_clear();
        terminal::json(&summary)?;
        return Ok(0);
    }
    let catalog = Catalog::load()?;
    let load = |name: &str| Ok(super::load::feed(name, None, &catalog)?.feed);
    let sources: Vec<Feed> = SOURCES.iter().map(|name| load(name)).collect::<Result<_>>()?;
    let chosen: Vec<Feed> = args.vendors.iter().map(|name| load(name)).collect::<Result<_>>()?;
    let refused = |error: gallery::GalleryError| {
        Error::usage(error.to_string())
            .hint("name shipped feeds of different tables: `uptake sample --as workday_workers,moodle_log`")
    };
    let gallery = Gallery::new(&catalog, &sources, &chosen).map_err(refused)?;
    let (summary, lost) = gallery::write(&gallery, &options, &mut sink, &progress).map_err(|error| match error {
        Failure::Sample(error) => failed(error),
        Failure::Gallery(error) => refused(error),
    })?;
    bar.finish_and_clear();
    let lines = |lost: &Lost| lost.lines().collect::<Vec<_>>();
    let lost: std::collections::BTreeMap<&String, Vec<String>> =
        lost.iter().map(|(feed, lost)| (feed, lines(lost))).collect();
    terminal::json(&Delivered { summary, cannot_carry: lost })?;
    Ok(0)
}

/// What was written, and by feed what its exports cannot carry.
#[derive(Debug, serde::Serialize)]
struct Delivered<'a> {
    #[serde(flatten)]
    summary: sample::Summary,
    cannot_carry: std::collections::BTreeMap<&'a String, Vec<String>>,
}
