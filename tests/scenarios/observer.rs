//! The alias as somebody sees it who only polls GetAlias.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::account::Account;

/// The alias as `VERSION` or `VERSION+SECOND@WEIGHT`.
pub(crate) fn place(account: &Account) -> String {
    let alias = account.lambda("GET", "/hello/aliases/live", Value::Null);
    let mut place = alias["FunctionVersion"].as_str().unwrap().to_owned();
    let weights = alias["RoutingConfig"]["AdditionalVersionWeights"].as_object().cloned().unwrap_or_default();
    for (version, weight) in weights {
        place.push_str(&format!("+{version}@{weight}"));
    }
    place
}

pub(crate) fn wait_until(account: &Account, wanted: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while place(account) != wanted {
        assert!(Instant::now() < deadline, "the alias is at {}, not at {wanted}", place(account));
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether every version that the alias names may be invoked.
fn is_active(account: &Account, place: &str) -> bool {
    let versions = place.split('+').map(|part| part.split('@').next().unwrap_or_default());
    let mut configurations = versions.map(|version| {
        account.lambda("GET", &format!("/hello/configuration?Qualifier={version}"), Value::Null)
    });
    configurations.all(|configuration| configuration["State"] == "Active")
}

/// What an observer who only polls GetAlias sees while `work` runs, without repetitions. No version that it ever names may be
/// one that is not Active.
pub(crate) fn observed<T>(account: &Account, work: impl FnOnce() -> T) -> (T, Vec<String>) {
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let observer = scope.spawn(|| {
            let mut seen = Vec::new();
            loop {
                // Read first, so that the last look comes after the end.
                let last = ended.load(Ordering::SeqCst);
                let now = place(account);
                if seen.last() != Some(&now) {
                    assert!(is_active(account, &now), "{now} is not active");
                    seen.push(now);
                }
                if last {
                    return seen;
                }
                thread::sleep(Duration::from_millis(5));
            }
        });
        let done = work();
        ended.store(true, Ordering::SeqCst);
        (done, observer.join().unwrap())
    })
}
