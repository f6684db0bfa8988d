//! The gate: bytes of one delivery in, canon rows and rejects out. Knows no store and no clock.
//!
//! A **feed** file (`schemas/feed/*.toml`, owned by customers, read at run time) says how a vendor's export becomes rows
//! of one canon table. [`Feed::parse`] validates it, [`Feed::recognise`] finds its files, [`read`] reads one delivery:
//! a bad record is data ([`Reject`]), a bad file is a [`Refusal`]. Nothing is inferred: type, header, delimiter,
//! encoding, date order and zone come from the feed.
//!
//! - **a feed file**: `spec` as written, `parse` and `validate` to what is meant: `feed`, with `limits` and `selection` (which records
//!   count); `effects` keys that would do nothing; `pattern`, `place` what a path says; the `line` of a fault in it; `describe` says what it does, `propose` drafts one, `try_files` tries it
//! - **one delivery**: `context` what reading needs, `read_delivery` the way through, `intake` and `warning` what it gave, `reject` what
//!   was refused, with `reason` the closed list of why; `sha256`, `control` totals beside it, `unique` keys within it, `select` which of its records hold, `watch`
//!   what its rows tell together, `set` what those of several objects do
//! - **one record**: `read` bytes to records, `record` what one is, `bound` the columns of a source, `gate` record to row, `remarks` what
//!   is noticed on the way; `told` what is said of what was refused, from the `sightings` of its cells by `shape`, with what is
//!   `declared` and the `nearest` form that would read them; `xapi` statements, from the `tape` of their JSON, with the `sites` whose accounts they name
//! - **one value**: `cast`, with `number`, `duration`, `ids`, `pseudonym`, `combined` (words of several columns), `headers` (patterns of
//!   names), `extract` (whose act a log line tells of) and `signature` (what is kept of a text that is not); `time` and `moment` days and
//!   instants, `order` of day and month, `made_day` days made of other columns
//! - **the other way round**: `write` makes exports of invented rows, so that a feed can be tried from end to end
//! - **rows**: `batch`, with `text` and `dictionary`; `keys` of rows and the days they hold

mod batch;
mod bound;
mod canonical;
mod cast;
mod combined;
pub mod completes;
mod context;
mod control;
mod declared;
mod describe;
mod dictionary;
mod duration;
mod effects;
mod extract;
// Named after its type, like the modules beside it.
#[allow(clippy::module_inception)]
mod feed;
mod gate;
mod headers;
mod ids;
mod intake;
mod keys;
mod limits;
mod line;
mod made_day;
mod moment;
mod nearest;
mod number;
mod order;
mod parse;
pub(crate) mod pattern;
pub mod place;
pub mod propose;
mod pseudonym;
mod read;
mod read_delivery;
mod reason;
mod record;
mod reject;
mod remarks;
mod select;
mod selection;
pub mod set;
mod sha256;
mod shape;
mod sightings;
mod signature;
mod sites;
mod spec;
mod tape;
mod text;
mod time;
pub mod told;
pub mod try_files;
mod unique;
mod validate;
mod warning;
mod watch;
pub mod write;
mod xapi;

pub use batch::{is_dictionary, schema};
pub use context::{Context, Delivery};
pub use describe::Described;
pub use feed::{Feed, FileFormat, Mode, Nulls, Snapshots};
pub use ids::{Known, Zeros, holds_ids, zeros_lost};
pub use intake::Intake;
pub use limits::{Gates, Limits, Verdict};
pub use made_day::fill as fill_made_days;
pub use parse::FeedError;
pub use pseudonym::{Pseudonyms, WeakKey};
pub use read_delivery::{choose, read};
pub use reject::{REFUSED_KEPT, REJECTS_KEPT, Reason, Refusal, Reject, Stop};
pub use sha256::sha256;
pub use told::Told;
pub use warning::Warning;

#[cfg(test)]
mod tests;
