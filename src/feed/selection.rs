//! What a feed says about which of its records count: `where`, `annul`, `primary` and `order_by`, as meant.

use std::borrow::Cow;

use super::record::Cell;
use super::spec::{ChoiceFile, FeedFile, FilterFile, OrderFile};

/// What a feed says about which records count.
#[derive(Debug, Clone, Default)]
pub(crate) struct Select {
    /// A record is kept where all of them hold.
    pub filters: Vec<Filter>,
    pub annul: Option<Choice>,
    pub primary: Option<Choice>,
    pub order_by: Option<String>,
    /// The least value of that column holds, not the greatest.
    pub least: bool,
    /// Texts that mean "no value".
    pub nulls: Vec<String>,
}

/// One condition of `where`.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    /// The names of the column; the first that is there counts.
    pub columns: Vec<String>,
    keeps: Keeps,
    /// The export may lack the column: then nothing is asked.
    pub optional: bool,
}

#[derive(Debug, Clone)]
enum Keeps {
    In(Vec<String>),
    NotIn(Vec<String>),
    /// Texts in which `*` is anything, as what stands between.
    Like(Vec<Vec<String>>),
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
            let keeps = match (&filter.within, &filter.not_in, &filter.like, filter.empty) {
                (Some(values), None, None, None) => Keeps::In(words("where", values)?),
                (None, Some(values), None, None) => Keeps::NotIn(words("where", values)?),
                (None, None, Some(texts), None) => Keeps::Like(likes(&words("where", texts)?)?),
                (None, None, None, Some(empty)) => Keeps::Empty(empty),
                _ => return Err("where: each condition has one of `in`, `not_in`, `like` and `empty`".into()),
            };
            let columns: Vec<String> =
                filter.column.list().iter().map(|column| named("where", column)).collect::<Result<_, _>>()?;
            if columns.is_empty() {
                return Err("where: a condition names no column".into());
            }
            Ok(Filter { columns, keeps, optional: filter.optional })
        };
        let (order_by, least) = match &file.order_by {
            None => (None, false),
            Some(OrderFile::Column(column)) => (Some(named("order_by", column)?), false),
            Some(OrderFile::Rule(rule)) => {
                let least = match rule.holds.as_deref() {
                    None | Some("greatest") => false,
                    Some("least") => true,
                    Some(other) => return Err(format!("order_by: holds `{other}` is none of greatest, least")),
                };
                (Some(named("order_by", &rule.column)?), least)
            }
        };
        if file.filters.as_ref().is_some_and(Vec::is_empty) {
            return Err("where: it holds no condition".into());
        }
        Ok(Select {
            filters: file.filters.iter().flatten().map(filter).collect::<Result<_, _>>()?,
            annul: choice("annul", &file.annul)?,
            primary: choice("primary", &file.primary)?,
            order_by,
            least,
            nulls: file.nulls.clone(),
        })
    }

    /// Whether the records of one key must be looked at together.
    pub fn chooses(&self) -> bool {
        self.annul.is_some() || self.primary.is_some() || self.order_by.is_some()
    }
}

impl Filter {
    /// Whether it keeps the records of which the column is empty, and asks for nothing else.
    pub fn keeps_empty(&self) -> bool {
        matches!(self.keeps, Keeps::Empty(true))
    }

    /// The name of its column in exports of today.
    pub fn column(&self) -> &str {
        self.columns.first().map_or("", String::as_str)
    }

    /// Words of which each keeps a record, and whether a record without any is kept.
    pub fn kept(&self) -> (Vec<String>, bool) {
        match &self.keeps {
            Keeps::In(values) => (values.clone(), false),
            Keeps::Like(patterns) => (patterns.iter().map(|texts| texts.join("1")).collect(), false),
            Keeps::NotIn(_) | Keeps::Empty(true) => (Vec::new(), true),
            Keeps::Empty(false) => (Vec::new(), false),
        }
    }

    /// Whether a record with this cell is kept.
    pub fn keeps(&self, cell: Cell<'_>, nulls: &[String]) -> bool {
        if self.optional && cell == Cell::Missing {
            return true;
        }
        let word = word(cell, nulls);
        match &self.keeps {
            Keeps::Like(texts) => word.is_some_and(|word| texts.iter().any(|text| is_like(&word, text))),
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

/// Texts with `*` as what stands between; one without is listed in `in`, and one of nothing else asks for nothing.
fn likes(texts: &[String]) -> Result<Vec<Vec<String>>, String> {
    let parts = |text: &String| -> Result<Vec<String>, String> {
        let parts: Vec<String> = text.split('*').map(str::to_owned).collect();
        match parts.len() {
            1 => Err(format!("where: `like` of `{text}`, which has no *: list it under `in`")),
            _ if parts.iter().all(String::is_empty) => {
                Err(format!("where: `like` of `{text}` asks for nothing; `empty = false` asks for any value"))
            }
            _ => Ok(parts),
        }
    };
    texts.iter().map(parts).collect()
}

/// Whether a word begins with the first part, ends in the last and has the others between, in this order.
fn is_like(word: &str, parts: &[String]) -> bool {
    let [first, between @ .., last] = parts else { return false };
    let Some(rest) = word.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else {
        return false;
    };
    let after = |rest: &str, part: &String| rest.split_once(part.as_str()).map(|(_, rest)| rest.to_owned());
    between.iter().try_fold(rest.to_owned(), |rest, part| after(&rest, part)).is_some()
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
        let filter = |keeps: Keeps| Filter { columns: vec!["c".into()], keeps, optional: false };
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
        let like = filter(Keeps::Like(likes(&words(&["*_WORK_*Primary", "ADR-*"])).unwrap()));
        for (word, kept) in [
            ("w7_WORK_Primary", true),
            ("_WORK_x_Primary", true),
            ("ADR-9", true),
            ("w7_HOME_Primary", false),
            ("w7_WORK_Primary_2", false),
            ("", false),
        ] {
            assert_eq!(like.keeps(text(word), &nulls), kept, "{word}");
        }
        assert!(likes(&words(&["WORK"])).unwrap_err().contains("list it under `in`"));
        assert!(likes(&words(&["**"])).unwrap_err().contains("asks for nothing"));
        let lenient = Filter { optional: true, ..filter(Keeps::In(words(&["X"]))) };
        assert!(lenient.keeps(Cell::Missing, &nulls) && !lenient.keeps(Cell::Null, &nulls));
        let empty = filter(Keeps::Empty(true));
        assert!(
            empty.keeps(text("\u{a0}"), &nulls) && empty.keeps(text("-"), &nulls) && !empty.keeps(text("a"), &nulls)
        );
    }
}
