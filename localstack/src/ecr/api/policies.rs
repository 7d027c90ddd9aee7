//! Repository policies and lifecycle policies.

use serde_json::{Value, json};

use super::request::Request;
use crate::ecr::{Place, Refusal, access, policy_document};

pub(super) fn get(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("GetRepositoryPolicy")?;
    let policy = request.ecr.registries.read(&place, &name, |found| found.policy.clone())?;
    let policy = policy.ok_or_else(|| Refusal::policy_missing(&name, &place.account))?;
    Ok(answer(&place, &name, &policy))
}

pub(super) fn set(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("SetRepositoryPolicy")?;
    let text = request.required("policyText")?;
    policy_document::check(text)?;
    let still_may = access::permits(Some(text), request.caller, &place.account, "ecr:SetRepositoryPolicy");
    if !still_may && !request.flag("force") {
        return Err(Refusal::invalid(
            "PolicyText",
            "The new policy would prevent you from setting another policy in the future; use force to set it",
        ));
    }
    let kept = match policy_document::reformatted(text) {
        Some(reformatted) if request.ecr.quirks.policies_reformatted => reformatted,
        _ => text.to_owned(),
    };
    request.ecr.registries.write(&place, &name, |found| {
        found.policy = Some(kept.clone());
        Ok(())
    })?;
    Ok(answer(&place, &name, &kept))
}

pub(super) fn delete(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("DeleteRepositoryPolicy")?;
    let deleted = request.ecr.registries.write(&place, &name, |found| {
        found.policy.take().ok_or_else(|| Refusal::policy_missing(&name, &place.account))
    })?;
    Ok(answer(&place, &name, &deleted))
}

pub(super) fn get_lifecycle(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("GetLifecyclePolicy")?;
    let policy = request.ecr.registries.read(&place, &name, |found| found.lifecycle_policy.clone())?;
    let policy = policy.ok_or_else(|| Refusal::lifecycle_policy_missing(&name, &place.account))?;
    Ok(lifecycle_answer(&place, &name, &policy))
}

/// Keeps the rules. Nothing carries them out: no image of the stand-in ever expires.
pub(super) fn put_lifecycle(request: &Request<'_>) -> Result<Value, Refusal> {
    let (place, name) = request.repository("PutLifecyclePolicy")?;
    let text = request.required("lifecyclePolicyText")?;
    let fault = |constraint: &str| Refusal::invalid("LifecyclePolicyText", constraint);
    if !(100..=30_720).contains(&text.chars().count()) {
        return Err(fault("must have length between 100 and 30720"));
    }
    let document: Option<Value> = serde_json::from_str(text).ok();
    let rules = document.as_ref().and_then(|document| document.get("rules")?.as_array());
    let sound = |rule: &Value| {
        rule.get("rulePriority").is_some_and(Value::is_u64)
            && rule.get("selection").is_some_and(Value::is_object)
            && rule.get("action").is_some_and(Value::is_object)
    };
    if !rules.is_some_and(|rules| !rules.is_empty() && rules.iter().all(sound)) {
        return Err(fault(
            "Lifecycle policy validation failure: each rule needs rulePriority, selection and action",
        ));
    }
    request.ecr.registries.write(&place, &name, |found| {
        found.lifecycle_policy = Some(text.to_owned());
        Ok(())
    })?;
    Ok(lifecycle_answer(&place, &name, text))
}

fn answer(place: &Place, repository: &str, policy: &str) -> Value {
    json!({ "registryId": place.account, "repositoryName": repository, "policyText": policy })
}

fn lifecycle_answer(place: &Place, repository: &str, policy: &str) -> Value {
    json!({ "registryId": place.account, "repositoryName": repository, "lifecyclePolicyText": policy })
}
