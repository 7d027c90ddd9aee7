//! Ctrl-C and SIGTERM as something a step can look at.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::ApplyError;

/// How long what is under way may go on once the user asked to stop. The process ends within two seconds.
const GRACE: Duration = Duration::from_millis(1200);

/// Tells whether the user asked to stop. What waits stops at once; a call to AWS and parts of layers that are under way
/// get a moment to arrive.
#[derive(Debug, Clone)]
pub struct Interrupt {
    asked: watch::Receiver<bool>,
    traffic_moves: Arc<AtomicBool>,
    /// The same of all that this is one of.
    any_traffic: Option<Arc<AtomicBool>>,
}

impl Interrupt {
    /// Listens to `receiver`, which turns true once.
    pub fn new(receiver: watch::Receiver<bool>) -> Self {
        Self { asked: receiver, traffic_moves: Arc::default(), any_traffic: None }
    }

    /// The same for one of many that run side by side: it has traffic of its own to look after, and this knows of it.
    pub fn for_one_of_many(&self) -> Self {
        let any_traffic = Some(Arc::clone(&self.traffic_moves));
        Self { asked: self.asked.clone(), traffic_moves: Arc::default(), any_traffic }
    }

    /// Turns true once, when the user asks to stop.
    pub fn asked(&self) -> watch::Receiver<bool> {
        self.asked.clone()
    }

    /// Whether the user asked to stop.
    pub fn is_requested(&self) -> bool {
        *self.asked.borrow()
    }

    /// Notes that from now on the alias may be anywhere between before and after.
    pub fn note_traffic(&self) {
        self.traffic_moves.store(true, Ordering::Relaxed);
        if let Some(any) = &self.any_traffic {
            any.store(true, Ordering::Relaxed);
        }
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
        tokio::select! {
            biased;
            () = self.stopped() => Err(ApplyError::Interrupted),
            done = work => Ok(done),
        }
    }

    /// Runs `work` until it ends, or has had [`GRACE`] to end after the user asked to stop; then it is dropped, and
    /// there is none.
    pub(crate) async fn or_soon<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let soon = async {
            self.stopped().await;
            tokio::time::sleep(GRACE).await;
            if self.has_traffic() {
                // Giving up now would leave the alias in the middle; the release ends by itself.
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = soon => None,
        }
    }

    /// Waits until the user asks to stop, perhaps for ever.
    pub(super) async fn stopped(&self) {
        let mut receiver = self.asked.clone();
        if receiver.wait_for(|stop| *stop).await.is_err() {
            // The sender is gone, so nobody can ask any more.
            std::future::pending::<()>().await;
        }
    }
}
