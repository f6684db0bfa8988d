//! What an export leaves out or spoils: columns that are not there, values that cannot be read, ids that a spreadsheet rewrote.

use crate::order::{any_order, delivery};
use crate::world::{Row, Setup, World};

const DONE: u8 = 0;
const GATE: u8 = 3;

/// One column of the rows of a table, by another.
fn told(world: &World, table: &str, key: &str, value: &str) -> Vec<String> {
    let mut rows: Vec<String> = world
        .table(table)
        .iter()
        .filter(|row| row.get("_deleted").is_none_or(|deleted| deleted != "true"))
        .map(|row| format!("{} {}", row[key], row[value]))
        .collect();
    rows.sort();
    rows
}

/// Rows of data_quality with a code, as `column severity affected`.
fn noticed(world: &World, code: &str) -> Vec<String> {
    let is = |row: &&Row| row["reason_code"] == code || row["check_kind"] == code;
    let mut rows: Vec<String> = world
        .table("ops/data_quality")
        .iter()
        .filter(is)
        .map(|row| format!("{} {} {}", row["column_name"], row["severity"], row["affected"]))
        .collect();
    rows.sort();
    rows
}

const WITH: &str = "user_id,employee_no,kind\nu1,n1,learner\nu2,n2,learner\n";
const WITHOUT: &str = "user_id,kind\nu1,learner\nu2,test\nu3,learner\n";

#[test]
fn a_full_snapshot_without_a_column_leaves_it_as_it_was_night_by_night_and_all_at_once() {
    let expected = ["u1 n1", "u2 n2", "u3 "];
    let world = World::new();
    world.deliver("users_2026-03-02.csv", WITH);
    assert_eq!(world.uptake("run JOB --as-of 2026-03-03"), DONE);
    world.deliver("users_2026-03-03.csv", WITHOUT);
    assert_eq!(world.uptake("run JOB --as-of 2026-03-04"), DONE);
    assert_eq!(told(&world, "canon/users", "user_id", "employee_no"), expected);
    assert_eq!(told(&world, "canon/users", "user_id", "kind"), ["u1 learner", "u2 test", "u3 learner"]);
    assert_eq!(
        noticed(&world, "header_absent"),
        ["employee_no warn 1"],
        "of the columns that were never there nothing is said"
    );
    let at_once = World::new();
    at_once.deliver("users_2026-03-02.csv", WITH);
    at_once.deliver("users_2026-03-03.csv", WITHOUT);
    at_once.deliver("users_2026-03-04.csv", WITHOUT);
    assert_eq!(at_once.uptake("run JOB --as-of 2026-03-05"), DONE);
    assert_eq!(told(&at_once, "canon/users", "user_id", "employee_no"), expected);
    // An empty column says that there is nothing.
    world.deliver("users_2026-03-04.csv", "user_id,employee_no,kind\nu1,,learner\nu2,n2,learner\n");
    assert_eq!(world.uptake("run JOB --as-of 2026-03-05"), DONE);
    assert_eq!(told(&world, "canon/users", "user_id", "employee_no"), ["u1 ", "u2 n2"]);
}

#[test]
fn an_event_told_again_without_a_column_keeps_what_it_said() {
    let world = World::new();
    world.deliver(
        "activity_2026-03-02.csv",
        "event_id,occurred_at,user_id,verb,score\ne1,2026-03-01T09:00:00Z,u1,answered,0.5\n",
    );
    assert_eq!(world.uptake("run JOB --as-of 2026-03-03"), DONE);
    world.deliver("activity_2026-03-03.csv", "event_id,occurred_at,user_id,verb\ne1,2026-03-01T09:00:00Z,u1,passed\n");
    assert_eq!(world.uptake("run JOB --as-of 2026-03-04"), DONE);
    assert_eq!(told(&world, "canon/activity", "verb", "score"), ["passed 0.5"]);
}

/// Workers as a daily snapshot: no header says since when.
const DAILY: &str = "description = \"Daily.\"\nfills = \"workers\"\npath = \"hris_{date}.csv\"\nformat = \"csv\"\nmode = \"full\"\n[[headers]]\nworker_id = \"id\"\nstatus = \"status\"\norg_id = { from = \"org\", optional = true }\n";

#[test]
fn an_event_told_for_another_day_without_a_column_keeps_what_it_said_in_any_order() {
    let told_again = [
        delivery(
            "activity_2026-03-02.csv",
            "event_id,occurred_at,user_id,verb,score\ne1,2026-03-01T09:00:00Z,u1,answered,0.5\ne2,2026-03-01T09:00:00Z,u1,answered,0.7\n",
        ),
        delivery(
            "activity_2026-03-04.csv",
            "event_id,occurred_at,user_id,verb\ne1,2026-03-03T09:00:00Z,u1,passed\ne3,2026-03-03T09:00:00Z,u1,viewed\n",
        ),
    ];
    let world = any_order(&Setup::default(), &[], &told_again);
    assert_eq!(told(&world, "canon/activity", "verb", "score"), ["answered 0.7", "passed 0.5", "viewed "]);
}

const IN_PARTS: &str = r#"
description = "Accounts in parts."
fills = "users"
path = "accounts/{date}/{part}.csv"
format = "csv"
mode = "full"
[[headers]]
user_id = "user_id"
kind = "kind"
employee_no = { from = "employee_no", optional = true }
"#;

#[test]
fn a_part_without_a_column_leaves_it_as_it_was_and_makes_nobody_another_person() {
    let world =
        World::with(Setup { feeds: vec!["accounts"], own_feeds: vec![("accounts", IN_PARTS)], ..Setup::default() });
    world.deliver("accounts/2026-03-02/0.csv", "user_id,employee_no,kind\nu1,n1,learner\n");
    world.deliver("accounts/2026-03-02/1.csv", "user_id,employee_no,kind\nu2,n2,learner\n");
    assert_eq!(world.uptake("run JOB --as-of 2026-03-03"), DONE);
    world.deliver("accounts/2026-03-03/0.csv", "user_id,employee_no,kind\nu1,n1,learner\n");
    world.deliver("accounts/2026-03-03/1.csv", "user_id,kind\nu2,learner\n");
    assert_eq!(world.uptake("run JOB --as-of 2026-03-04"), DONE);
    let rows = world.table("canon/users");
    let all: Vec<String> =
        rows.iter().map(|row| format!("{} {} {}", row["user_id"], row["employee_no"], row["_held_to"])).collect();
    assert_eq!(all, ["u1 n1 ", "u2 n2 "]);
}

const TWO_SHAPES: &str = r#"
description = "Accounts, since March without numbers."
fills = "users"
path = "accounts_{date}.csv"
format = "csv"
mode = "full"
[[headers]]
user_id = "Id"
employee_no = "Number"
[[headers]]
user_id = "Account"
"#;

#[test]
fn a_column_that_only_another_shape_of_the_export_has_is_absent_and_not_empty() {
    let world =
        World::with(Setup { feeds: vec!["accounts"], own_feeds: vec![("accounts", TWO_SHAPES)], ..Setup::default() });
    world.deliver("accounts_2026-03-02.csv", "Id,Number\nu1,n1\n");
    assert_eq!(world.uptake("run JOB --as-of 2026-03-03"), DONE);
    world.deliver("accounts_2026-03-03.csv", "Account\nu1\n");
    assert_eq!(world.uptake("run JOB --as-of 2026-03-04"), DONE);
    assert_eq!(told(&world, "canon/users", "user_id", "employee_no"), ["u1 n1"]);
    assert_eq!(noticed(&world, "header_absent"), ["employee_no warn 1"]);
}

#[test]
fn a_daily_snapshot_without_a_column_moves_nobody() {
    let world = World::with(Setup { feeds: vec!["daily"], own_feeds: vec![("daily", DAILY)], ..Setup::default() });
    world.deliver("hris_2026-03-02.csv", "id,status,org\nw1,active,a\nw2,active,b\n");
    world.deliver("hris_2026-03-03.csv", "id,status\nw1,active\nw2,leave\n");
    assert_eq!(world.uptake("run JOB --as-of 2026-03-04"), DONE);
    let rows: Vec<String> = {
        let row =
            |row: &Row| format!("{} {} {} {}", row["worker_id"], row["status"], row["org_id"], row["effective_from"]);
        let mut rows: Vec<String> = world.table("canon/workers").iter().map(row).collect();
        rows.sort();
        rows
    };
    assert_eq!(rows, ["w1 active a 2026-03-02", "w2 active b 2026-03-02", "w2 leave b 2026-03-03"]);
    assert_eq!(noticed(&world, "header_absent"), ["org_id warn 1"]);
}

#[test]
fn ids_that_lost_their_zeros_refuse_the_snapshot_night_by_night_and_all_at_once() {
    let with = "user_id,employee_no\n007,n1\n0815,n2\n42,n3\n";
    let without = "user_id,employee_no\n7,n1\n815,n2\n42,n3\n";
    let world = World::new();
    world.deliver("users_2026-03-02.csv", with);
    assert_eq!(world.uptake("run JOB --as-of 2026-03-03"), DONE);
    world.deliver("users_2026-03-03.csv", without);
    assert_eq!(world.uptake("run JOB --as-of 2026-03-04"), GATE);
    let at_once = World::new();
    at_once.deliver("users_2026-03-02.csv", with);
    at_once.deliver("users_2026-03-03.csv", without);
    assert_eq!(at_once.uptake("run JOB --as-of 2026-03-04"), GATE);
    // Somebody whose number is another one's without zeros is somebody new, where both are there.
    world.deliver("users_2026-03-03.csv", format!("{with}7,n4\n"));
    assert_eq!(world.uptake("run JOB --as-of 2026-03-04"), DONE);
    assert_eq!(told(&world, "canon/users", "user_id", "employee_no"), ["007 n1", "0815 n2", "42 n3", "7 n4"]);
}

#[test]
fn a_column_of_which_most_values_cannot_be_read_holds_the_delivery_back_and_some_do_not() {
    let rows = |bad: usize| {
        let due = |n: usize| if n < bad { "31/31/2026" } else { "2026-04-01T09:00:00Z" };
        let rows: String = (0..200).map(|n| format!("u{n},c,assigned,{}\n", due(n))).collect();
        format!("user_id,content_id,status,due_at\n{rows}")
    };
    let run = |bad: usize| {
        let world = World::new();
        world.deliver("enrollments_2026-03-02.csv", rows(bad));
        let code = world.uptake("run JOB --as-of 2026-03-03");
        (code, if code == DONE { noticed(&world, "value_dropped") } else { Vec::new() })
    };
    assert_eq!(run(100), (DONE, vec!["due_at warn 100".to_owned()]));
    assert_eq!(run(101), (GATE, Vec::new()));
}

#[test]
fn reactions_of_people_nobody_names_count_in_content_engagement_and_nowhere_else() {
    const COUNTS: &str = "description = \"Counts.\"\nfills = \"reactions\"\npath = \"counts_{date}.csv\"\nformat = \"csv\"\nanonymous = true\n";
    let world = |counts: &str| {
        let mut feeds = crate::world::CANONICAL.to_vec();
        feeds.push("counts");
        let world = World::with(Setup { feeds, own_feeds: vec![("counts", COUNTS)], ..Setup::default() });
        world.deliver(
            "workers_2026-03-02.csv",
            "worker_id,effective_from,employee_no,status,worker_type,org_id\nw1,2020-01-01,n1,active,employee,a\n",
        );
        world.deliver("users_2026-03-02.csv", "user_id,employee_no,kind\nu1,n1,learner\n");
        world.deliver("content_2026-03-02.csv", "content_id,kind,published_at\nc1,course,2026-01-01T00:00:00Z\n");
        world.deliver(
            "contributions_2026-03-02.csv",
            "contribution_id,author_id,kind,created_at,content_id\nk1,u1,post,2026-02-02T09:00:00Z,c1\n",
        );
        world.deliver(
            "activity_2026-03-02.csv",
            "event_id,occurred_at,user_id,verb,object_id\ne1,2026-02-03T09:00:00Z,u1,viewed,c1\n",
        );
        world.deliver("counts_2026-03-02.csv", format!("contribution_id,actor_id,kind,value,occurred_at\n{counts}"));
        assert_eq!(world.uptake("run JOB --as-of 2026-03-03"), DONE);
        world
    };
    let (with, without) = (world("k1,,like,12,2026-02-03T09:00:00Z\n"), world(""));
    let engaged = |world: &World| -> Vec<String> {
        let rows = world.table("marts/content_engagement");
        let february = rows.iter().filter(|row| row["period_start"] == "2026-02-01");
        february
            .map(|row| format!("{} {} {}", row["viewers"], row["unnamed_reactions"], row["unique_endorsers"]))
            .collect()
    };
    // No endorser: fewer than one person, the smallest group of this world, so the guard shows no number.
    assert_eq!((engaged(&with), engaged(&without)), (vec!["1 12 ".to_owned()], vec!["1 0 ".to_owned()]));
    let figures = |world: &World| world.table("marts/adoption_kpis");
    assert_eq!(figures(&with), figures(&without));
}
