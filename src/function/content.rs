//! Whether a published version is what `$LATEST` is.

use serde_json::{Map, Value};

use super::canonical::canonical_settings;
use super::schema::Context;
use crate::cloud::{LiveFunction, PublishedVersion};

/// Whether a published version has the image, the architecture and every setting of `$LATEST`.
///
/// PublishVersion with nothing changed answers the last version again, and a change of configuration alone makes
/// a new one (facts: versions). Tags belong to the function, not to a version, and do not count. The description
/// counts, since a version takes `$LATEST`'s; one that was published with a description of its own is taken for
/// different, and publishing then answers that same version: harmless. What cannot be read is never the same.
pub fn same_content(version: &PublishedVersion, latest: &LiveFunction) -> bool {
    latest.image_digest.is_some()
        && version.image_digest == latest.image_digest
        && version.architecture == latest.architecture
        && same_settings(&version.settings, latest)
}

/// The same for a version, or another reading of `$LATEST`, that GetFunction told.
pub fn same_function(one: &LiveFunction, latest: &LiveFunction) -> bool {
    latest.image_digest.is_some()
        && one.image_digest == latest.image_digest
        && one.architecture == latest.architecture
        && same_settings(&one.settings, latest)
}

/// Whether every one of the `sent` settings is what a live function has.
pub fn holds(sent: &Map<String, Value>, live: &LiveFunction) -> bool {
    let context = Context::of(live);
    let (sent, live) = (canonical_settings(sent, &context), canonical_settings(&live.settings, &context));
    sent.iter().all(|(key, value)| live.get(key) == Some(value))
}

fn same_settings(settings: &Map<String, Value>, latest: &LiveFunction) -> bool {
    let context = Context::of(latest);
    let unreadable = [settings, &latest.settings]
        .iter()
        .any(|settings| settings.values().any(|value| value.get("Error").is_some()));
    !unreadable && canonical_settings(settings, &context) == canonical_settings(&latest.settings, &context)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::function::samples::live;
    use crate::name::{Architecture, Digest};

    fn version(settings: Value) -> PublishedVersion {
        PublishedVersion {
            version: "7".parse().unwrap(),
            image_digest: Some(Digest::of(b"manifest")),
            settings: settings.as_object().unwrap().clone(),
            architecture: Architecture::X86_64,
        }
    }

    #[test]
    fn settings_are_compared_in_their_canonical_form_and_tags_do_not_count() {
        let table = [
            (json!({}), json!({"Tags": {"a": "b"}, "MemorySize": 128}), true),
            (json!({"VpcConfig": {"SubnetIds": []}}), json!({"LoggingConfig": {"LogFormat": "Text"}}), true),
            (json!({"MemorySize": 256}), json!({}), false),
            (json!({"Description": "a"}), json!({"Description": "b"}), false),
            (json!({"Environment": {"Variables": {"AB": "1"}}}), json!({}), false),
            (
                json!({"Environment": {"Variables": {"AB": "1"}}}),
                json!({"Environment": {"Variables": {"AB": "1"}}}),
                true,
            ),
            (json!({"Environment": {"Error": {}}}), json!({"Environment": {"Error": {}}}), false),
        ];
        for (published, latest, same) in table {
            assert_eq!(same_content(&version(published.clone()), &live(latest)), same, "{published}");
        }
    }

    #[test]
    fn image_and_architecture_count() {
        let latest = live(json!({}));
        assert!(same_content(&version(json!({})), &latest));
        let other_image = PublishedVersion { image_digest: Some(Digest::of(b"x")), ..version(json!({})) };
        assert!(!same_content(&other_image, &latest));
        let other_architecture = PublishedVersion { architecture: Architecture::Arm64, ..version(json!({})) };
        assert!(!same_content(&other_architecture, &latest));
        let zip = LiveFunction { image_digest: None, ..latest };
        assert!(!same_content(&PublishedVersion { image_digest: None, ..version(json!({})) }, &zip));
    }
}
