//! The report itself: everything a command has to say at its end.

use std::time::Duration;

use crate::advice;
use crate::cloud::LiveFunction;
use crate::diff::Diff;
use crate::doctor::Examination;
use crate::event::LayerAction;
use crate::name::{AccountId, AliasName, Digest, FunctionName, FunctionRef, Region, Tag};
use crate::policy::Assessment;
use crate::preflight::Finding;
use crate::status::Status;

use super::{InitReport, InvokeReport, PermissionsReport, PruneReport, RunReport, TargetReport};

/// Everything a command has to say at its end.
#[derive(Debug, Clone)]
pub struct Report {
    /// The command as typed: `deploy`.
    pub command: &'static str,
    /// In one word.
    pub outcome: Outcome,
    /// The function; none when the command has none, or it was not reached.
    pub function: Option<FunctionReport>,
    /// The image; none when it could not be opened.
    pub image: Option<ImageReport>,
    /// The repository's policy; none when it was not looked at.
    pub policy: Option<PolicyReport>,
    /// The published version that runs the image.
    pub version: Option<String>,
    /// The alias; none when none was asked for.
    pub alias: Option<AliasReport>,
    /// What the new version answered before it got traffic; none when it was not asked.
    pub smoke: Option<SmokeReport>,
    /// The deployment of CodeDeploy that moves the traffic; none where we move it ourselves.
    pub deployment: Option<DeploymentReport>,
    /// How the function stands; none for all commands but `status`.
    pub status: Option<Box<Status>>,
    /// What was looked at to be deleted; none where nothing was, or where it was refused.
    pub prune: Option<PruneReport>,
    /// How each of many targets ended; empty where there was one.
    pub targets: Vec<TargetReport>,
    /// What `doctor` looked at; empty for all other commands.
    pub doctor: Vec<Examination>,
    /// The policies that were made; none for all commands but `permissions`.
    pub permissions: Option<PermissionsReport>,
    /// What came of running the image; none where it was not run.
    pub run: Option<Box<RunReport>>,
    /// What an invocation came to; none for all commands but `invoke`, and where there is no answer.
    pub invoke: Option<InvokeReport>,
    /// What is different; none for all commands but `diff`.
    pub diff: Option<Diff>,
    /// What was written; none for all commands but `init`.
    pub init: Option<InitReport>,
    /// What the checks found.
    pub findings: Vec<Finding>,
    /// The plan, step by step, as far as it went.
    pub steps: Vec<StepReport>,
    /// Why it did not end well.
    pub error: Option<Failure>,
}

impl Report {
    /// A report of nothing yet.
    pub fn new(command: &'static str) -> Self {
        Self {
            command,
            outcome: Outcome::Failed,
            function: None,
            image: None,
            policy: None,
            version: None,
            alias: None,
            smoke: None,
            deployment: None,
            status: None,
            prune: None,
            targets: Vec::new(),
            doctor: Vec::new(),
            permissions: None,
            run: None,
            invoke: None,
            init: None,
            diff: None,
            findings: Vec::new(),
            steps: Vec::new(),
            error: None,
        }
    }

    /// The report of a command that ended so.
    pub(crate) fn closed(self, ended: Result<Outcome, Failure>) -> Self {
        match ended {
            Ok(outcome) => Self { outcome, ..self },
            Err(failure) => {
                let outcome = match failure.stage {
                    Stage::Refused => Outcome::Refused,
                    Stage::MovedBack => Outcome::RolledBack,
                    _ => Outcome::Failed,
                };
                Self { outcome, error: Some(failure), ..self }
            }
        }
    }
}

/// How a command ended, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The function runs the image.
    Deployed,
    /// Traffic was handed over to CodeDeploy, which moves it on its own.
    Started,
    /// The registry has the image.
    Pushed,
    /// What nobody needs was deleted.
    Pruned,
    /// There was nothing to do.
    Unchanged,
    /// There is something to do, and it was only shown.
    Planned,
    /// What was compared is not the same.
    Different,
    /// Files were written.
    Written,
    /// A function was run, or its event queued.
    Invoked,
    /// What was to be checked was checked.
    Checked,
    /// It was one of many, and not begun because another one did not end well.
    Skipped,
    /// A check refused; nothing was changed.
    Refused,
    /// The alias is back at what it ran before: asked for (`rollback`), or because the new version did not do (then `error`
    /// says why).
    RolledBack,
    /// It failed; `error` says how far it came.
    Failed,
}

/// How far the world had changed when a command failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The arguments or the configuration are wrong.
    Usage,
    /// A check or AWS refused what cannot work; nothing that runs was changed.
    Refused,
    /// The function was not changed.
    BeforeChange,
    /// The function was changed, its traffic was not moved; safe to run again.
    BeforeTraffic,
    /// Traffic was moved, and moved back.
    MovedBack,
    /// Whether traffic moved is not known: a person must look at the alias.
    TrafficUnknown,
}

/// Why a command did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// A stable word for programs: `usage`, `access_denied`, `function_failed`, `interrupted`, …
    pub kind: &'static str,
    /// How far it came.
    pub stage: Stage,
    /// What went wrong and where.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Failure {
    /// The stable name of what went wrong, which `--explain` tells more of.
    pub fn code(&self) -> String {
        advice::code_of(self.kind, &self.message)
    }

    /// What to do: as it was said where it happened, else what is known of such failures.
    pub fn advice(&self) -> Option<&str> {
        let known = || advice::of_failure(self.kind, &self.message).map(|lesson| lesson.remedy);
        self.hint.as_deref().or_else(known)
    }
}

/// An error and everything beneath it on one line. The sources of our errors do not repeat each other.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(&format!(": {cause_text}"));
        }
        source = cause.source();
    }
    text
}

/// The function in a report.
#[derive(Debug, Clone)]
pub struct FunctionReport {
    /// Its name.
    pub name: FunctionName,
    /// Its ARN.
    pub arn: String,
    /// Its Region.
    pub region: Region,
    /// Its account.
    pub account: AccountId,
    /// Whether this run created it.
    pub created: bool,
}

impl FunctionReport {
    /// The function as its own ARN tells it; none where that is none.
    pub(crate) fn of(name: &FunctionName, live: &LiveFunction) -> Option<Self> {
        let arn: FunctionRef = live.arn.parse().ok()?;
        let (region, account) = (arn.region?, arn.account?);
        Some(Self { name: name.clone(), arn: live.arn.clone(), region, account, created: false })
    }
}

/// The image in a report.
#[derive(Debug, Clone)]
pub struct ImageReport {
    /// The repository's name; none when the command has none (`check`).
    pub repository: Option<String>,
    /// `<host>/<repository>@sha256:…`, once the digest is known.
    pub uri: Option<String>,
    /// The manifest's digest, once it is known.
    pub digest: Option<Digest>,
    /// The tags it carries in the repository.
    pub tags: Vec<Tag>,
    /// The manifest's media type.
    pub media_type: Option<String>,
    /// The architecture under Lambda's name, or the configuration's own word for one that Lambda lacks.
    pub architecture: String,
    /// Bytes of all layers uncompressed; none while a layer was not read and does not say.
    pub uncompressed_bytes: Option<u64>,
    /// Bytes of layers and configuration that were sent.
    pub pushed_bytes: u64,
    /// The layers, base first.
    pub layers: Vec<LayerReport>,
}

/// A layer in a report.
#[derive(Debug, Clone)]
pub struct LayerReport {
    /// Digest in the registry, once it is known.
    pub digest: Option<Digest>,
    /// Digest of the uncompressed content.
    pub diff_id: Digest,
    /// Size in the registry once it is known, otherwise as the source stores it.
    pub size: u64,
    /// What was done, or is planned, with it; none where nothing is to be done with layers (`check`).
    pub action: Option<LayerAction>,
}

/// The repository's policy in a report.
#[derive(Debug, Clone)]
pub struct PolicyReport {
    /// Whether this run changed it.
    pub changed: bool,
    /// How it stood, or what was done.
    pub verdict: PolicyOutcome,
    /// The Sids that were added or extended.
    pub statements_added: Vec<String>,
    /// The policy itself, where it was asked for; empty when the repository has none.
    pub document: Option<String>,
}

/// How the repository's policy stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyOutcome {
    /// The permission was there.
    Granted,
    /// It was, or will be, added.
    Added,
    /// It cannot be decided.
    Unknown,
    /// A statement denies it.
    Denied,
    /// The command only judged: both sides in full.
    Judged(Box<Assessment>),
    /// The command only shows the document.
    Shown,
}

/// The alias in a report.
#[derive(Debug, Clone)]
pub struct AliasReport {
    /// Its name.
    pub name: AliasName,
    /// The version that it pointed to.
    pub from: Option<String>,
    /// The version that it points to, or will.
    pub to: Option<String>,
}

/// A deployment of CodeDeploy in a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentReport {
    /// Its id.
    pub id: String,
    /// The application.
    pub application: String,
    /// The deployment group.
    pub group: String,
    /// The deployment configuration; empty where it was created by another run.
    pub config: String,
    /// Whether it may still be under way.
    pub is_running: bool,
}

/// A smoke test in a report. Answer and log are the user's own: cut to 4 KiB, without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmokeReport {
    /// The version that was invoked.
    pub version: String,
    /// The HTTP status of the invocation.
    pub status: u16,
    /// Handled or Unhandled; none when the function answered.
    pub function_error: Option<String>,
    /// Its answer.
    pub payload: String,
    /// The end of its log.
    pub log: String,
}

/// A step in a report.
#[derive(Debug, Clone)]
pub struct StepReport {
    /// The step's stable name.
    pub step: &'static str,
    /// How it ended.
    pub status: StepStatus,
    /// What it does or did, for a person.
    pub detail: String,
    /// How long it took; zero when it was not begun.
    pub elapsed: Duration,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StepStatus {
    /// Done.
    Done,
    /// Not begun, because an earlier one failed.
    Skipped,
    /// Begun and failed.
    Failed,
    /// Only shown.
    Planned,
}
