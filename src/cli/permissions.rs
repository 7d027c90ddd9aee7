//! `permissions`: the least IAM policy for what this configuration does.

use std::sync::Arc;

use crate::cloud::Identity as _;
use crate::event::Event;
use crate::name::{AccountId, Region, RegistryHost, RepositoryRef};
use crate::permission::{
    self, CodeDeployUses, FunctionUses, GitHubSubject, GitHubTrust, Identity, KmsKey,
    MANAGED_POLICY_CHARACTERS, PolicyDocument, RepositoryPlace, Uses, ValueUses, Work,
};
use crate::plan::FunctionSpec;
use crate::preflight::Finding;
use crate::release::{ConfigName, Engine};
use crate::report::{
    DocumentKind, Failure, LackingPermission, Outcome, PermissionsCheck, PermissionsDocument,
    PermissionsReport, Report,
};

use super::arguments::{ForCommand, OutputFormat, PermissionsArguments, PermittedImage, TrustArguments};
use super::permissions_check;
use super::remote::ecr_repository;
use super::session::{Connected, Session, usage};
use super::settings::{function_spec, parse, source};

/// How many characters the trust policy of a role may have, unless the account has a higher quota.
const TRUST_POLICY_CHARACTERS: usize = 2048;

/// `permissions`
pub(super) async fn permissions(session: Session, arguments: PermissionsArguments) -> Report {
    let mut report = Report::new("permissions");
    let ended = run(&session, arguments, &mut report).await;
    report.closed(ended)
}

async fn run(
    session: &Session,
    arguments: PermissionsArguments,
    report: &mut Report,
) -> Result<Outcome, Failure> {
    let PermissionsArguments {
        work,
        account,
        provisioned_concurrency,
        check,
        trust,
        image,
        function,
        values,
    } = arguments;
    let trust = github_trust(&trust)?;
    let work: Vec<Work> = work.into_iter().map(work_of).collect();
    let is_named =
        function.function.is_some() || function.function_file.is_some() || !function.declared.is_empty();
    let wants_function = work.iter().any(|work| needs_function(*work));
    let wants_it_named = work.iter().any(|work| needs_function(*work) && *work != Work::Prune);
    let function = match wants_function && (is_named || wants_it_named) {
        true => Some(function_spec(function)?.0),
        false => None,
    };
    let connected = session.or_stopped(session.connect()).await??;
    let place = Place::find(session, &connected, account.as_deref(), function.as_ref()).await?;
    let uses = Wanted { session, connected: &connected, place: &place, image: &image, values: &values }
        .uses(work, function.as_ref(), provisioned_concurrency)
        .await?;
    let policies = permission::documents(&uses);
    let mut documents: Vec<PermissionsDocument> =
        policies.iter().map(|policy| described(policy, &uses)).collect();
    report.findings = remarks(&uses, &documents);
    if let Some(trust) = &trust {
        report.findings.push(provider_remark(trust));
        documents.push(trust_document(trust, &place));
    }
    let check = match check {
        true => Some(session.or_stopped(permissions_check::check(&connected, &policies)).await?),
        false => None,
    };
    // What could not be known is not reported as granted.
    let lacks = check.as_ref().is_some_and(|check| !check.lacking.is_empty() || check.unknown.is_some());
    report.findings.extend(check.iter().flat_map(check_findings));
    let check_is_told = check.is_some();
    report.permissions = Some(PermissionsReport { documents, check });
    // Standard output is the policy, so that it can go into a file as it is.
    if session.common.output == OutputFormat::Human && !check_is_told {
        let reporter = Arc::clone(&session.reporter);
        report.findings.iter().for_each(|finding| reporter.report(Event::Found(finding.clone())));
    }
    Ok(if lacks { Outcome::Refused } else { Outcome::Checked })
}

/// What a check came to, for programs; people read it as the result.
fn check_findings(check: &PermissionsCheck) -> Vec<Finding> {
    let hint = "lambda-lift permissions prints the policy that allows it";
    let lacking = check.lacking.iter().map(|lacking| {
        let LackingPermission { action, resource, step, .. } = lacking;
        Finding::refuse("permission", format!("{action} on {resource} is missing: to {step}"), hint)
    });
    let unknown = check.unknown.iter().map(|why| Finding::unknown("permission", why.clone(), hint));
    lacking.chain(unknown).collect()
}

fn work_of(command: ForCommand) -> Work {
    match command {
        ForCommand::Deploy => Work::Deploy,
        ForCommand::Plan => Work::Plan,
        ForCommand::Push => Work::Push,
        ForCommand::Release => Work::Release,
        ForCommand::Rollback => Work::Rollback,
        ForCommand::Status => Work::Status,
        ForCommand::Prune => Work::Prune,
        ForCommand::Init => Work::Init,
        ForCommand::Diff => Work::Diff,
        ForCommand::Invoke => Work::Invoke,
        ForCommand::PolicyCheck => Work::PolicyCheck,
        ForCommand::PolicyEnsure => Work::PolicyEnsure,
    }
}

fn needs_function(work: Work) -> bool {
    !matches!(work, Work::Push | Work::PolicyCheck | Work::PolicyEnsure)
}

/// The account and Region of the function, or of whoever pushes.
struct Place {
    account: AccountId,
    region: Region,
}

impl Place {
    /// Asks AWS only for what neither a flag nor an ARN says, so that a policy can be made before there are credentials.
    async fn find(
        session: &Session,
        connected: &Connected,
        account: Option<&str>,
        function: Option<&FunctionSpec>,
    ) -> Result<Self, Failure> {
        let region = function.and_then(|function| function.region.clone());
        let region = region.unwrap_or_else(|| connected.region.clone());
        let known = match account {
            Some(account) => Some(parse(account)?),
            None => function.and_then(|function| {
                function.account.clone().or_else(|| function.role().and_then(|role| role.account()))
            }),
        };
        let account = match known {
            Some(account) => account,
            None => caller_account(session, connected, None).await?,
        };
        Ok(Self { account, region })
    }
}

/// The account of the credentials, or of those of a profile.
async fn caller_account(
    session: &Session,
    connected: &Connected,
    profile: Option<&str>,
) -> Result<AccountId, Failure> {
    let own = session.or_stopped(connected.clients_in(&connected.region, profile)).await??;
    let clients = own.as_ref().unwrap_or(&connected.clients);
    let caller = session.or_stopped(clients.identity.caller()).await?;
    let what = match profile {
        None => "say which account it is with --account ID",
        Some(_) => "write the repository's full URI, which names its account",
    };
    caller.map(|caller| caller.account).map_err(|error| {
        usage(format!("whose account the policy is for is not known: {error}"), Some(what.to_owned()))
    })
}

/// What a configuration wants, on its way to what it uses.
struct Wanted<'a> {
    session: &'a Session,
    connected: &'a Connected,
    place: &'a Place,
    image: &'a PermittedImage,
    values: &'a ValueUses,
}

impl Wanted<'_> {
    async fn uses(
        &self,
        work: Vec<Work>,
        function: Option<&FunctionSpec>,
        is_provisioned: bool,
    ) -> Result<Uses, Failure> {
        let profile = self.session.common.repository_profile.as_deref();
        let reference = self.image.repository.as_deref().map(parse::<RepositoryRef>).transpose()?;
        if reference.is_none() && work.iter().any(|work| *work != Work::Prune) {
            let hint = "add --repository NAME, or repository to lambda-lift.toml".to_owned();
            return Err(usage("no repository was named".to_owned(), Some(hint)));
        }
        // A repository that is named without its account is in that of whoever uses it.
        let named = reference.iter().all(|reference| reference.registry.is_some());
        let owner = match profile {
            Some(profile) if !named => caller_account(self.session, self.connected, Some(profile)).await?,
            _ => self.place.account.clone(),
        };
        let repository = reference.map(|reference| self.placed(reference, &owner));
        // Layers are mounted within one registry.
        let registry = repository.as_ref().map_or(owner.clone(), |repository| repository.account.clone());
        let places = |names: &[String], owner: &AccountId| -> Result<Vec<RepositoryPlace>, Failure> {
            names.iter().map(|name| Ok(self.placed(parse(name)?, owner))).collect()
        };
        let pruned = match self.image.repositories.as_slice() {
            [] => repository.iter().cloned().collect(),
            named => places(named, &owner)?,
        };
        let source = self.image.image.as_deref().map(source).transpose()?;
        let source = source.as_ref().and_then(ecr_repository);
        Ok(Uses {
            work,
            account: self.place.account.clone(),
            region: self.place.region.clone(),
            mount_from: places(&self.image.mount_from, &registry)?,
            repository,
            pruned,
            has_repository_identity: profile.is_some(),
            source: source.map(|reference| self.placed(reference, &owner)),
            has_source_identity: self.image.source_profile.is_some(),
            creates_repository: self.image.create_repository,
            repository_key: self.image.kms_key.as_deref().map(KmsKey::of),
            function: function.map(|function| function_uses(function, is_provisioned)).transpose()?,
            values: self.values.clone(),
        })
    }

    fn placed(&self, reference: RepositoryRef, owner: &AccountId) -> RepositoryPlace {
        let RepositoryRef { registry, name } = reference;
        let (account, region) = match registry {
            Some(RegistryHost { account, region, .. }) => (account, region),
            None => (owner.clone(), self.place.region.clone()),
        };
        RepositoryPlace { account, region, name }
    }
}

fn function_uses(function: &FunctionSpec, is_provisioned: bool) -> Result<FunctionUses, Failure> {
    let settings = function.definition.settings();
    let list = |value: Option<&serde_json::Value>| {
        value.and_then(serde_json::Value::as_array).is_some_and(|list| !list.is_empty())
    };
    let watch = &function.traffic.watch;
    Ok(FunctionUses {
        name: function.name.clone(),
        role: function.role(),
        has_settings: settings.keys().any(|key| key != "Tags"),
        publishes: function.publish,
        has_alias: function.alias.is_some(),
        has_network: list(settings.get("VpcConfig").and_then(|network| network.get("SubnetIds"))),
        has_file_system: list(settings.get("FileSystemConfigs")),
        key: settings.get("KMSKeyArn").and_then(serde_json::Value::as_str).map(KmsKey::of),
        has_tags: settings.contains_key("Tags"),
        watches_alarms: !watch.alarms.is_empty(),
        watches_metrics: watch.guard.is_some(),
        has_smoke_test: watch.smoke.is_some(),
        is_provisioned,
        codedeploy: codedeploy_uses(function)?,
    })
}

fn codedeploy_uses(function: &FunctionSpec) -> Result<Option<CodeDeployUses>, Failure> {
    let Engine::CodeDeploy(spec) = &function.traffic.engine else { return Ok(None) };
    let config = ConfigName::of(&function.traffic.strategy);
    let config = config.map_err(|error| usage(error.to_string(), Some(error.hint())))?;
    Ok(Some(CodeDeployUses {
        application: spec.application.clone(),
        group: spec.group.clone(),
        config: Some(config.name),
        creates: spec.create,
        role: spec.role.clone(),
    }))
}

fn described(policy: &PolicyDocument, uses: &Uses) -> PermissionsDocument {
    let commands: Vec<&str> = uses.work.iter().map(|work| work.as_str()).collect();
    let whom = match policy.identity {
        Identity::Deployer => "the identity that deploys".to_owned(),
        Identity::Repository => "the identity of --repository-profile".to_owned(),
        Identity::Source => "the identity of --source-profile".to_owned(),
    };
    PermissionsDocument {
        kind: DocumentKind::Permissions(policy.identity),
        title: format!("permissions policy for {whom} ({})", commands.join(", ")),
        document: policy.json(),
        characters: policy.characters(),
        limit: MANAGED_POLICY_CHARACTERS,
    }
}

/// What has to be known beside the policies.
fn remarks(uses: &Uses, documents: &[PermissionsDocument]) -> Vec<Finding> {
    let mut remarks = Vec::new();
    for document in documents.iter().filter(|document| document.characters > document.limit) {
        remarks.push(Finding::warn(
            "policy-size",
            format!(
                "the {} has {} characters without whitespace; a managed policy takes {}",
                document.title, document.characters, document.limit
            ),
            "write it into the role as an inline policy (10,240 characters for all of them), or give the statements to two policies",
        ));
    }
    if let Some(repository) = uses.repository.as_ref().filter(|place| place.account != uses.account)
        && !uses.has_repository_identity
    {
        let RepositoryPlace { account, region, name } = repository;
        let uri = format!("{}/{name}", RegistryHost::standard(account, region).as_str());
        remarks.push(Finding::warn(
            "other-account",
            format!("the repository is in account {account}: its own policy has to grant the same to account {}", uses.account),
            format!(
                "let Lambda pull, as the repository's owner: lambda-lift policy ensure --repository {uri} --account {}; \
                 to push, use an identity of that account: --repository-profile NAME",
                uses.account
            ),
        ));
    }
    remarks
}

/// `--github-oidc` and what goes with it.
fn github_trust(arguments: &TrustArguments) -> Result<Option<GitHubTrust>, Failure> {
    let Some(repository) = &arguments.github_oidc else { return Ok(None) };
    let branches = arguments.branches.iter().cloned().map(GitHubSubject::Branch);
    let environments = arguments.github_environments.iter().cloned().map(GitHubSubject::Environment);
    let mut subjects: Vec<GitHubSubject> = branches.chain(environments).collect();
    if subjects.is_empty() {
        subjects.push(GitHubSubject::Branch("main".to_owned()));
    }
    let trust = GitHubTrust::new(repository, subjects, arguments.github_host.as_deref());
    trust.map(Some).map_err(|error| {
        let hint =
            "each branch and environment is named in full: a pattern would let in jobs that nobody reviewed";
        usage(error.to_string(), Some(hint.to_owned()))
    })
}

fn trust_document(trust: &GitHubTrust, place: &Place) -> PermissionsDocument {
    let document = trust.json(place.region.partition(), &place.account);
    let characters = document.to_string().chars().filter(|character| !character.is_whitespace()).count();
    PermissionsDocument {
        kind: DocumentKind::Trust,
        title: format!("trust policy of the role, for jobs of {}", trust.subjects().join(" and ")),
        document,
        characters,
        limit: TRUST_POLICY_CHARACTERS,
    }
}

fn provider_remark(trust: &GitHubTrust) -> Finding {
    Finding::info(
        "github-oidc",
        format!(
            "the account needs GitHub's identity provider once: aws iam create-open-id-connect-provider --url {} \
             --client-id-list sts.amazonaws.com",
            trust.issuer_url()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(branches: &[&str], environments: &[&str]) -> Vec<String> {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let arguments = TrustArguments {
            github_oidc: Some("o/r".to_owned()),
            branches: texts(branches),
            github_environments: texts(environments),
            github_host: None,
        };
        github_trust(&arguments).unwrap().unwrap().subjects()
    }

    #[test]
    fn without_a_branch_or_an_environment_the_main_branch_is_meant() {
        assert_eq!(trust(&[], &[]), ["repo:o/r:ref:refs/heads/main"]);
        assert_eq!(trust(&[], &["prod"]), ["repo:o/r:environment:prod"]);
        assert_eq!(trust(&["a", "b"], &["c"]).len(), 3);
    }

    #[test]
    fn a_function_reference_is_not_needed_by_what_only_moves_images() {
        for (command, needed) in
            [(ForCommand::Push, false), (ForCommand::PolicyEnsure, false), (ForCommand::Rollback, true)]
        {
            assert_eq!(needs_function(work_of(command)), needed);
        }
    }
}
