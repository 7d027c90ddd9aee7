//! `status`: one look, or one after the other.

use std::io::IsTerminal as _;
use std::time::{Duration, SystemTime};

use crate::cloud::EcrReader;
use crate::event::{Event, Reporter};
use crate::name::{AliasName, FunctionRef};
use crate::output::{self, Screen, Style, Watched};
use crate::preflight::Finding;
use crate::report::{Failure, FunctionReport, Outcome, Report, Stage};
use crate::status::{Gatherer, Status, StatusError, status_of};

use super::arguments::{OutputFormat, StatusArguments};
use super::run::wants_colour;
use super::session::{Session, usage};
use super::settings::{duration, parse};

/// `status`
pub(super) async fn status(session: Session, arguments: StatusArguments) -> Report {
    let mut report = Report::new("status");
    let ended = run(&session, &arguments, &mut report).await;
    report.closed(ended)
}

async fn run(
    session: &Session,
    arguments: &StatusArguments,
    report: &mut Report,
) -> Result<Outcome, Failure> {
    let function: FunctionRef = parse(&arguments.function)?;
    let aliases = arguments.aliases.iter().map(|name| parse(name)).collect::<Result<Vec<AliasName>, _>>()?;
    let interval = interval(session, arguments)?;
    let connected = session.connect().await?;
    let region = function.region.as_ref().unwrap_or(&connected.region);
    let (clients, of_repository) = connected.both_clients(session, region).await?;
    let own_ecr: &dyn EcrReader = &clients.ecr;
    let gatherer = Gatherer {
        lambda: &clients.lambda,
        ecr: &of_repository.ecr,
        codedeploy: &clients.codedeploy,
        other_ecr: session.common.repository_profile.is_some().then_some(own_ecr),
        function: &function.name,
        aliases: &aliases,
        newest: usize::from(arguments.versions),
    };
    if let Some(interval) = interval {
        return watch(session, &gatherer, interval).await;
    }
    let status = session.or_stopped(look(&gatherer)).await?.map_err(|error| error.failure())?;
    report.function = FunctionReport::of(&status.name, &status.latest);
    report.findings.clone_from(&status.findings);
    report.status = Some(Box::new(status));
    Ok(Outcome::Checked)
}

/// The pause between two looks; none for a single one.
fn interval(session: &Session, arguments: &StatusArguments) -> Result<Option<Duration>, Failure> {
    if !arguments.watch {
        return Ok(None);
    }
    if session.common.output == OutputFormat::Json {
        // There is exactly one document, at the end, and a watch ends when somebody has seen enough.
        let hint = "run lambda-lift status --output json as often as you want to know";
        return Err(usage("--watch has no JSON document".to_owned(), Some(hint.to_owned())));
    }
    duration(&arguments.interval).map(Some)
}

async fn look(gatherer: &Gatherer<'_>) -> Result<Status, StatusError> {
    let readings = gatherer.gather().await?;
    Ok(status_of(gatherer.function, readings, SystemTime::now()))
}

/// Looks again and again, until the user asks to stop or nobody reads any more.
async fn watch(session: &Session, gatherer: &Gatherer<'_>, interval: Duration) -> Result<Outcome, Failure> {
    let mut view = View::new(session);
    let ended = look_on(session, gatherer, interval, &mut view).await;
    view.close();
    match ended {
        Ok(()) | Err(Ended::Unread) => Ok(Outcome::Checked),
        Err(Ended::Failed(failure)) => Err(failure),
    }
}

async fn look_on(
    session: &Session,
    gatherer: &Gatherer<'_>,
    interval: Duration,
    view: &mut View,
) -> Result<(), Ended> {
    let mut seen_once = false;
    loop {
        let Ok(looked) = session.interrupt.or(look(gatherer)).await else { return Ok(()) };
        match looked {
            Ok(status) => {
                view.show(status, session.reporter.as_ref())?;
                seen_once = true;
            }
            Err(error) => {
                let failure = error.failure();
                // What was there and is gone ends the watch; a network that fails for a while does not.
                if !seen_once || matches!(failure.stage, Stage::Usage | Stage::Refused) {
                    return Err(Ended::Failed(failure));
                }
                view.warn(&format!("warning: {}; looking again", failure.message))?;
            }
        }
        if output::is_unread() {
            return Err(Ended::Unread);
        }
        if session.interrupt.or(tokio::time::sleep(interval)).await.is_err() {
            return Ok(());
        }
    }
}

/// Why a watch ends that nobody asked to stop.
enum Ended {
    /// Nobody reads what it says.
    Unread,
    Failed(Failure),
}

impl From<std::io::Error> for Ended {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::Unread;
        }
        let message = format!("what is seen could not be written to standard output: {error}");
        Self::Failed(Failure { kind: "output", stage: Stage::BeforeChange, message, hint: None })
    }
}

/// Where a watch shows what it sees.
enum View {
    /// The whole, drawn in place on a screen of its own from the first look on.
    Terminal { style: Style, shown: Option<(Screen, Box<Status>)> },
    /// A line for each change; and on stderr what could not be read or relied on, once.
    Lines { watched: Watched, told: Vec<Finding> },
}

impl View {
    fn new(session: &Session) -> Self {
        let terminal = std::io::stdout().is_terminal();
        // A dumb terminal cannot go back to what it has written.
        match terminal && std::env::var_os("TERM").is_none_or(|name| name != "dumb") {
            true => {
                Self::Terminal { style: Style::new(wants_colour(&session.common, terminal)), shown: None }
            }
            false => Self::Lines { watched: Watched::default(), told: Vec::new() },
        }
    }

    fn show(&mut self, status: Status, reporter: &dyn Reporter) -> std::io::Result<()> {
        match self {
            Self::Terminal { style, shown } => {
                let screen = match shown.take() {
                    Some((screen, _)) => screen,
                    None => Screen::enter(*style)?,
                };
                let (screen, status) = shown.insert((screen, Box::new(status)));
                screen.draw(status, None)
            }
            Self::Lines { watched, told } => {
                for finding in status.findings.iter().filter(|finding| !told.contains(finding)) {
                    reporter.report(Event::Found(finding.clone()));
                }
                let lines: String =
                    watched.changes(&status).into_iter().map(|line| format!("{line}\n")).collect();
                *told = status.findings;
                output::write_result(&lines)
            }
        }
    }

    /// Says what went wrong with a look: below the page that is there, or on stderr.
    fn warn(&self, text: &str) -> std::io::Result<()> {
        match self {
            Self::Terminal { shown: Some((screen, status)), .. } => screen.draw(status, Some(text)),
            _ => {
                output::print_message(text);
                Ok(())
            }
        }
    }

    /// Goes back to where the terminal was, and leaves the last page there.
    fn close(self) {
        if let Self::Terminal { style, shown: Some((screen, status)) } = self {
            drop(screen);
            output::print_result(&output::status_page(&status, style));
        }
    }
}
