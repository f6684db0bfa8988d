//! The only place where I/O meets transforms: deliveries become canon, canon becomes published marts.
//!
//! A run ([`run()`]) is: read head, compare the landing area with the ledger ([`plan`]), read what is new ([`ingest`]), roll up the
//! days that changed ([`days`]), recompute the periods those touch ([`periods`]), describe it ([`ops`]), commit. `run`, `backfill`
//! and `plan` share this path.

mod activation;
mod as_of;
mod beside;
mod canonicalize;
mod computed;
mod contents;
mod context;
mod cycles;
mod day_rows;
pub mod days;
pub mod derive;
mod endorsements;
mod event_ids;
pub mod gates;
mod held;
mod hold_back;
pub mod ingest;
pub mod kept;
mod known;
pub mod lake;
pub mod layers;
mod left_out;
mod memory;
pub mod ops;
pub mod periods;
pub mod plan;
mod planned;
mod remarks;
mod report;
mod reported;
mod retractions;
mod room;
mod run;
mod sets;
mod statement_history;
pub mod steps;
mod stream;
mod tables;
mod together;
mod unit_week;
mod workforce;
pub mod world;

pub use context::{Backfill, Context, Rebuild, Stage};
pub use held::Held;
pub use memory::{Memory, READING, memory};
pub use planned::{LoadedFeed, Planned, Why};
pub use report::Report;
pub use run::{plan_deliveries, run};
