//! How often a step was tried, and whether that was enough.

use super::error::RegistryError;
use super::retry::RetryPolicy;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::error::{Refusal, RequestLine};
    use crate::registry::operation::Operation;

    #[test]
    fn having_been_one_of_too_many_is_no_failure_but_not_for_ever() {
        let request =
            RequestLine { operation: Operation::SendPart, method: "PATCH".to_owned(), url: String::new() };
        let refused = |status, crowded| {
            RegistryError::Refused(Box::new(Refusal {
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
}
