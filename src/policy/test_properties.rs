//! What holds for every policy, however odd.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::assessment::{Assessment, Verdict};
use super::document::Document;
use super::ensure::{Addition, Doubtful, Ensured, Wish, ensure};
use super::evaluate::evaluate;
use super::explain::explain;
use super::grant::PolicyScope;
use super::layout;
use super::request::Request;
use super::test_vectors::{A, B, functions_of};

const C: &str = "333333333333";

/// A value alone, or in a list with others.
fn one_or_more(choices: &[&str]) -> BoxedStrategy<Value> {
    let choices: Vec<String> = choices.iter().map(|choice| (*choice).to_owned()).collect();
    prop_oneof![
        select(choices.clone()).prop_map(Value::from),
        vec(select(choices), 0..4).prop_map(Value::from),
    ]
    .boxed()
}

fn principal() -> BoxedStrategy<Value> {
    let root = format!("arn:aws:iam::{B}:root");
    let role = format!("arn:aws:iam::{B}:role/ci");
    let aws = one_or_more(&["*", A, B, &root, &role, "AIDAEXAMPLE"]);
    let service = one_or_more(&["lambda.amazonaws.com", "lambda.amazonaws.com", "ecs.amazonaws.com"]);
    prop_oneof![
        1 => Just(json!("*")),
        3 => aws.prop_map(|aws| json!({ "AWS": aws })),
        5 => service.prop_map(|service| json!({ "Service": service })),
    ]
    .boxed()
}

fn action() -> BoxedStrategy<Value> {
    one_or_more(&[
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
        "ecr:*",
        "*",
        "ecr:Get*",
        "ecr:PutImage",
    ])
}

fn condition() -> BoxedStrategy<Value> {
    let operators = [
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLike",
        "ArnLike",
        "ArnNotEquals",
        "Bool",
        "BoolIfExists",
        "Null",
        "StringEqualsIfExists",
        "ForAnyValue:StringLike",
        "ForAllValues:StringEquals",
        "NotIpAddress",
        "Invented",
    ];
    let keys = [
        "aws:SourceArn",
        "aws:sourceARN",
        "aws:SourceAccount",
        "aws:PrincipalOrgID",
        "aws:SourceIp",
        "aws:PrincipalIsAWSService",
    ];
    let shop = format!("arn:aws:lambda:eu-central-1:{A}:function:shop");
    let odd = format!("arn:aws:lambda:eu-central-1:{A}:function:?a*t");
    let values = one_or_more(&[
        &functions_of(A),
        &functions_of(B),
        &shop,
        &odd,
        A,
        B,
        "*",
        "true",
        "false",
        "10.0.0.0/8",
        "${aws:SourceAccount}",
    ]);
    (select(operators.to_vec()), select(keys.to_vec()), values)
        .prop_map(|(operator, key, values)| json!({ operator: { key: values } }))
        .boxed()
}

/// A well-formed statement; some carry our Sids.
fn statement() -> BoxedStrategy<Value> {
    let sids = [
        "LambdaECRImageRetrievalPolicy",
        "LambdaECRImageCrossAccountRetrievalPolicy",
        "CrossAccountPermission",
        "CrossAccountPermission2",
        "Other",
        "",
    ];
    let elements = (
        option::of(select(sids.to_vec())),
        prop_oneof![4 => Just("Allow"), 1 => Just("Deny")],
        (select(vec!["Principal", "Principal", "Principal", "NotPrincipal"]), principal()),
        (select(vec!["Action", "Action", "Action", "NotAction"]), action()),
        option::of(condition()),
        option::weighted(0.05, Just(("Odd", json!(1.5e300)))),
    );
    elements
        .prop_map(|(sid, effect, (who, principal), (what, action), condition, odd)| {
            let mut map = Map::new();
            map.extend(sid.map(|sid| ("Sid".to_owned(), json!(sid))));
            map.insert("Effect".into(), json!(effect));
            map.insert(who.into(), principal);
            map.insert(what.into(), action);
            map.extend(condition.map(|condition| ("Condition".to_owned(), condition)));
            map.extend(odd.map(|(key, value)| (key.to_owned(), value)));
            Value::Object(map)
        })
        .boxed()
}

fn policy() -> BoxedStrategy<Value> {
    let version = option::of(select(vec!["2008-10-17", "2012-10-17"]));
    (version, vec(statement(), 0..5), any::<bool>())
        .prop_map(|(version, statements, alone)| {
            let mut map = Map::new();
            map.extend(version.map(|version| ("Version".to_owned(), json!(version))));
            let statements = match &statements[..] {
                [only] if alone => only.clone(),
                _ => json!(statements),
            };
            map.insert("Statement".into(), statements);
            Value::Object(map)
        })
        .boxed()
}

fn request() -> BoxedStrategy<Request> {
    let accounts = select(vec![A, B, C]);
    let functions = option::of(select(vec!["shop", "cart"]));
    let regions = select(vec!["eu-central-1", "cn-north-1"]);
    (accounts, functions, regions, option::of(Just(format!("arn:aws:iam::{B}:role/ci"))))
        .prop_map(|(account, function, region, caller_arn)| Request {
            function: function.map(|name| name.parse().unwrap()),
            caller_arn,
            ..Request::new(A.parse().unwrap(), account.parse().unwrap(), region.parse().unwrap())
        })
        .boxed()
}

/// Requests with a function each where the scope needs one.
fn wish() -> BoxedStrategy<(Vec<Request>, PolicyScope, Doubtful)> {
    let scopes = select(vec![PolicyScope::Account, PolicyScope::Function, PolicyScope::None]);
    (vec(request(), 1..4), scopes, select(vec![Doubtful::Leave, Doubtful::Grant]))
        .prop_map(|(mut requests, scope, doubtful)| {
            if scope == PolicyScope::Function {
                for request in &mut requests {
                    request.function.get_or_insert_with(|| "shop".parse().unwrap());
                }
            }
            (requests, scope, doubtful)
        })
        .boxed()
}

fn parse(text: &str) -> Document {
    text.parse().unwrap()
}

fn add(
    current: &Document,
    (requests, scope, doubtful): &(Vec<Request>, PolicyScope, Doubtful),
) -> Option<Addition> {
    let wish = Wish { requests, scope: *scope, doubtful: *doubtful };
    match ensure(Some(current), wish).unwrap() {
        Ensured::Add(addition) => Some(addition),
        _ => None,
    }
}

fn verdicts(assessment: &Assessment) -> Vec<Verdict> {
    assessment.sides().map(|(_, side)| side.verdict).collect()
}

/// JSON of any kind, with the words of a policy in it more often than chance would have it.
fn any_json() -> BoxedStrategy<Value> {
    let words = [
        "Version",
        "2012-10-17",
        "Statement",
        "Sid",
        "Effect",
        "Allow",
        "Deny",
        "Principal",
        "NotPrincipal",
        "AWS",
        "Service",
        "*",
        "lambda.amazonaws.com",
        "Action",
        "ecr:*",
        "Condition",
        "StringLike",
        "aws:SourceArn",
        "Null",
        "arn:aws:iam::222222222222:root",
        "${",
        "",
    ];
    let word = select(words.to_vec()).prop_map(str::to_owned);
    let leaf = prop_oneof![
        word.clone().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((word.clone(), inner), 0..8).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
    .boxed()
}

proptest! {
    #[test]
    fn an_addition_makes_nobody_worse_off(policy in policy(), wish in wish(), probe in request()) {
        let before = parse(&policy.to_string());
        if let Some(addition) = add(&before, &wish) {
            let after = parse(&addition.text);
            for probe in wish.0.iter().chain([&probe]) {
                let before = verdicts(&evaluate(Some(&before), probe));
                let after = verdicts(&evaluate(Some(&after), probe));
                prop_assert!(after.iter().zip(&before).all(|(after, before)| after <= before), "{before:?} {after:?}");
            }
        }
    }

    #[test]
    fn an_addition_leaves_nothing_missing_and_is_needed_once(policy in policy(), wish in wish()) {
        if let Some(addition) = add(&parse(&policy.to_string()), &wish) {
            for assessment in &addition.after {
                prop_assert!(assessment.verdict() <= Verdict::Unknown, "{assessment:?}");
            }
            prop_assert_eq!(add(&parse(&addition.text), &wish), None);
        }
    }

    #[test]
    fn every_statement_that_is_not_ours_stays_as_it_was(policy in policy(), wish in wish()) {
        let before = parse(&policy.to_string());
        if let Some(addition) = add(&before, &wish) {
            let after = parse(&addition.text);
            let ours: Vec<&String> = addition.changes.iter().filter_map(|change| change.before.as_ref()).collect();
            for index in 0..before.labels().count() {
                let (old, new) = (before.statement_text(index).unwrap(), after.statement_text(index).unwrap());
                if !ours.contains(&&layout::pretty(old)) {
                    prop_assert_eq!(layout::compact(old), layout::compact(new));
                }
            }
            prop_assert_eq!(after.labels().count(), before.labels().count() + addition.changes.len() - ours.len());
            let (mut old, mut new): (Value, Value) =
                (policy, serde_json::from_str(&addition.text).unwrap());
            prop_assert!(!addition.text.contains("Resource"));
            (old["Statement"], new["Statement"]) = (Value::Null, Value::Null);
            prop_assert_eq!(old, new);
        }
    }

    #[test]
    fn an_unknown_function_is_judged_no_better_than_any_known_one(policy in policy(), request in request()) {
        let document = parse(&policy.to_string());
        let any = evaluate(Some(&document), &Request { function: None, ..request.clone() }).service.verdict;
        for name in ["shop", "cart", "a", "_-9"] {
            let request = request.clone().for_function(name.parse().unwrap());
            let one = evaluate(Some(&document), &request).service.verdict;
            match any {
                Verdict::Granted | Verdict::Denied => prop_assert_eq!(one, any),
                Verdict::Missing => prop_assert!(matches!(one, Verdict::Missing | Verdict::Denied), "{:?}", one),
                Verdict::Unknown => {}
            }
        }
    }

    #[test]
    fn the_order_of_statements_does_not_matter(statements in vec(statement(), 0..5), request in request()) {
        let judge = |statements: &[Value]| {
            verdicts(&evaluate(Some(&parse(&json!({ "Statement": statements }).to_string())), &request))
        };
        let reversed: Vec<Value> = statements.iter().rev().cloned().collect();
        prop_assert_eq!(judge(&statements), judge(&reversed));
    }

    #[test]
    fn printing_keeps_every_token(policy in policy(), spaced in any::<bool>()) {
        let text = if spaced { serde_json::to_string_pretty(&policy).unwrap() } else { policy.to_string() };
        let document = parse(&text);
        prop_assert_eq!(&document.pretty(), &serde_json::to_string_pretty(&policy).unwrap());
        prop_assert_eq!(document.text(), text);
    }

    #[test]
    fn no_input_makes_it_panic(value in any_json(), inner in any_json(), text in any::<String>(), wish in wish()) {
        let statement = json!({ "Statement": [value], "Version": "2012-10-17" });
        let filled = json!({ "Statement": { "Effect": "Allow", "Principal": value, "Action": "*", "Condition": inner } });
        for text in [value.to_string(), statement.to_string(), filled.to_string(), text] {
            let Ok(document) = text.parse::<Document>() else { continue };
            for request in &wish.0 {
                let assessment = evaluate(Some(&document), request);
                let told = explain(&assessment, request, &"app".parse().unwrap(), wish.1);
                prop_assert!(!told.message.is_empty());
            }
            let _ = ensure(Some(&document), Wish { requests: &wish.0, scope: wish.1, doubtful: wish.2 });
        }
    }

    #[test]
    fn a_damaged_policy_is_refused_or_read_as_json_reads_it(policy in policy(), at in any::<prop::sample::Index>(), put in any::<char>()) {
        let mut characters: Vec<char> = policy.to_string().chars().collect();
        *at.get_mut(&mut characters) = put;
        let text: String = characters.into_iter().collect();
        if let Ok(document) = text.parse::<Document>() {
            let read = |text: &str| serde_json::from_str::<Value>(text);
            match (read(&text), read(&document.pretty())) {
                (Ok(theirs), Ok(ours)) => prop_assert_eq!(ours, theirs),
                // Numbers are kept here as they are written, however large.
                (theirs, _) => prop_assert!(theirs.is_err_and(|error| error.to_string().contains("out of range"))),
            }
        }
    }
}
