//! Whether a KPI and the business outcome it is tied to move together: rank correlations, at lags, of guarded figures alone.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use polars::prelude::{DataFrame, PolarsResult};

use super::derived::{Derived, Output, Protection, Reads};
use super::error::MartError;
use super::kpi_figures::{Clock, Figures, GRAINS};
use crate::canon::columns::{Text, bools, dates, doubles};
use crate::canon::hierarchy::Units;
use crate::columns::Columns;
use crate::contract::arrow::{DELETED, mart_schema};
use crate::engine;
use crate::job::scorecards::Kpi;
use crate::period::{Calendar, Day, Grain, Period};
use crate::stats::benjamini_hochberg;
use crate::stats::rank_correlation::{RankCorrelation, rank_correlation};
use crate::stats::wilson::Z95;

pub const TABLE: Derived =
    Derived { name: "outcome_links", tables: &["outcome_links"], protection: Protection::Guarded, build };

/// Lags in periods of the grain.
const LAGS: std::ops::RangeInclusive<usize> = 0..=3;
/// Fewer points say nothing about an order.
const FEWEST: usize = 6;
/// The false discovery rate up to which a link is called one.
const RATE: f64 = 0.05;

fn build(facts: &Reads<'_>) -> Result<Vec<Output>, MartError> {
    let links = links(facts)?;
    if links.is_empty() {
        return Ok(Vec::new());
    }
    let pairs = links.into_iter().map(|(key, points)| (key, points.iter().map(Point::pair).collect())).collect();
    let rows = engine::to_arrow(&frame(&judged(pairs))?, &mart_schema(facts.catalog.require("outcome_links")?))?;
    Ok(vec![Output { table: "outcome_links", partition: "all".into(), rows, grain: "", withheld: Vec::new() }])
}

/// The points behind every row.
fn links(facts: &Reads<'_>) -> Result<BTreeMap<Key, Vec<Point>>, MartError> {
    let clock = Clock::of(facts);
    let outcomes = outcomes(facts.table("measures"), clock.calendar);
    let mut links = BTreeMap::new();
    for (kpi, measure) in facts.job.scorecards.kpis.iter().filter_map(|kpi| Some((kpi, kpi.measure.as_ref()?))) {
        let figures = Figures::of(kpi, &clock, facts.table(&kpi.table))?;
        let Some(outcomes) = outcomes.get(measure) else { continue };
        for &grain in &kpi.grains {
            for lag in LAGS {
                let pairs = pairs(kpi, &figures, outcomes, grain, lag, clock.calendar, facts.today());
                let key = |points: &'static str, kind: &str, id: &str| Key {
                    grain: grain.as_str(),
                    points,
                    scope_kind: kind.to_owned(),
                    scope_id: id.to_owned(),
                    kpi: kpi.name(),
                    measure: measure.clone(),
                    lag: lag as i64,
                };
                if kpi.scope.kind == "org" && kpi.scope.id.is_none() && !pairs.is_empty() {
                    links.insert(key("scopes", "org", "every"), across(&pairs, facts.units(), facts.days().1 - 1));
                }
                for ((kind, id), points) in pairs {
                    links.insert(key("periods", &kind, &id), points);
                }
            }
        }
    }
    Ok(links)
}

/// The points behind the row that `says` describes, column by column, in the order of periods or units: what an explanation lists.
///
/// # Errors
/// A table has no contract.
pub fn behind(facts: &Reads<'_>, says: &dyn Fn(&str) -> String) -> Result<Vec<Point>, MartError> {
    let is_row = |key: &Key| {
        let own = [key.grain, key.points, &key.scope_kind, &key.scope_id, &key.kpi, &key.measure];
        let names = ["grain", "points", "scope_kind", "scope_id", "kpi", "outcome_measure"];
        names.iter().zip(own).all(|(name, own)| says(name) == own) && says("lag") == key.lag.to_string()
    };
    Ok(links(facts)?.into_iter().find(|(key, _)| is_row(key)).map(|(_, points)| points).unwrap_or_default())
}

/// A KPI beside an outcome: of one period and scope, or of one unit over its periods.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub unit: String,
    /// First days of the KPI's and of the outcome's period; `None` where both are means over periods.
    pub starts: Option<(Day, Day)>,
    pub value: f64,
    pub reached: f64,
}

impl Point {
    fn pair(&self) -> (f64, f64) {
        (self.value, self.reached)
    }
}

/// A scope by kind and id.
type ScopeKey = (String, String);
/// KPI beside outcome, by scope, in the order of periods.
type Pairs = BTreeMap<ScopeKey, Vec<Point>>;
/// Values of one outcome by grain, first day of the period, and scope.
type Outcome = BTreeMap<(Grain, Day), BTreeMap<ScopeKey, f64>>;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    grain: &'static str,
    points: &'static str,
    scope_kind: String,
    scope_id: String,
    kpi: String,
    measure: String,
    lag: i64,
}

/// Outcomes of the company and of org units, where they are measured over whole months or quarters of the calendar.
fn outcomes(measures: &[RecordBatch], calendar: &Calendar) -> BTreeMap<String, Outcome> {
    let mut outcomes: BTreeMap<String, Outcome> = BTreeMap::new();
    for batch in measures {
        let (kpi, kind, id) = (Text::of(batch, "kpi"), Text::of(batch, "subject_kind"), Text::of(batch, "subject_id"));
        let (start, end) = (dates(batch, "period_start"), dates(batch, "period_end"));
        let (value, deleted) = (doubles(batch, "value"), bools(batch, DELETED));
        for row in (0..batch.num_rows()).filter(|row| deleted(*row) != Some(true)) {
            let (Some(kpi), Some(kind), Some(id)) = (kpi.get(row), kind.get(row), id.get(row)) else { continue };
            let (Some(start), Some(end), Some(value)) = (start(row), end(row), value(row)) else { continue };
            if !matches!(kind, "company" | "org") || !value.is_finite() {
                continue;
            }
            for grain in GRAINS {
                if calendar.period(grain, start) == (Period { grain, start, end }) {
                    let values = outcomes.entry(kpi.to_owned()).or_default().entry((grain, start)).or_default();
                    values.insert((kind.to_owned(), id.to_owned()), value);
                }
            }
        }
    }
    outcomes
}

/// For each scope of a KPI: its figure beside the outcome `lag` periods later, over periods that have ended.
fn pairs(
    kpi: &Kpi,
    figures: &Figures,
    outcome: &Outcome,
    grain: Grain,
    lag: usize,
    calendar: &Calendar,
    today: Day,
) -> Pairs {
    let mut pairs = Pairs::new();
    for start in figures.periods(grain) {
        let mut later = calendar.period(grain, start);
        if later.end > today {
            continue;
        }
        for _ in 0..lag {
            later = calendar.period(grain, later.end);
        }
        for id in figures.ids(grain, start, &kpi.scope) {
            let scope = (kpi.scope.kind.clone(), id);
            let Some(reached) = outcome.get(&(grain, later.start)).and_then(|values| values.get(&scope)) else {
                continue;
            };
            // A scope of fewer than k people shows no figure, so it makes no point.
            if let Some(value) = figures.get(grain, start, &scope.0, &scope.1).and_then(|figure| figure.value) {
                let starts = Some((start, later.start));
                let point = Point { unit: scope.1.clone(), starts, value, reached: *reached };
                pairs.entry(scope).or_default().push(point);
            }
        }
    }
    pairs
}

/// Units against each other: the means of each, of units none of which contains another on the last reported day.
fn across(pairs: &Pairs, units: &Units, last: Day) -> Vec<Point> {
    let ids: Vec<String> = pairs.keys().map(|(_, id)| id.clone()).collect();
    let forest = units.forest(&ids, Period { grain: Grain::Day, start: last, end: last + 1 });
    let mut above: BTreeSet<&str> = BTreeSet::new();
    for at in (0..forest.ids.len()).filter(|at| ids.contains(&forest.ids[*at])) {
        let mut parent = forest.parents[at];
        while let Some(upper) = parent {
            // Whatever lies above a marked unit is marked already.
            parent = if above.insert(&forest.ids[upper]) { forest.parents[upper] } else { None };
        }
    }
    let mean =
        |points: &[Point], pick: &dyn Fn(&Point) -> f64| points.iter().map(pick).sum::<f64>() / points.len() as f64;
    pairs
        .iter()
        .filter(|((_, id), _)| !above.contains(id.as_str()))
        .map(|((_, id), points)| Point {
            unit: id.clone(),
            starts: None,
            value: mean(points, &|point| point.value),
            reached: mean(points, &|point| point.reached),
        })
        .collect()
}

/// A link with what was found.
struct Link {
    key: Key,
    n: i64,
    found: Option<RankCorrelation>,
    q: Option<f64>,
}

/// Correlations, and their false discovery rates over all of them.
fn judged(links: BTreeMap<Key, Vec<(f64, f64)>>) -> Vec<Link> {
    let mut judged: Vec<Link> = links
        .into_iter()
        .map(|(key, points)| {
            let found = (points.len() >= FEWEST).then(|| rank_correlation(&points, Z95)).flatten();
            Link { key, n: points.len() as i64, found, q: None }
        })
        .collect();
    let p: Vec<f64> = judged.iter().map(|link| link.found.map_or(f64::NAN, |found| found.p)).collect();
    for (link, q) in judged.iter_mut().zip(benjamini_hochberg::adjust(&p)) {
        link.q = link.found.map(|_| q);
    }
    judged
}

impl Link {
    fn verdict(&self) -> &'static str {
        match (self.found, self.q) {
            (Some(found), Some(q)) if q <= RATE => {
                if found.rho > 0.0 {
                    "together"
                } else {
                    "opposite"
                }
            }
            (Some(_), _) => "none_detected",
            (None, _) => "insufficient_data",
        }
    }
}

fn frame(links: &[Link]) -> PolarsResult<DataFrame> {
    Columns::of(links)
        .text("grain", |link| link.key.grain)
        .text("points", |link| link.key.points)
        .text("scope_kind", |link| &link.key.scope_kind)
        .text("scope_id", |link| &link.key.scope_id)
        .text("kpi", |link| &link.key.kpi)
        .text("outcome_measure", |link| &link.key.measure)
        .int("lag", |link| link.key.lag)
        .int("n", |link| link.n)
        .double("correlation", |link| link.found.map(|found| found.rho))
        .double("correlation_low", |link| link.found.map(|found| found.low))
        .double("correlation_high", |link| link.found.map(|found| found.high))
        .double("p_value", |link| link.found.map(|found| found.p))
        .double("q_value", |link| link.q)
        .text("relation", |_| "association")
        .text("verdict", |link| link.verdict())
        .frame()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canon::hierarchy::UnitVersion;
    use crate::contract::Catalog;
    use crate::mart::fixture::day;
    use crate::mart::scorecard::tests::{adoption, held};
    use crate::period::OPEN_END;

    const MONTHS: [&str; 8] = ["01", "02", "03", "04", "05", "06", "07", "08"];

    fn calendar() -> Calendar {
        Calendar { fiscal_year_start: 1, holidays: Default::default() }
    }

    /// A company whose active rate climbs month by month, with `-` in the months named.
    fn climbing(hidden: &[&str]) -> Figures {
        let line = |month: &str| {
            let rate = if hidden.contains(&month) { "-".to_owned() } else { format!("0.{month}") };
            format!("month 2026-{month}-01 company all 100 9 {rate}\n")
        };
        let text: String = MONTHS.iter().map(|month| line(month)).collect();
        let clock = Clock { catalog: &Catalog::load().unwrap(), calendar: &calendar(), cycles: &[] };
        Figures::of(&held("company").kpis[0], &clock, &adoption(&text)).unwrap()
    }

    fn outcome(values: [f64; 8]) -> Outcome {
        let scope = ("company".to_owned(), "all".to_owned());
        let period = |month: &str| (Grain::Month, day(&format!("2026-{month}-01")));
        MONTHS
            .iter()
            .zip(values)
            .map(|(month, value)| (period(month), BTreeMap::from([(scope.clone(), value)])))
            .collect()
    }

    fn linked(figures: &Figures, values: [f64; 8], lag: usize, today: &str) -> Link {
        let kpi = held("company").kpis.remove(0);
        let pairs = pairs(&kpi, figures, &outcome(values), Grain::Month, lag, &calendar(), day(today));
        let key = Key {
            grain: "month",
            points: "periods",
            scope_kind: "company".into(),
            scope_id: "all".into(),
            kpi: kpi.name(),
            measure: "incidents".into(),
            lag: lag as i64,
        };
        let points = pairs.into_values().next().unwrap_or_default();
        judged(BTreeMap::from([(key, points.iter().map(Point::pair).collect())])).remove(0)
    }

    #[test]
    fn an_outcome_that_follows_a_month_later_is_found_at_lag_one() {
        // From February on, incidents are 9 less the number of the month before.
        let values = [5.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0];
        let link = linked(&climbing(&[]), values, 1, "2026-09-01");
        assert_eq!((link.n, link.found.unwrap().rho, link.verdict()), (7, -1.0, "opposite"));
        let at_once = linked(&climbing(&[]), values, 0, "2026-09-01");
        assert_eq!(at_once.n, 8);
        // Ranks of incidents: 4.5 8 7 6 4.5 3 2 1; Σ of products of deviations is -34, of squares 42 and 41.5.
        assert!((at_once.found.unwrap().rho + 34.0 / (42.0f64 * 41.5).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_shown_or_not_over_makes_no_point() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
        let hidden = linked(&climbing(&["03", "04"]), values, 0, "2026-09-01");
        assert_eq!((hidden.n, hidden.verdict()), (6, "together"));
        let running = linked(&climbing(&["03", "04"]), values, 0, "2026-08-31");
        assert_eq!((running.n, running.found, running.verdict()), (5, None, "insufficient_data"));
        let level = linked(&climbing(&[]), [1.0; 8], 0, "2026-09-01");
        assert_eq!((level.n, level.verdict()), (8, "insufficient_data"));
    }

    #[test]
    fn an_order_by_chance_is_none_detected() {
        let link = linked(&climbing(&[]), [4.0, 1.0, 6.0, 3.0, 8.0, 2.0, 7.0, 5.0], 0, "2026-09-01");
        assert_eq!(link.verdict(), "none_detected");
        assert!(link.q >= link.found.map(|found| found.p) && link.found.unwrap().low < 0.0);
    }

    #[test]
    fn units_are_compared_without_those_that_contain_others() {
        let unit = |parent: Option<&str>| {
            vec![UnitVersion {
                from: 0,
                to: OPEN_END,
                parent: parent.map(str::to_owned),
                name: None,
                kind: None,
                head: None,
            }]
        };
        let versions = BTreeMap::from([
            ("top".to_owned(), unit(None)),
            ("mid".to_owned(), unit(Some("top"))),
            ("a".to_owned(), unit(Some("mid"))),
            ("b".to_owned(), unit(Some("top"))),
        ]);
        let points = |x: f64| {
            [(x, 10.0 * x), (x + 2.0, 10.0 * x)]
                .map(|(value, reached)| Point { unit: String::new(), starts: None, value, reached })
                .to_vec()
        };
        let pairs: Pairs =
            [("top", 1.0), ("a", 2.0), ("b", 3.0)].map(|(id, x)| (("org".to_owned(), id.to_owned()), points(x))).into();
        // `top` contains both others, `a` through a unit that has no points of its own.
        let means: Vec<(f64, f64)> = across(&pairs, &Units { versions }, 100).iter().map(Point::pair).collect();
        assert_eq!(means, [(3.0, 20.0), (4.0, 30.0)]);
    }
}
