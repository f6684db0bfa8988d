//! `feed try` and `feed propose`: what the gate says of a file, and a first mapping for an unknown one. Nothing is stored.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Subcommand;

use super::{load, terminal};
use crate::contract::Catalog;
use crate::error::{Error, Result};
use crate::feed::{self, Pseudonyms};
use crate::store::Env;

#[derive(Debug, Subcommand)]
pub enum FeedCommand {
    /// Read files through a feed's gate and say what it accepts and refuses
    Try {
        /// A feed file in feeds/ here, a shipped feed, or the path of a feed file
        feed: String,
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// The instant or day the files are judged on; the default is now
        #[arg(long)]
        as_of: Option<String>,
        /// The reporting zone of the job the files are for, in which days are read
        #[arg(long, default_value = "UTC")]
        zone: Tz,
        /// One JSON object a file on stdout
        #[arg(long)]
        json: bool,
    },
    /// Propose a feed file for an unknown export, to edit
    Propose { file: PathBuf },
    /// List the shipped feeds
    List,
}

pub fn feed(command: &FeedCommand, _env: &Env, now: DateTime<Utc>) -> Result<u8> {
    match command {
        FeedCommand::Try { feed, files, as_of, zone, json } => {
            let catalog = Catalog::load()?;
            let loaded = load::feed(feed, Some(Path::new("")), &catalog)?;
            let as_of = as_of.as_deref().map_or(Ok(now), |text| super::instant(text, chrono_tz::UTC))?;
            let table = catalog.require(&loaded.feed.fills)?;
            let contents = files
                .iter()
                .map(|path| Ok((path.display().to_string(), bytes::Bytes::from(load::read_bytes(path)?))))
                .collect::<Result<Vec<_>>>()?;
            let reports = feed::try_files::try_files_in(*zone, &loaded.feed, table, as_of, &Pseudonyms::Off, &contents);
            let refused = reports.iter().any(|report| report.refused.is_some());
            for report in &reports {
                if *json {
                    terminal::json(report)?;
                } else {
                    terminal::data(&report.to_string())?;
                }
            }
            Ok(if refused { 3 } else { 0 })
        }
        FeedCommand::Propose { file } => {
            let bytes = load::read_bytes(file)?;
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let proposal = feed::propose::propose(&name, &bytes.into(), &Catalog::load()?).map_err(|cause| {
                Error::usage(format!("{name}: {cause}"))
                    .hint("propose reads CSV, NDJSON, JSON arrays and Parquet, plain or compressed")
            })?;
            terminal::data(&proposal)?;
            Ok(0)
        }
        FeedCommand::List => {
            let mut names: Vec<String> = load::shipped_feeds().collect();
            names.sort();
            terminal::data(&format!("{}\n", names.join("\n")))?;
            Ok(0)
        }
    }
}
