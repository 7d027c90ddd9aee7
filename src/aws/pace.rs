//! How fast Lambda's control plane may be called: of all that one account does in one Region, so that it is shared by every client
//! of that account and Region in this process.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Calls a second that we make at most, GetFunction apart. AWS's quota is 15; what is missing is for others, and for calls that are
/// closer together when they arrive than when they were sent.
const OTHERS: f64 = 14.0;
/// GetFunction calls a second. AWS's quota is 100.
const GET_FUNCTION: f64 = 92.0;
/// How many calls may go at once after a pause. The quota lets as many through as it grants in a second.
const BURST: u32 = 4;

/// The turns of one account in one Region.
#[derive(Debug)]
pub struct Pace {
    get_function: Turnstile,
    others: Turnstile,
    /// Turns true once, when the user asks to stop.
    stop: watch::Receiver<bool>,
}

/// The user asked to stop while a call waited for its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stopped;

impl Pace {
    /// As AWS's quotas are, until `stop` turns true: what waits then goes away, and what comes later, to clean up, has its turn.
    pub fn new(stop: watch::Receiver<bool>) -> Self {
        Self {
            get_function: Turnstile::new(GET_FUNCTION, BURST),
            others: Turnstile::new(OTHERS, BURST),
            stop,
        }
    }

    /// Waits until GetFunction may be called.
    pub(super) async fn get_function(&self) -> Result<(), Stopped> {
        self.pass(&self.get_function).await
    }

    /// Waits until any other operation may be called.
    pub(super) async fn other(&self) -> Result<(), Stopped> {
        self.pass(&self.others).await
    }

    async fn pass(&self, turnstile: &Turnstile) -> Result<(), Stopped> {
        let (now, is_stopped) = (Instant::now(), *self.stop.borrow());
        let turn = turnstile.turn(now, is_stopped);
        if turn <= now {
            return Ok(());
        }
        let mut stop = self.stop.clone();
        let stopped = async {
            if is_stopped || stop.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = stopped => Err(Stopped),
            () = tokio::time::sleep_until(turn) => Ok(()),
        }
    }
}

/// Lets callers through in the order in which they come, so many a second.
#[derive(Debug)]
struct Turnstile {
    interval: Duration,
    /// By how much a caller may be early who comes after a pause.
    tolerance: Duration,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    /// When the next one would pass if all came evenly.
    next: Option<Instant>,
    /// Whether those who waited have gone away.
    is_stopped: bool,
}

impl Turnstile {
    fn new(rate: f64, burst: u32) -> Self {
        let interval = Duration::from_secs_f64(1.0 / rate);
        Self { interval, tolerance: interval * (burst - 1), queue: Mutex::default() }
    }

    /// Takes the next turn, and says when it is. Whoever gives up waiting has had it.
    fn turn(&self, now: Instant, is_stopped: bool) -> Instant {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if is_stopped && !queue.is_stopped {
            // Nobody waits any more for the turns that were given.
            *queue = Queue { next: None, is_stopped };
        }
        let even = queue.next.map_or(now, |next| next.max(now));
        queue.next = Some(even + self.interval);
        even.checked_sub(self.tolerance).unwrap_or(now).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_pause_some_go_at_once_and_the_rest_evenly() {
        let turnstile = Turnstile::new(10.0, 3);
        let begin = Instant::now() + Duration::from_secs(60);
        let turns = |now: Instant, calls: usize| -> Vec<u128> {
            (0..calls).map(|_| (turnstile.turn(now, false) - begin).as_millis()).collect()
        };
        assert_eq!(turns(begin, 6), [0, 0, 0, 100, 200, 300]);
        assert_eq!(turns(begin + Duration::from_millis(100), 1), [400], "turns that were given are kept");
        assert_eq!(
            turns(begin + Duration::from_secs(9), 4),
            [9000, 9000, 9000, 9100],
            "a pause saves no more"
        );
    }

    #[test]
    fn no_second_has_more_turns_than_the_quota_and_what_it_saves_up() {
        for (rate, quota) in [(OTHERS, 15), (GET_FUNCTION, 100)] {
            let turnstile = Turnstile::new(rate, BURST);
            let begin = Instant::now() + Duration::from_secs(60);
            let turns: Vec<Instant> = (0..1000).map(|_| turnstile.turn(begin, false)).collect();
            // A bucket that holds a second's worth, as the quota's, never runs dry.
            let mut tokens = f64::from(quota);
            let mut last = begin;
            for turn in turns {
                tokens =
                    (tokens + (turn - last).as_secs_f64() * f64::from(quota)).min(f64::from(quota)) - 1.0;
                last = turn;
                assert!(tokens > f64::from(quota) / 2.0, "{rate}: {tokens}");
            }
        }
    }

    #[tokio::test]
    async fn who_waits_when_the_user_asks_to_stop_goes_away_and_who_comes_to_clean_up_has_a_turn() {
        let (stop, stopped) = watch::channel(false);
        let pace = std::sync::Arc::new(Pace::new(stopped));
        for _ in 0..BURST + 100 {
            pace.others.turn(Instant::now(), false);
        }
        let waiting = tokio::spawn({
            let pace = std::sync::Arc::clone(&pace);
            async move { pace.other().await }
        });
        tokio::task::yield_now().await;
        stop.send(true).unwrap();
        assert_eq!(waiting.await.unwrap(), Err(Stopped));
        assert_eq!(pace.other().await, Ok(()));
    }
}
