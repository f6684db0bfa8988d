//! Keys of a column that would do nothing where they stand. A feed that says something without effect says something that its
//! writer believes in, so it is refused.

use super::spec::{ColumnFile, FeedFile, ValuesFile};
use crate::contract::{Column, Type};

/// Where a key has an effect.
struct Key {
    name: &'static str,
    is_written: bool,
    has_effect: bool,
    /// Completes "…: has no effect: it is for".
    of: &'static str,
}

/// Refuses keys without effect.
///
/// # Errors
/// Names the key, and what it is for.
pub(super) fn check(column: &Column, written: &ColumnFile, file: &FeedFile) -> Result<(), String> {
    let is_text = column.data_type == Type::Text && !column.transient;
    let is_number = matches!(column.data_type, Type::Int | Type::Double);
    let is_time = matches!(column.data_type, Type::Date | Type::Timestamp);
    let is_combined = matches!(written.values, Some(ValuesFile::Rows(_)));
    let is_constant = written.value.is_some();
    let froms = written.from.as_ref().map_or(0, |from| from.list().len());
    let is_patterned = written.from_pattern.is_some();
    // A value of the path is always there.
    let may_lack = is_patterned
        || written.from.as_ref().is_some_and(|from| from.list().iter().all(|name| !name.starts_with("path:")));
    let is_read = froms > 0 || is_patterned;
    let has_map = matches!(written.values, Some(ValuesFile::Map(_)));
    let reads_duration = matches!(written.reading.as_deref(), Some("iso_duration" | "clock"));
    let is_plain_number = is_number && !reads_duration && !is_combined && !is_constant;
    let names_months =
        written.date.iter().flat_map(|date| date.list()).any(|text| text.contains("%b") || text.contains("%B"));
    let keys = [
        key("optional", written.optional, is_read && may_lack, "what an export may lack"),
        key("date", written.date.is_some(), is_time && !is_combined, "dates and times"),
        key("zone", written.zone.is_some(), is_time && !is_combined, "dates and times"),
        key("zone_from", written.zone_from.is_some(), is_time && is_read, "dates and times that are read"),
        key("locale", written.locale.is_some(), is_time && names_months, "dates with names of months, %b or %B"),
        key("sentinels", !written.sentinels.is_empty(), is_time && is_read, "dates and times that are read"),
        key("nulls", written.nulls.is_some(), is_read, "what is read from the export"),
        key("values", written.values.is_some(), is_read && !column.transient, "words that are read from the export"),
        key(
            "default",
            written.default.is_some(),
            is_read && !is_time && !column.transient,
            "words that are read from the export",
        ),
        key(
            "case",
            written.case.is_some() || written.fold_case,
            is_read && (has_map || is_combined || (is_text && !column.values.is_empty())),
            "vocabularies: `values`, or a column with a closed list",
        ),
        key(
            "extract",
            written.extract.is_some(),
            (is_text || is_number) && is_read && !is_combined,
            "text and numbers that are read from the export",
        ),
        key(
            "as",
            written.reading.is_some(),
            is_read && !is_combined && !column.transient,
            "what is read from the export",
        ),
        key(
            "join",
            written.join.is_some(),
            is_text && froms > 1 && !is_combined,
            "text from several columns of `from`",
        ),
        key(
            "prefix",
            written.prefix.is_some(),
            is_text && is_read && !is_combined && !has_map && column.values.is_empty(),
            "ids and texts that are read from the export, and have no `values`",
        ),
        key(
            "times",
            written.times.is_some(),
            is_number && !is_combined && !is_constant,
            "numbers that are read from the export",
        ),
        key(
            "divide_by",
            written.divide_by.is_some(),
            is_plain_number,
            "numbers that are read from the export, and no durations",
        ),
        key(
            "whole",
            written.whole,
            column.data_type == Type::Int && !is_combined && !is_constant,
            "whole numbers that are read from the export",
        ),
        key(
            "decimal_comma",
            written.decimal_comma.is_some(),
            is_plain_number,
            "numbers that are read from the export, and no durations",
        ),
        key(
            "thousands",
            written.thousands.is_some(),
            is_plain_number,
            "numbers that are read from the export, and no durations",
        ),
        key("min", written.min.is_some(), is_number && !is_constant, "numbers that are read from the export"),
        key("max", written.max.is_some(), is_number && !is_constant, "numbers that are read from the export"),
    ];
    if let Some(idle) = keys.iter().find(|key| key.is_written && !key.has_effect) {
        return Err(format!("`{}` has no effect here: it is for {}", idle.name, idle.of));
    }
    if !is_read && !is_constant && keys.iter().any(|key| key.is_written) {
        return Err("has neither `from` nor `value`, so nothing is read".into());
    }
    if let Some(ValuesFile::Map(map)) = &written.values
        && is_time
        && map.values().any(|meaning| !meaning.is_empty())
    {
        return Err("`values` of a date can only say which words are no date: `\"never\" = \"\"`".into());
    }
    if is_patterned && file.format.list().iter().any(|format| matches!(format.as_str(), "ndjson" | "json_array")) {
        return Err("`from_pattern` has no effect in JSON, which has no header: name the paths in `from`".into());
    }
    Ok(())
}

fn key(name: &'static str, is_written: bool, has_effect: bool, of: &'static str) -> Key {
    Key { name, is_written, has_effect, of }
}

#[cfg(test)]
mod tests {
    use crate::contract::Catalog;
    use crate::feed::Feed;

    /// What is said of a column of `enrollments` (or another) as written.
    fn said(table: &str, column: &str) -> String {
        let required = match table {
            "enrollments" => "user_id = \"u\"\ncontent_id = \"c\"\nstatus = \"s\"\n",
            "contributions" => "contribution_id = \"i\"\nauthor_id = \"a\"\nkind = \"k\"\ncreated_at = \"c\"\n",
            _ => "",
        };
        let name = column.split(' ').next().unwrap_or_default();
        let required: String =
            required.lines().filter(|line| !line.starts_with(name)).map(|line| format!("{line}\n")).collect();
        let text = format!(
            "description = \"\"\nfills = \"{table}\"\npath = \"a\"\nformat = \"csv\"\n[[headers]]\n{required}{column}"
        );
        match Feed::parse("f", &text, &Catalog::load().expect("contracts")) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_key_is_refused_where_it_does_nothing_and_named() {
        for (column, key) in [
            ("user_id = { from = \"u\", times = 60 }", "times"),
            ("user_id = { from = \"u\", min = 0 }", "min"),
            ("user_id = { from = \"u\", max = 1 }", "max"),
            ("user_id = { from = \"u\", date = \"iso\" }", "date"),
            ("user_id = { from = \"u\", zone = \"UTC\" }", "zone"),
            ("user_id = { from = \"u\", sentinels = [\"x\"] }", "sentinels"),
            ("user_id = { from = \"u\", decimal_comma = true }", "decimal_comma"),
            ("user_id = { from = \"u\", thousands = \",\" }", "thousands"),
            ("user_id = { from = \"u\", divide_by = \"x\" }", "divide_by"),
            ("user_id = { from = \"u\", whole = true }", "whole"),
            ("user_id = { from = \"u\", case = \"insensitive\" }", "case"),
            ("user_id = { from = \"u\", join = \"-\" }", "join"),
            ("due_at = { from = \"d\", extract = \"at {}\" }", "extract"),
            ("due_at = { from = \"d\", locale = \"de\" }", "locale"),
            ("due_at = { from = \"d\", locale = \"de\", date = \"%d.%m.%Y\" }", "locale"),
            ("due_at = { from = \"d\", values = { \"x\" = \"2026-01-01\" } }", "values"),
            ("due_at = { from = \"d\", default = \"2026-01-01\" }", "default"),
            ("due_at = { from = \"d\", times = 2 }", "times"),
            ("progress = { from = \"p\", whole = true }", "whole"),
            ("required = { from = \"r\", extract = \"{}\" }", "extract"),
            ("time_spent_seconds = { from = \"p\", as = \"clock\", thousands = \",\" }", "thousands"),
            ("time_spent_seconds = { from = \"p\", as = \"clock\", decimal_comma = true }", "decimal_comma"),
            ("status = { value = \"assigned\", optional = true }", "optional"),
            ("status = { value = \"assigned\", values = { \"a\" = \"completed\" } }", "values"),
            ("status = { value = \"assigned\", nulls = [\"x\"] }", "nulls"),
            (
                "status = { from = [\"a\", \"b\"], values = [[\"x\", \"*\", \"assigned\"]], extract = \"{}\" }",
                "extract",
            ),
            ("content_id = { from = \"u\", optional = true, as = \"clock\" }", "as"),
            ("progress = { times = 0.01 }", "neither `from` nor `value`"),
            ("due_at = { date = \"iso\" }", "neither `from` nor `value`"),
        ] {
            let said = said("enrollments", column);
            assert!(said.contains(key), "{column}: {said:?}");
        }
        assert!(said("contributions", "body = { from = \"b\", extract = \"{}\" }").contains("extract"));
    }

    #[test]
    fn keys_that_do_something_are_taken() {
        for column in [
            "due_at = { from = \"d\", locale = \"de\", date = [\"iso\", \"%d. %B %Y\"], zone = \"UTC\", sentinels = [\"x\"] }",
            "due_at = { from = \"d\", values = { \"never\" = \"\" } }",
            "progress = { from = \"p\", times = 0.01, decimal_comma = true, thousands = \".\", min = 0, max = 1 }",
            "score = { from = \"p\", divide_by = \"m\", optional = true }",
            "progress = { from = \"p\", extract = \"{}%\", times = 0.01 }",
            "time_spent_seconds = { from = \"p\", as = \"clock\", times = 2, whole = true, max = 9 }",
            "status = { from = \"s\", case = \"insensitive\" }",
            "status = { from = [\"a\", \"b\"], values = [[\"x\", \"*\", \"assigned\"]], case = \"insensitive\", nulls = [\"-\"] }",
            "content_id = { from = [\"a\", \"b\"], join = \"-\", extract = \"{}\" }",
            "required = { from = \"r\", values = { \"yes\" = \"true\" }, default = \"false\" }",
            "assigned_at = { value = \"2026-01-01\", date = \"%Y-%m-%d\", zone = \"UTC\" }",
        ] {
            assert_eq!(said("enrollments", column), "", "{column}");
        }
    }
}
