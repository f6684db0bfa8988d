//! Values over several columns: rows of the vendor's words and what they mean together.

use super::reject::Reason;

/// Rows of words, the first that fits holds.
#[derive(Debug, Clone)]
pub(crate) struct Combined {
    rows: Vec<(Vec<Word>, String)>,
    /// Our word where no row fits.
    default: Option<String>,
    fold_case: bool,
}

/// What a row asks of one column.
#[derive(Debug, Clone, PartialEq)]
enum Word {
    Any,
    /// The empty one is no value.
    Is(String),
    /// A number, with or without a sign of per cent, on this side of another.
    Number(Side, f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Above,
    AtLeast,
    Below,
    AtMost,
}

/// `>0`, `>=1`, `<100`, `<=99.5`.
fn number(text: &str) -> Option<Word> {
    let signs = [(">=", Side::AtLeast), ("<=", Side::AtMost), (">", Side::Above), ("<", Side::Below)];
    let (rest, side) = signs.into_iter().find_map(|(sign, side)| Some((text.strip_prefix(sign)?, side)))?;
    let bound: f64 = rest.trim().parse().ok()?;
    bound.is_finite().then_some(Word::Number(side, bound))
}

fn is_on_side(word: &str, side: Side, bound: f64) -> bool {
    let word = word.trim();
    let value: Option<f64> = word.strip_suffix('%').map_or(word, str::trim_end).parse().ok();
    value.is_some_and(|value| match side {
        Side::Above => value > bound,
        Side::AtLeast => value >= bound,
        Side::Below => value < bound,
        Side::AtMost => value <= bound,
    })
}

/// What the words of a record mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meaning<'c> {
    /// Empty: no value.
    pub word: &'c str,
    /// No row fits, and the default stands in.
    pub is_unknown: bool,
}

impl Combined {
    /// Rows as written: a cell for each column, last what they mean.
    pub fn parse(
        rows: &[Vec<String>],
        columns: usize,
        default: Option<String>,
        fold_case: bool,
    ) -> Result<Combined, String> {
        let mut parsed: Vec<(Vec<Word>, String)> = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let Some((meaning, words)) = row.split_last().filter(|(_, words)| words.len() == columns) else {
                return Err(format!(
                    "row {} of `values` has {} cells; {columns} columns of `from` and their meaning make {}",
                    at + 1,
                    row.len(),
                    columns + 1
                ));
            };
            let plain = |text: &str| Word::Is(if fold_case { text.to_lowercase() } else { text.to_owned() });
            let word = |text: &String| match text.as_str() {
                "*" => Word::Any,
                text => number(text).unwrap_or_else(|| plain(text)),
            };
            let words: Vec<Word> = words.iter().map(word).collect();
            let covers = |(earlier, _): &(Vec<Word>, String)| {
                earlier.iter().zip(&words).all(|(earlier, word)| *earlier == Word::Any || earlier == word)
            };
            if let Some(earlier) = parsed.iter().position(covers) {
                return Err(format!("row {} of `values` is never reached: row {} fits first", at + 1, earlier + 1));
            }
            parsed.push((words, meaning.clone()));
        }
        if parsed.is_empty() {
            return Err("`values` has no row".into());
        }
        Ok(Combined { rows: parsed, default, fold_case })
    }

    /// Every word of ours that its rows can give.
    pub fn meanings(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|(_, meaning)| meaning.as_str()).chain(self.default.as_deref())
    }

    /// The words, column by column, of each row that means this: `None` is any word, the empty one is no value.
    pub fn words_for(&self, meaning: &str) -> Vec<Vec<Option<String>>> {
        fn word(word: &Word) -> Option<String> {
            match word {
                Word::Is(word) => Some(word.clone()),
                Word::Any => None,
                Word::Number(Side::Above, bound) => Some((bound + 1.0).to_string()),
                Word::Number(Side::Below, bound) => Some((bound - 1.0).to_string()),
                Word::Number(Side::AtLeast | Side::AtMost, bound) => Some(bound.to_string()),
            }
        }
        let rows = self.rows.iter().filter(|(_, means)| means == meaning);
        rows.map(|(row, _)| row.iter().map(word).collect()).collect()
    }

    /// What the words of a record mean. `None` is no value, as the empty text is.
    ///
    /// # Errors
    /// No row fits and there is no default.
    pub fn meaning(&self, words: &[Option<&str>]) -> Result<Meaning<'_>, Reason> {
        let fits = |row: &[Word]| {
            row.iter().zip(words).all(|(wanted, word)| match wanted {
                Word::Any => true,
                Word::Number(side, bound) => word.is_some_and(|word| is_on_side(word, *side, *bound)),
                Word::Is(wanted) if self.fold_case => word.unwrap_or_default().to_lowercase() == *wanted,
                Word::Is(wanted) => word.unwrap_or_default() == wanted,
            })
        };
        if let Some((_, meaning)) = self.rows.iter().find(|(row, _)| fits(row)) {
            return Ok(Meaning { word: meaning, is_unknown: false });
        }
        // A record that says nothing in any of the columns has no value, as an empty cell has none.
        if words.iter().all(Option::is_none) {
            return Ok(Meaning { word: "", is_unknown: false });
        }
        match &self.default {
            Some(word) => Ok(Meaning { word, is_unknown: true }),
            None => Err(Reason::UnknownEnum),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[[&str; 3]], default: Option<&str>, fold_case: bool) -> Result<Combined, String> {
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.map(str::to_owned).to_vec()).collect();
        Combined::parse(&rows, 2, default.map(str::to_owned), fold_case)
    }

    #[test]
    fn the_first_row_that_fits_says_what_the_columns_mean_together() {
        let states = rows(&[["TRUE", "*", "done"], ["FALSE", "", "open"], ["FALSE", "yes", "left"]], None, false);
        let states = states.expect("rows");
        let meaning = |words: [Option<&str>; 2]| states.meaning(&words).map(|meaning| meaning.word.to_owned());
        assert_eq!(meaning([Some("TRUE"), Some("anything")]), Ok("done".into()));
        assert_eq!(meaning([Some("FALSE"), None]), Ok("open".into()));
        assert_eq!(meaning([Some("FALSE"), Some("yes")]), Ok("left".into()));
        assert_eq!(meaning([Some("FALSE"), Some("Yes")]), Err(Reason::UnknownEnum));
        assert_eq!(meaning([None, None]), Ok(String::new()), "nothing was said");
        let folded = rows(&[["true", "*", "done"]], Some("open"), true).expect("rows");
        assert_eq!(folded.meaning(&[Some("True"), None]), Ok(Meaning { word: "done", is_unknown: false }));
        assert_eq!(folded.meaning(&[Some("no"), None]), Ok(Meaning { word: "open", is_unknown: true }));
    }

    #[test]
    fn a_number_may_be_weighed_instead_of_listed() {
        let rows = rows(
            &[["FALSE", ">0", "in_progress"], ["FALSE", "<=0", "assigned"], ["*", ">= 100", "completed"]],
            None,
            false,
        );
        let rows = rows.expect("rows");
        let meaning = |words: [Option<&str>; 2]| rows.meaning(&words).map(|meaning| meaning.word.to_owned());
        assert_eq!(meaning([Some("FALSE"), Some("0.5 %")]), Ok("in_progress".into()));
        assert_eq!(meaning([Some("FALSE"), Some("0.0")]), Ok("assigned".into()));
        assert_eq!(meaning([Some("TRUE"), Some("100%")]), Ok("completed".into()));
        assert_eq!(meaning([Some("TRUE"), Some("99")]), Err(Reason::UnknownEnum));
        assert_eq!(meaning([Some("FALSE"), Some("none")]), Err(Reason::UnknownEnum), "no number lies on a side");
        assert_eq!(meaning([Some("FALSE"), None]), Err(Reason::UnknownEnum));
    }

    #[test]
    fn rows_that_say_nothing_are_errors_of_the_feed() {
        assert!(rows(&[], None, false).is_err());
        let never = rows(&[["a", "*", "x"], ["a", "b", "y"]], None, false).expect_err("refused");
        assert!(never.contains("row 2 of `values` is never reached"), "{never}");
        let short = Combined::parse(&[vec!["a".into(), "x".into()]], 2, None, false).expect_err("refused");
        assert!(short.contains("has 2 cells"), "{short}");
    }
}
