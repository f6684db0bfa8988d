//! Who somebody is: on the day, whatever today's lists say.

use crate::company::Delivery;
use crate::order::{any_order, delivery};
use crate::world::{Setup, World};

const EVENTS: &str = "event_id,occurred_at,user_id,verb";

/// Three workers since 2020 and what their accounts did in February and March.
fn base() -> Vec<Delivery> {
    let act = |id: &str, at: &str, user: &str| format!("{id},{at}T09:00:00Z,{user},completed\n");
    let days = ["2026-02-03", "2026-03-03", "2026-04-03"];
    let acts: String =
        days.iter().flat_map(|day| ["u1", "u2", "u3"].map(|user| act(&format!("{user}-{day}"), day, user))).collect();
    vec![
        delivery(
            "workers_2026-01-01.csv",
            "worker_id,effective_from,employee_no,status,worker_type,org_id\nw1,2020-01-01,n1,active,employee,a\nw2,2020-01-01,n2,active,employee,a\nw3,2020-01-01,n3,active,employee,a\n",
        ),
        delivery("activity_2026-04-04.csv", &format!("{EVENTS}\n{acts}")),
    ]
}

/// A list of accounts. Ten others are on every list, so that a few more or less are no reason to hold it back.
fn accounts(rows: &str) -> String {
    let others: String = (0..10).map(|at| format!("x{at},,learner\n")).collect();
    format!("user_id,employee_no,kind\n{rows}{others}")
}

fn users(on: &str, rows: &str) -> Delivery {
    delivery(&format!("users_{on}.csv"), &accounts(rows))
}

fn world(deliveries: &[Delivery]) -> World {
    let world = World::new();
    for delivery in deliveries {
        world.deliver(&delivery.path, &delivery.text);
    }
    world
}

/// Who was active on which day, as `day person`; acts of nobody as `day -`.
fn acted(world: &World) -> Vec<String> {
    let rows = world.table("canon/person_day");
    let who = |row: &crate::world::Row| {
        let (active, strange) = (row["active_acts"] != "0", row["unmatched_events"] != "0");
        let name = if row["person_key"].is_empty() { "-" } else { &row["person_key"] };
        (active || strange).then(|| format!("{} {name}", row["day"]))
    };
    rows.iter().filter_map(who).collect()
}

#[test]
fn an_account_that_left_the_list_keeps_what_it_did_and_is_nobody_until_it_comes_back_in_any_order() {
    let told = [
        users("2026-01-01", "u1,n1,learner\nu2,n2,learner\nu3,n3,learner\n"),
        users("2026-03-01", "u1,n1,learner\n"),
        users("2026-04-01", "u1,n1,learner\nu2,n2,learner\n"),
    ];
    let world = any_order(&Setup::default(), &base(), &told);
    assert_eq!(
        acted(&world),
        [
            "2026-02-03 w1",
            "2026-02-03 w2",
            "2026-02-03 w3",
            "2026-03-03 -",
            "2026-03-03 w1",
            "2026-04-03 -",
            "2026-04-03 w1",
            "2026-04-03 w2"
        ]
    );
    let ended: Vec<String> = world
        .table("canon/users")
        .iter()
        .filter(|row| row["user_id"].starts_with('u'))
        .map(|row| format!("{} {} {} {}", row["user_id"], row["_deleted"], row["_held_from"], row["_held_to"]))
        .collect();
    assert_eq!(ended, ["u1 false  ", "u2 false 2026-04-01 ", "u2 true  2026-03-01", "u3 true  2026-03-01"]);
}

#[test]
fn an_account_that_leaves_the_list_moves_no_period_before_it() {
    let world = world(&base());
    world.deliver("users_2026-01-01.csv", accounts("u1,n1,learner\nu2,n2,learner\nu3,n3,learner\n"));
    world.nightly("2026-04-05");
    let of = |world: &World, day: &str| -> Vec<(String, String)> {
        let files = world.files().into_iter();
        files.filter(|(path, _)| path.contains("person_day") && path.contains(day)).collect()
    };
    let before = (of(&world, "2026-02-03"), of(&world, "2026-03-03"));
    world.deliver("users_2026-03-01.csv", accounts("u1,n1,learner\n"));
    let report = world.nightly("2026-04-05");
    assert_eq!(of(&world, "2026-02-03"), before.0);
    assert_ne!(of(&world, "2026-03-03"), before.1);
    assert_eq!(report.days_rolled_up, 2, "the days since, on which the accounts were seen");
}

#[test]
fn an_account_given_to_somebody_else_leaves_its_past_where_it_was_in_any_order() {
    let told = [
        users("2026-01-01", "u1,n1,learner\nu2,-,learner\nu3,n9,learner\n"),
        users("2026-03-01", "u1,n2,learner\nu2,-,learner\nu3,n3,learner\n"),
    ];
    let world = any_order(&Setup::default(), &base(), &told);
    let acted = acted(&world);
    assert!(acted.contains(&"2026-02-03 w1".into()) && acted.contains(&"2026-03-03 w2".into()), "{acted:?}");
    assert!(!acted.contains(&"2026-03-03 w1".into()), "{acted:?}");
    assert!(acted.contains(&"2026-02-03 w3".into()), "a number that led to nobody was corrected: {acted:?}");
}

#[test]
fn a_link_that_left_the_list_held_until_then_in_any_order() {
    let links = |on: &str, rows: &str| {
        delivery(&format!("identity_links_{on}.csv"), &format!("source,source_user_id,worker_id\n{rows}"))
    };
    let told = [
        links("2026-01-01", "lms,u1,w2\nlms,u3,w3\n"),
        links("2026-03-01", "lms,u3,w3\n"),
        links("2026-04-01", "lms,u1,w3\n"),
    ];
    let base: Vec<Delivery> = base().into_iter().chain([users("2026-01-01", "u1,n1,learner\n")]).collect();
    let world = any_order(&Setup::default(), &base, &told);
    let acted: Vec<String> = acted(&world).into_iter().filter(|line| !line.ends_with('-')).collect();
    assert_eq!(
        acted,
        ["2026-02-03 w2", "2026-02-03 w3", "2026-03-03 w1", "2026-03-03 w3", "2026-04-03 w3"],
        "w2 by the link, w1 by the number, w3 by another link"
    );
}

/// What changed of accounts and links, as databases tell it.
fn changes(fills: &str, mode: &str, rest: &str) -> &'static str {
    let columns = match fills {
        "users" => "user_id = \"id\"\nemployee_no = { from = \"worker\", optional = true }",
        _ => {
            "source = { value = \"lms\" }\nsource_user_id = \"id\"\nworker_id = { from = \"worker\", optional = true }"
        }
    };
    let text = format!(
        "description = \"Changes\"\nfills = \"{fills}\"\npath = \"changes_{{date}}.csv\"\nformat = \"csv\"\nmode = \"{mode}\"\n\
         ignore = [\"*\"]\n{rest}\n[[headers]]\n{columns}\n"
    );
    Box::leak(text.into_boxed_str())
}

fn changing(fills: &str, mode: &str, rest: &str) -> Setup {
    let own_feeds = vec![("changes", changes(fills, mode, rest))];
    let feeds = vec!["canonical_workers", "canonical_activity", "changes"];
    Setup { own_feeds, feeds, ..Setup::default() }
}

const EACH_AS_IT_DID: [&str; 9] = [
    "2026-02-03 w1",
    "2026-02-03 w2",
    "2026-02-03 w3",
    "2026-03-03 w1",
    "2026-03-03 w2",
    "2026-03-03 w3",
    "2026-04-03 -",
    "2026-04-03 w1",
    "2026-04-03 w3",
];

#[test]
fn what_a_source_deletes_was_there_until_then_in_any_order() {
    let action = "action = { from = \"op\", deletes = [\"D\"], upserts = [\"U\"] }";
    let told = [
        delivery(
            "changes_2026-01-01.csv",
            &format!("op,id,worker\n{}", ["1", "2", "3"].map(|n| format!("U,u{n},NUMBER{n}\n")).concat()),
        ),
        delivery("changes_2026-03-15.csv", "op,id,worker\nD,u2,\n"),
    ];
    for (fills, start) in [("users", "n"), ("identity_links", "w")] {
        let told = told.clone().map(|one| delivery(&one.path, &one.text.replace("NUMBER", start)));
        let world = any_order(&changing(fills, "delta", action), &base(), &told);
        assert_eq!(acted(&world), EACH_AS_IT_DID, "{fills}");
    }
}

#[test]
fn what_annuls_itself_never_was_in_any_order() {
    let annul = "annul = { column = \"op\", values = [\"void\"] }";
    let (all, void) = ("op,id,worker\n-,u1,NUMBER1\n-,u2,NUMBER2\n-,u3,NUMBER3\n", "void,u2,NUMBER2\n");
    for (fills, start, mode) in [("users", "n", "delta"), ("identity_links", "w", "full")] {
        let rest = if mode == "full" { all.replace("-,u2,NUMBER2\n", void) } else { format!("op,id,worker\n{void}") };
        let told = [delivery("changes_2026-01-01.csv", all), delivery("changes_2026-03-15.csv", &rest)];
        let told = told.map(|one| delivery(&one.path, &one.text.replace("NUMBER", start)));
        let world = any_order(&changing(fills, mode, annul), &base(), &told);
        let acted = acted(&world);
        assert!(acted.iter().all(|act| !act.ends_with("w2")), "{fills} {mode}: {acted:?}");
        assert_eq!(acted.iter().filter(|act| act.ends_with('-')).count(), 3, "{fills} {mode}: {acted:?}");
    }
}

#[test]
fn a_worker_who_left_the_snapshot_was_employed_until_then_in_any_order() {
    let workers = |on: &str, rows: &str| {
        let header = "worker_id,effective_from,employee_no,status,worker_type,org_id,termination_date";
        // Ten who are on leave all the time, and counted nowhere.
        let others: String = (0..10).map(|at| format!("x{at},2020-01-01,x{at},leave,employee,a,\n")).collect();
        delivery(&format!("workers_{on}.csv"), &format!("{header}\n{rows}{others}"))
    };
    let row = |id: &str, leaves: &str| format!("w{id},2020-01-01,n{id},active,employee,a,{leaves}\n");
    let all = row("1", "") + &row("2", "") + &row("3", "2026-02-20");
    let told = [
        workers("2026-01-01", &all),
        workers("2026-03-01", &row("1", "")),
        workers("2026-04-01", &row("1", "")),
        users("2026-01-01", "u1,n1,learner\nu2,n2,learner\nu3,n3,learner\n"),
    ];
    let world = any_order(&Setup::default(), &base()[1..], &told);
    let headcount = |start: &str| {
        let rows = world.table("marts/adoption_kpis");
        let row = rows
            .iter()
            .find(|row| row["grain"] == "day" && row["scope_kind"] == "company" && row["period_start"] == start);
        row.map(|row| row["headcount"].clone())
    };
    assert_eq!(
        ["2026-02-03", "2026-02-20", "2026-02-21", "2026-02-28", "2026-03-01"].map(headcount),
        ["3", "3", "2", "2", "1"].map(|count| Some(count.to_owned()))
    );
}

#[test]
fn acts_of_accounts_that_no_list_holds_are_counted_by_feed_for_every_day_and_stop_when_one_does() {
    let world = world(&base());
    world.deliver("users_2026-01-01.csv", "user_id,employee_no,kind\nu1,n1,learner\n");
    world.deliver(
        "contributions_2026-03-10.csv",
        "contribution_id,author_id,kind,created_at\nk1,u1,post,2026-03-02T09:00:00Z\nk2,u9,post,2026-03-02T09:00:00Z\n",
    );
    world.nightly("2026-04-05");
    let counted = |world: &World| -> Vec<String> {
        let rows = world.table("ops/data_quality");
        let of = |row: &&crate::world::Row| row["reason_code"] == "no_account" && !row["feed"].is_empty();
        let line = |row: &crate::world::Row| format!("{} {} {}", row["feed"], row["severity"], row["affected"]);
        rows.iter().filter(of).map(line).collect()
    };
    assert_eq!(counted(&world), ["canonical_activity warn 6", "canonical_contributions warn 1"]);
    // A night that reads nothing of it counts the same.
    world.deliver("activity_2026-04-05.csv", format!("{EVENTS}\ne9,2026-04-04T09:00:00Z,u1,viewed\n"));
    world.nightly("2026-04-06");
    assert_eq!(counted(&world), ["canonical_activity warn 6", "canonical_contributions warn 1"]);
    // An account that the list takes up, though no worker has its number, is no longer unknown.
    world.deliver("users_2026-04-05.csv", "user_id,employee_no,kind\nu1,n1,learner\nu2,n7,learner\nu9,n3,learner\n");
    world.nightly("2026-04-06");
    assert_eq!(counted(&world), ["canonical_activity warn 3"]);
}

/// A feed of statements, with sites.
fn statements(sites: &str) -> String {
    format!(
        "description = \"For a test\"\nfills = \"activity\"\npath = \"**/statements_{{date}}.ndjson\"\nformat = \"ndjson\"\ndialect = \"xapi\"\n{sites}\n[[headers]]\nevent_id = {{ from = \"@id\" }}\noccurred_at = {{ from = \"timestamp\" }}\nuser_id = {{ from = \"@actor\" }}\nverb = {{ from = \"verb.id\", default = \"completed\" }}\nobject_id = {{ from = \"@object\" }}\nvoids_event_id = {{ from = \"@voids\" }}\n"
    )
}

fn statement(number: u32, actor: &str) -> String {
    format!(
        "{{\"id\":\"00000000-0000-4000-8000-{number:012}\",\"actor\":{actor},\"verb\":{{\"id\":\"http://x/did\"}},\"object\":{{\"id\":\"https://lms.test/c1\"}},\"timestamp\":\"2026-02-03T09:00:00Z\"}}\n"
    )
}

fn account(home: &str, name: &str) -> String {
    format!("{{\"account\":{{\"homePage\":\"{home}\",\"name\":\"{name}\"}}}}")
}

/// A world of statements with sites, its accounts, and the names of three workers.
fn learning(sites: &str, accounts: &str) -> World {
    let text: &'static str = Box::leak(statements(sites).into_boxed_str());
    let setup = Setup {
        feeds: vec!["canonical_workers", "canonical_users", "statements"],
        own_feeds: vec![("statements", text)],
        ..Setup::default()
    };
    let world = World::with(setup);
    world.deliver("workers_2026-01-01.csv", &base()[0].text);
    world.deliver("users_2026-01-01.csv", format!("user_id,employee_no,kind\n{accounts}"));
    world
}

#[test]
fn account_2_of_one_site_is_not_account_2_of_another_and_a_site_nobody_declared_is_counted() {
    let a = "[[sites]]\nhome_page = \"https://a.test\"\nprefix = \"a:\"\n";
    let b = "[[sites]]\nhome_page = \"https://b.test/\"\nprefix = \"b:\"\n";
    let told = statement(1, &account("https://a.test/", "2"))
        + &statement(2, &account("https://b.test", "2"))
        + &statement(3, &account("https://c.test", "2"))
        + &statement(4, "{\"mbox\":\"mailto:Ann@x.test\"}");
    let both = learning(&format!("{a}{b}"), "a:2,n1,learner\nb:2,n2,learner\nann@x.test,n3,learner\n2,n1,learner\n");
    both.deliver("statements_2026-02-04.ndjson", &told);
    both.nightly("2026-02-05");
    assert_eq!(acted(&both), ["2026-02-03 -", "2026-02-03 w1", "2026-02-03 w2", "2026-02-03 w3"]);
    let strangers: Vec<String> = both
        .table("ops/data_quality")
        .iter()
        .filter(|row| row["reason_code"] == "site")
        .map(|row| format!("{} {} {}", row["column_name"], row["affected"], row["out_of"]))
        .collect();
    assert_eq!(strangers, ["user_id 1 4"]);
}

#[test]
fn statements_of_two_sites_without_any_declared_are_refused_and_the_key_is_named() {
    let world = learning("", "2,n1,learner\n");
    world.deliver(
        "statements_2026-02-04.ndjson",
        statement(1, &account("https://a.test", "2")) + &statement(2, &account("https://b.test", "2")),
    );
    let refused = world.run(&crate::world::How { as_of: crate::world::instant("2026-02-05"), ..Default::default() });
    let said = refused.expect_err("two sites").to_string();
    assert!(said.contains("[[sites]]"), "{said}");
    let one = learning("", "2,n1,learner\n");
    one.deliver(
        "statements_2026-02-04.ndjson",
        statement(1, &account("https://a.test", "2")) + &statement(2, "{\"mbox\":\"mailto:b@x.test\"}"),
    );
    one.nightly("2026-02-05");
    assert_eq!(acted(&one), ["2026-02-03 -", "2026-02-03 w1"]);
}

#[test]
fn what_a_moodle_log_says_somebody_did_to_somebody_else_is_nobodys_act_and_no_reject() {
    let setup = Setup { feeds: vec!["canonical_workers", "canonical_users", "moodle_log"], ..Setup::default() };
    let world = World::with(setup);
    world.deliver("workers_2026-01-01.csv", &base()[0].text);
    world.deliver("users_2026-01-01.csv", "user_id,employee_no,kind\n2,n1,learner\n11,n2,learner\n12,n3,learner\n");
    let mut log =
        "Time,User full name,Affected user,Event context,Component,Event name,Description,Origin,IP address\n"
            .to_owned();
    for (minute, description) in [
        "The user with id '2' updated the completion state for the course module with id '9' for the user with id '11'.",
        "The user with id '2' enrolled the user with id '11' using the enrolment method 'manual' in the course with id '7'.",
        "The user with id '2' unenrolled the user with id '11' from the course with id '7'.",
        "The user with id '2' assigned the role with id '5' to the user with id '11'.",
        "The user with id '2' has logged in as the user with id '11'.",
        "The user with id '2' updated the grade with id '8' for the user with id '11' for the grade item with id '3'.",
        "The user with id '2' added the user with id '11' to the group with id '4'.",
        "The user with id '11' has been awarded the badge with id '1'.",
        "The user with id '12' updated the completion state for the course module with id '9' for the user with id '12'.",
    ]
    .iter()
    .enumerate()
    {
        log += &format!("\"3/02/26, 09:0{minute}:00\",A,B,C,System,Whatever,\"{description}\",web,\n");
    }
    world.deliver("moodle_log_2026-02-04.csv", &log);
    world.nightly("2026-02-05");
    let seen: Vec<String> = world
        .table("canon/person_day")
        .iter()
        .map(|row| format!("{} {} {}", row["person_key"], row["events"], row["unmatched_events"]))
        .collect();
    assert_eq!(seen, ["w3 1 0"], "who did it to himself did it");
    let counts = world.ledger()["moodle_log_2026-02-04.csv"].counts;
    assert_eq!((counts.read, counts.accepted, counts.rejected), (9, 9, 0));
    let told = world.table("ops/data_quality").iter().filter(|row| row["reason_code"] == "acts_on_others").count();
    assert_eq!(told, 8, "by the name of each pattern");
}
