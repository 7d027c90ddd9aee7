//! Ctrl-C and SIGTERM as something a step can look at.

use tokio::sync::watch;

use super::ApplyError;

/// Tells whether the user asked to stop. A call to AWS that is under way is always finished; what waits or sends
/// layers stops at once.
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
        let mut receiver = self.0.clone();
        let stopped = async {
            if receiver.wait_for(|stop| *stop).await.is_err() {
                // The sender is gone, so nobody can ask any more.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = stopped => Err(ApplyError::Interrupted),
            done = work => Ok(done),
        }
    }
}
