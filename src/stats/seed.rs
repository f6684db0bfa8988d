//! Random numbers that are the same on every machine, run and number of threads.
//!
//! A seed is the first eight bytes, little endian, of the SHA-256 of a text that says what is being computed. Every draw
//! has its own stream, so draws can be made in any order.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// The seed of a canonical text (the sorted JSON of the policy used, table, outcome and kind).
pub fn of(text: &str) -> u64 {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().take(8).rev().fold(0, |seed, &byte| seed << 8 | u64::from(byte))
}

/// What draws are for; each purpose has streams of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Signs = 0,
    Placebo = 1,
}

/// The generator of one draw.
pub fn stream(seed: u64, purpose: Purpose, draw: u32) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((purpose as u64) << 32 | u64::from(draw));
    rng
}

/// A whole number in `0..below`, each equally likely; `below` must be positive.
pub fn below(rng: &mut ChaCha8Rng, below: u64) -> u64 {
    // Values in the incomplete last block would favour small remainders.
    let limit = u64::MAX - u64::MAX % below;
    loop {
        let x = rng.next_u64();
        if x < limit {
            return x % below;
        }
    }
}

/// Puts `items` into a random order, all equally likely (Fisher and Yates).
pub fn shuffle<T>(rng: &mut ChaCha8Rng, items: &mut [T]) {
    for at in (1..items.len()).rev() {
        items.swap(at, below(rng, at as u64 + 1) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_is_the_first_eight_bytes_of_the_digest() {
        // SHA-256("abc") begins ba7816bf 8f01cfea.
        assert_eq!(of("abc"), u64::from_le_bytes([0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea]));
    }

    #[test]
    fn streams_differ_and_repeat() {
        let draw = |purpose, number| stream(7, purpose, number).next_u64();
        assert_eq!(draw(Purpose::Signs, 3), draw(Purpose::Signs, 3));
        assert_ne!(draw(Purpose::Signs, 3), draw(Purpose::Signs, 4));
        assert_ne!(draw(Purpose::Signs, 3), draw(Purpose::Placebo, 3));
    }

    #[test]
    fn every_order_is_equally_likely() {
        let mut seen = std::collections::BTreeMap::new();
        for draw in 0..6000 {
            let mut items = [1, 2, 3];
            shuffle(&mut stream(1, Purpose::Placebo, draw), &mut items);
            *seen.entry(items).or_insert(0) += 1;
        }
        assert!(seen.len() == 6 && seen.values().all(|&n| (850..1150).contains(&n)), "{seen:?}");
    }
}
