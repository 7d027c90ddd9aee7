//! The stand-in as a server of its own, so that its time and memory are not the product's.

use std::io::{self, BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::contenders::variable;

/// A running stand-in; it ends with this.
pub(crate) struct StandIn {
    child: Child,
    pub(crate) url: String,
}

impl StandIn {
    pub(crate) fn start() -> io::Result<Self> {
        Self::start_with(&[])
    }

    /// The same, with these flags.
    pub(crate) fn start_with(flags: &[&str]) -> io::Result<Self> {
        let mut command = Command::new(variable("LAMBDA_LIFT_BENCH_STAND")?);
        command.args(flags);
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut url = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut url)?;
        }
        Ok(Self { child, url: url.trim().to_owned() })
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
