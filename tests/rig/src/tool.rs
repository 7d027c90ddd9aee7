//! Running other people's programs: what they say is an answer, what they refuse is a failed test.

use std::ffi::OsStr;
use std::fmt::Display;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Output};

/// A command for `program`.
pub(crate) fn tool(program: impl AsRef<OsStr>) -> Command {
    Command::new(program)
}

/// A command that runs as root, through sudo where this process does not: dockerd, podman and buildah need to
/// own files.
pub(crate) fn privileged(program: &str) -> Command {
    if is_root() {
        return tool(program);
    }
    let mut command = tool("sudo");
    command.args(["--non-interactive", "--preserve-env=DOCKER_BUILDKIT,DOCKER_CONFIG", program]);
    command
}

/// Whether this process may do everything.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Runs it; answers its standard output.
///
/// # Panics
/// When it cannot be started or does not succeed.
pub(crate) fn output_of(command: &mut Command) -> Vec<u8> {
    let output = run(command);
    assert!(output.status.success(), "{}", description(command, &output));
    output.stdout
}

/// Runs it; answers its standard output as text, trimmed.
pub(crate) fn text_of(command: &mut Command) -> String {
    String::from_utf8_lossy(&output_of(command)).trim().to_owned()
}

/// Runs it, whatever comes of it.
///
/// # Panics
/// When it cannot be started.
pub(crate) fn run(command: &mut Command) -> Output {
    match command.output() {
        Ok(output) => output,
        Err(error) => missing(command.get_program(), error),
    }
}

/// Ends the test: a program that it needs is not there.
pub(crate) fn missing(program: &OsStr, error: impl Display) -> ! {
    panic!("cannot run {}: {error}; tests/run installs what the tests need", program.display())
}

/// What was run and what it said, for a failed test.
fn description(command: &Command, output: &Output) -> String {
    format!(
        "{command:?} failed with {}:\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
