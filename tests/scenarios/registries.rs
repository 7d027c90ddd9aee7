//! Registries that are hard to push to: limits, lag, tokens that end, addresses elsewhere. The image arrives.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use lambda_lift_localstack::{Quirks, RegistryLimits, Settings, UploadLocation};
use lambda_lift_rig::Run;

use crate::account::Account;
use crate::image::{Image, oci_layout};

fn push(account: &Account) -> Run {
    let image = oci_layout(&account.path("layout"), &[Image::in_parts().compressed()]);
    let push = ["push", "--image", &image, "--repository", "hello", "--create-repository", "--tag", "v1"];
    account.run(&[&push[..], &["--chunk-size", "5"]].concat())
}

fn arrives(settings: Settings) -> Account {
    let account = Account::with(settings);
    let run = push(&account);
    account.assert_stored("hello", run.expect(0)["image"]["digest"].as_str().unwrap());
    account
}

fn statuses(account: &Account, wanted: u16) -> usize {
    let calls = account.calls();
    calls.iter().filter(|call| call.service == "registry" && call.status == Some(wanted)).count()
}

#[test]
fn one_that_works_on_one_request_at_a_time() {
    for retry_after in [None, Some(1)] {
        let limits = RegistryLimits { concurrent: Some(1), retry_after, ..RegistryLimits::default() };
        arrives(Settings { registry_limits: limits, ..Settings::default() });
    }
}

#[test]
fn one_that_limits_how_often_each_operation_is_called() {
    let rates =
        ["InitiateLayerUpload", "BatchCheckLayerAvailability", "CompleteLayerUpload", "UploadLayerPart"];
    let rates: BTreeMap<_, _> = rates.map(|operation| (operation.to_owned(), 1)).into();
    let limits = RegistryLimits { rates, ..RegistryLimits::default() };
    let account = arrives(Settings { registry_limits: limits, ..Settings::default() });
    assert!(statuses(&account, 429) > 0, "the limits were not met");
}

#[test]
fn one_with_the_quotas_of_aws() {
    arrives(Settings { registry_limits: RegistryLimits::aws(), ..Settings::default() });
}

#[test]
fn one_whose_validator_lags() {
    arrives(Settings { validator_lag: Duration::from_millis(1500), ..Settings::default() });
}

#[test]
fn one_whose_tokens_end_in_the_middle() {
    let account = arrives(Settings { token_uses: Some(10), ..Settings::default() });
    assert!(statuses(&account, 403) > 0, "no token ended");
    // Nor do they last as long as they say.
    for reported_expiry in [SystemTime::UNIX_EPOCH, SystemTime::now() + Duration::from_secs(86_400)] {
        arrives(Settings {
            token_uses: Some(10),
            reported_expiry: Some(reported_expiry),
            ..Settings::default()
        });
    }
}

#[test]
fn one_whose_uploads_are_elsewhere() {
    for form in [UploadLocation::Relative, UploadLocation::OtherHost] {
        let quirks = Quirks { upload_location: form, ..Quirks::default() };
        let account = arrives(Settings { quirks, ..Settings::default() });
        // The other host refuses credentials with 400.
        assert_eq!(statuses(&account, 400), 0, "{form:?}");
    }
}

#[test]
fn one_that_keeps_to_the_specification() {
    arrives(Settings { quirks: Quirks::none(), ..Settings::default() });
}

#[test]
fn one_that_takes_no_more_parts_says_so() {
    let limits = RegistryLimits { parts: 2, ..RegistryLimits::default() };
    let account = Account::with(Settings { registry_limits: limits, ..Settings::default() });
    let run = push(&account);
    let message = run.expect(1)["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("at most 2 parts"), "{message}");
    assert_eq!(account.image_ids("hello"), []);
}

#[test]
fn one_that_hangs_up_on_whoever_has_no_permission() {
    let quirks = Quirks { missing_repository_closes_connection: true, ..Quirks::default() };
    let account = Account::with(Settings { quirks, ..Settings::default() });
    account.fault("StartUpload", lambda_lift_localstack::Turn::Every, lambda_lift_localstack::Effect::Deny);
    let run = push(&account);
    let hint = run.expect(1)["error"]["hint"].as_str().unwrap().to_owned();
    assert!(hint.contains("ecr:InitiateLayerUpload") && hint.contains("--create-repository"), "{hint}");
}
