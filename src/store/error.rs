//! What can go wrong with an object, in words for the person at the terminal.
//!
//! The store libraries' own messages carry query strings (signed URLs), response bodies and addresses of metadata services.
//! None of that is passed on: an [`Error`] names the object, says what happened in a few words and what to do next.

use std::error::Error as StdError;

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
    /// The URL or a setting in the environment is wrong.
    Config,
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

    /// Translates a store library's error.
    pub(super) fn translate(action: &'static str, object: &str, error: &object_store::Error) -> Self {
        let text = chain(error);
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
            Kind::Transient => translated.hint("try again; if it stays, check the endpoint and the network"),
            Kind::NotFound if action == "list" => translated.hint("check the name of the bucket or folder"),
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
            Some(408 | 409 | 429 | 500..) | None => match io_kind(error) {
                Some(std::io::ErrorKind::PermissionDenied) => (Kind::Denied, "permission denied".to_owned()),
                Some(std::io::ErrorKind::NotADirectory | std::io::ErrorKind::IsADirectory) => (Kind::Other, reason()),
                _ if names_identity_service(text) && status(text).is_none() => (Kind::Denied, reason()),
                _ => (Kind::Transient, reason()),
            },
            Some(_) => (Kind::Other, reason()),
        },
    }
}

/// All texts of an error and its causes. For classification only: never shown.
fn chain(error: &object_store::Error) -> String {
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

fn io_kind(error: &object_store::Error) -> Option<std::io::ErrorKind> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            return Some(io.kind());
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

/// The `<Code>` of an S3 or Azure error body: a word of theirs, such as ` (SlowDown)`, never a value of ours.
fn service_code(text: &str) -> String {
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    match code {
        Some(code) if code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric()) => format!(" ({code})"),
        _ => String::new(),
    }
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
