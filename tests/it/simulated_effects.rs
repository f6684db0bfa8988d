//! Do intervals cover and verdicts keep their word? Two hundred generated companies whose truth is known.
//!
//! A company has 120 units in 60 leaders' areas over 32 weeks. Counts are Poisson around a rate of the unit, a season, and a
//! shock that a leader's units share and that fades by half each week. Half of the leaders post for the first time in weeks 11 to 18.
#![allow(clippy::print_stderr, reason = "the measured shares are worth reading")]

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use rayon::prelude::*;
use uptake::stats::effects::{Effects, Options, effects, total_events};
use uptake::stats::panel::{Panel, PanelBuilder, Row};
use uptake::stats::seed::{self, Purpose};
use uptake::stats::verdict::{Judgement, Verdict};

const COMPANIES: u32 = 200;
const WEEKS: i64 = 32;

/// What is planted, in contributions per 100 people and week.
#[derive(Clone, Copy)]
struct Truth {
    /// Gained by treated units from their leader's first post on.
    effect: f64,
    /// Gained by treated units every week, posts or no posts.
    growth: f64,
}

fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// Counts the arrivals of a Poisson process; exact, and quick for the small means used here.
fn poisson(rng: &mut ChaCha8Rng, mean: f64) -> f64 {
    let (limit, mut product, mut count) = ((-mean).exp(), uniform(rng), 0.0);
    while product > limit {
        product *= uniform(rng);
        count += 1.0;
    }
    count
}

fn company(number: u32, truth: Truth) -> Panel {
    let mut rng = seed::stream(20_260_731, Purpose::Placebo, number);
    let mut builder = PanelBuilder::default();
    for leader in 0..60u64 {
        let first = leader.is_multiple_of(2).then(|| 11 + (uniform(&mut rng) * 8.0) as i64);
        let units: Vec<(f64, f64)> =
            (0..2).map(|_| (20.0 + (uniform(&mut rng) * 40.0).floor(), 8.0 + 8.0 * uniform(&mut rng))).collect();
        let mut shock = 0.0;
        for week in 1..=WEEKS {
            shock = 0.5 * shock + 3.0 * (uniform(&mut rng) - 0.5);
            let season = 2.0 * (week as f64 / 5.0).sin();
            for (at, &(people, level)) in units.iter().enumerate() {
                let gained = if first.is_some_and(|g| week >= g) { truth.effect } else { 0.0 };
                let grown = if first.is_some() { truth.growth * week as f64 } else { 0.0 };
                let rate = (level + season + shock + gained + grown).max(0.0);
                let events = poisson(&mut rng, people * rate / 100.0);
                let row = Row {
                    unit: &format!("leader {leader:02} unit {at}"),
                    week,
                    first,
                    outcome: 100.0 * events / people,
                    cluster: Some(&format!("leader {leader:02}")),
                    weight: None,
                    headcount: Some(people),
                    events: Some(events),
                };
                builder.push(row).unwrap();
            }
        }
    }
    builder.finish(5.0).unwrap()
}

fn analyse(truth: Truth) -> Vec<(Effects, Judgement)> {
    let options = Options { bootstrap_draws: 99, placebo_draws: 99, ..Options::default() };
    let one = |number| {
        let panel = company(number, truth);
        let found = effects(&panel, &options);
        let judgement = found.judge(found.p_value(), total_events(&panel), options.words);
        (found, judgement)
    };
    (0..COMPANIES).into_par_iter().map(one).collect()
}

fn share(found: &[(Effects, Judgement)], holds: impl Fn(&Effects, Verdict) -> bool) -> f64 {
    found.iter().filter(|(effects, judgement)| holds(effects, judgement.verdict)).count() as f64 / found.len() as f64
}

fn covers(effects: &Effects, truth: f64) -> bool {
    let headline = effects.headline.as_ref().unwrap();
    let (low, high) = effects.interval(headline.estimate, headline.se, headline.df).unwrap();
    low <= truth && truth <= high
}

#[test]
fn without_an_effect_intervals_cover_zero_and_hardly_anything_is_supported() {
    let found = analyse(Truth { effect: 0.0, growth: 0.0 });
    let coverage = share(&found, |effects, _| covers(effects, 0.0));
    let supported = share(&found, |_, verdict| verdict == Verdict::Supported);
    let flagged = share(&found, |_, verdict| verdict == Verdict::PretrendViolation);
    eprintln!("no effect: coverage {coverage}, supported {supported}, pre-trend flagged {flagged}");
    assert!((0.90..=0.99).contains(&coverage), "coverage {coverage}");
    assert!(supported <= 0.05, "supported {supported}");
    // The χ² law of the pre-trend test is too eager with 60 clusters; the T² law keeps its level.
    let careful =
        share(&found, |effects, _| effects.pretrend.and_then(|test| test.p_small_sample).is_some_and(|p| p < 0.05));
    eprintln!("no effect: pre-trend flagged by the small-sample test {careful}");
    assert!(flagged <= 0.30 && careful <= 0.12, "pre-trend flagged {flagged}, small-sample {careful}");
}

#[test]
fn a_real_effect_is_covered_and_mostly_found() {
    let found = analyse(Truth { effect: 6.0, growth: 0.0 });
    let coverage = share(&found, |effects, _| covers(effects, 6.0));
    let seen = share(&found, |_, verdict| matches!(verdict, Verdict::Supported | Verdict::Suggestive));
    let supported = share(&found, |_, verdict| verdict == Verdict::Supported);
    eprintln!("effect 6: coverage {coverage}, supported {supported}, supported or suggestive {seen}");
    assert!((0.90..=0.99).contains(&coverage), "coverage {coverage}");
    assert!(seen >= 0.60, "supported or suggestive {seen}");
}

#[test]
fn growth_that_leaders_do_not_cause_is_hardly_ever_supported() {
    let found = analyse(Truth { effect: 0.0, growth: 0.5 });
    let supported = share(&found, |_, verdict| verdict == Verdict::Supported);
    let flagged = share(&found, |_, verdict| verdict == Verdict::PretrendViolation);
    eprintln!("growth 0.5 a week: supported {supported}, pre-trend flagged {flagged}");
    assert!(flagged >= 0.50, "pre-trend flagged {flagged}");
    assert!(supported <= 0.05, "supported {supported}");
}
