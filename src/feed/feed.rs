//! [`Feed`]: a feed file as it is meant. How it becomes so: [`super::validate`].

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use chrono_tz::Tz;

use super::combined::Combined;
use super::extract::Extract;
use super::headers::HeaderPattern;
use super::limits::{Gates, Limits};
use super::number::Style;
use super::pattern::Pattern;
use super::place::{self, Place};
use super::selection::Select;
use super::sites::Site;
use super::time::{Format, Locale};
use crate::contract::{Partition, Table};

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

/// What tells one full snapshot of a feed from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snapshots {
    /// The day: two of one day contradict each other.
    Daily,
    /// The instant: there may be several a day.
    Instant,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    Csv,
    Ndjson,
    JsonArray,
    Parquet,
    Xlsx,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextEncoding {
    Utf8,
    Utf16,
    Windows1252,
}

/// One kind of export: how to recognise a file of it and how its columns become canon columns.
#[derive(Debug, Clone)]
pub struct Feed {
    pub name: String,
    /// A hash of what decides how the bytes of a delivery become rows: what the file says of that, and the contract of the table it
    /// fills. A delivery that was read by other rules must be read again.
    pub read_as: String,
    pub description: String,
    /// Whose export it is, and what of its ways the feed takes care of: for the list of feeds.
    pub vendor: Option<String>,
    pub handles: Option<String>,
    /// The canon table it fills.
    pub fills: String,
    pub mode: Mode,
    pub nulls_mean: Nulls,
    pub snapshots: Snapshots,
    /// Feeds that read the same objects.
    pub shares: Vec<String>,
    /// The object for which a folder's others wait; by default a folder waits for `_SUCCESS` once another of the feed had it.
    pub marker: Option<String>,
    /// The feed whose rows this one completes with the columns it maps, on the days it says; by itself it makes no row.
    pub completes: Option<String>,
    /// Whether the first row of a worker holds from its hire date on.
    pub reach_back: bool,
    /// Object beside each delivery with its control totals, `{path}` standing for the delivery's path.
    pub sidecar: Option<String>,
    pub limits: Limits,
    pub gates: Gates,
    pub formats: Vec<FileFormat>,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) xapi: bool,
    /// Of statements: the sites whose accounts are accepted.
    pub(crate) sites: Vec<Site>,
    pub(crate) encoding: TextEncoding,
    pub(crate) strict: bool,
    pub(crate) unique_key: bool,
    /// Rows without the person are counts of unnamed people.
    pub anonymous: bool,
    /// The feed writes no header block: columns are the canon's own, and one that is absent was perhaps never there.
    pub own_names: bool,
    pub(crate) int96_is_utc: bool,
    pub(crate) csv: Csv,
    pub(crate) sheet: Sheet,
    /// The keys that lead to the array.
    pub(crate) json_root: Option<Vec<String>>,
    /// The keys that lead to an array inside of each record, of whose elements each is one.
    pub(crate) json_explode: Option<Vec<String>>,
    /// Text before and after the number of records in the last record.
    pub(crate) footer_total: Option<(String, String)>,
    pub(crate) footer_optional: bool,
    pub(crate) action: Option<Action>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) select: Select,
    /// The canon table's columns, in contract order.
    pub(crate) columns: Vec<String>,
    pub(crate) blocks: Vec<Block>,
}

#[derive(Debug, Clone)]
pub(crate) struct Csv {
    pub delimiter: u8,
    pub quote: Option<u8>,
    pub escape: Option<u8>,
    pub terminator: Option<Vec<u8>>,
    /// The line of the header; 0: the first one that has the columns of a header block.
    pub header_row: usize,
    pub footer_rows: usize,
}

/// The sheet of a workbook that is read.
#[derive(Debug, Clone)]
pub(crate) struct Sheet {
    /// `None`: the first that is not hidden.
    pub name: Option<String>,
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
    /// Stored column indices: nobody leaves before the first hire.
    Employment { hired: usize, original: usize, ended: usize, status: usize },
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
    /// For each format the one with day and month the other way round, where it has both as numbers.
    pub swapped: Vec<Option<Format>>,
    pub zone: Option<Tz>,
    /// The header, or JSON path, of the zone of each record's time.
    pub zone_from: Option<String>,
    /// The zone is the column's own, not the feed's: none in its header outranks it.
    pub own_zone: bool,
    pub locale: Option<&'static Locale>,
    pub values: Option<Values>,
    pub nulls: Vec<String>,
    /// Texts that mean null in a date column, compared before parsing and, where they parse, after.
    pub sentinels: Vec<String>,
    /// The sentinels that are days, and those that have a time of day (local microseconds, whole seconds).
    pub sentinel_days: Vec<i32>,
    pub sentinel_moments: Vec<i64>,
    /// From this day on a date is the open end; `None`: no date is.
    pub open_from: Option<i32>,
    pub extract: Option<Extract>,
    /// What stands before every text of the column, so that the ids of one system are not those of another.
    pub prefix: String,
    pub reading: Reading,
    /// Per cent are kept by workbooks as shares: a cell that shows 85 % holds 0.85.
    pub cells_hold_shares: bool,
    pub times: Option<f64>,
    /// The header, or JSON path, of what a number is divided by.
    pub divide_by: Option<String>,
    /// Fractions are refused instead of rounded.
    pub whole: bool,
    pub style: Style,
    /// Days added to a date, so that canon's ends are first days gone and its termination dates last days.
    pub shift: i32,
    pub range: (Option<f64>, Option<f64>),
}

#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Not delivered: always null.
    Nothing,
    Constant(String),
    /// The first with a value.
    First(Vec<Named>),
    /// All of them, with a text between them.
    Joined(Vec<Named>, String),
    /// What their words mean together.
    Combined(Vec<Named>, Combined),
}

/// Where one text of a column comes from.
#[derive(Debug, Clone)]
pub(crate) enum Named {
    /// A header name or JSON path.
    Header(String),
    /// Any header of a pattern, and the pattern as written.
    Like(String, HeaderPattern),
    /// A `{name}` in the path of the delivery.
    Path(String),
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
    /// An id that a sender has made a number of: `123.0` is 123.
    Whole,
    /// A number of hundredths, with its sign or without.
    Percent,
    EndOfDay,
}

impl Feed {
    /// Where an object stands, if it is one of this feed.
    pub fn place(&self, path: &str) -> Option<Place> {
        place::of(&self.patterns, path)
    }

    /// Does the path belong to this feed, and if so, which date (and time) does it name.
    pub fn recognise(&self, path: &str) -> Option<Option<NaiveDateTime>> {
        self.place(path).map(|place| place.dated.map(|dated| dated.local))
    }

    /// Whether two feeds name each other in `shares`, so that both read an object.
    pub fn shares_with(&self, other: &Feed) -> bool {
        self.shares.contains(&other.name) && other.shares.contains(&self.name)
    }

    /// The canon table's columns, in contract order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(String::as_str)
    }

    /// Whether any header block gives the canon column a source.
    pub fn maps(&self, column: &str) -> bool {
        let at = self.columns.iter().position(|name| name == column);
        at.is_some_and(|at| self.blocks.iter().any(|block| !matches!(block.columns[at].source, Source::Nothing)))
    }

    /// The share of an export's columns that a header block maps or ignores by name, of the block that knows most of them.
    pub fn explains(&self, names: &[String]) -> f64 {
        let knows = |block: &Block, name: &String| {
            let of = |named: &Named| match named {
                Named::Header(known) => known == name,
                Named::Like(_, pattern) => pattern.captures(name).is_some(),
                Named::Path(_) => false,
            };
            let is_mapped = block.columns.iter().any(|mapping| match &mapping.source {
                Source::First(list) | Source::Joined(list, _) | Source::Combined(list, _) => list.iter().any(of),
                Source::Nothing | Source::Constant(_) => false,
            });
            let ignored = block.ignore.iter().filter(|pattern| *pattern != "*");
            is_mapped
                || ignored.into_iter().any(|pattern| match pattern.strip_suffix('*') {
                    Some(begin) => name.starts_with(begin),
                    None => {
                        pattern == name || name.strip_prefix(pattern.as_str()).is_some_and(|rest| rest.starts_with('.'))
                    }
                })
        };
        let share =
            |block: &Block| names.iter().filter(|name| knows(block, name)).count() as f64 / names.len().max(1) as f64;
        self.blocks.iter().map(share).fold(0.0, f64::max)
    }

    /// Whether its deliveries say how many people work here.
    pub fn counts_heads(&self) -> bool {
        self.fills == "workers" && self.mode == Mode::Full && self.completes.is_none()
    }

    /// The columns that a feed which completes another one speaks of: all it maps but the key and the days on which its rows hold.
    pub fn speaks_of(&self) -> impl Iterator<Item = &str> {
        let is_own = |name: &&str| !["worker_id", "effective_from", "effective_to"].contains(name) && self.maps(name);
        self.columns.iter().map(String::as_str).filter(is_own)
    }

    /// What stands in a path where the feed's pattern has a name: `{course}`.
    pub fn path_values(&self, path: &str) -> BTreeMap<String, String> {
        self.patterns.iter().find_map(|pattern| pattern.captures(path)).map(|(_, values)| values).unwrap_or_default()
    }

    /// Whether a row of a snapshot may come without the day from which it holds; it takes the snapshot's then.
    pub fn may_be_undated(&self) -> bool {
        let at = self.columns.iter().position(|name| name == "effective_from");
        let is_open = |mapping: &Mapping| mapping.optional || matches!(mapping.source, Source::Nothing);
        self.mode == Mode::Full && at.is_some_and(|at| self.blocks.iter().any(|block| is_open(&block.columns[at])))
    }

    /// Whether of the rows of a set, of the table that the feed fills, only those count that its rules choose.
    pub fn chooses_among_parts(&self, table: &Table) -> bool {
        (self.select.chooses() || self.unique_key) && table.partition != Partition::Day
    }

    /// Whether records may take back what they name.
    pub fn has_deletes(&self) -> bool {
        self.action.is_some()
    }

    /// Whether the feed says of some records that their key never was.
    pub fn annuls(&self) -> bool {
        self.select.annul.is_some()
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
        let named = |path: &str| {
            let bare = path.trim_end_matches(".gz").trim_end_matches(".zst");
            let format = match bare.rsplit('.').next() {
                Some("csv" | "txt" | "tsv") => FileFormat::Csv,
                Some("ndjson" | "jsonl") => FileFormat::Ndjson,
                Some("json") => FileFormat::JsonArray,
                Some("parquet") => FileFormat::Parquet,
                Some("xlsx" | "xlsm") => FileFormat::Xlsx,
                _ => return None,
            };
            self.formats.contains(&format).then_some(format)
        };
        // A part without an ending of its own is of the form that its folder says.
        named(path).or_else(|| named(place::folder(path))).unwrap_or(first)
    }
}

impl Mapping {
    /// Text that is taken as it stands, but for the empty one.
    pub fn is_plain_text(&self) -> bool {
        self.values.is_none()
            && self.nulls.is_empty()
            && self.extract.is_none()
            && self.prefix.is_empty()
            && self.reading == Reading::Plain
    }

    /// Instants in ISO 8601 and nothing else.
    pub fn is_iso(&self) -> bool {
        matches!(self.formats.as_slice(), [Format::Iso])
            && self.sentinels.is_empty()
            && self.nulls.is_empty()
            && self.values.is_none()
    }
}
