//! `feed propose`: a first feed file to edit, from the head of one export.
//!
//! The only place that guesses: a person reads and corrects what it says before anything is loaded with it. It shows header names and
//! words that stand in [`words`], never a value of the file.

mod guess;
mod head;
mod mapping;
mod profile;
mod words;

use std::collections::BTreeSet;
use std::fmt::Write;

use bytes::Bytes;

use super::feed::FileFormat;
use super::reject::{Reason, Refusal};
use crate::contract::{Catalog, Table};
use guess::Columns;
use head::Head;
use mapping::{Mapped, mapping, unfound};

/// With more columns than this those that are not mapped are ignored by `*`.
const LISTED: usize = 60;

/// What is known of an export besides its bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// The canon table it fills; else the one that fits best.
    pub table: Option<&'a str>,
    /// The `path` of the feed; else made of the name.
    pub path: Option<&'a str>,
    /// The zone of its clocks, where they carry no offset.
    pub zone: Option<&'a str>,
    /// Another feed that reads the same objects.
    pub shares: Option<&'a str>,
    /// The header that names the account, where another feed reads it from there.
    pub account: Option<&'a str>,
}

/// A feed file that is a guess.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The canon table it fills.
    pub table: String,
    pub text: String,
    /// Required columns for which no header was found.
    pub open: Vec<String>,
    /// The header that names the account of a record.
    pub account: Option<String>,
    /// The shipped feed that reads such records whatever their columns; the text then only says so.
    pub shipped: Option<&'static str>,
    /// Whether the export also says who its accounts are: by an e-mail address or a number of employees.
    pub names_accounts: bool,
}

/// A draft feed file for the export `bytes`, named `name`.
///
/// # Errors
/// The head of the file cannot be read, or it is in no format the gate reads; no canon table has the name asked for.
pub fn propose(name: &str, bytes: &Bytes, asked: Asked<'_>, catalog: &Catalog) -> Result<Draft, Refusal> {
    let head = Head::read(bytes)?;
    let wanted = match asked.table {
        None => None,
        Some(name) => {
            let table = catalog.canon().find(|table| table.name == name);
            let names = || catalog.canon().map(|table| table.name.as_str()).collect::<Vec<_>>().join(", ");
            let none =
                || Refusal::new(Reason::MissingColumn, format!("`{name}` is no canon table; there are {}", names()));
            Some(table.ok_or_else(none)?)
        }
    };
    let is_statement = |name: &str| head.names.iter().any(|known| known.ends_with(name));
    if wanted.is_none() && head.is_json() && is_statement("verb.id") && is_statement("object.id") {
        let text = "# These are xAPI statements. The shipped feed `xapi_statements` reads them: copy schemas/feed/xapi_statements.toml\n\
            # and change its path. It knows voiding, actors and durations, which a plain mapping would not.\n";
        return Ok(Draft {
            table: "activity".into(),
            text: text.to_owned(),
            open: Vec::new(),
            account: None,
            shipped: Some("xapi_statements"),
            names_accounts: false,
        });
    }
    let found = guess::table(name, &head, catalog, wanted);
    let (table, columns) = found.ok_or_else(|| Refusal::new(Reason::MissingColumn, "there are no canon tables"))?;
    // Without a header its names would be values, which no draft shows.
    let mut columns = if head.is_named { columns } else { Columns::new() };
    if let Some(at) = asked.account.and_then(|header| head.names.iter().position(|name| name == header)) {
        columns.insert("user_id".into(), at);
    }
    Ok(draft(name, &head, table, &dated_rows(&head, table, columns), asked))
}

/// Of an export with several rows a worker, start and end are those of the row and not of the employment.
fn dated_rows(head: &Head, table: &Table, mut columns: Columns) -> Columns {
    let is_dated = columns.contains_key("effective_from");
    let repeats = columns.get("worker_id").is_some_and(|&at| {
        let ids = head.values(at);
        ids.iter().collect::<BTreeSet<_>>().len() < ids.len()
    });
    let numbered = head.names.iter().any(|name| guess::bare(name).starts_with("seqn"));
    if table.name != "workers" || is_dated || !(repeats || numbered) {
        return columns;
    }
    for (of, row) in [("hire_date", "effective_from"), ("termination_date", "effective_to")] {
        let is_plain = |at: usize| ["startdate", "enddate"].contains(&guess::bare(&head.names[at]).as_str());
        if let Some(at) = columns.get(of).copied().filter(|&at| is_plain(at)) {
            columns.remove(of);
            columns.insert(row.into(), at);
        }
    }
    columns
}

/// Whether people can be told from this export alone: it fills a table of acts and carries what HRIS knows them by.
fn names_accounts(head: &Head, table: &Table) -> bool {
    let of_accounts = ["enrollments", "activity", "contributions", "reactions"].contains(&table.name.as_str());
    let by =
        ["employee number", "employee id", "external id", "external employee id", "sis user id", "person external id"]
            .map(guess::bare);
    let says = |at: usize| {
        let values = head.values(at);
        let emails = values.iter().filter(|value| profile::is_email(value)).count();
        emails * 2 > values.len() || by.contains(&guess::bare(&head.names[at]))
    };
    of_accounts && (0..head.names.len()).any(says)
}

fn draft(name: &str, head: &Head, table: &Table, columns: &Columns, asked: Asked<'_>) -> Draft {
    let stem = name.rsplit('/').next().unwrap_or(name);
    let (stem, dated) = dated(stem);
    let path = asked.path.map_or_else(|| format!("**/{stem}"), str::to_owned);
    let mut mapped: Vec<Mapped> = Vec::new();
    let mut open = Vec::new();
    let order = mapping::day_first(head);
    for column in table.columns.iter().filter(|column| column.made_day().is_none() && column.is_day_of().is_none()) {
        match columns.get(&column.name) {
            Some(&at) => mapped.push(mapping(table, column, head, at, order)),
            None => match unfound(table, column, head, columns) {
                Some(stand_in) => mapped.push(stand_in),
                None if column.required && column.name != "effective_from" => {
                    open.push(column.name.clone());
                    let line = format!("# {} = {{ from = \"?\" }}   # required: {}", column.name, column.description);
                    mapped.push(Mapped { line, reads: Vec::new(), is_local: false });
                }
                None => {}
            },
        }
    }
    let (mode, why) = mode(table, head, columns, stem.as_str());
    let mut out = String::new();
    let mut put = |line: &str| {
        let _ = writeln!(out, "{line}");
    };
    put("# A draft: every line is a guess from one file. Check each, delete what is wrong, then `uptake feed try`.");
    if !head.is_named {
        put("# No header was recognised: either the file has none, or its columns have names that are not known here.");
    }
    put("description = \"Drafted from one file: say what it is.\"");
    put(&format!("fills  = {}", quoted(&table.name)));
    let is_undated = asked.path.is_none() && !dated;
    put(&format!(
        "path   = {}{}",
        quoted(&path),
        if is_undated { "   # the name holds no date: add {date} where it has one" } else { "" }
    ));
    put(&format!("format = {}", quoted(written(head.format))));
    put(&format!("mode   = {}   # {why}", quoted(mode)));
    if let Some(other) = asked.shares {
        put(&format!("shares = [{}]", quoted(other)));
    }
    if mapped.iter().any(|mapped| mapped.is_local) {
        let zone = asked.zone.unwrap_or("UTC");
        put(&format!("zone   = {}   # where its clocks are: they carry no offset", quoted(zone)));
    }
    if let Some(encoding) = head.encoding {
        put(&format!("encoding = {}", quoted(encoding)));
    }
    put(&format!("ignore = [{}]", ignored(head, &mapped)));
    for line in form(head) {
        put(&line);
    }
    put("\n[[headers]]");
    for mapped in &mapped {
        put(&mapped.line);
    }
    Draft {
        table: table.name.clone(),
        text: out,
        open,
        account: ["user_id", "author_id", "actor_id"]
            .into_iter()
            .find_map(|name| columns.get(name))
            .map(|&at| head.names[at].clone()),
        shipped: None,
        names_accounts: names_accounts(head, table),
    }
}

fn written(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Csv => "csv",
        FileFormat::Ndjson => "ndjson",
        FileFormat::JsonArray => "json_array",
        FileFormat::Parquet => "parquet",
        FileFormat::Xlsx => "xlsx",
    }
}

/// The keys that say how the bytes are cut into records, behind the name of their table.
fn form(head: &Head) -> Vec<String> {
    let key = |name: &str, text: &str| format!("{name} = {}", quoted(text));
    let row = (head.header_row > 1).then(|| format!("header_row = {}", head.header_row));
    let (table, mut keys): (_, Vec<String>) = match head.format {
        FileFormat::Csv => {
            let delimiter = (head.delimiter != ',').then(|| key("delimiter", &head.delimiter.to_string()));
            let quote = head.quote.filter(|sign| *sign != '"').map(|sign| key("quote", &sign.to_string()));
            let terminator = head.terminator.map(|text| key("terminator", text));
            ("csv", [delimiter, quote, terminator, row].into_iter().flatten().collect())
        }
        FileFormat::Xlsx => ("xlsx", row.into_iter().collect()),
        FileFormat::Ndjson | FileFormat::JsonArray => {
            let root = head.root.as_ref().map(|path| key("root", path));
            let explode = head.explode.as_ref().map(|path| key("explode", path));
            ("json", [root, explode].into_iter().flatten().collect())
        }
        FileFormat::Parquet => return Vec::new(),
    };
    if !keys.is_empty() {
        keys.insert(0, format!("\n[{table}]"));
    }
    keys
}

/// What is left out: the columns that are not mapped. Without a header their names would be values, so they stay unsaid.
fn ignored(head: &Head, mapped: &[Mapped]) -> String {
    // In JSON a whole top-level key is ignored or not.
    let top = |name: &str| {
        if head.is_json() { name.split(['.', '[']).next().unwrap_or(name).to_owned() } else { name.to_owned() }
    };
    let tops: BTreeSet<String> =
        mapped.iter().flat_map(|mapped| &mapped.reads).map(|&at| top(&head.names[at])).collect();
    let mut rest: Vec<String> = Vec::new();
    for name in head.names.iter().map(|name| top(name)).filter(|name| !name.trim().is_empty() && !tops.contains(name)) {
        if !rest.contains(&quoted(&name)) {
            rest.push(quoted(&name));
        }
    }
    if !head.is_named || rest.len() > LISTED { quoted("*") } else { rest.join(", ") }
}

/// full, delta or append, and why.
fn mode(table: &Table, head: &Head, columns: &Columns, stem: &str) -> (&'static str, &'static str) {
    let stem = stem.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| stem.contains(word));
    let is_unique = |name: &str| {
        columns.get(name).is_some_and(|&at| {
            let values = head.values(at);
            values.iter().collect::<BTreeSet<_>>().len() == values.len()
        })
    };
    match table.name.as_str() {
        "activity" | "reactions" => ("append", "events: nothing known before changes, unless an id comes again"),
        _ if says(&["delta", "incremental", "changes", "update"]) => {
            ("delta", "its name speaks of changes; \"full\" if each file holds everything")
        }
        "workers" | "org_units" => {
            ("full", "each file holds everybody, who is missing has left; \"delta\" if a file holds only changes")
        }
        "users" | "content" if is_unique("user_id") || is_unique("content_id") => {
            ("full", "each file holds everything; \"delta\" if it holds only changes")
        }
        _ => (
            "delta",
            "later rows replace earlier ones of the same key, none ends because it is missing; \"full\" if it does",
        ),
    }
}

/// Replaces a date (and a time behind it) in a file name by `{date}` and drops what packs it.
pub fn dated(stem: &str) -> (String, bool) {
    let stem = stem.trim_end_matches(".gz").trim_end_matches(".zst");
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let in_world = |text: &str| {
        (text.starts_with("19") || text.starts_with("20")) && (1..=12).contains(&text[4..6].parse().unwrap_or(0))
    };
    for (at, _) in stem.char_indices() {
        if stem[..at].ends_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let rest = &stem[at..];
        let is_iso =
            |text: &str| text.split('-').count() == 3 && text.split('-').all(is_digits) && text.as_bytes()[4] == b'-';
        let length = if rest.get(..10).is_some_and(is_iso) {
            10
        } else if rest.get(..8).is_some_and(|text| is_digits(text) && in_world(text)) {
            8
        } else {
            continue;
        };
        // A time behind it is the day's own: T140000, _140000Z.
        let behind = &rest[length..];
        let time = behind.strip_prefix(['T', '_', '-']).and_then(|text| text.get(..6)).filter(|text| is_digits(text));
        let more = time.map_or(0, |_| 7 + usize::from(behind[7..].starts_with('Z')));
        if behind.get(more..).is_some_and(|tail| tail.starts_with(|c: char| c.is_ascii_digit())) {
            continue;
        }
        return (format!("{}{{date}}{}", &stem[..at], &behind[more..]), true);
    }
    (stem.to_owned(), false)
}

/// The names of the columns of an export, JSON paths in JSON; none where it cannot be read.
pub fn column_names(bytes: &Bytes) -> Vec<String> {
    Head::read(bytes).map(|head| head.names).unwrap_or_default()
}

/// A feed file with other paths.
pub fn with_path(text: &str, patterns: &[&str]) -> String {
    let written: Vec<String> = patterns.iter().map(|pattern| quoted(pattern)).collect();
    let written = if let [one] = written.as_slice() { one.clone() } else { format!("[{}]", written.join(", ")) };
    let document = toml::de::DeTable::parse(text).ok();
    let span = document.and_then(|document| {
        document.get_ref().iter().find(|(key, _)| key.get_ref() == "path").map(|(_, value)| value.span())
    });
    match span {
        Some(span) => format!("{}{written}{}", &text[..span.start], &text[span.end..]),
        None => text.to_owned(),
    }
}

/// A TOML string.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
