//! Errors with their code and their story, and `doctor` on machines that are well and ill.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use lambda_lift_localstack::{Effect, ErrorAnswer, Turn};
use lambda_lift_rig::{LambdaLift, Run};
use serde_json::Value;

use crate::account::Account;

/// What `doctor` says of the thing with this name, at any depth.
fn found<'a>(tree: &'a Value, name: &str) -> Option<&'a Value> {
    let all = tree.as_array()?;
    all.iter().find_map(|one| if one["name"] == name { Some(one) } else { found(&one["children"], name) })
}

fn status_of(run: &Run, name: &str) -> String {
    let one = found(&run.document["doctor"], name).unwrap_or_else(|| panic!("{name}: {}", run.stdout));
    one["status"].as_str().unwrap().to_owned()
}

#[test]
fn an_error_has_a_code_and_the_code_a_story() {
    let (mut account, _) = Account::deployed(|account| account.small_image("one"));
    let refusal =
        "Source image x.dkr.ecr.us-east-1.amazonaws.com/hello is not valid. Provide a valid source image.";
    let answer = ErrorAnswer::new(400, "InvalidParameterValueException", refusal);
    account.fault("UpdateFunctionCode", Turn::Every, Effect::Error(answer));
    let image = account.small_image("two");
    let error = account.deploy(&image).document["error"].clone();
    assert_eq!(error["code"], "source-image-invalid");
    assert!(error["hint"].as_str().unwrap().contains("function's Region"), "{error}");

    account.lambda_lift.for_people();
    let told = account.deploy(&image).stdout;
    assert!(told.contains("[source-image-invalid]"), "{told}");
    assert!(told.contains("lambda-lift --explain source-image-invalid"), "{told}");
    let story = account.run(&["--explain", "source-image-invalid"]);
    assert_eq!(story.code, Some(0));
    assert!(
        story.stdout.contains("What to do") && story.stdout.contains("another Region"),
        "{}",
        story.stdout
    );
}

#[test]
fn every_sort_of_code_is_explained_and_a_misspelt_one_is_guessed() {
    let mut account = Account::new();
    account.lambda_lift.for_people();
    for code in ["exit-4", "tag", "ImageAccessDenied", "missing-permission"] {
        let run = account.run(&["--explain", code]);
        assert_eq!(run.code, Some(0), "{code}: {}", run.stderr);
        assert!(run.stdout.starts_with(code), "{}", run.stdout);
    }
    let list = account.run(&["--explain"]);
    assert!(list.stdout.contains("image-media-type") && list.stdout.contains("exit-10"), "{}", list.stdout);
    let unknown = account.run(&["--explain", "image-media-typ"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("did you mean image-media-type?"), "{}", unknown.stderr);
    assert_eq!(account.operations(), Vec::<String>::new());
}

#[test]
fn a_machine_that_is_well_is_said_to_be() {
    let account = Account::new();
    let run = account.run(&["doctor", "--docker-host", "tcp://192.0.2.1:2375"]);
    let document = run.expect(0);
    assert_eq!(document["outcome"], "checked");
    for (name, status) in [
        ("lambda-lift", "ok"),
        ("configuration file", "skip"),
        ("Region", "ok"),
        ("credentials", "ok"),
        ("AWS STS", "ok"),
        ("Amazon ECR", "ok"),
        ("AWS Lambda", "ok"),
        ("registry", "ok"),
        ("token", "ok"),
        ("proxy", "skip"),
        ("certificates", "ok"),
        ("Docker", "skip"),
        ("cache", "ok"),
    ] {
        assert_eq!(status_of(&run, name), status, "{name}: {}", run.stdout);
    }
    let who = found(&document["doctor"], "credentials").unwrap()["detail"].as_str().unwrap();
    assert!(who.contains("123456789012") && who.contains("environment variables"), "{who}");
}

#[test]
fn what_is_ill_is_named_with_a_hint_and_the_rest_is_looked_at_all_the_same() {
    let mut account = Account::new();
    std::fs::write(account.path("lambda-lift.toml"), "repositroy = \"app\"\n").unwrap();
    account.lambda_lift.set("HTTPS_PROXY", "http://user:this-secret-access-key-is-never-shown@127.0.0.1:1");
    account.fault("GetCallerIdentity", Turn::Every, Effect::ExpiredToken);
    let socket = account.path("docker.sock").display().to_string();
    let run = account.run(&["doctor", "--docker-host", &format!("unix://{socket}")]);
    let tree = run.expect(1)["doctor"].clone();
    for name in ["configuration file", "credentials", "proxy", "Docker"] {
        assert_eq!(status_of(&run, name), "ng", "{name}: {}", run.stdout);
    }
    assert_eq!(status_of(&run, "AWS Lambda"), "ok");
    let file = found(&tree, "configuration file").unwrap();
    assert!(file["detail"].as_str().unwrap().contains("repositroy"), "{file}");
    let hint = found(&tree, "credentials").unwrap()["hint"].as_str().unwrap();
    assert!(hint.contains("sign in again"), "{hint}");
}

#[test]
fn without_a_region_the_machine_is_still_looked_at() {
    let mut account = Account::new();
    account.lambda_lift.unset("AWS_REGION");
    let run = account.run(&["doctor"]);
    run.expect(1);
    assert_eq!((status_of(&run, "Region"), status_of(&run, "credentials")), ("ng".into(), "skip".into()));
    assert_eq!(status_of(&run, "cache"), "ok");
}

/// A server that answers everything like this; none: it takes connections and says nothing.
fn server(answer: Option<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let mut silent = Vec::new();
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            match &answer {
                Some(answer) => {
                    let _ = stream.read(&mut [0; 4096]);
                    let _ = stream.write_all(answer.as_bytes());
                }
                None => silent.push(stream),
            }
        }
    });
    address
}

#[test]
fn a_wrong_clock_a_silent_host_and_nonsense_end_in_time_and_are_told_apart() {
    let mut lambda_lift = LambdaLift::new(env!("CARGO_BIN_EXE_lambda-lift"));
    lambda_lift
        .set("AWS_ACCESS_KEY_ID", "123456789012")
        .set("AWS_SECRET_ACCESS_KEY", "secret")
        .set("AWS_REGION", "eu-central-1");
    let doctor = |url: &str| lambda_lift.run(&["doctor", "--endpoint-url", url, "--timeout", "1s"]);
    let old = "HTTP/1.1 200 OK\r\nDate: Tue, 15 Nov 1994 08:12:31 GMT\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    let run = doctor(&server(Some(old.to_owned())));
    run.expect(1);
    assert_eq!((status_of(&run, "clock"), status_of(&run, "AWS STS")), ("ng".into(), "ok".into()));

    for answer in [None, Some("\u{0}\u{1}nonsense\r\n\r\n".to_owned())] {
        let run = doctor(&server(answer));
        run.expect(1);
        let http = found(&run.document["doctor"], "HTTP").unwrap();
        assert_eq!(http["status"], "ng", "{}", run.stdout);
        assert_eq!((status_of(&run, "TCP"), status_of(&run, "clock")), ("ok".into(), "skip".into()));
    }
    let run = doctor("http://127.0.0.1:1");
    assert_eq!(status_of(&run, "TCP"), "ng");
}
