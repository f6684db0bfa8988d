//! Results as named parts, printed as CSV or JSON at full precision.

use std::io::Write;

use serde_json::{Map, Value};

use super::Format;
use crate::error::{Error, Exit, Result};

/// One kind of row of a result.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    name: &'static str,
    columns: &'static [&'static str],
    rows: Vec<Vec<Cell>>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Empty,
    Text(String),
    Count(i64),
    Number(f64),
    Flag(bool),
}

impl Part {
    pub fn new(name: &'static str, columns: &'static [&'static str]) -> Part {
        Part { name, columns, rows: Vec::new() }
    }

    /// Adds a row with one cell a column.
    pub fn push<const N: usize>(&mut self, row: [Cell; N]) {
        debug_assert_eq!(N, self.columns.len(), "part {}", self.name);
        self.rows.push(row.into());
    }
}

/// Writes `parts`, or only the one named.
pub fn write(parts: &[Part], format: Format, only: Option<&str>, out: &mut dyn Write) -> Result<()> {
    let chosen: Vec<&Part> = parts.iter().filter(|part| only.is_none_or(|name| name == part.name)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = parts.iter().map(|part| part.name).collect();
        let message = format!("--part {}: no such part", only.unwrap_or_default());
        return Err(Error::usage(message).hint(format!("this result has {}", names.join(", "))));
    }
    let written = match format {
        Format::Csv => write_csv(&chosen, only.is_none(), out),
        Format::Json => write_json(&chosen, out),
    };
    match written {
        // Who reads may stop early: `… | head` is no failure.
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|e| Error::new(Exit::Transient, "the result could not be written").caused_by(e)),
    }
}

fn write_csv(parts: &[&Part], with_name: bool, out: &mut dyn Write) -> std::io::Result<()> {
    let mut columns: Vec<&str> = Vec::new();
    for column in parts.iter().flat_map(|part| part.columns) {
        if !columns.contains(column) {
            columns.push(column);
        }
    }
    let mut writer = csv::WriterBuilder::new().from_writer(out);
    let name = |text: &'static str| with_name.then_some(text);
    writer.write_record(name("part").into_iter().chain(columns.iter().copied()))?;
    for part in parts {
        let places: Vec<Option<usize>> =
            columns.iter().map(|column| part.columns.iter().position(|own| own == column)).collect();
        for row in &part.rows {
            let cells = places.iter().map(|place| place.and_then(|p| row.get(p)).map_or(String::new(), Cell::csv));
            writer.write_record(name(part.name).map(str::to_owned).into_iter().chain(cells))?;
        }
    }
    writer.flush()
}

fn write_json(parts: &[&Part], out: &mut dyn Write) -> std::io::Result<()> {
    let mut whole = Map::new();
    for part in parts {
        let row = |row: &Vec<Cell>| {
            let cells = part.columns.iter().zip(row).map(|(column, cell)| ((*column).to_owned(), cell.json()));
            Value::Object(cells.collect())
        };
        whole.insert(part.name.to_owned(), part.rows.iter().map(row).collect());
    }
    serde_json::to_writer_pretty(&mut *out, &Value::Object(whole))?;
    out.write_all(b"\n")
}

impl Cell {
    fn csv(&self) -> String {
        match self {
            Cell::Empty => String::new(),
            // A spreadsheet would run a text that begins like a formula.
            Cell::Text(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{text}"),
            Cell::Text(text) => text.clone(),
            Cell::Count(count) => count.to_string(),
            Cell::Number(number) if number.is_finite() => format!("{number:?}"),
            Cell::Number(_) => String::new(),
            Cell::Flag(flag) => flag.to_string(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Cell::Empty => Value::Null,
            Cell::Text(text) => Value::from(text.as_str()),
            Cell::Count(count) => Value::from(*count),
            // Not a finite number becomes null.
            Cell::Number(number) => Value::from(*number),
            Cell::Flag(flag) => Value::from(*flag),
        }
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Cell {
        Cell::Number(number)
    }
}

impl From<i64> for Cell {
    fn from(count: i64) -> Cell {
        Cell::Count(count)
    }
}

impl From<u64> for Cell {
    fn from(count: u64) -> Cell {
        i64::try_from(count).map_or(Cell::Empty, Cell::Count)
    }
}

impl From<u32> for Cell {
    fn from(count: u32) -> Cell {
        Cell::Count(count.into())
    }
}

impl From<usize> for Cell {
    fn from(count: usize) -> Cell {
        Cell::from(count as u64)
    }
}

impl From<bool> for Cell {
    fn from(flag: bool) -> Cell {
        Cell::Flag(flag)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(cell: Option<T>) -> Cell {
        cell.map_or(Cell::Empty, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts() -> Vec<Part> {
        let mut curve = Part::new("curve", &["group", "time", "share"]);
        curve.push(["=A".into(), 1i64.into(), (1.0 / 3.0).into()]);
        let mut test = Part::new("test", &["p", "group"]);
        test.push([None::<f64>.into(), "-".into()]);
        vec![curve, test]
    }

    fn printed(format: Format, only: Option<&str>) -> String {
        let mut out = Vec::new();
        write(&parts(), format, only, &mut out).expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn parts_share_one_table_and_formulas_are_defused() {
        assert_eq!(
            printed(Format::Csv, None),
            "part,group,time,share,p\ncurve,'=A,1,0.3333333333333333,\ntest,'-,,,\n"
        );
    }

    #[test]
    fn one_part_has_its_own_columns() {
        assert_eq!(printed(Format::Csv, Some("test")), "p,group\n\"\",'-\n".replace("\"\"", ""));
    }

    #[test]
    fn json_keeps_types_and_nulls() {
        let value: Value = serde_json::from_str(&printed(Format::Json, None)).expect("json");
        assert_eq!(value["curve"][0]["share"].as_f64(), Some(1.0 / 3.0));
        assert_eq!((&value["curve"][0]["group"], &value["test"][0]["p"]), (&Value::from("=A"), &Value::Null));
    }

    #[test]
    fn an_unknown_part_is_answered_with_the_known_ones() {
        let error = write(&parts(), Format::Csv, Some("curves"), &mut Vec::new()).expect_err("unknown");
        assert_eq!(error.hint.as_deref(), Some("this result has curve, test"));
    }
}
