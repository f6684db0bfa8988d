//! Damaged deliveries of reviews: ratings, nominations and endorsements. A verdict is what the gate must say: `5` rows,
//! `4 3:reason` (record 3 is refused), `reason` (the file).

use bytes::Bytes;
use serde_json::Value;
use uptake::feed::Pseudonyms;
use uptake::feed::try_files::try_files;

use super::{feed_of, folder, gzip, gzip_bytes, manifest};

/// Feed, what is wrong, the delivery, the verdict.
type Case = (&'static str, &'static str, Bytes, &'static str);

fn judged_as_wanted(manifest: &Value, cases: &[Case]) {
    let as_of = manifest["limits"]["as_of"].as_str().and_then(|text| text.parse().ok()).expect("as_of");
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|(name, what, bytes, wanted)| {
            let (feed, table) = feed_of(name, &manifest["limits"]);
            let files = [("case.csv".to_owned(), bytes.clone())];
            let report = try_files(&feed, &table, as_of, &Pseudonyms::Off, &files).remove(0);
            let rejects = report.rejected.iter().fold(report.accepted.to_string(), |text, reject| {
                format!("{text} {}:{}", reject.record, reject.reason)
            });
            let said = report.refused.as_ref().map_or(rejects, |refused| refused.reason.to_owned());
            (said != *wanted).then(|| format!("{name}, {what}: {said}, wanted {wanted}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Ratings, nominations and endorsements damaged in the ways the manifest's samples show, by the same notation.
#[test]
fn damaged_ratings_nominations_and_endorsements_are_judged_by_the_same_rules() {
    let Some(manifest) = manifest() else { return };
    let ratings = std::fs::read_to_string(folder().join("csv/r001_baseline.csv")).expect("the baseline");
    let third = |to: &str| ratings.replacen("k3,a3,m3,3,3,2,2026-03-01T09:00:00Z", to, 1);
    let nominations = |third: &str| {
        format!(
            "nomination_id,contribution_id,nominee_id,nominator_id,cycle,nominated_at,consent\n\
            n1,k1,a1,p1,2026H1,2026-03-01T09:00:00Z,yes\nn2,k2,a2,p1,2026H1,2026-03-01T09:00:00Z,\n{third}\n"
        )
    };
    let endorsements = |third: &str| {
        format!(
            "endorsement_id,contribution_id,endorser_id,author_id,manager_id,endorsed_at\n\
            d1,k1,p1,a1,m1,2026-03-01T09:00:00Z\nd2,k1,p2,a1,,2026-03-01T09:00:00Z\n{third}\n"
        )
    };
    let cases: Vec<(&str, &str, String, &str)> = vec![
        ("rubric", "above the rubric", third("k3,a3,m3,5,3,2,2026-03-01T09:00:00Z"), "4 3:out_of_range"),
        ("rubric", "below the rubric", third("k3,a3,m3,3,0,2,2026-03-01T09:00:00Z"), "4 3:out_of_range"),
        ("rubric", "half a point", third("k3,a3,m3,3,2.5,2,2026-03-01T09:00:00Z"), "4 3:type_mismatch"),
        ("rubric", "a word", third("k3,a3,m3,high,3,2,2026-03-01T09:00:00Z"), "4 3:type_mismatch"),
        ("rubric", "a dimension not rated", third("k3,a3,m3,3,3,,2026-03-01T09:00:00Z"), "4 3:missing_required"),
        ("rubric", "one's own item", third("k3,a3,a3,3,3,2,2026-03-01T09:00:00Z"), "4 3:self_rating"),
        ("rubric", "nobody rated", third("k3,a3,,3,3,2,2026-03-01T09:00:00Z"), "4 3:missing_required"),
        ("rubric", "rated next year", third("k3,a3,m3,3,3,2,2027-03-01T09:00:00Z"), "4 3:ts_future"),
        ("rubric", "the same again", third("k1,a1,m1,3,3,2,2026-03-01T09:00:00Z"), "4"),
        ("nomination", "no answer yet", nominations("n3,k3,a3,p1,2026H1,2026-03-01T09:00:00Z,"), "3"),
        ("nomination", "declined", nominations("n3,k3,a3,p1,2026H1,2026-03-01T09:00:00Z,No"), "3"),
        ("nomination", "a shrug", nominations("n3,k3,a3,p1,2026H1,2026-03-01T09:00:00Z,maybe"), "3"),
        ("nomination", "of nobody", nominations("n3,k3,,p1,2026H1,2026-03-01T09:00:00Z,yes"), "2 3:missing_required"),
        ("nomination", "to no cycle", nominations("n3,k3,a3,p1,,2026-03-01T09:00:00Z,yes"), "2 3:missing_required"),
        ("endorsement", "by nobody", endorsements("d3,k1,,a1,m1,2026-03-01T09:00:00Z"), "2 3:missing_required"),
        ("endorsement", "without a day", endorsements("d3,k1,p3,a1,m1,2026-03-01"), "3"),
        ("endorsement", "the same again", endorsements("d1,k1,p1,a1,m1,2026-03-01T09:00:00Z"), "2"),
    ];
    let cases: Vec<Case> =
        cases.into_iter().map(|(feed, what, text, wanted)| (feed, what, text.into(), wanted)).collect();
    judged_as_wanted(&manifest, &cases);
}

/// Three good rows of a feed; the third is the one that gets damaged.
struct Sound {
    feed: &'static str,
    text: &'static str,
    /// Its id, its instant, and a header that no row needs twice.
    id: &'static str,
    column: &'static str,
}

const AT: &str = "2026-03-04T09:00:00Z";

const SOUND: [Sound; 3] = [
    Sound {
        feed: "rubric",
        text: "contribution_id,author_id,rater_id,relevance,quality,impact,scored_at\n\
            k1,a1,m1,3,3,2,2026-03-02T09:00:00Z\nk2,a2,m1,4,1,2,2026-03-03T09:00:00Z\nk3,a3,m3,3,3,2,2026-03-04T09:00:00Z\n",
        id: "k3",
        column: "rater_id",
    },
    Sound {
        feed: "nomination",
        text: "nomination_id,contribution_id,nominee_id,nominator_id,cycle,nominated_at,consent\n\
            n1,k1,a1,p1,H1,2026-03-02T09:00:00Z,yes\nn2,k2,a2,p1,H1,2026-03-03T09:00:00Z,\nn3,k3,a3,p1,H1,2026-03-04T09:00:00Z,yes\n",
        id: "n3",
        column: "nominator_id",
    },
    Sound {
        feed: "endorsement",
        text: "endorsement_id,contribution_id,endorser_id,author_id,manager_id,endorsed_at\n\
            d1,k1,p1,a1,m1,2026-03-02T09:00:00Z\nd2,k1,p2,a1,,2026-03-03T09:00:00Z\nd3,k3,p1,a3,m1,2026-03-04T09:00:00Z\n",
        id: "d3",
        column: "endorser_id",
    },
];

/// The same damage to each of the three.
#[test]
fn each_feed_of_reviews_is_gated_alike() {
    let Some(manifest) = manifest() else { return };
    let mut cases: Vec<Case> = Vec::new();
    for Sound { feed, text, id, column } in SOUND {
        let swap = |from: &str, to: &str| Bytes::from(text.replacen(from, to, 1));
        let when = |at: &str| swap(AT, at);
        let header = text.lines().next().unwrap_or_default();
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let cut = |bytes: Vec<u8>| Bytes::from(bytes[..bytes.len() - 12].to_vec());
        let mut add = |what: &'static str, bytes: Bytes, wanted: &'static str| cases.push((feed, what, bytes, wanted));
        add("nothing", text.into(), "3");
        add("a mark of UTF-8", format!("\u{feff}{text}").into(), "3");
        add("UTF-16 that nobody declared", utf16.into(), "encoding");
        add("a NUL", swap(id, &format!("{id}\0")), "2 3:control_char");
        add("Latin-1", [text.as_bytes(), b"caf\xe9\n"].concat().into(), "invalid_utf8");
        add("carriage returns alone", text.replace('\n', "\r").into(), "line_endings");
        add("Windows line ends and no last one", text.trim_end().replace('\n', "\r\n").into(), "3");
        add("text after a quote", swap(id, &format!("\"{id}\"x")), "2 3:bad_quote");
        add("a quote that never ends", swap(id, &format!("\"{id}")), "unterminated_quote");
        add("a column twice", swap(column, "contribution_id"), "duplicate_header");
        add("a column that is gone", swap(column, "somebody"), "missing_column");
        add("a column in capitals", swap(column, &column.to_uppercase()), "missing_column");
        add("a column more", text.replace('\n', ",x\n").into(), "3");
        add("a field more", swap(id, &format!("{id},{id}")), "2 3:ragged_long");
        add("the header again", swap(id, &format!("{header}\n{id}")), "3 3:repeated_header");
        add("semicolons", text.replace(',', ";").into(), "missing_column");
        add("an id of nothing", swap(id, ""), "2 3:missing_required");
        add("an id nobody can see", swap(id, "\u{200b}k3"), "2 3:id_charset");
        add("the 30th of February", when("2026-02-30T09:00:00Z"), "2 3:ts_invalid");
        add("hour 24", when("2026-03-04T24:00:00Z"), "2 3:ts_invalid");
        add("minute 60", when("2026-03-04T09:60:00Z"), "2 3:ts_invalid");
        add("an offset", when("2026-03-04T10:00:00+01:00"), "3");
        add("an offset of a day", when("2026-03-04T10:00:00+24:00"), "2 3:ts_invalid");
        add("no offset", when("2026-03-04T09:00:00"), "2 3:ts_no_timezone");
        add("day before month", when("04.03.2026 09:00"), "2 3:ts_format");
        add("a year of two digits", when("26-03-04T09:00:00Z"), "2 3:ts_format");
        add("no instant", when(""), "2 3:missing_required");
        add("next year", when("2027-03-04T09:00:00Z"), "2 3:ts_future");
        add("gzip cut short", cut(gzip(text)), "truncated_compressed");
        add("gzip whole", gzip_bytes(text.as_bytes()).into(), "3");
        add("a page to sign in", Bytes::from_static(b"<html><body>Sign in</body></html>"), "not_csv");
    }
    judged_as_wanted(&manifest, &cases);
}

/// What a mark may look like: whole points from 1 to 4 in plain digits.
#[test]
fn a_mark_is_a_whole_point_in_plain_digits() {
    let Some(manifest) = manifest() else { return };
    let cases: Vec<Case> = [
        ("4", "3"),
        ("4.0", "3"),
        (" 3", "3"),
        ("\u{ff13}", "2 3:type_mismatch"),
        ("1e0", "2 3:type_mismatch"),
        ("0x3", "2 3:type_mismatch"),
        ("3,0", "2 3:ragged_long"),
        ("\"3,0\"", "2 3:type_mismatch"),
        ("3/4", "2 3:type_mismatch"),
        ("III", "2 3:type_mismatch"),
        ("true", "2 3:type_mismatch"),
        ("nan", "2 3:nonfinite"),
        ("Infinity", "2 3:nonfinite"),
        ("-1", "2 3:out_of_range"),
        ("0", "2 3:out_of_range"),
        ("5", "2 3:out_of_range"),
        ("4.5", "2 3:type_mismatch"),
        ("9223372036854775808", "2 3:out_of_range"),
        ("-99999999999999999999", "2 3:out_of_range"),
        ("", "2 3:missing_required"),
        ("NULL", "2 3:type_mismatch"),
    ]
    .into_iter()
    .map(|(mark, wanted)| ("rubric", mark, SOUND[0].text.replacen("m3,3,", &format!("m3,{mark},"), 1).into(), wanted))
    .collect();
    judged_as_wanted(&manifest, &cases);
}
