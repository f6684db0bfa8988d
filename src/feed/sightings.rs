//! The cells for which records were refused or values left out: counted by column and reason, seen by their shape, and tried with
//! the formats that the gate knows besides the declared one. Nothing of a value outlives the look at it.

use std::collections::BTreeMap;

use super::bound::{Bound, Target};
use super::declared::declared;
use super::intake::Intake;
use super::nearest::Trial;
use super::record::Cell;
use super::reject::Reason;
use super::shape;
use super::told::{self, Fault, LOOKED_AT, SHAPES, Shape, Told, UNKNOWN};

/// Shapes kept apart while looking.
const SHAPES_KEPT: usize = 100;

/// What was seen so far, by place in [`Bound::columns`] and reason.
#[derive(Default)]
pub(super) struct Sightings {
    seen: BTreeMap<(Option<usize>, Reason), Sighting>,
}

#[derive(Default)]
struct Sighting {
    /// Records refused.
    count: u64,
    looked: u64,
    shapes: BTreeMap<String, u64>,
    trial: Option<Trial>,
}

impl Sightings {
    /// One more record is refused.
    pub fn count(&mut self, column: Option<usize>, reason: Reason) {
        self.seen.entry((column, reason)).or_default().count += 1;
    }

    /// Whether another cell would tell more.
    pub fn is_curious(&self, column: usize, reason: Reason) -> bool {
        self.seen.get(&(Some(column), reason)).is_none_or(|sighting| sighting.looked < LOOKED_AT)
    }

    /// Looks at a cell, and gives its shape.
    pub fn look(&mut self, at: usize, target: &Target<'_>, reason: Reason, cell: Cell<'_>) -> String {
        let shape = shape::of_cell(cell);
        let sighting = self.seen.entry((Some(at), reason)).or_default();
        if sighting.looked >= LOOKED_AT {
            return shape;
        }
        sighting.looked += 1;
        if sighting.shapes.len() < SHAPES_KEPT || sighting.shapes.contains_key(&shape) {
            *sighting.shapes.entry(shape.clone()).or_default() += 1;
        }
        sighting.trial.get_or_insert_with(|| Trial::of(target, reason)).read(cell, target);
        shape
    }

    /// What is told of an intake whose books are closed.
    pub fn told(&self, bound: &Bound<'_>, intake: &Intake, dropped: &[(usize, Reason, u64)]) -> Told {
        let fault = |column: Option<usize>, reason: Reason, count: u64| {
            let target = column.and_then(|at| bound.columns.get(at));
            let mut fault = Fault::new(target.map(|target| target.column.name.as_str()), reason, count);
            if reason == Reason::UnknownShare {
                // Whether they are too many is judged elsewhere.
                fault.reason = UNKNOWN.into();
            }
            let (Some(target), Some(sighting)) = (target, self.seen.get(&(column, reason))) else { return fault };
            let mut shapes: Vec<(&String, &u64)> = sighting.shapes.iter().collect();
            shapes.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
            fault.found = shapes
                .into_iter()
                .take(SHAPES)
                .map(|(shape, count)| Shape { shape: shape.clone(), count: *count })
                .collect();
            fault.declared = declared(target, reason);
            fault.nearest = sighting.trial.as_ref().and_then(Trial::best);
            fault
        };
        let refused = self.seen.iter().filter(|(_, sighting)| sighting.count > 0);
        let refused = refused.map(|(&(column, reason), sighting)| fault(column, reason, sighting.count)).collect();
        let faults = told::most(refused);
        let values = told::most(dropped.iter().map(|&(at, reason, count)| fault(Some(at), reason, count)).collect());
        Told {
            refused: None,
            read: intake.read,
            rejected: intake.rejected_count(),
            faults,
            more_faults: 0,
            values,
            first: told::first(&intake.rejected),
        }
    }
}
