//! Ended from outside, by SIGKILL or by a person: what is left behind is taken up by the next run.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use lambda_lift_localstack::lambda::LambdaSettings;
use lambda_lift_localstack::{Effect, ErrorAnswer, Settings, Turn};
use lambda_lift_rig::Run;
use serde_json::Value;

use crate::account::{Account, deploy_arguments};
use crate::faults::{Scene, end_state};

/// Waits until a call of this operation has arrived.
fn wait_for(account: &Account, operation: &str, child: &mut Child) {
    wait_for_calls(account, operation, 1, child);
}

/// Waits until so many calls of this operation have arrived.
pub(crate) fn wait_for_calls(account: &Account, operation: &str, count: usize, child: &mut Child) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while account.calls().iter().filter(|call| call.operation == operation).count() < count {
        assert!(child.try_wait().unwrap().is_none(), "it ended before {operation} was called {count} times");
        assert!(Instant::now() < deadline, "{operation} is never called {count} times");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn killed_at_every_operation(scene: Scene) {
    let (operations, expected) = scene.undisturbed();
    let mut account = Account::new();
    for (number, operation) in operations.iter().enumerate() {
        scene.prepare(&mut account, &format!("3{number:011}"));
        account.fault(operation, Turn::First(1), Effect::Stall);
        let (image, role) = (scene.image(&account), account.role());
        let arguments = [&deploy_arguments(&image, &role)[..], scene.arguments()].concat();
        let mut child = account.start(&arguments);
        wait_for(&account, operation, &mut child);
        // SIGKILL: no handler, no destructor runs.
        child.kill().unwrap();
        assert_eq!(Account::finish(child).code, None);
        account.clear_faults();
        scene.play(&account).expect(0);
        assert_eq!(end_state(&account), expected, "killed at {operation}");
    }
}

#[test]
fn killed_at_any_operation_of_a_first_deploy_the_same_command_converges() {
    killed_at_every_operation(Scene::First);
}

#[test]
fn killed_at_any_operation_of_an_update_the_same_command_converges() {
    killed_at_every_operation(Scene::Update);
}

/// Sends a signal.
pub(crate) fn send_signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
}

/// A run that is killed at the so-manieth call of an operation, or ends before.
pub(crate) fn killed_at(account: &Account, operation: &str, turn: u64, start: impl FnOnce() -> Child) {
    account.stand.clear_calls();
    account.fault(operation, Turn::Nth(turn), Effect::Stall);
    let mut child = start();
    let stalled = || account.calls().iter().any(|call| call.fault.is_some());
    while !stalled() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    Account::finish(child);
    account.clear_faults();
}

/// Sends a signal, and holds that the process ends within two seconds.
pub(crate) fn interrupt(child: Child, signal: &str) -> Run {
    let begun = Instant::now();
    send_signal(&child, signal);
    let run = Account::finish(child);
    assert!(begun.elapsed() < Duration::from_secs(2), "it took {:?} to stop", begun.elapsed());
    run
}

fn statuses(run: &Run) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    run.document["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| (text(&step["step"]), text(&step["status"])))
        .collect()
}

#[test]
fn interrupted_while_it_sends_layers_it_stops_and_says_what_was_done() {
    for (signal, operation) in
        [("INT", "FinishUpload"), ("TERM", "StartUpload"), ("INT", "PutManifest"), ("TERM", "HeadBlob")]
    {
        let account = Account::new();
        account.fault(operation, Turn::Every, Effect::Stall);
        let (image, role) = (account.small_image("one"), account.role());
        let mut child = account.start(&deploy_arguments(&image, &role));
        wait_for(&account, operation, &mut child);
        let run = interrupt(child, signal);
        let document = run.expect(1);
        assert_eq!(document["error"]["kind"], "interrupted", "{operation}");
        let steps = statuses(&run);
        let status =
            |wanted: &str| steps.iter().find(|(step, _)| step == wanted).map(|(_, status)| status.as_str());
        assert_eq!(status("create_repository"), Some("done"));
        assert_eq!(status("push_image"), Some("failed"));
        assert_eq!(status("create_function"), Some("skipped"));
        account.clear_faults();
        account.deploy(&image).expect(0);
        account.end_state();
    }
}

#[test]
fn interrupted_while_it_waits_it_stops_and_says_that_the_function_was_changed() {
    for signal in ["INT", "TERM"] {
        let lambda = LambdaSettings { create_settle: Duration::from_secs(6), ..LambdaSettings::default() };
        let account = Account::with(Settings { lambda, ..Settings::default() });
        let (image, role) = (account.small_image("one"), account.role());
        let mut child = account.start(&deploy_arguments(&image, &role));
        wait_for(&account, "CreateFunction", &mut child);
        std::thread::sleep(Duration::from_millis(300));
        let run = interrupt(child, signal);
        assert_eq!(run.expect(4)["error"]["kind"], "interrupted");
        let steps = statuses(&run);
        assert!(steps.contains(&("create_function".to_owned(), "failed".to_owned())), "{steps:?}");
        assert!(steps.contains(&("create_alias".to_owned(), "skipped".to_owned())), "{steps:?}");
        account.deploy(&image).expect(0);
        account.end_state();
    }
}

#[test]
fn interrupted_while_it_looks_nothing_was_changed() {
    let account = Account::new();
    account.fault("DescribeRepositories", Turn::Every, Effect::Stall);
    let (image, role) = (account.small_image("one"), account.role());
    let mut child = account.start(&deploy_arguments(&image, &role));
    wait_for(&account, "DescribeRepositories", &mut child);
    let run = interrupt(child, "INT");
    assert_eq!(run.expect(1)["error"]["kind"], "interrupted");
    assert_eq!(account.writes(), Vec::<String>::new());
}

#[test]
fn interrupted_while_lambda_does_not_answer_it_stops_and_says_what_may_have_changed() {
    for (operation, code) in [("CreateFunction", 4), ("GetFunction", 1), ("CreateAlias", 6)] {
        let account = Account::new();
        account.fault(operation, Turn::Every, Effect::Stall);
        let (image, role) = (account.small_image("one"), account.role());
        let mut child = account.start(&deploy_arguments(&image, &role));
        wait_for(&account, operation, &mut child);
        let run = interrupt(child, "TERM");
        assert!(run.expect(code)["error"]["hint"].as_str().unwrap().contains("same command"), "{operation}");
        account.clear_faults();
        account.deploy(&image).expect(0);
        account.end_state();
    }
}

#[test]
fn interrupted_while_it_waits_as_long_as_the_registry_asks_it_stops() {
    let account = Account::new();
    let busy = ErrorAnswer {
        status: 429,
        code: "TOOMANYREQUESTS".to_owned(),
        message: "Rate exceeded".to_owned(),
        headers: [("Retry-After".to_owned(), "60".to_owned())].into(),
        body: None,
    };
    account.fault("StartUpload", Turn::Every, Effect::Error(busy));
    let (image, role) = (account.small_image("one"), account.role());
    let mut child = account.start(&deploy_arguments(&image, &role));
    wait_for(&account, "StartUpload", &mut child);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(interrupt(child, "TERM").expect(1)["error"]["kind"], "interrupted");
}

#[test]
fn what_looks_before_it_moves_or_grants_ends_with_a_document() {
    let (account, _) = Account::deployed(|account| account.small_image("one"));
    account.ecr("DeleteRepositoryPolicy", serde_json::json!({ "repositoryName": "hello" }));
    let rollback = ["rollback", "--function", "hello", "--alias", "live"];
    let ensure = ["policy", "ensure", "--repository", "hello"];
    for (command, operation) in [
        (&rollback[..], "GetAlias"),
        (&rollback[..], "ListVersionsByFunction"),
        (&ensure[..], "GetRepositoryPolicy"),
        (&ensure[..], "SetRepositoryPolicy"),
    ] {
        account.stand.clear_calls();
        account.fault(operation, Turn::Every, Effect::Stall);
        let mut child = account.start(command);
        wait_for(&account, operation, &mut child);
        let run = interrupt(child, "TERM");
        assert_eq!(run.expect(1)["error"]["kind"], "interrupted", "{operation}");
        account.stand.set_faults(Vec::new());
    }
}

#[test]
fn interrupted_while_a_file_gives_nothing_it_ends_all_the_same() {
    let account = Account::new();
    // A pipe that nobody ever writes to is read before anything listens to signals but the last resort.
    let file = account.path("function.json").display().to_string();
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    let image = account.small_image("one");
    let arguments = ["deploy", "--image", &image, "--repository", "hello", "--function-file", &file];
    let child = account.start(&arguments);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(interrupt(child, "INT").code, Some(1));
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let account = Account::new();
    account.fault("CreateFunction", Turn::Every, Effect::Stall);
    let (image, role) = (account.small_image("one"), account.role());
    let mut child = account.start(&deploy_arguments(&image, &role));
    wait_for(&account, "CreateFunction", &mut child);
    send_signal(&child, "INT");
    std::thread::sleep(Duration::from_millis(100));
    let run = interrupt(child, "INT");
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "there was no time to write a document");
}
