//! `stats`: the house's estimators on any file, at full precision, so that they can be checked against other software.

mod agreement;
pub mod effects;
mod endorsements;
mod rates;
mod read;
mod similarity;
mod survival;
mod write;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::terminal;
use crate::error::Result;
use read::Table;

#[derive(Debug, Subcommand)]
pub enum StatsCommand {
    /// Effects of a staggered treatment on a panel of units and weeks
    Effects(effects::Args),
    #[command(flatten)]
    OnAFile(OnAFile),
}

/// The subcommands of `uptake stats` that are not estimates of leaders' posts.
#[derive(Debug, Clone, Subcommand)]
pub enum OnAFile {
    /// Time to an event: Kaplan–Meier, restricted mean, Aalen–Johansen, log-rank
    #[command(after_long_help = survival::HELP)]
    Survival(survival::SurvivalArgs),
    /// Shares, rates, their differences and ratios, and concentration; one row a case
    #[command(after_long_help = rates::HELP)]
    Rates(rates::RatesArgs),
    /// Agreement of raters: alpha, AC2, ICC, kappa, severity
    #[command(after_long_help = agreement::HELP)]
    Agreement(agreement::AgreementArgs),
    /// Near-duplicate texts by their five-letter pieces
    #[command(after_long_help = similarity::HELP)]
    Similarity(similarity::SimilarityArgs),
    /// Pairs, mutual pairs and rings of people who endorse each other unusually often
    #[command(after_long_help = endorsements::HELP)]
    Endorsements(endorsements::EndorsementsArgs),
}

/// What every subcommand takes.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// A CSV file (UTF-8, comma, a header line), `-` for standard input; columns that are not named below are not read
    pub file: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    pub format: Format,
    /// Print this part of the result only, as a table with its own columns
    #[arg(long)]
    pub part: Option<String>,
    /// Read column NAME from the column with another header
    #[arg(long = "column", value_name = "NAME=HEADER")]
    pub columns: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One table: column `part` says what a row is; columns that a part does not have are empty
    Csv,
    /// One object with a list of rows for each part
    Json,
}

pub fn stats(command: &StatsCommand) -> Result<u8> {
    let mut out = Vec::new();
    match command {
        StatsCommand::Effects(args) => effects::run(args, &mut out)?,
        StatsCommand::OnAFile(command) => on_a_file(command, &mut out)?,
    }
    terminal::data(&String::from_utf8_lossy(&out))?;
    Ok(0)
}

/// Reads the file, computes, and prints to `out`. Numbers are written with the fewest digits that read back to the same
/// number; one that does not exist is empty (CSV) or null (JSON), never NaN.
fn on_a_file(command: &OnAFile, out: &mut dyn Write) -> Result<()> {
    let (common, parts) = match command {
        OnAFile::Survival(args) => (&args.common, survival::compute(&open(&args.common)?, args)?),
        OnAFile::Rates(args) => (&args.common, rates::compute(&open(&args.common)?, args)?),
        OnAFile::Agreement(args) => (&args.common, agreement::compute(&open(&args.common)?, args)?),
        OnAFile::Similarity(args) => (&args.common, similarity::compute(&open(&args.common)?, args)?),
        OnAFile::Endorsements(args) => (&args.common, endorsements::compute(&open(&args.common)?)?),
    };
    write::write(&parts, common.format, common.part.as_deref(), out)
}

fn open(common: &Common) -> Result<Table> {
    Table::open(&common.file, &common.columns)
}
