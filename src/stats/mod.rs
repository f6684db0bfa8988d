//! Arithmetic on slices: no polars, no I/O. Every formula names its source; every reference case is a test.

pub mod wilson;
