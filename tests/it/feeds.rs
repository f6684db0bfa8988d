//! Every shipped feed against its cases: `tests/feed/<feed>/<case>/delivery.*` through the gate gives `accepted.csv` and
//! `rejected.csv` (record `file` where the whole delivery is refused, `dropped` and their number for values left out). No list of cases stands here: a folder is a case, and a feed without the seven usual ones fails.
//!
//! `UPTAKE_BLESS=1` writes the expectations instead; read them before you keep them.
#![allow(clippy::print_stderr)] // a test that skips says so

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::util::display::array_value_to_string;
use bytes::Bytes;
use uptake::contract::Catalog;
use uptake::contract::arrow::{DELETED, ROW};
use uptake::feed::{self, Context, Delivery, Feed, Intake, Pseudonyms, Refusal, Stop};

const USUAL: [&str; 7] =
    ["basic", "bad_rows", "renamed_headers", "unknown_values", "empty", "truncated", "wrong_encoding"];

#[test]
fn every_feed_reads_its_cases_as_expected() {
    let catalog = Catalog::load().expect("contracts");
    let mut wrong = Vec::new();
    for feed in feeds(&catalog) {
        let folder = root().join("tests/feed").join(&feed.name);
        let cases: BTreeSet<String> =
            entries(&folder).iter().filter(|path| path.is_dir()).map(|path| stem(path)).collect();
        wrong.extend(
            USUAL.iter().filter(|case| !cases.contains(**case)).map(|case| format!("{}: no case {case}", feed.name)),
        );
        for case in cases {
            if let Err(what) = check(&feed, &catalog, &folder.join(&case)) {
                wrong.push(format!("{}/{case}: {what}", feed.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_feed_has_a_canon_table_and_every_input_table_a_canonical_feed() {
    let catalog = Catalog::load().expect("contracts");
    let names: BTreeSet<String> = feeds(&catalog).into_iter().map(|feed| feed.name).collect();
    for table in [
        "workers",
        "org_units",
        "users",
        "identity_links",
        "content",
        "enrollments",
        "activity",
        "contributions",
        "reactions",
        "submissions",
        "rubric_scores",
        "measures",
        "milestones",
        "events",
    ] {
        assert!(names.contains(&format!("canonical_{table}")), "no canonical_{table}");
    }
}

#[test]
fn real_xapi_statements_are_all_read() {
    let Some(bytes) = real("datasim_xapi/tccc_dev.json.gz") else { return };
    let (batches, intake) = read_with("xapi_statements", "statements_2020-03-01.json.gz", &bytes);
    assert_eq!((intake.read, intake.accepted), (2_814, 2_814));
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2_814);
    // 154 submitted and 118 skipped, too, have a word.
    assert_eq!(intake.unknown_values, []);
}

#[test]
fn the_real_statement_of_a_team_is_refused_because_a_team_is_no_person() {
    let Some(bytes) = real("datasim_xapi/long.json") else { return };
    let one = [b"[".as_slice(), &bytes, b"]"].concat();
    let catalog = Catalog::load().expect("contracts");
    let feed = feeds(&catalog).into_iter().find(|feed| feed.name == "xapi_statements").expect("a shipped feed");
    let refusal = gate(&feed, &catalog, "statements_2020-03-01.json", &Bytes::from(one)).expect_err("nothing is left");
    assert!(refusal.sentence().contains("[group_actor]"), "{}", refusal.sentence());
}

#[test]
fn real_workday_history_becomes_half_open_intervals() {
    let Some(bytes) = real("workday/workday_worker_history_data.csv") else { return };
    let (batches, intake) = read_with("workday_workers", "hris/workday/workers_2025-05-01.csv", &bytes);
    assert_eq!((intake.read, intake.accepted), (7, 7));
    let value = |column: &str, row: usize| value(batches[0].column_by_name(column).expect(column), row);
    let row = |row: usize| {
        ["worker_id", "effective_from", "effective_to", "status", "employee_no"]
            .map(|column| value(column, row))
            .join(" ")
    };
    assert_eq!(row(0), "3aa5550b7fe348b98d7b5741afc65534 2000-01-01  terminated 10010");
    assert_eq!(row(5), "aabbccdd11223344aabbccdd11223344 2024-01-01 2025-04-01 active 10030");
    assert_eq!(row(6), "aabbccdd11223344aabbccdd11223344 2025-04-01  active 10030");
}

/// Tests run in the folder of the package, so that the feeds of another checkout can be judged by the same binary.
fn root() -> PathBuf {
    PathBuf::from(".")
}

/// A delivery that no one here wrote, if the folder with them is there.
fn real(path: &str) -> Option<Bytes> {
    let path = root().join("../shared/reference/real").join(path);
    match std::fs::read(&path) {
        Ok(bytes) => Some(Bytes::from(bytes)),
        Err(_) => {
            eprintln!("skipped: {} is absent", path.display());
            None
        }
    }
}

fn feeds(catalog: &Catalog) -> Vec<Feed> {
    let files = entries(&root().join("schemas/feed"));
    let parse = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).expect("a feed file");
        Feed::parse(&stem(path), &text, catalog).unwrap_or_else(|error| panic!("{error}"))
    };
    files.iter().filter(|path| path.extension().is_some_and(|suffix| suffix == "toml")).map(parse).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn stem(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().trim_end_matches(".toml").to_owned()).unwrap_or_default()
}

fn read_with(name: &str, path: &str, bytes: &Bytes) -> (Vec<RecordBatch>, Intake) {
    let catalog = Catalog::load().expect("contracts");
    let mut feed = feeds(&catalog).into_iter().find(|feed| feed.name == name).expect("a shipped feed");
    assert!(feed.recognise(path).is_some(), "{path} is no {name}");
    feed.limits.rejected_share = 1.0;
    gate(&feed, &catalog, path, bytes).unwrap_or_else(|refusal| panic!("{refusal}"))
}

fn gate(feed: &Feed, catalog: &Catalog, path: &str, bytes: &Bytes) -> Result<(Vec<RecordBatch>, Intake), Refusal> {
    let as_of = "2026-03-31T00:00:00Z".parse().expect("a time");
    let delivery =
        Delivery { feed: feed.name.clone(), path: path.into(), size: bytes.len() as u64, etag: None, known_at: as_of };
    let context = Context::new(catalog.table(&feed.fills).expect("a table"), as_of, &Pseudonyms::Off);
    let mut batches = Vec::new();
    let mut sink = |batch| {
        batches.push(batch);
        Ok::<(), std::convert::Infallible>(())
    };
    match feed::read(feed, &context, &delivery, bytes, &mut sink) {
        Ok(intake) => Ok((batches, intake)),
        Err(Stop::Refused(refusal)) => Err(refusal),
    }
}

fn check(feed: &Feed, catalog: &Catalog, case: &Path) -> Result<(), String> {
    let delivery = entries(case).into_iter().find(|path| stem(path).starts_with("delivery.")).ok_or("no delivery.*")?;
    let bytes = Bytes::from(std::fs::read(&delivery).map_err(|cause| cause.to_string())?);
    let mut feed = feed.clone();
    // Cases are small: one bad record of three is what they are for.
    feed.limits.rejected_share = 1.0;
    let (accepted, rejected) = match gate(&feed, catalog, &stem(&delivery), &bytes) {
        Ok((batches, intake)) => (accepted(&batches), rejected(&intake)),
        Err(refusal) => {
            let offset = refusal.byte_offset.map(|offset| offset.to_string()).unwrap_or_default();
            let line = format!("file,{offset},{},{}\n", refusal.column.unwrap_or_default(), refusal.reason.code());
            (String::new(), format!("{REJECTED}{line}"))
        }
    };
    for (name, ours) in [("accepted.csv", accepted), ("rejected.csv", rejected)] {
        let path = case.join(name);
        if std::env::var_os("UPTAKE_BLESS").is_some() {
            std::fs::write(&path, &ours).map_err(|cause| cause.to_string())?;
        }
        let wanted = std::fs::read_to_string(&path).map_err(|_| format!("no {name}"))?;
        if wanted != ours {
            return Err(format!("{name} is\n{ours}wanted\n{wanted}"));
        }
    }
    Ok(())
}

const REJECTED: &str = "record,byte_offset,column,reason\n";

fn rejected(intake: &Intake) -> String {
    let rejects = intake.rejected.iter().fold(REJECTED.to_owned(), |mut text, reject| {
        let column = reject.column.as_deref().unwrap_or_default();
        let _ = writeln!(text, "{},{},{column},{}", reject.record, reject.byte_offset, reject.reason.code());
        text
    });
    intake.warnings.iter().filter(|warning| warning.code == "value_dropped").fold(rejects, |mut text, dropped| {
        let (column, reason) = (dropped.column.as_deref().unwrap_or_default(), dropped.reason.unwrap_or_default());
        let _ = writeln!(text, "dropped,{},{column},{reason}", dropped.count);
        text
    })
}

/// The rows as CSV: the record number, then every column that has a value in some row.
fn accepted(batches: &[RecordBatch]) -> String {
    let Some(batch) = batches.first() else { return String::new() };
    assert_eq!(batches.len(), 1, "cases are small");
    let deleted = batch.column_by_name(DELETED).expect("deletes").as_boolean();
    let schema = batch.schema();
    let mut names = vec![ROW];
    names.extend(schema.fields().iter().map(|field| field.name().as_str()).filter(|name| {
        let shown = if *name == DELETED { deleted.true_count() > 0 } else { *name != ROW };
        shown && batch.column_by_name(name).is_some_and(|column| column.logical_null_count() < batch.num_rows())
    }));
    let mut text = names.join(",") + "\n";
    for row in 0..batch.num_rows() {
        let cell = |name: &&str| {
            let value = value(batch.column_by_name(name).expect("a column"), row);
            if value.contains([',', '"', '\n']) { format!("\"{}\"", value.replace('"', "\"\"")) } else { value }
        };
        let _ = writeln!(text, "{}", names.iter().map(cell).collect::<Vec<_>>().join(","));
    }
    text
}

fn value(column: &ArrayRef, row: usize) -> String {
    match column.as_primitive_opt::<TimestampMicrosecondType>() {
        Some(_) if column.is_null(row) => String::new(),
        Some(instants) => {
            let at = chrono::DateTime::from_timestamp_micros(instants.value(row)).expect("in range");
            at.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string()
        }
        None => array_value_to_string(column, row).expect("a value"),
    }
}
