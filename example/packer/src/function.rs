//! The function's binary: built for this machine, static, stripped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{PackError, elf};

/// An instruction set that Lambda runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Architecture {
    /// 64-bit x86
    X86_64,
    /// 64-bit ARM
    Arm64,
}

impl Architecture {
    /// Its name in an image configuration, which is Go's.
    pub fn go_name(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// Its name to Lambda.
    pub fn lambda_name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }
}

/// The example function as one static executable.
#[derive(Debug, Clone)]
pub struct Function {
    /// What it runs on.
    pub architecture: Architecture,
    /// The executable.
    pub binary: Vec<u8>,
}

impl Function {
    /// Builds the function in release mode with the cargo that runs this program (or the one in the path).
    ///
    /// # Errors
    /// When this machine is none that Lambda runs, when cargo fails, and when the result is not static.
    pub fn build() -> Result<Self, PackError> {
        let host = host_triple()?;
        let architecture = match host.split('-').next() {
            Some("x86_64") if host.contains("-linux-") => Architecture::X86_64,
            Some("aarch64") if host.contains("-linux-") => Architecture::Arm64,
            _ => return Err(PackError::Host(host)),
        };
        let path = build(&host)?;
        let binary = fs::read(&path).map_err(|source| PackError::File { path: path.clone(), source })?;
        elf::static_executable(&binary).map_err(|reason| PackError::NotStatic { path, reason })?;
        Ok(Self { architecture, binary })
    }
}

/// The folder that holds the workspace.
fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A tool of the Rust tool chain, as cargo itself lets it be chosen.
fn tool(variable: &str, name: &str) -> Command {
    Command::new(std::env::var_os(variable).unwrap_or_else(|| name.into()))
}

fn host_triple() -> Result<String, PackError> {
    let output = tool("RUSTC", "rustc")
        .arg("-vV")
        .stderr(Stdio::inherit())
        .output()
        .map_err(|_| PackError::Build("rustc"))?;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or(PackError::Build("rustc"))
}

/// Runs cargo; answers where the binary is.
fn build(host: &str) -> Result<PathBuf, PackError> {
    let manifest = workspace().join("Cargo.toml");
    let output = tool("CARGO", "cargo")
        .args(["build", "--release", "--package", "lambda-lift-example-function", "--bin", "bootstrap"])
        // With an explicit target the flags below do not reach build scripts and procedural macros.
        .args(["--target", host, "--message-format", "json-render-diagnostics", "--manifest-path"])
        .arg(&manifest)
        .env("CARGO_ENCODED_RUSTFLAGS", rust_flags().join("\x1f"))
        .stderr(Stdio::inherit())
        .output()
        .map_err(|_| PackError::Build("cargo"))?;
    if !output.status.success() {
        return Err(PackError::Build("cargo"));
    }
    output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "bootstrap")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or(PackError::NoBinary)
}

/// A static C library, and no path of this machine in the messages of a panic.
fn rust_flags() -> Vec<String> {
    let mut flags = vec!["-Ctarget-feature=+crt-static".to_owned()];
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    for (path, name) in [(fs::canonicalize(workspace()).ok(), "/lambda-lift"), (cargo_home, "/cargo")] {
        if let Some(path) = path {
            flags.push(format!("--remap-path-prefix={}={name}", path.display()));
        }
    }
    flags
}
