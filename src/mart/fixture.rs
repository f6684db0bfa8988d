//! Small companies written as text, for the examples at the foot of each mart.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::display::array_value_to_string;

use super::scoped::{Inputs, Mart, Previous};
use crate::canon::acts::{Acts, Interests, Reactions};
use crate::canon::certifications::{Certifications, Sources};
use crate::canon::fixture::rows;
use crate::canon::hierarchy::Units;
use crate::canon::history::{Eligibility, Interner, NONE, People, Place, Stint};
use crate::canon::identity::Identity;
use crate::contract::Catalog;
use crate::job::Policy;
use crate::period::{Calendar, Day, Grain, OPEN_END};
use crate::rollup::person_day::MEASURES;
use crate::rollup::person_period::{self, Activation, NEVER, PersonDay};

pub use crate::canon::fixture::day;

/// People from lines of `person org from to`, `-` for an open end; persons ascend.
pub fn people(text: &str) -> People {
    let mut people = People::default();
    let mut labels = Interner::default();
    for line in text.trim().lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if people.workers.last().map(String::as_str) != Some(words[0]) {
            people.workers.push(words[0].to_owned());
        }
        let to = if words[3] == "-" { OPEN_END } else { day(words[3]) };
        let place =
            Place { org: labels.code(Some(words[1])), band: NONE, location: NONE, function: NONE, manager: NONE };
        people.stints.push(Stint { worker: people.workers.len() as u32 - 1, from: day(words[2]), to, place });
    }
    people.labels = labels;
    people
}

/// Person-days from lines of `person day measure=value …`, in any order.
pub fn person_days(people: &People, text: &str) -> Vec<Arc<PersonDay>> {
    let mut days: std::collections::BTreeMap<Day, PersonDay> = std::collections::BTreeMap::new();
    for line in text.trim().lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let mut measures = [0; MEASURES.len()];
        for (name, value) in words[2..].iter().filter_map(|word| word.split_once('=')) {
            measures[MEASURES.iter().position(|measure| *measure == name).unwrap()] = value.parse().unwrap();
        }
        let date = day(words[1]);
        let rows = days.entry(date).or_insert_with(|| PersonDay { day: date, ..PersonDay::default() });
        rows.workers.push(people.code(words[0]).unwrap());
        rows.measures.push(measures);
    }
    days.into_values().map(Arc::new).collect()
}

/// What people gave to each other, for marts that read it.
#[derive(Default)]
pub struct Given {
    pub acts: Acts,
    pub reactions: Vec<Arc<Reactions>>,
    pub interests: Vec<Arc<Interests>>,
    pub certifications: Certifications,
}

/// One period of a mart over everybody and every day given, with groups of one shown and nothing rounded.
pub fn build(mart: &Mart, grain: Grain, start: &str, people: &People, days: &[Arc<PersonDay>]) -> RecordBatch {
    build_with(mart, grain, start, people, days, &Given::default())
}

/// The same with certifications.
pub fn show(
    mart: &Mart,
    grain: Grain,
    start: &str,
    people: &People,
    days: &[Arc<PersonDay>],
    certifications: &Certifications,
) -> RecordBatch {
    let given = Given { certifications: certifications.clone(), ..Given::default() };
    build_with(mart, grain, start, people, days, &given)
}

/// The same with what people gave to each other.
pub fn build_with(
    mart: &Mart,
    grain: Grain,
    start: &str,
    people: &People,
    days: &[Arc<PersonDay>],
    given: &Given,
) -> RecordBatch {
    let calendar = Calendar { fiscal_year_start: 1, holidays: Default::default() };
    let period = calendar.period(grain, day(start));
    let before = calendar.previous(period);
    let within =
        |from: Day, to: Day| days.iter().filter(|rows| (from..to).contains(&rows.day)).cloned().collect::<Vec<_>>();
    let mut activation = Activation::new(vec![NEVER; people.workers.len()]);
    within(Day::MIN, period.end).iter().for_each(|rows| activation.advance(rows));
    let person_period = person_period::build(
        period,
        period,
        &calendar,
        people,
        &within(period.start, period.end),
        &within(before.start, before.end),
        &activation,
    )
    .unwrap();
    let policy =
        Policy { synthetic_data: true, smallest_group: 1, smallest_group_manager: 1, rounding: 1, ..Policy::default() };
    let units = Units::default();
    let inputs = Inputs {
        period,
        seen: period,
        is_complete: true,
        person_period: &person_period,
        acts: &given.acts,
        reactions: &given.reactions,
        interests: &given.interests,
        calendar: &calendar,
        people,
        units: &units,
        policy: &policy,
        certifications: &given.certifications,
    };
    let catalog = Catalog::load().unwrap();
    let shown = mart.show(&catalog, &inputs).unwrap();
    mart.complete(&catalog, shown, &inputs, &Previous::new()).unwrap().rows
}

/// The cells of one scope's row, as text; empty where nothing is shown.
pub fn cells<const N: usize>(rows: &RecordBatch, kind: &str, id: &str, columns: [&str; N]) -> [String; N] {
    let value = |column: &str, row: usize| array_value_to_string(rows.column_by_name(column).unwrap(), row).unwrap();
    let row =
        (0..rows.num_rows()).find(|row| value("scope_kind", *row) == kind && value("scope_id", *row) == id).unwrap();
    columns.map(|column| value(column, row))
}

/// The cells of the row whose columns hold what is asked; none where there is no such row.
pub fn cells_where<const N: usize>(
    rows: &RecordBatch,
    wanted: &[(&str, &str)],
    columns: [&str; N],
) -> Option<[String; N]> {
    let value = |column: &str, row: usize| array_value_to_string(rows.column_by_name(column).unwrap(), row).unwrap();
    let row = (0..rows.num_rows()).find(|row| wanted.iter().all(|(column, wanted)| value(column, *row) == **wanted))?;
    Some(columns.map(|column| value(column, row)))
}

/// People since 2025 of whom the certification `safety` is required: valid for 100 days, then in grace for 10.
pub struct Certified {
    pub people: People,
    pub certifications: Certifications,
}

/// From lines of `worker org status passed_on`; the status is that of the enrollment.
pub fn certified(text: &str) -> Certified {
    let lines: Vec<Vec<&str>> = text.trim().lines().map(|line| line.split_whitespace().collect()).collect();
    let told = |header: &str, row: &dyn Fn(&[&str]) -> String| {
        table_text(header, lines.iter().map(|words| row(words)).collect())
    };
    let workers = [rows(
        "workers",
        &told("worker_id effective_from status employee_no org_id", &|words| {
            format!("{0} 2025-01-01 active {0} {1}", words[0], words[1])
        }),
    )];
    let people = People::build(&workers, &Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 });
    let users = [rows("users", &told("user_id employee_no status", &|words| format!("u{0} {0} active", words[0])))];
    let enrollments = told("user_id content_id attempt status assigned_at required completed_at", &|words| {
        format!("u{} safety 1 {} 2025-01-02 true {}", words[0], words[2], words[3])
    });
    let certifications = Certifications::build(&Sources {
        rules: &[],
        workers: &workers,
        content: &[rows("content", "content_id kind cert_valid_days grace_days\nsafety certification 100 10")],
        enrollments: &[rows("enrollments", &enrollments)],
        identity: &Identity::build(&users, &[], &workers, &people),
        people: &people,
        zone: chrono_tz::UTC,
    });
    Certified { people, certifications }
}

fn table_text(header: &str, rows: Vec<String>) -> String {
    std::iter::once(header.to_owned()).chain(rows).collect::<Vec<_>>().join("\n")
}
