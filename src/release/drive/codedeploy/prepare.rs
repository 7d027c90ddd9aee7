//! What a deployment needs beside the function: an application, a deployment group and a deployment configuration, of the compute
//! platform Lambda. What exists is used as it is.

use std::time::SystemTime;

use tokio::join;

use super::CodeDeployAccess;
use crate::cloud::{
    CloudError, CloudErrorKind, CodeDeployReader, DeploymentConfig, DeploymentGroup, NewDeploymentGroup,
};
use crate::event::{Event, Reporter};
use crate::preflight::Finding;
use crate::release::drive::{Clock, ReleaseError, TrafficSpec};
use crate::release::{CodeDeploySpec, ConfigName, Place, Strategy};
use crate::report::{StepReport, StepStatus};

/// The compute platform of a function.
const LAMBDA: &str = "Lambda";

/// What of CodeDeploy is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Readiness {
    /// What speaks against the deployment, and how what is there differs from what was asked for.
    pub findings: Vec<Finding>,
    /// The alarms that will stop it: those that were named, else the group's.
    pub alarms: Vec<String>,
    /// The configuration that it will have.
    pub(super) config: ConfigName,
    application_missing: bool,
    group_missing: bool,
    config_missing: bool,
}

/// Looks at what a deployment needs, before anything is changed.
///
/// # Errors
/// It cannot be read, or the strategy has no configuration and none is to be made.
pub async fn codedeploy_before(
    reader: &dyn CodeDeployReader,
    spec: &CodeDeploySpec,
    traffic: &TrafficSpec,
) -> Result<Readiness, ReleaseError> {
    let usage = |message: String, hint: String| ReleaseError::Usage { message, hint };
    let config = ConfigName::of(&traffic.strategy).map_err(|error| usage(error.to_string(), error.hint()))?;
    let own_config =
        async { if config.is_predefined { Ok(None) } else { reader.config(&config.name).await } };
    let (application, group, found) = join!(
        reader.application(&spec.application),
        reader.group(&spec.application, &spec.group),
        own_config,
    );
    let (application, group, found) = (application?, group?, found?);
    let mut findings = Vec::new();
    findings.extend(application_finding(spec, application.as_deref()));
    if application.is_some() {
        findings.extend(group_findings(spec, group.as_ref(), traffic, &config));
    }
    if let Some(found) = &found {
        findings.extend(config_finding(&config, found));
    }
    let config_missing = !config.is_predefined && found.is_none();
    if config_missing && !spec.create {
        return Err(no_config(&traffic.strategy, &config));
    }
    let of_group = group.as_ref().map(|group| group.alarms.clone()).unwrap_or_default();
    let alarms = if traffic.watch.alarms.is_empty() { of_group } else { traffic.watch.alarms.clone() };
    Ok(Readiness {
        findings,
        alarms,
        config,
        application_missing: application.is_none(),
        group_missing: group.is_none(),
        config_missing,
    })
}

fn no_config(strategy: &Strategy, config: &ConfigName) -> ReleaseError {
    ReleaseError::Usage {
        message: format!("CodeDeploy has no deployment configuration for {strategy}"),
        hint: format!(
            "use {}; or add --create-codedeploy to make {}",
            ConfigName::nearest(strategy).join(" or "),
            config.name
        ),
    }
}

fn application_finding(spec: &CodeDeploySpec, platform: Option<&str>) -> Option<Finding> {
    let name = &spec.application;
    match platform {
        Some(LAMBDA) => None,
        Some(other) => Some(Finding::refuse(
            "codedeploy",
            format!("CodeDeploy's application {name} is of the compute platform {other}, not of Lambda"),
            "name another one with --codedeploy-application",
        )),
        None if spec.create => None,
        None => Some(Finding::refuse(
            "codedeploy",
            format!("CodeDeploy has no application {name}"),
            "add --create-codedeploy --codedeploy-role ARN to make it, or check the name, --region and the account",
        )),
    }
}

fn group_findings(
    spec: &CodeDeploySpec,
    group: Option<&DeploymentGroup>,
    traffic: &TrafficSpec,
    config: &ConfigName,
) -> Vec<Finding> {
    let name = format!("deployment group {} of application {}", spec.group, spec.application);
    let Some(group) = group else {
        let missing = Finding::refuse(
            "codedeploy",
            format!("CodeDeploy has no {name}"),
            "add --create-codedeploy --codedeploy-role ARN to make it, or check the name",
        );
        return if spec.create { Vec::new() } else { vec![missing] };
    };
    if !group.platform.is_empty() && group.platform != LAMBDA {
        let message = format!("{name} is of the compute platform {}, not of Lambda", group.platform);
        return vec![Finding::refuse("codedeploy", message, "name another one with --codedeploy-group")];
    }
    let mut findings = Vec::new();
    if let Some(role) = spec.role.as_ref().filter(|role| role.as_str() != group.role) {
        let message = format!("{name} works with the role {}, not with {role}", group.role);
        findings.push(Finding::warn(
            "codedeploy",
            message,
            "it is left as it is; change it in CodeDeploy if it is wrong",
        ));
    }
    let wanted = &traffic.watch.alarms;
    let alarms = match (wanted.is_empty(), group.alarms.is_empty()) {
        (true, false) => {
            Some(format!("the alarms of {name} stop this deployment: {}", group.alarms.join(", ")))
        }
        (false, false) if sorted(wanted) != sorted(&group.alarms) => Some(format!(
            "for this deployment the alarms {} take the place of those of {name} ({}), which is left as it is",
            wanted.join(", "),
            group.alarms.join(", ")
        )),
        _ => None,
    };
    let differs = (spec.create && group.config != config.name).then(|| {
        format!(
            "{name} has the configuration {}; this deployment has {}, and the group is left as it is",
            group.config, config.name
        )
    });
    findings.extend(alarms.into_iter().chain(differs).map(|told| Finding::info("codedeploy", told)));
    findings
}

fn sorted(names: &[String]) -> Vec<&String> {
    let mut names: Vec<&String> = names.iter().collect();
    names.sort();
    names
}

fn config_finding(config: &ConfigName, found: &DeploymentConfig) -> Option<Finding> {
    if found.platform == LAMBDA && found.routing == Some(config.routing) {
        return None;
    }
    let message = format!("CodeDeploy's configuration {} exists, and does something else", config.name);
    let hint =
        format!("delete it: aws deploy delete-deployment-config --deployment-config-name {}", config.name);
    Some(Finding::refuse("codedeploy", message, hint))
}

/// What CodeDeploy cannot do with an alias as it is.
pub(in crate::release::drive) fn alias_findings(
    place: &Place,
    provisioned: Option<u32>,
    strategy: &Strategy,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if place.version == "$LATEST" {
        let message = "CodeDeploy moves traffic between published versions, and the alias points to $LATEST";
        findings.push(Finding::refuse("codedeploy", message, "use --engine direct for this release"));
    }
    // With steps it is refused already, whoever moves the traffic.
    if let Some(amount) = provisioned.filter(|_| strategy.is_all_at_once()) {
        let message = format!(
            "the alias carries provisioned concurrency ({amount}), and CodeDeploy prepares none for the new version"
        );
        let hint =
            "use --engine direct: the new version gets the same amount and is ready before it gets traffic";
        findings.push(Finding::refuse("concurrency", message, hint));
    }
    findings
}

/// Makes what is missing.
pub(super) struct Maker<'a> {
    pub(super) access: CodeDeployAccess<'a>,
    pub(super) reporter: &'a dyn Reporter,
    pub(super) clock: &'a dyn Clock,
    pub(super) steps: &'a mut Vec<StepReport>,
}

impl Maker<'_> {
    /// Application, configuration, group: in the order in which each needs the one before.
    pub(super) async fn make(
        &mut self,
        spec: &CodeDeploySpec,
        readiness: &Readiness,
        alarms: &[String],
    ) -> Result<(), ReleaseError> {
        let CodeDeployAccess { writer, .. } = self.access;
        let CodeDeploySpec { application, group, .. } = spec;
        if readiness.application_missing {
            let (begun, detail) =
                self.started("create_application", format!("create CodeDeploy's application {application}"));
            let made = writer.create_application(application).await;
            self.ended("create_application", detail, begun, made)?;
        }
        if readiness.config_missing {
            let ConfigName { name, routing, .. } = &readiness.config;
            let (begun, detail) =
                self.started("create_deployment_config", format!("create deployment configuration {name}"));
            let made = writer.create_config(name, *routing).await;
            self.ended("create_deployment_config", detail, begun, made)?;
        }
        if let (true, Some(role)) = (readiness.group_missing, &spec.role) {
            let new = NewDeploymentGroup {
                application: application.clone(),
                group: group.clone(),
                config: readiness.config.name.clone(),
                role: role.to_string(),
                alarms: alarms.to_vec(),
            };
            let (begun, detail) = self.started(
                "create_deployment_group",
                format!("create deployment group {group} of application {application}"),
            );
            let made = writer.create_group(&new).await;
            self.ended("create_deployment_group", detail, begun, made)?;
        }
        Ok(())
    }

    fn started(&self, step: &'static str, detail: String) -> (SystemTime, String) {
        self.reporter.report(Event::StepStarted { step, detail: detail.clone() });
        (self.clock.now(), detail)
    }

    fn ended(
        &mut self,
        step: &'static str,
        detail: String,
        begun: SystemTime,
        made: Result<(), CloudError>,
    ) -> Result<(), ReleaseError> {
        let elapsed = self.clock.now().duration_since(begun).unwrap_or_default();
        // Another run was faster, or the answer to our first try was lost.
        let made = match made {
            Err(error) if error.kind == CloudErrorKind::AlreadyExists => Ok(()),
            made => made,
        };
        if made.is_ok() {
            self.reporter.report(Event::StepDone { step, detail: detail.clone(), elapsed });
        }
        let status = if made.is_ok() { StepStatus::Done } else { StepStatus::Failed };
        self.steps.push(StepReport { step, status, detail, elapsed });
        Ok(made?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Routing;
    use crate::release::{Engine, OnStop, WatchSpec};

    fn spec(create: bool) -> CodeDeploySpec {
        CodeDeploySpec {
            application: "shop".to_owned(),
            group: "live".to_owned(),
            create,
            role: create.then(|| "arn:aws:iam::123456789012:role/cd".parse().unwrap()),
            hook_before: None,
            hook_after: None,
            detach: false,
        }
    }

    fn traffic(alarms: &[&str]) -> TrafficSpec {
        TrafficSpec {
            strategy: "canary:10%:5m".parse().unwrap(),
            bake: std::time::Duration::ZERO,
            on_stop: OnStop::Rollback,
            watch: WatchSpec {
                alarms: alarms.iter().map(|alarm| (*alarm).to_owned()).collect(),
                ..WatchSpec::default()
            },
            engine: Engine::CodeDeploy(spec(true)),
        }
    }

    fn group(alarms: &[&str]) -> DeploymentGroup {
        DeploymentGroup {
            platform: "Lambda".to_owned(),
            config: "CodeDeployDefault.LambdaCanary10Percent5Minutes".to_owned(),
            role: "arn:aws:iam::123456789012:role/cd".to_owned(),
            alarms: alarms.iter().map(|alarm| (*alarm).to_owned()).collect(),
        }
    }

    fn said(findings: Vec<Finding>) -> Vec<String> {
        findings.into_iter().map(|finding| format!("{:?} {}", finding.severity, finding.message)).collect()
    }

    #[test]
    fn what_exists_is_used_and_what_differs_is_said() {
        let config = ConfigName::of(&"canary:10%:5m".parse().unwrap()).unwrap();
        let judge = |create, group: Option<&DeploymentGroup>, alarms: &[&str]| {
            said(group_findings(&spec(create), group, &traffic(alarms), &config)).join("|")
        };
        assert_eq!(judge(true, Some(&group(&[])), &["a"]), "");
        assert_eq!(judge(true, None, &[]), "");
        assert_eq!(judge(true, Some(&group(&["a", "b"])), &["b", "a"]), "");
        let table = [
            (judge(false, None, &[]), "Refuse CodeDeploy has no deployment group live"),
            (
                judge(true, Some(&group(&["b"])), &["a"]),
                "Info for this deployment the alarms a take the place of those",
            ),
            (
                judge(true, Some(&group(&["b"])), &[]),
                "Info the alarms of deployment group live of application shop stop",
            ),
            (
                judge(true, Some(&DeploymentGroup { role: "r".to_owned(), ..group(&[]) }), &[]),
                "Warn deployment group live of application shop works with the role r",
            ),
            (
                judge(true, Some(&DeploymentGroup { platform: "ECS".to_owned(), ..group(&[]) }), &[]),
                "Refuse deployment group live of application shop is of the compute platform ECS",
            ),
            (
                judge(true, Some(&DeploymentGroup { config: "c".to_owned(), ..group(&[]) }), &[]),
                "Info deployment group live of application shop has the configuration c",
            ),
        ];
        for (told, part) in table {
            assert!(told.starts_with(part), "{told}");
        }
        assert_eq!(application_finding(&spec(true), None), None);
        assert!(application_finding(&spec(false), None).unwrap().message.contains("no application shop"));
        assert!(application_finding(&spec(true), Some("Server")).unwrap().message.contains("Server"));
    }

    #[test]
    fn a_configuration_of_our_name_that_does_something_else_is_not_used() {
        let config = ConfigName::of(&"canary:7%:3m".parse().unwrap()).unwrap();
        let found = |platform: &str, routing| DeploymentConfig { platform: platform.to_owned(), routing };
        let right = Some(Routing::Canary { percent: 7, minutes: 3 });
        assert_eq!(config_finding(&config, &found("Lambda", right)), None);
        for wrong in [found("ECS", right), found("Lambda", Some(Routing::AllAtOnce)), found("Lambda", None)] {
            assert!(config_finding(&config, &wrong).is_some(), "{wrong:?}");
        }
    }

    #[test]
    fn an_alias_that_codedeploy_cannot_move_is_left_alone() {
        let (plain, steps) = (Strategy::all_at_once(), "canary:10%:5m".parse().unwrap());
        let count = |version: &str, provisioned, strategy| {
            alias_findings(&Place::whole(version), provisioned, strategy).len()
        };
        assert_eq!(count("6", None, &plain), 0);
        assert_eq!(count("$LATEST", None, &plain), 1);
        assert_eq!(count("6", Some(5), &plain), 1);
        // The finding of any release with steps says it already.
        assert_eq!(count("6", Some(5), &steps), 0);
    }
}
