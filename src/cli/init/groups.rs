//! Which objects of a landing area are deliveries of one export: those whose paths differ in days and numbers alone.

use std::collections::BTreeMap;

use crate::feed::propose::dated;
use crate::store::Object;

/// An object larger than this is not read where the group has a smaller one.
const LARGE: u64 = 64 << 20;

/// The one looked at is the largest of so many.
const LAST: usize = 3;

/// Deliveries of one export.
pub(super) struct Group {
    /// The `path` of a feed that reads them all.
    pub pattern: String,
    /// The one that is looked at.
    pub newest: Object,
    /// All of them.
    pub paths: Vec<String>,
}

/// Endings of objects that tell of others.
const BESIDE: [&str; 7] = [".ctl", ".sha256", ".md5", ".crc", ".manifest", "_SUCCESS", ".DS_Store"];

pub(super) fn of(objects: &[Object]) -> Vec<Group> {
    let mut groups: BTreeMap<String, Vec<&Object>> = BTreeMap::new();
    for object in objects {
        let name = object.path.rsplit('/').next().unwrap_or_default();
        if !name.starts_with('.') && object.size > 0 && !BESIDE.iter().any(|end| name.ends_with(end)) {
            groups.entry(numbered(&pattern(&object.path))).or_default().push(object);
        }
    }
    let group = |members: Vec<&Object>| {
        let mut latest: Vec<&Object> = members.iter().copied().filter(|object| object.size <= LARGE).collect();
        latest.sort_by(|one, other| other.path.cmp(&one.path));
        // Of the last few the one that says most: the newest may be an idle hour's.
        let chosen = latest.iter().take(LAST).max_by_key(|object| object.size).copied();
        let chosen = chosen.or_else(|| members.iter().min_by_key(|object| object.size).copied())?;
        let patterns: Vec<String> = members.iter().map(|object| pattern(&object.path)).collect();
        let paths = members.iter().map(|object| object.path.clone()).collect();
        Some(Group { pattern: joined(&patterns), newest: chosen.clone(), paths })
    };
    groups.into_values().filter_map(group).collect()
}

/// A path with its day as `{date}`: that of the name, else of the last folder that has one. Other days are any text.
fn pattern(path: &str) -> String {
    let mut has_day = false;
    let mut parts: Vec<String> = path
        .rsplit('/')
        .map(|part| match dated(part) {
            (_, true) if has_day => "*".into(),
            (text, is_dated) => {
                has_day |= is_dated;
                text
            }
        })
        .collect();
    parts.reverse();
    parts.join("/")
}

/// A pattern with each run of digits as one sign, so that parts and numbered files are alike.
fn numbered(pattern: &str) -> String {
    let mut text = String::new();
    for c in pattern.chars() {
        if !c.is_ascii_digit() {
            text.push(c);
        } else if !text.ends_with('#') {
            text.push('#');
        }
    }
    text
}

/// One pattern for several that differ in runs of digits: the last of these is the part of a delivery where there is a day, else any text.
fn joined(patterns: &[String]) -> String {
    let Some(first) = patterns.first() else { return String::new() };
    if patterns.iter().all(|pattern| pattern == first) {
        return first.clone();
    }
    let cut = |pattern: &String| -> Vec<String> {
        let mut runs: Vec<String> = vec![String::new()];
        let mut was_digit = false;
        for c in pattern.chars() {
            if c.is_ascii_digit() != was_digit {
                runs.push(String::new());
                was_digit = c.is_ascii_digit();
            }
            if let Some(run) = runs.last_mut() {
                run.push(c);
            }
        }
        runs
    };
    let all: Vec<Vec<String>> = patterns.iter().map(cut).collect();
    let differs = |at: usize| all.iter().any(|runs| runs.get(at) != all[0].get(at));
    let last = (0..all[0].len()).rev().find(|at| differs(*at));
    let text = |at: usize| match differs(at) {
        false => all[0][at].clone(),
        true if Some(at) == last && first.contains("{date}") => "{part}".to_owned(),
        true => "*".to_owned(),
    };
    (0..all[0].len()).map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_that_differ_in_days_and_numbers_are_one_export() {
        let object =
            |path: &str| Object { path: path.into(), size: 1, etag: None, last_modified: chrono::DateTime::UNIX_EPOCH };
        let paths = [
            "hr/workers_2026-03-01.csv",
            "hr/workers_2026-03-02.csv.gz",
            "hr/workers_2026-03-02.csv.ctl",
            "lms/2026-03-01/users-001.json",
            "lms/2026-03-01/users-002.json",
            "lms/Acme_Completions_File_20260301.csv",
            "lms/report 7.xlsx",
            "lms/report 12.xlsx",
            "lms/2026-02-01/log_20260301T020000Z.ndjson",
            "_SUCCESS",
        ];
        let groups = of(&paths.map(object));
        let found: Vec<(&str, usize)> =
            groups.iter().map(|group| (group.pattern.as_str(), group.paths.len())).collect();
        assert_eq!(
            found,
            [
                ("hr/workers_{date}.csv", 2),
                ("lms/*/log_{date}.ndjson", 1),
                ("lms/Acme_Completions_File_{date}.csv", 1),
                ("lms/report *.xlsx", 2),
                ("lms/{date}/users-{part}.json", 2),
            ]
        );
    }
}
