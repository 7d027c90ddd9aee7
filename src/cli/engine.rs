//! Who moves the traffic, as typed.

use crate::release::{CodeDeploySpec, ConfigName, Engine, TrafficSpec, objection};
use crate::report::Failure;

use super::arguments::{EngineArguments, EngineName, GroupArguments};
use super::session::usage;
use super::settings::parse;

/// The longest name of an application or a group.
const LONGEST_NAME: usize = 100;

/// `--engine` and what belongs to it. A release that is resumed takes only the group, to find a deployment by.
pub(super) fn engine(arguments: &EngineArguments, resumes: bool) -> Result<Engine, Failure> {
    let is_codedeploy = arguments.engine == EngineName::Codedeploy;
    let unused = [
        ("--create-codedeploy", arguments.create_codedeploy),
        ("--codedeploy-role", arguments.codedeploy_role.is_some()),
        ("--hook-before", arguments.hook_before.is_some()),
        ("--hook-after", arguments.hook_after.is_some()),
        ("--detach", arguments.detach),
    ];
    let unused = unused.iter().find(|(_, given)| *given).map(|(flag, _)| *flag);
    if let (Some(flag), true) = (unused, resumes) {
        let hint = "leave it out: what a release does was decided when it was begun".to_owned();
        return Err(usage(format!("{flag} does not go with --resume"), Some(hint)));
    }
    if let (Some(flag), false) = (unused, is_codedeploy) {
        return Err(usage(
            format!("{flag} is for --engine codedeploy"),
            Some("add it, or leave the flag out".to_owned()),
        ));
    }
    let Some((application, group)) = group(&arguments.group)? else {
        if !is_codedeploy || resumes {
            return Ok(Engine::Direct);
        }
        let hint = "add --codedeploy-application NAME --codedeploy-group NAME; with --create-codedeploy they are made";
        return Err(usage(
            "--engine codedeploy needs an application and a group".to_owned(),
            Some(hint.to_owned()),
        ));
    };
    if !is_codedeploy && !resumes {
        let hint = "add it, or leave --codedeploy-application and --codedeploy-group out".to_owned();
        return Err(usage("a deployment group is for --engine codedeploy".to_owned(), Some(hint)));
    }
    let role = arguments.codedeploy_role.as_deref().map(parse).transpose()?;
    if arguments.create_codedeploy && role.is_none() {
        let hint = "add --codedeploy-role ARN: a role that codedeploy.amazonaws.com may assume, with the policy \
                    AWSCodeDeployRoleForLambda";
        return Err(usage(
            "--create-codedeploy needs a role for CodeDeploy".to_owned(),
            Some(hint.to_owned()),
        ));
    }
    for hook in [&arguments.hook_before, &arguments.hook_after].into_iter().flatten() {
        parse::<crate::name::FunctionRef>(hook)?;
    }
    Ok(Engine::CodeDeploy(CodeDeploySpec {
        application: application.to_owned(),
        group: group.to_owned(),
        create: arguments.create_codedeploy,
        role,
        hook_before: arguments.hook_before.clone(),
        hook_after: arguments.hook_after.clone(),
        detach: arguments.detach,
    }))
}

/// Application and group, where they are named and can be names.
pub(super) fn group(arguments: &GroupArguments) -> Result<Option<(&str, &str)>, Failure> {
    let Some((application, group)) = arguments.named() else { return Ok(None) };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    for name in [application, group] {
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(allowed) {
            let hint = format!("it has 1 to {LONGEST_NAME} letters, digits and +=,.@_-");
            return Err(usage(format!("{name:?} is not a name of CodeDeploy"), Some(hint)));
        }
    }
    Ok(Some((application, group)))
}

/// Refuses what CodeDeploy cannot do, before anybody is asked.
pub(super) fn check_engine(traffic: &TrafficSpec) -> Result<(), Failure> {
    if traffic.engine == Engine::Direct {
        return Ok(());
    }
    if let Some(objection) = objection(traffic.bake, traffic.on_stop, &traffic.watch) {
        return Err(usage(objection.message, Some(objection.hint)));
    }
    ConfigName::of(&traffic.strategy).map_err(|error| usage(error.to_string(), Some(error.hint())))?;
    Ok(())
}
