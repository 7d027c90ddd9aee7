//! The alias is in a state that one move can end well.

use crate::observe::Facts;
use crate::plan::DeploySpec;
use crate::preflight::{Check, Finding, Judge};
use crate::release::{Journal, Place, Status};

pub(super) const CHECK: Check = Check {
    id: "alias",
    requirement: "After the deploy the alias points to one version and has no weights. Weights that are there now are an \
                  unfinished release. One that lambda-lift began is not walked over, and a split alias is not released step by step.",
    evidence: "RoutingConfig of the alias (Lambda GetAlias) and the journal in the function's tags (GetFunction); where it names a deployment of \
               CodeDeploy, that one's status (CodeDeploy GetDeployment).",
    remedy: "Let whoever set the weights finish first, go on with `release --resume`, go back with `rollback`, or let an all-at-once deploy end \
             somebody else's split.",
    may_be_allowed: false,
    judge: Judge::Facts(judge),
};

fn judge(spec: &DeploySpec, facts: &Facts) -> Vec<Finding> {
    let (Some(wanted), Some(function)) = (&spec.function, &facts.function) else { return Vec::new() };
    let Some(alias) = &function.alias else { return Vec::new() };
    if let Some(active) =
        function.deployment.as_ref().filter(|found| Status::of(&found.status) == Status::Active)
    {
        let (name, alias) = (&wanted.name, &alias.name);
        let message = format!("deployment {} of CodeDeploy is under way: it moves alias {alias}", active.id);
        let hint = format!(
            "follow it: lambda-lift release --function {name} --alias {alias} --resume; or go back: lambda-lift rollback \
             --function {name} --alias {alias}"
        );
        return vec![Finding::refuse(CHECK.id, message, hint)];
    }
    if alias.weights.is_empty() {
        return Vec::new();
    }
    let place = Place::of(alias);
    let journal = function.live.as_ref().map(|live| Journal::read(&live.settings, &alias.name));
    let ours = journal.as_ref().and_then(Journal::intent).filter(|intent| intent.step_at(&place).is_some());
    if let Some(release) = ours {
        let (name, alias) = (&wanted.name, &alias.name);
        return vec![Finding::refuse(
            CHECK.id,
            format!(
                "a release of version {} ({}, by {}) is under way or was interrupted: alias {alias} sends its traffic to {place}",
                release.to, release.strategy, release.actor
            ),
            format!(
                "let it end; or go on with it: lambda-lift release --function {name} --alias {alias} --resume; or go back: \
                 lambda-lift rollback --function {name} --alias {alias}"
            ),
        )];
    }
    if !wanted.traffic.is_plain() {
        return vec![Finding::refuse(
            CHECK.id,
            format!("alias {} is split already: it sends its traffic to {place}", alias.name),
            format!(
                "let whoever split it finish, or end it: lambda-lift rollback --function {} --alias {}",
                wanted.name, alias.name
            ),
        )];
    }
    let weights: Vec<String> =
        alias.weights.iter().map(|(version, weight)| format!("version {version}: {weight}")).collect();
    vec![Finding::warn(
        CHECK.id,
        format!(
            "alias {} spreads its traffic (version {} with {}); this deploy clears the weights",
            alias.name,
            alias.version,
            weights.join(", ")
        ),
        "if a release is in progress elsewhere, stop this deploy and let it end first",
    )]
}
