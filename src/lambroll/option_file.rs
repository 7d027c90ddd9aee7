//! `option.json` and `option.jsonnet`: lambroll's flags as a file.

use std::path::Path;

use serde_json::{Map, Value};

use super::error::FileError;
use super::function_file::is_jsonnet;
use super::jsonnet::{Evaluated, evaluate};
use super::template::render;
use super::{ExternalVariables, Lookups};
use crate::spelling::nearest;

/// Keys that say nothing here, with what does instead.
const IGNORED: [(&str, &str); 4] = [
    ("log_level", "--verbose and --quiet"),
    ("color", "--color"),
    ("endpoint", "--endpoint-url"),
    ("function", "--function-file"),
];
const TEXTS: [&str; 3] = ["region", "profile", "tfstate"];
const MAPS: [&str; 5] = ["prefixed_tfstate", "ext_str", "ext_code", "extstr", "extcode"];

/// What an option file says.
#[derive(Clone, Default)]
pub struct OptionFile {
    /// The values of arguments of our own command line, by the arguments' ids there: `region`, `prefixed_tfstate` (`KEY=URL`).
    pub given: Vec<(&'static str, Vec<String>)>,
    /// Keys that are not honoured, with what says the same here.
    pub ignored: Vec<(String, &'static str)>,
}

impl std::fmt::Debug for OptionFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.given.iter().map(|(name, _)| *name).collect();
        formatter.debug_struct("OptionFile").field("given", &names).field("ignored", &self.ignored).finish()
    }
}

/// Reads an option file. Of functions it has `env` and `must_env`, as with lambroll.
///
/// # Errors
/// The file cannot be evaluated, or has keys or values that mean nothing.
pub fn read_option_file(path: &Path, text: &str, lookups: &dyn Lookups) -> Result<OptionFile, FileError> {
    let file = path.display().to_string();
    let source = match is_jsonnet(path) {
        true => {
            let Evaluated { text, .. } = evaluate(path, text, &ExternalVariables::default(), lookups)?;
            text
        }
        false => text.to_owned(),
    };
    let rendered = render(&source, lookups)
        .map_err(|error| FileError::new(&file, error.message).hint(error.hint).at(&source, error.at))?;
    let parsed: Result<Map<String, Value>, _> = serde_json::from_str(&rendered.text);
    let keys = parsed.map_err(|error| {
        FileError::new(
            &file,
            format!("this is not one JSON object (line {}, column {})", error.line(), error.column()),
        )
    })?;
    let mut read = OptionFile::default();
    for (key, value) in keys.iter().filter(|(_, value)| !value.is_null()) {
        if let Some((_, instead)) = IGNORED.iter().find(|(name, _)| name == key) {
            read.ignored.push((key.clone(), instead));
            continue;
        }
        let wrong = |what: &str| FileError::new(&file, format!("{key}: {what} is expected"));
        let known = TEXTS.iter().chain(&MAPS).chain(&["envfile"]).find(|name| *name == key);
        match (known, value) {
            (Some(name), Value::String(text)) if TEXTS.contains(name) => {
                read.given.push((name, vec![text.clone()]))
            }
            (Some(name), _) if TEXTS.contains(name) => return Err(wrong("a text in quotes")),
            (Some(name), Value::Object(fields)) if MAPS.contains(name) => {
                let pairs: Option<Vec<String>> = fields
                    .iter()
                    .map(|(key, value)| value.as_str().map(|value| format!("{key}={value}")))
                    .collect();
                read.given
                    .push((argument(name), pairs.ok_or_else(|| wrong("an object with texts as values"))?));
            }
            (Some(&"envfile"), Value::Array(entries)) => {
                let files: Option<Vec<String>> =
                    entries.iter().map(|entry| entry.as_str().map(str::to_owned)).collect();
                read.given.push(("envfile", files.ok_or_else(|| wrong("a list of texts"))?));
            }
            (Some(&"envfile"), _) => return Err(wrong("a list of texts")),
            (Some(_), _) => return Err(wrong("an object with texts as values")),
            (None, _) => {
                let all: Vec<&str> = TEXTS.iter().chain(&MAPS[..3]).chain(&["envfile"]).copied().collect();
                let error = FileError::new(&file, format!("{key}: lambroll's option files have no such key"));
                return Err(error.hint(nearest(key, &all).map(|meant| format!("did you mean {meant}?"))));
            }
        }
    }
    Ok(read)
}

/// Old spellings of lambroll's count as the new ones.
fn argument(name: &'static str) -> &'static str {
    match name {
        "extstr" => "ext_str",
        "extcode" => "ext_code",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lambroll::samples::Scripted;

    fn read(name: &str, text: &str) -> Result<OptionFile, FileError> {
        read_option_file(Path::new(name), text, &Scripted::default())
    }

    #[test]
    fn what_maps_is_given_and_the_rest_is_named() {
        let json = r#"{"region": "eu-west-1", "profile": "{{ env `STAGE` }}", "log_level": "debug", "color": true,
            "tfstate": null, "prefixed_tfstate": {"a_": "s3://bucket/a"}, "extcode": {"m": "1"}, "envfile": [".env"]}"#;
        let jsonnet = "local r = 'eu-west-1';
            { region: r, profile: std.native('must_env')('STAGE'), log_level: 'debug', color: true,
              prefixed_tfstate: { a_: 's3://bucket/a' }, ext_code: { m: '1' }, envfile: ['.env'] }";
        for (name, text) in [("option.json", json), ("option.jsonnet", jsonnet)] {
            let OptionFile { mut given, mut ignored } = read(name, text).unwrap();
            given.sort();
            ignored.sort();
            let expected = [
                ("envfile", ".env"),
                ("ext_code", "m=1"),
                ("prefixed_tfstate", "a_=s3://bucket/a"),
                ("profile", "prod"),
                ("region", "eu-west-1"),
            ];
            assert_eq!(given, expected.map(|(name, value)| (name, vec![value.to_owned()])), "{name}");
            let names: Vec<&str> = ignored.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["color", "log_level"]);
        }
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for (text, part, hint) in [
            ("[]", "not one JSON object", ""),
            (
                "{\"regoin\": \"x\"}",
                "regoin: lambroll's option files have no such key",
                "did you mean region?",
            ),
            ("{\"region\": 1}", "region: a text in quotes is expected", ""),
            ("{\"envfile\": \"x\"}", "envfile: a list of texts is expected", ""),
            ("{\"ext_str\": {\"a\": 1}}", "ext_str: an object with texts", ""),
            ("{\"region\": \"{{ must_env `NONE` }}\"}", "option.json:1:16: must_env", "export NONE"),
        ] {
            let error = read("option.json", text).unwrap_err();
            assert!(error.to_string().contains(part), "{text}: {error}");
            assert!(error.hint.as_deref().unwrap_or_default().contains(hint), "{error:?}");
        }
    }
}
