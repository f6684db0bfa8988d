//! `uptake stats survival TIMES.csv`

use std::collections::BTreeMap;

use super::Common;
use super::read::Table;
use super::write::{Cell, Part};
use crate::error::{Error, Result};
use crate::stats::spells::{LEFT, OPEN, REACHED, Spell};
use crate::stats::{competing, logrank, quantile, survival};

pub const HELP: &str = "\
Columns: time (>= 0; 0 counts as 0.5), event or status (1 reached, 2 left, 3 to 9 further competing events, 0 open), and optionally \
entry (time already passed when observation began) and group.

Parts:
  summary       quantiles with log-log bounds and the restricted mean up to --tau, by group and for ALL
  curve         Kaplan–Meier after every time: at_risk, events, censored, survival, se, low, high
  incidence     Aalen–Johansen after every time, one row a cause
  incidence_at  the same at each --day
  difference    restricted mean of each group less that of --baseline
  log_rank      the test over all groups, and log_rank_groups: observed and expected events";

#[derive(Debug, Clone, clap::Args)]
pub struct SurvivalArgs {
    #[command(flatten)]
    pub common: Common,
    /// Restricted mean up to this time
    #[arg(long, default_value_t = 90.0)]
    pub tau: f64,
    /// Times at which the share of each event is printed
    #[arg(long = "day", value_delimiter = ',', default_values_t = competing::DAYS)]
    pub days: Vec<f64>,
    /// Group that others are compared with; the first by name unless given
    #[arg(long)]
    pub baseline: Option<String>,
    /// Confidence of all intervals
    #[arg(long, default_value_t = 0.95)]
    pub confidence: f64,
}

/// Name of the rows over all groups.
const ALL: &str = "ALL";
/// The largest code of a competing event.
const EVENT_MAX: i64 = 9;

pub fn compute(table: &Table, args: &SurvivalArgs) -> Result<Vec<Part>> {
    let z = quantile::normal_two_sided(args.confidence)
        .ok_or_else(|| Error::usage("--confidence: not between 0 and 1").hint("0.95 is 95 %"))?;
    let (everybody, groups) = read(table)?;
    let baseline = match &args.baseline {
        Some(name) if !groups.contains_key(name) => {
            let known: Vec<&str> = groups.keys().map(String::as_str).collect();
            return Err(table
                .error(&format!("--baseline {name}: no such group"))
                .hint(format!("groups: {}", known.join(", "))));
        }
        given => given.clone().or_else(|| groups.keys().next().cloned()),
    };

    let mut summary = Part::new("summary", SUMMARY);
    let mut curves =
        Part::new("curve", &["group", "time", "at_risk", "events", "censored", "survival", "se", "low", "high"]);
    let mut incidences = Part::new("incidence", &["group", "time", "cause", "at_risk", "events", "share", "none_yet"]);
    let mut incidences_at = Part::new("incidence_at", &["group", "time", "cause", "share"]);
    let all = std::iter::once((ALL, &everybody));
    for (group, spells) in all.chain(groups.iter().map(|(name, spells)| (name.as_str(), spells))) {
        let curve = survival::kaplan_meier(spells, z);
        summary.push(summarise(group, &curve, spells, args.tau, z));
        for s in &curve.steps {
            curves.push([
                group.into(),
                s.time.into(),
                s.at_risk.into(),
                s.events.into(),
                s.censored.into(),
                s.survival.into(),
                s.se.into(),
                s.low.into(),
                s.high.into(),
            ]);
        }
        let incidence = competing::incidence(spells);
        for s in &incidence.steps {
            for (cause, (events, share)) in s.events.iter().zip(&s.shares).enumerate() {
                let cause = cause + 1;
                incidences.push([
                    group.into(),
                    s.time.into(),
                    cause.into(),
                    s.at_risk.into(),
                    (*events).into(),
                    (*share).into(),
                    s.none_yet.into(),
                ]);
            }
        }
        let causes = spells.iter().map(Spell::event).max().unwrap_or(OPEN).max(REACHED);
        for cause in REACHED..=causes {
            for day in &args.days {
                incidences_at.push([group.into(), (*day).into(), cause.into(), incidence.at(cause, *day).into()]);
            }
        }
    }

    let mut parts = vec![summary, curves, incidences, incidences_at];
    if let Some(baseline) = baseline.filter(|_| groups.len() > 1) {
        parts.push(differences(&groups, &baseline, args.tau, z));
        parts.extend(log_rank(&groups));
    }
    Ok(parts)
}

type Groups = BTreeMap<String, Vec<Spell>>;

fn read(table: &Table) -> Result<(Vec<Spell>, Groups)> {
    let time = table.required("time")?;
    let event = match table.column("event").or_else(|| table.column("status")) {
        Some(column) => column,
        None => table.required("event")?,
    };
    let (entry, group) = (table.column("entry"), table.column("group"));
    let (mut everybody, mut groups) = (Vec::new(), Groups::new());
    for row in table.rows() {
        let code = row.count(&event)?;
        if code > EVENT_MAX {
            return Err(row.error(&event, "not a code from 0 to 9", "1 reached, 2 left, 0 open, 3 to 9 other events"));
        }
        let entered = match &entry {
            Some(entry) if !row.text(entry).is_empty() => row.number(entry)?,
            _ => 0.0,
        };
        let spell = Spell::new(entered, row.number(&time)?, code as u32)
            .map_err(|e| row.refused(&e.to_string(), "times count from the start in the same unit as entry"))?;
        everybody.push(spell);
        if let Some(group) = &group {
            let name = row.filled(group)?;
            if name == ALL {
                return Err(row.error(
                    group,
                    "a group may not be called ALL",
                    "that name stands for all groups together",
                ));
            }
            groups.entry(name.to_owned()).or_default().push(spell);
        }
    }
    if everybody.is_empty() {
        return Err(table.error("no rows").hint("one row a person is needed"));
    }
    Ok((everybody, groups))
}

const SUMMARY: &[&str] = &[
    "group",
    "people",
    "events",
    "left",
    "open",
    "q25",
    "q25_low",
    "q25_high",
    "median",
    "median_low",
    "median_high",
    "q75",
    "q75_low",
    "q75_high",
    "tau",
    "rmst",
    "rmst_se",
    "rmst_low",
    "rmst_high",
    "verdict",
    "reason",
];

fn summarise(group: &str, curve: &survival::Curve, spells: &[Spell], tau: f64, z: f64) -> [Cell; 21] {
    let [q25, median, q75] = [0.25, 0.5, 0.75].map(|q| curve.quantile(q));
    let mean = curve.restricted_mean(tau);
    let count = |wanted: fn(u32) -> bool| spells.iter().filter(|s| wanted(s.event())).count();
    let insufficient = curve.insufficient();
    [
        group.into(),
        curve.people.into(),
        curve.events.into(),
        count(|event| event >= LEFT).into(),
        count(|event| event == OPEN).into(),
        q25.at.into(),
        q25.low.into(),
        q25.high.into(),
        median.at.into(),
        median.low.into(),
        median.high.into(),
        q75.at.into(),
        q75.low.into(),
        q75.high.into(),
        tau.into(),
        mean.map(|m| m.mean).into(),
        mean.map(|m| m.se).into(),
        mean.map(|m| m.mean - z * m.se).into(),
        mean.map(|m| m.mean + z * m.se).into(),
        insufficient.map_or("sufficient", |_| "insufficient_data").into(),
        insufficient.into(),
    ]
}

fn differences(groups: &Groups, baseline: &str, tau: f64, z: f64) -> Part {
    let mut part = Part::new("difference", &["group", "baseline", "tau", "difference", "se", "low", "high"]);
    let mean = |spells: &Vec<Spell>| survival::kaplan_meier(spells, z).restricted_mean(tau);
    let of_baseline = groups.get(baseline).and_then(mean);
    for (group, spells) in groups.iter().filter(|(group, _)| *group != baseline) {
        let d = mean(spells).zip(of_baseline).map(|(own, base)| own.minus(&base, z));
        part.push([
            group.as_str().into(),
            baseline.into(),
            tau.into(),
            d.map(|d| d.difference).into(),
            d.map(|d| d.se).into(),
            d.map(|d| d.low).into(),
            d.map(|d| d.high).into(),
        ]);
    }
    part
}

fn log_rank(groups: &Groups) -> [Part; 2] {
    let mut test = Part::new("log_rank", &["groups", "chi_squared", "df", "p"]);
    let mut counts = Part::new("log_rank_groups", &["group", "people", "observed", "expected"]);
    let spells: Vec<Vec<Spell>> = groups.values().cloned().collect();
    if let Some(result) = logrank::log_rank(&spells) {
        test.push([groups.len().into(), result.chi_squared.into(), result.df.into(), result.p.into()]);
        for (i, (group, spells)) in groups.iter().enumerate() {
            let (observed, expected) = (result.observed.get(i).copied(), result.expected.get(i).copied());
            counts.push([group.as_str().into(), spells.len().into(), observed.into(), expected.into()]);
        }
    }
    [test, counts]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::stats::Format;
    use crate::cli::stats::write::write;

    fn args(tau: f64) -> SurvivalArgs {
        let common = Common { file: "T.csv".into(), format: Format::Csv, part: None, columns: Vec::new() };
        SurvivalArgs { common, tau, days: vec![2.0, 9.0], baseline: None, confidence: 0.95 }
    }

    fn printed(text: &str, part: &str) -> String {
        let table = Table::parse("T.csv", text.as_bytes(), &[]).expect("a table");
        let mut out = Vec::new();
        write(&compute(&table, &args(3.0)).expect("parts"), Format::Csv, Some(part), &mut out).expect("written");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn the_share_that_reached_it_is_empty_where_nobody_was_observed() {
        let text = "time,event\n1,1\n2,2\n3,1\n4,0\n";
        assert_eq!(
            printed(text, "incidence_at"),
            "group,time,cause,share\nALL,2.0,1,0.25\nALL,9.0,1,\nALL,2.0,2,0.25\nALL,9.0,2,\n"
        );
    }

    #[test]
    fn groups_are_compared_with_the_first_by_name() {
        let text = "time,event,group\n1,1,new\n3,1,new\n2,1,old\n4,1,old\n";
        let lines = printed(text, "difference");
        assert!(lines.lines().nth(1).is_some_and(|l| l.starts_with("old,new,3.0,0.5,")), "{lines}");
        assert!(printed(text, "log_rank").lines().nth(1).is_some_and(|l| l.starts_with("2,")));
    }

    #[test]
    fn a_person_who_entered_after_ending_is_refused_with_the_line() {
        let table = Table::parse("T.csv", b"entry,time,event\n,5,1\n7,5,1\n", &[]).expect("a table");
        let error = compute(&table, &args(3.0)).expect_err("refused");
        assert_eq!(error.to_string(), "T.csv, line 3: entry is not before time, so the person was never observed");
    }
}
