//! How Lambda refuses: status, code and text, in the shapes that were recorded from AWS.

use serde_json::{Value, json};

use crate::call::Answer;

use super::answer;

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// Why a throttled call was throttled.
    reason: Option<&'static str>,
}

/// The pattern of function names, as AWS quotes it.
const NAME_PATTERN: &str = "(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?\
                            (\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?";

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Refusal { status, code, message: message.into(), reason: None }
    }

    /// A value that a rule across members, or AWS's state, forbids.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Refusal::new(400, "InvalidParameterValueException", message)
    }

    /// A member that breaks the model's own constraint.
    pub(super) fn constraint(member: &str, value: impl std::fmt::Display, constraint: &str) -> Self {
        let message = format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {constraint}"
        );
        Refusal::new(400, "ValidationException", message)
    }

    /// A required member that is not there.
    pub(super) fn missing(member: &str) -> Self {
        let message = format!(
            "1 validation error detected: Value null at '{member}' failed to satisfy constraint: \
             Member must not be null"
        );
        Refusal::new(400, "ValidationException", message)
    }

    /// A name that is no function's.
    pub(super) fn function_name(value: &str) -> Self {
        let constraint = format!("Member must satisfy regular expression pattern: {NAME_PATTERN}");
        Refusal::constraint("functionName", value, &constraint)
    }

    /// A body that is not JSON, or not of the request's shape.
    pub(super) fn malformed(why: &serde_json::Error) -> Self {
        Refusal::new(
            400,
            "InvalidRequestContentException",
            format!("Could not parse request body into json: {why}"),
        )
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Refusal::new(409, "ResourceConflictException", message)
    }

    /// A function or version that does not exist.
    pub(super) fn no_function(arn: &str) -> Self {
        Refusal::not_found(format!("Function not found: {arn}"))
    }

    /// An alias that does not exist.
    pub(super) fn no_alias(arn: &str) -> Self {
        Refusal::not_found(format!("Cannot find alias arn: {arn}"))
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Refusal::new(404, "ResourceNotFoundException", message)
    }

    pub(super) fn no_provisioned_concurrency() -> Self {
        Refusal::new(
            404,
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
        )
    }

    /// A RevisionId that is not the latest one.
    pub(super) fn stale_revision() -> Self {
        Refusal::new(
            412,
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. \
             Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
        )
    }

    /// Not part of the service's model, so that SDKs see an unknown error.
    pub(super) fn denied(message: impl Into<String>) -> Self {
        Refusal::new(403, "AccessDeniedException", message)
    }

    /// The refusal of a caller of another account.
    pub(super) fn other_account(caller: &str, partition: &str, operation: &str, arn: &str) -> Self {
        Refusal::denied(format!(
            "User: arn:{partition}:iam::{caller}:root is not authorized to perform: lambda:{operation} on \
             resource: {arn} because no resource-based policy allows the lambda:{operation} action"
        ))
    }

    pub(super) fn throttled(reason: &'static str) -> Self {
        Refusal { reason: Some(reason), ..Refusal::new(429, "TooManyRequestsException", "Rate exceeded") }
    }

    /// An invocation that the state of the function's code does not allow.
    pub(super) fn code_artifact(code: &'static str, message: &str) -> Self {
        Refusal::new(409, code, message)
    }

    pub(super) fn too_large(limit: usize, operation: &str) -> Self {
        Refusal::new(
            413,
            "RequestTooLargeException",
            format!("Request must be smaller than {limit} bytes for the {operation} operation"),
        )
    }

    pub(super) fn unknown_operation() -> Self {
        Refusal::new(
            404,
            "UnknownOperationException",
            "Unable to determine service/operation name to be authorized",
        )
    }

    /// A function whose code cannot be run by this stand-in: an answer of its own, which AWS never gives.
    pub(super) fn not_run(why: &str) -> Self {
        Refusal::new(400, "InvalidRuntimeException", format!("The stand-in cannot run the function: {why}"))
    }

    /// The stand-in itself cannot go on.
    pub(super) fn broken(message: impl Into<String>) -> Self {
        Refusal::new(500, "ServiceException", message)
    }

    /// The answer: AWS spells the member `Message` for what is missing, and `message` elsewhere.
    pub(super) fn answer(&self) -> Answer {
        let member = match self.code {
            "ResourceNotFoundException" | "AccessDeniedException" | "ServiceException" => "Message",
            code if code.starts_with("CodeArtifactUser") => "Message",
            _ => "message",
        };
        let mut body = json!({});
        match self.code {
            "ValidationException" | "AccessDeniedException" | "UnknownOperationException" => {}
            "ServiceException" => body["Type"] = json!("Service"),
            _ => body["Type"] = json!("User"),
        }
        if let Some(reason) = self.reason {
            body["Reason"] = json!(reason);
        }
        body[member] = Value::String(self.message.clone());
        let mut answer = answer::json(self.status, &body);
        answer.headers.push(("x-amzn-errortype".to_owned(), self.code.to_owned()));
        answer
    }
}
