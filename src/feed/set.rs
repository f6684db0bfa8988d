//! The parts of a set as the one delivery they are: their books added up, and judged by what only all of them together can tell.

use arrow::array::RecordBatch;

use super::feed::Feed;
use super::intake::Intake;
use super::reject::{Reason, Refusal};
use super::warning::Warning;
use super::{declared, order, sites, watch};
use crate::contract::{Table, words};

/// Adds what reading a part gave, which lies at `path`, to that of the parts before it. Of warnings only those that gates count.
pub fn add(sum: &mut Intake, part: &Intake, path: &str) {
    sum.read += part.read;
    sum.accepted += part.accepted;
    sum.filtered += part.filtered;
    sum.warnings.extend(part.warnings.iter().filter(|warning| warning.code == "value_dropped").cloned());
    add_up(&mut sum.rejected_by_reason, &part.rejected_by_reason);
    add_up(&mut sum.coverage, &part.coverage);
    add_up(&mut sum.unknown_values, &part.unknown_values);
    for (column, orders) in &part.orders {
        let known = sum.orders.iter().position(|(other, _)| other == column);
        let at = known.unwrap_or_else(|| {
            sum.orders.push((column.clone(), order::Orders::default()));
            sum.orders.len() - 1
        });
        sum.orders[at].1.join(orders, path);
    }
    for site in &part.sites {
        if !sum.sites.contains(site) {
            sum.sites.push(site.clone());
        }
    }
}

/// Adds counts by what was counted.
pub fn add_up<K: PartialEq + Clone>(sum: &mut Vec<(K, u64)>, more: &[(K, u64)]) {
    for (counted, count) in more {
        match sum.iter_mut().find(|(other, _)| other == counted) {
            Some(known) => known.1 += count,
            None => sum.push((counted.clone(), *count)),
        }
    }
}

/// What is to be said of a set: `sum` is what [`add`] made of its parts, `rows` are those of all of them, where its table is no table of
/// events.
///
/// # Errors
/// The set as a whole cannot be trusted.
pub fn judge(feed: &Feed, table: &Table, sum: &Intake, rows: &[RecordBatch]) -> Result<Vec<Warning>, Refusal> {
    let judged = order::judged(feed.gates.date_order, &sum.orders);
    // The places are those of several parts, and each part is refused on its own.
    let mut warnings = judged.map_err(|refusal| declared::of_order(feed, refusal).without_places())?;
    if sum.sites.len() > 1 {
        return Err(sites::several());
    }
    all_rejected(sum)?;
    warnings.extend(watch::notice(feed, table, rows)?);
    Ok(warnings)
}

/// The refusal of a delivery of which too large a share of the records was rejected.
pub fn share_rejected(rejected: u64, judged: u64, allowed: f64) -> Refusal {
    let share = words::percent_of(rejected, judged);
    let (rejected, judged) = (words::grouped(rejected), words::count(judged, "record"));
    let detail = format!("{share} ({rejected} of {judged}), and the feed allows {}", words::percent(allowed));
    Refusal::new(Reason::RejectShare, detail)
}

/// However few they are: what holds no record that can be read is no delivery of its feed.
///
/// # Errors
/// It is so.
pub(super) fn all_rejected(intake: &Intake) -> Result<(), Refusal> {
    let rejected = intake.rejected_count();
    if rejected == 0 || intake.accepted > 0 {
        return Ok(());
    }
    let detail = match rejected {
        1 => "its only record (100 %)".to_owned(),
        _ => format!("all {} (100 %)", words::count(rejected, "record")),
    };
    Err(Refusal::new(Reason::RejectShare, detail))
}
