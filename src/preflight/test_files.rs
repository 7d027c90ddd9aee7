//! Each check of an image's files beside an image in order, and beside one with one thing wrong.

use crate::image::LocalImage;
use crate::name::Architecture;
use crate::rootfs::samples::{ARM64, Archive, X86_64, contents, elf};
use crate::samples::image;

use super::{Day, Finding, Severity, Wanted, check_files};

const CLIENT: &str = "AWS_LAMBDA_RUNTIME_API";

fn judge(layers: Vec<Archive>, spoil: impl Fn(&mut LocalImage), wanted: &Wanted) -> Vec<Finding> {
    let folders: Vec<Archive> = layers.iter().map(Archive::folders).collect();
    judge_as_it_is([folders, layers].concat(), spoil, wanted)
}

/// The same without the folders that a base image has.
fn judge_as_it_is(layers: Vec<Archive>, spoil: impl Fn(&mut LocalImage), wanted: &Wanted) -> Vec<Finding> {
    let mut image = image();
    spoil(&mut image);
    check_files(&image, wanted, &contents(layers))
}

fn told(findings: &[Finding]) -> Vec<(&'static str, Severity)> {
    findings.iter().map(|finding| (finding.check, finding.severity)).collect()
}

/// A static program that speaks the runtime API, at `/bootstrap`.
fn bootstrap() -> Archive {
    Archive::default().with("bootstrap", 0o755, elf(X86_64, None, CLIENT))
}

#[test]
fn an_image_in_order_has_no_findings() {
    assert_eq!(judge(vec![bootstrap()], |_| {}, &Wanted::default()), []);
}

#[test]
fn each_check_finds_its_own() {
    use Severity::{Info, Refuse, Warn};
    type Case = (&'static str, Severity, &'static str, Archive);
    let program = || elf(X86_64, None, CLIENT);
    let table: Vec<Case> = vec![
        ("entrypoint-file", Refuse, "/bootstrap does not exist", Archive::default()),
        ("entrypoint-file", Refuse, "is not a file", Archive::default().folder("bootstrap/")),
        ("entrypoint-file", Refuse, "mode 0644", Archive::default().with("bootstrap", 0o644, program())),
        ("entrypoint-file", Refuse, "mode 0700", Archive::default().with("bootstrap", 0o700, program())),
        (
            "entrypoint-file",
            Refuse,
            "/private, which only its owner may search",
            Archive::default()
                .folder_with("private/", 0o700)
                .with("private/run", 0o755, program())
                .link("bootstrap", "private/run"),
        ),
        (
            "entrypoint-file",
            Refuse,
            "/bin/bash, which /bootstrap is started by, cannot be started: /bin does not exist",
            Archive::default().with("bootstrap", 0o755, format!("#!/bin/bash\n{CLIENT}")),
        ),
        (
            "entrypoint-file",
            Refuse,
            "python3, which /bootstrap is started by, cannot be started: python3 (in /usr/local/bin:/usr/bin:/bin) does not exist",
            Archive::default().with("usr/bin/env", 0o755, program()).with(
                "bootstrap",
                0o755,
                format!("#!/usr/bin/env -S X=1 python3 -u\n{CLIENT}"),
            ),
        ),
        (
            "entrypoint-architecture",
            Refuse,
            "/bootstrap is built for arm64, but the image is for x86_64",
            Archive::default().with("bootstrap", 0o755, elf(ARM64, None, CLIENT)),
        ),
        (
            "entrypoint-architecture",
            Refuse,
            "/usr/bin/python3.12 is built for arm64",
            Archive::default()
                .with("usr/bin/python3.12", 0o755, elf(ARM64, None, CLIENT))
                .link("usr/bin/python3", "python3.12")
                .with("bootstrap", 0o755, "#!/usr/bin/python3\n"),
        ),
        (
            "entrypoint-libraries",
            Refuse,
            "a dynamic loader that the image lacks: /lib does not exist",
            Archive::default().with(
                "bootstrap",
                0o755,
                elf(X86_64, Some("/lib/ld-musl-x86_64.so.1"), CLIENT),
            ),
        ),
        (
            "runtime-client",
            Warn,
            "/bootstrap does not look like one",
            Archive::default().with("bootstrap", 0o755, elf(X86_64, None, "")),
        ),
        (
            "readable",
            Warn,
            "1 file: /var/task/app.py (0600)",
            bootstrap().with("var/task/app.py", 0o600, "x"),
        ),
        ("readable", Warn, "1 file: /opt/lib (0750)", bootstrap().folder_with("opt/lib/", 0o750)),
        ("layer-entries", Warn, "in no layer", bootstrap().hard_link("lost", "nothing")),
        ("layer-entries", Warn, "leads out of the root", bootstrap().file("../escaped")),
        ("secrets", Warn, "1 places: /app/.git", bootstrap().file("app/.git/HEAD")),
        ("secrets", Warn, "1 places: /app/.env", bootstrap().file("app/.env")),
        (
            "secrets",
            Warn,
            "/app/key",
            bootstrap().with("app/key", 0o644, "-----BEGIN RSA PRIVATE KEY-----\n"),
        ),
        ("privileges", Info, "1 file is set-user-id", bootstrap().with("bin/su", 0o4755, program())),
        ("privileges", Info, "1 file is writable", bootstrap().with("app/data", 0o666, "x")),
        (
            "base-runtime",
            Warn,
            "python3.9 is not maintained by AWS any more",
            bootstrap().with("var/lang/bin/python3.9", 0o755, program()),
        ),
        (
            "base-runtime",
            Warn,
            "Amazon Linux 2, on which the image is based, is not maintained by AWS any more, since 2026-07-31",
            bootstrap().folder("var/runtime/").with(
                "etc/os-release",
                0o644,
                "NAME=\"Amazon Linux\"\nID=\"amzn\"\nVERSION_ID=\"2\"\n",
            ),
        ),
    ];
    for (check, severity, message, archive) in table {
        let findings = judge(vec![archive], |_| {}, &Wanted::default());
        assert_eq!(told(&findings), [(check, severity)], "{message}: {findings:?}");
        assert!(findings[0].message.contains(message), "{message}: {}", findings[0].message);
    }
}

#[test]
fn what_a_function_sets_goes_before_what_the_image_sets() {
    let archive = || Archive::default().with("app/other", 0o755, elf(X86_64, None, CLIENT));
    let wanted = Wanted {
        entrypoint: Some(vec!["other".to_owned()]),
        working_directory: Some("/app".to_owned()),
        ..Wanted::default()
    };
    let path = |image: &mut LocalImage| image.config.environment = vec!["PATH=/bin:/app".to_owned()];
    assert_eq!(judge(vec![archive()], path, &wanted), []);
    assert_eq!(told(&judge(vec![archive()], |_| {}, &wanted)), [("entrypoint-file", Severity::Refuse)]);
    let arm = Wanted { architecture: Some(Architecture::Arm64), ..Wanted::default() };
    assert_eq!(
        told(&judge(vec![bootstrap()], |_| {}, &arm)),
        [("entrypoint-architecture", Severity::Refuse)]
    );
}

#[test]
fn a_working_directory_that_is_missing_or_closed_is_warned_about() {
    let to = |folder: &str| {
        let folder = folder.to_owned();
        move |image: &mut LocalImage| image.config.working_directory.clone_from(&folder)
    };
    let archive = || bootstrap().folder("open/").folder_with("closed/", 0o700).file("file");
    for (folder, message) in [
        ("/nowhere", "/nowhere does not exist"),
        ("/file", "is not a folder"),
        ("/closed", "/closed has mode 0700"),
    ] {
        let findings = judge(vec![archive()], to(folder), &Wanted::default());
        assert_eq!(told(&findings), [("working-directory", Severity::Warn)], "{folder}");
        assert!(findings[0].message.contains(message), "{folder}: {}", findings[0].message);
    }
    assert_eq!(judge(vec![archive()], to("/open"), &Wanted::default()), []);
}

#[test]
fn clients_of_the_runtime_api_are_known_where_their_packages_put_them() {
    let python = |client: &str| {
        Archive::default().with("usr/bin/python3", 0o755, elf(X86_64, None, "")).file("app.py").file(client)
    };
    let start = |image: &mut LocalImage| {
        image.config.entrypoint =
            ["/usr/bin/python3", "-m", "awslambdaric", "app.handler"].map(str::to_owned).to_vec()
    };
    for client in [
        "usr/lib/python3/dist-packages/awslambdaric/__main__.py",
        "usr/local/lib/python3.12/site-packages/awslambdaric/__main__.py",
        "var/task/awslambdaric/__main__.py",
        "function/node_modules/aws-lambda-ric/bin/index.mjs",
        "var/runtime/bootstrap",
    ] {
        assert_eq!(judge(vec![python(client)], start, &Wanted::default()), [], "{client}");
    }
    let without = judge(vec![python("other.py")], start, &Wanted::default());
    assert!(without[0].message.starts_with("the client that the command line names was not found"));
    let adapter = judge(vec![python("opt/extensions/lambda-adapter")], start, &Wanted::default());
    assert_eq!(told(&adapter), [("runtime-client", Severity::Info)]);
}

#[test]
fn a_file_whose_folder_is_in_no_layer_is_warned_about() {
    let findings = judge_as_it_is(vec![bootstrap().file("app/data")], |_| {}, &Wanted::default());
    assert_eq!(told(&findings), [("layer-entries", Severity::Warn)]);
    assert!(findings[0].message.contains("are the folders app; Lambda"), "{}", findings[0].message);
}

#[test]
fn secrets_in_the_environment_are_named_and_never_shown() {
    let spoil = |image: &mut LocalImage| {
        image.config.environment = [
            "DB_PASSWORD=hunter2hunter2",
            "TLS_PRIVATE_KEY=/etc/key.pem",
            "KEY=AKIAABCDEFGHIJKLMNOP",
            "TOKEN=",
            "LANG=C",
        ]
        .map(str::to_owned)
        .to_vec();
    };
    let findings = judge(vec![bootstrap()], spoil, &Wanted::default());
    assert_eq!(told(&findings), [("secrets", Severity::Warn)]);
    assert!(findings[0].message.ends_with("DB_PASSWORD, KEY"), "{}", findings[0].message);
    assert!(!format!("{findings:?}").contains("hunter2") && !format!("{findings:?}").contains("AKIA"));
}

#[test]
fn a_runtime_that_ends_soon_is_told_in_time() {
    let python = |version: &str| {
        bootstrap().with(&format!("var/lang/bin/python3.{version}"), 0o755, elf(X86_64, None, ""))
    };
    let on = |day| Wanted { today: Some(day), ..Wanted::default() };
    let table = [
        ("11", Day::new(2026, 11, 27), None),
        ("11", Day::new(2026, 12, 31), Some(Severity::Info)),
        ("11", Day::new(2027, 6, 30), Some(Severity::Warn)),
        // A clock that is behind the table.
        ("10", Day::new(2020, 1, 1), Some(Severity::Warn)),
        ("14", Day::new(2027, 6, 30), None),
    ];
    for (version, day, severity) in table {
        let findings = judge(vec![python(version)], |_| {}, &on(day));
        assert_eq!(findings.first().map(|finding| finding.severity), severity, "3.{version} on {day}");
    }
}
