//! `feed list`: the shipped feeds by vendor, with what they fill and what of each export's ways they take care of.

use std::collections::{BTreeMap, BTreeSet};

use crate::cli::{load, terminal};
use crate::contract::{Catalog, words};
use crate::error::Result;
use crate::feed::Feed;

pub(super) fn list(markdown: bool) -> Result<u8> {
    let catalog = Catalog::load()?;
    let mut names: Vec<String> = load::shipped_feeds().collect();
    names.sort();
    let mut vendors: BTreeMap<(String, String), Vec<Feed>> = BTreeMap::new();
    for name in names {
        let feed = load::feed(&name, None, &catalog)?.feed;
        // Our own forms come last.
        let vendor = feed.vendor.clone().unwrap_or_else(|| "any, in the canon's own column names".into());
        vendors.entry((vendor.to_lowercase(), vendor)).or_default().push(feed);
    }
    if markdown {
        let mut text = String::from("| vendor | feeds | fill | taken care of |\n|---|---|---|---|\n");
        for ((_, vendor), feeds) in &vendors {
            let all: Vec<String> = feeds.iter().map(|feed| format!("`{}`", feed.name)).collect();
            let tables: BTreeSet<&str> = feeds.iter().map(|feed| feed.fills.as_str()).collect();
            let tables: Vec<String> = tables.into_iter().map(str::to_owned).collect();
            let mut handled: Vec<&str> = Vec::new();
            for handles in feeds.iter().filter_map(|feed| feed.handles.as_deref()) {
                if !handled.contains(&handles) {
                    handled.push(handles);
                }
            }
            text += &format!(
                "| {vendor} | {} | {} | {} |\n",
                all.join(", "),
                tables.join(", "),
                handled.join("; ").replace('|', "\\|")
            );
        }
        terminal::data(&text)?;
        return Ok(0);
    }
    let rows: Vec<Vec<String>> = vendors
        .iter()
        .flat_map(|((_, vendor), feeds)| {
            feeds.iter().map(move |feed| {
                let handles = feed.handles.clone().unwrap_or_else(|| feed.description.clone());
                vec![vendor.clone(), feed.name.clone(), feed.fills.clone(), handles]
            })
        })
        .collect();
    terminal::data(&terminal::table(&["vendor", "feed", "fills", "takes care of"], &rows))?;
    terminal::data(&format!("{}\n", words::count(rows.len() as u64, "feed")))?;
    Ok(0)
}
