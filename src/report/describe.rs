//! A step in words, for review before it happens and for the log while it does.

use crate::function::Change;
use crate::name::Digest;
use crate::observe::Facts;
use crate::plan::{AliasStep, CodeStep, DeploySpec, PushStep, Step};

/// What `step` does: one line, and a line for each detail that a reviewer wants to see. Environment values are never
/// in it.
pub fn describe(step: &Step, spec: &DeploySpec, facts: &Facts) -> String {
    let repository = &spec.repository.name;
    let function = spec.function.as_ref().map(|function| function.name.as_str()).unwrap_or_default();
    match step {
        Step::CreateRepository(settings) => {
            let tags = if settings.immutable_tags { "immutable tags" } else { "mutable tags" };
            let scan = if settings.scan_on_push { ", scan on push" } else { "" };
            format!("create repository {repository} in {} ({tags}{scan})", facts.registry.region)
        }
        Step::PushImage(push) => push_line(push, spec, facts),
        Step::GrantPull(grant) => {
            let statements = grant.statements.join(", ");
            format!("let Lambda pull from {repository}: write {statements}\n{}", indent(&grant.preview))
        }
        Step::CreateFunction(create) => {
            let keys: Vec<&str> = create.settings.keys().map(String::as_str).collect();
            format!("create function {function} for {} ({})", create.architecture, keys.join(", "))
        }
        Step::UpdateConfiguration(configuration) => {
            lines(format!("change settings of function {function}"), &configuration.changes)
        }
        Step::UpdateCode(code) => code_line(code, function),
        Step::TagFunction(step) => {
            let keys: Vec<&str> = step.tags.keys().map(String::as_str).collect();
            format!("tag function {function}: {}", keys.join(", "))
        }
        Step::PublishVersion => format!("publish a version of function {function}"),
        Step::MoveAlias(step) => alias_line(step),
    }
}

fn push_line(push: &PushStep, spec: &DeploySpec, facts: &Facts) -> String {
    let (mut count, mut bytes) = (0, 0);
    for (layer, local) in facts.image.layers.iter().zip(&facts.image.local.layers) {
        if !layer.stored {
            count += 1;
            bytes += layer.known.map_or(local.stored_size, |known| known.size);
        }
    }
    let repository = &spec.repository.name;
    let what = match push.digest {
        Some(digest) => format!("{repository}@{}", short(&digest)),
        None => format!("to {repository}"),
    };
    let about = if facts.image.layers.iter().all(|layer| layer.stored || layer.known.is_some()) {
        ""
    } else {
        "at most "
    };
    let tags: Vec<&str> = push.tags.iter().map(|tag| tag.as_str()).collect();
    let tags = if tags.is_empty() { "its digest".to_owned() } else { tags.join(", ") };
    let total = facts.image.layers.len();
    format!("push {what}: {count} of {total} layers to send ({about}{bytes} bytes), tagged {tags}")
}

fn code_line(code: &CodeStep, function: &str) -> String {
    let to = code.to.map_or("the pushed image".to_owned(), |digest| short(&digest));
    match code.from {
        Some(from) => format!("point function {function} at {to} (now {})", short(&from)),
        None => format!("point function {function} at {to}"),
    }
}

fn alias_line(step: &AliasStep) -> String {
    let to = step.to.map_or("the published version".to_owned(), |version| format!("version {version}"));
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

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn short(digest: &Digest) -> String {
    format!("sha256:{}…", digest.short())
}
