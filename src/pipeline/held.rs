//! What ends a run before it has something to publish, and what is kept of that.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Exit};
use crate::feed::Intake;
use crate::ledger::Entry;

/// What ends a run before it has something to publish.
#[derive(Debug)]
pub struct Stop {
    pub error: Error,
    /// The deliveries that hold it back, as they would stand refused, with what was refused of them.
    pub refused: Vec<(Entry, Option<Intake>)>,
    /// What holds it back where no delivery does: a feed.
    pub of: Option<String>,
}

impl<E: Into<Error>> From<E> for Stop {
    fn from(error: E) -> Stop {
        Stop { error: error.into(), refused: Vec::new(), of: None }
    }
}

impl Stop {
    /// Whether the run was held back: by a gate, or by a ceiling.
    pub fn is_held(&self) -> bool {
        matches!(self.error.exit, Exit::Gate | Exit::Limit)
    }
}

/// One thing that holds a lake back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// The delivery as it would stand refused; none where a feed as a whole, or the run, is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<Entry>,
    /// A gate's code, or `limit`.
    pub reason: String,
    pub sentence: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The instant of the first run that it held back.
    pub since: String,
}

impl Held {
    /// Whether another run was held back by the same.
    pub fn is(&self, other: &Held) -> bool {
        let of = |held: &Held| {
            held.entry
                .as_ref()
                .map(|entry| (entry.size, entry.etag.clone(), entry.sha256.clone(), entry.feed_hash.clone()))
        };
        self.reason == other.reason && of(self) == of(other)
    }
}
