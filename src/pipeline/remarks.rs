//! The closing lines of a run: what somebody has to know tonight, the heaviest first, and no more than fit on a page.
//! The table `data_quality` has all of it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::computed::Computed;
use super::context::Context;
use super::days::Rolled;
use super::gates;
use super::plan::DeliveryPlan;
use super::world::World;
use crate::canon::identity::Unmatched;
use crate::contract::findings::{Finding, Severity, finding};
use crate::feed::Reason;

/// Lines that a run ends with, at most.
pub const MOST: usize = 10;

/// What can be said of a run.
pub struct Sources<'a> {
    pub context: &'a Context<'a>,
    pub plan: &'a DeliveryPlan,
    pub rolled: &'a Rolled,
    pub computed: &'a Computed,
    pub world: &'a World,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    /// Data were left out, or built anew.
    Refused,
    Warning,
    /// Not about the data: what the job cannot fill, what no feed reads.
    Job,
    Note,
}

/// One line, and what decides of its place.
#[derive(Debug)]
struct Remark {
    weight: Weight,
    affected: u64,
    text: String,
}

impl From<Severity> for Weight {
    fn from(severity: Severity) -> Weight {
        match severity {
            Severity::Warn => Weight::Warning,
            Severity::Note => Weight::Note,
        }
    }
}

/// The lines, and one for all that are left out.
pub fn told(sources: &Sources<'_>) -> (Vec<String>, Option<String>) {
    let mut remarks = Vec::new();
    started_over(sources, &mut remarks);
    kept_as_read(sources, &mut remarks);
    of_deliveries(sources, &mut remarks);
    of_tables(sources, &mut remarks);
    heaviest(remarks)
}

/// The heaviest lines in their order, and how many others there are.
fn heaviest(mut remarks: Vec<Remark>) -> (Vec<String>, Option<String>) {
    remarks.sort_by(|a, b| (a.weight, Reverse(a.affected), &a.text).cmp(&(b.weight, Reverse(b.affected), &b.text)));
    let rest = remarks.split_off(remarks.len().min(MOST));
    let warnings = rest.iter().filter(|remark| remark.weight <= Weight::Warning).count();
    let kinds = [(warnings, "warning"), (rest.len() - warnings, "note")].into_iter().filter(|(count, _)| *count > 0);
    let kinds: Vec<String> =
        kinds.map(|(count, kind)| format!("{count} {kind}{}", if count == 1 { "" } else { "s" })).collect();
    let more =
        (!rest.is_empty()).then(|| format!("and {} more; `uptake show JOB data_quality` has all", kinds.join(" and ")));
    (remarks.into_iter().map(|remark| remark.text).collect(), more)
}

fn started_over(sources: &Sources<'_>, remarks: &mut Vec<Remark>) {
    let mut tables: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (table, why) in &sources.plan.start_over {
        tables.entry(why).or_default().push(table);
    }
    for (why, tables) in tables {
        let was = if tables.len() == 1 { "was" } else { "were" };
        let text = format!("canon {} {was} built anew: {why}", tables.join(", "));
        remarks.push(Remark { weight: Weight::Refused, affected: u64::MAX, text });
    }
}

fn kept_as_read(sources: &Sources<'_>, remarks: &mut Vec<Remark>) {
    for feed in &sources.plan.kept_as_read {
        let text = format!(
            "{feed}: its rows stay as they were read, by other rules than it has now: not all of its deliveries are in the landing area"
        );
        remarks.push(Remark { weight: Weight::Refused, affected: u64::MAX, text });
    }
}

/// Counts of one kind of thing over several deliveries of a feed.
#[derive(Default)]
struct Sum {
    affected: u64,
    out_of: u64,
    deliveries: u64,
    first: String,
}

impl Sum {
    fn add(&mut self, delivery: &str, affected: u64, out_of: u64) {
        if self.deliveries == 0 {
            delivery.clone_into(&mut self.first);
        }
        self.affected += affected;
        self.out_of += out_of;
        self.deliveries += 1;
    }

    /// `12 of 300`, and of which delivery.
    fn told(&self) -> String {
        let Sum { affected, out_of, deliveries, first } = self;
        let of = if out_of >= affected && *out_of > 0 { format!(" of {out_of}") } else { String::new() };
        match deliveries {
            1 => format!("{affected}{of} in {first}"),
            _ => format!("{affected}{of} in {deliveries} deliveries, e.g. {first}"),
        }
    }
}

fn place(feed: &str, column: &str) -> String {
    if column.is_empty() { feed.to_owned() } else { format!("{feed}, {column}") }
}

fn of_deliveries(sources: &Sources<'_>, remarks: &mut Vec<Remark>) {
    let ledger = &sources.rolled.ledger;
    let mut refused: BTreeMap<(&str, &str), (u64, &str, &str)> = BTreeMap::new();
    let mut found: BTreeMap<(&str, Weight, String, String), Sum> = BTreeMap::new();
    for (key, intake) in &sources.rolled.intakes {
        let Some(entry) = ledger.entries.get(key) else { continue };
        if let (Some(reason), Some(sentence)) = (&entry.refused, &entry.sentence) {
            refused.entry((&entry.feed, reason)).or_insert((0, &entry.path, sentence)).0 += 1;
        }
        // What was rejected of a refused delivery is told with its refusal.
        let Some(intake) = intake.as_ref().filter(|_| entry.is_accepted()) else { continue };
        let mut by_place: BTreeMap<(Reason, &str), u64> = BTreeMap::new();
        for reject in &intake.rejected {
            *by_place.entry((reject.reason, reject.column.as_deref().unwrap_or_default())).or_default() += 1;
        }
        for ((reason, column), count) in by_place {
            let said = format!("records were refused: {}", reason.sentence());
            let at = (entry.feed.as_str(), Weight::Warning, column.to_owned(), said);
            found.entry(at).or_default().add(&entry.path, count, intake.read);
        }
        for warning in &intake.warnings {
            let Some(finding) = finding(warning.code) else { continue };
            // The code is what `data_quality` is searched for.
            let said = format!("{} [{}]", finding.sentence, warning.reason.unwrap_or(finding.code));
            let column = warning.column.clone().unwrap_or_default();
            let at = (entry.feed.as_str(), Weight::from(finding.severity), column, said);
            // What is said of the file's own shape is no share of its records.
            let of_records = !["unknown_column", "header", "header_absent", "records"].contains(&finding.kind);
            let out_of = if of_records { intake.read } else { 0 };
            found.entry(at).or_default().add(&entry.path, warning.count, out_of);
        }
    }
    for note in &sources.rolled.notes {
        let Some(entry) = ledger.entries.get(&note.delivery) else { continue };
        let at = (entry.feed.as_str(), Weight::Warning, note.column.clone(), note.sentence.clone());
        found.entry(at).or_default().add(&entry.path, note.affected, note.out_of);
    }
    for ((feed, _), (count, path, sentence)) in refused {
        let text = match count {
            1 => format!("{path} of {feed} was refused: {sentence}"),
            _ => format!("{count} deliveries of {feed} were refused, e.g. {path}: {sentence}"),
        };
        remarks.push(Remark { weight: Weight::Refused, affected: count, text });
    }
    for ((feed, weight, column, said), sum) in found {
        let text = format!("{}: {said} ({})", place(feed, &column), sum.told());
        remarks.push(Remark { weight, affected: sum.affected, text });
    }
    for waiting in &sources.plan.waiting {
        let (text, affected) = (format!("{}: {waiting}", waiting.feed), waiting.objects as u64);
        remarks.push(Remark { weight: Weight::Warning, affected, text });
    }
    for stale in gates::joined::stale(sources.context, ledger) {
        let text = format!("{}: {}", stale.newest.feed, stale.sentence());
        remarks.push(Remark { weight: Weight::Warning, affected: stale.days.unsigned_abs(), text });
    }
    let strangers = &sources.plan.strangers;
    if !strangers.is_empty() {
        let text = match strangers.as_slice() {
            [one] => format!("no feed reads {one} in the landing area"),
            several => {
                let named = several.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
                let more = if several.len() > 5 { ", …" } else { "" };
                format!("no feed reads {} objects in the landing area: {named}{more}", several.len())
            }
        };
        remarks.push(Remark { weight: Weight::Job, affected: strangers.len() as u64, text });
    }
}

fn of_tables(sources: &Sources<'_>, remarks: &mut Vec<Remark>) {
    let world = sources.world;
    let accounts = world.identity.count(world.horizon - 1);
    let all: u64 = accounts.values().sum();
    let mut warn = |affected: u64, text: String| {
        if affected > 0 {
            remarks.push(Remark { weight: Weight::Warning, affected, text });
        }
    };
    for reason in Unmatched::ALL {
        let count = accounts.get(reason.code()).copied().unwrap_or(0);
        warn(count, format!("users: {count} of {all} accounts: {}", reason.sentence()));
    }
    let Computed { cycles_cut, orphans, .. } = sources.computed;
    warn(*cycles_cut, format!("org_units, workers: {cycles_cut} chains came back to themselves and were cut"));
    warn(*orphans, format!("org_units: {orphans} units name a parent that nobody knows and stand at the top"));
    let overlapping = world.people.overlapping;
    warn(overlapping, format!("workers: {overlapping} have rows that overlap; the later known one holds"));
    let mut by_cycle = Vec::new();
    for unknown in &sources.computed.unknown_cycles {
        if let Some(text) = unknown.remark() {
            by_cycle.push(text.clone());
            warn(unknown.rows, text);
        }
    }
    for text in sources.computed.remarks.iter().filter(|text| !by_cycle.contains(text)) {
        remarks.push(Remark { weight: Weight::Job, affected: u64::MAX, text: text.clone() });
    }
    for found in &world.found {
        let Some(Finding { severity, sentence, code, .. }) = finding(found.code) else { continue };
        let of = found.out_of.filter(|all| *all > 0).map_or_else(String::new, |all| format!(" of {all}"));
        let about = [&found.feed, &found.table, &found.column].map(String::as_str);
        let about: Vec<&str> = about.into_iter().filter(|name| !name.is_empty()).collect();
        let text = format!("{}: {}{of}: {sentence} [{code}]", about.join(", "), found.affected);
        remarks.push(Remark { weight: (*severity).into(), affected: found.affected, text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remark(weight: Weight, affected: u64) -> Remark {
        Remark { weight, affected, text: format!("{weight:?} {affected}") }
    }

    #[test]
    fn ten_lines_at_most_are_said_the_heaviest_first_and_the_rest_by_count() {
        let mut remarks: Vec<Remark> = (1..=8).map(|affected| remark(Weight::Warning, affected)).collect();
        remarks.push(remark(Weight::Note, 900));
        remarks.insert(0, remark(Weight::Job, 7));
        remarks.push(remark(Weight::Refused, 1));
        let (said, more) = heaviest(remarks);
        assert_eq!(said.len(), MOST);
        assert_eq!(said[..2], ["Refused 1", "Warning 8"]);
        assert_eq!(said[9], "Job 7");
        assert_eq!(more.as_deref(), Some("and 1 note more; `uptake show JOB data_quality` has all"));
    }

    #[test]
    fn what_fits_leaves_nothing_unsaid() {
        let (said, more) = heaviest(vec![remark(Weight::Note, 1), remark(Weight::Warning, 1)]);
        assert_eq!((said, more), (vec!["Warning 1".to_owned(), "Note 1".to_owned()], None));
    }
}
