//! A record as its source holds it: cells by slot, and where it stands.

/// A record of a source: values by slot, in the order of [`Bound::names`](super::bound::Bound::names).
pub(crate) trait Record {
    fn cell(&self, slot: usize) -> Cell<'_>;
}

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub record: u64,
    pub offset: u64,
}

/// A value as a source holds it. Text is UTF-8, validated where the bytes came in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell<'a> {
    /// The source has no such column or key.
    Missing,
    Null,
    Text(&'a [u8]),
    Int(i64),
    UInt(u64),
    /// A whole number past both, as decimals of Parquet hold them.
    Big(i128),
    /// A number past every type, as JSON can write it.
    Past,
    Double(f64),
    Bool(bool),
    /// Days since 1970.
    Date(i32),
    /// Microseconds since 1970, UTC.
    Instant(i64),
    /// Microseconds since 1970 in a zone nobody wrote down.
    Local(i64),
    /// A list or an object.
    Nested,
}
