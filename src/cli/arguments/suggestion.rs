//! Values that shells offer for a flag that takes others too.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};

/// Takes any text; what is wrong with it is said by whoever knows what it means.
#[derive(Debug, Clone, Copy)]
pub(super) struct Suggested(pub(super) &'static [&'static str]);

impl TypedValueParser for Suggested {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(PossibleValue::new)))
    }
}

/// The architectures that Lambda has.
pub(super) const ARCHITECTURES: Suggested = Suggested(&["x86_64", "arm64"]);

/// Strategies without numbers of one's own, and without colons, at which bash breaks words.
pub(super) const STRATEGIES: Suggested = Suggested(&[
    "all-at-once",
    "LambdaCanary10Percent5Minutes",
    "LambdaCanary10Percent10Minutes",
    "LambdaCanary10Percent15Minutes",
    "LambdaCanary10Percent30Minutes",
    "LambdaLinear10PercentEvery1Minute",
    "LambdaLinear10PercentEvery2Minutes",
    "LambdaLinear10PercentEvery3Minutes",
    "LambdaLinear10PercentEvery10Minutes",
]);

/// How layers are sent.
pub(super) const COMPRESSIONS: Suggested = Suggested(&["1", "6", "9", "keep"]);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::Strategy;

    #[test]
    fn every_strategy_that_is_offered_is_one() {
        for name in STRATEGIES.0 {
            assert!(name.parse::<Strategy>().is_ok(), "{name}");
        }
    }
}
