//! From a URL and the environment to a [`Store`].
//!
//! Secrets come from the environment by object_store's own names, never from a URL. A name that is nearly one of them is refused
//! ([`super::names`]).

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::{TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Certificate, ClientOptions, ObjectStore};
use url::Url;

use super::error::{Error, Kind, Result, credentials_hint, disk, scrub};
use super::http::{Connector, Final, TheirClock};
use super::names::{self, Of};
use super::{Store, retry};

/// The first pause when an unclear write is looked up again.
const SETTLE_PAUSE: Duration = Duration::from_millis(200);
/// How long a metadata service may take to accept a connection before there is none.
const IDENTITY_TIMEOUT: Duration = Duration::from_secs(1);

/// The environment as a value. Debug shows names only.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// From `std::env::vars_os()` in `main`, or from a list in a test. What is not UTF-8 is no setting of ours.
    pub fn new<K: Into<std::ffi::OsString>, V: Into<std::ffi::OsString>>(
        vars: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let text = |(k, v): (K, V)| Some((k.into().into_string().ok()?, v.into().into_string().ok()?));
        Self(vars.into_iter().filter_map(text).collect())
    }

    /// A variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The variables that are set and not empty, in the order of the alphabet.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| name.as_str())
    }

    fn any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.get(name).is_some())
    }

    /// Foreign text with every secret of this environment taken out.
    fn redact(&self, text: &str) -> String {
        let is_secret =
            |name: &str| ["KEY", "SECRET", "TOKEN", "SAS", "PASSWORD"].iter().any(|mark| name.contains(mark));
        let secrets = self.0.iter().filter(|(name, value)| is_secret(name) && value.len() >= 6);
        secrets.fold(scrub(text), |text, (_, value)| text.replace(value.as_str(), "***"))
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// What to do about a local folder that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Refuse,
    Create,
}

pub(super) fn open(url: &str, env: &Env, missing: Missing) -> Result<Store> {
    // `C:\…` has no place here and `a:b` is no URL: whatever has no `://` is a path.
    if !url.contains("://") {
        return local(std::path::Path::new(url), missing);
    }
    let parsed = Url::parse(url).map_err(|e| config("the URL of a store", e.to_string()))?;
    let label = label(&parsed);
    if parsed.query().is_some() || parsed.password().is_some() || parsed.fragment().is_some() {
        let what = match (parsed.query(), parsed.fragment()) {
            (Some(_), _) => "a query (`?` and what follows it)",
            (_, Some(_)) => "a fragment (`#` and what follows it)",
            _ => "a password",
        };
        return Err(config(&label, format!("its URL has {what}"))
            .hint("settings and secrets come from the environment, never from a URL"));
    }
    let prefix =
        Path::from_url_path(parsed.path()).map_err(|_| config(&label, "its path is not a valid object name"))?;
    let clock = TheirClock::default();
    let ready = |inner: Arc<dyn ObjectStore>| {
        Store::new(inner, prefix, &label, SETTLE_PAUSE).map(|store| Store { clock: clock.clone(), ..store })
    };
    match parsed.scheme() {
        "file" => {
            let path = parsed
                .to_file_path()
                .map_err(|()| config(&label, "a file URL needs an absolute path: file:///path"))?;
            local(&path, missing)
        }
        "memory" => ready(memory(parsed.host_str().unwrap_or_default())),
        "s3" | "s3a" => ready(s3(&parsed, &label, env, &clock)?),
        "gs" => ready(gcs(&parsed, &label, env, &clock)?),
        "az" | "azure" | "adl" | "abfs" | "abfss" => ready(azure(&parsed, &label, env, &clock)?),
        scheme => Err(config(&label, format!("{scheme}:// is not a kind of store this program knows"))
            .hint("use file://, s3://, gs://, az:// or memory://")),
    }
}

fn local(path: &std::path::Path, missing: Missing) -> Result<Store> {
    let shown = path.display().to_string();
    let io = |e: std::io::Error| {
        let told =
            disk(&e).unwrap_or_else(|| Final::new(Kind::Config, e.to_string()).hint("check the path in the job file"));
        Error { hint: told.hint, ..Error::new(told.kind, "open", &shown, told.reason) }
    };
    let wrong = |kind: Kind, reason: &str| {
        Error::new(kind, "open", &shown, reason)
            .hint("check the path in the job file; relative paths start at that file")
    };
    if path.exists() && !path.is_dir() {
        return Err(wrong(Kind::Config, "it is not a folder"));
    }
    if missing == Missing::Create {
        std::fs::create_dir_all(path).map_err(io)?;
    }
    if !path.is_dir() {
        return Err(wrong(Kind::NotFound, "there is no such folder"));
    }
    let absolute = std::fs::canonicalize(path).map_err(io)?;
    // Without fsync a commit could outlive the data it names when the power goes.
    let inner = LocalFileSystem::new_with_prefix(&absolute)
        .map_err(|e| config(&shown, scrub(&e.to_string())))?
        .with_fsync(true);
    let label = format!("file://{}", absolute.display());
    let store = Store::new(Arc::new(inner), Path::default(), &label, SETTLE_PAUSE)?;
    Ok(Store { folder: Some(absolute.into()), ..store })
}

/// One store a name, for as long as the process lives.
fn memory(name: &str) -> Arc<dyn ObjectStore> {
    static NAMED: OnceLock<Mutex<HashMap<String, Arc<InMemory>>>> = OnceLock::new();
    let named = NAMED.get_or_init(Mutex::default);
    let mut named = named.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(named.entry(name.to_owned()).or_default()) as Arc<dyn ObjectStore>
}

fn s3(url: &Url, label: &str, env: &Env, clock: &TheirClock) -> Result<Arc<dyn ObjectStore>> {
    let settings = settings::<AmazonS3ConfigKey>(Of::S3, label, env)?;
    let insecure = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]
        .iter()
        .find(|name| env.get(name).is_some_and(|endpoint| endpoint.starts_with("http://")));
    if let (Some(name), None) = (insecure, env.get("AWS_ALLOW_HTTP")) {
        return Err(config(label, format!("{name} is an http:// address"))
            .hint("use https, or set AWS_ALLOW_HTTP=true for a test server"));
    }
    let has_credentials = env.any(&[
        "AWS_ACCESS_KEY_ID",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "AWS_SKIP_SIGNATURE",
    ]);
    require_identity(has_credentials, env.get("AWS_METADATA_ENDPOINT").unwrap_or("http://169.254.169.254"), label)?;
    let start = AmazonS3Builder::new()
        .with_client_options(trusting(env, label)?)
        .with_http_connector(Connector(clock.clone()))
        .with_config(client("timeout")?, retry::REQUEST_TIMEOUT)
        .with_config(client("read_timeout")?, retry::READ_TIMEOUT)
        .with_retry(retry::config(patience(env, label)?));
    let builder = settings.into_iter().fold(start, |b, (key, value)| b.with_config(key, value));
    let built = builder.with_url(bucket_url(url)).build();
    Ok(Arc::new(built.map_err(|e| config(label, env.redact(&e.to_string())).hint(credentials_hint(label)))?))
}

fn gcs(url: &Url, label: &str, env: &Env, clock: &TheirClock) -> Result<Arc<dyn ObjectStore>> {
    let settings = settings::<GoogleConfigKey>(Of::Gcs, label, env)?;
    let well_known = env
        .get("HOME")
        .map(|home| std::path::Path::new(home).join(".config/gcloud/application_default_credentials.json"));
    let has_credentials = well_known.is_some_and(|path| path.exists())
        || env.any(&[
            "GOOGLE_SERVICE_ACCOUNT",
            "GOOGLE_SERVICE_ACCOUNT_PATH",
            "GOOGLE_SERVICE_ACCOUNT_KEY",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_BEARER_TOKEN",
            "GOOGLE_SKIP_SIGNATURE",
        ]);
    require_identity(has_credentials, "http://169.254.169.254", label)?;
    let start = GoogleCloudStorageBuilder::new()
        .with_client_options(trusting(env, label)?)
        .with_http_connector(Connector(clock.clone()))
        .with_config(client("timeout")?, retry::REQUEST_TIMEOUT)
        .with_config(client("read_timeout")?, retry::READ_TIMEOUT)
        .with_retry(retry::config(patience(env, label)?));
    let builder = settings.into_iter().fold(start, |b, (key, value)| b.with_config(key, value));
    let built = builder.with_url(bucket_url(url)).build();
    Ok(Arc::new(built.map_err(|e| config(label, env.redact(&e.to_string())).hint(credentials_hint(label)))?))
}

fn azure(url: &Url, label: &str, env: &Env, clock: &TheirClock) -> Result<Arc<dyn ObjectStore>> {
    let settings = settings::<AzureConfigKey>(Of::Azure, label, env)?;
    let has_credentials = env.any(&[
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_ACCESS_KEY",
        "AZURE_STORAGE_SAS_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_TOKEN",
        "AZURE_STORAGE_CLIENT_SECRET",
        "AZURE_CLIENT_SECRET",
        "AZURE_FEDERATED_TOKEN_FILE",
        "AZURE_STORAGE_USE_EMULATOR",
        "AZURE_USE_AZURE_CLI",
        "AZURE_SKIP_SIGNATURE",
        "AZURE_MSI_ENDPOINT",
        "AZURE_IDENTITY_ENDPOINT",
    ]);
    require_identity(has_credentials, "http://169.254.169.254", label)?;
    let start = MicrosoftAzureBuilder::new()
        .with_client_options(trusting(env, label)?)
        .with_http_connector(Connector(clock.clone()))
        .with_config(client("timeout")?, retry::REQUEST_TIMEOUT)
        .with_config(client("read_timeout")?, retry::READ_TIMEOUT)
        .with_retry(retry::config(patience(env, label)?));
    let builder = settings.into_iter().fold(start, |b, (key, value)| b.with_config(key, value));
    let built = builder.with_url(bucket_url(url)).build();
    Ok(Arc::new(built.map_err(|e| config(label, env.redact(&e.to_string())).hint(credentials_hint(label)))?))
}

/// The settings of one kind of store, as parsed keys. A name that is nearly a known one fails; other foreign names are left
/// alone, since many tools share these prefixes.
fn settings<K: FromStr>(of: Of, label: &str, env: &Env) -> Result<Vec<(K, String)>> {
    names::check_of(of, env, label)?;
    let ours = env.0.iter().filter(|(name, value)| name.starts_with(of.prefix()) && !value.is_empty());
    Ok(ours.filter_map(|(name, value)| Some((name.to_ascii_lowercase().parse().ok()?, value.clone()))).collect())
}

/// The authorities that are trusted besides those of the system: private ones, by the names that other tools read as well.
/// A file that holds none would show only as a failed connection, so it is looked into now.
fn trusting(env: &Env, label: &str) -> Result<ClientOptions> {
    let mut options = ClientOptions::new();
    for name in ["SSL_CERT_FILE", "AWS_CA_BUNDLE"] {
        let Some(path) = env.get(name) else { continue };
        let wrong = |why: &str| {
            config(label, format!("{name} names {}, {why}", scrub(path)))
                .hint("give the path of a PEM file with the certificates of the authorities to trust")
        };
        #[expect(clippy::disallowed_methods, reason = "a file of this machine that the environment names")]
        let pem = std::fs::read(path).map_err(|cause| wrong(&format!("which cannot be read: {cause}")))?;
        let certificates = Certificate::from_pem_bundle(&pem).map_err(|_| wrong("which is no PEM file"))?;
        if certificates.is_empty() {
            return Err(wrong("which holds no certificate"));
        }
        options = certificates.into_iter().fold(options, ClientOptions::with_root_certificate);
    }
    Ok(options)
}

/// Without credentials the store libraries ask a metadata service, for as long as the retry budget lasts. Ask once, quickly.
fn require_identity(has_credentials: bool, service: &str, label: &str) -> Result<()> {
    let answers = |service: &str| {
        let url = Url::parse(service).ok()?;
        let address =
            (url.host_str()?.trim_matches(['[', ']']), url.port_or_known_default()?).to_socket_addrs().ok()?.next()?;
        TcpStream::connect_timeout(&address, IDENTITY_TIMEOUT).ok()
    };
    if has_credentials || answers(service).is_some() {
        return Ok(());
    }
    let reason = "no credentials: none in the environment, and no metadata service answers";
    Err(Error::new(Kind::Denied, "open", label, reason).hint(credentials_hint(label)))
}

fn patience(env: &Env, label: &str) -> Result<Option<u64>> {
    let parse = |text: &str| text.parse().map_err(|_| config(label, "UPTAKE_RETRY_SECONDS is not a whole number"));
    env.get("UPTAKE_RETRY_SECONDS").map(parse).transpose()
}

fn client<K: FromStr>(name: &str) -> Result<K> {
    name.parse().map_err(|_| config("store", format!("unknown client setting {name}")))
}

/// The URL without its path: the prefix is ours to add.
fn bucket_url(url: &Url) -> String {
    let mut url = url.clone();
    url.set_path("");
    url.to_string()
}

/// The URL as it may be shown. The user part stays: in `abfss://container@account…` it is the container.
fn label(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // Refused only for URLs that cannot have one.
    let _ = url.set_password(None);
    url.to_string()
}

fn config(object: &str, reason: impl Into<String>) -> Error {
    Error::new(Kind::Config, "open", object, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn env(vars: &[(&str, &str)]) -> Env {
        Env::new(vars.iter().copied())
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a file for the test")]
    fn a_file_of_authorities_that_holds_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let (missing, text) = (folder.path().join("missing.pem"), folder.path().join("text.pem"));
        std::fs::write(&text, "no certificate").unwrap();
        for (name, path) in [("AWS_CA_BUNDLE", &missing), ("SSL_CERT_FILE", &missing), ("AWS_CA_BUNDLE", &text)] {
            let path = path.to_str().unwrap();
            let vars = [("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s"), (name, path)];
            let error = Store::open("s3://lake", &env(&vars)).unwrap_err();
            assert_eq!(error.kind, Kind::Config);
            assert!(error.to_string().contains(&format!("{name} names {path}")), "{error}");
        }
    }

    #[test]
    fn a_typo_in_the_environment_fails_and_other_tools_settings_do_not() {
        let typo = env(&[("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACESS_KEY", "hunter2hunter2")]);
        let error = Store::open("s3://lake/x", &typo).unwrap_err();
        assert_eq!(error.kind, Kind::Config);
        assert_eq!(error.hint.as_deref(), Some("did you mean AWS_SECRET_ACCESS_KEY?"));
        let fine = env(&[
            ("AWS_ACCESS_KEY_ID", "k"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("AWS_PAGER", ""),
            ("AWS_LAMBDA_NAME", "f"),
        ]);
        assert_eq!(Store::open("s3://lake/x/", &fine).unwrap().url("y"), "s3://lake/x/y");
    }

    #[test]
    fn missing_credentials_are_named_at_once() {
        // A port that was free a moment ago answers nothing.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let endpoint = format!("http://127.0.0.1:{port}");
        let error = Store::open("s3://lake", &env(&[("AWS_METADATA_ENDPOINT", &endpoint)])).unwrap_err();
        assert_eq!(error.kind, Kind::Denied);
        assert!(error.to_string().starts_with("cannot open s3://lake: no credentials"), "{error}");
        assert!(error.hint.unwrap().contains("AWS_ACCESS_KEY_ID"));
    }

    #[test]
    fn values_that_do_not_parse_fail_without_showing_a_secret() {
        let vars = [
            ("AWS_ACCESS_KEY_ID", "AKIA1234567"),
            ("AWS_SECRET_ACCESS_KEY", "topsecretvalue"),
            ("AWS_ALLOW_HTTP", "ture"),
        ];
        let error = Store::open("s3://lake", &env(&vars)).unwrap_err();
        assert_eq!(error.kind, Kind::Config);
        let vars =
            [("AZURE_STORAGE_ACCOUNT_NAME", "acc"), ("AZURE_STORAGE_ACCOUNT_KEY", "not base64 !!topsecretvalue")];
        let error = Store::open("az://lake", &env(&vars)).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("topsecretvalue"), "{error}");
    }

    #[test]
    fn debug_and_labels_show_no_secret() {
        let vars = env(&[
            ("AWS_ACCESS_KEY_ID", "AKIACANARY"),
            ("AWS_SECRET_ACCESS_KEY", "canary-secret"),
            ("AWS_REGION", "eu-west-1"),
        ]);
        let store = Store::open("s3://lake/p", &vars).unwrap();
        let shown = format!("{vars:?} {store:?} {}", store.label());
        assert!(!shown.to_lowercase().contains("canary"), "{shown}");
        assert!(shown.contains("AWS_SECRET_ACCESS_KEY"));
        for secret in ["s3://user:canary@lake/p", "s3://lake/p?X-Amz-Signature=canary"] {
            let error = Store::open(secret, &vars).unwrap_err();
            assert!(!format!("{error:?}").contains("canary"), "{error:?}");
        }
    }

    #[test]
    fn a_plain_http_endpoint_has_to_be_allowed() {
        let vars = [("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_ENDPOINT", "http://127.0.0.1:1")];
        let error = Store::open("s3://lake", &env(&vars)).unwrap_err();
        assert!(error.hint.unwrap().contains("AWS_ALLOW_HTTP=true"));
    }

    #[test]
    fn a_lake_folder_is_made_and_a_landing_folder_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let lake = folder.path().join("a/b");
        let url = Url::from_file_path(&lake).unwrap().to_string();
        assert_eq!(Store::open(&url, &Env::default()).unwrap_err().kind, Kind::NotFound);
        let store = Store::open_or_create(&url, &Env::default()).unwrap();
        store.put_new("c/d.txt", Bytes::from("1")).unwrap();
        let again = Store::open(lake.to_str().unwrap(), &Env::default()).unwrap();
        assert_eq!(again.list("").unwrap()[0].path, "c/d.txt");
        let file = lake.join("c/d.txt");
        for opened in [
            Store::open_or_create(file.to_str().unwrap(), &Env::default()),
            Store::open(file.to_str().unwrap(), &Env::default()),
        ] {
            assert!(opened.unwrap_err().to_string().ends_with("it is not a folder"));
        }
    }

    #[test]
    fn memory_stores_are_shared_by_name() {
        let at = |url: &str| Store::open(url, &Env::default()).unwrap();
        at("memory://open-test/lake").put_new("x", Bytes::from("1")).unwrap();
        assert_eq!(at("memory://open-test/lake").read("x").unwrap(), Bytes::from("1"));
        assert_eq!(at("memory://open-test").list("").unwrap()[0].path, "lake/x");
        assert!(at("memory://open-test-2").list("").unwrap().is_empty());
    }

    #[test]
    fn unknown_kinds_of_store_name_the_known_ones() {
        let error = Store::open("ftp://host/x", &Env::default()).unwrap_err();
        assert!(error.hint.unwrap().contains("s3://"));
    }
}
