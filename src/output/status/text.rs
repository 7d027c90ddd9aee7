//! How a function stands, as a person wants to read it.

use super::rows::{alias_lines, trouble, version_lines};
use crate::cloud::FunctionState;
use crate::output::Style;
use crate::output::lines::finding_line;
use crate::status::Status;

/// The whole, a line each.
pub(in crate::output) fn status_text(status: &Status, style: Style) -> Vec<String> {
    let mut lines = function_lines(status, style);
    lines.push(String::new());
    match &status.aliases {
        None => lines.push(format!("{} could not be read", style.strong("aliases"))),
        Some(aliases) if aliases.is_empty() => lines.push(format!("{}: none", style.strong("aliases"))),
        Some(aliases) => {
            lines.push(style.strong("aliases"));
            lines.extend(alias_lines(aliases, status, style));
        }
    }
    lines.push(String::new());
    lines.push(style.strong("versions"));
    lines.extend(version_lines(status, style));
    if status.left_out > 0 {
        let (count, all) = (status.left_out, status.left_out + status.versions.len());
        let more = format!("  and {count} older; show them with --versions {all}");
        lines.push(style.faint(&more));
    }
    if !status.findings.is_empty() {
        lines.push(String::new());
        lines.extend(status.findings.iter().map(|finding| finding_line(finding, style)));
    }
    lines
}

fn function_lines(status: &Status, style: Style) -> Vec<String> {
    let latest = &status.latest;
    let fact = |name: &str, value: &str| format!("  {:<9} {value}", format!("{name}:"));
    let mut lines = vec![format!("{} {}", style.strong("function"), status.name), fact("arn", &latest.arn)];
    let found = status.version(&latest.version);
    lines.push(fact("state", &state_words(&latest.state)));
    if let Some(trouble) = trouble(&latest.state) {
        lines.push(format!("    {}", trouble.drawn(style)));
    }
    let digest = latest.running_digest().map(|digest| digest.to_string());
    let image = latest.resolved_image_uri.clone().or_else(|| latest.image_uri.clone()).or(digest);
    lines.push(fact("image", &image.unwrap_or_else(|| "none: a zip function".to_owned())));
    if let Some(found) = found {
        lines.push(fact("role", found.role.as_deref().unwrap_or("-")));
        let memory = found.memory.map(|memory| format!("{memory} MB, ")).unwrap_or_default();
        let timeout = found.timeout.map(|timeout| format!("timeout {timeout} s, ")).unwrap_or_default();
        lines.push(fact("settings", &format!("{memory}{timeout}{}", found.architecture)));
    }
    lines
}

/// `Active, last update Successful`
pub(super) fn state_words(state: &FunctionState) -> String {
    let word = state.state.as_deref().unwrap_or("not told");
    match state.last_update_status.as_deref() {
        Some(update) => format!("{word}, last update {update}"),
        None => word.to_owned(),
    }
}
