//! Releases that CodeDeploy carries out, while calls fail, answers are lost, permissions are missing, and runs are killed: there is one
//! deployment, and its end is right or said to be unknown.

use std::thread;
use std::time::Duration;

use lambda_lift_localstack::codedeploy::CodeDeploySettings;
use lambda_lift_localstack::{Effect, ErrorAnswer, FaultRule, ResetMoment, Turn};

use crate::account::Account;
use crate::codedeploy::{
    CANARY, CREATE, LONG, error, of_users, quick, release, resume, rollback, start, two_versions,
    two_versions_with, with_group,
};
use crate::interrupted::killed_at;
use crate::observer::{place, wait_until};

/// What may become of a call.
fn effects() -> Vec<Effect> {
    let refusal = |status: u16, code: &str| Effect::Error(ErrorAnswer::new(status, code, "not now"));
    vec![
        refusal(429, "ThrottlingException"),
        refusal(500, "InternalFailure"),
        Effect::Reset(ResetMoment::BeforeBody),
        Effect::Reset(ResetMoment::After),
    ]
}

#[test]
fn whatever_becomes_of_a_call_there_is_one_deployment_and_its_end_is_right() {
    let calls = [
        "GetApplication",
        "GetDeploymentGroup",
        "GetDeploymentConfig",
        "TagResource",
        "CreateDeployment",
        "GetDeployment",
        "ListDeploymentTargets",
        "GetDeploymentTarget",
    ];
    let made = ["CreateApplication", "CreateDeploymentConfig", "CreateDeploymentGroup"];
    let odd = ["--strategy", "canary:20%:1m"];
    let strike = |account: &Account, operation: &str, effect: &Effect| {
        account.stand.clear_calls();
        account.fault(operation, Turn::Nth(1), effect.clone());
        let run = release(account, &[&odd, &CREATE]);
        let struck = account.calls().iter().any(|call| call.fault.is_some());
        account.clear_faults();
        run.expect(0);
        assert!(struck, "{operation} {effect:?} did not strike");
        assert_eq!(place(account), "1", "{operation} {effect:?}");
    };
    thread::scope(|scope| {
        for effect in effects() {
            scope.spawn(move || {
                let fast = CodeDeploySettings { minute: Duration::from_millis(50), ..quick() };
                let account = two_versions_with(fast);
                for (count, operation) in calls.iter().enumerate() {
                    strike(&account, operation, &effect);
                    assert_eq!(of_users(&account).len(), count + 1, "{operation} {effect:?}");
                    rollback(&account, &[]).expect(0);
                }
                // What is made is made once: it is taken away again with its whole account.
                for operation in made.iter().filter(|_| matches!(effect, Effect::Reset(_))) {
                    let account = two_versions();
                    strike(&account, operation, &effect);
                    assert_eq!(of_users(&account).len(), 1, "{operation} {effect:?}");
                }
            });
        }
    });
}

#[test]
fn an_answer_that_is_lost_for_good_does_not_start_a_second_deployment() {
    // The deployment is there, and only its description tells.
    for turn in [Turn::First(1), Turn::First(3)] {
        let account = with_group();
        account.fault("CreateDeployment", turn, Effect::Reset(ResetMoment::After));
        let run = release(&account, &[&CANARY]);
        account.clear_faults();
        run.expect(0);
        assert_eq!((place(&account).as_str(), of_users(&account).len()), ("1", 1));
    }
    // Nobody says whether it is there.
    let account = with_group();
    let rule = |operation: &str, effect: Effect| FaultRule {
        operation: operation.to_owned(),
        effect: Some(effect),
        ..FaultRule::default()
    };
    account.stand.set_faults(vec![
        rule("CreateDeployment", Effect::Reset(ResetMoment::After)),
        rule("ListDeployments", Effect::Deny),
    ]);
    let told = error(&release(&account, &[&LONG, &CREATE]), 6);
    assert!(told.contains("not known") && told.contains("ListDeployments"), "{told}");
    account.clear_faults();
    // The journal knows how to find it.
    wait_until(&account, "2+1@0.1");
    rollback(&account, &[]).expect(0);
    assert_eq!(place(&account), "2");
}

#[test]
fn a_permission_that_is_missing_is_named_and_nothing_is_moved() {
    let account = with_group();
    for (operation, code) in [("GetDeploymentGroup", 1), ("CreateDeployment", 1)] {
        account.fault(operation, Turn::Every, Effect::Deny);
        let told = error(&release(&account, &[&CANARY]), code);
        assert!(told.contains(&format!("codedeploy:{operation}")), "{told}");
        account.clear_faults();
        assert_eq!(place(&account), "2");
    }
    // It runs, and we may not look: whoever may goes on with it.
    let child = start(&account, &[&LONG, &CREATE]);
    wait_until(&account, "2+1@0.1");
    account.fault("GetDeployment", Turn::Every, Effect::Deny);
    let told = error(&Account::finish(child), 6);
    assert!(told.contains("--resume"), "{told}");
    account.clear_faults();
    rollback(&account, &[]).expect(0);
    assert_eq!(place(&account), "2");
}

#[test]
fn killed_at_any_call_it_is_taken_up_or_taken_back() {
    let account = with_group();
    release(&account, &[&CANARY]).expect(0);
    let mut operations = account.operations();
    operations.sort();
    operations.dedup();
    rollback(&account, &[]).expect(0);
    assert!(operations.len() > 8, "{operations:?}");
    for operation in operations {
        for turn in [1, 2] {
            for end in ["resume", "rollback"] {
                killed_at(&account, &operation, turn, || start(&account, &[&CANARY]));
                let cell = format!("{operation} {turn} {end}");
                match end {
                    "resume" => {
                        // Nothing was created, or not even written down: then it is begun again.
                        let resumed = resume(&account, &[]);
                        assert!(
                            matches!(resumed.code, Some(0 | 3)),
                            "{cell}: {:?} {}",
                            resumed.code,
                            resumed.stderr
                        );
                        if place(&account) == "2" {
                            release(&account, &[&CANARY]).expect(0);
                        }
                        assert_eq!(place(&account), "1", "{cell}");
                        rollback(&account, &[]).expect(0);
                    }
                    _ => {
                        let back = rollback(&account, &[]);
                        assert!(matches!(back.code, Some(0 | 3)), "{cell}: {:?} {}", back.code, back.stderr);
                        if place(&account) != "2" {
                            rollback(&account, &["--to", "2"]).expect(0);
                        }
                    }
                }
                wait_until(&account, "2");
            }
        }
    }
}
