//! What was planted, as figures: `truth.json`, and the panel an estimator would see.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::period::{Day, date_of};

use super::Company;
use super::accounts::{Bridge, Kind as AccountKind, worker_id};
use super::community::{EXPERT_SHARE, contributions};
use super::names::{COMPANY, LOCATIONS};
use super::org::{Kind as UnitKind, UnitId};
use super::people::{Status, WorkerType};
use super::plan::Kind;

/// Everything `truth.json` says.
#[derive(Debug, Clone, Serialize)]
pub struct Truth {
    pub company: &'static str,
    pub seed: u64,
    pub workers: u32,
    pub weeks: u32,
    pub first_day: String,
    pub last_day: String,
    /// The level of units at which effects are planted.
    pub unit_kind: &'static str,
    /// Heads of teams are managers: posts at or above this band are leaders' posts.
    pub leader_band: &'static str,
    pub effects: Vec<Effect>,
    /// Eligible people (active employees on at least one day) by ISO week and by month.
    pub headcount_by_week: BTreeMap<String, u32>,
    pub headcount_by_month: BTreeMap<String, u32>,
    /// The same in the last week, of each team and lab that exists then and of each location.
    pub headcount_by_unit: BTreeMap<String, u32>,
    pub headcount_by_location: BTreeMap<String, u32>,
    pub people: PeopleTruth,
    /// Deliveries that are not as they should be.
    pub flaws: Vec<super::dirt::Flawed>,
    /// Of an untidy company: the figures that are right, and what makes them hard to find.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untidy: Option<super::untidy::truth::Right>,
}

#[derive(Debug, Clone, Serialize)]
pub struct PeopleTruth {
    pub ever_worked: usize,
    pub hired: usize,
    pub left: usize,
    pub returned: usize,
    pub transferred: usize,
    pub on_leave: usize,
    pub announced_for_later: usize,
    pub contractors: usize,
    pub interns: usize,
    pub experts: usize,
    pub without_account: usize,
    pub with_two_accounts: usize,
    pub unmatched_accounts: usize,
    pub test_and_external_accounts: usize,
}

/// One kind of first post, and what it truly does to contributions by people below the leaders.
#[derive(Debug, Clone, Serialize)]
pub struct Effect {
    pub kind: &'static str,
    /// `real`, `null` or `confounded_by_growth`.
    pub planted: &'static str,
    pub outcome: &'static str,
    pub units: usize,
    /// Team ids by the Monday of the week of their first post.
    pub cohorts: BTreeMap<String, Vec<String>>,
    /// Expected rise per 100 eligible people and week, by weeks since the post: mean over the units seen then.
    pub per_100_by_week: Vec<f64>,
    /// Plain mean of the first eight of these, over units seen in all eight (`balance_e` = 7).
    pub per_100_weeks_0_to_7: f64,
    /// The same relative to what these units would have contributed.
    pub relative_weeks_0_to_7: f64,
    /// Share of it that authors named as subject-matter experts write.
    pub expert_share: f64,
}

/// Weeks after the first post for which `truth.json` gives the effect.
const HORIZON: u32 = 12;

pub(super) fn truth(company: &Company) -> Truth {
    let calendar = company.calendar;
    let last_week = calendar.monday(calendar.weeks - 1)..calendar.end();
    let mut by_unit = BTreeMap::new();
    let mut by_location = BTreeMap::new();
    for person in &company.people {
        if let Some(unit) = person.place(last_week.start, last_week.end) {
            *by_unit.entry(unit).or_insert(0) += 1;
            *by_location.entry(LOCATIONS[person.location].name.to_owned()).or_insert(0) += 1;
        }
    }
    let headcount =
        |from: Day, to: Day| company.people.iter().filter(|one| one.place(from, to).is_some()).count() as u32;
    let weeks = (0..calendar.weeks).map(|week| (calendar.monday(week), calendar.monday(week + 1)));
    let mut months: Vec<(Day, Day)> = Vec::new();
    for day in calendar.days() {
        match months.last_mut() {
            Some(month) if label(day)[..7] == label(month.0)[..7] => month.1 = day + 1,
            _ => months.push((day, day + 1)),
        }
    }
    Truth {
        company: COMPANY,
        seed: company.options.seed,
        workers: company.options.workers,
        weeks: calendar.weeks,
        first_day: label(calendar.start),
        last_day: label(calendar.end() - 1),
        unit_kind: UnitKind::Team.as_str(),
        leader_band: "manager",
        effects: Kind::ALL.into_iter().filter_map(|kind| effect(company, kind)).collect(),
        headcount_by_week: weeks.map(|(from, to)| (label(from), headcount(from, to))).collect(),
        headcount_by_month: months
            .into_iter()
            .map(|(from, to)| (label(from)[..7].to_owned(), headcount(from, to)))
            .collect(),
        headcount_by_unit: by_unit
            .into_iter()
            .map(|(unit, people)| (company.org.units[unit].id.clone(), people))
            .collect(),
        headcount_by_location: by_location,
        people: people(company),
        flaws: super::dirt::flaws(company),
        untidy: company.options.untidy.then(|| super::untidy::truth::right(company)),
    }
}

fn label(day: Day) -> String {
    date_of(day).to_string()
}

fn effect(company: &Company, kind: Kind) -> Option<Effect> {
    let units: Vec<(UnitId, u32)> = company.plan.treated(kind).collect();
    if units.is_empty() {
        return None;
    }
    let mut cohorts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for &(unit, week) in &units {
        cohorts.entry(label(company.calendar.monday(week))).or_default().push(company.org.units[unit].id.clone());
    }
    // Rise and base per 100 people in one unit and week.
    let at = |unit: UnitId, week: u32| {
        let expected = company.plan.expected(unit, week);
        let people = f64::from(company.plan.units[unit].headcount[week as usize].max(1));
        (100.0 * (expected.with - expected.without) / people, 100.0 * expected.without / people)
    };
    let seen = |since: u32, for_weeks: u32| {
        units
            .iter()
            .filter(move |(_, week)| week + for_weeks < company.calendar.weeks)
            .map(move |&(unit, week)| at(unit, week + since))
    };
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        let (sum, n) = values.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
        if n > 0.0 { sum / n } else { 0.0 }
    };
    let rise = mean(&mut (0..8).map(|since| mean(&mut seen(since, 7).map(|(rise, _)| rise))));
    let base = mean(&mut (0..8).map(|since| mean(&mut seen(since, 7).map(|(_, base)| base))));
    Some(Effect {
        kind: kind.as_str(),
        planted: kind.truth(),
        outcome: "contributions by people below the leaders, per 100 eligible people and week",
        units: units.len(),
        cohorts,
        per_100_by_week: (0..HORIZON)
            .map(|since| rounded(mean(&mut seen(since, since).map(|(rise, _)| rise))))
            .collect(),
        per_100_weeks_0_to_7: rounded(rise),
        relative_weeks_0_to_7: if base > 0.0 { rounded(rise / base) } else { 0.0 },
        expert_share: EXPERT_SHARE,
    })
}

/// To six decimals: more would promise a precision that no reader needs.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn people(company: &Company) -> PeopleTruth {
    let (calendar, people) = (company.calendar, &company.people);
    let during = |day: Day| calendar.days().contains(&day);
    let count = |is: &dyn Fn(&super::people::Person) -> bool| people.iter().filter(|person| is(person)).count();
    let accounts = &company.accounts.all;
    PeopleTruth {
        ever_worked: people.len(),
        hired: count(&|one| during(one.hired())),
        left: count(&|one| one.spells.iter().any(|spell| spell.status == Status::Terminated && during(spell.from))),
        returned: count(&|one| one.employments().len() > 1),
        transferred: count(&|one| {
            one.spells.windows(2).any(|pair| pair[0].unit != pair[1].unit && during(pair[1].from))
        }),
        on_leave: count(&|one| one.spells.iter().any(|spell| spell.status == Status::Leave && during(spell.from))),
        announced_for_later: count(&|one| one.hired() >= calendar.end()),
        contractors: count(&|one| one.worker_type == WorkerType::Contractor),
        interns: count(&|one| one.worker_type == WorkerType::Intern),
        experts: count(&|one| one.is_sme),
        without_account: people
            .iter()
            .zip(&company.accounts.of_person)
            .filter(|(one, account)| one.hired() < calendar.end() && account.is_none())
            .count(),
        with_two_accounts: accounts.iter().filter(|account| account.is_second).count(),
        unmatched_accounts: accounts
            .iter()
            .filter(|one| one.kind == AccountKind::Learner && one.bridge == Bridge::None)
            .count(),
        test_and_external_accounts: accounts.iter().filter(|one| one.kind != AccountKind::Learner).count(),
    }
}

/// Teams by weeks, as an estimator of leaders' effects sees them.
#[derive(Debug, Clone)]
pub struct Panel {
    pub weeks: u32,
    pub teams: Vec<Team>,
}

/// One team of a [`Panel`].
#[derive(Debug, Clone)]
pub struct Team {
    pub org_id: String,
    /// The head at the start, as a worker id.
    pub head: String,
    /// Kind and week of the head's first post of a kind that counts as treatment.
    pub first_post: Option<(&'static str, u32)>,
    /// Eligible people by week; 0 where the team does not exist.
    pub headcount: Vec<u32>,
    /// Contributions by people below the leaders that were not deleted, by week.
    pub contributions: Vec<u32>,
}

pub(super) fn panel(company: &Company) -> Panel {
    let weeks = company.calendar.weeks;
    let mut made = vec![vec![0u32; weeks as usize]; company.org.units.len()];
    for week in 0..weeks {
        for one in contributions(company, week).iter().filter(|one| !one.by_leader && one.deleted.is_none()) {
            made[one.unit][week as usize] += 1;
        }
    }
    let teams = company.org.leaves().filter(|(_, unit)| unit.kind == UnitKind::Team).map(|(id, unit)| {
        let plan = &company.plan.units[id];
        Team {
            org_id: unit.id.clone(),
            head: unit.head_on(company.calendar.start).map_or(String::new(), worker_id),
            first_post: plan.treatment.map(|treatment| (treatment.kind.as_str(), treatment.week)),
            headcount: plan.headcount.clone(),
            contributions: std::mem::take(&mut made[id]),
        }
    });
    Panel { weeks, teams: teams.collect() }
}
