//! What is waited for, and for how long: by a clock that does not wait, and a CodeDeploy whose answers are written beforehand.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;

use super::create::{Creator, description};
use super::{CodeDeployAccess, Ended, Follower};
use crate::cloud::{
    CloudError, CloudErrorKind, CodeDeployReader, CodeDeployWriter, Deployment, DeploymentConfig,
    DeploymentGroup, DeploymentTarget, NewDeployment, NewDeploymentGroup, Routing,
};
use crate::event::Silence;
use crate::release::drive::scripted::{FastClock, ScriptedAlias};
use crate::release::drive::{Clock as _, ReleaseError};
use crate::release::{DeploymentRef, Intent, Place, Strategy, Weight};

/// What GetDeployment says, one after the other; the last one again and again.
#[derive(Default)]
struct Scripted {
    deployments: Mutex<VecDeque<Result<Deployment, CloudErrorKind>>>,
    creations: Mutex<VecDeque<Result<(), CloudErrorKind>>>,
    /// What ListDeployments finds, once so many deployments were asked for.
    listed: Option<Deployment>,
    created: Mutex<usize>,
}

fn failed(kind: CloudErrorKind) -> CloudError {
    CloudError {
        service: "AWS CodeDeploy",
        operation: "GetDeployment",
        kind,
        code: None,
        status: None,
        message: format!("{kind:?}"),
        request_id: None,
    }
}

fn deployment(status: &str) -> Deployment {
    Deployment { id: "d-1".to_owned(), status: status.to_owned(), ..Deployment::default() }
}

#[async_trait]
impl CodeDeployReader for Scripted {
    async fn application(&self, _: &str) -> Result<Option<String>, CloudError> {
        unreachable!("nothing is prepared")
    }

    async fn group(&self, _: &str, _: &str) -> Result<Option<DeploymentGroup>, CloudError> {
        unreachable!("nothing is prepared")
    }

    async fn config(&self, _: &str) -> Result<Option<DeploymentConfig>, CloudError> {
        unreachable!("nothing is prepared")
    }

    async fn deployment(&self, id: &str) -> Result<Option<Deployment>, CloudError> {
        if let Some(listed) = self.listed.as_ref().filter(|listed| listed.id == id) {
            return Ok(Some(listed.clone()));
        }
        let mut deployments = self.deployments.lock().unwrap();
        let next = if deployments.len() > 1 { deployments.pop_front() } else { deployments.front().cloned() };
        next.unwrap().map(Some).map_err(failed)
    }

    async fn deployments(&self, _: &str, _: &str, _: SystemTime) -> Result<Vec<String>, CloudError> {
        Ok(self.listed.iter().map(|listed| listed.id.clone()).collect())
    }

    async fn target(&self, _: &str) -> Result<Option<DeploymentTarget>, CloudError> {
        Ok(None)
    }
}

#[async_trait]
impl CodeDeployWriter for Scripted {
    async fn create_application(&self, _: &str) -> Result<(), CloudError> {
        unreachable!("nothing is prepared")
    }

    async fn create_group(&self, _: &NewDeploymentGroup) -> Result<(), CloudError> {
        unreachable!("nothing is prepared")
    }

    async fn create_config(&self, _: &str, _: Routing) -> Result<(), CloudError> {
        unreachable!("nothing is prepared")
    }

    async fn create_deployment(&self, _: &NewDeployment) -> Result<String, CloudError> {
        *self.created.lock().unwrap() += 1;
        let answer = self.creations.lock().unwrap().pop_front().unwrap_or(Ok(()));
        answer.map(|()| "d-1".to_owned()).map_err(failed)
    }

    async fn stop_deployment(&self, _: &str) -> Result<(), CloudError> {
        Ok(())
    }
}

fn split() -> Place {
    Place::split("6", "7", Weight::new(1000).unwrap())
}

/// Follows a deployment from 6 to 7 whose statuses are these while the alias is there; how it ended, and how long that took.
async fn follow(
    statuses: &[Result<&str, CloudErrorKind>],
    place: &Place,
    limit: Option<Duration>,
) -> (Ended, Duration) {
    let deployments = statuses.iter().map(|status| status.map(deployment)).collect();
    let codedeploy = Scripted { deployments: Mutex::new(deployments), ..Scripted::default() };
    let (alias, clock) = (ScriptedAlias::new(place, []), FastClock::new());
    let intent = Intent {
        from: Place::whole("6"),
        to: "7".to_owned(),
        digest: None,
        began: 1_800_000_000,
        until: u64::MAX,
        id: "run".to_owned(),
        strategy: Strategy::all_at_once(),
        bake: 0,
        given_up: false,
        provisioned: false,
        deployment: Some(DeploymentRef {
            id: Some("d-1".to_owned()),
            application: "a".to_owned(),
            group: "g".to_owned(),
        }),
        actor: String::new(),
    };
    let follower = Follower {
        access: CodeDeployAccess { reader: &codedeploy, writer: &codedeploy },
        lambda: &alias,
        reporter: &Silence,
        clock: &clock,
        interrupt: None,
        function: &"shop".parse().unwrap(),
        alias: &"live".parse().unwrap(),
        intent: &intent,
        id: "d-1",
        limit,
    };
    let mut seen = None;
    let ended = follower.follow(&mut Vec::new(), &mut seen).await;
    (ended, clock.slept())
}

#[tokio::test]
async fn a_deployment_is_followed_for_as_long_as_it_takes_and_no_status_is_believed_against_the_alias() {
    let (old, new) = (Place::whole("6"), Place::whole("7"));
    let hours: Vec<Result<&str, CloudErrorKind>> =
        [Ok("InProgress"); 5000].into_iter().chain([Ok("Succeeded")]).collect();
    let (ended, slept) = follow(&hours, &new, None).await;
    assert_eq!(ended, Ended::Released);
    assert!(slept > Duration::from_secs(6 * 3600), "{slept:?}");
    assert!(matches!(follow(&[Ok("Failed")], &old, None).await.0, Ended::NeverMoved(_)));
    assert!(matches!(follow(&[Ok("Succeeded")], &old, None).await.0, Ended::Stuck(_)));
    // The alias has a minute to come to where it belongs.
    for status in ["Succeeded", "Failed", "Stopped"] {
        let (ended, slept) = follow(&[Ok(status)], &split(), None).await;
        assert!(matches!(&ended, Ended::Stuck(evidence) if evidence.contains(status)), "{ended:?}");
        assert!((60..90).contains(&slept.as_secs()), "{status}: {slept:?}");
    }
    let (ended, slept) = follow(&[Ok("InProgress")], &split(), Some(Duration::from_secs(60))).await;
    assert!(matches!(ended, Ended::Stuck(_)) && slept < Duration::from_secs(90), "{slept:?}");
}

#[tokio::test]
async fn what_cannot_be_seen_for_a_while_is_waited_for_and_what_may_not_be_seen_is_not() {
    use CloudErrorKind::{AccessDenied, NotFound, Throttled, Unreachable};
    let (old, new) = (Place::whole("6"), Place::whole("7"));
    let passing = [Err(Unreachable), Err(Throttled), Ok("InProgress"), Err(Unreachable), Ok("Succeeded")];
    assert_eq!(follow(&passing, &new, None).await.0, Ended::Released);
    let (ended, slept) = follow(&[Err(Unreachable)], &old, None).await;
    assert!(matches!(ended, Ended::Blind(_)) && slept >= Duration::from_secs(600), "{slept:?}");
    for hopeless in [AccessDenied, NotFound] {
        let (ended, slept) = follow(&[Err(hopeless)], &old, None).await;
        assert!(matches!(ended, Ended::Blind(_)) && slept.is_zero(), "{hopeless:?}");
    }
}

fn new_deployment() -> NewDeployment {
    NewDeployment {
        application: "a".to_owned(),
        group: "g".to_owned(),
        config: "c".to_owned(),
        app_spec: "{}".to_owned(),
        sha256: String::new(),
        description: description("run", "x"),
        alarms: Vec::new(),
    }
}

/// Creates a deployment whose CreateDeployment is answered so, while the group has this one; the result, and how often it was asked for.
async fn create(
    creations: &[Result<(), CloudErrorKind>],
    listed: Option<Deployment>,
) -> (Result<String, ReleaseError>, usize) {
    let codedeploy = Scripted {
        creations: Mutex::new(creations.iter().copied().collect()),
        listed,
        ..Scripted::default()
    };
    let clock = FastClock::new();
    let access = CodeDeployAccess { reader: &codedeploy, writer: &codedeploy };
    let creator = Creator { access, reporter: &Silence, clock: &clock, id: "run" };
    let created = creator.create(&new_deployment()).await;
    let count = *codedeploy.created.lock().unwrap();
    assert!(clock.now() < SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_060));
    (created, count)
}

#[tokio::test]
async fn a_deployment_is_looked_for_before_it_is_created_again() {
    use CloudErrorKind::{Conflict, Invalid, Throttled, Unexpected, Unreachable};
    let listed = |id: &str, run: &str| {
        Some(Deployment {
            description: description(run, "x"),
            ..Deployment { id: id.to_owned(), ..deployment("InProgress") }
        })
    };
    // It is there, and only its answer was lost.
    for lost in [Unreachable, Unexpected, Conflict] {
        let (created, count) = create(&[Err(lost)], listed("d-9", "run")).await;
        assert_eq!((created.unwrap().as_str(), count), ("d-9", 1), "{lost:?}");
    }
    // It is not, so it is asked for again.
    let (created, count) = create(&[Err(Unreachable), Err(Throttled), Ok(())], listed("d-9", "other")).await;
    assert_eq!((created.unwrap().as_str(), count), ("d-1", 3));
    // The group has another one.
    let (refused, count) = create(&[Err(Conflict)], listed("d-9", "other")).await;
    assert!(matches!(refused.unwrap_err(), ReleaseError::Refused { kind: "deployment_active", .. }));
    assert_eq!(count, 1);
    for (kind, tries) in [(Invalid, 1), (Unreachable, 6)] {
        let (refused, count) = create(&[Err(kind); 9], None).await;
        assert!(matches!(refused.unwrap_err(), ReleaseError::Cloud(error) if error.kind == kind));
        assert_eq!(count, tries, "{kind:?}");
    }
}
