//! A prune that is disturbed: by others, by AWS, by a person, by SIGKILL. Nothing that is needed goes, and the next run ends it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use lambda_lift_localstack::{Effect, ErrorAnswer, FaultRule, ResetMoment, Turn};
use serde_json::{Value, json};

use crate::account::Account;
use crate::interrupted::{interrupt, wait_for_calls};
use crate::prune_scene::*;

/// How many runs are played side by side.
const PLAYERS: usize = 12;

fn arguments<'a>() -> Vec<&'a str> {
    [&PRUNE[..], &["--keep", "1", "--yes"]].concat()
}

/// Holds each call of an operation from the `nth` on for a while.
fn late(account: &Account, operation: &str, nth: u64) {
    let rule = FaultRule {
        operation: operation.to_owned(),
        calls: Turn::Nth(nth),
        delay_milliseconds: 3000,
        ..FaultRule::default()
    };
    account.stand.set_faults(vec![rule]);
}

fn refusal(status: u16, code: &str) -> Effect {
    Effect::Error(ErrorAnswer::new(status, code, "not now"))
}

/// Everything that only the alias's version 4 needs is left.
fn assert_pruned(account: &Account, digests: &[String]) {
    assert_only_versions_deleted(account);
    assert_eq!(versions(account), ["4"]);
    assert_eq!(images(account, "hello"), digests[3..]);
}

#[test]
fn a_version_that_an_alias_references_since_the_plan_is_spared() {
    // Seen by the look right before the deletion; refused by AWS itself where it comes after that.
    for (operation, nth) in [("ListVersionsByFunction", 2), ("DeleteFunction", 1)] {
        let account = account();
        let digests = hello(&account, 4);
        late(&account, operation, nth);
        let mut child = account.start(&arguments());
        wait_for_calls(&account, operation, usize::try_from(nth).unwrap(), &mut child);
        create_alias(&account, "blue", "1");
        let run = Account::finish(child);
        let document = run.expect(0);
        assert_eq!(of_version(document, "1"), "keep alias", "{operation}");
        assert_eq!(of_version(document, "2"), "delete unreferenced deleted", "{operation}");
        assert_eq!(of_image(document, &digests[0]), "keep in_use", "{operation}");
        assert_eq!(versions(&account), ["1", "4"], "{operation}");
        assert_eq!(images(&account, "hello"), sorted(&[&digests[0], &digests[3]]), "{operation}");
    }
}

#[test]
fn an_image_that_a_function_runs_since_the_plan_is_spared() {
    let account = account();
    let digests = hello(&account, 4);
    create_function(&account, "other", "hello", &digests[3]);
    account.stand.clear_calls();
    late(&account, "ListFunctions", 2);
    let mut child = account.start(&arguments());
    wait_for_calls(&account, "ListFunctions", 2, &mut child);
    update_function(&account, "other", "hello", &digests[1]);
    let run = Account::finish(child);
    let document = run.expect(0);
    assert_eq!(of_image(document, &digests[1]), "keep in_use");
    assert_eq!(of_image(document, &digests[0]), "delete unused deleted");
    assert_eq!(images(&account, "hello"), sorted(&[&digests[1], &digests[3]]));
}

#[test]
fn what_is_needed_since_a_call_was_refused_is_not_asked_for_again() {
    for operation in ["DeleteFunction", "BatchDeleteImage"] {
        let account = account();
        let digests = hello(&account, 4);
        create_function(&account, "other", "hello", &digests[3]);
        account.stand.clear_calls();
        let rule = FaultRule {
            operation: operation.to_owned(),
            calls: Turn::Nth(1),
            delay_milliseconds: 3000,
            effect: Some(refusal(409, "ResourceConflictException")),
            ..FaultRule::default()
        };
        account.stand.set_faults(vec![rule]);
        let mut child = account.start(&arguments());
        wait_for_calls(&account, operation, 1, &mut child);
        if operation == "DeleteFunction" {
            create_alias(&account, "blue", "1");
        }
        update_function(&account, "other", "hello", &digests[0]);
        let run = Account::finish(child);
        let document = run.expect(0);
        assert_eq!(of_image(document, &digests[0]), "keep in_use", "{operation}");
        assert_eq!(of_image(document, &digests[1]), "delete unused deleted", "{operation}");
        let deletions = account.operations().iter().filter(|called| *called == operation).count();
        assert_eq!(deletions, if operation == "DeleteFunction" { 3 } else { 2 }, "{operation}");
    }
}

#[test]
fn a_release_that_began_since_the_plan_keeps_what_it_came_from() {
    let account = account();
    hello(&account, 4);
    late(&account, "ListVersionsByFunction", 2);
    let mut child = account.start(&arguments());
    wait_for_calls(&account, "ListVersionsByFunction", 2, &mut child);
    let release =
        ["release", "--function", "hello", "--alias", "live", "--to", "2", "--strategy", "all-at-once"];
    account.run(&release).expect(0);
    let run = Account::finish(child);
    let document = run.expect(0);
    assert_eq!(of_version(document, "2"), "keep alias");
    assert_eq!(versions(&account), ["2", "4"]);
    account.clear_faults();
    account.run(&["rollback", "--function", "hello", "--alias", "live"]).expect(0);
    let alias = account.lambda("GET", "/hello/aliases/live", Value::Null);
    assert_eq!(alias["FunctionVersion"], "4");
}

#[test]
fn a_policy_that_lets_others_pull_since_the_plan_stops_it() {
    let account = account();
    let digests = hello(&account, 4);
    late(&account, "DeleteFunction", 1);
    let mut child = account.start(&arguments());
    wait_for_calls(&account, "DeleteFunction", 1, &mut child);
    let open = json!({ "Effect": "Allow", "Principal": "*", "Action": "ecr:*" });
    account
        .set_policy("hello", &json!({ "Version": "2012-10-17", "Statement": [own_grant(&account), open] }));
    let run = Account::finish(child);
    assert_eq!(run.expect(4)["error"]["kind"], "refused");
    assert_eq!((versions(&account), images(&account, "hello").len()), (vec!["4".to_owned()], digests.len()));
}

/// The operations of an undisturbed run.
fn operations() -> BTreeSet<String> {
    let account = account();
    hello(&account, 4);
    account.run(&arguments()).expect(0);
    account.operations().into_iter().collect()
}

#[test]
fn each_call_may_go_wrong_once() {
    let operations = operations();
    assert!(operations.len() >= 10, "{operations:?}");
    let conflict = refusal(409, "ResourceConflictException");
    // After it was throttled once, the SDK asks slowly for a while: these begin first.
    let effects = [
        Effect::Throttle,
        refusal(500, "ServiceException"),
        Effect::Reset(ResetMoment::After),
        Effect::HalfResponse,
        conflict.clone(),
    ];
    let fit = |effect: &Effect, operation: &str| *effect != conflict || operation == "DeleteFunction";
    let jobs: Vec<(&Effect, &String)> = effects
        .iter()
        .flat_map(|effect| operations.iter().map(move |operation| (effect, operation)))
        .filter(|(effect, operation)| fit(effect, operation))
        .collect();
    let jobs = Mutex::new(jobs.into_iter().enumerate());
    let play = || {
        let mut account = account();
        loop {
            let Some((number, (effect, operation))) = jobs.lock().unwrap().next() else { return };
            account.become_account(&format!("3{number:011}"));
            let digests = hello(&account, 4);
            account.fault(operation, Turn::First(1), effect.clone());
            let run = account.run(&arguments());
            account.clear_faults();
            assert_eq!(run.code, Some(0), "{operation} {effect:?}: {}", run.document["error"]);
            assert_pruned(&account, &digests);
        }
    };
    // Most of their time is spent waiting, so that they are played side by side.
    std::thread::scope(|scope| {
        for _ in 0..PLAYERS {
            scope.spawn(play);
        }
    });
}

#[test]
fn what_is_forbidden_is_told_with_the_permission_and_changes_nothing_more() {
    let account = account();
    let digests = hello(&account, 4);
    for (operation, permission) in [
        ("ListAliases", "lambda:ListAliases"),
        ("ListProvisionedConcurrencyConfigs", "lambda:ListProvisionedConcurrencyConfigs"),
        ("ListFunctions", "lambda:ListFunctions"),
        ("DescribeImages", "ecr:DescribeImages"),
        ("DescribeRegistry", "ecr:DescribeRegistry"),
        ("GetRegistryPolicy", "ecr:GetRegistryPolicy"),
        ("DeleteFunction", "lambda:DeleteFunction"),
    ] {
        account.stand.clear_calls();
        account.fault(operation, Turn::Every, Effect::Deny);
        let run = account.run(&arguments());
        let error = &run.expect(1)["error"];
        assert_eq!(error["kind"], "access_denied", "{operation}");
        assert!(error["hint"].as_str().unwrap().contains(permission), "{error}");
        assert_eq!((versions(&account).len(), images(&account, "hello").len()), (4, 4));
    }
    account.fault("BatchDeleteImage", Turn::Every, Effect::Deny);
    let run = account.run(&arguments());
    assert_eq!(run.expect(4)["error"]["kind"], "access_denied");
    assert_eq!(run.document["steps"][1]["status"], "failed");
    assert_eq!(of_version(&run.document, "1"), "delete unreferenced deleted");
    assert_eq!(of_image(&run.document, &digests[0]), "delete unused");
    account.clear_faults();
    account.run(&arguments()).expect(0);
    assert_pruned(&account, &digests);
}

#[test]
fn killed_at_any_call_the_next_run_ends_it() {
    let mut account = account();
    account.become_account("400000000000");
    hello(&account, 4);
    account.run(&arguments()).expect(0);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for operation in account.operations() {
        *counts.entry(operation).or_default() += 1;
    }
    let writes =
        [("DeleteFunction", counts["DeleteFunction"]), ("BatchDeleteImage", counts["BatchDeleteImage"])];
    assert_eq!(writes, [("DeleteFunction", 3), ("BatchDeleteImage", 1)]);
    let reads = counts.keys().map(|operation| (operation.as_str(), 1));
    let mut number = 0;
    for (operation, count) in reads.chain(writes) {
        for nth in 1..=count {
            for effect in [Effect::Stall, Effect::Reset(ResetMoment::After)] {
                // Both where nothing was done and where all was done but the answer did not come.
                let rules = match effect {
                    Effect::Stall => vec![rule(operation, nth, effect)],
                    after => vec![rule(operation, nth, after), rule(operation, nth + 1, Effect::Stall)],
                };
                number += 1;
                account.become_account(&format!("5{number:011}"));
                let digests = hello(&account, 4);
                let calls = usize::try_from(nth).unwrap() + rules.len() - 1;
                account.stand.set_faults(rules);
                let mut child = account.start(&arguments());
                wait_for_calls(&account, operation, calls, &mut child);
                child.kill().unwrap();
                assert_eq!(Account::finish(child).code, None);
                account.clear_faults();
                account.run(&arguments()).expect(0);
                assert_pruned(&account, &digests);
            }
        }
    }
}

fn rule(operation: &str, nth: u64, effect: Effect) -> FaultRule {
    FaultRule {
        operation: operation.to_owned(),
        calls: Turn::Nth(nth),
        effect: Some(effect),
        ..FaultRule::default()
    }
}

#[test]
fn a_signal_stops_it_between_two_deletions_and_it_says_what_has_gone() {
    for (operation, nth, code) in
        [("ListAliases", 1, 1), ("DeleteFunction", 2, 4), ("ListFunctions", 2, 4), ("BatchDeleteImage", 1, 4)]
    {
        let account = account();
        let digests = hello(&account, 4);
        account.stand.set_faults(vec![rule(operation, nth, Effect::Stall)]);
        let mut child = account.start(&arguments());
        wait_for_calls(&account, operation, usize::try_from(nth).unwrap(), &mut child);
        let run = interrupt(child, if nth == 1 { "INT" } else { "TERM" });
        let document = run.expect(code);
        assert_eq!(document["error"]["kind"], "interrupted", "{operation}");
        if operation == "DeleteFunction" {
            assert_eq!(of_version(document, "1"), "delete unreferenced deleted");
            assert_eq!(of_version(document, "3"), "delete unreferenced");
        }
        account.clear_faults();
        account.run(&arguments()).expect(0);
        assert_pruned(&account, &digests);
    }
}
