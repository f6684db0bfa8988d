//! Contract and code compared without data: every table is made from a company without people, and what comes out must be what its
//! contract says. Missing, extra and mistyped columns and misspelt inputs show before any row exists.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use polars::prelude::{DataFrame, DataType, TimeUnit};

use super::derived::{Derived, Given, Reads};
use super::error::MartError;
use super::formula;
use super::person_rows::{self, Block};
use super::scoped::{Inputs, Mart, Previous};
use crate::canon::acts::Acts;
use crate::canon::certifications::Certifications;
use crate::canon::hierarchy::Units;
use crate::canon::history::People;
use crate::canon::identity::Identity;
use crate::canon::obligation::Attempts;
use crate::contract::arrow::{canon_schema, mart_schema};
use crate::contract::{Area, Catalog, Table, Type};
use crate::job::{Job, Policy};
use crate::period::{Calendar, Day};
use crate::rollup::person_period::{self, Activation};
use crate::scope::PLACE;

/// Any day: nobody works on it.
const TODAY: Day = 20_000;

fn calendar() -> Calendar {
    Calendar { fiscal_year_start: 1, holidays: Default::default() }
}

impl Mart {
    /// Compares the mart with its contracts, grain by grain.
    ///
    /// # Errors
    /// The first disagreement, in words.
    pub fn disagreements(&self, catalog: &Catalog) -> Result<(), MartError> {
        let table = catalog.require(self.name)?;
        formula::check(table)?;
        let (people, units, calendar) = (People::default(), Units::default(), calendar());
        let policy = Policy { manager_scopes: true, ..Policy::default() };
        let (nothing, acts) = (Activation::new(Vec::new()), Acts::default());
        let certifications = Certifications::default();
        for &grain in self.grains {
            let period = calendar.period(grain, TODAY);
            let person_period = person_period::build(period, period, &calendar, &people, &[], &[], &nothing)?;
            let inputs = Inputs {
                period,
                seen: period,
                is_complete: true,
                person_period: &person_period,
                acts: &acts,
                reactions: &[],
                interests: &[],
                calendar: &calendar,
                people: &people,
                units: &units,
                certifications: &certifications,
                policy: &policy,
            };
            for block in (self.build)(&inputs)? {
                self.check_block(table, &block)?;
            }
            let standing = self.show(catalog, &inputs)?;
            if standing.rows.width() == 0 {
                continue;
            }
            let rows = (self.finish)(standing.rows, &inputs, &Previous::new())?;
            for name in std::iter::once(self.name).chain(self.managers) {
                compare(self.name, catalog.require(name)?, &rows)?;
            }
        }
        Ok(())
    }

    /// A block's rows have the columns of [`PLACE`] and every protected measure, as integers.
    fn check_block(&self, table: &Table, block: &Block) -> Result<(), MartError> {
        let said = |what: String| MartError::Malformed { mart: self.name, what };
        for (key, _) in &block.keys {
            if table.column(key).is_none() {
                return Err(said(format!("a block has the key {key}, and the contract no such column")));
            }
        }
        let measures = person_rows::measures(table).0;
        for name in PLACE.iter().chain(&measures) {
            match block.rows.column(name) {
                Err(_) => return Err(said(format!("person rows have no column {name}"))),
                Ok(column) if *column.dtype() != DataType::Int64 => {
                    return Err(said(format!("person rows have {name} as {}, not as integers", column.dtype())));
                }
                Ok(_) => {}
            }
        }
        // Who describes scopes by their people may bring columns along for it.
        let known = |name: &str| PLACE.contains(&name) || measures.contains(&name);
        match block.rows.get_column_names().iter().find(|name| !known(name)) {
            Some(stray) if self.describe.is_none() => {
                Err(said(format!("person rows have a column {stray} that is no measure of the contract")))
            }
            _ => Ok(()),
        }
    }
}

impl Derived {
    /// Compares the tables with their contracts, under the rules and decisions of a job: without a row, and without any day that
    /// is over.
    ///
    /// # Errors
    /// The first disagreement, in words.
    pub fn disagreements(&self, catalog: &Catalog, job: &Job) -> Result<(), MartError> {
        let mut tables = BTreeMap::new();
        for read in self.reads(catalog)? {
            let table = catalog.require(&read.table)?;
            let schema = if table.area == Area::Canon { canon_schema(table) } else { mart_schema(table) };
            tables.insert(read.table.as_str(), vec![RecordBatch::new_empty(schema)]);
        }
        let (people, units, identity) = (People::default(), Units::default(), Identity::default());
        let attempts = Attempts::default();
        let given = Given {
            people: &people,
            units: &units,
            identity: &identity,
            attempts: &attempts,
            days: (TODAY, TODAY + 1),
            today: TODAY + 1,
        };
        let id = Box::new(|_: &str, id: &str| id.to_owned());
        let reads = Reads::new(self, catalog, job, id, given, tables)?;
        for made in self.make(&reads)? {
            compare_schema(self.name, &made.rows, made.table, catalog)?;
        }
        Ok(())
    }
}

fn compare_schema(mart: &'static str, rows: &RecordBatch, table: &str, catalog: &Catalog) -> Result<(), MartError> {
    let said = |what: String| MartError::Malformed { mart, what };
    let wanted = mart_schema(catalog.require(table)?);
    let have = rows.schema();
    for (field, have) in wanted.fields().iter().zip(have.fields()) {
        if (field.name(), field.data_type()) != (have.name(), have.data_type()) {
            return Err(said(format!(
                "{table} has {} as {} where the contract has {} as {}",
                have.name(),
                have.data_type(),
                field.name(),
                field.data_type()
            )));
        }
    }
    if wanted.fields().len() != have.fields().len() {
        let (have, wanted) = (have.fields().len(), wanted.fields().len());
        return Err(said(format!("{table} has {have} columns, its contract {wanted}")));
    }
    Ok(())
}

/// Columns and types of a frame against a contract's.
fn compare(mart: &'static str, table: &Table, rows: &DataFrame) -> Result<(), MartError> {
    let said = |what: String| MartError::Malformed { mart, what };
    for column in table.stored() {
        let Ok(have) = rows.column(&column.name) else {
            return Err(said(format!("column {} of the contract {} is not made", column.name, table.name)));
        };
        let fits = matches!(
            (column.data_type, have.dtype()),
            (Type::Text, DataType::String)
                | (Type::Bool, DataType::Boolean)
                | (Type::Int, DataType::Int64)
                | (Type::Double, DataType::Float64)
                | (Type::Date, DataType::Date)
                | (Type::Timestamp, DataType::Datetime(TimeUnit::Microseconds, _))
        );
        if !fits {
            let (name, have) = (&column.name, have.dtype());
            return Err(said(format!("{name} is made as {have}, the contract {} says otherwise", table.name)));
        }
    }
    let known = |name: &str| table.stored().any(|column| column.name == name);
    match rows.get_column_names().iter().find(|name| !known(name)) {
        Some(stray) => Err(said(format!("column {stray} is made and stands in no contract of {}", table.name))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use polars::prelude::{Column, PolarsResult};

    use super::*;
    use crate::mart::MARTS;
    use crate::mart::list::DERIVED;
    use crate::period::Grain;

    fn job(catalog: &Catalog) -> Job {
        let text = "name = \"n\"\nlanding = \"memory://a\"\nlake = \"memory://b\"\nfeeds = [\"f\"]\nzone = \"UTC\"";
        Job::parse(Path::new("job.toml"), text, catalog, &|_| Err("none".into())).unwrap()
    }

    #[test]
    fn every_table_agrees_with_its_contract_before_any_row_exists() {
        let catalog = Catalog::load().unwrap();
        let mut wrong = Vec::new();
        wrong.extend(MARTS.iter().filter_map(|mart| mart.disagreements(&catalog).err()));
        wrong.extend(DERIVED.iter().filter_map(|derived| derived.disagreements(&catalog, &job(&catalog)).err()));
        let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        assert_eq!(wrong, Vec::<String>::new());
    }

    fn build(inputs: &Inputs<'_>) -> PolarsResult<Vec<Block>> {
        (MARTS[0].build)(inputs)
    }

    fn finish(rows: DataFrame, inputs: &Inputs<'_>, previous: &Previous) -> PolarsResult<DataFrame> {
        (MARTS[0].finish)(rows, inputs, previous)
    }

    /// What is said of `adoption_kpis` with another build or finish.
    fn said(mart: Mart) -> String {
        mart.disagreements(&Catalog::load().unwrap()).unwrap_err().to_string()
    }

    const SOUND: Mart = Mart {
        name: "adoption_kpis",
        grains: &[Grain::Week],
        managers: Some("adoption_kpis_managers"),
        needs: &[],
        looks_back: true,
        acts: None,
        previous: &["active_rate"],
        build,
        describe: None,
        finish,
    };

    #[test]
    fn a_column_too_few_too_many_or_of_another_type_is_named() {
        assert!(SOUND.disagreements(&Catalog::load().unwrap()).is_ok());
        let unfinished = |rows: DataFrame, _: &Inputs<'_>, _: &Previous| Ok(rows);
        let missing = said(Mart { finish: unfinished, ..SOUND });
        assert_eq!(missing, "adoption_kpis: column active_rate_low of the contract adoption_kpis is not made");
        let stray = said(Mart {
            finish: |rows, inputs, previous| {
                let mut rows = finish(rows, inputs, previous)?;
                let count = rows.height();
                rows.with_column(Column::new("mood".into(), vec![1i64; count]))?;
                Ok(rows)
            },
            ..SOUND
        });
        assert_eq!(stray, "adoption_kpis: column mood is made and stands in no contract of adoption_kpis");
        let mistyped = said(Mart {
            finish: |rows, inputs, previous| {
                let mut rows = finish(rows, inputs, previous)?;
                let count = rows.height();
                rows.with_column(Column::new("active_rate_low".into(), vec![1i64; count]))?;
                Ok(rows)
            },
            ..SOUND
        });
        assert_eq!(
            mistyped,
            "adoption_kpis: active_rate_low is made as i64, the contract adoption_kpis says otherwise"
        );
    }

    #[test]
    fn person_rows_that_lack_a_measure_or_bring_another_are_named() {
        let without = said(Mart {
            build: |inputs| Ok(vec![Block::of(build(inputs)?.remove(0).rows.drop("visitors")?)]),
            ..SOUND
        });
        assert_eq!(without, "adoption_kpis: person rows have no column visitors");
        let with = said(Mart {
            build: |inputs| {
                let mut rows = build(inputs)?.remove(0).rows;
                rows.with_column(Column::new("visitor".into(), Vec::<i64>::new()))?;
                Ok(vec![Block::of(rows)])
            },
            ..SOUND
        });
        assert_eq!(with, "adoption_kpis: person rows have a column visitor that is no measure of the contract");
        let key = said(Mart {
            build: |inputs| {
                let mut block = build(inputs)?.remove(0);
                block.keys.push(("cohort", person_rows::Value::Int(Some(1))));
                Ok(vec![block])
            },
            ..SOUND
        });
        assert_eq!(key, "adoption_kpis: a block has the key cohort, and the contract no such column");
    }
}
