//! `stats`: the house's estimators on any file, at full precision, so that they can be checked against other software.

use clap::Subcommand;

use super::{stats_effects, stats_rest, talk};
use crate::error::Result;

#[derive(Debug, Subcommand)]
pub enum StatsCommand {
    /// Effects of a staggered treatment on a panel of units and weeks
    Effects(stats_effects::Args),
    #[command(flatten)]
    Rest(stats_rest::StatsRest),
}

pub fn stats(command: &StatsCommand) -> Result<u8> {
    let mut out = Vec::new();
    match command {
        StatsCommand::Effects(args) => stats_effects::run(args, &mut out)?,
        StatsCommand::Rest(args) => stats_rest::run(args, &mut out)?,
    }
    talk::data(&String::from_utf8_lossy(&out))?;
    Ok(0)
}
