//! Rates, requests at a time, quotas, and tokens that end in the middle.

use std::collections::BTreeMap;

use lambda_lift_localstack::{RegistryLimits, Settings};
use reqwest::Method;
use serde_json::json;

use crate::client::{Registry, Scene, digest, error, header};

async fn limited(limits: RegistryLimits) -> (Scene, Registry) {
    let scene = Scene::with(Settings { registry_limits: limits, ..Settings::default() }).await;
    scene.create("app").await;
    let registry = scene.registry("app").await;
    (scene, registry)
}

fn one_a_second(operation: &str) -> BTreeMap<String, u32> {
    BTreeMap::from([(operation.to_owned(), 1)])
}

#[tokio::test]
async fn beyond_its_rate_an_operation_gets_429() {
    for retry_after in [None, Some(3)] {
        let rates = one_a_second("InitiateLayerUpload");
        let limits = RegistryLimits { rates, retry_after, ..RegistryLimits::default() };
        let (scene, registry) = limited(limits).await;
        registry.open().await;
        // A mount opens an upload too, and the control plane's calls count as the registry's do.
        let mount = format!("blobs/uploads/?mount={}&from=other", digest(b"x"));
        let refused = registry.send(Method::POST, &mount).await;
        let waits = refused.headers().contains_key("retry-after").then(|| header(&refused, "retry-after"));
        assert_eq!(waits, retry_after.map(|seconds| seconds.to_string()));
        let (status, code, message) = error(refused).await;
        assert_eq!((status, code.as_str(), message.as_str()), (429, "TOOMANYREQUESTS", "Rate exceeded"));
        let refused = scene.ecr_error("InitiateLayerUpload", json!({ "repositoryName": "app" })).await;
        assert_eq!(refused.0, "ThrottlingException");
        assert_eq!(registry.send(Method::GET, "tags/list").await.status(), 200, "others go on");
    }
}

#[tokio::test]
async fn more_requests_than_are_worked_on_at_a_time_get_429() {
    let (_scene, registry) =
        limited(RegistryLimits { concurrent: Some(1), ..RegistryLimits::default() }).await;
    let location = registry.open().await;
    let (sender, body) = crate::client::slow_body();
    let busy = registry.clone();
    let first = tokio::spawn(async move { busy.request(Method::PATCH, &location).body(body).send().await });
    sender.send("first".into()).await.unwrap();
    // The part is on its way: sooner or later the only place is taken.
    while registry.send(Method::GET, "tags/list").await.status() != 429 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    drop(sender);
    assert_eq!(first.await.unwrap().unwrap().status(), 201);
    assert_eq!(registry.send(Method::GET, "tags/list").await.status(), 200);
}

#[tokio::test]
async fn a_layer_has_so_many_parts_and_bytes_and_no_more() {
    let (_scene, registry) =
        limited(RegistryLimits { parts: 2, layer_bytes: 10, ..RegistryLimits::default() }).await;
    let location = registry.open().await;
    for _ in 0..2 {
        assert_eq!(registry.part(&location, None, b"one".to_vec()).await.status(), 201);
    }
    let (status, _, message) = error(registry.part(&location, None, b"two".to_vec()).await).await;
    assert_eq!((status, message.as_str()), (400, "A layer may have at most 2 parts"));
    let location = registry.open().await;
    let (status, code, _) = error(registry.part(&location, None, vec![0; 11]).await).await;
    assert_eq!((status, code.as_str()), (400, "SIZE_INVALID"));
}

#[tokio::test]
async fn a_token_may_be_good_for_so_many_requests() {
    let scene = Scene::with(Settings { token_uses: Some(2), ..Settings::default() }).await;
    scene.create("app").await;
    let mut registry = scene.registry("app").await;
    let location = registry.open().await;
    assert_eq!(registry.part(&location, None, b"part".to_vec()).await.status(), 201);
    let (status, code, message) = error(registry.part(&location, None, b"more".to_vec()).await).await;
    assert_eq!((status, code.as_str()), (403, "DENIED"));
    assert!(message.contains("authorization token has expired"), "{message}");
    registry.password = scene.registry("app").await.password;
    // The upload does not end with the token that opened it.
    let finished = registry.finish(&location, &digest(b"part"), Vec::new()).await;
    assert_eq!(finished.status(), 201);
}
