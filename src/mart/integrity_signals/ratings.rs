//! Signals in how raters rate: far above or below the others on the same items, or always alike.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use petgraph::unionfind::UnionFind;

use super::evidence::{Evidence, Item, Rating};
use super::signal::{Measure, Signal};
use crate::stats::severity::{self, severity};
use crate::stats::signals::{flat, unusual_severity};

/// Ratings of one cycle by one rubric version: only those can be compared.
fn groups(evidence: &Evidence) -> BTreeMap<(&str, &str), Vec<&Rating>> {
    let mut groups: BTreeMap<(&str, &str), Vec<&Rating>> = BTreeMap::new();
    for rating in &evidence.ratings {
        groups.entry((&rating.cycle, &rating.version)).or_default().push(rating);
    }
    groups
}

/// A signal about a rater's marks in one group.
fn about(kind: &'static str, evidence: &Evidence, cycle: &str, version: &str, marks: &[&Rating]) -> Signal {
    let rated: BTreeSet<&str> = marks.iter().map(|rating| rating.submission.as_str()).collect();
    let items: Vec<&Item> =
        evidence.items.iter().filter(|item| item.cycle == cycle && rated.contains(item.submission.as_str())).collect();
    let rater = marks.first().map(|rating| rating.rater.clone()).unwrap_or_default();
    let mut signal = Signal::new(kind, vec![rater], items, marks.iter().map(|rating| rating.at));
    signal.about = format!("{cycle};{version}");
    signal.count = marks.len() as i64;
    signal
}

/// Raters whose severity, their items allowed for, is more than a point or three standard errors.
///
/// An item of the model is one dimension of one submission. Raters who share no item with others are compared among
/// themselves.
pub fn leniency(evidence: &Evidence) -> Vec<Signal> {
    let mut signals = Vec::new();
    for ((cycle, version), ratings) in groups(evidence) {
        for island in islands(&ratings) {
            let Some((raters, fit)) = fit(&island) else { continue };
            for (name, rater) in raters.iter().zip(&fit.raters) {
                if !unusual_severity(rater.effect, rater.se, rater.ratings) {
                    continue;
                }
                let marks: Vec<&Rating> = island.iter().copied().filter(|rating| rating.rater == *name).collect();
                let mut signal = about("rater_leniency", evidence, cycle, version, &marks);
                signal.base = Some(island.len() as i64);
                (signal.strength, signal.measure) = (rater.effect.abs(), Measure::Points);
                let se = rater.se.map(|se| format!(" (standard error {se:.2})")).unwrap_or_default();
                signal.reason = format!(
                    "on the same items the rater marks {:.2} points {} than the others{se}, over {} ratings of cycle {cycle}",
                    rater.effect.abs(),
                    if rater.effect > 0.0 { "higher" } else { "lower" },
                    rater.ratings,
                );
                signals.push(signal);
            }
        }
    }
    signals
}

/// The model's raters in order, and the fit.
fn fit<'r>(ratings: &[&'r Rating]) -> Option<(Vec<&'r str>, severity::Severity)> {
    let raters: Vec<&str> = ratings.iter().map(|r| r.rater.as_str()).collect::<BTreeSet<_>>().into_iter().collect();
    let item = |r: &&'r Rating| (r.submission.as_str(), r.dimension.as_str());
    let items: Vec<(&str, &str)> = ratings.iter().map(item).collect::<BTreeSet<_>>().into_iter().collect();
    let numbered: Vec<severity::Rating> = ratings
        .iter()
        .map(|r| severity::Rating {
            item: items.partition_point(|known| *known < item(r)),
            rater: raters.partition_point(|known| *known < r.rater.as_str()),
            score: r.score as f64,
        })
        .collect();
    Some((raters, severity(&numbered)?))
}

/// Ratings parted into sets that share neither raters nor items, by the first rating of each.
fn islands<'r>(ratings: &[&'r Rating]) -> Vec<Vec<&'r Rating>> {
    let mut sets = UnionFind::new(ratings.len());
    let (mut of_rater, mut of_item) = (HashMap::new(), HashMap::new());
    for (at, rating) in ratings.iter().enumerate() {
        sets.union(at, *of_rater.entry(&rating.rater).or_insert(at));
        sets.union(at, *of_item.entry((&rating.submission, &rating.dimension)).or_insert(at));
    }
    let mut number_of = HashMap::new();
    let mut islands: Vec<Vec<&Rating>> = Vec::new();
    for (rating, set) in ratings.iter().zip(sets.into_labeling()) {
        let number = *number_of.entry(set).or_insert(islands.len());
        if number == islands.len() {
            islands.push(Vec::new());
        }
        islands[number].push(rating);
    }
    islands
}

/// Raters who give nearly always the same mark.
pub fn flat_raters(evidence: &Evidence) -> Vec<Signal> {
    let mut signals = Vec::new();
    for ((cycle, version), ratings) in groups(evidence) {
        let mut by_rater: BTreeMap<&str, Vec<&Rating>> = BTreeMap::new();
        for rating in ratings {
            by_rater.entry(&rating.rater).or_default().push(rating);
        }
        for marks in by_rater.values() {
            let mut counts = [0u32; 4];
            for mark in marks {
                if let Some(count) = usize::try_from(mark.score - 1).ok().and_then(|at| counts.get_mut(at)) {
                    *count += 1;
                }
            }
            let Some(category) = flat(&counts) else { continue };
            let mut signal = about("flat_rater", evidence, cycle, version, marks);
            signal.base = Some(marks.len() as i64);
            signal.count = i64::from(counts[category]);
            (signal.strength, signal.measure) = (f64::from(counts[category]) / marks.len() as f64, Measure::Share);
            signal.reason = format!(
                "{} of the rater's {} ratings of cycle {cycle} are {}",
                counts[category],
                marks.len(),
                category + 1
            );
            signals.push(signal);
        }
    }
    signals
}
