//! The registry's credential: fetched once, shared between tasks, renewed in time.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use reqwest::header::HeaderValue;
use tokio::sync::Mutex;

use super::error::RegistryError;
use crate::cloud::{CloudError, CloudErrorKind, RegistryAuthorizer, RegistryCredential};

/// A credential is renewed this long before it ends, or a tenth of its life before when that is shorter.
const LONGEST_MARGIN: Duration = Duration::from_secs(600);

/// Holds the current credential.
pub(super) struct Authorization {
    authorizer: Arc<dyn RegistryAuthorizer>,
    // Held while a new credential is fetched, so that tasks that need one at the same time share one call.
    current: Mutex<Option<Held>>,
}

struct Held {
    header: HeaderValue,
    generation: u64,
    renew_at: Option<Instant>,
}

/// A credential as one request uses it.
#[derive(Clone)]
pub(super) struct Lease {
    pub(super) header: HeaderValue,
    /// Tells a credential from the one that replaces it.
    pub(super) generation: u64,
}

impl Authorization {
    pub(super) fn new(authorizer: Arc<dyn RegistryAuthorizer>) -> Self {
        Self { authorizer, current: Mutex::new(None) }
    }

    /// Starts with a credential that was fetched elsewhere.
    pub(super) fn with(
        authorizer: Arc<dyn RegistryAuthorizer>,
        first: RegistryCredential,
    ) -> Result<Self, RegistryError> {
        Ok(Self { authorizer, current: Mutex::new(Some(Held::new(first, 0)?)) })
    }

    /// The current credential, renewed when it is about to end.
    pub(super) async fn lease(&self) -> Result<Lease, RegistryError> {
        let mut current = self.current.lock().await;
        let held = match current.take() {
            None => self.fetch(0).await?,
            Some(held) if !held.is_ending() => held,
            // The old one may be valid still: what the registry says counts, not our clock.
            Some(held) => match self.fetch(held.generation + 1).await {
                Ok(fresh) => fresh,
                Err(_) => Held { renew_at: None, ..held },
            },
        };
        Ok(current.insert(held).lease())
    }

    /// A credential that is not the one that the registry just refused. Another task may have fetched it.
    pub(super) async fn replace(&self, refused: &Lease) -> Result<Lease, RegistryError> {
        let mut current = self.current.lock().await;
        match &*current {
            Some(held) if held.generation != refused.generation => Ok(held.lease()),
            _ => {
                let fresh = self.fetch(refused.generation + 1).await?;
                Ok(current.insert(fresh).lease())
            }
        }
    }

    async fn fetch(&self, generation: u64) -> Result<Held, RegistryError> {
        let credential = self.authorizer.authorize().await.map_err(RegistryError::Credential)?;
        Held::new(credential, generation)
    }
}

impl Held {
    fn new(credential: RegistryCredential, generation: u64) -> Result<Self, RegistryError> {
        let mut header =
            HeaderValue::try_from(format!("Basic {}", credential.basic)).map_err(|_| unusable())?;
        header.set_sensitive(true);
        // An end in the past says that a clock is wrong, not that a fresh credential is void.
        let left = credential.expires_at.and_then(|end| end.duration_since(SystemTime::now()).ok());
        let renew_at = left.map(|left| Instant::now() + left - LONGEST_MARGIN.min(left / 10));
        Ok(Self { header, generation, renew_at })
    }

    fn is_ending(&self) -> bool {
        self.renew_at.is_some_and(|at| Instant::now() >= at)
    }

    fn lease(&self) -> Lease {
        Lease { header: self.header.clone(), generation: self.generation }
    }
}

fn unusable() -> RegistryError {
    RegistryError::Credential(CloudError {
        service: "Amazon ECR",
        operation: "GetAuthorizationToken",
        kind: CloudErrorKind::Unexpected,
        code: None,
        status: None,
        message: "the authorization token is not one that can be sent".to_owned(),
        request_id: None,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Hands out `AWS:token-1`, `AWS:token-2`, … with an end so far from now.
    struct Counting {
        calls: AtomicU32,
        life: Option<i64>,
        fails_from: u32,
    }

    impl Counting {
        fn with_life(life: Option<i64>) -> Arc<Self> {
            Arc::new(Self { calls: AtomicU32::new(0), life, fails_from: u32::MAX })
        }
    }

    #[async_trait::async_trait]
    impl RegistryAuthorizer for Counting {
        async fn authorize(&self) -> Result<RegistryCredential, CloudError> {
            use base64::Engine as _;
            let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
            tokio::task::yield_now().await;
            if call >= self.fails_from {
                let RegistryError::Credential(error) = unusable() else { unreachable!() };
                return Err(error);
            }
            let now = SystemTime::now();
            let expires_at = self.life.map(|seconds| {
                let span = Duration::from_secs(seconds.unsigned_abs());
                if seconds < 0 { now - span } else { now + span }
            });
            let basic = base64::engine::general_purpose::STANDARD.encode(format!("AWS:token-{call}"));
            Ok(RegistryCredential { basic, expires_at, proxy_endpoint: None })
        }
    }

    async fn password(authorization: &Authorization) -> String {
        use base64::Engine as _;
        let lease = authorization.lease().await.unwrap();
        let basic = lease.header.to_str().unwrap().strip_prefix("Basic ").unwrap().to_owned();
        let pair = base64::engine::general_purpose::STANDARD.decode(basic).unwrap();
        String::from_utf8(pair).unwrap().split_once(':').unwrap().1.to_owned()
    }

    #[tokio::test]
    async fn an_end_in_the_past_or_far_away_leaves_the_credential_in_use() {
        for life in [None, Some(-3600 * 24 * 365 * 10), Some(0), Some(3600)] {
            let authorizer = Counting::with_life(life);
            let authorization = Authorization::new(Arc::clone(&authorizer) as _);
            for _ in 0..3 {
                authorization.lease().await.unwrap();
            }
            // An end at this very moment counts as past or as near, depending on the clock's grain.
            let allowed = if life == Some(0) { 1..=3 } else { 1..=1 };
            assert!(allowed.contains(&authorizer.calls.load(Ordering::SeqCst)), "{life:?}");
        }
    }

    #[tokio::test]
    async fn a_credential_near_its_end_is_renewed() {
        let authorization = Authorization::new(Counting::with_life(Some(43_200)));
        assert_eq!(password(&authorization).await, "token-1");
        authorization.current.lock().await.as_mut().unwrap().renew_at = Some(Instant::now());
        assert_eq!(password(&authorization).await, "token-2");
    }

    #[tokio::test]
    async fn a_failed_renewal_before_the_end_keeps_the_old_credential() {
        let authorizer = Counting { calls: AtomicU32::new(0), life: Some(43_200), fails_from: 2 };
        let authorization = Authorization::new(Arc::new(authorizer));
        authorization.lease().await.unwrap();
        authorization.current.lock().await.as_mut().unwrap().renew_at = Some(Instant::now());
        assert_eq!(password(&authorization).await, "token-1");
    }

    #[tokio::test]
    async fn tasks_that_are_refused_together_fetch_one_new_credential() {
        let authorizer = Counting::with_life(None);
        let authorization = Authorization::new(Arc::clone(&authorizer) as _);
        let refused = authorization.lease().await.unwrap();
        let renewals = (0..8).map(|_| authorization.replace(&refused));
        for lease in futures_util::future::join_all(renewals).await {
            assert_eq!(lease.unwrap().generation, refused.generation + 1);
        }
        assert_eq!(authorizer.calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_credential_is_never_shown() {
        let authorization = Authorization::new(Counting::with_life(None));
        let lease = authorization.lease().await.unwrap();
        assert_eq!(format!("{:?}", lease.header), "Sensitive");
    }
}
