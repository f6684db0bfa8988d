//! One meaning, whatever the vendor: merging statements, the history of people and units, and who an account is.

pub mod career;
pub mod catalogue;
pub mod certification;
pub mod certifications;
pub mod columns;
pub mod competency;
pub mod enrollment;
pub mod hierarchy;
pub mod history;
pub mod identity;
pub mod merge;
pub mod snapshot;
#[cfg(test)]
pub mod table_of;
