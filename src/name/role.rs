//! The execution role of a function.

use std::str::FromStr;

use super::{AccountId, NameError, text_newtype};

/// The ARN of an IAM role: `arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoleArn(String);

text_newtype!(RoleArn);

impl RoleArn {
    /// The account that the role lives in.
    pub fn account(&self) -> Option<AccountId> {
        self.0.split(':').nth(4).and_then(|account| account.parse().ok())
    }
}

impl FromStr for RoleArn {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let refuse = |why: &str| Err(NameError::new("role", text, why));
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let ["arn", partition, "iam", "", account, resource] = parts[..] else {
            return refuse("a role looks like arn:aws:iam::123456789012:role/NAME");
        };
        if !partition.starts_with("aws") || account.parse::<AccountId>().is_err() {
            return refuse("the partition or the account id of the ARN is wrong");
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@-_/".contains(&byte);
        match resource.strip_prefix("role/") {
            Some(name) if !name.is_empty() && name.bytes().all(allowed) => Ok(Self(text.to_owned())),
            _ => refuse("the ARN must name a role (role/NAME)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_arns_name_a_role_in_an_account() {
        let role: RoleArn = "arn:aws-cn:iam::123456789012:role/service/app@1".parse().unwrap();
        assert_eq!(role.account().unwrap().as_str(), "123456789012");
        for bad in [
            "lambda-role",
            "arn:aws:iam::123456789012:user/x",
            "arn:aws:iam::12345:role/x",
            "arn:aws:iam::123456789012:role/",
            "arn:aws:iam::123456789012:role/a b",
        ] {
            assert!(bad.parse::<RoleArn>().is_err(), "{bad}");
        }
    }
}
