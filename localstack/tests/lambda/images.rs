//! What Lambda thinks of an image and of its repository, when it is asked and when it looks again.

use lambda_lift_localstack::lambda::LambdaSettings;
use lambda_lift_localstack::{Doubt, Images};
use serde_json::{Value, json};

use crate::bench::{
    ACCOUNT, Bench, DOCKER_MANIFEST, OCI_MANIFEST, OPEN_POLICY, OTHER, REGION, digest, manifest, merged, uri,
};

const INVALID: &str = "InvalidParameterValueException";
const NO_ACCESS: &str = "Lambda does not have permission to access the ECR image. Check the ECR permissions.";

#[test]
fn an_image_that_is_not_there_or_not_named_well_is_refused_at_once() {
    let bench = Bench::new().ready();
    let host = format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com");
    let invalid = "is not valid. Provide a valid source image.";
    let absent = "does not exist. Provide a valid source image.";
    for (image, part) in [
        (format!("{host}/app:v9"), absent),
        (format!("{host}/app@{}", digest("v9")), absent),
        (format!("{host}/nothing:v1"), absent),
        (format!("{OTHER}.dkr.ecr.{REGION}.amazonaws.com/app:v1"), absent),
        (format!("{host}/app"), invalid),
        (format!("{host}/app:v1@{}", digest("v1")), invalid),
        (format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/app:v1"), invalid),
        (format!("{ACCOUNT}.dkr.ecr-fips.{REGION}.amazonaws.com/app:v1"), invalid),
        ("public.ecr.aws/lambda/python:3.13".to_owned(), invalid),
    ] {
        let text = format!("Source image {image} {part}");
        bench
            .create(json!({"FunctionName": "new", "Code": {"ImageUri": image}}))
            .refused(400, INVALID, &text);
        bench.update_code(json!({"ImageUri": image})).refused(400, INVALID, &text);
    }
    let by_digest = uri(ACCOUNT, "app", &digest("v2"));
    bench.update_code(json!({"ImageUri": by_digest})).expect(200);
}

#[test]
fn only_manifests_of_one_image_are_supported() {
    let layer = |kind: &str| json!({"layers": [{"mediaType": kind}]});
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
                       "manifests": [{"mediaType": OCI_MANIFEST, "platform": {"os": "linux", "architecture": "amd64"}}]});
    let attestation = merged(manifest(), layer("application/vnd.in-toto+json"));
    for (name, kind, body, supported) in [
        ("oci", OCI_MANIFEST, manifest(), true),
        ("without-type", OCI_MANIFEST, merged(manifest(), json!({"mediaType": null})), true),
        (
            "uncompressed",
            OCI_MANIFEST,
            merged(manifest(), layer("application/vnd.oci.image.layer.v1.tar")),
            true,
        ),
        ("index", "application/vnd.oci.image.index.v1+json", index.clone(), false),
        ("list", "application/vnd.docker.distribution.manifest.list.v2+json", index.clone(), false),
        ("disguised", OCI_MANIFEST, index, false),
        ("attestation", OCI_MANIFEST, attestation, false),
        (
            "helm",
            OCI_MANIFEST,
            merged(manifest(), json!({"config": {"mediaType": "application/vnd.cncf.helm.config.v1+json"}})),
            false,
        ),
        (
            "zstd",
            OCI_MANIFEST,
            merged(manifest(), layer("application/vnd.oci.image.layer.v1.tar+zstd")),
            false,
        ),
        (
            "foreign",
            DOCKER_MANIFEST,
            merged(manifest(), layer("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")),
            false,
        ),
        (
            "encrypted",
            OCI_MANIFEST,
            merged(manifest(), layer("application/vnd.oci.image.layer.v1.tar+gzip+encrypted")),
            false,
        ),
        ("no-layers", OCI_MANIFEST, merged(manifest(), json!({"layers": []})), false),
        ("no-json", OCI_MANIFEST, Value::Null, false),
    ] {
        let bench = Bench::new();
        bench.images.put(ACCOUNT, "app", name, kind, &body);
        let image = uri(ACCOUNT, "app", name);
        let reply = bench.create(json!({"Code": {"ImageUri": image}}));
        if supported {
            reply.expect(201);
        } else {
            let text = format!(
                "The image manifest, config or layer media type for the source image {image} is not supported."
            );
            reply.refused(400, INVALID, &text);
        }
    }
}

#[test]
fn zstd_layers_can_be_allowed() {
    let bench = Bench::with(LambdaSettings { zstd_layers: true, ..LambdaSettings::default() });
    let zstd = json!({"layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+zstd"}]});
    bench.images.put(ACCOUNT, "app", "zstd", OCI_MANIFEST, &merged(manifest(), zstd));
    bench.create(json!({"Code": {"ImageUri": uri(ACCOUNT, "app", "zstd")}})).expect(201);
}

#[test]
fn an_uncompressed_docker_layer_fails_later() {
    let bench = Bench::new();
    let body = json!({"config": {"mediaType": "application/vnd.docker.container.image.v1+json"},
                      "layers": [{"mediaType": "application/vnd.docker.image.rootfs.diff.tar", "digest": digest("layer")}]});
    bench.images.put(ACCOUNT, "app", "docker", DOCKER_MANIFEST, &body);
    bench.create(json!({"Code": {"ImageUri": uri(ACCOUNT, "app", "docker")}})).expect(201);
    bench.wait(1000);
    let failed = bench.configuration();
    assert_eq!((failed.text("State"), failed.text("StateReasonCode")), ("Failed", "InvalidImage"));
    let expected = format!(
        "InvalidImage(ImageLayerFailure: UnsupportedImageLayerDetected - Layer Digest {})",
        digest("layer")
    );
    assert!(failed.text("StateReason").contains(&expected), "{failed:?}");
}

#[test]
fn a_missing_policy_really_refuses() {
    let bench = Bench::new().ready();
    bench.images.policy_of(ACCOUNT, "app", None);
    let image = json!({"ImageUri": uri(ACCOUNT, "app", "v2")});
    let refused = bench.update_code(image.clone());
    refused.refused(403, "AccessDeniedException", NO_ACCESS);
    bench.create(json!({"FunctionName": "new"})).refused(403, "AccessDeniedException", NO_ACCESS);
    assert_eq!(bench.configuration().text("LastUpdateStatus"), "Successful", "nothing has begun");
    bench.images.policy_of(ACCOUNT, "app", Some(OPEN_POLICY));
    bench.update_code(image).expect(200);
}

#[test]
fn a_policy_for_another_function_grants_nothing() {
    let bench = Bench::new();
    let policy = |pattern: &str| {
        let mut policy: Value = serde_json::from_str(OPEN_POLICY).unwrap();
        policy["Statement"][0]["Condition"] = json!({"StringLike": {"aws:sourceArn": pattern}});
        policy.to_string()
    };
    bench.images.policy_of(
        ACCOUNT,
        "app",
        Some(&policy("arn:aws:lambda:eu-west-1:123456789012:function:other")),
    );
    bench.create(json!({})).refused(403, "AccessDeniedException", NO_ACCESS);
    bench.images.policy_of(ACCOUNT, "app", Some(&policy("arn:aws:lambda:eu-west-1:123456789012:function:*")));
    bench.create(json!({})).expect(201);
}

#[test]
fn doubt_can_be_told_to_pass() {
    let mut policy: Value = serde_json::from_str(OPEN_POLICY).unwrap();
    policy["Statement"][0]["Condition"] = json!({"StringEquals": {"aws:SourceOrgID": "o-1"}});
    for (doubt, status) in [(Doubt::Refuses, 403), (Doubt::Passes, 201)] {
        let bench = Bench::with(LambdaSettings { doubt, ..LambdaSettings::default() });
        bench.images.policy_of(ACCOUNT, "app", Some(&policy.to_string()));
        bench.create(json!({})).expect(status);
    }
}

#[test]
fn another_accounts_repository_must_let_in_both_sides() {
    let service = json!({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                         "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                         "Condition": {"StringLike": {"aws:sourceARN": "arn:aws:lambda:eu-west-1:123456789012:function:*"}}});
    let caller = json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
                        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]});
    for (statements, status) in
        [(json!([]), 403), (json!([service]), 403), (json!([caller]), 403), (json!([service, caller]), 201)]
    {
        let bench = Bench::new();
        bench.images.put(OTHER, "team/app", "v1", OCI_MANIFEST, &manifest());
        let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        bench.images.policy_of(OTHER, "team/app", Some(&policy));
        let reply = bench.create(json!({"Code": {"ImageUri": uri(OTHER, "team/app", "v1")}})).expect(status);
        if status == 403 {
            reply.refused(403, "AccessDeniedException", NO_ACCESS);
        }
    }
}

#[test]
fn lambda_adds_the_statement_itself_when_it_may() {
    let bench = Bench::with(LambdaSettings { patch_policy: true, ..LambdaSettings::default() });
    let foreign =
        json!({"Sid": "Foreign", "Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "ecr:ListImages"});
    for (before, sids) in [
        (None, vec!["LambdaECRImageRetrievalPolicy"]),
        (Some(json!({"Statement": foreign}).to_string()), vec!["Foreign", "LambdaECRImageRetrievalPolicy"]),
    ] {
        bench.images.policy_of(ACCOUNT, "app", before.as_deref());
        bench.create(json!({})).expect(201);
        bench.delete("/2015-03-31/functions/app").expect(204);
        let policy = bench.images.policy(ACCOUNT, REGION, "app").unwrap().unwrap();
        let policy: Value = serde_json::from_str(&policy).unwrap();
        let statements = policy["Statement"].as_array().unwrap();
        assert_eq!(
            statements.iter().map(|statement| statement["Sid"].as_str().unwrap()).collect::<Vec<_>>(),
            sids
        );
        let ours = statements.last().unwrap();
        assert_eq!(ours["Action"].as_array().unwrap().len(), 5);
        assert_eq!(
            ours["Condition"]["StringLike"]["aws:sourceArn"],
            "arn:aws:lambda:eu-west-1:123456789012:function:*"
        );
    }
    let denied = json!({"Statement": {"Effect": "Deny", "Principal": "*", "Action": "ecr:*"}}).to_string();
    bench.images.policy_of(ACCOUNT, "app", Some(&denied));
    bench.create(json!({})).refused(403, "AccessDeniedException", NO_ACCESS);
}

#[test]
fn what_is_taken_away_meanwhile_fails_the_creation() {
    for (code, text) in [
        ("ImageAccessDenied", "The function does not have permission to access the specified image."),
        ("ImageDeleted", "The function is trying to use a deleted image."),
    ] {
        let bench = Bench::new();
        bench.create(json!({})).expect(201);
        if code == "ImageDeleted" {
            bench.images.delete(ACCOUNT, "app", "v1");
        } else {
            bench.images.policy_of(ACCOUNT, "app", None);
        }
        bench.wait(1000);
        let failed = bench.configuration();
        assert_eq!((failed.text("State"), failed.text("StateReasonCode")), ("Failed", code));
        assert_eq!(failed.text("StateReason"), text);
    }
}

#[test]
fn a_deleted_image_blocks_the_next_configuration_but_not_new_code() {
    let bench = Bench::new().ready();
    bench.images.delete(ACCOUNT, "app", "v1");
    bench.update_configuration(json!({"Timeout": 9})).expect(200);
    bench.wait(1000);
    let failed = bench.configuration();
    assert_eq!((failed.text("State"), failed.text("LastUpdateStatus")), ("Active", "Failed"));
    assert_eq!(failed.text("LastUpdateStatusReasonCode"), "ImageDeleted");
    assert_eq!(failed.text("LastUpdateStatusReason"), "The function is trying to use a deleted image.");
    bench.update_code(json!({"ImageUri": uri(ACCOUNT, "app", "v2")})).expect(200);
    bench.wait(1000);
    assert_eq!(bench.configuration().text("LastUpdateStatus"), "Successful");
}
