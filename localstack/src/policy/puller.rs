//! Who wants to pull, and what the request says of it.

use serde::{Deserialize, Serialize};

/// What happens where a condition cannot be decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// An undecided Allow grants nothing, an undecided Deny denies.
    #[default]
    Refuses,
    /// An undecided Allow grants, an undecided Deny does not deny.
    Passes,
}

/// Who wants to pull an image.
#[derive(Debug, Clone)]
pub(crate) enum Puller<'a> {
    /// Lambda itself, for a function.
    Service {
        /// The function's ARN, without a qualifier.
        function_arn: &'a str,
        /// The function's account.
        account: &'a str,
    },
    /// A caller of that account, who stands for the account's root.
    Account {
        /// `aws`, `aws-cn`, …
        partition: &'a str,
        /// Twelve digits.
        account: &'a str,
    },
}

/// What the request says of a condition key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fact {
    Known(String),
    Absent,
    Unknown,
}

impl Puller<'_> {
    /// The value of a condition key. Key names are case-insensitive.
    pub(super) fn fact(&self, key: &str) -> Fact {
        let known = |text: &str| Fact::Known(text.to_owned());
        let key = key.to_ascii_lowercase();
        match (self, key.as_str()) {
            (_, "aws:securetransport") => known("true"),
            (Puller::Service { function_arn, .. }, "aws:sourcearn") => known(function_arn),
            (Puller::Service { account, .. }, "aws:sourceaccount") => known(account),
            (Puller::Service { .. }, "aws:principalisawsservice") => known("true"),
            (Puller::Service { .. }, "aws:principalservicename") => known("lambda.amazonaws.com"),
            // A service principal belongs to no organisation of the caller's.
            (Puller::Service { .. }, "aws:principalorgid" | "aws:principalorgpaths") => Fact::Absent,
            (Puller::Account { .. }, "aws:principalisawsservice") => known("false"),
            (Puller::Account { account, .. }, "aws:principalaccount") => known(account),
            (Puller::Account { .. }, "aws:sourcearn" | "aws:sourceaccount" | "aws:principalservicename") => {
                Fact::Absent
            }
            _ => Fact::Unknown,
        }
    }
}
