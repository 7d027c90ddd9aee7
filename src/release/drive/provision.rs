//! Provisioned concurrency: the new version is as warm as the old one before it gets traffic, and nothing is paid for twice.

use std::time::Duration;

use super::Clock;
use crate::apply::Interrupt;
use crate::cloud::{CloudError, LambdaReader, LambdaWriter};
use crate::event::{Event, Reporter};
use crate::name::FunctionName;
use crate::preflight::Finding;
use crate::report::{Failure, Stage};

/// For how long a version may become ready.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// The first looks are closer together.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)];

/// Gives a version provisioned concurrency of its own, for as long as an alias moves to it.
pub(super) struct Provisioning<'a> {
    pub(super) lambda: &'a dyn LambdaReader,
    pub(super) writer: &'a dyn LambdaWriter,
    pub(super) reporter: &'a dyn Reporter,
    pub(super) clock: &'a dyn Clock,
    pub(super) interrupt: &'a Interrupt,
    pub(super) function: &'a FunctionName,
    pub(super) version: &'a str,
}

impl Provisioning<'_> {
    /// Asks for the amount, and waits until it is READY.
    pub(super) async fn ready(&self, amount: u32) -> Result<(), Failure> {
        let put = self.writer.put_provisioned_concurrency(self.function, self.version, amount).await;
        put.map_err(|error| self.failure(error.to_string()))?;
        let mut left = PATIENCE;
        for count in 0.. {
            let state = match self.lambda.provisioned_concurrency(self.function, self.version).await {
                Ok(Some(provisioned)) if provisioned.status == "READY" => return Ok(()),
                Ok(Some(provisioned)) if provisioned.status == "FAILED" => {
                    return Err(self.failure(provisioned.reason.unwrap_or("AWS gives no reason".to_owned())));
                }
                Ok(Some(provisioned)) => provisioned.status,
                Ok(None) => "not there yet".to_owned(),
                Err(error) => error.to_string(),
            };
            if left.is_zero() {
                return Err(self.failure(format!("it is not READY after 15 minutes: {state}")));
            }
            let what = format!("provisioned concurrency of version {}", self.version);
            self.reporter.report(Event::Waiting { what, state });
            let pause = PAUSES[count.min(PAUSES.len() - 1)];
            left = left.saturating_sub(pause);
            let stopped = self.interrupt.or(self.clock.sleep(pause)).await;
            stopped.map_err(|_| self.failure("stopped on request".to_owned()))?;
        }
        Ok(())
    }

    fn failure(&self, why: String) -> Failure {
        let message =
            format!("version {} got no provisioned concurrency, and no traffic: {why}", self.version);
        let hint = "mend the cause, or take the alias's provisioned concurrency away, then run the same command again".to_owned();
        Failure { kind: "concurrency", stage: Stage::BeforeChange, message, hint: Some(hint) }
    }

    /// Takes it away again: the alias's own amount moves along with the alias. A finding where it is left.
    pub(super) async fn end(&self) -> Option<Finding> {
        let mut error: Option<CloudError> = None;
        for _ in 0..3 {
            match self.writer.delete_provisioned_concurrency(self.function, self.version).await {
                Ok(()) => return None,
                Err(failed) => error = Some(failed),
            }
            self.clock.sleep(PAUSES[1]).await;
        }
        let message = format!(
            "version {} still has provisioned concurrency of its own, which is paid for: {}",
            self.version, error?
        );
        let hint = format!(
            "aws lambda delete-provisioned-concurrency-config --function-name {} --qualifier {}",
            self.function, self.version
        );
        Some(Finding::warn("concurrency", message, hint))
    }
}
