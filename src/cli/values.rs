//! Fetches the values that are elsewhere, each once a run, and what is known to be needed all at the same time.
//!
//! This happens while the arguments are completed, before the command begins: in a runtime of its own, and with nothing changed yet.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::StreamExt as _;
use lambda_lift_localstack::{Settings as StandSettings, Stand, StartError};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use crate::aws::{Connection, ConnectionSettings, S3, Ssm, Sts};
use crate::cloud::{CloudError, CloudErrorKind, Objects, Parameter, ParameterKind, Parameters as _};
use crate::permission::{ObjectUse, ParameterUse, ValueUses};
use crate::terraform::{Found, State};
use crate::values::{Ask, CallerNames, Location, Missing, Surroundings, pick, read_state};

use super::session::{point_at_stand, state_directory};

/// How many values are fetched at the same time. GetParameter allows 40 a second.
const AT_A_TIME: usize = 8;
/// How long another run with the same `--local` folder is waited for.
const STATE_PATIENCE: Duration = Duration::from_secs(30);

/// Where values are asked for.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// How AWS is reached.
    pub(super) connection: ConnectionSettings,
    /// The folder of the stand-in, with `--local`.
    pub(super) local: Option<std::path::PathBuf>,
    pub(super) allow_plain_http: bool,
    /// Terraform's states, by their prefixes.
    pub(super) states: BTreeMap<String, Location>,
    /// Terraform's workspace.
    pub(super) workspace: Option<String>,
}

/// The values that were fetched, and how to fetch more.
pub(super) struct Values {
    reach: Reach,
    runtime: OnceCell<Runtime>,
    aws: OnceCell<Result<Aws, Missing>>,
    found: Mutex<BTreeMap<Ask, Result<Value, Missing>>>,
    /// The objects that were read, each for the state with this prefix.
    objects: Mutex<Vec<(String, ObjectUse)>>,
}

struct Aws {
    parameters: Ssm,
    objects: S3,
    identity: Sts,
    /// Keeps the stand-in up for as long as values are asked for.
    _stand: Option<Stand>,
}

#[derive(Clone)]
enum Value {
    Parameter(Parameter),
    State(Arc<State>),
    Caller(CallerNames),
}

impl Values {
    pub(super) fn new(reach: Reach) -> Self {
        Self {
            reach,
            runtime: OnceCell::new(),
            aws: OnceCell::new(),
            found: Mutex::default(),
            objects: Mutex::default(),
        }
    }

    /// The prefixes of Terraform's states.
    pub(super) fn prefixes(&self) -> Vec<String> {
        self.reach.states.keys().cloned().collect()
    }

    /// Fetches what is not there yet. What fails is told to whoever asks for it.
    pub(super) fn prefetch(&self, asks: &[Ask]) {
        let known = self.lock();
        let mut missing: Vec<Ask> = asks.iter().filter(|ask| !known.contains_key(*ask)).cloned().collect();
        drop(known);
        missing.sort();
        missing.dedup();
        if missing.is_empty() {
            return;
        }
        let fetched = match self.runtime() {
            Ok(runtime) => runtime.block_on(async {
                let one = |ask: Ask| async move { (ask.clone(), self.fetch(&ask).await) };
                futures_util::stream::iter(missing)
                    .map(one)
                    .buffer_unordered(AT_A_TIME)
                    .collect::<Vec<_>>()
                    .await
            }),
            Err(failed) => missing.into_iter().map(|ask| (ask, Err(failed.clone()))).collect(),
        };
        self.lock().extend(fetched);
    }

    /// What these are asked of AWS for. They were fetched.
    pub(super) fn uses(&self, asks: &BTreeSet<Ask>) -> ValueUses {
        let mut uses = ValueUses::default();
        let found = self.lock();
        let objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        for ask in asks {
            match ask {
                Ask::Parameter(name) => {
                    let is_plain = matches!(
                        found.get(ask), Some(Ok(Value::Parameter(Parameter { kind, .. }))) if *kind != ParameterKind::Secret
                    );
                    uses.parameters.push(ParameterUse { name: name.clone(), may_be_secret: !is_plain });
                }
                Ask::State(prefix) => {
                    let of_state = objects.iter().filter(|(of, _)| of == prefix);
                    uses.states.extend(of_state.map(|(_, object)| object.clone()));
                }
                Ask::Caller => {}
            }
        }
        uses
    }

    fn note(&self, prefix: &str, object: ObjectUse) {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner).push((prefix.to_owned(), object));
    }

    /// What was fetched so far, or tried to.
    pub(super) fn asked(&self) -> BTreeSet<Ask> {
        self.lock().keys().cloned().collect()
    }

    /// A parameter, or the entry of a StringList at a place. Without a place, a list is whole only where `lists_too`.
    pub(super) fn parameter(
        &self,
        name: &str,
        place: Option<usize>,
        lists_too: bool,
    ) -> Result<String, Missing> {
        match self.get(Ask::Parameter(name.to_owned()))? {
            Value::Parameter(parameter) if place.is_none() && lists_too => Ok(parameter.value),
            Value::Parameter(parameter) => pick(name, &parameter, place),
            _ => Err(Missing::new(format!("the parameter {name} was not found"))),
        }
    }

    /// What an address stands for in a state.
    pub(super) fn state(&self, prefix: &str, address: &str) -> Result<Found, Missing> {
        match self.get(Ask::State(prefix.to_owned()))? {
            Value::State(state) => {
                state.lookup(address).map_err(|error| Missing::new(error.to_string()).hint(error.hint()))
            }
            _ => Err(Missing::new(format!("{address} was not found"))),
        }
    }

    /// Who the caller is.
    pub(super) fn caller(&self) -> Result<CallerNames, Missing> {
        match self.get(Ask::Caller)? {
            Value::Caller(caller) => Ok(caller),
            _ => Err(Missing::new("the caller's identity was not found")),
        }
    }

    fn get(&self, ask: Ask) -> Result<Value, Missing> {
        self.prefetch(std::slice::from_ref(&ask));
        self.lock().get(&ask).cloned().unwrap_or_else(|| Err(Missing::new("this value was not fetched")))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Ask, Result<Value, Missing>>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn runtime(&self) -> Result<&Runtime, Missing> {
        if self.runtime.get().is_none() {
            let built = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            let built = built
                .map_err(|error| Missing::new(format!("the asynchronous runtime does not start: {error}")))?;
            // Only this thread sets it.
            let _ = self.runtime.set(built);
        }
        self.runtime.get().ok_or_else(|| Missing::new("the asynchronous runtime does not start"))
    }

    async fn fetch(&self, ask: &Ask) -> Result<Value, Missing> {
        match ask {
            Ask::Parameter(name) => {
                let found = self.aws().await?.parameters.parameter(name).await;
                found.map(Value::Parameter).map_err(|error| no_parameter(name, &error))
            }
            Ask::Caller => {
                let found = self.aws().await?.identity.names().await;
                found.map(Value::Caller).map_err(|error| missing(&error))
            }
            Ask::State(prefix) => {
                let location = self.reach.states.get(prefix).ok_or_else(|| no_state(prefix))?;
                let workspace = self.reach.workspace.as_deref();
                let surroundings = Surroundings { workspace, allow_plain_http: self.reach.allow_plain_http };
                let state =
                    read_state(location, &surroundings, &OpenedAtNeed { values: self, prefix }).await?;
                Ok(Value::State(Arc::new(state)))
            }
        }
    }

    async fn aws(&self) -> Result<&Aws, Missing> {
        self.aws.get_or_init(|| self.connect()).await.as_ref().map_err(Clone::clone)
    }

    async fn connect(&self) -> Result<Aws, Missing> {
        let mut settings = self.reach.connection.clone();
        let mut stand = None;
        if let Some(directory) = &self.reach.local {
            let running = start_stand(directory).await?;
            point_at_stand(&mut settings, running.url())
                .map_err(|failure| Missing { message: failure.message, hint: failure.hint })?;
            stand = Some(running);
        }
        let connection =
            Connection::open(&settings).await.map_err(|error| Missing::new(error.to_string()))?;
        let (parameters, objects, identity) =
            (connection.parameters(), connection.objects(), connection.identity());
        Ok(Aws { parameters, objects, identity, _stand: stand })
    }
}

/// A state in a file wants no credentials, so AWS is looked for only when it is asked.
struct OpenedAtNeed<'a> {
    values: &'a Values,
    /// Of the state.
    prefix: &'a str,
}

#[async_trait]
impl Objects for OpenedAtNeed<'_> {
    async fn object(
        &self,
        bucket: &str,
        key: &str,
        region: Option<&str>,
        most: u64,
    ) -> Result<Vec<u8>, CloudError> {
        let read = ObjectUse { bucket: bucket.to_owned(), key: key.to_owned() };
        self.values.note(self.prefix, read);
        match self.values.aws().await {
            Ok(aws) => aws.objects.object(bucket, key, region, most).await,
            Err(missing) => Err(CloudError {
                service: "Amazon S3",
                operation: "GetObject",
                kind: CloudErrorKind::Invalid,
                code: None,
                status: None,
                message: missing.message,
                request_id: None,
            }),
        }
    }
}

async fn start_stand(directory: &Path) -> Result<Stand, Missing> {
    let begun = Instant::now();
    loop {
        let settings = StandSettings { state: Some(state_directory(directory)), ..StandSettings::default() };
        match Stand::start(settings).await {
            Ok(stand) => return Ok(stand),
            Err(StartError::InUse { .. }) if begun.elapsed() < STATE_PATIENCE => {
                tokio::time::sleep(Duration::from_millis(50)).await
            }
            Err(error) => return Err(Missing::new(format!("the stand-in does not start: {error}"))),
        }
    }
}

fn missing(error: &CloudError) -> Missing {
    Missing { message: error.to_string(), hint: error.hint() }
}

fn no_parameter(name: &str, error: &CloudError) -> Missing {
    match error.kind {
        // AWS says no more than that.
        CloudErrorKind::NotFound => Missing::new(format!("there is no parameter {name} in this account and Region"))
            .hint("aws ssm describe-parameters shows those that there are; --region and --profile say where it is looked for"),
        _ => Missing { message: format!("the parameter {name} cannot be read: {error}"), hint: error.hint() },
    }
}

fn no_state(prefix: &str) -> Missing {
    match prefix {
        "" => Missing::new("no Terraform state is named").hint("write tfstate = \"PLACE\" in lambda-lift.toml, or add --tfstate PLACE: a path, s3://BUCKET/KEY or https://…"),
        prefix => Missing::new(format!("no Terraform state with the prefix {prefix} is named"))
            .hint(format!("write prefixed-tfstates = [\"{prefix}=PLACE\"] in lambda-lift.toml, or add --prefixed-tfstate {prefix}=PLACE")),
    }
}
