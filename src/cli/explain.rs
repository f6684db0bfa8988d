//! `explain`: how one published figure came about, from its formula down to the deliveries, and what was lost on the way.
//!
//! Everything told here is in the published tables, the contracts and the counts that operators read; nothing is read from
//! canon but which delivery a row came from, so an explanation shows no more than the guard does.

mod evidence;
mod figure;
mod sources;
mod tell;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::published::{self, Filter, Published, Row};
use super::terminal;
use crate::contract::{Area, Catalog, Table};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::job::scorecards::Kpi;
use crate::mart::kpi_figures::Clock;
use crate::period::day_of;
use crate::store::Env;

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The job file
    job: std::path::PathBuf,
    /// The table, e.g. adoption_kpis
    table: String,
    /// Which row: columns of the key with their values, joined by commas, e.g. grain=month,period_start=2026-03-01,scope_kind=company,scope_id=all
    #[arg(long = "key", visible_alias = "row", value_name = "COLUMN=VALUE,…", required = true)]
    key: Vec<String>,
    /// The figure to explain; without it, every figure of the row in short
    #[arg(long)]
    column: Option<String>,
    /// One JSON object on stdout
    #[arg(long)]
    json: bool,
    /// Look into this lake instead of the job's
    #[arg(long)]
    out: Option<String>,
}

/// Everything there is to say about one figure, or about one row.
#[derive(Debug, Serialize)]
pub struct Explanation {
    pub table: String,
    /// The commit that was looked at: number and hash.
    pub snapshot_id: String,
    pub grain: String,
    pub key: Row,
    /// How the row is shown: published or withheld, whole or still running.
    pub row_says: Vec<String>,
    pub figures: Vec<figure::Figure>,
    /// Where the figure was taken over from, for tables made of other tables.
    pub taken_from: Vec<Explanation>,
    /// What the maker of the table knows beyond the row.
    pub evidence: Vec<evidence::Finding>,
    pub sources: Vec<sources::Source>,
    pub rejected: Vec<sources::Rejected>,
    pub noticed: Vec<sources::Noticed>,
    pub withheld: Option<sources::Withheld>,
    pub warnings: Vec<String>,
}

pub fn explain(args: &ExplainArgs, env: &Env) -> Result<u8> {
    let published = Published::open(&args.job, args.out.as_deref(), env)?;
    let key = key(&args.key)?;
    let key: Vec<(&str, &str)> = key.iter().map(|(column, value)| (column.as_str(), value.as_str())).collect();
    let explanation = explanation(&published, &args.table, &key, args.column.as_deref(), true)?;
    if args.json {
        terminal::json(&explanation)?;
    } else {
        terminal::data(&tell::text(&explanation))?;
    }
    Ok(0)
}

/// `a=1,b=2` as columns and values. A comma that no `column=` follows belongs to the value, for places have names like `Bonn, DE`;
/// so does one inside the brackets of a KPI, `kpi=table.column[a=1,b=2]`.
fn key(texts: &[String]) -> Result<Vec<(String, String)>> {
    let mut key: Vec<(String, String)> = Vec::new();
    for text in texts {
        for (at, part) in text.split(',').enumerate() {
            let open = key
                .last()
                .filter(|(name, _)| at > 0 && name == "kpi")
                .is_some_and(|(_, value)| value.contains('[') && !value.ends_with(']'));
            match (part.split_once('=').filter(|_| !open), key.last_mut()) {
                (Some((column, value)), _) => key.push((column.trim().to_owned(), value.to_owned())),
                (None, Some((_, value))) if at > 0 => value.push_str(&format!(",{part}")),
                (None, _) => return Err(Error::usage(format!("`{part}` is no COLUMN=VALUE"))),
            }
        }
    }
    Ok(key)
}

/// Finds the row and says what is known of it. `with_sources` is off for figures another one was taken from: they share them.
fn explanation(
    published: &Published,
    name: &str,
    key: &[(&str, &str)],
    column: Option<&str>,
    with_sources: bool,
) -> Result<Explanation> {
    let (full, _) = published.expect(name)?;
    let name = full.rsplit('/').next().unwrap_or(full);
    let table = published.catalog.require(name)?;
    if table.area == Area::Canon {
        return Err(Error::usage(format!("{name} holds rows of people and is not explained"))
            .hint("explain a table under marts/, restricted/ or ops/"));
    }
    let row = one(published, table, key)?;
    let asked = match column {
        Some(column) => vec![known(table, column)?],
        None => table.columns.iter().filter(|column| !column.key).collect(),
    };
    let short = column.is_none();
    let figures =
        asked.iter().map(|column| figure::figure(published, table, &row, column, short)).collect::<Result<_>>()?;
    let taken_from = match column {
        Some(column) => taken_from(published, table, &row, column)?,
        None => Vec::new(),
    };
    // What was taken from another table came from the deliveries behind that.
    let lineage = match (with_sources, origin(published, table, &row, column.unwrap_or("value"))?) {
        (false, _) => sources::Lineage::default(),
        (true, Some((table, row, _))) => sources::sources(published, table, &row)?,
        (true, None) => sources::sources(published, table, &row)?,
    };
    Ok(Explanation {
        table: full.to_owned(),
        snapshot_id: published.head.snapshot_id()?,
        grain: table.grain.clone(),
        key: table.key.iter().filter_map(|part| Some((part.clone(), row.get(part)?.clone()))).collect(),
        row_says: row_says(&row),
        figures,
        taken_from,
        evidence: evidence::evidence(published, table, &row)?,
        sources: lineage.sources,
        rejected: lineage.rejected,
        noticed: lineage.noticed,
        withheld: sources::withheld(published, table, &row)?,
        warnings: table.warnings.iter().filter_map(|code| published.catalog.warning(code)).map(str::to_owned).collect(),
    })
}

fn known<'a>(table: &'a Table, column: &str) -> Result<&'a crate::contract::Column> {
    table.column(column).ok_or_else(|| {
        Error::usage(format!("{} has no column {column}", table.name))
            .hint(format!("`uptake schema {}` lists them", table.name))
    })
}

/// The one row of a key. What other rows hold is not told, only which columns would tell them apart.
fn one(published: &Published, table: &Table, key: &[(&str, &str)]) -> Result<Row> {
    for (column, _) in key {
        known(table, column)?;
    }
    let filters: Vec<Filter<'_>> = key.iter().map(|(column, value)| (*column, vec![*value])).collect();
    let mut rows = published.rows(&table.name, &filters, None)?;
    let open: Vec<&str> =
        table.key.iter().map(String::as_str).filter(|part| key.iter().all(|(column, _)| column != part)).collect();
    match (rows.pop(), rows.len()) {
        (Some(row), 0) => Ok(row),
        (None, _) => Err(Error::usage(format!("{} has no row with that key", table.name))
            .hint(format!("the key is {}; `uptake show` prints rows", table.key.join(", ")))),
        (Some(_), more) => Err(Error::usage(format!("{} rows of {} have that key", more + 1, table.name))
            .hint(format!("say as well {}", open.join(", ")))),
    }
}

fn row_says(row: &Row) -> Vec<String> {
    let mut says = Vec::new();
    match row.get("status").and_then(Value::as_str) {
        Some("withheld") => says.push(
            "The row is withheld, to protect a small group here or next to it; which of the two is not said."
                .to_owned(),
        ),
        Some("published") => says.push("The row is published.".to_owned()),
        _ => {}
    }
    match row.get("is_complete").and_then(Value::as_bool) {
        Some(true) => says.push("The period had ended when the run was made.".to_owned()),
        Some(false) => says.push("The period was still running: the row covers the days so far.".to_owned()),
        None => {}
    }
    says
}

/// The row that a figure was taken over from, with its table and the column.
type Origin<'p> = (&'p Table, Row, String);

fn taken_from(published: &Published, table: &Table, row: &Row, column: &str) -> Result<Vec<Explanation>> {
    let Some((table, row, column)) = origin(published, table, row, column)? else { return Ok(Vec::new()) };
    let key: Vec<(&str, String)> =
        table.key.iter().filter_map(|part| Some((part.as_str(), published::text(row.get(part)?)))).collect();
    let key: Vec<(&str, &str)> = key.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Ok(vec![explanation(published, &table.name, &key, Some(&column), false)?])
}

/// Where a figure of a scorecard stands in the table of its KPI. None where that table does not hold the period or scope: the figure
/// is empty for that reason.
fn origin<'p>(published: &'p Published, table: &Table, row: &Row, column: &str) -> Result<Option<Origin<'p>>> {
    if table.name != "scorecard" {
        return Ok(None);
    }
    let Some((kpi, key)) = of_scorecard(&published.job, &published.catalog, row, column) else { return Ok(None) };
    let table = published.catalog.require(&kpi.table)?;
    let filters: Vec<Filter<'_>> = key.iter().map(|(name, value)| (name.as_str(), vec![value.as_str()])).collect();
    let found = published.rows(&table.name, &filters, None)?.into_iter().next();
    Ok(found.map(|row| (table, row, kpi.column.clone())))
}

/// A scorecard's value is the KPI's own figure for the same period and scope; so are those of the period and year before.
fn of_scorecard<'j>(
    job: &'j Job,
    catalog: &Catalog,
    row: &Row,
    column: &str,
) -> Option<(&'j Kpi, Vec<(String, String)>)> {
    let text = |name: &str| row.get(name).and_then(Value::as_str);
    let start = match column {
        "value" | "n" | "delta" | "status" => text("period_start")?,
        "previous" => text("previous_period_start")?,
        "previous_year" => text("previous_year_period_start")?,
        _ => return None,
    };
    let kpi = job.scorecards.kpis.iter().find(|kpi| text("kpi") == Some(&kpi.name()))?;
    let grain = kpi.grains.iter().find(|grain| text("grain") == Some(grain.as_str()))?;
    let start = day_of(start.parse().ok()?);
    let key = Clock::new(catalog, job).key(kpi, *grain, start, text("scope_kind")?, text("scope_id")?)?;
    Some((kpi, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_from_one_text_or_several() {
        let read = |texts: &[&str]| {
            key(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).map_err(|error| error.to_string())
        };
        let wanted = vec![("grain".to_owned(), "month".to_owned()), ("scope_id".to_owned(), "Bonn, DE".to_owned())];
        assert_eq!(read(&["grain=month,scope_id=Bonn, DE"]), Ok(wanted.clone()));
        assert_eq!(read(&["grain=month", "scope_id=Bonn, DE"]), Ok(wanted));
        assert_eq!(read(&["month"]), Err("`month` is no COLUMN=VALUE".to_owned()));
    }

    #[test]
    fn commas_inside_the_brackets_of_a_kpi_belong_to_it() {
        let read = key(&["kpi=time_to_competency.median_days[clock=hire,milestone=ramped],scope_id=all".to_owned()]);
        let wanted = [("kpi", "time_to_competency.median_days[clock=hire,milestone=ramped]"), ("scope_id", "all")];
        assert_eq!(read.unwrap(), wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    #[test]
    fn a_scorecards_figure_is_looked_up_where_it_was_taken_from() {
        let catalog = Catalog::load().unwrap();
        let figure = |kpi: &str, more: &str| {
            format!(
                "[[kpis]]\nkpi = \"{kpi}\"\n{more}\nscope = \"company\"\ntarget = 0.8\nbaseline = 0.5\ntolerance = 0.1\ndirection = \"up\"\nlead_or_lag = \"lead\"\nowner = \"head\"\noutcome = \"less rework\"\n"
            )
        };
        let card = format!(
            "name = \"e\"\n{}{}{}",
            figure("leadership_kpis.credit_rate", ""),
            figure("rater_agreement.gwet_ac2", "where = { dimension = \"impact\" }"),
            figure("adoption_cohorts.retention_rate", "where = { months_since = \"3\" }"),
        );
        let rubric: String = ["relevance", "quality", "impact"]
            .map(|dimension| format!("{dimension} = [\"1\", \"2\", \"3\", \"4\"]\n"))
            .concat();
        let reviews = format!(
            "raters = \"any\"\n[[cycles]]\nid = \"c1\"\nopens = 2026-01-01\ncloses = 2026-05-10\nrubric = \"v1\"\n[[rubrics]]\nversion = \"v1\"\n{rubric}"
        );
        let read = |path: &std::path::Path| match path.file_name().and_then(|name| name.to_str()) {
            Some("e.toml") => Ok(card.clone()),
            _ => Ok(reviews.clone()),
        };
        let text = "name = \"j\"\nlanding = \"in\"\nlake = \"out\"\nfeeds = [\"canonical_workers\"]\nzone = \"UTC\"\nscorecards = [\"e.toml\"]\nreviews = [\"r.toml\"]";
        let job = Job::parse(std::path::Path::new("j.toml"), text, &catalog, &read).unwrap();
        let looked_up = |kpi: &str, grain: &str, column: &str| {
            let row = serde_json::json!({"grain": grain, "period_start": "2026-04-01", "scope_kind": "company",
                "previous_period_start": "2026-01-01", "scope_id": "all", "kpi": kpi});
            let (_, mut key) = of_scorecard(&job, &catalog, row.as_object().unwrap(), column)?;
            key.sort();
            Some(key.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(","))
        };
        let told = |kpi, grain, column, wanted: &str| {
            assert_eq!(looked_up(kpi, grain, column).as_deref(), Some(wanted), "{kpi} {column}");
        };
        let company = "scope_id=all,scope_kind=company";
        told(
            "leadership_kpis.credit_rate",
            "quarter",
            "previous",
            &format!("grain=quarter,period_start=2026-01-01,{company}"),
        );
        let impact = "rater_agreement.gwet_ac2[dimension=impact]";
        told(impact, "quarter", "value", "cycle_id=c1,dimension=impact,rubric_version=v1");
        let third = "adoption_cohorts.retention_rate[months_since=3]";
        told(third, "month", "value", &format!("months_since=3,period_start=2026-04-01,{company}"));
        assert_eq!(looked_up(impact, "quarter", "previous"), None, "no cycle closed then");
        assert_eq!(looked_up("leadership_kpis.credit_rate", "month", "target"), None, "a target is a decision");
    }
}
