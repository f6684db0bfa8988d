//! What was counted in the days before and after each post of a leader with a plan, among the people it reached. Descriptive: there
//! is nobody to compare with, so nothing here says that the post did it.

use polars::prelude::{DataFrame, PolarsResult};

use super::leader_plans::{DAY_MICROS, View};
use crate::canon::reporting::Lines;
use crate::canon::sharing::{Item, Sharing};
use crate::columns::Columns;
use crate::period::{Day, Grain, Period, day_start_micros};
use crate::stats::poisson_rate::{self, RateRatio};
use crate::stats::verdict::{Evidence, Judgement, Words, judge};

pub const NAME: &str = "leader_post_windows";

const HORIZONS: [i64; 5] = [1, 3, 7, 14, 30];
const LONGEST: i64 = HORIZONS[HORIZONS.len() - 1];

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counted {
    SmeContributions,
    Reactions,
    Completions,
}

impl Counted {
    const ALL: [Counted; 3] = [Counted::SmeContributions, Counted::Reactions, Counted::Completions];

    fn as_str(self) -> &'static str {
        match self {
            Counted::SmeContributions => "sme_contributions",
            Counted::Reactions => "reactions",
            Counted::Completions => "completions",
        }
    }

    fn words(self) -> Words<'static> {
        let outcome = match self {
            Counted::SmeContributions => "contributions by experts",
            Counted::Reactions => "reactions",
            Counted::Completions => "completions",
        };
        Words { outcome, treatment: "the post" }
    }
}

/// What happened in two windows of equal length around an instant.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Window {
    before: i64,
    after: i64,
    /// Of `after`: in the thread of the post.
    in_thread: i64,
    /// People behind `after`.
    authors_after: i64,
}

struct Row<'a> {
    leader: u32,
    contribution: &'a str,
    kind: &'a str,
    at: i64,
    outcome: Counted,
    days: i64,
    reach: i64,
    /// Empty where so few people were reached that what they did would be about each of them.
    window: Option<Window>,
    is_complete: bool,
    other_posts: i64,
    ratio: Option<RateRatio>,
}

pub fn rows(view: &View<'_>) -> PolarsResult<DataFrame> {
    let (sharing, zone) = (view.sharing, view.facts.job.zone);
    let data = (day_start_micros(view.facts.days().0, zone), day_start_micros(view.facts.today(), zone));
    // By day, because reporting lines are those of the day and as large as the company.
    let mut posts: Vec<(Day, u32, usize)> = Vec::new();
    for followed in view.leaders() {
        let written = sharing.written_at(followed.leader, day_start_micros(followed.start, zone), i64::MAX);
        let own = written.filter(|post| starts_a_thread(&sharing.items[*post]));
        posts.extend(own.map(|post| (sharing.items[post].day, followed.leader, post)));
    }
    posts.sort_unstable();
    let mut rows = Vec::new();
    for of_day in posts.chunk_by(|a, b| a.0 == b.0) {
        let Some(&(day, ..)) = of_day.first() else { continue };
        let lines = view.lines(Period { grain: Grain::Day, start: day, end: day + 1 });
        for &(_, leader, post) in of_day {
            around(sharing, &lines, (leader, post), data, view.facts.job.policy.smallest_group, &mut rows);
        }
    }
    let judged = |row: &Row<'_>| -> Judgement { judge(&Evidence::default(), row.outcome.words()) };
    let complete = |row: &Row<'_>| row.window.filter(|_| row.is_complete);
    let lift = |row: &Row<'_>| complete(row).map(|window| window.after - window.before);
    let threaded = |row: &Row<'_>| row.window.filter(|_| row.outcome != Counted::Completions);
    let status = |row: &Row<'_>| if row.window.is_some() { "published" } else { "withheld" };
    Columns::of(&rows)
        .text("leader_id", |row| view.id(row.leader))
        .text("contribution_id", |row| row.contribution)
        .text("outcome", |row| row.outcome.as_str())
        .int("horizon_days", |row| row.days)
        .text("kind", |row| row.kind)
        .instant("posted_at", |row| row.at)
        .int("reach", |row| row.reach)
        .text("status", status)
        .int("before", |row| Some(row.window?.before))
        .int("after", |row| Some(row.window?.after))
        .int("lift", lift)
        .double("lift_rate", |row| {
            let window = complete(row).filter(|window| window.before > 0)?;
            Some((window.after - window.before) as f64 / window.before as f64)
        })
        .double("rate_ratio", |row| row.ratio.and_then(|ratio| ratio.ratio))
        .double("rate_ratio_low", |row| row.ratio.filter(|ratio| ratio.ratio.is_some()).map(|ratio| ratio.low))
        .double("rate_ratio_high", |row| row.ratio.and_then(|ratio| ratio.high))
        .int("in_thread", |row| Some(threaded(row)?.in_thread))
        .int("elsewhere", |row| threaded(row).map(|window| window.after - window.in_thread))
        .int("authors_after", |row| Some(row.window?.authors_after))
        .bool("is_complete", |row| row.is_complete)
        .bool("overlaps", |row| row.other_posts > 0)
        .int("other_posts", |row| row.other_posts)
        .text("method", |_| "window")
        .bool("causal", |_| false)
        .text("verdict", |row| judged(row).verdict.as_str())
        .text("reason", |row| judged(row).reason)
        .text("sentence_executive", |row| judged(row).executive)
        .text("sentence_statistician", |row| statistician(row))
        .frame()
}

/// The rows of one post. `data` is the first instant and the end of what is known. The acts of fewer than `smallest_group` people are
/// nobody's to see, a leader's least of all: everybody knows who they are.
fn around<'a>(
    sharing: &'a Sharing,
    lines: &Lines,
    (leader, post): (u32, usize),
    data: (i64, i64),
    smallest_group: i64,
    rows: &mut Vec<Row<'a>>,
) {
    let item = &sharing.items[post];
    let reached = lines.subtree(leader);
    let is_enough = reached.iter().filter(|person| **person != leader).count() as i64 >= smallest_group;
    let mut speakers = lines.above(leader);
    speakers.push(leader);
    let others = others(sharing, &speakers, post);
    for outcome in Counted::ALL {
        for (days, window) in HORIZONS.into_iter().zip(count(sharing, outcome, post, leader, &reached)) {
            let length = days * DAY_MICROS;
            let is_complete = is_within(item.at, length, data);
            let exposure = (reached.len() as i64 * days) as f64;
            let ratio = poisson_rate::ratio(window.before, exposure, window.after, exposure, 0.95);
            rows.push(Row {
                leader,
                contribution: &item.id,
                kind: &item.kind,
                at: item.at,
                outcome,
                days,
                reach: reached.len() as i64,
                window: is_enough.then_some(window),
                is_complete,
                other_posts: others.iter().filter(|at| (*at - item.at).abs() < length).count() as i64,
                ratio: ratio.filter(|_| is_complete && is_enough),
            });
        }
    }
}

/// What may be said, for a statistician.
fn statistician(row: &Row<'_>) -> String {
    let Some(Window { before, after, .. }) = row.window else {
        return "Not shown, because the post reached too few people beside its author; no comparison group.".into();
    };
    let ratio = match row.ratio.and_then(|ratio| Some((ratio.ratio?, ratio.low, ratio.high?))) {
        Some((ratio, low, high)) => format!("rate ratio {ratio:.2}, exact 95 % Poisson interval {low:.2} to {high:.2}"),
        None if !row.is_complete => "no ratio, because a window is cut off by the edge of the data".into(),
        None => "no ratio, because nothing came before".into(),
    };
    let days = row.days;
    format!(
        "{before} acts in {days} days before and {after} after: {ratio}; no comparison group, other posts within the windows: {}.",
        row.other_posts
    )
}

/// A summary closes an AMA and is no post to look around.
fn starts_a_thread(item: &Item) -> bool {
    item.is_post() && item.kind != "qa_summary"
}

/// Instants of the other posts that everybody reached by this one was reached by, too: the leader's own and those of the managers above.
fn others(sharing: &Sharing, speakers: &[u32], post: usize) -> Vec<i64> {
    let at = sharing.items[post].at;
    let (from, to) = (at - LONGEST * DAY_MICROS, at + LONGEST * DAY_MICROS);
    let written = speakers.iter().flat_map(|speaker| sharing.written_at(*speaker, from, to));
    let posts = written.filter(|other| *other != post).map(|other| &sharing.items[other]);
    posts.filter(|other| starts_a_thread(other)).map(|other| other.at).collect()
}

/// Counts what the people reached did around a post, the leader's own acts left out, for every horizon.
fn count(sharing: &Sharing, outcome: Counted, post: usize, leader: u32, reached: &[u32]) -> [Window; HORIZONS.len()] {
    let item = &sharing.items[post];
    let (from, to) = (item.at - LONGEST * DAY_MICROS, item.at + LONGEST * DAY_MICROS);
    let in_thread = |at: usize| {
        let other = &sharing.items[at];
        at == post || if item.root == post { other.root == post } else { other.parent == Some(post) }
    };
    let mut windows = [Window::default(); HORIZONS.len()];
    for &person in reached.iter().filter(|person| **person != leader) {
        let acts: Vec<(i64, bool)> = match outcome {
            Counted::SmeContributions => sharing
                .written_at(person, from, to)
                .filter(|at| sharing.items[*at].by_expert && !sharing.items[*at].is_repeat)
                .map(|at| (sharing.items[at].at, in_thread(at)))
                .collect(),
            Counted::Reactions => sharing
                .reacted(person, from, to)
                .map(|reaction| (reaction.at, reaction.item.is_some_and(in_thread)))
                .collect(),
            Counted::Completions => sharing.completed(person, from, to).map(|done| (done.at, false)).collect(),
        };
        for (window, days) in windows.iter_mut().zip(HORIZONS) {
            let (start, end) = (item.at - days * DAY_MICROS, item.at + days * DAY_MICROS);
            let after = || acts.iter().filter(|(at, _)| (item.at..end).contains(at));
            window.before += acts.iter().filter(|(at, _)| (start..item.at).contains(at)).count() as i64;
            window.after += after().count() as i64;
            window.in_thread += after().filter(|(_, within)| *within).count() as i64;
            window.authors_after += i64::from(after().next().is_some());
        }
    }
    windows
}

/// Whether the windows of this length before and after an instant lie inside the data, from its first instant to its end.
fn is_within(at: i64, length: i64, (first, end): (i64, i64)) -> bool {
    at - length >= first && at + length <= end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::sharing::Reaction;

    /// Worker 0 leads 1 and 2. The post is at noon of day 50; `hours` are counted from it.
    fn sharing(written: &[(u32, i64, Option<usize>)], reactions: &[(u32, i64, usize)]) -> Sharing {
        let at = |hours: i64| 50 * DAY_MICROS + 12 * 3_600_000_000 + hours * 3_600_000_000;
        let mut items = vec![Item { by_expert: false, ..Item::example("post", at(0), 0) }];
        items.extend(written.iter().enumerate().map(|(n, (author, hours, parent))| Item {
            parent: *parent,
            root: parent.unwrap_or(n + 1),
            ..Item::example(&format!("k{n}"), at(*hours), *author)
        }));
        let reactions = reactions.iter().enumerate().map(|(n, (actor, hours, item))| Reaction {
            id: format!("r{n}"),
            at: at(*hours),
            day: 50,
            actor: *actor,
            kind: "like".into(),
            contribution: String::new(),
            item: Some(*item),
        });
        Sharing::of(items, reactions.collect(), Vec::new(), Vec::new())
    }

    #[test]
    fn the_windows_meet_at_the_post_and_end_after_whole_days() {
        let written = [(1, -24, None), (1, -25, None), (2, -1, None), (1, 0, None), (2, 23, None), (2, 24, None)];
        let windows = count(&sharing(&written, &[]), Counted::SmeContributions, 0, 0, &[0, 1, 2]);
        assert_eq!(windows[0], Window { before: 2, after: 2, in_thread: 0, authors_after: 2 });
        assert_eq!(windows[1], Window { before: 3, after: 3, in_thread: 0, authors_after: 2 });
    }

    #[test]
    fn a_window_cut_off_on_either_side_is_not_complete() {
        let seen: Vec<bool> = [2, 3, 7, 8].map(|at| is_within(at, 3, (0, 10))).to_vec();
        assert_eq!(seen, [false, true, true, false]);
    }

    #[test]
    fn the_leader_and_people_out_of_reach_are_not_counted_and_the_thread_is_told_apart() {
        let written = [(0, 1, Some(0)), (9, 1, Some(0)), (1, 1, Some(0)), (1, 2, None), (2, -1, None)];
        let reactions = [(1, 3, 0), (1, 3, 5), (0, 3, 5), (2, -3, 5), (2, 3, 3)];
        let sharing = sharing(&written, &reactions);
        let written = count(&sharing, Counted::SmeContributions, 0, 0, &[0, 1, 2]);
        assert_eq!(written[2], Window { before: 1, after: 2, in_thread: 1, authors_after: 1 });
        // On the post and on a reply in its thread.
        let reacted = count(&sharing, Counted::Reactions, 0, 0, &[0, 1, 2]);
        assert_eq!(reacted[2], Window { before: 1, after: 3, in_thread: 2, authors_after: 2 });
    }

    #[test]
    fn other_posts_are_those_of_the_leader_and_of_whoever_stands_above() {
        let written = [(0, 30, None), (7, -30, None), (8, 1, None), (0, 31 * 24, None)];
        let sharing = sharing(&written, &[]);
        let hours = |speakers: &[u32]| -> Vec<i64> {
            let at = sharing.items[0].at;
            others(&sharing, speakers, 0).iter().map(|other| (other - at) / 3_600_000_000).collect()
        };
        assert_eq!((hours(&[0]), hours(&[7, 0])), (vec![30], vec![-30, 30]));
    }
}
