//! Enrollments are attempts: the same course every year is an obligation a year, whoever numbers it; and what workers, users and
//! enrollments alone can fill.

use crate::world::{Row, Setup, World};

const ENROLLMENTS: &str = "user_id,content_id,attempt,assigned_at,required,due_at,enrolled_at,completed_at,status\n";

/// Five people with an account each, and no activity at all.
fn company(setup: Setup) -> World {
    let world = World::with(setup);
    let all = |line: &dyn Fn(u32) -> String| (1..=5).map(line).collect::<String>();
    world.deliver(
        "workers_2025-03-03.csv",
        format!(
            "worker_id,effective_from,status,employee_no\n{}",
            all(&|at| format!("w{at},2015-01-01,active,n{at}\n"))
        ),
    );
    world.deliver(
        "users_2025-03-03.csv",
        format!("user_id,employee_no,status\n{}", all(&|at| format!("u{at},n{at},active\n"))),
    );
    world
}

/// The same line of everybody from `first` to `last`, the account left out; a day is its afternoon.
fn lines(first: u32, last: u32, line: &str) -> String {
    let cell = |cell: &str| if cell.starts_with("20") { format!("{cell}T16:00:00Z") } else { cell.to_owned() };
    let line: Vec<String> = line.split(',').map(cell).collect();
    (first..=last).map(|at| format!("u{at},{}\n", line.join(","))).collect()
}

fn months(world: &World, table: &str) -> Vec<Row> {
    let of_company =
        |row: &Row| row["scope_kind"] == "company" && row.get("grain").is_none_or(|grain| grain == "month");
    world.table(table).into_iter().filter(of_company).collect()
}

/// assigned, due, due_completed, due_completed_on_time and completions of a month, empty for none.
fn counted(world: &World, month: &str) -> [String; 5] {
    let rows = months(world, "marts/adoption_kpis");
    let row = rows.iter().find(|row| row["period_start"] == month).unwrap_or_else(|| panic!("no month {month}"));
    ["assigned", "due", "due_completed", "due_completed_on_time", "completions"].map(|name| row[name].clone())
}

#[test]
fn a_course_of_every_year_that_nobody_numbers_has_a_rate_each_year() {
    let world = company(Setup::default());
    let last_year = lines(1, 4, "c1,,2025-01-15,true,2025-02-28,,2025-02-10,completed");
    let missed = lines(5, 5, "c1,,2025-01-15,true,2025-02-28,,,assigned");
    world.deliver("enrollments_2025-03-03.csv", format!("{ENROLLMENTS}{last_year}{missed}"));
    world.nightly("2025-03-04");
    let before = [counted(&world, "2025-01-01"), counted(&world, "2025-02-01")];
    assert_eq!(before[1], ["", "5", "4", "4", "4"]);
    // The next year's assignment, then what became of it; the due date of u3 and u4 moves on the way.
    let this_year = lines(1, 5, "c1,,2026-01-15,true,2026-02-20,,,assigned");
    world.deliver("enrollments_2026-01-16.csv", format!("{ENROLLMENTS}{this_year}"));
    let moved = lines(3, 4, "c1,,2026-01-15,true,2026-02-27,,,in_progress");
    world.deliver("enrollments_2026-02-02.csv", format!("{ENROLLMENTS}{moved}"));
    let done = lines(1, 3, "c1,,2026-01-15,true,2026-02-27,,2026-02-12,passed");
    world.deliver("enrollments_2026-02-13.csv", format!("{ENROLLMENTS}{done}"));
    world.nightly("2026-03-02");
    assert_eq!([counted(&world, "2025-01-01"), counted(&world, "2025-02-01")], before, "the year before is closed");
    assert_eq!(counted(&world, "2026-01-01"), ["5", "", "", "", ""]);
    assert_eq!(counted(&world, "2026-02-01"), ["", "5", "3", "3", "3"], "one obligation each, moved or not");
}

#[test]
fn deliveries_of_several_years_end_the_same_in_any_order() {
    let told = [
        ("enrollments_2025-03-03.csv", lines(1, 5, "c1,,2025-01-15,true,2025-02-28,,2025-02-10,completed")),
        ("enrollments_2026-01-16.csv", lines(1, 5, "c1,,2026-01-15,true,2026-02-20,,,assigned")),
        ("enrollments_2026-02-13.csv", lines(1, 3, "c1,,2026-01-15,true,2026-02-20,,2026-02-12,passed")),
    ];
    let world_of = |order: [usize; 3]| {
        let world = company(Setup::default());
        for at in order {
            world.deliver(told[at].0, format!("{ENROLLMENTS}{}", told[at].1));
            world.nightly("2026-03-02");
        }
        world.files()
    };
    let in_order = world_of([0, 1, 2]);
    assert_eq!(crate::world::difference(&in_order, &world_of([2, 0, 1])), Vec::<String>::new());
}

#[test]
fn a_delete_of_an_enrollment_without_number_finds_what_was_told_with_a_day() {
    const DELTA: &str = "description = \"Deltas with deletes.\"\nfills = \"enrollments\"\npath = \"**/delta_{date}.csv\"\nformat = \"csv\"\nmode = \"delta\"\n\
        action = { from = \"op\", deletes = [\"D\"], upserts = [\"U\"] }\n[[headers]]\nuser_id = \"user\"\ncontent_id = \"course\"\nstatus = \"state\"\n\
        required = \"must\"\nassigned_at = \"given\"\ndue_at = \"until\"\n";
    let world = company(Setup {
        feeds: vec!["canonical_workers", "canonical_users", "delta"],
        own_feeds: vec![("delta", DELTA)],
        ..Setup::default()
    });
    let head = "op,user,course,state,must,given,until\n";
    world.deliver(
        "delta_2025-03-03.csv",
        ["u1", "u2", "u3", "u4", "u5"].iter().fold(head.to_owned(), |text, user| {
            text + &format!("U,{user},c1,assigned,true,2025-02-15T08:00:00Z,2025-02-28T16:00:00Z\n")
        }),
    );
    world.nightly("2025-03-04");
    assert_eq!(counted(&world, "2025-02-01")[..2], ["5", "5"]);
    world.deliver("delta_2025-03-04.csv", format!("{head}D,u1,c1,,,,\n"));
    world.nightly("2025-03-05");
    assert_eq!(counted(&world, "2025-02-01")[..2], ["4", "4"]);
}

#[test]
fn workers_users_and_enrollments_alone_fill_what_they_can_and_one_line_says_what_is_missing() {
    let top = "zone = \"Europe/Berlin\"\npseudonyms = \"off\"\nsynthetic_data = true\n[[certifications]]\ncontent = \"c1\"\neverybody = true";
    let feeds = vec!["canonical_workers", "canonical_users", "canonical_enrollments"];
    let world = company(Setup { feeds, top, missing: Some(Vec::new()), ..Setup::default() });
    let done = lines(1, 4, "c1,1,2025-01-15,true,2025-02-28,,2025-02-10,completed");
    world.deliver("enrollments_2025-03-03.csv", format!("{ENROLLMENTS}{done}"));
    let report = world.nightly("2025-04-02");
    let first = months(&world, "marts/adoption_kpis").iter().map(|row| row["period_start"].clone()).min();
    assert_eq!(first.as_deref(), Some("2025-01-01"), "the month of the first assignment");
    assert_eq!(counted(&world, "2025-02-01"), ["", "4", "4", "4", "4"]);
    let certified = months(&world, "marts/certification_status");
    let february = certified.iter().find(|row| row["period_start"] == "2025-02-01").expect("February");
    assert_eq!(["required", "valid"].map(|name| february[name].as_str()), ["5", "4"]);
    let said: Vec<&String> = report.remarks.iter().filter(|line| line.contains("not published")).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains(
            "no contributions (knowledge_sharing, leader_post_effects, leader_post_event_study, leadership_kpis)"
        ),
        "{said:?}"
    );
    assert!(said[0].contains("no content (content_engagement, dim_content)"), "{said:?}");
}

#[test]
fn what_lies_more_than_five_years_before_the_first_delivery_is_kept_counted_and_opens_no_period() {
    let world = company(Setup::default());
    let old = lines(1, 2, "c1,1,2018-01-15,true,2018-02-28,,2018-02-10,completed");
    let now = lines(1, 5, "c1,2,2025-01-15,true,2025-02-28,,2025-02-10,completed");
    world.deliver("enrollments_2025-03-03.csv", format!("{ENROLLMENTS}{old}{now}"));
    world.deliver(
        "activity_2025-03-03.csv",
        "event_id,occurred_at,user_id,verb\ne1,2017-05-02T09:00:00Z,u1,completed\ne2,2025-02-03T09:00:00Z,u2,completed\n",
    );
    world.nightly("2025-03-04");
    let first = |world: &World| {
        let rows = months(world, "marts/adoption_kpis");
        rows.iter().map(|row| row["period_start"].clone()).min()
    };
    assert_eq!(first(&world).as_deref(), Some("2025-01-01"));
    let counted: Vec<[String; 2]> = world
        .table("ops/data_quality")
        .iter()
        .filter(|row| row["reason_code"] == "old_events")
        .map(|row| ["canon_table", "affected"].map(|name| row[name].clone()))
        .collect();
    assert_eq!(counted, [["activity", "1"], ["enrollments", "2"]].map(|row| row.map(str::to_owned)));
    assert_eq!(world.table("canon/activity").len(), 2, "both are kept");
    // Whoever was active in 2017 is not new in 2025.
    let february = months(&world, "marts/adoption_kpis");
    let row = february.iter().find(|row| row["period_start"] == "2025-02-01").expect("February");
    assert_eq!((row["newly_activated"].as_str(), row["activated_to_date"].as_str()), ("1", "2"));
    let from = Setup {
        top: "zone = \"Europe/Berlin\"\npseudonyms = \"off\"\nsynthetic_data = true\nreport_from = \"2019-12-01\"",
        ..Setup::default()
    };
    let chosen = company(from);
    chosen.deliver(
        "activity_2025-03-03.csv",
        "event_id,occurred_at,user_id,verb\ne1,2019-12-02T09:00:00Z,u1,completed\n",
    );
    chosen.nightly("2025-03-04");
    assert_eq!(first(&chosen).as_deref(), Some("2019-12-01"), "the job's own day outranks it");
}
