//! An image from any producer arrives as the image that it was.

use std::collections::BTreeSet;

use lambda_lift_rig::skopeo::{self, Inspection};
use lambda_lift_rig::{LocalImage, Run};

use crate::account::{Account, images};

/// What Lambda takes: one family of media types, gzip layers.
const DOCKER: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
];
const OCI: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"];

/// Pushes the image, and reads it back with skopeo.
fn push(account: &Account, image: &LocalImage, more: &[&str]) -> (Run, Inspection) {
    let arguments = ["push", "--image", &image.source, "--repository", "hello", "--create-repository"];
    let run = account.lambda_lift.run(&[&arguments, more].concat());
    let digest = run.expect(0)["image"]["digest"].as_str().unwrap().to_owned();
    let pushed = skopeo::inspect_pushed(&account.cloud.registry, &format!("hello@{digest}"));
    assert_eq!(pushed.digest, digest);
    let family = if pushed.media_type == DOCKER[0] { DOCKER } else { OCI };
    assert_eq!(pushed.media_type, family[0]);
    assert_eq!(pushed.layer_media_types, BTreeSet::from([family[1].to_owned()]), "{}", image.source);
    (run, pushed)
}

/// Pushes it, and compares with what skopeo makes of the same source.
fn assert_arrives(image: &LocalImage) {
    let (_, pushed) = push(&Account::new(), image, &[]);
    let source = skopeo::inspect_local(&image.source);
    assert_eq!(pushed.diff_ids, source.diff_ids);
    assert_eq!(pushed.config, source.config, "the configuration is the image's identity");
}

#[test]
fn an_image_that_docker_saved_arrives() {
    assert_arrives(&images().docker_save("one"));
}

#[test]
fn an_image_that_podman_saved_as_a_docker_archive_arrives() {
    assert_arrives(&images().podman_docker_archive("one"));
}

#[test]
fn an_image_that_podman_saved_as_an_oci_archive_arrives() {
    assert_arrives(&images().podman_oci_archive("one"));
}

#[test]
fn an_image_that_buildah_pushed_to_a_docker_archive_arrives() {
    assert_arrives(&images().buildah_docker_archive("one"));
}

#[test]
fn an_image_that_buildah_pushed_to_an_oci_archive_arrives() {
    assert_arrives(&images().buildah_oci_archive("one"));
}

#[test]
fn an_image_in_the_shape_of_docker_25_arrives() {
    assert_arrives(&images().docker_25_archive("one"));
}

#[test]
fn a_layout_with_gzip_layers_arrives_under_its_own_digest() {
    let image = images().skopeo_layout("one");
    let (_, pushed) = push(&Account::new(), &image, &[]);
    assert_eq!(pushed, skopeo::inspect_local(&image.source), "nothing had to be made anew");
}

#[test]
fn zstd_layers_arrive_as_gzip() {
    assert_arrives(&images().skopeo_layout_with_zstd_layers("one"));
}

#[test]
fn an_archive_that_is_compressed_as_a_whole_arrives_as_the_plain_one_does() {
    let account = Account::new();
    let (_, plain) = push(&account, &images().packed("one"), &[]);
    for image in [images().gzipped_docker_archive("one"), images().zstandard_docker_archive("one")] {
        let (run, pushed) = push(&account, &image, &[]);
        assert_eq!(pushed, plain, "{}", image.source);
        assert_eq!(run.document["image"]["pushed_bytes"], 0, "{}", image.source);
    }
}

#[test]
fn a_buildkit_index_arrives_as_its_one_image_without_the_attestation() {
    let image = images().buildkit_layout_with_attestation("one");
    let (run, pushed) = push(&Account::new(), &image, &[]);
    assert_eq!(pushed, skopeo::inspect_local(&images().skopeo_layout("one").source));
    let findings = run.document["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["severity"] == "info"), "the choice is told: {findings:?}");
}

#[test]
fn each_architecture_of_an_index_can_be_chosen() {
    let image = images().buildah_two_architectures("one");
    let account = Account::new();
    for (flag, go_name) in [("x86_64", "amd64"), ("arm64", "arm64")] {
        // Both have the program of this machine.
        let (_, pushed) = push(&account, &image, &["--arch", flag, "--allow", "entrypoint-architecture"]);
        assert_eq!(pushed.architecture, go_name);
        assert_eq!(pushed.diff_ids, skopeo::inspect_platform(&image.source, Some(go_name)).diff_ids);
    }
}

#[test]
fn one_of_two_images_in_an_archive_is_chosen_by_its_reference() {
    let account = Account::new();
    let mut image = images().docker_save_of_two();
    let arguments = ["push", "--image", &image.source, "--repository", "hello", "--create-repository"];
    let run = account.lambda_lift.run(&arguments);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    for reference in ["hello:one", "hello:two"] {
        assert!(run.document.to_string().contains(reference), "{:#}", run.document);
    }
    image.source.push_str(":hello:two");
    let (_, pushed) = push(&account, &image, &[]);
    assert_eq!(pushed.config, skopeo::inspect_local(&image.source).config);
}

#[test]
fn the_same_image_gets_the_same_digest_every_time() {
    let image = images().packed("one");
    let digests: Vec<_> =
        ["1", "4"].map(|jobs| push(&Account::new(), &image, &["--jobs", jobs]).1.digest).into();
    assert_eq!(digests[0], digests[1]);
}
