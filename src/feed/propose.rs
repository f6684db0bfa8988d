//! `feed propose`: a first feed file to edit, from the head of one export.
//!
//! The only place that guesses: a person reads and corrects what it says before anything is loaded with it. It shows
//! header names and the words of closed lists, never a value that could be about a person.

use std::collections::BTreeSet;
use std::fmt::Write;

use bytes::Bytes;

use super::feed::{Csv, FileFormat};
use super::limits::Limits;
use super::read::bytes::Unpacked;
use super::read::scan::split;
use super::reject::{Reason, Refusal};
use super::time;
use crate::contract::{Catalog, Column, Privacy, Table, Type};

/// Bytes of the head that are looked at, and records of it.
const HEAD: usize = 1 << 20;
const SAMPLE: usize = 200;
/// A closed list with more words than this in the sample is no closed list.
const WORDS: usize = 30;

/// Names vendors use for what the canon calls otherwise: (canon column, word in a normalised header).
#[rustfmt::skip]
const SYNONYMS: [(&str, &[&str]); 24] = [
    ("user_id", &["userid", "cpuserid", "studid", "studentid", "learnerid", "learneruserid", "userguid", "uniqueuserid", "username", "actor", "actorid", "learnerid", "memberid", "user"]),
    ("worker_id", &["employeeid", "workerid", "personid", "id"]),
    ("employee_no", &["employeenumber", "employee", "personnelnumber", "externalid"]),
    ("email", &["workemail", "emailaddress", "mail"]),
    ("content_id", &["courseid", "cpobjectid", "cpntid", "objectid", "loid", "learningcontentid", "coursecode"]),
    ("object_id", &["contentid", "courseid", "activityid"]),
    ("completed_at", &["completiondate", "compldte", "completeddatetime", "completed", "completion", "enddate"]),
    ("due_at", &["duedate", "duedatetime", "due"]),
    ("assigned_at", &["assigneddatetime", "assigneddate", "assignmentdate", "assigned"]),
    ("enrolled_at", &["enrollmentdate", "registrationdate", "enroldate", "reg"]),
    ("started_at", &["startdate", "starteddate", "start"]),
    ("status", &["completionstatus", "cmplstatid", "cpstatusid", "employmentstatus", "employmenthistorystatus"]),
    ("score", &["grade", "finalscore"]),
    ("progress", &["completionpercentage", "percentcomplete"]),
    ("occurred_at", &["time", "timestamp", "eventtime", "date"]),
    ("verb", &["eventname", "action", "event"]),
    ("manager_id", &["supervisoreid", "managerid", "supervisorid"]),
    ("org_id", &["department", "orgunit", "organizationid", "costcenter"]),
    ("parent_id", &["parentorgunit", "parentorganizationid", "superiororganizationid"]),
    ("hire_date", &["hiredate", "startdate"]),
    ("termination_date", &["terminationdate", "enddate"]),
    ("job_level", &["grade", "managementlevel"]),
    ("title", &["name", "coursetitle", "coursename"]),
    ("duration_seconds", &["duration", "timespent", "durations"]),
];

/// A draft feed file for the export `bytes`, named `name`.
///
/// # Errors
/// The head of the file cannot be read, or it is in no format the gate reads.
pub fn propose(name: &str, bytes: &Bytes, catalog: &Catalog) -> Result<String, Refusal> {
    let head = Head::read(bytes)?;
    if head.format != FileFormat::Csv
        && ["verb.id", "object.id"].iter().all(|name| head.names.iter().any(|known| known == name))
    {
        let said = "# These are xAPI statements. The shipped feed `xapi_statements` reads them: copy schemas/feed/xapi_statements.toml\n\
            # and change its path. It knows voiding, actors and durations, which a plain mapping would not.\n";
        return Ok(said.to_owned());
    }
    let table = catalog
        .canon()
        .filter(|table| {
            table.columns.iter().any(|column| column.required && column.domain.is_some()) || table.name == "content"
        })
        .max_by_key(|table| {
            (fit(table, &head.names), std::cmp::Reverse(table.columns.len()), std::cmp::Reverse(table.name.clone()))
        });
    let table = table.ok_or_else(|| Refusal::new(Reason::MissingColumn, "there are no canon tables"))?;
    Ok(draft(name, &head, table))
}

/// The names of an export and a few of its records.
struct Head {
    format: FileFormat,
    delimiter: char,
    names: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Head {
    fn read(bytes: &Bytes) -> Result<Head, Refusal> {
        if bytes.starts_with(b"PAR1") {
            return Head::parquet(bytes);
        }
        let limits = Limits { decompressed_bytes: 1 << 40, ratio: 10_000, ..Limits::default() };
        let mut unpacked = Unpacked::new(bytes, &limits)?;
        let mut raw = Vec::new();
        while raw.len() < HEAD && unpacked.fill(&mut raw)? {}
        let (text, _, _) = encoding_rs::UTF_8.decode(&raw);
        let text = text.trim_start_matches('\u{feff}');
        match text.trim_start().as_bytes().first() {
            None => Err(Refusal::new(Reason::EmptyFile, "")),
            Some(b'{') => {
                Ok(Head::json(FileFormat::Ndjson, text.lines().filter_map(|line| serde_json::from_str(line).ok())))
            }
            Some(b'[') => {
                let values = serde_json::Deserializer::from_str(text.trim_start().trim_start_matches('['));
                // A stream of values does not know commas, so one element is what a draft gets to see.
                Ok(Head::json(FileFormat::JsonArray, values.into_iter().map_while(Result::ok).take(1)))
            }
            Some(b'<') => Err(Refusal::new(Reason::NotCsv, "a web page or XML")),
            Some(_) => Ok(Head::csv(text)),
        }
    }

    fn csv(text: &str) -> Head {
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        // The delimiter that cuts the header into the most names.
        let delimiter = [',', ';', '\t', '|'].into_iter().max_by_key(|c| first.matches(*c).count()).unwrap_or(',');
        let csv = Csv {
            delimiter: delimiter as u8,
            quote: Some(b'"'),
            escape: None,
            terminator: None,
            header_row: 1,
            footer_rows: 0,
        };
        let mut rows = split(text.trim_start().as_bytes(), &csv, SAMPLE + 1).into_iter();
        let names = rows.next().unwrap_or_default();
        Head { format: FileFormat::Csv, delimiter, names, rows: rows.collect() }
    }

    fn json(format: FileFormat, values: impl Iterator<Item = serde_json::Value>) -> Head {
        let objects: Vec<Vec<(String, String)>> = values.take(SAMPLE).map(|value| flatten("", &value)).collect();
        let mut names: Vec<String> = Vec::new();
        for (name, _) in objects.iter().flatten() {
            if !names.contains(name) {
                names.push(name.clone());
            }
        }
        let cell = |object: &Vec<(String, String)>, name: &String| {
            object.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default()
        };
        let rows = objects.iter().map(|object| names.iter().map(|name| cell(object, name)).collect()).collect();
        Head { format, delimiter: ',', names, rows }
    }

    fn parquet(bytes: &Bytes) -> Result<Head, Refusal> {
        let read = || parquet::file::metadata::ParquetMetaDataReader::new().parse_and_finish(bytes);
        let metadata = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
        let Ok(Ok(metadata)) = metadata else { return Err(Refusal::new(Reason::CorruptParquet, "")) };
        let fields = metadata.file_metadata().schema_descr().root_schema().get_fields();
        let names = fields.iter().map(|field| field.name().to_owned()).collect();
        Ok(Head { format: FileFormat::Parquet, delimiter: ',', names, rows: Vec::new() })
    }

    fn is_json(&self) -> bool {
        matches!(self.format, FileFormat::Ndjson | FileFormat::JsonArray)
    }

    /// The distinct values of a column in the sample.
    fn words(&self, at: usize) -> BTreeSet<&str> {
        self.rows.iter().filter_map(|row| row.get(at)).map(|word| word.trim()).filter(|word| !word.is_empty()).collect()
    }
}

fn flatten(prefix: &str, value: &serde_json::Value) -> Vec<(String, String)> {
    match value {
        serde_json::Value::Object(object) => {
            let step = |key: &str| if key.contains(['.', '[']) { format!("\"{key}\"") } else { key.to_owned() };
            let name = |key: &str| if prefix.is_empty() { step(key) } else { format!("{prefix}.{}", step(key)) };
            object.iter().flat_map(|(key, value)| flatten(&name(key), value)).collect()
        }
        serde_json::Value::Array(_) => Vec::new(),
        serde_json::Value::String(text) => vec![(prefix.to_owned(), text.clone())],
        other => vec![(prefix.to_owned(), other.to_string())],
    }
}

/// A name without what exports decorate it with.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The position of the header that most likely is the canon column.
fn guess(column: &Column, names: &[String]) -> Option<usize> {
    let own = plain(&column.name);
    let words = SYNONYMS.iter().find(|(name, _)| *name == column.name).map_or(&[][..], |(_, words)| words);
    let at = |word: &str| {
        let bare = |name: &str| name.strip_prefix("cp").unwrap_or(name).trim_end_matches("dt").to_owned();
        let exact = names.iter().position(|name| plain(name) == word);
        exact.or_else(|| names.iter().position(|name| bare(&plain(name)) == word))
    };
    at(&own).or_else(|| at(own.strip_suffix("at").unwrap_or(&own))).or_else(|| words.iter().find_map(|word| at(word)))
}

/// How well a table fits: required columns found weigh most, missing ones count against it.
fn fit(table: &Table, names: &[String]) -> i64 {
    let points = |column: &Column| match (guess(column, names).is_some(), column.required) {
        (true, true) => 5,
        (true, false) => 2,
        (false, true) => -3,
        (false, false) => 0,
    };
    table.columns.iter().map(points).sum()
}

fn draft(name: &str, head: &Head, table: &Table) -> String {
    let stem = name.rsplit('/').next().unwrap_or(name);
    let (stem, dated) = dated(stem);
    let format = match head.format {
        FileFormat::Csv => "csv",
        FileFormat::Ndjson => "ndjson",
        FileFormat::JsonArray => "json_array",
        FileFormat::Parquet => "parquet",
    };
    let mut out = String::new();
    let _ = writeln!(
        out,
        "# A draft: every line is a guess from one file. Check each, delete what is wrong, then `uptake feed try`."
    );
    let _ = writeln!(out, "description = \"\"");
    let _ = writeln!(out, "fills  = {}", quoted(&table.name));
    let _ = writeln!(
        out,
        "path   = {}{}",
        quoted(&format!("**/{stem}")),
        if dated { "" } else { "   # the name holds no date: add {date} where it has one" }
    );
    let _ = writeln!(out, "format = {}", quoted(format));
    let _ = writeln!(out, "mode   = \"append\"   # or full (everything each time) or delta (what changed)");
    if table.columns.iter().any(|column| column.data_type == Type::Timestamp) {
        let _ = writeln!(out, "# zone = \"Europe/Berlin\"   # needed where times carry no offset");
    }
    if head.format == FileFormat::Csv && head.delimiter != ',' {
        let _ = writeln!(out, "\n[csv]\ndelimiter = {}", quoted(&head.delimiter.to_string()));
    }
    let _ = writeln!(out, "\n[[headers]]");
    let mut used = BTreeSet::new();
    for column in &table.columns {
        match guess(column, &head.names) {
            None if column.required => {
                let _ = writeln!(out, "# {} = {{ from = \"?\" }}   # required: {}", column.name, column.description);
            }
            None => {}
            Some(at) => {
                used.insert(at);
                let _ = writeln!(out, "{}", mapping(column, head, at));
            }
        }
    }
    // In JSON a whole top-level key is ignored or not.
    let top = |name: &str| {
        if head.is_json() { name.split(['.', '[']).next().unwrap_or(name).to_owned() } else { name.to_owned() }
    };
    let tops: BTreeSet<String> = used.iter().map(|&at: &usize| top(&head.names[at])).collect();
    let mut rest: Vec<String> = Vec::new();
    for name in head.names.iter().map(|name| top(name)).filter(|name| !name.is_empty() && !tops.contains(name)) {
        if !rest.contains(&quoted(&name)) {
            rest.push(quoted(&name));
        }
    }
    let _ = writeln!(out, "ignore = [{}]", rest.join(", "));
    out
}

fn mapping(column: &Column, head: &Head, at: usize) -> String {
    let mut parts = vec![format!("from = {}", quoted(&head.names[at]))];
    if !column.required {
        parts.push("optional = true".into());
    }
    let words = head.words(at);
    if matches!(column.data_type, Type::Date | Type::Timestamp) {
        let reads = |format: &str, word: &str| {
            time::Format::parse(format).is_ok_and(|format| format.read(word.as_bytes(), None).is_ok())
        };
        let fits = |format: &str| words.iter().all(|word| reads(format, word));
        let formats = [
            "iso",
            "%m/%d/%Y",
            "%d/%m/%Y",
            "%d.%m.%Y",
            "%Y%m%d",
            "%m/%d/%Y %H:%M:%S",
            "%d/%m/%Y %H:%M:%S",
            "%d.%m.%Y %H:%M",
            "%d/%m/%y, %H:%M:%S",
        ];
        let possible: Vec<&str> = formats.into_iter().filter(|format| fits(format)).collect();
        if !words.is_empty() && !possible.contains(&"iso") {
            let (date, more) = match possible.as_slice() {
                [] => {
                    // No format reads all of the sample: those that read some of it, together.
                    let some = |format: &&str| words.iter().any(|word| reads(format, word));
                    let several: Vec<String> = formats.into_iter().filter(some).map(quoted).collect();
                    (format!("[{}]", several.join(", ")), "   # check: the sample mixes formats".to_owned())
                }
                [only] => (quoted(only), String::new()),
                [first, others @ ..] => {
                    (quoted(first), format!("   # or {}: the sample does not say", others.join(", ")))
                }
            };
            return format!("{} = {{ {}, date = {date} }}{more}", column.name, parts.join(", "));
        }
    }
    if !column.values.is_empty()
        && !words.is_empty()
        && words.len() <= WORDS
        && column.domain.is_none()
        && harmless(column)
    {
        let known = |word: &str| column.values.iter().any(|value| value == word);
        if !words.iter().all(|word| known(word)) {
            let entry = |word: &&str| {
                let same = column.values.iter().find(|value| plain(value) == plain(word)).map_or("?", String::as_str);
                format!("{} = {}", quoted(word), quoted(same))
            };
            parts.push(format!("values = {{ {} }}", words.iter().map(entry).collect::<Vec<_>>().join(", ")));
        }
    }
    format!("{} = {{ {} }}", column.name, parts.join(", "))
}

/// Words of a closed list describe a state, not a person; of person columns only state and kind are shown.
fn harmless(column: &Column) -> bool {
    column.privacy != Privacy::Person
        || ["status", "kind", "verb", "worker_type", "leader_band", "termination_kind", "reason"]
            .contains(&column.name.as_str())
}

/// Replaces a date in a file name by `{date}` and drops what packs it.
fn dated(stem: &str) -> (String, bool) {
    let stem = stem.trim_end_matches(".gz").trim_end_matches(".zst");
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    for (at, _) in stem.char_indices() {
        let rest = &stem[at..];
        if rest.get(..10).is_some_and(|text| text.split('-').count() == 3 && text.split('-').all(digits)) {
            return (format!("{}{{date}}{}", &stem[..at], &rest[10..]), true);
        }
        if rest.get(..8).is_some_and(digits) {
            return (format!("{}{{date}}{}", &stem[..at], &rest[8..]), true);
        }
    }
    (stem.to_owned(), false)
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_maps_what_it_recognises_and_shows_no_person() {
        let catalog = Catalog::load().expect("contracts");
        let text = "User ID;Course ID;Completion Date;Status;Email Address\nu77;c1;31.01.2026;Completed;ann@x.test\n";
        let draft = propose("lms/export_2026-02-01.csv", &Bytes::from(text), &catalog).expect("a draft");
        for line in [
            "fills  = \"enrollments\"",
            "path   = \"**/export_{date}.csv\"",
            "delimiter = \";\"",
            "user_id = { from = \"User ID\" }",
            "completed_at = { from = \"Completion Date\", optional = true, date = \"%d.%m.%Y\" }",
            "status = { from = \"Status\", values = { \"Completed\" = \"completed\" } }",
            "ignore = [\"Email Address\"]",
        ] {
            assert!(draft.contains(line), "{line}\n{draft}");
        }
        assert!(!draft.contains("u77") && !draft.contains("ann@"), "{draft}");
    }
}
