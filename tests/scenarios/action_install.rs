//! The action's first step: a release is verified before any of it is run, and kept.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use lambda_lift_rig::{ActionRun, ActionRunner};
use serde_json::{Value, json};

use crate::image::digest;

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A server that has the files of one folder, for as long as the test runs.
struct ReleaseServer {
    folder: tempfile::TempDir,
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ReleaseServer {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let asked = Arc::default();
        let (root, log) = (folder.path().to_owned(), Arc::clone(&asked));
        std::thread::spawn(move || {
            listener.incoming().flatten().for_each(|stream| drop(answer(stream, &root, &log)));
        });
        Self { folder, url, asked }
    }

    /// Publishes a version whose program is this script, with a checksum that is right.
    fn publish(&self, version: &str, program: &str) {
        let name = format!("lambda-lift-{version}-{TARGET}");
        self.publish_archive(version, &archive(&format!("{name}/lambda-lift"), program));
    }

    fn publish_archive(&self, version: &str, archive: &[u8]) {
        let hexadecimal = digest(archive).replace("sha256:", "");
        let folder = self.version_folder(version);
        fs::write(folder.join(format!("lambda-lift-{version}-{TARGET}.tar.gz")), archive).unwrap();
        let lines = format!(
            "{}  lambda-lift-{version}-other.tar.gz\n{hexadecimal}  lambda-lift-{version}-{TARGET}.tar.gz\n",
            "0".repeat(64)
        );
        fs::write(folder.join("SHA256SUMS"), lines).unwrap();
    }

    fn version_folder(&self, version: &str) -> PathBuf {
        let folder = self.folder.path().join(format!("v{version}"));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

fn answer(mut stream: TcpStream, root: &Path, log: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? == 1 {
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    log.lock().unwrap().push(path.clone());
    let (status, body) = match fs::read(root.join(path.trim_start_matches('/'))) {
        Ok(body) => ("200 OK", body),
        Err(_) => ("404 Not Found", b"no".to_vec()),
    };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
    stream.write_all(&body)
}

/// A gzip-compressed archive with one executable file.
fn archive(path: &str, content: &str) -> Vec<u8> {
    crate::image::gzip(&crate::image::layer(path, content.as_bytes()))
}

/// A runner, and the script that a release has: it notes that it was run.
fn runner(server: &ReleaseServer) -> (ActionRunner, String) {
    let runner = ActionRunner::new(Path::new(env!("CARGO_MANIFEST_DIR")));
    let ran = runner.path("ran").display().to_string();
    let script = format!("#!/bin/sh\necho \"$0 $*\" >>'{ran}'\necho 'lambda-lift 1.2.3'\n");
    server.publish("1.2.3", &script);
    (runner, script)
}

fn install(runner: &ActionRunner, server: &ReleaseServer, more: &Value) -> ActionRun {
    let mut inputs = json!({ "version": "1.2.3", "release-url": server.url, "command": "status" });
    inputs.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    runner.uses(&inputs)
}

#[test]
fn a_release_is_verified_kept_and_not_downloaded_again() {
    let server = ReleaseServer::new();
    let (runner, _) = runner(&server);
    let run = install(&runner, &server, &json!({}));
    assert!(run.succeeded, "{}", run.log);
    assert_eq!(run.outputs["lambda-lift-version"], "1.2.3");
    assert_eq!(
        server.asked(),
        ["/v1.2.3/SHA256SUMS".to_owned(), format!("/v1.2.3/lambda-lift-1.2.3-{TARGET}.tar.gz")]
    );
    let kept = runner.path(&format!("tools/lambda-lift/1.2.3/{TARGET}/lambda-lift"));
    let ran = fs::read_to_string(runner.path("ran")).unwrap();
    assert!(kept.is_file() && ran.ends_with(&format!("{} status\n", kept.display())), "{ran}");

    assert!(install(&runner, &server, &json!({ "version": "v1.2.3" })).succeeded);
    assert_eq!(server.asked(), Vec::<String>::new(), "it is in the tool cache");
}

#[test]
fn what_is_not_what_was_published_is_never_run() {
    let server = ReleaseServer::new();
    let (mut runner, script) = runner(&server);
    let name = format!("lambda-lift-1.2.3-{TARGET}");
    let file = server.version_folder("1.2.3").join(format!("{name}.tar.gz"));
    let sums = server.version_folder("1.2.3").join("SHA256SUMS");
    let good = fs::read(&file).unwrap();
    let refused = |said: &str, inputs: Value| {
        let run = install(&runner, &server, &inputs);
        assert!(!run.succeeded && run.errors().len() == 1, "{said}: {}", run.log);
        assert!(run.errors()[0].contains(said), "{said}: {}", run.log);
        assert!(
            !runner.path("ran").exists() && !runner.path("tools/lambda-lift/1.2.3").join(TARGET).exists(),
            "{said}"
        );
    };

    fs::write(&file, archive(&format!("{name}/lambda-lift"), &format!("{script}# another\n"))).unwrap();
    refused("is not what was published", json!({}));
    fs::write(&file, &good[..good.len() / 2]).unwrap();
    refused("is not what was published", json!({}));
    fs::remove_file(&file).unwrap();
    refused("could not be downloaded: curl: (22)", json!({}));
    server.publish_archive("1.2.3", &good[..good.len() / 2]);
    refused("cannot be unpacked", json!({}));
    server.publish_archive("1.2.3", &archive(&format!("{name}/readme"), "no program"));
    refused("cannot be unpacked", json!({}));
    server.publish_archive("1.2.3", &archive("elsewhere/lambda-lift", &script));
    refused("cannot be unpacked", json!({}));
    server.publish("1.2.3", &script);
    refused("is not what the input sha256 asks for", json!({ "sha256": "0".repeat(64) }));
    fs::write(&sums, "").unwrap();
    refused("has no checksum of", json!({}));
    fs::remove_file(&sums).unwrap();
    refused("SHA256SUMS could not be downloaded", json!({}));
    for version in ["../../x", "latest", "1.2", "1.2.3\n1.2.4", "$(touch ran)"] {
        refused("write a release such as", json!({ "version": version }));
    }
    runner.set("RUNNER_ARCH", "X86");
    let run = install(&runner, &server, &json!({}));
    assert_eq!(run.errors(), ["there is no release for Linux on X86; use version: source"]);
}

#[test]
fn a_program_that_does_not_run_here_is_told_with_the_way_out() {
    let server = ReleaseServer::new();
    let (runner, _) = runner(&server);
    server.publish("1.2.3", "\u{7f}ELF this is a program of another machine");
    let run = install(&runner, &server, &json!({}));
    assert!(
        !run.succeeded && run.errors()[0].contains("lambda-lift does not run on this runner"),
        "{}",
        run.log
    );
}

#[test]
fn the_release_that_belongs_to_the_action_is_the_default_and_comes_by_https() {
    let server = ReleaseServer::new();
    let (runner, _) = runner(&server);
    let run = runner.uses(&json!({ "release-url": server.url }));
    assert_eq!(server.asked(), [format!("/v{}/SHA256SUMS", env!("CARGO_PKG_VERSION"))]);
    assert!(!run.succeeded);
    // A server elsewhere needs TLS.
    let run = runner.uses(&json!({ "release-url": "http://releases.invalid", "version": "1.2.3" }));
    assert!(run.errors()[0].contains("Protocol \"http\" not supported"), "{}", run.log);
}

#[test]
fn from_source_the_action_builds_its_own_checkout() {
    let server = ReleaseServer::new();
    let (mut runner, script) = runner(&server);
    // Cargo itself would take minutes: this one notes how it is called, and installs the script.
    let tools = runner.path("cargo");
    fs::create_dir(&tools).unwrap();
    let program = tools.join("program");
    fs::write(&program, &script).unwrap();
    let cargo = format!(
        "#!/bin/sh\nset -e\necho \"$*\" >'{}'\nmkdir -p \"$7/bin\"\ncp '{}' \"$7/bin/lambda-lift\"\nchmod +x \"$7/bin/lambda-lift\"\n",
        runner.path("called").display(),
        program.display()
    );
    fs::write(tools.join("cargo"), cargo).unwrap();
    assert!(Command::new("chmod").arg("+x").arg(tools.join("cargo")).status().unwrap().success());
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    runner.set("PATH", &path);
    let run = install(&runner, &server, &json!({ "version": "source" }));
    assert!(run.succeeded, "{}", run.log);
    let called = fs::read_to_string(runner.path("called")).unwrap();
    let checkout = env!("CARGO_MANIFEST_DIR");
    assert!(called.starts_with(&format!("install --quiet --locked --path {checkout} --root ")), "{called}");
    assert_eq!(server.asked(), Vec::<String>::new());
}
