//! `init`: a job for a landing area that nobody has described yet. Every object is recognised by a shipped feed or gets a draft of
//! one; what it writes is a job file and `feeds/` beside it, with a comment at each guess.
#![allow(
    clippy::disallowed_methods,
    reason = "the job and its feeds are written to the local disk, and this is where that is done"
)]

mod groups;
mod missing;
pub(super) mod recognise;

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use clap::Args;

use super::{load, terminal};
use crate::contract::{Catalog, words};
use crate::error::{Error, Result};
use crate::store::{Env, Store};

use groups::Group;
use recognise::{Found, Recognised};

#[derive(Debug, Args)]
pub struct InitArgs {
    /// Where the deliveries lie: a folder or an object-store URL
    #[arg(default_value = "landing")]
    landing: String,
    /// The folder for job.toml and feeds/
    #[arg(long, default_value = ".")]
    folder: PathBuf,
    /// Where the tables will go
    #[arg(long, default_value = "lake")]
    lake: String,
    /// The zone in which a day is a day, and in which clocks without an offset are read
    #[arg(long, default_value = "UTC")]
    zone: Tz,
    /// Replace a job.toml and feeds that are there
    #[arg(long)]
    force: bool,
}

pub fn init(args: &InitArgs, env: &Env, now: DateTime<Utc>) -> Result<u8> {
    let job = args.folder.join("job.toml");
    if job.exists() && !args.force {
        return Err(Error::usage(format!("{} is there already", job.display()))
            .hint("--force replaces it and the feeds that init would write; --folder takes another folder"));
    }
    let catalog = Catalog::load()?;
    let store = Store::open(&args.landing, env)?;
    let objects = store.list("").map_err(|cause| Error::from_store(&cause))?;
    if objects.is_empty() {
        return Err(Error::usage(format!("there is nothing under {}", args.landing)).hint(
            "init looks at real deliveries: put a file of each export there, or take `uptake sample` for a first look",
        ));
    }
    let groups = groups::of(&objects);
    let shipped = recognise::shipped(&catalog)?;
    let mut found: Vec<(Group, Found)> = Vec::new();
    for group in groups {
        let bytes = store.get(&group.newest).map_err(|cause| Error::from_store(&cause))?;
        let recognised = recognise::of(&group, &bytes, &shipped, &catalog, args.zone, now);
        found.push((group, recognised));
    }
    recognise::name_feeds(&mut found, &catalog);
    let feeds: Vec<&Recognised> =
        found.iter().flat_map(|(_, found)| &found.feeds).filter(|feed| !feed.is_merged).collect();
    let has_key = [load::KEY, load::KEY_FILE].iter().any(|name| env.get(name).is_some());
    write(args, &job, &feeds, has_key)?;
    say(args, &job, &found, &feeds, &catalog)
}

/// Writes the job and its feeds. What is there is replaced only by force, and nothing else is touched.
fn write(args: &InitArgs, job: &Path, feeds: &[&Recognised], has_key: bool) -> Result<()> {
    let folder = args.folder.join("feeds");
    let own: Vec<(PathBuf, &str)> = feeds
        .iter()
        .filter_map(|feed| Some((folder.join(format!("{}.toml", feed.name)), feed.text.as_deref()?)))
        .collect();
    if let Some((path, _)) = own.iter().find(|(path, _)| path.exists() && !args.force) {
        return Err(Error::usage(format!("{} is there already", path.display())).hint("--force replaces it"));
    }
    let put = |path: &Path, text: &str| {
        std::fs::write(path, text).map_err(|cause| {
            Error::usage(format!("cannot write {}: {cause}", path.display()))
                .hint("choose a folder that may be written to")
        })
    };
    if !own.is_empty() || !args.folder.exists() {
        std::fs::create_dir_all(if own.is_empty() { &args.folder } else { &folder }).map_err(|cause| {
            Error::usage(format!("cannot make {}: {cause}", folder.display()))
                .hint("choose a folder that may be written to")
        })?;
    }
    for (path, text) in own {
        put(&path, text)?;
    }
    put(job, &job_file(args, feeds, has_key))
}

/// A place as the job file has to write it: relative paths start at the job file.
fn place(args: &InitArgs, place: &str) -> String {
    let is_here = args.folder.as_os_str().is_empty() || args.folder == Path::new(".");
    if place.contains("://") || is_here || Path::new(place).is_absolute() {
        return place.to_owned();
    }
    let absolute = std::path::absolute(place).unwrap_or_else(|_| PathBuf::from(place));
    absolute.display().to_string()
}

/// With a key at hand ids of people become pseudonyms, as jobs without another word do.
fn job_file(args: &InitArgs, feeds: &[&Recognised], has_key: bool) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut text =
        String::from("# Written by `uptake init`. Every line may be changed; jobs/README.md tells all keys.\n");
    text += "name    = \"first\"\n";
    text += &format!("landing = {}\n", quoted(&place(args, &args.landing)));
    text += &format!("lake    = {}\n", quoted(&place(args, &args.lake)));
    text += "feeds   = [\n";
    for feed in feeds {
        let out = if feed.is_refused { "# " } else { "" };
        let comment = if feed.is_refused { "   # refused as it is, see what init said" } else { &feed.comment };
        text += &format!("    {out}{},{comment}\n", quoted(&feed.name));
    }
    text += "]\nmarts   = \"all\"\n";
    text += &format!("zone    = {}   # in which a day is a day\n\n", quoted(args.zone.name()));
    if has_key {
        text += "pseudonyms = \"on\"   # with the key in the environment\n";
        return text;
    }
    text += "# Ids of people are stored as they come. Before real people are read: make a key with `openssl rand -hex 32`, set\n";
    text += "# UPTAKE_PSEUDONYM_KEY to it, and take this line out.\n";
    text += "pseudonyms = \"off\"\n";
    text
}

fn say(args: &InitArgs, job: &Path, found: &[(Group, Found)], feeds: &[&Recognised], catalog: &Catalog) -> Result<u8> {
    let mut rows = Vec::new();
    for (group, found) in found {
        for feed in &found.feeds {
            let how = if feed.text.is_none() {
                "shipped"
            } else if feed.is_draft {
                "drafted"
            } else {
                "shipped, path changed"
            };
            rows.push(vec![
                group.pattern.clone(),
                format!("{} ({how})", feed.name),
                feed.table.clone(),
                feed.readable.clone(),
                if feed.is_refused { format!("left out of the job: {}", feed.remark) } else { feed.remark.clone() },
            ]);
        }
        if found.feeds.is_empty() {
            rows.push(vec![group.pattern.clone(), "-".into(), "-".into(), "-".into(), found.why_none.clone()]);
        }
    }
    let mut text = terminal::table(&["object", "feed", "table", "rows readable", "look at"], &rows);
    text.push('\n');
    let read: Vec<&Recognised> = feeds.iter().copied().filter(|feed| !feed.is_refused).collect();
    text += &missing::of(&read, catalog);
    let drafts = feeds.iter().filter(|feed| feed.is_draft).count();
    if drafts > 0 {
        let folder = args.folder.join("feeds");
        text += &format!(
            "{} in {}: read {} before you trust a figure.\n",
            words::count(drafts as u64, "draft"),
            folder.display(),
            if drafts == 1 { "it" } else { "them" }
        );
    }
    text += &format!("\nnext: uptake run {}\n", job.display());
    terminal::data(&text)?;
    Ok(0)
}
