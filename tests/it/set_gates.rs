//! What only all parts of a set together can tell: days the wrong way round, keys told twice, accounts of several sites.

use std::collections::BTreeMap;

use crate::world::{Setup, World};

const DONE: u8 = 0;
const GATE: u8 = 3;

/// A feed of parts of a table, with some keys of its own, and its columns.
fn setup(table: &str, more: &str, columns: &str) -> Setup {
    let text = format!(
        "description = \"In parts.\"\nfills = \"{table}\"\npath = \"in/{{date}}/part-{{part}}.csv\"\nformat = \"csv\"\n{more}\n\
         [[headers]]\n{columns}\n"
    );
    Setup {
        feeds: vec!["parts", "canonical_activity"],
        own_feeds: vec![("parts", &*Box::leak(text.into_boxed_str()))],
        ..Setup::default()
    }
}

/// A world in which the parts of one night have come.
fn night(setup: &Setup, header: &str, parts: &[&str]) -> World {
    let world = World::with(setup.clone());
    for (at, rows) in parts.iter().enumerate() {
        world.deliver(&format!("in/2026-03-02/part-{at}.csv"), format!("{header}\n{rows}"));
    }
    world
}

fn run(world: &World) -> u8 {
    world.uptake("run JOB --as-of 2026-03-04")
}

fn refusals(world: &World) -> BTreeMap<String, Option<String>> {
    world.ledger().into_iter().map(|(key, entry)| (key, entry.refused)).collect()
}

#[test]
fn days_the_wrong_way_round_are_found_in_all_parts_together() {
    let columns = "event_id = \"id\"\nuser_id = \"user\"\nverb = { value = \"viewed\" }\n\
        occurred_at = { from = \"at\", date = \"%d/%m/%Y\" }";
    let events = setup("activity", "", columns);
    let tell = |days: [&str; 3]| {
        let part = |(at, day): (usize, &&str)| format!("e{at},u1,{day}\nf{at},u1,01/03/2026\n");
        let parts: Vec<String> = days.iter().enumerate().map(part).collect();
        let world = night(&events, "id,user,at", &parts.iter().map(String::as_str).collect::<Vec<_>>());
        (run(&world), refusals(&world))
    };
    assert_eq!(tell(["01/03/2026"; 3]).0, DONE);
    // Of February, written the American way: as written they lie in autumn.
    assert_eq!(tell(["02/10/2026", "02/11/2026", "01/03/2026"]).0, DONE, "two are an accident");
    let (code, told) = tell(["02/10/2026", "02/11/2026", "02/12/2026"]);
    assert_eq!(code, GATE);
    assert!(told.is_empty(), "nothing is kept of a night that was held back: {told:?}");
}

#[test]
fn accounts_of_several_sites_are_found_in_different_parts() {
    let text = "description = \"Statements.\"\nfills = \"activity\"\npath = \"in/{date}/part-{part}.csv\"\nformat = \"ndjson\"\n\
        dialect = \"xapi\"\n[[headers]]\nevent_id = { from = \"@id\" }\nuser_id = { from = \"@actor\" }\n\
        verb = { from = \"verb.id\", default = \"completed\" }\noccurred_at = { from = \"timestamp\" }\nobject_id = { from = \"@object\" }\n\
        voids_event_id = { from = \"@voids\" }\n";
    let world = |second: &str| {
        let setup = Setup {
            feeds: vec!["parts", "canonical_users"],
            own_feeds: vec![("parts", &*Box::leak(text.to_owned().into_boxed_str()))],
            ..Setup::default()
        };
        let world = World::with(setup);
        for (at, home) in ["https://a.test", second].into_iter().enumerate() {
            let statement = format!(
                "{{\"id\":\"00000000-0000-4000-8000-00000000000{at}\",\"actor\":{{\"account\":{{\"homePage\":\"{home}\",\"name\":\"2\"}}}},\
                 \"verb\":{{\"id\":\"http://adlnet.gov/expapi/verbs/experienced\"}},\"object\":{{\"id\":\"https://a.test/c1\"}},\
                 \"timestamp\":\"2026-03-01T09:00:00Z\"}}\n"
            );
            world.deliver(&format!("in/2026-03-02/part-{at}.csv"), statement);
        }
        world
    };
    assert_eq!(run(&world("https://a.test/")), DONE);
    assert_eq!(run(&world("https://b.test")), GATE, "account 2 here is not account 2 there");
}

const USERS: &str = "user_id = \"id\"\nemail = \"email\"";

#[test]
fn a_key_that_two_parts_tell_differently_is_noticed_or_refused_where_the_feed_promises_one() {
    let parts = ["u1,a@x\nu2,b@x\n", "u1,other@x\nu3,c@x\nu2,b@x\n"];
    let world = night(&setup("users", "mode = \"full\"", USERS), "id,email", &parts);
    assert_eq!(run(&world), DONE);
    let told = world.table("ops/data_quality");
    let several: Vec<_> = told.iter().filter(|row| row["reason_code"] == "several_rows").collect();
    assert_eq!(several.iter().map(|row| row["affected"].as_str()).collect::<Vec<_>>(), ["1"]);

    let world = night(&setup("users", "mode = \"full\"\nunique_key = true", USERS), "id,email", &parts);
    assert_eq!(run(&world), DONE);
    let mut ids: Vec<String> = world.table("canon/users").iter().map(|row| row["user_id"].clone()).collect();
    ids.sort();
    assert_eq!(ids, ["u2", "u3"], "of u1 nobody knows which is true");
    for (path, entry) in world.ledger() {
        assert_eq!((entry.counts.rejected, entry.counts.conserved()), (1, true), "{path}");
    }
}

#[test]
fn a_part_of_nothing_but_broken_records_is_weighed_with_the_others() {
    let feed = setup("users", "mode = \"full\"", USERS);
    let world = night(&feed, "id,email", &[&(0..60).map(|n| format!("u{n},a@x\n")).collect::<String>(), ",b@x\n"]);
    assert_eq!(run(&world), DONE);
    assert_eq!(world.table("canon/users").len(), 60);
    assert_eq!(run(&night(&feed, "id,email", &[",a@x\n", ",b@x\n"])), GATE, "all of it is broken");
}

#[test]
fn a_rule_chooses_anew_when_another_part_of_a_delta_comes_a_night_later() {
    let feed = setup("users", "mode = \"delta\"\norder_by = \"x\"", USERS);
    let parts = ["u1,newest@x,2\n", "u1,older@x,1\n"];
    for (first, then) in [(0, 1), (1, 0)] {
        let world = World::with(feed.clone());
        let deliver = |at: usize| {
            world.deliver(&format!("in/2026-03-02/part-{at}.csv"), format!("id,email,x\n{}", parts[at]));
        };
        deliver(first);
        assert_eq!(run(&world), DONE);
        deliver(then);
        assert_eq!(world.uptake("run JOB --as-of 2026-03-05"), DONE);
        let emails: Vec<String> = world.table("canon/users").iter().map(|row| row["email"].clone()).collect();
        assert_eq!(emails, ["newest@x"], "part {first} first");
    }
}
