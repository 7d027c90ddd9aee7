//! The function file: a CreateFunction request as `aws lambda create-function --cli-input-json` and
//! lambroll take it.
//!
//! The keys that say what to deploy rather than how (`FunctionName`, `Code`, `PackageType`, `Publish`,
//! `Architectures`) are understood here; keys that only zip functions have are refused with the reason.

use serde_json::{Map, Value};

use super::json;
use super::problem::{DefinitionError, Note, Problem, Weight};
use crate::name::{Architecture, FunctionRef};

/// What a function file says.
#[derive(Default)]
pub(crate) struct FunctionFile {
    pub(crate) function: Option<FunctionRef>,
    pub(crate) architecture: Option<Architecture>,
    pub(crate) publish: Option<bool>,
    /// The rest, not validated. Nulls at the top level are gone: they mean "unmanaged".
    pub(crate) settings: Map<String, Value>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) notes: Vec<Note>,
}

/// Keys that do not apply, and why. `aws lambda create-function --generate-cli-skeleton` and `lambroll init`
/// write some of them with empty values, which are fine.
const NOT_FOR_IMAGES: [(&str, &str); 6] = [
    ("Runtime", "an image brings its own runtime"),
    ("Handler", "an image function has no handler: set ImageConfig.Command, or CMD in the image"),
    ("Layers", "an image function has no layers: put their content into the image"),
    ("SnapStart", "Lambda has no SnapStart for image functions"),
    ("CodeSigningConfigArn", "Lambda has no code signing for image functions"),
    ("PublishTo", "lambda-lift publishes numbered versions only; use --publish or --no-publish"),
];

/// What the user of a zip function can do.
const WAY_OUT: &str = "keep lambroll for this function, or build an image of it, declare \"PackageType\": \"Image\" and give the function a new name: a \
                       zip function cannot become an image function";

/// Whether the file is plainly one for a zip function, although it does not say so.
fn is_zip_by_default(keys: &Map<String, Value>) -> bool {
    let says = |key: &str| keys.get(key).is_some_and(|value| !says_nothing(value));
    !says("PackageType") && says("Handler") && says("Runtime")
}

/// Reads a function file.
pub(crate) fn read(text: &str) -> Result<FunctionFile, DefinitionError> {
    let mut keys = json::parse_object(text)?;
    // Null is how generated files say "nothing": at the top level it means the same as an absent key.
    keys.retain(|_, value| !value.is_null());
    let mut file = FunctionFile::default();
    if is_zip_by_default(&keys) {
        let message = "it is not declared, which means Zip to AWS and to lambroll, and a Handler and a Runtime are; lambda-lift deploys images only";
        file.problems.push(Problem::new("PackageType", message).hint(WAY_OUT));
    }
    if let Some(name) = keys.shift_remove("FunctionName") {
        file.function = file.parsed("FunctionName", &name);
    }
    if let Some(architectures) = keys.shift_remove("Architectures") {
        file.read_architectures(&architectures);
    }
    if let Some(package_type) = keys.shift_remove("PackageType") {
        file.read_package_type(&package_type);
    }
    if let Some(code) = keys.shift_remove("Code") {
        file.read_code(&code);
    }
    match keys.shift_remove("Publish") {
        None => {}
        Some(Value::Bool(publish)) => file.publish = Some(publish),
        Some(_) => file.problems.push(Problem::new("Publish", "it must be true or false")),
    }
    for (key, reason) in NOT_FOR_IMAGES {
        if keys.shift_remove(key).is_some_and(|value| !says_nothing(&value)) {
            file.problems.push(Problem::new(key, reason).hint("remove the key"));
        }
    }
    for (key, value) in &keys {
        note_templates(key, value, &mut file.notes);
    }
    file.settings = keys;
    Ok(file)
}

impl FunctionFile {
    /// This one over a weaker one: objects key by key, everything else as a whole.
    pub(crate) fn laid_over(self, below: Self) -> Self {
        let mut settings = below.settings;
        lay_over(&mut settings, self.settings);
        Self {
            function: self.function.or(below.function),
            architecture: self.architecture.or(below.architecture),
            publish: self.publish.or(below.publish),
            settings,
            problems: below.problems.into_iter().chain(self.problems).collect(),
            notes: below.notes.into_iter().chain(self.notes).collect(),
        }
    }

    fn parsed<T: std::str::FromStr<Err = crate::name::NameError>>(
        &mut self,
        key: &str,
        value: &Value,
    ) -> Option<T> {
        let parsed = value.as_str().map(str::parse::<T>);
        match parsed {
            Some(Ok(parsed)) => return Some(parsed),
            Some(Err(error)) => self.problems.push(Problem::new(key, error.to_string())),
            None => self.problems.push(Problem::new(key, "it must be a text in quotes")),
        }
        None
    }

    fn read_architectures(&mut self, value: &Value) {
        match value.as_array().map(Vec::as_slice) {
            Some([only]) => self.architecture = self.parsed("Architectures[0]", only),
            Some([]) => {}
            _ => {
                let message = "it must be a list with exactly one of x86_64 and arm64";
                self.problems.push(Problem::new("Architectures", message));
            }
        }
    }

    fn read_package_type(&mut self, value: &Value) {
        let problem = match value.as_str() {
            Some("Image") => return,
            Some("Zip") => {
                Problem::new("PackageType", "Zip is declared, and lambda-lift deploys images only")
                    .hint(WAY_OUT)
            }
            _ => Problem::new("PackageType", "it must be \"Image\""),
        };
        self.problems.push(problem);
    }

    fn read_code(&mut self, value: &Value) {
        let Some(code) = value.as_object() else {
            self.problems.push(Problem::new("Code", "it must be an object"));
            return;
        };
        for (key, _) in code.iter().filter(|(_, value)| !says_nothing(value)) {
            if key == "ImageUri" {
                let message = "it is not used: the image comes from --image and --repository".to_owned();
                self.notes.push(Note { key: "Code.ImageUri".to_owned(), weight: Weight::Info, message });
                continue;
            }
            // The value is not shown: it may be a whole archive, or the address of a private one.
            let problem = match key.as_str() {
                "ZipFile"
                | "S3Bucket"
                | "S3Key"
                | "S3ObjectVersion"
                | "S3ObjectStorageMode"
                | "SourceKMSKeyArn" => Problem::new(
                    format!("Code.{key}"),
                    "it belongs to a zip function, and this deploys an image",
                ),
                _ => Problem::new(format!("Code.{key}"), "there is no such key"),
            };
            self.problems.push(problem.hint("remove it"));
        }
    }
}

fn lay_over(below: &mut Map<String, Value>, above: Map<String, Value>) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(above)) => lay_over(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// Whether a value is one of the ways in which generated files say "nothing".
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => {
            object.is_empty() || object.get("ApplyOn").and_then(Value::as_str) == Some("None")
        }
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a problem is about a key, whatever its value.
pub(crate) fn is_only_a_key(problem: &Problem) -> bool {
    NOT_FOR_IMAGES.iter().any(|(key, _)| *key == problem.key)
        || problem.key.starts_with("Code.")
        || ["there is no such key", "a variable's name"]
            .iter()
            .any(|words| problem.message.starts_with(words))
}

/// In `[function]` of a configuration file, templates are spelt otherwise; these would be deployed literally.
fn note_templates(path: &str, value: &Value, notes: &mut Vec<Note>) {
    match value {
        Value::String(text) if has_template(text) => notes.push(Note {
            key: path.to_owned(),
            weight: Weight::Warn,
            message: "it holds a lambroll template ({{ … }}), and is used as it is written: templates of this kind are filled in \
                      only where they stand in a file for --function-file"
                .to_owned(),
        }),
        Value::Array(list) => {
            for (index, entry) in list.iter().enumerate() {
                note_templates(&format!("{path}[{index}]"), entry, notes);
            }
        }
        Value::Object(object) => {
            for (key, entry) in object {
                note_templates(&format!("{path}.{key}"), entry, notes);
            }
        }
        _ => {}
    }
}

fn has_template(text: &str) -> bool {
    let functions =
        ["env", "must_env", "json_escape", "ssm", "ssm_list", "tfstate", "tfstatef", "caller_identity"];
    text.split("{{").skip(1).any(|rest| {
        let rest = rest.trim_start_matches(['-', ' ']);
        let word: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        functions.contains(&word.as_str()) && rest.contains("}}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_that_say_what_to_deploy_are_understood() {
        let text = r#"{
            "FunctionName": "shop", "Architectures": ["arm64"], "PackageType": "Image", "Publish": false,
            "Code": {"ImageUri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:v1"},
            "Runtime": "", "Layers": [], "SnapStart": {"ApplyOn": "None"}, "Handler": null, "VpcConfig": null,
            "MemorySize": 512
        }"#;
        let file = read(text).unwrap();
        assert_eq!(file.problems, []);
        assert_eq!(file.function.unwrap().name.as_str(), "shop");
        assert_eq!((file.architecture, file.publish), (Some(Architecture::Arm64), Some(false)));
        assert_eq!(Value::Object(file.settings), serde_json::json!({"MemorySize": 512}));
        assert_eq!(file.notes.len(), 1);
        assert_eq!((file.notes[0].key.as_str(), file.notes[0].weight), ("Code.ImageUri", Weight::Info));
    }

    #[test]
    fn a_file_for_a_zip_function_is_refused_with_every_reason() {
        let text = r#"{
            "FunctionName": "a b", "PackageType": "Zip", "Architectures": ["arm64", "x86_64"], "Publish": "yes",
            "Code": {"S3Bucket": "private-bucket", "ZipFile": "UEsDBA==", "Other": 1}, "Runtime": "python3.13",
            "Handler": "app.handler", "Layers": ["arn:x"], "SnapStart": {"ApplyOn": "PublishedVersions"},
            "CodeSigningConfigArn": "arn:x", "PublishTo": "LATEST_PUBLISHED"
        }"#;
        let problems = read(text).unwrap().problems;
        let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
        let expected = [
            "FunctionName",
            "Architectures",
            "PackageType",
            "Code.S3Bucket",
            "Code.ZipFile",
            "Code.Other",
            "Publish",
            "Runtime",
            "Handler",
            "Layers",
            "SnapStart",
            "CodeSigningConfigArn",
            "PublishTo",
        ];
        assert_eq!(keys, expected);
        assert!(!format!("{problems:?}").contains("private-bucket"));
    }

    #[test]
    fn templates_that_nobody_filled_in_are_noted_without_their_text() {
        let text = r#"{"Role": "arn:aws:iam::{{ must_env `ACCOUNT` }}:role/x", "Tags": {"a": "{{ mustache }}"},
                       "Environment": {"Variables": {"TOKEN": "x{{env `hunter2` ``}}", "CURLY": "{{ env"}}}"#;
        let notes = read(text).unwrap().notes;
        let keys: Vec<&str> = notes.iter().map(|note| note.key.as_str()).collect();
        assert_eq!(keys, ["Role", "Environment.Variables.TOKEN"]);
        assert!(!format!("{notes:?}").contains("hunter2"));
    }
}
