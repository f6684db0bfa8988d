//! What may be said of an estimate: the first rule that matches, with one sentence for an executive and one for a statistician.
//!
//! No sentence says "caused" below [`Verdict::Supported`].

use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    NoControlGroup,
    InsufficientData,
    PretrendViolation,
    NotDetected,
    Supported,
    Suggestive,
}

impl Verdict {
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::NoControlGroup => "no_control_group",
            Verdict::InsufficientData => "insufficient_data",
            Verdict::PretrendViolation => "pretrend_violation",
            Verdict::NotDetected => "not_detected",
            Verdict::Supported => "supported",
            Verdict::Suggestive => "suggestive",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Below these an estimate is not judged.
pub const UNITS_MIN: usize = 5;
pub const CLUSTERS_MIN: usize = 10;
pub const WEEKS_MIN: usize = 4;
pub const EVENTS_MIN: f64 = 20.0;
/// Level of the pre-trend test, the false discovery rate and the placebo test.
pub const LEVEL: f64 = 0.05;
/// The comparison may drift as much as it ever did before, at least.
pub const BREAKDOWN_MIN: f64 = 1.0;

/// A second estimate of the same effect: zero is its "no effect".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CrossCheck {
    pub estimate: f64,
    /// `None` when it has no interval.
    pub interval: Option<(f64, f64)>,
}

impl CrossCheck {
    fn agrees(&self, sign: f64) -> bool {
        self.estimate * sign > 0.0 && self.interval.is_some_and(excludes_zero)
    }
}

/// Everything the verdict looks at. What could not be computed is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Evidence {
    pub n_treated: usize,
    pub n_control: usize,
    pub n_clusters: usize,
    pub pre_weeks: usize,
    pub post_weeks: usize,
    /// Total of the counts behind the outcome; `None` when the outcome is no count.
    pub events: Option<f64>,
    pub estimate: Option<f64>,
    pub se: Option<f64>,
    pub interval: Option<(f64, f64)>,
    pub mde: Option<f64>,
    pub pretrend_p: Option<f64>,
    /// False discovery rate over the headlines of all outcomes and kinds of one run.
    pub q_value: Option<f64>,
    pub placebo_p: Option<f64>,
    pub bjs: Option<CrossCheck>,
    /// On the logarithm of the rate ratio.
    pub ppml: Option<CrossCheck>,
    pub breakdown_mbar: Option<f64>,
}

/// Names that the sentences use.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    /// "SME contributions per 100 people and week"
    pub outcome: &'a str,
    /// "a leader's post"
    pub treatment: &'a str,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    pub verdict: Verdict,
    /// What decided, in a few words.
    pub reason: String,
    pub executive: String,
    pub statistician: String,
}

pub fn judge(evidence: &Evidence, words: Words<'_>) -> Judgement {
    let (verdict, reason) = rule(evidence);
    Judgement {
        verdict,
        executive: executive(verdict, evidence, words),
        statistician: statistician(verdict, evidence, &reason),
        reason,
    }
}

/// The first rule that matches, with its reason.
fn rule(evidence: &Evidence) -> (Verdict, String) {
    if evidence.n_control == 0 {
        return (Verdict::NoControlGroup, "no unit to compare with".into());
    }
    let thin = thin(evidence);
    let (Some(estimate), Some(interval), true) = (evidence.estimate, evidence.interval, thin.is_empty()) else {
        let thin = if thin.is_empty() { vec!["no interval".to_owned()] } else { thin };
        return (Verdict::InsufficientData, thin.join("; "));
    };
    if let Some(p) = evidence.pretrend_p.filter(|p| *p < LEVEL) {
        return (Verdict::PretrendViolation, format!("pre-trend p {} is below {LEVEL}", short(p)));
    }
    if !excludes_zero(interval) {
        return (Verdict::NotDetected, "the interval includes zero".into());
    }
    match doubts(evidence, estimate) {
        doubts if doubts.is_empty() => (Verdict::Supported, "every check agrees".into()),
        doubts => (Verdict::Suggestive, doubts.join("; ")),
    }
}

fn thin(evidence: &Evidence) -> Vec<String> {
    let mut thin = Vec::new();
    let mut need = |found: usize, least: usize, what: &str| {
        if found < least {
            thin.push(format!("{found} {what} of at least {least}"));
        }
    };
    need(evidence.n_treated, UNITS_MIN, "treated units");
    need(evidence.n_control, UNITS_MIN, "control units");
    need(evidence.n_clusters, CLUSTERS_MIN, "clusters");
    need(evidence.pre_weeks, WEEKS_MIN, "weeks before treatment");
    need(evidence.post_weeks, WEEKS_MIN, "weeks from treatment on");
    if let Some(events) = evidence.events.filter(|events| *events < EVENTS_MIN) {
        thin.push(format!("{} events of at least {EVENTS_MIN}", short(events)));
    }
    if evidence.se.is_none() {
        thin.push("no standard error".into());
    }
    thin
}

/// The checks that keep an estimate from being supported.
fn doubts(evidence: &Evidence, estimate: f64) -> Vec<String> {
    let mut doubts = Vec::new();
    let mut at_most = |value: Option<f64>, name: &str| match value {
        Some(value) if value <= LEVEL => {}
        Some(value) => doubts.push(format!("{name} {} is above {LEVEL}", short(value))),
        None => doubts.push(format!("no {name}")),
    };
    at_most(evidence.q_value, "q-value");
    at_most(evidence.placebo_p, "placebo p");
    for (check, name) in [(evidence.bjs, "imputation"), (evidence.ppml, "the count model")] {
        match check {
            Some(check) if check.agrees(estimate.signum()) => {}
            Some(_) => doubts.push(format!("{name} does not agree")),
            None => doubts.push(format!("{name} was not possible")),
        }
    }
    match evidence.breakdown_mbar {
        Some(mbar) if mbar >= BREAKDOWN_MIN => {}
        Some(mbar) => doubts.push(format!("breakdown {} is below {BREAKDOWN_MIN}", short(mbar))),
        None => doubts.push("no breakdown value".into()),
    }
    doubts
}

fn executive(verdict: Verdict, evidence: &Evidence, Words { outcome, treatment }: Words<'_>) -> String {
    let size = evidence.estimate.map_or_else(|| "an unknown amount".into(), |estimate| short(estimate.abs()));
    let direction = if evidence.estimate.is_some_and(|estimate| estimate < 0.0) { "lower" } else { "higher" };
    match verdict {
        Verdict::NoControlGroup => format!(
            "Whether {treatment} changed {outcome} cannot be said: nobody was left without one to compare with, so any change may have other reasons."
        ),
        Verdict::InsufficientData => format!("Too little data yet to say whether {treatment} changes {outcome}."),
        Verdict::PretrendViolation => {
            format!(
                "Units with {treatment} were already on a different path before it, so what came after says nothing about the post."
            )
        }
        Verdict::NotDetected => match evidence.mde {
            Some(mde) => format!(
                "No change in {outcome} after {treatment} was found; a change of {} or more would probably have been seen.",
                short(mde)
            ),
            None => format!("No change in {outcome} after {treatment} was found."),
        },
        Verdict::Supported => {
            format!(
                "The evidence supports that {treatment} caused {outcome} to be {size} {direction} than in comparable units; every check agrees."
            )
        }
        Verdict::Suggestive => {
            format!(
                "After {treatment}, {outcome} was {size} {direction} than in comparable units, but not every check agrees: a lead, not a proof."
            )
        }
    }
}

fn statistician(verdict: Verdict, evidence: &Evidence, reason: &str) -> String {
    let sample = format!(
        "{} treated and {} control units in {} clusters",
        evidence.n_treated, evidence.n_control, evidence.n_clusters
    );
    let effect = match (evidence.estimate, evidence.interval) {
        (Some(estimate), Some((low, high))) => format!("ATT {} [{}, {}]", short(estimate), short(low), short(high)),
        (Some(estimate), None) => format!("ATT {} without an interval", short(estimate)),
        (None, _) => "no estimate".into(),
    };
    let test = |name: &str, value: Option<f64>| {
        value.map_or_else(|| format!("no {name}"), |value| format!("{name} {}", short(value)))
    };
    match verdict {
        Verdict::NoControlGroup | Verdict::InsufficientData => format!("{effect}; {sample}; {reason}."),
        _ => format!(
            "{effect}; {sample}; {}; {}; {}; {}; {}; {reason}.",
            test("pre-trend p", evidence.pretrend_p),
            test("placebo p", evidence.placebo_p),
            test("q", evidence.q_value),
            test("breakdown M", evidence.breakdown_mbar),
            test("detectable at 80 % power", evidence.mde),
        ),
    }
}

fn excludes_zero((low, high): (f64, f64)) -> bool {
    low > 0.0 || high < 0.0
}

/// Three significant digits, for sentences.
fn short(x: f64) -> String {
    if !x.is_finite() {
        return "unbounded".into();
    }
    let digits = if x == 0.0 { 0 } else { (2 - x.abs().log10().floor() as i32).clamp(0, 6) };
    format!("{x:.*}", digits as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: Words<'static> = Words { outcome: "contributions per 100 people", treatment: "a leader's post" };

    fn sound() -> Evidence {
        let agreeing = Some(CrossCheck { estimate: 0.5, interval: Some((0.1, 0.9)) });
        Evidence {
            n_treated: 30,
            n_control: 40,
            n_clusters: 35,
            pre_weeks: 12,
            post_weeks: 12,
            events: Some(500.0),
            estimate: Some(2.0),
            se: Some(0.5),
            interval: Some((1.0, 3.0)),
            mde: Some(1.4),
            pretrend_p: Some(0.4),
            q_value: Some(0.01),
            placebo_p: Some(0.01),
            bjs: agreeing,
            ppml: agreeing,
            breakdown_mbar: Some(2.0),
        }
    }

    fn verdict(change: impl Fn(&mut Evidence)) -> Verdict {
        let mut evidence = sound();
        change(&mut evidence);
        judge(&evidence, WORDS).verdict
    }

    #[test]
    fn supported_needs_every_check() {
        assert_eq!(verdict(|_| {}), Verdict::Supported);
        let opposite = Some(CrossCheck { estimate: -0.5, interval: Some((-0.9, -0.1)) });
        let vague = Some(CrossCheck { estimate: 0.5, interval: Some((-0.1, 0.9)) });
        assert_eq!(verdict(|e| e.q_value = Some(0.06)), Verdict::Suggestive);
        assert_eq!(verdict(|e| e.placebo_p = Some(0.06)), Verdict::Suggestive);
        assert_eq!(verdict(|e| e.placebo_p = None), Verdict::Suggestive);
        assert_eq!(verdict(|e| e.bjs = opposite), Verdict::Suggestive);
        assert_eq!(verdict(|e| e.ppml = vague), Verdict::Suggestive);
        assert_eq!(verdict(|e| e.ppml = None), Verdict::Suggestive);
        assert_eq!(verdict(|e| e.breakdown_mbar = Some(0.9)), Verdict::Suggestive);
    }

    #[test]
    fn each_shortage_is_insufficient_data() {
        let shortages: [fn(&mut Evidence); 7] = [
            |e| e.n_treated = 4,
            |e| e.n_control = 4,
            |e| e.n_clusters = 9,
            |e| e.pre_weeks = 3,
            |e| e.post_weeks = 3,
            |e| e.events = Some(19.0),
            |e| e.se = None,
        ];
        for shortage in shortages {
            assert_eq!(verdict(shortage), Verdict::InsufficientData);
        }
        assert_eq!(
            verdict(|e| e.events = None),
            Verdict::Supported,
            "an outcome that is no count has no events to be short of"
        );
    }

    #[test]
    fn the_first_rule_wins() {
        assert_eq!(verdict(|e| (e.n_control, e.n_treated) = (0, 0)), Verdict::NoControlGroup);
        assert_eq!(verdict(|e| (e.n_treated, e.pretrend_p) = (4, Some(0.01))), Verdict::InsufficientData);
        assert_eq!(
            verdict(|e| (e.pretrend_p, e.interval) = (Some(0.01), Some((-1.0, 1.0)))),
            Verdict::PretrendViolation
        );
        assert_eq!(verdict(|e| (e.interval, e.placebo_p) = (Some((-1.0, 1.0)), Some(0.5))), Verdict::NotDetected);
    }

    #[test]
    fn nothing_below_supported_says_caused() {
        let weaker: [fn(&mut Evidence); 5] = [
            |e| e.n_control = 0,
            |e| e.se = None,
            |e| e.pretrend_p = Some(0.01),
            |e| e.interval = Some((-1.0, 1.0)),
            |e| e.placebo_p = Some(0.5),
        ];
        for weaken in weaker {
            let mut evidence = sound();
            weaken(&mut evidence);
            let said = judge(&evidence, WORDS);
            assert!(
                !format!("{} {} {}", said.executive, said.statistician, said.reason).to_lowercase().contains("caus"),
                "{said:?}"
            );
        }
        assert!(judge(&sound(), WORDS).executive.contains("caused"));
    }

    #[test]
    fn the_sentences() {
        let said = judge(&sound(), WORDS);
        assert_eq!(
            said.executive,
            "The evidence supports that a leader's post caused contributions per 100 people to be 2.00 higher than in comparable units; every check agrees."
        );
        assert_eq!(
            said.statistician,
            "ATT 2.00 [1.00, 3.00]; 30 treated and 40 control units in 35 clusters; pre-trend p 0.400; placebo p 0.0100; q 0.0100; \
             breakdown M 2.00; detectable at 80 % power 1.40; every check agrees."
        );
    }
}
