//! One value at a time: what a source wrote becomes what the canon column means, or a [`Reason`].
//!
//! Everything is text until a rule here says otherwise; nothing is inferred.

use std::borrow::Cow;

use super::duration;
use super::feed::{Mapping, Reading, Values};
use super::ids;
use super::number;
use super::pseudonym::Pseudonyms;
use super::record::Cell;
use super::reject::Reason;
use super::time::trimmed;

/// Instants before this are mistakes, not history: 1900-01-01T00:00:00Z. Record stores hold what was done on paper before them.
pub(crate) const EARLIEST: i64 = -2_208_988_800_000_000;
/// Before any system that could have recorded it: such an instant is kept and counted. 1990-01-01T00:00:00Z.
pub(crate) const WORLD: i64 = 631_152_000_000_000;
/// From 2200 on a time is not early but wrong.
pub(crate) const ABSURD: i64 = 7_258_118_400_000_000;
/// Dates may be older than instants: people are hired before systems are bought (1900-01-01).
pub(crate) const EARLIEST_DAY: i32 = -25_567;
pub(crate) const ABSURD_DAY: i32 = 84_006;

/// Reads text for a text column into `out`. `None`: there is no value.
pub(crate) fn text<'o>(raw: &[u8], rule: &TextRule<'_>, out: &'o mut String) -> Result<Option<&'o str>, Reason> {
    let raw = std::str::from_utf8(raw).map_err(|_| Reason::InvalidUtf8)?;
    // In an identifier a space that is not seen is a fault to be told, in any other text it is white space like another.
    let ascii_only = rule.identifier && rule.mapping.values.is_none();
    let mut value = raw.trim_matches(|c: char| if ascii_only { c.is_ascii_whitespace() } else { c.is_whitespace() });
    if is_null(value.as_bytes(), &rule.mapping) {
        return Ok(None);
    }
    if let Some(extract) = &rule.mapping.extract {
        let Some(part) = extract.find(value).text else { return Ok(None) };
        value = part.trim_matches(|c: char| c.is_ascii_whitespace());
        if is_null(value.as_bytes(), &rule.mapping) {
            return Ok(None);
        }
    }
    out.clear();
    if let Some(values) = &rule.mapping.values {
        match mapped(value, values)? {
            None => return Ok(None),
            Some(word) => {
                out.push_str(word);
                return Ok(Some(out.as_str()));
            }
        }
    }
    match rule.mapping.reading {
        Reading::Email => value = bare_address(value).unwrap_or(value),
        Reading::Mailto => value = bare_address(value).ok_or(Reason::TypeMismatch)?,
        Reading::Whole => value = whole_part(value).unwrap_or(value),
        _ => {}
    }
    if rule.identifier {
        if let Some(bad) = value.chars().find(|&c| !c.is_ascii_graphic() && c != ' ' && hidden(c)) {
            return Err(if bad.is_control() { Reason::ControlChar } else { Reason::IdCharset });
        }
    } else if value.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
        return Err(Reason::ControlChar);
    }
    if rule.ids {
        let parts = value.split(';').filter(|_| rule.list);
        let spoiled = parts.map(str::trim).chain([value]).find_map(|id| ids::rewritten(id.as_bytes()));
        if let Some(reason) = spoiled {
            return Err(reason);
        }
    }
    if !rule.closed.is_empty() && !rule.closed.iter().any(|known| known == value) {
        return Err(Reason::UnknownEnum);
    }
    let folded;
    if matches!(rule.mapping.reading, Reading::Email | Reading::Mailto) {
        folded = value.to_lowercase();
        value = &folded;
    }
    let prefix = rule.mapping.prefix.as_str();
    let push = |value: &str, out: &mut String| match (rule.domain, prefix) {
        (None, prefix) => out.extend([prefix, value]),
        (Some(domain), "") => rule.pseudonyms.write(domain, value, out),
        (Some(domain), prefix) => rule.pseudonyms.write(domain, &format!("{prefix}{value}"), out),
    };
    if rule.list && (rule.domain.is_some() || !prefix.is_empty()) {
        for (i, part) in value.split(';').map(str::trim).filter(|part| !part.is_empty()).enumerate() {
            if i > 0 {
                out.push(';');
            }
            push(part, out);
        }
    } else if !value.is_empty() {
        push(value, out);
    }
    Ok(if out.is_empty() { None } else { Some(out.as_str()) })
}

/// The whole number that a sender has written with a fraction of nothing.
fn whole_part(value: &str) -> Option<&str> {
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = value.split_once('.')?;
    (are_digits(whole) && are_digits(fraction) && fraction.bytes().all(|byte| byte == b'0')).then_some(whole)
}

fn bare_address(value: &str) -> Option<&str> {
    const SCHEME: &str = "mailto:";
    value.get(..SCHEME.len()).filter(|head| head.eq_ignore_ascii_case(SCHEME)).map(|_| &value[SCHEME.len()..])
}

/// Text in which nothing needs trimming, checking or decoding.
#[inline]
pub(crate) fn is_printable(raw: &[u8]) -> bool {
    match raw {
        [] | [b' ', ..] | [.., b' '] => false,
        _ => raw.iter().fold(true, |all, byte| all & byte.wrapping_sub(b' ').lt(&95)),
    }
}

/// What a text column asks of its values.
pub(crate) struct TextRule<'a> {
    /// The feed's own, unless the header says in which zone its times are.
    pub mapping: Cow<'a, Mapping>,
    /// Invisible characters would make two equal-looking identifiers differ.
    pub identifier: bool,
    /// Values are ids that a spreadsheet may have rewritten.
    pub ids: bool,
    pub closed: &'a [String],
    pub domain: Option<&'a str>,
    /// Several identifiers joined by `;`, each its own pseudonym.
    pub list: bool,
    pub pseudonyms: &'a Pseudonyms,
}

/// A character that is not seen, or not told apart from another when seen.
pub(crate) fn hidden(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}' | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e0fff}')
}

/// The empty text and the feed's null tokens.
#[inline]
pub(crate) fn is_null(value: &[u8], mapping: &Mapping) -> bool {
    value.is_empty() || mapping.nulls.iter().any(|null| null.as_bytes() == value)
}

fn mapped<'v>(value: &str, values: &'v Values) -> Result<Option<&'v str>, Reason> {
    let found = if values.fold_case { values.map.get(&value.to_lowercase()) } else { values.map.get(value) };
    match found.or(values.default.as_ref()).map(String::as_str) {
        None => Err(Reason::UnknownEnum),
        Some("") => Ok(None),
        some => Ok(some),
    }
}

/// Whether the value map has a word of its own for this text.
pub(crate) fn has_word(text: &str, values: &Values) -> bool {
    if values.fold_case { values.map.contains_key(&text.to_lowercase()) } else { values.map.contains_key(text) }
}

/// Whether the value map has no word of its own for this text, so that the default stands in.
pub(crate) fn is_unknown(raw: &[u8], values: &Values) -> bool {
    if values.default.is_none() {
        return false;
    }
    let text = String::from_utf8_lossy(trimmed(raw)).into_owned();
    let text = if values.fold_case { text.to_lowercase() } else { text };
    !text.is_empty() && !values.map.contains_key(&text)
}

/// Which of several patterns of `extract` says whose act a text tells of.
pub(crate) fn pattern_of(raw: &[u8], mapping: &Mapping) -> Option<usize> {
    let extract = mapping.extract.as_ref().filter(|extract| !extract.patterns().is_empty())?;
    let text = std::str::from_utf8(raw).ok()?.trim_matches(|c: char| c.is_ascii_whitespace());
    extract.find(text).pattern
}

/// Of a number or a truth the part that `extract` keeps, then its meaning by the value map: `97%` -> `97`, `Yes` -> `true`, `N/A` -> nothing.
fn through_map<'a>(raw: &'a [u8], mapping: &'a Mapping) -> Result<Option<&'a [u8]>, Reason> {
    let raw = trimmed(raw);
    if is_null(raw, mapping) {
        return Ok(None);
    }
    let raw = match &mapping.extract {
        None => raw,
        // A number that does not stand where the feed says is told as unread; of a text that part may be missing.
        Some(extract) => {
            let text = std::str::from_utf8(raw).map_err(|_| Reason::InvalidUtf8)?;
            let part = trimmed(extract.find(text).text.ok_or(Reason::TypeMismatch)?.as_bytes());
            if is_null(part, mapping) {
                return Ok(None);
            }
            part
        }
    };
    match &mapping.values {
        None => Ok(Some(raw)),
        Some(values) => {
            let text = std::str::from_utf8(raw).map_err(|_| Reason::InvalidUtf8)?;
            Ok(mapped(text, values)?.map(str::as_bytes))
        }
    }
}

/// A whole number. `per` is what it is divided by, where the feed names a divisor.
#[inline]
pub(crate) fn int(cell: Cell<'_>, mapping: &Mapping, per: Option<f64>) -> Result<Option<i64>, Reason> {
    let is_scaled = mapping.times.is_some() || per.is_some();
    let value = match cell {
        Cell::Missing | Cell::Null => return Ok(None),
        Cell::Text(raw) => {
            if !is_scaled
                && mapping.reading == Reading::Plain
                && mapping.values.is_none()
                && mapping.extract.is_none()
                && (1..18).contains(&raw.len())
                && !mapping.nulls.iter().any(|null| null.as_bytes() == raw)
                && let Some(value) = plain_digits(raw)
            {
                return in_range(value as f64, mapping).map(|()| Some(value));
            }
            let Some(raw) = through_map(raw, mapping)? else { return Ok(None) };
            match mapping.reading {
                Reading::Plain if !is_scaled => mapping.style.int(number_text(raw)?, mapping.whole)?,
                _ => number::rounded(measured(raw, mapping, per)?, mapping.whole)?,
            }
        }
        Cell::Int(value) if !is_scaled => value,
        Cell::UInt(value) if !is_scaled => i64::try_from(value).map_err(|_| Reason::OutOfRange)?,
        typed => number::rounded(scaled(typed_number(typed)?, mapping, per), mapping.whole)?,
    };
    in_range(value as f64, mapping)?;
    Ok(Some(value))
}

/// The common case of a short run of digits.
#[inline]
fn plain_digits(raw: &[u8]) -> Option<i64> {
    let mut value = 0i64;
    for &byte in raw {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(value)
}

/// The number that a typed source holds.
fn typed_number(cell: Cell<'_>) -> Result<f64, Reason> {
    match cell {
        Cell::Int(value) => Ok(value as f64),
        Cell::UInt(value) => Ok(value as f64),
        Cell::Big(value) => Ok(value as f64),
        Cell::Double(value) if value.is_finite() => Ok(value),
        Cell::Double(_) => Err(Reason::Nonfinite),
        Cell::Past => Err(Reason::OutOfRange),
        _ => Err(Reason::TypeMismatch),
    }
}

#[inline]
fn scaled(value: f64, mapping: &Mapping, per: Option<f64>) -> f64 {
    let value = if mapping.reading == Reading::Percent { value * 0.01 } else { value };
    let value = mapping.times.map_or(value, |times| value * times);
    per.map_or(value, |per| value / per)
}

/// Text that should be a number, without the spaces around it, whichever they are.
fn number_text(raw: &[u8]) -> Result<&str, Reason> {
    std::str::from_utf8(raw).map(str::trim).map_err(|_| Reason::TypeMismatch)
}

#[inline]
pub(crate) fn double(cell: Cell<'_>, mapping: &Mapping, per: Option<f64>) -> Result<Option<f64>, Reason> {
    let value = match cell {
        Cell::Missing | Cell::Null => return Ok(None),
        Cell::Text(raw) => match through_map(raw, mapping)? {
            None => return Ok(None),
            Some(raw) => measured(raw, mapping, per)?,
        },
        typed => {
            let value = typed_number(typed)?;
            let is_share = mapping.reading == Reading::Percent && mapping.cells_hold_shares && value.abs() <= 1.0;
            scaled(if is_share { value * 100.0 } else { value }, mapping, per)
        }
    };
    in_range(value, mapping)?;
    // One zero: -0.0 would be a second key for the same number.
    Ok(Some(if value == 0.0 { 0.0 } else { value }))
}

/// What another column is divided by; `None` where there is nothing.
pub(crate) fn divisor(cell: Cell<'_>, mapping: &Mapping) -> Result<Option<f64>, Reason> {
    let value = match cell {
        Cell::Missing | Cell::Null => return Ok(None),
        Cell::Text(raw) if is_null(raw.trim_ascii(), mapping) => return Ok(None),
        Cell::Text(raw) => mapping.style.double(number_text(raw)?)?,
        typed => typed_number(typed)?,
    };
    Ok(Some(value))
}

/// A number or a duration in text, times the declared factor.
fn measured(raw: &[u8], mapping: &Mapping, per: Option<f64>) -> Result<f64, Reason> {
    let value = match mapping.reading {
        Reading::IsoDuration => duration::iso(number_text(raw)?)?,
        Reading::Clock => duration::clock(number_text(raw)?)?,
        Reading::Percent => {
            let text = number_text(raw)?;
            mapping.style.double(text.strip_suffix('%').map_or(text, str::trim_end))?
        }
        _ => mapping.style.double(number_text(raw)?)?,
    };
    Ok(scaled(value, mapping, per))
}

#[inline]
fn in_range(value: f64, mapping: &Mapping) -> Result<(), Reason> {
    // What was finite as it was written is past its type.
    if !value.is_finite() {
        return Err(Reason::OutOfRange);
    }
    let (min, max) = mapping.range;
    if min.is_some_and(|min| value < min) || max.is_some_and(|max| value > max) {
        Err(Reason::OutOfRange)
    } else {
        Ok(())
    }
}

pub(crate) fn bool(cell: Cell<'_>, mapping: &Mapping) -> Result<Option<bool>, Reason> {
    match cell {
        Cell::Missing | Cell::Null => Ok(None),
        Cell::Bool(value) => Ok(Some(value)),
        Cell::Int(0) | Cell::UInt(0) => Ok(Some(false)),
        Cell::Int(1) | Cell::UInt(1) => Ok(Some(true)),
        Cell::Text(raw) => match through_map(raw, mapping)? {
            None => Ok(None),
            Some(b"1") => Ok(Some(true)),
            Some(b"0") => Ok(Some(false)),
            Some(text) if text.eq_ignore_ascii_case(b"true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case(b"false") => Ok(Some(false)),
            Some(_) => Err(Reason::TypeMismatch),
        },
        _ => Err(Reason::TypeMismatch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_nobody_sees_are_hidden_ones() {
        assert!(['\u{a0}', '\u{200b}', '\u{feff}', '\u{202e}', '\t', '\u{ad}'].into_iter().all(hidden));
        assert!(!['a', 'ß', '漢', '-', ' ', '/', '😀', 'é'].into_iter().any(hidden));
    }
}
