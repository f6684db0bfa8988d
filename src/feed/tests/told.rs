//! What is told of what was refused: where, why, how it is written, what is declared and what would read it; never the value.

use super::*;
use crate::feed::told::Fault;

const ENROLLED: &str = "description = \"\"\npath = \"**/*\"\nformat = \"csv\"\nfills = \"enrollments\"\n[limits]\nrejected_share = 0.5\ndropped_share = 1.0\n[[headers]]\nuser_id = \"u\"\ncontent_id = \"c\"\n";

fn read_csv(toml: &str, text: &str) -> Result<Intake, Refusal> {
    try_read(toml, "a", text.as_bytes()).map(|(_, intake)| intake)
}

/// What is told of a column `x` of enrollments, mapped as `column`, whose values are these, one a record.
fn told(column: &str, values: &[&str]) -> Fault {
    let status = if column.starts_with("status") { "" } else { "status = { value = \"assigned\" }\n" };
    let rows: String = values.iter().map(|value| format!("u1,c1,\"{value}\"\n")).collect();
    let told = match read_csv(&format!("{ENROLLED}{status}{column}\n"), &format!("u,c,x\n{rows}")) {
        Ok(intake) => intake.told,
        Err(refusal) => refusal.told(),
    };
    told.values.into_iter().chain(told.faults).next().unwrap_or_default()
}

fn shapes(fault: &Fault) -> String {
    fault.found.iter().map(|shape| format!("{} {}", shape.count, shape.shape)).collect::<Vec<_>>().join(" | ")
}

#[test]
fn a_value_that_is_not_read_is_told_by_its_shape_with_the_form_declared_and_the_one_that_would_read_it() {
    let nearest = |fault: &Fault| {
        fault.nearest.as_ref().map_or_else(String::new, |near| format!("{} [{}/{}]", near.write, near.reads, near.of))
    };
    for (column, values, declared, found, near) in [
        (
            "due_at = { from = \"x\", date = \"%Y-%m-%d %H:%M:%S\", zone = \"UTC\" }",
            &["10.2.2026 14:30", "9.2.2026 9:15"][..],
            "`%Y-%m-%d %H:%M:%S`",
            "1 9.9.9999 9:99 | 1 99.9.9999 99:99",
            "`date = \"%d.%m.%Y %H:%M\"` [2/2]",
        ),
        (
            "due_at = { from = \"x\", date = [\"iso\", \"%d.%m.%Y\"] }",
            &["1/22/2026 3:05\u{202f}PM", "2/3/2026 11:00\u{202f}AM"],
            "`iso` or `%d.%m.%Y`",
            "1 9/9/9999 99:99<U+202F>aa | 1 9/99/9999 9:99<U+202F>aa",
            "`date = \"%m/%d/%Y %I:%M %p\"` and a `zone` [2/2]",
        ),
        (
            "due_at = { from = \"x\" }",
            &["02/03/2026"],
            "`iso`",
            "1 99/99/9999",
            "`date = \"%d/%m/%Y\"` or, with the month first, `\"%m/%d/%Y\"` [1/1]",
        ),
        (
            "due_at = { from = \"x\", date = \"%d.%m.%Y\" }",
            &["12. März 2026", "3. Oktober 2026", "soon"],
            "`%d.%m.%Y`",
            "1 9. aaaaaaa 9999 | 1 99. aaaa 9999 | 1 aaaa",
            "`date = \"%d. %b %Y\"` with `locale = \"de\"` [2/3]",
        ),
        (
            "due_at = { from = \"x\", date = \"epoch_s\", open_from = \"never\" }",
            &["1772366400000"],
            "`epoch_s`",
            "1 9…",
            "`date = \"epoch_ms\"` [1/1]",
        ),
        (
            "progress = { from = \"x\" }",
            &["97%", "3 %"],
            "a number from 0 to 1",
            "1 9 % | 1 99%",
            "`extract = \"{}%\", times = 0.01` [2/2]",
        ),
        ("progress = { from = \"x\" }", &["97"], "a number from 0 to 1", "1 99", "`times = 0.01` [1/1]"),
        (
            "score = { from = \"x\" }",
            &["0,75", "0,5"],
            "a number from -1 to 10",
            "1 9,9 | 1 9,99",
            "`decimal_comma = true` [2/2]",
        ),
        (
            "time_spent_seconds = { from = \"x\" }",
            &["1.234,5", "12.345,0"],
            "a number from 0 on",
            "1 9.999,9 | 1 99.999,9",
            "`decimal_comma = true, thousands = \".\"` [2/2]",
        ),
        (
            "time_spent_seconds = { from = \"x\" }",
            &["01:02:03"],
            "a number from 0 on",
            "1 99:99:99",
            "`as = \"clock\"` [1/1]",
        ),
        (
            "status = { from = \"x\", values = { \"Done\" = \"completed\", \"Open\" = \"assigned\" } }",
            &["DONE", "done"],
            "`Done` or `Open`",
            "2 aaaa",
            "`case = \"insensitive\"` (found is `Done` in another case) [2/2]",
        ),
        (
            "status = { from = \"x\", values = { \"Done\" = \"completed\", \"Open\" = \"assigned\" } }",
            &["secret word"],
            "`Done` or `Open`",
            "1 aaaaaa aaaa",
            "",
        ),
    ] {
        let fault = told(column, values);
        let declared = (Some(declared.to_owned()), found.to_owned(), near.to_owned());
        assert_eq!((fault.declared.clone(), shapes(&fault), nearest(&fault)), declared, "{column}");
        assert_eq!(fault.count, values.len() as u64, "{column}");
    }
}

#[test]
fn no_value_that_was_refused_stands_in_anything_that_is_told() {
    let secret = "Zebediah7 Quux-4711";
    for column in [
        "status = \"x\"",
        "due_at = \"x\"",
        "score = \"x\"",
        "required = \"x\"",
        "attempt = \"x\"",
        "time_spent_seconds = { from = \"x\", as = \"clock\" }",
    ] {
        let status = if column.starts_with("status") { "" } else { "status = { value = \"assigned\" }\n" };
        let text = format!("u,c,x\nu1,c1,{secret}\n");
        let told = match read_csv(&format!("{ENROLLED}{status}{column}\n"), &text) {
            Ok(intake) => format!("{}{:?}{:?}", intake.told.lines(), intake.told, intake.rejected),
            Err(refusal) => format!("{}{}{refusal:?}", refusal.sentence(), refusal.told().lines()),
        };
        assert!(told.contains("aaaaaaaa9 aaaa-9999"), "{column}: {told}");
        for word in ["Zebediah", "Quux", "4711"] {
            assert!(!told.contains(word), "{column}: {told}");
        }
    }
}

#[test]
fn words_that_took_the_default_of_their_column_are_told_by_their_shape() {
    let feed = format!(
        "{ENROLLED}status = {{ from = \"x\", values = {{ \"Done\" = \"completed\" }}, default = \"assigned\" }}\n"
    );
    let intake = read_csv(&feed, "u,c,x\nu1,c1,Done\nu2,c1,DONE\nu3,c1,DONE\nu4,c1,a-7\n").expect("read");
    let [fault] = intake.told.values.as_slice() else { panic!("{:?}", intake.told) };
    assert_eq!((fault.reason.as_str(), fault.count, shapes(fault)), ("unknown_values", 3, "2 aaaa | 1 a-9".into()));
    assert!(fault.nearest.as_ref().is_some_and(|nearest| nearest.write.contains("`Done` in another case")));
    let refused = intake.refused(Refusal::new(Reason::UnknownShare, "status: 75 % (3 of 4 records)"));
    assert!(refused.sentence().contains("mostly status, in 3 values"), "{}", refused.sentence());
}

#[test]
fn counts_by_column_and_reason_are_complete_and_the_first_ten_records_are_placed() {
    let bad: String = (0..30).map(|at| if at % 3 == 0 { ",c1,x\n" } else { "u1,c1,begun\n" }).collect();
    let refusal = read_csv(&format!("{ENROLLED}status = \"x\"\n"), &format!("u,c,x\nu0,c0,assigned\n{bad}"));
    let refusal = refusal.expect_err("more than half");
    let told = refusal.told();
    let faults: Vec<_> =
        told.faults.iter().map(|fault| (fault.column.as_deref(), fault.reason.as_str(), fault.count)).collect();
    assert_eq!(faults, [(Some("status"), "unknown_enum", 20), (Some("user_id"), "missing_required", 10)]);
    assert_eq!((told.read, told.rejected, told.first.len()), (31, 30, 10));
    assert_eq!((told.first[0].record, told.first[0].byte_offset), (2, 21));
    assert_eq!(
        refusal.sentence(),
        "too many of its records were rejected: 97 % (30 of 31 records), and the feed allows 50 %; mostly status, in 20 records: \
         the value is none of the words that the column knows [unknown_enum] (declared: `assigned`, `enrolled`, `in_progress`, \
         `completed`, `passed`, `failed`, `withdrawn`, `waived` or `expired`; found: `aaaaa`)"
    );
}

#[test]
fn a_file_that_cannot_be_read_as_declared_says_what_would_read_it() {
    let feed = format!("{ENROLLED}status = \"s\"\n");
    for (text, reason, said) in [
        (&b"u;c;s\nu1;c1;assigned\n"[..], "missing_column", "`csv = { delimiter = \";\" }` would find it"),
        (b"Report\nof today,x\nu,c,s\nu1,c1,assigned\n", "missing_column", "`csv = { header_row = 3 }` would find it"),
        (
            b"U,c,s\nu1,c1,assigned\n",
            "missing_column",
            "one header of the file differs from it only in case or in spaces",
        ),
        (b"u,c,s,c\nu1,c1,assigned,c\n", "duplicate_header", "`c` stands in columns 2 and 4"),
        (b"u,c,s\nJ\xfcrgen,c1,assigned\n", "invalid_utf8", "`encoding = \"windows-1252\"` would read it"),
        (b"\xff\xfeu\0,\0", "encoding", "`encoding = \"utf-16\"` would read it"),
    ] {
        let refusal = try_read(&feed, "a", text).map(|_| ()).expect_err("refused");
        assert_eq!(refusal.reason.code(), reason);
        assert!(refusal.sentence().contains(said), "{}", refusal.sentence());
    }
    let refusal = try_read(&feed, "a", b"u,c,s\nJ\xfcrgen,c1,assigned\n").map(|_| ()).expect_err("refused");
    assert_eq!(refusal.byte_offset, Some(7), "the first byte that is none");
}

#[test]
fn days_the_wrong_way_round_are_told_with_both_orders_and_three_places() {
    let feed = format!(
        "{}status = {{ value = \"completed\" }}\ncompleted_at = {{ from = \"x\", date = \"%m/%d/%Y\" }}\n",
        ENROLLED.replace("dropped_share = 1.0\n", "")
    );
    let rows: String = (13..20).map(|day| format!("u{day},c1,{day}/02/2026\n")).collect();
    let refusal = read_csv(&feed, &format!("u,c,x\n{rows}")).expect_err("refused");
    let told = refusal.told();
    assert_eq!((refusal.reason, told.first.len()), (Reason::DateOrder, 3));
    let fault = told.fault(Some("completed_at"), Reason::DateOrder).expect("its own");
    assert_eq!((fault.declared.as_deref(), shapes(fault)), (Some("`%m/%d/%Y`"), "3 99/99/9999".into()));
    assert!(refusal.sentence().contains("`date = \"%d/%m/%Y\"` would read them"), "{}", refusal.sentence());
}

#[test]
fn extract_keeps_the_number_of_a_text_before_it_is_read() {
    let feed = format!(
        "{ENROLLED}status = {{ value = \"assigned\" }}\nprogress = {{ from = \"x\", extract = \"{{}}%\", times = 0.01 }}\ntime_spent_seconds = {{ from = \"y\", extract = \"{{}} min\", times = 60 }}\n"
    );
    let (batches, intake) =
        try_read(&feed, "a", b"u,c,x,y\nu1,c1,97%,5 min\nu2,c1, 3 % ,5\nu3,c1,,\nu4,c1,50,2 min\n").expect("read");
    let column = |name: &str| {
        let array = batches[0].column_by_name(name).expect(name).clone();
        (0..4).map(|row| array_value_to_string(&array, row).expect("a value")).collect::<Vec<_>>()
    };
    assert_eq!(column("progress"), ["0.97", "0.03", "", ""]);
    assert_eq!(column("time_spent_seconds"), ["300", "", "", "120"]);
    let dropped: Vec<_> =
        intake.told.values.iter().map(|fault| (fault.column.as_deref().unwrap_or(""), fault.count)).collect();
    assert_eq!(dropped, [("progress", 1), ("time_spent_seconds", 1)], "what does not fit is counted, not lost");
}
