//! What an untidy company promises of itself, from its files alone.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use flate2::read::MultiGzDecoder;

use super::super::{Options, Sink, write};
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

fn untidy() -> Options {
    Options { untidy: true, ..Options::new(300, 40, 106) }
}

fn folder(options: &Options) -> Folder {
    let mut folder = Folder::default();
    write(options, &mut folder, &|_| {}).unwrap();
    folder
}

impl Folder {
    fn text(&self, path: &str) -> String {
        let (mut text, bytes) = (String::new(), &self.0[path]);
        match bytes.starts_with(&[0x1f, 0x8b]) {
            true => MultiGzDecoder::new(bytes.as_ref()).read_to_string(&mut text).unwrap(),
            false => bytes.as_ref().read_to_string(&mut text).unwrap(),
        };
        text
    }

    /// The records of all CSV files whose path contains `part`.
    fn records(&self, part: &str) -> Vec<BTreeMap<String, String>> {
        let paths = self.0.keys().filter(|path| path.contains(part));
        let of = |path: &String| -> Vec<BTreeMap<String, String>> {
            csv::Reader::from_reader(self.text(path).as_bytes()).deserialize().map(Result::unwrap).collect()
        };
        paths.flat_map(of).collect()
    }
}

#[test]
fn the_same_options_give_the_same_bytes_and_other_options_are_left_alone() {
    let (one, other) = (folder(&untidy()), folder(&untidy()));
    assert!(one.0 == other.0);
    assert!(one.0.contains_key("job.toml") && one.0.contains_key("feeds/hub_statements.toml"));
    let tidy = folder(&Options::new(300, 40, 106));
    assert!(!tidy.0.keys().any(|path| path.ends_with(".toml") || path.contains("part-")));
    assert!(!tidy.text("truth.json").contains("\"untidy\""));
}

#[test]
fn every_kind_of_untidiness_is_there() {
    let truth = Company::build(&untidy()).unwrap().truth();
    let there = truth.untidy.unwrap().untidiness;
    assert!(there.former_workers == 12 && there.back_under_a_new_id >= 2, "{there:?}");
    assert!(there.leavers_the_hr_system_forgot >= 5 && there.accounts_removed >= 8, "{there:?}");
    assert!(there.second_jobs >= 5 && there.parts_of_a_list == 2, "{there:?}");
    assert!(there.files_with_events_told_again > there.files_with_events_told_again_at_another_time, "{there:?}");
    assert!(there.files_with_events_told_again_at_another_time >= 2, "{there:?}");
    assert!(there.marks_above_the_maximum > 20 && there.marks_below_nothing > 2, "{there:?}");
}

#[test]
fn whoever_came_back_is_two_workers_with_one_number_and_one_address() {
    let folder = folder(&untidy());
    let mut ids: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in folder.records("/hris/2026-03-30/") {
        ids.entry(row["worker_code"].clone()).or_default().insert(row["id"].clone());
    }
    let two = ids.values().filter(|ids| ids.len() == 2).count();
    assert!(two >= 2 && ids.values().all(|ids| ids.len() <= 2), "{two}");
}

#[test]
fn lists_shrink_and_hold_the_leavers_no_more() {
    let folder = folder(&untidy());
    let company = Company::build(&untidy()).unwrap();
    let ids = |part: &str, column: &str| -> BTreeSet<String> {
        folder.records(part).into_iter().map(|mut row| row.remove(column).unwrap()).collect()
    };
    let (first, last) = (ids("/hris/2025-06-23/", "id"), ids("/hris/2026-03-30/", "id"));
    assert!(first.difference(&last).count() >= 3, "{:?}", first.difference(&last));
    let (all, left) = (ids("/norhaven/users_", "user_id"), ids("/norhaven/users_2026-03-30", "user_id"));
    assert!(left.len() < all.len() && !left.is_empty(), "{left:?} of {all:?}");
    let transcript = ids("/academy/transcript_2026-03-30", "Learner");
    let before = ids("/academy/transcript_", "Learner");
    let gone: Vec<&String> = before.difference(&transcript).collect();
    assert!(!gone.is_empty());
    for id in gone {
        let account = company.accounts.all.iter().find(|account| account.id == *id).unwrap();
        assert!(account.deactivated.is_some_and(|day| day <= company.calendar.end()), "{id}");
    }
}

#[test]
fn a_number_is_somebody_else_on_each_site() {
    let company = Company::build(&untidy()).unwrap();
    let people = |site: Site| -> BTreeMap<&str, usize> {
        let own = company.accounts.all.iter().filter(|account| account.site == site);
        own.filter_map(|account| Some((sites::name(account), account.person?))).collect()
    };
    let (academy, norhaven) = (people(Site::Academy), people(Site::Norhaven));
    let same = norhaven.iter().filter(|(name, person)| academy.get(*name).is_some_and(|other| other != *person));
    assert!(same.count() >= 3, "{academy:?} {norhaven:?}");
    assert!(people(Site::Main).keys().all(|name| name.bytes().all(|byte| byte.is_ascii_digit())));
}

#[test]
fn required_courses_come_back_after_a_year() {
    let folder = folder(&untidy());
    let mut days: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for row in folder.records("/main/transcript_").iter().filter(|row| row["cp_required"] == "true") {
        let key = (row["cp_user_id"].clone(), row["cp_object_id"].clone());
        days.entry(key).or_default().insert(row["cp_assigned_dt"][..10].to_owned());
    }
    let twice = days.values().filter(|days| days.len() == 2).count();
    assert!(twice > 150, "{twice} of {}", days.len());
    let company = Company::build(&untidy()).unwrap();
    let right = company.truth().untidy.unwrap();
    let assigned: BTreeMap<&str, u32> = right
        .months
        .iter()
        .filter(|(_, of)| of.required.assigned > 100)
        .map(|(m, of)| (&m[..], of.required.assigned))
        .collect();
    let months: Vec<&str> = assigned.keys().copied().collect();
    assert_eq!(months, ["2024-08", "2024-11", "2025-02", "2025-08", "2025-11", "2026-02"], "{assigned:?}");
}

#[test]
fn the_truth_of_a_month_is_what_its_files_say() {
    let folder = folder(&untidy());
    let right = Company::build(&untidy()).unwrap().truth().untidy.unwrap();
    // Headcount by hand: the rows of the first list that holds the month, so that nobody is forgotten yet.
    let rows = folder.records("/hris/2025-12-08/");
    let here = |day: &str| {
        let people = rows.iter().filter(|row| {
            row["primary_job"] == "true"
                && row["worker_type"] == "Employee"
                && row["employment_status"] != "On Leave"
                && row["hire_date"].as_str() <= day
                && (row["termination_date"].is_empty() || row["termination_date"].as_str() >= day)
                && (&row["_fivetran_end"][..10] > day || row["_fivetran_end"].starts_with("9999"))
        });
        people.map(|row| row["id"].clone()).collect::<BTreeSet<_>>().len() as u32
    };
    for day in ["2025-11-30", "2025-10-31"] {
        let expected = right.headcount_on[day];
        assert!(here(day).abs_diff(expected) <= 3, "{day}: {} against {expected}", here(day));
    }
    // Some do come in the evening of a day that is another one in Berlin, and some learn on two screens at once.
    let month = &right.months["2025-11"];
    assert!(month.active_learners > 80 && month.active_learners < month.headcount, "{month:?}");
    assert!(month.unmatched_events > 0 && month.contributors > 20, "{month:?}");
}

#[test]
fn events_are_told_again_under_their_own_ids() {
    let folder = folder(&untidy());
    let mut times: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let (mut rows, mut ids) = (0, BTreeSet::new());
    for mut row in folder.records("/activity/activity_") {
        rows += 1;
        let id = row.remove("event_id").unwrap();
        times.entry(id.clone()).or_default().insert(row.remove("occurred_at").unwrap());
        ids.insert(id);
    }
    assert!(rows > ids.len() + 100, "{rows} rows of {} events", ids.len());
    assert!(times.values().filter(|times| times.len() == 2).count() > 20);
}

#[test]
fn untidy_companies_of_any_size_and_length_can_be_made() {
    for (workers, weeks) in [(10, 1), (25, 5), (121, 17), (60, 60)] {
        for cadence in [super::super::Cadence::Daily, super::super::Cadence::Weekly] {
            let options = Options { dirt: true, untidy: true, cadence, ..Options::new(workers, weeks, 1) };
            let folder = folder(&options);
            assert!(folder.0.contains_key("truth.json"), "{workers} workers, {weeks} weeks");
        }
    }
}
