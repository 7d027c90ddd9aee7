//! Uploads that survive: requests that stall, pushes that are cut off, and what the next run does then.

use std::fs;
use std::process::Child;

use lambda_lift_localstack::{Effect, Turn};
use serde_json::Value;

use crate::account::Account;
use crate::image::Image;
use crate::interrupted::{interrupt, wait_for_calls};

/// Pushes `image` to the repository `hello`.
fn push_arguments<'a>(image: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let always = ["push", "--image", image, "--repository", "hello", "--create-repository"];
    [&always[..], more].concat()
}

/// What was pushed is there, byte for byte.
fn assert_arrived(account: &Account, document: &Value) {
    account.assert_stored("hello", document["image"]["digest"].as_str().unwrap());
}

#[test]
fn a_request_in_which_nothing_moves_is_given_up_and_made_again() {
    for operation in ["HeadBlob", "StartUpload", "FinishUpload", "PutManifest"] {
        let account = Account::new();
        account.fault(operation, Turn::First(1), Effect::Stall);
        let image = account.small_image("one");
        let run = account.run(&push_arguments(&image, &["--stall-timeout", "1s"]));
        assert_arrived(&account, run.expect(0));
        assert!(run.stderr.contains("nothing moved for 1 s"), "{operation}: {}", run.stderr);
    }
}

/// A layer of 25 MiB: six parts of five MiB, the last of them small.
fn large_image(account: &Account) -> String {
    account.image("large", &Image::with_bulk("large", 25))
}

const PART: u64 = 5 << 20;

/// Starts a push of the large image whose third part gets no answer. When this returns, two parts were accepted, the
/// third is on its way, and the other blobs are there.
fn started(account: &Account, image: &str) -> Child {
    account.fault("UploadPart", Turn::After(2), Effect::Stall);
    let mut child = account.start(&push_arguments(image, &["--chunk-size", "5"]));
    wait_for_calls(account, "FinishUpload", 2, &mut child);
    wait_for_calls(account, "UploadPart", 3, &mut child);
    child
}

/// Pushes again, and holds that nothing was sent that the registry had.
fn assert_goes_on(account: &Account, image: &str) {
    account.clear_faults();
    account.stand.clear_calls();
    let run = account.run(&push_arguments(image, &["--chunk-size", "5"]));
    let document = run.expect(0);
    assert_arrived(account, document);
    assert!(run.stderr.contains("resume: layer"), "{}", run.stderr);
    let operations = account.operations();
    assert!(!operations.contains(&"StartUpload".to_owned()), "{operations:?}");
    let layers = document["image"]["layers"].as_array().unwrap();
    let large = layers.iter().map(|layer| layer["size"].as_u64().unwrap()).max().unwrap();
    assert_eq!(document["image"]["pushed_bytes"], large - 2 * PART, "only this run's bytes are counted");
    let to_upload = |call: &&lambda_lift_localstack::CallRecord| {
        ["UploadPart", "FinishUpload"].contains(&call.operation.as_str())
    };
    let sent: u64 = account.calls().iter().filter(to_upload).map(|call| call.request_bytes).sum();
    assert_eq!(sent, large - 2 * PART + 1, "the rest, and the byte that asks how far the upload is");
    assert_eq!(fs::read_dir(uploads_folder(account)).unwrap().count(), 0, "nothing is left behind");
}

fn uploads_folder(account: &Account) -> std::path::PathBuf {
    account.path("cache/lambda-lift/uploads")
}

#[test]
fn a_push_that_was_asked_to_stop_goes_on_where_it_was() {
    for signal in ["TERM", "INT"] {
        let account = Account::new();
        let image = large_image(&account);
        let child = started(&account, &image);
        let run = interrupt(child, signal);
        let error = &run.expect(1)["error"];
        assert_eq!(error["kind"], "interrupted");
        assert!(error["hint"].as_str().unwrap().contains("run the same command again"), "{error}");
        assert_goes_on(&account, &image);
    }
}

#[test]
fn a_push_that_was_killed_goes_on_where_it_was() {
    let account = Account::new();
    let image = large_image(&account);
    let mut child = started(&account, &image);
    // An entry is written beside the sending of the next part.
    std::thread::sleep(std::time::Duration::from_millis(500));
    child.kill().unwrap();
    assert_eq!(Account::finish(child).code, None);
    assert_goes_on(&account, &image);
}

#[test]
fn a_push_that_takes_too_long_ends_and_goes_on_in_a_second_run() {
    let account = Account::new();
    let image = large_image(&account);
    account.fault("UploadPart", Turn::After(2), Effect::Stall);
    let run = account.run(&push_arguments(&image, &["--chunk-size", "5", "--push-timeout", "8s"]));
    let error = &run.expect(1)["error"];
    assert_eq!(error["kind"], "timeout", "{error}");
    let diff_id = &Image::with_bulk("large", 25).diff_ids()[1];
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("8 s") && message.contains("missing are 1 of 2 layers"), "{message}");
    assert!(message.contains(diff_id.as_str()), "{message}");
    assert!(error["hint"].as_str().unwrap().contains("--push-timeout"), "{error}");
    assert_goes_on(&account, &image);
}

#[test]
fn a_part_that_was_cut_off_in_its_middle_makes_the_layer_begin_anew() {
    // What arrived of it stays, as in ECR, and an upload with such a part can never be completed.
    let account = Account::new();
    let image = large_image(&account);
    let child = started(&account, &image);
    interrupt(child, "TERM").expect(1);
    let record = fs::read_dir(uploads_folder(&account)).unwrap().map(|file| file.unwrap().path());
    let record = record.into_iter().find(|path| path.extension().is_some_and(|end| end == "json")).unwrap();
    let document: Value = serde_json::from_slice(&fs::read(record).unwrap()).unwrap();
    account.clear_faults();
    account.send_half_a_part(document["location"].as_str().unwrap(), 2 * PART, PART);
    account.stand.clear_calls();
    let run = account.run(&push_arguments(&image, &["--chunk-size", "5"]));
    assert_arrived(&account, run.expect(0));
    let operations = account.operations();
    assert_eq!(operations.iter().filter(|operation| *operation == "StartUpload").count(), 1);
}
