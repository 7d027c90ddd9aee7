//! `check --run --serve`: an image that is kept up, asked by clients that nobody here wrote.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_lift_rig::{Boto3, LambdaLift};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::shell_function;

/// An image that is served, from its first line to its report.
struct Served {
    child: Child,
    /// `http://127.0.0.1:PORT`
    url: String,
    stderr: JoinHandle<String>,
    folder: TempDir,
    /// Its home goes with it.
    _home: LambdaLift,
}

/// An answer as curl shows it.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Served {
    fn start(more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("temporary")).unwrap();
        let mut lambda_lift = LambdaLift::new(env!("CARGO_BIN_EXE_lambda-lift"));
        lambda_lift.set("TMPDIR", &folder.path().join("temporary").display().to_string());
        let image = shell_function::image("served").docker_archive(&folder.path().join("image.tar"));
        let arguments =
            [&["check", &image, "--run", "--metadata-only", "--serve=127.0.0.1:0"], more].concat();
        let mut child = lambda_lift.start_recorded(&arguments);
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut told = String::new();
        let url = loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "it is not served: {told}");
            told.push_str(&line);
            if let Some(found) = line.strip_prefix("serve: ") {
                break found.split("/2015").next().unwrap().to_owned();
            }
        };
        let stderr = std::thread::spawn(move || {
            let _ = lines.read_to_string(&mut told);
            told
        });
        Self { child, url, stderr, _home: lambda_lift, folder }
    }

    fn curl(&self, event: &str, more: &[&str]) -> Answer {
        curl(&format!("{}/2015-03-31/functions/function/invocations", self.url), event, more)
    }

    /// Asks it to stop, and gives exit code, document and what was told.
    fn stop(mut self) -> (Option<i32>, Value, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let code = self.child.wait().unwrap().code();
        let left: Vec<PathBuf> = std::fs::read_dir(self.folder.path().join("temporary"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(left, Vec::<PathBuf>::new(), "nothing stays behind");
        (code, serde_json::from_str(&stdout).unwrap_or(Value::Null), self.stderr.join().unwrap())
    }
}

fn curl(url: &str, event: &str, more: &[&str]) -> Answer {
    let mut command = Command::new("curl");
    command
        .args(["-sS", "--noproxy", "*", "-D", "-", "-H", "Expect:", "--data-binary", event])
        .args(more)
        .arg(url);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("an answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("JSON: {self:?}"))
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

#[test]
fn a_served_image_answers_curl_boto3_and_invoke_until_it_is_told_to_stop() {
    let served = Served::start(&[]);
    let first = served.curl(r#"{"a": 1}"#, &["-H", "X-Amz-Log-Type: Tail"]);
    assert_eq!(
        (first.status, &first.json()["count"], &first.json()["event"]),
        (200, &json!(1), &json!({ "a": 1 }))
    );
    assert_eq!(first.header("x-amz-executed-version"), Some("$latest"));
    assert_eq!(first.header("x-amz-function-error"), None);
    // What curl shows of a header is lower-case here, which base64 is not.
    assert!(first.header("x-amz-log-result").is_some() && first.header("x-amzn-requestid").is_some());

    let boto3 = Boto3::new(served.url.clone(), "eu-central-1");
    let parameters = json!({ "FunctionName": "anything", "Payload": "{\"b\": 2}", "LogType": "Tail" });
    let answer = boto3.call("lambda", "invoke", parameters);
    let payload: Value = serde_json::from_str(answer["Payload"].as_str().unwrap()).unwrap();
    assert_eq!((&payload["count"], &payload["event"]), (&json!(2), &json!({ "b": 2 })));
    let log = STANDARD.decode(answer["LogResult"].as_str().unwrap()).unwrap();
    let log = String::from_utf8(log).unwrap();
    assert!(log.starts_with("START RequestId: ") && log.contains("\nevent 2\nEND RequestId: "), "{log}");
    assert!(log.contains("\nREPORT RequestId: ") && log.contains("Max Memory Used: "), "{log}");

    let mut invoker = LambdaLift::new(env!("CARGO_BIN_EXE_lambda-lift"));
    invoker
        .set("AWS_ACCESS_KEY_ID", "any")
        .set("AWS_SECRET_ACCESS_KEY", "any")
        .set("AWS_REGION", "eu-central-1");
    let run =
        invoker.run(&["invoke", "--function", "function", "--endpoint-url", &served.url, "--payload", "[3]"]);
    let document = &run.expect(0)["invoke"];
    assert_eq!((&document["payload"]["count"], &document["payload"]["event"]), (&json!(3), &json!([3])));
    assert!(document["log_tail"].as_str().unwrap().contains("event 3"));

    let (code, document, told) = served.stop();
    assert_eq!((code, &document["outcome"]), (Some(0), &json!("checked")), "{told}");
    assert_eq!(document["run"]["served"]["events"], 3);
    assert_eq!(document["run"]["served"]["errors"], 0);
    assert!(told.contains("done: event 2 for anything (") && told.contains("log: event 3"), "{told}");
}

#[test]
fn errors_and_accidents_are_told_as_lambda_tells_them_and_the_next_event_is_answered() {
    let served = Served::start(&["--timeout", "1"]);
    let failed = served.curl(r#"{"fail": true}"#, &[]);
    assert_eq!((failed.status, failed.header("x-amz-function-error")), (200, Some("unhandled")));
    assert_eq!((&failed.json()["errorType"], &failed.json()["more"]), (&json!("Refused"), &json!(1)));
    assert_eq!(served.curl("{}", &[]).json()["count"], 2, "an error ends nothing");

    let exited = served.curl(r#"{"exit": 7}"#, &[]);
    assert_eq!(
        (exited.header("x-amz-function-error"), &exited.json()["errorType"]),
        (Some("unhandled"), &json!("Runtime.ExitError"))
    );
    assert!(exited.body.contains("Runtime exited with error: exit status 7"), "{exited:?}");
    assert_eq!(served.curl("{}", &[]).json()["count"], 1, "an end begins anew");

    let hung = served.curl(r#"{"hang": true}"#, &[]);
    assert!(hung.body.contains("Task timed out after 1.00 seconds"), "{hung:?}");
    assert_eq!(served.curl("{}", &[]).json()["count"], 1, "so does a time that is over");

    let (code, document, told) = served.stop();
    assert_eq!((code, &document["run"]["status"]), (Some(0), &json!("ok")), "{told}");
    assert_eq!(
        (&document["run"]["served"]["events"], &document["run"]["served"]["errors"]),
        (&json!(6), &json!(3))
    );
    assert!(told.contains("failed: event 3 for function") && told.contains("exit status 7"), "{told}");
}

#[test]
fn what_is_no_event_is_refused_and_what_is_queued_is_run() {
    let served = Served::start(&[]);
    let refused = |event: &str, more: &[&str]| {
        let answer = served.curl(event, more);
        (answer.status, answer.header("x-amzn-errortype").unwrap_or_default().to_owned())
    };
    let large = served.folder.path().join("large.json");
    let larger = |bytes: usize| {
        std::fs::write(&large, format!("\"{}\"", "x".repeat(bytes - 2))).unwrap();
        format!("@{}", large.display())
    };
    assert_eq!(refused("{", &[]), (400, "invalidrequestcontentexception".to_owned()));
    assert_eq!(refused(&larger((6 << 20) + 1), &[]), (413, "requesttoolargeexception".to_owned()));
    let queued = ["-H", "X-Amz-Invocation-Type: Event"];
    assert_eq!(refused(&larger((1 << 20) + 1), &queued), (413, "requesttoolargeexception".to_owned()));
    assert_eq!(refused("{}", &["-H", "X-Amz-Invocation-Type: x"]), (400, "validationexception".to_owned()));
    assert_eq!(refused("{}", &["-H", "Origin: http://a.example"]), (403, "accessdeniedexception".to_owned()));
    assert_eq!(refused("{}", &["-H", "Host: a.example"]), (403, "accessdeniedexception".to_owned()));
    assert_eq!(curl(&format!("{}/2015-03-31/functions/", served.url), "{}", &[]).status, 404);
    assert_eq!(served.curl("{}", &["-H", "X-Amz-Invocation-Type: DryRun"]).status, 204);
    assert_eq!(served.curl("{}", &queued).status, 202);
    assert_eq!(served.curl("", &[]).json(), served_answer(2, &json!({})));
    let (_, document, _) = served.stop();
    assert_eq!(document["run"]["served"]["events"], 2, "what was refused never came to the function");
}

/// What the function answers to an event that is its n-th.
fn served_answer(count: u64, event: &Value) -> Value {
    json!({
        "count": count, "event": event, "arn": "arn:aws:lambda:us-east-1:123456789012:function:function",
        "version": "$LATEST", "greeting": "", "memory": "128", "word": "", "read": "", "context": null,
    })
}

#[test]
fn events_wait_for_their_turn_and_too_many_are_throttled() {
    let served = Served::start(&[]);
    let statuses: Vec<(u16, Value)> = std::thread::scope(|scope| {
        let ask = || {
            let answer = served.curl(r#"{"wait": true}"#, &[]);
            let value = answer.json();
            (answer.status, value.get("count").or(value.get("Reason")).cloned().unwrap())
        };
        let asking: Vec<_> = (0..25).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    });
    let mut counts: Vec<u64> = statuses
        .iter()
        .filter(|(status, _)| *status == 200)
        .filter_map(|(_, count)| count.as_u64())
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, (1..=counts.len() as u64).collect::<Vec<_>>(), "one after the other");
    assert!(counts.len() >= 17, "{statuses:?}");
    for (status, why) in statuses.iter().filter(|(status, _)| *status != 200) {
        assert_eq!((*status, why), (429, &json!("ReservedFunctionConcurrentInvocationLimitExceeded")));
    }
    served.stop();
}

#[test]
fn a_stop_does_not_wait_for_an_event_that_is_under_way() {
    let served = Served::start(&["--timeout", "600"]);
    let url = format!("{}/2015-03-31/functions/function/invocations", served.url);
    let mut asking = Command::new("curl");
    asking
        .args(["-s", "--noproxy", "*", "-d", r#"{"hang": true}"#, &url])
        .stdout(std::process::Stdio::piped());
    let asking = asking.spawn().unwrap();
    // The event is under way when another one has to wait.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        let waits = ["-m", "0.3", "-s"];
        let other =
            Command::new("curl").args(waits).args(["--noproxy", "*", "-d", "{}", &url]).status().unwrap();
        if !other.success() {
            break;
        }
    }
    let (code, document, told) = served.stop();
    assert_eq!((code, &document["run"]["status"]), (Some(0), &json!("ok")), "{told}");
    let answer = String::from_utf8(asking.wait_with_output().unwrap().stdout).unwrap();
    assert!(answer.contains("the function is no longer served"), "{answer:?}");
}

#[test]
fn what_does_not_start_is_not_served_and_an_address_is_of_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let lambda_lift = LambdaLift::new(env!("CARGO_BIN_EXE_lambda-lift"));
    let image = crate::image::Image::small("no program").docker_archive(&folder.path().join("image.tar"));
    let run = lambda_lift.run(&["check", &image, "--run", "--metadata-only", "--serve=:0"]);
    assert_eq!(run.expect(3)["run"]["served"], Value::Null);
    for place in ["0.0.0.0:9000", "192.0.2.1:9000", "nowhere", "127.0.0.1:1:2"] {
        lambda_lift.run(&["check", &image, "--run", &format!("--serve={place}")]).expect(2);
    }
    lambda_lift.run(&["check", &image, "--serve"]).expect(2);
}
