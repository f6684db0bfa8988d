//! uptake: LMS exports and HRIS records in object storage become Parquet tables that BI reads.
//!
//! A row is first in a **feed** (a vendor's export), then in a **canon** table (one meaning, whatever the vendor), then in a
//! **mart** (what BI reads). A module uses only modules above it; `tests/it/tidy.rs` lists which and checks it.

/// Days, half-open periods and the reporting calendar.
pub mod period;
/// Formulas on slices of numbers, each with its source.
pub mod stats;

/// How rows become the columns of a frame.
pub mod columns;
/// Tables by name: grain, key and columns, from `schemas`.
pub mod contract;

/// What can stop a run, with its exit code.
pub mod error;
/// A job file as written and as meant: what is computed and from where.
pub mod job;
/// Object storage: list, read whole, write once.
pub mod store;

/// The gate: bytes of a delivery in, canon rows and rejects out.
pub mod feed;

/// One meaning for all vendors: merging, history of people and units, acts, identities.
pub mod canon;

/// Canon activity to person-days, person-days to person-periods.
pub mod rollup;

/// Polars: the only place that collects a `LazyFrame`.
pub mod engine;
/// Privacy: small groups, and what could be worked out from others, are withheld.
pub mod guard;

/// Sums of people's figures over units and the other scopes.
pub mod scope;

/// The tables BI reads, one file each.
pub mod mart;

/// Deliveries seen and what became of each record.
pub mod ledger;
/// Content-addressed files, one create-only commit, then `latest/`.
pub mod publish;

/// An invented company, delivered as vendors would.
pub mod sample;

/// The invented company in the shape of any feed.
pub mod gallery;

/// A run from head to commit: where I/O and transforms meet.
pub mod pipeline;

/// Arguments in, text out: the only module that prints.
pub mod cli;
