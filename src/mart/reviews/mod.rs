//! Contributions in reviews: from what the canon says to items with their endorsements, scores and reasons.
//!
//! Everything starts from submissions whose authors consented. About anybody else nothing is read, so not taking part cannot
//! leave a trace.

mod authors;
mod eligibility;
mod line;
pub mod lines;
mod scores;
pub mod split;
mod statements;

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::derived::Reads;
use crate::canon::history::People;
use crate::canon::identity::Identity;
use crate::job::Policy;
use crate::job::reviews::{Raters, Reviews};
use crate::period::{Day, day_start_micros, local_day};

pub use authors::{Authors, competencies};
pub use eligibility::{Change, Reason};
pub use line::Lines;
pub use scores::{Distribution, Rating, Scores, shown};
pub use statements::{Statements, Submission};

use eligibility::{Endorsers, change};

/// One submission in review.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// An index of [`Reviews::cycles`].
    pub cycle: usize,
    pub submission: Submission,
    /// The author's worker code, where HRIS knows the author.
    pub author: Option<u32>,
    /// Place in the author's own order, from 1.
    pub place: i64,
    pub peers: i64,
    pub manager_endorsed: bool,
    pub change: Option<Change>,
    pub outcome_weight: f64,
    /// By rubric version: ratings that count.
    pub versions: BTreeMap<String, Scores>,
    /// Ratings by the author or by people who may not rate, by rubric version.
    pub left_out: BTreeMap<String, i64>,
    /// Why it is not eligible, in the order of [`Reason::ALL`].
    pub reasons: Vec<Reason>,
}

impl Item {
    /// The scores by the rubric of the item's cycle.
    pub fn scores(&self, reviews: &Reviews) -> Option<&Scores> {
        self.versions.get(&reviews.cycles[self.cycle].rubric)
    }

    pub fn status(&self) -> &'static str {
        if self.reasons.contains(&Reason::OverLimit) {
            "over_limit"
        } else if self.reasons.is_empty() {
            "eligible"
        } else {
            "not_eligible"
        }
    }
}

/// What items are judged by.
#[derive(Clone, Copy)]
pub struct Ground<'a> {
    pub reviews: &'a Reviews,
    pub policy: &'a Policy,
    pub people: &'a People,
    pub identity: &'a Identity,
    pub zone: Tz,
}

/// The reviews file of a job, its workers named as in canon; `None` where the job has none.
pub fn decided(facts: &Reads<'_>) -> Option<Reviews> {
    let mut reviews = facts.job.reviews.clone()?;
    if let Raters::Workers(workers) = &mut reviews.raters {
        *workers = workers.iter().map(|worker| (facts.pseudonym)("worker", worker)).collect();
    }
    Some(reviews)
}

/// The items of a job and the reviews file they are judged by; `None` where the job has no such file or no item.
pub fn of(facts: &Reads<'_>) -> Option<(Reviews, Vec<Item>)> {
    let reviews = decided(facts)?;
    let (today, zone) = (facts.days().1, facts.job.zone);
    let now = day_start_micros(today, zone);
    let mut said = Statements::default();
    said.read_submissions(facts.table("submissions"), now);
    said.read_scores(facts.table("rubric_scores"), now);
    said.read_endorsements(facts.table("reactions"), now);
    said.read_contributions(facts.table("contributions"), now);
    said.read_measures(facts.table("measures"), today);
    let (policy, people, identity) = (&facts.job.policy, facts.people(), facts.identity());
    let items = items(&Ground { reviews: &reviews, policy, people, identity, zone }, &said);
    (!items.is_empty()).then_some((reviews, items))
}

/// All items, by cycle and submission. Submissions to a cycle that the job does not know are none.
pub fn items(ground: &Ground<'_>, said: &Statements) -> Vec<Item> {
    let (reviews, lines) = (ground.reviews, Lines::of(ground.people));
    let mut submissions: Vec<(usize, &Submission)> = said
        .submissions
        .iter()
        .filter_map(|submission| Some((reviews.cycle(&submission.cycle)?, submission)))
        .collect();
    // The author's own order; what has no place in it comes last, as submitted.
    submissions.sort_by_key(|(cycle, one)| {
        (*cycle, &one.author, one.position.is_none(), one.position, one.submitted_at, &one.id)
    });
    let endorsers = Endorsers::of(said);
    let mut ratings = ratings(ground, &lines, said, &submissions);
    let mut items: Vec<Item> = Vec::with_capacity(submissions.len());
    for (cycle, submission) in submissions {
        let place = match items.last() {
            Some(last) if last.cycle == cycle && last.submission.author == submission.author => last.place + 1,
            _ => 1,
        };
        let author = ground.people.code(&submission.author);
        let closes = reviews.cycles[cycle].closes;
        let contribution = said.contributions.get(&submission.contribution);
        let change = change(ground, &lines, said, submission, author, closes);
        let weighs = change.as_ref().is_some_and(|change| change.weighs(reviews, submission));
        let outcome_weight = if weighs { reviews.outcome_weight.unwrap_or(ground.policy.outcome_weight) } else { 1.0 };
        let Given { versions, left_out } = ratings.remove(submission.id.as_str()).unwrap_or_default();
        let mut item = Item {
            cycle,
            submission: submission.clone(),
            author,
            place,
            peers: endorsers.peers(ground, &lines, submission, author, closes),
            manager_endorsed: eligibility::manager_endorsed(ground, &lines, submission, author, closes),
            change,
            outcome_weight,
            versions: versions.into_iter().map(|(version, ratings)| (version, Scores::of(ratings))).collect(),
            left_out,
            reasons: Vec::new(),
        };
        item.reasons = eligibility::reasons(ground, &item, contribution);
        items.push(item);
    }
    items.sort_by(|a, b| (a.cycle, &a.submission.id).cmp(&(b.cycle, &b.submission.id)));
    items
}

/// The ratings of one item, by rubric version.
#[derive(Default)]
struct Given {
    versions: BTreeMap<String, Vec<Rating>>,
    left_out: BTreeMap<String, i64>,
}

/// Ratings by submission. A rating must name the cycle its submission is in.
fn ratings<'s>(
    ground: &Ground<'_>,
    lines: &Lines<'_>,
    said: &'s Statements,
    submissions: &[(usize, &'s Submission)],
) -> BTreeMap<&'s str, Given> {
    let reviews = ground.reviews;
    let known: BTreeMap<&str, (usize, &Submission)> =
        submissions.iter().map(|(cycle, submission)| (submission.id.as_str(), (*cycle, *submission))).collect();
    let mut by_submission: BTreeMap<&str, Given> = BTreeMap::new();
    for score in &said.scores {
        let Some((cycle, submission)) = known.get(score.submission.as_str()) else { continue };
        if submission.cycle != score.cycle {
            continue;
        }
        let version = score.version.clone().unwrap_or_else(|| reviews.cycles[*cycle].rubric.clone());
        let given = by_submission.entry(score.submission.as_str()).or_default();
        let day = local_day(score.scored_at, ground.zone);
        if score.rater == submission.author || !may_rate(&reviews.raters, ground.people, lines, &score.rater, day) {
            *given.left_out.entry(version).or_default() += 1;
            continue;
        }
        let rating = Rating { dimension: score.dimension, rater: score.rater.clone(), score: score.score };
        let held = given.versions.entry(version).or_default();
        // A rating without a version and one with it are two keys of the canon, but one rater's mark on one dimension.
        match held.iter_mut().find(|held| (held.dimension, &held.rater) == (rating.dimension, &rating.rater)) {
            Some(held) if score.version.is_some() => *held = rating,
            Some(_) => {}
            None => held.push(rating),
        }
    }
    by_submission
}

/// Whether ratings by this person on this day count.
pub fn may_rate(raters: &Raters, people: &People, lines: &Lines<'_>, rater: &str, day: Day) -> bool {
    let code = people.code(rater);
    match raters {
        Raters::Any => code.is_some(),
        Raters::Workers(workers) => workers.contains(rater),
        Raters::Bands(bands) => code
            .and_then(|code| lines.stint(code, day))
            .and_then(|stint| people.labels.text(stint.place.band))
            .is_some_and(|band| bands.contains(band)),
    }
}

#[cfg(test)]
mod tests;
