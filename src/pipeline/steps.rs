//! What a run computes, slice by slice, and why: the same list whether it writes or not.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::publish::commit::hex_sha256;

/// Why a slice of a table is computed, or why it is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// Nothing it is made from changed.
    Unchanged,
    /// There was none before.
    New,
    /// The job's rules, its contract or the program changed.
    RulesChanged,
    /// A row, a place or a day that it is made from changed.
    InputsChanged,
    /// It shows a change against the slice before it, which is computed.
    FollowsAnother,
    /// A backfill asks for it.
    Backfill,
}

impl Because {
    /// As a person reads it after "computed: ".
    pub fn sentence(self) -> &'static str {
        match self {
            Because::Unchanged => "nothing it is made from changed",
            Because::New => "there was none before",
            Because::RulesChanged => "the job's rules, its contract or the program changed",
            Because::InputsChanged => "what it is made from changed",
            Because::FollowsAnother => "it shows a change against the period before",
            Because::Backfill => "the backfill asks for it",
        }
    }
}

/// One slice of one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    pub table: String,
    /// A day, a period as `month/2026-03-01`, or `all`.
    pub slice: String,
    pub because: Because,
}

/// The steps of a run in the order in which they were decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Steps(pub Vec<Step>);

/// Those that are computed one by one, the others as a count: there are thousands of these, and nothing happens to them.
impl Serialize for Steps {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let computed: Vec<&Step> = self.computed().collect();
        let mut told = serializer.serialize_struct("Steps", 2)?;
        told.serialize_field("unchanged", &(self.0.len() - computed.len()))?;
        told.serialize_field("computed", &computed)?;
        told.end()
    }
}

impl Steps {
    pub fn note(&mut self, table: &str, slice: &str, because: Because) {
        self.0.push(Step { table: table.to_owned(), slice: slice.to_owned(), because });
    }

    /// Those that are computed.
    pub fn computed(&self) -> impl Iterator<Item = &Step> {
        self.0.iter().filter(|step| step.because != Because::Unchanged)
    }
}

/// What a slice is made from: how, and from which rows. Kept in the commit as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    rules: String,
    inputs: String,
}

impl Fingerprint {
    pub fn of(rules: &str, inputs: &str) -> Fingerprint {
        let short = |text: &str| hex_sha256(text.as_bytes())[..16].to_owned();
        Fingerprint { rules: short(rules), inputs: short(inputs) }
    }

    /// Why a slice is computed whose fingerprint was `held` when it was computed last.
    pub fn against(&self, held: Option<&String>, is_forced: bool) -> Because {
        let Some(held) = held else { return Because::New };
        if *held != self.to_string() {
            return if held.starts_with(&format!("{}.", self.rules)) {
                Because::InputsChanged
            } else {
                Because::RulesChanged
            };
        }
        if is_forced { Because::Backfill } else { Because::Unchanged }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.rules, self.inputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_tells_changed_rules_from_changed_rows() {
        let now = Fingerprint::of("rules", "rows");
        assert_eq!(now.against(None, false), Because::New);
        let held = now.to_string();
        assert_eq!(now.against(Some(&held), false), Because::Unchanged);
        assert_eq!(now.against(Some(&held), true), Because::Backfill);
        assert_eq!(Fingerprint::of("rules", "other").against(Some(&held), false), Because::InputsChanged);
        assert_eq!(Fingerprint::of("other", "rows").against(Some(&held), false), Because::RulesChanged);
        assert_eq!(now.against(Some(&"of the version before".to_owned()), false), Because::RulesChanged);
    }
}
