//! Longer periods for thin panels: when most cohorts have one or two units, weeks are pooled by four.

use super::panel::Panel;

/// Weeks pooled when cohorts are small.
pub const POOLED_WEEKS: i64 = 4;

/// The same panel in periods of `length` weeks, numbered 0, 1, 2, … from its first week.
///
/// A unit's outcome is the mean over the weeks it was observed in, so an effect keeps its unit; where outcome weeks carry
/// headcounts, headcounts average and events add up. The period of the first treatment counts as treated. An incomplete last period is left out.
pub fn pooled(panel: &Panel, length: i64) -> Panel {
    let (Some(&start), Some(&end)) = (panel.weeks.first(), panel.weeks.last()) else { return panel.clone() };
    let complete = (end - start + 1) / length;
    let period = |week: i64| (week - start).div_euclid(length);
    let numbers: Vec<i64> =
        (0..complete).filter(|&number| panel.weeks.iter().any(|&week| period(week) == number)).collect();
    let pool = |matrix: &[f64], add: bool| {
        let mut pooled = Vec::with_capacity(panel.units.len() * numbers.len());
        for unit in 0..panel.units.len() {
            let weeks = &matrix[unit * panel.weeks.len()..(unit + 1) * panel.weeks.len()];
            for &number in &numbers {
                let from = panel.weeks.partition_point(|&week| period(week) < number);
                let to = panel.weeks.partition_point(|&week| period(week) <= number);
                let (sum, n) =
                    weeks[from..to].iter().filter(|x| !x.is_nan()).fold((0.0, 0.0), |(sum, n), x| (sum + x, n + 1.0));
                pooled.push(if n == 0.0 {
                    f64::NAN
                } else if add {
                    sum
                } else {
                    sum / n
                });
            }
        }
        pooled
    };
    Panel {
        units: panel.units.clone(),
        weeks: numbers.clone(),
        first: panel.first.iter().map(|first| first.map(period)).collect(),
        cluster: panel.cluster.clone(),
        outcome: pool(&panel.outcome, false),
        weight: panel.weight.as_deref().map(|matrix| pool(matrix, false)),
        headcount: panel.headcount.as_deref().map(|matrix| pool(matrix, false)),
        events: panel.events.as_deref().map(|matrix| pool(matrix, true)),
        rejected_rows: panel.rejected_rows,
        dropped_small: panel.dropped_small,
    }
}

#[cfg(test)]
mod tests {
    use super::super::panel::{PanelBuilder, Row};
    use super::*;

    #[test]
    fn weeks_become_means_of_four_and_the_tail_is_left_out() {
        let mut builder = PanelBuilder::default();
        for week in (10..20).filter(|&week| week != 12) {
            let row =
                Row { unit: "a", week, first: Some(15), outcome: week as f64, events: Some(1.0), ..Row::default() };
            builder.push(row).unwrap();
        }
        let pooled = pooled(&builder.finish(0.0).unwrap(), 4);
        assert_eq!((&pooled.weeks[..], &pooled.first[..]), (&[0, 1][..], &[Some(1)][..]));
        assert_eq!(pooled.outcome, [(10.0 + 11.0 + 13.0) / 3.0, 15.5]);
        assert_eq!(pooled.events, Some(vec![3.0, 4.0]));
    }
}
