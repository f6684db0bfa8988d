//! Promise 3: nothing vanishes. Every record of every delivery lives in canon, or says where it went and why.

use std::collections::BTreeMap;

use crate::company::{self, Delivery, Plan};
use crate::world::{Row, World};

const PLAN: Plan = Plan { workers: 40, weeks: 6, seed: 3, bad_rows: true };

fn world(deliveries: &[Delivery], nights: usize) -> World {
    let world = World::new();
    for group in deliveries.chunks(deliveries.len().div_ceil(nights)) {
        for delivery in group {
            world.deliver(&delivery.path, &delivery.text);
        }
        world.nightly(&company::end(&PLAN).to_string());
    }
    world
}

/// Rows that live in stated canon tables, by the delivery they came with.
fn living(world: &World) -> BTreeMap<String, u64> {
    let mut living: BTreeMap<String, u64> = BTreeMap::new();
    let head = world.head().expect("a commit");
    for table in head.files.keys().filter(|table| table.starts_with("canon/")) {
        for row in world.table(table) {
            if let Some(delivery) = row.get("_delivery") {
                *living.entry(delivery.clone()).or_default() += 1;
            }
        }
    }
    living
}

#[test]
fn every_record_is_accepted_rejected_duplicate_voided_or_superseded_and_the_accepted_live_in_canon() {
    let mut deliveries = company::deliveries(&PLAN);
    let mut reversed = deliveries.clone();
    reversed.reverse();
    let mut shifted = deliveries.split_off(deliveries.len() / 2);
    shifted.extend(reversed[reversed.len() / 2..].iter().rev().cloned());
    let texts: BTreeMap<String, String> =
        reversed.iter().map(|delivery| (delivery.path.clone(), delivery.text.clone())).collect();
    let mut kinds_seen = [0u64; 4];
    for (nights, order) in [(1, &shifted), (5, &shifted), (4, &reversed)] {
        let world = world(order, nights);
        let living = living(&world);
        let ledger = world.ledger();
        assert_eq!(ledger.len(), texts.len());
        for (path, entry) in &ledger {
            let counts = entry.counts;
            let records = texts[path].lines().skip(1).filter(|line| !line.is_empty()).count() as u64;
            let bad = texts[path].lines().filter(|line| line.starts_with("bad")).count() as u64;
            assert_eq!((counts.read, counts.rejected), (records, bad), "{path}");
            assert!(counts.conserved(), "{path}: {counts:?}");
            assert_eq!(
                counts.accepted,
                living.get(path).copied().unwrap_or(0),
                "{path}: rows that live in canon; {counts:?}"
            );
            for (seen, count) in
                kinds_seen.iter_mut().zip([counts.rejected, counts.duplicate, counts.voided, counts.superseded])
            {
                *seen += count;
            }
        }
        let told: BTreeMap<String, Row> =
            world.table("ops/deliveries").into_iter().map(|row| (row["delivery"].clone(), row)).collect();
        for (path, entry) in &ledger {
            let row = &told[path];
            assert_eq!(
                (row["rows_read"].as_str(), row["rows_accepted"].as_str()),
                (&*entry.counts.read.to_string(), &*entry.counts.accepted.to_string())
            );
        }
    }
    assert!(kinds_seen.iter().all(|count| *count > 0), "the company has all kinds of dirt: {kinds_seen:?}");
}

#[test]
fn every_rejected_record_says_where_and_why_and_never_what() {
    let deliveries = company::deliveries(&PLAN);
    let world = world(&deliveries, 1);
    let texts: BTreeMap<&str, &str> =
        deliveries.iter().map(|delivery| (delivery.path.as_str(), delivery.text.as_str())).collect();
    let quarantine = world.table("ops/quarantine");
    assert_eq!(quarantine.len() as u64, PLAN.weeks * 2);
    for row in &quarantine {
        let text = texts[row["delivery"].as_str()];
        let record: usize = row["record"].parse().expect("a record number");
        let offset: usize = row["byte_offset"].parse().expect("an offset");
        let line = text.lines().nth(record).expect("a line");
        assert!(line.starts_with("bad"), "{row:?}");
        assert!(text[offset..].starts_with(line), "the record begins at its byte offset: {row:?}");
        let (column, code) = if line.contains("T99") { ("occurred_at", "ts_") } else { ("verb", "unknown_enum") };
        assert_eq!(row["column_name"], column);
        assert!(row["reason_code"].starts_with(code), "{row:?}");
        assert!(row["sentence"].split(' ').count() >= 5, "a sentence for a human: {row:?}");
    }
    for table in world.head().expect("a commit").files.keys() {
        for row in world.table(table) {
            assert!(row.values().all(|value| !value.contains("CANARY")), "{table} repeats a refused value: {row:?}");
        }
    }
}

#[test]
fn activity_of_accounts_that_match_nobody_is_counted_and_listed_by_reason() {
    let world = world(&company::deliveries(&PLAN), 1);
    let quality = world.table("ops/data_quality");
    let identity = |code: &str| {
        let row = quality.iter().find(|row| row["check_kind"] == "identity" && row["reason_code"] == code);
        row.map(|row| row["affected"].parse::<u64>().expect("a count"))
    };
    assert_eq!(identity("no_worker"), Some(1), "x9 has an address that nobody has");
    let company: u64 = world
        .table("marts/adoption_kpis")
        .iter()
        .filter(|row| row["scope_kind"] == "company" && row["grain"] == "day")
        .map(|row| row["unmatched_events"].parse::<u64>().unwrap_or(0))
        .sum();
    assert!(company > 0);
}
