//! What was refused: a whole delivery, with what was seen of it until then, or reading stopped for another cause.

pub use super::reason::{Reason, Reject};
use super::told::{Fault, Nearest, Seen, Shape, Spot, Told};

/// Rejects kept in full for each delivery; beyond this only their number by reason is known.
pub const REJECTS_KEPT: usize = 10_000;
/// The same of a delivery that is refused as a whole.
pub const REFUSED_KEPT: usize = 1_000;

/// A whole delivery refused. Batches already handed to the sink must be thrown away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub reason: Reason,
    /// What exactly, without values: a missing column's name, the limit that was passed.
    pub detail: String,
    /// The record at which reading stopped, where there is one.
    pub record: Option<u64>,
    /// Where that record begins in the decompressed text.
    pub byte_offset: Option<u64>,
    pub column: Option<String>,
    /// What was seen until then.
    pub seen: Option<Box<Seen>>,
}

impl Refusal {
    pub fn new(reason: Reason, detail: impl Into<String>) -> Refusal {
        Refusal { reason, detail: detail.into(), record: None, byte_offset: None, column: None, seen: None }
    }

    pub(crate) fn at(self, record: u64, byte_offset: u64) -> Refusal {
        Refusal { record: Some(record), byte_offset: Some(byte_offset), ..self }
    }

    pub(crate) fn column(self, column: &str) -> Refusal {
        Refusal { column: Some(column.to_owned()), ..self }
    }

    /// Says what the feed declares, and what to write into it instead where that is known.
    pub(crate) fn declared(self, declared: Option<String>, nearest: Option<String>) -> Refusal {
        let mut seen = self.seen.unwrap_or_default();
        if seen.told.faults.is_empty() {
            seen.told.faults.push(Fault::new(self.column.as_deref(), self.reason, 1));
        }
        if let Some(fault) = seen.told.faults.first_mut() {
            fault.declared = declared;
            fault.nearest = nearest.map(|write| Nearest { write, ..Nearest::default() });
        }
        Refusal { seen: Some(seen), ..self }
    }

    /// Says how often it is so, how the values are written, and where the first of them stand.
    pub(crate) fn found(self, count: u64, found: Vec<Shape>, first: Vec<Spot>) -> Refusal {
        let mut seen = self.seen.unwrap_or_default();
        let fault = Fault { found, ..Fault::new(self.column.as_deref(), self.reason, count) };
        seen.told.faults.insert(0, fault);
        seen.told.first = first;
        Refusal { seen: Some(seen), ..self }
    }

    /// The same for a delivery in which these places do not stand.
    pub(crate) fn without_places(mut self) -> Refusal {
        if let Some(seen) = &mut self.seen {
            seen.told.first.clear();
        }
        self
    }

    /// What was seen of the delivery until it was refused; what an earlier look saw stays.
    pub(super) fn with(mut self, told: &Told, rejected: &[Reject]) -> Refusal {
        let mut seen = self.seen.take().unwrap_or_default();
        let own = std::mem::take(&mut seen.told.faults);
        let first = std::mem::take(&mut seen.told.first);
        seen.told = told.clone();
        seen.told.faults.splice(0..0, own);
        if seen.told.first.is_empty() {
            seen.told.first = first;
        }
        seen.rejected = rejected.iter().take(REFUSED_KEPT).cloned().collect();
        Refusal { seen: Some(seen), ..self }
    }

    /// What is told of it, whether or not anything was seen of its records.
    pub fn told(&self) -> Told {
        let mut told = self.seen.as_ref().map_or_else(Told::default, |seen| seen.told.clone());
        told.refused = Some(self.reason.code().into());
        if told.faults.is_empty() && told.values.is_empty() {
            told.faults.push(Fault::new(self.column.as_deref(), self.reason, 1));
        }
        if let (true, Some(byte_offset)) = (told.first.is_empty(), self.byte_offset) {
            told.first.push(Spot {
                record: self.record.unwrap_or(0),
                byte_offset,
                column: self.column.clone(),
                reason: self.reason.code().into(),
                found: None,
            });
        }
        told
    }

    /// The same, small enough for the ledger.
    pub fn kept(&self) -> Told {
        self.told().kept()
    }

    /// The whole message for a human, with the column and the form that are most to blame.
    pub fn sentence(&self) -> String {
        let brief = self.seen.as_ref().map(|_| self.told().brief()).unwrap_or_default();
        if brief.is_empty() { self.cause() } else { format!("{}; {brief}", self.cause()) }
    }

    /// Why the delivery as a whole was refused, for where what was seen of it follows.
    pub fn cause(&self) -> String {
        let mut text = self.reason.sentence().to_owned();
        if !self.detail.is_empty() {
            text.push_str(": ");
            text.push_str(&self.detail);
        }
        if let Some(record) = self.record {
            text.push_str(&format!(" (record {record})"));
        }
        text
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.sentence())
    }
}

impl std::error::Error for Refusal {}

/// Why reading stopped before the end.
#[derive(Debug)]
pub enum Stop<E> {
    /// The delivery is refused whole; batches already handed over must be thrown away.
    Refused(Refusal),
    /// The sink failed.
    Sink(E),
}

impl<E> From<Refusal> for Stop<E> {
    fn from(refusal: Refusal) -> Stop<E> {
        Stop::Refused(refusal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_and_where() {
        let refusal = Refusal::new(Reason::MissingColumn, "`User Id`").at(3, 99);
        assert_eq!(refusal.to_string(), "a column the feed needs is not in the file: `User Id` (record 3)");
    }
}
