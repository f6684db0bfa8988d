//! The tables about single leaders who follow a plan: what of it they did, how they shared week by week, and what was counted around
//! each of their posts.

use polars::prelude::IntoLazy;

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use super::leader_plans::{View, following};
use super::{formula, leader_plan_steps, leader_post_windows, leader_scorecard};
use crate::canon::sharing::{Setting, Sharing, Tables};
use crate::contract::arrow::mart_schema;
use crate::engine as frames;

pub const TABLES: Derived = Derived {
    name: "leader_plans",
    tables: &[leader_plan_steps::NAME, leader_scorecard::NAME, leader_post_windows::NAME],
    protection: Protection::Guarded,
    build,
};

fn build(facts: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    let setting = Setting {
        identity: facts.identity(),
        people: facts.people(),
        zone: facts.job.zone,
        leader_bands: facts.job.policy.leader_bands(),
        horizon: facts.days().1,
    };
    let tables = Tables {
        contributions: facts.table("contributions"),
        reactions: facts.table("reactions"),
        events: facts.table("events"),
        attempts: facts.attempts(),
        content: facts.table("content"),
    };
    let sharing = Sharing::read(&tables, &setting);
    let following = following(facts, &sharing, &setting);
    let view = View { facts, sharing: &sharing, following: &following };
    let mut made = Vec::new();
    for (table, rows) in [
        (leader_plan_steps::NAME, leader_plan_steps::rows(&view)?),
        (leader_scorecard::NAME, leader_scorecard::rows(&view, &setting)?),
        (leader_post_windows::NAME, leader_post_windows::rows(&view)?),
    ] {
        let contract = facts.catalog.require(table)?;
        let rows = frames::collect(formula::apply(contract, rows.lazy())?)?;
        let rows = frames::to_arrow(&rows, &mart_schema(contract))?;
        made.push(Output { table, partition: "all".into(), rows, grain: "", withheld: Vec::new() });
    }
    Ok(made)
}
