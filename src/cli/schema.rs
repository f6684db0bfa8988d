//! `schema`: the contracts, for people and for machines.

use clap::{Args, ValueEnum};

use super::near::near;
use super::terminal;
use crate::contract::{Area, Catalog, dictionary, odcs};
use crate::error::{Error, Result};

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// The table; by default a list of them, a line each
    table: Option<String>,
    /// The whole dictionary: every column of every table
    #[arg(long, conflicts_with = "table")]
    all: bool,
    /// Markdown, or JSON and ODCS for machines, which always have every column
    #[arg(long, value_enum, default_value = "md")]
    format: Format,
    /// The lake's address, for the server entry of ODCS
    #[arg(long, default_value = "./out")]
    lake: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Md,
    Json,
    Odcs,
}

pub fn schema(args: &SchemaArgs) -> Result<u8> {
    let catalog = Catalog::load()?;
    if let Some(name) = args.table.as_deref().filter(|name| catalog.table(name).is_none()) {
        let names: Vec<&str> = catalog.tables().map(|table| table.name.as_str()).collect();
        let near = near(name, names.iter().copied());
        let hint = if near.is_empty() { format!("the tables are {}", names.join(", ")) } else { meant(&near) };
        return Err(Error::usage(format!("there is no table `{name}`")).hint(hint));
    }
    let table = args.table.as_deref();
    match args.format {
        Format::Md => match table {
            Some(table) => terminal::data(&dictionary::markdown_table(&catalog, table)?)?,
            None if args.all => terminal::data(&dictionary::markdown(&catalog))?,
            None => terminal::data(&list(&catalog))?,
        },
        Format::Json => terminal::json(&dictionary::json(&catalog, table)?)?,
        Format::Odcs => terminal::data(&odcs::yaml(&catalog, table, &args.lake)?)?,
    }
    Ok(0)
}

fn meant(near: &[&str]) -> String {
    format!("did you mean {}? `uptake schema` lists the tables", near.join(" or "))
}

/// Every table with the first sentence about it, those that BI opens first.
fn list(catalog: &Catalog) -> String {
    let areas = [
        (Area::Marts, "for everybody with BI access"),
        (Area::Restricted, "for named readers"),
        (Area::Ops, "for operators"),
        (Area::Canon, "for the pipeline: what feeds fill"),
    ];
    let mut text = String::new();
    for (area, whom) in areas {
        let tables = catalog.tables().filter(|table| table.area == area);
        let rows: Vec<Vec<String>> = tables.map(|table| vec![table.name.clone(), first(&table.description)]).collect();
        text.push_str(&terminal::table(&[&format!("{}/", area.as_str()), whom], &rows));
        text.push('\n');
    }
    text.push_str("`uptake schema TABLE` explains the columns of one, `uptake schema --all` those of every one\n");
    text
}

/// The first sentence of a description.
fn first(description: &str) -> String {
    let end = description.find(". ").map_or(description.trim_end_matches('.').len(), |end| end);
    description[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_a_line_for_every_table_and_no_columns() {
        let catalog = Catalog::load().unwrap();
        let list = list(&catalog);
        for table in catalog.tables() {
            let line = list.lines().find(|line| line.split_whitespace().next() == Some(table.name.as_str()));
            assert!(line.is_some_and(|line| line.len() > table.name.len() + 10), "{}", table.name);
        }
        // Four heads with an empty line behind each, and the last line.
        assert_eq!(list.lines().count(), catalog.tables().count() + 9);
        assert_eq!(first("One. Two."), "One");
        assert!(catalog.tables().all(|table| first(&table.description).len() > 15));
    }
}
