//! What a store's refusals mean, in plain words: status and code of an answer.

use super::error::Kind;
use super::http::{Final, HAVE_CREATE_ONLY};

/// A create-only write that was refused for what it asks, not for what is there.
pub(super) fn create_refused(status: u16, body: &str) -> Final {
    match known(status, body) {
        Some(known) => known,
        // Azure's word for an API version that an emulator does not know.
        None if body.contains("InvalidHeaderValue") => refused(status, body),
        None => lacks_create_only(&format!("{status}{}", service_code(body))),
    }
}

/// A store without the writes that the commit log stands on.
pub(super) fn lacks_create_only(answer: &str) -> Final {
    Final::new(Kind::Unsupported, format!("{answer}: the store lacks conditional writes (create-only)"))
        .hint(HAVE_CREATE_ONLY)
}

/// Any other answer that stays the same when it is asked for again.
pub(super) fn refused(status: u16, body: &str) -> Final {
    if let Some(known) = known(status, body) {
        return known;
    }
    let answer = format!("{status}{}", service_code(body));
    match status {
        501 => Final::new(Kind::Unsupported, format!("{answer}: the store cannot do what was asked"))
            .hint("is the endpoint that of the store, and of one that speaks S3, Google Cloud or Azure?"),
        405 => Final::new(Kind::Unsupported, format!("{answer}: the store does not allow this request"))
            .hint("is the endpoint that of the store?"),
        404 => Final::new(Kind::Config, format!("{answer}: there is no such bucket")).hint(BUCKET),
        _ => Final::new(Kind::Other, format!("the store answered {answer}")).hint(
            "look that code up in the store's documentation; the endpoint, the region and the rights decide it mostly",
        ),
    }
}

const BUCKET: &str = "check the name of the bucket in the job file, the endpoint and the region";

/// Answers with a next step of their own.
fn known(status: u16, body: &str) -> Option<Final> {
    let answer = format!("{status}{}", service_code(body));
    let any = |words: &[&str]| words.iter().any(|word| body.contains(word));
    let lower = body.to_ascii_lowercase();
    if matches!(status, 400 | 411) && (lower.contains("x-amz-checksum") || lower.contains("content-md5")) {
        let reason = format!("{answer}: the bucket demands a checksum with each write, as buckets with Object Lock do");
        return Some(Final::new(Kind::Config, reason).hint("set AWS_CHECKSUM_ALGORITHM=sha256"));
    }
    // S3 answers 400 where a body came too slowly, which has nothing to do with what was asked.
    if status < 500 && any(&["<Code>RequestTimeout<", "<Code>SlowDown<", "<Code>Throttling"]) {
        return Some(
            Final::new(Kind::Transient, answer).hint("try again; if it stays, check the endpoint and the network"),
        );
    }
    if status == 507 || any(&["XMinioStorageFull", "QuotaExceeded", "InsufficientStorage"]) {
        let reason = format!("{answer}: the store is full");
        return Some(Final::new(Kind::Full, reason).hint("make room there, or raise the quota, and run again"));
    }
    if any(&["NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist", "InvalidBucketName"]) {
        return Some(Final::new(Kind::Config, format!("{answer}: there is no such bucket")).hint(BUCKET));
    }
    if any(&["AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraint", "IncorrectEndpoint"]) {
        let reason = format!("{answer}: the bucket is in another region");
        return Some(Final::new(Kind::Config, reason).hint("set AWS_REGION to the region of the bucket"));
    }
    if any(&["RequestTimeTooSkewed"]) {
        let reason = format!("{answer}: the clock of this machine and that of the store differ");
        return Some(Final::new(Kind::Config, reason).hint("set the clock of this machine, best by NTP"));
    }
    if any(&["<Code>ExpiredToken", "<Code>InvalidToken", "<Code>TokenRefreshRequired"]) {
        let reason = format!("{answer}: the credentials have expired");
        return Some(
            Final::new(Kind::Denied, reason).hint("get new ones and set all of them, AWS_SESSION_TOKEN included"),
        );
    }
    None
}

/// The same, told by the text of object_store's error: a status, and the answer's body.
pub(super) fn told(status: u16, text: &str) -> Option<Final> {
    known(status, text)
}

/// The `<Code>` of an S3 or Azure error body: a word of theirs, such as ` (SlowDown)`, never a value of ours.
pub(super) fn service_code(text: &str) -> String {
    let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map(|(code, _)| code);
    match code {
        Some(code) if !code.is_empty() && code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            format!(" ({code})")
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(code: &str, message: &str) -> String {
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{message}</Message></Error>")
    }

    #[test]
    fn a_store_without_create_only_writes_is_told_whichever_way_it_refuses_them() {
        for (status, code) in [(501, "NotImplemented"), (405, "MethodNotAllowed"), (400, "InvalidArgument")] {
            let refused = create_refused(status, &body(code, "a header you provided implies functionality"));
            assert_eq!(refused.kind, Kind::Unsupported);
            assert_eq!(refused.reason, format!("{status} ({code}): the store lacks conditional writes (create-only)"));
            assert!(refused.hint.is_some_and(|hint| hint.contains("MinIO")));
        }
    }

    #[test]
    fn a_bucket_with_object_lock_gets_the_setting_that_satisfies_it() {
        let message = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters";
        for refused in
            [create_refused(400, &body("InvalidRequest", message)), refused(400, &body("InvalidRequest", message))]
        {
            assert_eq!(refused.kind, Kind::Config);
            assert_eq!(refused.hint.as_deref(), Some("set AWS_CHECKSUM_ALGORITHM=sha256"));
        }
    }

    #[test]
    fn a_full_store_a_missing_bucket_and_a_wrong_region_say_so() {
        let kind = |status, code: &str| refused(status, &body(code, "")).kind;
        assert_eq!(kind(507, "XMinioStorageFull"), Kind::Full);
        assert_eq!(kind(404, "NoSuchBucket"), Kind::Config);
        assert_eq!(kind(301, "PermanentRedirect"), Kind::Config);
        assert_eq!(kind(400, "ExpiredToken"), Kind::Denied);
        assert_eq!(kind(501, "NotImplemented"), Kind::Unsupported);
        assert_eq!(create_refused(400, &body("RequestTimeout", "")).kind, Kind::Transient);
    }
}
