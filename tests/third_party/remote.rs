//! From a registry that nobody here wrote, with a password, to another one: the image that skopeo would have copied.

use lambda_lift_rig::skopeo::{self, Inspection};
use lambda_lift_rig::{LocalImage, Registry, Run};
use serde_json::json;

use crate::account::{Account, images};

const PASSWORD: &str = "the-sources-password-is-never-shown";

/// A registry with a password, and an account whose user is logged in to it.
fn logged_in() -> (Account, Registry) {
    let (account, source) = (Account::new(), Registry::start(PASSWORD));
    let docker = account.lambda_lift.home().join(".docker");
    std::fs::create_dir_all(&docker).unwrap();
    // What `docker login` writes, for the user AWS and the password.
    let auth = base64_of(&source.credentials());
    let configuration = json!({ "auths": { source.authority(): { "auth": auth } } });
    std::fs::write(docker.join("config.json"), configuration.to_string()).unwrap();
    (account, source)
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Puts the image on disk into the source as `base/app:v1` with skopeo; its digest there.
fn put(source: &Registry, image: &LocalImage) -> String {
    skopeo::push(source, &image.source, "base/app:v1")
}

/// Pushes from the source, and reads it back with skopeo.
fn push(account: &Account, source: &Registry, more: &[&str]) -> (Run, Inspection) {
    let image = format!("docker://{}/base/app:v1", source.authority());
    let arguments = ["push", "--image", &image, "--repository", "hello", "--create-repository"];
    let run = account.lambda_lift.run(&[&arguments, more].concat());
    let digest = run.expect(0)["image"]["digest"].as_str().unwrap().to_owned();
    assert!(!run.stdout.contains(PASSWORD) && !run.stderr.contains(PASSWORD));
    (run, skopeo::inspect_pushed(&account.cloud.registry, &format!("hello@{digest}")))
}

/// The blobs that were read from the source since so many calls.
fn blobs_read(source: &Registry, since: usize) -> usize {
    let calls = source.calls().split_off(since);
    calls
        .iter()
        .filter(|call| call.to_string().contains("GET ") && call.to_string().contains("/blobs/"))
        .count()
}

#[test]
fn an_image_arrives_under_the_digest_that_it_had_and_that_skopeo_would_have_given_it() {
    let (account, source) = logged_in();
    let digest = put(&source, &images().skopeo_layout("one"));
    let (_, pushed) = push(&account, &source, &[]);
    assert_eq!(pushed.digest, digest);
    let registry = &account.cloud.registry;
    let copied = skopeo::copy(&source, "base/app:v1", registry, "copied:v1");
    assert_eq!(copied, digest);

    // A second time only the configuration is read.
    let before = source.calls().len();
    push(&account, &source, &[]);
    assert_eq!(blobs_read(&source, before), 1);
}

#[test]
fn of_a_new_image_only_the_new_layer_is_read() {
    let (account, source) = logged_in();
    put(&source, &images().skopeo_layout("one"));
    let (_, first) = push(&account, &source, &[]);
    let digest = put(&source, &images().skopeo_layout("two"));
    let before = source.calls().len();
    let (_, second) = push(&account, &source, &[]);
    assert_eq!(second.digest, digest);
    let new = second.layers.iter().filter(|layer| !first.layers.contains(layer)).count();
    assert_eq!(blobs_read(&source, before), new + 1, "the new layers and the configuration");
}

#[test]
fn zstd_layers_become_gzip_on_the_way() {
    let (account, source) = logged_in();
    put(&source, &images().skopeo_layout_with_zstd_layers("one"));
    let (_, pushed) = push(&account, &source, &[]);
    assert!(pushed.layer_media_types.iter().all(|media_type| media_type.ends_with("+gzip")), "{pushed:?}");
    assert_eq!(pushed.diff_ids, skopeo::inspect_local(&images().skopeo_layout("one").source).diff_ids);
}

#[test]
fn a_wrong_password_is_refused_with_the_way_to_sign_in() {
    let (account, source) = logged_in();
    put(&source, &images().skopeo_layout("one"));
    std::fs::remove_file(account.lambda_lift.home().join(".docker/config.json")).unwrap();
    let image = format!("docker://{}/base/app:v1", source.authority());
    let refused = account.lambda_lift.run(&["check", &image]);
    refused.expect(2);
    assert!(
        refused.refusals().contains(&format!("docker login {}", source.authority())),
        "{}",
        refused.refusals()
    );
}
