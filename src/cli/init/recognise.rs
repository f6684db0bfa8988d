//! Which feed reads an object: a shipped one whose columns are there and whose records are taken, else a draft.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use super::groups::Group;
use crate::cli::load::{self, shipped_text};
use crate::contract::Catalog;
use crate::error::Result;
use crate::feed::propose::{Asked, column_names, propose, with_path};
use crate::feed::try_files::{Report, try_files_in};
use crate::feed::{Feed, Mode, Pseudonyms};
use crate::store::Object;

/// A shipped feed explains at least this share of an export's columns, if its path says nothing, and takes at least this share of its
/// records: more of the one where there is less of the other.
const LEAST: [(f64, f64); 2] = [(0.6, 0.5), (0.4, 0.9)];

/// A feed for some objects.
pub(super) struct Recognised {
    pub name: String,
    pub table: String,
    /// The feed file to write; `None`: the shipped one does as it is.
    pub text: Option<String>,
    pub is_draft: bool,
    /// How many records of the object looked at are taken.
    pub readable: String,
    /// What a person should look at.
    pub remark: String,
    /// Behind its name in the job file.
    pub comment: String,
    /// The objects are read by a feed that the job has already.
    pub is_merged: bool,
    /// What was looked at is refused whole, so that the job leaves the feed out.
    pub is_refused: bool,
    pub feed: Feed,
}

/// What was found for a group.
#[derive(Default)]
pub(super) struct Found {
    pub feeds: Vec<Recognised>,
    /// A draft of the accounts that the same objects tell of, for want of a better list: the texts of both, each naming the other.
    pub accounts: Option<(String, Recognised)>,
    pub why_none: String,
}

pub(super) fn shipped(catalog: &Catalog) -> Result<Vec<Feed>> {
    let mut names: Vec<String> = load::shipped_feeds().collect();
    names.sort();
    names.iter().map(|name| Ok(load::feed(name, None, catalog)?.feed)).collect()
}

pub(super) fn of(
    group: &Group,
    bytes: &Bytes,
    shipped: &[Feed],
    catalog: &Catalog,
    zone: Tz,
    now: DateTime<Utc>,
) -> Found {
    let path = &group.newest.path;
    let attempt = |feed: &Feed| {
        let table = catalog.table(&feed.fills)?;
        let files = [(path.clone(), bytes.clone())];
        Some(try_files_in(zone, feed, table, now, &Pseudonyms::Off, &files).remove(0))
    };
    let names = column_names(bytes);
    let mut fitting: Vec<(f64, &Feed, Report)> = Vec::new();
    for feed in shipped {
        let is_named = feed.recognise(path).is_some();
        let explained = feed.explains(&names);
        if !is_named && explained < LEAST[1].0 {
            continue;
        }
        let Some(report) = attempt(feed) else { continue };
        let taken = report.accepted + report.duplicate + report.superseded + report.filtered;
        let share = taken as f64 / report.read.max(1) as f64;
        let is_enough = LEAST.iter().any(|(least, taken)| (is_named || explained >= *least) && share >= *taken);
        if report.refused.is_none() && report.accepted > 0 && is_enough {
            fitting.push((explained + share + f64::from(u8::from(is_named)), feed, report));
        }
    }
    // The best of them, and those that read the same objects for other tables.
    fitting
        .sort_by(|(one, first, _), (other, second, _)| other.total_cmp(one).then_with(|| first.name.cmp(&second.name)));
    if let Some((_, best, _)) = fitting.first() {
        let best = (*best).clone();
        let together = fitting.into_iter().filter(|(_, feed, _)| feed.name == best.name || feed.shares_with(&best));
        let feeds = together.map(|(_, feed, report)| as_shipped(group, feed, &report)).collect();
        return Found { feeds, ..Found::default() };
    }
    drafted(group, bytes, shipped, catalog, zone, &attempt)
}

/// The name of the shipped feed that reads a file best, and how many of its records.
pub(crate) fn best(
    name: &str,
    bytes: &Bytes,
    catalog: &Catalog,
    zone: Tz,
    now: DateTime<Utc>,
) -> Result<Option<String>> {
    let newest = Object { path: name.to_owned(), size: bytes.len() as u64, etag: None, last_modified: now };
    let group = Group { pattern: name.to_owned(), newest, paths: vec![name.to_owned()] };
    let found = of(&group, bytes, &shipped(catalog)?, catalog, zone, now);
    let first = found.feeds.into_iter().find(|feed| !feed.is_draft);
    Ok(first.map(|feed| format!("the shipped feed {} reads {} of its records", feed.name, feed.readable)))
}

/// A shipped feed, with the group's own path where its paths are others.
fn as_shipped(group: &Group, feed: &Feed, report: &Report) -> Recognised {
    let reads_all = group.paths.iter().all(|path| feed.recognise(path).is_some());
    let text = if reads_all { None } else { moved(feed, &[&group.pattern]) };
    let comment = if reads_all { "" } else { MOVED }.to_owned();
    Recognised {
        name: feed.name.clone(),
        table: feed.fills.clone(),
        text,
        is_draft: false,
        readable: readable(report),
        remark: remark(report),
        comment,
        is_merged: false,
        is_refused: report.refused.is_some(),
        feed: feed.clone(),
    }
}

/// Behind the name of a shipped feed whose path is another.
const MOVED: &str = "   # shipped, in feeds/ with another path";

/// A shipped feed with other paths.
fn moved(feed: &Feed, patterns: &[&str]) -> Option<String> {
    let text = shipped_text(&feed.name)?;
    Some(format!(
        "# The shipped feed `{}` with the path of this landing area.\n{}",
        feed.name,
        with_path(text, patterns)
    ))
}

fn readable(report: &Report) -> String {
    let taken = report.accepted + report.duplicate + report.superseded + report.filtered + report.voided;
    format!("{taken} of {}", report.read)
}

/// What stands in the way of the rest, if anything does.
fn remark(report: &Report) -> String {
    if let Some(refused) = &report.refused {
        return refused.sentence.clone();
    }
    match report.rejected.first() {
        Some(reject) => match &reject.column {
            Some(column) => format!("{column}: {}", reject.sentence),
            None => reject.sentence.to_owned(),
        },
        None => String::new(),
    }
}

/// The name of a draft: what is left of a path without its days, numbers and ending.
fn stem(pattern: &str) -> String {
    let name = pattern.rsplit('/').next().unwrap_or(pattern).split('.').next().unwrap_or_default();
    let name = name.replace("{date}", "").replace("{part}", "").replace('*', "");
    let plain: String = name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let parts: Vec<&str> = plain.split('_').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "export".into() } else { parts.join("_") }
}

fn drafted(
    group: &Group,
    bytes: &Bytes,
    shipped: &[Feed],
    catalog: &Catalog,
    zone: Tz,
    attempt: &dyn Fn(&Feed) -> Option<Report>,
) -> Found {
    let name = stem(&group.pattern);
    let asked = Asked { path: Some(&group.pattern), zone: Some(zone.name()), ..Asked::default() };
    let first = match propose(&group.newest.path, bytes, asked, catalog) {
        Ok(draft) => draft,
        Err(refusal) => return Found { why_none: refusal.sentence(), ..Found::default() },
    };
    if let Some(feed) = shipped.iter().find(|feed| first.shipped == Some(feed.name.as_str())) {
        let feeds = attempt(feed).map(|report| as_shipped(group, feed, &report)).into_iter().collect();
        return Found { feeds, ..Found::default() };
    }
    if !first.open.is_empty() {
        let why = format!("looks like {}, but nothing in it is {}", first.table, first.open.join(" or "));
        return Found { why_none: why, ..Found::default() };
    }
    let read = |name: &str, text: String, table: &str| {
        let feed = Feed::parse(name, &text, catalog).ok()?;
        let report = attempt(&feed)?;
        Some(Recognised {
            name: name.to_owned(),
            table: table.to_owned(),
            text: Some(text),
            is_draft: true,
            readable: readable(&report),
            remark: remark(&report),
            comment: "   # a draft: every line of it is a guess".to_owned(),
            is_merged: false,
            is_refused: report.refused.is_some(),
            feed,
        })
    };
    let Some(main) = read(&name, first.text.clone(), &first.table) else {
        return Found { why_none: "no draft of a feed could be made".into(), ..Found::default() };
    };
    let other = format!("{name}_accounts");
    let accounts = first.names_accounts.then(|| {
        let with = propose(
            &group.newest.path,
            bytes,
            Asked { table: Some(&first.table), shares: Some(&other), ..asked },
            catalog,
        )
        .ok()?;
        let users = propose(
            &group.newest.path,
            bytes,
            Asked { table: Some("users"), shares: Some(&name), account: first.account.as_deref(), ..asked },
            catalog,
        )
        .ok()?;
        Some((with.text, read(&other, users.text, "users")?))
    });
    Found { feeds: vec![main], accounts: accounts.flatten(), why_none: String::new() }
}

/// Takes the drafts of accounts where no list of them was delivered, and gives each feed a name of its own. A shipped feed reads all of its
/// groups; but snapshots of several places would contradict each other, so each of these has a copy.
pub(super) fn name_feeds(found: &mut [(Group, Found)], catalog: &Catalog) {
    let has_users = found.iter().flat_map(|(_, found)| &found.feeds).any(|feed| feed.table == "users");
    for (_, found) in found.iter_mut().filter(|_| !has_users) {
        if let Some((text, accounts)) = found.accounts.take()
            && let [main] = found.feeds.as_mut_slice()
            && let Ok(feed) = Feed::parse(&main.name, &text, catalog)
        {
            (main.text, main.feed) = (Some(text), feed);
            found.feeds.push(accounts);
        }
    }
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (group, found) in found.iter() {
        for feed in &found.feeds {
            groups.entry(feed.name.clone()).or_default().push(group.pattern.clone());
        }
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for (group, found) in found.iter_mut() {
        for feed in &mut found.feeds {
            let patterns = groups.get(&feed.name).map_or(&[][..], Vec::as_slice);
            let count = seen.entry(feed.name.clone()).or_default();
            *count += 1;
            if patterns.len() < 2 {
                continue;
            }
            let is_copy = feed.is_draft || feed.feed.mode == Mode::Full;
            if !is_copy {
                let reads_all = patterns
                    .iter()
                    .all(|pattern| feed.feed.recognise(&pattern.replace("{date}", "2026-03-01")).is_some());
                let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
                feed.text = if reads_all { None } else { moved(&feed.feed, &patterns) };
                feed.comment = if reads_all { "" } else { MOVED }.to_owned();
                feed.is_merged = *count > 1;
                continue;
            }
            if !feed.is_draft {
                (feed.text, feed.comment) = (moved(&feed.feed, &[&group.pattern]), MOVED.to_owned());
            }
            if *count > 1 {
                feed.name = format!("{}_{count}", feed.name);
                // What it names goes along.
                let others = feed.feed.shares.iter().map(String::as_str).chain(feed.feed.completes.as_deref());
                let renamed =
                    |text: String, other: &str| text.replace(&format!("\"{other}\""), &format!("\"{other}_{count}\""));
                feed.text = feed.text.take().map(|text| others.fold(text, renamed));
            }
        }
    }
}
