//! The laws of an untidy company: whatever real systems do to their lists, ids, days and events, the figures are those of its
//! `truth.json`, nothing vanishes, and neither the order of deliveries nor a list that shrinks moves the past.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use serde_json::Value;
use uptake::error::Exit;
use uptake::sample::{self, Options, Sink};

use crate::company::Dice;
use crate::world::{How, Row, Setup, World, difference, instant};

/// Everything a company writes, by path.
#[derive(Default)]
struct Files(BTreeMap<String, Bytes>);

impl Sink for Files {
    type Error = std::convert::Infallible;

    fn put(&mut self, path: &str, bytes: Bytes) -> Result<(), Self::Error> {
        self.0.insert(path.to_owned(), bytes);
        Ok(())
    }
}

struct Company {
    files: Files,
    truth: Value,
}

/// A company that ends on 2026-03-29.
fn company(workers: u32, weeks: u32, seed: u64, dirt: bool) -> Company {
    let mut files = Files::default();
    let options = Options { untidy: true, dirt, ..Options::new(workers, weeks, seed) };
    sample::write(&options, &mut files, &|_| {}).expect("a company");
    let truth = serde_json::from_slice(&files.0["truth.json"]).expect("JSON");
    Company { files, truth }
}

const END: &str = "2026-03-30";

fn leaked(text: String) -> &'static str {
    Box::leak(text.into_boxed_str())
}

impl Company {
    /// The company's own job, but that everything is shown as it is.
    fn setup(&self) -> Setup {
        let text = |path: &str| String::from_utf8(self.files.0[path].to_vec()).expect("text");
        let job = text("job.toml");
        let feeds = job.split_once("feeds   = [").and_then(|(_, rest)| rest.split_once(']')).expect("feeds").0;
        let feeds = feeds.split('"').skip(1).step_by(2).map(|name| leaked(name.to_owned())).collect();
        let line = |key: &str| job.lines().find(|line| line.starts_with(key)).expect("a line of the job");
        let own = self.files.0.keys().filter(|path| path.starts_with("feeds/"));
        Setup {
            feeds,
            top: leaked(format!(
                "{}\n{}\npseudonyms = \"off\"\nsynthetic_data = true",
                line("zone"),
                line("report_from")
            )),
            own_feeds: own
                .map(|path| {
                    let name = path.trim_start_matches("feeds/").trim_end_matches(".toml");
                    (leaked(name.to_owned()), leaked(text(path)))
                })
                .collect(),
            ..Setup::default()
        }
    }

    /// Deliveries, as they lie in the landing area, oldest first.
    fn deliveries(&self) -> Vec<(&str, &Bytes)> {
        let mut all: Vec<(&str, &Bytes)> =
            self.files.0.iter().filter_map(|(path, bytes)| Some((path.strip_prefix("landing/")?, bytes))).collect();
        all.sort_by_key(|(path, _)| (day_of(path).to_owned(), *path));
        all
    }

    fn world(&self) -> World {
        let world = World::with(self.setup());
        deliver(&world, &self.deliveries());
        world
    }
}

/// The day in a path: of the file, or of its folder.
fn day_of(path: &str) -> &str {
    let at = (0..path.len().saturating_sub(9)).find(|at| {
        let part = &path.as_bytes()[*at..at + 10];
        part.iter().enumerate().all(|(n, byte)| if n == 4 || n == 7 { *byte == b'-' } else { byte.is_ascii_digit() })
    });
    at.map_or("", |at| &path[at..at + 10])
}

fn deliver(world: &World, deliveries: &[(&str, &Bytes)]) {
    deliveries.iter().for_each(|(path, bytes)| world.deliver(path, bytes));
}

/// The company's months, by their label.
fn months(world: &World) -> BTreeMap<String, Row> {
    let rows = world.table("marts/adoption_kpis").into_iter();
    let months = rows.filter(|row| row["grain"] == "month" && row["scope_kind"] == "company");
    months.map(|row| (row["period_start"][..7].to_owned(), row)).collect()
}

const COUNTS: [&str; 10] = [
    "headcount",
    "visitors",
    "active_learners",
    "contributors",
    "unmatched_events",
    "assigned",
    "due",
    "due_completed",
    "due_completed_on_time",
    "completions",
];

/// Cells that differ from the truth, as sentences.
fn wrong(company: &Company, world: &World) -> Vec<String> {
    let (found, mut wrong) = (months(world), Vec::new());
    let right = company.truth["untidy"]["months"].as_object().expect("months");
    assert!(right.len() > 12, "{} months", right.len());
    for (month, figures) in right {
        let none = Row::new();
        let row = found.get(month).unwrap_or(&none);
        let shown = |name: &str| row.get(name).and_then(|cell| cell.parse::<u64>().ok()).unwrap_or(0);
        for name in COUNTS {
            let expected = figures[name].as_u64().expect("a count");
            // What one or two people did is theirs alone: the guard shows no count of it, even where every group is shown.
            let is_withheld = expected <= 2 && row.get(name).is_none_or(String::is_empty);
            if shown(name) != expected && !is_withheld {
                wrong.push(format!("{month} {name}: {} shown, {expected} is right", shown(name)));
            }
        }
        // Shown to three digits.
        let (seconds, expected) = (shown("learning_seconds"), figures["learning_seconds"].as_u64().expect("seconds"));
        if seconds.abs_diff(expected) as f64 > 0.005 * expected as f64 + 0.5 {
            wrong.push(format!("{month} learning_seconds: {seconds} shown, {expected} is right"));
        }
    }
    wrong
}

#[test]
fn every_figure_of_an_untidy_company_is_the_one_its_truth_says() {
    for (seed, dirt) in [(1, false), (7, true)] {
        let company = company(140, 36, seed, dirt);
        let world = company.world();
        world.nightly(END);
        let wrong = wrong(&company, &world);
        assert!(
            wrong.is_empty(),
            "seed {seed}: {} cells, e.g.\n{}",
            wrong.len(),
            wrong[..wrong.len().min(40)].join("\n")
        );
        days_have_the_heads_of_the_truth(&company, &world);
        units_have_the_heads_of_the_truth(&company, &world);
        nobody_is_ambiguous(&world);
    }
}

fn days_have_the_heads_of_the_truth(company: &Company, world: &World) {
    let rows = world.table("marts/adoption_kpis");
    let days: BTreeMap<&str, &Row> = rows
        .iter()
        .filter(|row| row["grain"] == "day" && row["scope_kind"] == "company")
        .map(|row| (row["period_start"].as_str(), row))
        .collect();
    for (day, expected) in company.truth["untidy"]["headcount_on"].as_object().expect("days") {
        let shown = days.get(day.as_str()).map(|row| row["headcount"].as_str());
        assert_eq!(shown, Some(expected.to_string().as_str()), "headcount on {day}");
    }
}

/// In the last week, so that second jobs and moves show.
fn units_have_the_heads_of_the_truth(company: &Company, world: &World) {
    let rows = world.table("marts/adoption_kpis");
    let last: BTreeMap<&str, &str> = rows
        .iter()
        .filter(|row| row["grain"] == "week" && row["scope_kind"] == "org" && row["period_start"] == "2026-03-23")
        .map(|row| (row["scope_id"].as_str(), row["headcount"].as_str()))
        .collect();
    let units = company.truth["headcount_by_unit"].as_object().expect("units");
    let teams: BTreeSet<String> = world
        .table("canon/org_units")
        .into_iter()
        .filter(|row| row["kind"] == "team")
        .map(|row| row["org_id"].clone())
        .collect();
    let mut compared = 0;
    for (unit, expected) in units.iter().filter(|(unit, _)| teams.contains(*unit)) {
        assert_eq!(last.get(unit.as_str()).copied(), Some(expected.to_string().as_str()), "{unit}");
        compared += 1;
    }
    assert!(compared > 5, "{compared} teams");
}

fn nobody_is_ambiguous(world: &World) {
    let quality = world.table("ops/data_quality");
    let found: Vec<&Row> = quality
        .iter()
        .filter(|row| row["reason_code"] == "ambiguous" && row["affected"] != "0" && !row["affected"].is_empty())
        .collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn every_record_of_an_untidy_company_is_accounted_for() {
    let company = company(90, 26, 3, true);
    let world = company.world();
    world.nightly(END);
    let mut living: BTreeMap<String, u64> = BTreeMap::new();
    for table in world.head().expect("a commit").files.keys().filter(|table| table.starts_with("canon/")) {
        // The history of ratings holds every statement, those that others superseded too.
        if table.ends_with("_history") {
            continue;
        }
        // What a later list no longer holds was superseded by it and lies beside what holds now.
        for row in world.table(table).into_iter().filter(|row| row.get("_held_to").is_none_or(String::is_empty)) {
            if let Some(delivery) = row.get("_delivery") {
                *living.entry(delivery.clone()).or_default() += 1;
            }
        }
    }
    let (mut filtered, mut planned, mut superseded, mut second_jobs) = (0, 0, 0, 0);
    let ledger = world.ledger();
    for (path, bytes) in company.deliveries() {
        let Some(entry) = ledger.get(path) else { panic!("{path} is not in the ledger") };
        let text = text_of(bytes);
        let is_json = path.contains(".ndjson");
        let records = text.lines().filter(|line| !line.is_empty()).count() as u64 - u64::from(!is_json);
        assert_eq!(entry.counts.read, records, "{path}");
        assert!(entry.counts.conserved(), "{path}: {:?}", entry.counts);
        assert_eq!(living.get(path).copied().unwrap_or(0), entry.counts.accepted, "{path}: {:?}", entry.counts);
        filtered += entry.counts.filtered;
        planned += text.lines().filter(|line| line.contains(",Planned,")).count() as u64;
        if path.starts_with("hris/2") {
            superseded += entry.counts.superseded;
            second_jobs += text.lines().skip(1).filter(|line| line.ends_with(",false")).count() as u64;
        }
    }
    assert!(planned > 0 && filtered == planned, "{filtered} filtered, {planned} only planned");
    assert!(second_jobs > 0 && superseded >= second_jobs, "{superseded} superseded, {second_jobs} second jobs");
}

fn text_of(bytes: &Bytes) -> String {
    let mut text = String::new();
    match bytes.starts_with(&[0x1f, 0x8b]) {
        true => MultiGzDecoder::new(bytes.as_ref()).read_to_string(&mut text),
        false => bytes.as_ref().read_to_string(&mut text),
    }
    .expect("text");
    text
}

#[test]
fn the_order_and_the_nights_of_deliveries_decide_nothing() {
    let company = company(90, 20, 5, true);
    let whole = company.world();
    whole.nightly(END);
    let expected = whole.files();
    let again = whole.nightly(END);
    assert_eq!((again.verdict, again.deliveries_read), ("nothing_to_do", 0), "a rerun reads nothing");
    for (seed, nights) in [(0, 4), (1, 3), (2, 5)] {
        let mut deliveries = company.deliveries();
        match seed {
            0 => {}
            1 => deliveries.reverse(),
            // Parts of one list come apart, lists of a later day before those of an earlier one.
            _ => Dice::new(seed).shuffle(&mut deliveries),
        }
        let world = World::with(company.setup());
        let groups: Vec<_> = deliveries.chunks(deliveries.len().div_ceil(nights)).collect();
        for (at, night) in groups.iter().enumerate() {
            deliver(&world, night);
            let how = How { as_of: instant(END), ..How::default() };
            match world.run(&how) {
                // Half a list may hold a run back until the rest has come; the last night holds all.
                Err(error) if at + 1 < groups.len() => assert_eq!(error.exit, Exit::Gate, "{error}"),
                Err(error) => panic!("{error}"),
                Ok(_) => {}
            }
        }
        let wrong = difference(&expected, &world.files());
        assert!(wrong.is_empty(), "order {seed}: {wrong:#?}");
    }
}

/// All figures of periods that ended by a day, by scope.
fn closed(world: &World, by: &str) -> BTreeMap<Vec<String>, Vec<String>> {
    let columns = COUNTS.iter().chain(&["learning_seconds", "sessions", "daily_active_sum", "activated_to_date"]);
    let rows = world.table("marts/adoption_kpis").into_iter().filter(|row| row["period_end"].as_str() <= by);
    let key = |row: &Row| ["grain", "period_start", "scope_kind", "scope_id"].map(|name| row[name].clone()).to_vec();
    rows.map(|row| (key(&row), columns.clone().map(|name| row[*name].clone()).collect())).collect()
}

fn assert_still(before: &BTreeMap<Vec<String>, Vec<String>>, after: &BTreeMap<Vec<String>, Vec<String>>) {
    assert!(before.len() > 500, "{} rows", before.len());
    let moved: Vec<String> = before
        .iter()
        .filter(|(key, figures)| after.get(*key) != Some(*figures))
        .map(|(key, figures)| format!("{key:?}: {figures:?} became {:?}", after.get(key)))
        .collect();
    assert!(
        moved.is_empty(),
        "{} of {} rows moved, e.g.\n{}",
        moved.len(),
        before.len(),
        moved[..moved.len().min(10)].join("\n")
    );
}

#[test]
fn closed_months_stay_as_they_were_while_people_leave_and_lists_shrink() {
    let company = company(90, 36, 9, false);
    let world = World::with(company.setup());
    let deliveries = company.deliveries();
    let (first, rest) = deliveries.split_at(deliveries.partition_point(|(path, _)| day_of(path) <= "2026-01-19"));
    deliver(&world, first);
    world.nightly("2026-01-20");
    let before = closed(&world, "2025-12-01");
    deliver(&world, rest);
    world.nightly(END);
    assert_still(&before, &closed(&world, "2025-12-01"));
}

#[test]
fn what_a_list_no_longer_holds_was_there_until_then() {
    let company = company(90, 26, 11, false);
    let world = company.world();
    world.nightly(END);
    let before = closed(&world, END);
    // The next day a third of those whom lines are about is gone from every list, with all their lines: people, accounts,
    // links and registrations.
    let mut later = Vec::new();
    for (path, bytes) in company.deliveries().into_iter().filter(|(path, _)| day_of(path) == END) {
        let is_list = ["hris/2", "lms/main/users", "lms/academy/", "lms/norhaven/users", "identity/"];
        if !is_list.iter().any(|start| path.starts_with(start)) {
            continue;
        }
        let text = text_of(bytes);
        let header = usize::from(!path.contains(".ndjson"));
        // Links name their source first.
        let place = usize::from(path.starts_with("identity/"));
        let is_gone =
            |line: &str| line.split(',').nth(place).is_some_and(|key| key.bytes().map(u32::from).sum::<u32>() % 3 == 2);
        let kept = text.lines().enumerate().filter(|(n, line)| *n < header || !is_gone(line)).map(|(_, line)| line);
        let path = path.replace(END, "2026-03-31");
        later.push((path.trim_end_matches(".gz").to_owned(), kept.collect::<Vec<_>>().join("\n") + "\n"));
    }
    assert!(later.len() >= 7, "{} lists", later.len());
    later.iter().for_each(|(path, text)| world.deliver(path, text));
    world.nightly("2026-04-01");
    assert_still(&before, &closed(&world, END));
}

#[test]
fn every_scope_kind_of_an_untidy_company_splits_it_once() {
    let company = company(90, 26, 13, true);
    let world = company.world();
    world.nightly(END);
    let additive =
        ["headcount", "active_learners", "learning_seconds", "assigned", "due", "due_completed", "completions"];
    // A cell that the guard does not show makes its sum unknown.
    let mut sums: BTreeMap<(String, String, String), Vec<Option<u64>>> = BTreeMap::new();
    let mut whole: BTreeMap<(String, String), Vec<Option<u64>>> = BTreeMap::new();
    for row in world.table("marts/adoption_kpis") {
        let figures: Vec<Option<u64>> = additive.iter().map(|name| row[*name].parse().ok()).collect();
        let period = (row["grain"].clone(), row["period_start"].clone());
        match row["scope_kind"].as_str() {
            "company" => drop(whole.insert(period, figures)),
            "org" => {}
            kind => {
                let sum =
                    sums.entry((period.0, period.1, kind.to_owned())).or_insert_with(|| vec![Some(0); additive.len()]);
                sum.iter_mut()
                    .zip(&figures)
                    .for_each(|(sum, figure)| *sum = sum.zip(*figure).map(|(sum, more)| sum + more));
            }
        }
    }
    assert!(whole.len() > 300, "{} periods", whole.len());
    let mut compared = 0;
    for ((grain, start, kind), sum) in sums {
        let expected = &whole[&(grain.clone(), start.clone())];
        for ((name, sum), expected) in additive.iter().zip(&sum).zip(expected) {
            let Some((sum, expected)) = sum.zip(*expected) else { continue };
            compared += 1;
            // Seconds are shown to three digits.
            let slack = if *name == "learning_seconds" { expected / 100 + 20 } else { 0 };
            assert!(sum.abs_diff(expected) <= slack, "{grain} {start} {kind} {name}: {sum} of {expected}");
        }
    }
    assert!(compared > 1_000, "{compared} sums");
}
