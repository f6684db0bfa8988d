//! How each leader with a plan shared, week by week: the counts of leadership_kpis for one person, the rhythm, and whom it reached.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{DataFrame, PolarsResult};

use super::leader_plans::engine::Adherence;
use super::leader_plans::{DAY_MICROS, Followed, View};
use crate::canon::sharing::{Setting, Sharing};
use crate::columns::Columns;
use crate::period::{Day, Grain, Period, day_start_micros};

pub const NAME: &str = "leader_scorecard";

/// A leader has the habit who posted in so many of the last so many weeks.
const HABIT_WEEKS: i64 = 4;
const HABIT_OF_WEEKS: i32 = 8;
/// A summary closes its AMA within so many days.
const CLOSING_DAYS: Day = 7;
/// Responses count within so many days of the post.
const SOON_DAYS: Day = 7;
const LATER_DAYS: Day = 30;

struct Row {
    leader: u32,
    week: Period,
    is_complete: bool,
    plans: String,
    counts: Counts,
    completions: i64,
    posting_weeks: i64,
    events: i64,
    cascades: i64,
    days_since: Option<i64>,
    cadence_weeks: i64,
    cadence_kept: Option<bool>,
    streak: i64,
    longest_streak: i64,
    reach: i64,
    responses: [Option<i64>; 2],
    adherence: Adherence,
}

/// What a leader shared in one week.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Counts {
    posts: i64,
    by_kind: BTreeMap<String, i64>,
    amas_closed: i64,
    playbooks_with_owner: i64,
    playbooks_tagged: i64,
    crediting: i64,
    credited: BTreeSet<u32>,
    reactions: i64,
    authors: BTreeSet<u32>,
    functions: BTreeSet<u32>,
    minutes: i64,
}

/// Eligible people in the subtree, by leader and first day of the week; nothing for weeks in which the leader is not eligible.
type Reach = BTreeMap<(u32, Day), i64>;

pub fn rows(view: &View<'_>, setting: &Setting<'_>) -> PolarsResult<DataFrame> {
    let leaders = view.leaders();
    let reach = reach(view, &leaders);
    let mut rows = Vec::new();
    for followed in &leaders {
        one(view, setting, followed, &reach, &mut rows);
    }
    let band = view.facts.job.policy.leader_minutes_per_week;
    let kind = |row: &Row, kind: &str| Some(row.counts.by_kind.get(kind).copied().unwrap_or(0));
    Columns::of(&rows)
        .text("leader_id", |row| view.id(row.leader))
        .date("period_start", |row| row.week.start)
        .date("period_end", |row| row.week.end)
        .bool("is_complete", |row| row.is_complete)
        .text("plans", |row| &row.plans)
        .int("leader_posts", |row| row.counts.posts)
        .int("micro_lessons", |row| kind(row, "micro_lesson"))
        .int("amas", |row| kind(row, "ama"))
        .int("amas_closed", |row| row.counts.amas_closed)
        .int("playbooks", |row| kind(row, "playbook"))
        .int("playbooks_with_owner", |row| row.counts.playbooks_with_owner)
        .int("playbooks_tagged", |row| row.counts.playbooks_tagged)
        .int("posts", |row| kind(row, "post"))
        .int("crediting_posts", |row| row.counts.crediting)
        .int("credited_smes", |row| row.counts.credited.len() as i64)
        .int("reactions_to_sme", |row| row.counts.reactions)
        .int("sme_authors_reached", |row| row.counts.authors.len() as i64)
        .int("functions_reached", |row| row.counts.functions.len() as i64)
        .int("minutes_shared", |row| row.counts.minutes)
        .bool("is_in_band", |row| (band[0]..=band[1]).contains(&row.counts.minutes))
        .int("completions", |row| row.completions)
        .int("posting_weeks_of_last_8", |row| row.posting_weeks)
        .bool("has_habit", |row| row.posting_weeks >= HABIT_WEEKS)
        .int("governance_events", |row| row.events)
        .int("messages_passed_on", |row| row.cascades)
        .int("days_since_last_act", |row| row.days_since)
        .int("cadence_weeks", |row| row.cadence_weeks)
        .bool("cadence_kept", |row| row.cadence_kept)
        .int("current_streak_weeks", |row| row.streak)
        .int("longest_streak_weeks", |row| row.longest_streak)
        .int("reach", |row| row.reach)
        .int("responses_7d", |row| row.responses[0])
        .int("responses_30d", |row| row.responses[1])
        .int("plan_steps_due", |row| row.adherence.due)
        .int("plan_steps_on_time", |row| row.adherence.on_time)
        .int("plan_steps_late", |row| row.adherence.late)
        .int("plan_steps_missed", |row| row.adherence.missed)
        .frame()
}

/// The days of a week that have begun.
fn seen(week: Period, horizon: Day) -> Period {
    Period { end: week.end.min(horizon), ..week }
}

fn reach(view: &View<'_>, leaders: &[Followed<'_>]) -> Reach {
    let horizon = view.facts.days().1;
    let mut reach = Reach::new();
    let Some(first) = leaders.iter().map(|followed| followed.start).min() else { return reach };
    for week in view.facts.job.calendar.periods(Grain::Week, first, horizon) {
        let lines = view.lines(seen(week, horizon));
        for followed in leaders.iter().filter(|followed| followed.start < week.end && lines.is_placed(followed.leader))
        {
            reach.insert((followed.leader, week.start), lines.subtree(followed.leader).len() as i64);
        }
    }
    reach
}

/// The weeks of one leader, from the first of their plan to the last that has begun; weeks without an eligible day (on leave, gone)
/// have no row, and neither break nor lengthen a streak.
fn one(view: &View<'_>, setting: &Setting<'_>, followed: &Followed<'_>, reach: &Reach, rows: &mut Vec<Row>) {
    let (facts, sharing, leader) = (view.facts, view.sharing, followed.leader);
    let (horizon, zone, calendar) = (facts.days().1, facts.job.zone, &facts.job.calendar);
    let posted: BTreeSet<Day> = sharing
        .written(leader, i64::MIN, i64::MAX)
        .filter(|item| item.is_post())
        .map(|item| calendar.period(Grain::Week, item.day).start)
        .collect();
    let mut plans: Vec<&str> = followed.following.iter().map(|following| following.plan.name.as_str()).collect();
    plans.sort_unstable();
    let cadence_weeks = followed.following.iter().map(|following| following.plan.cadence_weeks).min().unwrap_or(1);
    let (mut streak, mut longest_streak) = (0, 0);
    for week in calendar.periods(Grain::Week, followed.start, horizon) {
        let Some(&reach) = reach.get(&(leader, week.start)) else { continue };
        let seen = seen(week, horizon);
        let posting_weeks = |count: i32| posted.range(week.start - 7 * (count - 1)..week.end).count() as i64;
        let is_complete = week.end <= facts.today();
        let is_kept = posting_weeks(cadence_weeks) > 0;
        // A running week may still be kept.
        let cadence_kept = (is_complete || is_kept).then_some(is_kept);
        match cadence_kept {
            Some(true) => streak += 1,
            Some(false) => streak = 0,
            None => {}
        }
        longest_streak = longest_streak.max(streak);
        let (from, to) = (day_start_micros(week.start, zone), day_start_micros(week.end, zone));
        let events = || sharing.held(leader).filter(|event| event.kind != "plan_start" && event.kind != "rating");
        let in_week = || events().filter(|event| week.contains(event.day));
        let last_written = sharing.written(leader, i64::MIN, to).map(|item| item.day).max();
        let last_held = events().map(|event| event.day).filter(|day| *day < week.end).max();
        let last = last_written.max(last_held);
        let responses = |days: Day| {
            let posts = sharing.written_at(leader, from, to).filter(|at| sharing.items[*at].is_post());
            (week.end + days <= facts.today()).then(|| posts.map(|post| responses(sharing, post, days)).sum())
        };
        let mut adherence = Adherence::default();
        for following in &followed.following {
            let closed = week.end.min(facts.today());
            adherence.add(Adherence::by(&following.due, &following.outcomes, seen.end, closed));
        }
        rows.push(Row {
            leader,
            week,
            is_complete,
            plans: plans.join(";"),
            counts: counts(sharing, setting, leader, from, to),
            completions: sharing.completed(leader, from, to).count() as i64,
            posting_weeks: posting_weeks(HABIT_OF_WEEKS),
            events: in_week().count() as i64,
            cascades: in_week().filter(|event| event.kind == "message_cascade").count() as i64,
            days_since: last.map(|day| i64::from(seen.last_day() - day)),
            cadence_weeks: i64::from(cadence_weeks),
            cadence_kept,
            streak,
            longest_streak,
            reach,
            responses: [responses(SOON_DAYS), responses(LATER_DAYS)],
            adherence,
        });
    }
}

fn counts(sharing: &Sharing, setting: &Setting<'_>, leader: u32, from: i64, to: i64) -> Counts {
    let mut counts = Counts::default();
    for at in sharing.written_at(leader, from, to) {
        let item = &sharing.items[at];
        if !item.is_post() {
            continue;
        }
        counts.posts += 1;
        *counts.by_kind.entry(item.kind.clone()).or_default() += 1;
        counts.crediting += i64::from(!item.credited.is_empty());
        counts.credited.extend(&item.credited);
        counts.functions.extend(item.credited.iter().filter_map(|expert| setting.function(*expert, item.day)));
        counts.minutes += item.minutes.unwrap_or(0).max(0);
        match item.kind.as_str() {
            "ama" => counts.amas_closed += i64::from(is_closed(sharing, at)),
            "playbook" => {
                counts.playbooks_with_owner += i64::from(item.has_owner);
                counts.playbooks_tagged += i64::from(item.is_tagged);
            }
            _ => {}
        }
    }
    for reaction in sharing.reacted(leader, from, to) {
        let item = reaction.item.map(|item| &sharing.items[item]).filter(|item| item.by_expert);
        if let Some(author) = item.and_then(|item| item.author).filter(|author| *author != leader) {
            counts.reactions += 1;
            counts.authors.insert(author);
            counts.functions.extend(setting.function(author, reaction.day));
        }
    }
    counts
}

/// Whether the summary of an AMA was published within the days that close it.
fn is_closed(sharing: &Sharing, ama: usize) -> bool {
    let item = &sharing.items[ama];
    sharing.thread(item.root).any(|reply| {
        reply.kind == "qa_summary"
            && reply.parent == Some(ama)
            && reply.at >= item.at
            && reply.day <= item.day + CLOSING_DAYS
    })
}

/// Reactions of others to a post and what others wrote in its thread, within so many times 24 hours.
fn responses(sharing: &Sharing, post: usize, days: Day) -> i64 {
    let item = &sharing.items[post];
    let soon = |at: i64| (item.at..item.at + i64::from(days) * DAY_MICROS).contains(&at);
    let reactions =
        sharing.reactions_to(post).filter(|reaction| soon(reaction.at) && Some(reaction.actor) != item.author);
    // A post that answers another has no thread of its own: only what answers it counts.
    let replies = sharing.thread(item.root).filter(|reply| item.root == post || reply.parent == Some(post));
    let others = replies.filter(|reply| soon(reply.at) && reply.author.is_some() && reply.author != item.author);
    (reactions.count() + others.count()) as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::sharing::{Item, Reaction};

    fn reply(id: &str, at: i64, author: u32, kind: &str, parent: usize) -> Item {
        Item { kind: kind.into(), parent: Some(parent), root: parent, ..Item::example(id, at, author) }
    }

    #[test]
    fn responses_are_what_others_gave_within_the_days_and_nothing_of_the_leader() {
        let items = vec![
            Item::example("post", 0, 0),
            reply("own", 1, 0, "comment", 0),
            reply("theirs", 2, 1, "comment", 0),
            Item { author: None, ..reply("of nobody known", 3, 0, "comment", 0) },
            Item { root: 4, ..Item::example("elsewhere", 4, 1) },
            reply("late", 7 * DAY_MICROS, 2, "answer", 0),
        ];
        let reaction = |id: &str, at: i64, actor: u32, item: usize| Reaction {
            id: id.into(),
            at,
            day: 0,
            actor,
            kind: "like".into(),
            contribution: String::new(),
            item: Some(item),
        };
        let reactions = vec![reaction("own", 5, 0, 0), reaction("theirs", 6, 1, 0), reaction("elsewhere", 7, 1, 4)];
        let sharing = Sharing::of(items, reactions, Vec::new(), Vec::new());
        assert_eq!((responses(&sharing, 0, 7), responses(&sharing, 0, 30)), (2, 3));
    }

    #[test]
    fn a_summary_closes_an_ama_up_to_the_seventh_day_after_it() {
        let ama = || Item { kind: "ama".into(), ..Item::example("ama", 12, 0) };
        let closed = |kind: &str, day: i64| {
            let items = vec![ama(), reply("reply", 13 + day * DAY_MICROS, 1, kind, 0)];
            is_closed(&Sharing::of(items, Vec::new(), Vec::new(), Vec::new()), 0)
        };
        assert!(closed("qa_summary", 0) && closed("qa_summary", 7));
        assert!(!closed("qa_summary", 8) && !closed("answer", 1));
    }
}
