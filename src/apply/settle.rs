//! Waiting for a function to settle. AWS changes functions after it has answered; nobody may build on half a change.

use std::time::{Duration, Instant};

use crate::cloud::{CloudError, CloudErrorKind, LambdaReader, LiveFunction};
use crate::event::{Event, Reporter};
use crate::function::{Settled, judge};
use crate::name::FunctionName;

use super::{ApplyError, Interrupt};

/// Lambda's own waiters poll each second; the first looks are closer together, since most changes take less.
const POLL_PAUSES: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
];

/// Waits for one function.
pub(super) struct Settling<'a> {
    pub(super) lambda: &'a dyn LambdaReader,
    pub(super) reporter: &'a dyn Reporter,
    pub(super) interrupt: &'a Interrupt,
    pub(super) timeout: Duration,
}

/// How long something may still be waited for.
pub(super) struct Deadline {
    begun: Instant,
    timeout: Duration,
    tries: usize,
}

impl Deadline {
    pub(super) fn after(timeout: Duration) -> Self {
        Self { begun: Instant::now(), timeout, tries: 0 }
    }

    /// Pauses before the next look.
    pub(super) async fn pause(
        &mut self,
        interrupt: &Interrupt,
        what: &str,
        state: &str,
    ) -> Result<(), ApplyError> {
        if self.begun.elapsed() >= self.timeout {
            return Err(ApplyError::WaitTimeout {
                what: what.to_owned(),
                seconds: self.timeout.as_secs(),
                state: state.to_owned(),
            });
        }
        let pause = POLL_PAUSES[self.tries.min(POLL_PAUSES.len() - 1)];
        self.tries += 1;
        interrupt.or(tokio::time::sleep(pause)).await
    }
}

impl Settling<'_> {
    /// Waits until `$LATEST` or a version is not busy any more, whatever it became.
    pub(super) async fn quiet(
        &self,
        name: &FunctionName,
        qualifier: Option<&str>,
    ) -> Result<LiveFunction, ApplyError> {
        let what = match qualifier {
            Some(version) => format!("version {version} of function {name}"),
            None => format!("function {name}"),
        };
        let mut deadline = Deadline::after(self.timeout);
        loop {
            let live = self.read(name, qualifier).await?;
            match judge(&live.state) {
                Settled::Busy { state } => {
                    self.reporter.report(Event::Waiting { what: what.clone(), state: state.clone() });
                    deadline.pause(self.interrupt, &what, &state).await?;
                }
                Settled::Ready | Settled::Inactive { .. } | Settled::Failed(_) => return Ok(live),
            }
        }
    }

    /// Waits as [`quiet`](Self::quiet) does; a failure ends at once, with AWS's reason.
    pub(super) async fn success(
        &self,
        name: &FunctionName,
        qualifier: Option<&str>,
    ) -> Result<LiveFunction, ApplyError> {
        let live = self.quiet(name, qualifier).await?;
        match judge(&live.state) {
            Settled::Failed(failure) => Err(ApplyError::FunctionFailed(failure)),
            Settled::Ready | Settled::Inactive { .. } | Settled::Busy { .. } => Ok(live),
        }
    }

    async fn read(&self, name: &FunctionName, qualifier: Option<&str>) -> Result<LiveFunction, ApplyError> {
        self.lambda.function(name, qualifier).await?.ok_or_else(|| {
            ApplyError::Cloud(CloudError {
                service: "AWS Lambda",
                operation: "GetFunction",
                kind: CloudErrorKind::NotFound,
                code: None,
                status: Some(404),
                message: match qualifier {
                    Some(qualifier) => format!("function {name}:{qualifier} does not exist any more"),
                    None => format!("function {name} does not exist any more"),
                },
                request_id: None,
            })
        })
    }
}
