//! What `init` wrote, or its text.

use serde_json::{Value, json};

use crate::report::{InitReport, Report};

use super::lines::finding_line;
use super::printable::one_line;
use super::{Style, print_drawn, print_result, printable};

/// Writes the text of `init --stdout` to stdout as it is, and what was found to stderr. Says whether the text could be had.
pub fn print_init(report: &Report, init: &InitReport, style: Style) -> bool {
    let Some(text) = &init.text else {
        return print_result(&super::report_text(report, style));
    };
    let plain = Style::new(false);
    for finding in &report.findings {
        print_drawn(&format!("{}\n", printable(&finding_line(finding, plain), plain)));
    }
    print_result(text)
}

/// The lines of a person's report.
pub(super) fn lines(report: &Report, init: &InitReport, style: Style) -> Vec<String> {
    let mut lines: Vec<String> = report.findings.iter().map(|finding| finding_line(finding, style)).collect();
    for file in [&init.file, &init.function_file].into_iter().flatten() {
        lines.push(format!("{} {}", style.good("written:"), one_line(file)));
    }
    if init.variables == "values" {
        let warning = "it holds the values of environment variables: keep it out of repositories";
        lines.push(format!("{} {warning}", style.notice("warn:")));
    }
    let next = match &init.file {
        Some(file) if file != "lambda-lift.toml" => format!("lambda-lift plan --config {}", one_line(file)),
        _ => "lambda-lift plan".to_owned(),
    };
    lines.push(match init.is_settled {
        true => format!("It says what runs now, so that this finds nothing to do: {next}"),
        false => format!("What a deploy would change, and why, as said above: {next}"),
    });
    lines
}

/// `init` of the document.
pub(super) fn value(init: &InitReport) -> Value {
    let left_out = |(key, why): &(String, String)| json!({ "key": key, "reason": why });
    json!({
        "file": init.file,
        "function_file": init.function_file,
        "text": init.text,
        "alias": init.alias,
        "variables": init.variables,
        "left_out": init.left_out.iter().map(left_out).collect::<Vec<_>>(),
        "settled": init.is_settled,
    })
}
