//! What a reviewer may want to look at in consented submissions. A signal is for a human eye: no score, no eligibility and no
//! other table reads this one.
//!
//! `evidence` what is read · `texts`, `endorsements`, `ratings` what is seen in it · `signal` a row

mod endorsements;
mod evidence;
mod ratings;
mod signal;
mod texts;

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use crate::job::Policy;
use endorsements::Endorsements;
use evidence::Evidence;
use signal::Signal;

/// The table's name.
pub const NAME: &str = "integrity_signals";

pub const TABLE: Derived = Derived { name: NAME, tables: &[NAME], protection: Protection::Guarded, build };

fn build(facts: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    let signals = detect(&Evidence::read(facts), &facts.job.policy, facts.job.zone);
    let rows = signal::rows(facts.catalog.require(NAME)?, &signals)?;
    Ok(vec![Output { table: NAME, partition: "all".into(), rows, grain: "", withheld: Vec::new() }])
}

/// Every signal in the evidence.
fn detect(evidence: &Evidence, policy: &Policy, zone: chrono_tz::Tz) -> Vec<Signal> {
    let endorsements = Endorsements::of(evidence);
    [
        texts::near_duplicates(evidence),
        texts::thin_content(evidence),
        endorsements.reciprocal(),
        endorsements.rings(),
        endorsements.serial(),
        endorsements.bursts(zone),
        endorsements.to_bosses(),
        endorsements.at_threshold(policy.peer_endorsements),
        endorsements.inflated_likes(),
        ratings::leniency(evidence),
        ratings::flat_raters(evidence),
    ]
    .concat()
}

#[cfg(test)]
mod tests;
