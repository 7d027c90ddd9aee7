//! Many targets in one report: how each of them ended, and how all of it did.

use crate::preflight::{Finding, Severity};

use super::{Failure, ImageReport, Outcome, Report, Stage, StepReport};

/// How one of many targets ended.
#[derive(Debug, Clone)]
pub struct TargetReport {
    /// What it is called.
    pub name: String,
    /// When its turn was.
    pub wave: u16,
    /// Where it is in the configuration file: `lambda-lift.toml:12:8`.
    pub place: String,
    /// The exit code that it would have had alone; none where it was not begun.
    pub exit: Option<u8>,
    /// Everything there is to say of it.
    pub report: Report,
}

/// What was done once for several targets.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// The images, as each repository has them.
    pub(crate) images: Vec<ImageReport>,
    /// What was done in the registries.
    pub(crate) steps: Vec<StepReport>,
    /// What was found that is about no single target.
    pub(crate) findings: Vec<Finding>,
}

/// The report of all of them. `worst` is the place of the target that ended worst, if one did not end well.
pub(crate) fn whole(
    command: &'static str,
    targets: Vec<TargetReport>,
    worst: Option<usize>,
    shared: Shared,
) -> Report {
    let mut report = Report::new(command);
    match worst.and_then(|worst| targets.get(worst)) {
        Some(worst) => {
            report.outcome = worst.report.outcome;
            report.error = Some(failure(worst, &targets));
        }
        None => match not_begun(&targets) {
            Some(stopped) => (report.outcome, report.error) = (Outcome::Failed, Some(stopped)),
            None => report.outcome = together(&targets),
        },
    }
    report.image = one_image(shared.images);
    report.steps = shared.steps;
    report.findings = shared.findings;
    report.targets = targets;
    report
}

/// Targets that were not begun although none failed: the user asked to stop.
fn not_begun(targets: &[TargetReport]) -> Option<Failure> {
    let count = |outcome| targets.iter().filter(|target| target.report.outcome == outcome).count();
    let skipped = count(Outcome::Skipped);
    let stage = if count(Outcome::Deployed) > 0 { Stage::BeforeTraffic } else { Stage::BeforeChange };
    (skipped > 0).then(|| Failure {
        kind: "interrupted",
        stage,
        message: format!("stopped on request: {skipped} of {} targets were not begun", targets.len()),
        hint: Some("run the same command again to go on".to_owned()),
    })
}

/// The outcome of targets that ended well: the one that says most.
fn together(targets: &[TargetReport]) -> Outcome {
    let order = [
        Outcome::Started,
        Outcome::Deployed,
        Outcome::RolledBack,
        Outcome::Planned,
        Outcome::Checked,
        Outcome::Pushed,
    ];
    let has = |outcome: &Outcome| targets.iter().any(|target| target.report.outcome == *outcome);
    order.into_iter().find(has).unwrap_or(Outcome::Unchanged)
}

/// How many targets an error names.
const MOST_NAMED: usize = 10;

fn failure(worst: &TargetReport, targets: &[TargetReport]) -> Failure {
    let is_bad = |target: &&TargetReport| target.exit.is_some_and(|exit| exit != 0);
    let bad: Vec<&TargetReport> = targets.iter().filter(is_bad).collect();
    let why = Why::of(worst);
    if let [only] = bad[..] {
        return Failure { message: format!("target {}: {}", only.name, why.message), ..why.failure(only) };
    }
    let mut names: Vec<&str> = bad.iter().take(MOST_NAMED).map(|target| target.name.as_str()).collect();
    let more = format!("{} more", bad.len().saturating_sub(MOST_NAMED));
    if bad.len() > MOST_NAMED {
        names.push(&more);
    }
    let message = format!(
        "{} of {} targets did not end well ({}); {}: {}",
        bad.len(),
        targets.len(),
        names.join(", "),
        worst.name,
        why.message
    );
    Failure { message, ..why.failure(worst) }
}

/// Why a target did not end well: its error, or the first of what refused it.
struct Why {
    kind: &'static str,
    message: String,
    hint: Option<String>,
}

impl Why {
    fn of(target: &TargetReport) -> Self {
        let report = &target.report;
        if let Some(Failure { kind, message, hint, .. }) = &report.error {
            return Self { kind, message: message.clone(), hint: hint.clone() };
        }
        let refusal = report.findings.iter().find(|finding| finding.severity == Severity::Refuse);
        Self {
            kind: "refused",
            message: refusal.map_or_else(|| "refused".to_owned(), |finding| finding.message.clone()),
            hint: refusal.and_then(|finding| finding.hint.clone()),
        }
    }

    fn failure(&self, target: &TargetReport) -> Failure {
        let stage = target.report.error.as_ref().map_or(Stage::Refused, |error| error.stage);
        Failure { kind: self.kind, stage, message: self.message.clone(), hint: self.hint.clone() }
    }
}

/// The image, where all have the same; its place is none where it lies in several.
fn one_image(images: Vec<ImageReport>) -> Option<ImageReport> {
    let sent = images.iter().map(|image| image.pushed_bytes).sum();
    let mut images = images.into_iter();
    let mut one = images.next()?;
    one.pushed_bytes = sent;
    for other in images {
        if other.digest != one.digest {
            return None;
        }
        if other.uri != one.uri {
            one.uri = None;
        }
        if other.repository != one.repository {
            one.repository = None;
        }
    }
    Some(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(name: &str, outcome: Outcome, error: Option<(Stage, &str)>, exit: u8) -> TargetReport {
        let error = error.map(|(stage, message)| Failure {
            kind: "test",
            stage,
            message: message.to_owned(),
            hint: Some("do".to_owned()),
        });
        let report = Report { outcome, error, ..Report::new("deploy") };
        let exit = (outcome != Outcome::Skipped).then_some(exit);
        TargetReport { name: name.to_owned(), wave: 1, place: "x.toml:1:1".to_owned(), exit, report }
    }

    #[test]
    fn the_whole_says_what_its_worst_target_says_and_how_many_there_are() {
        let good = || target("a", Outcome::Deployed, None, 0);
        let bad = |name| target(name, Outcome::Failed, Some((Stage::BeforeTraffic, "no")), 4);
        let skipped = || target("d", Outcome::Skipped, None, 0);
        let all_well =
            whole("deploy", vec![good(), target("b", Outcome::Unchanged, None, 0)], None, Shared::default());
        assert_eq!((all_well.outcome, all_well.error.is_none()), (Outcome::Deployed, true));
        let one = whole("deploy", vec![good(), bad("b"), skipped()], Some(1), Shared::default());
        let error = one.error.unwrap();
        assert_eq!((one.outcome, error.stage), (Outcome::Failed, Stage::BeforeTraffic));
        assert_eq!((error.message.as_str(), error.hint.as_deref()), ("target b: no", Some("do")));
        let two = whole("deploy", vec![bad("b"), good(), bad("c")], Some(2), Shared::default());
        assert_eq!(two.error.unwrap().message, "2 of 3 targets did not end well (b, c); c: no");
    }
}
