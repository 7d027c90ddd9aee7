//! Ctrl-C and SIGTERM as something a step can look at.

use std::time::Duration;

use tokio::sync::watch;

use super::ApplyError;

/// How long what is under way may go on once the user asked to stop. The process ends within two seconds.
const GRACE: Duration = Duration::from_millis(1200);

/// Tells whether the user asked to stop. What waits stops at once; a call to AWS and parts of layers that are under way
/// get a moment to arrive.
#[derive(Debug, Clone)]
pub struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Listens to `receiver`, which turns true once.
    pub fn new(receiver: watch::Receiver<bool>) -> Self {
        Self(receiver)
    }

    /// Fails when the user asked to stop.
    ///
    /// # Errors
    /// [`ApplyError::Interrupted`].
    pub fn check(&self) -> Result<(), ApplyError> {
        if *self.0.borrow() { Err(ApplyError::Interrupted) } else { Ok(()) }
    }

    /// Runs `work` until it ends or the user asks to stop; in that case it is dropped.
    ///
    /// # Errors
    /// [`ApplyError::Interrupted`].
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Result<T, ApplyError> {
        tokio::select! {
            biased;
            () = self.stopped() => Err(ApplyError::Interrupted),
            done = work => Ok(done),
        }
    }

    /// Runs `work` until it ends, or has had [`GRACE`] to end after the user asked to stop; then it is dropped, and
    /// there is none.
    pub(super) async fn or_soon<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let soon = async {
            self.stopped().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = soon => None,
        }
    }

    /// Waits until the user asks to stop, perhaps for ever.
    pub(super) async fn stopped(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|stop| *stop).await.is_err() {
            // The sender is gone, so nobody can ask any more.
            std::future::pending::<()>().await;
        }
    }
}
