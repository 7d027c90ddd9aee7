//! What is in the image is judged in the pass that sends it: before the manifest is put, without a second read, and never by a download.

use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{Account, deploy_arguments};
use crate::image::{Image, gzip_layout, layer};

/// An image whose entry point is no file in it.
fn without_program(note: &str) -> Image {
    let layers = vec![layer("var/task/other", b"#!/bin/sh\n"), layer("var/task/note", note.as_bytes())];
    Image { layers, ..Image::small(note) }
}

/// A program that everybody may read and nobody may start, over the one that is well.
fn with_closed_program(note: &str) -> Image {
    let mut image = Image::small(note);
    image.layers.push(with_mode("var/task/bootstrap", 0o644, &image.layers[0][2048..2048 + 100]));
    image
}

/// A layer with one file of this mode.
fn with_mode(path: &str, mode: u32, content: &[u8]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    header.set_mode(mode);
    header.set_mtime(0);
    archive.append_data(&mut header, path, content).unwrap();
    archive.into_inner().unwrap()
}

/// The findings of this check.
fn found<'a>(document: &'a Value, check: &str) -> Vec<&'a Value> {
    document["findings"].as_array().unwrap().iter().filter(|finding| finding["check"] == check).collect()
}

/// Refused for what is in the image: exit 3, the finding said, and nothing of it on the wire that would publish or run it.
fn assert_unpublished(account: &Account, run: &Run, check: &str) {
    let document = run.expect(3);
    assert_eq!(document["outcome"], "refused", "{document:#}");
    let refusals: Vec<_> =
        found(document, check).into_iter().filter(|finding| finding["severity"] == "refuse").collect();
    assert_eq!(refusals.len(), 1, "{document:#}");
    assert!(!refusals[0]["hint"].as_str().unwrap().is_empty());
    assert!(run.stderr.contains(refusals[0]["message"].as_str().unwrap()), "{}", run.stderr);
    let publishing = ["PutManifest", "CreateFunction", "UpdateFunctionCode", "PublishVersion", "UpdateAlias"];
    let operations = account.operations();
    assert!(!operations.iter().any(|name| publishing.contains(&name.as_str())), "{operations:?}");
    assert!(!operations.iter().any(|name| name.starts_with("Download")), "{operations:?}");
}

#[test]
fn a_refusal_of_what_is_in_the_image_comes_before_its_manifest() {
    let account = Account::new();
    let image = account.image("bad", &without_program("bad"));
    let run = account.deploy(&image);
    assert_unpublished(&account, &run, "entrypoint-file");
    let document = &run.document;
    assert_eq!(document["error"]["kind"], "refused");
    assert!(document["error"]["message"].as_str().unwrap().contains("/var/task/bootstrap"), "{document:#}");
    let push = account.run(&["push", "--image", &image, "--repository", "other", "--create-repository"]);
    assert_unpublished(&account, &push, "entrypoint-file");
    assert_eq!(account.image_ids("hello"), []);
}
