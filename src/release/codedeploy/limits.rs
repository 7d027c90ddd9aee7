//! What only our own engine can do: refused together with CodeDeploy, with the reason.

use std::time::Duration;

use crate::release::{OnStop, WatchSpec};

/// The most alarms that a deployment takes (facts: versions, aliases, traffic).
pub const MOST_ALARMS: usize = 10;

/// Something that CodeDeploy cannot do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Objection {
    /// What, and why not.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// What of a release CodeDeploy cannot do; none when it can do all of it.
pub fn objection(bake: Duration, on_stop: OnStop, watch: &WatchSpec) -> Option<Objection> {
    let direct = "leave it out, or use --engine direct";
    let cannot = |what: &str, why: &str, hint: &str| {
        Some(Objection {
            message: format!("{what} does not go with --engine codedeploy: {why}"),
            hint: hint.to_owned(),
        })
    };
    if watch.guard.is_some() {
        let why = "CodeDeploy watches alarms and no metrics";
        let hint = "make an alarm of it and name it with --alarm, or use --engine direct";
        return cannot("a limit for errors or latency (--max-…)", why, hint);
    }
    if !bake.is_zero() {
        let why = "CodeDeploy's deployment ends when all traffic has moved";
        let hint = "let a function of yours watch (--hook-after NAME), or use --engine direct";
        return cannot("--bake", why, hint);
    }
    if on_stop == OnStop::Finish {
        let why = "CodeDeploy cannot be told to move all traffic at once";
        return cannot("--on-interrupt finish", why, "use --on-interrupt rollback or hold");
    }
    if let Some(name) = watch.allowed_alarms.first() {
        let why = "CodeDeploy stops a deployment while one of its alarms fires";
        return cannot(&format!("--allow-firing-alarm {name}"), why, direct);
    }
    if watch.alarms.len() > MOST_ALARMS {
        return Some(Objection {
            message: format!("{} alarms are more than CodeDeploy takes: {MOST_ALARMS}", watch.alarms.len()),
            hint: "put them together into composite alarms".to_owned(),
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::{GuardSpec, OnNoData};

    #[test]
    fn what_only_our_own_engine_can_do_is_refused_with_the_reason() {
        let guard = GuardSpec {
            max_error_rate: Some(0.01),
            max_error_rate_increase: None,
            max_latency_increase: None,
            min_invocations: 10,
            on_no_data: OnNoData::Rollback,
        };
        let alarms = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
        let watch = WatchSpec { alarms: alarms(10), ..WatchSpec::default() };
        let (none, minute) = (Duration::ZERO, Duration::from_secs(60));
        assert_eq!(objection(none, OnStop::Rollback, &watch), None);
        assert_eq!(objection(none, OnStop::Hold, &WatchSpec::default()), None);
        let table = [
            (none, OnStop::Rollback, WatchSpec { guard: Some(guard), ..watch.clone() }, "no metrics"),
            (minute, OnStop::Rollback, watch.clone(), "--bake"),
            (none, OnStop::Finish, watch.clone(), "--on-interrupt finish"),
            (
                none,
                OnStop::Hold,
                WatchSpec { allowed_alarms: alarms(1), ..watch.clone() },
                "--allow-firing-alarm 0",
            ),
            (none, OnStop::Hold, WatchSpec { alarms: alarms(11), ..watch }, "11 alarms"),
        ];
        for (bake, on_stop, watch, part) in table {
            let objection = objection(bake, on_stop, &watch).unwrap();
            assert!(objection.message.contains(part) && !objection.hint.is_empty(), "{objection:?}");
        }
    }
}
