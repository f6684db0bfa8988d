//! `uptake stats effects PANEL.csv`: the estimators of leaders' posts on any panel, at full precision.
//!
//! An analyst checks us against R with it: every group-time cell, aggregate, event-study row, standard error, interval and
//! test is printed, as one CSV table or one JSON object.

use std::collections::HashMap;
use std::io::Write;
use std::path::PathBuf;

use clap::ValueEnum;

use self::read::Table;
use self::rows::Line;
use crate::error::{Error, Result};
use crate::stats::bootstrap::Multiplier;
use crate::stats::design::{Base, Control, Design, Gaps};
use crate::stats::effects::{Options, effects, total_events};
use crate::stats::imputation::Centring;
use crate::stats::interval::Law;
use crate::stats::panel::Panel;
use crate::stats::verdict::Words;
use crate::stats::{clean_window, imputation, periods, ppml};

mod read;
mod rows;

/// Effects of a treatment that units get at different times, with intervals and tests.
///
/// PANEL.csv has one row per unit and week: unit, time, first treatment (empty, NA, inf or never for units never treated;
/// 0 too, as in R, when all times are positive) and outcome; optionally cluster, weight, headcount and events. Times are whole
/// numbers, dates (2025-03-31, taken as ISO weeks) or ISO weeks (2025-W14). Rows whose outcome is not a finite number are left out and counted.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The panel, `-` for standard input
    pub panel: PathBuf,

    /// Column of the unit [default: unit]
    #[arg(long, value_name = "COLUMN", help_heading = "Columns")]
    pub unit: Option<String>,
    /// Column of the week or other period [default: time, else week]
    #[arg(long, value_name = "COLUMN", help_heading = "Columns")]
    pub time: Option<String>,
    /// Column of the first treatment [default: first_treatment, else first, else first_post_week]
    #[arg(long, value_name = "COLUMN", help_heading = "Columns")]
    pub first: Option<String>,
    /// Column of the outcome [default: outcome, else rate100, else 100 × events / headcount]
    #[arg(long, value_name = "COLUMN", help_heading = "Columns")]
    pub outcome: Option<String>,
    /// Column of the cluster [default: cluster if there is one, else each unit is its own]
    #[arg(long, value_name = "COLUMN", help_heading = "Columns")]
    pub cluster: Option<String>,
    /// Column of the weight in cs [default: weight if there is one, else all weigh the same]
    #[arg(long, value_name = "COLUMN", help_heading = "Columns")]
    pub weight: Option<String>,
    /// Column of the people in the unit: strata of the placebo test, exposure of the count model, smallest group [default: headcount if there is one]
    #[arg(long, value_name = "COLUMN", help_heading = "Columns")]
    pub headcount: Option<String>,
    /// Column of the counts behind a rate outcome, for the count model and for "too few events" [default: events, else contributions, if there is one]
    #[arg(long, value_name = "COLUMN", help_heading = "Columns")]
    pub events: Option<String>,
    /// Column that is 1 in weeks with a post, for clean-window [default: post, else leader_post]
    #[arg(long, value_name = "COLUMN", help_heading = "Columns")]
    pub post: Option<String>,

    /// Estimator
    #[arg(long, value_enum, default_value_t)]
    pub method: Method,
    /// Who treated units are compared with
    #[arg(long, value_enum, default_value_t)]
    pub control: ControlArg,
    /// Base week of the weeks before treatment
    #[arg(long, value_enum, default_value_t)]
    pub base: BaseArg,
    /// Units with missing weeks: use them where both weeks are there, or leave them out
    #[arg(long, value_enum, default_value_t)]
    pub gaps: GapsArg,
    /// Weeks before treatment in which units may already react
    #[arg(long, value_name = "WEEKS", default_value_t = 0)]
    pub anticipation: u32,
    /// Headline: mean of horizons 0 to this over cohorts observed that long (simple where none is)
    #[arg(long, value_name = "WEEKS", default_value_t = 7)]
    pub balance_e: u32,
    /// First horizon of the event study [default: -8, with a universal base -9: eight horizons before treatment either way]
    #[arg(long, value_name = "WEEKS", allow_negative_numbers = true)]
    pub min_e: Option<i64>,
    /// Last horizon of the event study
    #[arg(long, value_name = "WEEKS", default_value_t = 12, allow_negative_numbers = true)]
    pub max_e: i64,
    /// Pool this many weeks into one period first
    #[arg(long, value_name = "WEEKS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub pool_weeks: u32,
    /// Leave out units with fewer people than this in any week (only where there are headcounts; 0 keeps all)
    #[arg(long, value_name = "PEOPLE", default_value_t = 5)]
    pub smallest_group: u32,

    /// One less the confidence of intervals and band
    #[arg(long, default_value_t = 0.05)]
    pub alpha: f64,
    /// Law of the intervals; R's did uses normal
    #[arg(long, value_enum, default_value_t)]
    pub interval: IntervalArg,
    /// Seed of the band and of the placebo test
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Bootstrap draws of the simultaneous band
    #[arg(long, short = 'B', value_name = "N", default_value_t = 1999)]
    pub draws: u32,
    /// Law of the bootstrap's multipliers; `sign` is that of R's did, too narrow with few treated clusters
    #[arg(long, value_enum, default_value_t)]
    pub multiplier: MultiplierArg,
    /// Placebo permutations, 0 for none
    #[arg(long, value_name = "N", default_value_t = 999)]
    pub placebo_draws: u32,
    /// Leave out imputation and count model beside cs (the verdict then cannot be `supported`)
    #[arg(long)]
    pub no_cross_checks: bool,
    /// Centring of the errors of bjs: `cohort-time` is the textbook's, which fails for cohorts of one unit
    #[arg(long, value_enum, default_value_t)]
    pub centring: CentringArg,

    /// clean-window: weeks without a post before an episode (L)
    #[arg(long, value_name = "WEEKS", default_value_t = 8)]
    pub quiet_before: u32,
    /// clean-window: weeks shown after the start (H)
    #[arg(long, value_name = "WEEKS", default_value_t = 8)]
    pub after: u32,
    /// clean-window: weeks shown before the start (K)
    #[arg(long, value_name = "WEEKS", default_value_t = 4)]
    pub before: u32,

    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Method {
    /// Group-time effects (Callaway and Sant'Anna 2021)
    #[default]
    Cs,
    /// Imputation (Borusyak, Jaravel and Spiess 2024)
    Bjs,
    /// Ratio of counts by Poisson imputation; the outcome is a count
    Ppml,
    /// Start of an episode of repeated posts
    CleanWindow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ControlArg {
    /// Units not treated yet, never treated ones among them
    #[default]
    NotYet,
    /// Units never treated
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum BaseArg {
    #[default]
    Varying,
    Universal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum GapsArg {
    #[default]
    Pairwise,
    Balanced,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum IntervalArg {
    #[default]
    Student,
    Normal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum MultiplierArg {
    #[default]
    Normal,
    Sign,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum CentringArg {
    #[default]
    EventTime,
    CohortTime,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    #[default]
    Csv,
    Json,
}

/// Reads the panel, estimates, and writes the result to `out`.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<()> {
    if !(args.alpha > 0.0 && args.alpha < 1.0) {
        return Err(Error::usage(format!("--alpha {} is not between 0 and 1", args.alpha)));
    }
    let table = Table::read(args)?;
    let mut panel = table.panel(f64::from(args.smallest_group))?;
    let lines = match args.method {
        Method::CleanWindow if args.pool_weeks > 1 => {
            return Err(Error::usage("--pool-weeks does not go with --method clean-window")
                .hint("an episode is a matter of weeks; leave one of the two out"));
        }
        Method::CleanWindow => clean_window_lines(args, &table, &panel),
        method => {
            if args.pool_weeks > 1 {
                panel = periods::pooled(&panel, i64::from(args.pool_weeks));
            }
            let style = if args.pool_weeks > 1 { read::Style::Number } else { table.style };
            match method {
                Method::Bjs => bjs_lines(args, &panel),
                Method::Ppml => ppml_lines(args, &panel)?,
                _ => {
                    rows::of_effects(&effects(&panel, &options(args)), total_events(&panel), options(args).words, style)
                }
            }
        }
    };
    match args.format {
        Format::Csv => rows::write_csv(&lines, out),
        Format::Json => rows::write_json(&lines, out),
    }
}

fn options(args: &Args) -> Options<'_> {
    let design = Design {
        control: match args.control {
            ControlArg::NotYet => Control::NotYet,
            ControlArg::Never => Control::Never,
        },
        base: match args.base {
            BaseArg::Varying => Base::Varying,
            BaseArg::Universal => Base::Universal,
        },
        gaps: match args.gaps {
            GapsArg::Pairwise => Gaps::Pairwise,
            GapsArg::Balanced => Gaps::Balanced,
        },
        anticipation: args.anticipation,
    };
    Options {
        design,
        balance_e: i64::from(args.balance_e),
        window: (args.min_e.unwrap_or(if args.base == BaseArg::Universal { -9 } else { -8 }), args.max_e),
        confidence: 1.0 - args.alpha,
        law: law(args),
        seed: args.seed,
        multiplier: match args.multiplier {
            MultiplierArg::Normal => Multiplier::Signs64,
            MultiplierArg::Sign => Multiplier::Sign,
        },
        bootstrap_draws: args.draws,
        placebo_draws: args.placebo_draws,
        cross_checks: !args.no_cross_checks,
        words: Words { outcome: args.outcome.as_deref().unwrap_or("the outcome"), treatment: "the treatment" },
    }
}

fn law(args: &Args) -> Law {
    match args.interval {
        IntervalArg::Student => Law::Student,
        IntervalArg::Normal => Law::Normal,
    }
}

fn bjs_lines(args: &Args, panel: &Panel) -> Vec<Line> {
    let centring = match args.centring {
        CentringArg::EventTime => Centring::EventTime,
        CentringArg::CohortTime => Centring::CohortTime,
    };
    let found = imputation::effects(panel, args.anticipation, centring);
    let mut lines: Vec<Line> =
        found.iter().map(|effect| rows::of_imputed(effect, law(args), 1.0 - args.alpha)).collect();
    lines.extend(rows::of_panel(panel));
    lines
}

fn ppml_lines(args: &Args, panel: &Panel) -> Result<Vec<Line>> {
    let counts = panel.events.as_ref().unwrap_or(&panel.outcome);
    if counts.iter().any(|&count| count < 0.0) {
        return Err(Error::gate("the outcome of the count model has negative values")
            .hint("give a column of counts with --events or --outcome"));
    }
    let ones = vec![1.0; counts.len()];
    let found = ppml::rate_ratios(panel, counts, panel.headcount.as_ref().unwrap_or(&ones), args.anticipation);
    let mut lines: Vec<Line> = found.iter().map(|ratio| rows::of_ratio(ratio, law(args), 1.0 - args.alpha)).collect();
    lines.extend(rows::of_panel(panel));
    Ok(lines)
}

fn clean_window_lines(args: &Args, table: &Table, panel: &Panel) -> Vec<Line> {
    let windows = clean_window::Windows { quiet_before: args.quiet_before, after: args.after, before: args.before };
    let unit_at: HashMap<&str, usize> = panel.units.iter().enumerate().map(|(at, unit)| (unit.as_str(), at)).collect();
    let mut posts = vec![false; panel.units.len() * panel.weeks.len()];
    for (unit, week) in table.posts() {
        if let (Some(unit), Ok(at)) = (unit_at.get(unit), panel.weeks.binary_search(&week)) {
            posts[unit * panel.weeks.len() + at] = true;
        }
    }
    let found = clean_window::effects(panel, &posts, windows);
    let mut lines: Vec<Line> =
        found.iter().map(|effect| rows::of_episode(effect, law(args), 1.0 - args.alpha)).collect();
    lines.extend(rows::of_panel(panel));
    lines
}
