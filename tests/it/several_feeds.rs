//! Several feeds of one table, each with columns of its own: in whatever order and nights they come, no feed takes what another told.

use crate::world::{Setup, World};

/// A list of people with their numbers, and a list of logins without.
const PEOPLE: &str = r#"
description = "accounts with numbers"
fills = "users"
path = "people_{date}.csv"
format = "csv"
mode = "delta"
[[headers]]
user_id = "id"
employee_no = "number"
"#;
const LOGINS: &str = r#"
description = "accounts with login names"
fills = "users"
path = "logins_{date}.csv"
format = "csv"
mode = "delta"
[[headers]]
user_id = "id"
username = "login"
status = { from = "state", optional = true }
"#;

const FILES: [(&str, &str); 4] = [
    ("people_2026-03-01.csv", "id,number\nu1,7\nu2,8\n"),
    ("logins_2026-03-02.csv", "id,login,state\nu1,ann,active\nu3,cid,active\n"),
    ("people_2026-03-03.csv", "id,number\nu1,70\nu3,9\n"),
    ("logins_2026-03-04.csv", "id,login\nu1,anna\nu2,bob\n"),
];

/// What is known of each account after the nights given, each with the files that come in it.
fn told(nights: &[&[usize]]) -> Vec<String> {
    let world = World::with(Setup {
        feeds: vec!["people", "logins"],
        own_feeds: vec![("people", PEOPLE), ("logins", LOGINS)],
        ..Setup::default()
    });
    for (night, files) in nights.iter().enumerate() {
        for &file in *files {
            world.deliver(FILES[file].0, FILES[file].1);
        }
        world.nightly(&format!("2026-03-{:02}", 5 + night));
    }
    let cell = |row: &crate::world::Row, name: &str| row.get(name).cloned().unwrap_or_default();
    let mut rows: Vec<String> = world
        .table("canon/users")
        .iter()
        .map(|row| ["user_id", "employee_no", "username", "status"].map(|name| cell(row, name)).join(" "))
        .collect();
    rows.sort();
    rows
}

#[test]
fn a_list_of_logins_leaves_the_numbers_that_a_list_of_people_told() {
    let wanted = told(&[&[0, 1, 2, 3]]);
    let shown: Vec<Vec<&str>> = wanted.iter().map(|row| row.split(' ').collect()).collect();
    for (user, number, login) in [("u1", "70", "anna"), ("u2", "8", "bob"), ("u3", "9", "cid")] {
        assert!(shown.iter().any(|row| row[0] == user && row[1] == number && row[2] == login), "{user}: {wanted:?}");
    }
    for nights in [
        &[&[0][..], &[1], &[2], &[3]][..],
        &[&[0, 1], &[2, 3]],
        &[&[3], &[2], &[1], &[0]],
        &[&[1, 3], &[0, 2]],
        &[&[2], &[0], &[3], &[1]],
    ] {
        assert_eq!(told(nights), wanted, "{nights:?}");
    }
}
