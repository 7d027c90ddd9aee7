//! From the SDK's errors to ours: sorted by what the caller can do, and without secrets.

use std::error::Error;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_lambda::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::cloud::{CloudError, CloudErrorKind};
use crate::http::without_signed_queries;

/// An operation of a service, as errors name it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) service: &'static str,
    pub(crate) name: &'static str,
}

impl Operation {
    /// The failure of a call.
    pub(crate) fn failed<E>(self, error: SdkError<E, HttpResponse>) -> CloudError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let request_id = error.request_id().map(str::to_owned);
        let status = error.raw_response().map(|response| response.status().as_u16());
        let (kind, code, message) = match &error {
            SdkError::ServiceError(answer) => {
                let told = answer.err().meta();
                let code = told.code().map(str::to_owned);
                let message = told.message().map_or_else(|| no_explanation(status), tellable);
                (kind_of(code.as_deref(), status, &message), code, message)
            }
            SdkError::ResponseError(_) => {
                let message = format!("the answer cannot be understood: {}", chain(&error));
                (CloudErrorKind::Unexpected, None, message)
            }
            _ => match credentials_error(&error) {
                Some(cause) => (CloudErrorKind::Credentials, None, credentials_message(cause)),
                None if matches!(error, SdkError::ConstructionFailure(_)) => {
                    (CloudErrorKind::Invalid, None, chain(&error))
                }
                None => (CloudErrorKind::Unreachable, None, chain(&error)),
            },
        };
        CloudError { service: self.service, operation: self.name, kind, code, status, message, request_id }
    }

    /// An answer that lacks something it must have.
    pub(crate) fn unexpected(self, message: impl Into<String>) -> CloudError {
        self.own(CloudErrorKind::Unexpected, message)
    }

    /// A request that we will not send.
    pub(crate) fn invalid(self, message: impl Into<String>) -> CloudError {
        self.own(CloudErrorKind::Invalid, message)
    }

    /// A request that was still waiting to be sent when the user asked to stop.
    pub(crate) fn stopped(self) -> CloudError {
        self.own(CloudErrorKind::Stopped, "stopped on request, before it was sent")
    }

    /// A refusal that was read by hand.
    pub(crate) fn refused(
        self,
        status: u16,
        code: Option<String>,
        message: Option<String>,
        request_id: Option<String>,
    ) -> CloudError {
        let message = message.map_or_else(|| no_explanation(Some(status)), |message| tellable(&message));
        let kind = kind_of(code.as_deref(), Some(status), &message);
        CloudError { code, status: Some(status), request_id, ..self.own(kind, message) }
    }

    /// A call to which no answer came.
    pub(crate) fn unreachable(self, error: &(dyn Error + 'static)) -> CloudError {
        self.own(CloudErrorKind::Unreachable, chain(error))
    }

    /// The same because it took too long.
    pub(crate) fn late(self, patience: Duration) -> CloudError {
        self.own(CloudErrorKind::Unreachable, format!("no whole answer came within {} s", patience.as_secs()))
    }

    /// A call that nobody can sign.
    pub(crate) fn without_credentials(self, error: &CredentialsError) -> CloudError {
        self.own(CloudErrorKind::Credentials, credentials_message(error))
    }

    fn own(self, kind: CloudErrorKind, message: impl Into<String>) -> CloudError {
        CloudError {
            service: self.service,
            operation: self.name,
            kind,
            code: None,
            status: None,
            message: message.into(),
            request_id: None,
        }
    }
}

/// Whether AWS itself says, by its code, that the thing does not exist. A bare 404 does not count: that is what a
/// wrong endpoint answers.
pub(crate) fn says_not_found(error: &CloudError) -> bool {
    error.kind == CloudErrorKind::NotFound && error.code.is_some()
}

fn no_explanation(status: Option<u16>) -> String {
    let status = status.map_or_else(String::new, |status| format!("HTTP {status} "));
    format!("{status}without an explanation; is the endpoint that of AWS?")
}

/// Sorts an answer: by code where there is one that we know, else by HTTP status.
fn kind_of(code: Option<&str>, status: Option<u16>, message: &str) -> CloudErrorKind {
    by_code(code.unwrap_or_default(), message).unwrap_or(match status {
        Some(401) => CloudErrorKind::Credentials,
        Some(403) => CloudErrorKind::AccessDenied,
        Some(404) => CloudErrorKind::NotFound,
        Some(409) => busy_or_there(message),
        Some(412) => CloudErrorKind::PreconditionFailed,
        Some(429) => CloudErrorKind::Throttled,
        Some(400..=499) => CloudErrorKind::Invalid,
        _ => CloudErrorKind::Unexpected,
    })
}

fn by_code(code: &str, message: &str) -> Option<CloudErrorKind> {
    let kind = match code {
        "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" | "OptInRequired" => {
            CloudErrorKind::AccessDenied
        }
        "AuthFailure"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidAccessKeyId"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => CloudErrorKind::Credentials,
        "PriorRequestNotComplete"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown"
        | "ThrottledException"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequestsException" => CloudErrorKind::Throttled,
        "ResourceConflictException" => busy_or_there(message),
        "PreconditionFailedException" => CloudErrorKind::PreconditionFailed,
        "ServiceException" | "ServerException" => CloudErrorKind::Unexpected,
        "ParameterNotFound" | "ParameterVersionNotFound" | "NoSuchKey" | "NoSuchBucket" => {
            CloudErrorKind::NotFound
        }
        // CodeDeploy runs one deployment of a group at a time.
        "DeploymentLimitExceededException" => CloudErrorKind::Conflict,
        _ if code.ends_with("AlreadyExistsException") => CloudErrorKind::AlreadyExists,
        _ if code.ends_with("NotFoundException") || code.ends_with("DoesNotExistException") => {
            CloudErrorKind::NotFound
        }
        _ => return None,
    };
    Some(kind)
}

/// Lambda uses one code for "it exists" and for "it is busy"; the text tells them apart (`Function already exist:
/// NAME`, `Alias already exists: ARN`).
fn busy_or_there(message: &str) -> CloudErrorKind {
    if message.contains("already exist") { CloudErrorKind::AlreadyExists } else { CloudErrorKind::Conflict }
}

/// AWS's message without what must not be told: values of the request that it quotes, and signatures of addresses.
fn tellable(message: &str) -> String {
    without_signed_queries(&without_values(message))
}

/// AWS's message without what it quotes of the request.
///
/// Lambda refuses a large environment with all of it in the message (`… exceeded the 4KB limit. String measured:
/// {"NAME":"value",…}`), and a malformed one with `Value '{…}' at 'environment…' failed …`.
fn without_values(message: &str) -> String {
    let mut message = message.to_owned();
    if let Some(at) = message.find("String measured:") {
        message.truncate(at);
        message.truncate(message.trim_end().len());
    }
    if let Some(place) = message.find("' at 'environment")
        && let Some(start) = message.find("Value '").filter(|start| *start < place)
    {
        message.replace_range(start + "Value '".len()..place, "(hidden)");
    }
    message
}

/// Takes texts that must not be told out of a message, wherever AWS quotes them.
pub(crate) fn scrub<'a>(mut error: CloudError, secrets: impl Iterator<Item = &'a str>) -> CloudError {
    // What is shorter says little, and would tear holes into ordinary words.
    for secret in secrets.filter(|secret| secret.len() >= 5) {
        error.message = error.message.replace(secret, "(hidden)");
    }
    error
}

fn credentials_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a CredentialsError> {
    causes(error).find_map(|cause| cause.downcast_ref::<CredentialsError>())
}

fn credentials_message(error: &CredentialsError) -> String {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            // The SDK says this about each source that it tried, and about all of them together.
            let tried = chain_with(error).replace("the credential provider was not enabled", "");
            let tried: Vec<&str> = tried.split(": ").filter(|part| !part.is_empty()).collect();
            if tried.is_empty() {
                return "no credentials were found".to_owned();
            }
            format!("no credentials were found: {}", tried.join(": "))
        }
        CredentialsError::ProviderTimedOut(_) => {
            "the source of credentials did not answer in time".to_owned()
        }
        _ => format!("the credentials cannot be used: {}", chain_with(error)),
    }
}

/// An error and its causes.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// What the causes of an error say; the error itself only names their sort ("dispatch failure").
fn chain(error: &(dyn Error + 'static)) -> String {
    match error.source() {
        Some(cause) => chain_with(cause),
        None => error.to_string(),
    }
}

fn chain_with(error: &(dyn Error + 'static)) -> String {
    let mut told: Vec<String> = Vec::new();
    for cause in causes(error) {
        let text = cause.to_string();
        // Many errors repeat the text of their cause.
        if !told.iter().any(|earlier| earlier.contains(&text)) {
            told.push(text);
        }
    }
    // Some errors are lists with a line for each thing that was tried.
    let text = told.join(": ").split_whitespace().collect::<Vec<_>>().join(" ");
    let end = UNTELLABLE.iter().filter_map(|mark| text.find(mark)).min();
    without_signed_queries(&match end {
        Some(end) => format!("{} (more is not shown)", text[..end].trim_end_matches([' ', ':'])),
        None => text,
    })
}

/// Where texts begin that may hold secrets: what a credential process says on stderr, and the SDK's way to quote a
/// whole request, body and headers included.
const UNTELLABLE: [&str; 4] = ["Stderr:", "to request `", "Request {", "SdkBody {"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_before_statuses() {
        use CloudErrorKind as Kind;
        let table = [
            (Some("ResourceNotFoundException"), Some(404), "", Kind::NotFound),
            (Some("RepositoryNotFoundException"), Some(400), "", Kind::NotFound),
            (Some("RepositoryPolicyNotFoundException"), Some(400), "", Kind::NotFound),
            (Some("RepositoryAlreadyExistsException"), Some(400), "", Kind::AlreadyExists),
            (Some("DeploymentGroupDoesNotExistException"), Some(400), "", Kind::NotFound),
            (Some("DeploymentLimitExceededException"), Some(400), "", Kind::Conflict),
            (
                Some("ResourceConflictException"),
                Some(409),
                "Function already exist: shop",
                Kind::AlreadyExists,
            ),
            (Some("ResourceConflictException"), Some(409), "Alias already exists: arn", Kind::AlreadyExists),
            (
                Some("ResourceConflictException"),
                Some(409),
                "The operation cannot be performed at this time. An update is in progress for resource: arn",
                Kind::Conflict,
            ),
            (Some("PreconditionFailedException"), Some(412), "", Kind::PreconditionFailed),
            (Some("AccessDeniedException"), Some(403), "", Kind::AccessDenied),
            (Some("AccessDeniedException"), Some(400), "", Kind::AccessDenied),
            (Some("UnrecognizedClientException"), Some(403), "", Kind::Credentials),
            (Some("InvalidSignatureException"), Some(403), "", Kind::Credentials),
            (Some("ExpiredTokenException"), Some(403), "", Kind::Credentials),
            (Some("InvalidClientTokenId"), Some(403), "", Kind::Credentials),
            (Some("TooManyRequestsException"), Some(429), "", Kind::Throttled),
            (Some("ThrottlingException"), Some(400), "", Kind::Throttled),
            (Some("InvalidParameterValueException"), Some(400), "", Kind::Invalid),
            (Some("RequestEntityTooLargeException"), Some(413), "", Kind::Invalid),
            (Some("ServiceException"), Some(500), "", Kind::Unexpected),
            (Some("ServerException"), Some(500), "", Kind::Unexpected),
            (None, Some(404), "", Kind::NotFound),
            (None, Some(403), "", Kind::AccessDenied),
            (None, Some(502), "", Kind::Unexpected),
            (None, None, "", Kind::Unexpected),
            (Some("NeverHeardOf"), Some(409), "", Kind::Conflict),
            (Some("ConflictException"), Some(409), "Alias already exists: arn", Kind::AlreadyExists),
        ];
        for (code, status, message, kind) in table {
            assert_eq!(kind_of(code, status, message), kind, "{code:?} {status:?} {message}");
        }
    }

    #[test]
    fn environment_values_that_aws_quotes_are_taken_out() {
        let table = [
            (
                "Lambda was unable to configure your environment variables because the environment variables you \
                 have provided exceeded the 4KB limit. String measured: {\"TOKEN\":\"hunter2\"}",
                "exceeded the 4KB limit.",
            ),
            (
                "1 validation error detected: Value '{A-B=hunter2, C='x'}' at 'environment.variables' failed to \
                 satisfy constraint: Map keys must satisfy constraint",
                "Value '(hidden)' at 'environment.variables' failed",
            ),
            (
                "1 validation error detected: Value at 'environment.variables' failed",
                "Value at 'environment.variables'",
            ),
            ("' at 'environment and then Value '", "' at 'environment and then Value '"),
        ];
        for (message, kept) in table {
            let told = without_values(message);
            assert!(told.contains(kept) && !told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn a_signed_address_that_aws_quotes_is_told_without_its_query() {
        let address = "https://b.s3.amazonaws.com/x?X-Amz-Credential=AKIA&X-Amz-Signature=hunter2";
        let told = tellable(&format!("cannot read {address} (Service: S3)"));
        assert_eq!(told, "cannot read https://b.s3.amazonaws.com/x?… (Service: S3)");
        let error: Box<dyn Error> = format!("error sending request for url {address}").into();
        assert!(!chain_with(&*error).contains("hunter2"));
    }

    #[test]
    fn a_secret_is_scrubbed_wherever_it_is_quoted() {
        let error = Operation { service: "AWS Lambda", name: "CreateFunction" }
            .invalid("bad hunter2 and hunter2, on");
        let error = scrub(error, ["hunter2", "on", ""].into_iter());
        assert_eq!(error.message, "bad (hidden) and (hidden), on");
    }

    #[test]
    fn what_a_credential_process_says_on_stderr_is_not_told() {
        let text = "Error retrieving credentials: external process exited with code 1. Stderr: token=hunter2";
        let error = CredentialsError::provider_error(text);
        let told = credentials_message(&error);
        assert!(told.contains("exited with code 1") && !told.contains("hunter2"), "{told}");
    }

    #[test]
    fn missing_credentials_are_told_without_the_sdks_refrain() {
        let tried =
            CredentialsError::not_loaded("no credentials found in chain.\n  Environment: variable not set");
        let told = credentials_message(&CredentialsError::not_loaded(tried));
        let expected =
            "no credentials were found: no credentials found in chain. Environment: variable not set";
        assert_eq!(told, expected);
        assert_eq!(
            credentials_message(&CredentialsError::not_loaded_no_source()),
            "no credentials were found"
        );
    }

    #[test]
    fn a_request_that_the_sdk_quotes_is_not_told() {
        let text = "failed to apply endpoint `::bad` to request `Request { body: SdkBody { inner: hunter2 } }`: invalid";
        let error: Box<dyn Error> = text.into();
        assert_eq!(chain_with(&*error), "failed to apply endpoint `::bad` (more is not shown)");
    }
}
