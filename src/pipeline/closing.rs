//! The closing lines of a run about what its deliveries left out or said oddly: one line a kind, the rest is in `data_quality`.

use std::collections::BTreeMap;

use crate::contract::findings::{Severity, finding};
use crate::feed::Intake;

/// Kinds that are said in full; of more only their number.
const KINDS: usize = 5;

/// What was noticed of the deliveries of a run, what touches most values first.
pub fn noticed(intakes: &[(String, Option<Intake>)]) -> Vec<String> {
    /// How often, and where it was first seen.
    struct Kind<'i> {
        count: u64,
        places: u64,
        first: (&'i str, Option<&'i str>),
    }
    let mut kinds: BTreeMap<&str, Kind<'_>> = BTreeMap::new();
    for (path, intake) in intakes {
        for warning in intake.iter().flat_map(|intake| &intake.warnings) {
            let kind = kinds.entry(warning.code).or_insert(Kind {
                count: 0,
                places: 0,
                first: (path, warning.column.as_deref()),
            });
            kind.count += warning.count;
            kind.places += 1;
        }
    }
    let mut kinds: Vec<(&str, Kind<'_>)> = kinds
        .into_iter()
        .filter(|(code, _)| finding(code).is_some_and(|finding| finding.severity == Severity::Warn))
        .collect();
    kinds.sort_by_key(|(code, kind)| (std::cmp::Reverse(kind.count), *code));
    let more = kinds.len().saturating_sub(KINDS);
    let mut lines: Vec<String> = kinds
        .into_iter()
        .take(KINDS)
        .map(|(code, kind)| {
            let sentence = finding(code).map_or("", |finding| finding.sentence);
            let (path, column) = kind.first;
            let place = column.map_or_else(|| path.to_owned(), |column| format!("{column} of {path}"));
            let others = if kind.places > 1 { format!(" and {} more places", kind.places - 1) } else { String::new() };
            format!("{code}, {} times, {place}{others}: {sentence}", kind.count)
        })
        .collect();
    if more > 0 {
        lines.push(format!("{more} more kinds of things were noticed; the table data_quality has all"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Warning;

    #[test]
    fn each_kind_is_said_once_with_its_first_place_and_notes_are_not() {
        let warning = |code, column: &str, count| Warning { code, reason: None, column: Some(column.into()), count };
        let of = |warnings| Some(Intake { warnings, ..Intake::default() });
        let intakes = [
            ("a.csv".to_owned(), of(vec![warning("header_absent", "due_at", 1), warning("unknown_column", "x", 9)])),
            ("b.csv".to_owned(), of(vec![warning("header_absent", "score", 1), warning("value_dropped", "score", 7)])),
            ("c.csv".to_owned(), None),
        ];
        assert_eq!(
            noticed(&intakes),
            [
                "value_dropped, 7 times, score of b.csv: values could not be read and were left out; their records are kept",
                "header_absent, 2 times, due_at of a.csv and 1 more places: a column that the feed maps is not in the export; what was known stays"
            ]
        );
    }
}
