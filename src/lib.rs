//! uptake: LMS exports and HRIS records in object storage become Parquet tables that BI reads.
//!
//! A row is first in a **feed** (a vendor's export), then in a **canon** table (one meaning, whatever the vendor), then in a
//! **mart** (what BI reads). The modules stand in reading order; each may use those above it, as `tests/it/tidy.rs` holds.

pub mod period;
pub mod stats;

pub mod contract;

pub mod error;
pub mod job;
pub mod store;

pub mod feed;

pub mod canon;

pub mod rollup;

pub mod engine;
pub mod guard;

pub mod scope;

pub mod mart;

pub mod ledger;
pub mod publish;

pub mod sample;

pub mod pipeline;

pub mod cli;
