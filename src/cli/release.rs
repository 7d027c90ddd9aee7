//! `release`.

use crate::name::FunctionRef;
use crate::release::{CodeDeployAccess, ReleaseSpec, Releaser, SystemClock, Target};
use crate::report::{Failure, Outcome, Report};

use super::arguments::ReleaseArguments;
use super::engine::engine;
use super::session::Session;
use super::settings::parse;
use super::traffic::traffic;

/// `release`
pub(super) async fn release(session: Session, arguments: ReleaseArguments) -> Report {
    let mut report = Report::new("release");
    let ended = run(&session, &arguments, &mut report).await;
    report.closed(ended)
}

async fn run(
    session: &Session,
    arguments: &ReleaseArguments,
    report: &mut Report,
) -> Result<Outcome, Failure> {
    let function: FunctionRef = parse(&arguments.function)?;
    let spec = ReleaseSpec {
        function: function.name.clone(),
        alias: parse(&arguments.alias)?,
        to: match arguments.to.as_deref() {
            None => Target::Resume,
            Some("latest") => Target::Latest,
            Some(version) => Target::Version(parse(version)?),
        },
        traffic: traffic(
            &arguments.strategy,
            arguments.on_interrupt,
            &arguments.watch,
            engine(&arguments.engine, arguments.resume)?,
        )?,
    };
    let connected = session.connect().await?;
    let region = function.region.as_ref().unwrap_or(&connected.region);
    let (clients, of_repository) = connected.both_clients(session, region).await?;
    let releaser = Releaser {
        lambda: &clients.lambda,
        writer: &clients.lambda,
        ecr: &of_repository.ecr,
        monitor: &clients.monitor,
        codedeploy: CodeDeployAccess { reader: &clients.codedeploy, writer: &clients.codedeploy },
        identity: &clients.identity,
        reporter: session.reporter.as_ref(),
        clock: &SystemClock,
        interrupt: &session.interrupt,
        spec: &spec,
    };
    releaser.run(report).await
}
