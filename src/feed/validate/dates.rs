//! How a column writes days and instants.

use crate::feed::moment;
use crate::feed::spec::OneOrMany;
use crate::feed::time::{self, Format, Locale};

/// The declared date formats; ISO where none is.
pub(super) fn formats(date: Option<&OneOrMany>, from_day: Option<&str>) -> Result<Vec<Format>, String> {
    let written = date.map_or(&[][..], OneOrMany::list);
    match (date, from_day) {
        (Some(_), _) if written.is_empty() => return Err("`date` is empty".into()),
        (_, Some(_)) if !written.iter().any(|text| text == "days") => {
            return Err("`from_day` needs `date = \"days\"`".into());
        }
        (None, _) => return Ok(vec![Format::Iso]),
        _ => {}
    }
    let format = |text: &String| match (text.as_str(), from_day) {
        ("days", Some(from)) => day("from_day", from).map(Format::DaysSince),
        ("days", None) => Err("`date = \"days\"` needs `from_day`, the day they count from".to_owned()),
        (text, _) => Format::parse(text),
    };
    written.iter().map(format).collect()
}

/// The day of `open_from`; `None` where it is `never`.
pub(super) fn open_from(text: Option<&str>) -> Result<Option<i32>, String> {
    match text {
        None => Ok(Some(moment::OPEN_FROM)),
        Some("never") => Ok(None),
        Some(text) => day("open_from", text).map(Some),
    }
}

pub(super) fn day(key: &str, text: &str) -> Result<i32, String> {
    match time::iso(text.as_bytes()).ok().filter(|stamp| !stamp.timed).map(|stamp| stamp.day()) {
        Some(Ok(day)) => Ok(day),
        _ => Err(format!("`{key}` is a day such as 2026-03-29, and `{text}` is none")),
    }
}

/// What sentinels mean, so that they are known in every spelling: days, and local times to the second.
pub(super) fn sentinel_times(
    sentinels: &[String],
    formats: &[Format],
    locale: Option<&'static Locale>,
) -> (Vec<i32>, Vec<i64>) {
    let (mut days, mut moments) = (Vec::new(), Vec::new());
    for text in sentinels {
        let read = |format: &Format| format.read(text.as_bytes(), locale).ok();
        let Some(stamp) = formats.iter().find_map(read).or_else(|| read(&Format::Iso)) else { continue };
        if stamp.timed {
            moments.push(stamp.local.div_euclid(1_000_000) * 1_000_000);
        } else {
            days.extend(stamp.day());
        }
    }
    (days, moments)
}
