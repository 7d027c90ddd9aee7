//! `permissions` of a configuration whose values are elsewhere, and `--check` for a role that was assumed.

use std::fs;

use serde_json::{Value, json};

use crate::account::{ACCOUNT, Account};

const FILE: &str = r#"
image = "one.tar"
repository = "hello"
create-repository = true
tags = ["${ssm:/hello/tag}"]
prefixed-tfstates = ["net_=s3://states-bucket/net/terraform.tfstate"]

[function]
FunctionName = "hello"
Role = "${net_tfstate:data.aws_iam_role.hello.arn}"

[function.Environment.Variables]
TOKEN = "${ssm:/hello/token:1}"
"#;

const STATE: &str = r#"{"version": 4, "resources": [{"mode": "data", "type": "aws_iam_role", "name": "hello",
     "instances": [{"attributes": {"arn": "arn:aws:iam::123456789012:role/from-terraform"}}]}]}"#;

fn configured() -> Account {
    let account = Account::new();
    account.small_image("one");
    fs::write(account.path("lambda-lift.toml"), FILE).unwrap();
    account.object("states-bucket", "net/terraform.tfstate", STATE);
    account.parameter("/hello/token", "SecureString", "hunter2");
    account.parameter("/hello/tag", "String", "v1");
    account.stand.clear_calls();
    account
}

fn statements(account: &Account, arguments: &[&str]) -> Vec<Value> {
    let run = account.run(&[&["permissions"], arguments].concat());
    let document = run.expect(0)["permissions"]["documents"][0]["document"].clone();
    document["Statement"].as_array().unwrap().clone()
}

fn of<'a>(statements: &'a [Value], sid: &str) -> Option<&'a Value> {
    statements.iter().find(|statement| statement["Sid"] == sid)
}

#[test]
fn a_deploy_runs_under_its_policy_when_values_are_elsewhere_and_not_without_one_of_them() {
    let account = configured();
    let statements = statements(&account, &[]);
    let values = ["ReadParameters", "DecryptParameters", "ReadTerraformState"];
    for without in [None, Some(values[0]), Some(values[1]), Some(values[2])] {
        let kept: Vec<_> =
            statements.iter().filter(|one| without.is_none_or(|sid| one["Sid"] != sid)).cloned().collect();
        assert_eq!(kept.len(), statements.len() - usize::from(without.is_some()));
        let policy = json!({ "Version": "2012-10-17", "Statement": kept });
        account.stand.set_identity_policy(ACCOUNT, Some(policy));
        let run = account.run(&["deploy"]);
        account.stand.set_identity_policy(ACCOUNT, None);
        match without {
            None => assert_eq!(run.expect(0)["outcome"], "deployed"),
            Some(sid) => {
                let message = run.expect(2)["error"]["message"].as_str().unwrap().to_owned();
                assert!(message.contains("not authorized"), "{sid}: {message}");
            }
        }
    }
    let asked = account.stand.asked_actions();
    for action in ["ssm:GetParameter", "kms:Decrypt", "s3:GetObject"] {
        assert!(asked.contains(action), "{action}");
    }
}

#[test]
fn a_policy_lets_a_command_read_what_that_command_takes_from_the_file() {
    let account = configured();
    let parameter = |name: &str| format!("arn:aws:ssm:eu-central-1:{ACCOUNT}:parameter/hello/{name}");
    let deploy = statements(&account, &[]);
    assert_eq!(
        of(&deploy, "ReadParameters").unwrap()["Resource"],
        json!([parameter("tag"), parameter("token")])
    );
    let decrypt = of(&deploy, "DecryptParameters").unwrap();
    let context = &decrypt["Condition"]["StringEquals"]["kms:EncryptionContext:PARAMETER_ARN"];
    assert_eq!(context, &json!(parameter("token")));
    assert_eq!(
        of(&deploy, "ReadTerraformState").unwrap()["Resource"],
        "arn:aws:s3:::states-bucket/net/terraform.tfstate"
    );
    // Who only looks needs no secret; what knows the function's name from elsewhere needs that.
    for command in ["status", "rollback", "push", "policy-check"] {
        let policy = statements(&account, &["--for", command]);
        assert!(of(&policy, "DecryptParameters").is_none(), "{command}: {policy:#?}");
        assert!(of(&policy, "ReadTerraformState").is_none(), "{command}: {policy:#?}");
    }
    assert_eq!(
        of(&statements(&account, &["--for", "push"]), "ReadParameters").unwrap()["Resource"],
        parameter("tag")
    );
    let text = FILE.replace("\"hello\"\nRole", "\"${ssm:/hello/tag}\"\nRole");
    fs::write(account.path("lambda-lift.toml"), text).unwrap();
    let named = statements(&account, &["--for", "status"]);
    assert_eq!(of(&named, "ReadParameters").unwrap()["Resource"], parameter("tag"));
    // Without templates there is nothing to read.
    let plain = account.run(&[
        "permissions",
        "--no-config",
        "--for",
        "push",
        "--repository",
        "hello",
        "--account",
        ACCOUNT,
    ]);
    assert!(!plain.expect(0)["permissions"].to_string().contains("ssm:"), "{}", plain.stdout);
}

#[test]
fn a_role_that_was_assumed_is_asked_about_by_its_own_arn() {
    let account = configured();
    let role = format!("arn:aws:iam::{ACCOUNT}:role/deployer");
    let run = account.run(&["permissions", "--check", "--assume-role", &role]);
    let check = &run.expect(0)["permissions"]["check"];
    assert_eq!(check["principal"], role);
    assert_eq!(check["lacking"], json!([]));
    let asked = account.operations();
    assert!(asked.contains(&"GetRole".to_owned()), "the role's path is looked up: {asked:?}");
}
