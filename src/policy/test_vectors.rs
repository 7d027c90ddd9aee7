//! Tables of policies and what they say: every vector of the facts, then each rule and operator.

use serde_json::{Value, json};

use super::assessment::{Side, Verdict};
use super::document::Document;
use super::evaluate::evaluate;
use super::request::Request;
use Verdict::{Denied, Granted, Missing, Unknown};

/// The account of the repository.
pub(super) const A: &str = "111111111111";
/// Another account.
pub(super) const B: &str = "222222222222";

/// A request of a function `shop` in eu-central-1.
pub(super) fn request(repository_account: &str, account: &str) -> Request {
    let region = "eu-central-1".parse().unwrap();
    Request::new(repository_account.parse().unwrap(), account.parse().unwrap(), region)
        .for_function("shop".parse().unwrap())
}

pub(super) fn policy(statements: &Value) -> Document {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string().parse().unwrap()
}

pub(super) fn service(statements: &Value, account: &str) -> Side {
    evaluate(Some(&policy(statements)), &request(account, account)).service
}

pub(super) fn caller(statements: &Value, arn: Option<&str>) -> Side {
    let request = Request { caller_arn: arn.map(str::to_owned), ..request(A, B) };
    evaluate(Some(&policy(statements)), &request).caller.unwrap()
}

pub(super) fn both_actions() -> Value {
    json!(["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"])
}

/// A statement for the service and both actions, with `more` added or put in their place.
pub(super) fn statement(effect: &str, more: Value) -> Value {
    let mut statement = json!({
        "Effect": effect, "Principal": { "Service": "lambda.amazonaws.com" }, "Action": both_actions() });
    for (key, value) in more.as_object().unwrap() {
        statement[key] = value.clone();
    }
    let without_principal = more.get("NotPrincipal").is_some();
    let without_action = more.get("NotAction").is_some();
    let map = statement.as_object_mut().unwrap();
    if without_principal {
        map.shift_remove("Principal");
    }
    if without_action {
        map.shift_remove("Action");
    }
    statement
}

pub(super) fn allow(more: Value) -> Value {
    statement("Allow", more)
}

/// A Deny for everyone.
pub(super) fn deny(more: Value) -> Value {
    let mut statement = statement("Deny", more);
    if statement.get("Principal").is_some() {
        statement["Principal"] = json!("*");
    }
    statement
}

pub(super) fn when(operator: &str, key: &str, value: impl Into<Value>) -> Value {
    json!({ "Condition": { operator: { key: value.into() } } })
}

pub(super) fn functions_of(account: &str) -> String {
    format!("arn:aws:lambda:eu-central-1:{account}:function:*")
}

#[test]
fn every_vector_of_the_facts_has_its_verdict() {
    let like = |value: Value| json!([allow(when("StringLike", "aws:sourceArn", value))]);
    let organization_pitfall = deny(when("StringNotEquals", "aws:PrincipalOrgID", "o-1"));
    let mut pitfall_mended = organization_pitfall.clone();
    pitfall_mended["Condition"]["BoolIfExists"] = json!({ "aws:PrincipalIsAWSService": "false" });
    let table = [
        ("service allow, both actions", json!([allow(json!({}))]), Granted, Granted),
        (
            "service allow, one action",
            json!([allow(json!({"Action": "ecr:BatchGetImage"}))]),
            Missing,
            Missing,
        ),
        (
            "two statements, one action each",
            json!([
                allow(json!({"Action": "ecr:BatchGetImage"})),
                allow(json!({"Action": "ecr:GetDownloadUrlForLayer"}))
            ]),
            Granted,
            Granted,
        ),
        ("ecr:*", json!([allow(json!({"Action": "ecr:*"}))]), Granted, Granted),
        (
            "wildcards on both",
            json!([allow(json!({"Action": ["ecr:Batch*", "ecr:GetDownload*"]}))]),
            Granted,
            Granted,
        ),
        ("sourceArn of A", like(functions_of(A).into()), Granted, Missing),
        (
            "StringEquals with a star",
            json!([allow(when("StringEquals", "aws:sourceArn", functions_of(A)))]),
            Missing,
            Missing,
        ),
        (
            "ArnEquals with a star",
            json!([allow(when("ArnEquals", "aws:sourceArn", functions_of(A)))]),
            Granted,
            Missing,
        ),
        ("value list of both", like(json!([functions_of(A), functions_of(B)])), Granted, Granted),
        ("source account", json!([allow(when("StringEquals", "aws:SourceAccount", A))]), Granted, Missing),
        (
            "account root only",
            json!([allow(json!({"Principal": {"AWS": format!("arn:aws:iam::{A}:root")}}))]),
            Missing,
            Missing,
        ),
        (
            "deny everyone",
            json!([allow(json!({})), deny(json!({"Action": "ecr:BatchGetImage"}))]),
            Denied,
            Denied,
        ),
        (
            "deny other accounts",
            json!([allow(json!({})), deny(when("StringNotEquals", "aws:SourceAccount", A))]),
            Granted,
            Denied,
        ),
        ("deny other organizations", json!([allow(json!({})), organization_pitfall]), Denied, Denied),
        ("the same, sparing services", json!([allow(json!({})), pitfall_mended]), Granted, Granted),
        (
            "deny other networks",
            json!([allow(json!({})), deny(when("NotIpAddress", "aws:SourceIp", "10.0.0.0/8"))]),
            Unknown,
            Unknown,
        ),
        (
            "deny all but an account",
            json!([
                allow(json!({})),
                deny(json!({"NotPrincipal": {"AWS": format!("arn:aws:iam::{A}:root")}}))
            ]),
            Denied,
            Denied,
        ),
        ("allow all but deletion", json!([allow(json!({"NotAction": "ecr:Delete*"}))]), Granted, Granted),
        (
            "allow an organization",
            json!([allow(json!({
                "Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}))]),
            Missing,
            Missing,
        ),
    ];
    for (name, statements, for_a, for_b) in table {
        assert_eq!(service(&statements, A).verdict, for_a, "{name}, for A");
        assert_eq!(service(&statements, B).verdict, for_b, "{name}, for B");
    }
}

#[test]
fn a_repository_without_policy_misses_everything() {
    let none = evaluate(None, &request(A, B));
    assert_eq!(none.verdict(), Missing);
    assert_eq!(none.service.missing_actions, ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]);
    assert_eq!(none.caller.unwrap().verdict, Missing);
    assert_eq!(evaluate(None, &request(A, A)).caller, None);
}

#[test]
fn a_side_says_why() {
    let partial = service(&json!([allow(json!({"Action": "ecr:BatchGetImage"}))]), A);
    assert_eq!(partial.missing_actions, ["ecr:GetDownloadUrlForLayer"]);

    let mut named = deny(json!({"Action": "ecr:BatchGetImage"}));
    named["Sid"] = json!("Closed");
    let denied = service(&json!([allow(json!({})), named, deny(json!({"Action": "ecr:Get*"}))]), A);
    assert_eq!(denied.denied_by.iter().map(ToString::to_string).collect::<Vec<_>>(), ["Closed", "#3"]);
    assert!(denied.missing_actions.is_empty() && denied.conditions.is_empty());

    let open = [
        deny(when("NotIpAddress", "aws:SourceIp", "10.0.0.0/8")),
        deny(when("StringNotEquals", "AWS:sourceVpce", "v")),
    ];
    let undecided = service(&json!([allow(json!({})), open[0], open[1]]), A);
    assert_eq!(undecided.verdict, Unknown);
    assert_eq!(undecided.conditions, ["AWS:sourceVpce", "aws:SourceIp"]);

    let broad = service(&json!([allow(json!({"NotPrincipal": {"AWS": B}}))]), A);
    assert_eq!(broad.verdict, Granted);
    assert!(broad.notes[0].contains("Allow with NotPrincipal"), "{:?}", broad.notes);
}

#[test]
fn service_only_leaves_the_caller_side_missing() {
    let across = evaluate(Some(&policy(&json!([allow(json!({}))]))), &request(A, B));
    assert_eq!(across.service.verdict, Granted);
    assert_eq!(across.caller.as_ref().unwrap().verdict, Missing);
    assert_eq!(across.verdict(), Missing);
}

#[test]
fn a_single_statement_and_both_versions_are_read() {
    for version in ["\"Version\":\"2008-10-17\",", "\"Version\":\"2012-10-17\",", ""] {
        let text = format!("{{{version}\"Id\":\"x\",\"Statement\":{}}}", allow(json!({})));
        let document: Document = text.parse().unwrap();
        assert_eq!(evaluate(Some(&document), &request(A, A)).verdict(), Granted, "{text}");
    }
}

#[test]
fn actions_match_in_any_case_with_wildcards_anywhere() {
    let table = [
        (json!("*"), Granted),
        (json!("ECR:*"), Granted),
        (json!(["ecr:batchgetimage", "ecr:GETDOWNLOADURLFORLAYER"]), Granted),
        (json!("ecr:?*et*"), Granted),
        (json!(["ecr:BatchGet?mage", "*Layer"]), Granted),
        (json!("ecr:Batch*"), Missing),
        (json!("ecr"), Missing),
        (json!([]), Missing),
        (json!("s3:*"), Missing),
    ];
    for (action, expected) in table {
        assert_eq!(service(&json!([allow(json!({ "Action": action }))]), A).verdict, expected, "{action}");
    }
    for not_action in ["ecr:BatchGet*", "*"] {
        let statements = json!([allow(json!({ "NotAction": not_action }))]);
        assert_eq!(service(&statements, A).verdict, Missing, "{not_action}");
    }
}

#[test]
fn the_service_is_covered_by_these_principals() {
    let table = [
        ("Principal", json!("*"), Unknown, Denied),
        ("Principal", json!({"AWS": "*"}), Unknown, Denied),
        ("Principal", json!({"AWS": ["*", A]}), Unknown, Denied),
        ("Principal", json!({"Service": ["ecs.amazonaws.com", "lambda.amazonaws.com"]}), Granted, Denied),
        ("Principal", json!({"AWS": A, "Service": "lambda.amazonaws.com"}), Granted, Denied),
        ("Principal", json!({"Service": "lambda.*"}), Missing, Granted),
        ("Principal", json!({"AWS": "lambda.amazonaws.com"}), Missing, Granted),
        ("Principal", json!({"Federated": "x", "CanonicalUser": "y"}), Missing, Granted),
        ("Principal", json!({"Tomorrow": "x"}), Unknown, Unknown),
        ("Principal", json!({}), Missing, Granted),
        ("NotPrincipal", json!({"Service": "lambda.amazonaws.com"}), Missing, Granted),
        ("NotPrincipal", json!({"Service": "ecs.amazonaws.com"}), Granted, Denied),
        ("NotPrincipal", json!({"AWS": A}), Granted, Denied),
        ("NotPrincipal", json!("*"), Unknown, Unknown),
    ];
    for (element, value, allowed, denied) in table {
        let mut grant = allow(json!({ element: value }));
        assert_eq!(service(&json!([grant]), A).verdict, allowed, "Allow {element} {value}");
        grant["Effect"] = json!("Deny");
        assert_eq!(service(&json!([allow(json!({})), grant]), A).verdict, denied, "Deny {element} {value}");
    }
}

#[test]
fn the_caller_is_covered_by_these_principals() {
    let root = format!("arn:aws:iam::{B}:root");
    let role = format!("arn:aws:iam::{B}:role/ci/deploy");
    let session = format!("arn:aws:sts::{B}:assumed-role/deploy/run-7");
    let user = format!("arn:aws:iam::{B}:user/ann");
    let (role, session, user) = (role.as_str(), session.as_str(), user.as_str());
    let table = [
        (json!("*"), None, Granted),
        (json!({"AWS": root}), None, Granted),
        (json!({"AWS": [A, B]}), None, Granted),
        (json!({"AWS": A}), None, Missing),
        (json!({"AWS": format!("arn:aws-cn:iam::{B}:root")}), None, Missing),
        (json!({"AWS": format!("arn:aws:iam::{B}:*")}), Some(user), Missing),
        (json!({"AWS": "AROAEXAMPLEID"}), None, Missing),
        (json!({"Service": "lambda.amazonaws.com"}), None, Missing),
        (json!({"AWS": role}), None, Unknown),
        (json!({"AWS": role}), Some(role), Granted),
        (json!({"AWS": role}), Some(session), Granted),
        (json!({"AWS": session}), Some(session), Granted),
        (json!({"AWS": session}), Some(role), Unknown),
        (json!({"AWS": role}), Some(user), Missing),
        (json!({"AWS": user}), Some(user), Granted),
        (json!({"AWS": user}), Some("not an ARN"), Unknown),
        (json!({"AWS": format!("arn:aws:iam::{A}:role/ci/deploy")}), Some(session), Missing),
        (json!({"AWS": role}), Some("arn:aws:sts::111111111111:assumed-role/deploy/run-7"), Missing),
        (json!({"Tomorrow": "x"}), None, Unknown),
    ];
    for (principal, arn, expected) in table {
        let side = caller(&json!([allow(json!({ "Principal": principal }))]), arn);
        assert_eq!(side.verdict, expected, "{principal} {arn:?}");
        if principal == json!({ "AWS": role }) && expected == Unknown {
            assert_eq!(side.conditions, ["aws:PrincipalArn"]);
        }
    }
}

#[test]
fn not_principal_spares_a_caller_only_with_identity_and_account() {
    let root = format!("arn:aws:iam::{B}:root");
    let user = format!("arn:aws:iam::{B}:user/ann");
    let role = format!("arn:aws:iam::{B}:role/deploy");
    let session = format!("arn:aws:sts::{B}:assumed-role/deploy/run-7");
    let (user_arn, session_arn) = (Some(user.as_str()), Some(session.as_str()));
    let table = [
        (json!({"AWS": A}), None, Denied, Granted),
        (json!({"Service": "lambda.amazonaws.com"}), None, Denied, Granted),
        (json!("*"), None, Granted, Missing),
        (json!({"AWS": root}), None, Unknown, Missing),
        (json!({"AWS": root}), user_arn, Denied, Missing),
        (json!({"AWS": [root, user]}), user_arn, Granted, Missing),
        (json!({"AWS": user}), user_arn, Unknown, Missing),
        (json!({"AWS": user}), None, Unknown, Unknown),
        (json!({"AWS": [root, role]}), session_arn, Unknown, Missing),
        (json!({"Tomorrow": "x"}), None, Unknown, Unknown),
    ];
    for (listed, arn, denied, allowed) in table {
        let mut not = statement("Deny", json!({ "NotPrincipal": listed }));
        let open = allow(json!({ "Principal": { "AWS": B } }));
        assert_eq!(caller(&json!([open, not]), arn).verdict, denied, "Deny {listed} {arn:?}");
        not["Effect"] = json!("Allow");
        assert_eq!(caller(&json!([not]), arn).verdict, allowed, "Allow {listed} {arn:?}");
    }
}

#[test]
fn what_is_not_understood_is_never_granted() {
    let table = [
        (allow(json!({"Resource": "*"})), Granted),
        (allow(json!({"Resource": "arn:aws:ecr:eu-central-1:111111111111:repository/r"})), Unknown),
        (allow(json!({"NotResource": "*"})), Missing),
        (allow(json!({"Expires": "tomorrow"})), Unknown),
        (allow(json!({"principal": "x"})), Unknown),
    ];
    for (statement, expected) in table {
        assert_eq!(service(&json!([statement]), A).verdict, expected, "{statement}");
    }
    let text = json!({"Statement": [allow(json!({}))], "Until": "tomorrow"}).to_string();
    let side = evaluate(Some(&text.parse().unwrap()), &request(A, A)).service;
    assert_eq!(side.verdict, Unknown);
    assert!(side.notes[0].contains("\"Until\""), "{:?}", side.notes);
}

#[test]
fn every_partition_has_its_own_arns() {
    for (region, partition) in [
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("eusc-de-east-1", "aws-eusc"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
        ("us-isof-south-1", "aws-iso-f"),
    ] {
        let request = Request { region: region.parse().unwrap(), ..request(A, B) };
        let granted = json!([
            allow(when(
                "StringEquals",
                "aws:SourceArn",
                format!("arn:{partition}:lambda:{region}:{B}:function:shop")
            )),
            allow(json!({"Principal": {"AWS": format!("arn:{partition}:iam::{B}:root")}}))
        ]);
        assert_eq!(evaluate(Some(&policy(&granted)), &request).verdict(), Granted, "{region}");
        let commercial =
            json!([allow(when("StringLike", "aws:SourceArn", format!("arn:aws:lambda:{region}:*")))]);
        assert_eq!(evaluate(Some(&policy(&commercial)), &request).service.verdict, Missing, "{region}");
    }
}
