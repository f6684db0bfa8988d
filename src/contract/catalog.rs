//! Every contract, compiled in and resolved.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};

use super::{Area, ContractError, Table, parse};

static SCHEMAS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/schemas");

/// All tables of the product, canon and mart, by name.
#[derive(Debug, Clone)]
pub struct Catalog {
    tables: BTreeMap<String, Table>,
    warnings: BTreeMap<String, String>,
}

impl Catalog {
    /// Loads the compiled-in contracts and checks what holds across tables: one name has one meaning.
    ///
    /// # Errors
    /// A contract breaks a rule of the house; the message names table and column.
    pub fn load() -> Result<Catalog, ContractError> {
        let shared = parse::shared_columns(text("columns.toml"))?;
        let mut tables = BTreeMap::new();
        for (folder, area) in [("canon", Area::Canon), ("mart", Area::Marts)] {
            for file in SCHEMAS.get_dir(folder).into_iter().flat_map(Dir::files) {
                let Some(name) = file.path().file_stem().and_then(|stem| stem.to_str()) else { continue };
                let other = |name: &str| SCHEMAS.get_file(format!("{folder}/{name}.toml"))?.contents_utf8();
                let table = parse::table(name, area, file.contents_utf8().unwrap_or_default(), &shared, &other)?;
                if tables.insert(name.to_owned(), table).is_some() {
                    return Err(ContractError { table: name.into(), what: "is a canon table and a mart".into() });
                }
            }
        }
        let warnings = toml::from_str(text("warnings.toml"))
            .map_err(|cause| ContractError { table: "warnings.toml".into(), what: cause.to_string() })?;
        let catalog = Catalog { tables, warnings };
        catalog.across()?;
        Ok(catalog)
    }

    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.get(name)
    }

    /// The table, for names the code itself spells.
    ///
    /// # Errors
    /// There is no such contract.
    pub fn require(&self, name: &str) -> Result<&Table, ContractError> {
        self.table(name).ok_or_else(|| ContractError { table: name.into(), what: "has no contract".into() })
    }

    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.tables.values()
    }

    pub fn canon(&self) -> impl Iterator<Item = &Table> {
        self.tables().filter(|table| table.area == Area::Canon)
    }

    /// The standard sentence of a usage warning.
    pub fn warning(&self, code: &str) -> Option<&str> {
        self.warnings.get(code).map(String::as_str)
    }

    fn across(&self) -> Result<(), ContractError> {
        let error = |table: &Table, what: String| Err(ContractError { table: table.name.clone(), what });
        for table in self.tables() {
            for read in &table.reads {
                if self.table(&read.table).is_none() {
                    return error(table, format!("reads `{}`, which has no contract", read.table));
                }
                if let Some((other, column)) = &read.matching
                    && !(table.reads_table(other)
                        && self.table(other).is_some_and(|other| other.column(column).is_some()))
                {
                    return error(table, format!("reads rows that match `{other}.{column}`, which it does not read"));
                }
            }
            for code in &table.warnings {
                if self.warning(code).is_none() {
                    return error(table, format!("warning `{code}` is not in warnings.toml"));
                }
            }
        }
        match self.circle() {
            Some((table, circle)) => error(table, format!("reads itself, through {}", circle.join(", "))),
            None => Ok(()),
        }
    }

    /// A table that is made of itself, and the tables on the way round.
    fn circle(&self) -> Option<(&Table, Vec<&str>)> {
        // A table all of whose reads are done is done; what is left over when nothing more is done, or hangs on it, is a circle.
        let mut left: BTreeMap<&str, &Table> = self.tables.iter().map(|(name, table)| (name.as_str(), table)).collect();
        loop {
            let before = left.len();
            let open: Vec<&str> = left.keys().copied().collect();
            left.retain(|_, table| table.reads.iter().any(|read| open.contains(&read.table.as_str())));
            if left.len() == before {
                break;
            }
        }
        let mut way: Vec<&str> = Vec::new();
        let mut table = *left.values().next()?;
        loop {
            if let Some(at) = way.iter().position(|name| *name == table.name) {
                return Some((table, way.split_off(at)));
            }
            way.push(&table.name);
            table = table.reads.iter().find_map(|read| left.get(read.table.as_str()).copied())?;
        }
    }
}

fn text(path: &str) -> &'static str {
    SCHEMAS.get_file(path).and_then(|file| file.contents_utf8()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_made_of_each_other_are_refused_by_name() {
        let mut catalog = Catalog::load().unwrap();
        assert!(catalog.across().is_ok());
        let scorecard = || "scorecard".to_owned();
        catalog.tables.get_mut("cadence").unwrap().reads.push(crate::contract::Read::all_of(&scorecard()));
        let refused = catalog.across().unwrap_err().to_string();
        assert!(
            refused.contains("cadence") && refused.contains("reads itself, through cadence, scorecard"),
            "{refused}"
        );
    }
}
