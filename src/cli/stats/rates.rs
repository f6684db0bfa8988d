//! `uptake stats rates COUNTS.csv`

use super::Common;
use super::read::{Column, Row, Table};
use super::write::Part;
use crate::error::{Error, Result};
use crate::stats::{concentration, exact_share, newcombe, poisson_rate, quantile, wilson};

pub const HELP: &str = "\
One row a case. Which columns a row fills says what it is; column case, if there is one, is printed with it.

  x, n                                              share      x of n people, with Wilson's and the exact interval
  x1, n1, x2, n2                                    difference x1/n1 less x2/n2, with Newcombe's interval
  events, exposure                                  rate       events per unit of exposure, exact Poisson interval
  events1, exposure1, events2, exposure2            ratio      the second rate over the first, exact interval
  values (numbers >= 0 with spaces between)         concentration  Gini, top tenth, Herfindahl

The parts are share, difference, rate, ratio and concentration.";

#[derive(Debug, Clone, clap::Args)]
pub struct RatesArgs {
    #[command(flatten)]
    pub common: Common,
    /// Confidence of all intervals
    #[arg(long, default_value_t = 0.95)]
    pub confidence: f64,
}

/// The columns of each kind of case. A row is of the kind whose columns it fills.
const KINDS: [(Kind, &[&str]); 5] = [
    (Kind::Share, &["x", "n"]),
    (Kind::Difference, &["x1", "n1", "x2", "n2"]),
    (Kind::Rate, &["events", "exposure"]),
    (Kind::Ratio, &["events1", "exposure1", "events2", "exposure2"]),
    (Kind::Concentration, &["values"]),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Share,
    Difference,
    Rate,
    Ratio,
    Concentration,
}

pub fn compute(table: &Table, args: &RatesArgs) -> Result<Vec<Part>> {
    let confidence = args.confidence;
    let z = quantile::normal_two_sided(confidence)
        .ok_or_else(|| Error::usage("--confidence: not between 0 and 1").hint("0.95 is 95 %"))?;
    let known: Vec<(Kind, Vec<Column>)> = KINDS
        .iter()
        .filter_map(|(kind, names)| Some((*kind, names.iter().map(|n| table.column(n)).collect::<Option<_>>()?)))
        .collect();
    let case = table.column("case");
    let mut shares =
        Part::new("share", &["line", "case", "x", "n", "estimate", "low", "high", "exact_low", "exact_high"]);
    let mut differences = Part::new("difference", &["line", "case", "x1", "n1", "x2", "n2", "estimate", "low", "high"]);
    let mut rates = Part::new("rate", &["line", "case", "events", "exposure", "estimate", "low", "high"]);
    let mut ratios = Part::new(
        "ratio",
        &["line", "case", "events1", "exposure1", "events2", "exposure2", "estimate", "low", "high"],
    );
    let mut spreads = Part::new(
        "concentration",
        &["line", "case", "people", "gini", "gini_small_sample", "top10_percent_share", "herfindahl"],
    );
    for row in table.rows() {
        let (kind, c) = kind_of(&row, &known)?;
        let (line, case) = (row.line().into(), row.given(case.as_ref()).into());
        match kind {
            Kind::Share => {
                let (x, n) = share(&row, &c[0], &c[1])?;
                let (wilson, exact) = (wilson::interval(x, n, z), exact_share::interval(x, n, confidence));
                let (low, high) = wilson.unzip();
                let (exact_low, exact_high) = exact.unzip();
                let estimate = x as f64 / n as f64;
                shares.push([
                    line,
                    case,
                    x.into(),
                    n.into(),
                    estimate.into(),
                    low.into(),
                    high.into(),
                    exact_low.into(),
                    exact_high.into(),
                ]);
            }
            Kind::Difference => {
                let ((x1, n1), (x2, n2)) = (share(&row, &c[0], &c[1])?, share(&row, &c[2], &c[3])?);
                let d = newcombe::difference(x1, n1, x2, n2, z);
                differences.push([
                    line,
                    case,
                    x1.into(),
                    n1.into(),
                    x2.into(),
                    n2.into(),
                    d.map(|d| d.difference).into(),
                    d.map(|d| d.low).into(),
                    d.map(|d| d.high).into(),
                ]);
            }
            Kind::Rate => {
                let (events, exposure) = (row.count(&c[0])?, exposure(&row, &c[1])?);
                let r = poisson_rate::rate(events, exposure, confidence);
                rates.push([
                    line,
                    case,
                    events.into(),
                    exposure.into(),
                    r.map(|r| r.rate).into(),
                    r.map(|r| r.low).into(),
                    r.map(|r| r.high).into(),
                ]);
            }
            Kind::Ratio => {
                let (events1, exposure1) = (row.count(&c[0])?, exposure(&row, &c[1])?);
                let (events2, exposure2) = (row.count(&c[2])?, exposure(&row, &c[3])?);
                let r = poisson_rate::ratio(events1, exposure1, events2, exposure2, confidence);
                ratios.push([
                    line,
                    case,
                    events1.into(),
                    exposure1.into(),
                    events2.into(),
                    exposure2.into(),
                    r.and_then(|r| r.ratio).into(),
                    r.map(|r| r.low).into(),
                    r.and_then(|r| r.high).into(),
                ]);
            }
            Kind::Concentration => {
                let amounts = amounts(&row, &c[0])?;
                let s = concentration::concentration(&amounts);
                spreads.push([
                    line,
                    case,
                    amounts.len().into(),
                    s.as_ref().map(|s| s.gini).into(),
                    s.as_ref().and_then(|s| s.gini_small_sample).into(),
                    s.as_ref().map(|s| s.top10_percent_share).into(),
                    s.as_ref().map(|s| s.herfindahl).into(),
                ]);
            }
        }
    }
    Ok(vec![shares, differences, rates, ratios, spreads])
}

fn kind_of<'k>(row: &Row, known: &'k [(Kind, Vec<Column>)]) -> Result<(Kind, &'k [Column])> {
    let touched = |columns: &[Column]| columns.iter().any(|c| !row.text(c).is_empty());
    let mut filled = known.iter().filter(|(_, columns)| touched(columns));
    match (filled.next(), filled.next()) {
        (Some((kind, columns)), None) => Ok((*kind, columns)),
        (Some(_), Some(_)) => {
            Err(row.refused("fills the columns of two kinds of case", "one row holds one case; see --help"))
        }
        (None, _) => Err(row.refused(
            "fills the columns of no kind of case",
            "columns x and n make a share; for the others see --help",
        )),
    }
}

fn share(row: &Row, x: &Column, n: &Column) -> Result<(i64, i64)> {
    let (successes, all) = (row.count(x)?, row.count(n)?);
    if all == 0 {
        return Err(row.error(n, "nobody to take a share of", "a share needs at least one person"));
    }
    if successes > all {
        return Err(row.error(x, "more than there are", "a share counts people out of all"));
    }
    Ok((successes, all))
}

fn exposure(row: &Row, column: &Column) -> Result<f64> {
    let exposure = row.number(column)?;
    if exposure <= 0.0 {
        return Err(row.error(
            column,
            "not more than zero",
            "an exposure is the time or people over which events were counted",
        ));
    }
    Ok(exposure)
}

fn amounts(row: &Row, column: &Column) -> Result<Vec<f64>> {
    let amount = |text: &str| text.parse::<f64>().ok().filter(|x| x.is_finite() && *x >= 0.0);
    let amounts: Option<Vec<f64>> = row.filled(column)?.split_whitespace().map(amount).collect();
    amounts.ok_or_else(|| {
        row.error(column, "not numbers of zero or more", "write one a person with spaces between, zeros included")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::stats::Format;
    use crate::cli::stats::write::write;

    fn printed(text: &str, part: &str) -> Result<String> {
        let common = Common { file: "C.csv".into(), format: Format::Csv, part: None, columns: Vec::new() };
        let table = Table::parse("C.csv", text.as_bytes(), &[])?;
        let mut out = Vec::new();
        write(&compute(&table, &RatesArgs { common, confidence: 0.95 })?, Format::Csv, Some(part), &mut out)?;
        Ok(String::from_utf8(out).expect("text"))
    }

    #[test]
    fn one_file_may_hold_several_kinds_of_case() {
        let text = "case,x,n,events1,exposure1,events2,exposure2\nactive,0,20,,,,\nposts,,,4,7,28,7\n";
        let share = printed(text, "share").expect("printed");
        assert!(share.lines().nth(1).is_some_and(|l| l.starts_with("2,active,0,20,0.0,0.0,0.16112515805")), "{share}");
        let ratio = printed(text, "ratio").expect("printed");
        assert!(
            ratio.lines().nth(1).is_some_and(|l| l.starts_with("3,posts,4,7.0,28,7.0,7.0,2.4488892863")),
            "{ratio}"
        );
    }

    #[test]
    fn a_row_that_is_no_case_or_two_is_refused() {
        let error = |text| printed(text, "share").expect_err("refused").to_string();
        assert_eq!(error("x,n,events,exposure\n1,2,3,4\n"), "C.csv, line 2: fills the columns of two kinds of case");
        assert_eq!(error("x,n\n,\n"), "C.csv, line 2: fills the columns of no kind of case");
        assert_eq!(error("x,n\n3,2\n"), "C.csv, line 2, column x: more than there are");
        assert_eq!(error("x,n\n3,\n"), "C.csv, line 2, column n: empty");
        assert_eq!(error("events,exposure\n3,0\n"), "C.csv, line 2, column exposure: not more than zero");
    }

    #[test]
    fn people_with_nothing_belong_to_the_values() {
        let got = printed("values\n0 0 0 10\n", "concentration").expect("printed");
        assert_eq!(got.lines().nth(1), Some("2,,4,0.75,1.0,1.0,1.0"));
    }
}
