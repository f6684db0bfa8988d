//! The knowledge-sharing community: what experts contribute, what leaders post, and who reacts.
//!
//! A week is a pure function of the company, so that no more than a few weeks are ever held at once.

use super::Company;
use super::accounts::Bridge;
use super::calendar::{is_holiday, rhythm, season};
use super::names::{LOCATIONS, TOPICS};
use super::org::{Kind as UnitKind, UnitId};
use super::people::{Band, Status, WorkerType};
use super::plan::{Kind, Treatment};
use super::rng::{Purpose, Stream};
use super::text::Instant;

#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    pub id: String,
    /// An index of accounts.
    pub author: usize,
    /// The unit that made it, or whose head did.
    pub unit: UnitId,
    pub by_leader: bool,
    pub kind: &'static str,
    pub created: Instant,
    pub deleted: Option<Instant>,
    pub parent: Option<String>,
    pub title: String,
    pub topic: usize,
    /// Accounts credited for it.
    pub credited: Vec<usize>,
    pub minutes: Option<u32>,
    pub words: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Reaction {
    pub id: String,
    pub contribution: String,
    /// An index of accounts.
    pub actor: usize,
    pub kind: &'static str,
    pub value: Option<u32>,
    pub occurred: Instant,
    pub revoked: Option<Instant>,
}

/// Share of a unit's contributions that its subject-matter experts write.
pub const EXPERT_SHARE: f64 = 0.92;
/// Spread of a unit's week around its expectation, beyond rounding: experts keep a steady rhythm.
const NOISE: f64 = 0.06;

/// Who can write in one week: people below the leaders who are in one unit from Monday to Sunday.
struct Authors {
    experts: Vec<Vec<usize>>,
    others: Vec<Vec<usize>>,
}

/// Everything contributed in one week, leaders' posts first.
pub fn contributions(company: &Company, week: u32) -> Vec<Contribution> {
    let authors = authors(company, week);
    let mut all = posts(company, week, &authors);
    let mut stream = Stream::new(company.options.seed, Purpose::Community, u64::from(week));
    let mut n = 0;
    for unit in 0..company.org.units.len() {
        let (experts, others) = (&authors.experts[unit], &authors.others[unit]);
        if experts.is_empty() && others.is_empty() {
            continue;
        }
        let expected = company.plan.expected(unit, week).with;
        let busy = 1.0 + NOISE * stream.normal();
        let kept = stream.round(expected * busy.max(0.0));
        // What is deleted again comes on top, so that the planted figures speak of what stays.
        let withdrawn = stream.round(0.012 * expected);
        let thread = thread(company, unit, week);
        for index in 0..kept + withdrawn {
            let from_expert = others.is_empty() || (!experts.is_empty() && stream.chance(EXPERT_SHARE));
            let author = *stream.pick(if from_expert { experts } else { others });
            n += 1;
            let mut one = contribution(company, week, author, unit, &mut stream);
            one.id = format!("K{week:03}-{n:05}");
            if index >= kept {
                one.deleted = Some(Instant(one.created.0 + 3_600 * i64::from(stream.between(2, 120))));
            }
            if let Some(thread) = &thread
                && stream.chance(0.35)
            {
                one.kind = "answer";
                one.parent = Some(thread.clone());
            }
            all.push(one);
        }
    }
    all
}

fn authors(company: &Company, week: u32) -> Authors {
    let (monday, next) = (company.calendar.monday(week), company.calendar.monday(week + 1));
    let none = || vec![Vec::new(); company.org.units.len()];
    let mut authors = Authors { experts: none(), others: none() };
    for (index, person) in company.people.iter().enumerate() {
        let Some(account) = company.accounts.of_person[index] else { continue };
        let Some(spell) = person.on(monday) else { continue };
        let stays = spell.to >= next && spell.status == Status::Active && spell.band == Band::Ic;
        let matched = company.accounts.all[account].bridge != Bridge::None;
        if stays && matched && person.worker_type == WorkerType::Employee {
            let list = if person.is_sme { &mut authors.experts } else { &mut authors.others };
            list[spell.unit].push(account);
        }
    }
    authors
}

/// A working instant of the week, at the author's site.
fn moment(company: &Company, week: u32, account: usize, stream: &mut Stream) -> Instant {
    let monday = company.calendar.monday(week);
    let days: [f64; 5] = std::array::from_fn(|n| rhythm(monday + n as i32));
    let day = monday + stream.weighted(&days) as i32;
    let site = company.accounts.all[account].person.map_or(0, |person| company.people[person].location);
    let local = 8 * 3_600 + stream.below(10 * 3_600) as i32;
    Instant::new(day, (local - LOCATIONS[site].utc_offset_hours * 3_600).clamp(0, 86_399) as u32)
}

fn contribution(company: &Company, week: u32, author: usize, unit: UnitId, stream: &mut Stream) -> Contribution {
    const KINDS: [(&str, f64); 6] = [
        ("answer", 0.46),
        ("post", 0.18),
        ("comment", 0.14),
        ("how_to", 0.1),
        ("article", 0.07),
        ("micro_lesson", 0.05),
    ];
    let kind = KINDS[stream.weighted(&KINDS.map(|kind| kind.1))].0;
    let topic = topic(unit, stream);
    let (low, high) = match kind {
        "comment" => (8, 60),
        "answer" => (40, 260),
        "post" => (60, 400),
        "micro_lesson" => (120, 400),
        _ => (500, 2_000),
    };
    Contribution {
        id: String::new(),
        author,
        unit,
        by_leader: false,
        kind,
        created: moment(company, week, author, stream),
        deleted: None,
        parent: None,
        title: title(kind, topic, stream),
        topic,
        credited: Vec::new(),
        minutes: (kind == "micro_lesson").then(|| 3 + stream.below(4)),
        words: low + stream.below(high - low),
    }
}

/// Units have their favourite topics.
fn topic(unit: UnitId, stream: &mut Stream) -> usize {
    let drawn = stream.unit();
    (unit * 5 + (drawn * drawn * TOPICS.len() as f64) as usize) % TOPICS.len()
}

fn title(kind: &str, topic: usize, stream: &mut Stream) -> String {
    let topic = TOPICS[topic];
    let templates: &[&str] = match kind {
        "answer" => &["Re: question about {}", "Answer on {}", "How we handle {}"],
        "how_to" => &["How to get {} right", "Step by step: {}"],
        "article" => &["Lessons from {}", "What changed in {}"],
        "micro_lesson" => &["{} in five minutes", "One thing about {}"],
        "ama" => &["Ask me anything: {}"],
        "qa_summary" => &["Questions and answers on {}"],
        "playbook" => &["One-page playbook: {}"],
        "comment" => &["On {}"],
        _ => &["A note on {}", "This week in {}", "Found out about {}"],
    };
    stream.pick(templates).replace("{}", topic)
}

fn post_id(week: u32, unit: UnitId) -> String {
    format!("P{week:03}-{unit:05}")
}

/// Whether the head of a treated unit posts in this week.
fn posts_in(treatment: Treatment, week: u32) -> bool {
    week >= treatment.week && (week - treatment.week).is_multiple_of(treatment.kind.every())
}

/// The head's AMA that the unit still talks about: one of this week or of the week before.
fn thread(company: &Company, unit: UnitId, week: u32) -> Option<String> {
    let treatment = company.plan.units[unit].treatment.filter(|treatment| treatment.kind == Kind::Ama)?;
    let asked = |week: u32| posts_in(treatment, week) && head_account(company, unit, week).is_some();
    [Some(week), week.checked_sub(1)].into_iter().flatten().find(|&week| asked(week)).map(|week| post_id(week, unit))
}

/// The account of the unit's head, where the head is at work that week.
fn head_account(company: &Company, unit: UnitId, week: u32) -> Option<usize> {
    let monday = company.calendar.monday(week);
    let head = company.org.units[unit].head_on(monday)?;
    let spell = company.people[head].on(monday)?;
    let here = spell.status == Status::Active && spell.to >= monday + 7 && company.org.units[unit].exists(monday);
    company.accounts.of_person[head].filter(|_| here)
}

/// What heads post in one week. Kinds that count as treatment come from treated teams alone, and from the head of the
/// company, whose posts reach everybody and so compare nobody; all other heads write plain posts and articles.
fn posts(company: &Company, week: u32, authors: &Authors) -> Vec<Contribution> {
    let mut all = Vec::new();
    for (unit, of) in company.org.units.iter().enumerate() {
        let Some(author) = head_account(company, unit, week) else { continue };
        let mut stream = Stream::new(company.options.seed, Purpose::Plan, ((unit as u64 + 1) << 16) | u64::from(week));
        let treatment = company.plan.units[unit].treatment;
        let kind = match treatment {
            Some(treatment) if posts_in(treatment, week) => Some(treatment.kind.as_str()),
            _ if of.kind == UnitKind::Company => {
                [(4, "ama"), (0, "post")].into_iter().find(|(phase, _)| week % 8 == *phase).map(|(_, kind)| kind)
            }
            Some(_) => None,
            None if of.kind == UnitKind::Lab => None,
            None => ((week + 3 * unit as u32) % 7 == 2).then_some(if unit % 3 == 0 { "article" } else { "post" }),
        };
        let monday = company.calendar.monday(week);
        let tuesday = if is_holiday(monday + 1) { monday } else { monday + 1 };
        if let Some(kind) = kind {
            let topic = topic(unit, &mut stream);
            let experts = &authors.experts[unit];
            let credited = (!experts.is_empty() && stream.chance(0.8)).then(|| *stream.pick(experts));
            let minutes = match kind {
                "ama" => Some(20 + 5 * stream.below(4)),
                "micro_lesson" => Some(3 + stream.below(3)),
                _ => None,
            };
            all.push(Contribution {
                id: post_id(week, unit),
                author,
                unit,
                by_leader: true,
                kind,
                created: Instant::new(tuesday, 32_400 + stream.below(7_200)),
                deleted: None,
                parent: None,
                title: title(kind, topic, &mut stream),
                topic,
                credited: credited.into_iter().collect(),
                minutes,
                words: 80 + stream.below(400),
            });
        }
        all.extend(summary(company, unit, week, author));
    }
    all
}

/// The summary that closes an AMA: mostly within the week, sometimes nine days later, sometimes never.
fn summary(company: &Company, unit: UnitId, week: u32, author: usize) -> Option<Contribution> {
    let is_company = company.org.units[unit].kind == UnitKind::Company;
    let asked = |week: u32| match company.plan.units[unit].treatment {
        Some(treatment) => treatment.kind == Kind::Ama && posts_in(treatment, week),
        None => is_company && week % 8 == 4,
    };
    let fate = |week: u32| {
        let index = ((unit as u64 + 1) << 40) | u64::from(week);
        Stream::new(company.options.seed, Purpose::Plan, index)
    };
    let closes = |asked_in: u32, day: i32, stream: &mut Stream| {
        let topic = topic(unit, stream);
        Contribution {
            id: format!("{}s", post_id(asked_in, unit)),
            author,
            unit,
            by_leader: true,
            kind: "qa_summary",
            created: Instant::new(company.calendar.monday(week) + day, 50_400 + stream.below(3_600)),
            deleted: None,
            parent: Some(post_id(asked_in, unit)),
            title: title("qa_summary", topic, stream),
            topic,
            credited: Vec::new(),
            minutes: None,
            words: 300 + stream.below(500),
        }
    };
    if asked(week) {
        let mut stream = fate(week);
        return (stream.unit() < 0.72).then(|| closes(week, 3, &mut stream));
    }
    let before = week.checked_sub(1).filter(|&before| asked(before))?;
    head_account(company, unit, before)?;
    let mut stream = fate(before);
    let drawn = stream.unit();
    (0.72..0.93).contains(&drawn).then(|| closes(before, 3, &mut stream))
}

/// The reactions to one week's contributions; they fall into the same week and the next.
pub fn reactions(company: &Company, week: u32, contributions: &[Contribution]) -> Vec<Reaction> {
    const KINDS: [(&str, f64); 7] = [
        ("like", 0.5),
        ("endorse", 0.16),
        ("comment", 0.12),
        ("vote", 0.1),
        ("rating", 0.06),
        ("bookmark", 0.04),
        ("share", 0.02),
    ];
    let mut stream = Stream::new(company.options.seed, Purpose::Reaction, u64::from(week));
    let readers = readers(company, week);
    // The habit of reacting grows with the community, and rests when everybody does.
    let habit = (0.4 + 0.6 * (f64::from(week) / 20.0).min(1.0)) * season(company.calendar.monday(week) + 2);
    let mut all: Vec<Reaction> = Vec::new();
    if readers.is_empty() {
        return all;
    }
    for one in contributions.iter().filter(|one| one.deleted.is_none()) {
        let interest = habit * if one.by_leader { 3.5 } else { 1.6 * stream.unit() };
        for _ in 0..stream.round(interest) {
            let actor = *stream.pick(&readers);
            let kind = KINDS[stream.weighted(&KINDS.map(|kind| kind.1))].0;
            let hours = (stream.unit() * stream.unit() * 130.0) as i64;
            let occurred = Instant(one.created.0 + 600 + 3_600 * hours + i64::from(stream.below(3_000)));
            let revoked = stream.chance(0.015).then(|| Instant(occurred.0 + 86_400 + i64::from(stream.below(90_000))));
            if actor != one.author {
                all.push(Reaction {
                    id: format!("R{week:03}-{:06}", all.len() + 1),
                    contribution: one.id.clone(),
                    actor,
                    kind,
                    value: (kind == "rating").then(|| 2 + stream.below(4)),
                    occurred,
                    revoked,
                });
            }
        }
    }
    from_leaders(company, week, contributions, &mut all, &mut stream);
    all
}

/// Heads of treated teams endorse an expert every other week once they have posted; the others only like.
fn from_leaders(
    company: &Company,
    week: u32,
    contributions: &[Contribution],
    all: &mut Vec<Reaction>,
    stream: &mut Stream,
) {
    let mut seen = vec![false; company.org.units.len()];
    for one in contributions.iter().filter(|one| !one.by_leader && one.deleted.is_none()) {
        if std::mem::replace(&mut seen[one.unit], true) || !(week as usize + one.unit).is_multiple_of(2) {
            continue;
        }
        let Some(actor) = head_account(company, one.unit, week) else { continue };
        let endorses = company.plan.units[one.unit].treatment.is_some_and(|treatment| treatment.week < week);
        let occurred = Instant(one.created.0 + 7_200 + i64::from(stream.below(36_000)));
        for kind in if endorses { ["endorse", "comment"] } else { ["like", "comment"] } {
            all.push(Reaction {
                id: format!("R{week:03}-{:06}", all.len() + 1),
                contribution: one.id.clone(),
                actor,
                kind,
                value: None,
                occurred,
                revoked: None,
            });
        }
    }
}

/// Accounts of the community's readers who are at work all week: the experts and every tenth of the others. Nobody who
/// ever leads is among them, because a leader's endorsement is a treatment.
pub(super) fn readers(company: &Company, week: u32) -> Vec<usize> {
    let (monday, next) = (company.calendar.monday(week), company.calendar.monday(week + 1));
    let reads = |person: &super::people::Person| {
        person.spells.iter().all(|spell| spell.band == Band::Ic)
            && person.on(monday).is_some_and(|spell| spell.status == Status::Active && spell.to >= next)
    };
    let people = company.people.iter().zip(&company.accounts.of_person);
    let reading =
        people.filter(|(person, _)| reads(person)).filter_map(|(person, account)| Some((person, (*account)?)));
    reading.filter(|(person, account)| person.is_sme || account % 10 == 1).map(|(_, account)| account).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Options;
    use std::collections::BTreeSet;

    #[test]
    fn a_week_does_not_depend_on_what_was_asked_before() {
        let company = Company::build(&Options::new(300, 40, 2)).unwrap();
        let week = contributions(&company, 20);
        contributions(&company, 3);
        assert_eq!(week, contributions(&company, 20));
        assert_eq!(reactions(&company, 20, &week), reactions(&company, 20, &week));
    }

    #[test]
    fn no_untreated_head_posts_or_endorses_what_would_count_as_treatment() {
        let company = Company::build(&Options::new(300, 40, 2)).unwrap();
        let heads: BTreeSet<usize> = company
            .org
            .units
            .iter()
            .flat_map(|unit| &unit.heads)
            .filter_map(|(_, head)| company.accounts.of_person[*head])
            .collect();
        for week in 0..40 {
            let made = contributions(&company, week);
            for one in
                made.iter().filter(|one| one.by_leader && ["ama", "playbook", "micro_lesson"].contains(&one.kind))
            {
                let treated = company.plan.units[one.unit].treatment;
                assert!(one.unit == 0 || treated.is_some_and(|treatment| treatment.week <= week), "{one:?}");
            }
            for one in reactions(&company, week, &made)
                .iter()
                .filter(|one| one.kind == "endorse" && heads.contains(&one.actor))
            {
                let person = company.accounts.all[one.actor].person.unwrap();
                let unit = company.people[person].on(company.calendar.monday(week)).unwrap().unit;
                let treated = company.plan.units[unit].treatment;
                assert!(treated.is_some_and(|treatment| treatment.week < week), "{one:?}");
            }
        }
    }

    #[test]
    fn answers_point_to_posts_that_exist() {
        let company = Company::build(&Options::new(300, 40, 2)).unwrap();
        let all: Vec<Contribution> = (0..40).flat_map(|week| contributions(&company, week)).collect();
        let ids: BTreeSet<&str> = all.iter().map(|one| one.id.as_str()).collect();
        assert_eq!(ids.len(), all.len());
        let parents: Vec<&str> = all.iter().filter_map(|one| one.parent.as_deref()).collect();
        assert!(parents.len() > 50 && parents.iter().all(|parent| ids.contains(parent)));
    }
}
