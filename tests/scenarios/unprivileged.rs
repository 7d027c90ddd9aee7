//! `check --run` for users who may do little, and on machines that have little: somebody with one id, root of a small user namespace,
//! a disk in the place of memory.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::image::layer;
use crate::shell_function;

/// A folder that everybody may use, with the binary and an image in it.
struct Scene {
    folder: TempDir,
    event: PathBuf,
    image: String,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let open = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        open(folder.path(), 0o755);
        for name in ["temporary", "home"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            open(&folder.path().join(name), 0o1777);
        }
        let binary = folder.path().join("lambda-lift");
        fs::copy(env!("CARGO_BIN_EXE_lambda-lift"), &binary).unwrap();
        let event = folder.path().join("event.json");
        fs::write(&event, json!({ "read": "/var/task/closed" }).to_string()).unwrap();
        let archive = folder.path().join("image.tar");
        let mut image = shell_function::image("unprivileged");
        image.layers.push(closed());
        let image = image.docker_archive(&archive);
        open(&archive, 0o644);
        open(&event, 0o644);
        Self { folder, event, image }
    }

    /// Runs the check by way of another program, and with these variables.
    fn check(&self, through: &[&str], variables: &[(&str, &str)]) -> Value {
        let binary = self.folder.path().join("lambda-lift").display().to_string();
        let event = self.event.display().to_string();
        let arguments = [
            "check",
            &self.image,
            "--run",
            "--metadata-only",
            "--no-cache",
            "--output",
            "json",
            "--event",
            &event,
        ];
        let words = [through, &[&binary], &arguments].concat();
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .env("TMPDIR", self.folder.path().join("temporary"))
            .env("HOME", self.folder.path().join("home"))
            .envs(variables.iter().copied());
        let output = command.output().unwrap();
        let left: Vec<_> = fs::read_dir(self.folder.path().join("temporary")).unwrap().collect();
        assert!(left.is_empty(), "nothing stays behind: {left:?}");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("a document: {said}"))
    }

    /// Holds that who may make no namespaces has the image run in a container of this engine.
    #[track_caller]
    fn assert_contained(&self, engine: &str, variables: &[(&str, &str)]) {
        let document = self.check(&without_namespaces(), variables);
        assert_answered_and_closed(&document);
        let told = format!("in a container of {engine}");
        assert!(document["run"]["notes"].to_string().contains(&told), "{document:#}");
    }

    /// Makes this machine one with little memory, for a program that is given this as `LD_PRELOAD`.
    fn little_memory(&self) -> String {
        let place = |name: &str| self.folder.path().join(name);
        fs::write(place("meminfo"), "MemTotal: 4000 kB\nMemAvailable: 1000 kB\n").unwrap();
        let source = LITTLE_MEMORY.replace("MEMINFO", &place("meminfo").display().to_string());
        fs::write(place("little.c"), source).unwrap();
        let library = place("little.so");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-o"])
            .arg(&library)
            .arg(place("little.c"))
            .arg("-ldl")
            .status();
        assert!(compiled.unwrap().success());
        library.display().to_string()
    }
}

/// Has /proc/meminfo say something else.
const LITTLE_MEMORY: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdarg.h>
#include <string.h>
int open64(const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    int mode = va_arg(rest, int);
    va_end(rest);
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open64");
    return real(strcmp(path, "/proc/meminfo") ? path : "MEMINFO", flags, mode);
}
"#;

/// A file that its owner may read, and nobody else.
fn closed() -> Vec<u8> {
    let mut archive = tar::Archive::new(std::io::Cursor::new(layer("var/task/closed", b"secret")));
    let mut closed = tar::Builder::new(Vec::new());
    for entry in archive.entries().unwrap() {
        let entry = entry.unwrap();
        let mut header = entry.header().clone();
        if header.entry_type().is_file() {
            header.set_mode(0o600);
        }
        let path = entry.path().unwrap().into_owned();
        closed.append_data(&mut header, path, entry).unwrap();
    }
    closed.into_inner().unwrap()
}

/// How a program is started as a user who owns nothing. Who runs the tests as such a user is one.
fn as_nobody() -> Vec<&'static str> {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    if is_root { vec!["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] } else { vec!["env"] }
}

#[track_caller]
fn assert_answered_and_closed(document: &Value) {
    let run = &document["run"];
    assert_eq!(
        (&run["status"], &run["invocations"][0]["payload"]["count"]),
        (&json!("ok"), &json!(1)),
        "{document:#}"
    );
    assert_eq!(run["invocations"][0]["payload"]["read"], "", "{document:#}");
    assert_eq!(run["denied_reads"], json!(["/var/task/closed"]), "{document:#}");
}

#[test]
fn who_has_a_single_id_runs_an_image_and_a_closed_file_stays_closed() {
    assert_answered_and_closed(&Scene::new().check(&as_nobody(), &[]));
}

#[test]
fn root_of_a_namespace_with_a_single_id_does_too() {
    let through = [&as_nobody()[..], &["unshare", "--user", "--map-root-user"]].concat();
    assert_answered_and_closed(&Scene::new().check(&through, &[]));
}

#[test]
fn where_memory_is_short_the_image_is_put_on_the_disk_and_leaves_it() {
    let scene = Scene::new();
    let library = scene.little_memory();
    let little = [("LD_PRELOAD", library.as_str())];
    assert_answered_and_closed(&scene.check(&["env"], &little));
    assert_answered_and_closed(&scene.check(&as_nobody(), &little));
}

/// Somebody who may make no further user namespaces: root of one in which there can be none.
fn without_namespaces() -> Vec<&'static str> {
    let none = "echo 0 >/proc/sys/user/max_user_namespaces; exec \"$@\"";
    [&as_nobody()[..], &["unshare", "--user", "--map-root-user", "sh", "-c", none, "sh"]].concat()
}

#[test]
fn who_may_make_no_namespaces_and_start_containers_has_it_run_in_one() {
    let daemon = lambda_lift_rig::Dockerd::start();
    daemon.open_to_everybody();
    let scene = Scene::new();
    let host = format!("unix://{}", daemon.socket().display());
    scene.assert_contained("docker", &[("DOCKER_HOST", &host)]);
    assert_eq!(daemon.contents(), "", "neither image nor container stays behind");
}

#[test]
fn where_docker_is_none_podman_has_it_run() {
    let service = lambda_lift_rig::PodmanService::start();
    service.open_to_everybody();
    let scene = Scene::new();
    let host = format!("unix://{}", service.socket().display());
    // Or it would look for its own among those of the real root, whose name this user has.
    let runtime = scene.folder.path().join("home").display().to_string();
    let nobody = ("DOCKER_HOST", "unix:///no/such/socket");
    let variables = [nobody, ("CONTAINER_HOST", &host), ("XDG_RUNTIME_DIR", &runtime)];
    scene.assert_contained("podman", &variables);
    assert_eq!(service.contents(), "", "neither image nor container stays behind");
}

#[test]
fn who_may_neither_make_namespaces_nor_start_containers_is_told_why() {
    let scene = Scene::new();
    let nobody = ("DOCKER_HOST", "unix:///no/such/socket");
    let document = scene.check(&without_namespaces(), &[nobody]);
    assert_eq!(document["run"]["status"], "unavailable", "{document:#}");
    let reason = document["run"]["reason"].as_str().unwrap();
    assert!(reason.contains("namespace") && reason.contains("docker: "), "{reason}");
}

#[test]
fn an_extension_that_ignores_being_asked_to_end_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let image = shell_function::with_stubborn_extension().docker_archive(&folder.path().join("image.tar"));
    let lambda_lift = lambda_lift_rig::LambdaLift::new(env!("CARGO_BIN_EXE_lambda-lift"));
    let run = lambda_lift.run(&["check", &image, "--run", "--metadata-only"]);
    assert_eq!(run.expect(0)["run"]["status"], "ok", "{:#}", run.document);
    assert!(
        run.document["run"]["log"].as_str().unwrap().contains("the extension is there"),
        "{:#}",
        run.document
    );
    let left = fs::read_dir("/proc").unwrap().flatten().filter(|process| {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("/opt/extensions/stubborn-of-the-tests")
    });
    assert_eq!(left.count(), 0);
}
