//! How fast traffic moves: the strategy as a user writes it, and the steps that it stands for.

use std::str::FromStr;
use std::time::Duration;

use super::Weight;

/// The most that may lie between the first and the last shift, in minutes: CodeDeploy's own limit.
pub const LONGEST_MINUTES: u64 = 2880;

/// A share of the traffic, and for how long it stays before the next shift.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The new version's share; never nothing and never all.
    pub weight: Weight,
    /// How long it stays so.
    pub hold: Duration,
}

/// How traffic moves: some steps with growing shares, then all of it. No step is `all-at-once`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strategy {
    steps: Vec<Step>,
}

/// A text that is no strategy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a strategy: {why}")]
pub struct StrategyError {
    given: String,
    why: String,
}

impl StrategyError {
    /// How a strategy is written.
    pub fn hint(&self) -> &'static str {
        "write all-at-once, canary:10%:5m, linear:10%:1m, steps:1%:1m,10%:5m,50%:5m, or a name of CodeDeploy such as \
         LambdaCanary10Percent5Minutes; durations are 30s, 5m or 1h"
    }
}

/// CodeDeploy's predefined configurations for Lambda, without their prefix (facts: versions, aliases, traffic).
pub(super) const PREDEFINED: [(&str, &str); 9] = [
    ("LambdaAllAtOnce", "all-at-once"),
    ("LambdaCanary10Percent5Minutes", "canary:10%:5m"),
    ("LambdaCanary10Percent10Minutes", "canary:10%:10m"),
    ("LambdaCanary10Percent15Minutes", "canary:10%:15m"),
    ("LambdaCanary10Percent30Minutes", "canary:10%:30m"),
    ("LambdaLinear10PercentEvery1Minute", "linear:10%:1m"),
    ("LambdaLinear10PercentEvery2Minutes", "linear:10%:2m"),
    ("LambdaLinear10PercentEvery3Minutes", "linear:10%:3m"),
    ("LambdaLinear10PercentEvery10Minutes", "linear:10%:10m"),
];

impl Strategy {
    /// All traffic at once.
    pub fn all_at_once() -> Self {
        Self::default()
    }

    /// The steps before all traffic moves.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether there is no step between nothing and all.
    pub fn is_all_at_once(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether each step adds the same share after the same time.
    pub fn is_linear(&self) -> bool {
        self.steps.first().is_some_and(|first| *self == Self::linear(first.weight, first.hold))
    }

    /// From the first shift to the last.
    pub fn duration(&self) -> Duration {
        self.steps.iter().map(|step| step.hold).sum()
    }

    fn linear(weight: Weight, hold: Duration) -> Self {
        let mut steps = Vec::new();
        let mut share = weight;
        while share < Weight::ALL {
            steps.push(Step { weight: share, hold });
            share = share.and(weight);
        }
        Self { steps }
    }
}

impl FromStr for Strategy {
    type Err = StrategyError;

    fn from_str(text: &str) -> Result<Self, StrategyError> {
        let refuse = |why: String| StrategyError { given: text.chars().take(200).collect(), why };
        let name = text.strip_prefix("CodeDeployDefault.").unwrap_or(text);
        let known = PREDEFINED.iter().find(|(known, _)| *known == name).map(|(_, written)| *written);
        let written = match known {
            Some(written) => written,
            None if text != name => {
                return Err(refuse("CodeDeploy has no configuration of that name".to_owned()));
            }
            None => text,
        };
        let (kind, rest) = written.split_once(':').unwrap_or((written, ""));
        let strategy = match (kind, rest) {
            ("all-at-once", "") => Self::all_at_once(),
            ("canary", rest) => Self { steps: vec![step(rest).map_err(refuse)?] },
            ("linear", rest) => {
                let Step { weight, hold } = step(rest).map_err(refuse)?;
                Self::linear(weight, hold)
            }
            ("steps", rest) => {
                let steps: Result<Vec<Step>, String> =
                    rest.split(',').map(|part| step(part.trim())).collect();
                Self { steps: steps.map_err(refuse)? }
            }
            _ => return Err(refuse("it is none of those that are known".to_owned())),
        };
        if let Some([one, next]) = strategy.steps.windows(2).find(|pair| pair[1].weight <= pair[0].weight) {
            return Err(refuse(format!(
                "the shares must grow, and {} comes after {}",
                next.weight, one.weight
            )));
        }
        let total = strategy.steps.iter().try_fold(Duration::ZERO, |sum, step| sum.checked_add(step.hold));
        if total.is_none_or(|total| total > Duration::from_secs(LONGEST_MINUTES * 60)) {
            return Err(refuse(format!("it takes longer than {LONGEST_MINUTES} minutes in all")));
        }
        Ok(strategy)
    }
}

impl std::fmt::Display for Strategy {
    /// A text that parses to the same strategy.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let written = |step: &Step| format!("{}:{}", step.weight, write_duration(step.hold));
        match self.steps.as_slice() {
            [] => formatter.write_str("all-at-once"),
            [one] => write!(formatter, "canary:{}", written(one)),
            [first, ..] if self.is_linear() => {
                write!(formatter, "linear:{}", written(first))
            }
            steps => write!(formatter, "steps:{}", steps.iter().map(written).collect::<Vec<_>>().join(",")),
        }
    }
}

/// `10%:5m`
fn step(text: &str) -> Result<Step, String> {
    let (weight, hold) =
        text.split_once(':').ok_or_else(|| format!("{text:?} must be a share and a time, such as 10%:5m"))?;
    Ok(Step { weight: share(weight)?, hold: duration(hold)? })
}

/// `10%`, `0.5%`, `12.25`: more than nothing and less than all.
fn share(text: &str) -> Result<Weight, String> {
    let wrong = || format!("{text:?} is not a share of the traffic between 0.01% and 99.99%");
    let number = text.strip_suffix('%').unwrap_or(text);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() > 3 || fraction.len() > 2 {
        return Err(wrong());
    }
    let hundredths = format!("{whole}{fraction:0<2}").parse::<u16>().ok();
    let weight = hundredths.and_then(Weight::new);
    weight.filter(|weight| weight.hundredths() > 0 && *weight < Weight::ALL).ok_or_else(wrong)
}

/// `30s`, `5m`, `1h`; a bare number is seconds. At least one second.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a time such as 30s, 5m or 1h");
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    count.checked_mul(seconds).filter(|seconds| *seconds > 0).map(Duration::from_secs).ok_or_else(wrong)
}

/// The largest unit that divides it.
fn write_duration(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps as `SHARE@SECONDS`.
    fn shape(text: &str) -> Vec<String> {
        let strategy: Strategy = text.parse().unwrap();
        strategy.steps().iter().map(|step| format!("{}@{}", step.weight, step.hold.as_secs())).collect()
    }

    #[test]
    fn each_way_to_write_a_strategy_has_its_steps() {
        assert_eq!(shape("all-at-once"), [""; 0]);
        assert_eq!(shape("canary:10%:5m"), ["10%@300"]);
        assert_eq!(shape("canary:0.5:30"), ["0.5%@30"]);
        assert_eq!(shape("linear:25%:1m"), ["25%@60", "50%@60", "75%@60"]);
        assert_eq!(shape("linear:40%:1h"), ["40%@3600", "80%@3600"]);
        assert_eq!(shape("steps:1%:1m,10%:5m, 50%:5m"), ["1%@60", "10%@300", "50%@300"]);
        assert_eq!(shape("LambdaCanary10Percent5Minutes"), ["10%@300"]);
        assert_eq!(shape("CodeDeployDefault.LambdaLinear10PercentEvery2Minutes").len(), 9);
        for (name, written) in PREDEFINED {
            assert_eq!(shape(&format!("CodeDeployDefault.{name}")), shape(written), "{name}");
        }
    }

    #[test]
    fn what_is_no_strategy_is_refused_with_the_reason() {
        for (text, part) in [
            ("", "none of those"),
            ("canary", "10%:5m"),
            ("canary:10%", "10%:5m"),
            ("canary:0%:5m", "0.01%"),
            ("canary:100%:5m", "99.99%"),
            ("canary:-1%:5m", "share"),
            ("canary:1e1%:5m", "share"),
            ("canary:10.123%:5m", "share"),
            ("canary:10%:0s", "time"),
            ("canary:10%:5d", "time"),
            ("canary:10%:5m:1", "time"),
            ("linear:10%:6h", "2880"),
            ("canary:10%:99999999999999999999", "time"),
            ("steps:10%:18446744073709551615,20%:18446744073709551615", "2880"),
            ("steps:10%:1m,10%:1m", "grow"),
            ("steps:50%:1m,10%:1m", "10% comes after 50%"),
            ("steps:", "10%:5m"),
            ("all-at-once:5m", "none of those"),
            ("CodeDeployDefault.LambdaCanary20Percent5Minutes", "CodeDeploy has no"),
            ("CodeDeployDefault.canary:10%:5m", "CodeDeploy has no"),
            ("LambdaCanary20Percent5Minutes", "none of those"),
        ] {
            let error = text.parse::<Strategy>().unwrap_err();
            assert!(error.to_string().contains(part) && error.hint().contains("canary:10%:5m"), "{error}");
        }
        assert!("canary:1%:48h".parse::<Strategy>().is_ok());
        assert!("canary:1%:2881m".parse::<Strategy>().is_err());
    }

    #[test]
    fn what_is_written_out_parses_to_the_same() {
        for text in
            ["all-at-once", "canary:10%:5m", "linear:10%:1m", "steps:1%:1m,10%:90s,50%:2h", "linear:0.01%:1s"]
        {
            let strategy: Strategy = text.parse().unwrap();
            assert_eq!(strategy.to_string(), text);
        }
    }
}
