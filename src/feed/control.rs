//! Control totals beside a delivery: what its sender says it holds. Binding where the feed declares them.

use super::reject::{Reason, Refusal};

/// Compares a sidecar with what was read of the object at `path`: `rows`, `bytes` and `sha256`, each where it is given, at least
/// one of them. A JSON object, lines `rows=5` or `rows: 5`, or lines of `sha256sum`, of which the one with the object's name holds.
pub(crate) fn check(sidecar: Option<&[u8]>, path: &str, rows: u64, bytes: u64, sha256: &str) -> Result<(), Refusal> {
    let refuse = |detail: String| Err(Refusal::new(Reason::ControlTotal, detail));
    let Some(text) = sidecar.and_then(|sidecar| std::str::from_utf8(sidecar).ok()) else {
        return refuse("the file with the control totals is missing".into());
    };
    let mut checked = 0;
    for (name, value) in entries(text.trim_start_matches('\u{feff}'), super::place::name(path)) {
        let (kind, actual) = match plain(&name).as_str() {
            "rows" | "records" | "rowcount" | "recordcount" => (Reason::ControlTotal, rows.to_string()),
            "bytes" | "size" | "bytesize" | "sizebytes" => (Reason::ControlTotal, bytes.to_string()),
            "checksum" | "hash" | "sha256" | "sha256sum" if is_sum(&value) => {
                (Reason::ChecksumMismatch, sha256.to_owned())
            }
            // A checksum of another kind would not bind: who declares one has to be told.
            "checksum" | "crc32" | "hash" | "md5" | "md5sum" | "sha1" | "sha1sum" | "sha512" => {
                return refuse(format!("it gives {name}, which is not computed here; sha256 is"));
            }
            "sha256" | "sha256sum" => (Reason::ChecksumMismatch, sha256.to_owned()),
            _ => continue,
        };
        checked += 1;
        if !actual.eq_ignore_ascii_case(bare(&value)) {
            return Err(Refusal::new(kind, format!("{name} differs")));
        }
    }
    if checked == 0 { refuse("the file with the control totals names none".into()) } else { Ok(()) }
}

/// A name as it is compared: `Row count` and `row_count` are one.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// The value without quotes and without `sha256:` in front.
fn bare(value: &str) -> &str {
    let value = value.trim_matches('"');
    value.strip_prefix("sha256:").unwrap_or(value).trim()
}

fn is_sum(value: &str) -> bool {
    let value = bare(value);
    value.len() == 64 && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn entries(text: &str, object: &str) -> Vec<(String, String)> {
    if let Ok(serde_json::Value::Object(object)) = serde_json::from_str(text) {
        let plain = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        return object.into_iter().map(|(name, value)| (name, plain(value))).collect();
    }
    let entry = |line: &str| {
        let mut words = line.split_whitespace();
        let sum = words.next().filter(|sum| is_sum(sum));
        if let Some(sum) = sum {
            // Without a name it is about the object it lies beside.
            let of = words.next().map(|name| super::place::name(name.trim_start_matches('*')));
            return of.is_none_or(|of| of == object).then(|| ("sha256".to_owned(), sum.to_owned()));
        }
        let (name, value) = line.split_once(['=', ':'])?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    };
    text.lines().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_bind_in_each_form() {
        let sum = "a".repeat(64);
        let other = "b".repeat(64);
        let ok = |text: &str| check(Some(text.as_bytes()), "lms/activity.csv", 5, 343, &sum).is_ok();
        assert!(ok("rows=5\nbytes=343\n"));
        assert!(ok("\u{feff}Row count: 5"));
        assert!(ok(r#"{"rows": 5, "sent": "today"}"#));
        assert!(ok(&format!("{sum}  activity.csv")));
        assert!(ok(&format!("{other} *users.csv\n{sum} *./activity.csv")));
        assert!(!ok(&format!("{sum}  users.csv")), "no line is about this object");
        assert!(!ok(&format!("{other}  activity.csv")));
        assert!(!ok("rows=7"));
        assert!(!ok(r#"{"rows": 5, "bytes": "344"}"#));
        assert!(!ok("rows=5\nmd5=900150983cd24fb0d6963f7d28e17f72"), "what is not compared does not bind");
        assert!(!ok("nothing"));
        assert!(check(None, "activity.csv", 5, 343, &sum).is_err());
    }
}
