//! Dates and instants as exports write them. Everything is microseconds since 1970 and days since 1970.
//!
//! A value without a time of day is a day and no instant; what it means is said in [`super::moment`].
//! An instant needs an offset or the feed's zone. Where clocks go back, a local time happens twice: the earlier instant
//! is taken. Where clocks go forward, the skipped hour never happened: such a time is refused as not existing.

use chrono::{NaiveDateTime, TimeZone};
use chrono_tz::Tz;

use super::reject::Reason;

pub(crate) const DAY: i64 = 86_400_000_000;
const SECOND: i64 = 1_000_000;

/// A point in time as written: local microseconds since 1970 and, where written, the offset from UTC in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub local: i64,
    pub offset: Option<i32>,
    /// A time of day was written, not only a day.
    pub timed: bool,
}

impl Stamp {
    /// The instant in UTC microseconds.
    pub fn instant(self, zone: Option<Tz>) -> Result<i64, Reason> {
        match (self.offset, zone) {
            (Some(offset), _) => Ok(self.local - i64::from(offset) * SECOND),
            (None, Some(zone)) => local_to_utc(self.local, zone),
            (None, None) => Err(Reason::TsNoTimezone),
        }
    }

    /// A day without a time of day.
    pub fn of_day(day: i32) -> Stamp {
        Stamp { local: i64::from(day) * DAY, offset: None, timed: false }
    }

    pub fn day(self) -> Result<i32, Reason> {
        i32::try_from(self.local.div_euclid(DAY)).map_err(|_| Reason::TsRange)
    }
}

pub(crate) fn local_to_utc(local: i64, zone: Tz) -> Result<i64, Reason> {
    let naive: NaiveDateTime = chrono::DateTime::from_timestamp_micros(local).ok_or(Reason::TsRange)?.naive_utc();
    match zone.from_local_datetime(&naive).earliest() {
        Some(instant) => Ok(instant.timestamp_micros()),
        None => Err(Reason::TsInvalid),
    }
}

/// Days since 1970-01-01 of a civil date (H. Hinnant, "chrono-compatible low-level date algorithms").
pub(crate) fn days(year: i32, month: u32, day: u32) -> Option<i32> {
    const LENGTH: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    if !(1..=12).contains(&month) || day == 0 || day > LENGTH[month as usize - 1] {
        return None;
    }
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if month == 2 && day == 29 && !leap {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let year_of_era = y.rem_euclid(400);
    let shifted = (month as i32 + 9) % 12;
    let day_of_year = (153 * shifted + 2) / 5 + day as i32 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

fn clock(hour: u32, minute: u32, second: u32) -> Option<i64> {
    // A leap second (:60) has no place on the line of microseconds, so it is refused rather than moved.
    (hour < 24 && minute < 60 && second < 60).then(|| i64::from(hour * 3600 + minute * 60 + second) * SECOND)
}

#[inline]
pub(crate) fn digits(bytes: &[u8]) -> Option<u32> {
    let mut value = 0u32;
    for &byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u32::from(digit);
    }
    Some(value)
}

/// White space of any kind at the beginning of a text taken off, a no-break space or a thin one like any other. `None`: there is none.
fn after_space(text: &[u8]) -> Option<&[u8]> {
    let rest = start_trimmed(text);
    (rest.len() < text.len()).then_some(rest)
}

fn start_trimmed(text: &[u8]) -> &[u8] {
    match text.first() {
        Some(first) if first.is_ascii() && !first.is_ascii_whitespace() => text,
        _ => std::str::from_utf8(text).map_or(text, |text| text.trim_start().as_bytes()),
    }
}

/// A text without the white space around it, of whatever kind. What is no UTF-8 keeps all but its ASCII spaces.
#[inline]
pub(crate) fn trimmed(text: &[u8]) -> &[u8] {
    match text {
        [only] if only.is_ascii_graphic() => text,
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => std::str::from_utf8(text).map_or_else(|_| text.trim_ascii(), |text| text.trim().as_bytes()),
    }
}

/// ISO 8601 as exports use it: `2026-03-29`, `2026-03-29T04:30:00.123Z`, a space of any kind for the T, and as offset `Z`, `UTC`,
/// `+02`, `+0200` or `+02:00`, with or without a space before it; fractions of any length; times also in the basic form
/// `20260329T043000Z`. A day with an offset (`2026-03-29+02:00`, as XML writes days) is that day.
#[inline]
pub(crate) fn iso(text: &[u8]) -> Result<Stamp, Reason> {
    if let [_, _, _, _, _, _, _, _, b'T' | b't', rest @ ..] = text {
        return basic(&text[..8], rest);
    }
    let day = iso_day(text)?;
    if text.len() == 10 {
        return Ok(Stamp::of_day(day?));
    }
    let rest = match &text[10..] {
        [b'T' | b't', rest @ ..] => rest,
        [b'Z' | b'z' | b'+' | b'-', ..] => {
            written_offset(&text[10..])?;
            return Ok(Stamp::of_day(day?));
        }
        rest => after_space(rest).ok_or(Reason::TsFormat)?,
    };
    if rest.len() < 5 || rest[2] != b':' {
        return Err(Reason::TsFormat);
    }
    let (hour, minute) = digits(&rest[..2]).zip(digits(&rest[3..5])).ok_or(Reason::TsFormat)?;
    let mut rest = &rest[5..];
    let (mut second, mut micros) = (0, 0);
    if let [b':', a, b, tail @ ..] = rest {
        second = digits(&[*a, *b]).ok_or(Reason::TsFormat)?;
        (micros, rest) = fraction(tail)?;
    }
    let offset = written_offset(rest)?;
    let local = i64::from(day?) * DAY + clock(hour, minute, second).ok_or(Reason::TsInvalid)? + micros;
    Ok(Stamp { local, offset, timed: true })
}

/// `20260329T043000Z`: a day of eight digits, then the time without colons.
fn basic(day: &[u8], rest: &[u8]) -> Result<Stamp, Reason> {
    let (year, month, day) = (digits(&day[..4]), digits(&day[4..6]), digits(&day[6..8]));
    let (Some(year), Some(month), Some(day)) = (year, month, day) else { return Err(Reason::TsFormat) };
    let (time, rest) = rest.split_at(rest.iter().take_while(|byte| byte.is_ascii_digit()).count());
    let (hour, minute, second) = match time {
        [a, b, c, d] => (digits(&[*a, *b]), digits(&[*c, *d]), Some(0)),
        [a, b, c, d, e, f] => (digits(&[*a, *b]), digits(&[*c, *d]), digits(&[*e, *f])),
        _ => return Err(Reason::TsFormat),
    };
    let (Some(hour), Some(minute), Some(second)) = (hour, minute, second) else { return Err(Reason::TsFormat) };
    let (micros, rest) = fraction(rest)?;
    let offset = written_offset(rest)?;
    let day = days(year as i32, month, day).ok_or(Reason::TsInvalid)?;
    let local = i64::from(day) * DAY + clock(hour, minute, second).ok_or(Reason::TsInvalid)? + micros;
    Ok(Stamp { local, offset, timed: true })
}

/// The microseconds of a fraction, if one is written, and what follows. Truncated, not rounded: rounding could carry an event into
/// the next day.
fn fraction(text: &[u8]) -> Result<(i64, &[u8]), Reason> {
    let [b'.' | b',', tail @ ..] = text else { return Ok((0, text)) };
    let count = tail.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 {
        return Err(Reason::TsFormat);
    }
    Ok((micros_of(&tail[..count]), &tail[count..]))
}

fn micros_of(fraction: &[u8]) -> i64 {
    let kept = fraction.len().min(6);
    i64::from(digits(&fraction[..kept]).unwrap_or(0)) * 10i64.pow(6 - kept as u32)
}

/// The day in the first ten bytes. Outer error: not in the format; inner: no such day.
#[inline]
fn iso_day(text: &[u8]) -> Result<Result<i32, Reason>, Reason> {
    if text.len() < 10 || text[4] != b'-' || text[7] != b'-' {
        return Err(Reason::TsFormat);
    }
    let (Some(year), Some(month), Some(day)) = (digits(&text[..4]), digits(&text[5..7]), digits(&text[8..10])) else {
        return Err(Reason::TsFormat);
    };
    Ok(days(year as i32, month, day).ok_or(Reason::TsInvalid))
}

/// The offset from UTC that ends a time, in seconds; `None` where nothing is written.
#[inline]
fn written_offset(text: &[u8]) -> Result<Option<i32>, Reason> {
    match text {
        [] => Ok(None),
        [b'Z' | b'z'] => Ok(Some(0)),
        _ => {
            let text = start_trimmed(text);
            let is_zero = text.eq_ignore_ascii_case(b"utc") || text.eq_ignore_ascii_case(b"z");
            if is_zero { Ok(Some(0)) } else { offset(text).map(Some) }
        }
    }
}

fn offset(text: &[u8]) -> Result<i32, Reason> {
    let (sign, rest) = match text {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return Err(Reason::TsFormat),
    };
    let (hours, minutes) = match rest {
        [a, b] => (digits(&[*a, *b]), Some(0)),
        [a, b, c, d] | [a, b, b':', c, d] => (digits(&[*a, *b]), digits(&[*c, *d])),
        _ => return Err(Reason::TsFormat),
    };
    let (hours, minutes) = hours.zip(minutes).ok_or(Reason::TsFormat)?;
    if hours > 18 || minutes > 59 {
        return Err(Reason::TsInvalid);
    }
    Ok(sign * (hours * 3600 + minutes * 60) as i32)
}

/// A declared format, in strftime's words: %Y %y %m %d %H %I %M %S %f %p %b %B %z, %a or %A for the name of a
/// weekday, which is passed over, and literal characters. White space stands for
/// white space of any kind and length, `24:00` for the end of the day.
#[derive(Debug, Clone)]
pub(crate) enum Format {
    Iso,
    EpochSeconds,
    EpochMillis,
    /// `/Date(1767225600000)/` and `/Date(1767225600000+0060)/` of OData V2: milliseconds, and minutes of offset.
    OData,
    /// Whole days since this one.
    DaysSince(i32),
    Parts(Vec<Item>),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Item {
    Field(u8),
    Literal(char),
    Space,
    /// `24:00`, the end of the day written.
    EndOfDay,
}

impl std::fmt::Display for Format {
    /// As a feed file writes it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let items = match self {
            Format::Iso => return f.write_str("iso"),
            Format::EpochSeconds => return f.write_str("epoch_s"),
            Format::EpochMillis => return f.write_str("epoch_ms"),
            Format::OData => return f.write_str("odata"),
            Format::DaysSince(_) => return f.write_str("days"),
            Format::Parts(items) => items,
        };
        items.iter().try_for_each(|item| match item {
            Item::Field(field) => write!(f, "%{}", char::from(*field)),
            Item::Literal('%') => f.write_str("%%"),
            Item::Literal(literal) => write!(f, "{literal}"),
            Item::Space => f.write_str(" "),
            Item::EndOfDay => f.write_str("24:00"),
        })
    }
}

impl Format {
    pub fn parse(text: &str) -> Result<Format, String> {
        match text {
            "iso" => return Ok(Format::Iso),
            "epoch_s" => return Ok(Format::EpochSeconds),
            "epoch_ms" => return Ok(Format::EpochMillis),
            "odata" => return Ok(Format::OData),
            _ => {}
        }
        let mut items = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c == '2' && chars.as_str().starts_with("4:00") {
                items.push(Item::EndOfDay);
                chars.nth(3);
                continue;
            }
            if c.is_whitespace() {
                if !matches!(items.last(), Some(Item::Space)) {
                    items.push(Item::Space);
                }
                continue;
            }
            if c != '%' {
                items.push(Item::Literal(c));
                continue;
            }
            match chars.next() {
                Some(c) if "YymdHIMSfpbBzaA".contains(c) => items.push(Item::Field(c as u8)),
                Some('e') => items.push(Item::Field(b'd')),
                Some('%') => items.push(Item::Literal('%')),
                Some(other) => return Err(format!("date format `{text}`: %{other} is not known")),
                None => return Err(format!("date format `{text}` ends in %")),
            }
        }
        let has = |wanted: &[u8]| items.iter().any(|item| matches!(item, Item::Field(f) if wanted.contains(f)));
        if !has(b"Yy") || !has(b"mbB") {
            return Err(format!("date format `{text}` needs a year and a month"));
        }
        Ok(Format::Parts(items))
    }

    /// Reads `text`, month names in `locale` (and English).
    pub fn read(&self, text: &[u8], locale: Option<&Locale>) -> Result<Stamp, Reason> {
        match self {
            Format::Iso => iso(text),
            Format::EpochSeconds => epoch(text, SECOND),
            Format::EpochMillis => epoch(text, 1000),
            Format::OData => odata(text),
            Format::DaysSince(from) => days_since(text, *from),
            Format::Parts(items) => read_parts(items, text, locale),
        }
    }

    /// Whether a number that is no text can be in this format: milliseconds, days, `%Y%m%d`.
    pub fn takes_numbers(&self) -> bool {
        match self {
            Format::EpochSeconds | Format::EpochMillis | Format::DaysSince(_) => true,
            Format::Parts(items) => {
                items.iter().all(|item| matches!(item, Item::Field(field) if !b"pbBzaA".contains(field)))
            }
            Format::Iso | Format::OData => false,
        }
    }

    /// The format with day and month in the other order, where both are numbers.
    pub fn swapped(&self) -> Option<Format> {
        let Format::Parts(items) = self else { return None };
        let has = |wanted: u8| items.iter().any(|item| matches!(item, Item::Field(field) if *field == wanted));
        let swap = |item: &Item| match item {
            Item::Field(b'm') => Item::Field(b'd'),
            Item::Field(b'd') => Item::Field(b'm'),
            other => *other,
        };
        (has(b'm') && has(b'd')).then(|| Format::Parts(items.iter().map(swap).collect()))
    }

    /// For dates in paths.
    pub fn naive(&self, text: &[u8]) -> Option<NaiveDateTime> {
        let stamp = self.read(text, None).ok()?;
        Some(chrono::DateTime::from_timestamp_micros(stamp.local)?.naive_utc())
    }
}

fn epoch(text: &[u8], unit: i64) -> Result<Stamp, Reason> {
    let value: i64 = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or(Reason::TsFormat)?;
    let local = value.checked_mul(unit).ok_or(Reason::TsRange)?;
    // Milliseconds read as seconds lie tens of thousands of years ahead: another unit, and no open end.
    if local >= YEAR_10000 {
        return Err(Reason::TsRange);
    }
    Ok(Stamp { local, offset: Some(0), timed: true })
}

/// The first microsecond that no calendar of four digits has.
const YEAR_10000: i64 = 253_402_300_800 * SECOND;

/// The milliseconds count from 1970 in UTC, whatever the offset; it says what the clock of the source showed.
fn odata(text: &[u8]) -> Result<Stamp, Reason> {
    let text = std::str::from_utf8(text).map_err(|_| Reason::TsFormat)?;
    let inner = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")).ok_or(Reason::TsFormat)?;
    let signed = inner.strip_prefix('-').unwrap_or(inner);
    let cut = inner.len() - signed.len() + signed.find(['+', '-']).unwrap_or(signed.len());
    let (millis, offset) = inner.split_at(cut);
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(millis.trim_start_matches('-')) {
        return Err(Reason::TsFormat);
    }
    let minutes = match offset.split_at_checked(1) {
        None => 0,
        Some((sign, minutes)) if plain(minutes) && minutes.len() <= 4 => {
            minutes.parse::<i32>().map_err(|_| Reason::TsFormat)? * if sign == "-" { -1 } else { 1 }
        }
        Some(_) => return Err(Reason::TsFormat),
    };
    if minutes.abs() > 18 * 60 {
        return Err(Reason::TsInvalid);
    }
    let millis: i64 = millis.parse().map_err(|_| Reason::TsRange)?;
    let local = millis.checked_mul(1000).and_then(|micros| micros.checked_add(i64::from(minutes) * 60 * SECOND));
    Ok(Stamp { local: local.ok_or(Reason::TsRange)?, offset: Some(minutes * 60), timed: true })
}

/// `-10`, `0`, `7`, and `7.0` as tables of floats write it.
fn days_since(text: &[u8], from: i32) -> Result<Stamp, Reason> {
    let text = std::str::from_utf8(text).map_err(|_| Reason::TsFormat)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || fraction.bytes().any(|byte| byte != b'0') {
        return Err(Reason::TsFormat);
    }
    let count: i64 = whole.parse().map_err(|_| Reason::TsFormat)?;
    let day = i32::try_from(count).ok().and_then(|count| from.checked_add(count)).ok_or(Reason::TsRange)?;
    Ok(Stamp::of_day(day))
}

fn read_parts(items: &[Item], text: &[u8], locale: Option<&Locale>) -> Result<Stamp, Reason> {
    let mut rest = text;
    let (mut year, mut month, mut day) = (None, None, 1);
    let (mut hour, mut minute, mut second, mut micros) = (0, 0, 0, 0);
    let (mut afternoon, mut zone, mut timed, mut ends) = (None, None, false, false);
    for item in items {
        match item {
            Item::Literal(c) => {
                let mut buffer = [0; 4];
                rest = rest.strip_prefix(c.encode_utf8(&mut buffer).as_bytes()).ok_or(Reason::TsFormat)?;
            }
            Item::Space => rest = after_space(rest).ok_or(Reason::TsFormat)?,
            Item::EndOfDay => {
                rest = rest.strip_prefix(b"24:00").ok_or(Reason::TsFormat)?;
                (timed, ends) = (true, true);
            }
            Item::Field(b'Y') => year = Some(number(&mut rest, 4, 4)? as i32),
            // POSIX: 69..99 are the last century.
            Item::Field(b'y') => {
                year = Some(number(&mut rest, 2, 2).map(|y| if y < 69 { 2000 + y } else { 1900 + y })? as i32)
            }
            Item::Field(b'm') => month = Some(number(&mut rest, 1, 2)?),
            Item::Field(b'd') => day = number(&mut rest, 1, 2)?,
            Item::Field(b'H' | b'I') => (hour, timed) = (number(&mut rest, 1, 2)?, true),
            Item::Field(b'M') => minute = number(&mut rest, 2, 2)?,
            Item::Field(b'S') => second = number(&mut rest, 2, 2)?,
            Item::Field(b'f') => {
                let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                if count == 0 {
                    return Err(Reason::TsFormat);
                }
                micros = micros_of(&rest[..count]);
                rest = &rest[count..];
            }
            Item::Field(b'p') => {
                let [a, b, tail @ ..] = rest else { return Err(Reason::TsFormat) };
                afternoon = match (a.to_ascii_uppercase(), b.to_ascii_uppercase()) {
                    (b'A', b'M') => Some(false),
                    (b'P', b'M') => Some(true),
                    _ => return Err(Reason::TsFormat),
                };
                rest = tail;
            }
            Item::Field(b'a' | b'A') => {
                // A weekday says nothing that the date does not: any word is passed over, in any language, `Wed.` with its point.
                let text = std::str::from_utf8(rest).map_err(|_| Reason::TsFormat)?;
                let after = text.trim_start_matches(char::is_alphabetic);
                if after.len() == text.len() {
                    return Err(Reason::TsFormat);
                }
                rest = after.strip_prefix('.').unwrap_or(after).as_bytes();
            }
            Item::Field(b'z') => {
                // As long as it can be: `+02`, `+0200`, `+02:00`, `Z`, `UTC`.
                let found = [6, 5, 3, 1].into_iter().find_map(|length| {
                    let (text, tail) = rest.split_at_checked(length)?;
                    Some((written_offset(text).ok().flatten()?, tail))
                });
                let (offset, tail) = found.ok_or(Reason::TsFormat)?;
                (zone, rest) = (Some(offset), tail);
            }
            Item::Field(_) => month = Some(month_name(&mut rest, locale).ok_or(Reason::TsFormat)?),
        }
    }
    if !rest.is_empty() {
        return Err(Reason::TsFormat);
    }
    if let Some(afternoon) = afternoon {
        if !(1..=12).contains(&hour) {
            return Err(Reason::TsInvalid);
        }
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    let (year, month) = year.zip(month).ok_or(Reason::TsFormat)?;
    let day = days(year, month, day).ok_or(Reason::TsInvalid)?;
    let day = i64::from(day) + i64::from(ends);
    let local = day * DAY + clock(hour, minute, second).ok_or(Reason::TsInvalid)? + micros;
    Ok(Stamp { local, offset: zone, timed })
}

fn number(rest: &mut &[u8], least: usize, most: usize) -> Result<u32, Reason> {
    let count = rest.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    if count < least {
        return Err(Reason::TsFormat);
    }
    let (number, tail) = rest.split_at(count);
    *rest = tail;
    digits(number).ok_or(Reason::TsFormat)
}

/// The month names of one language, in order; abbreviations are their first three or more letters.
#[derive(Debug)]
pub(crate) struct Locale {
    code: &'static str,
    months: [&'static str; 12],
}

#[rustfmt::skip]
static LOCALES: [Locale; 8] = [
    Locale { code: "en", months: ["january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december"] },
    Locale { code: "de", months: ["januar", "februar", "märz", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "dezember"] },
    Locale { code: "es", months: ["enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"] },
    Locale { code: "fr", months: ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"] },
    Locale { code: "it", months: ["gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"] },
    Locale { code: "nl", months: ["januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"] },
    Locale { code: "pt", months: ["janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro", "dezembro"] },
    Locale { code: "pl", months: ["stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia", "września", "października", "listopada", "grudnia"] },
];

impl Locale {
    pub fn named(code: &str) -> Option<&'static Locale> {
        LOCALES.iter().find(|locale| locale.code == code)
    }

    /// The name of a month, or what it is shortened to where that still tells it.
    pub fn month_of(locale: Option<&Locale>, month: u32, is_short: bool) -> Option<String> {
        let locale = locale.unwrap_or(&LOCALES[0]);
        let name = locale.months.get(month.checked_sub(1)? as usize)?;
        let short: String = name.chars().take(3).collect();
        let word = if is_short && locale.month(&short) == Some(month) { short } else { (*name).to_owned() };
        let is_english = locale.code == "en";
        Some(if is_english { word[..1].to_ascii_uppercase() + &word[1..] } else { word })
    }

    fn month(&self, word: &str) -> Option<u32> {
        // German exports also write "mrz", which begins no month. A prefix of two months (French "jui") is none of them.
        if self.code == "de" && word == "mrz" {
            return Some(3);
        }
        let mut hits =
            self.months.iter().enumerate().filter(|(_, name)| word.chars().count() >= 3 && name.starts_with(word));
        let hit = hits.next().map(|(i, _)| i as u32 + 1);
        if hits.next().is_some() { None } else { hit }
    }
}

fn month_name(rest: &mut &[u8], locale: Option<&Locale>) -> Option<u32> {
    let text = std::str::from_utf8(rest).ok()?;
    let end = text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len());
    let word = text[..end].to_lowercase();
    let month = match locale {
        Some(locale) => locale.month(&word).or_else(|| LOCALES[0].month(&word)),
        None => LOCALES[0].month(&word),
    }?;
    // Many languages end an abbreviation with a dot.
    let tail = &text[end..];
    *rest = tail.strip_prefix('.').unwrap_or(tail).as_bytes();
    Some(month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> Result<String, Reason> {
        shown(iso(text.as_bytes())?.instant(None))
    }

    fn shown(micros: Result<i64, Reason>) -> Result<String, Reason> {
        Ok(chrono::DateTime::from_timestamp_micros(micros?).expect("in range").format("%F %T%.f").to_string())
    }

    #[test]
    fn iso_instants_need_an_offset_and_exist() {
        assert_eq!(utc("2026-03-02T09:00:00Z"), Ok("2026-03-02 09:00:00".into()));
        assert_eq!(utc("20260302T090000Z"), Ok("2026-03-02 09:00:00".into()));
        assert_eq!(utc("20260302T0900+0200"), Ok("2026-03-02 07:00:00".into()));
        assert_eq!(utc("20260302T090000.25Z"), Ok("2026-03-02 09:00:00.250".into()));
        assert_eq!(utc("20260302T09Z"), Err(Reason::TsFormat));
        assert_eq!(utc("20260230T0900Z"), Err(Reason::TsInvalid));
        assert_eq!(utc("2026-03-02 09:00:00.1234567+02:00"), Ok("2026-03-02 07:00:00.123456".into()));
        assert_eq!(utc("2026-03-02T09:00-0530"), Ok("2026-03-02 14:30:00".into()));
        assert_eq!(utc("2026-03-02T09:00:00"), Err(Reason::TsNoTimezone));
        assert_eq!(utc("2026-02-30T09:00:00Z"), Err(Reason::TsInvalid));
        assert_eq!(utc("2016-12-31T23:59:60Z"), Err(Reason::TsInvalid));
        assert_eq!(utc("2026-03-02T24:00:00Z"), Err(Reason::TsInvalid));
        assert_eq!(utc("13/04/2026 09:00"), Err(Reason::TsFormat));
        assert_eq!(utc("1772442000"), Err(Reason::TsFormat));
        assert_eq!(utc("2026-03-02T09:00:00+25:00"), Err(Reason::TsInvalid));
    }

    #[test]
    fn what_exports_take_for_iso_needs_no_declaration() {
        for text in [
            "2026-03-02T09:00:00.5Z",
            "2026-03-02t09:00:00.50z",
            "2026-03-02 09:00:00,5UTC",
            "2026-03-02 09:00:00.500 utc",
            "2026-03-02\u{a0}09:00:00.500000000000Z",
            "2026-03-02\u{2009}09:00:00.5\u{202f}+00:00",
            "2026-03-02  09:00:00.5 +00",
            "2026-03-02T11:00:00.5+0200",
            "20260302T090000.5Z",
            "20260302T110000.5+02:00",
        ] {
            assert_eq!(utc(text), Ok("2026-03-02 09:00:00.500".into()), "{text}");
        }
        for (text, reason) in [
            ("2026-03-02T09:00:00.Z", Reason::TsFormat),
            ("2026-03-02 ", Reason::TsFormat),
            ("2026-03-02T", Reason::TsFormat),
            ("2026-03-02T09:00:00 CET", Reason::TsFormat),
            ("20260332T090000Z", Reason::TsInvalid),
            ("20260302T09000Z", Reason::TsFormat),
            ("\u{a0}", Reason::TsFormat),
        ] {
            assert_eq!(utc(text), Err(reason), "{text}");
        }
    }

    #[test]
    fn a_day_has_no_time_whatever_offset_is_written_behind_it() {
        let day = Stamp::of_day(days(2026, 3, 2).expect("a day"));
        for text in ["2026-03-02", "2026-03-02Z", "2026-03-02-08:00"] {
            assert_eq!(iso(text.as_bytes()), Ok(day), "{text}");
        }
        assert_eq!(iso(b"2026-03-02-8"), Err(Reason::TsFormat));
    }

    #[test]
    fn milliseconds_that_a_feed_reads_as_seconds_are_out_of_range_and_no_open_end() {
        let read = |format: &str, text: &str| {
            let stamp = Format::parse(format).expect("a format").read(text.as_bytes(), None);
            shown(stamp.and_then(|stamp| stamp.instant(None)))
        };
        assert_eq!(read("epoch_s", "1767225600"), Ok("2026-01-01 00:00:00".into()));
        assert_eq!(read("epoch_s", "1767225600000"), Err(Reason::TsRange));
        assert_eq!(read("epoch_ms", "253402300799000"), Ok("9999-12-31 23:59:59".into()), "an open end");
    }

    #[test]
    fn the_dates_of_odata_are_milliseconds_and_their_offset_is_in_minutes() {
        let read = |text: &str| Format::parse("odata").expect("a format").read(text.as_bytes(), None);
        let at = |text: &str| shown(read(text).and_then(|stamp| stamp.instant(None)));
        assert_eq!(at("/Date(1767225600000)/"), Ok("2026-01-01 00:00:00".into()));
        assert_eq!(at("/Date(1767225600123+0000)/"), Ok("2026-01-01 00:00:00.123".into()));
        assert_eq!(at("/Date(-2208988800000)/"), Ok("1900-01-01 00:00:00".into()));
        assert_eq!(at("/Date(-1-0060)/"), Ok("1969-12-31 23:59:59.999".into()));
        assert_eq!(
            read("/Date(1767225600000+0060)/").map(|stamp| shown(Ok(stamp.local))),
            Ok(Ok("2026-01-01 01:00:00".into()))
        );
        for bad in
            ["/Date()/", "/Date(1.5)/", "/Date(--1)/", "Date(1)", "/Date(1+)/", "/Date(1+00000)/", "1767225600000"]
        {
            assert_eq!(read(bad), Err(Reason::TsFormat), "{bad}");
        }
        assert_eq!(read("/Date(99999999999999999999)/"), Err(Reason::TsRange));
    }

    #[test]
    fn relative_days_count_from_the_day_declared() {
        let from = days(2026, 2, 27).expect("a day");
        let read = |text: &str| Format::DaysSince(from).read(text.as_bytes(), None).map(|stamp| stamp.day());
        assert_eq!(read("2"), Ok(Ok(from + 2)), "the first of March");
        assert_eq!(read("-58.0"), Ok(Ok(from - 58)));
        for bad in ["1.5", "", "two", "1."] {
            assert_eq!(read(bad), Err(Reason::TsFormat), "{bad}");
        }
        assert_eq!(read("9999999999"), Err(Reason::TsRange));
    }

    #[test]
    fn a_zone_turns_local_times_into_instants() {
        let berlin = |text: &str| shown(iso(text.as_bytes()).expect("iso").instant(Some(Tz::Europe__Berlin)));
        assert_eq!(berlin("2026-03-02T09:00:00"), Ok("2026-03-02 08:00:00".into()));
        assert_eq!(berlin("2026-03-29T02:30:00"), Err(Reason::TsInvalid), "the skipped hour");
        assert_eq!(berlin("2026-10-25T02:30:00"), Ok("2026-10-25 00:30:00".into()), "the first of the two");
    }

    #[test]
    fn declared_formats_read_what_vendors_write() {
        let read = |format: &str, text: &str, locale: &str| {
            let format = Format::parse(format).expect("a format");
            shown(format.read(text.as_bytes(), Locale::named(locale)).map(|stamp| stamp.local))
        };
        assert_eq!(read("%b-%d-%Y %H:%M:%S", "ENE-13-2021 13:00:00", "es"), Ok("2021-01-13 13:00:00".into()));
        assert_eq!(read("%d/%m/%y, %H:%M:%S", "7/09/26, 21:40:58", "en"), Ok("2026-09-07 21:40:58".into()));
        assert_eq!(read("%d. %B %Y", "3. März 2025", "de"), Ok("2025-03-03 00:00:00".into()));
        assert_eq!(
            read("%A, %d. %B %Y, %H:%M", "Sonntag, 2. März 2025, 09:30", "de"),
            Ok("2025-03-02 09:30:00".into())
        );
        assert_eq!(read("%a %d %b %Y", "sáb. 8 Mar 2025", "es"), Ok("2025-03-08 00:00:00".into()));
        assert!(read("%A, %d. %B %Y", "2. März 2025", "de").is_err());
        assert_eq!(read("%m/%d/%Y %I:%M %p", "3/3/2025 12:05 AM", "en"), Ok("2025-03-03 00:05:00".into()));
        assert_eq!(read("%Y%m", "202503", "en"), Ok("2025-03-01 00:00:00".into()));
        assert_eq!(read("epoch_ms", "1772442000123", "en"), Ok("2026-03-02 09:00:00.123".into()));
        assert_eq!(read("%d/%m/%Y", "31/02/2026", "en"), Err(Reason::TsInvalid));
        assert_eq!(read("%d/%m/%Y", "31/02/2026 ", "en"), Err(Reason::TsFormat));
        assert!(Format::parse("%d/%q/%Y").is_err());
        // White space of a format is any white space, whichever the editor of the feed wrote.
        assert_eq!(read("%m/%d/%Y %I:%M\u{202f}%p", "2/10/2026\u{a0}3:05 PM", "en"), Ok("2026-02-10 15:05:00".into()));
        assert_eq!(read("%m/%d/%Y %I:%M %p", "2/10/2026 3:05PM", "en"), Err(Reason::TsFormat));
        assert_eq!(
            read("%d.%m.%Y %H:%M:%S.%f%z", "02.03.2026 09:00:00.1234567+02", "en"),
            Ok("2026-03-02 09:00:00.123456".into())
        );
        assert_eq!(read("%d.%m.%Y 24:00", "28.02.2026 24:00", "en"), Ok("2026-03-01 00:00:00".into()));
        assert_eq!(read("%d.%m.%Y %H:%M", "28.02.2026 24:00", "en"), Err(Reason::TsInvalid), "not declared");
    }
}
