//! Plans of leaders through the command line: what of a plan was done, how its leaders shared, what was counted around their posts;
//! and that nobody without a plan is in any of it.

use std::fmt::Write;

use uptake::contract::Catalog;
use uptake::job::Job;
use uptake::store::Env;

use crate::world::{Row, Setup, World, root};

pub(crate) const TABLES: [&str; 3] =
    ["restricted/leader_plan_steps", "restricted/leader_scorecard", "restricted/leader_post_windows"];

/// Every kind of rule once. Day 1 is Monday 2026-01-05.
pub(crate) const PLAN: &str = r#"
name = "sharing"
description = "One step of each kind."

[[steps]]
id = "a_lesson"
title = "A short lesson that credits an expert"
days = [1, 7]
owner = "leader"
evidence = { post = ["micro_lesson"], minutes_at_most = 5, credits_smes = 1 }

[[steps]]
id = "b_endorse"
title = "Endorse two experts with a comment"
days = [8, 14]
owner = "leader"
evidence = { reaction = ["endorse"], on_sme_items = true, with_comment = true, at_least = 2 }

[[steps]]
id = "c_ama"
title = "An AMA with its summary"
days = [15, 21]
owner = "leader"
evidence = { post = ["ama"], minutes_at_least = 20, child = { kind = ["qa_summary"], within_days = 7 } }

[[steps]]
id = "d_tagged_playbook"
title = "A playbook with role tags"
days = [22, 30]
owner = "leader"
evidence = { post = ["playbook"], words_at_most = 600, role_tags = true }

[[steps]]
id = "e_owned_playbook"
title = "A playbook that an expert owns"
days = [22, 30]
weight = 3
owner = "leader"
evidence = { post = ["playbook"], content_owner = "sme" }

[[steps]]
id = "f_rotate"
title = "A lesson every two weeks, for another function each time"
days = [31, 60]
every_weeks = 2
owner = "leader"
evidence = { post = ["micro_lesson"], credits_smes = 1, rotates_functions = true }

[[steps]]
id = "g_course"
title = "Complete a course"
days = [31, 60]
owner = "leader"
evidence = { completion = ["course"] }

[[steps]]
id = "h_digest"
title = "A digest"
days = [31, 60]
owner = "leader"
evidence = { post = ["article"] }

[[steps]]
id = "i_review"
title = "Review the metrics"
days = [76, 90]
owner = "leader"
evidence = { event = ["meeting"], subject = "metrics review", documented = true }

[[steps]]
id = "j_functions"
title = "Endorse experts of two functions"
days = [61, 75]
owner = "leader"
evidence = { reaction = ["endorse"], at_least = 2, distinct_functions = 2 }

[[steps]]
id = "k_later"
title = "Not yet"
days = [91, 120]
owner = "leader"
evidence = { post = ["how_to"] }

[[leaders]]
worker = "lead"
start = 2026-01-05
waived = ["h_digest"]
"#;

const SPONSOR: &str = r#"
name = "sponsor"
description = "What a sponsor says and decides."
cadence_weeks = 4

[[steps]]
id = "message"
title = "Say why"
days = [1, 7]
owner = "sponsor"
evidence = { event = ["message"] }

[[steps]]
id = "decision"
title = "Decide on the figures"
days = [8, 30]
owner = "sponsor"
evidence = { event = ["decision"], documented = true }
"#;

pub(crate) const TOP: &str =
    "zone = \"UTC\"\nsynthetic_data = true\npseudonyms = \"off\"\nplans = [\"plan.toml\", \"sponsor.toml\"]";

pub(crate) fn setup(top: &'static str) -> Setup {
    let mut feeds = Setup::default().feeds;
    feeds.push("canonical_events");
    Setup { feeds, top, ..Setup::default() }
}

/// boss over lead and other; lead over e1 (sales), e2 (engineering) and e3; other over e9. All have an account `u_<id>`.
pub(crate) fn company(setup: Setup, plan: &str) -> World {
    let world = World::with(setup);
    std::fs::write(world.folder.path().join("plan.toml"), plan).expect("a plan");
    std::fs::write(world.folder.path().join("sponsor.toml"), SPONSOR).expect("a plan");
    let people = [
        ("boss", "", "executive", "sales"),
        ("lead", "boss", "manager", "sales"),
        ("other", "boss", "manager", "engineering"),
        ("e1", "lead", "ic", "sales"),
        ("e2", "lead", "ic", "engineering"),
        ("e3", "lead", "ic", "sales"),
        ("e9", "other", "ic", "sales"),
    ];
    let mut workers = String::from(
        "worker_id,effective_from,employee_no,status,worker_type,hire_date,manager_id,org_id,leader_band,function\n",
    );
    let mut users = String::from("user_id,employee_no,status,kind\n");
    for (id, manager, band, function) in people {
        writeln!(workers, "{id},2024-01-01,n_{id},active,employee,2024-01-01,{manager},o,{band},{function}").unwrap();
        writeln!(users, "u_{id},n_{id},active,learner").unwrap();
    }
    world.deliver("workers_2026-04-20.csv", workers);
    world.deliver("org_units_2026-04-20.csv", "org_id,effective_from,name\no,2024-01-01,All\n");
    world.deliver("users_2026-04-20.csv", users);
    world.deliver(
        "content_2026-04-20.csv",
        "content_id,kind,owner_id,role_tags\npb1,playbook,u_e1,\npb2,playbook,u_lead,sales;service\ncourse1,course,,\n",
    );
    world
}

pub(crate) const CONTRIBUTIONS: &str =
    "contribution_id,author_id,kind,created_at,parent_id,content_id,credited_ids,minutes,words";
pub(crate) const REACTIONS: &str = "reaction_id,contribution_id,actor_id,kind,occurred_at";

fn lived(setup: Setup) -> World {
    let world = company(setup, PLAN);
    let contributions = [
        // The lead's plan.
        "L0,u_lead,micro_lesson,2026-01-03T09:00:00Z,,,u_e1,4,",
        "L1,u_lead,micro_lesson,2026-01-06T09:00:00Z,,,u_e1,9,",
        "L2,u_lead,micro_lesson,2026-01-07T09:00:00Z,,,u_e1;u_lead;u_other,4,",
        "X1,u_e2,comment,2026-01-09T09:00:00Z,L2,,,,",
        "K1,u_e1,article,2026-01-06T10:00:00Z,,,,,",
        "K2,u_e2,article,2026-01-06T11:00:00Z,,,,,",
        "C2,u_lead,comment,2026-01-20T10:00:00Z,K2,,,,",
        "K3,u_e9,article,2026-03-06T11:00:00Z,,,,,",
        "A1,u_lead,ama,2026-01-20T09:00:00Z,,,,25,",
        "S1,u_boss,qa_summary,2026-01-25T09:00:00Z,A1,,,,",
        "P1,u_lead,playbook,2026-01-29T09:00:00Z,,pb1,,,500",
        "P2,u_lead,playbook,2026-02-10T09:00:00Z,,pb2,,,500",
        "R1,u_lead,micro_lesson,2026-02-05T09:00:00Z,,,u_e1,5,",
        "R2,u_lead,micro_lesson,2026-02-19T09:00:00Z,,,u_e3,5,",
        "R3,u_lead,micro_lesson,2026-02-20T09:00:00Z,,,u_e2,5,",
        // The same by somebody without a plan.
        "M1,u_other,micro_lesson,2026-01-07T09:00:00Z,,,u_e9,4,",
        "M2,u_other,ama,2026-01-20T09:00:00Z,,,,25,",
    ];
    world.deliver("contributions_2026-04-20.csv", format!("{CONTRIBUTIONS}\n{}\n", contributions.join("\n")));
    let reactions = [
        "T1,L2,u_e1,like,2026-01-08T09:00:00Z",
        "T2,L2,u_other,like,2026-01-20T09:00:00Z",
        "T3,L2,u_lead,like,2026-01-08T09:00:00Z",
        "E1,K1,u_lead,endorse,2026-01-13T09:00:00Z",
        "Q1,K1,u_lead,comment,2026-01-13T09:05:00Z",
        "E2,K2,u_lead,endorse,2026-01-14T09:00:00Z",
        "E3,K3,u_lead,endorse,2026-03-08T09:00:00Z",
        "E4,X1,u_lead,endorse,2026-03-09T09:00:00Z",
        "E5,K9,u_other,endorse,2026-03-09T09:00:00Z",
    ];
    world.deliver("reactions_2026-04-20.csv", format!("{REACTIONS}\n{}\n", reactions.join("\n")));
    // Deleted and taken back: as if they had never been.
    world.deliver(
        "gone/contributions_2026-04-20.csv",
        "contribution_id,author_id,kind,created_at,credited_ids,minutes,deleted_at\nD1,u_lead,micro_lesson,2026-01-05T09:00:00Z,u_e1,4,2026-01-06T09:00:00Z\n",
    );
    world.deliver(
        "gone/reactions_2026-04-20.csv",
        "reaction_id,contribution_id,actor_id,kind,occurred_at,revoked_at\nT9,L2,u_e2,like,2026-01-08T10:00:00Z,2026-01-09T10:00:00Z\n",
    );
    world.deliver(
        "enrollments_2026-04-20.csv",
        "user_id,content_id,status,completed_at\nu_lead,course1,completed,2026-02-11T09:00:00Z\nu_other,course1,completed,2026-02-11T09:00:00Z\n",
    );
    world.deliver(
        "events_2026-04-20.csv",
        "event_id,kind,held_on,owner_id,subject,role,reference\n\
         v1,meeting,2026-03-24,lead,Metrics review,,\n\
         v2,meeting,2026-03-25,lead,Metrics review,,minutes-7\n\
         v3,plan_start,2026-02-02,boss,sponsor,sponsor,\n\
         v4,message,2026-02-04,boss,why now,,\n\
         v5,plan_start,2026-02-01,other,no plan of ours,,\n\
         v6,meeting,2026-03-25,other,Metrics review,,minutes-8\n",
    );
    world.nightly("2026-04-20");
    world
}

fn shown(rows: &[Row], columns: &[&str]) -> Vec<String> {
    rows.iter().map(|row| columns.iter().map(|name| row[*name].as_str()).collect::<Vec<_>>().join(" | ")).collect()
}

#[test]
fn each_step_of_a_plan_is_judged_by_its_own_evidence() {
    let world = lived(setup(TOP));
    let steps = world.table(TABLES[0]);
    let steps: Vec<Row> = steps.into_iter().filter(|row| row["plan"] == "sharing").collect();
    assert_eq!(
        shown(&steps, &["step", "due_from", "due_to", "status", "done_on", "evidence_ids"]),
        [
            // L0 lies before the start and L1 is too long.
            "a_lesson | 2026-01-05 | 2026-01-11 | on_time | 2026-01-07 | L2",
            // The comment on the second came two days after the window.
            "b_endorse | 2026-01-12 | 2026-01-18 | late | 2026-01-20 | E1;Q1;E2;C2",
            "c_ama | 2026-01-19 | 2026-01-25 | on_time | 2026-01-25 | A1;S1",
            // The first playbook has no role tags, the second comes late.
            "d_tagged_playbook | 2026-01-26 | 2026-02-03 | late | 2026-02-10 | P2",
            "e_owned_playbook | 2026-01-26 | 2026-02-03 | on_time | 2026-01-29 | P1",
            "f_rotate_1 | 2026-02-04 | 2026-02-17 | on_time | 2026-02-05 | R1",
            // R2 credits sales again.
            "f_rotate_2 | 2026-02-18 | 2026-03-03 | on_time | 2026-02-20 | R3",
            "g_course | 2026-02-04 | 2026-03-05 | on_time | 2026-02-11 | course1",
            "h_digest | 2026-02-04 | 2026-03-05 | waived |  | ",
            "i_review | 2026-03-21 | 2026-04-04 | on_time | 2026-03-25 | v2",
            // E3 answers sales, E4 engineering.
            "j_functions | 2026-03-06 | 2026-03-20 | on_time | 2026-03-09 | E3;E4",
            "k_later | 2026-04-05 | 2026-05-04 | not_due |  | ",
        ]
    );
    let first = &steps[0];
    // Of twelve steps one is waived and one not due; eight of ten were on time. Weights: owned playbook 3, the others 1.
    let of_plan = ["plan_steps_due", "plan_steps_on_time", "plan_adherence", "plan_weight_due", "plan_weight_on_time"];
    assert_eq!(shown(std::slice::from_ref(first), &of_plan), ["10 | 8 | 0.8 | 12 | 10"]);
    assert!(first["weighted_adherence"].starts_with("0.8333"), "{first:?}");
}

#[test]
fn a_plan_also_starts_by_an_event() {
    let steps = lived(setup(TOP)).table(TABLES[0]);
    let steps: Vec<Row> = steps.into_iter().filter(|row| row["plan"] == "sponsor").collect();
    assert_eq!(
        shown(&steps, &["leader_id", "step", "plan_start", "due_to", "status", "evidence_ids"]),
        [
            "boss | decision | 2026-02-02 | 2026-03-03 | missed | ",
            "boss | message | 2026-02-02 | 2026-02-08 | on_time | v4"
        ]
    );
}

#[test]
fn a_leader_without_a_plan_has_no_row() {
    let mut world = lived(setup(TOP));
    for table in TABLES {
        let rows = world.table(table);
        assert!(!rows.is_empty(), "{table}");
        for row in &rows {
            assert!(["lead", "boss"].contains(&row["leader_id"].as_str()), "{table}: {row:?}");
        }
    }
    // A job without plans publishes none of the three, also where it did before.
    let without = Setup { top: "zone = \"UTC\"\nsynthetic_data = true\npseudonyms = \"off\"", ..setup(TOP) };
    world.write_job(&without);
    world.setup = without;
    world.nightly("2026-04-20");
    assert!(TABLES.iter().all(|table| world.table(table).is_empty()));
}

#[test]
fn a_step_is_missed_from_the_day_after_its_window_and_late_once_it_is_done() {
    let world = lived(setup(TOP));
    let status = |as_of: &str, step: &str| {
        world.nightly(as_of);
        let rows = world.table(TABLES[0]);
        rows.into_iter().find(|row| row["step"] == step && row["plan"] == "sharing").expect("a step")["status"].clone()
    };
    assert_eq!(status("2026-01-18", "b_endorse"), "not_due");
    assert_eq!(status("2026-01-19", "b_endorse"), "missed");
    assert_eq!(status("2026-01-20", "b_endorse"), "missed");
    assert_eq!(status("2026-01-21", "b_endorse"), "late");
}

#[test]
fn a_scorecard_says_what_a_leader_shared_in_the_week_and_what_came_back() {
    let world = lived(setup(TOP));
    let rows = world.table(TABLES[1]);
    let of = |leader: &str, week: &str| {
        let found = rows.iter().find(|row| row["leader_id"] == leader && row["period_start"] == week);
        found.unwrap_or_else(|| panic!("{leader} {week}")).clone()
    };
    let first = of("lead", "2026-01-05");
    let say = |row: &Row, columns: &[&str]| shown(std::slice::from_ref(row), columns).remove(0);
    // L1 and L2 of 9 and 4 minutes, both crediting e1; the leader, e1, e2 and e3 are reached.
    let counts = ["leader_posts", "micro_lessons", "crediting_posts", "credit_rate", "credited_smes", "minutes_shared"];
    assert_eq!(say(&first, &counts), "2 | 2 | 2 | 1.0 | 1 | 13");
    assert_eq!(say(&first, &["is_in_band", "reach", "plans", "is_complete"]), "false | 4 | sharing | true");
    // T1 and X1 within a week, T2 within thirty days; the leader's own like never.
    assert_eq!(say(&first, &["responses_7d", "responses_30d"]), "2 | 3");
    // K1 and K2 were endorsed in the second week, one of them with a comment: three reactions to two experts of two functions.
    let second = of("lead", "2026-01-12");
    assert_eq!(
        say(&second, &["reactions_to_sme", "sme_authors_reached", "functions_reached", "leader_posts"]),
        "3 | 2 | 2 | 0"
    );
    assert_eq!(say(&second, &["cadence_kept", "current_streak_weeks", "longest_streak_weeks"]), "false | 0 | 1");
    // The AMA of the third week is closed by a summary on its Sunday.
    let third = of("lead", "2026-01-19");
    assert_eq!(say(&third, &["amas", "amas_closed", "is_in_band", "current_streak_weeks"]), "1 | 1 | true | 1");
    let fourth = of("lead", "2026-01-26");
    assert_eq!(say(&fourth, &["playbooks", "playbooks_with_owner", "playbooks_tagged"]), "1 | 1 | 0");
    // Posts in the weeks of Dec 29, Jan 5, 19, 26, Feb 2, 9 and 16.
    let habit = of("lead", "2026-02-16");
    assert_eq!(say(&habit, &["posting_weeks_of_last_8", "has_habit", "current_streak_weeks"]), "7 | true | 5");
    assert_eq!(say(&of("lead", "2026-02-09"), &["completions", "playbooks_tagged"]), "1 | 1");
    // Two weeks ago nothing was posted, so there is nothing to wait for but the days themselves.
    assert_eq!(say(&of("lead", "2026-04-06"), &["responses_7d", "responses_30d"]), "0 | ");
    assert_eq!(say(&of("lead", "2026-03-23"), &["governance_events", "days_since_last_act"]), "2 | 4");
    // Steps as of the end of the week, not as of today: the endorsement was missed before it came late.
    let plan = ["plan_steps_due", "plan_steps_on_time", "plan_steps_late", "plan_steps_missed"];
    assert_eq!(say(&first, &plan), "1 | 1 | 0 | 0");
    assert_eq!(say(&second, &plan), "2 | 1 | 0 | 1");
    assert_eq!(say(&third, &plan), "3 | 2 | 1 | 0");
    // The sponsor starts in February; everybody is in the subtree.
    assert_eq!(
        rows.iter().filter(|row| row["leader_id"] == "boss").map(|row| row["period_start"].clone()).min(),
        Some("2026-02-02".into())
    );
    assert_eq!(say(&of("boss", "2026-02-02"), &["reach", "governance_events", "cadence_weeks"]), "7 | 1 | 4");
}

#[test]
fn four_before_and_twenty_eight_after_is_sevenfold_and_no_proof() {
    let world = company(setup(TOP), PLAN);
    let mut rows = format!("{CONTRIBUTIONS}\n");
    let mut add = |id: String, author: &str, at: &str, parent: &str| {
        writeln!(rows, "{id},{author},answer,{at},{parent},,,,").unwrap();
    };
    for n in 0..4 {
        add(format!("B{n}"), "u_e1", &format!("2026-01-2{}T10:00:00Z", 6 + n), "");
    }
    for n in 0..28 {
        let parent = if n < 8 { "POST" } else { "" };
        let author = if n % 2 == 0 { "u_e1" } else { "u_e2" };
        add(format!("A{n:02}"), author, &format!("2026-02-0{}T{:02}:30:00Z", 3 + n % 6, 10 + n % 7), parent);
    }
    // Not counted: the leader's own, somebody of another team, an instant too early and one too late.
    add("N1".into(), "u_lead", "2026-02-04T10:00:00Z", "POST");
    add("N2".into(), "u_e9", "2026-02-04T10:00:00Z", "POST");
    add("N3".into(), "u_e1", "2026-01-26T08:59:59Z", "");
    add("N4".into(), "u_e1", "2026-02-09T09:00:00Z", "");
    writeln!(rows, "POST,u_lead,micro_lesson,2026-02-02T09:00:00Z,,,u_e1,4,").unwrap();
    // A post from above, three and a half days later.
    writeln!(rows, "ABOVE,u_boss,post,2026-02-05T21:00:00Z,,,,,").unwrap();
    world.deliver("contributions_2026-04-20.csv", rows);
    world.nightly("2026-02-20");
    let windows = world.table(TABLES[2]);
    let posts: Vec<&str> = windows.iter().map(|row| row["contribution_id"].as_str()).collect();
    assert!(posts.iter().all(|post| *post == "POST") && posts.len() == 15, "{posts:?}");
    let of = |outcome: &str, days: &str| {
        windows.iter().find(|row| row["outcome"] == outcome && row["horizon_days"] == days).expect("a window")
    };
    let week = of("sme_contributions", "7");
    let figures =
        ["reach", "before", "after", "lift", "lift_rate", "rate_ratio", "in_thread", "elsewhere", "authors_after"];
    assert_eq!(shown(std::slice::from_ref(week), &figures), ["4 | 4 | 28 | 24 | 6.0 | 7.0 | 8 | 20 | 2"]);
    let bound = |name: &str| week[name].parse::<f64>().expect("a bound");
    assert!((bound("rate_ratio_low") - 2.45).abs() < 0.005, "{week:?}");
    assert!((bound("rate_ratio_high") - 27.5).abs() < 0.05, "{week:?}");
    let words = ["is_complete", "overlaps", "other_posts", "method", "causal", "verdict"];
    assert_eq!(shown(std::slice::from_ref(week), &words), ["true | true | 1 | window | false | no_control_group"]);
    assert!(!week["sentence_executive"].contains("caused") && week["sentence_executive"].ends_with('.'), "{week:?}");
    assert_eq!(
        week["sentence_statistician"],
        "4 acts in 7 days before and 28 after: rate ratio 7.00, exact 95 % Poisson interval 2.45 to 27.47; no comparison group, other posts within the windows: 1."
    );
    // Three days hold no other post; a month reaches beyond the data and compares nothing.
    assert_eq!(of("sme_contributions", "3")["overlaps"], "false");
    let month = of("sme_contributions", "30");
    assert_eq!(
        shown(std::slice::from_ref(month), &["is_complete", "lift", "lift_rate", "rate_ratio", "rate_ratio_high"]),
        ["false |  |  |  | "]
    );
    assert_eq!(of("completions", "7")["in_thread"], "");
}

#[test]
fn what_too_few_people_did_around_a_post_is_not_shown() {
    let windows = |policy: &'static str| {
        let world = company(Setup { policy, ..setup(TOP) }, PLAN);
        // The first act stands long before, so that the days before the posts are within the data.
        let rows = [
            "K0,u_e1,article,2026-01-12T10:00:00Z,,,,,",
            "K1,u_e1,article,2026-02-06T10:00:00Z,,,,,",
            "L1,u_lead,micro_lesson,2026-02-05T09:00:00Z,,,,4,",
            "B1,u_boss,post,2026-02-05T09:00:00Z,,,,,",
        ];
        world.deliver("contributions_2026-04-20.csv", format!("{CONTRIBUTIONS}\n{}\n", rows.join("\n")));
        let start = "event_id,kind,held_on,owner_id,subject,role\nv,plan_start,2026-02-02,boss,sponsor,sponsor\n";
        world.deliver("events_2026-04-20.csv", start);
        world.nightly("2026-02-20");
        let rows = world.table(TABLES[2]);
        let of = |post: &str| {
            let is_it = |row: &&Row| {
                row["contribution_id"] == post && row["outcome"] == "sme_contributions" && row["horizon_days"] == "3"
            };
            rows.iter().find(is_it).expect("a window").clone()
        };
        [of("L1"), of("B1")]
    };
    let said = ["reach", "status", "before", "after", "lift", "authors_after", "is_complete"];
    // The lead reaches three others, the boss six.
    let shown = |policy| shown(&windows(policy), &said);
    let three = "smallest_group = 3\nsmallest_group_manager = 3\nrounding = 1";
    assert_eq!(shown(three), ["4 | published | 0 | 1 | 1 | 1 | true", "7 | published | 0 | 1 | 1 | 1 | true"]);
    let four = "smallest_group = 4\nsmallest_group_manager = 4\nrounding = 1";
    assert_eq!(shown(four), ["4 | withheld |  |  |  |  | true", "7 | published | 0 | 1 | 1 | 1 | true"]);
    let hidden = &windows(four)[0];
    for column in ["lift_rate", "rate_ratio", "rate_ratio_low", "rate_ratio_high", "in_thread", "elsewhere"] {
        assert_eq!(hidden[column], "", "{column}");
    }
    assert!(!hidden["sentence_statistician"].contains(char::is_numeric), "{hidden:?}");
}

#[test]
fn an_id_in_a_plan_file_means_the_same_person_behind_a_pseudonym() {
    let keyed = setup("zone = \"UTC\"\nsynthetic_data = true\nplans = [\"plan.toml\", \"sponsor.toml\"]");
    let plain = lived(setup(TOP));
    let world = company(keyed, PLAN);
    for object in plain.landing.list("").expect("a listing") {
        let bytes = plain.landing.get(&object).expect("a delivery");
        world.deliver(&object.path, &bytes);
    }
    let job = world.job_path().display().to_string();
    let env = Env::new([("UPTAKE_PSEUDONYM_KEY", "sixteen bytes key")]);
    let words = ["uptake", "run", job.as_str(), "--as-of", "2026-04-20T00:00:00Z"];
    assert_eq!(uptake::cli::main(words.into_iter().map(Into::into), &env, crate::world::instant("2030-01-01")), 0);
    let said = ["step", "status", "done_on", "evidence_ids"];
    let (mut one, mut other) = (shown(&plain.table(TABLES[0]), &said), shown(&world.table(TABLES[0]), &said));
    one.sort();
    other.sort();
    assert_eq!(one, other);
    assert!(world.table(TABLES[1]).iter().all(|row| row["leader_id"].len() == 32));
}

#[test]
fn a_plan_file_with_a_mistake_is_refused_with_its_name_and_key() {
    let catalog = Catalog::load().expect("contracts");
    let job = "name = \"test\"\nlanding = \"l\"\nlake = \"o\"\nfeeds = [\"canonical_workers\"]\nzone = \"UTC\"\npseudonyms = \"off\"\nplans = [\"plan.toml\"]\n";
    let parse = |plan: &str| {
        let plan = plan.to_owned();
        Job::parse("job.toml".as_ref(), job, &catalog, &move |_| Ok(plan.clone())).map(|job| job.plans.len())
    };
    assert_eq!(parse(PLAN).expect("a job"), 1);
    let typo = parse(&PLAN.replace("credits_smes", "credit_smes")).expect_err("a typo").to_string();
    assert!(typo.starts_with("plan.toml: line 10: ") && typo.contains("credit_smes"), "{typo}");
    let kind = parse(&PLAN.replace("\"ama\"", "\"amma\"")).expect_err("a kind").to_string();
    assert!(kind.starts_with("plan.toml: step `c_ama`: evidence.post: `amma` is none of"), "{kind}");
    let world = company(setup(TOP), &PLAN.replace("days = [1, 7]", "days = [7, 1]"));
    assert_eq!(world.uptake("check JOB"), 2, "the command line refuses it as a usage error");
}

#[test]
fn the_order_of_deliveries_changes_no_byte() {
    let world = lived(setup(TOP));
    let again = company(setup(TOP), PLAN);
    let mut objects = world.landing.list("").expect("a listing");
    objects.reverse();
    for object in objects {
        let bytes = world.landing.get(&object).expect("a delivery");
        again.deliver(&object.path, &bytes);
        if object.path.contains("contributions") {
            again.nightly("2026-04-20");
        }
    }
    again.nightly("2026-04-20");
    assert_eq!(crate::world::difference(&world.files(), &again.files()), Vec::<String>::new());
}

#[test]
fn the_plans_that_ship_are_the_ones_the_demo_runs() {
    let demo = std::fs::read_to_string(root().join("jobs/demo.toml")).expect("jobs/demo.toml");
    for plan in ["plans/leaders_sharing_30_60_90.toml", "plans/sponsor_90_days.toml"] {
        assert!(demo.contains(plan) && root().join("jobs").join(plan).exists(), "{plan}");
    }
}
