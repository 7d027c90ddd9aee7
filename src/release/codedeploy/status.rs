//! What a deployment's status means, in the light of the alias itself: CodeDeploy says what it did, and the alias what came of it.

use crate::cloud::{Deployment, DeploymentTarget};
use crate::release::Place;

/// A deployment's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It goes on: created, queued, in progress, baking, ready, or something that is not known yet.
    Active,
    /// It has done what it should.
    Succeeded,
    /// It has failed.
    Failed,
    /// It was stopped, by an alarm or by somebody.
    Stopped,
}

impl Status {
    /// Reads AWS's word.
    pub fn of(word: &str) -> Self {
        match word {
            "Succeeded" => Self::Succeeded,
            "Failed" => Self::Failed,
            "Stopped" => Self::Stopped,
            _ => Self::Active,
        }
    }

    /// Whether it ended well; none while it has not ended.
    pub fn ended_well(self) -> Option<bool> {
        match self {
            Self::Active => None,
            Self::Succeeded => Some(true),
            Self::Failed | Self::Stopped => Some(false),
        }
    }
}

/// How far a deployment is, and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// It goes on by itself.
    GoesOn,
    /// It has ended, and the alias is not yet where it belongs: that may take a moment.
    Settling,
    /// All traffic is on the new version.
    Released,
    /// It ended before any traffic moved.
    NeverMoved,
    /// Traffic had moved, and is back.
    MovedBack,
    /// It has ended, and the alias will not come to where it belongs by itself.
    Stuck,
}

/// What was seen of a deployment and its alias.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The deployment's status.
    pub status: Status,
    /// The status of the deployment that takes it back, if there is one.
    pub rollback: Option<Status>,
    /// Where the alias sends its traffic; none where that could not be read.
    pub place: Option<&'a Place>,
    /// Where it sent its traffic before.
    pub from: &'a str,
    /// The new version.
    pub to: &'a str,
    /// Whether traffic was seen to move, or may have.
    pub moved: bool,
}

impl Look<'_> {
    /// What it means.
    pub fn progress(self) -> Progress {
        let is_whole_on = |version: &str| self.place.is_some_and(|place| *place == Place::whole(version));
        match (self.status, self.rollback) {
            (Status::Active, _) => Progress::GoesOn,
            (Status::Succeeded, _) if is_whole_on(self.to) => Progress::Released,
            (Status::Succeeded, _) => Progress::Settling,
            // While it is taken back another deployment of the group would be refused.
            (Status::Failed | Status::Stopped, Some(Status::Active)) => Progress::Settling,
            (Status::Failed | Status::Stopped, _) if is_whole_on(self.from) => match self.moved {
                true => Progress::MovedBack,
                false => Progress::NeverMoved,
            },
            (Status::Failed | Status::Stopped, Some(Status::Failed | Status::Stopped)) => Progress::Stuck,
            // It was taken back, or will be, or has no way back: the alias shows it in a moment.
            (Status::Failed | Status::Stopped, None | Some(Status::Succeeded)) => Progress::Settling,
        }
    }
}

/// Whether traffic has moved, or may have, by what the deployment tells of itself.
pub(crate) fn has_moved(target: &DeploymentTarget) -> bool {
    let begun = |status: &str| !matches!(status, "Pending" | "Skipped");
    let allowed = target.events.iter().any(|event| event.name == "AllowTraffic" && begun(&event.status));
    allowed || target.percent.is_some_and(|percent| percent > 0.0)
}

/// What went wrong, for a person: the code and message of the deployment, the events that failed, and how the way back went.
pub(crate) fn evidence(deployment: &Deployment, target: Option<&DeploymentTarget>) -> String {
    let mut parts = vec![format!("deployment {} is {}", deployment.id, deployment.status)];
    if let Some((code, message)) = &deployment.error {
        parts.push(format!("{code}: {message}").trim_end_matches([' ', ':']).to_owned());
    }
    for event in target.iter().flat_map(|target| &target.events).filter(|event| event.status == "Failed") {
        let why = event.message.as_ref().map(|message| format!(" ({message})")).unwrap_or_default();
        parts.push(format!("{} failed{why}", event.name));
    }
    if let Some(id) = &deployment.rollback_id {
        let message = deployment.rollback_message.as_deref().unwrap_or("no more is said of it");
        parts.push(format!("rollback {id}: {message}"));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::LifecycleEvent;
    use crate::release::Weight;

    const ALL: [Status; 4] = [Status::Active, Status::Succeeded, Status::Failed, Status::Stopped];

    #[test]
    fn the_alias_decides_what_a_deployment_that_ended_has_come_to() {
        use Progress::{GoesOn, MovedBack, NeverMoved, Released, Settling, Stuck};
        use Status::{Active, Failed, Stopped, Succeeded};
        let (old, new, other) = (Place::whole("6"), Place::whole("7"), Place::whole("9"));
        let split = Place::split("6", "7", Weight::new(1000).unwrap());
        let table = [
            (Active, None, Some(&old), false, GoesOn),
            (Active, None, Some(&split), true, GoesOn),
            (Active, None, Some(&new), true, GoesOn),
            (Active, None, None, false, GoesOn),
            (Succeeded, None, Some(&new), true, Released),
            (Succeeded, None, Some(&split), true, Settling),
            (Succeeded, None, Some(&other), true, Settling),
            (Succeeded, None, None, true, Settling),
            (Failed, None, Some(&old), false, NeverMoved),
            (Failed, None, Some(&old), true, MovedBack),
            (Failed, Some(Active), Some(&old), true, Settling),
            (Failed, Some(Succeeded), Some(&old), true, MovedBack),
            (Failed, None, Some(&split), true, Settling),
            (Failed, Some(Succeeded), Some(&split), true, Settling),
            (Stopped, Some(Active), Some(&split), true, Settling),
            (Stopped, Some(Succeeded), Some(&old), true, MovedBack),
            (Stopped, None, Some(&old), false, NeverMoved),
            (Stopped, Some(Failed), Some(&split), true, Stuck),
            (Stopped, Some(Stopped), Some(&new), true, Stuck),
            (Stopped, Some(Failed), Some(&old), true, MovedBack),
            (Stopped, None, None, true, Settling),
        ];
        for (status, rollback, place, moved, expected) in table {
            let look = Look { status, rollback, place, from: "6", to: "7", moved };
            assert_eq!(look.progress(), expected, "{look:?}");
        }
    }

    #[test]
    fn success_is_never_told_of_an_alias_that_is_not_whole_on_the_new_version() {
        let (old, new) = (Place::whole("6"), Place::whole("7"));
        let split = Place::split("6", "7", Weight::new(9999).unwrap());
        for status in ALL {
            for rollback in [None, Some(Status::Active), Some(Status::Succeeded), Some(Status::Failed)] {
                for place in [None, Some(&old), Some(&new), Some(&split)] {
                    for moved in [false, true] {
                        let progress = Look { status, rollback, place, from: "6", to: "7", moved }.progress();
                        assert!(progress != Progress::Released || place == Some(&new));
                        let is_back = matches!(progress, Progress::MovedBack | Progress::NeverMoved);
                        assert!(!is_back || place == Some(&old));
                    }
                }
            }
        }
    }

    #[test]
    fn words_of_aws_that_are_not_known_mean_that_it_goes_on() {
        for word in ["Created", "Queued", "InProgress", "Ready", "Baking", "Dancing", ""] {
            assert_eq!(Status::of(word), Status::Active);
        }
        for (word, status) in
            [("Succeeded", Status::Succeeded), ("Failed", Status::Failed), ("Stopped", Status::Stopped)]
        {
            assert_eq!(Status::of(word), status);
        }
    }

    fn target(status: &str, percent: Option<f64>) -> DeploymentTarget {
        let event = |name: &str, status: &str| LifecycleEvent {
            name: name.to_owned(),
            status: status.to_owned(),
            message: (status == "Failed").then(|| "boom".to_owned()),
            elapsed: None,
        };
        DeploymentTarget {
            percent,
            events: vec![event("BeforeAllowTraffic", "Failed"), event("AllowTraffic", status)],
        }
    }

    #[test]
    fn traffic_may_have_moved_once_it_was_allowed_to() {
        for (status, percent, moved) in [
            ("Pending", Some(0.0), false),
            ("Skipped", None, false),
            ("InProgress", Some(0.0), true),
            ("Succeeded", None, true),
            ("Unknown", None, true),
            ("Pending", Some(10.0), true),
        ] {
            assert_eq!(has_moved(&target(status, percent)), moved, "{status} {percent:?}");
        }
    }

    #[test]
    fn the_evidence_has_codes_failed_events_and_the_way_back() {
        let deployment = Deployment {
            id: "d-1".to_owned(),
            status: "Stopped".to_owned(),
            error: Some(("ALARM_ACTIVE".to_owned(), "Activated alarms: errors".to_owned())),
            rollback_id: Some("d-2".to_owned()),
            rollback_message: Some("succeeded".to_owned()),
            ..Deployment::default()
        };
        let told = evidence(&deployment, Some(&target("Skipped", None)));
        let expected = "deployment d-1 is Stopped; ALARM_ACTIVE: Activated alarms: errors; \
                        BeforeAllowTraffic failed (boom); rollback d-2: succeeded";
        assert_eq!(told, expected);
    }
}
