//! The twelve digits of an AWS account.

use std::str::FromStr;

use super::{NameError, text_newtype};

/// An AWS account id: exactly twelve digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(String);

text_newtype!(AccountId);

impl FromStr for AccountId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::new("account id", text, "an account id has exactly twelve digits"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_twelve_ascii_digits_are_an_account() {
        assert!("123456789012".parse::<AccountId>().is_ok());
        for bad in ["", "12345678901", "1234567890123", "12345678901a", "１23456789012"] {
            assert!(bad.parse::<AccountId>().is_err(), "{bad}");
        }
    }
}
