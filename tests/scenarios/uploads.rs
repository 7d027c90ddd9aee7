//! Uploads that survive: requests that stall, pushes that are cut off, and what the next run does then.

use lambda_lift_localstack::{Effect, Turn};
use serde_json::Value;

use crate::account::Account;

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
