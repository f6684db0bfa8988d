//! The rows of one table told again: as snapshots where the feed delivers snapshots, as changes where it delivers changes.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use crate::contract::Table;
use crate::feed::write::{Entry, Lost, Unwritable, Value, Why, standing, tells_since, write};
use crate::feed::{Feed, Mode};

use super::{Days, GalleryError, ZONE};

/// The exports of one feed.
#[derive(Debug, Default)]
pub struct Retold {
    pub files: BTreeMap<String, Bytes>,
    pub lost: Lost,
    /// By day, the rows that the exports carry.
    pub carried: Days,
}

/// Events are many: their exports are packed, as the company packs them.
const PACKED: &str = "activity";

/// Tells rows as a feed wants them. They were told as snapshots, as changes or as more of the same.
///
/// # Errors
/// The feed's exports cannot be written.
pub fn retell(feed: &Feed, table: &Table, (mode, days): (Mode, &Days)) -> Result<Retold, GalleryError> {
    let mut retold = Retold::default();
    let mut state = State::default();
    let is_dated = tells_since(feed, table);
    if !is_dated && feed.mode != Mode::Full {
        let what = "it says neither since when a row holds nor, as a snapshot, what there is".to_owned();
        return Err(Unwritable { feed: feed.name.clone(), what }.into());
    }
    for (day, rows) in days {
        let changes = match mode {
            Mode::Full => state.replace(table, rows),
            Mode::Delta | Mode::Append => state.change(table, rows),
        };
        let rows = match (feed.mode, is_dated) {
            (Mode::Full, true) => state.rows(),
            (Mode::Full, false) => {
                let all = state.rows();
                let standing = standing(table, &all, *day);
                // What there was before, and what is known of later, is in no such export.
                retold.lost.note("", Why::OnlyToday);
                standing
            }
            // What does not end rows by a snapshot ends them by a word for it, if it has one.
            _ => changes.into_iter().filter(|row| !row.deleted || feed.has_deletes()).collect(),
        };
        if rows.is_empty() {
            continue;
        }
        let export = write(feed, table, ZONE, *day, &rows, table.name == PACKED)?;
        retold.lost.add(export.lost);
        for file in export.files {
            retold.files.extend(file.beside);
            retold.files.insert(file.path, file.bytes);
        }
        retold.carried.insert(*day, export.carried);
    }
    Ok(retold)
}

/// What has been told so far, by key, in the order in which keys were first told.
#[derive(Default)]
struct State {
    rows: Vec<Option<Entry>>,
    places: HashMap<String, usize>,
}

impl State {
    fn rows(&self) -> Vec<Entry> {
        self.rows.iter().flatten().cloned().collect()
    }

    /// Takes more rows; gives them back.
    fn change(&mut self, table: &Table, rows: &[Entry]) -> Vec<Entry> {
        for row in rows {
            self.put(table, row);
        }
        rows.to_vec()
    }

    /// Takes rows for all there are; gives back what changed, and what is gone as deletes.
    fn replace(&mut self, table: &Table, rows: &[Entry]) -> Vec<Entry> {
        let mut gone: HashMap<String, usize> = self.places.clone();
        let mut changes = Vec::new();
        for row in rows {
            gone.remove(&key(table, row));
            if self.put(table, row) {
                changes.push(row.clone());
            }
        }
        let mut gone: Vec<usize> = gone.into_values().collect();
        gone.sort_unstable();
        for at in gone {
            changes.extend(self.rows[at].take().map(|row| Entry { deleted: true, ..row }));
        }
        changes
    }

    /// Whether the row says something new.
    fn put(&mut self, table: &Table, row: &Entry) -> bool {
        let at = *self.places.entry(key(table, row)).or_insert_with(|| {
            self.rows.push(None);
            self.rows.len() - 1
        });
        let held = &mut self.rows[at];
        let is_new = held.as_ref().is_none_or(|held| held.values != row.values) && !(held.is_none() && row.deleted);
        *held = (!row.deleted).then(|| row.clone());
        is_new
    }
}

fn key(table: &Table, row: &Entry) -> String {
    let mut key = String::new();
    for (column, value) in table.stored().zip(&row.values) {
        if column.key {
            key += &value.as_ref().map(Value::to_string).unwrap_or_default();
            key.push('\n');
        }
    }
    key
}
