//! `feed propose` over every export that a shipped feed knows: its usual case and the one with other headers, without the feed's help.
//!
//! Right: the draft fills the table that the shipped feed fills (of several feeds over one file, the one of acts). Usable: without an edit
//! it loads, takes at least nine of ten of the records that the shipped feed takes, and tells the same people and things apart. Exact: it
//! also reads the same in every required column of all of them, which for states takes somebody who knows the vendor.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use uptake::contract::Catalog;
use uptake::feed::propose::{Asked, propose};
use uptake::feed::{self, Context, Delivery, Feed, Pseudonyms, Stop};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampMicrosecondType;
use arrow::util::display::array_value_to_string;

/// Of ten exports so many have to be given the right table, and so many be usable as they are.
const RIGHT: f64 = 0.9;
const USABLE: f64 = 0.6;

/// An export: the feeds that read it, and one of its files.
struct Export {
    feeds: Vec<Feed>,
    case: String,
    name: String,
    bytes: Bytes,
}

#[test]
fn nine_of_ten_exports_get_the_right_table_and_six_a_draft_that_is_usable_as_it_is() {
    let catalog = Catalog::load().expect("contracts");
    let exports = exports(&catalog);
    assert!(exports.len() > 40, "{} exports", exports.len());
    let (mut right, mut usable, mut exact, mut said) = (0, 0, 0, Vec::new());
    for export in &exports {
        let asked = Asked { zone: Some("UTC"), ..Asked::default() };
        let draft = match propose(&export.name, &export.bytes, asked, &catalog) {
            Ok(draft) => draft,
            Err(refusal) => {
                said.push(format!("{}: refused, {refusal}", export.case));
                continue;
            }
        };
        let Some(feed) = export.feeds.iter().find(|feed| feed.fills == draft.table) else {
            let wanted: Vec<&str> = export.feeds.iter().map(|feed| feed.fills.as_str()).collect();
            said.push(format!("{}: {} for {}", export.case, draft.table, wanted.join(" or ")));
            continue;
        };
        right += 1;
        let reads = if draft.shipped.is_some_and(|name| feed.name == name) {
            Reads::Exactly
        } else {
            reads(feed, &draft.text, export, &catalog)
        };
        match reads {
            Reads::Not(what) => said.push(format!("{}: not usable: {what}", export.case)),
            Reads::Usably(what) => {
                usable += 1;
                said.push(format!("{}: {what}", export.case));
            }
            Reads::Exactly => {
                usable += 1;
                exact += 1;
            }
        }
    }
    let share = |count: u32| f64::from(count) / exports.len() as f64;
    let (right, usable, exact) = (share(right), share(usable), share(exact));
    let score = format!(
        "{} exports: the right table for {:.0} %, usable without an edit {:.0} %, exact {:.0} %\n{}",
        exports.len(),
        right * 100.0,
        usable * 100.0,
        exact * 100.0,
        said.join("\n")
    );
    if let Some(path) = std::env::var_os("UPTAKE_WRITE_PROPOSALS") {
        std::fs::write(path, &score).expect("a file");
    }
    assert!(right >= RIGHT && usable >= USABLE, "{score}");
}

#[test]
fn no_draft_shows_a_value_of_the_file_it_was_made_of() {
    let catalog = Catalog::load().expect("contracts");
    let text = "Personalnummer;Name;E-Mail;Status;Abteilung;Eintrittsdatum;Notiz\n\
        100077;Ann Example;ann@firm.example;Sabbatjahr;Vertrieb Nord;03.02.2020;spricht Latein\n\
        100078;Bob Example;bob@firm.example;aktiv;Vertrieb Nord;04.02.2020;Geheimnis\n";
    let draft = propose("mitarbeiter_2026-03-01.csv", &Bytes::from(text), Asked::default(), &catalog).expect("a draft");
    assert_eq!(draft.table, "workers", "{}", draft.text);
    for value in ["100077", "Ann", "ann@", "Sabbatjahr", "sabbatjahr", "Vertrieb", "Latein", "Geheimnis", "2020"] {
        assert!(!draft.text.contains(value), "{value}\n{}", draft.text);
    }
    let headless = text.lines().skip(1).collect::<Vec<_>>().join("\n");
    let draft = propose("mitarbeiter.csv", &Bytes::from(headless), Asked::default(), &catalog).expect("a draft");
    for value in ["100077", "Ann", "ann@", "Vertrieb"] {
        assert!(!draft.text.contains(value), "{value}\n{}", draft.text);
    }
}

/// How a draft reads an export, beside the shipped feed; with what differs.
enum Reads {
    Not(String),
    Usably(String),
    Exactly,
}

fn reads(shipped: &Feed, draft: &str, export: &Export, catalog: &Catalog) -> Reads {
    let draft = match Feed::parse("draft", draft, catalog) {
        Ok(feed) => feed,
        Err(error) => return Reads::Not(error.to_string()),
    };
    let table = catalog.table(&shipped.fills).expect("a table");
    let required: Vec<&str> = table
        .columns
        .iter()
        .filter(|column| {
            column.required && !column.transient && !["event_id", "contribution_id"].contains(&&*column.name)
        })
        .filter(|column| column.made_day().is_none())
        .map(|column| column.name.as_str())
        .collect();
    let wanted = rows(shipped, export, catalog, &required).expect("the shipped feed reads its own case");
    let found = match rows(&draft, export, catalog, &required) {
        Ok(found) => found,
        Err(what) => return Reads::Not(what),
    };
    let taken: Vec<(&String, &Vec<String>, &Vec<String>)> =
        wanted.iter().filter_map(|(row, values)| Some((row, values, found.get(row)?))).collect();
    let missing = wanted.keys().find(|row| !found.contains_key(*row)).map(|row| format!("record {row} is not taken"));
    if taken.len() * 10 < wanted.len() * 9 {
        return Reads::Not(missing.unwrap_or_default());
    }
    // Which of several ids of a person or a course is taken is a choice: the same records are to be about the same.
    for (at, column) in required.iter().enumerate().filter(|(_, column)| column.ends_with("_id")) {
        let pairs: BTreeSet<(&str, &str)> = taken.iter().map(|(_, one, other)| (&*one[at], &*other[at])).collect();
        let (ours, theirs): (BTreeSet<&str>, BTreeSet<&str>) = pairs.iter().copied().unzip();
        if pairs.len() != ours.len() || pairs.len() != theirs.len() {
            return Reads::Not(format!("{column} does not tell the same apart"));
        }
    }
    let apart = taken.iter().find_map(|(row, one, other)| {
        let mut columns = required.iter().zip(one.iter().zip(other.iter()));
        // The first day of a snapshot's rows is another choice.
        let differs = columns
            .find(|(column, (one, other))| !(column.ends_with("_id") || **column == "effective_from") && one != other);
        differs.map(|(column, (one, other))| format!("record {row}: {column} is `{other}`, wanted `{one}`"))
    });
    match missing.or(apart) {
        None => Reads::Exactly,
        Some(what) => Reads::Usably(what),
    }
}

type Rows = BTreeMap<String, Vec<String>>;

fn rows(feed: &Feed, export: &Export, catalog: &Catalog, columns: &[&str]) -> Result<Rows, String> {
    let mut feed = feed.clone();
    feed.limits.rejected_share = 1.0;
    let as_of = "2026-03-31T00:00:00Z".parse().expect("a time");
    let path = export.name.clone();
    let delivery =
        Delivery { feed: feed.name.clone(), path, size: export.bytes.len() as u64, etag: None, known_at: as_of };
    let context = Context::new(catalog.table(&feed.fills).expect("a table"), as_of, &Pseudonyms::Off);
    let mut rows = Rows::new();
    let mut sink = |batch: RecordBatch| {
        let value = |column: &str, row: usize| {
            let array = batch.column_by_name(column).expect("a column");
            match array.as_primitive_opt::<TimestampMicrosecondType>() {
                _ if array.is_null(row) => String::new(),
                Some(instants) => instants.value(row).to_string(),
                None => array_value_to_string(array, row).expect("a value").to_lowercase(),
            }
        };
        for row in 0..batch.num_rows() {
            rows.insert(value("_row", row), columns.iter().map(|column| value(column, row)).collect());
        }
        Ok::<(), std::convert::Infallible>(())
    };
    match feed::read(&feed, &context, &delivery, &export.bytes, &mut sink) {
        Ok(_) => Ok(rows),
        Err(Stop::Refused(refusal)) => Err(refusal.sentence()),
    }
}

/// The usual case of every shipped feed, and the one with other headers, where the feed takes all of it. Files that several feeds read
/// are one export; what they tell of people or content beside acts is no reading of its own.
fn exports(catalog: &Catalog) -> Vec<Export> {
    let beside: BTreeSet<&str> = ["users", "content", "identity_links", "org_units"].into();
    let mut found: BTreeMap<Bytes, Export> = BTreeMap::new();
    for path in
        entries(Path::new("schemas/feed")).into_iter().filter(|path| path.extension().is_some_and(|end| end == "toml"))
    {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).expect("a feed");
        let feed = Feed::parse(&name, &text, catalog).expect("a feed");
        // What completes another export, or is read beside it out of the same file, is no export of its own.
        if feed.completes.is_some() || !feed.shares.is_empty() && beside.contains(feed.fills.as_str()) {
            continue;
        }
        for case in ["basic", "renamed_headers"] {
            let folder = PathBuf::from("tests/feed").join(&name).join(case);
            let Some(file) = entries(&folder).into_iter().find(|path| path.to_string_lossy().contains("/delivery."))
            else {
                continue;
            };
            let bytes = Bytes::from(std::fs::read(&file).expect("a file"));
            let ending = file.extension().expect("an ending").to_string_lossy().into_owned();
            let export = found.entry(bytes.clone()).or_insert_with(|| Export {
                feeds: Vec::new(),
                case: format!("{name}/{case}"),
                name: format!("{name}_2026-03-30.{ending}"),
                bytes,
            });
            export.feeds.push(feed.clone());
        }
    }
    let mut exports: Vec<Export> = found.into_values().collect();
    for export in &mut exports {
        if export.feeds.iter().any(|feed| !beside.contains(feed.fills.as_str())) {
            export.feeds.retain(|feed| !beside.contains(feed.fills.as_str()));
        }
    }
    exports.retain(|export| {
        let first = &export.feeds[0];
        rows(first, export, catalog, &[]).is_ok_and(|rows| !rows.is_empty())
    });
    exports.sort_by(|one, other| one.case.cmp(&other.case));
    exports
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.sort();
    paths
}
