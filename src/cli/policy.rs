//! `policy show`, `policy check` and `policy ensure`.

use crate::apply::write_policy;
use crate::cloud::EcrReader as _;
use crate::cloud::Identity as _;
use crate::name::{AccountId, FunctionRef, Region, RegistryHost, RepositoryName, RepositoryRef};
use crate::plan::GrantStep;
use crate::policy::{self, Assessment, Document, Doubtful, Ensured, PolicyScope, Request, Verdict, Wish};
use crate::preflight::Finding;
use crate::report::{Failure, Outcome, PolicyOutcome, PolicyReport, Report, Stage};

use super::arguments::{PolicyAudience, PolicyCheckArguments, PolicyEnsureArguments, PolicyRepository};
use super::session::{Connected, Session, environment_region, usage};
use super::settings::{parse, read_text, scope};

/// `policy show`
pub(super) async fn show(session: Session, arguments: PolicyRepository) -> Report {
    ended("policy show", async |report| {
        let repository: RepositoryRef = parse(&arguments.repository)?;
        let connected = session.or_stopped(session.connect()).await??;
        let read = session.or_stopped(Repository::read(&session, &connected, repository)).await??;
        report.policy = Some(PolicyReport {
            changed: false,
            verdict: PolicyOutcome::Shown,
            statements_added: Vec::new(),
            document: Some(read.text.unwrap_or_default()),
        });
        Ok(Outcome::Checked)
    })
    .await
}

/// `policy check`
pub(super) async fn check(session: Session, arguments: PolicyCheckArguments) -> Report {
    ended("policy check", async |report| {
        let repository = arguments.repository.as_deref().map(parse::<RepositoryRef>).transpose()?;
        let name = repository.as_ref().map(|repository| repository.name.clone());
        let (document, requests) = match (&arguments.policy_file, repository) {
            (Some(path), repository) => {
                let text = read_text(path)?;
                let region = session.common.region.clone().or_else(environment_region);
                (Some(text), requests_offline(repository.as_ref(), region, &arguments.audience)?)
            }
            (None, Some(repository)) => {
                let connected = session.or_stopped(session.connect()).await??;
                let read = session.or_stopped(Repository::read(&session, &connected, repository)).await??;
                let requests = read.requests(&arguments.audience)?;
                (read.text, requests)
            }
            (None, None) => return Err(usage("no repository was named".to_owned(), None)),
        };
        let assessments = assess(document.as_deref(), &requests)?;
        explain(report, &assessments, &requests, name.as_ref());
        Ok(judged(report, assessments))
    })
    .await
}

/// `policy ensure`
pub(super) async fn ensure(session: Session, arguments: PolicyEnsureArguments) -> Report {
    ended("policy ensure", async |report| {
        let repository: RepositoryRef = parse(&arguments.repository.repository)?;
        let connected = session.or_stopped(session.connect()).await??;
        let read = session.or_stopped(Repository::read(&session, &connected, repository)).await??;
        let requests = read.requests(&arguments.audience)?;
        grant(&session, &read, &requests, scope(arguments.policy_scope), report).await
    })
    .await
}

/// Runs one command and turns whatever ended it into the report.
async fn ended(
    command: &'static str,
    work: impl AsyncFnOnce(&mut Report) -> Result<Outcome, Failure>,
) -> Report {
    let mut report = Report::new(command);
    let ended = work(&mut report).await;
    report.closed(ended)
}

/// A repository with its policy as it is now, and who asks.
struct Repository {
    host: RegistryHost,
    reference: RepositoryRef,
    caller: crate::cloud::Caller,
    text: Option<String>,
    clients: crate::aws::Clients,
}

impl Repository {
    async fn read(
        session: &Session,
        connected: &Connected,
        reference: RepositoryRef,
    ) -> Result<Self, Failure> {
        let region = reference.registry.as_ref().map_or(&connected.region, |host| &host.region);
        let profile = session.common.repository_profile.as_deref();
        let own = connected.clients_in(region, profile).await?;
        let clients = own.unwrap_or_else(|| connected.clients.clone());
        let owner = reference.registry.as_ref().map(|host| &host.account);
        let reading = async {
            let (ecr, name) = (&clients.ecr, &reference.name);
            tokio::join!(
                clients.identity.caller(),
                ecr.repository(owner, name),
                ecr.repository_policy(owner, name)
            )
        };
        let read = session.interrupt.or(reading).await.map_err(|stopped| stopped.failure(false))?;
        let (caller, repository, text) = read;
        // Whoever may read the policy but not describe the repository still gets the policy.
        if let Ok(None) = repository {
            return Err(Failure {
                kind: "not_found",
                stage: Stage::Refused,
                message: format!("repository {} does not exist in {region}", reference.name),
                hint: Some("check its name, --region and the account of the credentials".to_owned()),
            });
        }
        let failed = |error: crate::cloud::CloudError| crate::apply::ApplyError::from(error).failure(false);
        let (caller, text) = (caller.map_err(failed)?, text.map_err(failed)?);
        let host = match &reference.registry {
            Some(host) => host.clone(),
            None => RegistryHost::standard(&caller.account, region),
        };
        Ok(Self { host, caller, text, clients, reference })
    }

    /// The requests of `--account` and `--function`: the caller's own account when none is named.
    fn requests(&self, audience: &PolicyAudience) -> Result<Vec<Request>, Failure> {
        let default = self.caller.account.clone();
        let requests = requests(&self.host.account, &self.host.region, default, audience)?;
        let with_caller = |request: Request| {
            // The caller's own ARN says something about requests of its account only.
            if request.account == self.caller.account {
                request.by_caller(self.caller.arn.clone())
            } else {
                request
            }
        };
        Ok(requests.into_iter().map(with_caller).collect())
    }
}

/// The requests for a document in a file, where nobody can be asked.
fn requests_offline(
    repository: Option<&RepositoryRef>,
    region: Option<String>,
    audience: &PolicyAudience,
) -> Result<Vec<Request>, Failure> {
    let host = repository.and_then(|repository| repository.registry.as_ref());
    let function = audience.function.as_deref().map(parse::<FunctionRef>).transpose()?;
    let region = match (host, function.as_ref().and_then(|function| function.region.clone()), region) {
        (Some(host), _, _) => host.region.clone(),
        (None, Some(region), _) => region,
        (None, None, Some(region)) => parse(&region)?,
        (None, None, None) => {
            let hint = "add --region, or name the repository by its full URI";
            return Err(usage(
                "the Region of repository and function is not known".to_owned(),
                Some(hint.to_owned()),
            ));
        }
    };
    let first = audience.accounts.first().map(|account| parse::<AccountId>(account)).transpose()?;
    let account = first.or(function.and_then(|function| function.account));
    let Some(owner) = host.map(|host| host.account.clone()).or_else(|| account.clone()) else {
        let hint = "add --account ID, or name the repository by its full URI";
        return Err(usage("the function's account is not known".to_owned(), Some(hint.to_owned())));
    };
    requests(&owner, &region, account.unwrap_or_else(|| owner.clone()), audience)
}

fn requests(
    owner: &AccountId,
    region: &Region,
    default: AccountId,
    audience: &PolicyAudience,
) -> Result<Vec<Request>, Failure> {
    let function = audience.function.as_deref().map(parse::<FunctionRef>).transpose()?;
    let mut accounts: Vec<AccountId> = Vec::new();
    for account in &audience.accounts {
        let account = parse(account)?;
        if !accounts.contains(&account) {
            accounts.push(account);
        }
    }
    if accounts.is_empty() {
        accounts.push(function.as_ref().and_then(|function| function.account.clone()).unwrap_or(default));
    }
    let of = |account: AccountId| {
        let request = Request::new(owner.clone(), account, region.clone());
        match &function {
            Some(function) => request.for_function(function.name.clone()),
            None => request,
        }
    };
    Ok(accounts.into_iter().map(of).collect())
}

fn parse_document(text: Option<&str>) -> Result<Option<Document>, Failure> {
    text.map(str::parse::<Document>).transpose().map_err(|error| Failure {
        kind: "malformed_policy",
        stage: Stage::Refused,
        message: error.to_string(),
        hint: Some("correct the document; nothing is taken as granted until it can be read".to_owned()),
    })
}

fn assess(text: Option<&str>, requests: &[Request]) -> Result<Vec<Assessment>, Failure> {
    let document = parse_document(text)?;
    Ok(requests.iter().map(|request| policy::evaluate(document.as_ref(), request)).collect())
}

/// Each account that is not granted is a finding of its own, with the command that mends it where the repository's name is
/// known.
fn explain(
    report: &mut Report,
    assessments: &[Assessment],
    requests: &[Request],
    name: Option<&RepositoryName>,
) {
    for (assessment, request) in assessments.iter().zip(requests) {
        let verdict = assessment.verdict();
        let told = name.map(|name| policy::explain(assessment, request, name, PolicyScope::default()));
        let (message, hint) = match told {
            Some(told) => (told.message, told.hint),
            None if requests.len() > 1 => {
                (format!("account {}: {}", request.account, verdict.as_str()), None)
            }
            None => continue,
        };
        let hint =
            hint.unwrap_or_else(|| "name the repository with --repository to learn what mends it".to_owned());
        match verdict {
            Verdict::Granted => {}
            Verdict::Unknown => report.findings.push(Finding::unknown("policy", message, hint)),
            Verdict::Missing | Verdict::Denied => {
                report.findings.push(Finding::refuse("policy", message, hint))
            }
        }
    }
}

/// The worst assessment becomes the document's.
fn judged(report: &mut Report, assessments: Vec<Assessment>) -> Outcome {
    let worst = assessments.into_iter().max_by_key(Assessment::verdict);
    let granted = worst.as_ref().is_some_and(|worst| worst.verdict() == Verdict::Granted);
    report.policy = worst.map(|worst| PolicyReport {
        changed: false,
        verdict: PolicyOutcome::Judged(Box::new(worst)),
        statements_added: Vec::new(),
        document: None,
    });
    if granted { Outcome::Checked } else { Outcome::Refused }
}

async fn grant(
    session: &Session,
    repository: &Repository,
    requests: &[Request],
    scope: PolicyScope,
    report: &mut Report,
) -> Result<Outcome, Failure> {
    let document = parse_document(repository.text.as_deref())?;
    let name = &repository.reference.name;
    let wish = Wish { requests, scope, doubtful: Doubtful::Grant };
    let ensured = policy::ensure(document.as_ref(), wish).map_err(|error| usage(error.to_string(), None))?;
    let refuse = |message: String, hint: Option<String>| {
        Err(Failure { kind: "refused", stage: Stage::Refused, message, hint })
    };
    let mut outcome = PolicyReport {
        changed: false,
        verdict: PolicyOutcome::Granted,
        statements_added: Vec::new(),
        document: None,
    };
    match ensured {
        Ensured::AlreadyGranted(_) => {
            report.policy = Some(outcome);
            Ok(Outcome::Unchanged)
        }
        Ensured::Add(addition) => {
            let step = GrantStep {
                current: repository.text.clone(),
                statements: addition.sids().into_iter().map(str::to_owned).collect(),
                preview: String::new(),
                text: addition.text.clone(),
            };
            let ecr = &repository.clients.ecr;
            session.interrupt.check().map_err(|stopped| stopped.failure(false))?;
            let writing = write_policy(ecr, ecr, &repository.host.account, name, &step);
            let Some(written) = session.interrupt.or_soon(writing).await else {
                return Err(Failure {
                    kind: "interrupted",
                    stage: Stage::BeforeChange,
                    message: format!("stopped on request; the policy of {name} may have been extended"),
                    hint: Some(format!("see what it grants: lambda-lift policy check --repository {name}")),
                });
            };
            written.map_err(|error| error.failure(false))?;
            outcome.changed = true;
            outcome.verdict = PolicyOutcome::Added;
            outcome.statements_added = step.statements;
            report.policy = Some(outcome);
            Ok(Outcome::Checked)
        }
        Ensured::Denied(assessments) | Ensured::Unknown(assessments) => {
            let outcome = judged(report, assessments.clone());
            let told = assessments.iter().zip(requests).max_by_key(|(assessment, _)| assessment.verdict());
            let Some((assessment, request)) = told else { return Ok(outcome) };
            let told = policy::explain(assessment, request, name, scope);
            refuse(told.message, told.hint)
        }
        Ensured::TooLarge { characters, .. } => {
            let told = policy::explain_too_large(characters, name);
            refuse(told.message, told.hint)
        }
    }
}
