//! The definitions of the tables, column by column, over what the deliveries say.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike, Days, NaiveDate};

use super::facts::{Facts, Post};
use crate::numbers::{Fields, date};

fn monday(day: NaiveDate) -> NaiveDate {
    day - Days::new(u64::from(day.weekday().num_days_from_monday()))
}

pub type Scope = (String, String);

/// A period, cut at the horizon.
#[derive(Clone, Copy)]
pub struct When {
    pub start: NaiveDate,
    pub end: NaiveDate,
    /// The end of the whole period.
    pub whole: NaiveDate,
}

/// Who is in which scope.
pub fn scopes(facts: &Facts<'_>, When { start, end, .. }: When, leaders_alone: bool) -> BTreeMap<Scope, Vec<String>> {
    let mut scopes: BTreeMap<Scope, Vec<String>> = BTreeMap::new();
    for worker in facts.company.workers.keys() {
        let Some(place) = facts.company.place(worker, start, end) else { continue };
        if leaders_alone && place["leader_band"] == "ic" {
            continue;
        }
        let value = |name: &str| if place[name].is_empty() { "unknown".to_owned() } else { place[name].to_owned() };
        let mut of: Vec<Scope> =
            ["leader_band", "location", "function"].map(|kind| (kind.to_owned(), value(kind))).to_vec();
        of.push(("company".into(), "all".into()));
        of.extend(facts.company.units_above(place["org_id"], end).into_iter().map(|unit| ("org".into(), unit.into())));
        for scope in of {
            scopes.entry(scope).or_default().push((*worker).to_owned());
        }
    }
    scopes
}

pub type Cells = BTreeMap<&'static str, f64>;

/// What a row of `leadership_kpis` must say of some leaders.
pub fn of_leaders(facts: &Facts<'_>, scope: &Scope, leaders: &[String], when: When) -> Cells {
    let When { start, end, whole } = when;
    let within = |day: NaiveDate| start <= day && day < end;
    let own = |worker: &str| -> Vec<&Post<'_>> {
        let stands = |post: &&Post<'_>| post.worker == worker && !["answer", "comment"].contains(&post.kind);
        facts.posts.iter().filter(stands).collect()
    };
    let posts: Vec<&Post<'_>> = leaders.iter().flat_map(|leader| own(leader)).filter(|post| within(post.day)).collect();
    let count = |is: &dyn Fn(&Post<'_>) -> bool| posts.iter().filter(|post| is(post)).count() as f64;
    let people = |is: &dyn Fn(&str) -> bool| leaders.iter().filter(|leader| is(leader)).count() as f64;
    let last_week = monday(end - Days::new(1));
    let habit = |leader: &str| {
        let weeks: BTreeSet<NaiveDate> = own(leader)
            .into_iter()
            .map(|post| post.day)
            .filter(|day| *day < end)
            .map(monday)
            .filter(|week| *week + Days::new(49) >= last_week)
            .collect();
        weeks.len() >= 4
    };
    let mut leader_weeks = (0.0, 0.0);
    for leader in leaders {
        for week in monday(start).iter_days().step_by(7).take_while(|week| *week < end) {
            let sunday = week + Days::new(6);
            let ends_in = start <= sunday && sunday < whole;
            let eligible = facts.company.place(leader, week.max(start), (week + Days::new(7)).min(end)).is_some();
            if ends_in && eligible {
                let minutes: i64 = own(leader)
                    .into_iter()
                    .filter(|post| monday(post.day) == week && post.day < end)
                    .map(|post| post.minutes)
                    .sum();
                leader_weeks.0 += 1.0;
                leader_weeks.1 += f64::from((15..=30).contains(&minutes));
            }
        }
    }
    let reactions: Vec<&str> = facts
        .reactions
        .iter()
        .filter(|(day, who, _)| within(*day) && leaders.iter().any(|leader| leader == who))
        .map(|(.., whose)| *whose)
        .collect();
    let credited: BTreeSet<&str> = posts.iter().flat_map(|post| post.credited.iter().copied()).collect();
    let mut functions: BTreeMap<&str, (BTreeSet<&str>, f64)> = BTreeMap::new();
    for post in &posts {
        let place = facts.company.place(post.worker, start, end).expect("a place");
        let of = functions.entry(place["function"]).or_default();
        of.0.insert(post.worker);
        of.1 += 1.0;
    }
    let window = start.min(end - Days::new(14));
    let held = |kind: &'static str, from: NaiveDate| {
        facts
            .events
            .iter()
            .filter(move |row| row["kind"] == kind && date(row["held_on"]).is_some_and(|day| from <= day && day < end))
    };
    let chain = |leader: &str| -> BTreeSet<&str> {
        let place = facts.company.place(leader, start, end).expect("a place");
        let mut all: BTreeSet<&str> = facts.company.units_above(place["org_id"], end).into_iter().collect();
        all.extend([place["function"], place["location"], place["leader_band"], "", "all"]);
        all
    };
    let has_reports = |leader: &str| {
        facts.company.workers.keys().any(|worker| {
            *worker != leader && facts.company.place(worker, start, end).is_some_and(|row| row["manager_id"] == leader)
        })
    };
    let addressed = |leader: &str| {
        has_reports(leader) && held("message", window).any(|row| chain(leader).contains(row["scope_id"]))
    };
    let passed = |leader: &str| held("message_cascade", window).any(|row| row["owner_id"] == leader);
    let mut cells = Cells::from([
        ("leaders", leaders.len() as f64),
        ("leaders_posting", people(&|leader| posts.iter().any(|post| post.worker == leader))),
        ("leaders_learning", people(&|leader| facts.company.learns(leader, start, end))),
        ("leaders_with_habit", people(&habit)),
        ("leader_posts", posts.len() as f64),
        ("micro_lessons", count(&|post| post.kind == "micro_lesson")),
        ("amas", count(&|post| post.kind == "ama")),
        ("amas_closed", count(&|post| post.is_closed)),
        ("playbooks", count(&|post| post.kind == "playbook")),
        ("playbooks_with_owner", count(&|post| post.kind == "playbook" && post.has_owner)),
        ("playbooks_tagged", count(&|post| post.kind == "playbook" && post.is_tagged)),
        ("posts", count(&|post| post.kind == "post")),
        ("crediting_posts", count(&|post| !post.credited.is_empty())),
        ("credited_smes", credited.len() as f64),
        ("reactions_to_sme", reactions.len() as f64),
        ("sme_authors_reached", reactions.iter().collect::<BTreeSet<_>>().len() as f64),
        ("functions_posting", functions.len() as f64),
        ("minutes_shared", posts.iter().map(|post| post.minutes).sum::<i64>() as f64),
        ("leader_weeks", leader_weeks.0),
        ("leader_weeks_in_band", leader_weeks.1),
        ("managers_addressed", people(&addressed)),
        ("managers_cascading", people(&|leader| addressed(leader) && passed(leader))),
    ]);
    if let Some(largest) = functions.values().map(|of| of.1).reduce(f64::max) {
        cells.insert("largest_function_share", largest / posts.len() as f64);
    }
    if scope.0 == "company" || scope.0 == "org" {
        cells.extend(voice(facts, scope, leaders, when));
    }
    let rates = [
        ("leaders_posting_rate", "leaders_posting", "leaders"),
        ("leaders_learning_rate", "leaders_learning", "leaders"),
        ("credit_rate", "crediting_posts", "leader_posts"),
        ("in_band_rate", "leader_weeks_in_band", "leader_weeks"),
        ("cascade_coverage", "managers_cascading", "managers_addressed"),
    ];
    for (rate, above, below) in rates {
        if cells[below] > 0.0 {
            cells.insert(rate, cells[above] / cells[below]);
        }
    }
    cells
}

/// Sponsors and messages of the company or a unit.
fn voice(facts: &Facts<'_>, scope: &Scope, leaders: &[String], When { start, end, .. }: When) -> Cells {
    let day = |row: &Fields<'_>| date(row["held_on"]).expect("a day");
    let before: Vec<&Fields<'_>> = facts.events.iter().filter(|row| day(row) < end).collect();
    let within = |unit: &str| {
        scope.0 == "company"
            || (!unit.is_empty() && unit != "all" && facts.company.units_above(owned(unit), end).contains(&&*scope.1))
    };
    let mut sponsors: BTreeSet<&str> = before
        .iter()
        .filter(|row| row["kind"] == "plan_start" && row["role"] == "sponsor" && within(row["scope_id"]))
        .map(|row| row["owner_id"])
        .filter(|owner| facts.company.place(owner, start, end).is_some_and(|place| place["leader_band"] != "ic"))
        .collect();
    let is_executive =
        |leader: &&String| facts.company.place(leader, start, end).expect("a place")["leader_band"] == "executive";
    sponsors.extend(leaders.iter().filter(is_executive).map(String::as_str));
    let acts = sponsors.iter().flat_map(|sponsor| {
        let posts = facts.posts.iter().filter(|post| post.worker == *sponsor && post.day < end).map(|post| post.day);
        posts.chain(before.iter().filter(|row| row["owner_id"] == *sponsor).map(|row| day(row))).collect::<Vec<_>>()
    });
    let last = acts.max();
    let mut latest: BTreeMap<(&str, &str), NaiveDate> = BTreeMap::new();
    for row in before.iter().filter(|row| row["kind"] == "message") {
        latest.insert((row["scope_id"], row["subject"]), day(row));
    }
    let stale = latest.iter().filter(|((unit, subject), sent)| {
        let decided =
            before.iter().any(|row| row["kind"] == "decision" && row["subject"] == *subject && day(row) >= **sent);
        within(unit) && !decided && (end - **sent).num_days() > 31
    });
    let mut cells = Cells::from([("stale_messaging", stale.count() as f64)]);
    if !sponsors.is_empty() {
        cells.insert("sponsor_active", f64::from(last.is_some_and(|day| day >= start)));
    }
    if let Some(last) = last {
        cells.insert("days_since_sponsor_action", (end - last).num_days() as f64 - 1.0);
    }
    cells
}

/// The units of the company live as long as the test.
fn owned(unit: &str) -> &'static str {
    ["co", "a", "a1", "a2", "b", "b1", "c"].into_iter().find(|known| *known == unit).unwrap_or("")
}

/// What a row of `knowledge_sharing` must say of some people.
pub fn of_people(facts: &Facts<'_>, _: &Scope, people: &[String], When { start, end, .. }: When) -> Cells {
    let within = |day: NaiveDate| start <= day && day < end;
    let is_expert =
        |worker: &str| facts.company.place(worker, start, end).is_some_and(|row| row["leader_band"] == "ic");
    let given: Vec<Vec<&Post<'_>>> = people
        .iter()
        .map(|worker| {
            facts.posts.iter().filter(|post| post.worker == worker && within(post.day) && is_expert(worker)).collect()
        })
        .collect();
    let amounts: Vec<f64> = given.iter().map(|posts| posts.len() as f64).collect();
    let total: f64 = amounts.iter().sum();
    let mut supply: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for post in given.iter().flatten() {
        for topic in &post.topics {
            supply.entry(topic).or_default().insert(post.worker);
        }
    }
    let is_here = |worker: &str| people.iter().any(|known| known == worker);
    let looked =
        facts.looked.iter().filter(|(day, who, _)| within(*day) && is_here(who)).map(|(.., topic)| topic.as_str());
    let asked =
        facts.posts.iter().filter(|post| within(post.day) && is_here(post.worker)).flat_map(|post| &post.sought);
    let demand: BTreeSet<&str> = looked.chain(asked.map(String::as_str)).collect();
    let mut cells = Cells::from([
        ("headcount", people.len() as f64),
        ("active_learners", people.iter().filter(|worker| facts.company.acts(worker, start, end)).count() as f64),
        ("sme_contributions", total),
        ("sme_contributors", amounts.iter().filter(|amount| **amount > 0.0).count() as f64),
        ("first_time_contributors", given.iter().filter(|posts| posts.iter().any(|post| post.is_first)).count() as f64),
        ("topics_supplied", supply.len() as f64),
        ("single_owner_topics", supply.values().filter(|owners| owners.len() == 1).count() as f64),
        ("topics_in_demand", demand.len() as f64),
        ("topics_in_demand_without_supply", demand.iter().filter(|topic| !supply.contains_key(**topic)).count() as f64),
    ]);
    if cells["active_learners"] > 0.0 {
        cells.insert("contributions_per_100_active", 100.0 * total / cells["active_learners"]);
    }
    if !supply.is_empty() {
        cells.insert("single_owner_topic_share", cells["single_owner_topics"] / cells["topics_supplied"]);
    }
    let n = amounts.len() as f64;
    if total > 0.0 && n >= 10.0 {
        let apart: f64 = amounts.iter().flat_map(|a| amounts.iter().map(move |b| (a - b).abs())).sum();
        cells.insert("gini", apart / (2.0 * n * total) * n / (n - 1.0));
        let mut most = amounts.clone();
        most.sort_by(|a, b| b.total_cmp(a));
        cells.insert("top10_percent_share", most.iter().take((n / 10.0).ceil() as usize).sum::<f64>() / total);
    }
    cells
}
