//! What a column of a feed can declare, and what becomes of values it cannot read.

use arrow::array::{Decimal128Array, Float64Array, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::*;

/// Code, column, reason and count of each warning.
fn said(intake: &Intake) -> Vec<String> {
    let warning = |warning: &Warning| {
        let parts = [Some(warning.code), warning.column.as_deref(), warning.reason];
        format!("{} {}", parts.into_iter().flatten().collect::<Vec<_>>().join(" "), warning.count)
    };
    intake.warnings.iter().filter(|warning| warning.code != "no_final_newline").map(warning).collect()
}

fn rejected(intake: &Intake) -> Vec<String> {
    intake.rejected.iter().map(|reject| format!("{} {}", reject.record, reject.reason.code())).collect()
}

fn read_csv(head: &str, text: &str) -> Result<(Vec<RecordBatch>, Intake), Refusal> {
    try_read(&format!("description = \"\"\npath = \"**/*\"\nformat = \"csv\"\n{head}"), "a", text.as_bytes())
}

fn refused(head: &str, text: &str) -> String {
    match read_csv(head, text) {
        Ok((_, intake)) => format!("accepted {}", intake.accepted),
        Err(refusal) => refusal.reason.code().to_owned(),
    }
}

fn column(batches: &[RecordBatch], name: &str) -> Vec<String> {
    let of = |batch: &RecordBatch| {
        let array = batch.column_by_name(name).expect(name).clone();
        // Instants are shown without their zone, which is UTC.
        let array = match array.data_type() {
            DataType::Timestamp(unit, Some(_)) => cast(&array, &DataType::Timestamp(*unit, None)).expect("an instant"),
            _ => array,
        };
        (0..batch.num_rows()).map(move |row| array_value_to_string(&array, row).expect("a value")).collect::<Vec<_>>()
    };
    batches.iter().flat_map(of).collect()
}

const ENROLLED: &str = "fills = \"enrollments\"\nzone = \"UTC\"\n[limits]\nrejected_share = 1.0\n";

#[test]
fn only_required_and_key_columns_refuse_a_record_and_what_others_lose_is_counted_by_reason() {
    let text = "user_id,content_id,attempt,status,score,progress,due_at,required\n\
        u1,c,1,enrolled,0.5,0.5,2026-03-02,true\n\
        u2,c,1,enrolled,eleven,0.5,soon,perhaps\n\
        u3,c,1,enrolled,11,1.5,2026-02-30,true\n\
        u4,c,one,enrolled,0.5,0.5,,true\n\
        u5,c,1,begun,0.5,0.5,,true\n\
        ,c,1,enrolled,x,0.5,,true\n";
    let (batches, intake) = read_csv(ENROLLED, text).expect("read");
    assert_eq!(rejected(&intake), ["4 type_mismatch", "5 unknown_enum", "6 missing_required"]);
    assert_eq!(column(&batches, "score"), ["0.5", "", ""]);
    assert_eq!(column(&batches, "required"), ["true", "", "true"]);
    let dropped = [
        "value_dropped required type_mismatch 1",
        "value_dropped due_at ts_format 1",
        "value_dropped due_at ts_invalid 1",
        "value_dropped progress out_of_range 1",
        "value_dropped score out_of_range 1",
        "value_dropped score type_mismatch 1",
    ];
    assert_eq!(said(&intake), dropped, "nothing is said of values of records that were refused");
}

#[test]
fn scores_are_kept_from_minus_one_to_ten_and_noted_above_one() {
    for (table, required, values) in [
        ("enrollments", "user_id,content_id,status,score\n", "u,c,enrolled,"),
        ("activity", "event_id,occurred_at,user_id,verb,score\n", "e,2026-03-02T09:00:00Z,u,answered,"),
    ] {
        let rows = ["-1", "-0.25", "1", "1.5", "10", "-1.1", "10.1"].map(|score| format!("{values}{score}\n"));
        let (batches, intake) =
            read_csv(&format!("fills = \"{table}\"\n"), &format!("{required}{}", rows.concat())).expect("read");
        assert_eq!(column(&batches, "score"), ["-1.0", "-0.25", "1.0", "1.5", "10.0", "", ""], "{table}");
        assert_eq!(said(&intake), ["value_dropped score out_of_range 2", "score_above_one score 2"], "{table}");
    }
}

#[test]
fn contradictions_are_counted_and_kept() {
    let text = "user_id,content_id,status,progress,completed_at,assigned_at\n\
        u1,c,completed,1,,2026-02-01\n\
        u2,c,passed,1,2026-03-02,2026-02-01\n\
        u3,c,assigned,1,,1989-12-31\n\
        u4,c,assigned,0.5,,\n";
    let (_, intake) = read_csv(ENROLLED, text).expect("read");
    assert_eq!(intake.accepted, 4);
    let counted =
        ["before_the_world assigned_at 1", "completed_without_date status 1", "progress_without_start status 1"];
    assert_eq!(said(&intake), counted);
}

const LMS: &str = "fills = \"enrollments\"\nzone = \"UTC\"\n[limits]\nrejected_share = 1.0\n[[headers]]\nuser_id = \"u\"\ncontent_id = \"c\"\nstatus = { value = \"enrolled\" }\n";

#[test]
fn optional_headers_that_are_absent_are_said_and_not_read_as_empty() {
    let feed = format!(
        "{LMS}due_at = {{ from = \"Due\", optional = true }}\nscore = {{ from = [\"Score\", \"Grade\"], optional = true, divide_by = \"Max\" }}\nprogress = {{ from = \"Done\", optional = true }}\n"
    );
    let (_, intake) = read_csv(&feed, "u,c,Grade,Done\nu1,c,3,\n").expect("read");
    assert_eq!(intake.absent, ["due_at", "score"], "what it is divided by is not there");
    assert_eq!(said(&intake), ["header_absent due_at 1", "header_absent score 1"]);
    let (_, intake) = read_csv(&feed, "u,c,Grade,Max,Due\nu1,c,3,4,\n").expect("read");
    assert_eq!(intake.absent, ["progress"]);
    // A feed in the canon's own names lists nothing, so only what was there before can be missed.
    let (_, intake) = read_csv("fills = \"users\"\n", "user_id,status\nu1,active\n").expect("read");
    assert!(intake.absent.contains(&"email".to_owned()) && said(&intake).is_empty());
}

#[test]
fn a_key_that_no_record_has_is_absent_and_a_null_is_not() {
    let feed = "description = \"\"\nfills = \"users\"\npath = \"**/*\"\nformat = \"ndjson\"\n[[headers]]\nuser_id = \"id\"\nemail = { from = \"mail\", optional = true }\nemployee_no = { from = \"no\", optional = true }\n";
    let read = |text: &str| try_read(feed, "a", text.as_bytes()).expect("read").1;
    assert_eq!(read("{\"id\":\"1\",\"mail\":null}\n{\"id\":\"2\"}\n").absent, ["employee_no"]);
    assert_eq!(read("{\"id\":\"1\",\"no\":\"7\"}\n{\"id\":\"2\"}\n").absent, ["email"]);
}

#[test]
fn two_columns_of_one_name_refuse_the_delivery_only_where_the_feed_reads_them() {
    let feed = "fills = \"users\"\n[[headers]]\nuser_id = \"id\"\nemail = { from = [\"mail\", \"e-mail\"], optional = true }\n";
    let (batches, intake) = read_csv(feed, "id,city,mail,city,,\n7,Berlin,a@x.test,DE,,\n").expect("read");
    assert_eq!(column(&batches, "email"), ["a@x.test"]);
    assert_eq!(said(&intake), ["header_twice city 1", "header_empty 2"]);
    assert_eq!(refused(feed, "id,mail,mail\n7,a,b\n"), "duplicate_header");
    assert_eq!(refused(feed, "id,e-mail,e-mail\n7,a,b\n"), "duplicate_header");
    let strict = feed.replace("[[headers]]", "unknown_columns = \"refuse\"\n[[headers]]");
    assert_eq!(refused(&strict, "id,mail,\n7,a,\n"), "unknown_column");
}

#[test]
fn a_header_may_be_a_pattern_and_name_the_zone_of_its_column() {
    let feed = "fills = \"enrollments\"\nzone = \"UTC\"\n[[headers]]\nuser_id = \"u\"\ncontent_id = \"c\"\nstatus = { value = \"enrolled\" }\n\
        due_at = { from_pattern = \"Deadline (* TimeZone)\", optional = true, date = \"%Y-%m-%d %H:%M\" }\n\
        enrolled_at = { from_pattern = \"Enrolled (*)\", optional = true, date = \"%Y-%m-%d %H:%M\", zone = \"Europe/Paris\" }\n\
        started_at = { from_pattern = \"Started (*)\", optional = true, date = \"%Y-%m-%d %H:%M\" }\n";
    let shown = |header: &str| {
        let (batches, intake) = read_csv(feed, &format!("u,c,{header}\nu1,c,2026-02-28 12:00\n")).expect("read");
        assert_eq!(intake.accepted, 1);
        let minute = |name: &str| column(&batches, name)[0].chars().take(16).collect::<String>();
        ["due_at", "enrolled_at", "started_at"].map(minute).concat()
    };
    assert_eq!(shown("Deadline (Asia/Calcutta TimeZone)"), "2026-02-28T06:30");
    assert_eq!(shown("Deadline (Europe/Berlin TimeZone)"), "2026-02-28T11:00");
    assert_eq!(shown("Enrolled (Asia/Calcutta)"), "2026-02-28T11:00", "the column has a zone of its own");
    assert_eq!(shown("Started (local)"), "2026-02-28T12:00", "no zone, so the feed's");
    let two = "u,c,Deadline (UTC TimeZone),Deadline (Asia/Calcutta TimeZone)\nu1,c,2026-02-28 12:00,2026-02-28 12:00\n";
    assert_eq!(refused(feed, two), "duplicate_header");
}

#[test]
fn values_over_several_columns_are_read_by_the_first_row_that_fits() {
    let feed = "fills = \"enrollments\"\nnulls = [\"-\"]\n[limits]\nrejected_share = 1.0\n[[headers]]\nuser_id = \"u\"\ncontent_id = \"c\"\n\
        [headers.status]\nfrom = [\"Done\", \"Assigned\"]\ncase = \"insensitive\"\n\
        values = [[\"true\", \"*\", \"completed\"], [\"false\", \"\", \"withdrawn\"], [\"false\", \"true\", \"assigned\"]]\n";
    let text = "u,c,Done,Assigned\nu1,c,TRUE,\nu2,c,false,-\nu3,c,False,True\nu4,c,false,no\nu5,c,,\n";
    let (batches, intake) = read_csv(feed, text).expect("read");
    assert_eq!(column(&batches, "status"), ["completed", "withdrawn", "assigned"]);
    assert_eq!(rejected(&intake), ["4 unknown_enum", "5 missing_required"]);
    let json = feed.replace("fills", "description = \"\"\npath = \"**/*\"\nformat = \"ndjson\"\nfills");
    let lines = "{\"u\":\"1\",\"c\":\"c\",\"Done\":true,\"Assigned\":false}\n{\"u\":\"2\",\"c\":\"c\",\"Done\":false,\"Assigned\":true}\n{\"u\":\"3\",\"c\":\"c\",\"Done\":false}\n";
    let (batches, _) = try_read(&json, "a", lines.as_bytes()).expect("read");
    assert_eq!(column(&batches, "status"), ["completed", "assigned", "withdrawn"]);
}

#[test]
fn a_value_may_stand_in_the_path_and_stand_in_for_an_empty_cell() {
    let feed = "description = \"\"\nfills = \"enrollments\"\npath = \"lms/{course}/r_{date}.csv\"\nformat = \"csv\"\n[[headers]]\nuser_id = \"u\"\ncontent_id = { from = [\"Course\", \"path:course\"] }\nstatus = { value = \"enrolled\" }\n";
    let (batches, _) = try_read(feed, "lms/SAFETY-01/r_2026-03-01.csv", b"u,Course\nu1,\nu2,FIRE\n").expect("read");
    assert_eq!(column(&batches, "content_id"), ["SAFETY-01", "FIRE"]);
    let (batches, _) = try_read(feed, "lms/A/r_2026-03-01.csv", b"u\nu1\n").expect("read");
    assert_eq!(column(&batches, "content_id"), ["A"], "the path alone is enough");
    let error = Feed::parse("f", &feed.replace("{course}", "*"), &Catalog::load().expect("contracts"));
    assert!(error.expect_err("refused").to_string().contains("not every `path` has {course}"));
}

#[test]
fn empty_null_and_missing_pass_on_to_the_next_alternative() {
    let feed = "fills = \"users\"\nnulls = [\"N/A\"]\n[[headers]]\nuser_id = { from = [\"a\", \"b\", \"c\"] }\n";
    let (batches, _) = read_csv(feed, "a,b,c\n1,2,3\n,2,3\nN/A, ,3\n").expect("read");
    assert_eq!(column(&batches, "user_id"), ["1", "2", "3"]);
    assert_eq!(refused(feed, "d\n1\n"), "missing_column");
    let (batches, _) = read_csv(feed, "c,d\n3,1\n").expect("read");
    assert_eq!(column(&batches, "user_id"), ["3"]);
    let json = feed.replace("fills", "description = \"\"\npath = \"**/*\"\nformat = \"ndjson\"\nfills");
    let lines = "{\"a\":\"1\",\"b\":\"2\"}\n{\"a\":\"\",\"b\":\"2\"}\n{\"a\":null,\"b\":\"N/A\",\"c\":3}\n{\"c\":\"4\"}\n{\"a\":null}\n";
    let (batches, intake) = try_read(&json, "a", lines.as_bytes()).expect("read");
    assert_eq!(column(&batches, "user_id"), ["1", "2", "3", "4"]);
    assert_eq!(rejected(&intake), ["5 null_not_allowed"]);
}

#[test]
fn several_columns_make_one_id_and_a_part_that_is_missing_makes_none() {
    let feed = "fills = \"users\"\n[limits]\nrejected_share = 1.0\n[[headers]]\nuser_id = { from = [\"site\", \"no\"], join = \"-\" }\n";
    let (batches, intake) = read_csv(feed, "site,no\n A , 7\nB,007\nA,\n").expect("read");
    assert_eq!(column(&batches, "user_id"), ["A-7", "B-007"]);
    assert_eq!(rejected(&intake), ["3 missing_required"]);
    assert_eq!(refused(feed, "site\nA\n"), "missing_column");
}

#[test]
fn a_raw_score_is_divided_by_its_maximum_and_dropped_above_it() {
    let feed = format!("{LMS}score = {{ from = \"Score\", divide_by = \"Max\", optional = true }}\n");
    let text = "u,c,Score,Max\nu1,c,9,10\nu2,c,7,10\nu3,c,11,10\nu4,c,5,0\nu5,c,5,\nu6,c,,\nu7,c,5,many\n";
    let (batches, intake) = read_csv(&feed, text).expect("read");
    assert_eq!(column(&batches, "score"), ["0.9", "0.7", "", "", "", "", ""]);
    let dropped = [
        "value_dropped score divisor_missing 2",
        "value_dropped score out_of_range 1",
        "value_dropped score type_mismatch 1",
    ];
    assert_eq!(said(&intake), dropped);
}

#[test]
fn whole_numbers_are_rounded_unless_the_feed_wants_whole_ones() {
    let text = "u,c,Time\nu1,c,600.4\nu2,c,\"1,600.5\"\nu3,c,99999999999999999999\n";
    let seconds = |keys: &str| {
        let feed = format!("{LMS}time_spent_seconds = {{ from = \"Time\"{keys} }}\n");
        let (batches, intake) = read_csv(&feed, text).expect("read");
        (column(&batches, "time_spent_seconds").join(" "), said(&intake).join(", "))
    };
    let past = "value_dropped time_spent_seconds out_of_range 1";
    let other = "value_dropped time_spent_seconds type_mismatch";
    assert_eq!(seconds(""), ("600  ".into(), format!("{past}, {other} 1")));
    assert_eq!(seconds(", thousands = \",\""), ("600 1600 ".into(), past.into()));
    assert_eq!(seconds(", thousands = \",\", whole = true"), ("  ".into(), format!("{past}, {other} 2")));
}

#[test]
fn numbers_past_their_type_are_out_of_range_in_csv_and_json_integers_and_floats() {
    let csv = "user_id,content_id,status,score,time_spent_seconds\nu1,c,enrolled,1e400,5\nu2,c,enrolled,0.5,18446744073709551616\n";
    let (_, intake) = read_csv(ENROLLED, csv).expect("read");
    let both = ["value_dropped score out_of_range 1", "value_dropped time_spent_seconds out_of_range 1"];
    assert_eq!(said(&intake), both);
    let feed = format!("description = \"\"\npath = \"**/*\"\nformat = \"ndjson\"\n{ENROLLED}");
    let lines = "{\"user_id\":\"u1\",\"content_id\":\"c\",\"status\":\"enrolled\",\"score\":1e400,\"time_spent_seconds\":5}\n\
        {\"user_id\":\"u2\",\"content_id\":\"c\",\"status\":\"enrolled\",\"score\":0.5,\"time_spent_seconds\":18446744073709551616}\n";
    let (_, intake) = try_read(&feed, "a", lines.as_bytes()).expect("read");
    assert_eq!((said(&intake), intake.accepted), (both.map(String::from).to_vec(), 2));
}

#[test]
fn whole_numbers_are_ids_in_json_and_parquet_and_doubles_are_not() {
    let feed = "description = \"\"\nfills = \"users\"\npath = \"**/*\"\nformat = \"ndjson\"\n[limits]\nrejected_share = 1.0\n[[headers]]\nuser_id = \"id\"\n";
    let lines = "{\"id\":101}\n{\"id\":18446744073709551615}\n{\"id\":101.0}\n{\"id\":true}\n{\"id\":\"007\"}\n";
    let (batches, intake) = try_read(feed, "a", lines.as_bytes()).expect("read");
    assert_eq!(column(&batches, "user_id"), ["101", "18446744073709551615", "007"]);
    assert_eq!(rejected(&intake), ["3 type_mismatch", "4 type_mismatch"]);
    let feed = feed.replace("ndjson", "parquet");
    let parquet = |ids: ArrayRef| {
        let file = parquet_file(ids.clone(), ids);
        match try_read(&feed, "a", &file) {
            Ok((batches, _)) => column(&batches, "user_id"),
            Err(refusal) => vec![refusal.reason.code().into(), refusal.column.unwrap_or_default()],
        }
    };
    let decimal = |scale: i8| -> ArrayRef {
        let values = vec![12_345_678_901_234_567_890_123_456_700_i128, 700];
        Arc::new(Decimal128Array::from(values).with_precision_and_scale(38, scale).expect("fits"))
    };
    assert_eq!(parquet(Arc::new(UInt64Array::from(vec![7, u64::MAX]))), ["7", "18446744073709551615"]);
    assert_eq!(parquet(decimal(0)), ["12345678901234567890123456700", "700"]);
    assert_eq!(parquet(decimal(2)), ["type_mismatch", "user_id"]);
    assert_eq!(parquet(Arc::new(Float64Array::from(vec![7.0, 8.0]))), ["type_mismatch", "user_id"]);
}

#[test]
fn a_column_that_changes_its_kind_overnight_keeps_its_text() {
    let feed = "description = \"\"\nfills = \"workers\"\npath = \"**/*\"\nformat = [\"csv\", \"ndjson\"]\n";
    for (path, text) in [
        ("a.csv", "worker_id,effective_from,status,job_level\nw1,2026-01-01,active,7\nw2,2026-01-01,active,VP-2\n"),
        (
            "a.ndjson",
            "{\"worker_id\":\"w1\",\"effective_from\":\"2026-01-01\",\"status\":\"active\",\"job_level\":7}\n{\"worker_id\":\"w2\",\"effective_from\":\"2026-01-01\",\"status\":\"active\",\"job_level\":\"VP-2\"}\n",
        ),
    ] {
        let (batches, _) = try_read(feed, path, text.as_bytes()).expect("read");
        assert_eq!(column(&batches, "job_level"), ["7", "VP-2"], "{path}");
    }
}

#[test]
fn backslashes_escape_where_the_feed_says_so() {
    let feed = "fills = \"content\"\nnulls = ['\\N']\n[csv]\nescape = '\\'\n[[headers]]\ncontent_id = \"id\"\ntitle = \"t\"\nkind = { value = \"course\" }\n";
    let text = "id,t\n1,\"say \\\"hi\\\", \\\\ or \"\"so\"\"\"\n2,a\\, b\\\nc\n3,\\N\n4,\"ends in \\\\\"\n5,\\\"x\n";
    let (batches, intake) = read_csv(feed, text).expect("read");
    assert_eq!(rejected(&intake), Vec::<String>::new());
    assert_eq!(column(&batches, "title"), ["say \"hi\", \\ or \"so\"", "a, b\nc", "", "ends in \\", "\"x"]);
    assert_eq!(refused(&feed.replace("escape = '\\'", ""), "id,t\n1,\"say \\\"hi\\\"\"\n2,x\n"), "accepted 1");
    let error = Feed::parse(
        "f",
        &format!(
            "description = \"\"\npath = \"a\"\nformat = \"csv\"\n{}",
            feed.replace("escape = '\\'", "escape = '\"'")
        ),
        &Catalog::load().expect("contracts"),
    );
    assert!(error.expect_err("refused").to_string().contains("csv.escape"));
}

#[test]
fn what_spreadsheets_make_of_ids_is_refused_or_counted() {
    let text = "user_id,employee_no,email\n1.2E+05,1,\n120000.0,2,\n120000,1.5e+06,\n7E2,4.0,\n\u{430}nn,5,\n";
    let (batches, intake) = read_csv("fills = \"users\"\n[limits]\nrejected_share = 1.0\n", text).expect("read");
    assert_eq!(rejected(&intake), ["1 id_scientific", "2 id_float"]);
    assert_eq!(column(&batches, "employee_no"), ["", "", "5"]);
    let counted =
        ["id_non_ascii user_id 1", "value_dropped employee_no id_float 1", "value_dropped employee_no id_scientific 1"];
    assert_eq!(said(&intake), counted);
}

#[test]
fn a_header_again_is_one_also_with_a_mark_or_other_spaces() {
    let feed = "fills = \"content\"\n[limits]\nrejected_share = 1.0\n[[headers]]\ncontent_id = \"Course ID\"\ntitle = \"Name\"\nkind = { value = \"course\" }\n";
    let text = "Course ID,Name\n1,x\n\u{feff}Course ID,Name\n2,x\n\u{feff}\"Course ID\",\"Name\"\n Course\u{a0}ID , Name\nCourse ID,Name\nCourse ID 2,Name\n";
    let (batches, intake) = read_csv(feed, text).expect("read");
    assert_eq!(column(&batches, "content_id"), ["1", "2", "Course ID 2"]);
    assert_eq!(rejected(&intake), ["2", "4", "5", "6"].map(|record| format!("{record} repeated_header")));
}

#[test]
fn a_nul_byte_spoils_its_record_and_above_one_in_a_hundred_the_delivery() {
    let rows = |count: usize, bad: &[usize]| {
        let row = |n: usize| format!("{n},{},course\n", if bad.contains(&n) { "a\0b" } else { "ab" });
        format!("content_id,title,kind\n{}", (0..count).map(row).collect::<String>())
    };
    let feed = "fills = \"content\"\n";
    let (_, intake) = read_csv(feed, &rows(200, &[3, 77])).expect("read");
    assert_eq!((intake.accepted, rejected(&intake)), (198, vec!["4 control_char".into(), "78 control_char".into()]));
    assert_eq!(refused(feed, &rows(200, &[3, 4, 5])), "encoding");
    assert_eq!(refused(feed, &rows(5, &[3])), "accepted 4", "one byte is damage, however few the records");
    assert_eq!(refused(feed, &rows(5, &[3, 4])), "encoding");
    assert_eq!(refused(feed, "content_id,ti\0tle,kind\nc,x,course\n"), "encoding");
    let json = "description = \"\"\nfills = \"content\"\npath = \"**/*\"\nformat = \"ndjson\"\n";
    let line = |title: &str| format!("{{\"content_id\":\"c\",\"kind\":\"course\",\"title\":\"{title}\"}}\n");
    let text = format!("{}{}{}", line("a"), line("a\0b"), line("c"));
    let (_, intake) = try_read(json, "a", text.as_bytes()).expect("read");
    assert_eq!((intake.accepted, rejected(&intake)), (2, vec!["2 json_invalid".into()]));
}

#[test]
fn a_delivery_whose_records_are_all_rejected_is_refused_however_few() {
    let feed = "fills = \"users\"\n[limits]\nrejected_share = 1.0\n[gates]\nreject_share = \"off\"\n[[headers]]\nuser_id = \"id\"\nstatus = { from = \"s\", optional = true }\n";
    assert_eq!(refused(feed, "id\n\" \"\n"), "reject_share");
    assert_eq!(refused(feed, "id\n\" \"\n7\n"), "accepted 1");
    assert_eq!(refused(feed, "id\n"), "accepted 0", "no record is another matter");
}

#[test]
fn terminated_before_hired_is_inverted_and_a_day_of_both_is_not() {
    let text = "worker_id,effective_from,status,hire_date,termination_date\n\
        w1,2026-01-01,terminated,2026-01-01,2026-01-01\n\
        w2,2026-01-01,terminated,2026-01-02,2026-01-01\n";
    let (_, intake) = read_csv("fills = \"workers\"\n[limits]\nrejected_share = 1.0\n", text).expect("read");
    assert_eq!(rejected(&intake), ["2 interval_inverted"]);
}

#[test]
fn reactions_of_nobody_are_counts_where_the_feed_says_so() {
    let text = "reaction_id,contribution_id,actor_id,kind,value,occurred_at\n\
        r1,k1,,like,12,2026-03-02T09:00:00Z\n\
        r2,k1,u1,like,,2026-03-02T09:00:00Z\n\
        r3,k1,,like,,2026-03-02T09:00:00Z\n\
        r4,k1,,like,0,2026-03-02T09:00:00Z\n\
        r5,k1,,like,1.5,2026-03-02T09:00:00Z\n";
    let head = |more: &str| format!("fills = \"reactions\"\n{more}[limits]\nrejected_share = 1.0\n");
    let (_, intake) = read_csv(&head("anonymous = true\n"), text).expect("read");
    assert_eq!(rejected(&intake), ["3 missing_required", "4 out_of_range", "5 out_of_range"]);
    let (_, intake) = read_csv(&head(""), text).expect("read");
    assert_eq!(intake.accepted, 1);
    let users = "description = \"\"\npath = \"a\"\nformat = \"csv\"\nfills = \"users\"\nanonymous = true\n";
    let error = Feed::parse("f", users, &Catalog::load().expect("contracts")).expect_err("refused").to_string();
    assert!(error.contains("anonymous"), "{error}");
}

#[test]
fn a_vocabulary_may_ignore_case_with_words_and_without() {
    let feed = "fills = \"users\"\n[[headers]]\nuser_id = \"id\"\nstatus = { from = \"s\", case = \"insensitive\" }\nkind = { from = \"k\", case = \"insensitive\", values = { \"Staff\" = \"learner\" } }\n";
    let (batches, _) = read_csv(feed, "id,s,k\n1,ACTIVE,STAFF\n2,Suspended,staff\n").expect("read");
    assert_eq!(column(&batches, "status"), ["active", "suspended"]);
    assert_eq!(column(&batches, "kind"), ["learner", "learner"]);
    let two = "description = \"\"\npath = \"a\"\nformat = \"csv\"\nfills = \"users\"\n[[headers]]\nuser_id = \"id\"\nkind = { from = \"k\", case = \"insensitive\", values = { \"A\" = \"learner\", \"a\" = \"test\" } }\n";
    let error = Feed::parse("f", two, &Catalog::load().expect("contracts")).expect_err("refused").to_string();
    assert!(error.contains("differ only in case"), "{error}");
}
