//! `policy show`, `policy check` and `policy ensure`.

use crate::apply::write_policy;
use crate::cloud::EcrReader as _;
use crate::cloud::Identity as _;
use crate::name::{AccountId, FunctionRef, Region, RegistryHost, RepositoryRef};
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
        let connected = session.connect().await?;
        let read = Repository::read(&session, &connected, repository).await?;
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
        let (document, requests) = match (&arguments.policy_file, repository) {
            (Some(path), repository) => {
                let text = read_text(path)?;
                let region = session.common.region.clone().or_else(environment_region);
                (Some(text), requests_offline(repository.as_ref(), region, &arguments.audience)?)
            }
            (None, Some(repository)) => {
                let connected = session.connect().await?;
                let read = Repository::read(&session, &connected, repository).await?;
                let requests = read.requests(&arguments.audience)?;
                (read.text, requests)
            }
            (None, None) => return Err(usage("no repository was named".to_owned(), None)),
        };
        let assessments = assess(document.as_deref(), &requests)?;
        Ok(judged(report, assessments, &requests))
    })
    .await
}

/// `policy ensure`
pub(super) async fn ensure(session: Session, arguments: PolicyEnsureArguments) -> Report {
    ended("policy ensure", async |report| {
        let repository: RepositoryRef = parse(&arguments.repository.repository)?;
        let connected = session.connect().await?;
        let read = Repository::read(&session, &connected, repository).await?;
        let requests = read.requests(&arguments.audience)?;
        grant(&session, &read, &requests, scope(arguments.policy_scope), report).await
    })
    .await
}
