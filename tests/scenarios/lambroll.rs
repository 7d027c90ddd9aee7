//! lambroll's files as they are: `function.json` with templates, `function.jsonnet`, option and environment files, and zip functions' files.

use std::fs;

use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{ACCOUNT, Account};

const SECRET: &str = "hunter2-hunter2";

/// In the shape of lambroll's own test file, for an image.
const FUNCTION: &str = r#"{
    "Architectures": ["x86_64"],
    "Description": "hello function for {{ must_env `STAGE` }}",
    "EphemeralStorage": {"Size": 1024},
    "Environment": {
        "Variables": {
            "JSON": "{{ env `JSON` | json_escape }}",
            "FOO": "{{ env `FOO` `default for FOO` }}",
            "TOKEN": "{{ ssm `/hello/token` }}",
            "PART": "{{ ssm `/hello/list` 1 }}",
            "FIRST": "{{ prefix1_tfstate `data.aws_iam_role.lambda.arn` }}",
            "ACCOUNT": "{{ caller_identity.Account }}"
        }
    },
    "FunctionName": "{{ must_env `STAGE` }}-hello",
    "FileSystemConfigs": [
        {
            "Arn": "arn:aws:elasticfilesystem:eu-central-1:123456789012:access-point/fsap-04fc0858274e7dd9a",
            "LocalMountPath": "/mnt/lambda"
        }
    ],
    "PackageType": "Image",
    "Code": {"ImageUri": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/lambda/test:latest"},
    "ImageConfig": {"Command": ["/path/to/bootstrap"], "WorkingDirectory": "/var/task", "EntryPoint": ["/var/task/bootstrap"]},
    "LoggingConfig": {
        "ApplicationLogLevel": "DEBUG",
        "LogFormat": "JSON",
        "LogGroup": "/aws/lambda/{{ must_env `STAGE` }}/json",
        "SystemLogLevel": "INFO"
    },
    "MemorySize": 128,
    "Role": "{{ tfstate `data.aws_iam_role.lambda.arn` }}",
    "Tags": {"Env": "dev"},
    "Timeout": 5,
    "TracingConfig": {"Mode": "PassThrough"},
    "VpcConfig": {
        "SubnetIds": ["subnet-08dc9a51660120991", "subnet-023e96b860485e2ad"],
        "SecurityGroupIds": ["{{ tfstatef `aws_security_group.internal['%s'].id` (must_env `WORLD`) }}"]
    }
}
"#;

const STATE: &str = r#"{"version": 4, "resources": [
    {"mode": "managed", "type": "aws_security_group", "name": "internal",
     "instances": [{"index_key": "a", "attributes": {"id": "sg-01a9b01eab0a3c154"}}]},
    {"mode": "data", "type": "aws_iam_role", "name": "lambda",
     "instances": [{"attributes": {"arn": "arn:aws:iam::123456789012:role/test_lambda_role"}}]}]}"#;

/// The call of lambroll, with its flags carried over, and the image that lambroll leaves to others.
const FLAGS: [&str; 12] = [
    "--function-file",
    "function.json",
    "--image",
    "one.tar",
    "--repository",
    "hello",
    "--create-repository",
    "--tfstate",
    "terraform.tfstate",
    "--prefixed-tfstate",
    "prefix1_=first.tfstate",
    "--envfile=env",
];

fn account() -> Account {
    let mut account = Account::new();
    account.small_image("one");
    account.lambda_lift.set("STAGE", "test");
    fs::write(account.path("function.json"), FUNCTION).unwrap();
    fs::write(account.path("terraform.tfstate"), STATE).unwrap();
    fs::write(account.path("first.tfstate"), STATE.replace("lambda_role", "lambda_role_1")).unwrap();
    fs::write(account.path("env"), format!("export JSON='{{\"foo\":\"{SECRET}\"}}'\nWORLD=\"a\"\n")).unwrap();
    account.parameter("/hello/token", "SecureString", SECRET);
    account.parameter("/hello/list", "StringList", "zero,one");
    account.stand.clear_calls();
    account
}

fn run(account: &Account, arguments: &[&str]) -> Run {
    let run = account.run(arguments);
    assert!(!format!("{}{}", run.stdout, run.stderr).contains(SECRET), "{arguments:?} tells a secret");
    run
}

fn with<'a>(command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&[command][..], &FLAGS, more].concat()
}

fn refused(account: &Account, arguments: &[&str]) -> (String, String) {
    let run = run(account, arguments);
    let error = run.expect(2)["error"].clone();
    assert_eq!(account.writes(), Vec::<String>::new());
    let text = |member: &str| error[member].as_str().unwrap_or_default().to_owned();
    (text("message"), text("hint"))
}

#[test]
fn a_function_json_is_deployed_as_lambroll_would_read_it() {
    let account = account();
    let planned = run(&account, &with("plan", &[]));
    assert_eq!(planned.expect(0)["outcome"], "planned");
    assert!(
        !planned.stdout.contains("test_lambda_role"),
        "what a template filled in is not shown: {}",
        planned.stdout
    );
    run(&account, &with("deploy", &["--alias", "current"])).expect(0);
    let live = account.lambda("GET", "/test-hello", Value::Null);
    let configuration = &live["Configuration"];
    for (member, expected) in [
        ("Description", json!("hello function for test")),
        ("Role", json!("arn:aws:iam::123456789012:role/test_lambda_role")),
        ("MemorySize", json!(128)),
        ("Timeout", json!(5)),
        ("EphemeralStorage", json!({"Size": 1024})),
        ("Architectures", json!(["x86_64"])),
    ] {
        assert_eq!(configuration[member], expected, "{member}");
    }
    assert_eq!(configuration["LoggingConfig"]["LogGroup"], "/aws/lambda/test/json");
    assert_eq!(configuration["VpcConfig"]["SecurityGroupIds"], json!(["sg-01a9b01eab0a3c154"]));
    assert_eq!(configuration["FileSystemConfigs"][0]["LocalMountPath"], "/mnt/lambda");
    assert_eq!(live["Tags"]["Env"], "dev");
    let variables = json!({"JSON": format!("{{\"foo\":\"{SECRET}\"}}"), "FOO": "default for FOO", "TOKEN": SECRET, "PART": "one",
        "FIRST": "arn:aws:iam::123456789012:role/test_lambda_role_1", "ACCOUNT": ACCOUNT});
    assert_eq!(configuration["Environment"]["Variables"], variables);
    assert_eq!(run(&account, &with("deploy", &["--alias", "current"])).expect(0)["outcome"], "unchanged");
}

#[test]
fn the_same_file_serves_a_configuration_file() {
    let account = account();
    fs::create_dir(account.path("conf")).unwrap();
    let text = "image = \"../one.tar\"\nrepository = \"hello\"\ncreate-repository = true\nfunction-file = \"../function.json\"\n\
                tfstate = \"../terraform.tfstate\"\nprefixed-tfstates = [\"prefix1_=../first.tfstate\"]\nenvfiles = [\"../env\"]\n\
                [function]\nTimeout = 6\n";
    fs::write(account.path("conf/lambda-lift.toml"), text).unwrap();
    let config = ["--config", "conf/lambda-lift.toml"];
    run(&account, &[&["deploy"][..], &config].concat()).expect(0);
    assert_eq!(account.lambda("GET", "/test-hello", Value::Null)["Configuration"]["Timeout"], 6);
    assert_eq!(
        run(&account, &[&["status"][..], &config].concat()).expect(0)["function"]["name"],
        "test-hello"
    );
    fs::write(account.path("function.json"), FUNCTION.replace("`WORLD`", "`NOWHERE`")).unwrap();
    account.stand.clear_calls();
    let (message, hint) = refused(&account, &[&["plan"][..], &config].concat());
    assert!(
        message.contains("function.json:38:83: must_env: the environment variable NOWHERE is not set"),
        "{message}"
    );
    assert!(
        message.contains("conf/lambda-lift.toml:4:1 names it") && hint.contains("export NOWHERE"),
        "{message} {hint}"
    );
}

const JSONNET: &str = r#"
local must_env = std.native('must_env');
local tfstate = std.native('tfstate');
local caller = std.native('caller_identity')();
{
  Architectures: ['x86_64'],
  Description: std.extVar('Description'),
  Environment: { Variables: {
    JSON: '{{ env `JSON` | json_escape }}',
    TOKEN: std.native('ssm')('/hello/token'),
    FIRST: std.native('prefix1_tfstate')('data.aws_iam_role.lambda.arn'),
    ACCOUNT: caller.Account,
  } },
  FunctionName: '{{ must_env `STAGE` }}-jsonnet',
  PackageType: 'Image',
  MemorySize: std.extVar('MemorySize'),
  Role: tfstate('data.aws_iam_role.lambda.arn'),
  VpcConfig: {
    SubnetIds: ['subnet-08dc9a51660120991'],
    SecurityGroupIds: [tfstate('aws_security_group.internal["%s"].id' % must_env('WORLD'))],
  },
}
"#;

#[test]
fn a_function_jsonnet_and_an_option_file_are_understood() {
    let account = account();
    fs::write(account.path("function.jsonnet"), JSONNET).unwrap();
    let option = "{
        log_level: 'info', color: true, region: 'eu-west-3', tfstate: './terraform.tfstate',
        prefixed_tfstate: { prefix1_: './first.tfstate' }, envfile: ['env'],
        ext_str: { Description: 'from the option file' }, ext_code: { MemorySize: '64 * 2' } }";
    fs::write(account.path("option.jsonnet"), option).unwrap();
    let arguments = [
        "deploy",
        "--option",
        "option.jsonnet",
        "--function-file",
        "function.jsonnet",
        "--image",
        "one.tar",
        "--repository",
        "hello",
        "--create-repository",
    ];
    // In its Region there is no such parameter.
    let (message, _) = refused(&account, &arguments);
    assert!(message.contains("function.jsonnet:10:12: ssm: there is no parameter /hello/token"), "{message}");
    assert!(account.calls().iter().all(|call| call.region == "eu-west-3"));
    let deployed = run(
        &account,
        &[&arguments[..], &["--region", "eu-central-1", "--ext-str", "Description=typed"]].concat(),
    );
    deployed.expect(0);
    assert!(
        deployed
            .stderr
            .contains("warning: option.jsonnet: log_level is ignored; --verbose and --quiet says it here"),
        "{}",
        deployed.stderr
    );
    let live = account.lambda("GET", "/test-jsonnet", Value::Null)["Configuration"].clone();
    assert_eq!((&live["Description"], &live["MemorySize"]), (&json!("typed"), &json!(128)));
    assert_eq!(live["VpcConfig"]["SecurityGroupIds"], json!(["sg-01a9b01eab0a3c154"]));
    assert_eq!(live["Environment"]["Variables"]["JSON"], format!("{{\"foo\":\"{SECRET}\"}}"));
}

#[test]
fn what_is_wrong_in_a_file_is_told_at_its_place() {
    for (from, to, part, hint) in [
        (
            "`WORLD`",
            "`NOWHERE`",
            "function.json:38:83: must_env: the environment variable NOWHERE is not set",
            "--envfile",
        ),
        (
            "prefix1_tfstate",
            "prefix9_tfstate",
            "function.json:11:26: prefix9_tfstate: no Terraform state with the prefix prefix9_",
            "--prefixed-tfstate prefix9_=PLACE",
        ),
        (
            " | json_escape",
            "",
            "function.json:7:25: what this template stands for breaks the JSON",
            "json_escape",
        ),
        (
            "`/hello/token`",
            "`/hello/none`",
            "function.json:9:26: ssm: there is no parameter /hello/none",
            "describe-parameters",
        ),
        (
            "`/hello/list` 1",
            "`/hello/list`",
            "function.json:10:25: ssm: the parameter /hello/list is a StringList",
            "the first is 0",
        ),
        (
            "caller_identity.Account",
            "caller_identity.Alias",
            "function.json:12:28: .Alias is not there",
            ".Account",
        ),
        (
            "\"{{ tfstate `data",
            "\"x{{ tfstate `data",
            "function.json: the function's declaration cannot be used: Role: what its template stands for cannot be used here",
            "",
        ),
        ("\"Timeout\": 5,", "\"Timeout\": 5000000,", "Timeout", ""),
        ("\"MemorySize\"", "\"MemroySize\"", "MemroySize: there is no such key", ""),
    ] {
        let account = account();
        fs::write(account.path("function.json"), FUNCTION.replacen(from, to, 1)).unwrap();
        let (message, told) = refused(&account, &with("plan", &[]));
        assert!(message.contains(part), "{to}: {message}");
        assert!(told.contains(hint), "{to}: {message} ({told})");
    }
    let account = account();
    for (flags, part) in [
        (vec!["--envfile=none"], "none cannot be read"),
        (vec!["--prefixed-tfstate", "x"], "--prefixed-tfstate takes NAME=VALUE"),
        (vec!["--ext-str", "hunter2-hunter2"], "--ext-str takes NAME=VALUE"),
        (vec!["--option", "function.json"], "an option file has the functions env and must_env only"),
    ] {
        let (message, _) = refused(&account, &with("plan", &flags));
        assert!(message.contains(part), "{flags:?}: {message}");
    }
}

#[test]
fn a_file_of_a_zip_function_is_refused_with_the_way_out() {
    let account = account();
    for (package, part) in [
        ("\"PackageType\": \"Zip\",", "PackageType: Zip is declared"),
        ("", "PackageType: it is not declared, which means Zip"),
    ] {
        let text = format!(
            "{{\"FunctionName\": \"{{{{ must_env `STAGE` }}}}-zip\", {package} \"Handler\": \"index.js\", \"Runtime\": \"nodejs22.x\",
              \"Role\": \"{{{{ tfstate `data.aws_iam_role.lambda.arn` }}}}\", \"Tags\": {{\"Env\": \"dev\"}}}}"
        );
        fs::write(account.path("function.json"), text).unwrap();
        let (message, _) = refused(&account, &with("plan", &[]));
        assert!(message.contains(part) && message.contains("keep lambroll for this function"), "{message}");
        assert!(message.contains("Handler: an image function has no handler"), "{message}");
    }
}

/// In the shape of the example for containers in lambroll's README.
const CONTAINER: &str = r#"{
  "FunctionName": "container",
  "MemorySize": 128,
  "Role": "arn:aws:iam::012345678912:role/test_lambda_function",
  "PackageType": "Image",
  "Code": {
    "ImageUri": "012345678912.dkr.ecr.ap-northeast-1.amazonaws.com/lambda/test:latest"
  }
}
"#;

#[test]
fn a_file_without_templates_asks_for_nothing_from_elsewhere() {
    let mut account = account();
    account.become_account("012345678912");
    fs::write(account.path("function.json"), CONTAINER).unwrap();
    let planned = run(&account, &with("plan", &[]));
    assert_eq!(planned.expect(0)["outcome"], "planned");
    assert!(
        planned.stdout.contains("role/test_lambda_function"),
        "what stands in the file is shown: {}",
        planned.stdout
    );
    let asked = account.operations();
    assert!(
        !asked.iter().any(|operation| operation == "GetParameter" || operation == "GetObject"),
        "{asked:?}"
    );
}
