//! The AppSpec of a deployment: which alias goes from which version to which, and what is invoked on the way.

use serde_json::{Value, json};

use super::CodeDeploySpec;
use crate::name::{AliasName, Digest, FunctionName};

/// The name that the one resource of an AppSpec has. Nothing hangs on it.
const RESOURCE: &str = "function";

/// What a deployment shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppSpec {
    /// The function's bare name.
    pub function: String,
    /// The alias.
    pub alias: String,
    /// The version that it points to.
    pub current: String,
    /// The version that it shall point to.
    pub target: String,
    /// The function that is invoked before traffic moves.
    pub before: Option<String>,
    /// The function that is invoked after all of it has moved.
    pub after: Option<String>,
}

impl AppSpec {
    /// What a release needs.
    pub fn new(
        function: &FunctionName,
        alias: &AliasName,
        (current, target): (&str, &str),
        spec: &CodeDeploySpec,
    ) -> Self {
        Self {
            function: function.to_string(),
            alias: alias.to_string(),
            current: current.to_owned(),
            target: target.to_owned(),
            before: spec.hook_before.clone(),
            after: spec.hook_after.clone(),
        }
    }

    /// The document, and its SHA-256 in hexadecimal.
    pub fn content(&self) -> (String, String) {
        let mut document = json!({
            "version": 0.0,
            "Resources": [{ RESOURCE: {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Name": self.function,
                    "Alias": self.alias,
                    "CurrentVersion": self.current,
                    "TargetVersion": self.target,
                },
            }}],
        });
        let hooks = [("BeforeAllowTraffic", &self.before), ("AfterAllowTraffic", &self.after)];
        let hooks: Vec<Value> = hooks
            .into_iter()
            .filter_map(|(event, function)| Some(json!({ event: function.as_ref()? })))
            .collect();
        if !hooks.is_empty() {
            document["Hooks"] = hooks.into();
        }
        let text = document.to_string();
        let sha256 = Digest::of(text.as_bytes()).hex();
        (text, sha256)
    }

    /// Reads a document in JSON that moves one alias, whoever wrote it.
    pub fn parse(text: &str) -> Option<Self> {
        let document: Value = serde_json::from_str(text).ok()?;
        let resource = document.get("Resources")?.get(0)?.as_object()?.values().next()?;
        let properties = resource.get("Properties")?;
        let property = |name: &str| match properties.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let hooks = document.get("Hooks").and_then(Value::as_array).cloned().unwrap_or_default();
        let hook = |event: &str| {
            hooks.iter().find_map(|hook| hook.get(event)).and_then(Value::as_str).map(str::to_owned)
        };
        Some(Self {
            function: property("Name")?,
            alias: property("Alias")?,
            current: property("CurrentVersion")?,
            target: property("TargetVersion")?,
            before: hook("BeforeAllowTraffic"),
            after: hook("AfterAllowTraffic"),
        })
    }

    /// Whether it moves this alias.
    pub fn moves(&self, function: &FunctionName, alias: &AliasName) -> bool {
        // A function may be named by its ARN.
        let name = self.function.rsplit(':').next().unwrap_or_default();
        name == function.as_str() && self.alias == alias.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app_spec() -> AppSpec {
        AppSpec {
            function: "shop".to_owned(),
            alias: "live".to_owned(),
            current: "6".to_owned(),
            target: "7".to_owned(),
            before: None,
            after: None,
        }
    }

    #[test]
    fn the_document_is_exactly_what_codedeploy_reads() {
        let (text, sha256) = app_spec().content();
        let expected = r#"{"version":0.0,"Resources":[{"function":{"Type":"AWS::Lambda::Function","Properties":{"Name":"shop","Alias":"live","CurrentVersion":"6","TargetVersion":"7"}}}]}"#;
        assert_eq!(text, expected);
        assert_eq!(sha256, Digest::of(expected.as_bytes()).hex());
        let hooked =
            AppSpec { before: Some("check".to_owned()), after: Some("verify".to_owned()), ..app_spec() };
        let hooks = r#""Hooks":[{"BeforeAllowTraffic":"check"},{"AfterAllowTraffic":"verify"}]}"#;
        assert!(hooked.content().0.ends_with(hooks), "{}", hooked.content().0);
        let late = AppSpec { after: Some("verify".to_owned()), ..app_spec() };
        assert!(late.content().0.ends_with(r#""Hooks":[{"AfterAllowTraffic":"verify"}]}"#));
    }

    #[test]
    fn what_is_written_reads_back_and_what_others_wrote_is_understood() {
        for spec in
            [app_spec(), AppSpec { before: Some("a".to_owned()), after: Some("b".to_owned()), ..app_spec() }]
        {
            assert_eq!(AppSpec::parse(&spec.content().0), Some(spec));
        }
        let foreign = r#"{"version":"0.0","Resources":[{"x":{"Type":"AWS::Lambda::Function","Properties":
            {"Name":"arn:aws:lambda:eu-west-1:123456789012:function:shop","Alias":"live","CurrentVersion":6,"TargetVersion":7}}}]}"#;
        let foreign = AppSpec::parse(foreign).unwrap();
        assert_eq!((foreign.current.as_str(), foreign.target.as_str()), ("6", "7"));
        let (shop, live) = ("shop".parse().unwrap(), "live".parse().unwrap());
        assert!(foreign.moves(&shop, &live) && app_spec().moves(&shop, &live));
        assert!(!app_spec().moves(&shop, &"test".parse().unwrap()));
        assert!(!app_spec().moves(&"other".parse().unwrap(), &live));
        for none in ["", "{}", "version: 0.0", r#"{"Resources":[]}"#, r#"{"Resources":[{"x":{}}]}"#] {
            assert_eq!(AppSpec::parse(none), None, "{none}");
        }
    }
}
