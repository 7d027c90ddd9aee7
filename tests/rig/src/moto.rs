//! moto: the control planes of ECR, Lambda, IAM and STS, from PyPI.
//!
//! Where it is known to differ from AWS is written in `docs/testing.md`; a test that runs against it and against
//! another stand-in must not depend on those places.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;

use crate::calls::{self, Call};
use crate::server::{Server, folder};
use crate::tool::tool;

/// The variable that names the Python which has moto and boto3. `tests/run` sets it.
const PYTHON: &str = "LAMBDA_LIFT_TEST_PYTHON";

/// A running moto.
#[derive(Debug)]
pub struct Moto {
    server: Server,
    port: u16,
}

impl Moto {
    /// Starts moto as it is: an image function's image is not looked up.
    pub fn start() -> Self {
        Self::start_with("true")
    }

    /// Starts a moto that looks each image of a function up in its own ECR, and refuses what is not there.
    pub fn start_strict_about_images() -> Self {
        Self::start_with("false")
    }

    fn start_with(stub_ecr: &str) -> Self {
        let folder = folder("moto");
        let mut command = tool(python());
        command
            .args(["-m", "moto.server", "-H", "127.0.0.1", "-p", "0"])
            .env("MOTO_ENABLE_RECORDING", "true")
            .env("MOTO_RECORDER_FILEPATH", folder.path().join("calls"))
            .env("MOTO_LAMBDA_STUB_ECR", stub_ecr)
            .env("PYTHONUNBUFFERED", "1");
        let mut server = Server::start("moto", &command, folder);
        let port = server.announced_port("Running on http://127.0.0.1:");
        Self { server, port }
    }

    /// `http://127.0.0.1:PORT`
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Lets Invoke answer without Docker. moto keeps functions for that apart: call it before any is created.
    ///
    /// # Panics
    /// When moto does not take the setting.
    pub fn invoke_without_docker(&self) {
        let body = r#"{"lambda": {"use_docker": false}}"#;
        let request = format!(
            "POST /moto-api/config HTTP/1.1\r\nHost: moto\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut answer = String::new();
        let talked = TcpStream::connect(("127.0.0.1", self.port)).and_then(|mut stream| {
            stream.write_all(request.as_bytes())?;
            stream.read_to_string(&mut answer)
        });
        assert!(talked.is_ok() && answer.contains(" 201 "), "moto does not take the setting: {answer}");
    }

    /// Every call since it started, by moto's own recorder.
    pub fn calls(&self) -> Vec<Call> {
        calls::of_recording(&self.server.folder().join("calls"))
    }
}

/// The Python interpreter that has moto and boto3.
///
/// # Panics
/// When `LAMBDA_LIFT_TEST_PYTHON` does not say which one it is.
pub(crate) fn python() -> PathBuf {
    std::env::var_os(PYTHON).map(PathBuf::from).unwrap_or_else(|| {
        panic!(
            "{PYTHON} must name a Python that has moto[server] and boto3; tests/run installs one and sets it"
        )
    })
}
