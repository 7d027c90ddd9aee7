//! Credentials, Region and clients: everything that is decided before the first call.

use std::sync::Arc;
use std::time::Duration;

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::environment::region::EnvironmentVariableRegionProvider;
use aws_config::imds;
use aws_config::imds::region::ImdsRegionProvider;
use aws_config::meta::region::ProvideRegion;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use url::Url;

use super::assume;
use super::bounded::BoundedAnswers;
use super::pace::{Pace, Throttling};
use super::{CloudWatch, CodeDeploy, Ecr, Iam, Lambda, S3, Ssm, Sts};
use crate::http::endpoint::is_loopback;
use crate::name::{NameError, Region, RoleArn};

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long one attempt of a call may take; a call is tried [`ATTEMPTS`] times.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a call may take with all of its attempts and the waits between them. An endpoint that never answers ends a run
/// within this time, and so does a call that stays throttled.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(90);

/// How often a call is tried. All of Lambda's control plane shares 15 calls a second and account, so that some
/// throttling is normal.
pub(super) const ATTEMPTS: u32 = 5;

/// The most that is waited before the second attempt; it doubles with each one. The SDK's second would have a user
/// wait ten seconds for the news that nobody listens at an address.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(300);

/// How often a call is tried by a client that keeps a pace.
const PATIENT_ATTEMPTS: u32 = 12;

/// The most that such a client waits between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(6);

/// How long the instance metadata service may take to accept a connection. It is one hop away: who is not on EC2
/// should not notice that it was asked.
const METADATA_CONNECT_TIMEOUT: Duration = Duration::from_millis(400);

/// How long all of one question to the instance metadata service may take.
const METADATA_TIMEOUT: Duration = Duration::from_secs(2);

/// How to reach AWS. What is none comes from the environment and the shared configuration files, as with every AWS
/// tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ConnectionSettings {
    /// The Region to talk to.
    pub region: Option<Region>,
    /// The profile of the shared configuration files whose identity is used. A profile that is named here goes before
    /// access keys in the environment, as with the AWS CLI's `--profile`.
    pub profile: Option<String>,
    /// Where all services are reached, instead of their own endpoints.
    pub endpoint_url: Option<String>,
    /// An access key to use instead of any other identity: for a stand-in for AWS.
    pub credentials: Option<StaticCredentials>,
    /// Whether the clients keep a [`super::Pace`]: then they need not slow down by themselves when AWS throttles, and may try
    /// longer.
    pub paced: bool,
    /// A role that this identity assumes before anything else.
    pub role: Option<AssumedRole>,
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AssumedRole {
    /// Its ARN.
    pub arn: RoleArn,
    /// What its trust policy may ask for.
    pub external_id: Option<String>,
}

/// An access key. `Debug` hides its secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StaticCredentials {
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key.
    pub secret_access_key: String,
}

impl std::fmt::Debug for StaticCredentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "StaticCredentials({}, secret hidden)", self.access_key_id)
    }
}

/// Why no connection can be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// Nothing names a Region.
    #[error(
        "no Region is given: use --region, set AWS_REGION, or set region in {} of ~/.aws/config",
        profile_words(.profile.as_deref())
    )]
    NoRegion {
        /// The profile that was asked for.
        profile: Option<String>,
    },
    /// The environment or the profile names something that is no Region.
    #[error("AWS_REGION, AWS_DEFAULT_REGION or the profile names a Region that is none")]
    WrongRegion(#[source] NameError),
    /// No certificate authority is trusted, as in a container without them.
    #[error(
        "this machine has no certificates to tell AWS by: install the package ca-certificates, or name a file of them \
         in SSL_CERT_FILE"
    )]
    NoCertificates,
    /// The endpoint is not an address. It is not repeated: it may hold a password.
    #[error(
        "the endpoint is not an address such as https://host or http://127.0.0.1:4566: correct --endpoint-url"
    )]
    WrongEndpoint,
}

fn profile_words(profile: Option<&str>) -> String {
    match profile {
        Some(profile) => format!("the profile {profile} (does it exist?)"),
        None => "the default profile".to_owned(),
    }
}

/// A Region and an identity to call AWS with. Credentials are looked up at the first call.
#[derive(Debug, Clone)]
pub struct Connection {
    region: Region,
    sdk: SdkConfig,
}

/// One client for each service.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Amazon ECR.
    pub ecr: Ecr,
    /// AWS Lambda.
    pub lambda: Lambda,
    /// AWS STS.
    pub identity: Sts,
    /// Amazon CloudWatch.
    pub monitor: CloudWatch,
    /// AWS CodeDeploy.
    pub codedeploy: CodeDeploy,
}

impl Connection {
    /// Decides on Region and identity. Makes no call to AWS; at most it asks the instance metadata service for the
    /// Region, briefly.
    ///
    /// A repository of another account or Region has a connection of its own: open it with the other profile and the
    /// repository's Region, and take its [`Connection::ecr`].
    pub async fn open(settings: &ConnectionSettings) -> Result<Self, ConnectError> {
        if settings.endpoint_url.as_deref().is_some_and(|url| !is_endpoint(url)) {
            return Err(ConnectError::WrongEndpoint);
        }
        // The SDK panics where it finds none, and sets up a client for the sources of credentials in any case.
        if settings.credentials.is_none() && rustls_native_certs::load_native_certs().certs.is_empty() {
            return Err(ConnectError::NoCertificates);
        }
        let region = region(settings).await?;
        let sdk_region = aws_config::Region::new(region.as_str().to_owned());
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(sdk_region.clone())
            .credentials_provider(Sendable(credentials(settings, &sdk_region).await))
            // Given outright: the SDK panics where AWS_MAX_ATTEMPTS or AWS_RETRY_MODE is malformed.
            .retry_config(if settings.paced { patient_retries() } else { retries() })
            .timeout_config(timeouts());
        if let Ok(name) = AppName::new("lambda-lift") {
            loader = loader.app_name(name);
        }
        if let Some(profile) = &settings.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(url) = &settings.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        if settings.credentials.is_some() {
            // A stand-in has no such endpoints, whatever the environment asks for.
            loader = loader.use_fips(false).use_dual_stack(false);
        }
        if settings.credentials.is_some() || settings.endpoint_url.as_deref().is_some_and(is_plain_and_near) {
            // What runs on this machine is reached directly: a proxy of the environment would carry its traffic away.
            loader = loader.http_client(aws_smithy_http_client::Builder::new().build_http());
        }
        let own = loader.load().await;
        let sdk = match &settings.role {
            None => own,
            Some(role) => assume::assuming(own, role).await,
        };
        Ok(Self { region, sdk })
    }

    /// Until when the credentials last, where they can be had and say so.
    pub async fn credentials_end(&self) -> Option<std::time::SystemTime> {
        let provider = self.sdk.credentials_provider()?;
        provider.provide_credentials().await.ok()?.expiry()
    }

    /// The Region that was given or found.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Amazon ECR.
    pub fn ecr(&self) -> Ecr {
        let config = aws_sdk_ecr::config::Builder::from(&self.sdk).interceptor(BoundedAnswers);
        Ecr::new(aws_sdk_ecr::Client::from_conf(config.build()))
    }

    /// AWS Lambda.
    pub fn lambda(&self) -> Lambda {
        let config = aws_sdk_lambda::config::Builder::from(&self.sdk).interceptor(BoundedAnswers);
        Lambda::new(aws_sdk_lambda::Client::from_conf(config.build()))
    }

    /// The same, keeping a pace that is shared with others of its account and Region.
    pub fn lambda_at(&self, pace: Arc<Pace>) -> Lambda {
        let config = aws_sdk_lambda::config::Builder::from(&self.sdk).interceptor(BoundedAnswers);
        let config = config.interceptor(Throttling(Arc::clone(&pace)));
        Lambda::new(aws_sdk_lambda::Client::from_conf(config.build())).at(pace)
    }

    /// AWS STS.
    pub fn identity(&self) -> Sts {
        let config = aws_sdk_sts::config::Builder::from(&self.sdk).interceptor(BoundedAnswers);
        Sts::new(aws_sdk_sts::Client::from_conf(config.build()))
    }

    /// AWS Systems Manager.
    pub fn parameters(&self) -> Ssm {
        Ssm::new(self.sdk.clone(), self.region.clone())
    }

    /// Amazon S3.
    pub fn objects(&self) -> S3 {
        S3::new(self.sdk.clone(), self.region.clone())
    }

    /// Amazon CloudWatch.
    pub fn monitor(&self) -> CloudWatch {
        let config = aws_sdk_cloudwatch::config::Builder::from(&self.sdk).interceptor(BoundedAnswers);
        CloudWatch::new(aws_sdk_cloudwatch::Client::from_conf(config.build()))
    }

    /// AWS CodeDeploy.
    pub fn codedeploy(&self) -> CodeDeploy {
        let config = aws_sdk_codedeploy::config::Builder::from(&self.sdk).interceptor(BoundedAnswers);
        CodeDeploy::new(aws_sdk_codedeploy::Client::from_conf(config.build()))
    }

    /// AWS IAM, which only `permissions --check` asks.
    pub fn iam(&self) -> Iam {
        Iam::new(self.sdk.clone(), &self.region)
    }

    /// All of them.
    pub fn clients(&self) -> Clients {
        Clients {
            ecr: self.ecr(),
            lambda: self.lambda(),
            identity: self.identity(),
            monitor: self.monitor(),
            codedeploy: self.codedeploy(),
        }
    }
}

fn is_endpoint(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
}

/// Whether an endpoint is on this machine and without TLS.
fn is_plain_and_near(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "http" && is_loopback(&url))
}

/// Retries with jitter that also slow down while AWS throttles.
fn retries() -> RetryConfig {
    RetryConfig::adaptive().with_max_attempts(ATTEMPTS).with_initial_backoff(FIRST_WAIT)
}

/// Retries with jitter, for as long as others may use up the quota that we keep to.
fn patient_retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(PATIENT_ATTEMPTS)
        .with_initial_backoff(FIRST_WAIT)
        .with_max_backoff(LONGEST_WAIT)
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

/// The Region: given, of the environment, of the profile, or of the EC2 instance that this runs on.
async fn region(settings: &ConnectionSettings) -> Result<Region, ConnectError> {
    if let Some(region) = &settings.region {
        return Ok(region.clone());
    }
    let mut profile = ProfileFileRegionProvider::builder();
    if let Some(name) = &settings.profile {
        profile = profile.profile_name(name);
    }
    let mut found = EnvironmentVariableRegionProvider::new().region().await;
    if found.is_none() {
        found = profile.build().region().await;
    }
    if found.is_none() && settings.credentials.is_none() {
        found = ImdsRegionProvider::builder().imds_client(metadata_client()).build().region().await;
    }
    let found = found.ok_or_else(|| ConnectError::NoRegion { profile: settings.profile.clone() })?;
    found.as_ref().parse().map_err(ConnectError::WrongRegion)
}

/// The identity: given, of the named profile, or what the SDK's own chain finds (environment, default profile, web
/// identity, container, EC2 instance).
async fn credentials(
    settings: &ConnectionSettings,
    region: &aws_config::Region,
) -> SharedCredentialsProvider {
    let config = ProviderConfig::default().with_region(Some(region.clone()));
    if let Some(given) = &settings.credentials {
        let StaticCredentials { access_key_id, secret_access_key } = given;
        return SharedCredentialsProvider::new(Credentials::new(
            access_key_id,
            secret_access_key,
            None,
            None,
            "lambda-lift",
        ));
    }
    if let Some(profile) = &settings.profile {
        // The SDK's chain would prefer access keys in the environment, and deploy with another identity than the one
        // that the user named.
        let provider = ProfileFileCredentialsProvider::builder().configure(&config).profile_name(profile);
        return SharedCredentialsProvider::new(NamedProfile {
            name: profile.clone(),
            provider: provider.build(),
        });
    }
    let chain = DefaultCredentialsChain::builder().configure(config).region(region.clone());
    SharedCredentialsProvider::new(chain.imds_client(metadata_client()).build().await)
}

/// A profile that the user named. It says so when there is nothing in it: the SDK's own words for that are about
/// itself.
#[derive(Debug)]
struct NamedProfile {
    name: String,
    provider: ProfileFileCredentialsProvider,
}

impl ProvideCredentials for NamedProfile {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.provider.provide_credentials().await.map_err(|error| match error {
                CredentialsError::CredentialsNotLoaded(_) => CredentialsError::not_loaded(format!(
                    "the profile {} does not exist in ~/.aws/config or ~/.aws/credentials, or has no credentials",
                    self.name
                )),
                other => other,
            })
        })
    }
}

/// Credentials that a request can carry. The SDK panics where a key has a character that no header takes, such as the line
/// feed that a pasted CI secret often ends with.
#[derive(Debug)]
struct Sendable(SharedCredentialsProvider);

impl ProvideCredentials for Sendable {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let credentials = self.0.provide_credentials().await?;
            match unsendable(&credentials) {
                Some(part) => Err(CredentialsError::invalid_configuration(format!(
                    "{part} has a space, a line feed or another character that cannot be sent; was it pasted with one too many?"
                ))),
                None => Ok(credentials),
            }
        })
    }
}

/// The part of credentials, if any, that no header can carry.
fn unsendable(credentials: &Credentials) -> Option<&'static str> {
    let sendable = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !sendable(credentials.access_key_id()) {
        return Some("the access key id (AWS_ACCESS_KEY_ID)");
    }
    let token = credentials.session_token().filter(|token| !token.is_empty() && !sendable(token));
    token.map(|_| "the session token (AWS_SESSION_TOKEN)")
}

fn metadata_client() -> imds::Client {
    imds::Client::builder()
        .connect_timeout(METADATA_CONNECT_TIMEOUT)
        .operation_timeout(METADATA_TIMEOUT)
        .max_attempts(1)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(endpoint_url: Option<&str>) -> ConnectionSettings {
        ConnectionSettings {
            region: Some("eu-west-1".parse().unwrap()),
            endpoint_url: endpoint_url.map(str::to_owned),
            credentials: Some(StaticCredentials {
                access_key_id: "AKIATEST".to_owned(),
                secret_access_key: "hunter2".to_owned(),
            }),
            ..ConnectionSettings::default()
        }
    }

    #[tokio::test]
    async fn endpoints_that_are_no_addresses_are_refused_without_being_told() {
        for bad in ["", "127.0.0.1:4566", "ftp://host", "http://", "user:hunter2@host", "file:///hunter2"] {
            let error = Connection::open(&settings(Some(bad))).await.unwrap_err();
            assert_eq!(error, ConnectError::WrongEndpoint, "{bad}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[tokio::test]
    async fn a_connection_has_the_region_that_was_given_and_shows_no_secret() {
        let connection = Connection::open(&settings(Some("http://127.0.0.1:1"))).await.unwrap();
        assert_eq!(connection.region().as_str(), "eu-west-1");
        let debug = format!("{connection:?} {:?} {:?}", connection.clients(), settings(None));
        assert!(!debug.contains("hunter2"), "{debug}");
    }

    #[test]
    fn credentials_that_no_header_can_carry_are_told_from_others() {
        let given = |id: &str, token: Option<&str>| {
            Credentials::new(id, "secret", token.map(str::to_owned), None, "test")
        };
        for (id, token, good) in [
            ("AKIA", None, true),
            ("AKIA", Some("token/+="), true),
            ("AKIA", Some(""), true),
            ("AKIA\n", None, false),
            ("AK IA", None, false),
            ("", None, false),
            ("AKIÄ", None, false),
            ("AKIA", Some("token\r\n"), false),
        ] {
            assert_eq!(unsendable(&given(id, token)).is_none(), good, "{id:?} {token:?}");
        }
    }

    #[test]
    fn a_missing_region_names_the_ways_to_give_one() {
        let error = ConnectError::NoRegion { profile: Some("prod".to_owned()) }.to_string();
        assert!(["--region", "AWS_REGION", "prod"].iter().all(|part| error.contains(part)), "{error}");
    }
}
