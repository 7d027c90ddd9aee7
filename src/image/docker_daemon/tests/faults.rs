//! Daemons that refuse, lie, stall and die.

use std::time::Duration;

use lambda_lift_rig::scripted_daemon::{Act, ScriptedDaemon, answer, chunked, export, export_begun, json};

use super::{Machine, daemon_of, described, eventually, is_export, read};
use crate::image::fixture::{TarFile, Tree, docker_tree};
use crate::image::{ImageError, ImageErrorKind};
use crate::layer::{Compressors, Encoding, LayerPass, PassSettings};
use crate::name::Digest;

fn image() -> (Tree, Digest) {
    let tree = docker_tree(&["app:v1"]);
    let config = tree.keys().find(|name| name.ends_with(".json") && !name.starts_with("manifest")).unwrap();
    let id = Digest::from_hex(config.trim_end_matches(".json")).unwrap();
    (tree, id)
}

fn archive() -> Vec<u8> {
    TarFile::of(&image().0).finish()
}

/// A daemon that knows the image, and exports it like this.
fn exporting(acts: impl Fn(usize) -> Vec<Act> + Send + Sync + 'static) -> ScriptedDaemon {
    let id = image().1.to_string();
    ScriptedDaemon::start(move |path, before| if is_export(path) { acts(before) } else { described(&id) })
}

#[test]
fn whatever_is_said_of_an_image_ends_in_a_clear_error() {
    use ImageErrorKind::{NotFound, Unavailable, Usage};
    let huge = format!("{{\"Id\":\"{}\"}}", "x".repeat(9 << 20));
    let bomb = format!("{{\"Id\":{}", "[".repeat(100_000));
    let table: Vec<(Vec<Act>, ImageErrorKind, &str)> = vec![
        (json(404, r#"{"message":"No such image: app:v1"}"#), NotFound, "has no image app:v1"),
        (answer(404, "text/plain", b"404 page not found\n"), Unavailable, "is not a Docker daemon"),
        (json(400, r#"{"message":"invalid reference format"}"#), Usage, "invalid reference format"),
        (
            answer(400, "text/plain", b"Client sent an HTTP request to an HTTPS server."),
            Unavailable,
            "answers 400",
        ),
        (
            json(500, r#"{"message":"layer does\nnot exist \u001b[2J"}"#),
            Unavailable,
            "(500): layer does not exist [2J",
        ),
        (answer(500, "text/html", b"<html>"), Unavailable, "failed (500)"),
        (answer(502, "text/html", b""), Unavailable, "failed (502)"),
        (answer(200, "text/html", b"<html>hello</html>"), Unavailable, "something else than JSON"),
        (json(200, ""), Unavailable, "something else than JSON"),
        (json(200, "{}"), Unavailable, "not understood"),
        (json(200, r#"{"Id":7}"#), Unavailable, "not understood"),
        (json(200, r#"{"Id":"sha256:abc"}"#), Unavailable, "64 lower-case hex digits"),
        (json(200, r#"{"Id":"a","Id":"b"}"#), Unavailable, "there twice"),
        (json(200, &bomb), Unavailable, "not understood"),
        (json(200, &huge), Unavailable, "more than 8 MiB"),
        (answer(301, "text/html", b""), Unavailable, "answers 301"),
        (
            vec![Act::Send(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()), Act::Close],
            Unavailable,
            "does not speak plain HTTP",
        ),
        (vec![Act::Close], Unavailable, "failed"),
    ];
    for (acts, kind, says) in table {
        let daemon = ScriptedDaemon::start(move |_, _| acts.clone());
        let error = Machine::new().open(&daemon).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(says), "{says}: {error}");
        assert!(error.to_string().contains("docker-daemon:app:v1") && error.hint().is_some(), "{error}");
    }
}

#[test]
fn certificates_that_are_none_are_told_by_their_file() {
    let machine = Machine::new();
    let folder = tempfile::tempdir().unwrap();
    let mut access = machine.access("tcp://127.0.0.1:1");
    access.daemon.tls_verify = true;
    access.daemon.certificates = Some(folder.path().to_owned());
    let source = "docker-daemon:app".parse().unwrap();
    for files in [&["ca.pem"][..], &["cert.pem", "key.pem"]] {
        for file in files {
            std::fs::write(folder.path().join(file), "nothing of the kind").unwrap();
        }
        let error = machine.runtime.block_on(crate::image::open(&source, None, &access)).unwrap_err();
        assert_eq!(error.kind(), ImageErrorKind::Usage);
        assert!(error.to_string().contains(files[0]), "{error}");
        assert!(error.hint().unwrap().contains("DOCKER_CERT_PATH"));
        std::fs::remove_file(folder.path().join(files[0])).unwrap();
    }
}

#[test]
fn nothing_of_a_description_is_quoted_since_it_has_the_environment() {
    let daemon = ScriptedDaemon::start(|_, _| json(200, r#"{"Id":["TOKEN=hunter2"]}"#));
    let error = Machine::new().open(&daemon).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}

#[test]
fn a_connection_that_breaks_once_is_tried_again() {
    let id = image().1.to_string();
    let daemon = ScriptedDaemon::start(move |path, before| match (is_export(path), before) {
        (false, 0) => vec![Act::Close],
        (false, _) => described(&id),
        (true, 0) => [export_begun(&archive()[..3000]), vec![Act::Close]].concat(),
        (true, _) => export(&archive()),
    });
    let image = Machine::new().open(&daemon).unwrap();
    assert!(read(&image.layers[0].location).is_ok());
    assert_eq!(daemon.take_requests().len(), 4);
}

#[test]
fn an_export_that_breaks_off_twice_is_an_error_wherever_that_happens() {
    let length = archive().len();
    for at in [0, 100, 512, 5000, length - 1024, length] {
        let daemon = exporting(move |_| [export_begun(&archive()[..at]), vec![Act::Close]].concat());
        let machine = Machine::new();
        let error = machine.open(&daemon).unwrap_err();
        assert_eq!(error.kind(), ImageErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains("ended its export of the image early"), "{error}");
        assert_eq!(machine.files().len(), 0, "half an export is not remembered");
        assert_eq!(daemon.take_requests().len(), 3);
    }
}

#[test]
fn an_export_that_ends_early_as_if_that_were_its_end_is_damaged() {
    for at in [0, 512, 3000, archive().len() / 2] {
        let daemon = exporting(move |_| export(&archive()[..at]));
        let error = Machine::new().open(&daemon).unwrap_err();
        assert_eq!(error.kind(), ImageErrorKind::Malformed, "{at}: {error}");
    }
    let shorter = |length: usize| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        vec![Act::Send([head.into_bytes(), archive()].concat()), Act::Close]
    };
    let daemon = exporting(move |_| shorter(archive().len() + 1));
    assert_eq!(Machine::new().open(&daemon).unwrap_err().kind(), ImageErrorKind::Unavailable);
    assert!(Machine::new().open(&exporting(move |_| shorter(archive().len()))).is_ok());
}

#[test]
fn a_trickle_and_a_wrong_content_type_are_borne() {
    let trickle = |_| {
        let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n";
        let bytes = archive();
        let pieces = bytes
            .chunks(700)
            .flat_map(|piece| [Act::Send(chunked(piece)), Act::Pause(Duration::from_millis(1))]);
        std::iter::once(Act::Send(head.to_vec()))
            .chain(pieces)
            .chain([Act::Send(b"0\r\n\r\n".to_vec())])
            .collect()
    };
    assert!(Machine::new().open(&exporting(trickle)).is_ok());
}

#[test]
fn a_refused_export_is_an_error_at_once() {
    for (acts, kind, says) in [
        (json(500, r#"{"message":"no space left on device"}"#), ImageErrorKind::Unavailable, "no space left"),
        (json(404, r#"{"message":"No such image"}"#), ImageErrorKind::NotFound, "has no image"),
    ] {
        let daemon = exporting(move |_| acts.clone());
        let error = Machine::new().open(&daemon).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(daemon.take_requests().len(), 2);
    }
}

#[test]
fn hostile_exports_end_in_the_errors_of_hostile_archives() {
    let (tree, id) = image();
    let spoilt = |spoil: &dyn Fn(&mut TarFile)| {
        let mut tar = TarFile::of(&tree);
        spoil(&mut tar);
        tar.finish()
    };
    let with = |name: &str, content: &[u8]| {
        let mut tree = tree.clone();
        tree.insert(name.to_owned(), content.to_vec());
        TarFile::of(&tree).finish()
    };
    let bomb = "[".repeat(200_000);
    let other = docker_tree(&["other"]);
    for (archive, says) in [
        (spoilt(&|tar| _ = tar.file("../evil", b"x")), "leads out of the archive"),
        (spoilt(&|tar| _ = tar.file("./manifest.json", b"[]")), "more than one entry"),
        (spoilt(&|tar| _ = tar.lying("large", 1 << 40, b"x")), "should have"),
        (with("manifest.json", bomb.as_bytes()), "not what it should be"),
        (with("manifest.json", &vec![b' '; 5 << 20]), "at most"),
        (with("manifest.json", b"[]"), "is empty"),
        (with("index.json", br#"{"schemaVersion":2,"schemaVersion":2,"manifests":[]}"#), "there twice"),
        (TarFile::of(&other).finish(), "exports an image that is not"),
        (b"<html>this is a proxy's page</html>".repeat(100), "not a tar archive"),
    ] {
        let machine = Machine::new();
        let error = machine.open(&daemon_of(id, archive)).unwrap_err();
        assert_eq!(error.kind(), ImageErrorKind::Malformed, "{error}");
        assert!(error.to_string().contains(says), "{says}: {error}");
    }
}

#[test]
fn an_export_that_fails_while_layers_are_awaited_says_so_to_every_reader() {
    let daemon = exporting(|before| match before {
        0 => export(&archive()),
        _ => [export_begun(&archive()[..3000]), vec![Act::Close]].concat(),
    });
    let machine = Machine::new();
    drop(machine.open(&daemon).unwrap());
    let image = machine.open(&daemon).unwrap();
    daemon.take_requests();
    for layer in &image.layers {
        let error = read(&layer.location).unwrap_err();
        assert!(error.to_string().contains("ended its export"), "{error}");
        assert!(ImageError::hint_for(&error).unwrap().contains("journalctl"));
    }
    assert_eq!(daemon.take_requests().len(), 2, "it was begun again once, and not for each reader");
    assert_eq!(machine.files().len(), 1, "what was remembered is still right");
}

#[test]
fn when_nobody_wants_the_image_any_more_its_export_ends() {
    let stalled = || [export_begun(&archive()[..3000]), vec![Act::WaitUntilGone]].concat();
    let machine = Machine::new();
    let daemon = exporting(move |_| stalled());
    let gone = |daemon: &ScriptedDaemon| daemon.saw(|noted| noted == "gone");

    let source = "docker-daemon:app:v1".parse().unwrap();
    let access = machine.access(&daemon.host());
    let opening =
        machine.runtime.spawn(async move { crate::image::open(&source, None, &access).await.is_ok() });
    assert!(daemon.saw(is_export));
    opening.abort();
    assert!(gone(&daemon));
    assert!(eventually(|| opening.is_finished()));

    let daemon = exporting(move |before| if before == 0 { export(&archive()) } else { stalled() });
    drop(machine.open(&daemon).unwrap());
    let image = machine.open(&daemon).unwrap();
    daemon.take_requests();
    let settings =
        PassSettings { encoding: Encoding::default(), uncompressed_limit: 1 << 30, verified: None };
    let pass = {
        let _runtime = machine.runtime.enter();
        LayerPass::start(&Compressors::for_this_machine(), &image.layers[0], settings)
    };
    assert!(daemon.saw(is_export));
    drop((pass, image));
    assert!(gone(&daemon));
}
