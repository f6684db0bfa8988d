//! What the values of a column look like: addresses, dates, numbers, known words.

use std::collections::BTreeSet;

use super::words;
use crate::contract::{Column, Type};
use crate::feed::duration;
use crate::feed::time;

/// What the values of a column look like.
pub(super) struct Profile {
    pub rows: usize,
    pub filled: usize,
    pub distinct: BTreeSet<String>,
    pub emails: f64,
    pub dates: f64,
    pub numbers: f64,
    pub clocks: f64,
    /// Values of several words.
    pub phrases: f64,
}

impl Profile {
    /// Of the values of so many rows.
    pub fn of(values: &[&str], rows: usize) -> Profile {
        let share = |fits: &dyn Fn(&str) -> bool| {
            values.iter().filter(|value| fits(value)).count() as f64 / values.len().max(1) as f64
        };
        Profile {
            rows,
            filled: values.len(),
            distinct: values.iter().map(|value| value.to_lowercase()).collect(),
            emails: share(&is_email),
            dates: share(&|value| is_date(value)),
            numbers: share(&|value| is_number(value)),
            clocks: share(&is_clock),
            phrases: share(&|value| value.split_whitespace().count() > 2),
        }
    }

    pub fn is_unique(&self) -> bool {
        self.filled > 1 && self.distinct.len() == self.filled
    }

    /// The share of the words that are known for a column.
    pub fn known(&self, table: &str, column: &Column) -> f64 {
        let known: BTreeSet<&str> =
            words::closed(table, &column.name, column.data_type == Type::Bool).map(|(word, _)| word).collect();
        let is_ours = |word: &str| column.values.iter().any(|ours| ours == word);
        let found = self.distinct.iter().filter(|word| known.contains(word.as_str()) || is_ours(word)).count();
        found as f64 / self.distinct.len().max(1) as f64
    }
}

pub(super) fn is_email(value: &str) -> bool {
    value.split_once('@').is_some_and(|(who, host)| !who.is_empty() && host.contains('.') && !value.contains(' '))
}

fn is_number(value: &str) -> bool {
    let bare: String =
        value.trim_end_matches('%').chars().filter(|c| !matches!(c, ',' | ' ' | '\u{a0}' | '.')).collect();
    !bare.is_empty() && bare.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit())
}

fn is_clock(value: &str) -> bool {
    value.contains(':') && duration::clock(value).is_ok() || value.starts_with("PT")
}

/// Forms of dates that exports use, the more usual first.
#[rustfmt::skip]
pub(super) const DATES: &[&str] = &[
    "iso", "%Y-%m-%d %H:%M:%S", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%Y%m%d", "%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%d-%m-%Y", "%d-%m-%Y %H:%M", "%d-%b-%Y", "%d %b %Y",
    "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y %H:%M:%S", "%d %b %Y %H:%M", "%d %B %Y, %I:%M %p", "%b %d, %Y %I:%M %p", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y",
    "%d/%m/%y, %H:%M:%S", "%d/%m/%y, %H:%M", "%m/%d/%y, %H:%M", "%d.%m.%Y, %H:%M", "%B %d, %Y %H:%M:%S", "%b-%d-%Y %H:%M:%S", "%b-%d-%Y", "%d-%b-%y", "%A, %d %B %Y, %I:%M %p", "epoch_ms", "epoch_s", "odata",
];

/// Languages in which names of months are looked for.
pub(super) const LANGUAGES: [&str; 8] = ["en", "de", "fr", "es", "it", "nl", "pt", "pl"];

/// Whether a form reads a value, in a language where it has names of months.
pub(super) fn reads(form: &str, value: &str, language: &str) -> bool {
    let locale = time::Locale::named(language).filter(|_| form.contains("%b") || form.contains("%B"));
    // Numbers are instants only where they lie in our time: any id is a second since 1970.
    let plausible = match form {
        "epoch_s" => value.len() == 10 && value.starts_with(['1', '2']),
        "epoch_ms" => value.len() == 13 && value.starts_with(['1', '2']),
        "%Y%m%d" => value.starts_with("19") || value.starts_with("20"),
        _ => true,
    };
    plausible && time::Format::parse(form).is_ok_and(|format| format.read(value.as_bytes(), locale).is_ok())
}

pub(super) fn is_date(value: &str) -> bool {
    let may_be = value.len() >= 6 && value.len() <= 40 && value.bytes().any(|byte| byte.is_ascii_digit());
    let names_months = value.chars().filter(|c| c.is_alphabetic()).count() >= 3;
    may_be
        && DATES.iter().any(|form| {
            let by_name = form.contains("%b") || form.contains("%B");
            // A name of a month has letters, a form of numbers has none but for T, Z and AM.
            match (by_name, names_months) {
                (true, true) => LANGUAGES.iter().any(|language| reads(form, value, language)),
                (true, false) => false,
                (false, _) => reads(form, value, "en"),
            }
        })
}
