//! Control totals beside a delivery: what its sender says it holds. Binding where the feed declares them.

use super::reject::{Reason, Refusal};

/// Compares a sidecar with what was read: `rows`, `bytes` and `sha256`, each where it is given, at least one of them.
/// A JSON object, lines `rows=5` or `rows: 5`, or the line of `sha256sum`.
pub(crate) fn check(sidecar: Option<&[u8]>, rows: u64, bytes: u64, sha256: &str) -> Result<(), Refusal> {
    let refuse = |detail: String| Err(Refusal::new(Reason::ControlTotal, detail));
    let Some(text) = sidecar.and_then(|sidecar| std::str::from_utf8(sidecar).ok()) else {
        return refuse("the file with the control totals is missing".into());
    };
    let mut checked = 0;
    for (name, value) in entries(text) {
        let actual = match name.to_ascii_lowercase().as_str() {
            "rows" | "records" | "row_count" => rows.to_string(),
            "bytes" | "size" => bytes.to_string(),
            "sha256" => sha256.to_owned(),
            _ => continue,
        };
        checked += 1;
        if !actual.eq_ignore_ascii_case(&value) {
            let reason =
                if name.eq_ignore_ascii_case("sha256") { Reason::ChecksumMismatch } else { Reason::ControlTotal };
            return Err(Refusal::new(reason, format!("{name} differs")));
        }
    }
    if checked == 0 { refuse("the file with the control totals names none".into()) } else { Ok(()) }
}

fn entries(text: &str) -> Vec<(String, String)> {
    if let Ok(serde_json::Value::Object(object)) = serde_json::from_str(text) {
        let plain = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        return object.into_iter().map(|(name, value)| (name, plain(value))).collect();
    }
    let entry = |line: &str| {
        if let Some((name, value)) = line.split_once(['=', ':']) {
            return Some((name.trim().to_owned(), value.trim().to_owned()));
        }
        let sum = line
            .split_whitespace()
            .next()
            .filter(|sum| sum.len() == 64 && sum.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        Some(("sha256".to_owned(), sum.to_owned()))
    };
    text.lines().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_bind_in_each_form() {
        let sum = "a".repeat(64);
        let ok = |text: &str| check(Some(text.as_bytes()), 5, 343, &sum).is_ok();
        assert!(ok("rows=5\nbytes=343\n"));
        assert!(ok(r#"{"rows": 5, "sent": "today"}"#));
        assert!(ok(&format!("{sum}  activity.csv")));
        assert!(!ok("rows=7"));
        assert!(!ok(r#"{"rows": 5, "bytes": "344"}"#));
        assert!(!ok("nothing"));
        assert!(check(None, 5, 343, &sum).is_err());
    }
}
