//! What a commit remembers beside its files, and by which rules it was made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::publish;

/// The rules by which this program reads deliveries and computes from them. It is raised whenever the same deliveries would give
/// other rows or other figures than before: a lake of another number is built anew by the next run, in one commit.
pub const READING: u32 = 2;

/// What a commit remembers beside its files, as the value of `ledger`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Memory {
    /// The rules by which these deliveries were read, see [`READING`].
    #[serde(default)]
    pub reading: u32,
    pub deliveries: Ledger,
    /// Fingerprints of what computed partitions were made from, by step (`person_day/2026-03-01`). Equal means: nothing to do.
    pub made_from: BTreeMap<String, String>,
}

/// What the ledger of a head says; an empty one for an empty lake.
///
/// # Errors
/// The commit was written by something else than this program.
pub fn memory(head: Option<&publish::Commit>) -> Result<Memory> {
    let Some(head) = head else { return Ok(Memory::default()) };
    Memory::deserialize(&head.ledger)
        .map_err(|cause| Error::gate(format!("commit {} holds a ledger that cannot be read: {cause}", head.n)))
}

/// Why nothing that a lake holds may be built upon, where that is so.
pub(super) fn reads_anew(memory: &Memory) -> Option<&'static str> {
    let is_empty = memory.deliveries.entries.is_empty();
    (memory.reading != READING && !is_empty).then_some("this version of the program reads deliveries by other rules")
}
