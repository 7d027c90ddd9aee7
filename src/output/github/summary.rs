//! The summary of a step: how commands ended, what they changed and how to go back, in Markdown.
//!
//! In pieces that can be left out from behind, the most important ones first (`page`).

use crate::output::text::{how_the_world_is, policy_line};
use crate::output::{Style, document, prune};
use crate::preflight::{Finding, Severity};
use crate::report::{Failure, ImageReport, Outcome, Report, StepReport, StepStatus, TargetReport, sizes};

use super::markup::{block, code, text};
use super::timeline::timeline;

/// How many lines of a table stand in one block.
const LINES: usize = 50;

/// The summary of a report. Many targets are first shown in one table, a row each, and then one by one.
pub(super) fn summary(report: &Report) -> Vec<String> {
    let mut pieces = Vec::new();
    one(report, &mut pieces);
    if !report.targets.is_empty() {
        pieces
            .push("\n| target | function | outcome | version | alias |\n|---|---|---|---|---|\n".to_owned());
        pieces.extend(report.targets.iter().map(row));
    }
    for target in &report.targets {
        pieces.push(format!("\n---\n\n**Target** {}\n", code(&target.name)));
        one(&target.report, &mut pieces);
    }
    pieces
}

/// The row of one of many targets.
fn row(target: &TargetReport) -> String {
    let report = &target.report;
    let function = report.function.as_ref().map(|function| code(&function.arn)).unwrap_or_default();
    let version = report.version.as_deref().map(code).unwrap_or_default();
    let alias = report.alias.as_ref().map(|_| move_of(report)).unwrap_or_default();
    // One that was not begun has no outcome of its own.
    let outcome = target.exit.map_or("skipped", |_| document::outcome(report.outcome));
    format!("| {} | {function} | {outcome} | {version} | {alias} |\n", code(&target.name))
}

fn one(report: &Report, pieces: &mut Vec<String>) {
    pieces.push(headline(report));
    if let Some(failure) = &report.error {
        pieces.push(of_failure(report, failure));
    }
    facts(report, pieces);
    if let Some(way) = way_back(report) {
        pieces.push(way);
    }
    let (heavy, light): (Vec<_>, Vec<_>) =
        report.findings.iter().partition(|finding| finding.severity > Severity::Info);
    findings("To look at", &heavy, pieces);
    steps(report, pieces);
    if let Some(prune) = &report.prune {
        let table = prune::table(prune, report.outcome, Style::new(false));
        pieces.extend(table.chunks(LINES).map(|lines| format!("\n{}", block("text", &lines.join("\n"), ""))));
    }
    if let Some(chart) = timeline(report) {
        pieces.push(format!("\n{chart}"));
    }
    if let Some(image) = &report.image {
        layers(image, pieces);
    }
    findings("Good to know", &light, pieces);
}

/// `### lambda-lift deploy: deployed checkout`
fn headline(report: &Report) -> String {
    let outcome = document::outcome(report.outcome).replace('_', " ");
    let function = report.function.as_ref().map(|function| format!(" {}", code(function.name.as_str())));
    let said = match report.outcome {
        Outcome::Unchanged => "\nEverything is as it should be, nothing was written.\n",
        Outcome::Planned if report.command == "prune" => {
            "\nNothing was deleted: this is what <code>lambda-lift prune --yes</code> would delete.\n"
        }
        Outcome::Planned => "\nNothing was changed: this is what <code>lambda-lift deploy</code> would do.\n",
        Outcome::Started => "\nCodeDeploy moves the traffic from here on.\n",
        Outcome::Refused if is_untouched(report) => "\nNothing was changed.\n",
        Outcome::Refused => "\nThe function was not changed.\n",
        _ => "",
    };
    format!("\n### lambda-lift {}: {outcome}{}\n{said}", report.command, function.unwrap_or_default())
}

fn is_untouched(report: &Report) -> bool {
    report.steps.iter().all(|step| step.status == StepStatus::Planned)
}

fn of_failure(report: &Report, failure: &Failure) -> String {
    let mut said = format!("\n**Error** ({}): {}\n", text(failure.kind), text(&failure.message));
    if let Some(hint) = &failure.hint {
        said.push_str(&with_block("\n**What to do:** ", hint, ""));
    }
    if let Some(state) = how_the_world_is(report.command, failure.stage) {
        said.push_str(&format!("\n{state}\n"));
    }
    said
}

/// Names and numbers in a table of two columns. Of what failed it says what was meant to be, so it is left out there.
fn facts(report: &Report, pieces: &mut Vec<String>) {
    if matches!(report.outcome, Outcome::Refused | Outcome::Failed) {
        return;
    }
    let mut rows: Vec<(&str, String)> = Vec::new();
    if let Some(function) = &report.function {
        let new = if function.created { " (created)" } else { "" };
        rows.push(("function", format!("{}{new}", code(&function.arn))));
    }
    if let Some(image) = &report.image {
        image_facts(report, image, &mut rows);
    }
    if let Some(line) = report.policy.as_ref().and_then(policy_line) {
        rows.push(("policy", text(&line)));
    }
    if let Some(version) = &report.version {
        rows.push(("version", code(version)));
    }
    if report.alias.is_some() {
        rows.push(("alias", move_of(report)));
    }
    if let Some(deployment) = &report.deployment {
        rows.push(("CodeDeploy", format!("deployment {}", code(&deployment.id))));
    }
    if rows.is_empty() {
        return;
    }
    let rows: String = rows.iter().map(|(name, value)| format!("| {name} | {value} |\n")).collect();
    pieces.push(format!("\n| | |\n|---|---|\n{rows}"));
}

fn image_facts(report: &Report, image: &ImageReport, rows: &mut Vec<(&str, String)>) {
    let name = image.uri.clone().or_else(|| image.digest.map(|digest| digest.to_string()));
    rows.extend(name.map(|name| ("image", code(&name))));
    if !image.tags.is_empty() {
        let tags: Vec<String> = image.tags.iter().map(|tag| code(tag.as_str())).collect();
        rows.push(("tags", tags.join(" ")));
    }
    if matches!(report.outcome, Outcome::Deployed | Outcome::Started | Outcome::Pushed) {
        rows.push(("sent", sizes::bytes(image.pushed_bytes)));
    }
}

/// `live`: version 6 → 7
fn move_of(report: &Report) -> String {
    let Some(alias) = &report.alias else { return String::new() };
    let name = code(alias.name.as_str());
    match (&alias.from, &alias.to) {
        (Some(from), Some(to)) if from != to => format!("{name}: {} → {}", code(from), code(to)),
        (Some(from), None) => format!("{name}: {} → the published version", code(from)),
        (_, Some(to)) => format!("{name} → {}", code(to)),
        (None, None) => name,
    }
}

/// The command that brings an alias back which this one has moved.
fn way_back(report: &Report) -> Option<String> {
    let (function, alias) = (report.function.as_ref()?, report.alias.as_ref()?);
    let moved =
        matches!(report.outcome, Outcome::Deployed | Outcome::Started) && report.command != "rollback";
    let from = alias.from.as_ref().filter(|from| moved && Some(*from) != alias.to.as_ref())?;
    let command = format!(
        "lambda-lift rollback --region {} --function {} --alias {}",
        function.region, function.name, alias.name
    );
    Some(format!("\n**To go back** to version {}:\n\n{}", code(from), block("sh", &command, "")))
}

fn findings(title: &str, findings: &[&Finding], pieces: &mut Vec<String>) {
    if findings.is_empty() {
        return;
    }
    pieces.push(format!("\n**{title}**\n\n"));
    for finding in findings {
        let severity = document::severity(finding.severity);
        let hint = finding.hint.as_ref().map(|hint| with_block("  What to do: ", hint, "  "));
        pieces.push(format!(
            "- **{severity}** ({}): {}<br>\n{}",
            text(finding.check),
            text(&finding.message),
            hint.unwrap_or_default()
        ));
    }
}

/// What happened, or will, in order.
fn steps(report: &Report, pieces: &mut Vec<String>) {
    if report.steps.is_empty() {
        return;
    }
    let title = if report.outcome == Outcome::Planned { "What would change" } else { "What changed" };
    pieces.push(format!("\n**{title}**\n\n"));
    pieces.extend(report.steps.iter().map(step));
}

/// `1. **done** (1.2 s): push …`, with what it consists of below.
fn step(step: &StepReport) -> String {
    let mark = match step.status {
        StepStatus::Planned => String::new(),
        StepStatus::Skipped => "**skipped**: ".to_owned(),
        status => format!("**{}** ({}): ", document::status(status), sizes::duration(step.elapsed)),
    };
    with_block(&format!("1. {mark}"), &step.detail, "   ")
}

/// A text whose first line stands behind `lead`, and the others in a block below.
fn with_block(lead: &str, whole: &str, indent: &str) -> String {
    let (first, rest) = whole.split_once('\n').unwrap_or((whole, ""));
    let rest = if rest.trim().is_empty() { String::new() } else { format!("\n{}", block("", rest, indent)) };
    format!("{lead}{}\n{rest}", text(first))
}

fn layers(image: &ImageReport, pieces: &mut Vec<String>) {
    if image.layers.iter().all(|layer| layer.action.is_none()) {
        return;
    }
    pieces.push("\n| layer | size | |\n|---|---:|---|\n".to_owned());
    for layer in &image.layers {
        let digest = layer.digest.unwrap_or(layer.diff_id);
        let action = layer.action.map(document::action).unwrap_or_default();
        pieces.push(format!("| {} | {} | {action} |\n", code(&digest.short()), sizes::bytes(layer.size)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;
    use crate::samples::{facts, spec, with_alias};

    fn deployed(outcome: Outcome) -> Report {
        let (mut spec, mut facts) = (spec(), facts());
        with_alias(&mut spec, &mut facts, &[]);
        let mut report = Report { outcome, ..Report::new("deploy") };
        report.take_facts(&spec, &facts);
        report.take_plan(&spec, &facts, &plan::plan(&spec, &facts));
        report
    }

    #[test]
    fn several_are_first_shown_side_by_side_and_then_one_by_one() {
        let target = |name: &str, outcome, exit| TargetReport {
            name: name.to_owned(),
            wave: 1,
            place: "lambda-lift.toml:12:8".to_owned(),
            exit,
            report: deployed(outcome),
        };
        let targets = vec![
            target("eu|west", Outcome::Deployed, Some(0)),
            target("us", Outcome::Failed, Some(4)),
            target("ap", Outcome::Failed, None),
        ];
        let whole = Report { outcome: Outcome::Failed, targets, ..Report::new("deploy") };
        let text = summary(&whole).concat();
        let rows: Vec<&str> = text.lines().filter(|line| line.contains("| <code>arn:aws:lambda:")).collect();
        for (row, (name, outcome)) in
            rows.iter().zip([("eu&#124;west", "deployed"), ("us", "failed"), ("ap", "skipped")])
        {
            assert!(row.starts_with(&format!("| <code>{name}</code> |")), "{row}");
            assert!(row.contains(&format!("| {outcome} |")), "{row}");
        }
        assert_eq!((rows.len(), text.matches("### lambda-lift deploy: ").count()), (4, 4), "{text}");
        assert!(!summary(&deployed(Outcome::Deployed)).concat().contains("| target |"));
    }

    #[test]
    fn the_way_back_is_told_of_a_move_alone() {
        let mut report = deployed(Outcome::Deployed);
        report.alias.as_mut().unwrap().to = Some("9".to_owned());
        let back = way_back(&report).unwrap();
        assert!(back.contains("lambda-lift rollback --region eu-west-1 --function "), "{back}");
        for outcome in [Outcome::Planned, Outcome::Failed, Outcome::Unchanged, Outcome::RolledBack] {
            assert_eq!(way_back(&Report { outcome, ..report.clone() }), None, "{outcome:?}");
        }
        report.alias.as_mut().unwrap().from = None;
        assert_eq!(way_back(&report), None, "a new alias has nothing to go back to");
    }
}
