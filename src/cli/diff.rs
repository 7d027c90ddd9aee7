//! `diff`: what is different between a function and its declaration, or between two of its versions. It reads only.

use std::sync::Arc;

use crate::aws::Clients;
use crate::cloud::{LambdaReader, LiveFunction, PackageType};
use crate::diff::{Against, against_declaration, between_versions};
use crate::function;
use crate::image::RemoteAccess;
use crate::name::{AliasName, FunctionName, FunctionRef, Region, RepositoryRef, Version};
use crate::observe::{FunctionSight, Observation, Observer};
use crate::plan::{self, DeploySpec, FunctionSpec, GrantDecision, PullSide, Step};
use crate::preflight::{self, Finding, Wanted};
use crate::registry::RetryPolicy;
use crate::report::{Failure, FunctionReport, Outcome, Report, Stage};
use crate::status::StatusError;

use super::arguments::{DiffArguments, FunctionArguments, ImageArguments};
use super::deploy::open_image;
use super::remote::remote_access;
use super::session::{Connected, Session, usage};
use super::settings::{self, Resolved, function_spec, parse};

/// `diff`
pub(super) async fn diff(session: Session, arguments: DiffArguments) -> Report {
    let mut report = Report::new("diff");
    let DiffArguments { from, to, no_image: _, image, function } = arguments;
    let ended = match (from, image.image) {
        (Some(from), _) => of_versions(&session, &function, (&from, &to), &mut report).await,
        (None, Some(image)) => of_image(&session, image, function, &mut report).await,
        (None, None) => of_function(&session, function, image.repository.as_deref(), &mut report).await,
    };
    if let Ok(Outcome::Refused) = ended {
        report.diff = None;
    }
    report.closed(ended)
}

/// The word for a finding of this command.
const CHECK: &str = "diff";

fn outcome(report: &Report) -> Outcome {
    match report.diff.as_ref().is_some_and(crate::diff::Diff::is_different) {
        true => Outcome::Different,
        false => Outcome::Unchanged,
    }
}

/// Two versions of the function beside each other.
async fn of_versions(
    session: &Session,
    arguments: &FunctionArguments,
    (from, to): (&str, &str),
    report: &mut Report,
) -> Result<Outcome, Failure> {
    let Some(named) = arguments.function.as_deref() else {
        return Err(usage("no function was named".to_owned(), Some("add --function NAME".to_owned())));
    };
    let named: FunctionRef = parse(named)?;
    for qualifier in [from, to] {
        if qualifier != "$LATEST" && qualifier.parse::<Version>().is_err() {
            parse::<AliasName>(qualifier)?;
        }
    }
    let connected = session.or_stopped(session.connect()).await??;
    connected.refuse_another_account(session, &named).await?;
    let clients = clients_of(session, &connected, named.region.as_ref()).await?;
    let both =
        async { tokio::join!(version(&clients, &named.name, from), version(&clients, &named.name, to)) };
    let (one, other) = session.or_stopped(both).await?;
    let (one, other) = (one?, other?);
    report.function = FunctionReport::of(&named.name, &one);
    report.findings.extend(unread(&[(from, &one), (to, &other)]));
    report.diff = Some(between_versions((from, &one), (to, &other)));
    Ok(outcome(report))
}

async fn version(clients: &Clients, name: &FunctionName, qualifier: &str) -> Result<LiveFunction, Failure> {
    let found = clients.lambda.function(name, Some(qualifier)).await;
    let found = found.map_err(|error| StatusError::from(error).failure())?;
    let missing = || StatusError::Missing { what: format!("{qualifier} of function {name}") };
    let found = found.ok_or_else(|| {
        let hint = format!("what there is: lambda-lift status --function {name}");
        Failure { hint: Some(hint), ..missing().failure() }
    })?;
    refuse_zip(name, &found)?;
    Ok(found)
}

/// What AWS could not read is not known to be alike.
fn unread(versions: &[(&str, &LiveFunction)]) -> Vec<Finding> {
    let of_version = |(name, version): &(&str, &LiveFunction)| {
        let unread = version.settings.iter().filter(|(_, value)| value.get("Error").is_some());
        let told = unread.map(|(key, _)| {
            let hint = "allow kms:Decrypt of the function's key to this identity";
            Finding::unknown(CHECK, format!("AWS could not read {key} of {name}: it is not compared"), hint)
        });
        told.collect::<Vec<_>>()
    };
    versions.iter().flat_map(of_version).collect()
}

fn refuse_zip(name: &FunctionName, live: &LiveFunction) -> Result<(), Failure> {
    if live.package_type == PackageType::Image {
        return Ok(());
    }
    Err(Failure {
        kind: "zip_function",
        stage: Stage::Refused,
        message: format!("function {name} is a zip function, and lambda-lift deploys images only"),
        hint: Some("a zip function cannot become an image function: deploy under a new name".to_owned()),
    })
}

async fn clients_of(
    session: &Session,
    connected: &Connected,
    region: Option<&Region>,
) -> Result<Clients, Failure> {
    let region = region.unwrap_or(&connected.region);
    let clients = session.or_stopped(connected.clients_in(region, None)).await??;
    Ok(clients.unwrap_or_else(|| connected.clients.clone()))
}

/// The function against what is declared, without an image.
async fn of_function(
    session: &Session,
    arguments: FunctionArguments,
    repository: Option<&str>,
    report: &mut Report,
) -> Result<Outcome, Failure> {
    let (wanted, architecture) = function_spec(arguments)?;
    let repository = repository.map(parse::<RepositoryRef>).transpose()?;
    let connected = session.or_stopped(session.connect()).await??;
    refuse_account(session, &connected, &wanted).await?;
    let clients = clients_of(session, &connected, wanted.region.as_ref()).await?;
    let of_repository = repository_clients(session, &connected, repository.as_ref()).await?;
    let observer = observer(session, &connected, &clients, &of_repository, RetryPolicy::default());
    let observed = observer.observe_function(&wanted, &connected.region, repository.as_ref());
    let sight = session.or_stopped(observed).await?.map_err(|error| error.failure())?;
    let FunctionSight { caller, pull, function } = &sight;
    if let Some(live) = &function.live {
        refuse_zip(&wanted.name, live)?;
        report.function = FunctionReport::of(&wanted.name, live);
        let obstacles = function::check_against(&wanted.definition, live);
        report.findings.extend(obstacles.problems.into_iter().map(|problem| {
            let hint = problem.hint.clone().unwrap_or_else(|| "a deploy is refused for it".to_owned());
            Finding::warn(CHECK, format!("{}: {}", problem.key, problem.message), hint)
        }));
    }
    let decision = pull.as_ref().zip(repository.as_ref()).map(|((registry, policy), repository)| {
        let name = &repository.name;
        plan::decide_pull(&wanted, PullSide { function, caller, registry, repository: name, policy })
    });
    let grant = match &decision {
        Some(GrantDecision::Add(grant)) => Some(grant),
        Some(GrantDecision::Refused(told) | GrantDecision::Undecided(told)) => {
            report.findings.push(Finding::unknown("policy", told.message.clone(), told.hint.clone()));
            None
        }
        Some(GrantDecision::None) => {
            let hint = "allow ecr:GetRepositoryPolicy to this identity";
            report.findings.push(Finding::unknown("policy", "the repository's policy may not be read", hint));
            None
        }
        Some(GrantDecision::Granted) | None => None,
    };
    let steps = plan::plan_function(&wanted, architecture, function);
    let against = Against { wanted: &wanted, function, steps: &steps, has_image: false, grant };
    report.diff = Some(against_declaration(against));
    Ok(outcome(report))
}

async fn refuse_account(
    session: &Session,
    connected: &Connected,
    wanted: &FunctionSpec,
) -> Result<(), Failure> {
    let FunctionSpec { name, region, account, .. } = wanted;
    let named = FunctionRef { name: name.clone(), region: region.clone(), account: account.clone() };
    connected.refuse_another_account(session, &named).await
}

async fn repository_clients(
    session: &Session,
    connected: &Connected,
    repository: Option<&RepositoryRef>,
) -> Result<Clients, Failure> {
    let registry = repository.and_then(|repository| repository.registry.as_ref());
    let region = registry.map_or(&connected.region, |registry| &registry.region);
    let profile = session.common.repository_profile.as_deref();
    let clients = session.or_stopped(connected.clients_in(region, profile)).await??;
    Ok(clients.unwrap_or_else(|| connected.clients.clone()))
}

fn observer<'a>(
    session: &Session,
    connected: &'a Connected,
    clients: &'a Clients,
    of_repository: &Clients,
    retry: RetryPolicy,
) -> Observer<'a> {
    Observer {
        codedeploy: &clients.codedeploy,
        identity: &connected.clients.identity,
        ecr: Arc::new(of_repository.ecr.clone()),
        lambda: &clients.lambda,
        reporter: Arc::clone(&session.reporter),
        memory: None,
        endpoint: connected.registry_endpoint.clone(),
        allow_plain_http: session.common.allow_plain_http,
        running: &[],
        compute_digests: true,
        retry,
    }
}

/// The function against what is declared and an image: by the very facts and the very plan of `plan`.
async fn of_image(
    session: &Session,
    image: ImageArguments,
    function: FunctionArguments,
    report: &mut Report,
) -> Result<Outcome, Failure> {
    let mut resolved = settings::resolve(image, Some(function), Arc::clone(&session.reporter))?;
    let connected = session.or_stopped(session.connect()).await??;
    let Resolved { from, source, retry, .. } = &resolved;
    let remote = remote_access(session, from, source, Some(&connected)).await?;
    resolved.access.remote = RemoteAccess { retry: *retry, ..remote };
    let spec = resolved.spec(connected.region.clone());
    report.findings = preflight::check_arguments(&spec);
    let clients = clients_of(session, &connected, Some(spec.function_region())).await?;
    let Some(local) = open_image(session, &resolved, &spec, &clients.lambda, report).await? else {
        return Ok(Outcome::Refused);
    };
    report.findings.extend(preflight::check_image(&local, &Wanted::of(&spec)));
    if preflight::refused(&report.findings) {
        return Ok(Outcome::Refused);
    }
    let of_repository = repository_clients(session, &connected, Some(&spec.repository)).await?;
    let observer = Observer {
        memory: resolved.apply.memory.clone(),
        ..observer(session, &connected, &clients, &of_repository, resolved.retry)
    };
    let observed = session.or_stopped(observer.observe(&spec, local)).await?;
    let Observation { facts, .. } = observed.map_err(|error| error.failure())?;
    report.findings.extend(preflight::check_facts(&spec, &facts));
    let DeploySpec { function: Some(wanted), .. } = &spec else { return Ok(Outcome::Refused) };
    let Some(function) = &facts.function else { return Ok(Outcome::Refused) };
    report.function = function.live.as_ref().and_then(|live| FunctionReport::of(&wanted.name, live));
    if preflight::refused(&report.findings) {
        return Ok(Outcome::Refused);
    }
    let steps = plan::plan(&spec, &facts).steps;
    let grant = steps.iter().find_map(|step| match step {
        Step::GrantPull(grant) => Some(grant),
        _ => None,
    });
    report.diff =
        Some(against_declaration(Against { wanted, function, steps: &steps, has_image: true, grant }));
    Ok(outcome(report))
}
