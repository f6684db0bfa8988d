//! A feed file read: as written first, then as meant.

use super::feed::Feed;
use super::spec::FeedFile;
use super::validate::resolve;
use crate::contract::{Area, Catalog, Table};

/// A feed file that cannot be used; the message names the feed and the key.
#[derive(Debug, thiserror::Error)]
#[error("feed {feed}: {what}")]
pub struct FeedError {
    pub feed: String,
    pub what: String,
}

impl Feed {
    /// Reads and validates a feed file against the canon table it fills.
    ///
    /// # Errors
    /// Invalid TOML, unknown keys, columns or values the canon table does not have, required columns without a source.
    pub fn parse(name: &str, text: &str, catalog: &Catalog) -> Result<Feed, FeedError> {
        let error = |what: String| FeedError { feed: name.into(), what };
        let file: FeedFile = toml::from_str(text).map_err(|cause| error(cause.to_string()))?;
        let table = catalog.table(&file.fills).filter(|table| table.area == Area::Canon);
        let table = table.ok_or_else(|| error(format!("fills `{}`, which is no canon table", file.fills)))?;
        resolve(name, file, table).map_err(error)
    }

    /// Like [`Feed::parse`], against a table that is in no catalog.
    ///
    /// # Errors
    /// As for [`Feed::parse`].
    pub fn parse_for(name: &str, text: &str, table: &Table) -> Result<Feed, FeedError> {
        let error = |what: String| FeedError { feed: name.into(), what };
        let file: FeedFile = toml::from_str(text).map_err(|cause| error(cause.to_string()))?;
        resolve(name, file, table).map_err(error)
    }
}
