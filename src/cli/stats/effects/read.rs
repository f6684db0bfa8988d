//! Reading a panel from CSV, with errors that name file, line and column.

use std::collections::HashMap;
use std::io::Read;

use chrono::{Datelike, Days, NaiveDate, Weekday};

use super::{Args, Method};
use crate::error::{Error, Exit, Result};
use crate::stats::panel::{Panel, PanelBuilder, PanelError, Row};

/// How times are written, and written back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Number,
    /// Any day of a week; printed as its Monday.
    Date,
    /// `2025-W14`
    IsoWeek,
}

impl Style {
    pub fn format(self, week: i64) -> String {
        let monday = || NaiveDate::from_epoch_days(i32::try_from(week * 7 + EPOCH_MONDAY).ok()?);
        match self {
            Style::Number => week.to_string(),
            Style::Date => monday().map_or_else(|| week.to_string(), |day| day.to_string()),
            Style::IsoWeek => monday().map_or_else(
                || week.to_string(),
                |day| format!("{}-W{:02}", day.iso_week().year(), day.iso_week().week()),
            ),
        }
    }
}

/// 1969-12-29, the Monday of week 0, in days since 1970-01-01.
const EPOCH_MONDAY: i64 = -3;

/// A panel file as read: every row sound in form, none judged yet.
pub struct Table {
    pub style: Style,
    file: String,
    /// Unit ids and cluster labels; rows hold their positions.
    names: Names,
    rows: Vec<Record>,
}

#[derive(Default)]
struct Names {
    list: Vec<String>,
    index: HashMap<String, u32>,
}

impl Names {
    fn position(&mut self, name: &str) -> u32 {
        if let Some(&position) = self.index.get(name) {
            return position;
        }
        let position = self.list.len() as u32;
        self.list.push(name.to_owned());
        self.index.insert(name.to_owned(), position);
        position
    }

    fn at(&self, position: u32) -> &str {
        &self.list[position as usize]
    }
}

struct Record {
    line: u64,
    unit: u32,
    week: i64,
    first: Option<i64>,
    outcome: f64,
    cluster: Option<u32>,
    weight: Option<f64>,
    headcount: Option<f64>,
    events: Option<f64>,
    post: bool,
}

/// Positions of the columns in the file.
struct Columns {
    unit: usize,
    time: usize,
    first: Option<usize>,
    /// `None`: the rate of events per 100 people.
    outcome: Option<usize>,
    cluster: Option<usize>,
    weight: Option<usize>,
    headcount: Option<usize>,
    events: Option<usize>,
    post: Option<usize>,
}

impl Table {
    pub fn read(args: &Args) -> Result<Table> {
        let file = args.panel.display().to_string();
        let source: Box<dyn Read> = if file == "-" {
            Box::new(std::io::stdin())
        } else {
            #[expect(clippy::disallowed_methods, reason = "the panel is a local file that the analyst names")]
            let opened = std::fs::File::open(&args.panel);
            Box::new(opened.map_err(|error| Error::usage(format!("{file} cannot be opened")).caused_by(error))?)
        };
        Table::parse(args, file, source)
    }

    fn parse(args: &Args, file: String, source: impl Read) -> Result<Table> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source);
        let headers = reader.headers().map_err(|error| unreadable(&file, error))?.clone();
        let headers: Vec<&str> = headers.iter().map(|header| header.trim_start_matches('\u{feff}')).collect();
        let columns = Columns::find(args, &file, &headers)?;

        let mut names = Names::default();
        let mut rows = Vec::new();
        let mut style = None;
        let mut record = csv::StringRecord::new();
        while reader.read_record(&mut record).map_err(|error| unreadable(&file, error))? {
            let line = record.position().map_or(0, csv::Position::line);
            let field = |column: usize| record.get(column).unwrap_or("");
            let at = |column: usize| format!("{file}:{line}: column {}", headers[column]);
            let time = |column: usize| {
                parse_time(field(column)).ok_or_else(|| {
                    Error::gate(format!("{}: {:?} is no week", at(column), field(column)))
                        .hint("a whole number, a date like 2025-03-31 or an ISO week like 2025-W14")
                })
            };
            let number = |column: usize| {
                parse_number(field(column))
                    .ok_or_else(|| Error::gate(format!("{}: {:?} is no number", at(column), field(column))))
            };
            let optional = |column: Option<usize>| column.map(number).transpose();

            let (written, week) = time(columns.time)?;
            if *style.get_or_insert(written) != written {
                return Err(Error::gate(format!(
                    "{}: {:?} is written otherwise than the times before",
                    at(columns.time),
                    field(columns.time)
                )));
            }
            let first = match columns.first.filter(|&column| !is_never(field(column))) {
                None => None,
                Some(column) => {
                    let (written, week) = time(column)?;
                    if Some(written) != style {
                        return Err(Error::gate(format!(
                            "{}: {:?} is written otherwise than the times",
                            at(column),
                            field(column)
                        )));
                    }
                    Some(week)
                }
            };
            let unit = field(columns.unit);
            if unit.is_empty() {
                return Err(Error::gate(format!("{}: the unit is empty", at(columns.unit))));
            }
            let (headcount, events) = (optional(columns.headcount)?, optional(columns.events)?);
            let rate = || 100.0 * events.unwrap_or(f64::NAN) / headcount.unwrap_or(f64::NAN);
            rows.push(Record {
                line,
                unit: names.position(unit),
                week,
                first,
                outcome: optional(columns.outcome)?.unwrap_or_else(rate),
                cluster: columns.cluster.map(|column| names.position(field(column))),
                weight: optional(columns.weight)?,
                headcount,
                events,
                post: optional(columns.post)?.is_some_and(|post| post != 0.0),
            });
        }
        // R's did writes 0 for "never". Where weeks at or before 0 exist, 0 is a week like any other.
        if style == Some(Style::Number) && rows.iter().all(|row| row.week > 0) {
            for row in rows.iter_mut().filter(|row| row.first == Some(0)) {
                row.first = None;
            }
        }
        Ok(Table { style: style.unwrap_or(Style::Number), file, names, rows })
    }

    pub fn panel(&self, smallest_group: f64) -> Result<Panel> {
        let mut builder = PanelBuilder::default();
        for row in &self.rows {
            let Record { unit, week, first, outcome, cluster, weight, headcount, events, .. } = row;
            let (unit, cluster) = (self.names.at(*unit), cluster.map(|cluster| self.names.at(cluster)));
            let (week, first, outcome) = (*week, *first, *outcome);
            builder
                .push(Row {
                    unit,
                    week,
                    first,
                    outcome,
                    cluster,
                    weight: *weight,
                    headcount: *headcount,
                    events: *events,
                })
                .map_err(|error| self.refuse(&error, Some(row.line)))?;
        }
        builder.finish(smallest_group).map_err(|error| {
            let second = match &error {
                PanelError::DuplicateUnitWeek { unit, week } => self
                    .rows
                    .iter()
                    .filter(|row| self.names.at(row.unit) == unit && row.week == *week)
                    .nth(1)
                    .map(|row| row.line),
                _ => None,
            };
            self.refuse(&error, second)
        })
    }

    /// Unit-weeks with a post.
    pub fn posts(&self) -> impl Iterator<Item = (&str, i64)> {
        self.rows.iter().filter(|row| row.post).map(|row| (self.names.at(row.unit), row.week))
    }

    fn refuse(&self, error: &PanelError, line: Option<u64>) -> Error {
        let place = line.map_or_else(|| self.file.clone(), |line| format!("{}:{line}", self.file));
        let hint = match error {
            PanelError::DuplicateUnitWeek { .. } => {
                "one row per unit and week: add the rows up, or tell the units apart"
            }
            PanelError::FirstTreatmentChanges { .. } => {
                "the first treatment belongs to the unit: repeat the same week in all of its rows"
            }
            PanelError::ClusterChanges { .. } => {
                "the cluster belongs to the unit: repeat the same one in all of its rows"
            }
            PanelError::TooLarge { .. } => "the time column should number weeks, not instants",
        };
        // Weeks in the library's messages are numbers; the file may have written them otherwise.
        let message = match error {
            PanelError::DuplicateUnitWeek { unit, week } => {
                format!("unit {unit} has two rows for week {}", self.style.format(*week))
            }
            other => other.to_string(),
        };
        Error::gate(format!("{place}: {message}")).hint(hint)
    }
}

impl Columns {
    fn find(args: &Args, file: &str, headers: &[&str]) -> Result<Columns> {
        let position = |name: &str| headers.iter().position(|header| *header == name);
        let missing = |what: &str, option: &str| {
            Error::usage(format!("{file} has no column for the {what}; it has {}", headers.join(", ")))
                .hint(format!("name it with --{option} COLUMN"))
        };
        // A name that was given must be there; a default name may.
        let optional = |given: &Option<String>, defaults: &[&str], what: &str, option: &str| match given {
            Some(name) => position(name).map(Some).ok_or_else(|| missing(&format!("{what} called {name}"), option)),
            None => Ok(defaults.iter().find_map(|name| position(name))),
        };
        let required = |given: &Option<String>, defaults: &[&str], what: &str, option: &str| {
            optional(given, defaults, what, option)?.ok_or_else(|| missing(what, option))
        };
        let headcount = optional(&args.headcount, &["headcount"], "headcount", "headcount")?;
        let events = optional(&args.events, &["events", "contributions"], "events", "events")?;
        let outcome = optional(&args.outcome, &["outcome", "rate100"], "outcome", "outcome")?;
        if outcome.is_none() && (headcount.is_none() || events.is_none()) {
            return Err(missing("outcome", "outcome"));
        }
        let clean_window = args.method == Method::CleanWindow;
        Ok(Columns {
            unit: required(&args.unit, &["unit"], "unit", "unit")?,
            time: required(&args.time, &["time", "week"], "time", "time")?,
            first: match clean_window {
                true => None,
                false => Some(required(
                    &args.first,
                    &["first_treatment", "first", "first_post_week"],
                    "first treatment",
                    "first",
                )?),
            },
            outcome,
            cluster: optional(&args.cluster, &["cluster"], "cluster", "cluster")?,
            weight: optional(&args.weight, &["weight"], "weight", "weight")?,
            headcount,
            events,
            post: match clean_window {
                true => Some(required(&args.post, &["post", "leader_post"], "posts", "post")?),
                false => None,
            },
        })
    }
}

fn unreadable(file: &str, error: csv::Error) -> Error {
    Error::new(Exit::Gate, format!("{file} is not a CSV table")).caused_by(error)
}

/// Weeks since the Monday of 1969-12-29, or the number itself.
fn parse_time(text: &str) -> Option<(Style, i64)> {
    if let Ok(number) = text.parse::<i64>() {
        return Some((Style::Number, number));
    }
    // "2004.0" comes out of R and pandas where a column has gaps.
    if let Ok(number) = text.parse::<f64>() {
        return (number.fract() == 0.0 && number.abs() < 1e15).then_some((Style::Number, number as i64));
    }
    let week_of = |day: NaiveDate| (i64::from(day.to_epoch_days()) - EPOCH_MONDAY).div_euclid(7);
    if let Some((year, week)) = text.split_once("-W") {
        let monday = NaiveDate::from_isoywd_opt(year.parse().ok()?, week.parse().ok()?, Weekday::Mon)?;
        return Some((Style::IsoWeek, week_of(monday)));
    }
    let day = text.parse::<NaiveDate>().ok()?.checked_add_days(Days::new(0))?;
    Some((Style::Date, week_of(day)))
}

/// Missing values of the usual tools are NaN: such a row is left out and counted.
fn parse_number(text: &str) -> Option<f64> {
    match text {
        "" | "NA" | "N/A" | "null" | "NULL" | "." => Some(f64::NAN),
        text => text.parse().ok(),
    }
}

fn is_never(text: &str) -> bool {
    let text = text.trim_start_matches('+').to_ascii_lowercase();
    matches!(text.as_str(), "" | "na" | "nan" | "n/a" | "null" | "none" | "." | "inf" | "infinity" | "never")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    fn parse(options: &[&str], text: &str) -> Result<Panel> {
        let args = Command::parse_from([&["stats", "p.csv"], options].concat()).args;
        Table::parse(&args, "p.csv".into(), text.as_bytes())?.panel(f64::from(args.smallest_group))
    }

    fn says(options: &[&str], text: &str) -> String {
        parse(options, text).unwrap_err().message
    }

    #[test]
    fn empty_na_inf_and_rs_zero_are_never() {
        let panel = parse(&[], "unit,time,first,outcome\na,1,,1\nb,1,NA,1\nc,1,Inf,1\nd,1,0,1\ne,1,2.0,1\n").unwrap();
        assert_eq!(panel.first, [None, None, None, None, Some(2)]);
        let panel = parse(&[], "unit,time,first,outcome\na,-1,0,1\na,0,0,1\n").unwrap();
        assert_eq!(panel.first, [Some(0)], "here 0 is a week of the panel");
    }

    #[test]
    fn dates_and_iso_weeks_are_weeks() {
        let weeks = |text: &str| parse(&[], text).unwrap().weeks;
        assert_eq!(weeks("unit,week,first,outcome\na,2020-W53,,1\na,2021-W01,,1\n"), [2661, 2662]);
        assert_eq!(weeks("unit,week,first,outcome\na,2021-01-03,,1\na,2021-01-04,,1\n"), [2661, 2662]);
        assert_eq!(
            (Style::IsoWeek.format(2661), Style::Date.format(2662)),
            ("2020-W53".to_owned(), "2021-01-04".to_owned())
        );
    }

    #[test]
    fn without_an_outcome_the_rate_per_100_people_is_taken() {
        let panel = parse(&[], "unit,week,headcount,contributions,first_post_week\na,1,20,3,\n").unwrap();
        assert_eq!((panel.outcome, panel.events), (vec![15.0], Some(vec![3.0])));
    }

    #[test]
    fn what_is_not_finite_is_counted_and_what_is_no_number_is_an_error() {
        assert_eq!(parse(&[], "unit,time,first,outcome\na,1,,1\na,2,,NaN\na,3,,\n").unwrap().rejected_rows, 2);
        assert_eq!(says(&[], "unit,time,first,outcome\na,1,,many\n"), "p.csv:2: column outcome: \"many\" is no number");
    }

    #[test]
    fn errors_name_the_line() {
        assert_eq!(says(&[], "unit,time,first,outcome\na,1,,1\na,1,,2\n"), "p.csv:3: unit a has two rows for week 1");
        assert_eq!(
            says(&[], "unit,time,first,outcome\na,1,5,1\na,2,6,2\n"),
            "p.csv:3: unit a changes its first treatment within the panel: 5 and later 6"
        );
        assert_eq!(
            says(&["--unit", "id"], "unit,time,first,outcome\n"),
            "p.csv has no column for the unit called id; it has unit, time, first, outcome"
        );
        assert_eq!(
            says(&[], "unit,time,first,outcome\na,1,2021-01-04,1\n"),
            "p.csv:2: column first: \"2021-01-04\" is written otherwise than the times"
        );
    }
}
