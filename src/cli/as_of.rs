//! `--as-of`: the instant a run speaks of, as people write it, and within what a calendar of a company can mean.

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;

use crate::error::{Error, Result};

/// The years that a run can speak of: the first one, and the first one no longer.
const YEARS: (i32, i32) = (1990, 2100);

/// What `--as-of` says, or now. A machine whose clock is far out is told from a typing error.
///
/// # Errors
/// It is neither a day nor an instant, or lies before 1990 or after the century.
pub fn as_of(typed: Option<&str>, now: DateTime<Utc>, zone: Tz) -> Result<DateTime<Utc>> {
    let Some(text) = typed else {
        let hint = "set the clock, or say the instant with --as-of";
        return within(now, zone, "the clock of this machine says", &now.to_rfc3339(), hint);
    };
    within(instant(text, zone)?, zone, "--as-of", text, "write it like 2026-03-30 or 2026-03-30T02:00:00Z")
}

fn within(instant: DateTime<Utc>, zone: Tz, what: &str, text: &str, hint: &str) -> Result<DateTime<Utc>> {
    let year = chrono::Datelike::year(&instant.with_timezone(&zone));
    if (YEARS.0..YEARS.1).contains(&year) {
        return Ok(instant);
    }
    let range = format!("a run speaks of a day from {}-01-01 up to {}-12-31", YEARS.0, YEARS.1 - 1);
    Err(Error::usage(format!("{what} {text}: {range}")).hint(hint))
}

/// An instant, or a day as its first moment in a zone.
pub fn instant(text: &str, zone: Tz) -> Result<DateTime<Utc>> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(instant.with_timezone(&Utc));
    }
    let day: NaiveDate = text.parse().map_err(|_| {
        Error::usage(format!("`{text}` is neither a day nor an instant"))
            .hint("write 2026-03-30 or 2026-03-30T02:00:00Z")
    })?;
    let micros = crate::period::day_start_micros(crate::period::day_of(day), zone);
    Ok(DateTime::from_timestamp_micros(micros).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_before_1990_or_after_the_century_is_refused_with_the_value_and_the_range() {
        let now: DateTime<Utc> = "2026-03-30T02:00:00Z".parse().unwrap();
        let in_zone = |text: &str, zone: Tz| {
            as_of(Some(text), now, zone).map(|at| at.to_rfc3339()).map_err(|error| error.to_string())
        };
        let read = |text: &str| in_zone(text, Tz::UTC);
        assert_eq!(in_zone("1990-01-01", Tz::Europe__Berlin).as_deref(), Ok("1989-12-31T23:00:00+00:00"));
        assert!(in_zone("2100-01-01", Tz::Europe__Berlin).is_err(), "a day is one of the job's zone");
        assert_eq!(read("1990-01-01").as_deref(), Ok("1990-01-01T00:00:00+00:00"));
        assert_eq!(read("2099-12-31T23:59:59Z").as_deref(), Ok("2099-12-31T23:59:59+00:00"));
        for text in ["1989-12-31", "2100-01-01", "9999-01-01", "0026-03-30", "+12026-03-30"] {
            let refused = read(text).unwrap_err();
            assert!(refused.contains(text) && refused.contains("1990-01-01 up to 2099-12-31"), "{refused}");
        }
        assert!(read("30.3.2026").unwrap_err().contains("neither a day nor an instant"));
        let reset: DateTime<Utc> = "1970-01-01T00:00:07Z".parse().unwrap();
        assert!(as_of(None, reset, Tz::UTC).unwrap_err().message.contains("clock of this machine says 1970-01-01"));
    }
}
