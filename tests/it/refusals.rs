//! What is refused can be understood: from the last line of the run, from `inspect`, and from the tables of operators.

use crate::world::{Kind, Setup, World};

const GATE: i32 = 3;

/// Acts of which so many have a day in another form.
fn acts(good: usize, bad: usize) -> String {
    let good = (0..good).map(|act| format!("g{act},2026-03-01T09:00:00Z,u1,completed\n"));
    let bad = (0..bad).map(|act| format!("b{act},1.3.2026 {}:15,u1,completed\n", act % 10));
    format!("event_id,occurred_at,user_id,verb\n{}", good.chain(bad).collect::<String>())
}

fn on_disk(setup: Setup) -> World {
    World::at(Kind::Disk, setup).expect("a folder")
}

fn said(world: &World, words: &str) -> (i32, String, String) {
    let output = world.process(words);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_message_of_a_held_back_run_names_delivery_gate_column_share_form_and_next_step() {
    let world = on_disk(Setup::default());
    world.deliver("activity_2026-03-02.csv", acts(118, 82));
    let (code, _, error) = said(&world, "run JOB --as-of 2026-03-03");
    assert_eq!(code, GATE, "{error}");
    for part in [
        "activity_2026-03-02.csv was refused by the gate reject_share",
        "41 % (82 of 200 records), and the feed allows 5 %",
        "mostly occurred_at, in 82 records",
        "[ts_format]",
        "declared: `iso`",
        "found: `9.9.9999 9:99`",
        "`date = \"%d.%m.%Y %H:%M\"`",
        "`uptake inspect JOB activity_2026-03-02.csv`",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(!error.contains("1.3.2026"), "{error}");
}

#[test]
fn a_tolerated_refusal_stands_in_deliveries_quarantine_and_data_quality_and_can_be_inspected() {
    let world = on_disk(Setup { refused: vec!["canonical_activity"], ..Setup::default() });
    world.deliver("users_2026-03-02.csv", "user_id,employee_no,kind\nu1,n1,learner\n");
    world.deliver("activity_2026-03-02.csv", acts(10, 1_490));
    let (code, _, error) = said(&world, "run JOB --as-of 2026-03-03");
    assert_eq!(code, 0, "{error}");
    let delivery = |row: &&crate::world::Row| row["delivery"] == "activity_2026-03-02.csv";
    let deliveries = world.table("ops/deliveries");
    let refused = deliveries.iter().find(delivery).expect("its row");
    assert_eq!((refused["status"].as_str(), refused["reason_code"].as_str()), ("refused", "reject_share"));
    let quarantine = world.table("ops/quarantine");
    assert_eq!(quarantine.iter().filter(delivery).count(), 1_000, "up to a cap");
    let first = quarantine.iter().filter(delivery).find(|row| row["record"] == "11").expect("the first one");
    assert_eq!(
        [&first["column_name"], &first["reason_code"], &first["found"], &first["declared"], &first["nearest"]],
        ["occurred_at", "ts_format", "9.9.9999 9:99", "`iso`", "`date = \"%d.%m.%Y %H:%M\"` and a `zone`"]
    );
    let quality = world.table("ops/data_quality");
    let counted = quality.iter().filter(delivery).find(|row| row["reason_code"] == "ts_format").expect("its count");
    assert_eq!((counted["affected"].as_str(), counted["out_of"].as_str()), ("1490", "1500"), "complete all the same");
    let (code, told, _) = said(&world, "inspect JOB activity_2026-03-02.csv");
    assert_eq!(code, 0);
    assert!(told.contains("1,490 × occurred_at") && told.contains("record 20, byte"), "{told}");
    assert!(!told.contains("record 21, byte") && !told.contains("1.3.2026"), "{told}");
    let (_, json, _) = said(&world, "inspect JOB activity_2026-03-02.csv --json");
    assert!(json.contains("\"told\":{\"refused\":\"reject_share\",\"read\":1500"), "{json}");
}

#[test]
fn a_column_whose_values_are_not_read_is_named_with_what_would_read_it() {
    let world = on_disk(Setup::default());
    let rows: String = (0..120).map(|user| format!("u{user},c1,completed,2026-03-01,\"0,75\"\n")).collect();
    world.deliver("enrollments_2026-03-02.csv", format!("user_id,content_id,status,completed_at,score\n{rows}"));
    let (code, _, error) = said(&world, "run JOB --as-of 2026-03-03");
    assert_eq!(code, GATE, "{error}");
    for part in [
        "dropped_share",
        "100 % of score (120 of 120 values)",
        "allows 50 %",
        "found: `9,99`",
        "`decimal_comma = true`",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn a_delivery_without_its_header_can_be_inspected_too() {
    let world = on_disk(Setup { refused: vec!["canonical_users"], ..Setup::default() });
    world.deliver("users_2026-03-02.csv", "user_id;kind\nu1;learner\n");
    assert_eq!(said(&world, "run JOB --as-of 2026-03-03").0, 0);
    let (code, told, _) = said(&world, "inspect JOB users_2026-03-02.csv");
    assert_eq!(code, 0);
    assert!(told.contains("missing_column") && told.contains("delimiter = \";\""), "{told}");
}

#[test]
fn what_an_accepted_delivery_lost_is_told_from_quarantine_with_counts_places_and_shapes() {
    let world = on_disk(Setup::default());
    world.deliver("activity_2026-03-02.csv", acts(118, 2));
    assert_eq!(said(&world, "run JOB --as-of 2026-03-03").0, 0);
    let (code, told, _) = said(&world, "inspect JOB activity_2026-03-02.csv");
    assert_eq!(code, 0);
    for part in [
        "accepted",
        "2 of 120 records (1.7 %) were rejected",
        "2 × occurred_at",
        "found:    `9.9.9999 9:99` (2)",
        "nearest:  `date = \"%d.%m.%Y %H:%M\"`",
        "record 119, byte",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn the_log_of_commits_tells_a_vacuum_from_a_run() {
    let world = on_disk(Setup::default());
    for day in ["2026-03-02", "2026-03-03", "2026-03-04"] {
        world.deliver(&format!("users_{day}.csv"), format!("user_id,employee_no,kind\nu1,{day},learner\n"));
        assert_eq!(said(&world, &format!("run JOB --as-of {day}T12:00:00Z")).0, 0);
    }
    let (code, _, error) = said(&world, "vacuum JOB --keep 1 --grace-hours 0 --execute");
    assert_eq!(code, 0, "{error}");
    let (_, json, _) = said(&world, "inspect JOB --json");
    let commits: Vec<serde_json::Value> = serde_json::from_str(&json).expect("a list");
    let of = |maker: &str| commits.iter().filter(|commit| commit["made_by"] == maker).collect::<Vec<_>>();
    assert_eq!(of("run").len(), 3, "{json}");
    assert!(!of("vacuum").is_empty() && of("vacuum").iter().all(|commit| commit["rows_read"] == 0), "{json}");
    assert!(of("run").iter().any(|commit| commit["rows_read"] == 1), "{json}");
}
