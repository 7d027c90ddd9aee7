//! Readings of a function in good order, for the tests of this module and of what renders it: a test spoils one thing.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value, json};

use super::{Readings, RepositoryReadings, Status, status_of};
use crate::cloud::{
    CloudError, CloudErrorKind, DescribedImage, FunctionState, LiveAlias, LiveFunction, PublishedVersion,
};
use crate::function::samples::live;
use crate::name::{AliasName, Digest, Version};
use crate::release::{Intent, Journal, Place, Weight};

/// When everything is looked at, in seconds since 1970.
pub(crate) const NOW: u64 = 1_700_000_000;

pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

pub(crate) fn alias_name() -> AliasName {
    "live".parse().unwrap()
}

pub(crate) fn version(number: u64) -> Version {
    number.to_string().parse().unwrap()
}

/// The digest of the image that this version runs.
pub(crate) fn digest(number: u64) -> Digest {
    Digest::of(number.to_string().as_bytes())
}

/// The version, from this repository of the function's own account.
pub(crate) fn version_from(repository: &str, number: u64) -> LiveFunction {
    let digest = digest(number);
    let uri = format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/{repository}@{digest}");
    LiveFunction {
        version: number.to_string(),
        image_digest: Some(digest),
        image_uri: Some(uri.clone()),
        resolved_image_uri: Some(uri),
        state: FunctionState {
            state: Some("Active".to_owned()),
            last_update_status: Some("Successful".to_owned()),
            ..FunctionState::default()
        },
        modified: Some(now() - Duration::from_secs(3 * 86_400)),
        ..live(
            json!({ "Role": "arn:aws:iam::123456789012:role/service/shop", "MemorySize": 512, "Timeout": 30 }),
        )
    }
}

pub(crate) fn image(number: u64) -> DescribedImage {
    DescribedImage {
        digest: digest(number),
        tags: vec![format!("v{number}")],
        size: Some(number << 20),
        pushed: Some(now() - Duration::from_secs((10 - number) * 86_400)),
        archived: false,
    }
}

pub(crate) fn granting() -> Value {
    json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
        "Principal": { "Service": "lambda.amazonaws.com" },
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"] }] })
}

/// Versions 6 and 7 from repository `shop`, `$LATEST` as 7, and alias `live` at 7.
pub(crate) fn readings() -> Readings {
    let latest = LiveFunction { version: "$LATEST".to_owned(), ..version_from("shop", 7) };
    let published = |number: u64| PublishedVersion {
        version: version(number),
        image_digest: Some(digest(number)),
        settings: latest.settings.clone(),
        architecture: latest.architecture,
    };
    Readings {
        aliases: Ok(vec![alias(&Place::whole("7"))]),
        versions: Ok(vec![published(6), published(7)]),
        details: [6, 7].map(|number| (version(number), Ok(Some(version_from("shop", number))))).into(),
        deployments: std::collections::BTreeMap::new(),
        repositories: vec![RepositoryReadings {
            images: Ok(Some(vec![image(7), image(6)])),
            policy: Ok(Some(granting().to_string())),
        }],
        latest,
    }
}

pub(crate) fn alias(place: &Place) -> LiveAlias {
    LiveAlias {
        name: alias_name(),
        version: place.version.clone(),
        weights: place.weights.clone(),
        revision_id: None,
    }
}

/// A canary of 10 % from version 6 to 7 that began five minutes ago, and is heard of for `more` seconds from now on.
pub(crate) fn canary(readings: &mut Readings, more: i64) {
    let place = Place::split("6", "7", Weight::new(1000).unwrap());
    let intent = Intent {
        from: Place::whole("6"),
        to: "7".to_owned(),
        digest: Some(digest(7).short()),
        began: NOW - 300,
        until: NOW.saturating_add_signed(more),
        id: "a1".to_owned(),
        strategy: "steps:10%:10m,50%:10m".parse().unwrap(),
        bake: 0,
        given_up: false,
        provisioned: false,
        deployment: None,
        actor: "ci".to_owned(),
    };
    let earlier = Intent {
        from: Place::whole("5"),
        to: "6".to_owned(),
        began: NOW - 200_000,
        strategy: crate::release::Strategy::all_at_once(),
        id: "a0".to_owned(),
        ..intent.clone()
    };
    let mut tags = Map::new();
    let write = |tags: &mut Map<String, Value>, place: &Place, intent: &Intent| {
        let journal =
            Journal::read(&Map::from_iter([("Tags".to_owned(), tags.clone().into())]), &alias_name());
        let new: BTreeMap<String, String> = journal.begin(&alias_name(), place, intent).unwrap();
        tags.extend(new.into_iter().map(|(key, value)| (key, value.into())));
    };
    write(&mut tags, &Place::whole("5"), &earlier);
    write(&mut tags, &Place::whole("6"), &intent);
    readings.latest.settings.insert("Tags".to_owned(), tags.into());
    readings.aliases = Ok(vec![alias(&place)]);
}

pub(crate) fn denied(service: &'static str, operation: &'static str) -> CloudError {
    CloudError {
        service,
        operation,
        kind: CloudErrorKind::AccessDenied,
        code: Some("AccessDeniedException".to_owned()),
        status: Some(400),
        message: "not allowed".to_owned(),
        request_id: None,
    }
}

pub(crate) fn status(readings: Readings) -> Status {
    status_of(&"shop".parse().unwrap(), readings, now())
}
