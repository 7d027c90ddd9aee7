//! `permissions --check`: which of the permissions the caller lacks, by IAM's own simulation.

use std::collections::BTreeMap;

use crate::cloud::{
    AccessSimulator, CloudError, CloudErrorKind, Identity as _, SimulatedAccess, SimulatedDecision,
};
use crate::permission::{Identity, PolicyDocument, Statement};
use crate::report::{LackingPermission, PermissionsCheck};

use super::session::Connected;

/// Asks about what the deployer needs. What could not be known is said, never taken for granted.
pub(super) async fn check(connected: &Connected, policies: &[PolicyDocument]) -> PermissionsCheck {
    let iam = connected.connection.iam();
    let mut check = PermissionsCheck { principal: None, lacking: Vec::new(), unknown: None };
    let principal = match principal(connected, &iam).await {
        Ok(principal) => principal,
        Err(why) => return PermissionsCheck { unknown: Some(why), ..check },
    };
    check.principal = Some(principal.clone());
    let deployer = policies.iter().find(|policy| policy.identity == Identity::Deployer);
    let statements = deployer.map(|policy| policy.statements.as_slice()).unwrap_or_default();
    for access in accesses(statements) {
        match iam.simulate(&principal, &access).await {
            Ok(decisions) => check.lacking.extend(lacking(statements, &access, &decisions)),
            Err(error) => {
                check.unknown = Some(not_told(&error, &principal));
                break;
            }
        }
    }
    check
}

/// The user or role behind the credentials, under the ARN by which IAM knows it.
async fn principal(connected: &Connected, iam: &impl AccessSimulator) -> Result<String, String> {
    let caller = connected.clients.identity.caller().await.map_err(|error| error.to_string())?;
    match caller.arn.split(':').collect::<Vec<_>>()[..] {
        ["arn", _, "iam", "", _, name] if name.starts_with("user/") => Ok(caller.arn.clone()),
        ["arn", partition, "sts", "", account, session] if session.starts_with("assumed-role/") => {
            let role = session.split('/').nth(1).unwrap_or_default();
            // A session does not tell its role's path. Where the role may not be read it has most often none.
            Ok(iam
                .role_arn(role)
                .await
                .unwrap_or_else(|_| format!("arn:{partition}:iam::{account}:role/{role}")))
        }
        _ => Err(format!("IAM can judge users and roles only, and the caller is {}", caller.arn)),
    }
}

/// One question for each resource: IAM lets through few of them a second.
fn accesses(statements: &[Statement]) -> Vec<SimulatedAccess> {
    let mut asked: BTreeMap<(&str, Option<Context<'_>>), Vec<String>> = BTreeMap::new();
    for statement in statements {
        for (resource, context) in statement
            .resources
            .iter()
            .flat_map(|resource| contexts(statement).map(move |one| (resource, one)))
        {
            let actions = asked.entry((resource, context)).or_default();
            for action in &statement.actions {
                if !actions.iter().any(|known| known == action) {
                    actions.push((*action).to_owned());
                }
            }
        }
    }
    let access =
        |((resource, context), actions): ((&str, Option<Context<'_>>), Vec<String>)| SimulatedAccess {
            resource: resource.to_owned(),
            actions,
            context: context.map(|(key, value)| (key, value.to_owned())),
        };
    asked.into_iter().map(access).collect()
}

/// A key that a condition asks for, and the value that the call will have.
type Context<'a> = (&'static str, &'a str);

/// What a statement's calls say about themselves, each of them.
fn contexts(statement: &Statement) -> impl Iterator<Item = Option<Context<'_>>> {
    // The aliases of a key are a matter of the key; a call does not say them.
    let said = statement.condition.iter().filter(|condition| condition.key != "kms:ResourceAliases");
    let said: Vec<Context<'_>> = said
        .flat_map(|condition| condition.values.iter().map(|value| (condition.key, value.as_str())))
        .collect();
    let nothing = said.is_empty().then_some(None);
    said.into_iter().map(Some).chain(nothing)
}

fn lacking(
    statements: &[Statement],
    access: &SimulatedAccess,
    decisions: &[SimulatedDecision],
) -> Vec<LackingPermission> {
    let step_of = |action: &str| {
        let wanting = statements.iter().find(|statement| {
            statement.actions.contains(&action) && statement.resources.contains(&access.resource)
        });
        wanting.map_or("", |statement| statement.step)
    };
    let refused = decisions.iter().filter(|decision| !decision.allowed);
    refused
        .map(|decision| LackingPermission {
            action: decision.action.clone(),
            resource: access.resource.clone(),
            step: step_of(&decision.action),
            is_denied: decision.denied,
        })
        .collect()
}

fn not_told(error: &CloudError, principal: &str) -> String {
    match error.kind {
        CloudErrorKind::AccessDenied => format!(
            "the caller may not ask IAM: allow iam:SimulatePrincipalPolicy on {principal}, or compare the policy that is printed without --check"
        ),
        CloudErrorKind::NotFound => {
            format!("IAM does not know {principal}: its path is not told; allow iam:GetRole on it")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_asked_about_once_with_all_of_its_actions() {
        let statement = |actions: &[&'static str], resource: &str| Statement {
            sid: "X",
            step: "do x",
            actions: actions.to_vec(),
            resources: vec![resource.to_owned()],
            condition: None,
        };
        let statements =
            [statement(&["a:B", "a:C"], "r"), statement(&["a:C", "a:D"], "r"), statement(&["a:B"], "*")];
        let asked: Vec<(String, usize)> =
            accesses(&statements).into_iter().map(|access| (access.resource, access.actions.len())).collect();
        assert_eq!(asked, [("*".to_owned(), 1), ("r".to_owned(), 3)]);
    }
}
