//! What every command starts from: the contracts, the job file, its feeds and its stores.
#![allow(
    clippy::disallowed_methods,
    reason = "job and feed files lie on the local disk, and this is where they are read"
)]

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

use crate::contract::{Catalog, Partition};
use crate::error::{Error, Result};
use crate::feed::{Feed, Nulls, Pseudonyms};
use crate::job::Job;
use crate::pipeline::LoadedFeed;
use crate::store::{Env, Store};

/// The feeds that ship with the product.
static FEEDS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/schemas/feed");

/// The environment variable that holds the key of the pseudonyms, and the one that names a file with it.
pub const KEY: &str = "UPTAKE_PSEUDONYM_KEY";
pub const KEY_FILE: &str = "UPTAKE_PSEUDONYM_KEY_FILE";

/// A job with everything it names.
pub struct Loaded {
    pub catalog: Catalog,
    pub job: Job,
    pub feeds: Vec<LoadedFeed>,
    pub landing: Store,
    pub lake: Store,
    pub pseudonyms: Pseudonyms,
}

/// Reads the job file, its feeds and the key, and opens both stores. `out` replaces the job's lake.
pub fn load(path: &Path, env: &Env, out: Option<&str>) -> Result<Loaded> {
    let catalog = Catalog::load()?;
    let job = job(path, &catalog)?;
    let feeds = job.feeds.iter().map(|name| feed(name, Some(&job.folder), &catalog)).collect::<Result<Vec<_>>>()?;
    crate::feed::completes::check(feeds.iter().map(|loaded| &loaded.feed)).map_err(|what| {
        Error::usage(what).hint(
            "`completes` names the feed that says who is employed; list both under feeds, and let one feed alone complete a column",
        )
    })?;
    let pseudonyms = pseudonyms(&job, env)?;
    let landing = Store::open(&job.landing, env)?;
    let lake = Store::open_or_create(out.unwrap_or(&job.lake), env)?;
    Ok(Loaded { catalog, job, feeds, landing, lake, pseudonyms })
}

pub fn job(path: &Path, catalog: &Catalog) -> Result<Job> {
    let text = read(path, "the job file")?;
    let attached = |path: &Path| std::fs::read_to_string(path).map_err(|cause| cause.to_string());
    Job::parse(path, &text, catalog, &attached).map_err(|error| Error::usage(error.to_string()).hint(error.hint))
}

/// A feed by the name of a shipped one, of a file in `feeds/` beside the job, or by path.
pub fn feed(name: &str, folder: Option<&Path>, catalog: &Catalog) -> Result<LoadedFeed> {
    let beside = folder.map(|folder| {
        if name.ends_with(".toml") { folder.join(name) } else { folder.join("feeds").join(format!("{name}.toml")) }
    });
    let (stem, text) = match beside.or_else(|| name.ends_with(".toml").then(|| PathBuf::from(name))) {
        Some(path) if name.ends_with(".toml") || path.exists() => {
            let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            (stem, read(&path, "the feed file")?)
        }
        _ => {
            let text = shipped_text(name).ok_or_else(|| {
                let names: Vec<String> = shipped_feeds().collect();
                Error::usage(format!("there is no feed `{name}`")).hint(format!(
                    "shipped feeds are {}; your own go into feeds/ beside the job file, or give a path ending in .toml",
                    names.join(", ")
                ))
            })?;
            (name.to_owned(), text.to_owned())
        }
    };
    let feed = Feed::parse(&stem, &text, catalog)
        .map_err(|error| Error::usage(error.to_string()).hint("schemas/feed/ holds working examples to copy from"))?;
    if feed.nulls_mean == Nulls::Keep && catalog.require(&feed.fills)?.partition == Partition::Day {
        return Err(Error::usage(format!(
            "feed {stem}: nulls_mean = \"keep\" is for tables of things that change, not for events"
        ))
        .hint("leave nulls_mean out: an event is stated whole"));
    }
    let hash = hex::encode(&Sha256::digest(text.as_bytes())[..8]);
    Ok(LoadedFeed { feed, hash })
}

/// The names of the shipped feeds.
pub fn shipped_feeds() -> impl Iterator<Item = String> {
    FEEDS.files().filter_map(|file| Some(file.path().to_str()?.strip_suffix(".toml")?.to_owned()))
}

/// The text of a shipped feed.
pub fn shipped_text(name: &str) -> Option<&'static str> {
    FEEDS.get_file(format!("{name}.toml")).and_then(|file| file.contents_utf8())
}

/// The key of the pseudonyms, from the environment.
pub fn pseudonyms(job: &Job, env: &Env) -> Result<Pseudonyms> {
    let Some(epoch) = &job.pseudonym_epoch else {
        super::terminal::say("warning: pseudonyms are off; ids of people are stored as they were delivered");
        return Ok(Pseudonyms::Off);
    };
    let key = match (env.get(KEY), env.get(KEY_FILE)) {
        (Some(key), _) => key.as_bytes().to_vec(),
        (None, Some(path)) => read(Path::new(path), "the pseudonym key")?.trim_end().as_bytes().to_vec(),
        (None, None) => {
            return Err(Error::usage(format!("the job uses pseudonyms, but neither {KEY} nor {KEY_FILE} is set"))
                .hint("make a key with `openssl rand -hex 32`, keep it outside the bucket; or say pseudonyms = \"off\" for data that are not personal"));
        }
    };
    Pseudonyms::keyed(&key, epoch)
        .map_err(|error| Error::usage(error.to_string()).hint("make one with `openssl rand -hex 32`"))
}

/// Reads a local text file.
pub fn read(path: &Path, what: &str) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|cause| Error::usage(format!("cannot read {what} {}: {cause}", path.display())).hint("check the path"))
}

/// Reads a local file whole.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path)
        .map_err(|cause| Error::usage(format!("cannot read {}: {cause}", path.display())).hint("check the path"))
}
