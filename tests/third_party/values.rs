//! Parameters and Terraform's state as moto has them.

use std::fs;

use serde_json::json;

use crate::account::{Account, images};

const SECRET: &str = "hunter2-hunter2";

#[test]
fn a_function_takes_values_from_moto_in_both_kinds_of_files() {
    let account = Account::new();
    let parameter = |name: &str, kind: &str, value: &str| {
        account.boto3.call("ssm", "put_parameter", json!({ "Name": name, "Type": kind, "Value": value }));
    };
    parameter("/hello/token", "SecureString", SECRET);
    parameter("/hello/plain", "String", "plain");
    parameter("/hello/list", "StringList", "zero,one");
    // In another Region than the run's: S3 points there.
    let west = account.boto3.in_region("us-west-2");
    let place = json!({ "Bucket": "states-bucket", "CreateBucketConfiguration": { "LocationConstraint": "us-west-2" } });
    west.call("s3", "create_bucket", place);
    let state = json!({ "version": 4, "resources": [{ "mode": "managed", "type": "aws_iam_role", "name": "hello",
        "instances": [{ "attributes": { "arn": account.role } }] }] });
    west.call(
        "s3",
        "put_object",
        json!({ "Bucket": "states-bucket", "Key": "env:/a b/x.tfstate", "Body": state.to_string() }),
    );

    let home = account.lambda_lift.home();
    let function = "{\"Role\": \"{{ tfstate `aws_iam_role.hello.arn` }}\", \"Environment\": {\"Variables\": {
        \"VA\": \"{{ ssm `/hello/token` }}\", \"VB\": \"{{ ssm `/hello/list` 1 }}\", \"VC\": \"{{ caller_identity.Account }}\"}}}";
    fs::write(home.join("function.json"), function).unwrap();
    let text = "function-file = \"function.json\"\ntfstate = \"s3://states-bucket/env:/a b/x.tfstate\"\n[function]\nFunctionName = \"hello\"\n\
                Environment.Variables = { VD = \"${ssm:/hello/plain}\", VE = \"${ssm:/hello/list}\", VF = \"${tfstate:aws_iam_role.hello.arn}\" }\n";
    fs::write(home.join("lambda-lift.toml"), text).unwrap();
    let image = images().packed("one").source;
    let arguments = ["deploy", "--image", &image, "--repository", "hello", "--create-repository"];
    let run = account.lambda_lift.run(&arguments);
    assert_eq!(run.expect(0)["outcome"], "deployed");
    assert!(!format!("{}{}", run.stdout, run.stderr).contains(SECRET));
    let live = &account.function()["Configuration"];
    let variables = json!({ "VA": SECRET, "VB": "one", "VC": account.cloud.account(), "VD": "plain", "VE": "zero,one", "VF": account.role });
    assert_eq!(live["Environment"]["Variables"], variables);
    assert_eq!(live["Role"], account.role.as_str());

    let refused =
        account.lambda_lift.run(&[&arguments[..], &["--tfstate", "s3://states-bucket/none"]].concat());
    let message = refused.expect(2)["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("there is no s3://states-bucket/none"), "{message}");
    let unknown = function.replace("/hello/token", "/hello/tokne");
    fs::write(home.join("function.json"), unknown).unwrap();
    let refused = account.lambda_lift.run(&arguments);
    let message = refused.expect(2)["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.contains("function.json:2:19: ssm: there is no parameter /hello/tokne"), "{message}");
}
