//! What was typed wrongly ends with exit code 2, says so, and asks nobody.

use std::fs;

use lambda_lift_rig::Run;
use serde_json::Value;

use crate::account::{Account, deploy_arguments};

/// `arguments` with the value of `flag` replaced, or the flag added.
fn with<'a>(arguments: &[&'a str], flag: &'a str, value: &'a str) -> Vec<&'a str> {
    let mut arguments = arguments.to_vec();
    match arguments.iter().position(|argument| *argument == flag) {
        Some(at) => arguments[at + 1] = value,
        None => arguments.extend([flag, value]),
    }
    arguments
}

fn assert_one_document(run: &Run) -> &Value {
    assert!(run.document.is_object(), "not one JSON document on standard output: {:?}", run.stdout);
    for key in [
        "schema", "command", "outcome", "function", "image", "policy", "version", "alias", "findings",
        "steps", "error",
    ] {
        assert!(run.document.get(key).is_some(), "{key} is missing in {:#}", run.document);
    }
    &run.document
}

#[test]
fn wrong_values_end_with_2_and_one_document_and_no_call() {
    let account = Account::new();
    let image = account.small_image("one");
    let role = account.role();
    let good = deploy_arguments(&image, &role);
    let file = |name: &str, text: &str| {
        fs::write(account.path(name), text).unwrap();
        account.path(name).display().to_string()
    };
    let empty = format!("docker-archive:{}", file("empty.tar", ""));
    let broken = file("broken.json", "{");
    let unknown = file("unknown.json", r#"{"FunctionName": "hello", "Memroy": 512}"#);
    let wrong = file("wrong.json", r#"{"FunctionName": "hello", "MemorySize": "much"}"#);
    let other = file("other.json", r#"{"FunctionName": "other"}"#);
    let table = [
        ("--repository", "Hello"),
        ("--repository", "x"),
        ("--repository", "public.ecr.aws/a/b"),
        ("--repository", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/hello:tag"),
        ("--repository", "12345.dkr.ecr.eu-central-1.amazonaws.com/hello"),
        ("--function", "hello world"),
        ("--function", "arn:aws:lambda:eu-central-1:123456789012:layer:hello"),
        ("--function", "arn:aws:lambda:eu-central-1:123456789012:function:hello:live"),
        ("--role", "hello"),
        ("--role", "arn:aws:iam::123456789012:user/hello"),
        ("--alias", "7"),
        ("--alias", "a b"),
        ("--alias", ""),
        ("--tag", "v1+2"),
        ("--tag", ""),
        ("--region", "Frankfurt!"),
        ("--arch", "s390x"),
        ("--memory", "64"),
        ("--memory", "99999"),
        ("--timeout", "0"),
        ("--timeout", "901"),
        ("--env", "NOVALUEANDNOTTHERE"),
        ("--env", "1A=x"),
        ("--wait-timeout", "soon"),
        ("--stall-timeout", "soon"),
        ("--push-timeout", "0"),
        ("--image", "docker-archive:/no/such/file.tar"),
        ("--image", "ftp://somewhere/image"),
        ("--image", "docker-archive:"),
        ("--function-file", "/no/such/file.json"),
        ("--function-file", &broken),
        ("--function-file", &unknown),
        ("--function-file", &wrong),
        ("--function-file", &other),
        ("--endpoint-url", "not an address"),
        ("--registry-endpoint", "not an address"),
        ("--registry-endpoint", "http://registry.example.com"),
    ];
    let mut failures = Vec::new();
    for (flag, value) in table {
        let mut arguments = with(&good, flag, value);
        // The runner's own endpoint flags would come twice.
        let doubled = flag.ends_with("endpoint") || flag == "--endpoint-url";
        if doubled {
            arguments.truncate(arguments.len() - 2);
        }
        let run = if doubled {
            run_with_endpoint(&account, &arguments, flag, value)
        } else {
            account.run(&arguments)
        };
        let document = run.document.is_object();
        let said = run.document["error"]["message"].as_str().unwrap_or_default();
        if run.code != Some(2) || !document || said.is_empty() || !account.operations().is_empty() {
            failures.push(format!(
                "{flag} {value:?}: {:?} {} calls {:?} {}",
                run.code,
                run.document,
                account.operations(),
                run.stderr
            ));
            account.stand.clear_calls();
        }
        if document {
            assert_one_document(&run);
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));

    // An archive with nothing in it is no image: that is found in the file, not in what was typed.
    let run = account.run(&with(&good, "--image", &empty));
    assert!(matches!(run.code, Some(2 | 3)), "{:?}", run.code);
    assert_one_document(&run);
    assert_eq!(account.operations(), Vec::<String>::new());
}

/// Runs with another endpoint in the place of the stand-in's.
fn run_with_endpoint(account: &Account, arguments: &[&str], flag: &str, value: &str) -> Run {
    let url = account.stand.url();
    let mut other = lambda_lift_rig::LambdaLift::new(env!("CARGO_BIN_EXE_lambda-lift"));
    other
        .set("AWS_ACCESS_KEY_ID", "123456789012")
        .set("AWS_SECRET_ACCESS_KEY", "s")
        .set("AWS_REGION", "eu-central-1");
    let kept = if flag == "--endpoint-url" { "--registry-endpoint" } else { "--endpoint-url" };
    other.always(&[kept, &url, flag, value]);
    other.run(arguments)
}

#[test]
fn what_the_command_line_itself_refuses_ends_with_2_and_one_document_and_no_call() {
    let account = Account::new();
    for arguments in [
        &["deploy"][..],
        &["deploy", "--image", "x"],
        &["frobnicate"],
        &["deploy", "--image", "x", "--repository", "hello", "--function", "f", "--no-such-flag"],
        &["push", "--image", "x", "--repository", "hello", "--jobs", "0"],
        &["push", "--image", "x", "--repository", "hello", "--chunk-size", "4"],
        &["push", "--image", "x", "--repository", "hello", "--scan-on-push"],
        &["policy", "check"],
        &["policy", "ensure", "--repository", "hello", "--policy-scope", "world"],
    ] {
        let run = account.run(arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}: {}", run.stderr);
        assert_eq!(assert_one_document(&run)["error"]["kind"], "usage", "{arguments:?}");
        assert!(!run.stderr.is_empty(), "{arguments:?}");
    }
    assert_eq!(account.operations(), Vec::<String>::new());
}

#[test]
fn without_region_or_credentials_the_run_ends_with_2_and_says_what_to_set() {
    let mut account = Account::new();
    let image = account.small_image("one");
    let role = account.role();
    account.lambda_lift.unset("AWS_REGION");
    let run = account.run(&deploy_arguments(&image, &role));
    assert!(run.expect(2)["error"]["message"].as_str().unwrap().contains("AWS_REGION"), "{:#}", run.document);
    account
        .lambda_lift
        .set("AWS_REGION", "eu-central-1")
        .unset("AWS_ACCESS_KEY_ID")
        .unset("AWS_SECRET_ACCESS_KEY");
    let run = account.run(&deploy_arguments(&image, &role));
    let document = assert_one_document(&run);
    assert_eq!(document["error"]["kind"], "credentials", "{document:#}");
    assert!(document["error"]["hint"].as_str().unwrap().contains("AWS_PROFILE"), "{document:#}");
    assert_eq!(run.code, Some(2), "docs/reference/exit-codes.md: no credentials is 2");
    assert_eq!(account.operations(), Vec::<String>::new());
}
