//! The tables BI reads, one file each. `list` names them; `scoped` makes those that are sums over people by scope, `derived` the
//! others. Either way nothing leaves but through the guard.

mod adoption_cohorts;
mod adoption_kpis;
pub mod cadence;
mod certification_status;
mod competency_coverage;
pub mod content_engagement;
pub mod derived;
mod dim_content;
mod dim_date;
mod dim_kpi;
mod dim_org;
mod dim_rubric;
mod dim_scope;
mod error;
#[cfg(test)]
mod fixture;
mod formula;
mod goal_attainment;
mod goals;
mod integrity_signals;
mod knowledge_sharing;
pub mod kpi_figures;
mod leader_plan_steps;
mod leader_plan_tables;
mod leader_plans;
pub mod leader_post_effects;
mod leader_post_event_study;
mod leader_post_windows;
mod leader_scorecard;
mod leadership_kpis;
pub mod list;
mod okr_progress;
pub mod outcome_links;
pub mod person_rows;
mod placed;
mod rater_agreement;
mod review_items;
mod reviews;
mod rubric_aggregates;
mod schema_check;
mod scoped;
mod scorecard;
mod time_to_competency;
mod time_to_competency_curve;

pub use derived::{Derived, Output, Reads};
pub use error::MartError;
pub use list::MARTS;
pub use scoped::{Guarded, Inputs, Lookback, Mart, Previous, Standing};
