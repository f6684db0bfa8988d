//! One value of a record, read as its column says and pushed into it.

use std::borrow::Cow;

use super::{Gate, null_of};
use crate::contract::{Made, Type};
use crate::feed::batch::{Last, Values};
use crate::feed::bound::Slot;
use crate::feed::cast;
use crate::feed::extract::ActOf;
use crate::feed::feed::{Mapping, Reading};
use crate::feed::record::{Cell, Record};
use crate::feed::reject::Reason;
use crate::feed::remarks::Remark;
use crate::feed::signature;
use crate::feed::{ids, moment};

/// 2^53: below it a double names one whole number.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl<'a, E> Gate<'a, E> {
    /// Reads a column that is put together, made or divided.
    #[inline(never)]
    pub(super) fn read_made<R: Record>(
        &mut self,
        at: usize,
        (source, divisor, made): (Slot<'a>, Option<usize>, Option<(Made, Slot<'a>, &'a Mapping)>),
        record: &R,
        paths: &[String],
        joined: &mut String,
    ) -> Result<(Option<bool>, bool), Reason> {
        let cell = self.fetch(at, source, record, paths, joined)?;
        if let Some((made, of, mapping)) = made {
            let target = &self.bound.columns[at];
            let given = matches!(cell, Cell::Text(raw) if !cast::is_null(raw.trim_ascii(), &target.rule.mapping));
            if !(given && made == Made::Hash) {
                let mut text = String::new();
                let cell = self.fetch(at, of, record, paths, &mut text)?;
                let pseudonyms = self.bound.columns[at].rule.pseudonyms;
                if let Some(made) = signature::make(made, cell, mapping, pseudonyms) {
                    return Ok((None, self.made(at, &made)));
                }
            }
        }
        let null = null_of(cell);
        let per = match divisor {
            Some(slot) if !self.is_nothing(at, cell) => {
                let per = cast::divisor(record.cell(slot), &self.bound.columns[at].rule.mapping)?;
                Some(per.filter(|per| *per != 0.0).ok_or(Reason::DivisorMissing)?)
            }
            _ => None,
        };
        Ok((null, self.value(at, cell, per)?))
    }

    fn is_nothing(&self, at: usize, cell: Cell<'_>) -> bool {
        match cell {
            Cell::Missing | Cell::Null => true,
            Cell::Text(raw) => cast::is_null(raw.trim_ascii(), &self.bound.columns[at].rule.mapping),
            _ => false,
        }
    }

    /// The cell of a column, whatever it is put together from.
    #[inline]
    pub(super) fn fetch<'r, R: Record>(
        &mut self,
        at: usize,
        source: Slot<'a>,
        record: &'r R,
        paths: &'r [String],
        joined: &'r mut String,
    ) -> Result<Cell<'r>, Reason>
    where
        'a: 'r,
    {
        let one = |part: Slot<'a>| match part {
            Slot::At(slot) => record.cell(slot),
            Slot::Path(path) => paths.get(path).map_or(Cell::Missing, |text| Cell::Text(text.as_bytes())),
            Slot::Constant(text) => Cell::Text(text.as_bytes()),
            _ => Cell::Missing,
        };
        Ok(match source {
            Slot::First(from, to) => {
                let mut found = Cell::Missing;
                for part in from..to {
                    let cell = one(self.bound.parts[part]);
                    if !self.is_nothing(at, cell) {
                        return Ok(cell);
                    }
                    // Nothing is said of a column that is null in one place and missing in another but that it is null.
                    if found == Cell::Missing {
                        found = cell;
                    }
                }
                found
            }
            Slot::Joined(from, to, between) => {
                joined.clear();
                for part in from..to {
                    let cell = one(self.bound.parts[part]);
                    // An id of which a part is missing is none.
                    if self.is_nothing(at, cell) {
                        return Ok(if cell == Cell::Null { Cell::Null } else { Cell::Missing });
                    }
                    if part > from {
                        joined.push_str(between);
                    }
                    match cell {
                        Cell::Text(raw) => {
                            joined.push_str(std::str::from_utf8(raw).map_err(|_| Reason::InvalidUtf8)?.trim())
                        }
                        cell => spell(cell, false, joined)?,
                    }
                }
                Cell::Text(joined.as_bytes())
            }
            Slot::Combined(from, to, combined) => {
                let mut words: Vec<Option<Cow<'_, str>>> = Vec::with_capacity(to - from);
                for part in from..to {
                    let cell = one(self.bound.parts[part]);
                    words.push(match cell {
                        _ if self.is_nothing(at, cell) => None,
                        Cell::Text(raw) => {
                            Some(Cow::Borrowed(std::str::from_utf8(raw).map_err(|_| Reason::InvalidUtf8)?.trim()))
                        }
                        cell => match word(cell) {
                            Some(word) => Some(Cow::Owned(word)),
                            None => {
                                let mut text = String::new();
                                spell(cell, true, &mut text)?;
                                Some(Cow::Owned(text))
                            }
                        },
                    });
                }
                let words: Vec<Option<&str>> = words.iter().map(Option::as_deref).collect();
                let meaning = combined.meaning(&words)?;
                let stored = self.bound.columns[at].stored;
                self.unknown[stored] += u64::from(meaning.is_unknown);
                if meaning.word.is_empty() { Cell::Missing } else { Cell::Text(meaning.word.as_bytes()) }
            }
            single => one(single),
        })
    }

    /// Pushes what was made here of a text, which no rule of the source applies to.
    pub(super) fn made(&mut self, at: usize, made: &str) -> bool {
        let builder = &mut self.builders[self.bound.columns[at].stored];
        let Values::Text(text) = &mut builder.values else { return false };
        text.push(made.as_bytes());
        builder.mark(true);
        self.weight += made.len();
        true
    }

    /// Pushes that the instant in column `of`, if there is one, was told as a day; that it was not is left to be filled in.
    #[cold]
    pub(super) fn note_day(&mut self, at: usize, of: usize) {
        if self.builders[self.bound.columns[of].stored].last().is_none() {
            return;
        }
        let builder = &mut self.builders[self.bound.columns[at].stored];
        builder.pad(self.rows.len());
        if let Values::Bool(values) = &mut builder.values {
            values.append(true);
            builder.mark(true);
        }
    }

    /// Pushes one value; says whether there was one. Nothing is pushed where there is an error.
    #[inline(always)]
    pub(super) fn value(&mut self, at: usize, cell: Cell<'_>, per: Option<f64>) -> Result<bool, Reason> {
        match cell {
            Cell::Int(_) | Cell::UInt(_) | Cell::Big(_) | Cell::Bool(_) => self.typed_value(at, cell, per),
            Cell::Double(value) if value.fract() == 0.0 && value.abs() < EXACT && self.is_whole(at) => {
                self.typed_value(at, Cell::Int(value as i64), per)
            }
            _ => self.plain_value(at, cell, per),
        }
    }

    /// Whether the column holds ids of which a sender has made numbers.
    fn is_whole(&self, at: usize) -> bool {
        self.bound.columns[at].rule.mapping.reading == Reading::Whole
    }

    /// Pushes a number or a truth that the format itself tells from a text.
    #[inline(never)]
    fn typed_value(&mut self, at: usize, cell: Cell<'_>, per: Option<f64>) -> Result<bool, Reason> {
        let target = &self.bound.columns[at];
        let values = target.rule.mapping.values.as_ref();
        let is_text = target.column.data_type == Type::Text;
        if !(is_text || values.is_some()) {
            return self.plain_value(at, cell, per);
        }
        // Whole numbers, and truths where there are words for them, are text where text is wanted; of a double nobody knows how it
        // was written. A number or a truth that the column can hold needs no word.
        let mut spelled = std::mem::take(&mut self.spelled);
        spelled.clear();
        let written = spell(cell, values.is_some(), &mut spelled);
        let has_word = is_text || values.is_some_and(|values| cast::has_word(&spelled, values));
        let pushed = match written {
            Err(reason) => Err(reason),
            Ok(()) if has_word => self.plain_value(at, Cell::Text(spelled.as_bytes()), per),
            Ok(()) => self.plain_value(at, cell, per),
        };
        self.spelled = spelled;
        pushed
    }

    fn plain_value(&mut self, at: usize, cell: Cell<'_>, per: Option<f64>) -> Result<bool, Reason> {
        let target = &self.bound.columns[at];
        let mapping = &*target.rule.mapping;
        let watch = &mut self.watches[at];
        let builder = &mut self.builders[target.stored];
        if let Cell::Text(raw) = cell
            && raw.len() > self.feed.limits.record_bytes
        {
            return Err(Reason::RecordTooLong);
        }
        let valid = match &mut builder.values {
            Values::Dictionary(dictionary) => match cell {
                Cell::Text(raw) => {
                    let seen = match dictionary.find(raw) {
                        Some(seen) => seen,
                        None => {
                            let unknown = mapping.values.as_ref().is_some_and(|values| cast::is_unknown(raw, values));
                            let value = cast::text(raw, &target.rule, &mut self.scratch)?;
                            self.weight += raw.len();
                            let plain = || std::str::from_utf8(raw).unwrap_or_default().trim();
                            if let Some(watch) = watch.as_mut().filter(|_| value.is_some()) {
                                watch.note(plain());
                            }
                            if target.counts_zeros && value.is_some() {
                                self.intake.zeros.note(plain(), target.rule.pseudonyms);
                            }
                            let lookalike = target.rule.ids
                                && value.is_some()
                                && !raw.is_ascii()
                                && ids::looks_like_another(plain());
                            let pattern = cast::pattern_of(raw, mapping).map_or(0, |at| at as u8 + 1);
                            dictionary.learn_by(raw, value, unknown, lookalike, pattern)
                        }
                    };
                    self.unknown[target.stored] += u64::from(seen.unknown);
                    if seen.unknown && self.sightings.is_curious(at, Reason::UnknownShare) {
                        self.sightings.look(at, target, Reason::UnknownShare, cell);
                    }
                    if seen.lookalike {
                        self.remarks.note(target.stored, Remark::Lookalike);
                    }
                    if seen.pattern > 0 {
                        let at = usize::from(seen.pattern) - 1;
                        let told = &mut self.told[target.stored];
                        told.resize(told.len().max(at + 1), 0);
                        told[at] += 1;
                        let patterns = mapping.extract.as_ref().map_or(&[][..], |extract| extract.patterns());
                        self.is_nobodys =
                            seen.key < 0 && patterns.get(at).is_some_and(|pattern| pattern.act_of == ActOf::Nobody);
                    }
                    dictionary.push(seen.key);
                    seen.key >= 0
                }
                Cell::Missing | Cell::Null => {
                    dictionary.push(-1);
                    false
                }
                _ => return Err(Reason::TypeMismatch),
            },
            Values::Text(text) => match cell {
                Cell::Text(raw) if target.as_is && cast::is_printable(raw) => {
                    if target.rule.ids {
                        if let Some(reason) = ids::rewritten(raw) {
                            return Err(reason);
                        }
                        if watch.is_some() || target.counts_zeros {
                            let plain = std::str::from_utf8(raw).unwrap_or_default();
                            if let Some(watch) = watch {
                                watch.note(plain);
                            }
                            if target.counts_zeros {
                                self.intake.zeros.note(plain, target.rule.pseudonyms);
                            }
                        }
                    }
                    self.weight += raw.len();
                    text.push(raw);
                    true
                }
                Cell::Text(raw) => {
                    let value = cast::text(raw, &target.rule, &mut self.scratch)?;
                    if target.rule.ids && value.is_some() {
                        let plain = std::str::from_utf8(raw).unwrap_or_default().trim();
                        if let Some(watch) = watch {
                            watch.note(plain);
                        }
                        if target.counts_zeros {
                            self.intake.zeros.note(plain, target.rule.pseudonyms);
                        }
                        if ids::looks_like_another(plain) {
                            self.remarks.note(target.stored, Remark::Lookalike);
                        }
                    }
                    self.weight += raw.len();
                    text.push(value.unwrap_or_default().as_bytes());
                    value.is_some()
                }
                Cell::Missing | Cell::Null => {
                    text.push(b"");
                    false
                }
                _ => return Err(Reason::TypeMismatch),
            },
            Values::Int(values) => {
                let value = cast::int(cell, mapping, per)?;
                values.push(value.unwrap_or_default());
                value.is_some()
            }
            Values::Double(values) => {
                let value = cast::double(cell, mapping, per)?;
                if value.zip(target.column.noted_above).is_some_and(|(value, usual)| value > usual) {
                    self.remarks.note(target.stored, Remark::Above);
                }
                values.push(value.unwrap_or_default());
                value.is_some()
            }
            Values::Bool(values) => {
                let value = cast::bool(cell, mapping)?;
                values.append(value.unwrap_or_default());
                value.is_some()
            }
            Values::Date(values) => {
                let value = moment::date(cell, mapping, &target.frame, &mut self.noted[at], self.place)?
                    .map(|day| day.saturating_add(mapping.shift));
                values.push(value.unwrap_or_default());
                value.is_some()
            }
            Values::Timestamp(values) => {
                let value = moment::instant(cell, mapping, &target.frame, &mut self.noted[at], self.place)?;
                if value.is_some_and(|value| value < cast::WORLD) {
                    self.remarks.note(target.stored, Remark::Old);
                }
                values.push(value.unwrap_or_default());
                value.is_some()
            }
        };
        builder.mark(valid);
        if let Some(kind_at) = target.kind_at {
            self.by_kind(at, kind_at);
        }
        Ok(valid)
    }

    /// An id whose kind another column names: people become pseudonyms, org units and content stay what they are.
    fn by_kind(&mut self, at: usize, kind_at: usize) {
        if self.builders[kind_at].last() != Some(Last::Text(b"worker")) {
            return;
        }
        let target = &self.bound.columns[at];
        let pseudonyms = target.rule.pseudonyms;
        let builder = &mut self.builders[target.stored];
        if let Values::Text(text) = &mut builder.values {
            let rows = text.len() - 1;
            let id = String::from_utf8_lossy(text.get(rows)).into_owned();
            text.pop();
            text.push(pseudonyms.of("worker", &id).as_bytes());
        }
    }
}

/// A number, a day or an instant that is weighed or compared and not kept: it may be written in any way.
fn word(cell: Cell<'_>) -> Option<String> {
    let at = |micros: i64, form: &str| Some(chrono::DateTime::from_timestamp_micros(micros)?.format(form).to_string());
    match cell {
        Cell::Double(value) if value.is_finite() => Some(value.to_string()),
        Cell::Date(day) => Some(crate::period::date_of(day).to_string()),
        Cell::Instant(micros) => at(micros, "%Y-%m-%dT%H:%M:%SZ"),
        Cell::Local(micros) => at(micros, "%Y-%m-%dT%H:%M:%S"),
        _ => None,
    }
}

/// Writes a whole number, or where words are wanted a truth, as text.
pub(super) fn spell(cell: Cell<'_>, words: bool, out: &mut String) -> Result<(), Reason> {
    use std::fmt::Write;
    // Writing to a text cannot fail.
    let _ = match cell {
        Cell::Int(value) => write!(out, "{value}"),
        Cell::UInt(value) => write!(out, "{value}"),
        Cell::Big(value) => write!(out, "{value}"),
        Cell::Bool(value) if words => write!(out, "{value}"),
        _ => return Err(Reason::TypeMismatch),
    };
    Ok(())
}
