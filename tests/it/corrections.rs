//! Corrections that move an event to another day: feeds that say so find it wherever it lies; the last known day has it alone.

use crate::company::Delivery;
use crate::order::{WITH_DELETES, any_order, delivery, staff};
use crate::world::{CANONICAL, Setup, World};

const MOVING: &str = r#"
description = "Events whose corrections may change their day."
fills = "activity"
path = "moving/*_{date}.csv"
format = "csv"
[[headers]]
event_id = "id"
occurred_at = "at"
user_id = "who"
verb = "what"
voids_event_id = { from = "void", optional = true }
"#;

fn setup() -> Setup {
    Setup { feeds: [&CANONICAL[..], &["moving"][..]].concat(), own_feeds: vec![("moving", MOVING)], ..Setup::default() }
}

/// Events as `id day verb`, with the partition each lies in proven by the person-days below.
fn events(world: &World) -> Vec<String> {
    let mut events: Vec<String> = world
        .table("canon/activity")
        .iter()
        .filter(|row| row["voids_event_id"].is_empty())
        .map(|row| format!("{} {} {}", row["event_id"], &row["occurred_at"][..10], row["verb"]))
        .collect();
    events.sort();
    events
}

/// Days with an event of a person: `day person events`.
fn days(world: &World) -> Vec<String> {
    let mut days: Vec<String> = world
        .table("canon/person_day")
        .iter()
        .map(|row| format!("{} {} {}", row["day"], row["person_key"], row["events"]))
        .collect();
    days.sort();
    days
}

fn told(rows: &[(&str, &str)]) -> Vec<Delivery> {
    let path = |date: &str| format!("moving/acts_{date}.csv");
    rows.iter().map(|(date, text)| delivery(&path(date), &format!("id,at,who,what,void\n{text}"))).collect()
}

#[test]
fn the_last_known_day_has_the_event_alone_at_any_distance_and_in_any_order() {
    let told = told(&[
        ("2026-03-03", "e1,2026-03-02T09:00:00Z,u1,viewed,\ne2,2026-03-02T09:00:00Z,u2,viewed,\n"),
        // e1 was three weeks later, e2 stays.
        ("2026-03-24", "e1,2026-03-23T09:00:00Z,u1,completed,\n"),
        // No: it was the day after the first.
        ("2026-03-26", "e1,2026-03-03T09:00:00Z,u1,launched,\n"),
    ]);
    let world = any_order(&setup(), &staff(), &told);
    assert_eq!(events(&world), ["e1 2026-03-03 launched", "e2 2026-03-02 viewed"]);
    assert_eq!(days(&world), ["2026-03-02 w2 1", "2026-03-03 w1 1"]);
    let ledger = world.ledger();
    let lost = |date: &str| ledger[&format!("moving/acts_{date}.csv")].counts;
    assert_eq!((lost("2026-03-03").superseded, lost("2026-03-03").accepted), (1, 1));
    assert_eq!((lost("2026-03-24").superseded, lost("2026-03-24").accepted), (1, 0));
    assert_eq!((lost("2026-03-26").superseded, lost("2026-03-26").accepted), (0, 1));
}

#[test]
fn what_was_known_last_decides_the_day_and_not_the_name_of_its_delivery() {
    let text = |at: &str| format!("id,at,who,what,void\ne1,{at}T09:00:00Z,u1,viewed,\n");
    let told = [
        delivery("moving/zulu_2026-03-03.csv", &text("2026-03-02")),
        delivery("moving/acts_2026-03-24.csv", &text("2026-03-23")),
    ];
    let world = any_order(&setup(), &staff(), &told);
    assert_eq!(events(&world), ["e1 2026-03-23 viewed"]);
}

#[test]
fn an_event_that_comes_back_to_its_first_day_is_there_once() {
    let told = told(&[
        ("2026-03-03", "e1,2026-03-02T09:00:00Z,u1,viewed,\n"),
        ("2026-03-04", "e1,2026-03-03T09:00:00Z,u1,viewed,\n"),
        ("2026-03-05", "e1,2026-03-02T09:00:00Z,u1,viewed,\n"),
    ]);
    let world = any_order(&setup(), &staff(), &told);
    assert_eq!(events(&world), ["e1 2026-03-02 viewed"]);
    assert_eq!(days(&world), ["2026-03-02 w1 1"]);
}

#[test]
fn an_event_moved_and_voided_is_nowhere_in_any_order() {
    let told = told(&[
        ("2026-03-03", "e1,2026-03-02T09:00:00Z,u1,viewed,\n"),
        ("2026-03-05", "e1,2026-03-04T09:00:00Z,u1,viewed,\n"),
        ("2026-03-06", "v1,2026-03-05T09:00:00Z,u1,voided,e1\n"),
    ]);
    let world = any_order(&setup(), &staff(), &told);
    assert_eq!(events(&world), Vec::<String>::new());
}

#[test]
fn within_one_delivery_the_later_record_has_the_day() {
    let told = told(&[("2026-03-10", "e1,2026-03-09T09:00:00Z,u1,viewed,\ne1,2026-03-08T09:00:00Z,u1,viewed,\n")]);
    let world = any_order(&setup(), &staff(), &told);
    assert_eq!(events(&world), ["e1 2026-03-08 viewed"]);
}

#[test]
fn an_event_deleted_stated_again_and_deleted_again_is_gone_in_any_order() {
    let setup = Setup {
        feeds: [&CANONICAL[..3], &["acts"][..]].concat(),
        own_feeds: vec![("acts", WITH_DELETES)],
        ..Setup::default()
    };
    let stated = "U,e1,2026-03-02T09:00:00Z,u1,viewed,1\n";
    let told = [("03", stated), ("04", "D,e1,,,,\n"), ("05", stated), ("06", "D,e1,,,,\n")].map(|(day, text)| {
        delivery(&format!("dap/acts_2026-03-{day}.csv"), &format!("action,id,at,who,what,seconds\n{text}"))
    });
    let world = any_order(&setup, &staff(), &told);
    let live: Vec<_> = world.table("canon/activity").into_iter().filter(|row| row["_deleted"] != "true").collect();
    assert_eq!(live, Vec::new());
    assert_eq!(days(&world), Vec::<String>::new());
}

const POSTS: &str = r#"
description = "Posts with deletes by key."
fills = "contributions"
path = "posts/posts_{date}.csv"
format = "csv"
mode = "delta"
[action]
from = "action"
deletes = ["D"]
upserts = ["U"]
[[headers]]
contribution_id = "id"
author_id = { from = "who", optional = true }
kind = { from = "what", optional = true }
created_at = { from = "at", optional = true }
"#;

#[test]
fn a_deleted_post_no_longer_counts_in_any_order() {
    let setup = Setup {
        feeds: [&CANONICAL[..3], &["posts"][..]].concat(),
        own_feeds: vec![("posts", POSTS)],
        ..Setup::default()
    };
    let told = [
        ("03", "U,k1,u1,post,2026-03-02T09:00:00Z\nU,k2,u2,post,2026-03-02T09:00:00Z\n"),
        ("04", "D,k1,,,\n"),
        ("05", "D,k2,,,\nU,k3,u3,post,2026-03-04T09:00:00Z\n"),
    ]
    .map(|(day, text)| delivery(&format!("posts/posts_2026-03-{day}.csv"), &format!("action,id,who,what,at\n{text}")));
    let world = any_order(&setup, &staff(), &told);
    let counted: Vec<String> = world
        .table("canon/person_day")
        .iter()
        .map(|row| format!("{} {} {}", row["day"], row["person_key"], row["contributions"]))
        .collect();
    assert_eq!(counted, ["2026-03-04 w3 1"]);
}

#[test]
fn reactions_without_an_id_are_the_same_only_if_every_part_is() {
    let mut base = staff();
    base[1].text.push_str("1u,n1,learner\nu,n2,learner\n");
    let header = "contribution_id,actor_id,kind,occurred_at";
    let told = [
        delivery(
            "reactions_2026-03-03.csv",
            &format!("{header}\nk1,1u,like,2026-03-02T09:00:00Z\nk11,u,like,2026-03-02T09:00:00Z\n"),
        ),
        delivery(
            "reactions_2026-03-04.csv",
            &format!("{header}\nk1,1u,like,2026-03-02T09:00:00Z\nk1,1u,vote,2026-03-02T09:00:00Z\n"),
        ),
    ];
    let world = any_order(&Setup::default(), &base, &told);
    let mut live: Vec<String> = world
        .table("canon/reactions")
        .iter()
        .map(|row| format!("{} {} {}", row["contribution_id"], row["actor_id"], row["kind"]))
        .collect();
    live.sort();
    assert_eq!(live, ["k1 1u like", "k1 1u vote", "k11 u like"]);
}
