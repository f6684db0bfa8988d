//! The ways in which a feed's mapping can tell a canon value: [`crate::feed::cast`] the other way round. What a way comes to is judged
//! by the gate, which reads the whole delivery again; here it has to be likely, and as a vendor would write it.

use chrono_tz::Tz;

use crate::contract::{Column, Type};
use crate::feed::cast;
use crate::feed::extract::Extract;
use crate::feed::feed::{Mapping, Named, Reading, Source, Values};
use crate::feed::keys::INTERVALS;
use crate::feed::number;
use crate::feed::xapi::verbs;

use super::cell::{Cell, Typed, Way, What};
use super::entry::Value;
use super::moments::Clock;

/// What the maximum of a raw score is said to be.
const MAXIMUM: f64 = 100.0;

/// The ways to tell a value, the likeliest first; none where the mapping has no word for it.
/// `is_shared` says of a place whether another column is read from it, too.
pub(super) fn ways(
    column: &Column,
    mapping: &Mapping,
    value: Option<&Value>,
    zone: Tz,
    is_shared: &dyn Fn(&str) -> bool,
) -> Vec<Way> {
    match &mapping.source {
        Source::Nothing | Source::Constant(_) => vec![Way::new()],
        Source::First(names) if names.iter().any(is_derived) => vec![Way::new()],
        Source::First(names) => first(names, column, mapping, value, zone),
        Source::Joined(names, between) => joined(names, between, mapping, value, is_shared),
        // Words of several columns are fitted to what stands in them already, see `records`.
        Source::Combined(..) => Vec::new(),
    }
}

/// An id of several parts: taken apart where it is one, else put where no other column reads, and made of these where all do.
fn joined(
    names: &[Named],
    between: &str,
    mapping: &Mapping,
    value: Option<&Value>,
    is_shared: &dyn Fn(&str) -> bool,
) -> Vec<Way> {
    let places: Vec<String> = names.iter().map(|name| place(name, mapping)).collect();
    let own: Vec<&String> = places.iter().filter(|place| !is_shared(place)).collect();
    let Some(value) = value else {
        return vec![own.first().map(|place| ((*place).clone(), What::Empty)).into_iter().collect()];
    };
    let text = plain(value);
    let parts: Vec<&str> = text.splitn(names.len(), between).collect();
    let is_whole = parts.len() == names.len() && parts.iter().all(|part| !cast::is_null(part.as_bytes(), mapping));
    let is = |text: &str| What::Is(Cell::text(text));
    let last = own.len().saturating_sub(1);
    let made = own.iter().enumerate().map(|(at, place)| ((*place).clone(), is(if at == last { &text } else { "1" })));
    let split: Way = places.iter().cloned().zip(parts.iter().map(|part| is(part))).collect();
    is_whole.then_some(split).into_iter().chain([made.collect()]).collect()
}

/// Whether a vendor's words have one for a value, where the mapping reads words at all.
pub(super) fn has_word(mapping: &Mapping, value: &Value) -> bool {
    match (&mapping.source, &mapping.values) {
        (Source::Combined(_, combined), _) => !combined.words_for(&plain(value)).is_empty(),
        (_, Some(values)) => !words(values, value).is_empty(),
        _ => true,
    }
}

fn is_derived(name: &Named) -> bool {
    matches!(name, Named::Header(name) if name == crate::feed::read::RECORD)
}

/// The places that a column is read from.
pub(super) fn places(mapping: &Mapping) -> Vec<String> {
    match &mapping.source {
        Source::Nothing | Source::Constant(_) => Vec::new(),
        Source::First(names) | Source::Joined(names, _) | Source::Combined(names, _) => {
            names.iter().map(|name| place(name, mapping)).collect()
        }
    }
}

/// Where a name stands among the cells of a record: a header or JSON path as it is, a value of the path behind `path:`.
pub(super) fn place(name: &Named, mapping: &Mapping) -> String {
    match name {
        Named::Header(name) => name.clone(),
        Named::Like(name, _) => {
            let zone = mapping.zone.unwrap_or(Tz::UTC);
            name.replacen('*', zone.name(), 1).replace('*', "export")
        }
        Named::Path(name) => format!("path:{name}"),
    }
}

fn first(names: &[Named], column: &Column, mapping: &Mapping, value: Option<&Value>, zone: Tz) -> Vec<Way> {
    let places: Vec<String> = names.iter().map(|name| place(name, mapping)).collect();
    let Some(value) = value else {
        // A log line that names nobody says so by saying nothing.
        let is_end = INTERVALS.iter().any(|[_, end]| *end == column.name);
        let open = mapping.sentinels.last().filter(|_| is_end).map(|open| What::Is(Cell::text(open)));
        let nothing = |place: &String| (place.clone(), open.clone().unwrap_or(What::Empty));
        let ways = places.first().map(|place| vec![nothing(place)]).into_iter();
        return if mapping.extract.is_some() { vec![Way::new()] } else { ways.collect() };
    };
    let told = told(column, mapping, value, zone);
    let mut ways = Vec::new();
    for at in 0..places.len() {
        for what in &told {
            let mut way: Way = places[..at].iter().map(|place| (place.clone(), What::Empty)).collect();
            way.push((places[at].clone(), what.clone()));
            way.extend(mapping.divide_by.iter().map(|by| {
                let maximum = Cell { text: written(MAXIMUM, mapping, true), typed: Typed::Double(MAXIMUM) };
                (by.clone(), What::Is(maximum))
            }));
            ways.push(way);
        }
    }
    ways
}

/// What a cell may hold so that it means the value.
fn told(column: &Column, mapping: &Mapping, value: &Value, zone: Tz) -> Vec<What> {
    let clock = Clock { column, mapping, zone };
    let cells = match (value, &mapping.values) {
        (Value::Day(day), _) => clock.days(*day),
        (Value::Instant(micros), _) => clock.instants(*micros),
        (value, Some(values)) => words(values, value)
            .into_iter()
            .map(|word| Cell { typed: truth(&word).map_or(Typed::Text, Typed::Bool), text: word })
            .collect(),
        (Value::Bool(truth), None) => vec![Cell { text: truth.to_string(), typed: Typed::Bool(*truth) }],
        (Value::Int(number), None) => numbers(column, mapping, *number as f64),
        (Value::Double(number), None) => numbers(column, mapping, *number),
        (Value::Text(text), None) => {
            let text = text.strip_prefix(&mapping.prefix).unwrap_or(text);
            vec![Cell::text(match mapping.reading {
                Reading::Mailto => format!("mailto:{text}"),
                _ => text.to_owned(),
            })]
        }
    };
    let is_null = |cell: &Cell| cast::is_null(cell.text.as_bytes(), mapping);
    cells.into_iter().filter(|cell| !is_null(cell)).filter_map(|cell| framed(cell, mapping)).collect()
}

/// A cell within the text that `extract` takes it from.
fn framed(cell: Cell, mapping: &Mapping) -> Option<What> {
    let Some(extract) = &mapping.extract else { return Some(What::Is(cell)) };
    let text = extract.fill(&cell.text)?;
    // `97%` is all there is; what stands between two texts may have others beside it.
    let is_part = match extract {
        Extract::Part(before, after) => !before.trim().is_empty() && !after.trim().is_empty(),
        Extract::Patterns(_) => true,
    };
    Some(if is_part { What::Part(text) } else { What::Is(Cell::text(text)) })
}

/// A value as value maps write it.
pub(super) fn plain(value: &Value) -> String {
    value.to_string()
}

fn truth(word: &str) -> Option<bool> {
    match word {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// The vendor's words for a value, the one most like ours first; last one that stands nowhere, where the default is meant.
fn words(values: &Values, value: &Value) -> Vec<String> {
    let ours = plain(value);
    let means = |word: &str| match value {
        Value::Bool(true) => word.eq_ignore_ascii_case("true") || word == "1",
        Value::Bool(false) => word.eq_ignore_ascii_case("false") || word == "0",
        Value::Int(number) => word.parse() == Ok(*number as f64),
        Value::Double(number) => word.parse() == Ok(*number),
        _ => word == ours,
    };
    // `VERB on TYPE` speaks of objects that ours are not.
    let is_verb = values.map.keys().any(|word| verbs::is_qualified(word));
    let mut words: Vec<&String> = values.map.iter().filter(|(_, ours)| means(ours)).map(|(word, _)| word).collect();
    words.retain(|word| !(word.is_empty() || is_verb && word.contains(' ')));
    let bare = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let wanted = bare(&ours);
    words.sort_by_key(|word| {
        let is_like = bare(word) == wanted;
        let ends = word.starts_with("http://adlnet.gov/") && bare(word).ends_with(&wanted);
        (!is_like, !ends, !word.starts_with("http://adlnet.gov/"), *word)
    });
    let mut words: Vec<String> = words.into_iter().cloned().collect();
    if values.default.as_deref().is_some_and(means) && !cast::has_word(&ours, values) {
        words.push(ours);
    }
    words
}

/// A number before the feed's factor and divisor.
fn numbers(column: &Column, mapping: &Mapping, value: f64) -> Vec<Cell> {
    let per = mapping.divide_by.as_ref().map(|_| MAXIMUM);
    let percent = if mapping.reading == Reading::Percent { 0.01 } else { 1.0 };
    let raw = value / percent / mapping.times.unwrap_or(1.0) * per.unwrap_or(1.0);
    let means = |raw: f64| {
        let read = raw * percent * mapping.times.unwrap_or(1.0);
        let read = per.map_or(read, |per| read / per);
        match column.data_type {
            Type::Int => number::rounded(read, mapping.whole).is_ok_and(|read| read as f64 == value),
            _ => read == value,
        }
    };
    // As few decimals as say it.
    let exact = (0..=12).find_map(|decimals: usize| {
        let rounded: f64 = format!("{raw:.decimals$}").parse().ok()?;
        means(rounded).then_some(rounded)
    });
    let raw = exact.unwrap_or(raw);
    let is_plain = mapping.reading == Reading::Plain && mapping.extract.is_none();
    let typed = match raw.fract() == 0.0 && raw.abs() < 1e15 {
        _ if !is_plain => Typed::Text,
        true => Typed::Int(raw as i64),
        false => Typed::Double(raw),
    };
    vec![Cell { text: written(raw, mapping, typed != Typed::Text), typed }]
}

/// A number as the column writes its numbers, or the time that it counts.
fn written(raw: f64, mapping: &Mapping, is_number: bool) -> String {
    if !is_number && matches!(mapping.reading, Reading::Clock | Reading::IsoDuration) {
        let (sign, raw) = if raw < 0.0 { ("-", -raw) } else { ("", raw) };
        let (whole, part) = (raw.trunc() as u64, raw.fract());
        let part = if part == 0.0 { String::new() } else { format!("{part:.3}").trim_start_matches('0').to_owned() };
        return match mapping.reading {
            Reading::Clock => format!("{sign}{}:{:02}:{:02}{part}", whole / 3600, whole / 60 % 60, whole % 60),
            _ => format!("{sign}PT{}M{}{part}S", whole / 60, whole % 60),
        };
    }
    let text = format!("{raw}");
    let (digits, decimals) = text.split_once('.').unwrap_or((&text, ""));
    let digits = match mapping.style.thousands {
        None => digits.to_owned(),
        Some(between) => grouped(digits, between),
    };
    let mark = if mapping.style.decimal_comma { ',' } else { '.' };
    if decimals.is_empty() { digits } else { format!("{digits}{mark}{decimals}") }
}

/// `1,234,567`.
fn grouped(digits: &str, between: char) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |digits| ("-", digits));
    let mut text = sign.to_owned();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(between);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped_from_the_end() {
        assert_eq!(grouped("1234567", ','), "1,234,567");
        assert_eq!(grouped("-12", ','), "-12");
    }
}
