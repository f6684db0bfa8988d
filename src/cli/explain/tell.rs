//! An explanation in words, from the figure down to the deliveries.

use serde_json::Value;

use super::Explanation;
use super::figure::Figure;
use super::sources::Noticed;
use crate::cli::published;
use crate::cli::terminal;

/// The explanation as a person at a terminal reads it.
pub fn text(explanation: &Explanation) -> String {
    let mut told = head(explanation);
    match explanation.figures.as_slice() {
        [figure] => told.push_str(&one(figure)),
        figures => told.push_str(&all(figures)),
    }
    for origin in &explanation.taken_from {
        told.push_str("\ntaken from\n");
        let inner = format!("{}{}", head(origin), origin.figures.iter().map(one).collect::<String>());
        told.extend(inner.lines().map(|line| if line.is_empty() { "\n".into() } else { format!("  {line}\n") }));
    }
    told.push_str(&lineage(explanation));
    for warning in &explanation.warnings {
        told.push_str(&format!("\nnote: {warning}"));
    }
    told.push('\n');
    terminal::plain(&told)
}

fn head(explanation: &Explanation) -> String {
    let key: Vec<String> =
        explanation.key.iter().map(|(name, value)| format!("{name}={}", published::text(value))).collect();
    let mut told = format!("{} of commit {}\n{}\n", explanation.table, explanation.snapshot_id, key.join(", "));
    for sentence in &explanation.row_says {
        told.push_str(&format!("{sentence}\n"));
    }
    told
}

fn value(value: &Value) -> String {
    if value.is_null() { "(empty)".into() } else { shortened(&published::text(value)) }
}

/// A text in which numbers with a long tail of decimals are as short as in `show`; `--json` has them exactly.
fn shortened(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let mut short = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_part(c) != is_part(first)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        let long = run.split_once('.').is_some_and(|(_, decimals)| decimals.len() > 4);
        // What goes on behind the digits as `e-7`, a version or a name is no number of this kind.
        let ends = after.chars().next().is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '-');
        match run.parse::<f64>() {
            Ok(number) if long && ends => short.push_str(&terminal::number(number)),
            _ => short.push_str(run),
        }
        rest = after;
    }
    short
}

fn with_unit(figure: &Figure) -> String {
    let value = value(&figure.value);
    if figure.unit.is_empty() { value } else { format!("{value} ({})", figure.unit) }
}

fn one(figure: &Figure) -> String {
    let mut told = format!("\n{} = {}\n  {}\n", figure.column, with_unit(figure), figure.description);
    if let (Some(arithmetic), Some(numbers), Some(again)) =
        (&figure.arithmetic, &figure.with_numbers, &figure.computed_again)
    {
        let indent = " ".repeat(figure.column.chars().count());
        told.push_str(&format!(
            "\n  {} = {arithmetic}\n  {indent} = {}\n  {indent} = {}\n",
            figure.column,
            shortened(numbers),
            value(again)
        ));
    }
    if !figure.parts.is_empty() {
        let rows: Vec<Vec<String>> = figure
            .parts
            .iter()
            .map(|part| vec![format!("  {}", part.column), value(&part.value), part.unit.clone(), part.is.to_owned()])
            .collect();
        told.push_str(&format!("\n{}", terminal::table(&["  made of", "value", "unit", "which is"], &rows)));
    }
    for sentence in figure.shown_as.iter() {
        told.push_str(&format!("  {sentence}\n"));
    }
    if !figure.may_be_empty_because.is_empty() {
        told.push_str("\n  It is empty, which never means zero:\n");
        told.extend(figure.may_be_empty_because.iter().map(|why| format!("  - {why}\n")));
    }
    told
}

fn all(figures: &[Figure]) -> String {
    let rows: Vec<Vec<String>> =
        figures.iter().map(|figure| vec![figure.column.clone(), value(&figure.value), figure.unit.clone()]).collect();
    format!("\n{}", terminal::table(&["figure", "value", "unit"], &rows))
}

fn lineage(explanation: &Explanation) -> String {
    let mut told = String::new();
    if !explanation.evidence.is_empty() {
        let rows: Vec<Vec<String>> = explanation
            .evidence
            .iter()
            .map(|finding| vec![format!("  {}", finding.what), finding.value.clone()])
            .collect();
        told.push_str(&format!("\nwhat it rests on\n{}", terminal::table(&["", ""], &rows).trim_start_matches('\n')));
    }
    if !explanation.sources.is_empty() {
        let rows: Vec<Vec<String>> = explanation
            .sources
            .iter()
            .map(|source| {
                let records = &source.records;
                let counts = [
                    source.deliveries,
                    source.refused,
                    records.read,
                    records.accepted,
                    records.rejected,
                    records.duplicate,
                    records.voided,
                    records.superseded,
                    records.filtered,
                    records.forgotten,
                ];
                let mut row = vec![source.canon_table.clone(), source.feed.clone()];
                row.extend(counts.map(|count| count.to_string()));
                row.push(source.newest.clone());
                row
            })
            .collect();
        let header = [
            "canon table",
            "feed",
            "deliveries",
            "refused",
            "records",
            "accepted",
            "rejected",
            "duplicate",
            "voided",
            "superseded",
            "filtered",
            "forgotten",
            "newest",
        ];
        told.push_str(&format!("\nthe deliveries behind it\n{}", terminal::table(&header, &rows)));
    }
    if !explanation.rejected.is_empty() {
        told.push_str("\nrejected on the way\n");
        for reject in &explanation.rejected {
            told.push_str(&format!("  {}, {} records: {}\n", reject.canon_table, reject.records, reject.sentence));
        }
    }
    let noticed: Vec<&Noticed> = explanation.noticed.iter().filter(|noticed| noticed.affected != 0).collect();
    if !noticed.is_empty() {
        told.push_str("\nnoticed on the way\n");
        for noticed in noticed {
            told.push_str(&format!("  {}: {}: {}\n", noticed.check_kind, noticed.sentence, value(&noticed.affected)));
        }
    }
    if let Some(withheld) = &explanation.withheld {
        told.push_str(&format!(
            "\nhidden on the way\n  of {} rows by {} of scope kind {}, {} are withheld; {} single figures are withheld in the others\n",
            withheld.rows_total, withheld.grain, withheld.scope_kind, withheld.rows_withheld, withheld.cells_withheld
        ));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_tail_of_decimals_is_cut_and_everything_else_is_left() {
        assert_eq!(shortened("0.9463722397476341 * 210 / 72.95454545454545"), "0.946 * 210 / 72.955");
        assert_eq!(shortened("0.4, 4 / 10, 1.5"), "0.4, 4 / 10, 1.5");
        assert_eq!(shortened("-0.026298626159770855"), "-0.026");
        assert_eq!(shortened("C-0005 of 2026-03-01, 1.23456e-7, 1.2.3"), "C-0005 of 2026-03-01, 1.23456e-7, 1.2.3");
    }
}
