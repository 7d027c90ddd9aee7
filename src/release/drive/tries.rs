//! How long something is tried that AWS refused for the moment, or did not answer.

use std::time::Duration;

/// The pauses between tries; the last one is repeated.
pub(super) const PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// The tries of one thing. Whoever tries waits, by its own clock.
pub(crate) struct Tries {
    left: Duration,
    count: usize,
}

impl Tries {
    /// Tries for so long, apart from the calls themselves.
    pub(crate) fn new(patience: Duration) -> Self {
        Self { left: patience, count: 0 }
    }

    /// How long to wait before the next try; none when there is none.
    pub(crate) fn next_pause(&mut self) -> Option<Duration> {
        if self.left.is_zero() {
            return None;
        }
        let pause = PAUSES[self.count.min(PAUSES.len() - 1)];
        self.count += 1;
        self.left = self.left.saturating_sub(pause);
        Some(pause)
    }

    /// Waits before the next try; false when there is none.
    pub(super) async fn pause(&mut self, clock: &dyn super::Clock) -> bool {
        let Some(pause) = self.next_pause() else { return false };
        clock.sleep(pause).await;
        true
    }
}
