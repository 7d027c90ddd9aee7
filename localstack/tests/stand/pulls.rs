//! Reading from the registry: tokens, manifests, blobs behind a redirect.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_lift_localstack::Settings;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{DOCKER_MANIFEST, OCI_MANIFEST, OTHER, REGION, Scene, digest, error, header};

#[tokio::test]
async fn without_a_token_the_registry_challenges() {
    let scene = Scene::open().await;
    let response = scene.http.get(format!("{}/v2/", scene.stand.url())).send().await.unwrap();
    assert_eq!(response.status(), 401);
    let expected = format!("Basic realm=\"{}/\",service=\"ecr.amazonaws.com\"", scene.stand.url());
    assert_eq!(header(&response, "www-authenticate"), expected);
    let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    let named =
        scene.http.get(format!("{}/v2/", scene.stand.url())).header("host", host).send().await.unwrap();
    let expected = format!("Basic realm=\"https://{host}/\",service=\"ecr.amazonaws.com\"");
    assert_eq!(header(&named, "www-authenticate"), expected);
    let mut registry = scene.registry("app").await;
    registry.password.push('x');
    assert_eq!(registry.send(Method::GET, "manifests/v1").await.status(), 401);
}

#[tokio::test]
async fn a_token_is_bound_to_its_region_and_ends() {
    let settings = Settings { token_lifetime: Duration::ZERO, ..Settings::default() };
    let scene = Scene::with(settings).await;
    let registry = scene.registry("app").await;
    let (status, code, message) = error(registry.send(Method::GET, "manifests/v1").await).await;
    assert_eq!((status, code.as_str()), (403, "DENIED"));
    assert_eq!(message, "Your authorization token has expired. Reauthenticate and try again.");
    let (scene, mut registry) = Scene::with_repository().await;
    registry.image("v1", b"layer").await;
    for (host, status) in [
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", 200),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com", 403),
        ("111122223333.dkr.ecr.eu-west-1.amazonaws.com", 403),
        ("localhost", 200),
    ] {
        registry.host = Some(host.to_owned());
        assert_eq!(registry.send(Method::GET, "manifests/v1").await.status(), status, "{host}");
    }
    drop(scene);
}

#[tokio::test]
async fn a_tokens_end_may_be_reported_wrong() {
    let settings = Settings { reported_expiry: Some(SystemTime::UNIX_EPOCH), ..Settings::default() };
    let scene = Scene::with(settings).await;
    let (_, answer) = scene.ecr("GetAuthorizationToken", json!({})).await;
    let data = &answer["authorizationData"][0];
    assert_eq!(data["expiresAt"].as_f64(), Some(0.0));
    assert_eq!(data["proxyEndpoint"], "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com");
    assert!(STANDARD.decode(data["authorizationToken"].as_str().unwrap()).unwrap().starts_with(b"AWS:"));
    let registry = scene.registry("none").await;
    assert_eq!(
        registry.send(Method::GET, "manifests/v1").await.status(),
        404,
        "the token works all the same"
    );
}

#[tokio::test]
async fn head_tells_the_digest_of_a_manifest_and_get_does_not() {
    let (_scene, registry) = Scene::with_repository().await;
    let text = registry.image("v1", b"layer").await;
    let head = registry.send(Method::HEAD, "manifests/v1").await;
    assert_eq!(header(&head, "docker-content-digest"), digest(text.as_bytes()));
    assert_eq!(header(&head, "content-length"), text.len().to_string());
    let get = registry.send(Method::GET, "manifests/v1").await;
    assert!(!get.headers().contains_key("docker-content-digest"));
    assert_eq!(header(&get, "content-type"), OCI_MANIFEST);
    assert_eq!(get.text().await.unwrap(), text);
    let (status, code, message) = error(registry.send(Method::GET, "manifests/v2").await).await;
    assert_eq!(
        (status, code.as_str(), message.as_str()),
        (404, "MANIFEST_UNKNOWN", "Requested image not found")
    );
    assert_eq!(registry.send(Method::GET, "manifests/sha256:0").await.status(), 400);
}

#[tokio::test]
async fn a_pull_by_tag_converts_for_those_who_do_not_take_the_stored_type() {
    let (_scene, registry) = Scene::with_repository().await;
    let text = registry.image("v1", b"layer").await;
    let pull = |reference: String| {
        registry
            .request(Method::GET, &format!("manifests/{reference}"))
            .header("accept", DOCKER_MANIFEST)
            .send()
    };
    let converted = pull("v1".into()).await.unwrap();
    assert_eq!(header(&converted, "content-type"), DOCKER_MANIFEST);
    let stored = pull(digest(text.as_bytes())).await.unwrap();
    assert_eq!(stored.text().await.unwrap(), text, "never by digest");
}

#[tokio::test]
async fn blobs_are_behind_a_signed_address_that_takes_no_credentials() {
    let (scene, registry) = Scene::with_repository().await;
    let layer = registry.blob(b"0123456789").await;
    let redirect = registry.send(Method::GET, &format!("blobs/{layer}")).await;
    assert_eq!(redirect.status(), 307);
    let location = header(&redirect, "location");
    assert!(location.starts_with("http://localhost:"), "another host, as S3 is: {location}");
    let location = location.replace("localhost", "127.0.0.1");
    let fetch = || scene.http.get(&location);
    assert_eq!(fetch().send().await.unwrap().bytes().await.unwrap(), "0123456789");
    let part = fetch().header("range", "bytes=2-4").send().await.unwrap();
    assert_eq!((part.status().as_u16(), header(&part, "content-range").as_str()), (206, "bytes 2-4/10"));
    assert_eq!(part.bytes().await.unwrap(), "234");
    let leaked = fetch().basic_auth("AWS", Some("secret")).send().await.unwrap();
    assert_eq!(leaked.status(), 400);
    assert!(leaked.text().await.unwrap().contains("Only one auth mechanism allowed"));
    let forged = location.replace("X-Amz-Signature=", "X-Amz-Signature=0");
    assert_eq!(scene.http.get(&forged).send().await.unwrap().status(), 403);
    let ask = json!({ "repositoryName": "app", "layerDigest": layer });
    let (_, answer) = scene.ecr("GetDownloadUrlForLayer", ask).await;
    let direct = scene.http.get(answer["downloadUrl"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(direct.bytes().await.unwrap(), "0123456789");
}

#[tokio::test]
async fn tags_are_listed_in_pages() {
    let (_scene, registry) = Scene::with_repository().await;
    for tag in ["v1", "v2", "v3"] {
        registry.image(tag, b"layer").await;
    }
    let page = registry.send(Method::GET, "tags/list?n=2").await;
    assert_eq!(header(&page, "link"), "</v2/app/tags/list?n=2&last=v2>; rel=\"next\"");
    let body: Value = serde_json::from_slice(&page.bytes().await.unwrap()).unwrap();
    assert_eq!(body, json!({ "name": "app", "tags": ["v1", "v2"] }));
    let rest = registry.send(Method::GET, "tags/list?n=2&last=v2").await;
    assert!(!rest.headers().contains_key("link"));
}

#[tokio::test]
async fn a_token_of_another_account_does_not_open_this_registry() {
    let (scene, mut registry) = Scene::with_repository().await;
    registry.image("v1", b"layer").await;
    registry.password = scene.password(OTHER, json!({})).await;
    let (status, code, _) = error(registry.send(Method::GET, "manifests/v1").await).await;
    assert_eq!(
        (status, code.as_str()),
        (403, "DENIED"),
        "on loopback the only registry that has the repository is meant, and its policy decides"
    );
    registry.host = Some(format!("123456789012.dkr.ecr.{REGION}.amazonaws.com"));
    let (status, code, _) = error(registry.send(Method::GET, "manifests/v1").await).await;
    assert_eq!((status, code.as_str()), (403, "DENIED"));
}
