//! Trying again what AWS refused for the moment, or did not answer.

use std::time::Duration;

use crate::apply::{ApplyError, Interrupt};
use crate::cloud::{CloudError, CloudErrorKind};
use crate::release::Clock;

/// The pauses between tries; the last one is repeated.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// For how long one deletion is tried, apart from the calls themselves.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long one thing is tried.
pub(super) struct Patience {
    left: Duration,
    count: usize,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { left: PATIENCE, count: 0 }
    }

    /// Pauses before the next try; false when there is none.
    pub(super) async fn pause(
        &mut self,
        clock: &dyn Clock,
        interrupt: &Interrupt,
    ) -> Result<bool, ApplyError> {
        if self.left.is_zero() {
            return Ok(false);
        }
        let pause = PAUSES[self.count.min(PAUSES.len() - 1)];
        self.count += 1;
        self.left = self.left.saturating_sub(pause);
        interrupt.or(clock.sleep(pause)).await?;
        Ok(true)
    }
}

/// Whether a refusal passes by itself, or nobody knows whether it was one. A deletion may be sent twice: what is gone stays gone, and
/// neither a version's number nor a digest is ever given to something else.
pub(super) fn passes(error: &CloudError) -> bool {
    matches!(error.kind, CloudErrorKind::Conflict | CloudErrorKind::Throttled) || error.is_answer_lost()
}
