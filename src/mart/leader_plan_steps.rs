//! What of their plan each leader did: on time, late, missed, not yet due or waived, with the acts that show it.

use polars::prelude::{DataFrame, PolarsResult};

use super::leader_plans::engine::{Adherence, Due, Outcome};
use super::leader_plans::{Following, View};
use crate::columns::Columns;

pub const NAME: &str = "leader_plan_steps";

struct Row<'a> {
    following: &'a Following<'a>,
    adherence: Adherence,
    due: &'a Due<'a>,
    outcome: &'a Outcome,
}

pub fn rows(view: &View<'_>) -> PolarsResult<DataFrame> {
    let mut rows = Vec::new();
    for following in view.following {
        let adherence = Adherence::by(&following.due, &following.outcomes, view.facts.days().1, view.facts.today());
        let steps = following.due.iter().zip(&following.outcomes);
        rows.extend(steps.map(|(due, outcome)| Row { following, adherence, due, outcome }));
    }
    Columns::of(&rows)
        .text("plan", |row| &row.following.plan.name)
        .text("leader_id", |row| view.id(row.following.leader))
        .text("step", |row| &row.due.step.id)
        .text("step_title", |row| &row.due.step.title)
        .text("step_owner", |row| &row.due.step.owner)
        .int("weight", |row| row.due.step.weight)
        .date("plan_start", |row| row.following.start)
        .date("due_from", |row| row.due.from)
        .date("due_to", |row| row.due.to)
        .date("done_on", |row| row.outcome.done_on)
        .text("status", |row| row.outcome.status.as_str())
        .text("evidence_ids", |row| Some(row.outcome.evidence.join(";")).filter(|ids| !ids.is_empty()))
        .int("acts_found", |row| row.outcome.acts as i64)
        .int("acts_needed", |row| row.due.step.rule.at_least as i64)
        .int("plan_steps_due", |row| row.adherence.due)
        .int("plan_steps_on_time", |row| row.adherence.on_time)
        .int("plan_weight_due", |row| row.adherence.weight_due)
        .int("plan_weight_on_time", |row| row.adherence.weight_on_time)
        .frame()
}
