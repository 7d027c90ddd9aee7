//! Images that Amazon ECR brings from one registry to another by itself.

use std::time::{Duration, Instant};

use crate::cli::session::Session;
use crate::cloud::{CloudError, ReplicaPlace, ReplicaState, Replication};
use crate::event::Event;
use crate::fleet::Shelf;
use crate::name::Digest;
use crate::preflight::Finding;
use crate::report::{Failure, Stage};

/// How long a fresh push may go without any word of its replication.
const SILENCE: Duration = Duration::from_secs(20);
/// The pauses between two looks; the last one stays.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(3)];

/// An image on its way.
pub(super) struct Replicated<'a> {
    pub(super) from: &'a Shelf,
    pub(super) to: &'a Shelf,
    pub(super) digest: Digest,
}

/// Where the registry of a shelf replicates it to. Who may not know pushes everywhere.
pub(super) async fn replicas(ecr: &dyn Replication, shelf: &Shelf) -> Result<Vec<ReplicaPlace>, Finding> {
    ecr.replicas(&shelf.registry.account, &shelf.repository).await.map_err(|error: CloudError| {
        let message = format!(
            "whether the registry of {} in {} replicates is not known, so the image is pushed to each: {error}",
            shelf.registry.account, shelf.registry.region
        );
        Finding::info("replication", message)
    })
}

/// Waits until the image has arrived; false where it is not replicated after all. `patience` says for how long, and whether the image
/// was pushed just now, so that its replication may still have to begin.
pub(super) async fn await_replica(
    ecr: &dyn Replication,
    way: &Replicated<'_>,
    session: &Session,
    (timeout, was_pushed): (Duration, bool),
) -> Result<bool, Failure> {
    let begun = Instant::now();
    let place = ReplicaPlace {
        account: way.to.registry.account.to_string(),
        region: way.to.registry.region.to_string(),
    };
    let mut pauses = PAUSES.iter();
    let mut pause = PAUSES[0];
    loop {
        let asked = ecr.replica_states(&way.from.registry.account, &way.from.repository, &way.digest);
        let states = session.or_stopped(asked).await?;
        let states = states.map_err(|error| crate::apply::ApplyError::from(error).failure(false))?;
        let state = states.into_iter().find(|(found, _)| *found == place).map(|(_, state)| state);
        match state {
            Some(ReplicaState::Complete) => return Ok(true),
            Some(ReplicaState::Failed(code)) => return Err(failed(way, code.as_deref())),
            None if !was_pushed || begun.elapsed() >= SILENCE => return Ok(false),
            None | Some(ReplicaState::InProgress) => {}
        }
        if begun.elapsed() >= timeout {
            return Err(late(way, timeout));
        }
        let what =
            format!("the replication of {} to {} in {}", way.to.repository, place.account, place.region);
        session.reporter.report(Event::Waiting { what, state: "IN_PROGRESS".to_owned() });
        pause = pauses.next().copied().unwrap_or(pause);
        session.or_stopped(tokio::time::sleep(pause)).await?;
    }
}

fn image(way: &Replicated<'_>) -> String {
    format!(
        "{}@{} from {} in {} to {} in {}",
        way.from.repository,
        way.digest,
        way.from.registry.account,
        way.from.registry.region,
        way.to.registry.account,
        way.to.registry.region
    )
}

fn failed(way: &Replicated<'_>, code: Option<&str>) -> Failure {
    Failure {
        kind: "replication_failed",
        stage: Stage::BeforeChange,
        message: format!(
            "Amazon ECR could not replicate {}{}",
            image(way),
            code.map(|code| format!(": {code}")).unwrap_or_default()
        ),
        hint: Some(format!(
            "across accounts the registry policy of {} must allow ecr:ReplicateImage and ecr:CreateRepository to {}; look with: \
             aws ecr describe-image-replication-status --repository-name {} --image-id imageDigest={} --region {}",
            way.to.registry.account,
            way.from.registry.account,
            way.from.repository,
            way.digest,
            way.from.registry.region
        )),
    }
}

fn late(way: &Replicated<'_>, timeout: Duration) -> Failure {
    Failure {
        kind: "timeout",
        stage: Stage::BeforeChange,
        message: format!("Amazon ECR did not replicate {} within {} s", image(way), timeout.as_secs()),
        hint: Some(
            "give it longer with --replication-timeout; running the same command again goes on waiting"
                .to_owned(),
        ),
    }
}
