//! How much ECR's registry lets through: a token bucket for each operation, and how many requests at a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// What the registry allows. By default only the sizes are limited, as ECR's quotas limit them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistryLimits {
    /// Calls a second of one account in one Region, by the name of ECR's operation (`InitiateLayerUpload`, `PutImage`),
    /// through the registry and the control plane together. As many may come at once.
    pub rates: BTreeMap<String, u32>,
    /// How many requests of one account the registry works on at a time; a further one gets 429.
    pub concurrent: Option<u32>,
    /// What `Retry-After` says beside a 429, in seconds; without it, there is no such header.
    pub retry_after: Option<u64>,
    /// The most parts of a layer.
    pub parts: u64,
    /// The most bytes of a layer.
    pub layer_bytes: u64,
}

impl Default for RegistryLimits {
    fn default() -> Self {
        RegistryLimits {
            rates: BTreeMap::new(),
            concurrent: None,
            retry_after: None,
            parts: 4_200,
            layer_bytes: 52_000 << 20,
        }
    }
}

impl RegistryLimits {
    /// Amazon ECR's quotas.
    pub fn aws() -> Self {
        let rates = [
            ("GetAuthorizationToken", 500),
            ("BatchCheckLayerAvailability", 1000),
            ("InitiateLayerUpload", 100),
            ("UploadLayerPart", 500),
            ("CompleteLayerUpload", 100),
            ("PutImage", 10),
            ("BatchGetImage", 2000),
            ("GetDownloadUrlForLayer", 3000),
        ];
        let rates = rates.map(|(operation, rate)| (operation.to_owned(), rate));
        RegistryLimits { rates: rates.into(), ..RegistryLimits::default() }
    }
}

/// Counts what comes, by account and Region.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    limits: RegistryLimits,
    buckets: Mutex<HashMap<(String, String), Bucket>>,
    working: Mutex<HashMap<String, Arc<AtomicU32>>>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

/// One request that the registry works on, until it is dropped.
#[derive(Debug)]
pub(crate) struct Working(Option<Arc<AtomicU32>>);

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Traffic {
    pub(crate) fn new(limits: RegistryLimits) -> Self {
        Traffic { limits, ..Traffic::default() }
    }

    /// What `Retry-After` says beside a 429.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        self.limits.retry_after
    }

    /// Whether one more call of `operation` (ECR's name) is within its rate; if so it counts.
    pub(crate) fn admit(&self, shelf: &str, operation: &str, now: Instant) -> bool {
        let Some(&rate) = self.limits.rates.get(operation) else { return true };
        let rate = f64::from(rate);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets
            .entry((shelf.to_owned(), operation.to_owned()))
            .or_insert(Bucket { tokens: rate, filled: now });
        let passed = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * rate).min(rate);
        bucket.filled = now;
        let admitted = bucket.tokens >= 1.0;
        if admitted {
            bucket.tokens -= 1.0;
        }
        admitted
    }

    /// A place among those that the registry works on; none when all are taken.
    pub(crate) fn enter(&self, shelf: &str) -> Option<Working> {
        let Some(limit) = self.limits.concurrent else { return Some(Working(None)) };
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        let count = working.entry(shelf.to_owned()).or_default();
        // Only the lock adds, so that nobody comes in between the question and the answer.
        if count.load(Ordering::Relaxed) >= limit {
            return None;
        }
        count.fetch_add(1, Ordering::Relaxed);
        Some(Working(Some(Arc::clone(count))))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_bucket_lets_a_burst_through_and_then_so_many_a_second() {
        let traffic = Traffic::new(RegistryLimits::aws());
        let begin = Instant::now();
        let admitted = |shelf: &str, milliseconds, calls: usize| {
            let now = begin + Duration::from_millis(milliseconds);
            (0..calls).filter(|_| traffic.admit(shelf, "PutImage", now)).count()
        };
        assert_eq!(admitted("a", 0, 15), 10);
        assert_eq!(admitted("b", 0, 15), 10, "each account has its own");
        assert_eq!(admitted("a", 500, 15), 5);
        assert_eq!(admitted("a", 60_000, 15), 10, "it holds no more than a second's worth");
        assert!((0..100).all(|_| traffic.admit("a", "ListImages", begin)), "what has no rate is let through");
    }

    #[test]
    fn so_many_requests_are_worked_on_at_a_time() {
        let traffic = Traffic::new(RegistryLimits { concurrent: Some(2), ..RegistryLimits::default() });
        let first = traffic.enter("a").unwrap();
        let _second = traffic.enter("a").unwrap();
        assert!(traffic.enter("a").is_none());
        assert!(traffic.enter("b").is_some());
        drop(first);
        assert!(traffic.enter("a").is_some());
    }
}
