//! Images straight from another registry: ECR to ECR across accounts and Regions with two identities, within one registry,
//! and what is not read.

use lambda_lift_localstack::{Effect, ErrorAnswer, Quirks, Settings, Turn};
use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{ACCOUNT, Account, REGION};
use crate::image::{Image, oci_layout};

/// Where the images come from.
const SOURCE_ACCOUNT: &str = "111122223333";
const SOURCE_REGION: &str = "us-west-2";

/// Two profiles; the first is the one that deploys.
const PROFILES: &str = "[default]\naws_access_key_id = 123456789012\naws_secret_access_key = this-secret-access-key-is-never-shown\n\
                        [base]\naws_access_key_id = 111122223333\naws_secret_access_key = this-secret-access-key-is-never-shown\n";

/// `docker://` and an image of the source account.
fn source(image: &str) -> String {
    format!("docker://{SOURCE_ACCOUNT}.dkr.ecr.{SOURCE_REGION}.amazonaws.com/{image}")
}

/// An account with both profiles, and `base/app:v1` of two gzip layers in the source account; the image's digest.
fn two_accounts(settings: Settings, image: &Image) -> (Account, String) {
    let mut account = Account::with(settings);
    let digest = push_to_source(&mut account, image, "v1");
    (account, digest)
}

/// Pushes the image into the source account, outside of what is tested.
fn push_to_source(account: &mut Account, image: &Image, tag: &str) -> String {
    let folder = account.path(&format!("layout-{tag}"));
    let layout = oci_layout(&folder, std::slice::from_ref(image));
    account.become_account(SOURCE_ACCOUNT);
    account.lambda_lift.set("AWS_ACCESS_KEY_ID", SOURCE_ACCOUNT);
    account.lambda_lift.set("AWS_SECRET_ACCESS_KEY", "this-secret-access-key-is-never-shown");
    let pushed = account.run(&[
        "push",
        "--image",
        &layout,
        "--repository",
        "base/app",
        "--create-repository",
        "--tag",
        tag,
        "--region",
        SOURCE_REGION,
        "--no-cache",
    ]);
    let digest = pushed.expect(0)["image"]["digest"].as_str().unwrap().to_owned();
    account.lambda_lift.use_profiles(PROFILES);
    account.id = ACCOUNT.to_owned();
    account.stand.clear_calls();
    digest
}

/// Pushes from the source account to `app` of our own.
fn push(account: &Account, image: &str, more: &[&str]) -> Run {
    let endpoint = account.stand.url();
    let arguments = [
        "push",
        "--image",
        image,
        "--repository",
        "app",
        "--create-repository",
        "--source-endpoint",
        &endpoint,
        "--no-cache",
    ];
    account.run(&[&arguments[..], more].concat())
}

/// The operations with which blobs of layers are read.
fn downloads(account: &Account) -> usize {
    account.operations().iter().filter(|operation| operation.starts_with("Download")).count()
}

fn gzip_image(note: &str) -> Image {
    Image::small(note)
}

#[test]
fn an_image_moves_between_accounts_and_regions_with_two_identities_and_keeps_its_digest() {
    let (account, digest) = two_accounts(Settings::default(), &gzip_image("one"));
    let pushed = push(&account, &source("base/app:v1"), &["--source-profile", "base"]);
    let document = pushed.expect(0);
    assert_eq!(
        (document["outcome"].as_str(), document["image"]["digest"].as_str()),
        (Some("pushed"), Some(digest.as_str()))
    );
    let actions: Vec<_> =
        document["image"]["layers"].as_array().unwrap().iter().map(|layer| &layer["action"]).collect();
    assert_eq!(actions, ["uploaded", "uploaded"]);
    let tokens: Vec<_> =
        account.calls().into_iter().filter(|call| call.operation == "GetAuthorizationToken").collect();
    let callers: Vec<_> = tokens.iter().map(|call| (call.account.as_str(), call.region.as_str())).collect();
    assert_eq!(callers, [(SOURCE_ACCOUNT, SOURCE_REGION), (ACCOUNT, REGION)]);

    account.assert_stored("app", &digest);

    // Nothing of a layer is read a second time, and by digest it is the same image.
    for image in [source("base/app:v1"), source(&format!("base/app@{digest}"))] {
        account.stand.clear_calls();
        push(&account, &image, &["--source-profile", "base", "--tag", &format!("sha256-{}", &digest[7..19])])
            .expect(0);
        assert_eq!(
            (downloads(&account), account.writes()),
            (1, Vec::new()),
            "the configuration only: {:?}",
            account.operations()
        );
    }
}

#[test]
fn of_a_new_image_only_the_layers_are_read_that_the_repository_lacks() {
    let (mut account, _) = two_accounts(Settings::default(), &gzip_image("one"));
    push(&account, &source("base/app:v1"), &["--source-profile", "base"]).expect(0);
    let second = push_to_source(&mut account, &gzip_image("two"), "v2");
    let pushed = push(&account, &source("base/app:v2"), &["--source-profile", "base"]);
    let layers = pushed.expect(0)["image"]["layers"].clone();
    assert_eq!((&layers[0]["action"], &layers[1]["action"]), (&json!("exists"), &json!("uploaded")));
    assert_eq!(downloads(&account), 2, "the configuration and one layer: {:?}", account.operations());
    account.assert_stored("app", &second);
}

#[test]
fn check_reads_layers_once_and_documents_only_after_that_or_when_asked() {
    let (account, digest) = two_accounts(Settings::default(), &gzip_image("one"));
    let endpoint = account.stand.url();
    let arguments =
        ["check", &source("base/app:v1"), "--source-profile", "base", "--source-endpoint", &endpoint];
    let documents = ["GetAuthorizationToken", "GetManifest", "HeadManifest", "GetBlob", "DownloadLayer"];
    let checked = account.run(&[&arguments[..], &["--metadata-only"]].concat());
    assert_eq!(checked.expect(0)["image"]["digest"], digest.as_str());
    assert_eq!(account.operations(), documents);
    account.stand.clear_calls();
    account.run(&arguments).expect(0);
    assert_eq!(downloads(&account), 3, "the configuration and two layers");
    account.stand.clear_calls();
    account.run(&arguments).expect(0);
    assert_eq!(account.operations(), documents, "what was in them is remembered");
    account.stand.clear_calls();
}

#[test]
fn plan_reads_documents_only() {
    let (account, digest) = two_accounts(Settings::default(), &gzip_image("one"));
    let endpoint = account.stand.url();
    let role = account.role();
    let planned = account.run(&[
        "plan",
        "--image",
        &source("base/app:v1"),
        "--function",
        "app",
        "--repository",
        "app",
        "--create-repository",
        "--role",
        &role,
        "--source-profile",
        "base",
        "--source-endpoint",
        &endpoint,
    ]);
    let document = planned.expect(0);
    assert_eq!(document["image"]["digest"], digest.as_str());
    assert_eq!((downloads(&account), account.writes()), (1, Vec::new()));
}

#[test]
fn a_function_is_deployed_from_another_registry_and_a_second_time_nothing_happens() {
    let (account, digest) = two_accounts(Settings::default(), &gzip_image("one"));
    let endpoint = account.stand.url();
    let more = ["--source-profile", "base", "--source-endpoint", &endpoint];
    let deployed = account.deploy_with(&source("base/app:v1"), &more);
    assert_eq!(deployed.expect(0)["image"]["digest"], digest.as_str());
    assert_eq!(account.settled_function("hello")["CodeSha256"], digest[7..]);
    account.stand.clear_calls();
    let again = account.deploy_with(&source("base/app:v1"), &more);
    assert_eq!(again.expect(0)["outcome"], "unchanged");
    assert_eq!((downloads(&account), account.writes()), (1, Vec::new()));
}

#[test]
fn the_platform_of_the_function_is_taken_from_an_index() {
    let mut account = Account::new();
    let both = [gzip_image("one"), gzip_image("one").for_architecture("arm64")];
    let refused = {
        let digest = push_to_source(&mut account, &both[1], "arm");
        assert!(digest.starts_with("sha256:"));
        push(&account, &source("base/app:arm"), &["--source-profile", "base", "--arch", "x86_64"])
    };
    refused.expect(3);
    assert!(refused.refusals().contains("arm64"), "{}", refused.refusals());
    assert_eq!(account.writes(), Vec::<String>::new());
}

/// Settings under which ECR mounts.
fn mounting(quirk: bool) -> Settings {
    Settings { quirks: Quirks { mounting_wants_setting: quirk, ..Quirks::default() }, ..Settings::default() }
}

#[test]
fn within_one_registry_layers_are_mounted_and_where_that_does_not_work_they_are_streamed() {
    for mounts in [true, false] {
        let account = Account::with(mounting(true));
        if mounts {
            account.ecr("PutAccountSetting", json!({ "name": "BLOB_MOUNTING", "value": "ENABLED" }));
        }
        let layout = oci_layout(&account.path("layout"), &[gzip_image("one")]);
        let based = account.run(&[
            "push",
            "--image",
            &layout,
            "--repository",
            "base/app",
            "--create-repository",
            "--tag",
            "v1",
            "--no-cache",
        ]);
        let digest = based.expect(0)["image"]["digest"].clone();
        account.stand.clear_calls();
        let image = format!("docker://{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/base/app:v1");
        let pushed = push(&account, &image, &[]);
        let document = pushed.expect(0);
        assert_eq!(document["image"]["digest"], digest);
        let action = if mounts { "mounted" } else { "uploaded" };
        assert!(
            document["image"]["layers"].as_array().unwrap().iter().all(|layer| layer["action"] == action),
            "{document:#}"
        );
        assert_eq!(downloads(&account), if mounts { 1 } else { 3 }, "{:?}", account.operations());
        account.assert_stored("app", digest.as_str().unwrap());
    }
}

#[test]
fn a_token_that_ends_in_mid_pull_is_renewed_and_a_download_that_breaks_goes_on() {
    for (operation, effect) in [
        ("GetBlob", Effect::ExpiredToken),
        ("GetManifest", Effect::ExpiredToken),
        ("GetBlob", Effect::Throttle),
        ("DownloadLayer", Effect::HalfResponse),
        ("DownloadLayer", Effect::Reset(lambda_lift_localstack::ResetMoment::BeforeBody)),
        ("GetManifest", Effect::Error(ErrorAnswer::new(503, "Busy", "later"))),
    ] {
        let (account, digest) = two_accounts(Settings::default(), &gzip_image("one"));
        account.fault(operation, Turn::First(1), effect.clone());
        push(&account, &source("base/app:v1"), &["--source-profile", "base"]).expect(0);
        account.assert_stored("app", &digest);
        assert!(
            account.calls().iter().any(|call| call.fault.is_some()),
            "{operation} {effect:?} did not happen"
        );
    }
}

#[test]
fn what_cannot_be_had_is_told_by_the_exit_code_and_in_words() {
    let (account, _) = two_accounts(Settings::default(), &gzip_image("one"));
    let base = ["--source-profile", "base"];
    let missing = push(&account, &source("base/app:none"), &base);
    missing.expect(2);
    assert!(missing.refusals().contains("base/app:none"), "{}", missing.refusals());
    let absent = push(&account, &source("base/nothing:v1"), &base);
    absent.expect(2);

    account.fault("GetManifest", Turn::Every, Effect::Deny);
    let denied = push(&account, &source("base/app:v1"), &base);
    denied.expect(2);
    assert!(
        denied.refusals().contains("ecr:BatchGetImage") && denied.refusals().contains("--source-profile"),
        "{}",
        denied.refusals()
    );
    account.clear_faults();

    let nobody = push(&account, &source("base/app:v1"), &["--source-profile", "nobody"]);
    nobody.expect(2);
    assert!(nobody.refusals().contains("nobody"), "{}", nobody.refusals());

    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let unreachable = account.run(&["check", &format!("docker://{closed}/app")]);
    unreachable.expect(1);
    assert_eq!(unreachable.document["error"]["kind"], "image_unavailable");
    assert_eq!(account.writes(), Vec::<String>::new());
}

#[test]
fn names_and_addresses_that_cannot_be_meant_end_with_2_and_no_call() {
    let account = Account::new();
    for (image, more) in [
        ("docker://", &[][..]),
        ("docker://host.example/App", &[]),
        ("docker://host.example/app@sha256:12", &[]),
        ("docker://alpine", &["--source-endpoint", "http://host.example"][..]),
        ("docker://alpine", &["--source-endpoint", "https://me:secret@host.example"]),
        ("docker://alpine", &["--source-endpoint", "nonsense"]),
    ] {
        let run = account.run(&[&["check", image][..], more].concat());
        assert_eq!(run.code, Some(2), "{image} {more:?}: {}", run.stderr);
        assert!(!run.stderr.contains("secret") && !run.stdout.contains("secret"));
    }
    assert_eq!(account.calls().len(), 0);
}

/// A credential helper on the path, and Docker's configuration that names it.
#[cfg(unix)]
fn with_helper(account: &mut Account, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = account.path("bin");
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join("docker-credential-test");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    account.lambda_lift.set("PATH", &format!("{}:/usr/bin:/bin", folder.display()));
    let configuration: Value = json!({ "credsStore": "test" });
    std::fs::create_dir_all(account.path(".docker")).unwrap();
    std::fs::write(account.path(".docker/config.json"), configuration.to_string()).unwrap();
}

#[cfg(unix)]
#[test]
fn a_credential_helper_is_asked_and_one_that_talks_rubbish_is_named() {
    // The stand-in's registry under another name than ECR's is a registry like any other: it wants a password.
    let mut account = Account::new();
    let layout = oci_layout(&account.path("layout"), &[gzip_image("one")]);
    let based = account.run(&[
        "push",
        "--image",
        &layout,
        "--repository",
        "base/app",
        "--create-repository",
        "--tag",
        "v1",
    ]);
    let digest = based.expect(0)["image"]["digest"].clone();
    let password = account.password();
    let image = format!("docker://{}/base/app:v1", account.stand.url().trim_start_matches("http://"));

    let refused = account.run(&["check", &image]);
    refused.expect(2);
    assert!(refused.refusals().contains("docker login 127.0.0.1"), "{}", refused.refusals());
    with_helper(&mut account, &format!(r#"echo '{{"Username":"AWS","Secret":"{password}"}}'"#));
    assert_eq!(account.run(&["check", &image]).expect(0)["image"]["digest"], digest);
    with_helper(&mut account, &format!("echo {password}"));
    let rubbish = account.run(&["check", &image]);
    rubbish.expect(2);
    assert!(rubbish.refusals().contains("docker-credential-test"), "{}", rubbish.refusals());
}
