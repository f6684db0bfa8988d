//! One canon row as one record of the export: a way for each column, so that none contradicts another.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use crate::contract::Table;
use crate::feed::feed::{Block, Feed, Mapping, Source};

use super::cell::{Cell, Sheet, Way, What};
use super::entry::{Entry, Value};
use super::ways::{place, ways};

/// Steps in which required columns are fitted together; more would be a feed that contradicts itself.
const STEPS: usize = 4_000;

/// What a feed makes of rows, but for the bytes.
pub(super) struct Writer<'a> {
    feed: &'a Feed,
    table: &'a Table,
    block: &'a Block,
    zone: Tz,
    /// By stored column: its place among the columns of the table.
    stored: Vec<usize>,
    /// Header names and JSON paths, in the order of the export's columns.
    pub header: Vec<String>,
    /// How many columns are read from each place.
    readers: BTreeMap<String, usize>,
}

/// Why a row is not told: the column, and the value that no way was found for.
pub(super) type Untold = (String, Option<Value>);

impl<'a> Writer<'a> {
    pub fn new(feed: &'a Feed, table: &'a Table, zone: Tz) -> Option<Writer<'a>> {
        // The first block is the newest header line.
        let block = feed.blocks.first()?;
        let stored = (0..table.columns.len()).filter(|at| !table.columns[*at].transient).collect();
        let mut header: Vec<String> = Vec::new();
        let mut add = |name: String| {
            if !name.starts_with("path:") && name != crate::feed::read::RECORD && !header.contains(&name) {
                header.push(name);
            }
        };
        for mapping in &block.columns {
            match &mapping.source {
                Source::Nothing | Source::Constant(_) => {}
                // The others are what the column was called elsewhere, or stand in for it.
                Source::First(names) => names.first().into_iter().for_each(|name| add(place(name, mapping))),
                Source::Joined(names, _) | Source::Combined(names, _) => {
                    names.iter().for_each(|name| add(place(name, mapping)));
                }
            }
            mapping.divide_by.iter().for_each(|by| add(by.clone()));
        }
        let select = &feed.select;
        select.filters.iter().for_each(|filter| add(filter.column().to_owned()));
        select.primary.iter().chain(&select.annul).for_each(|choice| add(choice.column.clone()));
        select.order_by.iter().for_each(|column| add(column.clone()));
        feed.action.iter().for_each(|action| add(action.from.clone()));
        let mut readers: BTreeMap<String, usize> = BTreeMap::new();
        for (mapping, column) in block.columns.iter().zip(&table.columns) {
            for place in super::ways::places(mapping).into_iter().filter(|_| !column.transient) {
                *readers.entry(place).or_default() += 1;
            }
        }
        Some(Writer { feed, table, block, zone, stored, header, readers })
    }

    /// The cells of a row. A column that needs none and fits the others in no way is left out.
    ///
    /// # Errors
    /// A column without which there is no row cannot be told.
    pub fn record(&self, entry: &Entry, nth: usize) -> Result<Sheet, Untold> {
        // Words of several columns are mostly read off what stands in these for its own sake, and ask for little; where that does not
        // do, they come first.
        let first = self.fitted(entry, false);
        let mut sheet = first.or_else(|_| self.fitted(entry, true))?;
        if let Some((column, value)) = self.unmade(&sheet, entry) {
            return Err((column, value));
        }
        let select = &self.feed.select;
        for filter in &select.filters {
            // What has to hold something, whatever it is.
            let (words, keeps_none) = filter.kept();
            if words.is_empty() && !keeps_none && sheet.cell(filter.column()).is_none() {
                sheet.take(&vec![(filter.column().to_owned(), What::Is(Cell::text("1")))]);
            }
        }
        if let Some(order) = &select.order_by {
            sheet.take(&vec![(order.clone(), What::Is(Cell::text(format!("{:06}", nth + 1))))]);
        }
        Ok(sheet)
    }

    /// A column without which there is no row, of several parts of which one is missing.
    fn unmade(&self, sheet: &Sheet, entry: &Entry) -> Option<Untold> {
        let mut all = self.stored.iter().zip(&entry.values);
        let is_unmade = |(at, value): &(&usize, &Option<Value>)| {
            let (column, mapping) = (&self.table.columns[**at], &self.block.columns[**at]);
            let is_missing = |place: &String| !place.starts_with("path:") && sheet.cell(place).is_none();
            matches!(mapping.source, Source::Joined(..))
                && column.required
                && value.is_some()
                && super::ways::places(mapping).iter().any(is_missing)
        };
        all.find(is_unmade).map(|(at, value)| (self.table.columns[*at].name.clone(), value.clone()))
    }

    fn fitted(&self, entry: &Entry, words_first: bool) -> Result<Sheet, Untold> {
        let column = |at: usize| &self.table.columns[self.stored[at]];
        let mapping = |at: usize| &self.block.columns[self.stored[at]];
        let value = |at: usize| entry.values[at].as_ref();
        let is_shared = |place: &str| self.readers.get(place).is_some_and(|readers| *readers > 1);
        let ways_of = |at: usize| ways(column(at), mapping(at), value(at), self.zone, &is_shared);
        let is_combined = |at: &usize| matches!(mapping(*at).source, Source::Combined(..));
        let binds = |at: &usize| column(*at).required || column(*at).key;
        let all = 0..self.stored.len();
        let mut needs: Vec<Vec<Way>> = Vec::new();
        for at in all.clone().filter(binds).filter(|at| !is_combined(at)) {
            // Of a row that takes its key back only the key is told.
            if entry.deleted && value(at).is_none() {
                continue;
            }
            let ways = ways_of(at);
            if ways.is_empty() {
                return Err((column(at).name.clone(), value(at).cloned()));
            }
            needs.push(ways);
        }
        needs.extend(self.rules(entry));
        let sheet = fit(&Sheet::default(), &needs, &mut 0).ok_or_else(|| (String::new(), None))?;
        let combine = |mut sheet: Sheet| -> Result<Sheet, Untold> {
            for at in all.clone().filter(is_combined).filter(|at| !(entry.deleted && value(*at).is_none())) {
                match self.combined(&sheet, mapping(at), value(at)) {
                    Some(next) => sheet = next,
                    None if binds(&at) => return Err((column(at).name.clone(), value(at).cloned())),
                    None => {}
                }
            }
            Ok(sheet)
        };
        let mut sheet = if words_first { combine(sheet)? } else { sheet };
        // What there is before what there is not: a place that two columns read says the one that has something.
        let (full, empty): (Vec<usize>, Vec<usize>) =
            all.clone().filter(|at| !binds(at) && !is_combined(at)).partition(|at| value(*at).is_some());
        for at in full {
            let _ = ways_of(at).iter().any(|way| sheet.take(way));
        }
        let mut sheet = if words_first { sheet } else { combine(sheet)? };
        for at in empty {
            let _ = ways_of(at).iter().any(|way| sheet.take(way));
        }
        Ok(sheet)
    }

    /// A sheet on which the words of several columns mean the value.
    fn combined(&self, sheet: &Sheet, mapping: &Mapping, value: Option<&Value>) -> Option<Sheet> {
        let Source::Combined(names, combined) = &mapping.source else { return None };
        let meaning = value.map(ToString::to_string).unwrap_or_default();
        let places: Vec<String> = names.iter().map(|name| place(name, mapping)).collect();
        let means = |sheet: &Sheet| {
            let cells: Vec<Option<Cell>> = places.iter().map(|place| sheet.cell(place)).collect();
            let words: Vec<Option<&str>> =
                cells.iter().map(|cell| cell.as_ref().map(|cell| cell.text.as_str())).collect();
            combined.meaning(&words).is_ok_and(|found| found.word == meaning)
        };
        if means(sheet) {
            return Some(sheet.clone());
        }
        // Any word may be none, or has to be one where an earlier row is about none.
        combined.words_for(&meaning).into_iter().find_map(|row| {
            [false, true].into_iter().find_map(|is_filled| {
                let mut next = sheet.clone();
                let mut way = Way::new();
                for (place, word) in places.iter().zip(&row) {
                    match word.as_deref() {
                        Some("") => way.push((place.clone(), What::Empty)),
                        Some(word) => way.push((place.clone(), What::Is(Cell::text(word)))),
                        None if is_filled && !sheet.is_decided(place) => {
                            way.push((place.clone(), What::Is(Cell::text("1"))));
                        }
                        None => {}
                    }
                }
                (next.take(&way) && means(&next)).then_some(next)
            })
        })
    }

    /// What the feed's rules ask of a record so that it counts.
    fn rules(&self, entry: &Entry) -> Vec<Vec<Way>> {
        let one = |place: &str, word: &str| -> Way {
            let what = if word.is_empty() { What::Empty } else { What::Is(Cell::text(word)) };
            vec![(place.to_owned(), what)]
        };
        let select = &self.feed.select;
        let mut needs: Vec<Vec<Way>> = Vec::new();
        for filter in &select.filters {
            let (words, _) = filter.kept();
            if !words.is_empty() {
                needs.push(words.iter().map(|word| one(filter.column(), word)).collect());
            }
        }
        if let Some(primary) = &select.primary {
            needs.push(primary.values.iter().map(|word| one(&primary.column, word)).collect());
        }
        if let Some(action) = &self.feed.action {
            let words = if entry.deleted { &action.deletes } else { &action.upserts };
            needs.push(words.iter().map(|word| one(&action.from, word)).collect());
        }
        needs
    }
}

/// The first sheet on which each need has a way.
fn fit(sheet: &Sheet, needs: &[Vec<Way>], steps: &mut usize) -> Option<Sheet> {
    let Some((first, rest)) = needs.split_first() else { return Some(sheet.clone()) };
    first.iter().find_map(|way| {
        *steps += 1;
        if *steps > STEPS {
            return None;
        }
        let mut next = sheet.clone();
        next.take(way).then(|| fit(&next, rest, steps)).flatten()
    })
}
