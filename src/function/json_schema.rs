//! The declaration of a function as a JSON Schema, so that editors complete it: made from the table that also checks it.

use serde_json::{Map, Value, json};

use super::schema::{Field, Names, SETTINGS, Shape};

/// The schema of a declaration: CreateFunction's own keys, those that say what is deployed among them. A text may have a template of the
/// configuration file (`${…}`) in place of what it must be.
pub fn json_schema() -> Value {
    let mut properties = Map::new();
    properties
        .insert("FunctionName".to_owned(), json!({"type": "string", "description": "A name or an ARN"}));
    properties.insert(
        "Architectures".to_owned(),
        json!({"type": "array", "minItems": 1, "maxItems": 1, "items": choice(&["x86_64", "arm64"])}),
    );
    properties.insert("PackageType".to_owned(), json!({"const": "Image"}));
    properties.insert(
        "Publish".to_owned(),
        json!({"type": "boolean", "description": "Whether a version is published (default: true)"}),
    );
    for setting in &SETTINGS {
        properties.insert(setting.field.name.to_owned(), of(&setting.field.shape));
    }
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn of(shape: &Shape) -> Value {
    match shape {
        Shape::Text(rule) => json!({"type": "string", "description": rule.words}),
        Shape::Integer { least, most, unit } => {
            json!({"type": "integer", "minimum": least, "maximum": most, "description": unit})
        }
        Shape::Number => json!({"type": "number", "exclusiveMinimum": 0}),
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Choice(choices) => choice(choices),
        Shape::List(list) => json!({"type": "array", "maxItems": list.most, "items": of(list.of)}),
        Shape::Object(fields) => object(fields),
        Shape::Names(Names::Variables) => {
            let names = json!({"pattern": "^[a-zA-Z][a-zA-Z0-9_]+$"});
            json!({"type": "object", "additionalProperties": {"type": "string"}, "propertyNames": names})
        }
        Shape::Names(Names::Tags) => json!({"type": "object", "additionalProperties": {"type": "string"}}),
    }
}

fn object(fields: &[Field]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.name.to_owned(), of(&field.shape))).collect();
    let required: Vec<&str> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

/// One of these texts, or a template.
fn choice(choices: &[&str]) -> Value {
    json!({"anyOf": [{"enum": choices}, {"type": "string", "pattern": r"\$\{"}]})
}
