//! `deploy --local` and then `invoke --local`: the function's code runs, with what the stand-in keeps of it.

use std::fs;
use std::path::PathBuf;

use lambda_lift_rig::{LambdaLift, Run};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::account::{ROLE, deploy_arguments};
use crate::shell_function;

/// The binary with a stand-in of its own.
struct Scene {
    lambda_lift: LambdaLift,
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name).display().to_string();
        fs::create_dir(folder.path().join("temporary")).unwrap();
        let mut lambda_lift = LambdaLift::new(env!("CARGO_BIN_EXE_lambda-lift"));
        lambda_lift.set("TMPDIR", &place("temporary")).set("AWS_REGION", "eu-central-1");
        lambda_lift.set("LAMBDA_LIFT_LOCAL", &place("state"));
        Self { lambda_lift, folder }
    }

    fn image(&self, note: &str) -> String {
        shell_function::image(note).docker_archive(&self.folder.path().join(format!("{note}.tar")))
    }

    fn deploy(&self, note: &str, more: &[&str]) -> Run {
        let image = self.image(note);
        self.run(&[&deploy_arguments(&image, ROLE)[..], more].concat())
    }

    fn invoke(&self, payload: &str, more: &[&str]) -> Run {
        self.run(&[&["invoke", "--function", "hello", "--payload", payload], more].concat())
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let run = self.lambda_lift.run(arguments);
        let left = fs::read_dir(self.folder.path().join("temporary")).unwrap();
        let left: Vec<PathBuf> = left.map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, Vec::<PathBuf>::new(), "nothing stays behind");
        run
    }

    fn file(&self, name: &str, content: &Value) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, content.to_string()).unwrap();
        path.display().to_string()
    }
}

#[test]
fn a_version_runs_its_own_code_with_its_own_settings() {
    let scene = Scene::new();
    let settings = |greeting: &str, word: &str| {
        json!({
            "MemorySize": 256, "Environment": { "Variables": { "GREETING": greeting } },
            "ImageConfig": { "EntryPoint": ["/var/task/bootstrap"], "Command": [word] },
        })
    };
    let first = scene.file("first.json", &settings("Hello", "one"));
    scene.deploy("first", &["--function-file", &first]).expect(0);
    let run = scene.invoke(r#"{"name": "Ada"}"#, &["--alias", "live"]);
    let invoked = &run.expect(0)["invoke"];
    let expected = json!({
        "count": 1, "event": { "name": "Ada" }, "greeting": "Hello", "memory": "256", "word": "one", "read": "", "version": "1", "context": null,
        "arn": "arn:aws:lambda:eu-central-1:123456789012:function:hello:live",
    });
    assert_eq!(invoked["payload"], expected);
    assert_eq!((&invoked["status"], &invoked["executed_version"]), (&json!(200), &json!("1")));
    let log = invoked["log_tail"].as_str().unwrap();
    assert!(log.contains("begins\n") || log.contains("event 1\n"), "{log}");
    assert!(log.contains("Memory Size: 256 MB") && log.contains("Init Duration: "), "{log}");

    let second = scene.file("second.json", &settings("Servus", "two"));
    scene.deploy("second", &["--function-file", &second]).expect(0);
    for (qualifier, greeting, word) in
        [("1", "Hello", "one"), ("live", "Servus", "two"), ("$LATEST", "Servus", "two")]
    {
        let run = scene.invoke("{}", &["--qualifier", qualifier]);
        let payload = &run.expect(0)["invoke"]["payload"];
        assert_eq!((&payload["greeting"], &payload["word"]), (&json!(greeting), &json!(word)), "{qualifier}");
    }
}

#[test]
fn errors_and_accidents_of_the_function_are_told_as_lambda_tells_them() {
    let scene = Scene::new();
    scene.deploy("app", &["--timeout", "1"]).expect(0);
    for (event, kind, message) in [
        (r#"{"fail": 1}"#, "Refused", "not this one"),
        (r#"{"exit": 1}"#, "Runtime.ExitError", "Runtime exited with error: exit status 7"),
        (r#"{"hang": 1}"#, "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
    ] {
        let run = scene.invoke(event, &[]);
        let document = run.expect(1);
        assert_eq!(document["error"]["kind"], "function_error");
        let payload = &document["invoke"]["payload"];
        assert_eq!(
            (&document["invoke"]["function_error"], &payload["errorType"]),
            (&json!("Unhandled"), &json!(kind))
        );
        assert!(payload["errorMessage"].as_str().unwrap().contains(message), "{payload}");
    }
    assert_eq!(scene.invoke("{}", &["--async"]).expect(0)["invoke"]["status"], 202);
    assert_eq!(scene.invoke("{}", &["--dry-run"]).expect(0)["invoke"]["status"], 204);
}

#[test]
fn a_smoke_test_runs_the_new_version_before_it_gets_traffic() {
    let scene = Scene::new();
    let well = scene.file("well.json", &json!({ "ping": true }));
    let ill = scene.file("ill.json", &json!({ "fail": true }));
    let run = scene.deploy("one", &["--smoke-event", &well]);
    assert_eq!(run.expect(0)["version"], "1");
    let run = scene.deploy("two", &["--smoke-event", &ill]);
    assert!(run.code != Some(0) && run.refusals().contains("not this one"), "{:#}", run.document);
    assert_eq!(scene.invoke("{}", &["--alias", "live"]).expect(0)["invoke"]["executed_version"], "1");
}

#[test]
fn where_nothing_can_be_run_an_invocation_says_so_and_an_echo_can_be_asked_for() {
    let mut scene = Scene::new();
    scene.deploy("app", &[]).expect(0);
    scene.lambda_lift.set("TMPDIR", "/proc/no-such-folder");
    let run = scene.invoke("{}", &[]);
    let error = &run.expect(1)["error"];
    assert!(error["message"].as_str().unwrap().contains("cannot run the function"), "{error}");
    let echo = scene.invoke(r#"{"a": 1}"#, &["--local-echo"]);
    assert_eq!(echo.expect(0)["invoke"]["payload"], json!({ "a": 1 }));
}
