//! The strict readers, one for each format: text or pages in, records with their place out.

pub(crate) mod bytes;
mod csv;
mod elements;
pub(crate) mod explode;
mod json;
pub(crate) mod json_path;
mod parquet;
pub(crate) mod pass;
pub(crate) mod scan;
pub(crate) mod xlsx;

use std::collections::{BTreeMap, HashSet};

use super::bound::Bound;
use super::cast;
use super::context::Context;
use super::feed::{Feed, FileFormat};
use super::gate::Gate;
use super::reject::{Reason, Refusal};
use super::warning::Warning;
use crate::contract::words;

/// The name of a value derived from the whole record: an id for exports that have none.
pub(crate) const RECORD: &str = "@record";
/// Its position in a file.
pub(crate) const DERIVED: usize = usize::MAX;

/// A source's columns bound to a header block.
pub(crate) struct Header<'a> {
    pub bound: Bound<'a>,
    /// Slot -> position in the file; `None` where an optional column is not delivered.
    pub positions: Vec<Option<usize>>,
    /// Columns neither mapped nor ignored.
    pub unknown: Vec<String>,
    /// Optional columns that the file lacks.
    pub lacking: Vec<String>,
    /// Names that several unmapped columns carry.
    pub twice: Vec<String>,
    /// Columns without a name.
    pub nameless: u64,
}

/// What is worth knowing of a header, said to the gate.
pub(crate) fn tell<E>(
    gate: &mut Gate<'_, E>,
    unknown: &[String],
    twice: &[String],
    nameless: u64,
    lacking: Vec<String>,
) {
    let warnings = &mut gate.intake.warnings;
    warnings.extend(unknown.iter().map(|name| Warning::new("unknown_column", Some(name), 1)));
    warnings.extend(twice.iter().map(|name| Warning::new("header_twice", Some(name), 1)));
    if nameless > 0 {
        warnings.push(Warning::new("header_empty", None, nameless));
    }
    gate.lack(lacking);
}

/// Finds the first header block whose columns are all in the file.
pub(crate) fn bind<'a>(feed: &'a Feed, context: &Context<'a>, names: &[String]) -> Result<Header<'a>, Refusal> {
    if names.len() > feed.limits.columns {
        return Err(Refusal::new(Reason::TooManyColumns, format!("more than {} columns", feed.limits.columns)));
    }
    let mut seen = HashSet::new();
    let twice: HashSet<&str> =
        names.iter().map(String::as_str).filter(|name| !name.trim().is_empty() && !seen.insert(*name)).collect();
    let mut missing: Option<Refusal> = None;
    for block in &feed.blocks {
        let mut bound = Bound::new(feed, block, context);
        let (positions, zones) = find(&bound, names)?;
        let found = |slot: usize| positions[slot].is_some();
        let gap =
            (0..positions.len()).find(|&slot| !found(slot) && !bound.optional(slot) && !bound.another(slot, &found));
        if let Some(slot) = gap {
            if twice.iter().any(|name| bound.names.iter().any(|list| list.iter().any(|wanted| wanted == name))) {
                missing.get_or_insert(repeated(&bound, names));
                continue;
            }
            let column = bound.column_of(slot).map_or(bound.key_of(slot), |column| column.name.as_str());
            missing.get_or_insert_with(|| absent(feed, bound.names[slot], names, column));
            continue;
        }
        let is_mapped = |name: &str| bound.names.iter().any(|list| list.iter().any(|wanted| wanted == name));
        // Which of two columns is meant nobody can say; of those that nobody maps nobody has to. In a file without a header
        // the name would be a value, so it stays unsaid until the block fits.
        if twice.iter().any(|name| is_mapped(name)) {
            return Err(repeated(&bound, names));
        }
        let known = |at: usize| {
            let name = names[at].as_str();
            is_mapped(name) || positions.contains(&Some(at)) || is_ignored(name, &block.ignore)
        };
        let nameless = (0..names.len()).filter(|&at| names[at].trim().is_empty() && !is_mapped(&names[at])).count();
        let mut unknown: Vec<String> = (0..names.len())
            .filter(|&at| !known(at) && !names[at].trim().is_empty())
            .map(|at| names[at].clone())
            .collect();
        if feed.strict && (!unknown.is_empty() || nameless > 0) {
            return Err(strange(&unknown, nameless));
        }
        unknown.retain(|name| !twice.contains(name.as_str()));
        let (mut lacking, unmapped) = (bound.lacking(&found), bound.unmapped(feed));
        bound.give_up(&lacking);
        lacking.extend(unmapped);
        for (slot, zone) in zones {
            bound.take_zone(slot, zone);
        }
        bound.take_only(&found);
        let mut twice: Vec<String> = twice.into_iter().map(str::to_owned).collect();
        twice.sort_unstable();
        return Ok(Header { bound, positions, unknown, lacking, twice, nameless: nameless as u64 });
    }
    Err(missing.unwrap_or_else(|| {
        let reason = if twice.is_empty() { Reason::MissingColumn } else { Reason::DuplicateHeader };
        Refusal::new(reason, "")
    }))
}

/// Lines among which a header is looked for, where the feed says that it is to be found.
pub(crate) const LOOK_FOR: usize = 50;

/// The refusal of a file in which no header was found.
pub(crate) fn no_header() -> Refusal {
    let what = format!("none of the first {LOOK_FOR} lines has all columns that a [[headers]] block needs");
    Refusal::new(Reason::MissingColumn, what)
}

/// Names of columns that a message lists at most.
const LISTED: usize = 5;

/// The refusal of a file that lacks a column. The file's own names are not shown: without a header they would be values.
fn absent(feed: &Feed, wanted: &[String], names: &[String], column: &str) -> Refusal {
    let quoted: Vec<String> = wanted.iter().map(|name| format!("`{name}`")).collect();
    let count = words::count(names.len() as u64, "column");
    let detail = format!("{} for {column}; the file has {count}", words::or(&quoted));
    let bare = |name: &str| {
        let seen = name.chars().filter(|c| !c.is_whitespace() && !cast::hidden(*c));
        seen.collect::<String>().to_lowercase()
    };
    let is_near = |name: &&String| wanted.iter().any(|wanted| bare(wanted) == bare(name));
    let holds =
        |name: &str, delimiter: char| name.split(delimiter).any(|part| wanted.iter().any(|name| name == part.trim()));
    let delimiter = [';', '\t', '|', ','].into_iter().find(|sign| names.iter().any(|name| holds(name, *sign)));
    let is_csv = feed.formats.contains(&FileFormat::Csv);
    let nearest = match (names.iter().any(|name| is_near(&name)), delimiter) {
        (true, _) => {
            Some("one header of the file differs from it only in case or in spaces: write it as the file does".into())
        }
        (false, Some(sign)) if is_csv => {
            let sign = if sign == '\t' { "\\t".to_owned() } else { sign.to_string() };
            Some(format!("`csv = {{ delimiter = \"{sign}\" }}` would find it"))
        }
        _ => None,
    };
    // What is declared is named already.
    Refusal::new(Reason::MissingColumn, detail).column(column).declared(None, nearest)
}

/// The refusal of a file that has two columns of a name that the feed reads.
fn repeated(bound: &Bound<'_>, names: &[String]) -> Refusal {
    let mapped: Vec<&String> = bound.names.iter().flat_map(|list| list.iter()).collect();
    let at = |wanted: &str| (0..names.len()).filter(|at| names[*at] == wanted).map(|at| (at + 1).to_string()).collect();
    let mut twice: Vec<(&String, Vec<String>)> = mapped.into_iter().map(|name| (name, at(name))).collect();
    twice.retain(|(_, places)| places.len() > 1);
    twice.sort();
    twice.dedup();
    let said: Vec<String> = twice
        .iter()
        .take(LISTED)
        .map(|(name, places)| format!("`{name}` stands in columns {}", words::and(places)))
        .collect();
    let slot = twice.first().and_then(|(name, _)| bound.names.iter().position(|list| list.contains(name)));
    let column = slot.and_then(|slot| bound.column_of(slot)).map(|column| column.name.as_str());
    let refusal = Refusal::new(Reason::DuplicateHeader, words::and(&said));
    match column {
        Some(column) => refusal.column(column),
        None => refusal,
    }
}

/// The refusal of a file with columns that a strict feed does not know. All that the feed maps is there, so these are names.
fn strange(unknown: &[String], nameless: usize) -> Refusal {
    let mut said: Vec<String> = unknown
        .iter()
        .take(LISTED)
        .map(|name| format!("`{}`", name.chars().take(100).flat_map(char::escape_debug).collect::<String>()))
        .collect();
    if unknown.len() > LISTED {
        said.push(format!("{} more", unknown.len() - LISTED));
    }
    if nameless > 0 {
        said.push(format!("{} without a name", words::count(nameless as u64, "column")));
    }
    Refusal::new(Reason::UnknownColumn, words::and(&said))
}

/// Slots to positions, and the zones that headers name.
type Found = (Vec<Option<usize>>, BTreeMap<usize, chrono_tz::Tz>);

fn find(bound: &Bound<'_>, names: &[String]) -> Result<Found, Refusal> {
    let mut zones = BTreeMap::new();
    let mut positions = Vec::with_capacity(bound.names.len());
    for (slot, list) in bound.names.iter().enumerate() {
        let Some(pattern) = bound.patterns.get(&slot) else {
            let at = |wanted: &String| {
                if wanted == RECORD { Some(DERIVED) } else { names.iter().position(|name| name == wanted) }
            };
            positions.push(list.iter().find_map(at));
            continue;
        };
        let mut matching = names.iter().enumerate().filter_map(|(at, name)| Some((at, pattern.captures(name)?)));
        let first = matching.next();
        if first.is_some() && matching.next().is_some() {
            let column = bound.column_of(slot).map_or("action", |column| column.name.as_str());
            let what = format!("several columns fit `{}` for {column}", list.join("` or `"));
            return Err(Refusal::new(Reason::DuplicateHeader, what).column(column));
        }
        if let Some(zone) = first.iter().flat_map(|(_, texts)| texts).find_map(|text| text.trim().parse().ok()) {
            zones.insert(slot, zone);
        }
        positions.push(first.map(|(at, _)| at));
    }
    Ok((positions, zones))
}

/// Whether an ignore list names a column, `x_*` standing for all that begin so.
pub(crate) fn is_ignored(name: &str, ignore: &[String]) -> bool {
    ignore.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(stem) => name.starts_with(stem),
        None => pattern == name,
    })
}
