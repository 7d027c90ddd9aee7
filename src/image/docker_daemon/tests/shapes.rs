//! Exports of every kind of daemon.

use serde_json::json;

use super::{Machine, daemon_of, daemon_with, is_export, read, read_all};
use crate::image::fixture::{
    Layout, Place, TarFile, Tree, both_tables, config, docker_tree, layer_tar, open, read_layers, with,
};
use crate::image::{BlobLocation, ImageErrorKind, LocalImage, announce};
use crate::name::{Architecture, Digest};

/// An export, the id that its daemon has for the image, and the architecture that is asked for.
struct Shape {
    name: &'static str,
    archive: Vec<u8>,
    id: Digest,
    wanted: Option<Architecture>,
}

/// As podman writes it: layers by their diff id, and links to them.
fn podman_archive() -> (Vec<u8>, Digest) {
    let layers = [layer_tar("base"), layer_tar("app")];
    let config = config("amd64", &layers);
    let id = Digest::of(&config);
    let names: Vec<String> = layers.iter().map(|layer| format!("{}.tar", Digest::of(layer).hex())).collect();
    let mut tar = TarFile::default();
    for (name, layer) in names.iter().zip(&layers) {
        tar.file(name, layer);
    }
    tar.file(&format!("{}.json", id.hex()), &config);
    for (number, name) in names.iter().enumerate() {
        tar.symlink(&format!("{number}/layer.tar"), &format!("../{name}"));
    }
    let entry =
        json!([{"Config": format!("{}.json", id.hex()), "RepoTags": ["localhost/app:v1"], "Layers": names}]);
    tar.file("manifest.json", &serde_json::to_vec(&entry).unwrap());
    (tar.finish(), id)
}

fn docker_20(name: &str) -> (Tree, Digest) {
    let tree = docker_tree(&[name]);
    let config = tree.keys().find(|name| name.ends_with(".json") && !name.starts_with("manifest")).unwrap();
    let id = Digest::from_hex(config.trim_end_matches(".json")).unwrap();
    (tree, id)
}

/// Where containerd keeps the images: an index with attestations, all of its platforms there.
fn containerd(architectures: &[&str]) -> (Tree, Digest) {
    let mut layout = Layout::default();
    let index = layout.index(architectures);
    let id = index["digest"].as_str().unwrap().parse().unwrap();
    (layout.add(index).tree(), id)
}

fn shapes() -> Vec<Shape> {
    let shape = |name, (tree, id): (Tree, Digest), wanted| Shape {
        name,
        archive: TarFile::of(&tree).finish(),
        id,
        wanted,
    };
    let (podman, podman_id) = podman_archive();
    let mut single = Layout::default();
    let manifest = single.image("amd64");
    let manifest_id = manifest["digest"].as_str().unwrap().parse().unwrap();
    let single = single.add(with(manifest, "annotations", json!({"io.containerd.image.name": "x"}))).tree();
    vec![
        shape("Docker 20.10", docker_20("app:v1"), None),
        shape("Docker 25", both_tables(), None),
        Shape { name: "podman", archive: podman, id: podman_id, wanted: None },
        shape("containerd, one manifest", (single, manifest_id), None),
        shape("containerd, one platform", containerd(&["amd64"]), None),
        shape("containerd, x86_64", containerd(&["amd64", "arm64"]), Some(Architecture::X86_64)),
        shape("containerd, arm64", containerd(&["amd64", "arm64"]), Some(Architecture::Arm64)),
    ]
}

fn assert_same(image: &LocalImage, other: &LocalImage, name: &str) {
    assert_eq!(image.config_bytes, other.config_bytes, "{name}");
    assert_eq!(format!("{:?}", image.original), format!("{:?}", other.original), "{name}");
    assert_eq!((&image.choice, image.flavor), (&other.choice, other.flavor), "{name}");
    for (layer, like) in image.layers.iter().zip(&other.layers) {
        assert_eq!((layer.diff_id, layer.stored_digest), (like.diff_id, like.stored_digest), "{name}");
        assert_eq!((layer.stored_size, layer.compression), (like.stored_size, like.compression), "{name}");
        assert_eq!(layer.media_type, like.media_type, "{name}");
    }
}

#[test]
fn every_shape_is_the_image_that_its_archive_is_and_is_exported_no_more_than_needed() {
    let place = Place::new();
    for Shape { name, archive, id, wanted } in shapes() {
        let saved = open(&place.write("saved.tar", &archive), "docker-archive:", "", wanted).unwrap();
        let (machine, daemon) = (Machine::new(), daemon_of(id, archive));
        let first = machine.open_for(&daemon, wanted).unwrap();
        assert_same(&first, &saved, name);
        assert_eq!(read_all(&first), read_layers(&saved), "{name}");
        let asked = ["/images/app:v1/json".to_owned(), format!("/images/{id}/get")];
        assert_eq!(daemon.take_requests(), asked, "{name}");

        let second = machine.open_for(&daemon, wanted).unwrap();
        assert_same(&second, &saved, name);
        assert_eq!(daemon.take_requests(), asked[..1], "{name}: it is remembered");
        // Several readers at once, and again, share one export.
        for _ in 0..2 {
            assert_eq!(read_all(&second), read_layers(&saved), "{name}");
        }
        assert_eq!(daemon.take_requests(), asked[1..], "{name}");
        assert_eq!(machine.files(), [format!("{}.json", id.hex())], "nothing else stays");
    }
}

#[test]
fn another_platform_of_a_remembered_image_needs_no_export_to_be_opened() {
    let (tree, id) = containerd(&["amd64", "arm64"]);
    let (machine, daemon) = (Machine::new(), daemon_with(id, &tree));
    assert_eq!(machine.open(&daemon).unwrap_err().kind(), ImageErrorKind::Ambiguous);
    daemon.take_requests();
    for wanted in [Architecture::Arm64, Architecture::X86_64] {
        let image = machine.open_for(&daemon, Some(wanted)).unwrap();
        assert_eq!(image.config.architecture, Some(wanted));
        assert_eq!(image.choice.unwrap().left_out.len(), 3, "the other platform and two attestations");
    }
    assert!(!daemon.take_requests().iter().any(|path| is_export(path)));
}

#[cfg(unix)]
#[test]
fn only_the_layers_that_were_announced_are_kept_and_another_one_costs_another_export() {
    use std::os::unix::fs::MetadataExt as _;
    let layers = [layer_tar("small"), vec![0x5a; 4 << 20], layer_tar("other layer")];
    let config = config("amd64", &layers);
    let id = Digest::of(&config);
    let mut tree = Tree::from([(format!("{}.json", id.hex()), config)]);
    for (number, layer) in layers.iter().enumerate() {
        tree.insert(format!("{number}/layer.tar"), layer.clone());
    }
    let table = json!([{"Config": format!("{}.json", id.hex()), "RepoTags": null,
        "Layers": ["0/layer.tar", "1/layer.tar", "2/layer.tar"]}]);
    tree.insert("manifest.json".into(), serde_json::to_vec(&table).unwrap());
    let (machine, daemon) = (Machine::new(), daemon_with(id, &tree));
    drop(machine.open(&daemon).unwrap());

    let image = machine.open(&daemon).unwrap();
    daemon.take_requests();
    announce([&image.layers[0]]);
    assert_eq!(read(&image.layers[0].location).unwrap(), layers[0]);
    let open_files = |at_least: u64| {
        let files = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        let sizes = files.filter_map(|file| {
            let named = std::fs::read_link(file.path()).ok()?;
            let ours = named.starts_with(machine.cache());
            std::fs::metadata(file.path()).ok().filter(|_| ours).map(|it| (it.len(), it.blocks() * 512))
        });
        sizes.filter(|(length, _)| *length >= at_least).map(|(_, stored)| stored).collect::<Vec<_>>()
    };
    let stored = open_files(4 << 20);
    assert!(matches!(stored[..], [bytes] if bytes < 1 << 20), "what is not needed is a hole: {stored:?}");
    assert_eq!(daemon.take_requests().len(), 1);
    assert_eq!(read(&image.layers[1].location).unwrap(), layers[1]);
    assert_eq!(read(&image.layers[0].location).unwrap(), layers[0]);
    assert_eq!(daemon.take_requests().len(), 1);
    drop(image);
    assert_eq!(open_files(0), Vec::<u64>::new(), "the room is free again");
}

#[test]
fn a_spoilt_record_costs_an_export_and_cannot_make_another_image() {
    let (tree, id) = docker_20("app:v1");
    let (machine, daemon) = (Machine::new(), daemon_with(id, &tree));
    let whole = machine.open(&daemon).unwrap();
    let path = machine.cache().join(format!("{}.json", id.hex()));
    let record = std::fs::read_to_string(&path).unwrap();
    for spoilt in [
        record.replace("arm64", "amd64"),
        record.replace("layer.tar\",\"size", "lauer.tar\",\"size"),
        String::new(),
    ] {
        assert_ne!(spoilt, record);
        std::fs::write(&path, &spoilt).unwrap();
        daemon.take_requests();
        let image = machine.open(&daemon).unwrap();
        assert_eq!(image.config_bytes, whole.config_bytes);
        assert_eq!(read_all(&image).len(), 2);
        let exports = daemon.take_requests().iter().filter(|path| is_export(path)).count();
        assert_eq!(exports, 1);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), record, "it was written anew");
    }
    // A size that is no more than a claim until the export is read.
    let layer = whole.layers[0].stored_size;
    std::fs::write(&path, record.replace(&format!("\"size\":{layer}"), "\"size\":4711")).unwrap();
    let image = machine.open(&daemon).unwrap();
    assert!(matches!(image.layers[0].location, BlobLocation::InStore { .. }));
    let error = read(&image.layers[0].location).unwrap_err();
    assert!(error.to_string().contains("remembered otherwise"), "{error}");
    assert_eq!(machine.files().len(), 0, "it is forgotten");
    drop(image);
    assert!(read(&machine.open(&daemon).unwrap().layers[0].location).is_ok());
}
