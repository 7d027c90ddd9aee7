//! A registry that nobody here wrote, behind a proxy that bites at every request of a push: the image arrives whole,
//! by skopeo's reading, and the run before says so or why not.

use std::sync::Mutex;
use std::thread;

use lambda_lift_rig::{Bite, Cut, Ending, Harm, LambdaLift, Line, Proxy, Run, ThirdPartyCloud, skopeo};

use crate::account::BINARY;
use crate::large_image::write_archive;

/// How many pushes are played side by side.
const PLAYERS: usize = 4;

/// Two whole parts of 5 MiB, and a third.
const LAYER: u64 = (10 << 20) + 5_120;

const HARMS: [Harm; 7] = [
    Harm::CutRequest(Cut::After(0), Ending::Reset),
    Harm::CutRequest(Cut::Half, Ending::Reset),
    Harm::CutRequest(Cut::Half, Ending::Closed),
    Harm::CutAnswer(Cut::After(0), Ending::Reset),
    Harm::CutAnswer(Cut::Half, Ending::Closed),
    Harm::StallRequest(Cut::Half),
    Harm::StallAnswer(Cut::After(0)),
];

/// Somebody who reaches the registry through a proxy of its own.
struct Player<'a> {
    cloud: &'a ThirdPartyCloud,
    proxy: Proxy,
    lambda_lift: LambdaLift,
    source: &'a str,
}

impl<'a> Player<'a> {
    fn new(cloud: &'a ThirdPartyCloud, source: &'a str) -> Self {
        let proxy = Proxy::start(&cloud.registry.authority(), Line::default());
        let lambda_lift = cloud.lambda_lift_through(BINARY, &proxy.endpoint());
        Self { cloud, proxy, lambda_lift, source }
    }

    /// Pushes to a repository from a machine that remembers nothing of other repositories.
    fn push(&mut self, repository: &str) -> Run {
        let cache = self.lambda_lift.home().join(repository).display().to_string();
        self.lambda_lift.set("XDG_CACHE_HOME", &cache);
        let push = ["push", "--image", self.source, "--repository", repository, "--create-repository"];
        let more = ["--tag", "v1", "--chunk-size", "5", "--stall-timeout", "2s"];
        self.lambda_lift.run(&[&push[..], &more].concat())
    }

    fn play(&mut self, repository: &str, bite: Bite, digest: &str) -> Result<(), String> {
        self.proxy.set_bites(vec![bite]);
        let run = self.push(repository);
        let bitten = self.proxy.bitten();
        self.proxy.set_bites(Vec::new());
        if bitten.is_empty() {
            return Err("nothing was bitten".to_owned());
        }
        if run.stderr.contains("panicked") {
            return Err(run.stderr);
        }
        if run.code != Some(0) {
            return Err(format!("ends with {:?}: {} ({bitten:?})", run.code, run.document["error"]));
        }
        let found = skopeo::inspect_pushed(&self.cloud.registry, &format!("{repository}:v1"));
        if found.digest == digest { Ok(()) } else { Err(format!("{} was pushed ({bitten:?})", found.digest)) }
    }
}

#[test]
fn every_bite_at_every_request_is_survived() {
    let cloud = ThirdPartyCloud::start();
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("parts.tar");
    write_archive(&archive, &[LAYER]);
    let source = format!("docker-archive:{}", archive.display());
    let mut player = Player::new(&cloud, &source);
    let run = player.push("undisturbed");
    let digest = run.expect(0)["image"]["digest"].as_str().unwrap().to_owned();
    let requests = player.proxy.requests();
    let parts = requests.iter().filter(|request| request.starts_with("PATCH")).count();
    assert_eq!(parts, 2, "a layer of three parts: {requests:?}");
    let requests = 1..=requests.len() as u64;
    let cells = requests.flat_map(|k| HARMS.map(|harm| Bite { requests: k..=k, harm }));
    let (queue, failures) = (Mutex::new(cells.enumerate()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..PLAYERS {
            scope.spawn(|| {
                let mut player = Player::new(&cloud, &source);
                loop {
                    let Some((number, bite)) = queue.lock().unwrap().next() else { return };
                    let repository = format!("bitten-{number}");
                    if let Err(why) = player.play(&repository, bite.clone(), &digest) {
                        failures.lock().unwrap().push(format!("{bite:?}: {why}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_push_over_a_slow_line_arrives() {
    let cloud = ThirdPartyCloud::start();
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("parts.tar");
    write_archive(&archive, &[LAYER]);
    let source = format!("docker-archive:{}", archive.display());
    let delay = std::time::Duration::from_millis(50);
    let proxy = Proxy::start(&cloud.registry.authority(), Line { delay, bytes_a_second: Some(8_000_000) });
    let lambda_lift = cloud.lambda_lift_through(BINARY, &proxy.endpoint());
    let player = Player { cloud: &cloud, proxy, lambda_lift, source: &source };
    let push = ["push", "--image", &source, "--repository", "slow", "--create-repository", "--tag", "v1"];
    let run = player.lambda_lift.run(&[&push[..], &["--chunk-size", "5"]].concat());
    let digest = run.expect(0)["image"]["digest"].as_str().unwrap().to_owned();
    assert_eq!(skopeo::inspect_pushed(&player.cloud.registry, "slow:v1").digest, digest);
    assert!(!run.stderr.contains("retry:"), "slow is not broken: {}", run.stderr);
}
