//! What a leader with a plan shared in a week and what came back.

use super::{TABLES, TOP, lived, say, setup};

#[test]
fn a_scorecard_says_what_a_leader_shared_in_the_week_and_what_came_back() {
    let world = lived(setup(TOP));
    let rows = world.table(TABLES[1]);
    let of = |leader: &str, week: &str| {
        let found = rows.iter().find(|row| row["leader_id"] == leader && row["period_start"] == week);
        found.unwrap_or_else(|| panic!("{leader} {week}")).clone()
    };
    let first = of("lead", "2026-01-05");
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
fn a_running_week_may_still_be_kept_and_breaks_no_streak() {
    let world = lived(setup(TOP));
    let kept = |as_of: &str| {
        world.nightly(as_of);
        let rows = world.table(TABLES[1]);
        let week = rows.iter().find(|row| row["leader_id"] == "lead" && row["period_start"] == "2026-01-12");
        say(week.expect("a week"), &["cadence_kept", "current_streak_weeks"])
    };
    // Two posts in the week before, none in this one.
    assert_eq!(kept("2026-01-16"), " | 1");
    assert_eq!(kept("2026-01-19"), "false | 0");
}
