//! Values of `lambda-lift.toml` that are elsewhere: parameters, Terraform's state in a file, in S3, on the web. And whose file is believed.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use lambda_lift_localstack::{Effect, FaultRule, Turn};
use lambda_lift_rig::Run;
use serde_json::{Value, json};

use crate::account::{Account, REGION};

const SECRET: &str = "hunter2-hunter2";

const FILE: &str = r#"
image = "one.tar"
repository = "${tfstate:aws_ecr_repository.hello.name}"
create-repository = true
tags = ["v1"]
tfstate = "infra/terraform.tfstate"
prefixed-tfstates = ["net_=s3://states-bucket/net/terraform.tfstate"]

[function]
FunctionName = "hello"
Role = "${tfstate:data.aws_iam_role.hello.arn}"
VpcConfig = { SubnetIds = ["${net_tfstate:aws_subnet.app['a'].id}", "${ssm:/net/subnets[1]}"], SecurityGroupIds = ["sg-0123456789abcdef0"] }

[function.Environment.Variables]
TOKEN = "${ssm:/hello/token}"
LIST = "${ssm:/net/subnets}"
PLAIN = "x-${ssm:/hello/plain}-${ssm:/hello/token}"
"#;

const STATE: &str = r#"{"version": 4, "resources": [
    {"mode": "managed", "type": "aws_ecr_repository", "name": "hello", "instances": [{"attributes": {"name": "hello"}}]},
    {"mode": "data", "type": "aws_iam_role", "name": "hello",
     "instances": [{"attributes": {"arn": "arn:aws:iam::123456789012:role/from-terraform"}}]}]}"#;

const NET: &str = r#"{"version": 4, "resources": [{"mode": "managed", "type": "aws_subnet", "name": "app",
    "instances": [{"index_key": "a", "attributes": {"id": "subnet-0aaaaaaaaaaaaaaaa"}}]}]}"#;

/// An account with everything that the file asks for.
fn configured(text: &str) -> Account {
    let account = Account::new();
    account.small_image("one");
    fs::write(account.path("lambda-lift.toml"), text).unwrap();
    fs::create_dir(account.path("infra")).unwrap();
    fs::write(account.path("infra/terraform.tfstate"), STATE).unwrap();
    account.object("states-bucket", "net/terraform.tfstate", NET);
    account.parameter("/hello/token", "SecureString", SECRET);
    account.parameter("/hello/plain", "String", "plain-value-of-ssm");
    account.parameter("/net/subnets", "StringList", "subnet-0bbbbbbbbbbbbbbbb,subnet-0cccccccccccccccc");
    account.stand.clear_calls();
    account
}

fn run(account: &Account, arguments: &[&str]) -> Run {
    let run = account.run(arguments);
    for secret in [SECRET, "plain-value-of-ssm"] {
        assert!(!format!("{}{}", run.stdout, run.stderr).contains(secret), "{arguments:?} tells a secret");
    }
    run
}

/// What a run that was refused says, once it is sure that nothing was changed.
fn refused(account: &Account, arguments: &[&str]) -> (String, String) {
    let run = run(account, arguments);
    let error = run.expect(2)["error"].clone();
    assert_eq!(account.writes(), Vec::<String>::new());
    let text = |member: &str| error[member].as_str().unwrap_or_default().to_owned();
    (text("message"), text("hint"))
}

fn count(account: &Account, operation: &str) -> usize {
    account.operations().iter().filter(|name| *name == operation).count()
}

#[test]
fn parameters_and_states_are_filled_in_each_fetched_once_and_all_at_the_same_time() {
    let account = configured(FILE);
    let together = |operation: &str, calls| FaultRule {
        operation: operation.to_owned(),
        together: Some(calls),
        ..FaultRule::default()
    };
    account.stand.set_faults(vec![together("GetParameter", 3)]);
    let planned = run(&account, &["plan"]);
    assert_eq!(planned.expect(0)["outcome"], "planned");
    assert_eq!((count(&account, "GetParameter"), count(&account, "GetObject")), (3, 1));
    let shown = planned.document["steps"].to_string();
    for hidden in ["from-terraform", "subnet-0aaaaaaaaaaaaaaaa", "subnet-0cccccccccccccccc"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    assert_eq!(run(&account, &["deploy"]).expect(0)["outcome"], "deployed");
    let live = account.lambda("GET", "/hello", Value::Null)["Configuration"].clone();
    assert_eq!(live["Role"], "arn:aws:iam::123456789012:role/from-terraform");
    assert_eq!(
        live["VpcConfig"]["SubnetIds"],
        json!(["subnet-0aaaaaaaaaaaaaaaa", "subnet-0cccccccccccccccc"])
    );
    let variables = json!({"TOKEN": SECRET, "LIST": "subnet-0bbbbbbbbbbbbbbbb,subnet-0cccccccccccccccc",
        "PLAIN": format!("x-plain-value-of-ssm-{SECRET}")});
    assert_eq!(live["Environment"]["Variables"], variables);
    assert_eq!(run(&account, &["deploy"]).expect(0)["outcome"], "unchanged");
    // What changes is told without its values, old and new.
    account.ssm("PutParameter", json!({"Name": "/hello/plain", "Value": "other", "Overwrite": true}));
    fs::write(account.path("infra/terraform.tfstate"), STATE.replace("from-terraform", "from-elsewhere"))
        .unwrap();
    let changed = run(&account, &["plan"]);
    let told = format!("{}{}", changed.expect(0), changed.stderr);
    assert!(
        told.contains("Role") && !told.contains("from-terraform") && !told.contains("from-elsewhere"),
        "{told}"
    );
}

#[test]
fn only_the_values_that_a_command_uses_are_asked_for() {
    let account = configured(FILE);
    run(&account, &["push"]).expect(0);
    assert_eq!((count(&account, "GetParameter"), count(&account, "GetObject")), (0, 0));
    run(&account, &["policy", "show"]).expect(0);
    assert_eq!((count(&account, "GetParameter"), count(&account, "GetObject")), (0, 0));
}

#[test]
fn every_lookup_that_fails_is_told_at_its_place_and_nothing_is_changed() {
    for (from, to, place, part, hint) in [
        (
            "/hello/token}\"",
            "/hello/tokne}\"",
            "15:9",
            "function: there is no parameter /hello/tokne",
            "describe-parameters",
        ),
        (
            "subnets[1]",
            "subnets[2]",
            "12:69",
            "the parameter /net/subnets has 2 entries, and none at place 2",
            "",
        ),
        (
            "/hello/plain}",
            "/hello/plain[0]}",
            "17:9",
            "the parameter /hello/plain is no StringList",
            "leave the place out",
        ),
        (
            "hello.arn",
            "hello.arm",
            "11:8",
            "data.aws_iam_role.hello is in the state, and has no .arm",
            "did you mean arn?",
        ),
        (
            "aws_ecr_repository.hello",
            "aws_ecr_repository.helo",
            "3:14",
            "repository: aws_ecr_repository.helo.name is not in the state",
            "did you mean",
        ),
        ("'a'", "'b'", "12:28", "aws_subnet.app[\"b\"].id is not in the state", "did you mean"),
        (
            "net_tfstate",
            "other_tfstate",
            "12:28",
            "no Terraform state with the prefix other_ is named",
            "--prefixed-tfstate other_=PLACE",
        ),
        (
            "infra/terraform.tfstate",
            "infra/none.tfstate",
            "3:14",
            "the Terraform state infra/none.tfstate cannot be read: No such file",
            "",
        ),
        ("infra/terraform.tfstate", "one.tar", "3:14", "it is not JSON", "terraform state pull"),
        (
            "states-bucket/net",
            "states-bucket/no",
            "12:28",
            "there is no s3://states-bucket/no/terraform.tfstate: The specified key does not exist",
            "",
        ),
        ("s3://states-bucket", "s3://other-bucket", "12:28", "The specified bucket does not exist", ""),
        ("s3://states-bucket/net/terraform.tfstate", "gs://b/k", "7:22", "gs:// are not read", ""),
        (
            "tfstate = \"infra/terraform.tfstate\"\n",
            "",
            "3:14",
            "no Terraform state is named",
            "tfstate = \"PLACE\"",
        ),
        (
            "tfstate = \"infra/terraform.tfstate\"",
            "tfstate = \"${ssm:/hello/plain}\"",
            "6:11",
            "its own cannot be asked for there",
            "${env:NAME}",
        ),
        (
            "create-repository = true",
            "region = \"${tfstate:output.region}\"",
            "4:10",
            "its own cannot be asked for there",
            "",
        ),
        ("TOKEN =", "A-B =", "15:1", "what its template stands for cannot be used", "not shown"),
    ] {
        let account = configured(&FILE.replacen(from, to, 1));
        let (message, told) = refused(&account, &["plan"]);
        assert!(message.contains(&format!("lambda-lift.toml:{place}: ")), "{to}: {message}");
        assert!(message.contains(part), "{to}: {message}");
        assert!(told.contains(hint), "{to}: {message} ({told})");
    }
}

#[test]
fn what_aws_does_in_between_is_waited_for_or_told() {
    let account = configured(FILE);
    let fault = |operation: &str, calls, effect| {
        let rule = FaultRule {
            operation: operation.to_owned(),
            calls,
            effect: Some(effect),
            ..FaultRule::default()
        };
        account.stand.set_faults(vec![rule]);
    };
    for effect in [Effect::Throttle, Effect::HalfResponse, Effect::Close] {
        for operation in ["GetParameter", "GetObject"] {
            fault(operation, Turn::First(2), effect.clone());
            run(&account, &["plan"]).expect(0);
        }
    }
    fault("GetParameter", Turn::Every, Effect::Deny);
    let (message, hint) = refused(&account, &["plan"]);
    assert!(message.contains("not authorized to perform: ssm:GetParameter"), "{message}");
    assert!(
        hint.contains("allow ssm:GetParameter on arn:aws:ssm:eu-central-1:123456789012:parameter/"),
        "{hint}"
    );
    fault("GetObject", Turn::Every, Effect::Deny);
    let (message, hint) = refused(&account, &["plan"]);
    assert!(message.contains("s3://states-bucket/net/terraform.tfstate cannot be read"), "{message}");
    assert!(
        hint.contains("allow s3:GetObject on arn:aws:s3:::states-bucket/net/terraform.tfstate"),
        "{hint}"
    );
    fault("GetParameter", Turn::Every, Effect::ExpiredToken);
    let (_, hint) = refused(&account, &["plan"]);
    assert!(hint.contains("sign in again"), "{hint}");
}

#[test]
fn a_bucket_is_found_in_its_own_region_and_a_backend_leads_to_it() {
    let mut account = configured(FILE);
    fs::create_dir(account.path(".terraform")).unwrap();
    let backend = json!({"version": 3, "backend": {"type": "s3", "config": {"bucket": "states-bucket", "key": "net/terraform.tfstate"}}});
    fs::write(account.path(".terraform/terraform.tfstate"), backend.to_string()).unwrap();
    for place in ["s3://states-bucket/net/terraform.tfstate", ".terraform/terraform.tfstate"] {
        let text = FILE
            .replace("s3://states-bucket/net/terraform.tfstate", place)
            .replace("${ssm:/net/subnets[1]}", "subnet-0dddddddddddddddd");
        let (head, _) = text.split_once("[function.Env").unwrap();
        fs::write(account.path("lambda-lift.toml"), head).unwrap();
        run(&account, &["plan", "--region", "us-west-2"]).expect(0);
        let regions: Vec<String> = account
            .calls()
            .into_iter()
            .filter(|call| call.operation == "GetObject")
            .map(|call| call.region)
            .collect();
        assert_eq!(regions, ["us-west-2", REGION], "{place}");
        account.stand.clear_calls();
    }
    // Another workspace has another key.
    account.lambda_lift.set("TF_WORKSPACE", "dev");
    let (message, _) = refused(&account, &["plan"]);
    assert!(message.contains("there is no s3://states-bucket/env:/dev/net/terraform.tfstate"), "{message}");
    account.object("states-bucket", "env:/dev/net/terraform.tfstate", NET);
    account.stand.clear_calls();
    run(&account, &["plan"]).expect(0);
}

/// A web server that answers one request after the other in this way, and what it was asked.
fn web(answers: Vec<String>) -> (String, std::thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            asked.push(String::from_utf8(head).unwrap());
            stream.write_all(answer.as_bytes()).unwrap();
        }
        asked
    });
    (address, server)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n{body}", body.len())
}

#[test]
fn a_state_on_the_web_is_read_with_a_password_that_goes_nowhere_else() {
    let (elsewhere, second) = web(vec![answer("503 Busy", "", ""), answer("200 OK", "", STATE)]);
    let (here, first) = web(vec![answer(
        "307 Elsewhere",
        &format!("location: http://{elsewhere}/real?sig={SECRET}\r\n"),
        "",
    )]);
    let mut account =
        configured(&FILE.replace("infra/terraform.tfstate", "http://me:${env:PASSWORD}@HERE/state"));
    let text = fs::read_to_string(account.path("lambda-lift.toml")).unwrap().replace("HERE", &here);
    fs::write(account.path("lambda-lift.toml"), text).unwrap();
    account.lambda_lift.set("PASSWORD", SECRET);
    run(&account, &["push"]).expect(0);
    let (first, second) =
        (first.join().unwrap().concat().to_lowercase(), second.join().unwrap().concat().to_lowercase());
    assert!(first.contains("authorization: basic ") && !second.contains("authorization"), "{first}{second}");
    account.stand.clear_calls();
    // Nobody listens there any more.
    let (message, _) = refused(&account, &["push"]);
    assert!(
        message.contains(&format!("the Terraform state http://{here}/state cannot be read: ")),
        "{message}"
    );
    let (message, _) = refused(&account, &["push", "--tfstate", "http://192.0.2.1/state"]);
    assert!(message.contains("over plain http"), "{message}");
    for (status, part) in
        [("404 None", "there is none"), ("401 Who", "the server refuses it"), ("200 OK", "it is not JSON")]
    {
        let (here, server) = web(vec![answer(status, "", "hunter2-hunter2")]);
        let (message, _) =
            refused(&account, &["push", "--tfstate", &format!("http://{here}/x?token={SECRET}")]);
        assert!(message.contains(part), "{message}");
        server.join().unwrap();
    }
}

#[test]
fn values_of_the_stand_in_are_those_of_its_folder() {
    let account = configured(FILE);
    let folder = account.path("stand").display().to_string();
    let (message, _) = refused(&account, &["plan", &format!("--local={folder}")]);
    assert!(message.contains("there is no"), "{message}");
    let parameters = json!({"123456789012/eu-central-1": {
        "/hello/token": [{"kind": "SecureString", "value": SECRET, "modified": 0}],
        "/hello/plain": [{"kind": "String", "value": "x", "modified": 0}],
        "/net/subnets": [{"kind": "StringList", "value": "a,subnet-0cccccccccccccccc", "modified": 0}]}});
    fs::write(account.path("stand/ssm.json"), parameters.to_string()).unwrap();
    fs::write(account.path("net.tfstate"), NET).unwrap();
    run(&account, &["plan", &format!("--local={folder}"), "--prefixed-tfstate", "net_=net.tfstate"])
        .expect(0);
    assert_eq!(account.operations(), Vec::<String>::new());
}

#[test]
fn a_configuration_file_of_another_user_is_refused_unless_it_is_named() {
    let mut account = configured(FILE);
    let below = account.path("below");
    fs::create_dir(&below).unwrap();
    let file = account.path("lambda-lift.toml");
    give_away(&file);
    account.lambda_lift.work_in(&below);
    let (message, hint) = refused(&account, &["push"]);
    assert_eq!(message, "../lambda-lift.toml belongs to another user");
    assert_eq!(hint, "name it with --config ../lambda-lift.toml to use it, or use --no-config");
    assert_eq!(account.operations(), Vec::<String>::new());
    run(&account, &["push", "--config", "../lambda-lift.toml"]).expect(0);
}

/// Makes a file somebody else's, which only root can.
fn give_away(path: &std::path::Path) {
    const SOMEBODY: u32 = 54_321;
    if std::os::unix::fs::chown(path, Some(SOMEBODY), None).is_err() {
        let told = std::process::Command::new("sudo")
            .args(["-n", "chown", &SOMEBODY.to_string()])
            .arg(path)
            .status()
            .unwrap();
        assert!(told.success(), "only root can give a file away: run the tests as root, or with sudo");
    }
}
