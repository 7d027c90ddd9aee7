//! The log of calls.

use lambda_lift_localstack::Settings;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Scene, digest};

#[tokio::test]
async fn calls_are_logged_in_order_with_bytes_and_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("calls.jsonl");
    let scene = Scene::with(Settings { log: Some(log.clone()), ..Settings::default() }).await;
    scene.create("app").await;
    let registry = scene.registry("app").await;
    let text = registry.image("v1", b"layer").await;
    registry.send(Method::HEAD, &format!("blobs/{}", digest(b"layer"))).await;
    let expected = [
        "CreateRepository",
        "GetAuthorizationToken",
        "StartUpload",
        "FinishUpload",
        "StartUpload",
        "FinishUpload",
        "PutManifest",
        "HeadBlob",
    ];
    assert_eq!(scene.operations(), expected);
    let calls = scene.stand.calls();
    assert_eq!((calls[0].service.as_str(), calls[0].resource.as_deref()), ("ecr", Some("app")));
    assert_eq!(calls[5].request_bytes, 5);
    assert_eq!((calls[6].status, calls[6].request_bytes), (Some(201), text.len() as u64));
    assert_eq!((calls[7].account.as_str(), calls[7].region.as_str()), ("123456789012", "eu-west-1"));
    let over_http = scene.http.get(format!("{}/_stand/calls", scene.stand.url())).send().await.unwrap();
    let over_http: Value = serde_json::from_slice(&over_http.bytes().await.unwrap()).unwrap();
    assert_eq!(over_http, json!(calls));
    scene.http.delete(format!("{}/_stand/calls", scene.stand.url())).send().await.unwrap();
    assert!(scene.stand.calls().is_empty());
    scene.stand.shutdown().await;
    let lines = std::fs::read_to_string(log).unwrap();
    assert_eq!(lines.lines().count(), expected.len());
    assert!(!lines.contains(&registry.password) && !lines.contains("digest="), "{lines}");
}
