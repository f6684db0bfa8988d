//! Names of the environment, and those that are nearly one of them.
//!
//! `AWS_SECRET_ACESS_KEY` must not end in an anonymous request at two in the morning, nor `UPTAKE_PSEUDONYM_KEYFILE` in ids that
//! everybody can read. A name one edit away from one that is read is refused; what is further away belongs to somebody else.

use super::error::{Error, Kind, Result};
use super::open::Env;

/// What this program reads itself, whatever the store.
pub const OURS: &[&str] = &[
    "UPTAKE_LOG",
    "UPTAKE_MEMORY_LIMIT",
    "UPTAKE_PSEUDONYM_KEY",
    "UPTAKE_PSEUDONYM_KEY_FILE",
    "UPTAKE_RETRY_SECONDS",
    "UPTAKE_THREADS",
];

/// What is read for every store behind a network.
pub(super) const NETWORK: &[&str] =
    &["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_DIR", "SSL_CERT_FILE"];

/// The proxies' names are read in small letters as well.
const IN_SMALL_LETTERS: &[&str] = &["all_proxy", "https_proxy", "http_proxy", "no_proxy"];

/// What is read for `s3://`, by object_store and, the last, by us.
const S3: &str = "
    AWS_ACCESS_KEY_ID AWS_ALLOW_HTTP AWS_BUCKET AWS_BUCKET_NAME AWS_CHECKSUM_ALGORITHM
    AWS_CONDITIONAL_PUT AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE AWS_CONTAINER_CREDENTIALS_FULL_URI
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI AWS_COPY_IF_NOT_EXISTS AWS_DEFAULT_REGION
    AWS_DISABLE_BULK_DELETE AWS_DISABLE_TAGGING AWS_ENDPOINT AWS_ENDPOINT_URL AWS_ENDPOINT_URL_S3
    AWS_ENDPOINT_URL_STS AWS_IMDSV1_FALLBACK AWS_METADATA_ENDPOINT AWS_REGION AWS_REQUEST_PAYER
    AWS_ROLE_ARN AWS_ROLE_SESSION_NAME AWS_S3_EXPRESS AWS_SECRET_ACCESS_KEY
    AWS_SERVER_SIDE_ENCRYPTION AWS_SESSION_TOKEN AWS_SKIP_SIGNATURE AWS_SSE_BUCKET_KEY_ENABLED
    AWS_SSE_CUSTOMER_KEY_BASE64 AWS_SSE_KMS_KEY_ID AWS_TOKEN AWS_UNSIGNED_PAYLOAD
    AWS_VIRTUAL_HOSTED_STYLE_REQUEST AWS_WEB_IDENTITY_TOKEN_FILE AWS_CA_BUNDLE
";

/// What is read for `gs://`.
const GCS: &str = "
    GOOGLE_APPLICATION_CREDENTIALS GOOGLE_BASE_URL GOOGLE_BEARER_TOKEN GOOGLE_BUCKET
    GOOGLE_BUCKET_NAME GOOGLE_SERVICE_ACCOUNT GOOGLE_SERVICE_ACCOUNT_KEY GOOGLE_SERVICE_ACCOUNT_PATH
    GOOGLE_SKIP_SIGNATURE
";

/// What is read for `az://`.
const AZURE: &str = "
    AZURE_ALLOW_HTTP AZURE_AUTHORITY_HOST AZURE_AUTHORITY_ID AZURE_CLIENT_ID AZURE_CLIENT_SECRET
    AZURE_CONTAINER_NAME AZURE_CREDENTIAL_TYPE AZURE_DISABLE_TAGGING AZURE_ENDPOINT
    AZURE_FABRIC_CLUSTER_IDENTIFIER AZURE_FABRIC_SESSION_TOKEN AZURE_FABRIC_TOKEN_SERVICE_URL
    AZURE_FABRIC_WORKLOAD_HOST AZURE_FEDERATED_TOKEN_FILE AZURE_IDENTITY_ENDPOINT AZURE_MSI_ENDPOINT
    AZURE_MSI_RESOURCE_ID AZURE_OBJECT_ID AZURE_SKIP_SIGNATURE AZURE_STORAGE_ACCESS_KEY
    AZURE_STORAGE_ACCOUNT_KEY AZURE_STORAGE_ACCOUNT_NAME AZURE_STORAGE_AUTHORITY_HOST
    AZURE_STORAGE_AUTHORITY_ID AZURE_STORAGE_CLIENT_ID AZURE_STORAGE_CLIENT_SECRET
    AZURE_STORAGE_ENCRYPTION_KEY AZURE_STORAGE_ENDPOINT AZURE_STORAGE_MASTER_KEY AZURE_STORAGE_SAS_KEY
    AZURE_STORAGE_SAS_TOKEN AZURE_STORAGE_TENANT_ID AZURE_STORAGE_TOKEN AZURE_STORAGE_USE_EMULATOR
    AZURE_TENANT_ID AZURE_USE_AZURE_CLI AZURE_USE_FABRIC_ENDPOINT
";

/// What object_store reads of every kind of store, after `AWS_`, `GOOGLE_` or `AZURE_`.
const CLIENT: &str = "
    ALLOW_HTTP ALLOW_INVALID_CERTIFICATES DISABLE_SYSTEM_CERTIFICATES CONNECT_TIMEOUT
    DEFAULT_CONTENT_TYPE HTTP1_ONLY HTTP2_ONLY HTTP2_KEEP_ALIVE_INTERVAL HTTP2_KEEP_ALIVE_TIMEOUT
    HTTP2_KEEP_ALIVE_WHILE_IDLE HTTP2_MAX_FRAME_SIZE POOL_IDLE_TIMEOUT POOL_MAX_IDLE_PER_HOST
    PROXY_URL PROXY_CA_CERTIFICATE PROXY_EXCLUDES RANDOMIZE_ADDRESSES READ_TIMEOUT TIMEOUT
    USER_AGENT
";

/// Names that other tools read, and that are near one of ours.
const OF_OTHERS: &str = "
    AWS_ACCOUNT_ID AWS_CONFIG_FILE AWS_DEFAULT_OUTPUT AWS_DEFAULT_PROFILE
    AWS_EC2_METADATA_DISABLED AWS_ENDPOINT_URL_SNS AWS_ENDPOINT_URL_SQS AWS_ENDPOINT_URL_SSM
    AWS_EXECUTION_ENV AWS_MAX_ATTEMPTS AWS_PAGER AWS_PROFILE AWS_RETRY_MODE AWS_SDK_LOAD_CONFIG
    AWS_SECURITY_TOKEN AWS_SHARED_CREDENTIALS_FILE AWS_STS_REGIONAL_ENDPOINTS AZURE_CONFIG_DIR
    GOOGLE_CLOUD_PROJECT GOOGLE_PROJECT
";

/// A kind of store with the prefix of its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    S3,
    Gcs,
    Azure,
}

impl Of {
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::S3 => "AWS_",
            Self::Gcs => "GOOGLE_",
            Self::Azure => "AZURE_",
        }
    }

    fn own(self) -> &'static str {
        match self {
            Self::S3 => S3,
            Self::Gcs => GCS,
            Self::Azure => AZURE,
        }
    }

    /// Every name that is read for this kind of store.
    pub(super) fn names(self) -> impl Iterator<Item = String> {
        let own = self.own().split_whitespace().chain(NETWORK.iter().copied()).map(str::to_owned);
        own.chain(CLIENT.split_whitespace().map(move |name| format!("{}{name}", self.prefix())))
    }
}

/// Refuses names that are nearly one of ours.
///
/// # Errors
/// The first such name, in the order of the alphabet, with the one it was meant to be.
pub fn check_ours(env: &Env) -> Result<()> {
    check(env, "read", "the environment", &OURS.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
}

/// Refuses names that are nearly one of those read for a store in use.
pub(super) fn check_of(of: Of, env: &Env, label: &str) -> Result<()> {
    check(env, "open", label, &of.names().collect::<Vec<_>>())
}

fn check(env: &Env, action: &'static str, object: &str, known: &[String]) -> Result<()> {
    for name in env.names() {
        let is_read = |known: &String| known == name;
        if known.iter().any(is_read) || is_of_others(name) || IN_SMALL_LETTERS.contains(&name) {
            continue;
        }
        let capitals = name.to_ascii_uppercase();
        if let Some(meant) = known.iter().find(|known| is_one_edit_away(&capitals, known)) {
            return Err(Error::new(Kind::Config, action, object, format!("{name} is set, which nothing reads"))
                .hint(format!("did you mean {meant}?")));
        }
    }
    Ok(())
}

fn is_of_others(name: &str) -> bool {
    OF_OTHERS.split_whitespace().any(|other| other == name)
}

/// The same, or one letter added, lost or changed, or two neighbours swapped.
fn is_one_edit_away(name: &str, known: &str) -> bool {
    let (a, b) = (name.as_bytes(), known.as_bytes());
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[same..], &b[same..]);
    match (a, b) {
        ([], []) | ([_], []) | ([], [_]) => true,
        ([], _) | (_, []) => false,
        ([x, a @ ..], [y, b @ ..]) => {
            let swapped = matches!((a, b), ([p, rest @ ..], [q, others @ ..]) if p == y && q == x && rest == others);
            a == b || a == [&[*y][..], b].concat() || b == [&[*x][..], a].concat() || swapped
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use object_store::ClientConfigKey;
    use object_store::aws::AmazonS3ConfigKey;
    use object_store::azure::AzureConfigKey;
    use object_store::gcp::GoogleConfigKey;

    fn env(name: &str) -> Env {
        Env::new([(name, "x")])
    }

    #[test]
    fn every_name_in_the_lists_is_one_that_object_store_reads() {
        let lower = |name: &str| name.to_ascii_lowercase();
        for name in CLIENT.split_whitespace() {
            assert!(lower(name).parse::<ClientConfigKey>().is_ok(), "{name}");
        }
        for name in S3.split_whitespace().filter(|name| *name != "AWS_CA_BUNDLE") {
            assert!(lower(name).parse::<AmazonS3ConfigKey>().is_ok(), "{name}");
        }
        assert!(GCS.split_whitespace().all(|name| lower(name).parse::<GoogleConfigKey>().is_ok()));
        assert!(AZURE.split_whitespace().all(|name| lower(name).parse::<AzureConfigKey>().is_ok()));
    }

    #[test]
    fn one_edit_is_a_slip_and_two_are_another_name() {
        let meant = "AWS_REGION";
        for slip in ["AWS_REGIONS", "AWS_REGIN", "AWS_REGOIN", "AWS_REGGION", "AWSREGION", "AWS_REGIOM", "AWS_REGION"] {
            assert!(is_one_edit_away(slip, meant), "{slip}");
        }
        for other in ["AWS_REGIONAL", "AWS_ORIGIN", "AWS_", "", "AWS_NOIGER", "AWS_REGOIM"] {
            assert!(!is_one_edit_away(other, meant), "{other}");
        }
    }

    #[test]
    fn any_slip_in_any_name_is_refused_and_the_names_themselves_are_not() {
        for of in [Of::S3, Of::Gcs, Of::Azure] {
            let names: Vec<String> = of.names().collect();
            for name in &names {
                check_of(of, &env(name), "store").unwrap();
                let without_a_letter = [&name[..6], &name[7..]].concat();
                for slip in [format!("{name}S"), format!("{name}{}", &name[name.len() - 1..]), without_a_letter] {
                    let is_another = names.contains(&slip) || is_of_others(&slip);
                    assert_eq!(check_of(of, &env(&slip), "store").is_err(), !is_another, "{slip}");
                }
                let small = name.to_ascii_lowercase();
                let is_read = IN_SMALL_LETTERS.contains(&small.as_str());
                assert_eq!(check_of(of, &env(&small), "store").is_err(), !is_read, "{small}");
            }
        }
        let error = check_ours(&env("UPTAKE_PSEUDONYM_KEYFILE")).unwrap_err();
        assert!(error.to_string().contains("UPTAKE_PSEUDONYM_KEYFILE is set, which nothing reads"), "{error}");
        assert_eq!(error.hint.as_deref(), Some("did you mean UPTAKE_PSEUDONYM_KEY_FILE?"));
        check_ours(&env("UPTAKE_PSEUDONYM_KEY")).unwrap();
    }

    #[test]
    fn names_of_other_tools_are_none_of_our_business() {
        let more = "AWS_LAMBDA_FUNCTION_NAME AWS_LAMBDA_LOG_GROUP_NAME AWS_XRAY_CONTEXT_MISSING AWS_ENDPOINT_URL_DYNAMODB \
                    AWS_ROLE_SESSION_NAME AWS_CA_BUNDLE GOOGLE_CLOUD_REGION AZURE_SUBSCRIPTION_ID AZURE_STORAGE_ACCOUNT \
                    SSL_DEBUG_LEVEL https_proxy no_proxy PATH";
        for name in OF_OTHERS.split_whitespace().chain(more.split_whitespace()) {
            for of in [Of::S3, Of::Gcs, Of::Azure] {
                check_of(of, &env(name), "store").unwrap();
            }
            check_ours(&env(name)).unwrap();
        }
    }
}
