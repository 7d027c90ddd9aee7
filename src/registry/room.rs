//! Room in memory for bytes that are held, over all layers of a push.

use tokio::sync::{Semaphore, SemaphorePermit};

/// Bytes are counted in steps of so many.
const GRAIN: u64 = 4 << 10;

/// So many bytes may be held.
pub(super) struct Room {
    grains: u32,
    free: Semaphore,
}

impl Room {
    /// Room for so many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        let grains = u32::try_from(bytes.div_ceil(GRAIN)).unwrap_or(u32::MAX).max(1);
        Self { grains, free: Semaphore::new(usize::try_from(grains).unwrap_or(usize::MAX)) }
    }

    /// Room for so many bytes, if it is free now.
    pub(super) fn try_take(&self, bytes: u64) -> Option<SemaphorePermit<'_>> {
        self.free.try_acquire_many(self.grains_for(bytes)).ok()
    }

    /// Waits for room; those who came first are served first. Whoever wants more than there is gets all of it.
    pub(super) async fn take(&self, bytes: u64) -> Option<SemaphorePermit<'_>> {
        // Fails only when it is closed, which nobody does.
        self.free.acquire_many(self.grains_for(bytes)).await.ok()
    }

    fn grains_for(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(GRAIN)).unwrap_or(u32::MAX).clamp(1, self.grains)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_is_taken_than_there_is_and_too_large_a_wish_gets_all_of_it() {
        let room = Room::new(10 * GRAIN);
        let half = room.take(5 * GRAIN).await;
        assert!(room.try_take(5 * GRAIN + 1).is_none());
        let rest = room.try_take(5 * GRAIN);
        assert!(rest.is_some() && room.try_take(1).is_none());
        drop((half, rest));
        let all = room.take(1000 * GRAIN).await;
        assert!(all.is_some() && room.try_take(0).is_none());
    }
}
