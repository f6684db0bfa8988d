//! Near-duplicate texts: the share of five-letter pieces two texts have in common.
//!
//! Broder (1997), resemblance by shingles, exact and not estimated. Pairs above a threshold are found by prefix filtering
//! (Bayardo, Ma and Srikant 2007), which misses none; [`super::minhash`] proposes pairs where even that is too much.

use std::cmp::Ordering;

use hashbrown::HashMap;
use unicode_normalization::UnicodeNormalization;

use super::minhash;

/// From this share on two titles, or two bodies, are near duplicates.
pub const TITLE_MIN: f64 = 0.8;
pub const BODY_MIN: f64 = 0.7;
/// More texts than this are compared only where their signatures propose it.
pub const EXACT_TEXTS_MAX: usize = 20_000;

const SHINGLE: usize = 5;

/// The distinct five-letter pieces of a text, ascending. A piece is its five code points side by side (21 bits each), so
/// different pieces never collide.
pub type Shingles = Vec<u128>;

/// One compatibility form (NFKC), lower case, and one space for whatever is neither letter nor digit.
pub fn normalise(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.nfkc().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            plain.push(c);
        } else if !plain.is_empty() && !plain.ends_with(' ') {
            plain.push(' ');
        }
    }
    plain.truncate(plain.trim_end().len());
    plain
}

/// Pieces of a text as it was written. A text shorter than a piece is one piece; a text without a letter has none.
pub fn shingles(text: &str) -> Shingles {
    let letters: Vec<u128> = normalise(text).chars().map(|c| c as u128).collect();
    let pack = |piece: &[u128]| piece.iter().fold(0u128, |packed, letter| packed << 21 | letter);
    let mut pieces: Shingles = match letters.len() {
        0 => Vec::new(),
        1..SHINGLE => vec![pack(&letters)],
        _ => letters.windows(SHINGLE).map(pack).collect(),
    };
    pieces.sort_unstable();
    pieces.dedup();
    pieces
}

/// Two texts, by their place in the list, and what they share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    pub a: usize,
    pub b: usize,
    pub intersection: usize,
    pub union: usize,
    pub jaccard: f64,
}

/// What two texts share; `None` when either is empty.
pub fn compare(a: &[u128], b: &[u128]) -> Option<(usize, usize)> {
    if a.is_empty() || b.is_empty() {
        return None;
    }
    let common = common(a, b, 0)?;
    Some((common, a.len() + b.len() - common))
}

/// Every pair with a Jaccard share of at least `min`, ordered by place. With `min` at or below 0 every two texts that are
/// not empty are a pair.
pub fn pairs(texts: &[Shingles], min: f64) -> Vec<Pair> {
    let mut found: Vec<Pair> = if min <= 0.0 {
        let every = |a: usize| (a + 1..texts.len()).filter_map(move |b| measure(texts, a, b));
        (0..texts.len()).flat_map(every).collect()
    } else if texts.len() > EXACT_TEXTS_MAX {
        let signatures: Vec<_> = texts.iter().map(|text| minhash::signature(text)).collect();
        let proposed = minhash::candidates(&signatures);
        proposed.into_iter().filter_map(|(a, b)| measure(texts, a, b)).filter(|pair| pair.jaccard >= min).collect()
    } else {
        by_prefix(texts, min)
    };
    found.sort_unstable_by_key(|pair| (pair.a, pair.b));
    found
}

fn measure(texts: &[Shingles], a: usize, b: usize) -> Option<Pair> {
    let (a, b) = (a.min(b), a.max(b));
    let (intersection, union) = compare(&texts[a], &texts[b])?;
    Some(Pair { a, b, intersection, union, jaccard: intersection as f64 / union as f64 })
}

/// Two sets that share `min` of their union share one of the rarest few pieces of each, so only texts that meet there are
/// compared. Going from small to large, a text of n pieces looks for others among its n - ⌈min·n⌉ + 1 rarest and is found
/// by its n - ⌈2·min/(1 + min)·n⌉ + 1 rarest: nothing later is smaller, so it must share the more with it.
fn by_prefix(texts: &[Shingles], min: f64) -> Vec<Pair> {
    let (ranked, pieces) = by_rarity(texts);
    let mut order: Vec<usize> = (0..texts.len()).filter(|t| !ranked[*t].is_empty()).collect();
    order.sort_by_key(|t| (ranked[*t].len(), *t));

    // A hair less than asked keeps rounding from leaving a pair out; the exact share decides in the end.
    let at_least = |share: f64, size: usize| (share * size as f64 - 1e-9).ceil().max(1.0) as usize;
    let mut found_by: Vec<Vec<usize>> = vec![Vec::new(); pieces];
    let mut last_met = vec![usize::MAX; texts.len()];
    let mut found = Vec::new();
    for text in order {
        let rarest = &ranked[text];
        let size = rarest.len();
        for piece in &rarest[..size + 1 - at_least(min, size).min(size)] {
            for other in &found_by[*piece as usize] {
                let first_meeting = last_met[*other] != text;
                last_met[*other] = text;
                let sizes = size + ranked[*other].len();
                if !first_meeting || ranked[*other].len() < at_least(min, size) {
                    continue;
                }
                if let Some(intersection) = common(&ranked[*other], rarest, at_least(min / (1.0 + min), sizes)) {
                    let union = sizes - intersection;
                    let jaccard = intersection as f64 / union as f64;
                    found.push(Pair { a: text.min(*other), b: text.max(*other), intersection, union, jaccard });
                }
            }
        }
        for piece in &rarest[..size + 1 - at_least(2.0 * min / (1.0 + min), size).min(size)] {
            found_by[*piece as usize].push(text);
        }
    }
    found.retain(|pair| pair.jaccard >= min);
    found
}

/// Pieces numbered from the rarest to the most common, each text's ascending; and how many there are.
fn by_rarity(texts: &[Shingles]) -> (Vec<Vec<u32>>, usize) {
    let mut frequency: HashMap<u128, u32> = HashMap::new();
    for piece in texts.iter().flatten() {
        *frequency.entry(*piece).or_default() += 1;
    }
    let mut order: Vec<(u32, u128)> = frequency.into_iter().map(|(piece, count)| (count, piece)).collect();
    order.sort_unstable();
    let rank: HashMap<u128, u32> = order.iter().zip(0u32..).map(|((_, piece), rank)| (*piece, rank)).collect();
    let ranked = texts.iter().map(|text| {
        let mut ranks: Vec<u32> = text.iter().filter_map(|piece| rank.get(piece).copied()).collect();
        ranks.sort_unstable();
        ranks
    });
    (ranked.collect(), order.len())
}

/// How many numbers two ascending lists share; `None` as soon as it can no longer be as many as `needed`.
fn common<T: Ord>(a: &[T], b: &[T], needed: usize) -> Option<usize> {
    let (mut i, mut j, mut common) = (0, 0, 0);
    while i < a.len() && j < b.len() {
        match a[i].cmp(&b[j]) {
            Ordering::Less => i += 1,
            Ordering::Greater => j += 1,
            Ordering::Equal => {
                common += 1;
                i += 1;
                j += 1;
                continue;
            }
        }
        if common + (a.len() - i).min(b.len() - j) < needed {
            return None;
        }
    }
    (common >= needed).then_some(common)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jaccard(a: &str, b: &str) -> Option<f64> {
        compare(&shingles(a), &shingles(b)).map(|(common, union)| common as f64 / union as f64)
    }

    #[test]
    fn letters_and_digits_stay_the_rest_is_one_space() {
        assert_eq!(normalise("  How-to: reset a STUCK\tpayment—batch!! "), "how to reset a stuck payment batch");
        assert_eq!(normalise("Ｆｕｌｌ ﬁle № 7"), "full file no 7");
        assert_eq!(normalise("…!?"), "");
    }

    #[test]
    fn six_letters_make_two_pieces() {
        assert_eq!(shingles("abcdef").len(), 2);
        assert_eq!(shingles("aaaaaaaa").len(), 1);
        assert_eq!(shingles("abc").len(), 1);
        assert_eq!(shingles("").len(), 0);
    }

    #[test]
    fn one_changed_letter_of_six() {
        // abcde bcdef against abcde bcdeg.
        assert_eq!(jaccard("abcdef", "Abcdeg"), Some(1.0 / 3.0));
    }

    #[test]
    fn an_empty_text_resembles_nothing() {
        assert_eq!(jaccard("", ""), None);
        assert_eq!(jaccard("?", "abc"), None);
    }

    #[test]
    fn the_prefix_filter_misses_no_pair() {
        // Texts that differ by a few letters, so that shares of every size occur.
        let mut texts: Vec<Shingles> = (0..60usize)
            .map(|i| {
                let words = ["reset", "batch", "payment", "ledger", "checklist", "release", "incident", "playbook"];
                let words: Vec<&str> = (0..6).map(|k| words[(i * (k + 1) / 3 + k) % (3 + k)]).collect();
                shingles(&words.join(" "))
            })
            .collect();
        texts.push(texts[0].clone());
        let all = pairs(&texts, 0.0);
        for min in [0.05, 0.3, 0.5, 0.7, 0.8, 1.0] {
            let wanted: Vec<Pair> = all.iter().copied().filter(|p| p.jaccard >= min).collect();
            assert!(!wanted.is_empty());
            assert_eq!(pairs(&texts, min), wanted, "min {min}");
        }
    }
}
