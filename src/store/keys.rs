//! Keys that are no names: `a//b`, `../x`, `./x`, `/x`, `x/`, and whatever holds a control character.
//!
//! Stores take them, and object_store ends a whole listing at the first, or makes another name of it (`/x` and `x/` become `x`).
//! So such a key is packed into a name of its own before object_store sees it, and unpacked into [`Object`](super::Object)s that
//! carry the key as it was listed. Nothing is ever read under one.

use std::borrow::Cow;

use object_store::path::Path;

/// Before the hex of a packed key. The first character is of no language, so that no sender's key starts like this by accident.
const PACKED: &str = "\u{f8ff}packed/";

/// Whether an object can be asked for under exactly this name.
pub fn is_name(key: &str) -> bool {
    let same = Path::parse(key).is_ok_and(|path| path.as_ref() == key);
    // Readers of XML drop white space around a text, and with it the name's.
    let odd = |c: char| c.is_control() || c == char::REPLACEMENT_CHARACTER;
    same && !key.is_empty() && key.trim() == key && !key.contains(odd) && !key.starts_with(PACKED)
}

fn pack(key: &str) -> String {
    format!("{PACKED}{}", hex::encode(key))
}

/// The key in a name that [`pack`] made; any other name is itself.
pub(super) fn unpack(name: &str) -> Cow<'_, str> {
    let packed = name.strip_prefix(PACKED).and_then(|packed| hex::decode(packed).ok());
    match packed.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(key) => Cow::Owned(key),
        None => Cow::Borrowed(name),
    }
}

/// A listing as a store answers it (S3 and Google Cloud: `<Key>`, Azure: `<Name>`), with every key packed that is no name.
/// `None` where the answer is no listing at all.
pub(super) fn packed(listing: &str) -> Option<String> {
    let (tag, end) = match (listing.contains("<ListBucketResult"), listing.contains("<EnumerationResults")) {
        (true, _) => ("<Key", "</Key>"),
        (_, true) => ("<Name", "</Name>"),
        _ => return None,
    };
    let mut text = String::with_capacity(listing.len());
    let mut rest = listing;
    while let Some(start) = rest.find(tag) {
        let (before, element) = rest.split_at(start);
        let Some((opening, after)) = element.split_once('>') else { break };
        let Some((written, after)) = after.split_once(end) else { break };
        let attributes = &opening[tag.len()..];
        text.push_str(before);
        // `<KeyCount>`, `<NextMarker>` and the like only start alike.
        if !attributes.is_empty() && !attributes.starts_with(' ') {
            text.push_str(tag);
            rest = &rest[start + tag.len()..];
            continue;
        }
        // Azure marks the names that XML cannot hold, and writes them as in a URL.
        let is_url_encoded = attributes.contains("Encoded=\"true\"");
        let key = unescaped(written);
        let name = if is_url_encoded {
            Cow::Owned(pack(&percent_decoded(&key)))
        } else if is_name(&key) {
            Cow::Borrowed(written)
        } else {
            Cow::Owned(pack(&key))
        };
        text.push_str(tag);
        text.push('>');
        text.push_str(&name);
        text.push_str(end);
        rest = after;
    }
    text.push_str(rest);
    Some(text)
}

/// The text that XML's entities stand for; what is none stays as it is.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let known = after.split_once(';').and_then(|(entity, after)| Some((character(entity)?, after)));
        match known {
            Some((character, after)) => {
                plain.push(character);
                rest = after;
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

pub(super) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).filter(|_| *first == b'%').and_then(|pair| hex::decode(pair).ok());
        match pair.as_deref() {
            Some([byte]) => {
                bytes.push(*byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: [&str; 12] = [
        "hris//export.tmp",
        "../x.csv",
        "a/../x.csv",
        "./x.csv",
        "a/./x.csv",
        "/x.csv",
        "folder/",
        "//",
        "a\u{1}b.csv",
        "a\nb.csv",
        " x.csv",
        "x.csv ",
    ];

    #[test]
    fn a_name_is_what_can_be_asked_for_unchanged() {
        for name in ["a", "a/b.csv", "ü/ж 1.csv", "100%.csv", "%2e%2e/x", "a&b.csv", "...", "a/.hidden"] {
            assert!(is_name(name), "{name}");
        }
        for key in ODD.into_iter().chain(["", ".", ".."]) {
            assert!(!is_name(key), "{key:?}");
        }
    }

    #[test]
    fn odd_keys_are_packed_and_come_back_as_they_were_and_the_others_are_not_touched() {
        let contents = |key: &str| {
            let key = key.replace('&', "&amp;").replace('<', "&lt;").replace('\u{1}', "&#x1;");
            format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>")
        };
        let keys: Vec<&str> = ODD.into_iter().chain(["a&b<c.csv", "plain.csv"]).collect();
        let listing: String = keys.iter().map(|key| contents(key)).collect();
        let listing =
            format!("<?xml version=\"1.0\"?><ListBucketResult><KeyCount>14</KeyCount>{listing}</ListBucketResult>");
        let packed = packed(&listing).unwrap();
        assert!(
            packed.contains("<KeyCount>14</KeyCount>") && packed.contains("<Key>a&amp;b&lt;c.csv</Key>"),
            "{packed}"
        );
        let names: Vec<&str> = packed.split("<Key>").skip(1).filter_map(|text| text.split("</Key>").next()).collect();
        let back: Vec<String> = names.iter().map(|name| unpack(&unescaped(name)).into_owned()).collect();
        assert_eq!(back, keys);
        assert!(names.iter().all(|name| Path::parse(&*unescaped(name)).is_ok()));
    }

    #[test]
    fn azure_names_are_packed_too_also_those_it_had_to_encode() {
        let listing = "<EnumerationResults><Blobs><Blob><Name>a//b</Name></Blob><Blob><Name Encoded=\"true\">a%01b</Name></Blob>\
                       <Blob><Name>c.csv</Name></Blob></Blobs><NextMarker /></EnumerationResults>";
        let packed = packed(listing).unwrap();
        let names: Vec<&str> = packed.split("<Name>").skip(1).filter_map(|text| text.split("</Name>").next()).collect();
        assert_eq!(names.iter().map(|name| unpack(name)).collect::<Vec<_>>(), ["a//b", "a\u{1}b", "c.csv"]);
    }

    #[test]
    fn a_web_page_is_no_listing() {
        assert_eq!(packed("<html><body>Sign in</body></html>"), None);
    }
}
