//! What a run may notice about its inputs without refusing them: a closed list, so that `data_quality`, the closing lines of a
//! run and the documentation use the same words.

use Severity::{Note, Warn};

/// How much a finding matters; what blocks is a refusal and stands elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Note,
    Warn,
}

impl Severity {
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warn => "warn",
        }
    }
}

/// One kind of thing that can be noticed.
#[derive(Debug, Clone, Copy)]
pub struct Finding {
    /// `reason_code` of `data_quality`.
    pub code: &'static str,
    /// `check_kind` of `data_quality`.
    pub kind: &'static str,
    pub severity: Severity,
    /// Follows a count: "12 records: …".
    pub sentence: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

/// Something noticed, with its place and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// A code of [`FINDINGS`].
    pub code: &'static str,
    /// Empty where it is about a whole table.
    pub feed: String,
    pub table: String,
    /// Empty where it is about whole records.
    pub column: String,
    pub affected: u64,
    pub out_of: Option<u64>,
}

impl Found {
    /// About a whole table.
    pub fn of_table(code: &'static str, table: &str, affected: u64, out_of: Option<u64>) -> Found {
        Found { code, feed: String::new(), table: table.to_owned(), column: String::new(), affected, out_of }
    }
}

/// Looks a code up.
pub fn finding(code: &str) -> Option<&'static Finding> {
    FINDINGS.iter().find(|finding| finding.code == code)
}

const fn of(
    code: &'static str,
    kind: &'static str,
    severity: Severity,
    sentence: &'static str,
    advice: &'static str,
) -> Finding {
    Finding { code, kind, severity, sentence, advice }
}

/// Every finding, by kind.
pub const FINDINGS: &[Finding] = &[
    of(
        "unknown_values",
        "unknown_value",
        Note,
        "values stand in no value map of the feed and took the column's default",
        "add the vendor's words to `values` of the column, or leave them to its `default`",
    ),
    of(
        "unknown_column",
        "unknown_column",
        Note,
        "the feed neither maps nor ignores this column",
        "map it, or list it under `ignore` of the feed",
    ),
    // Cells that were emptied so that the record could be kept; the code is that of the reason.
    of(
        "value_dropped",
        "value_dropped",
        Warn,
        "values could not be read and were left out; their records are kept",
        "`uptake feed try FEED FILE` shows how the values are written and what would read them",
    ),
    of(
        "header_absent",
        "header_absent",
        Warn,
        "a column that the feed maps is not in the export; what was known of it stays",
        "write the header's new name into `from` of the column; if it is gone for good, take the column out of the feed",
    ),
    of(
        "header_twice",
        "header",
        Warn,
        "two columns have this name, and the feed reads neither",
        "nothing, as long as nobody needs them",
    ),
    of("header_empty", "header", Warn, "columns without a name were not read", "nothing, or name them at the source"),
    of("filtered", "filtered", Note, "records were left out by the feed's `where`", "nothing: the feed says so"),
    of(
        "midnight_days",
        "time",
        Note,
        "instants at midnight in a column of days were read as those days",
        "nothing, or deliver days where days are meant",
    ),
    of(
        "only_midnights",
        "time",
        Warn,
        "all instants of the column are midnights, as if days were meant",
        "write the clock into the format, `date = \"%Y-%m-%d 00:00:00\"`, if days are meant",
    ),
    of(
        "date_order",
        "time",
        Warn,
        "the order of day and month is another than the feed declares",
        "write the order that the export uses into `date` of the column",
    ),
    of(
        "stored_for_timestamp",
        "time",
        Note,
        "statements without a timestamp took the instant at which they were stored",
        "ask the sender to give each statement a timestamp",
    ),
    of(
        "old_events",
        "time",
        Note,
        "events lie more than five years before their delivery; they open no report period",
        "nothing, if so old events are meant; else correct their dates at the source",
    ),
    of(
        "score_above_one",
        "range",
        Note,
        "scores lie above 1; they were kept",
        "nothing, if bonus points are meant; `times = 0.01` if they are per cent",
    ),
    of(
        "completed_without_date",
        "contradiction",
        Warn,
        "rows are completed and say not when: they count in no period",
        "deliver the date of completion",
    ),
    of(
        "completed_before_hire",
        "contradiction",
        Warn,
        "completions lie more than a year before the person was hired",
        "look whether the account belongs to another person, or the date is another one",
    ),
    of(
        "before_the_world",
        "contradiction",
        Warn,
        "dates lie before 1990",
        "correct them at the source, or name them in `sentinels` of the feed",
    ),
    of(
        "progress_without_start",
        "contradiction",
        Note,
        "rows are assigned and wholly done at once",
        "nothing, or correct the status at the source",
    ),
    of(
        "status_contradicts_dates",
        "contradiction",
        Warn,
        "the row's status says one thing and its dates another; the dates hold",
        "correct the status at the source",
    ),
    of(
        "terminated_without_date",
        "contradiction",
        Warn,
        "rows say terminated and not when: their people count as gone for as long as the row holds, and never before",
        "deliver the termination date",
    ),
    of(
        "order_without_value",
        "workers",
        Warn,
        "rows that win their day by `order_by` carry no day",
        "fill the column that `order_by` names",
    ),
    of(
        "one_day_gaps",
        "workers",
        Warn,
        "most changes leave a gap or an overlap of exactly one day, as if ends were last days",
        "set `inclusive = true` for the end column if it holds the last day of each row",
    ),
    of(
        "several_rows",
        "workers",
        Warn,
        "keys have several different rows in one full snapshot, and nothing says which one counts",
        "say in `primary` or `order_by` of the feed which of them counts",
    ),
    of(
        "survivors_only",
        "workers",
        Warn,
        "no row of the snapshot has ever ended although hires go back more than a year: leavers are missing from the past",
        "ask HRIS for an export that also lists who has left",
    ),
    of(
        "unknown_worker",
        "workers",
        Warn,
        "rows of an export that completes another one tell of workers whom that one does not know; they are nobody's",
        "deliver these people in the export that says who is employed, and spell ids in both alike",
    ),
    of(
        "unknown_manager",
        "hierarchy",
        Warn,
        "workers name a manager whom no row knows",
        "deliver the managers' own rows",
    ),
    of(
        "self_manager",
        "hierarchy",
        Warn,
        "workers are their own manager",
        "correct them at the source; they count as people without a manager",
    ),
    of(
        "manager_cycle",
        "hierarchy",
        Warn,
        "workers stand in a circle of managers",
        "correct them at the source; the circle is cut at the smallest id",
    ),
    of(
        "unknown_org_unit",
        "hierarchy",
        Warn,
        "workers name an org unit that org_units does not know",
        "deliver the units in org_units",
    ),
    of(
        "no_account",
        "identity",
        Warn,
        "acts belong to accounts that neither users nor identity_links held on their day",
        "deliver users that hold these accounts",
    ),
    of(
        "ambiguous",
        "identity",
        Warn,
        "accounts fit several workers by link, employee number or e-mail on that day, so they match nobody",
        "link the accounts in identity_links, or make employee numbers and addresses unique",
    ),
    of(
        "site",
        "identity",
        Warn,
        "statements come from a site that the feed does not declare; they match nobody",
        "declare the site in the feed with `[[sites]]`",
    ),
    of(
        "acts_on_others",
        "identity",
        Note,
        "records tell what somebody did to somebody else; the pattern of `extract` named here says whose act that is",
        "nothing: the pattern says whose act it is",
    ),
    of(
        "id_scientific",
        "id",
        Warn,
        "ids are written as 1.2E+05: a spreadsheet has lost their digits",
        "export the column as text",
    ),
    of("id_float", "id", Warn, "ids end in .0: a spreadsheet has made numbers of them", "export the column as text"),
    of(
        "id_zero_lost",
        "id",
        Warn,
        "ids have lost the leading zeros that the snapshot before had",
        "export the column as text; a spreadsheet drops zeros in front",
    ),
    of(
        "id_non_ascii",
        "id",
        Warn,
        "ids hold letters that look like others",
        "look whether two ids differ only in such letters, and correct them at the source",
    ),
    of("blank_lines", "records", Note, "lines are blank", "nothing"),
    of(
        "no_final_newline",
        "records",
        Note,
        "the file does not end with a line end; its last record may be cut",
        "look whether the file was cut; `[control]` of the feed can bind its number of records",
    ),
    of("idle", "records", Note, "the delivery holds no records", "nothing: an hour in which nothing happened"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_once() {
        for (at, finding) in FINDINGS.iter().enumerate() {
            assert!(FINDINGS[..at].iter().all(|other| other.code != finding.code), "{}", finding.code);
        }
    }
}
