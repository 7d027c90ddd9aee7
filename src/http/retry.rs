//! When to try again, and after how long.

use std::time::{Duration, SystemTime};

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

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
    pub(crate) fn delay(&self, failures: u32, retry_after: Option<Duration>) -> Duration {
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

/// What `Retry-After` asks for: seconds, or a date. A date is read against the answer's own `Date`, since
/// this machine's clock may be wrong.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
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
