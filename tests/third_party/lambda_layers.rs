//! Stacks of layers as real builders write them: what is above counts, when the image is checked and when it runs.

use lambda_lift_rig::LocalImage;
use serde_json::json;

use crate::account::images;
use crate::lambda_scene::{Scene, found, functions};

/// The start script of the image says what is not so in the merged file system, and ends.
fn assert_is_so(image: &LocalImage) {
    let scene = Scene::new();
    let checked = scene.check(&image.source, &[]);
    assert_eq!(
        (found(&checked, "refuse"), found(&checked, "warn")),
        (vec![], vec![]),
        "{:#}",
        checked.document
    );
    let run = scene.run(&image.source, &[json!({ "name": "Ada" })], &[]);
    let document = run.expect(0);
    assert_eq!(document["run"]["invocations"][0]["payload"]["message"], "Hello, Ada!");
}

#[test]
fn layers_of_buildah_hide_overwrite_and_link_as_they_should() {
    assert_is_so(&images().buildah_stack(&functions().busybox()));
}

#[test]
fn layers_of_umoci_hide_overwrite_and_link_as_they_should() {
    assert_is_so(&images().umoci_stack(&functions().busybox()));
}
