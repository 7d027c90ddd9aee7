//! Creating a deployment exactly once, whatever becomes of the answer: it carries the release's own id in its description, and CodeDeploy
//! runs one deployment of a group at a time.

use std::time::{Duration, SystemTime};

use super::CodeDeployAccess;
use crate::cloud::{CloudError, CloudErrorKind, CodeDeployReader, Deployment, NewDeployment};
use crate::event::{Event, Reporter};
use crate::release::drive::{Clock, ReleaseError};

/// How often it is tried, and looked for in between.
const TRIES: u32 = 6;
/// Before the second try; each further one waits longer.
const PAUSE: Duration = Duration::from_millis(300);
/// How far this machine's clock may be ahead of CodeDeploy's.
const CLOCK_SKEW: Duration = Duration::from_secs(600);
/// How many deployments of a group are looked at, newest first. One group has one at a time.
const MOST_LOOKED_AT: usize = 25;
/// CodeDeploy does not say how long a description may be; this it takes.
const LONGEST_DESCRIPTION: usize = 250;

/// How the description of a release's deployment begins.
fn mark(id: &str) -> String {
    format!("lambda-lift {id}:")
}

/// The description of a release's deployment.
pub(super) fn description(id: &str, what: &str) -> String {
    format!("{} {what}", mark(id)).chars().take(LONGEST_DESCRIPTION).collect()
}

/// The deployment of the release with this id, which began at that time; none when there is none.
pub(super) async fn find(
    reader: &dyn CodeDeployReader,
    application: &str,
    group: &str,
    (id, began): (&str, SystemTime),
) -> Result<Option<Deployment>, CloudError> {
    let since = began.checked_sub(CLOCK_SKEW).unwrap_or(began);
    let ids = reader.deployments(application, group, since).await?;
    for found in ids.iter().take(MOST_LOOKED_AT) {
        let deployment = reader.deployment(found).await?;
        if let Some(deployment) = deployment.filter(|found| found.description.starts_with(&mark(id))) {
            return Ok(Some(deployment));
        }
    }
    Ok(None)
}

/// Creates one deployment.
pub(super) struct Creator<'a> {
    pub(super) access: CodeDeployAccess<'a>,
    pub(super) reporter: &'a dyn Reporter,
    pub(super) clock: &'a dyn Clock,
    /// The release's own id.
    pub(super) id: &'a str,
}

impl Creator<'_> {
    /// CreateDeployment; answers the deployment's id.
    pub(super) async fn create(&self, new: &NewDeployment) -> Result<String, ReleaseError> {
        let began = self.clock.now();
        for count in 1.. {
            let error = match self.access.writer.create_deployment(new).await {
                Ok(id) => return Ok(id),
                Err(error) => error,
            };
            // The answer to a try that was performed may be lost, and the next one refused because of it.
            let is_busy = error.kind == CloudErrorKind::Conflict;
            if !is_busy && !error.is_answer_lost() && error.kind != CloudErrorKind::Throttled {
                return Err(error.into());
            }
            if let Some(found) = self.look_after(new, began, &error).await? {
                return Ok(found.id);
            }
            if is_busy {
                return Err(busy(new, &error));
            }
            if count == TRIES {
                return Err(error.into());
            }
            self.wait(count, &error.message).await;
        }
        Err(ReleaseError::Interrupted)
    }

    /// Whether the deployment is there after an answer that does not say so.
    async fn look_after(
        &self,
        new: &NewDeployment,
        began: SystemTime,
        sent: &CloudError,
    ) -> Result<Option<Deployment>, ReleaseError> {
        let reader = self.access.reader;
        let mut count = 1;
        loop {
            let error = match find(reader, &new.application, &new.group, (self.id, began)).await {
                Ok(found) => return Ok(found),
                Err(error) => error,
            };
            if count == TRIES {
                return Err(ReleaseError::Unknown {
                    what: format!("the alias, or a deployment of group {} that is not known,", new.group),
                    wanted: "the new version".to_owned(),
                    sent: sent.to_string(),
                    read: error.to_string(),
                });
            }
            self.wait(count, &error.message).await;
            count += 1;
        }
    }

    async fn wait(&self, count: u32, state: &str) {
        let what = "CodeDeploy".to_owned();
        self.reporter.report(Event::Waiting { what, state: state.to_owned() });
        self.clock.sleep(PAUSE * count).await;
    }
}

fn busy(new: &NewDeployment, error: &CloudError) -> ReleaseError {
    let NewDeployment { application, group, .. } = new;
    ReleaseError::Refused {
        kind: "deployment_active",
        message: format!("another deployment of group {group} is under way: {}", error.message),
        hint: format!(
            "wait for its end, or look: aws deploy list-deployments --application-name {application} --deployment-group-name \
             {group} --include-only-statuses Created Queued InProgress Ready"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_known_again_by_its_description() {
        let text = description("0a1b2c3d", &"x".repeat(400));
        assert!(text.starts_with(&mark("0a1b2c3d")) && text.len() == LONGEST_DESCRIPTION);
        assert!(!text.starts_with(&mark("0a1b2c3")));
    }
}
