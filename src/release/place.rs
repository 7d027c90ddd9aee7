//! Where an alias sends its traffic: one version, or two with a share for the second.

use std::collections::BTreeMap;

use crate::cloud::LiveAlias;

/// A share of the traffic in hundredths of a percent, from 0 to 10000. Whole numbers, so that comparing is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u16);

impl Weight {
    /// All of the traffic.
    pub const ALL: Self = Self(10_000);

    /// A share in hundredths of a percent; none above all of it.
    pub fn new(hundredths: u16) -> Option<Self> {
        (hundredths <= Self::ALL.0).then_some(Self(hundredths))
    }

    /// In hundredths of a percent.
    pub fn hundredths(self) -> u16 {
        self.0
    }

    /// As AWS writes it: 0.0–1.0.
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / f64::from(Self::ALL.0)
    }

    /// This share and `more`, at most all.
    pub fn and(self, more: Self) -> Self {
        Self((self.0 + more.0).min(Self::ALL.0))
    }
}

impl std::fmt::Display for Weight {
    /// `10%`, `0.5%`, `12.25%`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (self.0 / 100, self.0 % 100);
        match (rest, rest % 10) {
            (0, _) => write!(formatter, "{whole}%"),
            (_, 0) => write!(formatter, "{whole}.{}%", rest / 10),
            _ => write!(formatter, "{whole}.{rest:02}%"),
        }
    }
}

/// Where an alias sends its traffic.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// The version that the alias points to; `$LATEST` is possible.
    pub version: String,
    /// What else gets a share (0.0–1.0), by version. AWS allows one.
    pub weights: BTreeMap<String, f64>,
}

impl Place {
    /// All traffic on one version.
    pub fn whole(version: impl Into<String>) -> Self {
        Self { version: version.into(), weights: BTreeMap::new() }
    }

    /// A share of the traffic on a second version.
    pub fn split(version: impl Into<String>, second: impl Into<String>, weight: Weight) -> Self {
        Self { version: version.into(), weights: BTreeMap::from([(second.into(), weight.fraction())]) }
    }

    /// Where a live alias sends its traffic.
    pub fn of(alias: &LiveAlias) -> Self {
        Self { version: alias.version.clone(), weights: alias.weights.clone() }
    }

    /// Whether more than one version gets traffic, or is named with a weight.
    pub fn is_split(&self) -> bool {
        !self.weights.is_empty()
    }

    /// Whether this version gets traffic, or is named with a weight.
    pub fn names(&self, version: &str) -> bool {
        self.version == version || self.weights.contains_key(version)
    }
}

impl std::fmt::Display for Place {
    /// `version 6`, `version 6, 10% to version 7`.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "version {}", self.version)?;
        for (version, weight) in &self.weights {
            // A weight that somebody else set may be finer than ours are.
            let percent = (weight * 1e6).round() / 1e4;
            write!(formatter, ", {percent}% to version {version}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_and_places_read_as_a_person_writes_them() {
        for (hundredths, text, fraction) in [
            (0, "0%", 0.0),
            (1000, "10%", 0.1),
            (50, "0.5%", 0.005),
            (1225, "12.25%", 0.1225),
            (5, "0.05%", 0.0005),
        ] {
            let weight = Weight::new(hundredths).unwrap();
            assert_eq!((weight.to_string().as_str(), weight.fraction()), (text, fraction));
        }
        assert_eq!(Weight::new(10_001), None);
        assert_eq!(Place::whole("6").to_string(), "version 6");
        let split = Place::split("6", "7", Weight::new(1000).unwrap());
        assert_eq!(split.to_string(), "version 6, 10% to version 7");
        assert!(split.names("6") && split.names("7") && !split.names("8"));
    }
}
