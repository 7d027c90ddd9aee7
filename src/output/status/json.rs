//! The `status` key of the document.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::rows::shares;
use crate::cloud::{FunctionState, LiveFunction, PackageType};
use crate::release::{Intent, Move, Place};
use crate::report::moments;
use crate::status::{AliasStatus, ImageStatus, Status, VersionStatus};

pub(in crate::output) fn status(status: &Status) -> Value {
    let aliases = status.aliases.as_ref();
    json!({
        "function": function(status),
        "aliases": aliases.map(|aliases| aliases.iter().map(|found| alias(found, status)).collect::<Vec<_>>()),
        "versions": status.versions.iter().map(version).collect::<Vec<_>>(),
        "versions_left_out": status.left_out,
    })
}

fn function(status: &Status) -> Value {
    let latest = &status.latest;
    let found = status.version(&latest.version);
    json!({
        "name": status.name.as_str(),
        "arn": latest.arn,
        "package_type": package_type(latest),
        "state": state(Some(&latest.state)),
        "image": (latest.package_type == PackageType::Image).then(|| json!({
            "uri": latest.image_uri,
            "resolved_uri": latest.resolved_image_uri,
            "digest": latest.running_digest().map(|digest| digest.to_string()),
        })),
        "role": found.and_then(|found| found.role.as_deref()),
        "memory_megabytes": found.and_then(|found| found.memory),
        "timeout_seconds": found.and_then(|found| found.timeout),
        "architecture": latest.architecture.to_string(),
        "modified": moment(latest.modified),
    })
}

fn package_type(function: &LiveFunction) -> &'static str {
    match function.package_type {
        PackageType::Image => "image",
        PackageType::Zip => "zip",
    }
}

fn state(state: Option<&FunctionState>) -> Value {
    let Some(state) = state else { return Value::Null };
    json!({
        "state": state.state,
        "reason": state.state_reason,
        "reason_code": state.state_reason_code,
        "last_update": state.last_update_status,
        "last_update_reason": state.last_update_reason,
        "last_update_reason_code": state.last_update_reason_code,
    })
}

fn alias(alias: &AliasStatus, status: &Status) -> Value {
    let share = |(version, weight): (String, f64)| {
        let image = status.version(&version).and_then(|version| version.image.as_ref());
        json!({
            "version": version,
            // What is left of one is no round number in binary.
            "weight": (weight * 1e9).round() / 1e9,
            "digest": image.and_then(|image| image.digest).map(|digest| digest.to_string()),
            "tags": image.and_then(|image| image.stored.image()).map(|stored| &stored.tags),
        })
    };
    json!({
        "name": alias.name.as_str(),
        "version": alias.place.version,
        "traffic": shares(&alias.place).into_iter().map(share).collect::<Vec<_>>(),
        "standing": alias.traffic.as_str(),
        "release": alias.traffic.release().map(|intent| release(intent, &alias.place)),
        "moves": alias.moves.iter().map(one_move).collect::<Vec<_>>(),
        "journal_trouble": alias.trouble,
    })
}

fn release(release: &Intent, place: &Place) -> Value {
    json!({
        "from": release.from.version,
        "to": release.to,
        "strategy": release.strategy.to_string(),
        "step": release.step_at(place).map(|step| step + 1),
        "steps": release.strategy.steps().len(),
        "bake_seconds": release.bake,
        "began": moments::rfc3339(moments::at(release.began)),
        // A deployment of CodeDeploy goes on without a run that could be heard of.
        "heard_of_until":
            release.deployment.is_none().then(|| moments::rfc3339(moments::at(release.until))),
        "deployment": release.deployment.as_ref().map(|deployment| json!({
            "id": deployment.id, "application": deployment.application, "group": deployment.group,
        })),
        "actor": release.actor,
    })
}

fn one_move(one: &Move) -> Value {
    json!({
        "from": one.from,
        "to": one.to,
        "digest": one.digest,
        "at": moments::rfc3339(moments::at(one.at)),
        "actor": one.actor,
    })
}

fn version(version: &VersionStatus) -> Value {
    json!({
        "version": version.version,
        "aliases": version.aliases.iter().map(|alias| alias.as_str()).collect::<Vec<_>>(),
        "state": state(version.state.as_ref()),
        "role": version.role,
        "memory_megabytes": version.memory,
        "timeout_seconds": version.timeout,
        "architecture": version.architecture.to_string(),
        "modified": moment(version.modified),
        "image": version.image.as_ref().map(image),
    })
}

fn image(image: &ImageStatus) -> Value {
    let stored = image.stored.image();
    json!({
        "digest": image.digest.map(|digest| digest.to_string()),
        "registry": image.uri.as_ref().map(|uri| uri.registry.as_str()),
        "repository": image.uri.as_ref().map(|uri| uri.repository.as_str()),
        "stored": image.stored.as_str(),
        "stored_reason": image.stored.why(),
        "tags": stored.map(|stored| &stored.tags),
        "size": stored.and_then(|stored| stored.size),
        "pushed": moment(stored.and_then(|stored| stored.pushed)),
        "pull": image.pull.verdict.as_str(),
        "pull_reason": image.pull.why,
    })
}

fn moment(moment: Option<SystemTime>) -> Option<String> {
    moment.map(moments::rfc3339)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::samples::{canary, denied, digest, readings, status as seen, version};

    fn keys(value: &Value) -> Vec<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn every_key_is_there_with_its_value() {
        let mut readings = readings();
        canary(&mut readings, 60);
        let document = status(&seen(readings));
        assert_eq!(keys(&document), ["function", "aliases", "versions", "versions_left_out"]);
        let of_function = [
            "name",
            "arn",
            "package_type",
            "state",
            "image",
            "role",
            "memory_megabytes",
            "timeout_seconds",
            "architecture",
            "modified",
        ];
        assert_eq!(keys(&document["function"]), of_function);
        assert_eq!(document["function"]["state"]["last_update"], "Successful");
        let traffic = json!([
            { "version": "6", "weight": 0.9, "digest": digest(6).to_string(), "tags": ["v6"] },
            { "version": "7", "weight": 0.1, "digest": digest(7).to_string(), "tags": ["v7"] },
        ]);
        let release = json!({
            "from": "6", "to": "7", "strategy": "steps:10%:10m,50%:10m", "step": 1, "steps": 2, "bake_seconds": 0,
            "began": "2023-11-14T22:08:20Z", "heard_of_until": "2023-11-14T22:14:20Z", "deployment": null, "actor": "ci",
        });
        let moves = json!([{ "from": "5", "to": "6", "digest": digest(7).short(), "at": "2023-11-12T14:40:00Z",
            "actor": "ci" }]);
        let alias = json!({ "name": "live", "version": "6", "traffic": traffic, "standing": "running",
            "release": release, "moves": moves, "journal_trouble": null });
        assert_eq!(document["aliases"], json!([alias]));
        let newest = &document["versions"][1];
        let of_version = [
            "version",
            "aliases",
            "state",
            "role",
            "memory_megabytes",
            "timeout_seconds",
            "architecture",
            "modified",
            "image",
        ];
        assert_eq!(keys(newest), of_version);
        assert_eq!((&newest["version"], &newest["aliases"]), (&json!("7"), &json!(["live"])));
        assert_eq!(newest["modified"], "2023-11-11T22:13:20Z");
        let image = json!({
            "digest": digest(7).to_string(), "registry": "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
            "repository": "shop", "stored": "yes", "stored_reason": null, "tags": ["v7"], "size": 7 << 20,
            "pushed": "2023-11-11T22:13:20Z", "pull": "granted", "pull_reason": null,
        });
        assert_eq!(newest["image"], image);
    }

    #[test]
    fn what_is_not_known_is_null_and_never_empty() {
        let mut readings = readings();
        readings.aliases = Err(denied("AWS Lambda", "ListAliases"));
        readings.details.insert(version(7), Err(denied("AWS Lambda", "GetFunction")));
        readings.repositories[0].images = Err(denied("Amazon ECR", "DescribeImages"));
        let document = status(&seen(readings));
        assert_eq!(document["aliases"], Value::Null);
        assert_eq!(document["versions"][1]["state"], Value::Null);
        let image = &document["versions"][2]["image"];
        assert_eq!(
            (&image["stored"], &image["tags"], &image["size"]),
            (&json!("unknown"), &Value::Null, &Value::Null)
        );
        assert!(image["stored_reason"].as_str().unwrap().contains("ecr:DescribeImages"), "{image}");
    }
}
