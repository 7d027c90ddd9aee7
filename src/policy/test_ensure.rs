//! What is added to which policy, and what never is.

use serde_json::{Value, json};

use super::assessment::Verdict;
use super::document::{Document, MAX_POLICY_CHARACTERS};
use super::ensure::{Addition, Doubtful, EnsureError, Ensured, Wish, ensure};
use super::grant::PolicyScope;
use super::layout;
use super::request::Request;
use super::test_vectors::{A, B, policy, request};

const C: &str = "333333333333";

fn wish(requests: &[Request], scope: PolicyScope) -> Wish<'_> {
    Wish { requests, scope, doubtful: Doubtful::Leave }
}

fn added(current: Option<&Document>, requests: &[Request], scope: PolicyScope) -> Addition {
    match ensure(current, wish(requests, scope)).unwrap() {
        Ensured::Add(addition) => addition,
        other => panic!("nothing was added: {other:?}"),
    }
}

fn parsed(text: &str) -> Document {
    text.parse().unwrap()
}

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn actions() -> Value {
    json!(["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"])
}

#[test]
fn an_empty_repository_gets_the_documented_statement_with_lambdas_own_condition() {
    let addition = added(None, &[request(A, A)], PolicyScope::Account);
    let expected = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "LambdaECRImageRetrievalPolicy",
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": actions(),
        "Condition": {"StringLike": {
            "aws:sourceArn": "arn:aws:lambda:eu-central-1:111111111111:function:*"}},
    }]});
    assert_eq!(addition.text, serde_json::to_string_pretty(&expected).unwrap());
    assert_eq!(addition.sids(), ["LambdaECRImageRetrievalPolicy"]);
    assert_eq!(addition.changes[0].before, None);
    assert_eq!(addition.before[0].verdict(), Verdict::Missing);
    assert_eq!(addition.after[0].verdict(), Verdict::Granted);
}

#[test]
fn the_scope_narrows_the_condition_or_drops_it() {
    let one = added(None, &[request(A, A)], PolicyScope::Function);
    assert!(one.text.contains("\"arn:aws:lambda:eu-central-1:111111111111:function:shop\""));
    let none = added(None, &[request(A, A)], PolicyScope::None);
    assert!(!none.text.contains("Condition"));
    // The documented statement across accounts has a condition, always.
    let across = added(None, &[request(A, B)], PolicyScope::None);
    assert!(across.text.contains("\"arn:aws:lambda:eu-central-1:222222222222:function:*\""));

    let any_function = Request { function: None, ..request(A, B) };
    let error = ensure(None, wish(&[any_function], PolicyScope::Function)).unwrap_err();
    assert!(error.to_string().contains("account 222222222222"), "{error}");
}

#[test]
fn across_accounts_both_documented_statements_are_added() {
    let addition = added(None, &[request(A, B)], PolicyScope::Account);
    let expected = json!([
        {
            "Sid": "CrossAccountPermission",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
            "Action": actions(),
        },
        {
            "Sid": "LambdaECRImageCrossAccountRetrievalPolicy",
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": actions(),
            "Condition": {"StringLike": {
                "aws:sourceARN": "arn:aws:lambda:eu-central-1:222222222222:function:*"}},
        },
    ]);
    assert_eq!(json_of(&addition.text)["Statement"], expected);
}

#[test]
fn three_deploys_for_three_accounts_end_in_two_statements_of_ours() {
    let foreign = r#"{ "Sid":"Ours\u003f", "Effect":"Deny","Principal":{"AWS":["*"]},"Action":"ecr:Delete*",
        "Condition":{"NumericLessThan":{"some:Number":1.50e3}} }"#;
    let mut text = format!(r#"{{"Id":"keep","Statement":{foreign}}}"#);
    for account in [B, C, "444444444444"] {
        text = added(Some(&parsed(&text)), &[request(A, account)], PolicyScope::Account).text;
    }
    let document = parsed(&text);
    let labels: Vec<String> = document.labels().map(ToString::to_string).collect();
    assert_eq!(labels, ["Ours?", "CrossAccountPermission", "LambdaECRImageCrossAccountRetrievalPolicy"]);
    assert_eq!(layout::compact(document.statement_text(0).unwrap()), layout::compact(foreign));
    let value = json_of(&text);
    assert_eq!(value["Id"], "keep");
    assert!(value.get("Version").is_none(), "a version would turn on policy variables");
    let roots = [B, C, "444444444444"].map(|account| format!("arn:aws:iam::{account}:root"));
    assert_eq!(value["Statement"][1]["Principal"]["AWS"], json!(roots));
    let sources = &value["Statement"][2]["Condition"]["StringLike"]["aws:sourceARN"];
    assert_eq!(sources.as_array().unwrap().len(), 3);

    let all_at_once = [B, C, "444444444444"].map(|account| request(A, account));
    assert!(matches!(
        ensure(Some(&document), wish(&all_at_once, PolicyScope::Account)),
        Ok(Ensured::AlreadyGranted(_))
    ));
    let at_once = added(None, &all_at_once, PolicyScope::Account);
    assert_eq!(
        json_of(&at_once.text)["Statement"].as_array().unwrap()[..],
        value["Statement"].as_array().unwrap()[1..]
    );
}

#[test]
fn another_function_and_another_region_extend_our_statement() {
    let first = added(None, &[request(A, A)], PolicyScope::Function);
    let other = request(A, A).for_function("cart".parse().unwrap());
    let second = added(Some(&parsed(&first.text)), &[other], PolicyScope::Function);
    let change = &second.changes[0];
    assert_eq!(change.sid, "LambdaECRImageRetrievalPolicy");
    assert!(change.before.as_ref().is_some_and(|before| !before.contains(":cart")));
    assert!(change.after.contains(":shop\"") && change.after.contains(":cart\""));
    assert_eq!(parsed(&second.text).labels().count(), 1);

    // What the account needs is wider than the functions: it joins them.
    let any = [Request { function: None, ..request(A, A) }];
    let wish = Wish { requests: &any, scope: PolicyScope::Account, doubtful: Doubtful::Grant };
    let Ok(Ensured::Add(wide)) = ensure(Some(&parsed(&second.text)), wish) else { panic!("not added") };
    assert_eq!(parsed(&wide.text).labels().count(), 1);
    assert_eq!(wide.after[0].verdict(), Verdict::Granted);
}

#[test]
fn only_the_side_that_lacks_something_is_added() {
    let caller_only = policy(&json!([{
        "Effect": "Allow", "Principal": {"AWS": B}, "Action": "ecr:*" }]));
    let addition = added(Some(&caller_only), &[request(A, B)], PolicyScope::Account);
    assert_eq!(addition.sids(), ["LambdaECRImageCrossAccountRetrievalPolicy"]);
    let service_only = policy(&json!([{
        "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "ecr:*" }]));
    let addition = added(Some(&service_only), &[request(A, B)], PolicyScope::Account);
    assert_eq!(addition.sids(), ["CrossAccountPermission"]);
}

#[test]
fn a_statement_with_our_sid_and_another_shape_is_left_alone() {
    let ours = json!({
        "Sid": "CrossAccountPermission", "Effect": "Allow",
        "Principal": {"AWS": ["arn:aws:iam::333333333333:root"]}, "Action": actions() });
    let with = |key: &str, value: Value| {
        let mut statement = ours.clone();
        statement[key] = value;
        statement
    };
    let foreign_shapes = [
        with("Effect", json!("Deny")),
        with("Principal", json!({"AWS": ["arn:aws:iam::333333333333:role/ci"]})),
        with("Principal", json!({"AWS": C, "Service": "lambda.amazonaws.com"})),
        with("Principal", json!({"AWS": []})),
        with("Action", json!("ecr:BatchGetImage")),
        with("Action", json!(["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:PutImage"])),
        with("Condition", json!({})),
        with("Resource", json!("*")),
        with("Extra", json!(1)),
        with("Sid", json!("CrossAccountPermissionForCi")),
    ];
    for foreign in foreign_shapes {
        let service = json!({
            "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": actions() });
        let open = json!({"Effect": "Allow", "Principal": {"AWS": A}, "Action": "ecr:*"});
        let document = policy(&json!([foreign, service, open]));
        let addition = added(Some(&document), &[request(A, B)], PolicyScope::Account);
        let after = json_of(&addition.text);
        assert_eq!(after["Statement"][0], foreign);
        let taken = foreign["Sid"] == "CrossAccountPermission";
        let sid = if taken { "CrossAccountPermission2" } else { "CrossAccountPermission" };
        assert_eq!(after["Statement"][3]["Sid"], sid, "{foreign}");
        // The next account joins the numbered statement.
        let next = added(Some(&parsed(&addition.text)), &[request(A, "444444444444")], PolicyScope::Account);
        assert_eq!(next.sids(), [sid]);
    }
    let document = policy(&json!([ours]));
    let addition = added(Some(&document), &[request(A, B)], PolicyScope::Account);
    assert_eq!(json_of(&addition.text)["Statement"].as_array().unwrap().len(), 2);
}

#[test]
fn a_service_statement_with_our_sid_and_another_condition_is_left_alone() {
    let other_conditions = [
        json!({"ArnLike": {"aws:sourceArn": "arn:aws:lambda:eu-central-1:333333333333:function:*"}}),
        json!({"StringLike": {"aws:SourceAccount": C}}),
        json!({"StringLike": {"aws:sourceArn": "arn:aws:lambda:eu-central-1:333333333333:*"}}),
        json!({"StringLike": {"aws:sourceArn": "arn:aws:lambda:eu-central-1:333333333333:function:*"},
               "Bool": {"aws:SecureTransport": "true"}}),
        json!({"StringLike": {"aws:sourceArn": "arn:aws:lambda:eu-central-1:333333333333:function:*",
                              "aws:SourceAccount": C}}),
    ];
    for condition in other_conditions {
        let foreign = json!({
            "Sid": "LambdaECRImageRetrievalPolicy", "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"}, "Action": actions(), "Condition": condition });
        let addition = added(Some(&policy(&json!([foreign]))), &[request(A, A)], PolicyScope::Account);
        assert_eq!(addition.sids(), ["LambdaECRImageRetrievalPolicy2"], "{foreign}");
        assert_eq!(json_of(&addition.text)["Statement"][0], foreign);
    }
}

#[test]
fn what_lambda_itself_added_is_enough() {
    let five = json!([
        "ecr:BatchGetImage",
        "ecr:DeleteRepositoryPolicy",
        "ecr:GetDownloadUrlForLayer",
        "ecr:GetRepositoryPolicy",
        "ecr:SetRepositoryPolicy"
    ]);
    let document = policy(&json!([{
        "Sid": "LambdaECRImageRetrievalPolicy", "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"}, "Action": five,
        "Condition": {"StringLike": {"aws:sourceArn": "arn:aws:lambda:eu-central-1:111111111111:function:*"}} }]));
    let ensured = ensure(Some(&document), wish(&[request(A, A)], PolicyScope::Account));
    assert!(matches!(ensured, Ok(Ensured::AlreadyGranted(_))), "{ensured:?}");
}

#[test]
fn a_deny_is_never_worked_around() {
    let document = policy(&json!([{"Effect": "Deny", "Principal": "*", "Action": "*"}]));
    for doubtful in [Doubtful::Leave, Doubtful::Grant] {
        let requests = [request(A, A), request(A, B)];
        let ensured = ensure(Some(&document), Wish { doubtful, ..wish(&requests, PolicyScope::Account) });
        assert!(matches!(ensured, Ok(Ensured::Denied(_))), "{ensured:?}");
    }
}

#[test]
fn doubt_is_left_unless_it_is_to_be_settled() {
    let requests = [request(A, A)];
    let leave = wish(&requests, PolicyScope::Account);
    let grant = Wish { doubtful: Doubtful::Grant, ..leave };
    let open_allow = policy(&json!([{
        "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "ecr:*",
        "Condition": {"StringEquals": {"aws:SourceOrgID": "o-1"}} }]));
    assert!(matches!(ensure(Some(&open_allow), leave), Ok(Ensured::Unknown(_))));
    let Ok(Ensured::Add(settled)) = ensure(Some(&open_allow), grant) else { panic!("not settled") };
    assert_eq!(settled.after[0].verdict(), Verdict::Granted);

    // Where a Deny is open, nothing that is added settles it, so it is added once at most.
    let open_deny = json!({
        "Effect": "Deny", "Principal": "*", "Action": "*", "Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}} });
    let lacking = policy(&json!([open_deny]));
    let addition = added(Some(&lacking), &requests, PolicyScope::Account);
    assert_eq!(addition.after[0].verdict(), Verdict::Unknown);
    for wish in [leave, grant] {
        assert!(matches!(ensure(Some(&parsed(&addition.text)), wish), Ok(Ensured::Unknown(_))));
    }
    // Where both are open, the Allow at least can be settled.
    let mut both = json_of(open_allow.text());
    both["Statement"].as_array_mut().unwrap().push(open_deny);
    let Ok(Ensured::Add(half)) = ensure(Some(&parsed(&both.to_string())), grant) else { panic!("not added") };
    assert_eq!(half.after[0].verdict(), Verdict::Unknown);

    let strange = parsed(r#"{"Statement": [], "Until": 7}"#);
    let addition = added(Some(&strange), &requests, PolicyScope::None);
    let again = Wish { doubtful: Doubtful::Grant, ..wish(&requests, PolicyScope::None) };
    assert!(matches!(ensure(Some(&parsed(&addition.text)), again), Ok(Ensured::Unknown(_))));
}

#[test]
fn a_value_that_is_there_is_not_added_again_beside_a_new_one() {
    let first = added(None, &[request(A, B)], PolicyScope::Account);
    let strange = first.text.replacen('{', r#"{"Until": 7,"#, 1);
    let requests = [request(A, B), request(A, C)];
    let grant = Wish { doubtful: Doubtful::Grant, ..wish(&requests, PolicyScope::Account) };
    let Ok(Ensured::Add(second)) = ensure(Some(&parsed(&strange)), grant) else { panic!("not added") };
    for account in [B, C] {
        assert_eq!(second.text.matches(account).count(), 2, "{}", second.text);
    }
}

/// A policy of about so many characters when compact.
fn policy_of_size(characters: usize) -> Document {
    let statement = |filler: usize| {
        json!({"Version": "2012-10-17", "Statement": [{
            "Sid": "x".repeat(filler), "Effect": "Allow", "Principal": {"AWS": A}, "Action": "ecr:PutImage" }]})
        .to_string()
    };
    let frame = statement(0).len();
    parsed(&statement(characters - frame))
}

#[test]
fn a_long_policy_is_written_without_space_and_a_longer_one_is_refused() {
    let requests = [request(A, A)];
    let small = added(Some(&policy_of_size(8_000)), &requests, PolicyScope::Account);
    assert!(small.text.contains('\n'));
    let grant = added(None, &requests, PolicyScope::None);
    let room = layout::compact(&grant.changes[0].after).len() + 1;
    let full = policy_of_size(MAX_POLICY_CHARACTERS - room);
    let exact = added(Some(&full), &requests, PolicyScope::None);
    assert_eq!(exact.text.chars().count(), MAX_POLICY_CHARACTERS);
    assert!(!exact.text.contains('\n'));
    let over =
        ensure(Some(&policy_of_size(MAX_POLICY_CHARACTERS - room + 1)), wish(&requests, PolicyScope::None));
    assert!(matches!(over, Ok(Ensured::TooLarge { characters: 10_241, .. })), "{over:?}");
}

#[test]
fn arns_are_those_of_the_regions_partition() {
    let china = Request { region: "cn-north-1".parse().unwrap(), ..request(A, B) };
    let addition = added(None, &[china], PolicyScope::Account);
    assert!(addition.text.contains("\"arn:aws-cn:iam::222222222222:root\""));
    assert!(addition.text.contains("\"arn:aws-cn:lambda:cn-north-1:222222222222:function:*\""));
    assert_eq!(addition.after[0].verdict(), Verdict::Granted);
}

#[test]
fn a_single_statement_becomes_a_list_with_ours() {
    let single = parsed(r#"{"Statement": {"Effect":"Allow","Principal":"*","Action":"ecr:PutImage"}}"#);
    let addition = added(Some(&single), &[request(A, A)], PolicyScope::Account);
    assert_eq!(json_of(&addition.text)["Statement"].as_array().unwrap().len(), 2);
    let nested = format!(
        r#"{{"Statement":{{"Effect":"Deny","Principal":"*","Action":"x","New":{}1{}}}}}"#,
        "[".repeat(30),
        "]".repeat(30)
    );
    let refused = ensure(Some(&parsed(&nested)), wish(&[request(A, A)], PolicyScope::Account));
    assert!(matches!(refused, Err(EnsureError::Unreadable(_))), "{refused:?}");
}

#[test]
fn no_request_needs_nothing() {
    assert_eq!(ensure(None, wish(&[], PolicyScope::Account)), Ok(Ensured::AlreadyGranted(Vec::new())));
}
