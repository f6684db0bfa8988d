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
