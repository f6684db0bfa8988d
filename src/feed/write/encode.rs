//! Records as bytes: CSV in the feed's dialect, JSON by its paths, statements, Parquet.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use parquet::arrow::ArrowWriter;
use serde_json::{Map, Number, Value as Json};

use crate::feed::feed::{Feed, FileFormat, TextEncoding};
use crate::feed::read::json_path::{Step, steps};
use crate::feed::xapi;

use super::cell::{Cell, Sheet, Typed};

/// The bytes of a delivery.
///
/// # Errors
/// The format has no writer, or a value has no place in it.
pub(super) fn encode(feed: &Feed, format: FileFormat, header: &[String], sheets: &[Sheet]) -> Result<Vec<u8>, String> {
    let mut header = header.to_vec();
    for place in sheets.iter().flat_map(Sheet::places).filter(|place| !place.starts_with("path:")) {
        if !header.iter().any(|known| known == place) {
            header.push(place.to_owned());
        }
    }
    if format == FileFormat::Csv {
        Ok(encoded(&csv(feed, &header, sheets)?, feed.encoding))
    } else if format == FileFormat::Parquet {
        parquet(&header, sheets)
    } else if format == FileFormat::Ndjson || format == FileFormat::JsonArray {
        let objects =
            sheets.iter().map(|sheet| if feed.xapi { statement(feed, &header, sheet) } else { object(&header, sheet) });
        Ok(encoded(&json(feed, format, objects.collect())?, feed.encoding))
    } else {
        Err("exports of its format are not written yet".into())
    }
}

fn encoded(text: &str, encoding: TextEncoding) -> Vec<u8> {
    match encoding {
        TextEncoding::Utf8 => text.as_bytes().to_vec(),
        TextEncoding::Utf16 => [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect(),
        TextEncoding::Windows1252 => encoding_rs::WINDOWS_1252.encode(text).0.into_owned(),
    }
}

fn csv(feed: &Feed, header: &[String], sheets: &[Sheet]) -> Result<String, String> {
    let dialect = &feed.csv;
    let end = dialect.terminator.as_ref().map_or("\n".into(), |end| String::from_utf8_lossy(end).into_owned());
    let delimiter = char::from(dialect.delimiter);
    let field = |text: &str| -> Result<String, String> {
        let quote = dialect.quote.map(char::from);
        let escape = dialect.escape.map(char::from);
        let is_special = |c: char| c == delimiter || Some(c) == quote || Some(c) == escape || matches!(c, '\n' | '\r');
        if !text.contains(is_special) && !text.contains(end.trim_end_matches(['\n', '\r'])) || text.is_empty() {
            return Ok(text.to_owned());
        }
        if let Some(escape) = escape {
            let inner = text.chars().flat_map(|c| {
                let before = (Some(c) == quote || c == escape || (quote.is_none() && c == delimiter)).then_some(escape);
                before.into_iter().chain([c])
            });
            let inner: String = inner.collect();
            return Ok(quote.map_or(inner.clone(), |quote| format!("{quote}{inner}{quote}")));
        }
        match quote {
            Some(quote) => Ok(format!("{quote}{}{quote}", text.replace(quote, &format!("{quote}{quote}")))),
            None if text.contains(['\n', '\r']) || text.contains(delimiter) => {
                Err("a value holds the delimiter, and fields are never quoted".into())
            }
            None => Ok(text.to_owned()),
        }
    };
    let mut out = "Report\n".repeat(dialect.header_row.saturating_sub(1));
    let line = |fields: Vec<String>| fields.join(&delimiter.to_string()) + &end;
    out += &line(header.iter().map(|name| field(name)).collect::<Result<_, _>>()?);
    for sheet in sheets {
        let fields = header.iter().map(|place| field(&sheet.cell(place).map_or(String::new(), |cell| cell.text)));
        out += &line(fields.collect::<Result<_, _>>()?);
    }
    let total = feed.footer_total.as_ref().map(|(before, after)| format!("{before}{}{after}", sheets.len()));
    for footer in (0..dialect.footer_rows.max(usize::from(total.is_some()))).rev() {
        out += total.as_deref().filter(|_| footer == 0).unwrap_or("End of report");
        out += &end;
    }
    Ok(out)
}

fn json(feed: &Feed, format: FileFormat, objects: Vec<Json>) -> Result<String, String> {
    let text = |json: &Json| serde_json::to_string(json).map_err(|cause| cause.to_string());
    match &feed.json_root {
        Some(root) => {
            let nest = |inner: Json, key: &String| Json::Object(Map::from_iter([(key.clone(), inner)]));
            Ok(text(&root.iter().rev().fold(Json::Array(objects), nest))? + "\n")
        }
        None if format == FileFormat::JsonArray => Ok(text(&Json::Array(objects))? + "\n"),
        None => objects.iter().map(|object| Ok(text(object)? + "\n")).collect(),
    }
}

fn object(header: &[String], sheet: &Sheet) -> Json {
    let mut object = Json::Object(Map::new());
    for place in header {
        // A null says that there is nothing; a key that is not there would leave what was known.
        set(&mut object, &steps(place), sheet.cell(place).map_or(Json::Null, scalar));
    }
    object
}

fn scalar(cell: Cell) -> Json {
    match cell.typed {
        Typed::Bool(truth) => Json::Bool(truth),
        Typed::Int(number) => Json::Number(number.into()),
        Typed::Double(number) => Number::from_f64(number).map_or(Json::String(cell.text), Json::Number),
        Typed::Text | Typed::Day(_) | Typed::Instant(_) => Json::String(cell.text),
    }
}

/// The most elements an index may ask for; a feed that asks for more has none of them written.
const MOST: usize = 1_000;

fn set(at: &mut Json, steps: &[Step], value: Json) {
    let Some((step, rest)) = steps.split_first() else {
        if !(value.is_null() && (at.is_object() || at.is_array())) {
            *at = value;
        }
        return;
    };
    match step {
        Step::Key(key) => {
            if !at.is_object() {
                *at = Json::Object(Map::new());
            }
            if let Json::Object(object) = at {
                set(object.entry(key.clone()).or_insert(Json::Null), rest, value);
            }
        }
        Step::Index(index) if *index < MOST => {
            if !at.is_array() {
                *at = Json::Array(Vec::new());
            }
            if let Json::Array(list) = at {
                list.resize(list.len().max(index + 1), Json::Null);
                set(&mut list[*index], rest, value);
            }
        }
        // An element that is found by what else it says is not written.
        Step::Index(_) | Step::Where(..) => {}
    }
}

/// The home page of accounts where the feed declares no site.
const HOME: &str = "https://lms.example";

/// A statement: what the check of one derives is put where it is derived from.
fn statement(feed: &Feed, header: &[String], sheet: &Sheet) -> Json {
    let plain: Vec<String> = header.iter().filter(|place| !place.starts_with('@')).cloned().collect();
    let mut object = object(&plain, sheet);
    let text = |place: &str| sheet.cell(place).map(|cell| cell.text);
    let mut put = |path: &str, text: String| set(&mut object, &steps(path), Json::String(text));
    if let Some(id) = text("@id") {
        put("id", id);
    }
    if let Some(actor) = text(xapi::ACTOR) {
        let site = feed.sites.iter().find_map(|site| site.account_of(&actor));
        let (home, name) = site.unwrap_or((HOME, &actor));
        put("actor.objectType", "Agent".into());
        put("actor.account.homePage", home.to_owned());
        put("actor.account.name", name.to_owned());
    }
    match text("@voids") {
        Some(voided) => {
            put("verb.id", String::from_utf8_lossy(xapi::VOIDED).into_owned());
            put("object.objectType", "StatementRef".into());
            put("object.id", voided);
        }
        None => {
            let kind = text("@kind").unwrap_or_default();
            match kind.as_str() {
                "StatementRef" => put("object.objectType", kind),
                "Agent" | "Group" => {
                    put("object.objectType", kind);
                    put("object.account.homePage", HOME.into());
                    put("object.account.name", text("@object").unwrap_or_default());
                    return object;
                }
                _ => {
                    put("object.objectType", "Activity".into());
                    if !kind.is_empty() {
                        put("object.definition.type", kind);
                    }
                }
            }
            put("object.id", text("@object").unwrap_or_else(|| "https://lms.example/nothing".into()));
        }
    }
    object
}

fn parquet(header: &[String], sheets: &[Sheet]) -> Result<Vec<u8>, String> {
    let column = |place: &String| -> ArrayRef {
        let cells: Vec<Option<Cell>> = sheets.iter().map(|sheet| sheet.cell(place)).collect();
        let all = |is: &dyn Fn(&Typed) -> bool| cells.iter().flatten().all(|cell| is(&cell.typed));
        let typed = |cell: &Option<Cell>| cell.as_ref().map(|cell| cell.typed);
        let none = cells.iter().flatten().next().is_none();
        if none || all(&|typed| *typed == Typed::Text) {
            return Arc::new(StringArray::from_iter(cells.iter().map(|cell| cell.as_ref().map(|cell| &cell.text))));
        }
        if all(&|typed| matches!(typed, Typed::Bool(_))) {
            let value = |cell| if let Some(Typed::Bool(truth)) = typed(cell) { Some(truth) } else { None };
            return Arc::new(BooleanArray::from_iter(cells.iter().map(value)));
        }
        if all(&|typed| matches!(typed, Typed::Int(_))) {
            let value = |cell| if let Some(Typed::Int(number)) = typed(cell) { Some(number) } else { None };
            return Arc::new(Int64Array::from_iter(cells.iter().map(value)));
        }
        if all(&|typed| matches!(typed, Typed::Int(_) | Typed::Double(_))) {
            let value = |cell| match typed(cell) {
                Some(Typed::Int(number)) => Some(number as f64),
                Some(Typed::Double(number)) => Some(number),
                _ => None,
            };
            return Arc::new(Float64Array::from_iter(cells.iter().map(value)));
        }
        if all(&|typed| matches!(typed, Typed::Day(_))) {
            let value = |cell| if let Some(Typed::Day(day)) = typed(cell) { Some(day) } else { None };
            return Arc::new(Date32Array::from_iter(cells.iter().map(value)));
        }
        if all(&|typed| matches!(typed, Typed::Instant(_))) {
            let value = |cell| if let Some(Typed::Instant(micros)) = typed(cell) { Some(micros) } else { None };
            return Arc::new(TimestampMicrosecondArray::from_iter(cells.iter().map(value)).with_timezone("UTC"));
        }
        Arc::new(StringArray::from_iter(cells.iter().map(|cell| cell.as_ref().map(|cell| &cell.text))))
    };
    let columns = header.iter().map(|place| (place.as_str(), column(place), true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).map_err(|cause| cause.to_string())?;
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).map_err(|cause| cause.to_string())?;
    writer.write(&batch).map_err(|cause| cause.to_string())?;
    writer.into_inner().map_err(|cause| cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_what_it_leads_through() {
        let mut object = Json::Object(Map::new());
        set(&mut object, &steps("a.b[1].c"), Json::from(7));
        set(&mut object, &steps("a.d"), Json::Null);
        set(&mut object, &steps("\"x.y\""), Json::from("z"));
        assert_eq!(object.to_string(), r#"{"a":{"b":[null,{"c":7}],"d":null},"x.y":"z"}"#);
    }
}
