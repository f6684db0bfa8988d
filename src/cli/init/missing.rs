//! What the exports found do not carry, and which tables stay empty for want of it.

use std::collections::{BTreeMap, BTreeSet};

use super::recognise::Recognised;
use crate::contract::{Area, Catalog, words};

/// Columns without which much is said of nobody, by table.
const TELLING: [(&str, &[&str]); 3] = [
    ("workers", &["org_id", "manager_id", "leader_band", "hire_date", "function", "location"]),
    ("enrollments", &["due_at", "assigned_at", "completed_at", "required"]),
    ("users", &["employee_no", "email"]),
];
/// Tables that a line names at most.
const LISTED: usize = 4;

/// Lines for the canon tables that nothing fills, with the marts that need them, and for columns that are empty in the others.
pub(super) fn of(feeds: &[&Recognised], catalog: &Catalog) -> String {
    let filled: BTreeSet<&str> = feeds.iter().map(|feed| feed.table.as_str()).collect();
    let mut lost: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for mart in catalog.tables().filter(|table| table.area == Area::Marts) {
        for needed in mart.needs.iter().filter(|table| !filled.contains(table.as_str())) {
            lost.entry(needed).or_default().push(&mart.name);
        }
    }
    let mut text = String::new();
    for (table, marts) in &lost {
        let mut named: Vec<String> = marts.iter().take(LISTED).map(|mart| (*mart).to_owned()).collect();
        if marts.len() > LISTED {
            named.push(format!("{} more", marts.len() - LISTED));
        }
        let stay = if marts.len() == 1 { "stays" } else { "stay" };
        text += &format!("nothing fills {table}: {} {stay} empty\n", words::and(&named));
    }
    for (table, columns) in TELLING.iter().filter(|(table, _)| filled.contains(table)) {
        let none = |column: &&&str| !feeds.iter().any(|feed| feed.table == *table && feed.feed.maps(column));
        let empty: Vec<String> = columns.iter().filter(none).map(|column| (*column).to_owned()).collect();
        if !empty.is_empty() {
            text += &format!("{table}: no export carries {}\n", words::or(&empty));
        }
    }
    text
}
