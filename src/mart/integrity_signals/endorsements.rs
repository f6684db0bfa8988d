//! Signals in who reacts to whom: endorsements of submitted items beyond what habits explain.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Content, Evidence, Item, Reaction};
use super::signal::{Measure, Signal};
use crate::period::{Day, date_of, local_day};
use crate::stats::benjamini_hochberg;
use crate::stats::endorsements::{Block, Endorsement, FLAG_Q, Pair, at_least, is_strong, mutual, pairs, rings};
use crate::stats::signals::{bursts, dominated, serial};

/// Fewer likes than this are never inflated.
const LIKES_MIN: u32 = 5;
/// The same endorsers alone on so many items at the threshold are a signal.
const THRESHOLD_ITEMS_MIN: usize = 3;

/// Endorsements with people and teams numbered, as the estimators want them.
pub struct Endorsements<'e> {
    evidence: &'e Evidence,
    items: BTreeMap<(&'e str, &'e str), Vec<&'e Item>>,
    people: Vec<&'e str>,
    rows: Vec<&'e Reaction>,
    edges: Vec<Endorsement>,
    pairs: Vec<Pair>,
}

impl<'e> Endorsements<'e> {
    pub fn of(evidence: &'e Evidence) -> Endorsements<'e> {
        let mut items: BTreeMap<(&str, &str), Vec<&Item>> = BTreeMap::new();
        for item in &evidence.items {
            items.entry((&item.contribution, &item.author)).or_default().push(item);
        }
        let rows: Vec<&Reaction> = evidence.reactions.iter().filter(|reaction| reaction.kind == "endorse").collect();
        let named = rows.iter().flat_map(|row| [row.from.as_str(), row.to.as_str()]);
        let people: Vec<&str> = named.collect::<BTreeSet<_>>().into_iter().collect();
        let number = |name: &str| people.partition_point(|known| *known < name);
        let edges: Vec<Endorsement> = rows
            .iter()
            .map(|row| {
                // Whose team nobody knows is in nobody's team.
                let block = match row.teams {
                    (Some(from), Some(to)) => Block::of(from as usize, to as usize),
                    _ => Block::Across,
                };
                Endorsement { from: number(&row.from), to: number(&row.to), block }
            })
            .collect();
        let pairs = pairs(&edges);
        Endorsements { evidence, items, people, rows, edges, pairs }
    }

    /// Rows of evidence among the edges that pass.
    fn rows(&self, pass: impl Fn(&Endorsement) -> bool) -> Vec<&'e Reaction> {
        self.edges.iter().zip(&self.rows).filter(|(edge, _)| pass(edge)).map(|(_, row)| *row).collect()
    }

    /// A signal resting on these rows.
    fn signal(&self, kind: &'static str, subjects: Vec<String>, rows: &[&'e Reaction]) -> Signal {
        let items: BTreeSet<(&str, &str)> =
            rows.iter().map(|row| (row.contribution.as_str(), row.to.as_str())).collect();
        let items = items.into_iter().flat_map(|key| self.items.get(&key)).flatten().copied();
        let mut signal = Signal::new(kind, subjects, items, rows.iter().map(|row| row.at));
        signal.count = rows.len() as i64;
        signal
    }

    fn names(&self, people: &[usize]) -> Vec<String> {
        people.iter().map(|person| self.people[*person].to_owned()).collect()
    }

    /// Two people who endorse each other more than their habits explain.
    pub fn reciprocal(&self) -> Vec<Signal> {
        let expected: BTreeMap<(usize, usize, Block), f64> =
            self.pairs.iter().map(|pair| ((pair.from, pair.to, pair.block), pair.expected)).collect();
        mutual(&self.pairs)
            .into_iter()
            .filter(|both| both.flag)
            .map(|both| {
                let rows = self.rows(|edge| {
                    edge.block == both.block
                        && ((edge.from, edge.to) == (both.a, both.b) || (edge.from, edge.to) == (both.b, both.a))
                });
                let mut signal = self
                    .signal("reciprocal_endorsement", self.names(&[both.a, both.b]), &rows)
                    .improbable(both.p, Some(both.q));
                let place = if both.block == Block::Across { "across teams" } else { "in one team" };
                signal.about = place.to_owned();
                (signal.count, signal.count_back) = (i64::from(both.count_ab), Some(i64::from(both.count_ba)));
                signal.expected = expected.get(&(both.a, both.b, both.block)).copied();
                signal.expected_back = expected.get(&(both.b, both.a, both.block)).copied();
                signal.reason = format!(
                    "{place} the first endorsed the second {} times where {:.1} were expected, and the second the first {} times where {:.1} were",
                    both.count_ab,
                    signal.expected.unwrap_or_default(),
                    both.count_ba,
                    signal.expected_back.unwrap_or_default(),
                );
                signal
            })
            .collect()
    }

    /// People linked in circles of unusually strong endorsements.
    pub fn rings(&self) -> Vec<Signal> {
        rings(&self.pairs)
            .into_iter()
            .map(|ring| {
                let within = |from: usize, to: usize| ring.contains(&from) && ring.contains(&to);
                let links: Vec<&Pair> =
                    self.pairs.iter().filter(|pair| within(pair.from, pair.to) && is_strong(pair)).collect();
                let linked: BTreeSet<(usize, usize, Block)> =
                    links.iter().map(|pair| (pair.from, pair.to, pair.block)).collect();
                let rows = self.rows(|edge| linked.contains(&(edge.from, edge.to, edge.block)));
                let weakest = links.iter().map(|pair| pair.p).fold(0.0, f64::max);
                let mut signal = self.signal("endorsement_ring", self.names(&ring), &rows).improbable(weakest, None);
                let expected: f64 = links.iter().map(|pair| pair.expected).sum();
                signal.expected = Some(expected);
                signal.reason = format!(
                    "{} people are linked by {} endorsements along {} unusually strong ties where {expected:.1} were expected",
                    ring.len(),
                    rows.len(),
                    links.len(),
                );
                signal
            })
            .collect()
    }

    /// Endorsements of one author by one person.
    fn by_pair(&self) -> BTreeMap<(&'e str, &'e str), Vec<&'e Reaction>> {
        let mut by_pair: BTreeMap<(&str, &str), Vec<&Reaction>> = BTreeMap::new();
        for row in &self.rows {
            by_pair.entry((&row.from, &row.to)).or_default().push(row);
        }
        by_pair
    }

    /// One person who endorses one author in quick succession, or gives half of what the author gets.
    pub fn serial(&self) -> Vec<Signal> {
        let mut got: BTreeMap<&str, u32> = BTreeMap::new();
        for row in &self.rows {
            *got.entry(&row.to).or_default() += 1;
        }
        let mut signals = Vec::new();
        for ((from, to), rows) in self.by_pair() {
            let subjects = vec![from.to_owned(), to.to_owned()];
            let all = got.get(to).copied().unwrap_or_default();
            let seconds: Vec<i64> = rows.iter().map(|row| row.at.div_euclid(1_000_000)).collect();
            if let Some(most) = serial(&seconds) {
                let mut signal = self.signal("serial_endorsement", subjects.clone(), &rows);
                (signal.count, signal.base) = (most as i64, Some(i64::from(all)));
                (signal.strength, signal.measure) = (most as f64, Measure::Count);
                signal.reason = format!("{most} endorsements of the second by the first within 10 minutes");
                signals.push(signal);
            }
            if let Some(share) = dominated(rows.len() as u32, all) {
                let mut signal = self.signal("serial_endorsement", subjects, &rows);
                signal.base = Some(i64::from(all));
                (signal.strength, signal.measure) = (share, Measure::Share);
                signal.reason = format!("{} of the {all} endorsements the second got came from the first", rows.len());
                signals.push(signal);
            }
        }
        signals
    }

    /// Endorsers below the author in the reporting line.
    pub fn to_bosses(&self) -> Vec<Signal> {
        self.by_pair()
            .into_iter()
            .filter_map(|((from, to), rows)| {
                let below: Vec<&Reaction> = rows.into_iter().filter(|row| row.to_boss).collect();
                if below.is_empty() {
                    return None;
                }
                let mut signal = self.signal("subordinate_endorses_boss", vec![from.to_owned(), to.to_owned()], &below);
                signal.strength = below.len() as f64;
                signal.reason = format!(
                    "the first reported to the second on the day of {} endorsement{}: none of them counts as a peer's",
                    below.len(),
                    if below.len() == 1 { "" } else { "s" }
                );
                Some(signal)
            })
            .collect()
    }

    /// Days on which an author got far more endorsements than in the 28 days before. Counting begins with the author's first
    /// submitted contribution, so its own first weeks have nothing to be compared with.
    pub fn bursts(&self, zone: chrono_tz::Tz) -> Vec<Signal> {
        let mut first: BTreeMap<&str, Day> = BTreeMap::new();
        for (contribution, author) in self.items.keys() {
            if let Some(Content { created_at, .. }) = self.evidence.contents.get(*contribution) {
                let day = local_day(*created_at, zone);
                first.entry(author).and_modify(|first| *first = day.min(*first)).or_insert(day);
            }
        }
        let mut by_author: BTreeMap<&str, Vec<&Reaction>> = BTreeMap::new();
        for row in &self.rows {
            by_author.entry(&row.to).or_default().push(row);
        }
        let mut signals = Vec::new();
        for (author, rows) in by_author {
            let (Some(from), Some(to)) = (first.get(author), rows.iter().map(|row| row.day).max()) else { continue };
            // Nobody endorses what is not there yet; clocks of two systems may differ.
            let days = usize::try_from(to - from + 1).unwrap_or(0);
            let mut counts = vec![0u32; days];
            for row in &rows {
                if let Some(count) = usize::try_from(row.day - from).ok().and_then(|at| counts.get_mut(at)) {
                    *count += 1;
                }
            }
            for burst in bursts(&counts) {
                let day = from + burst.day as Day;
                let of_day: Vec<&Reaction> = rows.iter().copied().filter(|row| row.day == day).collect();
                let mut signal = self.signal("burst", vec![author.to_owned()], &of_day).improbable(burst.p, None);
                signal.about = date_of(day).to_string();
                signal.expected = Some(burst.expected);
                signal.reason = format!(
                    "{} endorsements on {} where the 28 days before had {:.2} a day",
                    burst.count,
                    date_of(day),
                    burst.expected
                );
                signals.push(signal);
            }
        }
        signals
    }

    /// The same endorsers who alone lift items of others exactly to the number of peers the policy asks for.
    pub fn at_threshold(&self, peers: i64) -> Vec<Signal> {
        let Some(peers) = usize::try_from(peers).ok().filter(|peers| *peers >= 2) else { return Vec::new() };
        let mut endorsers: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
        for row in self.rows.iter().filter(|row| row.is_eligible && !row.in_line) {
            endorsers.entry((&row.contribution, &row.to)).or_default().insert(&row.from);
        }
        endorsers.retain(|_, endorsers| endorsers.len() == peers);
        let at_threshold = endorsers.len();
        let mut appears: BTreeMap<&str, usize> = BTreeMap::new();
        for name in endorsers.values().flatten() {
            *appears.entry(name).or_default() += 1;
        }
        let mut together: BTreeMap<&BTreeSet<&str>, Vec<(&str, &str)>> = BTreeMap::new();
        for (item, names) in &endorsers {
            together.entry(names).or_default().push(*item);
        }
        together
            .into_iter()
            .filter(|(_, items)| items.len() >= THRESHOLD_ITEMS_MIN)
            .map(|(names, items)| {
                let rows: Vec<&Reaction> = self
                    .rows
                    .iter()
                    .copied()
                    .filter(|row| {
                        names.contains(row.from.as_str())
                            && items.contains(&(row.contribution.as_str(), row.to.as_str()))
                    })
                    .collect();
                let mut signal =
                    self.signal("threshold_pair", names.iter().map(|name| (*name).to_owned()).collect(), &rows);
                (signal.count, signal.base) = (items.len() as i64, Some(at_threshold as i64));
                signal.strength = items.len() as f64;
                if peers == 2 {
                    // Items at the threshold are pairs of endorsers; mixed at random, two of them meet so often.
                    let each: f64 = names.iter().map(|name| appears.get(name).copied().unwrap_or(0) as f64).product();
                    let expected = each / (2.0 * at_threshold as f64 - 1.0);
                    signal.expected = Some(expected);
                    signal.p = Some(at_least(items.len() as u32, expected));
                }
                signal.reason = format!(
                    "{} items have exactly the {peers} peer endorsements the policy asks for, each time from these people alone",
                    items.len()
                );
                signal
            })
            .collect()
    }

    /// Submitted items whose likes far outrun the other reactions they get.
    pub fn inflated_likes(&self) -> Vec<Signal> {
        let mut by_item: BTreeMap<(&str, &str), Vec<&Reaction>> = BTreeMap::new();
        for row in &self.evidence.reactions {
            by_item.entry((&row.contribution, &row.to)).or_default().push(row);
        }
        let is_like = |row: &&&Reaction| row.kind == "like";
        let likes_of = |rows: &[&Reaction]| rows.iter().filter(is_like).count() as u32;
        let all = self.evidence.reactions.len() as f64;
        let likes = f64::from(likes_of(&self.evidence.reactions.iter().collect::<Vec<_>>()));
        let judged: Vec<(&(&str, &str), &Vec<&Reaction>, u32, f64)> = by_item
            .iter()
            .map(|(item, rows)| (item, rows, likes_of(rows), rows.len() as f64 * likes / all))
            .filter(|(_, _, likes, _)| *likes > 0)
            .collect();
        let p: Vec<f64> = judged.iter().map(|(_, _, likes, expected)| at_least(*likes, *expected)).collect();
        let q = benjamini_hochberg::adjust(&p);
        judged
            .into_iter()
            .zip(p.into_iter().zip(q))
            .filter(|((_, _, likes, _), (_, q))| *likes >= LIKES_MIN && *q < FLAG_Q)
            .map(|(((contribution, author), rows, likes, expected), (p, q))| {
                let liked: Vec<&Reaction> = rows.iter().filter(is_like).copied().collect();
                let mut signal =
                    self.signal("inflated_likes", vec![(*author).to_owned()], &liked).improbable(p, Some(q));
                signal.about = (*contribution).to_owned();
                (signal.base, signal.expected) = (Some(rows.len() as i64), Some(expected));
                signal.reason = format!(
                    "{likes} of the {} reactions to {contribution} are likes where {expected:.1} were expected",
                    rows.len()
                );
                signal
            })
            .collect()
    }
}
