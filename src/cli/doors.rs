//! The ways to AWS that were opened: one for each identity and Region, whatever number of targets goes through it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use lambda_lift_localstack::Stand;
use tokio::sync::{OnceCell, watch};

use crate::apply::ApplyError;
use crate::aws::{Clients, Connection, ConnectionSettings, Pace};
use crate::cloud::{Caller, CloudError, CloudErrorKind, Identity as _};
use crate::name::{AccountId, Region};
use crate::report::{Failure, Stage};
use crate::stand_runner::StandRunner;

use super::session::connect_failure;

/// What was opened.
#[derive(Clone)]
pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) clients: Clients,
    pub(super) region: Region,
    /// Who we are there, where it was asked.
    pub(super) caller: Option<Caller>,
}

/// The ways that were opened.
#[derive(Default)]
pub(super) struct Doors {
    opened: Mutex<HashMap<ConnectionSettings, Arc<OnceCell<Opened>>>>,
    /// The pace of each account and Region.
    paces: Mutex<HashMap<(AccountId, Region), Arc<Pace>>>,
    /// Whether calls to Lambda keep a pace; then this turns true when the user asks to stop.
    stop: Option<watch::Receiver<bool>>,
    stand: OnceCell<Arc<Stand>>,
    /// Who runs the stand-in's functions.
    runner: OnceLock<StandRunner>,
}

impl Doors {
    /// None is open yet. With `stop`, which turns true when the user asks to stop, calls to Lambda keep the pace of AWS's quota.
    pub(super) fn new(stop: Option<watch::Receiver<bool>>) -> Self {
        Self { stop, ..Self::default() }
    }

    /// Whether calls to Lambda keep the pace of AWS's quota.
    pub(super) fn keep_a_pace(&self) -> bool {
        self.stop.is_some()
    }

    /// The one stand-in of this process; the first who asks starts it.
    pub(super) async fn stand(
        &self,
        start: impl Future<Output = Result<Stand, Failure>>,
    ) -> Result<Arc<Stand>, Failure> {
        self.stand.get_or_try_init(|| async { start.await.map(Arc::new) }).await.cloned()
    }

    /// The one runner of this process; the first who asks makes it.
    pub(super) fn runner(&self, make: impl FnOnce() -> StandRunner) -> StandRunner {
        self.runner.get_or_init(make).clone()
    }

    /// Ends what runs behind the doors. Nobody goes through one any more.
    pub(super) async fn close(&self) {
        if let Some(runner) = self.runner.get() {
            runner.close().await;
        }
    }

    /// Opens a way, once. Who we are is asked where that is to be `known`, where a role must be assumed, and where a pace is kept.
    pub(super) async fn open(&self, settings: &ConnectionSettings, known: bool) -> Result<Opened, Failure> {
        let cell = {
            let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(opened.entry(settings.clone()).or_default())
        };
        let opened = cell.get_or_try_init(|| self.open_anew(settings)).await?;
        match (known, &opened.caller) {
            (true, None) => {
                let caller =
                    opened.clients.identity.caller().await.map_err(|error| refused(error, settings))?;
                Ok(Opened { caller: Some(caller), ..opened.clone() })
            }
            _ => Ok(opened.clone()),
        }
    }

    async fn open_anew(&self, settings: &ConnectionSettings) -> Result<Opened, Failure> {
        let connection = Connection::open(settings).await.map_err(connect_failure)?;
        let (mut clients, region) = (connection.clients(), connection.region().clone());
        let mut caller = None;
        if settings.role.is_some() || self.stop.is_some() {
            let found = clients.identity.caller().await.map_err(|error| refused(error, settings))?;
            if let Some(pace) = self.pace(&found.account, &region) {
                clients.lambda = connection.lambda_at(pace);
            }
            caller = Some(found);
        }
        Ok(Opened { connection, clients, region, caller })
    }

    fn pace(&self, account: &AccountId, region: &Region) -> Option<Arc<Pace>> {
        let stop = self.stop.as_ref()?;
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let pace = paces
            .entry((account.clone(), region.clone()))
            .or_insert_with(|| Arc::new(Pace::new(stop.clone())));
        Some(Arc::clone(pace))
    }
}

/// An identity that cannot be used. A role that cannot be assumed is a matter of configuration.
fn refused(error: CloudError, settings: &ConnectionSettings) -> Failure {
    let failure = ApplyError::from(error.clone()).failure(false);
    match &settings.role {
        Some(role) if error.kind == CloudErrorKind::Credentials => Failure {
            kind: "role_not_assumed",
            stage: Stage::Usage,
            hint: Some(format!(
                "allow sts:AssumeRole on {} to this identity, and name this identity{} in the role's trust policy",
                role.arn,
                if role.external_id.is_some() { " and the external id" } else { "" },
            )),
            ..failure
        },
        _ => failure,
    }
}
