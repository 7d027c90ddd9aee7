//! When to try again, and after how long.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::error::RegistryError;

/// How failures are answered. The defaults are for the real registry; tests make them short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a step is tried in all, at least once.
    pub attempts: u32,
    /// How long to wait before the second try; doubled at each further one, with jitter.
    pub base_delay: Duration,
    /// The longest wait of our own choosing.
    pub longest_delay: Duration,
    /// The longest wait that the registry may ask for.
    pub longest_retry_after: Duration,
    /// For how long the manifest is put again while the registry's validator does not see all blobs yet.
    pub validator_patience: Duration,
    /// A request in which nothing moves for so long is given up.
    pub stall: Duration,
    /// How often a layer is begun again in all when an upload cannot be continued.
    pub restarts: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 6,
            base_delay: Duration::from_millis(400),
            longest_delay: Duration::from_secs(20),
            longest_retry_after: Duration::from_secs(300),
            validator_patience: Duration::from_secs(5),
            stall: Duration::from_secs(120),
            restarts: 3,
        }
    }
}

impl RetryPolicy {
    /// How long to wait after so many failures (one or more). `retry_after` is what the registry asks for.
    pub(super) fn delay(&self, failures: u32, retry_after: Option<Duration>) -> Duration {
        let doubled = self.base_delay.saturating_mul(1 << failures.saturating_sub(1).min(20));
        let longest = doubled.min(self.longest_delay);
        // Half fixed, half chance: clients that failed together do not come back together.
        let own = longest.mul_f64(0.5 + 0.5 * fastrand::f64());
        match retry_after {
            // A little later than asked, for the same reason.
            Some(asked) => own.max(asked.min(self.longest_retry_after) + own.mul_f64(0.25 * fastrand::f64())),
            None => own,
        }
    }
}

/// How often one step was tried already.
#[derive(Debug, Default)]
pub(super) struct Tries {
    failures: u32,
    turned_away: u32,
}

/// How many refusals for being one of too many are taken for each failure that is allowed. Each round of them
/// halves how many go at a time, so that a handful leads to one at a time.
const CROWDED_TRIES: u32 = 5;

impl Tries {
    /// Notes a failure; whether it was the last try. Having been turned away as one of several is no failure:
    /// there will be fewer the next time.
    pub(super) fn are_over(&mut self, policy: &RetryPolicy, error: &RegistryError) -> bool {
        match error.refusal() {
            Some(refusal) if refusal.is_turned_away() && refusal.crowded => self.turned_away += 1,
            _ => self.failures += 1,
        }
        self.failures >= policy.attempts || self.turned_away >= policy.attempts.saturating_mul(CROWDED_TRIES)
    }

    /// How many tries failed, for whatever reason.
    pub(super) fn failed(&self) -> u32 {
        self.failures + self.turned_away
    }
}

/// What `Retry-After` asks for: seconds, or a date. A date is read against the answer's own `Date`, since
/// this machine's clock may be wrong.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| httpdate::parse_http_date(text).ok();
    let until = date(text)?;
    let now = headers.get(DATE).and_then(|value| date(value.to_str().ok()?)).unwrap_or_else(SystemTime::now);
    Some(until.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_keep_at_least_half() {
        let policy = RetryPolicy::default();
        for (failures, longest) in [(1, 400), (2, 800), (3, 1600), (6, 12_800), (7, 20_000), (99, 20_000)] {
            for _ in 0..50 {
                let delay = policy.delay(failures, None).as_millis();
                assert!((longest / 2..=longest).contains(&delay), "{failures} failures: {delay} ms");
            }
        }
    }

    #[test]
    fn the_registrys_wish_is_honoured_within_bounds() {
        let policy = RetryPolicy::default();
        for (asked, least) in [(7, 7_000), (86_400, 300_000)] {
            let delay = policy.delay(1, Some(Duration::from_secs(asked))).as_millis();
            assert!((least..=least + 100).contains(&delay), "{asked}: {delay} ms");
        }
        assert!(policy.delay(1, Some(Duration::ZERO)) >= Duration::from_millis(200));
    }

    #[test]
    fn having_been_one_of_too_many_is_no_failure_but_not_for_ever() {
        let request = crate::registry::error::RequestLine {
            operation: crate::registry::Operation::SendPart,
            method: "PATCH".to_owned(),
            url: String::new(),
        };
        let refused = |status, crowded| {
            RegistryError::Refused(Box::new(crate::registry::Refusal {
                request: request.clone(),
                status,
                code: None,
                message: String::new(),
                retry_after: None,
                crowded,
            }))
        };
        let policy = RetryPolicy { attempts: 3, ..RetryPolicy::default() };
        for (status, crowded, allowed) in
            [(500, false, 3), (500, true, 3), (429, false, 3), (429, true, 15), (503, true, 15)]
        {
            let mut tries = Tries::default();
            let error = refused(status, crowded);
            let tried = (1..).find(|_| tries.are_over(&policy, &error)).unwrap();
            assert_eq!(tried, allowed, "{status} {crowded}");
            assert_eq!(tries.failed(), allowed);
        }
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let headers = |pairs: &[(&'static str, &'static str)]| -> HeaderMap {
            let pair = |(name, value): &(&'static str, &'static str)| {
                (name.parse().unwrap(), reqwest::header::HeaderValue::from_static(value))
            };
            let mut headers = HeaderMap::new();
            for (name, value) in pairs.iter().map(pair) {
                let name: reqwest::header::HeaderName = name;
                headers.append(name, value);
            }
            headers
        };
        let date = ("date", "Wed, 21 Oct 2015 07:28:00 GMT");
        let cases = [
            (vec![("retry-after", "3")], Some(3)),
            (vec![("retry-after", "0")], Some(0)),
            (vec![date, ("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT")], Some(30)),
            (vec![date, ("retry-after", "Wed, 21 Oct 2015 07:27:30 GMT")], Some(0)),
            (vec![("retry-after", "soon")], None),
            (vec![("retry-after", "-1")], None),
            (vec![("retry-after", "1.5")], None),
            (vec![("retry-after", "1000000000000000000000000000000")], None),
            (vec![("retry-after", "2"), ("retry-after", "1000000")], Some(2)),
            (vec![date, ("retry-after", "Fri, 31 Dec 9999 23:59:59 GMT")], Some(251_956_888_319)),
            (vec![], None),
        ];
        for (pairs, seconds) in cases {
            assert_eq!(retry_after(&headers(&pairs)), seconds.map(Duration::from_secs), "{pairs:?}");
        }
    }
}
