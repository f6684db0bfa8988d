//! The promises of a whole company: 300 workers, 40 weeks, as it lies in the repository.
#![allow(clippy::disallowed_methods, reason = "tests compare with the sample on disk")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::*;

#[derive(Default)]
struct Folder(BTreeMap<String, Bytes>);

impl Sink for Folder {
    type Error = std::convert::Infallible;

    fn put(&mut self, path: &str, bytes: Bytes) -> Result<(), Self::Error> {
        assert!(self.0.insert(path.to_owned(), bytes).is_none(), "{path} is written once");
        Ok(())
    }
}

impl Folder {
    fn of(options: &Options) -> (Folder, Summary) {
        let mut folder = Folder::default();
        let summary = write(options, &mut folder, &|_| {}).unwrap();
        (folder, summary)
    }

    /// The records of all files whose path contains `part`, by column name; gzip is opened by its first bytes.
    fn records(&self, part: &str) -> Vec<BTreeMap<String, String>> {
        let mut all = Vec::new();
        for (_, bytes) in self.0.iter().filter(|(path, _)| path.contains(part)) {
            let mut text = String::new();
            match bytes.starts_with(&[0x1f, 0x8b]) {
                true => MultiGzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap(),
                false => bytes.as_ref().read_to_string(&mut text).unwrap(),
            };
            all.extend(csv::Reader::from_reader(text.as_bytes()).deserialize().map(|record| {
                let record: BTreeMap<String, String> = record.unwrap();
                record
            }));
        }
        all
    }

    fn column(&self, part: &str, name: &str) -> BTreeSet<String> {
        self.records(part).into_iter().map(|mut record| record.remove(name).unwrap()).collect()
    }
}

fn dirty() -> Options {
    Options { dirt: true, ..Options::new(300, 40, 106) }
}

#[test]
fn the_same_options_give_the_same_bytes_on_one_thread_and_on_many() {
    let options = Options { dirt: true, ..Options::new(150, 24, 3) };
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    // The writing thread is none of the pool's: it only waits for it.
    let alone = std::thread::scope(|scope| {
        let (options, one) = (&options, &one);
        scope
            .spawn(move || {
                let company = Company::build(options).unwrap();
                let jobs = deliver::jobs(&company);
                one.install(|| {
                    jobs.par_iter()
                        .flat_map_iter(|job| job.run(&company).unwrap())
                        .map(|file| (file.path, file.bytes))
                        .collect::<BTreeMap<_, _>>()
                })
            })
            .join()
            .unwrap()
    });
    let (mut many, _) = Folder::of(&options);
    many.0.remove("truth.json");
    assert!(alone == many.0, "bytes differ");
    let (other, _) = Folder::of(&Options { seed: 4, ..options });
    assert!(alone != other.0);
}

#[test]
fn the_repository_company_is_small() {
    let (folder, summary) = Folder::of(&dirty());
    assert!(folder.0.len() <= 400, "{} files", folder.0.len());
    assert!(summary.bytes <= 3_000_000, "{} bytes", summary.bytes);
    assert_eq!(summary.files as usize + 1, folder.0.len());
}

#[test]
fn every_id_points_to_something() {
    let (folder, summary) = Folder::of(&Options::new(300, 40, 106));
    let workers = folder.column("/workers_", "id");
    let units = folder.column("/org_units_", "org_id");
    let users = folder.column("/users_", "user_id");
    let content = folder.column("/content_", "content_id");
    let contributions = folder.column("/contributions_", "contribution_id");
    let within = |part: &str, name: &str, known: &BTreeSet<String>| {
        let strangers: Vec<String> =
            folder.column(part, name).into_iter().filter(|id| !id.is_empty() && !known.contains(id)).collect();
        assert!(strangers.is_empty(), "{part} {name}: {strangers:?}");
    };
    within("/workers_", "manager_id", &workers);
    within("/workers_", "organization_id", &units);
    within("/org_units_", "head_worker_id", &workers);
    within("/org_units_", "parent_id", &units);
    within("/identity_links_", "worker_id", &workers);
    within("/identity_links_", "source_user_id", &users);
    within("/transcript_", "cp_user_id", &users);
    within("/transcript_", "cp_object_id", &content);
    within("/activity_", "user_id", &users);
    within("/activity_", "object_id", &content);
    within("/contributions_", "author_id", &users);
    within("/contributions_", "parent_id", &contributions);
    within("/catalogued/contributions_", "content_id", &content);
    within("/events_", "owner_id", &workers);
    within("/events_", "scope_id", &units);
    within("/reactions_", "actor_id", &users);
    within("/reactions_", "contribution_id", &contributions);
    let events = folder.column("/activity_", "event_id");
    assert_eq!(events.len() as u64, summary.events);
}

#[test]
fn the_reporting_line_of_every_week_has_no_cycle_and_one_root() {
    let company = Company::build(&Options::new(300, 40, 106)).unwrap();
    let rows: Vec<Vec<people::Row>> =
        company.people.iter().enumerate().map(|(index, person)| people::rows(index, person, &company.org)).collect();
    for week in 0..40 {
        let day = company.calendar.monday(week) + 3;
        let holds = |person: usize| {
            let row = rows[person].iter().find(|row| row.spell.from <= day && day < row.spell.to)?;
            matches!(row.spell.status, people::Status::Active | people::Status::Leave).then_some(row.manager)
        };
        let mut roots = 0;
        for person in 0..company.people.len() {
            let Some(mut manager) = holds(person) else { continue };
            roots += u32::from(manager.is_none());
            let mut steps = 0;
            while let Some(above) = manager {
                manager =
                    holds(above).unwrap_or_else(|| panic!("week {week}: {person} reports to someone who is not here"));
                steps += 1;
                assert!(steps < 10, "week {week}: a cycle above {person}");
            }
        }
        assert_eq!(roots, 1, "week {week}");
    }
}

#[test]
fn histories_have_no_overlap_and_every_story_is_told() {
    let company = Company::build(&Options::new(300, 40, 106)).unwrap();
    for (index, person) in company.people.iter().enumerate() {
        let rows = people::rows(index, person, &company.org);
        assert!(rows.windows(2).all(|pair| pair[0].spell.to == pair[1].spell.from), "{index}: {rows:?}");
        assert!(rows.iter().all(|row| row.spell.from < row.spell.to), "{index}: {rows:?}");
    }
    let told = company.truth().people;
    assert!(told.hired > 10 && told.left > 10 && told.returned > 0 && told.transferred > 5, "{told:?}");
    assert!(told.on_leave > 2 && told.announced_for_later > 0 && told.contractors > 5, "{told:?}");
    assert!(told.with_two_accounts > 1 && told.unmatched_accounts > 0 && told.without_account > 0, "{told:?}");
}

#[test]
fn headcounts_of_the_truth_are_those_of_the_last_hr_file() {
    let (folder, _) = Folder::of(&dirty());
    let truth = Company::build(&dirty()).unwrap().truth();
    let last = folder.0.keys().rfind(|path| path.contains("/workers_")).unwrap();
    let records = folder.records(last);
    for (monday, expected) in &truth.headcount_by_week {
        let from = monday.parse::<NaiveDate>().unwrap();
        let (from, to) = (from.to_string(), (from + chrono::Days::new(7)).to_string());
        let here = records.iter().filter(|row| {
            row["employment_status"] == "Active"
                && row["worker_type"] == "Employee"
                && row["_fivetran_start"][..10] < *to
                && row["_fivetran_end"][..10] > *from
        });
        let people: BTreeSet<&str> = here.map(|row| row["id"].as_str()).collect();
        assert_eq!(people.len() as u32, *expected, "week of {monday}");
    }
}

#[test]
fn dirt_is_where_the_truth_says() {
    let (folder, _) = Folder::of(&dirty());
    let truth = Company::build(&dirty()).unwrap().truth();
    assert!(truth.flaws.len() >= 12, "{:?}", truth.flaws);
    for flaw in &truth.flaws {
        assert!(folder.0.contains_key(&flaw.path), "{}", flaw.path);
    }
    let rows = |of: fn(&Flawed) -> usize| truth.flaws.iter().map(of).sum::<usize>();
    assert_eq!((rows(|flaw| flaw.rows_repeated), rows(|flaw| flaw.rows_corrected)), (52, 40));
    let hidden = truth.flaws.iter().find(|flaw| flaw.what.starts_with("gzip")).unwrap();
    assert!(folder.0[&hidden.path].starts_with(&[0x1f, 0x8b]) && hidden.path.ends_with(".csv"));
    let (clean, _) = Folder::of(&Options::new(300, 40, 106));
    assert!(Company::build(&Options::new(300, 40, 106)).unwrap().truth().flaws.is_empty());
    let same = clean.0.iter().filter(|(path, bytes)| folder.0.get(*path) == Some(bytes)).count();
    assert!(same > clean.0.len() * 3 / 4 && same < clean.0.len(), "{same} of {} files are the same", clean.0.len());
}

/// Mean over treated teams of (eight weeks from the post − eight weeks before it) per 100 people, minus the same of the
/// teams that were never treated, over the same weeks; averaged over `companies`.
fn before_after(kind: &str, seeds: std::ops::Range<u64>) -> (f64, f64) {
    let (mut found, mut true_rise, mut companies) = (0.0, 0.0, 0.0);
    for seed in seeds {
        let company = Company::build(&Options::new(300, 40, seed)).unwrap();
        let panel = company.panel();
        let rate = |team: &truth::Team, weeks: std::ops::Range<u32>| {
            let weeks = weeks.map(|week| week as usize).filter(|&week| team.headcount[week] > 0);
            let rates: Vec<f64> = weeks
                .map(|week| 100.0 * f64::from(team.contributions[week]) / f64::from(team.headcount[week]))
                .collect();
            rates.iter().sum::<f64>() / rates.len().max(1) as f64
        };
        let change = |team: &truth::Team, week: u32| rate(team, week..week + 8) - rate(team, week - 8..week);
        let treated: Vec<(&truth::Team, u32)> = panel
            .teams
            .iter()
            .filter_map(|team| team.first_post.filter(|(of, _)| *of == kind).map(|(_, week)| (team, week)))
            .collect();
        let never: Vec<&truth::Team> = panel
            .teams
            .iter()
            .filter(|team| team.first_post.is_none() && team.headcount.iter().all(|&people| people >= 5))
            .collect();
        let mut sum = 0.0;
        for (team, week) in &treated {
            sum += change(team, *week) - never.iter().map(|team| change(team, *week)).sum::<f64>() / never.len() as f64;
        }
        found += sum / treated.len() as f64;
        true_rise += company.truth().effects.iter().find(|effect| effect.kind == kind).unwrap().per_100_weeks_0_to_7;
        companies += 1.0;
    }
    (found / companies, true_rise / companies)
}

#[test]
fn the_data_hold_what_the_truth_says() {
    let (found, planted) = before_after("ama", 0..12);
    assert!(planted > 30.0 && (found / planted - 1.0).abs() < 0.1, "ama: {found} against {planted}");
    let (found, planted) = before_after("playbook", 0..12);
    assert!(planted == 0.0 && found.abs() < 2.5, "playbook: {found}");
    // Nothing planted, and yet these teams rise: a comparison of before and after would be fooled.
    let (found, planted) = before_after("micro_lesson", 0..12);
    assert!(planted == 0.0 && found > 10.0, "micro_lesson: {found}");
}

#[test]
fn companies_of_any_size_and_length_can_be_made() {
    for (workers, weeks) in [(10, 1), (25, 5), (119, 12), (121, 17), (700, 8)] {
        for format in [Format::Csv, Format::Ndjson, Format::Parquet] {
            let options = Options { dirt: true, format, cadence: Cadence::Daily, ..Options::new(workers, weeks, 1) };
            let (folder, summary) = Folder::of(&options);
            assert!(summary.events > 0 && folder.0.len() as u32 >= 7 * weeks, "{workers} workers, {weeks} weeks");
        }
    }
    assert!(write(&Options::new(9, 10, 1), &mut Folder::default(), &|_| {}).is_err());
    assert!(write(&Options::new(100, 0, 1), &mut Folder::default(), &|_| {}).is_err());
}

#[test]
fn a_failing_sink_ends_the_writing_with_the_path() {
    struct Full(u32);
    impl Sink for Full {
        type Error = std::io::Error;
        fn put(&mut self, _: &str, _: Bytes) -> Result<(), std::io::Error> {
            self.0 += 1;
            if self.0 > 3 { Err(std::io::Error::other("full")) } else { Ok(()) }
        }
    }
    let mut full = Full(0);
    let error = write(&Options::new(100, 10, 1), &mut full, &|_| {}).unwrap_err();
    assert!(error.to_string().starts_with("cannot store landing/"), "{error}");
    assert_eq!(full.0, 4, "nothing is put after the failure");
}

#[test]
fn the_company_in_the_repository_is_what_the_generator_writes() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-data");
    let (folder, _) = Folder::of(&Options { untidy: true, ..dirty() });
    for (path, bytes) in &folder.0 {
        let kept = std::fs::read(root.join(path)).unwrap_or_default();
        assert!(kept == bytes.as_ref(), "sample-data/{path} is stale: make sample-data");
    }
    let mut waiting = vec![root.join("landing"), root.join("feeds")];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
            match path.is_dir() {
                true => waiting.push(path),
                false => assert!(folder.0.contains_key(&name), "sample-data/{name} is nobody's"),
            }
        }
    }
}
