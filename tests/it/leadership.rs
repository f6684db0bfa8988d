//! `leadership_kpis` and `knowledge_sharing` against sets taken straight from the deliveries of a company whose people post, credit,
//! react, search and pass messages on. Nothing here uses the product's own canon, rollup or calendar.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use self::definitions::{Cells, Scope, When, of_leaders, of_people, scopes};
use self::facts::{Facts, read};
use crate::community;
use crate::company::{self, Delivery, Plan};
use crate::numbers::date;
use crate::world::{CANONICAL, Row, Setup, World, difference};

mod definitions;
mod facts;

const PLAN: Plan = Plan { workers: 100, weeks: 9, seed: 23, bad_rows: false };

fn feeds() -> Vec<&'static str> {
    CANONICAL.iter().copied().chain(["canonical_events"]).collect()
}

fn published(policy: &'static str) -> (Vec<Delivery>, World) {
    let deliveries = community::deliveries(&PLAN);
    let world = World::with(Setup { feeds: feeds(), policy, ..Setup::default() });
    for delivery in &deliveries {
        world.deliver(&delivery.path, &delivery.text);
    }
    world.nightly(&company::end(&PLAN).to_string());
    (deliveries, world)
}

const BARE: &str = "smallest_group = 1\nsmallest_group_manager = 1\nrounding = 1";

type Say = fn(&Facts<'_>, &Scope, &[String], When) -> Cells;

/// Every shown cell of the table against what the deliveries say; gives by column how many cells above 0 were compared.
fn compare(facts: &Facts<'_>, rows: &[Row], leaders_alone: bool, say: Say) -> BTreeMap<&'static str, usize> {
    let horizon = company::end(&PLAN) + Days::new(1);
    let mut tally: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut known: BTreeMap<(NaiveDate, NaiveDate), BTreeMap<Scope, Vec<String>>> = BTreeMap::new();
    for row in rows {
        let (start, whole) = (date(&row["period_start"]).expect("a day"), date(&row["period_end"]).expect("a day"));
        let when = When { start, end: whole.min(horizon), whole };
        let members = known.entry((start, whole)).or_insert_with(|| scopes(facts, when, leaders_alone));
        let scope = (row["scope_kind"].clone(), row["scope_id"].clone());
        let Some(people) = members.get(&scope) else {
            assert_eq!(row["status"], "withheld", "nobody is in this scope: {row:?}");
            continue;
        };
        let cells = say(facts, &scope, people, when);
        for (name, shown) in row.iter().filter(|(_, shown)| !shown.is_empty()) {
            let shown = match shown.as_str() {
                "true" if name == "sponsor_active" => 1.0,
                "false" if name == "sponsor_active" => 0.0,
                number => match number.parse::<f64>() {
                    Ok(number) if !["scope_id", "period_start", "period_end"].contains(&name.as_str()) => number,
                    _ => continue,
                },
            };
            if name.contains("change") {
                continue;
            }
            let near =
                |a: f64, b: f64| (a - b).abs() < 1e-9 || (name == "minutes_shared" && (a - b).abs() <= 0.005 * b + 0.5);
            match cells.get_key_value(name.as_str()) {
                Some((key, expected)) if near(shown, *expected) => {
                    *tally.entry(key).or_default() += usize::from(*expected > 0.0);
                }
                expected => {
                    wrong.push(format!("{} {start} {scope:?}: {name} is {shown}, expected {expected:?}", row["grain"]))
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cells, e.g.\n{}",
        wrong.len(),
        wrong.iter().take(25).cloned().collect::<Vec<_>>().join("\n")
    );
    tally
}

#[test]
fn every_figure_about_leaders_is_what_its_definition_says() {
    let (deliveries, world) = published(BARE);
    let tally = compare(&read(&deliveries), &world.table("marts/leadership_kpis"), true, of_leaders);
    assert_eq!(tally.len(), 31, "{tally:?}");
    assert!(tally.values().all(|cells| *cells >= 5), "{tally:?}");
}

#[test]
fn every_figure_about_what_is_shared_is_what_its_definition_says() {
    let (deliveries, world) = published(BARE);
    let rows = world.table("marts/knowledge_sharing");
    let tally = compare(&read(&deliveries), &rows, false, of_people);
    assert_eq!(tally.len(), 13, "{tally:?}");
    assert!(tally.values().all(|cells| *cells >= 5), "{tally:?}");
    changes(&rows);
}

/// Changes are shown figures less shown figures; growth from nothing has no rate.
fn changes(rows: &[Row]) {
    let key = |row: &Row, start: &str| {
        (row["grain"].clone(), start.to_owned(), row["scope_kind"].clone(), row["scope_id"].clone())
    };
    let shown: BTreeMap<_, i64> = rows
        .iter()
        .filter_map(|row| Some((key(row, &row["period_start"]), row["sme_contributions"].parse().ok()?)))
        .collect();
    let mut compared = 0;
    for row in rows {
        let start = date(&row["period_start"]).expect("a day");
        let months = |n: u32| start - chrono::Months::new(n);
        let before = match row["grain"].as_str() {
            "week" => start - Days::new(7),
            "month" => months(1),
            _ => months(3),
        };
        let now = shown.get(&key(row, &row["period_start"]));
        let was = shown.get(&key(row, &before.to_string()));
        let change = now.zip(was).map(|(now, was)| now - was);
        assert_eq!(
            row["sme_contributions_change"],
            change.map_or(String::new(), |change| change.to_string()),
            "{row:?}"
        );
        let rate = change.zip(was.filter(|was| **was > 0)).map(|(change, was)| change as f64 / *was as f64);
        match (row["sme_contributions_change_rate"].parse::<f64>(), rate) {
            (Ok(shown), Some(rate)) => {
                assert!((shown - rate).abs() < 1e-12, "{row:?}");
                compared += 1;
            }
            (shown, rate) => assert!(shown.is_err() && rate.is_none(), "{row:?}"),
        }
    }
    assert!(compared > 20, "{compared}");
}

#[test]
fn small_groups_of_leaders_and_their_statistics_are_hidden() {
    let (_, world) = published("");
    let rows = world.table("marts/leadership_kpis");
    let number = |row: &Row, name: &str| row[name].parse::<f64>().ok();
    let mut shown = 0;
    for row in &rows {
        if row["status"] == "withheld" {
            let figures = row.iter().filter(|(name, _)| {
                !["grain", "period_start", "period_end", "scope_kind", "scope_id", "is_complete", "status"]
                    .contains(&name.as_str())
            });
            assert!(figures.into_iter().all(|(_, cell)| cell.is_empty()), "{row:?}");
            continue;
        }
        shown += 1;
        assert!(number(row, "leaders").is_some_and(|leaders| leaders >= 5.0), "{row:?}");
        for name in ["leaders_posting", "leader_posts", "credited_smes", "sme_authors_reached", "managers_cascading"] {
            assert!(number(row, name).is_none_or(|count| count % 5.0 == 0.0), "{name}: {row:?}");
        }
        for (statistic, of) in [
            ("credited_smes", "crediting_posts"),
            ("sme_authors_reached", "reactions_to_sme"),
            ("functions_posting", "leaders_posting"),
            ("largest_function_share", "leader_posts"),
        ] {
            assert!(row[statistic].is_empty() || !row[of].is_empty(), "{statistic} without {of}: {row:?}");
        }
        // One executive is not five: only who said so by a plan is spoken of.
        let by_plan = row["scope_kind"] == "company" || ["b", "co"].contains(&row["scope_id"].as_str());
        assert!(row["sponsor_active"].is_empty() || by_plan, "{row:?}");
    }
    assert!(shown > 20, "{shown}");
    for row in world.table("marts/knowledge_sharing") {
        let too_few = number(&row, "headcount").is_none_or(|people| people < 41.0);
        assert!(row["top10_percent_share"].is_empty() || !too_few, "a tenth of fewer than 41 is fewer than 5: {row:?}");
        assert!(row["gini"].is_empty() || !row["sme_contributions"].is_empty(), "{row:?}");
    }
}

#[test]
fn a_late_message_touches_the_weeks_in_which_it_waits_for_an_update_and_no_other_table() {
    let (_, world) = published(BARE);
    let end = company::end(&PLAN).to_string();
    let before = world.files();
    // Sent on the 9th of March, when there was one to everybody anyway: stale from the week of the 6th of April on.
    world.deliver(
        &format!("late/events_{end}.csv"),
        "event_id,kind,held_on,owner_id,scope_id,subject,role\nlate,message,2026-03-09,w000,,another,\n",
    );
    world.nightly(&end);
    let changed = difference(&before, &world.files());
    let touched = |part: &str| changed.iter().any(|line| line.contains(part));
    assert!(touched("leadership_kpis/week-2026-04") && touched("leadership_kpis/month-2026"), "{changed:#?}");
    assert!(!touched("week-2026-02") && !touched("week-2026-03"), "{changed:#?}");
    assert!(
        changed.iter().all(|line| line.contains("leadership_kpis") || line.contains("canon/data/events")),
        "{changed:#?}"
    );
}

#[test]
fn a_job_without_contributions_says_that_there_is_no_table() {
    let world = World::new();
    for delivery in company::deliveries(&Plan { workers: 30, weeks: 2, seed: 1, bad_rows: false }) {
        if !delivery.path.contains("contributions") {
            world.deliver(&delivery.path, &delivery.text);
        }
    }
    let report = world.nightly("2026-03-10");
    let said: Vec<&String> = report.remarks.iter().filter(|line| line.contains("not published")).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains(
            "no contributions (knowledge_sharing, leader_post_effects, leader_post_event_study, leadership_kpis)"
        ),
        "{said:?}"
    );
    assert!(world.table("marts/leadership_kpis").is_empty() && !world.table("marts/adoption_kpis").is_empty());
}

#[test]
fn any_order_of_a_communitys_deliveries_ends_in_the_same_bytes() {
    let plan = Plan { workers: 40, weeks: 5, seed: 7, bad_rows: false };
    let deliveries = community::deliveries(&plan);
    let end = company::end(&plan).to_string();
    let setup = Setup { feeds: feeds(), ..Setup::default() };
    let at_once = World::with(setup.clone());
    deliveries.iter().for_each(|delivery| at_once.deliver(&delivery.path, &delivery.text));
    at_once.nightly(&end);
    for seed in 0..3 {
        let mut order: Vec<&Delivery> = deliveries.iter().collect();
        company::Dice::new(seed).shuffle(&mut order);
        let world = World::with(setup.clone());
        for night in order.chunks(order.len().div_ceil(4)) {
            night.iter().for_each(|delivery| world.deliver(&delivery.path, &delivery.text));
            let as_of = night.iter().map(|delivery| delivery.made_on).max().expect("a delivery") + Days::new(1);
            world.nightly(&as_of.to_string());
        }
        world.nightly(&end);
        let wrong = difference(&at_once.files(), &world.files());
        assert!(wrong.is_empty(), "order {seed}: {wrong:#?}");
    }
}
