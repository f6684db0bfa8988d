//! Why a record or a whole delivery was refused: a closed list, each reason with a code and a sentence for a human.
//!
//! Nothing here ever holds the refused value: the landing object still has it, and a quarantine full of values would be
//! a second, unguarded copy of personal data.

use serde::Serialize;

macro_rules! reasons {
    ($($variant:ident $code:literal $sentence:literal)*) => {
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
        }
    };
}

reasons! {
    ActorInvalid "actor_ifi_invalid" "the statement's actor has no valid identifier (account, mbox, mbox_sha1sum or openid)"
    ActorMultiple "actor_multiple_ifi" "the statement's actor has more than one identifier, so it is unclear who acted"
    BadQuote "bad_quote" "a quote stands inside an unquoted field, or text follows a closing quote"
    ChecksumMismatch "checksum_mismatch" "a checksum delivered with the data does not match the data"
    ControlChar "control_char" "the value holds control characters"
    ControlTotal "control_total_mismatch" "the control total delivered with the file does not match the file"
    CorruptCompressed "corrupt_compressed" "the compressed file is damaged or followed by something else"
    CorruptParquet "corrupt_parquet" "the Parquet file is damaged, or its footer contradicts its pages"
    CoverageDrop "coverage_drop" "a column that was filled in the last deliveries is empty now"
    DateOrder "date_order" "the order of day and month is another than the feed declares"
    DecompressionLimit "decompression_limit" "the file unpacks to more bytes than the feed allows"
    DuplicateHeader "duplicate_header" "two columns have the same name"
    DuplicateJsonKey "duplicate_json_key" "an object names the same key twice"
    DuplicateKeyConflict "duplicate_key_conflict" "several records of this delivery have the same key and different content"
    DurationAmbiguous "duration_ambiguous" "a duration in months or years has no fixed length"
    DurationInvalid "duration_invalid" "the value is not a duration in the declared form"
    EmptyFile "empty_file" "the file is empty"
    Encoding "encoding" "the file is not in the declared encoding (byte order mark or NUL bytes found)"
    EncryptedParquet "encrypted_parquet" "the Parquet file is encrypted"
    GroupActor "group_actor" "the statement's actor is a group; only individual agents are counted"
    HeadcountChange "headcount_change" "far more or far fewer workers are employed than in the snapshot before"
    DivisorMissing "divisor_missing" "the number it is to be divided by is 0, missing or none"
    DroppedShare "dropped_share" "too many values of an optional column could not be read"
    IdCharset "id_charset" "an identifier holds invisible characters"
    IdFloat "id_float" "an identifier ends in .0: a spreadsheet has made a number of it"
    IdScientific "id_scientific" "an identifier is written as 1.2E+05: a spreadsheet has lost its digits"
    IdZeroLost "id_zero_lost" "identifiers have lost the leading zeros that the snapshot before had"
    IntervalInverted "interval_inverted" "the end lies before the start"
    InvalidUtf8 "invalid_utf8" "the text is not valid UTF-8"
    JoinCoverage "join_coverage" "too few of the accounts named are known to HRIS"
    JsonInvalid "json_invalid" "the record is not valid JSON"
    LineEndings "line_endings" "a lone carriage return stands where a line should end"
    MissingColumn "missing_column" "a column the feed needs is not in the file"
    MissingRequired "missing_required" "a required value is missing"
    NestingTooDeep "nesting_too_deep" "the record is nested deeper than the feed allows"
    Nonfinite "nonfinite" "the number is not finite"
    NotCsv "not_csv" "the file is not CSV (it looks like a web page, XML, an archive or another binary file)"
    NotNdjson "not_ndjson" "the file is not JSON as the feed declares it"
    NotObject "not_object" "the record is JSON but not an object"
    NullNotAllowed "null_not_allowed" "a required value is null"
    ObjectNotActivity "object_not_activity" "the statement's object is no activity, agent, group, sub-statement or reference that is whole"
    OutOfRange "out_of_range" "the number lies outside the allowed range"
    RaggedLong "ragged_long" "the record has more fields than the header"
    RaggedShort "ragged_short" "the record has fewer fields than the header"
    RecordTooLong "record_too_long" "the record is longer than the feed allows"
    RejectShare "reject_share" "the share of rejected records is above what the feed allows"
    RepeatedHeader "repeated_header" "the record repeats the header"
    RowLimit "row_limit" "the file has more records than the feed allows"
    SetRefused "set_refused" "another object of the same delivery set was refused, and a set is taken whole or not at all"
    SelfRating "self_rating" "the two people named must differ and are the same"
    SeveralSites "several_sites" "the actors of the statements have accounts on several home pages, which nothing tells apart"
    Stale "stale" "the newest delivery of the feed is older than the feed allows"
    TooManyColumns "too_many_columns" "the file has more columns than the feed allows"
    TruncatedCompressed "truncated_compressed" "the compressed file ends before its checksum"
    TsFormat "ts_format" "the date or time is not in a declared format"
    TsFuture "ts_future" "the time lies in the future"
    TsInvalid "ts_invalid" "the date or time does not exist"
    TsNoTimezone "ts_no_timezone" "the time has no offset and the feed declares no zone"
    TsRange "ts_range" "the date or time lies outside the years the product knows"
    TwoSnapshots "two_snapshots" "the feed has two full snapshots of one day, and neither may replace or join the other unasked"
    TypeMismatch "type_mismatch" "the value has another type than the column"
    UnknownAction "unknown_action" "the change action is none the feed declares"
    UnknownShare "unknown_share" "too many records have a value that the feed's value map does not name"
    UnknownColumn "unknown_column" "the file has a column that the feed neither maps nor ignores, and the feed is strict"
    UnknownEnum "unknown_enum" "the value is not in the closed list of the column"
    UnsupportedParquet "unsupported_parquet" "the Parquet file uses a type the feed does not declare"
    UnterminatedQuote "unterminated_quote" "a quote is opened and never closed, so the records after it cannot be told apart"
    VerbNotIri "verb_not_iri" "the statement's verb is not an IRI"
    VolumeDrop "volume_drop" "the delivery has far fewer records than the feed's last ones"
    ZeroRows "zero_rows" "the delivery has no record"
    VoidOfVoid "void_of_void" "the statement voids a voiding statement, which xAPI forbids"
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
