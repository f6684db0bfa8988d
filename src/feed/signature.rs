//! What is kept of a text that is not: a hash that tells equal texts, and marks that tell similar ones.
//!
//! Both are keyed. A piece of five letters has few enough forms to try them all, and pieces overlap, so plain hashes of them
//! could be put together to the text again.

use super::cast;
use super::feed::Mapping;
use super::pseudonym::{Pseudonyms, hex};
use super::record::Cell;
use crate::contract::Made;
use crate::stats::signature::{MARK_BITS, Sketch};
use crate::stats::similarity::{normalise, shingles};

/// What is made of a cell; `None` where there is no text, or one without a letter. Nothing in a text refuses its record:
/// it is not kept, so nothing in it can do harm.
pub(super) fn make(made: Made, cell: Cell<'_>, mapping: &Mapping, keys: &Pseudonyms) -> Option<String> {
    let Cell::Text(raw) = cell else { return None };
    let raw = raw.trim_ascii();
    if cast::is_null(raw, mapping) {
        return None;
    }
    let text = String::from_utf8_lossy(raw);
    match made {
        Made::Hash => {
            let plain = normalise(&text);
            (!plain.is_empty()).then(|| {
                let mut out = String::with_capacity(32);
                hex(&keys.digest("text", plain.as_bytes()), &mut out);
                out
            })
        }
        Made::Signature => {
            let marks = shingles(&text).into_iter().map(|piece| {
                let digest = keys.digest("piece", &piece.to_be_bytes());
                let [a, b, c, d, e, f, g, h, ..] = digest;
                u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> (64 - MARK_BITS)
            });
            Sketch::of(marks).map(|sketch| sketch.write())
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::contract::Catalog;
    use crate::feed::{Context, Delivery, Feed, Pseudonyms, read};
    use arrow::array::{Array, AsArray, RecordBatch};

    const HEAD: &str = "contribution_id,author_id,kind,created_at,body_hash,body\n";

    fn read_with(keys: &Pseudonyms, feed: &str, text: &str) -> (RecordBatch, Vec<&'static str>) {
        let catalog = Catalog::load().expect("contracts");
        let feed = Feed::parse("test", feed, &catalog).expect("a feed");
        let as_of = "2026-03-31T00:00:00Z".parse().expect("a time");
        let delivery = Delivery { feed: "test".into(), path: "c.csv".into(), size: 1, etag: None, known_at: as_of };
        let mut batches = Vec::new();
        let mut sink = |batch| {
            batches.push(batch);
            Ok::<(), std::convert::Infallible>(())
        };
        let context = Context::new(catalog.table("contributions").expect("a table"), as_of, keys);
        let bytes = bytes::Bytes::copy_from_slice(text.as_bytes());
        let intake = read(&feed, &context, &delivery, &bytes, &mut sink).expect("read");
        (batches.remove(0), intake.warnings.iter().map(|warning| warning.code).collect())
    }

    fn column(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
        batch.column_by_name(name).expect(name).as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
    }

    const FEED: &str = "description = \"\"\nfills = \"contributions\"\npath = \"c.csv\"\nformat = \"csv\"\n";

    #[test]
    fn equal_texts_have_equal_marks_under_one_key_and_none_without_text() {
        let text = format!(
            "{HEAD}k1,u1,post,2026-03-02T09:00:00Z,,Reset a stuck batch\nk2,u2,post,2026-03-02T09:00:00Z,theirs,\"reset a STUCK\u{b} batch!\"\nk3,u2,post,2026-03-02T09:00:00Z,,\nk4,u2,post,2026-03-02T09:00:00Z,,?!\n"
        );
        let key = |key: &[u8]| Pseudonyms::keyed(key, "1").expect("a key");
        let (one, warnings) = read_with(&key(b"a key of some length"), FEED, &text);
        assert_eq!((one.num_rows(), warnings.len()), (4, 0), "a body is neither unknown nor a reason to refuse");
        let marks = column(&one, "body_signature");
        assert_eq!((&marks[0], marks[0].as_ref().map(String::len)), (&marks[1], Some(15 * 6)));
        assert_eq!(marks[2..], [None, None]);
        let hashes = column(&one, "body_hash");
        assert_eq!((hashes[0].as_ref().map(String::len), hashes[1].as_deref()), (Some(32), Some("theirs")));
        assert_eq!(hashes[2..], [None, None]);
        for other in [key(b"another key, as long"), Pseudonyms::Off] {
            let (other, _) = read_with(&other, FEED, &text);
            assert_ne!(column(&other, "body_signature")[0], marks[0]);
            assert_ne!(column(&other, "body_hash")[0], hashes[0]);
        }
    }

    #[test]
    fn a_short_limit_on_records_does_not_refuse_what_is_made_here() {
        let feed = format!("{FEED}[limits]\nrecord_bytes = 128\n");
        let text =
            format!("{HEAD}k1,u1,post,2026-03-02T09:00:00Z,,\"A text of sixty letters or so, that has more marks\"\n");
        let (batch, _) = read_with(&Pseudonyms::Off, &feed, &text);
        assert!(column(&batch, "body_signature")[0].as_ref().is_some_and(|marks| marks.len() > 128));
    }

    #[test]
    fn a_source_cannot_state_a_signature() {
        let text = "contribution_id,author_id,kind,created_at,body_signature\nk1,u1,post,2026-03-02T09:00:00Z,------\n";
        let (batch, warnings) = read_with(&Pseudonyms::Off, FEED, text);
        assert_eq!(
            (batch.column_by_name("body_signature").expect("there").null_count(), &warnings[..]),
            (1, &["unknown_column"][..])
        );
        let catalog = Catalog::load().expect("contracts");
        let mapped = format!(
            "{FEED}[[headers]]\ncontribution_id = \"i\"\nauthor_id = \"a\"\nkind = \"k\"\ncreated_at = \"c\"\nbody_signature = \"s\"\n"
        );
        let refused = Feed::parse("f", &mapped, &catalog).expect_err("refused").to_string();
        assert!(refused.contains("made at reading"), "{refused}");
    }
}
