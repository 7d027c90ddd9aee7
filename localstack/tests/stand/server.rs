//! Starting, keeping state, stopping; the binary.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use lambda_lift_localstack::{Settings, Stand, StartError};
use reqwest::Method;
use serde_json::json;

use crate::client::{Scene, digest};

#[tokio::test]
async fn state_is_kept_between_runs_and_used_by_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let settings = || Settings { state: Some(folder.path().to_owned()), ..Settings::default() };
    let scene = Scene::with(settings()).await;
    scene.create("app").await;
    scene.registry("app").await.image("v1", b"layer").await;
    assert!(matches!(Stand::start(settings()).await, Err(StartError::InUse { .. })));
    scene.stand.shutdown().await;
    let scene = Scene::with(settings()).await;
    let registry = scene.registry("app").await;
    assert_eq!(registry.send(Method::HEAD, "manifests/v1").await.status(), 200);
    let image = scene.stand.images().find("123456789012", "eu-west-1", "app", "v1").unwrap();
    assert_eq!(image.digest, digest(&image.manifest));
    let (_, deleted) = scene.ecr("DeleteRepository", json!({ "repositoryName": "app", "force": true })).await;
    assert_eq!(deleted["repository"]["repositoryName"], "app");
    let left: Vec<_> = walk(&folder.path().join("blobs"));
    assert!(left.is_empty(), "blobs that nobody has go: {left:?}");
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn a_taken_port_and_a_wrong_account_are_named() {
    let stand = Stand::start(Settings::default()).await.unwrap();
    let taken = Stand::start(Settings { port: stand.port(), ..Settings::default() }).await;
    assert!(matches!(taken, Err(StartError::Listen { port, .. }) if port == stand.port()));
    let wrong = Stand::start(Settings { default_account: "me".into(), ..Settings::default() }).await;
    assert!(matches!(wrong, Err(StartError::Account { .. })));
}

#[tokio::test]
async fn the_binary_prints_its_url_and_ends_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let faults = folder.path().join("faults.json");
    std::fs::write(&faults, r#"[{"operation": "DescribeRepositories", "effect": "throttle"}]"#).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_lambda-lift-localstack"))
        .args([
            "--state",
            &folder.path().join("state").to_string_lossy(),
            "--faults",
            &faults.to_string_lossy(),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let url = url.trim();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let health = http.get(format!("{url}/_stand/health")).send().await.unwrap();
    assert_eq!(health.text().await.unwrap(), r#"{"status":"ok"}"#);
    let rules = http.get(format!("{url}/_stand/faults")).send().await.unwrap().text().await.unwrap();
    assert!(rules.contains("throttle"), "{rules}");
    let killed = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_binary_says_what_is_wrong_with_its_files() {
    let output = Command::new(env!("CARGO_BIN_EXE_lambda-lift-localstack"))
        .args(["--faults", "/no/such/file"])
        .output()
        .unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("/no/such/file"));
}
