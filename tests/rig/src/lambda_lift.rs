//! The binary under test, run as a user would run it, but with an environment of its own.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::tool::missing;

/// How to run the binary: its environment and the arguments that are the same every time.
#[derive(Debug)]
pub struct LambdaLift {
    binary: PathBuf,
    environment: BTreeMap<String, String>,
    arguments: Vec<String>,
    /// Its home and its working directory, so that nothing of the user's is read or written.
    home: TempDir,
    /// The working directory, where it is not its home.
    folder: Option<PathBuf>,
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Run {
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// The one JSON document on standard output; null when there is none, or more than that.
    pub document: Value,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl LambdaLift {
    /// Runs this binary: a test passes `env!("CARGO_BIN_EXE_lambda-lift")`.
    pub fn new(binary: &str) -> Self {
        let home = crate::server::folder("home");
        let text = |name: &str| home.path().join(name).display().to_string();
        let environment = BTreeMap::from([
            ("HOME".to_owned(), text("")),
            ("XDG_CACHE_HOME".to_owned(), text("cache")),
            ("AWS_CONFIG_FILE".to_owned(), text("config")),
            ("AWS_SHARED_CREDENTIALS_FILE".to_owned(), text("credentials")),
            ("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned()),
            ("RUST_BACKTRACE".to_owned(), "1".to_owned()),
        ]);
        Self {
            binary: binary.into(),
            environment,
            arguments: vec!["--output".into(), "json".into()],
            home,
            folder: None,
        }
    }

    /// Sets a variable for every run.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Unsets a variable for every run.
    pub fn unset(&mut self, name: &str) -> &mut Self {
        self.environment.remove(name);
        self
    }

    /// Adds arguments to every run.
    pub fn always(&mut self, arguments: &[&str]) -> &mut Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// Takes away the `--output json` that every run otherwise has.
    pub fn for_people(&mut self) -> &mut Self {
        self.arguments.retain(|argument| argument != "--output" && argument != "json");
        self
    }

    /// Makes these profiles (sections of a shared credentials file) the only identities there are.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn use_profiles(&mut self, profiles: &str) -> &mut Self {
        let path = self.home().join("credentials");
        std::fs::write(&path, profiles)
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        self.unset("AWS_ACCESS_KEY_ID").unset("AWS_SECRET_ACCESS_KEY")
    }

    /// Makes a folder the working directory of every run.
    pub fn work_in(&mut self, folder: &Path) -> &mut Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Its home: a cache of its own is below it.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Runs it to the end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        let output = self.command(arguments).output();
        Run::of(output.unwrap_or_else(|error| missing(self.binary.as_os_str(), error)))
    }

    /// Runs it to the end, with this on its standard input.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run_with_input(&self, input: &[u8], arguments: &[&str]) -> Run {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| missing(self.binary.as_os_str(), error));
        if let Some(mut stdin) = child.stdin.take() {
            // A run that ends before it has read all of it is no failure of the test's.
            let _ = stdin.write_all(input);
        }
        Run::of(child.wait_with_output().unwrap_or_else(|error| panic!("it cannot be waited for: {error}")))
    }

    /// Starts it; the caller waits for it or ends it.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let child =
            self.command(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        child.unwrap_or_else(|error| missing(self.binary.as_os_str(), error))
    }

    /// Starts it with its output kept for [`Run::of`]; the caller waits for it or ends it.
    pub fn start_recorded(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap_or_else(|error| missing(self.binary.as_os_str(), error))
    }

    /// Starts it with this as its standard output; the caller waits for it or ends it.
    pub fn start_writing_to(&self, output: Stdio, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stdout(output).stderr(Stdio::piped());
        command.spawn().unwrap_or_else(|error| missing(self.binary.as_os_str(), error))
    }

    /// Starts it on a terminal of its own, which `script` gives it: what is written to the child's standard input is typed there, and
    /// its standard output is what the terminal shows.
    pub fn start_on_terminal(&self, arguments: &[&str]) -> Child {
        self.start_in_script("", arguments)
    }

    /// The same, on a terminal of this size.
    pub fn start_on_terminal_of(&self, rows: u16, columns: u16, arguments: &[&str]) -> Child {
        self.start_in_script(&format!("stty rows {rows} cols {columns} && "), arguments)
    }

    fn start_in_script(&self, before: &str, arguments: &[&str]) -> Child {
        let own = self.arguments.iter().map(String::as_str);
        let binary = self.binary.to_string_lossy();
        let words = std::iter::once(binary.as_ref()).chain(arguments.iter().copied()).chain(own);
        let line: Vec<String> = words.map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
        let mut command = Command::new("script");
        command.env_clear().envs(&self.environment).current_dir(self.home.path());
        // In place of the shell, which would have a say in how it ends.
        command.args(["-qec", &format!("{before}exec {}", line.join(" ")), "/dev/null"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().unwrap_or_else(|error| missing("script".as_ref(), error))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        let folder = self.folder.as_deref().unwrap_or(self.home.path());
        command.env_clear().envs(&self.environment).current_dir(folder);
        command.args(arguments).args(&self.arguments);
        command
    }
}

impl Run {
    /// What a process that has ended came to.
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            document: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The document of a run that ended with this exit code.
    ///
    /// # Panics
    /// When it ended otherwise, or said something else than one JSON document.
    pub fn expect(&self, code: i32) -> &Value {
        assert_eq!(
            self.code,
            Some(code),
            "the document: {:#}\nstandard error:\n{}",
            self.document,
            self.stderr
        );
        assert!(self.document.is_object(), "no JSON document; standard error:\n{}", self.stderr);
        &self.document
    }

    /// What a refusal says: the messages and hints of its refusing findings and of its error.
    pub fn refusals(&self) -> String {
        let findings = self.document["findings"].as_array().cloned().unwrap_or_default();
        findings
            .iter()
            .filter(|finding| finding["severity"] == "refuse")
            .chain([&self.document["error"]])
            .flat_map(|said| [said["message"].as_str(), said["hint"].as_str()])
            .flatten()
            .collect::<Vec<_>>()
            .join("\n")
    }
}
