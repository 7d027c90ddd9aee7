//! Registry tokens: what `GetAuthorizationToken` hands out and the registry takes as a password.
//!
//! A token carries its own claims under a keyed hash, so nothing has to be remembered. It is bound to the
//! caller's account, the Region and one registry; the key is new with every start.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::text::epoch_milliseconds;

/// ECR's passwords are some two thousand characters long; short ones would hide clients that assume less.
const PADDING: usize = 900;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The account of the caller who got it.
    pub(crate) caller: String,
    pub(crate) region: String,
    /// The account whose registry it was asked for.
    pub(crate) registry: String,
    /// Milliseconds since 1970.
    expires_at: u64,
}

/// Why a password is no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenFault {
    Unknown,
    Expired,
}

/// Mints and checks tokens.
#[derive(Debug)]
pub(crate) struct Tokens {
    key: [u8; 32],
    lifetime: Duration,
    /// How many requests a token is good for; no limit when none.
    uses: Option<u64>,
    used: Mutex<HashMap<String, u64>>,
}

impl Tokens {
    pub(crate) fn new(lifetime: Duration, uses: Option<u64>) -> Self {
        let mut key = [0; 32];
        fastrand::fill(&mut key);
        Tokens { key, lifetime, uses, used: Mutex::default() }
    }

    /// A new password and its end.
    pub(crate) fn mint(
        &self,
        caller: &str,
        region: &str,
        registry: &str,
        now: SystemTime,
    ) -> (String, SystemTime) {
        // A lifetime beyond what a clock can tell is as good as a year.
        let end = now.checked_add(self.lifetime).unwrap_or(now + Duration::from_secs(365 * 86_400));
        let claims = Claims {
            caller: caller.to_owned(),
            region: region.to_owned(),
            registry: registry.to_owned(),
            expires_at: epoch_milliseconds(end),
        };
        let claims = serde_json::to_string(&claims).unwrap_or_default();
        let padding: String = (0..PADDING).map(|_| fastrand::alphanumeric()).collect();
        let text = format!("{claims}\n{padding}\n{}", self.seal(&format!("{claims}\n{padding}")));
        (STANDARD.encode(text), end)
    }

    /// What a password says, if it is one of ours and not past its end.
    pub(crate) fn check(&self, password: &str, now: SystemTime) -> Result<Claims, TokenFault> {
        let text = STANDARD.decode(password).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.ok_or(TokenFault::Unknown)?;
        let (sealed, seal) = text.rsplit_once('\n').ok_or(TokenFault::Unknown)?;
        if self.seal(sealed) != seal {
            return Err(TokenFault::Unknown);
        }
        let claims = sealed.lines().next().and_then(|line| serde_json::from_str::<Claims>(line).ok());
        let claims = claims.ok_or(TokenFault::Unknown)?;
        if epoch_milliseconds(now) >= claims.expires_at || self.is_used_up(seal) {
            Err(TokenFault::Expired)
        } else {
            Ok(claims)
        }
    }

    /// Counts a use of the token with this seal.
    fn is_used_up(&self, seal: &str) -> bool {
        let Some(uses) = self.uses else { return false };
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let count = used.entry(seal.to_owned()).or_default();
        *count += 1;
        *count > uses
    }

    fn seal(&self, text: &str) -> String {
        let inner = Sha256::new().chain_update(self.key).chain_update(text).finalize();
        hex::encode(Sha256::new().chain_update(self.key).chain_update(inner).finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_until_its_end_and_only_unchanged() {
        let tokens = Tokens::new(Duration::from_secs(60), None);
        let now = SystemTime::now();
        let (password, end) = tokens.mint("111122223333", "eu-west-1", "222222222222", now);
        let claims = tokens.check(&password, now).unwrap();
        assert_eq!((claims.caller.as_str(), claims.registry.as_str()), ("111122223333", "222222222222"));
        assert_eq!(tokens.check(&password, end), Err(TokenFault::Expired));
        let twice = Tokens::new(Duration::from_secs(60), Some(2));
        let (short_lived, _) = twice.mint("111122223333", "eu-west-1", "222222222222", now);
        let checks = [(); 3].map(|()| twice.check(&short_lived, now).is_ok());
        assert_eq!(checks, [true, true, false]);
        assert_eq!(tokens.check("", now), Err(TokenFault::Unknown));
        assert_eq!(tokens.check(&password[4..], now), Err(TokenFault::Unknown));
        assert_eq!(
            Tokens::new(Duration::from_secs(60), None).check(&password, now),
            Err(TokenFault::Unknown)
        );
    }
}
