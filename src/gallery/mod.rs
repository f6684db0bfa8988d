//! The invented company in the shape of any feed: what its systems export is read by the feeds they are written for, and told again
//! as the chosen feeds want it. The company, and all that may be computed of it, is the same whatever the vendors are, but for what
//! an export cannot carry.
//!
//! There is no code for a vendor: [`crate::feed::write`] turns a feed's mapping around.

mod retold;

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use bytes::Bytes;
use chrono::TimeZone;
use chrono_tz::Tz;

use crate::contract::{Catalog, Table};
use crate::feed::write::{Entry, Lost, Unwritable, entries};
use crate::feed::{self, Context, Delivery, Feed, Mode, Pseudonyms, Stop};
use crate::period::{Day, date_of, day_of};
use crate::sample::{self, Options, SampleError, Sink, Summary};

pub use retold::{Retold, retell};

/// The zone of the company's job.
pub const ZONE: Tz = Tz::Europe__Berlin;

/// The shipped feeds that read what the company delivers, those first that say more of a path.
pub const SOURCES: [&str; 17] = [
    "workday_workers",
    "cornerstone_transcript",
    "xapi_statements",
    "canonical_activity",
    "canonical_content",
    "canonical_contributions",
    "canonical_enrollments",
    "canonical_events",
    "canonical_identity_links",
    "canonical_measures",
    "canonical_milestones",
    "canonical_org_units",
    "canonical_reactions",
    "canonical_rubric_scores",
    "canonical_submissions",
    "canonical_users",
    "canonical_workers",
];

/// Texts are read for their signatures and not kept, so what brings them cannot be told again and stays as it is.
const AS_THEY_ARE: &str = "reviews/contributions_";

/// Why a company cannot be delivered so.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GalleryError {
    #[error(transparent)]
    Unwritable(#[from] Unwritable),
    #[error("{one} and {other} both fill {table}: a company exports each table once")]
    TwoFeeds { one: String, other: String, table: String },
    #[error("{one} and {other} read the same objects, which are not yet written together: name one of them")]
    Shares { one: String, other: String },
    #[error("{path} is read by {one} and by {other}")]
    TwoReaders { path: String, one: String, other: String },
    #[error("the company delivers {path}, and its own feed does not read it: {what}")]
    Unread { path: String, what: String },
}

/// The days of a table, each with the rows told on it.
pub type Days = BTreeMap<Day, Vec<Entry>>;

/// What chosen feeds take over of a company's deliveries.
pub struct Gallery<'a> {
    catalog: &'a Catalog,
    /// The feeds of [`SOURCES`].
    sources: &'a [Feed],
    chosen: Vec<&'a Feed>,
}

/// Deliveries that are to be told again, and the feeds of those that stay as they are.
#[derive(Debug, Default)]
pub struct Staged {
    /// By table, day and path.
    rows: BTreeMap<String, BTreeMap<(Day, String), Vec<Entry>>>,
    modes: BTreeMap<String, Mode>,
    /// The paths that stay, below the landing area, with the feed that reads each.
    kept: BTreeMap<String, String>,
}

/// A company told again.
#[derive(Debug, Default)]
pub struct Told {
    /// Objects of the landing area.
    pub files: BTreeMap<String, Bytes>,
    /// The feeds of its job.
    pub feeds: Vec<String>,
    /// What the exports of each chosen feed cannot carry.
    pub lost: BTreeMap<String, Lost>,
    /// What they do carry: by table the rows of each export, as the gate reads them.
    pub carried: BTreeMap<String, (Mode, Days)>,
}

impl<'a> Gallery<'a> {
    /// # Errors
    /// Two of the chosen feeds fill one table, or read the same objects.
    pub fn new(catalog: &'a Catalog, sources: &'a [Feed], chosen: &'a [Feed]) -> Result<Gallery<'a>, GalleryError> {
        for (at, feed) in chosen.iter().enumerate() {
            if let Some(other) = chosen[..at].iter().find(|other| other.fills == feed.fills) {
                let (one, other, table) = (other.name.clone(), feed.name.clone(), feed.fills.clone());
                return Err(GalleryError::TwoFeeds { one, other, table });
            }
            if let Some(other) = chosen[..at].iter().find(|other| feed.shares.contains(&other.name)) {
                return Err(GalleryError::Shares { one: other.name.clone(), other: feed.name.clone() });
            }
        }
        // Whoever writes other rows where the company's own export lies tells that export in the canon's names.
        let mut all: Vec<&Feed> = chosen.iter().collect();
        let own = sources.iter().filter(|source| chosen.iter().any(|feed| feed.shares.contains(&source.name)));
        for source in own.filter(|source| chosen.iter().all(|feed| feed.fills != source.fills)) {
            let name = format!("canonical_{}", source.fills);
            all.extend(sources.iter().find(|feed| feed.name == name));
        }
        Ok(Gallery { catalog, sources, chosen: all })
    }

    fn table(&self, feed: &Feed) -> Option<&'a Table> {
        self.catalog.table(&feed.fills)
    }

    /// Takes a delivery of the company's if a chosen feed is to tell it; gives it back if it stays as it is.
    ///
    /// # Errors
    /// The feed it is written for does not read it.
    pub fn stage(&self, staged: &mut Staged, path: &str, bytes: Bytes) -> Result<Option<Bytes>, GalleryError> {
        let source = self.sources.iter().find_map(|feed| Some((feed, feed.place(path)?)));
        let Some((source, place)) = source else { return Ok(Some(bytes)) };
        let is_chosen = self.chosen.iter().any(|feed| feed.fills == source.fills);
        let (Some(table), Some(dated)) = (self.table(source), place.dated) else { return Ok(Some(bytes)) };
        let day = day_of(dated.local.date());
        if !is_chosen || path.starts_with(AS_THEY_ARE) {
            // A list of nothing is refused as damaged. Small companies have some, and whoever has nothing to list sends none.
            if source.mode == Mode::Full && read(source, table, path, day, &bytes)?.is_empty() {
                return Ok(None);
            }
            staged.kept.insert(path.to_owned(), source.name.clone());
            return Ok(Some(bytes));
        }
        let rows = read(source, table, path, day, &bytes)?;
        staged.modes.insert(table.name.clone(), source.mode);
        staged.rows.entry(table.name.clone()).or_default().insert((day, path.to_owned()), rows);
        Ok(None)
    }

    /// Tells what was staged as the chosen feeds want it.
    ///
    /// # Errors
    /// A feed's exports cannot be written, or two feeds of the job read the same object.
    pub fn tell(&self, staged: Staged) -> Result<Told, GalleryError> {
        let mut told = Told::default();
        for feed in &self.chosen {
            let Some(table) = self.table(feed) else { continue };
            let mut days = Days::new();
            for ((day, _), rows) in staged.rows.get(&table.name).into_iter().flatten() {
                days.entry(*day).or_default().extend(rows.iter().cloned());
            }
            let mode = staged.modes.get(&table.name).copied().unwrap_or(feed.mode);
            let Retold { files, lost, carried } = retell(feed, table, (mode, &days))?;
            told.lost.insert(feed.name.clone(), lost);
            told.carried.insert(table.name.clone(), (feed.mode, carried));
            // A company too young for something has no exports of it.
            told.feeds.extend((!files.is_empty()).then(|| feed.name.clone()));
            told.files.extend(files);
        }
        for name in staged.kept.values() {
            if !told.feeds.contains(name) {
                told.feeds.push(name.clone());
            }
        }
        self.each_has_one_reader(&told, &staged)?;
        Ok(told)
    }

    /// An object that two feeds of the job read would be nobody's.
    fn each_has_one_reader(&self, told: &Told, staged: &Staged) -> Result<(), GalleryError> {
        let feeds: Vec<&Feed> =
            self.chosen.iter().copied().chain(self.sources).filter(|feed| told.feeds.contains(&feed.name)).collect();
        for path in told.files.keys().chain(staged.kept.keys()) {
            let mut readers = feeds.iter().filter(|feed| feed.recognise(path).is_some()).map(|feed| feed.name.clone());
            let one = readers.next();
            if let Some((one, other)) = one.and_then(|one| Some((one.clone(), readers.find(|other| *other != one)?))) {
                return Err(GalleryError::TwoReaders { path: path.clone(), one, other });
            }
        }
        Ok(())
    }
}

/// The rows of one of the company's deliveries.
fn read(feed: &Feed, table: &Table, path: &str, day: Day, bytes: &Bytes) -> Result<Vec<Entry>, GalleryError> {
    let midnight = |day: Day| Tz::UTC.from_utc_datetime(&date_of(day).and_time(chrono::NaiveTime::MIN)).to_utc();
    let (feed_name, size) = (feed.name.clone(), bytes.len() as u64);
    let delivery = Delivery { feed: feed_name, path: path.to_owned(), size, etag: None, known_at: midnight(day) };
    let context = Context::new(table, midnight(day + 1), &Pseudonyms::Off).in_zone(ZONE);
    let mut rows = Vec::new();
    let mut sink = |batch: RecordBatch| {
        rows.extend(entries(table, &batch));
        Ok::<(), std::convert::Infallible>(())
    };
    match feed::read(feed, &context, &delivery, bytes, &mut sink) {
        Ok(_) => Ok(rows),
        Err(Stop::Refused(refusal)) => Err(GalleryError::Unread { path: path.to_owned(), what: refusal.sentence() }),
    }
}

/// Where a sample's deliveries lie.
const LANDING: &str = "landing/";

/// Deliveries on their way: those that a chosen feed tells are held back.
struct Sorting<'g, 'a, S> {
    gallery: &'g Gallery<'a>,
    sink: &'g mut S,
    staged: Staged,
    failed: Option<GalleryError>,
}

impl<S: Sink> Sink for Sorting<'_, '_, S> {
    type Error = S::Error;

    fn put(&mut self, path: &str, bytes: Bytes) -> Result<(), S::Error> {
        let Some(inner) = path.strip_prefix(LANDING) else { return self.sink.put(path, bytes) };
        match self.gallery.stage(&mut self.staged, inner, bytes) {
            Ok(Some(bytes)) => self.sink.put(path, bytes),
            Ok(None) => Ok(()),
            Err(error) => {
                self.failed.get_or_insert(error);
                Ok(())
            }
        }
    }
}

/// Why a company was not written.
#[derive(Debug, thiserror::Error)]
pub enum Failure<E> {
    #[error(transparent)]
    Sample(#[from] SampleError<E>),
    #[error(transparent)]
    Gallery(#[from] GalleryError),
}

/// Writes a company as [`sample::write`] does, what the chosen feeds fill in their shape, with a job that reads all of it.
///
/// # Errors
/// The company cannot be written, or not so.
pub fn write<S: Sink>(
    gallery: &Gallery<'_>,
    options: &Options,
    sink: &mut S,
    progress: &dyn Fn(u64),
) -> Result<(Summary, BTreeMap<String, Lost>), Failure<S::Error>> {
    let mut sorting = Sorting { gallery, sink, staged: Staged::default(), failed: None };
    let summary = sample::write(options, &mut sorting, progress)?;
    let Sorting { sink, staged, failed, .. } = sorting;
    if let Some(error) = failed {
        return Err(error.into());
    }
    let told = gallery.tell(staged)?;
    let mut put = |path: String, bytes: Bytes| {
        sink.put(&path, bytes).map_err(|source| Failure::Sample(SampleError::Store { path: path.clone(), source }))
    };
    let job = job(&told.feeds);
    for (path, bytes) in told.files {
        put(format!("{LANDING}{path}"), bytes)?;
    }
    put("job.toml".to_owned(), Bytes::from(job))?;
    Ok((summary, told.lost))
}

/// The job that reads a company told so.
pub fn job(feeds: &[String]) -> String {
    let feeds: Vec<String> = feeds.iter().map(|name| format!("    \"{name}\",\n")).collect();
    format!(
        "# Halden & Ruck, an invented company, as these feeds read it.\n\
         name    = \"sample\"\n\
         landing = \"landing\"\n\
         lake    = \"out\"\n\
         zone    = \"{}\"\n\
         feeds   = [\n{}]\n\
         \n\
         # Nobody here exists. A job over real people leaves these two lines out.\n\
         pseudonyms     = \"off\"\n\
         synthetic_data = true\n\
         \n\
         [policy]\n\
         smallest_group = 5\n",
        ZONE.name(),
        feeds.concat(),
    )
}
