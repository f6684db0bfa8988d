//! One signal, and how many become rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use sha2::{Digest, Sha256};

use super::evidence::{Item, Micros};
use crate::contract::Table;
use crate::contract::arrow::mart_schema;
use crate::mart::error::MartError;

/// What strength measures, as the contract lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    Jaccard,
    MinusLog10P,
    Share,
    Count,
    Shortfall,
    Points,
}

impl Measure {
    fn as_str(self) -> &'static str {
        match self {
            Measure::Jaccard => "jaccard",
            Measure::MinusLog10P => "minus_log10_p",
            Measure::Share => "share",
            Measure::Count => "count",
            Measure::Shortfall => "shortfall",
            Measure::Points => "points",
        }
    }
}

/// Something for a reviewer's eye.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    pub kind: &'static str,
    pub subjects: Vec<String>,
    /// What tells it from others of its kind about the same people: texts, a day, a cycle.
    pub about: String,
    pub cycles: BTreeSet<String>,
    pub submissions: BTreeSet<String>,
    pub count: i64,
    pub count_back: Option<i64>,
    pub base: Option<i64>,
    pub expected: Option<f64>,
    pub expected_back: Option<f64>,
    pub p: Option<f64>,
    pub q: Option<f64>,
    pub strength: f64,
    pub measure: Measure,
    pub first: Micros,
    pub last: Micros,
    pub reason: String,
}

impl Signal {
    /// A signal about some items, with evidence at these instants; the rest is filled in by its kind.
    pub fn new<'i>(
        kind: &'static str,
        subjects: Vec<String>,
        items: impl IntoIterator<Item = &'i Item>,
        instants: impl IntoIterator<Item = Micros>,
    ) -> Signal {
        let (mut cycles, mut submissions) = (BTreeSet::new(), BTreeSet::new());
        for item in items {
            cycles.insert(item.cycle.clone());
            submissions.insert(item.submission.clone());
        }
        let (mut first, mut last) = (Micros::MAX, Micros::MIN);
        for at in instants {
            (first, last) = (first.min(at), last.max(at));
        }
        Signal {
            kind,
            subjects,
            about: String::new(),
            cycles,
            submissions,
            count: 0,
            count_back: None,
            base: None,
            expected: None,
            expected_back: None,
            p: None,
            q: None,
            strength: 0.0,
            measure: Measure::Count,
            first,
            last,
            reason: String::new(),
        }
    }

    /// Sets strength by a probability; one too small for a number still has a logarithm.
    pub fn improbable(mut self, p: f64, q: Option<f64>) -> Signal {
        (self.p, self.q) = (Some(p), q);
        (self.strength, self.measure) = ((-p.max(f64::MIN_POSITIVE).log10()).max(0.0), Measure::MinusLog10P);
        self
    }

    fn id(&self) -> String {
        let mut hash = Sha256::new();
        for part in [self.kind, &self.subjects.join(";"), &self.about, self.measure.as_str()] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        hex::encode(&hash.finalize()[..8])
    }
}

/// Signals as rows of the contract.
pub fn rows(table: &Table, signals: &[Signal]) -> Result<RecordBatch, MartError> {
    let text = |pick: &dyn Fn(&Signal) -> String| -> ArrayRef {
        Arc::new(signals.iter().map(|signal| Some(pick(signal))).collect::<StringArray>())
    };
    let int = |pick: &dyn Fn(&Signal) -> Option<i64>| -> ArrayRef {
        Arc::new(signals.iter().map(pick).collect::<Int64Array>())
    };
    let double = |pick: &dyn Fn(&Signal) -> Option<f64>| -> ArrayRef {
        Arc::new(signals.iter().map(pick).collect::<Float64Array>())
    };
    let instant = |pick: &dyn Fn(&Signal) -> Micros| -> ArrayRef {
        let values = TimestampMicrosecondArray::from_iter_values(signals.iter().map(pick));
        Arc::new(values.with_timezone("UTC"))
    };
    let joined = |set: &BTreeSet<String>| set.iter().map(String::as_str).collect::<Vec<_>>().join(";");
    let columns = vec![
        text(&Signal::id),
        text(&|signal| signal.kind.to_owned()),
        text(&|signal| signal.subjects.join(";")),
        text(&|signal| joined(&signal.cycles)),
        text(&|signal| joined(&signal.submissions)),
        int(&|signal| Some(signal.count)),
        int(&|signal| signal.count_back),
        int(&|signal| signal.base),
        double(&|signal| signal.expected),
        double(&|signal| signal.expected_back),
        double(&|signal| signal.p),
        double(&|signal| signal.q),
        double(&|signal| Some(signal.strength)),
        text(&|signal| signal.measure.as_str().to_owned()),
        instant(&|signal| signal.first),
        instant(&|signal| signal.last),
        text(&|signal| signal.reason.clone()),
    ];
    Ok(RecordBatch::try_new(mart_schema(table), columns)?)
}
