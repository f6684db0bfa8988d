//! Every shipped feed from end to end: an invented company is delivered in the feed's shape and run through the pipeline. Its marts are
//! those of the same company in the canon's own names, to the last cell, once that company leaves out what the export cannot carry.
//!
//! No list of feeds stands here: a file in `schemas/feed` is tried.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use uptake::contract::Catalog;
use uptake::feed::Feed;
use uptake::feed::write::{Lost, Why};
use uptake::gallery::{Gallery, SOURCES, Staged, Told, retell};
use uptake::sample::{self, Options, Sink};
use uptake::store::Env;

use crate::world::{Row, Setup, World, instant, root};

/// Feeds of which no export is written, and why.
const UNWRITTEN: &[(&str, &str)] = &[(
    "successfactors_links",
    "an account and its worker have one name there, and no account of the company has its worker's",
)];

const END: &str = "2026-03-30";

#[derive(Default)]
struct Files(BTreeMap<String, Bytes>);

impl Sink for Files {
    type Error = std::convert::Infallible;

    fn put(&mut self, path: &str, bytes: Bytes) -> Result<(), Self::Error> {
        self.0.insert(path.to_owned(), bytes);
        Ok(())
    }
}

/// What the company's own systems deliver, below the landing area.
fn company(workers: u32, weeks: u32) -> BTreeMap<String, Bytes> {
    let mut files = Files::default();
    sample::write(&Options::new(workers, weeks, 5), &mut files, &|_| {}).expect("a company");
    files.0.into_iter().filter_map(|(path, bytes)| Some((path.strip_prefix("landing/")?.to_owned(), bytes))).collect()
}

fn written(name: &str) -> toml::Table {
    let text = std::fs::read_to_string(root().join(format!("schemas/feed/{name}.toml"))).expect("a feed file");
    toml::from_str(&text).expect("TOML")
}

fn feed(name: &str, catalog: &Catalog) -> Feed {
    let path = root().join(format!("schemas/feed/{name}.toml"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Feed::parse(name, &text, catalog).unwrap_or_else(|error| panic!("{error}"))
}

fn sources(catalog: &Catalog) -> Vec<Feed> {
    SOURCES.iter().map(|name| feed(name, catalog)).collect()
}

/// The shipped feeds, but for those of which no export is written. `UPTAKE_GALLERY=a,b` tries these alone.
fn shipped(catalog: &Catalog) -> Vec<Feed> {
    let only = std::env::var("UPTAKE_GALLERY").ok();
    let mut names: Vec<String> = std::fs::read_dir(root().join("schemas/feed"))
        .expect("feeds")
        .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.strip_suffix(".toml")?.to_owned()))
        .filter(|name| UNWRITTEN.iter().all(|(other, _)| other != name))
        // What only completes another feed's rows is no export that a company could have alone.
        .filter(|name| !written(name).contains_key("completes"))
        .filter(|name| only.as_ref().is_none_or(|only| only.split(',').any(|one| one == name)))
        .collect();
    names.sort();
    // Workbooks are read and not written.
    let is_written = |feed: &Feed| feed.formats.iter().any(|format| *format != uptake::feed::FileFormat::Xlsx);
    names.iter().map(|name| feed(name, catalog)).filter(is_written).collect()
}

/// Groups in which no two feeds fill one table or read the same objects.
fn groups(feeds: Vec<Feed>) -> Vec<Vec<Feed>> {
    let fits = |one: &Feed, other: &Feed| {
        one.fills != other.fills && !one.shares.contains(&other.name) && !other.shares.contains(&one.name)
    };
    let mut groups: Vec<Vec<Feed>> = Vec::new();
    for feed in feeds {
        match groups.iter_mut().find(|group| group.iter().all(|other| fits(other, &feed))) {
            Some(group) => group.push(feed),
            None => groups.push(vec![feed]),
        }
    }
    groups
}

/// The company as the feeds of a group read it; gives the objects that stay as they are, too.
fn told(
    catalog: &Catalog,
    sources: &[Feed],
    group: &[Feed],
    company: &BTreeMap<String, Bytes>,
) -> Result<(Told, BTreeMap<String, Bytes>), String> {
    let gallery = Gallery::new(catalog, sources, group).map_err(|error| error.to_string())?;
    let (mut staged, mut kept) = (Staged::default(), BTreeMap::new());
    for (path, bytes) in company {
        let stays = gallery.stage(&mut staged, path, bytes.clone()).map_err(|error| error.to_string())?;
        kept.extend(stays.map(|bytes| (path.clone(), bytes)));
    }
    let told = gallery.tell(staged).map_err(|error| error.to_string())?;
    Ok((told, kept))
}

fn world(feeds: &[String], files: &[&BTreeMap<String, Bytes>]) -> World {
    let feeds = feeds.iter().map(|name| &*Box::leak(name.clone().into_boxed_str())).collect();
    let world = World::with(Setup { feeds, ..Setup::default() });
    for (path, bytes) in files.iter().copied().flatten() {
        world.deliver(path, bytes);
    }
    world.nightly(END);
    world
}

/// Does something for each of several, two at a time; a run wants more of a stack than helpers of other pools have.
fn each<T: Sync, R: Send>(items: &[T], act: &(impl Fn(&T) -> R + Sync)) -> Vec<R> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        let work = || {
            while let Some((at, item)) =
                Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, items.get(at)?)))
            {
                let made = act(item);
                done.lock().expect("a list").push((at, made));
            }
        };
        for _ in 0..2 {
            std::thread::Builder::new().stack_size(16 << 20).spawn_scoped(scope, work).expect("a thread");
        }
    });
    let mut done = done.into_inner().expect("a list");
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, made)| made).collect()
}

/// The rows of all tables that people read, by table.
fn marts(world: &World) -> BTreeMap<String, Vec<Row>> {
    let head = world.head().expect("a commit");
    let is_read = |table: &&String| table.starts_with("marts/") || table.starts_with("restricted/");
    head.files.keys().filter(is_read).map(|table| (table.clone(), world.table(table))).collect()
}

/// Columns that differ, with how many cells and the first of them.
fn difference(one: &BTreeMap<String, Vec<Row>>, other: &BTreeMap<String, Vec<Row>>) -> Vec<String> {
    let mut found = Vec::new();
    let tables: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    for table in tables {
        let none = Vec::new();
        let (one, other) = (one.get(table).unwrap_or(&none), other.get(table).unwrap_or(&none));
        if one.len() != other.len() {
            found.push(format!("{table}: {} rows and {}", one.len(), other.len()));
            continue;
        }
        let mut columns: BTreeMap<&String, (u64, String)> = BTreeMap::new();
        for (one, other) in one.iter().zip(other) {
            for (column, cell) in one.iter().filter(|(column, cell)| other.get(*column) != Some(cell)) {
                let first = || format!("`{cell}` and `{}` in {one:?}", other.get(column).map_or("", String::as_str));
                columns.entry(column).or_insert_with(|| (0, first())).0 += 1;
            }
        }
        found
            .extend(columns.iter().map(|(column, (count, first))| format!("{table}.{column}: {count} cells, {first}")));
    }
    found
}

/// What is not in an export has to be missing in its mapping or in the vendor's words, and nowhere else.
fn unjustified(feed: &Feed, lost: &Lost) -> Vec<String> {
    let mut wrong: Vec<String> = lost.unexplained().map(|what| format!("{}: {what}", feed.name)).collect();
    for (column, why) in lost.by.keys() {
        if *why == Why::NotMapped && feed.maps(column) {
            wrong.push(format!("{}: {column} is mapped and not told", feed.name));
        }
    }
    wrong
}

#[test]
fn a_sample_as_vendors_export_it_comes_with_a_job_that_reads_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().display().to_string();
    let uptake = |words: &str| {
        let words = words.split_whitespace().map(|word| word.replace("PLACE", &place).into());
        uptake::cli::main(words, &Env::new(Vec::<(String, String)>::new()), instant("2026-03-30"))
    };
    assert_eq!(uptake("uptake sample --workers 30 --weeks 4 --as bamboohr_employees,moodle_log --out PLACE"), 0);
    let job = std::fs::read_to_string(folder.path().join("job.toml")).expect("a job");
    assert!(job.contains("\"bamboohr_employees\"") && job.contains("\"moodle_log\""), "{job}");
    assert!(!job.contains("workday_workers") && !job.contains("canonical_activity"), "{job}");
    assert!(job.contains("\"cornerstone_transcript\""), "what no chosen feed fills stays as it is: {job}");
    assert_eq!(uptake("uptake run PLACE/job.toml --as-of 2026-03-30"), 0);
    // One table has one export.
    assert_eq!(uptake("uptake sample --as workday_workers,canonical_workers --out PLACE/other"), 2);
}

#[test]
fn what_an_export_cannot_carry_is_said() {
    let catalog = Catalog::load().expect("contracts");
    let (sources, company) = (sources(&catalog), company(30, 4));
    let moodle = feed("moodle_log", &catalog);
    let (told, _) = told(&catalog, &sources, std::slice::from_ref(&moodle), &company).expect("exports");
    let lines: Vec<String> = told.lost["moodle_log"].lines().collect();
    for said in
        ["duration_seconds: not in the export", "score: not in the export", "event_id: made of the records at reading"]
    {
        assert!(lines.iter().any(|line| line == said), "{said}: {lines:#?}");
    }
    assert!(lines.iter().any(|line| line.ends_with("for verb has no word for `rated`")), "{lines:#?}");
}

#[test]
fn every_row_of_a_company_comes_back_from_every_feed_but_for_what_its_mapping_lacks() {
    let catalog = Catalog::load().expect("contracts");
    // Old enough for a cycle of reviews, and large enough for somebody with an account that only the list of links knows.
    let (sources, company) = (sources(&catalog), company(80, 26));
    let tried = shipped(&catalog);
    let wrong: Vec<Vec<String>> = each(&tried, &|feed| not_justified(feed, &catalog, &sources, &company));
    let wrong = wrong.concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn not_justified(feed: &Feed, catalog: &Catalog, sources: &[Feed], company: &BTreeMap<String, Bytes>) -> Vec<String> {
    let mut wrong = Vec::new();
    match told(catalog, sources, std::slice::from_ref(feed), company) {
        Ok((told, _)) => {
            let lost = &told.lost[&feed.name];
            wrong.extend(told.files.is_empty().then(|| format!("{} tells nothing", feed.name)));
            wrong.extend(unjustified(feed, lost));
            if std::env::var_os("UPTAKE_GALLERY_SHOW").is_some() {
                wrong.extend(lost.lines().map(|line| format!("{} loses {line}", feed.name)));
            }
            // Its own names carry everything.
            if feed.own_names && !lost.by.is_empty() {
                wrong.extend(lost.lines().map(|line| format!("{} loses {line}", feed.name)));
            }
        }
        Err(what) => wrong.push(what),
    }
    wrong
}

#[test]
fn the_marts_of_a_company_are_the_same_whatever_the_vendors() {
    let catalog = Catalog::load().expect("contracts");
    let (sources, company) = (sources(&catalog), company(30, 5));
    // As its own systems deliver it.
    let (plain, kept) = told(&catalog, &sources, &[], &company).expect("a company");
    let whole = marts(&world(&plain.feeds, &[&kept]));
    assert!(whole.len() > 10, "{} tables", whole.len());
    let groups = groups(shipped(&catalog));
    let compared = each(&groups, &|group| compared(group, &catalog, &sources, &company, &whole));
    // Else the tables would hold nothing that depends on what is delivered.
    assert!(compared.iter().any(|group| group.misses), "no export lacks anything that a mart shows");
    let wrong: Vec<&str> = compared.iter().flat_map(|group| &group.wrong).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a group of feeds makes of the marts.
struct Compared {
    /// Cells other than the canon's own names make them of the same rows.
    wrong: Vec<String>,
    /// Whether some figure of the whole company is missing or another.
    misses: bool,
}

fn compared(
    group: &[Feed],
    catalog: &Catalog,
    sources: &[Feed],
    company: &BTreeMap<String, Bytes>,
    whole: &BTreeMap<String, Vec<Row>>,
) -> Compared {
    let names: Vec<&str> = group.iter().map(|feed| feed.name.as_str()).collect();
    let (vendor, kept) = match told(catalog, sources, group, company) {
        Ok(told) => told,
        Err(what) => return Compared { wrong: vec![format!("{names:?}: {what}")], misses: false },
    };
    let found = marts(&world(&vendor.feeds, &[&vendor.files, &kept]));
    let is_whole = vendor.lost.values().all(|lost| lost.by.is_empty());
    let differs = if is_whole {
        difference(whole, &found)
    } else {
        // The same rows under the canon's own names, without what the export cannot carry.
        let (mut files, mut feeds) = (BTreeMap::new(), vendor.feeds.clone());
        feeds.retain(|name| !vendor.lost.contains_key(name));
        for (table, (mode, days)) in &vendor.carried {
            let name = format!("canonical_{table}");
            let canonical = sources.iter().find(|feed| feed.name == name).expect("a canonical feed");
            let table = catalog.table(table).expect("a table");
            let retold = retell(canonical, table, (*mode, days)).expect("its own names");
            assert_eq!(retold.lost.lines().collect::<Vec<_>>(), Vec::<String>::new(), "{name} carries everything");
            if !feeds.contains(&name) && !retold.files.is_empty() {
                feeds.push(name);
            }
            files.extend(retold.files);
        }
        difference(&marts(&world(&feeds, &[&files, &kept])), &found)
    };
    let wrong = differs.into_iter().map(|what| format!("{names:?}: {what}")).collect();
    Compared { wrong, misses: !difference(whole, &found).is_empty() }
}
