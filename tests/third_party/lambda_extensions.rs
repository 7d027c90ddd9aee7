//! Real extensions: the Lambda Web Adapter before a web server, and such as follow the Extensions API by the letter.

use lambda_lift_rig::{FunctionImage, Run};
use serde_json::{Value, json};

use crate::lambda_scene::{Scene, found, functions, python_image};

/// A web server that knows nothing of Lambda.
const SERVER: &str = "\
import http.server, json, os

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        length = int(self.headers.get('Content-Length') or 0)
        body = json.dumps({'method': self.command, 'path': self.path, 'body': self.rfile.read(length).decode()}).encode()
        self.send_response(418 if self.path == '/tea' else 200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_GET = do_POST = answer

http.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), Handler).serve_forever()
";

/// An HTTP request as API Gateway gives it to a function (payload format 2.0).
fn request(method: &str, path: &str, body: Option<&str>) -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": { "host": "example.com", "content-type": "text/plain" },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "example.com",
            "domainPrefix": "example",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test" },
            "requestId": "id",
            "routeKey": "$default",
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1_767_225_600_000_u64,
        },
        "body": body,
        "isBase64Encoded": false,
    })
}

#[test]
fn a_web_server_behind_the_web_adapter_answers_requests() {
    let scene = Scene::new();
    let image = FunctionImage::new(&[functions().debian()], &["/usr/bin/python3", "/var/task/server.py"])
        .file("/opt/extensions/lambda-adapter", 0o755, functions().web_adapter())
        .file("/var/task/server.py", 0o644, SERVER)
        .with("Env", json!(["PORT=8000"]))
        .with("WorkingDir", json!("/var/task"));
    let image = scene.image(image);
    let checked = scene.check(&image, &[]);
    assert_eq!(
        (found(&checked, "refuse"), found(&checked, "warn")),
        (vec![], vec![]),
        "{:#}",
        checked.document
    );
    let events = [request("GET", "/", None), request("POST", "/tea", Some("leaves"))];
    let run = scene.run(&image, &events, &[]);
    let invocations = &run.expect(0)["run"]["invocations"];
    let answers = [
        (200, json!({ "method": "GET", "path": "/", "body": "" })),
        (418, json!({ "method": "POST", "path": "/tea", "body": "leaves" })),
    ];
    for (index, (status, said)) in answers.into_iter().enumerate() {
        let payload = &invocations[index]["payload"];
        assert_eq!(payload["statusCode"], status, "{payload:#}");
        let body: Value = serde_json::from_str(payload["body"].as_str().unwrap()).unwrap();
        assert_eq!(body, said);
    }
}

/// An external extension in Python's own words, as AWS's examples are written. What it does is decided by what is put in the place of `#`.
const EXTENSION: &str = "\
#!/usr/bin/python3
import http.client, json, os, signal, sys, time

NAME = os.path.basename(__file__)
API = os.environ['AWS_LAMBDA_RUNTIME_API']

def ask(method, path, body=None, headers={}):
    connection = http.client.HTTPConnection(API)
    connection.request(method, '/2020-01-01/extension/' + path, body, headers)
    response = connection.getresponse()
    return response, response.read()

def register():
    response, body = ask('POST', 'register', json.dumps({'events': ['INVOKE', 'SHUTDOWN']}), {'Lambda-Extension-Name': NAME})
    print(NAME, 'registered with', json.loads(body)['functionName'], flush=True)
    return {'Lambda-Extension-Identifier': response.headers['Lambda-Extension-Identifier']}

#
";

/// Listens to every event, and ends when it is told to.
const FAITHFUL: &str = "\
own = register()
while True:
    event = json.loads(ask('GET', 'event/next', headers=own)[1])
    print(NAME, 'heard of', event['eventType'], event.get('requestId'), event.get('shutdownReason'), flush=True)
    if event['eventType'] == 'SHUTDOWN':
        sys.exit(0)
";
const FAILING: &str = "\
own = register()
ask('POST', 'init/error', '{}', {**own, 'Lambda-Extension-Function-Error-Type': 'Extension.NoConfiguration'})
sys.exit(1)
";
const MUTE: &str = "own = register()\ntime.sleep(1000)\n";
const ABSENT: &str = "time.sleep(1000)\n";
const DEAF: &str = "\
signal.signal(signal.SIGTERM, signal.SIG_IGN)
own = register()
while True:
    ask('GET', 'event/next', headers=own)
    time.sleep(0 if not os.path.exists('/tmp/over') else 1000)
";

/// Runs a function that echoes, beside these extensions.
fn run_beside(extensions: &[(&str, &str)], events: &[Value]) -> Run {
    let scene = Scene::new();
    let code = "def handler(event, context):\n    return event\n";
    let image = extensions.iter().fold(python_image(code), |image, (name, does)| {
        image.file(
            &format!("/opt/extensions/{name}"),
            0o755,
            EXTENSION.replace("\n#\n", &format!("\n{does}\n")),
        )
    });
    let image = scene.image(image);
    scene.run(&image, events, &[])
}

fn reason(run: &Run) -> &str {
    run.document["run"]["reason"].as_str().unwrap_or_default()
}

#[test]
fn extensions_hear_of_each_event_and_of_the_end() {
    let run = run_beside(&[("first", FAITHFUL), ("second", FAITHFUL)], &[json!(1), json!(2)]);
    let told = &run.expect(0)["run"];
    assert_eq!(
        (&told["invocations"][0]["payload"], &told["invocations"][1]["payload"]),
        (&json!(1), &json!(2))
    );
    let log = told["log"].as_str().unwrap();
    for name in ["first", "second"] {
        assert!(log.contains(&format!("{name} registered with function")), "{log}");
        let heard: Vec<_> =
            log.lines().filter(|line| line.starts_with(&format!("{name} heard of INVOKE "))).collect();
        assert!(heard.len() == 2 && heard[0] != heard[1] && !log.contains("INVOKE None"), "{log}");
        assert!(log.contains(&format!("{name} heard of SHUTDOWN None spindown")), "{log}");
    }
}

#[test]
fn an_extension_that_cannot_start_fails_the_run_and_is_named() {
    let run = run_beside(&[("broken", FAILING)], &[json!(1)]);
    assert_eq!(run.expect(3)["run"]["status"], "error");
    assert!(
        reason(&run).contains("Extension.NoConfiguration") && reason(&run).contains("broken"),
        "{}",
        reason(&run)
    );
}

#[test]
fn an_extension_that_never_asks_for_an_event_is_named_when_time_is_up() {
    let run = run_beside(&[("mute", MUTE), ("other", FAITHFUL)], &[]);
    assert_eq!(run.expect(3)["run"]["status"], "timeout");
    assert!(reason(&run).contains("the extension mute did not ask for its first event"), "{}", reason(&run));
}

#[test]
fn an_extension_that_never_registers_is_named_when_time_is_up() {
    let run = run_beside(&[("absent", ABSENT), ("other", FAITHFUL)], &[]);
    assert_eq!(run.expect(3)["run"]["status"], "timeout");
    assert!(reason(&run).contains("the extension absent did not register"), "{}", reason(&run));
}

#[test]
fn an_extension_that_is_deaf_to_its_end_is_ended() {
    let run = run_beside(&[("deaf", DEAF)], &[json!(1)]);
    assert_eq!(run.expect(0)["run"]["status"], "ok");
}
