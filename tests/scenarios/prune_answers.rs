//! What AWS answers is late, is not whole or is no answer: nothing that is needed goes, and what is not known is not told as known.

use lambda_lift_localstack::{Effect, ErrorAnswer, FaultRule, Turn};
use serde_json::{Value, json};

use crate::account::Account;
use crate::interrupted::wait_for_calls;
use crate::prune_scene::*;

const IMAGES: [&str; 6] = ["prune", "--repository", "hello", "--min-age", "0", "--yes"];

/// An answer in place of that of AWS.
fn answer(body: &Value) -> Effect {
    Effect::Error(ErrorAnswer {
        status: 200,
        code: String::new(),
        message: String::new(),
        headers: [("content-type".to_owned(), "application/x-amz-json-1.1".to_owned())].into(),
        body: Some(body.to_string()),
    })
}

/// What ECR says of images that it keeps.
fn kept(digests: &[&String], code: &str) -> Value {
    let failure = |digest: &&String| json!({ "imageId": { "imageDigest": digest }, "failureCode": code, "failureReason": "because" });
    json!({ "imageIds": [], "failures": digests.iter().map(failure).collect::<Vec<_>>() })
}

/// The message and the hint of the error.
fn message(document: &Value) -> String {
    format!("{} {}", document["error"]["message"], document["error"]["hint"])
}

#[test]
fn a_list_of_functions_that_lags_takes_no_image_from_a_version_that_stays() {
    let account = account();
    let digests = hello(&account, 4);
    let entry = json!({
        "FunctionName": "hello", "Version": "1", "PackageType": "Image",
        "CodeSha256": digests[0].strip_prefix("sha256:").unwrap(),
    });
    let mut untyped = entry.clone();
    untyped.as_object_mut().unwrap().remove("PackageType");
    for (list, code, part) in [
        (json!({ "Functions": [] }), 3, "leaves out function hello"),
        (json!({ "Functions": null }), 1, "no Functions"),
        (json!({}), 1, "no Functions"),
        (json!({ "Functions": [untyped] }), 1, "whether it runs an image"),
    ] {
        account.fault("ListFunctions", Turn::Every, answer(&list));
        let run = prune(&account, &["--keep", "1", "--yes"]);
        let document = run.expect(code);
        let told = format!("{} {}", run.refusals(), message(document));
        assert!(told.contains(part), "{list}: {told}");
        assert_eq!((versions(&account).len(), images(&account, "hello").len()), (4, 4), "{list}");
    }
    update_function(&account, "hello", "hello", &digests[1]);
    account.fault("ListFunctions", Turn::Every, answer(&json!({ "Functions": [entry] })));
    let run = prune(&account, &["--keep", "1", "--yes"]);
    let document = run.expect(0);
    assert_eq!(of_image(document, &digests[1]), "keep in_use", "its $LATEST");
    assert_eq!(of_image(document, &digests[3]), "keep in_use", "its version 4");
    assert_eq!(images(&account, "hello"), sorted(&[&digests[1], &digests[3]]));
}

#[test]
fn the_journal_is_read_after_the_aliases_so_that_no_move_is_missed_in_between() {
    let account = account();
    hello(&account, 2);
    prune(&account, &["--yes"]).expect(0);
    let operations = account.operations();
    let place = |wanted: &str| operations.iter().position(|operation| operation == wanted).unwrap();
    assert!(place("ListVersionsByFunction") < place("ListAliases"), "{operations:?}");
    assert!(place("ListAliases") < place("GetFunction"), "{operations:?}");
}

#[test]
fn whoever_is_let_in_between_two_calls_stops_the_second() {
    let account = account();
    create_repository(&account, "hello");
    for number in 0..150 {
        put_image(&account, "hello", &format!("old-{number}"));
    }
    account.stand.clear_calls();
    let rule = FaultRule {
        operation: "BatchDeleteImage".to_owned(),
        calls: Turn::Nth(1),
        delay_milliseconds: 3000,
        ..FaultRule::default()
    };
    account.stand.set_faults(vec![rule]);
    let mut child = account.start(&IMAGES);
    wait_for_calls(&account, "BatchDeleteImage", 1, &mut child);
    let open = json!({ "Effect": "Allow", "Principal": { "AWS": "999999999999" }, "Action": "ecr:*" });
    account
        .set_policy("hello", &json!({ "Version": "2012-10-17", "Statement": [own_grant(&account), open] }));
    let run = Account::finish(child);
    let document = run.expect(4);
    assert_eq!(document["error"]["kind"], "refused");
    assert!(message(document).contains("999999999999"), "{}", message(document));
    assert_eq!(images(&account, "hello").len(), 50);
    let detail = document["steps"][0]["detail"].as_str().unwrap();
    assert!(detail.ends_with(": 50 of them are still there"), "{detail}");
}

#[test]
fn what_is_refused_altogether_has_failed_and_nothing_was_deleted() {
    for (code, part) in
        [("KmsError", "KmsError"), ("ImageReferencedByManifestList", "an index still lists it")]
    {
        let mut account = account();
        create_repository(&account, "hello");
        let digests = [put_image(&account, "hello", "one"), put_image(&account, "hello", "two")];
        let all: Vec<&String> = digests.iter().collect();
        account.fault("BatchDeleteImage", Turn::Every, answer(&kept(&all, code)));
        let run = account.run(&IMAGES);
        let document = run.expect(1);
        assert_eq!(
            (&document["outcome"], &document["error"]["kind"]),
            (&json!("failed"), &json!("not_deleted"))
        );
        assert!(message(document).contains(part), "{}", message(document));
        assert_eq!(document["steps"][0]["status"], "failed");
        let detail = document["steps"][0]["detail"].as_str().unwrap();
        assert!(detail.ends_with(": 2 of them are still there"), "{detail}");
        assert_eq!(of_image(document, &digests[0]), "keep refused");
        account.lambda_lift.for_people();
        let run = account.run(&IMAGES);
        assert!(!run.stderr.contains("done: delete"), "{}", run.stderr);
    }
}

#[test]
fn what_an_answer_does_not_tell_is_looked_for() {
    for really in [false, true] {
        let mut account = account();
        create_repository(&account, "hello");
        let digest = put_image(&account, "hello", "old");
        account.stand.clear_calls();
        let rule = FaultRule {
            operation: "BatchDeleteImage".to_owned(),
            calls: Turn::Nth(1),
            delay_milliseconds: if really { 3000 } else { 0 },
            effect: Some(answer(&json!({}))),
            ..FaultRule::default()
        };
        account.stand.set_faults(vec![rule.clone()]);
        let mut child = account.start(&IMAGES);
        if really {
            wait_for_calls(&account, "BatchDeleteImage", 1, &mut child);
            let ids = json!([{ "imageDigest": digest }]);
            account.ecr("BatchDeleteImage", json!({ "repositoryName": "hello", "imageIds": ids }));
        }
        let run = Account::finish(child);
        if really {
            let document = run.expect(0);
            assert_eq!(document["outcome"], "pruned");
            assert_eq!(of_image(document, &digest), "delete unused deleted");
            continue;
        }
        let document = run.expect(4);
        assert!(message(document).contains("does not say what became of it"), "{}", message(document));
        assert_eq!(document["steps"][0]["status"], "failed");
        account.lambda_lift.for_people();
        account.stand.set_faults(vec![FaultRule { calls: Turn::Every, ..rule }]);
        let run = account.run(&IMAGES);
        let told = format!("{}{}", run.stdout, run.stderr);
        assert!(run.code == Some(4) && !told.contains("Nothing was deleted"), "{told}");
    }
}
