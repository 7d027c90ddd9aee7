//! AWS's runtime interface clients, each from where it is published.

use std::fs;
use std::path::{Path, PathBuf};

use super::layer::{failed, short_digest};
use super::{Functions, Layer, sources};
use crate::tool::{output_of, tool};

/// Node.js and its client as npm has them.
const NODE: &str = "22.23.3";
const NODE_CLIENT: &str = "4.0.2";

impl Functions {
    /// `awslambdaric` for Debian's Python in /var/task, as `pip install --target` puts it there.
    pub fn python_client(&self) -> Layer {
        let wanted = sources().join("python.txt");
        let recipe = read(&wanted);
        self.layer("awslambdaric", &recipe, |root| {
            let mut command = tool(crate::moto::python());
            command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]);
            command.args([
                "--only-binary=:all:",
                "--implementation=cp",
                "--python-version=3.11",
                "--abi=cp311",
            ]);
            let platform = format!("--platform=manylinux2014_{}", std::env::consts::ARCH);
            command.arg(platform).arg("--requirement").arg(&wanted);
            output_of(command.arg("--target").arg(root.join("var/task")));
        })
    }

    /// Node.js in /usr/local/bin, and in /var/task `aws-lambda-ric`, compiled here as its installation does.
    pub fn node_client(&self) -> Layer {
        let processor = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
        let node = format!("node-linux-{processor}");
        self.layer("aws-lambda-ric", &format!("{NODE} {NODE_CLIENT} 1"), |root| {
            let build = crate::server::folder("npm");
            let modules = build.path().join("node_modules");
            let npm = || {
                let mut command = tool("npm");
                command.args(["--silent", "--no-audit", "--no-fund", "--prefix"]).arg(build.path());
                // Speed counts more here than that of the client.
                command.env("CFLAGS", "-O0").env("CXXFLAGS", "-O0");
                command
            };
            let wanted = [format!("{node}@{NODE}"), format!("aws-lambda-ric@{NODE_CLIENT}")];
            output_of(npm().args(["install", "--ignore-scripts"]).args(wanted));
            // Compiled for the Node.js that is in the image, with the headers that come with it.
            let folder = modules.join(&node);
            let path = std::env::var("PATH").unwrap_or_default();
            let mut command = npm();
            command.env("PATH", format!("{}:{path}", folder.join("bin").display()));
            output_of(command.env("npm_config_nodedir", &folder).args(["rebuild", "aws-lambda-ric"]));
            let (bin, task) = (root.join("usr/local/bin"), root.join("var/task/node_modules"));
            for folder in [&bin, &task.join("@aws")] {
                fs::create_dir_all(folder).unwrap_or_else(|error| failed(folder, &error));
            }
            shift(&folder.join("bin/node"), &bin.join("node"));
            for module in ["aws-lambda-ric", "@aws/lambda-invoke-store"] {
                shift(&modules.join(module), &task.join(module));
            }
        })
    }

    /// A function on the crate `lambda_runtime`: one static program.
    pub fn rust_function(&self) -> Vec<u8> {
        self.rust_program("bootstrap")
    }

    /// The Lambda Web Adapter: one static program.
    pub fn web_adapter(&self) -> Vec<u8> {
        self.rust_program("lambda-adapter")
    }

    /// A program of `tests/functions`, which are built together.
    fn rust_program(&self, name: &str) -> Vec<u8> {
        let recipe: Vec<String> =
            ["Cargo.lock", "Cargo.toml", "src/bin/bootstrap.rs", "src/bin/lambda-adapter.rs"]
                .map(|file| read(&sources().join(file)))
                .into();
        let key = short_digest(format!("{}{recipe:?}", std::env::consts::ARCH).as_bytes());
        let programs = crate::kept::kept(&self.folder, &format!("rust-{key}"), |place| {
            let target = crate::server::folder("cargo");
            let triple = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
            let mut command = tool(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
            command.args(["build", "--quiet", "--locked", "--target", &triple, "--manifest-path"]);
            command.arg(sources().join("Cargo.toml")).arg("--target-dir").arg(target.path());
            // With a target of their own the flags do not reach build scripts and procedural macros.
            command.env("CARGO_ENCODED_RUSTFLAGS", "-Ctarget-feature=+crt-static");
            output_of(&mut command);
            fs::create_dir(place).unwrap_or_else(|error| failed(place, &error));
            for program in ["bootstrap", "lambda-adapter"] {
                let built = target.path().join(&triple).join("debug").join(program);
                shift(&built, &place.join(program));
            }
        });
        let path = programs.join(name);
        fs::read(&path).unwrap_or_else(|error| failed(&path, &error))
    }
}

/// Moves a file or a folder, to another file system if need be.
fn shift(from: &Path, to: &Path) {
    output_of(tool("mv").arg(from).arg(to));
}

fn read(path: &PathBuf) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| failed(path, &error))
}
