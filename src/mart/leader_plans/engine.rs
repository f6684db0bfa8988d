//! Which act completes which step, and what became of each step by a day.
//!
//! Acts are looked at in the order in which they became evidence. Each counts for one step of the plan, once: for a step it is in time
//! for, the earliest due first; where there is none, for a step that is overdue, again the earliest due first. What was settled by
//! one day no later act undoes.

use std::collections::BTreeSet;

use crate::job::plans::Step;
use crate::period::Day;

/// Something done that a step's rule recognises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// The instant at which everything the rule asks of it was there, and its day.
    pub at: i64,
    pub ready: Day,
    /// The day of the act itself: an AMA is ready with its summary.
    pub day: Day,
    /// Ids of the rows it consists of; the first is the act's own.
    pub ids: Vec<String>,
    /// Business functions of the experts it credits or answers.
    pub functions: BTreeSet<u32>,
}

/// A step of one leader, with every act its rule recognises.
pub struct Due<'a> {
    pub step: &'a Step,
    /// First and last day of the window.
    pub from: Day,
    pub to: Day,
    pub is_waived: bool,
    pub acts: Vec<Act>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    OnTime,
    Late,
    Missed,
    NotDue,
    Waived,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::OnTime => "on_time",
            Status::Late => "late",
            Status::Missed => "missed",
            Status::NotDue => "not_due",
            Status::Waived => "waived",
        }
    }
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub status: Status,
    pub done_on: Option<Day>,
    /// Ids of the acts counted, in the order in which they were; an open step may have some.
    pub evidence: Vec<String>,
    pub acts: usize,
}

/// What has been counted for a step so far.
#[derive(Default)]
struct Progress {
    acts: usize,
    functions: BTreeSet<u32>,
    evidence: Vec<String>,
    done_on: Option<Day>,
}

/// Judges every step as of the first moment of `today`. The result is in the order of `due`.
pub fn judge(due: &[Due<'_>], today: Day) -> Vec<Outcome> {
    let mut moments: Vec<(i64, &str, usize, usize)> = Vec::new();
    for (step, due) in due.iter().enumerate().filter(|(_, due)| !due.is_waived) {
        for (number, act) in due.acts.iter().enumerate().filter(|(_, act)| act.day >= due.from - due.step.early_days) {
            moments.push((act.at, act.ids.first().map_or("", String::as_str), step, number));
        }
    }
    moments.sort_unstable();
    let mut progress: Vec<Progress> = due.iter().map(|_| Progress::default()).collect();
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for same in moments.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let open = same.iter().map(|(_, _, step, number)| (*step, &due[*step].acts[*number])).filter(|(step, act)| {
            act.ids.iter().all(|id| !used.contains(id.as_str())) && helps(due, &progress, *step, act)
        });
        let first = open.min_by_key(|(step, act)| {
            let due = &due[*step];
            (act.ready > due.to, due.to, due.from, *step)
        });
        let Some((step, act)) = first else { continue };
        used.extend(act.ids.iter().map(String::as_str));
        let (rule, progress) = (&due[step].step.rule, &mut progress[step]);
        progress.acts += 1;
        progress.functions.extend(&act.functions);
        progress.evidence.extend(act.ids.iter().cloned());
        if progress.acts >= rule.at_least && progress.functions.len() >= rule.distinct_functions {
            progress.done_on = Some(act.ready);
        }
    }
    due.iter().zip(progress).map(|(due, progress)| outcome(due, progress, today)).collect()
}

/// Whether an act brings an open step nearer to its end.
fn helps(due: &[Due<'_>], progress: &[Progress], step: usize, act: &Act) -> bool {
    let (of, own) = (&due[step].step, &progress[step]);
    if own.done_on.is_some() {
        return false;
    }
    if of.rule.rotates_functions {
        let siblings = due.iter().zip(progress).filter(|(due, _)| due.step.of == of.of);
        let had: BTreeSet<u32> = siblings.flat_map(|(_, progress)| progress.functions.iter().copied()).collect();
        if act.functions.is_subset(&had) {
            return false;
        }
    }
    let is_new = !act.functions.is_subset(&own.functions);
    own.acts < of.rule.at_least || (own.functions.len() < of.rule.distinct_functions && is_new)
}

fn outcome(due: &Due<'_>, progress: Progress, today: Day) -> Outcome {
    let status = match progress.done_on {
        _ if due.is_waived => Status::Waived,
        Some(day) if day <= due.to => Status::OnTime,
        Some(_) => Status::Late,
        None if due.to < today => Status::Missed,
        None => Status::NotDue,
    };
    Outcome { status, done_on: progress.done_on, evidence: progress.evidence, acts: progress.acts }
}

/// What of a plan was due by a day, and what of that was done in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Adherence {
    /// On time, late or missed: steps whose window has closed, and steps done before it does.
    pub due: i64,
    pub on_time: i64,
    pub late: i64,
    pub missed: i64,
    pub weight_due: i64,
    pub weight_on_time: i64,
}

impl Adherence {
    /// What was done before the day `seen`, and missed where the window had closed before the day `today`. The two differ by a day
    /// while a day is running: what was done on it counts, what is due on it may still be done.
    pub fn by(due: &[Due<'_>], outcomes: &[Outcome], seen: Day, today: Day) -> Adherence {
        let mut sum = Adherence::default();
        for (due, outcome) in due.iter().zip(outcomes).filter(|(due, _)| !due.is_waived) {
            let done_on = outcome.done_on.filter(|day| *day < seen);
            let (on_time, late) = (done_on.is_some_and(|day| day <= due.to), done_on.is_some_and(|day| day > due.to));
            let missed = done_on.is_none() && due.to < today;
            if on_time || late || missed {
                sum.due += 1;
                sum.weight_due += due.step.weight;
            }
            sum.on_time += i64::from(on_time);
            sum.late += i64::from(late);
            sum.missed += i64::from(missed);
            sum.weight_on_time += if on_time { due.step.weight } else { 0 };
        }
        sum
    }

    pub fn add(&mut self, other: Adherence) {
        self.due += other.due;
        self.on_time += other.on_time;
        self.late += other.late;
        self.missed += other.missed;
        self.weight_due += other.weight_due;
        self.weight_on_time += other.weight_on_time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::plans::{Rule, Source};

    fn rule() -> Rule {
        Rule {
            source: Source::Post,
            kinds: vec!["post".into()],
            at_least: 1,
            minutes_at_least: None,
            minutes_at_most: None,
            words_at_most: None,
            credits_smes: 0,
            child: None,
            role_tags: false,
            owner: None,
            on_sme_items: false,
            with_comment: false,
            subject: None,
            role: None,
            documented: false,
            distinct_functions: 0,
            rotates_functions: false,
        }
    }

    fn step(id: &str, of: &str, from: i32, to: i32, rule: Rule) -> Step {
        Step {
            id: id.into(),
            of: of.into(),
            title: id.into(),
            from,
            to,
            early_days: 0,
            weight: 1,
            owner: "leader".into(),
            rule,
        }
    }

    fn act(id: &str, day: Day, functions: &[u32]) -> Act {
        Act {
            at: i64::from(day),
            ready: day,
            day,
            ids: vec![id.into()],
            functions: functions.iter().copied().collect(),
        }
    }

    /// Every step sees every act; the window is the step's own.
    fn judged(steps: &[Step], acts: &[Act], today: Day) -> Vec<Outcome> {
        let due: Vec<Due<'_>> = steps
            .iter()
            .map(|step| Due { step, from: step.from, to: step.to, is_waived: false, acts: acts.to_vec() })
            .collect();
        judge(&due, today)
    }

    fn said(outcomes: &[Outcome]) -> Vec<String> {
        let text = |outcome: &Outcome| format!("{} {}", outcome.status.as_str(), outcome.evidence.join("+"));
        outcomes.iter().map(text).map(|text| text.trim().to_owned()).collect()
    }

    #[test]
    fn a_step_is_on_time_to_the_last_day_of_its_window_and_late_from_the_next() {
        let steps = [step("a", "a", 10, 20, rule())];
        assert_eq!(said(&judged(&steps, &[act("x", 20, &[])], 40)), ["on_time x"]);
        assert_eq!(said(&judged(&steps, &[act("x", 21, &[])], 40)), ["late x"]);
        assert_eq!(said(&judged(&steps, &[], 20)), ["not_due"], "the last day is not over");
        assert_eq!(said(&judged(&steps, &[], 21)), ["missed"]);
        assert_eq!(said(&judged(&steps, &[act("x", 9, &[])], 40)), ["missed"], "too early");
    }

    #[test]
    fn what_comes_a_little_early_counts_where_the_step_says_so() {
        let early = Step { early_days: 3, ..step("a", "a", 10, 20, rule()) };
        assert_eq!(said(&judged(std::slice::from_ref(&early), &[act("x", 7, &[])], 40)), ["on_time x"]);
        assert_eq!(said(&judged(&[early], &[act("x", 6, &[])], 40)), ["missed"]);
    }

    #[test]
    fn a_waived_step_takes_no_act() {
        let steps = [step("a", "a", 10, 20, rule()), step("b", "b", 10, 30, rule())];
        let due: Vec<Due<'_>> = steps
            .iter()
            .map(|step| Due {
                step,
                from: step.from,
                to: step.to,
                is_waived: step.id == "a",
                acts: vec![act("x", 12, &[])],
            })
            .collect();
        assert_eq!(said(&judge(&due, 40)), ["waived", "on_time x"]);
    }

    #[test]
    fn an_act_counts_once_and_for_the_earliest_due() {
        let steps = [step("b", "b", 10, 30, rule()), step("a", "a", 10, 20, rule())];
        assert_eq!(said(&judged(&steps, &[act("x", 12, &[])], 40)), ["missed", "on_time x"]);
        assert_eq!(said(&judged(&steps, &[act("x", 12, &[]), act("y", 13, &[])], 40)), ["on_time y", "on_time x"]);
    }

    #[test]
    fn an_act_in_time_for_one_step_does_not_make_up_for_a_missed_one() {
        let steps = [step("week_1", "week", 0, 6, rule()), step("week_2", "week", 7, 13, rule())];
        assert_eq!(said(&judged(&steps, &[act("x", 8, &[])], 20)), ["missed", "on_time x"]);
        assert_eq!(said(&judged(&steps, &[act("x", 8, &[]), act("y", 9, &[])], 20)), ["late y", "on_time x"]);
    }

    #[test]
    fn a_step_that_wants_two_is_done_by_the_second() {
        let steps = [step("a", "a", 0, 10, Rule { at_least: 2, ..rule() })];
        let one = judged(&steps, &[act("x", 3, &[])], 20);
        assert_eq!((said(&one), one[0].acts, one[0].done_on), (vec!["missed x".into()], 1, None));
        let two = judged(&steps, &[act("y", 11, &[]), act("x", 3, &[])], 20);
        assert_eq!((said(&two), two[0].done_on), (vec!["late x+y".into()], Some(11)));
    }

    #[test]
    fn distinct_functions_are_counted_over_the_acts() {
        let steps = [step("a", "a", 0, 10, Rule { at_least: 2, distinct_functions: 2, ..rule() })];
        let same = [act("x", 1, &[7]), act("y", 2, &[7]), act("z", 3, &[7])];
        assert_eq!(said(&judged(&steps, &same, 20)), ["missed x+y"], "a third of the same brings nothing");
        let other = [act("x", 1, &[7]), act("y", 2, &[7]), act("z", 3, &[8])];
        assert_eq!(said(&judged(&steps, &other, 20)), ["on_time x+y+z"]);
    }

    #[test]
    fn rotating_steps_each_want_a_function_that_the_others_did_not_have() {
        let rotating = Rule { rotates_functions: true, ..rule() };
        let steps = [step("a_1", "a", 0, 13, rotating.clone()), step("a_2", "a", 14, 27, rotating)];
        let acts = [act("x", 1, &[7]), act("y", 15, &[7]), act("z", 16, &[7, 8])];
        assert_eq!(said(&judged(&steps, &acts, 40)), ["on_time x", "on_time z"]);
        assert_eq!(said(&judged(&steps, &acts[..2], 40)), ["on_time x", "missed"]);
        assert_eq!(said(&judged(&steps, &[act("x", 1, &[])], 40)), ["missed", "missed"], "nobody credited");
    }

    #[test]
    fn an_act_of_several_rows_uses_all_of_them_up() {
        let ama = Act { ids: vec!["ama".into(), "summary".into()], ready: 9, at: 9, ..act("ama", 5, &[]) };
        let steps = [step("a", "a", 0, 10, rule()), step("b", "b", 0, 20, rule())];
        let due = [
            Due { step: &steps[0], from: 0, to: 10, is_waived: false, acts: vec![ama] },
            Due { step: &steps[1], from: 0, to: 20, is_waived: false, acts: vec![act("summary", 9, &[])] },
        ];
        assert_eq!(said(&judge(&due, 40)), ["on_time ama+summary", "missed"]);
    }

    #[test]
    fn adherence_is_on_time_over_due_and_what_is_not_due_or_waived_stays_out() {
        let steps: Vec<Step> = (0..5).map(|n| Step { weight: n + 1, ..step("s", "s", 0, 10, rule()) }).collect();
        let acts = [vec![act("a", 5, &[])], vec![act("b", 12, &[])], vec![], vec![], vec![act("e", 5, &[])]];
        let due: Vec<Due<'_>> = steps
            .iter()
            .zip(acts)
            .enumerate()
            .map(|(n, (step, acts))| Due { step, from: 0, to: if n == 3 { 90 } else { 10 }, is_waived: n == 4, acts })
            .collect();
        let outcomes = judge(&due, 20);
        let by = |today| Adherence::by(&due, &outcomes, today, today);
        assert_eq!(by(20), Adherence { due: 3, on_time: 1, late: 1, missed: 1, weight_due: 6, weight_on_time: 1 });
        // As of day 11 the late one was missed, as of day 6 nothing but the first was due.
        assert_eq!(by(11), Adherence { due: 3, on_time: 1, late: 0, missed: 2, weight_due: 6, weight_on_time: 1 });
        assert_eq!(by(6), Adherence { due: 1, on_time: 1, late: 0, missed: 0, weight_due: 1, weight_on_time: 1 });
    }

    /// A small generator: the same numbers on every machine.
    fn draws(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        move |below| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        }
    }

    #[test]
    fn what_was_done_by_a_day_stays_done_whatever_comes_later() {
        for seed in 1..200 {
            let mut draw = draws(seed);
            let steps: Vec<Step> = (0..4)
                .map(|n| {
                    let from = draw(20) as i32;
                    let rule = Rule {
                        at_least: 1 + draw(2) as usize,
                        distinct_functions: draw(3) as usize,
                        rotates_functions: draw(4) == 0,
                        ..rule()
                    };
                    step(&format!("s{n}"), if draw(2) == 0 { "x" } else { "y" }, from, from + draw(15) as i32, rule)
                })
                .collect();
            let acts: Vec<Act> = (0..8).map(|n| act(&format!("a{n}"), draw(40) as i32, &[draw(3) as u32])).collect();
            let whole = judged(&steps, &acts, 60);
            for today in 0..60 {
                let seen: Vec<Act> = acts.iter().filter(|act| act.ready < today).cloned().collect();
                for (early, late) in judged(&steps, &seen, today).iter().zip(&whole) {
                    assert!(early.done_on.is_none() || early == late, "seed {seed}, day {today}: {early:?} {late:?}");
                    assert!(late.evidence.starts_with(&early.evidence), "seed {seed}, day {today}");
                }
            }
            let mut all: Vec<&String> = whole.iter().flat_map(|outcome| &outcome.evidence).collect();
            all.sort_unstable();
            assert!(all.windows(2).all(|pair| pair[0] != pair[1]), "seed {seed}: an act counted twice");
        }
    }
}
