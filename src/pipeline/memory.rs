//! What a commit remembers beside its files, and by which rules it was made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::held::Held;
use crate::error::{Error, Result};
use crate::feed::Pseudonyms;
use crate::job::Job;
use crate::ledger::Ledger;
use crate::publish;

/// The rules by which this program reads deliveries and computes from them. It is raised whenever the same deliveries would give
/// other rows or other figures than before: a lake of another number is built anew by the next run, in one commit.
pub const READING: u32 = 3;

/// What every delivery of a lake was read with, beside its own feed. Where one of these is different, nothing that lies there can be
/// kept beside what is read now: ids would not meet, and days would be cut elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadWith {
    /// The job's zone, by which instants have days.
    pub zone: String,
    /// The epoch of the pseudonyms; `None` where ids are stored as they were delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// [`Pseudonyms::fingerprint`] of the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

impl ReadWith {
    /// What this run reads with.
    pub fn now(job: &Job, pseudonyms: &Pseudonyms) -> ReadWith {
        ReadWith { zone: job.zone.name().to_owned(), epoch: job.pseudonym_epoch.clone(), key: pseudonyms.fingerprint() }
    }
}

/// What a commit remembers beside its files, as the value of `ledger`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Memory {
    /// The rules by which these deliveries were read, see [`READING`].
    #[serde(default)]
    pub reading: u32,
    #[serde(default)]
    pub read_with: ReadWith,
    pub deliveries: Ledger,
    /// What held the last run back, by the delivery's name in the ledger or the feed's; empty after a run that published.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub held: BTreeMap<String, Held>,
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
///
/// # Errors
/// The lake was written with another key of pseudonyms, and the job does not say that it is a new one.
pub(super) fn reads_anew(memory: &Memory, now: &ReadWith) -> Result<Option<String>> {
    if memory.deliveries.entries.is_empty() {
        return Ok(None);
    }
    let was = &memory.read_with;
    if memory.reading == READING && was.epoch == now.epoch && was.key != now.key {
        let shown = |key: &Option<String>| key.clone().unwrap_or_else(|| "none".into());
        let what = format!(
            "the pseudonym key is not the one this lake was written with (fingerprint {} now, {} then)",
            shown(&now.key),
            shown(&was.key)
        );
        return Err(Error::usage(what).hint(
            "give the key of that time; a new key needs a new epoch in the job, pseudonyms = { epoch = \"2\" }, and reads every delivery again",
        ));
    }
    let epoch = |epoch: &Option<String>| epoch.as_ref().map_or("off".into(), |epoch| format!("of epoch {epoch}"));
    Ok(if memory.reading != READING {
        Some("this version of the program reads deliveries by other rules".into())
    } else if was.epoch != now.epoch {
        Some(format!("pseudonyms are {} and were {}", epoch(&now.epoch), epoch(&was.epoch)))
    } else if was.zone != now.zone {
        Some(format!("the job's zone is {} and was {}", now.zone, was.zone))
    } else {
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_key_is_refused_and_a_new_epoch_or_zone_reads_everything_again() {
        let with = |zone: &str, epoch: Option<&str>, key: Option<&str>| ReadWith {
            zone: zone.into(),
            epoch: epoch.map(str::to_owned),
            key: key.map(str::to_owned),
        };
        let deliveries = Ledger { entries: BTreeMap::from([("a.csv".to_owned(), crate::ledger::Entry::default())]) };
        let read_with = with("UTC", Some("1"), Some("aaaa"));
        let memory = Memory { reading: READING, read_with, deliveries, ..Memory::default() };
        let why = |now: ReadWith| reads_anew(&memory, &now).map_err(|error| error.to_string());
        assert_eq!(why(with("UTC", Some("1"), Some("aaaa"))), Ok(None));
        let refused = why(with("UTC", Some("1"), Some("bbbb"))).unwrap_err();
        assert!(refused.contains("fingerprint bbbb now, aaaa then"), "{refused}");
        let told = |now: ReadWith| why(now).unwrap().unwrap();
        assert_eq!(told(with("UTC", Some("2"), Some("bbbb"))), "pseudonyms are of epoch 2 and were of epoch 1");
        assert_eq!(told(with("UTC", None, None)), "pseudonyms are off and were of epoch 1");
        assert_eq!(told(with("Asia/Tokyo", Some("1"), Some("aaaa"))), "the job's zone is Asia/Tokyo and was UTC");
        assert_eq!(reads_anew(&Memory::default(), &with("UTC", None, None)).unwrap(), None, "an empty lake");
    }
}
