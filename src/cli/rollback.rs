//! `rollback`.

use crate::name::FunctionRef;
use crate::release::{CodeDeployAccess, Rollback, SystemClock, Wish};
use crate::report::{Failure, Outcome, Report};

use super::arguments::RollbackArguments;
use super::engine::group;
use super::session::Session;
use super::settings::parse;

/// `rollback`
pub(super) async fn rollback(session: Session, arguments: RollbackArguments) -> Report {
    let mut report = Report::new("rollback");
    let ended = run(&session, &arguments, &mut report).await;
    report.closed(ended)
}

async fn run(
    session: &Session,
    arguments: &RollbackArguments,
    report: &mut Report,
) -> Result<Outcome, Failure> {
    let function: FunctionRef = parse(&arguments.function)?;
    let alias = parse(&arguments.alias)?;
    let wish = match &arguments.to {
        Some(version) => Wish::To(parse(version)?),
        None => Wish::Steps(usize::from(arguments.steps)),
    };
    let group = group(&arguments.group)?;
    let connected = session.or_stopped(session.connect()).await??;
    let region = function.region.as_ref().unwrap_or(&connected.region);
    let (clients, of_repository) = session.or_stopped(connected.both_clients(session, region)).await??;
    let rollback = Rollback {
        lambda: &clients.lambda,
        writer: &clients.lambda,
        ecr: &of_repository.ecr,
        identity: &clients.identity,
        reporter: session.reporter.as_ref(),
        interrupt: &session.interrupt,
        clock: &SystemClock,
        function: &function.name,
        alias: &alias,
        wish,
        codedeploy: CodeDeployAccess { reader: &clients.codedeploy, writer: &clients.codedeploy },
        group,
    };
    rollback.run(report).await
}
