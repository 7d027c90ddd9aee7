//! Where a daemon is looked for.

use std::fs;
use std::path::PathBuf;

use super::super::address::{DaemonSettings, Endpoint, resolve};
use crate::image::ImageErrorKind;
use crate::name::Digest;

/// Docker's configuration folder, in a folder of its own.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn context(&self, name: &str, docker: &str) -> &Self {
        let id = Digest::of(name.as_bytes()).hex();
        let meta = format!(r#"{{"Name":"{name}","Metadata":{{}},"Endpoints":{{"docker":{docker}}}}}"#);
        self.write(&format!("contexts/meta/{id}/meta.json"), &meta)
    }

    fn certificates_of(&self, name: &str) -> &Self {
        let folder = format!("contexts/tls/{}/docker", Digest::of(name.as_bytes()).hex());
        for file in ["ca.pem", "cert.pem", "key.pem"] {
            self.write(&format!("{folder}/{file}"), "");
        }
        self
    }

    fn settings(&self) -> DaemonSettings {
        DaemonSettings {
            configuration: Some(self.0.path().to_owned()),
            sockets: vec!["/var/run/docker.sock".into(), "/run/podman/podman.sock".into()],
            ..DaemonSettings::default()
        }
    }
}

fn places(settings: &DaemonSettings) -> Vec<String> {
    resolve(settings).unwrap().iter().map(Endpoint::place).collect()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_host_goes_before_a_context_and_that_before_the_usual_sockets() {
    let home = Home::new();
    let usual = ["unix:///var/run/docker.sock", "unix:///run/podman/podman.sock"];
    assert_eq!(places(&home.settings()), usual);
    home.context("work", r#"{"Host":"unix:///run/work.sock"}"#);
    home.context("other", r#"{"Host":"tcp://other:2375"}"#);
    home.write("config.json", r#"{"auths":{"x":{"auth":"c2VjcmV0"}},"currentContext":"work"}"#);
    let settings = home.settings();
    assert_eq!(places(&settings), ["unix:///run/work.sock"]);
    let settings = DaemonSettings { context: some("other"), ..settings };
    assert_eq!(places(&settings), ["http://other:2375"]);
    assert_eq!(places(&DaemonSettings { context: some("default"), ..settings.clone() }), usual);
    let settings = DaemonSettings { docker_host: some("tcp://host"), ..settings };
    assert_eq!(places(&settings), ["http://host:2375"]);
    let settings = DaemonSettings { host: some("unix:///flag.sock"), ..settings };
    assert_eq!(places(&settings), ["unix:///flag.sock"]);
    // Empty is not set.
    let empty =
        DaemonSettings { host: some(""), docker_host: some(""), context: some(""), ..home.settings() };
    assert_eq!(places(&empty), ["unix:///run/work.sock"]);
}

#[test]
fn addresses_are_read_as_docker_reads_them() {
    for (host, tls, place) in [
        ("unix:///a/b.sock", false, "unix:///a/b.sock"),
        ("unix://", false, "unix:///var/run/docker.sock"),
        ("tcp://", false, "http://localhost:2375"),
        ("tcp://10.0.0.1", false, "http://10.0.0.1:2375"),
        ("tcp://10.0.0.1", true, "https://10.0.0.1:2376"),
        ("tcp://[::1]:4000", true, "https://[::1]:4000"),
        ("tcp://host:80/docker/", false, "http://host/docker"),
        ("http://host:8080", true, "http://host:8080"),
        ("https://host:8443", false, "https://host:8443"),
    ] {
        let settings = DaemonSettings { docker_host: some(host), tls_verify: tls, ..Home::new().settings() };
        assert_eq!(places(&settings), [place], "{host}");
    }
}

#[test]
fn what_cannot_be_reached_is_refused_with_a_way_out() {
    for (host, says, way_out) in [
        ("ssh://me@host", "ssh://", "ssh -nNT -L"),
        ("npipe:////./pipe/docker_engine", "npipe://", "docker save"),
        ("fd://3", "fd://", "docker save"),
        ("host:2375", "has no scheme", "unix:///PATH"),
        ("ftp://host", "none of unix, tcp", "unix:///PATH"),
        ("tcp://me:hunter2@host", "user name or password", "unix:///PATH"),
        ("tcp://host?x=1", "nothing but host, port and path", "unix:///PATH"),
        ("tcp://host:notaport", "invalid port", "unix:///PATH"),
    ] {
        for settings in [
            DaemonSettings { docker_host: some(host), ..Home::new().settings() },
            DaemonSettings { host: some(host), ..Home::new().settings() },
        ] {
            let problem = resolve(&settings).unwrap_err();
            assert_eq!(problem.kind(), ImageErrorKind::Usage);
            assert!(problem.to_string().contains(says), "{problem}");
            assert!(problem.hint().contains(way_out), "{}", problem.hint());
            let origin = if settings.host.is_some() { "--docker-host" } else { "DOCKER_HOST" };
            assert!(problem.to_string().contains(origin), "{problem}");
            assert!(!format!("{problem:?}").contains("hunter2"));
        }
    }
}

#[test]
fn contexts_that_cannot_be_used_say_which_and_from_where() {
    for (meta, says) in [
        (None, "there is no such context"),
        (Some("{}"), "does not say where the daemon is"),
        (Some("null"), "does not say where the daemon is"),
        (Some(r#"{"Host":"ssh://me@host"}"#), "ssh://"),
        (Some(r#"{"Host":1}"#), "its meta.json is not what it should be"),
        (Some(r#"{"Host":"a","Host":"b"}"#), "there twice"),
    ] {
        let home = Home::new();
        home.write("config.json", r#"{"currentContext":"work"}"#);
        if let Some(meta) = meta {
            home.context("work", meta);
        }
        let problem = resolve(&home.settings()).unwrap_err();
        let text = problem.to_string();
        assert!(
            text.contains("\"work\"") && text.contains("currentContext") && text.contains(says),
            "{text}"
        );
        assert_eq!(problem.kind(), ImageErrorKind::Usage);
    }
    let settings = DaemonSettings { context: some("../../evil"), ..Home::new().settings() };
    assert!(resolve(&settings).unwrap_err().to_string().contains("no such context"));
}

#[test]
fn a_damaged_configuration_is_an_error_that_quotes_nothing_of_it() {
    for text in ["", "[]", r#"{"currentContext":["hunter2"]}"#, r#"{"auths":{"hunter2":"#] {
        let home = Home::new();
        home.write("config.json", text);
        let problem = resolve(&home.settings()).unwrap_err();
        assert!(problem.to_string().contains("config.json"), "{problem}");
        assert!(!format!("{problem} {problem:?}").contains("hunter2"), "{problem:?}");
        // A daemon that is named goes around it.
        assert!(resolve(&DaemonSettings { docker_host: some("tcp://x"), ..home.settings() }).is_ok());
    }
}

#[test]
fn certificates_come_from_the_environment_or_from_the_context() {
    let tls = |settings: &DaemonSettings| match resolve(settings).unwrap().remove(0) {
        Endpoint::Tcp { tls, .. } => tls,
        Endpoint::Unix(path) => panic!("{}", path.display()),
    };
    let home = Home::new();
    home.write("certs/ca.pem", "").write("certs/cert.pem", "").write("certs/key.pem", "").write("ca.pem", "");
    let certs = home.0.path().join("certs");
    let named = DaemonSettings {
        docker_host: some("tcp://host"),
        tls_verify: true,
        certificates: Some(certs.clone()),
        ..home.settings()
    };
    let found = tls(&named).unwrap();
    assert_eq!(found.authority, Some(certs.join("ca.pem")));
    assert_eq!(found.identity, Some((certs.join("cert.pem"), certs.join("key.pem"))));
    let found = tls(&DaemonSettings { certificates: None, ..named.clone() }).unwrap();
    assert_eq!((found.authority.as_deref(), found.identity), (Some(&*home.0.path().join("ca.pem")), None));
    assert_eq!(tls(&DaemonSettings { tls_verify: false, ..named }), None);

    home.context("safe", r#"{"Host":"tcp://safe:2376"}"#).certificates_of("safe");
    home.context("plain", r#"{"Host":"tcp://plain:2375","SkipTLSVerify":false}"#);
    home.context("lax", r#"{"Host":"tcp://lax:2376","SkipTLSVerify":true}"#);
    let of_context = |name: &str| tls(&DaemonSettings { context: some(name), ..home.settings() });
    let safe = of_context("safe").unwrap();
    assert!(safe.authority.is_some() && safe.identity.is_some() && !safe.skip_verify);
    assert_eq!(of_context("plain"), None);
    assert!(of_context("lax").unwrap().skip_verify);
}

#[test]
fn daemons_that_are_not_there_are_told_with_all_that_was_tried() {
    let machine = super::Machine::new();
    let folder = tempfile::tempdir().unwrap();
    let socket = |name: &str| -> PathBuf { folder.path().join(name) };
    // A socket whose daemon is gone.
    drop(std::os::unix::net::UnixListener::bind(socket("stale")).unwrap());
    let mut access = machine.access("");
    access.daemon.sockets = vec![socket("none"), socket("stale")];
    let source = "docker-daemon:app".parse().unwrap();
    let error = machine.runtime.block_on(crate::image::open(&source, None, &access)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("none (there is no such socket), nor at"), "{text}");
    assert!(text.contains("stale (nobody listens there)"), "{text}");
    assert_eq!(error.kind(), ImageErrorKind::Unavailable);
    for way_out in ["--docker-host", "docker save"] {
        assert!(error.hint().unwrap().contains(way_out));
    }
    // The next one that answers counts.
    let daemon = super::daemon_with(Digest::of(b""), &Default::default());
    access.daemon.sockets.push(daemon.socket());
    let _ = machine.runtime.block_on(crate::image::open(&source, None, &access));
    assert!(!daemon.take_requests().is_empty());
}
