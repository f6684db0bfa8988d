//! Whether a delivery can be held in the memory that a run may take. Its bytes and its rows are held whole until they are sorted by day;
//! what comes after is bounded by the largest day.

use super::context::Context;
use super::plan::DeliveryPlan;
use super::planned::Planned;
use crate::error::{Error, Exit, Result};
use crate::store::scratch;

/// One in so many parts of its limit by which a run may pass it before it is stopped: what is under way still comes on top of it.
const SLACK: u64 = 8;
/// What the program takes without any data; below it nothing can be said of a delivery.
const LEAST: u64 = 256 << 20;
/// A delivery of less than one in this of the limit is never what fills the memory.
const SMALL: u64 = 16;

/// Refuses what is larger as it lies in the store than all that the run may hold, before anything is read.
///
/// # Errors
/// A planned delivery is larger than the limit.
pub fn sizes(context: &Context<'_>, plan: &DeliveryPlan) -> Result<()> {
    let limit = context.memory_limit as u64;
    match plan.read.iter().find(|planned| planned.object.size > limit) {
        Some(planned) => Err(too_large(
            planned,
            &format!("it has {} and the run may hold {}", size(planned.object.size), size(limit)),
        )),
        None => Ok(()),
    }
}

/// Stops a delivery whose rows outgrow the limit while it is read.
///
/// # Errors
/// The process holds more than it may, and the delivery is large enough to be the reason.
pub fn rows(context: &Context<'_>, planned: &Planned, rows: u64) -> Result<()> {
    let limit = context.memory_limit as u64;
    if planned.object.size < limit / SMALL {
        return Ok(());
    }
    match scratch::resident() {
        Some(held) if held > (limit + limit / SLACK).max(LEAST) => {
            let what = format!("after {rows} of its records the run holds {} and may hold {}", size(held), size(limit));
            Err(too_large(planned, &what))
        }
        _ => Ok(()),
    }
}

fn too_large(planned: &Planned, why: &str) -> Error {
    let what =
        format!("{} is too large for the memory of this run: {why}; nothing was published", planned.delivery.path);
    Error::new(Exit::Limit, what).hint(
        "raise --memory-limit (or UPTAKE_MEMORY_LIMIT), to some four times the unpacked size of the file, or ask for the export in smaller parts",
    )
}

/// Bytes as people write them.
fn size(bytes: u64) -> String {
    match bytes {
        0..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..10_737_418_240 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}
