//! A lake and a landing area, driven as a user would: deliver files, run the job, read what was published.
//!
//! `UPTAKE_TEST_WORLD` says where they lie: `memory` (default), `disk`, or `s3` with `UPTAKE_TEST_S3=s3://bucket/prefix` and the
//! credentials under object_store's own names.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use chrono::{DateTime, NaiveDate, Utc};
use tempfile::TempDir;
use uptake::contract::Catalog;
use uptake::feed::{Feed, Pseudonyms};
use uptake::job::Job;
use uptake::ledger::Entry;
use uptake::mart::Reads;
use uptake::mart::leader_post_effects::{self, Evidence};
use uptake::period::Day;
use uptake::pipeline::{self, Backfill, Context, LoadedFeed, Memory, Rebuild, Report};
use uptake::publish::commit::{self, Commit, hex_sha256};
use uptake::publish::parquet;
use uptake::store::{Env, Store};

/// Feeds that take the canon's own column names.
pub const CANONICAL: [&str; 9] = [
    "canonical_workers",
    "canonical_org_units",
    "canonical_users",
    "canonical_identity_links",
    "canonical_content",
    "canonical_enrollments",
    "canonical_activity",
    "canonical_contributions",
    "canonical_reactions",
];

/// What a job file says, in parts that a test replaces.
#[derive(Clone)]
pub struct Setup {
    pub feeds: Vec<&'static str>,
    /// Keys above the first table.
    pub top: &'static str,
    pub policy: &'static str,
    /// Feeds without which a run may publish; `None` is all.
    pub missing: Option<Vec<&'static str>>,
    pub refused: Vec<&'static str>,
    /// More keys of `[tolerate]`.
    pub tolerate: &'static str,
    /// Feed files beside the job: name and text.
    pub own_feeds: Vec<(&'static str, &'static str)>,
}

impl Default for Setup {
    /// Everything is shown as it is: the guard has tests of its own.
    fn default() -> Setup {
        Setup {
            feeds: CANONICAL.to_vec(),
            top: "zone = \"Europe/Berlin\"\npseudonyms = \"off\"\nsynthetic_data = true",
            policy: "smallest_group = 1\nsmallest_group_manager = 1\nrounding = 1",
            missing: None,
            refused: Vec::new(),
            tolerate: "",
            own_feeds: Vec::new(),
        }
    }
}

/// A row as text by column; an empty text is null.
pub type Row = BTreeMap<String, String>;

/// Path of a data file (which names its hash) to its whole hash.
pub type FileMap = BTreeMap<String, String>;

pub struct World {
    pub setup: Setup,
    pub folder: TempDir,
    pub landing: Store,
    pub lake: Store,
    landing_url: String,
    pub lake_url: String,
    pub env: Env,
}

/// Where a world's stores lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Memory,
    Disk,
    S3,
}

impl Kind {
    fn chosen() -> Kind {
        match std::env::var("UPTAKE_TEST_WORLD").as_deref() {
            Ok("disk") => Kind::Disk,
            Ok("s3") => Kind::S3,
            _ => Kind::Memory,
        }
    }
}

/// The bucket that tests may write to; says so where there is none.
#[allow(clippy::print_stderr, reason = "a skipped test says why")]
pub fn s3() -> Option<String> {
    let url = std::env::var("UPTAKE_TEST_S3").ok();
    if url.is_none() {
        eprintln!("skipped: UPTAKE_TEST_S3 names no bucket");
    }
    url
}

impl World {
    pub fn new() -> World {
        World::with(Setup::default())
    }

    pub fn with(setup: Setup) -> World {
        World::at(Kind::chosen(), setup).expect("UPTAKE_TEST_WORLD=s3 needs UPTAKE_TEST_S3")
    }

    /// A world on a kind of store; `None` where there is no bucket.
    pub fn at(kind: Kind, setup: Setup) -> Option<World> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("world-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = TempDir::new().expect("a folder");
        let env = Env::new(std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")));
        let place = |part: &str| match kind {
            Kind::Memory => Some(format!("memory://{name}/{part}")),
            Kind::Disk => Some(format!("file://{}", folder.path().join(part).display())),
            Kind::S3 => Some(format!("{}/{name}/{part}", s3()?.trim_end_matches('/'))),
        };
        let (landing_url, lake_url) = (place("landing")?, place("lake")?);
        let landing = Store::open_or_create(&landing_url, &env).expect("a landing area");
        let lake = Store::open_or_create(&lake_url, &env).expect("a lake");
        let world = World { setup, folder, landing, lake, landing_url, lake_url, env };
        world.write_job(&world.setup);
        Some(world)
    }

    /// Writes the job file and the feed files beside it.
    pub fn write_job(&self, setup: &Setup) {
        std::fs::write(self.job_path(), self.job_text(setup)).expect("the job file");
        for (name, text) in &setup.own_feeds {
            let feeds = self.folder.path().join("feeds");
            std::fs::create_dir_all(&feeds).expect("a folder");
            std::fs::write(feeds.join(format!("{name}.toml")), text).expect("a feed file");
        }
    }

    pub fn job_path(&self) -> PathBuf {
        self.folder.path().join("job.toml")
    }

    fn job_text(&self, setup: &Setup) -> String {
        let missing = setup.missing.clone().unwrap_or_else(|| setup.feeds.clone());
        format!(
            "name = \"test\"\nlanding = {:?}\nlake = {:?}\nfeeds = {:?}\n{}\n[policy]\n{}\n[tolerate]\nmissing_feeds = {missing:?}\nrefused_feeds = {:?}\n{}\n",
            self.landing_url, self.lake_url, setup.feeds, setup.top, setup.policy, setup.refused, setup.tolerate
        )
    }

    /// Puts a file into the landing area; one of the same name is replaced.
    pub fn deliver(&self, path: &str, text: impl AsRef<[u8]>) {
        self.landing.delete(path).expect("room for a delivery");
        self.landing.put_new(path, Bytes::copy_from_slice(text.as_ref())).expect("a delivery");
    }

    /// The program with these words; `JOB` stands for the job file. Gives the exit code.
    pub fn uptake(&self, words: &str) -> u8 {
        let job = self.job_path().display().to_string();
        let words = words.split_whitespace().map(|word| if word == "JOB" { &job } else { word }.to_owned());
        uptake::cli::main(
            std::iter::once("uptake".to_owned()).chain(words).map(Into::into),
            &self.env,
            instant("2030-01-01"),
        )
    }

    /// The program in a process of its own, for what it prints. Needs stores that outlive this process's memory.
    pub fn process(&self, words: &str) -> std::process::Output {
        let job = self.job_path().display().to_string();
        let words = words.split_whitespace().map(|word| if word == "JOB" { job.as_str() } else { word });
        std::process::Command::new(env!("CARGO_BIN_EXE_uptake")).args(words).output().expect("the program")
    }

    /// A nightly as of the first moment of a day; a failure ends the test.
    pub fn nightly(&self, as_of: &str) -> Report {
        self.run(&How { as_of: instant(as_of), ..How::default() })
            .unwrap_or_else(|error| panic!("nightly {as_of}: {error} {:?}", error.hint))
    }

    /// What `run` and `backfill` do, with the report.
    pub fn run(&self, how: &How<'_>) -> uptake::error::Result<Report> {
        self.with_context(how, pipeline::run)
    }

    /// What `plan` says that a run would do: the same code, writing nothing.
    pub fn plan(&self, how: &How<'_>) -> uptake::error::Result<Report> {
        self.with_context(how, |context| {
            pipeline::run(&Context {
                dry_run: true,
                backfill: context.backfill.clone(),
                rebuild: context.rebuild.clone(),
                ..*context
            })
        })
    }

    /// What is behind a leader effect, as of a day.
    pub fn evidence(&self, as_of: &str, outcome: &str, kind: &str) -> Option<Evidence> {
        let how = How { as_of: instant(as_of), ..How::default() };
        let look = |facts: &Reads<'_>| leader_post_effects::evidence(facts, outcome, kind);
        self.with_context(&how, |context| pipeline::derive::look(context, &leader_post_effects::TABLE, look))
            .expect("evidence")
    }

    fn with_context<T>(
        &self,
        how: &How<'_>,
        act: impl Fn(&Context<'_>) -> uptake::error::Result<T>,
    ) -> uptake::error::Result<T> {
        let catalog = Catalog::load()?;
        let job = Job::parse(&self.job_path(), &self.job_text(&self.setup), &catalog, &|path| {
            std::fs::read_to_string(path).map_err(|cause| cause.to_string())
        })
        .expect("a job");
        let feeds: Vec<LoadedFeed> = self.setup.feeds.iter().map(|name| self.feed(name, &catalog)).collect();
        act(&Context {
            catalog: &catalog,
            job: &job,
            feeds: &feeds,
            landing: how.landing.unwrap_or(&self.landing),
            lake: how.lake.unwrap_or(&self.lake),
            pseudonyms: &Pseudonyms::Off,
            as_of: how.as_of,
            known_on: how.known_on,
            backfill: how.backfill.map(|(from, to)| Backfill { from, to, table: how.table.map(str::to_owned) }),
            dry_run: false,
            threads: how.threads,
            rebuild: how.rebuild.clone(),
            clock: how.as_of,
            force_as_of: how.force_as_of,
            memory_limit: how.memory_limit,
            next_commit: 1,
            progress: &|_| {},
            stage: &|_| {},
        })
    }

    fn feed(&self, name: &str, catalog: &Catalog) -> LoadedFeed {
        let own = self.setup.own_feeds.iter().find(|(own, _)| *own == name).map(|(_, text)| (*text).to_owned());
        let text = own.unwrap_or_else(|| {
            let path = root().join(format!("schemas/feed/{name}.toml"));
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        });
        let hash = hex_sha256(text.as_bytes())[..16].to_owned();
        LoadedFeed { feed: Feed::parse(name, &text, catalog).expect("a feed"), hash }
    }

    pub fn head(&self) -> Option<Commit> {
        commit::head(&self.lake).expect("a commit log")
    }

    pub fn commit_no(&self) -> u64 {
        self.head().map_or(0, |head| head.n)
    }

    /// The files of head under canon/, marts/ and restricted/: what the promise of equal bytes speaks of.
    pub fn files(&self) -> FileMap {
        files(&self.lake)
    }

    /// The deliveries of head, by path.
    pub fn ledger(&self) -> BTreeMap<String, Entry> {
        let memory: Memory = pipeline::memory(self.head().as_ref()).expect("a ledger");
        memory.deliveries.entries
    }

    /// All rows of a table as head has it, partition by partition.
    pub fn table(&self, table: &str) -> Vec<Row> {
        rows(&self.lake, table)
    }
}

/// How a run goes.
pub struct How<'a> {
    pub as_of: DateTime<Utc>,
    pub known_on: Option<NaiveDate>,
    pub backfill: Option<(Day, Day)>,
    /// The one mart a backfill is about.
    pub table: Option<&'a str>,
    pub threads: usize,
    pub memory_limit: usize,
    pub rebuild: Option<Rebuild>,
    /// Tests go back and forth in time; those of the rule itself do not.
    pub force_as_of: bool,
    /// Other stores than the world's own, e.g. ones that fail or count.
    pub landing: Option<&'a Store>,
    pub lake: Option<&'a Store>,
}

impl Default for How<'_> {
    fn default() -> Self {
        How {
            as_of: instant("2030-01-01"),
            known_on: None,
            backfill: None,
            table: None,
            threads: 2,
            memory_limit: 1 << 30,
            rebuild: None,
            force_as_of: true,
            landing: None,
            lake: None,
        }
    }
}

pub fn files(lake: &Store) -> FileMap {
    let head = commit::head(lake).expect("a commit log").expect("a commit");
    head.files
        .iter()
        .filter(|(table, _)| !table.starts_with("ops/"))
        .flat_map(|(_, partitions)| partitions.values())
        .map(|file| (file.path.clone(), file.sha256.clone()))
        .collect()
}

/// What differs between two file maps, for a message; empty where nothing does.
pub fn difference(one: &FileMap, other: &FileMap) -> Vec<String> {
    let only = |mark: &str, one: &FileMap, other: &FileMap| -> Vec<String> {
        one.iter()
            .filter(|(path, hash)| other.get(*path) != Some(hash))
            .map(|(path, _)| format!("{mark} {path}"))
            .collect()
    };
    let mut lines = only("-", one, other);
    lines.extend(only("+", other, one));
    lines.sort_by(|a, b| a[2..].cmp(&b[2..]));
    lines
}

pub fn rows(lake: &Store, table: &str) -> Vec<Row> {
    let head = commit::head(lake).expect("a commit log").expect("a commit");
    let Some(partitions) = head.files.get(table) else { return Vec::new() };
    partitions.values().flat_map(|file| rows_of(&commit::read_file(lake, file).expect("a data file"))).collect()
}

/// The rows of one Parquet file.
pub fn rows_of(file: &Bytes) -> Vec<Row> {
    let mut rows = Vec::new();
    let options = FormatOptions::default();
    for batch in parquet::decode(file, None, parquet::Text::Plain).expect("a Parquet file") {
        let schema = batch.schema();
        let columns: Vec<ArrayRef> = batch.columns().iter().map(plain).collect();
        let cells: Vec<ArrayFormatter<'_>> =
            columns.iter().map(|column| ArrayFormatter::try_new(column, &options).expect("a formatter")).collect();
        for at in 0..batch.num_rows() {
            let cell = |(field, cell): (&arrow::datatypes::FieldRef, &ArrayFormatter<'_>)| {
                (field.name().clone(), cell.value(at).to_string())
            };
            rows.push(schema.fields().iter().zip(&cells).map(cell).collect());
        }
    }
    rows
}

/// Instants without their zone, which the formatter does not know; they are UTC.
fn plain(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Timestamp(unit, Some(_)) => cast(column, &DataType::Timestamp(*unit, None)).expect("a cast"),
        _ => column.clone(),
    }
}

/// The first moment of a day in UTC, or an instant.
pub fn instant(text: &str) -> DateTime<Utc> {
    let text = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    text.parse().expect("an instant")
}

pub fn day(text: &str) -> Day {
    uptake::period::day_of(text.parse().expect("a day"))
}

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
