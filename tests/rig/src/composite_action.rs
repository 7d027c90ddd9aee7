//! This repository's GitHub Action, run as GitHub's runner runs it (`tests/action/runner.py`).

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::moto::python;
use crate::tool::missing;

/// A runner with a workspace, a tool cache and a temporary folder of its own.
#[derive(Debug)]
pub struct ActionRunner {
    repository: PathBuf,
    folder: TempDir,
    environment: BTreeMap<String, String>,
}

/// What a step that uses the action came to.
#[derive(Debug, Clone)]
pub struct ActionRun {
    /// Whether all of its own steps succeeded.
    pub succeeded: bool,
    /// The outputs that the action declares.
    pub outputs: Value,
    /// The summaries of its steps.
    pub summary: String,
    /// What its steps said, on both streams.
    pub log: String,
    /// The workflow commands in it: `command`, `properties`, `message`.
    pub commands: Vec<Value>,
    /// Inputs that the action does not declare, of which GitHub warns.
    pub unexpected: Value,
}

impl ActionRunner {
    /// A Linux runner for the action of the repository in this folder.
    ///
    /// # Panics
    /// When its folders cannot be made.
    pub fn new(repository: &Path) -> Self {
        let folder = crate::server::folder("runner");
        let inside = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            path.display().to_string()
        };
        let mut environment = BTreeMap::from([
            ("GITHUB_ACTIONS".to_owned(), "true".to_owned()),
            ("GITHUB_SERVER_URL".to_owned(), "https://github.invalid".to_owned()),
            ("GITHUB_REPOSITORY".to_owned(), "somebody/shop".to_owned()),
            ("RUNNER_OS".to_owned(), "Linux".to_owned()),
            ("RUNNER_ARCH".to_owned(), "X64".to_owned()),
            ("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned()),
        ]);
        for (name, path) in [
            ("GITHUB_WORKSPACE", "workspace"),
            ("RUNNER_TOOL_CACHE", "tools"),
            ("RUNNER_TEMP", "temporary"),
            ("HOME", "home"),
        ] {
            environment.insert(name.to_owned(), inside(path));
        }
        environment.insert("PATH".to_owned(), std::env::var("PATH").unwrap_or_default());
        Self { repository: repository.to_owned(), folder, environment }
    }

    /// Sets a variable of the job.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// A path below the runner's own folder: `workspace/…`, `tools/…`, `temporary/…`.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a step `uses: <this action>` with these inputs.
    ///
    /// # Panics
    /// When the runner itself does not run.
    pub fn uses(&self, inputs: &Value) -> ActionRun {
        let job = json!({
            "action": self.repository,
            "with": inputs,
            "env": self.environment,
            "github": { "action_repository": "somebody/lambda-lift" },
            "workspace": self.path("workspace"),
            "temporary": self.path("temporary"),
        });
        let mut command = Command::new(python());
        command.arg(self.repository.join("tests/action/runner.py")).env_clear();
        command.env("PATH", &self.environment["PATH"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| missing(python().as_os_str(), error));
        let written = child.stdin.take().map(|mut stdin| stdin.write_all(job.to_string().as_bytes()));
        assert!(matches!(written, Some(Ok(()))), "the runner does not read its job");
        let output = child.wait_with_output().unwrap_or_else(|error| missing(python().as_os_str(), error));
        let said = String::from_utf8_lossy(&output.stderr);
        let came: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
        let steps = came["steps"].as_array().cloned().unwrap_or_default();
        let joined = |key: &str| steps.iter().filter_map(|step| step[key].as_str()).collect::<String>();
        ActionRun {
            succeeded: came["succeeded"] == true,
            outputs: came["outputs"].clone(),
            summary: joined("summary"),
            log: joined("log"),
            commands: steps
                .iter()
                .filter_map(|step| step["commands"].as_array())
                .flatten()
                .cloned()
                .collect(),
            unexpected: came["unexpected"].clone(),
        }
    }
}

impl ActionRun {
    /// The messages of its errors.
    pub fn errors(&self) -> Vec<&str> {
        let errors = self.commands.iter().filter(|command| command["command"] == "error");
        errors.filter_map(|command| command["message"].as_str()).collect()
    }
}
