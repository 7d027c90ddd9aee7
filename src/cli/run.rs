//! From arguments to an exit condition: one runtime, one session, one report.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use tokio::sync::watch;

use crate::apply::Interrupt;
use crate::output::{self, Style};
use crate::report::Report;

use super::arguments::{Cli, ColorChoice, Command, Common, OutputFormat, PolicyCommand};
use super::session::Session;
use super::{ExitCondition, check, deploy, policy, release, rollback, shell};

/// Runs one command to its end and says how the world is then.
///
/// # Errors
/// Fails only where no command could begin: what goes wrong in one is in its report.
pub fn run(cli: Cli) -> anyhow::Result<ExitCondition> {
    let Cli { common, command } = cli;
    match command {
        Command::Completions { shell } => return shell::completions(shell),
        Command::Man => return shell::man(),
        _ => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime does not start")?;
    let condition = runtime.block_on(run_command(common, command));
    // Blocking readers of a layer may still be in a system call; nothing waits for them.
    runtime.shutdown_background();
    Ok(condition)
}

async fn run_command(common: Common, command: Command) -> ExitCondition {
    let format = common.output;
    let style = Style::new(wants_colour(&common, std::io::stdout().is_terminal()));
    let detailed = matches!(&command, Command::Plan(plan) if plan.detailed_exit_code);
    let session = Session::new(common, listen_for_interrupts());
    let report = match command {
        Command::Deploy(arguments) => deploy::deploy(session, arguments).await,
        Command::Plan(arguments) => deploy::plan(session, arguments.deploy).await,
        Command::Push(arguments) => deploy::push(session, arguments.image).await,
        Command::Release(arguments) => release::release(session, arguments).await,
        Command::Rollback(arguments) => rollback::rollback(session, arguments).await,
        Command::Check(arguments) => check::check(session, arguments).await,
        Command::Policy(PolicyCommand::Show(arguments)) => policy::show(session, arguments).await,
        Command::Policy(PolicyCommand::Check(arguments)) => policy::check(session, arguments).await,
        Command::Policy(PolicyCommand::Ensure(arguments)) => policy::ensure(session, arguments).await,
        Command::Completions { .. } | Command::Man => return ExitCondition::Done,
    };
    finish(&report, format, style, detailed)
}

fn finish(report: &Report, format: OutputFormat, style: Style, detailed: bool) -> ExitCondition {
    match format {
        OutputFormat::Json => output::print_result(&output::document(report)),
        OutputFormat::Human => output::print_result(&output::report_text(report, style)),
    }
    if std::env::var("GITHUB_ACTIONS").as_deref() == Ok("true")
        && let Some(path) = std::env::var_os("GITHUB_OUTPUT")
        && let Err(error) = output::write_outputs(path.as_ref(), report)
    {
        output::print_message(&format!(
            "warning: the outputs could not be written to $GITHUB_OUTPUT: {error}"
        ));
    }
    match ExitCondition::of(report) {
        ExitCondition::Done if detailed && !report.steps.is_empty() => ExitCondition::ChangesPending,
        condition => condition,
    }
}

/// Whether text for a person is coloured.
pub(super) fn wants_colour(common: &Common, terminal: bool) -> bool {
    match common.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

/// The first Ctrl-C or SIGTERM asks the pipeline to stop; a second one ends the process at once.
fn listen_for_interrupts() -> Interrupt {
    let (sender, receiver) = watch::channel(false);
    let interrupt = Interrupt::new(receiver);
    let seen = interrupt.clone();
    tokio::spawn(async move {
        if stop_signal().await.is_err() {
            return;
        }
        output::print_message("stopping; press Ctrl-C again to end at once");
        // The receivers are gone when the command has ended by itself.
        let _ = sender.send(true);
        if stop_signal().await.is_ok() {
            let moving = seen.has_traffic();
            end_at_once(if moving { ExitCondition::AliasNeedsPerson } else { ExitCondition::Failed });
        }
    });
    interrupt
}

#[expect(clippy::exit, reason = "a person who asks twice wants the process gone, whatever it is doing")]
fn end_at_once(condition: ExitCondition) {
    std::process::exit(i32::from(condition.code()));
}

#[cfg(unix)]
async fn stop_signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn stop_signal() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}
