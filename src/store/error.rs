//! What can go wrong with an object, in words for the person at the terminal.
//!
//! The store libraries' own messages carry query strings (signed URLs), response bodies and addresses of metadata services.
//! None of that is passed on: an [`Error`] names the object, says what happened in a few words and what to do next.

use std::error::Error as StdError;
use std::io;

use object_store::client::HttpError;

use super::answers::{self, service_code};
use super::http::Final;

pub type Result<T> = std::result::Result<T, Error>;

/// What happened, as far as a caller has to tell cases apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There is no such object, bucket or folder.
    NotFound,
    /// The object is no longer the one that was listed (its etag or size moved).
    Changed,
    /// The body was shorter or longer than the store said it would be.
    Truncated,
    /// No credentials, wrong ones, or too few rights.
    Denied,
    /// Throttling, time-outs, lost connections: the same call may succeed later.
    Transient,
    /// The store cannot do what the house needs, above all create-only writes.
    Unsupported,
    /// A name that is written once holds other bytes than ours.
    Conflict,
    /// The URL, a setting in the environment, a certificate or a host name is wrong.
    Config,
    /// No room: a full disk or bucket, or a quota used up.
    Full,
    Other,
}

/// A failed operation on one object (or prefix), without query strings and secrets.
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot {action} {object}: {reason}")]
pub struct Error {
    pub kind: Kind,
    /// The operation in the infinitive: `read`, `write`, `list`, `delete`, `open`.
    pub action: &'static str,
    /// The object's URL.
    pub object: String,
    pub reason: String,
    /// The next step, for a line that starts with `hint:`.
    pub hint: Option<String>,
}

impl Error {
    pub fn new(kind: Kind, action: &'static str, object: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { kind, action, object: object.into(), reason: reason.into(), hint: None }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether running again, unchanged, can help. An object that changed under the reader is a delivery still being written.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, Kind::Transient | Kind::Changed | Kind::Truncated)
    }

    /// Whether it can pass of itself: the exit code of a scheduler's "try again". All else is final. An object that somebody named and
    /// that is not there may be one that was deleted between the two.
    pub fn may_pass(&self) -> bool {
        self.is_transient() || (self.kind == Kind::NotFound && self.action == "read")
    }

    /// Translates a store library's error.
    pub(super) fn translate(action: &'static str, object: &str, error: &object_store::Error) -> Self {
        let text = chain(error);
        if let Some(known) = known(error, &text) {
            let translated = Self::new(known.kind, action, object, known.reason);
            return Self { hint: known.hint, ..translated };
        }
        let (kind, reason) = classify(error, &text);
        let translated = Self::new(kind, action, object, reason);
        match kind {
            Kind::Denied if names_identity_service(&text) => Self {
                reason: "no credentials: none in the environment, and no metadata service answers".to_owned(),
                ..translated
            }
            .hint(credentials_hint(object)),
            Kind::Denied => {
                let hint = format!("{}, and that they may {action} there", credentials_hint(object));
                translated.hint(hint)
            }
            Kind::Transient if of_disk(error).is_some() => {
                translated.hint("try again; if it stays, check the disk or its server")
            }
            Kind::Transient => translated.hint("try again; if it stays, check the endpoint and the network"),
            Kind::Truncated => translated.hint("try again"),
            Kind::NotFound if action == "read" => {
                translated.hint("it was named a moment ago: try again; if it stays missing, it was deleted")
            }
            Kind::NotFound if action == "list" => translated.hint("check the name of the bucket or folder"),
            Kind::Config if is_unpacked(&text) => translated.hint(UNPACKED_HINT),
            _ => translated,
        }
    }
}

/// Which environment names this kind of store reads its credentials from.
pub(super) fn credentials_hint(url: &str) -> &'static str {
    match url.split("://").next().unwrap_or_default() {
        "s3" | "s3a" => {
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (AWS profiles are not read), or attach a role; check that they are right"
        }
        "gs" => {
            "set GOOGLE_SERVICE_ACCOUNT to the path of a key file, or attach a service account; check that it is right"
        }
        "az" | "abfs" | "abfss" | "azure" | "adl" => {
            "set AZURE_STORAGE_ACCOUNT_NAME with AZURE_STORAGE_ACCOUNT_KEY or a client secret, or attach an identity; check that they are right"
        }
        _ => "check who owns the folder and its mode",
    }
}

/// Why a store serves other bytes than it lists, and the ways out of it.
pub(super) const UNPACKED_HINT: &str = "an object with Content-Encoding: gzip is unpacked by some stores on the way; store it without that header, \
    under a name that ends in .gz";

/// What was recognised before object_store saw it, and the words of disks and services that name the next step themselves.
fn known(error: &object_store::Error, text: &str) -> Option<Final> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(found) = inner.downcast_ref::<Final>() {
            return Some(found.clone());
        }
        cause = inner.source();
    }
    if let Some(found) = of_disk(error).and_then(disk) {
        return Some(found);
    }
    if text.contains("redirect without LOCATION") {
        return answers::told(301, "PermanentRedirect");
    }
    // A body may hold whatever it likes: only those of refusals are looked into.
    let (status, (_, body)) = (status(text)?, text.rsplit_once("status code: ")?);
    let is_left_to_classify = matches!(status, 401 | 403 | 404 | 408 | 409 | 412 | 429 | 500..) || status < 300;
    if is_left_to_classify { answers::told(status, body) } else { Some(answers::refused(status, body)) }
}

/// An error of the local file system that no network explains.
pub(super) fn disk(error: &io::Error) -> Option<Final> {
    use io::ErrorKind as E;
    let (kind, reason, hint) = match error.kind() {
        E::StorageFull => (Kind::Full, "the disk is full", "make room on the disk of that folder and run again"),
        E::QuotaExceeded => {
            (Kind::Full, "the disk quota is used up", "make room in that folder or raise its quota, and run again")
        }
        E::FileTooLarge => (Kind::Full, "the file is larger than the disk or the limits allow", "check `ulimit -f`"),
        E::ReadOnlyFilesystem => {
            (Kind::Denied, "its disk is read-only", "mount it for writing, or name another folder in the job file")
        }
        E::PermissionDenied => (Kind::Denied, "permission denied", "check who owns the folder and its mode"),
        // EMFILE and ENFILE have no kind of their own.
        _ if matches!(error.raw_os_error(), Some(23 | 24)) => {
            (Kind::Other, "too many files are open", "raise `ulimit -n` and run again")
        }
        _ => return None,
    };
    Some(Final::new(kind, reason).hint(hint))
}

fn classify(error: &object_store::Error, text: &str) -> (Kind, String) {
    use object_store::Error as E;
    let reason = || status(text).map_or_else(|| innermost(error), |code| format!("{code}{}", service_code(text)));
    match error {
        E::NotFound { .. } => (Kind::NotFound, "not found".to_owned()),
        E::AlreadyExists { .. } => (Kind::Conflict, "it exists already".to_owned()),
        E::Precondition { .. } | E::NotModified { .. } => {
            (Kind::Changed, "it changed between listing and reading".to_owned())
        }
        E::PermissionDenied { .. } | E::Unauthenticated { .. } => (Kind::Denied, format!("refused: {}", reason())),
        E::NotSupported { .. } | E::NotImplemented { .. } => {
            (Kind::Unsupported, "the store does not support this".to_owned())
        }
        E::UnknownConfigurationKey { key, .. } => (Kind::Config, format!("unknown setting {key}")),
        E::InvalidPath { .. } => (Kind::Other, "the name is not a valid object name".to_owned()),
        // Lists and credential look-ups report everything as Generic, 403 included.
        _ => match status(text) {
            Some(401 | 403) => (Kind::Denied, format!("refused: {}", reason())),
            Some(404) => (Kind::NotFound, format!("not found{}", service_code(text))),
            Some(408 | 409 | 429 | 500..) => (Kind::Transient, reason()),
            Some(_) => (Kind::Other, reason()),
            // The rest of a body that broke off was asked for by range, and the whole, broken off again, was served.
            None if text.contains("Content-Range header not present") => {
                (Kind::Truncated, "the body broke off before its end".to_owned())
            }
            None if names_identity_service(text) => (Kind::Denied, reason()),
            None if is_unpacked(text) => (Kind::Config, "a part was asked for and the whole was served".to_owned()),
            None if is_answer_without_sense(text) => (Kind::Config, format!("its answer makes no sense: {}", reason())),
            None => match of_disk(error).map(io::Error::kind) {
                Some(io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory | io::ErrorKind::InvalidFilename) => {
                    (Kind::Other, reason())
                }
                _ => (Kind::Transient, reason()),
            },
        },
    }
}

/// The parts of an object are asked for by range; who unpacks it on the way serves it whole.
fn is_unpacked(text: &str) -> bool {
    text.contains("non-partial response")
}

/// Headers that every store sends and this one did not.
fn is_answer_without_sense(text: &str) -> bool {
    [
        "Header missing",
        "header not present",
        "Content-Range header",
        "CONTENT_RANGE",
        "Invalid last modified",
        "Invalid content length",
    ]
    .iter()
    .any(|words| text.contains(words))
}

/// All texts of an error and its causes. For classification only: never shown.
pub(super) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push('\n');
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// The most specific cause, made safe to show.
fn innermost(error: &object_store::Error) -> String {
    let mut last: &dyn StdError = error;
    while let Some(inner) = last.source() {
        last = inner;
    }
    scrub(&last.to_string())
}

/// The error of the operating system behind one of the local file system; those of connections are no disk's.
fn of_disk(error: &object_store::Error) -> Option<&io::Error> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<HttpError>() {
            return None;
        }
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return Some(io);
        }
        cause = inner.source();
    }
    None
}

/// The HTTP status in a message of object_store, whose retry error is not a public type.
fn status(text: &str) -> Option<u16> {
    let (_, after) = text.split_once("status code: ")?;
    after.get(..3)?.parse().ok()
}

fn names_identity_service(text: &str) -> bool {
    const MARKS: [&str; 6] = [
        "169.254.169.254",
        "169.254.170.2",
        "/latest/api/token",
        "/latest/meta-data",
        "computeMetadata",
        "/metadata/identity",
    ];
    MARKS.iter().any(|mark| text.contains(mark))
}

/// Makes foreign text safe to show: one line, no control or bidi characters, URLs without query and user, not endless.
pub(super) fn scrub(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(scrub_word).collect();
    let line: String = words.join(" ").chars().filter(|c| !c.is_control() && !is_bidi(*c)).collect();
    match line.char_indices().nth(300) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

fn scrub_word(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let rest = rest.split_once('?').map_or(rest, |(before, _)| before);
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let rest = match rest[..authority_end].rfind('@') {
        Some(at) => &rest[at + 1..],
        None => rest,
    };
    format!("{scheme}://{rest}")
}

fn is_bidi(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: text.to_owned().into() }
    }

    #[test]
    fn a_403_on_list_arrives_as_generic_and_is_still_a_refusal() {
        let body = "Error performing list request: Error performing GET http://127.0.0.1:1/b?list-type=2&X-Amz-Signature=abc in 1ms - \
                    Server returned non-2xx status code: 403 Forbidden: <Error><Code>SignatureDoesNotMatch</Code>\
                    <StringToSign>AKIASECRET</StringToSign></Error>";
        let error = Error::translate("list", "s3://lake/_commits", &generic(body));
        assert_eq!(error.kind, Kind::Denied);
        assert_eq!(error.to_string(), "cannot list s3://lake/_commits: refused: 403 (SignatureDoesNotMatch)");
        assert!(error.hint.is_some_and(|h| h.contains("AWS_ACCESS_KEY_ID")));
    }

    #[test]
    fn throttling_is_transient_and_a_bad_request_is_not() {
        let slow = generic("Server returned non-2xx status code: 503 Service Unavailable: <Code>SlowDown</Code>");
        assert!(Error::translate("write", "s3://b/x", &slow).is_transient());
        let bad = generic("Server returned non-2xx status code: 400 Bad Request: ");
        assert_eq!(Error::translate("write", "s3://b/x", &bad).kind, Kind::Other);
    }

    #[test]
    fn a_full_or_read_only_disk_is_blamed_on_the_disk() {
        for (errno, kind, words) in [
            (28, Kind::Full, "the disk is full"),
            (122, Kind::Full, "the disk quota is used up"),
            (30, Kind::Denied, "its disk is read-only"),
            (13, Kind::Denied, "permission denied"),
            (24, Kind::Other, "too many files are open"),
        ] {
            let source = Box::new(io::Error::from_raw_os_error(errno));
            let error = object_store::Error::Generic { store: "LocalFileSystem", source };
            let error = Error::translate("write", "file:///lake/marts/data/t/all-0.parquet", &error);
            assert_eq!((error.kind, error.reason.as_str(), error.may_pass()), (kind, words, false));
            assert!(error.hint.as_ref().is_some_and(|hint| !hint.contains("network")), "{error:?}");
        }
    }

    #[test]
    fn what_was_named_and_is_gone_may_come_back_and_a_missing_bucket_does_not() {
        let missing = object_store::Error::NotFound { path: "x".into(), source: "404".into() };
        assert!(Error::translate("read", "s3://b/x", &missing).may_pass());
        let bucket =
            generic("Server returned non-2xx status code: 404 Not Found: <Error><Code>NoSuchBucket</Code></Error>");
        for action in ["list", "read", "write"] {
            let error = Error::translate(action, "s3://b/x", &bucket);
            assert!(!error.may_pass() && error.reason.contains("there is no such bucket"), "{error}");
        }
    }

    #[test]
    fn an_unreachable_metadata_service_means_no_credentials() {
        let error = generic(
            "Error performing PUT http://169.254.169.254/latest/api/token in 5s - HTTP error: error sending request",
        );
        let error = Error::translate("list", "s3://b", &error);
        assert_eq!(error.kind, Kind::Denied);
        assert!(error.reason.starts_with("no credentials"), "{error}");
    }

    #[test]
    fn shown_text_has_no_query_no_user_and_no_control_characters() {
        let shown = scrub("GET https://user:pw@host/b/key?sig=SECRET&x=1 failed\u{202e}\r\n\u{1b}[31m twice");
        assert_eq!(shown, "GET https://host/b/key failed [31m twice");
    }
}
