//! Every question asked of the grid, answered: the kinds of post times the outcomes, with one false discovery rate over all.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::acts::KINDS;
use super::grid::{Grid, OUTCOMES, kind_name};
use crate::job::Policy;
use crate::mart::leader_post_event_study;
use crate::period::Period;
use crate::stats::benjamini_hochberg;
use crate::stats::clean_window::{self, Windows};
use crate::stats::effects::{Effects, Options, effects_with_periods, total_events};
use crate::stats::seed;
use crate::stats::verdict::{Judgement, Words};

/// Did posts of one kind move one outcome?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// `None`: any kind.
    pub kind: Option<u8>,
    pub outcome: usize,
}

/// Draws of the two tests that need chance.
#[derive(Debug, Clone, Copy)]
pub struct Draws {
    pub bootstrap: u32,
    pub placebo: u32,
}

impl Default for Draws {
    fn default() -> Draws {
        Draws { bootstrap: 1999, placebo: 999 }
    }
}

pub struct Answer {
    pub question: Question,
    /// Empty where figures about so few leaders may not be shown. Week by week, then, where most cohorts are small, by four weeks. The last one is the headline.
    pub analyses: Vec<Effects>,
    pub episodes: Vec<clean_window::Effect>,
    /// Behind the outcome, over all its unit-weeks.
    pub events: Option<f64>,
    /// Units that another kind of post reached first, where that may be shown.
    pub n_excluded: Option<usize>,
    /// First and last week of the panel.
    pub weeks: Option<(Period, Period)>,
    pub q_value: Option<f64>,
}

impl Answer {
    fn withheld(question: Question) -> Answer {
        Answer {
            question,
            analyses: Vec::new(),
            episodes: Vec::new(),
            events: None,
            n_excluded: None,
            weeks: None,
            q_value: None,
        }
    }

    pub fn headline(&self) -> Option<&Effects> {
        self.analyses.last()
    }

    pub fn judgement(&self) -> Option<Judgement> {
        Some(self.headline()?.judge(self.q_value, self.events, words(self.question)))
    }
}

/// How sentences name a question.
pub fn words(question: Question) -> Words<'static> {
    Words { outcome: outcome_words(question.outcome), treatment: treatment_words(question.kind) }
}

pub fn treatment_words(kind: Option<u8>) -> &'static str {
    match kind_name(kind) {
        "micro_lesson" => "a leader's micro-lesson",
        "ama" => "a leader's AMA",
        "playbook" => "a leader's playbook",
        "endorsement" => "a leader's endorsement",
        _ => "a leader's post",
    }
}

fn outcome_words(outcome: usize) -> &'static str {
    [
        "weekly expert contributions per 100 people",
        "weekly expert contributors per 100 people",
        "weekly completions per 100 people",
        "weekly active learners per 100 people",
    ]
    .get(outcome)
    .copied()
    .unwrap_or("the outcome")
}

/// The kinds asked about: any, then each.
pub fn kinds() -> impl Iterator<Item = Option<u8>> {
    std::iter::once(None).chain((0..KINDS.len() as u8).map(Some))
}

/// Answers every question; `outcomes` are positions in [`OUTCOMES`]. `names` are the ids behind the grid's units. `p_values` are of
/// other headlines of the run: the false discovery rate is over all of them, and theirs come back beside the answers.
pub fn answer(
    grid: &Grid,
    names: &[String],
    outcomes: &[usize],
    policy: &Policy,
    draws: Draws,
    p_values: &[Option<f64>],
) -> (Vec<Answer>, Vec<Option<f64>>) {
    let leaders: BTreeMap<Option<u8>, i64> = kinds().map(|kind| (kind, grid.leaders(kind) as i64)).collect();
    let is_shown = shown(&leaders, policy.smallest_group);
    let questions: Vec<Question> =
        kinds().flat_map(|kind| outcomes.iter().map(move |&outcome| Question { kind, outcome })).collect();
    let shows = |kind: Option<u8>| is_shown.get(&kind) == Some(&true);
    let mut answers: Vec<Answer> = questions
        .into_par_iter()
        .map(|question| match shows(question.kind) {
            true => one(grid, names, question, policy, draws),
            false => Answer::withheld(question),
        })
        .collect();
    if !shows(None) {
        // What other kinds reached would say how many leaders are behind those that are not shown.
        answers.iter_mut().for_each(|answer| answer.n_excluded = None);
    }
    let p: Vec<f64> = answers
        .iter()
        .map(|answer| answer.headline().and_then(Effects::p_value))
        .chain(p_values.iter().copied())
        .map(|p| p.unwrap_or(f64::NAN))
        .collect();
    let mut q = benjamini_hochberg::adjust(&p).into_iter().map(|q| Some(q).filter(|q| !q.is_nan()));
    for answer in &mut answers {
        answer.q_value = q.next().flatten();
    }
    (answers, q.collect())
}

fn one(grid: &Grid, names: &[String], question: Question, policy: &Policy, draws: Draws) -> Answer {
    let (panel, posts) = grid.panel(question.kind, question.outcome, names);
    let options = Options {
        window: leader_post_event_study::window(policy),
        seed: seed_of(question, policy),
        bootstrap_draws: draws.bootstrap,
        placebo_draws: draws.placebo,
        words: words(question),
        ..Options::default()
    };
    let week = |number: Option<&i64>| {
        let number = number?;
        grid.weeks.iter().find(|week| super::grid::number(**week) == *number).copied()
    };
    Answer {
        question,
        analyses: effects_with_periods(&panel, &options),
        episodes: clean_window::effects(&panel, &posts, Windows::default()),
        events: total_events(&panel),
        n_excluded: Some(grid.units.len() - grid.asked(question.kind).count()),
        weeks: week(panel.weeks.first()).zip(week(panel.weeks.last())),
        q_value: None,
    }
}

/// The seed of a question: the canonical text of the policy it depends on, the table, the outcome and the kind.
fn seed_of(question: Question, policy: &Policy) -> u64 {
    let of: BTreeMap<&str, serde_json::Value> = BTreeMap::from([
        ("kind", kind_name(question.kind).into()),
        ("leader_band", policy.leader_band.clone().into()),
        ("outcome", OUTCOMES.get(question.outcome).copied().unwrap_or_default().into()),
        ("smallest_group", policy.smallest_group.into()),
        ("table", "leader_post_effects".into()),
        ("unit_level", policy.unit_level.into()),
        ("worker_types", policy.worker_types.clone().into()),
    ]);
    seed::of(&serde_json::to_string(&of).unwrap_or_default())
}

/// Which kinds have posts of at least k leaders. Where the kinds that are not shown are few leaders together, the smallest kind that
/// is shown goes with them, or any kind where no single one is shown: otherwise subtraction would say what was withheld.
pub fn shown(leaders: &BTreeMap<Option<u8>, i64>, k: i64) -> BTreeMap<Option<u8>, bool> {
    let mut shown: BTreeMap<Option<u8>, bool> = leaders.iter().map(|(kind, n)| (*kind, *n >= k)).collect();
    let singles = |is_shown: bool| {
        let of = shown.iter().filter(move |(kind, shown)| kind.is_some() && **shown == is_shown);
        of.map(|(kind, _)| (leaders.get(kind).copied().unwrap_or(0), *kind))
    };
    let hidden: i64 = singles(false).map(|(n, _)| n).sum();
    if (1..k).contains(&hidden) {
        let smallest = singles(true).min().and_then(|(_, kind)| kind);
        shown.insert(smallest, false);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds_shown(leaders: &[(Option<u8>, i64)]) -> Vec<&'static str> {
        let shown = shown(&leaders.iter().copied().collect(), 5);
        shown.into_iter().filter(|(_, shown)| *shown).map(|(kind, _)| kind_name(kind)).collect()
    }

    #[test]
    fn a_kind_posted_by_fewer_than_k_leaders_is_not_shown() {
        assert_eq!(kinds_shown(&[(None, 4), (Some(1), 4)]), [""; 0]);
        assert_eq!(kinds_shown(&[(None, 12), (Some(0), 0), (Some(1), 12)]), ["any", "ama"]);
    }

    #[test]
    fn what_is_hidden_cannot_be_had_by_subtraction() {
        // Any less the AMAs and the playbooks leaves the three leaders of micro-lessons; the playbooks are withheld with them.
        assert_eq!(kinds_shown(&[(None, 20), (Some(0), 3), (Some(1), 9), (Some(2), 8)]), ["any", "ama"]);
        assert_eq!(kinds_shown(&[(None, 5), (Some(0), 3), (Some(1), 2)]), ["any"], "together they are enough");
        assert_eq!(kinds_shown(&[(None, 12), (Some(0), 3), (Some(1), 9)]), ["any"]);
    }

    #[test]
    fn every_kind_is_asked_about_and_all_together() {
        let names: Vec<&str> = kinds().map(kind_name).collect();
        assert_eq!(names, ["any", "micro_lesson", "ama", "playbook", "endorsement"]);
    }
}
