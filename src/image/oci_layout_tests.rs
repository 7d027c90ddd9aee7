//! Tests of OCI layouts, each read from a directory and from an archive.

use serde_json::{Value, json};

use super::fixture::{
    DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, Layout, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST,
    Place, compress, config, layer_tar, named, with,
};
use super::{Compression, ImageErrorKind, LocalImage, MediaFlavor};
use crate::name::{Architecture, Digest};

const REF_NAME: &str = "org.opencontainers.image.ref.name";
const CONTAINERD_NAME: &str = "io.containerd.image.name";

fn opened(layout: &Layout, reference: &str, wanted: Option<Architecture>) -> LocalImage {
    Place::new().open_tree(&layout.tree(), reference, wanted).unwrap()
}

fn refused(layout: &Layout, reference: &str, wanted: Option<Architecture>) -> (ImageErrorKind, String) {
    let error = Place::new().open_tree(&layout.tree(), reference, wanted).unwrap_err();
    assert!(error.hint().is_some(), "{error}");
    (error.kind(), error.to_string())
}

fn refusal(layout: &Layout) -> String {
    refused(layout, "", None).1
}

/// An image of one layer, with media types and stored form as given.
fn custom(manifest_type: &str, config_type: &str, layer_type: &str, stored: Compression) -> Layout {
    let mut layout = Layout::default();
    let layer = layer_tar("only");
    let config = layout.blob(&config("amd64", std::slice::from_ref(&layer)), config_type);
    let layer = layout.blob(&compress(&layer, stored), layer_type);
    let manifest = layout.manifest(manifest_type, &config, &[layer]);
    layout.add(manifest);
    layout
}

#[test]
fn an_image_is_found_by_its_names() {
    let mut layout = Layout::default();
    let (one, two, three) = (layout.image("amd64"), layout.image("arm64"), layout.image("s390x"));
    let digest = two["digest"].as_str().unwrap().to_owned();
    layout.add(named(one.clone(), REF_NAME, "v1")).add(named(one, REF_NAME, "latest"));
    layout.add(named(two, REF_NAME, "example.com/app:v2"));
    let both = json!({REF_NAME: "v3", CONTAINERD_NAME: "docker.io/library/app:v3"});
    layout.add(with(three, "annotations", both));
    for (reference, architecture) in [
        (":v1", "amd64"),
        (":latest", "amd64"),
        (":example.com/app:v2", "arm64"),
        (":app:v3", "s390x"),
        (":v3", "s390x"),
        (":@0", "amd64"),
        (":@2", "arm64"),
        (&format!(":@{digest}"), "arm64"),
    ] {
        let image = opened(&layout, reference, None);
        assert_eq!(image.config.architecture_name, architecture, "{reference}");
        assert_eq!(image.choice, None);
    }
    let (kind, message) = refused(&layout, "", None);
    assert_eq!(kind, ImageErrorKind::Ambiguous);
    for name in ["v1", "latest", "example.com/app:v2", "docker.io/library/app:v3"] {
        assert!(message.contains(name), "{message}");
    }
    for reference in [":v4", ":app", ":@4", &format!(":@{}", Digest::of(b""))] {
        assert_eq!(refused(&layout, reference, None).0, ImageErrorKind::NotFound, "{reference}");
    }
}

#[test]
fn one_image_under_two_names_is_one_image() {
    let mut layout = Layout::default();
    let image = layout.image("amd64");
    layout.add(named(image.clone(), REF_NAME, "v1")).add(named(image, REF_NAME, "latest"));
    assert_eq!(opened(&layout, "", None).choice, None);
}

#[test]
fn an_index_is_resolved_and_its_attestations_are_dropped() {
    let mut layout = Layout::default();
    let index = layout.index(&["amd64", "arm64"]);
    layout.add(named(index, REF_NAME, "v1"));
    for (wanted, name) in [(Architecture::X86_64, "linux/amd64"), (Architecture::Arm64, "linux/arm64")] {
        let image = opened(&layout, ":v1", Some(wanted));
        assert_eq!(image.config.architecture, Some(wanted));
        let choice = image.choice.unwrap();
        assert_eq!(choice.chosen, format!("{name} of 2 platforms"));
        assert_eq!(choice.left_out.len(), 3);
        assert_eq!(choice.left_out.iter().filter(|text| text.starts_with("attestation")).count(), 2);
        // The platform can be named by its digest too, and then nothing is left to choose.
        let digest = image.original.unwrap().digest;
        assert_eq!(opened(&layout, &format!(":@{digest}"), None).choice, None);
    }
    let (kind, message) = refused(&layout, "", None);
    assert_eq!(kind, ImageErrorKind::Ambiguous);
    assert!(
        message.contains("linux/amd64 (sha256:") && message.contains("linux/arm64 (sha256:"),
        "{message}"
    );
}

#[test]
fn an_index_of_one_platform_needs_no_wish_but_keeps_to_one() {
    let mut layout = Layout::default();
    let index = layout.index(&["amd64"]);
    layout.add(index);
    assert_eq!(opened(&layout, "", None).choice.unwrap().chosen, "linux/amd64, the only platform");
    let (kind, message) = refused(&layout, "", Some(Architecture::Arm64));
    assert_eq!(kind, ImageErrorKind::NotFound);
    assert!(message.contains("no image for linux/arm64; it has linux/amd64"), "{message}");
}

#[test]
fn platforms_may_stand_in_the_table_itself_or_in_nested_indexes() {
    let platform = |architecture: &str| json!({"os": "linux", "architecture": architecture});
    let mut flat = Layout::default();
    for architecture in ["amd64", "arm64"] {
        let image = flat.image(architecture);
        flat.add(with(image, "platform", platform(architecture)));
    }
    assert_eq!(opened(&flat, "", Some(Architecture::Arm64)).config.architecture_name, "arm64");
    assert_eq!(refused(&flat, "", None).0, ImageErrorKind::Ambiguous);

    let mut nested = Layout::default();
    let inner = nested.index(&["amd64", "arm64"]);
    let outer = nested.json(&json!({"schemaVersion": 2, "manifests": [inner]}), OCI_INDEX);
    nested.add(outer);
    assert_eq!(opened(&nested, "", Some(Architecture::Arm64)).config.architecture_name, "arm64");
}

#[test]
fn nesting_is_bounded_and_circles_cannot_be_made() {
    let mut layout = Layout::default();
    let mut index = layout.index(&["amd64"]);
    for _ in 0..6 {
        index = layout.json(&json!({"schemaVersion": 2, "manifests": [index, index]}), OCI_INDEX);
    }
    layout.add(index);
    assert!(refusal(&layout).contains("nested more than"), "{}", refusal(&layout));
    let mut wide = Layout::default();
    let children: Vec<Value> = (0..300).map(|n| wide.image(&format!("a{n}"))).collect();
    let index = wide.json(&json!({"schemaVersion": 2, "manifests": children}), OCI_INDEX);
    wide.add(index);
    assert!(refusal(&wide).contains("too many manifests"));
}

#[test]
fn what_the_source_lacks_is_left_out_or_said() {
    let mut layout = Layout::default();
    let index = layout.index(&["amd64", "arm64"]);
    layout.add(index);
    let arm = opened(&layout, "", Some(Architecture::Arm64));
    let blob = |digest: Digest| format!("blobs/sha256/{}", digest.hex());
    // The base layer is shared: only what belongs to arm64 alone is taken away.
    for lacking in [arm.original.unwrap().digest, arm.config_digest, arm.layers[1].stored_digest.unwrap()] {
        let mut tree = layout.tree();
        tree.remove(&blob(lacking)).unwrap();
        let image = Place::new().open_tree(&tree, "", None).unwrap();
        assert_eq!(image.config.architecture_name, "amd64");
        let choice = image.choice.unwrap();
        assert!(choice.left_out.iter().any(|text| text.starts_with("linux/arm64")), "{choice:?}");
        let error = Place::new().open_tree(&tree, "", Some(Architecture::Arm64)).unwrap_err();
        assert_eq!(error.kind(), ImageErrorKind::NotFound);
        assert!(error.to_string().contains("lists an image for linux/arm64"), "{error}");
    }
}

#[test]
fn artifacts_are_no_images() {
    let mut layout = Layout::default();
    let helm = "application/vnd.cncf.helm.config.v1+json";
    let config = layout.blob(b"{}", helm);
    let chart = layout.manifest(OCI_MANIFEST, &config, &[]);
    layout.add(chart.clone());
    let (kind, message) = refused(&layout, "", None);
    assert_eq!(kind, ImageErrorKind::Unsupported);
    assert!(message.contains(helm), "{message}");

    let mut mixed = Layout { tree: layout.tree, entries: Vec::new() };
    let image = mixed.image("amd64");
    let signature = with(mixed.image("arm64"), "artifactType", json!("application/vnd.example.signature"));
    let unknown = mixed.blob(b"?", "text/plain");
    let index =
        mixed.json(&json!({"schemaVersion": 2, "manifests": [chart, signature, unknown, image]}), OCI_INDEX);
    mixed.add(index);
    let image = opened(&mixed, "", None);
    assert_eq!(image.config.architecture_name, "amd64");
    assert_eq!(image.choice.unwrap().left_out.len(), 3);

    let mut only_attestation = Layout::default();
    let image = only_attestation.image("amd64");
    let attestation = only_attestation.attestation(&image);
    only_attestation.add(attestation);
    assert!(refusal(&only_attestation).contains("no image manifest"));
}

#[test]
fn only_an_original_of_one_flavor_and_gzip_layers_can_be_pushed_as_it_is() {
    let oci_gzip = format!("{OCI_LAYER}+gzip");
    let docker_gzip = format!("{DOCKER_LAYER}.gzip");
    let oci_zstd = format!("{OCI_LAYER}+zstd");
    use Compression::{Gzip, None, Zstd};
    for (manifest, config, layer, stored, flavor, pushable) in [
        (OCI_MANIFEST, OCI_CONFIG, oci_gzip.as_str(), Gzip, MediaFlavor::Oci, true),
        (DOCKER_MANIFEST, DOCKER_CONFIG, &docker_gzip, Gzip, MediaFlavor::Docker, true),
        (OCI_MANIFEST, OCI_CONFIG, OCI_LAYER, None, MediaFlavor::Oci, false),
        (OCI_MANIFEST, OCI_CONFIG, &oci_zstd, Zstd, MediaFlavor::Oci, false),
        // Mixed flavors.
        (OCI_MANIFEST, OCI_CONFIG, &docker_gzip, Gzip, MediaFlavor::Oci, false),
        (OCI_MANIFEST, DOCKER_CONFIG, &oci_gzip, Gzip, MediaFlavor::Oci, false),
        (DOCKER_MANIFEST, DOCKER_CONFIG, &oci_gzip, Gzip, MediaFlavor::Docker, false),
        // The media type says one thing and the content another: content wins.
        (OCI_MANIFEST, OCI_CONFIG, &oci_gzip, Zstd, MediaFlavor::Oci, false),
        (OCI_MANIFEST, OCI_CONFIG, &oci_gzip, None, MediaFlavor::Oci, false),
        (OCI_MANIFEST, OCI_CONFIG, OCI_LAYER, Gzip, MediaFlavor::Oci, false),
        (OCI_MANIFEST, OCI_CONFIG, &oci_zstd, Gzip, MediaFlavor::Oci, false),
    ] {
        let image = opened(&custom(manifest, config, layer, stored), "", Option::None);
        let original = image.original.unwrap();
        assert_eq!(
            (image.flavor, original.pushable),
            (flavor, pushable),
            "{manifest} {config} {layer} {stored:?}"
        );
        assert_eq!(original.media_type, manifest);
        assert_eq!(image.layers[0].compression, stored);
        assert_eq!(image.layers[0].media_type.as_deref(), Some(layer));
    }
}

#[test]
fn layers_that_cannot_be_pushed_or_read_are_refused_by_what_they_are() {
    for (layer, says) in [
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "may not be redistributed"),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "may not be redistributed"),
        ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "is encrypted"),
        ("application/vnd.wasm.content.layer.v1+wasm", "unknown media type"),
        ("", "unknown media type"),
    ] {
        let layout = custom(OCI_MANIFEST, OCI_CONFIG, layer, Compression::Gzip);
        let (kind, message) = refused(&layout, "", None);
        assert_eq!(kind, ImageErrorKind::Unsupported);
        assert!(message.contains(says) && message.contains("layer sha256:"), "{message}");
    }
}

#[test]
fn a_windows_image_opens_so_that_checks_can_say_what_is_wrong() {
    let mut layout = Layout::default();
    let windows = br#"{"os":"windows","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let config = layout.blob(windows, OCI_CONFIG);
    let manifest = layout.manifest(OCI_MANIFEST, &config, &[]);
    layout.add(manifest);
    assert_eq!(opened(&layout, "", Some(Architecture::X86_64)).config.os, "windows");
}

#[test]
fn every_size_digest_and_count_is_checked() {
    let change = |spoil: &dyn Fn(&mut Value)| {
        let mut layout = Layout::default();
        let layers = [layer_tar("a"), layer_tar("b")];
        let config = layout.blob(&config("amd64", &layers), OCI_CONFIG);
        let layers: Vec<Value> = layers.iter().map(|layer| layout.blob(layer, OCI_LAYER)).collect();
        let mut manifest =
            json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers});
        spoil(&mut manifest);
        let manifest = layout.json(&manifest, OCI_MANIFEST);
        layout.add(manifest);
        layout
    };
    opened(&change(&|_| ()), "", None);
    let other = Digest::of(b"other").to_string();
    type Spoil<'a> = &'a dyn Fn(&mut Value);
    let table: &[(Spoil<'_>, &str)] = &[
        (&|manifest| manifest["config"]["size"] = json!(1), "should have 1 bytes"),
        (&|manifest| manifest["layers"][0]["size"] = json!(1), "should have 1 bytes"),
        (
            &|manifest| manifest["layers"][0]["size"] = json!(u64::MAX),
            "should have 18446744073709551615 bytes",
        ),
        (&|manifest| manifest["layers"][0]["size"] = json!(-1), "is not what it should be"),
        (&|manifest| manifest["layers"][0]["digest"] = json!(other), "is not there"),
        (&|manifest| manifest["layers"][0]["digest"] = json!("sha256:../../../etc/passwd"), "digest"),
        (&|manifest| manifest["config"]["digest"] = json!("sha512:00"), "digest"),
        (&|manifest| manifest["layers"][1] = manifest["layers"][0].clone(), "should be the same"),
        (
            &|manifest| manifest["layers"].as_array_mut().unwrap().truncate(1),
            "1 layers, and the configuration names 2",
        ),
        (&|manifest| manifest["layers"] = json!(null), "neither config and layers"),
        (&|manifest| manifest["manifests"] = json!([]), "manifest and an index at once"),
        (&|manifest| manifest["mediaType"] = json!(OCI_INDEX), "what leads to it says"),
        (&|manifest| manifest["schemaVersion"] = json!(1), "schema 1"),
        (
            &|manifest| manifest["annotations"] = json!({"x": "y".repeat(5_000_000)}),
            "at most 4194304 are read",
        ),
    ];
    for (spoil, says) in table {
        let message = refusal(&change(*spoil));
        assert!(message.contains(says), "{says}: {message}");
    }
}

#[test]
fn content_that_is_not_what_its_digest_says_is_refused() {
    let mut layout = Layout::default();
    let image = layout.image("amd64");
    layout.add(image.clone());
    let opened = opened(&layout, "", None);
    for digest in [opened.original.unwrap().digest, opened.config_digest] {
        let mut tree = layout.tree();
        let content = tree.get_mut(&format!("blobs/sha256/{}", digest.hex())).unwrap();
        let last = content.len() - 2;
        content[last] ^= 1;
        let error = Place::new().open_tree(&tree, "", None).unwrap_err();
        assert!(error.to_string().contains("should have the digest"), "{error}");
    }
}

#[test]
fn a_table_of_contents_that_is_none_is_refused() {
    let good = Layout::default().add_image().tree();
    for (name, content, says) in [
        ("index.json", "", "index.json is not what it should be"),
        ("index.json", "{}", "schemaVersion"),
        ("index.json", r#"{"schemaVersion":2,"manifests":[]}"#, "no image manifest; it has none"),
        ("index.json", r#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#, "there twice"),
        ("index.json", r#"{"schemaVersion":2,"config":{},"layers":[]}"#, "missing field"),
        ("oci-layout", r#"{"imageLayoutVersion":"2.0.0"}"#, "version \"2.0.0\" is not known"),
        ("oci-layout", "{}", "missing field"),
    ] {
        let mut tree = good.clone();
        tree.insert(name.into(), content.as_bytes().to_vec());
        let error = Place::new().open_tree(&tree, "", None).unwrap_err();
        assert!(error.to_string().contains(says), "{name} {content}: {error}");
    }
    let mut without_marker = good;
    without_marker.remove("oci-layout");
    assert!(Place::new().open_tree(&without_marker, "", None).is_ok());
}

impl Layout {
    fn add_image(mut self) -> Self {
        let image = self.image("amd64");
        self.add(image);
        self
    }
}
