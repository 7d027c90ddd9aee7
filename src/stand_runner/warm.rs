//! Functions that have answered and are kept for the next event, as Lambda keeps its environments: for a while, and not too many.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::sandbox::LocalFunction;

/// The most functions that are there at a time, busy or waiting: each has its files in memory.
const MOST: usize = 4;
/// How long a function is kept that nobody invokes.
const KEPT: Duration = Duration::from_secs(300);

/// All functions that run here.
#[derive(Debug)]
pub(super) struct Warm {
    idle: Mutex<Vec<Idle>>,
    places: Arc<Semaphore>,
}

#[derive(Debug)]
struct Idle {
    /// The version and what it runs.
    key: String,
    function: LocalFunction,
    since: Instant,
}

/// A place for a function that is busy, and one that has run before, if there is one.
pub(super) struct Place {
    pub(super) function: Option<LocalFunction>,
    _permit: OwnedSemaphorePermit,
}

impl Warm {
    pub(super) fn new() -> Self {
        Self { idle: Mutex::default(), places: Arc::new(Semaphore::new(MOST)) }
    }

    /// Waits for a place, and gives a function of this key that waits for an event. None when everything has ended.
    pub(super) async fn enter(&self, key: &str) -> Option<Place> {
        let permit = Arc::clone(&self.places).acquire_owned().await.ok()?;
        let (function, surplus) = self.take(key);
        join_all(surplus.into_iter().map(LocalFunction::end)).await;
        Some(Place { function, _permit: permit })
    }

    /// Keeps a function for the next event.
    pub(super) fn keep(&self, key: String, place: Place, function: LocalFunction) {
        self.idle().push(Idle { key, function, since: Instant::now() });
        drop(place);
    }

    /// Ends all of them, in order or at once. Nobody enters any more.
    pub(super) async fn close(&self, in_order: bool) {
        self.places.close();
        let idle = std::mem::take(&mut *self.idle());
        if in_order {
            join_all(idle.into_iter().map(|idle| idle.function.end())).await;
        }
    }

    /// The youngest of this key, and those that have to go: too old, or too many beside those that are busy.
    fn take(&self, key: &str) -> (Option<LocalFunction>, Vec<LocalFunction>) {
        let mut idle = self.idle();
        let found = idle.iter().rposition(|idle| idle.key == key).map(|place| idle.remove(place).function);
        // Whoever asks is busy already, and has a permit.
        let busy = MOST - self.places.available_permits().min(MOST);
        let room = MOST.saturating_sub(busy);
        let too_many = idle.len().saturating_sub(room);
        let old = idle.iter().take_while(|idle| idle.since.elapsed() > KEPT).count();
        let surplus = idle.drain(..too_many.max(old)).map(|idle| idle.function).collect();
        (found, surplus)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
