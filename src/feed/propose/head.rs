//! The beginning of an export as a table: its form, the names of its columns and some of its records.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::{guess, profile};
use crate::feed::feed::{Csv, FileFormat};
use crate::feed::limits::Limits;
use crate::feed::read::bytes::Unpacked;
use crate::feed::read::scan::split;
use crate::feed::read::xlsx;
use crate::feed::reject::{Reason, Refusal};

/// Bytes of the head that are looked at, and records of it.
const BYTES: usize = 1 << 20;
const RECORDS: usize = 300;
/// Lines within which the header is looked for.
const LINES: usize = 40;

/// How an export is written, its columns, and a few of its records.
pub(super) struct Head {
    pub format: FileFormat,
    /// Of CSV: what stands between fields, and around them.
    pub delimiter: char,
    pub quote: Option<char>,
    pub terminator: Option<&'static str>,
    pub encoding: Option<&'static str>,
    /// The line or row of the header, from 1 on.
    pub header_row: usize,
    /// The path of the array in a JSON document.
    pub root: Option<String>,
    /// The path of the array in each record of which every element is a record.
    pub explode: Option<String>,
    pub names: Vec<String>,
    pub rows: Vec<Vec<String>>,
    /// The columns are named: by a header that says something, or by keys.
    pub is_named: bool,
}

impl Head {
    /// # Errors
    /// The file is empty, damaged, or in no format the gate reads.
    pub fn read(bytes: &Bytes) -> Result<Head, Refusal> {
        if bytes.starts_with(b"PAR1") {
            return Head::parquet(bytes);
        }
        let limits = Limits { decompressed_bytes: 1 << 40, ratio: 10_000, ..Limits::default() };
        if xlsx::is_workbook(&bytes[..bytes.len().min(1 << 16)]) {
            return Head::sheet(xlsx::head(bytes, &limits, RECORDS + LINES)?);
        }
        let mut unpacked = Unpacked::new(bytes, &limits)?;
        let mut raw = Vec::new();
        while raw.len() < BYTES && unpacked.fill(&mut raw)? {}
        let is_whole = raw.len() < BYTES;
        let (text, encoding) = decode(&raw);
        let text = text.trim_start_matches('\u{feff}');
        match text.trim_start().as_bytes().first() {
            None => Err(Refusal::new(Reason::EmptyFile, "")),
            // A title in brackets is no array.
            Some(b'{' | b'[') if !text.trim_start()[1..].trim_start().starts_with(|c: char| c.is_alphabetic()) => {
                Head::json(text.trim_start())
            }
            Some(b'<') => Err(Refusal::new(Reason::NotCsv, "a web page or XML")),
            Some(b'P') if raw.starts_with(b"PK\x03\x04") => Err(Refusal::new(Reason::NotCsv, "a ZIP archive")),
            Some(b'%') if raw.starts_with(b"%PDF") => Err(Refusal::new(Reason::NotCsv, "a PDF")),
            Some(_) => {
                // The last line of a cut text is half a line.
                let text = if is_whole { text } else { &text[..=text.rfind('\n').unwrap_or(text.len() - 1)] };
                let mut head = Head::csv(text);
                head.encoding = encoding;
                Ok(head)
            }
        }
    }

    fn of(format: FileFormat, names: Vec<String>, rows: Vec<Vec<String>>) -> Head {
        Head {
            format,
            delimiter: ',',
            quote: Some('"'),
            terminator: None,
            encoding: None,
            header_row: 1,
            root: None,
            explode: None,
            names,
            rows,
            is_named: true,
        }
    }

    fn csv(text: &str) -> Head {
        let terminator = text.contains("!##!").then_some("!##!");
        let cut = |delimiter: char, quote: Option<char>, from: &str| {
            let csv = Csv {
                delimiter: delimiter as u8,
                quote: quote.map(|quote| quote as u8),
                escape: None,
                terminator: terminator.map(|text| text.as_bytes().to_vec()),
                header_row: 1,
                footer_rows: 0,
            };
            split(from.as_bytes(), &csv, RECORDS)
        };
        let is_single = |text: &str| text.len() > 1 && text.starts_with('\'') && text.ends_with('\'');
        let quote = |delimiter: char| {
            let fields: Vec<&str> = text.lines().take(20).flat_map(|line| line.split(delimiter)).collect();
            let single = fields.iter().filter(|field| is_single(field.trim())).count();
            if single * 2 > fields.len() { '\'' } else { '"' }
        };
        // The delimiter that cuts most records into the same number of fields, the more the better.
        let evenness = |delimiter: &char| {
            let mut widths: BTreeMap<usize, usize> = BTreeMap::new();
            for record in cut(*delimiter, Some(quote(*delimiter)), text) {
                *widths.entry(record.len()).or_default() += 1;
            }
            let (width, count) =
                widths.into_iter().max_by_key(|(width, count)| width.min(&8) * count).unwrap_or((0, 0));
            if width < 2 { 0 } else { width.min(8) * count }
        };
        let delimiter = [',', ';', '\t', '|'].into_iter().rev().max_by_key(evenness).unwrap_or(',');
        let quote = quote(delimiter);
        let lines: Vec<(usize, &str)> = line_starts(text, terminator).take(LINES).collect();
        let headers = lines.iter().map(|(_, rest)| {
            let line = rest.split(terminator.unwrap_or("\n")).next().unwrap_or_default();
            cut(delimiter, Some(quote), line.trim_end_matches('\r')).into_iter().next().unwrap_or_default()
        });
        let (at, is_named) = header_of(&headers.collect::<Vec<_>>());
        let mut records =
            lines.get(at).map(|(_, rest)| cut(delimiter, Some(quote), rest)).unwrap_or_default().into_iter();
        let names = records.next().unwrap_or_default();
        let rows = records.filter(|row| row.len() == names.len()).collect();
        Head {
            delimiter,
            quote: Some(quote),
            terminator,
            header_row: lines.get(at).map_or(1, |(number, _)| *number),
            is_named,
            ..Head::of(FileFormat::Csv, names, rows)
        }
    }

    fn sheet(rows: Vec<(usize, Vec<String>)>) -> Result<Head, Refusal> {
        if rows.is_empty() {
            return Err(Refusal::new(Reason::EmptyFile, "the sheet is empty"));
        }
        let first: Vec<Vec<String>> = rows.iter().take(LINES).map(|(_, row)| row.clone()).collect();
        let (at, is_named) = header_of(&first);
        let names = rows[at].1.clone();
        let fit = |mut row: Vec<String>| {
            row.resize(names.len(), String::new());
            row
        };
        let header_row = rows[at].0;
        let below: Vec<Vec<String>> = rows.into_iter().skip(at + 1).map(|(_, row)| fit(row)).collect();
        Ok(Head { header_row, is_named, ..Head::of(FileFormat::Xlsx, names, below) })
    }

    fn json(text: &str) -> Result<Head, Refusal> {
        let lines: Vec<serde_json::Value> =
            text.lines().take(RECORDS).map_while(|line| serde_json::from_str(line).ok()).collect();
        let is_lines = lines.len() > 1 && lines.iter().all(serde_json::Value::is_object);
        let (format, root, records) = if is_lines {
            (FileFormat::Ndjson, None, lines)
        } else {
            let values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
            let document = values.map_while(Result::ok).next().unwrap_or_else(|| cut_array(text));
            let mut arrays = Vec::new();
            collect_arrays("", &document, &mut arrays);
            match arrays.into_iter().max_by_key(|(path, list)| (list.len(), std::cmp::Reverse(path.len()))) {
                Some((path, list)) => (
                    FileFormat::JsonArray,
                    (!path.is_empty()).then_some(path),
                    list.iter().take(RECORDS).cloned().collect(),
                ),
                None if document.is_object() => (FileFormat::Ndjson, None, vec![document]),
                None => return Err(Refusal::new(Reason::NotNdjson, "no array of objects")),
            }
        };
        let explode = inner_array(&records);
        let objects: Vec<Vec<(String, String)>> = match &explode {
            Some(key) => records.iter().flat_map(|record| exploded(record, key)).take(RECORDS).collect(),
            None => records.iter().map(|value| flatten("", value)).collect(),
        };
        let mut names: Vec<String> = Vec::new();
        let mut seen = BTreeSet::new();
        for (name, _) in objects.iter().flatten() {
            if seen.insert(name.clone()) {
                names.push(name.clone());
            }
        }
        let row = |object: &Vec<(String, String)>| {
            let cells: BTreeMap<&str, &str> = object.iter().map(|(key, value)| (&**key, &**value)).collect();
            names
                .iter()
                .map(|name| cells.get(name.as_str()).map_or_else(String::new, |text| (*text).to_owned()))
                .collect()
        };
        let rows = objects.iter().map(row).collect();
        Ok(Head { root, explode, ..Head::of(format, names, rows) })
    }

    fn parquet(bytes: &Bytes) -> Result<Head, Refusal> {
        let read = || {
            use parquet::file::reader::{FileReader, SerializedFileReader};
            let reader = SerializedFileReader::new(bytes.clone()).ok()?;
            let fields = reader.metadata().file_metadata().schema_descr().root_schema().get_fields().to_vec();
            let names: Vec<String> = fields.iter().map(|field| field.name().to_owned()).collect();
            let rows = reader.get_row_iter(None).ok()?.take(RECORDS).map_while(Result::ok);
            let rows = rows.map(|row| row.get_column_iter().map(|(_, field)| shown(field)).collect()).collect();
            Some(Head::of(FileFormat::Parquet, names, rows))
        };
        // The decoder may panic on a damaged file.
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
        read.ok().flatten().ok_or_else(|| Refusal::new(Reason::CorruptParquet, ""))
    }

    pub fn is_json(&self) -> bool {
        matches!(self.format, FileFormat::Ndjson | FileFormat::JsonArray)
    }

    /// The values of a column in the sample that say something, without spaces around them.
    pub fn values(&self, at: usize) -> Vec<&str> {
        let is_value = |text: &&str| !matches!(*text, "" | "null" | "NULL" | "N/A" | "n/a" | "-" | "--");
        self.rows.iter().filter_map(|row| row.get(at)).map(|text| text.trim()).filter(is_value).collect()
    }
}

fn shown(field: &parquet::record::Field) -> String {
    match field {
        parquet::record::Field::Null => String::new(),
        parquet::record::Field::Str(text) => text.clone(),
        other => other.to_string().trim_matches('"').to_owned(),
    }
}

/// The text of a head: UTF-8, else UTF-16 by its mark, else Windows-1252, with the name of what is not the usual.
fn decode(raw: &[u8]) -> (String, Option<&'static str>) {
    if raw.starts_with(&[0xff, 0xfe]) || raw.starts_with(&[0xfe, 0xff]) {
        let (text, _, _) =
            if raw[0] == 0xff { encoding_rs::UTF_16LE.decode(raw) } else { encoding_rs::UTF_16BE.decode(raw) };
        return (text.into_owned(), Some("utf-16"));
    }
    match std::str::from_utf8(raw) {
        Ok(text) => (text.to_owned(), None),
        // A character may be cut at the end of the head.
        Err(error) if error.error_len().is_none() => {
            (String::from_utf8_lossy(&raw[..error.valid_up_to()]).into_owned(), None)
        }
        Err(_) => (encoding_rs::WINDOWS_1252.decode(raw).0.into_owned(), Some("windows-1252")),
    }
}

/// The lines of a text with their numbers, each with all that follows it.
fn line_starts<'t>(text: &'t str, terminator: Option<&'t str>) -> impl Iterator<Item = (usize, &'t str)> {
    let end = terminator.unwrap_or("\n");
    let mut rest = Some(text);
    let starts = std::iter::from_fn(move || {
        let now = rest.filter(|text| !text.is_empty())?;
        rest = now.split_once(end).map(|(_, after)| after);
        Some(now)
    });
    starts.enumerate().map(|(at, rest)| (at + 1, rest)).filter(|(_, rest)| !rest.starts_with(['\n', '\r']))
}

/// Which of the first rows is the header, and whether its names say so: the one with the most names that exports use.
fn header_of(rows: &[Vec<String>]) -> (usize, bool) {
    // What no header has: addresses, dates, numbers.
    let is_value = |name: &String| {
        let name = name.trim();
        profile::is_email(name)
            || profile::is_date(name)
            || name.len() > 2 && name.bytes().all(|byte| byte.is_ascii_digit())
    };
    let known = |row: &Vec<String>| {
        if row.iter().any(is_value) { 0 } else { row.iter().filter(|name| guess::is_known(name)).count() }
    };
    let filled = |row: &Vec<String>| row.iter().filter(|name| !name.trim().is_empty()).count();
    let best = (0..rows.len()).max_by_key(|&at| (known(&rows[at]), std::cmp::Reverse(at)));
    match best {
        Some(at) if known(&rows[at]) > 0 && known(&rows[at]) * 8 >= filled(&rows[at]) => (at, true),
        // Nothing known: the first row that is as wide as the widest.
        _ => {
            let widest = rows.iter().map(filled).max().unwrap_or_default();
            (rows.iter().position(|row| filled(row) == widest).unwrap_or_default(), false)
        }
    }
}

/// The whole objects of an array that is cut off, in whatever it lies.
fn cut_array(text: &str) -> serde_json::Value {
    let mut objects = Vec::new();
    let mut rest = text.find('[').map_or("", |at| &text[at + 1..]);
    while objects.len() < RECORDS {
        rest = rest.trim_start_matches([',', ' ', '\n', '\r', '\t']);
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<serde_json::Value>();
        let Some(Ok(value)) = values.next() else { break };
        rest = &rest[values.byte_offset()..];
        objects.push(value);
    }
    let array = serde_json::Value::Array(objects);
    // What stands before the array are the keys that lead to it.
    let before = text.find('[').map_or("", |at| &text[..at]);
    let keys: Vec<&str> = before.split('"').skip(1).step_by(2).collect();
    keys.into_iter().rev().fold(array, |inner, key| serde_json::json!({ key: inner }))
}

/// All arrays of objects with their paths.
fn collect_arrays<'v>(path: &str, value: &'v serde_json::Value, found: &mut Vec<(String, &'v Vec<serde_json::Value>)>) {
    match value {
        serde_json::Value::Array(list) if !list.is_empty() && list.iter().all(serde_json::Value::is_object) => {
            found.push((path.to_owned(), list));
        }
        serde_json::Value::Object(object) => {
            for (key, inner) in object {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                collect_arrays(&path, inner, found);
            }
        }
        _ => {}
    }
}

/// The one array of objects that most records have, if there is one.
fn inner_array(records: &[serde_json::Value]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (key, value) in records.iter().filter_map(serde_json::Value::as_object).flatten() {
        if value.as_array().is_some_and(|list| !list.is_empty() && list.iter().all(serde_json::Value::is_object)) {
            *counts.entry(key).or_default() += 1;
        }
    }
    let mut often = counts.into_iter().filter(|(_, count)| count * 2 > records.len());
    let first = often.next().map(|(key, _)| key.to_owned());
    first.filter(|_| often.next().is_none())
}

/// One record for each element of an array, the fields around it repeated.
fn exploded(record: &serde_json::Value, key: &str) -> Vec<Vec<(String, String)>> {
    let around = flatten("", record);
    let elements = record.get(key).and_then(serde_json::Value::as_array).map_or(&[][..], Vec::as_slice);
    elements.iter().map(|element| around.iter().cloned().chain(flatten(key, element)).collect()).collect()
}

fn flatten(prefix: &str, value: &serde_json::Value) -> Vec<(String, String)> {
    match value {
        serde_json::Value::Object(object) => {
            let step = |key: &str| if key.contains(['.', '[']) { format!("\"{key}\"") } else { key.to_owned() };
            let name = |key: &str| if prefix.is_empty() { step(key) } else { format!("{prefix}.{}", step(key)) };
            object.iter().flat_map(|(key, value)| flatten(&name(key), value)).collect()
        }
        serde_json::Value::Array(_) => Vec::new(),
        serde_json::Value::Null => vec![(prefix.to_owned(), String::new())],
        serde_json::Value::String(text) => vec![(prefix.to_owned(), text.clone())],
        other => vec![(prefix.to_owned(), other.to_string())],
    }
}
