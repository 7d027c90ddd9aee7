//! From arguments to an exit condition: one runtime, one session, one report.

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::watch;

use crate::apply::Interrupt;
use crate::output::{self, Style};
use crate::report::Report;

use super::arguments::{Cli, ColorChoice, Command, Common, OutputFormat, PolicyCommand};
use super::configured::{Chosen, Invocation};
use super::github::github_job;
use super::session::{Session, usage};
use super::{
    ExitCondition, check, deploy, diff, doctor, fleet, init, invoke, permissions, policy, prune, release,
    rollback, shell, status,
};

/// Runs one command to its end and says how the world is then. `interrupt` is what [`listen_for_interrupts`] hears.
///
/// # Errors
/// Fails only where no command could begin: what goes wrong in one is in its report.
pub fn run(invocation: Invocation, interrupt: Interrupt) -> anyhow::Result<ExitCondition> {
    match &invocation {
        Invocation::One(cli) => match cli.command {
            Command::Completions { shell } => return shell::completions(shell),
            Command::Man => return shell::man(),
            _ => {}
        },
        Invocation::Many(_) => {}
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime does not start")?;
    let condition = runtime.block_on(async {
        match invocation {
            Invocation::One(cli) => run_one(*cli, interrupt).await,
            Invocation::Many(chosen) => run_many(chosen, interrupt).await,
        }
    });
    // Blocking readers of a layer may still be in a system call; nothing waits for them.
    runtime.shutdown_background();
    Ok(condition)
}

async fn run_one(Cli { common, command, .. }: Cli, interrupt: Interrupt) -> ExitCondition {
    let ending = Ending::of(&common, &command);
    if common.output == OutputFormat::Sarif && ending.source.is_none() {
        return ending.tell(&without_sarif());
    }
    let session = Session::new(common, interrupt);
    let doors = std::sync::Arc::clone(&session.doors);
    let ended = run_command(session, command).await;
    doors.close().await;
    match ended {
        Some(report) => ending.tell(&report),
        None => ExitCondition::Done,
    }
}

async fn run_many(chosen: Vec<Chosen>, interrupt: Interrupt) -> ExitCondition {
    let Some(first) = chosen.first() else { return ExitCondition::Done };
    let ending = Ending::of(&first.cli.common, &first.cli.command);
    if ending.format == OutputFormat::Sarif {
        return ending.tell(&without_sarif());
    }
    ending.tell(&fleet::run(chosen, interrupt).await)
}

/// Runs a command; none for those that end without a report.
pub(super) async fn run_command(session: Session, command: Command) -> Option<Report> {
    Some(match command {
        Command::Deploy(arguments) => deploy::deploy(session, arguments).await,
        Command::Plan(arguments) => deploy::plan(session, arguments.deploy).await,
        Command::Push(arguments) => deploy::push(session, arguments).await,
        Command::Release(arguments) => release::release(session, arguments).await,
        Command::Rollback(arguments) => rollback::rollback(session, arguments).await,
        Command::Status(arguments) => status::status(session, arguments).await,
        Command::Diff(arguments) => diff::diff(session, arguments).await,
        Command::Init(arguments) => init::init(session, arguments).await,
        Command::Invoke(arguments) => invoke::invoke(session, arguments).await,
        Command::Prune(arguments) => prune::prune(session, arguments).await,
        Command::Check(arguments) => check::check(session, arguments).await,
        Command::Policy(PolicyCommand::Show(arguments)) => policy::show(session, arguments).await,
        Command::Policy(PolicyCommand::Check(arguments)) => policy::check(session, arguments).await,
        Command::Policy(PolicyCommand::Ensure(arguments)) => policy::ensure(session, arguments).await,
        Command::Doctor(arguments) => doctor::doctor(session, arguments).await,
        Command::Permissions(arguments) => permissions::permissions(session, *arguments).await,
        Command::Completions { .. } | Command::Man => return None,
    })
}

/// How the end of a command is told.
struct Ending {
    format: OutputFormat,
    style: Style,
    detailed: bool,
    /// What `check` looks at; none for all other commands.
    source: Option<String>,
}

impl Ending {
    fn of(common: &Common, command: &Command) -> Self {
        Self {
            format: common.output,
            style: Style::new(wants_colour(common, std::io::stdout().is_terminal())),
            detailed: matches!(command, Command::Plan(plan) if plan.detailed_exit_code),
            source: match command {
                Command::Check(arguments) => Some(arguments.image.clone()),
                _ => None,
            },
        }
    }

    fn tell(&self, report: &Report) -> ExitCondition {
        finish(report, self)
    }
}

/// What is said where findings of an image alone have a format that they want, and the command has more to say.
fn without_sarif() -> Report {
    let hint = "use --output json, or lambda-lift check for a log of what is found in the image".to_owned();
    let failure = usage("--output sarif is for check".to_owned(), Some(hint));
    Report::new("lambda-lift").closed(Err(failure))
}

/// The commands whose answer is all there is.
const LOOKING: [&str; 10] = [
    "status",
    "plan",
    "check",
    "doctor",
    "permissions",
    "policy show",
    "policy check",
    "diff",
    "init",
    "invoke",
];

fn finish(report: &Report, ending: &Ending) -> ExitCondition {
    let Ending { format, style, detailed, .. } = *ending;
    // What comes now is there to be seen.
    output::end_group();
    let job = github_job();
    let told = match (format, &report.init) {
        (OutputFormat::Json, _) => output::print_result(&output::document(report)),
        (OutputFormat::Sarif, _) if let Some(source) = &ending.source => {
            output::print_result(&output::sarif(report, source, ExitCondition::of(report).code()))
        }
        (_, Some(init)) => output::print_init(report, init, style),
        (_, None) if report.command == "invoke" => output::print_answer(report, style, job.is_some()),
        (_, None) => output::print_result(&output::report_text(report, style)),
    };
    if let Some(job) = job {
        job.tell(report);
    }
    match ExitCondition::of(report) {
        // Of what only looks, the answer is all there is. What changed something says so, whether or not it could be told.
        ExitCondition::Done | ExitCondition::ChangesPending if !told && LOOKING.contains(&report.command) => {
            ExitCondition::Failed
        }
        ExitCondition::Done if detailed && has_steps(report) => ExitCondition::ChangesPending,
        condition => condition,
    }
}

/// Whether something is to be done, in all of it or for one of many.
fn has_steps(report: &Report) -> bool {
    !report.steps.is_empty() || report.targets.iter().any(|target| !target.report.steps.is_empty())
}

/// Whether text for a person is coloured.
pub(super) fn wants_colour(common: &Common, terminal: bool) -> bool {
    match common.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

/// How long after the first signal the process ends even when something blocks that knows nothing of signals: a file of
/// arguments that is a pipe nobody writes to, a terminal that takes no text.
const LAST_RESORT: Duration = Duration::from_millis(1700);

/// The first Ctrl-C or SIGTERM asks the pipeline to stop; a second one ends the process at once. To be called before the arguments are
/// completed: files and values may keep that waiting.
pub fn listen_for_interrupts() -> Interrupt {
    let (sender, receiver) = watch::channel(false);
    let interrupt = Interrupt::new(receiver);
    let seen = interrupt.clone();
    let (ready, listening) = std::sync::mpsc::sync_channel(1);
    // On a thread and a runtime of its own: what keeps the command's threads busy must not keep signals from being heard.
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async move {
            match StopSignals::listen() {
                Ok(signals) => {
                    let _ = ready.send(());
                    obey(signals, &sender, &seen).await;
                }
                Err(error) => {
                    output::print_message(&format!("warning: signals cannot be listened to: {error}"));
                }
            }
        });
    });
    // None that comes from here on is missed. The other side goes away where it cannot listen.
    let _ = listening.recv();
    interrupt
}

/// Asks the command to stop at the first signal, and ends the process when it does not, or when another one comes.
async fn obey(mut signals: StopSignals, sender: &watch::Sender<bool>, seen: &Interrupt) {
    signals.next().await;
    // The receivers are gone when the command has ended by itself.
    let _ = sender.send(true);
    // On a thread of its own: a terminal that takes no text must not hold up the end.
    tokio::task::spawn_blocking(|| {
        output::print_message("stopping; press Ctrl-C again to end at once");
    });
    let again = tokio::time::timeout(LAST_RESORT, signals.next()).await;
    if again.is_err() && seen.has_traffic() {
        // Traffic is brought to where it belongs first; only a second signal stops that.
        signals.next().await;
    }
    let moving = seen.has_traffic();
    end_at_once(if moving { ExitCondition::AliasNeedsPerson } else { ExitCondition::Failed });
}

#[expect(clippy::exit, reason = "a person who asks twice wants the process gone, whatever it is doing")]
fn end_at_once(condition: ExitCondition) {
    // On a thread of its own, and not for long: a terminal that takes no text must not hold up the end.
    let (left, leaving) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        output::leave_screen();
        let _ = left.send(());
    });
    let _ = leaving.recv_timeout(Duration::from_millis(100));
    std::process::exit(i32::from(condition.code()));
}

/// Ctrl-C and SIGTERM. Listening begins once and for all, so that none is missed between two.
#[cfg(unix)]
struct StopSignals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl StopSignals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Ctrl-C.
#[cfg(not(unix))]
struct StopSignals;

#[cfg(not(unix))]
impl StopSignals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
