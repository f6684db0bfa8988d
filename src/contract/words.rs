//! Counts, shares and lists as sentences say them, so that every message says them alike.

/// `1 record`, `2 records`, `1,490 cells`: a count with its noun, which is regular.
pub fn count(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// A whole number with a comma between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share as per cent, as precise as it takes to tell it from nothing and from all: `41 %`, `2.5 %`, `0.04 %`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let decimals = match percent.abs() {
        at_least if at_least >= 10.0 => 0,
        at_least if at_least >= 1.0 => 1,
        _ => 2,
    };
    let text = format!("{percent:.decimals$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    match text {
        "100" if share < 1.0 => "more than 99 %".into(),
        "0" if share > 0.0 => "less than 0.01 %".into(),
        _ => format!("{text} %"),
    }
}

/// What share of `all` a part is; nothing is no share of nothing.
pub fn percent_of(part: u64, all: u64) -> String {
    percent(if all == 0 { 0.0 } else { part as f64 / all as f64 })
}

/// `a`, `a and b`, `a, b and c`.
pub fn and(items: &[impl AsRef<str>]) -> String {
    joined(items, "and")
}

/// `a`, `a or b`, `a, b or c`.
pub fn or(items: &[impl AsRef<str>]) -> String {
    joined(items, "or")
}

fn joined(items: &[impl AsRef<str>], word: &str) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match items.split_last() {
        None => String::new(),
        Some((only, [])) => (*only).to_owned(),
        Some((last, before)) => format!("{} {word} {last}", before.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_said_as_per_cent_and_never_as_all_or_nothing_where_it_is_neither() {
        let said = [0.0, 0.02, 0.4123, 0.995, 0.9999, 1.0, 0.005, 0.0004, 0.000_001, 0.1, 1.5].map(percent);
        assert_eq!(
            said,
            [
                "0 %",
                "2 %",
                "41 %",
                "more than 99 %",
                "more than 99 %",
                "100 %",
                "0.5 %",
                "0.04 %",
                "less than 0.01 %",
                "10 %",
                "150 %"
            ]
        );
    }

    #[test]
    fn one_is_singular_and_lists_end_in_a_word() {
        assert_eq!(
            [0, 1, 2, 1490].map(|number| count(number, "record")),
            ["0 records", "1 record", "2 records", "1,490 records"]
        );
        assert_eq!(
            (and(&["a"]), and(&["a", "b"]), or(&["a", "b", "c"])),
            ("a".into(), "a and b".into(), "a, b or c".into())
        );
    }

    #[test]
    fn lists_are_grammatical() {
        assert_eq!([and(&["a"]), and(&["a", "b"]), and(&["a", "b", "c"])], ["a", "a and b", "a, b and c"]);
    }
}
