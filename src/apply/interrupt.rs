//! Ctrl-C and SIGTERM as something a step can look at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

use super::ApplyError;

/// Tells whether the user asked to stop. A call to AWS that is under way is always finished; what waits or sends
/// layers stops at once.
#[derive(Debug, Clone)]
pub struct Interrupt {
    asked: watch::Receiver<bool>,
    traffic_moves: Arc<AtomicBool>,
}

impl Interrupt {
    /// Listens to `receiver`, which turns true once.
    pub fn new(receiver: watch::Receiver<bool>) -> Self {
        Self { asked: receiver, traffic_moves: Arc::default() }
    }

    /// Whether the user asked to stop.
    pub fn is_requested(&self) -> bool {
        *self.asked.borrow()
    }

    /// Notes that from now on the alias may be anywhere between before and after.
    pub fn note_traffic(&self) {
        self.traffic_moves.store(true, Ordering::Relaxed);
    }

    /// Whether [`note_traffic`](Self::note_traffic) was called: whoever ends the process at once then leaves an alias behind that
    /// somebody must look at.
    pub fn has_traffic(&self) -> bool {
        self.traffic_moves.load(Ordering::Relaxed)
    }

    /// Fails when the user asked to stop.
    ///
    /// # Errors
    /// [`ApplyError::Interrupted`].
    pub fn check(&self) -> Result<(), ApplyError> {
        if self.is_requested() { Err(ApplyError::Interrupted) } else { Ok(()) }
    }

    /// Runs `work` until it ends or the user asks to stop; in that case it is dropped.
    ///
    /// # Errors
    /// [`ApplyError::Interrupted`].
    pub async fn or<T>(&self, work: impl Future<Output = T>) -> Result<T, ApplyError> {
        let mut receiver = self.asked.clone();
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
