//! The action's second step: inputs become a run of the real binary against the stand-in.

use std::fs;
use std::path::Path;

use lambda_lift_rig::{ActionRun, ActionRunner};
use serde_json::{Value, json};

use crate::account::{ACCOUNT, Account, REGION, ROLE};
use crate::image::Image;

/// A job whose runner has this binary in its tool cache, as if a release had been installed before, and whose credentials are such as
/// configure-aws-credentials leaves behind.
struct Job {
    account: Account,
    runner: ActionRunner,
}

impl Job {
    fn new() -> Self {
        let account = Account::new();
        let mut runner = ActionRunner::new(Path::new(env!("CARGO_MANIFEST_DIR")));
        let target = "x86_64-unknown-linux-gnu";
        let kept = runner.path(&format!("tools/lambda-lift/{}/{target}", env!("CARGO_PKG_VERSION")));
        fs::create_dir_all(&kept).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_lambda-lift"), kept.join("lambda-lift")).unwrap();
        fs::write(kept.with_extension("complete"), "0").unwrap();
        runner
            .set("AWS_ACCESS_KEY_ID", ACCOUNT)
            .set("AWS_SECRET_ACCESS_KEY", "secret")
            .set("AWS_REGION", REGION);
        Self { account, runner }
    }

    /// Uses the action, pointed at the stand-in, with these inputs.
    fn uses(&self, inputs: &Value) -> ActionRun {
        let url = self.account.stand.url();
        let mut all = json!({ "endpoint-url": url, "registry-endpoint": url, "source-endpoint": url });
        all.as_object_mut().unwrap().extend(inputs.as_object().unwrap().clone());
        let run = self.runner.uses(&all);
        assert_eq!(run.unexpected, json!([]), "GitHub would warn of these inputs");
        run
    }

    /// An image in the workspace, as a build step leaves it.
    fn image(&self, name: &str, note: &str) -> String {
        let path = self.runner.path("workspace").join(name);
        Image::small(note).docker_archive(&path);
        format!("docker-archive:{name}")
    }

    fn deploys(&self) -> Value {
        json!({
            "image": self.image("app.tar", "one"),
            "function": "hello",
            "repository": "hello",
            "create-repository": true,
            "role": ROLE,
            "alias": "live",
        })
    }
}

fn with(inputs: &Value, more: &Value) -> Value {
    let mut all = inputs.clone();
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

#[test]
fn a_deploy_through_the_action_has_outputs_and_a_summary() {
    let job = Job::new();
    let run = job.uses(&job.deploys());
    assert!(run.succeeded, "{}", run.log);
    let outputs = &run.outputs;
    assert_eq!(
        (&outputs["outcome"], &outputs["version"], &outputs["alias"]),
        (&json!("deployed"), &json!("1"), &json!("live"))
    );
    assert_eq!(outputs["image"], format!("hello@{}", outputs["digest"].as_str().unwrap()));
    assert_eq!(outputs["lambda-lift-version"], env!("CARGO_PKG_VERSION"));
    assert!(run.summary.contains("### lambda-lift deploy: deployed"), "{}", run.summary);
    assert_eq!(run.commands[0]["command"], "group");

    let planned =
        job.uses(&with(&job.deploys(), &json!({ "image": job.image("app.tar", "two"), "dry-run": "true" })));
    assert_eq!(planned.outputs["outcome"], "planned", "{}", planned.log);
    let back = job.uses(&json!({ "command": "rollback", "function": "hello", "alias": "live" }));
    assert!(!back.succeeded && !back.errors().is_empty(), "there is nothing to go back to: {}", back.log);
}

#[test]
fn inputs_are_values_and_never_scripts() {
    let job = Job::new();
    let hostile = "a'b\"c $(touch ran) `touch ran` ; touch ran \\ %0A ::error::x";
    let run = job.uses(&with(
        &job.deploys(),
        &json!({ "description": hostile, "env": format!("NOTE={hostile}\nLEVEL=debug") }),
    ));
    assert!(run.succeeded, "{}", run.log);
    let function = job.account.settled_function("hello");
    assert_eq!(function["Description"], hostile);
    assert_eq!(function["Environment"]["Variables"], json!({ "NOTE": hostile, "LEVEL": "debug" }));
    assert!(!job.runner.path("workspace/ran").exists());
    for name in
        ["command", "publish", "dry-run", "package-type", "kms-key-arn", "image-uri", "tags", "version"]
    {
        let run = job.uses(&with(&job.deploys(), &json!({ name: "$(touch ran)\n::add-mask::x" })));
        assert!(!run.succeeded, "{name}: {}", run.log);
        assert!(run.commands.iter().all(|command| command["command"] != "add-mask"), "{name}: {}", run.log);
        assert!(!job.runner.path("workspace/ran").exists(), "{name}");
    }
}

#[test]
fn inputs_that_can_be_given_several_times_have_a_line_each() {
    let job = Job::new();
    let lists =
        json!({ "entrypoint": "/var/task/bootstrap\n--with space\n", "image-command": "app.handler\r\n-x" });
    let run = job.uses(&with(&job.deploys(), &lists));
    assert!(run.succeeded, "{}", run.log);
    let image = &job.account.settled_function("hello")["ImageConfigResponse"]["ImageConfig"];
    assert_eq!(image["EntryPoint"], json!(["/var/task/bootstrap", "--with space"]));
    assert_eq!(image["Command"], json!(["app.handler", "-x"]));
}

/// The container example of aws-lambda-deploy's README, with an image that is in the repository already.
#[test]
fn the_container_example_of_aws_lambda_deploy_plans_and_deploys_unchanged() {
    let job = Job::new();
    let pushed = job.account.run(&[
        "push",
        "--image",
        &job.account.small_image("one"),
        "--repository",
        "my-lambda-repo",
        "--create-repository",
        "--tag",
        "0a1b2c3",
    ]);
    let digest = pushed.expect(0)["image"]["digest"].clone();
    let example = json!({
        "function-name": "my-container-function",
        "package-type": "Image",
        "image-uri": format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/my-lambda-repo:0a1b2c3"),
        "role": "arn:aws:iam::123456789012:role/lambda-role",
    });
    let planned = job.uses(&with(&example, &json!({ "dry-run": true })));
    assert_eq!(planned.outputs["outcome"], "planned", "{}", planned.log);
    assert!(!planned.summary.contains("push my-lambda-repo"), "the image is there: {}", planned.summary);

    let run = job.uses(&example);
    assert_eq!(
        (&run.outputs["outcome"], &run.outputs["version"]),
        (&json!("deployed"), &json!("1")),
        "{}",
        run.log
    );
    assert_eq!(run.outputs["digest"], digest);
    assert_eq!(job.uses(&example).outputs["outcome"], "unchanged");

    let settings = json!({
        "memory-size": 512, "timeout": 60, "environment": r#"{"ENV":"production","DEBUG":"true"}"#,
        "tags": r#"{"Team":"DevOps"}"#, "tracing-config": "{\n  \"Mode\": \"Active\"\n}", "ephemeral-storage": 1024,
        "function-description": "a shop", "architectures": "x86_64", "publish": false,
    });
    let run = job.uses(&with(&example, &settings));
    assert_eq!(run.outputs["outcome"], "deployed", "{}", run.log);
    let function = job.account.settled_function("my-container-function");
    assert_eq!((&function["MemorySize"], &function["Timeout"]), (&json!(512), &json!(60)));
    assert_eq!(function["Environment"]["Variables"], json!({ "ENV": "production", "DEBUG": "true" }));
    assert_eq!(
        (&function["TracingConfig"]["Mode"], &function["Description"]),
        (&json!("Active"), &json!("a shop"))
    );
    let left = fs::read_dir(job.runner.path("temporary")).unwrap().flatten();
    let left: Vec<_> = left
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| name.starts_with("lambda-lift"))
        .collect();
    assert_eq!(left, Vec::<String>::new(), "the file with the environment is gone");
}

/// The other examples of that README: they are about zip functions.
#[test]
fn the_zip_examples_of_aws_lambda_deploy_are_refused_with_the_way_out() {
    let job = Job::new();
    let zip = json!({ "function-name": "my-function-name", "code-artifacts-dir": "my-code-artifacts-dir" });
    for more in [
        json!({ "handler": "index.handler", "runtime": "nodejs22.x" }),
        json!({ "memory-size": 512, "timeout": 60, "environment": r#"{"ENV":"production","DEBUG":"true"}"# }),
        json!({ "s3-bucket": "my-s3-bucket" }),
        json!({ "dry-run": true }),
    ] {
        let run = job.uses(&with(&zip, &more));
        assert!(!run.succeeded && run.errors().len() == 1, "{}", run.log);
        let error = run.errors()[0];
        assert!(error.contains("code-artifacts-dir is for zip functions only"), "{error}");
        for part in [
            "aws-actions/aws-lambda-deploy",
            "public.ecr.aws/lambda/",
            "a new function-name",
            "coming-from-aws-lambda-deploy.md",
        ] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
    for (name, value) in
        [("package-type", "Zip"), ("layers", "[\"a\"]"), ("snap-start", "{}"), ("revision-id", "x")]
    {
        let run = job.uses(&with(&job.deploys(), &json!({ name: value })));
        assert!(!run.succeeded && run.errors()[0].contains(name), "{name}: {}", run.log);
    }
    assert_eq!(job.account.operations(), Vec::<String>::new(), "nobody was asked");
}

#[test]
fn what_contradicts_itself_or_is_no_json_is_refused_before_anything_is_asked() {
    let job = Job::new();
    for (more, said) in [
        (json!({ "function-name": "other" }), "function-name and function say the same"),
        (json!({ "image-uri": "1.dkr/x:y" }), "image-uri and image both name the image"),
        (json!({ "command": "destroy" }), "command: destroy is none of"),
        (json!({ "command": "release", "dry-run": "yes" }), "dry-run goes with deploy"),
        (json!({ "dry-run": "perhaps" }), "dry-run: perhaps is neither true nor false"),
        (json!({ "environment": "{}}, \"Role\": {\"a\": {}" }), "environment: this is not one JSON value"),
        (json!({ "tags": "{\"a\": \"b\"" }), "tags: this is not one JSON value"),
        (json!({ "tags": "{}, \"Role\": \"x\"" }), "tags: this is not one JSON value"),
        (json!({ "tags": "{}", "function-file": "f.json" }), "exclude each other"),
        (json!({ "kms-key-arn": "k\",\"Role\":\"x" }), "kms-key-arn: this is not the ARN of a key"),
    ] {
        let run = job.uses(&with(&job.deploys(), &more));
        assert!(
            !run.succeeded && run.errors().len() == 1 && run.errors()[0].contains(said),
            "{said}: {}",
            run.log
        );
    }
    assert_eq!(job.account.operations(), Vec::<String>::new());
    // Brackets in a text are no brackets.
    let run = job.uses(&with(&job.deploys(), &json!({ "environment": r#"{"AB":"}{\"]"}"# })));
    assert!(run.succeeded, "{}", run.log);
    assert_eq!(job.account.settled_function("hello")["Environment"]["Variables"], json!({ "AB": "}{\"]" }));
}

#[test]
fn a_cancelled_step_lets_the_run_end_by_itself() {
    // A stand-in for the binary: it says that it has begun, and takes a while to come to an end when it is asked to.
    const SLOW: &str = "#!/bin/bash\ntrap 'echo asked >>log; sleep 0.5; echo ended >>log; exit 5' TERM\n\
        echo begun >>log\nwhile :; do sleep 0.05; done\n";
    for inputs in [&[][..], &[("INPUT_TAGS", r#"{"team":"shop"}"#)]] {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("lambda-lift");
        fs::write(&program, SLOW).unwrap();
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let mut child = std::process::Command::new("bash")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("action/run.sh"))
            .current_dir(folder.path())
            .env("PATH", path)
            .env("RUNNER_TEMP", folder.path())
            .envs(inputs.iter().copied())
            .spawn()
            .unwrap();
        let log = || fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while !log().contains("begun") {
            assert!(child.try_wait().unwrap().is_none(), "the step ended early: {}", log());
            assert!(std::time::Instant::now() < deadline, "the program never began");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        let id = child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(5), "{}", log());
        assert_eq!(log(), "begun\nasked\nended\n");
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 2, "the program and its log; no function file");
    }
}
