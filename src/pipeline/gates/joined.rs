//! Gates that look beyond a feed's own deliveries: whether HRIS knows the accounts a delivery names, and whether the feed is fresh.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use hashbrown::HashMap;

use super::Note;
use crate::canon::columns::Text;
use crate::canon::history::StableHash;
use crate::canon::identity::{Identity, Who};
use crate::contract::{Table, words};
use crate::feed::{Mode, Reason, Refusal, Verdict};
use crate::ledger::{Entry, Ledger};
use crate::period::Day;
use crate::pipeline::context::Context;
use crate::pipeline::planned::LoadedFeed;

/// Accounts of one delivery that are looked up; of more, those with the smallest hashes, so that memory does not follow the number
/// of deliveries and every run looks at the same ones.
const MOST: usize = 4_096;
/// Of fewer accounts nothing can be told.
const LEAST: usize = 10;
const MICROS_A_DAY: i64 = 86_400_000_000;

/// Accounts by hash, at most [`MOST`].
pub type Sample = BTreeMap<u64, String>;

/// Adds accounts to a sample.
pub fn draw<'a>(sample: &mut Sample, accounts: impl Iterator<Item = &'a str>) {
    for account in accounts {
        let mut hash = StableHash::default();
        hash.text(account);
        let hash = hash.finish();
        let wanted = sample.len() < MOST || sample.last_key_value().is_some_and(|(last, _)| hash < *last);
        if wanted && !sample.contains_key(&hash) {
            sample.insert(hash, account.to_owned());
            if sample.len() > MOST {
                sample.pop_last();
            }
        }
    }
}

/// Adds the accounts of rows of a table that is held whole and names them in `user_id`.
pub fn draw_rows(sample: &mut Sample, table: &Table, batch: &RecordBatch) {
    if table.column("user_id").is_some() {
        let accounts = Text::of(batch, "user_id");
        draw(sample, (0..batch.num_rows()).filter_map(|row| accounts.get(row)));
    }
}

/// Accounts that the deliveries of a run name.
#[derive(Debug, Default)]
pub struct Accounts {
    names: HashMap<u64, String>,
    deliveries: Vec<Named>,
}

#[derive(Debug)]
struct Named {
    /// The ledger's names of a delivery, or of the parts of a set.
    keys: Vec<String>,
    feed: usize,
    series: String,
    set: Option<String>,
    /// The day it was made.
    day: Day,
    accounts: Vec<u64>,
}

impl Accounts {
    /// Remembers a delivery, a part together with the rest of its set; of a feed that tells everything each time, the newest alone.
    pub fn add(&mut self, entry: &Entry, feed: usize, mode: Mode, day: Day, sample: Sample) {
        if sample.is_empty() {
            return;
        }
        let accounts: Vec<u64> = sample.keys().copied().collect();
        self.names.extend(sample);
        let is_part = entry.set.is_some();
        let same = |earlier: &&mut Named| earlier.feed == feed && earlier.set == entry.set;
        if let Some(set) = self.deliveries.iter_mut().rev().filter(|_| is_part).find(same) {
            set.keys.push(entry.key());
            set.accounts.extend(accounts);
            set.accounts.sort_unstable();
            set.accounts.dedup();
            return;
        }
        if mode == Mode::Full {
            self.deliveries.retain(|earlier| earlier.feed != feed || earlier.series != entry.series);
        }
        let (series, set) = (entry.series.clone(), entry.set.clone());
        self.deliveries.push(Named { keys: vec![entry.key()], feed, series, set, day, accounts });
    }

    /// What join coverage says of each delivery, by whom its accounts are on the day it was made: a refusal where the feed blocks,
    /// a note where it warns.
    pub fn judge(&self, feeds: &[LoadedFeed], identity: &Identity) -> (BTreeMap<String, Refusal>, Vec<Note>) {
        let (mut refused, mut notes) = (BTreeMap::new(), Vec::new());
        for named in &self.deliveries {
            let feed = &feeds[named.feed].feed;
            let (mut known, mut unknown) = (0_usize, 0_usize);
            for account in named.accounts.iter().filter_map(|hash| self.names.get(hash)) {
                match identity.who(account, named.day) {
                    Who::Worker(_) => known += 1,
                    Who::Unmatched(_) => unknown += 1,
                    // Test and external accounts are nobody's by intent.
                    Who::Excluded => {}
                }
            }
            let all = known + unknown;
            if all < LEAST || known as f64 >= feed.limits.joined_share * all as f64 {
                continue;
            }
            match feed.gates.join_coverage {
                Verdict::Off => {}
                Verdict::Block => {
                    let detail = format!(
                        "HRIS knows {} of the accounts looked up ({known} of {all}), and the feed asks for {} (limits.joined_share)",
                        words::percent_of(known as u64, all as u64),
                        words::percent(feed.limits.joined_share)
                    );
                    let refusal = Refusal::new(Reason::JoinCoverage, detail);
                    refused.extend(named.keys.iter().map(|key| (key.clone(), refusal.clone())));
                }
                Verdict::Warn => notes.push(Note {
                    delivery: named.keys.first().cloned().unwrap_or_default(),
                    check: "join_coverage",
                    code: Reason::JoinCoverage.code(),
                    column: String::new(),
                    affected: unknown as u64,
                    out_of: all as u64,
                    previous_share: None,
                    sentence: Reason::JoinCoverage.sentence().into(),
                }),
            }
        }
        (refused, notes)
    }
}

/// A feed whose newest delivery is too old, and that delivery.
pub struct Stale<'a> {
    pub newest: &'a Entry,
    pub verdict: Verdict,
    pub days: i64,
    pub allowed: u32,
}

impl Stale<'_> {
    /// What is wrong, in a sentence.
    pub fn sentence(&self) -> String {
        let days = words::count(self.days.unsigned_abs(), "day");
        format!(
            "{}: it is {days} old, and the feed allows {}",
            Reason::Stale.sentence(),
            words::count(self.allowed.into(), "day")
        )
    }
}

/// The feeds of the job whose newest delivery was made more days before `--as-of` than they allow.
pub fn stale<'a>(context: &Context<'_>, ledger: &'a Ledger) -> Vec<Stale<'a>> {
    let judged = |loaded: &LoadedFeed| {
        let allowed = loaded.feed.limits.fresh_days?;
        let newest = ledger.accepted(&loaded.feed.name).pop()?;
        let days = (context.as_of.timestamp_micros() - newest.known_at).div_euclid(MICROS_A_DAY);
        let verdict = loaded.feed.gates.freshness;
        (days > i64::from(allowed) && verdict != Verdict::Off).then_some(Stale { newest, verdict, days, allowed })
    };
    context.feeds.iter().filter_map(judged).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_the_accounts_of_the_smallest_hashes_whatever_their_order() {
        let names: Vec<String> = (0..10_000).map(|number| format!("u{number}")).collect();
        let (mut up, mut down) = (Sample::new(), Sample::new());
        draw(&mut up, names.iter().map(String::as_str));
        draw(&mut down, names.iter().rev().chain(&names).map(String::as_str));
        assert_eq!(up.len(), MOST);
        assert!(up == down);
        let mut few = Sample::new();
        draw(&mut few, ["a", "b", "a"].into_iter());
        assert_eq!(few.len(), 2);
    }
}
