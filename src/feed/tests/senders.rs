//! What single senders write: selectors, parts of words, zones beside times, per cent with and without a sign.

use super::check;
use crate::contract::Catalog;
use crate::feed::Feed;

fn csv(table: &str, keys: &str) -> String {
    format!("fills = \"{table}\"\nformat = \"csv\"\n{keys}")
}

#[test]
fn an_element_of_an_array_is_found_by_what_it_says_of_itself() {
    let columns = "worker_id = \"id\"\nstatus = { value = \"active\" }\nemail = { from = \"mails[type.code=Work].uri\", optional = true }\n\
        org_id = { from = \"units[primary=true].code\", optional = true }\nemployee_no = { from = '\"4046.0\"', optional = true }";
    let text = r#"{"id":"w1","mails":[{"type":{"code":"Home"},"uri":"h@x.test"},{"type":{"code":"Work"},"uri":"w@x.test"}],"units":[{"primary":false,"code":"A"},{"primary":true,"code":"B"}],"4046.0":"n1"}
{"id":"w2","mails":[{"type":{"code":"Home"},"uri":"h@x.test"}],"units":{"primary":true,"code":"C"}}
"#;
    let head = "fills = \"workers\"\nformat = \"ndjson\"\nmode = \"full\"";
    let shown = ["worker_id", "email", "org_id", "employee_no"];
    check(head, columns, "a", text.as_bytes(), &shown, &["w1|w@x.test|B|n1", "w2||C|"]);
}

#[test]
fn conditions_ask_for_a_part_of_a_text_under_one_of_several_names_and_may_be_of_a_column_that_is_not_there() {
    let head = csv(
        "users",
        "where = [{ column = [\"email_code\", \"Code\"], like = [\"*_WORK_Primary\"] }, { column = \"deleted\", not_in = [\"true\"], optional = true }]",
    );
    let read = |text: &str, expected: &[&str]| {
        check(&head, "user_id = \"id\"\nemail = \"mail\"", "a", text.as_bytes(), &["email"], expected)
    };
    read("id,mail,email_code\n1,a@x.test,1_HOME_Primary\n1,b@x.test,1_WORK_Primary\n", &["b@x.test"]);
    read("id,mail,Code,deleted\n1,a@x.test,1_WORK_Primary,TRUE\n2,b@x.test,2_WORK_Primary,\n", &["b@x.test"]);
    read("id,mail\n1,a@x.test\n", &["missing_column"]);
}

#[test]
fn a_time_is_read_in_the_zone_that_its_record_names() {
    let head = csv("enrollments", "zone = \"Europe/Berlin\"\nlocale = \"en\"");
    let columns = "user_id = \"u\"\ncontent_id = \"c\"\nstatus = { value = \"completed\" }\n\
        completed_at = { from = \"at\", zone_from = \"tz\", date = \"%b-%d-%Y %H:%M:%S\" }";
    let text = "u,c,at,tz\nu1,c,MAR-02-2026 23:30:00,America/Bogota\nu2,c,MAR-02-2026 23:30:00,\nu3,c,MAR-02-2026 23:30:00,Nowhere/Land\nu4,c,MAR-02-2026 23:30:00,Asia/Tokyo\n";
    check(
        &head,
        columns,
        "a",
        text.as_bytes(),
        &["user_id", "completed_at"],
        &["u1|2026-03-03 04:30:00", "u2|2026-03-02 22:30:00", "u3|", "u4|2026-03-02 14:30:00"],
    );
    check(&head, columns, "a", b"u,c,at\nu1,c,MAR-02-2026 23:30:00\n", &["user_id"], &["missing_column"]);
}

#[test]
fn per_cent_are_shares_with_their_sign_or_without() {
    let columns = "user_id = \"u\"\ncontent_id = \"c\"\nstatus = { value = \"in_progress\" }\nprogress = { from = \"p\", as = \"percent\" }";
    let text = "u,c,p\nu1,c,45%\nu2,c,45\nu3,c,100 %\nu4,c,\nu5,c,half\n";
    let shown = ["user_id", "progress"];
    check(
        &csv("enrollments", ""),
        columns,
        "a",
        text.as_bytes(),
        &shown,
        &["u1|0.45", "u2|0.45", "u3|1.0", "u4|", "u5|"],
    );
    let json = "fills = \"enrollments\"\nformat = \"ndjson\"";
    check(
        json,
        columns,
        "a",
        b"{\"u\":\"u1\",\"c\":\"c\",\"p\":45}\n{\"u\":\"u2\",\"c\":\"c\",\"p\":45.5}\n",
        &shown,
        &["u1|0.45", "u2|0.455"],
    );
}

#[test]
fn accounts_of_one_system_carry_its_name_before_them() {
    let columns = "user_id = { from = \"id\", prefix = \"talentlms:\" }\nemail = { from = \"mail\", optional = true }";
    check(
        &csv("users", ""),
        columns,
        "a",
        b"id,mail\n12,a@x.test\n007,\n",
        &["user_id"],
        &["talentlms:12", "talentlms:007"],
    );
    let lists = "contribution_id = \"id\"\nauthor_id = \"by\"\nkind = { value = \"post\" }\ncreated_at = \"at\"\ncredited_ids = { from = \"with\", prefix = \"t:\" }";
    let text = "id,by,at,with\nc1,u1,2026-03-02T09:00:00Z,5; 6\nc2,u1,2026-03-02T09:00:00Z,\n";
    check(&csv("contributions", ""), lists, "a", text.as_bytes(), &["credited_ids"], &["t:5;t:6", ""]);
}

#[test]
fn ids_that_a_sender_has_made_numbers_of_are_told_from_damaged_ones() {
    let columns = "worker_id = \"id\"\nstatus = { value = \"active\" }\nmanager_id = { from = \"boss\", as = \"whole\", optional = true }";
    let head = csv("workers", "mode = \"full\"");
    let text = b"id,boss\nw1,123.0\nw2,007\nw3,1.2E+05\nw4,12.5\n";
    check(&head, columns, "a", text, &["worker_id", "manager_id"], &["w1|123", "w2|007", "w3|", "w4|12.5"]);
    let json = "fills = \"workers\"\nformat = \"ndjson\"\nmode = \"full\"";
    check(
        json,
        columns,
        "a",
        b"{\"id\":\"w1\",\"boss\":123.0}\n{\"id\":\"w2\",\"boss\":7}\n",
        &["manager_id"],
        &["123", "7"],
    );
}

#[test]
fn the_header_may_stand_below_a_title_block_of_any_height() {
    let head = csv("users", "csv = { header_row = \"found\" }");
    let read = |text: &str, expected: &[&str]| {
        check(&head, "user_id = \"User ID\"", "a", text.as_bytes(), &["user_id"], expected)
    };
    read("Learners,,\n\"Run on, March\"\n\nName,User ID\nA,u1\nB,u2\n", &["u1", "u2"]);
    read("Name,User ID\nA,u1\n", &["u1"]);
    read("Learners\nName,Account\nA,u1\n", &["missing_column"]);
}

#[test]
fn keys_that_would_do_nothing_are_errors_of_the_feed() {
    let said = |table: &str, keys: &str, column: &str| {
        let text = format!(
            "description = \"\"\npath = \"x\"\nfills = \"{table}\"\nformat = \"csv\"\n{keys}\n[[headers]]\nuser_id = \"u\"\n{column}"
        );
        Feed::parse("f", &text, &Catalog::load().expect("contracts")).expect_err("no effect").to_string()
    };
    let enrolled = "content_id = \"c\"\nstatus = { value = \"completed\" }\n";
    for (column, key) in [
        ("progress = { from = \"p\", zone_from = \"z\" }", "zone_from"),
        ("progress = { from = \"p\", prefix = \"z\" }", "prefix"),
        ("progress = { from = \"p\", as = \"percent\", times = 2 }", "too many"),
        ("attempt = { from = \"p\", as = \"percent\" }", "does not fit"),
    ] {
        let said = said("enrollments", "", &format!("{enrolled}{column}"));
        assert!(said.contains(key), "{column}: {said}");
    }
    assert!(said("users", "order_by = { column = \"x\", holds = \"most\" }", "").contains("none of greatest, least"));
    assert!(said("users", "where = [{ column = [], like = [\"*x\"] }]", "").contains("names no column"));
}

#[test]
fn an_answer_about_one_thing_is_one_record_of_an_export_of_arrays() {
    let head = "fills = \"users\"\nformat = \"json_array\"";
    let read =
        |text: &str, expected: &[&str]| check(head, "user_id = \"id\"", "a", text.as_bytes(), &["user_id"], expected);
    read("{\"id\":\"7\"}", &["7"]);
    read("{\n  \"id\": \"7\"\n}\n", &["7"]);
    read("{\"id\":\"7\"}\n{\"id\":\"8\"}\n", &["not_ndjson"]);
    read("{\"error\":\"no such user\"}", &["reject_share"]);
    let exploded = format!("{head}\n[json]\nexplode = \"courses\"");
    let text = r#"{"id":"7","courses":[{"id":"c1"},{"id":"c2"}]}"#;
    check(
        &exploded,
        "user_id = { from = [\"id\", \"courses.id\"], join = \"/\" }",
        "a",
        text.as_bytes(),
        &["user_id"],
        &["7/c1", "7/c2"],
    );
}

#[test]
fn a_day_in_a_typed_cell_is_a_word_like_any_other_where_words_of_several_columns_are_compared() {
    let days = std::sync::Arc::new(arrow::array::Date32Array::from(vec![Some(20_515), None]));
    let ids = std::sync::Arc::new(arrow::array::StringArray::from(vec!["u1", "u2"]));
    let toml = "description = \"\"\nfills = \"enrollments\"\npath = \"**/*\"\nformat = \"parquet\"\n[[headers]]\nuser_id = \"id\"\ncontent_id = \"id\"\n\
        status = { from = [\"at\", \"id\"], values = [[\"\", \"*\", \"assigned\"], [\"2026-03-03\", \"*\", \"completed\"]] }";
    let (batches, intake) = super::try_read(toml, "a", &super::parquet_file(ids, days)).expect("read");
    assert_eq!((intake.accepted, intake.rejected_count()), (2, 0));
    let status = batches[0].column_by_name("status").expect("a status");
    let word = |row: usize| arrow::util::display::array_value_to_string(status, row).expect("a word");
    assert_eq!([word(0), word(1)], ["completed", "assigned"]);
}
