//! Which of the forms that the gate knows would read the values that a column refused. Only forms of our own and words of the feed's
//! own are ever named, never anything out of a value.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::bound::Target;
use super::cast::{ABSURD_DAY, EARLIEST_DAY};
use super::duration;
use super::feed::{Mapping, Reading};
use super::number::Style;
use super::record::Cell;
use super::reject::Reason;
use super::time::{DAY, Format, Locale, trimmed};
use super::told::Nearest;
use crate::contract::Type;

/// Ways that read none of so many cells are let go.
const PATIENCE: u64 = 20;

/// Days as exports write them, the likelier of two alike first.
#[rustfmt::skip]
const DAYS: &[&str] = &[
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d.%m.%y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d-%m-%y",
    "%d%m%Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %b %y",
    "%b %d, %Y",
    "%b %d %Y",
    "%d. %b %Y",
    "%d.%b.%Y",
    "%d/%b/%Y",
    "%Y-%b-%d",
];

/// What may follow a day.
#[rustfmt::skip]
const TIMES: &[&str] = &[
    "",
    " %H:%M",
    " %H:%M:%S",
    " %H:%M:%S.%f",
    "T%H:%M:%S",
    "T%H:%M",
    "T%H:%M:%S.%f",
    " %I:%M %p",
    " %I:%M:%S %p",
    " %I:%M%p",
    " %H.%M",
    " %H:%M:%S %z",
    " %H:%M %z",
    " %H:%M:%S%z",
    "T%H:%M:%S%z",
    ", %H:%M",
    ", %H:%M:%S",
    ", %I:%M %p",
    ", %I:%M:%S %p",
    " 24:00",
    " 24:00:00",
    "%H%M%S",
    " %H%M%S",
    " - %H:%M",
];

/// Languages of months, English apart, which is read everywhere.
const LANGUAGES: &[&str] = &["de", "fr", "es", "it", "nl", "pt", "pl"];

/// What may stand behind a number, what to multiply it with for seconds or a share, and whether it says a share.
const UNITS: &[(&str, f64, bool)] = &[
    ("%", 0.01, true),
    ("min", 60.0, false),
    ("mins", 60.0, false),
    ("minutes", 60.0, false),
    ("h", 3600.0, false),
    ("hrs", 3600.0, false),
    ("hours", 3600.0, false),
    ("s", 1.0, false),
    ("sec", 1.0, false),
    ("seconds", 1.0, false),
    ("pts", 1.0, false),
    ("points", 1.0, false),
];

struct DateWay {
    format: Format,
    written: String,
    language: Option<&'static str>,
}

static DATES: LazyLock<Vec<DateWay>> = LazyLock::new(|| {
    let mut ways: Vec<DateWay> = Vec::new();
    let mut add = |written: String, language: Option<&'static str>| {
        if let Ok(format) = Format::parse(&written) {
            ways.push(DateWay { format, written, language });
        }
    };
    ["iso", "odata", "epoch_s", "epoch_ms"].into_iter().for_each(|known| add(known.into(), None));
    for day in DAYS {
        TIMES.iter().for_each(|time| add(format!("{day}{time}"), None));
    }
    for language in LANGUAGES {
        for day in DAYS.iter().filter(|day| day.contains("%b")) {
            TIMES.iter().for_each(|time| add(format!("{day}{time}"), Some(language)));
        }
    }
    ways
});

/// One way to read a number.
pub(super) struct NumberWay {
    style: Style,
    unit: Option<&'static (&'static str, f64, bool)>,
    reading: Reading,
    times: Option<f64>,
}

/// The cells of one column and reason under every way that might read them.
pub(super) enum Trial {
    Dates {
        looked: u64,
        reads: Vec<(usize, u64)>,
        bare: u64,
    },
    Numbers {
        looked: u64,
        ways: Vec<(NumberWay, u64)>,
    },
    Words {
        looked: u64,
        near: BTreeMap<(String, bool), u64>,
    },
    /// The format fits and the clock has no zone.
    Zone,
    Nothing,
}

impl Trial {
    pub fn of(target: &Target<'_>, reason: Reason) -> Trial {
        match (target.column.data_type, reason) {
            (Type::Date | Type::Timestamp, Reason::TsNoTimezone) => Trial::Zone,
            (
                Type::Date | Type::Timestamp,
                Reason::TsFormat | Reason::TsInvalid | Reason::TsRange | Reason::TypeMismatch,
            ) => Trial::Dates { looked: 0, reads: (0..DATES.len()).map(|at| (at, 0)).collect(), bare: 0 },
            (
                Type::Int | Type::Double,
                Reason::TypeMismatch | Reason::OutOfRange | Reason::DurationInvalid | Reason::Nonfinite,
            ) => Trial::Numbers { looked: 0, ways: number_ways(target).into_iter().map(|way| (way, 0)).collect() },
            (_, Reason::UnknownEnum | Reason::UnknownShare) => Trial::Words { looked: 0, near: BTreeMap::new() },
            _ => Trial::Nothing,
        }
    }

    pub fn read(&mut self, cell: Cell<'_>, target: &Target<'_>) {
        let spelled;
        let raw = match cell {
            Cell::Text(raw) => raw,
            Cell::Int(value) => {
                spelled = value.to_string();
                spelled.as_bytes()
            }
            Cell::UInt(value) => {
                spelled = value.to_string();
                spelled.as_bytes()
            }
            Cell::Double(value) => {
                spelled = value.to_string();
                spelled.as_bytes()
            }
            _ => return,
        };
        let raw = trimmed(raw);
        let is_text = matches!(cell, Cell::Text(_));
        match self {
            Trial::Dates { looked, reads, bare } => {
                *looked += 1;
                let mut is_bare = false;
                for (at, count) in reads.iter_mut() {
                    let way = &DATES[*at];
                    let fits = is_text || way.format.takes_numbers();
                    let stamp = fits.then(|| reading(way, raw)).flatten();
                    *count += u64::from(stamp.is_some());
                    is_bare |= stamp.is_some_and(|is_bare| is_bare);
                }
                let wants_zone = target.column.data_type == Type::Timestamp && target.rule.mapping.zone.is_none();
                *bare += u64::from(is_bare && wants_zone);
                if *looked == PATIENCE {
                    reads.retain(|(_, count)| *count > 0);
                }
            }
            Trial::Numbers { looked, ways } => {
                *looked += 1;
                let Ok(text) = std::str::from_utf8(raw) else { return };
                for (way, count) in ways.iter_mut() {
                    *count += u64::from(way.reads(text, target));
                }
            }
            Trial::Words { looked, near } => {
                *looked += 1;
                let Ok(text) = std::str::from_utf8(raw) else { return };
                if let Some(word) = nearest_word(text, target) {
                    *near.entry(word).or_default() += 1;
                }
            }
            Trial::Zone | Trial::Nothing => {}
        }
    }

    /// The way that reads most; of several alike the likelier.
    pub fn best(&self) -> Option<Nearest> {
        match self {
            Trial::Nothing => None,
            Trial::Zone => {
                let write = "name the zone of these times, e.g. `zone = \"Europe/Berlin\"`: the format fits".into();
                Some(Nearest { write, reads: 0, of: 0 })
            }
            Trial::Dates { looked, reads, bare } => {
                let most = reads.iter().map(|(_, count)| *count).max().filter(|most| *most > 0)?;
                let mut best = reads.iter().filter(|(_, count)| *count == most).map(|(at, _)| &DATES[*at]);
                let way = best.next()?;
                let mut write = format!("`date = \"{}\"`", way.written);
                // Where only days up to the twelfth were seen, nothing but the sign between them tells which comes first.
                let other = swapped(&way.written);
                let is_told = way.written.starts_with("%d.%m") || way.written.starts_with("%Y");
                if !is_told && other != way.written && best.any(|way| way.written == other) {
                    write = format!("{write} or, with the month first, `\"{other}\"`");
                }
                if let Some(language) = way.language {
                    write.push_str(&format!(" with `locale = \"{language}\"`"));
                }
                let has_clock = ["%H", "%I", "iso"].iter().any(|part| way.written.contains(part));
                if *bare > 0 && has_clock && !way.written.contains("%z") {
                    write.push_str(" and a `zone`");
                }
                Some(Nearest { write, reads: most, of: *looked })
            }
            Trial::Numbers { looked, ways } => {
                let most = ways.iter().map(|(_, count)| *count).max().filter(|most| *most > 0)?;
                let mut best = ways.iter().filter(|(_, count)| *count == most).map(|(way, _)| way);
                let way = best.next()?;
                let mut write = way.written();
                // `1,234` is one and a bit, or a thousand.
                if way.is_ambiguous()
                    && let Some(other) = best.find(|other| other.is_ambiguous() && other.times == way.times)
                {
                    write = format!("{write} or {}", other.written());
                }
                Some(Nearest { write, reads: most, of: *looked })
            }
            Trial::Words { looked, near } => {
                let reads = near.values().sum::<u64>();
                let ((word, is_case), _) = near.iter().max_by_key(|(_, count)| **count)?;
                let write = if *is_case {
                    format!("`case = \"insensitive\"` (found is `{word}` in another case)")
                } else {
                    format!("`{word}` written as it is found, with other spaces,")
                };
                Some(Nearest { write, reads, of: *looked })
            }
        }
    }
}

/// Whether a way reads a text as a day that may be meant, and if so whether it is a time that lacks an offset.
fn reading(way: &DateWay, raw: &[u8]) -> Option<bool> {
    let locale = way.language.and_then(Locale::named);
    let stamp = way.format.read(raw, locale).ok()?;
    let day = i32::try_from(stamp.local.div_euclid(DAY)).ok()?;
    let is_likely = match way.format {
        // 2000 to 2100: any small number is a second of 1970.
        Format::EpochSeconds | Format::EpochMillis => (10_957..47_482).contains(&day),
        _ => (EARLIEST_DAY..ABSURD_DAY).contains(&day),
    };
    is_likely.then_some(stamp.timed && stamp.offset.is_none())
}

/// A format with day and month the other way round, as it is written.
fn swapped(written: &str) -> String {
    written.replace("%d", "%\u{0}").replace("%m", "%d").replace("%\u{0}", "%m")
}

fn number_ways(target: &Target<'_>) -> Vec<NumberWay> {
    let mapping = &*target.rule.mapping;
    let style = |decimal_comma: bool, thousands: Option<char>| Style { decimal_comma, thousands };
    let styles = [
        style(false, None),
        style(true, None),
        style(false, Some(',')),
        style(true, Some('.')),
        style(false, Some(' ')),
        style(true, Some(' ')),
        style(false, Some('\'')),
    ];
    let is_share = is_share(target);
    let plain = |style: Style, unit, times| NumberWay { style, unit, reading: Reading::Plain, times };
    let mut ways: Vec<NumberWay> = styles.iter().map(|style| plain(*style, None, mapping.times)).collect();
    if is_share && mapping.times.is_none() {
        ways.extend(styles.iter().take(2).map(|style| plain(*style, None, Some(0.01))));
    }
    for unit in UNITS {
        for style in styles.iter().take(4) {
            let factor = if unit.2 { is_share } else { is_seconds(target) && unit.1 > 1.0 };
            ways.push(plain(*style, Some(unit), mapping.times.or(factor.then_some(unit.1))));
        }
    }
    let lasting = [Reading::Clock, Reading::IsoDuration].into_iter().filter(|_| is_seconds(target));
    ways.extend(lasting.map(|reading| NumberWay {
        style: Style::default(),
        unit: None,
        reading,
        times: mapping.times,
    }));
    ways.retain(|way| !way.is_declared(mapping));
    ways
}

/// Whether a number of the column is a share, so that per cent have to be divided.
fn is_share(target: &Target<'_>) -> bool {
    let (_, most) = target.rule.mapping.range;
    most.is_some_and(|most| most <= 1.0) || target.column.noted_above.is_some_and(|usual| usual <= 1.0)
}

fn is_seconds(target: &Target<'_>) -> bool {
    target.column.unit == "seconds" || target.column.name.ends_with("_seconds")
}

impl NumberWay {
    fn is_declared(&self, mapping: &Mapping) -> bool {
        self.style == mapping.style
            && self.unit.is_none()
            && self.reading == mapping.reading
            && self.times == mapping.times
    }

    fn reads(&self, text: &str, target: &Target<'_>) -> bool {
        let mapping = &*target.rule.mapping;
        let text = match self.unit {
            None => text,
            Some((unit, ..)) => match text.strip_suffix(unit) {
                Some(rest) => rest.trim_end(),
                None => return false,
            },
        };
        let value = match self.reading {
            Reading::Clock => duration::clock(text),
            Reading::IsoDuration => duration::iso(text),
            _ => self.style.double(text),
        };
        let Ok(value) = value.map(|value| self.times.map_or(value, |times| value * times)) else { return false };
        let (min, max) = mapping.range;
        let is_in_range = min.is_none_or(|min| value >= min) && max.is_none_or(|max| value <= max);
        // A whole number that may not be rounded is one here too.
        let is_exact = target.column.data_type != Type::Int || !mapping.whole || value.fract() == 0.0;
        is_in_range && is_exact
    }

    /// Whether its only claim is one sign that might be that of thousands or of decimals.
    fn is_ambiguous(&self) -> bool {
        self.unit.is_none()
            && matches!((self.style.decimal_comma, self.style.thousands), (true, None) | (false, Some(',')))
    }

    fn written(&self) -> String {
        let mut keys = Vec::new();
        match self.reading {
            Reading::Clock => keys.push("as = \"clock\"".to_owned()),
            Reading::IsoDuration => keys.push("as = \"iso_duration\"".to_owned()),
            _ => {}
        }
        if let Some((unit, ..)) = self.unit {
            keys.push(format!("extract = \"{{}}{unit}\""));
        }
        if self.style.decimal_comma {
            keys.push("decimal_comma = true".to_owned());
        }
        if let Some(sign) = self.style.thousands {
            keys.push(format!("thousands = \"{sign}\""));
        }
        if let Some(times) = self.times {
            keys.push(format!("times = {times}"));
        }
        if keys.is_empty() {
            return "a plain number, without `as`, `decimal_comma` and `thousands`,".into();
        }
        format!("`{}`", keys.join(", "))
    }
}

/// The word of the feed or of the contract from which a text differs only in case (`true`) or only in spaces.
fn nearest_word(text: &str, target: &Target<'_>) -> Option<(String, bool)> {
    let mapping = &*target.rule.mapping;
    let own = mapping.values.iter().flat_map(|values| values.map.keys());
    let known = if mapping.values.is_some() { &[][..] } else { target.rule.closed };
    let bare = |text: &str| text.chars().filter(|c| !c.is_whitespace() && !super::cast::hidden(*c)).collect::<String>();
    let (folded, wanted) = (text.to_lowercase(), bare(text).to_lowercase());
    let word = own.chain(known).find(|word| !word.is_empty() && bare(word).to_lowercase() == wanted)?;
    Some((word.clone(), word.to_lowercase() == folded))
}
