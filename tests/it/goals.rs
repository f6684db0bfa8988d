//! Goals and key results: every clause true, false or not yet, about groups alone.

use std::fmt::Write;

use crate::world::{Row, Setup, World};

const GOALS: &str = r#"
[[goals]]
id = "how_to"
title = "A how-to that lowers questions"
scope = { org = "a" }
owner = "Head of enablement"
starts_on = "2026-01-01"
due_on = "2026-03-31"
clauses = [
    { id = "1", contribution = { kinds = ["how_to"], words = [1200, 2000], minutes = [20, 30] } },
    { id = "2", measure_change = { kpi = "questions", better = "lower", by = 0.15 } },
]

[[goals]]
id = "sessions"
title = "Three sessions"
owner = "Head of enablement"
starts_on = "2026-01-01"
due_on = "2026-03-31"
clauses = [{ id = "1", rated_sessions = { kinds = ["ama"], sessions = 3, ratings = 5, average = 4.0 } }]

[[goals]]
id = "guide"
title = "A documented guide"
owner = "Head of operations"
starts_on = "2026-01-01"
due_on = "2026-03-31"
clauses = [{ id = "1", documented = { subject = "incident guide" } }]

[[goals]]
id = "small"
title = "A goal of a unit of three"
scope = { org = "c" }
owner = "Head of sales"
starts_on = "2026-01-01"
due_on = "2026-03-31"
clauses = [{ id = "1", contribution = { kinds = ["post"] } }]

[[objectives]]
id = "start"
title = "An easier start"
owner = "Head of enablement"
[[objectives.key_results]]
id = "questions"
title = "Fewer questions"
kpi = "questions"
direction = "lower"
baseline = 400.0
target = 320.0
starts_on = "2026-01-01"
due_on = "2026-03-31"

[[objectives]]
id = "unit"
title = "The same in a unit of three"
scope = { org = "c" }
owner = "Head of sales"
[[objectives.key_results]]
id = "questions"
title = "Fewer questions"
kpi = "questions"
direction = "lower"
target = 5.0
starts_on = "2026-01-01"
due_on = "2026-03-31"
"#;

/// Units a (8 people), b (7) and c (3); five rate sessions.
fn world() -> World {
    let world = World::with(Setup {
        feeds: vec![
            "canonical_workers",
            "canonical_org_units",
            "canonical_users",
            "canonical_contributions",
            "canonical_reactions",
            "canonical_measures",
            "canonical_events",
        ],
        top: "zone = \"Europe/Berlin\"\npseudonyms = \"off\"\ngoals = [\"goals.toml\"]",
        policy: "",
        ..Setup::default()
    });
    std::fs::write(world.folder.path().join("goals.toml"), GOALS).expect("the goals");
    let (mut workers, mut users) = (
        "worker_id,effective_from,employee_no,status,worker_type,org_id\n".to_owned(),
        "user_id,employee_no,kind\n".to_owned(),
    );
    for n in 0..18 {
        let unit = if n < 8 {
            "a"
        } else if n < 15 {
            "b"
        } else {
            "c"
        };
        let _ = writeln!(workers, "w{n:02},2020-01-01,n{n:02},active,employee,{unit}");
        let _ = writeln!(users, "u{n:02},n{n:02},learner");
    }
    world.deliver("hris/workers_2026-01-01.csv", workers);
    world.deliver(
        "hris/org_units_2026-01-01.csv",
        "org_id,effective_from,parent_id\nco,2020-01-01,\na,2020-01-01,co\nb,2020-01-01,co\nc,2020-01-01,co\n",
    );
    world.deliver("lms/users_2026-01-01.csv", users);
    world.deliver(
        "c/contributions_2026-03-31.csv",
        "contribution_id,author_id,kind,created_at,minutes,words\n\
         k1,u08,how_to,2026-01-10T09:00:00Z,,1500\n\
         k2,u01,how_to,2026-03-31T21:00:00Z,,2000\n\
         k3,u02,how_to,2026-02-01T09:00:00Z,,2001\n\
         k5,u15,post,2026-02-01T09:00:00Z,,90\n\
         m1,u01,ama,2026-01-12T09:00:00Z,25,\n\
         m2,u08,ama,2026-02-12T09:00:00Z,25,\n\
         m3,u09,ama,2026-03-12T09:00:00Z,25,\n",
    );
    let mut reactions = "contribution_id,actor_id,kind,value,occurred_at\n".to_owned();
    for session in ["m1", "m2", "m3"] {
        for n in 2..7 {
            let value = if n == 2 && session == "m3" { 3 } else { 4 };
            let _ = writeln!(reactions, "{session},u{n:02},rating,{value},2026-03-20T09:00:0{n}Z");
        }
    }
    // Of one's own, and a second of the same person that replaces the first.
    reactions.push_str("m3,u09,rating,5,2026-03-20T09:00:00Z\nm1,u02,rating,5,2026-03-21T09:00:00Z\n");
    world.deliver("c/reactions_2026-03-31.csv", reactions);
    let mut measures = "kpi,subject_kind,subject_id,period_start,period_end,value,baseline\n".to_owned();
    for (subject, values) in
        [("company,all", [400, 380, 360, 348]), ("org,a", [100, 95, 90, 84]), ("org,c", [10, 9, 8, 7])]
    {
        for (month, value) in values.into_iter().enumerate() {
            let from = ["2025-12-01", "2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"];
            let _ = writeln!(measures, "questions,{subject},{},{},{value},", from[month], from[month + 1]);
        }
    }
    world.deliver("o/measures_2026-04-02.csv", measures);
    world.deliver(
        "o/events_2026-04-02.csv",
        "event_id,kind,held_on,subject,reference\ne1,decision,2026-02-01,incident guide,\ne2,decision,2026-03-31,incident guide,wiki/41\n",
    );
    world
}

fn cells(rows: &[Row], key: [&str; 2], ids: [&str; 2], columns: &[&str]) -> Vec<String> {
    let row = rows.iter().find(|row| row[key[0]] == ids[0] && row[key[1]] == ids[1]).expect("a row");
    columns.iter().map(|column| row[*column].clone()).collect()
}

fn clause(rows: &[Row], goal: &str, id: &str) -> Vec<String> {
    cells(rows, ["goal_id", "clause_id"], [goal, id], &["status", "goal_status"])
}

#[test]
fn every_clause_is_true_false_or_not_yet_as_of_the_day() {
    let world = world();
    world.nightly("2026-03-20");
    let rows = world.table("marts/goal_attainment");
    assert_eq!(rows.len(), 5);
    assert_eq!(
        clause(&rows, "how_to", "1"),
        ["not_yet", "not_yet"],
        "b's how-to is not a's, and 2,001 words are too many"
    );
    assert_eq!(clause(&rows, "how_to", "2"), ["not_yet", "not_yet"]);
    assert_eq!(clause(&rows, "sessions", "1"), ["not_yet", "not_yet"]);
    assert_eq!(clause(&rows, "guide", "1"), ["not_yet", "not_yet"], "without a reference it is not documented");

    world.nightly("2026-04-02");
    let rows = world.table("marts/goal_attainment");
    // 23:00 in Berlin on the last day; 100 to 84 in unit a.
    assert_eq!(clause(&rows, "how_to", "1"), ["true", "true"]);
    assert_eq!(clause(&rows, "how_to", "2"), ["true", "true"]);
    let measured = ["baseline", "current", "measured_to", "change_rate", "required_change_rate", "headcount"];
    assert_eq!(
        cells(&rows, ["goal_id", "clause_id"], ["how_to", "2"], &measured),
        ["100.0", "84.0", "2026-04-01", "0.16", "0.15", "8"]
    );
    assert_eq!(clause(&rows, "sessions", "1"), ["false", "false"], "3, 4, 4, 4, 4 of others is less than 4");
    assert_eq!(clause(&rows, "guide", "1"), ["true", "true"]);
}

#[test]
fn a_rating_that_arrives_late_restates_the_clause_and_one_given_late_does_not() {
    let world = world();
    world.nightly("2026-04-02");
    world.deliver(
        "l/reactions_2026-04-03.csv",
        "contribution_id,actor_id,kind,value,occurred_at\nm3,u02,rating,5,2026-04-01T09:00:00Z\n",
    );
    world.nightly("2026-04-03");
    assert_eq!(clause(&world.table("marts/goal_attainment"), "sessions", "1")[0], "false", "given after the due day");
    world.deliver(
        "l/reactions_2026-04-04.csv",
        "contribution_id,actor_id,kind,value,occurred_at\nm3,u02,rating,4,2026-03-30T09:00:00Z\n",
    );
    world.nightly("2026-04-04");
    assert_eq!(
        clause(&world.table("marts/goal_attainment"), "sessions", "1")[0],
        "true",
        "by the due day the last rating of that person was a 4"
    );
    world.deliver(
        "l/reactions_2026-04-05.csv",
        "contribution_id,actor_id,kind,value,occurred_at\nm1,u03,rating,1,2026-04-02T09:00:00Z\n",
    );
    world.nightly("2026-04-05");
    assert_eq!(
        clause(&world.table("marts/goal_attainment"), "sessions", "1")[0],
        "true",
        "who thinks better of it afterwards changes no goal that was due"
    );
    world.deliver(
        "l/reactions_2026-04-06.csv",
        "contribution_id,actor_id,kind,value,occurred_at\nm1,u03,rating,1,2026-03-31T09:00:00Z\n",
    );
    world.nightly("2026-04-06");
    assert_eq!(clause(&world.table("marts/goal_attainment"), "sessions", "1")[0], "false", "on the due day it does");
}

#[test]
fn a_clause_is_open_on_its_due_day_and_false_on_the_next() {
    let world = world();
    world.nightly("2026-03-31");
    assert_eq!(clause(&world.table("marts/goal_attainment"), "sessions", "1")[0], "not_yet");
    world.nightly("2026-04-01");
    assert_eq!(clause(&world.table("marts/goal_attainment"), "sessions", "1")[0], "false");
}

#[test]
fn what_is_beside_a_goal_does_not_count_for_it() {
    let world = world();
    let of_a = "\n[[goals]]\nid = \"guide_a\"\ntitle = \"A guide of a\"\nscope = { org = \"a\" }\nowner = \"Head of a\"\nstarts_on = 2026-01-01\ndue_on = 2026-03-31\nclauses = [{ id = \"1\", documented = { subject = \"a guide\" } }]\n";
    let (goals, objectives) = GOALS.split_at(GOALS.find("[[objectives]]").expect("objectives"));
    std::fs::write(world.folder.path().join("goals.toml"), format!("{goals}{of_a}{objectives}")).expect("the goals");
    // A how-to of the year before, one that was taken down, a session nobody recorded and one with a rating taken back.
    world.deliver(
        "c/contributions_2026-04-01.csv",
        "contribution_id,author_id,kind,created_at,minutes,words,deleted_at\n\
         k2,u01,how_to,2026-03-31T21:00:00Z,,2000,2026-03-31T21:30:00Z\n\
         k6,u03,how_to,2025-12-31T09:00:00Z,,1500,\n\
         m4,u10,ama,2026-03-01T09:00:00Z,,,\n\
         m5,u10,ama,2026-03-01T09:00:00Z,25,,\n",
    );
    let mut ratings = "contribution_id,actor_id,kind,value,occurred_at,revoked_at\n".to_owned();
    for n in 2..7 {
        let back = if n == 6 { "2026-03-29T09:00:00Z" } else { "" };
        let _ = writeln!(ratings, "m4,u{n:02},rating,5,2026-03-20T10:00:0{n}Z,");
        let _ = writeln!(ratings, "m5,u{n:02},rating,5,2026-03-20T10:00:0{n}Z,{back}");
    }
    world.deliver("c/reactions_2026-04-01.csv", ratings);
    world.deliver(
        "o/measures_2026-04-03.csv",
        "kpi,subject_kind,subject_id,period_start,period_end,value,baseline\n\
         questions,org,a,2026-03-01,2026-04-01,86,\nquestions,company,all,2026-03-01,2026-04-01,348,500\n",
    );
    world.deliver(
        "o/events_2026-04-03.csv",
        "event_id,kind,held_on,subject,reference,scope_id\ne2,decision,2026-03-31,another guide,wiki/41,\ne3,decision,2026-03-31,a guide,wiki/42,b\n",
    );
    world.nightly("2026-04-04");
    let rows = world.table("marts/goal_attainment");
    let of = |goal: &str, id: &str| clause(&rows, goal, id)[0].clone();
    assert_eq!([of("how_to", "1"), of("how_to", "2")], ["false", "false"], "100 to 86 is 14 %");
    assert_eq!([of("sessions", "1"), of("guide", "1"), of("guide_a", "1")], ["false", "false", "false"]);
    let okr = cells(
        &world.table("marts/okr_progress"),
        ["objective_id", "key_result_id"],
        ["start", "questions"],
        &["baseline", "progress"],
    );
    assert_eq!(okr, ["400.0", "0.65"], "the file's baseline stands before the measure's");

    // And what does.
    world.deliver(
        "o/events_2026-04-04.csv",
        "event_id,kind,held_on,subject,reference,scope_id\ne4,decision,2026-03-31,a guide,wiki/43,a\n",
    );
    world.deliver(
        "o/measures_2026-04-04.csv",
        "kpi,subject_kind,subject_id,period_start,period_end,value,baseline\nquestions,org,a,2026-03-01,2026-04-01,85,\n",
    );
    world.nightly("2026-04-05");
    let rows = world.table("marts/goal_attainment");
    assert_eq!([clause(&rows, "guide_a", "1")[0].as_str(), clause(&rows, "how_to", "2")[0].as_str()], ["true", "true"]);
}

#[test]
fn a_unit_too_small_to_be_shown_shows_nothing_and_neither_does_the_one_that_would_reveal_it() {
    let world = world();
    world.nightly("2026-04-02");
    let goals = world.table("marts/goal_attainment");
    let hidden = ["status", "goal_status", "headcount", "evidence", "baseline", "current"];
    assert_eq!(
        cells(&goals, ["goal_id", "clause_id"], ["small", "1"], &hidden),
        ["withheld", "withheld", "", "", "", ""]
    );
    let okrs = world.table("marts/okr_progress");
    let hidden = ["status", "headcount", "baseline", "current", "progress"];
    assert_eq!(
        cells(&okrs, ["objective_id", "key_result_id"], ["unit", "questions"], &hidden),
        ["withheld", "", "", "", ""]
    );
    for row in goals.iter().chain(&okrs) {
        for (column, value) in row {
            assert!(
                !["k", "u", "w", "m"].iter().any(|mark| value.strip_prefix(mark).is_some_and(|rest| rest.len() <= 2
                    && rest.bytes().all(|b| b.is_ascii_digit())
                    && !rest.is_empty())),
                "{column} names {value}"
            );
        }
    }
}

#[test]
fn progress_is_the_way_from_baseline_to_target() {
    let world = world();
    world.nightly("2026-03-20");
    let columns = ["baseline", "current", "target", "progress", "status", "measured_to"];
    let result = |world: &World| {
        cells(&world.table("marts/okr_progress"), ["objective_id", "key_result_id"], ["start", "questions"], &columns)
    };
    // 400 to 360 of 320 after 59 of 90 days.
    assert_eq!(result(&world), ["400.0", "360.0", "320.0", "0.5", "behind", "2026-03-01"]);
    world.nightly("2026-04-02");
    assert_eq!(result(&world), ["400.0", "348.0", "320.0", "0.65", "missed", "2026-04-01"]);
}

#[test]
fn a_goal_file_with_a_typo_or_a_person_is_refused_by_name() {
    let world = world();
    for (wrong, says) in [("due_on", "due_onn"), ("{ org = \"c\" }", "{ worker = \"w01\" }")] {
        std::fs::write(world.folder.path().join("goals.toml"), GOALS.replacen(wrong, says, 1)).expect("the goals");
        assert_eq!(world.uptake("run JOB --as-of 2026-04-02"), 2, "{says}");
    }
}

#[test]
fn without_goals_there_is_no_table() {
    let world = World::new();
    world.deliver("hris/workers_2026-01-01.csv", "worker_id,effective_from,status\nw1,2020-01-01,active\n");
    world.nightly("2026-04-02");
    assert!(world.head().expect("a commit").files.get("marts/goal_attainment").is_none_or(|files| files.is_empty()));
}
