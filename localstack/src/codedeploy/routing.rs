//! How a deployment configuration moves traffic.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::refusal::Refusal;

/// The longest that may lie between the first and the last shift, in minutes.
const LONGEST: u64 = 2880;

/// How traffic moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Routing {
    AllAtOnce,
    Canary { percent: u64, minutes: u64 },
    Linear { percent: u64, minutes: u64 },
}

impl Routing {
    /// One of CodeDeploy's own, by its name.
    pub(super) fn predefined(name: &str) -> Option<Self> {
        let name = name.strip_prefix("CodeDeployDefault.Lambda")?;
        if name == "AllAtOnce" {
            return Some(Routing::AllAtOnce);
        }
        let canary = name.strip_prefix("Canary10Percent").and_then(|rest| rest.strip_suffix("Minutes"));
        if let Some(minutes) = canary.filter(|minutes| ["5", "10", "15", "30"].contains(minutes)) {
            return Some(Routing::Canary { percent: 10, minutes: minutes.parse().ok()? });
        }
        let minutes = match name.strip_prefix("Linear10PercentEvery")? {
            "1Minute" => 1,
            "2Minutes" => 2,
            "3Minutes" => 3,
            "10Minutes" => 10,
            _ => return None,
        };
        Some(Routing::Linear { percent: 10, minutes })
    }

    /// Reads a TrafficRoutingConfig.
    pub(super) fn read(config: &Value) -> Result<Self, Refusal> {
        let wrong = |message: &str| Refusal::new("InvalidTrafficRoutingConfigurationException", message);
        let numbers = |part: &str, percent: &str, minutes: &str| {
            let part = config.get(part)?;
            let percent = part.get(percent)?.as_u64().filter(|percent| (1..=99).contains(percent))?;
            Some((percent, part.get(minutes)?.as_u64().filter(|minutes| *minutes >= 1)?))
        };
        let routing = match config.get("type").and_then(Value::as_str) {
            Some("AllAtOnce") => Some(Routing::AllAtOnce),
            Some("TimeBasedCanary") => numbers("timeBasedCanary", "canaryPercentage", "canaryInterval")
                .map(|(percent, minutes)| Routing::Canary { percent, minutes }),
            Some("TimeBasedLinear") => numbers("timeBasedLinear", "linearPercentage", "linearInterval")
                .map(|(percent, minutes)| Routing::Linear { percent, minutes }),
            _ => None,
        };
        let routing = routing.ok_or_else(|| wrong("The traffic routing configuration is invalid."))?;
        match routing.shifts().last() {
            Some((minutes, _)) if *minutes > LONGEST => {
                Err(wrong("A deployment may take 2880 minutes from the first shift to the last."))
            }
            _ => Ok(routing),
        }
    }

    pub(super) fn view(self) -> Value {
        match self {
            Routing::AllAtOnce => json!({ "type": "AllAtOnce" }),
            Routing::Canary { percent, minutes } => json!({ "type": "TimeBasedCanary",
                "timeBasedCanary": { "canaryPercentage": percent, "canaryInterval": minutes } }),
            Routing::Linear { percent, minutes } => json!({ "type": "TimeBasedLinear",
                "timeBasedLinear": { "linearPercentage": percent, "linearInterval": minutes } }),
        }
    }

    /// When traffic shifts, in minutes after the first shift, and to how many percent.
    pub(super) fn shifts(self) -> Vec<(u64, u64)> {
        match self {
            Routing::AllAtOnce => vec![(0, 100)],
            Routing::Canary { percent, minutes } => vec![(0, percent), (minutes, 100)],
            Routing::Linear { percent, minutes } => {
                let count = 100_u64.div_ceil(percent);
                (0..count).map(|step| (step * minutes, ((step + 1) * percent).min(100))).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_shifts_as_the_configuration_says() {
        assert_eq!(Routing::AllAtOnce.shifts(), [(0, 100)]);
        assert_eq!(Routing::Canary { percent: 10, minutes: 5 }.shifts(), [(0, 10), (5, 100)]);
        let linear = Routing::Linear { percent: 33, minutes: 2 };
        assert_eq!(linear.shifts(), [(0, 33), (2, 66), (4, 99), (6, 100)]);
        let ten =
            Routing::predefined("CodeDeployDefault.LambdaLinear10PercentEvery3Minutes").unwrap().shifts();
        assert_eq!((ten.len(), ten[9]), (10, (27, 100)));
    }

    #[test]
    fn the_nine_predefined_ones_are_there_and_no_other() {
        for name in [
            "AllAtOnce",
            "Canary10Percent5Minutes",
            "Canary10Percent30Minutes",
            "Linear10PercentEvery1Minute",
        ] {
            assert!(Routing::predefined(&format!("CodeDeployDefault.Lambda{name}")).is_some(), "{name}");
        }
        for name in [
            "CodeDeployDefault.LambdaCanary10Percent7Minutes",
            "CodeDeployDefault.OneAtATime",
            "LambdaAllAtOnce",
        ] {
            assert_eq!(Routing::predefined(name), None);
        }
    }

    #[test]
    fn what_is_written_reads_back_and_nonsense_does_not() {
        for routing in [
            Routing::AllAtOnce,
            Routing::Canary { percent: 1, minutes: 2880 },
            Routing::Linear { percent: 50, minutes: 1 },
        ] {
            assert_eq!(Routing::read(&routing.view()), Ok(routing));
        }
        for wrong in [
            json!({}),
            json!({ "type": "TimeBasedCanary" }),
            Routing::Canary { percent: 100, minutes: 1 }.view(),
            Routing::Canary { percent: 10, minutes: 2881 }.view(),
            Routing::Linear { percent: 10, minutes: 0 }.view(),
        ] {
            assert!(Routing::read(&wrong).is_err(), "{wrong}");
        }
    }
}
