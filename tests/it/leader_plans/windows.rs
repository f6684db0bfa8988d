//! What was counted before and after a post of a leader with a plan.

use std::fmt::Write;

use super::{CONTRIBUTIONS, PLAN, TABLES, TOP, company, say, setup, shown};
use crate::world::{Row, Setup};

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
    assert_eq!(say(week, &figures), "4 | 4 | 28 | 24 | 6.0 | 7.0 | 8 | 20 | 2");
    let bound = |name: &str| week[name].parse::<f64>().expect("a bound");
    assert!((bound("rate_ratio_low") - 2.45).abs() < 0.005, "{week:?}");
    assert!((bound("rate_ratio_high") - 27.5).abs() < 0.05, "{week:?}");
    let words = ["is_complete", "overlaps", "other_posts", "method", "causal", "verdict"];
    assert_eq!(say(week, &words), "true | true | 1 | window | false | no_control_group");
    assert!(!week["sentence_executive"].contains("caused") && week["sentence_executive"].ends_with('.'), "{week:?}");
    assert_eq!(
        week["sentence_statistician"],
        "4 acts in 7 days before and 28 after: rate ratio 7.00, exact 95 % Poisson interval 2.45 to 27.47; no comparison group, other posts within the windows: 1."
    );
    // Three days hold no other post; a month reaches beyond the data and compares nothing.
    assert_eq!(of("sme_contributions", "3")["overlaps"], "false");
    let month = of("sme_contributions", "30");
    let compared = ["is_complete", "lift", "lift_rate", "rate_ratio", "rate_ratio_high"];
    assert_eq!(say(month, &compared), "false |  |  |  | ");
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
