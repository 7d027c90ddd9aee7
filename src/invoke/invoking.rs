//! One invocation, tried until the function is ready for it.

use std::time::Duration;

use super::InvokeError;
use crate::apply::Interrupt;
use crate::cloud::{CloudError, CloudErrorKind, Invocation, InvocationRequest, LambdaInvoker};
use crate::event::{Event, Reporter};
use crate::release::Clock;

/// Between two tries; the last one is repeated.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(3)];

/// Refusals that no waiting helps against (facts: states).
const HOPELESS: [&str; 2] = ["CodeArtifactUserDeletedException", "CodeArtifactUserFailedException"];

/// How something is invoked.
pub struct Invoking<'a> {
    /// Who runs it.
    pub lambda: &'a dyn LambdaInvoker,
    /// Who is told that it is waited for.
    pub reporter: &'a dyn Reporter,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Whether the user asked to stop.
    pub interrupt: &'a Interrupt,
    /// For how long a function that is being prepared, or is throttled, is asked again.
    pub patience: Duration,
    /// Whether it does no harm that the function handles the event twice, so that it may be sent again where the first answer is lost.
    pub may_run_twice: bool,
}

impl Invoking<'_> {
    /// Invokes it. `what` is what is waited for, for a person.
    ///
    /// # Errors
    /// Fails where there is no answer; what the function itself answers is no error.
    pub async fn invoke(
        &self,
        request: InvocationRequest<'_>,
        what: &str,
    ) -> Result<Invocation, InvokeError> {
        let mut left = self.patience;
        let mut pauses = PAUSES.iter().chain(std::iter::repeat(&PAUSES[PAUSES.len() - 1]));
        loop {
            let answered = self.interrupt.or(self.lambda.invoke(request)).await;
            let error = match answered.map_err(|_| InvokeError::StoppedDuring)? {
                Ok(invocation) => return Ok(invocation),
                Err(error) => error,
            };
            if !self.passes(&error) || left.is_zero() {
                return Err(InvokeError::Call(error));
            }
            self.reporter.report(Event::Waiting { what: what.to_owned(), state: error.message.clone() });
            let pause = pauses.next().copied().unwrap_or_default().min(left);
            left = left.saturating_sub(pause);
            let waited = self.interrupt.or(self.clock.sleep(pause)).await;
            waited.map_err(|_| InvokeError::StoppedBefore)?;
        }
    }

    /// Whether a refusal passes by itself: a version that was idle is prepared at its first invocation (facts: states).
    fn passes(&self, error: &CloudError) -> bool {
        match error.kind {
            CloudErrorKind::Conflict => !error.code.as_deref().is_some_and(|code| HOPELESS.contains(&code)),
            CloudErrorKind::Throttled => true,
            CloudErrorKind::Unreachable | CloudErrorKind::Unexpected => {
                self.may_run_twice && error.status.is_some_and(|status| status >= 500)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::SystemTime;

    use async_trait::async_trait;

    use super::*;
    use crate::cloud::InvocationMode;

    /// Answers these refusals one after the other, then an answer; counts how long was waited.
    struct Scripted {
        refusals: Mutex<Vec<CloudError>>,
        calls: Mutex<usize>,
        slept: Mutex<Duration>,
    }

    #[async_trait]
    impl LambdaInvoker for Scripted {
        async fn invoke(&self, _: InvocationRequest<'_>) -> Result<Invocation, CloudError> {
            *self.calls.lock().unwrap() += 1;
            match self.refusals.lock().unwrap().pop() {
                Some(refusal) => Err(refusal),
                None => Ok(Invocation {
                    status: 200,
                    function_error: None,
                    executed_version: None,
                    payload: Vec::new(),
                    log_tail: Vec::new(),
                }),
            }
        }
    }

    #[async_trait]
    impl Clock for Scripted {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }

        async fn sleep(&self, duration: Duration) {
            *self.slept.lock().unwrap() += duration;
        }
    }

    impl Reporter for Scripted {
        fn report(&self, _: Event) {}
    }

    fn refusal(kind: CloudErrorKind, code: &str, status: Option<u16>) -> CloudError {
        CloudError {
            service: "AWS Lambda",
            operation: "InvokeFunction",
            kind,
            code: Some(code.to_owned()),
            status,
            message: "no".to_owned(),
            request_id: None,
        }
    }

    /// How often the function was invoked, how long was waited, and whether it answered.
    async fn played(
        refusals: Vec<CloudError>,
        patience: Duration,
        may_run_twice: bool,
    ) -> (usize, Duration, bool) {
        let scripted =
            Scripted { refusals: Mutex::new(refusals), calls: Mutex::default(), slept: Mutex::default() };
        let (_sender, receiver) = tokio::sync::watch::channel(false);
        let interrupt = Interrupt::new(receiver);
        let invoking = Invoking {
            lambda: &scripted,
            reporter: &scripted,
            clock: &scripted,
            interrupt: &interrupt,
            patience,
            may_run_twice,
        };
        let function = "shop".parse().unwrap();
        let (qualifier, mode) = ("live", InvocationMode::Wait);
        let request = InvocationRequest { function: &function, qualifier, payload: b"{}", mode };
        let answered = invoking.invoke(request, "function shop").await.is_ok();
        (*scripted.calls.lock().unwrap(), *scripted.slept.lock().unwrap(), answered)
    }

    #[tokio::test]
    async fn what_passes_by_itself_is_waited_out_and_what_does_not_is_told_at_once() {
        use CloudErrorKind as Kind;
        let pending = || refusal(Kind::Conflict, "CodeArtifactUserPendingException", Some(409));
        let minute = Duration::from_secs(60);
        let (calls, slept, answered) = played(vec![pending(), pending()], minute, false).await;
        assert_eq!((calls, slept, answered), (3, Duration::from_millis(700), true));
        for (error, twice, calls) in [
            (refusal(Kind::Conflict, "CodeArtifactUserDeletedException", Some(409)), true, 1),
            (refusal(Kind::Conflict, "CodeArtifactUserFailedException", Some(409)), true, 1),
            (refusal(Kind::Throttled, "TooManyRequestsException", Some(429)), false, 2),
            (refusal(Kind::AccessDenied, "AccessDeniedException", Some(403)), true, 1),
            (refusal(Kind::Unexpected, "ServiceException", Some(500)), true, 2),
            // The event may have been handled, and not everything stands being handled twice.
            (refusal(Kind::Unexpected, "ServiceException", Some(500)), false, 1),
            (refusal(Kind::Unreachable, "", None), true, 1),
        ] {
            let code = error.code.clone();
            assert_eq!(played(vec![error], minute, twice).await.0, calls, "{code:?} {twice}");
        }
    }

    #[tokio::test]
    async fn nothing_is_waited_for_longer_than_it_was_asked_for() {
        let pending = || refusal(CloudErrorKind::Conflict, "CodeArtifactUserPendingException", Some(409));
        let (calls, slept, answered) =
            played((0..9).map(|_| pending()).collect(), Duration::from_secs(2), false).await;
        assert_eq!((calls, slept, answered), (5, Duration::from_secs(2), false));
        assert_eq!(played(vec![pending()], Duration::ZERO, false).await, (1, Duration::ZERO, false));
    }
}
