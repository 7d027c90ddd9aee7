//! Every fault at every request to the registry of a push: the image arrives whole, or the run says why not and the
//! next one converges.
//!
//! The image is small but has all that a push has: a layer of three parts, several of one, a configuration. How often
//! each operation is called is counted in an undisturbed run. Then the k-th request is struck, for every k and every
//! kind of fault. Layers move in parallel, so which request is the k-th differs from run to run: what of each operation
//! has not been struck yet is struck by its own number afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::thread;

use lambda_lift_localstack::{Effect, ErrorAnswer, FaultRule, ResetMoment, Turn};
use lambda_lift_rig::Run;

use crate::account::Account;
use crate::image::{Image, oci_layout};

/// How many pushes are played side by side. Some of their time is spent waiting.
const PLAYERS: usize = 6;

/// One request among those of its operation, or (`*`) among all.
type Place = (String, u64);

/// What may go wrong with a request.
fn kinds() -> Vec<(&'static str, Effect)> {
    vec![
        ("429", Effect::Throttle),
        ("429 with Retry-After", answer(429, "TOOMANYREQUESTS", Some("1"))),
        ("500", answer(500, "UNKNOWN", None)),
        ("503", answer(503, "UNAVAILABLE", None)),
        ("reset before", Effect::Reset(ResetMoment::BeforeBody)),
        ("reset in the middle", Effect::Reset(ResetMoment::MidBody)),
        ("reset after", Effect::Reset(ResetMoment::After)),
        ("half an answer", Effect::HalfResponse),
        ("stall", Effect::Stall),
        ("expired token", Effect::ExpiredToken),
        ("closed", Effect::Close),
    ]
}

fn answer(status: u16, code: &str, retry_after: Option<&str>) -> Effect {
    let headers = retry_after.map(|seconds| ("Retry-After".to_owned(), seconds.to_owned()));
    Effect::Error(ErrorAnswer {
        status,
        code: code.to_owned(),
        message: "no luck".to_owned(),
        headers: headers.into_iter().collect(),
        body: None,
    })
}

/// Where the image comes from.
#[derive(Clone, Copy)]
enum Source {
    /// Compressed already: goes up as it is.
    Layout,
    /// Not compressed: its digests are known only when it has been read.
    Archive,
}

impl Source {
    fn write(self, account: &Account) -> String {
        let image = Image::in_parts();
        match self {
            Source::Layout => oci_layout(&account.path("layout"), &[image.compressed()]),
            Source::Archive => account.image("archive", &image),
        }
    }
}

/// An undisturbed push: what it asks the registry, and what it leaves there.
struct Undisturbed {
    requests: u64,
    operations: BTreeMap<String, u64>,
    digest: String,
}

/// One push that goes wrong.
#[derive(Clone)]
struct Cell {
    name: String,
    operation: String,
    turn: Turn,
    effect: Effect,
}

impl Cell {
    fn rule(&self) -> FaultRule {
        FaultRule {
            operation: self.operation.clone(),
            service: Some("registry".to_owned()),
            calls: self.turn.clone(),
            effect: Some(self.effect.clone()),
            ..FaultRule::default()
        }
    }
}

/// Somebody who pushes the same image into one empty repository after the other.
struct Player {
    account: Account,
    image: String,
}

impl Player {
    fn new(source: Source) -> Self {
        let account = Account::new();
        let image = source.write(&account);
        Self { account, image }
    }

    /// Goes on in an account where nobody has been, and on a machine that remembers nothing.
    fn begin(&mut self, number: usize) {
        self.account.become_account(&format!("4{number:011}"));
        let cache = self.account.path(&format!("cache-{number}"));
        self.account.lambda_lift.set("XDG_CACHE_HOME", &cache.display().to_string());
        self.account.stand.clear_calls();
    }

    fn push(&self) -> Run {
        let push = ["push", "--image", &self.image, "--repository", "hello", "--create-repository"];
        self.account
            .run(&[&push[..], &["--tag", "v1", "--chunk-size", "5", "--stall-timeout", "2s"]].concat())
    }

    /// The requests to the registry, by operation and number of that operation, and the fault that struck each.
    fn requests(&self) -> Vec<(Place, Option<String>)> {
        let mut counts = BTreeMap::new();
        let calls = self.account.calls().into_iter().filter(|call| call.service == "registry");
        calls
            .map(|call| {
                let count = counts.entry(call.operation.clone()).or_insert(0);
                *count += 1;
                ((call.operation, *count), call.fault)
            })
            .collect()
    }

    fn undisturbed(&mut self) -> Undisturbed {
        self.begin(0);
        let run = self.push();
        let digest = run.expect(0)["image"]["digest"].as_str().unwrap().to_owned();
        let mut operations = BTreeMap::new();
        let requests = self.requests();
        for ((operation, number), _) in &requests {
            operations.insert(operation.clone(), *number);
        }
        assert_eq!(operations["UploadPart"], 2, "a layer of three parts: {operations:?}");
        Undisturbed { requests: requests.len() as u64, operations, digest }
    }

    /// Plays a cell. Answers which requests were struck.
    fn play(&mut self, number: usize, cell: &Cell, digest: &str) -> Result<Vec<Place>, String> {
        self.begin(number);
        self.account.stand.set_faults(vec![cell.rule()]);
        let run = self.push();
        self.account.clear_faults();
        let requests = self.requests();
        let struck: Vec<_> = requests.into_iter().filter_map(|(place, fault)| fault.map(|_| place)).collect();
        if struck.is_empty() {
            return Err("nothing was struck".to_owned());
        }
        self.judge(&run, digest).map_err(|why| format!("{why} (struck: {struck:?})"))?;
        let again = self.push();
        self.arrived(&again, digest).map_err(|why| format!("the second run: {why} (struck: {struck:?})"))?;
        let cache = self.account.path(&format!("cache-{number}"));
        let _ = std::fs::remove_dir_all(cache);
        Ok(struck)
    }

    /// A passing fault is survived. Should it not be, the run says why, and publishes nothing that is not whole.
    fn judge(&self, run: &Run, digest: &str) -> Result<(), String> {
        if run.code == Some(0) {
            return self.arrived(run, digest);
        }
        Err(format!("ends with {:?}: {}", run.code, run.document["error"]))
    }

    fn arrived(&self, run: &Run, digest: &str) -> Result<(), String> {
        if run.code != Some(0) {
            return Err(format!("ends with {:?}: {}", run.code, run.document["error"]));
        }
        if run.document["image"]["digest"] != digest {
            return Err(format!("pushed {}, not {digest}", run.document["image"]["digest"]));
        }
        let images = self.account.image_ids("hello");
        if images != [(digest.to_owned(), "v1".to_owned())] {
            return Err(format!("the repository has {images:?}"));
        }
        self.account.stored("hello", digest)
    }
}

/// Plays all cells, several at a time. Answers what was struck by which kind of fault.
fn play_all(
    source: Source,
    first_number: usize,
    cells: Vec<Cell>,
    digest: &str,
) -> BTreeSet<(String, Place)> {
    let queue = Mutex::new(cells.into_iter().enumerate());
    let (failures, all_struck) = (Mutex::new(Vec::new()), Mutex::new(BTreeSet::new()));
    thread::scope(|scope| {
        for _ in 0..PLAYERS {
            scope.spawn(|| {
                let mut player = Player::new(source);
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some((number, cell)) = next else { return };
                    match player.play(first_number + number, &cell, digest) {
                        Ok(struck) => {
                            let struck = struck.into_iter().map(|place| (cell.name.clone(), place));
                            all_struck.lock().unwrap().extend(struck);
                        }
                        Err(why) => {
                            let Cell { name, operation, turn, .. } = cell;
                            failures.lock().unwrap().push(format!("{name} at {operation} {turn:?}: {why}"));
                        }
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    all_struck.into_inner().unwrap()
}

fn every_fault_at_every_request(source: Source) {
    let Undisturbed { requests, operations, digest } = Player::new(source).undisturbed();
    let cell = |name: &str, effect: &Effect, operation: &str, k| Cell {
        name: name.to_owned(),
        operation: operation.to_owned(),
        turn: Turn::Nth(k),
        effect: effect.clone(),
    };
    let kinds = kinds();
    let by_number: Vec<_> = (1..=requests)
        .flat_map(|k| kinds.iter().map(move |(name, effect)| cell(name, effect, "*", k)))
        .collect();
    let played = by_number.len();
    let struck = play_all(source, 1, by_number, &digest);
    let mut missing = Vec::new();
    for (name, effect) in &kinds {
        for (operation, count) in &operations {
            for k in 1..=*count {
                if !struck.contains(&((*name).to_owned(), (operation.clone(), k))) {
                    missing.push(cell(name, effect, operation, k));
                }
            }
        }
    }
    play_all(source, played + 1, missing, &digest);
}

#[test]
fn every_fault_at_every_request_of_a_compressed_image_is_survived() {
    every_fault_at_every_request(Source::Layout);
}

#[test]
fn every_fault_at_every_request_of_an_image_to_compress_is_survived() {
    every_fault_at_every_request(Source::Archive);
}

#[test]
fn two_and_three_faults_in_a_row_are_survived_at_every_request() {
    let Undisturbed { requests, digest, .. } = Player::new(Source::Layout).undisturbed();
    let some = ["429", "503", "reset in the middle", "reset after"];
    let mut cells = Vec::new();
    for (name, effect) in kinds().into_iter().filter(|(name, _)| some.contains(name)) {
        for (k, more) in (1..=requests).flat_map(|k| [(k, 1), (k, 2)]) {
            cells.push(Cell {
                name: name.to_owned(),
                operation: "*".to_owned(),
                turn: Turn::Between(k, k + more),
                effect: effect.clone(),
            });
        }
    }
    play_all(Source::Layout, 1, cells, &digest);
}
