//! What there is to prune: images without a deploy each, and a function with a version of each of them.

use std::time::Duration;

use lambda_lift_localstack::Settings;
use lambda_lift_localstack::lambda::LambdaSettings;
use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{Account, REGION};
use crate::image::digest;

pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// An account where everything settles at once.
pub(crate) fn account() -> Account {
    let lambda = LambdaSettings {
        create_settle: Duration::ZERO,
        update_settle: Duration::ZERO,
        publish_settle: Duration::ZERO,
        provision_settle: Duration::ZERO,
        ..LambdaSettings::default()
    };
    Account::with(Settings { lambda, ..Settings::default() })
}

/// A repository from which Lambda may pull for functions of its own account.
pub(crate) fn create_repository(account: &Account, name: &str) {
    account.create_repository(name);
    account.set_policy(name, &json!({ "Version": "2012-10-17", "Statement": [own_grant(account)] }));
}

pub(crate) fn own_grant(account: &Account) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": { "Service": "lambda.amazonaws.com" },
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Condition": { "StringEquals": { "aws:SourceAccount": account.id } },
    })
}

/// Puts an image without anything in it; answers its digest.
pub(crate) fn put_image(account: &Account, repository: &str, note: &str) -> String {
    let config = br#"{"architecture":"amd64","os":"linux"}"#;
    let config_digest = digest(config);
    let asked = json!({ "repositoryName": repository, "layerDigests": [config_digest] });
    let known = account.ecr("BatchCheckLayerAvailability", asked);
    if known["layers"][0]["layerAvailability"] != "AVAILABLE" {
        account.put_blob(repository, config);
    }
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config_digest, "size": config.len() },
        // Nobody unpacks it.
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": config_digest, "size": config.len() }],
        "annotations": { "note": note },
    });
    put_manifest(account, repository, note, &manifest)
}

/// Puts a manifest under a tag; answers its digest.
pub(crate) fn put_manifest(account: &Account, repository: &str, tag: &str, manifest: &Value) -> String {
    let text = manifest.to_string();
    let input = json!({
        "repositoryName": repository, "imageManifest": text, "imageTag": tag,
        "imageManifestMediaType": manifest["mediaType"],
    });
    account.ecr("PutImage", input);
    digest(text.as_bytes())
}

/// Puts an index of these; answers its digest.
pub(crate) fn put_index(account: &Account, repository: &str, tag: &str, listed: &[&str]) -> String {
    let entry = |digest: &&str| json!({ "mediaType": MANIFEST, "digest": digest, "size": 1 });
    let entries: Vec<Value> = listed.iter().map(entry).collect();
    put_manifest(
        account,
        repository,
        tag,
        &json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": entries }),
    )
}

fn uri(account: &Account, repository: &str, digest: &str) -> String {
    format!("{}.dkr.ecr.{REGION}.amazonaws.com/{repository}@{digest}", account.id)
}

/// Creates a function that runs this image.
pub(crate) fn create_function(account: &Account, name: &str, repository: &str, digest: &str) {
    let code = json!({ "ImageUri": uri(account, repository, digest) });
    account.lambda(
        "POST",
        "",
        json!({ "FunctionName": name, "PackageType": "Image", "Role": account.role(), "Code": code }),
    );
    account.settled_function(name);
}

/// Updates a function to this image.
pub(crate) fn update_function(account: &Account, name: &str, repository: &str, digest: &str) {
    account.lambda("PUT", &format!("/{name}/code"), json!({ "ImageUri": uri(account, repository, digest) }));
    account.settled_function(name);
}

pub(crate) fn publish(account: &Account, name: &str) {
    account.lambda("POST", &format!("/{name}/versions"), json!({}));
}

pub(crate) fn create_alias(account: &Account, name: &str, version: &str) {
    account.lambda("POST", "/hello/aliases", json!({ "Name": name, "FunctionVersion": version }));
}

/// The function `hello` with versions 1 to `versions`, each with an image of its own in the repository `hello`; the alias `live` at
/// the last one. Answers the digests, that of version 1 first.
pub(crate) fn hello(account: &Account, versions: usize) -> Vec<String> {
    create_repository(account, "hello");
    let digests: Vec<String> =
        (1..=versions).map(|number| put_image(account, "hello", &format!("v{number}"))).collect();
    for (number, digest) in digests.iter().enumerate() {
        match number {
            0 => create_function(account, "hello", "hello", digest),
            _ => update_function(account, "hello", "hello", digest),
        }
        publish(account, "hello");
    }
    create_alias(account, "live", &versions.to_string());
    account.stand.clear_calls();
    digests
}

/// `prune` of the function and the repository `hello`, of images of any age.
pub(crate) const PRUNE: [&str; 7] =
    ["prune", "--function", "hello", "--repository", "hello", "--min-age", "0"];

pub(crate) fn prune(account: &Account, more: &[&str]) -> Run {
    let run = account.run(&[&PRUNE[..], more].concat());
    assert_only_versions_deleted(account);
    run
}

/// Holds that no call on the wire would have deleted the function as a whole.
pub(crate) fn assert_only_versions_deleted(account: &Account) {
    let deletions = account.calls().into_iter().filter(|call| call.operation == "DeleteFunction");
    let is_version = |qualifier: &String| qualifier.parse::<u64>().is_ok();
    for call in deletions {
        assert!(call.qualifier.as_ref().is_some_and(is_version), "{call:?}");
    }
}

/// The published versions of `hello`. That the function answers shows that it was never deleted as a whole.
pub(crate) fn versions(account: &Account) -> Vec<String> {
    let listed = account.lambda("GET", "/hello/versions", Value::Null);
    let versions = listed["Versions"].as_array().unwrap().iter();
    let text = |version: &Value| version["Version"].as_str().unwrap().to_owned();
    versions.map(text).filter(|version| version != "$LATEST").collect()
}

/// The digests in a repository, sorted.
pub(crate) fn images(account: &Account, repository: &str) -> Vec<String> {
    let mut digests: Vec<String> =
        account.image_ids(repository).into_iter().map(|(digest, _)| digest).collect();
    digests.sort();
    digests.dedup();
    digests
}

/// These digests, sorted.
pub(crate) fn sorted(digests: &[&String]) -> Vec<String> {
    let mut digests: Vec<String> = digests.iter().map(|digest| (*digest).clone()).collect();
    digests.sort();
    digests
}

/// What a document says of a version: `action reason`.
pub(crate) fn of_version(document: &Value, version: &str) -> String {
    said(&document["prune"]["versions"], "version", version)
}

/// What a document says of an image: `action reason`.
pub(crate) fn of_image(document: &Value, digest: &str) -> String {
    said(&document["prune"]["images"], "digest", digest)
}

fn said(list: &Value, key: &str, wanted: &str) -> String {
    let found = list.as_array().unwrap().iter().find(|one| one[key] == wanted);
    let one = found.unwrap_or_else(|| panic!("{wanted} is not in {list:#}"));
    assert!(!one["detail"].as_str().unwrap().is_empty());
    let done = if one["deleted"] == true { " deleted" } else { "" };
    format!("{} {}{done}", one["action"].as_str().unwrap(), one["reason"].as_str().unwrap())
}
