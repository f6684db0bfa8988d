//! What a value looks like and not what it is: digits as `9`, letters of any script as `a`, signs of a small closed set as themselves,
//! spaces and marks that are not seen by name (`<U+202F>`), and everything else as `?`.
//!
//! A shape is shown to people and stored, so it must never be a value: a run longer than [`RUN`] is cut to one sign and `…`, and a
//! shape longer than [`LONG`] ends there.

use super::record::Cell;

/// Signs that are shown as they stand: those that dates, numbers and durations are written with.
const SIGNS: &str = "-/.:,;+()%#_@'\"*=&[]{}|\\!?$~^";
/// Longer runs of one kind are not counted, for the length of a text or an id may tell whose it is.
const RUN: usize = 12;
/// Signs of a shape at most.
const LONG: usize = 40;
/// Letters and digits of a value that are looked at: no shape needs more.
const LOOKED_AT: usize = 400;

/// The shape of a text.
pub(crate) fn of_text(text: &str) -> String {
    if text.is_empty() {
        return "<empty>".into();
    }
    let mut shape = String::new();
    let mut signs = 0;
    let mut chars = text.chars().take(LOOKED_AT).map(sign).peekable();
    while let Some(first) = chars.next() {
        let mut run = 1;
        while chars.next_if_eq(&first).is_some() {
            run += 1;
        }
        let (shown, is_cut) = if run > RUN { (1, true) } else { (run, false) };
        for _ in 0..shown {
            if signs >= LONG {
                shape.push('…');
                return shape;
            }
            signs += 1;
            match first {
                Sign::Shown(sign) => shape.push(sign),
                Sign::Named(sign) => shape.push_str(&format!("<U+{:04X}>", u32::from(sign))),
            }
        }
        if is_cut {
            shape.push('…');
        }
    }
    shape
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Shown(char),
    Named(char),
}

fn sign(c: char) -> Sign {
    match c {
        ' ' => Sign::Shown(' '),
        _ if c.is_numeric() => Sign::Shown('9'),
        _ if c.is_alphabetic() => Sign::Shown('a'),
        _ if SIGNS.contains(c) => Sign::Shown(c),
        _ if super::cast::hidden(c) => Sign::Named(c),
        _ => Sign::Shown('?'),
    }
}

/// The shape of a cell, of whatever type its source gave it.
pub(crate) fn of_cell(cell: Cell<'_>) -> String {
    match cell {
        Cell::Missing => "<nothing>".into(),
        Cell::Null => "<null>".into(),
        Cell::Text(raw) => of_text(&String::from_utf8_lossy(raw)),
        Cell::Int(value) => of_text(&value.to_string()),
        Cell::UInt(value) => of_text(&value.to_string()),
        Cell::Big(value) => of_text(&value.to_string()),
        Cell::Double(value) => of_text(&value.to_string()),
        Cell::Past => "<number past every type>".into(),
        Cell::Bool(_) => "<true or false>".into(),
        Cell::Date(_) => "<date>".into(),
        Cell::Instant(_) => "<instant>".into(),
        Cell::Local(_) => "<local time>".into(),
        Cell::Nested => "<list or object>".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_shows_how_a_value_is_written_and_nothing_of_it() {
        for (text, shape) in [
            ("10.2.2026 14:30", "99.9.9999 99:99"),
            ("1/22/2026 3:05\u{202f}PM", "9/99/9999 9:99<U+202F>aa"),
            ("2026-02-10T14:30:00Z", "9999-99-99a99:99:99a"),
            ("12. März 2026", "99. aaaa 9999"),
            ("１２月", "99a"),
            ("a\tb\u{200b}\u{feff}", "a<U+0009>a<U+200B><U+FEFF>"),
            ("a\u{ff04}<b>", "a??a?"),
            ("", "<empty>"),
            ("1234567890123", "9…"),
            ("123456789012", "999999999999"),
            ("-12345678901234567890 x", "-9… a"),
            ("=================", "=…"),
        ] {
            assert_eq!(of_text(text), shape, "{text}");
        }
        let prose = "the quick brown fox jumps over the lazy dog and on";
        assert_eq!(of_text(prose), "aaa aaaaa aaaaa aaa aaaaa aaaa aaa aaaa …");
    }

    #[test]
    fn no_letter_or_digit_of_any_text_stands_in_its_shape() {
        for point in (0..0x3_0000).filter_map(char::from_u32) {
            let shape = of_text(&point.to_string());
            let is_safe = |c: char| !c.is_alphanumeric() || "9a".contains(c);
            assert!(shape.starts_with("<U+") || shape.chars().all(is_safe), "{point:?}: {shape}");
        }
    }
}
