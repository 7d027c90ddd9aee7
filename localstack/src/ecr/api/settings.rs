//! Authorization tokens and account settings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::request::Request;
use crate::ecr::names::check_registry;
use crate::ecr::{Place, Refusal};
use crate::partition::registry_host;
use crate::text::epoch_seconds;

/// The account settings, their values, and what they are before anybody sets them.
const SETTINGS: [(&str, &[&str], &str); 3] = [
    ("BASIC_SCAN_TYPE_VERSION", &["AWS_NATIVE", "CLAIR"], "AWS_NATIVE"),
    ("REGISTRY_POLICY_SCOPE", &["V1", "V2"], "V2"),
    ("BLOB_MOUNTING", &["ENABLED", "DISABLED"], "DISABLED"),
];

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

fn setting(request: &Request<'_>) -> Result<(&'static str, &'static [&'static str], &'static str), Refusal> {
    let wanted = request.required("name")?;
    let found = SETTINGS.into_iter().find(|(name, _, _)| *name == wanted);
    found.ok_or_else(|| Refusal::invalid("name", "Invalid setting name"))
}
