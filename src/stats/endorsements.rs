//! Who endorses whom more than their habits explain: pairs, mutual pairs, and rings.
//!
//! Within a block (one team, or all that goes across teams) an author gets endorsements in proportion to how much they
//! and the endorser take part at all: λ = out · in / all. A count far above λ is a signal for a reviewer's eye, no more.

mod rings;

use std::collections::BTreeMap;

use statrs::function::gamma::{gamma_lr, gamma_ur};

use super::benjamini_hochberg;
pub use rings::{is_strong, rings};

/// Pairs below this many endorsements (for mutual pairs, either way) are never flagged.
pub const FLAG_COUNT_MIN: u32 = 3;
/// Flagged from below this share of false discoveries.
pub const FLAG_Q: f64 = 0.05;

/// One endorsement of an author by somebody, both numbered in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endorsement {
    pub from: usize,
    pub to: usize,
    pub block: Block,
}

/// Where an endorsement takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Block {
    Within { team: usize },
    Across,
}

impl Block {
    pub fn of(from_team: usize, to_team: usize) -> Block {
        if from_team == to_team { Block::Within { team: from_team } } else { Block::Across }
    }
}

/// Endorsements from one person to another in one block.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    pub from: usize,
    pub to: usize,
    pub block: Block,
    pub count: u32,
    /// All that `from` gave, all that `to` got, and all there were, in the block.
    pub given: u32,
    pub got: u32,
    pub all: u32,
    pub expected: f64,
    /// P(Poisson(expected) >= count), and its Benjamini–Hochberg value over all pairs of all blocks.
    pub p: f64,
    pub q: f64,
    pub flag: bool,
}

/// Two people who endorsed each other at least twice either way in one block.
#[derive(Debug, Clone, PartialEq)]
pub struct Mutual {
    pub a: usize,
    pub b: usize,
    pub block: Block,
    pub count_ab: u32,
    pub count_ba: u32,
    pub p_ab: f64,
    pub p_ba: f64,
    /// Fisher's -2 Σ ln p, χ² with 4 degrees of freedom.
    pub fisher: f64,
    pub p: f64,
    pub q: f64,
    pub flag: bool,
}

/// Every pair with an endorsement, by endorser, author and block. Endorsements of oneself are not counted anywhere.
pub fn pairs(endorsements: &[Endorsement]) -> Vec<Pair> {
    let mut counts: BTreeMap<(usize, usize, Block), u32> = BTreeMap::new();
    let mut given: BTreeMap<(usize, Block), u32> = BTreeMap::new();
    let mut got: BTreeMap<(usize, Block), u32> = BTreeMap::new();
    let mut all: BTreeMap<Block, u32> = BTreeMap::new();
    for e in endorsements.iter().filter(|e| e.from != e.to) {
        *counts.entry((e.from, e.to, e.block)).or_default() += 1;
        *given.entry((e.from, e.block)).or_default() += 1;
        *got.entry((e.to, e.block)).or_default() += 1;
        *all.entry(e.block).or_default() += 1;
    }
    let mut pairs: Vec<Pair> = counts
        .into_iter()
        .map(|((from, to, block), count)| {
            // Counted above from the same endorsements, so every key is there.
            let (given, got, all) = (given[&(from, block)], got[&(to, block)], all[&block]);
            let expected = f64::from(given) * f64::from(got) / f64::from(all);
            let p = at_least(count, expected);
            Pair { from, to, block, count, given, got, all, expected, p, q: 1.0, flag: false }
        })
        .collect();
    let q = benjamini_hochberg::adjust(&pairs.iter().map(|pair| pair.p).collect::<Vec<_>>());
    for (pair, q) in pairs.iter_mut().zip(q) {
        pair.q = q;
        pair.flag = q < FLAG_Q && pair.count >= FLAG_COUNT_MIN;
    }
    pairs
}

/// Mutual pairs among `pairs`, in order of `a`, `b` and block.
pub fn mutual(pairs: &[Pair]) -> Vec<Mutual> {
    let by_key: BTreeMap<(usize, usize, Block), &Pair> = pairs.iter().map(|p| ((p.from, p.to, p.block), p)).collect();
    let both_ways = pairs.iter().filter(|p| p.from < p.to && p.count >= 2).filter_map(|there| {
        let back = by_key.get(&(there.to, there.from, there.block)).filter(|back| back.count >= 2)?;
        // A p too small for f64 still has a logarithm.
        let ln = |p: f64| p.max(f64::MIN_POSITIVE).ln();
        let fisher = -2.0 * (ln(there.p) + ln(back.p));
        Some(Mutual {
            a: there.from,
            b: there.to,
            block: there.block,
            count_ab: there.count,
            count_ba: back.count,
            p_ab: there.p,
            p_ba: back.p,
            fisher,
            p: if fisher > 0.0 { gamma_ur(2.0, fisher / 2.0) } else { 1.0 },
            q: 1.0,
            flag: false,
        })
    });
    let mut mutual: Vec<Mutual> = both_ways.collect();
    let q = benjamini_hochberg::adjust(&mutual.iter().map(|m| m.p).collect::<Vec<_>>());
    for (m, q) in mutual.iter_mut().zip(q) {
        m.q = q;
        m.flag = q < FLAG_Q && m.count_ab.min(m.count_ba) >= FLAG_COUNT_MIN;
    }
    mutual
}

/// P(Poisson(mean) >= count).
pub fn at_least(count: u32, mean: f64) -> f64 {
    match count {
        0 => 1.0,
        _ if mean <= 0.0 => 0.0,
        _ => gamma_lr(f64::from(count), mean),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEAM: Block = Block::Within { team: 0 };

    fn times(count: usize, from: usize, to: usize, block: Block) -> Vec<Endorsement> {
        vec![Endorsement { from, to, block }; count]
    }

    #[test]
    fn expected_is_given_times_got_over_all() {
        let edges = [times(2, 0, 1, TEAM), times(1, 0, 2, TEAM), times(1, 2, 1, TEAM)].concat();
        let got = &pairs(&edges)[0];
        assert_eq!((got.count, got.given, got.got, got.all, got.expected), (2, 3, 3, 4, 2.25));
        // P(X >= 2) = 1 - e^-λ (1 + λ).
        assert!((got.p - (1.0 - (-2.25f64).exp() * 3.25)).abs() < 1e-15);
    }

    #[test]
    fn a_team_is_judged_apart_from_what_goes_across() {
        let edges = [times(2, 0, 1, TEAM), times(3, 0, 1, Block::Across)].concat();
        let all: Vec<u32> = pairs(&edges).iter().map(|p| p.all).collect();
        assert_eq!(all, [2, 3]);
        assert_eq!(Block::of(4, 4), Block::Within { team: 4 });
        assert_eq!(Block::of(4, 5), Block::Across);
    }

    #[test]
    fn praising_oneself_counts_for_nothing() {
        assert_eq!(pairs(&times(5, 3, 3, TEAM)), []);
    }

    #[test]
    fn two_who_praise_each_other_in_a_busy_team_are_flagged() {
        let mut edges = [times(6, 0, 1, TEAM), times(6, 1, 0, TEAM)].concat();
        for from in 2..30 {
            edges.extend((1..4).flat_map(|step| times(1, from, 2 + (from - 2 + step) % 28, TEAM)));
        }
        let mutual = mutual(&pairs(&edges));
        assert_eq!(mutual.iter().map(|m| (m.a, m.b, m.flag)).collect::<Vec<_>>(), [(0, 1, true)]);
    }

    #[test]
    fn three_times_each_way_is_flagged_and_twice_is_told_and_not_flagged() {
        let of = |there: usize, back: usize| -> Vec<bool> {
            let mut edges = [times(there, 0, 1, TEAM), times(back, 1, 0, TEAM)].concat();
            for from in 2..30 {
                edges.extend((1..4).flat_map(|step| times(1, from, 2 + (from - 2 + step) % 28, TEAM)));
            }
            mutual(&pairs(&edges)).iter().map(|m| m.flag).collect()
        };
        assert_eq!((of(3, 3), of(2, 2), of(3, 2)), (vec![true], vec![false], vec![false]));
        assert_eq!((of(2, 1), of(1, 2)), (vec![], vec![]));
    }

    #[test]
    fn a_mutual_pair_that_habits_may_explain_is_not_flagged() {
        // Each gave six and got six of thirty in all: 1.2 expected, P(X >= 3) = .12 either way, together .076.
        let mut edges = [times(3, 0, 1, TEAM), times(3, 1, 0, TEAM)].concat();
        for other in 2..5 {
            edges.extend([0, 1].map(|one| Endorsement { from: one, to: other, block: TEAM }));
            edges.extend([0, 1].map(|one| Endorsement { from: other + 3, to: one, block: TEAM }));
        }
        edges.extend((8..20).map(|from| Endorsement { from, to: from + 12, block: TEAM }));
        let got = mutual(&pairs(&edges));
        assert_eq!((edges.len(), got.len(), got[0].flag), (30, 1, false));
        assert!((got[0].p - 0.0759).abs() < 1e-3, "{}", got[0].p);
    }

    #[test]
    fn once_each_way_is_courtesy() {
        assert_eq!(mutual(&pairs(&[times(1, 0, 1, TEAM), times(9, 1, 0, TEAM)].concat())), []);
    }

    #[test]
    fn no_mean_no_chance() {
        assert_eq!((at_least(0, 0.0), at_least(3, 0.0)), (1.0, 0.0));
    }
}
