//! A second look at the cell for which a record was refused, so that people can be told how it is written.

use super::Gate;
use crate::feed::bound::Slot;
use crate::feed::record::Record;
use crate::feed::reject::Reason;

impl<'a, E> Gate<'a, E> {
    /// Looks at the cell of a column that was not taken, and gives its shape; `None` where it is put together from parts that say
    /// nothing together.
    #[cold]
    pub(super) fn look<R: Record>(&mut self, at: usize, reason: Reason, record: &R) -> Option<String> {
        let target = &self.bound.columns[at];
        let (source, divisor, stored) = (target.source, target.divisor, target.stored);
        if let (Some(slot), Reason::DivisorMissing) = (divisor, reason) {
            return Some(self.sightings.look(at, &self.bound.columns[at], reason, record.cell(slot)));
        }
        if matches!(source, Slot::Nothing) {
            return None;
        }
        // Reading it again must count nothing again.
        let unknown = self.unknown[stored];
        let (paths, mut joined) = (std::mem::take(&mut self.bound.paths), std::mem::take(&mut self.joined));
        let shape = match self.fetch(at, source, record, &paths, &mut joined) {
            Ok(cell) => Some(self.sightings.look(at, &self.bound.columns[at], reason, cell)),
            Err(_) => None,
        };
        (self.bound.paths, self.joined) = (paths, joined);
        self.unknown[stored] = unknown;
        shape
    }
}
