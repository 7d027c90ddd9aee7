//! From facts to steps. Traffic moves last; what runs now keeps running until then.

use serde_json::{Map, Value};

use crate::cloud::LiveFunction;
use crate::function::{self, Change, ChangeKind, SettingsToSend, Settled};
use crate::name::{Architecture, Digest, Tag, Version};
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
    let mut version = None;
    if let (Some(wanted), Some(function)) = (&spec.function, &facts.function) {
        let code = WantedCode {
            digest: facts.image.digest(),
            architecture: facts
                .image
                .local
                .config
                .architecture
                .or(spec.architecture)
                .unwrap_or(Architecture::X86_64),
        };
        let (function_steps, publication) = function_steps(wanted, &code, function);
        steps.extend(function_steps);
        version = publication.version().filter(|_| wanted.publish);
    }
    Plan { steps, version }
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

/// The steps of the function alone, which keeps the image that it runs: what is declared is all that may differ.
pub fn plan_function(
    wanted: &FunctionSpec,
    architecture: Option<Architecture>,
    function: &FunctionFacts,
) -> Vec<Step> {
    let live = function.live.as_ref();
    let running = live.map(|live| live.architecture);
    let code = WantedCode {
        digest: live.and_then(LiveFunction::running_digest),
        architecture: architecture.or(running).unwrap_or(Architecture::X86_64),
    };
    function_steps(wanted, &code, function).0
}

/// What the function shall run.
struct WantedCode {
    /// The manifest's digest; none while it is not known.
    digest: Option<Digest>,
    architecture: Architecture,
}

fn function_steps(
    wanted: &FunctionSpec,
    code: &WantedCode,
    function: &FunctionFacts,
) -> (Vec<Step>, Publication) {
    let &WantedCode { digest, architecture } = code;
    let Some(live) = &function.live else {
        // A declaration that is not enough to create a function was refused by the preflight.
        let settings = function::settings_for_creation(&wanted.definition).unwrap_or_default();
        let create = CreateStep { settings, architecture };
        let mut steps = vec![Step::CreateFunction(create)];
        steps.extend(release_steps(wanted, function, Publication::New));
        return (steps, Publication::New);
    };

    let mut steps = Vec::new();
    let runs = digest.is_some_and(|digest| live.runs(&digest));
    // After a failed update the function shows the new digest while the old code serves: it must be sent again.
    let failed = matches!(function::judge(&live.state), Settled::Failed(_));
    let code_changes = !runs || failed || live.architecture != architecture;
    let changes = function::compare(&wanted.definition, live);
    let to_send = function::settings_to_send(&wanted.definition, live);
    if code_changes {
        steps.extend(before_code(&to_send, &changes));
        steps.push(Step::UpdateCode(CodeStep { from: live.running_digest(), to: digest, architecture }));
        steps.extend(after_code(&to_send, &changes));
    } else {
        steps.extend(configuration(to_send.combined(), changes));
    }

    let publication = if steps.is_empty() { published(function, live) } else { Publication::New };
    if !to_send.tags.is_empty() {
        steps.push(Step::TagFunction(TagStep { tags: to_send.tags }));
    }
    steps.extend(release_steps(wanted, function, publication));
    (steps, publication)
}

/// What the new image may need and the old one does not mind.
fn before_code(to_send: &SettingsToSend, changes: &[Change]) -> Option<Step> {
    let is_early = |change: &&Change| {
        let key = top_level(change);
        let in_both = to_send.after_code.contains_key(key);
        to_send.before_code.contains_key(key) && (!in_both || change.kind == ChangeKind::Add)
    };
    configuration(to_send.before_code.clone(), changes.iter().filter(is_early).cloned().collect())
}

/// What the old image may still need while it runs.
fn after_code(to_send: &SettingsToSend, changes: &[Change]) -> Option<Step> {
    let is_late = |change: &&Change| {
        let key = top_level(change);
        let in_both = to_send.before_code.contains_key(key);
        to_send.after_code.contains_key(key) && !(in_both && change.kind == ChangeKind::Add)
    };
    configuration(to_send.after_code.clone(), changes.iter().filter(is_late).cloned().collect())
}

fn configuration(settings: Map<String, Value>, changes: Vec<Change>) -> Option<Step> {
    (!settings.is_empty()).then(|| Step::UpdateConfiguration(ConfigurationStep { settings, changes }))
}

/// `Environment` of `Environment.Variables.TOKEN`.
fn top_level(change: &Change) -> &str {
    change.key.split('.').next().unwrap_or_default()
}

/// Whether what the function will be is published already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Publication {
    /// No version is known to equal it.
    New,
    /// This one does.
    Version(Version),
}

impl Publication {
    fn version(self) -> Option<Version> {
        match self {
            Self::New => None,
            Self::Version(version) => Some(version),
        }
    }
}

/// The version that equals `$LATEST` as it is now: the alias's own when an alias was asked for, the newest one otherwise.
fn published(function: &FunctionFacts, live: &LiveFunction) -> Publication {
    if let Some(target) = &function.alias_target {
        let same = function::same_function(target, live);
        if let (true, Ok(version)) = (same, target.version.parse()) {
            return Publication::Version(version);
        }
        return Publication::New;
    }
    match function.versions.iter().max_by_key(|published| published.version) {
        Some(newest) if function::same_content(newest, live) => Publication::Version(newest.version),
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
            weights: current.map(|alias| alias.weights.clone()).unwrap_or_default(),
            to,
            revision_id: current.and_then(|alias| alias.revision_id.clone()),
        }));
    }
    steps
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cloud::{Encryption, RepositorySettings};
    use crate::observe::PolicyFacts;
    use crate::samples::{declare, facts, live_of, spec, with_alias};

    /// A name, what is different from a world in which all is done, the steps, and the version that is there already.
    type Case = (&'static str, fn(&mut DeploySpec, &mut Facts), &'static [&'static str], Option<u64>);

    const CASES: &[Case] = &[
        ("unchanged", |_, _| {}, &[], Some(3)),
        ("unchanged with alias", |spec, facts| with_alias(spec, facts, &[]), &[], Some(3)),
        ("no publish", |spec, _| spec.function.as_mut().unwrap().publish = false, &[], None),
        (
            "push only",
            |spec, facts| {
                spec.function = None;
                facts.function = None;
            },
            &[],
            None,
        ),
        (
            "not published",
            |_, facts| facts.function.as_mut().unwrap().versions.clear(),
            &["publish_version"],
            None,
        ),
        (
            "code only",
            |_, facts| live_of(facts).image_digest = Some(Digest::of(b"old")),
            &["update_code", "publish_version"],
            None,
        ),
        (
            "failed last update",
            |_, facts| live_of(facts).state.last_update_status = Some("Failed".to_owned()),
            &["update_code", "publish_version"],
            None,
        ),
        (
            "settings only",
            |spec, _| declare(spec, json!({"MemorySize": 512})),
            &["update_configuration", "publish_version"],
            None,
        ),
        (
            "settings before and after the code",
            |spec, facts| {
                declare(spec, json!({"Environment": {"Variables": {"NEW": "1", "OLD": "2"}}}));
                live_of(facts).settings.insert("Environment".to_owned(), json!({"Variables": {"OLD": "1"}}));
                live_of(facts).image_digest = Some(Digest::of(b"old"));
            },
            &["update_configuration", "update_code", "update_configuration", "publish_version"],
            None,
        ),
        ("tags only", |spec, _| declare(spec, json!({"Tags": {"team": "a"}})), &["tag_function"], Some(3)),
        (
            "new image tag only",
            |_, facts| facts.image.tags.push(("v2".parse().unwrap(), None)),
            &["push_image"],
            Some(3),
        ),
        (
            "alias missing",
            |spec, _| spec.function.as_mut().unwrap().alias = Some("live".parse().unwrap()),
            &["create_alias"],
            Some(3),
        ),
        (
            "alias with weights",
            |spec, facts| with_alias(spec, facts, &[("2", 0.1)]),
            &["move_alias"],
            Some(3),
        ),
        (
            "function missing",
            |_, facts| {
                let function = facts.function.as_mut().unwrap();
                function.live = None;
                function.versions.clear();
            },
            &["create_function", "publish_version"],
            None,
        ),
        (
            "nothing is there",
            |spec, facts| {
                let encryption = Encryption::Aes256;
                spec.create_repository =
                    Some(RepositorySettings { scan_on_push: false, immutable_tags: false, encryption });
                facts.repository = RepositoryFacts::Missing;
                facts.policy = PolicyFacts::Absent;
                facts.image.manifest_stored = false;
                let function = facts.function.as_mut().unwrap();
                function.live = None;
                function.versions.clear();
                spec.function.as_mut().unwrap().alias = Some("live".parse().unwrap());
            },
            &[
                "create_repository",
                "push_image",
                "grant_pull",
                "create_function",
                "publish_version",
                "create_alias",
            ],
            None,
        ),
    ];

    #[test]
    fn the_plan_is_what_separates_the_facts_from_the_wish() {
        for (name, spoil, steps, version) in CASES {
            let (mut spec, mut facts) = (spec(), facts());
            spoil(&mut spec, &mut facts);
            let plan = plan(&spec, &facts);
            let names: Vec<&str> = plan.steps.iter().map(Step::name).collect();
            assert_eq!(names, *steps, "{name}");
            assert_eq!(
                plan.version.map(|version| version.to_string()),
                version.map(|version| version.to_string()),
                "{name}"
            );
        }
    }

    #[test]
    fn an_alias_step_carries_the_weights_and_the_revision_it_was_planned_for() {
        let (mut spec, mut facts) = (spec(), facts());
        with_alias(&mut spec, &mut facts, &[("2", 0.1)]);
        let plan = plan(&spec, &facts);
        let [Step::MoveAlias(step)] = plan.steps.as_slice() else { panic!("{plan:?}") };
        assert_eq!((step.weights.get("2"), step.revision_id.as_deref()), (Some(&0.1), Some("alias-1")));
    }
}
