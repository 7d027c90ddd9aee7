//! Looks at alarms and metrics while traffic moves.

use std::time::{Duration, SystemTime};

use tokio::join;

use crate::cloud::{Alarm, CloudError, CloudErrorKind, Monitor, TrafficQuery, VersionTraffic};
use crate::name::{AliasName, FunctionName};
use crate::preflight::Finding;
use crate::release::{Place, Verdict, WatchSpec, evidence};

/// Between two looks, at most and at least.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15));
/// After so many looks in a row that showed nothing, what cannot be seen counts as bad.
const BLIND_LOOKS: u32 = 5;

/// Watches one release.
pub(super) struct Watcher<'a> {
    pub(super) monitor: &'a dyn Monitor,
    pub(super) spec: &'a WatchSpec,
    pub(super) function: &'a FunctionName,
    pub(super) alias: &'a AliasName,
    /// What was seen of the metrics at the last look, in words.
    pub(super) seen: Option<String>,
    /// The metrics themselves: of the new version, and of the old one.
    pub(super) traffic: Option<(VersionTraffic, Option<VersionTraffic>)>,
    blind: u32,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(
        monitor: &'a dyn Monitor,
        spec: &'a WatchSpec,
        function: &'a FunctionName,
        alias: &'a AliasName,
    ) -> Self {
        Self { monitor, spec, function, alias, seen: None, traffic: None, blind: 0 }
    }

    /// How long to wait until the next look, when so much of a step is left.
    pub(super) fn pause(&self, rest: Duration) -> Duration {
        if self.spec.looks() { rest.min((rest / 10).clamp(PAUSES.0, PAUSES.1)) } else { rest }
    }

    /// One look: alarms and metrics side by side.
    pub(super) async fn look(
        &mut self,
        place: &Place,
        new: &str,
        since: SystemTime,
        now: SystemTime,
    ) -> Verdict {
        let (alarms, metrics) = join!(self.alarms(), self.metrics(place, new, since, now));
        let (metrics, traffic) = metrics;
        if let Some((new, old)) = traffic {
            self.seen = Some(evidence(&new, old.as_ref()));
            self.traffic = traffic;
        }
        let worst = match (alarms, metrics) {
            (Verdict::Bad(why), _) | (_, Verdict::Bad(why)) => Verdict::Bad(why),
            (Verdict::Unseen(why), _) | (_, Verdict::Unseen(why)) => Verdict::Unseen(why),
            (_, metrics) => metrics,
        };
        self.blind = if matches!(worst, Verdict::Unseen(_)) { self.blind + 1 } else { 0 };
        match worst {
            Verdict::Unseen(why) if self.blind >= BLIND_LOOKS => {
                Verdict::Bad(format!("it could not be watched any more: {why}"))
            }
            other => other,
        }
    }

    async fn alarms(&self) -> Verdict {
        if self.spec.alarms.is_empty() {
            return Verdict::Well;
        }
        let alarms = match self.monitor.alarms(&self.spec.alarms).await {
            Ok(alarms) => alarms,
            Err(error) => return Verdict::Unseen(error.to_string()),
        };
        let is_allowed = |alarm: &Alarm| self.spec.allowed_alarms.contains(&alarm.name);
        if let Some(alarm) = alarms.iter().find(|alarm| alarm.fires() && !is_allowed(alarm)) {
            return Verdict::Bad(format!("alarm {} fires: {}", alarm.name, alarm.reason));
        }
        match missing(&self.spec.alarms, &alarms) {
            Some(name) => Verdict::Bad(format!("alarm {name} is gone")),
            None => Verdict::Well,
        }
    }

    async fn metrics(
        &self,
        place: &Place,
        new: &str,
        since: SystemTime,
        now: SystemTime,
    ) -> (Verdict, Option<(VersionTraffic, Option<VersionTraffic>)>) {
        let Some(guard) = &self.spec.guard else { return (Verdict::Well, None) };
        if since >= now {
            return (
                Verdict::TooLittle("no full minute has passed since all traffic moved".to_owned()),
                None,
            );
        }
        // Only an alias with weights has metrics by version.
        let versions = match place.is_split() {
            true => vec![Some(new.to_owned()), Some(place.version.clone())],
            false => vec![None],
        };
        let (function, alias) = (self.function.clone(), self.alias.clone());
        let query = TrafficQuery { function, alias, versions, from: since, to: now };
        match self.monitor.traffic(&query).await {
            Err(error) => (Verdict::Unseen(error.to_string()), None),
            Ok(traffic) => {
                let new = traffic.first().copied().unwrap_or_default();
                let old = traffic.get(1).copied();
                (guard.judge(&new, old.as_ref()), Some((new, old)))
            }
        }
    }
}

fn missing<'a>(names: &'a [String], alarms: &[Alarm]) -> Option<&'a String> {
    names.iter().find(|name| !alarms.iter().any(|alarm| alarm.name == **name))
}

/// What the alarms say before anything is changed: all are there, and none fires that may not.
pub async fn alarms_before(monitor: &dyn Monitor, spec: &WatchSpec) -> Vec<Finding> {
    if spec.alarms.is_empty() {
        return Vec::new();
    }
    let alarms = match monitor.alarms(&spec.alarms).await {
        Ok(alarms) => alarms,
        Err(error) => return vec![unreadable(&error)],
    };
    let mut findings: Vec<Finding> = spec
        .alarms
        .iter()
        .filter(|name| !alarms.iter().any(|alarm| alarm.name == **name))
        .map(|name| {
            let hint = "check its name, the Region and the account";
            Finding::refuse("alarms", format!("alarm {name} does not exist"), hint)
        })
        .collect();
    for alarm in &alarms {
        let allowed = spec.allowed_alarms.contains(&alarm.name);
        if alarm.fires() && !allowed {
            let message = format!("alarm {} fires already: {}", alarm.name, alarm.reason);
            let hint = format!(
                "mend the cause first; if this release is the fix, add --allow-firing-alarm {}",
                alarm.name
            );
            findings.push(Finding::refuse("alarms", message, hint));
        } else if alarm.state == "INSUFFICIENT_DATA" {
            findings.push(Finding::info(
                "alarms",
                format!("alarm {} has too little data to say anything", alarm.name),
            ));
        }
    }
    findings
}

fn unreadable(error: &CloudError) -> Finding {
    let hint = match error.kind {
        CloudErrorKind::AccessDenied => "allow cloudwatch:DescribeAlarms, or leave --alarm out",
        _ => "run the same command again",
    };
    Finding::refuse("alarms", format!("the alarms cannot be read: {error}"), hint)
}
