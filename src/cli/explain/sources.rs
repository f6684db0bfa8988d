//! Where the rows behind a figure came from: canon tables, the deliveries that filled them, and what was refused on the way.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, SecondsFormat};
use serde::Serialize;
use serde_json::Value;

use crate::canon::columns::Text;
use crate::cli::published::{Published, Row, text};
use crate::contract::arrow::DELIVERY;
use crate::contract::{Area, Catalog, Partition, Table};
use crate::error::Result;
use crate::ledger::{Counts, Entry};
use crate::pipeline;
use crate::publish::commit::read_file;
use crate::publish::parquet;

/// The deliveries of one feed behind a figure.
#[derive(Debug, Default, Serialize)]
pub struct Source {
    pub canon_table: String,
    pub feed: String,
    pub deliveries: u64,
    /// Refused whole: none of their records is in the figure.
    pub refused: u64,
    pub newest: String,
    /// When the newest was made.
    pub newest_made: String,
    pub records: Counts,
    #[serde(skip)]
    paths: BTreeSet<String>,
    #[serde(skip)]
    newest_at: i64,
}

/// Records the gate refused, by reason.
#[derive(Debug, Serialize)]
pub struct Rejected {
    pub canon_table: String,
    pub reason_code: String,
    pub sentence: String,
    pub records: u64,
}

/// What the run noticed about accounts and hierarchies.
#[derive(Debug, Serialize)]
pub struct Noticed {
    pub check_kind: String,
    pub sentence: String,
    pub affected: Value,
}

/// How much of the table the guard held back.
#[derive(Debug, Serialize)]
pub struct Withheld {
    pub table_name: String,
    pub grain: String,
    pub scope_kind: String,
    pub rows_total: u64,
    pub rows_withheld: u64,
    pub cells_withheld: u64,
}

/// Everything about where a figure came from.
#[derive(Debug, Default)]
pub struct Lineage {
    pub sources: Vec<Source>,
    pub rejected: Vec<Rejected>,
    pub noticed: Vec<Noticed>,
}

/// Sources of a row. Tables of acts give the deliveries whose rows lie in the row's period; tables of things give all of them.
pub fn sources(published: &Published, table: &Table, row: &Row) -> Result<Lineage> {
    let ledger = pipeline::memory(Some(&published.head))?.deliveries;
    let period = period(row);
    let mut found: BTreeMap<(String, String), Source> = BTreeMap::new();
    for canon in canon_of(&published.catalog, table) {
        let within = match period {
            Some(period) if canon.partition == Partition::Day => Some(delivered(published, canon, period)?),
            _ => None,
        };
        let behind = |entry: &&Entry| {
            entry.table == canon.name && within.as_ref().is_none_or(|keys| keys.contains(&entry.key()))
        };
        for entry in ledger.entries.values().filter(behind) {
            let source = found.entry((canon.name.clone(), entry.feed.clone())).or_default();
            source.add(entry);
        }
    }
    let sources: Vec<Source> =
        found.into_iter().map(|((canon_table, feed), source)| Source { canon_table, feed, ..source }).collect();
    Ok(Lineage { rejected: rejected(published, &sources)?, noticed: noticed(published, &sources)?, sources })
}

impl Source {
    fn add(&mut self, entry: &Entry) {
        if !entry.is_accepted() {
            self.refused += 1;
            return;
        }
        self.deliveries += 1;
        self.records.add(&entry.counts);
        self.paths.insert(entry.path.clone());
        if self.newest.is_empty() || (entry.known_at, &entry.path) > (self.newest_at, &self.newest) {
            self.newest_at = entry.known_at;
            self.newest.clone_from(&entry.path);
            let made = DateTime::from_timestamp_micros(entry.known_at).unwrap_or_default();
            self.newest_made = made.to_rfc3339_opts(SecondsFormat::Secs, true);
        }
    }
}

/// The canon tables that deliveries fill and that a table is made of, also through other tables.
fn canon_of<'a>(catalog: &'a Catalog, table: &'a Table) -> Vec<&'a Table> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut open = vec![table];
    let mut canon = BTreeMap::new();
    while let Some(table) = open.pop() {
        for read in table.reads.iter().filter_map(|read| catalog.table(&read.table)) {
            if seen.insert(&read.name) {
                open.push(read);
                if read.area == Area::Canon {
                    canon.insert(read.name.as_str(), read);
                }
            }
        }
    }
    canon.into_values().collect()
}

/// First day and the day after the last one.
fn period(row: &Row) -> Option<(NaiveDate, NaiveDate)> {
    let day = |name: &str| row.get(name).and_then(Value::as_str)?.parse::<NaiveDate>().ok();
    Some((day("period_start")?, day("period_end")?))
}

/// The deliveries whose rows lie in a period of a table kept by day.
fn delivered(published: &Published, table: &Table, (from, to): (NaiveDate, NaiveDate)) -> Result<BTreeSet<String>> {
    let mut paths = BTreeSet::new();
    let Some((_, files)) = published.files(&format!("canon/{}", table.name)) else { return Ok(paths) };
    let inside = |partition: &str| partition.parse::<NaiveDate>().is_ok_and(|day| from <= day && day < to);
    for (_, file) in files.iter().filter(|(partition, _)| inside(partition)) {
        let bytes = read_file(&published.lake, file)?;
        for batch in parquet::decode(&bytes, Some(&[DELIVERY]), parquet::Text::Plain)? {
            let delivery = Text::of(&batch, DELIVERY);
            for path in (0..batch.num_rows()).filter_map(|row| delivery.get(row)) {
                if !paths.contains(path) {
                    paths.insert(path.to_owned());
                }
            }
        }
    }
    Ok(paths)
}

fn rejected(published: &Published, sources: &[Source]) -> Result<Vec<Rejected>> {
    let mut counts: BTreeMap<(String, String, String), u64> = BTreeMap::new();
    if sources.iter().any(|source| source.records.rejected > 0) {
        let columns = ["delivery", "canon_table", "reason_code", "sentence"];
        for row in published.rows("quarantine", &[], Some(&columns))? {
            let cell = |name: &str| row.get(name).map(text).unwrap_or_default();
            if sources.iter().any(|source| source.paths.contains(&cell("delivery"))) {
                *counts.entry((cell("canon_table"), cell("reason_code"), cell("sentence"))).or_default() += 1;
            }
        }
    }
    let row =
        |((canon_table, reason_code, sentence), records)| Rejected { canon_table, reason_code, sentence, records };
    Ok(counts.into_iter().map(row).collect())
}

/// Accounts nobody knows and broken hierarchies: what whole tables say of themselves.
fn noticed(published: &Published, sources: &[Source]) -> Result<Vec<Noticed>> {
    let columns = ["canon_table", "check_kind", "sentence", "affected"];
    let kinds = ("check_kind", vec!["identity", "hierarchy"]);
    let mut found = Vec::new();
    for row in published.rows("data_quality", &[kinds], Some(&columns))? {
        let cell = |name: &str| row.get(name).map(text).unwrap_or_default();
        if sources.iter().any(|source| source.canon_table == cell("canon_table")) {
            let affected = row.get("affected").cloned().unwrap_or(Value::Null);
            found.push(Noticed { check_kind: cell("check_kind"), sentence: cell("sentence"), affected });
        }
    }
    Ok(found)
}

/// What the guard held back of this table, for the row's grain and kind of scope.
pub fn withheld(published: &Published, table: &Table, row: &Row) -> Result<Option<Withheld>> {
    let cell = |name: &str| row.get(name).and_then(Value::as_str);
    let (Some(grain), Some(scope_kind)) = (cell("grain"), cell("scope_kind")) else { return Ok(None) };
    let filters = [("table_name", vec![table.name.as_str()]), ("grain", vec![grain]), ("scope_kind", vec![scope_kind])];
    let found = published.rows("suppressed_cells", &filters, None)?;
    Ok(found.first().map(|row| {
        let count = |name: &str| row.get(name).and_then(Value::as_u64).unwrap_or(0);
        Withheld {
            table_name: table.name.clone(),
            grain: grain.to_owned(),
            scope_kind: scope_kind.to_owned(),
            rows_total: count("rows_total"),
            rows_withheld: count("rows_withheld"),
            cells_withheld: count("cells_withheld"),
        }
    }))
}
