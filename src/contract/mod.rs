//! What names mean: every table the house knows, with its grain, key and columns.
//!
//! Contracts are TOML (`schemas/canon/*.toml`, `schemas/mart/*.toml`, compiled in; `schemas/columns.toml` holds columns
//! that several tables share; `extends = "adoption_kpis"` says that a table is another one but for the keys that follow). They are the
//! source of truth: code, dictionary and published files are checked against them.

pub mod arrow;
mod catalog;
pub mod check;
pub mod dictionary;
pub mod findings;
pub mod odcs;
mod parse;
pub mod words;

pub use catalog::Catalog;

use std::fmt;

use sha2::{Digest, Sha256};

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

/// Which instant of a day is meant where a day stands in a column of instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Edge {
    /// Its first: since then.
    #[default]
    Start,
    /// Its last microsecond: until then, and the day itself still counts.
    End,
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
    /// Timestamps: what a value without a time of day means.
    pub day: Edge,
    /// Dates and timestamps: what they say has happened when it is delivered, so an instant may not lie ahead of its delivery, and
    /// days that mostly do are read in the wrong order. Timestamps say so unless their contract denies it, dates where it states it.
    pub happened: bool,
    /// Canon only: values above it are real but rare, so they are kept and counted (bonus points of a score).
    pub noted_above: Option<f64>,
    /// Canon only: the domain whose key pseudonymises the value (`worker`, `user`, `email`, `employee_no`), or what the gate
    /// makes of other columns: see [`Column::made_of`], [`Column::made_day`] and
    /// [`Column::is_day_of`].
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
    /// Canon only: how a feed with `anonymous = true` counts people it does not name.
    pub anonymous: Option<Anonymous>,
    /// Canon only: what two columns of one row may say that cannot both be meant. Such rows are kept and counted.
    pub contradictions: Vec<Contradiction>,
    /// Canon only: text columns that say who or what a row is about. A full snapshot that says otherwise in one of them leaves what
    /// was said before to the days before it.
    pub versions: Vec<String>,
    /// Canon only: a source's delete says that a row has ended on its day, not that it never was.
    pub deletes_end: bool,
    /// Row order in the file; defaults to the key.
    pub sort: Vec<String>,
    /// Computed tables: what they are made from, and the only tables their code is given.
    pub reads: Vec<Read>,
    /// Of these, the tables without any row of which there is nothing to publish.
    pub needs: Vec<String>,
    /// What the job must decide for there to be anything to compute.
    pub decided_by: Option<Decision>,
    /// Whether it says something else tomorrow of the same rows: it may ask for the reported days and the day of `--as-of`.
    pub as_of: bool,
    /// Codes of `schemas/warnings.toml` that hold for the whole table.
    pub warnings: Vec<String>,
    pub columns: Vec<Column>,
    /// First 16 hex digits of the SHA-256 over the resolved contract; travels in every file.
    pub hash: String,
}

/// A table that another one is made from, or the part of it that is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    pub table: String,
    /// Beginnings of the names of the partitions that are read; none for all.
    pub partitions: Vec<String>,
    /// Read only where a KPI of the job's scorecards comes from it.
    pub only_for_kpis: bool,
    /// `table.column`: only rows whose own column of that name holds a value that stands there. Such a read has the signatures of
    /// texts too, which take most of their table's room and are left out otherwise.
    pub matching: Option<(String, String)>,
    /// Its rows are not handed over: what they come to is resolved once for all tables.
    pub resolved: bool,
}

impl Read {
    /// Every row of a table.
    pub fn all_of(table: &str) -> Read {
        Read { table: table.to_owned(), partitions: Vec::new(), only_for_kpis: false, matching: None, resolved: false }
    }

    /// Whether a partition of the table is read.
    pub fn takes(&self, partition: &str) -> bool {
        self.partitions.is_empty() || self.partitions.iter().any(|prefix| partition.starts_with(prefix.as_str()))
    }
}

/// What a job decides in files of its own, without which some tables have nothing to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Reviews,
    Plans,
    Scorecards,
    Rituals,
    Goals,
    Objectives,
}

impl Decision {
    pub const ALL: [Decision; 6] = [
        Decision::Reviews,
        Decision::Plans,
        Decision::Scorecards,
        Decision::Rituals,
        Decision::Goals,
        Decision::Objectives,
    ];

    /// As contracts and remarks name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Decision::Reviews => "reviews",
            Decision::Plans => "plans",
            Decision::Scorecards => "scorecards",
            Decision::Rituals => "rituals",
            Decision::Goals => "goals",
            Decision::Objectives => "objectives",
        }
    }
}

/// Rows that count people instead of naming one.
#[derive(Debug, Clone, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anonymous {
    /// The required column that is empty in them.
    pub who: String,
    /// The column that says how many, a whole number of 1 or more.
    pub count: String,
}

/// Two columns of one row that contradict each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Contradiction {
    /// A code of [`findings::FINDINGS`].
    pub code: String,
    /// The column of words, and those of them that the rest contradicts.
    pub column: String,
    pub is: Vec<String>,
    pub with: With,
}

/// What the other column says.
#[derive(Debug, Clone, PartialEq)]
pub enum With {
    /// Nothing, in this column.
    Empty(String),
    /// All there is: 1 or more, in this column of shares.
    Full(String),
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

impl Column {
    /// The instant of which it says whether it was told as a day without a time. Feeds cannot state it.
    pub fn is_day_of(&self) -> Option<&str> {
        self.domain.as_deref()?.strip_prefix("is_day:")
    }
}

impl Table {
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// A hash over what decides how deliveries become its rows. Descriptions, units and privacy classes do not.
    pub fn reading_hash(&self) -> String {
        let mut text = format!(
            "{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}{:?}",
            self.key,
            self.partition,
            self.day,
            self.latest,
            self.anonymous,
            self.contradictions,
            self.versions,
            self.deletes_end,
            self.sort
        );
        for column in &self.columns {
            let Column { name, data_type, required, key, values, range, .. } = column;
            text.push_str(&format!("{name}{data_type:?}{required}{key}{values:?}{range:?}"));
            let Column { day, happened, noted_above, domain, transient, .. } = column;
            text.push_str(&format!("{day:?}{happened}{noted_above:?}{domain:?}{transient}"));
        }
        hex::encode(&Sha256::digest(text.as_bytes())[..8])
    }

    /// Whether it is made from a table.
    pub fn reads_table(&self, name: &str) -> bool {
        self.reads.iter().any(|read| read.table == name)
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
