//! The keys of a configuration file: one table that checking, reading and the JSON Schema all use.
//!
//! A key is named as its flag is, lists in the plural. To let the file give another flag, add a line here and make the schema anew
//! (`LAMBDA_LIFT_WRITE_DOCS=1 cargo test --test generated_docs`). The keys of `[function]` are those of `crate::function`.

use std::path::Path;

use crate::image::SourceRef;
use crate::name::{AccountId, AliasName, FunctionRef, Region, RepositoryRef, RoleArn, Tag};
use crate::preflight::Allowed;
use crate::release::{Expectation, Strategy};

use super::quantity::{age, duration, percent};
use super::template::is_prefix;
use crate::values::Location;

/// What a value looks like.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// A text that keeps a rule.
    Text(Rule),
    /// Texts that keep a rule.
    Texts(Rule),
    /// A path, relative to the configuration file.
    Path,
    /// Paths, relative to the configuration file.
    Paths,
    /// Where a Terraform state is: a path, relative to the configuration file, or an address.
    State,
    /// The same, each with the prefix under which it is known: `net_=s3://bucket/net.tfstate`.
    States,
    /// An image source, whose path is relative to the configuration file.
    Image,
    /// True or false.
    Flag,
    /// A whole number within limits, both included.
    Integer { least: i64, most: i64 },
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// One of these numbers, both ends included, or this text.
    Level { least: i64, most: i64, or: &'static str },
    /// A rule for what may also be a whole number, in the words of the rule: `600` is `"600"`.
    Quantity(Rule),
}

/// A rule for a text: why it is broken, if it is.
pub(super) type Rule = fn(&str) -> Result<(), String>;

/// A key outside of `[function]`.
#[derive(Clone, Copy)]
pub(super) struct Key {
    /// The table that it is in; empty for none.
    pub(super) section: &'static str,
    /// Its name, as the file has it.
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    /// The arguments of the command line that it stands for, by their ids there.
    pub(super) arguments: &'static [&'static str],
    /// What it is, for whoever writes the file.
    pub(super) meaning: &'static str,
}

impl Key {
    /// The key with its table, as it is told: `release.alias`.
    pub(super) fn path(&self) -> String {
        match self.section {
            "" => self.name.to_owned(),
            section => format!("{section}.{}", self.name),
        }
    }
}

const fn key(
    section: &'static str,
    name: &'static str,
    shape: Shape,
    arguments: &'static [&'static str],
    meaning: &'static str,
) -> Key {
    Key { section, name, shape, arguments, meaning }
}

/// The tables beside `function` and `env`, and what is in them.
pub(super) const SECTIONS: [(&str, &str); 4] = [
    ("push", "How the image moves to the registry."),
    ("policy", "The pull permission in the repository's policy."),
    ("release", "How traffic moves to a new version, and what may stop it."),
    ("prune", "What prune keeps."),
];

/// The table of what the function is.
pub(super) const FUNCTION: &str = "function";
/// The table of environments.
pub(super) const ENVIRONMENTS: &str = "env";
/// The list of targets.
pub(super) const TARGETS: &str = "target";
/// The key by which an environment names the one that it builds on.
pub(super) const EXTENDS: &str = "extends";

const JOBS: Shape = Shape::Integer { least: 1, most: 64 };
const MEBIBYTES: Shape = Shape::Integer { least: 5, most: 1024 };
const LEVEL: Shape = Shape::Level { least: 1, most: 9, or: "keep" };
const COUNT: Shape = Shape::Integer { least: 1, most: u32::MAX as i64 };
const KEPT: Shape = Shape::Integer { least: 1, most: u16::MAX as i64 };
const ARCHITECTURES: Shape = Shape::Choice(&["x86_64", "arm64"]);
const DURATION: Shape = Shape::Quantity(is_duration);
const PERCENT: Shape = Shape::Quantity(is_percent);

/// Every key outside of `[function]`.
#[rustfmt::skip]
pub(super) static KEYS: [Key; 56] = [
    key("", "region", Shape::Text(is_region), &["region"], "The AWS Region"),
    key("", "profile", Shape::Text(is_plain), &["profile"], "A profile of the AWS configuration files"),
    key("", "account", Shape::Text(is_account), &["expect_account"], "The AWS account that this is for; refuse to work in any other"),
    key("", "assume-role", Shape::Text(is_role), &["assume_role"], "A role to assume, for instance in another account (ARN)"),
    key("", "external-id", Shape::Text(is_plain), &["external_id"], "The external id that the role's trust policy asks for"),
    key("", "repository-profile", Shape::Text(is_plain), &["repository_profile"], "Another profile for the repository's account"),
    key("", "image", Shape::Image, &["image"], "The image: docker-archive:FILE[:REF], oci:DIR[:REF], oci-archive:FILE[:REF], docker-daemon:REF, docker://HOST/REPOSITORY[:TAG|@DIGEST], or a path; paths are relative to this file"),
    key("", "arch", ARCHITECTURES, &["arch"], "The architecture to choose from an index, and that the image must have"),
    key("", "allow", Shape::Texts(is_allowable), &["allow"], "Checks whose findings are only told, whatever they are: docs/checks.md says which may be"),
    key("", "docker-host", Shape::Text(is_plain), &["docker_host"], "The Docker daemon of docker-daemon: sources, as unix://PATH or tcp://HOST:PORT"),
    key("", "source-profile", Shape::Text(is_plain), &["source_profile"], "The profile for a docker:// source in Amazon ECR"),
    key("", "repository", Shape::Text(is_repository), &["repository"], "The repository: a name, or the full URI for another account"),
    key("", "tags", Shape::Texts(is_tag), &["tags"], "Tags for the image"),
    key("", "create-repository", Shape::Flag, &["create_repository"], "Create the repository when it is missing"),
    key("", "scan-on-push", Shape::Flag, &["scan_on_push"], "Created repository: scan each image at push"),
    key("", "immutable-tags", Shape::Flag, &["immutable_tags"], "Created repository: a tag can never be moved to another image"),
    key("", "kms-key", Shape::Text(is_plain), &["kms_key"], "Created repository: encrypt with this KMS key (ARN, id or alias)"),
    key("", "function-file", Shape::Path, &[], "A file with declared settings in the shape of the CreateFunction request (JSON, with templates as of lambroll, or Jsonnet), relative to this file; [function] goes over it, key by key"),
    key("", "tfstate", Shape::State, &["tfstate"], "Terraform's state, for ${tfstate:ADDRESS}: a path relative to this file, s3://BUCKET/KEY or https://…"),
    key("", "prefixed-tfstates", Shape::States, &["prefixed_tfstate"], "More Terraform states, each as PREFIX=PLACE, for ${PREFIXtfstate:ADDRESS}"),
    key("", "envfiles", Shape::Paths, &["envfile"], "Files with environment variables (NAME=value) for templates, relative to this file; they go before the environment"),
    key("", "ext-str", Shape::Texts(is_assignment), &["ext_str"], "External variables of a Jsonnet function file that are texts: NAME=TEXT"),
    key("", "ext-code", Shape::Texts(is_assignment), &["ext_code"], "External variables of a Jsonnet function file that are Jsonnet themselves: NAME=JSONNET"),
    key("", "wait-timeout", DURATION, &["wait_timeout"], "How long to wait for the function to settle after each change: seconds, or 90s, 10m, 1h"),

    key("push", "compression", LEVEL, &["compression"], "How layers that are not gzip are sent: as gzip of a level, 1 (fast) to 9 (small), or as they are stored"),
    key("push", "mount-from", Shape::Texts(is_repository), &["mount_from"], "Repositories of the same registry whose layers may be taken over: names or full URIs"),
    key("push", "jobs", JOBS, &["jobs"], "Large layers that are sent at the same time"),
    key("push", "chunk-size", MEBIBYTES, &["chunk_size"], "Size of an upload part in MiB"),
    key("push", "push-timeout", DURATION, &["push_timeout"], "End the push when it takes longer in all"),
    key("push", "stall-timeout", DURATION, &["stall_timeout"], "Give a request to the registry up, and try again, when nothing moves for so long"),

    key("policy", "policy-scope", Shape::Choice(&["function", "account", "none"]), &["policy_scope"], "How narrow the pull permission is that is added to the repository's policy"),
    key("policy", "accounts", Shape::Texts(is_account), &["accounts"], "policy check and policy ensure: the accounts whose functions pull"),

    key("release", "alias", Shape::Text(is_alias), &["alias"], "Create this alias, or move it to the new version"),
    key("release", "strategy", Shape::Text(is_strategy), &["strategy"], "How the alias's traffic moves: all-at-once, canary:10%:5m, linear:10%:1m, steps:1%:1m,10%:5m, or CodeDeploy's name for one"),
    key("release", "on-interrupt", Shape::Choice(&["rollback", "hold", "finish"]), &["on_interrupt"], "What Ctrl-C or SIGTERM does to traffic that is on its way"),
    key("release", "smoke-event", Shape::Path, &["smoke_event"], "Invoke the new version with this event (a file with JSON, relative to this file) before it gets traffic"),
    key("release", "smoke-expect", Shape::Text(is_expectation), &["smoke_expect"], "What its answer must say, such as $.ok == true"),
    key("release", "alarms", Shape::Texts(is_plain), &["alarms"], "CloudWatch alarms that move traffic back when they fire"),
    key("release", "allow-firing-alarms", Shape::Texts(is_plain), &["allow_firing_alarm"], "Alarms that may fire when the release begins, since it is the fix"),
    key("release", "bake", DURATION, &["bake"], "Watch for this long after all traffic has moved"),
    key("release", "max-error-rate", PERCENT, &["max_error_rate"], "Move back when more of the new version's invocations end in errors: 1%"),
    key("release", "max-error-rate-increase", PERCENT, &["max_error_rate_increase"], "Move back when its error rate lies more points above the old version's: 0.5%"),
    key("release", "max-latency-increase", PERCENT, &["max_latency_increase"], "Move back when its 95th percentile of durations lies higher above the old version's: 20%"),
    key("release", "min-invocations", COUNT, &["min_invocations"], "Judge by metrics only from so many invocations on"),
    key("release", "on-no-data", Shape::Choice(&["rollback", "continue"]), &["on_no_data"], "What fewer invocations than that mean when a step ends"),
    key("release", "engine", Shape::Choice(&["direct", "codedeploy"]), &["engine"], "Who moves the traffic: this command, for as long as it takes, or AWS CodeDeploy, on its own"),
    key("release", "codedeploy-application", Shape::Text(is_plain), &["codedeploy_application"], "CodeDeploy's application"),
    key("release", "codedeploy-group", Shape::Text(is_plain), &["codedeploy_group"], "Its deployment group"),
    key("release", "create-codedeploy", Shape::Flag, &["create_codedeploy"], "Make CodeDeploy's application, deployment group and deployment configuration where they are missing"),
    key("release", "codedeploy-role", Shape::Text(is_role), &["codedeploy_role"], "The role that CodeDeploy works with, for a deployment group that is made"),
    key("release", "hook-before", Shape::Text(is_function), &["hook_before"], "A function that CodeDeploy invokes before traffic moves, and which tells it whether to go on"),
    key("release", "hook-after", Shape::Text(is_function), &["hook_after"], "The same after all traffic has moved"),
    key("release", "detach", Shape::Flag, &["detach"], "Do not wait for CodeDeploy's deployment: it goes on by itself"),

    key("prune", "keep", KEPT, &["keep"], "How many moves of each alias can be rolled back afterwards, and how many of the newest versions stay in any case"),
    key("prune", "min-age", Shape::Quantity(is_age), &["min_age"], "Images that were pushed less than this ago stay: 90s, 10m, 1h, 7d"),
    key("prune", "repositories", Shape::Texts(is_repository), &["repositories"], "Repositories whose images may go that no function runs"),
];

/// The ids of the arguments that keys stand for.
#[cfg(test)]
pub(crate) fn arguments() -> impl Iterator<Item = &'static str> {
    KEYS.iter().flat_map(|key| key.arguments.iter().copied())
}

fn is_plain(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("it must not be empty".to_owned());
    }
    match text.chars().any(char::is_control) {
        true => Err("it must be one line, without control characters".to_owned()),
        false => Ok(()),
    }
}

/// A rule that is a type's own.
macro_rules! parses_as {
    ($($rule:ident: $type:ty;)*) => {$(
        fn $rule(text: &str) -> Result<(), String> {
            is_plain(text)?;
            text.parse::<$type>().map(drop).map_err(|error| error.to_string())
        }
    )*};
}

parses_as! {
    is_region: Region;
    is_repository: RepositoryRef;
    is_tag: Tag;
    is_account: AccountId;
    is_alias: AliasName;
    is_strategy: Strategy;
    is_role: RoleArn;
    is_function: FunctionRef;
    is_expectation: Expectation;
}

fn is_duration(text: &str) -> Result<(), String> {
    duration(text).map(drop).map_err(|error| error.to_string())
}

fn is_age(text: &str) -> Result<(), String> {
    age(text).map(drop).map_err(|error| error.to_string())
}

fn is_percent(text: &str) -> Result<(), String> {
    percent(text).map(drop).map_err(|error| error.to_string())
}

fn is_allowable(text: &str) -> Result<(), String> {
    Allowed::of([text]).map(drop).map_err(|error| format!("{error}: {}", error.hint()))
}

/// Whether a text is a name and a value. The value is not repeated: it may be a secret.
fn is_assignment(text: &str) -> Result<(), String> {
    match text.split_once('=') {
        Some((name, _)) if !name.is_empty() => Ok(()),
        _ => Err("it must be NAME=VALUE".to_owned()),
    }
}

/// Whether a text says where a Terraform state is.
pub(super) fn is_state(text: &str) -> Result<(), String> {
    Location::parse(text, Path::new("")).map(drop).map_err(|missing| missing.message)
}

/// The same behind a prefix.
pub(super) fn is_prefixed_state(text: &str) -> Result<(), String> {
    match text.split_once('=') {
        Some((prefix, place)) if !prefix.is_empty() && is_prefix(prefix) => is_state(place),
        _ => Err("it must be PREFIX=PLACE, with a prefix of letters, digits and _".to_owned()),
    }
}

/// Whether a text is a good path.
pub(super) fn is_path(text: &str) -> Result<(), String> {
    is_plain(text)
}

/// Whether a text names an image source.
pub(super) fn is_image(text: &str) -> Result<(), String> {
    is_plain(text)?;
    text.parse::<SourceRef>().map(drop).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_in_a_table_that_there_is_and_there_once() {
        let mut paths: Vec<String> = KEYS.iter().map(Key::path).collect();
        paths.sort();
        paths.dedup();
        assert_eq!(paths.len(), KEYS.len());
        for key in &KEYS {
            let known = key.section.is_empty() || SECTIONS.iter().any(|(name, _)| *name == key.section);
            assert!(known && !key.meaning.is_empty(), "{}", key.path());
        }
    }
}
