//! Every producer's image is the same image, in skopeo's words.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use lambda_lift_rig::skopeo::{Inspection, inspect_local, inspect_platform};
use lambda_lift_rig::{Images, LocalImage};

fn images() -> Images {
    Images::in_folder(env!("CARGO_TARGET_TMPDIR"))
}

/// What skopeo says of a good image with the function in it.
fn inspect(image: &LocalImage) -> Inspection {
    let inspection = inspect_local(&image.source);
    assert!(!inspection.layers.is_empty(), "{inspection:?}");
    assert_eq!(inspection.architecture, images().architecture());
    inspection
}

#[test]
fn docker_saves_two_layers() {
    assert_eq!(inspect(&images().docker_save("one")).layers.len(), 2);
}

#[test]
fn docker_saves_two_images_in_one_archive() {
    let image = images().docker_save_of_two();
    let [one, two] = ["one", "two"].map(|tag| inspect_local(&format!("{}:hello:{tag}", image.source)));
    assert_eq!(one.diff_ids[0], two.diff_ids[0], "the function is the same");
    assert_ne!(one.config, two.config);
}

#[test]
fn podman_saves_the_same_image_in_both_formats() {
    let (docker, oci) = (images().podman_docker_archive("one"), images().podman_oci_archive("one"));
    assert_eq!(inspect(&docker).diff_ids.len(), 2);
    assert_eq!(inspect(&oci).media_type, "application/vnd.oci.image.manifest.v1+json");
}

#[test]
fn buildah_pushes_the_same_image_in_both_formats() {
    let (docker, oci) = (images().buildah_docker_archive("one"), images().buildah_oci_archive("one"));
    assert_eq!(inspect(&docker).media_type, "application/vnd.docker.distribution.manifest.v2+json");
    assert_eq!(inspect(&oci).media_type, "application/vnd.oci.image.manifest.v1+json");
}

#[test]
fn buildah_makes_an_index_of_two_architectures() {
    let image = images().buildah_two_architectures("one");
    for architecture in ["amd64", "arm64"] {
        assert_eq!(inspect_platform(&image.source, Some(architecture)).architecture, architecture);
    }
}

#[test]
fn the_other_wrappings_hold_the_image_that_was_packed() {
    let packed = inspect(&images().packed("one"));
    assert_eq!(inspect(&images().docker_25_archive("one")), packed);
    let layout = inspect(&images().skopeo_layout("one"));
    assert_eq!(layout.diff_ids, packed.diff_ids);
    assert!(layout.layer_media_types.contains("application/vnd.oci.image.layer.v1.tar+gzip"), "{layout:?}");
    let zstandard = inspect(&images().skopeo_layout_with_zstd_layers("one"));
    assert_eq!(zstandard.diff_ids, packed.diff_ids);
    assert!(
        zstandard.layer_media_types.contains("application/vnd.oci.image.layer.v1.tar+zstd"),
        "{zstandard:?}"
    );
    assert_eq!(inspect(&images().buildkit_layout_with_attestation("one")).layers, layout.layers);
}

#[test]
fn an_archive_compressed_as_a_whole_is_smaller_and_says_so() {
    // skopeo 1.9 claims to read these and does not, so their first bytes must do.
    let size = |image: &LocalImage| std::fs::metadata(&image.path).expect("it was just made").len();
    let packed = images().packed("one");
    let compressed = [
        (images().gzipped_docker_archive("one"), &[0x1f, 0x8b][..]),
        (images().zstandard_docker_archive("one"), &[0x28, 0xb5, 0x2f, 0xfd][..]),
    ];
    for (image, magic) in compressed {
        assert!(size(&image) < size(&packed), "{}", image.source);
        assert!(std::fs::read(&image.path).expect("it was just made").starts_with(magic), "{}", image.source);
    }
}

#[test]
fn umoci_unpacks_the_packed_function_where_lambda_looks_for_it() {
    let layout = images().skopeo_layout("one");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let bundle = folder.path().join("bundle");
    let status = Command::new("umoci")
        .args(["unpack", "--rootless", "--image", layout.source.trim_start_matches("oci:")])
        .arg(&bundle)
        .status()
        .expect("tests/run installs umoci");
    assert!(status.success());
    for (path, mode) in
        [("var", 0o755), ("var/task", 0o755), ("var/task/bootstrap", 0o755), ("var/task/note", 0o644)]
    {
        let found = bundle.join("rootfs").join(path).metadata().expect(path).permissions().mode() & 0o7777;
        assert_eq!(found, mode, "{path}: {found:o}");
    }
}
