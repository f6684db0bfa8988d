//! `report`: one self-contained web page over what is published. It opens from disk and asks the network for nothing.
//!
//! Every number stands in a table of the page itself, with its full value and the key of its row; charts are drawn over those
//! tables by a library that ships inside the page. The same lake gives the same bytes.

mod adoption;
mod effects;
mod html;
mod page;
mod quality;
mod ratings;
mod scorecard;

use clap::Args;
use maud::Markup;

use super::published::Published;
use super::terminal;
use crate::error::{Error, Result};
use crate::store::Env;

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The job file
    job: std::path::PathBuf,
    /// The folder to write index.html into; made where it is missing
    #[arg(long)]
    out: std::path::PathBuf,
    /// Look into this lake instead of the job's
    #[arg(long)]
    lake: Option<String>,
}

/// A part of the page.
struct Section {
    id: &'static str,
    title: &'static str,
    body: Markup,
    charts: Vec<Chart>,
}

/// A chart: what to draw and the points to draw it from, as src/cli/report/charts.js reads them.
#[derive(Debug, serde::Serialize)]
struct Chart {
    id: String,
    kind: &'static str,
    /// What a screen reader says of the picture; the table behind it says the rest.
    label: String,
    /// Anything the kind of chart needs beside its points.
    #[serde(flatten)]
    more: serde_json::Map<String, serde_json::Value>,
    points: Vec<serde_json::Value>,
}

#[allow(clippy::disallowed_methods, reason = "the page is a file on the local disk, and this is where it is written")]
pub fn report(args: &ReportArgs, env: &Env) -> Result<u8> {
    let published = Published::open(&args.job, args.lake.as_deref(), env)?;
    let sections = [
        scorecard::section(&published)?,
        adoption::section(&published)?,
        effects::section(&published)?,
        ratings::section(&published)?,
        quality::section(&published)?,
    ];
    let text = page::page(&published, &sections)?;
    let path = args.out.join("index.html");
    std::fs::create_dir_all(&args.out).and_then(|()| std::fs::write(&path, text)).map_err(|cause| {
        Error::usage(format!("cannot write {}: {cause}", path.display())).hint("choose another --out")
    })?;
    terminal::data(&format!("{}\n", path.display()))?;
    Ok(0)
}
