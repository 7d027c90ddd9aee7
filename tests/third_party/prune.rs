//! Images that no function runs go, by the word of a Lambda and an ECR that nobody here wrote. Versions are pruned against `localstack/`: moto
//! has no ListProvisionedConcurrencyConfigs.

use lambda_lift_rig::{Boto3, ThirdPartyCloud};
use serde_json::{Value, json};

use crate::account::BINARY;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Puts an image, and answers its digest, which moto makes of its layers.
fn put_image(boto3: &Boto3, tag: &str) -> String {
    let hex: String = tag.bytes().map(|byte| format!("{byte:02x}")).collect();
    let layer = json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "size": 9,
                        "digest": format!("sha256:{hex:0<64}") });
    let config = json!({ "mediaType": "application/vnd.oci.image.config.v1+json", "size": 7, "digest": layer["digest"] });
    put(
        boto3,
        tag,
        &json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer] }),
    )
}

fn put(boto3: &Boto3, tag: &str, manifest: &Value) -> String {
    let answer = boto3.call(
        "ecr",
        "put_image",
        json!({ "repositoryName": "hello", "imageTag": tag, "imageManifest": manifest.to_string(),
                "imageManifestMediaType": manifest["mediaType"] }),
    );
    answer["image"]["imageId"]["imageDigest"].as_str().unwrap().to_owned()
}

/// The tags that are left, sorted.
fn tags(boto3: &Boto3) -> Vec<String> {
    let listed = boto3.call("ecr", "list_images", json!({ "repositoryName": "hello" }));
    let ids = listed["imageIds"].as_array().unwrap().iter();
    let mut tags: Vec<String> = ids.map(|id| id["imageTag"].as_str().unwrap_or("-").to_owned()).collect();
    tags.sort();
    tags
}

#[test]
fn images_go_that_no_version_of_any_function_runs() {
    // Strict: it knows the digest of a function's image, as AWS does.
    let cloud = ThirdPartyCloud::start_strict_about_images();
    let boto3 = cloud.boto3();
    let role = boto3.create_role("hello");
    boto3.call("ecr", "create_repository", json!({ "repositoryName": "hello" }));
    let digests = ["published", "latest", "listed"].map(|tag| put_image(&boto3, tag));
    for tag in ["old", "older"] {
        put_image(&boto3, tag);
    }
    let listed = json!({ "mediaType": MANIFEST, "digest": digests[2], "size": 1 });
    let running = json!({ "mediaType": MANIFEST, "digest": digests[1], "size": 1 });
    let index_type = "application/vnd.oci.image.index.v1+json";
    put(
        &boto3,
        "index",
        &json!({ "schemaVersion": 2, "mediaType": index_type, "manifests": [listed, running] }),
    );
    let uri = |digest: &String| format!("{}@{digest}", cloud.repository_uri("hello"));
    let function = json!({ "FunctionName": "hello", "PackageType": "Image", "Role": role,
                           "Code": { "ImageUri": uri(&digests[0]) }, "Publish": true });
    boto3.call("lambda", "create_function", function);
    let update = json!({ "FunctionName": "hello", "ImageUri": uri(&digests[1]) });
    boto3.call("lambda", "update_function_code", update);

    let lambda_lift = cloud.lambda_lift(BINARY);
    let arguments = ["prune", "--repository", "hello", "--min-age", "0"];
    let before = cloud.mark();
    let run = lambda_lift.run(&arguments);
    assert_eq!(run.expect(0)["outcome"], "planned");
    assert_eq!(cloud.writes_since(before), Vec::<String>::new());
    let run = lambda_lift.run(&[&arguments[..], &["--yes"]].concat());
    assert_eq!(run.expect(0)["outcome"], "pruned", "{:#}", run.document);
    assert_eq!(tags(&boto3), ["index", "latest", "listed", "published"]);
    assert_eq!(cloud.writes_since(before).len(), 1);
    let before = cloud.mark();
    let run = lambda_lift.run(&[&arguments[..], &["--yes"]].concat());
    assert_eq!(run.expect(0)["outcome"], "unchanged");
    assert_eq!(cloud.writes_since(before), Vec::<String>::new());
}
