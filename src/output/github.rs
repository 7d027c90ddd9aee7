//! Outputs of a GitHub Actions job: `name=value` lines in the file that `$GITHUB_OUTPUT` names.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;

use crate::report::Report;

use super::document;

/// Appends the outputs of a report. Values are single-line by their types, so the plain form is enough; a value that
/// were not is left out rather than allowed to forge another output.
///
/// # Errors
/// Fails when the file cannot be written.
pub fn write_outputs(path: &Path, report: &Report) -> io::Result<()> {
    let mut text = String::new();
    for (name, value) in outputs(report) {
        if !value.contains(['\n', '\r']) {
            text.push_str(&format!("{name}={value}\n"));
        }
    }
    OpenOptions::new().append(true).create(true).open(path)?.write_all(text.as_bytes())
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

    #[test]
    fn outputs_are_appended_and_none_can_forge_another() {
        let (mut spec, mut facts) = (spec(), facts());
        with_alias(&mut spec, &mut facts, &[]);
        let mut report = Report { image: Some(image_report(&image())), ..Report::new("deploy") };
        report.take_facts(&spec, &facts);
        report.take_plan(&spec, &facts, &plan::plan(&spec, &facts));
        report.function.as_mut().unwrap().arn = "arn\nversion=9".to_owned();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "before=1\n").unwrap();
        write_outputs(file.path(), &report).unwrap();
        let written = std::fs::read_to_string(file.path()).unwrap();
        let names: Vec<&str> =
            written.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
        let expect = [
            "before",
            "outcome",
            "digest",
            "image",
            "image-uri",
            "pushed-bytes",
            "function-name",
            "version",
            "alias",
            "previous-version",
        ];
        assert_eq!(names, expect);
        assert!(written.contains("\nversion=3\n") && !written.contains("version=9"), "{written}");
    }
}
