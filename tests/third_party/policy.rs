//! The repository policy belongs to others too: what they wrote survives us.

use lambda_lift_rig::ThirdPartyCloud;
use serde_json::{Value, json};

use crate::account::{BINARY, images};

/// Accounts that deploy from a repository of another account's.
const TEAMS: [&str; 3] = ["111111111111", "222222222222", "333333333333"];

/// A policy in the style of people who had one before us.
fn foreign_policy() -> Value {
    json!({
        "Version": "2008-10-17",
        "Statement": [
            { "Sid": "BuildServers", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::444444444444:root" },
              "Action": ["ecr:PutImage", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart"] },
            { "Effect": "Deny", "Principal": "*", "Action": "ecr:DeleteRepository",
              "Condition": { "Bool": { "aws:SecureTransport": "false" } } },
        ],
    })
}

#[test]
fn foreign_statements_survive_deploys_for_three_accounts_with_two_statements_of_ours() {
    let cloud = ThirdPartyCloud::start();
    let owner = cloud.boto3();
    owner.call("ecr", "create_repository", json!({ "repositoryName": "shared" }));
    let text = foreign_policy().to_string();
    owner.call("ecr", "set_repository_policy", json!({ "repositoryName": "shared", "policyText": text }));

    let teams = TEAMS.map(|account| owner.in_account(account));
    let profiles: String =
        TEAMS.iter().zip(&teams).map(|(account, boto3)| boto3.profile(&format!("team-{account}"))).collect();
    let mut lambda_lift = cloud.lambda_lift(BINARY);
    lambda_lift.use_profiles(&format!("{}{profiles}", owner.profile("owner")));

    let (image, repository) = (images().packed("one"), cloud.repository_uri("shared"));
    for (account, boto3) in TEAMS.iter().zip(&teams) {
        let (role, profile) = (boto3.create_role("hello"), format!("team-{account}"));
        let run = lambda_lift.run(&[
            "deploy",
            "--image",
            &image.source,
            "--function",
            "hello",
            "--role",
            &role,
            "--alias",
            "live",
            "--repository",
            &repository,
            "--profile",
            &profile,
            "--repository-profile",
            "owner",
        ]);
        assert_eq!(run.expect(0)["outcome"], "deployed", "{account}");
    }

    let policy = owner.repository_policy("shared").unwrap();
    let statements = policy["Statement"].as_array().unwrap();
    assert_eq!(statements[..2], *foreign_policy()["Statement"].as_array().unwrap(), "{policy:#}");
    assert_eq!(statements.len(), 4, "two of theirs, two of ours: {policy:#}");
    let ours = |sid: &str| statements.iter().find(|statement| statement["Sid"] == sid).unwrap().to_string();
    for account in TEAMS {
        assert!(
            ours("CrossAccountPermission").contains(&format!("arn:aws:iam::{account}:root")),
            "{policy:#}"
        );
        let functions = format!("arn:aws:lambda:{}:{account}:function:*", cloud.region());
        assert!(ours("LambdaECRImageCrossAccountRetrievalPolicy").contains(&functions), "{policy:#}");
    }
}

#[test]
fn ensuring_a_policy_twice_writes_once() {
    let cloud = ThirdPartyCloud::start();
    cloud.boto3().call("ecr", "create_repository", json!({ "repositoryName": "hello" }));
    let lambda_lift = cloud.lambda_lift(BINARY);
    assert_eq!(
        lambda_lift.run(&["policy", "check", "--repository", "hello"]).expect(3)["policy"]["verdict"],
        "missing"
    );
    assert_eq!(
        lambda_lift.run(&["policy", "ensure", "--repository", "hello"]).expect(0)["policy"]["changed"],
        true
    );

    let before = cloud.mark();
    assert_eq!(
        lambda_lift.run(&["policy", "ensure", "--repository", "hello"]).expect(0)["policy"]["changed"],
        false
    );
    let run = lambda_lift.run(&["policy", "check", "--repository", "hello"]);
    let document = run.expect(0);
    assert_eq!(document["policy"]["verdict"], "granted");
    assert_eq!(document["policy"]["service"]["missing_actions"], json!([]));
    assert_eq!(document["policy"]["caller"], Value::Null, "the function's account is the repository's");
    assert_eq!(cloud.writes_since(before), Vec::<String>::new());
}
