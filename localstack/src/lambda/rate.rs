//! How many calls are let through each second.

use std::collections::{BTreeMap, VecDeque};

use super::route::Route;
use super::settings::RateLimits;

/// The calls of the last second, by account, Region and kind.
#[derive(Debug, Default)]
pub(super) struct Rates {
    seen: BTreeMap<(String, bool), VecDeque<u64>>,
}

impl Rates {
    /// Whether one more call at `now` (milliseconds since 1970) is within the limits; if so it counts.
    pub(super) fn admit(&mut self, limits: RateLimits, shelf: &str, route: &Route, now: u64) -> bool {
        if matches!(route, Route::Invoke(_)) {
            return true;
        }
        let reads = matches!(route, Route::GetFunction(_));
        let limit = if reads { limits.get_function } else { limits.others };
        let seen = self.seen.entry((shelf.to_owned(), reads)).or_default();
        while seen.front().is_some_and(|first| first + 1000 <= now) {
            seen.pop_front();
        }
        let admitted = seen.len() < limit as usize;
        if admitted {
            seen.push_back(now);
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_beyond_the_limit_wait_for_the_next_second() {
        let mut rates = Rates::default();
        let read = Route::GetFunction("f".to_owned());
        let list = Route::ListFunctions;
        let mut admitted = |route: &Route, now, calls: usize| {
            (0..calls).filter(|_| rates.admit(RateLimits::AWS, "a", route, now)).count()
        };
        assert_eq!(admitted(&list, 0, 20), 15);
        assert_eq!(admitted(&read, 0, 200), 100);
        assert_eq!(admitted(&list, 999, 1), 0);
        assert_eq!(admitted(&list, 1000, 20), 15);
        assert_eq!(admitted(&Route::Invoke("f".to_owned()), 0, 500), 500);
    }
}
