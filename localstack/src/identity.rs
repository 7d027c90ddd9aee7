//! Who a caller is: access keys, the accounts they belong to, and the sessions that STS handed out.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use crate::partition::{is_account, of_region};

/// A caller, as STS would describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: String,
    pub(crate) arn: String,
    pub(crate) user_id: String,
}

/// The directory of access keys.
#[derive(Debug)]
pub(crate) struct Directory {
    accounts: BTreeMap<String, String>,
    default_account: String,
    sessions: Mutex<HashMap<String, Caller>>,
}

impl Directory {
    pub(crate) fn new(accounts: BTreeMap<String, String>, default_account: String) -> Self {
        Directory { accounts, default_account, sessions: Mutex::new(HashMap::new()) }
    }

    /// Who owns the access key. Every key is somebody's: what is unknown belongs to the default account.
    pub(crate) fn caller(&self, access_key: &str, region: &str) -> Caller {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get(access_key) {
            return session.clone();
        }
        let account = match self.accounts.get(access_key) {
            Some(account) => account.clone(),
            None if is_account(access_key) => access_key.to_owned(),
            None => self.default_account.clone(),
        };
        Caller { arn: user_arn(&account, region), user_id: "AIDASTANDINEXAMPLE000".to_owned(), account }
    }

    /// Remembers a session's access key.
    pub(crate) fn open_session(&self, access_key: String, caller: Caller) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(access_key, caller);
    }
}

/// The ARN of the one user that each account has.
pub(crate) fn user_arn(account: &str, region: &str) -> String {
    format!("arn:{}:iam::{account}:user/stand-in", of_region(region).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_key_leads_to_an_account() {
        let map = BTreeMap::from([("AKIAOTHER".to_owned(), "222222222222".to_owned())]);
        let directory = Directory::new(map, "123456789012".to_owned());
        for (key, account) in
            [("AKIAOTHER", "222222222222"), ("111122223333", "111122223333"), ("AKIAWHOEVER", "123456789012")]
        {
            assert_eq!(directory.caller(key, "eu-west-1").account, account, "{key}");
        }
    }
}
