//! Authorization tokens, account settings, and a registry's policy and replication, which are only kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::request::Request;
use crate::ecr::names::check_registry;
use crate::ecr::replication::{REPLICATION, Replica};
use crate::ecr::{Place, Refusal};
use crate::partition::registry_host;
use crate::text::epoch_seconds;

/// The account settings, their values, and what they are before anybody sets them.
const SETTINGS: [(&str, &[&str], &str); 3] = [
    ("BASIC_SCAN_TYPE_VERSION", &["AWS_NATIVE", "CLAIR"], "AWS_NATIVE"),
    ("REGISTRY_POLICY_SCOPE", &["V1", "V2"], "V2"),
    ("BLOB_MOUNTING", &["ENABLED", "DISABLED"], "DISABLED"),
];

/// The most rules of a replication.
const MOST_RULES: usize = 25;

pub(super) fn get_authorization_token(request: &Request<'_>) -> Result<Value, Refusal> {
    let registries = request.texts("registryIds", 10)?.unwrap_or_else(|| vec![request.caller]);
    let mut data = Vec::new();
    for registry in registries {
        check_registry(registry)?;
        let (password, end) = request.ecr.tokens.mint(request.caller, request.region, registry, request.now);
        let reported = request.ecr.reported_expiry.unwrap_or(end);
        data.push(json!({
            "authorizationToken": STANDARD.encode(format!("AWS:{password}")),
            "expiresAt": epoch_seconds(reported),
            "proxyEndpoint": format!("https://{}", registry_host(registry, request.region)),
        }));
    }
    Ok(json!({ "authorizationData": data }))
}

pub(super) fn get_account_setting(request: &Request<'_>) -> Result<Value, Refusal> {
    let (name, _, default) = setting(request)?;
    let place = Place::new(request.caller, request.region);
    let value = request.ecr.registries.look(&place, |registry| registry.settings.get(name).cloned());
    Ok(json!({ "name": name, "value": value.as_deref().unwrap_or(default) }))
}

pub(super) fn put_account_setting(request: &Request<'_>) -> Result<Value, Refusal> {
    let (name, values, _) = setting(request)?;
    let value = request.required("value")?;
    if !values.contains(&value) {
        return Err(Refusal::invalid("value", &format!("must be one of {}", values.join(", "))));
    }
    request.ecr.registries.set_setting(&Place::new(request.caller, request.region), name, value)?;
    Ok(json!({ "name": name, "value": value }))
}

pub(super) fn describe_registry(request: &Request<'_>) -> Result<Value, Refusal> {
    let place = Place::new(request.caller, request.region);
    let kept = request.ecr.registries.look(&place, |registry| registry.settings.get(REPLICATION).cloned());
    let kept = kept.and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let replication = kept.unwrap_or_else(|| json!({ "rules": [] }));
    Ok(json!({ "registryId": place.account, "replicationConfiguration": replication }))
}

/// Where a registry's settings keep its policy.
const POLICY: &str = "registryPolicy";

pub(super) fn get_registry_policy(request: &Request<'_>) -> Result<Value, Refusal> {
    let place = Place::new(request.caller, request.region);
    let text = request.ecr.registries.look(&place, |registry| registry.settings.get(POLICY).cloned());
    let text = text.ok_or_else(|| {
        let message = format!("Registry policy does not exist in the registry with id '{}'", place.account);
        Refusal::exception("RegistryPolicyNotFoundException", message)
    })?;
    Ok(json!({ "registryId": place.account, "policyText": text }))
}

pub(super) fn put_registry_policy(request: &Request<'_>) -> Result<Value, Refusal> {
    let text = request.required("policyText")?;
    if serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object()) {
        let place = Place::new(request.caller, request.region);
        request.ecr.registries.set_setting(&place, POLICY, text)?;
        return Ok(json!({ "registryId": place.account, "policyText": text }));
    }
    Err(Refusal::invalid("PolicyText", "Invalid registry policy provided"))
}

pub(super) fn put_replication_configuration(request: &Request<'_>) -> Result<Value, Refusal> {
    let replication = request.members.get("replicationConfiguration").cloned().unwrap_or_default();
    let text = |value: &Value, member: &str| value.get(member).is_some_and(Value::is_string);
    let is_place = |value: &Value| text(value, "region") && text(value, "registryId");
    let is_rule = |rule: &Value| {
        rule.get("destinations").and_then(Value::as_array).is_some_and(|places| places.iter().all(is_place))
    };
    match replication.get("rules").and_then(Value::as_array) {
        Some(rules) if rules.len() <= MOST_RULES && rules.iter().all(is_rule) => {}
        _ => {
            return Err(Refusal::invalid(
                "replicationConfiguration",
                "must have at most 25 rules with destinations",
            ));
        }
    }
    let place = Place::new(request.caller, request.region);
    request.ecr.registries.set_setting(&place, REPLICATION, &replication.to_string())?;
    Ok(json!({ "replicationConfiguration": replication }))
}

pub(super) fn describe_image_replication_status(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("DescribeImageReplicationStatus")?;
    let id = request.members.get("imageId").cloned().unwrap_or_default();
    let member = |name: &str| id.get(name).and_then(Value::as_str);
    let reference = member("imageDigest").or(member("imageTag")).unwrap_or_default();
    let found = request.ecr.image(&place, &name, reference)?;
    let (digest, _) = found.ok_or_else(|| Refusal::image_missing(reference, &name, &place.account))?;
    let status = |replica: Replica| json!({ "region": replica.to.region, "registryId": replica.to.account, "status": replica.state.name() });
    let statuses: Vec<Value> =
        request.ecr.replications.of(&place, &name, &digest).into_iter().map(status).collect();
    Ok(
        json!({ "repositoryName": name, "imageId": { "imageDigest": digest }, "replicationStatuses": statuses }),
    )
}

fn setting(request: &Request<'_>) -> Result<(&'static str, &'static [&'static str], &'static str), Refusal> {
    let wanted = request.required("name")?;
    let found = SETTINGS.into_iter().find(|(name, _, _)| *name == wanted);
    found.ok_or_else(|| Refusal::invalid("name", "Invalid setting name"))
}
