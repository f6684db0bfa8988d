//! What a period reads of the acts, as numbers that can be compared between runs: by ids and texts, never by codes.

use std::collections::BTreeMap;

use super::Acts;
use crate::canon::history::{People, StableHash};
use crate::period::Day;

/// Days before the end of a period whose governance events it may look back on.
pub const DEEDS_DAYS: Day = 366;

impl Acts {
    /// A hash over the contributions that a period reads of the days `[from, to)`, and over what reactions and searches of these
    /// days can meet. By ids, so that it can be compared between runs.
    pub fn fingerprint(&self, from: Day, to: Day) -> u64 {
        let mut hash = StableHash::default();
        for (day, posts) in self.post_hashes.range(from..to.max(from)) {
            hash.number(i64::from(*day));
            hash.number(*posts as i64);
        }
        let items = self.item_hashes.range(..to).next_back().map_or(0, |(_, items)| *items);
        hash.number(items as i64);
        hash.finish()
    }

    /// The same over governance events: those of the year before `to` (and since `from`), sponsors, and when each last acted.
    pub fn events_fingerprint(&self, from: Day, to: Day, people: &People) -> u64 {
        let mut hash = StableHash::default();
        let name = |worker: u32| people.workers.get(worker as usize).map_or("\u{1}", String::as_str);
        let started = self.deeds.iter().filter(|deed| deed.starts_sponsorship() && deed.day < to);
        for deed in started.chain(self.deeds((to - DEEDS_DAYS).min(from), to)) {
            hash.number(i64::from(deed.day));
            hash.text(&deed.kind);
            hash.text(deed.owner.map_or("\u{1}", name));
            for text in [&deed.scope, &deed.subject, &deed.role] {
                hash.text(text.as_deref().unwrap_or("\u{1}"));
            }
        }
        for worker in &self.sponsors {
            if let Some(day) = self.last_act(*worker, to) {
                hash.text(name(*worker));
                hash.number(i64::from(day));
            }
        }
        hash.finish()
    }

    /// Hashes posts and items by ids and texts, never by codes.
    pub(super) fn hash(&mut self, people: &People) {
        let name = |worker: u32| people.workers.get(worker as usize).map_or("\u{1}", String::as_str);
        for (day, posts) in &self.posts {
            let mut hash = StableHash::default();
            for post in posts {
                hash.text(name(post.worker));
                let flags = [post.is_closed, post.has_owner, post.is_tagged, post.is_first].map(i64::from);
                for number in [post.form as i64, post.minutes].into_iter().chain(flags) {
                    hash.number(number);
                }
                for list in [&post.topics, &post.sought] {
                    let mut texts: Vec<&str> = list.iter().filter_map(|code| self.topics.text(*code)).collect();
                    texts.sort_unstable();
                    texts.into_iter().for_each(|text| hash.text(text));
                    hash.number(list.len() as i64);
                }
                post.credited.iter().for_each(|expert| hash.text(name(*expert)));
                hash.number(post.credited.len() as i64);
            }
            self.post_hashes.insert(*day, hash.finish());
        }
        // Sums of hashes do not depend on the order of the items of a day.
        let mut sums: BTreeMap<Day, u64> = BTreeMap::new();
        let mut add = |day: Day, hash: StableHash| {
            let sum = sums.entry(day).or_default();
            *sum = sum.wrapping_add(hash.finish());
        };
        for (id, (author, day)) in &self.items {
            let mut hash = StableHash::default();
            hash.text(id);
            hash.text(name(*author));
            add(*day, hash);
        }
        for (id, (topics, published)) in &self.content_topics {
            let mut hash = StableHash::default();
            hash.text(id);
            let mut texts: Vec<&str> = topics.iter().filter_map(|code| self.topics.text(*code)).collect();
            texts.sort_unstable();
            texts.into_iter().for_each(|text| hash.text(text));
            add(*published, hash);
        }
        let mut all = 0u64;
        for (day, sum) in sums {
            all = all.wrapping_add(sum);
            self.item_hashes.insert(day, all);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::canon::acts::Acts;
    use crate::canon::fixture::{acts, day, people};
    use crate::canon::history::People;

    fn built(contributions: &str, events: &str) -> (People, Acts) {
        let who = people(
            "worker_id,effective_from,employee_no,status,leader_band
             ann,2025-01-01,ann,active,manager
             ben,2025-01-01,ben,active,ic
             eve,2025-01-01,eve,active,executive",
        );
        let acts = acts(&who, "2026-04-01", contributions, "", events);
        (who.0, acts)
    }

    #[test]
    fn a_period_reads_its_own_days_and_what_they_can_meet() {
        let before = "contribution_id,author_id,kind,created_at,deleted_at,body_hash
             k1,ben,post,2026-03-02,,
             k2,ann,post,2026-03-09,,";
        let print = |contributions: &str, events: &str, from: &str, to: &str| {
            let (people, acts) = built(contributions, events);
            (acts.fingerprint(day(from), day(to)), acts.events_fingerprint(day(from), day(to), &people))
        };
        let weeks = [("2026-03-02", "2026-03-09"), ("2026-03-09", "2026-03-16"), ("2026-03-16", "2026-03-23")];
        let changed = |contributions: &str, events: &str| {
            weeks.map(|(from, to)| print(contributions, events, from, to) != print(before, "", from, to))
        };
        assert_eq!(changed(before, ""), [false; 3]);
        let of_ann = format!("{before}\n k3,ann,post,2026-03-10,,");
        assert_eq!(changed(&of_ann, ""), [false, true, false], "a leader's post is met by no reaction that counts");
        let of_ben = format!("{before}\n k3,ben,post,2026-03-10,,");
        assert_eq!(changed(&of_ben, ""), [false, true, true], "later reactions can meet an expert's");
        let of_eve = "event_id,kind,held_on,owner_id
             e1,meeting,2026-03-11,eve";
        assert_eq!(changed(before, of_eve), [false, true, true], "a sponsor's act ages");
        let repeated = format!(
            "{}\n k3,ben,post,2026-03-17,,h1",
            before.replace("k1,ben,post,2026-03-02,,", "k1,ben,post,2026-03-02,,h1")
        );
        assert_eq!(
            changed(&repeated, ""),
            [false, false, true],
            "what counts as nothing changes nothing but whom reactions can meet"
        );
    }
}
