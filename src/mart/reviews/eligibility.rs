//! Which items are eligible, and why the others are not.

use std::collections::{BTreeMap, BTreeSet};

use super::line::Lines;
use super::statements::{Contribution, Endorsement, Measured, Micros, Statements, Submission};
use super::{Ground, Item};
use crate::canon::identity::Who;
use crate::job::reviews::{Better, Reviews};
use crate::period::{Day, local_day};

/// Why an item is not eligible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    TooFewPeers,
    NoManagerEndorsement,
    NoImpactStatement,
    BelowQualityThreshold,
    OutsideCycle,
    ContributionDeleted,
    OverLimit,
}

impl Reason {
    pub const ALL: [Reason; 7] = [
        Reason::TooFewPeers,
        Reason::NoManagerEndorsement,
        Reason::NoImpactStatement,
        Reason::BelowQualityThreshold,
        Reason::OutsideCycle,
        Reason::ContributionDeleted,
        Reason::OverLimit,
    ];

    /// The column of `review_items` that says whether it holds.
    pub fn code(self) -> &'static str {
        match self {
            Reason::TooFewPeers => "too_few_peers",
            Reason::NoManagerEndorsement => "no_manager_endorsement",
            Reason::NoImpactStatement => "no_impact_statement",
            Reason::BelowQualityThreshold => "below_quality_threshold",
            Reason::OutsideCycle => "outside_cycle",
            Reason::ContributionDeleted => "contribution_deleted",
            Reason::OverLimit => "over_limit",
        }
    }
}

/// Every reason that holds of an item, but for which it would be eligible.
pub fn reasons(ground: &Ground<'_>, item: &Item, contribution: Option<&Contribution>) -> Vec<Reason> {
    let (reviews, policy) = (ground.reviews, ground.policy);
    let cycle = &reviews.cycles[item.cycle];
    let quality = item.scores(reviews).and_then(|scores| scores.mean(1));
    let submitted_on = local_day(item.submission.submitted_at, ground.zone);
    let holds = |reason: &Reason| match reason {
        Reason::TooFewPeers => item.peers < policy.peer_endorsements,
        Reason::NoManagerEndorsement => policy.require_manager_endorsement && !item.manager_endorsed,
        Reason::NoImpactStatement => !item.submission.impact_statement,
        Reason::BelowQualityThreshold => {
            quality.zip(reviews.quality_threshold).is_some_and(|(quality, least)| quality < least)
        }
        Reason::OutsideCycle => !(cycle.opens..=cycle.closes).contains(&submitted_on),
        Reason::ContributionDeleted => contribution
            .and_then(|contribution| contribution.deleted_at)
            .is_some_and(|at| at == Micros::MIN || local_day(at, ground.zone) <= cycle.closes),
        Reason::OverLimit => item.place > policy.submissions,
    };
    Reason::ALL.into_iter().filter(holds).collect()
}

/// Endorsements by contribution, and who wrote it.
pub struct Endorsers<'s> {
    of: BTreeMap<&'s str, Vec<&'s Endorsement>>,
    contributions: &'s BTreeMap<String, Contribution>,
}

impl<'s> Endorsers<'s> {
    /// Those of submitted contributions alone; the endorsements of everything else are nobody's business here.
    pub fn of(said: &'s Statements) -> Endorsers<'s> {
        let mut of: BTreeMap<&str, Vec<&Endorsement>> =
            said.submissions.iter().map(|submission| (submission.contribution.as_str(), Vec::new())).collect();
        for endorsement in &said.endorsements {
            if let Some(endorsements) = of.get_mut(endorsement.contribution.as_str()) {
                endorsements.push(endorsement);
            }
        }
        Endorsers { of, contributions: &said.contributions }
    }

    /// Distinct peers who endorsed by the last day of the cycle. Neither who submitted the contribution nor who wrote it is one.
    pub fn peers(
        &self,
        ground: &Ground<'_>,
        lines: &Lines<'_>,
        submission: &Submission,
        author: Option<u32>,
        closes: Day,
    ) -> i64 {
        let levels = usize::try_from(ground.policy.endorser_line_levels).unwrap_or(0);
        let mut peers: BTreeSet<u32> = BTreeSet::new();
        let wrote = self.contributions.get(&submission.contribution).and_then(|one| one.author.as_deref());
        for endorsement in self.of.get(submission.contribution.as_str()).into_iter().flatten() {
            let day = local_day(endorsement.at, ground.zone);
            let Who::Worker(endorser) = ground.identity.who(&endorsement.actor, day) else { continue };
            let is_peer = day <= closes
                && Some(endorser) != author
                && wrote.is_none_or(|account| ground.identity.who(account, day) != Who::Worker(endorser))
                && lines.is_eligible(endorser, day)
                && author.is_none_or(|author| !lines.is_near(author, endorser, levels, day));
            if is_peer {
                peers.insert(endorser);
            }
        }
        peers.len() as i64
    }
}

/// Whether somebody above the author endorsed by the last day of the cycle. An endorsement without an instant is believed to be in
/// time, and one of an author whose managers HRIS does not know to be a manager's.
pub fn manager_endorsed(
    ground: &Ground<'_>,
    lines: &Lines<'_>,
    submission: &Submission,
    author: Option<u32>,
    closes: Day,
) -> bool {
    let Some(manager) = submission.manager.as_deref().filter(|manager| *manager != submission.author) else {
        return false;
    };
    let day = submission.manager_at.map_or(closes, |at| local_day(at, ground.zone));
    let above = author.map(|author| lines.above(author, day)).unwrap_or_default();
    day <= closes && (above.is_empty() || ground.people.code(manager).is_some_and(|manager| above.contains(&manager)))
}

/// A measured change of a business outcome.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    pub value: f64,
    pub baseline: f64,
}

impl Change {
    pub fn difference(&self) -> f64 {
        self.value - self.baseline
    }

    /// Relative to the baseline; `None` where that is 0.
    pub fn rate(&self) -> Option<f64> {
        (self.baseline != 0.0).then(|| self.difference() / self.baseline.abs())
    }

    /// Whether it weighs: something changed, and for the better where the configuration says which way that is.
    pub fn weighs(&self, reviews: &Reviews, submission: &Submission) -> bool {
        let better = submission.outcome.as_ref().and_then(|kpi| reviews.outcomes.get(kpi));
        match better {
            Some(Better::Lower) => self.difference() < 0.0,
            Some(Better::Higher) => self.difference() > 0.0,
            None => self.difference() != 0.0,
        }
    }
}

/// What the named outcome changed by in the last period that had ended by the last day of the cycle: of the contribution, else of
/// its content, the author, the author's unit, the company.
pub fn change(
    ground: &Ground<'_>,
    lines: &Lines<'_>,
    said: &Statements,
    submission: &Submission,
    author: Option<u32>,
    closes: Day,
) -> Option<Change> {
    let measures = said.measures.get(submission.outcome.as_ref()?)?;
    let content = said.contributions.get(&submission.contribution).and_then(|one| one.content.as_deref());
    let unit = author
        .and_then(|author| lines.stint(author, closes))
        .and_then(|stint| ground.people.labels.text(stint.place.org));
    let subjects = [
        ("contribution", Some(submission.contribution.as_str())),
        ("content", content),
        ("worker", Some(submission.author.as_str())),
        ("org", unit),
    ];
    let last = |of: &dyn Fn(&Measured) -> bool| {
        let ended = measures.iter().filter(|measured| measured.end <= closes + 1 && of(measured));
        ended.max_by_key(|measured| (measured.end, measured.start))
    };
    let about = |(kind, id): &(&str, Option<&str>)| {
        let id = (*id)?;
        last(&|measured| measured.subject_kind == *kind && measured.subject_id == id)
    };
    let company = || last(&|measured| measured.subject_kind == "company");
    subjects
        .iter()
        .find_map(about)
        .or_else(company)
        .map(|measured| Change { value: measured.value, baseline: measured.baseline })
}
