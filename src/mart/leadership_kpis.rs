//! What leaders share, credit and pass on in each period: the rows are the leaders alone.

mod voice;

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::*;

use super::person_rows::{Block, Shown};
use super::scoped::{Inputs, Lookback, Mart, Previous};
use crate::canon::acts::ContributionKind;
use crate::canon::history::NONE;
use crate::guard::rounding;
use crate::period::{Day, Grain, Period};
use crate::scope::{PLACE, integers};

pub const MART: Mart = Mart {
    name: "leadership_kpis",
    grains: &[Grain::Week, Grain::Month, Grain::Quarter],
    managers: None,
    needs: &["contributions"],
    looks_back: false,
    // Eight weeks that end with the one of the period's last day may begin so long before its first.
    acts: Some(Lookback { days: 55, events: true, reactions: true, interests: false }),
    previous: &[],
    build,
    describe: Some(describe),
    finish,
};

/// Of the last [`HABIT_OF`] weeks so many with a post are a habit.
const HABIT_WEEKS: u32 = 4;
const HABIT_OF: Day = 8;

/// What one leader did in the period.
#[derive(Debug, Clone, Default)]
struct Leader {
    posts: i64,
    micro_lessons: i64,
    amas: i64,
    amas_closed: i64,
    playbooks: i64,
    playbooks_with_owner: i64,
    playbooks_tagged: i64,
    plain_posts: i64,
    crediting: i64,
    minutes: i64,
    to_sme: i64,
    /// One bit for each of the last weeks with a post.
    posting_weeks: u8,
    /// Minutes shared in each ISO week that ends in the period; `None` for a week without an eligible day.
    weeks: Vec<Option<i64>>,
}

/// One row a leader, one column a measure.
fn build(inputs: &Inputs<'_>) -> PolarsResult<Vec<Block>> {
    let all = place(inputs)?;
    let bands = inputs.policy.leader_bands();
    let rows: Vec<usize> = (0..all.worker.len())
        .filter(|row| inputs.people.labels.text(code(all.columns[2][*row])).is_some_and(|band| bands.contains(&band)))
        .collect();
    let mut slot_of = vec![NONE; inputs.people.workers.len()];
    for (slot, row) in rows.iter().enumerate() {
        slot_of[all.worker[*row] as usize] = slot as u32;
    }
    let leaders = gather(inputs, &slot_of, rows.len());
    let [least, most] = inputs.policy.leader_minutes_per_week;
    let completions = integers(&inputs.person_period.rows, "completions")?;
    let (addressed, cascading) = voice::cascade(inputs, &all.columns, &rows)?;

    let mut columns: Vec<Column> = PLACE
        .iter()
        .zip(&all.columns)
        .map(|(name, values)| Column::new((*name).into(), rows.iter().map(|row| values[*row]).collect::<Vec<i64>>()))
        .collect();
    let mut add = |name: &str, value: &dyn Fn(usize, &Leader) -> i64| {
        let values: Vec<i64> = leaders.iter().enumerate().map(|(slot, leader)| value(slot, leader)).collect();
        columns.push(Column::new(name.into(), values));
    };
    add("leaders_posting", &|_, leader| i64::from(leader.posts > 0));
    add("leaders_learning", &|slot, _| i64::from(completions[rows[slot]] > 0));
    add("leaders_with_habit", &|_, leader| i64::from(leader.posting_weeks.count_ones() >= HABIT_WEEKS));
    add("leader_posts", &|_, leader| leader.posts);
    add("micro_lessons", &|_, leader| leader.micro_lessons);
    add("amas", &|_, leader| leader.amas);
    add("amas_closed", &|_, leader| leader.amas_closed);
    add("playbooks", &|_, leader| leader.playbooks);
    add("playbooks_with_owner", &|_, leader| leader.playbooks_with_owner);
    add("playbooks_tagged", &|_, leader| leader.playbooks_tagged);
    add("posts", &|_, leader| leader.plain_posts);
    add("crediting_posts", &|_, leader| leader.crediting);
    add("reactions_to_sme", &|_, leader| leader.to_sme);
    add("minutes_shared", &|_, leader| leader.minutes);
    add("leader_weeks", &|_, leader| leader.weeks.iter().flatten().count() as i64);
    add("leader_weeks_in_band", &|_, leader| {
        leader.weeks.iter().flatten().filter(|minutes| (least..=most).contains(*minutes)).count() as i64
    });
    add("managers_addressed", &|slot, _| i64::from(addressed[slot]));
    add("managers_cascading", &|slot, _| i64::from(cascading[slot]));
    Ok(vec![Block::of(DataFrame::new(rows.len(), columns)?)])
}

/// Everybody of the period, by the columns of [`PLACE`].
struct Everybody {
    worker: Vec<i64>,
    columns: Vec<Vec<i64>>,
}

fn place(inputs: &Inputs<'_>) -> PolarsResult<Everybody> {
    let rows = &inputs.person_period.rows;
    let columns = PLACE.iter().map(|name| Ok(integers(rows, name)?.into_owned())).collect::<PolarsResult<Vec<_>>>()?;
    Ok(Everybody { worker: columns[0].clone(), columns })
}

/// A label or worker code as the rows hold it: -1 is none.
pub(super) fn code(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(NONE)
}

/// The ISO weeks that end in the period and have begun.
fn weeks(inputs: &Inputs<'_>) -> Vec<Period> {
    let mut weeks = inputs.calendar.periods(Grain::Week, inputs.period.start, inputs.seen.end);
    weeks.retain(|week| week.last_day() < inputs.period.end);
    weeks
}

/// Adds up what each leader did; `slot_of` gives the leader's place by worker.
fn gather(inputs: &Inputs<'_>, slot_of: &[u32], count: usize) -> Vec<Leader> {
    let seen = inputs.seen;
    let weeks = weeks(inputs);
    let mut leaders = vec![Leader { weeks: vec![None; weeks.len()], ..Leader::default() }; count];
    let slot = |worker: u32| slot_of.get(worker as usize).map_or(usize::MAX, |slot| *slot as usize);
    for stint in inputs.people.stints.iter().filter(|stint| stint.from < seen.end && stint.to > seen.start) {
        let Some(leader) = leaders.get_mut(slot(stint.worker)) else { continue };
        for (minutes, week) in leader.weeks.iter_mut().zip(&weeks) {
            let (from, to) = (week.start.max(seen.start), week.end.min(seen.end));
            if stint.from < to && stint.to > from {
                *minutes = Some(0);
            }
        }
    }
    let habit_from = inputs.calendar.period(Grain::Week, seen.last_day()).start - 7 * (HABIT_OF - 1);
    let from = weeks.first().map_or(seen.start, |week| week.start).min(habit_from).min(seen.start);
    for (&day, posts) in inputs.acts.posts.range(from..seen.end) {
        for post in posts.iter().filter(|post| !post.form.is_reply()) {
            let Some(leader) = leaders.get_mut(slot(post.worker)) else { continue };
            if day >= habit_from {
                leader.posting_weeks |= 1 << ((day - habit_from) / 7);
            }
            if let Some(at) = weeks.iter().position(|week| week.contains(day))
                && let Some(minutes) = &mut leader.weeks[at]
            {
                *minutes += post.minutes;
            }
            if day < seen.start {
                continue;
            }
            leader.posts += 1;
            leader.minutes += post.minutes;
            leader.crediting += i64::from(!post.credited.is_empty());
            match post.form {
                ContributionKind::MicroLesson => leader.micro_lessons += 1,
                ContributionKind::Ama => {
                    leader.amas += 1;
                    leader.amas_closed += i64::from(post.is_closed);
                }
                ContributionKind::Playbook => {
                    leader.playbooks += 1;
                    leader.playbooks_with_owner += i64::from(post.has_owner);
                    leader.playbooks_tagged += i64::from(post.is_tagged);
                }
                ContributionKind::Post => leader.plain_posts += 1,
                _ => {}
            }
        }
    }
    for (worker, _, times) in inputs.reactions.iter().flat_map(|day| &day.to_experts) {
        if let Some(leader) = leaders.get_mut(slot(*worker)) {
            leader.to_sme += times;
        }
    }
    leaders
}

/// Figures that no sum over leaders gives, for published scopes alone: distinct experts, functions, and who speaks for the scope.
///
/// A distinct count is shown where the guard shows the events it is made of, so that its pattern is theirs.
fn describe(shown: &Shown, block: &Block, inputs: &Inputs<'_>) -> PolarsResult<DataFrame> {
    let mut rows = shown.rows.clone();
    let texts = |name: &str| -> PolarsResult<Vec<String>> {
        Ok(rows.column(name)?.str()?.iter().map(|text| text.unwrap_or_default().to_owned()).collect())
    };
    let figures = |name: &str| -> PolarsResult<Vec<Option<i64>>> { Ok(rows.column(name)?.i64()?.iter().collect()) };
    let (kind, id) = (texts("scope_kind")?, texts("scope_id")?);
    let (leaders, posting, posts) = (figures("leaders")?, figures("leaders_posting")?, figures("leader_posts")?);
    let (crediting, to_sme) = (figures("crediting_posts")?, figures("reactions_to_sme")?);
    let (credited, reached) = experts(inputs);
    let worker = integers(&block.rows, "worker")?;
    let functions = Functions {
        of: integers(&block.rows, "function")?.into_owned(),
        posts: integers(&block.rows, "leader_posts")?.into_owned(),
        least: inputs.policy.smallest_group,
        to: inputs.policy.rounding,
    };
    let voice = voice::Voice::new(inputs, block)?;
    let nobody = BTreeSet::new();

    let count = rows.height();
    let mut smes: [Vec<Option<i64>>; 2] = [Vec::with_capacity(count), Vec::with_capacity(count)];
    let (mut functions_posting, mut largest) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let (mut active, mut since, mut stale) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..count {
        let is_shown = leaders[row].is_some();
        let members = if is_shown { shown.members(&kind[row], &id[row]) } else { Vec::new() };
        let distinct = |of: &BTreeMap<u32, BTreeSet<u32>>| {
            let experts: BTreeSet<u32> = members
                .iter()
                .flat_map(|member| of.get(&code(worker[*member as usize])).unwrap_or(&nobody))
                .copied()
                .collect();
            rounding::multiple(experts.len() as i64, inputs.policy.rounding)
        };
        smes[0].push(to_sme[row].map(|_| distinct(&reached)));
        smes[1].push(crediting[row].map(|_| distinct(&credited)));
        functions_posting.push(posting[row].and_then(|_| functions.posting(&members)));
        largest.push(posts[row].and_then(|posts| functions.largest_share(&members, posts)));
        let spoken = is_shown.then(|| voice.of(&kind[row], &id[row], &members));
        active.push(spoken.as_ref().and_then(|spoken| spoken.sponsor_active));
        since.push(spoken.as_ref().and_then(|spoken| spoken.days_since));
        stale.push(spoken.as_ref().and_then(|spoken| spoken.stale));
    }
    let [reached, credited] = smes;
    rows.with_column(Column::new("sme_authors_reached".into(), reached))?;
    rows.with_column(Column::new("credited_smes".into(), credited))?;
    rows.with_column(Column::new("functions_posting".into(), functions_posting))?;
    rows.with_column(Column::new("largest_function_share".into(), largest))?;
    rows.with_column(Column::new("sponsor_active".into(), active))?;
    rows.with_column(Column::new("days_since_sponsor_action".into(), since))?;
    rows.with_column(Column::new("stale_messaging".into(), stale))?;
    Ok(rows)
}

/// By leader: the experts credited, and those reacted to, in the period.
fn experts(inputs: &Inputs<'_>) -> (BTreeMap<u32, BTreeSet<u32>>, BTreeMap<u32, BTreeSet<u32>>) {
    let (mut credited, mut reached) = (BTreeMap::<u32, BTreeSet<u32>>::new(), BTreeMap::<u32, BTreeSet<u32>>::new());
    let posts = inputs.acts.posts.range(inputs.seen.start..inputs.seen.end).flat_map(|(_, posts)| posts);
    for post in posts.filter(|post| !post.form.is_reply()) {
        credited.entry(post.worker).or_default().extend(&post.credited);
    }
    for (worker, expert, _) in inputs.reactions.iter().flat_map(|day| &day.to_experts) {
        reached.entry(*worker).or_default().insert(*expert);
    }
    (credited, reached)
}

/// Posts of leaders by function.
struct Functions {
    of: Vec<i64>,
    posts: Vec<i64>,
    /// Fewer posting leaders than this carry no figure.
    least: i64,
    /// Counts are shown as multiples of this.
    to: i64,
}

impl Functions {
    /// By function: leaders, of them posting, posts.
    fn groups(&self, members: &[u32]) -> BTreeMap<i64, (i64, i64, i64)> {
        let mut groups: BTreeMap<i64, (i64, i64, i64)> = BTreeMap::new();
        for member in members {
            let (function, posts) = (self.of[*member as usize], self.posts[*member as usize]);
            let group = groups.entry(function).or_default();
            *group = (group.0 + 1, group.1 + i64::from(posts > 0), group.2 + posts);
        }
        groups
    }

    /// Functions whose count of posting leaders, as it would be shown, is not 0: no single leader's silence can be read from it.
    fn posting(&self, members: &[u32]) -> Option<i64> {
        let groups = self.groups(members);
        let posting: i64 = groups.values().map(|group| group.1).sum();
        let seen = |group: &&(i64, i64, i64)| rounding::people(group.1, group.0, self.to) > 0;
        (posting >= self.least).then(|| groups.values().filter(seen).count() as i64)
    }

    /// The largest function's part of the posts shown, where enough of its leaders post.
    fn largest_share(&self, members: &[u32], shown: i64) -> Option<f64> {
        let groups = self.groups(members);
        let (_, posting, posts) = groups.values().max_by_key(|group| (group.2, group.1)).copied()?;
        let part = rounding::multiple(posts, self.to).min(shown);
        (posting >= self.least && shown > 0).then(|| part as f64 / shown as f64)
    }
}

fn finish(rows: DataFrame, _: &Inputs<'_>, _: &Previous) -> PolarsResult<DataFrame> {
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::fixture::{Given, build_with, cells, person_days};
    use super::*;
    use crate::canon::acts::Reactions;
    use crate::canon::fixture::{acts, people};
    use crate::canon::history::People;
    use crate::canon::identity::Identity;

    /// Six leaders, two of them in sales; l1 to l4 have reports.
    const STAFF: &str = "
        worker_id,effective_from,employee_no,status,leader_band,function,org_id,manager_id
        e1,2025-01-01,e1,active,ic,sales,A,l1
        e2,2025-01-01,e2,active,ic,ops,A,l2
        e3,2025-01-01,e3,active,,ops,B,l3
        e4,2025-01-01,e4,active,ic,ops,B,l4
        l1,2025-01-01,l1,active,manager,sales,A,l6
        l2,2025-01-01,l2,active,manager,sales,A,l6
        l3,2025-01-01,l3,active,director,ops,B,l6
        l4,2025-01-01,l4,active,manager,ops,B,l3
        l5,2025-01-01,l5,active,vp,ops,B,
        l6,2025-01-01,l6,active,executive,,A,";

    fn staff() -> (People, Identity) {
        people(STAFF)
    }

    fn given(who: &(People, Identity), contributions: &str, events: &str) -> Given {
        Given { acts: acts(who, "2026-06-01", contributions, "", events), ..Given::default() }
    }

    fn company<const N: usize>(rows: &arrow::array::RecordBatch, columns: [&str; N]) -> [String; N] {
        cells(rows, "company", "all", columns)
    }

    #[test]
    fn posts_are_counted_by_kind_and_replies_are_none() {
        let who = staff();
        let mut given = given(
            &who,
            "contribution_id,author_id,kind,created_at,minutes,credited_ids,parent_id
             a1,l1,micro_lesson,2026-03-02,5,e1,
             a2,l2,micro_lesson,2026-03-02,20,e1;e2,
             a3,l3,micro_lesson,2026-03-02,30,e2,
             a4,l4,micro_lesson,2026-03-02,15,l5,
             q1,l1,ama,2026-03-03,,,
             q2,l2,ama,2026-03-03,,,
             q3,l3,ama,2026-03-08,,,
             s1,l1,qa_summary,2026-03-05,,,q1
             s2,l2,qa_summary,2026-03-05,,,q2
             s3,l3,qa_summary,2026-03-08,,,q3
             c1,l5,comment,2026-03-04,,,a1
             c2,l5,answer,2026-03-04,,,a1
             k1,e1,post,2026-03-04,,,
             k2,l6,post,2026-03-09,,,
             k3,l6,post,2026-03-01,,,",
            "",
        );
        let code = |id: &str| who.0.code(id).unwrap();
        given.reactions.push(Arc::new(Reactions {
            to_experts: vec![
                (code("l1"), code("e1"), 2),
                (code("l2"), code("e1"), 1),
                (code("l3"), code("e2"), 1),
                (code("l5"), code("e1"), 1),
                (code("e3"), code("e4"), 1),
            ],
        }));
        let days = person_days(
            &who.0,
            "l1 2026-03-03 completions=1\n l6 2026-03-03 completions=2\n e1 2026-03-03 completions=1",
        );
        let week = build_with(&MART, Grain::Week, "2026-03-02", &who.0, &days, &given);
        let columns =
            ["leaders", "leaders_posting", "leaders_learning", "leader_posts", "micro_lessons", "amas", "amas_closed"];
        assert_eq!(company(&week, columns), ["6", "4", "2", "10", "4", "3", "3"]);
        let columns = ["crediting_posts", "credited_smes", "credit_rate", "reactions_to_sme", "sme_authors_reached"];
        assert_eq!(company(&week, columns), ["3", "2", "0.3", "5", "2"], "l5 is no expert");
        let columns = ["minutes_shared", "leader_weeks", "leader_weeks_in_band", "in_band_rate"];
        assert_eq!(company(&week, columns), ["70", "6", "3", "0.5"], "15 and 30 minutes are in the band, 5 are not");
        assert_eq!(company(&week, ["functions_posting", "largest_function_share"]), ["2", "0.6"]);
        assert_eq!(company(&week, ["posts", "playbooks"]), ["", ""], "nobody's are withheld");
        assert_eq!(
            cells(&week, "leader_band", "manager", ["leaders", "leaders_posting_rate"]),
            ["3", ""],
            "all of them"
        );
        assert_eq!(cells(&week, "org", "B", ["leaders", "leaders_posting"]), ["3", "2"]);
    }

    #[test]
    fn a_habit_is_a_post_in_four_of_eight_weeks_and_four_posts_in_one_week_are_none() {
        let who = staff();
        // The eight weeks up to that of 2026-03-23 begin on 2026-02-02.
        let given = given(
            &who,
            "contribution_id,author_id,kind,created_at
             a1,l1,post,2026-02-02
             a2,l1,post,2026-02-17
             a3,l1,post,2026-03-05
             a4,l1,post,2026-03-29
             b1,l2,post,2026-02-01
             b2,l2,post,2026-02-17
             b3,l2,post,2026-03-05
             b4,l2,post,2026-03-29
             c1,l3,post,2026-03-23
             c2,l3,post,2026-03-24
             c3,l3,post,2026-03-25
             c4,l3,post,2026-03-26
             d1,l4,post,2026-02-08
             d2,l4,post,2026-02-09
             d3,l4,post,2026-02-22
             d4,l4,comment,2026-03-10
             d5,l4,post,2026-03-30
             f1,l5,post,2026-02-10
             f2,l5,post,2026-02-28
             f3,l5,post,2026-03-10
             f4,l5,post,2026-03-17",
            "",
        );
        let week = build_with(&MART, Grain::Week, "2026-03-23", &who.0, &[], &given);
        assert_eq!(company(&week, ["leaders_with_habit", "leaders_posting"]), ["2", "3"], "l1 and l5");
        // February ends in the week of 2026-02-23, whose eight begin on 2026-01-05.
        let month = build_with(&MART, Grain::Month, "2026-02-01", &who.0, &[], &given);
        assert_eq!(company(&month, ["leaders_with_habit", "leader_weeks"]), ["", "24"], "four Sundays, six leaders");
    }

    #[test]
    fn sponsors_speak_for_company_and_units_and_messages_grow_stale() {
        let who = staff();
        let given = given(
            &who,
            "contribution_id,author_id,kind,created_at
             k1,l6,comment,2026-03-03",
            "event_id,kind,held_on,owner_id,scope_id,subject,role
             e1,message,2026-01-10,l6,,vision,
             e2,message,2026-02-20,l6,all,tools,
             e3,message,2026-01-15,l6,,merger,
             e4,decision,2026-02-01,l6,,merger,
             e5,message,2026-01-05,l3,B,shift plan,
             e6,message,2024-12-01,l3,B,office,
             e7,message,2025-12-01,l6,,travel,
             e8,message,2026-03-01,l6,,travel,
             p1,plan_start,2026-02-02,l3,B,plan,sponsor
             p2,meeting,2026-02-27,l3,,,",
        );
        let columns = ["sponsor_active", "days_since_sponsor_action", "stale_messaging"];
        let of = |start: &str, kind: &str, id: &str| {
            cells(&build_with(&MART, Grain::Week, start, &who.0, &[], &given), kind, id, columns)
        };
        assert_eq!(of("2026-03-02", "company", "all"), ["true", "5", "2"], "vision and the shift plan wait");
        assert_eq!(of("2026-03-09", "company", "all"), ["false", "12", "2"]);
        assert_eq!(of("2026-03-02", "org", "A"), ["true", "5", "0"]);
        assert_eq!(of("2026-03-02", "org", "B"), ["false", "9", "1"], "l3 sponsors B by plan");
        assert_eq!(of("2026-03-02", "function", "ops"), ["", "", ""]);
        let april = build_with(&MART, Grain::Week, "2026-04-06", &who.0, &[], &given);
        assert_eq!(company(&april, ["stale_messaging"]), ["4"], "tools and travel, too");
    }

    #[test]
    fn the_message_reaches_as_far_as_managers_pass_it_on() {
        let who = staff();
        let given = given(
            &who,
            "",
            "event_id,kind,held_on,owner_id,scope_id,subject
             m1,message,2026-03-03,l6,,vision
             c1,message_cascade,2026-03-04,l1,A,vision
             c2,message_cascade,2026-03-06,l2,A,vision
             c3,message_cascade,2026-03-10,l3,B,vision
             c4,message_cascade,2026-03-10,l5,B,vision
             c5,message_cascade,2026-03-10,e1,B,vision
             m2,message,2026-04-01,l5,ops,overtime
             m3,message,2026-04-02,l5,A,parking
             c6,message_cascade,2026-04-02,l4,B,overtime",
        );
        let of = |start: &str| {
            let week = build_with(&MART, Grain::Week, start, &who.0, &[], &given);
            company(&week, ["managers_addressed", "managers_cascading", "cascade_coverage"])
        };
        // l1, l2, l3, l4 and l6 lead people; l5 has nobody to tell.
        assert_eq!(of("2026-03-02"), ["5", "2", "0.4"]);
        assert_eq!(of("2026-03-09"), ["5", "3", "0.6"]);
        assert_eq!(of("2026-03-16"), ["", "", ""], "nothing to pass on");
        assert_eq!(of("2026-03-30")[..2], ["5", "1"], "ops are l3 and l4, unit A is l1, l2 and l6");
    }

    #[test]
    fn a_company_without_leaders_has_rows_without_figures() {
        let who = people("worker_id,effective_from,employee_no,status,leader_band\n e1,2025-01-01,e1,active,ic");
        let given = given(&who, "contribution_id,author_id,kind,created_at\n k1,e1,post,2026-03-03", "");
        let week = build_with(&MART, Grain::Week, "2026-03-02", &who.0, &[], &given);
        assert_eq!(company(&week, ["status", "leaders", "leader_posts", "sponsor_active"]), ["withheld", "", "", ""]);
    }
}
