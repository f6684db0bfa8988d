//! What a feed, or else the contract, asks of the values of a column, in words for the person whose values it refused.

use super::bound::Target;
use super::feed::{Feed, Mapping, Reading};
use super::reject::{Reason, Refusal};
use crate::contract::{Type, words};

/// Words of a closed list that are written out.
const WORDS: usize = 12;

/// What the feed, or else the contract, asks of a column's values, in words.
pub(super) fn declared(target: &Target<'_>, reason: Reason) -> Option<String> {
    let mapping = &*target.rule.mapping;
    if matches!(reason, Reason::MissingRequired | Reason::NullNotAllowed) {
        return Some("a value, in every record".into());
    }
    let written = match target.column.data_type {
        Type::Date | Type::Timestamp => dates(mapping),
        Type::Int | Type::Double => numbers(target),
        Type::Bool => match &mapping.values {
            Some(values) => one_of(values.map.keys(), values.map.len()),
            None => "`true`, `false`, `1` or `0`".into(),
        },
        Type::Text => match &mapping.values {
            Some(values) => one_of(values.map.keys(), values.map.len()),
            None if !target.rule.closed.is_empty() => one_of(target.rule.closed.iter(), target.rule.closed.len()),
            None if target.rule.ids => "an id, as text".into(),
            None if mapping.reading == Reading::Mailto => "an address that begins with `mailto:`".into(),
            None => "text".into(),
        },
    };
    Some(written)
}

/// The date formats of a column, as they are written in its feed.
pub(super) fn dates(mapping: &Mapping) -> String {
    let formats: Vec<String> = mapping.formats.iter().map(|format| format!("`{format}`")).collect();
    words::or(&formats)
}

/// A refusal for the order of day and month, with the formats of its column as the feed declares them and the other way round.
pub(super) fn of_order(feed: &Feed, refusal: Refusal) -> Refusal {
    let at = refusal.column.as_ref().and_then(|column| feed.columns.iter().position(|name| name == column));
    let mapping = at.and_then(|at| {
        let mappings = feed.blocks.iter().filter_map(|block| block.columns.get(at));
        mappings.into_iter().find(|mapping| mapping.swapped.iter().any(Option::is_some))
    });
    let Some(mapping) = mapping else { return refusal };
    let other = mapping.swapped.iter().flatten().map(|format| format!("`date = \"{format}\"`")).collect::<Vec<_>>();
    refusal.declared(Some(dates(mapping)), Some(format!("{} would read them", words::or(&other))))
}

fn numbers(target: &Target<'_>) -> String {
    let mapping = &*target.rule.mapping;
    let mut text = match mapping.reading {
        Reading::Clock => return "a duration such as `1:02:03`".into(),
        Reading::IsoDuration => return "a duration such as `PT1H2M3S`".into(),
        Reading::Percent => "a percentage such as `45%` or `45`".to_owned(),
        _ if target.column.data_type == Type::Int && mapping.whole => "a whole number".to_owned(),
        _ => "a number".to_owned(),
    };
    if mapping.style.decimal_comma {
        text.push_str(" with a decimal comma");
    }
    match mapping.style.thousands {
        Some(sign) if sign.is_whitespace() => text.push_str(" with spaces between thousands"),
        Some(sign) => text.push_str(&format!(" with `{sign}` between thousands")),
        None => {}
    }
    match mapping.range {
        (Some(min), Some(max)) => text.push_str(&format!(" from {min} to {max}")),
        (Some(min), None) => text.push_str(&format!(" from {min} on")),
        (None, Some(max)) => text.push_str(&format!(" up to {max}")),
        (None, None) => {}
    }
    if let Some(times) = mapping.times {
        text.push_str(&format!(", multiplied by {times}"));
    }
    text
}

fn one_of<'w>(known: impl Iterator<Item = &'w String>, count: usize) -> String {
    let mut list: Vec<String> = known.take(WORDS).map(|word| format!("`{word}`")).collect();
    if count > WORDS {
        list.push(format!("{} more", count - WORDS));
    }
    words::or(&list)
}
