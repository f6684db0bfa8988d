//! Several exports of one vendor that make one table: each has a timeline of its own, and on every day each column is what its export says.

use crate::company::{Delivery, Dice};
use crate::order::{any_order, delivery};
use crate::world::{How, Row, Setup, World, difference, instant};

const USAGE: u8 = 2;

/// Who is employed, as changes with days of their own.
const SPINE: &str = r#"
description = "Workers: status and hire."
fills = "workers"
path = "hr_{date}.csv"
format = "csv"
mode = "full"
[[headers]]
worker_id = "id"
status = { from = "status", values = { "A" = "active", "T" = "terminated" } }
effective_from = "from"
effective_to = { from = "to", optional = true }
employee_no = { from = "no", optional = true }
hire_date = { from = "hired", optional = true }
"#;

const UNITS: &str = r#"
description = "Where they work, with days of its own."
fills = "workers"
completes = "hr"
path = "units_{date}.csv"
format = "csv"
mode = "delta"
[[headers]]
worker_id = "wid"
effective_from = "since"
effective_to = { from = "until", optional = true }
org_id = "unit"
function = { from = "function", optional = true }
"#;

const MAILS: &str = r#"
description = "Addresses as they are today."
fills = "workers"
completes = "hr"
path = "mails_{date}.csv"
format = "csv"
mode = "full"
[[headers]]
worker_id = "person"
email = "mail"
"#;

const LEAVE: &str = r#"
description = "Absences."
fills = "workers"
completes = "hr"
path = "leave_{date}.csv"
format = "csv"
mode = "full"
[[headers]]
worker_id = "person"
effective_from = "first"
effective_to = { from = "back", optional = true }
status = { value = "leave" }
"#;

fn setup() -> Setup {
    Setup {
        feeds: vec!["hr", "units", "mails", "leave", "canonical_users", "canonical_activity"],
        own_feeds: vec![("hr", SPINE), ("units", UNITS), ("mails", MAILS), ("leave", LEAVE)],
        ..Setup::default()
    }
}

fn staff() -> Vec<Delivery> {
    vec![
        delivery("users_2026-03-01.csv", "user_id,email,kind\nu1,a@x.test,learner\nu2,b@x.test,learner\n"),
        delivery(
            "activity_2026-03-03.csv",
            "event_id,occurred_at,user_id,verb\ne1,2026-03-02T09:00:00Z,u1,completed\ne2,2026-03-02T09:00:00Z,u2,completed\n",
        ),
    ]
}

const HR: &str = "id,status,from,to,hired,no\nw1,A,2025-01-01,,2025-01-01,n1\nw2,A,2025-01-01,,2025-01-01,n2\n";

fn hr() -> Delivery {
    delivery("hr_2026-03-01.csv", HR)
}

/// The rows of workers as `id unit e-mail status from to`.
fn stated(world: &World) -> Vec<String> {
    let line = |row: &Row| {
        let names = ["worker_id", "org_id", "email", "status", "effective_from", "effective_to"];
        names.map(|name| if row[name].is_empty() { "-" } else { row[name].as_str() }).join(" ")
    };
    world.table("canon/workers").iter().map(line).collect()
}

/// What `data_quality` says under a code, as `delivery affected`.
fn quality(world: &World, code: &str) -> Vec<String> {
    let rows = world.table("ops/data_quality").into_iter().filter(|row| row["reason_code"] == code);
    rows.map(|row| format!("{} {}", row["delivery"], row["affected"])).collect()
}

#[test]
fn each_column_is_what_its_export_says_of_the_day_in_any_order_of_nights() {
    let told = [
        hr(),
        delivery(
            "units_2026-03-02.csv",
            "wid,since,until,unit\nw1,2025-01-01,2025-06-01,A\nw1,2025-06-01,,B\nw2,2025-01-01,,A\nw7,2025-01-01,,A\n",
        ),
        delivery("mails_2026-03-02.csv", "person,mail\nw1,a@x.test\nw2,b@x.test\n"),
        delivery("leave_2026-03-02.csv", "person,first,back\nw2,2026-02-01,2026-03-01\n"),
    ];
    let world = any_order(&setup(), &staff(), &told);
    assert_eq!(
        stated(&world),
        [
            "w1 A a@x.test active 2025-01-01 2025-06-01",
            "w1 B a@x.test active 2025-06-01 -",
            "w2 A b@x.test active 2025-01-01 2026-02-01",
            "w2 A b@x.test leave 2026-02-01 2026-03-01",
            "w2 A b@x.test active 2026-03-01 -",
        ]
    );
    assert_eq!(quality(&world, "unknown_worker"), ["units_2026-03-02.csv 1"], "and w7 is no employee");
    assert!(quality(&world, "overlapping_rows").iter().all(|said| said.ends_with(" 0")));
}

#[test]
fn a_later_snapshot_of_a_layer_changes_and_ends_its_own_column_alone_in_any_order() {
    let told = [
        delivery("mails_2026-03-02.csv", "person,mail\nw1,old@x.test\nw2,b@x.test\n"),
        delivery("mails_2026-03-10.csv", "person,mail\nw1,a@x.test\n"),
        delivery("hr_2026-03-12.csv", &HR.replace("w2,A,2025-01-01,", "w2,A,2025-01-01,2026-03-11")),
    ];
    let base: Vec<Delivery> = staff().into_iter().chain([hr()]).collect();
    let world = any_order(&setup(), &base, &told);
    assert_eq!(
        stated(&world),
        [
            "w1 - old@x.test active 2025-01-01 2026-03-10",
            "w1 - a@x.test active 2026-03-10 -",
            "w2 - b@x.test active 2025-01-01 2026-03-10",
            "w2 - - active 2026-03-10 2026-03-11",
        ]
    );
}

#[test]
fn a_missing_or_refused_delivery_of_a_layer_leaves_its_columns_as_they_were() {
    let world = World::with(Setup { refused: vec!["mails"], ..setup() });
    for Delivery { path, text, .. } in staff().into_iter().chain([hr()]) {
        world.deliver(&path, &text);
    }
    world.deliver("mails_2026-03-02.csv", "person,mail\nw1,a@x.test\nw2,b@x.test\n");
    world.nightly("2026-03-03");
    let before = stated(&world);
    assert_eq!(before[0], "w1 - a@x.test active 2025-01-01 -");
    // The header has changed: nothing of it is read.
    world.deliver("mails_2026-03-03.csv", "worker,address\nw1,z@x.test\n");
    world.nightly("2026-03-04");
    assert_eq!(stated(&world), before);
    world.deliver("hr_2026-03-04.csv", HR);
    world.nightly("2026-03-05");
    assert_eq!(stated(&world), before, "and a new list of workers takes nothing away");
}

#[test]
fn a_change_told_late_and_a_delete_speak_of_the_layer_alone() {
    let feed = UNITS.replace(
        "mode = \"delta\"",
        "mode = \"delta\"\n[action]\nfrom = \"op\"\ndeletes = [\"D\"]\nupserts = [\"U\"]\n",
    );
    let feed: &'static str = Box::leak(feed.into_boxed_str());
    let mut setup = setup();
    setup.own_feeds[1] = ("units", feed);
    let told = [
        delivery(
            "units_2026-03-02.csv",
            "op,wid,since,until,unit\nU,w1,2025-01-01,,A\nU,w1,2025-09-01,,B\nU,w2,2025-01-01,,A\n",
        ),
        delivery("units_2026-03-03.csv", "op,wid,since,until,unit\nD,w1,2025-09-01,,\nU,w2,2025-05-01,,C\n"),
        delivery("units_2026-03-04.csv", "op,wid,since,until,unit\nD,w2,2025-01-01,,\n"),
    ];
    let base: Vec<Delivery> = staff().into_iter().chain([hr()]).collect();
    let world = any_order(&setup, &base, &told);
    assert_eq!(
        stated(&world),
        ["w1 A - active 2025-01-01 -", "w2 C - active 2025-01-01 -"],
        "C reaches back to the hire"
    );
}

#[test]
fn the_accounts_of_people_are_joined_by_the_address_that_a_layer_brings() {
    let world = World::with(setup());
    for Delivery { path, text, .. } in staff().into_iter().chain([hr()]) {
        world.deliver(&path, &text);
    }
    world.nightly("2026-03-04");
    let who = |world: &World| {
        let rows = world.table("canon/person_day").into_iter().filter(|row| row["day"] == "2026-03-02");
        rows.map(|row| format!("{} {} {}", row["person_key"], row["events"], row["unmatched_events"]))
            .collect::<Vec<_>>()
    };
    assert_eq!(who(&world), [" 0 2"], "nobody is known by an account");
    world.deliver("mails_2026-03-04.csv", "person,mail\nw1,a@x.test\nw2,b@x.test\n");
    world.nightly("2026-03-05");
    assert_eq!(who(&world), ["w1 1 0", "w2 1 0"], "on the days before the list came, too");
}

#[test]
fn another_rule_of_a_layer_reads_the_table_again_and_one_that_is_gone_takes_its_column_along() {
    let world = |setup: Setup| {
        let world = World::with(setup);
        for Delivery { path, text, .. } in staff().into_iter().chain([hr()]) {
            world.deliver(&path, &text);
        }
        world.deliver(
            "units_2026-03-02.csv",
            "wid,since,until,unit,function\nw1,2025-03-01,,A,Sales\nw2,2025-01-01,,B,\n",
        );
        world.deliver("mails_2026-03-02.csv", "person,mail\nw1,a@x.test\nw2,b@x.test\n");
        world
    };
    let changed: Vec<(&str, Setup)> = {
        let with = |at: usize, name: &'static str, text: String| {
            let mut setup = setup();
            setup.own_feeds[at] = (name, Box::leak(text.into_boxed_str()));
            setup
        };
        let mut without = setup();
        without.feeds.retain(|feed| *feed != "mails");
        vec![
            (
                "where",
                with(
                    1,
                    "units",
                    UNITS
                        .replace("mode = \"delta\"", "mode = \"delta\"\nwhere = [{ column = \"unit\", in = [\"B\"] }]"),
                ),
            ),
            ("reach_back", with(1, "units", UNITS.replace("mode = \"delta\"", "mode = \"delta\"\nreach_back = false"))),
            ("a column less", with(1, "units", UNITS.replace("org_id = \"unit\"\n", "ignore = [\"unit\"]\n"))),
            ("no layer", without),
            (
                "the spine",
                with(
                    0,
                    "hr",
                    SPINE.replace(
                        "employee_no = { from = \"no\", optional = true }",
                        "employee_no = \"no\"\nlocation = { value = \"Bonn\" }",
                    ),
                ),
            ),
        ]
    };
    for (what, now) in changed {
        let mut old = world(setup());
        old.nightly("2026-03-05");
        old.setup = now.clone();
        old.write_job(&now);
        old.run(&How { as_of: instant("2026-03-06"), ..How::default() })
            .unwrap_or_else(|error| panic!("{what}: {error}"));
        let fresh = world(now);
        fresh.nightly("2026-03-06");
        assert_eq!(stated(&old), stated(&fresh), "{what}");
        let tables = |world: &World| {
            let mut files = world.files();
            files.retain(|path, _| path.starts_with("canon/workers") || path.starts_with("marts/"));
            files
        };
        let wrong = difference(&tables(&fresh), &tables(&old));
        assert!(wrong.is_empty(), "{what}: {wrong:#?}");
    }
}

#[test]
fn layers_without_their_spine_and_two_of_one_column_are_refused_by_name() {
    let second = MAILS.replace("mails_", "addresses_");
    let both = Setup {
        feeds: vec!["hr", "mails", "addresses"],
        own_feeds: vec![("hr", SPINE), ("mails", MAILS), ("addresses", Box::leak(second.into_boxed_str()))],
        ..Setup::default()
    };
    let alone = Setup { feeds: vec!["mails"], own_feeds: vec![("mails", MAILS)], ..Setup::default() };
    for (setup, said) in [
        (both, "the feeds mails and addresses both complete email of `hr`"),
        (alone, "feed mails: completes `hr`, which is no feed of the job"),
    ] {
        let world = World::at(crate::world::Kind::Disk, setup).expect("a disk");
        assert_eq!(world.uptake("plan JOB --as-of 2026-03-05"), USAGE);
        let output = world.process("plan JOB --as-of 2026-03-05");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn a_night_in_which_one_export_of_several_comes_changes_no_delivery_of_the_others() {
    let world = World::with(setup());
    for Delivery { path, text, .. } in staff().into_iter().chain([hr()]) {
        world.deliver(&path, &text);
    }
    world.deliver("units_2026-03-02.csv", "wid,since,until,unit\nw1,2025-01-01,,A\nw2,2025-01-01,,A\n");
    world.nightly("2026-03-03");
    world.deliver("units_2026-03-03.csv", "wid,since,until,unit\nw1,2026-03-03,,B\n");
    let report = world.nightly("2026-03-04");
    assert_eq!(report.deliveries_read, 1);
    let ledger = world.ledger();
    for (path, entry) in &ledger {
        assert!(entry.counts.conserved(), "{path}: {entry:?}");
    }
    let live = |table: &str| world.table(table).len() as u64;
    let accepted: u64 =
        ledger.values().filter(|entry| entry.table == "workers").map(|entry| entry.counts.accepted).sum();
    assert_eq!(live("canon/workers_exports"), accepted, "every row that was accepted is kept by its export");
    assert_eq!(stated(&world).len(), 3);
}

/// What the exports say on some days, with corrections, gaps, people who come and go and rows nobody can read.
fn deliveries(dice: &mut Dice) -> Vec<Delivery> {
    let day = |at: usize| format!("2026-03-{:02}", at + 1);
    let past = |dice: &mut Dice| format!("2025-{:02}-01", 1 + dice.roll(12));
    let mut told = Vec::new();
    for at in 0..5 {
        let mut hr = "id,status,from,to,hired,no\n".to_owned();
        let mut units = "wid,since,until,unit,function\n".to_owned();
        let mut mails = "person,mail\n".to_owned();
        let mut leave = "person,first,back\n".to_owned();
        for worker in (0..6).filter(|_| dice.roll(6) > 0).collect::<Vec<_>>() {
            let (from, status) = (past(dice), if dice.chance(15) { "T" } else { "A" });
            let hired = if dice.chance(70) { "2025-01-01" } else { "" };
            hr.push_str(&format!("w{worker},{status},{from},,{hired},n{worker}\n"));
            if dice.chance(70) {
                units.push_str(&format!(
                    "w{worker},{},,U{},{}\n",
                    past(dice),
                    dice.roll(3),
                    if dice.chance(50) { "Sales" } else { "" }
                ));
            }
            if dice.chance(80) {
                mails.push_str(&format!("w{worker},w{worker}.{}@x.test\n", dice.roll(2)));
            }
            if dice.chance(20) {
                leave.push_str(&format!("w{worker},{},\n", past(dice)));
            }
        }
        mails.push_str("w99,nobody@x.test\n");
        units.push_str("w1,yesterday,,U1,\n");
        leave.push_str("w5,2025-02-01,2025-03-01\n");
        for (name, text) in [("hr", hr), ("units", units), ("mails", mails), ("leave", leave)] {
            if dice.chance(75) {
                told.push(delivery(&format!("{name}_{}.csv", day(at)), &text));
            }
        }
    }
    told
}

#[test]
fn random_histories_of_several_exports_end_as_one_run_over_everything() {
    let loose = |text: &str| -> &'static str {
        Box::leak(text.replace("format = \"csv\"", "format = \"csv\"\nlimits = { rejected_share = 1.0, rows_against_last = 0.0 }\ngates = { field_coverage = \"off\" }").into_boxed_str())
    };
    let mut setup = setup();
    setup.own_feeds =
        vec![("hr", loose(SPINE)), ("units", loose(UNITS)), ("mails", loose(MAILS)), ("leave", loose(LEAVE))];
    for case in 0..2 {
        let mut dice = Dice::new(90 + case);
        let told = deliveries(&mut dice);
        let once = World::with(setup.clone());
        for Delivery { path, text, .. } in staff().iter().chain(&told) {
            once.deliver(path, text);
        }
        once.nightly("2026-03-31");
        assert!(stated(&once).len() > 6, "{:?}", stated(&once));
        for history in 0..2 {
            let world = World::with(setup.clone());
            for Delivery { path, text, .. } in &staff() {
                world.deliver(path, text);
            }
            let mut arriving: Vec<&Delivery> = told.iter().collect();
            if history > 0 {
                dice.shuffle(&mut arriving);
            }
            for night in arriving.chunks(2 + dice.roll(4)) {
                for delivery in night {
                    world.deliver(&delivery.path, &delivery.text);
                }
                world.nightly("2026-03-31");
            }
            let wrong = difference(&once.files(), &world.files());
            assert!(wrong.is_empty(), "company {case}, history {history}: {wrong:#?}");
        }
    }
}

#[test]
fn a_layer_may_read_the_very_object_of_its_spine_and_changes_nothing_of_how_far_its_rows_reach() {
    let spine = r#"
description = "Workers as they are today."
fills = "workers"
path = "hr_{date}.csv"
format = "csv"
mode = "full"
shares = ["away"]
[[headers]]
worker_id = "id"
status = { value = "active" }
email = "mail"
hire_date = "hired"
"#;
    let away = r#"
description = "The same list: who is away."
fills = "workers"
completes = "hr"
path = "hr_{date}.csv"
format = "csv"
mode = "full"
shares = ["hr"]
where = [{ column = "away", empty = false }]
[[headers]]
worker_id = "id"
effective_from = "away"
status = { value = "leave" }
"#;
    let world = World::with(Setup {
        feeds: vec!["hr", "away", "canonical_users", "canonical_activity"],
        own_feeds: vec![("hr", spine), ("away", away)],
        ..Setup::default()
    });
    for Delivery { path, text, .. } in staff() {
        world.deliver(&path, &text);
    }
    world.deliver(
        "hr_2026-03-10.csv",
        "id,mail,hired,away\nw1,a@x.test,2025-01-01,\nw2,b@x.test,2025-01-01,2026-03-05\nw3,c@x.test,2025-01-01,\n",
    );
    world.nightly("2026-03-11");
    let rows = world.table("marts/adoption_kpis").into_iter();
    let days = rows.filter(|row| row["scope_kind"] == "company" && row["grain"] == "day");
    let heads: Vec<String> = days.map(|row| format!("{} {}", row["period_start"], row["headcount"])).collect();
    for expected in ["2026-03-02 3", "2026-03-04 3", "2026-03-05 2", "2026-03-10 2"] {
        assert!(heads.iter().any(|line| line == expected), "{expected}: {heads:?}");
    }
}
