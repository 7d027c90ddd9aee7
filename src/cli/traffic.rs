//! How an alias's traffic moves and is watched, as typed.

use std::time::Duration;

use crate::config::percent;
use crate::release::{
    Engine, Expectation, ExpectationError, GuardSpec, OnNoData, OnStop, SmokeSpec, StrategyError,
    TrafficSpec, WatchSpec,
};
use crate::report::Failure;

use super::arguments::{NoData, OnInterrupt, WatchArguments};
use super::engine::check_engine;
use super::session::usage;
use super::settings::{duration, no_quantity, read_event};

/// The most alarms that CloudWatch describes at once.
const MOST_ALARMS: usize = 100;

/// `--strategy`, `--on-interrupt`, what is watched, and who moves the traffic.
pub(super) fn traffic(
    strategy: &str,
    on_interrupt: OnInterrupt,
    arguments: &WatchArguments,
    engine: Engine,
) -> Result<TrafficSpec, Failure> {
    let refuse = |error: StrategyError| usage(error.to_string(), Some(error.hint().to_owned()));
    let strategy = strategy.parse().map_err(refuse)?;
    let bake = arguments.bake.as_deref().map(duration).transpose()?.unwrap_or(Duration::ZERO);
    let on_stop = match on_interrupt {
        OnInterrupt::Rollback => OnStop::Rollback,
        OnInterrupt::Hold => OnStop::Hold,
        OnInterrupt::Finish => OnStop::Finish,
    };
    let traffic = TrafficSpec { strategy, bake, on_stop, watch: watch(arguments)?, engine };
    check_engine(&traffic)?;
    Ok(traffic)
}

fn watch(arguments: &WatchArguments) -> Result<WatchSpec, Failure> {
    let alarms = distinct(&arguments.alarms);
    if alarms.len() > MOST_ALARMS {
        let hint = "put them together into composite alarms";
        return Err(usage(
            format!("{} alarms are more than {MOST_ALARMS}", alarms.len()),
            Some(hint.to_owned()),
        ));
    }
    if let Some(stranger) = arguments.allow_firing_alarm.iter().find(|name| !alarms.contains(name)) {
        let hint = format!("add --alarm {stranger}, or leave it out");
        return Err(usage(format!("--allow-firing-alarm {stranger} names no --alarm"), Some(hint)));
    }
    Ok(WatchSpec {
        smoke: smoke(arguments)?,
        alarms,
        allowed_alarms: arguments.allow_firing_alarm.clone(),
        guard: guard(arguments)?,
    })
}

fn distinct(names: &[String]) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for name in names {
        if !distinct.contains(name) {
            distinct.push(name.clone());
        }
    }
    distinct
}

fn smoke(arguments: &WatchArguments) -> Result<Option<SmokeSpec>, Failure> {
    let Some(path) = &arguments.smoke_event else { return Ok(None) };
    let refuse = |error: ExpectationError| usage(error.to_string(), Some(error.hint().to_owned()));
    let expect =
        arguments.smoke_expect.as_deref().map(str::parse::<Expectation>).transpose().map_err(refuse)?;
    let smoke = SmokeSpec::new(read_event(path)?, expect);
    smoke.map(Some).map_err(|error| usage(format!("{} is not JSON: {error}", path.display()), None))
}

fn guard(arguments: &WatchArguments) -> Result<Option<GuardSpec>, Failure> {
    let percent = |text: &Option<String>| text.as_deref().map(percent).transpose().map_err(no_quantity);
    let guard = GuardSpec {
        max_error_rate: percent(&arguments.max_error_rate)?,
        max_error_rate_increase: percent(&arguments.max_error_rate_increase)?,
        max_latency_increase: percent(&arguments.max_latency_increase)?,
        min_invocations: arguments.min_invocations,
        on_no_data: match arguments.on_no_data {
            NoData::Rollback => OnNoData::Rollback,
            NoData::Continue => OnNoData::Continue,
        },
    };
    let limits = [guard.max_error_rate, guard.max_error_rate_increase, guard.max_latency_increase];
    Ok(limits.iter().any(Option::is_some).then_some(guard))
}
