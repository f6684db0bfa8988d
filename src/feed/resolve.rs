//! A feed file as written becomes a [`Feed`]: every default resolved, every rule checked against the canon table it fills.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::extract::Extract;
use super::file::{ColumnFile, FeedFile, OneOrMany};
use super::pattern::Pattern;
use super::plan::{
    Action, Block, Csv, Feed, FileFormat, Gates, Limits, Mapping, Mode, Nulls, Reading, Rule, Source, TextEncoding,
    Values, Verdict,
};
use super::sites;
use super::time::{Format, Locale};
use super::xapi;
use crate::contract::{Column, Made, Table, Type};

/// Pairs that are intervals wherever a canon table has both.
const INTERVALS: [[&str; 2]; 3] =
    [["effective_from", "effective_to"], ["valid_from", "valid_to"], ["period_start", "period_end"]];

pub(super) fn resolve(name: &str, file: FeedFile, table: &Table) -> Result<Feed, String> {
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
        let at =
            |name: &str| stored_index(table, name).ok_or(format!("rules: `{name}` is no column of {}", table.name));
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
        rejected_share_from: if written.rejected_share.is_some() { 1 } else { usual.rejected_share_from },
        rows_against_last: written.rows_against_last,
        unknown_share: written.unknown_share.unwrap_or(usual.unknown_share),
        headcount_change: written.headcount_change.unwrap_or(usual.headcount_change),
        joined_share: written.joined_share.unwrap_or(usual.joined_share),
        fresh_days: written.fresh_days,
    };
    if !(0.0..=1.0).contains(&limits.rejected_share) || limits.record_bytes < 64 || limits.record_bytes > 256 << 20 {
        return Err("limits: rejected_share is 0..1, record_bytes 64..268435456".into());
    }
    for (key, share) in [("unknown_share", limits.unknown_share), ("joined_share", limits.joined_share)] {
        if !(0.0..=1.0).contains(&share) {
            return Err(format!("limits: {key} is 0..1"));
        }
    }
    for (key, share) in
        [("headcount_change", Some(limits.headcount_change)), ("rows_against_last", limits.rows_against_last)]
    {
        if share.is_some_and(|share| !share.is_finite() || share < 0.0) {
            return Err(format!("limits: {key} is a share of 0 or more"));
        }
    }
    let mode = match file.mode.as_deref() {
        None | Some("append") => Mode::Append,
        Some("delta") => Mode::Delta,
        Some("full") => Mode::Full,
        Some(other) => return Err(format!("mode `{other}` is none of append, delta, full")),
    };
    let gates = gates(&file, mode);
    let is_xapi = match file.dialect.as_deref() {
        None => false,
        Some("xapi") => true,
        Some(other) => return Err(format!("dialect `{other}` is not known; there is xapi")),
    };
    let sites = sites::declared(&file.sites, is_xapi)?;
    if !sites.is_empty() && !blocks.iter().flat_map(|block| &block.columns).any(|mapping| names_agent(&mapping.source))
    {
        return Err("sites: no column is read from @actor or from an `account.name`, so they have no effect".into());
    }
    Ok(Feed {
        name: name.into(),
        mode,
        nulls_mean: match file.nulls_mean.as_deref() {
            None | Some("clear") => Nulls::Clear,
            Some("keep") => Nulls::Keep,
            Some(other) => return Err(format!("nulls_mean `{other}` is none of clear, keep")),
        },
        corrections_move_days: file.corrections_move_days,
        sidecar: file.control.as_ref().and_then(|control| control.sidecar.clone()),
        limits,
        gates,
        formats,
        patterns,
        xapi: is_xapi,
        sites,
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
        unique_key: file.unique_key || gates.key_uniqueness != Verdict::Off,
        int96_is_utc: file.int96_is_utc,
        csv: csv(&file)?,
        json_root: file.json.root.clone(),
        footer_total,
        footer_optional: file.control.as_ref().is_some_and(|control| control.footer_optional),
        action: file.action.map(|action| Action {
            from: action.from,
            deletes: action.deletes,
            upserts: action.upserts,
        }),
        rules,
        columns: table.columns.iter().map(|column| column.name.clone()).collect(),
        blocks,
        description: file.description,
        fills: file.fills,
    })
}

/// What a broken export usually looks like is held back; what may be a company's own way of exporting is said and taken.
fn gates(file: &FeedFile, mode: Mode) -> Gates {
    let (written, snapshot) = (&file.gates, mode == Mode::Full);
    Gates {
        zero_rows: written.zero_rows.unwrap_or(Verdict::Warn),
        volume: written.volume.unwrap_or(Verdict::Block),
        reject_share: written.reject_share.unwrap_or(Verdict::Block),
        key_uniqueness: written.key_uniqueness.unwrap_or(Verdict::Off),
        unknown_values: written.unknown_values.unwrap_or(Verdict::Warn),
        field_coverage: written.field_coverage.unwrap_or(if snapshot { Verdict::Block } else { Verdict::Warn }),
        headcount_change: written.headcount_change.unwrap_or(Verdict::Warn),
        join_coverage: written.join_coverage.unwrap_or(Verdict::Warn),
        freshness: written.freshness.unwrap_or(Verdict::Warn),
    }
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
    table.columns.iter().filter(|column| !is_signature(column)).map(mapped).collect()
}

/// Signatures are made here, under our key: whatever a source calls so was made otherwise.
fn is_signature(column: &Column) -> bool {
    column.made_of().is_some_and(|(made, _)| made == Made::Signature)
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
            _ if table.column(key).is_some_and(is_signature) => {
                return Err(format!("`{key}` is made at reading and has no source"));
            }
            _ => {
                let column = match value {
                    toml::Value::String(from) => {
                        ColumnFile { from: Some(OneOrMany::One(from.clone())), ..ColumnFile::default() }
                    }
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
        Some(value) => Some(Extract::parse(value.clone())?),
    };
    if let Some(extract) = &extract {
        if extract.tells_of_people() && column.domain.is_none() {
            return Err("`act_of` says whose act it is and stands at a column that names a person".into());
        }
        if extract.leaves_nobody() && column.key {
            return Err("act_of `nobody` would leave the key empty".into());
        }
    }
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

/// Whether a column of statements names an account, which is on a site.
fn names_agent(source: &Source) -> bool {
    matches!(source, Source::Named(paths) if paths.iter().any(|path| path == xapi::ACTOR || xapi::account_of(path).is_some()))
}

fn split_hole(text: &str) -> Option<(String, String)> {
    let (before, after) = text.split_once("{}")?;
    Some((before.to_owned(), after.to_owned()))
}

fn stored_index(table: &Table, name: &str) -> Option<usize> {
    table.stored().position(|column| column.name == name)
}
