//! How many accounts of the newest account list are somebody whom HRIS knows. Accounts that are nobody make every rate too low, and
//! nothing else of a run says so beforehand.
//!
//! An approximation: what the lake holds and what the newest deliveries say are taken together as if all of it were told today.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;

use super::findings::Findings;
use super::rows::{Rows, rows};
use crate::canon::columns::Text;
use crate::canon::history::{Eligibility, People};
use crate::canon::identity::{Identity, Unmatched, Who};
use crate::cli::terminal::count;
use crate::error::{Error, Result};
use crate::period::local_day;
use crate::pipeline::Context;
use crate::pipeline::plan::DeliveryPlan;
use crate::publish::Commit;

/// A smaller share of accounts is worth a warning.
const USUAL: f64 = 0.9;
const WHAT: &str = "people joined";

pub fn look(context: &Context<'_>, plan: &DeliveryPlan, head: Option<&Commit>, findings: &mut Findings) {
    let fills = |table: &str| context.feeds.iter().any(|loaded| loaded.feed.fills == table);
    if !fills("workers") || !(fills("users") || fills("identity_links")) {
        let lacks = if fills("workers") { "users or identity_links" } else { "workers" };
        return findings.not_tried(WHAT, &format!("no feed of the job fills {lacks}"));
    }
    match joined(context, plan, head) {
        Ok(joined) => joined.judge(findings),
        Err(error) => findings.failed(WHAT, &error),
    }
}

/// The accounts by what they are.
#[derive(Debug, Default)]
struct Joined {
    workers: usize,
    matched: u64,
    unmatched: BTreeMap<Unmatched, u64>,
    /// Where the accounts stand.
    of: String,
    is_partial: bool,
}

fn joined(context: &Context<'_>, plan: &DeliveryPlan, head: Option<&Commit>) -> Result<Joined> {
    let read = |table: &str| rows(context, plan, head, table, None);
    let (workers, users, links) = (read("workers")?, read("users")?, read("identity_links")?);
    let policy = &context.job.policy;
    let rule = Eligibility { worker_types: policy.worker_types.clone(), min_tenure_days: policy.min_tenure_days };
    let people = People::build(&workers.all(), &rule);
    let told: Vec<RecordBatch> = workers.all().into_iter().chain(workers.completing.iter().cloned()).collect();
    let identity = Identity::build(&users.all(), &links.all(), &told, &people);
    let day = local_day(context.as_of.timestamp_micros(), context.job.zone);
    let (accounts, of) = accounts(&users, &links);
    let mut joined = Joined { workers: people.workers.len(), of, ..Joined::default() };
    joined.is_partial = [&workers, &users, &links].iter().any(|rows| rows.is_partial);
    for account in accounts {
        match identity.who(&account, day) {
            Who::Worker(_) => joined.matched += 1,
            Who::Unmatched(reason) => *joined.unmatched.entry(reason).or_default() += 1,
            // Test and external accounts are nobody's by intent.
            Who::Excluded => {}
        }
    }
    Ok(joined)
}

/// The accounts that the newest lists name; where nothing is new, those of the lake.
fn accounts(users: &Rows, links: &Rows) -> (BTreeSet<String>, String) {
    let of = |batches: &[arrow::array::RecordBatch], column: &str| -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for batch in batches {
            let id = Text::of(batch, column);
            found.extend((0..batch.num_rows()).filter_map(|row| id.get(row).map(str::to_owned)));
        }
        found
    };
    for (rows, column) in [(users, "user_id"), (links, "source_user_id")] {
        let new = of(&rows.new, column);
        if let (false, Some(path)) = (new.is_empty(), rows.read.first()) {
            let more = rows.read.len() - 1;
            let more =
                if more == 0 { String::new() } else { format!(" and {}", count(more as u64, "other", "others")) };
            return (new, format!("{path}{more}"));
        }
    }
    let known = of(&users.known, "user_id");
    (if known.is_empty() { of(&links.known, "source_user_id") } else { known }, "the lake".to_owned())
}

impl Joined {
    fn judge(&self, findings: &mut Findings) {
        let unmatched: u64 = self.unmatched.values().sum();
        let all = self.matched + unmatched;
        if self.workers == 0 || all == 0 {
            let what = if self.workers == 0 { "workers" } else { "accounts" };
            return findings.not_tried(WHAT, &format!("there are no rows of {what}, new or known"));
        }
        let mut reasons: Vec<(u64, &str)> =
            self.unmatched.iter().map(|(reason, count)| (*count, reason.sentence())).collect();
        reasons.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
        let reasons: Vec<String> = reasons.iter().map(|(count, sentence)| format!("{count}: {sentence}")).collect();
        let why = if reasons.is_empty() { String::new() } else { format!("; {}", reasons.join("; ")) };
        let partial = if self.is_partial { "; not all deliveries could be read" } else { "" };
        let share = self.matched as f64 / all as f64;
        let said = format!(
            "about {} of {} of {} are workers ({:.1} %), as if all lists were told today{partial}{why}",
            self.matched,
            count(all, "account", "accounts"),
            self.of,
            100.0 * share
        );
        let hint = "accounts are joined by identity_links, else by employee_no, else by email: compare how both exports write them";
        if self.matched == 0 {
            findings.failed(WHAT, &Error::gate(said).hint(hint));
        } else if share < USUAL {
            findings.warn(WHAT, &said, Some(hint));
        } else {
            findings.ok(WHAT, &said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::check::findings::State;

    #[test]
    fn nobody_joined_is_a_failure_and_a_tenth_missing_a_warning() {
        let judged = |matched: u64, unmatched: u64| {
            let unmatched =
                BTreeMap::from([(Unmatched::NoWorker, unmatched)]).into_iter().filter(|it| it.1 > 0).collect();
            let joined = Joined { workers: 3, matched, unmatched, of: "users.csv".into(), is_partial: false };
            let mut findings = Findings::default();
            joined.judge(&mut findings);
            findings.all.remove(0)
        };
        assert_eq!(
            [judged(9, 1), judged(8, 2), judged(0, 10)].map(|it| it.state),
            [State::Ok, State::Warning, State::Failed]
        );
        assert_eq!(
            judged(5, 0).detail,
            "about 5 of 5 accounts of users.csv are workers (100.0 %), as if all lists were told today"
        );
        let said = judged(8, 2).detail;
        assert!(said.starts_with("about 8 of 10 accounts") && said.contains("today; 2: the account has no"), "{said}");
        assert_eq!(judged(0, 10).exit, Some(3));
        assert_eq!(judged(0, 0).state, State::NotTried);
    }
}
