//! A client that nobody here wrote: skopeo pushes an image and pulls it back.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::client::{ACCOUNT, OCI_MANIFEST, Scene, digest};

/// Writes an OCI layout with one image of two layers and tells the manifest's digest.
fn write_layout(folder: &Path) -> String {
    let blobs = folder.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let store = |bytes: &[u8]| {
        fs::write(blobs.join(digest(bytes).strip_prefix("sha256:").unwrap()), bytes).unwrap();
        json!({ "digest": digest(bytes), "size": bytes.len() })
    };
    let describe = |media_type: &str, bytes: &[u8]| {
        let mut descriptor = store(bytes);
        descriptor["mediaType"] = json!(media_type);
        descriptor
    };
    // Skopeo copies layers as they are; that they are no tar archives is nothing to it.
    let layers = [vec![1_u8; 7 * 1024 * 1024], b"small".to_vec()];
    let diff_ids: Vec<String> = layers.iter().map(|layer| digest(layer)).collect();
    let config = json!({ "architecture": "amd64", "os": "linux", "config": {},
                         "rootfs": { "type": "layers", "diff_ids": diff_ids } });
    let layer_type = "application/vnd.oci.image.layer.v1.tar";
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": describe("application/vnd.oci.image.config.v1+json", config.to_string().as_bytes()),
        "layers": layers.iter().map(|layer| describe(layer_type, layer)).collect::<Vec<_>>(),
    });
    let manifest = describe(OCI_MANIFEST, manifest.to_string().as_bytes());
    let digest = manifest["digest"].as_str().unwrap().to_owned();
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    fs::write(folder.join("index.json"), index.to_string()).unwrap();
    fs::write(folder.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    digest
}

fn skopeo(arguments: &[&str]) -> Option<String> {
    let output = match Command::new("skopeo").args(arguments).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        output => output.unwrap(),
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_pushes_an_image_and_pulls_the_same_bytes_back() {
    let scene = Scene::open().await;
    scene.create("team/app").await;
    let credentials = format!("AWS:{}", scene.password(ACCOUNT, json!({})).await);
    let folder = tempfile::tempdir().unwrap();
    let (source, back) = (folder.path().join("source"), folder.path().join("back"));
    let expected = write_layout(&source);
    let remote = format!("docker://127.0.0.1:{}/team/app:v1", scene.stand.port());
    let local = |path: &Path| format!("oci:{}", path.display());
    let insecure = ["--insecure-policy", "copy", "--quiet", "--preserve-digests"];
    let push = ["--dest-tls-verify=false", "--dest-creds", &credentials, &local(&source), &remote];
    let Some(_) = skopeo(&[&insecure[..], &push].concat()) else { return };
    let stored = scene.stand.images().find(ACCOUNT, "eu-west-1", "team/app", "v1").unwrap();
    assert_eq!(stored.digest, expected);
    let pull = ["--src-tls-verify=false", "--src-creds", &credentials, &remote, &local(&back)];
    skopeo(&[&insecure[..], &pull].concat());
    for entry in fs::read_dir(source.join("blobs/sha256")).unwrap() {
        let path = entry.unwrap().path();
        let copy = back.join("blobs/sha256").join(path.file_name().unwrap());
        assert_eq!(fs::read(&path).unwrap(), fs::read(&copy).unwrap(), "{}", copy.display());
    }
    let inspect = ["inspect", "--tls-verify=false", "--creds", &credentials, &remote];
    assert!(skopeo(&inspect).unwrap().contains(&expected));
    assert!(scene.operations().contains(&"DownloadLayer".to_owned()), "layers come from behind the redirect");
}
