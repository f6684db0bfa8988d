//! Rows by scope and competency, with the items behind each: what the tables about reviews have in common.

use std::collections::BTreeMap;

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::split::{self, Cells, Unit};
use super::{Authors, Item};
use crate::contract::Table;
use crate::guard::Tally;
use crate::job::Policy;
use crate::mart::derived::Reads;
use crate::mart::error::MartError;
use crate::mart::person_rows::{self, Block, Placement, Value};
use crate::scope::Rows;

/// All competencies together.
pub const ALL: &str = "all";

/// One row as it may be shown.
#[derive(Debug, Clone)]
pub struct Line<'i> {
    pub competency: String,
    pub kind: String,
    pub id: String,
    /// `None` where the row is withheld.
    pub people: Option<i64>,
    /// In the order of the contract's measures.
    pub values: Vec<Option<i64>>,
    /// Row numbers of the authors, ascending, and their items; nobody where the row is withheld.
    pub authors: Vec<u32>,
    pub items: Vec<&'i Item>,
}

/// The items that some rows are about.
pub struct About<'a, 'i> {
    pub facts: &'a Reads<'a>,
    pub table: &'a Table,
    pub authors: &'a Authors,
    pub items: &'a BTreeMap<u32, Vec<&'i Item>>,
    /// The competency of each, by submission.
    pub competencies: &'a BTreeMap<&'i str, String>,
    /// For errors: what the rows are about.
    pub keys: Vec<(&'static str, Value)>,
}

/// What a measure counts of one item, by its name in the contract.
pub type Count<'c, 'i> = (&'static str, &'c dyn Fn(&'i Item) -> i64);

/// Rows of a table, and the scopes that are shown in it.
pub struct Lines<'i> {
    pub lines: Vec<Line<'i>>,
    pub scopes: Vec<Rows>,
    pub withheld: Vec<(Tally, i64)>,
}

impl<'i> About<'_, 'i> {
    fn policy(&self) -> &Policy {
        &self.facts.job.policy
    }

    /// One unit an author and competency; of the items that pass alone.
    pub fn units(&self, counts: &[Count<'_, 'i>], pass: &dyn Fn(&Item) -> bool) -> Vec<Unit<'_>> {
        let mut units = Vec::new();
        for (author, items) in (0u32..).zip(self.items.values()) {
            let mut own: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
            for item in items.iter().filter(|item| pass(item)) {
                let sums = own.entry(self.competency(item)).or_insert_with(|| vec![0; counts.len()]);
                sums.iter_mut().zip(counts).for_each(|(sum, (_, count))| *sum += count(item));
            }
            units.extend(own.into_iter().map(|(competency, values)| Unit { author, competency, values }));
        }
        units
    }

    fn competency(&self, item: &Item) -> &str {
        self.competencies.get(item.submission.id.as_str()).map_or("", String::as_str)
    }

    /// Rows of all competencies together and of each, so guarded that none follows from the others.
    ///
    /// # Errors
    /// The audit fails, or the items and the contract disagree.
    pub fn lines(&self, counts: &[Count<'_, 'i>]) -> Result<Lines<'i>, MartError> {
        let behind = self.behind(counts)?;
        let scopes = behind.scopes();
        let mut lines = self.of_block(&behind)?;
        let mut withheld = behind.withheld;
        if !scopes.is_empty() {
            let units = self.units(counts, &|_| true);
            let split =
                self.guarded(split::split(&scopes, &units, &person_rows::measures(self.table).1, self.policy()))?;
            lines.iter_mut().for_each(|line| line.keep(&split.all));
            for (competency, cells) in &split.by_competency {
                lines.extend(self.of_competency(competency, &scopes, &units, |place| cells.get(place).cloned()));
            }
            tell(&mut withheld, lines.iter().filter(|line| line.competency != ALL));
        }
        Ok(Lines { lines, scopes, withheld })
    }

    /// Rows of each competency, where those of all together are shown nowhere with these figures. Which rows there are is guarded
    /// as in [`About::lines`], because other tables show all together; the figures of each competency are its own.
    ///
    /// # Errors
    /// As [`About::lines`].
    pub fn lines_apart(&self, counts: &[Count<'_, 'i>]) -> Result<Lines<'i>, MartError> {
        let behind = self.behind(counts)?;
        let scopes = behind.scopes();
        let mut lines = Vec::new();
        let mut withheld = Vec::new();
        if self.items.is_empty() {
            return Ok(Lines { lines, scopes, withheld });
        }
        if scopes.is_empty() {
            lines = self.of_block(&behind)?;
            // Nobody may know which competencies so few people brought evidence for.
            lines.iter_mut().for_each(|line| line.competency = crate::guard::OTHER.to_owned());
        } else {
            let units = self.units(counts, &|_| true);
            let kinds = person_rows::measures(self.table).1;
            let together = self.guarded(split::split(&scopes, &units, &[], self.policy()))?;
            for (competency, rows) in &together.by_competency {
                let own: Vec<Unit<'_>> = units.iter().filter(|unit| unit.competency == competency).cloned().collect();
                let cells = self.guarded(split::alone(&scopes, &own, &kinds, self.policy()))?;
                let both = |place: &(String, String)| rows.get(place).and(cells.get(place)).cloned();
                lines.extend(self.of_competency(competency, &scopes, &units, both));
            }
        }
        tell(&mut withheld, lines.iter());
        Ok(Lines { lines, scopes, withheld })
    }

    /// A refusal of the guard as an error of the table.
    ///
    /// # Errors
    /// That refusal.
    pub fn guarded<T>(&self, result: Result<T, crate::guard::GuardError>) -> Result<T, MartError> {
        result.map_err(|cause| MartError::Privacy {
            mart: self.table.name.clone(),
            what: person_rows::said(&self.keys, self.authors.period),
            cause,
        })
    }

    /// All items together, by scope.
    fn behind(&self, counts: &[Count<'_, 'i>]) -> Result<person_rows::Shown, MartError> {
        let sums = counts.iter().map(|(name, count)| {
            (*name, self.items.values().map(|items| items.iter().map(|item| count(item)).sum()).collect())
        });
        let codes: Vec<u32> = self.items.keys().copied().collect();
        let block = Block { keys: self.keys.clone(), rows: self.authors.rows(&codes, sums.collect())? };
        let (people, units) = (self.facts.people(), self.facts.units());
        let (period, policy) = (self.authors.period, self.policy());
        person_rows::show(self.table, &block, &Placement { people, units, period, policy, managers: false })
    }

    /// The rows of a block as they stand.
    fn of_block(&self, behind: &person_rows::Shown) -> PolarsResult<Vec<Line<'i>>> {
        let text = |name: &str| -> PolarsResult<Vec<String>> {
            Ok(behind.rows.column(name)?.str()?.iter().map(|text| text.unwrap_or_default().to_owned()).collect())
        };
        let ints =
            |name: &str| -> PolarsResult<Vec<Option<i64>>> { Ok(behind.rows.column(name)?.i64()?.iter().collect()) };
        let values: Vec<Vec<Option<i64>>> =
            person_rows::measures(self.table).0.into_iter().map(ints).collect::<PolarsResult<_>>()?;
        let population = person_rows::population(self.table).map_or_else(|| Ok(Vec::new()), ints)?;
        let by_author: Vec<&Vec<&'i Item>> = self.items.values().collect();
        let places = text("scope_kind")?.into_iter().zip(text("scope_id")?).enumerate();
        Ok(places
            .map(|(row, (kind, id))| {
                let authors = behind.members(&kind, &id);
                let items = authors.iter().filter_map(|at| by_author.get(*at as usize)).flat_map(|items| items.iter());
                Line {
                    competency: ALL.to_owned(),
                    people: population.get(row).copied().flatten(),
                    values: values.iter().map(|values| values[row]).collect(),
                    items: items.copied().collect(),
                    authors,
                    kind,
                    id,
                }
            })
            .collect())
    }

    /// The rows of one competency in the given scopes; `cells` says what may be shown.
    fn of_competency(
        &self,
        competency: &str,
        scopes: &[Rows],
        units: &[Unit<'_>],
        cells: impl Fn(&(String, String)) -> Option<Vec<Option<i64>>>,
    ) -> Vec<Line<'i>> {
        let mut has_items = vec![false; self.items.len()];
        for unit in units.iter().filter(|unit| unit.competency == competency) {
            has_items[unit.author as usize] = true;
        }
        let by_author: Vec<&Vec<&'i Item>> = self.items.values().collect();
        let measures = person_rows::measures(self.table).0.len();
        let line = |kind: &str, id: &str, members: Vec<u32>| {
            let place = (kind.to_owned(), id.to_owned());
            let shown = cells(&place);
            let is_own = |author: &u32| shown.is_some() && has_items[*author as usize];
            let authors: Vec<u32> = members.into_iter().filter(is_own).collect();
            let items = authors.iter().flat_map(|author| by_author[*author as usize].iter().copied());
            Line {
                competency: competency.to_owned(),
                items: items.filter(|item| self.competency(item) == competency).collect(),
                people: shown.as_ref().map(|_| authors.len() as i64),
                values: shown.unwrap_or_else(|| vec![None; measures]),
                authors,
                kind: place.0,
                id: place.1,
            }
        };
        let everybody = (0u32..).take(self.items.len()).collect();
        let mut lines = vec![line("company", "all", everybody)];
        for rows in scopes {
            let members = rows.members();
            lines.extend(rows.ids.iter().zip(members).skip(1).map(|(id, members)| line(rows.kind, id, members)));
        }
        lines
    }
}

impl Line<'_> {
    /// Keeps what `cells` shows as well.
    fn keep(&mut self, cells: &Cells) {
        match cells.get(&(self.kind.clone(), self.id.clone())) {
            Some(values) => {
                for (mine, theirs) in self.values.iter_mut().zip(values) {
                    *mine = mine.filter(|_| theirs.is_some());
                }
            }
            None => {
                self.people = None;
                self.values.iter_mut().for_each(|value| *value = None);
                self.authors.clear();
                self.items.clear();
            }
        }
    }
}

/// What is withheld of some rows, by scope kind.
fn tell<'l>(withheld: &mut Vec<(Tally, i64)>, lines: impl Iterator<Item = &'l Line<'l>>) {
    let tally = |line: &Line<'_>| Tally {
        kind: line.kind.clone(),
        rows: 1,
        rows_withheld: i64::from(line.people.is_none()),
        cells_withheld: line.people.map_or(0, |_| line.values.iter().filter(|value| value.is_none()).count() as i64),
    };
    crate::mart::person_rows::add(withheld, lines.map(|line| (tally(line), 0)).collect());
}

/// Rows as columns of the contract: keys that are the same in all, place, status, people and measures.
pub fn frame(table: &Table, lines: &[Line<'_>], keys: &[(&'static str, Value)]) -> PolarsResult<DataFrame> {
    let texts = |name: &str, pick: &dyn Fn(&Line<'_>) -> String| {
        Column::new(name.into(), lines.iter().map(pick).collect::<Vec<_>>())
    };
    let mut columns: Vec<Column> = keys
        .iter()
        .filter_map(|(name, value)| match value {
            Value::Text(text) => Some(texts(name, &|_| text.clone())),
            _ => None,
        })
        .collect();
    columns.push(texts("competency", &|line| line.competency.clone()));
    columns.push(texts("scope_kind", &|line| line.kind.clone()));
    columns.push(texts("scope_id", &|line| line.id.clone()));
    columns.push(texts("status", &|line| if line.people.is_some() { "published" } else { "withheld" }.to_owned()));
    let mut ints = |name: &str, pick: &dyn Fn(&Line<'_>) -> Option<i64>| {
        columns.push(Column::new(name.into(), lines.iter().map(pick).collect::<Vec<_>>()));
    };
    if let Some(name) = person_rows::population(table) {
        ints(name, &|line| line.people);
    }
    for (at, name) in person_rows::measures(table).0.into_iter().enumerate() {
        ints(name, &|line| line.values.get(at).copied().flatten());
    }
    DataFrame::new(lines.len(), columns)
}
