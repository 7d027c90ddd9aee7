//! Whether a version may get an alias's traffic. Everything that is wrong is told at once.

use serde_json::Value;

use super::{Intent, Place, Standing, Strategy};
use crate::cloud::{CloudError, LiveFunction};
use crate::function::{Settled, judge};
use crate::name::{AliasName, FunctionName};
use crate::preflight::Finding;

/// What is known before traffic moves.
pub struct Candidate<'a> {
    /// The function.
    pub function: &'a FunctionName,
    /// The alias.
    pub alias: &'a AliasName,
    /// Where the alias sends its traffic.
    pub place: &'a Place,
    /// How it stands, by its journal.
    pub standing: Standing<'a>,
    /// What the alias's main version is; none when it could not be read.
    pub current: Option<&'a LiveFunction>,
    /// The version that shall get the traffic.
    pub target: &'a LiveFunction,
    /// Whether the image that it runs is still in its repository; none for a zip version.
    pub image_stored: Option<&'a Result<bool, CloudError>>,
    /// How much provisioned concurrency the alias carries.
    pub provisioned: Option<u32>,
    /// How the traffic shall move.
    pub strategy: &'a Strategy,
    /// Whether it is invoked before it gets traffic: that wakes a version that was idle.
    pub is_invoked_first: bool,
}

impl Candidate<'_> {
    /// What speaks against it.
    pub fn findings(&self) -> Vec<Finding> {
        let checks = [
            self.alias_is_free(),
            self.is_active(),
            self.has_image(),
            self.fits_weights(),
            self.fits_concurrency(),
        ];
        checks.into_iter().flatten().flatten().collect()
    }

    fn commands(&self) -> String {
        let (function, alias) = (self.function, self.alias);
        format!(
            "go on with it: lambda-lift release --function {function} --alias {alias} --resume; or go back: lambda-lift rollback \
             --function {function} --alias {alias}"
        )
    }

    fn alias_is_free(&self) -> Option<Vec<Finding>> {
        let told = |intent: &Intent, state: &str| {
            let Intent { to, actor, strategy, .. } = intent;
            format!(
                "a release of version {to} ({strategy}, by {actor}) {state}: the alias sends its traffic to {}",
                self.place
            )
        };
        let finding = match &self.standing {
            Standing::Still => return None,
            Standing::Running(intent) => Finding::refuse(
                "release",
                told(intent, "is under way"),
                format!("wait for its end, or {}", self.commands()),
            ),
            Standing::Interrupted(intent) => {
                Finding::refuse("release", told(intent, "was interrupted"), self.commands())
            }
            Standing::Foreign => Finding::refuse(
                "release",
                format!("somebody else split the alias: it sends its traffic to {}", self.place),
                format!(
                    "let them finish, or send all traffic back to the main version: lambda-lift rollback --function {} --alias {}",
                    self.function, self.alias
                ),
            ),
        };
        Some(vec![finding])
    }

    fn is_active(&self) -> Option<Vec<Finding>> {
        let version = &self.target.version;
        let (state, hint) = match judge(&self.target.state) {
            Settled::Ready => return None,
            Settled::Busy { state } => {
                (state, "wait until it is Active, then run the same command again".to_owned())
            }
            Settled::Inactive { .. } if self.is_invoked_first => return None,
            Settled::Inactive { state } => (
                state,
                format!(
                    "wake it up: aws lambda invoke --function-name {} --qualifier {version} /dev/null",
                    self.function
                ),
            ),
            Settled::Failed(failure) => (failure.to_string(), "release another version".to_owned()),
        };
        Some(vec![Finding::refuse("version", format!("version {version} is not Active: {state}"), hint)])
    }

    fn has_image(&self) -> Option<Vec<Finding>> {
        let version = &self.target.version;
        Some(vec![match self.image_stored? {
            Ok(true) => return None,
            Ok(false) => Finding::refuse(
                "image",
                format!("the image of version {version} was deleted from its repository"),
                "deploy it again, and keep lifecycle rules away from images that a version runs",
            ),
            Err(error) => Finding::unknown(
                "image",
                format!("whether the image of version {version} still exists could not be seen: {error}"),
                "allow ecr:BatchGetImage on its repository",
            ),
        }])
    }

    /// AWS lets an alias spread its traffic over versions of the same role and dead-letter queue only.
    fn fits_weights(&self) -> Option<Vec<Finding>> {
        if self.strategy.is_all_at_once() {
            return None;
        }
        if self.place.version == "$LATEST" {
            let message = "an alias that points to $LATEST cannot send a part of its traffic elsewhere";
            return Some(vec![Finding::refuse("weights", message, "use --strategy all-at-once")]);
        }
        let current = self.current?;
        let differs = |key: &str| setting(current, key) != setting(self.target, key);
        let finding = |key: &str, name: &str| {
            let message = format!(
                "version {} and version {} have another {name}: AWS splits traffic between versions of the same one only",
                current.version, self.target.version
            );
            differs(key)
                .then(|| Finding::refuse("weights", message, "use --strategy all-at-once for this release"))
        };
        let role = finding("Role", "execution role");
        let queue = finding("DeadLetterConfig", "dead-letter queue");
        Some(role.into_iter().chain(queue).collect())
    }

    fn fits_concurrency(&self) -> Option<Vec<Finding>> {
        let amount = self.provisioned?;
        if self.strategy.is_all_at_once() {
            return None;
        }
        let message = format!(
            "alias {} carries provisioned concurrency ({amount}), and AWS does not let such an alias have weights",
            self.alias
        );
        let hint = "use --strategy all-at-once: the new version gets the same amount and is ready before it gets traffic";
        Some(vec![Finding::refuse("concurrency", message, hint)])
    }
}

/// A setting, where absent, empty and null are the same.
fn setting<'a>(function: &'a LiveFunction, key: &str) -> Option<&'a Value> {
    let value = function.settings.get(key)?;
    let empty = match value {
        Value::Null => true,
        Value::Object(object) => object.values().all(|value| value.is_null() || value.as_str() == Some("")),
        _ => false,
    };
    (!empty).then_some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cloud::CloudErrorKind;
    use crate::function::samples::live;
    use crate::release::Begun;
    use crate::release::Weight;

    fn version(number: &str, settings: Value) -> LiveFunction {
        LiveFunction { version: number.to_owned(), ..live(settings) }
    }

    /// All is well in it: a test spoils one thing.
    struct World {
        place: Place,
        foreign: bool,
        target: LiveFunction,
        image_stored: Result<bool, CloudError>,
        provisioned: Option<u32>,
        strategy: Strategy,
        is_invoked_first: bool,
    }

    /// The ids of what is found, each with its severity.
    fn found(spoil: impl FnOnce(&mut World)) -> Vec<String> {
        let mut world = World {
            place: Place::whole("6"),
            foreign: false,
            target: version("7", json!({"Role": "r"})),
            image_stored: Ok(true),
            provisioned: None,
            strategy: "canary:10%:5m".parse().unwrap(),
            is_invoked_first: false,
        };
        spoil(&mut world);
        let current = version("6", json!({"Role": "r"}));
        let candidate = Candidate {
            function: &"shop".parse().unwrap(),
            alias: &"live".parse().unwrap(),
            place: &world.place,
            standing: if world.foreign { Standing::Foreign } else { Standing::Still },
            current: Some(&current),
            target: &world.target,
            image_stored: Some(&world.image_stored),
            provisioned: world.provisioned,
            strategy: &world.strategy,
            is_invoked_first: world.is_invoked_first,
        };
        candidate.findings().iter().map(|found| format!("{:?} {}", found.severity, found.check)).collect()
    }

    #[test]
    fn each_thing_that_cannot_work_is_told_before_traffic_moves() {
        assert_eq!(found(|_| {}), [""; 0]);
        assert_eq!(found(|world| world.foreign = true), ["Refuse release"]);
        let other = || version("7", json!({"Role": "s", "DeadLetterConfig": {"TargetArn": "q"}}));
        assert_eq!(found(|world| world.target = other()), ["Refuse weights", "Refuse weights"]);
        let same = version("7", json!({"Role": "r", "DeadLetterConfig": {"TargetArn": ""}}));
        assert_eq!(found(|world| world.target = same), [""; 0]);
        let at_once = |world: &mut World| world.strategy = Strategy::all_at_once();
        assert_eq!(
            found(|world| {
                world.target = other();
                at_once(world);
            }),
            [""; 0]
        );
        assert_eq!(found(|world| world.provisioned = Some(5)), ["Refuse concurrency"]);
        assert_eq!(
            found(|world| {
                world.provisioned = Some(5);
                at_once(world);
            }),
            [""; 0]
        );
        assert_eq!(found(|world| world.image_stored = Ok(false)), ["Refuse image"]);
        let denied = CloudError {
            service: "Amazon ECR",
            operation: "BatchGetImage",
            kind: CloudErrorKind::AccessDenied,
            code: None,
            status: None,
            message: String::new(),
            request_id: None,
        };
        assert_eq!(found(|world| world.image_stored = Err(denied)), ["Unknown image"]);
        assert_eq!(found(|world| world.place = Place::whole("$LATEST")), ["Refuse weights"]);
    }

    #[test]
    fn only_what_is_active_gets_traffic_or_what_is_woken_up_first() {
        for (state, invoked_first, findings) in [
            ("Pending", true, 1),
            ("Inactive", false, 1),
            ("Inactive", true, 0),
            ("Failed", true, 1),
            ("Active", false, 0),
        ] {
            let found = found(|world| {
                world.target.state.state = Some(state.to_owned());
                world.is_invoked_first = invoked_first;
            });
            assert_eq!(found.len(), findings, "{state} {invoked_first}");
        }
    }

    #[test]
    fn a_release_under_way_names_the_ways_on_and_back() {
        let place = Place::split("6", "7", Weight::new(1000).unwrap());
        let begun = Begun { at: 0, id: "a".to_owned(), actor: "ci".to_owned() };
        let whole = Intent::all_at_once(Place::whole("6"), "7".to_owned(), None, begun);
        let intent = Intent { strategy: "canary:10%:5m".parse().unwrap(), ..whole };
        let (function, alias) = ("shop".parse().unwrap(), "live".parse().unwrap());
        let target = version("8", json!({}));
        let candidate = Candidate {
            function: &function,
            alias: &alias,
            place: &place,
            standing: Standing::Interrupted(&intent),
            current: None,
            target: &target,
            image_stored: None,
            provisioned: None,
            strategy: &intent.strategy,
            is_invoked_first: false,
        };
        let finding = &candidate.findings()[0];
        let hint = finding.hint.as_deref().unwrap();
        assert!(
            finding.message.contains("version 7")
                && hint.contains("--alias live --resume")
                && hint.contains("rollback")
        );
    }
}
