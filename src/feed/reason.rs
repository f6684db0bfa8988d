//! Why a record or a whole delivery was refused: a closed list, each reason with a code and a sentence for a human.
//!
//! Nothing here ever holds the refused value: the landing object still has it, and a quarantine full of values would be
//! a second, unguarded copy of personal data.

use serde::Serialize;

macro_rules! reasons {
    ($($variant:ident $code:literal $sentence:literal $advice:literal)*) => {
        /// The closed list of reasons.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $(#[doc = $sentence] $variant,)* }

        impl Reason {
            pub const ALL: &[Reason] = &[$(Reason::$variant,)*];

            /// The name tables and tools use; never changes once published.
            pub fn code(self) -> &'static str {
                match self { $(Reason::$variant => $code,)* }
            }

            /// The reason of a code, as the ledger keeps it.
            pub fn of(code: &str) -> Option<Reason> {
                Reason::ALL.iter().copied().find(|reason| reason.code() == code)
            }

            /// What is wrong, said to the person who has to fix the export.
            pub fn sentence(self) -> &'static str {
                match self { $(Reason::$variant => $sentence,)* }
            }

            /// What to do about it, in the feed or at the source.
            pub fn advice(self) -> &'static str {
                match self { $(Reason::$variant => $advice,)* }
            }
        }
    };
}

reasons! {
    ActorInvalid "actor_ifi_invalid" "the statement's actor has no valid identifier (account, mbox, mbox_sha1sum or openid)"
        "ask the sender of the statements to name each actor by an account, a mailbox, its SHA-1 sum or an OpenID"
    ActorMultiple "actor_multiple_ifi" "the statement's actor has more than one identifier, so it is unclear who acted"
        "ask the sender to name each actor by one identifier"
    BadQuote "bad_quote" "a quote stands inside an unquoted field, or text follows a closing quote"
        "write a quote within a field twice and put the field into quotes, or say in `csv.quote` or `csv.escape` of the feed what the export does instead"
    ChecksumMismatch "checksum_mismatch" "the checksum delivered with the file is not that of the file"
        "the file was cut or changed on its way: deliver it again together with its checksum"
    ControlChar "control_char" "the value holds control characters"
        "remove them at the source; if they are NUL bytes the file may be in another encoding than `encoding` of the feed says"
    ControlTotal "control_total_mismatch" "the control total delivered with the file is missing or is not that of the file"
        "deliver file and total again; if the total counts something else, change `[control]` of the feed"
    CorruptCompressed "corrupt_compressed" "the compressed file is damaged, or something follows its end"
        "deliver the file again, packed by one program"
    CorruptParquet "corrupt_parquet" "the Parquet file is damaged, or its footer contradicts its pages"
        "deliver the file again"
    CorruptXlsx "corrupt_xlsx" "the workbook is damaged"
        "open it, save it as .xlsx and deliver it again"
    CoverageDrop "coverage_drop" "a column that was filled in the last deliveries is empty in this one"
        "ask the sender whether the column was renamed or emptied; if it may be empty, set `gates.field_coverage = \"warn\"` in the feed"
    DateOrder "date_order" "day and month stand the other way round than the feed declares"
        "look at the places named and write the order that the export uses into `date` of the column"
    DecompressionLimit "decompression_limit" "the file, or what it unpacks to, has more bytes than the feed allows"
        "split the delivery, or raise the ceiling under `[limits]` of the feed"
    DuplicateHeader "duplicate_header" "two columns have the same name, and the feed reads that name"
        "give the columns different names at the source: nobody can tell which of them is meant"
    DuplicateJsonKey "duplicate_json_key" "an object names the same key twice"
        "ask the sender for JSON in which each key stands once"
    DuplicateKeyConflict "duplicate_key_conflict" "several records of this delivery have the same key and different content"
        "deliver one record a key, or say in `order_by` or `primary` of the feed which of them counts"
    DurationAmbiguous "duration_ambiguous" "a duration in months or years has no fixed length"
        "ask the sender for days, hours or seconds"
    DurationInvalid "duration_invalid" "the value is no duration of the declared form"
        "say the form in `as` of the column, `clock` or `iso_duration`, or leave `as` out if it is a plain number"
    EmptyFile "empty_file" "the file is empty"
        "deliver it again; if nothing happened, leave the file out or deliver its header alone"
    Encoding "encoding" "the file is not in the encoding that the feed declares"
        "set `encoding` of the feed to `utf-8`, `utf-16` or `windows-1252`, or export the file as UTF-8"
    EncryptedParquet "encrypted_parquet" "the Parquet file is encrypted"
        "deliver it without encryption; the store encrypts what it holds"
    GroupActor "group_actor" "the statement's actor is a group; only individual agents are counted"
        "nothing, if these are acts of groups; otherwise ask the sender to name the person who acted"
    HeadcountChange "headcount_change" "far more or far fewer workers are employed than in the snapshot before"
        "ask HR whether so many people came or went; if they did, raise `limits.headcount_change` of the feed for this delivery"
    DivisorMissing "divisor_missing" "the number that the value is to be divided by is missing, 0 or no number"
        "fill the column that `divide_by` names, or leave the value empty too"
    DroppedShare "dropped_share" "too many values of an optional column could not be read"
        "mend the form that the feed declares for the column, or raise `limits.dropped_share`"
    IdCharset "id_charset" "an identifier holds characters that are not seen"
        "remove them at the source: two ids that look alike would be two people"
    IdFloat "id_float" "an identifier ends in .0: a spreadsheet has made a number of it"
        "export the column as text"
    IdScientific "id_scientific" "an identifier is written like 1.2E+05: a spreadsheet has lost its digits"
        "export the column as text, without opening the file in a spreadsheet"
    IdZeroLost "id_zero_lost" "identifiers have lost the leading zeros that the snapshot before had"
        "export the column as text; a spreadsheet drops zeros in front"
    IntervalInverted "interval_inverted" "the end lies before the start"
        "correct the dates at the source; if the columns are mixed up, swap them in the feed"
    InvalidUtf8 "invalid_utf8" "the text is not valid UTF-8"
        "if the export is from Windows, set `encoding = \"windows-1252\"` in the feed; otherwise export it as UTF-8"
    JoinCoverage "join_coverage" "too few of the accounts named are known to HRIS"
        "look whether users and workers were delivered, and whether employee numbers and addresses are written alike in both"
    JsonInvalid "json_invalid" "the record is not valid JSON"
        "ask the sender for valid JSON; a record that was cut off is delivered again"
    LineEndings "line_endings" "a lone carriage return stands where a line should end"
        "export with line feeds, or with carriage return and line feed together"
    MissingColumn "missing_column" "a column the feed needs is not in the file"
        "write the header as the file has it into `from` of the column, several names as a list, or set `optional = true` if the export may lack it"
    MissingRequired "missing_required" "a required value is missing"
        "fill it at the source; records that have none on purpose are left out with `where`"
    NestingTooDeep "nesting_too_deep" "the record is nested deeper than the feed allows"
        "raise `limits.json_depth` of the feed if such records are meant"
    Nonfinite "nonfinite" "the number is not a finite one"
        "leave the value empty at the source, or name its text in `nulls` of the column"
    NotCsv "not_csv" "the file is not CSV but something else"
        "deliver the export itself; a web page is often a log-in that has run out"
    NotXlsx "not_xlsx" "the file is no workbook in the form .xlsx"
        "save it as .xlsx without a password, or set `format` of the feed to what the file is"
    NotNdjson "not_ndjson" "the file is not JSON as the feed declares it"
        "set `format` of the feed to `ndjson` or `json_array`, and `json.root` where the records lie deeper"
    NotObject "not_object" "the record is JSON but no object"
        "ask the sender for one object a record"
    NullNotAllowed "null_not_allowed" "a required value is null"
        "fill it at the source; records that have none on purpose are left out with `where`"
    ObjectNotActivity "object_not_activity" "the statement's object is no complete activity, agent, group, sub-statement or reference"
        "ask the sender for statements that are valid xAPI"
    OutOfRange "out_of_range" "the number lies outside the range that is allowed"
        "look at its unit: `times = 0.01` makes a share of per cent, `times = 60` seconds of minutes; `min` and `max` of the column say the range"
    RaggedLong "ragged_long" "the record has more fields than the header"
        "put fields that hold the delimiter into quotes"
    RaggedShort "ragged_short" "the record has fewer fields than the header"
        "look whether the line was cut, or holds a line break that is not within quotes"
    RecordTooLong "record_too_long" "the record is longer than the feed allows"
        "look whether a quote is left open; if such records are meant, raise `limits.record_bytes` of the feed"
    RejectShare "reject_share" "too many of its records were rejected"
        "look at the columns, reasons and forms named; mend the feed if the export has changed, else the export"
    RepeatedHeader "repeated_header" "the record repeats the header"
        "nothing, if exports are put one behind the other; it is not counted as data"
    RowLimit "row_limit" "the file has more records than the feed allows"
        "split the delivery, or raise `limits.rows` of the feed"
    SetRefused "set_refused" "another object of the same delivery set was refused, and a set is taken whole or not at all"
        "mend the part that was refused: the set is read again as a whole"
    SelfRating "self_rating" "the two people named must differ and are the same"
        "correct the record at the source"
    SeveralSites "several_sites" "the actors of the statements have accounts on several home pages, and nothing tells these apart"
        "declare each site in the feed with `[[sites]]`, its `home_page` and the `prefix` that its accounts carry"
    Stale "stale" "the newest delivery of the feed is older than the feed allows"
        "ask for the feed's deliveries; if they come more rarely now, raise `limits.fresh_days`"
    TooManyColumns "too_many_columns" "the file has more columns than the feed allows"
        "look at `csv.delimiter`; if the columns are meant, raise `limits.columns` of the feed"
    TruncatedCompressed "truncated_compressed" "the compressed file ends before its checksum"
        "it was cut on its way: deliver it again"
    TsFormat "ts_format" "the date or time is in no form that the feed declares"
        "add the form found to `date` of the column"
    TsFuture "ts_future" "the time lies after the day of its delivery"
        "look at the order of day and month, at `zone`, and at the clock of the source"
    TsInvalid "ts_invalid" "there is no such date or time"
        "correct it at the source, or look at the order of day and month"
    TsNoTimezone "ts_no_timezone" "the time has no offset, and the feed names no zone"
        "set `zone` of the feed or the column to where these clocks are, e.g. `zone = \"Europe/Berlin\"`"
    TsRange "ts_range" "the date or time lies outside the years that are read (1900 to 2199)"
        "look at the unit, `epoch_s` or `epoch_ms`; name dates that stand for none in `sentinels`"
    TwoSnapshots "two_snapshots" "the feed has two full snapshots of one day, and neither may replace or join the other unasked"
        "delete one of them, declare them parts of one snapshot with `{part}` in `path`, or set `snapshots = \"instant\"`"
    TypeMismatch "type_mismatch" "the value is of another type than its column"
        "look at how the values are written: `decimal_comma`, `thousands`, `extract` and `as` of the column say how"
    UnknownAction "unknown_action" "the change is neither one of the feed's `deletes` nor of its `upserts`"
        "add the word to `[action]` of the feed"
    UnknownShare "unknown_share" "too many records have a value that the feed's `values` do not name"
        "add the vendor's new words to `values` of the column"
    UnknownColumn "unknown_column" "the file has a column that the feed neither maps nor ignores, and the feed refuses such files"
        "map the column, list it under `ignore`, or set `unknown_columns = \"warn\"`"
    UnknownEnum "unknown_enum" "the value is none of the words that the column knows"
        "add the vendor's word to `values` of the column, or set `case = \"insensitive\"` if only its case differs"
    UnsupportedParquet "unsupported_parquet" "the Parquet file has a type that the column does not take"
        "export the column in the type that the feed declares, or map it through `values` or `date`"
    UnterminatedQuote "unterminated_quote" "a quote is opened and never closed, so the records after it cannot be told apart"
        "close the quote at the source, or set `csv.quote` of the feed (empty: fields are never quoted)"
    VerbNotIri "verb_not_iri" "the statement's verb is not an IRI"
        "ask the sender for verbs as IRIs, as xAPI has them"
    VolumeDrop "volume_drop" "the delivery has far fewer records than the feed's last ones"
        "ask the sender whether the export was cut; if so few are right, lower `limits.rows_against_last` for this delivery"
    ZeroRows "zero_rows" "the delivery has no records"
        "deliver the whole snapshot; an empty one would end everything it once held"
    VoidOfVoid "void_of_void" "the statement voids a voiding statement, which xAPI forbids"
        "ask the sender to send the first statement again instead"
}

impl Reason {
    /// Whether a whole delivery is refused because it passed one of the feed's ceilings: a limit to raise or a file to split, and
    /// no fault in the data.
    pub fn is_limit(self) -> bool {
        matches!(self, Reason::DecompressionLimit | Reason::RowLimit | Reason::TooManyColumns)
    }
}

/// A refused record. Says where and why, never what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Record number, 1-based, header and blank lines not counted.
    pub record: u64,
    /// Where the record begins in the decompressed text (for Parquet: 0).
    pub byte_offset: u64,
    /// The canon column whose value was refused; empty when the record as a whole is at fault.
    pub column: Option<String>,
    pub reason: Reason,
    /// What the value looks like, and never what it is.
    pub found: Option<Box<str>>,
}

impl Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_sentences_follow_the_house_style() {
        for (i, reason) in Reason::ALL.iter().enumerate() {
            assert!(Reason::ALL[..i].iter().all(|other| other.code() != reason.code()), "{}", reason.code());
            assert!(!reason.sentence().ends_with('.'), "{}", reason.code());
        }
    }
}
