//! Whether the repository's policy must grow, and to what.

use crate::cloud::Caller;
use crate::name::{RegistryHost, RepositoryName};
use crate::observe::{Facts, FunctionFacts, PolicyFacts};
use crate::policy::{self, Document, Doubtful, Ensured, OwnerPolicy, Request, Wish};

use super::{DeploySpec, FunctionSpec, GrantStep};

/// What is to be done about the repository's policy.
#[derive(Debug, Clone)]
pub enum GrantDecision {
    /// Nothing was asked: there is no function, or the policy may not be read.
    None,
    /// Lambda may pull already.
    Granted,
    /// A statement is added or extended.
    Add(GrantStep),
    /// It cannot be granted.
    Refused(Explained),
    /// Whether it is granted cannot be decided.
    Undecided(Explained),
}

/// Why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// What the policy says, with the statement or condition that decides.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// Who pulls what, and what the repository's policy says of it.
#[derive(Debug, Clone, Copy)]
pub struct PullSide<'a> {
    /// The function.
    pub function: &'a FunctionFacts,
    /// Who we are.
    pub caller: &'a Caller,
    /// The registry that the repository is in.
    pub registry: &'a RegistryHost,
    /// The repository.
    pub repository: &'a RepositoryName,
    /// Its policy.
    pub policy: &'a PolicyFacts,
}

impl<'a> PullSide<'a> {
    fn of(spec: &'a DeploySpec, facts: &'a Facts, function: &'a FunctionFacts) -> Self {
        let Facts { caller, registry, policy, .. } = facts;
        Self { function, caller, registry, repository: &spec.repository.name, policy }
    }

    /// The request that the policy is asked about: this function, deployed by this caller.
    fn request(self, wanted: &FunctionSpec) -> Request {
        let FunctionFacts { account, region, .. } = self.function;
        Request::new(self.registry.account.clone(), account.clone(), region.clone())
            .for_function(wanted.name.clone())
            .by_caller(self.caller.arn.clone())
    }
}

/// Decides what is to be done so that Lambda may pull.
pub fn decide_grant(spec: &DeploySpec, facts: &Facts) -> GrantDecision {
    match (&spec.function, &facts.function) {
        (Some(wanted), Some(function)) => decide_pull(wanted, PullSide::of(spec, facts, function)),
        _ => GrantDecision::None,
    }
}

/// The same for a function without an image to deploy.
pub fn decide_pull(wanted: &FunctionSpec, side: PullSide<'_>) -> GrantDecision {
    let text = match side.policy {
        PolicyFacts::Unreadable(_) => return GrantDecision::None,
        PolicyFacts::Absent => None,
        PolicyFacts::Text(text) => Some(text.as_str()),
    };
    let document = match text.map(str::parse::<Document>).transpose() {
        Ok(document) => document,
        Err(error) => {
            let hint = "correct it, or remove it with: aws ecr delete-repository-policy".to_owned();
            return GrantDecision::Refused(Explained { message: error.to_string(), hint });
        }
    };
    let requests = [side.request(wanted)];
    let wish = Wish { requests: &requests, scope: wanted.policy_scope, doubtful: Doubtful::Leave };
    let explained = |assessments: &[policy::Assessment]| {
        let told = assessments.first().map(|assessment| {
            policy::explain(assessment, &requests[0], side.repository, wanted.policy_scope)
        });
        let (message, hint) = told.map(|told| (told.message, told.hint)).unwrap_or_default();
        Explained { message, hint: hint.unwrap_or_default() }
    };
    match policy::ensure(document.as_ref(), wish) {
        Ok(Ensured::AlreadyGranted(_)) => GrantDecision::Granted,
        Ok(Ensured::Add(addition)) => GrantDecision::Add(GrantStep {
            current: text.map(str::to_owned),
            statements: addition.sids().into_iter().map(str::to_owned).collect(),
            preview: addition
                .changes
                .iter()
                .map(|change| change.after.as_str())
                .collect::<Vec<_>>()
                .join("\n"),
            text: addition.text,
        }),
        Ok(Ensured::Denied(assessments)) => GrantDecision::Refused(explained(&assessments)),
        Ok(Ensured::Unknown(assessments)) => GrantDecision::Undecided(explained(&assessments)),
        Ok(Ensured::TooLarge { characters, .. }) => {
            let told = policy::explain_too_large(characters, side.repository);
            GrantDecision::Refused(Explained { message: told.message, hint: told.hint.unwrap_or_default() })
        }
        Err(error) => GrantDecision::Refused(Explained {
            message: error.to_string(),
            hint: "remove statements that are not needed, or use --policy-scope account".to_owned(),
        }),
    }
}

/// What the deployer hands to the repository's owner when the policy may not be read.
pub fn owner_instructions(spec: &DeploySpec, facts: &Facts) -> Option<String> {
    let (wanted, function) = (spec.function.as_ref()?, facts.function.as_ref()?);
    let request = PullSide::of(spec, facts, function).request(wanted);
    let requests = [request.clone()];
    let wish = Wish { requests: &requests, scope: wanted.policy_scope, doubtful: Doubtful::Leave };
    let Ok(Ensured::Add(addition)) = policy::ensure(None, wish) else { return None };
    let unread = OwnerPolicy::Unread(&addition.text);
    Some(policy::owner_instructions(&spec.repository.name, &request, wanted.policy_scope, unread))
}
