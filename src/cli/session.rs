//! One run's surroundings: where events go, how AWS is reached, whether the user asked to stop.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use lambda_lift_localstack::lambda::{LambdaSettings, Runner};
use lambda_lift_localstack::{Settings as StandSettings, Stand, StartError};

use crate::apply::Interrupt;
use crate::aws::{AssumedRole, Clients, ConnectError, Connection, ConnectionSettings, StaticCredentials};
use crate::cloud::{Caller, Identity as _};
use crate::event::{Event, Reporter};
use crate::name::{AccountId, FunctionRef, NameError, Region, RegistryHost};
use crate::output::{self, Detail, Lines, Progress, Style};
use crate::registry::check_endpoint;
use crate::report::{Failure, Stage};
use crate::stand_runner::StandRunner;
use crate::status::StatusError;

use super::arguments::{Common, DEFAULT_STATE};
use super::doors::{Doors, Opened};
use super::github::github_job;
use super::run::wants_colour;
use super::settings::parse;

/// The Region of the stand-in when none is configured.
const LOCAL_REGION: &str = "us-east-1";
/// The account of the stand-in: the one that AWS's own examples use.
const LOCAL_ACCOUNT: &str = "123456789012";

/// How long another run with the same `--local` folder is waited for. Most runs take a second or two.
const STATE_PATIENCE: Duration = Duration::from_secs(30);

/// What every command has.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) common: Common,
    pub(super) interrupt: Interrupt,
    pub(super) reporter: Arc<dyn Reporter>,
    /// The ways to AWS that were opened, for every session of this process.
    pub(super) doors: Arc<Doors>,
}

/// A way to AWS, or to the stand-in.
pub(super) struct Connected {
    /// For the function's account and Region, and the repository unless it has an identity of its own.
    pub(super) clients: Clients,
    /// The configured Region.
    pub(super) region: Region,
    /// Where to connect for the registry instead of its own host.
    pub(super) registry_endpoint: Option<String>,
    /// Who we are, where it had to be asked already.
    pub(super) caller: Option<Caller>,
    /// Until when the credentials last is known to it.
    pub(super) connection: Connection,
    settings: ConnectionSettings,
    doors: Arc<Doors>,
    /// Keeps the stand-in up for as long as the command runs.
    stand: Option<Arc<Stand>>,
}

impl Session {
    pub(super) fn new(common: Common, interrupt: Interrupt) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let style = Style::new(wants_colour(&common, terminal));
        let detail = match (common.quiet, common.verbose) {
            (true, _) => Detail::Warnings,
            (false, false) => Detail::Steps,
            (false, true) => Detail::Layers,
        };
        let reporter: Arc<dyn Reporter> = if terminal && !common.quiet {
            Arc::new(Progress::new(style, detail))
        } else {
            // Warnings alone are few, and there to be seen.
            let in_group = github_job().is_some() && !common.quiet;
            let log = output::log(in_group.then_some("lambda-lift: progress"));
            Arc::new(Lines::new(log, style, detail))
        };
        Self { common, interrupt, reporter, doors: Arc::new(Doors::new(None)) }
    }

    /// Runs what changes nothing, until it ends or the user asks to stop.
    pub(super) async fn or_stopped<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        self.interrupt.or(work).await.map_err(|stopped| stopped.failure(false))
    }

    /// Resolves credentials and Region, and starts the stand-in when `--local` asks for it.
    pub(super) async fn connect(&self) -> Result<Connected, Failure> {
        self.connect_in(parse_region(self.common.region.as_deref())?).await
    }

    /// The same, in this Region.
    pub(super) async fn connect_in(&self, region: Option<Region>) -> Result<Connected, Failure> {
        let common = &self.common;
        let mut settings = ConnectionSettings {
            region,
            profile: common.profile.clone(),
            endpoint_url: common.endpoint_url.clone(),
            credentials: None,
            role: self.role()?,
            paced: self.doors.keep_a_pace(),
        };
        let mut registry_endpoint = common.registry_endpoint.clone();
        if let Some(address) = &registry_endpoint {
            check_registry_endpoint(address, common.allow_plain_http)?;
        }
        let mut stand = None;
        if let Some(directory) = &common.local {
            let running = self.doors.stand(self.start_stand(directory)).await?;
            point_at_stand(&mut settings, running.url())?;
            registry_endpoint = Some(running.url());
            stand = Some(running);
        }
        let expected = common.expect_account.as_deref().map(parse::<AccountId>).transpose()?;
        let opened = self.doors.open(&settings, expected.is_some()).await?;
        if let (Some(expected), Some(caller)) = (&expected, &opened.caller)
            && *expected != caller.account
        {
            return Err(wrong_account(expected, caller));
        }
        let Opened { connection, clients, region, caller } = opened;
        let doors = Arc::clone(&self.doors);
        Ok(Connected { clients, region, registry_endpoint, caller, connection, settings, doors, stand })
    }

    /// The role that is assumed before anything else.
    fn role(&self) -> Result<Option<AssumedRole>, Failure> {
        let Some(arn) = &self.common.assume_role else { return Ok(None) };
        Ok(Some(AssumedRole { arn: parse(arn)?, external_id: self.common.external_id.clone() }))
    }

    /// Who runs the functions of the stand-in.
    fn runner(&self) -> Option<Arc<dyn Runner>> {
        if self.common.local_echo {
            return None;
        }
        Some(Arc::new(self.doors.runner(|| StandRunner::new(std::env::temp_dir(), self.interrupt.asked()))))
    }

    /// Starts the stand-in, after whoever else uses the same state has ended.
    async fn start_stand(&self, directory: &Path) -> Result<Stand, Failure> {
        let directory = state_directory(directory);
        let begun = Instant::now();
        loop {
            let lambda = LambdaSettings { runner: self.runner(), ..LambdaSettings::default() };
            let settings =
                StandSettings { state: Some(directory.clone()), lambda, ..StandSettings::default() };
            let error = match Stand::start(settings).await {
                Ok(stand) => return Ok(stand),
                Err(error) => error,
            };
            if !matches!(error, StartError::InUse { .. }) || begun.elapsed() >= STATE_PATIENCE {
                return Err(Failure {
                    kind: "local",
                    stage: Stage::BeforeChange,
                    message: format!(
                        "the stand-in does not start with its state in {}: {error}",
                        directory.display()
                    ),
                    hint: Some("give another folder with --local=DIR".to_owned()),
                });
            }
            let (what, state) =
                ("the stand-in".to_owned(), format!("another run uses {}", directory.display()));
            self.reporter.report(Event::Waiting { what, state });
            let pause = tokio::time::sleep(Duration::from_millis(50));
            self.interrupt.or(pause).await.map_err(|stopped| stopped.failure(false))?;
        }
    }
}

impl Connected {
    /// Where the stand-in is, if it is what we are connected to.
    pub(super) fn stand_url(&self) -> Option<url::Url> {
        self.stand.as_ref()?.url().parse().ok()
    }

    /// Clients for another Region, or with the profile of `--repository-profile`; none where the session's own will do.
    pub(super) async fn clients_in(
        &self,
        region: &Region,
        profile: Option<&str>,
    ) -> Result<Option<Clients>, Failure> {
        if profile.is_none() && *region == self.region {
            return Ok(None);
        }
        let mut settings = ConnectionSettings { region: Some(region.clone()), ..self.settings.clone() };
        if let Some(profile) = profile {
            settings.profile = Some(profile.to_owned());
            settings.role = None;
        }
        self.doors.open(&settings, false).await.map(|opened| Some(opened.clients))
    }

    /// Clients for a repository, where those of the function will not do. One that lies in another account than the role which is
    /// assumed is reached as who we are without that role.
    pub(super) async fn clients_of_repository(
        &self,
        registry: Option<&RegistryHost>,
        region: &Region,
        profile: Option<&str>,
    ) -> Result<Option<Clients>, Failure> {
        let role = self.settings.role.as_ref().and_then(|role| role.arn.account());
        let elsewhere = registry.zip(role).is_some_and(|(registry, account)| registry.account != account);
        if profile.is_some() || !elsewhere {
            return self.clients_in(region, profile).await;
        }
        let settings =
            ConnectionSettings { region: Some(region.clone()), role: None, ..self.settings.clone() };
        self.doors.open(&settings, false).await.map(|opened| Some(opened.clients))
    }
}

impl Connected {
    /// Refuses an ARN of another account than that of the credentials: calls would go to a function of the same name in their own.
    pub(super) async fn refuse_another_account(
        &self,
        session: &Session,
        function: &FunctionRef,
    ) -> Result<(), Failure> {
        let Some(account) = &function.account else { return Ok(()) };
        let caller = session.or_stopped(self.clients.identity.caller()).await?;
        let caller = caller.map_err(|error| StatusError::from(error).failure())?;
        if *account == caller.account {
            return Ok(());
        }
        Err(Failure {
            kind: "account",
            stage: Stage::Refused,
            message: format!(
                "the function is in account {account}, the credentials are for account {}",
                caller.account
            ),
            hint: Some(format!("use credentials of account {account} (--profile NAME, or an assumed role)")),
        })
    }

    /// Clients for a function of this Region, and for the repository that its image is in.
    pub(super) async fn both_clients(
        &self,
        session: &Session,
        region: &Region,
    ) -> Result<(Clients, Clients), Failure> {
        let clients = self.clients_in(region, None).await?.unwrap_or_else(|| self.clients.clone());
        let of_repository = match session.common.repository_profile.as_deref() {
            Some(profile) => self.clients_in(region, Some(profile)).await?,
            None => None,
        };
        let of_repository = of_repository.unwrap_or_else(|| clients.clone());
        Ok((clients, of_repository))
    }
}

/// The folder that `--local` stands for.
pub(super) fn state_directory(directory: &Path) -> PathBuf {
    if directory.as_os_str() == DEFAULT_STATE { default_state_directory() } else { directory.into() }
}

/// Has a connection lead to a stand-in, with an identity of its own.
pub(super) fn point_at_stand(settings: &mut ConnectionSettings, url: String) -> Result<(), Failure> {
    settings.endpoint_url = Some(url);
    settings.credentials = Some(StaticCredentials {
        access_key_id: LOCAL_ACCOUNT.to_owned(),
        secret_access_key: "local".to_owned(),
    });
    settings.profile = None;
    if settings.region.is_none() {
        settings.region = parse_region(Some(environment_region().as_deref().unwrap_or(LOCAL_REGION)))?;
    }
    Ok(())
}

/// Refuses an address that could not be used, before AWS is asked anything.
fn check_registry_endpoint(address: &str, allow_plain_http: bool) -> Result<(), Failure> {
    let not_one = |error| usage(format!("--registry-endpoint {address:?} is not an address: {error}"), None);
    let url: url::Url = address.parse().map_err(not_one)?;
    check_endpoint(&url, allow_plain_http).map_err(|error| usage(error.to_string(), None))
}

pub(super) fn parse_region(text: Option<&str>) -> Result<Option<Region>, Failure> {
    text.map(|text| text.parse().map_err(|error: NameError| usage(error.to_string(), None))).transpose()
}

/// The Region that AWS tools take from the environment.
pub(super) fn environment_region() -> Option<String> {
    let named = |name: &&str| std::env::var(name).ok().filter(|value| !value.is_empty());
    ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().find_map(named)
}

/// Where the stand-in keeps its state when `--local` names no folder.
fn default_state_directory() -> PathBuf {
    user_directory("XDG_STATE_HOME", ".local/state").join("stand-in")
}

/// Where things are remembered between runs when `--cache-dir` names no folder.
pub(super) fn default_cache_directory() -> PathBuf {
    user_directory("XDG_CACHE_HOME", ".cache")
}

fn user_directory(variable: &str, below_home: &str) -> PathBuf {
    let named = std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = named
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(below_home)));
    base.unwrap_or_else(std::env::temp_dir).join("lambda-lift")
}

pub(super) fn connect_failure(error: ConnectError) -> Failure {
    Failure { kind: "configuration", stage: Stage::Usage, message: error.to_string(), hint: None }
}

/// The account that was expected is another one.
fn wrong_account(expected: &AccountId, caller: &Caller) -> Failure {
    Failure {
        kind: "wrong_account",
        stage: Stage::Usage,
        message: format!(
            "this is for account {expected}, and {} is in account {}",
            caller.arn, caller.account
        ),
        hint: Some("use another profile, or assume a role of that account with --assume-role ARN".to_owned()),
    }
}

/// A failure of arguments or configuration.
pub(super) fn usage(message: String, hint: Option<String>) -> Failure {
    Failure { kind: "usage", stage: Stage::Usage, message, hint }
}
