//! What names mean: every table the house knows, with its grain, key and columns.
//!
//! Contracts are TOML (`schemas/canon/*.toml`, `schemas/mart/*.toml`, compiled in; `schemas/columns.toml` holds columns
//! that several tables share). They are the source of truth: code, dictionary and published files are checked against them.

pub mod arrow;
mod catalog;
pub mod check;
pub mod dictionary;
pub mod findings;
pub mod odcs;
mod parse;

pub use catalog::Catalog;

use std::fmt;

/// The types a contract may use: the ones every reader we test takes alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Type {
    /// UTF-8 text; also every identifier, so that leading zeros live.
    Text,
    Bool,
    /// 64-bit signed integer: counts, seconds, record numbers.
    Int,
    /// 64-bit float; rates are 0..1.
    Double,
    /// A calendar day in the job's reporting zone.
    Date,
    /// An instant, microseconds, UTC.
    Timestamp,
}

/// Who may see a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Privacy {
    /// Says nothing about people: calendars, catalogues, operations.
    Public,
    /// About groups of people; leaves only through the guard.
    Aggregate,
    /// Identifies or describes one person; never in a table under `marts/`.
    Person,
}

/// How the guard shows a measure of a mart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// The number of people the row is about: decides what is published, shown exactly.
    Population,
    /// A count of people out of the population: rounded, never certain.
    People,
    /// A count of events summed over people: own contributors, p% rule, rounded to 5.
    Events,
    /// A sum over people (seconds): own contributors, p% rule, three significant digits.
    Sum,
}

/// Where a table lives in the lake; also its first path segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Area {
    /// Pseudonymous rows of one meaning, whatever the vendor. No BI role reads it.
    Canon,
    /// Aggregates for everybody with BI access.
    Marts,
    /// Row-level tables of nominated and consented items, manager scopes.
    Restricted,
    /// For operators.
    Ops,
}

impl Area {
    pub fn as_str(self) -> &'static str {
        match self {
            Area::Canon => "canon",
            Area::Marts => "marts",
            Area::Restricted => "restricted",
            Area::Ops => "ops",
        }
    }
}

/// How a canon table's live rows are told from superseded ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partition {
    /// One file holds the table: the tables whose size follows people or content, not time.
    Whole,
    /// One file per reporting-zone day of the table's `day` column.
    Day,
    /// One file per calendar month of the period a row is about.
    Month,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub name: String,
    pub data_type: Type,
    /// Unit of the value, e.g. `people`, `seconds`, `share of headcount`; empty for identifiers and labels.
    pub unit: String,
    pub description: String,
    pub privacy: Privacy,
    /// A row without a value is refused.
    pub required: bool,
    /// Part of the table's key.
    pub key: bool,
    /// Closed list of values; empty means open.
    pub values: Vec<String>,
    /// Smallest and largest value allowed, both inclusive.
    pub range: (Option<f64>, Option<f64>),
    /// Canon only: the domain whose key pseudonymises the value (`worker`, `user`, `email`, `employee_no`), or what the gate
    /// makes of other columns: see [`Column::made_of`] and [`Column::made_day`].
    pub domain: Option<String>,
    /// Canon only: read for its side effects (near-duplicate signatures) and never stored.
    pub transient: bool,
    /// Marts only: how the guard treats it.
    pub measure: Option<Measure>,
    /// Marts only: SQL over the same row, computed after the guard.
    pub formula: Option<String>,
}

/// One table: what it means, not how it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub name: String,
    pub area: Area,
    pub description: String,
    /// One sentence: "one row per …".
    pub grain: String,
    pub key: Vec<String>,
    pub partition: Partition,
    /// The instant or date whose reporting-zone day places a row, for `Partition::Day`.
    pub day: Option<String>,
    /// Canon only: of two statements about one key the one with the later instant in this column wins, whenever either was
    /// delivered; without it the one delivered last does.
    pub latest: Option<String>,
    /// Row order in the file; defaults to the key.
    pub sort: Vec<String>,
    /// Marts: the tables `build` may read.
    pub reads: Vec<String>,
    /// Codes of `schemas/warnings.toml` that hold for the whole table.
    pub warnings: Vec<String>,
    pub columns: Vec<Column>,
    /// First 16 hex digits of the SHA-256 over the resolved contract; travels in every file.
    pub hash: String,
}

/// A date that the gate makes of instants of the same row: `day:A|B unless C`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeDay<'a> {
    /// The first of these that has a value gives its day.
    pub of: Vec<&'a str>,
    /// Where this column has a value, there is no day.
    pub unless: Option<&'a str>,
}

/// What the gate makes of a text that is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// `signature:COLUMN`: keyed marks of its pieces, which two texts are compared by. Feeds cannot state it.
    Signature,
    /// `hash:COLUMN`: one keyed hash, where the feed states none.
    Hash,
}

impl Column {
    /// What is made, and of which transient column.
    pub fn made_of(&self) -> Option<(Made, &str)> {
        let (what, of) = self.domain.as_deref()?.split_once(':')?;
        match what {
            "signature" => Some((Made::Signature, of)),
            "hash" => Some((Made::Hash, of)),
            _ => None,
        }
    }
}

impl Column {
    /// The instants of which its day is made. Feeds cannot state it.
    pub fn made_day(&self) -> Option<MadeDay<'_>> {
        let rule = self.domain.as_deref()?.strip_prefix("day:")?;
        let (of, unless) = match rule.split_once(" unless ") {
            Some((of, unless)) => (of, Some(unless)),
            None => (rule, None),
        };
        Some(MadeDay { of: of.split('|').collect(), unless })
    }
}

impl Table {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns a file of this table holds: all but the transient ones.
    pub fn stored(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !column.transient)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Text => "text",
            Type::Bool => "bool",
            Type::Int => "i64",
            Type::Double => "f64",
            Type::Date => "date",
            Type::Timestamp => "timestamp",
        })
    }
}

impl fmt::Display for Privacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Privacy::Public => "public",
            Privacy::Aggregate => "aggregate",
            Privacy::Person => "person",
        })
    }
}

/// A contract that cannot be used. The product refuses to start: these are compiled in and tested.
#[derive(Debug, thiserror::Error)]
#[error("contract {table}: {what}")]
pub struct ContractError {
    pub table: String,
    pub what: String,
}
