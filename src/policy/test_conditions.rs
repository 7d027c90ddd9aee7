//! Tables of conditions: operators, missing keys, variables, and what is known of a request.

use serde_json::{Value, json};

use super::assessment::Verdict;
use super::evaluate::evaluate;
use super::request::Request;
use super::test_vectors::{A, B, allow, caller, functions_of, policy, request, service, when};
use Verdict::{Granted, Missing, Unknown};

#[test]
fn operators_and_keys_must_all_hold_and_one_value_suffices() {
    let both = |key: &str, value: &str| {
        json!([allow(json!({"Condition": {
            "StringEquals": {"aws:SourceAccount": ["0", A], key: value},
            "StringLike": {"AWS:SOURCEARN": ["nothing", "arn:*:shop"]}}}))])
    };
    assert_eq!(service(&both("aws:SecureTransport", "true"), A).verdict, Granted);
    assert_eq!(service(&both("aws:SecureTransport", "false"), A).verdict, Missing);
    // What is false decides even beside what is open.
    assert_eq!(service(&both("aws:SourceVpc", "vpc-1"), A).verdict, Unknown);
    assert_eq!(service(&both("aws:SourceVpc", "vpc-1"), B).verdict, Missing);
}

/// The verdict on an Allow with one condition, with these facts vouched for.
fn conditioned(operator: &str, key: &str, value: Value, version: &str, facts: &[(&str, &str)]) -> Verdict {
    let text = json!({"Version": version, "Statement": allow(when(operator, key, value))}).to_string();
    let mut request = request(A, A);
    request.context = facts.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    evaluate(Some(&text.parse().unwrap()), &request).verdict()
}

#[test]
fn each_operator_compares_as_iam_does() {
    let shop = format!("arn:aws:lambda:eu-central-1:{A}:function:shop");
    let table = [
        ("StringEquals", "aws:SourceArn", json!(shop), Granted),
        ("StringEquals", "aws:SourceArn", json!(shop.to_uppercase()), Missing),
        ("StringEquals", "aws:SourceAccount", json!([]), Missing),
        ("StringNotEquals", "aws:SourceAccount", json!([]), Granted),
        ("StringNotEquals", "aws:SourceAccount", json!([B, A]), Missing),
        ("StringNotEquals", "aws:SourceAccount", json!([B, "x"]), Granted),
        ("StringEqualsIgnoreCase", "aws:SourceArn", json!(shop.to_uppercase()), Granted),
        ("StringEqualsIgnoreCase", "aws:SourceArn", json!("arn:*"), Missing),
        ("StringNotEqualsIgnoreCase", "aws:SourceArn", json!(shop.to_uppercase()), Missing),
        ("StringLike", "aws:SourceArn", json!("arn:*:sho?"), Granted),
        ("StringLike", "aws:SourceArn", json!("arn:*:SHOP"), Missing),
        ("StringLike", "aws:SourceArn", json!("arn:*:function"), Missing),
        ("StringNotLike", "aws:SourceArn", json!("arn:*:shop"), Missing),
        ("StringNotLike", "aws:SourceArn", json!("arn:*:other"), Granted),
        ("ArnLike", "aws:SourceArn", json!("arn:*:lambda:*:*:*"), Granted),
        ("ArnLike", "aws:SourceArn", json!("arn:*:s3:*:*:*"), Missing),
        ("ArnLike", "aws:SourceArn", json!("arn:aws:lambda:*:function:shop:*"), Missing),
        ("ArnLike", "aws:SourceArn", json!("arn:aws:lambda:*"), Unknown),
        ("ArnLike", "aws:SourceAccount", json!("arn:*:*:*:*:*"), Missing),
        ("ArnNotEquals", "aws:SourceArn", json!(shop), Missing),
        ("ArnNotLike", "aws:SourceArn", json!("arn:*:s3:*:*:*"), Granted),
        ("Bool", "aws:SecureTransport", json!(true), Granted),
        ("Bool", "aws:SecureTransport", json!("TRUE"), Granted),
        ("Bool", "aws:SecureTransport", json!("false"), Missing),
        ("Bool", "aws:SecureTransport", json!("maybe"), Unknown),
        ("Bool", "aws:SourceAccount", json!("true"), Missing),
        ("Null", "aws:PrincipalOrgID", json!("true"), Granted),
        ("Null", "aws:PrincipalOrgID", json!(false), Missing),
        ("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", json!("o-1/*"), Missing),
        ("Null", "aws:SourceArn", json!(["true"]), Missing),
        ("Null", "aws:SourceArn", json!(["true", "false"]), Granted),
        ("Null", "aws:SourceArn", json!("perhaps"), Unknown),
        ("Null", "aws:SourceIp", json!("true"), Unknown),
        ("NumericEquals", "aws:SourceAccount", json!(111_111_111_111_u64), Granted),
        ("NumericNotEquals", "aws:SourceAccount", json!("111111111111.0"), Missing),
        ("NumericLessThan", "aws:SourceAccount", json!("2e11"), Granted),
        ("NumericGreaterThanEquals", "aws:SourceAccount", json!("1.2e11"), Missing),
        ("NumericEquals", "aws:SourceAccount", json!("NaN"), Unknown),
        ("NumericLessThan", "aws:SourceArn", json!("5"), Missing),
        ("NumericAlmost", "aws:SourceAccount", json!("5"), Unknown),
        ("stringequals", "aws:SourceAccount", json!(A), Unknown),
        ("NullIfExists", "aws:SourceAccount", json!("true"), Unknown),
        ("Forall:StringEquals", "aws:SourceAccount", json!(A), Unknown),
        ("", "aws:SourceAccount", json!(A), Unknown),
    ];
    for (operator, key, value, expected) in table {
        let verdict = conditioned(operator, key, value.clone(), "2012-10-17", &[]);
        assert_eq!(verdict, expected, "{operator} {key} {value}");
    }
}

#[test]
fn what_the_user_vouches_for_is_compared_by_its_type() {
    let table = [
        ("IpAddress", "aws:SourceIp", "10.1.2.3", "10.0.0.0/8", Granted),
        ("IpAddress", "aws:SourceIp", "11.1.2.3", "10.0.0.0/8", Missing),
        ("IpAddress", "aws:SourceIp", "11.1.2.3", "0.0.0.0/0", Granted),
        ("IpAddress", "aws:SourceIp", "10.1.2.3", "10.1.2.3", Granted),
        ("IpAddress", "aws:SourceIp", "2001:db8::7", "2001:db8::/32", Granted),
        ("IpAddress", "aws:SourceIp", "2001:db8::7", "::/0", Granted),
        ("IpAddress", "aws:SourceIp", "10.1.2.3", "::/0", Missing),
        ("IpAddress", "aws:SourceIp", "10.1.2.3", "10.0.0.0/33", Unknown),
        ("IpAddress", "aws:SourceIp", "10.1.2.3", "home", Unknown),
        ("IpAddress", "aws:SourceIp", "home", "10.0.0.0/8", Missing),
        ("NotIpAddress", "aws:SourceIp", "10.1.2.3", "10.0.0.0/8", Missing),
        ("NotIpAddress", "aws:SourceIp", "11.1.2.3", "10.0.0.0/8", Granted),
        ("DateLessThan", "aws:CurrentTime", "2026-11-23T09:57:00Z", "2027-01-01T00:00:00Z", Granted),
        ("DateLessThanEquals", "aws:CurrentTime", "2027-01-01T00:00:00Z", "2027", Granted),
        ("DateGreaterThan", "aws:CurrentTime", "2026-11-23T09:57:00Z", "2027-01-01", Missing),
        ("DateEquals", "aws:EpochTime", "1795427820", "2026-11-23T09:57:00Z", Granted),
        ("DateNotEquals", "aws:EpochTime", "1795427820", "2026-11-23T09:57:00Z", Missing),
        ("DateEquals", "aws:CurrentTime", "2026-11-23", "yesterday", Unknown),
        ("BinaryEquals", "some:Key", "QmluYXJ5", "QmluYXJ5", Granted),
        ("BinaryEquals", "some:Key", "QmluYXJ5", "QmluYXJ4", Missing),
        ("BinaryEquals", "some:Key", "QmluYXJ5", "!", Unknown),
        ("StringEquals", "aws:SourceVpce", "vpce-1", "vpce-1", Granted),
        ("StringEquals", "AWS:sourcevpce", "vpce-1", "vpce-2", Missing),
        ("ForAnyValue:StringLike", "aws:CalledVia", "lambda.amazonaws.com", "lambda*", Granted),
        ("ForAllValues:StringNotEquals", "aws:CalledVia", "a", "a", Missing),
    ];
    for (operator, key, known, value, expected) in table {
        let verdict = conditioned(operator, key, json!(value), "2012-10-17", &[(key, known)]);
        assert_eq!(verdict, expected, "{operator} {known} {value}");
        let unvouched = conditioned(operator, key, json!(value), "2012-10-17", &[]);
        assert_eq!(unvouched, Unknown, "{operator} {key} is not known by itself");
    }
    // A documented key cannot be talked away.
    let forged =
        conditioned("StringEquals", "aws:SourceAccount", json!(B), "2012-10-17", &[("aws:SourceAccount", B)]);
    assert_eq!(forged, Missing);
}

#[test]
fn a_missing_key_counts_by_the_kind_of_operator() {
    let table = [
        ("StringEquals", Missing),
        ("StringLike", Missing),
        ("ArnLike", Missing),
        ("Bool", Missing),
        ("NumericLessThan", Missing),
        ("DateEquals", Missing),
        ("IpAddress", Missing),
        ("StringNotEquals", Granted),
        ("StringNotLike", Granted),
        ("ArnNotLike", Granted),
        ("NotIpAddress", Granted),
        ("NumericNotEquals", Granted),
        ("StringEqualsIfExists", Granted),
        ("StringNotEqualsIfExists", Granted),
        ("BoolIfExists", Granted),
        ("ForAllValues:StringEquals", Granted),
        ("ForAllValues:StringEqualsIfExists", Granted),
        ("ForAnyValue:StringEquals", Missing),
        ("ForAnyValue:StringNotEquals", Missing),
        ("ForAnyValue:StringEqualsIfExists", Unknown),
    ];
    for (operator, expected) in table {
        let verdict = conditioned(operator, "aws:PrincipalOrgID", json!("o-1"), "2012-10-17", &[]);
        assert_eq!(verdict, expected, "{operator}");
    }
}

#[test]
fn variables_are_replaced_only_from_what_is_known() {
    let arn = "arn:aws:lambda:eu-central-1:${aws:SourceAccount}:function:shop";
    let table = [
        ("StringEquals", "aws:SourceArn", arn, Granted),
        ("ArnLike", "aws:SourceArn", arn, Granted),
        (
            "StringEqualsIgnoreCase",
            "aws:SourceArn",
            "ARN:aws:lambda:eu-central-1:${AWS:sourceACCOUNT}:function:Shop",
            Granted,
        ),
        ("StringLike", "aws:SourceArn", "arn:${*}", Missing),
        ("StringLike", "aws:SourceArn", "arn:*", Granted),
        ("StringEquals", "aws:SourceAccount", "${aws:PrincipalTag/account}", Unknown),
        ("StringEquals", "aws:SourceAccount", "${aws:PrincipalOrgID, '111111111111'}", Granted),
        ("StringEquals", "aws:SourceAccount", "${aws:PrincipalOrgID, 'x'}", Missing),
        ("StringEquals", "aws:SourceAccount", "${aws:PrincipalOrgID}", Unknown),
        ("StringEquals", "aws:SourceAccount", "${aws:PrincipalOrgID, x}", Unknown),
        ("StringEquals", "aws:SourceAccount", "${aws:SourceAccount", Unknown),
        ("StringEquals", "aws:SourceAccount", "$111111111111", Missing),
    ];
    for (operator, key, value, expected) in table {
        assert_eq!(conditioned(operator, key, json!(value), "2012-10-17", &[]), expected, "{value}");
        let literal = conditioned(operator, key, json!(value), "2008-10-17", &[]);
        assert_eq!(literal, if value == "arn:*" { Granted } else { Missing }, "{value} in 2008");
    }
}

#[test]
fn an_unknown_function_is_granted_only_if_every_name_is() {
    let start = format!("arn:aws:lambda:eu-central-1:{A}:function:");
    let table = [
        ("StringLike", format!("{start}*"), Granted),
        ("StringLike", format!("{start}?*"), Granted),
        ("StringLike", "*".to_owned(), Granted),
        ("StringLike", format!("{start}shop"), Unknown),
        ("StringLike", format!("{start}shop*"), Unknown),
        ("StringLike", format!("{start}*:live"), Missing),
        ("StringLike", functions_of(B), Missing),
        ("ArnLike", format!("{start}*"), Granted),
        ("ArnEquals", format!("{start}shop"), Unknown),
        ("ArnLike", format!("arn:aws:lambda:eu-central-1:{A}:*"), Granted),
        ("StringEquals", format!("{start}shop"), Unknown),
        ("StringEquals", format!("{start}*"), Missing),
        ("StringEqualsIgnoreCase", format!("{start}SHOP"), Unknown),
        ("StringNotLike", format!("{start}shop"), Unknown),
        ("StringNotLike", functions_of(B), Granted),
        ("StringNotLike", format!("{start}*"), Missing),
        ("Bool", "true".to_owned(), Missing),
    ];
    for (operator, value, expected) in table {
        let request = Request { function: None, ..request(A, A) };
        let document = policy(&json!([allow(when(operator, "AWS:SourceArn", value.clone()))]));
        let side = evaluate(Some(&document), &request).service;
        assert_eq!(side.verdict, expected, "{operator} {value}");
        if expected == Unknown {
            assert_eq!(side.conditions, ["AWS:SourceArn"]);
        }
    }
}

#[test]
fn the_callers_context_differs_from_the_services() {
    let principal = json!({ "AWS": B });
    let table = [
        ("StringEquals", "aws:PrincipalAccount", B, Granted),
        ("StringEquals", "aws:PrincipalAccount", A, Missing),
        ("StringLike", "aws:SourceArn", "*", Missing),
        ("StringEquals", "aws:SourceAccount", B, Missing),
        ("Bool", "aws:PrincipalIsAWSService", "false", Granted),
        ("StringEquals", "aws:PrincipalOrgID", "o-1", Unknown),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::222222222222:role/x", Unknown),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", Unknown),
    ];
    for (operator, key, value, expected) in table {
        let mut grant = allow(when(operator, key, value));
        grant["Principal"] = principal.clone();
        assert_eq!(caller(&json!([grant]), None).verdict, expected, "{operator} {key} {value}");
    }
    let mut grant = allow(when("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/ci/*"));
    grant["Principal"] = principal;
    let role = format!("arn:aws:iam::{B}:role/ci/deploy");
    assert_eq!(caller(&json!([grant]), Some(&role)).verdict, Granted);
}
