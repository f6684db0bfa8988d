//! What follows the start of an episode of posts, when leaders post again and again.
//!
//! An episode is a post after at least `quiet_before` weeks without any. Its unit is compared with the units that saw no
//! post around that time. Follow-up posts belong to the episode: this is the effect of starting one, and no dose-response is claimed.

use std::collections::{BTreeMap, BTreeSet};

use super::aggregate::SE_MIN;
use super::panel::Panel;

/// Weeks around an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// Weeks without a post before an episode (L).
    pub quiet_before: u32,
    /// Last week after the start (H).
    pub after: u32,
    /// First week shown before the start (K).
    pub before: u32,
}

impl Default for Windows {
    fn default() -> Windows {
        Windows { quiet_before: 8, after: 8, before: 4 }
    }
}

/// Mean effect over episodes, `at` weeks from their start.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// `None`: plain mean over weeks 0 and later.
    pub at: Option<i64>,
    pub estimate: f64,
    pub se: Option<f64>,
    pub df: i64,
    pub n_episodes: usize,
    /// Weeks in which an episode starts.
    pub n_cells: usize,
    pub n_treated_units: usize,
    pub n_control_units: usize,
    /// Influence per cluster, clusters in order of their numbers.
    pub influence: Vec<f64>,
}

/// Effects from `before` weeks before the start (the last one is the base and has no row) to `after` weeks after it, then the overall mean.
///
/// `posts` says, row-major like the panel's outcome, in which unit-weeks a post reached the unit.
pub fn effects(panel: &Panel, posts: &[bool], windows: Windows) -> Vec<Effect> {
    let clusters = panel.cluster.iter().max().map_or(0, |&last| last as usize + 1);
    let horizons = (-i64::from(windows.before)..=i64::from(windows.after)).filter(|&h| h != -1);
    let mut effects: Vec<(Effect, Sides)> =
        horizons.filter_map(|h| at_horizon(panel, posts, windows, h, clusters)).collect();
    let after: Vec<&(Effect, Sides)> = effects.iter().filter(|(effect, _)| effect.at >= Some(0)).collect();
    if let Some(overall) = overall(panel, &after, clusters) {
        effects.push(overall);
    }
    effects.into_iter().map(|(effect, _)| effect).collect()
}

/// Units on either side, by number.
#[derive(Default, Clone)]
struct Sides {
    treated: BTreeSet<usize>,
    control: BTreeSet<usize>,
}

/// The episodes that start in one week, measured at one horizon.
struct Start {
    treated: Vec<(usize, f64)>,
    control: Vec<(usize, f64)>,
    control_mean: f64,
}

fn at_horizon(panel: &Panel, posts: &[bool], windows: Windows, h: i64, clusters: usize) -> Option<(Effect, Sides)> {
    let starts = starts(panel, posts, windows, h);
    let n: usize = starts.iter().map(|start| start.treated.len()).sum();
    if n == 0 {
        return None;
    }
    let episodes = n as f64;
    let estimate = starts
        .iter()
        .flat_map(|start| start.treated.iter().map(|(_, change)| change - start.control_mean))
        .sum::<f64>()
        / episodes;
    let mut influence = vec![0.0; clusters];
    let mut sides = Sides::default();
    for start in &starts {
        for &(unit, change) in &start.treated {
            influence[panel.cluster[unit] as usize] += (change - start.control_mean - estimate) / episodes;
            sides.treated.insert(unit);
        }
        let share = start.treated.len() as f64 / episodes / start.control.len() as f64;
        for &(unit, change) in &start.control {
            influence[panel.cluster[unit] as usize] -= share * (change - start.control_mean);
            sides.control.insert(unit);
        }
    }
    Some((effect(panel, Some(h), estimate, influence, &sides, (n, starts.len())), sides))
}

fn starts(panel: &Panel, posts: &[bool], windows: Windows, h: i64) -> Vec<Start> {
    let weeks = &panel.weeks;
    let (Some(&first), quiet) = (weeks.first(), i64::from(windows.quiet_before)) else { return Vec::new() };
    let position = |week: i64| weeks.binary_search(&week).ok();
    let posted = |unit: usize, from: i64, to: i64| {
        let from = weeks.partition_point(|&week| week < from);
        let to = weeks.partition_point(|&week| week <= to);
        posts[unit * weeks.len() + from..unit * weeks.len() + to.max(from)].iter().any(|&post| post)
    };
    let mut starts: BTreeMap<i64, Start> = BTreeMap::new();
    for (at, &p) in weeks.iter().enumerate().filter(|&(_, &p)| p - quiet >= first) {
        let (Some(base), Some(end)) = (position(p - 1), position(p + h)) else { continue };
        let change = |unit: usize| {
            let y = panel.outcomes_of(unit);
            Some(y[end] - y[base]).filter(|change| !change.is_nan()).map(|change| (unit, change))
        };
        let treated: Vec<(usize, f64)> = (0..panel.units.len())
            .filter(|&unit| posts[unit * weeks.len() + at] && !posted(unit, p - quiet, p - 1))
            .filter_map(change)
            .collect();
        if treated.is_empty() {
            continue;
        }
        let control: Vec<(usize, f64)> =
            (0..panel.units.len()).filter(|&unit| !posted(unit, p - quiet, p + h.max(0))).filter_map(change).collect();
        if !control.is_empty() {
            let control_mean = control.iter().map(|(_, change)| change).sum::<f64>() / control.len() as f64;
            starts.insert(p, Start { treated, control, control_mean });
        }
    }
    starts.into_values().collect()
}

fn overall(panel: &Panel, after: &[&(Effect, Sides)], clusters: usize) -> Option<(Effect, Sides)> {
    let weight = 1.0 / after.len() as f64;
    let mut influence = vec![0.0; clusters];
    let mut sides = Sides::default();
    for (effect, of) in after {
        influence.iter_mut().zip(&effect.influence).for_each(|(sum, part)| *sum += weight * part);
        sides.treated.extend(&of.treated);
        sides.control.extend(&of.control);
    }
    let most = |count: &dyn Fn(&Effect) -> usize| after.iter().map(|(effect, _)| count(effect)).max();
    let estimate = after.iter().map(|(effect, _)| weight * effect.estimate).sum();
    let counts = (most(&|effect| effect.n_episodes)?, most(&|effect| effect.n_cells)?);
    Some((effect(panel, None, estimate, influence, &sides, counts), sides))
}

fn effect(
    panel: &Panel,
    at: Option<i64>,
    estimate: f64,
    influence: Vec<f64>,
    sides: &Sides,
    (n_episodes, n_cells): (usize, usize),
) -> Effect {
    let clusters =
        |units: &BTreeSet<usize>| units.iter().map(|&unit| panel.cluster[unit]).collect::<BTreeSet<u32>>().len() as i64;
    let se = influence.iter().map(|x| x * x).sum::<f64>().sqrt();
    Effect {
        at,
        estimate,
        se: Some(se).filter(|se| *se >= SE_MIN),
        df: clusters(&sides.treated).min(clusters(&sides.control)) - 1,
        n_episodes,
        n_cells,
        n_treated_units: sides.treated.len(),
        n_control_units: sides.control.len(),
        influence,
    }
}

#[cfg(test)]
mod tests {
    use super::super::panel::{PanelBuilder, Row};
    use super::*;

    const WINDOWS: Windows = Windows { quiet_before: 2, after: 1, before: 2 };

    /// Weeks 1..=6. Unit a is posted to in weeks 3 and 4, unit b in week 2, unit c never. Outcomes by unit.
    fn found(outcomes: [[f64; 6]; 3]) -> Vec<Effect> {
        let mut builder = PanelBuilder::default();
        for (unit, weeks) in ["a", "b", "c"].iter().zip(outcomes) {
            for (week, outcome) in (1..).zip(weeks) {
                builder.push(Row { unit, week, outcome, ..Row::default() }).unwrap();
            }
        }
        let panel = builder.finish(0.0).unwrap();
        let mut posts = vec![false; 18];
        (posts[2], posts[3], posts[7]) = (true, true, true);
        effects(&panel, &posts, WINDOWS)
    }

    #[test]
    fn only_a_post_after_quiet_weeks_starts_an_episode_and_only_quiet_units_are_controls() {
        let found = found([[0.0, 1.0, 5.0, 9.0, 0.0, 0.0], [7.0; 6], [0.0, 0.0, 1.0, 2.0, 0.0, 0.0]]);
        // Week 4 follows week 3, b's post has no two weeks before it, b is no control of week 3.
        let seen: Vec<_> =
            found.iter().map(|f| (f.at, f.estimate, f.n_episodes, f.n_treated_units, f.n_control_units)).collect();
        assert_eq!(
            seen,
            [(Some(-2), -1.0, 1, 1, 1), (Some(0), 3.0, 1, 1, 1), (Some(1), 6.0, 1, 1, 1), (None, 4.5, 1, 1, 1)]
        );
    }
}
