//! Dates as people write them into a job file.

use chrono::NaiveDate;
use serde::Deserialize;

/// A date, with quotation marks or without.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "toml::Value")]
pub(super) struct DateFile(pub NaiveDate);

impl TryFrom<toml::Value> for DateFile {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<DateFile, String> {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        text.parse().map(DateFile).map_err(|_| format!("{text} is no date like 2026-03-31"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_may_stand_in_quotation_marks_or_not() {
        #[derive(Debug, Deserialize)]
        struct File {
            day: DateFile,
        }
        let read = |text: &str| toml::from_str::<File>(text).map(|file| file.day.0.to_string());
        assert_eq!(read("day = 2026-03-31").unwrap(), "2026-03-31");
        assert_eq!(read("day = \"2026-03-31\"").unwrap(), "2026-03-31");
        assert!(read("day = \"31.3.2026\"").unwrap_err().to_string().contains("31.3.2026 is no date like 2026-03-31"));
    }
}
