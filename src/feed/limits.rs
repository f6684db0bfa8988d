//! What a delivery must keep to: its ceilings, and what happens to one that falls short.

/// Ceilings. Passing one refuses the delivery by name (a record too long or too deep only that record).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    pub object_bytes: u64,
    pub decompressed_bytes: u64,
    /// Decompressed over compressed bytes.
    pub ratio: u64,
    pub record_bytes: usize,
    pub columns: usize,
    pub json_depth: usize,
    pub rows: u64,
    /// Largest share of rejected records, 0..1.
    pub rejected_share: f64,
    /// Records from which on the share is judged: one bad record of five says little. 1 where the feed states a share.
    pub rejected_share_from: u64,
    /// Least rows as a share of the median of the last deliveries; judged by the caller, who knows them.
    pub rows_against_last: Option<f64>,
    /// Largest share of records with a value that no value map names, 0..1.
    pub unknown_share: f64,
    /// Largest share of the values of an optional column that could not be read, 0..1.
    pub dropped_share: f64,
    /// Values a column must have held for its share to be judged. 1 where the feed states a share.
    pub dropped_share_from: u64,
    /// Largest change of the workers employed on the day of a full snapshot, as a share of those of the snapshot before.
    pub headcount_change: f64,
    /// Least share of a delivery's accounts that HRIS knows, 0..1.
    pub joined_share: f64,
    /// Days after which the newest delivery of the feed is stale; `None` is never.
    pub fresh_days: Option<u32>,
    /// Days that the feed's records usually lie before their delivery.
    pub lag_days: u32,
}

/// What a gate does with a delivery that falls short of its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The delivery is refused, and the run with it unless the job tolerates that.
    Block,
    /// It is taken, and `data_quality` says so.
    Warn,
    Off,
}

/// The verdict of each gate of a feed; their limits stand in [`Limits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gates {
    /// No record at all.
    pub zero_rows: Verdict,
    /// Far fewer records than the last deliveries.
    pub volume: Verdict,
    pub reject_share: Verdict,
    /// Several different records of one key.
    pub key_uniqueness: Verdict,
    /// Values that no value map names.
    pub unknown_values: Verdict,
    /// Values of optional columns that could not be read.
    pub dropped_values: Verdict,
    /// Ids of a snapshot's key without the zeros they had in the one before.
    pub lost_zeros: Verdict,
    /// A column that was filled is empty.
    pub field_coverage: Verdict,
    pub headcount_change: Verdict,
    /// Accounts that HRIS does not know.
    pub join_coverage: Verdict,
    pub freshness: Verdict,
    /// Days whose day and month stand the other way round than declared.
    pub date_order: Verdict,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            object_bytes: 8 << 30,
            decompressed_bytes: 64 << 30,
            ratio: 200,
            record_bytes: 1 << 20,
            columns: 2_000,
            json_depth: 64,
            rows: 500_000_000,
            rejected_share: 0.05,
            rejected_share_from: 100,
            rows_against_last: None,
            unknown_share: 0.05,
            dropped_share: 0.5,
            dropped_share_from: 100,
            headcount_change: 0.3,
            joined_share: 0.5,
            fresh_days: None,
            lag_days: 0,
        }
    }
}
