//! A step in words, for review before it happens and for the log when it is done.

use serde_json::Value;

use crate::event::LayerAction;
use crate::function::Change;
use crate::name::{Digest, Tag};
use crate::observe::{Facts, LayerFacts};
use crate::plan::{AliasStep, CodeStep, CreateStep, DeploySpec, PushStep, Step};
use crate::release::Engine;

use super::{Report, sizes};

/// What `step` does: one line, and a line for each detail that a reviewer wants to see. Environment values are never
/// in it.
pub fn describe(step: &Step, spec: &DeploySpec, facts: &Facts) -> String {
    let repository = &spec.repository.name;
    let function = function_name(spec);
    match step {
        Step::CreateRepository(settings) => {
            let tags = if settings.immutable_tags { "immutable tags" } else { "mutable tags" };
            let scan = if settings.scan_on_push { ", scan on push" } else { "" };
            format!("create repository {repository} in {} ({tags}{scan})", facts.registry.region)
        }
        Step::PushImage(push) => push_line(push, spec, facts),
        Step::GrantPull(grant) => {
            let statements = grant.statements.join(" and ");
            format!("let Lambda pull from {repository}: add {statements} to its policy\n{}", grant.preview)
        }
        Step::CreateFunction(create) => create_lines(create, function, spec),
        Step::UpdateConfiguration(configuration) => {
            lines(format!("change settings of function {function}"), &configuration.changes)
        }
        Step::UpdateCode(code) => code_line(code, code.to, function),
        Step::TagFunction(step) => {
            let shown =
                |key: &str, value| if is_hidden(spec, &format!("Tags.{key}")) { "(hidden)" } else { value };
            let tags: Vec<String> =
                step.tags.iter().map(|(key, value)| format!("{key}={}", shown(key, value))).collect();
            format!("tag function {function}: {}", tags.join(", "))
        }
        Step::PublishVersion => format!("publish a version of function {function}"),
        Step::MoveAlias(step) => {
            let to = step.to.map_or("the published version".to_owned(), |to| format!("version {to}"));
            let traffic = spec.function.as_ref().map(|function| &function.traffic);
            match traffic.filter(|traffic| !traffic.is_plain() && step.current.is_some()) {
                Some(traffic) => {
                    let by = if traffic.engine == Engine::Direct { "" } else { ", by CodeDeploy" };
                    format!("{} ({}{by})", alias_line(step, &to), traffic.strategy)
                }
                None => alias_line(step, &to),
            }
        }
    }
}

/// What `step` did, where more is known afterwards than [`describe`] could say before.
pub(crate) fn describe_done(step: &Step, spec: &DeploySpec, report: &Report) -> Option<String> {
    let image = report.image.as_ref();
    match step {
        Step::PushImage(_) => {
            let image = image?;
            let count = |action| image.layers.iter().filter(|layer| layer.action == Some(action)).count();
            let (sent, mounted) = (count(LayerAction::Uploaded), count(LayerAction::Mounted));
            let mut what = match image.pushed_bytes {
                0 if mounted == 0 => "every layer was there".to_owned(),
                bytes => format!("{} sent, {}", of_layers(sent, image.layers.len()), sizes::bytes(bytes)),
            };
            if mounted > 0 {
                what.push_str(&format!("; {mounted} mounted"));
            }
            Some(push_text(spec, image.digest.as_ref(), &what, &image.tags))
        }
        Step::UpdateCode(code) => Some(code_line(code, image?.digest, function_name(spec))),
        Step::PublishVersion => {
            Some(format!("publish version {} of function {}", report.version.as_ref()?, function_name(spec)))
        }
        Step::MoveAlias(step) => {
            let line = alias_line(step, &format!("version {}", report.alias.as_ref()?.to.as_ref()?));
            Some(match &report.deployment {
                Some(deployment) if deployment.is_running => {
                    format!("{line}: begun by deployment {}", deployment.id)
                }
                _ => line,
            })
        }
        Step::CreateRepository(_)
        | Step::GrantPull(_)
        | Step::CreateFunction(_)
        | Step::UpdateConfiguration(_)
        | Step::TagFunction(_) => None,
    }
}

fn function_name(spec: &DeploySpec) -> &str {
    spec.function.as_ref().map(|function| function.name.as_str()).unwrap_or_default()
}

fn push_line(push: &PushStep, spec: &DeploySpec, facts: &Facts) -> String {
    let (mut count, mut bytes) = (0, 0);
    for (layer, local) in facts.image.layers.iter().zip(&facts.image.local.layers) {
        if !layer.stored {
            count += 1;
            bytes += layer.known.map_or(local.stored_size, |known| known.size);
        }
    }
    let exact = facts.image.layers.iter().all(|layer| layer.stored || layer.known.is_some());
    let mount = mountable(facts);
    let about = if exact && mount.is_empty() { "" } else { "at most " };
    let what = match count {
        0 => "every layer is there".to_owned(),
        _ => {
            let layers = of_layers(count, facts.image.layers.len());
            format!("{layers} to send, {about}{}{mount}", sizes::bytes(bytes))
        }
    };
    push_text(spec, push.digest.as_ref(), &what, &push.tags)
}

/// From where layers may be taken over instead. What the registry will mount shows only when it is asked to.
fn mountable(facts: &Facts) -> String {
    let mount = &facts.image.mount;
    let is_candidate = |layer: &LayerFacts| !layer.stored && layer.known.is_some();
    let open = mount.is_possible && facts.image.layers.iter().any(is_candidate);
    let names: Vec<&str> = mount.from.iter().filter(|_| open).map(|name| name.as_str()).collect();
    if names.is_empty() {
        String::new()
    } else {
        format!(", less what can be mounted from {}", names.join(" or "))
    }
}

/// `push app@sha256:483d750f16c9…, tag v7: 2 of 9 layers to send, 84.4 MiB`
fn push_text(spec: &DeploySpec, digest: Option<&Digest>, what: &str, tags: &[Tag]) -> String {
    let digest = digest.map(|digest| format!("@{}", short(digest))).unwrap_or_default();
    let tags: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    let tags = match tags.as_slice() {
        [] => String::new(),
        [one] => format!(", tag {one}"),
        several => format!(", tags {}", several.join(", ")),
    };
    format!("push {}{digest}{tags}: {what}", spec.repository.name)
}

fn of_layers(count: usize, total: usize) -> String {
    let noun = if total == 1 { "layer" } else { "layers" };
    format!("{count} of {total} {noun}")
}

/// Whether a setting came out of a template, and is therefore not shown.
fn is_hidden(spec: &DeploySpec, path: &str) -> bool {
    spec.function.as_ref().is_some_and(|function| function.definition.is_hidden(path))
}

fn create_lines(create: &CreateStep, function: &str, spec: &DeploySpec) -> String {
    let mut text = format!("create function {function} for {}", create.architecture);
    for (key, value) in &create.settings {
        let shown = match (key.as_str(), value) {
            ("Environment", environment) => environment_names(environment),
            (key, _) if is_hidden(spec, key) => "(hidden)".to_owned(),
            (_, Value::String(string)) => string.clone(),
            (_, other) => other.to_string(),
        };
        text.push_str(&format!("\n+ {key} = {shown}"));
    }
    text
}

/// The names alone: values of environment variables are never shown.
fn environment_names(environment: &Value) -> String {
    let variables = environment.get("Variables").and_then(Value::as_object);
    let names: Vec<&str> = variables.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    format!("{} (values hidden)", names.join(", "))
}

fn code_line(code: &CodeStep, to: Option<Digest>, function: &str) -> String {
    let to = to.map_or("the pushed image".to_owned(), |digest| short(&digest));
    match code.from {
        Some(from) => format!("point function {function} from {} to {to}", short(&from)),
        None => format!("point function {function} to {to}"),
    }
}

fn alias_line(step: &AliasStep, to: &str) -> String {
    let weights = if !step.weights.is_empty() { ", clearing its weights" } else { "" };
    match &step.current {
        None => format!("create alias {} on {to}", step.name),
        Some(current) => format!("move alias {} from version {current} to {to}{weights}", step.name),
    }
}

fn lines(first: String, changes: &[Change]) -> String {
    let mut text = first;
    for change in changes {
        text.push_str(&format!("\n{change}"));
    }
    text
}

fn short(digest: &Digest) -> String {
    format!("sha256:{}…", digest.short())
}
