//! `function.json` and `function.jsonnet`: Jsonnet is evaluated first, then templates are filled in, as lambroll does it.

use std::path::Path;

use super::Lookups;
use super::error::FileError;
use super::filled::{paths, paths_with};
use super::jsonnet::{Evaluated, evaluate};
use super::template::{Rendered, render};
use crate::function::Written;

/// What `std.extVar` gives. `Debug` hides the values.
#[derive(Clone, Default)]
pub struct ExternalVariables {
    /// Texts, by their names.
    pub texts: Vec<(String, String)>,
    /// Jsonnet, by its names.
    pub codes: Vec<(String, String)>,
}

impl std::fmt::Debug for ExternalVariables {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.texts.iter().chain(&self.codes).map(|(name, _)| name).collect();
        formatter.debug_tuple("ExternalVariables").field(&names).finish()
    }
}

/// Whether a file is Jsonnet, by its name.
pub(super) fn is_jsonnet(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "jsonnet" || extension == "libsonnet")
}

/// Reads a function file. Without templates, JSON is left as it is.
///
/// # Errors
/// The file cannot be evaluated, a template cannot be filled in, or what it gives breaks the JSON: with the place in the file as it is written.
pub fn read_function_file(
    path: &Path,
    text: &str,
    external: &ExternalVariables,
    lookups: &dyn Lookups,
) -> Result<Written, FileError> {
    let file = path.display().to_string();
    let Evaluated { text: source, brought } = match is_jsonnet(path) {
        true => evaluate(path, text, external, lookups)?,
        false => Evaluated { text: text.to_owned(), brought: Vec::new() },
    };
    let mut hidden = paths_with(&source, &brought);
    if !source.contains("{{") {
        return Ok(Written { text: source, hidden });
    }
    // What Jsonnet gave has no lines of its own that would say anything.
    let is_written = !is_jsonnet(path);
    let place = |error: FileError, offset: usize| if is_written { error.at(&source, offset) } else { error };
    let rendered = render(&source, lookups)
        .map_err(|error| place(FileError::new(&file, error.message).hint(error.hint), error.at))?;
    // Into a value, since only that bounds how deep it is nested.
    if let Err(error) =
        serde_json::from_str::<serde_json::Value>(rendered.text.trim_start_matches('\u{feff}'))
    {
        let (message, offset, hint) = broken(&source, &rendered, &error);
        return Err(place(FileError::new(&file, message).hint(hint), offset));
    }
    let secrets: Vec<_> = rendered.secrets().collect();
    hidden.extend(paths(&rendered.text, &secrets));
    hidden.sort();
    hidden.dedup();
    Ok(Written { text: rendered.text, hidden })
}

/// What is wrong with the JSON that a filled template is, and where in the template.
fn broken(source: &str, rendered: &Rendered, error: &serde_json::Error) -> (String, usize, Option<String>) {
    let (at, suspect) = rendered.source_of(offset(&rendered.text, error.line(), error.column()));
    let message = error.to_string();
    let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(text, _)| text);
    match suspect {
        Some(suspect) => {
            let message = "what this template stands for breaks the JSON around it".to_owned();
            let before = source[..suspect].trim_end_matches(|c| c != '"').ends_with('"');
            let hint = match before {
                true => {
                    "put | json_escape behind it, before the braces close; its value is not shown, since it may be secret"
                }
                false => "its value is not shown, since it may be secret",
            };
            (message, suspect, Some(hint.to_owned()))
        }
        None => (format!("this is not valid JSON: {message}"), at, trailing_comma(message)),
    }
}

fn trailing_comma(message: &str) -> Option<String> {
    let hint = "take the comma out, or name the file .jsonnet, which allows it";
    message.starts_with("trailing comma").then(|| hint.to_owned())
}

/// The byte at a line and a column in bytes, as serde_json counts them.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (start + column.saturating_sub(1)).min(text.len())
}

#[cfg(test)]
mod tests;
