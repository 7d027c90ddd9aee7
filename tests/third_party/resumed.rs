//! A push that is ended in the middle of a layer goes on where the registry has it.

use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use lambda_lift_rig::{Run, skopeo};

use crate::account::{Account, BINARY};
use crate::large_image::write_archive;
use crate::withheld::Withheld;

const PART: u64 = 5 << 20;

/// Waits until `done`.
fn wait_until(what: &str, child: &mut Child, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(child.try_wait().unwrap().is_none(), "it ended before {what}");
        assert!(Instant::now() < deadline, "it takes more than a minute until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn ended_by_any_signal_in_the_middle_of_a_layer_it_goes_on_there() {
    let account = Account::new();
    let registry = &account.cloud.registry;
    let way = Withheld::before(registry.authority());
    let lambda_lift = account.cloud.lambda_lift_through(BINARY, &way.endpoint());
    // Of different lengths: the second repository would be given the first one's layer by mounting it.
    for (signal, parts) in [("TERM", 5), ("KILL", 6)] {
        let archive = lambda_lift.home().join(format!("{signal}.tar"));
        write_archive(&archive, &[parts * PART]);
        let (source, repository) = (format!("docker-archive:{}", archive.display()), signal.to_lowercase());
        let arguments = [
            "push",
            "--image",
            &source,
            "--repository",
            &repository,
            "--create-repository",
            "--chunk-size",
            "5",
        ];
        way.let_through(2);
        let mut child = lambda_lift.start_recorded(&arguments);
        wait_until("the third part is sent", &mut child, || way.lost() > 0);
        // An entry is written beside the sending of the next part.
        thread::sleep(Duration::from_millis(500));
        let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(sent.unwrap().success());
        let ended = Run::of(child.wait_with_output().unwrap());
        assert_eq!(ended.code, (signal == "TERM").then_some(1), "{}", ended.stderr);

        way.let_through(usize::MAX);
        let mark = account.cloud.mark();
        let run = lambda_lift.run(&arguments);
        let document = run.expect(0);
        assert!(run.stderr.contains("resume: layer"), "{}", run.stderr);
        let calls = account.cloud.calls_since(mark);
        let opened = calls.iter().filter(|call| call.operation.starts_with("POST /v2/")).count();
        assert_eq!(opened, 0, "{calls:?}");
        let size = document["image"]["layers"][0]["size"].as_u64().unwrap();
        assert_eq!(document["image"]["pushed_bytes"], size - 2 * PART);
        // skopeo reads everything back, and holds it against its digest.
        let digest = document["image"]["digest"].as_str().unwrap();
        skopeo::inspect_pushed(registry, &format!("{repository}@{digest}"));
    }
}
