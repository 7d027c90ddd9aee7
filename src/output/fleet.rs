//! Many targets for a person: one table, and below it what went wrong or was found.

use crate::preflight::Finding;
use crate::report::{Outcome, Report, StepReport, StepStatus, TargetReport, sizes};

use super::lines::finding_line;
use super::printable::{block, indented, one_line};
use super::{Style, document, prune};

/// The columns of the table.
const HEAD: [&str; 5] = ["target", "outcome", "function", "version", "alias"];

/// What is said of all targets of a report.
pub(super) fn fleet(report: &Report, style: Style) -> Vec<String> {
    let mut lines = findings(report, style);
    lines.extend(steps(report, style));
    lines.extend(table(&report.targets, style));
    for target in &report.targets {
        lines.extend(failure(target, style));
    }
    for target in &report.targets {
        if let Some(prune) = &target.report.prune {
            lines.push(style.strong(&format!("{}:", one_line(&target.name))));
            lines.extend(prune::table(prune, target.report.outcome, style));
        }
    }
    lines.push(closing(report, style));
    if let Some(error) = report.error.as_ref().filter(|_| is_of_no_target(report)) {
        lines.push(format!("{} {}", style.bad("error:"), block(&error.message)));
        lines.extend(hint(error.hint.as_deref(), style));
    }
    lines
}

/// Whether the error of the whole is told with none of the targets.
fn is_of_no_target(report: &Report) -> bool {
    report.targets.iter().all(|target| target.exit.is_none_or(|exit| exit == 0))
}

/// What was found: of each kind once, with the targets that it is about.
fn findings(report: &Report, style: Style) -> Vec<String> {
    let mut found: Vec<(&Finding, Vec<&str>)> =
        report.findings.iter().map(|found| (found, Vec::new())).collect();
    for target in &report.targets {
        for finding in &target.report.findings {
            match found.iter_mut().find(|(known, _)| *known == finding) {
                Some((_, targets)) => targets.push(&target.name),
                None => found.push((finding, vec![&target.name])),
            }
        }
    }
    let line = |(finding, targets): (&Finding, Vec<&str>)| {
        let line = finding_line(finding, style);
        match targets.len() {
            0 => line,
            all if all == report.targets.len() && all > 1 => {
                format!("{}: {line}", style.strong("all targets"))
            }
            _ => format!("{}: {line}", style.strong(&named(&targets))),
        }
    };
    found.into_iter().map(line).collect()
}

/// How many names a line has.
const MOST_NAMES: usize = 6;

fn counted(targets: usize) -> String {
    if targets == 1 { "1 target".to_owned() } else { format!("{targets} targets") }
}

fn named(targets: &[&str]) -> String {
    let names = targets.iter().take(MOST_NAMES).map(|name| one_line(name)).collect::<Vec<_>>().join(", ");
    match targets.len().checked_sub(MOST_NAMES).filter(|more| *more > 0) {
        Some(more) => format!("{names} and {more} more"),
        None => names,
    }
}

/// What is, or was, done in the registries; and of a plan, what is to be done for each target.
fn steps(report: &Report, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    if !report.steps.is_empty() {
        lines.push(style.strong("registries:"));
        lines.extend(report.steps.iter().map(step));
    }
    if report.command != "plan" {
        return lines;
    }
    for target in report.targets.iter().filter(|target| !target.report.steps.is_empty()) {
        lines.push(style.strong(&format!("{}:", one_line(&target.name))));
        lines.extend(target.report.steps.iter().map(step));
    }
    lines
}

fn step(step: &StepReport) -> String {
    let detail = indented(&step.detail, "             ");
    let took = match step.status {
        StepStatus::Done => format!(" ({})", sizes::duration(step.elapsed)),
        _ => String::new(),
    };
    format!("  {:<9}  {detail}{took}", document::status(step.status))
}

fn table(targets: &[TargetReport], style: Style) -> Vec<String> {
    let rows: Vec<[String; 5]> = targets.iter().map(row).collect();
    let mut widths = HEAD.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String; 5], outcome: Option<Outcome>| {
        let padded = cells.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            let text = format!("{cell:<width$}");
            match outcome.filter(|_| column == 1) {
                Some(Outcome::Refused | Outcome::Failed) => style.bad(&text),
                Some(Outcome::Skipped | Outcome::Planned | Outcome::Started) => style.notice(&text),
                Some(_) => style.good(&text),
                None => text,
            }
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let head = style.strong(&line(&HEAD.map(str::to_owned), None));
    let rows = rows.iter().zip(targets).map(|(row, target)| line(row, Some(target.report.outcome)));
    std::iter::once(head).chain(rows).collect()
}

fn row(target: &TargetReport) -> [String; 5] {
    let report = &target.report;
    let function = report
        .function
        .as_ref()
        .map(|function| format!("{} ({}, {})", function.name, function.account, function.region));
    let alias = report.alias.as_ref().map(|alias| {
        let to = alias.to.as_deref().unwrap_or("?");
        match alias.from.as_deref().filter(|from| *from != to) {
            Some(from) => format!("{} → {to} (was {from})", alias.name),
            None => format!("{} → {to}", alias.name),
        }
    });
    [
        one_line(&target.name),
        document::outcome(report.outcome).to_owned(),
        one_line(&function.unwrap_or_default()),
        one_line(report.version.as_deref().unwrap_or_default()),
        one_line(&alias.unwrap_or_default()),
    ]
}

fn failure(target: &TargetReport, style: Style) -> Vec<String> {
    let Some(error) = &target.report.error else { return Vec::new() };
    let word = style.bad("error:");
    let mut lines =
        vec![format!("{}: {word} {}", style.strong(&one_line(&target.name)), block(&error.message))];
    lines.extend(hint(error.hint.as_deref(), style));
    lines
}

fn hint(hint: Option<&str>, style: Style) -> Option<String> {
    hint.map(|hint| format!("  {} {}", style.strong("hint:"), block(hint)))
}

/// `37 deployed, 2 unchanged, 1 failed`
fn closing(report: &Report, style: Style) -> String {
    let mut counts: Vec<(Outcome, usize)> = Vec::new();
    for target in &report.targets {
        match counts.iter_mut().find(|(outcome, _)| *outcome == target.report.outcome) {
            Some((_, count)) => *count += 1,
            None => counts.push((target.report.outcome, 1)),
        }
    }
    let counts: Vec<String> =
        counts.iter().map(|(outcome, count)| format!("{count} {}", document::outcome(*outcome))).collect();
    style.strong(&format!("{}: {}", counted(report.targets.len()), counts.join(", ")))
}
