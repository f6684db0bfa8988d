//! Gates over whole deliveries, judged in the order they were made: zero rows, volume, shares of records, headcount and field
//! coverage against the deliveries before. `joined` has the two that look further: join coverage with HRIS, and freshness.
//!
//! The feed says of each whether it blocks or warns ([`crate::feed::Gates`]) and from which limit on ([`crate::feed::Limits`]).

pub mod joined;

use std::collections::BTreeMap;

use crate::contract::words;
use crate::feed::{Feed, Intake, Mode, Reason, Refusal, Verdict};
use crate::ledger::{Entry, Ledger};

/// How many earlier deliveries the volume is compared with.
const LAST: usize = 7;
/// A full snapshot smaller than this share of the usual one is taken for a broken export, unless the feed says otherwise.
const SNAPSHOT_SHARE: f64 = 0.5;
/// A column that was filled at least this often and is empty now went missing overnight.
const WAS_FILLED: f64 = 0.5;

/// Something an operator should know of a delivery that holds nothing back.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    pub delivery: String,
    pub check: &'static str,
    pub code: &'static str,
    pub column: String,
    pub affected: u64,
    pub out_of: u64,
    pub previous_share: Option<f64>,
    pub sentence: String,
}

/// A limit that a delivery falls short of.
struct Finding {
    verdict: Verdict,
    reason: Reason,
    /// What data_quality calls the check.
    check: &'static str,
    column: String,
    affected: u64,
    out_of: u64,
    previous_share: Option<f64>,
    /// The figures, for the refusal.
    detail: String,
}

/// Judges a delivery that passed the gate of its own records.
///
/// # Errors
/// The delivery is refused: a gate that blocks found it short of its limit.
pub fn judge(
    feed: &Feed,
    entry: &Entry,
    intake: &Intake,
    ledger: &Ledger,
    notes: &mut Vec<Note>,
) -> Result<(), Refusal> {
    if feed.mode == Mode::Append && intake.read == 0 {
        // An hour in which nothing happened is no broken export.
        return Ok(());
    }
    let before = before(feed, entry, ledger);
    let before: Vec<&Entry> = before.iter().collect();
    let mut found: Vec<Finding> = Vec::new();
    found.extend(zero_rows(feed, intake));
    found.extend(all_filtered(feed, intake));
    found.extend(volume(feed, intake, &before));
    found.extend(records(feed, intake, entry.set.is_some()));
    found.extend(headcount(feed, entry, &before));
    found.extend(dropped(feed, intake));
    found.extend(field_coverage(feed, intake, &before));
    headers_gone(feed, entry, intake, &before, notes);
    for finding in found {
        match finding.verdict {
            Verdict::Off => {}
            Verdict::Block => return Err(Refusal::new(finding.reason, finding.detail)),
            Verdict::Warn => notes.push(Note {
                delivery: entry.key(),
                check: finding.check,
                code: finding.reason.code(),
                column: finding.column,
                affected: finding.affected,
                out_of: finding.out_of,
                previous_share: finding.previous_share,
                sentence: finding.reason.sentence().into(),
            }),
        }
    }
    Ok(())
}

/// What the feed delivered last for the same values of the path's placeholders, oldest first: each set as the one delivery it is,
/// idle hours left out.
fn before(feed: &Feed, entry: &Entry, ledger: &Ledger) -> Vec<Entry> {
    let earlier = ledger.accepted(&feed.name).into_iter().rev().filter(|earlier| {
        earlier.series == entry.series
            && !earlier.is_with(entry)
            && (earlier.known_at, &earlier.path) < (entry.known_at, &entry.path)
            && (feed.mode != Mode::Append || earlier.counts.read > 0)
    });
    let mut told: Vec<Entry> = Vec::new();
    for earlier in earlier {
        // Parts of a set are of one instant, so they come one after the other but for what else is of that instant.
        let same = |set: &Entry| set.known_at == earlier.known_at;
        let set = told.iter().rposition(|set| same(set) && set.is_with(earlier));
        if let Some(set) = set.and_then(|at| told.get_mut(at)) {
            add(set, earlier);
        } else if told.len() >= LAST && !told.last().is_some_and(same) {
            break;
        } else {
            told.push(earlier.clone());
        }
    }
    told.reverse();
    told
}

/// Adds a part to its set.
pub fn add(set: &mut Entry, part: &Entry) {
    set.counts.add(&part.counts);
    set.headcount = set.headcount.max(part.headcount);
    for (column, filled) in &part.coverage {
        *set.coverage.entry(column.clone()).or_default() += filled;
    }
}

fn zero_rows(feed: &Feed, intake: &Intake) -> Option<Finding> {
    (intake.read == 0).then(|| Finding {
        verdict: feed.gates.zero_rows,
        reason: Reason::ZeroRows,
        check: "zero_rows",
        column: String::new(),
        affected: 0,
        out_of: 0,
        previous_share: None,
        detail: "at most there is a header".into(),
    })
}

/// A snapshot of which the feed's `where` leaves nothing: as if everything had ended.
fn all_filtered(feed: &Feed, intake: &Intake) -> Option<Finding> {
    let is_left_out = feed.mode == Mode::Full && intake.read > 0 && intake.filtered == intake.read;
    is_left_out.then(|| Finding {
        verdict: if feed.gates.zero_rows == Verdict::Off { Verdict::Off } else { Verdict::Block },
        reason: Reason::ZeroRows,
        check: "zero_rows",
        column: String::new(),
        affected: intake.filtered,
        out_of: intake.read,
        previous_share: None,
        detail: format!("the feed's `where` leaves out all {}", words::count(intake.read, "record")),
    })
}

/// Records that passed, against those that passed of the last deliveries: a snapshot whose records are all rejected is empty too.
fn volume(feed: &Feed, intake: &Intake, before: &[&Entry]) -> Option<Finding> {
    let last = &before[before.len().saturating_sub(LAST)..];
    let mut sizes: Vec<u64> = last.iter().map(|entry| entry.counts.passed()).collect();
    sizes.sort_unstable();
    let median = *sizes.get(sizes.len() / 2)?;
    let share = feed.limits.rows_against_last.or((feed.mode == Mode::Full).then_some(SNAPSHOT_SHARE))?;
    let passed = intake.passed();
    ((passed as f64) < share * median as f64).then(|| Finding {
        verdict: feed.gates.volume,
        reason: Reason::VolumeDrop,
        check: "volume",
        column: String::new(),
        affected: passed,
        out_of: median,
        previous_share: None,
        detail: format!(
            "{}, which is {} of the median of the last {} ({median}); the feed asks for {} (limits.rows_against_last)",
            words::count(passed, "record"),
            words::percent_of(passed, median),
            if sizes.len() == 1 { "delivery".to_owned() } else { format!("{} deliveries", sizes.len()) },
            words::percent(share)
        ),
    })
}

/// `41 % (7 of 17 records)`.
fn share_of(affected: u64, all: u64) -> String {
    format!("{} ({affected} of {})", words::percent_of(affected, all), words::count(all, "record"))
}

/// Shares of records: rejected ones, several of one key, values that no map names.
fn records(feed: &Feed, intake: &Intake, is_set: bool) -> Vec<Finding> {
    let finding = |verdict, reason: Reason, check, column: &str, affected| Finding {
        verdict,
        reason,
        check,
        column: column.into(),
        affected,
        out_of: intake.read,
        previous_share: None,
        detail: match column {
            "" => share_of(affected, intake.read),
            column => format!("{column}: {}", share_of(affected, intake.read)),
        },
    };
    let mut found = Vec::new();
    // The reader refuses by this share from `rejected_share_from` records on; of fewer it is said here. Of the parts of a set only
    // all of them together are judged.
    let rejected = intake.rejected_count();
    let judged = intake.read.saturating_sub(intake.filtered);
    if rejected as f64 > feed.limits.rejected_share * judged as f64 && feed.gates.reject_share != Verdict::Off {
        let is_whole = is_set && judged >= feed.limits.rejected_share_from.max(1);
        let verdict = if is_whole { feed.gates.reject_share } else { Verdict::Warn };
        found.push(finding(verdict, Reason::RejectShare, "reject", "", rejected));
    }
    let conflicts = intake
        .rejected_by_reason
        .iter()
        .find(|(reason, _)| *reason == Reason::DuplicateKeyConflict)
        .map_or(0, |at| at.1);
    if conflicts > 0 && feed.gates.key_uniqueness == Verdict::Block {
        found.push(finding(Verdict::Block, Reason::DuplicateKeyConflict, "reject", "", conflicts));
    }
    for (column, unknown) in &intake.unknown_values {
        if *unknown as f64 > feed.limits.unknown_share * intake.read as f64 {
            found.push(finding(feed.gates.unknown_values, Reason::UnknownShare, "unknown_value", column, *unknown));
        }
    }
    found
}

fn headcount(feed: &Feed, entry: &Entry, before: &[&Entry]) -> Option<Finding> {
    let now = entry.headcount?;
    let was = before.iter().rev().find_map(|earlier| earlier.headcount).filter(|was| *was > 0)?;
    let changed = now.abs_diff(was);
    (changed as f64 > feed.limits.headcount_change * was as f64).then(|| Finding {
        verdict: feed.gates.headcount_change,
        reason: Reason::HeadcountChange,
        check: "headcount_change",
        column: String::new(),
        affected: changed,
        // A share of whichever is more: a workforce that more than doubles changed by all it has at most.
        out_of: was.max(now),
        previous_share: None,
        detail: format!(
            "{now} are employed, {was} were in the snapshot before; the feed allows a change of {} (limits.headcount_change)",
            words::percent(feed.limits.headcount_change)
        ),
    })
}

/// Columns of which too many values could not be read: the export has changed, however few records that spoils.
fn dropped(feed: &Feed, intake: &Intake) -> Vec<Finding> {
    let mut by_column: BTreeMap<&str, u64> = BTreeMap::new();
    for warning in intake.warnings.iter().filter(|warning| warning.code == "value_dropped") {
        *by_column.entry(warning.column.as_deref().unwrap_or_default()).or_default() += warning.count;
    }
    let finding = |(column, dropped): (&str, u64)| {
        let filled = intake.coverage.iter().find(|(name, _)| name == column).map_or(0, |(_, filled)| *filled);
        let given = filled + dropped;
        let limits = &feed.limits;
        let judged = given >= limits.dropped_share_from && dropped as f64 > limits.dropped_share * given as f64;
        judged.then(|| Finding {
            verdict: feed.gates.dropped_values,
            reason: Reason::DroppedShare,
            check: "dropped_values",
            column: column.to_owned(),
            affected: dropped,
            out_of: given,
            previous_share: None,
            detail: format!(
                "{} of {column} ({dropped} of {}), and the feed allows {} (limits.dropped_share)",
                words::percent_of(dropped, given),
                words::count(given, "value"),
                words::percent(limits.dropped_share)
            ),
        })
    };
    by_column.into_iter().filter_map(finding).collect()
}

/// Columns that earlier deliveries had and this one lacks, of feeds that write no headers: of those that do, the gate itself says
/// every optional column that is not there.
fn headers_gone(feed: &Feed, entry: &Entry, intake: &Intake, before: &[&Entry], notes: &mut Vec<Note>) {
    let had =
        |column: &&String| before.iter().any(|earlier| earlier.coverage.get(*column).is_some_and(|filled| *filled > 0));
    let sentence = crate::contract::findings::finding("header_absent").map_or("", |finding| finding.sentence);
    notes.extend(intake.absent.iter().filter(|_| feed.own_names).filter(had).map(|column| Note {
        delivery: entry.path.clone(),
        check: "header_absent",
        code: "header_absent",
        column: column.clone(),
        affected: 1,
        out_of: intake.read,
        previous_share: None,
        sentence: sentence.to_owned(),
    }));
}

/// Columns that were filled in the last delivery that had them and are empty in this one.
fn field_coverage(feed: &Feed, intake: &Intake, before: &[&Entry]) -> Vec<Finding> {
    if intake.accepted < 10 {
        return Vec::new();
    }
    let was = |column: &String| {
        let previous = before.iter().rev().find(|earlier| !earlier.absent.contains(column))?;
        let rows = previous.counts.passed();
        (rows > 0).then(|| previous.coverage.get(column).copied().unwrap_or(0) as f64 / rows as f64)
    };
    let was = |column: &String| was(column).unwrap_or(0.0);
    let empty = intake.coverage.iter().filter(|(column, filled)| {
        // A column that is not there is not an empty column.
        *filled == 0 && !intake.absent.contains(column) && was(column) >= WAS_FILLED
    });
    empty
        .map(|(column, _)| Finding {
            verdict: feed.gates.field_coverage,
            reason: Reason::CoverageDrop,
            check: "coverage",
            column: column.clone(),
            affected: intake.accepted,
            out_of: intake.accepted,
            previous_share: Some(was(column)),
            detail: format!("{column} was filled in {} of the records before", words::percent(was(column))),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::contract::Catalog;
    use crate::ledger::Counts;

    fn feed(mode: &str, limits: &str) -> Feed {
        let text = format!(
            "description = \"\"\nfills = \"users\"\npath = \"u_{{date}}.csv\"\nformat = \"csv\"\nmode = \"{mode}\"\n{limits}"
        );
        Feed::parse("f", &text, &Catalog::load().unwrap()).unwrap()
    }

    /// A delivery of some day with so many records, of which so many have an e-mail.
    fn entry(day: i64, records: u64, emails: u64) -> Entry {
        Entry {
            feed: "f".into(),
            table: "users".into(),
            path: format!("u_{day}.csv"),
            size: 1,
            known_at: day,
            counts: Counts { read: records, accepted: records, ..Counts::default() },
            coverage: BTreeMap::from([("email".to_owned(), emails)]),
            commit: 1,
            ..Entry::default()
        }
    }

    /// What is said of a delivery after others: the reason of its refusal, or the codes of the notes.
    fn judged(
        feed: &Feed,
        before: &[Entry],
        (day, records, emails): (i64, u64, u64),
    ) -> Result<Vec<&'static str>, Reason> {
        let ledger = Ledger { entries: before.iter().map(|entry| (entry.path.clone(), entry.clone())).collect() };
        let intake =
            Intake { read: records, accepted: records, coverage: vec![("email".into(), emails)], ..Intake::default() };
        let mut notes = Vec::new();
        judge(feed, &entry(day, records, emails), &intake, &ledger, &mut notes).map_err(|refusal| refusal.reason)?;
        Ok(notes.iter().map(|note| note.code).collect())
    }

    #[test]
    fn a_delivery_is_compared_with_the_median_of_the_last_seven_made_before_it() {
        let half = feed("append", "[limits]\nrows_against_last = 0.5");
        // Day 1 was large, long ago; of the last seven one was large and the very last one small.
        let sizes = [9_000, 10, 10, 800, 10, 10, 10, 1];
        let before: Vec<Entry> = (1..).zip(sizes).map(|(day, records)| entry(day, records, 0)).collect();
        assert_eq!(judged(&half, &before, (9, 5, 0)), Ok(vec![]), "half of 10 is enough");
        assert_eq!(judged(&half, &before, (9, 4, 0)), Err(Reason::VolumeDrop));
        // Judged late, it is compared with what had been made by its day, not with what came after.
        assert_eq!(judged(&half, &before[1..], (3, 5, 0)), Ok(vec![]));
        assert_eq!(judged(&half, &before[3..], (3, 1, 0)), Ok(vec![]), "nothing was made before it");
        assert_eq!(judged(&half, &before[..1], (3, 5, 0)), Err(Reason::VolumeDrop));
        assert_eq!(judged(&feed("append", ""), &before, (9, 1, 0)), Ok(vec![]), "increments may be small");
        assert_eq!(judged(&feed("full", ""), &before, (9, 4, 0)), Err(Reason::VolumeDrop), "snapshots may not");
    }

    #[test]
    fn a_set_is_compared_with_sets_and_an_idle_hour_with_nothing() {
        let part = |day: i64, name: &str, records: u64| Entry {
            path: format!("u_{day}.{name}.csv"),
            set: Some(format!("day {day}")),
            ..entry(day, records, 0)
        };
        let before = [part(1, "a", 50), part(1, "b", 50), part(2, "a", 50), part(2, "b", 50), part(3, "a", 50)];
        let half = feed("append", "[limits]\nrows_against_last = 0.5");
        let judged = |day: i64, set: Option<&str>, records: u64| {
            let ledger = Ledger { entries: before.iter().map(|entry| (entry.path.clone(), entry.clone())).collect() };
            let entry = Entry { set: set.map(str::to_owned), ..entry(day, records, 0) };
            let intake = Intake { read: records, accepted: records, ..Intake::default() };
            judge(&half, &entry, &intake, &ledger, &mut Vec::new()).map_err(|refusal| refusal.reason)
        };
        assert_eq!(judged(4, None, 49), Err(Reason::VolumeDrop), "half of 100, the median of 50, 100 and 100");
        assert_eq!(judged(3, Some("day 3"), 50), Ok(()), "its own first part is no delivery before it");
        assert_eq!(judged(3, Some("day 3"), 49), Err(Reason::VolumeDrop));
        assert_eq!(judged(4, None, 0), Ok(()), "nothing happened");
    }

    #[test]
    fn a_column_that_was_filled_and_is_empty_refuses_a_snapshot_and_is_noted_of_an_increment() {
        let (full, increment) = (feed("full", ""), feed("delta", ""));
        let filled = [entry(1, 20, 10)];
        assert_eq!(judged(&full, &filled, (2, 20, 0)), Err(Reason::CoverageDrop));
        assert_eq!(judged(&increment, &filled, (2, 20, 0)), Ok(vec!["coverage_drop"]));
        assert_eq!(judged(&full, &filled, (2, 20, 1)), Ok(vec![]), "one value is not empty");
        assert_eq!(judged(&full, &[entry(1, 20, 9)], (2, 20, 0)), Ok(vec![]), "it was rarely filled before");
        assert_eq!(judged(&increment, &filled, (2, 9, 0)), Ok(vec![]), "of nine records nothing can be told");
        assert_eq!(judged(&increment, &filled, (2, 10, 0)), Ok(vec!["coverage_drop"]));
    }
}
