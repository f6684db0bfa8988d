//! Gates that need to know the deliveries before: volume and field coverage. Judged in the order deliveries were made.

use crate::feed::{Feed, Intake, Mode, Reason, Refusal};
use crate::ledger::{Entry, Ledger};

/// How many earlier deliveries the volume is compared with.
const LAST: usize = 7;
/// A full snapshot smaller than this share of the usual one is taken for a broken export, unless the feed says otherwise.
const SNAPSHOT_SHARE: f64 = 0.5;
/// A column that was filled at least this often and is empty now went missing overnight.
const WAS_FILLED: f64 = 0.5;

/// Something an operator should know that holds nothing back.
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

/// Judges a delivery that passed the gate of its own records.
///
/// # Errors
/// The delivery is refused: it is far smaller than usual, or a required column went empty.
pub fn judge(
    feed: &Feed,
    entry: &Entry,
    intake: &Intake,
    ledger: &Ledger,
    notes: &mut Vec<Note>,
) -> Result<(), Refusal> {
    let before: Vec<&Entry> = ledger
        .accepted(&feed.name)
        .into_iter()
        .filter(|earlier| (earlier.known_at, &earlier.path) < (entry.known_at, &entry.path))
        .collect();
    let last = &before[before.len().saturating_sub(LAST)..];
    let mut sizes: Vec<u64> = last.iter().map(|entry| entry.counts.read).collect();
    sizes.sort_unstable();
    let share = feed.limits.rows_against_last.or((feed.mode == Mode::Full).then_some(SNAPSHOT_SHARE));
    if let (Some(share), Some(&median)) = (share, sizes.get(sizes.len() / 2))
        && (intake.read as f64) < share * median as f64
    {
        let detail = format!("{} records, the median of the last {} deliveries is {median}", intake.read, sizes.len());
        return Err(Refusal::new(Reason::VolumeDrop, detail));
    }
    // The gate refuses by this share from `rejected_share_from` records on; of fewer it says so.
    let rejected = intake.rejected_count();
    if rejected as f64 > feed.limits.rejected_share * intake.read as f64 {
        notes.push(Note {
            delivery: entry.path.clone(),
            check: "reject",
            code: Reason::RejectShare.code(),
            column: String::new(),
            affected: rejected,
            out_of: intake.read,
            previous_share: None,
            sentence: Reason::RejectShare.sentence().into(),
        });
    }
    if let Some(previous) = last.last().filter(|previous| previous.counts.read > 0 && intake.accepted > 0) {
        let previous_rows = (previous.counts.read - previous.counts.rejected).max(1) as f64;
        for (column, filled) in &intake.coverage {
            let was = previous.coverage.get(column).copied().unwrap_or(0) as f64 / previous_rows;
            if *filled == 0 && was >= WAS_FILLED && intake.accepted >= 10 {
                if feed.mode == Mode::Full {
                    return Err(Refusal::new(
                        Reason::CoverageDrop,
                        format!("{column} was filled in {:.0} % of the records before", was * 100.0),
                    ));
                }
                notes.push(Note {
                    delivery: entry.path.clone(),
                    check: "coverage",
                    code: "coverage_drop",
                    column: column.clone(),
                    affected: intake.accepted,
                    out_of: intake.accepted,
                    previous_share: Some(was),
                    sentence: Reason::CoverageDrop.sentence().into(),
                });
            }
        }
    }
    Ok(())
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
            etag: None,
            sha256: String::new(),
            known_at: day,
            refused: None,
            sentence: None,
            counts: Counts { read: records, accepted: records, ..Counts::default() },
            coverage: BTreeMap::from([("email".to_owned(), emails)]),
            feed_hash: String::new(),
            commit: 1,
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
        // Day 1 was large, long ago; of the last seven one was large and one small.
        let sizes = [9_000, 10, 10, 800, 10, 10, 1, 10];
        let before: Vec<Entry> = (1..).zip(sizes).map(|(day, records)| entry(day, records, 0)).collect();
        assert_eq!(judged(&half, &before, (9, 5, 0)), Ok(vec![]), "half of 10 is enough");
        assert_eq!(judged(&half, &before, (9, 4, 0)), Err(Reason::VolumeDrop));
        // Judged late, it is compared with what had been made by its day, not with what came after.
        assert_eq!(judged(&half, &before[1..], (3, 5, 0)), Ok(vec![]));
        assert_eq!(judged(&half, &before[3..], (3, 1, 0)), Ok(vec![]), "nothing was made before it");
        assert_eq!(judged(&half, &before[..1], (3, 5, 0)), Err(Reason::VolumeDrop));
        assert_eq!(judged(&feed("append", ""), &before, (9, 0, 0)), Ok(vec![]), "increments may be small");
        assert_eq!(judged(&feed("full", ""), &before, (9, 4, 0)), Err(Reason::VolumeDrop), "snapshots may not");
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
