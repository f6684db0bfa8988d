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

const fn of(code: &'static str, kind: &'static str, severity: Severity, sentence: &'static str) -> Finding {
    Finding { code, kind, severity, sentence }
}

/// Every finding, by kind.
pub const FINDINGS: &[Finding] = &[
    of("unknown_values", "unknown_value", Note, "values stand in no value map of the feed and took its default"),
    of("unknown_column", "unknown_column", Note, "the feed neither maps nor ignores this column"),
    // Cells that were emptied so that the record could be kept; the code is that of the reason.
    of("value_dropped", "value_dropped", Warn, "values could not be read and were left out; their records are kept"),
    of(
        "header_absent",
        "header_absent",
        Warn,
        "a column that the feed maps is not in the export; what was known stays",
    ),
    of("header_twice", "header", Warn, "two columns carry this name, and the feed maps neither"),
    of("header_empty", "header", Warn, "columns without a name were not read"),
    of("filtered", "filtered", Note, "records were left out by the feed's `where`"),
    of("midnight_days", "time", Note, "instants at midnight in a column of days were read as those days"),
    of(
        "only_midnights",
        "time",
        Warn,
        "all instants of the column are midnights: where days are meant, put the clock into the format, date = \"%Y-%m-%d 00:00:00\"",
    ),
    of("date_order", "time", Warn, "the order of day and month is another than the feed declares"),
    of(
        "stored_for_timestamp",
        "time",
        Note,
        "statements without a timestamp took the instant at which they were stored",
    ),
    of("old_events", "time", Note, "events lie more than five years before their delivery; they open no report period"),
    of("score_above_one", "range", Note, "scores lie above 1 and were kept"),
    of("completed_without_date", "contradiction", Warn, "rows are completed and say not when: they count in no period"),
    of("completed_before_hire", "contradiction", Warn, "completions lie more than a year before the person was hired"),
    of("before_the_world", "contradiction", Warn, "dates lie before 1990"),
    of("progress_without_start", "contradiction", Note, "rows are assigned and wholly done at once"),
    of(
        "status_contradicts_dates",
        "contradiction",
        Warn,
        "the row's status says one thing and its dates another; the dates hold",
    ),
    of(
        "terminated_without_date",
        "contradiction",
        Warn,
        "rows say terminated and not when: their people count as gone for as long as the row holds, and never before",
    ),
    of("order_without_value", "workers", Warn, "rows that win their day by `order_by` carry no day"),
    of(
        "one_day_gaps",
        "workers",
        Warn,
        "most changes leave a gap or an overlap of exactly one day: set `inclusive` for the end column",
    ),
    of(
        "several_rows",
        "workers",
        Warn,
        "keys have several different rows in one full snapshot: say which one counts with `primary`",
    ),
    of(
        "survivors_only",
        "workers",
        Warn,
        "no row of the snapshot has ever ended although hires go back more than a year: leavers are missing from the past",
    ),
    of("unknown_manager", "hierarchy", Warn, "workers name a manager whom no row knows"),
    of("self_manager", "hierarchy", Warn, "workers are their own manager"),
    of("manager_cycle", "hierarchy", Warn, "workers stand in a circle of managers"),
    of("unknown_org_unit", "hierarchy", Warn, "workers name an org unit that org_units does not know"),
    of(
        "no_account",
        "identity",
        Warn,
        "acts belong to accounts that neither users nor identity_links held on their day",
    ),
    of(
        "ambiguous",
        "identity",
        Warn,
        "several workers share the account's link, employee number or e-mail on that day",
    ),
    of("site", "identity", Warn, "statements come from a site that the feed does not declare; they match nobody"),
    of(
        "acts_on_others",
        "identity",
        Note,
        "records tell what somebody did to somebody else; the pattern of `extract` named here says whose act that is",
    ),
    of("id_scientific", "id", Warn, "ids are written as 1.2E+05: a spreadsheet has lost their digits"),
    of("id_float", "id", Warn, "ids end in .0: a spreadsheet has made numbers of them"),
    of("id_zero_lost", "id", Warn, "ids have lost the leading zeros that the snapshot before had"),
    of("id_non_ascii", "id", Warn, "ids hold letters that look like others"),
    of("blank_lines", "records", Note, "lines are blank"),
    of("no_final_newline", "records", Note, "the file does not end in a line end; its last record may be cut"),
    of("idle", "records", Note, "the delivery holds no records"),
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
