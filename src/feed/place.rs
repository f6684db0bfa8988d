//! Where an object stands among the others of its feed, by its path alone: when it was made, which values the path gives, and
//! whether it is a part of something larger.

use chrono::{Datelike, NaiveDate};

use super::pattern::{Captures, Dated, FOLDERS, PART, Pattern};

/// What the path of an object says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The date (and time) that the path names.
    pub dated: Option<Dated>,
    /// The values of the path's own placeholders, `course=FIRE`; a feed has a series of snapshots for each. Empty without any.
    pub series: String,
    /// What tells it apart from the other objects of its set, where the feed or Spark's layout declares it a part.
    pub part: Option<String>,
    /// The folders that `**/` crossed, or the one that Spark wrote: parts of one set lie in the same.
    pub folders: String,
}

/// The object that Spark and Hadoop write last into a folder.
pub const SUCCESS: &str = "_SUCCESS";

/// The folder of an object; empty at the top.
pub fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The name of an object without its folders.
pub fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Whether an object is one that Spark and Hadoop hide from readers.
pub fn is_hidden(path: &str) -> bool {
    name(path).starts_with(['_', '.'])
}

impl Place {
    /// A placeholder that holds a day, in a path that has no `{date}`: the snapshots would have no order and never end one another.
    pub fn day_by_another_name(&self) -> Option<(&str, &str)> {
        let reads = |value: &str, form: &str| {
            NaiveDate::parse_from_str(value, form).is_ok_and(|day| (1990..2100).contains(&day.year()))
        };
        // Eight digits may be the number of a course.
        let is_day = |name: &str, value: &str| {
            reads(value, "%Y-%m-%d")
                || (["dat", "day", "d"].iter().any(|start| name.starts_with(start)) && reads(value, "%Y%m%d"))
        };
        let values = self.series.split(' ').filter_map(|one| one.split_once('='));
        values.filter(|_| self.dated.is_none()).find(|(name, value)| is_day(name, value))
    }
}

/// Where an object stands by the first of a feed's patterns that its path fits.
pub(super) fn of(patterns: &[Pattern], path: &str) -> Option<Place> {
    let found = |path: &str| patterns.iter().find_map(|pattern| pattern.captures(path));
    if let Some(captures) = found(path) {
        return Some(place(captures));
    }
    // Spark writes a folder of the name that a file would have, and its parts into it.
    let (parent, name) = path.rsplit_once('/')?;
    let place = place(found(parent).filter(|_| name.starts_with("part-"))?);
    Some(Place { part: Some(spark_part(name)), folders: format!("{parent}/"), ..place })
}

fn place((dated, mut names): Captures) -> Place {
    let (part, folders) = (names.remove(PART), names.remove(FOLDERS).unwrap_or_default());
    let series: Vec<String> = names.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Place { dated, series: series.join(" "), part, folders }
}

/// The name of a part without the id of the write that made it, so that the same part of two writes is one and the same.
fn spark_part(name: &str) -> String {
    let is_id = |text: &str| {
        text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
    };
    let id = (0..name.len()).find(|&at| name.get(at..at + 36).is_some_and(is_id));
    id.map_or_else(|| name.to_owned(), |at| format!("{}{}", &name[..at], &name[at + 36..]))
}

#[cfg(test)]
mod tests {
    use crate::contract::Catalog;
    use crate::feed::Feed;

    #[track_caller]
    fn check(pattern: &str, path: &str, [series, part, folders]: [&str; 3]) {
        let text = format!("description = \"\"\nfills = \"users\"\npath = \"{pattern}\"\nformat = \"csv\"\n");
        let feed = Feed::parse("f", &text, &Catalog::load().expect("contracts")).expect("a feed");
        let place = feed.place(path).expect("a place");
        let found = [place.series.as_str(), place.part.as_deref().unwrap_or("-"), place.folders.as_str()];
        assert_eq!(found, [series, part, folders], "{pattern} {path}");
    }

    #[test]
    fn a_part_is_what_the_feed_or_sparks_layout_says_is_one() {
        check("hris/{date}/part-{part}.csv", "hris/2026-02-02/part-00001.csv", ["", "00001", ""]);
        check("hris/{date}/part-*.csv", "hris/2026-02-02/part-00001.csv", ["", "-", ""]);
        check("lms/{course}/{date}_{part}.csv", "lms/FIRE/2026-02-02_7.csv", ["course=FIRE", "7", ""]);
        let name = "part-00000-0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0-c000.snappy.parquet";
        check(
            "**/users_{date}.parquet",
            &format!("dwh/users_2026-02-02.parquet/{name}"),
            ["", "part-00000--c000.snappy.parquet", "dwh/users_2026-02-02.parquet/"],
        );
    }

    #[test]
    fn a_day_under_another_name_is_seen_where_no_date_stands() {
        let day = |pattern: &str, path: &str| {
            let text = format!("description = \"\"\nfills = \"users\"\npath = \"{pattern}\"\nformat = \"csv\"\n");
            let feed = Feed::parse("f", &text, &Catalog::load().expect("contracts")).expect("a feed");
            let place = feed.place(path).expect("a place");
            place.day_by_another_name().map(|(name, day)| format!("{name} {day}"))
        };
        assert_eq!(day("users_{datum}.csv", "users_2026-02-02.csv").as_deref(), Some("datum 2026-02-02"));
        assert_eq!(day("users_{d}.csv", "users_20260202.csv").as_deref(), Some("d 20260202"));
        assert_eq!(day("{course}/{date}.csv", "2026-02-02/2026-02-03.csv"), None);
        assert_eq!(day("{course}.csv", "30000101.csv"), None);
    }

    #[test]
    fn a_folder_of_another_name_is_none_of_sparks() {
        let text = "description = \"\"\nfills = \"users\"\npath = \"users_{date}.csv\"\nformat = \"csv\"\n";
        let feed = Feed::parse("f", text, &Catalog::load().expect("contracts")).expect("a feed");
        assert_eq!(feed.place("users_2026-02-02.csv/readme.txt"), None);
        assert_eq!(feed.place("users_2026-02-02/part-0"), None);
    }
}
