//! `feed check`: a feed file alone, as what it makes of which column.

use std::path::Path;

use crate::cli::{load, terminal};
use crate::contract::Catalog;
use crate::error::Result;
use crate::feed::Described;

#[derive(serde::Serialize)]
struct Checked<'a> {
    feed: &'a str,
    description: &'a str,
    fills: &'a str,
    form: String,
    /// One list a header block.
    headers: &'a [Vec<Described>],
}

pub(super) fn check(name: &str, json: bool) -> Result<u8> {
    let catalog = Catalog::load()?;
    let loaded = load::feed(name, Some(Path::new("")), &catalog)?;
    let feed = &loaded.feed;
    let table = catalog.require(&feed.fills)?;
    let blocks = feed.describe(table);
    if json {
        let form = feed.described_form();
        terminal::json(&Checked {
            feed: &feed.name,
            description: &feed.description,
            fills: &feed.fills,
            form,
            headers: &blocks,
        })?;
        return Ok(0);
    }
    let mut text =
        format!("{}: {}\nfills {} from {}\n", feed.name, feed.description, feed.fills, feed.described_form());
    for (number, block) in blocks.iter().enumerate() {
        text.push('\n');
        if blocks.len() > 1 {
            text.push_str(&format!("header block {}\n", number + 1));
        }
        let rows: Vec<Vec<String>> = block
            .iter()
            .filter(|row| !row.from.is_empty())
            .map(|row| {
                let column = if row.required { format!("{} *", row.column) } else { row.column.clone() };
                vec![column, row.from.clone(), row.how.clone()]
            })
            .collect();
        text.push_str(&terminal::table(&["column", "from", "how"], &rows));
        let empty: Vec<&str> = block.iter().filter(|row| row.from.is_empty()).map(|row| row.column.as_str()).collect();
        if !empty.is_empty() {
            text.push_str(&format!("not filled: {}\n", empty.join(", ")));
        }
    }
    text.push_str("\n* required. `uptake feed try` reads an export through it.\n");
    terminal::data(&text)?;
    Ok(0)
}
