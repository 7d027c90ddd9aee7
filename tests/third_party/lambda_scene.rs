//! Images that are checked, and run, without AWS.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use lambda_lift_rig::{FunctionImage, Functions, LambdaLift, Layer, Remains, Run};
use serde_json::{Value, json};
use tempfile::TempDir;

/// What functions are made of.
pub(crate) fn functions() -> Functions {
    Functions::in_folder(env!("CARGO_TARGET_TMPDIR"))
}

/// The command line that `awslambdaric` is started with, as AWS's documentation has it.
pub(crate) const PYTHON: [&str; 3] = ["/usr/bin/python3", "-m", "awslambdaric"];

/// A Debian with Python and AWS's client, and this as `/var/task/app.py`.
pub(crate) fn python_image(code: &str) -> FunctionImage {
    let layers = [functions().debian(), functions().python_client()];
    let image = FunctionImage::new(&layers, &PYTHON).file("/var/task/app.py", 0o644, code);
    image.with("Cmd", json!(["app.handler"])).with("WorkingDir", json!("/var/task"))
}

/// A Debian, and this as an executable `/var/task/start`, which starts.
pub(crate) fn script_image(script: &str) -> FunctionImage {
    on_debian("/var/task/start", script.as_bytes())
}

/// A Debian, and this as a program that starts.
pub(crate) fn on_debian(path: &str, program: &[u8]) -> FunctionImage {
    of_layers(&[functions().debian()], path, program)
}

/// These layers, and this as a program that starts.
pub(crate) fn of_layers(layers: &[Layer], path: &str, program: &[u8]) -> FunctionImage {
    FunctionImage::new(layers, &[path]).file(path, 0o755, program).with("WorkingDir", json!("/var/task"))
}

/// The binary with a folder for temporary files of its own, and places for images and events.
pub(crate) struct Scene {
    pub(crate) lambda_lift: LambdaLift,
    pub(crate) folder: TempDir,
    written: AtomicU32,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let temporary = folder.path().join("temporary");
        fs::create_dir(&temporary).unwrap();
        let mut lambda_lift = LambdaLift::new(env!("CARGO_BIN_EXE_lambda-lift"));
        lambda_lift.set("TMPDIR", &temporary.display().to_string());
        Self { lambda_lift, folder, written: AtomicU32::new(0) }
    }

    /// Writes an image; answers its name for `check`.
    pub(crate) fn image(&self, image: FunctionImage) -> String {
        image.write(&self.place("image"))
    }

    /// Writes JSON; answers where.
    pub(crate) fn file(&self, content: &Value) -> String {
        let path = self.place("file.json");
        fs::write(&path, content.to_string()).unwrap();
        path.display().to_string()
    }

    /// What a run of this tool could leave behind.
    pub(crate) fn remains(&self, mark: &str) -> Remains {
        Remains::of(&self.folder.path().join("temporary"), mark)
    }

    pub(crate) fn check(&self, image: &str, arguments: &[&str]) -> Run {
        self.lambda_lift.run(&[&["check", image], arguments].concat())
    }

    /// Runs an image with these events; nothing may stay.
    pub(crate) fn run(&self, image: &str, events: &[Value], arguments: &[&str]) -> Run {
        let files: Vec<String> = events.iter().map(|event| self.file(event)).collect();
        let events: Vec<&str> = files.iter().flat_map(|file| ["--event", file]).collect();
        let run = self.check(image, &[&["--run", "--metadata-only"], &events[..], arguments].concat());
        self.remains("").assert_none_but(0);
        run
    }

    fn place(&self, name: &str) -> PathBuf {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        self.folder.path().join(format!("{number}-{name}"))
    }
}

/// The ids of the findings of this severity.
pub(crate) fn found(run: &Run, severity: &str) -> Vec<String> {
    let findings = run.document["findings"].as_array().cloned().unwrap_or_default();
    let found = findings.iter().filter(|finding| finding["severity"] == severity);
    let mut ids: Vec<String> = found.map(|finding| finding["check"].as_str().unwrap().to_owned()).collect();
    ids.dedup();
    ids
}
