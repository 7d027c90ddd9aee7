//! The repository's policy: judged, extended, and never a statement of somebody else's lost.

use std::fs;

use lambda_lift_localstack::{Effect, Turn};
use serde_json::{Value, json};

use crate::account::{ACCOUNT, Account, REGION, is_write};

const OWNER: &str = "999900001111";
const TEAMS: [&str; 3] = ["111111111111", "222222222222", "333333333333"];
const PULL: [&str; 2] = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

/// A policy in the style of people who had one before us.
fn foreign_policy() -> Value {
    json!({
        "Version": "2008-10-17",
        "Statement": [
            { "Sid": "BuildServers", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::444444444444:root" },
              "Action": ["ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart"] },
            { "Effect": "Deny", "Principal": "*", "Action": "ecr:DeleteRepository",
              "Condition": { "Bool": { "aws:SecureTransport": "false" } } },
            // What lets the teams push into the owner's repository, and see and set its policy.
            { "Sid": "Teams", "Effect": "Allow",
              "Principal": { "AWS": TEAMS.map(|team| format!("arn:aws:iam::{team}:root")) },
              "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeRepositories",
                         "ecr:GetDownloadUrlForLayer", "ecr:GetRepositoryPolicy", "ecr:InitiateLayerUpload", "ecr:PutImage",
                         "ecr:SetRepositoryPolicy", "ecr:UploadLayerPart"] },
        ],
    })
}

#[test]
fn foreign_statements_survive_deploys_for_three_accounts_with_two_statements_of_ours() {
    let mut account = Account::new();
    account.become_account(OWNER);
    account.create_repository("shared");
    // The service's own statement for the owner's account is somebody's too.
    let mut policy = foreign_policy();
    let own = json!({ "Sid": "LambdaECRImageRetrievalPolicy", "Effect": "Allow",
                      "Principal": { "Service": "lambda.amazonaws.com" }, "Action": PULL,
                      "Condition": { "StringLike": { "aws:sourceArn": format!("arn:aws:lambda:{REGION}:{OWNER}:function:*") } } });
    policy["Statement"].as_array_mut().unwrap().push(own);
    account.set_policy("shared", &policy);
    let theirs = account.policy("shared").unwrap()["Statement"].as_array().unwrap().clone();

    let repository = format!("{OWNER}.dkr.ecr.{REGION}.amazonaws.com/shared");
    for (round, team) in TEAMS.iter().chain(&TEAMS).enumerate() {
        account.become_account(team);
        let (image, role) = (account.small_image("one"), account.role());
        account.stand.clear_calls();
        let run = account.run(&[
            "deploy",
            "--image",
            &image,
            "--function",
            "hello",
            "--repository",
            &repository,
            "--role",
            &role,
            "--alias",
            "live",
        ]);
        let outcome = run.expect(0)["outcome"].clone();
        assert_eq!(outcome, if round < TEAMS.len() { "deployed" } else { "unchanged" }, "{team}");
        if round >= TEAMS.len() {
            assert_eq!(account.writes(), Vec::<String>::new());
        }
    }
    account.become_account(OWNER);
    let policy = account.policy("shared").unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    assert_eq!(statements[..theirs.len()], theirs, "{policy:#}");
    assert_eq!(statements.len(), theirs.len() + 2, "{policy:#}");
    let ours = |sid: &str| statements.iter().find(|statement| statement["Sid"] == sid).unwrap().to_string();
    for team in TEAMS {
        assert!(ours("CrossAccountPermission").contains(&format!("arn:aws:iam::{team}:root")), "{policy:#}");
        let functions = format!("arn:aws:lambda:{REGION}:{team}:function:*");
        assert!(ours("LambdaECRImageCrossAccountRetrievalPolicy").contains(&functions), "{policy:#}");
    }
}

#[test]
fn who_may_not_read_the_policy_is_told_what_the_owner_can_do_and_the_deploy_goes_on() {
    let account = Account::new();
    account.create_repository("hello");
    let granted = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": PULL } ] });
    account.set_policy("hello", &granted);
    account.stand.clear_calls();
    account.fault("*RepositoryPolicy", Turn::Every, Effect::Deny);
    let document = account.deploy(&account.small_image("one")).expect(0).clone();
    assert_eq!(document["outcome"], "deployed");
    assert_eq!(document["policy"]["verdict"], "unknown");
    assert_eq!(document["policy"]["changed"], false);
    let findings = document["findings"].as_array().unwrap();
    let finding = findings.iter().find(|finding| finding["check"] == "policy").unwrap();
    assert_eq!(finding["severity"], "unknown");
    let hint = finding["hint"].as_str().unwrap();
    for word in ["lambda-lift policy ensure", "hello", ACCOUNT] {
        assert!(hint.contains(word), "{word} is not in: {hint}");
    }
    assert!(!account.operations().contains(&"SetRepositoryPolicy".to_owned()));
}

#[test]
fn who_may_read_but_not_write_the_policy_is_stopped_before_the_function_with_the_permission_named() {
    let account = Account::new();
    account.create_repository("hello");
    account.fault("SetRepositoryPolicy", Turn::Every, Effect::Deny);
    let run = account.deploy(&account.small_image("one"));
    // The whole of "it cannot work" is known only now; the function is untouched.
    let said = run.refusals();
    assert!(matches!(run.code, Some(0 | 1)), "{:?}: {said}", run.code);
    if run.code == Some(1) {
        assert!(said.contains("ecr:SetRepositoryPolicy"), "{said}");
        assert!(!account.writes().contains(&"CreateFunction".to_owned()));
    }
}

#[test]
fn a_policy_that_changes_between_reading_and_writing_is_left_alone() {
    let account = Account::new();
    account.create_repository("hello");
    account.set_policy("hello", &foreign_policy());
    let before = account.policy("hello");
    // The second reading, right before the write, sees what somebody else made of it meanwhile.
    let other = json!({ "registryId": ACCOUNT, "repositoryName": "hello", "policyText": json!({ "Version": "2012-10-17",
        "Statement": [{ "Sid": "Meanwhile", "Effect": "Deny", "Principal": "*", "Action": "ecr:DeleteRepository" }] }).to_string() });
    let answer = lambda_lift_localstack::ErrorAnswer {
        status: 200,
        code: String::new(),
        message: String::new(),
        headers: std::collections::BTreeMap::new(),
        body: Some(other.to_string()),
    };
    for command in ["deploy", "ensure"] {
        account.fault("GetRepositoryPolicy", Turn::Nth(2), Effect::Error(answer.clone()));
        account.stand.clear_calls();
        let run = match command {
            "deploy" => account.deploy(&account.small_image("one")),
            _ => account.run(&["policy", "ensure", "--repository", "hello"]),
        };
        let document = run.expect(1);
        assert_eq!(document["error"]["kind"], "changed_underneath");
        assert!(document["error"]["message"].as_str().unwrap().contains("policy of repository hello"));
        assert_eq!(document["policy"]["changed"].as_bool().unwrap_or_default(), false);
        assert!(!account.writes().contains(&"SetRepositoryPolicy".to_owned()));
        assert!(!account.writes().contains(&"CreateFunction".to_owned()));
        account.clear_faults();
    }
    assert_eq!(account.policy("hello"), before);
    // And the next run goes on.
    account.deploy(&account.small_image("one")).expect(0);
}

#[test]
fn ensuring_twice_writes_once_and_checking_tells_each_side() {
    let account = Account::new();
    account.create_repository("hello");
    let check = |more: &[&str]| account.run(&[&["policy", "check", "--repository", "hello"], more].concat());
    let missing = check(&[]).expect(3).clone();
    assert_eq!(
        (&missing["policy"]["verdict"], &missing["policy"]["caller"]),
        (&json!("missing"), &Value::Null)
    );
    let side = json!({ "verdict": "missing", "missing_actions": PULL, "denied_by": [], "conditions": [] });
    assert_eq!(missing["policy"]["service"], side);

    let ensure = [
        "policy",
        "ensure",
        "--repository",
        "hello",
        "--account",
        TEAMS[0],
        "--account",
        TEAMS[1],
        "--account",
        ACCOUNT,
    ];
    let first = account.run(&ensure).expect(0).clone();
    assert_eq!(first["policy"]["changed"], true);
    account.stand.clear_calls();
    let second = account.run(&ensure).expect(0).clone();
    assert_eq!((&second["policy"]["changed"], &second["outcome"]), (&json!(false), &json!("unchanged")));
    assert_eq!(account.writes(), Vec::<String>::new());

    assert_eq!(check(&[]).expect(0)["policy"]["verdict"], "granted");
    let cross = check(&["--account", TEAMS[0]]).expect(0).clone();
    let granted = json!({ "verdict": "granted", "missing_actions": [], "denied_by": [], "conditions": [] });
    assert_eq!((&cross["policy"]["service"], &cross["policy"]["caller"]), (&granted, &granted));
    assert_eq!(check(&["--account", TEAMS[2]]).expect(3)["policy"]["caller"]["verdict"], "missing");
}

#[test]
fn a_document_from_a_file_is_judged_without_aws() {
    let account = Account::new();
    let service = |more: Value| {
        let mut statement =
            json!({ "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": PULL });
        statement.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        statement
    };
    let like = |operator: &str| json!({ "Condition": { operator: { "aws:SourceArn": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:*") } } });
    let deny = |more: Value| {
        let mut statement =
            json!({ "Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "ecr:BatchGetImage" });
        statement.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        statement
    };
    let granted = json!({ "verdict": "granted", "missing_actions": [], "denied_by": [], "conditions": [] });
    let nothing = json!({ "verdict": "missing", "missing_actions": PULL, "denied_by": [], "conditions": [] });
    let table = [
        (vec![], 3, nothing.clone()),
        (vec![service(json!({}))], 0, granted.clone()),
        (vec![service(json!({ "Action": "ecr:*" }))], 0, granted.clone()),
        (
            vec![service(json!({ "Action": PULL[0] }))],
            3,
            json!({ "verdict": "missing", "missing_actions": [PULL[1]], "denied_by": [], "conditions": [] }),
        ),
        (
            vec![service(json!({ "Action": PULL[0] })), service(json!({ "Action": PULL[1] }))],
            0,
            granted.clone(),
        ),
        (vec![service(like("StringLike"))], 0, granted.clone()),
        (vec![service(like("ArnEquals"))], 0, granted.clone()),
        (vec![service(like("StringEquals"))], 3, nothing.clone()),
        (
            vec![service(json!({})), deny(json!({}))],
            3,
            json!({ "verdict": "denied", "missing_actions": [PULL[0]], "denied_by": ["No"], "conditions": [] }),
        ),
        (
            vec![
                service(json!({})),
                deny(json!({ "Condition": { "NotIpAddress": { "aws:SourceIp": "10.0.0.0/8" } } })),
            ],
            3,
            json!({ "verdict": "unknown", "missing_actions": [], "denied_by": [], "conditions": ["aws:SourceIp"] }),
        ),
        (
            vec![
                service(json!({})),
                deny(json!({ "Condition": { "StringNotEquals": { "aws:SourceAccount": ACCOUNT } } })),
            ],
            0,
            granted.clone(),
        ),
    ];
    let path = account.path("policy.json");
    for (statements, code, side) in table {
        fs::write(&path, json!({ "Version": "2012-10-17", "Statement": statements }).to_string()).unwrap();
        let file = path.display().to_string();
        let run = account.run(&["policy", "check", "--policy-file", &file, "--account", ACCOUNT]);
        let document = run.expect(code);
        let mut found = document["policy"]["service"].clone();
        if side["verdict"] == "denied" {
            // Which actions a denied side lists as missing is no promise.
            found["missing_actions"] = side["missing_actions"].clone();
        }
        assert_eq!(found, side, "{statements:?}");
        assert_eq!(document["policy"]["verdict"], side["verdict"]);
    }

    fs::write(&path, "{ not JSON").unwrap();
    let file = path.display().to_string();
    let malformed = account.run(&["policy", "check", "--policy-file", &file, "--account", ACCOUNT]);
    assert_eq!(malformed.expect(3)["error"]["kind"], "malformed_policy");

    // The function's account is another one than the repository's: both sides are judged.
    fs::write(&path, json!({ "Version": "2012-10-17", "Statement": [service(json!({}))] }).to_string())
        .unwrap();
    let repository = format!("{OWNER}.dkr.ecr.{REGION}.amazonaws.com/hello");
    let run = account.run(&[
        "policy",
        "check",
        "--policy-file",
        &file,
        "--repository",
        &repository,
        "--account",
        ACCOUNT,
    ]);
    let document = run.expect(3);
    assert_eq!(document["policy"]["service"], granted);
    assert_eq!(document["policy"]["caller"], nothing);
    assert!(
        !account.operations().iter().any(|operation| is_write(operation)) && account.operations().is_empty()
    );
}
