//! Who worked when: exports of today's state give the past, and the feed says which records count.

use std::collections::BTreeMap;

use crate::world::{How, Row, Setup, World, instant};

const USAGE: u8 = 2;

/// A feed of workers under a name of its own, with more keys.
fn feed(keys: &str, columns: &str) -> &'static str {
    let text = format!(
        "description = \"\"\nfills = \"workers\"\npath = \"hr_{{date}}.csv\"\nformat = \"csv\"\nsentinels = [\"9999-12-31\"]\n{keys}\n[[headers]]\n{columns}\n"
    );
    Box::leak(text.into_boxed_str())
}

const COLUMNS: &str = "worker_id = \"id\"\nstatus = \"status\"\neffective_from = \"from\"\neffective_to = { from = \"to\", optional = true }\n\
    org_id = { from = \"unit\", optional = true }\nhire_date = { from = \"hired\", optional = true }\ntermination_date = { from = \"left\", optional = true }";

fn setup(text: &'static str) -> Setup {
    Setup {
        feeds: vec!["hr", "canonical_users", "canonical_activity"],
        own_feeds: vec![("hr", text)],
        top: "zone = \"Europe/Berlin\"\npseudonyms = \"off\"\nsynthetic_data = true\nreport_from = \"2025-12-01\"",
        ..Setup::default()
    }
}

/// A world with one account that acts once, so that there is something to report.
fn world(setup: Setup) -> World {
    let world = World::with(setup);
    world.deliver("users_2025-12-01.csv", "user_id,employee_no,kind\nu1,n1,learner\n");
    world.deliver(
        "activity_2025-12-02.csv",
        "event_id,occurred_at,user_id,verb\ne1,2025-12-01T09:00:00Z,u1,completed\n",
    );
    world
}

/// Headcounts of the company by the first day of its periods.
fn headcounts(world: &World, grain: &str) -> BTreeMap<String, String> {
    let rows = world.table("marts/adoption_kpis").into_iter();
    let company = rows.filter(|row| row["scope_kind"] == "company" && row["grain"] == grain);
    company.map(|row| (row["period_start"].clone(), row["headcount"].clone())).collect()
}

/// What `data_quality` says under a code, as `column affected`.
fn quality(world: &World, code: &str) -> Vec<String> {
    let rows = world.table("ops/data_quality").into_iter().filter(|row| row["reason_code"] == code);
    rows.map(|row| format!("{} {}", row["column_name"], row["affected"])).collect()
}

fn stated(world: &World) -> Vec<String> {
    let line = |row: &Row| {
        let cell = |name: &str| row[name].clone();
        [cell("worker_id"), cell("org_id"), cell("effective_from"), cell("effective_to")].join(" ")
    };
    world.table("canon/workers").iter().map(line).collect()
}

#[test]
fn an_export_of_today_gives_the_headcounts_of_the_past() {
    let of = |keys: &str| {
        let world = world(setup(feed(
            &format!("mode = \"full\"\n{keys}"),
            &COLUMNS.replace("effective_from = \"from\"\n", ""),
        )));
        world.deliver(
            "hr_2026-02-15.csv",
            "id,status,hired,left,unit\n\
             a,active,2020-03-01,,U\nb,terminated,2020-03-01,2026-01-20,U\nc,active,2026-01-10,,U\nd,prehire,2026-02-01,,U\n\
             e,leave,2020-03-01,,U\nf,terminated,2020-03-01,2024-12-31,U\ng,active,2020-03-01,2025-12-31,U\n",
        );
        world.nightly("2026-02-16");
        let days = headcounts(&world, "day");
        ["2025-12-31", "2026-01-01", "2026-01-20", "2026-01-21", "2026-02-01", "2026-02-15"]
            .map(|day| days.get(day).cloned().unwrap_or_default())
    };
    assert_eq!(of(""), ["3", "2", "3", "2", "3", "3"], "a and b and g; then c, then d");
    assert_eq!(of("termination = \"first_day_gone\""), ["2", "2", "2", "2", "3", "3"], "a day earlier each");
    let still = of("reach_back = false");
    assert_eq!(still[4..], ["".to_owned(), "3".to_owned()], "before the snapshot nobody is told of");
}

#[test]
fn rows_without_a_day_take_that_of_the_first_snapshot_that_says_so_in_any_number_of_nights() {
    let day = |rows: &str| format!("worker_id,status,org_id,hire_date\n{rows}");
    let deliveries = [
        ("workers_2026-02-01.csv", day("a,active,U,2026-01-05\nb,active,U,2026-01-05\n")),
        ("workers_2026-02-02.csv", day("a,active,V,2026-01-05\nb,active,U,2026-01-05\n")),
        ("workers_2026-02-03.csv", day("a,active,V,2026-01-05\nc,active,U,2026-02-03\n")),
    ];
    let told = |nights: &[&[usize]]| {
        let world = World::new();
        for (number, night) in nights.iter().enumerate() {
            for at in *night {
                world.deliver(deliveries[*at].0, &deliveries[*at].1);
            }
            world.nightly(&format!("2026-02-{:02}", 10 + number));
        }
        for entry in world.ledger().values() {
            assert!(entry.counts.conserved(), "{entry:?}");
        }
        stated(&world)
    };
    let once = told(&[&[0, 1, 2]]);
    assert_eq!(
        once,
        ["a U 2026-02-01 2026-02-02", "a V 2026-02-02 ", "b U 2026-02-01 2026-02-03", "c U 2026-02-03 "],
        "b is gone with the third"
    );
    assert_eq!(told(&[&[0], &[1], &[2]]), once);
    assert_eq!(told(&[&[2], &[0], &[1]]), once, "late ones make the table start over");
}

#[test]
fn dated_and_undated_rows_may_stand_in_one_snapshot() {
    let world = World::new();
    let header = "worker_id,effective_from,effective_to,status,org_id\n";
    world.deliver(
        "workers_2026-02-01.csv",
        format!("{header}a,2025-01-01,2025-06-01,active,U\na,2025-06-01,,active,V\nb,,,active,U\n"),
    );
    world.nightly("2026-02-02");
    world.deliver(
        "workers_2026-02-02.csv",
        format!("{header}a,2025-01-01,2025-07-01,active,U\na,2025-07-01,,active,V\nb,,,active,W\n"),
    );
    world.nightly("2026-02-03");
    assert_eq!(
        stated(&world),
        ["a U 2025-01-01 2025-07-01", "a V 2025-07-01 ", "b U 2026-02-01 2026-02-02", "b W 2026-02-02 "]
    );
    for (path, entry) in world.ledger() {
        assert!(entry.counts.conserved(), "{path}: {entry:?}");
    }
}

#[test]
fn another_rule_about_records_reads_the_table_again_or_says_which_object_is_gone() {
    let header = "id,status,from,unit,job\n";
    let both = |rule: &str| feed(&format!("mode = \"delta\"\nignore = [\"*\"]\n{rule}"), COLUMNS);
    let primary = "where = [{ column = \"job\", in = [\"1\"] }]";
    let mut world = world(setup(both("")));
    world.deliver("hr_2026-02-01.csv", format!("{header}a,active,2025-01-01,U,1\nb,active,2025-01-01,U,2\n"));
    world.deliver("hr_2026-02-02.csv", format!("{header}a,active,2026-01-01,V,1\n"));
    world.nightly("2026-02-03");
    assert_eq!(stated(&world).len(), 3);
    world.setup = setup(both(primary));
    world.write_job(&world.setup);
    let report = world.nightly("2026-02-04");
    assert_eq!((report.counts.read, report.counts.accepted, report.counts.filtered), (3, 2, 1), "{report:?}");
    assert_eq!(stated(&world), ["a U 2025-01-01 ", "a V 2026-01-01 "]);
    assert_eq!(world.nightly("2026-02-04").deliveries_read, 0, "once");
    assert_eq!(quality(&world, "filtered"), [" 1"]);
    let row =
        world.table("ops/deliveries").into_iter().find(|row| row["delivery"] == "hr_2026-02-01.csv").expect("a row");
    assert_eq!((row["rows_accepted"].as_str(), row["rows_filtered"].as_str()), ("1", "1"));
    // Without its landing object nothing can be read again, and nothing is mixed.
    world.landing.delete("hr_2026-02-01.csv").expect("gone");
    world.setup = setup(both(""));
    world.write_job(&world.setup);
    let error = world.run(&How { as_of: instant("2026-02-05"), ..How::default() }).expect_err("refused");
    assert_eq!(error.exit as u8, USAGE);
    assert!(
        error.to_string().contains("hr_2026-02-01.csv must be read again because the feed hr reads by other rules"),
        "{error}"
    );
    assert!(error.hint.as_deref().is_some_and(|hint| hint.contains("undo the change")), "{:?}", error.hint);
}

#[test]
fn what_annuls_itself_never_was_in_a_snapshot_as_in_changes() {
    let header = "id,status,from,unit,void\n";
    for (mode, left) in [("full", vec!["b U 2025-01-01 "]), ("delta", vec!["a U 2025-01-01 ", "b U 2025-01-01 "])] {
        let keys = format!("mode = \"{mode}\"\nannul = {{ column = \"void\", values = [\"x\"] }}");
        let world = world(setup(feed(&keys, COLUMNS)));
        world.deliver(
            "hr_2026-02-01.csv",
            format!("{header}a,active,2025-01-01,U,\na,active,2026-01-01,V,\nb,active,2025-01-01,U,\nc,active,2025-01-01,U,\n"),
        );
        world.nightly("2026-02-02");
        world.deliver(
            "hr_2026-02-02.csv",
            format!("{header}a,active,2026-01-01,V,x\nb,active,2025-01-01,U,\nc,active,2025-01-01,U,x\n"),
        );
        world.nightly("2026-02-03");
        let live: Vec<Row> =
            world.table("canon/workers").into_iter().filter(|row| row["_deleted"] == "false").collect();
        let live: Vec<String> = live
            .iter()
            .map(|row| {
                format!("{} {} {} {}", row["worker_id"], row["org_id"], row["effective_from"], row["effective_to"])
            })
            .collect();
        assert_eq!(live, left, "{mode}");
        let rows = world.table("canon/workers");
        let was_there = rows.iter().filter(|row| row["worker_id"] == "c" && !row["_held_to"].is_empty());
        assert_eq!(was_there.count(), 0, "{mode}: whoever has no other row was never there, not even until then");
        for (path, entry) in world.ledger() {
            assert!(entry.counts.conserved(), "{mode}, {path}: {entry:?}");
        }
    }
}

#[test]
fn a_delivery_of_workers_says_what_is_odd_about_it() {
    let world = World::new();
    world.deliver("org_units_2026-02-01.csv", "org_id,effective_from\nU,2020-01-01\n");
    world.deliver(
        "workers_2026-02-15.csv",
        "worker_id,effective_from,effective_to,status,org_id,manager_id,hire_date,termination_date\n\
         a,2025-01-01,2026-01-31,active,U,b,2025-01-01,\na,2026-02-01,,active,U,b,2025-01-01,\n\
         b,2025-01-01,2026-01-31,active,U,a,2025-01-01,\nb,2026-02-01,,active,U,a,2025-01-01,\n\
         c,2025-01-01,,active,X,c,2025-01-01,\nd,2025-01-01,,active,U,z,2025-01-01,\n\
         e,2025-01-01,,active,U,a,2025-01-01,2025-12-31\nf,2025-01-01,,terminated,U,a,2025-01-01,\n\
         g,2025-01-01,,active,U,a,2025-01-01,\ng,2025-01-01,,active,Y,a,2025-01-01,\n\
         h,2025-01-01,,terminated,U,a,2025-06-01,2025-05-01\n",
    );
    world.nightly("2026-02-16");
    let one = |code: &str| quality(&world, code).join(",");
    assert_eq!(one("one_day_gaps"), "effective_to 2");
    assert_eq!(one("several_rows"), " 1");
    assert_eq!(one("manager_cycle"), "manager_id 2");
    assert_eq!(one("self_manager"), "manager_id 1");
    assert_eq!(one("unknown_manager"), "manager_id 1");
    assert_eq!(one("unknown_org_unit"), "org_id 2");
    assert_eq!(one("status_contradicts_dates"), "status 1");
    assert_eq!(one("terminated_without_date"), "termination_date 1");
    assert_eq!(one("interval_inverted"), "termination_date 1");
    assert_eq!(one("survivors_only"), "");
}
