//! Images straight from a real Docker daemon and from podman's service.

use std::path::Path;

use lambda_lift_rig::skopeo;
use lambda_lift_rig::{Dockerd, LambdaLift, LocalImage, PodmanService, RecordingSocket};

use crate::account::{Account, BINARY, images};

/// An image in a daemon's store.
fn in_daemon(name: &str) -> LocalImage {
    LocalImage { source: format!("docker-daemon:{name}"), path: Path::new("/").to_owned() }
}

/// Deploys the image from the daemon and from the archive that it was loaded from: both are the same image to the
/// registry, and nothing is exported that need not be.
fn assert_same_image(daemon: &RecordingSocket, names: &[&str], archive: &LocalImage) {
    let mut account = Account::new();
    account.lambda_lift.set("DOCKER_HOST", &daemon.host());
    let deployed = account.deploy(&in_daemon(names[0]));
    let digest = deployed.expect(0)["image"]["digest"].as_str().unwrap().to_owned();
    let requests = daemon.take_requests();
    assert_eq!(requests.len(), 2, "{requests:?}");
    assert_eq!(requests[0], format!("GET /images/{}/json", names[0]));
    assert!(requests[1].ends_with("/get"), "{requests:?}");

    let pushed = skopeo::inspect_pushed(&account.cloud.registry, &format!("hello@{digest}"));
    let source = skopeo::inspect_local(&archive.source);
    assert_eq!((&pushed.config, &pushed.diff_ids), (&source.config, &source.diff_ids));
    assert_eq!(account.function_digest(), digest);

    for name in names {
        let again = account.deploy(&in_daemon(name));
        assert_eq!(again.expect(0)["outcome"], "unchanged", "{name}");
        assert_eq!(daemon.take_requests(), [format!("GET /images/{name}/json")]);
    }
    // From the archive, on a machine that remembers nothing.
    let fresh = Account::new();
    let from_archive = fresh.deploy(archive);
    assert_eq!(from_archive.expect(0)["image"]["digest"], digest.as_str());
    assert_eq!(account.deploy(archive).expect(0)["outcome"], "unchanged");
}

/// The image's id without the algorithm.
fn id_of(archive: &LocalImage) -> String {
    skopeo::inspect_local(&archive.source).config.trim_start_matches("sha256:").to_owned()
}

#[test]
fn an_image_of_a_docker_daemon_is_deployed_as_what_docker_save_writes_of_it() {
    let archive = images().docker_save("one");
    let docker = Dockerd::start();
    docker.load(&archive.path);
    let id = id_of(&archive);
    let names = ["hello:docker", &id, &id[..12], &format!("sha256:{id}")];
    assert_same_image(&RecordingSocket::before(&docker.socket()), &names, &archive);
}

#[test]
fn an_image_of_podmans_service_is_deployed_as_what_podman_save_writes_of_it() {
    let archive = images().podman_docker_archive("one");
    let podman = PodmanService::start();
    podman.load(&archive.path);
    let id = id_of(&archive);
    let names = ["localhost/hello:podman", "hello:podman", &id, &id[..12]];
    assert_same_image(&RecordingSocket::before(&podman.socket()), &names, &archive);
}

#[test]
fn of_an_image_that_differs_in_its_last_layer_only_that_layer_is_sent() {
    let docker = Dockerd::start();
    docker.load(&images().docker_save_of_two().path);
    let daemon = RecordingSocket::before(&docker.socket());
    let mut account = Account::new();
    account.lambda_lift.set("DOCKER_HOST", &daemon.host());
    account.deploy(&in_daemon("hello:one")).expect(0);
    daemon.take_requests();
    let run = account.deploy(&in_daemon("hello:two"));
    let layers = run.expect(0)["image"]["layers"].as_array().unwrap();
    let actions: Vec<_> = layers.iter().map(|layer| layer["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["reused", "uploaded"]);
    assert_eq!(daemon.take_requests().len(), 2, "one question and one export");
}

#[test]
fn an_image_that_a_daemon_does_not_have_is_a_mistake_in_the_command() {
    let docker = Dockerd::start();
    let podman = PodmanService::start();
    for socket in [docker.socket(), podman.socket()] {
        let mut account = Account::new();
        account.lambda_lift.set("DOCKER_HOST", &format!("unix://{}", socket.display()));
        for name in ["nope", "nope:v1", "0123456789ab"] {
            let run = account.lambda_lift.run(&["check", &format!("docker-daemon:{name}")]);
            let error = run.expect(2)["error"].to_string();
            assert!(error.contains(&format!("has no image {name}")), "{error}");
            assert!(error.contains("docker image ls"), "{error}");
        }
        let run = account.lambda_lift.run(&["check", "docker-daemon:Not:A:Name"]);
        assert_ne!(run.code, Some(0));
    }
}

#[test]
fn a_daemon_behind_tls_is_reached_as_docker_reaches_it() {
    let docker = Dockerd::start_with_tls();
    docker.load(&images().docker_save("one").path);
    let check = |variables: &[(&str, &str)]| {
        let mut lambda_lift = LambdaLift::new(BINARY);
        for (name, value) in variables {
            lambda_lift.set(name, value);
        }
        lambda_lift.run(&["check", "docker-daemon:hello:docker"])
    };
    let (host, certificates) = (docker.tls_host(), docker.certificates().display().to_string());
    let verified = [("DOCKER_HOST", host.as_str()), ("DOCKER_TLS_VERIFY", "1")];
    check(&[&verified[..], &[("DOCKER_CERT_PATH", &certificates)]].concat()).expect(0);
    let configuration = docker.create_context("behind-tls").display().to_string();
    check(&[("DOCKER_CONFIG", &configuration), ("DOCKER_CONTEXT", "behind-tls")]).expect(0);

    let says = |variables: &[(&str, &str)], code: i32, says: &str| {
        let run = check(variables);
        let error = run.expect(code)["error"].to_string();
        assert!(error.contains(says) && error.contains("DOCKER_"), "{error}");
    };
    says(&verified, 2, "UnknownIssuer");
    says(&verified[..1], 1, "is not a Docker daemon");
    // Its authority is known, but it does not know us.
    std::fs::remove_file(docker.certificates().join("key.pem")).unwrap();
    says(&[&verified[..], &[("DOCKER_CERT_PATH", &certificates)]].concat(), 2, "certificates");
}
