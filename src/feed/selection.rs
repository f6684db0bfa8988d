//! What a feed says about which of its records count: `where`, `annul`, `primary` and `order_by`, as meant.

use std::borrow::Cow;

use super::record::Cell;
use super::spec::{ChoiceFile, FeedFile, FilterFile};

/// What a feed says about which records count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Select {
    /// A record is kept where all of them hold.
    pub filters: Vec<Filter>,
    pub annul: Option<Choice>,
    pub primary: Option<Choice>,
    pub order_by: Option<String>,
    /// Texts that mean "no value".
    pub nulls: Vec<String>,
}

/// One condition of `where`.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    pub column: String,
    keeps: Keeps,
}

#[derive(Debug, Clone)]
enum Keeps {
    In(Vec<String>),
    NotIn(Vec<String>),
    Empty(bool),
}

/// Words of a column that pick a record out.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub column: String,
    pub values: Vec<String>,
    /// The export may lack the column: then no record is picked.
    pub optional: bool,
}

impl Select {
    pub(super) fn resolve(file: &FeedFile) -> Result<Select, String> {
        let named = |key: &str, column: &str| match column {
            "" => Err(format!("{key}: the column has no name")),
            column if column.starts_with('@') => Err(format!("{key}: `{column}` is no column of the export")),
            column => Ok(column.to_owned()),
        };
        let words = |key: &str, values: &[String]| match values {
            [] => Err(format!("{key}: it lists no value, so it picks no record")),
            values => Ok(values.to_vec()),
        };
        let choice = |key: &str, choice: &Option<ChoiceFile>| -> Result<Option<Choice>, String> {
            let Some(choice) = choice else { return Ok(None) };
            let column = named(key, &choice.column)?;
            Ok(Some(Choice { column, values: words(key, &choice.values)?, optional: choice.optional }))
        };
        let filter = |filter: &FilterFile| -> Result<Filter, String> {
            let keeps = match (&filter.within, &filter.not_in, filter.empty) {
                (Some(values), None, None) => Keeps::In(words("where", values)?),
                (None, Some(values), None) => Keeps::NotIn(words("where", values)?),
                (None, None, Some(empty)) => Keeps::Empty(empty),
                _ => return Err("where: each condition has one of `in`, `not_in` and `empty`".into()),
            };
            Ok(Filter { column: named("where", &filter.column)?, keeps })
        };
        if file.filters.as_ref().is_some_and(Vec::is_empty) {
            return Err("where: it holds no condition".into());
        }
        Ok(Select {
            filters: file.filters.iter().flatten().map(filter).collect::<Result<_, _>>()?,
            annul: choice("annul", &file.annul)?,
            primary: choice("primary", &file.primary)?,
            order_by: file.order_by.as_deref().map(|column| named("order_by", column)).transpose()?,
            nulls: file.nulls.clone(),
        })
    }

    /// Whether the records of one key must be looked at together.
    pub fn chooses(&self) -> bool {
        self.annul.is_some() || self.primary.is_some() || self.order_by.is_some()
    }
}

impl Filter {
    /// Whether a record with this cell is kept.
    pub fn keeps(&self, cell: Cell<'_>, nulls: &[String]) -> bool {
        let word = word(cell, nulls);
        match &self.keeps {
            Keeps::In(values) => word.is_some_and(|word| is_among(&word, values)),
            Keeps::NotIn(values) => !word.is_some_and(|word| is_among(&word, values)),
            Keeps::Empty(empty) => word.is_none() == *empty,
        }
    }
}

impl Choice {
    pub fn picks(&self, cell: Cell<'_>, nulls: &[String]) -> bool {
        word(cell, nulls).is_some_and(|word| is_among(&word, &self.values))
    }
}

/// Whether a word is listed. Spreadsheets and programs write `true` and `false` in any case.
fn is_among(word: &str, values: &[String]) -> bool {
    let is_truth = |text: &str| text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false");
    values.iter().any(|value| value == word || (is_truth(value) && value.eq_ignore_ascii_case(word)))
}

/// A cell as a word; `None` where it is empty or means so.
pub(crate) fn word<'c>(cell: Cell<'c>, nulls: &[String]) -> Option<Cow<'c, str>> {
    let text: Cow<'c, str> = match cell {
        Cell::Missing | Cell::Null | Cell::Nested | Cell::Past => return None,
        Cell::Text(raw) => Cow::Borrowed(std::str::from_utf8(raw).ok()?.trim()),
        Cell::Int(number) => number.to_string().into(),
        Cell::UInt(number) => number.to_string().into(),
        Cell::Big(number) => number.to_string().into(),
        Cell::Double(number) => number.to_string().into(),
        Cell::Bool(truth) => if truth { "true" } else { "false" }.into(),
        Cell::Date(day) => crate::period::date_of(day).to_string().into(),
        // Microseconds, so that instants are ordered as numbers.
        Cell::Instant(micros) | Cell::Local(micros) => micros.to_string().into(),
    };
    (!text.is_empty() && !nulls.iter().any(|null| *null == *text)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_reads_words_as_they_are_meant() {
        let filter = |keeps: Keeps| Filter { column: "c".into(), keeps };
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let text = |text: &'static str| Cell::Text(text.as_bytes());
        let nulls = words(&["-"]);
        let yes = filter(Keeps::In(words(&["true", "X"])));
        assert!(
            yes.keeps(text(" TRUE "), &nulls) && yes.keeps(Cell::Bool(true), &nulls) && yes.keeps(text("X"), &nulls)
        );
        assert!(!yes.keeps(text("x"), &nulls) && !yes.keeps(Cell::Missing, &nulls));
        let not = filter(Keeps::NotIn(words(&["3"])));
        assert!(
            !not.keeps(Cell::Int(3), &nulls) && !not.keeps(Cell::Double(3.0), &nulls) && not.keeps(Cell::Null, &nulls)
        );
        let empty = filter(Keeps::Empty(true));
        assert!(
            empty.keeps(text("\u{a0}"), &nulls) && empty.keeps(text("-"), &nulls) && !empty.keeps(text("a"), &nulls)
        );
    }
}
