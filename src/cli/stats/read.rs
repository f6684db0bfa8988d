//! A CSV file as text cells, with errors that say where: file, line and column, never the value.

use std::io::Read;
use std::path::Path;

use crate::error::{Error, Result};

/// A file read whole.
#[derive(Debug)]
pub struct Table {
    name: String,
    headers: Vec<String>,
    renamed: Vec<(String, String)>,
    records: Vec<csv::StringRecord>,
}

/// A column that exists.
#[derive(Debug, Clone)]
pub struct Column {
    place: usize,
    header: String,
}

/// One record of a table.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    table: &'a Table,
    record: &'a csv::StringRecord,
}

impl Table {
    /// Reads `path`, or standard input for `-`; `columns` are `NAME=HEADER` renamings.
    pub fn open(path: &Path, columns: &[String]) -> Result<Table> {
        let name = path.display().to_string();
        let mut bytes = Vec::new();
        let unread =
            |e| Error::usage(format!("{name}: cannot be read")).hint("check the path and its permissions").caused_by(e);
        if name == "-" {
            std::io::stdin().lock().read_to_end(&mut bytes).map_err(unread)?;
            return Table::parse("standard input", &bytes, columns);
        }
        #[allow(clippy::disallowed_methods, reason = "a file named on the command line, outside any store")]
        let file = std::fs::File::open(path);
        file.and_then(|mut file| file.read_to_end(&mut bytes)).map_err(unread)?;
        Table::parse(&name, &bytes, columns)
    }

    /// Reads the bytes of a file called `name`.
    pub fn parse(name: &str, bytes: &[u8], columns: &[String]) -> Result<Table> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
        let header = reader.headers().map_err(|e| csv_error(name, e))?.clone();
        let headers: Vec<String> = header.iter().map(str::to_owned).collect();
        if headers.iter().all(String::is_empty) {
            return Err(Error::usage(format!("{name}: empty")).hint("the first line must name the columns"));
        }
        if let Some(twice) = headers.iter().enumerate().find(|(i, h)| !h.is_empty() && headers[..*i].contains(h)) {
            let message = format!("{name}, line 1, column {}: the header stands twice", twice.1);
            return Err(Error::usage(message).hint("rename or remove one of the two columns"));
        }
        let renamed = columns.iter().map(|c| renaming(name, &headers, c)).collect::<Result<_>>()?;
        let records = reader.records().collect::<std::result::Result<_, _>>().map_err(|e| csv_error(name, e))?;
        Ok(Table { name: name.to_owned(), headers, renamed, records })
    }

    /// The column called `name`, if the file has it.
    pub fn column(&self, name: &str) -> Option<Column> {
        let renamed = self.renamed.iter().find(|(from, _)| from == name).map(|(_, header)| header.as_str());
        let header = renamed.unwrap_or(name);
        let place = self.headers.iter().position(|h| h == header)?;
        Some(Column { place, header: header.to_owned() })
    }

    pub fn required(&self, name: &str) -> Result<Column> {
        self.column(name).ok_or_else(|| {
            let message =
                format!("{}, line 1, column {name}: missing; the file has {}", self.name, self.headers.join(", "));
            Error::usage(message).hint(format!("name the column {name}, or say --column {name}=HEADER"))
        })
    }

    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.records.iter().map(|record| Row { table: self, record })
    }

    /// An error about the whole file.
    pub fn error(&self, message: &str) -> Error {
        Error::usage(format!("{}: {message}", self.name))
    }
}

impl<'a> Row<'a> {
    pub fn line(&self) -> u64 {
        self.record.position().map_or(0, |p| p.line())
    }

    /// The cell, empty if it is.
    pub fn text(&self, column: &Column) -> &'a str {
        self.record.get(column.place).unwrap_or("")
    }

    /// The cell of an optional column; `None` when the column is missing or the cell is empty.
    pub fn given(&self, column: Option<&Column>) -> Option<&'a str> {
        column.map(|c| self.text(c)).filter(|text| !text.is_empty())
    }

    /// A cell that must say something.
    pub fn filled(&self, column: &Column) -> Result<&'a str> {
        match self.text(column) {
            "" => Err(self.error(column, "empty", "fill the cell or remove the row")),
            text => Ok(text),
        }
    }

    /// A finite number.
    pub fn number(&self, column: &Column) -> Result<f64> {
        let parsed = self.filled(column)?.parse::<f64>().ok().filter(|x| x.is_finite());
        parsed
            .ok_or_else(|| self.error(column, "not a finite number", "write it as 12.5, without thousands separators"))
    }

    /// A whole number of zero or more, below 2^53 so that arithmetic on it is exact.
    pub fn count(&self, column: &Column) -> Result<i64> {
        let parsed = self.filled(column)?.parse::<i64>().ok().filter(|x| (0..1 << 53).contains(x));
        parsed.ok_or_else(|| self.error(column, "not a whole number of zero or more", "write it as 12"))
    }

    /// An error about one cell.
    pub fn error(&self, column: &Column, what: &str, hint: &str) -> Error {
        Error::usage(format!("{}, line {}, column {}: {what}", self.table.name, self.line(), column.header)).hint(hint)
    }

    /// An error about the whole row.
    pub fn refused(&self, what: &str, hint: &str) -> Error {
        Error::usage(format!("{}, line {}: {what}", self.table.name, self.line())).hint(hint)
    }
}

fn renaming(name: &str, headers: &[String], text: &str) -> Result<(String, String)> {
    let Some((from, header)) = text.split_once('=') else {
        return Err(Error::usage(format!("--column {text}: not of the form NAME=HEADER")));
    };
    if !headers.iter().any(|h| h == header) {
        let message = format!("{name}, line 1, column {header}: missing; the file has {}", headers.join(", "));
        return Err(Error::usage(message).hint(format!("--column {from}= must name a header of the file")));
    }
    Ok((from.to_owned(), header.to_owned()))
}

fn csv_error(name: &str, error: csv::Error) -> Error {
    let line = error.position().map_or(1, |p| p.line());
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            Error::usage(format!("{name}, line {line}: {len} cells where the header has {expected_len}"))
                .hint("a cell that contains a comma or a line break must stand in double quotes")
        }
        csv::ErrorKind::Utf8 { err, .. } => {
            Error::usage(format!("{name}, line {line}, column number {}: not UTF-8", err.field() + 1))
                .hint("save the file as UTF-8")
        }
        _ => Error::usage(format!("{name}, line {line}: cannot be read as CSV")).caused_by(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Result<Table> {
        Table::parse("F.csv", text.as_bytes(), &[])
    }

    fn message(error: Error) -> String {
        error.to_string()
    }

    #[test]
    fn an_error_names_file_line_and_column_but_not_the_value() {
        let table = table("item,score\na,1\n\"b\nb\",secret\n").expect("a table");
        let score = table.required("score").expect("a column");
        let errors: Vec<String> = table.rows().filter_map(|row| row.number(&score).err()).map(message).collect();
        assert_eq!(errors, ["F.csv, line 3, column score: not a finite number"]);
    }

    #[test]
    fn a_missing_column_is_listed_against_those_there_are() {
        let error = table("item,mark\n").expect("a table").required("score").expect_err("missing");
        assert_eq!(error.to_string(), "F.csv, line 1, column score: missing; the file has item, mark");
        assert_eq!(error.hint.as_deref(), Some("name the column score, or say --column score=HEADER"));
    }

    #[test]
    fn a_column_may_have_another_header() {
        let table = Table::parse("F.csv", b"item,mark\na,3\n", &["score=mark".to_owned()]).expect("a table");
        let score = table.required("score").expect("a column");
        assert_eq!(table.rows().map(|r| r.number(&score).expect("a number")).collect::<Vec<_>>(), [3.0]);
        assert!(Table::parse("F.csv", b"item\n", &["score=mark".to_owned()]).is_err());
    }

    #[test]
    fn ragged_rows_repeated_headers_and_other_encodings_are_refused() {
        assert_eq!(
            message(table("a,b\n1,2\n1\n").expect_err("ragged")),
            "F.csv, line 3: 1 cells where the header has 2"
        );
        assert_eq!(message(table("a,a\n").expect_err("twice")), "F.csv, line 1, column a: the header stands twice");
        let latin = Table::parse("F.csv", b"a,b\n1,\xe4\n", &[]).expect_err("latin-1");
        assert_eq!(message(latin), "F.csv, line 2, column number 2: not UTF-8");
        assert_eq!(message(table("").expect_err("empty")), "F.csv: empty");
    }

    #[test]
    fn infinite_and_fractional_counts_are_refused() {
        let table = table("\u{feff}n\ninf\n1.5\n-1\n").expect("a table");
        let n = table.required("n").expect("a column");
        assert!(table.rows().all(|row| row.count(&n).is_err()));
        assert!(table.rows().next().expect("a row").number(&n).is_err());
    }
}
