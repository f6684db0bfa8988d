//! Durations as exports write them, in seconds.

use super::reject::Reason;
use super::time::digits;

/// An ISO 8601 duration (`PT1H30M`, `P2DT3H`, `P1W`, `-PT5M`) in seconds. Months and years have no length.
pub(crate) fn iso(text: &str) -> Result<f64, Reason> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text),
    };
    let rest = rest.strip_prefix('P').ok_or(Reason::DurationInvalid)?;
    let (dates, times) = match rest.split_once('T') {
        Some((_, "")) => return Err(Reason::DurationInvalid),
        Some((dates, times)) => (dates, times),
        None => (rest, ""),
    };
    if rest.is_empty() {
        return Err(Reason::DurationInvalid);
    }
    let mut seconds = 0.0;
    let mut ambiguous = false;
    for (part, units, lengths) in
        [(dates, "YMWD", [0.0, 0.0, 604_800.0, 86_400.0]), (times, "HMS ", [3600.0, 60.0, 1.0, 0.0])]
    {
        let mut part = part;
        let mut next_unit = 0;
        while !part.is_empty() {
            let end =
                part.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').ok_or(Reason::DurationInvalid)?;
            let unit = part[end..].chars().next().and_then(|c| units.find(c)).filter(|&unit| unit >= next_unit);
            let (Some(unit), true) = (unit, end > 0) else { return Err(Reason::DurationInvalid) };
            let value: f64 = part[..end].replace(',', ".").parse().map_err(|_| Reason::DurationInvalid)?;
            ambiguous |= lengths[unit] == 0.0 && value != 0.0;
            seconds += value * lengths[unit];
            next_unit = unit + 1;
            part = &part[end + 1..];
        }
    }
    if ambiguous { Err(Reason::DurationAmbiguous) } else { Ok(sign * seconds) }
}

/// A time as a clock shows it, in seconds: `H:M:S` or `M:S` with any number of hours and a fraction (SCORM's `0000:12:34.50`), days
/// before it (`1.02:03:04`, `1 day, 2:03:04`, `1d 02:03:04`, `1:02:03:04`), a word behind it (`5:07:29 hrs`; `5:07 hrs` are hours and
/// minutes), or numbers with units (`1h 5m 10s`, `90 min`). What begins with a P is an ISO duration.
pub(crate) fn clock(text: &str) -> Result<f64, Reason> {
    let text = text.trim();
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest.trim_start()),
        None => (1.0, text),
    };
    if text.starts_with(['P', 'p']) {
        return iso(&text.to_ascii_uppercase()).map(|seconds| sign * seconds);
    }
    let mut seconds = 0.0;
    let mut rest = text;
    let mut last = None;
    let mut count = 0;
    while !rest.is_empty() {
        let (piece, tail) = piece(rest).ok_or(Reason::DurationInvalid)?;
        let (unit, tail) = word(tail);
        let length = match (piece.contains(':'), unit.map(unit_of)) {
            (_, Some(None)) => return Err(Reason::DurationInvalid),
            // What stands behind colons names the first of them, and nothing follows it.
            (true, unit) => {
                if !tail.is_empty() || last.is_some_and(|last| last != Unit::Day) {
                    return Err(Reason::DurationInvalid);
                }
                seconds += colons(piece, last.is_some(), unit.flatten())?;
                Unit::Second
            }
            (false, Some(Some(unit))) => {
                if last.is_some_and(|last| last <= unit) {
                    return Err(Reason::DurationInvalid);
                }
                seconds += number(piece)? * unit.seconds();
                unit
            }
            (false, None) => return Err(Reason::DurationInvalid),
        };
        last = Some(length);
        count += 1;
        rest = tail;
    }
    if count == 0 { Err(Reason::DurationInvalid) } else { Ok(sign * seconds) }
}

/// Ordered by length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

impl Unit {
    fn seconds(self) -> f64 {
        match self {
            Unit::Second => 1.0,
            Unit::Minute => 60.0,
            Unit::Hour => 3600.0,
            Unit::Day => 86_400.0,
        }
    }
}

fn unit_of(word: &str) -> Option<Unit> {
    match word.to_ascii_lowercase().as_str() {
        "d" | "day" | "days" => Some(Unit::Day),
        "h" | "hr" | "hrs" | "hour" | "hours" => Some(Unit::Hour),
        "m" | "min" | "mins" | "minute" | "minutes" => Some(Unit::Minute),
        "s" | "sec" | "secs" | "second" | "seconds" => Some(Unit::Second),
        _ => None,
    }
}

/// Digits, colons, dots and decimal commas at the beginning, and what follows.
fn piece(text: &str) -> Option<(&str, &str)> {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let belongs = |at: usize| match bytes[at] {
        b':' | b'.' => true,
        // A comma between digits is one of decimals.
        b',' => at > 0 && is_digit(at - 1) && is_digit(at + 1),
        _ => is_digit(at),
    };
    let end = (0..bytes.len()).find(|&at| !belongs(at)).unwrap_or(bytes.len());
    (end > 0).then(|| text.split_at(end))
}

/// The word at the beginning, and what follows it after white space, a comma or `and`.
fn word(text: &str) -> (Option<&str>, &str) {
    let text = text.trim_start();
    let (word, rest) = text.split_at(text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len()));
    let rest = rest.strip_prefix('.').unwrap_or(rest).trim_start();
    let rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    let rest = rest.strip_prefix("and ").unwrap_or(rest).trim_start();
    ((!word.is_empty()).then_some(word), rest)
}

fn number(text: &str) -> Result<f64, Reason> {
    let plain = text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(|c: char| c.is_ascii_digit());
    if plain && text.len() <= 18 {
        text.replace(',', ".").parse().map_err(|_| Reason::DurationInvalid)
    } else {
        Err(Reason::DurationInvalid)
    }
}

/// Parts between colons. Two are hours and minutes behind days or before the word for hours, else minutes and seconds; of four the
/// first is days, and so is what stands before a dot in the first of three.
fn colons(text: &str, after_days: bool, unit: Option<Unit>) -> Result<f64, Reason> {
    let parts: Vec<&str> = text.split(':').collect();
    let (parts, lengths): (Vec<&str>, &[f64]) = match (parts.as_slice(), unit) {
        ([_, _], Some(Unit::Hour)) => (parts, &[3600.0, 60.0]),
        ([_, _], None) if after_days => (parts, &[3600.0, 60.0]),
        ([_, _], None | Some(Unit::Minute)) => (parts, &[60.0, 1.0]),
        ([first, minutes, seconds], None | Some(Unit::Hour)) => match first.split_once('.').filter(|_| !after_days) {
            Some((days, hours)) => (vec![days, hours, minutes, seconds], &[86_400.0, 3600.0, 60.0, 1.0]),
            None => (parts, &[3600.0, 60.0, 1.0]),
        },
        ([_, _, _, _], None | Some(Unit::Day)) if !after_days => (parts, &[86_400.0, 3600.0, 60.0, 1.0]),
        _ => return Err(Reason::DurationInvalid),
    };
    let mut seconds = 0.0;
    let whole = |text: &str| (1..=9).contains(&text.len()).then(|| digits(text.as_bytes())).flatten();
    for (at, (part, length)) in parts.iter().zip(lengths).enumerate() {
        let is_last = at + 1 == parts.len();
        let (digits, fraction) = match part.split_once(['.', ',']) {
            Some((digits, fraction)) if is_last && *length == 1.0 => (digits, Some(fraction)),
            Some(_) => return Err(Reason::DurationInvalid),
            None => (*part, None),
        };
        let value = whole(digits).ok_or(Reason::DurationInvalid)?;
        let most = if *length == 3600.0 { 23 } else { 59 };
        if (at > 0 || after_days) && value > most {
            return Err(Reason::DurationInvalid);
        }
        seconds += f64::from(value) * length;
        if let Some(fraction) = fraction {
            if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(Reason::DurationInvalid);
            }
            seconds += format!("0.{fraction}").parse::<f64>().map_err(|_| Reason::DurationInvalid)?;
        }
    }
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_length_or_are_refused() {
        assert_eq!(iso("PT1H30M"), Ok(5400.0));
        assert_eq!(iso("P1DT0.5S"), Ok(86_400.5));
        assert_eq!(iso("-PT5M"), Ok(-300.0));
        assert_eq!(iso("P1M"), Err(Reason::DurationAmbiguous));
        assert_eq!(iso("P0Y0M1D"), Ok(86_400.0));
        for bad in ["90 minutes", "P", "PT", "PT5", "PT5M1H", "PTM", "PT1.2.3S", "1H"] {
            assert_eq!(iso(bad), Err(Reason::DurationInvalid), "{bad}");
        }
        assert_eq!(clock("1:02:03"), Ok(3723.0));
        assert_eq!(clock("1:62:03"), Err(Reason::DurationInvalid));
    }

    #[test]
    fn clock_times_are_read_in_every_common_spelling() {
        for (text, seconds) in [
            ("0000:12:34.50", 754.5),
            ("00:10:32.5", 632.5),
            ("0:04:08", 248.0),
            ("125:07:09", 450_429.0),
            ("12:34", 754.0),
            ("1.02:03:04", 93_784.0),
            ("1.02:03:04.5000000", 93_784.5),
            ("1:02:03:04", 93_784.0),
            ("1 day, 2:03:04", 93_784.0),
            ("1d 02:03:04", 93_784.0),
            ("2 days 02:03", 180_180.0),
            ("5:07:29 hrs", 18_449.0),
            ("5:07 hrs", 18_420.0),
            ("5:07 min", 307.0),
            ("5:07:29\u{a0}Hrs.", 18_449.0),
            ("1h 5m 10s", 3910.0),
            ("1h5m", 3900.0),
            ("1 hour, 5 minutes and 10 seconds", 3910.0),
            ("90 min", 5400.0),
            ("1.5 h", 5400.0),
            ("45s", 45.0),
            ("PT1H30M", 5400.0),
            ("00:10:32,5", 632.5),
            ("1,5 h", 5400.0),
            ("-0:05:00", -300.0),
        ] {
            assert_eq!(clock(text), Ok(seconds), "{text}");
        }
        for bad in [
            "",
            "-",
            "90",
            "1:2:3:4:5",
            ":05",
            "1::2",
            "1:02:",
            "1d 25:00:00",
            "1.25:00:00",
            "5m 1h",
            "1h 1h",
            "1h 5",
            "5:07 apples",
            "5:07 s",
            "1:02.5:03",
            "1:02:03.",
            "1.2.3:04:05",
            "1 day, 2:03:04 later",
            "1h 02:03",
            "1..5 h",
            "ten min",
        ] {
            assert_eq!(clock(bad), Err(Reason::DurationInvalid), "{bad}");
        }
        assert_eq!(clock("P1M"), Err(Reason::DurationAmbiguous));
    }
}
