//! Quantities as a person writes them: `90s`, `0.5%`.

use std::time::Duration;

/// A quantity that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Not a duration at all.
    #[error("{0:?} is not a duration")]
    NoDuration(String),
    /// Too short or too long.
    #[error("{0:?} must be between one second and one day")]
    OutOfRange(String),
    /// Not an age, or more than ten years.
    #[error("{0:?} is not an age")]
    NoAge(String),
    /// Not a percentage.
    #[error("{0:?} is not a percentage")]
    NoPercentage(String),
}

impl QuantityError {
    /// How to write one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoDuration(_) => Some("write 90s, 10m or 1h"),
            Self::OutOfRange(_) => None,
            Self::NoAge(_) => Some("write 90s, 10m, 1h or 7d"),
            Self::NoPercentage(_) => Some("write 1% or 0.5%"),
        }
    }
}

/// `90`, `90s`, `10m`, `1h`: at most a day.
pub fn duration(text: &str) -> Result<Duration, QuantityError> {
    let seconds = in_seconds(text, &UNITS[..3]).ok_or_else(|| QuantityError::NoDuration(text.to_owned()))?;
    match (1..=86_400).contains(&seconds) {
        true => Ok(Duration::from_secs(seconds)),
        false => Err(QuantityError::OutOfRange(text.to_owned())),
    }
}

/// `0`, `90s`, `10m`, `1h`, `7d`: at most ten years.
pub fn age(text: &str) -> Result<Duration, QuantityError> {
    let seconds = in_seconds(text, &UNITS).filter(|seconds| *seconds <= 3650 * 86_400);
    seconds.map(Duration::from_secs).ok_or_else(|| QuantityError::NoAge(text.to_owned()))
}

const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];

/// Digits with one of these units, or seconds without one.
fn in_seconds(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, unit) = match text.find(|c: char| !c.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    // What is too large to count is out of every range.
    let count = digits.parse().unwrap_or(if digits.is_empty() { return None } else { u64::MAX });
    Some(count.saturating_mul(*factor))
}

/// `1%`, `0.5%`, `20`: as a fraction.
pub fn percent(text: &str) -> Result<f64, QuantityError> {
    let number = text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>().ok();
    let fraction = number.filter(|number| number.is_finite() && *number >= 0.0).map(|number| number / 100.0);
    fraction.ok_or_else(|| QuantityError::NoPercentage(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_or_are_seconds() {
        for (text, seconds) in [("90", 90), ("90s", 90), ("10m", 600), ("1h", 3600), ("24h", 86_400)] {
            assert_eq!(duration(text).unwrap().as_secs(), seconds, "{text}");
        }
        for bad in ["", "m", "1d", "-1s", "0", "25h", "1.5m", "99999999999999999999"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn ages_have_a_unit_or_are_seconds() {
        for (text, seconds) in
            [("0", 0), ("90", 90), ("90s", 90), ("10m", 600), ("24h", 86_400), ("7d", 604_800)]
        {
            assert_eq!(age(text).unwrap().as_secs(), seconds, "{text}");
        }
        for bad in ["", "d", "1w", "-1s", "1.5h", "99999d", "99999999999999999999"] {
            assert!(age(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn percentages_become_fractions() {
        for (text, fraction) in [("1%", 0.01), ("0.5%", 0.005), ("20", 0.2), ("0", 0.0)] {
            assert!((percent(text).unwrap() - fraction).abs() < 1e-12, "{text}");
        }
        for bad in ["", "%", "-1%", "x", "inf", "NaN"] {
            assert!(percent(bad).is_err(), "{bad}");
        }
    }
}
