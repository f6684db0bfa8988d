//! How long the house waits for a store that is busy.
//!
//! object_store's defaults give up after about 3 s of 503s and cut a request, body included, at 30 s. A nightly run has more
//! patience than a web page: it is cheaper to wait three minutes than to wake someone.

use std::time::Duration;

use object_store::{BackoffConfig, RetryConfig};

/// How long one request is tried again when the store answers 5xx or 429 or the connection fails.
const PATIENCE: Duration = Duration::from_secs(180);
/// The first pause; each further one doubles, with jitter, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// A whole request with its body. Bodies are read in parts of [`PART_BYTES`], so this is generous even on a slow line.
pub(super) const REQUEST_TIMEOUT: &str = "600s";
/// A connection on which nothing arrives.
pub(super) const READ_TIMEOUT: &str = "120s";
/// Larger objects are read in ranges of this many bytes.
pub(super) const PART_BYTES: u64 = 16 << 20;

/// How often a create-only write whose outcome is unknown is looked up and tried again, on top of [`config`].
pub(super) const SETTLE_ATTEMPTS: u32 = 4;

/// The budget for one request; `patience` in seconds comes from `UPTAKE_RETRY_SECONDS`, when set.
pub(super) fn config(patience: Option<u64>) -> RetryConfig {
    let retry_timeout = patience.map_or(PATIENCE, Duration::from_secs);
    let backoff = BackoffConfig { init_backoff: FIRST_PAUSE, max_backoff: LONGEST_PAUSE, base: 2.0 };
    // The time-out is the budget; the count only has to be high enough never to be the one that ends it.
    let max_retries = if retry_timeout.is_zero() { 0 } else { 1_000 };
    RetryConfig { backoff, max_retries, retry_timeout }
}

/// The pause before attempt `attempt` (from 1) at settling a write: 1, 2, 4, … times `unit`.
pub(super) fn pause(unit: Duration, attempt: u32) -> Duration {
    unit.saturating_mul(1 << attempt.saturating_sub(1).min(6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_time_not_attempts() {
        let mut slept = Duration::ZERO;
        let mut next = FIRST_PAUSE;
        let mut attempts = 0;
        while slept < PATIENCE {
            slept += next;
            next = (next * 2).min(LONGEST_PAUSE);
            attempts += 1;
        }
        assert!(attempts < config(None).max_retries);
        assert_eq!(config(Some(0)).max_retries, 0);
    }

    #[test]
    fn pauses_double() {
        let pauses: Vec<u128> = (1..=4).map(|n| pause(Duration::from_millis(50), n).as_millis()).collect();
        assert_eq!(pauses, [50, 100, 200, 400]);
    }
}

#[cfg(test)]
mod over_http {
    //! What a real client makes of real answers, on loopback.

    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    use crate::store::{Env, Kind, Store};

    const SECRET: &str = "canary-of-a-secret-key";

    /// Gives each request the next answer, the last one for ever.
    fn server(answers: &'static [&'static str]) -> Store {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for (i, connection) in listener.incoming().enumerate() {
                let mut reader = BufReader::new(connection.unwrap());
                let mut length = 0;
                let mut line = String::new();
                while reader.read_line(&mut line).unwrap() > 2 {
                    let header = line.to_ascii_lowercase();
                    length = header.strip_prefix("content-length:").map_or(length, |n| n.trim().parse().unwrap());
                    line.clear();
                }
                reader.read_exact(&mut vec![0; length]).unwrap();
                let (status, body) = answers[i.min(answers.len() - 1)].split_once('|').unwrap();
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\netag: \"1\"\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                reader.into_inner().write_all((head + body).as_bytes()).unwrap();
            }
        });
        let vars = [
            ("AWS_ENDPOINT", endpoint.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", "AKIACANARY"),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
            ("UPTAKE_RETRY_SECONDS", "20"),
        ];
        Store::open("s3://lake/p", &Env::new(vars)).unwrap()
    }

    #[test]
    fn a_busy_store_is_waited_for() {
        let store = server(&["503 Slow Down|", "500 Internal Server Error|", "200 OK|"]);
        assert_eq!(store.put_new("x", bytes::Bytes::from("1")).unwrap(), crate::store::Put::Created);
    }

    #[test]
    fn a_refusal_names_the_object_the_code_and_the_next_step_and_no_secret() {
        let store = server(&[
            "403 Forbidden|<Error><Code>SignatureDoesNotMatch</Code><AWSAccessKeyId>AKIACANARY</AWSAccessKeyId></Error>",
        ]);
        for error in [
            store.list("_commits").unwrap_err(),
            store.read("x").unwrap_err(),
            store.put_new("x", "1".into()).unwrap_err(),
        ] {
            assert_eq!(error.kind, Kind::Denied, "{error}");
            assert!(
                error.to_string().contains("s3://lake/p/")
                    && error.to_string().ends_with("refused: 403 (SignatureDoesNotMatch)"),
                "{error}"
            );
            assert!(error.hint.as_ref().unwrap().contains("AWS_SECRET_ACCESS_KEY"));
            let all = format!("{error} {error:?}");
            assert!(!all.contains(SECRET) && !all.contains("AKIACANARY") && !all.contains('?'), "{all}");
        }
    }

    #[test]
    fn a_create_whose_answer_got_lost_is_found_to_be_ours() {
        // Applied, then 503; the retry meets its own object: 412. Reading it back settles it.
        let ours = server(&["503 Slow Down|", "412 Precondition Failed|", "200 OK|mine"]);
        assert_eq!(ours.put_new("x", "mine".into()).unwrap(), crate::store::Put::Same);
        let theirs = server(&["412 Precondition Failed|", "200 OK|theirs"]);
        assert_eq!(theirs.put_new("x", "mine".into()).unwrap(), crate::store::Put::Different("theirs".into()));
    }

    #[test]
    fn what_cannot_end_otherwise_is_not_asked_for_again() {
        // The second answer would be a success.
        let answers: [(&[&str], Kind); 5] = [
            (&["501 Not Implemented|<Code>NotImplemented</Code>", "200 OK|"], Kind::Unsupported),
            (&["505 HTTP Version Not Supported|", "200 OK|"], Kind::Other),
            (&["507 Insufficient Storage|", "200 OK|"], Kind::Full),
            (&["405 Method Not Allowed|", "200 OK|"], Kind::Unsupported),
            (&["404 Not Found|<Code>NoSuchBucket</Code>", "200 OK|"], Kind::Config),
        ];
        for (answers, kind) in answers {
            let error = server(answers).put_new("x", "1".into()).unwrap_err();
            assert!(error.kind == kind && !error.may_pass(), "{answers:?}: {error}");
        }
        let refused = server(&["501 Not Implemented|", "200 OK|"]).put_new("x", "1".into()).unwrap_err();
        assert!(refused.reason.contains("the store lacks conditional writes (create-only)"), "{refused}");
        assert!(refused.hint.is_some_and(|hint| hint.contains("Cloudflare R2")));
    }

    #[test]
    fn a_listing_is_waited_for_and_a_web_page_is_none() {
        const LISTED: &str = "200 OK|<?xml version=\"1.0\"?><ListBucketResult><Contents><Key>p/a//b</Key><Size>1</Size>\
            <LastModified>2026-03-01T02:00:00.000Z</LastModified></Contents><Contents><Key>p/c.csv</Key><Size>1</Size>\
            <LastModified>2026-03-01T02:00:00.000Z</LastModified></Contents></ListBucketResult>";
        let store = server(&["503 Slow Down|", "429 Too Many Requests|", LISTED]);
        let listed: Vec<String> = store.list("").unwrap().into_iter().map(|object| object.path).collect();
        assert_eq!(listed, ["a//b", "c.csv"]);
        let error = store.read("a//b").unwrap_err();
        assert!(error.kind == Kind::Other && error.reason.contains("no name"), "{error}");
        let error = server(&["200 OK|<html><body>Sign in</body></html>"]).list("").unwrap_err();
        assert!(error.kind == Kind::Config && error.reason.contains("no listing"), "{error}");
    }

    #[test]
    fn an_object_that_is_served_otherwise_than_listed_is_named_with_what_does_that() {
        let store = server(&["200 OK|unpacked"]);
        let listed = |etag: &str| crate::store::Object {
            path: "x.csv.gz".into(),
            size: 5,
            etag: Some(etag.into()),
            last_modified: chrono::DateTime::UNIX_EPOCH,
        };
        let error = store.get(&listed("\"1\"")).unwrap_err();
        assert!(
            error.kind == Kind::Config && error.reason.contains("listed with 5 bytes and served with 8"),
            "{error}"
        );
        assert!(error.hint.is_some_and(|hint| hint.contains("Content-Encoding: gzip")));
        assert_eq!(store.get(&listed("\"0\"")).unwrap_err().kind, Kind::Changed, "another etag is another object");
    }

    #[test]
    fn a_conflict_with_nothing_there_yet_is_tried_again() {
        // S3 answers 409 while another create is under way.
        let store = server(&["409 Conflict|", "404 Not Found|", "200 OK|"]);
        assert_eq!(store.put_new("x", "1".into()).unwrap(), crate::store::Put::Created);
    }
}
