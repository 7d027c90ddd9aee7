//! The stand-in as a whole: start it, ask it what it saw, stop it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, TryLockError};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::call::{Answer, Call};
use crate::calls::{CallLog, CallRecord};
use crate::cloudwatch::CloudWatch;
use crate::codedeploy::{Attended, CodeDeploy, CodeDeploySettings};
use crate::ecr::Ecr;
use crate::error::StartError;
use crate::fault::{FaultBook, FaultRule};
use crate::iam::{Guard, Iam};
use crate::identity::Directory;
use crate::images::Images;
use crate::lambda::{Lambda, LambdaSettings};
use crate::limits::Traffic;
use crate::partition::is_account;
use crate::s3::S3;
use crate::server::{self, Shared};
use crate::service::{Service, Services};
use crate::settings::Settings;
use crate::ssm::Ssm;
use crate::sts::Sts;

/// A running stand-in. Dropping it stops it at once; [`Stand::shutdown`] lets open calls end first.
pub struct Stand {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    // Held for as long as the server runs: another process must not use the same folder.
    _lock: File,
    _temporary: Option<TempDir>,
}

impl Stand {
    /// Starts on 127.0.0.1, inside the current tokio runtime.
    ///
    /// # Errors
    /// The port is taken; the state folder cannot be used, is in use, or holds something else; the log cannot
    /// be opened; an account is not one.
    pub async fn start(settings: Settings) -> Result<Stand, StartError> {
        for account in settings.accounts.values().chain([&settings.default_account]) {
            if !is_account(account) {
                return Err(StartError::Account { account: account.clone() });
            }
        }
        let (state, temporary) = state_folder(&settings)?;
        let lock = lock(&state)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, settings.port));
        let fault = |source| StartError::Listen { port: settings.port, source };
        let listener = TcpListener::bind(address).await.map_err(fault)?;
        let address = listener.local_addr().map_err(fault)?;
        let directory = Arc::new(Directory::new(settings.accounts.clone(), settings.default_account.clone()));
        let ecr = Arc::new(Ecr::open(&state, &settings)?);
        let guard = Arc::new(Guard::default());
        let iam = Arc::new(Iam::new(guard.clone()));
        let mut services = services(&ecr, &directory, (settings.lambda, settings.codedeploy), &state);
        services.insert("iam", iam);
        let shared = Arc::new(Shared {
            address,
            traffic: Traffic::new(settings.registry_limits.clone()),
            services,
            directory,
            ecr,
            calls: CallLog::new(settings.log.as_deref())?,
            faults: FaultBook::new(settings.faults),
            guard,
        });
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(server::serve(listener, shared.clone(), stopped));
        Ok(Stand { shared, stop, server, _lock: lock, _temporary: temporary })
    }

    /// `http://127.0.0.1:PORT`: the endpoint of every service, and of the registry.
    pub fn url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.shared.address.port()
    }

    /// The calls so far, in order of arrival.
    pub fn calls(&self) -> Vec<CallRecord> {
        self.shared.calls.records()
    }

    /// Forgets the calls so far.
    pub fn clear_calls(&self) {
        self.shared.calls.clear();
    }

    /// Replaces the faults; what each has counted begins anew.
    pub fn set_faults(&self, rules: Vec<FaultRule>) {
        self.shared.faults.replace(rules);
    }

    /// Holds the callers of an account to this identity policy from now on; without one they may do everything.
    pub fn set_identity_policy(&self, account: &str, policy: Option<serde_json::Value>) {
        self.shared.guard.set(account, policy);
    }

    /// The actions that were wanted by calls under an identity policy so far: `ecr:PutImage`.
    pub fn asked_actions(&self) -> BTreeSet<String> {
        self.shared.guard.asked()
    }

    /// The images of ECR, as Lambda sees them.
    pub fn images(&self) -> Arc<dyn Images> {
        self.shared.ecr.clone()
    }

    /// Stops accepting, gives open calls a moment to end, and ends them.
    pub async fn shutdown(mut self) {
        // There is always a receiver: the server holds one.
        let _ = self.stop.send(true);
        let _ = (&mut self.server).await;
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Who answers for which service of AWS, by the name that signatures use.
fn services(
    ecr: &Arc<Ecr>,
    directory: &Arc<Directory>,
    (lambda, codedeploy): (LambdaSettings, CodeDeploySettings),
    state: &Path,
) -> Services {
    let images: Arc<dyn Images> = ecr.clone();
    let cloudwatch = Arc::new(CloudWatch::new(Some(state.to_owned())));
    // What is invoked is counted.
    let lambda = Lambda::new(images, lambda, Some(state.to_owned())).with_metrics(cloudwatch.clone());
    let lambda = Arc::new(lambda);
    let codedeploy =
        Arc::new(CodeDeploy::new(lambda.clone(), cloudwatch.clone(), codedeploy, Some(state.to_owned())));
    let attended = |service: Arc<dyn Service>| -> Arc<dyn Service> {
        Arc::new(Attended { service, codedeploy: codedeploy.clone() })
    };
    let (lambda, cloudwatch) = (attended(lambda), attended(cloudwatch));
    let sts: Arc<dyn Service> = Arc::new(Sts::new(directory.clone()));
    let ecr: Arc<dyn Service> = ecr.clone();
    BTreeMap::from([
        ("codedeploy", codedeploy as Arc<dyn Service>),
        ("ecr", ecr),
        ("lambda", lambda),
        ("monitoring", cloudwatch),
        ("s3", Arc::new(S3::new(state.to_owned()))),
        ("ssm", Arc::new(Ssm::new(state.to_owned()))),
        ("sts", sts),
    ])
}

impl Service for Lambda {
    fn handle(&self, call: &Call) -> Answer {
        Lambda::handle(self, call)
    }
}

impl Service for CloudWatch {
    fn handle(&self, call: &Call) -> Answer {
        CloudWatch::handle(self, call)
    }
}

fn state_folder(settings: &Settings) -> Result<(PathBuf, Option<TempDir>), StartError> {
    if let Some(state) = &settings.state {
        fs::create_dir_all(state).map_err(|source| StartError::File { path: state.clone(), source })?;
        return Ok((state.clone(), None));
    }
    let fault = |source| StartError::File { path: std::env::temp_dir(), source };
    let temporary = tempfile::Builder::new().prefix("lambda-lift-stand-").tempdir().map_err(fault)?;
    Ok((temporary.path().to_owned(), Some(temporary)))
}

fn lock(state: &Path) -> Result<File, StartError> {
    let path = state.join("lock");
    let fault = |source| StartError::File { path: path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(fault)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StartError::InUse { path: state.to_owned() }),
        Err(TryLockError::Error(source)) => Err(StartError::File { path, source }),
    }
}
