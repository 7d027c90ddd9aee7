//! Trying again what AWS refused for the moment, or did not answer.

use std::time::Duration;

use crate::apply::{ApplyError, Interrupt};
use crate::cloud::{CloudError, CloudErrorKind};
use crate::release::{Clock, Tries};

/// For how long one deletion is tried, apart from the calls themselves.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long one thing is tried.
pub(super) struct Patience(Tries);

impl Patience {
    pub(super) fn new() -> Self {
        Self(Tries::new(PATIENCE))
    }

    /// Pauses before the next try; false when there is none.
    pub(super) async fn pause(
        &mut self,
        clock: &dyn Clock,
        interrupt: &Interrupt,
    ) -> Result<bool, ApplyError> {
        let Some(pause) = self.0.next_pause() else { return Ok(false) };
        interrupt.or(clock.sleep(pause)).await?;
        Ok(true)
    }
}

/// Whether a refusal passes by itself, or nobody knows whether it was one. A deletion may be sent twice: what is gone stays gone, and
/// neither a version's number nor a digest is ever given to something else.
pub(super) fn passes(error: &CloudError) -> bool {
    matches!(error.kind, CloudErrorKind::Conflict | CloudErrorKind::Throttled) || error.is_answer_lost()
}
