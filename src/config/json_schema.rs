//! The JSON Schema of a configuration file, so that editors complete and check it: made from the table that also reads it.

use serde_json::{Map, Value, json};

use super::key::{ENVIRONMENTS, EXTENDS, FUNCTION, KEYS, Key, SECTIONS, Shape, TARGETS};
use super::targets::{NAME, WAVE, WAVES};
use crate::function;

/// The schema (draft 7, which editors of TOML understand).
pub fn json_schema() -> Value {
    let mut root = keys_of_a_file();
    root.insert(TARGETS.to_owned(), targets(root.clone()));
    let mut environment = root.clone();
    environment.insert(
        EXTENDS.to_owned(),
        json!({"type": "string", "description": "Another environment, which this one is laid over"}),
    );
    root.insert(
        ENVIRONMENTS.to_owned(),
        json!({
            "type": "object",
            "description": "What is different in an environment, chosen by --env-name",
            "additionalProperties": {"type": "object", "properties": environment, "additionalProperties": false},
        }),
    );
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "lambda-lift.toml",
        "description": "The configuration file of lambda-lift. Texts may have templates: ${env:NAME}, ${env:NAME:-default}, ${file:PATH}, ${git:commit}, ${ssm:/path}, ${tfstate:ADDRESS}",
        "type": "object",
        "properties": root,
        "additionalProperties": false,
        "definitions": {"function": function::json_schema()},
    })
}

/// The list of targets, each of which may have any key of the file.
fn targets(mut keys: Map<String, Value>) -> Value {
    keys.insert(
        NAME.to_owned(),
        json!({"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$", "description": "What it is called, and chosen by: --target"}),
    );
    keys.insert(
        WAVE.to_owned(),
        json!({"type": "integer", "minimum": WAVES.start(), "maximum": WAVES.end(), "description": "Targets of a higher wave are begun when those of the lower ones are done (default: 1)"}),
    );
    keys.insert(
        FUNCTION.to_owned(),
        json!({"anyOf": [{"$ref": "#/definitions/function"}, {"type": "string"}], "description": "What the function is; a text is its name alone"}),
    );
    json!({
        "type": "array",
        "description": "Functions that are deployed together: what is different in each, laid over the rest of the file",
        "items": {"type": "object", "properties": keys, "required": [NAME], "additionalProperties": false},
    })
}

fn keys_of_a_file() -> Map<String, Value> {
    let mut properties = keys_in("");
    for (section, meaning) in SECTIONS {
        let keys = keys_in(section);
        properties.insert(
            section.to_owned(),
            json!({"type": "object", "description": meaning, "properties": keys, "additionalProperties": false}),
        );
    }
    properties.insert(FUNCTION.to_owned(), json!({"$ref": "#/definitions/function"}));
    properties
}

fn keys_in(section: &str) -> Map<String, Value> {
    KEYS.iter().filter(|key| key.section == section).map(|key| (key.name.to_owned(), of(key))).collect()
}

fn of(key: &Key) -> Value {
    let template = || json!({"type": "string", "pattern": r"\$\{"});
    let mut schema = match key.shape {
        Shape::Text(_) | Shape::Path | Shape::State | Shape::Image => json!({"type": "string"}),
        Shape::Texts(_) | Shape::Paths | Shape::States => {
            json!({"type": "array", "items": {"type": "string"}})
        }
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Integer { least, most } => json!({"type": "integer", "minimum": least, "maximum": most}),
        Shape::Choice(choices) => json!({"anyOf": [{"enum": choices}, template()]}),
        Shape::Level { least, most, or } => json!({"anyOf": [
            {"type": "integer", "minimum": least, "maximum": most}, {"const": or}, template()
        ]}),
        Shape::Quantity(_) => json!({"type": ["string", "integer"]}),
    };
    schema["description"] = Value::from(key.meaning);
    schema
}
