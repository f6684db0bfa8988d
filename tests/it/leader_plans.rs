//! Plans of leaders through the command line: what of a plan was done, how its leaders shared, what was counted around their posts;
//! and that nobody without a plan is in any of it.

use std::fmt::Write;

use uptake::contract::Catalog;
use uptake::job::Job;
use uptake::store::{Env, Object};

use crate::world::{Row, Setup, World, root};

mod scorecard;
mod steps;
mod windows;

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

/// The same delivery to another world.
fn hand_on(from: &World, object: &Object, to: &World) {
    to.deliver(&object.path, from.landing.get(object).expect("a delivery"));
}

fn shown(rows: &[Row], columns: &[&str]) -> Vec<String> {
    rows.iter().map(|row| columns.iter().map(|name| row[*name].as_str()).collect::<Vec<_>>().join(" | ")).collect()
}

/// [`shown`] of one row.
fn say(row: &Row, columns: &[&str]) -> String {
    shown(std::slice::from_ref(row), columns).concat()
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
fn an_id_in_a_plan_file_means_the_same_person_behind_a_pseudonym() {
    let keyed = setup("zone = \"UTC\"\nsynthetic_data = true\nplans = [\"plan.toml\", \"sponsor.toml\"]");
    let plain = lived(setup(TOP));
    let world = company(keyed, PLAN);
    plain.landing.list("").expect("a listing").iter().for_each(|object| hand_on(&plain, object, &world));
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
        hand_on(&world, &object, &again);
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
