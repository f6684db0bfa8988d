//! `feed try`: what the gate would say of some files. Nothing is stored.

use std::collections::HashMap;
use std::fmt;

use arrow::array::{Array, AsArray, RecordBatch};
use bytes::Bytes;
use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::context::{Context, Delivery};
use super::feed::{Feed, Mode};
use super::pseudonym::Pseudonyms;
use super::read_delivery::read;
use super::reject::{Reason, Refusal, Reject, Stop};
use super::told::{Spot, Told};
use super::unique::{self, Hash};
use super::warning::Warning;
use crate::contract::findings::finding;
use crate::contract::{Table, words};

/// What the gate says of one file. `read = accepted + rejected_count + duplicate + superseded + voided + filtered`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    pub file: String,
    /// accept, accept_with_row_rejects or reject_file.
    pub verdict: &'static str,
    pub read: u64,
    /// Rows that would stand after all the files given.
    pub accepted: u64,
    pub rejected_count: u64,
    /// The first rejects in full; of a refused file ten.
    pub rejected: Vec<Rejected>,
    /// Why the file as a whole is refused.
    pub refused: Option<Refused>,
    /// Counts by column and reason, how the values are written, what is declared and what would read them.
    #[serde(skip_serializing_if = "Told::is_empty")]
    pub told: Told,
    pub warnings: Vec<Warning>,
    /// Rows that repeat one that came before, in this file or an earlier one.
    pub duplicate: u64,
    /// Rows that a later row of the same key replaces.
    pub superseded: u64,
    /// Rows that the feed's `where` leaves out.
    pub filtered: u64,
    /// Statements taken back, and the statements that take them back.
    pub voided: u64,
    /// Voiding statements whose target is in none of the files.
    pub pending_voids: u64,
}

#[derive(Debug, Clone, Serialize)]
pub struct Rejected {
    pub record: u64,
    pub byte_offset: u64,
    pub column: Option<String>,
    pub reason: &'static str,
    pub sentence: &'static str,
    /// What the value looks like, and never what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
pub struct Refused {
    pub reason: &'static str,
    pub sentence: String,
    pub record: Option<u64>,
    pub byte_offset: Option<u64>,
    pub column: Option<String>,
}

/// The last row of a key so far.
struct Standing {
    content: Hash,
    file: usize,
    empty: bool,
    voiding: Option<String>,
}

/// Reads `files` (path, bytes) in the given order through the gate and counts what would stand. Control totals are taken
/// from among the files, where the feed declares a sidecar.
pub fn try_files(
    feed: &Feed,
    table: &Table,
    as_of: DateTime<Utc>,
    pseudonyms: &Pseudonyms,
    files: &[(String, Bytes)],
) -> Vec<Report> {
    try_files_in(Tz::UTC, feed, table, as_of, pseudonyms, files)
}

/// The same for a job whose reporting zone is not UTC.
pub fn try_files_in(
    zone: Tz,
    feed: &Feed,
    table: &Table,
    as_of: DateTime<Utc>,
    pseudonyms: &Pseudonyms,
    files: &[(String, Bytes)],
) -> Vec<Report> {
    let mut reports: Vec<Report> = Vec::new();
    let mut standing: HashMap<Hash, Standing> = HashMap::new();
    let mut ids: HashMap<String, Hash> = HashMap::new();
    let beside: Vec<String> = files.iter().filter_map(|(path, _)| feed.sidecar_of(path)).collect();
    for (path, bytes) in files.iter().filter(|(path, _)| !beside.contains(path)) {
        let file = reports.len();
        let delivery = Delivery {
            feed: feed.name.clone(),
            path: path.clone(),
            size: bytes.len() as u64,
            etag: None,
            known_at: made(feed, path, zone).unwrap_or(as_of),
        };
        let sidecar = feed.sidecar_of(path).and_then(|name| files.iter().find(|(other, _)| *other == name));
        let sidecar = sidecar.map(|(_, bytes)| bytes.as_ref());
        let context = Context { sidecar, ..Context::new(table, as_of, pseudonyms).in_zone(zone) };
        let mut report = Report { file: path.clone(), verdict: "accept", ..Report::default() };
        let mut batches = Vec::new();
        let mut sink = |batch: RecordBatch| {
            batches.push((unique::prints(table, &batch)?, voids(table, &batch)));
            Ok(())
        };
        match read(feed, &context, &delivery, bytes, &mut sink) {
            Err(Stop::Refused(refusal) | Stop::Sink(refusal)) => refuse(&mut report, &refusal),
            Ok(intake) => {
                report.read = intake.read;
                report.accepted = intake.accepted;
                report.rejected_count = intake.rejected_count();
                report.duplicate = intake.duplicate;
                report.superseded = intake.superseded;
                report.voided = intake.voided;
                report.filtered = intake.filtered;
                report.warnings = intake.warnings;
                report.told = intake.told;
                report.rejected = intake.rejected.into_iter().map(Rejected::from).collect();
                if report.rejected_count > 0 {
                    report.verdict = "accept_with_row_rejects";
                }
            }
        }
        reports.push(report);
        if reports[file].refused.is_some() {
            continue;
        }
        for (prints, voids) in batches {
            for (print, (id, voiding)) in prints.into_iter().zip(voids) {
                if let Some(id) = id {
                    ids.insert(id, print.key);
                }
                if feed.select.annul.is_some() && feed.mode == Mode::Full && print.deleted {
                    reports[file].voided += 1;
                    reports[file].accepted -= 1;
                    continue;
                }
                let before = standing.get(&print.key);
                // Within one file a row that holds on some day is not replaced by one of no day.
                let outranked = before.is_some_and(|before| before.file == file && !before.empty && print.empty);
                let before = before.map(|before| (before.content == print.content, before.file));
                match before {
                    Some((false, _)) if outranked => {
                        reports[file].superseded += 1;
                        reports[file].accepted -= 1;
                        continue;
                    }
                    Some((true, _)) => {
                        reports[file].duplicate += 1;
                        reports[file].accepted -= 1;
                        continue;
                    }
                    Some((false, older)) => {
                        reports[older].superseded += 1;
                        reports[older].accepted -= 1;
                    }
                    None => {}
                }
                standing.insert(print.key, Standing { content: print.content, file, empty: print.empty, voiding });
            }
        }
    }
    take_back(&mut reports, &mut standing, &ids);
    reports
}

/// When a file was made, where its name says so: a path on this machine may begin above the landing area.
fn made(feed: &Feed, path: &str, zone: Tz) -> Option<DateTime<Utc>> {
    let below = path.match_indices('/').map(|(at, _)| &path[at + 1..]);
    let local = std::iter::once(path).chain(below).find_map(|path| feed.recognise(path))??;
    Some(zone.from_local_datetime(&local).earliest().map_or_else(|| local.and_utc(), |zoned| zoned.with_timezone(&Utc)))
}

/// Applies voiding statements, wherever they came.
fn take_back(reports: &mut [Report], standing: &mut HashMap<Hash, Standing>, ids: &HashMap<String, Hash>) {
    let voiding: Vec<(usize, String)> =
        standing.values().filter_map(|row| Some((row.file, row.voiding.clone()?))).collect();
    for (file, target) in voiding {
        reports[file].voided += 1;
        reports[file].accepted -= 1;
        match ids.get(&target).and_then(|key| standing.remove(key)) {
            Some(taken) if taken.voiding.is_none() => {
                reports[taken.file].voided += 1;
                reports[taken.file].accepted -= 1;
            }
            // A second void of the same statement changes nothing.
            _ if ids.contains_key(&target) => {}
            _ => reports[file].pending_voids += 1,
        }
    }
}

/// For tables with events that can be voided: each row's id and the id it voids.
fn voids(table: &Table, batch: &RecordBatch) -> Vec<(Option<String>, Option<String>)> {
    let target = batch.column_by_name("voids_event_id");
    let (Some(target), [key]) = (target, table.key.as_slice()) else { return vec![(None, None); batch.num_rows()] };
    let Some(ids) = batch.column_by_name(key).and_then(|ids| ids.as_string_opt::<i32>()) else {
        return vec![(None, None); batch.num_rows()];
    };
    let Some(targets) = target.as_any_dictionary_opt() else { return vec![(None, None); batch.num_rows()] };
    let keys = targets.normalized_keys();
    let Some(names) = targets.values().as_string_opt::<i32>() else { return vec![(None, None); batch.num_rows()] };
    let entry = |row: usize| {
        let voided = (!target.is_null(row)).then(|| names.value(keys[row]).to_owned());
        (Some(ids.value(row).to_owned()), voided)
    };
    (0..batch.num_rows()).map(entry).collect()
}

fn refuse(report: &mut Report, refusal: &Refusal) {
    report.verdict = "reject_file";
    report.told = refusal.told();
    report.read = report.told.read;
    report.rejected_count = report.told.rejected;
    let spots = report.told.first.iter().filter(|_| report.told.rejected > 0);
    report.rejected = spots.map(Rejected::from).collect();
    report.refused = Some(Refused {
        reason: refusal.reason.code(),
        sentence: refusal.cause(),
        record: refusal.record,
        byte_offset: refusal.byte_offset,
        column: refusal.column.clone(),
    });
}

impl From<Reject> for Rejected {
    fn from(reject: Reject) -> Rejected {
        let (reason, sentence) = (reject.reason.code(), reject.reason.sentence());
        let found = reject.found.map(String::from);
        Rejected {
            record: reject.record,
            byte_offset: reject.byte_offset,
            column: reject.column,
            reason,
            sentence,
            found,
        }
    }
}

impl From<&Spot> for Rejected {
    fn from(spot: &Spot) -> Rejected {
        let Spot { record, byte_offset, column, found, .. } = spot.clone();
        let (reason, sentence) = Reason::of(&spot.reason).map_or(("", ""), |reason| (reason.code(), reason.sentence()));
        Rejected { record, byte_offset, column, reason, sentence, found }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(refused) = &self.refused {
            writeln!(f, "{}: refused: {} ({})", self.file, refused.sentence, refused.reason)?;
            return f.write_str(&self.told.lines());
        }
        writeln!(
            f,
            "{}: {} read = {} accepted + {} rejected + {} duplicate + {} superseded + {} voided + {} filtered",
            self.file,
            self.read,
            self.accepted,
            self.rejected_count,
            self.duplicate,
            self.superseded,
            self.voided,
            self.filtered
        )?;
        f.write_str(&self.told.lines())?;
        for warning in &self.warnings {
            let column = warning.column.as_deref().map(|column| format!("{column}: ")).unwrap_or_default();
            let sentence = finding(warning.code).map_or(warning.code, |finding| finding.sentence);
            let reason = warning.reason.map(|reason| format!(", {reason}")).unwrap_or_default();
            let times = if warning.count == 1 { "once".to_owned() } else { words::count(warning.count, "time") };
            writeln!(f, "  warning: {column}{sentence} ({}{reason}; {times})", warning.code)?;
        }
        match self.pending_voids {
            0 => Ok(()),
            1 => writeln!(f, "  1 statement that is taken back is in none of these files"),
            many => writeln!(f, "  {many} statements that are taken back are in none of these files"),
        }
    }
}
