//! Every fault at every operation: the run succeeds or says how far it came, and the next one converges.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;

use lambda_lift_localstack::{Effect, ErrorAnswer, FaultRule, ResetMoment, Turn};
use lambda_lift_rig::Run;
use serde_json::Value;

use crate::account::Account;

/// How many of them are played side by side. Most of their time is spent waiting.
const PLAYERS: usize = 6;

/// What may go wrong, once.
fn effects() -> Vec<(&'static str, Effect)> {
    let broken = ErrorAnswer::new(500, "ServiceException", "no luck");
    vec![
        ("error 500", Effect::Error(broken)),
        ("throttle", Effect::Throttle),
        ("deny", Effect::Deny),
        ("expired token", Effect::ExpiredToken),
        ("reset before", Effect::Reset(ResetMoment::BeforeBody)),
        ("reset in the middle", Effect::Reset(ResetMoment::MidBody)),
        ("reset after", Effect::Reset(ResetMoment::After)),
        ("half an answer", Effect::HalfResponse),
    ]
}

/// A deploy that is played with faults: what is there before, and what it shall come to.
#[derive(Clone, Copy)]
pub(crate) enum Scene {
    /// Nothing is there.
    First,
    /// Image `one` is deployed; image `two` comes with other settings.
    Update,
}

impl Scene {
    /// Makes what is there before, in an account that nobody has used and on a machine that knows of nothing: what is
    /// asked of the registry depends on what is remembered.
    pub(crate) fn prepare(self, account: &mut Account, id: &str) {
        account.become_account(id);
        let cache = account.path(&format!("cache-{id}"));
        account.lambda_lift.set("LAMBDA_LIFT_CACHE_DIR", &cache.display().to_string());
        if matches!(self, Scene::Update) {
            account.deploy(&account.small_image("one")).expect(0);
        }
        account.stand.clear_calls();
    }

    pub(crate) fn arguments(self) -> &'static [&'static str] {
        match self {
            Scene::First => &[],
            Scene::Update => &["--memory", "512", "--env", "NEW=value", "--tag", "v2"],
        }
    }

    pub(crate) fn image(self, account: &Account) -> String {
        match self {
            Scene::First => account.small_image("one"),
            Scene::Update => account.small_image("two"),
        }
    }

    pub(crate) fn play(self, account: &Account) -> Run {
        account.deploy_with(&self.image(account), self.arguments())
    }

    /// The operations of an undisturbed run, and the state that it ends in.
    pub(crate) fn undisturbed(self) -> (BTreeSet<String>, String) {
        let mut account = Account::new();
        let id = "100000000000";
        self.prepare(&mut account, id);
        self.play(&account).expect(0);
        let operations = account.operations().into_iter().collect();
        (operations, end_state(&account))
    }
}

/// The end state without the account's id.
pub(crate) fn end_state(account: &Account) -> String {
    serde_json::to_string_pretty(&account.end_state()).unwrap().replace(&account.id, "ACCOUNT")
}

/// What is wrong with how a disturbed run ended, if anything.
fn judge(scene: Scene, account: &Account, run: &Run, expected: &str) -> Result<(), String> {
    let error = &run.document["error"];
    let code = run.code.ok_or("ended by a signal")?;
    if code == 0 {
        let state = end_state(account);
        return if state == expected { Ok(()) } else { Err(format!("claims success with {state}")) };
    }
    if error["message"].as_str().unwrap_or_default().is_empty() {
        return Err(format!("ends with {code} and says nothing: {}{}", run.stdout, run.stderr));
    }
    let (_, alias) = account.try_lambda("GET", "/hello/aliases/live", Value::Null);
    let before = matches!(scene, Scene::Update).then_some("1");
    if alias["FunctionVersion"].as_str() != before {
        return Err(format!("ends with {code} after the alias was moved: {error}"));
    }
    if run.document["alias"]["to"].as_str().is_some_and(|to| Some(to) != before) {
        return Err(format!("claims a moved alias: {}", run.document["alias"]));
    }
    let (status, function) = account.try_lambda("GET", "/hello/configuration", Value::Null);
    let untouched = match scene {
        Scene::First => status == 404,
        Scene::Update => function["MemorySize"] != 512 && function["LastUpdateStatus"] == "Successful",
    };
    match code {
        1..=3 if untouched => Ok(()),
        4 => Ok(()),
        _ => Err(format!("ends with {code}, and the function was touched: {error}")),
    }
}

fn disturbed(
    scene: Scene,
    account: &mut Account,
    id: &str,
    rule: FaultRule,
    expected: &str,
) -> Result<(), String> {
    scene.prepare(account, id);
    account.stand.set_faults(vec![rule]);
    let run = scene.play(account);
    account.clear_faults();
    let played = account.calls().iter().any(|call| call.fault.is_some());
    let judged = judge(scene, account, &run, expected);
    let again = scene.play(account);
    if again.code != Some(0) {
        return Err(format!("the second run ends with {:?}: {}", again.code, again.document["error"]));
    }
    let state = end_state(account);
    if state != expected {
        return Err(format!("the second run ends elsewhere: {state}"));
    }
    if !played {
        return Err("the fault was not played".to_owned());
    }
    judged
}

fn all_faults_at_all_operations(scene: Scene) {
    let (operations, expected) = scene.undisturbed();
    let cells: Vec<_> = operations
        .iter()
        .flat_map(|operation| {
            effects().into_iter().map(move |(name, effect)| (operation.clone(), name, effect))
        })
        .enumerate()
        .collect();
    assert!(operations.len() > 12, "{operations:?}");
    let (queue, failures) = (Mutex::new(cells.into_iter()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..PLAYERS {
            scope.spawn(|| {
                let mut account = Account::new();
                loop {
                    let cell = queue.lock().unwrap().next();
                    let Some((number, (operation, name, effect))) = cell else { return };
                    let rule = FaultRule {
                        operation: operation.clone(),
                        calls: Turn::First(1),
                        effect: Some(effect),
                        ..FaultRule::default()
                    };
                    let id = format!("2{number:011}");
                    if let Err(why) = disturbed(scene, &mut account, &id, rule, &expected) {
                        failures.lock().unwrap().push(format!("{name} at {operation}: {why}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn every_fault_at_every_operation_of_a_first_deploy_ends_well_or_says_so_and_converges() {
    all_faults_at_all_operations(Scene::First);
}

#[test]
fn every_fault_at_every_operation_of_an_update_ends_well_or_says_so_and_converges() {
    all_faults_at_all_operations(Scene::Update);
}
