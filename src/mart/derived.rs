//! A table computed whole: from tables whose size follows people and content, and from what other marts show. What it is made from,
//! what it needs and whether the day of `--as-of` matters stand in its contract, and nowhere else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use arrow::array::RecordBatch;
use polars::prelude::DataFrame;

use super::error::MartError;
use crate::canon::hierarchy::Units;
use crate::canon::history::People;
use crate::canon::identity::Identity;
use crate::canon::obligation::Attempts;
use crate::contract::arrow::mart_schema;
use crate::contract::{Catalog, ContractError, Decision, Privacy, Read, Table};
use crate::engine;
use crate::guard::Tally;
use crate::job::Job;
use crate::period::Day;

/// One table, or a few that are made together.
pub struct Derived {
    /// What its step is called: the table's own name, or the family's.
    pub name: &'static str,
    /// Every table it writes.
    pub tables: &'static [&'static str],
    pub protection: Protection,
    pub build: fn(&Reads<'_>) -> Result<Vec<Output>, MartError>,
}

/// What keeps a table from telling of single people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// It says nothing about people: its contract may hold public columns alone.
    Public,
    /// Its build goes through the guard, or tells of named people in `restricted/`.
    Guarded,
}

impl Derived {
    /// The contracts of its tables.
    ///
    /// # Errors
    /// One of them has none.
    pub fn contracts<'c>(&self, catalog: &'c Catalog) -> Result<Vec<&'c Table>, ContractError> {
        self.tables.iter().map(|table| catalog.require(table)).collect()
    }

    /// What it reads, each table once, in the order of its contracts.
    ///
    /// # Errors
    /// A table has no contract.
    pub fn reads<'c>(&self, catalog: &'c Catalog) -> Result<Vec<&'c Read>, ContractError> {
        let mut reads: Vec<&Read> = Vec::new();
        for read in self.contracts(catalog)?.into_iter().flat_map(|table| &table.reads) {
            if !reads.iter().any(|known| known.table == read.table) {
                reads.push(read);
            }
        }
        Ok(reads)
    }

    /// What it reads for this job: of the tables a KPI may come from, those that one comes from.
    ///
    /// # Errors
    /// A table has no contract.
    pub fn reads_for<'c>(&self, catalog: &'c Catalog, job: &Job) -> Result<Vec<&'c Read>, ContractError> {
        let named: BTreeSet<&str> = job.scorecards.kpis.iter().map(|kpi| kpi.source.table).collect();
        let mut reads = self.reads(catalog)?;
        reads.retain(|read| !read.only_for_kpis || named.contains(read.table.as_str()));
        Ok(reads)
    }

    /// Whether it says something else tomorrow of the same rows.
    ///
    /// # Errors
    /// A table has no contract.
    pub fn is_as_of(&self, catalog: &Catalog) -> Result<bool, ContractError> {
        Ok(self.contracts(catalog)?.iter().any(|table| table.as_of))
    }

    /// What the job would have to decide for there to be anything to compute; `None` where it did.
    ///
    /// # Errors
    /// A table has no contract.
    pub fn undecided(&self, catalog: &Catalog, job: &Job) -> Result<Option<&'static str>, ContractError> {
        let open = |decision: Decision| match decision {
            Decision::Reviews => job.reviews.is_none(),
            Decision::Plans => job.plans.is_empty(),
            Decision::Scorecards => job.scorecards.kpis.is_empty(),
            Decision::Rituals => job.scorecards.rituals.is_empty(),
            Decision::Goals => job.goals.goals.is_empty(),
            Decision::Objectives => job.goals.objectives.is_empty(),
        };
        let decisions = self.contracts(catalog)?.into_iter().filter_map(|table| table.decided_by);
        Ok(decisions.into_iter().find(|decision| open(*decision)).map(Decision::as_str))
    }

    /// Builds the tables and holds the build to its contracts: what it reads, what it writes, what it may say.
    ///
    /// # Errors
    /// The build fails, asks for what its contract does not name, or writes what it does not name.
    pub fn make(&self, reads: &Reads<'_>) -> Result<Vec<Output>, MartError> {
        let malformed = |what: String| MartError::Malformed { mart: self.name, what };
        if self.protection == Protection::Public {
            for table in self.contracts(reads.catalog)? {
                let about_people =
                    |column: &&crate::contract::Column| column.privacy != Privacy::Public || column.measure.is_some();
                if let Some(column) = table.columns.iter().find(about_people) {
                    let what = format!("column {} is about people, but the table does not pass the guard", column.name);
                    return Err(malformed(what));
                }
            }
        }
        let made = (self.build)(reads)?;
        if let Some(undeclared) = reads.undeclared() {
            return Err(malformed(format!("it asks for {undeclared}, which no contract of its tables names")));
        }
        match made.iter().find(|made| !self.tables.contains(&made.table)) {
            Some(stray) => Err(malformed(format!("it writes {}, which it does not name", stray.table))),
            None => Ok(made),
        }
    }
}

/// What a table is computed from: exactly what its contract names. To ask for anything else is an error, found after the build.
pub struct Reads<'a> {
    pub catalog: &'a Catalog,
    pub job: &'a Job,
    /// What an id in a file of decisions is called in canon, by domain and id: itself, or its pseudonym.
    pub pseudonym: Box<dyn Fn(&str, &str) -> String + Sync + 'a>,
    given: Given<'a>,
    /// Rows by table.
    tables: BTreeMap<&'a str, Vec<RecordBatch>>,
    declared: BTreeSet<&'a str>,
    is_as_of: bool,
    undeclared: Mutex<BTreeSet<String>>,
}

/// What is resolved once for all tables.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    pub people: &'a People,
    pub units: &'a Units,
    pub identity: &'a Identity,
    /// What enrollments come to.
    pub attempts: &'a Attempts,
    /// Reported days `[from, to)`: `to` is the first day that had not begun at `--as-of`.
    pub days: (Day, Day),
    /// The day of `--as-of`: periods that end by its first moment are complete.
    pub today: Day,
}

impl<'a> Reads<'a> {
    /// What one derived table is given; `tables` are the rows of what it reads.
    ///
    /// # Errors
    /// A table has no contract.
    pub fn new(
        of: &Derived,
        catalog: &'a Catalog,
        job: &'a Job,
        pseudonym: Box<dyn Fn(&str, &str) -> String + Sync + 'a>,
        given: Given<'a>,
        tables: BTreeMap<&'a str, Vec<RecordBatch>>,
    ) -> Result<Reads<'a>, ContractError> {
        let declared = of.reads(catalog)?.into_iter().map(|read| read.table.as_str()).collect();
        let is_as_of = of.is_as_of(catalog)?;
        Ok(Reads { catalog, job, pseudonym, given, tables, declared, is_as_of, undeclared: Mutex::default() })
    }

    /// The rows of a table; none where it has no file.
    pub fn table(&self, name: &str) -> &[RecordBatch] {
        self.expect(&[name]);
        self.tables.get(name).map_or(&[], Vec::as_slice)
    }

    /// Who worked where and when.
    pub fn people(&self) -> &'a People {
        self.expect(&["workers"]);
        self.given.people
    }

    /// The org units over time.
    pub fn units(&self) -> &'a Units {
        self.expect(&["org_units"]);
        self.given.units
    }

    /// Who an account is.
    pub fn identity(&self) -> &'a Identity {
        self.expect(&["users", "identity_links", "workers"]);
        self.given.identity
    }

    /// What enrollments come to.
    pub fn attempts(&self) -> &'a Attempts {
        self.expect(&["enrollments", "users", "identity_links", "workers"]);
        self.given.attempts
    }

    /// Reported days `[from, to)`: `to` is the first day that had not begun at `--as-of`.
    pub fn days(&self) -> (Day, Day) {
        self.expect_as_of();
        self.given.days
    }

    /// The day of `--as-of`: periods that end by its first moment are complete.
    pub fn today(&self) -> Day {
        self.expect_as_of();
        self.given.today
    }

    fn expect(&self, tables: &[&str]) {
        for table in tables.iter().filter(|table| !self.declared.contains(**table)) {
            self.note(table);
        }
    }

    fn expect_as_of(&self) {
        if !self.is_as_of {
            self.note("the day of --as-of");
        }
    }

    fn note(&self, what: &str) {
        self.undeclared.lock().unwrap_or_else(PoisonError::into_inner).insert(what.to_owned());
    }

    fn undeclared(&self) -> Option<String> {
        self.undeclared.lock().unwrap_or_else(PoisonError::into_inner).first().cloned()
    }
}

/// One file of a table, to be published.
pub struct Output {
    pub table: &'static str,
    pub partition: String,
    /// In the order and types of the contract; the driver sorts them.
    pub rows: RecordBatch,
    /// The grain of the rows, for the tally of what was withheld; empty where the table has none.
    pub grain: &'static str,
    pub withheld: Vec<(Tally, i64)>,
}

impl Output {
    /// A table in one file of which nothing was withheld.
    ///
    /// # Errors
    /// The frame does not have the columns of the contract.
    pub fn whole(catalog: &Catalog, table: &'static str, rows: &DataFrame) -> Result<Vec<Output>, MartError> {
        let rows = engine::to_arrow(rows, &mart_schema(catalog.require(table)?))?;
        Ok(vec![Output { table, partition: "all".into(), rows, grain: "", withheld: Vec::new() }])
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// What is said of a table under the contract of `cadence`, which reads events and nothing else.
    fn said(build: fn(&Reads<'_>) -> Result<Vec<Output>, MartError>) -> Result<(), String> {
        let catalog = Catalog::load().unwrap();
        let text = "name = \"n\"\nlanding = \"memory://a\"\nlake = \"memory://b\"\nfeeds = [\"f\"]\nzone = \"UTC\"";
        let job = Job::parse(Path::new("job.toml"), text, &catalog, &|_| Err("none".into())).unwrap();
        let (people, units, identity) = (People::default(), Units::default(), Identity::default());
        let attempts = Attempts::default();
        let given =
            Given { people: &people, units: &units, identity: &identity, attempts: &attempts, days: (0, 1), today: 1 };
        let derived = Derived { name: "cadence", tables: &["cadence"], protection: Protection::Guarded, build };
        let id = Box::new(|_: &str, id: &str| id.to_owned());
        let reads = Reads::new(&derived, &catalog, &job, id, given, BTreeMap::new()).unwrap();
        derived.make(&reads).map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn to_ask_for_a_table_that_the_contract_does_not_name_is_an_error_and_not_an_empty_table() {
        let declared = |reads: &Reads<'_>| {
            assert!(reads.table("events").is_empty());
            Ok(Vec::new())
        };
        assert_eq!(said(declared), Ok(()));
        let undeclared = |reads: &Reads<'_>| {
            reads.table("reactions");
            Ok(Vec::new())
        };
        assert_eq!(
            said(undeclared).unwrap_err(),
            "cadence: it asks for reactions, which no contract of its tables names"
        );
        let people = |reads: &Reads<'_>| {
            reads.people();
            Ok(Vec::new())
        };
        assert!(said(people).unwrap_err().contains("it asks for workers"));
    }
}
