//! `schema`: the contracts, for people and for machines.

use clap::{Args, ValueEnum};

use super::terminal;
use crate::contract::{Catalog, dictionary, odcs};
use crate::error::{Error, Result};

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// The table; all of them by default
    table: Option<String>,
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
        return Err(
            Error::usage(format!("there is no table `{name}`")).hint(format!("the tables are {}", names.join(", ")))
        );
    }
    let table = args.table.as_deref();
    match args.format {
        Format::Md => match table {
            Some(table) => terminal::data(&dictionary::markdown_table(&catalog, table)?)?,
            None => terminal::data(&dictionary::markdown(&catalog))?,
        },
        Format::Json => terminal::json(&dictionary::json(&catalog, table)?)?,
        Format::Odcs => terminal::data(&odcs::yaml(&catalog, table, &args.lake)?)?,
    }
    Ok(0)
}
