//! Names of what a function publishes: versions and aliases.

use std::str::FromStr;

use super::{NameError, text_newtype};

/// The name of a function alias: `(?!^[0-9]+$)([a-zA-Z0-9-_]+)`, at most 128 characters
/// (Lambda API, CreateAlias).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AliasName(String);

text_newtype!(AliasName);

impl FromStr for AliasName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let refuse = |why: &str| Err(NameError::new("alias name", text, why));
        if text.is_empty() || text.len() > 128 {
            return refuse("an alias name has 1 to 128 characters");
        }
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_') {
            return refuse("only letters, digits, '-' and '_' are allowed");
        }
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            return refuse("a name of digits only would be a version number");
        }
        Ok(Self(text.to_owned()))
    }
}

/// A published version of a function: a positive number, never `$LATEST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u64);

impl Version {
    /// The version as a number.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

impl FromStr for Version {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let digits_only = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse::<u64>() {
            Ok(number) if digits_only && number > 0 => Ok(Self(number)),
            _ => Err(NameError::new("version", text, "a published version is a positive number")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alias_names_follow_the_lambda_pattern() {
        for good in ["live", "blue-green_2", "v1", "-"] {
            assert!(good.parse::<AliasName>().is_ok(), "{good}");
        }
        for bad in ["", "7", "a b", "a.b", "é", &"x".repeat(129)] {
            assert!(bad.parse::<AliasName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn latest_is_not_a_published_version() {
        assert_eq!("7".parse::<Version>().unwrap().number(), 7);
        for bad in ["$LATEST", "0", "-1", "+1", "", "1.0"] {
            assert!(bad.parse::<Version>().is_err(), "{bad}");
        }
    }
}
