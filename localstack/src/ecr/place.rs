//! Where a registry is: an account and a Region.

/// An account and a Region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) account: String,
    pub(crate) region: String,
}

impl Place {
    pub(crate) fn new(account: &str, region: &str) -> Place {
        Place { account: account.to_owned(), region: region.to_owned() }
    }
}
