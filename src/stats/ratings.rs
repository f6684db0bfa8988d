//! Ratings as counts: how many raters put each item into each category. Who rated is forgotten here; see
//! [`super::severity`] for that.

/// The categories of the 4-point rubric, fixed whether or not all of them were used.
pub const RUBRIC: [f64; 4] = [1.0, 2.0, 3.0, 4.0];

/// Items × categories, with each category's place on the scale.
#[derive(Debug, Clone, PartialEq)]
pub struct RatingCounts {
    scale: Vec<f64>,
    /// Row by row, `scale.len()` counts an item.
    counts: Vec<u32>,
}

impl RatingCounts {
    /// No items yet, on a scale that is put into ascending order.
    pub fn new(scale: &[f64]) -> RatingCounts {
        let mut scale = scale.to_vec();
        scale.sort_by(f64::total_cmp);
        scale.dedup();
        RatingCounts { scale, counts: Vec::new() }
    }

    /// Adds an item with its scores; the first score that is not on the scale is handed back and nothing is added.
    pub fn push(&mut self, scores: &[f64]) -> Result<(), f64> {
        let mut row = vec![0; self.scale.len()];
        for score in scores {
            match self.scale.iter().position(|s| s == score) {
                Some(category) => row[category] += 1,
                None => return Err(*score),
            }
        }
        self.counts.extend(row);
        Ok(())
    }

    /// Counts of all items on the scale; the first score outside it is the error.
    pub fn of(scale: &[f64], items: &[Vec<f64>]) -> Result<RatingCounts, f64> {
        let mut table = RatingCounts::new(scale);
        items.iter().try_for_each(|scores| table.push(scores))?;
        Ok(table)
    }

    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// Every item with at least one rating, as counts by category and their sum.
    pub fn items(&self) -> impl Iterator<Item = (&[u32], u32)> {
        let width = self.scale.len().max(1);
        self.counts.chunks_exact(width).map(|row| (row, row.iter().sum())).filter(|(_, ratings)| *ratings > 0)
    }

    /// Items with two ratings or more: the only ones that can agree or disagree.
    pub fn pairable(&self) -> impl Iterator<Item = (&[u32], u32)> {
        self.items().filter(|(_, ratings)| *ratings >= 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_rated_once_cannot_be_paired() {
        let table = RatingCounts::of(&RUBRIC, &[vec![3.0, 4.0, 4.0], vec![2.0], vec![]]).expect("on the scale");
        let rows: Vec<_> = table.items().collect();
        assert_eq!(rows, [(&[0, 0, 1, 2][..], 3), (&[0, 1, 0, 0][..], 1)]);
        assert_eq!(table.pairable().count(), 1);
    }

    #[test]
    fn a_score_off_the_scale_is_handed_back() {
        assert_eq!(RatingCounts::of(&RUBRIC, &[vec![3.0, 5.0]]), Err(5.0));
        assert!(RatingCounts::of(&RUBRIC, &[vec![f64::NAN]]).is_err());
    }
}
