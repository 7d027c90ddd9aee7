//! Lambda's ARNs.

use crate::partition::of_region;

/// Where a function lives: an account in a Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Home<'a> {
    pub(super) account: &'a str,
    pub(super) region: &'a str,
}

impl Home<'_> {
    /// `aws`, `aws-cn`, …
    pub(crate) fn partition(&self) -> &'static str {
        of_region(self.region).0
    }

    /// The ARN of a function, with a qualifier if there is one.
    pub(super) fn function_arn(&self, name: &str, qualifier: Option<&str>) -> String {
        let (partition, Home { account, region }) = (self.partition(), self);
        let arn = format!("arn:{partition}:lambda:{region}:{account}:function:{name}");
        match qualifier {
            Some(qualifier) => format!("{arn}:{qualifier}"),
            None => arn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_carry_the_partition_of_the_region() {
        for (region, expected) in [
            ("eu-west-1", "arn:aws:lambda:eu-west-1:123456789012:function:f:live"),
            ("cn-north-1", "arn:aws-cn:lambda:cn-north-1:123456789012:function:f:live"),
            ("us-gov-west-1", "arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:f:live"),
        ] {
            let home = Home { account: "123456789012", region };
            assert_eq!(home.function_arn("f", Some("live")), expected);
        }
    }
}
