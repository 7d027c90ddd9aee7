//! Invoke.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_lambda::types::{InvocationType, LogType};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::error::Operation;
use super::lambda::{Lambda, operation};
use crate::cloud::{CloudError, Invocation, InvocationMode, InvocationRequest, LambdaInvoker};

/// The longest that a function may run, and some time for its start.
const LONGEST_INVOCATION: Duration = Duration::from_secs(16 * 60);

const INVOKE: Operation = operation("InvokeFunction");

#[async_trait]
impl LambdaInvoker for Lambda {
    async fn invoke(&self, request: InvocationRequest<'_>) -> Result<Invocation, CloudError> {
        // A function may take fifteen minutes, and an answer that is late must not start it again.
        let patient =
            aws_sdk_lambda::config::Builder::new().retry_config(RetryConfig::disabled()).timeout_config(
                TimeoutConfig::builder()
                    .read_timeout(LONGEST_INVOCATION)
                    .operation_attempt_timeout(LONGEST_INVOCATION)
                    .operation_timeout(LONGEST_INVOCATION)
                    .build(),
            );
        let InvocationRequest { function, qualifier, payload, mode } = request;
        let call = self.client.invoke().function_name(function.as_str()).qualifier(qualifier);
        let call = match mode {
            InvocationMode::Wait => {
                call.invocation_type(InvocationType::RequestResponse).log_type(LogType::Tail)
            }
            InvocationMode::Queue => call.invocation_type(InvocationType::Event),
            InvocationMode::DryRun => call.invocation_type(InvocationType::DryRun),
        };
        let sent = call.payload(payload.to_vec().into()).customize().config_override(patient).send().await;
        let answer = sent.map_err(|error| INVOKE.failed(error))?;
        let log = answer.log_result().and_then(|log| BASE64.decode(log).ok()).unwrap_or_default();
        Ok(Invocation {
            status: u16::try_from(answer.status_code()).unwrap_or_default(),
            function_error: answer.function_error().map(str::to_owned),
            executed_version: answer.executed_version().map(str::to_owned),
            payload: answer.payload().map(|payload| payload.as_ref().to_vec()).unwrap_or_default(),
            log_tail: log,
        })
    }
}
