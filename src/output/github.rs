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
    if let Some(alias) = &report.alias {
        outputs.push(("alias", alias.name.to_string()));
        if let Some(from) = &alias.from {
            outputs.push(("previous-version", from.clone()));
        }
    }
    outputs
}
