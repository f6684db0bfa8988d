//! What was found, as a table and as the exit code of the worst of it.

use serde::Serialize;

use super::WORST;
use crate::cli::terminal;
use crate::error::{Error, Exit};

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub struct Finding {
    pub what: String,
    /// Whether a run would not be stopped by it.
    pub ok: bool,
    pub state: State,
    pub detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The exit code that a run would end with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<u8>,
    #[serde(skip)]
    failure: Option<Exit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Ok,
    /// A run goes through, and somebody should know.
    Warning,
    Failed,
    NotTried,
}

/// Everything that was looked at, in order.
#[derive(Debug, Default)]
pub struct Findings {
    pub all: Vec<Finding>,
}

impl Findings {
    pub fn ok(&mut self, what: &str, detail: &str) {
        self.add(what, State::Ok, detail, None, None);
    }

    pub fn warn(&mut self, what: &str, detail: &str, hint: Option<&str>) {
        self.add(what, State::Warning, detail, hint, None);
    }

    pub fn failed(&mut self, what: &str, error: &Error) {
        self.add(what, State::Failed, &error.message, error.hint.as_deref(), Some(error.exit));
    }

    pub fn not_tried(&mut self, what: &str, why: &str) {
        self.add(what, State::NotTried, why, None, None);
    }

    fn add(&mut self, what: &str, state: State, detail: &str, hint: Option<&str>, failure: Option<Exit>) {
        self.all.push(Finding {
            what: what.to_owned(),
            ok: state != State::Failed,
            state,
            detail: detail.to_owned(),
            hint: hint.map(str::to_owned),
            exit: failure.map(|exit| exit as u8),
            failure,
        });
    }

    /// The exit code of the worst finding; none where a run would go through.
    pub fn worst(&self) -> Option<Exit> {
        let place = |exit: &Exit| WORST.iter().position(|known| known == exit).unwrap_or(WORST.len());
        self.all.iter().filter_map(|finding| finding.failure).min_by_key(place)
    }

    /// What is said at the end.
    pub fn sentence(&self) -> String {
        let failed = self.all.iter().filter(|finding| finding.state == State::Failed).count() as u64;
        let not_tried = self.all.iter().filter(|finding| finding.state == State::NotTried).count() as u64;
        let rest = if not_tried == 0 { String::new() } else { format!(", {not_tried} could not be tried") };
        format!("{failed} of {} failed{rest}", terminal::count(self.all.len() as u64, "check", "checks"))
    }

    /// The table, each hint below its finding.
    pub fn told(&self) -> String {
        let mut rows: Vec<Vec<String>> = Vec::new();
        for finding in &self.all {
            let mark = match finding.state {
                State::Ok => "ok",
                State::Warning => "warning",
                State::Failed => "FAILED",
                State::NotTried => "not tried",
            };
            rows.push(vec![mark.into(), finding.what.clone(), finding.detail.clone()]);
            if let Some(hint) = &finding.hint {
                rows.push(vec![String::new(), String::new(), format!("hint: {hint}")]);
            }
        }
        terminal::table(&["", "what", "found"], &rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_the_worst_finding_wherever_it_stands() {
        let worst = |exits: &[Exit]| {
            let mut findings = Findings::default();
            findings.ok("job", "fine");
            exits.iter().for_each(|exit| findings.failed("x", &Error::new(*exit, "went wrong").hint("mend it")));
            findings.not_tried("y", "x failed");
            (findings.worst().map(|exit| exit as u8), findings.sentence(), findings.told())
        };
        assert_eq!(worst(&[]).0, None);
        assert_eq!(worst(&[Exit::Transient, Exit::Limit, Exit::Gate, Exit::Usage, Exit::Gate]).0, Some(2));
        assert_eq!(worst(&[Exit::Transient, Exit::Gate, Exit::Limit]).0, Some(3));
        assert_eq!(worst(&[Exit::Transient, Exit::Limit]).0, Some(6));
        let (_, sentence, told) = worst(&[Exit::Transient]);
        assert_eq!(sentence, "1 of 3 checks failed, 1 could not be tried");
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines[2], "FAILED     x     went wrong");
        assert_eq!(lines[3], "                 hint: mend it");
        assert_eq!(lines[4], "not tried  y     x failed");
    }

    #[test]
    fn every_exit_code_that_is_a_failure_has_a_place_among_the_worst() {
        let codes: std::collections::BTreeSet<u8> = WORST.iter().map(|exit| *exit as u8).collect();
        assert_eq!(codes, (1..=7).collect());
    }
}
