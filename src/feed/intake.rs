//! What reading one delivery gave, counted so that nothing is lost: the batches themselves went to the sink.

use super::ids::Zeros;
use super::order::Orders;
use super::record::Place;
use super::reject::{Reason, Refusal, Reject};
use super::told::Told;
use super::warning::Warning;

/// What reading one delivery gave. `read = accepted + rejected_count() + filtered + duplicate + superseded + voided`; the merge splits
/// `accepted` further.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Intake {
    /// Records, header, footers and blank lines not counted.
    pub read: u64,
    pub accepted: u64,
    /// Records that the feed's `where` left out.
    pub filtered: u64,
    /// Records that another one of the delivery repeats, outranks or takes back, by the feed's own rules.
    pub duplicate: u64,
    pub superseded: u64,
    pub voided: u64,
    /// What the accepted records say to these rules, until the rules have been applied.
    pub(crate) marks: Vec<Mark>,
    /// The first [`REJECTS_KEPT`](super::reject::REJECTS_KEPT) rejects, in file order.
    pub rejected: Vec<Reject>,
    /// All rejects, by reason.
    pub rejected_by_reason: Vec<(Reason, u64)>,
    pub blank_lines: u64,
    /// What is said of what was refused.
    pub told: Told,
    pub warnings: Vec<Warning>,
    /// Values that are not null among the accepted rows, by stored canon column.
    pub coverage: Vec<(String, u64)>,
    /// Optional columns that the feed maps and the export lacks: what was known of them stays.
    pub absent: Vec<String>,
    /// Values that no entry of a value map names and a default stood in for, by canon column.
    pub unknown_values: Vec<(String, u64)>,
    /// Of the key of a full snapshot, how its ids are written.
    pub zeros: Zeros,
    /// Of a part of a set, how its columns of days are written, and the sites whose accounts it names where none are declared.
    pub(crate) orders: Vec<(String, Orders)>,
    pub(crate) sites: Vec<String>,
    /// SHA-256 of the object as stored, 64 hex digits.
    pub sha256: String,
}

impl Intake {
    pub fn rejected_count(&self) -> u64 {
        self.rejected_by_reason.iter().map(|(_, count)| count).sum()
    }

    /// The refusal of the delivery, with what was seen of its records.
    pub fn refused(&self, refusal: Refusal) -> Refusal {
        refusal.with(&self.told, &self.rejected)
    }

    /// What is left of a refused delivery for the tables of operators: what was rejected of it, and nothing that counts.
    pub fn left_of(refusal: Refusal) -> Intake {
        let told = refusal.told();
        let mut rejected = refusal.seen.map(|seen| seen.rejected).unwrap_or_default();
        for spot in told.first.iter().filter(|spot| spot.record > 0) {
            // A record at which reading stopped was not rejected by itself.
            let Some(reason) = Reason::of(&spot.reason) else { continue };
            if !rejected.iter().any(|reject| reject.record == spot.record) {
                let found = spot.found.as_deref().map(Box::from);
                let (record, byte_offset, column) = (spot.record, spot.byte_offset, spot.column.clone());
                rejected.push(Reject { record, byte_offset, column, reason, found });
            }
        }
        Intake { read: told.read, rejected, told, ..Intake::default() }
    }

    /// Records that passed the gate, whatever the feed's rules made of them.
    pub fn passed(&self) -> u64 {
        self.accepted + self.duplicate + self.superseded + self.voided
    }
}

/// What an accepted record says to the rules, in the order in which records are handed over.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mark {
    pub place: Place,
    pub annuls: bool,
    pub primary: bool,
    pub order: Option<Box<str>>,
}
