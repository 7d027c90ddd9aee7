//! Layers that another repository of the registry has are taken over instead of being sent.

use lambda_lift_localstack::{Effect, Turn};
use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{ACCOUNT, Account, REGION};
use crate::image::{Image, base_layer, gzip_layout, layer};

/// A base layer, and a small one on top.
fn image(note: &str) -> Image {
    let layers = vec![base_layer(), layer("var/task/note", note.as_bytes())];
    Image { layers, ..Image::small(note) }
}

/// An account in which `base` has the base layer, pushed by somebody else, and mounting is as said.
fn account_with_base(mounting: &str) -> Account {
    let account = Account::new();
    let source = gzip_layout(&account.path("base"), &image("base"));
    account
        .run(&["push", "--image", &source, "--repository", "base", "--create-repository", "--no-cache"])
        .expect(0);
    account.ecr("PutAccountSetting", json!({ "name": "BLOB_MOUNTING", "value": mounting }));
    account.stand.clear_calls();
    account
}

fn push(account: &Account, source: &str, more: &[&str]) -> Run {
    let push = ["push", "--image", source, "--repository", "app", "--create-repository"];
    account.run(&[&push[..], more].concat())
}

fn actions(document: &Value) -> Vec<&str> {
    let layers = document["image"]["layers"].as_array().unwrap();
    layers.iter().map(|layer| layer["action"].as_str().unwrap()).collect()
}

fn count(account: &Account, operation: &str) -> usize {
    account.operations().iter().filter(|called| *called == operation).count()
}

#[test]
fn a_named_repositorys_layer_is_mounted_and_not_counted_as_sent() {
    let account = account_with_base("ENABLED");
    let source = gzip_layout(&account.path("app"), &image("app"));
    let document = push(&account, &source, &["--mount-from", "base", "--no-cache"]).expect(0).clone();
    assert_eq!(actions(&document), ["mounted", "uploaded"]);
    let sent: u64 = account
        .calls()
        .iter()
        .map(|call| if call.service == "registry" { call.request_bytes } else { 0 })
        .sum();
    let manifest = account.calls().iter().find(|call| call.operation == "PutManifest").unwrap().request_bytes;
    assert_eq!(document["image"]["pushed_bytes"], sent - manifest);
    let detail = document["steps"][1]["detail"].as_str().unwrap();
    assert!(detail.contains("1 of 2 layers sent") && detail.contains("1 mounted"), "{detail}");
    assert_eq!(count(&account, "MountBlob"), 2, "both layers have known digests");
    assert_eq!(
        count(&account, "StartUpload"),
        1,
        "the top layer went into the upload that its question opened"
    );
    account.assert_stored("app", document["image"]["digest"].as_str().unwrap());
    // A full URI of the same registry is the same repository.
    let uri = format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/base");
    let arguments = ["--mount-from", &uri, "--no-cache", "--repository", "other"];
    let push = ["push", "--image", &source, "--create-repository"];
    let document = account.run(&[&push[..], &arguments].concat()).expect(0).clone();
    assert_eq!(actions(&document)[0], "mounted");
}

#[test]
fn where_the_account_does_not_mount_nothing_is_tried() {
    let account = account_with_base("DISABLED");
    let source = gzip_layout(&account.path("app"), &image("app"));
    let document = push(&account, &source, &["--mount-from", "base"]).expect(0).clone();
    assert_eq!(actions(&document), ["uploaded", "uploaded"]);
    assert_eq!((count(&account, "GetAccountSetting"), count(&account, "MountBlob")), (1, 0));
}

#[test]
fn without_a_candidate_the_setting_is_not_even_asked_for() {
    let account = account_with_base("ENABLED");
    let source = gzip_layout(&account.path("app"), &image("app"));
    push(&account, &source, &[]).expect(0);
    assert_eq!((count(&account, "GetAccountSetting"), count(&account, "MountBlob")), (0, 0));
}

#[test]
fn where_the_setting_may_not_be_read_trying_tells() {
    for (mounting, action) in [("ENABLED", "mounted"), ("DISABLED", "uploaded")] {
        let account = account_with_base(mounting);
        account.fault("GetAccountSetting", Turn::Every, Effect::Deny);
        let source = gzip_layout(&account.path("app"), &image("app"));
        let document = push(&account, &source, &["--mount-from", "base", "--jobs", "1"]).expect(0).clone();
        assert!(actions(&document).contains(&action), "{mounting}: {document:#}");
        // The configuration opens an upload of its own, each layer that is sent uses the one that its question opened.
        assert_eq!((count(&account, "MountBlob"), count(&account, "StartUpload")), (2, 1));
        account.assert_stored("app", document["image"]["digest"].as_str().unwrap());
    }
}

#[test]
fn a_source_that_refuses_costs_nothing_but_the_bytes() {
    let account = account_with_base("ENABLED");
    account.fault("MountBlob", Turn::Every, Effect::Deny);
    let source = gzip_layout(&account.path("app"), &image("app"));
    let run = push(&account, &source, &["--mount-from", "base", "--verbose", "--jobs", "1"]);
    assert_eq!(actions(run.expect(0)), ["uploaded", "uploaded"]);
    assert!(count(&account, "MountBlob") <= 2, "small layers move at the same time, each asks once");
    assert!(run.stderr.contains("nothing is mounted from base"), "{}", run.stderr);
}

#[test]
fn the_base_images_repository_is_learnt_from_the_images_label() {
    for (host, expected) in [(REGION, "mounted"), ("us-east-1", "uploaded")] {
        let account = account_with_base("ENABLED");
        let base = Some(format!("{ACCOUNT}.dkr.ecr.{host}.amazonaws.com/base:1"));
        let source = gzip_layout(&account.path("app"), &Image { base, ..image("app") });
        let document = push(&account, &source, &["--no-cache"]).expect(0).clone();
        assert_eq!(actions(&document), [expected, "uploaded"], "{host}");
    }
}

#[test]
fn where_a_layer_was_put_before_is_remembered_for_archives_too() {
    let account = Account::new();
    account.ecr("PutAccountSetting", json!({ "name": "BLOB_MOUNTING", "value": "ENABLED" }));
    let first = account.image("one", &image("one"));
    account.run(&["push", "--image", &first, "--repository", "base", "--create-repository"]).expect(0);
    let second = account.image("two", &image("two"));
    let document = push(&account, &second, &[]).expect(0).clone();
    assert_eq!(actions(&document), ["mounted", "uploaded"]);
    let third = account.image("three", &image("three"));
    let push = ["push", "--image", &third, "--repository", "more", "--create-repository", "--no-cache"];
    let document = account.run(&push).expect(0).clone();
    assert_eq!(actions(&document), ["uploaded", "uploaded"], "without a cache nothing is remembered");
}

#[test]
fn a_plan_promises_no_mount_and_says_where_one_may_come_from() {
    let account = account_with_base("ENABLED");
    let source = gzip_layout(&account.path("app"), &image("app"));
    let far = format!("{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/far");
    let plan =
        ["plan", "--image", &source, "--repository", "app", "--create-repository", "--function", "app"];
    let role = account.role();
    let more = ["--role", &role, "--mount-from", "base", "--mount-from", &far];
    let document = account.run(&[&plan[..], &more].concat()).expect(0).clone();
    assert_eq!(actions(&document), ["uploaded", "uploaded"]);
    let detail = document["steps"][1]["detail"].as_str().unwrap();
    assert!(detail.contains("at most") && detail.contains("less what can be mounted from base"), "{detail}");
    let findings = document["findings"].as_array().unwrap();
    let told = findings.iter().find(|finding| finding["check"] == "mount").unwrap();
    assert_eq!(told["severity"], "warn");
    assert!(told["message"].as_str().unwrap().contains("us-east-1"), "{told}");
}
