//! How many calls are let through each second: a token bucket that holds a second's worth.

use std::collections::BTreeMap;

use super::route::Route;
use super::settings::RateLimits;

/// The buckets, by account, Region and kind.
#[derive(Debug, Default)]
pub(super) struct Rates {
    buckets: BTreeMap<(String, bool), Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// Thousandths of a call.
    filling: u64,
    /// When that was, in milliseconds since 1970.
    at: u64,
}

impl Rates {
    /// Whether one more call at `now` (milliseconds since 1970) is within the limits; if so it counts.
    pub(super) fn admit(&mut self, limits: RateLimits, shelf: &str, route: &Route, now: u64) -> bool {
        if matches!(route, Route::Invoke(_)) {
            return true;
        }
        let reads = matches!(route, Route::GetFunction(_));
        let limit = u64::from(if reads { limits.get_function } else { limits.others });
        let full = Bucket { filling: limit * 1000, at: now };
        let bucket = self.buckets.entry((shelf.to_owned(), reads)).or_insert(full);
        let passed = now.saturating_sub(bucket.at);
        bucket.filling = bucket.filling.saturating_add(passed.saturating_mul(limit)).min(limit * 1000);
        bucket.at = now.max(bucket.at);
        let admitted = bucket.filling >= 1000;
        if admitted {
            bucket.filling -= 1000;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_calls_goes_at_once_and_then_so_many_a_second() {
        let mut rates = Rates::default();
        let read = Route::GetFunction("f".to_owned());
        let list = Route::ListFunctions;
        let mut admitted = |shelf: &str, route: &Route, now, calls: usize| {
            (0..calls).filter(|_| rates.admit(RateLimits::AWS, shelf, route, now)).count()
        };
        assert_eq!(admitted("a", &list, 0, 20), 15);
        assert_eq!(admitted("a", &read, 0, 200), 100);
        assert_eq!(admitted("b", &list, 0, 20), 15, "each account and Region has its own");
        assert_eq!(admitted("a", &list, 66, 1), 0);
        assert_eq!(admitted("a", &list, 67, 2), 1);
        assert_eq!(admitted("a", &list, 60_000, 20), 15, "it holds no more than a second's worth");
        assert_eq!(admitted("a", &Route::Invoke("f".to_owned()), 0, 500), 500);
    }
}
