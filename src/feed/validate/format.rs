//! The keys of a feed file about its objects: formats, gates, snapshots.

use crate::feed::feed::{Block, Csv, FileFormat, Mode, Named, Sheet, Snapshots, Source};
use crate::feed::limits::{Gates, Verdict};
use crate::feed::read::explode::lies_under;
use crate::feed::read::json_path;
use crate::feed::spec::{FeedFile, HeaderRowFile};

/// What a broken export usually looks like is held back; what may be a company's own way of exporting is said and taken.
pub(super) fn gates(file: &FeedFile, mode: Mode) -> Result<Gates, String> {
    let (written, snapshot) = (&file.gates, mode == Mode::Full);
    if mode == Mode::Append && written.zero_rows.is_some() {
        return Err(
            "gates.zero_rows has no effect: an empty delivery of events is an idle hour, and noted as one".into()
        );
    }
    Ok(Gates {
        zero_rows: written.zero_rows.unwrap_or(if snapshot { Verdict::Block } else { Verdict::Warn }),
        volume: written.volume.unwrap_or(Verdict::Block),
        reject_share: written.reject_share.unwrap_or(Verdict::Block),
        key_uniqueness: written.key_uniqueness.unwrap_or(Verdict::Off),
        unknown_values: written.unknown_values.unwrap_or(Verdict::Warn),
        dropped_values: written.dropped_values.unwrap_or(Verdict::Block),
        lost_zeros: written.lost_zeros.unwrap_or(Verdict::Block),
        field_coverage: written.field_coverage.unwrap_or(if snapshot { Verdict::Block } else { Verdict::Warn }),
        headcount_change: written.headcount_change.unwrap_or(Verdict::Warn),
        join_coverage: written.join_coverage.unwrap_or(Verdict::Warn),
        freshness: written.freshness.unwrap_or(Verdict::Warn),
        date_order: written.date_order.unwrap_or(Verdict::Block),
    })
}

pub(super) fn snapshots(file: &FeedFile, mode: Mode) -> Result<Snapshots, String> {
    match file.snapshots.as_deref() {
        Some(_) if mode != Mode::Full => Err("snapshots has no effect: only mode = \"full\" delivers any".into()),
        None | Some("daily") => Ok(Snapshots::Daily),
        Some("instant") => Ok(Snapshots::Instant),
        Some(other) => Err(format!("snapshots `{other}` is none of daily, instant")),
    }
}

pub(super) fn csv(file: &FeedFile) -> Result<Csv, String> {
    let byte = |key: &str, text: &str| match text.as_bytes() {
        [byte] if byte.is_ascii() && !matches!(byte, b'\r' | b'\n' | 0) => Ok(*byte),
        _ => Err(format!("csv.{key} is one ASCII character")),
    };
    let header_row = header_row(file, "csv", file.csv.header_row.as_ref())?;
    let csv = Csv {
        delimiter: byte("delimiter", file.csv.delimiter.as_deref().unwrap_or(","))?,
        quote: match file.csv.quote.as_deref() {
            Some("") => None,
            text => Some(byte("quote", text.unwrap_or("\""))?),
        },
        escape: file.csv.escape.as_deref().map(|text| byte("escape", text)).transpose()?,
        terminator: match file.csv.terminator.as_deref() {
            Some("") => return Err("csv.terminator is empty".into()),
            text => text.map(|text| text.as_bytes().to_vec()),
        },
        header_row,
        footer_rows: file.csv.footer_rows,
    };
    let signs: Vec<u8> = [Some(csv.delimiter), csv.quote, csv.escape].into_iter().flatten().collect();
    let clash = csv.escape.is_some_and(|escape| signs.iter().filter(|sign| **sign == escape).count() > 1);
    if clash || csv.escape.is_some() && csv.terminator.is_some() {
        return Err("csv.escape is none of delimiter and quote, and does not go with a terminator".into());
    }
    if csv.footer_rows > 100 || csv.quote == Some(csv.delimiter) {
        return Err("csv: footer_rows is at most 100, quote and delimiter differ".into());
    }
    Ok(csv)
}

/// The line of the header; 0: it is to be found.
fn header_row(file: &FeedFile, key: &str, written: Option<&HeaderRowFile>) -> Result<usize, String> {
    match written {
        None => Ok(1),
        Some(HeaderRowFile::Line(0)) => Err(format!("{key}: header_row counts from 1")),
        Some(HeaderRowFile::Line(line)) => Ok(*line),
        Some(HeaderRowFile::Word(word)) if word != "found" => {
            Err(format!("{key}.header_row `{word}` is no line and not `found`"))
        }
        Some(HeaderRowFile::Word(_)) if file.headers.is_empty() => {
            Err(format!("{key}.header_row `found` looks for the columns of a [[headers]] block, and there is none"))
        }
        Some(HeaderRowFile::Word(_)) => Ok(0),
    }
}

pub(super) fn sheet(file: &FeedFile, formats: &[FileFormat]) -> Result<Sheet, String> {
    let Some(written) = &file.xlsx else { return Ok(Sheet { name: None, header_row: 1, footer_rows: 0 }) };
    if !formats.contains(&FileFormat::Xlsx) {
        return Err("[xlsx] has no effect: no format of the feed is xlsx".into());
    }
    let header_row = header_row(file, "xlsx", written.header_row.as_ref())?;
    if written.footer_rows > 100 || written.sheet.as_deref().is_some_and(|name| name.trim().is_empty()) {
        return Err("xlsx: footer_rows is at most 100, sheet is a name".into());
    }
    Ok(Sheet { name: written.sheet.clone(), header_row, footer_rows: written.footer_rows })
}

/// The path of an array inside of each record, as keys.
pub(super) fn json_explode(
    file: &FeedFile,
    formats: &[FileFormat],
    blocks: &[Block],
) -> Result<Option<Vec<String>>, String> {
    let Some(path) = &file.json.explode else { return Ok(None) };
    if !formats.iter().any(|format| matches!(format, FileFormat::Ndjson | FileFormat::JsonArray)) {
        return Err("json.explode has no effect: no format of the feed is JSON".into());
    }
    if file.dialect.is_some() {
        return Err("json.explode is not for statements: each is a record of its own".into());
    }
    let keys = json_path::keys(path).filter(|keys| !keys.is_empty());
    let keys = keys.ok_or_else(|| format!("json.explode `{path}` is no path of keys such as `activities`"))?;
    let is_read = |named: &Named| matches!(named, Named::Header(path) if lies_under(path, &keys));
    let reads = |source: &Source| match source {
        Source::First(names) | Source::Joined(names, _) | Source::Combined(names, _) => names.iter().any(is_read),
        Source::Nothing | Source::Constant(_) => false,
    };
    if !blocks.iter().flat_map(|block| &block.columns).any(|mapping| reads(&mapping.source)) {
        return Err(format!("json.explode has no effect: no column is read from under `{path}`"));
    }
    Ok(Some(keys))
}

/// The path of the array, as keys.
pub(super) fn json_root(file: &FeedFile, formats: &[FileFormat]) -> Result<Option<Vec<String>>, String> {
    let Some(root) = &file.json.root else { return Ok(None) };
    if !formats.iter().any(|format| matches!(format, FileFormat::Ndjson | FileFormat::JsonArray)) {
        return Err("json.root has no effect: no format of the feed is JSON".into());
    }
    let keys = json_path::keys(root).filter(|keys| !keys.is_empty());
    keys.map(Some).ok_or_else(|| format!("json.root `{root}` is no path of keys such as `d.results`"))
}

pub(super) fn file_format(text: &str) -> Result<FileFormat, String> {
    match text {
        "csv" => Ok(FileFormat::Csv),
        "ndjson" => Ok(FileFormat::Ndjson),
        "json_array" => Ok(FileFormat::JsonArray),
        "parquet" => Ok(FileFormat::Parquet),
        "xlsx" => Ok(FileFormat::Xlsx),
        other => Err(format!("format `{other}` is none of csv, ndjson, json_array, parquet, xlsx")),
    }
}
