//! Two review cycles: what experts submit, who endorses it, how leaders rate it. In the first raters agree, in the second
//! each has a rubric of their own.
//!
//! Planted beside the plain items of the first cycle, author by author: an eligible item, one without peers, a fourth
//! submission, a withdrawn one, a nomination nobody accepted, four experts who endorse each other, and a text
//! copied from a colleague.

use super::Company;
use super::accounts::{Bridge, worker_id};
use super::community::{self, Contribution};
use super::people::{Band, Status, WorkerType, rows};
use super::rng::{Purpose, Stream};
use super::text::{Instant, Record};
use crate::period::Day;

/// Cycles of a company; `jobs/reviews/demo.toml` names the days of those in the repository.
pub const CYCLES: [&str; 2] = ["cycle-1", "cycle-2"];
const RUBRIC: &str = "2025";
const COMPETENCIES: [&str; 4] = ["coaching", "craft", "customer", "delivery"];
const DIMENSIONS: [&str; 3] = ["relevance", "quality", "impact"];

/// Authors of the planted stories, in the order in which authors are drawn.
const ELIGIBLE: usize = 0;
const WITHOUT_PEERS: usize = 1;
pub const FOUR: usize = 2;
const WITHDRAWN: usize = 3;
const NOT_ACCEPTED: usize = 4;
const RING: std::ops::Range<usize> = 5..9;
/// The author who was copied, and the one who copied.
pub const COPIED: [usize; 2] = [9, 10];

/// First day of a cycle and the day after its last, in a company of 23 weeks and more.
pub fn cycle(company: &Company, nth: usize) -> Option<(Day, Day)> {
    let weeks = company.calendar.weeks;
    let (from, to) = [(0, 23), (23, 38)][nth.min(1)];
    let week = |part: u32| weeks * part / 40;
    (weeks >= 23).then(|| (company.calendar.monday(week(from)), company.calendar.monday(week(to))))
}

/// One submission with all that belongs to it.
#[derive(Debug, Clone)]
pub struct Submitted {
    id: String,
    /// An index of people.
    pub author: usize,
    pub contribution: String,
    position: u32,
    nominated_by: Option<usize>,
    submitted: Instant,
    consented: Option<Instant>,
    withdrawn: Option<Instant>,
    competency: &'static str,
    impact_statement: bool,
    outcome: Option<&'static str>,
    manager: Option<(usize, Instant)>,
    /// Accounts that endorse it, and when.
    pub endorsed: Vec<(usize, Instant)>,
    /// Rater (an index of people), marks by dimension, when.
    rated: Vec<(usize, [u32; 3], Instant)>,
    /// The first rating as it stood before it was given anew.
    rated_before: Option<[u32; 3]>,
}

impl Submitted {
    /// Whether it is still handed in when the cycle ends, by its author's will.
    pub fn stands(&self) -> bool {
        self.consented.is_some() && self.withdrawn.is_none()
    }
}

/// Everything of one cycle.
pub fn submitted(company: &Company, nth: usize) -> Vec<Submitted> {
    let Some((opens, ends)) = cycle(company, nth) else { return Vec::new() };
    let mut stream = Stream::new(company.options.seed, Purpose::Review, nth as u64);
    let last = company.calendar.week_of(ends - 1);
    let made = offered(company, opens, ends);
    let authors = authors(company, &made, &mut stream);
    let raters = raters(company, ends, &mut stream);
    let readers = community::readers(company, last);
    let mut all = Vec::new();
    for (at, (author, contributions)) in authors.iter().enumerate() {
        let wanted = match at {
            ELIGIBLE | WITHOUT_PEERS | NOT_ACCEPTED => 1,
            FOUR => 4,
            WITHDRAWN => 2,
            at if RING.contains(&at) => 3,
            _ => 1 + stream.below(3) as usize,
        };
        for (index, contribution) in contributions.iter().take(wanted).enumerate() {
            let mut one = submission(company, nth, *author, index, contribution, ends, &mut stream);
            one.id = format!("S{}-{:04}", nth + 1, all.len() + 1);
            endorse(company, &mut one, &readers, ends, &mut stream);
            rate(&mut one, nth, &raters, ends, &mut stream);
            all.push(one);
        }
    }
    if nth == 0 {
        plant(company, &authors, &mut all, ends);
    }
    all
}

/// The contributions among which experts choose.
pub(super) fn offered(company: &Company, opens: Day, ends: Day) -> Vec<Contribution> {
    let last = company.calendar.week_of(ends - 1);
    let first = company.calendar.week_of(opens);
    let weeks = (last.saturating_sub(8).max(first)..last.saturating_sub(3)).step_by(2);
    weeks.flat_map(|week| community::contributions(company, week)).collect()
}

/// Experts with their contributions of these weeks: the more experts, the more take part, up to a few hundred.
fn authors<'m>(
    company: &Company,
    made: &'m [Contribution],
    stream: &mut Stream,
) -> Vec<(usize, Vec<&'m Contribution>)> {
    let mut of: Vec<(usize, Vec<&Contribution>)> = Vec::new();
    let mut place = vec![usize::MAX; company.people.len()];
    for one in made.iter().filter(|one| !one.by_leader && one.deleted.is_none()) {
        let Some(person) = company.accounts.all[one.author].person else { continue };
        if !company.people[person].is_sme {
            continue;
        }
        if place[person] == usize::MAX {
            place[person] = of.len();
            of.push((person, Vec::new()));
        }
        of[place[person]].1.push(one);
    }
    // Those with most to show come first, so that the stories find their contributions; the rest by lot.
    of.retain(|(_, contributions)| contributions.len() >= 4);
    for at in (1..of.len()).rev() {
        of.swap(at, stream.below(at as u32 + 1) as usize);
    }
    of.truncate((of.len() * 3 / 4).clamp(RING.end, 400));
    of
}

/// Leaders at work, up to eight of them.
fn raters(company: &Company, day: Day, stream: &mut Stream) -> Vec<usize> {
    let leads = |person: &super::people::Person| {
        person.worker_type == WorkerType::Employee
            && person.on(day).is_some_and(|spell| spell.band >= Band::Manager && spell.status == Status::Active)
    };
    let mut raters: Vec<usize> =
        company.people.iter().enumerate().filter(|(_, person)| leads(person)).map(|(index, _)| index).collect();
    for at in (1..raters.len()).rev() {
        raters.swap(at, stream.below(at as u32 + 1) as usize);
    }
    raters.truncate(8);
    raters
}

fn submission(
    company: &Company,
    nth: usize,
    author: usize,
    index: usize,
    contribution: &Contribution,
    ends: Day,
    stream: &mut Stream,
) -> Submitted {
    let submitted = Instant::new(ends - 21 + index as Day + stream.below(5) as Day, 32_400 + stream.below(20_000));
    let manager = rows(author, &company.people[author], &company.org)
        .iter()
        .rfind(|row| row.spell.from <= ends)
        .and_then(|row| row.manager)
        .filter(|_| stream.chance(0.85));
    Submitted {
        id: String::new(),
        author,
        contribution: contribution.id.clone(),
        position: index as u32 + 1,
        nominated_by: None,
        submitted,
        consented: Some(submitted),
        withdrawn: None,
        competency: COMPETENCIES[(contribution.topic + nth) % COMPETENCIES.len()],
        impact_statement: stream.chance(0.9),
        outcome: stream.chance(0.2).then_some("onboarding_questions"),
        manager: manager.map(|manager| (manager, Instant(submitted.0 + 2 * 86_400))),
        endorsed: Vec::new(),
        rated: Vec::new(),
        rated_before: None,
    }
}

/// Colleagues who read it: enough of them for most items.
fn endorse(company: &Company, one: &mut Submitted, readers: &[usize], ends: Day, stream: &mut Stream) {
    let own = company.accounts.of_person[one.author];
    let matched = |account: &usize| company.accounts.all[*account].bridge != Bridge::None && Some(*account) != own;
    let readers: Vec<usize> = readers.iter().copied().filter(matched).collect();
    for _ in 0..if readers.is_empty() { 0 } else { 1 + stream.below(4) } {
        let at = Instant::new(ends - 14 + stream.below(13) as Day, 30_000 + stream.below(20_000));
        let reader = *stream.pick(&readers);
        if one.endorsed.iter().all(|(account, _)| *account != reader) {
            one.endorsed.push((reader, at));
        }
    }
}

/// Three raters an item. In the first cycle they see the same item; in the second each sees what they like.
fn rate(one: &mut Submitted, nth: usize, raters: &[usize], ends: Day, stream: &mut Stream) {
    if raters.len() < 4 {
        return;
    }
    let truth = DIMENSIONS.map(|_| 1 + stream.weighted(&[0.15, 0.25, 0.35, 0.25]) as u32);
    let first = stream.below(raters.len() as u32) as usize;
    let raters = (0..raters.len()).map(|at| raters[(first + at) % raters.len()]);
    for rater in raters.filter(|rater| *rater != one.author).take(3) {
        let marks = truth.map(|truth| {
            let (slip, up) = (stream.unit(), stream.chance(0.5));
            match nth {
                0 if slip < 0.93 => truth,
                0 => (if up { truth + 1 } else { truth - 1 }).clamp(1, 4),
                _ => 1 + stream.below(4),
            }
        });
        let at = Instant::new(ends + 1 + stream.below(4) as Day, 30_000 + stream.below(20_000));
        one.rated.push((rater, marks, at));
    }
    // One in twelve is looked at again a week later.
    if stream.chance(1.0 / 12.0) && one.rated[0].1 != [2; 3] {
        one.rated_before = Some([2; 3]);
    }
}

/// The stories of the first cycle.
fn plant(company: &Company, authors: &[(usize, Vec<&Contribution>)], all: &mut [Submitted], ends: Day) {
    let person = |at: usize| authors.get(at).map(|(person, _)| *person);
    let account = |at: usize| person(at).and_then(|person| company.accounts.of_person[person]);
    let ring: Vec<(usize, usize)> = RING.filter_map(|at| Some((person(at)?, account(at)?))).collect();
    let story = |author: usize| (0..RING.end).find(|at| person(*at) == Some(author));
    for one in all {
        let manager = rows(one.author, &company.people[one.author], &company.org)
            .iter()
            .rfind(|row| row.spell.from <= ends)
            .and_then(|row| row.manager);
        let day = |before: Day, second: u32| Instant::new(ends - before, second);
        match story(one.author) {
            Some(ELIGIBLE) => {
                one.impact_statement = true;
                one.outcome = Some("onboarding_questions");
                one.manager = manager.map(|manager| (manager, day(9, 36_000)));
                one.endorsed = RING.filter_map(account).map(|account| (account, day(10, 39_600))).take(3).collect();
                one.rated.iter_mut().for_each(|rated| rated.1 = rated.1.map(|mark| mark.max(3)));
            }
            Some(WITHOUT_PEERS) => {
                one.impact_statement = false;
                // Nobody but the manager stands behind it; a leader's reaction in the community would be a treatment of the unit.
                one.endorsed.clear();
            }
            Some(WITHDRAWN) if one.position == 1 => one.withdrawn = Some(day(5, 40_000)),
            Some(NOT_ACCEPTED) => {
                one.nominated_by = person(FOUR);
                one.consented = None;
            }
            Some(at) if RING.contains(&at) => {
                let others = ring.iter().filter(|(person, _)| *person != one.author);
                let position = one.position;
                one.endorsed =
                    others.map(|(_, account)| (*account, day(12 - position as Day, 43_000 + 90 * position))).collect();
            }
            _ => {}
        }
    }
}

/// Submissions as known on `day`: the last state of all that was handed in before.
pub fn submissions(company: &Company, nth: usize, day: Day) -> Vec<u8> {
    let mut out = b"submission_id,cycle_id,worker_id,contribution_id,position,nominated_by,nominator_role,submitted_at,\
consented_at,withdrawn_at,competency,impact_statement_present,outcome_measure_id,manager_endorsed_by,manager_endorsed_at\n"
        .to_vec();
    let by = Instant::new(day, 0);
    for one in submitted(company, nth).iter().filter(|one| one.submitted < by) {
        let manager = one.manager.filter(|(_, at)| *at < by);
        Record::new(&mut out)
            .text(&one.id)
            .text(CYCLES[nth.min(1)])
            .text(&worker_id(one.author))
            .text(&one.contribution)
            .number(u64::from(one.position))
            .text(&one.nominated_by.map(worker_id).unwrap_or_default())
            .text(if one.nominated_by.is_some() { "peer" } else { "self" })
            .instant(Some(one.submitted))
            .instant(one.consented)
            .instant(one.withdrawn.filter(|at| *at < by))
            .text(one.competency)
            .flag(one.impact_statement)
            .text(one.outcome.unwrap_or_default())
            .text(&manager.map(|(manager, _)| worker_id(manager)).unwrap_or_default())
            .instant(manager.map(|(_, at)| at))
            .end();
    }
    out
}

/// The endorsements of a cycle's submissions, in the columns of reactions.
pub fn endorsements(company: &Company, nth: usize) -> Vec<u8> {
    let mut out = b"reaction_id,contribution_id,actor_id,kind,value,occurred_at,revoked_at\n".to_vec();
    for one in submitted(company, nth) {
        for (n, (account, at)) in one.endorsed.iter().enumerate() {
            // Now and then somebody thinks better of it.
            let revoked = (n == 3).then(|| Instant(at.0 + 40_000));
            Record::new(&mut out)
                .text(&format!("E-{}-{n}", one.id))
                .text(&one.contribution)
                .text(&company.accounts.all[*account].id)
                .text("endorse")
                .text("")
                .instant(Some(*at))
                .instant(revoked)
                .end();
        }
    }
    out
}

/// The ratings of a cycle; `again` has those that raters gave anew, a week later.
pub fn rubric_scores(company: &Company, nth: usize, again: bool) -> Vec<u8> {
    let mut out = b"cycle_id,submission_id,rater_id,dimension,score,rubric_version,scored_at\n".to_vec();
    for one in submitted(company, nth).iter().filter(|one| one.withdrawn.is_none() && one.consented.is_some()) {
        for (n, (rater, marks, at)) in one.rated.iter().enumerate() {
            let before = one.rated_before.filter(|_| n == 0);
            let (marks, at) = match (before, again) {
                (None, true) => continue,
                (Some(_), true) => (*marks, Instant(at.0 + 7 * 86_400)),
                (before, false) => (before.unwrap_or(*marks), *at),
            };
            for (dimension, mark) in DIMENSIONS.iter().zip(marks) {
                Record::new(&mut out)
                    .text(CYCLES[nth.min(1)])
                    .text(&one.id)
                    .text(&worker_id(*rater))
                    .text(dimension)
                    .number(u64::from(mark))
                    .text(RUBRIC)
                    .instant(Some(at))
                    .end();
            }
        }
    }
    out
}

/// Business outcomes of the last four weeks of a cycle: fewer questions of newcomers everywhere but for one unit in five.
pub fn measures(company: &Company, nth: usize) -> Vec<u8> {
    let mut out = b"kpi,subject_kind,subject_id,period_start,period_end,value,unit,baseline,n\n".to_vec();
    let Some((_, ends)) = cycle(company, nth) else { return out };
    let mut stream = Stream::new(company.options.seed, Purpose::Review, 1_000 + nth as u64);
    let mut row = |kind: &str, id: &str, value: u32, baseline: u32, n: u32| {
        Record::new(&mut out)
            .text("onboarding_questions")
            .text(kind)
            .text(id)
            .date(Some(ends - 28))
            .date(Some(ends))
            .number(u64::from(value))
            .text("questions per newcomer and month")
            .number(u64::from(baseline))
            .number(u64::from(n))
            .end();
    };
    row("company", "all", 17, 20, 40);
    for (at, (_, unit)) in company.org.leaves().enumerate().filter(|(_, (_, unit))| unit.exists(ends - 1)) {
        let baseline = 16 + stream.below(9);
        let value = if at % 5 == 4 { baseline + 1 } else { baseline - 2 - stream.below(3) };
        row("org", &unit.id, value, baseline, 1 + stream.below(6));
    }
    out
}
