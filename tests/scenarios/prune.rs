//! What goes, what stays and why, and what a person must say first.

use std::io::{Read as _, Write as _};

use lambda_lift_localstack::{Effect, ErrorAnswer, FaultRule, Turn};
use serde_json::{Value, json};

use crate::account::{ACCOUNT, Account, REGION};
use crate::image::digest;
use crate::prune_scene::*;

const OTHER: &str = "999999999999";

#[test]
fn what_nothing_needs_goes_and_what_a_rollback_needs_stays() {
    let account = Account::new();
    for note in ["one", "two", "three", "four", "five"] {
        account.deploy(&account.small_image(note)).expect(0);
    }
    account.stand.clear_calls();
    let run = prune(&account, &["--keep", "2", "--yes"]);
    let document = run.expect(0);
    assert_eq!((&document["command"], &document["outcome"]), (&json!("prune"), &json!("pruned")));
    let said: Vec<String> = ["1", "2", "3", "4", "5"].map(|version| of_version(document, version)).to_vec();
    assert_eq!(
        said,
        [
            "delete unreferenced deleted",
            "delete unreferenced deleted",
            "keep journal",
            "keep journal",
            "keep alias"
        ]
    );
    assert_eq!(versions(&account), ["3", "4", "5"]);
    let listed = document["prune"]["images"].as_array().unwrap();
    assert_eq!((listed.len(), images(&account, "hello").len()), (5, 3));
    assert!(document["prune"]["bytes_at_most"].as_u64().unwrap() > 0);
    assert_eq!(account.writes(), ["DeleteFunction", "DeleteFunction", "BatchDeleteImage"]);
    assert_eq!(document["steps"][0]["step"], "delete_versions");
    assert_eq!(
        (&document["steps"][1]["status"], document["steps"].as_array().unwrap().len()),
        (&json!("done"), 2)
    );
    // Both moves that were to be kept can be rolled back.
    account.run(&["rollback", "--function", "hello", "--alias", "live", "--steps", "2"]).expect(0);
    let alias = account.lambda("GET", "/hello/aliases/live", Value::Null);
    assert_eq!(alias["FunctionVersion"], "3");
    account.stand.clear_calls();
    let again = prune(&account, &["--keep", "2", "--yes"]);
    assert_eq!((&again.expect(0)["outcome"], account.writes()), (&json!("unchanged"), Vec::new()));
}

#[test]
fn without_yes_nothing_is_written_and_the_plan_says_what_would_go() {
    let mut account = account();
    hello(&account, 3);
    let run = prune(&account, &["--keep", "1"]);
    let document = run.expect(0);
    assert_eq!(document["outcome"], "planned");
    assert_eq!(of_version(document, "1"), "delete unreferenced");
    assert_eq!(document["steps"][0]["status"], "planned");
    assert_eq!(account.writes(), Vec::<String>::new());
    assert_eq!(versions(&account), ["1", "2", "3"]);
    // Nobody wrote down what the alias ran.
    assert_eq!(document["findings"][0]["check"], "journal");
    account.lambda_lift.for_people();
    let run = prune(&account, &["--keep", "1"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    for part in [
        "function hello: 2 of 3 versions go",
        "alias live sends traffic to it",
        "repository hello: 2 of 3 images go",
        "v1: no function runs it",
        "version 3 of function hello runs it",
        "add --yes",
    ] {
        assert!(run.stdout.contains(part), "{part} is not in:\n{}", run.stdout);
    }
    let hint = account.run(&["prune"]);
    assert_eq!(hint.code, Some(2));
    let told = format!("{}{}", hint.stdout, hint.stderr);
    assert!(told.contains("--function") && told.contains("--repository"), "{told}");
}

/// Runs it on a terminal where somebody types this; answers the exit code and what the terminal showed.
fn on_terminal(account: &Account, arguments: &[&str], typed: &str) -> (Option<i32>, String) {
    after_typing(account, arguments, "", typed)
}

/// The same, where somebody typed something before the question was there.
fn after_typing(account: &Account, arguments: &[&str], early: &str, typed: &str) -> (Option<i32>, String) {
    let mut child = account.lambda_lift.start_on_terminal(arguments);
    let (mut typing, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut shown = Vec::new();
    typing.write_all(early.as_bytes()).unwrap();
    shown_until(&mut screen, &mut shown, b"[y/N] ");
    typing.write_all(typed.as_bytes()).unwrap();
    drop(typing);
    screen.read_to_end(&mut shown).unwrap();
    (child.wait().unwrap().code(), String::from_utf8_lossy(&shown).into_owned())
}

/// Reads what the terminal shows up to this.
fn shown_until(screen: &mut impl std::io::Read, shown: &mut Vec<u8>, end: &[u8]) {
    while !shown.ends_with(end) {
        let mut byte = [0];
        screen.read_exact(&mut byte).unwrap();
        shown.push(byte[0]);
    }
}

#[test]
fn what_was_typed_before_the_question_is_no_answer_to_it() {
    let mut account = account();
    hello(&account, 3);
    account.lambda_lift.for_people();
    // The question comes a while after what is typed at once.
    let rule = FaultRule {
        operation: "ListFunctions".to_owned(),
        calls: Turn::Every,
        delay_milliseconds: 2000,
        ..FaultRule::default()
    };
    account.stand.set_faults(vec![rule]);
    let (code, shown) = after_typing(&account, &[&PRUNE[..], &["--keep", "1"]].concat(), "y\n", "n\n");
    assert!(code == Some(0) && shown.contains("nothing was deleted"), "{shown}");
    // The terminal shows it as it comes in: it was there before the question.
    let place = |part: &str| shown.find(part).unwrap();
    assert!(place("y\r\n") < place("[y/N]"), "{shown}");
    assert_eq!((versions(&account).len(), account.writes()), (3, Vec::new()));
}

#[test]
fn on_a_terminal_a_person_is_asked_and_only_yes_is_yes() {
    let mut account = account();
    hello(&account, 3);
    account.lambda_lift.for_people();
    let arguments = [&PRUNE[..], &["--keep", "1"]].concat();
    for typed in ["n\n", "\n"] {
        let (code, shown) = on_terminal(&account, &arguments, typed);
        assert_eq!(code, Some(0), "{shown}");
        assert!(shown.contains("2 of 3 versions go") && shown.contains("[y/N]"), "{shown}");
        assert!(shown.contains("nothing was deleted"), "{shown}");
        assert_eq!((versions(&account).len(), account.writes()), (3, Vec::new()));
    }
    let (code, shown) = on_terminal(&account, &arguments, "y\n");
    assert_eq!((code, versions(&account)), (Some(0), vec!["3".to_owned()]), "{shown}");
    assert!(shown.contains("pruned"), "{shown}");
}

#[test]
fn who_interrupts_the_question_has_not_said_yes() {
    let mut account = account();
    hello(&account, 3);
    account.lambda_lift.for_people();
    let mut child = account.lambda_lift.start_on_terminal(&[&PRUNE[..], &["--keep", "1"]].concat());
    let (mut typing, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut shown = Vec::new();
    shown_until(&mut screen, &mut shown, b"[y/N] ");
    typing.write_all(b"\x03").unwrap();
    screen.read_to_end(&mut shown).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let shown = String::from_utf8_lossy(&shown);
    assert!(shown.contains("stopped on request") && shown.contains("Nothing was deleted"), "{shown}");
    assert_eq!((versions(&account).len(), account.writes()), (3, Vec::new()));
}

#[test]
fn every_reference_keeps_a_version_and_its_image() {
    let account = account();
    let digests = hello(&account, 8);
    account.lambda(
        "POST",
        "/hello/aliases",
        json!({ "Name": "blue", "FunctionVersion": "1", "RoutingConfig": { "AdditionalVersionWeights": { "2": 0.1 } } }),
    );
    let path = "/2019-09-30/functions/hello/provisioned-concurrency?Qualifier=3";
    let (status, answer) = account.lambda_api("PUT", path, json!({ "ProvisionedConcurrentExecutions": 1 }));
    assert_eq!(status, 202, "{answer}");
    // Another function's version and `$LATEST`, and this one's `$LATEST`.
    create_function(&account, "other", "hello", &digests[3]);
    publish(&account, "other");
    update_function(&account, "other", "hello", &digests[4]);
    update_function(&account, "hello", "hello", &digests[5]);
    let leftover = put_image(&account, "hello", "leftover");
    account.stand.clear_calls();
    let run = prune(&account, &["--keep", "1", "--yes"]);
    let document = run.expect(0);
    let said: Vec<String> = (1..=8).map(|number| of_version(document, &number.to_string())).collect();
    let gone = "delete unreferenced deleted";
    assert_eq!(
        said,
        ["keep alias", "keep alias", "keep provisioned_concurrency", gone, gone, gone, gone, "keep alias"]
    );
    let said: Vec<String> = digests.iter().map(|digest| of_image(document, digest)).collect();
    let (used, gone) = ("keep in_use", "delete unused deleted");
    assert_eq!(said, [used, used, used, used, used, used, gone, used]);
    assert_eq!(of_image(document, &leftover), gone);
    assert_eq!(versions(&account), ["1", "2", "3", "8"]);
    assert_eq!(images(&account, "hello").len(), 7);
}

#[test]
fn an_image_that_was_pushed_lately_stays_for_the_deploy_that_is_about_to_use_it() {
    let account = account();
    let digests = hello(&account, 2);
    put_image(&account, "hello", "next");
    let arguments = ["prune", "--repository", "hello", "--yes"];
    let run = account.run(&arguments);
    assert_eq!(run.expect(0)["outcome"], "unchanged");
    assert_eq!((images(&account, "hello").len(), account.writes().len()), (3, 1), "only the image was put");
    let run = account.run(&[&arguments[..], &["--min-age", "0"]].concat());
    assert_eq!(run.expect(0)["outcome"], "pruned");
    assert_eq!(images(&account, "hello"), sorted(&[&digests[0], &digests[1]]));
}

#[test]
fn an_index_and_what_it_lists_stay_or_go_together_and_in_the_right_order() {
    let account = account();
    let digests = hello(&account, 1);
    let sibling = put_image(&account, "hello", "sibling");
    let kept = put_index(&account, "hello", "kept", &[&digests[0], &sibling]);
    let [one, two] = ["one", "two"].map(|note| put_image(&account, "hello", note));
    let inner = put_index(&account, "hello", "inner", &[&one, &two]);
    let outer = put_index(&account, "hello", "outer", &[&inner]);
    let about = |subject: &str, note: &str| {
        let config = digest(br#"{"architecture":"amd64","os":"linux"}"#);
        let signature = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.example.signature",
            "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 37 }, "layers": [],
            "subject": { "mediaType": MANIFEST, "digest": subject, "size": 1 }, "annotations": { "note": note },
        });
        put_manifest(&account, "hello", note, &signature)
    };
    let signature = about(&digests[0], "signature");
    let stale = about(&outer, "stale");
    account.stand.clear_calls();
    let run = account.run(&["prune", "--repository", "hello", "--min-age", "0", "--yes"]);
    let document = run.expect(0);
    for digest in [&sibling, &kept, &signature] {
        assert_eq!(of_image(document, digest), "keep related");
    }
    for digest in [&one, &two, &inner, &outer, &stale] {
        assert_eq!(of_image(document, digest), "delete unused deleted");
    }
    assert_eq!(images(&account, "hello"), sorted(&[&digests[0], &sibling, &kept, &signature]));
    assert_eq!(account.writes(), ["BatchDeleteImage"; 3], "outer, inner, and what they list");
}

#[test]
fn two_hundred_and_fifty_images_go_in_three_calls() {
    let account = account();
    let digests = hello(&account, 1);
    for number in 0..250 {
        put_image(&account, "hello", &format!("old-{number}"));
    }
    account.stand.clear_calls();
    let run = account.run(&["prune", "--repository", "hello", "--min-age", "0", "--yes"]);
    assert_eq!(run.expect(0)["outcome"], "pruned");
    assert_eq!(account.writes(), ["BatchDeleteImage"; 3]);
    assert_eq!(images(&account, "hello"), digests);
}

#[test]
fn functions_that_cannot_be_seen_must_be_looked_at_by_a_person_first() {
    let account = account();
    let digests = hello(&account, 2);
    let old = put_image(&account, "hello", "old");
    let statement =
        |principal: Value| json!({ "Effect": "Allow", "Principal": principal, "Action": "ecr:Batch*" });
    let policy = |statements: Value| json!({ "Version": "2012-10-17", "Statement": statements });
    let own = own_grant(&account);
    let (named, anyone) = (statement(json!({ "AWS": OTHER })), statement(json!("*")));
    account.stand.clear_calls();
    for (granted, enough, not_enough) in [(named, OTHER, "111111111111"), (anyone, "*", OTHER)] {
        account.set_policy("hello", &policy(json!([own, granted])));
        account.stand.clear_calls();
        for checked in [&[][..], &["--account-checked", not_enough]] {
            let run = prune(&account, &[&["--yes"][..], checked].concat());
            assert_eq!(run.expect(3)["outcome"], "refused");
            assert_eq!((&run.document["prune"], account.writes()), (&Value::Null, Vec::new()));
            assert!(
                run.refusals()
                    .contains(&format!("--account-checked {}", if enough == "*" { "'*'" } else { enough }))
            );
        }
        let run = prune(&account, &["--account-checked", enough]);
        assert_eq!(run.expect(0)["outcome"], "planned");
    }
    // The registry may have a policy of its own.
    let wide =
        json!({ "Effect": "Allow", "Principal": { "AWS": OTHER }, "Action": "ecr:*", "Resource": "*" });
    account.ecr("PutRegistryPolicy", json!({ "policyText": policy(json!([wide])).to_string() }));
    account.set_policy("hello", &policy(json!([own])));
    assert!(prune(&account, &["--yes"]).refusals().contains("--account-checked 999999999999"));
    account.ecr("PutRegistryPolicy", json!({ "policyText": policy(json!([])).to_string() }));
    // Deletions may be replicated.
    account.set_policy("hello", &policy(json!([own])));
    let to = json!([{ "region": "eu-west-1", "registryId": ACCOUNT }]);
    let rules = json!({ "rules": [{ "destinations": to, "repositoryFilters": [{ "filter": "hel", "filterType": "PREFIX_MATCH" }] }] });
    account.ecr("PutReplicationConfiguration", json!({ "replicationConfiguration": rules }));
    assert!(
        prune(&account, &["--yes"]).refusals().contains("replicated to account 123456789012 in eu-west-1")
    );
    prune(&account, &["--yes", "--account-checked", ACCOUNT]).expect(0);
    assert_eq!(images(&account, "hello"), sorted(&[&digests[0], &digests[1]]), "{old} has gone");
}

#[test]
fn a_repository_of_another_account_is_that_accounts_business_too() {
    let mut account = account();
    account.become_account(OTHER);
    create_repository(&account, "hello");
    let statement = json!({
        "Effect": "Allow", "Principal": { "AWS": ACCOUNT },
        "Action": ["ecr:DescribeImages", "ecr:GetRepositoryPolicy", "ecr:BatchGetImage", "ecr:BatchDeleteImage"],
    });
    account.set_policy(
        "hello",
        &json!({ "Version": "2012-10-17", "Statement": [own_grant(&account), statement] }),
    );
    put_image(&account, "hello", "old");
    account.become_account(ACCOUNT);
    let uri = format!("{OTHER}.dkr.ecr.{REGION}.amazonaws.com/hello");
    let arguments = ["prune", "--repository", &uri, "--min-age", "0", "--yes"];
    let run = account.run(&arguments);
    run.expect(3);
    assert!(run.refusals().contains("functions of account 999999999999"), "{}", run.refusals());
    let run = account.run(&[&arguments[..], &["--account-checked", OTHER]].concat());
    assert_eq!(run.expect(0)["outcome"], "pruned");
    account.become_account(OTHER);
    assert_eq!(images(&account, "hello"), Vec::<String>::new());
}

#[test]
fn a_damaged_journal_refuses_and_says_what_to_do() {
    let account = Account::new();
    for note in ["one", "two", "three"] {
        account.deploy(&account.small_image(note)).expect(0);
    }
    let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:hello");
    account.tag(&arn, json!({ "lambda-lift:live:now": "1 edited by hand" }));
    account.stand.clear_calls();
    let run = prune(&account, &["--keep", "1", "--yes"]);
    assert_eq!(run.expect(3)["outcome"], "refused");
    let refusals = run.refusals();
    for part in ["alias live of function hello", "is not as it was written", "untag-resource"] {
        assert!(refusals.contains(part), "{part}: {refusals}");
    }
    assert_eq!(account.writes(), Vec::<String>::new());
    // Without the damaged tag, what the others say counts: the move from 1 to 2.
    account.untag(&arn, "lambda-lift:live:now");
    let run = prune(&account, &["--keep", "1", "--yes"]);
    assert_eq!(of_version(run.expect(0), "1"), "keep journal");
    assert_eq!(versions(&account), ["1", "2", "3"]);
}

#[test]
fn what_is_not_there_or_not_meant_is_said() {
    let account = account();
    hello(&account, 2);
    let refusals = |arguments: &[&str], code: i32| {
        let run = account.run(arguments);
        run.expect(code);
        run.refusals()
    };
    assert!(refusals(&["prune", "--function", "goodbye"], 3).contains("function goodbye does not exist"));
    assert!(refusals(&["prune", "--repository", "goodbye"], 3).contains("repository goodbye does not exist"));
    let foreign = format!("arn:aws:lambda:{REGION}:{OTHER}:function:hello");
    assert!(refusals(&["prune", "--function", &foreign], 3).contains("in account 999999999999"));
    let far = format!("{ACCOUNT}.dkr.ecr.eu-west-3.amazonaws.com/hello");
    let near = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:hello");
    assert!(refusals(&["prune", "--function", &near, "--repository", &far], 2).contains("eu-west-3"));
    let uri = far.replace("eu-west-3", REGION);
    assert!(refusals(&["prune", "--repository", "hello", "--repository", &uri], 2).contains("named twice"));
    for bad in [&["--keep", "0"][..], &["--min-age", "soon"], &["--account-checked", "me"]] {
        prune(&account, bad).expect(2);
    }
    assert_eq!(account.writes(), Vec::<String>::new());
}

#[test]
fn what_aws_will_not_delete_is_told_and_keeps_nothing_else_from_going() {
    let account = account();
    let digests = hello(&account, 3);
    let (kept, gone) = (&digests[0], &digests[1]);
    let answer = json!({
        "imageIds": [{ "imageDigest": gone, "imageTag": "v2" }],
        "failures": [{ "imageId": { "imageDigest": kept }, "failureCode": "KmsError", "failureReason": "the key is gone" }],
    });
    let effect = Effect::Error(ErrorAnswer {
        status: 200,
        code: String::new(),
        message: String::new(),
        headers: [("content-type".to_owned(), "application/x-amz-json-1.1".to_owned())].into(),
        body: Some(answer.to_string()),
    });
    account.fault("BatchDeleteImage", Turn::First(1), effect);
    let run = prune(&account, &["--keep", "1", "--yes"]);
    let document = run.expect(4);
    assert_eq!(document["error"]["kind"], "not_deleted");
    assert!(document["error"]["message"].as_str().unwrap().contains("the key is gone"));
    assert_eq!(of_image(document, kept), "keep refused");
    assert_eq!(of_image(document, gone), "delete unused deleted");
    assert_eq!(versions(&account), ["3"]);
    // A version that Lambda will not give up keeps its image.
    let account = self::account();
    let digests = hello(&account, 3);
    let refusal =
        Effect::Error(ErrorAnswer::new(400, "InvalidParameterValueException", "it is a replicated function"));
    account.fault("DeleteFunction", Turn::First(1), refusal);
    let run = prune(&account, &["--keep", "1", "--yes"]);
    let document = run.expect(4);
    assert_eq!(of_version(document, "1"), "keep refused");
    assert_eq!(of_image(document, &digests[0]), "keep in_use");
    assert_eq!(
        (versions(&account), images(&account, "hello")),
        (vec!["1".to_owned(), "3".to_owned()], sorted(&[&digests[0], &digests[2]]))
    );
    account.clear_faults();
    prune(&account, &["--keep", "1", "--yes"]).expect(0);
    assert_eq!(versions(&account), ["3"]);
}
