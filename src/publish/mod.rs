//! How tables become current: content-addressed files, then one create-only commit that names them, then `latest/`.
//!
//! 1. [`Publisher::open`] reads the head of the commit log.
//! 2. [`Publisher::put_file`] writes each new file under a name made from its bytes and reads it back.
//! 3. [`Publisher::commit`] creates the next commit. Nothing else ever changes which data is current, so a reader that
//!    resolves the log sees one snapshot over all tables, also while a run dies.
//! 4. [`latest::refresh`] rewrites the stable addresses for BI; they promise wholeness a table, not over tables.
//!
//! [`publish`] is these four steps with the answer to a lost race: plan again on the new head, a bounded number of times.

pub mod commit;
pub mod latest;
pub mod parquet;
pub mod vacuum;

use crate::store::{self, Store};

pub use self::parquet::{ColumnMeta, FileMeta};
pub use commit::{Commit, Committed, Draft, FileRef, Files, MadeBy, NewFile, Publisher};

pub type Result<T> = std::result::Result<T, Error>;

/// How often a run plans anew after another run committed first.
const RACES: usize = 5;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("{object} was written by a newer version of this program (format {found}; this one reads up to {known})")]
    Newer { object: String, found: u64, known: u32 },
    #[error("{object} is damaged: {reason}")]
    Damaged { object: String, reason: String },
    #[error("cannot write table {table}: {reason}")]
    Encode { table: String, reason: String },
    #[error("{object} is being deleted by a vacuum that has not finished")]
    Vacuuming { object: String },
    #[error("the tables changed since this was planned (commit {planned} then, {found} now)")]
    Stale { planned: u64, found: u64 },
    #[error("other runs committed first, {RACES} times in a row")]
    LostRace,
}

impl Error {
    /// Whether running again, unchanged, can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Stale { .. } | Self::LostRace | Self::Vacuuming { .. } => true,
            Self::Newer { .. } | Self::Damaged { .. } | Self::Encode { .. } => false,
        }
    }

    /// The next step, for a line that starts with `hint:`.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Store(error) => error.hint.as_deref(),
            Self::Newer { .. } => Some("run the newer version; this one would drop what it does not understand"),
            Self::Damaged { .. } => {
                Some("bring the object back, or build the lake anew from the deliveries with `uptake rebuild JOB`")
            }
            Self::Encode { .. } => None,
            Self::Vacuuming { .. } => {
                Some("try again when the vacuum is done; one that died is finished by running it again after its grace")
            }
            Self::Stale { .. } | Self::LostRace => Some("try again"),
        }
    }
}

/// What [`publish`] did.
#[derive(Debug)]
pub struct Published {
    /// The commit that is current now and holds what the run computed.
    pub commit: Commit,
    /// Whether this run made it; `false` when there was nothing to do.
    pub is_new: bool,
    pub latest: latest::Refreshed,
}

/// Runs `make` against the head of the log, commits what it returns and refreshes `latest/`; `latest/` is refreshed also when
/// there was nothing to commit, so that a run that died in between is healed by the next.
///
/// `make` writes its files through the publisher. It is called again, on the new head, when another run committed first.
/// `disregarded` are tables whose change alone is no reason to commit (`ops/runs`).
pub fn publish<E: From<Error>>(
    store: &Store,
    disregarded: &[&str],
    mut make: impl FnMut(&Publisher<'_>) -> std::result::Result<Draft, E>,
) -> std::result::Result<Published, E> {
    for _ in 0..RACES {
        let publisher = Publisher::open(store)?.disregarding(disregarded);
        let draft = make(&publisher)?;
        let (commit, is_new) = match publisher.commit(draft)? {
            Committed::New(commit) | Committed::AlreadyMine(commit) => (commit, true),
            Committed::Unchanged(commit) => (commit, false),
            Committed::LostRace(winner) => {
                tracing::info!(commit = winner.n, "another run committed first; planning again on its tables");
                continue;
            }
        };
        tracing::info!(commit = commit.n, is_new, "committed");
        let latest = latest::refresh(store)?;
        return Ok(Published { commit, is_new, latest });
    }
    Err(Error::LostRace.into())
}
