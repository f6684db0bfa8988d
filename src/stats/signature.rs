//! Signatures of texts: marks of their pieces, kept when the text is not, by which the exact Jaccard share is still found.
//!
//! A mark is a hash of one piece (see [`super::similarity::shingles`]), made by whoever holds the key. A signature is all
//! distinct marks of a text, or the smallest 1,024 of a longer one: a bottom-k sketch (Broder 1997; Cohen and Kaplan 2007).
//! Of two texts that are kept whole the share is exact; otherwise the smallest marks of their union are a random sample of
//! it, and the share among them estimates the share with a standard error of at most 0.016.

use super::similarity;

/// Marks of a signature at most: a text of about two hundred words is kept whole.
pub const MARKS_MAX: usize = 1_024;
/// Bits of a mark: six characters. Two texts of a thousand pieces share a mark by accident once in 30,000 times.
pub const MARK_BITS: u32 = 36;

/// 64 characters in the order of their bytes, so that signatures sort as their marks do.
const DIGITS: &[u8; 64] = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const MARK_CHARACTERS: usize = 6;

/// The marks of one text, ascending and distinct; never empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sketch {
    marks: Vec<u64>,
}

/// What two texts share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shared {
    pub a: usize,
    pub b: usize,
    /// Marks compared: the union of two whole texts, the smallest 1,024 of the union otherwise.
    pub union: usize,
    pub intersection: usize,
    pub jaccard: f64,
}

impl Sketch {
    /// `None` where there is no mark.
    pub fn of(marks: impl Iterator<Item = u64>) -> Option<Sketch> {
        let mut marks: Vec<u64> = marks.map(|mark| mark & ((1 << MARK_BITS) - 1)).collect();
        marks.sort_unstable();
        marks.dedup();
        marks.truncate(MARKS_MAX);
        (!marks.is_empty()).then_some(Sketch { marks })
    }

    /// Number of marks.
    pub fn marks(&self) -> usize {
        self.marks.len()
    }

    /// Whether every piece of the text has its mark here.
    pub fn is_whole(&self) -> bool {
        self.marks.len() < MARKS_MAX
    }

    pub fn write(&self) -> String {
        let mut text = String::with_capacity(self.marks.len() * MARK_CHARACTERS);
        for mark in &self.marks {
            for at in (0..MARK_CHARACTERS).rev() {
                text.push(char::from(DIGITS[(mark >> (6 * at)) as usize & 63]));
            }
        }
        text
    }

    /// `None` for what [`Sketch::write`] never writes.
    pub fn read(text: &str) -> Option<Sketch> {
        let bytes = text.as_bytes();
        if !bytes.len().is_multiple_of(MARK_CHARACTERS) {
            return None;
        }
        let digit = |mark: u64, c: &u8| Some(mark << 6 | DIGITS.binary_search(c).ok()? as u64);
        let marks: Vec<u64> =
            bytes.chunks(MARK_CHARACTERS).map(|mark| mark.iter().try_fold(0, digit)).collect::<Option<_>>()?;
        let ascending = marks.windows(2).all(|pair| pair[0] < pair[1]);
        (ascending && !marks.is_empty() && marks.len() <= MARKS_MAX).then_some(Sketch { marks })
    }
}

/// Marks two texts share, and those they were compared by.
fn compare(a: &Sketch, b: &Sketch) -> (usize, usize) {
    let most = if a.is_whole() && b.is_whole() { usize::MAX } else { MARKS_MAX };
    let (mut i, mut j, mut common, mut union) = (0, 0, 0, 0);
    while union < most {
        match (a.marks.get(i), b.marks.get(j)) {
            (None, None) => break,
            (Some(x), Some(y)) if x == y => {
                common += 1;
                i += 1;
                j += 1;
            }
            (Some(x), Some(y)) if x > y => j += 1,
            (None, Some(_)) => j += 1,
            _ => i += 1,
        }
        union += 1;
    }
    (common, union)
}

/// Every pair of texts with a share of at least `min`, which is above 0, ordered by place.
///
/// Two sets of smallest marks share less than their texts where one text holds the other: at a share of s, s/(2 - s) and not
/// less. With some sampling error below that, candidates are found by the same filter that finds pairs of whole texts.
pub fn pairs(sketches: &[Option<Sketch>], min: f64) -> Vec<Shared> {
    let sets: Vec<similarity::Shingles> = sketches
        .iter()
        .map(|sketch| sketch.iter().flat_map(|sketch| sketch.marks.iter().map(|mark| u128::from(*mark))).collect())
        .collect();
    let all_whole = sketches.iter().flatten().all(Sketch::is_whole);
    let proposed_from = if all_whole { min } else { (min / (2.0 - min) - 0.08).max(0.05) };
    let candidates = similarity::pairs(&sets, proposed_from);
    candidates
        .into_iter()
        .filter_map(|pair| {
            let (a, b) = (sketches[pair.a].as_ref()?, sketches[pair.b].as_ref()?);
            let (intersection, union) = compare(a, b);
            let jaccard = intersection as f64 / union as f64;
            (jaccard >= min).then_some(Shared { a: pair.a, b: pair.b, union, intersection, jaccard })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::similarity::shingles;

    /// As a key would: every piece a number that looks random.
    fn sketch(text: &str) -> Option<Sketch> {
        Sketch::of(shingles(text).into_iter().map(|piece| {
            let mut x = (piece as u64) ^ ((piece >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            for _ in 0..3 {
                x = (x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            }
            x >> (64 - MARK_BITS)
        }))
    }

    fn long(words: std::ops::Range<usize>) -> String {
        words.map(|n| format!("{:x} ", (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let kept = sketch("How to reset a stuck payment batch").expect("marks");
        let text = kept.write();
        assert_eq!((text.len(), Sketch::read(&text)), (kept.marks() * 6, Some(kept)));
        for wrong in ["", "abc", "abcde!", "------------"] {
            assert_eq!(Sketch::read(wrong), None, "{wrong}");
        }
        assert_eq!(sketch("?!"), None);
    }

    #[test]
    fn of_short_texts_the_share_is_the_exact_one() {
        let texts = ["how to reset a stuck batch", "How to reset a stuck BATCH now", "weekly notes", ""];
        let exact = similarity::pairs(&texts.map(shingles), 0.5);
        let kept = pairs(&texts.map(sketch), 0.5);
        let of = |pairs: Vec<(usize, usize, usize, usize)>| pairs;
        assert_eq!(
            of(kept.iter().map(|p| (p.a, p.b, p.intersection, p.union)).collect()),
            of(exact.iter().map(|p| (p.a, p.b, p.intersection, p.union)).collect())
        );
        assert_eq!(kept.len(), 1);
    }

    #[test]
    fn of_long_texts_the_estimate_is_near_the_share_also_where_one_holds_the_other() {
        // 700, 1,000 and 1,000 words; the second holds the first, the third shares 850 words with the second.
        let texts = [long(0..700), long(0..1_000), long(150..1_150)];
        let sketches = texts.each_ref().map(|text| sketch(text));
        assert!(sketches.iter().flatten().all(|kept| !kept.is_whole() && kept.marks() == MARKS_MAX));
        let exact = similarity::pairs(&texts.each_ref().map(|text| shingles(text)), 0.6);
        let kept = pairs(&sketches, 0.6);
        assert_eq!(exact.len(), 2);
        assert_eq!(
            kept.iter().map(|p| (p.a, p.b)).collect::<Vec<_>>(),
            exact.iter().map(|p| (p.a, p.b)).collect::<Vec<_>>()
        );
        for (kept, exact) in kept.iter().zip(&exact) {
            assert!((kept.jaccard - exact.jaccard).abs() < 0.05, "{kept:?} for {exact:?}");
        }
    }
}
