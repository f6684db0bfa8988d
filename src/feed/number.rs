//! Numbers as exports write them: a decimal sign, perhaps a sign between thousands, and nothing that has to be guessed.

use std::borrow::Cow;

use super::reject::Reason;

/// How a column writes its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Style {
    /// `1234,5` instead of `1234.5`.
    pub decimal_comma: bool,
    /// The sign between groups of three digits; a space stands for every kind of space.
    pub thousands: Option<char>,
}

impl Style {
    /// The number with a point for its decimal sign and nothing between its digits.
    fn plain(self, text: &str) -> Result<Cow<'_, str>, Reason> {
        let mark = if self.decimal_comma { ',' } else { '.' };
        let strange = if self.decimal_comma { '.' } else { ',' };
        let (whole, rest) = match text.find([mark, 'e', 'E']) {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        if rest.contains(strange) {
            return Err(Reason::TypeMismatch);
        }
        let whole = match self.thousands {
            Some(between) => ungrouped(whole, between)?,
            None => Cow::Borrowed(whole),
        };
        if whole.contains(strange) {
            return Err(Reason::TypeMismatch);
        }
        Ok(match (whole, self.decimal_comma) {
            (Cow::Borrowed(_), false) => Cow::Borrowed(text),
            (whole, false) => Cow::Owned(format!("{whole}{rest}")),
            (whole, true) => Cow::Owned(format!("{whole}{}", rest.replacen(',', ".", 1))),
        })
    }

    /// A number with a fraction.
    ///
    /// # Errors
    /// No number, not a finite one, or one past the type.
    pub fn double(self, text: &str) -> Result<f64, Reason> {
        if is_not_finite(text) {
            return Err(Reason::Nonfinite);
        }
        let value: f64 = self.plain(text)?.parse().map_err(|_| Reason::TypeMismatch)?;
        if value.is_finite() { Ok(value) } else { Err(Reason::OutOfRange) }
    }

    /// A whole number: `180`, `-5`, `180.0`; `180.4` is rounded half to even, unless only whole ones will do. Never `1e3`: an export
    /// that rounds its digits away is not exact.
    ///
    /// # Errors
    /// As for [`Style::double`].
    pub fn int(self, text: &str, whole_only: bool) -> Result<i64, Reason> {
        if is_not_finite(text) {
            return Err(Reason::Nonfinite);
        }
        let plain = self.plain(text)?;
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let (negative, digits) = match whole.as_bytes() {
            [b'-', ..] => (true, &whole[1..]),
            [b'+', ..] => (false, &whole[1..]),
            _ => (false, whole),
        };
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if digits.is_empty() || !are_digits(digits) || !are_digits(fraction) {
            return Err(Reason::TypeMismatch);
        }
        let is_whole = fraction.bytes().all(|byte| byte == b'0');
        if whole_only && !is_whole {
            return Err(Reason::TypeMismatch);
        }
        let signed = if negative { format!("-{digits}").parse() } else { digits.parse() };
        let value: i64 = signed.map_err(|_| Reason::OutOfRange)?;
        if is_whole || !rounds_up(fraction, value % 2 != 0) {
            return Ok(value);
        }
        let away = if negative { value.checked_sub(1) } else { value.checked_add(1) };
        away.ok_or(Reason::OutOfRange)
    }
}

/// Whether digits behind the point lead away from zero: more than half, or half of what stands behind an odd digit.
fn rounds_up(fraction: &str, is_odd: bool) -> bool {
    let half = fraction.bytes().next().map_or(std::cmp::Ordering::Less, |first| first.cmp(&b'5'));
    half.then_with(|| {
        if fraction.bytes().skip(1).any(|byte| byte != b'0') {
            std::cmp::Ordering::Greater
        } else {
            std::cmp::Ordering::Equal
        }
    })
    .then_with(|| if is_odd { std::cmp::Ordering::Greater } else { std::cmp::Ordering::Less })
    .is_gt()
}

/// The digits of a number without what stands between its thousands. Groups must be whole: `12,34` is no number.
fn ungrouped(text: &str, between: char) -> Result<Cow<'_, str>, Reason> {
    let is_between =
        |c: char| c == between || (between == ' ' && c.is_whitespace()) || (between == '\'' && c == '\u{2019}');
    if !text.contains(is_between) {
        return Ok(Cow::Borrowed(text));
    }
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (&text[..1], rest),
        None => ("", text),
    };
    let mut groups = digits.split(is_between);
    let first = groups.next().unwrap_or_default();
    let are_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    if !(1..=3).contains(&first.len()) || !are_digits(first) {
        return Err(Reason::TypeMismatch);
    }
    let mut out = format!("{sign}{first}");
    for group in groups {
        if group.len() != 3 || !are_digits(group) {
            return Err(Reason::TypeMismatch);
        }
        out.push_str(group);
    }
    Ok(Cow::Owned(out))
}

fn is_not_finite(text: &str) -> bool {
    let bare = text.trim_start_matches(['-', '+']);
    ["nan", "inf", "infinity", "1.#inf", "1.#qnan"].iter().any(|word| bare.eq_ignore_ascii_case(word))
}

/// A number of a typed source, or one that was reckoned, as a whole one.
///
/// # Errors
/// It is not finite, not whole where it must be, or past what a double still tells apart.
pub(crate) fn rounded(value: f64, whole_only: bool) -> Result<i64, Reason> {
    if value.is_nan() {
        return Err(Reason::Nonfinite);
    }
    if whole_only && value.is_finite() && value.fract() != 0.0 {
        return Err(Reason::TypeMismatch);
    }
    // 2^53: beyond it a double no longer names one integer.
    if value.abs() > 9_007_199_254_740_992.0 { Err(Reason::OutOfRange) } else { Ok(value.round_ties_even() as i64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_rounded_half_to_even_unless_only_whole_ones_will_do() {
        for (text, rounded, exact) in [
            ("180", Ok(180), Ok(180)),
            ("180.0", Ok(180), Ok(180)),
            ("-5", Ok(-5), Ok(-5)),
            ("+5", Ok(5), Ok(5)),
            ("0007", Ok(7), Ok(7)),
            ("600.4", Ok(600), Err(Reason::TypeMismatch)),
            ("600.5", Ok(600), Err(Reason::TypeMismatch)),
            ("601.5", Ok(602), Err(Reason::TypeMismatch)),
            ("600.500001", Ok(601), Err(Reason::TypeMismatch)),
            ("-601.5", Ok(-602), Err(Reason::TypeMismatch)),
            ("-0.5", Ok(0), Err(Reason::TypeMismatch)),
            ("1,234", Err(Reason::TypeMismatch), Err(Reason::TypeMismatch)),
            ("1e3", Err(Reason::TypeMismatch), Err(Reason::TypeMismatch)),
            ("0x10", Err(Reason::TypeMismatch), Err(Reason::TypeMismatch)),
            ("NaN", Err(Reason::Nonfinite), Err(Reason::Nonfinite)),
            ("99999999999999999999", Err(Reason::OutOfRange), Err(Reason::OutOfRange)),
            ("-9223372036854775808", Ok(i64::MIN), Ok(i64::MIN)),
        ] {
            let style = Style::default();
            assert_eq!((style.int(text, false), style.int(text, true)), (rounded, exact), "{text}");
        }
    }

    #[test]
    fn signs_between_thousands_are_read_where_they_are_declared_and_where_they_belong() {
        let comma = Style { decimal_comma: false, thousands: Some(',') };
        assert_eq!(comma.int("1,234,567", false), Ok(1_234_567));
        assert_eq!(comma.int("-1,234.5", false), Ok(-1234));
        assert_eq!(comma.double("12,345.75"), Ok(12_345.75));
        assert_eq!(comma.double("12345.75"), Ok(12_345.75), "also without it");
        for bad in ["12,34", "1234,567", ",123", "1,,234", "1,234,", "1.234,5"] {
            assert_eq!(comma.double(bad), Err(Reason::TypeMismatch), "{bad}");
        }
        let german = Style { decimal_comma: true, thousands: Some('.') };
        assert_eq!(german.double("1.234,5"), Ok(1234.5));
        assert_eq!(german.double("1.5"), Err(Reason::TypeMismatch), "one and a half, or fifteen");
        let spaces = Style { decimal_comma: true, thousands: Some(' ') };
        assert_eq!(spaces.double("1\u{202f}234\u{a0}567,5"), Ok(1_234_567.5));
    }

    #[test]
    fn a_number_past_its_type_is_out_of_range_and_never_infinite() {
        assert_eq!(Style::default().double("1e400"), Err(Reason::OutOfRange));
        assert_eq!(Style::default().double("inf"), Err(Reason::Nonfinite));
        assert_eq!(rounded(1e300, false), Err(Reason::OutOfRange));
        assert_eq!(rounded(2.5, false), Ok(2));
        assert_eq!(rounded(2.5, true), Err(Reason::TypeMismatch));
    }
}
