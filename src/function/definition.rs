//! What the user declares about a function.

use serde_json::{Map, Value};

use super::file::{self, FunctionFile};
use super::flags::Flags;
use super::problem::{DefinitionError, Note, Problem, Weight};
use super::validation::validate;
use super::written::{Written, is_hidden};
use crate::cloud::HiddenVariables;
use crate::name::{Architecture, FunctionRef};

/// What the user declares about a function, valid by construction.
///
/// A setting that is not declared is unmanaged: it is left as it is. Inside an object, too, an absent key is
/// unmanaged, and environment variables and tags are merged name by name over what is live. An explicit null
/// inside an object (`"Environment": {"Variables": {"OLD": null}}`) takes a value away; at the top level of a
/// file, null means unmanaged.
#[derive(Clone, PartialEq)]
pub struct Definition {
    /// The function: what was asked for by flag, completed by what the file says.
    pub function: Option<FunctionRef>,
    /// The wanted architecture, when one is declared.
    pub architecture: Option<Architecture>,
    /// The file's `Publish`; a flag of the command line goes before it.
    pub publish: Option<bool>,
    /// What is worth saying about the declaration.
    pub notes: Vec<Note>,
    settings: Map<String, Value>,
    /// Settings that are not shown, as paths.
    hidden: Vec<String>,
}

impl Definition {
    /// Builds a definition from the text of a function file and flags, which win over it. `function` is the
    /// function that a flag names: the file may leave its own name out, but must not contradict it.
    pub fn new(
        file: Option<&str>,
        flags: &Flags,
        function: Option<&FunctionRef>,
    ) -> Result<Self, DefinitionError> {
        let file = file.map(Written::plain);
        Self::over(&[], file.as_ref(), flags, function)
    }

    /// The same over other declarations in the shape of a function file, the weakest first. What is stronger wins key by key, and over
    /// their name without being a contradiction.
    pub fn over(
        weaker: &[Written],
        file: Option<&Written>,
        flags: &Flags,
        function: Option<&FunctionRef>,
    ) -> Result<Self, DefinitionError> {
        let mut below = FunctionFile::default();
        for declaration in weaker {
            below = read(declaration)?.laid_over(below);
        }
        let hidden: Vec<String> = weaker.iter().chain(file).flat_map(|one| one.hidden.clone()).collect();
        let mut file = file.map(read).transpose()?.unwrap_or_default();
        let agreed = agreed(function, file.function.as_ref());
        file.function = agreed.unwrap_or_else(|problem| {
            file.problems.push(problem);
            None
        });
        let FunctionFile { function, architecture, publish, mut settings, mut problems, mut notes } =
            file.laid_over(below);
        problems.extend(flags.overlay(&mut settings));
        problems.extend(validate(&settings));
        if !problems.is_empty() {
            return Err(DefinitionError::Invalid(told(problems, &hidden)));
        }
        notes.extend(relative_paths(&settings));
        notes.retain(|note| !is_hidden(&hidden, &note.key));
        Ok(Self {
            function,
            architecture: flags.architecture.or(architecture),
            publish,
            notes,
            settings,
            hidden,
        })
    }

    /// The declared settings in the shape of CreateFunction. Objects may hold nulls, which take away.
    pub fn settings(&self) -> &Map<String, Value> {
        &self.settings
    }

    /// Whether a setting, or a part of it, came out of a template, and is therefore not shown.
    pub fn is_hidden(&self, path: &str) -> bool {
        is_hidden(&self.hidden, path)
    }

    /// The declared execution role.
    pub fn role(&self) -> Option<&str> {
        self.settings.get("Role").and_then(Value::as_str)
    }
}

impl std::fmt::Debug for Definition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Definition")
            .field("function", &self.function)
            .field("architecture", &self.architecture)
            .field("publish", &self.publish)
            .field("notes", &self.notes)
            .field("settings", &HiddenVariables(&self.settings))
            .finish()
    }
}

/// A declaration as a file; what its problems say of hidden settings is without their values.
fn read(declaration: &Written) -> Result<FunctionFile, DefinitionError> {
    let mut file = file::read(&declaration.text)?;
    file.problems = told(file.problems, &declaration.hidden);
    Ok(file)
}

/// Problems without the values of hidden settings.
fn told(problems: Vec<Problem>, hidden: &[String]) -> Vec<Problem> {
    let without_value =
        |problem: Problem| match is_hidden(hidden, &problem.key) && !file::is_only_a_key(&problem) {
            true => Problem::new(problem.key, "what its template stands for cannot be used here")
                .hint("its value is not shown, since it may be secret"),
            false => problem,
        };
    problems.into_iter().map(without_value).collect()
}

/// The function that both sides mean. What one does not say is taken from the other.
fn agreed(flag: Option<&FunctionRef>, file: Option<&FunctionRef>) -> Result<Option<FunctionRef>, Problem> {
    let (flag, file) = match (flag, file) {
        (Some(flag), Some(file)) => (flag, file),
        (one, other) => return Ok(one.or(other).cloned()),
    };
    let differ = flag.name != file.name
        || matches!((&flag.region, &file.region), (Some(flag), Some(file)) if flag != file)
        || matches!((&flag.account, &file.account), (Some(flag), Some(file)) if flag != file);
    if differ {
        let message = format!("the file is for {}, and --function names {}", named(file), named(flag));
        return Err(Problem::new("FunctionName", message).hint("correct one of them, or leave one out"));
    }
    Ok(Some(FunctionRef {
        name: flag.name.clone(),
        region: flag.region.clone().or_else(|| file.region.clone()),
        account: flag.account.clone().or_else(|| file.account.clone()),
    }))
}

fn named(function: &FunctionRef) -> String {
    let region = function.region.as_ref().map(|region| format!(" in {region}"));
    let account = function.account.as_ref().map(|account| format!(" of account {account}"));
    format!("{}{}{}", function.name, region.unwrap_or_default(), account.unwrap_or_default())
}

/// Lambda documents absolute paths for the entry point and the working directory (facts: image content).
fn relative_paths(settings: &Map<String, Value>) -> Vec<Note> {
    let Some(config) = settings.get("ImageConfig") else {
        return Vec::new();
    };
    let places = [
        ("EntryPoint[0]", config.pointer("/EntryPoint/0")),
        ("WorkingDirectory", config.get("WorkingDirectory")),
    ];
    let relative =
        |value: &Value| value.as_str().is_some_and(|path| !path.is_empty() && !path.starts_with('/'));
    let note = |(place, value): (&str, Option<&Value>)| {
        let value = value.filter(|value| relative(value))?;
        let message = format!("{value} is not an absolute path, which Lambda asks for");
        Some(Note { key: format!("ImageConfig.{place}"), weight: Weight::Warn, message })
    };
    places.into_iter().filter_map(note).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(text: &str) -> FunctionRef {
        text.parse().unwrap()
    }

    #[test]
    fn stronger_declarations_win_key_by_key_and_name_the_function() {
        let weaker = [
            r#"{"FunctionName": "one", "MemorySize": 512, "Timeout": 5, "Publish": false,
                "Environment": {"Variables": {"AB": "1", "CD": "1"}}}"#,
            r#"{"FunctionName": "two", "MemorySize": 256, "Architectures": ["arm64"],
                "Environment": {"Variables": {"CD": "2", "EF": "2"}}}"#,
        ]
        .map(Written::plain);
        let file = &Written::plain(r#"{"MemorySize": 1024, "Environment": {"Variables": {"EF": null}}}"#);
        let flags = Flags { timeout: Some(9), ..Flags::default() };
        let definition = Definition::over(&weaker, Some(file), &flags, None).unwrap();
        assert_eq!(definition.function, Some(function("two")));
        assert_eq!((definition.architecture, definition.publish), (Some(Architecture::Arm64), Some(false)));
        let expected = serde_json::json!({"MemorySize": 1024, "Timeout": 9,
            "Environment": {"Variables": {"AB": "1", "CD": "2", "EF": null}}});
        assert_eq!(Value::Object(definition.settings().clone()), expected);
        let named = Definition::over(&weaker, Some(file), &flags, Some(&function("three"))).unwrap();
        assert_eq!(named.function, Some(function("three")));
    }

    #[test]
    fn file_and_flags_make_one_definition() {
        let file = r#"{"FunctionName": "arn:aws:lambda:eu-west-1:123456789012:function:shop",
                       "MemorySize": 512, "Timeout": 5, "Architectures": ["arm64"],
                       "ImageConfig": {"EntryPoint": ["bin/app"], "WorkingDirectory": "srv"}}"#;
        let flags =
            Flags { memory: Some(1024), architecture: Some(Architecture::X86_64), ..Flags::default() };
        let definition = Definition::new(Some(file), &flags, Some(&function("shop"))).unwrap();
        assert_eq!(definition.settings()["MemorySize"], 1024);
        assert_eq!(definition.settings()["Timeout"], 5);
        assert_eq!(definition.architecture, Some(Architecture::X86_64));
        let named = definition.function.as_ref().unwrap();
        assert_eq!(named.region.as_ref().unwrap().as_str(), "eu-west-1");
        let notes: Vec<&str> = definition.notes.iter().map(|note| note.key.as_str()).collect();
        assert_eq!(notes, ["ImageConfig.EntryPoint[0]", "ImageConfig.WorkingDirectory"]);
    }

    #[test]
    fn a_file_for_another_function_is_refused() {
        let table = [
            (r#"{"FunctionName": "other"}"#, "shop"),
            (
                r#"{"FunctionName": "arn:aws:lambda:eu-west-1:123456789012:function:shop"}"#,
                "arn:aws:lambda:eu-west-2:123456789012:function:shop",
            ),
            (r#"{"FunctionName": "111111111111:function:shop"}"#, "222222222222:function:shop"),
        ];
        for (file, named) in table {
            let error = Definition::new(Some(file), &Flags::default(), Some(&function(named))).unwrap_err();
            assert!(error.to_string().contains("--function names shop"), "{error}");
        }
    }

    #[test]
    fn every_problem_of_file_and_flags_is_told_at_once() {
        let file = r#"{"FunctionName": "other", "Runtime": "python3.13", "Zebra": 1}"#;
        let flags = Flags { memory: Some(64), ..Flags::default() };
        let error = Definition::new(Some(file), &flags, Some(&function("shop"))).unwrap_err();
        let DefinitionError::Invalid(problems) = &error else { panic!("{error}") };
        let mut keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["FunctionName", "MemorySize", "Runtime", "Zebra"]);
        assert_eq!(error.to_string().lines().count(), 5);
    }

    #[test]
    fn debug_output_hides_environment_values() {
        let file = r#"{"Environment": {"Variables": {"TOKEN": "hunter2"}}}"#;
        let definition = Definition::new(Some(file), &Flags::default(), None).unwrap();
        let text = format!("{definition:?}");
        assert!(text.contains("TOKEN") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_value_that_a_flag_replaces_is_not_judged() {
        let file = r#"{"MemorySize": 1}"#;
        let flags = Flags { memory: Some(512), ..Flags::default() };
        assert_eq!(Definition::new(Some(file), &flags, None).unwrap().settings()["MemorySize"], 512);
    }
}
