//! Asks both sides, in as few waves of requests as their dependencies allow.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::join;

use crate::cloud::{
    BLOBS_A_CALL, Caller, CloudError, CloudErrorKind, CodeDeployReader, Deployment, EcrReader, Identity,
    LambdaReader, LiveAlias, LiveFunction, PublishedVersion, RegistryAuthorizer, RegistryCredential,
    Repository,
};
use crate::event::Reporter;
use crate::image::LocalImage;
use crate::memory::Memory;
use crate::name::{AccountId, Digest, Region, RegistryHost, RepositoryName, RepositoryRef};
use crate::plan::{DeploySpec, FunctionSpec};
use crate::registry::{BlobInventory, Registry, RegistrySettings, RetryPolicy, check_endpoint};
use crate::release::{self, Journal};

use super::layers::ImageObserver;
use super::{Facts, FunctionFacts, ObserveError, PolicyFacts, RepositoryFacts, mounts};

/// Everything that may be asked.
pub struct Observer<'a> {
    /// Who we are.
    pub identity: &'a dyn Identity,
    /// ECR in the repository's Region.
    pub ecr: Arc<dyn EcrReader>,
    /// Lambda in the function's Region.
    pub lambda: &'a dyn LambdaReader,
    /// CodeDeploy in the function's Region.
    pub codedeploy: &'a dyn CodeDeployReader,
    /// Where events go.
    pub reporter: Arc<dyn Reporter>,
    /// What is remembered of earlier runs; none to know nothing of them.
    pub memory: Option<Memory>,
    /// Where to connect instead of the registry's own host.
    pub endpoint: Option<String>,
    /// Whether a plain http endpoint that is not on this machine may be used.
    pub allow_plain_http: bool,
    /// Further digests that the repository's image may be known by: what functions run that are not asked for here, or what was
    /// pushed just now.
    pub running: &'a [Digest],
    /// Whether layers are read to learn their digests, so that the plan can show them.
    pub compute_digests: bool,
    /// How failures of the registry are answered.
    pub retry: RetryPolicy,
}

/// What was seen, and the registry that it was seen through, already authorised.
pub struct Observation {
    /// Everything that was read.
    pub facts: Facts,
    /// The repository's registry.
    pub registry: Registry,
}

/// What was seen of a function alone.
#[derive(Debug)]
pub struct FunctionSight {
    /// Who we are to AWS.
    pub caller: Caller,
    /// The repository's registry and policy; none where no repository is named.
    pub pull: Option<(RegistryHost, PolicyFacts)>,
    /// The function.
    pub function: FunctionFacts,
}

impl Observer<'_> {
    /// Reads both sides.
    ///
    /// # Errors
    /// Fails when something that must be known cannot be read. What only may be known becomes a fact of its own
    /// ([`RepositoryFacts::Unreadable`], [`PolicyFacts::Unreadable`]).
    pub async fn observe(&self, spec: &DeploySpec, local: LocalImage) -> Result<Observation, ObserveError> {
        let name = &spec.repository.name;
        let owner = spec.repository.registry.as_ref().map(|registry| &registry.account);
        let mounting = mounts::is_possible(spec, &local, self.memory.as_ref());
        let setting = async { if mounting { Some(self.ecr.mounts_blobs().await) } else { None } };
        let (caller, repository, policy, credential, function, setting) = join!(
            self.identity.caller(),
            self.ecr.repository(owner, name),
            self.ecr.repository_policy(owner, name),
            self.ecr.authorize(),
            self.function(spec.function.as_ref()),
            setting,
        );
        let (caller, credential, function) = (caller?, credential?, function?);
        let repository = repository_facts(repository)?;
        let policy = policy_facts(policy)?;
        let host = registry_host(&spec.repository, &spec.region, &caller);
        let function = spec.function.as_ref().zip(function);
        let function = function.map(|(wanted, seen)| seen.facts(wanted, spec.function_region(), &caller));

        let registry = self.registry(spec, &host, credential)?;
        let mut running = function.as_ref().map(FunctionFacts::running).unwrap_or_default();
        running.extend(self.running);
        let image = ImageObserver {
            spec,
            registry: &registry,
            repository: &repository,
            running: &running,
            mount: mounts::mount_facts(spec, &local, &host, setting, &caller),
            memory: self.memory.as_ref(),
            compute_digests: self.compute_digests,
        };
        let image = image.look(local).await?;
        let facts = Facts { caller, registry: host, image, repository, policy, function };
        Ok(Observation { facts, registry })
    }

    /// Reads the function and, where one is named, its repository's policy: what can be known without an image.
    ///
    /// # Errors
    /// As [`Self::observe`].
    pub async fn observe_function(
        &self,
        wanted: &FunctionSpec,
        region: &Region,
        repository: Option<&RepositoryRef>,
    ) -> Result<FunctionSight, ObserveError> {
        let policy = async {
            let repository = repository?;
            let owner = repository.registry.as_ref().map(|registry| &registry.account);
            Some(self.ecr.repository_policy(owner, &repository.name).await)
        };
        let (caller, policy, seen) = join!(self.identity.caller(), policy, self.function(Some(wanted)));
        let caller = caller?;
        let policy = policy.map(policy_facts).transpose()?;
        let pull = repository
            .zip(policy)
            .map(|(repository, policy)| (registry_host(repository, region, &caller), policy));
        let region = wanted.region.as_ref().unwrap_or(region);
        let seen = seen?.unwrap_or_default();
        let function = seen.facts(wanted, region, &caller);
        Ok(FunctionSight { caller, pull, function })
    }

    fn registry(
        &self,
        spec: &DeploySpec,
        host: &RegistryHost,
        credential: RegistryCredential,
    ) -> Result<Registry, ObserveError> {
        let given = self.endpoint.clone().unwrap_or_else(|| format!("https://{host}"));
        let wrong = |why: String| ObserveError::Endpoint { message: why };
        let endpoint =
            given.parse().map_err(|error| wrong(format!("{given:?} is not an address: {error}")))?;
        check_endpoint(&endpoint, self.allow_plain_http).map_err(|error| wrong(error.to_string()))?;
        let settings = RegistrySettings {
            retry: self.retry,
            allow_plain_http: self.allow_plain_http,
            credential: Some(credential),
            reporter: Arc::clone(&self.reporter),
            inventory: Some(Arc::new(EcrInventory {
                ecr: Arc::clone(&self.ecr),
                account: host.account.clone(),
                repository: spec.repository.name.clone(),
            })),
            ..RegistrySettings::default()
        };
        let authorizer: Arc<dyn RegistryAuthorizer> = self.ecr.clone();
        Ok(Registry::new(endpoint, spec.repository.name.clone(), authorizer, settings)?)
    }

    /// Everything about the function, in one wave.
    async fn function(&self, wanted: Option<&FunctionSpec>) -> Result<Option<SeenFunction>, CloudError> {
        let Some(wanted) = wanted else { return Ok(None) };
        let FunctionSpec { name, alias, publish, .. } = wanted;
        let of_alias = async {
            match alias {
                Some(alias) => {
                    let (found, target) = join!(
                        self.lambda.alias(name, alias),
                        self.lambda.function(name, Some(alias.as_str())),
                    );
                    Ok((found?, target?))
                }
                None => Ok((None, None)),
            }
        };
        let versions =
            async { if *publish && alias.is_none() { self.lambda.versions(name).await } else { Ok(None) } };
        let (live, of_alias, versions) = join!(self.lambda.function(name, None), of_alias, versions);
        let ((alias, alias_target), live) = (of_alias?, live?);
        let deployment = self.deployment(live.as_ref(), alias.as_ref()).await;
        let versions = versions?.unwrap_or_default();
        Ok(Some(SeenFunction { live, alias, alias_target, versions, deployment }))
    }

    /// The deployment of CodeDeploy that the alias's journal names as one that may go on. Who may not read it is left with what
    /// the alias shows.
    async fn deployment(&self, live: Option<&LiveFunction>, alias: Option<&LiveAlias>) -> Option<Deployment> {
        let journal = Journal::read(&live?.settings, &alias?.name);
        let open = journal.open_deployment()?;
        release::deployment_of(self.codedeploy, open).await.ok().flatten()
    }
}

/// What ECR's control plane says of many blobs at once, for a registry that does not know that there is one.
struct EcrInventory {
    ecr: Arc<dyn EcrReader>,
    account: AccountId,
    repository: RepositoryName,
}

#[async_trait]
impl BlobInventory for EcrInventory {
    fn most(&self) -> usize {
        BLOBS_A_CALL
    }

    async fn stored(&self, digests: &[Digest]) -> Result<HashMap<Digest, bool>, CloudError> {
        self.ecr.blobs_stored(&self.account, &self.repository, digests).await
    }
}

/// The function's side before the account is known.
#[derive(Default)]
struct SeenFunction {
    live: Option<LiveFunction>,
    alias: Option<LiveAlias>,
    alias_target: Option<LiveFunction>,
    versions: Vec<PublishedVersion>,
    deployment: Option<Deployment>,
}

impl SeenFunction {
    fn facts(self, wanted: &FunctionSpec, region: &Region, caller: &Caller) -> FunctionFacts {
        FunctionFacts {
            account: wanted.account.clone().unwrap_or_else(|| caller.account.clone()),
            region: region.clone(),
            live: self.live,
            alias: self.alias,
            alias_target: self.alias_target,
            versions: self.versions,
            deployment: self.deployment,
        }
    }
}

/// The registry that a URI names, else the caller's own in the configured Region.
pub(crate) fn registry_host(repository: &RepositoryRef, region: &Region, caller: &Caller) -> RegistryHost {
    let own = || RegistryHost::standard(&caller.account, region);
    repository.registry.clone().unwrap_or_else(own)
}

fn repository_facts(read: Result<Option<Repository>, CloudError>) -> Result<RepositoryFacts, CloudError> {
    match read {
        Ok(Some(repository)) => Ok(RepositoryFacts::Present(repository)),
        Ok(None) => Ok(RepositoryFacts::Missing),
        Err(error) if error.kind == CloudErrorKind::AccessDenied => Ok(RepositoryFacts::Unreadable(error)),
        Err(error) => Err(error),
    }
}

fn policy_facts(read: Result<Option<String>, CloudError>) -> Result<PolicyFacts, CloudError> {
    match read {
        Ok(Some(text)) => Ok(PolicyFacts::Text(text)),
        Ok(None) => Ok(PolicyFacts::Absent),
        Err(error) if error.kind == CloudErrorKind::AccessDenied => Ok(PolicyFacts::Unreadable(error)),
        Err(error) => Err(error),
    }
}
