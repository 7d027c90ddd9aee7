//! Requests that are signed and sent by hand, to services of which we need one operation each. Their SDKs would be half of the binary.
//!
//! Credentials, Region, endpoints, FIPS and dual-stack are the SDK's own affair, as everywhere.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::ProvideCredentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_types::service_config::ServiceConfigKey;
use futures_util::StreamExt as _;
use reqwest::Method;
use reqwest::header::HeaderMap;
use url::Url;

use super::connect::{ATTEMPT_TIMEOUT, ATTEMPTS, FIRST_WAIT};
use super::error::Operation;
use crate::cloud::{CloudError, CloudErrorKind};
use crate::http::client_for;
use crate::name::Region;

/// The longest pause between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// A service, as signatures, hosts and settings name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service {
    /// `s3`: in signatures and hosts.
    pub(super) name: &'static str,
    /// `S3`: in settings for endpoints (`AWS_ENDPOINT_URL_S3`).
    pub(super) id: &'static str,
}

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) region: Cow<'a, str>,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: Vec<u8>,
    /// The longest answer that is read, in bytes.
    pub(super) most: u64,
}

/// An answer, whatever its status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// A header's text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Reads AWS's code and message out of an answer that is none to the question.
pub(super) type ReadRefusal = fn(&Answer) -> (Option<String>, Option<String>);

/// Sends requests to one service.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    pub(super) service: Service,
    pub(super) sdk: SdkConfig,
    /// What says what a refusal is.
    pub(super) read: ReadRefusal,
}

impl Sender {
    /// The endpoint that somebody configured instead of the service's own.
    pub(super) fn endpoint(&self) -> Option<String> {
        let key = ServiceConfigKey::builder()
            .service_id(self.service.id)
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        let of_service = || self.sdk.service_config()?.load_config(key.ok()?);
        // `--endpoint-url` names all services; only what the environment says of all is weaker than what is said of one.
        let of_all = self.sdk.endpoint_url().map(str::to_owned);
        let is_given = self.sdk.get_origin("endpoint_url").is_client_config();
        if is_given { of_all } else { of_service().or(of_all) }
    }

    /// The service's own host in a Region.
    pub(super) fn host(&self, region: &Region) -> String {
        let name = self.service.name;
        let fips = if self.sdk.use_fips() == Some(true) { "-fips" } else { "" };
        let suffix = region.partition().host_suffix();
        match (self.sdk.use_dual_stack() == Some(true), name) {
            (false, _) => format!("{name}{fips}.{region}.{suffix}"),
            (true, "s3") => format!("s3{fips}.dualstack.{region}.{suffix}"),
            (true, _) => format!(
                "{name}{fips}.{region}.api.{}",
                suffix.trim_start_matches("amazon").replacen("aws.com", "aws", 1)
            ),
        }
    }

    /// Sends a request, again where that may help. An answer below 400 is an answer; so is one that `accept` takes.
    pub(super) async fn send(
        &self,
        operation: Operation,
        request: &Request<'_>,
        accept: fn(&Answer) -> bool,
    ) -> Result<Answer, CloudError> {
        let client = client_for(&request.url).map_err(|why| operation.invalid(why))?;
        let mut pause = FIRST_WAIT;
        for tried in 1.. {
            let error = match self.once(&client, operation, request).await {
                Ok(answer) if answer.status < 400 || accept(&answer) => return Ok(answer),
                Ok(answer) => {
                    let (code, message) = (self.read)(&answer);
                    operation.refused(answer.status, code, message, request_id(&answer))
                }
                Err(error) => error,
            };
            let passes = matches!(
                error.kind,
                CloudErrorKind::Throttled | CloudErrorKind::Unreachable | CloudErrorKind::Unexpected
            );
            if tried >= ATTEMPTS || !passes {
                return Err(error);
            }
            tokio::time::sleep(pause.mul_f64(0.5 + 0.5 * fastrand::f64())).await;
            pause = (pause * 2).min(LONGEST_WAIT);
        }
        Err(operation.unexpected("it was never sent"))
    }

    async fn once(
        &self,
        client: &reqwest::Client,
        operation: Operation,
        request: &Request<'_>,
    ) -> Result<Answer, CloudError> {
        let credentials = self.credentials(operation).await?;
        let mut built =
            client.request(request.method.clone(), request.url.clone()).body(request.body.clone());
        for (name, value) in self.signed_headers(operation, request, credentials)? {
            built = built.header(name, value);
        }
        for (name, value) in &request.headers {
            built = built.header(*name, *value);
        }
        let exchange = async {
            let answer = built.send().await.map_err(|error| operation.unreachable(&error.without_url()))?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            let mut body = Vec::new();
            let mut stream = answer.bytes_stream();
            while let Some(piece) = stream.next().await {
                let piece = piece.map_err(|error| operation.unreachable(&error.without_url()))?;
                if (body.len() + piece.len()) as u64 > request.most {
                    return Err(operation.invalid(format!("the answer has more than {} bytes", request.most)));
                }
                body.extend_from_slice(&piece);
            }
            Ok(Answer { status, headers, body })
        };
        let late = |_| operation.late(ATTEMPT_TIMEOUT);
        tokio::time::timeout(ATTEMPT_TIMEOUT, exchange).await.map_err(late)?
    }

    async fn credentials(&self, operation: Operation) -> Result<Credentials, CloudError> {
        let Some(provider) = self.sdk.credentials_provider() else {
            return Err(operation.without_credentials(
                &aws_credential_types::provider::error::CredentialsError::not_loaded_no_source(),
            ));
        };
        provider.provide_credentials().await.map_err(|error| operation.without_credentials(&error))
    }

    fn signed_headers(
        &self,
        operation: Operation,
        request: &Request<'_>,
        credentials: Credentials,
    ) -> Result<Vec<(String, String)>, CloudError> {
        let identity = credentials.into();
        let mut settings = SigningSettings::default();
        if self.service.name == "s3" {
            // A key is a name and no path: nothing in it is tidied up, or encoded twice.
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
        }
        let unsigned = |why: String| operation.invalid(format!("the request cannot be signed: {why}"));
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(&request.region)
            .name(self.service.name)
            .time(SystemTime::now())
            .settings(settings)
            .build()
            .map_err(|error| unsigned(error.to_string()))?;
        let signable = SignableRequest::new(
            request.method.as_str(),
            request.url.as_str(),
            request.headers.iter().copied(),
            SignableBody::Bytes(&request.body),
        )
        .map_err(|error| unsigned(error.to_string()))?;
        let (instructions, _) =
            sign(signable, &parameters.into()).map_err(|error| unsigned(error.to_string()))?.into_parts();
        Ok(instructions.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// The text of the first element of that name, out of a document whose elements are known and flat.
pub(super) fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0.trim())
}

/// `<Error><Code>NoSuchKey</Code><Message>…</Message></Error>`, as S3 and the query protocol have it.
pub(super) fn refusal_in_xml(answer: &Answer) -> (Option<String>, Option<String>) {
    let body = String::from_utf8_lossy(&answer.body);
    let text = |name| {
        let inside = element(&body, name)?;
        Some(inside.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    };
    (text("Code"), text("Message"))
}

fn request_id(answer: &Answer) -> Option<String> {
    ["x-amzn-requestid", "x-amz-request-id"].iter().find_map(|name| answer.header(name)).map(str::to_owned)
}
