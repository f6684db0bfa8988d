//! Days stay days: what an export says of a day holds on that day in every table, whatever zones the feed and the job have.

use std::fmt::Write;

use crate::world::{Row, Setup, World};

/// A school whose clock is that of New York, which matters to times and not to days.
const ACADEMY: &str = r#"
description = "Transcript of a school that writes days."
fills = "enrollments"
path = "academy_{date}.csv"
format = "csv"
mode = "full"
zone = "America/New_York"

[[headers]]
user_id = "user"
content_id = "course"
status = { value = "passed" }
required = { value = "true" }
assigned_at = { from = "assigned", date = "%d.%m.%Y" }
due_at = { from = "due", date = ["%d.%m.%Y", "%d.%m.%Y %H:%M"] }
completed_at = { from = "done", date = ["%d.%m.%Y", "iso"] }
expires_at = { from = "until", date = "%d.%m.%Y" }
"#;

const FEEDS: [&str; 4] = ["canonical_workers", "canonical_users", "canonical_content", "academy"];

/// How many people each line of a transcript is about: the guard shows nothing of fewer.
const EACH: usize = 5;

/// What `transcript` makes of two groups of people, `u0` and `u1`, in a job of this zone; a third group has no line.
fn company(top: &'static str, transcript: &str) -> World {
    let setup = Setup { feeds: FEEDS.to_vec(), top, own_feeds: vec![("academy", ACADEMY)], ..Setup::default() };
    let world = World::with(setup);
    let (mut workers, mut users) =
        ("worker_id,effective_from,status,employee_no\n".to_owned(), "user_id,employee_no,status\n".to_owned());
    for (at, one) in (0..3).flat_map(|at| (0..EACH).map(move |one| (at, one))) {
        let _ = writeln!(workers, "w{at}-{one},2025-01-01,active,{at}-{one}");
        let _ = writeln!(users, "u{at}-{one},{at}-{one},active");
    }
    let told = transcript.lines().flat_map(|line| {
        let (user, rest) = line.split_once(',').expect("a user");
        (0..EACH).map(move |one| format!("{user}-{one},{rest}\n"))
    });
    let transcript: String = told.collect();
    world.deliver("workers_2026-01-01.csv", workers);
    world.deliver("users_2026-01-01.csv", users);
    world.deliver("content_2026-01-01.csv", "content_id,kind\nc1,course\nsafety,certification\n");
    world.deliver("academy_2026-04-01.csv", format!("user,course,assigned,due,done,until\n{transcript}"));
    world
}

fn month(world: &World, table: &str, start: &str) -> Row {
    let rows = world.table(table);
    let is_it = |row: &&Row| {
        row["period_start"] == start
            && row["scope_kind"] == "company"
            && row.get("grain").is_none_or(|grain| grain == "month")
    };
    rows.iter().find(is_it).cloned().unwrap_or_else(|| panic!("no {start} in {table}"))
}

const BERLIN: &str =
    "zone = \"Europe/Berlin\"\npseudonyms = \"off\"\nsynthetic_data = true\nreport_from = \"2026-01-01\"";
const TOKYO: &str = "zone = \"Asia/Tokyo\"\npseudonyms = \"off\"\nsynthetic_data = true\nreport_from = \"2026-01-01\"";
const HONOLULU: &str =
    "zone = \"Pacific/Honolulu\"\npseudonyms = \"off\"\nsynthetic_data = true\nreport_from = \"2026-01-01\"";

#[test]
fn a_completion_of_the_first_of_march_is_of_march_and_work_done_on_the_due_day_is_on_time_in_any_zone() {
    for top in [BERLIN, TOKYO, HONOLULU] {
        let world = company(top, "u0,c1,01.02.2026,28.02.2026,28.02.2026,\nu1,c1,01.02.2026,28.02.2026,01.03.2026,\n");
        world.nightly("2026-04-02");
        let february = month(&world, "marts/adoption_kpis", "2026-02-01");
        let shown = ["due", "due_completed", "due_completed_on_time", "completions", "assigned"];
        assert_eq!(shown.map(|column| february[column].as_str()), ["10", "5", "5", "5", "10"], "{top}");
        assert_eq!(month(&world, "marts/adoption_kpis", "2026-03-01")["completions"], "5", "{top}");
    }
}

#[test]
fn a_time_of_day_is_one_of_the_feeds_zone_and_ends_when_it_says() {
    // Both did it on the last of February in New York, which is the first of March in Berlin; the first was in time by an hour.
    let world = company(
        BERLIN,
        "u0,c1,01.02.2026,28.02.2026 20:00,2026-02-28T19:00:00,\nu1,c1,01.02.2026,28.02.2026 20:00,2026-02-28T21:00:00,\n",
    );
    world.nightly("2026-04-02");
    let march = month(&world, "marts/adoption_kpis", "2026-03-01");
    let shown = ["due", "due_completed_on_time", "completions"];
    assert_eq!(shown.map(|column| march[column].as_str()), ["10", "5", "10"]);
}

#[test]
fn who_holds_a_certificate_until_a_day_holds_it_at_the_end_of_that_day() {
    for top in [BERLIN, HONOLULU] {
        let until = |group: &str, day: &str| format!("{group},safety,01.01.2026,,10.01.2026,{day}\n");
        let world = company(
            top,
            &[("u0", "28.02.2026"), ("u1", "27.02.2026"), ("u2", "31.12.2026")]
                .map(|(group, day)| until(group, day))
                .concat(),
        );
        world.nightly("2026-04-02");
        let february = month(&world, "marts/certification_status", "2026-02-01");
        let shown = ["required", "valid", "expired"];
        assert_eq!(shown.map(|column| february[column].as_str()), ["15", "10", "5"], "{top}");
        let march = month(&world, "marts/certification_status", "2026-03-01");
        assert_eq!(march["expired"], "10", "{top}");
    }
}
