//! One meaning, whatever the vendor: merging statements, the history of people and units, and who an account is.

pub mod acts;
pub mod before_hire;
pub mod career;
pub mod catalogue;
pub mod certification;
pub mod certifications;
pub mod columns;
pub mod competency;
pub mod contributions;
pub mod employment;
pub mod enrollment;
#[cfg(test)]
pub(crate) mod fixture;
pub mod hierarchy;
pub mod history;
pub mod id_filter;
pub mod identity;
pub mod kept;
pub mod layers;
pub mod merge;
pub mod obligation;
pub mod reporting;
pub mod sharing;
pub mod snapshot;
pub mod unit_leader;
