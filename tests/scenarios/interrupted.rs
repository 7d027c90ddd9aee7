//! Ended from outside, by SIGKILL or by a person: what is left behind is taken up by the next run.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use lambda_lift_localstack::lambda::LambdaSettings;
use lambda_lift_localstack::{Effect, Settings, Turn};
use lambda_lift_rig::Run;
use serde_json::Value;

use crate::account::{Account, deploy_arguments};
use crate::faults::{Scene, end_state};

/// Waits until a call of this operation has arrived.
fn wait_for(account: &Account, operation: &str, child: &mut Child) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !account.calls().iter().any(|call| call.operation == operation) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before {operation}");
        assert!(Instant::now() < deadline, "{operation} is never called");
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

/// Sends a signal, and holds that the process ends within two seconds.
pub(crate) fn interrupt(child: Child, signal: &str) -> Run {
    let begun = Instant::now();
    let sent = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
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
