//! The function as it is packed, against a runtime API that says what Lambda says.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use lambda_lift_example::Function;
use serde_json::{Value, json};

/// A request that the function sent: its first line, its headers and its body.
struct Request {
    line: String,
    headers: Vec<String>,
    body: Value,
}

/// Takes one request and answers it.
fn serve(listener: &TcpListener, answer: &str) -> Request {
    let mut stream = listener.accept().unwrap().0;
    let request = read(&stream);
    stream.write_all(answer.as_bytes()).unwrap();
    request
}

fn read(stream: &TcpStream) -> Request {
    let mut reader = BufReader::new(stream);
    let mut lines: Vec<String> = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_owned());
    }
    let length = lines.iter().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    reader.read_exact(&mut body).unwrap();
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Request { line: lines.remove(0), headers: lines, body }
}

const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";

fn event(id: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {id}\r\nLambda-Runtime-Deadline-Ms: 99999999999999\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(bootstrap: &Path, listener: &TcpListener, greeting: &str) -> Running {
    let child = Command::new(bootstrap)
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string())
        .env("GREETING", greeting)
        .spawn();
    Running(child.unwrap())
}

#[test]
fn the_packed_function_answers_events_and_reports_failures() {
    let folder = tempfile::tempdir().unwrap();
    let bootstrap: PathBuf = folder.path().join("bootstrap");
    fs::write(&bootstrap, Function::build().unwrap().binary).unwrap();
    fs::set_permissions(&bootstrap, fs::Permissions::from_mode(0o755)).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();

    let running = start(&bootstrap, &listener, "Hello");
    assert_eq!(
        serve(&listener, &event("one", r#"{"name":"Ada"}"#)).line,
        "GET /2018-06-01/runtime/invocation/next HTTP/1.1"
    );
    let answer = serve(&listener, ACCEPTED);
    assert_eq!(answer.line, "POST /2018-06-01/runtime/invocation/one/response HTTP/1.1");
    assert_eq!((&answer.body["message"], &answer.body["request_id"]), (&json!("Hello, Ada!"), &json!("one")));
    assert!(answer.body["remaining_milliseconds"].as_u64().unwrap() > 0);

    serve(&listener, &event("two", r#"{"name":2}"#));
    let failure = serve(&listener, ACCEPTED);
    assert_eq!(failure.line, "POST /2018-06-01/runtime/invocation/two/error HTTP/1.1");
    assert_eq!(failure.body["errorType"], "InvalidEvent");
    assert!(
        failure.headers.contains(&"Lambda-Runtime-Function-Error-Type: Function.InvalidEvent".to_owned())
    );
    drop(running);

    // The first process may have asked for another event: a listener of its own for the second.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut running = start(&bootstrap, &listener, " ");
    let failure = serve(&listener, ACCEPTED);
    assert_eq!(failure.line, "POST /2018-06-01/runtime/init/error HTTP/1.1");
    assert_eq!(failure.body["errorType"], "InvalidGreeting");
    assert!(!running.0.wait().unwrap().success());
}
