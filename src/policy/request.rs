//! The request that a repository policy is asked about: who pulls, and for which function.

use std::collections::BTreeMap;

use crate::name::{AccountId, FunctionName, Region};

/// The two actions that a pull needs (facts: what must be granted).
pub const PULL_ACTIONS: [&str; 2] = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

/// The principal that Lambda pulls as.
pub const LAMBDA_SERVICE: &str = "lambda.amazonaws.com";

/// A function of some account that is to run an image of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The account that owns the repository.
    pub repository_account: AccountId,
    /// The account that owns the function.
    pub account: AccountId,
    /// The Region of both (Lambda takes images of its own Region only). It also says the partition.
    pub region: Region,
    /// The function; none asks for whatever function of the account.
    pub function: Option<FunctionName>,
    /// The ARN of who creates or updates the function, as STS GetCallerIdentity tells it; none stands for
    /// whoever may do so in the function's account. Looked at only when the two accounts differ.
    pub caller_arn: Option<String>,
    /// Values of condition keys that the user vouches for, such as `aws:SourceVpce`. A key that AWS documents
    /// for the request (`aws:SourceArn`, …) keeps its documented value.
    pub context: BTreeMap<String, String>,
}

impl Request {
    /// Whatever function of `account` in `region`, deployed by whoever may.
    pub fn new(repository_account: AccountId, account: AccountId, region: Region) -> Self {
        Self {
            repository_account,
            account,
            region,
            function: None,
            caller_arn: None,
            context: BTreeMap::new(),
        }
    }

    /// The same for one function.
    pub fn for_function(mut self, function: FunctionName) -> Self {
        self.function = Some(function);
        self
    }

    /// The same for one caller.
    pub fn by_caller(mut self, arn: impl Into<String>) -> Self {
        self.caller_arn = Some(arn.into());
        self
    }

    /// Whether the function is in another account than the repository.
    pub fn crosses_accounts(&self) -> bool {
        self.account != self.repository_account
    }

    /// `arn:PARTITION:lambda:REGION:ACCOUNT:function:`, which the function's name completes.
    pub(super) fn function_arn_start(&self) -> String {
        let partition = self.region.partition().arn_name();
        format!("arn:{partition}:lambda:{}:{}:function:", self.region, self.account)
    }

    /// `arn:PARTITION:iam::ACCOUNT:root`, which stands for the whole account.
    pub(super) fn account_root_arn(&self) -> String {
        format!("arn:{}:iam::{}:root", self.region.partition().arn_name(), self.account)
    }
}
