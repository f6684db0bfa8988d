//! Cohorts, time to competency, certifications and content: small companies delivered as files, read as published.

use std::fmt::Write;

use crate::world::{FileMap, Row, Setup, World, difference};

const FEEDS: [&str; 10] = [
    "canonical_workers",
    "canonical_org_units",
    "canonical_users",
    "canonical_identity_links",
    "canonical_content",
    "canonical_enrollments",
    "canonical_activity",
    "canonical_contributions",
    "canonical_reactions",
    "canonical_milestones",
];

fn world(top: &'static str) -> World {
    World::with(Setup { feeds: FEEDS.to_vec(), top, ..Setup::default() })
}

const FROM_JANUARY: &str = "zone = \"UTC\"\npseudonyms = \"off\"\nsynthetic_data = true\nreport_from = \"2026-01-15\"";

fn rows(world: &World, table: &str, wanted: &[(&str, &str)]) -> Vec<Row> {
    world
        .table(table)
        .into_iter()
        .filter(|row| wanted.iter().all(|(column, value)| row.get(*column).is_some_and(|cell| cell == value)))
        .collect()
}

fn one(world: &World, table: &str, wanted: &[(&str, &str)]) -> Row {
    let rows = rows(world, table, wanted);
    assert_eq!(rows.len(), 1, "{table} {wanted:?}");
    rows.into_iter().next().expect("a row")
}

fn number(row: &Row, column: &str) -> f64 {
    row[column].parse().unwrap_or_else(|_| panic!("{column} is {:?}", row[column]))
}

/// (hired, competent on, last day at work) of the people of two quarters; the first seven work in unit a, the others in b.
const HIRES: [(&str, &str, &str); 28] = [
    ("2026-01-02", "2026-02-20", ""),
    ("2026-01-05", "2026-01-10", ""), // reached before the first day of data
    ("2026-01-10", "2026-03-01", ""),
    ("2026-01-15", "2026-02-26", ""),
    ("2026-01-19", "2026-03-15", ""),
    ("2026-01-19", "2026-02-20", ""),
    ("2026-02-02", "2026-04-30", ""),
    ("2026-02-02", "", "2026-03-31"),
    ("2026-02-09", "2026-04-02", ""),
    ("2026-02-16", "", ""),
    ("2026-02-16", "2026-06-01", ""),
    ("2026-02-23", "2026-05-20", ""),
    ("2026-03-02", "2026-04-20", ""),
    ("2026-03-09", "", "2026-05-31"),
    ("2026-03-16", "2026-09-20", ""), // after the last reported day
    ("2026-03-30", "2026-06-10", ""),
    ("2026-04-01", "2026-05-01", ""),
    ("2026-04-07", "2026-05-10", ""),
    ("2026-04-13", "2026-05-03", ""),
    ("2026-04-20", "2026-05-25", ""),
    ("2026-04-20", "2026-06-03", ""),
    ("2026-04-27", "", "2026-05-15"),
    ("2026-05-04", "2026-06-15", ""),
    ("2026-05-11", "2026-06-10", ""),
    ("2026-05-18", "2026-07-14", ""),
    ("2026-05-25", "2026-06-26", ""),
    ("2026-06-01", "", ""),
    ("2026-06-29", "2026-08-03", ""),
];

fn hired() -> World {
    let world = world(FROM_JANUARY);
    let mut workers = "worker_id,effective_from,status,hire_date,termination_date,org_id,employee_no\n".to_owned();
    let mut milestones = "worker_id,kind,reached_on\n".to_owned();
    for (at, (hired, competent, left)) in HIRES.iter().enumerate() {
        let org = if at < 7 { "a" } else { "b" };
        let _ = writeln!(workers, "w{at:02},{hired},active,{hired},{left},{org},{at}");
        if !competent.is_empty() {
            let _ = writeln!(milestones, "w{at:02},competent,{competent}");
        }
    }
    world.deliver("workers_2026-09-01.csv", workers);
    world.deliver("milestones_2026-09-21.csv", milestones);
    world.nightly("2026-09-01");
    world
}

const HIRE: [(&str, &str); 2] = [("clock", "hire"), ("milestone", "competent")];

fn cohort(world: &World, start: &str, kind: &str, id: &str) -> Row {
    let mut wanted = HIRE.to_vec();
    wanted.extend([("cohort_start", start), ("scope_kind", kind), ("scope_id", id)]);
    one(world, "marts/time_to_competency", &wanted)
}

#[test]
fn a_cohort_counts_who_reached_who_waits_and_who_left() {
    let world = hired();
    let first = cohort(&world, "2026-01-01", "company", "all");
    // Of sixteen hires one had reached it before the data; one is told to reach it after the last day.
    let counts = ["people", "reached", "censored", "left_before"].map(|column| first[column].as_str());
    assert_eq!(counts, ["15", "11", "2", "2"]);
    assert_eq!((first["verdict"].as_str(), first["observed_from_start"].as_str()), ("sufficient", "true"));
    assert_eq!(first["baseline_cohort_start"], "");
    let small = cohort(&world, "2026-01-01", "org", "a");
    assert_eq!(
        (small["people"].as_str(), small["verdict"].as_str(), small["reason"].as_str(), small["median_days"].as_str()),
        ("6", "insufficient_data", "fewer than 10 people", "")
    );
}

fn near(row: &Row, column: &str, expected: f64) {
    let found = number(row, column);
    assert!((found - expected).abs() < 1e-9, "{column}: {found} against {expected}");
}

/// The figures of lifelines 0.30 on the same spells (KaplanMeierFitter with entry, AalenJohansenFitter, exact area under the curve) and of the
/// hypergeometric log-rank formula with delayed entry in numpy.
#[test]
fn the_estimates_are_those_of_lifelines() {
    let world = hired();
    let first = cohort(&world, "2026-01-01", "company", "all");
    for (column, expected) in [
        ("p25_days", 49.0),
        ("median_days", 72.0),
        ("p75_days", 105.0),
        ("median_days_low", 49.0),
        ("median_days_high", 105.0),
        ("restricted_mean_days", 67.921_904_761_904_76),
    ] {
        near(&first, column, expected);
    }
    let second = cohort(&world, "2026-04-01", "company", "all");
    let counts = ["people", "reached", "censored", "left_before"].map(|column| second[column].as_str());
    assert_eq!(counts, ["12", "10", "1", "1"]);
    for (column, expected) in [
        ("p25_days", 30.0),
        ("median_days", 35.0),
        ("p75_days", 44.0),
        ("median_days_low", 30.0),
        ("median_days_high", 44.0),
        ("restricted_mean_days", 40.727_272_727_272_734),
        ("restricted_mean_difference_days", 40.727_272_727_272_734 - 67.921_904_761_904_76),
        ("reached_share_30d", 0.25),
        ("reached_share_60d", 10.0 / 12.0),
        ("reached_share_90d", 10.0 / 12.0),
        ("difference_p", 0.006_384_004_987_832_343),
    ] {
        near(&second, column, expected);
    }
    assert_eq!(second["reached_share_180d"], "", "nobody was watched that long");
    assert_eq!(second["baseline_cohort_start"], "2026-01-01");
    assert!(number(&second, "restricted_mean_difference_days_high") < 0.0, "faster beyond doubt");
}

#[test]
fn the_marts_say_what_uptake_stats_survival_says_of_the_same_rows() {
    let world = hired();
    let day = |text: &str| crate::world::day(text);
    let (first_day, horizon) = (day("2026-01-15"), day("2026-09-01"));
    let mut times = "entry,time,event,group\n".to_owned();
    for (hired, competent, left) in HIRES {
        let (start, quarter) = (day(hired), if hired < "2026-04" { "q1" } else { "q2" });
        let last = if left.is_empty() { horizon - 1 } else { day(left) };
        let (end, event) = match competent {
            "" => (last, if left.is_empty() { 0 } else { 2 }),
            on if day(on) > last => (last, 0),
            on => (day(on), 1),
        };
        let entry = (first_day - start).max(0);
        if entry < end - start {
            let _ = writeln!(times, "{entry},{},{event},{quarter}", end - start);
        }
    }
    let file = world.folder.path().join("times.csv");
    std::fs::write(&file, times).expect("a file");
    let said = |part: &str| -> Vec<Row> {
        let output = world.process(&format!("stats survival {} --part {part}", file.display()));
        let text = String::from_utf8(output.stdout).expect("text");
        let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        let header = lines.next().expect("a header");
        lines.map(|line| header.iter().cloned().zip(line).collect()).collect()
    };
    let of = |rows: &[Row], group: &str| rows.iter().find(|row| row["group"] == group).expect("a group").clone();
    let (summary, difference, test) = (said("summary"), said("difference"), said("log_rank"));
    for (group, start) in [("q1", "2026-01-01"), ("q2", "2026-04-01")] {
        let (theirs, ours) = (of(&summary, group), cohort(&world, start, "company", "all"));
        for (theirs_column, ours_column) in [
            ("people", "people"),
            ("events", "reached"),
            ("left", "left_before"),
            ("open", "censored"),
            ("q25", "p25_days"),
            ("median", "median_days"),
            ("median_low", "median_days_low"),
            ("median_high", "median_days_high"),
            ("q75", "p75_days"),
            ("rmst", "restricted_mean_days"),
            ("rmst_low", "restricted_mean_days_low"),
            ("rmst_high", "restricted_mean_days_high"),
        ] {
            near(&ours, ours_column, number(&theirs, theirs_column));
        }
    }
    let second = cohort(&world, "2026-04-01", "company", "all");
    let theirs = of(&difference, "q2");
    near(&second, "restricted_mean_difference_days", number(&theirs, "difference"));
    near(&second, "restricted_mean_difference_days_low", number(&theirs, "low"));
    near(&second, "restricted_mean_difference_days_high", number(&theirs, "high"));
    near(&second, "difference_p", number(&test[0], "p"));
    // And the curve, at the end of each week.
    let steps = said("curve");
    let mut points = 0;
    for row in
        rows(&world, "marts/time_to_competency_curve", &[("cohort_start", "2026-04-01"), ("scope_kind", "company")])
    {
        let until = number(&row, "days_since_start") + 0.5;
        let step = steps.iter().rfind(|step| step["group"] == "q2" && number(step, "time") <= until);
        near(&row, "share_waiting", step.map_or(1.0, |step| number(step, "survival")));
        points += 1;
    }
    assert_eq!(points, 13, "to the last week with anybody waiting");
}

#[test]
fn clocks_start_with_transfers_new_roles_and_assignments_too() {
    let world = world(FROM_JANUARY);
    let mut workers = "worker_id,effective_from,effective_to,status,hire_date,org_id,job_code,employee_no\n".to_owned();
    let (mut users, mut enrollments, mut milestones) = (
        "user_id,employee_no,status\n".to_owned(),
        "user_id,content_id,attempt,status,assigned_at,completed_at\n".to_owned(),
        "worker_id,kind,reached_on\n".to_owned(),
    );
    for at in 0..12 {
        // Everybody moves to b on 1 April and becomes an engineer on 1 May; the milestone comes 10 to 21 days after the move.
        let _ = writeln!(workers, "w{at:02},2020-01-01,2026-04-01,active,2020-01-01,a,clerk,{at}");
        let _ = writeln!(workers, "w{at:02},2026-04-01,2026-05-01,active,2020-01-01,b,clerk,{at}");
        let _ = writeln!(workers, "w{at:02},2026-05-01,,active,2020-01-01,b,engineer,{at}");
        let _ = writeln!(users, "u{at},{at},active");
        let _ = writeln!(milestones, "w{at:02},ramped,2026-04-{}", 11 + at);
        let _ = writeln!(milestones, "w{at:02},signed_off,2026-05-{:02}", 2 + at);
        // Two never finish the path.
        let done = if at < 10 {
            format!("completed,2026-02-01T09:00:00Z,2026-02-{}T09:00:00Z", 11 + at)
        } else {
            "assigned,2026-02-01T09:00:00Z,".into()
        };
        let _ = writeln!(enrollments, "u{at},welcome,1,{done}");
    }
    // One moves twice in the quarter, and is signed off ten days after the second move: that one counts.
    for (days, unit) in [("2020-01-01,2026-04-05", "a"), ("2026-04-05,2026-04-20", "c"), ("2026-04-20,", "b")] {
        let _ = writeln!(workers, "w12,{days},active,2020-01-01,{unit},clerk,12");
    }
    world.deliver("workers_2026-09-01.csv", workers);
    world.deliver("users_2026-09-01.csv", users);
    world.deliver("milestones_2026-09-01.csv", milestones + "w12,signed_off,2026-04-30\n");
    world.deliver("content_2026-09-01.csv", "content_id,kind,is_onboarding\nwelcome,path,true\n");
    world.deliver("enrollments_2026-09-01.csv", enrollments);
    world.nightly("2026-09-01");
    let row = |clock: &str, milestone: &str| {
        let wanted = [("clock", clock), ("milestone", milestone), ("scope_kind", "company")];
        let row = one(&world, "marts/time_to_competency", &wanted);
        ["cohort_start", "people", "median_days"].map(|column| row[column].clone())
    };
    // The seventh of thirteen: the one who moved twice is never ramped, and is the first to be signed off.
    assert_eq!(row("transfer", "ramped"), ["2026-04-01", "13", "16.0"]);
    assert_eq!(row("transfer", "signed_off"), ["2026-04-01", "13", "36.0"]);
    assert_eq!(row("role_change", "signed_off"), ["2026-04-01", "12", "6.5"]);
    assert_eq!(row("assignment", "path_completed"), ["2026-01-01", "12", "15.5"]);
    // They were ramped before the new role, and hired six years before the data.
    assert!(rows(&world, "marts/time_to_competency", &[("clock", "role_change"), ("milestone", "ramped")]).is_empty());
    assert!(rows(&world, "marts/time_to_competency", &[("clock", "hire")]).is_empty());
    // In unit b alone: nobody stood in a at the end of the quarter.
    let units = rows(
        &world,
        "marts/time_to_competency",
        &[("clock", "transfer"), ("milestone", "ramped"), ("scope_kind", "org")],
    );
    assert_eq!(units.iter().map(|row| row["scope_id"].as_str()).collect::<Vec<_>>(), ["b"]);
}

const RULES: &str = "zone = \"UTC\"\npseudonyms = \"off\"\nsynthetic_data = true\nreport_from = \"2026-01-01\"
[[certifications]]
content = \"safety\"
functions = [\"production\"]
equivalent = [\"safety19\"]";

fn certified() -> World {
    let world = with_certificates();
    world.nightly("2026-04-01");
    world
}

/// Eight people, six of them in production.
fn with_certificates() -> World {
    let world = world(RULES);
    let mut workers = "worker_id,effective_from,status,function,org_id,employee_no\n".to_owned();
    let mut users = "user_id,employee_no,status\n".to_owned();
    for at in 0..8 {
        let function = if at < 6 { "production" } else { "sales" };
        let _ = writeln!(workers, "w{at},2025-01-01,active,{function},a,{at}");
        let _ = writeln!(users, "u{at},{at},active");
    }
    world.deliver("workers_2026-03-01.csv", workers);
    world.deliver("users_2026-03-01.csv", users);
    world.deliver(
        "content_2026-03-01.csv",
        "content_id,kind,cert_valid_days,grace_days\nsafety,certification,365,30\nsafety19,course,,\n",
    );
    world.deliver(
        "enrollments_2026-03-01.csv",
        "user_id,content_id,attempt,status,assigned_at,required,completed_at,expires_at
u0,safety,1,passed,,,2025-06-01T09:00:00Z,
u1,safety,1,passed,,,2025-02-10T09:00:00Z,
u2,safety,1,passed,,,2025-01-20T09:00:00Z,2026-01-05T00:00:00Z
u3,safety19,1,completed,,,2024-05-01T09:00:00Z,2026-05-01T00:00:00Z
u5,safety,1,waived,2026-01-01T09:00:00Z,true,,
u6,safety,1,assigned,2026-02-15T09:00:00Z,true,,
",
    );
    world
}

#[test]
fn certifications_are_required_by_rule_and_by_enrollment_and_judged_at_the_end_of_the_month() {
    let world = certified();
    let month = |start: &str| {
        let wanted = [("period_start", start), ("content_id", "safety"), ("scope_kind", "company")];
        let row = one(&world, "marts/certification_status", &wanted);
        ["required", "valid", "in_grace", "expired", "expiring_30d", "expiring_90d"].map(|column| row[column].clone())
    };
    // January: u0 to 1 June, u1 to 10 February, u2 in grace to 4 February, u3 by the equivalent course to May; u4 never; u5 is exempt.
    assert_eq!(month("2026-01-01"), ["5", "3", "1", "", "1", "2"]);
    // February: u1 in grace to 12 March, u2 expired; u6, of sales, has been assigned it.
    assert_eq!(month("2026-02-01"), ["6", "2", "1", "1", "", "1"]);
    assert_eq!(month("2026-03-01"), ["6", "2", "", "2", "", "2"]);
    let kpis = |start: &str| {
        let wanted = [("grain", "month"), ("period_start", start), ("scope_kind", "company")];
        let row = one(&world, "marts/adoption_kpis", &wanted);
        ["certification_required", "certification_valid", "certification_rate"].map(|column| row[column].clone())
    };
    assert_eq!(kpis("2026-01-01"), ["5", "4", "0.8"]);
    assert_eq!(kpis("2026-02-01"), ["6", "3", "0.5"]);
}

fn changed(before: &FileMap, after: &FileMap, table: &str) -> Vec<String> {
    let path = format!("/data/{table}/");
    difference(before, after).into_iter().filter(|line| line.starts_with('+') && line.contains(&path)).collect()
}

#[test]
fn a_certificate_that_expires_while_the_month_runs_is_seen_without_any_delivery() {
    let world = with_certificates();
    let march = |as_of: &str| {
        world.nightly(as_of);
        let wanted = [("period_start", "2026-03-01"), ("scope_kind", "company")];
        let row = one(&world, "marts/certification_status", &wanted);
        let kpis = one(&world, "marts/adoption_kpis", &[wanted[0], wanted[1], ("grain", "month")]);
        [row["in_grace"].clone(), row["expired"].clone(), kpis["certification_valid"].clone()]
    };
    // The grace of u1 ends on 12 March.
    assert_eq!(march("2026-03-05"), ["1", "1", "3"]);
    assert_eq!(march("2026-03-20"), ["", "2", "2"]);
}

#[test]
fn a_late_pass_restates_the_periods_since_and_none_before() {
    let world = certified();
    let before = world.table("marts/adoption_kpis");
    world.deliver(
        "enrollments_2026-03-31.csv",
        "user_id,content_id,attempt,status,completed_at\nu4,safety,1,passed,2026-02-20T09:00:00Z\n",
    );
    world.nightly("2026-04-01");
    let after = world.table("marts/adoption_kpis");
    let starts: std::collections::BTreeSet<String> = before
        .iter()
        .zip(&after)
        .filter(|(before, after)| before["certification_valid"] != after["certification_valid"])
        .map(|(_, after)| after["period_end"].clone())
        .collect();
    assert!(starts.iter().next().is_some_and(|end| end.as_str() == "2026-02-21"), "{starts:?}");
    let february =
        one(&world, "marts/certification_status", &[("period_start", "2026-02-01"), ("scope_kind", "company")]);
    assert_eq!(february["valid"], "3");
}

const ACTIVITY: &str = "event_id,occurred_at,user_id,verb,object_id,duration_seconds,score\n";

/// Twelve people of units a (the owner's), a1 below it and b use one item; another one nobody touches.
fn used() -> World {
    let world = world(FROM_JANUARY);
    let mut workers = "worker_id,effective_from,status,org_id,employee_no\n".to_owned();
    let mut users = "user_id,employee_no,status\n".to_owned();
    let mut activity = ACTIVITY.to_owned();
    for at in 0..13 {
        let org = ["a", "a1", "b"][at % 3];
        let _ = writeln!(workers, "w{at:02},2025-01-01,active,{org},{at}");
        let _ = writeln!(users, "u{at},{at},active");
        if at > 0 {
            // Each for as many minutes as their number, in two goes; the last six finish it.
            let _ = writeln!(activity, "e{at}a,2026-02-03T09:00:00Z,u{at},viewed,c1,{},", at * 30);
            let verb = if at > 6 { "completed" } else { "progressed" };
            let _ = writeln!(activity, "e{at}b,2026-02-{}T09:00:00Z,u{at},{verb},c1,{},", 9 + at, at * 30);
        }
    }
    activity.push_str("s1,2026-02-04T09:00:00Z,u0,searched,c1,60,\ns2,2026-02-04T09:00:00Z,stranger,viewed,c1,60,\n");
    world.deliver("workers_2026-03-01.csv", workers);
    world.deliver("users_2026-03-01.csv", users);
    world.deliver("activity_2026-03-01.csv", activity);
    world.deliver(
        "org_units_2026-03-01.csv",
        "org_id,effective_from,parent_id\na,2025-01-01,\na1,2025-01-01,a\nb,2025-01-01,\n",
    );
    world.deliver(
        "content_2026-03-01.csv",
        "content_id,kind,owner_id,published_at,updated_at
c1,course,u0,2026-02-01T08:00:00Z,2026-02-05T08:00:00Z
c2,course,,2024-02-01T08:00:00Z,
",
    );
    world.deliver(
        "contributions_2026-03-01.csv",
        "contribution_id,author_id,kind,created_at,content_id\nk1,u0,course,2026-02-01T08:00:00Z,c1\n",
    );
    let mut reactions = "reaction_id,contribution_id,actor_id,kind,occurred_at,value\n".to_owned();
    for at in 1..8 {
        let _ = writeln!(reactions, "r{at},k1,u{at},rating,2026-02-20T08:00:00Z,{}", 3 + at % 2);
        let _ = writeln!(reactions, "x{at},k1,u{at},endorse,2026-02-20T08:00:00Z,");
    }
    world.deliver("reactions_2026-03-01.csv", reactions);
    world.nightly("2026-04-01");
    world
}

#[test]
fn a_month_of_content_counts_distinct_people_their_minutes_and_where_they_come_from() {
    let world = used();
    let row = one(&world, "marts/content_engagement", &[("content_id", "c1"), ("period_start", "2026-02-01")]);
    for (column, expected) in [
        ("status", "published"),
        ("viewers", "12"),
        ("completers", "6"),
        ("completion_rate", "0.5"),
        // 1 to 12 minutes.
        ("average_minutes", "6.5"),
        ("median_minutes", "6.5"),
        // Four times 4 and three times 3.
        ("ratings", "7"),
        ("rating_mean", "3.57"),
        ("unique_endorsers", "7"),
        // Of u1 to u12 those in b: u2, u5, u8, u11.
        ("out_of_org_viewers", "4"),
        // Published on the 1st: all first goes lie within a week, the second ones from the 10th on.
        ("views_day_0_7", "12"),
        ("views_day_8_90", "12"),
        ("days_since_update", "23"),
        ("is_outdated", "false"),
    ] {
        assert_eq!(row[column], expected, "{column}");
    }
    let untouched = one(&world, "marts/content_engagement", &[("content_id", "c2"), ("period_start", "2026-02-01")]);
    assert_eq!(["status", "viewers", "is_outdated"].map(|column| untouched[column].as_str()), ["withheld", "", "true"]);
    let january = rows(&world, "marts/content_engagement", &[("content_id", "c1"), ("period_start", "2026-01-01")]);
    assert!(january.is_empty(), "not published yet");
}

#[test]
fn a_late_view_rewrites_its_month_of_content_alone() {
    let world = used();
    let before = world.files();
    world.deliver("activity_2026-03-31.csv", format!("{ACTIVITY}late,2026-03-03T09:00:00Z,u1,viewed,c1,60,\n"));
    world.nightly("2026-04-01");
    let written = changed(&before, &world.files(), "content_engagement");
    assert_eq!(written.len(), 1, "{written:?}");
    assert!(written[0].contains("2026-03"), "{written:?}");
    let days = changed(&before, &world.files(), "content_day");
    assert!(days.len() == 1 && days[0].contains("2026-03-03"), "{days:?}");
}

#[test]
fn a_cohort_is_followed_month_by_month() {
    let world = used();
    let row = |month: &str| {
        let wanted = [("scope_kind", "company"), ("activation_month", "2026-02-01"), ("period_start", month)];
        let row = one(&world, "marts/adoption_cohorts", &wanted);
        ["months_since", "cohort_size", "retained"].map(|column| row[column].clone())
    };
    // The author came aboard in February too, with the contribution; exact counts hide that all were active, and that none was.
    assert_eq!(row("2026-02-01"), ["0", "13", ""]);
    assert_eq!(row("2026-03-01"), ["1", "13", ""]);
    world.deliver("activity_2026-03-31.csv", format!("{ACTIVITY}late,2026-03-03T09:00:00Z,u1,launched,c1,60,\n"));
    world.nightly("2026-04-01");
    assert_eq!(row("2026-03-01"), ["1", "13", "1"]);
}
