//! Which objects belong to a feed: path patterns with a date in the name.
//!
//! `lms/transcript_{date}.csv` · `**/users_{date}.*` · `{date:%Y%m%d}/log.csv`. `*` stays within a folder, `**/` crosses
//! folders, `{date}` is a day (2026-03-29, 20260329) with an optional time (T04:30:00Z, T043000, _0430), `{part}` tells the
//! objects of one delivery set apart, any other name (`{course}`) is a value that the path gives. A trailing
//! `.gz` or `.zst` is always allowed: what a file is packed in is decided by its bytes.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use super::time::{Format, Item};

/// One compiled pattern.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    /// `*`: any characters but `/`.
    Star,
    /// `**/`: any number of whole folders, also none.
    Folders,
    Date,
    DateAs(Format),
    /// `{name}`: at least one character, none of them `/`.
    Hole(String),
}

/// The placeholder that tells the objects of one set apart.
pub(crate) const PART: &str = "part";
/// What `**/` crossed stands among the captures under this name, which no placeholder can have.
pub(crate) const FOLDERS: &str = "**";
/// What a path gave: the date and time in it, and the values of its placeholders.
pub(crate) type Captures = (Option<Dated>, BTreeMap<String, String>);

/// A date and time as a path writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dated {
    pub local: NaiveDateTime,
    /// A `Z` stands behind it: it is the time of UTC and no other.
    pub is_utc: bool,
}

/// More wildcards than this would make matching slow and say nothing more.
const MAX_WILDCARDS: usize = 6;

impl Pattern {
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            if let Some(tail) = rest.strip_prefix("**/") {
                parts.push(Part::Folders);
                rest = tail;
            } else if let Some(tail) = rest.strip_prefix('*') {
                parts.push(Part::Star);
                rest = tail;
            } else if let Some(tail) = rest.strip_prefix('{') {
                let (name, tail) = tail.split_once('}').ok_or("has `{` without `}`")?;
                parts.push(match name.split_once(':') {
                    None if name == "date" => Part::Date,
                    Some(("date", format)) => Part::DateAs(Format::parse(format)?),
                    None if is_name(name) => Part::Hole(name.to_owned()),
                    _ => {
                        return Err(format!(
                            "`{{{name}}}` is not known; there is {{date}}, {{date:%Y%m%d}}, {{part}} and names in lower case"
                        ));
                    }
                });
                rest = tail;
            } else {
                let end = rest.find(['*', '{']).unwrap_or(rest.len());
                parts.push(Part::Text(rest[..end].to_owned()));
                rest = &rest[end..];
            }
        }
        if parts.iter().filter(|part| !matches!(part, Part::Text(_))).count() > MAX_WILDCARDS {
            return Err(format!("has more than {MAX_WILDCARDS} wildcards"));
        }
        let pattern = Pattern { parts };
        let names: Vec<&str> = pattern.names().collect();
        if let Some(twice) = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            return Err(format!("names {{{}}} twice", twice.1));
        }
        if pattern.parts.is_empty() { Err("is empty".into()) } else { Ok(pattern) }
    }

    /// The placeholders it names, besides the date.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hole(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// A path of the pattern: its day, and the value of each placeholder.
    pub fn fill(&self, day: NaiveDate, value: &dyn Fn(&str) -> String) -> String {
        let date = |format: &Format| match format {
            Format::Parts(items) => items
                .iter()
                .map(|item| match item {
                    Item::Field(b'Y') => day.format("%Y").to_string(),
                    Item::Field(b'y') => day.format("%y").to_string(),
                    Item::Field(b'm') => day.format("%m").to_string(),
                    Item::Field(b'd') => day.format("%d").to_string(),
                    Item::Field(b'b') => day.format("%b").to_string(),
                    Item::Field(b'B') => day.format("%B").to_string(),
                    Item::Field(b'p') => "AM".to_owned(),
                    Item::Field(b'I') => "12".to_owned(),
                    Item::Field(b'z') => "Z".to_owned(),
                    Item::Field(_) | Item::EndOfDay => "00".to_owned(),
                    Item::Literal(c) => c.to_string(),
                    Item::Space => " ".to_owned(),
                })
                .collect(),
            _ => day.to_string(),
        };
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Star => String::new(),
            Part::Folders => String::new(),
            Part::Date => day.to_string(),
            Part::DateAs(format) => date(format),
            Part::Hole(name) if name == PART => "00001".to_owned(),
            Part::Hole(name) => value(name),
        };
        self.parts.iter().map(part).collect()
    }

    /// Whether a path of the pattern names its day.
    pub fn is_dated(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Date | Part::DateAs(_)))
    }

    /// What the path gives, where it matches: the date (and time) in it, and the value of each placeholder.
    pub fn captures(&self, path: &str) -> Option<Captures> {
        let bare = path.strip_suffix(".gz").or_else(|| path.strip_suffix(".zst"));
        matches(&self.parts, path).or_else(|| matches(&self.parts, bare?))
    }
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn matches(parts: &[Part], path: &str) -> Option<Captures> {
    let Some((part, parts)) = parts.split_first() else {
        return path.is_empty().then(Captures::default);
    };
    // A second date in a path is the more exact one.
    let dated = |found: Dated, (later, names): Captures| (Some(later.unwrap_or(found)), names);
    match part {
        Part::Text(text) => matches(parts, path.strip_prefix(text.as_str())?),
        Part::Star => {
            let end = path.find('/').unwrap_or(path.len());
            (0..=end).filter(|&i| path.is_char_boundary(i)).find_map(|i| matches(parts, &path[i..]))
        }
        Part::Folders => matches(parts, path).or_else(|| {
            path.match_indices('/').find_map(|(i, _)| {
                let (date, mut names) = matches(parts, &path[i + 1..])?;
                names.entry(FOLDERS.into()).or_default().insert_str(0, &path[..=i]);
                Some((date, names))
            })
        }),
        Part::Date => {
            // Before `_{part}` four digits are the part's, `20260301_0001_of_0004`, not hours and minutes.
            let is_short_part = matches!(parts, [Part::Text(_), Part::Hole(name), ..] if name == PART);
            dates(path, !is_short_part).into_iter().find_map(|(found, rest)| Some(dated(found, matches(parts, rest)?)))
        }
        Part::DateAs(format) => (1..=path.len().min(40)).rev().filter(|&i| path.is_char_boundary(i)).find_map(|i| {
            let found = Dated { local: format.naive(&path.as_bytes()[..i])?, is_utc: false };
            Some(dated(found, matches(parts, &path[i..])?))
        }),
        Part::Hole(name) => {
            let end = path.find('/').unwrap_or(path.len());
            let found = |i: usize| {
                let (date, mut names) = matches(parts, path.get(i..)?)?;
                names.insert(name.clone(), path[..i].to_owned());
                Some((date, names))
            };
            // A part is a short number in front of whatever else tells a file apart; other values hold what separates them.
            if name == PART { (1..=end).find_map(found) } else { (1..=end).rev().find_map(found) }
        }
    }
}

/// Every way a path can go on with a date, the longest first; `may_be_short` says whether a time may be four digits.
fn dates(path: &str, may_be_short: bool) -> Vec<(Dated, &str)> {
    let mut found = Vec::new();
    for (length, format) in [(10, "%Y-%m-%d"), (10, "%Y_%m_%d"), (8, "%Y%m%d")] {
        let Some(day) = path.get(..length).and_then(|text| NaiveDate::parse_from_str(text, format).ok()) else {
            continue;
        };
        let rest = &path[length..];
        if let Some(after) = rest.strip_prefix(['T', '_', '-', ' ']) {
            for (length, format) in
                [(8, "%H:%M:%S"), (8, "%H-%M-%S"), (6, "%H%M%S"), (5, "%H:%M"), (5, "%H-%M"), (4, "%H%M")]
            {
                if length == 4 && !may_be_short {
                    continue;
                }
                let time = after.get(..length).and_then(|text| NaiveTime::parse_from_str(text, format).ok());
                if let Some(time) = time {
                    let rest = &after[length..];
                    let behind = rest.strip_prefix('Z');
                    found.push((Dated { local: day.and_time(time), is_utc: behind.is_some() }, behind.unwrap_or(rest)));
                    break;
                }
            }
        }
        found.push((Dated { local: day.and_time(NaiveTime::MIN), is_utc: false }, rest));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, path: &str, expected: &str) {
        let found = match Pattern::parse(pattern).expect("a pattern").captures(path) {
            None => "no".to_owned(),
            Some((None, _)) => "yes".to_owned(),
            Some((Some(Dated { local, is_utc }), _)) => {
                format!("{}{}", local.format("%Y-%m-%d %H:%M"), if is_utc { "Z" } else { "" })
            }
        };
        assert_eq!(found, expected, "{pattern} {path}");
    }

    #[track_caller]
    fn gives(pattern: &str, path: &str, expected: &[(&str, &str)]) {
        let (_, found) = Pattern::parse(pattern).expect("a pattern").captures(path).expect("a match");
        let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, expected, "{pattern} {path}");
    }

    #[test]
    fn placeholders_give_what_stands_in_their_place() {
        gives("hris/{date}/part-{part}.csv", "hris/2026-02-02/part-00001.csv.gz", &[("part", "00001")]);
        gives("hr_{date}_{part}.csv", "hr_20260301_0001_of_0004.csv", &[("part", "0001_of_0004")]);
        check("hr_{date}_{part}.csv", "hr_20260301_140000_0001.csv", "2026-03-01 14:00");
        gives("{date}/part-{part}-*.csv", "2026-02-02/part-00001-6f-c000.csv", &[("part", "00001")]);
        gives("lms/{course}-{part}.csv", "lms/SAFETY-01-3.csv", &[("course", "SAFETY-01"), ("part", "3")]);
        gives("**/{course}/r_{date}.csv", "a/b/FIRE 1/r_2026-02-02.csv", &[("**", "a/b/"), ("course", "FIRE 1")]);
        gives("**/r.csv", "r.csv", &[]);
        check("lms/{course}.csv", "lms/.csv", "no");
        check("lms/{course}.csv", "lms/a/b.csv", "no");
        for wrong in ["{Course}.csv", "{}.csv", "{course:x}.csv", "{a}/{a}.csv", "{part}_{part}.csv"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_date_is_read_from_the_name_with_or_without_time() {
        check("lms/t_{date}.csv", "lms/t_2026-03-29.csv", "2026-03-29 00:00");
        check("lms/t_{date}.csv", "lms/t_20260329.csv.gz", "2026-03-29 00:00");
        check("lms/t_{date}.csv", "lms/t_2026-03-29T04:30:00Z.csv.zst", "2026-03-29 04:30Z");
        check("lms/t_{date}.csv", "lms/t_20260329T043000Z.csv", "2026-03-29 04:30Z");
        check("lms/t_{date}.csv", "lms/t_20260329_0430.csv", "2026-03-29 04:30");
        check("lms/t_{date}.csv", "lms/t_2026-02-30.csv", "no");
        check("{date:%d.%m.%Y}/log.csv", "29.03.2026/log.csv", "2026-03-29 00:00");
    }

    #[test]
    fn stars_stay_in_a_folder_and_double_stars_cross_them() {
        check("**/users_{date}.*", "lms/a/users_2026-03-29.csv.gz", "2026-03-29 00:00");
        check("**/users_{date}.*", "users_2026-03-29.ndjson", "2026-03-29 00:00");
        check("**/users_{date}.*", "lms/powerusers_2026-03-29.csv", "no");
        check("lms/*.csv", "lms/a/b.csv", "no");
        check("lms/*.csv", "lms/b.csv", "yes");
        assert!(Pattern::parse("a{day").is_err());
    }
}
