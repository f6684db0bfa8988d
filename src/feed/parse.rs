//! A feed file read: as written first, then as meant.

use super::feed::Feed;
use super::line;
use super::sha256::sha256;
use super::spec::FeedFile;
use super::validate::resolve;
use crate::contract::{Area, Catalog, Table};

/// A feed file that cannot be used; the message names the feed and the key.
#[derive(Debug, thiserror::Error)]
#[error("feed {feed}{}: {what}", .line.map_or_else(String::new, |line| format!(", line {line}")))]
pub struct FeedError {
    pub feed: String,
    /// Where the fault lies, from 1 on, where it lies in one place.
    pub line: Option<usize>,
    pub what: String,
}

impl Feed {
    /// Reads and validates a feed file against the canon table it fills.
    ///
    /// # Errors
    /// Invalid TOML, unknown keys, columns or values the canon table does not have, required columns without a source.
    pub fn parse(name: &str, text: &str, catalog: &Catalog) -> Result<Feed, FeedError> {
        let error = |what: String| FeedError { feed: name.into(), line: None, what };
        let file: FeedFile = toml::from_str(text).map_err(|cause| error(cause.to_string()))?;
        let table = catalog.table(&file.fills).filter(|table| table.area == Area::Canon);
        let table = table.ok_or_else(|| error(format!("fills `{}`, which is no canon table", file.fills)))?;
        Feed::parse_for(name, text, table)
    }

    /// Like [`Feed::parse`], against a table that is in no catalog.
    ///
    /// # Errors
    /// As for [`Feed::parse`].
    pub fn parse_for(name: &str, text: &str, table: &Table) -> Result<Feed, FeedError> {
        let error = |what: String| FeedError { feed: name.into(), line: None, what };
        let file: FeedFile = toml::from_str(text).map_err(|cause| error(cause.to_string()))?;
        let mut at = line::At::default();
        let feed = resolve(name, file, table, &mut at)
            .map_err(|what| FeedError { line: line::of(text, &at, &what), ..error(what) })?;
        let read_as = read_as(text, table).map_err(error)?;
        Ok(Feed { read_as, ..feed })
    }
}

/// Keys that do not change what a record becomes: what the feed is called, which objects it reads and when, and what holds a delivery back.
const NOT_OF_ROWS: [&str; 8] = ["description", "vendor", "handles", "path", "marker", "snapshots", "shares", "gates"];
/// Limits that refuse single records. All others refuse a delivery whole.
const LIMITS_OF_RECORDS: [&str; 2] = ["record_bytes", "json_depth"];

/// [`Feed::read_as`] of a feed file: comments, spaces and the order of its keys do not count.
fn read_as(text: &str, table: &Table) -> Result<String, String> {
    let mut keys: toml::Table = toml::from_str(text).map_err(|cause| cause.to_string())?;
    keys.retain(|key, _| !NOT_OF_ROWS.contains(&key));
    if let Some(toml::Value::Table(limits)) = keys.get_mut("limits") {
        limits.retain(|key, _| LIMITS_OF_RECORDS.contains(&key));
        if limits.is_empty() {
            keys.remove("limits");
        }
    }
    let mut meant = serde_json::to_value(&keys).map_err(|cause| cause.to_string())?;
    meant.sort_all_objects();
    Ok(sha256(format!("{meant}{}", table.reading_hash()).as_bytes())[..16].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEED: &str = "description = \"a\"\nfills = \"users\"\npath = \"u_{date}.csv\"\nformat = \"csv\"\n";

    #[test]
    fn what_changes_a_row_changes_how_a_feed_reads_and_nothing_else_does() {
        let catalog = Catalog::load().unwrap();
        let of = |text: &str| Feed::parse("f", text, &catalog).unwrap().read_as;
        let base = of(FEED);
        let same = [
            format!("# a comment\n{}", FEED.replace("\"a\"", "\"b\"")),
            FEED.replace("u_{date}", "v_{date}"),
            format!("format = \"csv\"\n{}", FEED.replace("format = \"csv\"\n", "")),
            format!("{FEED}[limits]\nrejected_share = 0.2\n[gates]\nreject_share = \"warn\"\n"),
        ];
        for text in same {
            assert_eq!(of(&text), base, "{text}");
        }
        let other = [
            format!("{FEED}mode = \"full\"\n"),
            format!("{FEED}nulls = [\"-\"]\n"),
            format!("{FEED}[limits]\nrecord_bytes = 100\n"),
            format!("{FEED}[csv]\ndelimiter = \";\"\n"),
        ];
        for text in other {
            assert_ne!(of(&text), base, "{text}");
        }
    }
}
