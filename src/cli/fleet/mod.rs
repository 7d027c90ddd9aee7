//! The same command for many targets: `deploy` and `plan` share the image and its registries, the others run each by itself.

mod deploy;
mod replicas;
mod shelf;
mod spool;

use std::cell::RefCell;
use std::sync::Arc;

use crate::apply::Interrupt;
use crate::event::{Named, Reporter};
use crate::fleet::{Order, in_waves};
use crate::report::{Outcome, Report, Shared, TargetReport, whole};

use super::ExitCondition;
use super::arguments::Command;
use super::configured::Chosen;
use super::doors::Doors;
use super::run::run_command;
use super::session::{Session, usage};

/// Runs the command of each target.
pub(super) async fn run(chosen: Vec<Chosen>, interrupt: Interrupt) -> Report {
    let (fleet, commands) = Fleet::new(chosen, interrupt);
    let report = match fleet.command {
        "deploy" | "plan" => deploy::deploy(&fleet, commands).await,
        _ => {
            let reports = fleet.each_by_itself(commands).await;
            fleet.report(reports, Shared::default())
        }
    };
    if let Some(member) = fleet.members.first() {
        member.session.doors.close().await;
    }
    report
}

/// What is known of all targets before anything is done.
struct Fleet {
    command: &'static str,
    order: Order,
    interrupt: Interrupt,
    members: Vec<Member>,
    reporter: Arc<dyn Reporter>,
}

/// One of the targets.
struct Member {
    name: String,
    wave: u16,
    place: String,
    session: Session,
}

impl Fleet {
    fn new(chosen: Vec<Chosen>, interrupt: Interrupt) -> (Self, Vec<Command>) {
        let doors = Arc::new(Doors::new(Some(interrupt.asked())));
        let mut reporter: Option<Arc<dyn Reporter>> = None;
        let (mut members, mut commands) = (Vec::new(), Vec::new());
        for Chosen { name, wave, place, cli } in chosen {
            let mut session = Session::new(cli.common, interrupt.for_one_of_many());
            // One for all: there is one terminal.
            let shared = reporter.get_or_insert_with(|| Arc::clone(&session.reporter));
            session.reporter = Arc::new(Named::new(&name, Arc::clone(shared)));
            session.doors = Arc::clone(&doors);
            members.push(Member { name, wave, place, session });
            commands.push(cli.command);
        }
        let (command, order) =
            commands.first().map_or(("", Order { max_parallel: 1, keep_going: false }), |command| {
                (name_of(command), command.order())
            });
        let reporter = reporter.unwrap_or_else(|| Arc::new(crate::event::Silence));
        (Self { command, order, interrupt, members, reporter }, commands)
    }

    /// Runs each command as if it were the only one.
    async fn each_by_itself(&self, commands: Vec<Command>) -> Vec<Report> {
        if commands.iter().any(|command| matches!(command, Command::Status(status) if status.watch)) {
            let failure = usage(
                "--watch shows one function".to_owned(),
                Some("leave --watch or --target out".to_owned()),
            );
            return commands.iter().map(|_| Report::new(self.command).closed(Err(failure.clone()))).collect();
        }
        // Waves keep a bad version from most functions; whoever looks or moves back has no use for them.
        let waves: Vec<u16> = match self.command {
            "release" => self.members.iter().map(|member| member.wave).collect(),
            _ => vec![1; self.members.len()],
        };
        let commands: RefCell<Vec<Option<Command>>> = RefCell::new(commands.into_iter().map(Some).collect());
        let work = async |target: usize| {
            let command = commands.borrow_mut()[target].take()?;
            run_command(self.members[target].session.clone(), command).await
        };
        let ended_well = |report: &Option<Report>| report.as_ref().is_some_and(is_well);
        let ended = in_waves(&waves, self.order, || self.may_begin(), work, ended_well).await;
        ended.into_iter().map(|ended| ended.flatten().unwrap_or_else(|| self.skipped())).collect()
    }

    fn may_begin(&self) -> bool {
        !self.interrupt.is_requested()
    }

    /// What is said of a target that was not begun.
    fn skipped(&self) -> Report {
        Report { outcome: Outcome::Skipped, ..Report::new(self.command) }
    }

    /// The report of all of them, from those of each.
    fn report(&self, reports: Vec<Report>, shared: Shared) -> Report {
        let severity = |report: &Report| ExitCondition::of(report).severity();
        // The first of those that are as bad.
        let worst = (0..reports.len()).rev().max_by_key(|target| severity(&reports[*target]));
        let worst = worst.filter(|target| severity(&reports[*target]) > 0);
        let target = |(member, report): (&Member, Report)| TargetReport {
            name: member.name.clone(),
            wave: member.wave,
            place: member.place.clone(),
            exit: (report.outcome != Outcome::Skipped).then(|| ExitCondition::of(&report).code()),
            report,
        };
        whole(self.command, self.members.iter().zip(reports).map(target).collect(), worst, shared)
    }

    /// A session for what is done once for several targets.
    fn shared_session(&self, like: usize, name: &str) -> Session {
        let reporter = Arc::new(Named::new(name, Arc::clone(&self.reporter)));
        Session { reporter, ..self.members[like].session.clone() }
    }
}

/// Whether a command ended as it should.
fn is_well(report: &Report) -> bool {
    ExitCondition::of(report).code() == 0
}

fn name_of(command: &Command) -> &'static str {
    match command {
        Command::Deploy(_) => "deploy",
        Command::Plan(_) => "plan",
        Command::Release(_) => "release",
        Command::Rollback(_) => "rollback",
        Command::Status(_) => "status",
        Command::Prune(_) => "prune",
        // No other has --target.
        _ => "",
    }
}
