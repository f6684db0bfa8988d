//! Promise 2: any order and grouping of the same deliveries ends in the same bytes as one run over everything.

use chrono::Days;

use crate::company::{self, Delivery, Dice, Plan};
use crate::world::{CANONICAL, FileMap, How, Setup, World, day, difference, instant};

/// One run over everything.
fn at_once(setup: &Setup, deliveries: &[Delivery], as_of: &str) -> (World, FileMap) {
    let world = World::with(setup.clone());
    for delivery in deliveries {
        world.deliver(&delivery.path, &delivery.text);
    }
    world.nightly(as_of);
    let files = world.files();
    (world, files)
}

#[test]
fn random_histories_of_a_dirty_company_end_as_one_run_over_everything() {
    for company in 0..3 {
        let plan = Plan { workers: 30, weeks: 5, seed: company, bad_rows: true };
        let mut deliveries = company::deliveries(&plan);
        let mut dice = Dice::new(1000 + company);
        // Some deliveries are made twice, byte for byte, under another name; of full snapshots that would be a refusal.
        const SNAPSHOTS: [&str; 5] = ["content_", "identity_links_", "org_units_", "users_", "workers_"];
        let is_snapshot =
            |path: &str| SNAPSHOTS.iter().any(|name| path.rsplit('/').next().unwrap_or(path).starts_with(name));
        let deltas: Vec<Delivery> = deliveries.iter().filter(|one| !is_snapshot(&one.path)).cloned().collect();
        for at in 0..6 {
            let mut twin = deltas[dice.roll(deltas.len())].clone();
            twin.path = format!("again/{at}/{}", twin.path);
            deliveries.push(twin);
        }
        let end = company::end(&plan).to_string();
        let (_, expected) = at_once(&Setup::default(), &deliveries, &end);
        for case in 0..5 {
            let mut history = Dice::new(company * 100 + case);
            let (files, told) = lived(&plan, &deliveries, case, &mut history);
            let wrong = difference(&expected, &files);
            assert!(wrong.is_empty(), "company {company}, history {case}: {wrong:#?}\n{}", told.join("\n"));
        }
    }
}

/// Nightlies as deliveries arrive in some order, with backfills and objects written again; the story is told for a failure.
fn lived(plan: &Plan, deliveries: &[Delivery], case: u64, dice: &mut Dice) -> (FileMap, Vec<String>) {
    let mut arriving: Vec<&Delivery> = deliveries.iter().collect();
    if case == 0 {
        arriving.sort_by_key(|delivery| delivery.made_on);
    } else if case < 3 {
        // Mostly in order; some come weeks late.
        let mut keyed: Vec<(i64, &Delivery)> = Vec::new();
        for delivery in arriving {
            let late = if dice.chance(25) { dice.roll(5 * 7) as i64 } else { 0 };
            keyed.push(((delivery.made_on - company::start()).num_days() + late, delivery));
        }
        keyed.sort_by_key(|(day, delivery)| (*day, delivery.path.clone()));
        arriving = keyed.into_iter().map(|(_, delivery)| delivery).collect();
    } else {
        dice.shuffle(&mut arriving);
    }
    let world = World::new();
    let mut told = Vec::new();
    let mut as_of = company::start();
    let nights = 2 + dice.roll(5);
    for group in arriving.chunks(arriving.len().div_ceil(nights)) {
        for delivery in group {
            world.deliver(&delivery.path, &delivery.text);
            as_of = as_of.max(delivery.made_on + Days::new(1));
        }
        if dice.chance(30) {
            world.deliver(&group[0].path, &group[0].text);
        }
        told.push(format!("nightly {as_of}: {:?}", group.iter().map(|delivery| &delivery.path).collect::<Vec<_>>()));
        let how = How { as_of: instant(&as_of.to_string()), ..How::default() };
        // Planning costs as much as running, so one history of each company is planned.
        let planned = (case == 1).then(|| world.plan(&how).expect("a plan").steps);
        let ran = world.run(&how).expect("a nightly").steps;
        assert!(planned.is_none_or(|planned| planned == ran), "the plan is what runs: {}", told.join("\n"));
        if dice.chance(40) {
            let from = day(&(company::start() + Days::new(dice.roll(30) as u64)).to_string());
            let to = from + 1 + dice.roll(20) as i32;
            told.push(format!("backfill from {from} to {to}"));
            let how = How { backfill: Some((from, to)), ..how };
            let planned = (case == 1).then(|| world.plan(&how).expect("a plan").steps);
            let ran = world.run(&how).expect("a backfill").steps;
            assert!(planned.is_none_or(|planned| planned == ran), "{}", told.join("\n"));
        }
    }
    world.nightly(&company::end(plan).to_string());
    (world.files(), told)
}

// ---- hand-made histories, in every order, with a nightly after every delivery ----

const AS_OF: &str = "2026-03-31";

pub fn delivery(path: &str, text: &str) -> Delivery {
    Delivery { path: path.into(), made_on: company::start(), text: text.into() }
}

/// Runs every order of the deliveries upon a base and demands the same files; gives the world of the one run.
pub fn any_order(setup: &Setup, base: &[Delivery], told: &[Delivery]) -> World {
    let everything: Vec<Delivery> = base.iter().chain(told).cloned().collect();
    let (at_once, expected) = at_once(setup, &everything, AS_OF);
    let orders = permutations(told.len());
    // All orders of three; of four, every third, which still puts each delivery at each place.
    for order in orders.iter().step_by(if told.len() > 3 { 3 } else { 1 }) {
        let world = World::with(setup.clone());
        for delivery in base {
            world.deliver(&delivery.path, &delivery.text);
        }
        for &at in order {
            world.deliver(&told[at].path, &told[at].text);
            world.nightly(AS_OF);
        }
        let wrong = difference(&expected, &world.files());
        assert!(wrong.is_empty(), "in the order {order:?}: {wrong:#?}");
        for entry in world.ledger().values() {
            assert!(entry.counts.conserved(), "in the order {order:?}: {entry:?}");
        }
    }
    at_once
}

fn permutations(count: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    for _ in 0..count {
        all = all
            .into_iter()
            .flat_map(|order: Vec<usize>| {
                let rest = (0..count).filter(|at| !order.contains(at)).collect::<Vec<_>>();
                rest.into_iter().map(move |at| order.iter().copied().chain([at]).collect())
            })
            .collect();
    }
    all
}

pub fn staff() -> Vec<Delivery> {
    vec![
        delivery(
            "workers_2026-03-01.csv",
            "worker_id,effective_from,employee_no,status,worker_type,org_id\nw1,2020-01-01,n1,active,employee,a\nw2,2020-01-01,n2,active,employee,a\nw3,2020-01-01,n3,active,employee,a\n",
        ),
        delivery("users_2026-03-01.csv", "user_id,employee_no,kind\nu1,n1,learner\nu2,n2,learner\nu3,n3,learner\n"),
    ]
}

/// Events as canon holds them: id, verb and seconds.
fn events(world: &World) -> Vec<String> {
    let rows = world.table("canon/activity");
    let live = rows.iter().filter(|row| row["_deleted"] != "true" && row["voids_event_id"].is_empty());
    let mut events: Vec<String> =
        live.map(|row| format!("{} {} {}", row["event_id"], row["verb"], row["duration_seconds"])).collect();
    events.sort();
    events
}

#[test]
fn the_last_known_statement_of_an_event_holds_whichever_comes_first() {
    let told = [
        delivery(
            "activity_2026-03-03.csv",
            "event_id,occurred_at,user_id,verb,duration_seconds\ne1,2026-03-02T09:00:00Z,u1,viewed,60\ne2,2026-03-02T10:00:00Z,u2,completed,5\n",
        ),
        delivery(
            "activity_2026-03-04.csv",
            "event_id,occurred_at,user_id,verb,duration_seconds\ne1,2026-03-02T09:00:00Z,u1,completed,600\n",
        ),
        delivery(
            "x/activity_2026-03-04.csv",
            "event_id,occurred_at,user_id,verb,duration_seconds\ne1,2026-03-02T09:00:00Z,u1,completed,600\n",
        ),
        delivery(
            "activity_2026-03-09.csv",
            "event_id,occurred_at,user_id,verb,duration_seconds\ne3,2026-03-08T22:30:00Z,u3,launched,7\n",
        ),
    ];
    let world = any_order(&Setup::default(), &staff(), &told);
    assert_eq!(events(&world), ["e1 completed 600", "e2 completed 5", "e3 launched 7"]);
}

#[test]
fn a_voided_event_never_counts_whichever_of_the_two_comes_first() {
    let told = [
        delivery(
            "activity_2026-03-03.csv",
            "event_id,occurred_at,user_id,verb,duration_seconds,voids_event_id\ne1,2026-03-02T09:00:00Z,u1,completed,60,\ne2,2026-03-02T10:00:00Z,u2,completed,5,\n",
        ),
        delivery(
            "activity_2026-03-05.csv",
            "event_id,occurred_at,user_id,verb,duration_seconds,voids_event_id\nv1,2026-03-04T09:00:00Z,u1,voided,,e1\n",
        ),
        // Said again after it was voided: still void.
        delivery(
            "activity_2026-03-07.csv",
            "event_id,occurred_at,user_id,verb,duration_seconds,voids_event_id\ne1,2026-03-02T09:00:00Z,u1,completed,90,\n",
        ),
    ];
    let world = any_order(&Setup::default(), &staff(), &told);
    assert_eq!(events(&world), ["e2 completed 5"]);
    let ledger = world.ledger();
    assert_eq!(
        ledger["activity_2026-03-07.csv"].counts.voided + ledger["activity_2026-03-03.csv"].counts.voided,
        1,
        "{ledger:#?}"
    );
    assert_eq!(ledger["activity_2026-03-03.csv"].counts.superseded, 1);
}

pub const WITH_DELETES: &str = r#"
description = "Events with deletes by key."
fills = "activity"
path = "dap/acts_{date}.csv"
format = "csv"
mode = "delta"
[action]
from = "action"
deletes = ["D"]
upserts = ["U"]
[[headers]]
event_id = "id"
occurred_at = { from = "at", optional = true }
user_id = { from = "who", optional = true }
verb = { from = "what", optional = true }
duration_seconds = { from = "seconds", optional = true }
"#;

#[test]
fn a_deleted_event_is_gone_until_it_is_stated_again() {
    let setup = Setup {
        feeds: [&CANONICAL[..3], &["acts"][..]].concat(),
        own_feeds: vec![("acts", WITH_DELETES)],
        ..Setup::default()
    };
    let told = [
        delivery(
            "dap/acts_2026-03-03.csv",
            "action,id,at,who,what,seconds\nU,e1,2026-03-02T09:00:00Z,u1,viewed,1\nU,e2,2026-03-02T09:30:00Z,u2,viewed,2\n",
        ),
        delivery("dap/acts_2026-03-04.csv", "action,id,at,who,what,seconds\nD,e1,,,,\nD,e2,,,,\n"),
        delivery(
            "dap/acts_2026-03-05.csv",
            "action,id,at,who,what,seconds\nU,e1,2026-03-02T09:00:00Z,u1,completed,3\n",
        ),
        delivery(
            "dap/acts_2026-03-06.csv",
            "action,id,at,who,what,seconds\nD,e9,,,,\nU,e3,2026-03-05T09:00:00Z,u3,viewed,4\n",
        ),
    ];
    let world = any_order(&setup, &staff(), &told);
    assert_eq!(events(&world), ["e1 completed 3", "e3 viewed 4"]);
}

const DAILY: &str = r#"
description = "The workers of the day, without dates."
fills = "workers"
path = "daily/staff_{date}.csv"
format = "csv"
mode = "full"
[limits]
rows_against_last = 0.1
[[headers]]
worker_id = "id"
employee_no = "no"
status = { value = "active" }
worker_type = { value = "employee" }
org_id = "unit"
"#;

#[test]
fn snapshots_without_dates_become_the_same_history_in_any_order() {
    let setup = Setup {
        feeds: ["daily", "canonical_users", "canonical_activity"].to_vec(),
        own_feeds: vec![("daily", DAILY)],
        ..Setup::default()
    };
    let base = [
        delivery("users_2026-03-01.csv", "user_id,employee_no,kind\nu1,n1,learner\nu2,n2,learner\nu3,n3,learner\n"),
        delivery(
            "activity_2026-03-30.csv",
            "event_id,occurred_at,user_id,verb\ne1,2026-03-03T09:00:00Z,u1,completed\ne2,2026-03-12T09:00:00Z,u2,completed\n",
        ),
    ];
    let told = [
        delivery("daily/staff_2026-03-02.csv", "id,no,unit\nw1,n1,a\nw2,n2,a\nw3,n3,a\n"),
        delivery("daily/staff_2026-03-09.csv", "id,no,unit\nw1,n1,b\nw3,n3,a\n"),
        // w2 has returned, w1 moved back.
        delivery("daily/staff_2026-03-16.csv", "id,no,unit\nw1,n1,a\nw2,n2,a\nw3,n3,a\n"),
        delivery("daily/staff_2026-03-23.csv", "id,no,unit\nw1,n1,a\nw2,n2,a\nw3,n3,a\n"),
    ];
    let world = any_order(&setup, &base, &told);
    let rows = world.table("canon/workers");
    let mut history: Vec<String> = rows
        .iter()
        .map(|row| format!("{} {} {} {}", row["worker_id"], row["org_id"], row["effective_from"], row["effective_to"]))
        .collect();
    history.sort();
    assert_eq!(
        history,
        [
            "w1 a 2026-03-02 2026-03-09",
            "w1 a 2026-03-16 ",
            "w1 b 2026-03-09 2026-03-16",
            "w2 a 2026-03-02 2026-03-09",
            "w2 a 2026-03-16 ",
            "w3 a 2026-03-02 "
        ]
    );
}

#[test]
fn people_who_change_come_back_or_turn_out_to_be_others_reopen_the_same_history() {
    let header = "worker_id,effective_from,effective_to,employee_no,status,worker_type,org_id";
    let users = "user_id,employee_no,kind";
    let told = [
        delivery(
            "workers_2026-03-02.csv",
            &format!(
                "{header}\nw1,2020-01-01,,n1,active,employee,a\nw2,2020-01-01,,n2,active,employee,a\nw3,2020-01-01,,n3,active,employee,b\n"
            ),
        ),
        // w2 left and is back; w3's history was wrong from the start.
        delivery(
            "workers_2026-03-23.csv",
            &format!(
                "{header}\nw1,2020-01-01,,n1,active,employee,a\nw2,2020-01-01,2026-03-05,n2,active,employee,a\nw2,2026-03-05,2026-03-12,n2,terminated,employee,a\nw2,2026-03-12,,n2,active,employee,b\nw3,2020-01-01,,n3,active,employee,a\n"
            ),
        ),
        delivery("users_2026-03-02.csv", &format!("{users}\nu1,n1,learner\nu2,n2,learner\nu3,n9,learner\n")),
        // The account of somebody unknown turns out to be w3's.
        delivery("users_2026-03-16.csv", &format!("{users}\nu1,n1,learner\nu2,n2,learner\nu3,n3,learner\n")),
    ];
    let base = [delivery(
        "activity_2026-03-30.csv",
        "event_id,occurred_at,user_id,verb\ne1,2026-03-03T09:00:00Z,u1,completed\ne2,2026-03-17T09:00:00Z,u2,completed\ne3,2026-03-17T09:00:00Z,u3,viewed\n",
    )];
    any_order(&Setup::default(), &base, &told);
}

#[test]
fn an_empty_unit_that_turns_out_to_be_older_appears_in_its_periods_in_any_order() {
    let header = "org_id,effective_from,effective_to,parent_id";
    let told = [
        delivery("org_units_2026-03-02.csv", &format!("{header}\na,2020-01-01,,\nb,2026-03-16,,\n")),
        delivery("org_units_2026-03-23.csv", &format!("{header}\na,2020-01-01,,\nb,2026-03-02,,\n")),
        delivery(
            "activity_2026-03-30.csv",
            "event_id,occurred_at,user_id,verb\ne1,2026-03-02T09:00:00Z,u1,completed\n",
        ),
    ];
    any_order(&Setup::default(), &staff(), &told);
}

#[test]
fn contributions_reactions_and_enrollments_told_again_and_late_end_the_same() {
    let told = [
        delivery(
            "contributions_2026-03-03.csv",
            "contribution_id,author_id,kind,created_at\nk1,u1,post,2026-03-02T09:00:00Z\nk2,u2,post,2026-03-02T09:00:00Z\n",
        ),
        // k1 was written on another day; k3 by nobody known.
        delivery(
            "contributions_2026-03-10.csv",
            "contribution_id,author_id,kind,created_at\nk1,u1,post,2026-03-04T09:00:00Z\nk3,zz,post,2026-03-04T09:00:00Z\n",
        ),
        delivery(
            "reactions_2026-03-10.csv",
            "reaction_id,contribution_id,actor_id,kind,occurred_at\nr1,k1,u3,like,2026-03-05T09:00:00Z\nr1,k1,u3,like,2026-03-05T09:00:00Z\n",
        ),
        delivery(
            "enrollments_2026-03-10.csv",
            "user_id,content_id,attempt,assigned_at,required,due_at,completed_at,status\nu1,c1,1,2026-03-02T08:00:00Z,true,2026-03-06T16:00:00Z,,assigned\n",
        ),
    ];
    any_order(&Setup::default(), &staff(), &told);
}
