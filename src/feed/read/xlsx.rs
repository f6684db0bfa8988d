//! Spreadsheets: one sheet of a workbook, row by row, the cells as they are shown where that is certain.
//!
//! A spreadsheet knows numbers, truths and texts; a date is a number with a date's format, and is read by that. What a formula gave
//! when the file was saved is its value. Zeros that only a format shows before a number are not there.

use std::collections::{HashSet, VecDeque};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::RecordBatch;
use bytes::Bytes;
use calamine::{DataRef, ExcelDateTime, Reader, SheetType, SheetVisible, Xlsx};

use super::Header;
use crate::contract::words;
use crate::feed::context::Context;
use crate::feed::feed::Feed;
use crate::feed::gate::Gate;
use crate::feed::headers::same_header;
use crate::feed::intake::Intake;
use crate::feed::limits::Limits;
use crate::feed::record::{Cell, Place, Record};
use crate::feed::reject::{Reason, Refusal, Stop};
use crate::feed::sha256::sha256;
use crate::feed::warning::Warning;

/// Rows below the declared one on which a header is looked for, to say where it stands.
const LOOK_BELOW: usize = 40;
/// Names of sheets that a message lists at most.
const LISTED: usize = 5;
const DAY_MILLIS: f64 = 86_400_000.0;

/// Reads one spreadsheet.
pub(crate) fn read<'a, E>(
    feed: &'a Feed,
    context: &Context<'a>,
    bytes: &Bytes,
    refused: &'a HashSet<u64>,
    sink: &'a mut dyn FnMut(RecordBatch) -> Result<(), E>,
) -> Result<Intake, Stop<E>> {
    let mut workbook = open(bytes, &feed.limits)?;
    let mut rows = Rows::of(&mut workbook, feed.sheet.name.as_deref(), feed.limits.columns)?;
    let found = match feed.sheet.header_row {
        0 => Some(find_header(feed, context, &mut rows)?),
        declared => rows.header(declared)?,
    };
    let Some(header) = found else {
        return Err(Refusal::new(Reason::EmptyFile, "the sheet has no row at the declared header").into());
    };
    let names = names(&header);
    let bound = super::bind(feed, context, &names).map_err(|refusal| look_below(feed, context, &mut rows, refusal))?;
    let Header { bound, positions, unknown, lacking, twice, nameless } = bound;
    let derives = positions.contains(&Some(super::DERIVED));
    let mut gate = Gate::new(feed, context, bound, refused, sink);
    super::tell(&mut gate, &unknown, &twice, nameless, lacking);
    let (mut record, mut blank) = (0, 0);
    let mut held: VecDeque<Vec<Shown>> = VecDeque::new();
    while let Some((_, row)) = rows.next()? {
        if row.iter().all(Shown::is_empty) {
            blank += 1;
            continue;
        }
        held.push_back(row);
        if held.len() <= feed.sheet.footer_rows {
            continue;
        }
        let Some(row) = held.pop_front() else { continue };
        record += 1;
        let place = Place { record, offset: 0 };
        if row.iter().skip(names.len()).any(|cell| !cell.is_empty()) {
            gate.reject(place, Reason::RaggedLong)?;
        } else if names.iter().enumerate().all(|(at, name)| row.get(at).is_some_and(|cell| cell.is_header(name))) {
            gate.reject(place, Reason::RepeatedHeader)?;
        } else {
            let derived = if derives { digest(&row) } else { String::new() };
            gate.accept(place, &Row { cells: &row, positions: &positions, derived: &derived })?;
        }
    }
    gate.intake.blank_lines = blank;
    if blank > 0 {
        gate.intake.warnings.push(Warning::new("blank_lines", None, blank));
    }
    gate.finish()
}

/// The first rows of a workbook's first sheet as text, for drafts, with the number of the row each stands on.
pub(crate) fn head(bytes: &Bytes, limits: &Limits, most: usize) -> Result<Vec<(usize, Vec<String>)>, Refusal> {
    let mut workbook = open(bytes, limits)?;
    let mut rows = Rows::of(&mut workbook, None, limits.columns)?;
    let mut found = Vec::new();
    while found.len() < most
        && let Some((number, row)) = rows.next()?
    {
        found.push((number, row.iter().map(Shown::text).collect()));
    }
    Ok(found)
}

/// Whether a file is a workbook, from its first bytes: an archive that begins with the parts of an Office document.
pub(crate) fn is_workbook(head: &[u8]) -> bool {
    let holds = |name: &[u8]| head.windows(name.len()).any(|window| window == name);
    head.starts_with(b"PK\x03\x04") && (holds(b"[Content_Types].xml") || holds(b"xl/workbook."))
}

type Workbook = Xlsx<Cursor<Bytes>>;

fn open(bytes: &Bytes, limits: &Limits) -> Result<Workbook, Refusal> {
    if bytes.is_empty() {
        return Err(Refusal::new(Reason::EmptyFile, ""));
    }
    if bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Err(Refusal::new(Reason::NotXlsx, "an old workbook (.xls), or one with a password"));
    }
    if !bytes.starts_with(b"PK") {
        return Err(Refusal::new(Reason::NotXlsx, "no archive, which every .xlsx is"));
    }
    guarded(|| {
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes.clone())).map_err(|cause| corrupt(&cause))?;
        let mut unpacked = 0u64;
        for at in 0..archive.len() {
            unpacked = unpacked.saturating_add(archive.by_index_raw(at).map_err(|cause| corrupt(&cause))?.size());
        }
        // Small workbooks are mostly words of the format itself, which pack well.
        let most = limits.decompressed_bytes.min(limits.ratio.saturating_mul(bytes.len().max(1 << 20) as u64));
        if unpacked > most {
            return Err(Refusal::new(Reason::DecompressionLimit, format!("{unpacked} bytes, allowed are {most}")));
        }
        Xlsx::new(Cursor::new(bytes.clone())).map_err(|cause| match cause {
            calamine::XlsxError::Password => Refusal::new(Reason::NotXlsx, "a workbook with a password"),
            other => corrupt(&other),
        })
    })
}

fn corrupt(cause: &dyn std::error::Error) -> Refusal {
    tracing::debug!("the workbook cannot be read: {cause}");
    Refusal::new(Reason::CorruptXlsx, "")
}

/// Runs the decoder; a panic in it is a damaged file, not the end of the run.
fn guarded<T>(work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Refusal::new(Reason::CorruptXlsx, "the decoder gave up")))
}

/// A cell as it is shown.
#[derive(Debug, Clone, PartialEq)]
enum Shown {
    Empty,
    Text(String),
    Whole(i64),
    Number(f64),
    Truth(bool),
    Day(i32),
    /// Microseconds since 1970 on a clock whose zone the workbook does not know.
    Clock(i64),
    /// What a formula failed with.
    Failed,
}

impl Shown {
    fn of(value: &DataRef<'_>, is_1904: bool) -> Shown {
        match value {
            DataRef::Empty => Shown::Empty,
            DataRef::String(text) => Shown::of_text(text),
            DataRef::SharedString(text) => Shown::of_text(text),
            DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => Shown::of_text(text),
            DataRef::Int(number) => Shown::of_number(*number as f64),
            DataRef::Float(number) => Shown::of_number(*number),
            DataRef::Bool(truth) => Shown::Truth(*truth),
            DataRef::DateTime(moment) => Shown::of_moment(moment, is_1904),
            DataRef::Error(_) => Shown::Failed,
        }
    }

    fn of_text(text: &str) -> Shown {
        if text.trim().is_empty() { Shown::Empty } else { Shown::Text(text.to_owned()) }
    }

    /// A spreadsheet has no whole numbers of its own: 7 is kept as 7.0 and shown as 7. Beyond 2^53 a double no longer names one.
    fn of_number(number: f64) -> Shown {
        let is_whole = number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0;
        if is_whole { Shown::Whole(number as i64) } else { Shown::Number(number) }
    }

    /// A span of time and a time of day are written as clocks are; a date without a time is a day.
    fn of_moment(moment: &ExcelDateTime, is_1904: bool) -> Shown {
        let serial = moment.as_f64();
        if !serial.is_finite() || serial.abs() > 10_000_000.0 {
            return Shown::Failed;
        }
        let millis = (serial * DAY_MILLIS).round() as i64;
        if moment.is_duration() || (0.0..1.0).contains(&serial) {
            let (sign, millis) = (if millis < 0 { "-" } else { "" }, millis.unsigned_abs());
            let (hours, minutes, seconds) = (millis / 3_600_000, millis / 60_000 % 60, millis / 1_000 % 60);
            let text = format!("{sign}{hours}:{minutes:02}:{seconds:02}");
            return Shown::Text(if millis % 1_000 == 0 { text } else { format!("{text}.{:03}", millis % 1_000) });
        }
        // The calendar of 1900 has a 29th of February, which no other has: from March on, day 0 is 1899-12-30.
        let zero = match (is_1904, serial < 60.0) {
            (true, _) => -24_107,
            (false, false) => -25_569,
            (false, true) => -25_568,
        };
        let millis = millis + zero * 86_400_000;
        match i32::try_from(millis.div_euclid(86_400_000)) {
            Ok(day) if millis.rem_euclid(86_400_000) == 0 => Shown::Day(day),
            _ => Shown::Clock(millis * 1_000),
        }
    }

    fn is_empty(&self) -> bool {
        *self == Shown::Empty
    }

    fn is_header(&self, name: &str) -> bool {
        let text = self.text();
        text == name || same_header(&text, name)
    }

    /// As text, for headers, drafts and digests.
    fn text(&self) -> String {
        match self {
            Shown::Empty => String::new(),
            Shown::Text(text) => text.clone(),
            Shown::Whole(number) => number.to_string(),
            Shown::Number(number) => number.to_string(),
            Shown::Truth(truth) => truth.to_string(),
            Shown::Day(day) => crate::period::date_of(*day).to_string(),
            Shown::Clock(micros) => chrono::DateTime::from_timestamp_micros(*micros)
                .map_or_else(String::new, |at| at.format("%Y-%m-%dT%H:%M:%S").to_string()),
            Shown::Failed => "#N/A".into(),
        }
    }
}

/// The rows of one sheet, in order. Rows that hold nothing at all are not there.
struct Rows<'w> {
    cells: calamine::XlsxCellReader<'w, Cursor<Bytes>>,
    /// Whether day 0 is in 1904, as old Macs had it.
    is_1904: bool,
    /// The first cell of the next row.
    first: Option<(usize, usize, Shown)>,
    /// Columns allowed.
    columns: usize,
    /// Rows given, and empty ones between them.
    passed: usize,
}

impl<'w> Rows<'w> {
    fn of(workbook: &'w mut Workbook, sheet: Option<&str>, columns: usize) -> Result<Rows<'w>, Refusal> {
        let all: Vec<&calamine::Sheet> =
            workbook.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet).collect();
        let found = match sheet {
            Some(wanted) => all.iter().find(|sheet| sheet.name.trim() == wanted.trim()),
            None => all.iter().find(|sheet| sheet.visible == SheetVisible::Visible).or(all.first()),
        };
        let Some(found) = found else {
            let names: Vec<String> = all.iter().take(LISTED).map(|sheet| format!("`{}`", sheet.name)).collect();
            let detail = format!("no sheet `{}`; the workbook has {}", sheet.unwrap_or_default(), words::and(&names));
            return Err(Refusal::new(Reason::MissingColumn, detail));
        };
        let (name, is_1904) = (found.name.clone(), workbook.has_1904_epoch());
        let cells = guarded(|| workbook.worksheet_cells_reader(&name).map_err(|cause| corrupt(&cause)))?;
        let mut rows = Rows { cells, is_1904, first: None, columns, passed: 0 };
        rows.first = rows.cell()?;
        Ok(rows)
    }

    fn cell(&mut self) -> Result<Option<(usize, usize, Shown)>, Refusal> {
        guarded(|| {
            let found = self.cells.next_cell().map_err(|cause| corrupt(&cause))?;
            Ok(found.map(|cell| {
                let (row, column) = cell.get_position();
                (row as usize, column as usize, Shown::of(cell.get_value(), self.is_1904))
            }))
        })
    }

    /// The next row that holds a cell, and its number in the sheet, from 1 on.
    fn next(&mut self) -> Result<Option<(usize, Vec<Shown>)>, Refusal> {
        let Some((number, mut column, mut value)) = self.first.take() else { return Ok(None) };
        if number < self.passed {
            return Err(Refusal::new(Reason::CorruptXlsx, "its rows are out of order"));
        }
        self.passed = number + 1;
        let mut row = Vec::new();
        loop {
            if value != Shown::Empty {
                if column >= self.columns {
                    let detail = format!("more than {} columns", self.columns);
                    return Err(Refusal::new(Reason::TooManyColumns, detail));
                }
                row.resize(row.len().max(column + 1), Shown::Empty);
                row[column] = value;
            }
            match self.cell()? {
                Some((same, next, shown)) if same == number => (column, value) = (next, shown),
                other => {
                    self.first = other;
                    return Ok(Some((number + 1, row)));
                }
            }
        }
    }

    /// The declared header row; `None`: the sheet ends above it.
    fn header(&mut self, declared: usize) -> Result<Option<Vec<Shown>>, Refusal> {
        while let Some((number, row)) = self.next()? {
            if number >= declared {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }
}

fn names(header: &[Shown]) -> Vec<String> {
    header.iter().map(Shown::text).collect()
}

/// The first row that has the columns of a header block: title blocks are of any height.
fn find_header(feed: &Feed, context: &Context<'_>, rows: &mut Rows<'_>) -> Result<Vec<Shown>, Refusal> {
    for _ in 0..super::LOOK_FOR {
        let Some((_, row)) = rows.next()? else { break };
        if super::bind(feed, context, &names(&row)).is_ok() {
            return Ok(row);
        }
    }
    Err(super::no_header())
}

/// Of a sheet without the header where the feed declares it: whether it stands on one of the next rows.
fn look_below(feed: &Feed, context: &Context<'_>, rows: &mut Rows<'_>, refusal: Refusal) -> Refusal {
    if refusal.reason != Reason::MissingColumn || feed.sheet.header_row == 0 {
        return refusal;
    }
    for _ in 0..LOOK_BELOW {
        let Ok(Some((number, row))) = rows.next() else { break };
        if super::bind(feed, context, &names(&row)).is_ok() {
            let form = format!("a header on row {} (`xlsx.header_row`)", feed.sheet.header_row);
            return refusal.declared(Some(form), Some(format!("`xlsx = {{ header_row = {number} }}` would find it")));
        }
    }
    refusal
}

/// An id made of all cells, as [`Found::digest`](super::scan::Found::digest) makes one of all fields.
fn digest(row: &[Shown]) -> String {
    let cells: Vec<String> = row.iter().map(Shown::text).collect();
    format!("sha256-{}", &sha256((cells.join("\u{1f}") + "\u{1f}").as_bytes())[..32])
}

struct Row<'a> {
    cells: &'a [Shown],
    positions: &'a [Option<usize>],
    derived: &'a str,
}

impl Record for Row<'_> {
    fn cell(&self, slot: usize) -> Cell<'_> {
        let at = match self.positions[slot] {
            None => return Cell::Missing,
            Some(super::DERIVED) => return Cell::Text(self.derived.as_bytes()),
            Some(at) => at,
        };
        match self.cells.get(at) {
            None | Some(Shown::Empty) => Cell::Text(b""),
            Some(Shown::Text(text)) => Cell::Text(text.as_bytes()),
            Some(Shown::Whole(number)) => Cell::Int(*number),
            Some(Shown::Number(number)) => Cell::Double(*number),
            Some(Shown::Truth(truth)) => Cell::Bool(*truth),
            Some(Shown::Day(day)) => Cell::Date(*day),
            Some(Shown::Clock(micros)) => Cell::Local(*micros),
            Some(Shown::Failed) => Cell::Nested,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Write;

    use super::*;
    use crate::contract::Catalog;
    use crate::feed::try_files::{Report, try_files};
    use crate::feed::{Feed, Pseudonyms};

    /// A workbook of sheets, each the XML of its rows; style 1 is a date, 2 a time, 3 a span of hours.
    pub(crate) fn workbook(properties: &str, sheets: &[(&str, &str, &str)]) -> Bytes {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default();
        let mut put = |path: &str, text: &str| {
            archive.start_file(path, options).expect("memory");
            archive.write_all(text.as_bytes()).expect("memory");
        };
        let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
        let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        let package = "http://schemas.openxmlformats.org/package/2006";
        let (mut names, mut links) = (String::new(), String::new());
        for (at, (name, state, rows)) in sheets.iter().enumerate() {
            let id = at + 1;
            put(
                &format!("xl/worksheets/sheet{id}.xml"),
                &format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>"),
            );
            names += &format!("<sheet name=\"{name}\" sheetId=\"{id}\" state=\"{state}\" r:id=\"rId{id}\"/>");
            links += &format!(
                "<Relationship Id=\"rId{id}\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet{id}.xml\"/>"
            );
        }
        links += &format!("<Relationship Id=\"rId99\" Type=\"{office}/styles\" Target=\"styles.xml\"/>");
        put("[Content_Types].xml", &format!("<Types xmlns=\"{package}/content-types\"/>"));
        put(
            "_rels/.rels",
            &format!(
                "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"rId1\" Type=\"{office}/officeDocument\" \
                 Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        );
        put(
            "xl/_rels/workbook.xml.rels",
            &format!("<Relationships xmlns=\"{package}/relationships\">{links}</Relationships>"),
        );
        put(
            "xl/workbook.xml",
            &format!("<workbook xmlns=\"{main}\" xmlns:r=\"{office}\">{properties}<sheets>{names}</sheets></workbook>"),
        );
        put(
            "xl/styles.xml",
            &format!(
                "<styleSheet xmlns=\"{main}\"><numFmts count=\"1\"><numFmt numFmtId=\"170\" formatCode=\"[h]:mm:ss\"/></numFmts>\
                 <cellXfs count=\"4\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"21\"/><xf numFmtId=\"170\"/></cellXfs></styleSheet>"
            ),
        );
        archive.finish().expect("memory").into_inner().into()
    }

    /// The XML of rows: texts as they stand, `=7` a number, `=46054/1` a number in style 1, `!` a formula that failed.
    pub(crate) fn rows(from: usize, table: &[&[&str]]) -> String {
        let cell = |(at, text): (usize, &&str)| {
            let column = char::from(b'A' + at as u8);
            let written = match text.strip_prefix('=').map(|number| number.split_once('/').unwrap_or((number, "0"))) {
                Some((number, style)) => format!(" s=\"{style}\"><v>{number}</v>"),
                None if *text == "!" => " t=\"e\"><v>#N/A</v>".into(),
                None if text.is_empty() => "><v></v>".into(),
                None => format!(" t=\"inlineStr\"><is><t>{text}</t></is>"),
            };
            format!("<c r=\"{column}{{row}}\"{written}</c>")
        };
        let row = |(at, cells): (usize, &&[&str])| {
            let number = (from + at).to_string();
            let cells: String = cells.iter().enumerate().map(cell).collect();
            format!("<row r=\"{number}\">{}</row>", cells.replace("{row}", &number))
        };
        table.iter().enumerate().map(row).collect()
    }

    const HEADER: &[&str] = &["Learner", "Course", "Status", "Done on", "Time spent", "Score"];
    const COLUMNS: &str = "[[headers]]\nuser_id = \"Learner\"\ncontent_id = \"Course\"\n\
        status = { from = \"Status\", case = \"insensitive\" }\ncompleted_at = { from = \"Done on\", optional = true }\n\
        time_spent_seconds = { from = \"Time spent\", optional = true, as = \"clock\" }\nscore = { from = \"Score\", optional = true }\n";

    fn read_by(keys: &str, bytes: &Bytes) -> Report {
        let catalog = Catalog::load().expect("contracts");
        let text = format!(
            "description = \"a report\"\nfills = \"enrollments\"\npath = \"r.xlsx\"\nformat = \"xlsx\"\nmode = \"delta\"\nzone = \"UTC\"\n\
             limits = {{ rejected_share = 1.0 }}\n{keys}{COLUMNS}"
        );
        let feed = Feed::parse("r", &text, &catalog).expect("a feed");
        let as_of = "2026-03-31T00:00:00Z".parse().expect("a time");
        let table = catalog.table("enrollments").expect("a table");
        try_files(&feed, table, as_of, &Pseudonyms::Off, &[("r.xlsx".into(), bytes.clone())]).remove(0)
    }

    fn sheet(rows: &str) -> Bytes {
        workbook("", &[("Report", "visible", rows)])
    }

    #[test]
    fn a_title_block_days_clocks_ids_as_numbers_and_a_total_are_what_a_person_sees() {
        let title = rows(1, &[&["Completions of March"], &["made by", "HR"]]);
        let table = rows(
            6,
            &[
                HEADER,
                &["=123", "=42", "Completed", "=46054/1", "=0.0625/2", "=0.85"],
                &["=124", "=42", "completed", "=46054.5/1", "=1.5/3", ""],
                &["", "", "", "", "", ""],
                &["Total", "=2", "", "", "", ""],
            ],
        );
        let report = read_by("xlsx = { header_row = 6, footer_rows = 1 }\n", &sheet(&(title + &table)));
        assert_eq!((report.accepted, report.rejected_count, report.refused.is_none()), (2, 0, true), "{report}");
        let blank: Vec<_> = report.warnings.iter().filter(|warning| warning.code == "blank_lines").collect();
        assert_eq!(blank.len(), 1, "{report}");
    }

    #[test]
    fn cells_become_what_they_show() {
        let of = |serial: f64, is_span: bool, is_1904: bool| {
            let kind =
                if is_span { calamine::ExcelDateTimeType::TimeDelta } else { calamine::ExcelDateTimeType::DateTime };
            Shown::of_moment(&ExcelDateTime::new(serial, kind, is_1904), is_1904).text()
        };
        assert_eq!(of(46_054.0, false, false), "2026-02-01");
        assert_eq!(of(46_054.541_666_666_664, false, false), "2026-02-01T13:00:00");
        assert_eq!(of(44_592.0, false, true), "2026-02-01", "day 0 of old Macs is in 1904");
        assert_eq!(of(1.0, false, false), "1900-01-01");
        assert_eq!(of(61.0, false, false), "1900-03-01", "the 29th of February 1900 never was");
        assert_eq!(of(1.5, true, false), "36:00:00");
        assert_eq!(of(0.0625, false, false), "1:30:00");
        assert_eq!(Shown::of_number(1e15), Shown::Whole(1_000_000_000_000_000));
        assert_eq!(Shown::of_number(1e300), Shown::Number(1e300), "no whole number any more");
    }

    #[test]
    fn rows_are_judged_as_lines_of_csv_are() {
        let table = rows(
            1,
            &[
                HEADER,
                &["u1", "c1", "completed", "=46054/1", "", ""],
                HEADER,
                &["u2", "c1", "completed", "", "", "", "a note"],
                &["!", "c1", "completed", "", "", ""],
                &["=1.5", "c1", "completed", "", "", ""],
                &["u3", "c1", "completed", "!", "", ""],
            ],
        );
        let report = read_by("", &sheet(&table));
        let reasons: Vec<(u64, &str)> = report.rejected.iter().map(|reject| (reject.record, reject.reason)).collect();
        let wanted = [(2, "repeated_header"), (3, "ragged_long"), (4, "type_mismatch"), (5, "type_mismatch")];
        assert_eq!((reasons.as_slice(), report.accepted), (wanted.as_slice(), 2), "{report}");
        assert!(report.to_string().contains("value_dropped") || !report.warnings.is_empty(), "{report}");
    }

    #[test]
    fn a_state_can_be_made_of_whether_there_is_a_day() {
        let catalog = Catalog::load().expect("contracts");
        let text = "description = \"\"\nfills = \"enrollments\"\npath = \"r.xlsx\"\nformat = \"xlsx\"\nmode = \"delta\"\n[[headers]]\n\
            user_id = \"Learner\"\ncontent_id = \"Course\"\n\
            status = { from = [\"Done on\"], values = [[\"\", \"assigned\"], [\"*\", \"completed\"]] }\n";
        let feed = Feed::parse("r", text, &catalog).expect("a feed");
        let table = catalog.table("enrollments").expect("a table");
        let bytes = sheet(&rows(1, &[&["Learner", "Course", "Done on"], &["u1", "c", "=46054/1"], &["u2", "c", ""]]));
        let as_of = "2026-03-31T00:00:00Z".parse().expect("a time");
        let report = try_files(&feed, table, as_of, &Pseudonyms::Off, &[("r.xlsx".into(), bytes)]).remove(0);
        assert_eq!((report.accepted, report.rejected_count), (2, 0), "{report}");
    }

    #[test]
    fn the_sheet_named_is_read_else_the_first_that_is_seen() {
        let of = |learner: &str| rows(1, &[HEADER, &[learner, "c", "completed", "", "", ""]]);
        let two = [rows(1, &[HEADER]), of("u1"), of("u2")];
        let sheets = [("Hidden", "hidden", &*two[0]), ("Report", "visible", &*two[1]), ("Notes", "visible", "")];
        let bytes = workbook("<workbookPr date1904=\"1\"/>", &sheets);
        assert_eq!(read_by("", &bytes).accepted, 1);
        assert_eq!(read_by("xlsx = { sheet = \"Report\" }\n", &bytes).accepted, 1);
        let said = read_by("xlsx = { sheet = \"March\" }\n", &bytes).to_string();
        assert!(said.contains("no sheet `March`; the workbook has `Hidden`, `Report` and `Notes`"), "{said}");
        assert!(read_by("xlsx = { sheet = \"Notes\" }\n", &bytes).to_string().contains("empty_file"));
    }

    #[test]
    fn what_is_no_workbook_is_refused_by_name_and_a_header_further_down_is_told() {
        let below = sheet(&(rows(1, &[&["Report"]]) + &rows(4, &[HEADER, &["u1", "c", "completed", "", "", ""]])));
        assert_eq!(read_by("xlsx = { header_row = \"found\" }\n", &below).accepted, 1);
        let said = read_by("", &below).to_string();
        assert!(said.contains("missing_column") && said.contains("xlsx = { header_row = 4 }"), "{said}");
        for (bytes, said) in [
            (Bytes::from_static(b"a,b\n1,2\n"), "no archive"),
            (Bytes::from_static(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an old workbook (.xls), or one with a password"),
            (Bytes::from_static(b"PK\x03\x04rest"), "corrupt_xlsx"),
            (below.slice(..below.len() / 2), "corrupt_xlsx"),
        ] {
            let report = read_by("", &bytes).to_string();
            assert!(report.contains(said), "{said}: {report}");
        }
        assert!(is_workbook(&below) && !is_workbook(b"PK\x03\x04rest"));
    }

    #[test]
    fn a_workbook_that_unpacks_to_more_than_is_allowed_is_refused_unread() {
        let long = "<row r=\"1\"/>".repeat(200_000);
        let report = read_by("", &sheet(&long)).to_string();
        assert!(report.contains("empty_file"), "{report}");
        let limits = Limits { decompressed_bytes: 100_000, ..Limits::default() };
        assert_eq!(open(&sheet(&long), &limits).err().map(|refusal| refusal.reason), Some(Reason::DecompressionLimit));
    }
}
