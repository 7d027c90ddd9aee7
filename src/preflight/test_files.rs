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
            "python3, which /bootstrap is started by, cannot be started: python3 (in /var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin) does not exist",
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

#[test]
fn env_is_followed_as_far_as_plain_words_tell() {
    use Severity::Refuse;
    let with_env = |line: &str| {
        let program = || elf(X86_64, None, CLIENT);
        let base =
            Archive::default().with("usr/bin/env", 0o755, program()).with("usr/bin/fn", 0o755, program());
        base.with("bootstrap", 0o755, format!("#!/usr/bin/env {line}\n"))
    };
    let missing = |line: &str| {
        let findings = judge(vec![with_env(line)], |_| {}, &Wanted::default());
        let refused = findings.first().map(|finding| {
            assert_eq!((finding.check, finding.severity), ("entrypoint-file", Refuse), "{line}");
            finding.message.split(", which").next().unwrap().to_owned()
        });
        refused.unwrap_or_default()
    };
    for fine in [
        "fn",
        "/usr/bin/fn",
        "-S fn -x",
        "-vS -- A=1 fn \"x\"",
        // Whoever reads that line has to know env.
        "-S \"fn\" -x",
        "-S lost\\_x",
        "-S ${LOST}",
        "-S -u PYTHONHOME fn",
        "-S --unset=PYTHONHOME lost",
        "-S -C /usr fn",
        "-S --chdir=/usr lost",
        "-S PATH=/opt/x:/usr/bin lost",
        "-S LD_LIBRARY_PATH=/x lost",
        "-S -i lost",
        "-iS lost",
        "-u",
        "A=1 lost",
        // env passes over the carriage return when it takes a line apart.
        "-S fn\r",
    ] {
        assert_eq!(missing(fine), "", "{fine}");
    }
    for (line, name) in [
        ("lost", "lost"),
        ("-S lost -x", "lost"),
        ("-S A=1 lost", "lost"),
        ("-S -i /usr/bin/lost", "/usr/bin/lost"),
        ("fn -u", "fn -u"),
        ("fn\r", "fn\\r"),
    ] {
        assert_eq!(missing(line), name, "{line}");
    }
    let findings = judge(vec![with_env("fn -u")], |_| {}, &Wanted::default());
    assert!(findings[0].hint.as_ref().unwrap().ends_with("write #!/usr/bin/env -S fn -u"), "{findings:?}");
    let without_env = bootstrap().with("bootstrap", 0o755, "#!/usr/bin/env bootstrap\n");
    let findings = judge(vec![without_env], |_| {}, &Wanted::default());
    assert!(findings[0].message.starts_with("/usr/bin/env, which /bootstrap is started by,"), "{findings:?}");
}

#[test]
fn a_first_line_with_a_carriage_return_names_no_interpreter() {
    let archive = Archive::default().with("sh", 0o755, elf(X86_64, None, CLIENT));
    let findings =
        judge(vec![archive.with("bootstrap", 0o755, "#!/sh\r\nx\r\n")], |_| {}, &Wanted::default());
    assert_eq!(told(&findings), [("entrypoint-file", Severity::Refuse)]);
    let Finding { message, hint, .. } = &findings[0];
    assert!(message.ends_with("cannot be started: /sh\\r does not exist"), "{message}");
    assert!(hint.as_ref().unwrap().contains("Windows line endings (CRLF): sed -i 's/\\r$//'"), "{hint:?}");
}

#[test]
fn programs_are_looked_for_where_lambda_and_the_function_say() {
    let at = |path: &str| Archive::default().with(path, 0o755, elf(X86_64, None, CLIENT));
    let by_name = |image: &mut LocalImage| image.config.entrypoint = vec!["fn".to_owned()];
    let in_path = |path: &str| Wanted { path: Some(path.to_owned()), ..Wanted::default() };
    for folder in ["var/lang/bin", "usr/local/bin", "usr/bin", "bin", "opt/bin"] {
        assert_eq!(judge(vec![at(&format!("{folder}/fn"))], by_name, &Wanted::default()), [], "{folder}");
    }
    let elsewhere = |wanted: &Wanted| judge(vec![at("custom/fn")], by_name, wanted);
    assert_eq!(elsewhere(&in_path("/bin:/custom")), []);
    for wanted in [Wanted::default(), in_path("/bin")] {
        assert_eq!(told(&elsewhere(&wanted)), [("entrypoint-file", Severity::Refuse)], "{wanted:?}");
    }
    // What is mounted there is in no image.
    for path in ["/mnt/efs/bin", "/bin:/proc/self/root/custom"] {
        assert_eq!(elsewhere(&in_path(path)), [], "{path}");
    }
    let hidden_first = at("tmp/fn").with("bin/fn", 0o755, elf(X86_64, None, CLIENT));
    assert_eq!(judge(vec![hidden_first], by_name, &in_path("/tmp:/bin")), []);
    let relative = at("bin/sh").with("bootstrap", 0o755, "#!sh\n");
    let findings = judge(vec![relative], |_| {}, &Wanted::default());
    assert_eq!(told(&findings), [("entrypoint-file", Severity::Refuse)], "no kernel looks in PATH");
}

#[test]
fn what_lambda_mounts_over_is_not_what_the_image_shows() {
    use Severity::{Refuse, Warn};
    let program = || elf(X86_64, None, CLIENT);
    let to = |entrypoint: &str| {
        let entrypoint = entrypoint.to_owned();
        move |image: &mut LocalImage| image.config.entrypoint = vec![entrypoint.clone()]
    };
    let archive = || {
        let script = |interpreter: &str| format!("#!{interpreter}\n{CLIENT}");
        bootstrap()
            .with("tmp/fn", 0o755, elf(ARM64, None, CLIENT))
            .with("proc/fn", 0o755, elf(ARM64, None, CLIENT))
            .with("bin/fn", 0o755, program())
            .link("linked", "tmp/fn")
            .with("by-tmp", 0o755, script("/tmp/fn"))
            .with("by-proc", 0o755, script("/proc/self/root/lost"))
    };
    let table: [(&str, &[Severity]); 9] = [
        ("/tmp/fn", &[Warn]),
        ("/linked", &[Warn]),
        ("/by-tmp", &[Warn]),
        ("/tmp/lost", &[Refuse]),
        ("/tmp/../bin/fn", &[]),
        ("/proc/self/root/bin/fn", &[]),
        ("/proc/fn", &[]),
        ("/by-proc", &[]),
        ("/dev/lost", &[]),
    ];
    for (entrypoint, severities) in table {
        let findings = judge(vec![archive()], to(entrypoint), &Wanted::default());
        let expected: Vec<_> = severities.iter().map(|severity| ("entrypoint-file", *severity)).collect();
        assert_eq!(told(&findings), expected, "{entrypoint}: {findings:?}");
    }
    let folders = || bootstrap().folder("tmp/work/").link("work", "tmp/work");
    for (folder, is_fine) in
        [("/tmp", true), ("/dev", true), ("/proc/self", true), ("/tmp/work", false), ("/work", false)]
    {
        let spoil = |image: &mut LocalImage| image.config.working_directory = folder.to_owned();
        let findings = judge(vec![folders()], spoil, &Wanted::default());
        let expected = [("working-directory", Warn)];
        assert_eq!(told(&findings), expected[usize::from(is_fine)..], "{folder}: {findings:?}");
    }
}
