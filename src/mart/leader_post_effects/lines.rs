//! Answers as rows of the two tables.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};

use super::answers::{Answer, treatment_words};
use super::grid::{OUTCOMES, kind_name};
use super::onboarding::Onboarding;
use super::windows::Tally;
use crate::contract::arrow::mart_schema;
use crate::contract::{Table, Type};
use crate::job::Policy;
use crate::mart::error::MartError;
use crate::mart::leader_post_event_study;
use crate::period::{Day, Period};
use crate::stats::aggregate::{Aggregation, Estimate};
use crate::stats::clean_window::Windows;
use crate::stats::effects::Effects;
use crate::stats::interval::{Law, interval};
use crate::stats::verdict::Verdict;

/// One row by column; what is not there is null.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Line {
    texts: BTreeMap<&'static str, String>,
    reals: BTreeMap<&'static str, f64>,
    ints: BTreeMap<&'static str, i64>,
    days: BTreeMap<&'static str, Day>,
    bools: BTreeMap<&'static str, bool>,
    /// The row says that its figures may not be shown.
    pub is_withheld: bool,
}

impl Line {
    fn text(&mut self, name: &'static str, text: impl Into<String>) -> &mut Line {
        self.texts.insert(name, text.into());
        self
    }

    /// A number that is not finite may not be shown.
    fn real(&mut self, name: &'static str, value: impl Into<Option<f64>>) -> &mut Line {
        if let Some(value) = value.into().filter(|value| value.is_finite()) {
            // -0 and 0 are one number, but two in a file.
            self.reals.insert(name, value + 0.0);
        }
        self
    }

    fn int(&mut self, name: &'static str, value: impl TryInto<i64>) -> &mut Line {
        if let Ok(value) = value.try_into() {
            self.ints.insert(name, value);
        }
        self
    }

    fn bool(&mut self, name: &'static str, value: bool) -> &mut Line {
        self.bools.insert(name, value);
        self
    }

    fn bounds(&mut self, names: [&'static str; 2], bounds: Option<(f64, f64)>) -> &mut Line {
        self.real(names[0], bounds.map(|bounds| bounds.0)).real(names[1], bounds.map(|bounds| bounds.1))
    }
}

/// Rows in the order and types of a contract. A line may say more than the table has columns for.
///
/// # Errors
/// A required column has no value in some line; a bug.
pub fn batch(table: &Table, lines: &[Line]) -> Result<RecordBatch, MartError> {
    let columns: Vec<ArrayRef> = table
        .stored()
        .map(|column| -> ArrayRef {
            let name = column.name.as_str();
            match column.data_type {
                Type::Double => {
                    Arc::new(lines.iter().map(|line| line.reals.get(name).copied()).collect::<Float64Array>())
                }
                Type::Int => Arc::new(lines.iter().map(|line| line.ints.get(name).copied()).collect::<Int64Array>()),
                Type::Date => Arc::new(lines.iter().map(|line| line.days.get(name).copied()).collect::<Date32Array>()),
                Type::Bool => {
                    Arc::new(lines.iter().map(|line| line.bools.get(name).copied()).collect::<BooleanArray>())
                }
                Type::Text | Type::Timestamp => {
                    Arc::new(lines.iter().map(|line| line.texts.get(name)).collect::<StringArray>())
                }
            }
        })
        .collect();
    Ok(RecordBatch::try_new(mart_schema(table), columns)?)
}

/// What every row of a question starts with.
fn start(outcome: &str, kind: Option<u8>, weeks: Option<(Period, Period)>) -> Line {
    let mut line = Line::default();
    line.text("scope_kind", "company").text("scope_id", "all").text("outcome", outcome).text("kind", kind_name(kind));
    if let Some((first, last)) = weeks {
        line.days.insert("first_week", first.start);
        line.days.insert("last_week", last.start);
    }
    line.bool("causal", false).bool("is_headline", false).int("weeks_per_period", 1).real("null_value", 0.0);
    line
}

/// All rows of one answer: for the table of effects and for the event study.
pub fn of_answer(answer: &Answer, policy: &Policy) -> (Vec<Line>, Vec<Line>) {
    let outcome = OUTCOMES.get(answer.question.outcome).copied().unwrap_or_default();
    let mut base = start(outcome, answer.question.kind, answer.weeks);
    let (mut effects, mut study) = (Vec::new(), Vec::new());
    let (smallest_group, shown) = (policy.smallest_group, leader_post_event_study::window(policy));
    let (Some(headline), Some(judgement)) = (answer.headline(), answer.judgement()) else {
        return (vec![withheld(base, answer, smallest_group)], study);
    };
    base.text("verdict", judgement.verdict.as_str())
        .text("reason", judgement.reason)
        .text("sentence_executive", judgement.executive)
        .text("sentence_statistician", judgement.statistician)
        .real("q_value", answer.q_value)
        .bool("causal", judgement.verdict == Verdict::Supported);
    if let Some(excluded) = answer.n_excluded {
        base.int("n_excluded_other_kind", excluded);
    }
    for (at, found) in answer.analyses.iter().enumerate() {
        let is_headline = at + 1 == answer.analyses.len();
        let length = found.weeks_per_period;
        let shown = (shown.0.div_euclid(length), shown.1.div_euclid(length));
        let rule = Rule { is_headline, smallest_group, shown };
        of_analysis(&base, found, rule, &mut effects, &mut study);
    }
    let rule = Rule { is_headline: false, smallest_group, shown };
    of_episodes(&base, answer, headline, rule, &mut effects, &mut study);
    (effects, study)
}

/// A row that says that there is too little, and nothing about how little.
fn withheld(mut line: Line, answer: &Answer, smallest_group: i64) -> Line {
    let treatment = treatment_words(answer.question.kind);
    let reason =
        format!("posts of fewer than {smallest_group} leaders, or of so few that others could be told from them");
    line.text("method", "cs").text("aggregation", Aggregation::Simple.as_str()).bool("is_headline", true);
    line.is_withheld = true;
    let words = super::answers::words(answer.question);
    line.text("verdict", Verdict::InsufficientData.as_str())
        .text(
            "sentence_executive",
            format!("Too little data yet to say whether {treatment} changes {}.", words.outcome),
        )
        .text("sentence_statistician", format!("Not shown: {reason}."))
        .text("reason", reason);
    line
}

/// What of an analysis is shown.
#[derive(Clone, Copy)]
struct Rule {
    is_headline: bool,
    /// Figures of fewer leaders are not.
    smallest_group: i64,
    /// First and last period since the first post.
    shown: (i64, i64),
}

fn of_analysis(base: &Line, found: &Effects, rule: Rule, effects: &mut Vec<Line>, study: &mut Vec<Line>) {
    let Rule { is_headline, smallest_group, shown } = rule;
    let mut base = base.clone();
    let counts = found.counts;
    base.int("weeks_per_period", found.weeks_per_period)
        .int("n_units", counts.n_units)
        .int("n_clusters", counts.n_clusters)
        .int("n_dropped_always", counts.n_dropped_always)
        .int("n_dropped_k", counts.n_dropped_small)
        .int("n_dropped_gap", counts.n_dropped_gap)
        .int("pre_weeks", counts.pre_weeks)
        .int("post_weeks", counts.post_weeks);
    let of_estimate = |estimate: &Estimate| {
        let mut line = base.clone();
        line.text("method", "cs");
        if (estimate.n_treated_clusters as i64) < smallest_group {
            return None;
        }
        line.real("estimate", estimate.estimate)
            .real("se", estimate.se)
            .int("df", estimate.df)
            .bounds(["ci_low", "ci_high"], found.interval(estimate.estimate, estimate.se, estimate.df))
            .real("baseline_mean", estimate.baseline_mean)
            .real("pct_change", estimate.estimate / estimate.baseline_mean)
            .int("n_treated", estimate.n_treated)
            .int("n_control", estimate.n_control)
            .int("n_cohorts", estimate.n_cohorts)
            .int("n_singleton_cohorts", estimate.n_singleton_cohorts);
        Some(line)
    };
    let last_e =
        found.aggregates.iter().filter(|row| row.aggregation == Aggregation::Balanced).filter_map(|row| row.at).max();
    let mut has_headline = false;
    for estimate in found.aggregates.iter().filter(|estimate| estimate.at.is_none()) {
        let Some(mut line) = of_estimate(estimate) else { continue };
        let name = match estimate.aggregation {
            Aggregation::Balanced => "dynamic_balanced",
            other => other.as_str(),
        };
        line.text("aggregation", name);
        if estimate.aggregation == Aggregation::Balanced
            && let Some(last) = last_e
        {
            line.int("e", last);
        }
        if found.headline.as_ref().is_some_and(|headline| headline.aggregation == estimate.aggregation) {
            tested(&mut line, found);
            line.bool("is_headline", is_headline);
            has_headline = true;
        }
        effects.push(line);
    }
    if is_headline && !has_headline {
        // Nothing could be estimated: one row still says so.
        let mut line = base.clone();
        line.text("method", "cs").text("aggregation", Aggregation::Simple.as_str()).bool("is_headline", true);
        line.int("n_treated", counts.n_treated).int("n_control", counts.n_control).int("n_cohorts", counts.n_cohorts);
        line.int("n_singleton_cohorts", counts.n_singleton_cohorts);
        tested(&mut line, found);
        effects.push(line);
    }
    for row in &found.event_study {
        if let (Some(mut line), Some(e)) = (of_estimate(row), row.at) {
            line.int("e", e).bool("is_headline", is_headline);
            line.bounds(["band_low", "band_high"], found.band_of(row));
            study.push(line);
        }
    }
    for effect in found.bjs.iter().filter(|effect| effect.n_treated_clusters as i64 >= smallest_group) {
        let mut line = base.clone();
        line.text("method", "bjs")
            .real("estimate", effect.estimate)
            .real("se", effect.se)
            .int("df", effect.df)
            .bounds(["ci_low", "ci_high"], found.interval(effect.estimate, effect.se, effect.df))
            .int("n_treated", effect.n_units);
        placed(line, effect.at, shown, effects, study);
    }
    for ratio in found.ppml.iter().filter(|ratio| ratio.df + 1 >= smallest_group) {
        let mut line = base.clone();
        let bounds = interval(Law::Student, found.confidence, ratio.ratio.ln(), ratio.log_se, ratio.df);
        line.text("method", "ppml")
            .real("null_value", 1.0)
            .real("estimate", ratio.ratio)
            .real("se", ratio.log_se.map(|se| se * ratio.ratio))
            .int("df", ratio.df)
            .bounds(["ci_low", "ci_high"], bounds.map(|(low, high)| (low.exp(), high.exp())))
            .real("pct_change", ratio.ratio - 1.0)
            .int("n_treated", ratio.n_units);
        placed(line, ratio.at, shown, effects, study);
    }
}

/// An overall figure goes to the effects, a figure of one week to the event study.
fn placed(mut line: Line, at: Option<i64>, shown: (i64, i64), effects: &mut Vec<Line>, study: &mut Vec<Line>) {
    match at {
        None => {
            line.text("aggregation", "overall");
            effects.push(line);
        }
        Some(e) if shown.0 <= e && e <= shown.1 => {
            line.int("e", e);
            study.push(line);
        }
        Some(_) => {}
    }
}

/// The tests of the headline.
fn tested(line: &mut Line, found: &Effects) {
    line.real("pretrend_w", found.pretrend.map(|test| test.w))
        .real("pretrend_p", found.pretrend.map(|test| test.p))
        .real("pretrend_p_small_sample", found.pretrend.and_then(|test| test.p_small_sample))
        .real("placebo_p", found.placebo_p)
        .real("breakdown_mbar", found.breakdown_mbar)
        .real("mde", found.mde);
    if let Some(test) = found.pretrend {
        line.int("pretrend_df", test.df);
    }
}

fn of_episodes(
    base: &Line,
    answer: &Answer,
    headline: &Effects,
    Rule { smallest_group, shown, .. }: Rule,
    effects: &mut Vec<Line>,
    study: &mut Vec<Line>,
) {
    for effect in answer.episodes.iter().filter(|effect| effect.df + 1 >= smallest_group) {
        let mut line = base.clone();
        line.text("method", "clean_window")
            .real("estimate", effect.estimate)
            .real("se", effect.se)
            .int("df", effect.df)
            .bounds(["ci_low", "ci_high"], headline.interval(effect.estimate, effect.se, effect.df))
            .int("n_treated", effect.n_treated_units)
            .int("n_control", effect.n_control_units)
            .int("n_episodes", effect.n_episodes);
        if effect.at.is_none() {
            line.int("e", Windows::default().after);
        }
        placed(line, effect.at, shown, effects, study);
    }
}

/// A row of plain before and after; nothing where too few leaders posted.
pub fn of_tally(tally: &Tally, weeks: Option<(Period, Period)>, is_shown: bool) -> Option<Line> {
    let window = tally.window().filter(|_| is_shown)?;
    let aggregation = format!("days_{}", tally.days);
    let mut line = start(OUTCOMES[0], tally.kind, weeks);
    line.text("method", "window")
        .text("aggregation", aggregation)
        .int("weeks_per_period", 0)
        .real("null_value", 1.0)
        .real("estimate", window.ratio)
        .real("ci_low", window.low)
        .real("ci_high", window.high)
        .real("baseline_mean", 700.0 * tally.before as f64 / tally.exposure_before)
        .real("pct_change", window.ratio.map(|ratio| ratio - 1.0))
        .int("n_posts", tally.posts)
        .text("verdict", window.judgement.verdict.as_str())
        .text("reason", window.judgement.reason)
        .text("sentence_executive", window.judgement.executive)
        .text("sentence_statistician", window.judgement.statistician);
    Some(line)
}

/// The row of new people's time to competence.
pub fn of_onboarding(
    found: &Onboarding,
    q_value: Option<f64>,
    weeks: Option<(Period, Period)>,
    is_shown: bool,
) -> Line {
    let mut line = start("onboarding_days", found.kind, weeks);
    let (treatment, what) = (treatment_words(found.kind), "the time until new people are competent");
    let (verdict, reason) = match (&found.insufficient, found.difference, found.interval) {
        _ if !is_shown => (Verdict::InsufficientData, "posts of too few leaders".to_owned()),
        _ if found.n_other == 0 => (Verdict::NoControlGroup, "no new people to compare with".to_owned()),
        (Some(why), ..) => (Verdict::InsufficientData, why.clone()),
        (None, Some(_), Some((low, high))) if low > 0.0 || high < 0.0 => (
            Verdict::Suggestive,
            "hire cohorts are compared as they are; nothing tests that they were alike".to_owned(),
        ),
        (None, Some(_), Some(_)) => (Verdict::NotDetected, "the interval includes zero".to_owned()),
        _ => (Verdict::InsufficientData, "no interval".to_owned()),
    };
    let executive = match (verdict, found.difference) {
        (Verdict::NoControlGroup, _) => {
            format!(
                "Whether {treatment} changed {what} cannot be said: there were no new people without one to compare with."
            )
        }
        (Verdict::Suggestive, Some(days)) => format!(
            "Where {treatment} had reached the unit, {what} was {:.1} days {}; the groups may differ in other ways: a lead, not a proof.",
            days.abs(),
            if days < 0.0 { "shorter" } else { "longer" }
        ),
        (Verdict::NotDetected, _) => {
            format!("No difference in {what} was found where {treatment} had reached the unit.")
        }
        _ => format!("Too little data yet to say whether {treatment} changes {what}."),
    };
    line.text("method", "survival").text("aggregation", "restricted_mean").bool("is_headline", true);
    line.int("weeks_per_period", 0);
    line.is_withheld = !is_shown;
    let is_full = is_shown && found.insufficient.is_none();
    let statistician = match (found.difference, found.interval) {
        (Some(days), Some((low, high))) if is_full => format!(
            "Difference of restricted means {days:.2} days [{low:.2}, {high:.2}]; {} exposed and {} other new people; {reason}.",
            found.n_exposed, found.n_other
        ),
        _ => format!("No estimate; {reason}."),
    };
    if is_full {
        line.real("estimate", found.difference)
            .real("se", found.se)
            .bounds(["ci_low", "ci_high"], found.interval)
            .real("baseline_mean", found.baseline)
            .real("pct_change", found.difference.zip(found.baseline).map(|(days, base)| days / base))
            .real("q_value", q_value)
            .real("logrank_p", found.p)
            .int("n_treated", found.n_exposed)
            .int("n_control", found.n_other);
    }
    line.text("verdict", verdict.as_str())
        .text("reason", reason)
        .text("sentence_executive", executive)
        .text("sentence_statistician", statistician);
    line
}
