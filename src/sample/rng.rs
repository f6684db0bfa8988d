//! Seeded randomness: one ChaCha8 stream per thing that is drawn, so that what is drawn for one person, unit or day
//! depends neither on the others nor on the order or number of threads.
//!
//! Only IEEE-exact operations (`+ - * / sqrt`) are used: platform `exp` and `ln` differ in the last bit.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a stream is for. Two purposes never share a stream, whatever their index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Org = 1,
    Person,
    Account,
    Content,
    Learning,
    Activity,
    Xapi,
    Plan,
    Community,
    Reaction,
    Review,
    Governance,
    Competency = 21,
    Outcome = 31,
    Text = 41,
    Untidy = 51,
}

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    pub fn new(seed: u64, purpose: Purpose, index: u64) -> Stream {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8] = purpose as u8;
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(index);
        Stream(rng)
    }

    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform in 0..n; 0 where n is 0. The bias of the multiplication is below n / 2^32.
    pub fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// Uniform in low..=high.
    pub fn between(&mut self, low: i32, high: i32) -> i32 {
        low + self.below((high - low + 1).max(1) as u32) as i32
    }

    pub fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    /// Near enough to a standard normal: four uniforms, variance 1, never beyond 3.5.
    pub fn normal(&mut self) -> f64 {
        let sum = self.unit() + self.unit() + self.unit() + self.unit();
        (sum - 2.0) * 3f64.sqrt()
    }

    /// The integer part of `mean`, plus one with the probability of its fraction: the least noisy count of that mean.
    pub fn round(&mut self, mean: f64) -> u32 {
        (mean + self.unit()).max(0.0) as u32
    }

    /// An element; `items` must not be empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u32) as usize]
    }

    /// An index drawn with the given weights.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (index, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return index;
            }
        }
        weights.len().saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_depends_on_seed_purpose_and_index_alone() {
        let first = |seed, purpose, index| Stream::new(seed, purpose, index).bits();
        assert_eq!(first(7, Purpose::Org, 3), first(7, Purpose::Org, 3));
        assert_ne!(first(7, Purpose::Org, 3), first(8, Purpose::Org, 3));
        assert_ne!(first(7, Purpose::Org, 3), first(7, Purpose::Person, 3));
        assert_ne!(first(7, Purpose::Org, 3), first(7, Purpose::Org, 4));
    }

    #[test]
    fn draws_have_the_moments_they_claim() {
        let mut stream = Stream::new(1, Purpose::Org, 0);
        let n = 40_000;
        let normals: Vec<f64> = (0..n).map(|_| stream.normal()).collect();
        let mean = normals.iter().sum::<f64>() / f64::from(n);
        let variance = normals.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.03, "{mean} {variance}");
        let rounded = (0..n).map(|_| u64::from(stream.round(2.3))).sum::<u64>() as f64 / f64::from(n);
        assert!((rounded - 2.3).abs() < 0.02, "{rounded}");
        let second = (0..n).filter(|_| stream.weighted(&[1.0, 3.0]) == 1).count() as f64 / f64::from(n);
        assert!((second - 0.75).abs() < 0.02, "{second}");
    }
}
