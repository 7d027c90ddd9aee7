//! Uploading blobs to the registry, with ECR's departures from the OCI spec.

use lambda_lift_localstack::{Effect, FaultRule, Quirks, Settings, UploadLocation};
use reqwest::Method;
use serde_json::json;

use crate::client::{
    DOCKER_MANIFEST, OCI_MANIFEST, Registry, Scene, digest, error, header, manifest, slow_body,
};

const PART: usize = 5 * 1024 * 1024;

#[tokio::test]
async fn parts_answer_201_with_a_range_that_stays_at_the_first_part() {
    let (_scene, registry) = Scene::with_repository().await;
    let bytes: Vec<u8> = (0..PART * 2 + 3).map(|index| index as u8).collect();
    let location = registry.open().await;
    for (from, to) in [(0, PART), (PART, PART * 2)] {
        let range = format!("{from}-{}", to - 1);
        let response = registry.part(&location, Some(&range), bytes[from..to].to_vec()).await;
        assert_eq!(response.status(), 201);
        assert_eq!(header(&response, "range"), format!("0-{}", PART - 1));
    }
    let response = registry.finish(&location, &digest(&bytes), bytes[PART * 2..].to_vec()).await;
    assert_eq!(response.status(), 201, "the final PUT may carry the last part");
    let head = registry.send(Method::HEAD, &format!("blobs/{}", digest(&bytes))).await;
    assert_eq!(head.status(), 200);
    assert_eq!(header(&head, "content-length"), bytes.len().to_string());
    assert_eq!(header(&head, "docker-content-digest"), digest(&bytes));
}

#[tokio::test]
async fn a_small_part_that_is_not_the_last_spoils_the_upload() {
    let (_scene, registry) = Scene::with_repository().await;
    let location = registry.open().await;
    assert_eq!(registry.part(&location, None, b"small".to_vec()).await.status(), 201);
    assert_eq!(registry.part(&location, None, b"last".to_vec()).await.status(), 201);
    let (status, _, message) =
        error(registry.finish(&location, &digest(b"smalllast"), Vec::new()).await).await;
    assert_eq!(
        (status, message.as_str()),
        (400, "All layer parts except the last part should be at least 5MB")
    );
    let again = error(registry.finish(&location, &digest(b"smalllast"), Vec::new()).await).await;
    assert_eq!((again.0, again.1.as_str()), (404, "BLOB_UPLOAD_UNKNOWN"));
}

#[tokio::test]
async fn a_part_from_the_wrong_place_gets_416() {
    let (_scene, registry) = Scene::with_repository().await;
    let location = registry.open().await;
    registry.part(&location, Some("0-4"), b"hello".to_vec()).await;
    for (range, text) in [
        ("0-4", "First byte of the layer part is 0 instead of 5"),
        ("9-13", "First byte of the layer part is 9 instead of 5"),
    ] {
        let (status, _, message) =
            error(registry.part(&location, Some(range), b"hello".to_vec()).await).await;
        assert_eq!((status, message.as_str()), (416, text));
    }
    assert_eq!(registry.part(&location, Some("nonsense"), Vec::new()).await.status(), 405);
    assert_eq!(registry.send(Method::GET, &location).await.status(), 404, "the status is not told");
    assert_eq!(registry.send(Method::DELETE, &location).await.status(), 204);
    assert_eq!(registry.send(Method::DELETE, &location).await.status(), 404);
}

#[tokio::test]
async fn blobs_may_come_in_one_request_and_must_be_what_they_say() {
    let (_scene, registry) = Scene::with_repository().await;
    let target = format!("blobs/uploads/?digest={}", digest(b"whole"));
    let whole = registry.request(Method::POST, &target).body("whole").send().await.unwrap();
    assert_eq!(whole.status(), 201);
    assert_eq!(registry.send(Method::HEAD, &format!("blobs/{}", digest(b"whole"))).await.status(), 200);
    let location = registry.open().await;
    let (status, code, _) = error(registry.finish(&location, &digest(b"one"), b"other".to_vec()).await).await;
    assert_eq!((status, code.as_str()), (400, "DIGEST_INVALID"));
    let location = registry.open().await;
    assert_eq!(registry.finish(&location, "sha256:short", b"x".to_vec()).await.status(), 400);
    let missing = registry.send(Method::HEAD, &format!("blobs/{}", digest(b"one"))).await;
    assert_eq!(missing.status(), 404);
}

#[tokio::test]
async fn a_manifest_wants_its_blobs_and_answers_without_a_location() {
    let (_scene, registry) = Scene::with_repository().await;
    let config = registry.blob(b"{}").await;
    let text = manifest(&config, &digest(b"layer"), 5);
    let (status, code, message) = error(registry.put_manifest("v1", OCI_MANIFEST, &text).await).await;
    assert_eq!((status, code.as_str()), (404, "BLOB_UNKNOWN"));
    assert!(
        message.starts_with(&format!("Layers with digests '[{}]' required", digest(b"layer"))),
        "{message}"
    );
    registry.blob(b"layer").await;
    let wrong_type = error(registry.put_manifest("v1", DOCKER_MANIFEST, &text).await).await;
    assert_eq!((wrong_type.0, wrong_type.1.as_str()), (405, "UNSUPPORTED"));
    let plus = error(registry.put_manifest("1.0+2", OCI_MANIFEST, &text).await).await;
    assert_eq!(plus.0, 400);
    let wrong = error(registry.put_manifest(&digest(b"x"), OCI_MANIFEST, &text).await).await;
    assert_eq!((wrong.0, wrong.1.as_str()), (400, "MANIFEST_INVALID"));
    let large = " ".repeat(4_194_305);
    assert_eq!(registry.put_manifest("v1", OCI_MANIFEST, &large).await.status(), 405);
    let put = registry.put_manifest("v1", OCI_MANIFEST, &text).await;
    assert_eq!(put.status(), 201);
    assert_eq!(header(&put, "docker-content-digest"), digest(text.as_bytes()));
    assert!(!put.headers().contains_key("location"));
    let by_digest = registry.put_manifest(&digest(text.as_bytes()), OCI_MANIFEST, &text).await;
    assert_eq!(by_digest.status(), 201);
}

#[tokio::test]
async fn an_index_wants_its_images() {
    let (_scene, registry) = Scene::with_repository().await;
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index = |digest: &str| {
        json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": [{ "digest": digest }] })
            .to_string()
    };
    let missing = error(registry.put_manifest("all", media_type, &index(&digest(b"x"))).await).await;
    assert_eq!((missing.0, missing.1.as_str()), (400, "MANIFEST_BLOB_UNKNOWN"));
    let image = registry.image("v1", b"layer").await;
    let put = registry.put_manifest("all", media_type, &index(&digest(image.as_bytes()))).await;
    assert_eq!(put.status(), 201);
}

#[tokio::test]
async fn an_immutable_tag_is_refused_even_for_the_same_digest() {
    let (scene, registry) = Scene::with_repository().await;
    let text = registry.image("v1", b"layer").await;
    assert_eq!(registry.put_manifest("v1", OCI_MANIFEST, &text).await.status(), 201);
    let filters = json!([{ "filterType": "WILDCARD", "filter": "dev-*" }]);
    let change = json!({ "repositoryName": "app", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
                         "imageTagMutabilityExclusionFilters": filters });
    assert_eq!(scene.ecr("PutImageTagMutability", change).await.0, 200);
    let (status, code, message) = error(registry.put_manifest("v1", OCI_MANIFEST, &text).await).await;
    assert_eq!((status, code.as_str()), (400, "TAG_INVALID"));
    let expected = "The image tag 'v1' already exists in the 'app' repository and cannot be overwritten because \
                    the repository is immutable.";
    assert_eq!(message, expected);
    for _ in 0..2 {
        assert_eq!(registry.put_manifest("dev-1", OCI_MANIFEST, &text).await.status(), 201);
    }
}

#[tokio::test]
async fn a_blob_is_mounted_only_where_everything_fits() {
    let (scene, registry) = Scene::with_repository().await;
    scene.create("other").await;
    let other = scene.registry("other").await;
    let layer = digest(b"layer");
    let mount = |from: &str| format!("blobs/uploads/?mount={layer}&from={from}");
    let enable = json!({ "name": "BLOB_MOUNTING", "value": "ENABLED" });
    registry.blob(b"layer").await;
    assert_eq!(other.send(Method::POST, &mount("app")).await.status(), 202, "the setting is off");
    assert_eq!(scene.ecr("PutAccountSetting", enable).await.0, 200);
    assert_eq!(other.send(Method::POST, &mount("app")).await.status(), 202, "no manifest refers to it");
    registry.image("v1", b"layer").await;
    let none = other.send(Method::POST, &mount("none")).await;
    assert_eq!(none.status(), 202, "the source is missing");
    assert!(header(&none, "location").contains("/v2/other/blobs/uploads/"));
    let mounted = other.send(Method::POST, &mount("app")).await;
    assert_eq!(mounted.status(), 201);
    assert_eq!(header(&mounted, "docker-content-digest"), layer);
    assert_eq!(other.send(Method::HEAD, &format!("blobs/{layer}")).await.status(), 200);
}

#[tokio::test]
async fn a_missing_repository_is_name_unknown_or_a_closed_connection() {
    let scene = Scene::open().await;
    let registry = scene.registry("none").await;
    let (status, code, message) = error(registry.send(Method::POST, "blobs/uploads/").await).await;
    assert_eq!((status, code.as_str()), (404, "NAME_UNKNOWN"));
    assert_eq!(
        message,
        "The repository with name 'none' does not exist in the registry with id '123456789012'"
    );
    let quirks = Quirks { missing_repository_closes_connection: true, ..Quirks::default() };
    let scene = Scene::with(Settings { quirks, ..Settings::default() }).await;
    let registry = scene.registry("none").await;
    assert!(registry.request(Method::POST, "blobs/uploads/").send().await.is_err());
    assert_eq!(registry.send(Method::HEAD, "manifests/v1").await.status(), 404);
    // So does a missing permission; at every other step it has words.
    scene.create("none").await;
    let deny = FaultRule { operation: "*".into(), effect: Some(Effect::Deny), ..FaultRule::default() };
    scene.stand.set_faults(vec![deny]);
    assert!(registry.request(Method::POST, "blobs/uploads/").send().await.is_err());
    let (status, _, message) = error(registry.send(Method::GET, "tags/list").await).await;
    assert!(status == 403 && message.contains("not authorized to perform: ecr:ListImages"), "{message}");
}

#[tokio::test]
async fn parts_of_a_layer_do_not_come_side_by_side() {
    for refused in [true, false] {
        let quirks = Quirks { parallel_parts_refused: refused, part_floor_bytes: 0, ..Quirks::default() };
        let scene = Scene::with(Settings { quirks, ..Settings::default() }).await;
        scene.create("app").await;
        let registry = scene.registry("app").await;
        let location = registry.open().await;
        registry.part(&location, Some("0-4"), b"hello".to_vec()).await;
        let (sender, body) = slow_body();
        let (other, address) = (registry.clone(), location.clone());
        let first = tokio::spawn(async move {
            other.request(Method::PATCH, &address).header("content-range", "5-9").body(body).send().await
        });
        sender.send("two".into()).await.unwrap();
        while !scene.stand.calls().iter().any(|call| call.request_bytes == 3) {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        let third = registry.request(Method::PATCH, &location).header("content-range", "10-14").body("three");
        let third = tokio::spawn(third.send());
        if refused {
            let (status, _, message) = error(third.await.unwrap().unwrap()).await;
            assert_eq!((status, message.as_str()), (416, "First byte of the layer part is 10 instead of 5"));
            sender.send("22".into()).await.unwrap();
            drop(sender);
        } else {
            sender.send("22".into()).await.unwrap();
            drop(sender);
            assert_eq!(third.await.unwrap().unwrap().status(), 201);
        }
        assert_eq!(first.await.unwrap().unwrap().status(), 201);
        // A part that is there already is refused as well.
        let again = error(registry.part(&location, Some("5-9"), b"two22".to_vec()).await).await;
        let stored = if refused { 10 } else { 15 };
        assert_eq!(again.2, format!("First byte of the layer part is 5 instead of {stored}"));
        let whole = &b"hellotwo22three"[..stored];
        assert_eq!(registry.finish(&location, &digest(whole), Vec::new()).await.status(), 201);
    }
}

#[tokio::test]
async fn an_interrupted_part_may_be_forgotten() {
    let quirks = Quirks { interrupted_parts_stay: false, ..Quirks::default() };
    let scene = Scene::with(Settings { quirks, ..Settings::default() }).await;
    scene.create("app").await;
    let registry = scene.registry("app").await;
    let location = registry.open().await;
    let reset = Effect::Reset(lambda_lift_localstack::ResetMoment::MidBody);
    let cut = FaultRule { operation: "UploadPart".into(), effect: Some(reset), ..FaultRule::default() };
    scene.stand.set_faults(vec![cut]);
    assert!(registry.request(Method::PATCH, &location).body("hello").send().await.is_err());
    scene.stand.set_faults(Vec::new());
    let again = registry.part(&location, Some("0-4"), b"hello".to_vec()).await;
    assert_eq!(again.status(), 201, "{}", again.text().await.unwrap());
    assert_eq!(registry.finish(&location, &digest(b"hello"), Vec::new()).await.status(), 201);
}

#[tokio::test]
async fn an_upload_may_be_addressed_by_its_path_or_on_another_host() {
    for form in [UploadLocation::Relative, UploadLocation::OtherHost] {
        let quirks = Quirks { upload_location: form, ..Quirks::default() };
        let scene = Scene::with(Settings { quirks, ..Settings::default() }).await;
        scene.create("app").await;
        let registry = scene.registry("app").await;
        let location = registry.open().await;
        if form == UploadLocation::Relative {
            assert!(location.starts_with("/v2/app/blobs/uploads/"), "{location}");
            continue;
        }
        assert!(location.starts_with("http://localhost:"), "another host: {location}");
        // What resolves to loopback elsewhere need not resolve here.
        let location = location.replace("localhost", "127.0.0.1");
        let send =
            |method, address: &str, body: &'static str| scene.http.request(method, address).body(body).send();
        assert_eq!(registry.part(&location, None, b"hello".to_vec()).await.status(), 400, "credentials");
        let forged = format!("{location}0");
        assert_eq!(send(Method::PATCH, &forged, "hello").await.unwrap().status(), 401);
        let part = send(Method::PATCH, &location, "hello").await.unwrap();
        assert_eq!(header(&part, "location"), location, "it stays on that host");
        let finish = format!("{location}&digest={}", digest(b"hello"));
        assert_eq!(send(Method::PUT, &finish, "").await.unwrap().status(), 201);
    }
}

#[tokio::test]
async fn an_upload_outlives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let settings = |port| Settings { port, state: Some(folder.path().to_owned()), ..Settings::default() };
    let scene = Scene::with(settings(0)).await;
    scene.create("app").await;
    let registry = scene.registry("app").await;
    let location = registry.open().await;
    let part: Vec<u8> = (0..PART).map(|index| index as u8).collect();
    let range = format!("0-{}", PART - 1);
    assert_eq!(registry.part(&location, Some(&range), part.clone()).await.status(), 201);
    let port = scene.stand.port();
    scene.stand.shutdown().await;
    let scene = Scene::with(settings(port)).await;
    let registry = scene.registry("app").await;
    let (status, _, message) = error(registry.part(&location, Some("0-3"), b"last".to_vec()).await).await;
    assert_eq!((status, message), (416, format!("First byte of the layer part is 0 instead of {PART}")));
    let response = registry.part(&location, Some(&format!("{PART}-{}", PART + 3)), b"last".to_vec()).await;
    assert_eq!((response.status().as_u16(), header(&response, "range")), (201, range));
    let whole = [&part[..], b"last"].concat();
    assert_eq!(registry.finish(&location, &digest(&whole), Vec::new()).await.status(), 201);
    let left = std::fs::read_dir(folder.path().join("uploads")).unwrap().count();
    assert_eq!(left, 0, "nothing is left of an upload that is over");
}

#[tokio::test]
async fn without_quirks_the_registry_keeps_to_the_spec() {
    let scene = Scene::with(Settings { quirks: Quirks::none(), ..Settings::default() }).await;
    scene.create("app").await;
    let registry = scene.registry("app").await;
    let location = registry.open().await;
    for bytes in [b"one", b"two"] {
        assert_eq!(registry.part(&location, None, bytes.to_vec()).await.status(), 202);
    }
    let status = registry.send(Method::GET, &location).await;
    assert_eq!((status.status().as_u16(), header(&status, "range").as_str()), (204, "0-5"));
    assert_eq!(registry.finish(&location, &digest(b"onetwo"), Vec::new()).await.status(), 201);
    registry.image("v1", b"layer").await;
    let get = registry.send(Method::GET, "manifests/v1").await;
    assert!(get.headers().contains_key("docker-content-digest"));
    let blob = registry.send(Method::GET, &format!("blobs/{}", digest(b"onetwo"))).await;
    assert_eq!(blob.bytes().await.unwrap(), "onetwo");
}

#[tokio::test]
async fn the_validator_may_lag_behind_the_blobs() {
    let lag = std::time::Duration::from_millis(150);
    let scene = Scene::with(Settings { validator_lag: lag, ..Settings::default() }).await;
    scene.create("app").await;
    let registry = scene.registry("app").await;
    let (config, layer) = (registry.blob(b"{}").await, registry.blob(b"layer").await);
    let text = manifest(&config, &layer, 5);
    assert_eq!(registry.put_manifest("v1", OCI_MANIFEST, &text).await.status(), 404);
    let began = std::time::Instant::now();
    while registry.put_manifest("v1", OCI_MANIFEST, &text).await.status() != 201 {
        assert!(began.elapsed() < lag * 20, "the validator never catches up");
        tokio::time::sleep(lag / 5).await;
    }
}

#[tokio::test]
async fn many_layers_are_uploaded_at_once() {
    let (_scene, registry) = Scene::with_repository().await;
    let upload = |registry: Registry, fill: u8| async move {
        let bytes = vec![fill; PART + usize::from(fill)];
        let location = registry.open().await;
        registry.part(&location, None, bytes[..PART].to_vec()).await;
        registry.finish(&location, &digest(&bytes), bytes[PART..].to_vec()).await.status()
    };
    let uploads: Vec<_> = (1..=6).map(|fill| tokio::spawn(upload(registry.clone(), fill))).collect();
    for task in uploads {
        assert_eq!(task.await.unwrap(), 201);
    }
}
