//! A live function as a declaration that it fulfils: what `init` writes down.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::canonical::canonical;
use super::comparison::setting_changes;
use super::problem::{Note, Weight};
use super::rules::{wrong_tag, wrong_variable_name};
use super::schema::{Context, SETTINGS};
use super::validation::validate;
use crate::cloud::LiveFunction;
use crate::release::is_journal_key;

/// What is written down although it is what AWS takes where nothing is said: the first that a person looks for.
const ALWAYS: [&str; 3] = ["MemorySize", "Timeout", "EphemeralStorage"];

/// A live function as it would be declared. `Debug` hides the values of variables.
#[derive(Clone, PartialEq, Eq)]
pub struct LiveDeclaration {
    /// Settings in the shape of CreateFunction, without `Environment`: in their order there, and without what only says what AWS would do
    /// anyway. Every one of them is valid, and is what the function has.
    pub settings: Map<String, Value>,
    /// The environment variables with their values, which are secret.
    pub variables: BTreeMap<String, String>,
    /// What the function has and a declaration cannot have, and why.
    pub left_out: Vec<Note>,
}

impl std::fmt::Debug for LiveDeclaration {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&String> = self.variables.keys().collect();
        formatter
            .debug_struct("LiveDeclaration")
            .field("settings", &self.settings)
            .field("variables", &names)
            .field("left_out", &self.left_out)
            .finish()
    }
}

/// The declaration that `live` fulfils.
pub fn declaration_of(live: &LiveFunction) -> LiveDeclaration {
    let mut draft = Draft { live, left_out: Vec::new() };
    let variables = draft.variables();
    let mut settings = Map::new();
    for setting in SETTINGS.iter().filter(|setting| setting.field.name != "Environment") {
        let name = setting.field.name;
        if let Some(value) = draft.value(name) {
            settings.insert(name.to_owned(), value);
        }
    }
    draft.keep_valid(&mut settings);
    draft.keep_true(&mut settings);
    LiveDeclaration { settings, variables, left_out: draft.left_out }
}

struct Draft<'a> {
    live: &'a LiveFunction,
    left_out: Vec<Note>,
}

impl Draft<'_> {
    fn leave_out(&mut self, key: impl Into<String>, weight: Weight, why: impl Into<String>) {
        self.left_out.push(Note { key: key.into(), weight, message: why.into() });
    }

    /// What AWS could not read itself, if `value` says so.
    fn is_unread(&mut self, name: &str, value: &Value) -> bool {
        let Some(error) = value.get("Error") else { return false };
        let code = error["ErrorCode"].as_str().unwrap_or("no code");
        self.leave_out(name, Weight::Warn, format!("AWS could not read it ({code})"));
        true
    }

    fn variables(&mut self) -> BTreeMap<String, String> {
        let Some(environment) = self.live.settings.get("Environment") else { return BTreeMap::new() };
        if self.is_unread("Environment", environment) {
            return BTreeMap::new();
        }
        let all = environment.get("Variables").and_then(Value::as_object).into_iter().flatten();
        let mut variables = BTreeMap::new();
        for (name, value) in all {
            match (wrong_variable_name(name), value.as_str()) {
                (None, Some(value)) => {
                    variables.insert(name.clone(), value.to_owned());
                }
                (Some(why), _) => {
                    self.leave_out(format!("Environment.Variables.{name}"), Weight::Warn, why);
                }
                (None, None) => {}
            }
        }
        variables
    }

    /// The value that a setting is declared with; none where it says nothing, or cannot be told.
    fn value(&mut self, name: &str) -> Option<Value> {
        let field = &SETTINGS.iter().find(|setting| setting.field.name == name)?.field;
        let live = self.live.settings.get(name)?;
        if name == "Tags" {
            return self.tags(live);
        }
        if self.is_unread(name, live) {
            return None;
        }
        let said = canonical(field, live, &Context::of(self.live));
        said.or_else(|| ALWAYS.contains(&name).then(|| live.clone()))
    }

    fn tags(&mut self, live: &Value) -> Option<Value> {
        let Some(all) = live.as_object() else {
            let why =
                "they may not be read: allow lambda:ListTags to this identity, or they stay as they are";
            self.leave_out("Tags", Weight::Warn, why);
            return None;
        };
        let mut tags = Map::new();
        // The journal of the function's aliases is no setting.
        for (key, value) in all.iter().filter(|(key, _)| !is_journal_key(key)) {
            match wrong_tag(key, value.as_str().unwrap_or_default()) {
                None => {
                    tags.insert(key.clone(), value.clone());
                }
                Some(_) if key.to_ascii_lowercase().starts_with("aws:") => {
                    self.leave_out(format!("Tags.{key}"), Weight::Info, "AWS sets it on its own");
                }
                Some(why) => self.leave_out(format!("Tags.{key}"), Weight::Warn, why),
            }
        }
        (!tags.is_empty()).then_some(Value::Object(tags))
    }

    /// Leaves out what a declaration may not have: each problem takes the setting with it that it is about.
    fn keep_valid(&mut self, settings: &mut Map<String, Value>) {
        while let Some(problem) = validate(settings).into_iter().next() {
            let name: String = problem.key.chars().take_while(|c| !matches!(c, '.' | '[')).collect();
            if settings.shift_remove(&name).is_none() {
                return;
            }
            let why = format!("lambda-lift would not take it as it is: {}", problem.message);
            self.leave_out(name, Weight::Warn, why);
        }
    }

    /// Leaves out what would be a change all the same. There is nothing like that; a plan that is not empty would be worse than a gap.
    fn keep_true(&mut self, settings: &mut Map<String, Value>) {
        let context = Context::of(self.live);
        for setting in &SETTINGS {
            let name = setting.field.name;
            if !setting_changes(&setting.field, settings, &self.live.settings, &context).is_empty() {
                settings.shift_remove(name);
                self.leave_out(name, Weight::Warn, "it cannot be declared as it is");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::function::samples::live;
    use crate::function::{Definition, Flags, compare};

    #[test]
    fn what_says_something_is_declared_and_is_no_change() {
        let function = live(json!({
            "Description": "a shop", "Role": "arn:aws:iam::123456789012:role/shop", "MemorySize": 128, "Timeout": 30,
            "Environment": {"Variables": {"TOKEN": "hunter2", "A": "x"}},
            "ImageConfig": {"Command": ["app.handler"], "EntryPoint": []},
            "EphemeralStorage": {"Size": 512}, "TracingConfig": {"Mode": "PassThrough"},
            "VpcConfig": {"SubnetIds": ["subnet-b", "subnet-a"], "SecurityGroupIds": ["sg-1"], "VpcId": "vpc-1"},
            "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/shop"},
            "Tags": {"team": "a", "aws:cloudformation:stack-name": "s", "lambda-lift:live:0": "x"},
        }));
        let declaration = declaration_of(&function);
        let expected = json!({
            "Description": "a shop", "Role": "arn:aws:iam::123456789012:role/shop", "MemorySize": 128, "Timeout": 30,
            "ImageConfig": {"Command": ["app.handler"]}, "EphemeralStorage": {"Size": 512},
            "VpcConfig": {"SubnetIds": ["subnet-a", "subnet-b"], "SecurityGroupIds": ["sg-1"]},
            "Tags": {"team": "a"},
        });
        assert_eq!(Value::Object(declaration.settings.clone()), expected);
        assert_eq!(declaration.variables.keys().collect::<Vec<_>>(), ["TOKEN"]);
        let keys: Vec<&str> = declaration.left_out.iter().map(|note| note.key.as_str()).collect();
        assert_eq!(keys, ["Environment.Variables.A", "Tags.aws:cloudformation:stack-name"]);
        assert!(!format!("{declaration:?}").contains("hunter2"));
        let text = Value::Object(declaration.settings).to_string();
        let definition = Definition::new(Some(&text), &Flags::default(), None).unwrap();
        assert_eq!(compare(&definition, &function), []);
    }

    #[test]
    fn what_aws_could_not_read_and_what_no_declaration_may_have_is_left_out() {
        let function = live(json!({
            "MemorySize": 20_000, "Role": "not a role",
            "Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "kms"}},
            "ImageConfig": {"Error": {"ErrorCode": "X"}}, "Tags": null,
        }));
        let declaration = declaration_of(&function);
        assert_eq!((declaration.settings.len(), declaration.variables.len()), (0, 0));
        let keys: Vec<&str> = declaration.left_out.iter().map(|note| note.key.as_str()).collect();
        assert_eq!(keys, ["Environment", "ImageConfig", "Tags", "Role", "MemorySize"]);
        assert!(declaration.left_out[0].message.contains("AccessDeniedException"));
    }
}
