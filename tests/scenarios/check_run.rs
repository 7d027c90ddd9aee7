//! `check --run`: real programs in real namespaces, without AWS.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use lambda_lift_example::Function;
use lambda_lift_rig::{LambdaLift, Run};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::image::{Image, add_entry};

/// The example function: a static program that is its own runtime.
static FUNCTION: LazyLock<Function> = LazyLock::new(|| Function::build().unwrap());

/// The binary with a folder for temporary files of its own, and a place for an image.
struct Scene {
    lambda_lift: LambdaLift,
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let temporary = folder.path().join("temporary");
        fs::create_dir(&temporary).unwrap();
        let mut lambda_lift = LambdaLift::new(env!("CARGO_BIN_EXE_lambda-lift"));
        lambda_lift.set("TMPDIR", &temporary.display().to_string());
        Self { lambda_lift, folder }
    }

    fn file(&self, name: &str, content: &Value) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, content.to_string()).unwrap();
        path.display().to_string()
    }

    fn image(&self, layers: Vec<Vec<u8>>) -> String {
        let architecture = FUNCTION.architecture.go_name();
        let image = Image { layers, architecture, ..Image::small("run") };
        image.docker_archive(&self.folder.path().join("image.tar"))
    }

    fn check(&self, layers: Vec<Vec<u8>>, arguments: &[&str]) -> Run {
        let image = self.image(layers);
        let run = self.lambda_lift.run(&[&["check", &image, "--run", "--metadata-only"], arguments].concat());
        assert_eq!(self.left_behind(), Vec::<String>::new(), "nothing stays behind");
        run
    }

    /// What is in the folder for temporary files.
    fn left_behind(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path().join("temporary")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

fn function() -> Vec<u8> {
    layer("var/task/bootstrap", &FUNCTION.binary)
}

/// The message and the hint of the finding.
fn finding(document: &Value) -> String {
    let found = document["findings"].as_array().unwrap().iter().find(|finding| finding["check"] == "run");
    let found = found.unwrap_or_else(|| panic!("a finding of the run: {document:#}"));
    format!("{} / {}", found["message"].as_str().unwrap(), found["hint"].as_str().unwrap())
}

/// A layer with one file that everybody may read and execute.
fn layer(path: &str, content: &[u8]) -> Vec<u8> {
    entry(path, tar::EntryType::Regular, 0o755, "", content)
}

/// A layer with one entry of any kind and mode, without its parents.
fn entry(path: &str, kind: tar::EntryType, mode: u32, link: &str, content: &[u8]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    add_entry(&mut archive, path, kind, mode, link, content);
    archive.into_inner().unwrap()
}

#[test]
fn a_function_that_answers_every_event_is_proven() {
    let scene = Scene::new();
    let (ada, bob) =
        (scene.file("a.json", &json!({ "name": "Ada" })), scene.file("b.json", &json!({ "name": "Bob" })));
    let run = scene.check(vec![function()], &["--event", &ada, "--event", &bob]);
    let document = &run.expect(0)["run"];
    assert_eq!((&document["status"], &document["reason"]), (&json!("ok"), &Value::Null));
    let messages: Vec<_> =
        document["invocations"].as_array().unwrap().iter().map(|done| &done["payload"]["message"]).collect();
    assert_eq!(messages, [&json!("Hello, Ada!"), &json!("Hello, Bob!")]);
    assert!(document["init_milliseconds"].is_u64() && document["peak_memory_bytes"].is_u64());
}

#[test]
fn an_error_of_the_function_refuses_and_the_next_event_is_answered_all_the_same() {
    let scene = Scene::new();
    let (nobody, ada) =
        (scene.file("n.json", &json!({ "name": 7 })), scene.file("a.json", &json!({ "name": "Ada" })));
    let run = scene.check(vec![function()], &["--event", &nobody, "--event", &ada]);
    let document = run.expect(3);
    let invocations = &document["run"]["invocations"];
    assert_eq!(document["run"]["status"], "error");
    assert!(invocations[0]["error"]["type"].is_string() && invocations[0]["payload"].is_null());
    assert_eq!(invocations[1]["payload"]["message"], "Hello, Ada!");
}

#[test]
fn what_the_function_declares_reaches_it_and_an_error_at_its_start_is_told() {
    let scene = Scene::new();
    let settings = |greeting: &str| json!({ "Environment": { "Variables": { "GREETING": greeting } } });
    let event = scene.file("a.json", &json!({ "name": "Ada" }));
    let polite = scene.file("polite.json", &settings("Good morning"));
    let run = scene.check(vec![function()], &["--event", &event, "--function-file", &polite]);
    assert_eq!(run.expect(0)["run"]["invocations"][0]["payload"]["message"], "Good morning, Ada!");

    let rude = scene.file("rude.json", &settings(""));
    let run = scene.check(vec![function()], &["--event", &event, "--function-file", &rude]);
    assert!(finding(run.expect(3)).contains("InvalidGreeting"), "{}", run.stdout);
}

#[test]
fn what_cannot_be_executed_says_why() {
    let scene = Scene::new();
    let said = |layers: Vec<Vec<u8>>| finding(scene.check(layers, &[]).expect(3));
    let regular = tar::EntryType::Regular;
    let task = || layer("var/task/note", b"");
    let table: [(Vec<u8>, &str); 4] = [
        (entry("var/task/bootstrap", regular, 0o755, "", b"echo hello"), "exec format error"),
        (entry("var/task/bootstrap", regular, 0o755, "", b"#!/no/such/shell\n"), "no such file or directory"),
        (entry("var/task/bootstrap", regular, 0o700, "", &FUNCTION.binary), "permission denied"),
        (entry("var/task/.wh.bootstrap", regular, 0o644, "", b""), "no such file or directory"),
    ];
    for (top, words) in table {
        let said = said(vec![function(), task(), top]);
        assert!(said.contains(words) && said.contains("Runtime.InvalidEntrypoint"), "{words}: {said}");
    }
}

#[test]
fn later_layers_lie_over_earlier_ones_and_opaque_folders_hide_them() {
    let scene = Scene::new();
    let regular = tar::EntryType::Regular;
    let event = scene.file("a.json", &json!({ "name": "Ada" }));
    let hidden = entry("var/task/.wh..wh..opq", regular, 0o644, "", b"");
    let linked = entry("var/task/bootstrap", tar::EntryType::Link, 0o755, "opt/function", b"");
    let layers = vec![layer("opt/function", &FUNCTION.binary), layer("var/task/old", b""), hidden, linked];
    let run = scene.check(layers, &["--event", &event]);
    assert_eq!(run.expect(0)["run"]["invocations"][0]["payload"]["message"], "Hello, Ada!");
}

#[test]
fn a_whiteout_of_no_file_hides_nothing() {
    let scene = Scene::new();
    let odd = ["keep/.wh...", ".wh..", ".wh.", "var/.wh..wh.plnk"]
        .map(|path| entry(path, tar::EntryType::Regular, 0o644, "", b""));
    let run = scene.check([vec![function()], odd.to_vec()].concat(), &[]);
    assert_eq!(run.expect(0)["run"]["status"], "ok", "{:#}", run.document);
}

#[test]
fn nothing_escapes_from_the_image() {
    let scene = Scene::new();
    let outside = scene.folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let place = outside.display().to_string();
    let link = tar::EntryType::Symlink;
    let regular = tar::EntryType::Regular;
    let up = format!("../../../../../../../..{place}");
    for target in [place.as_str(), up.as_str()] {
        let links = ["var/task/way", "dev", "proc", "tmp", "etc"];
        let links = links.map(|path| entry(path, link, 0o777, target, b""));
        let layers = [vec![function()], links.to_vec()].concat();
        assert_eq!(scene.check(layers.clone(), &[]).expect(0)["run"]["status"], "ok");
        // Where it leads to does not exist in the image.
        let through = entry("var/task/way/written", regular, 0o644, "", b"escaped");
        let said = finding(scene.check([layers, vec![through]].concat(), &[]).expect(3));
        assert!(said.contains("cannot be unpacked"), "{said}");
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "{target}");
    }
}

#[test]
fn a_tool_that_is_killed_takes_the_sandbox_with_it_and_the_next_run_removes_its_folder() {
    let scene = Scene::new();
    // Its runtime API is asked for an event that never comes, by a function that waits for it.
    let image = scene.image(vec![function()]);
    let sleeper = scene.file("slow.json", &json!({ "name": "Ada" }));
    let mut child = scene.lambda_lift.start(&["check", &image, "--run", "--event", &sleeper]);
    let begun = Instant::now();
    while scene.left_behind().is_empty() && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let left = scene.left_behind();
    assert!(left.len() <= 1, "{left:?}");
    for folder in &left {
        wait_until_nobody_has(&scene.folder.path().join("temporary").join(folder));
    }
    scene.check(vec![function()], &[]).expect(0);
}

/// Waits until no process has a mount below this folder any more: the sandbox is gone.
fn wait_until_nobody_has(folder: &Path) {
    let place = folder.display().to_string();
    let has = |process: fs::DirEntry| {
        fs::read_to_string(process.path().join("mountinfo")).is_ok_and(|mounts| mounts.contains(&place))
    };
    let begun = Instant::now();
    while fs::read_dir("/proc").unwrap().flatten().any(has) {
        assert!(begun.elapsed() < Duration::from_secs(20), "the sandbox goes with the tool");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn events_and_a_time_belong_to_a_run_and_an_event_is_json() {
    let scene = Scene::new();
    let image = scene.image(vec![function()]);
    let bad = scene.folder.path().join("bad.json");
    fs::write(&bad, "{").unwrap();
    let bad = bad.display().to_string();
    scene.lambda_lift.run(&["check", &image, "--event", &bad]).expect(2);
    scene.lambda_lift.run(&["check", &image, "--timeout", "3"]).expect(2);
    let run = scene.lambda_lift.run(&["check", &image, "--run", "--event", &bad]);
    assert!(run.expect(2)["error"]["message"].as_str().unwrap().contains("is not JSON"));
}

#[test]
fn a_function_that_answers_at_once_had_memory_all_the_same_and_no_group_stays_behind() {
    let scene = Scene::new();
    let run = scene.check(vec![function()], &[]);
    assert!(run.expect(0)["run"]["peak_memory_bytes"].as_u64().unwrap() > 100_000, "{:#}", run.document);
    assert_eq!(groups(), Vec::<String>::new());
}

/// The control groups of sandboxes whose maker is gone.
fn groups() -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![std::path::PathBuf::from("/sys/fs/cgroup")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(rest) = name.strip_prefix("lambda-lift-run-") {
                let maker = rest.split('-').next().unwrap();
                if !Path::new("/proc").join(maker).exists() {
                    found.push(name);
                }
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(entry.path());
            }
        }
    }
    found
}
