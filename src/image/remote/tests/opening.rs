//! From a name to one image: what is asked, what is chosen, what is refused.

use serde_json::{Value, json};

use super::model::{Fault, Model, quick};
use crate::event::Event;
use crate::image::fixture::{
    DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, Layout, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST,
    config, gzip, layer_tar, with,
};
use crate::image::remote::RemoteAccess;
use crate::image::{Compression, ImageErrorKind, LocalImage, SourceAccess};
use crate::name::{Architecture, Digest};

fn digest_of(descriptor: &Value) -> String {
    descriptor["digest"].as_str().unwrap().to_owned()
}

/// A layout whose last entry is an index of both architectures, and that index's descriptor.
fn both_architectures() -> (Layout, Value) {
    let mut layout = Layout::default();
    let index = layout.index(&["amd64", "arm64"]);
    layout.add(index.clone());
    (layout, index)
}

fn simple() -> (Layout, Value) {
    let mut layout = Layout::default();
    let image = layout.image("amd64");
    layout.add(image.clone());
    (layout, image)
}

#[tokio::test]
async fn an_image_is_opened_with_two_requests_and_is_the_one_that_is_there() {
    let (layout, manifest) = simple();
    let model = Model::with(&layout).await;
    let image = model.open(":v1").await.unwrap();
    let original = image.original.as_ref().unwrap();
    assert_eq!(original.digest.to_string(), digest_of(&manifest));
    assert!(original.pushable);
    assert_eq!(Digest::of(&original.bytes), original.digest);
    assert_eq!(image.config.architecture, Some(Architecture::X86_64));
    assert!(image.layers.iter().all(|layer| layer.compression == Compression::Gzip));
    assert_eq!(image.choice, None);
    assert_eq!(
        model.requests(),
        [
            "GET /v2/team/app/manifests/v1".to_owned(),
            format!("GET /v2/team/app/blobs/{}", image.config_digest)
        ]
    );
    let accept = model.log()[0].accept.clone().unwrap();
    for media_type in
        [OCI_INDEX, OCI_MANIFEST, DOCKER_MANIFEST, "manifest.list.v2+json", "manifest.v1+prettyjws"]
    {
        assert!(accept.contains(media_type), "{accept}");
    }
}

#[tokio::test]
async fn by_digest_exactly_that_manifest_is_taken_and_a_tag_beside_it_is_ignored() {
    let (layout, manifest) = simple();
    let model = Model::with(&layout).await;
    let digest = digest_of(&manifest);
    for pin in [format!("@{digest}"), format!(":elsewhere@{digest}")] {
        let image = model.open(&pin).await.unwrap();
        assert_eq!(image.original.unwrap().digest.to_string(), digest);
    }
    assert_eq!(model.count("GET", "manifests/elsewhere"), 0);
}

#[tokio::test]
async fn of_an_index_only_the_chosen_manifest_is_read() {
    let (layout, _) = both_architectures();
    let model = Model::with(&layout).await;
    let image = model.open_as(":v1", Some(Architecture::Arm64), RemoteAccess::default()).await.unwrap();
    assert_eq!(image.config.architecture, Some(Architecture::Arm64));
    let choice = image.choice.unwrap();
    assert_eq!(choice.chosen, "linux/arm64 of 2 platforms");
    assert_eq!(choice.left_out.iter().filter(|text| text.contains("attestation")).count(), 2);
    assert_eq!(model.log().len(), 3, "{:?}", model.requests());
    let error = model.open(":v1").await.unwrap_err();
    assert_eq!(error.kind(), ImageErrorKind::Ambiguous);
    assert!(error.to_string().contains("linux/amd64") && error.hint().unwrap().contains("--arch"));
}

#[tokio::test]
async fn an_index_without_platforms_is_told_apart_by_its_configurations() {
    let mut layout = Layout::default();
    let children = [layout.image("amd64"), layout.image("arm64")];
    let inner = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children});
    let inner = layout.json(&inner, OCI_INDEX);
    let outer = json!({"schemaVersion": 2, "manifests": [inner]});
    let outer = layout.json(&outer, OCI_INDEX);
    let model = Model::with(layout.add(outer)).await;
    let image = model.open_as(":v1", Some(Architecture::Arm64), RemoteAccess::default()).await.unwrap();
    assert_eq!(image.config.architecture, Some(Architecture::Arm64));
}

#[tokio::test]
async fn a_platform_that_is_listed_and_not_there_is_said_to_be_missing() {
    let (layout, index) = both_architectures();
    let model = Model::with(&layout).await;
    let bytes = model.state.lock().unwrap().manifests[&digest_of(&index)].1.clone();
    let document: Value = serde_json::from_slice(&bytes).unwrap();
    let arm = document["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .find(|child| child["platform"]["architecture"] == "arm64");
    let arm = digest_of(arm.unwrap());
    model.set(|state| drop(state.manifests.remove(&arm)));
    assert!(model.open_as(":v1", Some(Architecture::X86_64), RemoteAccess::default()).await.is_ok());
    let error = model.open_as(":v1", Some(Architecture::Arm64), RemoteAccess::default()).await.unwrap_err();
    assert_eq!(error.kind(), ImageErrorKind::NotFound);
    assert!(error.to_string().contains("linux/arm64"), "{error}");
    let error = model.open_as(":none", None, RemoteAccess::default()).await.unwrap_err();
    assert_eq!(error.kind(), ImageErrorKind::NotFound);
    assert!(error.to_string().contains("team/app:none") && error.to_string().contains("MANIFEST_UNKNOWN"));
}

#[tokio::test]
async fn where_get_does_not_say_the_digest_head_is_asked_and_believed() {
    let (layout, manifest) = simple();
    let mut layout = layout;
    let other = layout.image("arm64");
    let model = Model::with(&layout).await;
    model.set(|state| state.digest_on_get = false);
    let opened = async || model.open(":v1").await.unwrap().original.unwrap().digest.to_string();
    assert_eq!(opened().await, digest_of(&manifest));
    assert_eq!(model.count("HEAD", "manifests/v1"), 1);
    // The tag has moved in between: what HEAD says is read by its digest.
    model.set(|state| state.head_digest = Some(digest_of(&other)));
    assert_eq!(opened().await, digest_of(&other));
    model.set(|state| state.head_digest = Some("nonsense".to_owned()));
    assert_eq!(model.open(":v1").await.unwrap_err().kind(), ImageErrorKind::Malformed);
}

#[tokio::test]
async fn documents_that_are_not_what_they_are_called_are_refused() {
    let (layout, manifest) = simple();
    let digest = digest_of(&manifest);
    for (part_of_target, pin) in
        [("manifests/", ":v1".to_owned()), ("manifests/", format!("@{digest}")), ("blobs/", ":v1".to_owned())]
    {
        let model = Model::with(&layout).await;
        model.plan(part_of_target, 0, 99, Fault::Lie);
        let error = model.open(&pin).await.unwrap_err();
        assert_eq!(error.kind(), ImageErrorKind::Malformed, "{error}");
        assert!(error.to_string().contains("gave content with digest") && error.hint().is_some(), "{error}");
        assert_eq!(model.count("GET", part_of_target), 1, "a lie is not asked for again");
    }
}

#[tokio::test]
async fn web_pages_and_endless_documents_are_told_from_manifests() {
    let (layout, _) = simple();
    let page = "<html><form action=login>".to_owned();
    for (fault, kind, says) in [
        (
            Fault::Answer(200, "content-type: text/html", page.clone()),
            ImageErrorKind::Unavailable,
            "not a registry",
        ),
        (Fault::Answer(200, "content-type: text/plain", String::new()), ImageErrorKind::Unavailable, "empty"),
        (
            Fault::Answer(404, "content-type: text/html; charset=utf-8", page.clone()),
            ImageErrorKind::Unavailable,
            "web page",
        ),
        (Fault::Answer(403, "content-type: text/html", page), ImageErrorKind::Unavailable, "web page"),
        (
            Fault::Answer(200, "content-type: application/json", " ".repeat(5 << 20)),
            ImageErrorKind::Malformed,
            "more than",
        ),
        (
            Fault::Answer(200, "content-type: application/json", "{}".to_owned()),
            ImageErrorKind::Malformed,
            "schemaVersion",
        ),
    ] {
        let model = Model::with(&layout).await;
        model.plan("manifests/v1", 0, 99, fault);
        let error = model.open(":v1").await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says) && error.hint().is_some(), "{error}");
    }
    // A configuration whose stated size is beyond all measure is not even asked for.
    let mut layout = Layout::default();
    let config =
        json!({"mediaType": OCI_CONFIG, "digest": Digest::of(b"x").to_string(), "size": 1_u64 << 40});
    let image = layout.manifest(OCI_MANIFEST, &config, &[]);
    let model = Model::with(layout.add(image)).await;
    assert!(model.open(":v1").await.unwrap_err().to_string().contains("at most"));
    assert_eq!(model.log().len(), 1);
}

#[tokio::test]
async fn what_lambda_cannot_run_is_refused_in_words() {
    let layer = layer_tar("x");
    let image = |layer_type: &str, artifact: Option<&str>| {
        let mut layout = Layout::default();
        let config = layout.blob(&config("amd64", std::slice::from_ref(&layer)), OCI_CONFIG);
        let blob = layout.blob(&gzip(&layer), layer_type);
        let mut manifest =
            json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [blob]});
        if let Some(artifact) = artifact {
            manifest = with(manifest, "artifactType", artifact.into());
        }
        let entry = layout.json(&manifest, OCI_MANIFEST);
        layout.add(entry);
        layout
    };
    for (layout, says) in [
        (
            image("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", None),
            "may not be redistributed",
        ),
        (image("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", None), "encrypted"),
        (image("application/x-unheard-of", None), "unknown media type"),
        (
            image(&format!("{OCI_LAYER}+gzip"), Some("application/vnd.cncf.helm.chart")),
            "not a container image",
        ),
    ] {
        let error = Model::with(&layout).await.open(":v1").await.unwrap_err();
        assert_eq!(error.kind(), ImageErrorKind::Unsupported);
        assert!(error.to_string().contains(says) && error.hint().is_some(), "{error}");
    }
    let schema_one =
        json!({"schemaVersion": 1, "name": "team/app", "fsLayers": [], "history": [], "signatures": []});
    for content_type in ["application/vnd.docker.distribution.manifest.v1+prettyjws", "application/json"] {
        let model = Model::start().await;
        let bytes = schema_one.to_string().into_bytes();
        model.set(|state| {
            // The digest of a signed manifest leaves the signatures out.
            state.digest_on_get = content_type == "application/json";
            state.head_digest = Some(Digest::of(b"other").to_string());
            state.manifests.insert("v1".to_owned(), (content_type.to_owned(), bytes.clone()));
        });
        let error = model.open(":v1").await.unwrap_err();
        assert!(error.to_string().contains("schema 1"), "{error}");
    }
}

#[tokio::test]
async fn a_manifest_of_mixed_types_is_read_and_not_pushed_as_it_is() {
    let layers = [layer_tar("base"), layer_tar("top")];
    let mut layout = Layout::default();
    let config = layout.blob(&config("amd64", &layers), DOCKER_CONFIG);
    let types = [format!("{DOCKER_LAYER}.gzip"), format!("{OCI_LAYER}+gzip")];
    let blobs: Vec<Value> =
        layers.iter().zip(&types).map(|(layer, kind)| layout.blob(&gzip(layer), kind)).collect();
    let image = layout.manifest(DOCKER_MANIFEST, &config, &blobs);
    let image = Model::with(layout.add(image)).await.open(":v1").await.unwrap();
    assert!(!image.original.unwrap().pushable);
    assert!(image.layers.iter().all(|layer| layer.stored_digest.is_some()));
}

#[tokio::test]
async fn a_layer_whose_digest_is_its_diff_id_is_known_to_be_uncompressed_whatever_it_is_called() {
    let layer = layer_tar("x");
    let mut layout = Layout::default();
    let config = layout.blob(&config("amd64", std::slice::from_ref(&layer)), OCI_CONFIG);
    let blob = layout.blob(&layer, &format!("{OCI_LAYER}+gzip"));
    let image = layout.manifest(OCI_MANIFEST, &config, &[blob]);
    let image = Model::with(layout.add(image)).await.open(":v1").await.unwrap();
    assert_eq!(image.layers[0].compression, Compression::None);
    assert!(!image.original.unwrap().pushable);
}

#[tokio::test]
async fn passing_troubles_are_waited_out_and_told_and_lasting_ones_end_it() {
    let (layout, _) = simple();
    for fault in [
        Fault::Answer(503, "retry-after: 0", String::new()),
        Fault::Answer(
            429,
            "retry-after: 0",
            "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"slow down\"}]}".to_owned(),
        ),
        Fault::CutAfter(10),
        Fault::StallAfter(10),
    ] {
        for part_of_target in ["manifests/v1", "blobs/"] {
            let model = Model::with(&layout).await;
            model.plan(part_of_target, 0, 2, fault.clone());
            assert!(model.open(":v1").await.is_ok(), "{fault:?}");
            assert_eq!(model.count("GET", part_of_target), 3);
            let events = model.recorder.0.lock().unwrap();
            assert!(events.iter().all(|event| matches!(event, Event::Retrying { .. })) && events.len() == 2);
        }
        let model = Model::with(&layout).await;
        model.plan("manifests/v1", 0, 99, fault.clone());
        let error = model.open(":v1").await.unwrap_err();
        assert_eq!(error.kind(), ImageErrorKind::Unavailable, "{error}");
        assert_eq!(model.count("GET", "manifests/v1"), quick().attempts as usize);
    }
}

#[tokio::test]
async fn a_quota_of_docker_hub_is_told_at_once_and_in_its_words() {
    let (layout, _) = simple();
    let model = Model::with(&layout).await;
    let words =
        "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit";
    let body = json!({"errors": [{"code": "TOOMANYREQUESTS", "message": words}]}).to_string();
    model.plan("manifests/", 0, 99, Fault::Answer(429, "retry-after: 20000", body));
    let error = model.open(":v1").await.unwrap_err();
    assert_eq!(error.kind(), ImageErrorKind::Unavailable);
    assert!(error.to_string().contains(words) && error.hint().unwrap().contains("docker login"), "{error}");
    assert_eq!(model.log().len(), 1);
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_unavailable_and_a_plain_one_elsewhere_is_not_spoken_to() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let open = async |remote: RemoteAccess, source: String| -> crate::image::ImageError {
        let access =
            SourceAccess { remote: RemoteAccess { retry: quick(), ..remote }, ..SourceAccess::default() };
        let opened: Result<LocalImage, _> = crate::image::open(&source.parse().unwrap(), None, &access).await;
        opened.unwrap_err()
    };
    let error = open(RemoteAccess::default(), format!("docker://{address}/team/app")).await;
    assert_eq!(error.kind(), ImageErrorKind::Unavailable);
    assert!(error.hint().unwrap().contains("--source-endpoint"));
    let endpoint = Some("http://registry.example".parse().unwrap());
    let error =
        open(RemoteAccess { endpoint, ..RemoteAccess::default() }, "docker://alpine".to_owned()).await;
    assert_eq!(error.kind(), ImageErrorKind::Usage);
    assert!(error.to_string().contains("plain http"), "{error}");
}

#[tokio::test]
async fn another_address_is_asked_for_the_same_repository() {
    let (layout, _) = simple();
    let model = Model::with(&layout).await;
    let endpoint = Some(format!("http://localhost:{}/", model.address.port()).parse().unwrap());
    let remote = RemoteAccess { endpoint, retry: quick(), ..RemoteAccess::default() };
    let access = SourceAccess { remote, ..SourceAccess::default() };
    let image =
        crate::image::open(&"docker://registry.example/team/app:v1".parse().unwrap(), None, &access).await;
    assert_eq!(image.unwrap().layers[0].location.path().to_str(), Some("registry.example/team/app"));
    assert!(model.log().iter().all(|seen| seen.host.starts_with("localhost:")));
}
