//! Regions and the partitions that they belong to.

use std::str::FromStr;

use super::{NameError, text_newtype};

/// An AWS Region name, such as `eu-central-1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region(String);

text_newtype!(Region);

impl Region {
    /// The partition that the Region's name puts it in.
    pub fn partition(&self) -> Partition {
        let prefixes = [
            ("cn-", Partition::China),
            ("us-gov-", Partition::GovCloud),
            ("eusc-", Partition::EuropeanSovereign),
            ("us-isob-", Partition::IsoB),
            ("us-isof-", Partition::IsoF),
            ("eu-isoe-", Partition::IsoE),
            ("us-iso-", Partition::Iso),
        ];
        prefixes
            .iter()
            .find(|(prefix, _)| self.0.starts_with(prefix))
            .map_or(Partition::Commercial, |(_, partition)| *partition)
    }
}

impl FromStr for Region {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let shaped = text.len() <= 32
            && text.contains('-')
            && text.bytes().all(word)
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.ends_with(|last: char| last.is_ascii_digit());
        if shaped {
            Ok(Self(text.to_owned()))
        } else {
            Err(NameError::new("Region", text, "a Region looks like eu-central-1"))
        }
    }
}

/// A group of Regions with their own accounts, ARNs and host names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Partition {
    /// `aws`
    Commercial,
    /// `aws-cn`
    China,
    /// `aws-us-gov`
    GovCloud,
    /// `aws-eusc`
    EuropeanSovereign,
    /// `aws-iso`
    Iso,
    /// `aws-iso-b`
    IsoB,
    /// `aws-iso-e`
    IsoE,
    /// `aws-iso-f`
    IsoF,
}

impl Partition {
    /// Every partition there is.
    pub const ALL: [Self; 8] = [
        Self::Commercial,
        Self::China,
        Self::GovCloud,
        Self::EuropeanSovereign,
        Self::Iso,
        Self::IsoB,
        Self::IsoE,
        Self::IsoF,
    ];

    /// The second component of an ARN.
    pub fn arn_name(self) -> &'static str {
        match self {
            Self::Commercial => "aws",
            Self::China => "aws-cn",
            Self::GovCloud => "aws-us-gov",
            Self::EuropeanSovereign => "aws-eusc",
            Self::Iso => "aws-iso",
            Self::IsoB => "aws-iso-b",
            Self::IsoE => "aws-iso-e",
            Self::IsoF => "aws-iso-f",
        }
    }

    /// The suffix of the partition's IPv4 service hosts (`facts: partition suffixes`).
    pub fn host_suffix(self) -> &'static str {
        match self {
            Self::Commercial | Self::GovCloud => "amazonaws.com",
            Self::China => "amazonaws.com.cn",
            Self::EuropeanSovereign => "amazonaws.eu",
            Self::Iso => "c2s.ic.gov",
            Self::IsoB => "sc2s.sgov.gov",
            Self::IsoE => "cloud.adc-e.uk",
            Self::IsoF => "csp.hci.ic.gov",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_knows_its_partition() {
        let table = [
            ("eu-central-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("eusc-de-east-1", "aws-eusc"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
        ];
        for (region, arn_name) in table {
            assert_eq!(region.parse::<Region>().unwrap().partition().arn_name(), arn_name);
        }
    }

    #[test]
    fn texts_that_cannot_be_a_host_label_are_refused() {
        for bad in ["", "Europe", "eu central 1", "eu-central-", "-1", "eu/../1", "EU-WEST-1"] {
            assert!(bad.parse::<Region>().is_err(), "{bad}");
        }
    }
}
