//! `feed try`, `check` and `propose`: what the gate says of a file, what a feed file says, a first mapping for an unknown export.
//! Nothing is stored.

mod check;
mod list;

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Subcommand;

use super::{load, terminal};
use crate::contract::Catalog;
use crate::error::{Error, Result};
use crate::feed::propose::{Asked, propose};
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
    /// Judge a feed file alone, and show what it makes of which column
    Check {
        /// A feed file in feeds/ here, a shipped feed, or the path of a feed file
        feed: String,
        /// One JSON object on stdout
        #[arg(long)]
        json: bool,
    },
    /// Propose a feed file for an unknown export, to edit
    Propose {
        file: PathBuf,
        /// The canon table it fills; by default the one that fits best
        #[arg(long)]
        table: Option<String>,
        /// Where its clocks are, if they carry no offset: an IANA zone
        #[arg(long)]
        zone: Option<Tz>,
    },
    /// List the shipped feeds by vendor
    List {
        /// As the table of the README
        #[arg(long)]
        markdown: bool,
    },
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
        FeedCommand::Check { feed, json } => check::check(feed, *json),
        FeedCommand::Propose { file, table, zone } => {
            let bytes = load::read_bytes(file)?;
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let catalog = Catalog::load()?;
            let bytes = bytes::Bytes::from(bytes);
            let known = super::init::recognise::best(&name, &bytes, &catalog, zone.unwrap_or(Tz::UTC), now)?;
            let zone = zone.map(|zone| zone.name());
            let asked = Asked { table: table.as_deref(), zone, ..Asked::default() };
            let draft = propose(&name, &bytes, asked, &catalog).map_err(|cause| {
                Error::usage(format!("{name}: {cause}"))
                    .hint("propose reads CSV, NDJSON, JSON, Parquet and XLSX, plain or compressed")
            })?;
            terminal::data(&draft.text)?;
            if let Some(known) = known {
                terminal::say(&format!("{known}: try it first"));
            }
            if draft.names_accounts {
                terminal::say(
                    "the export also says who its accounts are: `--table users` drafts a feed for them, and each of the two names the other in `shares`",
                );
            }
            Ok(0)
        }
        FeedCommand::List { markdown } => list::list(*markdown),
    }
}
