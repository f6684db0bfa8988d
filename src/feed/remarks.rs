//! What is noticed of rows that are kept: counted by column once the row is accepted, never said of one that is not.

use std::collections::BTreeMap;

use super::batch::{Builder, Last};
use super::reject::Reason;
use super::warning::Warning;
use crate::contract::{Contradiction, Table, With};

/// One thing noticed of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Remark {
    /// It could not be read, and its cell was emptied.
    Dropped(Reason),
    /// It lies above what is usual.
    Above,
    /// An id that would be read as another one.
    Lookalike,
    /// A time before any system that could have recorded it.
    Old,
    /// It contradicts another column of its row: a place in the contract's list.
    Contradicts(usize),
}

/// What was noticed so far, by stored column.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    counts: BTreeMap<(usize, Remark), u64>,
    /// Of the row that is being read.
    row: Vec<(usize, Remark)>,
    /// The codes of contradictions, by place.
    codes: Vec<&'static str>,
}

impl Remarks {
    pub fn about(contradictions: &Contradictions<'_>) -> Remarks {
        Remarks { codes: contradictions.codes(), ..Remarks::default() }
    }

    /// Says nothing of contradictions with a column of which the delivery says nothing: what was known of it stays.
    pub fn mute(&mut self, contradictions: &Contradictions<'_>, is_lacking: &dyn Fn(usize) -> bool) {
        for place in contradictions.with(is_lacking) {
            self.counts.retain(|(_, remark), _| *remark != Remark::Contradicts(place));
            self.codes[place] = "";
        }
    }

    /// A new row begins; what was noticed of a refused one is forgotten.
    #[inline]
    pub fn begin(&mut self) {
        self.row.clear();
    }

    pub fn note(&mut self, column: usize, remark: Remark) {
        self.row.push((column, remark));
    }

    /// The row is kept. A delete says nothing but its key.
    #[inline]
    pub fn keep(&mut self, deleted: bool) {
        // Of most rows nothing is noticed.
        if self.row.is_empty() {
            return;
        }
        for noticed in self.row.drain(..).filter(|_| !deleted) {
            *self.counts.entry(noticed).or_default() += 1;
        }
    }

    /// The values that were left out, by stored column and reason.
    pub fn dropped(&self) -> Vec<(usize, Reason, u64)> {
        let dropped = |(&(column, remark), &count): (&(usize, Remark), &u64)| match remark {
            Remark::Dropped(reason) => Some((column, reason, count)),
            _ => None,
        };
        self.counts.iter().filter_map(dropped).collect()
    }

    /// As warnings, `name` giving a stored column's.
    pub fn warnings<'n>(&self, name: &dyn Fn(usize) -> &'n str) -> Vec<Warning> {
        let warning = |(&(column, remark), &count): (&(usize, Remark), &u64)| {
            let (code, reason) = match remark {
                Remark::Dropped(reason) => ("value_dropped", Some(reason.code())),
                Remark::Above => ("score_above_one", None),
                Remark::Lookalike => ("id_non_ascii", None),
                Remark::Old => ("before_the_world", None),
                Remark::Contradicts(place) => (self.codes.get(place).copied().filter(|code| !code.is_empty())?, None),
            };
            Some(Warning { reason, ..Warning::new(code, Some(name(column)), count) })
        };
        self.counts.iter().filter_map(warning).collect()
    }
}

/// The contract's contradictions, bound to stored columns.
pub(super) struct Contradictions<'t> {
    bound: Vec<(usize, &'t Contradiction, usize)>,
}

impl<'t> Contradictions<'t> {
    pub fn of(table: &'t Table) -> Contradictions<'t> {
        let stored = |name: &str| table.stored().position(|column| column.name == name);
        let bind = |contradiction: &'t Contradiction| {
            let (With::Empty(other) | With::Full(other)) = &contradiction.with;
            Some((stored(&contradiction.column)?, contradiction, stored(other)?))
        };
        Contradictions { bound: table.contradictions.iter().filter_map(bind).collect() }
    }

    /// The codes, by place.
    pub fn codes(&self) -> Vec<&'static str> {
        let code = |(_, contradiction, _): &(usize, &Contradiction, usize)| {
            crate::contract::findings::finding(&contradiction.code).map_or("", |finding| finding.code)
        };
        self.bound.iter().map(code).collect()
    }

    /// The places of those with one of some columns.
    fn with(&self, is_one: &dyn Fn(usize) -> bool) -> Vec<usize> {
        self.bound.iter().enumerate().filter(|(_, (_, _, other))| is_one(*other)).map(|(place, _)| place).collect()
    }

    /// Looks at the row that was read last.
    #[inline]
    pub fn look(&self, builders: &[Builder], remarks: &mut Remarks) {
        for (place, (column, contradiction, other)) in self.bound.iter().enumerate() {
            let Some(Last::Text(word)) = builders[*column].last() else { continue };
            if !contradiction.is.iter().any(|known| known.as_bytes() == word) {
                continue;
            }
            let contradicts = match (&contradiction.with, builders[*other].last()) {
                (With::Empty(_), said) => said.is_none(),
                (With::Full(_), Some(Last::Double(share))) => share >= 1.0,
                (With::Full(_), Some(Last::Number(share))) => share >= 1,
                (With::Full(_), _) => false,
            };
            if contradicts {
                remarks.note(*column, Remark::Contradicts(place));
            }
        }
    }
}
