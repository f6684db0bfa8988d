//! [`Feed`]: a feed file with every default resolved and every rule checked against the canon table it fills.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use chrono_tz::Tz;

use super::file::{ColumnFile, FeedFile, OneOrMany};
use super::pattern::Pattern;
use super::time::{Format, Locale};
use crate::contract::{Area, Catalog, Column, Table, Type};

/// What a delivery says about rows it does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Everything there is: what is missing has ended.
    Full,
    /// What changed: upserts and deletes by key.
    Delta,
    /// More of the same: nothing known before changes, unless the same key comes again.
    Append,
}

/// What an empty value says about the value known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    Clear,
    Keep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    Csv,
    Ndjson,
    JsonArray,
    Parquet,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextEncoding {
    Utf8,
    Utf16,
    Windows1252,
}

/// Ceilings. Passing one refuses the delivery by name (a record too long or too deep only that record).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    pub object_bytes: u64,
    pub decompressed_bytes: u64,
    /// Decompressed over compressed bytes.
    pub ratio: u64,
    pub record_bytes: usize,
    pub columns: usize,
    pub json_depth: usize,
    pub rows: u64,
    /// Largest share of rejected records, 0..1.
    pub rejected_share: f64,
    /// Least rows as a share of the median of the last deliveries; judged by the caller, who knows them.
    pub rows_against_last: Option<f64>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            object_bytes: 8 << 30,
            decompressed_bytes: 64 << 30,
            ratio: 200,
            record_bytes: 1 << 20,
            columns: 2_000,
            json_depth: 64,
            rows: 500_000_000,
            rejected_share: 0.05,
            rows_against_last: None,
        }
    }
}

/// One kind of export: how to recognise a file of it and how its columns become canon columns.
#[derive(Debug, Clone)]
pub struct Feed {
    pub name: String,
    pub description: String,
    /// The canon table it fills.
    pub fills: String,
    pub mode: Mode,
    pub nulls_mean: Nulls,
    pub corrections_move_days: bool,
    /// Object beside each delivery with its control totals, `{path}` standing for the delivery's path.
    pub sidecar: Option<String>,
    pub limits: Limits,
    pub formats: Vec<FileFormat>,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) xapi: bool,
    pub(crate) encoding: TextEncoding,
    pub(crate) strict: bool,
    pub(crate) unique_key: bool,
    pub(crate) int96_is_utc: bool,
    pub(crate) csv: Csv,
    pub(crate) json_root: Option<String>,
    /// Text before and after the number of records in the last record.
    pub(crate) footer_total: Option<(String, String)>,
    pub(crate) footer_optional: bool,
    pub(crate) action: Option<Action>,
    pub(crate) rules: Vec<Rule>,
    /// The canon table's columns, in contract order.
    pub(crate) columns: Vec<String>,
    pub(crate) blocks: Vec<Block>,
}

#[derive(Debug, Clone)]
pub(crate) struct Csv {
    pub delimiter: u8,
    pub quote: Option<u8>,
    pub terminator: Option<Vec<u8>>,
    pub header_row: usize,
    pub footer_rows: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Action {
    /// Header name or JSON path.
    pub from: String,
    pub deletes: Vec<String>,
    pub upserts: Vec<String>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    /// Stored column indices: the second value must not lie before the first.
    Ordered(usize, usize),
    /// Stored column indices: the values must differ.
    Different(usize, usize),
}

/// One header block: a source for each canon column, and what else may stand in the file.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    /// One for each column of the canon table, transient ones included, in contract order.
    pub columns: Vec<Mapping>,
    pub ignore: Vec<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct Mapping {
    pub source: Source,
    pub optional: bool,
    pub formats: Vec<Format>,
    pub zone: Option<Tz>,
    pub locale: Option<&'static Locale>,
    pub values: Option<Values>,
    pub nulls: Vec<String>,
    /// Texts that mean null in a date column, compared before parsing and, where they parse, after.
    pub sentinels: Vec<String>,
    /// Text before and after the part to keep.
    pub extract: Option<(String, String)>,
    pub reading: Reading,
    pub times: Option<f64>,
    pub decimal_comma: bool,
    pub range: (Option<f64>, Option<f64>),
}

#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Not delivered: always null.
    Nothing,
    Constant(String),
    /// Header names or JSON paths, the first one that is there.
    Named(Vec<String>),
}

#[derive(Debug, Clone)]
pub(crate) struct Values {
    pub map: BTreeMap<String, String>,
    pub default: Option<String>,
    pub fold_case: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Plain,
    Email,
    Mailto,
    IsoDuration,
    Clock,
    EndOfDay,
}

/// A feed file that cannot be used; the message names the feed and the key.
#[derive(Debug, thiserror::Error)]
#[error("feed {feed}: {what}")]
pub struct FeedError {
    pub feed: String,
    pub what: String,
}

/// Pairs that are intervals wherever a canon table has both.
const INTERVALS: [[&str; 2]; 3] = [["effective_from", "effective_to"], ["valid_from", "valid_to"], ["period_start", "period_end"]];

impl Feed {
    /// Reads and validates a feed file against the canon table it fills.
    ///
    /// # Errors
    /// Invalid TOML, unknown keys, columns or values the canon table does not have, required columns without a source.
    pub fn parse(name: &str, text: &str, catalog: &Catalog) -> Result<Feed, FeedError> {
        let error = |what: String| FeedError { feed: name.into(), what };
        let file: FeedFile = toml::from_str(text).map_err(|cause| error(cause.to_string()))?;
        let table = catalog.table(&file.fills).filter(|table| table.area == Area::Canon);
        let table = table.ok_or_else(|| error(format!("fills `{}`, which is no canon table", file.fills)))?;
        resolve(name, file, table).map_err(error)
    }

    /// Like [`Feed::parse`], against a table that is in no catalog.
    ///
    /// # Errors
    /// As for [`Feed::parse`].
    pub fn parse_for(name: &str, text: &str, table: &Table) -> Result<Feed, FeedError> {
        let error = |what: String| FeedError { feed: name.into(), what };
        let file: FeedFile = toml::from_str(text).map_err(|cause| error(cause.to_string()))?;
        resolve(name, file, table).map_err(error)
    }

    /// Does the path belong to this feed, and if so, which date (and time) does it name.
    pub fn recognise(&self, path: &str) -> Option<Option<NaiveDateTime>> {
        self.patterns.iter().find_map(|pattern| pattern.recognise(path))
    }

    /// Whether any header block gives the canon column a source.
    pub fn maps(&self, column: &str) -> bool {
        let at = self.columns.iter().position(|name| name == column);
        at.is_some_and(|at| self.blocks.iter().any(|block| !matches!(block.columns[at].source, Source::Nothing)))
    }

    /// The sidecar's path for a delivery, where the feed declares one.
    pub fn sidecar_of(&self, path: &str) -> Option<String> {
        self.sidecar.as_ref().map(|pattern| pattern.replace("{path}", path))
    }

    /// The format of a delivery: the only one declared, or the one its name ends in.
    pub fn format_of(&self, path: &str) -> FileFormat {
        let first = self.formats.first().copied().unwrap_or(FileFormat::Csv);
        if self.formats.len() < 2 {
            return first;
        }
        let bare = path.trim_end_matches(".gz").trim_end_matches(".zst");
        let named = match bare.rsplit('.').next() {
            Some("csv" | "txt" | "tsv") => Some(FileFormat::Csv),
            Some("ndjson" | "jsonl") => Some(FileFormat::Ndjson),
            Some("json") => Some(FileFormat::JsonArray),
            Some("parquet") => Some(FileFormat::Parquet),
            _ => None,
        };
        named.filter(|format| self.formats.contains(format)).unwrap_or(first)
    }
}

fn resolve(name: &str, file: FeedFile, table: &Table) -> Result<Feed, String> {
    let formats = file.format.list().iter().map(|text| file_format(text)).collect::<Result<Vec<_>, _>>()?;
    if formats.is_empty() {
        return Err("format: at least one is needed".into());
    }
    let patterns = file
        .path
        .list()
        .iter()
        .map(|text| Pattern::parse(text).map_err(|what| format!("path `{text}` {what}")))
        .collect::<Result<Vec<_>, _>>()?;
    let blocks = if file.headers.is_empty() {
        vec![block(&own_names(table), &file, table)?]
    } else {
        file.headers.iter().map(|headers| block(headers, &file, table)).collect::<Result<Vec<_>, _>>()?
    };
    let footer_total = match file.control.as_ref().and_then(|control| control.footer.as_deref()) {
        None => None,
        Some(text) => Some(split_hole(text).ok_or("control.footer needs one {}")?),
    };
    let mut rules = Vec::new();
    for [start, end] in INTERVALS {
        if let (Some(start), Some(end)) = (stored_index(table, start), stored_index(table, end)) {
            rules.push(Rule::Ordered(start, end));
        }
    }
    for rule in &file.rules {
        let at = |name: &str| stored_index(table, name).ok_or(format!("rules: `{name}` is no column of {}", table.name));
        match (&rule.ordered, &rule.different) {
            (Some([start, end]), None) => rules.push(Rule::Ordered(at(start)?, at(end)?)),
            (None, Some([a, b])) => rules.push(Rule::Different(at(a)?, at(b)?)),
            _ => return Err("rules: each has either `ordered` or `different`".into()),
        }
    }
    let written = &file.limits;
    let usual = Limits::default();
    let limits = Limits {
        object_bytes: written.object_bytes.unwrap_or(usual.object_bytes),
        decompressed_bytes: written.decompressed_bytes.unwrap_or(usual.decompressed_bytes),
        ratio: written.ratio.unwrap_or(usual.ratio),
        record_bytes: written.record_bytes.unwrap_or(usual.record_bytes),
        columns: written.columns.unwrap_or(usual.columns),
        // The parser's own recursion ends at 128.
        json_depth: written.json_depth.unwrap_or(usual.json_depth).min(100),
        rows: written.rows.unwrap_or(usual.rows),
        rejected_share: written.rejected_share.unwrap_or(usual.rejected_share),
        rows_against_last: written.rows_against_last,
    };
    if !(0.0..=1.0).contains(&limits.rejected_share) || limits.record_bytes < 64 || limits.record_bytes > 256 << 20 {
        return Err("limits: rejected_share is 0..1, record_bytes 64..268435456".into());
    }
    Ok(Feed {
        name: name.into(),
        mode: match file.mode.as_deref() {
            None | Some("append") => Mode::Append,
            Some("delta") => Mode::Delta,
            Some("full") => Mode::Full,
            Some(other) => return Err(format!("mode `{other}` is none of append, delta, full")),
        },
        nulls_mean: match file.nulls_mean.as_deref() {
            None | Some("clear") => Nulls::Clear,
            Some("keep") => Nulls::Keep,
            Some(other) => return Err(format!("nulls_mean `{other}` is none of clear, keep")),
        },
        corrections_move_days: file.corrections_move_days,
        sidecar: file.control.as_ref().and_then(|control| control.sidecar.clone()),
        limits,
        formats,
        patterns,
        xapi: match file.dialect.as_deref() {
            None => false,
            Some("xapi") => true,
            Some(other) => return Err(format!("dialect `{other}` is not known; there is xapi")),
        },
        encoding: match file.encoding.as_deref() {
            None | Some("utf-8") => TextEncoding::Utf8,
            Some("utf-16") => TextEncoding::Utf16,
            Some("windows-1252") => TextEncoding::Windows1252,
            Some(other) => return Err(format!("encoding `{other}` is none of utf-8, utf-16, windows-1252")),
        },
        strict: match file.unknown_columns.as_deref() {
            None | Some("warn") => false,
            Some("refuse") => true,
            Some(other) => return Err(format!("unknown_columns `{other}` is none of warn, refuse")),
        },
        unique_key: file.unique_key,
        int96_is_utc: file.int96_is_utc,
        csv: csv(&file)?,
        json_root: file.json.root.clone(),
        footer_total,
        footer_optional: file.control.as_ref().is_some_and(|control| control.footer_optional),
        action: file.action.map(|action| Action { from: action.from, deletes: action.deletes, upserts: action.upserts }),
        rules,
        columns: table.columns.iter().map(|column| column.name.clone()).collect(),
        blocks,
        description: file.description,
        fills: file.fills,
    })
}

fn csv(file: &FeedFile) -> Result<Csv, String> {
    let byte = |key: &str, text: &str| match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | 0) => Ok(*byte),
        _ => Err(format!("csv.{key} is one ASCII character")),
    };
    let csv = Csv {
        delimiter: byte("delimiter", file.csv.delimiter.as_deref().unwrap_or(","))?,
        quote: match file.csv.quote.as_deref() {
            Some("") => None,
            text => Some(byte("quote", text.unwrap_or("\""))?),
        },
        terminator: match file.csv.terminator.as_deref() {
            Some("") => return Err("csv.terminator is empty".into()),
            text => text.map(|text| text.as_bytes().to_vec()),
        },
        header_row: file.csv.header_row.unwrap_or(1),
        footer_rows: file.csv.footer_rows,
    };
    if csv.header_row == 0 || csv.footer_rows > 100 || csv.quote == Some(csv.delimiter) {
        return Err("csv: header_row counts from 1, footer_rows is at most 100, quote and delimiter differ".into());
    }
    Ok(csv)
}

fn file_format(text: &str) -> Result<FileFormat, String> {
    match text {
        "csv" => Ok(FileFormat::Csv),
        "ndjson" => Ok(FileFormat::Ndjson),
        "json_array" => Ok(FileFormat::JsonArray),
        "parquet" => Ok(FileFormat::Parquet),
        other => Err(format!("format `{other}` is none of csv, ndjson, json_array, parquet")),
    }
}

/// The block of a feed that writes none: every canon column under its own name, optional unless required.
fn own_names(table: &Table) -> toml::Table {
    let mapped = |column: &Column| {
        let mut mapping = toml::Table::new();
        mapping.insert("from".into(), column.name.clone().into());
        mapping.insert("optional".into(), toml::Value::Boolean(!column.required || column.name == "effective_from"));
        (column.name.clone(), toml::Value::Table(mapping))
    };
    table.columns.iter().map(mapped).collect()
}

fn block(headers: &toml::Table, file: &FeedFile, table: &Table) -> Result<Block, String> {
    let mut written: BTreeMap<&str, ColumnFile> = BTreeMap::new();
    let mut ignore = file.ignore.clone();
    for (key, value) in headers {
        match key.as_str() {
            "since" => {}
            "ignore" => {
                let more: Vec<String> = value.clone().try_into().map_err(|cause| format!("ignore: {cause}"))?;
                ignore.extend(more);
            }
            _ if table.column(key).is_none() => return Err(format!("`{key}` is no column of {}", table.name)),
            _ => {
                let column = match value {
                    toml::Value::String(from) => ColumnFile { from: Some(OneOrMany::One(from.clone())), ..ColumnFile::default() },
                    other => other.clone().try_into().map_err(|cause| format!("{key}: {cause}"))?,
                };
                written.insert(key, column);
            }
        }
    }
    let columns = table
        .columns
        .iter()
        .map(|column| {
            let written = written.remove(column.name.as_str()).unwrap_or_default();
            mapping(column, written, file).map_err(|what| format!("{}: {what}", column.name))
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Block { columns, ignore })
}

fn mapping(column: &Column, written: ColumnFile, file: &FeedFile) -> Result<Mapping, String> {
    let source = match (&written.from, &written.value) {
        (Some(_), Some(_)) => return Err("has `from` and `value`; it can have one of them".into()),
        (Some(from), None) if from.list().is_empty() => return Err("`from` is empty".into()),
        (Some(from), None) => Source::Named(from.list().to_vec()),
        (None, Some(value)) => Source::Constant(value.clone()),
        // An HRIS snapshot without effective dates gets them from its history, see canon.
        (None, None) if column.required && column.name != "effective_from" => {
            return Err("is required and has no source".into());
        }
        (None, None) => Source::Nothing,
    };
    let values = match (written.values, written.default) {
        (None, None) => None,
        (map, default) => {
            let map = map.unwrap_or_default();
            for value in map.values().chain(&default).filter(|value| !value.is_empty()) {
                if !column.values.is_empty() && !column.values.contains(value) {
                    return Err(format!("`{value}` is none of {}", column.values.join(", ")));
                }
            }
            let fold = |text: String| if written.fold_case { text.to_lowercase() } else { text };
            let map = map.into_iter().map(|(key, value)| (fold(key), value)).collect();
            Some(Values { map, default, fold_case: written.fold_case })
        }
    };
    let formats = match &written.date {
        None => vec![Format::Iso],
        Some(list) => list.list().iter().map(|text| Format::parse(text)).collect::<Result<Vec<_>, _>>()?,
    };
    let zone = match written.zone.as_ref().or(file.zone.as_ref()) {
        None => None,
        Some(name) => Some(name.parse::<Tz>().map_err(|_| format!("zone `{name}` is not an IANA zone"))?),
    };
    let locale = match written.locale.as_ref().or(file.locale.as_ref()) {
        None => None,
        Some(code) => Some(Locale::named(code).ok_or_else(|| format!("locale `{code}` is not known"))?),
    };
    let reading = match written.reading.as_deref() {
        None if column.domain.as_deref() == Some("email") => Reading::Email,
        None => Reading::Plain,
        Some("email") => Reading::Email,
        Some("mailto") => Reading::Mailto,
        Some("iso_duration") => Reading::IsoDuration,
        Some("clock") => Reading::Clock,
        Some("end_of_day") => Reading::EndOfDay,
        Some(other) => return Err(format!("as `{other}` is not known")),
    };
    let fits = match reading {
        Reading::Plain => true,
        Reading::Email | Reading::Mailto => column.data_type == Type::Text,
        Reading::IsoDuration | Reading::Clock => matches!(column.data_type, Type::Int | Type::Double),
        Reading::EndOfDay => column.data_type == Type::Date,
    };
    if !fits {
        return Err(format!("`as` does not fit a column of type {}", column.data_type));
    }
    let extract = match &written.extract {
        None => None,
        Some(text) => Some(split_hole(text).ok_or("`extract` needs one {}")?),
    };
    let mut sentinels = written.sentinels;
    if matches!(column.data_type, Type::Date | Type::Timestamp) {
        sentinels.extend(file.sentinels.iter().cloned());
    }
    Ok(Mapping {
        source,
        optional: written.optional,
        formats,
        zone,
        locale,
        values,
        nulls: written.nulls.unwrap_or_else(|| file.nulls.clone()),
        sentinels,
        extract,
        reading,
        times: written.times,
        decimal_comma: written.decimal_comma.unwrap_or(file.decimal_comma),
        range: (written.min.or(column.range.0), written.max.or(column.range.1)),
    })
}

impl Mapping {
    /// Text that is taken as it stands, but for the empty one.
    pub fn is_plain_text(&self) -> bool {
        self.values.is_none() && self.nulls.is_empty() && self.extract.is_none() && self.reading == Reading::Plain
    }

    /// Instants in ISO 8601 and nothing else.
    pub fn is_iso(&self) -> bool {
        matches!(self.formats.as_slice(), [Format::Iso]) && self.sentinels.is_empty() && self.nulls.is_empty() && self.values.is_none()
    }
}

fn split_hole(text: &str) -> Option<(String, String)> {
    let (before, after) = text.split_once("{}")?;
    Some((before.to_owned(), after.to_owned()))
}

fn stored_index(table: &Table, name: &str) -> Option<usize> {
    table.stored().position(|column| column.name == name)
}
