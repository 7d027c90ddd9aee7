//! Outputs of a step: `name=value` lines for the file that `$GITHUB_OUTPUT` names.

use crate::output::document;
use crate::report::Report;

/// The outputs of a report as `$GITHUB_OUTPUT` takes them.
pub(super) fn outputs_text(report: &Report) -> String {
    outputs(report).iter().map(|(name, value)| entry(name, value)).collect()
}

/// One output. A value of several lines, which our own types have none of but an answer of AWS may, stands between two
/// lines that nobody can guess, so that it cannot forge another output.
fn entry(name: &str, value: &str) -> String {
    if !value.contains(['\n', '\r']) {
        return format!("{name}={value}\n");
    }
    let mark = format!("lambda-lift-{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
    format!("{name}<<{mark}\n{value}\n{mark}\n")
}

fn outputs(report: &Report) -> Vec<(&'static str, String)> {
    let mut outputs = vec![("outcome", document::outcome(report.outcome).to_owned())];
    if let Some(image) = &report.image {
        if let Some(digest) = image.digest {
            outputs.push(("digest", digest.to_string()));
            if let Some(repository) = &image.repository {
                // Without the host, so that masking an account id cannot drop it between jobs.
                outputs.push(("image", format!("{repository}@{digest}")));
            }
        }
        if let Some(uri) = &image.uri {
            outputs.push(("image-uri", uri.clone()));
        }
        outputs.push(("pushed-bytes", image.pushed_bytes.to_string()));
    }
    if let Some(function) = &report.function {
        outputs.push(("function-arn", function.arn.clone()));
        outputs.push(("function-name", function.name.to_string()));
    }
    if let Some(version) = &report.version {
        outputs.push(("version", version.clone()));
    }
    if let Some(deployment) = &report.deployment {
        outputs.push(("deployment-id", deployment.id.clone()));
    }
    if let Some(alias) = &report.alias {
        outputs.push(("alias", alias.name.to_string()));
        if let Some(from) = &alias.from {
            outputs.push(("previous-version", from.clone()));
        }
    }
    outputs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;
    use crate::report::image_report;
    use crate::samples::{facts, image, spec, with_alias};

    fn deploying() -> Report {
        let (mut spec, mut facts) = (spec(), facts());
        with_alias(&mut spec, &mut facts, &[]);
        let mut report = Report { image: Some(image_report(&image())), ..Report::new("deploy") };
        report.take_facts(&spec, &facts);
        report.take_plan(&spec, &facts, &plan::plan(&spec, &facts));
        report
    }

    #[test]
    fn every_output_that_applies_is_there() {
        let written = outputs_text(&deploying());
        let names: Vec<&str> =
            written.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
        let expect = [
            "outcome",
            "digest",
            "image",
            "image-uri",
            "pushed-bytes",
            "function-arn",
            "function-name",
            "version",
            "alias",
            "previous-version",
        ];
        assert_eq!(names, expect);
    }

    #[test]
    fn a_value_of_several_lines_is_one_value_and_cannot_forge_another() {
        let mut report = deploying();
        let hostile = "arn\nversion=9\nEOF\r\nalias=evil";
        report.function.as_mut().unwrap().arn = hostile.to_owned();
        let written = outputs_text(&report);
        let (_, after) = written.split_once("function-arn<<").unwrap();
        let (mark, after) = after.split_once('\n').unwrap();
        assert!(after.starts_with(&format!("{hostile}\n{mark}\nfunction-name=")), "{written}");
        assert_eq!(written.matches(mark).count(), 2);
        assert_ne!(entry("a", "1\n2"), entry("a", "1\n2"), "nobody can guess the mark");
    }
}
