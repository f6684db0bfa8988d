//! Ages, as people write and read them.

use chrono::TimeDelta;

use super::terminal;

/// A span of time in its two largest units.
pub fn ago(seconds: i64) -> String {
    let minutes = seconds / 60;
    let unit = |number: i64, one: &str| terminal::count(number.unsigned_abs(), one, &format!("{one}s"));
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => "less than a minute".to_owned(),
        (0, 0, minutes) => unit(minutes, "minute"),
        (0, hours, 0) => unit(hours, "hour"),
        (0, hours, minutes) => format!("{} {}", unit(hours, "hour"), unit(minutes, "minute")),
        (days, 0, _) => unit(days, "day"),
        (days, hours, _) => format!("{} {}", unit(days, "day"), unit(hours, "hour")),
    }
}

/// `36h`, `2d`, `90m`, `1d12h`.
///
/// # Errors
/// The text is none of these, or no time at all.
pub fn age(text: &str) -> std::result::Result<TimeDelta, String> {
    let wrong = || format!("`{text}` is no age; write it like 36h, 2d, 90m or 1d12h");
    let mut seconds = 0_i64;
    let mut rest = text.trim();
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = rest.split_at(digits);
        let number: i64 = number.parse().map_err(|_| wrong())?;
        let length = unit.chars().next().map_or(0, char::len_utf8);
        let scale = match &unit[..length] {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            "w" => 604_800,
            _ => return Err(wrong()),
        };
        seconds = number.checked_mul(scale).and_then(|part| seconds.checked_add(part)).ok_or_else(wrong)?;
        rest = &unit[length..];
    }
    let delta = TimeDelta::try_seconds(seconds).filter(|delta| *delta > TimeDelta::zero());
    delta.ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_read_and_told_as_people_write_it() {
        let read = |text: &str| age(text).map(|age| age.num_minutes()).ok();
        assert_eq!(["36h", "2d", "90m", "1d12h"].map(read), [Some(2_160), Some(2_880), Some(90), Some(2_160)]);
        assert_eq!(["", "0h", "36", "h", "2 d", "-1h", "1y", "99999999999999999999d", "9é"].map(read), [None; 9]);
        let told = [59, 60, 5_400, 86_400, 129_600, 90_061].map(ago);
        assert_eq!(
            told,
            ["less than a minute", "1 minute", "1 hour 30 minutes", "1 day", "1 day 12 hours", "1 day 1 hour"]
        );
    }
}
