//! Condition operators: their names, and whether one value of a request fits one value of a policy.

use std::net::IpAddr;

use base64::Engine as _;

use super::context::Text;
use super::moment::Moment;
use super::pattern::{Holds, Pattern};
use super::truth::Truth;
use super::variable::{Environment, expand};

/// What a condition's operator asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// `Null`: whether the key is absent.
    Null,
    /// Anything else that IAM has.
    Compare {
        comparison: Comparison,
        /// `…Not…`: no value of the policy may fit.
        negated: bool,
        /// `ForAllValues:` or `ForAnyValue:`.
        quantifier: Option<Quantifier>,
        /// `…IfExists`: an absent key is fine.
        if_exists: bool,
    },
    /// A name that IAM does not document.
    Unknown,
}

/// How the values of a key with several values count together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantifier {
    ForAllValues,
    ForAnyValue,
}

/// How one value is compared with another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    String,
    StringIgnoreCase,
    StringLike,
    /// ArnEquals and ArnLike are the same.
    Arn,
    Bool,
    Binary,
    IpAddress,
    Numeric(Order),
    Date(Order),
}

/// How the request's value must stand to the policy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// The operator of a name such as `ForAnyValue:StringNotLikeIfExists`.
    pub(super) fn named(name: &str) -> Self {
        if name == "Null" {
            return Self::Null;
        }
        let (quantifier, rest) = match name.split_once(':') {
            Some(("ForAllValues", rest)) => (Some(Quantifier::ForAllValues), rest),
            Some(("ForAnyValue", rest)) => (Some(Quantifier::ForAnyValue), rest),
            _ => (None, name),
        };
        let (base, if_exists) = rest.strip_suffix("IfExists").map_or((rest, false), |base| (base, true));
        match comparison_named(base) {
            Some((comparison, negated)) => Self::Compare { comparison, negated, quantifier, if_exists },
            None => Self::Unknown,
        }
    }
}

fn comparison_named(name: &str) -> Option<(Comparison, bool)> {
    use Comparison::{Arn, Binary, Bool, Date, IpAddress, Numeric, String, StringIgnoreCase, StringLike};
    Some(match name {
        "StringEquals" => (String, false),
        "StringNotEquals" => (String, true),
        "StringEqualsIgnoreCase" => (StringIgnoreCase, false),
        "StringNotEqualsIgnoreCase" => (StringIgnoreCase, true),
        "StringLike" => (StringLike, false),
        "StringNotLike" => (StringLike, true),
        "ArnEquals" | "ArnLike" => (Arn, false),
        "ArnNotEquals" | "ArnNotLike" => (Arn, true),
        "Bool" => (Bool, false),
        "BinaryEquals" => (Binary, false),
        "IpAddress" => (IpAddress, false),
        "NotIpAddress" => (IpAddress, true),
        "NumericNotEquals" => (Numeric(Order::Equal), true),
        "DateNotEquals" => (Date(Order::Equal), true),
        _ => match name.strip_prefix("Numeric") {
            Some(order) => (Numeric(Order::named(order)?), false),
            None => (Date(Order::named(name.strip_prefix("Date")?)?), false),
        },
    })
}

impl Order {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "Equals" => Self::Equal,
            "LessThan" => Self::Less,
            "LessThanEquals" => Self::LessOrEqual,
            "GreaterThan" => Self::Greater,
            "GreaterThanEquals" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    fn holds<T: PartialOrd>(self, one: &T, other: &T) -> bool {
        match self {
            Self::Equal => one == other,
            Self::Less => one < other,
            Self::LessOrEqual => one <= other,
            Self::Greater => one > other,
            Self::GreaterOrEqual => one >= other,
        }
    }
}

impl Comparison {
    /// Whether the request's value `text` of `key` fits the policy's value `value`, before any negation.
    ///
    /// A policy value that is not of the operator's type is undecided: AWS should not have taken it.
    pub(super) fn fits(self, key: &str, text: &Text, value: &str, environment: Environment<'_>) -> Truth {
        let pattern = |wildcards| expand(value, wildcards, environment);
        match self {
            Self::String => pattern(false).map_or_else(|truth| truth, |pattern| covers(&pattern, key, text)),
            Self::StringLike => {
                pattern(true).map_or_else(|truth| truth, |pattern| covers(&pattern, key, text))
            }
            Self::StringIgnoreCase => pattern(false).map_or_else(
                |truth| truth,
                |pattern| {
                    let folded = Text { start: text.start.to_ascii_lowercase(), ..*text };
                    covers(&pattern.to_ascii_lowercase(), key, &folded)
                },
            ),
            Self::Arn => {
                pattern(true).map_or_else(|truth| truth, |pattern| arn_covers(&pattern, key, text, value))
            }
            Self::Bool => typed(key, text, value, boolean, |one, other| one == other),
            Self::Binary => typed(key, text, value, bytes, |one, other| one == other),
            Self::IpAddress => match (Network::parse(value), text.start.parse::<IpAddr>()) {
                (None, _) => wrong_value(key, value),
                (Some(network), Ok(address)) => network.contains(address).into(),
                (Some(_), Err(_)) => Truth::No,
            },
            Self::Numeric(order) => typed(key, text, value, finite, |one, other| order.holds(one, other)),
            Self::Date(order) => typed(key, text, value, Moment::parse, |one, other| order.holds(one, other)),
        }
    }
}

/// Reads both values as one type and compares them.
fn typed<T>(
    key: &str,
    text: &Text,
    value: &str,
    read: fn(&str) -> Option<T>,
    compare: impl Fn(&T, &T) -> bool,
) -> Truth {
    let Some(wanted) = read(value) else { return wrong_value(key, value) };
    // The start of an ARN is none of these types, so what follows it does not matter.
    read(&text.start).is_some_and(|given| compare(&given, &wanted)).into()
}

fn wrong_value(key: &str, value: &str) -> Truth {
    let note =
        format!("the value {value:?} for {key} is not of the kind that its condition operator compares");
    Truth::depends_on(key).and(Truth::doubtful(note))
}

fn covers(pattern: &Pattern, key: &str, text: &Text) -> Truth {
    if !text.then_any_name {
        return pattern.matches(&text.start).into();
    }
    match pattern.matches_every_name_after(&text.start) {
        Holds::Always => Truth::Yes,
        Holds::Never => Truth::No,
        Holds::Sometimes => Truth::depends_on(key),
    }
}

/// The parts of an ARN; the last one may hold colons of its own.
const ARN_PARTS: usize = 6;

/// ARNs are compared part by part, so a `*` never spans the colon between two parts.
fn arn_covers(pattern: &Pattern, key: &str, text: &Text, value: &str) -> Truth {
    let Some(patterns) = pattern.split_at_colons(ARN_PARTS) else { return wrong_value(key, value) };
    let parts: Vec<&str> = text.start.splitn(ARN_PARTS, ':').collect();
    if parts.len() < ARN_PARTS {
        return Truth::No;
    }
    Truth::all(patterns.iter().zip(parts).enumerate().map(|(index, (pattern, part))| {
        let then_any_name = text.then_any_name && index + 1 == ARN_PARTS;
        covers(pattern, key, &Text { start: part.to_owned(), then_any_name })
    }))
}

fn boolean(text: &str) -> Option<bool> {
    [("true", true), ("false", false)]
        .into_iter()
        .find_map(|(name, value)| text.eq_ignore_ascii_case(name).then_some(value))
}

fn finite(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

/// An address with the number of leading bits that count (`10.0.0.0/8`).
struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(text, bits)| (text, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok())?;
        (bits <= most).then_some(Self { address, bits })
    }

    fn contains(&self, other: IpAddr) -> bool {
        let widths = |address: IpAddr| match address {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        let ((network, width), (address, other_width)) = (widths(self.address), widths(other));
        width == other_width && (network ^ address).checked_shr(width - self.bits).unwrap_or(0) == 0
    }
}
