//! Rings: a few people each of whom can be reached from every other along unusually strong endorsements.

use petgraph::algo::kosaraju_scc;
use petgraph::graphmap::DiGraphMap;

use super::Pair;

/// An endorsement edge is strong from this count and below this probability.
const COUNT_MIN: u32 = 3;
const P_MAX: f64 = 0.005;
/// Two are a mutual pair, and a larger set is a community.
const SIZES: std::ops::RangeInclusive<usize> = 3..=8;

/// Whether a pair counts as a link of a ring.
pub fn is_strong(pair: &Pair) -> bool {
    pair.count >= COUNT_MIN && pair.p < P_MAX
}

/// Strongly connected sets of 3 to 8 people over the strong edges of `pairs`, each ascending, by first person.
pub fn rings(pairs: &[Pair]) -> Vec<Vec<usize>> {
    let strong = pairs.iter().filter(|pair| is_strong(pair)).map(|pair| (pair.from, pair.to));
    // Kosaraju's algorithm, as it does not recurse: a long chain of people would exhaust the thread's stack.
    let sets = kosaraju_scc(&DiGraphMap::<usize, ()>::from_edges(strong));
    let mut rings: Vec<Vec<usize>> = sets.into_iter().filter(|set| SIZES.contains(&set.len())).collect();
    rings.iter_mut().for_each(|ring| ring.sort_unstable());
    rings.sort();
    rings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::endorsements::Block;

    fn strong(edges: &[(usize, usize)]) -> Vec<Pair> {
        let pair = |&(from, to): &(usize, usize)| Pair {
            from,
            to,
            block: Block::Across,
            count: 4,
            given: 4,
            got: 4,
            all: 100,
            expected: 0.16,
            p: 1e-5,
            q: 1e-4,
            flag: true,
        };
        edges.iter().map(pair).collect()
    }

    #[test]
    fn three_in_a_circle_are_a_ring_and_a_chain_is_not() {
        assert_eq!(rings(&strong(&[(1, 4), (4, 9), (9, 1), (9, 2), (2, 3)])), [vec![1, 4, 9]]);
    }

    #[test]
    fn two_and_nine_are_no_ring_eight_are() {
        let circle = |n: usize| strong(&(0..n).map(|i| (i, (i + 1) % n)).collect::<Vec<_>>());
        assert!(rings(&circle(2)).is_empty() && rings(&circle(9)).is_empty());
        assert_eq!(rings(&circle(8)).len(), 1);
    }

    #[test]
    fn circles_that_share_a_person_are_one_ring() {
        assert_eq!(rings(&strong(&[(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 2)])), [vec![0, 1, 2, 3, 4]]);
    }

    #[test]
    fn a_weak_edge_breaks_the_circle() {
        let mut pairs = strong(&[(0, 1), (1, 2), (2, 0)]);
        pairs[0].count = 3;
        assert_eq!(rings(&pairs).len(), 1, "three times are enough");
        pairs[1].p = 0.005;
        assert!(rings(&pairs).is_empty());
        pairs[1].p = 0.004;
        pairs[1].count = 2;
        assert!(rings(&pairs).is_empty());
    }

    #[test]
    fn a_chain_of_100_000_people_ends() {
        assert!(rings(&strong(&(0..100_000).map(|i| (i, i + 1)).collect::<Vec<_>>())).is_empty());
    }
}
