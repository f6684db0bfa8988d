//! One record for each element of an array inside of a record.

use super::check;
use crate::contract::Catalog;
use crate::feed::Feed;

const COLUMNS: &str = "user_id = { from = \"who.email\", as = \"email\" }
content_id = \"course\"
status = { from = \"acts.kind\", optional = true, values = { \"DONE\" = \"completed\" } }
completed_at = { from = \"acts.at\", optional = true, date = \"epoch_ms\" }
attempt = { from = [\"acts.try.no\", \"try\"], optional = true }";
const SHOWN: [&str; 4] = ["user_id", "content_id", "attempt", "completed_at"];

fn head(format: &str, json: &str) -> String {
    format!("fills = \"enrollments\"\nformat = \"{format}\"\nunique_key = false\n[json]\n{json}")
}

fn read(format: &str, json: &str, text: &str, expected: &[&str]) {
    let required = COLUMNS.replace("optional = true, values", "values");
    check(&head(format, json), &required, "a", text.as_bytes(), &SHOWN, expected);
}

#[test]
fn each_element_is_a_record_with_the_fields_around_it_in_every_form_of_json() {
    let one = r#"{"who":{"email":"A@x.test"},"course":"c1","try":"9","acts":[{"kind":"DONE","at":1772442000000,"try":{"no":"1"}},{"at":1772528400000,"kind":"DONE"}]}"#;
    let two = r#"{"course":"c2","acts":[{"kind":"DONE","at":1772442000000}],"who":{"email":"b@x.test"}}"#;
    let expected =
        ["a@x.test|c1|1|2026-03-02 09:00:00", "a@x.test|c1|9|2026-03-03 09:00:00", "b@x.test|c2||2026-03-02 09:00:00"];
    read("ndjson", "explode = \"acts\"", &format!("{one}\n{two}\n"), &expected);
    read("json_array", "explode = \"acts\"", &format!("[{one},\n{two}]"), &expected);
    read(
        "json_array",
        "root = \"d.elements\"\nexplode = \"acts\"",
        &format!("{{\"d\":{{\"elements\":[{one},{two}]}}}}"),
        &expected,
    );
}

#[test]
fn an_array_without_elements_makes_no_record_and_one_object_in_its_place_is_its_only_element() {
    let text = r#"{"who":{"email":"a@x.test"},"course":"c1","acts":[]}
{"who":{"email":"a@x.test"},"course":"c2","acts":null}
{"who":{"email":"a@x.test"},"course":"c3"}
{"who":{"email":"a@x.test"},"course":"c4","acts":{"kind":"DONE","at":1772442000000}}
{"who":{"email":"a@x.test"},"course":"c5","acts":[null,{"kind":"DONE","at":1772442000000},7]}
"#;
    let toml = format!(
        "description = \"\"\npath = \"**/*\"\n{}\n[limits]\nrejected_share = 1.0\n[[headers]]\n{COLUMNS}",
        head("ndjson", "explode = \"acts\"")
    );
    let (_, intake) = super::try_read(&toml, "a", text.as_bytes()).expect("read");
    assert_eq!(
        (intake.read, intake.filtered, intake.accepted),
        (6, 3, 2),
        "7 is an element that says nothing of a status"
    );
    let last = intake.rejected.first().expect("one");
    let start = text.find("{\"who\":{\"email\":\"a@x.test\"},\"course\":\"c5\"").expect("there") as u64;
    assert_eq!(
        (last.record, last.byte_offset),
        (6, start),
        "counted as they are made, and found where the object begins"
    );
}

#[test]
fn a_delivery_in_which_no_record_has_the_array_is_refused_and_not_empty() {
    read(
        "ndjson",
        "explode = \"acts\"",
        r#"{"who":{"email":"a@x.test"},"course":"c1","actions":[{"kind":"DONE"}]}"#,
        &["missing_column"],
    );
    read("ndjson", "explode = \"acts\"", r#"{"who":{"email":"a@x.test"},"course":"c1","acts":[]}"#, &[]);
}

#[test]
fn arrays_on_the_way_have_elements_too_and_plain_values_are_read_by_their_own_path() {
    let columns =
        "user_id = \"who\"\ncontent_id = \"units.id\"\nstatus = { value = \"completed\" }\nattempt = \"units.tries\"";
    let text =
        r#"{"who":"u1","units":[{"id":"c1","tries":["1","2"]},{"id":"c2","tries":["1"]},{"id":"c3","tries":[]}]}"#;
    let head = head("ndjson", "explode = \"units.tries\"");
    check(
        &head,
        columns,
        "a",
        text.as_bytes(),
        &["user_id", "content_id", "attempt"],
        &["u1|c1|1", "u1|c1|2", "u1|c2|1"],
    );
}

#[test]
fn conditions_and_ids_made_of_a_record_are_those_of_the_element() {
    let head = "fills = \"activity\"\nformat = \"ndjson\"\nwhere = [{ column = \"acts.kind\", in = [\"DONE\"] }]\n[json]\nexplode = \"acts\"";
    let columns = "event_id = \"@record\"\nuser_id = \"who\"\nverb = { value = \"completed\" }\noccurred_at = { from = \"acts.at\", date = \"epoch_ms\" }";
    let ids = |text: &str| {
        let toml = format!("description = \"\"\npath = \"**/*\"\n{head}\n[[headers]]\n{columns}");
        let (batches, intake) = super::try_read(&toml, "a", text.as_bytes()).expect("read");
        let of = |batch: &arrow::array::RecordBatch| {
            let ids = batch.column_by_name("event_id").expect("ids");
            let id = |row: usize| arrow::util::display::array_value_to_string(ids, row).expect("an id");
            (0..batch.num_rows()).map(id).collect::<Vec<_>>()
        };
        (batches.iter().flat_map(of).collect::<Vec<String>>(), intake.filtered)
    };
    let (day, left_out) = ids(r#"{"who":"u1","acts":[{"kind":"DONE","at":1772442000000},{"kind":"SEEN","at":1}]}"#);
    assert_eq!((day.len(), left_out), (1, 1));
    let (next, _) =
        ids(r#"{"who":"u1","acts":[{"at":1772442000000,"kind":"DONE"},{"kind":"DONE","at":1772528400000}]}"#);
    assert_eq!(
        (next.len(), &next[0]),
        (2, &day[0]),
        "an array that has grown since makes no new event of an old element"
    );
    assert_ne!(next[0], next[1]);
}

#[test]
fn explode_without_effect_is_an_error_of_the_feed() {
    let said = |head: &str, columns: &str| {
        let text = format!("description = \"\"\npath = \"x\"\n{head}\n[[headers]]\n{columns}");
        Feed::parse("f", &text, &Catalog::load().expect("contracts")).expect_err("no effect").to_string()
    };
    let head =
        |format: &str, path: &str| format!("fills = \"users\"\nformat = \"{format}\"\n[json]\nexplode = \"{path}\"");
    assert!(said(&head("csv", "a"), "user_id = \"a.b\"").contains("no format of the feed is JSON"));
    assert!(said(&head("ndjson", "a[0]"), "user_id = \"a.b\"").contains("is no path of keys"));
    assert!(said(&head("ndjson", "a"), "user_id = \"ab.c\"").contains("no column is read from under `a`"));
    assert!(
        said(&head("ndjson", "a").replace("format", "dialect = \"xapi\"\nformat"), "user_id = \"a.b\"")
            .contains("not for statements")
    );
}
