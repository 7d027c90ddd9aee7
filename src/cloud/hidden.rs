//! `Debug` output of everything that holds a function's settings, without the values of its environment variables.

use std::fmt::{Debug, Formatter, Result};

use serde_json::{Map, Value};

use super::{ConfigurationUpdate, LiveFunction, NewFunction, PublishedVersion};

/// Shows settings, with `(hidden)` in place of every environment value.
pub(crate) struct HiddenVariables<'a>(pub(crate) &'a Map<String, Value>);

impl Debug for HiddenVariables<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let mut settings = self.0.clone();
        if let Some(environment) = settings.get_mut("Environment") {
            match environment.get_mut("Variables").and_then(Value::as_object_mut) {
                Some(variables) => {
                    for value in variables.values_mut().filter(|value| !value.is_null()) {
                        *value = "(hidden)".into();
                    }
                }
                None => *environment = "(hidden)".into(),
            }
        }
        write!(formatter, "{}", Value::Object(settings))
    }
}

impl Debug for LiveFunction {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        formatter
            .debug_struct("LiveFunction")
            .field("arn", &self.arn)
            .field("version", &self.version)
            .field("package_type", &self.package_type)
            .field("architecture", &self.architecture)
            .field("image_digest", &self.image_digest)
            .field("image_uri", &self.image_uri)
            .field("resolved_image_uri", &self.resolved_image_uri)
            .field("state", &self.state)
            .field("revision_id", &self.revision_id)
            .field("settings", &HiddenVariables(&self.settings))
            .finish()
    }
}

impl Debug for PublishedVersion {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        formatter
            .debug_struct("PublishedVersion")
            .field("version", &self.version)
            .field("image_digest", &self.image_digest)
            .field("settings", &HiddenVariables(&self.settings))
            .field("architecture", &self.architecture)
            .finish()
    }
}

impl Debug for NewFunction {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        formatter
            .debug_struct("NewFunction")
            .field("name", &self.name)
            .field("image_uri", &self.image_uri)
            .field("architecture", &self.architecture)
            .field("settings", &HiddenVariables(&self.settings))
            .finish()
    }
}

impl Debug for ConfigurationUpdate {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        formatter
            .debug_struct("ConfigurationUpdate")
            .field("settings", &HiddenVariables(&self.settings))
            .field("revision_id", &self.revision_id)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_shape_of_an_environment_is_shown() {
        for environment in [
            serde_json::json!({"Variables": {"TOKEN": "hunter2", "GONE": null}}),
            serde_json::json!({"Variables": "hunter2"}),
            serde_json::json!("hunter2"),
        ] {
            let settings = Map::from_iter([("Environment".to_owned(), environment)]);
            let update = ConfigurationUpdate { settings, revision_id: None };
            let text = format!("{update:?}");
            assert!(text.contains("(hidden)") && !text.contains("hunter2"), "{text}");
        }
    }
}
