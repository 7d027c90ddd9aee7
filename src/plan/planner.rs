//! From facts to steps. Traffic moves last; what runs now keeps running until then.

use crate::cloud::LiveFunction;
use crate::function::{self, Update};
use crate::name::{Digest, Tag, Version};
use crate::observe::{Facts, FunctionFacts, RepositoryFacts};

use super::{
    AliasStep, CodeStep, ConfigurationStep, CreateStep, DeploySpec, FunctionSpec, GrantDecision, Plan,
    PushStep, Step, TagStep, decide_grant,
};

/// The tag of an image that was given none: `sha256-<first 12 hex digits of the digest>`. It keeps lifecycle rules for
/// untagged images away from what Lambda runs.
pub fn default_tag(digest: &Digest) -> Tag {
    format!("sha256-{}", digest.short()).parse().expect("hex digits after a letter are a tag")
}

/// The steps from `facts` to what `spec` asks for. Call it only when no check refused.
pub fn plan(spec: &DeploySpec, facts: &Facts) -> Plan {
    let mut steps = Vec::new();
    if let (RepositoryFacts::Missing, Some(settings)) = (&facts.repository, &spec.create_repository) {
        steps.push(Step::CreateRepository(settings.clone()));
    }
    if let Some(push) = push_step(spec, facts) {
        steps.push(Step::PushImage(push));
    }
    if let GrantDecision::Add(grant) = decide_grant(spec, facts) {
        steps.push(Step::GrantPull(grant));
    }
    if let (Some(wanted), Some(function)) = (&spec.function, &facts.function) {
        steps.extend(function_steps(spec, wanted, facts, function));
    }
    Plan { steps }
}

/// The push, unless the repository has the manifest under every tag.
fn push_step(spec: &DeploySpec, facts: &Facts) -> Option<PushStep> {
    let image = &facts.image;
    let digest = image.digest();
    let tagged = image.tags.iter().all(|(_, named)| named.is_some() && *named == digest);
    if image.manifest_stored && tagged {
        return None;
    }
    let tags = match digest {
        Some(_) => image.tags.iter().map(|(tag, _)| tag.clone()).collect(),
        None => spec.tags.clone(),
    };
    Some(PushStep { tags, digest })
}

fn function_steps(
    spec: &DeploySpec,
    wanted: &FunctionSpec,
    facts: &Facts,
    function: &FunctionFacts,
) -> Vec<Step> {
    let architecture = facts.image.local.config.architecture.or(spec.architecture).unwrap_or_default();
    let Some(live) = &function.live else {
        let create = CreateStep { settings: wanted.definition.settings().clone(), architecture };
        let mut steps = vec![Step::CreateFunction(create)];
        steps.extend(release_steps(wanted, function, Publication::New));
        return steps;
    };

    let mut steps = Vec::new();
    let digest = facts.image.digest();
    let code_changes = digest.is_none() || digest != live.image_digest || live.architecture != architecture;
    let Update { before_code, after_code, tags } = function::update(&wanted.definition, live, code_changes);
    let configuration = |half: function::Half| {
        Step::UpdateConfiguration(ConfigurationStep { settings: half.settings, changes: half.changes })
    };
    steps.extend(before_code.map(configuration));
    if code_changes {
        steps.push(Step::UpdateCode(CodeStep { from: live.image_digest, to: digest, architecture }));
    }
    steps.extend(after_code.map(configuration));

    let publication = if steps.is_empty() { published(function, live) } else { Publication::New };
    if !tags.is_empty() {
        steps.push(Step::TagFunction(TagStep { tags }));
    }
    steps.extend(release_steps(wanted, function, publication));
    steps
}

/// Whether what the function will be is published already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Publication {
    /// No version is known to equal it.
    New,
    /// This one does.
    Version(Version),
}

/// The version that equals `$LATEST` as it is now: the alias's own when an alias was asked for, the newest one otherwise.
fn published(function: &FunctionFacts, live: &LiveFunction) -> Publication {
    if let Some(target) = &function.alias_target {
        let same = function::same_content(live, target.image_digest, target.architecture, &target.settings);
        if let (true, Ok(version)) = (same, target.version.parse()) {
            return Publication::Version(version);
        }
        return Publication::New;
    }
    match function.versions.iter().max_by_key(|published| published.version) {
        Some(newest)
            if function::same_content(live, newest.image_digest, newest.architecture, &newest.settings) =>
        {
            Publication::Version(newest.version)
        }
        _ => Publication::New,
    }
}

/// Publishing and traffic: always last.
fn release_steps(wanted: &FunctionSpec, function: &FunctionFacts, publication: Publication) -> Vec<Step> {
    if !wanted.publish {
        return Vec::new();
    }
    let mut steps = Vec::new();
    let to = match publication {
        Publication::New => {
            steps.push(Step::PublishVersion);
            None
        }
        Publication::Version(version) => Some(version),
    };
    let Some(name) = &wanted.alias else {
        return steps;
    };
    let current = function.alias.as_ref();
    let weighted = current.is_some_and(|alias| !alias.weights.is_empty());
    let stays = match (current, to) {
        (Some(alias), Some(version)) => alias.version == version.to_string() && !weighted,
        _ => false,
    };
    if !stays {
        steps.push(Step::MoveAlias(AliasStep {
            name: name.clone(),
            current: current.map(|alias| alias.version.clone()),
            weighted,
            to,
            revision_id: current.and_then(|alias| alias.revision_id.clone()),
        }));
    }
    steps
}
