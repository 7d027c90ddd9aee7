//! The report and the plan as a person wants to read them.

use crate::event::LayerAction;
use crate::policy::{Assessment, Side, Verdict};
use crate::report::{Failure, ImageReport, Outcome, PolicyOutcome, Report, Stage, StepReport, StepStatus};

use super::lines::finding_line;
use super::{Style, document, printable, sizes};

/// What stdout carries at the end of a command in human form.
pub fn report_text(report: &Report, style: Style) -> String {
    let mut text = Text { style, lines: Vec::new() };
    if report.outcome == Outcome::Planned {
        text.plan(report);
        return text.finish();
    }
    if let Some(document) = report.policy.as_ref().and_then(|policy| policy.document.as_deref()) {
        let none = "the repository has no policy";
        text.lines.push(if document.is_empty() { none.to_owned() } else { policy_text(document) });
        return text.finish();
    }
    text.findings(report);
    text.headline(report);
    if let Some(function) = &report.function {
        let new = if function.created { " (created)" } else { "" };
        text.fact("function", &format!("{}{new}", function.arn));
    }
    if let Some(image) = &report.image {
        text.image(report, image);
    }
    text.policy(report);
    if let Some(version) = &report.version {
        text.fact("version", version);
    }
    if let Some(alias) = &report.alias {
        let (from, to) = (alias.from.as_deref(), alias.to.as_deref().unwrap_or("?"));
        let moved = match from {
            Some(from) if from == to => format!("{} → {to}", alias.name),
            Some(from) => format!("{} → {to} (was {from})", alias.name),
            None => format!("{} → {to}", alias.name),
        };
        text.fact("alias", &moved);
    }
    if let Some(failure) = &report.error {
        text.failure(report, failure);
    }
    text.finish()
}

/// A policy laid out for reading; as it is when it cannot be read.
fn policy_text(document: &str) -> String {
    document.parse::<crate::policy::Document>().map_or_else(|_| document.to_owned(), |document| document.pretty())
}

struct Text {
    style: Style,
    lines: Vec<String>,
}

impl Text {
    fn finish(mut self) -> String {
        self.lines.push(String::new());
        printable(&self.lines.join("\n"))
    }

    fn fact(&mut self, name: &str, value: &str) {
        self.lines.push(format!("  {:<9} {value}", format!("{name}:")));
    }

    fn findings(&mut self, report: &Report) {
        self.lines.extend(report.findings.iter().map(|finding| finding_line(finding, self.style)));
    }

    fn headline(&mut self, report: &Report) {
        let word = document::outcome(report.outcome);
        let marked = match report.outcome {
            Outcome::Refused | Outcome::Failed => self.style.bad(word),
            _ => self.style.good(word),
        };
        self.lines.push(match report.outcome {
            Outcome::Unchanged => format!("{marked}: everything is as it should be, nothing was written"),
            // What only the push can see is refused after the repository was made or layers were sent.
            Outcome::Refused if report.steps.iter().any(|step| step.status != StepStatus::Planned) => {
                format!("{marked}: the function was not changed")
            }
            Outcome::Refused => format!("{marked}: nothing was changed"),
            _ => marked,
        });
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
        let Some(policy) = &report.policy else { return };
        let line = match &policy.verdict {
            PolicyOutcome::Judged(assessment) => return self.assessment(assessment),
            PolicyOutcome::Shown => return,
            PolicyOutcome::Granted => "lets Lambda pull".to_owned(),
            PolicyOutcome::Added if policy.changed => {
                format!("statements written: {}", policy.statements_added.join(", "))
            }
            PolicyOutcome::Added => format!("lacks the pull permission ({})", policy.statements_added.join(", ")),
            PolicyOutcome::Unknown => "could not be decided".to_owned(),
            PolicyOutcome::Denied => "denies the pull".to_owned(),
        };
        self.fact("policy", &line);
    }

    fn assessment(&mut self, assessment: &Assessment) {
        let verdict = assessment.verdict();
        let marked = match verdict {
            Verdict::Granted => self.style.good(verdict.as_str()),
            Verdict::Unknown => self.style.notice(verdict.as_str()),
            Verdict::Missing | Verdict::Denied => self.style.bad(verdict.as_str()),
        };
        self.fact("policy", &marked);
        for (name, side) in assessment.sides() {
            self.side(name, side);
        }
    }

    fn side(&mut self, name: &str, side: &Side) {
        let mut parts = vec![side.verdict.as_str().to_owned()];
        let mut list = |label: &str, items: Vec<String>| {
            if !items.is_empty() {
                parts.push(format!("{label} {}", items.join(", ")));
            }
        };
        list("missing:", side.missing_actions.iter().map(ToString::to_string).collect());
        list("denied by:", side.denied_by.iter().map(ToString::to_string).collect());
        list("undecided conditions:", side.conditions.clone());
        parts.extend(side.notes.iter().cloned());
        self.fact(name, &parts.join("; "));
    }

    fn failure(&mut self, report: &Report, failure: &Failure) {
        self.lines.push(format!("{} {}", self.style.bad("error:"), failure.message));
        if let Some(hint) = &failure.hint {
            self.lines.push(format!("  {} {hint}", self.style.strong("hint:")));
        }
        for step in &report.steps {
            let detail = step.detail.lines().next().unwrap_or_default();
            self.lines.push(format!("  {:<8} {}: {detail}", document::status(step.status), step.step));
        }
        let state = match failure.stage {
            Stage::Usage | Stage::Refused => return,
            Stage::TrafficUnknown => "Look at the alias before anything else.",
            Stage::BeforeChange => "The function was not changed. Running the same command again is safe.",
            Stage::BeforeTraffic => {
                "The function was changed, its traffic was not moved. Running the same command again is safe."
            }
        };
        self.lines.push(state.to_owned());
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
        self.lines.push(self.style.strong(&format!("{count} {noun} to do:")));
        for (index, step) in report.steps.iter().enumerate() {
            self.planned_step(index + 1, step);
            if step.step == "push_image" {
                self.planned_layers(report);
            }
        }
    }

    fn planned_step(&mut self, number: usize, step: &StepReport) {
        debug_assert_eq!(step.status, StepStatus::Planned);
        let mut lines = step.detail.lines();
        let first = lines.next().unwrap_or_default();
        self.lines.push(format!("  {number}. {} {first}", self.style.strong(step.step)));
        self.lines.extend(lines.map(|line| format!("       {line}")));
    }

    fn planned_layers(&mut self, report: &Report) {
        let Some(image) = &report.image else { return };
        for layer in &image.layers {
            let digest = layer.digest.unwrap_or(layer.diff_id);
            let what = match layer.action {
                Some(LayerAction::Uploaded) | None => self.style.notice("upload"),
                Some(action) => self.style.faint(document::action(action)),
            };
            self.lines.push(format!("       layer {} {:>10}  {what}", digest.short(), sizes::bytes(layer.size)));
        }
    }
}
