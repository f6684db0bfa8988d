//! Acts that match nobody, day by day: by the feed they came from, the table they stand in and the reason.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use hashbrown::HashMap;

use super::time_spent::is_act_of_somebody;
use crate::canon::columns::{Text, bools};
use crate::canon::identity::Unmatched;
use crate::contract::arrow::{DELETED, DELIVERY};
use crate::contract::findings::{Found, finding};

/// How many, by (reason, table, feed).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strangers(BTreeMap<(String, String, String), u64>);

impl Strangers {
    /// Counts the rows of one day whose account, named in the column `user`, is nobody we know on it: `unmatched` says so.
    pub fn add(
        &mut self,
        (table, user): (&str, &str),
        rows: &[RecordBatch],
        unmatched: &HashMap<String, Unmatched>,
        feed_of: &dyn Fn(&str) -> Option<String>,
    ) {
        for batch in rows.iter().filter(|_| !unmatched.is_empty()) {
            let count = batch.num_rows();
            let reasons = Text::of(batch, user).each(count, &mut |user| unmatched.get(user).copied());
            if reasons.iter().flatten().flatten().next().is_none() {
                continue;
            }
            let mut feeds: Vec<String> = Vec::new();
            let sources = Text::of(batch, DELIVERY).each(count, &mut |delivery| {
                feeds.push(feed_of(delivery).unwrap_or_default());
                feeds.len() - 1
            });
            let deleted = bools(batch, DELETED);
            let acts = Text::of(batch, "verb").each(count, &mut is_act_of_somebody);
            let mut counts: BTreeMap<(Unmatched, Option<usize>), u64> = BTreeMap::new();
            for row in (0..count).filter(|row| deleted(*row) != Some(true) && acts[*row] != Some(false)) {
                if let Some(reason) = reasons[row].flatten() {
                    *counts.entry((reason, sources[row])).or_default() += 1;
                }
            }
            for ((reason, source), count) in counts {
                let feed = source.and_then(|at| feeds.get(at)).cloned().unwrap_or_default();
                self.count(reason, table, feed, count);
            }
        }
    }

    /// Counts acts of one reason.
    pub fn count(&mut self, reason: Unmatched, table: &str, feed: String, count: u64) {
        *self.0.entry((reason.code().to_owned(), table.to_owned(), feed)).or_default() += count;
    }

    /// As one line a count, to be kept between runs; empty where there are none.
    pub fn text(&self) -> String {
        let line = |((reason, table, feed), count): (&(String, String, String), &u64)| {
            format!("{reason}|{count}|{table}|{feed}")
        };
        self.0.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Adds what [`Strangers::text`] wrote.
    pub fn add_text(&mut self, text: &str) {
        for line in text.lines() {
            let mut words = line.splitn(4, '|');
            if let (Some(reason), Some(count), Some(table), Some(feed)) =
                (words.next(), words.next(), words.next(), words.next())
                && let Ok(count) = count.parse::<u64>()
            {
                *self.0.entry((reason.to_owned(), table.to_owned(), feed.to_owned())).or_default() += count;
            }
        }
    }

    /// What is worth saying of it.
    pub fn found(&self) -> Vec<Found> {
        let told = |((reason, table, feed), count): (&(String, String, String), &u64)| {
            let code = finding(reason)?.code;
            Some(Found { feed: feed.clone(), ..Found::of_table(code, table, *count, None) })
        };
        self.0.iter().filter_map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::fixture::rows;

    #[test]
    fn acts_that_match_nobody_are_counted_by_feed_and_come_back_from_their_text() {
        let unmatched = ["x1", "x2"].map(|user| (user.to_owned(), Unmatched::NoAccount));
        let activity = [rows(
            "activity",
            "event_id user_id verb     _delivery
             e1       w1      viewed   a/one.csv
             e2       x1      viewed   a/one.csv
             e3       x1      viewed   b/two.csv
             e4       x2      viewed   b/two.csv
             e5       -       viewed   b/two.csv
             e6       x2      enrolled b/two.csv",
        )];
        let feed_of = |delivery: &str| Some(delivery[..1].to_owned());
        let mut strangers = Strangers::default();
        strangers.add(("activity", "user_id"), &activity, &HashMap::from_iter(unmatched), &feed_of);
        assert_eq!(
            strangers.text(),
            "no_account|1|activity|a\nno_account|2|activity|b",
            "nobody's act is no stranger's"
        );
        let mut twice = Strangers::default();
        twice.add_text(&strangers.text());
        assert_eq!(twice, strangers);
        twice.add_text(&strangers.text());
        let found: Vec<(String, String, u64)> =
            twice.found().into_iter().map(|found| (found.code.to_owned(), found.feed, found.affected)).collect();
        assert_eq!(found, [("no_account".into(), "a".into(), 2), ("no_account".into(), "b".into(), 4)]);
    }
}
