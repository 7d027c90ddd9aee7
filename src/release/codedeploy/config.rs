//! From a strategy to a deployment configuration: one of CodeDeploy's own where it is the same, else one with a name that tells what
//! is in it.

use std::time::Duration;

use crate::cloud::Routing;
use crate::release::strategy::{PREDEFINED, Step, Strategy};

/// What CodeDeploy's own configurations are called first.
const PREFIX: &str = "CodeDeployDefault.";
/// How many configurations of CodeDeploy are named where none is the same.
const NEAREST: usize = 2;

/// The deployment configuration of a strategy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigName {
    /// Its name.
    pub name: String,
    /// How it moves traffic.
    pub routing: Routing,
    /// Whether it is one of CodeDeploy's own, which always exist.
    pub is_predefined: bool,
}

/// A strategy that no deployment configuration can be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("CodeDeploy cannot move traffic by {strategy}: {why}")]
pub struct ConfigError {
    strategy: String,
    why: &'static str,
    nearest: Vec<String>,
}

impl ConfigError {
    /// What to do.
    pub fn hint(&self) -> String {
        format!("use {}, or --engine direct", self.nearest.join(" or "))
    }
}

impl ConfigName {
    /// The configuration that moves traffic as the strategy does.
    ///
    /// # Errors
    /// CodeDeploy knows whole percents, whole minutes, and equal steps only.
    pub fn of(strategy: &Strategy) -> Result<Self, ConfigError> {
        let routing = routing(strategy).map_err(|why| ConfigError {
            strategy: strategy.to_string(),
            why,
            nearest: nearest(strategy),
        })?;
        let same = |written: &str| written.parse::<Strategy>().is_ok_and(|known| known == *strategy);
        let known = PREDEFINED.iter().find(|(_, written)| same(written));
        let name = match known {
            Some((name, _)) => format!("{PREFIX}{name}"),
            None => own_name(routing),
        };
        Ok(Self { name, routing, is_predefined: known.is_some() })
    }

    /// The names of the configurations of CodeDeploy that come nearest to a strategy.
    pub fn nearest(strategy: &Strategy) -> Vec<String> {
        nearest(strategy)
    }
}

fn own_name(routing: Routing) -> String {
    match routing {
        Routing::AllAtOnce => format!("{PREFIX}LambdaAllAtOnce"),
        Routing::Canary { percent, minutes } => {
            format!("lambda-lift.canary-{percent}-percent-{minutes}-minutes")
        }
        Routing::Linear { percent, minutes } => {
            format!("lambda-lift.linear-{percent}-percent-every-{minutes}-minutes")
        }
    }
}

fn routing(strategy: &Strategy) -> Result<Routing, &'static str> {
    let (first, is_linear) = match strategy.steps() {
        [] => return Ok(Routing::AllAtOnce),
        [one] => (one, false),
        [first, ..] if strategy.is_linear() => (first, true),
        _ => {
            return Err(
                "its steps differ, and CodeDeploy knows one first step (canary) or equal steps (linear)",
            );
        }
    };
    let percent =
        percent(first).ok_or("it moves a fraction of a percent, and CodeDeploy knows whole ones")?;
    let minutes = minutes(first.hold).ok_or("it counts in seconds, and CodeDeploy in whole minutes")?;
    Ok(match is_linear {
        true => Routing::Linear { percent, minutes },
        false => Routing::Canary { percent, minutes },
    })
}

fn percent(step: &Step) -> Option<u32> {
    let hundredths = u32::from(step.weight.hundredths());
    hundredths.is_multiple_of(100).then_some(hundredths / 100)
}

fn minutes(hold: Duration) -> Option<u32> {
    let seconds = hold.as_secs();
    if seconds.is_multiple_of(60) { u32::try_from(seconds / 60).ok() } else { None }
}

/// Those of the same kind whose first step lasts about as long.
fn nearest(strategy: &Strategy) -> Vec<String> {
    let hold = |strategy: &Strategy| strategy.steps().first().map_or(0, |step| step.hold.as_secs());
    let mut known: Vec<(bool, u64, &str)> = PREDEFINED
        .iter()
        .filter_map(|(name, written)| {
            let known: Strategy = written.parse().ok()?;
            // A strategy of many steps is more like a linear one.
            let other_kind = (known.steps().len() > 1) != (strategy.steps().len() > 1);
            (!known.is_all_at_once()).then(|| (other_kind, hold(&known).abs_diff(hold(strategy)), *name))
        })
        .collect();
    known.sort();
    known.iter().take(NEAREST).map(|(_, _, name)| format!("{PREFIX}{name}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn of(strategy: &str) -> Result<ConfigName, ConfigError> {
        ConfigName::of(&strategy.parse().unwrap())
    }

    #[test]
    fn each_configuration_of_codedeploy_is_found_by_what_it_does() {
        for (name, written) in PREDEFINED {
            let found = of(written).unwrap();
            assert_eq!((found.name, found.is_predefined), (format!("CodeDeployDefault.{name}"), true));
            assert_eq!(of(&format!("CodeDeployDefault.{name}")).unwrap(), of(written).unwrap());
        }
        assert_eq!(of("all-at-once").unwrap().routing, Routing::AllAtOnce);
        // The same in other words.
        assert_eq!(of("canary:10%:300s").unwrap().name, "CodeDeployDefault.LambdaCanary10Percent5Minutes");
    }

    #[test]
    fn another_strategy_has_a_name_that_says_what_it_does() {
        for (strategy, name, routing) in [
            (
                "canary:7%:3m",
                "lambda-lift.canary-7-percent-3-minutes",
                Routing::Canary { percent: 7, minutes: 3 },
            ),
            (
                "linear:20%:2h",
                "lambda-lift.linear-20-percent-every-120-minutes",
                Routing::Linear { percent: 20, minutes: 120 },
            ),
            (
                "linear:60%:1m",
                "lambda-lift.canary-60-percent-1-minutes",
                Routing::Canary { percent: 60, minutes: 1 },
            ),
            (
                "steps:25%:1m,50%:1m,75%:1m",
                "lambda-lift.linear-25-percent-every-1-minutes",
                Routing::Linear { percent: 25, minutes: 1 },
            ),
        ] {
            let found = of(strategy).unwrap();
            assert_eq!((found.name.as_str(), found.routing), (name, routing), "{strategy}");
            assert!(!found.is_predefined);
        }
    }

    #[test]
    fn what_codedeploy_cannot_do_is_told_with_what_comes_near() {
        for (strategy, part, near) in [
            ("steps:1%:1m,10%:5m,50%:5m", "its steps differ", "LambdaLinear10PercentEvery1Minute"),
            (
                "canary:10%:30s",
                "seconds",
                "LambdaCanary10Percent5Minutes or CodeDeployDefault.LambdaCanary10Percent10Minutes",
            ),
            (
                "canary:0.5%:12m",
                "fraction",
                "LambdaCanary10Percent10Minutes or CodeDeployDefault.LambdaCanary10Percent15Minutes",
            ),
            ("linear:12.5%:9m", "fraction", "LambdaLinear10PercentEvery10Minutes"),
        ] {
            let error = of(strategy).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
            assert!(
                error.hint().contains(near) && error.hint().contains("--engine direct"),
                "{}",
                error.hint()
            );
        }
    }

    proptest! {
        #[test]
        fn the_mapping_is_total_and_keeps_what_the_strategy_does(percent in 1u32..=99, minutes in 1u32..=2880, linear: bool) {
            let kind = if linear { "linear" } else { "canary" };
            let Ok(strategy) = format!("{kind}:{percent}%:{minutes}m").parse::<Strategy>() else { return Ok(()) };
            let config = ConfigName::of(&strategy).unwrap();
            // CodeDeploy's names: up to 100 of these characters.
            prop_assert!(config.name.len() <= 100);
            prop_assert!(config.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte)));
            let kept = match config.routing {
                Routing::Canary { percent: same, minutes: long } => (same, long, 1),
                Routing::Linear { percent: same, minutes: long } => (same, long, strategy.steps().len()),
                Routing::AllAtOnce => (0, 0, 0),
            };
            prop_assert_eq!(kept, (percent, minutes, strategy.steps().len()));
        }

        #[test]
        fn two_strategies_never_share_a_name(one in (1u32..=99, 1u32..=200), other in (1u32..=99, 1u32..=200)) {
            let of = |(percent, minutes): (u32, u32)| of(&format!("canary:{percent}%:{minutes}m")).unwrap().name;
            prop_assert_eq!(of(one) == of(other), one == other);
        }
    }
}
