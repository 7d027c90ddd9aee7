//! The stand-in as a small server of its own.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use lambda_lift_localstack::codedeploy::CodeDeploySettings;
use lambda_lift_localstack::lambda::{LambdaSettings, RateLimits};
use lambda_lift_localstack::{DEFAULT_ACCOUNT, FaultRule, Quirks, RegistryLimits, Settings, Stand};
use serde::de::DeserializeOwned;
use tokio::signal::unix::{SignalKind, signal};

/// A stand-in for the parts of AWS that lambda-lift talks to, on one loopback port.
///
/// Prints its URL as the first line of stdout, and runs until SIGTERM or SIGINT.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Keep state in this folder between runs. Without it, state goes when the server does.
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Faults to begin with: a JSON file, see README.md.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// Which of ECR's departures from the OCI spec to play: a JSON file, see README.md.
    #[arg(long, value_name = "FILE")]
    quirks: Option<PathBuf>,
    /// How much the registry lets through: a JSON file, see README.md.
    #[arg(long, value_name = "FILE")]
    limits: Option<PathBuf>,
    /// Let no more calls to Lambda through than AWS does: GetFunction 100 a second, all others together 15.
    #[arg(long)]
    lambda_rates: bool,
    /// How long a function takes to settle after a change, in milliseconds.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 30)]
    lambda_settle: u64,
    /// Append each call to this file, as a line of JSON.
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// The account of callers whose access key says nothing else.
    #[arg(long, value_name = "ID", default_value = DEFAULT_ACCOUNT)]
    account: String,
    /// An access key and the account it belongs to; may be given several times.
    #[arg(long, value_name = "KEY=ID", value_parser = key_and_account)]
    access_key: Vec<(String, String)>,
    /// How long registry tokens are good for, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 43_200)]
    token_lifetime: u64,
    /// How many requests to the registry a token is good for; any number without it.
    #[arg(long, value_name = "REQUESTS")]
    token_uses: Option<u64>,
    /// How long one of CodeDeploy's minutes lasts, in milliseconds.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 60_000)]
    codedeploy_minute: u64,
    /// For how long the manifest validator does not see a new blob, in milliseconds.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 0)]
    validator_lag: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = format!("error: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                text.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            // With stderr gone there is nobody left to tell.
            let _ = writeln!(std::io::stderr(), "{text}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    // Before the URL is printed: whoever reads it may send a signal at once.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let faults: Option<Vec<FaultRule>> = arguments.faults.map(read).transpose()?;
    let limits: Option<RegistryLimits> = arguments.limits.map(read).transpose()?;
    let quirks: Option<Quirks> = arguments.quirks.map(read).transpose()?;
    let stand = Stand::start(Settings {
        port: arguments.port,
        state: arguments.state,
        accounts: arguments.access_key.into_iter().collect(),
        default_account: arguments.account,
        token_lifetime: Duration::from_secs(arguments.token_lifetime),
        validator_lag: Duration::from_millis(arguments.validator_lag),
        token_uses: arguments.token_uses,
        registry_limits: limits.unwrap_or_default(),
        quirks: quirks.unwrap_or_default(),
        lambda: LambdaSettings {
            rate_limits: arguments.lambda_rates.then_some(RateLimits::AWS),
            create_settle: Duration::from_millis(arguments.lambda_settle),
            update_settle: Duration::from_millis(arguments.lambda_settle),
            ..LambdaSettings::default()
        },
        codedeploy: CodeDeploySettings {
            minute: Duration::from_millis(arguments.codedeploy_minute),
            ..CodeDeploySettings::default()
        },
        faults: faults.unwrap_or_default(),
        log: arguments.log,
        ..Settings::default()
    })
    .await?;
    let mut stdout = std::io::stdout();
    writeln!(stdout, "{}", stand.url())?;
    stdout.flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stand.shutdown().await;
    Ok(())
}

fn read<T: DeserializeOwned>(path: PathBuf) -> Result<T, String> {
    let bytes = std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    serde_json::from_slice(&bytes).map_err(|error| format!("{} is not understood: {error}", path.display()))
}

fn key_and_account(text: &str) -> Result<(String, String), String> {
    let (key, account) = text.split_once('=').ok_or("has to be KEY=ACCOUNT")?;
    Ok((key.to_owned(), account.to_owned()))
}
