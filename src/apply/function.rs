//! Creating and changing the function, each change settled before the next and guarded by the revision it was planned for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::cloud::{
    CloudError, CloudErrorKind, CodeUpdate, ConfigurationUpdate, LambdaReader, LambdaWriter, LiveFunction,
    NewFunction,
};
use crate::event::{Event, Reporter};
use crate::function;
use crate::name::{Digest, FunctionName};
use crate::plan::{CodeStep, ConfigurationStep, CreateStep};

use super::settle::{Deadline, Settling};
use super::{ApplyError, Interrupt};

/// A new role needs a while until Lambda can assume it, a new policy until it is seen. AWS speaks of seconds to a minute.
const PROPAGATION: Duration = Duration::from_secs(60);

/// Writes to one function.
pub(super) struct FunctionWriter<'a> {
    pub(super) name: &'a FunctionName,
    pub(super) reader: &'a dyn LambdaReader,
    pub(super) writer: &'a dyn LambdaWriter,
    pub(super) reporter: &'a dyn Reporter,
    pub(super) interrupt: &'a Interrupt,
    pub(super) timeout: Duration,
    /// Whether a write of this run was, or may have been, performed on the function.
    pub(super) wrote: Arc<AtomicBool>,
}

/// What a refused or lost write means for the next try.
enum NextTry {
    /// Wait, then send it again.
    Again,
    /// The answer was lost, but the change is there.
    Happened,
    /// It will not work.
    Never(ApplyError),
}

impl FunctionWriter<'_> {
    /// Remembers a write that was performed, or whose answer was lost. A refused one changed nothing.
    pub(super) fn note<T>(&self, answer: Result<T, CloudError>) -> Result<T, CloudError> {
        if answer.as_ref().err().is_none_or(CloudError::is_answer_lost) {
            self.wrote.store(true, Ordering::Relaxed);
        }
        answer
    }

    pub(super) fn settling(&self) -> Settling<'_> {
        Settling {
            lambda: self.reader,
            reporter: self.reporter,
            interrupt: self.interrupt,
            timeout: self.timeout,
        }
    }

    /// CreateFunction, waited for until it is Active.
    pub(super) async fn create(
        &self,
        step: &CreateStep,
        image_uri: &str,
        digest: Digest,
    ) -> Result<LiveFunction, ApplyError> {
        let new = NewFunction {
            name: self.name.clone(),
            image_uri: image_uri.to_owned(),
            architecture: step.architecture,
            settings: step.settings.clone(),
        };
        let mut patience = Patience::new(self);
        loop {
            let Err(error) = self.note(self.writer.create_function(&new).await) else { break };
            let next = match error.kind {
                // The first try may have been performed although its answer was lost; then the function is ours.
                CloudErrorKind::Conflict | CloudErrorKind::AlreadyExists => {
                    self.already_created(step, digest, error).await?
                }
                _ if error.is_answer_lost() => self.lost_creation(step, digest, error).await?,
                _ => patience.judge(error),
            };
            match next {
                NextTry::Again => patience.wait("the function's role or image permission").await?,
                NextTry::Happened => break,
                NextTry::Never(error) => return Err(error),
            }
        }
        self.settling().success(self.name, None).await
    }

    async fn already_created(
        &self,
        step: &CreateStep,
        digest: Digest,
        error: CloudError,
    ) -> Result<NextTry, ApplyError> {
        Ok(match self.reader.function(self.name, None).await? {
            Some(live) if self.is_created(step, digest, &live) => NextTry::Happened,
            Some(_) => {
                NextTry::Never(ApplyError::ChangedUnderneath { what: format!("function {}", self.name) })
            }
            None => NextTry::Never(error.into()),
        })
    }

    async fn lost_creation(
        &self,
        step: &CreateStep,
        digest: Digest,
        error: CloudError,
    ) -> Result<NextTry, ApplyError> {
        let live = self.reader.function(self.name, None).await;
        Ok(match live {
            Ok(Some(live)) if self.is_created(step, digest, &live) => NextTry::Happened,
            _ => NextTry::Never(error.into()),
        })
    }

    fn is_created(&self, step: &CreateStep, digest: Digest, live: &LiveFunction) -> bool {
        live.runs(&digest) && live.architecture == step.architecture && function::holds(&step.settings, live)
    }

    /// UpdateFunctionConfiguration, waited for until it is Successful.
    pub(super) async fn update_configuration(
        &self,
        step: &ConfigurationStep,
        base: &LiveFunction,
    ) -> Result<LiveFunction, ApplyError> {
        let arrived = |live: &LiveFunction| function::holds(&step.settings, live);
        self.guarded(base, arrived, async |revision_id| {
            let update = ConfigurationUpdate { settings: step.settings.clone(), revision_id };
            self.writer.update_configuration(self.name, &update).await
        })
        .await
    }

    /// UpdateFunctionCode, waited for until it is Successful and runs `digest`.
    pub(super) async fn update_code(
        &self,
        step: &CodeStep,
        image_uri: &str,
        digest: Digest,
        base: &LiveFunction,
    ) -> Result<LiveFunction, ApplyError> {
        let arrived = |live: &LiveFunction| live.runs(&digest) && live.architecture == step.architecture;
        let live = self
            .guarded(base, arrived, async |revision_id| {
                let update = CodeUpdate {
                    image_uri: image_uri.to_owned(),
                    architecture: step.architecture,
                    revision_id,
                };
                self.writer.update_code(self.name, &update).await
            })
            .await?;
        if !live.runs(&digest) {
            return Err(ApplyError::Unexpected {
                what: format!("image of function {}", self.name),
                expected: digest.to_string(),
                found: live.running_digest().map_or("none".to_owned(), |found| found.to_string()),
            });
        }
        Ok(live)
    }

    /// One write over `base`: settles first, refuses when somebody else changed the function since, waits out 409 and
    /// propagation, finds out what became of a write whose answer was lost, and settles again.
    async fn guarded(
        &self,
        base: &LiveFunction,
        arrived: impl Fn(&LiveFunction) -> bool,
        write: impl AsyncFn(Option<String>) -> Result<LiveFunction, CloudError>,
    ) -> Result<LiveFunction, ApplyError> {
        let mut patience = Patience::new(self);
        let mut sent = false;
        loop {
            let now = self.settling().quiet(self.name, None).await?;
            if !unchanged(&now, base) {
                // A write whose answer was lost is sent again underneath us, and then refused for what it did itself.
                if sent && arrived(&now) {
                    self.wrote.store(true, Ordering::Relaxed);
                    break;
                }
                let what = format!("function {}", self.name);
                return Err(ApplyError::ChangedUnderneath { what });
            }
            sent = true;
            let Err(error) = self.note(write(now.revision_id).await) else { break };
            let next = match error.kind {
                _ if error.is_answer_lost() => {
                    let live = self.settling().quiet(self.name, None).await;
                    match live {
                        Ok(live) if arrived(&live) => NextTry::Happened,
                        _ => NextTry::Never(error.into()),
                    }
                }
                _ => patience.judge(error),
            };
            match next {
                NextTry::Again => patience.wait("another change of the function").await?,
                NextTry::Happened => break,
                NextTry::Never(error) => return Err(error),
            }
        }
        self.settling().success(self.name, None).await
    }
}

/// Whether nobody changed the function since `base` was read. The revision alone proves it; another revision proves
/// nothing, since AWS makes one when an update ends and when a tag changes.
pub(super) fn unchanged(now: &LiveFunction, base: &LiveFunction) -> bool {
    let same_revision = now.revision_id.is_some() && now.revision_id == base.revision_id;
    same_revision || function::same_function(now, base)
}

/// How long refusals that pass by themselves are waited out.
struct Patience<'a> {
    writer: &'a FunctionWriter<'a>,
    conflicts: Deadline,
    propagation: Deadline,
    last: Option<CloudError>,
}

impl<'a> Patience<'a> {
    fn new(writer: &'a FunctionWriter<'a>) -> Self {
        Self {
            writer,
            conflicts: Deadline::after(writer.timeout),
            propagation: Deadline::after(PROPAGATION.min(writer.timeout)),
            last: None,
        }
    }

    fn judge(&mut self, error: CloudError) -> NextTry {
        // A changed revision alone means that AWS finished something; the loop compares the content anew.
        let passes = matches!(error.kind, CloudErrorKind::Conflict | CloudErrorKind::PreconditionFailed)
            || is_propagation(&error);
        if !passes {
            return NextTry::Never(error.into());
        }
        self.last = Some(error);
        NextTry::Again
    }

    async fn wait(&mut self, what: &str) -> Result<(), ApplyError> {
        let Some(error) = self.last.take() else { return Ok(()) };
        let state = error.message.clone();
        self.writer.reporter.report(Event::Waiting { what: what.to_owned(), state: state.clone() });
        let propagating = is_propagation(&error);
        let deadline = if propagating { &mut self.propagation } else { &mut self.conflicts };
        match deadline.pause(self.writer.interrupt, what, &state).await {
            // What does not pass within a minute is not propagation: AWS's own words say it best.
            Err(ApplyError::WaitTimeout { .. }) if propagating => Err(error.into()),
            waited => waited,
        }
    }
}

/// Whether a refusal is one that passes when IAM has spread a change: a new role, or the policy that we just wrote.
fn is_propagation(error: &CloudError) -> bool {
    error.message.contains("cannot be assumed by Lambda")
        || (error.kind == CloudErrorKind::AccessDenied && error.message.contains("access the ECR image"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::function::samples::live;

    #[test]
    fn a_function_is_unchanged_when_revision_or_content_say_so() {
        let revised = |settings, revision: Option<&str>| LiveFunction {
            revision_id: revision.map(str::to_owned),
            ..live(settings)
        };
        let unreadable = || json!({"Environment": {"Error": {"ErrorCode": "AccessDenied"}}});
        let table = [
            (revised(json!({}), Some("1")), revised(json!({}), Some("2")), true),
            (revised(json!({}), None), revised(json!({}), None), true),
            (revised(json!({"MemorySize": 256}), Some("1")), revised(json!({}), Some("2")), false),
            (revised(json!({"MemorySize": 256}), None), revised(json!({}), None), false),
            (revised(unreadable(), Some("1")), revised(unreadable(), Some("1")), true),
            (revised(unreadable(), Some("1")), revised(unreadable(), Some("2")), false),
            (revised(unreadable(), None), revised(unreadable(), None), false),
        ];
        for (now, base, expect) in table {
            assert_eq!(unchanged(&now, &base), expect, "{now:?} {base:?}");
        }
    }
}
