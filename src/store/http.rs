//! What is made of a store's answers before object_store sees them.
//!
//! object_store tries every 5xx and every failed connection again for as long as its budget lasts, minutes at night. What cannot
//! end otherwise the second time (a certificate, a name that does not exist, 501) becomes a [`Final`] here, which it passes on at
//! once. Listings are read here, so that one odd key does not end them ([`super::keys`]) and one cut short is asked for again.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService, ReqwestConnector,
};

use super::error::{Kind, chain, scrub};
use super::{answers, keys};

/// Stores that honour create-only writes, for hints.
pub(super) const HAVE_CREATE_ONLY: &str = "use a store that has them: AWS S3, Cloudflare R2, MinIO, Ceph from Tentacle on, \
    Google Cloud Storage, Azure Blob Storage, or a folder";

/// An answer that asking again does not change.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Final {
    pub kind: Kind,
    pub reason: String,
    pub hint: Option<String>,
}

impl Final {
    pub(super) fn new(kind: Kind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into(), hint: None }
    }

    pub(super) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl From<Final> for HttpError {
    fn from(error: Final) -> Self {
        // The one kind that object_store never tries again.
        Self::new(HttpErrorKind::Unknown, error)
    }
}

/// The clock of a store: the Date of its last answer, in seconds since 1970; 0 before the first.
#[derive(Debug, Clone, Default)]
pub(super) struct TheirClock(Arc<AtomicI64>);

impl TheirClock {
    pub(super) fn read(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(self.0.load(Ordering::Relaxed), 0).filter(|seen| *seen != DateTime::UNIX_EPOCH)
    }

    fn see(&self, response: &HttpResponse) {
        let date = response.headers().get("date").and_then(|date| date.to_str().ok());
        if let Some(date) = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()) {
            self.0.store(date.timestamp(), Ordering::Relaxed);
        }
    }
}

/// Makes the client of a store.
#[derive(Debug, Default)]
pub(super) struct Connector(pub TheirClock);

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let inner = ReqwestConnector::default().connect(options)?;
        Ok(HttpClient::new(Service { inner, clock: self.0.clone() }))
    }
}

#[derive(Debug)]
struct Service {
    inner: HttpClient,
    clock: TheirClock,
}

impl HttpService for Service {
    fn call<'life, 'future>(
        &'life self,
        request: HttpRequest,
    ) -> Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'future>>
    where
        'life: 'future,
        Self: 'future,
    {
        Box::pin(self.ask(request))
    }
}

impl Service {
    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let is_get = request.method().as_str() == "GET";
        let lists = is_get && request.uri().query().is_some_and(asks_for_a_listing);
        let creates = request.method().as_str() == "PUT"
            && ["if-none-match", "x-goog-if-generation-match"].iter().any(|name| request.headers().contains_key(*name));
        let response = match self.inner.execute(request).await {
            Ok(response) => response,
            Err(error) => return Err(unreachable_for_good(&error, &host).map_or(error, Into::into)),
        };
        self.clock.see(&response);
        let status = response.status().as_u16();
        match status {
            200 if lists => listing(response).await,
            400 | 405 if creates => Err(answers::create_refused(status, &text(response).await?).into()),
            501 | 505..=508 | 510 | 511 => {
                let body = text(response).await?;
                let refused = if creates && status == 501 {
                    answers::create_refused(status, &body)
                } else {
                    answers::refused(status, &body)
                };
                Err(refused.into())
            }
            _ => Ok(response),
        }
    }
}

fn asks_for_a_listing(query: &str) -> bool {
    query.split('&').any(|part| part == "list-type=2" || part == "comp=list")
}

async fn listing(response: HttpResponse) -> Result<HttpResponse, HttpError> {
    let (parts, body) = response.into_parts();
    // Nothing was changed by asking: a listing that was cut short is asked for again.
    let body = body.bytes().await.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error))?;
    let listed = String::from_utf8_lossy(&body);
    if listed.contains("<Error>") && !listed.contains("<ListBucketResult") {
        return Ok(HttpResponse::from_parts(parts, body.into()));
    }
    match keys::packed(&listed) {
        Some(packed) => Ok(HttpResponse::from_parts(parts, packed.into())),
        None => Err(Final::new(Kind::Config, "what answered is no listing of objects")
            .hint("is the endpoint that of the store, and no web page or sign-in before it?")
            .into()),
    }
}

async fn text(response: HttpResponse) -> Result<String, HttpError> {
    let body = response.into_parts().1.bytes().await?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// A connection that will fail the next time as well: certificates and names.
fn unreachable_for_good(error: &HttpError, host: &str) -> Option<Final> {
    let text = chain(error);
    certificate(&text, host).or_else(|| name(&text, host))
}

fn certificate(text: &str, host: &str) -> Option<Final> {
    const PRIVATE: &str =
        "for a private authority, set SSL_CERT_FILE (or AWS_CA_BUNDLE) to a PEM file with its certificate";
    if text.contains("InvalidContentType") || text.contains("corrupt message") || text.contains("wrong version number")
    {
        let not_tls = Final::new(Kind::Config, format!("{host} does not answer in TLS"));
        return Some(not_tls.hint("is the endpoint an http:// address, or the port another one?"));
    }
    if text.contains("No CA certificates") || text.contains("no CA certificates") {
        let none = Final::new(Kind::Config, "this machine has no certificates of authorities to judge the store's by");
        return Some(none.hint("install the package ca-certificates, or set SSL_CERT_FILE to a PEM file"));
    }
    let (_, why) = text.split_once("invalid peer certificate: ")?;
    let why = scrub(why.lines().next().unwrap_or_default());
    let of_host = |said: &str| Final::new(Kind::Config, format!("the certificate of {host} {said}"));
    Some(if why.contains("UnknownIssuer") || why.contains("CaUsedAsEndEntity") {
        of_host("is of an authority that this machine does not trust").hint(PRIVATE)
    } else if why.contains("not valid yet") || why.contains("NotValidYet") {
        of_host("is not valid yet").hint("is the clock of this machine right?")
    } else if why.contains("expired") || why.contains("Expired") {
        of_host("has expired").hint("renew it at the store; is the clock of this machine right?")
    } else if why.contains("not valid for") || why.contains("NotValidForName") {
        of_host("was made out to another host")
            .hint("check the host in the endpoint against the names in its certificate")
    } else {
        of_host(&format!("cannot be accepted: {why}")).hint(PRIVATE)
    })
}

/// A resolver that says "try again" may find the name later; every other answer about a name stays.
fn name(text: &str, host: &str) -> Option<Final> {
    let failed = text.contains("failed to lookup address") || text.contains("dns error");
    let again = ["Temporary failure", "try again", "timed out", "Try again"].iter().any(|words| text.contains(words));
    if !failed || again {
        return None;
    }
    // An address needs no look-up, so it was the proxy's name that was looked up.
    if host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok() {
        let proxy = Final::new(Kind::Config, "there is no host of the name of the proxy");
        return Some(proxy.hint("check HTTPS_PROXY and HTTP_PROXY; NO_PROXY lists the hosts that need none"));
    }
    let unknown = Final::new(Kind::Config, format!("there is no host {host}"));
    Some(
        unknown.hint(
            "check the endpoint, the region and the name of the bucket, and the proxy where HTTPS_PROXY names one",
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Option<(Kind, String)> {
        let error = HttpError::new(HttpErrorKind::Connect, std::io::Error::other(text.to_owned()));
        unreachable_for_good(&error, "s3.acme.example").map(|found| (found.kind, found.reason))
    }

    #[test]
    fn certificates_and_unknown_names_are_final_and_the_rest_of_the_network_is_not() {
        for (text, words) in [
            ("invalid peer certificate: UnknownIssuer", "is of an authority that this machine does not trust"),
            ("invalid peer certificate: certificate expired: verification time 1 (UNIX)", "has expired"),
            (
                "invalid peer certificate: certificate not valid for name \"x\"; certificate is only valid for y",
                "another host",
            ),
            ("invalid peer certificate: BadSignature", "cannot be accepted: BadSignature"),
            ("received corrupt message of type InvalidContentType", "does not answer in TLS"),
            ("failed to lookup address information: Name or service not known", "there is no host s3.acme.example"),
        ] {
            let (kind, reason) = told(text).unwrap();
            assert!(kind == Kind::Config && reason.contains(words), "{text}: {reason}");
        }
        for text in [
            "failed to lookup address information: Temporary failure in name resolution",
            "Connection refused (os error 111)",
            "Connection reset by peer (os error 104)",
            "operation timed out",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
    }
}
