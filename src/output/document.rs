//! The JSON document, schema 1. Its keys are stable: new ones may be added, none changes or goes.

use serde::Serialize;
use serde_json::{Value, json};

use crate::event::LayerAction;
use crate::policy::{Assessment, Side, StatementLabel};
use crate::preflight::Severity;
use crate::report::{
    AliasReport, DeploymentReport, Failure, FunctionReport, ImageReport, LayerReport, Outcome, PolicyOutcome,
    PolicyReport, Report, SmokeReport, StepReport, StepStatus, TargetReport,
};

use super::printable::printable_json;
use super::status::status_json;

/// The document of a report, with a line feed at its end. Every key is there; what does not apply is null or empty.
pub fn document(report: &Report) -> String {
    let document = Document {
        schema: 1,
        command: report.command,
        outcome: outcome(report.outcome),
        function: report.function.as_ref().map(function),
        image: report.image.as_ref().map(image),
        policy: report.policy.as_ref().map(policy),
        version: report.version.as_deref(),
        alias: report.alias.as_ref().map(alias),
        smoke: report.smoke.as_ref().map(smoke),
        deployment: report.deployment.as_ref().map(deployment),
        status: report.status.as_deref().map(status_json),
        prune: report.prune.as_ref().map(super::prune::value),
        targets: report.targets.iter().map(target).collect(),
        doctor: (!report.doctor.is_empty()).then(|| super::doctor::value(&report.doctor)),
        permissions: report.permissions.as_ref().map(super::permissions::value),
        run: report.run.as_deref().map(super::run::value),
        diff: report.diff.as_ref().map(super::diff::value),
        init: report.init.as_ref().map(super::init::value),
        invoke: report.invoke.as_ref().map(super::invoke::value),
        findings: report.findings.iter().map(Finding::of).collect(),
        steps: report.steps.iter().map(step).collect(),
        error: report.error.as_ref().map(error),
    };
    let mut text =
        serde_json::to_string_pretty(&document).expect("a document of strings and numbers serialises");
    text.push('\n');
    printable_json(&text)
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    command: &'a str,
    outcome: &'a str,
    function: Option<Value>,
    image: Option<Value>,
    policy: Option<Value>,
    version: Option<&'a str>,
    alias: Option<Value>,
    smoke: Option<Value>,
    deployment: Option<Value>,
    status: Option<Value>,
    prune: Option<Value>,
    targets: Vec<Value>,
    doctor: Option<Value>,
    permissions: Option<Value>,
    run: Option<Value>,
    diff: Option<Value>,
    init: Option<Value>,
    invoke: Option<Value>,
    findings: Vec<Finding<'a>>,
    steps: Vec<Value>,
    error: Option<Value>,
}

#[derive(Serialize)]
struct Finding<'a> {
    check: &'a str,
    severity: &'a str,
    message: &'a str,
    hint: Option<&'a str>,
    allowed: bool,
}

impl<'a> Finding<'a> {
    fn of(finding: &'a crate::preflight::Finding) -> Self {
        Self {
            check: finding.check,
            severity: severity(finding.severity),
            message: &finding.message,
            hint: finding.hint.as_deref(),
            allowed: finding.allowed,
        }
    }
}

/// The word for an outcome.
pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Deployed => "deployed",
        Outcome::Started => "started",
        Outcome::Pushed => "pushed",
        Outcome::Pruned => "pruned",
        Outcome::Unchanged => "unchanged",
        Outcome::Planned => "planned",
        Outcome::Checked => "checked",
        Outcome::Skipped => "skipped",
        Outcome::Different => "different",
        Outcome::Written => "written",
        Outcome::Invoked => "invoked",
        Outcome::Refused => "refused",
        Outcome::RolledBack => "rolled_back",
        Outcome::Failed => "failed",
    }
}

/// The word for a severity.
pub(super) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Unknown => "unknown",
        Severity::Warn => "warn",
        Severity::Refuse => "refuse",
    }
}

/// The word for what was done with a layer.
pub(super) fn action(action: LayerAction) -> &'static str {
    match action {
        LayerAction::Uploaded => "uploaded",
        LayerAction::Exists => "exists",
        LayerAction::Mounted => "mounted",
        LayerAction::Reused => "reused",
    }
}

/// One of many: what the document has of a single one, and what it is among the others.
fn target(target: &TargetReport) -> Value {
    let TargetReport { name, wave, place, exit, report } = target;
    json!({
        "name": name,
        "wave": wave,
        "place": place,
        "outcome": outcome(report.outcome),
        "exit": exit,
        "function": report.function.as_ref().map(function),
        "image": report.image.as_ref().map(image),
        "policy": report.policy.as_ref().map(policy),
        "version": report.version,
        "alias": report.alias.as_ref().map(alias),
        "smoke": report.smoke.as_ref().map(smoke),
        "deployment": report.deployment.as_ref().map(deployment),
        "status": report.status.as_deref().map(status_json),
        "prune": report.prune.as_ref().map(super::prune::value),
        "run": report.run.as_deref().map(super::run::value),
        "findings": report.findings.iter().map(Finding::of).collect::<Vec<_>>(),
        "steps": report.steps.iter().map(step).collect::<Vec<_>>(),
        "error": report.error.as_ref().map(error),
    })
}

fn function(function: &FunctionReport) -> Value {
    json!({
        "name": function.name.as_str(),
        "arn": function.arn,
        "region": function.region.as_str(),
        "account": function.account.as_str(),
        "created": function.created,
    })
}

fn image(image: &ImageReport) -> Value {
    json!({
        "repository": image.repository,
        "uri": image.uri,
        "digest": image.digest.map(|digest| digest.to_string()),
        "tags": image.tags.iter().map(|tag| tag.as_str()).collect::<Vec<_>>(),
        "media_type": image.media_type,
        "architecture": image.architecture,
        "uncompressed_bytes": image.uncompressed_bytes,
        "pushed_bytes": image.pushed_bytes,
        "layers": image.layers.iter().map(layer).collect::<Vec<_>>(),
    })
}

fn layer(layer: &LayerReport) -> Value {
    json!({
        "digest": layer.digest.map(|digest| digest.to_string()),
        "diff_id": layer.diff_id.to_string(),
        "size": layer.size,
        "action": layer.action.map(action),
    })
}

fn policy(policy: &PolicyReport) -> Value {
    let verdict = match &policy.verdict {
        PolicyOutcome::Judged(assessment) => return judged(assessment),
        PolicyOutcome::Shown => return shown(policy.document.as_deref().unwrap_or_default()),
        PolicyOutcome::Granted => "granted",
        PolicyOutcome::Added => "added",
        PolicyOutcome::Unknown => "unknown",
        PolicyOutcome::Denied => "denied",
    };
    json!({ "changed": policy.changed, "verdict": verdict, "statements_added": policy.statements_added })
}

fn judged(assessment: &Assessment) -> Value {
    json!({
        "changed": false,
        "verdict": assessment.verdict().as_str(),
        "statements_added": [],
        "service": side(&assessment.service),
        "caller": assessment.caller.as_ref().map(side),
    })
}

/// `policy show`: the document as JSON, or as text where it is none.
fn shown(text: &str) -> Value {
    let document = match serde_json::from_str::<Value>(text) {
        Ok(document) => document,
        Err(_) if text.is_empty() => Value::Null,
        Err(_) => Value::String(text.to_owned()),
    };
    json!({ "changed": false, "verdict": null, "statements_added": [], "document": document })
}

fn side(side: &Side) -> Value {
    json!({
        "verdict": side.verdict.as_str(),
        "missing_actions": side.missing_actions,
        "denied_by": side.denied_by.iter().map(label).collect::<Vec<_>>(),
        "conditions": side.conditions,
    })
}

/// The Sid, or the statement's place from 0 when it has none.
fn label(label: &StatementLabel) -> Value {
    match &label.sid {
        Some(sid) => sid.as_str().into(),
        None => label.index.into(),
    }
}

fn alias(alias: &AliasReport) -> Value {
    json!({ "name": alias.name.as_str(), "from": alias.from, "to": alias.to })
}

fn smoke(smoke: &SmokeReport) -> Value {
    json!({
        "version": smoke.version,
        "status": smoke.status,
        "function_error": smoke.function_error,
        "payload": smoke.payload,
        "log": smoke.log,
    })
}

fn deployment(deployment: &DeploymentReport) -> Value {
    json!({
        "id": deployment.id,
        "application": deployment.application,
        "group": deployment.group,
        "config": (!deployment.config.is_empty()).then_some(&deployment.config),
        "running": deployment.is_running,
    })
}

fn step(step: &StepReport) -> Value {
    json!({
        "step": step.step,
        "status": status(step.status),
        "detail": step.detail,
        "milliseconds": u64::try_from(step.elapsed.as_millis()).unwrap_or(u64::MAX),
    })
}

/// The word for how a step ended.
pub(super) fn status(status: StepStatus) -> &'static str {
    match status {
        StepStatus::Done => "done",
        StepStatus::Skipped => "skipped",
        StepStatus::Failed => "failed",
        StepStatus::Planned => "planned",
    }
}

fn error(failure: &Failure) -> Value {
    json!({
        "kind": failure.kind,
        "code": failure.code(),
        "message": failure.message,
        "hint": failure.advice(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan;
    use crate::report::image_report;
    use crate::samples::{facts, image, live_of, spec};

    fn keys(value: &Value) -> Vec<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    const KEYS: [&str; 22] = [
        "schema",
        "command",
        "outcome",
        "function",
        "image",
        "policy",
        "version",
        "alias",
        "smoke",
        "deployment",
        "status",
        "prune",
        "targets",
        "doctor",
        "permissions",
        "run",
        "diff",
        "init",
        "invoke",
        "findings",
        "steps",
        "error",
    ];

    #[test]
    fn every_key_is_there_in_an_empty_document() {
        let document: Value = serde_json::from_str(&document(&Report::new("deploy"))).unwrap();
        assert_eq!(keys(&document), KEYS);
        assert_eq!(document["outcome"], "failed");
    }

    #[test]
    fn an_unchanged_deploy_names_the_version_that_is_there_and_a_refused_one_claims_no_action() {
        let (spec, mut facts) = (spec(), facts());
        let mut report = Report { image: Some(image_report(&image())), ..Report::new("deploy") };
        report.take_facts(&spec, &facts);
        let refused: Value = serde_json::from_str(&document(&report)).unwrap();
        assert_eq!(
            (&refused["version"], &refused["image"]["layers"][0]["action"]),
            (&Value::Null, &Value::Null)
        );

        let plan = plan::plan(&spec, &facts);
        report.take_plan(&spec, &facts, &plan);
        let unchanged: Value = serde_json::from_str(&document(&report)).unwrap();
        assert_eq!(keys(&unchanged), KEYS);
        assert_eq!(
            (&unchanged["version"], &unchanged["policy"]["verdict"]),
            (&json!("3"), &json!("granted"))
        );
        let of_image = [
            "repository",
            "uri",
            "digest",
            "tags",
            "media_type",
            "architecture",
            "uncompressed_bytes",
            "pushed_bytes",
            "layers",
        ];
        assert_eq!(keys(&unchanged["image"]), of_image);
        assert_eq!(keys(&unchanged["function"]), ["name", "arn", "region", "account", "created"]);

        live_of(&mut facts).architecture = crate::name::Architecture::Arm64;
        let plan = plan::plan(&spec, &facts);
        report.take_plan(&spec, &facts, &plan);
        let planned: Value = serde_json::from_str(&document(&report)).unwrap();
        assert_eq!(planned["version"], Value::Null);
        assert_eq!(keys(&planned["steps"][0]), ["step", "status", "detail", "milliseconds"]);
    }
}
