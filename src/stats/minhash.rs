//! Signatures of texts: 128 small numbers that stay when the text is gone, and propose which texts to compare.
//!
//! Broder (1997); banding of Leskovec, Rajaraman and Ullman, *Mining of Massive Datasets*, chapter 3: 32 bands of 4, which
//! propose a pair sharing 0.7 with probability 0.9998 and one sharing 0.2 with 0.05.

use hashbrown::HashMap;

pub const HASHES: usize = 128;
const ROWS: usize = 4;

/// The smallest hash of any piece (see [`super::similarity::shingles`]) under each of 128 functions; all at the maximum for an empty text.
pub type Signature = [u32; HASHES];

/// The same text has the same signature on any machine and in any version of this crate.
pub fn signature(pieces: &[u128]) -> Signature {
    let mut smallest = [u32::MAX; HASHES];
    for piece in pieces {
        let folded = scramble(*piece as u64) ^ scramble(!((*piece >> 64) as u64));
        for (function, smallest) in smallest.iter_mut().enumerate() {
            let hash = (scramble(folded ^ scramble(function as u64 + 1)) >> 32) as u32;
            *smallest = hash.min(*smallest);
        }
    }
    smallest
}

/// Pairs of places whose signatures agree on a whole band, ascending, each once.
pub fn candidates(signatures: &[Signature]) -> Vec<(usize, usize)> {
    let mut proposed = Vec::new();
    for band in 0..HASHES / ROWS {
        let mut buckets: HashMap<&[u32], Vec<usize>> = HashMap::new();
        for (place, signature) in signatures.iter().enumerate() {
            let rows = &signature[band * ROWS..(band + 1) * ROWS];
            if rows.iter().any(|hash| *hash != u32::MAX) {
                buckets.entry(rows).or_default().push(place);
            }
        }
        for places in buckets.into_values() {
            for (i, a) in places.iter().enumerate() {
                proposed.extend(places[i + 1..].iter().map(|b| (*a, *b)));
            }
        }
    }
    proposed.sort_unstable();
    proposed.dedup();
    proposed
}

/// The finaliser of SplitMix64: every bit of the input moves every bit of the output.
fn scramble(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::similarity::{compare, shingles};

    #[test]
    fn equal_texts_have_equal_signatures_and_a_known_one() {
        let (a, b) = (signature(&shingles("Reset a stuck batch")), signature(&shingles("reset a STUCK batch!")));
        assert_eq!(a, b);
        assert_ne!(a, signature(&shingles("reset a stuck match")));
    }

    #[test]
    fn signatures_agree_about_as_often_as_the_texts_share_pieces() {
        let long =
            |end: &str| shingles(&format!("how to reset a stuck payment batch before the nightly run starts {end}"));
        let (a, b) = (long("and tell the team"), long("and write it down"));
        let (common, union) = compare(&a, &b).expect("texts");
        let share = common as f64 / union as f64;
        let agreeing = signature(&a).iter().zip(signature(&b)).filter(|(a, b)| **a == *b).count();
        let agreement = agreeing as f64 / HASHES as f64;
        assert!((agreement - share).abs() < 0.14, "{agreement} for {share}");
    }

    #[test]
    fn near_duplicates_are_proposed_and_strangers_are_not() {
        let texts = [
            "how to reset a stuck payment batch",
            "how to reset a stuck payment batch now",
            "quarterly strategy sync notes",
            "",
            "",
        ];
        let signatures: Vec<Signature> = texts.iter().map(|t| signature(&shingles(t))).collect();
        assert_eq!(candidates(&signatures), [(0, 1)]);
    }
}
