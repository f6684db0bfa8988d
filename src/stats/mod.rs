//! Arithmetic on slices: no polars, no I/O. Every formula names its source; every reference case is a test.
//!
//! Shares, rates and counts · times to an event · ratings · texts and endorsements · effects of leaders' posts

pub mod concentration;
pub mod exact_share;
pub mod newcombe;
pub mod poisson_rate;
pub mod quantile;
pub mod rank_correlation;
pub mod symmetric;
pub mod wilson;

pub mod competing;
pub mod logrank;
pub mod spells;
pub mod survival;

pub mod gwet;
pub mod icc;
pub mod kappa;
pub mod krippendorff;
pub mod ratings;
pub mod severity;
pub mod shrunk_means;
pub mod shrunk_shares;

pub mod endorsements;
pub mod minhash;
pub mod signals;
pub mod signature;
pub mod similarity;

pub mod aggregate;
pub mod att;
pub mod benjamini_hochberg;
pub mod bootstrap;
pub mod breakdown;
pub mod clean_window;
pub mod design;
pub mod effects;
pub mod imputation;
pub mod interval;
pub mod panel;
pub mod periods;
pub mod placebo;
pub mod ppml;
pub mod pretrend;
pub mod seed;
pub mod untreated;
pub mod verdict;
pub mod window;
