//! A feed file as written (TOML). Unknown keys are errors; nothing here is decided yet, see [`super::feed`].

use serde::Deserialize;
use std::collections::BTreeMap;

use super::limits::Verdict;

/// One value or several.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub fn list(&self) -> &[String] {
        match self {
            OneOrMany::One(text) => std::slice::from_ref(text),
            OneOrMany::Many(list) => list,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FeedFile {
    pub description: String,
    /// Whose export it is, for the list of feeds.
    pub vendor: Option<String>,
    /// What of the export's ways it takes care of, in a line, for the list of feeds.
    pub handles: Option<String>,
    /// The canon table it fills.
    pub fills: String,
    /// Object patterns, see `pattern.rs`.
    pub path: OneOrMany,
    /// csv, ndjson, json_array, parquet, xlsx; a list is decided by the file's suffix (json arrays by their first byte).
    pub format: OneOrMany,
    /// append (default), delta or full.
    pub mode: Option<String>,
    /// daily (default) or instant, of full snapshots: whether two of one day contradict each other.
    pub snapshots: Option<String>,
    /// Feeds that read the same objects; each names the others.
    #[serde(default)]
    pub shares: Vec<String>,
    /// The object for which the others of its folder wait: `_SUCCESS`.
    pub marker: Option<String>,
    /// Only `xapi`: records are xAPI statements.
    pub dialect: Option<String>,
    /// Zone of local times, an IANA name.
    pub zone: Option<String>,
    /// utf-8 (default), utf-16, windows-1252.
    pub encoding: Option<String>,
    /// Language of month names: en, de, es, fr, it, nl, pt, pl.
    pub locale: Option<String>,
    #[serde(default)]
    pub decimal_comma: bool,
    /// The sign between thousands: `,` in 1,234.5.
    pub thousands: Option<String>,
    /// Rows without the person are counts of unnamed people: `reactions` without an actor, how many in `value`.
    #[serde(default)]
    pub anonymous: bool,
    /// Texts that mean "no value", besides the empty one.
    #[serde(default)]
    pub nulls: Vec<String>,
    /// Dates and times that mean "no value": 9999-12-31.
    #[serde(default)]
    pub sentinels: Vec<String>,
    /// From this day on a date is the open end, or `never`; default 2999-01-01.
    pub open_from: Option<String>,
    /// clear (default) or keep: what an empty value says about the value known before.
    pub nulls_mean: Option<String>,
    /// warn (default) or refuse.
    pub unknown_columns: Option<String>,
    /// Two different records of one key in one delivery are both refused.
    #[serde(default)]
    pub unique_key: bool,
    /// Was needed where a correction may change the day a row belongs to; every correction may, and the key is refused by name.
    pub corrections_move_days: Option<bool>,
    /// What an event's duration has to do with its instant: `to` it (default) or `from` it on.
    pub duration: Option<String>,
    /// INT96 instants in Parquet are UTC (Spark) and not local time (Hive).
    #[serde(default)]
    pub int96_is_utc: bool,
    /// Columns dropped unread, in every header block; `x_*` and `*` are allowed.
    #[serde(default)]
    pub ignore: Vec<String>,
    /// Records that count; all of the conditions hold. The others are left out before anything is judged.
    #[serde(rename = "where")]
    pub filters: Option<Vec<FilterFile>>,
    /// Records that say their key never was.
    pub annul: Option<ChoiceFile>,
    /// Of several records about the same thing at the same time, the ones that count.
    pub primary: Option<ChoiceFile>,
    /// The source's column whose greatest (or least) value holds among several records of one key.
    pub order_by: Option<OrderFile>,
    /// The first row of a worker holds from its hire date on; `false`: from its own first day.
    pub reach_back: Option<bool>,
    /// The feed whose rows this one completes: another export of the same source that tells of the same workers.
    pub completes: Option<String>,
    /// What termination_date is: last_day (default) of the employment, or first_day_gone.
    pub termination: Option<String>,
    #[serde(default)]
    pub csv: CsvFile,
    #[serde(default)]
    pub json: JsonFile,
    pub xlsx: Option<SheetFile>,
    pub action: Option<ActionFile>,
    pub control: Option<ControlFile>,
    /// Sites whose statements are accepted, each with what stands before its accounts' names in `users`.
    #[serde(default)]
    pub sites: Vec<SiteFile>,
    #[serde(default)]
    pub limits: LimitsFile,
    #[serde(default)]
    pub gates: GatesFile,
    #[serde(default)]
    pub rules: Vec<RuleFile>,
    /// Mappings: canon column -> [`ColumnFile`] or a header name; plus `since` and `ignore`. None: the canon's own names.
    #[serde(default)]
    pub headers: Vec<toml::Table>,
}

/// One condition of `where`: one of `in`, `not_in`, `like` and `empty`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FilterFile {
    /// A column of the source, mapped or not; of several names the first that is there.
    pub column: OneOrMany,
    #[serde(rename = "in")]
    pub within: Option<Vec<String>>,
    pub not_in: Option<Vec<String>>,
    /// Texts in which `*` is anything.
    pub like: Option<Vec<String>>,
    pub empty: Option<bool>,
    /// The export may lack the column: then the condition asks for nothing.
    #[serde(default)]
    pub optional: bool,
}

/// The column whose value settles which record of a key holds, and whether the greatest or the least one does.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "order_by is a column, or { column = \"…\", holds = \"least\" }")]
pub(super) enum OrderFile {
    Column(String),
    Rule(OrderRule),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrderRule {
    pub column: String,
    /// greatest (default) or least.
    pub holds: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChoiceFile {
    /// A column of the source, mapped or not.
    pub column: String,
    pub values: Vec<String>,
    /// The export may lack the column: then no record is meant.
    #[serde(default)]
    pub optional: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CsvFile {
    pub delimiter: Option<String>,
    /// Empty: fields are never quoted.
    pub quote: Option<String>,
    /// What takes the next character as it stands: `\` in dialects that write `\"`, `\,` and `\N`.
    pub escape: Option<String>,
    /// What ends a record instead of a line end, e.g. `!##!`.
    pub terminator: Option<String>,
    /// 1-based line of the header, the lines above are skipped; or `found`: the first line that has the columns of a header block.
    pub header_row: Option<HeaderRowFile>,
    /// Records at the end that are no data.
    #[serde(default)]
    pub footer_rows: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "header_row is a line, counted from 1, or \"found\"")]
pub(super) enum HeaderRowFile {
    Line(usize),
    Word(String),
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SheetFile {
    /// Name of the sheet; the first that is not hidden.
    pub sheet: Option<String>,
    /// 1-based row of the header, as the spreadsheet numbers it, the rows above are skipped; or `found`, as of CSV.
    pub header_row: Option<HeaderRowFile>,
    /// Rows at the end that are no data.
    #[serde(default)]
    pub footer_rows: usize,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JsonFile {
    /// The path of the array in `{"d": {"results": [...]}}` (Graph, OData, xAPI results), keys joined by dots.
    pub root: Option<String>,
    /// The path of an array inside of each record: each of its elements is a record, with the fields around it.
    pub explode: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ActionFile {
    pub from: String,
    pub deletes: Vec<String>,
    pub upserts: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SiteFile {
    /// `account.homePage` of the site's statements.
    pub home_page: String,
    #[serde(default)]
    pub prefix: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ControlFile {
    /// Object beside the delivery: `{path}.ctl`; `rows=5`, `bytes=343`, `sha256=…` lines or a JSON object of these.
    pub sidecar: Option<String>,
    /// The last record's text where it is a total: `TOTAL ROWS: {}`.
    pub footer: Option<String>,
    /// A delivery without the footer is taken too.
    #[serde(default)]
    pub footer_optional: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LimitsFile {
    pub object_bytes: Option<u64>,
    pub decompressed_bytes: Option<u64>,
    pub ratio: Option<u64>,
    pub record_bytes: Option<usize>,
    pub columns: Option<usize>,
    pub json_depth: Option<usize>,
    pub rows: Option<u64>,
    pub rejected_share: Option<f64>,
    pub rows_against_last: Option<f64>,
    pub unknown_share: Option<f64>,
    pub dropped_share: Option<f64>,
    pub headcount_change: Option<f64>,
    pub joined_share: Option<f64>,
    pub fresh_days: Option<u32>,
    pub lag_days: Option<u32>,
}

/// What each gate does with a delivery that falls short of its limit.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GatesFile {
    pub zero_rows: Option<Verdict>,
    pub volume: Option<Verdict>,
    pub reject_share: Option<Verdict>,
    pub key_uniqueness: Option<Verdict>,
    pub unknown_values: Option<Verdict>,
    pub dropped_values: Option<Verdict>,
    pub lost_zeros: Option<Verdict>,
    pub field_coverage: Option<Verdict>,
    pub headcount_change: Option<Verdict>,
    pub join_coverage: Option<Verdict>,
    pub freshness: Option<Verdict>,
    pub date_order: Option<Verdict>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleFile {
    /// [start, end]: the end must not lie before the start.
    pub ordered: Option<[String; 2]>,
    /// [a, b]: two people that must differ.
    pub different: Option<[String; 2]>,
}

/// A map of words, or rows of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "values is a table of words and what they mean, or rows of the words of several columns")]
pub(super) enum ValuesFile {
    Map(BTreeMap<String, String>),
    Rows(Vec<Vec<String>>),
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnFile {
    /// Header name(s), for JSON paths (`a.b[0]`), `path:NAME` for a value of the path: the first with a value is read.
    pub from: Option<OneOrMany>,
    /// Header(s) with a part that differs from export to export: `Deadline (* TimeZone)`. A zone in it is that of the column.
    pub from_pattern: Option<OneOrMany>,
    /// Several columns of `from` make one text, with this between them.
    pub join: Option<String>,
    /// A constant.
    pub value: Option<String>,
    /// The export may lack the column.
    #[serde(default)]
    pub optional: bool,
    /// Date formats, tried in order; default ISO 8601.
    pub date: Option<OneOrMany>,
    /// The day that `date = "days"` counts from.
    pub from_day: Option<String>,
    pub open_from: Option<String>,
    pub zone: Option<String>,
    /// The column that names the zone of the time in each record, an IANA name; where it is empty, the column's or the feed's holds.
    pub zone_from: Option<String>,
    pub locale: Option<String>,
    /// The vendor's words -> ours; or rows of the words of several columns and what they mean together.
    pub values: Option<ValuesFile>,
    /// Our word for every other; an empty one means "no value". Without it an unknown word rejects the record.
    pub default: Option<String>,
    /// `insensitive`: words are compared without regard to case. `fold_case = true` is the older way to write it.
    pub case: Option<String>,
    #[serde(default)]
    pub fold_case: bool,
    pub nulls: Option<Vec<String>>,
    #[serde(default)]
    pub sentinels: Vec<String>,
    /// The one part of a text to keep: `user with id '{}'`; or several patterns, see `extract.rs`.
    pub extract: Option<toml::Value>,
    /// What stands before every id or text of the column: `talentlms:`.
    pub prefix: Option<String>,
    /// mailto, email, iso_duration, clock (`1:02:03`, `1d 02:03:04`, `1h 2m`), percent (`45%` or `45`), end_of_day (23:59:59 is the end of that day: the next day begins).
    #[serde(rename = "as")]
    pub reading: Option<String>,
    /// A number is multiplied by this: 60 for minutes into seconds, 0.01 for percent.
    pub times: Option<f64>,
    /// A number is divided by the one in this column: a raw score by its maximum.
    pub divide_by: Option<String>,
    /// A whole-number column refuses fractions instead of rounding them.
    #[serde(default)]
    pub whole: bool,
    pub decimal_comma: Option<bool>,
    pub thousands: Option<String>,
    /// The end is the last day on which the row holds.
    #[serde(default)]
    pub inclusive: bool,
    pub min: Option<f64>,
    pub max: Option<f64>,
}
