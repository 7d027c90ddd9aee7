//! How functions, versions and aliases look in answers.

use serde_json::{Map, Value, json};

use crate::calendar;

use super::arn::Home;
use super::function::{Alias, Function};
use super::revision::{Code, Revision, Update};
use super::settings::Reason;

/// Milliseconds since 1970 as Lambda writes them: `2026-11-05T10:20:30.000+0000`.
pub(super) fn timestamp(milliseconds: u64) -> String {
    format!("{}+0000", calendar::write(milliseconds))
}

/// How much of a revision is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// All of it.
    Whole,
    /// Without states, as in lists.
    Listed,
}

/// A `FunctionConfiguration`. `qualifier` is what ends the ARN.
pub(super) fn configuration(
    name: &str,
    revision: &Revision,
    home: Home<'_>,
    qualifier: Option<&str>,
    detail: Detail,
) -> Value {
    let content = &revision.content;
    let settings = &content.configuration;
    let mut view = json!({
        "FunctionName": name,
        "FunctionArn": home.function_arn(name, qualifier),
        "Role": settings.role,
        "CodeSize": match &content.code { Code::Image(_) => 0, Code::Zip(zip) => zip.size },
        "Description": settings.description.as_deref().unwrap_or_default(),
        "Timeout": settings.timeout.unwrap_or(3),
        "MemorySize": settings.memory_size.unwrap_or(128),
        "LastModified": timestamp(revision.last_modified),
        "CodeSha256": content.code.sha256(),
        "Version": revision.version,
        "TracingConfig": {"Mode": settings.tracing_config.as_ref().map_or("PassThrough", |config| &config.mode)},
        "RevisionId": revision.revision_id,
        "PackageType": content.code.package_type(),
        "Architectures": [content.architecture],
        "EphemeralStorage": {"Size": settings.ephemeral_storage.as_ref().map_or(512, |disk| disk.size)},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": format!("/aws/lambda/{name}")},
    });
    for (key, value) in settings.logging_config.iter().flatten() {
        view["LoggingConfig"][key] = value.clone();
    }
    let mut add = |key: &str, value: Option<Value>| {
        if let (Some(value), Some(view)) = (value, view.as_object_mut()) {
            view.insert(key.to_owned(), value);
        }
    };
    add("Runtime", settings.runtime.as_ref().map(|runtime| json!(runtime)));
    add("Handler", settings.handler.as_ref().map(|handler| json!(handler)));
    add("Environment", settings.environment.as_ref().map(|environment| json!(environment)));
    add("KMSKeyArn", settings.kms_key_arn.as_ref().map(|key| json!(key)));
    add("DeadLetterConfig", settings.dead_letter_config.as_ref().map(|config| json!(config)));
    add("FileSystemConfigs", settings.file_system_configs.as_ref().map(|configs| json!(configs)));
    add("ImageConfigResponse", settings.image_config.as_ref().map(|config| json!({"ImageConfig": config})));
    add(
        "Layers",
        settings
            .layers
            .as_ref()
            .map(|layers| layers.iter().map(|arn| json!({"Arn": arn, "CodeSize": 0})).collect()),
    );
    add(
        "VpcConfig",
        settings.vpc_config.as_ref().map(|vpc| {
            let mut vpc = json!(vpc);
            vpc["VpcId"] = json!("vpc-00000000");
            vpc
        }),
    );
    if detail == Detail::Whole {
        states(revision, &mut add);
    }
    view
}

fn states(revision: &Revision, add: &mut impl FnMut(&str, Option<Value>)) {
    add("State", Some(json!(revision.state.name())));
    add("StateReason", revision.state_reason.as_ref().map(|reason| json!(reason.text)));
    add("StateReasonCode", revision.state_reason.as_ref().map(|reason| json!(reason.code)));
    let (status, reason) = match &revision.update {
        None => return,
        Some(Update::Successful) => ("Successful", None),
        // The code is not in the API's model, and yet AWS sends it.
        Some(Update::InProgress) => ("InProgress", Some(Reason::creating())),
        Some(Update::Failed(reason)) => ("Failed", Some(reason.clone())),
    };
    add("LastUpdateStatus", Some(json!(status)));
    add("LastUpdateStatusReason", reason.as_ref().map(|reason| json!(reason.text)));
    add("LastUpdateStatusReasonCode", reason.as_ref().map(|reason| json!(reason.code)));
}

/// What GetFunction answers.
pub(super) fn function(
    function: &Function,
    revision: &Revision,
    home: Home<'_>,
    qualifier: Option<&str>,
) -> Value {
    let mut view = json!({
        "Configuration": configuration(&function.name, revision, home, qualifier, Detail::Whole),
        "Code": match &revision.content.code {
            Code::Image(image) => json!({
                "RepositoryType": "ECR",
                "ImageUri": image.image_uri,
                "ResolvedImageUri": format!("{}@{}", image.repository_uri, image.digest),
            }),
            Code::Zip(_) => json!({
                "RepositoryType": "S3",
                "Location": format!("https://awslambda-{}-tasks.s3.invalid/{}", home.region, function.name),
            }),
        },
    });
    if !function.tags.is_empty() {
        view["Tags"] = json!(function.tags);
    }
    if let Some(reserved) = function.reserved_concurrency {
        view["Concurrency"] = json!({"ReservedConcurrentExecutions": reserved});
    }
    view
}

/// An `AliasConfiguration`. Weights that are not there are not mentioned.
pub(super) fn alias(alias: &Alias, function_name: &str, home: Home<'_>) -> Value {
    let mut view = Map::new();
    view.insert("AliasArn".to_owned(), json!(home.function_arn(function_name, Some(&alias.name))));
    view.insert("Name".to_owned(), json!(alias.name));
    view.insert("FunctionVersion".to_owned(), json!(alias.version));
    view.insert("Description".to_owned(), json!(alias.description));
    if !alias.weights.is_empty() {
        view.insert("RoutingConfig".to_owned(), json!({"AdditionalVersionWeights": alias.weights}));
    }
    view.insert("RevisionId".to_owned(), json!(alias.revision_id));
    Value::Object(view)
}

/// One page of a list: items from the marker on, and the marker of the next page.
pub(super) fn page<T>(items: Vec<T>, marker: Option<&str>, most: usize) -> (Vec<T>, Option<String>) {
    let from: usize = marker.and_then(|marker| marker.parse().ok()).unwrap_or(0);
    let total = items.len();
    let end = usize::saturating_add(from, most);
    let next = (end < total).then(|| end.to_string());
    (items.into_iter().skip(from).take(most).collect(), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_without_gaps() {
        let items: Vec<u32> = (0..5).collect();
        let mut seen = Vec::new();
        let mut marker = None;
        loop {
            let (page, next) = page(items.clone(), marker.as_deref(), 2);
            seen.push(page);
            match next {
                Some(next) => marker = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, [vec![0, 1], vec![2, 3], vec![4]]);
        assert_eq!(page(items.clone(), Some("nonsense"), 9), (items, None));
    }
}
