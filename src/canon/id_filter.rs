//! Which ids a set may hold, in some 36 bits an id: a binary fuse filter never says no to an id that is there, and says yes to one that
//! is not once in four thousand million times.
//!
//! Everything here is fixed: the same ids give the same words on every machine and in every version.

use xorf::{BinaryFuse32, Descriptor, Filter};

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

/// A set of ids that answers whether it may hold one.
#[derive(Debug, Clone)]
pub struct IdFilter {
    ids: u64,
    filter: BinaryFuse32,
}

/// Words before the fingerprints: ids, seed, lengths of segments, number of fingerprints.
const HEAD: usize = 4;

impl IdFilter {
    /// A filter of the ids with these hashes, in any order and however often.
    ///
    /// # Errors
    /// None could be made; a bug, for the hashes are distinct.
    pub fn of(mut hashes: Vec<u64>) -> Result<IdFilter, &'static str> {
        hashes.sort_unstable();
        hashes.dedup();
        Ok(IdFilter { ids: hashes.len() as u64, filter: BinaryFuse32::try_from(&hashes[..])? })
    }

    pub fn may_hold(&self, hash: u64) -> bool {
        self.ids > 0 && self.filter.contains(&hash)
    }

    /// The filter as 64-bit words.
    pub fn words(&self) -> Vec<i64> {
        let Descriptor { seed, segment_length, segment_count_length, .. } = self.filter.descriptor;
        let fingerprints = &self.filter.fingerprints;
        let pair = |low: u32, high: u32| (u64::from(low) | u64::from(high) << 32) as i64;
        let mut words = Vec::with_capacity(HEAD + fingerprints.len().div_ceil(2));
        words.extend([self.ids as i64, seed as i64, pair(segment_length, segment_count_length)]);
        words.push(fingerprints.len() as i64);
        words.extend(fingerprints.chunks(2).map(|two| pair(two[0], two.get(1).copied().unwrap_or(0))));
        words
    }

    /// Reads what [`IdFilter::words`] wrote; `None` where it is nothing of the kind.
    pub fn from_words(words: &[i64]) -> Option<IdFilter> {
        let (head, pairs) = words.split_at_checked(HEAD)?;
        let count = usize::try_from(head[3]).ok()?;
        let (segment_length, segment_count_length) = (head[2] as u32, (head[2] as u64 >> 32) as u32);
        // What a lookup reaches at most.
        let reach = u64::from(segment_count_length) + 2 * u64::from(segment_length);
        let is_cut = segment_length.is_power_of_two()
            && segment_count_length > 0
            && segment_count_length.is_multiple_of(segment_length);
        if pairs.len() != count.div_ceil(2) || !is_cut || reach > count as u64 {
            return None;
        }
        let mut fingerprints: Vec<u32> =
            pairs.iter().flat_map(|pair| [*pair as u32, (*pair as u64 >> 32) as u32]).collect();
        fingerprints.truncate(count);
        let descriptor = Descriptor {
            seed: head[1] as u64,
            segment_length,
            segment_length_mask: segment_length - 1,
            segment_count_length,
        };
        let filter = BinaryFuse32 { descriptor, fingerprints: fingerprints.into_boxed_slice() };
        Some(IdFilter { ids: head[0] as u64, filter })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(from: usize, to: usize) -> Vec<u64> {
        (from..to).map(|n| hash(&format!("{n:08x}-0000-4000-8000-{:012x}", n * 7))).collect()
    }

    #[test]
    fn a_filter_knows_all_its_ids_and_next_to_no_other() {
        let filter = IdFilter::of(hashes(0, 30_000)).unwrap();
        assert!(hashes(0, 30_000).into_iter().all(|id| filter.may_hold(id)));
        assert_eq!(hashes(30_000, 1_000_000).into_iter().filter(|id| filter.may_hold(*id)).count(), 0);
    }

    #[test]
    fn a_day_of_a_large_company_takes_at_most_forty_bits_an_id_and_a_busy_one_thirty_seven() {
        let bits = |count: usize| IdFilter::of(hashes(0, count)).unwrap().words().len() as f64 * 64.0 / count as f64;
        assert!(bits(27_400) <= 40.0, "{}", bits(27_400));
        assert!(bits(1_000_000) <= 37.0, "{}", bits(1_000_000));
    }

    #[test]
    fn the_same_ids_give_the_same_words_in_any_order_and_are_read_back() {
        for count in [0, 1, 2, 3, 7, 1_000] {
            let mut backwards = hashes(0, count);
            backwards.reverse();
            backwards.extend(hashes(0, count));
            let words = IdFilter::of(backwards).unwrap().words();
            assert_eq!(words, IdFilter::of(hashes(0, count)).unwrap().words());
            let back = IdFilter::from_words(&words).unwrap();
            assert!(hashes(0, count).into_iter().all(|id| back.may_hold(id)), "{count}");
            assert!(!back.may_hold(hash("another")), "{count}");
            assert!(IdFilter::from_words(&words[1..]).is_none());
        }
    }

    #[test]
    fn hashes_are_fixed_for_ever() {
        assert_eq!(["", "e1", "sha256-00"].map(hash), PINNED);
    }

    /// Filters on lakes were made with these.
    const PINNED: [u64; 3] = [0xce4c_fe00_a8f5_1239, 0x4351_b7b5_94ae_aa1f, 0xce66_39db_3305_3c97];
}
