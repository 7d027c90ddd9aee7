//! Back to what an alias really ran before: from any machine, fast, and never by a guess.

use lambda_lift_localstack::{CallRecord, Effect, ErrorAnswer, FaultRule, ResetMoment, Turn};
use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{ACCOUNT, Account, REGION};

const ROLLBACK: [&str; 5] = ["rollback", "--function", "hello", "--alias", "live"];

/// Deploys these images, one after the other, as versions 1, 2, …
fn deployed(notes: &[&str]) -> Account {
    let account = Account::new();
    for note in notes {
        account.deploy(&account.small_image(note)).expect(0);
    }
    account.stand.clear_calls();
    account
}

fn rollback(account: &Account, more: &[&str]) -> Run {
    account.run(&[&ROLLBACK[..], more].concat())
}

/// Version and weights of the alias.
fn alias(account: &Account) -> Value {
    let alias = account.lambda("GET", "/hello/aliases/live", Value::Null);
    json!([alias["FunctionVersion"], alias["RoutingConfig"]["AdditionalVersionWeights"]])
}

fn tags(account: &Account) -> Value {
    account.lambda("GET", "/hello", Value::Null)["Tags"].clone()
}

/// How many calls waited one for the other: the length of the longest chain.
pub(crate) fn waves(calls: &[CallRecord]) -> usize {
    let mut depths: Vec<usize> = Vec::new();
    for call in calls {
        let before = calls.iter().zip(&depths);
        let waited_for =
            before.filter(|(other, _)| other.answered.is_some_and(|answered| answered < call.began));
        depths.push(1 + waited_for.map(|(_, depth)| *depth).max().unwrap_or(0));
    }
    depths.into_iter().max().unwrap_or(0)
}

#[test]
fn a_rollback_goes_to_what_ran_before_and_a_rollback_of_it_goes_forward() {
    let account = deployed(&["one", "two", "three"]);
    let document = rollback(&account, &[]).expect(0).clone();
    assert_eq!((&document["command"], &document["outcome"]), (&json!("rollback"), &json!("rolled_back")));
    assert_eq!(document["alias"], json!({ "name": "live", "from": "3", "to": "2" }));
    assert_eq!((&document["version"], &document["error"]), (&json!("2"), &Value::Null));
    let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:hello");
    assert_eq!(
        (&document["function"]["arn"], &document["function"]["account"]),
        (&json!(arn), &json!(ACCOUNT))
    );
    assert_eq!(alias(&account), json!(["2", null]));
    rollback(&account, &[]).expect(0);
    assert_eq!(alias(&account), json!(["3", null]));
    // What it ran: 3, 2, 3, 2, 1.
    rollback(&account, &["--steps", "4"]).expect(0);
    assert_eq!(alias(&account), json!(["1", null]));
    rollback(&account, &["--to", "3"]).expect(0);
    account.stand.clear_calls();
    let nothing = rollback(&account, &["--to", "3"]).expect(0).clone();
    assert_eq!((&nothing["outcome"], account.writes()), (&json!("unchanged"), Vec::new()));
    // A function file's tags and those of the journal leave each other alone.
    account.deploy(&account.small_image("three")).expect(0);
    rollback(&account, &[]).expect(0);
    assert_eq!(alias(&account), json!(["1", null]));
}

#[test]
fn a_rollback_takes_three_waves_of_requests() {
    let account = deployed(&["one", "two"]);
    let late = FaultRule { operation: "*".to_owned(), delay_milliseconds: 1000, ..FaultRule::default() };
    account.stand.set_faults(vec![late]);
    rollback(&account, &[]).expect(0);
    let calls = account.calls();
    assert_eq!(waves(&calls), 3, "{calls:#?}");
    assert_eq!(account.writes().len(), 2, "the move and the journal: {:?}", account.writes());
}

#[test]
fn a_version_that_cannot_serve_is_refused_with_those_that_can() {
    let account = deployed(&["one", "two", "three"]);
    let version = account.lambda("GET", "/hello/configuration?Qualifier=2", Value::Null);
    let digest = format!("sha256:{}", version["CodeSha256"].as_str().unwrap());
    account.ecr(
        "BatchDeleteImage",
        json!({ "repositoryName": "hello", "imageIds": [{ "imageDigest": digest }] }),
    );
    account.stand.clear_calls();
    let run = rollback(&account, &[]);
    let error = run.expect(3)["error"].clone();
    assert_eq!(error["kind"], "version_unusable");
    assert!(error["message"].as_str().unwrap().contains("deleted"), "{error}");
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains("version 1 are still there") && hint.contains("--alias live --to 1"), "{hint}");
    assert_eq!((account.writes(), alias(&account)), (Vec::new(), json!(["3", null])));
    rollback(&account, &["--to", "1"]).expect(0);
    let missing = rollback(&account, &["--to", "9"]);
    assert!(missing.expect(3)["error"]["message"].as_str().unwrap().contains("does not exist"));
    // Who may not look at images still gets back, and is told.
    account.fault("BatchGetImage", Turn::Every, Effect::Deny);
    let run = rollback(&account, &["--to", "3"]);
    assert_eq!(run.expect(0)["findings"][0]["severity"], "unknown");
}

#[test]
fn without_a_journal_only_a_named_version_or_the_weights_lead_back() {
    let account = deployed(&["one", "two"]);
    let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:hello");
    let all = tags(&account);
    let now = all["lambda-lift:live:now"].as_str().unwrap().to_owned();
    for (edit, part) in [
        (json!({ "lambda-lift:live:now": now.replace(" 1 2 ", " 9 2 ") }), "is not as it was written"),
        (json!({ "lambda-lift:live:now": "2 something newer" }), "does not know"),
    ] {
        account.tag(&arn, edit);
        let error = rollback(&account, &[]).expect(3)["error"].clone();
        assert_eq!(error["kind"], "journal");
        assert!(error["message"].as_str().unwrap().contains(part), "{error}");
        assert!(
            error["hint"].as_str().unwrap().contains("rollback --function hello --alias live --to VERSION")
        );
    }
    account.untag(&arn, "lambda-lift:live:now");
    assert!(
        rollback(&account, &[]).expect(3)["error"]["message"].as_str().unwrap().contains("tell of no move")
    );
    account.lambda(
        "PUT",
        "/hello/aliases/live",
        json!({ "FunctionVersion": "1", "RoutingConfig": { "AdditionalVersionWeights": { "2": 0.25 } } }),
    );
    let document = rollback(&account, &[]).expect(0).clone();
    assert_eq!(document["alias"], json!({ "name": "live", "from": "1", "to": "1" }));
    assert_eq!(alias(&account), json!(["1", null]));
    rollback(&account, &["--to", "2"]).expect(0);
    // The journal has begun anew.
    rollback(&account, &[]).expect(0);
    assert_eq!(alias(&account), json!(["1", null]));
    // Moved by hand since: what it ran before is not what the journal says.
    account.deploy(&account.small_image("three")).expect(0);
    account.lambda("PUT", "/hello/aliases/live", json!({ "FunctionVersion": "2" }));
    let error = rollback(&account, &[]).expect(3)["error"].clone();
    assert!(error["message"].as_str().unwrap().contains("in another way"), "{error}");
    account.lambda("PUT", "/hello/aliases/live", json!({ "FunctionVersion": "1" }));
    let error = rollback(&account, &[]).expect(3)["error"].clone();
    assert!(error["message"].as_str().unwrap().contains("a move to version 3 was begun"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("--to 3"), "{error}");
}

#[test]
fn a_role_that_may_not_tag_deploys_and_is_told_what_it_loses() {
    let account = deployed(&["one"]);
    account.fault("TagResource", Turn::Every, Effect::Deny);
    let run = account.deploy(&account.small_image("two"));
    let findings = run.expect(0)["findings"].to_string();
    assert!(findings.contains("lambda:TagResource"), "{findings}");
    assert_eq!(alias(&account), json!(["2", null]));
    rollback(&account, &[]).expect(3);
    rollback(&account, &["--to", "1"]).expect(0);
}

#[test]
fn whatever_becomes_of_a_call_the_rollback_arrives() {
    let refusal = |status: u16, code: &str| Effect::Error(ErrorAnswer::new(status, code, "not now"));
    let effects = [
        refusal(409, "ResourceConflictException"),
        refusal(412, "PreconditionFailedException"),
        Effect::Throttle,
        refusal(500, "ServiceException"),
        Effect::Reset(ResetMoment::After),
        Effect::HalfResponse,
    ];
    let account = deployed(&["one", "two"]);
    let mut expected = ["1", "2"].iter().cycle();
    for operation in ["UpdateAlias", "TagResource"] {
        for effect in &effects {
            account.fault(operation, Turn::First(1), effect.clone());
            let run = rollback(&account, &[]);
            run.expect(0);
            let wanted = expected.next().unwrap();
            assert_eq!(alias(&account), json!([wanted, null]), "{operation} {effect:?}");
        }
    }
    // A refusal that stays says so, and that nothing was moved.
    account.fault("UpdateAlias", Turn::Every, Effect::Deny);
    let error = rollback(&account, &[]).expect(1)["error"].clone();
    assert_eq!(error["kind"], "access_denied");
    account.clear_faults();
    rollback(&account, &[]).expect(0);
}

#[test]
fn what_is_not_there_is_refused() {
    let account = deployed(&["one"]);
    let missing = account.run(&["rollback", "--function", "hello", "--alias", "blue"]);
    assert!(missing.expect(3)["error"]["message"].as_str().unwrap().contains("alias blue"));
    let missing = account.run(&["rollback", "--function", "goodbye", "--alias", "live"]);
    assert!(missing.expect(3)["error"]["message"].as_str().unwrap().contains("function goodbye"));
    assert!(rollback(&account, &[]).expect(3)["error"]["message"].as_str().unwrap().contains("no move"));
    rollback(&account, &["--to", "1", "--steps", "2"]).expect(2);
    rollback(&account, &["--to", "$LATEST"]).expect(2);
}
