//! What the canon tables say about reviews as plain values, known at a given instant. Everything said later is not said yet.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use hashbrown::HashSet;

use crate::canon::columns::{Text, bools, dates, doubles, instants, ints};
use crate::contract::arrow::DELETED;
use crate::job::reviews::DIMENSIONS;
use crate::period::Day;

/// Microseconds since 1970.
pub type Micros = i64;

/// A submission whose author consented and did not withdraw. Of the others nothing is read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Submission {
    pub id: String,
    pub cycle: String,
    pub author: String,
    pub contribution: String,
    /// The employee's own order.
    pub position: Option<i64>,
    pub submitted_at: Micros,
    pub competency: Option<String>,
    pub impact_statement: bool,
    pub outcome: Option<String>,
    pub manager: Option<String>,
    pub manager_at: Option<Micros>,
}

/// One rating as it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    pub cycle: String,
    pub submission: String,
    pub rater: String,
    /// An index of [`DIMENSIONS`].
    pub dimension: usize,
    pub score: i64,
    /// Empty where there has been only one version.
    pub version: Option<String>,
    pub scored_at: Micros,
}

/// An endorsement that was not taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct Endorsement {
    pub contribution: String,
    /// An LMS account.
    pub actor: String,
    pub at: Micros,
}

/// What reviews need to know of a contribution.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Contribution {
    /// The LMS account that wrote it; it need not be that of whoever submitted it.
    pub author: Option<String>,
    pub content: Option<String>,
    /// When it was taken down; the beginning of time where its deletion has no instant.
    pub deleted_at: Option<Micros>,
}

/// One value of a business outcome that has a baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    pub subject_kind: String,
    pub subject_id: String,
    pub start: Day,
    /// First day after the period.
    pub end: Day,
    pub value: f64,
    pub baseline: f64,
}

/// All of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Statements {
    pub submissions: Vec<Submission>,
    pub scores: Vec<Score>,
    pub endorsements: Vec<Endorsement>,
    pub contributions: BTreeMap<String, Contribution>,
    /// By kpi.
    pub measures: BTreeMap<String, Vec<Measured>>,
}

/// Rows of a batch that are no deletes.
fn live(batch: &RecordBatch) -> impl Iterator<Item = usize> + use<'_> {
    let deleted = bools(batch, DELETED);
    (0..batch.num_rows()).filter(move |row| deleted(*row) != Some(true))
}

fn owned(text: &Text<'_>, row: usize) -> Option<String> {
    text.get(row).map(str::to_owned)
}

impl Statements {
    /// Reads live rows of `submissions`, as known before `now`.
    pub fn read_submissions(&mut self, batches: &[RecordBatch], now: Micros) {
        for batch in batches {
            let text = |name: &str| Text::of(batch, name);
            let (id, cycle, author) = (text("submission_id"), text("cycle_id"), text("worker_id"));
            let (contribution, competency) = (text("contribution_id"), text("competency"));
            let (outcome, manager) = (text("outcome_measure_id"), text("manager_endorsed_by"));
            let (submitted, consented) = (instants(batch, "submitted_at"), instants(batch, "consented_at"));
            let (withdrawn, manager_at) = (instants(batch, "withdrawn_at"), instants(batch, "manager_endorsed_at"));
            let (position, statement) = (ints(batch, "position"), bools(batch, "impact_statement_present"));
            for row in live(batch) {
                let said = |at: Option<Micros>| at.filter(|at| *at < now);
                let (Some(id), Some(cycle), Some(author)) = (id.get(row), cycle.get(row), author.get(row)) else {
                    continue;
                };
                let (Some(submitted_at), Some(_), None) =
                    (said(submitted(row)), said(consented(row)), said(withdrawn(row)))
                else {
                    continue;
                };
                self.submissions.push(Submission {
                    id: id.to_owned(),
                    cycle: cycle.to_owned(),
                    author: author.to_owned(),
                    contribution: owned(&contribution, row).unwrap_or_default(),
                    position: position(row),
                    submitted_at,
                    competency: owned(&competency, row),
                    impact_statement: statement(row) == Some(true),
                    outcome: owned(&outcome, row),
                    manager: owned(&manager, row).filter(|_| manager_at(row).is_none_or(|at| at < now)),
                    manager_at: manager_at(row),
                });
            }
        }
    }

    /// Reads live rows of `rubric_scores`, as known before `now`.
    pub fn read_scores(&mut self, batches: &[RecordBatch], now: Micros) {
        for batch in batches {
            let text = |name: &str| Text::of(batch, name);
            let (cycle, submission, rater) = (text("cycle_id"), text("submission_id"), text("rater_id"));
            let (dimension, version) = (text("dimension"), text("rubric_version"));
            let (score, scored_at) = (ints(batch, "score"), instants(batch, "scored_at"));
            for row in live(batch) {
                let of = |text: &Text<'_>| owned(text, row);
                let dimension = dimension.get(row).and_then(|name| DIMENSIONS.iter().position(|known| *known == name));
                let (Some(cycle), Some(submission), Some(rater), Some(dimension)) =
                    (of(&cycle), of(&submission), of(&rater), dimension)
                else {
                    continue;
                };
                let (Some(score), Some(scored_at)) = (score(row), scored_at(row).filter(|at| *at < now)) else {
                    continue;
                };
                self.scores.push(Score {
                    cycle,
                    submission,
                    rater,
                    dimension,
                    score,
                    version: of(&version),
                    scored_at,
                });
            }
        }
    }

    /// Contributions that the submissions read so far are about: of no other anything is read.
    fn submitted(&self) -> HashSet<String> {
        self.submissions.iter().map(|submission| submission.contribution.clone()).collect()
    }

    /// Reads the endorsements of submitted contributions among the live rows of `reactions` that nobody had taken back before `now`.
    pub fn read_endorsements(&mut self, batches: &[RecordBatch], now: Micros) {
        let submitted = self.submitted();
        for batch in batches {
            let text = |name: &str| Text::of(batch, name);
            let (contribution, actor, kind) = (text("contribution_id"), text("actor_id"), text("kind"));
            let (occurred, revoked) = (instants(batch, "occurred_at"), instants(batch, "revoked_at"));
            let is_ours = |row: &usize| contribution.get(*row).is_some_and(|id| submitted.contains(id));
            for row in live(batch).filter(|row| kind.get(*row) == Some("endorse")).filter(is_ours) {
                let at = occurred(row).filter(|at| *at < now);
                let stands = revoked(row).is_none_or(|revoked| revoked >= now);
                if let (Some(contribution), Some(actor), Some(at), true) =
                    (owned(&contribution, row), owned(&actor, row), at, stands)
                {
                    self.endorsements.push(Endorsement { contribution, actor, at });
                }
            }
        }
    }

    /// Reads submitted `contributions`, those taken down included.
    pub fn read_contributions(&mut self, batches: &[RecordBatch], now: Micros) {
        let submitted = self.submitted();
        for batch in batches {
            let text = |name: &str| Text::of(batch, name);
            let (id, author, content) = (text("contribution_id"), text("author_id"), text("content_id"));
            let (deleted_at, gone) = (instants(batch, "deleted_at"), bools(batch, DELETED));
            for row in 0..batch.num_rows() {
                let Some(id) = owned(&id, row).filter(|id| submitted.contains(id)) else { continue };
                let deleted_at = deleted_at(row).filter(|at| *at < now);
                let deleted_at = if gone(row) == Some(true) { deleted_at.or(Some(Micros::MIN)) } else { deleted_at };
                let (author, content) = (owned(&author, row), owned(&content, row));
                self.contributions.insert(id, Contribution { author, content, deleted_at });
            }
        }
    }

    /// Reads the live rows of `measures` that have a baseline and whose period had ended by the day `today`.
    pub fn read_measures(&mut self, batches: &[RecordBatch], today: Day) {
        for batch in batches {
            let text = |name: &str| Text::of(batch, name);
            let (kpi, subject_kind, subject_id) = (text("kpi"), text("subject_kind"), text("subject_id"));
            let (start, end) = (dates(batch, "period_start"), dates(batch, "period_end"));
            let (value, baseline) = (doubles(batch, "value"), doubles(batch, "baseline"));
            for row in live(batch) {
                let (Some(kpi), Some(start), Some(end)) = (owned(&kpi, row), start(row), end(row)) else { continue };
                let (Some(value), Some(baseline)) = (value(row), baseline(row)) else { continue };
                if end <= today {
                    self.measures.entry(kpi).or_default().push(Measured {
                        subject_kind: owned(&subject_kind, row).unwrap_or_default(),
                        subject_id: owned(&subject_id, row).unwrap_or_default(),
                        start,
                        end,
                        value,
                        baseline,
                    });
                }
            }
        }
    }
}
