//! A run that is killed at any moment leaves nothing that the next run cannot finish.

use std::thread;
use std::time::{Duration, Instant};

use crate::account::{Account, PULL_ACTIONS, images, service_grants};

/// How many write calls a first deploy makes at most. Killing after more than it makes is killing after the end.
const MOST_WRITES: usize = 24;

#[test]
fn killed_after_any_write_call_the_same_command_converges() {
    let image = images().packed("one");
    let mut account = Account::new();
    let mut interrupted = 0;
    let expected = account.deploy(&image).expect(0)["image"]["digest"].as_str().unwrap().to_owned();

    for writes in 0..MOST_WRITES {
        // Nothing of this name exists yet: each round is a first deploy.
        account.name = format!("hello-{writes}");
        let before = account.cloud.mark();
        let mut child = account.lambda_lift.start(&account.deploy_arguments(&image));
        let deadline = Instant::now() + Duration::from_secs(60);
        let ended = loop {
            if account.cloud.writes_since(before).len() >= writes {
                break false;
            }
            if child.try_wait().unwrap().is_some() {
                break true;
            }
            assert!(Instant::now() < deadline, "no {writes} write calls within a minute");
            thread::sleep(Duration::from_millis(1));
        };
        // SIGKILL: no handler, no destructor runs.
        child.kill().unwrap();
        let killed = child.wait().unwrap().code().is_none();
        interrupted += usize::from(killed);

        account.deploy(&image).expect(0);
        assert_eq!(account.function_digest(), expected, "killed after {writes} writes");
        assert_eq!(account.alias()["FunctionVersion"], "1", "killed after {writes} writes");
        let policy = account.boto3.repository_policy(&account.name).unwrap();
        for action in PULL_ACTIONS {
            assert_eq!(service_grants(&policy, action).len(), 1, "killed after {writes} writes: {policy:#}");
        }
        if ended && !killed {
            break;
        }
    }
    assert!(interrupted > 0, "no run was interrupted");
}
