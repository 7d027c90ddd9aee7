//! What became of a deployment that the journal or a deployment group names, so that an alias is judged by what is so now.

use std::time::{Duration, UNIX_EPOCH};

use super::create::find;
use crate::cloud::{CloudError, CodeDeployReader, Deployment};
use crate::name::{AliasName, FunctionName};
use crate::release::drive::Clock;
use crate::release::{AppSpec, Begun, DeploymentRef, Intent, Journal, Place, Status};

/// How long a release may take between writing itself down and creating its deployment.
const BIRTH: Duration = Duration::from_secs(120);
/// How far back a group is searched for a deployment that goes on: the longest one, its hooks, and some more.
const LONGEST: Duration = Duration::from_secs(60 * 3600);

/// Whether a deployment has not ended.
pub(in crate::release::drive) fn is_active(deployment: &Deployment) -> bool {
    Status::of(&deployment.status) == Status::Active
}

/// The deployment that a release in the journal stands for; none when there is none.
pub(crate) async fn deployment_of(
    reader: &dyn CodeDeployReader,
    intent: &Intent,
) -> Result<Option<Deployment>, CloudError> {
    let Some(DeploymentRef { id, application, group }) = &intent.deployment else { return Ok(None) };
    match id {
        Some(id) => reader.deployment(id).await,
        // Whoever created it died before its id was written down.
        None => {
            let began = UNIX_EPOCH + Duration::from_secs(intent.began);
            find(reader, application, group, (&intent.id, began)).await
        }
    }
}

/// The journal, in the light of what CodeDeploy says of the deployment that is open in it. Where CodeDeploy does not say, it counts as
/// going on for as long as it was promised to.
pub(in crate::release::drive) async fn settled(
    reader: &dyn CodeDeployReader,
    journal: Journal,
    clock: &dyn Clock,
) -> Journal {
    let Some(intent) = journal.open_deployment() else { return journal };
    let Ok(found) = deployment_of(reader, intent).await else { return journal };
    let ended_well = match found {
        Some(deployment) => Status::of(&deployment.status).ended_well(),
        None => {
            let began = UNIX_EPOCH + Duration::from_secs(intent.began);
            let young = clock.now().duration_since(began).unwrap_or_default() < BIRTH;
            if young { None } else { Some(false) }
        }
    };
    journal.with_deployment(ended_well)
}

/// The deployment of a group that moves this alias now, whoever created it, as a release.
pub(in crate::release::drive) async fn deployment_of_group(
    reader: &dyn CodeDeployReader,
    (application, group): (&str, &str),
    (function, alias): (&FunctionName, &AliasName),
    clock: &dyn Clock,
) -> Result<Option<Intent>, CloudError> {
    let since = clock.now().checked_sub(LONGEST).unwrap_or(UNIX_EPOCH);
    for id in reader.deployments(application, group, since).await? {
        let Some(deployment) = reader.deployment(&id).await?.filter(is_active) else { continue };
        let app_spec = deployment.app_spec.as_deref().and_then(AppSpec::parse);
        if let Some(app_spec) = app_spec.filter(|app_spec| app_spec.moves(function, alias)) {
            return Ok(Some(foreign(deployment, app_spec)));
        }
    }
    Ok(None)
}

/// Somebody else's deployment, as far as it is a release like ours.
fn foreign(deployment: Deployment, app_spec: AppSpec) -> Intent {
    let begun = Begun { at: 0, id: deployment.id.clone(), actor: String::new() };
    let whole = Intent::all_at_once(Place::whole(app_spec.current), app_spec.target, None, begun);
    Intent {
        until: u64::MAX,
        // A configuration of another name moves traffic by steps that we need not know.
        strategy: deployment.config.parse().unwrap_or(whole.strategy),
        deployment: Some(DeploymentRef {
            id: Some(deployment.id),
            application: deployment.application,
            group: deployment.group,
        }),
        ..whole
    }
}
