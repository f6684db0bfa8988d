//! Tables, figures of scorecards and outcomes that nothing of the job fills: a run leaves them out or empty, night after night.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::Findings;
use super::rows::rows;
use crate::canon::columns::Text;
use crate::cli::terminal::count;
use crate::contract::{Area, Catalog};
use crate::error::Result;
use crate::job::Job;
use crate::job::goals::Rule;
use crate::mart::MARTS;
use crate::mart::list::DERIVED;
use crate::pipeline::lake::COMPUTED;
use crate::pipeline::plan::DeliveryPlan;
use crate::pipeline::{Context, LoadedFeed};
use crate::publish::Commit;

/// Deliveries and lake, where they can be read: what they hold is known then, too.
pub struct Given<'a> {
    pub context: &'a Context<'a>,
    pub plan: &'a DeliveryPlan,
    pub head: Option<&'a Commit>,
}

const WHAT: &str = "what nothing fills";

pub fn look(catalog: &Catalog, job: &Job, feeds: &[LoadedFeed], given: Option<&Given<'_>>, findings: &mut Findings) {
    let missing = given.map_or(&[][..], |given| &given.plan.missing_feeds);
    let filled: BTreeSet<&str> = feeds
        .iter()
        .filter(|loaded| !missing.contains(&loaded.feed.name))
        .map(|loaded| loaded.feed.fills.as_str())
        .collect();
    let absent = match absent(catalog, job, &filled) {
        Ok(absent) => absent,
        Err(error) => return findings.failed(WHAT, &error),
    };
    let figures = of_scorecards(job, &absent);
    for (what, why) in &figures {
        findings.warn(&format!("KPI {what}"), why, Some("deliver what it needs, or take it off the scorecard"));
    }
    let outcomes = match outcomes(job, &filled, given) {
        Ok(outcomes) => outcomes,
        Err(error) => return findings.failed(WHAT, &error),
    };
    for (measure, why) in &outcomes {
        let hint = "`kpi` of the measures that are delivered has to spell it like the scorecard or goal does";
        findings.warn(&format!("measure {measure}"), why, Some(hint));
    }
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (table, lacks) in &absent {
        by_reason.entry(lacks).or_default().push(table);
    }
    let reasons: Vec<String> =
        by_reason.iter().map(|(lacks, tables)| format!("no {lacks} ({})", tables.join(", "))).collect();
    if absent.is_empty() {
        findings.ok(WHAT, "nothing: every table of the job has what it is made of");
    } else {
        let verb = if absent.len() == 1 { "is" } else { "are" };
        let tables = count(absent.len() as u64, "table", "tables");
        findings.ok(WHAT, &format!("{tables} {verb} left out, for the job has {}", reasons.join(", ")));
    }
}

/// Tables that the job wants and cannot fill, with what it has none of.
fn absent(catalog: &Catalog, job: &Job, filled: &BTreeSet<&str>) -> Result<BTreeMap<String, String>> {
    let mut absent: BTreeMap<String, String> = BTreeMap::new();
    // Of a canon table a feed fills it; one that is computed has what its own inputs have.
    let by_feed =
        |table: &str| catalog.table(table).is_some_and(|it| it.area == Area::Canon) && !COMPUTED.contains(&table);
    for mart in MARTS.iter().filter(|mart| job.wants(mart.name)) {
        let needs = std::iter::once("workers").chain(mart.needs.iter().copied());
        if let Some(lacks) = needs.into_iter().find(|table| by_feed(table) && !filled.contains(table)) {
            absent.insert(mart.name.to_owned(), lacks.to_owned());
        }
    }
    // Computed month by month, beside the two lists.
    if let Some(lacks) = ["content", "workers"].into_iter().find(|table| !filled.contains(table))
        && job.wants("content_engagement")
    {
        absent.insert("content_engagement".to_owned(), lacks.to_owned());
    }
    for derived in DERIVED {
        let mut lacks = derived.undecided(catalog, job)?.map(str::to_owned);
        for table in derived.contracts(catalog)?.into_iter().flat_map(|table| &table.needs) {
            if lacks.is_none() && by_feed(table) && !filled.contains(table.as_str()) {
                lacks = Some(table.clone());
            }
        }
        if let Some(lacks) = lacks {
            let wanted = derived.tables.iter().filter(|table| job.wants(table));
            absent.extend(wanted.map(|table| ((*table).to_owned(), lacks.clone())));
        }
    }
    Ok(absent)
}

/// Figures of scorecards that come from such a table, or from one that the job does not publish.
fn of_scorecards(job: &Job, absent: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let why = |table: &String| match absent.get(table) {
        Some(lacks) => Some(format!("{table} is left out: the job has no {lacks}")),
        None if !job.wants(table) => Some(format!("the job's `marts` leave {table} out")),
        None => None,
    };
    job.scorecards.kpis.iter().filter_map(|kpi| Some((kpi.name(), why(&kpi.table)?))).collect()
}

/// Business outcomes that scorecards, goals and key results name and no row of `measures` does.
fn outcomes(job: &Job, filled: &BTreeSet<&str>, given: Option<&Given<'_>>) -> Result<BTreeMap<String, String>> {
    let of_cards = job.scorecards.kpis.iter().filter_map(|kpi| kpi.measure.as_deref());
    let of_results = job.goals.objectives.iter().flat_map(|it| &it.key_results).map(|result| result.kpi.as_str());
    let of_goals = job.goals.goals.iter().flat_map(|goal| &goal.clauses).filter_map(|clause| match &clause.rule {
        Rule::MeasureChange { kpi, .. } => Some(kpi.as_str()),
        _ => None,
    });
    let wanted: BTreeSet<&str> = of_cards.chain(of_results).chain(of_goals).collect();
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let named = |why: &str| wanted.iter().map(|name| ((*name).to_owned(), why.to_owned())).collect();
    if !filled.contains("measures") {
        return Ok(named("no feed of the job fills measures"));
    }
    let Some(Given { context, plan, head }) = given else { return Ok(BTreeMap::new()) };
    let rows = rows(context, plan, *head, "measures", Some(&["kpi"]))?;
    if rows.is_partial {
        return Ok(BTreeMap::new());
    }
    let mut held: BTreeSet<String> = BTreeSet::new();
    for batch in rows.all() {
        let kpi = Text::of(&batch, "kpi");
        held.extend((0..batch.num_rows()).filter_map(|row| kpi.get(row).map(str::to_owned)));
    }
    let names: Vec<&str> = held.iter().map(String::as_str).take(10).collect();
    let there = if names.is_empty() {
        "there are none".to_owned()
    } else {
        format!("there are {}", crate::contract::words::and(&names))
    };
    let unheld = wanted.iter().filter(|name| !held.contains(**name));
    Ok(unheld.map(|name| ((*name).to_owned(), format!("no row of measures is about it; {there}"))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lacks_the_first_thing_that_no_feed_fills() {
        let catalog = Catalog::load().unwrap();
        let text = "name = \"j\"\nlanding = \"in\"\nlake = \"out\"\nfeeds = [\"canonical_workers\"]\nzone = \"UTC\"\n";
        let job = Job::parse(std::path::Path::new("j.toml"), text, &catalog, &|_| Err("no file".into())).unwrap();
        let lacks = |filled: &[&str]| absent(&catalog, &job, &filled.iter().copied().collect()).unwrap();
        assert_eq!(lacks(&[]).get("adoption_kpis").map(String::as_str), Some("workers"));
        let smallest = lacks(&["workers", "users", "enrollments"]);
        assert_eq!(smallest.get("adoption_kpis"), None);
        assert_eq!(smallest.get("knowledge_sharing").map(String::as_str), Some("contributions"));
        assert_eq!(smallest.get("scorecard").map(String::as_str), Some("scorecards"));
        for table in ["dim_content", "content_engagement"] {
            assert_eq!(smallest.get(table).map(String::as_str), Some("content"), "{table}");
        }
    }
}
