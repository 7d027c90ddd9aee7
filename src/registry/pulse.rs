//! Tells a slow transfer from a dead one.

use std::future::Future;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// When something last moved.
#[derive(Debug)]
pub(super) struct Pulse(Mutex<Instant>);

/// Nothing moved for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stalled;

impl Pulse {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    /// Something moved.
    pub(super) fn beat(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Waits for `transfer` for as long as something moves at least every `patience`.
    pub(super) async fn watch<T>(
        &self,
        patience: Duration,
        transfer: impl Future<Output = T>,
    ) -> Result<T, Stalled> {
        let mut transfer = std::pin::pin!(transfer);
        loop {
            let deadline = *self.0.lock().unwrap_or_else(PoisonError::into_inner) + patience;
            if Instant::now() >= deadline {
                return Err(Stalled);
            }
            tokio::select! {
                biased;
                output = &mut transfer => return Ok(output),
                () = tokio::time::sleep_until(deadline) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_transfer_is_waited_for_and_a_dead_one_is_not() {
        let patience = Duration::from_millis(200);
        let pulse = Pulse::new();
        let slow = async {
            for _ in 0..15 {
                tokio::time::sleep(patience / 10).await;
                pulse.beat();
            }
        };
        assert_eq!(pulse.watch(patience, slow).await, Ok(()));
        assert_eq!(pulse.watch(patience, std::future::pending::<()>()).await, Err(Stalled));
    }
}
