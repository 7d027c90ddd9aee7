//! How fast Lambda's control plane may be called: of all that one account does in one Region, so that it is shared by every client
//! of that account and Region in this process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use tokio::sync::{Mutex, watch};
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

    /// Takes a turn away for a call that was throttled: it comes again, at a time of its own, and has to fit in among the others.
    fn note_throttled(&self, is_get_function: bool) {
        let turnstile = if is_get_function { &self.get_function } else { &self.others };
        turnstile.owed.fetch_add(1, Ordering::Relaxed);
    }

    async fn pass(&self, turnstile: &Turnstile) -> Result<(), Stopped> {
        let mut stop = self.stop.clone();
        // Who comes after the user asked to stop cleans up, and has its turn.
        let is_stopped = *stop.borrow();
        let stopped = async {
            if is_stopped || stop.wait_for(|stop| *stop).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = stopped => Err(Stopped),
            () = turnstile.pass() => Ok(()),
        }
    }
}

/// Lets callers through in the order in which they come, so many a second.
///
/// A bucket of turns that fills with the time. What counts is when a caller really went: a process that was held up for a while does
/// not send all at once what it would have sent meanwhile.
#[derive(Debug)]
struct Turnstile {
    rate: f64,
    most: f64,
    /// Callers queue for it, the first in line waits in it.
    bucket: Mutex<Bucket>,
    /// Turns that were had without being taken.
    owed: AtomicU32,
}

#[derive(Debug)]
struct Bucket {
    turns: f64,
    at: Instant,
}

impl Turnstile {
    fn new(rate: f64, burst: u32) -> Self {
        let most = f64::from(burst);
        Self {
            rate,
            most,
            bucket: Mutex::new(Bucket { turns: most, at: Instant::now() }),
            owed: AtomicU32::new(0),
        }
    }

    async fn pass(&self) {
        let mut bucket = self.bucket.lock().await;
        while let Some(wait) = self.wait(&mut bucket, Instant::now()) {
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes a turn; how long there will be none, where there is none.
    fn wait(&self, bucket: &mut Bucket, now: Instant) -> Option<Duration> {
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        let owed = f64::from(self.owed.swap(0, Ordering::Relaxed));
        bucket.turns = (passed.mul_add(self.rate, bucket.turns) - owed).min(self.most);
        bucket.at = now;
        if bucket.turns >= 1.0 {
            bucket.turns -= 1.0;
            return None;
        }
        // A timer counts in milliseconds.
        Some(Duration::from_secs_f64((1.0 - bucket.turns) / self.rate) + Duration::from_millis(1))
    }
}

/// Sees which calls are throttled.
#[derive(Debug)]
pub(super) struct Throttling(pub(super) Arc<Pace>);

impl Intercept for Throttling {
    fn name(&self) -> &'static str {
        "Throttling"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if context.response().is_some_and(|response| response.status().as_u16() == TOO_MANY_REQUESTS) {
            let is_get_function = context
                .request()
                .is_some_and(|request| names_a_function_only(request.method(), request.uri()));
            self.0.note_throttled(is_get_function);
        }
        Ok(())
    }
}

/// The HTTP status of a call that is throttled.
const TOO_MANY_REQUESTS: u16 = 429;

/// Whether a request is `GET …/functions/NAME`.
fn names_a_function_only(method: &str, uri: &str) -> bool {
    let path = uri.split('?').next().unwrap_or_default();
    let name = path.rsplit_once("/functions/").map(|(_, name)| name);
    method == "GET" && name.is_some_and(|name| !name.is_empty() && !name.contains('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_pause_some_go_at_once_and_the_rest_evenly_however_long_it_was() {
        let turnstile = Turnstile::new(10.0, 3);
        let begin = Instant::now() + Duration::from_secs(60);
        let mut bucket = Bucket { turns: 3.0, at: begin };
        let mut passed = |milliseconds: u64, calls: usize| {
            let now = begin + Duration::from_millis(milliseconds);
            (0..calls).filter(|_| turnstile.wait(&mut bucket, now).is_none()).count()
        };
        assert_eq!(passed(0, 5), 3);
        assert_eq!(passed(101, 5), 1);
        assert_eq!(passed(150, 5), 0);
        assert_eq!(passed(60_000, 50), 3, "who was held up for a minute does not send a minute's worth");
    }

    #[test]
    fn who_was_throttled_comes_again_in_the_place_of_others() {
        let turnstile = Turnstile::new(10.0, 3);
        let begin = Instant::now() + Duration::from_secs(60);
        let mut bucket = Bucket { turns: 3.0, at: begin };
        turnstile.owed.fetch_add(5, Ordering::Relaxed);
        let mut passed = |milliseconds: u64| {
            turnstile.wait(&mut bucket, begin + Duration::from_millis(milliseconds)).is_none()
        };
        assert_eq!([0, 150, 290, 310].map(&mut passed), [false, false, false, true]);
        for (method, uri, expected) in [
            ("GET", "https://lambda.eu-west-1.amazonaws.com/2015-03-31/functions/shop?Qualifier=live", true),
            ("GET", "http://127.0.0.1:1/2015-03-31/functions/shop/aliases/live", false),
            ("GET", "http://127.0.0.1:1/2015-03-31/functions/", false),
            ("DELETE", "http://127.0.0.1:1/2015-03-31/functions/shop", false),
        ] {
            assert_eq!(names_a_function_only(method, uri), expected, "{method} {uri}");
        }
    }

    #[test]
    fn a_bucket_as_the_quotas_never_runs_dry() {
        for (rate, quota) in [(OTHERS, 15.0), (GET_FUNCTION, 100.0)] {
            let turnstile = Turnstile::new(rate, BURST);
            let begin = Instant::now();
            let mut bucket = Bucket { turns: f64::from(BURST), at: begin };
            let (mut now, mut sent, mut tokens) = (begin, begin, quota);
            for _ in 0..1000 {
                while let Some(wait) = turnstile.wait(&mut bucket, now) {
                    now += wait;
                }
                tokens = f64::min(tokens + (now - sent).as_secs_f64() * quota, quota) - 1.0;
                sent = now;
                assert!(tokens > quota / 2.0, "{rate}: {tokens}");
            }
            // It does not lag far behind the quota either.
            assert!((now - begin).as_secs_f64() < 1000.0 / quota * 1.15, "{rate}");
        }
    }

    #[tokio::test]
    async fn who_waits_when_the_user_asks_to_stop_goes_away_and_who_comes_to_clean_up_has_a_turn() {
        let (stop, stopped) = watch::channel(false);
        let pace = std::sync::Arc::new(Pace::new(stopped));
        for _ in 0..BURST {
            assert_eq!(pace.other().await, Ok(()));
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
