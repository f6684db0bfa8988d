//! Leaders' posts from canon rows to verdicts: generated companies whose truth is known, and the demo through the command line.
#![allow(clippy::print_stderr, reason = "the measured shares are worth reading")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use rayon::prelude::*;
use uptake::canon::hierarchy::Units;
use uptake::canon::history::{Eligibility, People};
use uptake::canon::identity::Identity;
use uptake::canon::reach::{Orgs, Places};
use uptake::job::Policy;
use uptake::mart::leader_post_effects::{self as effects, Answer, Draws, Grid, OrgWeek, Source};
use uptake::period::{Calendar, Day, Grain};
use uptake::sample::{Company, Effect, Options, Panel};
use uptake::stats::verdict::Verdict;

const COMPANIES: u64 = 200;
/// Weeks of the sample are counted from a Monday; any will do.
const START: Day = 20_262;

/// Columns of text by name; an empty text is null.
fn texts(columns: &[(&str, Vec<String>)], more: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let text = |values: &Vec<String>| -> ArrayRef {
        Arc::new(values.iter().map(|value| Some(value.as_str()).filter(|value| !value.is_empty())).collect::<StringArray>())
    };
    let columns = columns.iter().map(|(name, values)| (*name, text(values))).chain(more);
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
}

/// The rows that HRIS and community would have delivered for a panel of teams: one division above them, a head and enough people in
/// each team and week, contributions by its people, the first post by its head.
struct Rows {
    workers: RecordBatch,
    units: RecordBatch,
    users: RecordBatch,
    contributions: RecordBatch,
}

fn rows(panel: &Panel) -> Rows {
    let days = |values: Vec<Day>| -> ArrayRef { Arc::new(Date32Array::from(values)) };
    let (mut worker, mut org, mut band, mut from, mut to) = (vec![], vec![], vec![], vec![], vec![]);
    let (mut id, mut author, mut kind, mut at) = (vec![], vec![], vec![], vec![]);
    let instant = |day: Day, second: i64| (i64::from(day) * 86_400 + second) * 1_000_000;
    for team in &panel.teams {
        let most = team.headcount.iter().copied().max().unwrap_or(0);
        for person in 0..most {
            // The weeks in which the team has more people than this one's number.
            let mut week = 0;
            while week < panel.weeks {
                let is_here = |week: u32| team.headcount.get(week as usize).is_some_and(|people| person < *people);
                let begin = week;
                while week < panel.weeks && is_here(week) {
                    week += 1;
                }
                if week > begin {
                    worker.push(format!("{}-{person:03}", team.org_id));
                    org.push(team.org_id.clone());
                    band.push(if person == 0 { "manager" } else { "ic" }.to_owned());
                    from.push(START + 7 * begin as Day);
                    to.push(START + 7 * week as Day);
                }
                week += 1;
            }
        }
        for (week, &made) in team.contributions.iter().enumerate() {
            for one in 0..made {
                id.push(format!("{}-{week}-{one}", team.org_id));
                author.push(format!("{}-{:03}", team.org_id, 1 + one % team.headcount[week].saturating_sub(1).max(1)));
                kind.push("answer".to_owned());
                at.push(instant(START + 7 * week as Day + 1 + (one % 5) as Day, 50_000));
            }
        }
        if let Some((first, week)) = team.first_post {
            id.push(format!("{}-post", team.org_id));
            author.push(format!("{}-000", team.org_id));
            kind.push(first.to_owned());
            at.push(instant(START + 7 * week as Day + 1, 32_000));
        }
    }
    let mut users: Vec<String> = worker.clone();
    users.sort();
    users.dedup();
    let teams = panel.teams.len();
    let mut units: Vec<String> = panel.teams.iter().map(|team| team.org_id.clone()).collect();
    units.push("top".into());
    let mut heads: Vec<String> = panel.teams.iter().map(|team| format!("{}-000", team.org_id)).collect();
    heads.push(String::new());
    let mut parents = vec!["top".to_owned(); teams];
    parents.push(String::new());
    let n = worker.len();
    Rows {
        workers: texts(
            &[("worker_id", worker), ("org_id", org), ("leader_band", band), ("status", vec!["active".into(); n])],
            vec![("effective_from", days(from)), ("effective_to", days(to))],
        ),
        units: texts(
            &[("org_id", units), ("parent_id", parents), ("head_worker_id", heads)],
            vec![("effective_from", days(vec![0; teams + 1]))],
        ),
        users: texts(&[("user_id", users.clone()), ("employee_no", users)], Vec::new()),
        contributions: texts(
            &[("contribution_id", id), ("author_id", author), ("kind", kind)],
            vec![("created_at", Arc::new(TimestampMicrosecondArray::from(at).with_timezone("UTC")))],
        ),
    }
}

/// The answers about expert contributions that a lake with these rows would publish.
fn answers(panel: &Panel) -> Vec<Answer> {
    let rows = rows(panel);
    // Accounts meet workers by number; the numbers here are the ids.
    let numbered = {
        let mut columns: Vec<(String, ArrayRef)> = rows.workers.schema().fields().iter().zip(rows.workers.columns()).map(|(field, array)| (field.name().clone(), array.clone())).collect();
        columns.push(("employee_no".into(), rows.workers.column_by_name("worker_id").unwrap().clone()));
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
    };
    let rule = Eligibility { worker_types: vec!["employee".into()], min_tenure_days: 0 };
    let people = People::build(std::slice::from_ref(&numbered), &rule);
    let units = Units::build(&[rows.units]);
    let identity = Identity::build(&[rows.users], &[], &[numbered], &people);
    let calendar = Calendar { fiscal_year_start: 1, holidays: Default::default() };
    let policy = Policy { unit_level: 2, ..Policy::default() };
    let end = START + 7 * panel.weeks as Day;
    let source = Source {
        people: &people,
        identity: &identity,
        places: Places::new(&people),
        calendar: &calendar,
        zone: chrono_tz::UTC,
        horizon: end,
        leader_band: &policy.leader_band,
    };
    let acts = effects::acts(&source, &[rows.contributions], &[]);
    let orgs = Orgs::new(&people, &units);
    let weeks = calendar.periods(Grain::Week, START, end);
    let mut own: BTreeMap<(Day, u32), i64> = BTreeMap::new();
    for week in &weeks {
        for stint in people.places(*week) {
            *own.entry((week.start, orgs.of_place(stint.place.org))).or_default() += 1;
        }
    }
    let own: Vec<OrgWeek> = own
        .into_iter()
        .map(|((week, org), headcount)| OrgWeek { week, org, headcount, active_learners: 0, completions: 0 })
        .collect();
    let company = effects::Company {
        people: &people,
        units: &units,
        orgs: &orgs,
        places: &source.places,
        level: policy.unit_level,
        smallest_group: policy.smallest_group,
        weeks,
    };
    let grid = Grid::build(&company, &own, &acts);
    effects::answer(&grid, &orgs.ids, &[0], &policy, Draws { bootstrap: 19, placebo: 39 }, &[]).0
}

fn of_kind<'a>(answers: &'a [Answer], kind: &str) -> &'a Answer {
    answers.iter().find(|answer| answer.question.kind.is_some_and(|at| effects::KINDS[at as usize] == kind)).unwrap()
}

fn covers(answer: &Answer, truth: f64) -> bool {
    let found = answer.headline().unwrap();
    let headline = found.headline.as_ref().unwrap();
    let (low, high) = found.interval(headline.estimate, headline.se, headline.df).unwrap();
    low <= truth && truth <= high
}

#[test]
fn over_two_hundred_companies_intervals_cover_the_truth_and_what_is_not_there_is_hardly_ever_supported() {
    let found: Vec<(Vec<Effect>, Vec<Answer>)> = (0..COMPANIES)
        .into_par_iter()
        .map(|seed| {
            let company = Company::build(&Options::new(300, 40, 1_000 + seed)).unwrap();
            (company.truth().effects, answers(&company.panel()))
        })
        .collect();
    let share = |holds: &dyn Fn(&[Effect], &[Answer]) -> bool| {
        found.iter().filter(|(truth, answers)| holds(truth, answers)).count() as f64 / found.len() as f64
    };
    let planted = |truth: &[Effect], kind: &str| truth.iter().find(|effect| effect.kind == kind).unwrap().per_100_weeks_0_to_7;
    let verdict = |answers: &[Answer], kind: &str| of_kind(answers, kind).judgement().unwrap().verdict;
    let mut report = Vec::new();
    for (kind, least_supported, most_supported) in [("ama", 0.5, 1.0), ("playbook", 0.0, 0.05), ("micro_lesson", 0.0, 0.05)] {
        let coverage = share(&|truth, answers| covers(of_kind(answers, kind), planted(truth, kind)));
        let of = |wanted: Verdict| share(&|_, answers| verdict(answers, kind) == wanted);
        let (supported, flagged) = (of(Verdict::Supported), of(Verdict::PretrendViolation));
        report.push(format!(
            "{kind}: coverage {coverage}, supported {supported}, suggestive {}, flagged {flagged}, not detected {}, thin {}",
            of(Verdict::Suggestive),
            of(Verdict::NotDetected),
            of(Verdict::InsufficientData)
        ));
        if kind != "micro_lesson" && !(0.90..=0.99).contains(&coverage) {
            report.push(format!("BROKEN: {kind} coverage {coverage}"));
        }
        if !(least_supported..=most_supported).contains(&supported) {
            report.push(format!("BROKEN: {kind} supported {supported}"));
        }
    }
    eprintln!("{}", report.join("\n"));
    assert!(report.iter().all(|line| !line.starts_with("BROKEN")), "{}", report.join("\n"));
}
