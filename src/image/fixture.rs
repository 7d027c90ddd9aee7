//! Images and archives for tests: whole ones in every layout, and the means to spoil them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Compression, ImageError, LocalImage, SourceRef};
use crate::name::{Architecture, Digest};

pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(super) const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub(super) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
pub(super) const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
pub(super) const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// The files of an image store, by name.
pub(super) type Tree = BTreeMap<String, Vec<u8>>;

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn compress(content: &[u8], compression: Compression) -> Vec<u8> {
    match compression {
        Compression::None => content.to_vec(),
        Compression::Gzip => gzip(content),
        Compression::Zstd => zstd::encode_all(content, 1).unwrap(),
    }
}

/// A layer's tar with one file.
pub(super) fn layer_tar(name: &str) -> Vec<u8> {
    let mut archive = TarFile::default();
    archive.file(name, name.repeat(40).as_bytes());
    archive.finish()
}

pub(super) fn config(architecture: &str, layers: &[Vec<u8>]) -> Vec<u8> {
    let diff_ids: Vec<String> = layers.iter().map(|layer| Digest::of(layer).to_string()).collect();
    let value = json!({
        "architecture": architecture,
        "os": "linux",
        "config": {"Entrypoint": ["/app"], "Env": ["A=b"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    });
    serde_json::to_vec(&value).unwrap()
}

/// An OCI layout as it is put together.
#[derive(Default)]
pub(super) struct Layout {
    pub(super) tree: Tree,
    pub(super) entries: Vec<Value>,
}

impl Layout {
    pub(super) fn blob(&mut self, content: &[u8], media_type: &str) -> Value {
        let digest = Digest::of(content);
        self.tree.insert(format!("blobs/sha256/{}", digest.hex()), content.to_vec());
        json!({"mediaType": media_type, "digest": digest.to_string(), "size": content.len()})
    }

    pub(super) fn json(&mut self, value: &Value, media_type: &str) -> Value {
        self.blob(&serde_json::to_vec(value).unwrap(), media_type)
    }

    /// An ordinary image of two gzip layers; its manifest's descriptor.
    pub(super) fn image(&mut self, architecture: &str) -> Value {
        let layers = [layer_tar("base"), layer_tar(architecture)];
        let config = self.blob(&config(architecture, &layers), OCI_CONFIG);
        let layers: Vec<Value> =
            layers.iter().map(|layer| self.blob(&gzip(layer), &format!("{OCI_LAYER}+gzip"))).collect();
        self.manifest(OCI_MANIFEST, &config, &layers)
    }

    pub(super) fn manifest(&mut self, media_type: &str, config: &Value, layers: &[Value]) -> Value {
        let manifest =
            json!({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": layers});
        self.json(&manifest, media_type)
    }

    /// An index of images for these architectures, each with an attestation as BuildKit adds it.
    pub(super) fn index(&mut self, architectures: &[&str]) -> Value {
        let mut children = Vec::new();
        for architecture in architectures {
            let image = self.image(architecture);
            let attestation = self.attestation(&image);
            children.push(with(image, "platform", json!({"os": "linux", "architecture": architecture})));
            children.push(attestation);
        }
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children});
        self.json(&index, OCI_INDEX)
    }

    pub(super) fn attestation(&mut self, image: &Value) -> Value {
        let config = self.blob(&config("unknown", &[]), OCI_CONFIG);
        let statement = serde_json::to_vec(&json!({"subject": image["digest"]})).unwrap();
        let statement = self.blob(&statement, "application/vnd.in-toto+json");
        let manifest = self.manifest(OCI_MANIFEST, &config, &[statement]);
        let about = json!({
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": image["digest"],
        });
        let manifest = with(manifest, "annotations", about);
        with(manifest, "platform", json!({"os": "unknown", "architecture": "unknown"}))
    }

    pub(super) fn add(&mut self, descriptor: Value) -> &mut Self {
        self.entries.push(descriptor);
        self
    }

    pub(super) fn tree(&self) -> Tree {
        let mut tree = self.tree.clone();
        tree.insert("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": self.entries});
        tree.insert("index.json".into(), serde_json::to_vec(&index).unwrap());
        tree
    }
}

/// A layout with the one ordinary image.
pub(super) fn simple_layout() -> Tree {
    let mut layout = Layout::default();
    let image = layout.image("amd64");
    layout.add(image).tree()
}

pub(super) fn with(mut object: Value, key: &str, value: Value) -> Value {
    object[key] = value;
    object
}

pub(super) fn named(descriptor: Value, key: &str, name: &str) -> Value {
    with(descriptor, "annotations", json!({key: name}))
}

/// An archive as Docker 20.10 saves it, with one image a name.
pub(super) fn docker_tree(names: &[&str]) -> Tree {
    let mut tree = Tree::new();
    let mut entries = Vec::new();
    for name in names {
        let layers = [layer_tar("base"), layer_tar(name)];
        let config = config("arm64", &layers);
        let config_name = format!("{}.json", Digest::of(&config).hex());
        let paths: Vec<String> = ["0", "1"]
            .iter()
            .map(|n| format!("{}{n}/layer.tar", Digest::of(name.as_bytes()).hex()))
            .collect();
        for (path, layer) in paths.iter().zip(layers) {
            tree.insert(path.clone(), layer);
        }
        tree.insert(config_name.clone(), config);
        entries.push(json!({"Config": config_name, "RepoTags": [name], "Layers": paths}));
    }
    tree.insert("manifest.json".into(), serde_json::to_vec(&entries).unwrap());
    tree.insert("repositories".into(), b"{}".to_vec());
    tree
}

/// Both tables of contents, as Docker 25 writes them.
pub(super) fn both_tables() -> (Tree, Digest) {
    let mut layout = Layout::default();
    let image = layout.image("amd64");
    let image = named(image, "io.containerd.image.name", "docker.io/library/app:v1");
    let mut tree = layout.add(image.clone()).tree();
    let manifest_name = format!("blobs/sha256/{}", &image["digest"].as_str().unwrap()[7..]);
    let manifest: Value = serde_json::from_slice(&tree[&manifest_name]).unwrap();
    let path = |blob: &Value| format!("blobs/sha256/{}", &blob["digest"].as_str().unwrap()[7..]);
    let layers: Vec<String> = manifest["layers"].as_array().unwrap().iter().map(path).collect();
    let entry = json!([{"Config": path(&manifest["config"]), "RepoTags": ["app:v1"], "Layers": layers}]);
    tree.insert("manifest.json".into(), serde_json::to_vec(&entry).unwrap());
    (tree, manifest["config"]["digest"].as_str().unwrap().parse().unwrap())
}

/// A tar archive, entry by entry.
pub(super) struct TarFile(tar::Builder<Vec<u8>>);

impl Default for TarFile {
    fn default() -> Self {
        Self(tar::Builder::new(Vec::new()))
    }
}

impl TarFile {
    pub(super) fn of(tree: &Tree) -> Self {
        let mut archive = Self::default();
        for (name, content) in tree {
            archive.file(name, content);
        }
        archive
    }

    pub(super) fn file(&mut self, name: &str, content: &[u8]) -> &mut Self {
        self.entry(name, tar::EntryType::Regular, "", content)
    }

    pub(super) fn symlink(&mut self, name: &str, target: &str) -> &mut Self {
        self.entry(name, tar::EntryType::Symlink, target, b"")
    }

    /// Writes the header by hand, so that names are possible which the library refuses to write.
    pub(super) fn entry(
        &mut self,
        name: &str,
        kind: tar::EntryType,
        target: &str,
        content: &[u8],
    ) -> &mut Self {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    /// A header that says `stated` bytes, and a body that has others.
    pub(super) fn lying(&mut self, name: &str, stated: u64, content: &[u8]) -> &mut Self {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(stated);
        header.set_mode(0o644);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    pub(super) fn raw(&mut self, header: &tar::Header, content: &[u8]) -> &mut Self {
        self.0.append(header, content).unwrap();
        self
    }

    pub(super) fn finish(&mut self) -> Vec<u8> {
        std::mem::replace(&mut self.0, tar::Builder::new(Vec::new())).into_inner().unwrap()
    }
}

/// A place for one test's files.
pub(super) struct Place(tempfile::TempDir);

impl Place {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(super) fn directory(&self, name: &str, tree: &Tree) -> PathBuf {
        let root = self.path(name);
        for (name, content) in tree {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        root
    }

    /// Opens an archive of these bytes, by its bare path.
    pub(super) fn open(&self, archive: &[u8]) -> Result<LocalImage, ImageError> {
        open(&self.write("archive", archive), "", "", None)
    }

    /// Opens this tree both as a directory and as an archive, and sees to it that it makes no difference.
    pub(super) fn open_tree(
        &self,
        tree: &Tree,
        reference: &str,
        wanted: Option<Architecture>,
    ) -> Result<LocalImage, ImageError> {
        let directory = tempfile::tempdir_in(self.0.path()).unwrap();
        let directory = self.directory(directory.path().file_name().unwrap().to_str().unwrap(), tree);
        let archive = self.write("tree.tar", &TarFile::of(tree).finish());
        let in_archive = open(&archive, "oci-archive:", reference, wanted);
        let in_directory = open(&directory, "oci:", reference, wanted);
        match (&in_archive, &in_directory) {
            (Ok(one), Ok(other)) => {
                assert_eq!(format!("{:?}", one.original), format!("{:?}", other.original));
                assert_eq!(one.choice, other.choice);
                assert_eq!(read_layers(one), read_layers(other));
            }
            (Err(one), Err(other)) => assert_eq!(one.kind(), other.kind(), "{one} / {other}"),
            _ => panic!("{in_archive:?} / {in_directory:?}"),
        }
        in_archive
    }
}

pub(super) fn open(
    path: &Path,
    transport: &str,
    reference: &str,
    wanted: Option<Architecture>,
) -> Result<LocalImage, ImageError> {
    let text = format!("{transport}{}{reference}", path.display());
    let source = text.parse::<SourceRef>()?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(super::open(&source, wanted, &super::SourceAccess::default()))
}

/// The stored bytes of every layer.
pub(super) fn read_layers(image: &LocalImage) -> Vec<Vec<u8>> {
    image.layers.iter().map(|layer| read(&layer.location)).collect()
}

pub(super) fn read(location: &super::BlobLocation) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut location.open(0).unwrap(), &mut bytes).unwrap();
    bytes
}
