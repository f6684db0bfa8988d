//! One test binary, one module a promise. A test's name is the sentence it proves.
#![allow(clippy::disallowed_methods, reason = "tests read files and drive the product as a shell does")]

mod community;
mod company;
mod faulty;
mod world;

mod as_known_on;
mod attempts;
mod cli;
mod cohorts;
mod conservation;
mod corrections;
mod days;
mod documents;
mod effects_by_formula;
mod events;
mod faults;
mod gates;
mod goals;
mod held;
mod late;
mod leader_plans;
mod leadership;
mod left_out;
mod numbers;
mod old_lake;
mod order;
mod people;
mod policies;
mod privacy;
mod rerun;
mod reviews;
mod rules;
mod secrets;
mod set_gates;
mod sets;
mod signals;
mod taken_down;
mod terminate;
mod tidy;
mod untidy;
mod voluntary;
mod workers;

mod feeds;
mod leader_effects;
mod malformed;
mod messages;
mod publish;
mod reference_effects;
mod reference_stats;
mod sample_data;
mod scorecard;
mod scorecard_sources;
mod simulated_effects;
