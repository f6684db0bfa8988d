//! `inspect JOB DELIVERY`: what became of the records of a delivery, and of those refused why, where and how they are written.

use crate::cli::published::{self, Row};
use crate::cli::terminal;
use crate::contract::words;
use crate::error::Result;
use crate::feed::told::{Fault, Nearest, Shape, Spot, Told, first_and_most};
use crate::ledger::Entry;
use crate::publish::commit::{self, Commit};
use crate::publish::parquet;
use crate::store::Store;

/// The table of refused records, as the newest commit has it.
pub struct Quarantine<'a> {
    pub lake: &'a Store,
    pub head: &'a Commit,
}

impl Quarantine<'_> {
    /// What the table says of a delivery that was taken without some of its records. The ledger keeps this of refused ones alone.
    fn told(&self, entry: &Entry) -> Result<Told> {
        let mut rows: Vec<Row> = Vec::new();
        let tables = self.head.files.iter().filter(|(name, _)| name.rsplit('/').next() == Some("quarantine"));
        let partition = format!("commit-{:020}", entry.commit);
        for file in tables.filter_map(|(_, files)| files.get(&partition)) {
            for batch in parquet::decode(&commit::read_file(self.lake, file)?, None, parquet::Text::Plain)? {
                rows.extend(published::plain_rows(
                    &batch,
                    &[("delivery", vec![&entry.path]), ("feed", vec![&entry.feed])],
                )?);
            }
        }
        let text = |row: &Row, name: &str| row.get(name).map(published::text).filter(|text| !text.is_empty());
        let number = |row: &Row, name: &str| row.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
        let mut faults: Vec<Fault> = Vec::new();
        for row in &rows {
            let (column, reason) = (text(row, "column_name"), text(row, "reason_code").unwrap_or_default());
            let known = faults.iter().position(|fault| fault.column == column && fault.reason == reason);
            let at = known.unwrap_or_else(|| {
                let nearest = text(row, "nearest").map(|write| Nearest { write, ..Nearest::default() });
                let declared = text(row, "declared");
                faults.push(Fault { column, reason, declared, nearest, ..Fault::default() });
                faults.len() - 1
            });
            let Some(fault) = faults.get_mut(at) else { continue };
            fault.count += 1;
            let Some(shape) = text(row, "found") else { continue };
            match fault.found.iter_mut().find(|known| known.shape == shape) {
                Some(known) => known.count += 1,
                None => fault.found.push(Shape { shape, count: 1 }),
            }
        }
        let mut spots: Vec<Spot> = rows
            .iter()
            .map(|row| Spot {
                record: number(row, "record"),
                byte_offset: number(row, "byte_offset"),
                column: text(row, "column_name"),
                reason: text(row, "reason_code").unwrap_or_default(),
                found: text(row, "found"),
            })
            .collect();
        spots.sort_by_key(|spot| spot.record);
        let told = Told { read: entry.counts.read, rejected: entry.counts.rejected, ..Told::default() };
        Ok(first_and_most(told, faults, spots))
    }
}

/// Prints a delivery.
///
/// # Errors
/// The store fails, or standard output cannot be written.
pub fn show(entry: &Entry, quarantine: &Quarantine<'_>, json: bool) -> Result<()> {
    let told = match &entry.told {
        Some(told) => told.clone(),
        None if entry.counts.rejected > 0 => quarantine.told(entry)?,
        None => Told::default(),
    };
    if json {
        let mut entry = entry.clone();
        entry.told = Some(told).filter(|told| !told.is_empty());
        return terminal::json(&entry);
    }
    let counts = entry.counts;
    let verdict = match (&entry.sentence, &entry.refused) {
        // The worst column ends the sentence, and here all of them follow.
        (Some(sentence), code) => {
            let cause = sentence.strip_suffix(&told.brief()).and_then(|cause| cause.strip_suffix("; "));
            format!("refused ({}): {}", code.as_deref().unwrap_or_default(), cause.unwrap_or(sentence))
        }
        _ => "accepted".into(),
    };
    let set = entry.set.as_ref().map_or_else(String::new, |set| format!("part of the set {set}\n"));
    let known_at = chrono::DateTime::from_timestamp_micros(entry.known_at)
        .map_or_else(String::new, |at| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true));
    terminal::data(&terminal::plain(&format!(
        "{} ({} -> {}), made {known_at}, {}, sha256 {}\n{set}{verdict}\n",
        entry.path,
        entry.feed,
        entry.table,
        words::count(entry.size, "byte"),
        entry.sha256,
    )))?;
    // None of the records of a refused delivery counts, whatever they are.
    if entry.is_accepted() {
        terminal::data(&format!("{} = {}\n", words::count(counts.read, "record"), counts.parts()))?;
    }
    terminal::data(&terminal::plain(&told.lines()))?;
    if told.is_empty() && counts.rejected > 0 {
        terminal::data("  quarantine no longer lists the rejected records\n")?;
    }
    terminal::data(&format!("first read by commit {}\n", entry.commit))
}
