//! How CodeDeploy refuses: AWS JSON 1.1, always 400.

use serde_json::{Value, json};

use crate::call::Answer;
use crate::uuid::uuid;

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    status: u16,
    code: String,
    message: String,
}

impl Refusal {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Refusal { status: 400, code: code.to_owned(), message: message.into() }
    }

    pub(super) fn no_application(name: &str) -> Self {
        Refusal::new("ApplicationDoesNotExistException", format!("No application found for name: {name}"))
    }

    pub(super) fn no_group(name: &str) -> Self {
        let message = format!("No Deployment Group found for name: {name}");
        Refusal::new("DeploymentGroupDoesNotExistException", message)
    }

    pub(super) fn no_config(name: &str) -> Self {
        let message = format!("No Deployment Configuration found for name: {name}");
        Refusal::new("DeploymentConfigDoesNotExistException", message)
    }

    pub(super) fn no_deployment(id: &str) -> Self {
        Refusal::new("DeploymentDoesNotExistException", format!("The deployment {id} could not be found"))
    }

    /// The stand-in itself cannot go on.
    pub(super) fn broken(message: impl Into<String>) -> Self {
        Refusal { status: 500, ..Refusal::new("InternalFailure", message) }
    }

    pub(super) fn answer(&self) -> Answer {
        answer(self.status, &json!({ "__type": self.code, "message": self.message }))
    }
}

/// A document on the wire.
pub(super) fn answer(status: u16, body: &Value) -> Answer {
    Answer {
        status,
        headers: vec![
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("x-amzn-requestid".to_owned(), uuid()),
        ],
        body: body.to_string().into_bytes(),
    }
}
