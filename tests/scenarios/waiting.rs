//! Lambda changes a function after it has answered: what is waited for, for how long, and what ends the waiting.

use std::time::{Duration, Instant};

use lambda_lift_localstack::lambda::{Injection, LambdaSettings, Mishap, Reason};
use lambda_lift_localstack::{Effect, ErrorAnswer, Settings, Turn};
use serde_json::{Value, json};

use crate::account::Account;

fn with_lambda(lambda: LambdaSettings) -> Account {
    Account::with(Settings { lambda, ..Settings::default() })
}

fn refusal(status: u16, code: &str, message: &str) -> Effect {
    Effect::Error(ErrorAnswer::new(status, code, message))
}

fn mishap(mishap: Mishap) -> LambdaSettings {
    LambdaSettings {
        inject: vec![Injection { function: "hello".to_owned(), mishap, times: 1 }],
        ..LambdaSettings::default()
    }
}

#[test]
fn slow_settling_is_waited_for_at_every_step() {
    let slow = Duration::from_millis(900);
    let account = with_lambda(LambdaSettings {
        create_settle: slow,
        update_settle: slow,
        publish_settle: slow,
        ..LambdaSettings::default()
    });
    account.deploy(&account.small_image("one")).expect(0);
    let run = account.deploy_with(&account.small_image("two"), &["--memory", "256"]);
    run.expect(0);
    assert!(run.stderr.contains("wait:"), "{}", run.stderr);
    let state = account.end_state();
    assert_eq!((&state["alias"][0], &state["memory"]), (&json!("2"), &json!(256)));
    // Nobody may ask for anything while Lambda is busy.
    assert!(account.calls().iter().all(|call| call.status != Some(409)), "a change was sent too early");
}

#[test]
fn a_change_of_somebody_else_in_progress_is_waited_out() {
    let account = with_lambda(LambdaSettings {
        update_settle: Duration::from_millis(1500),
        ..LambdaSettings::default()
    });
    account.deploy(&account.small_image("one")).expect(0);
    account.lambda("PUT", "/hello/configuration", json!({ "Description": "somebody else's" }));
    let image = account.small_image("two");
    account.deploy(&image).expect(0);
    assert_eq!(account.settled_function("hello")["Description"], "somebody else's");

    // The same, when the first look says that all is quiet and the write is refused.
    let account = Account::deployed(|account| account.small_image("one")).0;
    let busy = "The operation cannot be performed at this time. An update is in progress for resource: hello";
    account.fault("UpdateFunctionCode", Turn::First(2), refusal(409, "ResourceConflictException", busy));
    account.deploy(&account.small_image("two")).expect(0);
    assert_eq!(account.end_state()["alias"][0], "2");
}

#[test]
fn a_new_role_is_given_time_to_become_known() {
    let account = with_lambda(LambdaSettings {
        role_propagation: Duration::from_millis(1500),
        ..LambdaSettings::default()
    });
    let begun = Instant::now();
    account.deploy(&account.small_image("one")).expect(0);
    assert!(begun.elapsed() >= Duration::from_millis(1400));
    let tries = account.operations().iter().filter(|operation| *operation == "CreateFunction").count();
    assert!(tries > 1);
}

#[test]
fn a_role_that_never_becomes_known_ends_with_awss_own_words() {
    let role = crate::account::ROLE.to_owned();
    let account = with_lambda(LambdaSettings { unassumable_roles: vec![role], ..LambdaSettings::default() });
    let run = account.deploy_with(&account.small_image("one"), &["--wait-timeout", "1s"]);
    let document = run.expect(1);
    assert!(run.refusals().contains("cannot be assumed by Lambda"), "{document:#}");
}

#[test]
fn waiting_ends_with_the_timeout_and_names_the_state() {
    let long = Duration::from_secs(3600);
    let account = with_lambda(LambdaSettings { create_settle: long, ..LambdaSettings::default() });
    let image = account.small_image("one");
    let document = account.deploy_with(&image, &["--wait-timeout", "1s"]).expect(4).clone();
    assert_eq!(document["error"]["kind"], "timeout");
    assert!(document["error"]["message"].as_str().unwrap().contains("Pending"), "{document:#}");
    assert!(document["error"]["hint"].as_str().unwrap().contains("--wait-timeout"), "{document:#}");
    assert_eq!(document["version"], Value::Null);
    assert_eq!(document["alias"]["to"], Value::Null, "nothing was moved: {document:#}");
}

#[test]
fn a_failed_update_ends_at_once_with_awss_reason_and_the_next_run_mends_it() {
    let reason = || Reason {
        code: "InvalidImage".to_owned(),
        text: "ImageLayerFailure: UnsupportedImageLayerDetected".to_owned(),
    };
    let account = with_lambda(mishap(Mishap::UpdateFails(reason())));
    account.deploy(&account.small_image("one")).expect(0);
    let image = account.small_image("two");
    let begun = Instant::now();
    let document = account.deploy(&image).expect(4).clone();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(document["error"]["kind"], "function_failed");
    let said = document["error"].to_string();
    for word in ["InvalidImage", "UnsupportedImageLayerDetected", "lambda-lift check"] {
        assert!(said.contains(word), "{word} is not in {said}");
    }
    assert_eq!(
        account.lambda("GET", "/hello/aliases/live", Value::Null)["FunctionVersion"],
        "1",
        "traffic stays"
    );
    account.deploy(&image).expect(0);
    let state = account.end_state();
    assert_eq!((&state["alias"][0], &state["update"]), (&json!("2"), &json!("Successful")));
}

#[test]
fn a_failed_creation_ends_at_once_with_awss_reason() {
    let reason = Reason { code: "ImageAccessDenied".to_owned(), text: "Lambda may not pull".to_owned() };
    let account = with_lambda(mishap(Mishap::CreateFails(reason)));
    let image = account.small_image("one");
    let document = account.deploy(&image).expect(4).clone();
    assert_eq!(document["error"]["kind"], "function_failed");
    assert!(document["error"].to_string().contains("ImageAccessDenied"), "{document:#}");
    assert!(!account.operations().contains(&"PublishVersion".to_owned()));
    account.deploy(&image).expect(0);
    assert_eq!(account.end_state()["alias"][0], "1");
}

#[test]
fn a_version_that_fails_gets_no_traffic() {
    let reason = Reason { code: "InternalError".to_owned(), text: "no luck".to_owned() };
    let account = with_lambda(mishap(Mishap::PublishFails(reason)));
    let document = account.deploy(&account.small_image("one")).expect(4).clone();
    assert!(document["error"].to_string().contains("InternalError"), "{document:#}");
    assert!(!account.operations().contains(&"CreateAlias".to_owned()));
    assert_eq!(document["alias"]["to"], Value::Null, "{document:#}");
}

#[test]
fn a_revision_that_changes_underneath_is_looked_at_again() {
    let (account, _) = Account::deployed(|account| account.small_image("one"));
    let stale = "The RevisionId provided does not match the latest RevisionId.";
    for operation in ["UpdateFunctionCode", "PublishVersion", "UpdateAlias"] {
        account.fault(operation, Turn::First(1), refusal(412, "PreconditionFailedException", stale));
        let image = account.small_image(operation);
        account.deploy(&image).expect(0);
        account.end_state();
    }
}

#[test]
fn an_alias_of_which_nobody_knows_whether_it_moved_is_left_to_a_person() {
    let (account, _) = Account::deployed(|account| account.small_image("one"));
    let rule = |operation: &str, calls, effect| lambda_lift_localstack::FaultRule {
        operation: operation.to_owned(),
        calls,
        effect: Some(effect),
        ..lambda_lift_localstack::FaultRule::default()
    };
    account.stand.set_faults(vec![
        rule("UpdateAlias", Turn::Every, refusal(500, "ServiceException", "no luck")),
        rule("GetAlias", Turn::After(1), refusal(500, "ServiceException", "no luck")),
    ]);
    let image = account.small_image("two");
    let document = account.deploy(&image).expect(6).clone();
    assert_eq!(document["error"]["kind"], "alias_unknown");
    assert_eq!(document["outcome"], "failed");
    account.clear_faults();
    account.deploy(&image).expect(0);
    assert_eq!(account.end_state()["alias"][0], "2");
}
