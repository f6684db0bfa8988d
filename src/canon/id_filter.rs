//! Which ids a set may hold, in 34 bits an id: it never says no to an id that is there, and says yes to one that is not once in four
//! thousand million times.
//!
//! The hashes of n ids are cut to numbers below n · 2³², which keeps their order, and stored sorted: of each its lower 32 bits, and the
//! upper ones as a line of bits (Elias 1974, Fano 1971). So many ids at once are looked up in one walk, and the same ids give the
//! same words on every machine and in every version.

use std::borrow::Cow;

/// The number by which filters know an id. Eight bytes at a time, each mixed into what came before.
pub fn hash(id: &str) -> u64 {
    let mut hash = (id.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x2545_f491_4f6c_dd1d;
    let mut words = id.as_bytes().chunks_exact(8);
    let mut mix = |word: [u8; 8]| {
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash ^= hash >> 32;
    };
    for word in &mut words {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(word);
        mix(bytes);
    }
    let mut rest = [0; 8];
    rest[..words.remainder().len()].copy_from_slice(words.remainder());
    mix(rest);
    hash
}

/// A set of ids that answers which of others it may hold, as 64-bit words: how many ids, the lower half of each number, two a word and
/// ascending by the whole, then the line of bits, in which bit `upper half + i` is set for the number in place `i`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdFilter<'w> {
    words: Cow<'w, [i64]>,
    count: usize,
}

impl<'w> IdFilter<'w> {
    /// A filter of the ids with these hashes, in any order and however often.
    pub fn of(mut hashes: Vec<u64>) -> IdFilter<'static> {
        hashes.sort_unstable();
        hashes.dedup();
        let count = hashes.len();
        let lows = count.div_ceil(2);
        let mut words = vec![0i64; 1 + lows + bit_words(count)];
        words[0] = count as i64;
        for (place, hash) in hashes.into_iter().enumerate() {
            let number = cut(hash, count);
            let bit = (number >> 32) as usize + place;
            words[1 + place / 2] |= ((number & 0xffff_ffff) << (32 * (place % 2))) as i64;
            words[1 + lows + bit / 64] |= 1 << (bit % 64);
        }
        IdFilter { words: words.into(), count }
    }

    /// The words as they are stored.
    pub fn into_words(self) -> Vec<i64> {
        self.words.into_owned()
    }

    /// Reads what [`IdFilter::into_words`] gave; `None` where it is nothing of the kind.
    pub fn from_words(words: impl Into<Cow<'w, [i64]>>) -> Option<IdFilter<'w>> {
        let words = words.into();
        let (count, rest) = words.split_first()?;
        let count = usize::try_from(*count).ok().filter(|count| *count <= 2 * rest.len())?;
        let highs = rest.get(count.div_ceil(2)..)?;
        let is_whole = highs.len() == bit_words(count)
            && highs.iter().map(|word| word.count_ones() as usize).sum::<usize>() == count;
        is_whole.then_some(IdFilter { words, count })
    }

    /// The things that the set may hold, of many that ascend by their hash; `marks` are of their hashes.
    pub fn may_hold<'t, T>(&self, asked: &'t [T], marks: &Marks, hash: impl Fn(&T) -> u64) -> Vec<&'t T> {
        let number = |thing: &T| cut(hash(thing), self.count);
        let places = marks.places_a_number(self.count);
        let (mut found, mut left) = (Vec::new(), asked);
        for held in self.numbers().filter(|held| marks.hold(*held, places)) {
            // Both ascend, so what was passed is not asked again: ever longer strides, then the place within the last.
            let is_before = |thing: &T| number(thing) < held;
            let mut stride = 1;
            while left.get(stride - 1).is_some_and(is_before) {
                left = &left[stride..];
                stride *= 2;
            }
            left = &left[left[..left.len().min(stride)].partition_point(is_before)..];
            found.extend(left.iter().take_while(|thing| number(thing) == held));
        }
        found
    }

    /// The numbers held, ascending.
    fn numbers(&self) -> Numbers<'_> {
        let (lows, highs) = self.words[1..].split_at(self.count.div_ceil(2));
        Numbers { lows, highs: highs.iter(), bits: 0, first: 0, place: 0 }
    }
}

/// Places of the hashes that filters are asked for, coarsely: next to all numbers of a filter lie where none of them does. A place is wider
/// than the hashes that are cut to one number, so that one look at a number's own place says whether they may be among them.
pub struct Marks {
    bits: Vec<u64>,
    /// Bits of a hash that do not tell its place.
    shift: u32,
}

/// Bits of the places that there are at most, 16 MiB of them; of fewer hashes one or two places in 64 are taken.
const PLACE_BITS: u32 = 27;
/// The hashes that are cut to one number lie within 2³²; more than that and what doubles lose of a hash.
const REACH: u64 = 1 << 33;

impl Marks {
    pub fn of(hashes: impl ExactSizeIterator<Item = u64>) -> Marks {
        let places = (hashes.len() * 64).next_power_of_two().clamp(1 << 12, 1 << PLACE_BITS);
        let mut marks = Marks { bits: vec![0; places / 64], shift: 64 - places.trailing_zeros() };
        for hash in hashes {
            for near in [hash.saturating_sub(REACH), hash.saturating_add(REACH)] {
                let place = (near >> marks.shift) as usize;
                marks.bits[place / 64] |= 1 << (place % 64);
            }
        }
        marks
    }

    /// How many places one number of a filter of `count` ids takes.
    fn places_a_number(&self, count: usize) -> f64 {
        2f64.powi(32 - self.shift as i32) / count.max(1) as f64
    }

    /// Whether a hash that was marked may be cut to this number.
    fn hold(&self, number: u64, places_a_number: f64) -> bool {
        // The last place is that of what doubles round up to 2⁶⁴.
        let place = ((number as i64 as f64 * places_a_number) as usize).min(self.bits.len() * 64 - 1);
        self.bits[place / 64] >> (place % 64) & 1 == 1
    }
}

struct Numbers<'w> {
    lows: &'w [i64],
    highs: std::slice::Iter<'w, i64>,
    /// What is left of the word of the line whose first bit is bit `first - 64`.
    bits: u64,
    first: usize,
    place: usize,
}

impl Iterator for Numbers<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        while self.bits == 0 {
            self.bits = *self.highs.next()? as u64;
            self.first += 64;
        }
        let upper = self.first - 64 + self.bits.trailing_zeros() as usize - self.place;
        self.bits &= self.bits - 1;
        let low = (self.lows[self.place / 2] as u64 >> (32 * (self.place % 2))) as u32;
        self.place += 1;
        Some((upper as u64) << 32 | u64::from(low))
    }
}

/// A hash among `count` as a number below `count` · 2³², in the same order.
fn cut(hash: u64, count: usize) -> u64 {
    ((u128::from(hash) * ((count as u128) << 32)) >> 64) as u64
}

/// Words that hold a bit for each number and one for each upper half.
fn bit_words(count: usize) -> usize {
    (2 * count).div_ceil(64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(from: usize, to: usize) -> Vec<u64> {
        (from..to).map(|n| hash(&format!("{n:08x}-0000-4000-8000-{:012x}", n * 7))).collect()
    }

    fn held(filter: &IdFilter<'_>, mut asked: Vec<u64>) -> usize {
        asked.sort_unstable();
        filter.may_hold(&asked, &Marks::of(asked.iter().copied()), |hash| *hash).len()
    }

    #[test]
    fn a_filter_knows_all_its_ids_and_next_to_no_other() {
        let filter = IdFilter::of(hashes(0, 30_000));
        assert_eq!(held(&filter, hashes(0, 30_000)), 30_000);
        assert_eq!(held(&filter, hashes(30_000, 1_000_000)), 0);
        assert_eq!(held(&filter, hashes(29_990, 1_000_000)), 10, "a few among many");
        assert_eq!(held(&filter, hashes(29_990, 30_005)), 10, "many against a few");
        assert_eq!(held(&filter, Vec::new()), 0);
    }

    #[test]
    fn numbers_come_back_as_they_were() {
        let (mut ids, filter) = (hashes(0, 1_000), IdFilter::of(hashes(0, 1_000)));
        ids.sort_unstable();
        let expected: Vec<u64> = ids.into_iter().map(|hash| cut(hash, 1_000)).collect();
        assert_eq!(filter.numbers().collect::<Vec<u64>>(), expected);
        let ends = IdFilter::of(vec![0, u64::MAX]);
        assert_eq!(ends.numbers().collect::<Vec<u64>>(), [0, (2 << 32) - 1]);
    }

    #[test]
    fn a_day_of_any_company_takes_at_most_thirty_five_bits_an_id() {
        let bits = |count: usize| IdFilter::of(hashes(0, count)).into_words().len() as f64 * 64.0 / count as f64;
        for count in [200, 5_000, 27_400, 1_000_000] {
            assert!(bits(count) <= 35.0, "{count}: {}", bits(count));
        }
    }

    #[test]
    fn the_same_ids_give_the_same_words_in_any_order_and_are_read_back() {
        for count in [0, 1, 2, 3, 7, 1_000] {
            let mut backwards = hashes(0, count);
            backwards.reverse();
            backwards.extend(hashes(0, count));
            let filter = IdFilter::of(backwards);
            let words = filter.clone().into_words();
            assert_eq!(words, IdFilter::of(hashes(0, count)).into_words());
            assert_eq!(IdFilter::from_words(&words), Some(filter), "{count}");
            assert!(IdFilter::from_words(&words[1..]).is_none());
            assert!(IdFilter::from_words([&words[..], &[0]].concat()).is_none());
        }
        assert!(IdFilter::from_words(&[i64::MAX, 0][..]).is_none());
    }

    #[test]
    fn hashes_are_fixed_for_ever() {
        assert_eq!(["", "e1", "sha256-00"].map(hash), PINNED);
    }

    /// Filters on lakes were made with these.
    const PINNED: [u64; 3] = [0xce4c_fe00_a8f5_1239, 0x4351_b7b5_94ae_aa1f, 0xce66_39db_3305_3c97];
}
