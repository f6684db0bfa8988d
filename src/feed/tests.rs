//! What a feed file can declare, each by an example small enough to check by eye.

use std::fmt::Write;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray,
    TimestampNanosecondArray,
};
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use arrow::util::display::array_value_to_string;
use bytes::Bytes;
use std::sync::Arc;

use super::*;
use crate::contract::Catalog;

mod columns;
mod explode;
mod senders;
mod told;

const CANONICAL: &str = "description = \"\"\nfills = \"activity\"\npath = \"a_{date}.csv\"\nformat = \"csv\"\n";

pub(super) fn try_read(toml: &str, path: &str, text: &[u8]) -> Result<(Vec<RecordBatch>, Intake), Refusal> {
    let catalog = Catalog::load().expect("contracts");
    let feed = Feed::parse("test", toml, &catalog).expect("a feed");
    let table = catalog.table(&feed.fills).expect("a table");
    let as_of = "2026-03-31T00:00:00Z".parse().expect("a time");
    let delivery =
        Delivery { feed: "test".into(), path: path.into(), size: text.len() as u64, etag: None, known_at: as_of };
    let mut batches = Vec::new();
    let mut sink = |batch| {
        batches.push(batch);
        Ok::<(), std::convert::Infallible>(())
    };
    let context = Context::new(table, as_of, &Pseudonyms::Off);
    match read(&feed, &context, &delivery, &Bytes::copy_from_slice(text), &mut sink) {
        Ok(intake) => Ok((batches, intake)),
        Err(Stop::Refused(refusal)) => Err(refusal),
    }
}

#[test]
fn good_rows_pass_and_bad_rows_say_where_and_why() {
    let feed = format!("{CANONICAL}[limits]\nrejected_share = 1.0\n");
    let text = "event_id,occurred_at,user_id,verb,duration_seconds\n\
        e1,2026-03-02T09:00:00Z, u1 ,viewed,60\n\
        e2,2026-03-02T09:00:00,u1,viewed,60\n\
        e3,2026-03-02T09:00:00Z,u\u{200b}1,viewed,60\n\
        \n\
        e4,2026-03-02T09:00:00Z,u1,stared,60\n\
        e5,2026-03-03T09:00:00+01:00,u1,completed,";
    let (batches, intake) = try_read(&feed, "a_2026-03-03.csv", text.as_bytes()).expect("read");
    let rejects: Vec<_> = intake
        .rejected
        .iter()
        .map(|r| (r.record, r.byte_offset, r.column.as_deref().unwrap_or(""), r.reason.code()))
        .collect();
    assert_eq!(
        rejects,
        [(2, 90, "occurred_at", "ts_no_timezone"), (3, 126, "user_id", "id_charset"), (4, 167, "verb", "unknown_enum")]
    );
    assert_eq!((intake.read, intake.accepted, intake.blank_lines), (5, 2, 1));
    let batch = &batches[0];
    let column = |name: &str| batch.column_by_name(name).expect(name);
    assert_eq!(column("_row").as_any().downcast_ref::<Int64Array>().expect("i64").values().as_ref(), &[1, 5]);
    let users = column("user_id").as_dictionary::<Int32Type>();
    assert_eq!(users.values().as_string::<i32>().value(users.keys().value(1) as usize), "u1");
    let times = column("occurred_at").as_primitive::<TimestampMicrosecondType>();
    assert_eq!(times.value(1) - times.value(0), 23 * 3_600_000_000);
    assert_eq!(column("duration_seconds").null_count(), 1);
}

#[test]
fn a_feed_file_says_what_is_wrong_with_it() {
    let catalog = Catalog::load().expect("contracts");
    let error = |text: &str| Feed::parse("f", text, &catalog).expect_err("refused").to_string();
    assert!(error("fils = 1").contains("fils"));
    assert!(error(&CANONICAL.replace("activity", "adoption_kpis")).contains("no canon table"));
    assert!(error(&format!("{CANONICAL}[[headers]]\nverb = \"v\"")).contains("is required and has no source"));
    let misspelt = format!(
        "{CANONICAL}[[headers]]\nevent_id = \"e\"\noccurred_at = \"o\"\nuser_id = \"u\"\nverb = {{ from = \"v\", values = {{ a = \"vewed\" }} }}"
    );
    assert!(error(&misspelt).contains("`vewed` is none of logged_in"), "{}", error(&misspelt));
}

#[test]
fn a_feed_says_on_which_side_of_its_instant_an_event_lasts_and_only_where_events_last() {
    let catalog = Catalog::load().expect("contracts");
    let parse = |text: &str| Feed::parse("f", text, &catalog).map_err(|error| error.to_string());
    let text = "event_id,occurred_at,user_id,verb,duration_seconds\ne1,2026-03-02T09:00:00Z,u1,viewed,60\n";
    for (more, expected) in [("", None), ("duration = \"to\"\n", None), ("duration = \"from\"\n", Some(true))] {
        let (batches, _) = try_read(&format!("{CANONICAL}{more}"), "a_2026-03-03.csv", text.as_bytes()).expect("read");
        let column = batches[0].column_by_name("duration_from").expect("a column").as_boolean();
        assert_eq!(column.is_valid(0).then(|| column.value(0)), expected, "{more}");
    }
    let refused = |text: String| parse(&text).expect_err("refused");
    assert!(refused(format!("{CANONICAL}duration = \"since\"\n")).contains("none of to, from"));
    let users = CANONICAL.replace("activity", "users");
    assert!(refused(format!("{users}duration = \"from\"\n")).contains("has no effect"));
    let headers = "[[headers]]\nevent_id = \"e\"\noccurred_at = \"o\"\nuser_id = \"u\"\nverb = \"v\"\n";
    assert!(refused(format!("{CANONICAL}duration = \"from\"\n{headers}")).contains("has no effect"));
    assert!(refused(format!("{CANONICAL}corrections_move_days = true\n")).contains("take the key out"));
}

/// Reads `text` with a feed into `enrollments` or another table, and shows the named columns of each row.
#[track_caller]
fn check(head: &str, columns: &str, path: &str, bytes: &[u8], shown: &[&str], expected: &[&str]) {
    let toml =
        format!("description = \"\"\npath = \"**/*\"\n{head}\n[limits]\nrejected_share = 1.0\n[[headers]]\n{columns}");
    let said = match try_read(&toml, path, bytes) {
        Err(refusal) => vec![refusal.reason.code().to_owned()],
        Ok((batches, intake)) => {
            let rows = batches.iter().flat_map(|batch| {
                let value = |row: usize, name: &&str| {
                    let column = batch.column_by_name(name).expect(name);
                    match column.as_primitive_opt::<TimestampMicrosecondType>() {
                        Some(times) if times.is_valid(row) => chrono::DateTime::from_timestamp_micros(times.value(row))
                            .expect("in range")
                            .format("%F %T")
                            .to_string(),
                        Some(_) => String::new(),
                        None => array_value_to_string(column, row).expect("a value"),
                    }
                };
                (0..batch.num_rows())
                    .map(move |row| shown.iter().map(|name| value(row, name)).collect::<Vec<_>>().join("|"))
                    .collect::<Vec<_>>()
            });
            let rejects = intake.rejected.iter().map(|reject| format!("{}:{}", reject.record, reject.reason.code()));
            rows.chain(rejects).collect()
        }
    };
    assert_eq!(said, expected);
}

const CONTENT: &str = "content_id = \"id\"\nkind = { value = \"course\" }\n";

#[test]
fn records_may_end_in_a_terminator_of_their_own() {
    let head = "fills = \"content\"\nformat = \"csv\"\n[csv]\ndelimiter = \"|\"\nquote = \"\"\nterminator = \"!##!\"";
    let text = "id|name|!##!\nc1|one \"line|!##!\nc2|two\nlines|!##!\nc3|!##!\n";
    check(
        head,
        &format!("{CONTENT}title = \"name\""),
        "a",
        text.as_bytes(),
        &["content_id", "title"],
        &["c1|one \"line", "c2|two\nlines", "3:ragged_short"],
    );
}

#[test]
fn title_blocks_above_and_footers_below_are_no_data() {
    let head = "fills = \"content\"\nformat = \"csv\"\n[csv]\nheader_row = 3\nfooter_rows = 1\n[control]\nfooter = \"Rows: {}\"";
    let text = |total: &str| format!("Report, \"June\nx\nid,name\nc1,one\nc2,two\nRows: {total}\n");
    check(head, CONTENT, "a", text("2").as_bytes(), &["content_id"], &["c1", "c2"]);
    check(head, CONTENT, "a", text("3").as_bytes(), &["content_id"], &["control_total_mismatch"]);
    check(head, CONTENT, "a", b"x\nx\nid,name\nc1,one\nc2,two\n", &["content_id"], &["control_total_mismatch"]);
}

#[test]
fn declared_encodings_are_decoded_and_undeclared_ones_refused() {
    let head = |encoding: &str| format!("fills = \"content\"\nformat = \"csv\"\nencoding = \"{encoding}\"");
    let columns = format!("{CONTENT}title = \"name\"");
    let latin = b"id,name\nc1,Caf\xe9 \x80\n";
    check(&head("windows-1252"), &columns, "a", latin, &["title"], &["Caf\u{e9} \u{20ac}"]);
    check(&head("utf-8"), &columns, "a", latin, &["title"], &["invalid_utf8"]);
    let wide: Vec<u8> =
        [0xff, 0xfe].into_iter().chain("id,name\nc1,Caf\u{e9}\n".encode_utf16().flat_map(u16::to_le_bytes)).collect();
    check(&head("utf-16"), &columns, "a", &wide, &["title"], &["Caf\u{e9}"]);
    check(&head("utf-8"), &columns, "a", &wide, &["title"], &["encoding"]);
    check(&head("utf-16"), &columns, "a", &wide[2..], &["title"], &["encoding"]);
}

#[test]
fn the_first_header_block_whose_columns_are_all_there_is_read() {
    let head = "fills = \"content\"\nformat = \"csv\"";
    let columns = format!("{CONTENT}title = \"Title\"\n[[headers]]\n{CONTENT}title = [\"Name\", \"Course\"]")
        .replace("title = [", "title = { from = [")
        .replace("\"Course\"]", "\"Course\"] }");
    check(head, &columns, "a", b"id,Title\nc1,one\n", &["title"], &["one"]);
    check(head, &columns, "a", b"Course,id\none,c1\n", &["title"], &["one"]);
    check(head, &columns, "a", b"id,Label\nc1,one\n", &["title"], &["missing_column"]);
}

#[test]
fn values_are_read_as_the_feed_declares() {
    let head = "fills = \"enrollments\"\nformat = \"csv\"\nzone = \"Europe/Berlin\"\nlocale = \"es\"\nnulls = [\"N/A\"]\nsentinels = [\"9999-12-31\"]\ndecimal_comma = true\n[csv]\ndelimiter = \";\"";
    let columns = "user_id = { from = \"mail\", as = \"mailto\" }\ncontent_id = { from = \"text\", extract = \"course with id '{}'\" }\n\
        status = { from = \"state\", values = { \"HECHO\" = \"completed\", \"-\" = \"enrolled\" }, fold_case = true }\n\
        score = { from = \"percent\", times = 0.01 }\ntime_spent_seconds = { from = \"hours\", times = 3600 }\n\
        completed_at = { from = \"when\", date = [\"%b-%d-%Y %H:%M:%S\", \"iso\"] }\nattempt = { from = \"length\", as = \"clock\" }";
    let text = "mail;text;state;percent;hours;when;length\n\
        mailto:Ann@X.test;user 1 took course with id 'c7'.;hecho;87,5;1,5;ENE-13-2021 13:00:00;0:01:02\n\
        mailto:b@x.test;course with id 'c8';-;N/A;;9999-12-31;\n\
        b@x.test;course with id 'c8';-;;;;\n\
        mailto:b@x.test;no course;-;;;;\n\
        mailto:b@x.test;course with id 'c8';-;87.5;;;\n";
    let shown = ["user_id", "content_id", "status", "score", "time_spent_seconds", "completed_at", "attempt"];
    let expected = [
        "ann@x.test|c7|completed|0.875|5400|2021-01-13 12:00:00|62",
        "b@x.test|c8|enrolled||||",
        // A percentage that cannot be read is left out; it refuses nothing.
        "b@x.test|c8|enrolled||||",
        "3:type_mismatch",
        "4:missing_required",
    ];
    check(head, columns, "a", text.as_bytes(), &shown, &expected);
}

#[test]
fn canvas_changes_carry_their_action_and_deletes_only_their_key() {
    let head = "fills = \"users\"\nformat = \"ndjson\"\nmode = \"delta\"\n[action]\nfrom = \"meta.action\"\ndeletes = [\"D\"]\nupserts = [\"U\"]";
    let columns = "user_id = { from = \"key.id\" }\nemail = { from = \"value.mails[1].address\", optional = true }\nstatus = { from = [\"value.state\", \"value.old_state\"] }";
    let text = r#"{"meta":{"action":"U"},"key":{"id":"7"},"value":{"mails":[{},{"address":"A@x.test"}],"old_state":"active","state":null}}
{"meta":{"action":"D"},"key":{"id":"8"}}
{"meta":{"action":"X"},"key":{"id":"9"}}
{"key":{"id":"10"}}
"#;
    check(
        head,
        columns,
        "a",
        text.as_bytes(),
        &["user_id", "email", "status", "_deleted"],
        &["7|a@x.test|active|false", "8|||true", "3:unknown_action", "4:unknown_action"],
    );
}

#[test]
fn an_array_may_lie_under_a_key_and_must_be_whole() {
    let head = "fills = \"users\"\nformat = \"json_array\"\n[json]\nroot = \"value\"";
    let whole = r#"{"@odata.context":{"a":["]"]},"value":[{"id":"7"},{"id":"8"}],"next":null}"#;
    check(head, "user_id = \"id\"", "a", whole.as_bytes(), &["user_id"], &["7", "8"]);
    check(head, "user_id = \"id\"", "a", &whole.as_bytes()[..60], &["user_id"], &["json_invalid"]);
    check(head, "user_id = \"id\"", "a", br#"{"values":[]}"#, &["user_id"], &["not_ndjson"]);
    let head = "fills = \"users\"\nformat = \"json_array\"";
    check(head, "user_id = \"id\"", "a", br#"[{"id":"7"},]"#, &["user_id"], &["json_invalid"]);
    check(head, "user_id = \"id\"", "a", br#"[{"id":"7"}] 1"#, &["user_id"], &["json_invalid"]);
    check(head, "user_id = \"id\"", "a", br#" [ ] "#, &["user_id"], &[]);
}

#[test]
fn an_array_may_lie_at_any_depth_in_a_document_as_in_each_line() {
    let head = |format: &str, root: &str| format!("fills = \"users\"\nformat = {format}\n[json]\nroot = \"{root}\"");
    let shown = ["user_id"];
    let read = |format: &str, root: &str, text: &str, expected: &[&str]| {
        check(&head(format, root), "user_id = \"id\"", "a", text.as_bytes(), &shown, expected);
    };
    let document = "{ \"a\": {\"results\": [{\"id\": \"no\"}]},\n  \"d\": {\"__count\": \"2\", \"results\": [\n    {\"id\": \"7\"},\n {\"id\": \"8\"}\n  ]},\n \"next\": null }\n";
    read("\"json_array\"", "d.results", document, &["7", "8"]);
    read("\"ndjson\"", "d.results", document, &["7", "8"]);
    let lines = "{\"d\":{\"results\":[{\"id\":\"7\"}]}}\n{\"d\":{\"results\":[]}}\n\n{\"d\":{\"results\":[{\"id\":\"8\"},{\"id\":\"9\"}]}}";
    read("\"ndjson\"", "d.results", lines, &["7", "8", "9"]);
    read("[\"ndjson\", \"json_array\"]", "d.results", lines, &["7", "8", "9"]);
    // Pages in an array, and a key that has dots of its own.
    let pages = r#"{"pages":[{"page.items":[{"id":"7"}]},{"page.items":[{"id":"8"}]},5]}"#;
    read("\"json_array\"", "pages.\\\"page.items\\\"", pages, &["7", "8"]);
    // A lone object where the array should be is one record.
    read("\"json_array\"", "d", r#"{"d":{"id":"7"}}"#, &["7"]);
    read(
        "\"ndjson\"",
        "d.results",
        "{\"error\":{\"results\":[]}}\n{\"d\":{\"results\":[{\"id\":\"7\"}]}}\n",
        &["7", "1:missing_required"],
    );
    read("\"json_array\"", "d.results", r#"{"d":{"result":[]}}"#, &["not_ndjson"]);
    for cut in [
        "{\"d\":{\"results\":[{\"id\":\"7\"}]}",
        "{\"d\":{\"results\":[{\"id\":\"7\"}]",
        "{\"d\":}",
        "{\"d\" {}}",
        "{\"d\":{\"results\":[{\"id\":\"7\"},]}}",
    ] {
        read("\"json_array\"", "d.results", cut, &["json_invalid"]);
    }
    let nothing = |head: &str| {
        let text = format!("description = \"\"\npath = \"x\"\n{head}");
        Feed::parse("f", &text, &Catalog::load().expect("contracts")).expect_err("no effect").to_string()
    };
    assert!(nothing(&head("\"csv\"", "d")).contains("no format of the feed is JSON"));
    assert!(nothing(&head("\"ndjson\"", "d[0]")).contains("is no path of keys"));
    assert!(nothing(&head("\"ndjson\"", "")).contains("is no path of keys"));
}

#[test]
fn what_lies_beside_the_array_may_be_longer_than_a_record_and_is_passed_over() {
    let head = "fills = \"users\"\nformat = \"json_array\"\n[json]\nroot = \"d.results\"\n";
    let long = "x".repeat(200_000);
    let text =
        format!(r#"{{"log":"{long}","d":{{"{long}":1,"results":[{{"id":"7"}},{{"id":"{long}"}}]}},"end":["{long}"]}}"#);
    let toml = format!(
        "description = \"\"\npath = \"**/*\"\n{head}[limits]\nrecord_bytes = 65536\nrejected_share = 1.0\n[[headers]]\nuser_id = \"id\""
    );
    let (_, intake) = try_read(&toml, "a", text.as_bytes()).expect("read");
    assert_eq!((intake.read, intake.accepted, intake.rejected[0].reason), (2, 1, Reason::RecordTooLong));
}

#[test]
fn a_record_stores_answer_is_its_statements_in_whatever_form() {
    let statement = |id: u8| {
        format!(
            r#"{{"id":"00000000-0000-4000-8000-00000000000{id}","timestamp":"2026-03-02T09:00:00Z","actor":{{"mbox":"mailto:a@x.test"}},"verb":{{"id":"http://adlnet.gov/expapi/verbs/completed"}},"object":{{"id":"http://x.test/c"}}}}"#
        )
    };
    let (one, two) = (statement(1), statement(2));
    let spread = |text: &str| {
        serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(text).expect("JSON")).expect("JSON")
    };
    let answer = format!(r#"{{"statements":[{one},{two}],"more":""}}"#);
    let feed = include_str!("../../schemas/feed/xapi_statements.toml");
    for (text, accepted) in [
        (answer.clone(), 2),
        (spread(&answer), 2),
        (format!(r#"{{"more":"/next","statements":[{one}]}}"#), 1),
        (format!("{{\"statements\":[{one}]}}\n{{\"statements\":[{two}]}}\n"), 2),
        (format!("[{one},\n{two}]"), 2),
        (format!("{one}\n{two}"), 2),
        (spread(&one), 1),
    ] {
        for path in ["statements_2026-03-03.json", "statements_2026-03-03.ndjson"] {
            let (_, intake) =
                try_read(feed, path, text.as_bytes()).unwrap_or_else(|refusal| panic!("{refusal}: {text}"));
            assert_eq!((intake.read, intake.accepted), (accepted, accepted), "{text}");
        }
    }
    let refused =
        |text: String| try_read(feed, "statements_2026-03-03.json", text.as_bytes()).expect_err("refused").reason;
    assert_eq!(refused(format!("{}\n{}", spread(&one), spread(&two))), Reason::NotNdjson, "several objects over lines");
    // A line that was cut is one bad record and not the beginning of a document.
    let cut = format!("{}\n{two}\n", &one[..60]);
    assert_eq!(
        try_read(&format!("{feed}\n"), "statements_2026-03-03.ndjson", cut.as_bytes()).expect("read").1.accepted,
        1
    );
}

/// Reads completions of a delivery made on 2025-12-05 with the dates declared as `format`.
fn dated(format: &str, more: &str, dates: &[&str]) -> Result<(u64, u64), (String, Option<u64>, String)> {
    let feed = format!(
        "description = \"\"\nfills = \"enrollments\"\npath = \"**/*\"\nformat = [\"csv\", \"ndjson\"]\nzone = \"UTC\"\nlimits.rejected_share = 1.0\n{more}\n\
        [[headers]]\nuser_id = \"u\"\ncontent_id = \"c\"\nstatus = {{ value = \"completed\" }}\ncompleted_at = {{ from = \"done\", date = {format}, optional = true }}\ndue_at = {{ from = \"due\", date = {format}, optional = true }}"
    );
    let catalog = Catalog::load().expect("contracts");
    let feed = Feed::parse("f", &feed, &catalog).expect("a feed");
    let known_at = "2025-12-05T00:00:00Z".parse().expect("a time");
    let lines: Vec<String> = dates.iter().enumerate().map(|(at, text)| format!("u{at},c,{text}\n")).collect();
    let csv = format!("u,c,done\n{}", lines.concat());
    let json: String = dates
        .iter()
        .enumerate()
        .map(|(at, text)| format!("{{\"u\":\"u{at}\",\"c\":\"c\",\"done\":\"{text}\"}}\n"))
        .collect();
    let mut said = [("a.csv", csv), ("a.ndjson", json)].into_iter().map(|(path, text)| {
        let delivery = Delivery { feed: "f".into(), path: path.into(), size: 0, etag: None, known_at };
        let context = Context::new(catalog.table("enrollments").expect("a table"), known_at, &Pseudonyms::Off);
        match read(&feed, &context, &delivery, &Bytes::from(text), &mut |_| Ok::<(), std::convert::Infallible>(())) {
            Ok(intake) => Ok((
                intake.accepted,
                intake.warnings.iter().filter(|warning| warning.code == "date_order").count() as u64,
            )),
            Err(Stop::Refused(refusal)) => {
                Err((refusal.reason.code().to_owned(), refusal.record, refusal.column.unwrap_or_default()))
            }
        }
    });
    let (csv, json) = (said.next().expect("CSV"), said.next().expect("NDJSON"));
    assert_eq!(csv, json);
    csv
}

#[test]
fn a_delivery_whose_days_and_months_are_the_other_way_round_is_refused_whole() {
    let refused = |record: u64| Err(("date_order".to_owned(), Some(record), "completed_at".to_owned()));
    let month_first = "\"%m/%d/%Y\"";
    let day_first = "[\"iso\", \"%d/%m/%Y %H:%M\", \"%d/%m/%Y\"]";
    assert_eq!(dated(month_first, "", &["12/04/2025", "11/30/2025", "12/05/2025"]), Ok((3, 0)));
    assert_eq!(dated(month_first, "", &["04/12/2025", "30/11/2025", "05/12/2025"]), refused(2), "one is enough");
    assert_eq!(dated(day_first, "", &["12/04/2025 10:00", "12/03/2025 10:00", "12/02/2025 10:00"]), refused(1));
    assert_eq!(
        dated(day_first, "", &["2025-12-04", "04/12/2025", "31/12/9999"]),
        Ok((3, 0)),
        "the open end is no evidence"
    );
    assert_eq!(
        dated(day_first, "[gates]\ndate_order = \"warn\"", &["12/25/2025", "04/12/2025"]).map(|said| said.1),
        Ok(1)
    );
    assert_eq!(
        dated(day_first, "[gates]\ndate_order = \"off\"", &["12/04/2025", "12/03/2025", "12/02/2025"]),
        Ok((3, 0))
    );
    let late = ["12/04/2025", "12/03/2025", "12/02/2025"];
    assert_eq!(dated(day_first, "limits.lag_days = 300", &late), Ok((3, 0)), "a feed that tells of what is long past");
    // Both orders are declared: nothing is unreadable, but what happened in the future did not.
    assert_eq!(dated("[\"%d/%m/%Y\", \"%m/%d/%Y\"]", "", &["12/25/2024", "25/12/2024"]), Ok((2, 0)));
}

#[test]
fn strict_feeds_refuse_a_column_nobody_mapped_or_ignored() {
    let head = "fills = \"users\"\nformat = \"csv\"\nunknown_columns = \"refuse\"\nignore = [\"x_*\"]";
    check(head, "user_id = \"id\"", "a", b"id,x_pay\n7,1\n", &["user_id"], &["7"]);
    check(head, "user_id = \"id\"", "a", b"id,pay\n7,1\n", &["user_id"], &["unknown_column"]);
}

#[test]
fn people_become_pseudonyms_each_in_its_own_domain() {
    let catalog = Catalog::load().expect("contracts");
    let feed = "description = \"\"\nfills = \"measures\"\npath = \"**/*\"\nformat = \"csv\"";
    let (feed, table) =
        (Feed::parse("f", feed, &catalog).expect("a feed"), catalog.table("measures").expect("measures"));
    let keyed = Pseudonyms::keyed(b"sixteen bytes key", "1").expect("a key");
    let as_of = "2026-03-31T00:00:00Z".parse().expect("a time");
    let delivery = Delivery { feed: "f".into(), path: "a".into(), size: 0, etag: None, known_at: as_of };
    let text = "kpi,subject_kind,subject_id,period_start,period_end,value\nk,worker,w1,2026-01-01,2026-02-01,1\nk,org,w1,2026-01-01,2026-02-01,1\n";
    let mut ids = Vec::new();
    let mut sink = |batch: RecordBatch| {
        let column = batch.column_by_name("subject_id").expect("subject_id");
        ids.extend((0..batch.num_rows()).map(|row| array_value_to_string(column, row).expect("a value")));
        Ok::<(), std::convert::Infallible>(())
    };
    read(&feed, &Context::new(table, as_of, &keyed), &delivery, &Bytes::from(text), &mut sink).expect("read");
    assert_eq!(ids, [keyed.of("worker", "w1"), "w1".to_owned()]);
}

/// Records, quotes, characters and line ends fall on every side of the chunks in which a file is read.
#[test]
fn where_a_chunk_ends_changes_nothing() {
    let head =
        "description = \"\"\nfills = \"content\"\npath = \"**/*\"\nformat = [\"csv\", \"ndjson\", \"json_array\"]";
    let (mut csv, mut lines, mut array) = ("content_id,title,kind\r\n".to_owned(), String::new(), "[".to_owned());
    let title = |n: usize| format!("\u{fc}\u{6f22}\u{1f600}{}\n\"{n}\"", "y".repeat(n % 37));
    for n in 0..20_000 {
        let _ = write!(csv, "c{n},\"{}\",course\r\n", title(n).replace('"', "\"\""));
        let record =
            serde_json::json!({"content_id": format!("c{n}"), "title": title(n), "kind": "course"}).to_string();
        let _ = writeln!(lines, "{record}");
        let _ = write!(array, "{}{record}", if n > 0 { ", " } else { "" });
    }
    array.push(']');
    for (path, text) in [("a.csv", csv), ("a.ndjson", lines), ("a.json", array)] {
        let (batches, intake) = try_read(head, path, text.as_bytes()).expect("read");
        assert_eq!((intake.read, intake.accepted), (20_000, 20_000), "{path}");
        let titles: Vec<String> = batches
            .iter()
            .flat_map(|batch| {
                batch
                    .column_by_name("title")
                    .expect("title")
                    .as_string::<i32>()
                    .iter()
                    .map(|text| text.unwrap_or_default().to_owned())
                    .collect::<Vec<_>>()
            })
            .collect();
        assert!(titles.iter().enumerate().all(|(n, text)| *text == title(n)), "{path}");
    }
}

#[test]
fn parquet_columns_of_another_kind_refuse_the_file() {
    let head = "fills = \"users\"\nformat = \"parquet\"";
    let columns = "user_id = \"id\"\ncreated_at = \"at\"";
    let ids = || -> ArrayRef { Arc::new(StringArray::from(vec![Some("007"), None])) };
    let micros = vec![1_700_000_000_000_000, 1_700_000_000_000_000];
    let utc: ArrayRef = Arc::new(TimestampMicrosecondArray::from(micros.clone()).with_timezone("UTC"));
    let naive: ArrayRef = Arc::new(TimestampMicrosecondArray::from(micros));
    let nanos: ArrayRef =
        Arc::new(TimestampNanosecondArray::from(vec![1_700_000_000_000_000_999, i64::MIN]).with_timezone("UTC"));
    let list: ArrayRef =
        Arc::new(ListArray::from_iter_primitive::<arrow::datatypes::Int64Type, _, _>([Some(vec![Some(1)]), None]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![7, 8]));
    let shown = ["user_id", "created_at"];
    check(
        head,
        columns,
        "a",
        &parquet_file(ids(), utc.clone()),
        &shown,
        &["007|2023-11-14 22:13:20", "2:null_not_allowed"],
    );
    check(head, columns, "a", &parquet_file(ids(), nanos), &shown, &["007|2023-11-14 22:13:20", "2:null_not_allowed"]);
    check(head, columns, "a", &parquet_file(ids(), naive.clone()), &shown, &["ts_no_timezone"]);
    check(
        &format!("{head}\nzone = \"Europe/Berlin\""),
        columns,
        "a",
        &parquet_file(ids(), naive),
        &shown,
        &["007|2023-11-14 21:13:20", "2:null_not_allowed"],
    );
    let whole = ["7|2023-11-14 22:13:20", "8|2023-11-14 22:13:20"];
    check(head, columns, "a", &parquet_file(numbers, utc.clone()), &shown, &whole);
    let doubles: ArrayRef = Arc::new(arrow::array::Float64Array::from(vec![7.0, 8.0]));
    check(head, columns, "a", &parquet_file(doubles, utc.clone()), &shown, &["type_mismatch"]);
    check(head, columns, "a", &parquet_file(list, utc), &shown, &["type_mismatch"]);
}

pub(super) fn parquet_file(id: ArrayRef, at: ArrayRef) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter([("id", id), ("at", at)]).expect("a batch");
    let mut bytes = Vec::new();
    let mut writer = ::parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("memory");
    writer.close().expect("memory");
    bytes
}

#[test]
fn a_sidecar_binds_where_the_feed_declares_one() {
    let catalog = Catalog::load().expect("contracts");
    let toml =
        "description = \"\"\nfills = \"users\"\npath = \"**/*\"\nformat = \"csv\"\n[control]\nsidecar = \"{path}.ctl\"";
    let feed = Feed::parse("f", toml, &catalog).expect("a feed");
    assert_eq!(feed.sidecar_of("a/b.csv").as_deref(), Some("a/b.csv.ctl"));
    let as_of = "2026-03-31T00:00:00Z".parse().expect("a time");
    let delivery = Delivery { feed: "f".into(), path: "a".into(), size: 0, etag: None, known_at: as_of };
    let reason = |sidecar: Option<&[u8]>| {
        let context =
            Context { sidecar, ..Context::new(catalog.table("users").expect("users"), as_of, &Pseudonyms::Off) };
        match read(&feed, &context, &delivery, &Bytes::from("user_id\n1\n2\n"), &mut |_| {
            Ok::<(), std::convert::Infallible>(())
        }) {
            Ok(intake) => intake.read.to_string(),
            Err(Stop::Refused(refusal)) => refusal.reason.code().to_owned(),
        }
    };
    assert_eq!(reason(Some(b"rows=2")), "2");
    assert_eq!(reason(Some(b"rows=3")), "control_total_mismatch");
    assert_eq!(reason(None), "control_total_mismatch");
}

#[test]
fn the_usual_share_of_bad_records_is_judged_from_a_hundred_on_and_at_the_limit_it_holds() {
    let judged = |records: usize, bad: usize| {
        let mut text = "event_id,occurred_at,user_id,verb\n".to_owned();
        for number in 0..records {
            let at = if number < bad { "whenever" } else { "2026-03-02T09:00:00Z" };
            writeln!(text, "e{number},{at},u1,viewed").expect("a string");
        }
        match try_read(CANONICAL, "a_2026-03-03.csv", text.as_bytes()) {
            Ok((_, intake)) => Ok((intake.accepted, intake.rejected_count())),
            Err(refusal) => Err(refusal.reason),
        }
    };
    assert_eq!(judged(100, 5), Ok((95, 5)));
    assert_eq!(judged(100, 6), Err(Reason::RejectShare));
    assert_eq!(judged(99, 50), Ok((49, 50)));
}

#[test]
fn the_first_ten_thousand_rejects_are_kept_and_all_are_counted() {
    let feed = format!("{CANONICAL}[limits]\nrejected_share = 1.0\n");
    let text = format!(
        "event_id,occurred_at,user_id,verb\n{}",
        "e,whenever,u,viewed\n".repeat(10_001) + "e,2026-03-02T09:00:00Z,u,viewed\n"
    );
    let (_, intake) = try_read(&feed, "a_2026-03-03.csv", text.as_bytes()).expect("read");
    assert_eq!((intake.rejected.len(), intake.rejected_count(), REJECTS_KEPT), (10_000, 10_001, 10_000));
}

#[test]
fn deadlines_may_lie_ahead_and_what_happened_may_not() {
    let feed = "description = \"\"\nfills = \"enrollments\"\npath = \"e_{date}.csv\"\nformat = \"csv\"\n[limits]\nrejected_share = 1.0\n";
    let text = "user_id,content_id,attempt,status,due_at,completed_at\n\
        u1,c,1,assigned,2027-03-02T09:00:00Z,\n\
        u2,c,1,completed,,2027-03-02T09:00:00Z\n";
    let (_, intake) = try_read(feed, "e_2026-03-31.csv", text.as_bytes()).expect("read");
    let dropped: Vec<_> = intake.warnings.iter().map(|w| (w.code, w.column.as_deref(), w.reason, w.count)).collect();
    assert_eq!(
        dropped,
        [
            ("value_dropped", Some("completed_at"), Some("ts_future"), 1),
            ("completed_without_date", Some("status"), None, 1)
        ]
    );
    let event =
        "event_id,occurred_at,user_id,verb\ne1,2027-03-02T09:00:00Z,u1,viewed\ne2,2026-03-02T09:00:00Z,u1,viewed\n";
    let (_, intake) = try_read(CANONICAL, "a_2026-03-31.csv", event.as_bytes()).expect("read");
    let rejects: Vec<_> = intake.rejected.iter().map(|r| (r.record, r.column.as_deref(), r.reason.code())).collect();
    assert_eq!(rejects, [(1, Some("occurred_at"), "ts_future")], "an event without its instant is none");
}

#[test]
fn an_interval_of_no_day_is_no_inverted_one() {
    let feed = "description = \"\"\nfills = \"org_units\"\npath = \"o_{date}.csv\"\nformat = \"csv\"\n[limits]\nrejected_share = 1.0\n";
    let text = "org_id,effective_from,effective_to\na,2026-03-02,2026-03-02\nb,2026-03-02,2026-03-01\n";
    let (_, intake) = try_read(feed, "o_2026-03-31.csv", text.as_bytes()).expect("read");
    let rejects: Vec<_> = intake.rejected.iter().map(|r| (r.record, r.reason.code())).collect();
    assert_eq!(rejects, [(2, "interval_inverted")]);
}
