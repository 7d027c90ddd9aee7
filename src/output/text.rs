//! The report and the plan as a person wants to read them.

use crate::advice;
use crate::event::LayerAction;
use crate::policy::{Assessment, Side, Verdict};
use crate::preflight::Severity;
use crate::report::{
    DeploymentReport, Failure, ImageReport, Outcome, PolicyOutcome, PolicyReport, PruneReport, Report, Stage,
    StepReport, StepStatus, sizes,
};
use crate::status::Status;

use super::lines::finding_line;
use super::printable::{block, indented, one_line, printable_json};
use super::status::status_text;
use super::{Style, document, printable};

/// What stdout carries at the end of a command in human form.
pub fn report_text(report: &Report, style: Style) -> String {
    let mut text = Text { style, lines: Vec::new() };
    if !report.targets.is_empty() {
        text.targets(report);
        return text.finish();
    }
    if let Some(prune) = &report.prune {
        text.prune(report, prune);
        return text.finish();
    }
    if report.outcome == Outcome::Planned {
        text.plan(report);
        return text.finish();
    }
    if let Some(document) = report.policy.as_ref().and_then(|policy| policy.document.as_deref()) {
        let none = "the repository has no policy";
        text.lines.push(if document.is_empty() { none.to_owned() } else { policy_text(document) });
        return text.finish();
    }
    if report.command == "status" && report.error.is_none() {
        // A watch has shown all there is by its end.
        return report.status.as_deref().map(|status| status_page(status, style)).unwrap_or_default();
    }
    if !report.doctor.is_empty() {
        text.lines.extend(super::doctor::lines(&report.doctor, style));
        return text.finish();
    }
    if let (Some(permissions), None) = (&report.permissions, &report.error) {
        text.lines.extend(super::permissions::lines(permissions, style));
        return text.finish();
    }
    if let Some(diff) = report.diff.as_ref().filter(|_| report.error.is_none()) {
        text.findings(report);
        text.lines.extend(super::diff::lines(diff, style));
        return text.finish();
    }
    if let Some(init) = &report.init {
        text.lines.extend(super::init::lines(report, init, style));
        return text.finish();
    }
    text.findings(report);
    if let Some(run) = &report.run {
        text.lines.extend(super::run::lines(run, style));
    }
    if let Some(PolicyReport { verdict: PolicyOutcome::Judged(assessment), .. }) = &report.policy {
        text.assessment(assessment);
    }
    match &report.error {
        Some(failure) => text.failure(report, failure),
        None => text.headline(report),
    }
    // What was only meant to become so would read as if it were.
    if !matches!(report.outcome, Outcome::Refused | Outcome::Failed) {
        text.facts(report);
    }
    text.finish()
}

/// How a function stands, as `status` shows it.
pub fn status_page(status: &Status, style: Style) -> String {
    Text { style, lines: status_text(status, style) }.finish()
}

/// A policy laid out for reading; line by line as it is, set in, when it cannot be read.
fn policy_text(document: &str) -> String {
    document.parse::<crate::policy::Document>().map_or_else(
        |_| format!("  {}", indented(document, "  ")),
        |document| printable_json(&document.pretty()),
    )
}

struct Text {
    style: Style,
    lines: Vec<String>,
}

impl Text {
    fn finish(mut self) -> String {
        self.lines.push(String::new());
        printable(&self.lines.join("\n"), self.style)
    }

    /// Many targets; what `status` shows of each stands by itself.
    fn targets(&mut self, report: &Report) {
        for target in &report.targets {
            if let Some(status) = &target.report.status {
                self.lines.push(self.style.strong(&format!("{}:", one_line(&target.name))));
                self.lines.extend(status_text(status, self.style));
                self.lines.push(String::new());
            }
        }
        self.lines.extend(super::fleet::fleet(report, self.style));
    }

    fn fact(&mut self, name: &str, value: &str) {
        self.lines.push(format!("  {:<9} {}", format!("{name}:"), one_line(value)));
    }

    /// What the checks found, unless it was told when the steps began.
    fn findings(&mut self, report: &Report) {
        let is_begun = report.steps.iter().any(|step| step.status != StepStatus::Planned);
        if report.outcome == Outcome::Planned || !is_begun {
            self.lines.extend(report.findings.iter().map(|finding| finding_line(finding, self.style)));
        }
    }

    fn headline(&mut self, report: &Report) {
        if matches!(report.policy, Some(PolicyReport { verdict: PolicyOutcome::Judged(_), .. })) {
            return;
        }
        let word = document::outcome(report.outcome);
        let marked = match report.outcome {
            Outcome::Refused | Outcome::Failed => self.style.bad(word),
            Outcome::RolledBack => self.style.good("rolled back"),
            _ => self.style.good(word),
        };
        let doubts = report
            .findings
            .iter()
            .filter(|found| matches!(found.severity, Severity::Warn | Severity::Unknown));
        self.lines.push(match (report.outcome, report.command, doubts.count()) {
            (Outcome::Unchanged, ..) => {
                format!("{marked}: everything is as it should be, nothing was written")
            }
            (Outcome::Started, ..) => format!("{marked}: CodeDeploy moves the traffic from here on"),
            (Outcome::Invoked, ..) => {
                format!("{marked}: Lambda has the event, and runs the function with it later")
            }
            (Outcome::Checked, "invoke", _) => format!("{marked}: it can be invoked; nothing ran"),
            (Outcome::Refused, "check", _) => format!("{marked}: this image is not fit for Lambda as it is"),
            // What only the push can see is refused after the repository was made or layers were sent.
            (Outcome::Refused, ..) if report.steps.iter().any(|step| step.status != StepStatus::Planned) => {
                format!("{marked}: the function was not changed")
            }
            (Outcome::Refused, ..) => format!("{marked}: nothing was changed"),
            (Outcome::Checked, "policy ensure", _) => self.style.good("ensured"),
            (Outcome::Checked, "check", _) if super::run::is_proven(report) => {
                format!("{marked}: the image runs under Lambda's constraints")
            }
            (Outcome::Checked, "check", 0) => {
                format!("{marked}: by its metadata the image is fit for Lambda")
            }
            (Outcome::Checked, "check", _) => {
                format!("{marked}: nothing forbids it, but see what is said above")
            }
            _ => marked,
        });
    }

    fn facts(&mut self, report: &Report) {
        if let Some(function) = &report.function {
            let new = if function.created { " (created)" } else { "" };
            self.fact("function", &format!("{}{new}", function.arn));
        }
        if let Some(image) = &report.image {
            self.image(report, image);
        }
        self.policy(report);
        if let Some(version) = &report.version {
            self.fact("version", version);
        }
        if let Some(alias) = &report.alias {
            let (from, to) = (alias.from.as_deref(), alias.to.as_deref().unwrap_or("?"));
            let was = match from {
                Some(from) if report.outcome == Outcome::Started => format!(" (on its way from {from})"),
                Some(from) if from != to => format!(" (was {from})"),
                _ => String::new(),
            };
            self.fact("alias", &format!("{} → {to}{was}", alias.name));
        }
        if let Some(deployment) = &report.deployment {
            let DeploymentReport { id, application, group, .. } = deployment;
            self.fact(
                "engine",
                &format!("CodeDeploy, deployment {id} (application {application}, group {group})"),
            );
        }
        if let (Outcome::Started, Some(function), Some(alias)) =
            (report.outcome, &report.function, &report.alias)
        {
            let commands = format!("--function {} --alias {}", function.name, alias.name);
            self.fact("follow", &format!("lambda-lift release {commands} --resume"));
            self.fact("go back", &format!("lambda-lift rollback {commands}"));
        }
    }

    fn image(&mut self, report: &Report, image: &ImageReport) {
        let uri = image.uri.clone().or_else(|| image.digest.map(|digest| digest.to_string()));
        if let Some(uri) = uri {
            self.fact("image", &uri);
        }
        if !image.tags.is_empty() {
            let tags: Vec<&str> = image.tags.iter().map(|tag| tag.as_str()).collect();
            self.fact("tags", &tags.join(", "));
        }
        let size = match image.uncompressed_bytes {
            Some(bytes) => format!(", {} uncompressed", sizes::bytes(bytes)),
            None => String::new(),
        };
        let layers = format!("{} ({}{size})", image.layers.len(), image.architecture);
        self.fact("layers", &layers);
        if matches!(report.outcome, Outcome::Deployed | Outcome::Pushed) {
            self.fact("sent", &sizes::bytes(image.pushed_bytes));
        }
    }

    fn policy(&mut self, report: &Report) {
        if let Some(line) = report.policy.as_ref().and_then(policy_line) {
            self.fact("policy", &line);
        }
    }

    fn assessment(&mut self, assessment: &Assessment) {
        let verdict = assessment.verdict();
        let marked = match verdict {
            Verdict::Granted => self.style.good(verdict.as_str()),
            Verdict::Unknown => self.style.notice(verdict.as_str()),
            Verdict::Missing | Verdict::Denied => self.style.bad(verdict.as_str()),
        };
        self.lines.push(format!("{marked}: {}", verdict_in_words(verdict)));
        for (name, side) in assessment.sides() {
            self.side(name, side);
        }
    }

    fn side(&mut self, name: &str, side: &Side) {
        let mut parts = Vec::new();
        // What is missing and who denies says it already.
        if side.missing_actions.is_empty() && side.denied_by.is_empty() {
            parts.push(side.verdict.as_str().to_owned());
        }
        let mut list = |label: &str, items: Vec<String>| {
            if !items.is_empty() {
                parts.push(format!("{label} {}", items.join(", ")));
            }
        };
        list("missing", side.missing_actions.iter().map(ToString::to_string).collect());
        list("denied by", side.denied_by.iter().map(ToString::to_string).collect());
        list("depends on", side.conditions.clone());
        parts.extend(side.notes.iter().cloned());
        self.fact(name, &parts.join("; "));
    }

    fn failure(&mut self, report: &Report, failure: &Failure) {
        let code = self.style.faint(&format!("[{}]", failure.code()));
        self.lines.push(format!("{} {} {code}", self.style.bad("error:"), block(&failure.message)));
        if let Some(hint) = failure.advice() {
            self.lines.push(format!("  {} {}", self.style.strong("hint:"), block(hint)));
        }
        if advice::explain(&failure.code()).is_some() {
            self.lines.push(format!(
                "  {} lambda-lift --explain {}",
                self.style.strong("more:"),
                failure.code()
            ));
        }
        for step in &report.steps {
            let first = one_line(step.detail.lines().next().unwrap_or_default());
            self.lines.push(format!("  {:<7}  {first}", document::status(step.status)));
        }
        self.lines.extend(how_the_world_is(report.command, failure.stage).map(str::to_owned));
    }

    fn prune(&mut self, report: &Report, prune: &PruneReport) {
        if !prune.declined {
            self.findings(report);
            self.lines.extend(super::prune::table(prune, report.outcome, self.style));
        }
        match &report.error {
            Some(failure) => self.failure(report, failure),
            None => self.lines.push(self.style.strong(super::prune::closing(report, prune))),
        }
    }

    fn plan(&mut self, report: &Report) {
        self.findings(report);
        if report.outcome == Outcome::Refused {
            self.headline(report);
            return;
        }
        if report.steps.is_empty() {
            self.lines.push(self.style.good("nothing to do: everything is as it should be"));
            return;
        }
        let count = report.steps.len();
        let noun = if count == 1 { "step" } else { "steps" };
        let place = match &report.function {
            Some(function) => {
                format!(" for function {} (account {}, {})", function.name, function.account, function.region)
            }
            None => String::new(),
        };
        self.lines.push(self.style.strong(&format!("{count} {noun} to do{place}:")));
        for (index, step) in report.steps.iter().enumerate() {
            self.planned_step(index + 1, step);
            if step.step == "push_image" {
                self.planned_layers(report);
            }
        }
    }

    fn planned_step(&mut self, number: usize, step: &StepReport) {
        debug_assert_eq!(step.status, StepStatus::Planned);
        self.lines.push(format!("{number:>3}. {}", indented(&step.detail, "       ")));
    }

    fn planned_layers(&mut self, report: &Report) {
        let Some(image) = &report.image else { return };
        for layer in &image.layers {
            let digest = layer.digest.unwrap_or(layer.diff_id);
            let what = match layer.action {
                Some(LayerAction::Uploaded) | None => self.style.notice("upload"),
                Some(action) => self.style.faint(document::action(action)),
            };
            self.lines.push(format!("       {} {:>10}  {what}", digest.short(), sizes::bytes(layer.size)));
        }
    }
}

/// What was found of the repository's policy, or done with it; none where the command is about nothing else.
pub(super) fn policy_line(policy: &PolicyReport) -> Option<String> {
    Some(match &policy.verdict {
        PolicyOutcome::Judged(_) | PolicyOutcome::Shown => return None,
        PolicyOutcome::Granted => "lets Lambda pull".to_owned(),
        PolicyOutcome::Added if policy.changed => {
            format!("now lets Lambda pull, by {}", policy.statements_added.join(" and "))
        }
        PolicyOutcome::Added => {
            format!("lacks the pull permission ({})", policy.statements_added.join(", "))
        }
        PolicyOutcome::Unknown => "whether it lets Lambda pull could not be decided".to_owned(),
        PolicyOutcome::Denied => "denies the pull".to_owned(),
    })
}

/// How the world is after a command that failed so; none where that goes without saying.
pub(super) fn how_the_world_is(command: &str, stage: Stage) -> Option<&'static str> {
    Some(match (command, stage) {
        ("prune", Stage::BeforeTraffic) => {
            "What is marked as deleted has gone; running the same command again goes on from there."
        }
        ("prune", _) => "Nothing was deleted. Running the same command again is safe.",
        // What an invocation did is known to the function alone.
        ("invoke", Stage::BeforeChange) => return None,
        (_, Stage::Usage | Stage::Refused) => return None,
        (_, Stage::MovedBack) => "Traffic was moved, and moved back: the alias is what it was before.",
        (_, Stage::TrafficUnknown) => "Look at the alias before anything else.",
        (_, Stage::BeforeChange) => "The function was not changed. Running the same command again is safe.",
        (_, Stage::BeforeTraffic) => {
            "The function was changed, its traffic was not moved. Running the same command again is safe."
        }
    })
}

fn verdict_in_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Granted => "the policy lets Lambda pull",
        Verdict::Unknown => "whether the policy lets Lambda pull depends on what cannot be known here",
        Verdict::Missing => {
            "the policy does not let Lambda pull; lambda-lift policy ensure adds what is missing"
        }
        Verdict::Denied => "a statement of the policy denies the pull",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cloud::{Encryption, RepositorySettings};
    use crate::observe::PolicyFacts;
    use crate::plan;
    use crate::samples::{facts, spec};

    fn ungranted() -> Report {
        let (spec, mut facts) = (spec(), facts());
        facts.policy = PolicyFacts::Absent;
        let mut report = Report::new("deploy");
        report.take_facts(&spec, &facts);
        report.take_plan(&spec, &facts, &plan::plan(&spec, &facts));
        report
    }

    #[test]
    fn a_failure_lists_each_step_on_one_line_and_says_how_the_world_is() {
        let mut report = ungranted();
        report.steps[0].status = StepStatus::Failed;
        report.error = Some(Failure {
            kind: "x",
            stage: Stage::BeforeChange,
            message: "no".to_owned(),
            hint: Some("do".to_owned()),
        });
        let text = report_text(&report, Style::new(false));
        let end = "error: no [x]\n  hint: do\n  failed   let Lambda pull from shop: add LambdaECRImageRetrievalPolicy to its policy\n\
                   The function was not changed. Running the same command again is safe.\n";
        assert!(text.ends_with(end), "{text}");
    }

    #[test]
    fn a_refusal_after_a_step_does_not_claim_that_nothing_changed() {
        let mut report = Report { outcome: Outcome::Refused, ..Report::new("push") };
        assert_eq!(report_text(&report, Style::new(false)), "refused: nothing was changed\n");
        let settings =
            RepositorySettings { scan_on_push: false, immutable_tags: true, encryption: Encryption::Aes256 };
        let detail = crate::report::describe(&plan::Step::CreateRepository(settings), &spec(), &facts());
        assert_eq!(detail, "create repository shop in eu-west-1 (immutable tags)");
        let (status, elapsed) = (StepStatus::Done, Duration::ZERO);
        report.steps = vec![StepReport { step: "create_repository", status, detail, elapsed }];
        assert_eq!(report_text(&report, Style::new(false)), "refused: the function was not changed\n");
    }
}
