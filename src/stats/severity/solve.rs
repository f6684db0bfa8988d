//! Least squares of scores on items and raters, with or without ridge, in time linear in the ratings.

use std::collections::HashMap;

use petgraph::unionfind::UnionFind;

use super::{Rating, SE_RATERS_MAX};
use crate::stats::symmetric::{Square, dot};

/// Who rated what, and how many ratings each item and rater has.
pub struct Design<'a> {
    ratings: &'a [Rating],
    pub item_sizes: Vec<usize>,
    pub rater_sizes: Vec<usize>,
}

/// Scale of every effect: the ridge acts on effect / scale, and an effect of scale 0 is 0.
pub struct Scales {
    pub item: Vec<f64>,
    pub rater: Vec<f64>,
}

/// A fitted mean, items and raters.
pub struct Effects {
    pub mean: f64,
    pub items: Vec<f64>,
    pub raters: Vec<f64>,
}

impl<'a> Design<'a> {
    /// `None` when a number between 0 and the largest has no rating.
    pub fn new(ratings: &'a [Rating]) -> Option<Design<'a>> {
        let sizes = |number: fn(&Rating) -> usize| {
            let last = ratings.iter().map(number).max()?;
            // More numbers than ratings is a gap; asking first keeps a stray number from asking for memory.
            let mut sizes = (last < ratings.len()).then(|| vec![0; last + 1])?;
            ratings.iter().for_each(|r| sizes[number(r)] += 1);
            sizes.iter().all(|size| *size > 0).then_some(sizes)
        };
        Some(Design { ratings, item_sizes: sizes(|r| r.item)?, rater_sizes: sizes(|r| r.rater)? })
    }

    pub fn means_by_item(&self) -> Vec<f64> {
        self.means(&self.item_sizes, |r| r.item)
    }

    pub fn means_by_rater(&self) -> Vec<f64> {
        self.means(&self.rater_sizes, |r| r.rater)
    }

    fn means(&self, sizes: &[usize], number: fn(&Rating) -> usize) -> Vec<f64> {
        let mut sums = vec![0.0; sizes.len()];
        self.ratings.iter().for_each(|r| sums[number(r)] += r.score);
        sums.iter().zip(sizes).map(|(sum, size)| sum / *size as f64).collect()
    }

    /// Island of each item and of each rater, numbered in order of items, and how many there are.
    pub fn components(&self) -> (Vec<usize>, Vec<usize>, usize) {
        let items = self.item_sizes.len();
        let mut islands = UnionFind::new(items + self.rater_sizes.len());
        for r in self.ratings {
            islands.union(r.item, items + r.rater);
        }
        let mut numbers = HashMap::new();
        let number = |island: usize| {
            let next = numbers.len();
            *numbers.entry(island).or_insert(next)
        };
        let mut component: Vec<usize> = islands.into_labeling().into_iter().map(number).collect();
        let raters = component.split_off(items);
        (component, raters, numbers.len())
    }

    /// Minimises Σ(y - mean - item - rater)² + ridge · Σ(effect / scale)² by conjugate gradients. The mean bears no ridge:
    /// it is eliminated by centring. Started from nothing, the search stays in the range of the equations, so without
    /// ridge it ends at the solution with the smallest effects, which is also the limit of ever smaller ridges.
    pub fn solve(&self, scales: &Scales, ridge: f64) -> Effects {
        let items = self.item_sizes.len();
        let scale: Vec<f64> = scales.item.iter().chain(&scales.rater).copied().collect();
        let n = self.ratings.len() as f64;
        let mean_score = self.ratings.iter().map(|r| r.score).sum::<f64>() / n;
        let mut fitted = vec![0.0; self.ratings.len()];
        // Z'(t - mean t), scaled: the transpose of the design applied to centred values, one a rating.
        let gather = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / n;
            let mut sums = vec![0.0; scale.len()];
            for (r, value) in self.ratings.iter().zip(values) {
                sums[r.item] += value - mean;
                sums[items + r.rater] += value - mean;
            }
            sums.iter_mut().zip(&scale).for_each(|(sum, s)| *sum *= s);
            sums
        };
        let scatter = |u: &[f64], out: &mut [f64]| {
            for (r, out) in self.ratings.iter().zip(out) {
                let rater = items + r.rater;
                *out = scale[r.item] * u[r.item] + scale[rater] * u[rater];
            }
        };

        let scores: Vec<f64> = self.ratings.iter().map(|r| r.score - mean_score).collect();
        let mut rest = gather(&scores);
        let mut direction = rest.clone();
        let mut u = vec![0.0; scale.len()];
        let mut length = dot(&rest, &rest);
        let small_enough = length * 1e-30;
        for _ in 0..10 * scale.len() + 100 {
            if length <= small_enough || length == 0.0 {
                break;
            }
            scatter(&direction, &mut fitted);
            let mut image = gather(&fitted);
            image.iter_mut().zip(&direction).for_each(|(image, d)| *image += ridge * d);
            let curvature = dot(&direction, &image);
            if curvature.is_nan() || curvature <= 0.0 {
                break;
            }
            let step = length / curvature;
            u.iter_mut().zip(&direction).for_each(|(u, d)| *u += step * d);
            rest.iter_mut().zip(&image).for_each(|(rest, image)| *rest -= step * image);
            let next = dot(&rest, &rest);
            let turn = next / length;
            direction.iter_mut().zip(&rest).for_each(|(d, rest)| *d = rest + turn * *d);
            length = next;
        }

        scatter(&u, &mut fitted);
        let mean = mean_score - fitted.iter().sum::<f64>() / n;
        let mut effects: Vec<f64> = u.iter().zip(&scale).map(|(u, s)| u * s).collect();
        let raters = effects.split_off(items);
        Effects { mean, items: effects, raters }
    }

    /// Standard errors of prediction of the rater effects: the diagonal of the inverse mixed-model equations after
    /// eliminating items, times the error variance. Items of variance 0 are no part of the equations.
    pub fn rater_se(&self, error: f64, item: f64, rater: f64) -> Option<Vec<f64>> {
        let raters = self.rater_sizes.len();
        if raters > SE_RATERS_MAX || error <= 0.0 || rater <= 0.0 {
            return None;
        }
        // Row and column 0 are the mean, 1.. the raters. In units of the error variance.
        let mut matrix = Square::zero(raters + 1);
        matrix.add(0, 0, self.ratings.len() as f64);
        for (r, count) in self.rater_sizes.iter().enumerate() {
            matrix.add(0, r + 1, *count as f64);
            matrix.add(r + 1, 0, *count as f64);
            matrix.add(r + 1, r + 1, *count as f64 + error / rater);
        }
        if item > 0.0 {
            let mut by_item = vec![Vec::new(); self.item_sizes.len()];
            self.ratings.iter().for_each(|r| by_item[r.item].push(r.rater + 1));
            for rated_by in &by_item {
                let m = rated_by.len() as f64;
                let weight = 1.0 / (m + error / item);
                matrix.add(0, 0, -m * m * weight);
                for a in rated_by {
                    matrix.add(0, *a, -m * weight);
                    matrix.add(*a, 0, -m * weight);
                    rated_by.iter().for_each(|b| matrix.add(*a, *b, -weight));
                }
            }
        }
        let diagonal = matrix.cholesky()?.inverse_diagonal();
        Some(diagonal[1..].iter().map(|d| (d * error).sqrt()).collect())
    }
}
