//! What can be told of a delivery of which something was refused: where and why, how often, how the refused values are written, what
//! the feed declares, and what would read them. Small enough for the ledger, and never a value: see [`super::shape`].

use serde::{Deserialize, Serialize};

use super::reason::{Reason, Reject};
use crate::contract::findings::finding;
use crate::contract::words;

/// Columns and reasons told of apart.
pub const FAULTS: usize = 20;
/// Records told of one by one.
pub const FIRST: usize = 10;
/// Cells looked at for each column and reason; a thousand tell how a column is written.
pub(super) const LOOKED_AT: u64 = 1_000;
/// Shapes told of for each column and reason.
pub const SHAPES: usize = 3;

/// What was refused of one delivery, or all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The code of the gate that refused the delivery as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Records read, up to where reading stopped.
    #[serde(default)]
    pub read: u64,
    #[serde(default)]
    pub rejected: u64,
    /// Why records were refused, or the delivery: the most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// Columns and reasons beyond [`FAULTS`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_faults: u64,
    /// Values that were not taken, of records that were: the most frequent first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Fault>,
    /// The first records refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<Spot>,
}

/// One column and reason, and how often.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The canon column; none where the record or the file as a whole is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// A code of [`Reason`], or of values that took their column's default that of the finding.
    pub reason: String,
    pub count: u64,
    /// What the feed or the contract asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<String>,
    /// How the values are written, the most frequent shape first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found: Vec<Shape>,
    /// What would read them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Nearest>,
}

/// How values are written, and how many of those looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    pub shape: String,
    pub count: u64,
}

/// What to write into the feed so that values are read, and how many of those looked at it reads.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nearest {
    pub write: String,
    pub reads: u64,
    pub of: u64,
}

/// Where one refused record stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// From 1, the header and blank lines not counted.
    pub record: u64,
    /// Where it begins in the decompressed text.
    pub byte_offset: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it by reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// The finding of values for which the default of their column stood in.
pub(super) const UNKNOWN: &str = "unknown_values";

/// The sentence of a reason or a finding by its code; one that a later version knew says its code.
fn meaning(code: &str) -> &str {
    let noticed = || finding(code).map_or(code, |finding| finding.sentence);
    Reason::of(code).map_or_else(noticed, |reason| reason.sentence())
}

impl Fault {
    pub fn new(column: Option<&str>, reason: Reason, count: u64) -> Fault {
        Fault { column: column.map(str::to_owned), reason: reason.code().into(), count, ..Fault::default() }
    }

    /// What is declared, what was found and what would read it, as the end of a sentence; empty where none of them is known.
    fn form(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.declared.as_ref().map(|declared| format!("declared: {declared}")));
        if let Some(first) = self.found.first() {
            let more = if self.found.len() > 1 { " and others" } else { "" };
            parts.push(format!("found: `{}`{more}", first.shape));
        }
        parts.extend(self.nearest.as_ref().map(Nearest::sentence));
        parts.join("; ")
    }

    /// The same with every shape, for those who look closer.
    fn whole_form(&self) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(self.declared.as_ref().map(|declared| format!("declared: {declared}")));
        if !self.found.is_empty() {
            let shape = |shape: &Shape| format!("`{}` ({})", shape.shape, words::grouped(shape.count));
            let shapes: Vec<String> = self.found.iter().map(shape).collect();
            lines.push(format!("found:    {}", shapes.join(", ")));
        }
        lines.extend(self.nearest.as_ref().map(|nearest| format!("nearest:  {}", nearest.sentence())));
        lines
    }
}

impl Nearest {
    fn sentence(&self) -> String {
        match (self.reads, self.of) {
            (_, 0) => self.write.clone(),
            (1, 1) => format!("{} would read it", self.write),
            (reads, of) if reads == of && of < LOOKED_AT => format!("{} would read all of them", self.write),
            (reads, of) => {
                format!("{} would read {} of {} looked at", self.write, words::grouped(reads), words::grouped(of))
            }
        }
    }
}

impl Told {
    /// The worst column and reason, with its form, for the message that names the delivery; empty where nothing is known of columns.
    pub fn brief(&self) -> String {
        let (of_values, is_unknown) = match self.refused.as_deref() {
            Some("dropped_share") => (true, false),
            Some("unknown_share") => (true, true),
            _ => (false, false),
        };
        let faults = if of_values { &self.values } else { &self.faults };
        let mut faults = faults.iter().filter(|fault| !of_values || (fault.reason == UNKNOWN) == is_unknown);
        let Some(worst) = faults.next() else { return String::new() };
        // The delivery's own fault was said before.
        let is_own = self.refused.as_deref() == Some(worst.reason.as_str());
        let form = worst.form();
        match (&worst.column, is_own) {
            (_, true) => form,
            (Some(column), false) => {
                let (count, what) = (words::grouped(worst.count), if of_values { "values" } else { "records" });
                let form = if form.is_empty() { form } else { format!(" ({form})") };
                format!("mostly {column}, in {count} {what}: {} [{}]{form}", meaning(&worst.reason), worst.reason)
            }
            (None, false) => {
                format!(
                    "mostly, in {}: {} [{}]",
                    words::count(worst.count, "record"),
                    meaning(&worst.reason),
                    worst.reason
                )
            }
        }
    }

    /// The first of its column and reason.
    pub fn fault(&self, column: Option<&str>, reason: Reason) -> Option<&Fault> {
        let is_it = |fault: &&Fault| fault.column.as_deref() == column && fault.reason == reason.code();
        self.faults.iter().find(is_it)
    }

    /// Counts more records refused for a reason that was found after reading.
    pub(super) fn add(&mut self, reason: Reason, count: u64) {
        self.rejected += count;
        match self.faults.iter_mut().find(|fault| fault.column.is_none() && fault.reason == reason.code()) {
            Some(known) => known.count += count,
            None => self.faults.push(Fault::new(None, reason, count)),
        }
        self.faults.sort_by_key(|fault| std::cmp::Reverse(fault.count));
    }

    /// The same, small enough to be kept for good.
    pub(super) fn kept(mut self) -> Told {
        self.more_faults += self.faults.len().saturating_sub(FAULTS) as u64;
        self.faults.truncate(FAULTS);
        self.values.truncate(FAULTS);
        self
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty() && self.values.is_empty() && self.refused.is_none()
    }

    /// Everything, a line each, for the terminal.
    pub fn lines(&self) -> String {
        let mut text = String::new();
        let mut line = |indent: usize, said: &str| text.push_str(&format!("{:indent$}{said}\n", ""));
        if self.rejected > 0 {
            let share = words::percent_of(self.rejected, self.read);
            let (rejected, read) = (words::grouped(self.rejected), words::count(self.read, "record"));
            line(2, &format!("{rejected} of {read} ({share}) were rejected, by column and reason:"));
        }
        for fault in &self.faults {
            // What the file as a whole is refused for was said above.
            if fault.count == 1 && self.refused.as_ref() == Some(&fault.reason) {
                fault.whole_form().iter().for_each(|form| line(4, form));
                continue;
            }
            let column = fault.column.as_deref().map(|column| format!("{column}: ")).unwrap_or_default();
            let (count, said) = (words::grouped(fault.count), meaning(&fault.reason));
            line(4, &format!("{count} × {column}{said} ({})", fault.reason));
            fault.whole_form().iter().for_each(|form| line(8, form));
        }
        if self.more_faults > 0 {
            line(4, &format!("and {} of other columns and reasons", words::count(self.more_faults, "kind")));
        }
        if !self.values.is_empty() {
            line(2, "values that were not taken as they stand, by column and reason:");
        }
        for fault in &self.values {
            let column = fault.column.as_deref().unwrap_or_default();
            let (count, said) = (words::grouped(fault.count), meaning(&fault.reason));
            line(4, &format!("{count} × {column}: {said} ({})", fault.reason));
            fault.whole_form().iter().for_each(|form| line(8, form));
        }
        match self.first.len() {
            0 => {}
            some if (some as u64) < self.rejected => line(2, &format!("the first {some} of them:")),
            1 => line(2, "where:"),
            _ => line(2, "where they stand:"),
        }
        for spot in &self.first {
            // A place that is no record's is one of the file.
            let record = if spot.record == 0 { String::new() } else { format!("record {}, ", spot.record) };
            let column = spot.column.as_deref().map(|column| format!(", {column}")).unwrap_or_default();
            let found = spot.found.as_ref().map(|found| format!(", `{found}`")).unwrap_or_default();
            line(4, &format!("{record}byte {}{column}: {}{found}", spot.byte_offset, spot.reason));
        }
        text
    }
}

/// Where the first of some rejects stand.
pub(super) fn first(rejects: &[Reject]) -> Vec<Spot> {
    let spot = |reject: &Reject| Spot {
        record: reject.record,
        byte_offset: reject.byte_offset,
        column: reject.column.clone(),
        reason: reject.reason.code().into(),
        found: reject.found.as_deref().map(str::to_owned),
    };
    rejects.iter().take(FIRST).map(spot).collect()
}

/// The most frequent faults first.
pub(super) fn most(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort_by(|a, b| (b.count, &a.column, &a.reason).cmp(&(a.count, &b.column, &b.reason)));
    faults
}

/// Puts together what a table of refused records says of one delivery: the first records and the most frequent faults are kept.
pub fn first_and_most(told: Told, mut faults: Vec<Fault>, spots: Vec<Spot>) -> Told {
    for fault in &mut faults {
        fault.found.sort_by(|a, b| b.count.cmp(&a.count).then(a.shape.cmp(&b.shape)));
        fault.found.truncate(SHAPES);
    }
    Told { faults: most(faults), first: spots.into_iter().take(FIRST).collect(), ..told }
}

/// What was seen of a delivery that is refused as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    pub told: Told,
    /// Its first rejects, up to a cap: [`REFUSED_KEPT`](super::reject::REFUSED_KEPT).
    pub rejected: Vec<Reject>,
}
