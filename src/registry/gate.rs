//! Lets requests to the registry through as [`Congestion`] allows, and closes when the push is to end.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::congestion::{Admission, Congestion, Ending, Ticket};
use super::error::RegistryError;

/// More than this at a time helps no push; what is really in flight depends on its jobs.
const CEILING: usize = 64;

/// How long what is in flight may take to end once the gate is closed.
const GRACE: Duration = Duration::from_millis(1000);

/// One for all requests to a registry.
#[derive(Debug)]
pub(super) struct Gate {
    state: Mutex<State>,
    /// Something ended, or the gate was closed.
    changed: Notify,
}

#[derive(Debug)]
struct State {
    congestion: Congestion,
    closed: bool,
    /// Requests in flight, and what must not be cut off after them.
    busy: usize,
}

/// Something under way that is worth waiting for when the gate is closed.
#[derive(Debug)]
pub(super) struct Busy(Arc<Gate>);

/// A request's way through the gate.
pub(super) struct Passage<'a> {
    gate: &'a Gate,
    /// None once its ending was noted.
    ticket: Option<Ticket>,
    _busy: Busy,
}

impl Gate {
    pub(super) fn new() -> Arc<Self> {
        let state = State { congestion: Congestion::new(CEILING), closed: false, busy: 0 };
        Arc::new(Self { state: Mutex::new(state), changed: Notify::new() })
    }

    /// Waits until a request may go; for ever when the gate is closed. Those that waited for the same moment go
    /// within `spread` after it, not all at once.
    pub(super) async fn admit(self: &Arc<Self>, spread: Duration) -> Passage<'_> {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // Before looking, so that no change is missed in between.
            changed.as_mut().enable();
            let admission = {
                let mut state = self.lock();
                if state.closed { Admission::Full } else { state.congestion.admit(Instant::now()) }
            };
            match admission {
                Admission::Granted(ticket) => {
                    let busy = self.hold();
                    return Passage { gate: self, ticket: Some(ticket), _busy: busy };
                }
                Admission::NotBefore(moment) => {
                    let moment = moment + spread.mul_f64(fastrand::f64());
                    tokio::time::sleep_until(moment.into()).await;
                }
                Admission::Full => changed.await,
            }
        }
    }

    /// Keeps [`close`](Self::close) waiting for as long as it is held.
    pub(super) fn hold(self: &Arc<Self>) -> Busy {
        self.lock().busy += 1;
        Busy(Arc::clone(self))
    }

    /// Lets nothing more through, and waits for what is under way, but not for long.
    pub(super) async fn close(&self) {
        self.lock().closed = true;
        let idle = async {
            loop {
                let mut changed = std::pin::pin!(self.changed.notified());
                changed.as_mut().enable();
                if self.lock().busy == 0 {
                    return;
                }
                changed.await;
            }
        };
        // What does not end in time is cut off.
        let _ = tokio::time::timeout(GRACE, idle).await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passage<'_> {
    /// Notes how the request ended, and writes into a refusal whether fewer requests at a time may help.
    /// `longest` is the longest wait that the registry may ask for.
    pub(super) fn ended<T>(
        mut self,
        outcome: Result<T, RegistryError>,
        longest: Duration,
    ) -> Result<T, RegistryError> {
        match outcome {
            Err(RegistryError::Refused(mut refusal)) if refusal.is_turned_away() => {
                let wait = refusal.retry_after.map(|wait| wait.min(longest));
                refusal.crowded = self.note(Ending::TurnedAway(wait));
                Err(RegistryError::Refused(refusal))
            }
            Err(error @ RegistryError::Transport { .. }) => Err(error),
            answered => {
                self.note(Ending::Answered);
                answered
            }
        }
    }

    fn note(&mut self, ending: Ending) -> bool {
        let Some(ticket) = self.ticket.take() else { return false };
        let crowded = self.gate.lock().congestion.ended(ticket, ending, Instant::now());
        self.gate.changed.notify_waiters();
        crowded
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        self.note(Ending::Unknown);
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.lock().busy -= 1;
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_closed_gate_lets_nobody_through_and_waits_for_what_is_under_way() {
        let gate = Gate::new();
        let passage = gate.admit(Duration::ZERO).await;
        let after = gate.hold();
        let mut closing = std::pin::pin!(gate.close());
        assert!(futures_util::poll!(closing.as_mut()).is_pending());
        let mut late = std::pin::pin!(gate.admit(Duration::ZERO));
        assert!(futures_util::poll!(late.as_mut()).is_pending());
        drop(passage);
        assert!(futures_util::poll!(closing.as_mut()).is_pending(), "something is held still");
        drop(after);
        closing.await;
        assert!(futures_util::poll!(late.as_mut()).is_pending());
    }

    #[tokio::test]
    async fn what_never_ends_is_waited_for_during_the_grace_only() {
        let gate = Gate::new();
        let _passage = gate.admit(Duration::ZERO).await;
        let begun = Instant::now();
        gate.close().await;
        assert!(begun.elapsed() >= GRACE);
    }
}
