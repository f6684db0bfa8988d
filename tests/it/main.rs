//! One test binary, one module a promise. A test's name is the sentence it proves.
#![allow(clippy::disallowed_methods, reason = "tests read files and drive the product as a shell does")]

mod community;
mod company;
mod faulty;
mod world;

mod as_known_on;
mod cli;
mod conservation;
mod documents;
mod faults;
mod gates;
mod late;
mod leadership;
mod numbers;
mod order;
mod privacy;
mod rerun;
mod reviews;
mod secrets;
mod tidy;

mod feeds;
mod malformed;
mod publish;
mod reference_effects;
mod reference_stats;
mod sample_data;
mod simulated_effects;
