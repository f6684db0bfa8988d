//! Leaders who follow a plan, with what became of each step, and what the tables about them are made with. Nobody else has a row in
//! them: they start from the plans, never from the list of employees.

pub(super) mod engine;
mod evidence;

use std::collections::BTreeMap;

use super::derived::Reads;
use crate::canon::reporting::Lines;
use crate::canon::sharing::{Setting, Sharing};
use crate::job::plans::{Leader, Plan};
use crate::period::{Day, Period};

use engine::{Due, Outcome, judge};

/// A day of 24 hours, as instants are counted.
pub const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// One leader on one plan.
pub struct Following<'a> {
    pub plan: &'a Plan,
    /// A worker code.
    pub leader: u32,
    pub start: Day,
    /// In the order of the plan's steps.
    pub due: Vec<Due<'a>>,
    pub outcomes: Vec<Outcome>,
}

/// One leader with everything they follow.
pub struct Followed<'a> {
    pub leader: u32,
    /// The first day of the first plan.
    pub start: Day,
    pub following: Vec<&'a Following<'a>>,
}

/// What the three tables are made from.
pub struct View<'a> {
    pub facts: &'a Reads<'a>,
    pub sharing: &'a Sharing,
    pub following: &'a [Following<'a>],
}

/// Everybody who follows a plan and whom the HRIS knows, with what became of each step; by plan and worker.
pub fn following<'a>(facts: &'a Reads<'_>, sharing: &Sharing, setting: &Setting<'_>) -> Vec<Following<'a>> {
    let mut all = Vec::new();
    for plan in &facts.job.plans {
        let mut leaders: BTreeMap<u32, (Day, Option<&Leader>)> = BTreeMap::new();
        for leader in &plan.leaders {
            if let Some(code) = facts.people().code(&(facts.pseudonym)("worker", &leader.worker)) {
                leaders.insert(code, (leader.start, Some(leader)));
            }
        }
        // A plan started twice began the first time; what the configuration says stands.
        for event in sharing.events.iter().filter(|event| event.kind == "plan_start") {
            if event.subject.as_deref().is_some_and(|subject| subject.eq_ignore_ascii_case(&plan.name)) {
                leaders.entry(event.owner).or_insert((event.day, None));
            }
        }
        for (leader, (start, named)) in leaders {
            let due: Vec<Due<'_>> = plan
                .steps
                .iter()
                .map(|step| Due {
                    step,
                    from: start.saturating_add(step.from),
                    to: start.saturating_add(step.to),
                    is_waived: named.is_some_and(|named| named.waived.contains(&step.id)),
                    acts: evidence::acts(&step.rule, leader, start, sharing, setting),
                })
                .collect();
            let outcomes = judge(&due, facts.today());
            all.push(Following { plan, leader, start, due, outcomes });
        }
    }
    all
}

impl<'a> View<'a> {
    /// Leaders in the order of their ids, each once.
    pub fn leaders(&self) -> Vec<Followed<'a>> {
        let mut leaders: BTreeMap<u32, Followed<'a>> = BTreeMap::new();
        for following in self.following {
            let new = || Followed { leader: following.leader, start: following.start, following: Vec::new() };
            let followed = leaders.entry(following.leader).or_insert_with(new);
            followed.start = followed.start.min(following.start);
            followed.following.push(following);
        }
        leaders.into_values().collect()
    }

    /// Reporting lines of a period: as large as the company, so they are asked for period by period and not kept.
    pub fn lines(&self, period: Period) -> Lines {
        Lines::of(self.facts.people(), period)
    }

    pub fn id(&self, worker: u32) -> String {
        self.facts.people().workers.get(worker as usize).cloned().unwrap_or_default()
    }
}
