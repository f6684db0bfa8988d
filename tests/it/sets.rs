//! Objects that are one delivery are taken together, and full snapshots that contradict each other are both refused.

use std::collections::BTreeMap;

use uptake::pipeline::Report;

use crate::world::{How, Setup, World, difference, instant};

const DONE: u8 = 0;
const USAGE: u8 = 2;
const GATE: u8 = 3;

/// Workers without dates, in parts.
const HRIS: &str = r#"
description = "Everybody who is employed, every night, written by several tasks."
fills = "workers"
path = "hris/{date}/part-{part}.csv"
format = "csv"
mode = "full"

[[headers]]
worker_id = "id"
status = { value = "active" }
worker_type = { value = "employee" }
org_id = "unit"
"#;

/// Accounts, in a folder for each night.
const ACCOUNTS: &str = r#"
description = "All accounts."
fills = "users"
path = "lms/{date}/*.csv"
format = "csv"
mode = "full"

[[headers]]
user_id = "id"
"#;

const WORKERS: &[&str] = &["w1", "w2", "w3", "w4", "w5", "w6"];

fn setup(feeds: &[(&'static str, &'static str)]) -> Setup {
    let names: Vec<&'static str> = feeds.iter().map(|(name, _)| *name).collect();
    Setup { feeds: [&names[..], &["canonical_activity"][..]].concat(), own_feeds: feeds.to_vec(), ..Setup::default() }
}

fn staff(ids: &[&str]) -> String {
    let rows: String = ids.iter().map(|id| format!("{id},a\n")).collect();
    format!("id,unit\n{rows}")
}

fn accounts(ids: &[&str]) -> String {
    std::iter::once("id").chain(ids.iter().copied()).map(|id| format!("{id}\n")).collect()
}

fn part(day: u32, part: u32) -> String {
    format!("hris/2026-03-{day:02}/part-{part:05}.csv")
}

/// `worker from to`, in order.
fn workers(world: &World) -> Vec<String> {
    let mut rows: Vec<String> = world
        .table("canon/workers")
        .iter()
        .map(|row| format!("{} {} {}", row["worker_id"], row["effective_from"], row["effective_to"]))
        .collect();
    rows.sort();
    rows
}

fn ids(world: &World, table: &str, column: &str) -> Vec<String> {
    world.table(table).iter().map(|row| row[column].clone()).collect()
}

/// Whether each delivery was accepted, by path.
fn verdicts(world: &World) -> BTreeMap<String, String> {
    let verdict = |refused: Option<String>| refused.unwrap_or_else(|| "accepted".into());
    world.ledger().into_iter().map(|(key, entry)| (key, verdict(entry.refused))).collect()
}

/// The same landing area read at once into a new lake gives the same bytes.
#[track_caller]
fn as_if_fresh(world: &World, as_of: &str) {
    let other = World::with(world.setup.clone());
    let how = How { as_of: instant(as_of), lake: Some(&other.lake), ..How::default() };
    world.run(&how).expect("a fresh build");
    assert_eq!(difference(&world.files(), &other.files()), Vec::<String>::new());
}

fn report(world: &World, as_of: &str) -> Report {
    world.run(&How { as_of: instant(as_of), ..How::default() }).expect("a run")
}

#[test]
fn parts_of_a_snapshot_are_one_delivery_and_are_listed_singly() {
    let world = World::with(setup(&[("hris", HRIS)]));
    for day in [2, 3] {
        world.deliver(&part(day, 0), staff(&WORKERS[..3]));
        world.deliver(&part(day, 1), staff(&WORKERS[3..]));
    }
    assert_eq!(world.uptake("run JOB --as-of 2026-03-04"), DONE);
    assert_eq!(workers(&world), WORKERS.iter().map(|id| format!("{id} 2026-03-02 ")).collect::<Vec<_>>());
    let entries = world.ledger();
    assert_eq!(entries.len(), 4);
    for (key, entry) in &entries {
        assert_eq!(entry.set.as_deref(), Some(&key[5..15]), "{key}");
        assert_eq!((entry.counts.read, entry.headcount), (3, Some(6)), "{key}");
    }
    assert_eq!(
        world.table("ops/deliveries").iter().map(|row| row["delivery_set"].clone()).collect::<Vec<_>>(),
        ["2026-03-02", "2026-03-02", "2026-03-03", "2026-03-03"]
    );
}

#[test]
fn a_part_that_comes_a_night_later_reopens_its_snapshot_and_leaves_no_gap() {
    let world = World::with(setup(&[("hris", HRIS)]));
    for day in [2, 3] {
        world.deliver(&part(day, 0), staff(&WORKERS[..4]));
    }
    world.deliver(&part(2, 1), staff(&WORKERS[4..]));
    report(&world, "2026-03-04");
    assert!(workers(&world).contains(&"w6 2026-03-02 2026-03-03".to_owned()), "without the part w6 seems gone");
    world.deliver(&part(3, 1), staff(&WORKERS[4..]));
    let report = report(&world, "2026-03-05");
    assert!(report.remarks[0].starts_with("canon workers was built anew"), "{:?}", report.remarks);
    assert_eq!(workers(&world), WORKERS.iter().map(|id| format!("{id} 2026-03-02 ")).collect::<Vec<_>>());
    as_if_fresh(&world, "2026-03-05");
}

#[test]
fn gates_judge_the_set_and_not_its_parts() {
    let many: Vec<String> = (0..40).map(|number| format!("w{number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let world = World::with(setup(&[("hris", HRIS)]));
    world.deliver(&part(2, 0), staff(&many[..20]));
    world.deliver(&part(2, 1), staff(&many[20..]));
    // Unevenly split, and as many as the night before.
    world.deliver(&part(3, 0), staff(&many[..2]));
    world.deliver(&part(3, 1), staff(&many[2..]));
    assert_eq!(world.uptake("run JOB --as-of 2026-03-04"), DONE);
    let noted = |world: &World| {
        let rows = world.table("ops/data_quality");
        rows.iter().filter(|row| row["check_kind"] == "headcount_change").count()
    };
    assert_eq!(noted(&world), 0, "the headcount is the set's");
    // Both parts are as large as parts were, and the snapshot is half a company.
    world.deliver(&part(4, 0), staff(&many[..9]));
    world.deliver(&part(4, 1), staff(&many[10..19]));
    assert_eq!(world.uptake("run JOB --as-of 2026-03-05"), GATE);
}

/// Assignments in parts, with a rule of the feed about which of them count.
fn assignments(rule: &str) -> Setup {
    let text = format!(
        "description = \"Assignments.\"\nfills = \"workers\"\npath = \"hris/{{date}}/part-{{part}}.csv\"\nformat = \"csv\"\n\
         mode = \"full\"\n{rule}\n[[headers]]\nworker_id = \"id\"\neffective_from = \"from\"\nstatus = {{ value = \"active\" }}\n\
         org_id = \"unit\"\n"
    );
    setup(&[("hris", Box::leak(text.into_boxed_str()))])
}

#[test]
fn rules_choose_among_the_rows_of_all_parts_whichever_comes_first() {
    let header = "id,from,unit,x\n";
    let one = "w1,2025-01-01,kept,2\nw2,2025-01-01,other,1\n";
    for (rule, two, expected) in [
        ("order_by = \"x\"", "w1,2025-01-01,lost,1\n", vec!["w1 kept", "w2 other"]),
        ("primary = { column = \"x\", values = [\"2\"] }", "w1,2025-01-01,side,1\n", vec!["w1 kept", "w2 other"]),
        ("annul = { column = \"x\", values = [\"2\"] }", "w1,2025-01-01,again,1\n", vec!["w2 other"]),
    ] {
        for (first, second) in [(one, two), (two, one)] {
            let world = World::with(assignments(rule));
            world.deliver(&part(2, 0), format!("{header}{first}"));
            world.deliver(&part(2, 1), format!("{header}{second}"));
            assert_eq!(world.uptake("run JOB --as-of 2026-03-04"), DONE);
            let units: Vec<String> = world
                .table("canon/workers")
                .iter()
                .filter(|row| row["_deleted"] != "true")
                .map(|row| format!("{} {}", row["worker_id"], row["org_id"]))
                .collect();
            assert_eq!(units, expected, "{rule} {first}");
            assert!(world.ledger().values().all(|entry| entry.counts.conserved()), "{rule}");
        }
    }
}

/// Accounts in parts of sixty records, of which the first few have no id.
fn records(bad: usize) -> String {
    (0..60).map(|n| if n < bad { format!(",x{n}\n") } else { format!("u{bad}-{n},x\n") }).collect()
}

#[test]
fn the_share_of_rejects_is_that_of_the_set() {
    let feed = ACCOUNTS.replace("lms/{date}/*.csv", "lms/{date}/{part}.csv");
    for (bad, expected) in [([12, 12, 12, 12], GATE), ([11, 0, 0, 0], DONE)] {
        let world = World::with(setup(&[("accounts", Box::leak(feed.clone().into_boxed_str()))]));
        for (at, bad) in bad.into_iter().enumerate() {
            world.deliver(
                &format!("lms/2026-03-02/{at}.csv"),
                format!("id,x\n{}", records(bad).replace("u0", &format!("v{at}"))),
            );
        }
        assert_eq!(world.uptake("run JOB --as-of 2026-03-04"), expected, "{bad:?}");
    }
}

#[test]
fn a_set_is_refused_whole_where_one_of_its_parts_is_and_taken_whole_once_that_is_mended() {
    let tolerant = || Setup { refused: vec!["hris"], ..setup(&[("hris", HRIS)]) };
    let world = World::with(tolerant());
    world.deliver(&part(2, 0), staff(&WORKERS[..3]));
    world.deliver(&part(2, 1), staff(&WORKERS[3..]));
    world.deliver(&part(3, 0), staff(&WORKERS[..3]));
    world.deliver(&part(3, 1), "<html>");
    report(&world, "2026-03-04");
    let told = verdicts(&world);
    assert_eq!((told[&part(3, 0)].as_str(), told[&part(3, 1)].as_str()), ("set_refused", "not_csv"));
    assert_eq!(workers(&world).len(), 6, "nobody left");
    world.deliver(&part(3, 1), staff(&WORKERS[3..5]));
    report(&world, "2026-03-05");
    assert!(verdicts(&world).values().all(|verdict| verdict == "accepted"), "{:?}", verdicts(&world));
    assert!(workers(&world).contains(&"w6 2026-03-02 2026-03-03".to_owned()), "{:?}", workers(&world));
    as_if_fresh(&world, "2026-03-05");
}

#[test]
fn two_snapshots_of_a_day_are_both_refused_whichever_came_first() {
    let tolerant = || Setup {
        feeds: vec!["canonical_users", "canonical_activity"],
        refused: vec!["canonical_users"],
        ..Setup::default()
    };
    let (one, two) = ("users_20260302T020000.csv", "copy/users_20260302T020007.csv");
    let before = ("users_2026-03-01.csv", "user_id\nu0\n");
    let text = |id: &str| format!("user_id\n{id}\n");
    let at_once = World::with(tolerant());
    at_once.deliver(before.0, before.1);
    at_once.deliver(one, text("u1"));
    at_once.deliver(two, text("u2"));
    report(&at_once, "2026-03-03");
    assert_eq!(ids(&at_once, "canon/users", "user_id"), ["u0"]);
    for (first, then) in [(one, two), (two, one)] {
        let world = World::with(tolerant());
        world.deliver(before.0, before.1);
        world.deliver(first, text(if first == one { "u1" } else { "u2" }));
        report(&world, "2026-03-03");
        assert_eq!(verdicts(&world)[first], "accepted");
        world.deliver(then, text(if then == one { "u1" } else { "u2" }));
        let said = report(&world, "2026-03-03");
        assert!(said.remarks.iter().any(|line| line.contains("full snapshots of one day")), "{:?}", said.remarks);
        assert_eq!(difference(&world.files(), &at_once.files()), Vec::<String>::new(), "{first} first");
        assert_eq!(verdicts(&world), verdicts(&at_once));
        // Refused once, they are not read again and again.
        assert_eq!(report(&world, "2026-03-03").deliveries_read, 0);
        // One is deleted: the other is the day's snapshot, and u0 was an account until then.
        world.landing.delete(first).expect("a deletion");
        report(&world, "2026-03-03");
        assert_eq!(ids(&world, "canon/users", "user_id"), ["u0", if then == one { "u1" } else { "u2" }]);
        as_if_fresh(&world, "2026-03-03");
    }
}

#[test]
fn two_snapshots_of_a_day_hold_a_run_back_unless_the_feed_says_that_there_are_several_a_day() {
    let accounts = |more: &str| {
        let text = format!(
            "description = \"\"\nfills = \"users\"\npath = \"u_{{date}}.csv\"\nformat = \"csv\"\nmode = \"full\"\n{more}"
        );
        setup(&[("lms", &*String::leak(text))])
    };
    for (more, code) in [("", GATE), ("snapshots = \"daily\"", GATE), ("snapshots = \"instant\"", DONE)] {
        let world = World::with(accounts(more));
        world.deliver("u_20260302T020000.csv", "user_id\nu1\nu2\n");
        world.deliver("u_20260302T140000.csv", "user_id\nu2\nu3\n");
        assert_eq!(world.uptake("run JOB --as-of 2026-03-03"), code, "{more}");
    }
    let world = World::with(accounts(""));
    world.deliver("u_20260302T020000.csv", "user_id\nu1\n");
    world.deliver("u_20260302T140000.csv", "user_id\nu1\n");
    let error = world.run(&How { as_of: instant("2026-03-03"), ..How::default() }).expect_err("refused");
    let (said, hint) = (error.to_string(), error.hint.unwrap_or_default());
    assert!(said.contains("u_20260302T020000.csv") && said.contains("u_20260302T140000.csv"), "{said}");
    assert!(["delete", "{part}", "snapshots = \"instant\""].iter().all(|way| hint.contains(way)), "{hint}");
}

#[test]
fn a_copy_of_a_part_in_another_folder_or_of_another_write_is_no_part_of_the_set() {
    let text = HRIS.replace("path = \"hris/", "path = \"**/hris/");
    let world = World::with(setup(&[("hris", &*String::leak(text))]));
    world.deliver(&part(2, 0), staff(&WORKERS[..3]));
    world.deliver(&format!("copy/{}", part(2, 1)), staff(&WORKERS[3..]));
    assert_eq!(world.uptake("run JOB --as-of 2026-03-04"), GATE);

    let text = HRIS.replace("part-{part}.csv", "part-{part}-*.csv");
    let world = World::with(setup(&[("hris", &*String::leak(text))]));
    world.deliver("hris/2026-03-02/part-0-a.csv", staff(&WORKERS[..3]));
    world.deliver("hris/2026-03-02/part-1-a.csv", staff(&WORKERS[3..]));
    assert_eq!(world.uptake("run JOB --as-of 2026-03-04"), DONE);
    world.deliver("hris/2026-03-02/part-0-b.csv", staff(&WORKERS[..2]));
    assert_eq!(world.uptake("run JOB --as-of 2026-03-04"), GATE);
}

#[test]
fn a_folder_with_a_success_marker_is_one_snapshot_and_waits_for_it() {
    let world = World::with(setup(&[("accounts", ACCOUNTS)]));
    let night = |day: u32, ids: [&[&str]; 2]| {
        for (name, ids) in ["eu", "us"].into_iter().zip(ids) {
            world.deliver(&format!("lms/2026-03-{day:02}/{name}.csv"), accounts(ids));
        }
    };
    night(2, [&["u1", "u2"], &["u3"]]);
    world.deliver("lms/2026-03-02/_SUCCESS", "");
    let said = report(&world, "2026-03-03");
    assert_eq!(ids(&world, "canon/users", "user_id"), ["u1", "u2", "u3"]);
    assert!(!said.remarks.iter().any(|line| line.contains("match no feed")), "{:?}", said.remarks);
    night(3, [&["u1", "u2"], &["u3", "u4"]]);
    let said = report(&world, "2026-03-04");
    assert_eq!((said.deliveries_read, ids(&world, "canon/users", "user_id").len()), (0, 3));
    assert!(
        said.remarks.iter().any(|line| line.contains("lms/2026-03-03/ waits for its _SUCCESS (2 objects)")),
        "{:?}",
        said.remarks
    );
    world.deliver("lms/2026-03-03/_SUCCESS", "");
    report(&world, "2026-03-04");
    assert_eq!(ids(&world, "canon/users", "user_id"), ["u1", "u2", "u3", "u4"]);
    as_if_fresh(&world, "2026-03-04");
}

#[test]
fn the_first_folder_waits_too_where_the_feed_names_its_marker() {
    let text = ACCOUNTS.replace("mode = \"full\"", "mode = \"full\"\nmarker = \"_SUCCESS\"");
    let strict = Setup { missing: Some(vec!["canonical_activity"]), ..setup(&[("accounts", &*String::leak(text))]) };
    let world = World::with(strict);
    world.deliver("lms/2026-03-02/eu.csv", accounts(&["u1"]));
    let error = world.run(&How { as_of: instant("2026-03-03"), ..How::default() }).expect_err("nothing is there");
    assert!(error.to_string().contains("lms/2026-03-02/ waits for its _SUCCESS (1 object)"), "{error}");
    world.deliver("lms/2026-03-02/_SUCCESS", "");
    report(&world, "2026-03-03");
    assert_eq!(ids(&world, "canon/users", "user_id"), ["u1"]);
}

#[test]
fn what_spark_writes_under_the_name_of_a_file_is_one_snapshot() {
    let setup = Setup { feeds: vec!["canonical_users", "canonical_activity"], ..Setup::default() };
    let world = World::with(setup);
    let folder = "dwh/users_2026-03-02.csv";
    let write = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
    world.deliver(&format!("{folder}/part-00000-{write}-c000.csv"), "user_id\nu1\nu2\n");
    world.deliver(&format!("{folder}/part-00001-{write}-c000.csv"), "user_id\nu3\n");
    world.deliver(&format!("{folder}/_SUCCESS"), "");
    world.deliver(&format!("{folder}/_committed_1"), "{}");
    report(&world, "2026-03-03");
    assert_eq!(ids(&world, "canon/users", "user_id"), ["u1", "u2", "u3"]);
    // What an earlier write left behind is not mixed in.
    world.deliver(&format!("{folder}/part-00000-{}-c000.csv", write.replace('0', "9")), "user_id\nu9\n");
    assert_eq!(world.uptake("run JOB --as-of 2026-03-03"), GATE);
}

#[test]
fn each_value_of_a_placeholder_has_its_own_snapshots() {
    let text = ACCOUNTS.replace("lms/{date}/*.csv", "lms/{site}/{date}.csv");
    let world = World::with(setup(&[("accounts", &*String::leak(text))]));
    world.deliver("lms/eu/2026-03-02.csv", accounts(&["u1", "u2"]));
    world.deliver("lms/us/2026-03-02.csv", accounts(&["v1", "v2", "v3"]));
    report(&world, "2026-03-03");
    assert_eq!(ids(&world, "canon/users", "user_id").len(), 5);
    // A smaller site is no broken export, and replaces nobody of the other.
    world.deliver("lms/eu/2026-03-03.csv", accounts(&["u2"]));
    report(&world, "2026-03-04");
    assert!(ids(&world, "canon/users", "user_id").iter().filter(|id| id.starts_with('v')).count() == 3);
    as_if_fresh(&world, "2026-03-04");
}

/// One row a person, which says who they are and what account they have.
const BOTH: &str = "id,email,worker\nu1,a@example.org,w1\nu2,b@example.org,w2\n";

fn both(users_share: &str, links_share: &str) -> Setup {
    let users = format!(
        "description = \"\"\nfills = \"users\"\npath = \"people_{{date}}.csv\"\nformat = \"csv\"\nmode = \"full\"\n{users_share}\n[[headers]]\nuser_id = \"id\"\nemail = \"email\"\nignore = [\"worker\"]\n"
    );
    let links = format!(
        "description = \"\"\nfills = \"identity_links\"\npath = \"people_*.csv\"\nformat = \"csv\"\n{links_share}\n[[headers]]\nsource = {{ value = \"lms\" }}\nsource_user_id = \"id\"\nworker_id = \"worker\"\nignore = [\"email\"]\n"
    );
    setup(&[("people_users", &*String::leak(users)), ("people_links", &*String::leak(links))])
}

#[test]
fn one_object_fills_several_tables_where_the_feeds_name_each_other_and_nowhere_else() {
    let (to_links, to_users) = ("shares = [\"people_links\"]", "shares = [\"people_users\"]");
    for (users, links) in [("", ""), (to_links, ""), ("", to_users)] {
        let world = World::with(both(users, links));
        world.deliver("people_2026-03-02.csv", BOTH);
        assert_eq!(world.uptake("run JOB --as-of 2026-03-03"), USAGE, "{users} {links}");
    }
    let world = World::with(both(to_links, to_users));
    world.deliver("people_2026-03-02.csv", BOTH);
    let said = report(&world, "2026-03-03");
    assert_eq!(said.deliveries_read, 2);
    assert_eq!(ids(&world, "canon/users", "user_id"), ["u1", "u2"]);
    assert_eq!(ids(&world, "canon/identity_links", "worker_id"), ["w1", "w2"]);
    let told = world.table("ops/deliveries");
    let told: Vec<_> = told.iter().map(|row| (row["delivery"].as_str(), row["canon_table"].as_str())).collect();
    assert_eq!(told, [("people_2026-03-02.csv", "identity_links"), ("people_2026-03-02.csv", "users")]);
    assert_eq!(report(&world, "2026-03-03").deliveries_read, 0, "both know it");
    world.deliver("people_2026-03-03.csv", BOTH);
    report(&world, "2026-03-04");
    let entries = world.ledger();
    assert_eq!(entries.len(), 4);
    assert!(entries.values().all(|entry| entry.counts.conserved()), "{entries:?}");
    as_if_fresh(&world, "2026-03-04");
}

#[test]
fn the_later_update_of_an_enrollment_holds_whatever_came_last() {
    let setup = Setup { feeds: vec!["canonical_enrollments"], ..Setup::default() };
    let header = "user_id,content_id,status,completed_at,updated_at\n";
    let done = "u1,c1,completed,2026-03-01T09:00:00Z,2026-03-01T09:00:00Z\n";
    let open = "u1,c1,assigned,,2026-02-20T09:00:00Z\n";
    let told = |world: &World| world.table("canon/enrollments")[0]["status"].clone();
    let in_one_file = World::with(setup.clone());
    in_one_file.deliver("enrollments_2026-03-02.csv", format!("{header}{done}{open}"));
    report(&in_one_file, "2026-03-04");
    assert_eq!(told(&in_one_file), "completed");
    for (first, then) in [("2026-03-02", "2026-03-03"), ("2026-03-03", "2026-03-02")] {
        let world = World::with(setup.clone());
        let deliver = |day: &str| {
            let row = if day == "2026-03-02" { done } else { open };
            world.deliver(&format!("enrollments_{day}.csv"), format!("{header}{row}"));
            report(&world, "2026-03-04");
        };
        deliver(first);
        deliver(then);
        assert_eq!(told(&world), "completed", "{first} first");
        as_if_fresh(&world, "2026-03-04");
    }
}

#[test]
fn rows_without_an_update_among_rows_with_one_are_weighed_in_the_order_they_were_made_however_late_they_come() {
    let setup = Setup { feeds: vec!["canonical_enrollments"], ..Setup::default() };
    let header = "user_id,content_id,status,updated_at\n";
    let nights = [
        ("2026-03-02", "u1,c1,completed,2026-03-01T09:00:00Z\n"),
        ("2026-03-03", "u1,c1,in_progress,\n"),
        ("2026-03-04", "u1,c1,assigned,2026-02-20T09:00:00Z\n"),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 2, 0], [2, 1, 0]] {
        let world = World::with(setup.clone());
        for (day, row) in order.map(|at| nights[at]) {
            world.deliver(&format!("enrollments_{day}.csv"), format!("{header}{row}"));
            report(&world, "2026-03-05");
        }
        assert_eq!(world.table("canon/enrollments")[0]["status"], "assigned", "{order:?}");
        as_if_fresh(&world, "2026-03-05");
    }
}
