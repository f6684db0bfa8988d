//! What a run did, as it is printed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::steps::Steps;
use crate::ledger::Counts;

/// What a run did.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The commit that is current now.
    pub commit: u64,
    pub snapshot_id: String,
    /// `published`, `nothing_to_do` or `dry_run`.
    pub verdict: &'static str,
    pub deliveries_read: u64,
    pub deliveries_known: u64,
    /// Of all deliveries read: read = accepted + rejected + duplicate + voided + superseded + filtered + forgotten.
    pub counts: Counts,
    pub days_rolled_up: u64,
    pub periods_computed: u64,
    /// Every slice of a computed table that was looked at, and why it was computed or left.
    pub steps: Steps,
    pub files_written: u64,
    pub bytes_written: u64,
    /// Rows by published table.
    pub tables: BTreeMap<String, u64>,
    /// One line each, the heaviest first, ten at most: refusals, tables that started over, findings, objects no feed recognises,
    /// marts left out for want of inputs.
    pub remarks: Vec<String>,
    /// What is left unsaid, by count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more_remarks: Option<String>,
}
