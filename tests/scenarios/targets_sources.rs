//! Where the image of many targets comes from: it is read once, whatever number of registries it goes to.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use lambda_lift_rig::Run;
use serde_json::Value;

use crate::account::{ACCOUNT, Account, REGION};

const REGIONS: [&str; 3] = ["eu-west-1", "us-east-1", "ap-southeast-2"];

/// Targets in three Regions, for an image.
fn configure(account: &Account, image: &str) {
    let mut text = format!(
        "image = \"{image}\"\nrepository = \"shop\"\ncreate-repository = true\nfunction.FunctionName = \"shop\"\n\
         function.Role = \"arn:aws:iam::123456789012:role/shop\"\nrelease.alias = \"live\"\n"
    );
    for region in REGIONS {
        writeln!(text, "[[target]]\nname = \"{region}\"\nregion = \"{region}\"").unwrap();
    }
    fs::write(account.path("lambda-lift.toml"), text).unwrap();
}

fn digests(run: &Run) -> BTreeSet<String> {
    let targets = run.document["targets"].as_array().unwrap().iter();
    targets.map(|target| target["image"]["digest"].as_str().unwrap().to_owned()).collect()
}

fn count(account: &Account, operation: &str) -> usize {
    account.operations().iter().filter(|found| *found == operation).count()
}

#[test]
fn an_image_of_a_registry_is_downloaded_once_for_three() {
    let account = Account::new();
    let image = account.small_image("one");
    let push = ["push", "--image", &image, "--repository", "base", "--tag", "v1", "--create-repository"];
    account.run(&push).expect(0);
    configure(&account, &format!("docker://{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/base:v1"));
    let endpoint = account.stand.url();
    for cache in [&["--no-cache"][..], &[]] {
        account.stand.clear_calls();
        let deploy = [&["deploy", "--target", "*", "--source-endpoint", &endpoint], cache].concat();
        let run = account.run(&deploy);
        run.expect(0);
        let layers = run.document["targets"][0]["image"]["layers"].as_array().unwrap().len();
        // The second run finds everything where it shall be.
        let read = if cache.is_empty() { 0 } else { layers };
        let downloads = count(&account, "DownloadLayer") - 1;
        assert_eq!(downloads, read, "the configuration, and each layer once: {:?}", account.operations());
    }
}

#[test]
fn layers_that_are_compressed_once_are_those_that_each_registry_would_have_been_sent() {
    let account = Account::new();
    let image = account.small_image("one");
    configure(&account, &image);
    let run = account.run(&["deploy", "--target", "*"]);
    assert_eq!(run.expect(0)["outcome"], "deployed");
    let alone = account.run(&["push", "--image", &image, "--repository", "alone", "--create-repository"]);
    let digest = alone.expect(0)["image"]["digest"].as_str().unwrap();
    assert_eq!(digests(&run), BTreeSet::from([digest.to_owned()]));
    for target in run.document["targets"].as_array().unwrap() {
        let actions = target["image"]["layers"].as_array().unwrap().iter().map(|layer| &layer["action"]);
        assert!(actions.clone().all(|action| action == "uploaded"), "{target:#}");
    }
    account.stand.clear_calls();
    let again = account.run(&["deploy", "--target", "*"]);
    assert_eq!((&again.expect(0)["outcome"], account.writes()), (&Value::from("unchanged"), Vec::new()));
}

#[test]
fn a_layer_that_is_damaged_reaches_no_registry() {
    let account = Account::new();
    let image = account.small_image("one");
    configure(&account, &image);
    let path = account.path("one.tar");
    let mut bytes = fs::read(&path).unwrap();
    let place = bytes.windows(3).rposition(|window| window == b"one").expect("the layer's own text");
    bytes[place] ^= 1;
    fs::write(&path, bytes).unwrap();
    let run = account.run(&["deploy", "--target", "*", "--keep-going"]);
    assert_ne!(run.code, Some(0), "{:#}", run.document);
    assert_eq!(count(&account, "PutManifest"), 0, "{:?}", account.operations());
    let errors: Vec<_> =
        run.document["targets"].as_array().unwrap().iter().map(|one| &one["error"]).collect();
    let told = |error: &&Value| error["message"].as_str().is_some_and(|text| text.contains("sha256:"));
    assert!(errors.iter().all(told), "{errors:#?}");
}

#[test]
fn what_the_registries_have_already_is_found_when_it_was_read_once() {
    let mut account = Account::new();
    let role = "arn:aws:iam::123456789012:role/shop";
    for (round, note) in ["one", "two", "one"].iter().enumerate() {
        // A machine that remembers nothing: only compressing a layer shows which one it is.
        let cache = account.path(&format!("cache-{round}"));
        account.lambda_lift.set("LAMBDA_LIFT_CACHE_DIR", &cache.display().to_string());
        configure(&account, &account.small_image(note));
        let run = account.run(&["deploy", "--target", "*", "--role", role]);
        assert_eq!(run.expect(0)["outcome"], "deployed", "round {round}");
    }
}
