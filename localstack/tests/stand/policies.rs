//! Repository policies, and what they mean for callers of other accounts.

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{ACCOUNT, OTHER, REGION, Scene, error};

fn policy(statement: Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

fn set(text: &str) -> Value {
    json!({ "repositoryName": "app", "policyText": text })
}

#[tokio::test]
async fn a_policy_is_set_read_back_and_deleted() {
    let scene = Scene::open().await;
    scene.create("app").await;
    let text = policy(
        json!({ "Sid": "a", "Effect": "Allow", "Principal": { "AWS": OTHER }, "Action": "ecr:BatchGetImage" }),
    );
    let (status, answer) = scene.ecr("SetRepositoryPolicy", set(&text)).await;
    assert_eq!(status, 200, "{answer}");
    let (_, read) = scene.ecr("GetRepositoryPolicy", json!({ "repositoryName": "app" })).await;
    let read = read["policyText"].as_str().unwrap();
    assert!(read.starts_with("{\n  \"Version\" : \"2012-10-17\""), "{read}");
    assert!(read.contains("arn:aws:iam::111122223333:root"), "{read}");
    assert_eq!(scene.ecr("DeleteRepositoryPolicy", json!({ "repositoryName": "app" })).await.0, 200);
    let gone = scene.ecr_error("DeleteRepositoryPolicy", json!({ "repositoryName": "app" })).await;
    assert_eq!(gone.0, "RepositoryPolicyNotFoundException");
}

#[tokio::test]
async fn a_resource_element_is_refused_with_the_text_of_aws() {
    let scene = Scene::open().await;
    scene.create("app").await;
    let text = policy(json!({ "Effect": "Allow", "Principal": "*", "Action": "ecr:*", "Resource": "*" }));
    let (exception, message) = scene.ecr_error("SetRepositoryPolicy", set(&text)).await;
    assert_eq!(exception, "InvalidParameterException");
    let expected = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'";
    assert_eq!(message, expected);
}

#[tokio::test]
async fn a_policy_that_locks_its_author_out_wants_force() {
    let scene = Scene::open().await;
    scene.create("app").await;
    let text = policy(json!({ "Effect": "Deny", "Principal": "*", "Action": "ecr:SetRepositoryPolicy" }));
    assert_eq!(scene.ecr_error("SetRepositoryPolicy", set(&text)).await.0, "InvalidParameterException");
    let forced = json!({ "repositoryName": "app", "policyText": text, "force": true });
    assert_eq!(scene.ecr("SetRepositoryPolicy", forced).await.0, 200);
    let (exception, message) = scene.ecr_error("SetRepositoryPolicy", set(&text)).await;
    assert_eq!(exception, "AccessDeniedException");
    assert!(
        message.contains(
            "is not authorized to perform: ecr:SetRepositoryPolicy on resource: arn:aws:ecr:eu-west-1:"
        ),
        "{message}"
    );
}

#[tokio::test]
async fn another_account_gets_what_the_policy_grants_and_no_more() {
    let (scene, registry) = Scene::with_repository().await;
    registry.image("v1", b"layer").await;
    let actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
    let text = policy(
        json!({ "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{OTHER}:root") }, "Action": actions }),
    );
    let foreign =
        json!({ "registryId": ACCOUNT, "repositoryName": "app", "imageIds": [{ "imageTag": "v1" }] });
    let (status, refused) = scene.ecr_as(OTHER, REGION, "BatchGetImage", foreign.clone()).await;
    assert_eq!((status, &refused["__type"]), (400, &json!("AccessDeniedException")));
    scene.ecr("SetRepositoryPolicy", set(&text)).await;
    assert_eq!(scene.ecr_as(OTHER, REGION, "BatchGetImage", foreign.clone()).await.0, 200);
    assert_eq!(scene.ecr_as(OTHER, REGION, "GetRepositoryPolicy", foreign).await.0, 400);
    // The same over the registry: a token of the other account, asked for this account's registry.
    let password = scene.password(OTHER, json!({ "registryIds": [ACCOUNT] })).await;
    let visitor = crate::client::Registry { password, ..registry };
    assert_eq!(visitor.send(Method::GET, "manifests/v1").await.status(), 200);
    // A loopback address names no registry: the only one that has the repository is meant.
    let password = scene.password(OTHER, json!({})).await;
    let visitor = crate::client::Registry { password, ..visitor };
    assert_eq!(visitor.send(Method::GET, "manifests/v1").await.status(), 200);
    let (status, code, message) = error(visitor.send(Method::POST, "blobs/uploads/").await).await;
    assert_eq!((status, code.as_str()), (403, "DENIED"));
    assert!(message.contains("is not authorized to perform: ecr:InitiateLayerUpload"), "{message}");
}
