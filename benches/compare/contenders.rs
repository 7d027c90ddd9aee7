//! Who is measured, and how each is run as on a machine that has not seen the image before.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use lambda_lift_rig::{LambdaLift, Registry, ThirdPartyCloud};

use crate::measure::{Figures, measured, time_arguments};
use crate::stand::StandIn;

/// Where skopeo, as root, remembers which blobs it has seen where. `benches/run` has put an empty folder there.
const SKOPEO_CACHE: &str = "/var/lib/containers/cache/blob-info-cache-v1.boltdb";

/// moto and docker-registry, and the programs.
pub(crate) struct Contenders {
    pub(crate) cloud: ThirdPartyCloud,
    binary: String,
    report: PathBuf,
    /// How often each case is run.
    pub(crate) rounds: usize,
}

impl Contenders {
    pub(crate) fn start() -> io::Result<Self> {
        let binary = variable("LAMBDA_LIFT_BENCH_BINARY")?;
        let report = PathBuf::from(variable("LAMBDA_LIFT_BENCH_IMAGES")?).join("time");
        let rounds = env::var("LAMBDA_LIFT_BENCH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
        let contenders =
            Self { cloud: ThirdPartyCloud::start(), binary, report, rounds: rounds.unwrap_or(5) };
        Ok(contenders)
    }

    /// Puts an empty registry in the place of the one before.
    pub(crate) fn empty_registry(&mut self) -> &Registry {
        self.cloud.registry = Registry::start(&format!("{}-auth-token", self.cloud.account()));
        &self.cloud.registry
    }

    /// `lambda-lift push` into the registry, with an empty cache.
    pub(crate) fn push(&self, source: &str, more: &[&str]) -> io::Result<Figures> {
        self.push_by(self.cloud.lambda_lift("/usr/bin/time"), source, more)
    }

    /// `lambda-lift push` through a slow link to the registry.
    pub(crate) fn push_through(&self, port: u16, source: &str, more: &[&str]) -> io::Result<Figures> {
        let endpoint = format!("http://127.0.0.1:{port}");
        self.push_by(self.cloud.lambda_lift_through("/usr/bin/time", &endpoint), source, more)
    }

    fn push_by(&self, lambda_lift: LambdaLift, source: &str, more: &[&str]) -> io::Result<Figures> {
        let push = ["push", "--quiet", "--create-repository", "--repository", "sample", "--image", source];
        self.time(&lambda_lift, &[&push[..], more].concat())
    }

    /// `lambda-lift deploy` against a stand-in, with an empty cache.
    pub(crate) fn deploy(&self, stand: &StandIn, source: &str) -> io::Result<Figures> {
        let mut lambda_lift = LambdaLift::new("/usr/bin/time");
        lambda_lift
            .set("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
            .set("AWS_SECRET_ACCESS_KEY", "secret")
            .set("AWS_REGION", "eu-west-1")
            .always(&["--endpoint-url", &stand.url, "--registry-endpoint", &stand.url]);
        let role = "arn:aws:iam::123456789012:role/sample";
        let function = ["--function", "sample", "--role", role, "--alias", "live"];
        let image = ["--create-repository", "--repository", "sample", "--image", source];
        self.time(&lambda_lift, &[&["deploy", "--quiet"][..], &function, &image].concat())
    }

    /// A machine that has seen no image yet: its memory is in a folder of its own.
    pub(crate) fn machine(&self) -> LambdaLift {
        LambdaLift::new("/usr/bin/time")
    }

    /// `lambda-lift check` on a machine, whatever its verdict is.
    pub(crate) fn check(&self, machine: &LambdaLift, source: &str) -> io::Result<Figures> {
        self.time_to(&[0, 3], machine, &["check", "--quiet", source])
    }

    /// `gzip -dc | tar t` of one layer after the other.
    pub(crate) fn list(&self, layers: &[PathBuf]) -> io::Result<Figures> {
        measured(&self.report, || {
            let script = r#"for layer; do gzip -dc "$layer" | tar t >/dev/null || exit 1; done"#;
            let mut command = Command::new("/usr/bin/time");
            command.args(time_arguments(&self.report)).args(["sh", "-c", script, "sh"]).args(layers);
            succeed(&mut command)
        })
    }

    /// `lambda-lift` with these arguments and nothing around it.
    pub(crate) fn bare(&self, arguments: &[&str]) -> io::Result<Figures> {
        measured(&self.report, || {
            let mut command = Command::new("/usr/bin/time");
            command.args(time_arguments(&self.report)).arg(&self.binary).args(arguments);
            succeed(&mut command)
        })
    }

    fn time(&self, lambda_lift: &LambdaLift, arguments: &[&str]) -> io::Result<Figures> {
        self.time_to(&[0], lambda_lift, arguments)
    }

    /// The same for a run that may end with any of these codes.
    fn time_to(&self, codes: &[i32], lambda_lift: &LambdaLift, arguments: &[&str]) -> io::Result<Figures> {
        let time = time_arguments(&self.report);
        let before: Vec<&str> = time.iter().map(String::as_str).chain([self.binary.as_str()]).collect();
        measured(&self.report, || {
            // The samples are made of files, and have no program. That is judged all the same.
            let allowed = ["--allow", "entrypoint-file"];
            let run = lambda_lift.run(&[&before, arguments, &allowed].concat());
            match run.code {
                Some(code) if codes.contains(&code) => Ok(()),
                code => {
                    Err(io::Error::other(format!("lambda-lift {code:?}: {:#}{}", run.document, run.stderr)))
                }
            }
        })
    }

    /// `skopeo copy` into the registry, with an empty cache.
    pub(crate) fn skopeo(&self, source: &str) -> io::Result<Figures> {
        self.skopeo_to(&self.cloud.registry.authority(), source)
    }

    /// `skopeo copy` through a slow link to the registry.
    pub(crate) fn skopeo_through(&self, port: u16, source: &str) -> io::Result<Figures> {
        self.skopeo_to(&format!("127.0.0.1:{port}"), source)
    }

    /// `crane push` into the registry; none when there is no crane in PATH.
    pub(crate) fn crane(&self, source: &str) -> io::Result<Option<Figures>> {
        if Command::new("crane").arg("version").output().is_err() {
            return Ok(None);
        }
        let authority = self.cloud.registry.authority();
        let credentials = self.cloud.registry.credentials();
        let (user, password) = credentials.split_once(':').unwrap_or((&credentials, ""));
        succeed(Command::new("crane").args(["auth", "login", &authority, "-u", user, "-p", password]))?;
        let (_, path) = source.split_once(':').unwrap_or(("", source));
        let path = path.strip_suffix(":1").unwrap_or(path);
        let figures = measured(&self.report, || {
            let mut command = Command::new("/usr/bin/time");
            command.args(time_arguments(&self.report)).args(["crane", "push", "--insecure", path]);
            succeed(command.arg(format!("{authority}/sample:1")))
        })?;
        Ok(Some(figures))
    }

    /// How many bytes of blobs the registry holds.
    pub(crate) fn stored_bytes(&self) -> io::Result<u64> {
        self.cloud.registry.stored_bytes()
    }

    fn skopeo_to(&self, authority: &str, source: &str) -> io::Result<Figures> {
        let _ = fs::remove_file(SKOPEO_CACHE);
        let registry = &self.cloud.registry;
        let destination = format!("docker://{authority}/sample:1");
        measured(&self.report, || {
            let mut command = Command::new("/usr/bin/time");
            command.args(time_arguments(&self.report)).args(["skopeo", "copy", "--quiet"]);
            command.args(["--dest-tls-verify=false", "--dest-creds", &registry.credentials()]);
            succeed(command.args([source, &destination]))
        })
    }
}

/// Makes an OCI layout with gzip layers of an archive.
pub(crate) fn layout_of(archive: &Path) -> io::Result<PathBuf> {
    let layout = archive.with_extension("oci");
    if !layout.exists() {
        let part = archive.with_extension("oci-part");
        let source = format!("docker-archive:{}", archive.display());
        let destination = format!("oci:{}:1", part.display());
        succeed(Command::new("skopeo").args(["copy", "--quiet", &source, &destination]))?;
        fs::rename(part, &layout)?;
    }
    Ok(layout)
}

fn succeed(command: &mut Command) -> io::Result<()> {
    let output = command.output()?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(io::Error::other(format!("{command:?} failed with {}: {said}", output.status)))
        }
    }
}

/// A variable that `benches/run` sets.
pub(crate) fn variable(name: &str) -> io::Result<String> {
    env::var(name).map_err(|_| io::Error::other(format!("{name} is not set: start this with benches/run")))
}
