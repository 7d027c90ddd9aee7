//! How a user names a function: by name, by ARN, or by account and name.

use std::str::FromStr;

use super::{AccountId, NameError, Region, text_newtype};

/// The bare name of a function: letters, digits, `-` and `_`, at most 64 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FunctionName(String);

text_newtype!(FunctionName);

impl FromStr for FunctionName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            let why = "a function name has 1 to 64 letters, digits, '-' or '_'";
            Err(NameError::new("function name", text, why))
        }
    }
}

/// A function as the user named it. What the text does not say, the configuration must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionRef {
    /// The bare name.
    pub name: FunctionName,
    /// The Region, when an ARN was given.
    pub region: Option<Region>,
    /// The account, when a full or partial ARN was given.
    pub account: Option<AccountId>,
}

impl FromStr for FunctionRef {
    type Err = NameError;

    /// Takes `NAME`, `ACCOUNT:function:NAME` and `arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME`.
    /// A qualifier is refused: what is deployed is the function; its alias has a flag of its own.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let refuse = |why: &str| NameError::new("function", text, why);
        let qualified = "leave the version or alias off; name the alias with --alias";
        match text.split(':').collect::<Vec<_>>()[..] {
            [name] => Ok(Self { name: name.parse()?, region: None, account: None }),
            [account, "function", name] => {
                Ok(Self { name: name.parse()?, region: None, account: Some(account.parse()?) })
            }
            ["arn", partition, "lambda", region, account, "function", name] => {
                let region: Region = region.parse()?;
                if region.partition().arn_name() != partition {
                    return Err(refuse("its partition does not have that Region"));
                }
                Ok(Self { name: name.parse()?, region: Some(region), account: Some(account.parse()?) })
            }
            [_, "function", _, _] | ["arn", _, "lambda", _, _, "function", _, _] => Err(refuse(qualified)),
            _ => Err(refuse("give a name, or arn:aws:lambda:REGION:ACCOUNT:function:NAME")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_in_three_ways() {
        let arn: FunctionRef = "arn:aws:lambda:eu-west-1:123456789012:function:shop".parse().unwrap();
        assert_eq!(arn.name.as_str(), "shop");
        assert_eq!(arn.region.unwrap().as_str(), "eu-west-1");
        assert_eq!(arn.account.unwrap().as_str(), "123456789012");
        let partial: FunctionRef = "123456789012:function:shop".parse().unwrap();
        assert!(partial.region.is_none() && partial.account.is_some());
        assert_eq!("shop".parse::<FunctionRef>().unwrap().name.as_str(), "shop");
    }

    #[test]
    fn qualifiers_and_foreign_arns_are_refused() {
        for bad in [
            "",
            "a b",
            "arn:aws:lambda:eu-west-1:123456789012:function:shop:live",
            "123456789012:function:shop:3",
            "arn:aws:s3:::bucket",
            "arn:aws-cn:lambda:eu-west-1:123456789012:function:shop",
            &"x".repeat(65),
        ] {
            assert!(bad.parse::<FunctionRef>().is_err(), "{bad}");
        }
    }
}
